"""What those who look cost: ten viewers of packets that are passed on, and sixteen moving tiles in one browser.

    python -m benchmarks.live [--way mse|webrtc|hls] [--seconds 20] [--tiles 16] [--than CHECKOUT]

The camera is GStreamer's (`clock_camera`, 640 pixels wide, 15 pictures a second). CPU seconds are the programs' own,
from /proc: of tawny with ten viewers less those without, and of the whole browser with its tiles. With `--than`, tiles
are measured in turns with another version of tawny (its `src`, with the interface built), and compared by what one
painted picture costs: a busy machine paints fewer.
"""

import argparse
import asyncio
import contextlib
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, sync_playwright
from websockets.asyncio.client import connect

from benchmarks.clock_camera import clock_camera
from benchmarks.latency import ARGS, CHROMIUM, WAYS, recorder, signed_in
from benchmarks.peers import CACHE, TICKS_A_SECOND, report, watch_for
from tawny.api.auth.access import COOKIE

VIEWERS, MOST_SHARE, MOST_TILES_SHARE = 10, 0.10, 0.35
SETTLED_S, FIRST_S = 6.0, 60.0
TURNS, MOST_THAN = 2, 1.15
LEAST_RATE = 7
"""Of the 15 that the camera sends; where the processor paints, a tile shows every second one."""
BY_WEBRTC = """async (count) => {
  window.links = [];
  for (let at = 0; at < count; at += 1) {
    const link = new RTCPeerConnection();
    link.addTransceiver('video', { direction: 'recvonly' });
    await link.setLocalDescription(await link.createOffer());
    const answer = await fetch('/api/v1/cameras/clock/rtc?stream=main', {
      method: 'POST', headers: { 'Content-Type': 'application/sdp', 'X-Tawny': '1' }, body: link.localDescription.sdp,
    });
    await link.setRemoteDescription({ type: 'answer', sdp: await answer.text() });
    window.links.push(link);
  }
}"""
SHOWN = """() => [...document.querySelectorAll('.tile video')].reduce((sum, video) => {
  const { totalVideoFrames, droppedVideoFrames } = video.getVideoPlaybackQuality();
  return sum + totalVideoFrames - droppedVideoFrames;
}, 0)"""
BY_HLS = """(count) => {
  window.ending = false;
  const follow = async () => {
    const folder = '/api/v1/cameras/clock/hls/main/';
    while (!window.ending) {
      const list = await (await fetch(folder + 'live.m3u8')).text();
      const hint = /PRELOAD-HINT:TYPE=PART,URI="([^"]+)"/.exec(list);
      if (hint) await (await fetch(folder + hint[1])).arrayBuffer();
    }
  };
  for (let at = 0; at < count; at += 1) void follow();
}"""


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    asked.add_argument("--way", choices=("mse", "webrtc", "hls"), default="mse")
    asked.add_argument("--seconds", type=float, default=20)
    asked.add_argument("--tiles", type=int, default=16)
    asked.add_argument("--than", type=Path, help="folder of another version")
    args = asked.parse_args()
    CACHE.mkdir(parents=True, exist_ok=True)
    if args.than:
        return _compared(args.than, args.tiles, args.seconds)
    shares = [_viewers(args.way, args.seconds), _tiles(args.tiles, args.seconds)[0]]
    within = [
        report(f"ten_viewers_{args.way}", shares[0], MOST_SHARE, "a tenth of a core", 1.0),
        report(f"tiles_{args.tiles}", shares[1], MOST_TILES_SHARE, "35 % of a core", 1.0),
    ]
    return 0 if all(within) else 1


def _viewers(way: str, seconds: float) -> float:
    """The share of a core that ten viewers cost over none."""
    with _shown(1) as (context, base):
        page = context.new_page()
        page.goto(f"{base}/settings")
        time.sleep(SETTLED_S)
        tawny = found(lambda words: "run" in words and any(word.endswith("/tawny") for word in words))
        without = _share(tawny, seconds, "nobody looks")
        with _looking(way, page, context, base):
            time.sleep(SETTLED_S)
            by_ten = _share(tawny, seconds, f"{VIEWERS} look")
    print(f"tawny, one camera recorded: {without:.1%} of a core; with {VIEWERS} viewers by {way}: {by_ten:.1%}")
    return by_ten - without


def _compared(than: Path, count: int, seconds: float) -> int:
    """Tiles of both versions in turns."""
    sources = {"theirs": than / "src", "ours": Path(__file__).parents[1] / "src"}
    costs: dict[str, list[float]] = {whose: [] for whose in sources}
    for _ in range(TURNS):
        for whose, source in sources.items():
            print(f"{whose}:", flush=True)
            share, rate = _tiles(count, seconds, source)
            costs[whose].append(share / (rate * count) * 1000)
    theirs, ours = min(costs["theirs"]), min(costs["ours"])
    print(f"A painted picture: {ours:.2f} ms of CPU, theirs {theirs:.2f} (least of {TURNS} turns)")
    return 0 if report(f"tiles_{count}_than", ours, theirs, "the other version", MOST_THAN) else 1


@contextlib.contextmanager
def _run_from(source: Path | None) -> Iterator[None]:
    """Programs that begin meanwhile take `tawny` from there."""
    if source:
        os.environ["PYTHONPATH"] = str(source)
    yield
    os.environ.pop("PYTHONPATH", None)


def _tiles(count: int, seconds: float, source: Path | None = None) -> tuple[float, float]:
    """The share of a core that a browser takes for so many moving tiles, and pictures a second painted on each."""
    with _shown(count, source) as (context, base):
        page = context.new_page()
        page.set_viewport_size({"width": 1440, "height": 2400})
        page.goto(base)
        page.wait_for_function(
            f"() => document.querySelectorAll('[data-view=playing]').length >= {count}", timeout=90_000
        )
        time.sleep(SETTLED_S)
        before, begun_s = page.evaluate(SHOWN), time.monotonic()
        share = _share(found(lambda words: "chromium" in words[0]), seconds, f"{count} tiles")
        rate = (page.evaluate(SHOWN) - before) / (time.monotonic() - begun_s) / count
    print(f"Chromium, {count} moving tiles: {share:.1%} of a core, {rate:.1f} pictures a second painted on each")
    if rate < LEAST_RATE:
        print(f"The machine is too busy: fewer than {LEAST_RATE} pictures a second are painted, so this says little.")
    return share, rate


@contextlib.contextmanager
def _shown(cameras: int, source: Path | None = None) -> Iterator[tuple[BrowserContext, str]]:
    """A signed-in browser, and the address of a tawny that records the clock so many times."""
    with (
        tempfile.TemporaryDirectory(dir=CACHE) as folder,
        clock_camera() as camera,
        _run_from(source),
        recorder(camera, cameras, WAYS["mse"], Path(folder)) as link,
        sync_playwright() as play,
    ):
        browser = play.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        base = signed_in(context, link)
        _wait_for_a_picture(context, base)
        yield context, base
        browser.close()


def _wait_for_a_picture(context: BrowserContext, base: str) -> None:
    """Or it would be measured what nothing costs."""
    until_s = time.monotonic() + FIRST_S
    while not context.request.get(f"{base}/api/v1/cameras/clock/snapshot").ok:
        if time.monotonic() > until_s:
            raise SystemExit("The camera sends no pictures: has GStreamer an H.264 encoder here?")
        time.sleep(0.5)


@contextlib.contextmanager
def _looking(way: str, page: Page, context: BrowserContext, base: str) -> Iterator[None]:
    """Ten viewers, none of whom decodes anything here."""
    if way == "webrtc":
        page.evaluate(BY_WEBRTC, VIEWERS)
        yield
        page.evaluate("() => window.links.forEach((link) => link.close())")
    elif way == "hls":
        page.evaluate(BY_HLS, VIEWERS)
        yield
        page.evaluate("() => { window.ending = true; }")
    else:
        token = next(each["value"] for each in context.cookies() if each["name"] == COOKIE)
        with _sockets(base, token):
            yield


@contextlib.contextmanager
def _sockets(base: str, token: str) -> Iterator[None]:
    """Fragments over WebSockets, in a thread of this process."""

    async def one() -> None:
        address = f"{base.replace('http', 'ws')}/api/v1/cameras/clock/live?stream=main"
        sends = {"Cookie": f"{COOKIE}={token}", "Origin": base}
        async with connect(address, additional_headers=sends, proxy=None, max_size=None) as socket:
            async for _ in socket:
                continue

    async def all_of_them() -> None:
        await asyncio.gather(*(one() for _ in range(VIEWERS)))

    loop = asyncio.new_event_loop()
    task = loop.create_task(all_of_them())

    def run() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            loop.run_until_complete(task)
        loop.run_until_complete(_end_the_rest())
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield
    loop.call_soon_threadsafe(task.cancel)
    thread.join()


async def _end_the_rest() -> None:
    """The sockets have tasks of their own."""
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)


def found(is_it: Callable[[list[str]], bool]) -> list[int]:
    """Processes begun by this one or by those, by their command lines."""
    parents: dict[int, int] = {}
    words: dict[int, list[str]] = {}
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if folder.name.isdigit():
                parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                words[int(folder.name)] = (folder / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
    return [process for process in words if is_it(words[process]) and _is_ours(process, parents)]


def _is_ours(process: int, parents: dict[int, int]) -> bool:
    while process in parents and process != os.getpid():
        process = parents[process]
    return process == os.getpid()


def _share(processes: list[int], seconds: float, tell: str) -> float:
    """Of one core, over that time."""
    begun_s, before = time.monotonic(), sum(map(cpu_s, processes))
    watch_for(seconds, tell)
    return (sum(map(cpu_s, processes)) - before) / (time.monotonic() - begun_s)


def cpu_s(process: int) -> float:
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND


if __name__ == "__main__":
    sys.exit(main())

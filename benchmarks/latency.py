"""From the moment a picture is taken to the moment it is on a screen, through the whole program.

    python -m benchmarks.latency [--way mse] [--seconds 30] [--fps 15] [--codec h264] [--cameras 1] [--bad-line]

The camera is GStreamer's server, whose pictures show when they were drawn (`clock_camera`); tawny records it like any
other and shows it on its live page; a headless Chromium reads the time off each picture that it presents. Camera,
tawny and browser run on this machine and have one clock. Encoding, sending, our reading, the way to the browser,
decoding and presenting are all in the figure. Prints the median, the 95th of a hundred, and how long the first picture
takes from the moment the page is asked for, and from the moment the page asks for live pictures. With `--bad-line`
packets take 50 ms each way and one of fifty is lost (by TCP: comes later, and all after it), and figures are printed
only.
"""

import argparse
import contextlib
import dataclasses
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, Page, Route, sync_playwright

from benchmarks.clock_camera import clock_camera
from benchmarks.peers import CACHE, report, tawny
from tests.support.network_relay import NetworkRelay, tcp_line, udp_line
from tests.support.read_clock import READ_CLOCK

MOST_FIRST_MS = 2000.0
SETTLED_S = 5.0
CHROMIUM = "/usr/bin/chromium"
ARGS = ["--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"]
LINK = re.compile(r"(http://[^\s/]+)/setup#token=(\S+)")
READ = """(read) => {
  const seen = window.seen = [];
  const note = (shown, at) => {
    const taken = read(shown);
    if (taken && taken !== seen.at(-1)?.[0]) seen.push([taken, performance.timeOrigin + at]);
  };
  const watched = new WeakSet();
  const watch = (video) => {
    const presented = (now, { expectedDisplayTime }) => {
      note(video, Math.max(now, expectedDisplayTime));
      video.requestVideoFrameCallback(presented);
    };
    video.requestVideoFrameCallback(presented);
  };
  const look = (now) => {
    for (const shown of document.querySelectorAll('[data-camera] :is(video, img, canvas).live-picture')) {
      if (!(shown instanceof HTMLVideoElement)) {
        if (shown.naturalWidth || shown instanceof HTMLCanvasElement) note(shown, now);
      } else if (!watched.has(shown)) {
        watched.add(shown);
        watch(shown);
      }
    }
    requestAnimationFrame(look);
  };
  look(performance.now());
}"""


CLAIM = """async (claim) => (await fetch('/api/v1/setup/claim', {
  method: 'POST', headers: { 'Content-Type': 'application/json', 'X-Tawny': '1' }, body: JSON.stringify(claim),
})).status"""


@dataclass(frozen=True)
class Way:
    """How a browser has the pictures. path: of the page, which must show the camera inside a `data-camera`."""

    says: str
    path: str = "/live/clock"
    script: str = ""
    """Run in the page before anything else, to make it take this way."""
    settings: str = ""
    """More lines of tawny's settings."""
    most_ms: float = 200.0
    """The median from capture to screen."""
    asks: str = "/live"
    """How the address begins by which the pictures are asked for."""
    most_first_ms: float = 2000.0
    """From that on to the first picture."""


WAYS: Mapping[str, Way] = {
    "mse": Way(
        "fragments of MP4 over a WebSocket, into a media buffer",
        "/live/clock?way=socket",
        most_ms=160.0,
        asks="/live?",
        most_first_ms=300.0,
    ),
    "webrtc": Way("packets by WebRTC", "/live/clock?way=webrtc", most_ms=100.0, asks="/rtc?", most_first_ms=500.0),
    "hls": Way("parts of fragments, one by one, by HTTP", "/live/clock?way=hls", most_ms=2000.0, asks="/hls/"),
    "pictures": Way(
        "JPEGs over a WebSocket, the next when the last was shown", "/live/clock?way=pictures", asks="/pictures?"
    ),
    "mjpeg": Way(
        "JPEG after JPEG, for browsers that can show nothing else",
        "/live/clock?way=mjpeg",
        most_ms=130.0,
        asks="/mjpeg?",
    ),
}
BAD = NetworkRelay(delay_s=0.05, loss=0.02)
ASKED = """(begins) => {
  const asked = performance.getEntriesByType('resource').filter(({ name }) => name.includes(begins));
  const sockets = window.sockets.filter(([address]) => address.includes(begins)).map(([, at]) => at);
  return performance.timeOrigin + Math.min(...asked.map(({ startTime }) => startTime), ...sockets);
}"""
SOCKETS = """(() => {
  const Real = window.WebSocket;
  window.sockets = [];
  window.WebSocket = class extends Real {
    constructor(address, ...more) {
      super(address, ...more);
      window.sockets.push([String(address), performance.now()]);
    }
  };
})()"""


@dataclass
class Figures:
    """Milliseconds. ages: of each picture when it was presented."""

    ages: list[float] = field(default_factory=list)
    first: float = 0.0
    first_live: float = 0.0
    """From when the page asked for live pictures."""
    taken: list[float] = field(default_factory=list)

    def of(self, share: float) -> float:
        return statistics.quantiles(self.ages, n=100)[round(share * 100) - 1]


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    asked.add_argument("--way", choices=sorted(WAYS), default="mse")
    asked.add_argument("--seconds", type=float, default=30)
    asked.add_argument("--fps", type=int, default=15)
    asked.add_argument("--codec", choices=("h264", "h265"), default="h264")
    asked.add_argument("--cameras", type=int, default=1, help="so many are recorded; one is watched")
    asked.add_argument("--bad-line", action="store_true", help="50 ms each way, 2 of 100 packets lost")
    args = asked.parse_args()
    way = WAYS[args.way]
    CACHE.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(dir=CACHE) as folder,
        clock_camera(fps=args.fps, codec=args.codec) as camera,
        recorder(camera, args.cameras, way, Path(folder)) as link,
    ):
        figures = watched(link, way, args.seconds, bad=args.bad_line)
    print(f"{args.way}: {way.says}; {args.codec}, {args.fps} pictures a second, {len(figures.ages)} seen")
    print(f"capture to screen: median {figures.of(0.5):.0f} ms, 95 of 100 within {figures.of(0.95):.0f} ms")
    print(
        f"first picture: {figures.first:.0f} ms after the page was asked for, "
        f"{figures.first_live:.0f} ms after the page asked for live pictures"
    )
    if args.bad_line:
        return 0
    within = [
        report("latency_median", figures.of(0.5), way.most_ms, f"{way.most_ms:.0f} ms", 1.0),
        report("latency_95", figures.of(0.95), way.most_ms, f"{way.most_ms:.0f} ms", 1.5),
        report("first_picture", figures.first, MOST_FIRST_MS, f"{MOST_FIRST_MS:.0f} ms", 1.0),
        report("first_live", figures.first_live, way.most_first_ms, f"{way.most_first_ms:.0f} ms", 1.0),
    ]
    return 0 if all(within) else 1


@contextlib.contextmanager
def recorder(camera: str, cameras: int, way: Way, folder: Path) -> Iterator[str]:
    """The one-time link of a tawny that records the camera, under the name `clock` and further ones."""
    names = ["clock", *(f"more-{number}" for number in range(1, cameras))]
    tables = [f'[cameras.{name}]\nsource = "{camera}"\ndetection.detector = "off"\n' for name in names]
    with begun(way.settings + "".join(tables), folder) as link:
        yield link


@contextlib.contextmanager
def begun(settings: str, folder: Path) -> Iterator[str]:
    """The one-time link of a tawny with these settings."""
    (folder / "tawny.toml").write_text(settings)
    command = [tawny(), "run", "--config", str(folder / "tawny.toml"), "--data", str(folder / "data")]
    log = folder / "log"
    with log.open("wb") as out:
        process = subprocess.Popen([*command, "--listen", "127.0.0.1:0"], stdout=out, stderr=out)
    try:
        until_s = time.monotonic() + 120
        while not (found := LINK.search(log.read_text())):
            if time.monotonic() > until_s or process.poll() is not None:
                raise SystemExit(f"tawny did not begin:\n{log.read_text()}")
            time.sleep(0.05)
        yield found[0]
    finally:
        process.terminate()
        process.wait(20)


def watched(link: str, way: Way, seconds: float, *, bad: bool = False) -> Figures:
    """Look at the camera's page for so long. bad: through a bad line."""
    with sync_playwright() as play, contextlib.ExitStack() as lines:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        signed_in(context, link)
        context.add_init_script(way.script)
        time.sleep(SETTLED_S)  # it is recorded by now, as a camera is that somebody comes to look at
        page = context.new_page()
        page.add_init_script(f"({READ})({READ_CLOCK})")
        page.add_init_script(SOCKETS)
        base = _behind_bad_line(page, _base(link), lines) if bad else _base(link)
        begun_ms = time.time() * 1000
        page.goto(base + way.path)
        page.wait_for_function("() => window.seen.length > 0", timeout=30_000)
        first_ms = page.evaluate("() => window.seen[0][1]")
        asked_ms = page.evaluate(ASKED, way.asks)
        figures = _ages(page, seconds)
        figures.first, figures.first_live = first_ms - begun_ms, first_ms - asked_ms
        browser.close()
        return figures


def _ages(page: Page, seconds: float) -> Figures:
    time.sleep(SETTLED_S)
    page.evaluate("() => { window.seen.length = 0; }")
    time.sleep(seconds)
    seen: list[tuple[float, float]] = page.evaluate("() => window.seen")
    if len(seen) < 2:
        raise SystemExit("no picture moves")
    return Figures([shown - taken for taken, shown in seen], taken=[taken for taken, _ in seen])


def _behind_bad_line(page: Page, base: str, lines: contextlib.ExitStack) -> str:
    """The page's address behind it; WebRTC's place in answers is moved behind one of its own."""
    port = urlsplit(base).port
    assert port
    front = lines.enter_context(tcp_line(("127.0.0.1", port), dataclasses.replace(BAD)))

    def moved(route: Route) -> None:
        answer = route.fetch()
        text = answer.text()
        found = re.search(r"udp \d+ (\S+) (\d+) typ host", text)
        if found:
            line = lines.enter_context(udp_line((found[1], int(found[2])), dataclasses.replace(BAD)))
            kept = [each for each in text.splitlines() if " tcp " not in each]
            text = "\r\n".join(kept).replace(f"{found[1]} {found[2]} typ", f"127.0.0.1 {line.port} typ") + "\r\n"
        route.fulfill(response=answer, body=text)

    page.route("**/cameras/*/rtc*", moved)
    return f"http://127.0.0.1:{front.port}"


def signed_in(context: BrowserContext, link: str) -> str:
    """The address where the owner, whose account is made by this link, is now signed in."""
    page = context.new_page()
    page.goto(_base(link) + "/sign-in")
    claim = {"token": link.partition("#token=")[2], "name": "Watcher", "password": "a long one for a while"}
    if (status := page.evaluate(CLAIM, claim)) != 200:
        raise SystemExit(f"tawny did not let the browser in: {status}")
    page.close()
    return _base(link)


def _base(link: str) -> str:
    parts = urlsplit(link)
    return f"{parts.scheme}://{parts.netloc}"


if __name__ == "__main__":
    sys.exit(main())

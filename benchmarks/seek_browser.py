"""How long a jump on the timeline takes a person: from pressing the button of the mouse to the picture on the screen.

    python -m benchmarks.seek_browser [--days 365] [--jumps 100] [--folder FOLDER]

The year is that of `benchmarks.seek`, the recorder and its page are the whole program, and the browser is a headless
Chromium. The timeline shows six hours around an instant anywhere in the year, and is clicked at places anywhere in
them. A jump has arrived when a picture of the instant under the playhead, within a picture's time, is presented.

Between them the same browser jumps in one of the files by itself, as a plain `<video src>` in its memory: what it takes
to decode and present, without us. The median of each part is printed, and the CPU of a jump, which says more than
seconds where the machine is busy.
"""

import argparse
import base64
import os
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from benchmarks.latency import ARGS, CHROMIUM, begun, signed_in
from benchmarks.live import cpu_s, found
from benchmarks.peers import CACHE, ffmpeg, report
from benchmarks.seek import CAMERA, Year, fill, minute
from tawny.storage.disk.layout import DAY_MS

MOST_MS, CLICKS_A_PAGE = 300.0, 10
SPAN_S = 6 * 3600
SETTINGS = f"""
[storage.retention]
max = "800 days"
min_free = "0 %"
[cameras.{CAMERA}]
source = "rtsp://127.0.0.1:9/none"
detection.detector = "off"
"""
ARRIVED = """() => {
  const jumps = window.jumps = [];
  let jump = null, begun = 0;
  const note = (what, at = performance.now()) => { if (jump && !(what in jump)) jump[what] = at - begun; };
  const pressed = (event) => {
    if (!(event.target instanceof HTMLCanvasElement)) return;
    [jump, begun] = [{}, event.timeStamp];
  };
  addEventListener('pointerdown', pressed, true);
  addEventListener('seeked', () => note('seeked'), true);
  const get = window.fetch;
  window.fetch = async (address, ...more) => {
    const what = /media\\/[^/]+\\/play|cameras\\/[^/]+\\/from/.test(address) ? 'opened' : '';
    const mine = jump;
    const answer = await get(address, ...more);
    if (what && mine === jump) note(what);
    return answer;
  };
  const append = SourceBuffer.prototype.appendBuffer;
  SourceBuffer.prototype.appendBuffer = function (bytes) {
    const mine = jump;
    const added = () => mine === jump && note('read');
    if (mine && 'opened' in mine) this.addEventListener('updateend', added, { once: true });
    return append.call(this, bytes);
  };
  const ask = HTMLVideoElement.prototype.requestVideoFrameCallback;
  HTMLVideoElement.prototype.requestVideoFrameCallback = function (tell) {
    return ask.call(this, (now, about) => {
      tell(now, about);
      const head = Number(document.querySelector('canvas[data-playhead]')?.dataset.playhead);
      if (!jump || Math.abs(Number(this.dataset.shownMs) - head) > 100) return;
      note('shown', Math.max(now, about.expectedDisplayTime));
      jumps.push(jump);
      jump = null;
    });
  };
}"""
PARTS = {
    "opened": "its video begins to come",
    "read": "the first of it is in the media buffer",
    "seeked": "the browser has gone there",
    "shown": "the picture is on the screen",
}
CONTROL = """async (text) => {
  const bytes = Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
  const video = window.video = document.createElement('video');
  video.muted = true;
  document.body.append(video);
  video.src = URL.createObjectURL(new Blob([bytes], { type: 'video/mp4' }));
  await new Promise((done) => { video.onloadeddata = done; });
}"""
SEEK = """(at) => new Promise((done) => {
  const begun = performance.now();
  video.requestVideoFrameCallback((now, { expectedDisplayTime }) => done(Math.max(now, expectedDisplayTime) - begun));
  video.currentTime = at;
})"""


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    asked.add_argument("--days", type=int, default=365)
    asked.add_argument("--jumps", type=int, default=100)
    asked.add_argument("--folder", type=Path, default=None, help="where the files are made, and removed again")
    args = asked.parse_args()
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=args.folder or CACHE) as folder:
        begin_ms = (round(time.time() * 1000) // DAY_MS - args.days) * DAY_MS
        data = Path(folder) / "data"
        data.mkdir()
        year = Year(data)
        fill(year, data, args.days, begin_ms)
        year.index.close()
        jumps, alone_ms = _jumps(Path(folder), begin_ms, args.days, args.jumps)
    took_ms, alone_ms = sorted(jump["shown"] for jump in jumps), sorted(alone_ms)
    for part, words in PARTS.items():
        print(f"{words}: {statistics.median(jump[part] for jump in jumps if part in jump):.0f} ms")
    print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    median_ms, alone_median_ms = statistics.median(took_ms), statistics.median(alone_ms)
    print(f"a plain file in the browser's memory: p50 {alone_median_ms:.0f} ms, p95 {_p95(alone_ms):.0f} ms")
    print(f"{len(took_ms)} jumps in {args.days} days: p50 {median_ms:.0f} ms, most {took_ms[-1]:.0f} ms")
    print(f"p50 is {median_ms / alone_median_ms:.1f} of the plain file's")
    return 0 if report("seek_browser", _p95(took_ms), MOST_MS, f"{MOST_MS:.0f} ms, p95", 1.0) else 1


def _p95(in_order: list[float]) -> float:
    return in_order[len(in_order) * 95 // 100]


def _jumps(folder: Path, begin_ms: int, days: int, count: int) -> tuple[list[dict[str, float]], list[float]]:
    """When each part of each jump was over, and how long as many took in a plain file. Milliseconds."""
    dice, jumps, alone_ms = random.Random(1), list[dict[str, float]](), list[float]()
    with begun(SETTINGS, folder) as link, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        base = signed_in(context, link)
        control = _plain_file(context.new_page(), folder)
        context.add_init_script(f"({ARRIVED})()")
        page = context.new_page()
        spent = dict.fromkeys(("tawny", "browser"), 0.0)
        while len(jumps) < count:
            at_s = begin_ms / 1000 + dice.uniform(SPAN_S, days * 86_400 - SPAN_S)
            page.goto(f"{base}/timeline?cam={CAMERA}&t={at_s:.0f}&span={SPAN_S}")
            page.wait_for_selector("video[data-shown-ms]", timeout=60_000)
            page.wait_for_timeout(1_000)
            page.bring_to_front()
            before = _cpu()
            some = _clicks(page, dice, min(CLICKS_A_PAGE, count - len(jumps)))
            spent = {who: spent[who] + now - before[who] for who, now in _cpu().items()}
            control.bring_to_front()
            alone_ms += [control.evaluate(SEEK, dice.uniform(0, 58)) for _ in some]
            jumps += some
        browser.close()
    for who, spent_s in spent.items():
        print(f"CPU of a jump and the half second after it, {who}: {spent_s / count * 1000:.0f} ms")
    return jumps, alone_ms


def _plain_file(page: Page, folder: Path) -> Page:
    """One of the year's files, in a page's memory."""
    (folder / "one.mp4").write_bytes(minute()[0])
    ffmpeg("-i", str(folder / "one.mp4"), "-c", "copy", "-movflags", "faststart", str(folder / "plain.mp4"))
    page.evaluate(CONTROL, base64.b64encode((folder / "plain.mp4").read_bytes()).decode())
    return page


def _cpu() -> dict[str, float]:
    """CPU seconds so far."""
    tawny = found(lambda words: "run" in words and any(word.endswith("/tawny") for word in words))
    return {
        "tawny": sum(map(cpu_s, tawny)),
        "browser": sum(map(cpu_s, found(lambda words: "chromium" in words[0]))),
    }


def _clicks(page: Page, dice: random.Random, count: int) -> list[dict[str, float]]:
    lane = page.locator("canvas[data-playhead]").first.bounding_box()
    assert lane
    for number in range(count):
        x = lane["x"] + lane["width"] * dice.uniform(0.2, 0.9)
        page.mouse.click(x, lane["y"] + lane["height"] - 20)
        page.wait_for_function("(count) => window.jumps.length >= count", arg=number + 1, timeout=30_000)
        page.wait_for_timeout(500)
    jumps: list[dict[str, float]] = page.evaluate("() => window.jumps.splice(0)")
    return jumps


if __name__ == "__main__":
    sys.exit(main())

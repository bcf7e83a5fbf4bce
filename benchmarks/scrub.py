"""Whether a day with many events is smooth under the hand: frames while its timeline is scrubbed, and its previews.

    python -m benchmarks.scrub [--events 500] [--previews 40] [--folder FOLDER]

The recordings are those of `benchmarks.seek`, two days of them, with so many events in one; the browser is a headless
Chromium that shows this day. The pointer is dragged over the whole of it, there and back. A frame is the time between
two calls of `requestAnimationFrame`; the same is counted in an empty page of the same browser, just before and just
after: what a frame takes without us. A preview has come when its image is decoded and in the page, from the moment on
when the pointer rests. Budgets of the page itself are printed with them: the first picture of the day's lanes, and
what a frame's drawing takes.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import BrowserContext, CDPSession, Page, sync_playwright

from benchmarks.latency import ARGS, CHROMIUM, begun, signed_in
from benchmarks.peers import CACHE, report
from benchmarks.seek import CAMERA, Year, fill
from benchmarks.seek_browser import SETTINGS
from tawny.app.running import RecorderRuntime
from tawny.config.loader import parse_settings
from tawny.model.events import Event, new_event_id
from tawny.model.times import SystemClock
from tawny.service.plugin_registry import PluginRegistry
from tawny.storage.disk.layout import DAY_MS

KINDS = ("person", "vehicle", "animal", "motion")
MOST_FRAMES, MOST_PREVIEW_MS, MOST_DAY_MS, MOST_DRAWN_MS = 2.0, 100.0, 400.0, 8.0
EMPTY_MS, STEP_MS, STEPS = 2_000, 16, 150
FRAMES = """() => {
  const frames = window.frames_ms = [], ask = window.plain_frame ?? window.requestAnimationFrame;
  let before = performance.now();
  const next = (now) => {
    frames.push(now - before);
    before = now;
    if (window.frames_ms === frames) ask.call(window, next);
  };
  ask.call(window, (now) => { before = now; ask.call(window, next); });
}"""
TAKEN = "() => { const all = window.frames_ms; window.frames_ms = null; return all; }"
DRAWN = """() => {
  const drawn = window.drawn_ms = [];
  const ask = window.plain_frame = window.requestAnimationFrame;
  window.requestAnimationFrame = (call) => ask.call(window, (now) => {
    const begun = performance.now();
    call(now);
    drawn.push(performance.now() - begun);
  });
}"""
"""What our own code does in each frame, for the budget of drawing."""
PREVIEW = """() => new Promise((done) => {
  const begun = performance.now();
  const before = document.querySelector('.preview img')?.src;
  const look = () => {
    const image = document.querySelector('.preview img');
    if (image?.complete && image.naturalWidth > 0 && image.src !== before) done(performance.now() - begun);
    else if (performance.now() - begun > 5000) done(5000);
    else setTimeout(look, 2);
  };
  look();
})"""


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    asked.add_argument("--events", type=int, default=500)
    asked.add_argument("--previews", type=int, default=40)
    asked.add_argument("--folder", type=Path, default=None, help="where the files are made, and removed again")
    args = asked.parse_args()
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=args.folder or CACHE) as folder:
        begin_ms = (round(time.time() * 1000) // DAY_MS - 2) * DAY_MS
        _made(Path(folder), begin_ms, args.events)
        with begun(SETTINGS, Path(folder)) as link, sync_playwright() as play:
            browser = play.chromium.launch(executable_path=CHROMIUM, args=ARGS)
            context = browser.new_context(viewport={"width": 1440, "height": 900})
            base = signed_in(context, link)
            within = _measured(context, base, begin_ms, args.previews)
            browser.close()
    return 0 if all(within) else 1


def _made(folder: Path, begin_ms: int, count: int) -> None:
    """Two days of recordings, and so many events in the first."""
    data = folder / "data"
    data.mkdir()
    year = Year(data)
    fill(year, data, 2, begin_ms)
    year.index.close()
    chosen, problems = parse_settings(SETTINGS, {})
    assert chosen is not None, problems
    running = RecorderRuntime.open(chosen, data, SystemClock(), PluginRegistry.opened())
    for number in range(count):
        start_ms = begin_ms + number * (DAY_MS // count)
        event = Event(
            new_event_id(start_ms), CAMERA, KINDS[number % len(KINDS)], start_ms, start_ms + 20_000, 70.0, level="alert"
        )
        running.parts.storage.marks.put_event(event)
    running.close("person")


def _measured(context: BrowserContext, base: str, begin_ms: int, previews: int) -> list[bool]:
    empty = context.new_page()
    alone_ms = _empty(empty)
    page = context.new_page()
    page.add_init_script(f"({DRAWN})()")
    middle_s = (begin_ms + DAY_MS // 2) / 1000
    page.goto(f"{base}/timeline?cam={CAMERA}&t={middle_s:.0f}&span=86400")
    page.wait_for_selector("video[data-shown-ms]", timeout=60_000)
    day_ms = page.evaluate(
        "() => Math.max(...performance.getEntriesByType('resource')"
        ".filter(({ name }) => /timeline\\?|\\/events\\?/.test(name)).map((one) => one.responseEnd - one.startTime))"
    )
    page.evaluate("window.drawn_ms.length = 0")
    counted = context.new_cdp_session(page)
    counted.send("Performance.enable")
    before = _busy(counted)
    scrubbed_ms = _scrubbed(page)
    busy = {name: now - before[name] for name, now in _busy(counted).items()}
    drawn_ms = sorted(page.evaluate("window.drawn_ms"))
    came_ms = _previews(page, previews)
    empty.bring_to_front()
    alone_ms += _empty(empty)
    print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print(f"a frame of an empty page: p50 {_of(alone_ms, 50):.1f} ms, p95 {_of(alone_ms, 95):.1f} ms")
    print(
        f"{len(scrubbed_ms)} frames while scrubbing: p50 {_of(scrubbed_ms, 50):.1f}, p95 {_of(scrubbed_ms, 95):.1f} ms"
    )
    print(f"our code in a frame: p50 {_of(drawn_ms, 50):.1f}, p95 {_of(drawn_ms, 95):.1f} ms")
    each = ", ".join(f"{name} {spent_s / len(scrubbed_ms) * 1000:.1f}" for name, spent_s in busy.items())
    print(f"the page's thread, a frame: {each} ms")
    print(
        f"{len(came_ms)} previews: p50 {_of(came_ms, 50):.0f}, p95 {_of(came_ms, 95):.0f}, most {max(came_ms):.0f} ms"
    )
    print(f"lanes and events of the day: {day_ms:.0f} ms")
    return [
        report("scrub_frames", _of(scrubbed_ms, 95), _of(alone_ms, 95), "an empty frame, p95", MOST_FRAMES),
        report("scrub_drawn", _of(drawn_ms, 95), MOST_DRAWN_MS, f"{MOST_DRAWN_MS:.0f} ms, p95", 1.0),
        report("scrub_previews", _of(came_ms, 50), MOST_PREVIEW_MS, f"{MOST_PREVIEW_MS:.0f} ms, p50", 1.0),
        report("day_shown", day_ms, MOST_DAY_MS, f"{MOST_DAY_MS:.0f} ms", 1.0),
    ]


PARTS = {"script": "ScriptDuration", "style": "RecalcStyleDuration", "layout": "LayoutDuration", "all": "TaskDuration"}


def _busy(session: CDPSession) -> dict[str, float]:
    """What the page's thread did so far, in seconds."""
    data = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
    return {name: data[key] for name, key in PARTS.items()}


def _empty(page: Page) -> list[float]:
    page.goto("about:blank")
    page.evaluate(FRAMES)
    page.wait_for_timeout(EMPTY_MS)
    return list(page.evaluate(TAKEN))


def _scrubbed(page: Page) -> list[float]:
    """The frames while the pointer is dragged over the day and back."""
    x, y, width = _lane(page)
    page.mouse.move(x, y)
    page.mouse.down()
    page.evaluate(FRAMES)
    for step in (*range(STEPS), *reversed(range(STEPS))):
        page.mouse.move(x + width * step / STEPS, y)
        page.wait_for_timeout(STEP_MS)
    frames: list[float] = page.evaluate(TAKEN)
    page.mouse.up()
    return frames


def _previews(page: Page, count: int) -> list[float]:
    x, y, width = _lane(page)
    came = []
    for number in range(count):
        at = (number * 7 % count + 0.5) / count
        page.mouse.move(x + width * at, y)
        came.append(float(page.evaluate(PREVIEW)))
    return came


def _lane(page: Page) -> tuple[float, float, float]:
    """Left, middle and width of the camera's lane."""
    box = page.locator("canvas[data-playhead]").first.bounding_box()
    assert box
    return box["x"] + box["width"] * 0.02, box["y"] + box["height"] - 20, box["width"] * 0.94


def _of(values: list[float], percent: int) -> float:
    return sorted(values)[len(values) * percent // 100]


if __name__ == "__main__":
    sys.exit(main())

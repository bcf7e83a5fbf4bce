"""Takes the documentation's pictures: docs/images/live.webp, timeline.webp and both for light pages, events.webp,
phone.webp, modes.webp, settings.webp, and setup-*.webp.

.venv/bin/python scripts/screenshots.py [--minutes 8] [--data DIR] [--chromium /usr/bin/chromium] [--setup] [--modes]

Starts a demo of its own and waits until it has recorded for so many minutes: the timeline then has something to show. A
folder that an earlier demo recorded into is taken up as it is. With --setup only the pictures of the setup,
with --modes only those of modes and settings, which take half a minute. Needs Playwright and a Chromium.
"""

import argparse
import base64
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tawny.config.changes import template
from tawny.testing.waiting import until

IMAGES = Path(__file__).parent.parent / "docs" / "images"
MOST_BYTES = 300_000
QUALITY = 0.9
ARGS = ["--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"]
LINK = re.compile(r"(http://[^\s/]+)/(?:sign-in#link|setup#token)=\S+")
SETUP = """[cameras.front]
name = "Front door"
source = "demo:front"
[cameras.drive]
name = "Driveway"
source = "demo:drive"
[cameras.garden]
name = "Back garden"
source = "demo:garden"
"""
MODES = """[cameras.front-door]
source = "demo:front"
group = "outside"
[cameras.driveway]
source = "demo:drive"
group = "outside"
[cameras.back-garden]
source = "demo:garden"
group = "outside"
[cameras.hallway]
source = "demo:hall"
group = "inside"
[notifiers.phone]
url = "ntfy://127.0.0.1:9/phone"
"""
SETUP_PLAYS = "() => document.querySelectorAll('.setup-picture[data-view=playing]').length === 3"
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
    "color_scheme": "dark",
    "locale": "en-GB",
}
DAY_MS = 86_400_000
PERSON_MS = 7_000
"""Cats are quicker than people."""
MOST_SHOWN_MS = 1_200_000
PASSAGE_MS = 60_000
INTO_PASSAGE_MS = 4_500
"""How long after an event began somebody stands well in the picture."""
SOMEBODY_PASSES = """() => document.querySelectorAll('.tile.moving').length <= 2 &&
  document.querySelectorAll('[data-camera=front].moving .meter i.on').length >= 4"""
FIRST_MS = 30_000
"""At its start the demo shows somebody in every picture at once; later on they come one by one."""
PACK = """([data, quality]) => new Promise(done => {
  const image = new Image();
  image.onload = () => {
    const canvas = document.createElement('canvas');
    canvas.width = image.width; canvas.height = image.height;
    canvas.getContext('2d').drawImage(image, 0, 0);
    done(canvas.toDataURL('image/webp', quality).split(',')[1]);
  };
  image.src = 'data:image/png;base64,' + data;
})"""


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--minutes", type=float, default=8.0)
    asked.add_argument("--data", type=Path)
    asked.add_argument("--chromium", default="/usr/bin/chromium")
    asked.add_argument("--setup", action="store_true")
    asked.add_argument("--modes", action="store_true")
    given = asked.parse_args()
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=given.chromium, args=ARGS)
        for name, text, is_wanted, take_some in (
            ("setup", SETUP, given.setup or not given.modes, take_setup),
            ("modes", template() + MODES, given.modes or not given.setup, take_modes),
        ):
            config = Path(folder) / f"{name}.toml"
            config.write_text(text, encoding="utf-8")
            words = ("run", "--config", str(config), "--listen", "127.0.0.1:0")
            if is_wanted:
                with started(Path(folder) / name, *words) as link:
                    take_some(browser, link)
        if not (given.setup or given.modes):
            with started(given.data or Path(folder) / "data", "demo", "--port", "0", "--cameras", "4") as link:
                take(browser, link, given.minutes)
        browser.close()
    return 0


@contextmanager
def started(data: Path, *words: str) -> Iterator[str]:
    """The one-time link of a tawny that records into `data`."""
    log = data.with_suffix(".log")
    command = [str(Path(sys.executable).with_name("tawny")), *words, "--data", str(data)]
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        until(lambda: LINK.search(log.read_text()), 60, "the one-time link")
        found = LINK.search(log.read_text())
        assert found
        yield found[0]
    finally:
        process.terminate()
        process.wait(30)


def take_setup(browser: Browser, link: str) -> None:
    """The cameras and the last page on a computer; the steps between them on a phone."""
    base = link.partition("/setup#")[0]
    desk = browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme="dark", locale="en-GB")
    page = desk.new_page()
    page.goto(link)
    page.get_by_label("Your name").fill("Anna")
    page.get_by_label("Password", exact=True).fill("four unrelated words")
    page.keyboard.press("Enter")
    page.wait_for_url("**/setup/storage")
    page.goto(f"{base}/setup/cameras")
    page.wait_for_function(SETUP_PLAYS, timeout=60_000)
    page.wait_for_timeout(INTO_PASSAGE_MS)
    save(page, "setup-cameras", page.screenshot())
    state: Any = desk.storage_state()
    small = browser.new_context(**PHONE, storage_state=state).new_page()
    for step in ("notifications", "outside"):
        small.goto(f"{base}/setup/{step}")
        small.wait_for_selector(".setup-bar")
        small.wait_for_timeout(1000)
        save(small, f"setup-{step}", small.screenshot())
    page.goto(f"{base}/setup/done")
    page.wait_for_function(SETUP_PLAYS, timeout=60_000)
    page.wait_for_timeout(INTO_PASSAGE_MS)
    save(page, "setup-done", page.screenshot())


def take_modes(browser: Browser, link: str) -> None:
    """The table of modes of a new recorder, with the week below; and its settings."""
    base, _, token = link.partition("/setup#token=")
    desk = browser.new_context(viewport={"width": 1280, "height": 960}, color_scheme="dark", locale="en-GB")
    claim = {"token": token, "name": "Anna", "password": "four unrelated words"}
    desk.request.post(f"{base}/api/v1/setup/claim", data=claim, headers={"X-Tawny": "1", "Origin": base})
    page = desk.new_page()
    page.wait_for_timeout(10_000)  # every camera has a picture then
    page.goto(f"{base}/settings/modes")
    page.wait_for_selector(".week-line")
    page.wait_for_selector(".truth.calm", timeout=120_000)
    page.wait_for_timeout(3000)
    save(page, "modes", page.screenshot())
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(f"{base}/settings/system")
    page.wait_for_selector("#machine-title")
    page.wait_for_timeout(1000)
    save(page, "settings", page.screenshot())


def take(browser: Browser, link: str, minutes: float) -> None:
    base = link.partition("/sign-in")[0]
    desk = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="dark", locale="en-GB")
    page = desk.new_page()
    page.goto(link)
    page.wait_for_selector("[data-camera]")
    until(lambda: age_ms(desk, base) >= minutes * 60_000, minutes * 60 + 30, "enough to show")
    live(page)
    age = min(age_ms(desk, base), MOST_SHOWN_MS)
    event = passage(desk, base, age)
    moment = f"t={(event['start_ms'] + INTO_PASSAGE_MS) / 1000:.1f}"
    page.goto(f"{base}/timeline?cam=front,drive,garden&{moment}&span={age * 1.15 / 1000:.0f}")
    shown(page)
    save_both(page, "timeline")
    page.goto(f"{base}/events")
    page.locator("[data-visit] .ec-open").first.click()
    page.wait_for_selector(".drawer-in")
    page.wait_for_timeout(3000)
    save(page, "events", page.screenshot())
    state: Any = desk.storage_state()
    phone = browser.new_context(**PHONE, storage_state=state)
    small = phone.new_page()
    small.goto(f"{base}/timeline?cam=front&{moment}&span={age / 1000:.0f}")
    shown(small)
    save(small, "phone", small.screenshot())


def live(page: Page) -> None:
    """Somebody is on the path to the front door, and the tile is outlined."""
    page.wait_for_timeout(FIRST_MS)
    page.wait_for_function(SOMEBODY_PASSES, timeout=10 * PASSAGE_MS)
    page.wait_for_timeout(INTO_PASSAGE_MS // 2)
    save_both(page, "live")


def passage(context: BrowserContext, base: str, age: int) -> Any:
    """The front door's event nearest to the middle of what was recorded; short ones are passed over."""
    answer = context.request.get(f"{base}/api/v1/events?cameras=front&only=all&limit=60").json()["items"]
    ended = [event for event in answer if event["end_ms"] is not None]
    long = [event for event in ended if event["end_ms"] - event["start_ms"] >= PERSON_MS] or ended
    middle_ms = max(event["end_ms"] for event in ended) - age * 0.45
    return min(long, key=lambda event: abs(event["start_ms"] - middle_ms))


def age_ms(context: BrowserContext, base: str) -> int:
    health = context.request.get(f"{base}/api/v1/health").json()
    now_ms = int(health["now_ms"])
    asked = f"{base}/api/v1/timeline?cameras=front&from_ms={now_ms - DAY_MS}&to_ms={now_ms}&points=10"
    spans = context.request.get(asked).json()["cameras"][0]["spans"]
    return now_ms - int(spans[0][0]) if spans else 0


def shown(page: Page) -> None:
    """Every player has its picture, and the lanes are drawn."""
    page.wait_for_selector("canvas[data-t0]")
    page.wait_for_function("() => [...document.querySelectorAll('.pl video')].every(v => v.readyState >= 2)")
    page.wait_for_timeout(2500)


def save_both(page: Page, name: str) -> None:
    """In the dark and in the light theme."""
    save(page, name, page.screenshot())
    page.emulate_media(color_scheme="light")
    page.wait_for_timeout(300)
    save(page, f"{name}-light", page.screenshot())
    page.emulate_media(color_scheme="dark")


def save(page: Page, name: str, png: bytes) -> None:
    """As WebP, which is a quarter of the bytes; packed by the browser itself."""
    blank = page.context.browser
    assert blank
    other = blank.new_page()
    packed = other.evaluate(PACK, [base64.b64encode(png).decode(), QUALITY])
    other.close()
    data = base64.b64decode(packed)
    path = IMAGES / f"{name}.webp"
    path.write_bytes(data)
    sys.stdout.write(f"{path.name}: {len(data) / 1000:.0f} kB\n")
    if len(data) > MOST_BYTES:
        sys.exit(f"{path.name} is larger than {MOST_BYTES / 1000:.0f} kB")


if __name__ == "__main__":
    sys.exit(main())

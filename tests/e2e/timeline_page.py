"""The timeline's page in a browser far away, with what each picture on it shows: read off it when it is shown."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Page

from tests.e2e.live_server import LiveServer, signed_browser
from tests.support.read_clock import READ_CLOCK

LOOK = f"""() => {{
  const read = {READ_CLOCK};
  const seen = window.seen = [];
  const look = (shown, kind) => {{
    const box = shown.closest('.pl');
    const said = Number(box?.querySelector('video').dataset.shownMs);
    const stamp = box?.querySelector('.pl-stamp')?.textContent ?? '';
    const playing = [...document.querySelectorAll('.pl[data-showing=video] video')].map((each) => each.dataset.shownMs);
    const together = playing.filter(Boolean).map(Number);
    return {{ box, one: {{ clock: read(shown), said, kind, stamp, camera: box.dataset.camera, together }} }};
  }};
  const video = (shown) => {{
    const {{ box, one }} = look(shown, 'video');
    if (one.said && box.dataset.showing !== 'pictures') seen.push(one);
  }};
  const picture = (shown) => {{
    const {{ box, one }} = look(shown, 'pictures');
    const note = () => one.said && box.dataset.showing === 'pictures' && seen.push(one);
    requestAnimationFrame(() => requestAnimationFrame(note));
  }};
  const ask = HTMLVideoElement.prototype.requestVideoFrameCallback;
  HTMLVideoElement.prototype.requestVideoFrameCallback = function (tell) {{
    return ask.call(this, (...told) => {{ tell(...told); video(this); }});
  }};
  const known = new WeakSet();
  new MutationObserver(() => {{
    for (const image of document.querySelectorAll('.pl > img')) {{
      if (known.has(image)) continue;
      known.add(image);
      image.addEventListener('load', () => picture(image));
    }}
  }}).observe(document, {{ childList: true, subtree: true }});
}}"""
"""Runs after the page's own look at each picture, so that it has said by then which one it is. A key picture counts if
it is what is shown once the page has painted: one that was loaded too late lies hidden behind the video."""


@contextmanager
def timeline_page(browser: Browser, served: LiveServer) -> Iterator[Page]:
    """Somebody is signed in. The browser thinks that it is elsewhere: times are those of the recorder."""
    elsewhere = {"timezone_id": "America/New_York", "locale": "en-GB", "viewport": {"width": 1440, "height": 900}}
    with signed_browser(browser, served.session("page"), **elsewhere) as context:
        context.add_init_script(f"({LOOK})()")
        yield context.new_page()


def show(page: Page, served: LiveServer, cameras: str, at_ms: int) -> None:
    """Held at an instant that is recorded, once all of them show it. cameras: with commas between."""
    page.goto(f"{served.base}/timeline?cam={cameras}&t={at_ms / 1000:.2f}&span=600")
    count = cameras.count(",") + 1
    page.wait_for_function(
        "(count) => new Set(window.seen.map(({ camera }) => camera)).size === count", arg=count, timeout=60_000
    )


def seen(page: Page) -> list[dict[str, Any]]:
    """Each picture that was shown: `clock`, which it carries, and `said`, the page's word for it."""
    found: list[dict[str, Any]] = page.evaluate("() => window.seen")
    return found

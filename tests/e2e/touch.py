"""Fingers on the page of a phone: sent to Chromium as its touch screen would, so that its own gestures take part."""

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, BrowserContext, Locator, Page

UPRIGHT, SIDEWAYS = (390, 844), (844, 390)
TABLET_UPRIGHT, TABLET = (768, 1024), (1024, 768)
STEP_MS = 24


@contextmanager
def touch_browser(browser: Browser, owner: BrowserContext, size: tuple[int, int]) -> Iterator[BrowserContext]:
    """A phone or tablet where the same person is signed in."""
    made = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        is_mobile=True,
        has_touch=True,
        locale="en-GB",
        storage_state=owner.storage_state(),
    )
    yield made
    made.close()


def turn(page: Page, size: tuple[int, int]) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})


class Fingers:
    """Each point is in pixels of the page."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._tools = page.context.new_cdp_session(page)

    def down(self, *points: tuple[float, float]) -> None:
        self._send("touchStart", points)

    def move(self, *points: tuple[float, float]) -> None:
        self._send("touchMove", points)

    def up(self) -> None:
        self._send("touchEnd", ())

    def tap(self, x: float, y: float) -> None:
        self.down((x, y))
        self.up()

    def drag(self, begin: tuple[float, float], end: tuple[float, float], steps: int = 12, lift: bool = True) -> None:
        self.down(begin)
        for step in range(1, steps + 1):
            share = step / steps
            self.move((begin[0] + (end[0] - begin[0]) * share, begin[1] + (end[1] - begin[1]) * share))
            self._page.wait_for_timeout(STEP_MS)
        if lift:
            self.up()

    def pinch(self, middle: tuple[float, float], begin_px: float, end_px: float, steps: int = 12) -> None:
        """Two fingers above each other, so far apart at the beginning and at the end."""
        x, y = middle

        def points(apart: float) -> tuple[tuple[float, float], tuple[float, float]]:
            return (x, y - apart / 2), (x, y + apart / 2)

        self.down(points(begin_px)[0])
        self.down(*points(begin_px))
        for step in range(1, steps + 1):
            self.move(*points(begin_px + (end_px - begin_px) * step / steps))
            self._page.wait_for_timeout(STEP_MS)
        self.up()

    def _send(self, kind: str, points: tuple[tuple[float, float], ...]) -> None:
        touched = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
        self._tools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touched})


def middle_of(place: Locator) -> tuple[float, float]:
    box = place.bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

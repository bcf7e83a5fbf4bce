"""axe-core's rules of WCAG 2.2 AA, on a page that is open."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Page

AXE = Path(__file__).parents[2] / "ui" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
OF_COLORS = ["color-contrast", "link-in-text-block"]
"""The only rules whose answer depends on the theme."""
CHECK = """async (rules) => {
  const {violations} = await axe.run(document, {runOnly: rules, resultTypes: ['violations']});
  return violations.map(one => {
    const places = one.nodes.map(node => `${node.target.join(' ')}: ${node.failureSummary}`);
    return [one.id, one.help, ...places].join('\\n');
  });
}"""


def axe_script() -> str:
    """The checker, to be run in a page."""
    if not AXE.is_file():
        pytest.skip("axe-core is not installed: npm ci in ui/")
    return AXE.read_text(encoding="utf-8")


TWO_FRAMES = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
STILL = """() => document.getAnimations().every(
  (one) => one.playState !== 'running' || one.effect.getComputedTiming().endTime === Infinity
)"""


def wait_until_still(page: Page) -> None:
    """Until nothing fades in or out any more: colours half faded have no contrast."""
    page.evaluate(TWO_FRAMES)  # a theme just chosen begins its transitions there
    page.wait_for_function(STILL)


def violations(page: Page, axe: str, rules: Sequence[str] = RULES) -> list[str]:
    """What breaks the rules, once the page is still."""
    wait_until_still(page)
    if not page.evaluate("'axe' in window"):
        page.evaluate(axe)
    found: list[str] = page.evaluate(CHECK, rules)
    return found


NARROW = """() => [...document.querySelectorAll('input, textarea')]
  .filter((one) => ['text', 'search', 'url', 'email', 'password', 'textarea'].includes(one.type))
  .filter((one) => one.checkVisibility() && one.offsetWidth > 1 && one.offsetWidth < 110)
  .filter((one) => !(one.value || one.placeholder) || one.scrollWidth > one.clientWidth)
  .map((one) => `${one.labels?.[0]?.innerText || one.ariaLabel || one.outerHTML}: ${one.offsetWidth} px`)"""


def narrow_fields(page: Page) -> list[str]:
    """The empty fields for text with room for fewer than about ten characters, and those whose text doesn't fit."""
    found: list[str] = page.evaluate(NARROW)
    return found


WIDTHS = 390, 1280
"""A phone's, and a desktop's."""


NEXT_FRAMES: Final = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
"""What measures the window, such as the timeline, is laid out for its new width in them."""


@contextmanager
def as_wide_as(page: Page, width: int) -> Iterator[None]:
    """For the time being: to look at a page of one walk as another window shows it."""
    size = page.viewport_size
    assert size
    page.set_viewport_size({"width": width, "height": size["height"]})
    page.wait_for_function("width => innerWidth === width", arg=width)
    page.evaluate(NEXT_FRAMES)
    yield
    page.set_viewport_size(size)
    page.wait_for_function("width => innerWidth === width", arg=size["width"])


def unfit(page: Page, axe: str) -> list[str]:
    """What is wrong with a page at either width: the violations, and what is wider than the window."""
    found = []
    for width in WIDTHS:
        with as_wide_as(page, width):
            found += [f"{width} px: {one}" for one in violations(page, axe)]
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                found.append(f"{width} px: wider than the window")
    return found


NONE: dict[str, list[str]] = {"dark": [], "light": []}
SHOWS = "(theme) => document.documentElement.dataset.theme === theme"


def barriers(page: Page, axe: str) -> dict[str, list[str]]:
    """The violations in the dark theme, and of colours in the light one, once its colours have stopped changing."""
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(SHOWS, arg="dark")
    dark = violations(page, axe)
    page.emulate_media(color_scheme="light")
    page.wait_for_function(SHOWS, arg="light")
    return {"dark": dark, "light": violations(page, axe, OF_COLORS)}

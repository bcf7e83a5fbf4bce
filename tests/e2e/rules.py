"""axe-core's rules of WCAG 2.2 AA, on a page that is open."""

from pathlib import Path

import pytest
from playwright.sync_api import Page

AXE = Path(__file__).parents[2] / "ui" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
CHECK = """rules => axe.run(document, {runOnly: rules}).then(found => found.violations.map(one => {
  const places = one.nodes.map(node => `${node.target.join(' ')}: ${node.failureSummary}`);
  return [one.id, one.help, ...places].join('\\n');
}))"""


def axe_script() -> str:
    """The checker, to be run in a page."""
    if not AXE.is_file():
        pytest.skip("axe-core is not installed: npm ci in ui/")
    return AXE.read_text(encoding="utf-8")


def violations(page: Page, axe: str) -> list[str]:
    page.evaluate(axe)
    found: list[str] = page.evaluate(CHECK, RULES)
    return found


NONE: dict[str, list[str]] = {"dark": [], "light": []}
SHOWS = """(theme) => document.documentElement.dataset.theme === theme && document.getAnimations().every(
  (one) => one.playState !== 'running' || one.effect.getComputedTiming().endTime === Infinity
)"""


def barriers(page: Page, axe: str) -> dict[str, list[str]]:
    """The violations in each theme, once its colours have stopped changing."""
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(SHOWS, arg="dark")
    dark = violations(page, axe)
    page.emulate_media(color_scheme="light")
    page.wait_for_function(SHOWS, arg="light")
    return {"dark": dark, "light": violations(page, axe)}

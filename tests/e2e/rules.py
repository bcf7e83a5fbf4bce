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

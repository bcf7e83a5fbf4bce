"""docs/how-it-works/reliability.md is what its figures say, and every row leads to a test that is there."""

import re
import runpy
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
MADE: dict[str, Any] = runpy.run_path(str(ROOT / "scripts" / "reliability.py"))
FIGURES = MADE["read"](MADE["FIGURES"])


def test_the_page_is_as_the_figures() -> None:
    assert MADE["PAGE"].read_text("utf-8") == MADE["page"](FIGURES), "run scripts/reliability.py"


@pytest.mark.parametrize("row", MADE["PROMISES"], ids=lambda row: row.fault)
def test_every_promise_has_its_figures_and_its_test(row: Any) -> None:
    assert (ROOT / "tests" / row.test).is_file()
    for name, form in row.figures:
        assert form.format(**FIGURES[name])


@pytest.mark.parametrize("name", [name for row in MADE["PROMISES"] for name, _ in row.figures])
def test_every_figure_is_within_its_limit(name: str) -> None:
    figures = FIGURES[name]
    found = [figures[key] for key in ("lost_s", "worst_own_s", "worst_s", "again_s") if key in figures]
    assert not found or "limit_s" not in figures or found[0] <= figures["limit_s"]


@pytest.mark.parametrize("row", MADE["CRASHES"], ids=lambda row: row.between[:40])
def test_every_crash_has_its_test(row: Any) -> None:
    path, _, name = row.test.partition("::")
    text = (ROOT / "tests" / path).read_text("utf-8")
    assert re.search(rf"^def {name}\(", text, re.MULTILINE)

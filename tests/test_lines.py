"""Every line of what the interface promises has a test that is named for it."""

import re
import tomllib
from collections import defaultdict
from pathlib import Path

TESTS = Path(__file__).parent
NOT_YET = "not_yet"
NAMED = re.compile(r"^(?:async )?def test((?:_[a-z]\d{1,2})+)(?:_|\()", re.MULTILINE)


def shown_by() -> dict[str, list[str]]:
    """The tests of each ID, as `path::IDs`."""
    found = defaultdict[str, list[str]](list)
    for path in sorted(TESTS.rglob("test_*.py")):
        for name in NAMED.findall(path.read_text(encoding="utf-8")):
            for one in name.upper().split("_")[1:]:
                found[one].append(str(path.relative_to(TESTS)))
    return found


def test_every_line_has_a_test_or_says_what_is_missing() -> None:
    tables = tomllib.loads((TESTS / "lines.toml").read_text(encoding="utf-8"))
    not_yet = tables.pop(NOT_YET)
    lines = {one: words for table in tables.values() for one, words in table.items()}
    assert len(lines) == sum(map(len, tables.values())), "an ID is there twice"
    assert set(not_yet) <= set(lines), "no such line"
    shown = shown_by()
    assert {one: words for one, words in lines.items() if one not in shown and one not in not_yet} == {}

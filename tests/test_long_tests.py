"""The list of tests that are left to `./test --long` names tests, each once."""

import re
from pathlib import Path

import pytest

from tests.conftest import long_tests

ROOT = Path(__file__).parents[1]
NAMES = [name for name, _ in long_tests()]


@pytest.mark.parametrize("line", NAMES)
def test_it_names_a_test(line: str) -> None:
    file, _, test = line.partition("::")
    name, source = test.partition("[")[0], (ROOT / file).read_text(encoding="utf-8")
    assert not name or re.search(rf"^(?:(?:async )?def|class) {re.escape(name)}\(", source, re.MULTILINE)


def test_nothing_is_named_twice() -> None:
    assert len(NAMES) == len(set(NAMES))

"""The list of tests that are left to `./test --long` names tests, each once."""

import re
from pathlib import Path

import pytest

from tests.conftest import long_tests, sampled_tables

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("line", [*long_tests(), *sampled_tables()])
def test_it_names_a_test(line: str) -> None:
    file, _, test = line.partition("::")
    name, source = test.partition("[")[0], (ROOT / file).read_text(encoding="utf-8")
    assert not name or re.search(rf"^(?:(?:async )?def|class) {re.escape(name)}\(", source, re.MULTILINE)


def test_nothing_is_named_twice() -> None:
    lines = [*long_tests(), *sampled_tables()]
    assert len(lines) == len(set(lines))

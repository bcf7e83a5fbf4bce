"""Names and words of the source: `scripts/check_names.py` holds the limits."""

import runpy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

CHECK: Mapping[str, Any] = runpy.run_path(str(Path(__file__).parents[1] / "scripts" / "check_names.py"))
MODULES: Mapping[str, Path] = CHECK["find_modules"](CHECK["SRC"])


def test_a_public_class_name_is_defined_once() -> None:
    assert CHECK["find_shared_classes"](MODULES) == {}


@pytest.mark.parametrize(("group", "limit"), CHECK["WORD_LIMITS"].items())
def test_unusual_words_stay_rare(group: str, limit: int) -> None:
    counts = CHECK["count_words"](MODULES)[group]
    assert counts.total() <= limit, f"scripts/check_names.py --report lists them; most in {counts.most_common(5)}"


def test_the_check_finds_what_it_is_for(tmp_path: Path) -> None:
    package = tmp_path / "tawny"
    package.mkdir()
    (package / "one.py").write_text('"""Nobody is told."""\n\n\nclass Desk: ...\n')
    (package / "two.py").write_text("# so many\n\n\nclass Desk: ...\n\n\nclass _Desk: ...\n")
    modules = CHECK["find_modules"](tmp_path)
    assert CHECK["find_shared_classes"](modules) == {"Desk": ["tawny.one:4", "tawny.two:4"]}
    counts = {group: found.total() for group, found in CHECK["count_words"](modules).items() if found.total()}
    assert counts == {"told|tell|tells|telling": 1, "nobody|somebody|anybody|whoever": 1, "so (?:many|much|long)": 1}

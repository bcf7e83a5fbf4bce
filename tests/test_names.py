"""Names and words of the source: `scripts/check_names.py` holds the limits."""

import runpy
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

CHECK: Mapping[str, Any] = runpy.run_path(str(Path(__file__).parents[1] / "scripts" / "check_names.py"))
MODULES: Mapping[str, Path] = CHECK["find_modules"](CHECK["SRC"])


def test_a_public_class_name_is_defined_once() -> None:
    assert CHECK["find_shared_classes"](MODULES) == {}


@pytest.fixture(scope="module")
def words() -> Any:
    return CHECK["count_words"](MODULES)


@pytest.mark.parametrize(("group", "limit"), CHECK["WORD_LIMITS"].items())
def test_unusual_words_stay_rare(words: Mapping[str, Counter[str]], group: str, limit: int) -> None:
    counts = words[group]
    assert counts.total() <= limit, f"scripts/check_names.py --report lists them; most in {counts.most_common(5)}"


@pytest.fixture(scope="module")
def sizes() -> Any:
    return CHECK["find_sizes"](MODULES)


@pytest.mark.parametrize(("name", "limit"), CHECK["SIZE_LIMITS"].items())
def test_modules_are_whole_ideas(sizes: Mapping[str, list[str]], name: str, limit: int) -> None:
    found = sizes[name]
    assert len(found) <= limit, f"scripts/check_names.py --report lists them: {found[-3:]}"


@pytest.mark.parametrize(("name", "limit"), CHECK["SHARE_LIMITS"].items())
def test_code_is_not_cut_into_more_pieces(sizes: Mapping[str, list[str]], name: str, limit: float) -> None:
    assert CHECK["share_of"](name, sizes) <= limit


def test_no_name_has_a_word_that_no_engineer_would_search_for() -> None:
    assert CHECK["find_identifiers"](MODULES) == []


def test_names_with_unusual_words_are_found(tmp_path: Path) -> None:
    package = tmp_path / "tawny"
    package.mkdir()
    (package / "one.py").write_text("class OrderDesk:\n    def f(self, clear):\n        self._ears = clear  # ears\n")
    found = CHECK["find_identifiers"](CHECK["find_modules"](tmp_path))
    assert found == ["tawny.one:1 OrderDesk", "tawny.one:3 _ears"]


def test_a_function_that_is_named_like_a_question_answers_yes_or_no() -> None:
    assert CHECK["find_false_questions"](MODULES) == []


def test_functions_that_are_falsely_named_like_a_question_are_found(tmp_path: Path) -> None:
    package = tmp_path / "tawny"
    package.mkdir()
    answers = ("bool", "bool | None", "TypeGuard[int]", "TypeIs[int]", "Callable[[str], bool]")
    right = "".join(f"def is_{number}(a) -> {answer}: ...\n" for number, answer in enumerate(answers))
    wrong = "class A:\n    def _has_b(self) -> str: ...\n    async def can_c(self) -> None: ...\ndef may_d(): ...\n"
    (package / "one.py").write_text(f"{right}def island() -> str: ...\n")
    (package / "two.py").write_text(f"{wrong}def should_e() -> Callable[[], str]: ...\n")
    found = CHECK["find_false_questions"](CHECK["find_modules"](tmp_path))
    assert found == [f"tawny.two:{place}" for place in ("2 _has_b", "3 can_c", "4 may_d", "5 should_e")]


def test_tests_use_public_attributes() -> None:
    found = CHECK["find_private_access"](CHECK["TESTS"])
    assert len(found) <= CHECK["PRIVATE_ACCESS_LIMIT"], "scripts/check_names.py --report lists them"


def test_private_attributes_are_found(tmp_path: Path) -> None:
    text = "class A:\n    def f(self):\n        self._own, self.it._other, self.t._replace, self.it.__doc__\n"
    (tmp_path / "test_one.py").write_text(text)
    assert CHECK["find_private_access"](tmp_path) == ["test_one.py:3 _other"]


def test_objects_are_given_their_callbacks_when_they_are_made() -> None:
    found = CHECK["find_late_hooks"](MODULES)
    assert len(found) <= CHECK["LATE_HOOKS_LIMIT"], "scripts/check_names.py --report lists them"


def test_late_callbacks_are_found(tmp_path: Path) -> None:
    package = tmp_path / "tawny"
    package.mkdir()
    (package / "one.py").write_text("class A:\n    def f(self):\n        self.told: Callable[[], None] = print\n")
    (package / "two.py").write_text("class B:\n    heard: str\n\n\na.told, a.heard = print, ''\n")
    (package / "three.py").write_text("class C:\n    told: str\n\n\nc.told = ''\n")
    assert CHECK["find_late_hooks"](CHECK["find_modules"](tmp_path)) == ["tawny.two:5 told"]


def test_sizes_are_found(tmp_path: Path) -> None:
    package = tmp_path / "tawny"
    package.mkdir()
    (package / "one.py").write_text("from tawny.two import f\n\n\ndef g(a, b, c, d, e, f, g, h): ...\n")
    (package / "two.py").write_text("from tawny import one\n\n\nclass C:\n    def f(self):\n" + "        f()\n" * 60)
    (package / "three.py").write_text('"""Text."""\n\nif TYPE_CHECKING:\n    import tawny.three\n# none\n')
    found = CHECK["find_sizes"](CHECK["find_modules"](tmp_path))
    assert found["import cycles"] == ["tawny.one > tawny.two > tawny.one"]
    assert found["functions over 60 lines"] == ["tawny.two:f"]
    assert found["functions with more than 7 parameters"] == ["tawny.one:g"]
    assert found["modules under 60 lines with one importer"] == ["tawny.one <- tawny.two"]
    assert [line for line in found["lines of code"] if "three" in line] == ["tawny.three:3", "tawny.three:4"]


def test_the_check_finds_what_it_is_for(tmp_path: Path) -> None:
    package = tmp_path / "tawny"
    package.mkdir()
    (package / "one.py").write_text('"""Nobody is told."""\n\n\nclass Desk: ...\n')
    (package / "two.py").write_text("# so many\n\n\nclass Desk: ...\n\n\nclass _Desk: ...\n")
    modules = CHECK["find_modules"](tmp_path)
    assert CHECK["find_shared_classes"](modules) == {"Desk": ["tawny.one:4", "tawny.two:4"]}
    counts = {group: found.total() for group, found in CHECK["count_words"](modules).items() if found.total()}
    assert counts == {"told|tell|tells|telling": 1, "nobody|somebody|anybody|whoever": 1, "so (?:many|much|long)": 1}

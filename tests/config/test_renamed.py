"""Former names of settings: one clear error each that states the new name, and nothing else."""

import re
from typing import Any

import pytest
import tomlkit

from tawny.config.loader import parse_settings
from tawny.config.modes import parse_action
from tawny.config.renamed import RENAMED, RENAMED_VALUES, rename_action
from tawny.config.units import seconds, share

ACTIONS = [
    ("tell phone", "notify phone"),
    ("tell everybody", "notify everyone"),
    ("tell nobody", "notify no one"),
    ("clip to nas", "upload to nas"),
    ("clip to everywhere", "upload everywhere"),
    ("clip to nowhere", "don't upload"),
    ("no recording", "don't record"),
]


def table_with(path: str, value: Any) -> tuple[dict[str, Any], str]:
    """Return a settings document with a value at a path of the table of former names, and the path in it."""
    parts = [{"*": "door"}.get(part, part.split("|")[-1]) for part in path.split(".")]
    document: dict[str, Any] = {"cameras": {"door": {"source": "demo:"}}}
    if parts[0] == "rules":
        document["rules"] = [{"do": "notify phone", "when": {parts[-1]: value}}]
        return document, f"rules.0.when.{parts[-1]}"
    place = document
    for part in parts[:-1]:
        place = place.setdefault(part, {})
    place[parts[-1]] = value
    return document, ".".join(parts)


@pytest.mark.parametrize(("old", "new"), RENAMED.items())
def test_each_former_setting_names_its_new_name(old: str, new: str) -> None:
    document, path = table_with(old, "x")
    _, problems = parse_settings(tomlkit.dumps(document), {})
    mine = [problem for problem in problems if problem.path == path]
    assert [str(problem).partition(": ")[2] for problem in mine] == [
        f"{path}: `{path.rpartition('.')[2]}` is now `{new}`"
    ]


@pytest.mark.parametrize(("place", "new"), RENAMED_VALUES.items())
def test_each_former_value_names_its_new_name(place: tuple[str, str], new: str) -> None:
    document, path = table_with(place[0], [place[1]])
    _, problems = parse_settings(tomlkit.dumps(document), {})
    assert [str(one) for one in problems if one.path == path and re.search("is now", str(one))] == [
        f"line {next(one.line for one in problems if one.path == path)}: {path}: `{place[1]}` is now `{new}`"
    ]


@pytest.mark.parametrize(("old", "new"), ACTIONS)
def test_each_former_action_names_its_new_form(old: str, new: str) -> None:
    assert rename_action(old) == new
    assert str(parse_action(new)) == new
    with pytest.raises(ValueError, match=re.escape(f"`{old}` is now `{new}`")):
        parse_action(old)


def test_all_former_actions_of_a_file_are_named_at_once() -> None:
    text = '[[rules]]\ndo = ["tell everybody", "record", "clip to  nowhere"]\n[[rules]]\ndo = "no recording"\n'
    _, problems = parse_settings(text, {})
    assert [str(problem) for problem in problems] == [
        "line 2: rules.0.do: `tell everybody` is now `notify everyone`",
        "line 2: rules.0.do: `clip to  nowhere` is now `don't upload`",
        "line 4: rules.1.do: `no recording` is now `don't record`",
    ]


def test_a_typographic_apostrophe_is_read() -> None:
    assert str(parse_action("don’t record")) == "don't record"


def test_a_whole_former_file_is_answered_line_by_line() -> None:
    text = '[arm]\nweek = { night = ["22:00-06:30"] }\n[cameras.door]\nsource = "demo:"\nwatch.level = 40\n'
    _, problems = parse_settings(text, {})
    assert [str(problem) for problem in problems] == [
        "line 1: arm: `arm` is now `[modes]`",
        "line 2: arm.week: `week` is now `schedule`",
        "line 5: cameras.door.watch: `watch` is now `detection`",
        "line 5: cameras.door.watch.level: `level` is now `threshold`",
    ]


@pytest.mark.parametrize(("text", "value"), [("14d", 14 * 86_400), ("30s", 30), ("1.5h", 5400)])
def test_a_duration_without_a_space_is_read(text: str, value: float) -> None:
    assert seconds(text) == value


def test_a_share_without_a_space_is_read() -> None:
    assert share("10%") == 0.1

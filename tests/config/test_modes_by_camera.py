"""What a mode records of a camera: `[modes.NAME.cameras.ID]`."""

from pathlib import Path

import pytest

from tawny.config.changes import change_modes, modes_to_table
from tawny.config.loader import parse_settings

TEXT = """
[modes]
names = ["home", "night"]
[modes.night.cameras.door] # only then
record = "events"
[cameras.door]
source = "demo:front"
"""


def test_a_mode_says_what_is_recorded_of_a_camera() -> None:
    made, problems = parse_settings(TEXT, {})
    assert made is not None, problems
    assert made.modes.record_in("night", "door") == "events"
    assert made.modes.record_in("home", "door") is None
    assert made.modes.record_in("night", "yard") is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[modes]\nnaems = ["a"]', "modes: found a table; allowed: one of exceptions, location, names, presence"),
        ('[modes.nacht.cameras.door]\nrecord = "events"', "or the table of a mode (home, away, night), not nacht"),
        ('[modes.night.cameras.door]\nrecord = "evnts"', "found 'evnts'; allowed: 'continuous', 'events'"),
        (
            '[modes.night.cameras.door]\nrecrd = "off"',
            "allowed: one of channels, detection, notify, privacy, record",
        ),
        (
            "[modes.night]\ncamera = 1",
            "allowed: one of cameras, doors, inside, others, outside",
        ),
    ],
)
def test_a_mistake_is_told_with_what_is_allowed(text: str, told: str) -> None:
    made, problems = parse_settings(text, {})
    assert made is None
    (problem,) = problems
    assert told in str(problem)


def test_a_change_of_the_schedule_keeps_it(tmp_path: Path) -> None:
    file = tmp_path / "tawny.toml"
    file.write_text(TEXT)
    made, _ = parse_settings(TEXT, {})
    assert made is not None
    table = {**modes_to_table(made.modes), "schedule": {"night": ["22:00-06:30"]}}
    new = change_modes(file, table, [])
    assert new.modes.record_in("night", "door") == "events"
    assert "# only then" in file.read_text()
    new = change_modes(file, {**table, "night": {"cameras": {"yard": {"record": "off"}}}}, [])
    assert new.modes.record_in("night", "door") is None
    assert new.modes.record_in("night", "yard") == "off"

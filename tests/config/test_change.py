"""How a camera is watched, changed in its file: what does not change stays as somebody wrote it."""

from pathlib import Path
from typing import Any

import pytest

from tawny.config.changes import change_detection, plain_table
from tawny.config.loader import read_settings
from tawny.config.settings import DetectionSettings
from tawny.model.errors import NotDone, SettingsError

FILE = """\
# the house
[cameras.door]
source = "demo:front"   # the front

[cameras.door.detection]
threshold = 40              # leaves
effort = "thorough"

[cameras.door.detection.zones]
# where people walk
path = [[0.1, 0.5], [0.6, 0.5], [0.6, 1.0]]   # by the hedge
gate = { points = [[0, 0], [0.5, 0], [0, 0.5]], min_time = "2 s" }

[cameras.yard]
source = "demo:yard"
"""


def changed(tmp_path: Path, text: str, camera: str = "door", **changes: Any) -> str:
    path = tmp_path / "tawny.toml"
    path.write_text(text, encoding="utf-8")
    before = read_settings(path).cameras[camera].detection
    watch = DetectionSettings.model_validate({**plain_table(before), **changes})
    after = change_detection(path, camera, watch, ())
    assert plain_table(after.cameras[camera].detection) == plain_table(watch)
    assert read_settings(path) == after
    return path.read_text(encoding="utf-8")


def test_nothing_changes_if_nothing_changed(tmp_path: Path) -> None:
    assert changed(tmp_path, FILE) == FILE


def test_a_level_keeps_its_comment_and_all_around_it(tmp_path: Path) -> None:
    assert changed(tmp_path, FILE, threshold=62) == FILE.replace("threshold = 40 ", "threshold = 62 ")


def test_a_level_as_usual_is_left_out(tmp_path: Path) -> None:
    assert "threshold" not in changed(tmp_path, FILE.replace("  # leaves", ""), threshold=50)


def test_a_level_as_usual_keeps_the_line_that_has_a_comment(tmp_path: Path) -> None:
    assert changed(tmp_path, FILE, threshold=50) == FILE.replace("threshold = 40 ", "threshold = 50 ")


@pytest.mark.parametrize("dotted", [False, True])
def test_a_comment_outlasts_going_there_and_back(tmp_path: Path, dotted: bool) -> None:
    text = FILE.replace('"thorough"', '"balanced"  # as always')
    if dotted:
        text = '[cameras.door]\nsource = "demo:"\ndetection.effort = "balanced"  # ever\ndetection.threshold = 4\n'
    there = changed(tmp_path, text, effort="frugal")
    assert there == text.replace('"balanced"', '"frugal"')
    assert changed(tmp_path, there, effort="balanced") == text


def test_a_comment_stays_where_a_thing_goes(tmp_path: Path) -> None:
    new = changed(tmp_path, FILE, zones={"gate": {"points": [[0, 0], [0.5, 0], [0, 0.5]], "min_time": "2 s"}})
    assert new == FILE.replace("path = [[0.1, 0.5], [0.6, 0.5], [0.6, 1.0]]   # by", "# by")


def test_what_is_as_usual_and_was_written_stays_written(tmp_path: Path) -> None:
    text = FILE.replace("threshold = 40 ", "threshold = 50 ")
    assert changed(tmp_path, text, effort="frugal") == text.replace("thorough", "frugal")


def test_zones_come_change_and_go(tmp_path: Path) -> None:
    corner = [[0, 0], [0.123456, 0], [0, 1]]
    zones = {
        "path": [[0.1, 0.5], [0.6, 0.5], [0.6, 1.0]],
        "corner": {
            "points": corner,
            "threshold": 70,
            "min_size": "1.5 %",
            "loitering_after": "90 s",
            "object_left_after": "20 s",
        },
    }
    text = changed(tmp_path, FILE, zones=zones)
    assert "path = [[0.1, 0.5], [0.6, 0.5], [0.6, 1.0]]   # by the hedge" in text
    assert "# where people walk" in text
    assert "gate" not in text
    assert (
        'corner = {points = [[0.0, 0.0], [0.1235, 0.0], [0.0, 1.0]], threshold = 70, min_size = "1.5 %", '
        'loitering_after = "1.5 min", object_left_after = "20 s"}'
    ) in text


def test_a_camera_that_had_no_table(tmp_path: Path) -> None:
    text = changed(tmp_path, FILE, "yard", motion_masks=[[[0, 0], [1, 0], [1, 0.2]]], motion={"sensitivity": 60})
    assert text.startswith(FILE.rstrip())
    assert "[cameras.yard.detection]" in text


@pytest.mark.parametrize("written", ["detection.threshold = 30\n", "detection = { threshold = 30 }\n"])
def test_other_ways_to_write_a_table(tmp_path: Path, written: str) -> None:
    text = changed(tmp_path, f'[cameras.door]\nsource = "demo:"\n{written}# end\n', effort="frugal", threshold=31)
    assert "31" in text
    assert "frugal" in text
    assert "# end" in text


@pytest.mark.parametrize("written", ["detection.detector = 'motion'\n", "detection = { threshold = 30 }\n"])
@pytest.mark.parametrize("after", ["", "[cameras.yard]\nsource = 'demo:'\n"])
def test_zones_and_sound_join_other_ways_to_write_a_table(tmp_path: Path, written: str, after: str) -> None:
    text = f'[cameras.door]\nsource = "demo:"\n{written}# end\n{after}'
    zones = {"path": {"points": [[0, 0], [0.5, 0], [0, 0.5]], "min_time": "2 s"}}
    written = changed(tmp_path, text, zones=zones, sound={"listen": True}, threshold=31)
    assert "# end" in written and written.endswith(after)
    assert "zones" not in changed(tmp_path, written, zones={})


def test_a_camera_that_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "tawny.toml"
    path.write_text(FILE, encoding="utf-8")
    with pytest.raises(NotDone):
        change_detection(path, "cellar", DetectionSettings(), ())
    assert path.read_text(encoding="utf-8") == FILE


def test_a_file_that_is_broken_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "tawny.toml"
    path.write_text(FILE.replace("threshold = 40", "threshold = 400"), encoding="utf-8")
    with pytest.raises(SettingsError):
        change_detection(path, "door", DetectionSettings(threshold=60), ())
    assert "400" in path.read_text(encoding="utf-8")


def test_times_and_shares_are_said_with_units() -> None:
    watch = DetectionSettings.model_validate({"zones": {"z": {"points": [[0, 0], [1, 0], [1, 1]], "min_time": "2 s"}}})
    assert plain_table(watch) == {"zones": {"z": {"points": [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]], "min_time": "2 s"}}}

"""How a camera's image is turned, changed in its file: zones, lines and masks stay on the same things."""

from pathlib import Path

import pytest

from tawny.config.changes import change_orientation, turned_camera
from tawny.config.loader import parse_settings, read_settings
from tawny.config.settings import CameraSettings
from tawny.detection.zones import privacy_masks
from tawny.model.errors import NotDone
from tawny.model.geometry import ORIENTATIONS, UPRIGHT, Orientation

FILE = """\
# the house
[cameras.door]
source = "demo:front"   # the front
privacy_masks = [[[0.0, 0.0], [0.3, 0.0], [0.3, 0.2]]]   # the neighbour

[cameras.door.detection]
threshold = 40              # leaves
motion_masks = [[[0.5, 0.5], [0.6, 0.5], [0.6, 0.7]]]

[cameras.door.detection.zones]
path = [[0.1, 0.5], [0.6, 0.5], [0.6, 1.0]]   # by the hedge
gate = { points = [[0.0, 0.0], [0.5, 0.0], [0.0, 0.5]], direction = "left", min_time = "2 s" }

[cameras.door.detection.lines]
kerb = { points = [[0.2, 0.4], [0.8, 0.4]], direction = "left-to-right" }

[cameras.yard]
source = "demo:yard"
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "tawny.toml"
    made.write_text(FILE, encoding="utf-8")
    return made


def test_everything_drawn_turns_with_the_image(path: Path) -> None:
    after = change_orientation(path, "door", Orientation(90)).cameras["door"]
    watch = after.detection
    assert (after.rotate, after.mirror) == (90, False)
    assert after.privacy_masks == (((1.0, 0.0), (1.0, 0.3), (0.8, 0.3)),)
    assert watch.motion_masks == (((0.5, 0.5), (0.5, 0.6), (0.3, 0.6)),)
    assert watch.zones["path"].points == ((0.5, 0.1), (0.5, 0.6), (0.0, 0.6))
    assert (watch.zones["gate"].direction, watch.zones["path"].direction) == ("up", "any")
    assert watch.lines["kerb"].points == ((0.6, 0.2), (0.6, 0.8))
    assert watch.lines["kerb"].direction == "left-to-right"
    assert read_settings(path).cameras["door"] == after


def test_a_mirror_swaps_the_sides_of_a_line_and_of_the_image(path: Path) -> None:
    watch = change_orientation(path, "door", Orientation(0, mirror=True)).cameras["door"].detection
    assert watch.zones["gate"].direction == "right"
    assert watch.lines["kerb"].points == ((0.8, 0.4), (0.2, 0.4))
    assert watch.lines["kerb"].direction == "right-to-left"


def test_what_is_not_concerned_stays_as_it_was_written(path: Path) -> None:
    change_orientation(path, "door", Orientation(180))
    text = path.read_text(encoding="utf-8")
    for kept in (
        "# the house",
        "# the front",
        "threshold = 40              # leaves",
        '[cameras.yard]\nsource = "demo:yard"',
    ):
        assert kept in text


@pytest.mark.parametrize("one", ORIENTATIONS, ids=str)
def test_turned_and_turned_back_is_as_before(path: Path, one: Orientation) -> None:
    before = read_settings(path).cameras["door"]
    change_orientation(path, "door", one)
    back = change_orientation(path, "door", UPRIGHT).cameras["door"]
    assert back == before
    assert "rotate" not in path.read_text(encoding="utf-8")
    assert "mirror" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("one", ORIENTATIONS, ids=str)
def test_privacy_masks_stay_at_the_same_pixels_of_the_camera(path: Path, one: Orientation) -> None:
    before = read_settings(path).cameras["door"]
    assert privacy_masks(turned_camera(before, one)) == privacy_masks(before)


def test_a_camera_that_is_gone(path: Path) -> None:
    with pytest.raises(NotDone, match="no camera gone"):
        change_orientation(path, "gone", Orientation(90))
    assert path.read_text(encoding="utf-8") == FILE


@pytest.mark.parametrize("wrong", ["45", '"90"', "-90", "90.5", "true"])
def test_another_angle_is_refused(wrong: str) -> None:
    made, problems = parse_settings(f'[cameras.door]\nsource = "demo:front"\nrotate = {wrong}\n', {})
    assert made is None
    assert "rotate" in problems[0].path
    assert "90" in problems[0].allowed


def test_it_is_upright_unless_said() -> None:
    assert CameraSettings(source="demo:front").orientation == UPRIGHT

import pytest

from tawny.delivery.file_names import PRESETS, checked, name, piece_name
from tawny.model.ids import CameraId
from tawny.model.times import utc_from_text

AT_MS = utc_from_text("2026-11-20T05:58:12.345Z")


def named(pattern: str, file_type: str = "mp4") -> str:
    return name(checked(pattern), CameraId("front-door"), AT_MS, "20261120T055812345-1a2b3c4d", "person", file_type)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("tawny", "front-door/2026/11/20/20261120T055812345-1a2b3c4d.mp4"),
        ("rom-cam", "mp4/front-door/1795154292.mp4"),
        ("diycam", "20261120/camfront-door/front-door_20261120T055812.345Z.mp4"),
        ("pancake", "2026/11/20/20261120-055812-front-door.mp4"),
        ("{kind}/{camera} {id}.{type}", "person/front-door 20261120T055812345-1a2b3c4d.mp4"),
    ],
)
def test_a_pattern_is_filled(pattern: str, expected: str) -> None:
    assert named(pattern) == expected


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("{id}.{ext}", "{ext} isn't a field"),
        ("{camera}.{type}", "one of"),
        ("{id}", "{type}"),
        ("/{id}.{type}", "not starting with /"),
        ("../{id}.{type}", "not starting with /"),
        ("a//{id}.{type}", "not starting with /"),
        ("{id}?.{type}", "not every system"),
        ("{id.__class__}.{type}", "isn't a field"),
    ],
)
def test_a_pattern_that_cannot_be_is_told(pattern: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        checked(pattern)


def test_presets_are_patterns() -> None:
    assert [checked(preset) for preset in PRESETS] == list(PRESETS.values())


def test_pieces_stand_beside_their_clip() -> None:
    assert piece_name("porch/a.mp4", 3) == "porch/a.003.mp4"

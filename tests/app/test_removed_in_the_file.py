"""Cameras that an edit of the settings file removes, also while the recorder is stopped: as if removed in the page."""

import json
from pathlib import Path

import pytest

from tawny.config.settings import Settings
from tawny.model.geometry import Polygon
from tawny.model.ids import CameraId
from tawny.service.retention import recording_deletion
from tawny.service.retention.promises import contract
from tawny.storage.history.left_cameras import LEFT
from tawny.storage.retention.contract import RetentionContract
from tawny.storage.retention.runner import Retention
from tests.app.rig import rig, settings

SHED = CameraId("shed")
MASK = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0))
DOOR = '[cameras.door]\nsource = "rtsp://192.0.2.7/"\nrecord = "off"\n'
BOTH = (
    DOOR
    + """\
[cameras.shed]
source = "rtsp://192.0.2.8/"
record = "off"
name = "Old shed"
privacy_masks = [[[0, 0], [1, 0], [1, 1]]]
retention.max = "400 days"
"""
)


def former(tmp_path: Path, *, is_stopped: bool, then: str = DOOR) -> tuple[Settings, tuple[Polygon, ...]]:
    """Return the settings and the masks after a camera is removed. is_stopped: while the recorder is."""
    with rig(settings(BOTH), tmp_path) as bench:
        if not is_stopped:
            bench.running.apply(settings(then), "tawny.toml")
            return bench.running.settings, bench.running.private(SHED)
    with rig(settings(then), tmp_path) as bench:
        return bench.running.settings, bench.running.private(SHED)


def test_its_retention_is_in_force_after_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rules = list[RetentionContract]()
    monkeypatch.setattr(Retention, "set_rules", lambda _, contract: rules.append(contract))
    former(tmp_path, is_stopped=True)
    assert rules[-1].cameras[SHED].max_s == 400 * 86_400


@pytest.mark.parametrize("is_stopped", [False, True])
def test_its_masks_name_and_retention_still_apply(tmp_path: Path, *, is_stopped: bool) -> None:
    now, masks = former(tmp_path, is_stopped=is_stopped)
    assert masks == (Polygon(MASK),)
    assert now.removed_names == {SHED: "Old shed (removed)"}
    assert contract(now).cameras[SHED].max_s == 400 * 86_400


def test_what_the_file_says_of_it_counts(tmp_path: Path) -> None:
    text = DOOR + '[removed_cameras.shed]\nname = "Shed"\nprivacy_masks = []\n'
    now, masks = former(tmp_path, is_stopped=True, then=text)
    assert (masks, now.removed_names) == ((), {SHED: "Shed (removed)"})


def test_a_camera_that_is_there_again_has_its_own_masks(tmp_path: Path) -> None:
    former(tmp_path, is_stopped=True)
    again = BOTH.replace("privacy_masks = [[[0, 0], [1, 0], [1, 1]]]\n", "")
    with rig(settings(again), tmp_path) as bench:
        assert (bench.running.private(SHED), bench.running.settings.removed_names) == ((), {})


@pytest.mark.parametrize("is_there_again", [False, True])
def test_it_is_forgotten_without_recordings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_there_again: bool
) -> None:
    monkeypatch.setattr(recording_deletion, "EMPTY_S", 0.0)
    file, data = tmp_path / "tawny.toml", tmp_path / "data"
    file.write_text(DOOR)
    with rig(settings(BOTH), data, config=file, has_interface=True) as bench:
        if is_there_again:
            bench.running.deleting.forget_before(lambda _: bench.running.apply(settings(BOTH), "tawny.toml"))
        bench.running.apply(settings(DOOR), "tawny.toml")
        bench.running.deleting.step()
        assert set(json.loads((data / LEFT).read_bytes())) == ({"door", SHED} if is_there_again else {"door"})
    assert file.read_text() == DOOR

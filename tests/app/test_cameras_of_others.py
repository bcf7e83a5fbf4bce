"""Cameras of other recorders beside a recorder's own, while its settings change."""

import json
import threading
from pathlib import Path

import pytest

from tawny.config.settings import Settings
from tawny.model.errors import DiskFull, Problem, SettingsError
from tawny.model.geometry import Polygon
from tawny.model.ids import CameraId
from tawny.service.plugin_registry import PluginRegistry
from tawny.service.retention import recording_deletion
from tawny.service.sealing.policy import OthersCameraSettings
from tawny.storage.disk.volume import Volume
from tests.app.rig import rig, settings

DOOR = '[cameras.door]\nsource = "rtsp://192.0.2.7/"\nrecord = "off"\n'
GARDEN = DOOR.replace("door", "garden")


def test_settings_that_change_during_a_takeover_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    problems = PluginRegistry.problems
    changing: list[threading.Thread] = []
    with rig(settings(DOOR), tmp_path) as bench:

        def change_meanwhile(plugins: PluginRegistry, new: Settings) -> list[Problem]:
            if not changing:
                changing.append(threading.Thread(target=bench.running.apply, args=(settings(DOOR + GARDEN), "test")))
                changing[0].start()
                changing[0].join(0.2)  # it must wait for the takeover
            return problems(plugins, new)

        monkeypatch.setattr(PluginRegistry, "problems", change_meanwhile)
        others = OthersCameraSettings.model_validate({"source": "rtsp://192.0.2.8/", "record": "off"})
        bench.running.record_for_others({"barn-front": others})
        changing[0].join()
        assert set(bench.running.settings.cameras) == {"door", "garden", "barn-front"}


def test_a_camera_that_nothing_here_reads_is_refused_unless_its_plug_in_went_later(tmp_path: Path) -> None:
    away = OthersCameraSettings.model_validate({"source": "gone:1", "record": "off"})
    read = OthersCameraSettings.model_validate({"source": "rtsp://192.0.2.8/", "record": "off"})
    with rig(settings(DOOR + GARDEN.replace("rtsp://192.0.2.7/", "lost:1")), tmp_path) as bench:
        with pytest.raises(SettingsError) as refused:
            bench.running.record_for_others({"barn-front": away})
        assert [one.path for one in refused.value.problems] == ["cameras.barn-front.source"]
        bench.running.record_for_others({"barn-front": read})
        bench.running.record_for_others({"barn-front": away, "barn-back": read})
        assert {"barn-front", "barn-back"} < set(bench.running.settings.cameras)


MASK = ((0.0, 0.0), (0.5, 0.0), (0.5, 0.5))
FRONT = CameraId("barn-front")
LEFT_FILE = "history/borrowed-cameras.json"


def with_mask(mask: tuple[tuple[float, float], ...]) -> dict[str, OthersCameraSettings]:
    source = "rtsp://192.0.2.8/"
    return {FRONT: OthersCameraSettings(source=source, name="Front (Barn)", record="off", privacy_masks=(mask,))}


def test_privacy_masks_of_a_camera_that_was_given_back_still_apply(tmp_path: Path) -> None:
    with rig(settings(DOOR), tmp_path) as bench:
        bench.running.record_for_others(with_mask(MASK))
        bench.running.record_for_others({})
        assert bench.running.private(FRONT) == (Polygon(MASK),)


def test_privacy_masks_of_a_camera_of_others_still_apply_after_a_restart(tmp_path: Path) -> None:
    with rig(settings(DOOR), tmp_path) as bench:
        bench.running.record_for_others(with_mask(MASK))
    with rig(settings(DOOR), tmp_path) as bench:
        assert bench.running.private(FRONT) == (Polygon(MASK),)
        assert bench.running.settings.removed_names == {FRONT: "Front (Barn) (removed)"}


def test_privacy_masks_are_durable_with_the_next_heartbeat(tmp_path: Path) -> None:
    with rig(settings(DOOR), tmp_path, has_interface=True) as bench:
        bench.running.record_for_others(with_mask(MASK))
        bench.running.keep_masks()
        assert set(json.loads((tmp_path / LEFT_FILE).read_bytes())) == {"door", FRONT}


def test_privacy_masks_that_the_disk_refused_are_written_with_the_heartbeat(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> str:
        raise DiskFull(str(tmp_path))

    with rig(settings(DOOR), tmp_path, has_interface=True) as bench:
        with monkeypatch.context() as broken:
            broken.setattr(Volume, "write_whole", full)
            bench.running.record_for_others(with_mask(MASK))
            bench.running.keep_masks()
        assert not (tmp_path / LEFT_FILE).exists()
        bench.running.keep_masks()
        assert (tmp_path / LEFT_FILE).exists()


def test_the_masks_of_the_last_takeover_apply(tmp_path: Path) -> None:
    other = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0))
    with rig(settings(DOOR), tmp_path) as bench:
        for mask in (MASK, other):
            bench.running.record_for_others(with_mask(mask))
            bench.running.record_for_others({})
        assert bench.running.private(FRONT) == (Polygon(other),)


def test_a_camera_that_was_given_back_is_listed_at_once(tmp_path: Path) -> None:
    with rig(settings(DOOR), tmp_path) as bench:
        assert bench.running.settings.removed_names == {}
        bench.running.record_for_others(with_mask(MASK))
        bench.running.record_for_others({})
        assert set(bench.running.settings.removed_names) == {FRONT}


@pytest.mark.parametrize("is_taken_meanwhile", [False, True])
def test_what_is_left_is_forgotten_without_recordings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_taken_meanwhile: bool
) -> None:
    monkeypatch.setattr(recording_deletion, "EMPTY_S", 0.0)
    file = tmp_path / "tawny.toml"
    file.write_text(DOOR)
    with rig(settings(DOOR), tmp_path / "data", config=file, has_interface=True) as bench:
        bench.running.record_for_others(with_mask(MASK))
        bench.running.record_for_others({})
        if is_taken_meanwhile:
            bench.running.deleting.forget_before(lambda _: bench.running.record_for_others(with_mask(MASK)))
        bench.running.deleting.step()
        kept = {"door", FRONT} if is_taken_meanwhile else {"door"}
        assert set(json.loads((tmp_path / "data" / LEFT_FILE).read_bytes())) == kept
        assert FRONT not in bench.running.settings.removed_names


def test_a_camera_is_recorded_for_others_without_waiting_for_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    with rig(settings(DOOR), tmp_path, has_interface=True) as bench:
        with monkeypatch.context() as watched:
            watched.setattr(Volume, "write_whole", lambda _volume, path, _data: written.append(path))
            bench.running.record_for_others(with_mask(MASK))
        assert FRONT in bench.running.settings.cameras
    assert LEFT_FILE not in written


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """A folder whose masks of cameras of other recorders can't be understood."""
    with rig(settings(DOOR), tmp_path):
        pass
    (tmp_path / LEFT_FILE).write_text("{")
    return tmp_path


def test_a_recorder_says_that_the_masks_of_others_are_damaged(damaged: Path) -> None:
    with rig(settings(DOOR), damaged) as bench:
        assert any(f"{LEFT_FILE}.damaged is damaged" in one.message for one in bench.running.warnings())


def test_an_unknown_camera_is_black_while_masks_of_others_are_damaged(damaged: Path) -> None:
    with rig(settings(DOOR), damaged) as bench:
        assert bench.running.private(FRONT) == (Polygon(((0, 0), (1, 0), (1, 1), (0, 1))),)
        assert bench.running.private(CameraId("door")) == ()


def test_privacy_masks_of_a_removed_camera_still_apply(tmp_path: Path) -> None:
    mask = "privacy_masks = [[[0.0, 0.0], [0.5, 0.0], [0.5, 0.5]]]\n"
    with rig(settings(DOOR + f"[removed_cameras.shed]\n{mask}"), tmp_path) as bench:
        assert len(bench.running.private(CameraId("shed"))) == 1

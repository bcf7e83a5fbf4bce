"""Cameras of other recorders beside a recorder's own, while its settings change."""

import threading
from pathlib import Path

import pytest

from tawny.config.settings import Settings
from tawny.model.errors import Problem
from tawny.model.geometry import Polygon
from tawny.model.ids import CameraId
from tawny.service.plugin_registry import PluginRegistry
from tawny.service.sealing.policy import OthersCameraSettings
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


def test_privacy_masks_of_a_camera_that_was_given_back_still_apply(tmp_path: Path) -> None:
    mask = ((0.0, 0.0), (0.5, 0.0), (0.5, 0.5))
    others = OthersCameraSettings(source="rtsp://192.0.2.8/", record="off", privacy_masks=(mask,))
    with rig(settings(DOOR), tmp_path) as bench:
        bench.running.record_for_others({"barn-front": others})
        bench.running.record_for_others({})
        assert bench.running.private(CameraId("barn-front")) == (Polygon(mask),)


def test_privacy_masks_of_a_removed_camera_still_apply(tmp_path: Path) -> None:
    mask = "privacy_masks = [[[0.0, 0.0], [0.5, 0.0], [0.5, 0.5]]]\n"
    with rig(settings(DOOR + f"[removed_cameras.shed]\n{mask}"), tmp_path) as bench:
        assert len(bench.running.private(CameraId("shed"))) == 1

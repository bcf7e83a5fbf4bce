"""What is wrong with sound detection, and what to do: a camera without audio, and a model that has stopped."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tawny.config.recognition import AudioSettings
from tawny.model.ids import CameraId
from tawny.service.detection import sound_health
from tawny.service.detection.sound_health import LASTS_S, NO_AUDIO, NO_AUDIO_DO, PAUSE_S, SoundHealth
from tawny.testing.clock import FakeClock
from tawny.testing.waiting import until
from tests.app.rig import DOOR, rig, settings

BROKEN = "hear.py, line 1: ZeroDivisionError: division by zero. Correct the file, or choose another model."


class Model:
    length = 16_000

    def __init__(self, trouble: str = "", refused: object = None) -> None:
        self.trouble, self.refused = trouble, refused

    def scores(self, camera: CameraId, at_ms: int, samples: Any) -> Mapping[str, float]:
        return {}

    def close(self) -> None:
        """Nothing to release."""


class Bench:
    def __init__(self, *, loud: bool = True, silenced_by: str = "") -> None:
        self.clock = FakeClock()
        self.health = SoundHealth(self.clock, AudioSettings(listen=True, loud=loud), silenced_by)

    def said(self) -> tuple[tuple[str, str] | None, str]:
        return self.health.fault, self.health.trouble

    def run(self, seconds: float, *, is_expected: bool = True, has_audio: bool = False) -> None:
        for _ in range(round(seconds)):
            self.clock.advance(1)
            if has_audio:
                self.health.on_audio()
            self.health.look(is_expected=is_expected)


def test_a_minute_without_audio_is_a_fault_until_there_is_some() -> None:
    bench = Bench()
    bench.run(LASTS_S - 1)
    assert bench.said() == (None, "")
    bench.run(1)
    assert bench.said() == ((NO_AUDIO, NO_AUDIO_DO), f"{NO_AUDIO} {NO_AUDIO_DO}")
    bench.run(1, has_audio=True)
    assert bench.said() == (None, "")


def test_a_camera_that_sends_no_audio_in_silence_has_no_fault() -> None:
    bench = Bench()
    bench.run(1, has_audio=True)
    bench.run(PAUSE_S - 1)
    assert bench.said() == (None, "")
    bench.run(1)
    assert bench.said()[0] == (NO_AUDIO, NO_AUDIO_DO)


def test_a_camera_that_pauses_again_and_again_has_a_fault_once() -> None:
    bench, faults = Bench(), list[bool]()
    for _ in range(10):
        bench.run(1, has_audio=True)
        bench.run(PAUSE_S + 100)
        faults.append(bench.health.fault is not None)
    assert faults == [True] + [False] * 9


def test_silence_between_reconnections_adds_up() -> None:
    bench = Bench()
    bench.run(1, has_audio=True)
    for _ in range(9):
        bench.run(PAUSE_S / 10)
        bench.run(30, is_expected=False)
    assert bench.health.trouble == ""
    bench.run(PAUSE_S / 10)
    assert bench.health.trouble


def test_a_setting_that_leaves_out_the_audio_is_named() -> None:
    bench = Bench(silenced_by="rtsp.sound")
    bench.run(LASTS_S)
    assert "Set `rtsp.sound = true` for this camera" in bench.health.trouble


def test_a_camera_that_should_not_send_now_lacks_no_audio() -> None:
    bench = Bench()
    bench.run(2 * LASTS_S, is_expected=False)
    bench.run(LASTS_S - 1)
    assert bench.health.trouble == ""


@pytest.mark.parametrize(
    ("loud", "model", "meanwhile"),
    [
        (True, Model(BROKEN), "loud sounds are events without a name"),
        (False, Model(BROKEN), "no sounds are detected"),
        (False, Model("No model named mean.", refused="no model"), "loud sounds are events without a name"),
    ],
)
def test_a_model_that_has_stopped_says_what_happens_meanwhile(loud: bool, model: Model, meanwhile: str) -> None:
    bench = Bench(loud=loud)
    bench.health.model = model
    assert bench.health.trouble == f"{model.trouble} Until then, {meanwhile}."


def test_a_model_that_has_stopped_for_a_minute_is_a_fault() -> None:
    bench = Bench()
    bench.health.model = Model(BROKEN)
    bench.run(LASTS_S - 1, has_audio=True)
    assert bench.said()[0] is None
    bench.run(1, has_audio=True)
    assert bench.said()[0] == (BROKEN, "Recording continues. Until then, loud sounds are events without a name.")
    bench.health.model = Model()
    assert bench.said() == (None, ""), "at once, not only at the next look"


def test_a_camera_without_audio_is_a_problem_of_detection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sound_health, "LASTS_S", 2.0)
    listens = "[cameras.door.detection.sound]\nlisten = true\n"
    with rig(settings(f'[cameras.door]\nsource = "demo:front"\n{listens}'), tmp_path) as made:

        def problems() -> list[tuple[object, str]]:
            return [(one.camera, one.detail) for one in made.running.parts.cameras.detection_problems()]

        until(problems, 60, "a problem")
        assert problems() == [(DOOR, NO_AUDIO)]
        now = made.running.tuning.watching(DOOR)
        assert now is not None
        assert (now.sound_trouble, now.trouble) == (f"{NO_AUDIO} {NO_AUDIO_DO}", "")
        assert [one.status.detail for one in made.running.cameras()] == [now.sound_trouble]

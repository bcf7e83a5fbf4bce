"""Detectors of plug-ins while a camera is watched: what they give is checked, and what they raise names them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest

from tawny.config.settings import DetectionSettings
from tawny.detection.detector import Glances
from tawny.detection.motion import MotionDetector
from tawny.detection.zones import camera_zones
from tawny.engine.plugins import PluginFailed
from tawny.model.observations import Frame, Look, Observation
from tawny.service.detection.guarded_detector import make_detector
from tests.support.scenes import PictureFrame

FRAME = PictureFrame(np.zeros((90, 160), np.uint8), 1)


class Giving:
    """Gives what it was made for."""

    name = "nose"

    def __init__(self, gives: Callable[[], Any]) -> None:
        self._gives = gives

    def look(self, frame: Frame) -> Any:
        return self._gives()


class Process(Giving):
    """Breaks as soon as it is asked to report."""

    is_broken = False

    @property
    def trouble(self) -> str:
        if self.is_broken:
            raise RuntimeError("hunter2")
        return ""

    def on_trouble(self, report: Callable[[str], None]) -> None:
        self.is_broken = True

    def close(self) -> NoReturn:
        raise RuntimeError("hunter2")


class Glancing(Giving):
    is_following = True

    def glance(self, frame: Frame) -> NoReturn:
        raise RuntimeError("hunter2")


def made(kind: Callable[[Callable[[], Any]], Any], gives: Any = None, **zones: Any) -> Any:
    settings = DetectionSettings.model_validate({"detector": "nose", **zones})
    return make_detector({"nose": lambda _: kind(lambda: gives)}, settings, camera_zones(settings))


def thing(score: float) -> tuple[Observation]:
    return (Observation("motion", score, (0.1, 0.1, 0.2, 0.2), 1),)


@pytest.mark.parametrize(
    ("gives", "error"),
    [
        (Look(500), "ValueError"),
        (Look(-1), "ValueError"),
        (Look(50.5), "TypeError"),  # type: ignore[arg-type]
        (Look(float("nan")), "TypeError"),  # type: ignore[arg-type]
        (Look(80, thing(7.0)), "ValueError"),
        (Look(20, near=thing(float("nan"))), "ValueError"),
        (5, "TypeError"),
    ],
    ids=repr,
)
def test_a_look_out_of_range_is_an_error_of_its_plug_in(gives: Any, error: str) -> None:
    with pytest.raises(PluginFailed, match=f"the plug-in nose failed: {error}$") as failed:
        made(Giving, gives)[0].look(FRAME)
    assert failed.value.place == ""  # none of its lines raised it


def test_what_it_gives_in_its_zones_is_passed_on() -> None:
    detector, _ = made(Giving, Look(80, thing(0.8)), zones={"gate": [[0, 0], [1, 0], [1, 1]]})
    assert detector.look(FRAME).seen[0].zones == ("gate",)


def test_one_that_glances_still_does_and_its_errors_name_it() -> None:
    detector, _ = made(Glancing)
    assert isinstance(detector, Glances)
    assert detector.is_following
    with pytest.raises(PluginFailed, match=r"the plug-in nose failed: RuntimeError$") as failed:
        detector.glance(FRAME)
    assert failed.value.place.startswith(f" ({Path(__file__).name}, line ")
    assert not isinstance(made(Giving)[0], Glances)


def test_a_process_that_fails_shows_that_and_can_be_closed() -> None:
    _, own = made(Process)
    own.on_trouble(lambda _: None)
    assert own.trouble == "The plug-in nose failed: RuntimeError."
    own.close()


class Uneven(Process):
    looks_a_second = "fast"

    def __init__(self, gives: Callable[[], Any]) -> None:
        super().__init__(gives)
        self._closed = gives()

    def close(self) -> None:  # type: ignore[override]
        self._closed.append("closed")


def test_the_process_of_one_that_cannot_be_used_is_closed() -> None:
    closed: list[str] = []
    with pytest.raises(ValueError, match="fast"):
        made(Uneven, closed)
    assert closed == ["closed"]


def test_one_that_is_not_installed_says_so() -> None:
    settings = DetectionSettings.model_validate({"detector": "nose"})
    with pytest.raises(PluginFailed, match=r"the plug-in nose failed: it isn't installed$"):
        make_detector({}, settings, camera_zones(settings))


def test_tawnys_own_are_asked_directly() -> None:
    settings = DetectionSettings()
    detector, own = make_detector({"motion": MotionDetector}, settings, camera_zones(settings))
    assert (type(detector), own) == (MotionDetector, None)

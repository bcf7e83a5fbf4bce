"""The detector against the contract of detectors, and with a light."""

import numpy as np
import pytest
from tawny_example.light_switch import LightSwitch

from tawny.detection.detector import Detector
from tawny.testing.contracts import DetectorContract
from tawny.testing.contracts.detection import START_MS, STEP_MS, PictureFrame


class TestLightSwitch(DetectorContract):
    def make(self) -> Detector:
        return LightSwitch({"level": 1})


def test_a_light_that_is_switched_on_is_an_event() -> None:
    detector = LightSwitch({})
    pictures = [np.full((90, 160), level, np.uint8) for level in [40] * 10 + [90] * 5]
    frames = [PictureFrame(picture, START_MS + n * STEP_MS) for n, picture in enumerate(pictures)]
    looks = [detector.look(frame) for frame in frames]
    assert [bool(look.seen) for look in looks] == [False] * 10 + [True] * 5


def test_a_wrong_setting_is_named() -> None:
    with pytest.raises(ValueError, match="level: found 0; allowed"):
        LightSwitch({"level": 0})

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from tawny_example.beep import RATE, Beep

from tawny.testing.contracts import SoundModelContract


def tone(hz: float) -> Any:
    return (0.3 * np.sin(2 * np.pi * hz * np.arange(RATE // 2) / RATE)).astype(np.float32)


class TestBeep(SoundModelContract):
    LABEL = "Smoke alarm"

    def make(self) -> Beep:
        return Beep({})

    def sound(self) -> Any:
        return tone(3150)


def test_another_tone_is_not_an_alarm() -> None:
    scores: Mapping[str, float] = Beep({}).scores("porch", 0, tone(440))
    assert scores == {"Smoke alarm": 0.0}


def test_it_has_no_settings() -> None:
    with pytest.raises(ValueError, match="level isn't a setting"):
        Beep({"level": 3})

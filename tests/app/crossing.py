"""A detector whose events do not wait for chance, nor for a machine that has time to look well."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from tawny.model.observations import Frame, Look, Observation


class Crossing:
    """A detector that sees something cross the picture, over and over, and which cells of it move."""

    name: ClassVar[str] = "motion"

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._n = 0

    def look(self, frame: Frame) -> Look:
        self._n += 1
        x = 0.1 + 0.01 * (self._n % 60)
        things = (Observation("motion", 0.8, (x, 0.3, x + 0.1, 0.6), self._n // 60),)
        return Look(70, things, mask=np.ones((54, 96), np.bool_))

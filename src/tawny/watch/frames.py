"""Frames (`model.observations.Frame`) that are not straight from a decoder."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tawny.model.ids import CameraId
from tawny.model.observations import Frame

NO_CAMERA = CameraId("")


@dataclass(frozen=True)
class Still:
    """A grey picture that is there."""

    luma: Any
    at_ms: int
    camera: CameraId = NO_CAMERA

    @property
    def rgb(self) -> Any:
        return np.repeat(self.luma[:, :, None], 3, axis=2)


@dataclass(frozen=True)
class Masked:
    """Another frame without some of its pixels. hidden: bool [height, width]."""

    frame: Frame
    luma: Any
    hidden: Any

    @property
    def camera(self) -> CameraId:
        return self.frame.camera

    @property
    def at_ms(self) -> int:
        return self.frame.at_ms

    @property
    def rgb(self) -> Any:
        """What is hidden is black."""
        rgb = self.frame.rgb.copy()
        rgb[self.hidden] = 0
        return rgb

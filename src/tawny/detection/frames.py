"""Frames (`model.observations.Frame`) that are not straight from a decoder."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from tawny.media.codec.keyframe import keyframe_picture
from tawny.model.ids import CameraId
from tawny.model.observations import Frame
from tawny.model.packets import Packet
from tawny.model.polygon import Polygon

NO_CAMERA = CameraId("")
BLACK = (360, 640)


@dataclass(frozen=True)
class GreyFrame:
    """A grey picture that is there."""

    luma: Any
    at_ms: int
    camera: CameraId = NO_CAMERA

    @property
    def rgb(self) -> Any:
        return np.repeat(self.luma[:, :, None], 3, axis=2)


@dataclass(frozen=True)
class MaskedFrame:
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


class UndecodedFrame:
    """A moment whose picture nobody has asked for: the keyframe before it is decoded when somebody does, an event say.

    keyframe: None, or one that cannot be decoded: the picture is black.
    """

    def __init__(self, camera: CameraId, at_ms: int, keyframe: Packet | None, private: Sequence[Polygon] = ()) -> None:
        self.camera, self.at_ms = camera, at_ms
        self._keyframe, self._private = keyframe, private

    @property
    def luma(self) -> Any:
        return self._pictures[0]

    @property
    def rgb(self) -> Any:
        return self._pictures[1]

    @cached_property
    def _pictures(self) -> tuple[Any, Any]:
        picture = keyframe_picture(self._keyframe, self._private) if self._keyframe is not None else None
        if picture is None:
            return np.zeros(BLACK, np.uint8), np.zeros((*BLACK, 3), np.uint8)
        return picture.luma.copy(), picture.rgb

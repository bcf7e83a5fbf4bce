"""Frames (`model.observations.Frame`) that do not come directly from a decoder."""

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
    """A frame from a luma array, uint8 [height, width]."""

    luma: Any
    at_ms: int
    camera: CameraId = NO_CAMERA

    @property
    def rgb(self) -> Any:
        return np.repeat(self.luma[:, :, None], 3, axis=2)


@dataclass(frozen=True)
class MaskedFrame:
    """Another frame with some pixels hidden. hidden: bool [height, width]."""

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
        """The frame in RGB; hidden pixels are black."""
        rgb = self.frame.rgb.copy()
        rgb[self.hidden] = 0
        return rgb


class UndecodedFrame:
    """A moment without a decoded frame. Decodes the preceding keyframe on first access, for example for an event.

    keyframe: None, or one that cannot be decoded, gives a black frame.
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

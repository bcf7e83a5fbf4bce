"""Privacy masks: image regions painted black before any further processing."""

from collections.abc import Sequence
from typing import Any, Final

import av
import numpy as np

from tawny.media.codec.decoder import FULL_RANGE, DecodedFrame, converted, even_planes, planar_format, turned_back
from tawny.model.geometry import Polygon

_NO_COLOUR = 128

Plane = np.ndarray[Any, np.dtype[np.uint8]]


def mask_picture(frame: DecodedFrame, private: Sequence[Polygon]) -> DecodedFrame:
    """Return a copy with the masked regions black, including a small margin. private: in the image as sent.

    Decoders need their own frames unchanged.
    """
    if not private:
        return frame
    video = frame.raw
    width, height = video.width, video.height
    if width % 2 or height % 2:
        rgb: Any = converted(video, format="rgb24").to_ndarray()
        fill_masks(rgb, private, (0, 0, 0))
        return DecodedFrame(
            av.VideoFrame.from_ndarray(rgb, format="rgb24"), frame.camera, frame.at_ms, frame.orientation
        )
    name = planar_format(video)
    planes = masked_planes(frame, private, name)
    made = av.VideoFrame.from_ndarray(planes, format=name)
    made.colorspace, made.color_range = video.colorspace, video.color_range
    return DecodedFrame(made, frame.camera, frame.at_ms, frame.orientation)


def masked_planes(frame: DecodedFrame, private: Sequence[Polygon], name: str) -> Plane:
    """Return the frame as sent, with the masked regions black: planar 4:2:0, scaled by a pixel if a side is odd.

    name: FFmpeg's name of the format, with its range.
    """
    video = frame.raw
    width, height = video.width // 2 * 2, video.height // 2 * 2
    planes: Plane = even_planes(video, name)
    fill_masks(planes[:height], private, (0 if name == FULL_RANGE else 16,))
    for colour in planes[height:].reshape(2, height // 2, width // 2):
        fill_masks(colour, private, (_NO_COLOUR,))
    return planes


def fill_masks(plane: Plane, private: Sequence[Polygon], colour: tuple[int, ...]) -> None:
    """Fill the masks in place, each by itself: polygons filled together leave their overlap as it was."""
    import cv2  # imported late: 16 MB, unused without privacy masks

    size = np.array([plane.shape[1], plane.shape[0]])
    for part in private:
        cv2.fillPoly(plane, [np.round(np.array(part.points) * size).astype(np.int32)], colour)


# Irreversible redaction of image regions: 20 large patches across the frame, in 16 shades.

COLUMNS: Final = 20
"""Patches per frame width."""
SHADES: Final = 16

Hidden = np.ndarray[Any, np.dtype[np.bool_]]
"""bool [rows, columns] of any size: True where the frame is redacted."""


def blur_picture(frame: DecodedFrame, hidden: Hidden) -> DecodedFrame:
    """Return a copy with the hidden regions redacted, including a small margin. hidden: in the image as shown.

    Decoders need their own frames unchanged.
    """
    import cv2  # imported late: 16 MB, unused by most recorders

    video, sent = frame.raw, turned_back(hidden.astype(np.uint8), frame.orientation)
    width, height = video.width // 2 * 2, video.height // 2 * 2
    name = "yuvj420p" if video.format.name.startswith("yuvj") else "yuv420p"
    planes = even_planes(video, name)
    rows = max(2, round(COLUMNS * height / width))
    colours = planes[height:].reshape(2, height // 2, width // 2)
    for plane in (planes[:height], *colours):
        size = (plane.shape[1], plane.shape[0])
        patches = cv2.resize(cv2.resize(plane, (COLUMNS, rows), interpolation=cv2.INTER_AREA), size)
        step = 256 // SHADES
        where = cv2.resize(sent, size, interpolation=cv2.INTER_NEAREST)
        where = cv2.dilate(where, np.ones((3, 3), np.uint8)).astype(bool)
        plane[where] = (patches // step * step + step // 2)[where]
    made = av.VideoFrame.from_ndarray(planes, format=name)
    made.colorspace, made.color_range = video.colorspace, video.color_range
    return DecodedFrame(made, frame.camera, frame.at_ms, frame.orientation)

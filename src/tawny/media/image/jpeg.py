"""JPEG images: encoding for display, and keyframes as JPEG."""

from collections.abc import Iterable, Sequence
from typing import Any

import av
import numpy as np
from av.video.reformatter import Colorspace, Interpolation

from tawny.media.codec.decoder import NO_CAMERA, DecodedFrame, Decoder, turned
from tawny.media.image.mask import mask_picture
from tawny.model.packets import Packet, SourcePacket, VideoFormat
from tawny.model.polygon import Polygon

_UNSAID = 2
"""FFmpeg's AVCOL_SPC_UNSPECIFIED: the stream does not specify its colour matrix."""
_HD_HEIGHT = 720
"""From this height on, frames without a colour matrix count as BT.709, below as BT.601, as in players."""


def jpeg(picture: DecodedFrame | Any, width: int | None = None, quality: int = 80) -> bytes:
    """Encode a decoded frame, or uint8 [height, width, 3], RGB, as JPEG.

    width: maximum width, px, preserving the aspect ratio; None: unchanged. quality: 1..100.
    """
    return _encoded(_bgr(_frame_of(picture), width), quality)


def scaled_size(picture: DecodedFrame | Any, width: int) -> Any:
    """Return uint8 [height, width, 3], BGR, at most `width` px wide, for `side_by_side`."""
    return _bgr(_frame_of(picture), width)


def side_by_side(pictures: Sequence[Any], quality: int = 70) -> bytes:
    """Encode images of equal size from `scaled_size` as one JPEG, from left to right."""
    return _encoded(np.hstack(list(pictures)), quality)


def _frame_of(picture: DecodedFrame | Any) -> DecodedFrame:
    if isinstance(picture, DecodedFrame):
        return picture
    return DecodedFrame(av.VideoFrame.from_ndarray(picture, format="rgb24"), NO_CAMERA, 0)


def _bgr(picture: DecodedFrame, width: int | None) -> Any:
    """Return the image as shown, at most `width` px wide. It is turned once it is small."""
    wide = min(width or picture.width, picture.width)
    high = max(1, round(picture.height * wide / picture.width))
    wide, high = picture.orientation.size(wide, high)
    frame = picture.raw
    colours = int(frame.colorspace)
    if colours == _UNSAID:
        colours = int(Colorspace.ITU709 if frame.height >= _HD_HEIGHT else Colorspace.ITU601)
    small = frame.reformat(
        format="bgr24", width=wide, height=high, src_colorspace=colours, interpolation=Interpolation.AREA
    )
    return turned(small.to_ndarray(), picture.orientation)


def _encoded(bgr: Any, quality: int) -> bytes:
    import cv2  # imported late: 16 MB, unused by recorders without detection

    made, coded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not made:
        raise ValueError(f"a picture of shape {bgr.shape} cannot become a JPEG")
    return coded.tobytes()


class Tiles:
    """Grid of thumbnails in one image, row by row. Empty cells are dark."""

    def __init__(self, columns: int, rows: int, width: int) -> None:
        self._columns, self._rows, self._width = columns, rows, width
        self._sheet: Any = None
        self._height = 0

    @property
    def is_empty(self) -> bool:
        return self._sheet is None

    def put(self, place: int, frame: DecodedFrame) -> None:
        """Draw a whole frame into a cell. The first frame determines the cell height."""
        import cv2

        tile = _bgr(frame, self._width)
        if self._sheet is None:
            self._height = round(tile.shape[0] * self._width / tile.shape[1])
            self._sheet = np.full((self._rows * self._height, self._columns * self._width, 3), 24, np.uint8)
        left, top = place % self._columns * self._width, place // self._columns * self._height
        high, wide = tile.shape[:2]
        scale = min(self._width / wide, self._height / high)
        wide, high = max(1, round(wide * scale)), max(1, round(high * scale))
        if tile.shape[:2] != (high, wide):  # narrower than a cell, or turned since the first one
            tile = cv2.resize(tile, (wide, high), interpolation=cv2.INTER_AREA)
        left, top = left + (self._width - wide) // 2, top + (self._height - high) // 2
        self._sheet[top : top + high, left : left + wide] = tile

    def jpeg(self, quality: int = 85) -> bytes:
        return _encoded(self._sheet, quality)


# Single frames of a stream, decoded in isolation: snapshots, previews, event images.


def keyframe_jpeg(
    packet: Packet | SourcePacket, width: int | None = None, private: Sequence[Polygon] = ()
) -> bytes | None:
    """Return a keyframe as JPEG, at most `width` px wide, with privacy masks applied. None if it cannot be decoded.

    Keeps no state.
    """
    frame = _alone(packet)
    return jpeg(mask_picture(frame, private), width) if frame else None


def keyframe_picture(packet: Packet | SourcePacket, private: Sequence[Polygon] = ()) -> DecodedFrame | None:
    """Return a decoded keyframe with privacy masks applied. None if it cannot be decoded."""
    frame = _alone(packet)
    return mask_picture(frame, private) if frame else None


def keyframe_rgb(packet: Packet | SourcePacket, private: Sequence[Polygon] = ()) -> Any:
    """Return a decoded keyframe as uint8 [height, width, 3], RGB, with privacy masks. None if it cannot be decoded."""
    frame = keyframe_picture(packet, private)
    return frame.rgb if frame else None


def _alone(packet: Packet | SourcePacket) -> DecodedFrame | None:
    assert isinstance(packet.format, VideoFormat)
    decoder = Decoder(packet.format)
    frames = decoder.decode(packet) or decoder.drain()
    return frames[-1] if frames else None


def jpeg_near(
    at_ms: int, packets: Iterable[Packet], width: int | None = None, private: Sequence[Polygon] = ()
) -> bytes | None:
    """Return the frame nearest to `at_ms` as JPEG. packets: video of one format, from a keyframe on."""
    decoder: Decoder | None = None
    nearest: DecodedFrame | None = None
    for packet in packets:
        assert isinstance(packet.format, VideoFormat)
        decoder = decoder or Decoder(packet.format)
        nearest = _nearer(at_ms, nearest, decoder.decode(packet))
    nearest = _nearer(at_ms, nearest, decoder.drain() if decoder else [])
    return jpeg(mask_picture(nearest, private), width) if nearest else None


def _nearer(at_ms: int, one: DecodedFrame | None, others: list[DecodedFrame]) -> DecodedFrame | None:
    there = [one, *others] if one else others
    return min(there, key=lambda frame: abs(frame.at_ms - at_ms), default=None)

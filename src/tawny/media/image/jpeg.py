"""JPEG images: encoding for display, and keyframes as JPEG."""

from collections.abc import Iterable, Sequence
from itertools import product
from typing import Any, Final, Literal

import av
import numpy as np
from av.video.reformatter import Colorspace, Interpolation

from tawny.media.codec.decoder import NO_CAMERA, DecodedFrame, Decoder, converted, turned
from tawny.media.image.mask import fill_masks, mask_picture
from tawny.media.image.stamp import Stamp, stamped
from tawny.model.geometry import Polygon, thumbnail_counts
from tawny.model.observations import Box
from tawny.model.packets import Packet, SourcePacket, VideoFormat

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


def side_by_side(pictures: Sequence[Any]) -> bytes:
    """Encode images of equal size from `scaled_size` as one JPEG, from left to right."""
    return _encoded(np.hstack(list(pictures)), quality=70)


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
    size = {"width": wide, "height": high, "interpolation": Interpolation.AREA}
    small = converted(frame, format="bgr24", src_colorspace=colours, **size)
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
        height, width = tile.shape[:2]
        scale = min(self._width / width, self._height / height)
        width, height = max(1, round(width * scale)), max(1, round(height * scale))
        if tile.shape[:2] != (height, width):  # narrower than a cell, or turned since the first one
            tile = cv2.resize(tile, (width, height), interpolation=cv2.INTER_AREA)
        left, top = left + (self._width - width) // 2, top + (self._height - height) // 2
        self._sheet[top : top + height, left : left + width] = tile

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


# Event images for messages: cropped to the object with its surroundings, or whole with a box around it.
#
# A phone shows an image a few centimetres wide: a person far away is a speck in the whole one.

ImageView = Literal["closeup", "box", "full"]
Crop = tuple[int, int, int, int]
"""Left, top, right and bottom, px."""
WIDE, SQUARE = 16 / 9, 1.0
"""Width to height."""
FILLED: Final = 0.6
"""Largest part of the crop's width and height that the object fills: the rest shows where it is."""
LEAST_PX: Final = 480
LEAST_SHARE: Final = 0.25
"""Least width of a crop, px and as a share of the image: a smaller one is blurred, and its place unclear."""
NEARLY_ALL: Final = 0.85
"""A crop that leaves out less than the rest is not made."""


def crop_around(width: int, height: int, box: Box, aspect: float) -> Crop:
    """Return the crop of an image that shows the box with its surroundings. It stays within the image.

    Its sides are as `aspect` says, unless the image is too narrow or too low to show the whole box so.
    """
    x0, x1 = (min(1.0, max(0.0, side)) * width for side in (box[0], box[2]))
    y0, y1 = (min(1.0, max(0.0, side)) * height for side in (box[1], box[3]))
    needs_wide, needs_high = (x1 - x0) / FILLED, (y1 - y0) / FILLED
    wide = max(needs_wide, needs_high * aspect, LEAST_PX, LEAST_SHARE * width)
    high = min(wide / aspect, float(height))
    wide = min(max(high * aspect, needs_wide), float(width))
    high = min(max(wide / aspect, needs_high), float(height))
    left = min(max(0.0, (x0 + x1 - wide) / 2), width - wide)
    top = min(max(0.0, (y0 + y1 - high) / 2), height - high)
    return round(left), round(top), round(left + wide), round(top + high)


def event_image(data: bytes, box: Box | None, view: ImageView, *, aspect: float = WIDE, label: str = "") -> bytes:
    """Return an event's JPEG as `view` says; unchanged without a box, or if it can't be decoded."""
    if view == "full" or box is None:
        return data
    found = decode_jpeg(data)
    if found is None:
        return data
    height, width = found.shape[:2]
    if view == "box":
        frame = DecodedFrame(av.VideoFrame.from_ndarray(found, format="rgb24"), NO_CAMERA, 0)
        return jpeg(stamped(frame, Stamp(boxes=((box, label),))), quality=85)
    left, top, right, bottom = crop_around(width, height, box, aspect)
    if right - left >= NEARLY_ALL * width and bottom - top >= NEARLY_ALL * height:
        return data
    return jpeg(np.ascontiguousarray(found[top:bottom, left:right]), quality=85)


_BLACK, _MEAN_BLACK = 24, 2.0
"""Brightness up to which encoded pixels count as black, and that of their mean: a dark window is brighter."""


def masked_jpeg(data: bytes, private: Sequence[Polygon], shapes: Iterable[float] | None = None) -> bytes:
    """Return a stored JPEG with the masked regions black; as it is, if they are already or it is no image.

    private: in the image as shown. shapes: of a preview strip, as for `thumbnail_counts`; None: it is one image.
    """
    found = decode_jpeg(data) if private else None
    if found is None:
        return data
    import cv2  # imported late: 16 MB, unused without privacy masks

    height, width = found.shape[:2]
    columns = (1,) if shapes is None else thumbnail_counts(width, height, shapes)
    hidden, is_black = np.zeros((height, width), bool), True
    for polygon, count in product(private, columns):
        region = np.zeros((height, width), np.uint8)
        for column in np.array_split(region, count, axis=1):
            part = np.zeros(column.shape, np.uint8)
            fill_masks(part, [polygon], (1,))
            column[:] = part
        inside = cv2.erode(region, np.ones((9, 9), np.uint8))  # encoding blurs the edge
        seen = found[(inside if inside.any() else region).astype(bool)]
        is_black = is_black and (not seen.size or bool(seen.max() <= _BLACK and seen.mean() <= _MEAN_BLACK))
        hidden |= region.astype(bool)
    if is_black:
        return data
    found[hidden] = 0
    return _encoded(cv2.cvtColor(found, cv2.COLOR_RGB2BGR), 85)


def decode_jpeg(data: bytes | None) -> Any:
    """Return uint8 [height, width, 3], RGB; None if there is none, or it is no image."""
    import cv2  # imported late: 16 MB, unused without notifications

    found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    return None if found is None else cv2.cvtColor(found, cv2.COLOR_BGR2RGB)

"""Stamps: title, time, detector figures, REC and boxes, drawn into frames that are encoded anyway.

Letters are bitmaps of 5 x 7 dots, so that small pictures stay readable and programs can read them back. What they lack
becomes `?`.
"""

import unicodedata
from dataclasses import dataclass
from typing import Any, Final

import av
import numpy as np

from tawny.media.codec.decoder import DecodedFrame, converted, even_planes, even_size
from tawny.model.observations import Box

GLYPH_WIDTH, GLYPH_HEIGHT = 5, 7
MARGIN: Final = 2
"""Distance of the text from the edge of its dark field, dots."""
LINE_DOTS: Final = GLYPH_HEIGHT + 2 * MARGIN
HEIGHT_PER_DOT: Final = 360
"""A dot is one pixel up to this frame height, two up to twice of it, and so on."""
REC: Final = "REC"
_WRITTEN_AS: Final = str.maketrans(
    {"ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L"}
    | {"đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th", "ı": "i"}
    | {"–": "-", "—": "-", "‘": "'", "’": "'", "‚": "'", "“": '"', "”": '"', "„": '"'}
)
"""What Unicode doesn't take apart."""
Colour = tuple[int, int, int]
_BLACK, GREY, _YELLOW = (16, 128, 128), (235, 128, 128), (210, 16, 146)
_RED, _LIGHT_RED = (81, 90, 240), (235, 90, 240)
"""Luma and both colours."""


def yuv(red: int, green: int, blue: int) -> Colour:
    """Return a colour of 0 to 255 in BT.601, limited range."""
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    return (
        round(16 + luma * 219 / 255),
        round(128 + (blue - luma) / 1.772 * 224 / 255),
        round(128 + (red - luma) / 1.402 * 224 / 255),
    )


_FIRST: Final = " "
_COLUMNS: Final = bytes.fromhex(
    "0000000000 00005f0000 0007000700 147f147f14 242a7f2a12 2313086462 3649562050 0008070300 001c224100 0041221c00"
    "2a1c7f1c2a 08083e0808 0080703000 0808080808 0000606000 2010080402 3e5149453e 00427f4000 7249494946 2141494d33"
    "1814127f10 2745454539 3c4a494931 4121110907 3649494936 464949291e 0000140000 0040340000 0008142241 1414141414"
    "0041221408 0201590906 3e415d594e 7c1211127c 7f49494936 3e41414122 7f4141413e 7f49494941 7f09090901 3e41415173"
    "7f0808087f 00417f4100 2040413f01 7f08142241 7f40404040 7f021c027f 7f0408107f 3e4141413e 7f09090906 3e4151215e"
    "7f09192946 2649494932 03017f0103 3f4040403f 1f2040201f 3f4038403f 6314081463 0304780403 6159494d43 007f414141"
    "0204081020 004141417f 0402010204 4040404040 0003070800 2054547840 7f28444438 3844444428 384444287f 3854545418"
    "00087e0902 18a4a49c78 7f08040478 00447d4000 2040403d00 7f10284400 00417f4000 7c04780478 7c08040478 3844444438"
    "fc18242418 18242418fc 7c08040408 4854545424 04043f4424 3c4040207c 1c2040201c 3c4030403c 4428102844 4c9090907c"
    "4464544c44 0008364100 0000770000 0041360800 0201020402"
)
"""Five columns of each letter from the space to the tilde; the lowest bit is the top dot."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What is drawn into one frame. lines: top left. boxes: each with its label.

    colours: of the boxes; yellow without. below: lines in two columns below the picture, which becomes higher.
    """

    lines: tuple[str, ...] = ()
    is_recording: bool = False
    boxes: tuple[tuple[Box, str], ...] = ()
    colours: tuple[Colour, ...] = ()
    below: tuple[tuple[str, Colour], ...] = ()


def glyphs(text: str) -> Any:
    """Return the dots of a text, bool [GLYPH_HEIGHT + 1, 6 per letter]."""
    made = np.zeros((GLYPH_HEIGHT + 1, max(1, len(text) * (GLYPH_WIDTH + 1))), np.bool_)
    for place, letter in enumerate(text):
        at = (ord(letter) - ord(_FIRST)) * GLYPH_WIDTH
        columns = np.frombuffer(_COLUMNS[at : at + GLYPH_WIDTH], np.uint8)
        dots = np.unpackbits(columns[:, None], axis=1, bitorder="little").T
        begin = place * (GLYPH_WIDTH + 1)
        made[:, begin : begin + GLYPH_WIDTH] = dots[: GLYPH_HEIGHT + 1]
    return made


def plain_text(text: str) -> str:
    """Return the text in the letters that there are: `Kuche, Strasse` for `Küche, Straße`."""
    split = unicodedata.normalize("NFKD", text.translate(_WRITTEN_AS))
    plain = "".join(one for one in split if not unicodedata.combining(one))
    return "".join(one if " " <= one <= "~" else "?" for one in plain)


def dot_size(height: int) -> int:
    """Return the size of a dot in a frame of this height, px: even from two on, so that colours fit."""
    return max(1, -(-height // HEIGHT_PER_DOT))


def downscaled(frame: DecodedFrame, width: int) -> DecodedFrame:
    """Return the frame at most `width` px wide, so that a stamp is drawn in its final size."""
    wide, high = even_size(frame, width)
    if (wide, high) == (frame.width, frame.height):
        return frame
    return DecodedFrame(
        converted(frame.video, width=wide, height=high, interpolation="AREA"), frame.camera, frame.at_ms
    )


def stamped(frame: DecodedFrame, stamp: Stamp) -> DecodedFrame:
    """Return a copy of the frame with the stamp. An odd last row or column is cut off."""
    video = frame.video
    width, height = video.width // 2 * 2, video.height // 2 * 2
    name = "yuvj420p" if video.format.name.startswith("yuvj") else "yuv420p"
    planes = even_planes(video, name)
    if stamp.below:
        planes = _heightened(planes, height, len(stamp.below))
    pen = _Pen(planes, width, height)
    for number, (box, label) in enumerate(stamp.boxes):
        pen.box(box, plain_text(label), stamp.colours[number] if number < len(stamp.colours) else _YELLOW)
    for number, (line, colour) in enumerate(stamp.below):
        pen.text(plain_text(line), number % 2 * (width // 4 * 2), height + number // 2 * LINE_DOTS * pen.dot, colour)
    top = 0
    for line in stamp.lines:
        for part in pen.wrapped(plain_text(line)):
            pen.text(part, 0, top, GREY)
            top += LINE_DOTS * pen.dot
    if stamp.is_recording:
        pen.text(REC, pen.wide - pen.width_of(REC), 0, _LIGHT_RED, _RED)
    made = av.VideoFrame.from_ndarray(planes, format=name)
    made.colorspace, made.color_range = video.colorspace, video.color_range
    return DecodedFrame(made, frame.camera, frame.at_ms)


def _heightened(planes: Any, height: int, lines: int) -> Any:
    """Return the planes with room for so many lines, in two columns, below a picture of this height."""
    width, more = planes.shape[1], -(-lines // 2) * LINE_DOTS * dot_size(height) // 2 * 2 + 2
    whole = height + more
    made = np.full((whole * 3 // 2, width), _BLACK[1], np.uint8)
    made[:whole] = _BLACK[0]
    made[:height] = planes[:height]
    made[whole:].reshape(2, whole // 2, width // 2)[:, : height // 2] = planes[height:].reshape(
        2, height // 2, width // 2
    )
    return made


class _Pen:
    """Draws into planar YUV 4:2:0. planes: as `VideoFrame.to_ndarray` returns them. high: of the picture in them."""

    def __init__(self, planes: Any, wide: int, high: int) -> None:
        self.wide, self._picture_high, self.dot = wide, high, dot_size(high)
        self.high = planes.shape[0] * 2 // 3
        self._luma = planes[: self.high]
        self._colours = planes[self.high :].reshape(2, self.high // 2, wide // 2)

    def width_of(self, text: str) -> int:
        return (len(text) * (GLYPH_WIDTH + 1) - 1 + 2 * MARGIN) * self.dot

    def wrapped(self, text: str) -> list[str]:
        """Return the text in lines that fit, broken at two spaces where possible."""
        if self.width_of(text) <= self.wide:
            return [text]
        most = max(1, self.wide // ((GLYPH_WIDTH + 1) * self.dot) - 1)
        return [part[at : at + most] for part in text.split("  ") for at in range(0, max(1, len(part)), most)]

    def text(self, text: str, left: int, top: int, colour: Colour, field_colour: Colour = _BLACK) -> None:
        """Write a text on a field."""
        width, height = self.width_of(text), LINE_DOTS * self.dot
        left, top = max(0, min(left, self.wide - width)), max(0, min(top, self.high - height))
        self._fill(left, top, left + width, top + height, field_colour)
        dots = np.repeat(np.repeat(glyphs(text), self.dot, axis=0), self.dot, axis=1)
        inset = MARGIN * self.dot
        field = self._luma[top + inset : top + height, left + inset : left + width]
        dots = dots[: field.shape[0], : field.shape[1]]
        field[: dots.shape[0], : dots.shape[1]][dots] = colour[0]
        if colour[1:] != field_colour[1:]:
            self._tint(left, top, left + width, top + height, colour)

    def box(self, box: Box, label: str, colour: Colour) -> None:
        x0, x1 = (min(self.wide - 1, max(0, round(side * self.wide))) for side in (box[0], box[2]))
        y0, y1 = (min(self._picture_high - 1, max(0, round(side * self._picture_high))) for side in (box[1], box[3]))
        thick = 2 * self.dot
        for left, top, right, bottom in (
            (x0, y0, x1, y0 + thick), (x0, y1 - thick, x1, y1), (x0, y0, x0 + thick, y1), (x1 - thick, y0, x1, y1),
        ):  # fmt: skip
            self._fill(left, top, right, bottom, colour)
        above = y0 - LINE_DOTS * self.dot
        if label:
            self.text(label, x0, above if above >= 0 else y1, colour)

    def _fill(self, left: int, top: int, right: int, bottom: int, colour: Colour) -> None:
        self._luma[max(0, top) : bottom, max(0, left) : right] = colour[0]
        self._tint(left, top, right, bottom, colour)

    def _tint(self, left: int, top: int, right: int, bottom: int, colour: Colour) -> None:
        for plane, value in zip(self._colours, colour[1:], strict=True):
            plane[max(0, top) // 2 : -(-bottom // 2), max(0, left) // 2 : -(-right // 2)] = value

"""H.264 as programs write it to a pipe (Annex B): pictures one behind the other, and nothing says where each ends."""

from typing import NamedTuple

MOST_PICTURE_BYTES = 8_000_000
_START = b"\0\0\1"
_SLICES = frozenset((1, 2, 5))
_LEADS = frozenset((6, 7, 8, 9, *range(14, 19)))
"""NAL units that, behind a slice, belong to the next picture (ITU-T H.264, 7.4.1.2.3)."""
_FIRST = 0x80
"""Of a slice's first byte: it is the picture's first (`first_mb_in_slice` is 0)."""


class AnnexbPicture(NamedTuple):
    """data: its NAL units behind start codes. came_s: when its first bytes came, by the clock of who feeds."""

    data: bytes
    came_s: float


class AnnexbStream:
    """Cuts what comes into pictures: each is given out when the next begins."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._looked = 0
        self._came_s = 0.0
        self._has_slice = False

    def feed(self, data: bytes, now_s: float) -> list[AnnexbPicture]:
        """ValueError for a picture of more than MOST_PICTURE_BYTES."""
        if not self._data:
            self._came_s = now_s
        self._data += data
        found: list[AnnexbPicture] = []
        at = self._data.find(_START, self._looked)
        while 0 <= at < len(self._data) - 4:
            kind, first = self._data[at + 3] & 31, self._data[at + 4]
            begins = first & _FIRST if kind in _SLICES else kind in _LEADS
            if begins and self._has_slice:
                found.append(AnnexbPicture(bytes(self._data[:at]), self._came_s))
                del self._data[:at]
                self._came_s, self._has_slice, at = now_s, False, 0
            self._has_slice |= kind in _SLICES
            self._looked = at + 3
            at = self._data.find(_START, self._looked)
        if at < 0:
            self._looked = max(self._looked, len(self._data) - 2)
        if len(self._data) > MOST_PICTURE_BYTES:
            raise ValueError(f"a picture of more than {MOST_PICTURE_BYTES} bytes")
        return found

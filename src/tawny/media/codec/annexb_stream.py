"""Splits a piped H.264 Annex B stream, which has no framing, into access units."""

from typing import NamedTuple

MOST_PICTURE_BYTES = 8_000_000
_START = b"\0\0\1"
_SLICES = frozenset((1, 2, 5))
_LEADS = frozenset((6, 7, 8, 9, *range(14, 19)))
"""NAL unit types that start the next access unit after a slice (ITU-T H.264, 7.4.1.2.3)."""
_FIRST = 0x80
"""Bit in a slice's first byte: `first_mb_in_slice` is 0, so this is the first slice of the picture."""


class AnnexbPicture(NamedTuple):
    """One access unit.

    data: NAL units with start codes. came_s: arrival time of its first bytes, on the caller's clock.
    """

    data: bytes
    came_s: float


class AnnexbStream:
    """Incremental parser. Returns each access unit when the next one begins."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._looked = 0
        self._came_s = 0.0
        self._has_slice = False

    def feed(self, data: bytes, now_s: float) -> list[AnnexbPicture]:
        """Return the completed access units. Raises ValueError for one larger than MOST_PICTURE_BYTES."""
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

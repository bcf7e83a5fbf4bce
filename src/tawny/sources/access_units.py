"""Builds access units from RTP packet payloads: the NAL units of exactly one picture.

Boundaries follow from NAL unit types, not from timestamps alone. Cameras give parameter sets and SEI timestamps of
their own, and FFmpeg shifts timestamps within a picture when a sender report arrives.
"""

from collections.abc import Iterator
from typing import NamedTuple

from tawny.media.codec.nal import START, split_annexb
from tawny.model.packets import VideoCodec

MOST_UNIT_BYTES = 8_000_000
MOST_NALS = 2_000
SAME_TIME_TICKS = 900
"""Maximum timestamp difference within one picture, in 90 kHz ticks (10 ms)."""


class AccessUnit(NamedTuple):
    nals: list[bytes]
    pts: int
    is_whole: bool
    """The first slice is the picture's first. Losses inside the unit are not detectable."""


class AccessUnitTooBig(ValueError):
    """A picture of more than MOST_UNIT_BYTES or MOST_NALS."""


class AccessUnitBuilder:
    """Assembles one video track's access units. A unit is returned when the next one begins.

    glue: a NAL unit continuation belongs to the open unit regardless of its timestamp; for transports without loss.
    """

    def __init__(self, codec: VideoCodec, *, glue: bool) -> None:
        self._kind_of = _kind_h264 if codec == "h264" else _kind_h265
        self._header_bytes = 1 if codec == "h264" else 2
        self._glue = glue
        self._nals: list[list[bytes]] = []  # each as a list of fragments; only the last is incomplete
        self._pts = 0
        self._size_bytes = 0
        self._slices = 0
        self._begins = False  # the first slice received is the picture's first
        self._lost_start = False  # the start of the next NAL unit was lost
        self._usual_slices = 1
        self._fragment_bytes = 0  # largest fragment of a fragmented NAL unit
        self._last = b""
        self.senseless = 0
        """Number of payloads dropped because they cannot begin a camera's NAL unit."""

    def feed(self, data: bytes, pts: int) -> list[AccessUnit]:
        """Add an RTP payload. Return the access units that it completes, usually none."""
        if data == self._last and data.count(data[-1]) != len(data):
            return []  # duplicate RTP packet
        self._last = data
        self._size_bytes += len(data)
        if self._size_bytes > MOST_UNIT_BYTES or len(self._nals) > MOST_NALS:
            raise AccessUnitTooBig(f"a picture of more than {MOST_UNIT_BYTES} bytes or {MOST_NALS} parts")
        if not data.startswith(START):
            return self._more(data, pts)
        done: list[AccessUnit] = []
        for nal in _nals_of(data):
            done += self._begin(nal, pts)
        return done

    def finish(self) -> list[AccessUnit]:
        """Return the open unit at the end of the stream, if it appears complete."""
        whole = self._slices >= self._usual_slices and self._is_closed()
        done = self._give()
        return done if whole else []

    def _begin(self, nal: bytes, pts: int) -> list[AccessUnit]:
        kind = self._kind_of(nal)
        if kind == "senseless":
            return self._senseless(pts)
        done: list[AccessUnit] = []
        if self._slices and (kind in ("first", "before") or not self._is_same_time(pts)):
            done = self._give()
        if kind in ("first", "slice"):
            if not self._slices:
                self._begins, self._pts = kind == "first", pts
            self._slices += 1
        self._nals.append([nal])
        self._lost_start = False
        return done

    def _senseless(self, pts: int) -> list[AccessUnit]:
        """Drop the unit: the payload is no NAL unit, so the data around it is unreliable."""
        self.senseless += 1
        self._lost_start = True
        done = [] if self._is_same_time(pts) else self._give()
        self._drop()
        return done

    def _more(self, data: bytes, pts: int) -> list[AccessUnit]:
        if self._nals and self._is_same_time(pts) and not self._lost_start:
            pieces = self._nals[-1]
            pieces.append(data)
            self._fragment_bytes = max(self._fragment_bytes, len(pieces[0]), len(data))
            return []
        self._lost_start = True  # ignore continuations until a NAL unit begins
        return self._give() if self._slices else []

    def _is_same_time(self, pts: int) -> bool:
        return self._glue or not self._slices or abs(pts - self._pts) <= SAME_TIME_TICKS

    def _give(self) -> list[AccessUnit]:
        nals: list[bytes] = []
        for pieces in self._nals:
            nal = pieces[0] if len(pieces) == 1 else b"".join(pieces)
            # some cameras leave start codes inside a NAL unit
            nals += split_annexb(START + nal) if b"\0\0\1" in nal else [nal]
        units = [AccessUnit(nals, self._pts, self._begins)] if self._slices else []
        if self._slices:
            self._usual_slices = self._slices
        self._drop()
        return units

    def _drop(self) -> None:
        self._nals, self._slices, self._size_bytes, self._begins = [], 0, 0, False

    def _is_closed(self) -> bool:
        """Return whether the last NAL unit appears complete: all fragments but the last have equal size."""
        if not self._nals:
            return False
        pieces = self._nals[-1]
        if len(pieces) == 1:
            return len(pieces[0]) < (self._fragment_bytes or 1000)
        return len(pieces[-1]) < len(pieces[0]) - self._header_bytes


def _nals_of(data: bytes) -> Iterator[bytes]:
    """Yield the NAL units of a payload that begins with a start code: one, or several from an aggregation packet."""
    at = len(START)
    while at <= len(data):
        end = data.find(START, at)
        end = len(data) if end < 0 else end
        if end > at:
            yield data[at:end]
        at = end + len(START)


def _kind_h264(nal: bytes) -> str:
    """Return `first`, `slice`, `before` (begins a unit after a slice), `after` or `senseless`."""
    kind = nal[0] & 31
    if nal[0] & 0x80 or kind in (2, 3, 4):  # forbidden_zero_bit; data partitions, unused by cameras
        return "senseless"
    if kind in (1, 5):
        return "first" if len(nal) > 1 and nal[1] & 0x80 else "slice"  # first_mb_in_slice is 0
    return "before" if kind in (6, 7, 8, 9, 14, 15, 16, 17, 18) else "after"


def _kind_h265(nal: bytes) -> str:
    kind = nal[0] >> 1 & 63
    if nal[0] & 0x80 or len(nal) < 2 or not nal[1] & 7:  # forbidden_zero_bit; temporal id 0 is invalid
        return "senseless"
    if kind < 32:
        return "first" if len(nal) > 2 and nal[2] & 0x80 else "slice"  # first_slice_segment_in_pic_flag
    return "before" if kind <= 35 or kind == 39 or 41 <= kind <= 44 or 48 <= kind <= 55 else "after"

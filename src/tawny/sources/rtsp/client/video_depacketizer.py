"""RTP payload formats of H.264 (RFC 6184) and H.265 (RFC 7798, without DONL): assembles access units.

A unit ends at the first slice with another timestamp. Once the marker bit was right 30 times, the unit ends at the
marker. Parameter sets and SEI behind a picture belong to the next one, whatever their timestamp. Missing or
inconsistent data marks the unit as damaged; damaged units are returned, too.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from tawny.media.codec.nal import split_annexb
from tawny.model.packets import VideoCodec
from tawny.protocols.rtp import signed_step
from tawny.sources.rtsp.client.rtp_receiver import OpenFragment
from tawny.sources.rtsp.client.transcript import ConversationFault

# Roles of NAL unit types, including RTP payload structures, for finding access unit boundaries.


class NalRole(IntEnum):
    """Role of a NAL unit. SLICE and KEY: slice data. BEFORE and SET: precede the first slice of an access unit.

    AFTER: may follow the slices. SEVERAL, PIECE, UNKNOWN: RTP aggregation packet, fragmentation unit, unsupported.
    """

    AFTER = 0
    BEFORE = 1
    SET = 2
    SLICE = 3
    KEY = 4
    SEVERAL = 5
    PIECE = 6
    UNKNOWN = 7


@dataclass(frozen=True, slots=True)
class NalRoles:
    """NAL unit roles of one codec. kinds: by NAL unit type."""

    kinds: tuple[NalRole, ...]
    header_bytes: int
    is_h265: bool

    def is_possible(self, first: int, second: int) -> bool:
        """Return whether a camera's NAL unit can begin with these bytes.

        forbidden_zero_bit must be 0; for H.265, nuh_layer_id must be 0 and the temporal id valid.
        """
        if self.is_h265:
            return not first & 0x81 and 0 < second < 8
        return first < 0x80

    def kind_of(self, first: int) -> NalRole:
        return self.kinds[first >> 1 & 63 if self.is_h265 else first & 31]


def _kinds(most: int, named: dict[NalRole, tuple[int, ...]], rest: NalRole) -> tuple[NalRole, ...]:
    by_type = {number: kind for kind, numbers in named.items() for number in numbers}
    return tuple(by_type.get(number, rest) for number in range(most))


_H264 = _kinds(
    32,
    {
        NalRole.SLICE: (1, 2),
        NalRole.KEY: (5,),
        NalRole.SET: (7, 8),
        NalRole.BEFORE: (6, 9, 14, 15, 16, 17, 18),
        NalRole.SEVERAL: (24,),
        NalRole.PIECE: (28,),
        NalRole.UNKNOWN: (25, 26, 27, 29, 30, 31),
    },
    NalRole.AFTER,
)
_H265 = _kinds(
    64,
    {
        NalRole.SLICE: tuple(range(16)),
        NalRole.KEY: tuple(range(16, 24)),
        NalRole.SET: (32, 33, 34),
        NalRole.BEFORE: (35, 39, 41, 42, 43, 44),
        NalRole.SEVERAL: (48,),
        NalRole.PIECE: (49,),
        NalRole.UNKNOWN: tuple(range(50, 64)),
    },
    NalRole.AFTER,
)

TYPES: dict[VideoCodec, NalRoles] = {
    "h264": NalRoles(_H264, 1, is_h265=False),
    "h265": NalRoles(_H265, 2, is_h265=True),
}


MOST_UNIT_BYTES = 8_000_000
MOST_SET_BYTES, MAX_SETS = 4096, 16
"""Parameter sets of one unit; others are not examined."""
MAX_NALS = 4_000
"""NAL units of one access unit. H.265 allows 600 slices, each with a few others."""
_MOST_PIECES = 2000
"""Pieces of a NAL unit that are kept apart: very short ones take far more memory than their bytes."""
_MARKS_PROOF = 30
_HEAD_BYTES = 16
_CHECKED = 50
"""NAL units to check for embedded start codes, which some cameras send. If none has one, checking stops."""
_START = b"\0\0\1"
_MOST_AHEAD = 90_000
"""Maximum timestamp step that allows an estimate of when the earlier frame was complete, in 90 kHz ticks."""
_PICTURE = (NalRole.SLICE, NalRole.KEY)


@dataclass(slots=True)
class DepacketizedUnit:
    """One access unit."""

    data: bytes
    """NAL units with 4-byte lengths. Invariant: the lengths are consistent."""
    ticks: int
    """90 kHz ticks since the first unit, unwrapped; not continuous over a restart."""
    time: int
    """RTP timestamp."""
    is_key: bool
    is_damaged: bool
    """Data is or may be missing."""
    sets: tuple[bytes, ...]
    """Parameter sets in the unit."""
    first_slice: bytes
    """First bytes of the first slice."""
    is_anew: bool
    """First unit of a restarted stream: its ticks are unrelated to earlier ones."""
    ahead: int
    """Estimated delay in ticks between completion and detection; 0 if ended by its marker, and at the start."""


class VideoDepacketizer:
    """Assembles access units. give: receives each unit as soon as it is complete."""

    def __init__(
        self, codec: VideoCodec, give: Callable[[DepacketizedUnit], None], most_bytes: int = MOST_UNIT_BYTES
    ) -> None:
        self._types, self._give_out, self._most_bytes = TYPES[codec], give, most_bytes
        # the unit under construction; its parts are joined once: appending would move its data again and again
        self._parts: list[bytes] = []
        self._size_bytes = 0
        self._time = -1
        self._slices = self._nal_count = 0
        self._is_key = self._is_broken = False
        self._sets: list[tuple[int, bytes]] = []  # with the number of parts before them
        self._first_slice = b""
        self._is_tail_broken = self._is_odd = False
        self._is_stray = False  # a NAL unit without a preceding slice where one is required
        self._tail = 0  # number of parts before the data of the next unit; 0: there is none
        self._fragment = -1  # number of parts before the incomplete NAL unit; negative: none
        self._fragment_bytes = 0  # size of the unit before its first byte
        self._fragment_head = b""
        # between units
        self._gap = False  # packets are missing before the next
        self._after_gap = False  # the current packet is the first after a gap
        self._is_spoilt = False  # the next packet is damaged
        self._is_anew = False
        self._ahead = 0
        self._least_step = 0  # smallest step between two frames, in 90 kHz ticks; 0: unknown
        self._ticks, self._last_time = 0, -1
        self._ended_by_mark = -1  # timestamp of the last unit ended by its marker
        # properties of the camera
        self._is_marked = False  # the last packet with slice data had the marker
        self._marks = 0
        self._agreed = 0  # consecutive units with one marker, at their end; negative: marker not trusted
        self._by_mark = False
        self._usual_slices = 1
        self._unchecked = _CHECKED
        self.odd = 0
        """Number of units with inconsistent data although no packet was missing."""

    # --- Depacketizer interface

    def payload(self, view: memoryview, begin: int, end: int, time: int, *, is_marked: bool) -> None:
        """Process a payload, in order."""
        if end - begin <= self._types.header_bytes:
            return  # counts as packet but carries no data
        self._after_gap, self._gap = self._gap, False
        if self._after_gap and self._parts:
            self._break_off()
        if time != self._time:
            self._new_time(time)
        if self._after_gap or self._is_spoilt:
            self._is_broken, self._is_spoilt = True, False
        kind = self._types.kind_of(view[begin])
        if kind is NalRole.PIECE:
            self._piece(view, begin, end)
        else:
            self._put(kind, view, begin, end)
        self._after_gap = False
        if self._size_bytes > self._most_bytes:
            raise ConversationFault("picture-too-big", f"a picture of more than {self._most_bytes} bytes")
        if not self._tail:
            self._is_marked = is_marked and self._slices > 0
            if self._is_marked:
                self._marks += 1
                if self._by_mark and self._fragment < 0:
                    self._ended_by_mark = time
                    self._give()

    def gap(self) -> None:
        self._gap = True

    def doubt(self) -> None:
        if self._parts and not self._is_marked:  # harmless at the end of a frame
            self._is_broken = True

    def spoilt(self) -> None:
        self._is_spoilt = True

    def restart(self) -> None:
        self.finish()
        self._forget()
        self._is_anew, self._gap, self._time = True, False, -1

    def middle(self) -> OpenFragment | None:
        if self._fragment < 0 or self._gap or self._is_marked or self._size_bytes > self._most_bytes:
            return None
        return OpenFragment(self._extend, self._time, self._fragment_head)

    def finish(self) -> None:
        """Return the open unit at the end of the stream, if it appears complete."""
        complete = self._is_marked if self._agreed > 0 or self._by_mark else self._slices >= self._usual_slices
        if complete and self._slices and not self._is_broken and not self._gap and self._fragment < 0:
            self._give()

    # --- payloads to NAL units

    def _extend(self, contents: list[bytes]) -> None:
        """Append further fragments of the open NAL unit."""
        self._parts += contents
        self._size_bytes += sum(map(len, contents))
        begin = self._fragment + 1
        if len(self._parts) - begin > _MOST_PIECES:
            self._parts[begin:] = [b"".join(self._parts[begin:])]

    def _put(self, kind: NalRole, view: memoryview, begin: int, end: int) -> None:
        """Process a payload that is no fragment."""
        if kind is NalRole.SEVERAL:
            self._several(view, begin + self._types.header_bytes, end)
        elif kind is NalRole.UNKNOWN:
            self._odd()
        else:
            self._nal(view, begin, end)

    def _nal(self, view: memoryview, begin: int, end: int) -> None:
        """Process a complete NAL unit."""
        self._cut_fragment()
        is_searched = view[begin] == 0 or self._is_searched(self._types.kind_of(view[begin]))
        if is_searched and _START in bytes(view[begin:end]):
            self._nals(bytes(view[begin:end]))
        else:
            self._whole(view, begin, end)

    def _nals(self, data: bytes) -> None:
        """Process several NAL units separated by start codes in place of one."""
        self._unchecked = _CHECKED
        if not data.startswith((_START, b"\0" + _START)):
            data = _START + data
        for nal in split_annexb(data):
            if len(nal) > self._types.header_bytes:
                self._whole(memoryview(nal), 0, len(nal))

    def _whole(self, view: memoryview, begin: int, end: int) -> None:
        """Append one NAL unit."""
        kind = self._types.kind_of(view[begin])
        if kind >= NalRole.SEVERAL:
            self._odd()
            return
        self._border(kind, view, begin, end)
        self._nal_count += 1
        if self._nal_count > MAX_NALS:
            raise ConversationFault("picture-too-big", f"a picture of more than {MAX_NALS} NAL units")
        if kind is NalRole.SET and end - begin <= MOST_SET_BYTES and len(self._sets) < MAX_SETS:
            self._sets.append((len(self._parts), bytes(view[begin:end])))
        self._parts += (end - begin).to_bytes(4, "big"), bytes(view[begin:end])
        self._size_bytes += 4 + end - begin

    def _several(self, view: memoryview, begin: int, end: int) -> None:
        """Process an aggregation packet: NAL units with 2-byte lengths."""
        while end - begin > 2:
            size = view[begin] << 8 | view[begin + 1]
            begin += 2
            if begin + size > end:
                self._odd()
                return
            if size > self._types.header_bytes:
                self._nal(view, begin, begin + size)
            begin += size

    def _piece(self, view: memoryview, begin: int, end: int) -> None:
        """Process a fragmentation unit. Only the first one's NAL unit type counts."""
        header_bytes = self._types.header_bytes
        flags, content = view[begin + header_bytes], begin + header_bytes + 1
        if flags & 0x80:
            self._cut_fragment()
            self._begin_fragment(view, begin, end)
        elif self._fragment < 0:
            if not self._is_broken:
                self._odd()
            return
        self._extend([bytes(view[content:end])])
        if flags & 0x40:
            self._end_fragment()

    def _begin_fragment(self, view: memoryview, begin: int, end: int) -> None:
        first, kind_bits = view[begin], view[begin + self._types.header_bytes]
        if self._types.is_h265:
            head = bytes((first & 0x81 | (kind_bits & 63) << 1, view[begin + 1]))
            self._fragment_head = bytes((first, view[begin + 1], kind_bits & 63))
        else:
            head = bytes((first & 0xE0 | kind_bits & 31,))
            self._fragment_head = bytes((first, kind_bits & 31))
        content = begin + self._types.header_bytes + 1
        begins = head + bytes(view[content : min(end, content + _HEAD_BYTES)])
        self._border(self._types.kind_of(head[0]), memoryview(begins), 0, len(begins))
        self._fragment = len(self._parts)
        self._parts += b"", head  # its length is known at its end
        self._size_bytes += 4
        self._fragment_bytes = self._size_bytes
        self._size_bytes += len(head)

    def _end_fragment(self) -> None:
        at, self._fragment = self._fragment, -1
        parts, length = self._parts, self._size_bytes - self._fragment_bytes
        parts[at] = length.to_bytes(4, "big")
        kind = self._types.kind_of(parts[at + 1][0])
        if self._is_searched(kind) and _START in (data := b"".join(parts[at + 1 :])):
            del parts[at:]
            self._size_bytes -= 4 + length
            self._nals(data)
        elif kind is NalRole.SET and length <= MOST_SET_BYTES and len(self._sets) < MAX_SETS:
            self._sets.append((at, b"".join(parts[at + 1 :])))

    def _cut_fragment(self) -> None:
        """End the open fragment, whose remainder is lost."""
        if self._fragment >= 0:
            self._is_broken = True
            self._end_fragment()

    def _is_searched(self, kind: NalRole) -> bool:
        """Return whether to search this NAL unit for start codes."""
        if self._unchecked > 0:
            self._unchecked -= 1
            return True
        return kind not in _PICTURE

    def _odd(self) -> None:
        """Record inconsistent data, once per unit."""
        self.odd += not self._is_odd
        self._is_odd = self._is_broken = True

    # --- NAL units to access units

    def _border(self, kind: NalRole, view: memoryview, begin: int, end: int) -> None:
        """Check for a unit boundary before appending a NAL unit. Returns the unit so far if it is complete."""
        if not self._types.is_possible(view[begin], view[begin + 1] if end - begin > 1 else 0):
            self._odd()
        if kind in _PICTURE:
            self._slice(kind, view, begin, end)
        elif kind is NalRole.AFTER:
            self._is_stray = self._is_stray or self._slices == 0
            self._is_tail_broken = self._is_tail_broken or self._tail > 0
        elif self._slices and not self._tail:
            self._tail = len(self._parts)

    def _slice(self, kind: NalRole, view: memoryview, begin: int, end: int) -> None:
        flag_at = begin + self._types.header_bytes  # first_mb_in_slice, first_slice_segment_in_pic_flag
        is_first = flag_at < end and view[flag_at] > 127
        if self._slices and is_first and (self._is_marked or self._tail):
            self._give()  # the camera's clock stopped, or another frame has the same timestamp
        elif self._tail:  # the frame continues: the NAL units in between belong to it
            self._is_broken = self._is_broken or self._is_tail_broken
            self._tail, self._is_tail_broken = 0, False
        if not self._slices:
            if not is_first:
                self._is_broken = True  # its start is missing
                if self._by_mark and self._time == self._ended_by_mark:
                    self._by_mark, self._agreed = False, -1  # a frame that continues after its marker
            self._first_slice = bytes(view[begin : min(end, begin + _HEAD_BYTES)])
        self._slices += 1
        self._is_key = self._is_key or kind is NalRole.KEY

    def _new_time(self, time: int) -> None:
        """Handle a new timestamp.

        Ends the unit if it has slices; otherwise the unit continues with the new timestamp.
        """
        if self._slices:
            self._learn()
            step, known = (time - self._time) & 0xFFFFFFFF, self._least_step
            if step <= _MOST_AHEAD:  # a frame displayed far later than decoded allows no estimate
                self._ahead = min(step, known) if known else 0
                self._least_step = self._ahead or step
            self._give()
        elif self._is_stray:
            self._odd()
        self._time = time

    def _break_off(self) -> None:
        """Handle missing packets within an open unit."""
        self._cut_fragment()
        self._is_broken = True
        self._is_tail_broken = self._is_tail_broken or self._tail > 0

    def _learn(self) -> None:
        """Check, after a unit ended by timestamp, whether its marker agrees."""
        if self._by_mark or self._agreed < 0 or self._after_gap or self._is_broken:
            return
        if self._marks == 1 and self._is_marked:
            self._agreed += 1
            self._by_mark = self._agreed >= _MARKS_PROOF
        else:
            self._agreed = -1 if self._marks > 1 or self._agreed > 2 else 0

    def _give(self) -> None:
        """Return the unit; data behind its slices that belongs to the next one remains."""
        self._cut_fragment()
        parts, tail = self._parts, self._tail or len(self._parts)
        if self._last_time >= 0 and not self._is_anew:
            self._ticks += signed_step(self._last_time, self._time)
        self._last_time = self._time
        if not self._is_broken:
            self._usual_slices = self._slices
        given = DepacketizedUnit(
            b"".join(parts[:tail] if self._tail else parts),
            self._ticks,
            self._time,
            self._is_key,
            self._is_broken,
            tuple(nal for at, nal in self._sets if at < tail) if self._sets else (),
            self._first_slice,
            self._is_anew,
            self._ahead,
        )
        left, sets = parts[tail:], self._sets and [(at - tail, nal) for at, nal in self._sets if at >= tail]
        is_broken = self._after_gap or self._is_tail_broken or (bool(left) and self._is_odd)
        self._forget()
        self._parts, self._size_bytes, self._sets, self._is_broken = left, sum(map(len, left)), sets, is_broken
        self._is_anew, self._ahead = False, 0
        self._give_out(given)

    def _forget(self) -> None:
        """Reset the unit under construction."""
        self._parts, self._size_bytes, self._fragment, self._tail = [], 0, -1, 0
        self._slices, self._marks, self._sets, self._first_slice, self._nal_count = 0, 0, [], b"", 0
        self._is_key = self._is_broken = self._is_tail_broken = self._is_odd = self._is_stray = self._is_marked = False

"""RTP receiver of one track: validates and orders packets, and passes payloads to the depacketizer.

Order of checks: version, extension and padding, source (SSRC), sequence number, payload type. Cameras violate each of
these rules. So suspicious packets go to a probation queue and are accepted once they continue consistently.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from struct import Struct
from typing import NamedTuple, Protocol

from tawny.protocols.rtp import HEADER_BYTES, RtpHeader, read_header
from tawny.sources.rtsp.client.transcript import ConversationFault


def number_of(packet: bytes) -> int:
    """Return an RTP packet's sequence number."""
    return packet[2] << 8 | packet[3]


class ProbationQueue:
    """Suspicious packets. After `proof` consecutive sequence numbers they count as valid."""

    def __init__(self, proof: int) -> None:
        self._proof = proof
        self._packets: list[bytes] = []
        self._of = 0

    def __len__(self) -> int:
        return len(self._packets)

    def put(self, number: int, packet: bytes, of: int = 0) -> list[bytes]:
        """Add a packet. Return all packets once there are enough, else an empty list. of: property they must share."""
        packets = self._packets
        if packets and (of != self._of or number != (number_of(packets[-1]) + 1) & 0xFFFF):
            packets.clear()
        self._of = of
        packets.append(packet)
        if len(packets) < self._proof:
            return []
        self._packets = []
        return packets

    def clear(self) -> None:
        if self._packets:
            self._packets.clear()


TCP_WINDOW, UDP_WINDOW = 16, 128
"""Maximum packets held while waiting for a late one."""

_HEADER = Struct(">BBHII").unpack_from
_BEGINS = Struct(">BBHBB").pack
_SAME = Struct(">II").pack
_INTERLEAVED_BYTES = 4 + HEADER_BYTES
_FAR = 3000
"""A forward jump by more packets than any network loses."""
_FAR_PROOF, _BACK_PROOF, _SOURCE_PROOF = 2, 20, 3
"""Consecutive packets that prove a jump ahead, a jump back, or a new SSRC."""
_TYPE_PROOF = 50
"""After this many packets of an unannounced payload type, and none of the announced one, it is accepted."""
_MOST_RESTARTS, _RESTARTS_WITHIN = 4, 5000
_SILENT_S = 1.0
"""A source that went on after another one took its place returns once that one is silent for this time."""
_GONE_S = 10.0
"""A source that comes again after this time is a new stream."""


class Depacketizer(Protocol):
    """Builds access units or audio frames from ordered payloads."""

    def payload(self, view: memoryview, begin: int, end: int, time: int, *, is_marked: bool) -> None:
        """Process a payload, possibly empty. time: RTP timestamp, 32 bits. The view is valid during the call only."""
        ...

    def gap(self) -> None:
        """Packets are missing before the next one."""
        ...

    def doubt(self) -> None:
        """The last payload may be truncated."""
        ...

    def spoilt(self) -> None:
        """The next payload is damaged."""
        ...

    def restart(self) -> None:
        """A new stream begins; its timestamps are unrelated to earlier ones."""
        ...

    def middle(self) -> "OpenFragment | None":
        """Return the open fragment if the next payload is certain to continue it, else None."""
        ...


class OpenFragment(NamedTuple):
    """A NAL unit under construction."""

    extend: Callable[[list[bytes]], None]
    """Appends further data."""
    time: int
    head: bytes
    """Payload bytes that every further fragment begins with."""


@dataclass(slots=True)
class RtpCounts:
    """Packet statistics of one track."""

    packets: int = 0
    missing: int = 0
    gaps: int = 0
    late: int = 0
    """Arrived out of order and were reordered."""
    repeated: int = 0
    strangers: int = 0
    """Other SSRC."""
    bad: int = 0
    """Invalid RTP, or an unannounced payload type."""
    restarts: int = 0
    """Restarts of the camera's stream without reconnecting."""


@lru_cache(maxsize=256)
def _alike(bytes_each: int, head_bytes: int) -> Struct:
    """Return the layout of interleaved packets of this length.

    Fields: bytes before the sequence number; sequence number; timestamp, SSRC and payload head; remaining payload.
    """
    same_bytes = 8 + head_bytes
    return Struct(f">6sH{same_bytes}s{bytes_each - 8 - same_bytes}s")


class RtpReceiver:
    """RTP receiver of one track.

    window: maximum packets held while waiting for a late one. get_now_s: current time, s monotonic.
    """

    def __init__(
        self,
        payload_type: int,
        to: Depacketizer,
        window: int = TCP_WINDOW,
        get_now_s: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self.counts = RtpCounts()
        self._payload_type, self._to, self._window = payload_type, to, window
        self._type_is_known = False
        self._other_types = 0
        self._next = -1
        """Expected sequence number; negative before the first packet."""
        self._source = -1
        self.ahead: dict[int, bytes] = {}
        """Packets received ahead of their turn, by sequence number."""
        self._back = ProbationQueue(_BACK_PROOF)
        self._far = ProbationQueue(_FAR_PROOF)
        self._strangers = ProbationQueue(_SOURCE_PROOF)
        self._has_aside = False  # Invariant: set if any packet is held in a queue
        self._restarts, self._restarted_at = 0, 0
        self._get_now_s = get_now_s
        self._left: dict[int, float] = {}
        """Earlier sources, and the time of each one's last packet."""
        self._packets_then, self._heard_s = 0, 0.0  # when strangers came, and by then the source had sent
        self.extended: Callable[[int, memoryview, int, int], None] | None = None
        """Receives the RTP timestamp, view, begin and end of each header extension, before its payload."""

    @property
    def source(self) -> int:
        """Accepted SSRC; negative before the first packet."""
        return self._source

    @property
    def waits_for(self) -> int:
        """Sequence number of the missing packet that others wait for; negative if none."""
        return self._next if self.ahead else -1

    def missing_before(self, most: int) -> list[int]:
        """Return the sequence numbers that held packets wait for, at most so many."""
        furthest = max(((number - self._next) & 0xFFFF for number in self.ahead), default=0)
        steps = range(min(furthest, self._window))
        return [number for step in steps if (number := (self._next + step) & 0xFFFF) not in self.ahead][:most]

    @property
    def newest(self) -> int:
        """Sequence number of the newest packet in order; negative before the first."""
        return (self._next - 1) & 0xFFFF if self._next >= 0 else -1

    def packet(self, view: memoryview, begin: int, end: int) -> None:
        """Process one RTP packet."""
        if end - begin >= HEADER_BYTES:
            first, second, number, time, source = _HEADER(view, begin)
            is_next = number == self._next and source == self._source and not self._has_aside
            if is_next and first == 0x80 and second & 127 == self._payload_type:
                self._next = (number + 1) & 0xFFFF
                self._type_is_known = True
                self.counts.packets += 1
                self._to.payload(view, begin + HEADER_BYTES, end, time, is_marked=second > 127)
                return
        self._examine(view, begin, end)
        self._has_aside = bool(self.ahead or self._strangers or self._far or self._back)

    def _examine(self, view: memoryview, begin: int, end: int) -> None:
        """Process a packet that is not trivially the next one."""
        header = read_header(view, begin, end)
        if header is None:
            self.counts.bad += 1
            return
        if header.source != self._source:
            if self._source >= 0:
                self._stranger(header, bytes(view[begin:end]))
                return
            self._source = header.source
        self._strangers.clear()
        step = (header.number - self._next) & 0xFFFF if self._next >= 0 else 0
        if step == 0:
            self._take(view, header)
        elif step < 0x8000:
            self._early(view, header, step, bytes(view[begin:end]))
        else:
            self._late(header, bytes(view[begin:end]))
        while self.ahead and (waiting := self.ahead.pop(self._next, None)) is not None:
            self.counts.late += 1
            self._one(waiting)

    def run(self, view: memoryview, at: int, end: int, channel: int) -> int:
        """Process interleaved packets from `at` while each is trivially the next of an open fragment. Return the end.

        Nine of ten packets qualify, usually with equal lengths. Only their headers are compared, in one batch for
        packets of equal layout.
        """
        middle = self._to.middle()
        if middle is None or self._has_aside:
            return at
        extend, time, head = middle
        same = _SAME(time, self._source) + head
        least_bytes, before = _INTERLEAVED_BYTES + len(head), self._next
        number, contents = before, []
        while end - at >= least_bytes:
            length = view[at + 2] << 8 | view[at + 3]
            bytes_each = 4 + length
            begins = _BEGINS(0x24, channel, length, 0x80, self._payload_type)
            count = (end - at) // bytes_each
            if bytes_each < least_bytes or not count or view[at : at + len(begins)] != begins:
                break
            first = number
            for what, numbered, whose, content in _alike(bytes_each, len(head)).iter_unpack(
                view[at : at + count * bytes_each]
            ):
                if numbered != number or whose != same or what != begins:
                    break
                contents.append(content)
                number = (number + 1) & 0xFFFF
            if number == first:
                break
            at += bytes_each * ((number - first) & 0xFFFF)
        if contents:
            extend(contents)
            self._next = number
            self.counts.packets += (number - before) & 0xFFFF
        return at

    def doubt(self) -> None:
        """Mark the last payload as possibly truncated, and stop waiting for missing packets."""
        self.give_up()
        self._to.doubt()

    def spoilt(self) -> None:
        """Mark the next packet as damaged."""
        self.give_up()
        self._to.spoilt()

    def give_up(self) -> None:
        """Stop waiting for late packets."""
        following, packets = self._next, self.ahead
        self.ahead = {}
        for number in sorted(packets, key=lambda number: (number - following) & 0xFFFF):
            self._one(packets[number])

    def _one(self, packet: bytes) -> None:
        """Process a held packet. Counts packets missing before it."""
        view = memoryview(packet)
        header = read_header(view, 0, len(packet))
        assert header is not None, "it was read before"
        step = (header.number - self._next) & 0xFFFF
        if step >= 0x8000:
            return
        if step:
            self._missing(step)
        self._take(view, header)

    def _early(self, view: memoryview, header: RtpHeader, step: int, packet: bytes) -> None:
        """Process a packet ahead of its turn: earlier ones are lost or late, or the numbering jumped."""
        if step < self._window:
            if header.number in self.ahead:
                self.counts.repeated += 1
            self.ahead.setdefault(header.number, packet)
            if len(self.ahead) >= self._window:
                self.give_up()
            return
        if step >= _FAR and self._next >= 0:
            proof = self._far.put(header.number, packet)
            if proof:
                self._set_numbers(proof, missing=0)
            return
        self.give_up()
        still = (header.number - self._next) & 0xFFFF
        if still:
            self._missing(still)
        self._take(view, header)

    def _late(self, header: RtpHeader, packet: bytes) -> None:
        """Process a duplicate or late packet. A series of them means that the camera reset its numbering."""
        self.counts.repeated += 1
        proof = self._back.put(header.number, packet)
        if proof:
            self.counts.repeated -= len(proof)
            self._set_numbers(proof, missing=0)

    def _set_numbers(self, packets: list[bytes], missing: int) -> None:
        """Continue with the camera's new numbering from the first of these packets on."""
        self.give_up()
        self._missing(missing)
        self._replay(packets)

    def _stranger(self, header: RtpHeader, packet: bytes) -> None:
        """Process a packet with another SSRC: from an old session, or of a restarted stream."""
        self.counts.strangers += 1
        now_s = self._get_now_s()
        if self.counts.packets != self._packets_then:
            self._packets_then, self._heard_s = self.counts.packets, now_s
        left_s = self._left.pop(header.source, None)
        goes_on = left_s is not None and now_s - left_s < _GONE_S
        if goes_on:
            self._left[header.source] = now_s
        proof = self._strangers.put(header.number, packet, header.source)
        # of two that go on, the one that began later is ours: the other is of an old session, and ends
        if not proof or (goes_on and now_s - self._heard_s < _SILENT_S):
            return
        self.give_up()
        self.counts.strangers -= len(proof)
        self._count_restart()
        self._left = {source: heard_s for source, heard_s in self._left.items() if now_s - heard_s < _GONE_S}
        self._left[self._source] = now_s
        self._left.pop(header.source, None)
        self._source = header.source
        self._to.restart()
        self._replay(proof)

    def _count_restart(self) -> None:
        self.counts.restarts += 1
        if self.counts.packets > self._restarted_at + _RESTARTS_WITHIN:
            self._restarts, self._restarted_at = 0, self.counts.packets
        self._restarts += 1
        if self._restarts > _MOST_RESTARTS:
            raise ConversationFault("mixed", "two streams come mixed on one channel")

    def _replay(self, packets: list[bytes]) -> None:
        self._next = number_of(packets[0])
        self._back.clear()
        self._far.clear()
        self._strangers.clear()
        for packet in packets:
            self._one(packet)

    def _missing(self, count: int) -> None:
        self.counts.gaps += 1
        self.counts.missing += count
        self._to.gap()

    def _take(self, view: memoryview, header: RtpHeader) -> None:
        """Process the next packet in order."""
        self._next = (header.number + 1) & 0xFFFF
        self._back.clear()
        self._far.clear()
        self.counts.packets += 1
        if header.payload_type != self._payload_type:
            if not self._is_the_type(header.payload_type):
                self.counts.bad += 1
                return
        else:
            self._type_is_known = True
        if header.extension and self.extended is not None:
            self.extended(header.time, view, header.extension, header.begin)
        self._to.payload(view, header.begin, header.end, header.time, is_marked=header.is_marked)

    def _is_the_type(self, payload_type: int) -> bool:
        """Return whether to accept this unannounced payload type."""
        if self._type_is_known:
            return False
        self._other_types += 1
        if self._other_types < _TYPE_PROOF:
            return False
        self._payload_type, self._type_is_known = payload_type, True
        return True

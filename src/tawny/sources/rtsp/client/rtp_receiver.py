"""One track's RTP packets: whose each is, and where it belongs in the order. What is left goes to the depacketizer.

Order of checks: version, extension and padding, source (SSRC), number, payload type. Cameras break every one of these
rules, so what does not fit is put aside and believed once it goes on without contradiction.
"""

from dataclasses import dataclass
from functools import lru_cache
from struct import Struct
from typing import NamedTuple, Protocol

from tawny.sources.rtsp.client.fault import ConversationFault
from tawny.sources.rtsp.client.reorder import ProbationQueue, ReorderBuffer, number_of

HEADER_BYTES = 12
TCP_WINDOW, UDP_WINDOW = 16, 128
"""How many packets may wait for one that is late."""

_HEADER = Struct(">BBHII").unpack_from
_BEGINS = Struct(">BBHBB").pack
_SAME = Struct(">II").pack
_INTERLEAVED_BYTES = 4 + HEADER_BYTES
_RTCP = range(200, 212)
"""Second bytes that no RTP packet has: reports that came on the wrong channel (RFC 5761)."""
_FAR = 3000
"""A step ahead by more packets than any network loses."""
_FAR_PROOF, _BACK_PROOF, _SOURCE_PROOF = 2, 20, 3
"""How many packets in a row prove that the camera set its numbers ahead, or back, or began another stream."""
_TYPE_PROOF = 50
"""So many packets of a payload type that was not announced, and none of the one that was: that is the one."""
_MOST_RESTARTS, _RESTARTS_WITHIN = 4, 5000


class Depacketizer(Protocol):
    """Makes units of payloads that come in order."""

    def payload(self, view: memoryview, begin: int, end: int, time: int, *, is_marked: bool) -> None:
        """time: RTP's, 32 bits. The payload may be empty; the view is only good during the call."""
        ...

    def gap(self) -> None:
        """Packets are missing before the next."""
        ...

    def doubt(self) -> None:
        """What came last may have been cut short."""
        ...

    def spoilt(self) -> None:
        """What comes next is not as it was sent."""
        ...

    def restart(self) -> None:
        """Another stream begins: its times have nothing to do with those before."""
        ...

    def middle(self) -> "OpenFragment | None":
        """What the next packet's payload goes on with, if it is plainly the middle of a NAL unit."""
        ...


class OpenFragment(NamedTuple):
    """An open fragment."""

    unit: bytearray
    """Where to append."""
    time: int
    head: bytes
    """The payload's first."""


class RtpHeader(NamedTuple):
    begin: int
    """Of the payload."""
    end: int
    number: int
    time: int
    source: int
    payload_type: int
    is_marked: bool


@dataclass(slots=True)
class RtpCounts:
    """What happened to one track's packets."""

    packets: int = 0
    missing: int = 0
    gaps: int = 0
    late: int = 0
    """Came behind later ones and were put in their place."""
    repeated: int = 0
    strangers: int = 0
    """Of another stream."""
    bad: int = 0
    """Not RTP, or of a payload type that nobody announced."""
    restarts: int = 0
    """Of the camera's stream, without a new connection."""


def read_header(view: memoryview, begin: int, end: int) -> RtpHeader | None:
    """None if it is no RTP packet."""
    if end - begin < HEADER_BYTES:
        return None
    first, second, number, time, source = _HEADER(view, begin)
    if first >> 6 != 2 or second in _RTCP:
        return None
    payload = begin + HEADER_BYTES + 4 * (first & 15)
    if first & 0x10:  # a header extension
        if end - payload < 4:
            return None
        payload += 4 + 4 * (view[payload + 2] << 8 | view[payload + 3])
    if first & 0x20 and end > payload:  # padding
        end -= view[end - 1]
    return RtpHeader(payload, max(end, payload), number, time, source, second & 127, second > 127)


@lru_cache(maxsize=256)
def _alike(bytes_each: int, head_bytes: int) -> Struct:
    """Of interleaved packets of this length: what is before the number; the number; time, source and the payload's
    head; the rest of the payload."""
    same_bytes = 8 + head_bytes
    return Struct(f">6sH{same_bytes}s{bytes_each - 8 - same_bytes}s")


class RtpReceiver:
    """window: how many packets may wait for a late one."""

    def __init__(self, payload_type: int, to: Depacketizer, window: int = TCP_WINDOW) -> None:
        self.counts = RtpCounts()
        self._payload_type, self._to, self._window = payload_type, to, window
        self._type_is_known = False
        self._other_types = 0
        self._next = -1
        """The number that comes next; negative before the first packet."""
        self._source = -1
        self._ahead = ReorderBuffer()
        self._back = ProbationQueue(_BACK_PROOF)
        self._far = ProbationQueue(_FAR_PROOF)
        self._strangers = ProbationQueue(_SOURCE_PROOF)
        self._has_aside = False  # always true: if any packet was put aside, this is set
        self._restarts, self._restarted_at = 0, 0

    @property
    def source(self) -> int:
        """Whose packets are taken (SSRC); negative before the first."""
        return self._source

    @property
    def waits_for(self) -> int:
        """The number of the late packet that others wait for; negative: there is none."""
        return self._next if self._ahead else -1

    def packet(self, view: memoryview, begin: int, end: int) -> None:
        """Take one RTP packet."""
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
        self._has_aside = bool(self._ahead or self._strangers or self._far or self._back)

    def _examine(self, view: memoryview, begin: int, end: int) -> None:
        """Take a packet that is not plainly the next one."""
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
        while self._ahead and (waiting := self._ahead.pop(self._next)) is not None:
            self.counts.late += 1
            self._one(waiting)

    def run(self, view: memoryview, at: int, end: int, channel: int) -> int:
        """Take interleaved packets from `at` on, as long as each is plainly the next of an open fragment.

        Nine of ten packets are such, and mostly as long as each other; nothing but their header is looked at, and that
        for as many as are alike in one go. Returns where it ended.
        """
        middle = self._to.middle()
        if middle is None or self._has_aside:
            return at
        unit, time, head = middle
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
            unit += b"".join(contents)  # once: grown packet by packet, most of it would be moved again and again
            self._next = number
            self.counts.packets += (number - before) & 0xFFFF
        return at

    def doubt(self) -> None:
        """What came last may have been cut short; what is missing before it will not come any more."""
        self.give_up()
        self._to.doubt()

    def spoilt(self) -> None:
        """The packet that comes next is not as it was sent."""
        self.give_up()
        self._to.spoilt()

    def give_up(self) -> None:
        """Wait no longer for packets that are late."""
        for waiting in self._ahead.take_all(self._next):
            self._one(waiting)

    def _one(self, packet: bytes) -> None:
        """A packet that waited: it is the next, or those between are missing."""
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
        """A packet before which some are missing, or late, or not meant by its number."""
        if step < self._window:
            if not self._ahead.put(header.number, packet):
                self.counts.repeated += 1
            if len(self._ahead) >= self._window:
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
        """Sent twice, or too late; if that goes on, the camera set its numbers back."""
        self.counts.repeated += 1
        proof = self._back.put(header.number, packet)
        if proof:
            self.counts.repeated -= len(proof)
            self._set_numbers(proof, missing=0)

    def _set_numbers(self, packets: list[bytes], missing: int) -> None:
        """The camera counts anew from the first of these on."""
        self.give_up()
        self._missing(missing)
        self._replay(packets)

    def _stranger(self, header: RtpHeader, packet: bytes) -> None:
        """A packet of another source: an old session's, or the camera began its stream anew."""
        self.counts.strangers += 1
        proof = self._strangers.put(header.number, packet, header.source)
        if not proof:
            return
        self.give_up()
        self.counts.strangers -= len(proof)
        self._count_restart()
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
        """The next packet in order."""
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
        self._to.payload(view, header.begin, header.end, header.time, is_marked=header.is_marked)

    def _is_the_type(self, payload_type: int) -> bool:
        """Whether this one, which nobody announced, is the one meant."""
        if self._type_is_known:
            return False
        self._other_types += 1
        if self._other_types < _TYPE_PROOF:
            return False
        self._payload_type, self._type_is_known = payload_type, True
        return True

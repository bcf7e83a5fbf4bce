"""One stream's packets, shared: a ring of the last seconds, and readers that each stand at a place of their own in it.

One thread appends; any thread reads. Nobody queues for anybody: a reader that is so slow that the ring has moved on
goes on at the oldest keyframe still there and is told how many packets it missed. So a slow reader slows nobody, and
what is in memory is bounded by the ring alone.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tawny.model.packets import Packet
from tawny.model.polygon import Polygon

Wake = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Batch:
    """What came since the last look, in order. `skipped` packets before it were lost to this reader."""

    packets: list[Packet]
    skipped: int = 0


@dataclass(slots=True)
class _Gop:
    """A keyframe and all up to the next; sound that comes between belongs to it."""

    packets: list[Packet] = field(default_factory=list)
    size_bytes: int = 0


class Hub:
    """keep_s: how much is kept behind the newest packet; max_bytes: bounds it whatever the bit rate."""

    def __init__(self, keep_s: float = 15.0, max_bytes: int = 48_000_000) -> None:
        self._keep_ms, self._max_bytes = round(keep_s * 1000), max_bytes
        self._lock = threading.Lock()
        self._gops: deque[_Gop] = (
            deque()
        )  # oldest first; each begins with a keyframe; numbers count up by one throughout
        self._size_bytes = 0
        self._first = -1  # number of the first packet ever given out
        self._wakes: tuple[Wake, ...] = ()
        self.clock_offset_s: float | None = None
        """By how much the clock of whatever fills it is ahead of ours; None while it does not say."""
        self.latency_s: float | None = None
        """From the moment a picture is taken until it is here; None while that is not known."""
        self.private: tuple[Polygon, ...] = ()
        """Parts of its pictures that nobody is to see: who decodes them makes them black."""

    def append(self, packet: Packet) -> None:
        """Give out a packet. What comes before the first keyframe cannot be decoded and is dropped."""
        with self._lock:
            if packet.is_keyframe:
                self._gops.append(_Gop())
            if not self._gops:
                return
            if self._first < 0:
                self._first = packet.number
            gop = self._gops[-1]
            gop.packets.append(packet)
            gop.size_bytes += len(packet.data)
            self._size_bytes += len(packet.data)
            self._trim(packet.at_ms)
        for wake in self._wakes:
            wake()

    def _trim(self, newest_ms: int) -> None:
        # always true: what is left still covers keep_s, unless max_bytes ran out first
        while len(self._gops) > 1 and (
            newest_ms - self._gops[1].packets[0].at_ms >= self._keep_ms or self._size_bytes > self._max_bytes
        ):
            self._size_bytes -= self._gops.popleft().size_bytes
        if self._size_bytes > self._max_bytes:  # one GOP without end: those who follow it go on, nobody can begin here
            gop = self._gops[0]
            gone = gop.packets[: len(gop.packets) // 2]
            del gop.packets[: len(gone)]
            gop.size_bytes -= sum(len(packet.data) for packet in gone)
            self._size_bytes = gop.size_bytes

    def reader(self, *, back_s: float = 0.0, wake: Wake | None = None) -> "HubReader":
        """A reader that begins with the newest keyframe at least `back_s` ago (as far as the ring goes).

        wake: called from the appending thread after every packet; must return at once.
        """
        if wake is not None:
            with self._lock:
                self._wakes = (*self._wakes, wake)
        return HubReader(self, self.begin_at(back_s), wake)

    def recent(self, back_s: float) -> list[Packet]:
        """A copy of the last seconds, from a keyframe on; empty when there is none yet."""
        return self.since(self.begin_at(back_s)).packets

    @property
    def newest(self) -> Packet | None:
        with self._lock:
            return self._gops[-1].packets[-1] if self._gops else None

    @property
    def size_bytes(self) -> int:
        return self._size_bytes

    def since(self, number: int) -> Batch:
        """All packets from `number` on; if the ring has moved on, from its oldest keyframe, told as skipped."""
        with self._lock:
            if not self._gops:
                return Batch([])
            number = max(number, self._first)
            oldest = self._gops[0].packets[0].number
            packets: list[Packet] = []
            for gop in _from(self._gops, number):
                packets[:0] = (
                    gop.packets if gop.packets[0].number >= number else gop.packets[number - gop.packets[0].number :]
                )
            return Batch(packets, skipped=max(0, oldest - number))

    def begin_at(self, back_s: float) -> int:
        """Number of the newest keyframe at least `back_s` ago, of the oldest if none is that old.

        -1 before the first packet; the number of what comes next where a GOP without end has lost its keyframe.
        """
        with self._lock:
            if not self._gops:
                return -1  # nothing yet: from the first keyframe that comes
            newest = self._gops[-1].packets[-1]
            begins = [gop.packets[0] for gop in self._gops if gop.packets[0].is_keyframe]
            for first in reversed(begins):
                if newest.at_ms - first.at_ms >= back_s * 1000:
                    return first.number
            return begins[0].number if begins else newest.number + 1

    def forget(self, wake: Wake) -> None:
        """Stop calling `wake`."""
        with self._lock:
            self._wakes = tuple(other for other in self._wakes if other is not wake)


def _from(gops: deque[_Gop], number: int) -> Iterator[_Gop]:
    """Newest first, the GOPs that hold packets from `number` on."""
    for gop in reversed(gops):
        if gop.packets[-1].number < number:
            return
        yield gop


class HubReader:
    """A place in the ring. `take` from one thread."""

    def __init__(self, hub: Hub, at: int, wake: Wake | None) -> None:
        self._hub, self._at, self._wake = hub, at, wake
        self.missed = 0

    def take(self) -> Batch:
        """Everything since the last call, at most what the ring holds; empty when nothing came."""
        batch = self._hub.since(self._at)
        if batch.packets:
            self._at = batch.packets[-1].number + 1
        self.missed += batch.skipped
        return batch

    def skip_to_newest(self) -> None:
        """Go on with the newest keyframe (a viewer that fell behind)."""
        self._at = max(self._at, self._hub.begin_at(0.0))

    def close(self) -> None:
        if self._wake is not None:
            self._hub.forget(self._wake)

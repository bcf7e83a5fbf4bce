"""Hub: a ring buffer of one stream's last seconds, with independent readers.

One thread appends; any thread reads. There are no queues per reader. A reader that falls behind the ring continues at
the oldest keyframe and learns the number of skipped packets. Slow readers therefore never delay others, and memory is
bounded by the ring alone.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice, pairwise
from typing import TypeVar

from tawny.model.geometry import Polygon
from tawny.model.packets import Packet

Wake = Callable[[], None]
FRESH_S = 5.0
"""Maximum age of a live stream's newest packet, in seconds; at low frame rates, _FRESH_STEPS frame intervals."""
_FRESH_STEPS = 3
_STEP_MS = 2_000
"""A keyframe that is older than the packet before it by more than this, ms, comes after the clock was set back."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Packets since the last call, in order. skipped: number of packets before them that this reader lost."""

    packets: list[Packet]
    skipped: int = 0


@dataclass(slots=True)
class _Gop:
    """A keyframe and all packets up to the next one, audio included."""

    packets: list[Packet] = field(default_factory=list)
    size_bytes: int = 0
    set_back_ms: int = 0
    """How far the clock was set back since."""

    def age_ms(self, newest_ms: int) -> int:
        """Return how long before `newest_ms` it begins."""
        return newest_ms - self.packets[0].at_ms + self.set_back_ms


class Hub:
    """Ring buffer of one stream.

    keep_s: seconds kept behind the newest packet. max_bytes: limit regardless of bit rate.
    """

    def __init__(self, keep_s: float = 15.0, max_bytes: int = 48_000_000) -> None:
        self._keep_ms, self._max_bytes = round(keep_s * 1000), max_bytes
        self._lock = threading.Lock()
        self._gops: deque[_Gop] = deque()  # oldest first; each begins with a keyframe; packet numbers are consecutive
        self._size_bytes = 0
        self._first = -1  # number of the first packet ever published
        self._wakes: tuple[Wake, ...] = ()
        self.clock_offset_s: float | None = None
        """How far the sender's clock is ahead of the recorder's. None if unknown."""
        self.latency_s: float | None = None
        """Latency from exposure to arrival. None if unknown."""
        self.private: tuple[Polygon, ...] = ()
        """Privacy masks of the stream: decoders paint these areas black."""

    def append(self, packet: Packet) -> None:
        """Publish a packet. Packets before the first keyframe cannot be decoded and are dropped."""
        with self._lock:
            if packet.is_keyframe:
                self._follow_clock(packet.at_ms)
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

    def keep(self, keep_s: float) -> None:
        """Keep this many seconds from now on."""
        self._keep_ms = round(keep_s * 1000)

    def _follow_clock(self, at_ms: int) -> None:
        set_back_ms = self._gops[-1].packets[-1].at_ms - at_ms if self._gops else 0
        if set_back_ms > _STEP_MS:
            for gop in self._gops:
                gop.set_back_ms += set_back_ms

    def _trim(self, newest_ms: int) -> None:
        # Invariant: the ring covers keep_s unless max_bytes is exceeded.
        while len(self._gops) > 1 and (
            self._gops[1].age_ms(newest_ms) >= self._keep_ms or self._size_bytes > self._max_bytes
        ):
            self._size_bytes -= self._gops.popleft().size_bytes
        if self._size_bytes > self._max_bytes:  # one endless GOP: current readers continue, new readers cannot start
            gop = self._gops[0]
            gone = gop.packets[: len(gop.packets) // 2]
            del gop.packets[: len(gone)]
            gop.size_bytes -= sum(len(packet.data) for packet in gone)
            self._size_bytes = gop.size_bytes

    def reader(self, *, back_s: float = 0.0, wake: Wake | None = None) -> "HubReader":
        """Return a reader at the newest keyframe at least `back_s` seconds old, or at the oldest keyframe.

        wake: called on the appending thread after every packet; must return at once.
        """
        if wake is not None:
            with self._lock:
                self._wakes = (*self._wakes, wake)
        return HubReader(self, self.begin_at(back_s), wake)

    def reader_at(self, number: int) -> "HubReader":
        """Return a reader that begins with the packet of this number."""
        return HubReader(self, number, None)

    def keyframe_before(self, at_ms: int, least: int = 0) -> Packet | None:
        """Return the newest keyframe up to a time, or else the oldest one, of those numbered from `least` on."""
        found: Packet | None = None
        with self._lock:
            for gop in reversed(self._gops):
                first = gop.packets[0]
                if first.number < least:
                    break
                if first.is_keyframe:
                    found = first
                    if first.at_ms <= at_ms:
                        break
        return found

    def recent(self, back_s: float) -> list[Packet]:
        """Return a copy of the last seconds, beginning with a keyframe. Empty if the ring is empty."""
        return self.since(self.begin_at(back_s)).packets

    @property
    def newest(self) -> Packet | None:
        with self._lock:
            return self._gops[-1].packets[-1] if self._gops else None

    def is_live(self, now_ms: int) -> bool:
        """Return whether packets arrive: whether the newest one is recent."""
        with self._lock:
            newest = list(islice((packet for gop in reversed(self._gops) for packet in reversed(gop.packets)), 3))
        if not newest:
            return False
        steps_ms = [abs(one.at_ms - before.at_ms) for one, before in pairwise(newest) if before.run == newest[0].run]
        return now_ms - newest[0].at_ms <= max(FRESH_S * 1000, _FRESH_STEPS * min(steps_ms, default=0))

    @property
    def size_bytes(self) -> int:
        return self._size_bytes

    def since(self, number: int) -> Batch:
        """Return all packets from `number` on, or from the oldest keyframe with the number of skipped packets."""
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
        """Return the number of the newest keyframe at least `back_s` seconds old, or of the oldest one.

        -1 before the first packet. The next packet's number if an endless GOP has lost its keyframe.
        """
        with self._lock:
            if not self._gops:
                return -1  # empty: begin with the first keyframe
            newest = self._gops[-1].packets[-1]
            begins = [gop for gop in self._gops if gop.packets[0].is_keyframe]
            for gop in reversed(begins):
                if gop.age_ms(newest.at_ms) >= back_s * 1000:
                    return gop.packets[0].number
            return begins[0].packets[0].number if begins else newest.number + 1

    def forget(self, wake: Wake) -> None:
        """Remove the `wake` callback."""
        with self._lock:
            self._wakes = tuple(other for other in self._wakes if other is not wake)


Key = TypeVar("Key")


def live_hubs(hubs: Mapping[Key, Hub], now_ms: int) -> dict[Key, Hub]:
    """Return the hubs where packets arrive, or those that were the last to receive any; none without packets."""
    live = {key: hub for key, hub in hubs.items() if hub.is_live(now_ms)}
    if live:
        return live
    last_ms = max((newest.at_ms for hub in hubs.values() if (newest := hub.newest)), default=0)
    return {key: hub for key, hub in hubs.items() if hub.is_live(last_ms)}


def _from(gops: deque[_Gop], number: int) -> Iterator[_Gop]:
    """Yield the GOPs with packets from `number` on, newest first."""
    for gop in reversed(gops):
        if gop.packets[-1].number < number:
            return
        yield gop


def without_backlog(packets: list[Packet], behind_ms: int) -> list[Packet]:
    """Drop the video packets before the last keyframe if they span at least `behind_ms`."""
    if not packets or packets[-1].at_ms - packets[0].at_ms < behind_ms:
        return packets
    return packets[max((at for at, packet in enumerate(packets) if packet.is_keyframe), default=0) :]


class HubReader:
    """A position in the ring. Call `take` from one thread."""

    def __init__(self, hub: Hub, at: int, wake: Wake | None) -> None:
        self._hub, self._at, self._wake = hub, at, wake
        self.missed = 0

    @property
    def next_number(self) -> int:
        """Number of the first packet that was not taken yet."""
        return self._at

    def take(self) -> Batch:
        """Return all packets since the last call. Empty if none arrived."""
        batch = self._hub.since(self._at)
        if batch.packets:
            self._at = batch.packets[-1].number + 1
        self.missed += batch.skipped
        return batch

    def skip_to_newest(self) -> None:
        """Continue at the newest keyframe, for example in a viewer that fell behind."""
        self._at = max(self._at, self._hub.begin_at(0.0))

    def close(self) -> None:
        if self._wake is not None:
            self._hub.forget(self._wake)

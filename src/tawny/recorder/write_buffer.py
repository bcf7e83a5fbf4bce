"""Write buffer: packets of one stream waiting for the disk, and when they are due. No clock, no I/O, one thread.

Timing is chosen so that a kill loses at most one second. Each step of the recorder takes all packets except the newest
frame, whose duration depends on its successor. The newest frame is taken too if no successor is expected soon.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from tawny.model.packets import Packet
from tawny.model.times import Span
from tawny.recorder.segmenter import SEGMENT_BYTES, SEGMENT_S, Segmenter
from tawny.recorder.write_units import WriteUnit

LOOK_S: Final = 0.692
"""Step interval of the recorder in s."""
_PIECE_S: Final = 0.25
"""Less data than this, in s, waits for the next step, to save a sync.

Plus one step interval it must stay below one second, the maximum loss after a kill.
"""
OLDEST_S: Final = 0.65
"""Maximum age of a packet in s. Older ones are written regardless of the amount."""
_SUCCESSOR_S: Final = 0.15
"""The newest frame waits for its successor if frames arrive at shorter intervals than this, in s."""


class WriteBuffer:
    """`add` received packets, `take` due write units."""

    def __init__(self, segment_s: float = SEGMENT_S, segment_bytes: int = SEGMENT_BYTES) -> None:
        self._waiting: deque[tuple[Packet, float]] = deque()  # packet, and time of the last step before it arrived
        self._looked_s = self._looked_before_s = float("-inf")
        self._newest_ms, self._distance_s = 0, 0.0  # the newest frame, and its distance from the previous one
        self._grouping = Segmenter(segment_s, segment_bytes)
        self.size_bytes = 0
        """Size of the waiting packets."""
        self.lost: Span | None = None
        """Time span of dropped frames. Reset to None by the caller."""
        self.losses = 0
        """Number of losses."""

    def add(self, packets: Iterable[Packet], now_s: float) -> None:
        if now_s > self._looked_s:
            self._looked_before_s, self._looked_s = max(self._looked_s, now_s - LOOK_S), now_s
        for packet in packets:
            if packet.is_video:
                self._distance_s, self._newest_ms = (packet.at_ms - self._newest_ms) / 1000, packet.at_ms
            self._waiting.append((packet, self._looked_before_s))
            self.size_bytes += len(packet.data)

    def missed(self, span: Span) -> None:
        """Record lost time of packets that never arrived here."""
        self.losses += 1
        self.lost = (
            Span(min(self.lost.begin_ms, span.begin_ms), max(self.lost.end_ms, span.end_ms)) if self.lost else span
        )

    def put_back(self, packets: Iterable[Packet], now_s: float) -> None:
        """Return unwritten packets of an abandoned file to the front.

        The next file begins with their first keyframe.
        """
        self._grouping.forget()
        packets = list(packets)
        self._waiting.extendleft((packet, now_s) for packet in reversed(packets))
        self.size_bytes += sum(len(packet.data) for packet in packets)

    @property
    def waiting_s(self) -> float:
        """Duration of the waiting packets, by their timestamps."""
        return (self._waiting[-1][0].at_ms - self._waiting[0][0].at_ms) / 1000 if self._waiting else 0.0

    def take(self, now_s: float, ending: str = "") -> list[WriteUnit]:
        """Return the due write units. ending: reason to close the file after all packets; empty keeps it open."""
        packets = self._out(len(self._waiting) if ending else self._due(now_s))
        following = next((packet for packet, _ in self._waiting if packet.is_video), None)
        pieces = self._grouping.pieces(packets, following, ending) if packets or ending else []
        for picture in self._grouping.undecodable:
            self.missed(Span(picture.at_ms, picture.at_ms))
        self._grouping.undecodable.clear()
        return [replace(piece, losses=self.losses) for piece in pieces] if self.losses else pieces

    def shed(self, most_s: float, most_bytes: int) -> list[WriteUnit]:
        """Drop the oldest packets, up to a keyframe each time, until the limits are met.

        Return a unit that ends their file.
        """
        if self.waiting_s <= most_s and self.size_bytes <= most_bytes:
            return []
        ends = self._grouping.pieces([], None, "the disk was too slow")
        while self._waiting and (self.waiting_s > most_s or self.size_bytes > most_bytes):
            self._drop()
            while self._waiting and not self._waiting[0][0].is_keyframe:
                self._drop()
        return ends

    def _due(self, now_s: float) -> int:
        """Return the number of waiting packets that are due."""
        if not self._waiting:
            return 0
        if now_s - self._waiting[0][1] < OLDEST_S and self.waiting_s < _PIECE_S:
            return 0
        newest = next((at for at in reversed(range(len(self._waiting))) if self._waiting[at][0].is_video), None)
        if newest is None:
            return len(self._waiting)
        is_new = self._waiting[newest][1] == self._looked_before_s
        return newest if is_new and self._distance_s < _SUCCESSOR_S else len(self._waiting)

    def _out(self, count: int) -> list[Packet]:
        packets = [self._waiting.popleft()[0] for _ in range(count)]
        self.size_bytes -= sum(len(packet.data) for packet in packets)
        return packets

    def _drop(self) -> None:
        packet, _ = self._waiting.popleft()
        self.size_bytes -= len(packet.data)
        if packet.is_video:
            self.missed(Span(packet.at_ms, packet.at_ms))

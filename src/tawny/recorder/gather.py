"""Packets of one stream that wait for the disk, and when they are due. Reads no clock, touches no disk; one thread.

Chosen so that a kill loses at most a second: what is older than `PIECE_S` is handed out at the recorder's next step,
all but the newest picture, whose successor tells how long it lasts; and a picture without a successor soon after.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from tawny.model.packets import Packet
from tawny.model.times import Span
from tawny.recorder.grouping import SEGMENT_S, Grouping
from tawny.recorder.pieces import Piece

PIECE_S: Final = 0.6
"""Pictures of so much time go to the disk together."""
_OLDEST_S: Final = 0.75
"""So long after it came a packet goes to the disk, however little there is."""
_SUCCESSOR_S: Final = 0.25
"""So long the newest picture waits for its successor, if others wait for it."""


class Gatherer:
    """`add` packets as they come, `take` pieces when they are due."""

    def __init__(self, segment_s: float = SEGMENT_S) -> None:
        self._waiting: deque[tuple[Packet, float]] = deque()  # with the time it came
        self._grouping = Grouping(segment_s)
        self.size_bytes = 0
        """Of what waits."""
        self.lost: Span | None = None
        """Time of pictures that were dropped; who takes note of it sets it to None."""
        self.losses = 0
        """How often."""

    def add(self, packets: Iterable[Packet], now_s: float) -> None:
        for packet in packets:
            self._waiting.append((packet, now_s))
            self.size_bytes += len(packet.data)

    def missed(self, span: Span) -> None:
        """Time whose packets never came here."""
        self.losses += 1
        self.lost = (
            Span(min(self.lost.begin_ms, span.begin_ms), max(self.lost.end_ms, span.end_ms)) if self.lost else span
        )

    def put_back(self, packets: Iterable[Packet], now_s: float) -> None:
        """Their file is given up and they are not in it: they are first in the next one, from a keyframe on."""
        self._grouping.forget()
        packets = list(packets)
        self._waiting.extendleft((packet, now_s) for packet in reversed(packets))
        self.size_bytes += sum(len(packet.data) for packet in packets)

    @property
    def waiting_s(self) -> float:
        """How much time waits, by the packets' own clock."""
        return (self._waiting[-1][0].at_ms - self._waiting[0][0].at_ms) / 1000 if self._waiting else 0.0

    def take(self, now_s: float, ending: str = "") -> list[Piece]:
        """What is due. ending: everything is, and the file is closed behind it for this reason."""
        packets = self._out(len(self._waiting) if ending else self._due(now_s))
        following = next((packet for packet, _ in self._waiting if packet.is_video), None)
        pieces = self._grouping.pieces(packets, following, ending) if packets or ending else []
        for picture in self._grouping.undecodable:
            self.missed(Span(picture.at_ms, picture.at_ms))
        self._grouping.undecodable.clear()
        return [replace(piece, losses=self.losses) for piece in pieces]

    def shed(self, most_s: float, most_bytes: int) -> list[Piece]:
        """Drop the oldest, up to a keyframe each time, until at most so much waits; returns the end of their file."""
        if self.waiting_s <= most_s and self.size_bytes <= most_bytes:
            return []
        ends = self._grouping.pieces([], None, "the disk was too slow")
        while self._waiting and (self.waiting_s > most_s or self.size_bytes > most_bytes):
            self._drop()
            while self._waiting and not self._waiting[0][0].is_keyframe:
                self._drop()
        return ends

    def _due(self, now_s: float) -> int:
        """How many of those that wait."""
        if not self._waiting:
            return 0
        is_old = now_s - self._waiting[0][1] >= _OLDEST_S
        if not is_old and self.waiting_s < PIECE_S:
            return 0
        newest = next((at for at in reversed(range(len(self._waiting))) if self._waiting[at][0].is_video), None)
        if newest is None or (is_old and now_s - self._waiting[newest][1] >= _SUCCESSOR_S):
            return len(self._waiting)
        return newest

    def _out(self, count: int) -> list[Packet]:
        packets = [self._waiting.popleft()[0] for _ in range(count)]
        self.size_bytes -= sum(len(packet.data) for packet in packets)
        return packets

    def _drop(self) -> None:
        packet, _ = self._waiting.popleft()
        self.size_bytes -= len(packet.data)
        if packet.is_video:
            self.missed(Span(packet.at_ms, packet.at_ms))

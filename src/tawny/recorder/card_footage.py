"""Footage from a camera's card: compares it with what is recorded, finds its wall-clock time, and writes it.

A camera's clock may be wrong, and may have been set since. So frames that are recorded as well are matched by their
content at both edges of a gap, and everything between is placed by them.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from itertools import pairwise
from statistics import median
from typing import Final, NamedTuple

from tawny.media.codec.nal import split_lengths
from tawny.model.errors import StorageError
from tawny.model.geometry import UPRIGHT, Orientation
from tawny.model.ids import RunId
from tawny.model.packets import VIDEO_RATE, Packet, SourcePacket, VideoFormat
from tawny.model.segments import CARD_RUN, STANDBY_RUN
from tawny.model.times import Span, stamp
from tawny.recorder.segmenter import Segmenter
from tawny.recorder.stream_writer import StreamWriter
from tawny.sources.packet_builder import is_slice
from tawny.storage.segments.metadata import SegmentTrailer

_SAME_MS: Final = 120
"""Matches whose offsets differ by less belong together: arrival times vary, times on the card hardly."""
_PAIRS: Final = 4_000
_BREAK_S: Final = 1.0
"""A step between two frames, s, from which time is missing on the card, if it is also many times the usual one."""
_BREAK_STEPS: Final = 4
_NEAR_MS: Final = 600
"""A frame that is recorded as well counts as the same within this distance of its expected time."""
_MOST_GOP_BYTES: Final = 96_000_000
_ENDINGS: Final = {CARD_RUN: "from the camera's card", STANDBY_RUN: "from the standby"}
"""Why a file of footage from there ends."""


class FrameMark(NamedTuple):
    """A frame by its content, and when it was recorded, in ms."""

    at_ms: float
    digest: bytes
    is_keyframe: bool = False


def frame_digest(packet: SourcePacket | Packet) -> bytes:
    """Return a digest of a frame's slices: parameter sets and other data around them may differ on a card."""
    assert isinstance(packet.format, VideoFormat)
    codec, found = packet.format.codec, blake2b(digest_size=16)
    for nal in split_lengths(packet.data):
        if is_slice(codec, nal):
            found.update(nal)
    return found.digest()


def offset_ms(live: Iterable[FrameMark], card: Iterable[FrameMark]) -> float | None:
    """Return how far the card's clock was ahead of the recordings, in ms. None if no frames are the same.

    Frames that occur more than once, as of a camera that shows a still image, count only together with others.
    """
    there: defaultdict[bytes, list[float]] = defaultdict(list)
    for one in live:
        there[one.digest].append(one.at_ms)
    offsets = [mark.at_ms - at_ms for mark in card for at_ms in there.get(mark.digest, ())][:_PAIRS]
    if not offsets:
        return None
    offsets.sort()
    best: list[float] = []
    first = 0
    for last, value in enumerate(offsets):
        while value - offsets[first] > _SAME_MS:
            first += 1
        if last + 1 - first > len(best):
            best = offsets[first : last + 1]
    return median(best)


@dataclass(frozen=True, slots=True)
class CardClock:
    """Maps times on the card to wall-clock time.

    edges: time on the card and how far its clock was ahead, at either edge of a gap; one or two. is_matched: found by
    frames that are recorded as well, not by what the camera's clock says now.
    """

    edges: tuple[tuple[float, float], ...]
    is_matched: bool

    def wall_ms(self, card_ms: float) -> float:
        return card_ms - self._ahead_ms(card_ms)

    def card_ms(self, wall_ms: float) -> float:
        """Return the time on the card, precise to the drift within the offset."""
        return wall_ms + self._ahead_ms(wall_ms + self.edges[0][1])

    def _ahead_ms(self, card_ms: float) -> float:
        (first_ms, first_ahead_ms), (last_ms, last_ahead_ms) = self.edges[0], self.edges[-1]
        if last_ms <= first_ms:
            return first_ahead_ms
        share = min(1.0, max(0.0, (card_ms - first_ms) / (last_ms - first_ms)))
        return first_ahead_ms + share * (last_ahead_ms - first_ahead_ms)


class UnfitFootage(Exception):
    """Footage that is not stored. The message says why."""


class CardWriter:
    """Writes the frames that belong into a gap, with the sound. One thread.

    writer: of the camera's main stream. clock: of the card. known: frames next to the gap that are recorded already.
    Frames from the keyframe before the gap on, which only serve to decode the first new one, share its first instant.
    """

    def __init__(
        self,
        writer: StreamWriter,
        clock: CardClock,
        hole: Span,
        known: Sequence[FrameMark],
        orientation: Orientation = UPRIGHT,
        origin: str = CARD_RUN,
    ) -> None:
        """origin: begin of the run's name: CARD_RUN or STANDBY_RUN."""
        self._writer, self._clock, self.hole = writer, clock, hole
        self._orientation, self._origin = orientation, origin
        self._known: defaultdict[bytes, list[float]] = defaultdict(list)
        for one in known:
            self._known[one.digest].append(one.at_ms)
        self._segmenter = Segmenter()
        self._run = RunId("")
        self._zero = 0  # ticks of wall-clock time at the run's first frame
        self._gop: list[SourcePacket] = []
        self._gop_bytes = 0
        self._number = 0
        self._last_ticks: int | None = None  # of the newest frame, wall-clock
        self._step_ticks = VIDEO_RATE // 15
        self.is_over = False
        """The end of the gap was reached."""
        self.written = 0
        """Number of frames stored for the gap."""
        self._is_broken = False
        """Frames before the next ones were left out."""
        self.refused = ""
        """Why frames were left out; empty if none were."""

    def add(self, packet: SourcePacket) -> None:
        """Process the next packet of the replay. Raises StorageError; UnfitFootage for frames that cannot be stored."""
        if self.is_over:
            return
        if packet.is_keyframe:
            self._flush()
        if not self._gop and not packet.is_keyframe:
            return
        self._gop.append(packet)
        self._gop_bytes += len(packet.data)
        if self._gop_bytes > _MOST_GOP_BYTES:
            raise UnfitFootage("a keyframe is missing for too long")

    def finish(self) -> None:
        """Write the rest and close the file. Raises StorageError."""
        try:
            if not self.is_over:
                self._flush()
        finally:
            self._end_run()

    # --- internal

    def _ticks(self, packet: SourcePacket) -> int:
        """Return the packet's wall-clock time in ticks of the video."""
        card_ms = packet.pts * 1000 / packet.format.rate
        return round(self._clock.wall_ms(card_ms) * VIDEO_RATE / 1000)

    def _flush(self) -> None:
        """Place and write a keyframe with all that depends on it."""
        gop, self._gop, self._gop_bytes = self._gop, [], 0
        pictures = [one for one in gop if one.is_video]
        if not pictures:
            return
        is_cut = False
        if any(one.is_damaged for one in pictures):
            pictures = pictures[: next(at for at, one in enumerate(pictures) if one.is_damaged)]
            self.refused, is_cut = "frames were damaged on the way", True
        times = [self._ticks(one) for one in pictures]
        if not pictures or len(set(times)) < len(times):
            self.refused, self._is_broken = "frames had no times of their own", True
            return
        if not self._is_decodable(pictures[0]):
            self.refused, self._is_broken = "a frame can't be decoded", True
            return
        end = self.hole.end_ms * VIDEO_RATE // 1000
        wanted = [
            number
            for number, (one, at) in enumerate(zip(pictures, times, strict=True))
            if at < end - self._tolerance and not self._is_known(one, at, after_gap=True)
        ]
        if len(wanted) < len(pictures):
            self.is_over = True
        if wanted:  # and all before in decode order, which those may need
            shown = list(zip(pictures, times, strict=True))[: wanted[-1] + 1]
            self._place(shown, [one for one in gop if not one.is_video])
            self._is_broken = is_cut

    def _place(self, shown: list[tuple[SourcePacket, int]], sounds: list[SourcePacket]) -> None:
        """Write these frames. Those recorded already only serve to decode the first new one: one tick each."""
        begin = self.hole.begin_ms * VIDEO_RATE // 1000
        fresh = {
            number
            for number, (one, at) in enumerate(shown)
            if at >= begin - self._tolerance and not self._is_known(one, at, after_gap=False)
        }
        if not fresh:
            return
        first = min(shown[number][1] for number in fresh)
        if self._run:
            self._end_at_break(first)
        if not self._run:
            self._begin_run(first, len(shown) - len(fresh))
        lead = sorted(at for number, (_, at) in enumerate(shown) if number not in fresh)
        least = self._zero + len(lead)
        placed = {
            number: max(at, least) if number in fresh else self._zero + lead.index(at)
            for number, (_, at) in enumerate(shown)
        }
        made = [self._packet(one, placed[number]) for number, (one, _) in enumerate(shown)]
        self._learn(sorted(placed[number] for number in fresh))
        for sound in sounds:
            at = self._ticks(sound)
            if self._zero <= at < self.hole.end_ms * VIDEO_RATE // 1000:
                made.append(self._numbered(sound, round((at - self._zero) * sound.format.rate / VIDEO_RATE), at))
        try:
            for piece in self._segmenter.pieces(made, None):
                self._writer.write(piece)
        except StorageError:
            self._close(SegmentTrailer(0, "the disk failed"))  # at what was written: the rest is fetched again
            raise
        self.written += len(fresh)
        self._segmenter.undecodable.clear()

    def _begin_run(self, first: int, lead: int) -> None:
        """Begin a file with the gap if its first frame is the next one that is missing, else with that frame.

        first: time of the first new frame. lead: number of frames before it.
        """
        begin = self.hole.begin_ms * VIDEO_RATE // 1000
        is_next = self._last_ticks is None and (
            first - begin < VIDEO_RATE // 2 if lead else first - begin <= max(3 * self._tolerance, VIDEO_RATE // 10)
        )
        self._zero = begin if is_next else max(begin, first - lead)
        self._run = RunId(f"{self._origin}{stamp(self._zero * 1000 // VIDEO_RATE)}")

    def _end_at_break(self, next_ticks: int) -> None:
        """End the run if the card has nothing for a while before these frames."""
        last = self._last_ticks
        assert last is not None
        if self._is_broken or next_ticks - last > max(_BREAK_S * VIDEO_RATE, _BREAK_STEPS * self._step_ticks):
            self._end_run()

    def _end_run(self) -> None:
        if not self._run or self._last_ticks is None:
            return
        end = self.hole.end_ms * VIDEO_RATE // 1000
        is_whole = end - self._last_ticks <= max(2.5 * self._step_ticks, VIDEO_RATE // 10)
        end_ms = self.hole.end_ms if is_whole else (self._last_ticks + self._step_ticks) * 1000 // VIDEO_RATE
        self._close(SegmentTrailer(end_ms, _ENDINGS[self._origin]))

    def _close(self, end: SegmentTrailer) -> None:
        """Close the file and end the run."""
        self._writer.end(end)
        self._segmenter.forget()
        self._run = RunId("")

    def _packet(self, source: SourcePacket, at: int) -> Packet:
        return self._numbered(source, at - self._zero, at)

    def _numbered(self, source: SourcePacket, pts: int, at: int) -> Packet:
        self._number += 1
        at_ms, format_ = at * 1000 // VIDEO_RATE, source.format
        if isinstance(format_, VideoFormat) and format_.orientation != self._orientation:
            format_ = replace(format_, orientation=self._orientation)
        return Packet(self._run, self._number, format_, source.data, pts, at_ms, source.is_keyframe)

    def _is_decodable(self, keyframe: SourcePacket) -> bool:
        from tawny.media.codec.decoder import Decoder  # imported late: recorders that fill nothing decode nothing here

        assert isinstance(keyframe.format, VideoFormat)
        decoder = Decoder(keyframe.format)
        return bool([*decoder.decode(keyframe), *decoder.drain()])

    def _learn(self, at_ticks: list[int]) -> None:
        steps = [later - earlier for earlier, later in pairwise(at_ticks)]
        if steps:
            self._step_ticks = max(1, round(median(steps)))
        self._last_ticks = at_ticks[-1]

    @property
    def _tolerance(self) -> int:
        return self._step_ticks // 2

    def _is_known(self, packet: SourcePacket, at: int, *, after_gap: bool) -> bool:
        """Return whether the frame is recorded: before the gap, or after it."""
        if not self._known:
            return False
        at_ms = at * 1000 / VIDEO_RATE
        middle_ms = (self.hole.begin_ms + self.hole.end_ms) / 2
        if (at_ms > middle_ms) != after_gap:
            return False
        return any(abs(known_ms - at_ms) < _NEAR_MS for known_ms in self._known.get(frame_digest(packet), ()))

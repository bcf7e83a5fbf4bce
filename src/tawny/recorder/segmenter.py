"""Segmenter: decides where files and fragments begin in a stream of packets. No I/O."""

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final

from tawny.media.codec.parameter_sets import same_picture
from tawny.model.ids import RunId
from tawny.model.packets import AudioFormat, Packet, VideoFormat
from tawny.model.times import Span
from tawny.storage.segments.metadata import SegmentTrailer

# Write units: parts of files, each written and synced at once.


@dataclass(frozen=True, slots=True)
class NewSegmentFile:
    """A file that begins with the frame at `first_pts`."""

    run: RunId
    start_ms: int
    first_pts: int
    video: VideoFormat
    audio: AudioFormat | None


@dataclass(frozen=True, slots=True)
class WriteFragment:
    """Frames in decode order, and audio of about the same time."""

    pictures: tuple[Packet, ...]
    sounds: tuple[Packet, ...] = ()


@dataclass(frozen=True, slots=True)
class WriteUnit:
    """The next fragments of one file.

    begins: create the file first. next_pts: timestamp of the following frame; None if unknown. ends: close the file
    afterwards; `end_ms` 0 means at the end of its last frame. losses: number of losses before this unit.
    """

    fragments: tuple[WriteFragment, ...]
    begins: NewSegmentFile | None = None
    next_pts: int | None = None
    ends: SegmentTrailer | None = None
    losses: int = 0

    @property
    def packets(self) -> list[Packet]:
        """All packets, fragment by fragment."""
        return [packet for one in self.fragments for packet in (*one.pictures, *one.sounds)]


SEGMENT_S: Final = 60.0
"""Target segment length in s: a segment ends before the first keyframe after it."""
SEGMENT_BYTES: Final = 1 << 30
"""Target segment size on a large volume: a segment also ends before the first keyframe after it. No segment is larger.
"""
_VOLUME_SHARE: Final = 32
"""Number of segments of the target size that fill a volume, so that a removal takes a small part of it."""
SHORT_SEGMENT_S: Final = 5.0
"""Target segment length in s in a span of short segments."""
_SHORTEST_S: Final = 2.0
"""Minimum length in s of a segment that ends because of its target size."""
_SIZE_FACTOR: Final = 4
"""Maximum segment size relative to a smaller target.

Reached, the segment ends before any frame, so that a stream without keyframes is bounded.
"""
_LONGEST_S: Final = 540.0
"""Maximum segment length in s without a keyframe: the key of a sealed file lives at most ten minutes."""
_FRAGMENT_S: Final = 0.5
"""Minimum fragment length in s: a keyframe begins a new fragment unless the current one is shorter and has a keyframe.
"""


FRAGMENTS_AT_ONCE: Final = 2
"""Maximum number of fragments per write unit."""


@dataclass(slots=True)
class _Part:
    """The part of the current packets that belongs to one file."""

    file: NewSegmentFile
    begins: bool
    pictures: list[Packet] = field(default_factory=list)
    sounds: list[Packet] = field(default_factory=list)
    ends: SegmentTrailer | None = None


class Segmenter:
    """Call `pieces` from one thread."""

    def __init__(self, segment_s: float = SEGMENT_S, segment_bytes: int = SEGMENT_BYTES) -> None:
        self._segment_s, self._segment_bytes = segment_s, segment_bytes
        self._file: NewSegmentFile | None = None
        self._file_bytes = 0
        self._sounds: dict[RunId, AudioFormat] = {}  # of the file's run and of the current packets' runs
        self.short = Span(0, 0)
        """Time in which segments are short, ms UTC: set by the caller."""
        self.undecodable: list[Packet] = []
        """Frames without a file, because no keyframe preceded them. Cleared by the caller."""

    @property
    def has_file(self) -> bool:
        return self._file is not None

    def forget(self) -> None:
        """Abandon the current file. The next one begins with the next keyframe."""
        self._file = None

    def pieces(self, packets: Sequence[Packet], following: Packet | None, ending: str = "") -> list[WriteUnit]:
        """Split packets into write units of consecutive files.

        following: the next frame, if already received. ending: reason to close the last file; empty keeps it open.
        """
        runs = {packet.run for packet in packets} | ({self._file.run} if self._file is not None else set())
        self._sounds = {run: sound for run, sound in self._sounds.items() if run in runs}
        self._sounds |= {packet.run: packet.format for packet in packets if isinstance(packet.format, AudioFormat)}
        parts = self._parts([packet for packet in packets if packet.is_video])
        _spread([packet for packet in packets if not packet.is_video], parts)
        if ending and self._file is not None:
            if not parts:
                parts = [_Part(self._file, begins=False)]
            goes_on = following is not None and following.run == self._file.run
            parts[-1].ends = SegmentTrailer(following.at_ms if following and goes_on else 0, ending)
            self._file = None
        nexts = [*(part.pictures[0] for part in parts[1:]), following]
        return [piece for part, after in zip(parts, nexts, strict=False) for piece in _pieces(part, after)]

    def _parts(self, pictures: Sequence[Packet]) -> list[_Part]:
        parts = [_Part(self._file, begins=False)] if self._file is not None else []
        for picture in pictures:
            if why := self._must_begin(picture):
                if self._file is not None:
                    same_run = self._file.run == picture.run
                    parts[-1].ends = SegmentTrailer(picture.at_ms if same_run else 0, why)
                self._file = self._new_file(picture)
                self._file_bytes = 0
                if self._file is not None:
                    parts.append(_Part(self._file, begins=True))
            if self._file is None:
                self.undecodable.append(picture)
                continue
            parts[-1].pictures.append(picture)
            self._file_bytes += len(picture.data)
        return parts

    def _must_begin(self, picture: Packet) -> str:
        """Return why a new file must begin with this frame. Empty if the current file continues."""
        file = self._file
        if file is None:
            return "first"
        if picture.run != file.run:
            return "another run"
        length_s = (picture.pts - file.first_pts) / picture.format.rate
        most_bytes = self._segment_bytes * (1 if picture.is_keyframe else _SIZE_FACTOR)
        if self._file_bytes >= SEGMENT_BYTES or (self._file_bytes >= most_bytes and length_s >= _SHORTEST_S):
            return "size"
        if not picture.is_keyframe:
            return "length" if length_s >= _LONGEST_S else ""
        if not (isinstance(picture.format, VideoFormat) and same_picture(file.video, picture.format)):
            return "another format"
        if self._sounds.get(picture.run) not in (None, file.audio):
            return "another sound"
        is_short = self.short.begin_ms <= picture.at_ms < self.short.end_ms
        return "length" if length_s >= (SHORT_SEGMENT_S if is_short else self._segment_s) else ""

    def _new_file(self, picture: Packet) -> NewSegmentFile | None:
        goes_on = self._file is not None and self._file.run == picture.run
        if not isinstance(picture.format, VideoFormat) or not (picture.is_keyframe or goes_on):
            return None
        return NewSegmentFile(picture.run, picture.at_ms, picture.pts, picture.format, self._sounds.get(picture.run))


def segment_bytes_on(volume_bytes: int) -> int:
    """Return the target segment size for a volume of this size."""
    return min(SEGMENT_BYTES, volume_bytes // _VOLUME_SHARE)


def _spread(sounds: Sequence[Packet], parts: Sequence[_Part]) -> None:
    """Assign each audio packet to the file of its run and time. A late packet goes to the next file."""
    for sound in sounds:
        fitting = [part for part in parts if part.file.run == sound.run and part.file.audio == sound.format]
        begun = [part for part in fitting if _begin_s(part) <= sound.pts_s]
        if fitting:
            (begun[-1] if begun else fitting[0]).sounds.append(sound)


def _begin_s(part: _Part) -> float:
    return part.file.first_pts / part.file.video.rate


def _pieces(part: _Part, following: Packet | None) -> list[WriteUnit]:
    """Split a file's packets into write units.

    The number of fragments per unit limits what a reader must search after a power cut.
    """
    fragments = _fragments(part)
    cuts = range(0, len(fragments), FRAGMENTS_AT_ONCE)
    if not cuts:
        return [WriteUnit((), ends=part.ends)] if part.ends is not None else []
    nexts = [*(fragments[cut].pictures[0].pts for cut in cuts[1:]), _next_pts(part, following)]
    return [
        WriteUnit(
            tuple(fragments[cut : cut + FRAGMENTS_AT_ONCE]),
            begins=part.file if part.begins and cut == 0 else None,
            next_pts=next_pts,
            ends=part.ends if cut == cuts[-1] else None,
        )
        for cut, next_pts in zip(cuts, nexts, strict=True)
    ]


def _next_pts(part: _Part, following: Packet | None) -> int | None:
    return following.pts if following is not None and following.run == part.file.run else None


def _fragments(part: _Part) -> list[WriteFragment]:
    """Split before keyframes, so that playback can start at each fragment."""
    cut: list[list[Packet]] = []
    for picture in part.pictures:
        if not cut or (picture.is_keyframe and not _is_short(cut[-1], picture)):
            cut.append([])
        cut[-1].append(picture)
    if not cut:
        return [WriteFragment((), tuple(part.sounds))] if part.sounds else []
    begins_s = [pictures[0].pts_s for pictures in cut]
    heard: list[list[Packet]] = [[] for _ in cut]
    for sound in part.sounds:
        heard[max(0, bisect_right(begins_s, sound.pts_s) - 1)].append(sound)
    return [WriteFragment(tuple(pictures), tuple(sounds)) for pictures, sounds in zip(cut, heard, strict=True)]


def _is_short(pictures: Sequence[Packet], following: Packet) -> bool:
    return pictures[0].is_keyframe and following.pts_s - pictures[0].pts_s < _FRAGMENT_S


# Write buffer: packets of one stream waiting for the disk, and when they are due. No clock, no I/O, one thread.

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


def duration_s(packets: Sequence[Packet]) -> float:
    """Return the duration of packets by their timestamps, in s: that of the frames or of the sound, the longer one.

    The time between runs does not count: a clock that was set begins another run. Nor does the time between frames and
    sound, which may have another zero.
    """
    pictures = [packet for packet in packets if packet.is_video]
    return max(_track_s(pictures), _track_s([packet for packet in packets if not packet.is_video]))


def _track_s(packets: Sequence[Packet]) -> float:
    if packets and packets[0].run == packets[-1].run:  # as usual; asked at every step
        return (packets[-1].at_ms - packets[0].at_ms) / 1000
    return sum(after.at_ms - before.at_ms for before, after in pairwise(packets) if before.run == after.run) / 1000


class WriteBuffer:
    """`add` received packets, `take` due write units."""

    def __init__(self, segment_s: float = SEGMENT_S, segment_bytes: int = SEGMENT_BYTES) -> None:
        self._waiting: deque[tuple[Packet, float]] = deque()  # packet, and time of the last step before it arrived
        self._pictures: deque[Packet] = deque()  # those of them
        self._sounds: deque[Packet] = deque()
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
            self._track_of(packet).append(packet)
            self.size_bytes += len(packet.data)

    def missed(self, span: Span) -> None:
        """Record lost time of packets that never arrived here."""
        self.losses += 1
        self.lost = (
            Span(min(self.lost.begin_ms, span.begin_ms), max(self.lost.end_ms, span.end_ms)) if self.lost else span
        )

    def shorten(self, span: Span) -> None:
        """End each segment in this span after a few seconds, at the next keyframe."""
        self._grouping.short = span

    def put_back(self, packets: Iterable[Packet], now_s: float) -> None:
        """Return unwritten packets of an abandoned file to the front.

        The next file begins with their first keyframe.
        """
        self._grouping.forget()
        packets = list(packets)
        for packet in reversed(packets):
            self._waiting.appendleft((packet, now_s))
            self._track_of(packet).appendleft(packet)
        self.size_bytes += sum(len(packet.data) for packet in packets)

    @property
    def waiting_s(self) -> float:
        """Duration of the waiting frames or of the waiting sound in s, as `duration_s`."""
        return max(_track_s(self._pictures), _track_s(self._sounds))

    def take(self, now_s: float, ending: str = "", after: Packet | None = None) -> list[WriteUnit]:
        """Return the due write units.

        ending: reason to close the file after all packets; empty keeps it open. after: the packet that would follow.
        """
        packets = self._out(len(self._waiting) if ending else self._due(now_s))
        following = self._pictures[0] if self._pictures else after
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
        return [self._pop() for _ in range(count)]

    def _drop(self) -> None:
        packet = self._pop()
        if packet.is_video:
            self.missed(Span(packet.at_ms, packet.at_ms))

    def _pop(self) -> Packet:
        packet, _ = self._waiting.popleft()
        self._track_of(packet).popleft()
        self.size_bytes -= len(packet.data)
        return packet

    def _track_of(self, packet: Packet) -> deque[Packet]:
        return self._pictures if packet.is_video else self._sounds

"""What moves in films, track by track as the watcher follows it, with the crops that the model of kinds is shown and
with what it truly is: so that weights and ways of voting are judged without watching the films again.
"""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.footage import CAMERA, watch_connection, watch_file
from benchmarks.scoring import Span
from tawny.detection.decode_pipeline import DecodeGate, GateMode
from tawny.detection.kind_model import LEAST_CELLS, LIKELY, MOST, cells_in, crops_of
from tawny.detection.motion import MotionDetector
from tawny.model.ids import StreamName
from tawny.model.observations import NOTHING, Box, Frame, Look
from tawny.sources.demo.source import Demo
from tawny.sources.source import SourceContext
from tawny.testing.clock import FakeClock

BESIDE_S = 1.0
"""So much before and after an event of the truth a track is taken for its."""
COVERED = 0.3
"""Share of a track's box that must be the figure's, or the other way round."""
OTHER = "other"
"""Something real that is none of the kinds."""


@dataclass
class Track:
    """One thing that was followed. at_s, boxes, is_seen, crop_at: of each look its time, its box, whether it made an
    event then, and the number of its crop or -1. truth: a kind, `nothing`, `other`, or empty where nobody knows.
    passage: which of the truth's events it is, or -1."""

    camera: str
    light: str
    at_s: list[float] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    is_seen: list[bool] = field(default_factory=list)
    crops: list[Any] = field(default_factory=list)
    crop_at: list[int] = field(default_factory=list)
    truth: str = ""
    passage: int = -1


class Passage(NamedTuple):
    """Something that came by. boxes: of each time in s; empty: anywhere in the picture."""

    what: str
    span: Span
    boxes: Sequence[tuple[float, Box]] = ()


@dataclass
class FilmTracks:
    name: str
    camera: str
    light: str
    length_s: float
    quiet_s: float
    tracks: list[Track]
    passages: list[Passage]


class _Tap:
    """Keeps what the labeller would be shown, and says nothing."""

    def __init__(self, camera: str, light: str) -> None:
        self._camera, self._light = camera, light
        self.tracks: dict[int, Track] = {}
        self.first_ms: int | None = None

    def look(self, frame: Frame, look: Look) -> Look:
        if self.first_ms is None:
            self.first_ms = frame.at_ms
        if look.mask is None:
            return look
        at_s = (frame.at_ms - self.first_ms) / 1000
        followed = [*look.seen, *(thing for thing in look.near if thing.score >= LIKELY)]
        seen = {thing.track for thing in look.seen}
        moving = [(cells, thing) for thing in followed if (cells := cells_in(look.mask, thing.box)) >= LEAST_CELLS]
        shown = [thing for _, thing in sorted(moving, key=lambda one: -one[0])[:MOST]]
        crops = crops_of(frame.luma, look.mask, [thing.box for thing in shown]) if shown else []
        by_track = {thing.track: crop for thing, crop in zip(shown, crops, strict=True)}
        for thing in followed:
            track = self.tracks.setdefault(thing.track, Track(self._camera, self._light))
            track.at_s.append(at_s)
            track.boxes.append(thing.box)
            track.is_seen.append(thing.track in seen)
            track.crop_at.append(len(track.crops) if thing.track in by_track else -1)
            if thing.track in by_track:
                track.crops.append(by_track[thing.track])
        return look


def of_file(path: Path, camera: str, light: str, record: dict[str, Any]) -> FilmTracks:
    """record: as in the footage's manifest."""
    tap = _Tap(camera, light)
    watch_file(path, MotionDetector({}), DecodeGate(GateMode.BALANCED, random.Random(1)), (tap,))
    passages = [
        Passage(one["what"], Span(float(one["start_s"]), float(one["end_s"]))) for one in record["truth"]["events"]
    ]
    quiet = [Span(*map(float, one)) for one in record["truth"]["quiet"]]
    tracks = list(tap.tracks.values())
    for track in tracks:
        _tell(track, passages, quiet)
    quiet_s = sum(span.end - span.begin for span in quiet)
    return FilmTracks(path.stem, camera, light, float(record["duration_s"]), quiet_s, tracks, passages)


def of_demo(scene: str, length_s: float, *, seed: int | None = None) -> FilmTracks:
    """A demo camera's first minutes, each track by which figure it follows."""
    demo, clock = Demo(), FakeClock()
    options = demo.settings({} if seed is None else {"seed": seed})
    began_ms = clock.now_ms()
    context = SourceContext(CAMERA, StreamName.SUB, f"demo:{scene}", options, clock)
    tap = _Tap(f"demo-{scene}", "")
    watch_connection(
        demo.open(context), clock, MotionDetector({}), DecodeGate(GateMode.BALANCED, random.Random(1)), (tap,), length_s
    )
    first_s = ((tap.first_ms or began_ms) - began_ms) / 1000
    passages = []
    for told in demo.truth(CAMERA, began_ms, began_ms + round(length_s * 1000)):
        at = [((at_ms - began_ms) / 1000 - first_s, box) for at_ms, box in told.boxes]
        passages.append(Passage(told.kind, Span(at[0][0], at[-1][0]), at))
    tracks = list(tap.tracks.values())
    for track in tracks:
        _tell_by_boxes(track, passages)
    busy_s = sum(one.span.end - one.span.begin for one in passages)
    return FilmTracks(f"demo-{scene}", f"demo-{scene}", "", length_s, length_s - busy_s, tracks, passages)


def _tell(track: Track, passages: Sequence[Passage], quiet: Sequence[Span]) -> None:
    """By time: an event's track is what the event is."""
    begin, end = track.at_s[0], track.at_s[-1]
    touched = [
        (min(end, one.span.end) - max(begin, one.span.begin), n)
        for n, one in enumerate(passages)
        if min(end, one.span.end + BESIDE_S) >= max(begin, one.span.begin - BESIDE_S)
    ]
    if touched:
        track.passage = max(touched)[1]
        track.truth = passages[track.passage].what
    elif any(span.begin <= begin <= span.end for span in quiet):
        track.truth = NOTHING


def _tell_by_boxes(track: Track, passages: Sequence[Passage]) -> None:
    votes: Counter[int] = Counter()
    for at_s, box in zip(track.at_s, track.boxes, strict=True):
        found = ((_covers(box, figure), n) for n, one in enumerate(passages) if (figure := _at(one, at_s)) is not None)
        share, n = max(found, default=(0.0, -1))
        votes[n if share >= COVERED else -1] += 1
    passage, count = max(votes.items(), key=lambda one: (one[0] >= 0, one[1]))
    if passage >= 0 and count * 3 >= len(track.at_s):
        track.passage, track.truth = passage, passages[passage].what
    elif passage < 0:
        track.truth = NOTHING


def _at(passage: Passage, at_s: float) -> Box | None:
    near = min(passage.boxes, key=lambda one: abs(one[0] - at_s), default=None)
    return near[1] if near is not None and abs(near[0] - at_s) <= 0.3 else None


def _covers(a: Box, b: Box) -> float:
    """Overlap of two boxes by the smaller one's area."""
    wide = min(a[2], b[2]) - max(a[0], b[0])
    high = min(a[3], b[3]) - max(a[1], b[1])
    if wide <= 0 or high <= 0:
        return 0.0
    smaller = min((a[2] - a[0]) * (a[3] - a[1]), (b[2] - b[0]) * (b[3] - b[1]))
    return wide * high / max(smaller, 1e-9)

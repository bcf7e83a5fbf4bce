"""What moves in films, track by track as the watcher follows it, with the crops that the model of kinds is shown and
with what it truly is: so that weights and ways of voting are judged without watching the films again.

    python -m benchmarks.kind_tracks FOLDER                          # samples of the demo cameras, for training
    python -m benchmarks.kind_tracks FOLDER --film FILM --what KIND  # crops of all that moves in a film, labelled so
"""

import argparse
import random
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.footage import CAMERA, watch_connection, watch_file
from benchmarks.scoring import Span
from tawny.detection.decode_pipeline import DecodeGate, GateMode
from tawny.detection.kind_model import KINDS, LEAST_CELLS, LIKELY, MOST, cells_in, crops_of
from tawny.detection.motion import MotionDetector
from tawny.model.ids import StreamName
from tawny.model.observations import NOTHING, Box, Frame, Look
from tawny.sources.demo.source import Demo
from tawny.sources.demo.world import SCENES
from tawny.sources.source import SourceContext
from tawny.testing.clock import FakeClock
from training.collect import agreed
from training.samples import Samples, written

BESIDE_S = 1.0
"""So much before and after an event of the truth a track is taken for its."""
COVERED = 0.3
"""Share of a track's box that must be the figure's, or the other way round."""
OTHER = "other"
"""Something real that is none of the kinds."""
ENOUGH = 3
"""Crops that a track has at least."""
DEMO_S, DEMO_SEED, OF_DEMO, OF_FILM = 1500.0, 7, 8, 60
"""Seconds of each demo camera, the seed of its world, and crops of a track, there and of a film."""


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
    """Something that came by. boxes: of each time in s. where: part of the picture that it stays in all the time."""

    what: str
    span: Span
    boxes: Sequence[tuple[float, Box]] = ()
    where: Box = (0.0, 0.0, 1.0, 1.0)


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
        Passage(
            one["what"], Span(float(one["start_s"]), float(one["end_s"])), where=tuple(one.get("where", (0, 0, 1, 1)))
        )
        for one in record["truth"]["events"]
    ]
    quiet = [Span(*map(float, one)) for one in record["truth"]["quiet"]]
    ignored = [Span(float(one["start_s"]), float(one["end_s"])) for one in record["truth"].get("ignore", ())]
    tracks = list(tap.tracks.values())
    for track in tracks:
        _tell(track, passages, quiet, ignored)
    quiet_s = sum(span.end - span.begin for span in quiet)
    return FilmTracks(path.stem, camera, light, float(record["duration_s"]), quiet_s, tracks, passages)


def of_crops(file: Path, camera: str) -> FilmTracks:
    """Tracks of which only crops are left, as `training.collect` takes them; each is a passage of its own. What most of
    its crops are by both models is what it is; where they see nothing, nobody knows whether it is a hand."""
    with np.load(file) as kept:
        labels = agreed(kept["yp"], kept["pp"])
        width, height = kept["wh"][0].tolist()
        every = list(zip(kept["track"].tolist(), kept["t"].tolist(), kept["box"].tolist(), strict=True))
        crops = np.stack([kept["l"], kept["m"]], axis=1)
    tracks: dict[int, Track] = {}
    received: dict[int, Counter[str]] = {}
    for n, (number, at_s, (x0, y0, x1, y1)) in enumerate(every):
        track = tracks.setdefault(number, Track(camera, "day", passage=len(tracks)))
        track.at_s.append(at_s)
        track.boxes.append((x0 / width, y0 / height, x1 / width, y1 / height))
        track.is_seen.append(True)
        track.crop_at.append(len(track.crops))
        track.crops.append(crops[n])
        received.setdefault(number, Counter())[KINDS[labels[n]] if labels[n] >= 0 else ""] += 1
    for number, track in tracks.items():
        kind, count = max(received[number].items(), key=lambda one: (one[0] not in ("", NOTHING), one[1]))
        track.truth = kind if kind != NOTHING and count >= ENOUGH else ""
    return FilmTracks(file.stem, camera, "day", 0.0, 0.0, list(tracks.values()), [])


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
    for passage in demo.truth(CAMERA, began_ms, began_ms + round(length_s * 1000)):
        at = [((at_ms - began_ms) / 1000 - first_s, box) for at_ms, box in passage.boxes]
        passages.append(Passage(passage.kind, Span(at[0][0], at[-1][0]), at))
    tracks = list(tap.tracks.values())
    for track in tracks:
        _tell_by_boxes(track, passages)
    busy_s = sum(one.span.end - one.span.begin for one in passages)
    return FilmTracks(f"demo-{scene}", f"demo-{scene}", "", length_s, length_s - busy_s, tracks, passages)


def _tell(track: Track, passages: Sequence[Passage], quiet: Sequence[Span], ignored: Sequence[Span]) -> None:
    """By time and place: a track is what the event is that it shares most time with, of two the one of the smaller part
    of the picture."""
    begin, end = track.at_s[0], track.at_s[-1]
    touched = [
        (round(min(end, one.span.end) - max(begin, one.span.begin), 1), -_area(one.where), n)
        for n, one in enumerate(passages)
        if min(end, one.span.end + BESIDE_S) >= max(begin, one.span.begin - BESIDE_S) and _stays(track, one.where)
    ]
    if touched:
        track.passage = max(touched)[-1]
        track.truth = passages[track.passage].what
    elif _is_within(begin, quiet) and not _is_within(begin, ignored):
        track.truth = NOTHING


def _is_within(at_s: float, spans: Sequence[Span]) -> bool:
    return any(span.begin <= at_s <= span.end for span in spans)


def _stays(track: Track, where: Box) -> bool:
    middles = [((x0 + x1) / 2, (y0 + y1) / 2) for x0, y0, x1, y1 in track.boxes]
    inside = [where[0] <= x <= where[2] and where[1] <= y <= where[3] for x, y in middles]
    return 2 * sum(inside) >= len(inside)


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


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
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / max(min(_area(a), _area(b)), 1e-9)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--film", type=Path)
    parser.add_argument("--what", choices=KINDS)
    options = parser.parse_args(arguments)
    if options.film:
        tracks = of_file(options.film, "", "", {"truth": {"events": [], "quiet": []}, "duration_s": 0}).tracks
        crops = [crop for track in tracks for crop in _spread(track, OF_FILM)]
        luma, mask = np.stack(crops).transpose(1, 0, 2, 3)
        options.folder.mkdir(parents=True, exist_ok=True)
        file = options.folder / f"{options.film.stem}.npz"
        np.savez_compressed(file, l=luma, m=mask, label=np.full(len(crops), KINDS.index(options.what)))
        print(f"{file}: {len(crops)} crops")
        return 0
    tracks = [one for scene in SCENES for one in of_demo(scene, DEMO_S, seed=DEMO_SEED).tracks if one.truth in KINDS]
    found = [(crop, KINDS.index(track.truth)) for track in tracks for crop in _spread(track, OF_DEMO)]
    samples = Samples("rendered-demo-cameras", np.stack([one for one, _ in found]), np.array([n for _, n in found]))
    print(f"{written(options.folder, samples)}: {samples.counts()}")
    return 0


def _spread(track: Track, most: int) -> list[Any]:
    if len(track.crops) < ENOUGH:
        return []
    return [track.crops[n] for n in np.unique(np.linspace(0, len(track.crops) - 1, most).round().astype(int))]


if __name__ == "__main__":
    sys.exit(main())

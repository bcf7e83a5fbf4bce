"""Event types without a download: a small bundled model that names moving objects where it is certain.

It is no object detector. Motion detection proposes the regions; objects that stand still are never classified.
"""

import hashlib
import json
import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np

from tawny.detection.classification import CHANGES_BY, ENDS, TRAVELLED, TrackPath, VotedLabel, side
from tawny.detection.numpy_model import Array, NumpyModel, UnsupportedModel, softmax
from tawny.detection.onnx import open_session
from tawny.model.errors import NotDone
from tawny.model.observations import ANIMAL, NOTHING, PERSON, VEHICLE, Box, Frame, Look, Observation
from tawny.model.times import Clock

KINDS: Final = (PERSON, VEHICLE, ANIMAL, NOTHING)
"""The model's classes, in the order of its outputs."""
SIDE: Final = 64
"""Side of a crop, px."""
AROUND: Final = 1.3
"""Side of a crop relative to the longer side of the box."""
LEAST_PIXELS: Final = 21
"""Minimum side of a crop, px of the frame."""
LEAST_CELLS: Final = 12
"""Minimum number of foreground cells in a box; with fewer no type can be recognized."""


class KindModel(Protocol):
    def look(self, crops: Any) -> Any:
        """Classify crops.

        crops: uint8 [n, 2, 64, 64], luma and foreground mask. Return float32 [n, 4], 0..1 in the order of KINDS; each
        row sums to 1.
        """
        ...


class KindClassifier:
    """Runs a type model from a file. Thread-safe. Raises NotDone: if the file is no suitable model.

    Loads onnxruntime, 30 MB, only for a model that numpy cannot run.
    """

    def __init__(self, file: Path) -> None:
        self._session: Any = _session(file)
        given, outputs = self._session.get_inputs(), self._session.get_outputs()
        shape = list(given[0].shape) if len(given) == 1 else []
        if shape[1:] != [2, SIDE, SIDE] or "uint8" not in given[0].type or list(outputs[0].shape)[1:] != [len(KINDS)]:
            raise NotDone(
                f"The model {file} can't classify events: it must take uint8 [n, 2, {SIDE}, {SIDE}] and return "
                f"[n, {len(KINDS)}].",
                "Train one as docs/how-to/train-a-model.md says, or leave the setting out.",
            )
        self._input = given[0].name

    def look(self, crops: Any) -> Any:
        return self._session.run(None, {self._input: crops})[0]


def _session(file: Path) -> Any:
    try:
        return NumpyModel(file)
    except (UnsupportedModel, OSError):
        return open_session(file)


def crops_of(luma: Any, mask: Any, boxes: Sequence[Box]) -> Any:
    """Return the model input uint8 [n, 2, 64, 64]: a square crop of luma and foreground mask around each box.

    luma: uint8 [height, width]. mask: bool or uint8 [rows, columns] of the same frame, smaller. Pixels outside the
    frame repeat its border.
    """
    made = np.empty((len(boxes), 2, SIDE, SIDE), np.uint8)
    moving = mask.astype(np.uint8) * np.uint8(255) if mask.dtype == np.bool_ else mask
    height, width = luma.shape
    rows, columns = moving.shape
    for n, (x0, y0, x1, y1) in enumerate(boxes):
        side = max(LEAST_PIXELS, AROUND * max((x1 - x0) * width, (y1 - y0) * height))
        left, top = (x0 + x1) / 2 * width - side / 2, (y0 + y1) / 2 * height - side / 2
        made[n, 0] = _cut(luma, left, top, side, side)
        made[n, 1] = _cut(
            moving, left * columns / width, top * rows / height, side * columns / width, side * rows / height
        )
    return made


def _cut(picture: Any, left: float, top: float, width: float, height: float) -> Any:
    """Return this part of the image as uint8 [64, 64], scaled down by averaging or scaled up."""
    import cv2  # not at module level: recording works without OpenCV

    rows, columns = picture.shape
    x0, y0 = int(np.floor(left)), int(np.floor(top))
    x1, y1 = max(x0 + 1, int(np.ceil(left + width))), max(y0 + 1, int(np.ceil(top + height)))
    down = slice(max(0, min(y0, rows - 1)), max(1, min(y1, rows)))
    across = slice(max(0, min(x0, columns - 1)), max(1, min(x1, columns)))
    inside = picture[down, across]
    beyond = (max(0, -y0), max(0, y1 - rows), max(0, -x0), max(0, x1 - columns))
    part = cv2.copyMakeBorder(inside, *beyond, cv2.BORDER_REPLICATE) if any(beyond) else inside
    how = cv2.INTER_AREA if part.shape[0] >= SIDE else cv2.INTER_LINEAR
    return cv2.resize(part, (SIDE, SIDE), interpolation=how)


# The model card of a type model: training data, origin of the labels, measured quality.

OWN: Final = Path(__file__).parent / "kinds.onnx"
"""The bundled model."""
TRIGGERS: Final = {PERSON: 0.7, VEHICLE: 0.7}
"""Minimum evidence by type of a model whose card states none."""
AGAIN: Final = "Make both again with `python -m training.train`, or leave `kinds` in `[object_detection]` out."


@dataclass(frozen=True, slots=True)
class KindCard:
    """A model card. document: the whole JSON document that training wrote."""

    name: str
    version: str
    sha256: str
    bytes: int
    licence: str
    document: Mapping[str, Any]
    triggers: Mapping[str, float]
    """Minimum evidence by type: above it, most names were right for cameras left out of training."""
    tracks: "TrackWeights | None" = None
    """How to judge whole tracks; None: by the mean of what the runs say, if the object has moved."""


def card_of(model: Path) -> KindCard:
    """Return the card of a model. Raises NotDone: if the card is missing or invalid, or the model does not match it."""
    file = model.with_suffix(".json")
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        card = KindCard(
            str(data["name"]), str(data["version"]), str(data["sha256"]), int(data["bytes"]), str(data["licence"]),
            data, {str(kind): float(share) for kind, share in data.get("trigger", TRIGGERS).items()},
            TrackWeights.of(data["tracks"]) if "tracks" in data else None,
        )  # fmt: skip
        kinds = tuple(data["kinds"])
    except OSError as error:
        raise NotDone(f"Can't read the model card {file}: {error.strerror}.", AGAIN) from None
    except (ValueError, KeyError, TypeError) as error:
        raise NotDone(f"{file} isn't a valid model card: {error}.", AGAIN) from None
    if kinds != KINDS:
        raise NotDone(f"The model {model} classifies {', '.join(kinds)}, expected {', '.join(KINDS)}.", AGAIN)
    try:
        content = model.read_bytes()
    except OSError as error:
        raise NotDone(f"Can't read the model {model}: {error.strerror}.", AGAIN) from None
    if len(content) < card.bytes:
        raise NotDone(f"The model {model} is incomplete: {len(content)} of {card.bytes} bytes.", AGAIN)
    found = hashlib.sha256(content).hexdigest()
    if found != card.sha256:
        raise NotDone(
            f"The model {model} doesn't match its card: its SHA-256 is {found}, expected {card.sha256}.", AGAIN
        )
    return card


def card_words(card: KindCard) -> str:
    """Return the card as text for users: name, training data, and quality for each camera excluded from training."""
    data = card.document
    origins = dict.fromkeys(
        f"{one['origin']} ({one['licence']})" if "licence" in one else str(one["origin"])
        for one in data.get("sources", ())
    )
    lines = [
        f"{card.name} {card.version} names what moves where it is certain: {card.bytes / 1e6:.1f} MB, {card.licence}."
    ]
    if origins:
        lines.append(f"Trained from: {'; '.join(origins)}.")
    measured = [_measured(one) for one in data.get("measured", ())]
    if any(measured):
        lines.append("Right names, and passages that got their name, each camera by weights that never saw it:")
        lines += [f"  {line}" for line in measured if line]
    if "false_persons_an_hour" in data:
        quiet_s = sum(one["quiet_s"] for one in data["measured"] if one.get("sum"))
        lines.append(
            f"False person detections per hour of quiet video: {data['false_persons_an_hour']:g} "
            f"({quiet_s / 60:.0f} min tested)."
        )
    if "cpu_ms_for_12_crops" in data:
        lines.append(f"A look of a dozen things: {data['cpu_ms_for_12_crops']:g} ms of processor time.")
    if data.get("not_measured"):
        lines.append(f"Not measured: {'; '.join(data['not_measured'])}.")
    return "\n".join(lines)


def _measured(one: Mapping[str, Any]) -> str:
    """Return one line such as `street: vehicle 20 of 20 right, 17 of 17 named`; empty where nothing came by."""
    lines = [
        f"{kind} {each['right']} of {each['right'] + each['wrong']} right, {each['found']} of {each['there']} named"
        for kind, each in one["kinds"].items()
    ]
    return f"{one['films']}: {', '.join(lines)}" if lines else ""


# Between a camera's watcher and its sink, in the watcher's thread: an object takes 0.2 ms.


MOST: Final = 12
"""Maximum number of objects classified per frame; the most foreground cells come first."""
LIKELY: Final = 0.25
"""Objects below the event threshold are classified from this score on, so the type is known when the event starts."""
SLOW_S: Final = 0.020
"""Duration, s, from which a run counts as slow: the computer is busy."""
RESTS: Final = 5
"""Number of frames skipped after a slow run."""


EVIDENCE_LOOKS: Final = 20
"""Number of recent runs that count as evidence of a track."""
LEAST_LOOKS: Final = 4
"""Minimum number of runs before a track gets a type."""


LEAST_JUDGED: Final = 3
"""Minimum number of runs where the card says how to judge the way of a track."""
STILL: Final = 0.88
"""Minimum evidence for a person who has not moved from the place, or was seen in fewer than LEAST_LOOKS."""
PATH_LOOKS: Final = 40
"""Number of recent boxes of a track that its way is judged by."""
LAG: Final = 5
"""Frames over which a speed is measured: a second."""
TRACK_FACTS: Final = (
    *KINDS, "runs", "travelled", "speed", "straight", "shape changes", "wide", "size changes", "grows", "size",
)  # fmt: skip
"""The facts of a track: the mean of its runs, and how it moves."""


def track_facts(boxes: Sequence[Box], runs: Sequence[tuple[float, Any]], travelled: float) -> tuple[Array, float]:
    """Return TRACK_FACTS of a track, float [13], and how far it has travelled, relative to its side.

    boxes: recent ones. runs: of each the side of the box and the scores. travelled: what this returned before, or 0.
    """
    at = np.array(boxes, float)
    sizes, middles = at[:, 2:] - at[:, :2], (at[:, 2:] + at[:, :2]) / 2
    sides, ends = np.sqrt(np.maximum(sizes[:, 0] * sizes[:, 1], 1e-9)), min(ENDS, max(1, len(at) // 2))
    typical = _median(sides)
    far = math.dist(middles[-ends:].sum(axis=0) / ends, middles[:ends].sum(axis=0) / ends) / typical
    lag = max(1, min(LAG, len(at) - 1))
    moves, steps = middles[lag:] - middles[:-lag], middles[1:] - middles[:-1]
    speed = _median(np.sqrt((moves * moves).sum(axis=1))) / typical * LAG / lag if len(moves) else 0.0
    way = float(np.sqrt((steps * steps).sum(axis=1)).sum()) / typical
    recent = slice(-len(runs), None)
    shapes, areas = np.log(sizes[recent, 0] / np.maximum(sizes[recent, 1], 1e-6) + 1e-6), np.log(sides[recent])
    third = max(1, len(areas) // 3)
    travelled = max(travelled, far)
    motion = (
        math.log(len(runs) / 10), min(travelled, 3.0), math.log(0.05 + speed), min(1.0, far / (way + 0.05)),
        _spread(shapes), _median(shapes), _spread(areas[1:] - areas[:-1]) if len(areas) > 1 else 0.0,
        abs(float(areas[-third:].sum() - areas[:third].sum())) / third, math.log(typical),
    )  # fmt: skip
    return np.array([*np.log(mean_of(runs) + 0.01), *motion]), travelled


def mean_of(runs: Sequence[tuple[float, Any]]) -> Array:
    """Return what runs say on average; larger views weigh more. runs: of each the side of the box and the scores."""
    weights = np.sqrt(np.array([size for size, _ in runs])) + 1e-6
    return np.asarray(weights @ np.array([scores for _, scores in runs]) / weights.sum())


def _median(values: Array) -> float:
    """As numpy's, which takes ten times as long for so few values."""
    ordered, half = np.sort(values), len(values) // 2
    return float(ordered[half] if len(values) % 2 else (ordered[half - 1] + ordered[half]) / 2)


def _spread(values: Array) -> float:
    away = values - values.sum() / len(values)
    return math.sqrt(float(away @ away) / len(values))


@dataclass(frozen=True, slots=True)
class TrackWeights:
    """How likely each type is by the facts of a track. mean, spread: float [inputs]. weights: [inputs, kinds]."""

    mean: Array
    spread: Array
    weights: Array
    bias: Array

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> "TrackWeights":
        """Read the part of a model card. Raises ValueError, KeyError, or TypeError: if it is not valid."""
        made = cls(*(np.asarray(data[name], float) for name in ("mean", "spread", "weights", "bias")))
        width = len(track_inputs(np.zeros(len(TRACK_FACTS))))
        if made.weights.shape != (width, len(KINDS)) or made.mean.shape != (width,) or made.spread.shape != (width,):
            raise ValueError("its weights of tracks have another shape")
        return made

    def shares(self, facts: Array) -> Array:
        """Return the probability of each type, in the order of KINDS."""
        logits = (track_inputs(facts) - self.mean) / self.spread @ self.weights + self.bias
        return softmax(logits)


def track_inputs(facts: Array) -> Array:
    """Return what the weights apply to: the facts, and how those of the way work together. facts: [..., 13]."""
    way = facts[..., len(KINDS) :]
    speed, straight, wide = way[..., 2:3], way[..., 3:4], way[..., 5:6]
    return np.concatenate([facts, way**2, speed * wide, speed * straight], axis=-1)


class TrackEvidence:
    """Evidence of one track for its type: the mean of what many runs say, larger views weigh more, and how it moves.

    A person needs both. A vehicle needs one of them: at night it is an outline, and only its way says more. Who has not
    moved must be a person by STILL of both: laundry sways in its place for hours.

    triggers: minimum evidence by type; types not in it are never named. judged: how to judge ways; None: by the mean
    alone, once the object has moved.
    """

    def __init__(self, triggers: Mapping[str, float], judged: TrackWeights | None = None) -> None:
        self._triggers, self._path = triggers, TrackPath(LEAST_LOOKS)
        self._judged, self._travelled = judged, 0.0
        self._boxes: deque[Box] = deque(maxlen=PATH_LOOKS)
        self._runs: deque[tuple[float, Any]] = deque(maxlen=EVIDENCE_LOOKS)
        self.name: VotedLabel | None = None
        """Type of the track and its evidence, 0..1; None: not certain."""
        self.best: VotedLabel | None = None
        """The most likely type with its evidence, certain or not; None: too few runs, or it has not moved."""

    def go(self, box: Box) -> None:
        """Register the track's current box."""
        self._path.go(box)
        self._boxes.append(box)

    def take(self, box: Box, scores: Any) -> None:
        """Register a run. scores: float32 [4], in the order of KINDS."""
        self._runs.append((side(box), np.asarray(scores)))
        self.best = self._most_likely()
        now, before = self.best, self.name
        if now is None or now.score < self._triggers.get(now.label, math.inf):
            return
        if before is None or now.score > before.score + (CHANGES_BY if now.label != before.label else 0.0):
            self.name = now

    def _most_likely(self) -> VotedLabel | None:
        if len(self._runs) < (LEAST_LOOKS if self._judged is None else LEAST_JUDGED):
            return None
        shares = mean_of(self._runs)
        if self._judged is None:
            return _largest(shares) if self._path.has_travelled else None
        facts, self._travelled = track_facts(self._boxes, self._runs, self._travelled)
        ways = self._judged.shares(facts)
        both = np.minimum(ways, shares)
        if self._travelled >= TRAVELLED:
            both[KINDS.index(VEHICLE)] = max(ways[KINDS.index(VEHICLE)], shares[KINDS.index(VEHICLE)])
            best = _largest(both)
            if best.label != PERSON or len(self._runs) >= LEAST_LOOKS:
                return best
        return VotedLabel(PERSON, float(both[0])) if both[0] >= STILL else None


def _largest(shares: Array) -> VotedLabel:
    at = int(shares.argmax())
    return VotedLabel(KINDS[at], float(shares[at]))


class FallbackClassifier:
    """Runs the bundled model for all cameras. Call from any thread.

    model: None if not available. slow_s: duration, s, of a run after which some are skipped.
    """

    def __init__(self, clock: Clock, model: KindModel | None = None, slow_s: float = SLOW_S) -> None:
        self._clock, self._slow_s = clock, slow_s
        self.model = model
        self.triggers: Mapping[str, float] = TRIGGERS
        """Minimum evidence by type, of the model's card."""
        self.judged: TrackWeights | None = None
        """How to judge whole tracks, of the model's card."""
        self.looks = self.skipped = 0
        """Number of runs, and of runs skipped because the computer was busy."""
        self._rests = 0

    def look(self, crops: Any) -> Any:
        """Return the model output as `KindModel.look`; None without a model or while runs are skipped."""
        model = self.model
        if model is None:
            return None
        if self._rests > 0:
            self._rests, self.skipped = self._rests - 1, self.skipped + 1
            return None
        begun_s = self._clock.mono_s()
        scores = model.look(crops)
        self.looks += 1
        if self._clock.mono_s() - begun_s > self._slow_s:
            self._rests = RESTS
        return scores


class FallbackLabeller:
    """Names the objects of one camera where the bundled model is certain. Others keep the detector's own label.

    chosen: minimum evidence by type in place of the model's; 0: never. is_wanted: return whether no better classifier
    names the objects.
    """

    def __init__(
        self,
        guesser: FallbackClassifier,
        chosen: Mapping[str, float],
        is_wanted: Callable[[], bool] = lambda: True,
    ) -> None:
        self._guesser, self._chosen, self._is_wanted = guesser, dict(chosen), is_wanted
        self._tracks: dict[int, TrackEvidence] = {}

    def look(self, frame: Frame, look: Look) -> Look:
        here = {thing.track for thing in (*look.seen, *look.near)}
        self._tracks = {track: evidence for track, evidence in self._tracks.items() if track in here}
        if look.mask is not None and self._guesser.model is not None and self._is_wanted():
            self._classify(frame, look)
            look = replace(look, seen=self._named(look.seen), near=self._named(look.near))
        return look

    def _classify(self, frame: Frame, look: Look) -> None:
        followed = [*look.seen, *(thing for thing in look.near if thing.score >= LIKELY)]
        for thing in followed:
            if thing.track not in self._tracks:
                self._tracks[thing.track] = TrackEvidence(self._triggers(), self._guesser.judged)
            self._tracks[thing.track].go(thing.box)
        moving = [(cells, thing) for thing in followed if (cells := cells_in(look.mask, thing.box)) >= LEAST_CELLS]
        asked = [thing for _, thing in sorted(moving, key=lambda one: -one[0])[:MOST]]
        if not asked:
            return
        guesses = self._guesser.look(crops_of(frame.luma, look.mask, [thing.box for thing in asked]))
        if guesses is None:
            return
        for thing, row in zip(asked, guesses, strict=True):
            self._tracks[thing.track].take(thing.box, row)

    def _triggers(self) -> dict[str, float]:
        every = {**self._guesser.triggers, **self._chosen}
        return {kind: least for kind, least in every.items() if least > 0}

    def _named(self, things: tuple[Observation, ...]) -> tuple[Observation, ...]:
        names = [evidence.name if (evidence := self._tracks.get(thing.track)) else None for thing in things]
        return tuple(
            thing if name is None else replace(thing, label=name.label, sure=name.score)
            for thing, name in zip(things, names, strict=True)
        )


def cells_in(mask: Any, box: Box) -> int:
    """Return the number of foreground cells in the box."""
    rows, columns = mask.shape
    x0, y0, x1, y1 = box
    part = mask[round(y0 * rows) : round(y1 * rows), round(x0 * columns) : round(x1 * columns)]
    return int(np.count_nonzero(part))

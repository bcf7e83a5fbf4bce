"""Event types without a download: a small bundled model that names moving objects where it is certain.

It is no object detector. Motion detection proposes the regions; objects that stand still are never classified.
"""

import hashlib
import json
import math
import struct
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

import numpy as np

from tawny.detection.classification import CHANGES_BY, TrackPath, VotedLabel, side
from tawny.detection.onnx import open_session
from tawny.model.errors import NotDone
from tawny.model.observations import ANIMAL, NOTHING, PERSON, VEHICLE, Box, Frame, Look, Observation
from tawny.model.times import Clock

# Runs a small network with numpy, which saves 30 MB of onnxruntime.


Array = np.ndarray[Any, Any]
OPSETS: Final = range(13, 18)
"""Versions of the operators implemented here."""
_TYPES: Final[Mapping[int, type]] = {1: np.float32, 2: np.uint8, 7: np.int64}
"""numpy types by TensorProto.DataType."""
_MALFORMED: Final = (IndexError, KeyError, ValueError, TypeError, struct.error)


class UnsupportedModel(Exception):
    """The file is no ONNX model, or uses what this module does not implement."""


class TensorInfo(NamedTuple):
    """An input or output. shape: sizes, or names of variable ones. type: as onnxruntime writes it."""

    name: str
    shape: list[int | str]
    type: str


class _Node(NamedTuple):
    apply: Callable[..., Array]
    given: tuple[str, ...]
    result: str
    attributes: Mapping[str, Any]


class NumpyModel:
    """A model in memory, with the methods of `onnxruntime.InferenceSession` that type models need. Thread-safe.

    Raises UnsupportedModel, and OSError if the file cannot be read.
    """

    def __init__(self, file: Path) -> None:
        content = file.read_bytes()
        try:
            self._load(content)
        except _MALFORMED as error:
            raise UnsupportedModel(f"{file}: {error!r}") from error

    def _load(self, content: bytes) -> None:
        model = _grouped(content)
        opsets = [_grouped(one) for one in model[8]]
        if any((1 in one and one[1][0]) or one[2][0] not in OPSETS for one in opsets):
            raise UnsupportedModel("its operators are of another version or domain")
        graph = _grouped(model[7][0])
        self._constants = dict(_tensor(one) for one in graph.get(5, []))
        self._nodes = [_node(one) for one in graph[1]]
        self._inputs = [info for info in map(_info, graph[11]) if info.name not in self._constants]
        self._outputs = [_info(one) for one in graph[12]]

    def get_inputs(self) -> Sequence[TensorInfo]:
        return self._inputs

    def get_outputs(self) -> Sequence[TensorInfo]:
        return self._outputs

    def run(self, names: Sequence[str] | None, feed: Mapping[str, Array]) -> list[Array]:
        """Return these outputs, or all. feed: the inputs by name."""
        values = {**self._constants, **feed}
        for node in self._nodes:
            values[node.result] = node.apply(*(values[name] for name in node.given), **node.attributes)
        return [values[name] for name in names or [one.name for one in self._outputs]]


# --- operators --------------------------------------------------------------------------------------------------------


def _slice(data: Array, starts: Array, ends: Array, axes: Array) -> Array:
    part = [slice(None)] * data.ndim
    for start, end, axis in zip(starts.tolist(), ends.tolist(), axes.tolist(), strict=True):
        part[axis] = slice(start, end)
    return data[tuple(part)]


def _gemm(a: Array, b: Array, c: Array) -> Array:
    return np.asarray(a @ b + c)


def _softmax(data: Array, axis: int = -1) -> Array:
    powers = np.exp(data - data.max(axis=axis, keepdims=True))
    return np.asarray(powers / powers.sum(axis=axis, keepdims=True))


def _mean(*values: Array) -> Array:
    return np.asarray(sum(values[1:], values[0]) / np.float32(len(values)))


_OPERATORS: Final[Mapping[str, Callable[..., Array]]] = {
    "Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Div": np.divide, "Sqrt": np.sqrt, "MatMul": np.matmul,
    "Cast": lambda data, to: data.astype(_TYPES[to]),
    "Concat": lambda *parts, axis: np.concatenate(parts, axis),
    "Flatten": lambda data: data.reshape(len(data), -1),
    "Gemm": _gemm,
    "Mean": _mean,
    "ReduceMean": lambda data, axes, keepdims=1: data.mean(tuple(axes), keepdims=bool(keepdims)),
    "ReduceSum": lambda data, axes, keepdims=1: data.sum(tuple(axes), keepdims=bool(keepdims)),
    "Relu": lambda data: np.maximum(data, 0),
    "Reshape": lambda data, shape: data.reshape(
        [data.shape[n] if size == 0 else size for n, size in enumerate(shape.tolist())]
    ),
    "Slice": _slice,
    "Softmax": _softmax,
    "Unsqueeze": lambda data, axes: np.expand_dims(data, tuple(axes.tolist())),
}  # fmt: skip
_ATTRIBUTES: Final[Mapping[str, frozenset[str]]] = {
    "Cast": frozenset({"to"}), "Concat": frozenset({"axis"}), "ReduceMean": frozenset({"axes", "keepdims"}),
    "ReduceSum": frozenset({"keepdims"}), "Softmax": frozenset({"axis"}),
}  # fmt: skip
"""Implemented attributes by operator."""


# --- the file (protocol buffers, onnx.proto) --------------------------------------------------------------------------


def _node(content: bytes) -> _Node:
    found = _grouped(content)
    kind = found[4][0].decode()
    attributes = dict(_attribute(one) for one in found.get(5, []))
    if kind not in _OPERATORS or not attributes.keys() <= _ATTRIBUTES.get(kind, frozenset()) or len(found[2]) != 1:
        raise UnsupportedModel(f"it uses {kind} with {', '.join(attributes) or 'no attributes'}")
    given = tuple(name.decode() for name in found.get(1, []))
    return _Node(_OPERATORS[kind], given, found[2][0].decode(), attributes)


def _attribute(content: bytes) -> tuple[str, Any]:
    """Return name and value of an attribute: an integer or several."""
    found = _grouped(content)
    value = _integers(found[8]) if 8 in found else _signed(found[3][0])
    return found[1][0].decode(), value


def _tensor(content: bytes) -> tuple[str, Array]:
    found = _grouped(content)
    values = np.frombuffer(found[9][0], np.dtype(_TYPES[found[2][0]]).newbyteorder("<"))
    return found[8][0].decode(), values.reshape(_integers(found.get(1, [])))


def _info(content: bytes) -> TensorInfo:
    found = _grouped(content)
    tensor = _grouped(_grouped(found[2][0])[1][0])
    sizes = [_grouped(one) for one in _grouped(tensor[2][0]).get(1, [])]
    shape = [one[1][0] if 1 in one else one.get(2, [b""])[0].decode() for one in sizes]
    kind = {1: "float", 2: "uint8", 7: "int64"}[tensor[1][0]]
    return TensorInfo(found[1][0].decode(), shape, f"tensor({kind})")


def _integers(values: Sequence[Any]) -> list[int]:
    """Return repeated integers, packed or not."""
    found: list[int] = []
    for value in values:
        at = 0
        if isinstance(value, int):
            found.append(_signed(value))
            continue
        while at < len(value):
            one, at = _varint(value, at)
            found.append(_signed(one))
    return found


def _grouped(content: bytes) -> dict[int, list[Any]]:
    """Return the fields of a message by number: integers, or bytes."""
    found: dict[int, list[Any]] = {}
    for number, value in _fields(content):
        found.setdefault(number, []).append(value)
    return found


def _fields(content: bytes) -> Iterator[tuple[int, int | bytes]]:
    at = 0
    while at < len(content):
        key, at = _varint(content, at)
        wire = key & 7
        if wire == 0:
            value, at = _varint(content, at)
            yield key >> 3, value
            continue
        size, at = _varint(content, at) if wire == 2 else ({1: 8, 5: 4}[wire], at)
        if at + size > len(content):
            raise ValueError("the file ends too early")
        yield key >> 3, content[at : at + size]
        at += size


def _varint(content: bytes, at: int) -> tuple[int, int]:
    """Return the integer at this position and the position after it."""
    value = shift = 0
    while True:
        byte = content[at]
        value, shift, at = value | (byte & 127) << shift, shift + 7, at + 1
        if byte < 128:
            return value, at


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


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
        given, said = self._session.get_inputs(), self._session.get_outputs()
        shape = list(given[0].shape) if len(given) == 1 else []
        if shape[1:] != [2, SIDE, SIDE] or "uint8" not in given[0].type or list(said[0].shape)[1:] != [len(KINDS)]:
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


def _cut(picture: Any, left: float, top: float, wide: float, high: float) -> Any:
    """Return this part of the image as uint8 [64, 64], scaled down by averaging or scaled up."""
    import cv2  # not at module level: recording works without OpenCV

    rows, columns = picture.shape
    x0, y0 = int(np.floor(left)), int(np.floor(top))
    x1, y1 = max(x0 + 1, int(np.ceil(left + wide))), max(y0 + 1, int(np.ceil(top + high)))
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
    """A model card. said: the whole JSON document, as training wrote it."""

    name: str
    version: str
    sha256: str
    bytes: int
    licence: str
    said: Mapping[str, Any]
    triggers: Mapping[str, float]
    """Minimum evidence by type: above it, most names were right for cameras left out of training."""


def card_of(model: Path) -> KindCard:
    """Return the card of a model. Raises NotDone: if the card is missing or invalid, or the model does not match it."""
    file = model.with_suffix(".json")
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
        card = KindCard(
            str(said["name"]), str(said["version"]), str(said["sha256"]), int(said["bytes"]), str(said["licence"]),
            said, {str(kind): float(share) for kind, share in said.get("trigger", TRIGGERS).items()},
        )  # fmt: skip
        kinds = tuple(said["kinds"])
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
    said = card.said
    origins = dict.fromkeys(
        f"{one['origin']} ({one['licence']})" if "licence" in one else str(one["origin"])
        for one in said.get("sources", ())
    )
    told = [
        f"{card.name} {card.version} names what moves where it is certain: {card.bytes / 1e6:.1f} MB, {card.licence}."
    ]
    if origins:
        told.append(f"Trained from: {'; '.join(origins)}.")
    measured = [_measured(one) for one in said.get("measured", ())]
    if any(measured):
        told.append("Right names, and passages that got their name, each camera by weights that never saw it:")
        told += [f"  {line}" for line in measured if line]
    if "false_persons_an_hour" in said:
        quiet_s = sum(one["quiet_s"] for one in said["measured"] if one.get("sum"))
        told.append(
            f"False person detections per hour of quiet video: {said['false_persons_an_hour']:g} "
            f"({quiet_s / 60:.0f} min tested)."
        )
    if "cpu_ms_for_12_crops" in said:
        told.append(f"A look of a dozen things: {said['cpu_ms_for_12_crops']:g} ms of processor time.")
    if said.get("not_measured"):
        told.append(f"Not measured: {'; '.join(said['not_measured'])}.")
    return "\n".join(told)


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


class TrackEvidence:
    """Evidence of one track for its type: the mean of what many runs say, larger views weigh more.

    triggers: minimum evidence by type; types not in it are never named.
    """

    def __init__(self, triggers: Mapping[str, float]) -> None:
        self._triggers, self._path = triggers, TrackPath(LEAST_LOOKS)
        self._runs: deque[tuple[float, Any]] = deque(maxlen=EVIDENCE_LOOKS)
        self.name: VotedLabel | None = None
        """Type of the track and its evidence, 0..1; None: not certain."""

    def go(self, box: Box) -> None:
        """Register the track's current box."""
        self._path.go(box)

    def take(self, box: Box, scores: Any) -> None:
        """Register a run. scores: float32 [4], in the order of KINDS."""
        self._runs.append((side(box), np.asarray(scores)))
        now, before = self.best, self.name
        if now is None or now.score < self._triggers.get(now.label, math.inf):
            return
        if before is None or now.score > before.score + (CHANGES_BY if now.label != before.label else 0.0):
            self.name = now

    @property
    def best(self) -> VotedLabel | None:
        """The most likely type with its evidence, certain or not; None: too few runs, or it has not moved."""
        if not self._path.has_travelled or len(self._runs) < LEAST_LOOKS:
            return None
        weights = np.sqrt([size for size, _ in self._runs]) + 1e-6
        shares = np.average([said for _, said in self._runs], axis=0, weights=weights)
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
        said = model.look(crops)
        self.looks += 1
        if self._clock.mono_s() - begun_s > self._slow_s:
            self._rests = RESTS
        return said


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
                self._tracks[thing.track] = TrackEvidence(self._triggers())
            self._tracks[thing.track].go(thing.box)
        moving = [(cells, thing) for thing in followed if (cells := cells_in(look.mask, thing.box)) >= LEAST_CELLS]
        asked = [thing for _, thing in sorted(moving, key=lambda one: -one[0])[:MOST]]
        if not asked:
            return
        said = self._guesser.look(crops_of(frame.luma, look.mask, [thing.box for thing in asked]))
        if said is None:
            return
        for thing, row in zip(asked, said, strict=True):
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

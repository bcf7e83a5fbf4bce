"""Event types without a download: a small bundled model that suggests the type of moving objects.

It is no object detector. Motion detection proposes the regions; objects that stand still are never classified.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np

from tawny.detection.numpy_model import NumpyModel, UnsupportedModel
from tawny.detection.onnx import open_session
from tawny.model.errors import NotDone
from tawny.model.observations import ANIMAL, NOTHING, PERSON, VEHICLE, Box

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


def card_of(model: Path) -> KindCard:
    """Return the card of a model. Raises NotDone: if the card is missing or invalid, or the model does not match it."""
    file = model.with_suffix(".json")
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
        card = KindCard(
            str(said["name"]), str(said["version"]), str(said["sha256"]), int(said["bytes"]), str(said["licence"]), said
        )
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
    told = [f"{card.name} {card.version} guesses event types: {card.bytes / 1e6:.1f} MB, {card.licence}."]
    if origins:
        told.append(f"Trained from: {'; '.join(origins)}.")
    measured = [_measured(one) for one in said.get("measured", ())]
    if any(measured):
        told.append("Each camera was judged by weights that never saw it:")
        told += [f"  {line}" for line in measured if line]
    if "false_persons_an_hour" in said:
        quiet_s = sum(one["quiet_s"] for one in said["measured"])
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
    """Return one line such as `street: vehicle 17 of 17 (YOLOX-Nano 17)`; empty without events and false detections."""
    found = [
        f"{kind} {each['found']} of {each['there']} (YOLOX-Nano {each['yolox_nano']})"
        for kind, each in one["events"].items()
    ]
    wrong = [f"{count} taken for a {kind}" for kind, count in one["wrong"].items()]
    return f"{one['camera']}: {', '.join([*found, *wrong])}" if found or wrong else ""

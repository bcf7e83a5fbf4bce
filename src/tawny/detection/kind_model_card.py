"""The model card of a type model: training data, origin of the labels, measured quality.

Training writes it next to the model: `kinds.onnx`, `kinds.json`. A model without a card, or whose hash differs from its
card, is not used.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tawny.detection.kind_model import KINDS
from tawny.model.errors import NotDone

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

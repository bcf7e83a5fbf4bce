"""The card of trained weights (`kinds.json`): what they were made from, and, once they are judged, how good."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx

from tawny.detection.kind_model import KINDS, SIDE
from training.collect import AGREED, UNSEEN, sources
from training.compose import RENDERED
from training.judge import Judged
from training.samples import Samples

VERSION = "3"
OWNERS: dict[str, Any] = {"origin": "exported by its owner"}
NOT_MEASURED = (
    "animals by real cameras: the footage has one burrow", "people and vehicles by real cameras at night",
    "snow, fog and rain in front of the lens",
    "fish-eye lenses and cameras that look straight down", "other processors than x86-64",
)  # fmt: skip


@dataclass(frozen=True)
class Trained:
    """content: the ONNX file. cpu_s: of the training. samples: what it was trained from, by camera."""

    name: str
    content: bytes
    seed: int
    cpu_s: float
    samples: Sequence[Samples]
    composed: Mapping[str, int]
    held: Sequence[str] = ()
    """Cameras that were left out in turn: figures are put into no place of theirs, so the weights depend on which."""
    judged: Judged | None = None


def card(about: Trained) -> dict[str, Any]:
    known: dict[str, dict[str, Any]] = {camera: source for source in sources() for camera in source["cameras"]}
    origins: list[dict[str, Any]] = []
    drawn = Counter(about.composed)
    for one in about.samples:
        if one.camera.startswith(RENDERED):
            drawn.update(one.counts())
            continue
        source = OWNERS if one.is_owners else known.get(one.camera, OWNERS)
        named = {key: text for key, text in source.items() if key != "cameras"}
        origins.append({"camera": one.camera, **named, "crops": one.counts()})
    rendered: dict[str, Any] = {
        "camera": "rendered",
        "origin": "figures of solids drawn by training/solids.py, and those of the demo cameras",
        "licence": "Apache-2.0",
        "crops": dict(drawn),
    }
    return {
        "name": about.name,
        "version": VERSION,
        "sha256": hashlib.sha256(about.content).hexdigest(),
        "bytes": len(about.content),
        "licence": "Apache-2.0",
        "kinds": list(KINDS),
        "input": f"crops: uint8 [n, 2, {SIDE}, {SIDE}], luma and mask; output kinds: float32 [n, {len(KINDS)}]",
        "parameters": parameters(about.content),
        "trained": {
            "seed": about.seed, "left_out_in_turn": list(about.held),
            "cpu_minutes": round(about.cpu_s / 60, 1), "library": f"numpy {np.__version__}",
        },
        "sources": [*origins, rendered],
        "labels_by": (
            f"two object models that agree (YOLOX-Nano and PicoDet-S, both Apache-2.0; both at least {AGREED}, or both "
            f"below {UNSEEN}), one film by hand; rendered figures by how they were made; an owner's by what they said"
        ),
        **({"trigger": dict(about.judged.triggers)} if about.judged is not None else {}),
        "measured": list(about.judged.rows) if about.judged is not None else [],
        "not_measured": list(NOT_MEASURED),
    }  # fmt: skip


def parameters(content: bytes) -> int:
    """How many numbers the file has."""
    graph = onnx.load_model_from_string(content).graph
    return sum(int(np.prod(one.dims)) if one.dims else 1 for one in graph.initializer)


def card_text(made: Mapping[str, Any]) -> str:
    return json.dumps(made, ensure_ascii=False, indent=1) + "\n"

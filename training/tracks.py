"""How the way of a thing, beside what its crops look like, tells what it is: a linear layer over `track_facts`.

    python -m training.tracks WEIGHTS FOLDER … [--card kinds.json]

WEIGHTS: a folder with `kinds.onnx` and, if there are such, `without-*.onnx`. FOLDER: of `tracks-*.npz`, made by `python
-m training.passages --tracks` with seeds that the weights were not trained with. No real camera is in them, so that
each can be judged by what comes out. It is written into the card.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tawny.detection.classification import side
from tawny.detection.kind_model import (
    EVIDENCE_LOOKS,
    KINDS,
    LEAST_JUDGED,
    PATH_LOOKS,
    KindClassifier,
    track_facts,
    track_inputs,
)
from tawny.model.observations import ANIMAL, NOTHING, PERSON, VEHICLE

WEIGHTS = {PERSON: 1.0, VEHICLE: 1.0, ANIMAL: 0.6, NOTHING: 1.2}
"""How much of what is learnt from is of each kind."""
MOMENTS = 4
"""At which each track is judged, from the first to the last."""
STEPS, RATE, DECAY = 1500, 0.05, 1e-3
_FIRST, _SECOND, _LEAST = 0.9, 0.999, 1e-8


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--card", type=Path)
    options = parser.parse_args(arguments)
    files = [file for folder in options.folders for file in sorted(folder.glob("tracks-*.npz"))]
    if not files:
        print("no tracks-*.npz here: make some with `python -m training.passages --tracks`", file=sys.stderr)
        return 2
    found = [one for file in files for model in sorted(options.weights.glob("*.onnx")) for one in _facts(file, model)]
    facts, labels, weights = (np.array(column) for column in zip(*found, strict=True))
    made = learnt(facts, labels, weights)
    card = options.card or options.weights / "kinds.json"
    data = json.loads(card.read_text(encoding="utf-8"))
    data["tracks"] = {name: np.round(one, 4).tolist() for name, one in made.items()}
    card.write_text(json.dumps(data, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    print(f"{card}: {len(facts)} moments of {len(files)} sets of tracks")
    return 0


def _facts(file: Path, model: Path) -> Iterator[tuple[Any, int, float]]:
    """Facts, kind, and how much it counts, of moments of each track."""
    classifier = KindClassifier(model)
    with np.load(file) as kept:
        crops, kinds, numbers, boxes = (kept[name] for name in ("crops", "kinds", "track", "boxes"))
    scores = np.concatenate([classifier.look(crops[n : n + 64]) for n in range(0, len(crops), 64)])
    for number in np.unique(numbers):
        own = np.flatnonzero(numbers == number)
        moments = list(_moments(boxes[own].tolist(), scores[own]))
        if not moments:
            continue
        chosen = np.unique(np.linspace(0, len(moments) - 1, MOMENTS).round().astype(int)).tolist()
        for n in chosen:
            yield moments[n], int(kinds[own[0]]), 1 / len(chosen)


def _moments(boxes: list[Any], scores: Any) -> Iterator[Any]:
    travelled, runs = 0.0, [(side(box), score) for box, score in zip(boxes, scores, strict=True)]
    for end in range(LEAST_JUDGED, len(boxes) + 1):
        facts, travelled = track_facts(
            boxes[max(0, end - PATH_LOOKS) : end], runs[max(0, end - EVIDENCE_LOOKS) : end], travelled
        )
        yield facts


def learnt(facts: Any, labels: Any, weights: Any) -> Mapping[str, Any]:
    """Mean, spread, weights and bias of a linear layer over `track_inputs`; the same from the same facts."""
    inputs = track_inputs(facts)
    mean, spread = inputs.mean(axis=0), inputs.std(axis=0) + 1e-3
    x, wanted = (inputs - mean) / spread, np.eye(len(KINDS))[labels]
    shares = np.bincount(labels, weights=weights, minlength=len(KINDS))
    counts = weights * (np.array([WEIGHTS[kind] for kind in KINDS]) / np.maximum(shares, 1e-9))[labels]
    counts = (counts / counts.sum())[:, None]
    values = [np.zeros((x.shape[1], len(KINDS))), np.zeros(len(KINDS))]
    first, second = ([np.zeros_like(one) for one in values] for _ in range(2))
    for step in range(1, STEPS + 1):
        logits = x @ values[0] + values[1]
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        wrong = (powers / powers.sum(axis=1, keepdims=True) - wanted) * counts
        for n, slope in enumerate((x.T @ wrong + DECAY * values[0], wrong.sum(axis=0))):
            first[n] = _FIRST * first[n] + (1 - _FIRST) * slope
            second[n] = _SECOND * second[n] + (1 - _SECOND) * slope**2
            move = first[n] / (1 - _FIRST**step) / (np.sqrt(second[n] / (1 - _SECOND**step)) + _LEAST)
            values[n] -= RATE * move
    return {"mean": mean, "spread": spread, "weights": values[0], "bias": values[1]}


if __name__ == "__main__":
    sys.exit(main())

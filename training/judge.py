"""How far weights can be trusted on cameras that they never saw: an owner's own, each left out of training in turn.

An event is named right when the mean of what its crops are taken for is what people said it was.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np

from tawny.detection.kind_model import KINDS, TRIGGERS, KindClassifier
from tawny.model.observations import ANIMAL, PERSON, VEHICLE
from training.samples import Samples

NAMED = (PERSON, VEHICLE, ANIMAL)
FOLDS = 5
"""Cameras are left out in so many groups at most."""
STATED = 0.95
"""Share of names that are right, at least, for a kind to be named at all."""
LEAST_EVIDENCE, STEP = 0.5, 0.01
FEWEST = 20
"""Names from which on a share of right ones says anything."""


class Named(NamedTuple):
    """An event: its camera, what people said it was, and what it is taken for, with the evidence."""

    camera: str
    said: str
    taken_for: str
    evidence: float


@dataclass(frozen=True)
class Judged:
    """triggers: least evidence by kind; without those that were too often wrong. rows: for the card, by camera."""

    triggers: Mapping[str, float]
    rows: Sequence[Mapping[str, Any]]


def folds(samples: Sequence[Samples]) -> list[list[str]]:
    """Return an owner's cameras in the groups that are left out together."""
    cameras = [one.camera for one in samples if one.is_owners]
    return [group for n in range(FOLDS) if (group := cameras[n::FOLDS])]


def judge(samples: Sequence[Samples], weights_without: Callable[[Sequence[str]], bytes]) -> Judged:
    """Judge each of an owner's cameras by weights that never saw it."""
    named: list[Named] = []
    with TemporaryDirectory() as folder:
        for n, group in enumerate(folds(samples)):
            file = Path(folder) / f"{n}.onnx"
            file.write_bytes(weights_without(group))
            model = KindClassifier(file)
            named += [one for each in samples if each.camera in group for one in _events(each, model)]
    triggers = {kind: least for kind in NAMED if (least := _trigger(kind, named)) is not None}
    cameras = dict.fromkeys(one.camera for one in named)
    return Judged(
        triggers, [_row(camera, [one for one in named if one.camera == camera], triggers) for camera in cameras]
    )


def judged_words(judged: Judged) -> str:
    """Return precision and recall, one line for each camera and kind."""
    lines = [
        f"{row['films']}: {kind}: precision {_share(one['right'], one['right'] + one['wrong'])}, "
        f"recall {_share(one['found'], one['there'])}"
        for row in judged.rows
        for kind, one in row["kinds"].items()
    ]
    left = [kind for kind in (PERSON, VEHICLE) if kind not in judged.triggers]
    return "\n".join([*lines, *(f"{kind} is never named: fewer than 95 % were right" for kind in left)])


def _share(part: int, whole: int) -> str:
    return f"{part} of {whole}"


def _events(samples: Samples, model: KindClassifier) -> Iterator[Named]:
    """Yield the events of a camera; crops of two labels in one event are two."""
    scores = np.asarray(model.look(samples.crops))
    for event, label in sorted(set(zip(samples.events, samples.labels.tolist(), strict=True))):
        of_it = (samples.events == event) & (samples.labels == label)
        mean = scores[of_it].mean(axis=0)
        best = int(mean.argmax())
        yield Named(samples.camera, KINDS[label], KINDS[best], float(mean[best]))


def _trigger(kind: str, named: Sequence[Named]) -> float | None:
    """Return the least evidence from which STATED of the names are right; None: there is none.

    With too few names to tell, the usual one.
    """
    of_it = [one for one in named if one.taken_for == kind and one.evidence >= LEAST_EVIDENCE]
    if len(of_it) < FEWEST:
        return TRIGGERS.get(kind)
    for least in np.arange(LEAST_EVIDENCE, 1.0, STEP):
        sure = [one for one in of_it if one.evidence >= least]
        if len(sure) < FEWEST:
            return None
        if sum(one.said == kind for one in sure) >= STATED * len(sure):
            return round(float(least), 2)
    return None


def _row(camera: str, named: Sequence[Named], triggers: Mapping[str, float]) -> dict[str, Any]:
    kinds: dict[str, dict[str, int]] = {}
    for kind in NAMED:
        sure = [one for one in named if one.taken_for == kind and one.evidence >= triggers.get(kind, 2.0)]
        right, there = sum(one.said == kind for one in sure), sum(one.said == kind for one in named)
        if there or sure:
            kinds[kind] = {"right": right, "wrong": len(sure) - right, "found": right, "there": there}
    return {"films": camera, "sum": False, "kinds": kinds}

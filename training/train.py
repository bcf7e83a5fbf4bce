"""From samples to weights: features of crops as they are, altered, and composed; then layers from several seeds.

    python -m training.train FOLDER … -o kinds.onnx [--seed 1] [--judge] [--without CAMERA …] [--name NAME]

Needs numpy, OpenCV, onnx and onnxruntime: `pip install tawny[training]`. The same folders, seed
and cameras left out give the same weights on the same processor. The card is written beside the weights.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime

from tawny.detection.kind_model import KINDS
from tawny.model.observations import ANIMAL, NOTHING, PERSON, VEHICLE
from training.card import Trained, card, card_text
from training.compose import RENDERED, altered, composed
from training.judge import folds, judge, judged_words
from training.learn import learn
from training.network import Floats, features_model, whole_model
from training.passages import DEMO
from training.samples import NoSamples, Samples, read

COMPOSED = {PERSON: 700, VEHICLE: 1600, ANIMAL: 100, NOTHING: 700}
OF_DEMO = {PERSON: 300, VEHICLE: 250, ANIMAL: 300, NOTHING: 50}
ALTERED = 1
"""Of each real crop so many more like it."""
SEEDS = 3
SHARES = {"real": 0.45, RENDERED: 0.4, DEMO: 0.35}
"""Weights of what is filmed, rendered, and rendered from the demo cameras' pictures."""
WEIGHTS = {PERSON: 1.2, VEHICLE: 1.3, ANIMAL: 0.25, NOTHING: 1.2}
"""How much of it is of each kind: it had better say nothing than something else."""
PLACES = 600
"""Real crops with nothing in them that figures are put into."""
_AT_ONCE = 256
BAD = 2
WITHOUT_HELP = (
    "also train weights that never saw these cameras, joined by +, to be judged by them: without-CAMERAS.onnx"
)
JUDGE_HELP = (
    "also judge each camera of `tawny kinds export` by weights that never saw it: precision and recall go into the "
    "card, and the least evidence from which on 95 %% of the names were right"
)


@dataclass(frozen=True)
class Part:
    """What is learnt from. weights: how much each counts, within its part."""

    features: Floats
    labels: Any
    weights: Any


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--without", action="append", default=[], metavar="CAMERAS", help=WITHOUT_HELP)
    parser.add_argument("--judge", action="store_true", help=JUDGE_HELP)
    parser.add_argument("--name", default="tawny-kinds")
    options = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    try:
        samples = [one for one in read(options.folders) if len(one.labels)]
    except NoSamples as error:
        print(error, file=sys.stderr)
        return BAD
    judged_cameras = [camera for group in folds(samples) for camera in group] if options.judge else []
    if options.judge and not judged_cameras:
        print("there is nothing to judge: no file is of `tawny kinds export`", file=sys.stderr)
        return BAD
    held = {camera for several in options.without for camera in several.split("+")} | {*judged_cameras}
    for camera in held - {DEMO, *(one.camera for one in samples)}:
        print(f"there are no crops of {camera}: the weights without it are those with all", file=sys.stderr)
    begun_s = time.process_time()
    training = Training(samples, sorted(held), options.seed, lambda text: print(text, file=sys.stderr, flush=True))
    options.output.parent.mkdir(parents=True, exist_ok=True)
    content = training.weights()
    composed_of = Counter(COMPOSED) + Counter(OF_DEMO)
    cpu_s = time.process_time() - begun_s
    judged = judge(samples, training.weights) if options.judge else None
    left_out_in_turn = [*options.without, *("+".join(group) for group in folds(samples) if options.judge)]
    about = Trained(options.name, content, options.seed, cpu_s, samples, composed_of, left_out_in_turn, judged)
    options.output.write_bytes(content)
    options.output.with_suffix(".json").write_text(card_text(card(about)), encoding="utf-8")
    for several in options.without:
        left_out = training.weights(without=several.split("+"))
        options.output.with_name(f"without-{several}.onnx").write_bytes(left_out)
    if judged is not None:
        print(judged_words(judged))
    print(f"{options.output}: {len(content)} bytes")
    return 0


class Training:
    """samples: of each camera. held: cameras that will be left out in turn: no figure is put into their places."""

    def __init__(
        self, samples: Sequence[Samples], held: Sequence[str], seed: int, told: Callable[[str], None] = lambda _: None
    ) -> None:
        self._seed, self._told, look = seed, told, _looker()
        rng = np.random.default_rng(seed)
        places = [
            crop[0]
            for one in samples
            if one.camera not in held
            for crop in one.crops[one.labels == KINDS.index(NOTHING)]
        ]
        chosen = [places[n] for n in rng.permutation(len(places))[:PLACES]]
        drawn = [
            composed(COMPOSED, chosen, seed, demo=False),
            replace(composed(OF_DEMO, chosen, seed + 1), camera=f"{RENDERED}-{DEMO}-crops"),
            *(one for one in samples if one.camera.startswith(RENDERED)),
        ]  # fmt: skip
        told(f"{sum(len(one.labels) for one in drawn)} crops are rendered")
        self._parts: dict[str, dict[str, Part]] = {name: {} for name in SHARES}
        for one in drawn:
            group = DEMO if DEMO in one.camera else RENDERED
            each = np.full(len(one.labels), len(one.labels) ** -0.5 if group == DEMO else 1.0)
            self._parts[group][one.camera] = Part(look(one.crops), one.labels, each)
        real = [one for one in samples if not one.camera.startswith(RENDERED)]
        for n, one in enumerate(real):
            more = altered(one, ALTERED, seed + n)
            # a camera with a hundred times the crops of another does not say a hundred times as much
            each = np.full(len(more.labels), len(more.labels) ** -0.5)
            self._parts["real"][one.camera] = Part(look(more.crops), more.labels, each)
        told(f"{sum(len(part.labels) for part in self._parts['real'].values())} crops of cameras")

    def weights(self, without: Sequence[str] = ()) -> bytes:
        """An ONNX file, trained from all cameras but these; `demo`: without any picture of the demo cameras."""
        parts, even = list[Part](), list[Any]()
        for group, share in SHARES.items():
            known = [
                part for camera, part in self._parts[group].items() if camera not in without and group not in without
            ]
            if known:
                parts += known
                even.append(_evened(_joined(known)) * share)
        whole = _joined(parts)
        layers = []
        for n in range(SEEDS):
            layers.append(learn(whole.features, whole.labels, np.concatenate(even), len(KINDS), self._seed * SEEDS + n))
            self._told(f"{n + 1} of {SEEDS} layers{' without ' * bool(without)}{', '.join(without)}")
        return whole_model(layers)


def _joined(parts: Sequence[Part]) -> Part:
    return Part(
        np.concatenate([part.features for part in parts]),
        np.concatenate([part.labels for part in parts]),
        np.concatenate([part.weights for part in parts]),
    )


def _evened(part: Part) -> Any:
    """How much each counts, so that kinds weigh as WEIGHTS has it; all together 1."""
    made = np.zeros(len(part.labels))
    for n, kind in enumerate(KINDS):
        of_it = part.labels == n
        if of_it.any():
            made[of_it] = part.weights[of_it] / part.weights[of_it].sum() * WEIGHTS[kind]
    return made / made.sum()


def _looker() -> Callable[[Any], Floats]:
    """Crops -> features, by the same arithmetic as when they are used."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(features_model(), options)

    def look(crops: Any) -> Floats:
        parts = [session.run(None, {"crops": crops[n : n + _AT_ONCE]})[0] for n in range(0, len(crops), _AT_ONCE)]
        return np.concatenate(parts)

    return look


if __name__ == "__main__":
    sys.exit(main())

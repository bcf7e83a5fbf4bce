"""How well the small model of kinds suggests, on real footage with known truth, behind the default detector.

    python -m benchmarks.kinds WEIGHTS [--footage FOLDER] [--yolox MODEL] [--card kinds.json]

WEIGHTS: a folder with `without-<camera>.onnx` of `python -m training.train … --without CAMERA`, and `kinds.onnx`: each
camera is judged by weights that never saw it. A truth event is found when an event suggested to be of its kind touches
it; YOLOX-Nano names the same tracks beside it, upright as the small model sees them (by quarter turns it knows more of
those who lie in the picture: `benchmarks.objects`). A false person is one that starts in quiet time.
--card: what was found goes into the model's card. Exit: 0 within the budgets, 1 over one of them, 3 no footage here.
"""

import argparse
import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.detect import BESIDE, NOT_HERE
from benchmarks.footage import CAMERA, watch_file
from benchmarks.objects import JUDGED, Named, touch
from benchmarks.scoring import Clip, Span, score
from tawny.config.recognition import FallbackKindSettings
from tawny.detection.classification import (
    UPRIGHT,
    ClassificationJob,
    ClassificationQueue,
    ClassificationResult,
    TrackClassifier,
)
from tawny.detection.decode_pipeline import DecodeGate, GateMode
from tawny.detection.kind_model import MOST, SIDE, FallbackClassifier, FallbackLabeller, KindClassifier
from tawny.detection.models.object_model import ObjectModel
from tawny.detection.motion import MotionDetector
from tawny.model.observations import ANIMAL, MOTION, PERSON, VEHICLE
from tawny.model.times import SystemClock

FEWER = 1
"""Events that it may find less than YOLOX-Nano, of a kind and camera."""
MOST_FALSE_AN_HOUR = 3.0
MOST_MS = 3.0
"""Of processor time for a look of a dozen things."""
TIMED, ROUNDS = 40, 10
"""Looks that are timed, so often: the best round counts, for others use the machine, too."""


@dataclass
class Row:
    """Of one camera. found, named: truth events, by us and by the other model."""

    there: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    named: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    """Events of truth that were suggested to be of another kind."""
    false: list[Named] = field(default_factory=list)
    quiet_s: float = 0.0


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    models = Path(os.environ.get("TAWNY_MODELS", BESIDE.parent / "models"))
    parser.add_argument("weights", type=Path)
    parser.add_argument("--footage", type=Path, default=Path(os.environ.get("TAWNY_FOOTAGE", BESIDE)))
    parser.add_argument("--yolox", type=Path, default=models / "yolox_nano_416.onnx")
    parser.add_argument("--camera", action="append", help="only these")
    parser.add_argument("--card", type=Path)
    options = parser.parse_args(arguments)
    manifest = options.footage / "manifest.json"
    if not manifest.is_file() or not options.yolox.is_file():
        print(f"not here: {manifest} or {options.yolox}", file=sys.stderr)
        return NOT_HERE
    rows: dict[str, Row] = {}
    for record in json.loads(manifest.read_text())["clips"]:
        if not options.camera or record["camera"] in options.camera:
            row = rows.setdefault(record["camera"], Row())
            _judge(
                row,
                options.footage / record["file"],
                record,
                _weights(options.weights, record["camera"]),
                options.yolox,
            )
    for camera, row in rows.items():
        print(f"{camera:10s} {_said(row)}")
    ours_ms, ratio = timed(_weights(options.weights, ""), options.yolox)
    print(f"{MOST} crops: {ours_ms:.2f} ms of processor time, {ratio:.0f} of them as long as one look of YOLOX-Nano")
    over = list(_over(rows, ours_ms))
    print("\n".join(over) or "within the budgets")
    if options.card:
        _note(options.card, rows, ours_ms)
    return int(bool(over))


def _weights(folder: Path, camera: str) -> Path:
    """Those that never saw it: those of the package where it was not among what they learnt from."""
    without = folder / f"without-{camera}.onnx"
    return without if without.is_file() else folder / "kinds.onnx"


def _judge(row: Row, path: Path, record: dict[str, Any], weights: Path, yolox: Path) -> None:
    desk, guesser = _Upright(ObjectModel(yolox)), FallbackClassifier(SystemClock(), _Patient(KindClassifier(weights)))

    def at_once() -> None:
        desk.step()

    desk.wake = at_once
    watched = watch_file(
        path,
        MotionDetector({}),
        DecodeGate(GateMode.BALANCED, random.Random(1)),
        (
            FallbackLabeller(guesser, FallbackKindSettings().triggers),
            TrackClassifier(CAMERA, desk, (PERSON, VEHICLE, ANIMAL)),
        ),
    )
    clip = Clip.of(record)
    ours = _called(watched.perhaps, watched.alarms)
    theirs = _called(watched.kinds, watched.alarms)
    for event in record["truth"]["events"]:
        span, what = Span(float(event["start_s"]), float(event["end_s"])), event["what"]
        if span not in clip.events:
            continue
        touching = {one.kind for one in ours if touch(one.span, span)}
        row.wrong.update(touching - {what})
        if what in JUDGED:
            row.there[what] += 1
            row.found[what] += what in touching
            row.named[what] += any(one.kind == what and touch(one.span, span) for one in theirs)
    judged = score(clip, [one.span for one in ours])
    starts = {at for _, at in judged.false_at}
    row.false += [one for one in ours if one.span.begin in starts]
    row.quiet_s += judged.quiet_s


class _Upright(ClassificationQueue):
    """Says nothing of pictures that it is shown by a quarter turn."""

    def _answered(self, asked: ClassificationJob) -> list[ClassificationResult]:
        return super()._answered(asked) if asked.turn == UPRIGHT else []


class _Patient:
    """Never too slow: what a busy computer leaves out is not what is judged."""

    def __init__(self, model: KindClassifier) -> None:
        self._model = model

    def look(self, crops: Any) -> Any:
        return self._model.look(crops)


def _called(kinds: Sequence[str], spans: Sequence[Span]) -> list[Named]:
    return [Named(kind, span) for kind, span in zip(kinds, spans, strict=True) if kind != MOTION]


def timed(weights: Path, yolox: Path) -> tuple[float, float]:
    """Milliseconds of processor time for a look of a dozen crops, and how many of those one of YOLOX-Nano is."""
    crops = np.random.default_rng(1).integers(0, 255, (MOST, 2, SIDE, SIDE)).astype(np.uint8)
    picture = np.random.default_rng(1).integers(0, 255, (360, 640, 3)).astype(np.uint8)
    ours, theirs = KindClassifier(weights), ObjectModel(yolox)
    ours_s = _cpu_s(lambda: ours.look(crops))
    return 1000 * ours_s, _cpu_s(lambda: theirs.look(picture)) / ours_s


def _cpu_s(look: Callable[[], Any]) -> float:
    """The median of many, in the best of several rounds."""
    taken = []
    for _ in range(ROUNDS * TIMED):
        begun_s = time.thread_time()
        look()
        taken.append(time.thread_time() - begun_s)
    return float(np.median(np.reshape(taken, (ROUNDS, TIMED)), axis=1).min())


def _false_persons_an_hour(rows: dict[str, Row]) -> float:
    quiet_s = sum(row.quiet_s for row in rows.values())
    return sum(one.kind == PERSON for row in rows.values() for one in row.false) * 3600 / max(quiet_s, 1.0)


def _over(rows: dict[str, Row], ours_ms: float) -> list[str]:
    """What is over its budget."""
    said = [
        f"{camera}: {kind} {row.found[kind]} of {row.there[kind]}, YOLOX-Nano {row.named[kind]}"
        for camera, row in rows.items()
        for kind in JUDGED
        if row.found[kind] < row.named[kind] - FEWER
    ]
    if (false := _false_persons_an_hour(rows)) > MOST_FALSE_AN_HOUR:
        said.append(f"{false:.1f} false persons an hour of quiet, at most {MOST_FALSE_AN_HOUR:g}")
    if ours_ms > MOST_MS:
        said.append(f"{ours_ms:.2f} ms for {MOST} crops, at most {MOST_MS:g}")
    return [f"over: {one}" for one in said]


def _said(row: Row) -> str:
    kinds = ", ".join(
        f"{kind} {row.found[kind]}/{row.there[kind]} (YOLOX-Nano {row.named[kind]})"
        for kind in JUDGED
        if row.there[kind]
    )
    false = ", ".join(f"{one.kind} at {one.span.begin:.0f} s" for one in row.false) or "none"
    wrong = ", ".join(f"{count} {kind}" for kind, count in row.wrong.items()) or "none"
    return f"{kinds or '-'}; wrong: {wrong}; false in {row.quiet_s:.0f} s of quiet: {false}"


def _note(file: Path, rows: dict[str, Row], ours_ms: float) -> None:
    """Into the card: what is known of other cameras stays."""
    card = json.loads(file.read_text(encoding="utf-8"))
    known = {one["camera"]: one for one in card["measured"]} | {
        camera: _measured(camera, row) for camera, row in rows.items()
    }
    card["measured"] = list(known.values())
    false = sum(one["false"].get(PERSON, 0) for one in known.values())
    quiet_s = sum(one["quiet_s"] for one in known.values())
    card["false_persons_an_hour"] = round(false * 3600 / max(quiet_s, 1), 1)
    card["cpu_ms_for_12_crops"] = round(ours_ms, 2)
    file.write_text(json.dumps(card, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _measured(camera: str, row: Row) -> dict[str, Any]:
    return {
        "camera": camera,
        "events": {
            kind: {"there": row.there[kind], "found": row.found[kind], "yolox_nano": row.named[kind]}
            for kind in JUDGED
            if row.there[kind]
        },
        "wrong": dict(row.wrong),
        "quiet_s": round(row.quiet_s),
        "false": dict(Counter(one.kind for one in row.false)),
    }


if __name__ == "__main__":
    sys.exit(main())

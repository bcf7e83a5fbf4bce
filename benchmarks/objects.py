"""How well an object model names what moves, on real footage with known truth, behind the default detector.

    python -m benchmarks.objects MODEL [--footage FOLDER] [--clips] [--only person] [--camera NAME]

A truth event is named when an event of its kind touches it. False is a named event that starts in quiet time, whatever
moved there. With --only, as a rule for one kind sees it: every event of that kind is looked at, and it is false where
nothing of the kind was, whatever else moved: leaves, light, or a car.

Exit: 0 within the budgets, 1 over one of them, 3 no footage or no model here.
"""

import argparse
import json
import os
import random
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.detect import BESIDE, NOT_HERE
from benchmarks.footage import CAMERA, watch_file
from benchmarks.scoring import TOUCH_S, Clip, Span, score
from tawny.detection.classification import ClassificationQueue, TrackClassifier
from tawny.detection.decode_pipeline import DecodeGate, GateMode
from tawny.detection.models.object_model import ObjectModel
from tawny.detection.motion import MotionDetector
from tawny.model.observations import ANIMAL, MOTION, PERSON, VEHICLE

JUDGED = (PERSON, VEHICLE)
MOST_FALSE = 0
"""Named events in the quiet of all footage."""


class Named(NamedTuple):
    kind: str
    span: Span


class Row(NamedTuple):
    found: Counter[str]
    there: Counter[str]
    false: list[Named]
    looks: int
    cpu_s: float
    """Of looking at pictures with the model."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--footage", type=Path, default=Path(os.environ.get("TAWNY_FOOTAGE", BESIDE)))
    parser.add_argument("--only", choices=JUDGED, help="names nothing else, and judges every event of this kind")
    parser.add_argument("--clips", action="store_true", help="a row for each clip as well")
    parser.add_argument("--camera", action="append", help="only these")
    options = parser.parse_args(arguments)
    manifest = options.footage / "manifest.json"
    if not manifest.is_file() or not options.model.is_file():
        print(f"not here: {manifest} or {options.model}", file=sys.stderr)
        return NOT_HERE
    rows = []
    for record in json.loads(manifest.read_text())["clips"]:
        if options.camera and record["camera"] not in options.camera:
            continue
        rows.append(row := _named(options.model, options.footage / record["file"], record, options.only))
        if options.clips:
            print(f"{record['file']:32s} {_said(row)}")
    whole = Row(
        sum((row.found for row in rows), Counter()),
        sum((row.there for row in rows), Counter()),
        [one for row in rows for one in row.false],
        sum(row.looks for row in rows),
        sum(row.cpu_s for row in rows),
    )
    print(f"{'all':32s} {_said(whole)}")
    return int(len(whole.false) > MOST_FALSE)


def _named(file: Path, path: Path, record: dict[str, Any], only: str | None) -> Row:
    spent = [0.0]

    class Timed(ClassificationQueue):
        def step(self) -> float:
            begun_s = time.process_time()
            wait_s = super().step()
            spent[0] += time.process_time() - begun_s
            return wait_s

    desk = Timed(ObjectModel(file), is_inline=True)
    watched = watch_file(
        path, MotionDetector({}), DecodeGate(GateMode.BALANCED, random.Random(1)),
        [TrackClassifier(CAMERA, desk, (only,) if only else (PERSON, VEHICLE, ANIMAL))],
    )  # fmt: skip
    clip = Clip.of(record)
    named = [Named(kind, span) for kind, span in zip(watched.kinds, watched.alarms, strict=True) if kind != MOTION]
    found: Counter[str] = Counter()
    there: Counter[str] = Counter()
    for event in record["truth"]["events"]:
        span = _span(event)
        if event["what"] in JUDGED and span in clip.events:
            there[event["what"]] += 1
            found[event["what"]] += any(one.kind == event["what"] and touch(one.span, span) for one in named)
    starts = {at for _, at in score(clip, [one.span for one in named]).false_at}
    false = [one for one in named if one.span.begin in starts]
    if only:
        meant = [_span(event) for event in record["truth"]["events"] if event["what"] == only]
        false = [one for one in named if one.kind == only and not any(touch(one.span, span) for span in meant)]
    return Row(found, there, false, desk.looks, spent[0])


def _span(event: dict[str, Any]) -> Span:
    return Span(float(event["start_s"]), float(event["end_s"]))


def touch(a: Span, b: Span) -> bool:
    return a.begin <= b.end + TOUCH_S and a.end >= b.begin - TOUCH_S


def _said(row: Row) -> str:
    kinds = ", ".join(f"{kind} {row.found[kind]}/{row.there[kind]}" for kind in JUDGED if row.there[kind])
    false = ", ".join(f"{one.kind} at {one.span.begin:.0f} s" for one in row.false) or "none"
    each = f"{1000 * row.cpu_s / row.looks:.1f} ms" if row.looks else "-"
    return f"named: {kinds or '-'}; false: {false}; {row.looks} looks of {each}"


if __name__ == "__main__":
    sys.exit(main())

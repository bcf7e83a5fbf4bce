"""How far the names of the small model of kinds can be trusted, behind the default detector, track by track.

    python -m benchmarks.kinds WEIGHTS [--footage FOLDER …] [--crops FOLDER] [--made SEED …] [--cars SEED …] [--demo]
        [--card kinds.json] [--calibrate]

WEIGHTS: a folder with `without-<cameras>.onnx` of `python -m training.train … --without CAMERA+CAMERA`, and
`kinds.onnx`: each camera is judged by weights that never saw it, and all that is rendered by weights that never saw a
picture of the demo cameras. --made: films of `benchmarks.made`, which are rendered as well; --cars: only those with a
car. Films of what sways without end have a row of their own, which is in no sum. --demo: the first ten minutes of the
demo cameras by `kinds.onnx`, label by label. Tracks are watched once and kept in .test/kinds.

A name is right when the track is of that kind. A passage is found when one of its tracks has its name; those that no
event was made of are the detector's and not counted. --calibrate: the least evidence from which on STATED of the names
are right goes into the card, and with it what was measured.
Exit: 0 within the budgets, 1 over one of them, 3 no footage here.
"""

import argparse
import json
import os
import pickle
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import detect_made
from benchmarks.detect import BESIDE, NOT_HERE
from benchmarks.kind_tracks import OTHER, FilmTracks, Track, of_crops, of_demo, of_file
from benchmarks.made.kind_films import SWAYING, TRAFFIC
from benchmarks.made.situations import GROUPS
from tawny.detection.kind_model import MOST, SIDE, KindClassifier, TrackEvidence, TrackWeights, card_of
from tawny.model.observations import ANIMAL, NOTHING, PERSON, VEHICLE
from tawny.sources.demo.world import SCENES
from training.collect import sources

CACHE = Path(__file__).resolve().parents[1] / ".test" / "kinds"
NAMED = (PERSON, VEHICLE, ANIMAL)
STATED = 0.95
"""Share of names that are right, at least, for a kind to be named at all."""
LEAST_EVIDENCE, STEP = 0.5, 0.01
FEWEST = 20
"""Names from which on a share of right ones says anything."""
RIGHT = {"day": 0.95, "night": 0.9}
FOUND = {"day": 0.85, "night": 0.7}
"""Budgets: of names that are right, and of passages found, of people and vehicles."""
MOST_FALSE_IN_TWO_HOURS = 1.0
MOST_FALSE_SWAYING = 20.0
"""An hour of films in which laundry, doors, branches, flags, balloons or a sprinkler move without end."""
MOST_MS = 1.0
"""Of processor time for a look of a dozen things."""
TIMED, ROUNDS = 40, 10
"""Looks that are timed, so often: the best round counts, for others use the machine, too."""
DEMO_S = 600.0
OF_KINDS = {"traffic by night": TRAFFIC, "swaying": SWAYING}
"""Films that only names are judged by."""
JUDGED_ONLY = {"plaza": ["plaza"]}
"""Crops of `ahmetozlu/object_counting_api` (MIT; who filmed is not named): no weights are made from them."""


@dataclass
class Judged:
    """A track, and how the evidence for each kind rose: (kind, evidence) of each look that says something."""

    film: FilmTracks
    track: Track
    said: list[tuple[str, float]]

    def name(self, triggers: Mapping[str, float]) -> str:
        """As `TrackEvidence` names it in the end."""
        name, score = "", 0.0
        for kind, evidence in self.said:
            if evidence >= triggers.get(kind, np.inf) and (not name or evidence > score + 0.1 * (kind != name)):
                name, score = kind, evidence
        return name


@dataclass
class Row:
    """Of one group of films. right, wrong: names. there, found: passages."""

    right: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    there: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    mistakes: Counter[str] = field(default_factory=Counter)
    false_persons: int = 0
    quiet_s: float = 0.0


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--footage", type=Path, action="append", help="folders with films and a manifest.json")
    parser.add_argument("--crops", type=Path, help="folder of crops: tracks of cameras of which there are no films")
    parser.add_argument("--made", type=int, nargs="*", default=[])
    parser.add_argument("--cars", type=int, nargs="*", default=[])
    parser.add_argument("--demo", action="store_true")
    parser.add_argument("--card", type=Path)
    parser.add_argument("--calibrate", action="store_true")
    options = parser.parse_args(arguments)
    folders = options.footage or [Path(os.environ.get("TAWNY_FOOTAGE", BESIDE))]
    if absent := [str(folder) for folder in folders if not (folder / "manifest.json").is_file()]:
        print(f"no manifest.json here: {', '.join(absent)}", file=sys.stderr)
        return NOT_HERE
    for folder in (CACHE, detect_made.CACHE):
        folder.mkdir(parents=True, exist_ok=True)
    films = _films(folders, options.made, options.cars, options.crops)
    judged = [one for film in films for one in _judge(film, options.weights)]
    triggers = calibrated(judged) if options.calibrate else dict(card_of(options.weights / "kinds.onnx").triggers)
    print("least evidence:", ", ".join(f"{kind} {least:.2f}" for kind, least in triggers.items()) or "nothing is named")
    rows = {name: row(several, triggers) for name, several in _groups(judged).items()}
    for name, one in rows.items():
        print(f"{name:28s} {_said(one)}")
    ours_ms = timed(options.weights / "kinds.onnx")
    print(f"{MOST} crops: {ours_ms:.2f} ms of processor time")
    over = [*_over(rows, ours_ms), *(_demo_over(options.weights, triggers) if options.demo else ())]
    print("\n".join(f"over: {one}" for one in over) or "within the budgets")
    if options.card:
        _note(options.card, rows, triggers, ours_ms, calibrate=options.calibrate)
    return int(bool(over))


# --- films ------------------------------------------------------------------------------------------------------------


def _films(
    folders: Sequence[Path], seeds: Sequence[int], cars: Sequence[int], crops: Path | None = None
) -> Iterator[FilmTracks]:
    clips = [(one, each) for one in folders for each in json.loads((one / "manifest.json").read_text())["clips"]]
    for folder, record in clips:
        light = "night" if record["camera"] == "burrow" else "day"
        path = folder / record["file"]
        yield _kept(f"footage-{path.stem}", partial(of_file, path, record["camera"], light, record))
    seen = {record["camera"] for _, record in clips}
    for camera, names in _cameras_of_crops().items():
        if crops is not None and camera not in seen:
            yield from (of_crops(crops / f"{name}.npz", camera) for name in names)
    for group, situations in {**GROUPS, **OF_KINDS}.items():
        for name, make in situations.items():
            for seed in [*seeds, *(one for one in cars if _is_of_car(name) and one not in seeds)]:
                yield _kept(f"{group} {name} {seed}", partial(_made, group, name, make, seed))
    if seeds:
        for scene in SCENES:
            yield _demo(scene)


def _cameras_of_crops() -> dict[str, list[str]]:
    """Those of the training, and those that are only judged, as who filmed them is not named."""
    return {camera: names for one in sources() for camera, names in one["cameras"].items()} | JUDGED_ONLY


def _is_of_car(name: str) -> bool:
    return "car" in name.split()


def _made(group: str, name: str, make: Any, seed: int) -> FilmTracks:
    path = detect_made.film(group, name, make, seed)
    record = json.loads(path.with_suffix(".json").read_text())
    if _is_of_car(name):  # its record says that somebody comes
        for event in record["truth"]["events"]:
            event["what"] = VEHICLE
    return of_file(path, "made", "night" if "night" in group or "infrared" in name else "day", record)


def _demo(scene: str) -> FilmTracks:
    return _kept(f"demo-{scene}", lambda: of_demo(scene, DEMO_S))


def _kept(name: str, make: Callable[[], FilmTracks]) -> FilmTracks:
    file = CACHE / f"{name.replace(' ', '-')}.pickle"
    if not file.is_file():
        print(f"\r\x1b[K{name}", end="", file=sys.stderr, flush=True)
        file.write_bytes(pickle.dumps(make()))
    kept: FilmTracks = pickle.loads(file.read_bytes())  # our own file
    return kept


# --- judging ----------------------------------------------------------------------------------------------------------


_models: dict[Path, KindClassifier] = {}


def _judge(film: FilmTracks, weights: Path, *, seen: bool = False) -> list[Judged]:
    """seen: by the weights of the package, whether they saw the camera or not."""
    camera = "demo" if film.camera.startswith(("demo", "made")) else film.camera
    without = [one for one in weights.glob("without-*.onnx") if camera in one.stem.removeprefix("without-").split("+")]
    file = without[0] if without and not seen else weights / "kinds.onnx"
    model = _models.setdefault(file, KindClassifier(file)) if file not in _models else _models[file]
    judged = card_of(weights / "kinds.onnx").tracks
    return [Judged(film, track, _evidence(track, model, judged)) for track in film.tracks if any(track.is_seen)]


def _evidence(track: Track, model: KindClassifier, judged: TrackWeights | None) -> list[tuple[str, float]]:
    crops = track.crops
    rows = [row for n in range(0, len(crops), 64) for row in model.look(np.stack(crops[n : n + 64]))]
    evidence, labels = TrackEvidence({}, judged), []
    for box, crop in zip(track.boxes, track.crop_at, strict=True):
        evidence.go(box)
        if crop >= 0:
            evidence.take(box, rows[crop])
            if (best := evidence.best) is not None and best.label in NAMED:
                labels.append((best.label, best.score))
    return labels


def calibrated(judged: Sequence[Judged]) -> dict[str, float]:
    """The least evidence of each kind from which on STATED of its names are right, of all films together, and RIGHT of
    real ones by day and of those of the night. A kind that never comes so far is left out, and so are the demo cameras:
    they show the same few walks again and again."""
    judged = [one for one in judged if not one.film.camera.startswith("demo") and not _sways(one)]
    triggers: dict[str, float] = {}
    for kind in NAMED:
        for least in np.arange(LEAST_EVIDENCE, 1.0, STEP).tolist():
            if _is_trusted(judged, kind, least):
                triggers[kind] = round(least, 2)
                break
    return triggers


def _is_trusted(judged: Sequence[Judged], kind: str, least: float) -> bool:
    of_kind = [one for one in judged if one.name(dict.fromkeys(NAMED, least)) == kind]
    named = [one for one in of_kind if one.track.truth not in ("", OTHER)]
    shares = [
        (STATED, [one.track.truth == kind for one in named]),
        (RIGHT["day"], [one.track.truth == kind for one in named if one.film.light == "day" and not is_rendered(one)]),
        (RIGHT["night"], [one.track.truth == kind for one in named if one.film.light == "night"]),
    ]
    return len(named) >= FEWEST and all(not each or np.mean(each) >= share for share, each in shares)


def _sways(one: Judged) -> bool:
    return one.film.name.startswith("swaying")


def is_rendered(one: Judged) -> bool:
    return one.film.camera.startswith(("demo", "made"))


def row(judged: Sequence[Judged], triggers: Mapping[str, float]) -> Row:
    made = Row()
    films = {one.film.name: one.film for one in judged}
    made.quiet_s = sum(film.quiet_s for film in films.values())
    there, found = set[tuple[str, int, str]](), set[tuple[str, int, str]]()
    for one in judged:
        truth, name = one.track.truth, one.name(triggers)
        if truth in NAMED:
            there.add((one.film.name, one.track.passage, truth))
        if not name or (truth in ("", OTHER) and name == PERSON):
            continue
        if truth == name:
            made.right[name] += 1
            found.add((one.film.name, one.track.passage, truth))
        elif truth:
            made.wrong[name] += 1
            made.mistakes[f"{truth} called {name}"] += 1
            made.false_persons += truth == NOTHING and name == PERSON
    made.there = Counter(what for _, _, what in there)
    made.found = Counter(what for _, _, what in found)
    return made


def _groups(judged: Sequence[Judged]) -> dict[str, list[Judged]]:
    groups: dict[str, list[Judged]] = {}
    for one in judged:
        camera, light = one.film.camera, one.film.light
        if _sways(one):  # nothing else for hours: a row of its own, not a share of quiet time
            groups.setdefault("  swaying", []).append(one)
            continue
        origin = "rendered" if is_rendered(one) else "real"
        whole = "demo cameras" if camera.startswith("demo") else f"{origin} by {light}"
        groups.setdefault(whole, []).append(one)
        if not is_rendered(one):
            groups.setdefault(f"  {camera}", []).append(one)
    return dict(sorted(groups.items(), key=lambda one: one[0].startswith(" ")))


def _demo_over(weights: Path, triggers: Mapping[str, float]) -> Iterator[str]:
    """Print every label of the demo cameras' first minutes by the weights of the package; yield what is wrong."""
    for scene in SCENES:
        judged = _judge(_demo(scene), weights, seen=True)
        answer = row(judged, triggers)
        print(f"demo:{scene:7s} {_said(answer)}")
        yield from (f"demo:{scene}: {count} {mistake}" for mistake, count in answer.mistakes.items())
        if answer.found[PERSON] < answer.there[PERSON]:
            yield f"demo:{scene}: {answer.found[PERSON]} of {answer.there[PERSON]} people are named"


def timed(weights: Path) -> float:
    """Milliseconds of processor time for a look of a dozen crops."""
    crops = np.random.default_rng(1).integers(0, 255, (MOST, 2, SIDE, SIDE)).astype(np.uint8)
    ours = KindClassifier(weights)
    taken = []
    for _ in range(ROUNDS * TIMED):
        begun_s = time.thread_time()
        ours.look(crops)
        taken.append(time.thread_time() - begun_s)
    return 1000 * float(np.median(np.reshape(taken, (ROUNDS, TIMED)), axis=1).min())


# --- what it says -----------------------------------------------------------------------------------------------------


def _over(rows: Mapping[str, Row], ours_ms: float) -> Iterator[str]:
    for name, light in (("real by day", "day"), ("rendered by night", "night")):
        one = rows.get(name, Row())
        for kind in (PERSON, VEHICLE):
            named = one.right[kind] + one.wrong[kind]
            if named and one.right[kind] < RIGHT[light] * named:
                yield f"{name}: {one.right[kind]} of {named} names are right ({kind})"
            if one.found[kind] < FOUND[light] * one.there[kind]:
                yield f"{name}: {one.found[kind]} of {one.there[kind]} found ({kind})"
    hours = sum(one.quiet_s for name, one in rows.items() if not name.startswith(" ")) / 3600
    false = sum(one.false_persons for name, one in rows.items() if not name.startswith(" "))
    if false > max(1.0, MOST_FALSE_IN_TWO_HOURS * hours / 2):
        yield f"{false} false persons in {hours:.1f} h of quiet"
    swaying = rows.get("  swaying", Row())
    if swaying.false_persons > MOST_FALSE_SWAYING * max(swaying.quiet_s / 3600, 0.1):
        yield f"{swaying.false_persons} false persons in {swaying.quiet_s / 60:.0f} min of what sways"
    if ours_ms > MOST_MS:
        yield f"{ours_ms:.2f} ms for {MOST} crops, at most {MOST_MS:g}"


def _said(one: Row) -> str:
    kinds = [
        f"{kind}: {one.right[kind]} of {one.right[kind] + one.wrong[kind]} names right, {one.found[kind]} of "
        f"{one.there[kind]} found"
        for kind in NAMED
        if one.there[kind] or one.wrong[kind]
    ]
    wrong = ", ".join(f"{count} {mistake}" for mistake, count in one.mistakes.items())
    quiet = f"{one.false_persons} false persons in {one.quiet_s / 60:.0f} min of quiet"
    return "; ".join([*kinds, *([f"wrong: {wrong}"] if wrong else []), quiet])


def _note(
    file: Path, rows: Mapping[str, Row], triggers: Mapping[str, float], ours_ms: float, *, calibrate: bool
) -> None:
    card = json.loads(file.read_text(encoding="utf-8"))
    if calibrate:
        card["trigger"] = dict(triggers)
        card["stated_precision"] = STATED
    card["measured"] = [
        {
            "films": name.strip(),
            "sum": not name.startswith(" "),
            "kinds": {
                kind: {"right": one.right[kind], "wrong": one.wrong[kind], "found": one.found[kind],
                       "there": one.there[kind]}
                for kind in NAMED
                if one.there[kind] or one.wrong[kind]
            },
            "false_persons": one.false_persons,
            "quiet_s": round(one.quiet_s),
        }
        for name, one in rows.items()
    ]  # fmt: skip
    whole = [one for name, one in rows.items() if not name.startswith(" ")]
    hours = sum(one.quiet_s for one in whole) / 3600
    card["false_persons_an_hour"] = round(sum(one.false_persons for one in whole) / max(hours, 0.01), 2)
    card["cpu_ms_for_12_crops"] = round(ours_ms, 2)
    file.write_text(json.dumps(card, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())

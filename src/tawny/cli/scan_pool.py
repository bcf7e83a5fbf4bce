"""A scan of many videos: each part counts once, results in input order, clips written as results complete.

Parts are done by a `Computer`. Files and parts in the log are not done again.
"""

import json
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from itertools import chain, count
from pathlib import Path
from typing import Any

from tawny.cli.paths import output_error
from tawny.cli.scan_computers import Computer, PartDone, Report, TargetFailed, TargetPlanned
from tawny.cli.scan_events import ScanEventWriter, WholeResult
from tawny.cli.scan_inputs import (
    PartId,
    PartResult,
    PlannedInput,
    ScanTarget,
    result_from_json,
    result_json,
    text_of,
)
from tawny.detection.appearance import Appearance, colours_shown
from tawny.detection.scan.scan import ScannedEvent, ScanResult, merged
from tawny.model.errors import NotDone, TawnyError
from tawny.storage.disk.disk import turned

# Cache of scan results in a file, one JSON line each: complete inputs, and parts of long ones.


class ScanLog:
    """Remembers results, and appends them to a file.

    file: None: nothing is stored. whole: results of complete inputs by key. with_scores: clips and images are wanted;
    results of earlier versions, which don't have what these need, don't count. Damaged lines are skipped.
    """

    def __init__(self, file: Path | None, *, with_scores: bool = False) -> None:
        self._file, self._with_scores = file, with_scores
        self.whole: dict[str, WholeResult] = {}
        self._parts: dict[PartId, PartResult] = {}
        self._plans: dict[str, Any] = {}
        self._is_torn = False
        """Whether the last line is incomplete: a former scan was killed while it wrote."""
        if file is not None and file.exists():
            with _usable(file):
                text = file.read_text(encoding="utf-8", errors="replace")
            self._is_torn = bool(text) and not text.endswith("\n")
            for line in text.splitlines():
                self._read(line)

    def check(self) -> None:
        """Raise NotDone if results can't be stored: a scan that takes hours says so when it begins."""
        if self._file is not None:
            with _usable(self._file):
                self._file.open("a").close()

    def part(self, part: PartId) -> PartResult | None:
        """Return the result of a part, or None."""
        return self._parts.get(part)

    def knows(self, part: PartId) -> bool:
        """Return whether a part needn't be done again."""
        return part.key in self.whole or part in self._parts

    def plan(self, key: str) -> Any:
        """Return the inputs that were planned for a target as JSON-like values, or None."""
        return self._plans.get(key)

    def add(self, key: str, result: WholeResult, parts: Sequence[PartId] = ()) -> None:
        """Add the result of a complete input, in place of its parts. Raises StorageError."""
        self.whole[key] = result
        for part in parts:
            self._parts.pop(part, None)
        stored = {"best_s": result.best_s, "scores": sorted((result.scores or {}).items()), "written": result.written}
        self._append({"key": key, "result": result.summary, **stored})

    def add_part(self, part: PartId, result: PartResult, *, is_only: bool) -> None:
        """Add the result of a part. is_only: its input has no other one, and is complete."""
        self._parts[part] = result
        if not is_only:
            self._append({"key": part.key, "part": part.number, "of": part.of, "result": result_json(result)})

    def add_plan(self, key: str, inputs: Any) -> None:
        """Add which inputs a target has, for when it can't be planned again."""
        if self._plans.get(key) != inputs:
            self._plans[key] = inputs
            self._append({"key": key, "plan": inputs})

    def _read(self, line: str) -> None:
        try:
            entry = json.loads(line)
            if "plan" in entry:
                self._plans[entry["key"]] = entry["plan"]
            elif "part" in entry:
                part = PartId(entry["key"], int(entry["part"]), int(entry["of"]))
                self._parts[part] = result_from_json(entry["result"])
            elif "scores" in entry:
                scores = {int(second): int(score) for second, score in entry["scores"]}
                best_s, written = tuple(map(float, entry["best_s"])), tuple(entry["written"])
                self.whole[entry["key"]] = WholeResult(entry["result"], best_s, scores, written)
            elif not self._with_scores:
                self.whole[entry["key"]] = WholeResult(entry["result"])
        except (ValueError, KeyError, TypeError):
            return

    def _append(self, entry: dict[str, Any]) -> None:
        if self._file is None:
            return
        try:
            with self._file.open("a", encoding="utf-8") as file:
                file.write("\n" * self._is_torn + json.dumps(entry) + "\n")
                self._is_torn = False
        except OSError as error:
            raise output_error(turned(error, str(self._file)), "`--log`") from error


@contextmanager
def _usable(file: Path) -> Iterator[None]:
    """Raise NotDone for an error of the file system."""
    try:
        yield
    except OSError as error:
        raise NotDone(
            f"Can't use {file} as log: {error.strerror}.", "Pass a file that you can write, in a folder that exists."
        ) from None


@dataclass(frozen=True)
class ScanJob:
    """A scan of several targets. events: writes clips and images; None: none are written."""

    targets: Sequence[ScanTarget]
    join_s: float
    events: ScanEventWriter | None = None


@dataclass(frozen=True)
class ScannedInput:
    """The result of one input. summary: the JSON output."""

    name: str
    summary: dict[str, Any] = field(default_factory=dict)
    error: TawnyError | None = None


def other_answer(place: str) -> NotDone:
    """Return the error of a box that has answered an order with the result of another one."""
    return NotDone(f"{place} answered with something else.", "Update it: both need the same version.")


class ScanDriver:
    """Collects what a computer reports: each part counts once, inputs come out in the order of the targets."""

    def __init__(self, job: ScanJob, log: ScanLog) -> None:
        self._job, self._log = job, log
        self._stems = _stems(job.targets)
        self._planned: dict[ScanTarget, tuple[PlannedInput, ...]] = {}
        self._failed: dict[tuple[ScanTarget, str], NotDone] = {}
        self.cpu_s: dict[str, float] = {}
        """CPU time so far, s, by place; of this run."""

    def scan(
        self, computer: Computer, show: Callable[["ScanDriver"], None] = lambda _: None
    ) -> Generator[ScannedInput]:
        """Yield one result per input, in order. Closing the iterator ends the scan; the log keeps what is done."""
        self._log.check()
        targets = list(dict.fromkeys(self._job.targets))
        ready = self._ready(self._job.targets)
        with closing(computer.run(targets, self._log)) as reports:
            for report in reports:
                self._take(report)
                show(self)
                yield from ready()
        yield from ready()

    @property
    def places(self) -> list[str]:
        return list(dict.fromkeys(target.place for target in self._job.targets))

    def counts(self, place: str) -> tuple[int, int]:
        """Return the number of parts that are done and known at a place; the second one grows with planning."""
        inputs = [each for target, found in self._planned.items() if target.place == place for each in found]
        parts = [part for each in inputs for part in each.parts]
        return sum(map(self._log.knows, parts)), len(parts)

    def _take(self, report: Report) -> None:
        match report:
            case TargetPlanned(target, inputs):
                inputs = tuple(replace(each, stem=self._stems.get(target, each.stem)) for each in inputs)
                self._planned[target] = inputs
                for each in inputs:
                    self._finish(each)
            case PartDone(part, ScanResult() as result):
                inputs = tuple(each for found in self._planned.values() for each in found if each.key == part.key)
                if self._log.knows(part) or not inputs:  # it was done twice, or its recordings have changed
                    return
                place = inputs[0].source.place
                self.cpu_s[place] = self.cpu_s.get(place, 0.0) + result.cpu_s
                self._log.add_part(part, result, is_only=len(inputs[0].parts) == 1)
                self._finish(inputs[0])
            case PartDone(part, _):
                for target, inputs in self._planned.items():
                    if any(each.key == part.key for each in inputs):
                        self._failed[target, part.key] = other_answer(target.place)
            case TargetFailed(target, key, error):
                self._failed[target, key] = error

    def _finish(self, each: PlannedInput) -> None:
        """Join the parts of an input when all are known; write clips and images that aren't there."""
        known, events = self._log.whole.get(each.key), self._job.events
        if known is not None and (events is None or events.has_written(each.stem, known)):
            return
        whole = known or self._joined(each)
        if whole is None:
            return
        if events is not None:
            whole = events.write(each, whole)
        if whole is not known:
            self._log.add(each.key, whole, each.parts)

    def _joined(self, each: PlannedInput) -> WholeResult | None:
        """Return the result of an input, or None while a part is missing."""
        results = [one for part in each.parts if isinstance(one := self._log.part(part), ScanResult)]
        if len(results) < len(each.parts):
            return None
        found = [replace(one, events=[replace(event) for event in one.events]) for one in results]
        whole = merged(found[: each.count], self._job.join_s)
        for sounds in found[each.count :]:
            whole.cpu_s += sounds.cpu_s
            whole.events = sorted([*whole.events, *sounds.events], key=lambda one: one.start_s)
        whole.events = [one for one in whole.events if one.end_s >= each.asked_s]
        return WholeResult(_summary(each, whole), tuple(one.best_s for one in whole.events), whole.scores)

    def _is_over(self, target: ScanTarget, each: PlannedInput) -> bool:
        return each.key in self._log.whole or (target, each.key) in self._failed

    def _ready(self, targets: Sequence[ScanTarget]) -> Callable[[], Iterator[ScannedInput]]:
        """Return what yields the next inputs that are finished, in order."""
        position = [0, 0]

        def ready() -> Iterator[ScannedInput]:
            while position[0] < len(targets):
                target = targets[position[0]]
                failed = self._failed.get((target, ""))
                if failed is not None:
                    yield _failed_input(target.name, _facts(target), failed)
                    position[:] = [position[0] + 1, 0]
                    continue
                if target not in self._planned:
                    return
                inputs = self._planned[target]
                if position[1] == len(inputs):
                    position[:] = [position[0] + 1, 0]
                    continue
                if target.place and not all(self._is_over(target, each) for each in inputs):
                    return  # what a box has recorded may be planned again until all is done
                each = inputs[position[1]]
                problem = self._failed.get((target, each.key))
                if problem is not None:
                    yield _failed_input(each.name, each.facts, problem)
                elif each.key in self._log.whole:
                    yield ScannedInput(each.name, {**self._log.whole[each.key].summary, **each.facts})
                else:
                    return
                position[1] += 1

        return ready


def _stems(targets: Iterable[ScanTarget]) -> dict[ScanTarget, str]:
    """Return the base name of the output files of each video file; no two are the same."""
    stems: dict[ScanTarget, str] = {}
    taken: set[str] = set()
    for target in dict.fromkeys(targets):
        if target.file:
            stem = Path(target.file).stem
            names = chain([stem], (f"{stem}-{number}" for number in count(2)))
            stems[target] = next(name for name in names if name not in taken)
            taken.add(stems[target])
    return stems


def _facts(target: ScanTarget) -> dict[str, Any]:
    if target.file:
        return {"file": target.file}
    return {**({"box": target.place} if target.place else {}), "file": None, "camera": target.camera}


def _failed_input(name: str, facts: Mapping[str, Any], found: NotDone) -> ScannedInput:
    summary = {"code": found.code, "message": found.message, "hint": found.do}
    empty: dict[str, Any] = {"duration_s": None, "cpu_s": 0.0, "events": [], "error": summary}
    return ScannedInput(name, {**facts, **empty}, found)


def _summary(each: PlannedInput, whole: ScanResult) -> dict[str, Any]:
    events = [
        {
            "start_s": round(max(0.0, found.start_s), 3),
            "end_s": round(min(found.end_s, whole.duration_s), 3),
            "type": found.kind,
            "score": found.score,
            **({"sound": found.label} if found.label else {}),
            **each.at(max(0.0, found.start_s)),
            **_looks(found),
        }
        for found in whole.events
    ]
    return {
        **each.facts,
        **({"search_model": whole.model} if whole.model else {}),
        "duration_s": round(whole.duration_s, 3),
        "cpu_s": round(whole.cpu_s, 3),
        "decoded_s": round(min(whole.decoded_s, whole.duration_s), 3),
        "events": events,
    }


def _looks(found: ScannedEvent) -> dict[str, Any]:
    """Return what the object looked like: in words for people, and packed for `tawny find --in`."""
    shown: dict[str, Any] = {}
    if found.looks:
        look = Appearance.unpacked(found.looks)
        shown = {"colours": colours_shown(look), "size": look.size, "looks": text_of(found.looks)}
    return shown | ({"vector": text_of(found.vector)} if found.vector else {})

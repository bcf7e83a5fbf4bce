"""A scan of many videos: each part counts once, results in input order, clips written as results complete.

Parts are done by a `Computer`. Files and parts in the log are not done again.
"""

import json
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tawny.cli.scan_computers import Computer, PartDone, Report, TargetFailed, TargetPlanned
from tawny.cli.scan_inputs import (
    InputFinder,
    PartId,
    PartResult,
    PlannedInput,
    ScanInput,
    ScanTarget,
    result_from_json,
    result_json,
    text_of,
)
from tawny.detection.appearance import Appearance, colours_shown
from tawny.detection.scan.scan import ScannedEvent, ScanResult, merged
from tawny.media.image.jpeg import jpeg
from tawny.media.mp4.file_part import copy_part
from tawny.model.errors import NotDone, TawnyError
from tawny.storage.disk.disk import turned

# Cache of scan results in a file, one JSON line each: complete inputs, and parts of long ones.


class ScanLog:
    """Remembers results, and appends them to a file.

    file: None: nothing is stored. whole: results of complete inputs by key. Damaged lines are skipped.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self.whole: dict[str, dict[str, Any]] = {}
        self._parts: dict[PartId, PartResult] = {}
        self._plans: dict[str, Any] = {}
        self._is_torn = False
        """Whether the last line is incomplete: a former scan was killed while it wrote."""
        if file is not None and file.exists():
            text = file.read_text(encoding="utf-8", errors="replace")
            self._is_torn = bool(text) and not text.endswith("\n")
            for line in text.splitlines():
                self._read(line)

    def part(self, part: PartId) -> PartResult | None:
        """Return the result of a part, or None."""
        return self._parts.get(part)

    def knows(self, part: PartId) -> bool:
        """Return whether a part needn't be done again."""
        return part.key in self.whole or part in self._parts

    def plan(self, key: str) -> Any:
        """Return the inputs that were planned for a target as JSON-like values, or None."""
        return self._plans.get(key)

    def add(self, key: str, result: dict[str, Any], parts: Sequence[PartId] = ()) -> None:
        """Add the result of a complete input, in place of its parts. Raises StorageError."""
        self.whole[key] = result
        for part in parts:
            self._parts.pop(part, None)
        self._append({"key": key, "result": result})

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
            else:
                self.whole[entry["key"]] = entry["result"]
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
            raise turned(error, str(self._file)) from error


# HTML page with the results of one scan: score over time, events and the video.

WIDE, HIGH, LINE = 1200, 240, 50
"""Width and height of the chart in SVG units, and the score of the event threshold line."""
_STYLE = """
body { margin: 24px auto; max-width: 1200px; padding: 0 16px; background: #13100d; color: #f6efe6 }
body { font: 15px/22px sans-serif } video { max-height: 60vh }
video, svg { display: block; width: 100%; background: #0b0806; border-radius: 10px }
svg { margin: 16px 0; cursor: pointer } .line { fill: none; stroke: #f2a65a; stroke-width: 1.5 }
.event { fill: #f2a65a; opacity: .22 } .level { stroke: #ff8f78; stroke-dasharray: 6 5 }
.now { stroke: #9ccb86; stroke-width: 2 } text { fill: #cdc0b0; font-size: 13px } a { color: #ffc887 }
li { margin: 4px 0 } img { height: 90px; border-radius: 6px }
ul { padding: 0; list-style: none } li a { display: flex; gap: 14px; align-items: center; text-decoration: none }
"""
_SCRIPT = """
const [video, now, chart] = ['video', '.now', 'svg'].map((one) => document.querySelector(one));
const at = (s) => ['x1', 'x2'].forEach((end) => now.setAttribute(end, s / LENGTH * WIDE));
const go = (s) => { at(s); if (video) { video.currentTime = s; } };
chart.onclick = (e) => { const box = chart.getBoundingClientRect(); go((e.clientX - box.left) / box.width * LENGTH); };
document.querySelectorAll('[data-at]').forEach((one) => one.onclick = () => go(+one.dataset.at));
if (video) video.ontimeupdate = () => at(video.currentTime);
"""


def scan_page(
    name: str, length_s: float, scores: Mapping[int, int], events: Sequence[Mapping[str, Any]], video: Path | None
) -> str:
    """Return the page.

    scores: by second. events: as in `tawny scan --json`. video: the scanned file, None for recordings.
    """
    shown = f'<video controls preload="metadata" src="{quote(str(video.resolve()))}"></video>' if video else ""
    length_s = max(length_s, 1.0)
    script = _SCRIPT.replace("LENGTH", json.dumps(length_s)).replace("WIDE", str(WIDE))
    rows = "".join(_row(event) for event in events)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(name)}</title><style>{_STYLE}</style>'
        f"<h1>{escape(name)}</h1>{shown}{_chart(length_s, scores, events)}"
        f"<ul>{rows or '<li>No events.</li>'}</ul><script>{script}</script></html>\n"
    )


def _chart(length_s: float, scores: Mapping[int, int], events: Sequence[Mapping[str, Any]]) -> str:
    x, y = WIDE / length_s, HIGH / 100
    bands = "".join(
        f'<rect class="event" x="{event["start_s"] * x:.1f}" y="0" height="{HIGH}"'
        f' width="{max(2.0, (event["end_s"] - event["start_s"]) * x):.1f}"/>'
        for event in events
    )
    level = HIGH - LINE * y
    return (
        f'<svg viewBox="0 0 {WIDE} {HIGH + 24}" role="img" aria-label="Score of each second">{bands}'
        f'<line class="level" x1="0" x2="{WIDE}" y1="{level}" y2="{level}"/>'
        f'<text x="6" y="{level - 6}">an event from here</text>'
        f"{''.join(_lines(scores, x, y))}"
        f'<text x="6" y="{HIGH + 18}">0:00</text>'
        f'<text x="{WIDE - 6}" y="{HIGH + 18}" text-anchor="end">{_clock(length_s)}</text>'
        f'<line class="now" x1="0" x2="0" y1="0" y2="{HIGH}"/></svg>'
    )


def _lines(scores: Mapping[int, int], x: float, y: float) -> list[str]:
    """Return one polyline per run of consecutive scanned seconds; skipped seconds leave a break."""
    made, points, before = [], list[str](), None
    for second in [*sorted(scores), None]:
        if points and (second is None or before is None or second != before + 1):
            made.append(f'<polyline class="line" points="{" ".join(points)}"/>')
            points = []
        if second is not None:
            points.append(f"{(second + 0.5) * x:.1f},{HIGH - scores[second] * y:.1f}")
        before = second
    return made


def _row(event: Mapping[str, Any]) -> str:
    start_s, end_s = event["start_s"], event["end_s"]
    picture = f'<img alt="" src="{quote(Path(event["snapshot"]).name)}">' if "snapshot" in event else ""
    kind = f"{event['type']}: {event['sound']}" if "sound" in event else str(event["type"])
    words = f"{_clock(start_s)}, {end_s - start_s:.1f} s, {escape(kind)}, score {event['score']}"
    return f'<li><a href="#" data-at="{start_s}">{picture}<span>{words}</span></a></li>'


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


PICTURE_WIDTH = 1280
UNKNOWN = ""
"""Value in a score file for a second that was not scanned."""


@dataclass(frozen=True)
class ScanJob:
    """A scan of several targets.

    folder: for clips and snapshots, of inputs that `finder` finds here. exact: clips are cut exactly; otherwise they
    begin and end at keyframes.
    """

    targets: Sequence[ScanTarget]
    join_s: float
    finder: InputFinder | None = None
    folder: Path | None = None
    before_s: float = 2.0
    after_s: float = 2.0
    exact: bool = False


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
        self._planned: dict[ScanTarget, tuple[PlannedInput, ...]] = {}
        self._failed: dict[tuple[ScanTarget, str], NotDone] = {}
        self.cpu_s: dict[str, float] = {}
        """CPU time so far, s, by place; of this run."""

    def scan(
        self, computer: Computer, show: Callable[["ScanDriver"], None] = lambda _: None
    ) -> Generator[ScannedInput]:
        """Yield one result per input, in order. Closing the iterator ends the scan; the log keeps what is done."""
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
        """Join the parts of an input when all are known, and write clips and pictures."""
        results = [one for part in each.parts if isinstance(one := self._log.part(part), ScanResult)]
        if each.key in self._log.whole or len(results) < len(each.parts):
            return
        found = [replace(one, events=[replace(event) for event in one.events]) for one in results]
        whole = merged(found[: each.count], self._job.join_s)
        for sounds in found[each.count :]:
            whole.cpu_s += sounds.cpu_s
            whole.events = sorted([*whole.events, *sounds.events], key=lambda one: one.start_s)
        whole.events = [one for one in whole.events if one.end_s >= each.asked_s]
        summary = _summary(each, whole)
        if self._job.folder is not None and self._job.finder is not None:
            found_here = self._job.finder.one(each.source)
            if found_here is not None:
                _write_events(found_here, whole, summary, self._job)
        self._log.add(each.key, summary, each.parts)

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
                    yield ScannedInput(each.name, self._log.whole[each.key])
                else:
                    return
                position[1] += 1

        return ready


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


# --- clips, snapshots, scores
# ----------------------------------------------------------------------------------------


def _write_events(each: ScanInput, whole: ScanResult, summary: dict[str, Any], job: ScanJob) -> None:
    """Write `<name>-0001.mp4`, `.jpg`, `<name>.scores.csv` and `<name>.html`, which shows all of them.

    Raises StorageError.
    """
    folder = job.folder
    assert folder is not None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number, (found, event) in enumerate(zip(whole.events, summary["events"], strict=True), 1):
            stem = f"{each.stem}-{number:04}"
            clip = folder / f"{stem}.mp4"
            begin_s, end_s = max(0.0, found.start_s - job.before_s), found.end_s + job.after_s
            copy_part(each.path, clip, begin_s, end_s, exact=job.exact, source=each.source)
            event["clip"] = str(clip)
            picture = _picture(each, found)
            if picture is not None:
                (folder / f"{stem}.jpg").write_bytes(picture)
                event["snapshot"] = str(folder / f"{stem}.jpg")
        (folder / f"{each.stem}.scores.csv").write_text(_scores(whole), encoding="utf-8")
        page = scan_page(each.stem, whole.duration_s, whole.scores, summary["events"], each.file)
        (folder / f"{each.stem}.html").write_text(page, encoding="utf-8")
    except OSError as error:
        raise turned(error, str(folder)) from error


def _picture(each: ScanInput, found: ScannedEvent) -> bytes | None:
    """Return the event's best frame as JPEG, or None."""
    best = None
    for frame in each.video().pictures(found.best_s, found.best_s + 0.001):
        best = frame if best is None or frame.at_ms <= found.best_s * 1000 + 1 else best
        if frame.at_ms >= found.best_s * 1000:
            break
    return jpeg(best, PICTURE_WIDTH) if best is not None else None


def _scores(whole: ScanResult) -> str:
    rows = (f"{second},{whole.scores.get(second, UNKNOWN)}\n" for second in range(int(whole.duration_s) + 1))
    return "second,score\n" + "".join(rows)

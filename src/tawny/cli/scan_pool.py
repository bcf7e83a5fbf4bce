"""Parallel scan of videos: parts in worker threads, results in input order, clips written as results complete.

Files and parts in the log are not scanned again.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from html import escape
from pathlib import Path
from threading import Event as Flag
from threading import Lock
from typing import IO, Any
from urllib.parse import quote

from tawny.detection.detector import Detector
from tawny.detection.scan.scan import ScannedEvent, ScanOptions, ScanResult, VideoPart, merged, parts, scan_part
from tawny.media.codec.video_file import FileVideo
from tawny.media.image.jpeg import jpeg
from tawny.media.mp4.file_part import copy_part
from tawny.model.errors import DetectorFailed, NotDone, SourceError, TawnyError
from tawny.model.times import utc_text
from tawny.storage.disk.disk import turned

# Inputs of a scan: a video file, or a time span of recordings that is read as one file.


@dataclass(frozen=True)
class ScanInput:
    """One input of a scan.

    path: the video file; of recordings only a name. stem: base name of output files. told: the fields that identify the
    input in `--json`. source: opens recordings, for one thread; None for a file. begins_ms: start of the recordings, ms
    UTC. asked_s: start of the requested range, in s of the input; earlier events are dropped. known_by: what identifies
    the recordings in the cache.
    """

    path: Path
    stem: str
    facts: Mapping[str, Any]
    source: Callable[[], IO[bytes]] | None = None
    begins_ms: int = 0
    asked_s: float = 0.0
    known_by: tuple[Any, ...] = ()

    @classmethod
    def of_file(cls, path: Path) -> "ScanInput":
        return cls(path, path.stem, {"file": str(path)})

    @property
    def name(self) -> str:
        """Name for people."""
        return str(self.path)

    @property
    def file(self) -> Path | None:
        """The path if it is a single playable file, else None."""
        return self.path if self.source is None else None

    def video(self) -> FileVideo:
        """Open the input, for one thread. Raises SourceError."""
        return FileVideo(self.path, self.source)

    def at(self, seconds: float) -> dict[str, Any]:
        """Return additional fields for an instant of the input: the UTC time of recordings."""
        return {"at": utc_text(self.begins_ms + round(seconds * 1000))} if self.source else {}

    def key(self, about: Mapping[str, Any]) -> str:
        """Return the cache key of this input with these scan options; empty if it cannot be read.

        That of a file comes from path, size and modification time.
        """
        if self.source:
            return _digest([*self.known_by, about])
        try:
            seen = self.path.stat()
        except OSError:
            return ""
        return _digest([str(self.path.resolve()), seen.st_size, seen.st_mtime_ns, about])


def _digest(known_by: list[Any]) -> str:
    """Return a stable hash of JSON-like values."""
    return hashlib.blake2s(json.dumps(known_by, sort_keys=True, default=str).encode(), digest_size=12).hexdigest()


# Cache of scan results in a file, one JSON line each: complete inputs, and parts of long ones.


class ScanLog:
    """Reads and appends cached results.

    file: None disables the cache. whole: results of complete inputs by key. Damaged lines are skipped.
    """

    def __init__(self, file: Path | None) -> None:
        self._file, self._lock = file, Lock()
        self.whole: dict[str, dict[str, Any]] = {}
        self._parts: dict[tuple[str, int, int], ScanResult] = {}
        if file is not None and file.exists():
            for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
                self._read(line)

    def part(self, key: str, number: int, count: int) -> ScanResult | None:
        """Return the result of part `number` of `count`, or None."""
        return self._parts.get((key, number, count))

    def add(self, key: str, result: dict[str, Any]) -> None:
        """Append the result of a complete input. Raises StorageError."""
        self._append({"key": key, "result": result})

    def add_part(self, key: str, number: int, count: int, result: ScanResult) -> None:
        entry = {**asdict(result), "scores": sorted(result.scores.items())}
        self._append({"key": key, "part": number, "of": count, "result": entry})

    def _read(self, line: str) -> None:
        try:
            entry = json.loads(line)
            if "part" in entry:
                self._parts[entry["key"], int(entry["part"]), int(entry["of"])] = _log_result(entry["result"])
            else:
                self.whole[entry["key"]] = entry["result"]
        except (ValueError, KeyError, TypeError):
            return

    def _append(self, entry: dict[str, Any]) -> None:
        if self._file is None:
            return
        try:
            with self._lock, self._file.open("a", encoding="utf-8") as file:
                file.write(json.dumps(entry) + "\n")
        except OSError as error:
            raise turned(error, str(self._file)) from error


def _log_result(entry: dict[str, Any]) -> ScanResult:
    events = [ScannedEvent(**{**event, "box": tuple(event["box"])}) for event in entry["events"]]
    scores = {int(second): int(score) for second, score in entry["scores"]}
    return ScanResult(float(entry["duration_s"]), events, float(entry["cpu_s"]), float(entry["decoded_s"]), scores)


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
    """A scan of several inputs.

    about: the options of `wanted` as comparable values, part of the cache key. folder: for clips and snapshots.
    exact: clips are cut exactly; otherwise they begin and end at keyframes. jobs: worker threads, 0 for one per CPU
    core. sounds: returns the events of an input's sound; None: it is not analyzed.
    """

    inputs: Sequence[ScanInput]
    wanted: ScanOptions
    about: Mapping[str, Any]
    folder: Path | None = None
    before_s: float = 2.0
    after_s: float = 2.0
    exact: bool = False
    log: Path | None = None
    jobs: int = 0
    sounds: Callable[[FileVideo], list[ScannedEvent]] | None = None


@dataclass(frozen=True)
class ScannedInput:
    """The result of one input. summary: the JSON output."""

    name: str
    summary: dict[str, Any] = field(default_factory=dict)
    error: TawnyError | None = None


_Results = list[Future[ScanResult]] | SourceError
"""Of an input in progress, one per part; an error if the input cannot be read."""


def scan_all(job: ScanJob, progress: Callable[[str], None]) -> Iterator[ScannedInput]:
    """Yield one result per input, in order. An interrupted scan stops within seconds."""
    workers = job.jobs if job.jobs > 0 else len(os.sched_getaffinity(0))
    run = _Run(job, ScanLog(job.log), _Meter(progress), Flag())
    with ThreadPoolExecutor(workers) as pool:
        begun: list[tuple[ScanInput, str, _Results]] = []
        try:
            for each in job.inputs:
                key = each.key(job.about)
                begun.append((each, key, [] if key in run.log.whole else run.begin(each, key, workers, pool)))
            for each, key, results in begun:
                yield run.result(each, key, results)
        finally:
            run.stop.set()
            pool.shutdown(cancel_futures=True)


@dataclass(frozen=True)
class _Run:
    """A scan in progress. Its values are shared by the workers."""

    job: ScanJob
    log: ScanLog
    meter: "_Meter"
    stop: Flag

    def begin(self, each: ScanInput, key: str, workers: int, pool: ThreadPoolExecutor) -> _Results:
        """Submit the parts of one input to the workers; cached parts return completed futures.

        Inputs are split only when they are fewer than the workers.
        """
        try:
            made = parts(each.video, max(1, workers // len(self.job.inputs)), resumes=self.job.log is not None)
        except SourceError as error:
            return error
        futures: list[Future[ScanResult]] = []
        for number, part in enumerate(made):
            known = self.log.part(key, number, len(made))
            if known is not None:
                future: Future[ScanResult] = Future()
                future.set_result(known)
            else:
                self.meter.wants(part.length_s)
                future = pool.submit(self._scan, part, (key, number, len(made)))
            futures.append(future)
        return futures

    def result(self, each: ScanInput, key: str, results: _Results) -> ScannedInput:
        """Wait for the parts of an input, join them, and write clips and pictures."""
        if key in self.log.whole:
            return ScannedInput(each.name, self.log.whole[key])
        if isinstance(results, SourceError):
            return _failed(each, results)
        try:
            whole = merged([future.result() for future in results], self.job.wanted.join_s)
            if self.job.sounds is not None:
                sounds = self.job.sounds(each.video())
                whole.events = sorted([*whole.events, *sounds], key=lambda one: one.start_s)
            whole.events = [found for found in whole.events if found.end_s >= each.asked_s]
        except SourceError as error:
            return _failed(each, error)
        except DetectorFailed as error:
            return _not_scanned(each, error, error.detail, error.do)
        except NotDone as error:  # of a sound model: other files may still be scanned
            return _not_scanned(each, error, error.what, error.todo)
        summary = _summary(each, whole)
        if self.job.folder is not None:
            _write_events(each, whole, summary, self.job)
        self.log.add(key, summary)
        return ScannedInput(each.name, summary)

    def _scan(self, part: VideoPart, which: tuple[str, int, int]) -> ScanResult:
        wanted = self.job.wanted
        with ExitStack() as stack:

            def made(settings: Mapping[str, Any]) -> Detector:
                detector = wanted.make(settings)
                stack.callback(getattr(detector, "close", lambda: None))  # a detector may run a child process
                return detector

            result = scan_part(part, replace(wanted, make=made), self.meter.done, self.stop)
        if not self.stop.is_set() and which[2] > 1:
            self.log.add_part(*which, result)
        return result


def _failed(each: ScanInput, error: SourceError) -> ScannedInput:
    is_there = each.file is None or each.file.exists()
    todo = "Is it a readable video file?" if is_there else "Check its name and folder."
    return _not_scanned(each, error, f"{error.detail}.", todo)


def _not_scanned(each: ScanInput, error: TawnyError, why: str, todo: str) -> ScannedInput:
    found = NotDone(f"Can't scan {each.name}: {why}", todo)
    summary = {"code": error.code, "message": found.message, "hint": found.do}
    empty: dict[str, Any] = {"duration_s": None, "cpu_s": 0.0, "events": [], "error": summary}
    return ScannedInput(each.name, {**each.facts, **empty}, found)


def _summary(each: ScanInput, whole: ScanResult) -> dict[str, Any]:
    events = [
        {
            "start_s": round(max(0.0, found.start_s), 3),
            "end_s": round(min(found.end_s, whole.duration_s), 3),
            "type": found.kind,
            "score": found.score,
            **({"sound": found.label} if found.label else {}),
            **each.at(max(0.0, found.start_s)),
        }
        for found in whole.events
    ]
    return {
        **each.facts,
        "duration_s": round(whole.duration_s, 3),
        "cpu_s": round(whole.cpu_s, 3),
        "decoded_s": round(min(whole.decoded_s, whole.duration_s), 3),
        "events": events,
    }


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


class _Meter:
    """Progress in seconds of video, updated by the workers."""

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show, self._lock = show, Lock()
        self._done_s = self._wanted_s = 0.0

    def wants(self, more_s: float) -> None:
        self._wanted_s += more_s

    def done(self, more_s: float) -> None:
        with self._lock:
            self._done_s += more_s
            of = f" of {self._wanted_s / 60:.1f}" if self._wanted_s > 0 else ""
            self._show(f"scanned {self._done_s / 60:.1f}{of} min")

"""Parallel scan of videos: parts in worker threads, results in input order, clips written as results complete.

Files and parts in the log are not scanned again.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event as Flag
from threading import Lock
from typing import Any

from tawny.cli.scan_inputs import ScanInput
from tawny.cli.scan_log import ScanLog
from tawny.cli.scan_page import scan_page
from tawny.detection.detector import Detector
from tawny.detection.scan.scan import ScanOptions, ScanResult, VideoPart, merged, parts, scan_part
from tawny.detection.scan.spans import ScannedEvent
from tawny.media.image.jpeg import jpeg
from tawny.model.errors import DetectorFailed, NotDone, SourceError, TawnyError
from tawny.storage.disk.disk import turned

PICTURE_WIDTH = 1280
UNKNOWN = ""
"""Value in a score file for a second that was not scanned."""


@dataclass(frozen=True)
class ScanJob:
    """A scan of several inputs.

    about: the options of `wanted` as comparable values, part of the cache key. folder: for clips and snapshots.
    exact: clips are cut exactly; otherwise they begin and end at keyframes. jobs: worker threads, 0 for one per CPU
    core.
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


@dataclass(frozen=True)
class ScannedInput:
    """The result of one input. summary: the JSON output."""

    name: str
    summary: dict[str, Any] = field(default_factory=dict)
    error: TawnyError | None = None


@dataclass(frozen=True)
class _Begun:
    """An input in progress. results: one per part; an error if the input cannot be read."""

    input: ScanInput
    key: str
    results: "list[Future[ScanResult]] | SourceError"


def scan_all(job: ScanJob, progress: Callable[[str], None]) -> Iterator[ScannedInput]:
    """Yield one result per input, in order. An interrupted scan stops within seconds."""
    log = ScanLog(job.log)
    workers = job.jobs if job.jobs > 0 else len(os.sched_getaffinity(0))
    stop = Flag()
    meter = _Meter(progress)
    with ThreadPoolExecutor(workers) as pool:
        begun: list[_Begun] = []
        try:
            for each in job.inputs:
                key = each.key(job.about)
                results = [] if key in log.whole else _begin(each, key, job, log, workers, meter, stop, pool)
                begun.append(_Begun(each, key, results))
            for one in begun:
                yield _result(one, log, job)
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)


def _begin(
    each: ScanInput,
    key: str,
    job: ScanJob,
    log: ScanLog,
    workers: int,
    meter: "_Meter",
    stop: Flag,
    pool: ThreadPoolExecutor,
) -> "list[Future[ScanResult]] | SourceError":
    """Submit the parts of one input to the workers; cached parts return completed futures.

    Inputs are split only when they are fewer than the workers.
    """
    try:
        made = parts(each.video, max(1, workers // len(job.inputs)), resumes=job.log is not None)
    except SourceError as error:
        return error
    futures: list[Future[ScanResult]] = []
    for number, part in enumerate(made):
        known = log.part(key, number, len(made))
        if known is not None:
            future: Future[ScanResult] = Future()
            future.set_result(known)
        else:
            meter.wants(part.length_s)
            future = pool.submit(_scan, part, job.wanted, meter, stop, log, (key, number, len(made)))
        futures.append(future)
    return futures


def _scan(
    part: VideoPart, wanted: ScanOptions, meter: "_Meter", stop: Flag, log: ScanLog, which: tuple[str, int, int]
) -> ScanResult:
    with ExitStack() as stack:

        def made(settings: Mapping[str, Any]) -> Detector:
            detector = wanted.make(settings)
            stack.callback(getattr(detector, "close", _nothing))  # a detector may run a child process
            return detector

        result = scan_part(part, replace(wanted, make=made), meter.done, stop)
    if not stop.is_set() and which[2] > 1:
        log.add_part(*which, result)
    return result


def _nothing() -> None:
    pass


def _result(one: _Begun, log: ScanLog, job: ScanJob) -> ScannedInput:
    each = one.input
    if one.key in log.whole:
        return ScannedInput(each.name, log.whole[one.key])
    if isinstance(one.results, SourceError):
        return _failed(each, one.results)
    try:
        whole = merged([future.result() for future in one.results], job.wanted.join_s)
        whole.events = [found for found in whole.events if found.end_s >= each.asked_s]
    except SourceError as error:
        return _failed(each, error)
    except DetectorFailed as error:
        return _not_scanned(each, error, error.detail, error.do)
    summary = _told(each, whole)
    if job.folder is not None:
        _write_events(each, whole, summary, job)
    log.add(one.key, summary)
    return ScannedInput(each.name, summary)


def _failed(each: ScanInput, error: SourceError) -> ScannedInput:
    is_there = each.file is None or each.file.exists()
    todo = "Is it a readable video file?" if is_there else "Check its name and folder."
    return _not_scanned(each, error, f"{error.detail}.", todo)


def _not_scanned(each: ScanInput, error: TawnyError, why: str, todo: str) -> ScannedInput:
    found = NotDone(f"Can't scan {each.name}: {why}", todo)
    summary = {"code": error.code, "message": found.message, "hint": found.do}
    empty: dict[str, Any] = {"duration_s": None, "cpu_s": 0.0, "events": [], "error": summary}
    return ScannedInput(each.name, {**each.told(), **empty}, found)


def _told(each: ScanInput, whole: ScanResult) -> dict[str, Any]:
    events = [
        {
            "start_s": round(max(0.0, found.start_s), 3),
            "end_s": round(min(found.end_s, whole.duration_s), 3),
            "type": found.kind,
            "score": found.score,
            **each.at(max(0.0, found.start_s)),
        }
        for found in whole.events
    ]
    return {
        **each.told(),
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
            each.copy(clip, max(0.0, found.start_s - job.before_s), found.end_s + job.after_s, exact=job.exact)
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

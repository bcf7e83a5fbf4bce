"""Many files scanned side by side: parts in worker threads, results in the order of the files, clips beside them.

What is in the log is not scanned again: a file is known by its path, size and time of change, and by how it is scanned.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event as Flag
from threading import Lock
from typing import Any

from tawny.media.file_clip import copy_part
from tawny.media.file_video import FileVideo
from tawny.media.jpeg import jpeg
from tawny.model.errors import NotDone, SourceError, TawnyError
from tawny.storage.disk import turned
from tawny.watch.scan.scan import Result, Wanted, merged, parts, scan_part
from tawny.watch.scan.spans import Found

PICTURE_WIDTH = 1280
UNKNOWN = ""
"""In a file of scores: nobody looked in that second."""


@dataclass(frozen=True)
class Job:
    """files are scanned as `wanted`; about: the same in words that can be compared. folder: for clips and pictures."""

    files: list[Path]
    wanted: Wanted
    about: Mapping[str, Any]
    folder: Path | None = None
    before_s: float = 2.0
    after_s: float = 2.0
    log: Path | None = None
    jobs: int = 0


@dataclass(frozen=True)
class Scanned:
    """told: what `--json` prints."""

    file: Path
    told: dict[str, Any] = field(default_factory=dict)
    error: TawnyError | None = None


def scan_all(job: Job, progress: Callable[[str], None]) -> Iterator[Scanned]:
    """A result for each file, in their order. Interrupted, it ends within some seconds."""
    known = _logged(job.log)
    workers = job.jobs if job.jobs > 0 else len(os.sched_getaffinity(0))
    stop = Flag()
    meter = _Meter(progress)
    with ThreadPoolExecutor(workers) as pool:
        begun: list[tuple[Path, str, list[Future[Result]] | SourceError]] = []
        try:
            for file in job.files:
                key = _key(file, job.about)
                begun.append((file, key, [] if key in known else _begin(file, job, workers, meter, stop, pool)))
            for file, key, futures in begun:
                yield _result(file, key, futures, known, job)
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)


def _begin(
    file: Path, job: Job, workers: int, meter: "_Meter", stop: Flag, pool: ThreadPoolExecutor
) -> "list[Future[Result]] | SourceError":
    """Its parts, given to the workers. Several files keep all cores busy without parts."""
    try:
        made = parts(file, max(1, workers // len(job.files)))
    except SourceError as error:
        return error
    return [pool.submit(scan_part, part, job.wanted, meter.done, stop) for part in made]


def _result(
    file: Path, key: str, futures: "list[Future[Result]] | SourceError", known: dict[str, Any], job: Job
) -> Scanned:
    if key in known:
        return Scanned(file, known[key])
    if isinstance(futures, SourceError):
        return _failed(file, futures)
    try:
        whole = merged([future.result() for future in futures], job.wanted.join_s)
    except SourceError as error:
        return _failed(file, error)
    told = _told(file, whole)
    if job.folder is not None:
        _write_events(file, whole, told, job)
    _log(job.log, key, told)
    return Scanned(file, told)


def _failed(file: Path, error: SourceError) -> Scanned:
    found = NotDone(f"{file} cannot be scanned: {error.detail}.", "Is it a video, and can it be read?")
    told = {"code": error.code, "message": found.message, "do": found.do}
    return Scanned(file, {"file": str(file), "duration_s": None, "cpu_s": 0.0, "events": [], "error": told}, found)


def _told(file: Path, whole: Result) -> dict[str, Any]:
    events = [
        {
            "start_s": round(max(0.0, found.start_s), 3),
            "end_s": round(min(found.end_s, whole.duration_s), 3),
            "kind": found.kind,
            "score": found.score,
        }
        for found in whole.events
    ]
    return {
        "file": str(file),
        "duration_s": round(whole.duration_s, 3),
        "cpu_s": round(whole.cpu_s, 3),
        "decoded_s": round(min(whole.decoded_s, whole.duration_s), 3),
        "events": events,
    }


# --- clips, pictures, scores -----------------------------------------------------------------------------------------


def _write_events(file: Path, whole: Result, told: dict[str, Any], job: Job) -> None:
    """`<name>-0001.mp4`, `.jpg`, and `<name>.scores.csv`. Raises the disk's errors."""
    folder = job.folder
    assert folder is not None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number, (found, event) in enumerate(zip(whole.events, told["events"], strict=True), 1):
            stem = f"{file.stem}-{number:04}"
            clip = folder / f"{stem}.mp4"
            copy_part(file, clip, max(0.0, found.start_s - job.before_s), found.end_s + job.after_s)
            event["clip"] = str(clip)
            picture = _picture(file, found)
            if picture is not None:
                (folder / f"{stem}.jpg").write_bytes(picture)
                event["picture"] = str(folder / f"{stem}.jpg")
        (folder / f"{file.stem}.scores.csv").write_text(_scores(whole), encoding="utf-8")
    except OSError as error:
        raise turned(error, str(folder)) from error


def _picture(file: Path, found: Found) -> bytes | None:
    """Of the event at its best."""
    best = None
    for frame in FileVideo(file).pictures(found.best_s, found.best_s + 0.001):
        best = frame if best is None or frame.at_ms <= found.best_s * 1000 + 1 else best
        if frame.at_ms >= found.best_s * 1000:
            break
    return jpeg(best, PICTURE_WIDTH) if best is not None else None


def _scores(whole: Result) -> str:
    rows = (f"{second},{whole.scores.get(second, UNKNOWN)}\n" for second in range(int(whole.duration_s) + 1))
    return "second,score\n" + "".join(rows)


# --- the log ---------------------------------------------------------------------------------------------------------


def _key(file: Path, about: Mapping[str, Any]) -> str:
    try:
        seen = file.stat()
    except OSError:
        return ""
    known_by = [str(file.resolve()), seen.st_size, seen.st_mtime_ns, about]
    return hashlib.blake2s(json.dumps(known_by, sort_keys=True, default=str).encode(), digest_size=12).hexdigest()


def _logged(log: Path | None) -> dict[str, Any]:
    """What is there already; torn lines are left out."""
    known: dict[str, Any] = {}
    if log is None or not log.exists():
        return known
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            said = json.loads(line)
            known[said["key"]] = said["result"]
        except (ValueError, KeyError, TypeError):
            continue
    return known


def _log(log: Path | None, key: str, told: dict[str, Any]) -> None:
    if log is None:
        return
    try:
        with log.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"key": key, "result": told}) + "\n")
    except OSError as error:
        raise turned(error, str(log)) from error


class _Meter:
    """How much is done; the workers tell."""

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show, self._lock = show, Lock()
        self._done_s = 0.0

    def done(self, more_s: float) -> None:
        with self._lock:
            self._done_s += more_s
            self._show(f"scanned {self._done_s / 60:.1f} min")

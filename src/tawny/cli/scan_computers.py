"""Where the parts of a scan are done: `Computer`, and the threads of this process.

Others are `scan_boxes.BoxComputer` and `scan_ray.RayComputer`. All give the same results for the same parts.
"""

import os
import queue
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from threading import Event as Flag
from threading import Lock
from typing import Any, Protocol

from tawny.cli.scan_inputs import InputFinder, PartId, PartResult, PlannedInput, ScanInput, ScanTarget
from tawny.cli.scan_recipe import PreparedScan
from tawny.detection.detector import Detector
from tawny.detection.scan.scan import ScannedEvent, ScanResult, VideoPart, parts, scan_part
from tawny.model.errors import (
    DetectorFailed,
    FileSealed,
    NotDone,
    SourceError,
    StorageError,
    StorageUnavailable,
)
from tawny.model.times import thread_cpu_s


@dataclass(frozen=True, slots=True)
class TargetPlanned:
    """The inputs of a target are known. Comes again if its recordings have changed; what was known before is void."""

    target: ScanTarget
    inputs: tuple[PlannedInput, ...]


@dataclass(frozen=True, slots=True)
class PartDone:
    part: PartId
    result: PartResult


@dataclass(frozen=True, slots=True)
class TargetFailed:
    """A target, or one input of it, can't be scanned. key: of the input; empty: of the whole target."""

    target: ScanTarget
    key: str
    error: NotDone


Report = TargetPlanned | PartDone | TargetFailed


class KnownResults(Protocol):
    """Results that were computed before: by `scan_pool.ScanLog`."""

    def knows(self, part: PartId) -> bool: ...


class Computer(Protocol):
    """Where parts of a scan are done. A part may be done twice; its result counts once, by its ID."""

    def run(self, targets: Sequence[ScanTarget], known: KnownResults) -> Generator[Report]:
        """Plan all targets and do their parts, except known ones, in any order.

        Each target is either planned, and all its inputs are done or have failed, or has failed itself. Closing the
        iterator stops what is under way. tests/contracts/test_computers.py is its suite.
        """
        ...


class PartRunner:
    """Does parts of inputs in this process. Any thread. progress: receives the seconds of video that are done."""

    def __init__(self, scan: PreparedScan, progress: Callable[[float], None], stop: Flag) -> None:
        self._scan, self._progress, self._stop = scan, progress, stop

    def plan(self, each: ScanInput, workers: int, *, resumes: bool) -> tuple[PlannedInput, list[VideoPart]]:
        """Return an input with its parts; see `detection.scan.scan.parts`. Raises SourceError, StorageError."""
        made = parts(each.video, workers, resumes=resumes)
        has_sound = self._scan.sounds is not None
        key = each.key(self._scan.about)
        planned = PlannedInput(
            key, each.name, each.stem, each.facts, each.begins_ms, each.asked_s, len(made), has_sound, each.target
        )
        return planned, made

    def unreadable(self, each: ScanInput, key: str) -> PlannedInput:
        """Return an input that can't be read, so that it can be reported as failed."""
        return PlannedInput(
            key,
            each.name,
            each.stem,
            each.facts,
            each.begins_ms,
            each.asked_s,
            count=1,
            has_sound=False,
            source=each.target,
        )

    def scan(self, part: VideoPart) -> ScanResult:
        """Raises SourceError, DetectorFailed."""
        wanted = self._scan.wanted
        with ExitStack() as stack:

            def made(settings: Mapping[str, Any]) -> Detector:
                detector = wanted.make(settings)
                stack.callback(getattr(detector, "close", lambda: None))  # a detector may run a child process
                return detector

            result = scan_part(part, replace(wanted, make=made), self._progress, self._stop)
            return replace(result, model=self._scan.search_model)

    def listen(self, each: ScanInput) -> ScanResult:
        """Return the sounds of a whole input. Raises SourceError, NotDone: the model can't be used."""
        begun_s = thread_cpu_s()
        found: list[ScannedEvent] = self._scan.sounds(each.video()) if self._scan.sounds is not None else []
        return ScanResult(0.0, found, thread_cpu_s() - begun_s, 0.0, {})


class ThreadComputer:
    """The threads of this process: one per part, `jobs` at a time; 0 for one per CPU core.

    resumes: use parts whose results are stored separately. show: receives the progress.
    """

    def __init__(
        self,
        scan: PreparedScan,
        finder: InputFinder,
        jobs: int = 0,
        *,
        resumes: bool = False,
        show: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._scan, self._finder, self._resumes = scan, finder, resumes
        self._workers = jobs if jobs > 0 else len(os.sched_getaffinity(0))
        self._show = show

    def run(self, targets: Sequence[ScanTarget], known: KnownResults) -> Generator[Report]:
        stop, meter = Flag(), _Meter(self._show)
        runner = PartRunner(self._scan, meter.done, stop)
        found = [(target, self._finder.all(target)) for target in targets]
        workers = max(1, self._workers // max(1, sum(len(inputs) for _, inputs in found)))
        done: queue.SimpleQueue[tuple[_Work, Future[ScanResult]]] = queue.SimpleQueue()
        with ThreadPoolExecutor(self._workers) as pool:
            try:
                waiting = 0
                for target, inputs in found:
                    planned, works, failed = self._planned(runner, target, inputs, workers)
                    if planned or not failed:
                        yield TargetPlanned(target, tuple(planned))
                    yield from failed
                    for work in works:
                        if not known.knows(work.part):
                            meter.wants(work.length_s)
                            future = pool.submit(work.do)
                            future.add_done_callback(partial(_put, done, work))
                            waiting += 1
                for _ in range(waiting):
                    yield _reported(*done.get())
            finally:
                stop.set()
                pool.shutdown(cancel_futures=True)

    def _planned(
        self, runner: PartRunner, target: ScanTarget, inputs: Sequence[ScanInput], workers: int
    ) -> "tuple[list[PlannedInput], list[_Work], list[TargetFailed]]":
        planned: list[PlannedInput] = []
        works: list[_Work] = []
        failed: list[TargetFailed] = []
        for each in inputs:
            try:
                plan, videos = runner.plan(each, workers, resumes=self._resumes)
            except (SourceError, StorageError) as error:
                key = each.key(self._scan.about) if each.source else ""
                failed.append(TargetFailed(target, key, not_scanned(each.name, error, each.file)))
                if key:  # the other inputs of these recordings are scanned
                    planned.append(runner.unreadable(each, key))
                continue
            planned.append(plan)
            ids = iter(plan.parts)
            works += [_Work(target, each, next(ids), part.length_s, partial(runner.scan, part)) for part in videos]
            works += [_Work(target, each, one, 0.0, partial(runner.listen, each)) for one in ids]
        return planned, works, failed


@dataclass(frozen=True, slots=True)
class _Work:
    target: ScanTarget
    input: ScanInput
    part: PartId
    length_s: float
    do: Callable[[], ScanResult]


def _put(done: Any, work: _Work, future: "Future[ScanResult]") -> None:
    done.put((work, future))


def _reported(work: _Work, future: "Future[ScanResult]") -> Report:
    try:
        return PartDone(work.part, future.result())
    except (SourceError, StorageError, DetectorFailed, NotDone) as error:
        return TargetFailed(work.target, work.part.key, not_scanned(work.input.name, error, work.input.file))


def not_scanned(
    name: str, error: SourceError | StorageError | DetectorFailed | NotDone, file: Path | None = None
) -> NotDone:
    """Return why an input can't be scanned, for people. file: if it may be missing.

    Raises StorageUnavailable if that is the error: it concerns every input.
    """
    if isinstance(error, StorageUnavailable):
        raise error
    if isinstance(error, FileSealed):
        return NotDone(f"Can't scan {name}: it is encrypted.", error.do)
    if isinstance(error, StorageError):
        why = error.detail or "it is missing"
        return NotDone(f"Can't scan {name}: {why}.", "Check the permissions of the file, and its disk.")
    if isinstance(error, SourceError):
        is_there = file is None or file.exists()
        todo = "Is it a readable video file?" if is_there else "Check its name and folder."
        return NotDone(f"Can't scan {name}: {error.detail}.", todo)
    if isinstance(error, DetectorFailed):
        return NotDone(f"Can't scan {name}: {error.detail}", error.do)
    return NotDone(f"Can't scan {name}: {error.what}", error.todo)  # of a sound model: other files may be scanned


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

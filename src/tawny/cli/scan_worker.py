"""Does parts of scans that another process asks for: a hub through its box, or Ray.

As a program it is the worker of a box: `python -m tawny.cli.scan_worker --config FILE --data DIR`, one JSON object per
line on standard input, answers likewise on standard output. It runs behind everything else on the computer, on half of
its cores at most, and ends when its input does.
"""

import json
import os
import queue
import sys
import threading
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO

from tawny.cli.scan_computers import PartRunner, not_scanned
from tawny.cli.scan_inputs import InputFinder, ScanTarget, result_json
from tawny.cli.scan_recipe import PreparedScan, ScanRecipe, prepare
from tawny.model.errors import DetectorFailed, NotDone, SourceError, StorageError, TawnyError
from tawny.model.times import SystemClock

if TYPE_CHECKING:
    from tawny.cli.archive import RecordingFolder

REPORT_S: Final = 1.0
"""Interval of progress reports, s."""
Order = Mapping[str, Any]


class ScanWorker:
    """Answers orders: `plan` (a target's inputs) and `part` (the result of one part). One thread.

    args: where settings and recordings are; `data` None: for files only.
    """

    def __init__(self, args: Namespace) -> None:
        self._args, self._stack = args, ExitStack()
        self._archive: RecordingFolder | None = None
        self._finder: InputFinder | None = None
        self._prepared: dict[str, PreparedScan] = {}

    def close(self) -> None:
        self._stack.close()

    def answer(self, order: Order, progress: Callable[[float], None]) -> dict[str, Any]:
        """Return `inputs`, `result`, `changed` or `error`. progress: receives the seconds of video that are done."""
        try:
            target = ScanTarget(**order["target"])
            if "samples" in order["recipe"]:
                return self._samples(target, order)
            runner = PartRunner(self._scan(order["recipe"], target.camera), progress, threading.Event())
            if order["do"] == "plan":
                return {"inputs": self._plan(runner, target)}
            return self._part(runner, target, order)
        except TawnyError as error:  # also of the disk, or the recordings are encrypted
            return {"error": {"what": error.message, "todo": error.do}}

    def _plan(self, runner: PartRunner, target: ScanTarget) -> list[dict[str, Any]]:
        planned = []
        for each in self._inputs(target).all(target):
            try:
                planned.append(runner.plan(each, 1, resumes=True)[0])
            except (SourceError, StorageError) as error:
                raise not_scanned(each.name, error, each.file) from None
        return [one.as_json() for one in planned]

    def _part(self, runner: PartRunner, target: ScanTarget, order: Order) -> dict[str, Any]:
        each = self._inputs(target).one(target)
        if each is None:
            return {"changed": True}
        try:
            planned, videos = runner.plan(each, 1, resumes=True)
            if (planned.key, planned.count) != (order["key"], order["count"]):
                return {"changed": True}
            number = int(order["number"])
            done = runner.listen(each) if number == planned.count else runner.scan(videos[number])
        except (SourceError, StorageError, DetectorFailed, NotDone) as error:
            raise not_scanned(each.name, error, each.file) from None
        return {"result": result_json(done)}

    def _samples(self, target: ScanTarget, order: Order) -> dict[str, Any]:
        """Answer an order of an export of training samples. Labels and masks may have changed: settings are read."""
        from tawny.cli.kinds import SampleRunner  # lazy: most workers scan
        from tawny.cli.paths import masked_data

        runner = SampleRunner(self._opened(), masked_data(self._args)[0])
        if order["do"] == "plan":
            return {"inputs": [one.as_json() for one in runner.plan(target)]}
        done = runner.part(target, order["key"])
        return {"changed": True} if done is None else {"result": result_json(done)}

    def _scan(self, recipe: Mapping[str, Any], camera: str) -> PreparedScan:
        """Return the prepared options; models are loaded again only after the settings have changed."""
        file = Path(self._args.config) if self._args.config else None
        changed_ns = file.stat().st_mtime_ns if file is not None and file.exists() else 0
        known_by = json.dumps([recipe, camera, changed_ns], sort_keys=True)
        if known_by not in self._prepared:
            self._prepared.clear()
            self._prepared[known_by] = prepare(ScanRecipe.from_json(recipe), self._args, camera, _say)
        return self._prepared[known_by]

    def _inputs(self, target: ScanTarget) -> InputFinder:
        if target.file:
            return InputFinder(None)
        if self._finder is None:
            self._finder = InputFinder(self._opened())
        return self._finder

    def _opened(self) -> "RecordingFolder":
        if self._archive is None:
            from tawny.cli.archive import open_folder  # lazy: for files, loading it takes longer than scanning one
            from tawny.cli.paths import existing_data

            chosen, folder = existing_data(self._args)
            self._archive = self._stack.enter_context(open_folder(folder, settings=chosen))
        return self._archive


@cache
def shared_worker(config: str, data: str) -> ScanWorker:
    """Return the worker of this process: models are loaded once for many parts."""
    return ScanWorker(Namespace(config=config or None, data=data or None))


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


def serve(worker: ScanWorker, orders: Iterator[str], out: TextIO) -> None:
    """Answer orders until there are no more."""
    clock = SystemClock()
    for line in orders:
        done_s, reported_s = 0.0, clock.mono_s()

        def progress(more_s: float) -> None:
            nonlocal done_s, reported_s
            done_s += more_s
            if clock.mono_s() - reported_s >= REPORT_S:
                reported_s = clock.mono_s()
                _write(out, {"done_s": round(done_s, 1)})

        _write(out, worker.answer(json.loads(line), progress))


def _write(out: TextIO, values: Mapping[str, Any]) -> None:
    out.write(json.dumps(values) + "\n")
    out.flush()


def take_lowest_priority() -> None:
    """Run only when nothing else wants the processor or, by the same class, the disk; on half of the cores."""
    os.nice(19)
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, cores[len(cores) // 2 :])


def _lines_until_end(lines: TextIO) -> Iterator[str]:
    """Yield lines of input. The process ends with its input, also in the middle of a part: its client is gone."""
    came: queue.SimpleQueue[str] = queue.SimpleQueue()

    def read() -> None:
        for line in lines:
            came.put(line)
        os._exit(0)

    threading.Thread(target=read, name="orders", daemon=True).start()
    while True:
        yield came.get()


def main() -> None:
    parser = ArgumentParser()
    parser.add_argument("--config")
    parser.add_argument("--data", required=True)
    args = parser.parse_args()
    take_lowest_priority()
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints is no answer
    serve(ScanWorker(args), _lines_until_end(sys.stdin), out)


if __name__ == "__main__":
    main()

"""Runs test files side by side: `pytest --workers auto`, as `./test` does.

The tests are collected once; then this process forks the workers, which share what is loaded. Each runs one file after
the other and sends its reports here. A test whose worker dies, or that goes on for SILENT_S, has failed, and another
worker goes on with the tests after it.
"""

import os
import random
import shutil
import signal
import tempfile
import time
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from pathlib import Path
from typing import Any

import pytest

WORKERS_A_CORE, MOST_WORKERS = 3, 8
"""Most tests that take long wait, for real programs and real time."""
WORKER_BYTES = 1_500_000_000
"""A browser, and a recorder that it looks at."""
HEAVY = ("tests/e2e/", "tests/seeds/")
"""Files whose tests run a browser and a recorder."""
MORE_HEAVY = 1
"""So many more than there are cores run at the same time; the other workers take light files."""
SILENT_S, SILENT_LONG_S, LISTENS_S = 1_200.0, 7_200.0, 5.0
"""Time without a report after which a worker is ended, s: no test takes nearly as long, the second with `--long`; and
interval of that check."""
ENDS_S = 30.0
"""Time a worker has to end, s: one with a thread that a failed test left never would."""
SECONDS = "tawny/seconds of each file"
SLOWEST = Path(__file__).parent.with_name("slowest_files.txt")
"""Seconds and path of the files that take long, for a checkout where none was run: `./test` keeps its own account."""
GUESSED = {"e2e": 25.0, "seeds": 25.0, "app": 8.0, "faults": 8.0, "service": 3.0, "attacks": 3.0}
"""Seconds of a file that is in neither, by folder."""

WORKERS = "workers"
"""Name of this plug-in."""
_FORK = get_context("fork")
_NEXT, _ENDED = "next file", "ended"
"""What a worker sends apart from reports: it asks for another file, or had the last one."""


def cores() -> int:
    return len(os.sched_getaffinity(0))


def count_of(text: str) -> int:
    """Return the number of workers of `--workers`. Raises pytest.UsageError."""
    if text.isdecimal() and int(text):
        return int(text)
    if text != "auto":
        raise pytest.UsageError(f"--workers {text}: a number from 1 on, or auto")
    room = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // WORKER_BYTES
    return max(2, min(cores() * WORKERS_A_CORE, room, MOST_WORKERS))


class _FileSeconds:
    """How long each file took in earlier runs, for the order of the next one."""

    def __init__(self, config: pytest.Config) -> None:
        rows = [line.split() for line in SLOWEST.read_text(encoding="utf-8").splitlines()]
        self._known = {path: float(seconds) for seconds, path in rows}
        self._cache = config.cache if hasattr(config, "cache") else None  # `-p no:cacheprovider`
        if self._cache is not None:
            self._known |= self._cache.get(SECONDS, {})
        self._new: dict[str, float] = {}

    def expected(self, file: str) -> float:
        return self._known.get(file, GUESSED.get(file.split("/")[1], 1.0))

    def add(self, report: pytest.TestReport) -> None:
        file = _file_of(report.nodeid)
        self._new[file] = self._new.get(file, 0.0) + report.duration

    def save(self) -> None:
        if self._cache is not None:
            self._cache.set(SECONDS, self._cache.get(SECONDS, {}) | self._new)


def _file_of(nodeid: str) -> str:
    return nodeid.partition("::")[0]


@dataclass(eq=False)
class _Worker:
    """A worker. left: its tests that have not ended; the first one runs. heard_s: monotonic time of its last report."""

    process: ForkProcess
    line: Connection
    left: list[pytest.Item]
    heard_s: float = field(default_factory=time.monotonic)

    @property
    def is_heavy(self) -> bool:
        """Whether its last file is one of HEAVY, and not at its end."""
        return bool(self.left) and self.left[-1].nodeid.startswith(HEAVY)


class Workers:
    """Plug-in that runs the tests by `count` workers."""

    def __init__(self, config: pytest.Config, count: int) -> None:
        self._config, self._count = config, count
        self._seconds = _FileSeconds(config)
        self._files: dict[str, list[pytest.Item]] = {}
        self._queue: list[str] = []
        """Files that no worker has begun, the slowest first."""
        self._workers: list[_Worker] = []
        self._folder = Path(tempfile.mkdtemp(prefix="tests-"))
        self._started = 0

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        if session.testsfailed or self._config.option.collectonly:
            return None  # pytest's own loop knows what to do
        for item in session.items:
            self._files.setdefault(_file_of(item.nodeid), []).append(item)
        self._queue = sorted(self._files, key=self._seconds.expected, reverse=True)
        try:
            while self._queue and len(self._workers) < self._count:
                self._start(self._files[self._next_file()])
            while self._workers:
                self._listen()
                if session.shouldfail:
                    raise session.Failed(session.shouldfail)
                if session.shouldstop:
                    raise session.Interrupted(session.shouldstop)
        finally:
            for worker in self._workers:
                worker.process.terminate()
        return True

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        self._seconds.save()
        if exitstatus == pytest.ExitCode.OK:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self, items: list[pytest.Item]) -> None:
        line, its_line = _FORK.Pipe()
        self._started += 1
        folder = self._folder / str(self._started)
        folder.mkdir()
        strange = [line, *(worker.line for worker in self._workers)]
        process = _FORK.Process(target=self._work, args=(items, its_line, strange, folder))
        process.start()
        its_line.close()
        self._workers.append(_Worker(process, line, items[:]))

    def _next_file(self) -> str:
        """Take the slowest file that is left; none of HEAVY while enough workers have one."""
        file = self._queue[0]
        if sum(worker.is_heavy for worker in self._workers) >= cores() + MORE_HEAVY:
            file = next((light for light in self._queue if not light.startswith(HEAVY)), file)
        self._queue.remove(file)
        return file

    def _listen(self) -> None:
        """Take what workers sent, and end those that were silent for too long."""
        now_s = time.monotonic()
        ready = wait([worker.line for worker in self._workers], LISTENS_S)
        for worker in [one for one in self._workers if one.line in ready]:
            worker.heard_s = now_s
            try:
                self._take(worker, worker.line.recv())
            except (EOFError, ConnectionError):
                self._bury(worker)
        silent_s = SILENT_S if self._config.option.markexpr else SILENT_LONG_S
        for worker in self._workers:
            if now_s - worker.heard_s > silent_s and worker.process.pid is not None:
                os.kill(worker.process.pid, signal.SIGABRT)  # it prints where its threads are

    def _take(self, worker: _Worker, message: Any) -> None:
        if message == _ENDED:
            self._workers.remove(worker)
            worker.process.join(ENDS_S)
            worker.process.kill()
        elif message == _NEXT:
            file = self._next_file() if self._queue else ""
            worker.left += self._files.get(file, [])
            worker.line.send(file)
        else:
            self._report(worker, self._config.hook.pytest_report_from_serializable(config=self._config, data=message))

    def _report(self, worker: _Worker, report: pytest.TestReport) -> None:
        hook = self._config.hook
        self._seconds.add(report)
        if report.when == "setup":
            hook.pytest_runtest_logstart(nodeid=report.nodeid, location=report.location)
        hook.pytest_runtest_logreport(report=report)
        if report.when == "teardown":
            hook.pytest_runtest_logfinish(nodeid=report.nodeid, location=report.location)
            del worker.left[0]

    def _bury(self, worker: _Worker) -> None:
        """Report the test at which a worker died, and let another one go on."""
        self._workers.remove(worker)
        worker.process.join()
        items = worker.left
        if items:
            item, *items = items
            why = f"its worker ended with {worker.process.exitcode} meanwhile (negative: by this signal)"
            report = pytest.TestReport(item.nodeid, item.location, {}, "failed", why, "call")
            self._config.hook.pytest_runtest_logreport(report=report)
        if items or self._queue:
            self._start(items or self._files[self._next_file()])

    # --- in the worker ---

    def _work(self, items: list[pytest.Item], line: Connection, strange: list[Connection], folder: Path) -> None:
        """Run tests, and those of further files. strange: ends of lines that this process has no part in."""
        for one in strange:
            one.close()
        random.seed()  # else all workers draw the same
        os.environ["PYTEST_DEBUG_TEMPROOT"] = str(folder)
        plugins = self._config.pluginmanager
        for name in ("terminalreporter", WORKERS):
            plugins.unregister(name=name)
        capture = plugins.getplugin("capturemanager")
        capture.stop_global_capturing()  # its files are those of all workers
        capture.start_global_capturing()
        capture.suspend_global_capture()
        plugins.register(_Sender(self._config, line))
        try:
            while items:
                for item, following in zip(items, [*items[1:], None], strict=True):
                    more = []
                    if following is None:
                        line.send(_NEXT)
                        more = self._files.get(line.recv(), [])
                    self._config.hook.pytest_runtest_protocol(item=item, nextitem=following or next(iter(more), None))
                items = more
            line.send(_ENDED)
        except (KeyboardInterrupt, EOFError, BrokenPipeError):
            return  # the run was ended


class _Sender:
    """Plug-in of a worker: sends its reports."""

    def __init__(self, config: pytest.Config, line: Connection) -> None:
        self._config, self._line = config, line

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._line.send(self._config.hook.pytest_report_to_serializable(config=self._config, report=report))

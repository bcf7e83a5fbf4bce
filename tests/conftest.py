"""Property tests try the same cases at every normal run, so that a change is to blame for what fails; `./test --long`
tries others each time. None of them is timed: how long a case takes is the machine's business.

A command that a test calls in this process sets up the log as it does for its user: no later test inherits that.
"""

import gc
import logging
import os
import shutil
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

from tawny.engine.user_script_process import TELLS_NOBODY
from tawny.testing.waiting import until
from tests.support.processes import PATIENCE_S, children

os.environ.update(TELLS_NOBODY)  # for tests that read onnxruntime by themselves
settings.register_profile("steady", derandomize=True, deadline=None)
settings.register_profile("searching", deadline=None)
settings.load_profile("steady")


def pytest_configure(config: pytest.Config) -> None:
    if not config.option.markexpr:
        settings.load_profile("searching")
    if config.option.dist != "no" and not hasattr(config, "workerinput"):
        config.pluginmanager.register(FileSeconds(config))


LONG = Path(__file__).with_name("long_tests.txt")
"""Tests that only `./test --long` runs, apart from those with the mark."""


def long_tests() -> list[tuple[str, int]]:
    """Return files, classes, tests and rows that only `./test --long` runs, each with a number.

    The number is 0, or `./test` runs one of so many rows of the test all the same: the first, and each that many later.
    """
    lines = LONG.read_text(encoding="utf-8").splitlines()
    parts = [line.partition(" 1 of ") for line in lines if line and not line.startswith("#")]
    return [(name, int(rows or 0)) for name, _, rows in parts]


_LONG_TESTS = dict(long_tests())
_ROWS = Counter[str]()
"""How many rows of each sampled test were collected."""


def pytest_itemcollected(item: pytest.Item) -> None:
    table = item.nodeid.partition("[")[0]
    file, *names = table.split("::")
    listed = [name for name in (file, f"{file}::{names[0]}", table, item.nodeid) if name in _LONG_TESTS]
    if not listed:
        return
    one_of = _LONG_TESTS[listed[0]]
    if not one_of or _ROWS[table] % one_of:
        item.add_marker("long")
    _ROWS[table] += 1


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """What was collected stays to the end: Python's search for garbage need not walk through it again and again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


@pytest.fixture(autouse=True)
def log_as_it_was() -> Iterator[None]:
    root, own = logging.getLogger(), logging.getLogger("tawny")
    levels, handlers = (root.level, own.level), list(root.handlers)
    yield
    root.setLevel(levels[0])
    own.setLevel(levels[1])
    for handler in root.handlers[:]:
        if handler not in handlers:
            root.removeHandler(handler)


@pytest.fixture(scope="module", autouse=True)
def nothing_left(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No program and no thread of a file goes on beside the next ones, and what it recorded goes when all passed:
    recorders delete what is old once the disk gets full, and that is what tests of the past look at.
    """
    folders, failed = tmp_path_factory.getbasetemp(), request.session.testsfailed
    before, programs, threads = set(folders.iterdir()), children().keys(), set(threading.enumerate())

    def left() -> list[str]:
        going = [one for one in set(threading.enumerate()) - threads if not one.daemon]
        return [told for pid, told in children().items() if pid not in programs] + [one.name for one in going]

    yield
    until(lambda: not left(), PATIENCE_S, f"what these tests started has ended: {left()}")
    if request.session.testsfailed == failed:
        for folder in set(folders.iterdir()) - before:
            shutil.rmtree(folder, ignore_errors=True)


# --- beside each other: `./test` gives each worker one file after the other, the slowest first ------------------------

WORKERS_A_CORE, MOST_WORKERS = 3, 8
"""Most tests that take long wait, for real programs and real time."""
WORKER_BYTES = 1_500_000_000
"""A browser, and a recorder that it looks at."""
HEAVY = ("tests/e2e/", "tests/seeds/")
"""Files whose tests run a browser and a recorder."""
MORE_HEAVY = 1
"""So many more than there are cores run at the same time; the other workers take light files."""
SECONDS = "tawny/seconds of each file"
SLOWEST = Path(__file__).with_name("slowest_files.txt")
"""Seconds and path of the files that take long, for a checkout where none was run: `./test` keeps its own account."""
GUESSED = {"e2e": 25.0, "seeds": 25.0, "app": 8.0, "faults": 8.0, "service": 3.0, "attacks": 3.0}
"""Seconds of a file that is in neither, by folder."""


def pytest_xdist_auto_num_workers() -> int:
    room = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // WORKER_BYTES
    return max(2, min(cores() * WORKERS_A_CORE, room, MOST_WORKERS))


def cores() -> int:
    return len(os.sched_getaffinity(0))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not hasattr(config, "workerinput"):
        return
    rows = [line.split() for line in SLOWEST.read_text(encoding="utf-8").splitlines()]
    known = {path: float(seconds) for seconds, path in rows}
    if hasattr(config, "cache"):
        known |= config.cache.get(SECONDS, {})

    def seconds(item: pytest.Item) -> float:
        file = item.nodeid.partition("::")[0]
        return known.get(file, GUESSED.get(file.split("/")[1], 1.0))

    items.sort(key=seconds, reverse=True)


class FewBrowsers(LoadFileScheduling):  # type: ignore[misc]
    """Gives a worker the slowest file that is left; none of HEAVY while enough workers have one."""

    def _assign_work_unit(self, node: WorkerController) -> None:
        others = [work for other, work in self.assigned_work.items() if other is not node]
        if sum(any(is_heavy(scope, left) for scope, left in work.items()) for work in others) >= cores() + MORE_HEAVY:
            light = next((scope for scope in self.workqueue if not scope.startswith(HEAVY)), None)
            if light is not None:
                self.workqueue.move_to_end(light, last=False)
        super()._assign_work_unit(node)


def is_heavy(scope: str, left: dict[str, bool]) -> bool:
    """left: whether each test of the file is done."""
    return scope.startswith(HEAVY) and not all(left.values())


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> FewBrowsers | None:
    return FewBrowsers(config, log) if config.option.dist == "loadfile" else None


class FileSeconds:
    """Remembers how long each file took, for the order of the next run."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._seconds: dict[str, float] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        file = report.nodeid.partition("::")[0]
        self._seconds[file] = self._seconds.get(file, 0.0) + report.duration

    def pytest_sessionfinish(self) -> None:
        if hasattr(self._config, "cache"):  # `-p no:cacheprovider`
            cache = self._config.cache
            cache.set(SECONDS, cache.get(SECONDS, {}) | self._seconds)

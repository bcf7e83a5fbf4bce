"""Property tests try the same cases at every normal run, so that a change is to blame for what fails; `./test --long`
tries others each time. None of them is timed: how long a case takes is the machine's business.

A command that a test calls in this process sets up the log as it does for its user: no later test inherits that.
"""

import functools
import gc
import importlib.util
import logging
import os
import shutil
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest
from hypothesis import settings

from tawny.engine.user_script_process import TELLS_NOBODY
from tawny.testing.waiting import until
from tests.support.cabled_camera import cabled_cameras, networks_laid
from tests.support.processes import PATIENCE_S, children
from tests.support.workers import WORKERS, Workers, count_of

os.environ.update(TELLS_NOBODY)  # for tests that read onnxruntime by themselves
settings.register_profile("steady", derandomize=True, deadline=None)
settings.register_profile("searching", deadline=None)
settings.load_profile("steady")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--workers", help="run the files side by side, by so many workers; auto: as the computer allows")


def pytest_configure(config: pytest.Config) -> None:
    if not config.option.markexpr:
        settings.load_profile("searching")
    if config.option.workers is not None:
        config.pluginmanager.register(Workers(config, count_of(config.option.workers)), WORKERS)


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Iterator[None]:
    is_needed = any(hasattr(getattr(item, "module", None), cabled_cameras.__name__) for item in session.items)
    with networks_laid() if is_needed and session.config.option.workers is not None else nullcontext():
        return (yield)


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
    listed = [name for name in (item.nodeid, table, f"{file}::{names[0]}", file) if name in _LONG_TESTS]
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


@functools.cache
def is_compiled() -> bool:
    """Return whether the modules that can be compiled are (`scripts/compile.py`)."""
    found = importlib.util.find_spec("tawny.model.times")
    return found is not None and not str(found.origin).endswith(".py")


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("plain") and is_compiled():
        pytest.skip("replaces parts of a module, which compiled ones don't look up again")


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
        return [text for pid, text in children().items() if pid not in programs] + [one.name for one in going]

    yield
    until(lambda: not left(), PATIENCE_S, f"what these tests started has ended: {left()}")
    if request.session.testsfailed == failed:
        for folder in set(folders.iterdir()) - before:
            shutil.rmtree(folder, ignore_errors=True)

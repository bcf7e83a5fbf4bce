"""Property tests try the same cases at every normal run, so that a change is to blame for what fails; `./test --long`
tries others each time. None of them is timed: how long a case takes is the machine's business.

A command that a test calls in this process sets up the log as it does for its user: no later test inherits that.
"""

import logging
import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tawny.engine.user_script_process import TELLS_NOBODY

os.environ.update(TELLS_NOBODY)  # for tests that read onnxruntime by themselves
settings.register_profile("steady", derandomize=True, deadline=None)
settings.register_profile("searching", deadline=None)
settings.load_profile("steady")


def pytest_configure(config: pytest.Config) -> None:
    if not config.option.markexpr:
        settings.load_profile("searching")


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

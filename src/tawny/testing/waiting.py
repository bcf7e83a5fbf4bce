"""Waits for real conditions: a peer, a thread, a browser. Never for a fixed time."""

import time
from collections.abc import Callable


def until(done: Callable[[], object], timeout_s: float = 10.0, what: str = "") -> None:
    """Return as soon as `done()` is true. Raises AssertionError: after the timeout."""
    deadline = time.monotonic() + timeout_s
    while not done():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s:g} s: {what or getattr(done, '__name__', 'it')}")
        time.sleep(0.005)

"""Waits for real conditions: a peer, a thread, a browser. Never for a fixed time."""

import time
from collections.abc import Callable

MOST_PAUSE_S = 0.25


def until(done: Callable[[], object], timeout_s: float = 60.0, what: str = "") -> None:
    """Return as soon as `done()` is true. Raises AssertionError: after the timeout, long enough for a busy machine.

    Looking takes at most half of the time: the other side may need this processor.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        begun_s = time.monotonic()
        if done():
            return
        now_s = time.monotonic()
        if now_s > deadline:
            raise AssertionError(f"not within {timeout_s:g} s: {what or getattr(done, '__name__', 'it')}")
        time.sleep(min(MOST_PAUSE_S, max(0.005, now_s - begun_s)))

"""Gaps on their way to the ledger: nobody who reads a camera ever waits for the disk or the index. One actor."""

from collections import deque

from tawny.engine import Engine, Handle
from tawny.model.gaps import Gap
from tawny.storage.ledger import Ledger

IDLE_S = 60.0


class GapWriter:
    """`put` from any thread; gaps are written in the order they were put."""

    name = "gaps"

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._waiting: deque[Gap] = deque()
        self._handle: Handle | None = None

    def start(self, engine: Engine) -> None:
        self._handle = engine.start(self.name, lambda: self)

    def put(self, gap: Gap) -> None:
        """Returns at once."""
        self._waiting.append(gap)
        if self._handle is not None:
            self._handle.wake()

    def step(self) -> float:
        while self._waiting:
            self._ledger.put_gap(self._waiting[0])
            self._waiting.popleft()
        return IDLE_S

    def close(self) -> None:
        """What still waits is written by whoever ends the program (`step`)."""

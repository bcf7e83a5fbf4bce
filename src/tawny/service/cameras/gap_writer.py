"""Gap writer: writes gaps and damage to the ledger, so that stream readers never wait for the disk. One actor.

Damage is collected and written at most once a second: a camera on a bad link reports damage every second.
"""

from collections import deque
from typing import Final

from tawny.engine import ActorHandle, Engine
from tawny.model.damage import DamagedSpan
from tawny.model.segments import Gap
from tawny.model.times import Clock
from tawny.storage.history.ledger import HistoryLedger

IDLE_S = 60.0
_EVERY_S: Final = 1.0


class GapWriter:
    """Writes gaps in order of arrival. Call `put` and `put_damage` from any thread."""

    name = "gaps"

    def __init__(self, ledger: HistoryLedger, clock: Clock) -> None:
        self._ledger, self._clock = ledger, clock
        self._waiting: deque[Gap] = deque()
        self._damage: deque[DamagedSpan] = deque()
        self._next_s = 0.0
        self._handle = ActorHandle()

    def start(self, engine: Engine) -> None:
        self._handle.start(engine, self.name, lambda: self)

    def put(self, gap: Gap) -> None:
        """Queue a gap. Returns at once."""
        self._waiting.append(gap)
        self._wake()

    def put_damage(self, damage: DamagedSpan) -> None:
        """Queue damage. Returns at once."""
        self._damage.append(damage)
        self._wake()

    def step(self) -> float:
        while self._waiting:
            self._ledger.put_gap(self._waiting[0])
            self._waiting.popleft()
        left_s = self._next_s - self._clock.mono_s()
        if not self._damage:
            return IDLE_S
        if left_s > 0:
            return left_s
        self._write_damage()
        self._next_s = self._clock.mono_s() + _EVERY_S
        return IDLE_S

    def finish(self) -> None:
        """Write all that is queued. Call after the last `step`, when the program ends."""
        self.step()
        self._write_damage()

    def close(self) -> None:
        """Do nothing; `finish` writes what is queued."""

    def _write_damage(self) -> None:
        found = list(self._damage)
        if found:
            self._ledger.put_damage(found)
        for _ in found:
            self._damage.popleft()

    def _wake(self) -> None:
        self._handle.wake()

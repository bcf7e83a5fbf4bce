"""Actors that look after the recorder: its cameras, and its main disk."""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator

from tawny.model.errors import DiskFull, FolderInUse, StorageError
from tawny.model.times import Clock
from tawny.service.cameras.camera import RunningCamera
from tawny.service.health.alarms import HealthProblem, disk_problem_kind
from tawny.storage.history.ledger import HistoryLedger

log = logging.getLogger(__name__)

STEP_S = 0.5
FLUSH_S = 2.0
PULSE_S = 10.0
"""Interval of heartbeats on disk: the precision with which the next start knows when this run ended."""


class Housekeeping:
    """Actor that checks the cameras. Never blocks: `stepped_s` shows that recording is alive."""

    name = "housekeeping"

    def __init__(self, cameras: Callable[[], Iterable[RunningCamera]], clock: Clock) -> None:
        self._cameras, self._clock = cameras, clock
        self.stepped_s = clock.mono_s()

    def step(self) -> float:
        self.stepped_s = self._clock.mono_s()
        for camera in self._cameras():
            camera.look_after()
        return STEP_S

    def close(self) -> None:
        """Nothing to release."""


class Heartbeat:
    """Actor that writes heartbeat, pending history and what else waits. Blocks while the main disk is stalled.

    pulse: writes the heartbeat, and locks the folder again after its disk was away. Raises StorageError.
    """

    name = "disk heartbeat"

    def __init__(
        self, ledger: HistoryLedger, pulse: Callable[[int], None], clock: Clock, save: Callable[[], None] = lambda: None
    ) -> None:
        self._ledger, self._write_pulse, self._clock, self._write = ledger, pulse, clock, save
        self._pulse_s = clock.mono_s()
        self._lock, self._is_finished = threading.Lock(), False
        self._failure: StorageError | None = None
        self.lost: FolderInUse | None = None
        """Another process has taken the lock while the disk was away: this one must stop."""

    def problems(self) -> Iterator[HealthProblem]:
        """Yield what is wrong with the disk of the data folder. A full one is a problem of its own."""
        failure = self._failure
        if failure is not None and not isinstance(failure, DiskFull):
            yield HealthProblem(disk_problem_kind(failure), None, failure.message, failure.do)

    def step(self) -> float:
        now_s = self._clock.mono_s()
        # first, also if changes wait because the disk failed: it may be back, and the folder another recorder's
        if self.lost is None and (now_s >= self._pulse_s or self._ledger.waiting):
            with self._lock:
                if self._is_finished:  # this step is late: the folder may be another recorder's
                    return FLUSH_S
                self._pulse_s = now_s + PULSE_S
                self._pulse()
        if self.lost is None:
            if self._ledger.waiting:
                self._ledger.flush()
            self._write()
        return FLUSH_S

    def _pulse(self) -> None:
        try:
            self._write_pulse(self._clock.now_ms())
        except FolderInUse as error:
            self.lost = error
        except StorageError as error:
            if self._failure is None:
                log.warning("cannot write the heartbeat to disk: %s", error)
            self._failure = error
            self._pulse_s = 0.0  # at each step: the folder is locked again before another recorder may start
        else:
            self._failure = None

    def finish(self) -> None:
        """Write the last heartbeat, which says whether the last writes may follow. Blocks like a step."""
        with self._lock:
            self._is_finished = True
            if self.lost is None:
                self._pulse()

    def close(self) -> None:
        """Nothing to release. `finish` writes to the disk, for which the end of the actors does not wait."""

"""Periodic tasks: check cameras every STEP_S; write the volume's heartbeat and pending history entries.

Two actors, because the heartbeat may block on the disk and the camera checks must not.
"""

import logging
from collections.abc import Callable, Iterable

from tawny.model.clock import Clock
from tawny.service.cameras.camera import RunningCamera
from tawny.service.storage_setup import VolumeHolder
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
    """Actor that writes heartbeat and pending history entries. Blocks while the main disk is stalled."""

    name = "pulse"

    def __init__(self, ledger: HistoryLedger, lock: VolumeHolder, clock: Clock) -> None:
        self._ledger, self._lock, self._clock = ledger, lock, clock
        self._pulse_s = clock.mono_s()

    def step(self) -> float:
        now_s = self._clock.mono_s()
        if self._ledger.waiting:
            self._ledger.flush()
        if now_s >= self._pulse_s:
            self._pulse_s = now_s + PULSE_S
            self._pulse()
        return FLUSH_S

    def close(self) -> None:
        """Nothing to release."""

    def _pulse(self) -> None:
        try:
            self._lock.pulse(self._clock.now_ms())
        except OSError as error:
            log.warning("cannot write the heartbeat to disk: %s", error)

"""Health monitor: alarms, check-in and nightly self-test. Recording does not depend on it."""

import http.client
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from tawny.config.settings import HeartbeatSettings
from tawny.engine import Bus, Engine
from tawny.model.errors import StorageError
from tawny.model.ids import CameraId, StreamName
from tawny.model.messages import Alarm, ProblemKind
from tawny.model.states import BLINDED, CHOSEN, EXPECTED, ON_WATCH, RECORDED, STATE_WORDS, CameraState, CameraStatus
from tawny.model.times import Clock
from tawny.protocols.http_connection import http_connection
from tawny.recorder.recorder import SegmentRecorder
from tawny.service.health.alarms import AlarmMonitor, HealthProblem, disk_problem_kind
from tawny.service.health.checks import (
    ClockWatch,
    GapWatch,
    HealthCheck,
    HealthCheckRunner,
    is_clock_synchronized,
)
from tawny.service.health.self_test import SelfTest, SelfTester
from tawny.service.recorder import RecorderWarning
from tawny.service.retention.retention_service import StoredRecordings
from tawny.storage.disk.volume import Volume
from tawny.storage.history.ledger import HistoryLedger
from tawny.storage.index.damaged_files import recently_put_aside
from tawny.storage.index.protocol import Index
from tawny.storage.repair.healing import heal

# Self-test and check-in, as clients see them.


@dataclass(frozen=True, slots=True)
class CheckInInfo:
    host: str
    """Of its URL."""
    last_ms: int | None
    """Last success, ms UTC."""
    trouble: str
    sent: bool
    """Whether it is sent now."""


@dataclass(frozen=True, slots=True)
class HealthReport:
    """Health of the recorder. self_test: the last one. check_in: None: not configured."""

    self_test: SelfTest | None
    is_testing: bool
    check_in: CheckInInfo | None


# Check-in: a heartbeat to a configured URL while the recorder works. A dead recorder cannot send it.

log = logging.getLogger(__name__)

TIMEOUT_S: Final = 10.0
AGAIN_S: Final = 30.0
"""Retry delay, s, after a failure."""
TROUBLE_AFTER: Final = 3
"""Count of consecutive failures before they are reported."""
_LOOK_S: Final = 5.0


class CheckInSender:
    """Sends check-ins as an actor.

    address: HTTP(S) URL that may contain a secret, so only its host is shown. is_well: queried before each check-in.
    trouble: text for the owner; empty if none.
    """

    name = "check-in"

    def __init__(self, address: str, every_s: float, is_well: Callable[[], bool], clock: Clock) -> None:
        self._address, self._every_s, self._is_well, self._clock = urlsplit(address), every_s, is_well, clock
        self._due_s = clock.mono_s()
        self._failures = 0
        self.trouble = ""
        self.last_ms: int | None = None
        """Time of the last successful check-in, ms UTC; None if none."""

    @property
    def host(self) -> str:
        """Host of the URL; the rest may be secret."""
        return self._address.hostname or ""

    def step(self) -> float:
        if self._clock.mono_s() >= self._due_s and self._is_well():
            why = self._send()
            self._failures = self._failures + 1 if why else 0
            if not why:
                self.last_ms = self._clock.now_ms()
            if why:
                log.warning("check-in at %s failed: %s", self._address.hostname, why)
            is_reported = self._failures >= TROUBLE_AFTER
            self.trouble = (
                f"The heartbeat address {self._address.hostname} isn't responding ({why})." if is_reported else ""
            )
            self._due_s = self._clock.mono_s() + (min(AGAIN_S, self._every_s) if why else self._every_s)
        return _LOOK_S

    def close(self) -> None:
        """No resources to release."""

    def _send(self) -> str:
        """Send one check-in. Return the error, or empty. Redirects are not followed and count as errors."""
        connection = http_connection(self._address, TIMEOUT_S)
        try:
            path = (self._address.path or "/") + (f"?{self._address.query}" if self._address.query else "")
            connection.request("GET", path, headers={"User-Agent": "tawny", "Connection": "close"})
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            return str(error) or type(error).__name__
        finally:
            connection.close()
        return "" if 200 <= status < 300 else f"it responded with {status}"


# Disk problems for alarms and warnings, served from memory. Thread-safe.

BACK = "recording moves back to it automatically."
SLOW = "At most 2 s are lost on a faster one: use an SSD, or an SD card of class A1 or A2."


def disk_problems(
    stored: StoredRecordings, recorder: SegmentRecorder, stands_for: Path | None
) -> Iterator[HealthProblem]:
    """Yield the problems of free space, secondary volumes, the mirror and the main volume.

    stands_for: folder of the disk missing at the start, which the main volume replaces.
    """
    for warning in stored.room.warnings:
        yield HealthProblem(ProblemKind.ROOM, None, warning.message, warning.do, warning.do)
    yield from stored.others.problems()
    if stored.mirror is not None and stored.mirror.problem is not None:
        yield HealthProblem(ProblemKind.MIRROR, None, stored.mirror.problem.message, stored.mirror.problem.do)
    root = stored.volume.root
    if stands_for is not None:
        message = f"The disk for {stands_for} is missing. Recording to {root} instead."
        yield HealthProblem(ProblemKind.SPARE, None, message, f"Connect or mount it; {BACK}", str(stands_for))
    if (spare := recorder.on_spare) is not None:
        how = "isn't responding" if recorder.hangs(stored.volume) else "fails"
        message = f"The disk at {root} {how}. Recording to {spare.root} instead."
        yield HealthProblem(ProblemKind.SPARE, None, message, f"Check its cable and its health; {BACK}", str(root))
    if (at_risk_s := recorder.at_risk_s) > 0:
        message = f"The disk at {root} is slow: a power cut would lose the last {at_risk_s:.0f} s."
        yield HealthProblem(ProblemKind.SLOW_DISK, None, message, SLOW)


_KEPT = "The damaged file is kept in the data folder."
_RENEWED = {
    "modes.db": (
        "The stored mode was damaged, so tawny is in the mode of its settings.",
        f"Check the mode. {_KEPT}",
    ),
    "outbox.db": (
        "The queue of notifications and uploads was damaged: what waited in it is lost, and snoozes are over.",
        f"Turn on notifications again in each browser and phone. {_KEPT}",
    ),
    "hub.db": (
        "The list of this hub's recorders was damaged, so it is empty.",
        f"Let the recorders join again, or bring the list back from a backup with `tawny restore`. {_KEPT}",
    ),
    "accounts.db": (
        "The list of users was damaged, so tawny began with none.",
        f"Add the users again, or bring them back from a backup with `tawny restore`. {_KEPT}",
    ),
}


def renewed_databases(folder: Path, now_ms: int) -> list[RecorderWarning]:
    """Return what users have to know of databases that were damaged and made again in the last two days.

    Raises OSError.
    """
    return [RecorderWarning(*_RENEWED[name]) for name in recently_put_aside(folder, now_ms) if name in _RENEWED]


CHECK_IN_DO = "Check that the address is correct and that this computer can reach it."
SELF_TEST_DO = "Run `tawny check --deep --repair` to restore what the mirror still has. Check the disk's health."
SIGHT_DO = "Recording continues. Check the live view. This clears once the camera shows its usual scene again."
NOT_WELL = frozenset({ProblemKind.CAMERA, ProblemKind.DISK, ProblemKind.OPEN_FILES, ProblemKind.BOOKS})
"""Alarms that stop the check-in, because recording fails or is about to fail."""


@dataclass(frozen=True, slots=True)
class MonitoredRecorder:
    """What is monitored. cameras: returns their status. others: returns further problems from memory."""

    volume: Volume
    index: Index
    recorder: SegmentRecorder
    ledger: HistoryLedger
    cameras: Callable[[], Sequence[CameraStatus]]
    others: Callable[[], Iterable[HealthProblem]]


class HealthMonitor:
    """Health of the recorder, from memory. Thread-safe; returns at once."""

    def __init__(
        self,
        seen: MonitoredRecorder,
        settings: HeartbeatSettings,
        clock: Clock,
        bus: Bus,
        zone: str,
        is_clock_kept: Callable[[], bool | None] = is_clock_synchronized,
    ) -> None:
        self._seen = seen
        self._alarms = AlarmMonitor(self._troubles, clock, bus.publish, self._off)
        self._tester = SelfTester(
            seen.volume, seen.index, clock, ZoneInfo(zone), self._recorded, mend=partial(heal, seen.volume, seen.ledger)
        )
        gaps = GapWatch(seen.cameras, seen.index, clock)
        self._looks = [HealthCheck(gaps), HealthCheck(ClockWatch(is_clock_kept, clock))]
        self._doctor = HealthCheckRunner(self._looks, clock)
        self._check_in: CheckInSender | None = None
        if settings.url:
            self._check_in = CheckInSender(settings.url, settings.interval, self._is_well, clock)

    def start(self, engine: Engine, more: Iterable[HealthCheck] = ()) -> None:
        """Start. more: further checks."""
        self._looks += more
        engine.start(self._doctor.name, lambda: self._doctor)
        engine.start(self._alarms.name, lambda: self._alarms)
        self._tester.start(engine)
        if self._check_in is not None:
            check_in = self._check_in
            engine.start(check_in.name, lambda: check_in)

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        """The current alarms."""
        return self._alarms.now

    @property
    def self_test(self) -> SelfTest | None:
        return self._tester.last

    def test_now(self) -> None:
        """Start a self-test unless one is running. Returns at once; `now` returns the result."""
        self._tester.ask()

    def now(self) -> HealthReport:
        """Return the report for the interface, from memory."""
        last, check_in = self._tester.last, self._check_in
        return HealthReport(
            self_test=last,
            is_testing=self._tester.is_running,
            check_in=None
            if check_in is None
            else CheckInInfo(check_in.host, check_in.last_ms, check_in.trouble, sent=self._is_well()),
        )

    def _is_well(self) -> bool:
        is_recorded = all(one.state in RECORDED or one.state not in EXPECTED for one in self._seen.cameras())
        return is_recorded and not any(alarm.what in NOT_WELL for alarm in self.alarms)

    def _off(self) -> set[CameraId]:
        return {status.id for status in self._seen.cameras() if status.state in CHOSEN | {CameraState.ASLEEP}}

    def _recorded(self) -> list[CameraId]:
        return [status.id for status in self._seen.cameras()]

    def _troubles(self) -> Iterator[HealthProblem]:
        failing: dict[ProblemKind, StorageError] = {}  # of one disk; each stream names a file of its own
        for status in self._seen.cameras():
            if status.state in BLINDED:
                yield HealthProblem(ProblemKind.SIGHT, status.id, status.detail, SIGHT_DO)
            elif status.state in EXPECTED - ON_WATCH:
                detail = status.detail or f"{STATE_WORDS[status.state]}."
                yield HealthProblem(ProblemKind.CAMERA, status.id, detail)
            for stream in StreamName:
                problem = self._seen.recorder.status(status.id, stream).problem
                if problem is not None:
                    failing[disk_problem_kind(problem)] = problem
        for kind, problem in failing.items():
            yield HealthProblem(kind, None, problem.message, problem.do)
        for books in (self._seen.ledger.problem, self._seen.index.problem):
            if books is not None:
                yield HealthProblem(ProblemKind.BOOKS, None, books.message, books.do)
        yield from self._seen.others()
        yield from self._doctor()
        if self._check_in is not None and self._check_in.trouble:
            yield HealthProblem(ProblemKind.CHECK_IN, None, self._check_in.trouble, CHECK_IN_DO)
        if self.self_test is not None and self.self_test.problems:
            yield HealthProblem(ProblemKind.SELF_TEST, None, " ".join(self.self_test.problems), SELF_TEST_DO)

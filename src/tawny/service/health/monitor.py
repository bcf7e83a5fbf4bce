"""Health monitor: alarms, check-in and nightly self-test. Recording does not depend on it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from zoneinfo import ZoneInfo

from tawny.config.heartbeat import HeartbeatSettings
from tawny.engine import Bus, Engine
from tawny.model.clock import Clock, is_kept_right
from tawny.model.errors import TooManyFiles
from tawny.model.ids import CameraId, StreamName
from tawny.model.messages import Alarm, ProblemKind
from tawny.model.states import BLINDED, EXPECTED, ON_WATCH, RECORDED, STATE_WORDS, CameraStatus
from tawny.recorder.recorder import SegmentRecorder
from tawny.service.health.alarms import AlarmMonitor, HealthProblem
from tawny.service.health.check_in import CheckInSender
from tawny.service.health.checks import ClockWatch, GapWatch, HealthCheck, HealthCheckRunner
from tawny.service.health.self_test import SelfTest, SelfTester
from tawny.service.interfaces import health as web
from tawny.storage.disk.volume import Volume
from tawny.storage.history.ledger import HistoryLedger
from tawny.storage.index.protocol import Index
from tawny.storage.repair.healing import heal

CHECK_IN_DO = "Check that the address is correct and that this computer can reach it."
SELF_TEST_DO = "Run `tawny check --deep --repair` to restore what the mirror still has. Check the disk's health."
SIGHT_DO = "Recording continues. Check the live view. This clears once the camera shows its usual scene again."
NOT_WELL = frozenset({ProblemKind.CAMERA, ProblemKind.DISK, ProblemKind.OPEN_FILES, ProblemKind.BOOKS})
"""Alarms that stop the check-in, because recording fails or is about to fail."""


class HealthMonitor:
    """Monitors the recorder. cameras: returns their status. others: returns further problems from memory."""

    def __init__(
        self,
        settings: HeartbeatSettings,
        clock: Clock,
        bus: Bus,
        volume: Volume,
        index: Index,
        recorder: SegmentRecorder,
        ledger: HistoryLedger,
        zone: str,
        cameras: Callable[[], Sequence[CameraStatus]],
        others: Callable[[], Iterable[HealthProblem]],
        is_clock_kept: Callable[[], bool | None] = is_kept_right,
    ) -> None:
        self._recorder, self._ledger, self._cameras, self._others = recorder, ledger, cameras, others
        self._alarms = AlarmMonitor(self._troubles, clock, bus.publish)
        self._tester = SelfTester(
            volume, index, clock, ZoneInfo(zone), self._recorded, mend=partial(heal, volume, ledger)
        )
        gaps = GapWatch(cameras, index, clock)
        self._looks = [HealthCheck(gaps), HealthCheck(ClockWatch(is_clock_kept, clock))]
        self._doctor = HealthCheckRunner(self._looks, clock)
        self._check_in: CheckInSender | None = None
        if settings.url:
            self._check_in = CheckInSender(settings.url, settings.interval, self._is_well, clock)

    def also(self, look: HealthCheck) -> None:
        """Add a check. Call before `start`."""
        self._looks.append(look)

    def start(self, engine: Engine) -> None:
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
        """Request a self-test. Returns at once; `now` returns the result."""
        self._tester.ask()

    def now(self) -> web.HealthReport:
        """Return the report for the interface, from memory."""
        last, check_in = self._tester.last, self._check_in
        return web.HealthReport(
            self_test=None if last is None else web.SelfTestReport(last.at_ms, last.minutes, last.files, last.problems),
            is_testing=self._tester.is_running,
            check_in=None
            if check_in is None
            else web.CheckInReport(check_in.host, check_in.last_ms, check_in.trouble, is_sent=self._is_well()),
        )

    def _is_well(self) -> bool:
        is_recorded = all(one.state in RECORDED or one.state not in EXPECTED for one in self._cameras())
        return is_recorded and not any(alarm.what in NOT_WELL for alarm in self.alarms)

    def _recorded(self) -> list[CameraId]:
        return [status.id for status in self._cameras()]

    def _troubles(self) -> Iterator[HealthProblem]:
        for status in self._cameras():
            if status.state in BLINDED:
                yield HealthProblem(ProblemKind.SIGHT, status.id, status.detail, SIGHT_DO)
            elif status.state in EXPECTED - ON_WATCH:
                detail = status.detail or f"{STATE_WORDS[status.state]}."
                yield HealthProblem(ProblemKind.CAMERA, status.id, detail)
            for stream in StreamName:
                problem = self._recorder.status(status.id, stream).problem
                if problem is not None:
                    kind = ProblemKind.OPEN_FILES if isinstance(problem, TooManyFiles) else ProblemKind.DISK
                    yield HealthProblem(kind, None, problem.message, problem.do)
        if self._ledger.problem is not None:
            yield HealthProblem(ProblemKind.BOOKS, None, self._ledger.problem.message, self._ledger.problem.do)
        yield from self._others()
        yield from self._doctor()
        if self._check_in is not None and self._check_in.trouble:
            yield HealthProblem(ProblemKind.CHECK_IN, None, self._check_in.trouble, CHECK_IN_DO)
        if self.self_test is not None and self.self_test.problems:
            yield HealthProblem(ProblemKind.SELF_TEST, None, " ".join(self.self_test.problems), SELF_TEST_DO)

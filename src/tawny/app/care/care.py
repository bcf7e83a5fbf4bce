"""Who looks after the recorder itself: alarms, the sign of life, the nightly self-test. Recording needs none of it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from zoneinfo import ZoneInfo

from tawny.app.care.alarms import Alarms, Trouble
from tawny.app.care.check_in import CheckIn
from tawny.app.care.doctor import ClockWatch, Doctor, GapWatch, Look
from tawny.app.care.self_test import SelfTest, SelfTester
from tawny.config.alarming import Alarm as AlarmSettings
from tawny.engine import Bus, Engine
from tawny.model.clock import Clock, is_kept_right
from tawny.model.ids import CameraId, StreamName
from tawny.model.messages import Alarm
from tawny.model.states import BLINDED, CHOSEN, ON_WATCH, CameraStatus
from tawny.recorder.recorder import Recorder
from tawny.storage.healing import heal
from tawny.storage.index import Index
from tawny.storage.ledger import Ledger
from tawny.storage.volume import Volume
from tawny.web import caring as web

CHECK_IN_DO = "Check that the address is correct and that this computer can reach it."
SELF_TEST_DO = "Run `tawny check --deep --repair` to restore what the mirror still has. Check the disk's health."
SIGHT_DO = "Recording continues. Check the live view. This clears once the camera shows its usual scene again."
NOT_WELL = frozenset({"camera", "disk", "books"})
"""Alarms that keep the sign of life away: something is not recorded, or soon will not be. The others can wait."""


class Care:
    """cameras: their states now. others: what else is wrong, by whoever knows of it; answered from memory."""

    def __init__(
        self,
        settings: AlarmSettings,
        clock: Clock,
        bus: Bus,
        volume: Volume,
        index: Index,
        recorder: Recorder,
        ledger: Ledger,
        zone: str,
        cameras: Callable[[], Sequence[CameraStatus]],
        others: Callable[[], Iterable[Trouble]],
        is_clock_kept: Callable[[], bool | None] = is_kept_right,
    ) -> None:
        self._recorder, self._ledger, self._cameras, self._others = recorder, ledger, cameras, others
        self._alarms = Alarms(self._troubles, clock, bus.publish)
        self._tester = SelfTester(
            volume, index, clock, ZoneInfo(zone), self._recorded, mend=partial(heal, volume, ledger)
        )
        gaps = GapWatch(cameras, index, clock)
        self._looks = [Look(gaps), Look(ClockWatch(is_clock_kept, clock))]
        self._doctor = Doctor(self._looks, clock)
        self._check_in: CheckIn | None = None
        if settings.check_in:
            self._check_in = CheckIn(settings.check_in, settings.every, self._is_well, clock)

    def also(self, look: Look) -> None:
        """Something else that may be wrong. Before the start."""
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
        """Those that last."""
        return self._alarms.now

    @property
    def self_test(self) -> SelfTest | None:
        return self._tester.last

    def test_now(self) -> None:
        """Returns at once; `now` tells what came of it."""
        self._tester.ask()

    def now(self) -> web.Care:
        """For the interface; answered from memory."""
        last, check_in = self._tester.last, self._check_in
        return web.Care(
            self_test=None if last is None else web.SelfTested(last.at_ms, last.minutes, last.files, last.problems),
            is_testing=self._tester.is_running,
            check_in=None
            if check_in is None
            else web.CheckedIn(check_in.host, check_in.last_ms, check_in.trouble, is_sent=self._is_well()),
        )

    def _is_well(self) -> bool:
        is_on_watch = all(status.state in ON_WATCH | BLINDED | CHOSEN for status in self._cameras())
        return is_on_watch and not any(alarm.what in NOT_WELL for alarm in self.alarms)

    def _recorded(self) -> list[CameraId]:
        return [status.id for status in self._cameras()]

    def _troubles(self) -> Iterator[Trouble]:
        for status in self._cameras():
            if status.state in BLINDED:
                yield Trouble("sight", status.id, status.detail, SIGHT_DO)
            elif status.state not in ON_WATCH | CHOSEN:
                yield Trouble("camera", status.id, status.detail or f"Status: {status.state.value}.")
            for stream in StreamName:
                problem = self._recorder.status(status.id, stream).problem
                if problem is not None:
                    yield Trouble("disk", None, problem.message, problem.do)
        if self._ledger.problem is not None:
            yield Trouble("books", None, self._ledger.problem.message, self._ledger.problem.do)
        yield from self._others()
        yield from self._doctor()
        if self._check_in is not None and self._check_in.trouble:
            yield Trouble("check_in", None, self._check_in.trouble, CHECK_IN_DO)
        if self.self_test is not None and self.self_test.problems:
            yield Trouble("self_test", None, " ".join(self.self_test.problems), SELF_TEST_DO)

"""Cameras that are meant to sleep: when they are called, and that sleep is a state of its own and no outage."""

from pathlib import Path
from typing import Any

import pytest

from tawny.config.settings import CameraSettings
from tawny.model.errors import (
    SourceClosed,
    SourceError,
    SourceLoginWeaker,
    SourceNotFound,
    SourceRefused,
    SourceStalled,
    SourceUnreachable,
)
from tawny.model.events import Event
from tawny.model.ids import CameraId, EventId
from tawny.model.messages import EventChanged
from tawny.model.segments import BY_CHOICE, STARTING, Gap, GapReason
from tawny.model.states import EXPECTED, TROUBLE, CameraState, CameraStatus
from tawny.recorder.coverage_monitor import WAKES_S, CoverageMonitor
from tawny.service.cameras import duty
from tawny.service.cameras.duty import LONGEST_CALL_S, SHORTEST_CALL_S, UNANSWERED_S, WakeCalls
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.clock import FakeClock
from tawny.testing.rtsp_camera import RtspCamera
from tawny.testing.waiting import until
from tests.app.rig import DOOR, one_camera, rig


def settings(**about: Any) -> CameraSettings:
    return CameraSettings.model_validate({"source": "rtsp://camera/main", "sleeps": True, **about})


class Calls:
    """The calls of a camera, after that of the start is over."""

    def __init__(self, **about: Any) -> None:
        self.clock = FakeClock()
        self.calls = WakeCalls(self.clock, settings(**about))
        self.clock.advance(SHORTEST_CALL_S + 1)

    def event(self, name: str = "e", kind: str = "person", *, is_over: bool = False) -> None:
        now_ms = self.clock.now_ms()
        self.calls.on_event(Event(EventId(name), DOOR, kind, now_ms, now_ms if is_over else None, 0.0))

    def is_called(self) -> bool:
        return self.calls.since_ms() is not None


def test_it_is_called_once_at_the_start() -> None:
    clock = FakeClock()
    calls = WakeCalls(clock, settings())
    assert calls.refusal() is None
    clock.advance(SHORTEST_CALL_S + 1)
    assert calls.refusal() is not None


def test_an_event_calls_it_while_it_lasts_and_for_its_post_roll() -> None:
    bench = Calls(post="30 s")
    bench.event()
    bench.clock.advance(60)
    assert bench.is_called()
    bench.event(is_over=True)
    bench.clock.advance(29)
    assert bench.is_called()
    bench.clock.advance(2)
    assert not bench.is_called()


def test_a_camera_that_is_connected_again_is_called_while_its_event_lasts() -> None:
    bench = Calls(post="30 s")
    bench.event()
    bench.clock.advance(UNANSWERED_S + 1)
    again = WakeCalls(bench.clock, settings(post="30 s"))
    bench.calls.hand_over(again)
    bench.calls = again
    bench.clock.advance(60)
    assert bench.is_called()
    bench.event(is_over=True)
    bench.clock.advance(31)
    assert not bench.is_called()


def test_a_short_call_lasts_until_the_camera_delivers_or_counts_as_offline() -> None:
    """A ring of 10 s was over before the 30 s after which a camera that doesn't answer is a problem."""
    bench = Calls(post="0 s")
    bench.event()
    bench.clock.advance(10)
    bench.event(is_over=True)
    bench.clock.advance(WAKES_S + 30)
    assert bench.is_called()
    bench.clock.advance(UNANSWERED_S)
    assert not bench.is_called()


def test_a_call_during_another_one_is_one_that_it_must_answer() -> None:
    """An event within the call of the start, which it had answered, was never an outage."""
    bench = Calls()
    bench.event("a")
    called_ms = bench.calls.since_ms()
    bench.clock.advance(5)
    bench.event("b")
    assert bench.calls.since_ms() == called_ms
    bench.calls.delivers(is_there=True)
    bench.event("c")
    assert bench.calls.since_ms() == called_ms
    bench.calls.delivers(is_there=False)
    bench.clock.advance(5)
    bench.event("d")
    assert bench.calls.since_ms() == bench.clock.now_ms()


@pytest.mark.parametrize("report", [False, True])
def test_a_camera_that_delivers_is_let_go_when_its_event_is_over(*, report: bool) -> None:
    bench = Calls(post="0 s")
    if report:
        bench.calls.reported()
    else:
        bench.event()
        bench.event(is_over=True)
    bench.clock.advance(3)
    bench.calls.delivers(is_there=True)
    bench.clock.advance(SHORTEST_CALL_S)
    assert not bench.is_called()
    bench.calls.delivers(is_there=False)
    assert not bench.is_called()


def test_an_event_that_never_ends_empties_no_battery() -> None:
    bench = Calls()
    bench.event()
    bench.clock.advance(LONGEST_CALL_S + 1)
    bench.event()
    assert not bench.is_called()


def test_what_a_person_records_calls_it_for_as_long() -> None:
    bench = Calls()
    bench.event(kind="manual")
    bench.clock.advance(2 * LONGEST_CALL_S)
    assert bench.is_called()
    bench.event(kind="manual", is_over=True)
    bench.clock.advance(SHORTEST_CALL_S + 1)
    assert not bench.is_called()
    bench.calls.hold(is_held=True)
    assert bench.is_called()


def test_a_recording_whose_end_is_heard_late_calls_it_no_longer() -> None:
    bench = Calls()
    bench.event(kind="manual")
    bench.calls.delivers(is_there=True)
    end_ms = bench.clock.now_ms()
    bench.clock.advance(60)
    bench.calls.on_event(Event(EventId("e"), DOOR, "manual", end_ms - 1000, end_ms, 0.0))
    assert not bench.is_called()


def test_a_report_that_is_no_event_calls_it_for_a_moment() -> None:
    bench = Calls()
    bench.calls.reported()
    assert bench.is_called()
    bench.calls.delivers(is_there=True)
    bench.clock.advance(SHORTEST_CALL_S + 1)
    assert not bench.is_called()


def test_an_event_of_long_ago_calls_nobody() -> None:
    bench = Calls()
    past_ms = bench.clock.now_ms() - 600_000
    bench.calls.on_event(Event(EventId("old"), DOOR, "person", past_ms, past_ms + 1000, 0.0))
    assert not bench.is_called()


@pytest.mark.parametrize("source", ["rtmp-listen://0.0.0.0:1935/live/0123456789ab", "udp://0.0.0.0:5000", "phone:anna"])
def test_one_that_dials_in_is_always_listened_to(source: str) -> None:
    bench = Calls(source=source)
    assert bench.calls.refusal() is None


def test_one_that_does_not_sleep_is_always_connected_to() -> None:
    assert Calls(sleeps=False).calls.refusal() is None


class Monitor:
    """called_s: how long ago it was called; None: it may sleep."""

    def __init__(self, called_s: float | None, *, sleeps: bool = True) -> None:
        self.clock, self.rows, self.called_ms = FakeClock(), dict[int, Gap](), None
        start_ms = self.clock.now_ms()
        status = CameraStatus(CameraId("door"), "Door", CameraState.STARTING, start_ms)
        gap = Gap(status.id, start_ms, None, GapReason.RECORDER_OFF, STARTING)
        since = lambda: self.called_ms  # noqa: E731
        self.monitor = CoverageMonitor(
            status, gap, self.clock, self.put, lambda _: None, called_ms=since if sleeps else None
        )  # fmt: skip
        self.monitor.start()
        self.clock.advance(1)
        self.monitor.begun(self.clock.now_ms())
        self.clock.advance(9)
        self.lose(SourceClosed("host", "gone"))
        self.clock.advance(600)
        self.called_ms = None if called_s is None else self.clock.now_ms() - round(called_s * 1000)

    called_ms: int | None

    def put(self, gap: Gap) -> None:
        self.rows[gap.begin_ms] = gap

    def lose(self, error: SourceError) -> None:
        self.monitor.over(self.clock.now_ms(), GapReason.ASLEEP)
        self.monitor.failed(error)

    def state(self) -> CameraState:
        return self.monitor.status.state

    @property
    def reasons(self) -> list[GapReason]:
        return [gap.reason for gap in self.rows.values()][1:]


SILENCE = [SourceUnreachable("host", "no route"), SourceClosed("host", "gone"), SourceStalled("host", "5 s")]
ANSWERS = {
    CameraState.REFUSED: SourceRefused("host"),
    CameraState.WEAKER_LOGIN: SourceLoginWeaker("host", "Basic"),
    CameraState.OFFLINE: SourceNotFound("host", "404"),
}


@pytest.mark.parametrize("error", SILENCE)
@pytest.mark.parametrize(
    ("called_s", "state"),
    [(None, CameraState.ASLEEP), (WAKES_S - 1, CameraState.ASLEEP), (WAKES_S + 1, CameraState.OFFLINE)],
)
def test_silence_is_sleep_unless_it_was_called(error: SourceError, called_s: float | None, state: CameraState) -> None:
    bench = Monitor(called_s)
    bench.monitor.failed(error)
    assert bench.state() is state
    last = list(bench.rows.values())[-1]
    assert (last.reason is GapReason.ASLEEP) is (state is CameraState.ASLEEP)
    assert (state in TROUBLE) is (state is CameraState.OFFLINE)


@pytest.mark.parametrize("state", ANSWERS)
def test_what_it_answers_is_no_sleep(state: CameraState) -> None:
    bench = Monitor(None)
    bench.monitor.failed(ANSWERS[state])
    assert bench.state() is state


def test_the_time_after_a_call_that_it_did_not_answer_is_an_outage_and_what_is_before_and_after_is_sleep() -> None:
    bench = Monitor(0)
    called_ms = bench.clock.now_ms()
    bench.clock.advance(WAKES_S + 1)
    bench.monitor.failed(SILENCE[0])
    bench.clock.advance(60)
    bench.called_ms = None
    bench.monitor.failed(SILENCE[0])
    assert bench.reasons == [GapReason.ASLEEP, GapReason.UNREACHABLE, GapReason.ASLEEP]
    asleep, outage, after = list(bench.rows.values())[1:]
    assert asleep.end_ms == outage.begin_ms == called_ms
    assert (outage.end_ms, after.end_ms) == (after.begin_ms, None)


def test_a_call_that_it_answered_is_over_when_it_goes_silent() -> None:
    bench = Monitor(0)
    bench.clock.advance(3)
    bench.monitor.begun(bench.clock.now_ms())
    assert bench.state() is CameraState.RECORDING
    bench.clock.advance(40)
    bench.monitor.silent(bench.clock.now_ms() - 6000)
    assert bench.state() is CameraState.ASLEEP
    bench.monitor.failed(SourceStalled("host", "5 s"))
    assert bench.state() is CameraState.ASLEEP
    assert set(bench.reasons) == {GapReason.ASLEEP}


def test_one_that_is_switched_on_again_while_it_sleeps_is_asleep() -> None:
    bench = Monitor(None)
    bench.monitor.switch_off(bench.clock.now_ms(), CameraState.MODE_OFF, GapReason.MODE, "")
    bench.monitor.switch_on(bench.clock.now_ms(), waits=False, arrives=False)
    assert bench.state() is CameraState.ASLEEP


def test_one_that_is_not_meant_to_sleep_is_offline() -> None:
    bench = Monitor(None, sleeps=False)
    bench.monitor.failed(SILENCE[0])
    assert bench.state() is CameraState.OFFLINE


@pytest.mark.parametrize("state", CameraState)
def test_sleep_alone_of_all_states_is_neither_expected_nor_chosen_nor_trouble(state: CameraState) -> None:
    is_asleep = state is CameraState.ASLEEP
    assert (state not in EXPECTED and state not in TROUBLE and "asleep" in state) is is_asleep
    assert GapReason.ASLEEP in BY_CHOICE


def test_an_event_wakes_it_and_it_is_left_alone_afterwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A whole recorder with a real camera: nothing connects to it while nothing happens."""
    monkeypatch.setattr(duty, "SHORTEST_CALL_S", 4.0)
    with RtspCamera(made_clip(ClipSpec())) as camera:
        chosen = one_camera(camera.address, 'sleeps = true\npost = "0 s"\n')
        with rig(chosen, tmp_path) as bench:
            bench.wait_for(CameraState.RECORDING, 20)
            bench.wait_for(CameraState.ASLEEP, 20)
            met = len(camera.viewers)
            until(lambda: all(viewer.ended for viewer in camera.viewers), 60, "the end of the first connections")
            now_ms = bench.clock.now_ms()
            ring = Event(EventId("20261120T050000000-00000001"), DOOR, "doorbell", now_ms, None, 0.0)
            bench.running.bus.publish(EventChanged("started", ring))
            assert bench.wait_for(CameraState.RECORDING, 10) < 5
            bench.wait_for_seconds(1)
            bench.running.bus.publish(EventChanged("ended", ring.ended(bench.clock.now_ms())))
            bench.wait_for(CameraState.ASLEEP, 20)
            until(lambda: camera.viewers[-1].ended is not None, 60, "the end of the connection")
            assert len(camera.viewers) == met + 1
        assert {gap.reason for gap in bench.gaps()} == {GapReason.ASLEEP}
        assert not {CameraState.OFFLINE, *TROUBLE} & set(bench.told())

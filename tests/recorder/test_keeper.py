"""The truth about a camera: its state, and gaps that tile the time it was not recorded."""

import pytest

from tawny.model.clock import Clock
from tawny.model.errors import (
    SourceClosed,
    SourceError,
    SourceFinished,
    SourceRefused,
    SourceStalled,
    SourceUnreachable,
)
from tawny.model.gaps import Gap, GapReason
from tawny.model.ids import CameraId
from tawny.model.states import CameraState, CameraStatus
from tawny.recorder.keeper import Keeper
from tawny.testing.clock import FakeClock


class Bench:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.start_ms = self.clock.now_ms()
        self.rows: dict[int, Gap] = {}
        self.told: list[CameraStatus] = []
        self.keeper = _keeper(self.clock, self)

    def put(self, gap: Gap) -> None:
        self.rows[gap.begin_ms] = gap

    def now(self) -> int:
        return self.clock.now_ms()

    @property
    def gaps(self) -> list[tuple[int, int | None, GapReason]]:
        begin = self.start_ms
        return [
            (gap.begin_ms - begin, None if gap.end_ms is None else gap.end_ms - begin, gap.reason)
            for gap in self.rows.values()
        ]


def _keeper(clock: Clock, bench: Bench) -> Keeper:
    return Keeper(CameraId("door"), "Door", clock, bench.put, bench.told.append, since_ms=clock.now_ms())


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def running(bench: Bench) -> Bench:
    bench.clock.advance(1)
    bench.keeper.begun(bench.now())
    bench.clock.advance(9)
    return bench


def test_the_time_up_to_the_first_picture_is_a_gap(running: Bench) -> None:
    assert running.gaps == [(0, 1000, GapReason.RECORDER_OFF)]
    assert running.keeper.status.state is CameraState.RECORDING


def test_a_camera_that_never_answered_says_so_from_the_beginning(bench: Bench) -> None:
    bench.clock.advance(2)
    bench.keeper.failed(SourceUnreachable("host", "connection refused"))
    assert bench.gaps == [(0, None, GapReason.UNREACHABLE)]
    assert bench.keeper.status.state is CameraState.OFFLINE


@pytest.mark.parametrize(
    ("error", "reason", "state"),
    [
        (SourceStalled("host"), GapReason.STALLED, CameraState.OFFLINE),
        (SourceClosed("host"), GapReason.CAMERA_RESTART, CameraState.OFFLINE),
        (SourceRefused("host"), GapReason.AUTH, CameraState.REFUSED),
        (SourceFinished("clip.mp4"), GapReason.OFF, CameraState.OFF),
    ],
)
def test_the_gap_begins_at_the_last_picture_and_has_the_reason(
    running: Bench, error: SourceError, reason: GapReason, state: CameraState
) -> None:
    running.keeper.over(running.now() - 5000)
    running.keeper.failed(error)
    assert running.gaps[-1] == (5000, None, reason)
    assert running.keeper.status.state is state
    assert running.keeper.status.detail


def test_it_ends_with_the_next_picture(running: Bench) -> None:
    running.keeper.over(running.now())
    running.keeper.failed(SourceStalled("host"))
    running.clock.advance(20)
    running.keeper.begun(running.now())
    assert running.gaps[-1] == (10_000, 30_000, GapReason.STALLED)
    assert running.keeper.status.state is CameraState.RECORDING


def test_a_restart_that_lasts_becomes_not_answering(running: Bench) -> None:
    running.keeper.over(running.now())
    running.keeper.failed(SourceClosed("host"))
    running.clock.advance(30)
    running.keeper.failed(SourceUnreachable("host"))
    assert running.gaps[-1][2] is GapReason.CAMERA_RESTART
    running.clock.advance(31)
    running.keeper.failed(SourceUnreachable("host"))
    assert running.gaps[-1] == (10_000, None, GapReason.UNREACHABLE)


def test_a_password_refused_on_the_way_back_is_the_reason(running: Bench) -> None:
    running.keeper.over(running.now())
    running.keeper.failed(SourceClosed("host"))
    running.keeper.failed(SourceRefused("host"))
    assert running.gaps[-1][2] is GapReason.AUTH


def test_silence_on_a_standing_connection_is_a_stall(running: Bench) -> None:
    running.keeper.silent(running.now() - 6000)
    assert running.gaps[-1] == (4000, None, GapReason.STALLED)
    assert running.keeper.status.state is CameraState.OFFLINE


def test_a_disk_that_fails_blocks_although_pictures_come(running: Bench) -> None:
    running.keeper.disk_failed(running.now(), GapReason.DISK_FULL, "The disk is full.")
    running.keeper.begun(running.now())
    assert [status.state for status in running.told] == [CameraState.RECORDING, CameraState.BLOCKED]
    running.clock.advance(5)
    running.keeper.disk_recovered(running.now())
    assert running.gaps[-1] == (10_000, 15_000, GapReason.DISK_FULL)
    assert running.keeper.status.state is CameraState.RECORDING


def test_every_change_is_told_once(running: Bench) -> None:
    running.keeper.over(running.now())
    for _ in range(3):
        running.keeper.failed(SourceStalled("host"))
    assert [status.state for status in running.told] == [CameraState.RECORDING, CameraState.OFFLINE]


def test_stopping_ends_what_is_open(running: Bench) -> None:
    running.keeper.over(running.now())
    running.keeper.stop(running.now() + 1000)
    assert running.gaps[-1] == (10_000, 11_000, GapReason.CAMERA_RESTART)

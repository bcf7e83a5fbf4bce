"""The truth about a camera: its state, and gaps that tile the time it was not recorded."""

import pytest

from tawny.model.errors import (
    SourceClosed,
    SourceError,
    SourceFinished,
    SourceRefused,
    SourceStalled,
    SourceUnreachable,
)
from tawny.model.ids import CameraId
from tawny.model.segments import STARTING, Gap, GapEvidence, GapReason
from tawny.model.states import CameraState, CameraStatus
from tawny.model.times import Clock
from tawny.recorder.coverage_monitor import CoverageMonitor
from tawny.testing.clock import FakeClock


class Bench:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.start_ms = self.clock.now_ms()
        self.rows: dict[int, Gap] = {}
        self.told: list[CameraStatus] = []
        self.written = 0
        self.coverage = _coverage(self.clock, self)

    def put(self, gap: Gap) -> None:
        self.written += 1
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


def _coverage(clock: Clock, bench: Bench) -> CoverageMonitor:
    status = CameraStatus(CameraId("door"), "Door", CameraState.STARTING, clock.now_ms())
    gap = Gap(status.id, status.since_ms, None, GapReason.RECORDER_OFF, STARTING)
    made = CoverageMonitor(status, gap, clock, bench.put, bench.told.append)
    made.start()
    return made


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def running(bench: Bench) -> Bench:
    bench.clock.advance(1)
    bench.coverage.begun(bench.now())
    bench.clock.advance(9)
    return bench


def test_the_time_up_to_the_first_picture_is_a_gap(running: Bench) -> None:
    assert running.gaps == [(0, 1000, GapReason.RECORDER_OFF)]
    assert running.coverage.status.state is CameraState.RECORDING


def test_a_camera_that_never_answered_says_so_from_the_beginning(bench: Bench) -> None:
    bench.clock.advance(2)
    bench.coverage.failed(SourceUnreachable("host", "connection refused"))
    assert bench.gaps == [(0, None, GapReason.UNREACHABLE)]
    assert bench.coverage.status.state is CameraState.OFFLINE


def test_a_camera_of_which_nothing_comes_is_offline_from_the_beginning(bench: Bench) -> None:
    """As of a source that hangs while it opens: it reports no error."""
    states = []
    for seconds in (39, 1):
        bench.clock.advance(seconds)
        bench.coverage.starts()
        states.append(bench.coverage.status.state)
    assert states == [CameraState.STARTING, CameraState.OFFLINE]
    assert bench.gaps == [(0, None, GapReason.UNREACHABLE)]
    assert bench.coverage.status.detail.startswith("The camera isn't responding (no video within 40 s).")


@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize(
    ("error", "reason", "state"),
    [
        (SourceFinished("clip.mp4"), GapReason.ENDED, CameraState.ENDED),
        (SourceRefused("host"), GapReason.AUTH, CameraState.REFUSED),
    ],
)
def test_a_known_reason_is_said_again_when_recording_is_switched_on(
    running: Bench, error: SourceError, reason: GapReason, state: CameraState, waits: bool
) -> None:
    running.coverage.switch_off(running.now(), CameraState.MODE_OFF, GapReason.MODE, "away")
    running.clock.advance(60)
    running.coverage.switch_on(running.now(), waits=waits, arrives=False, failure=error)
    running.clock.advance(60)
    running.coverage.starts()
    assert running.coverage.status.state is state
    assert running.gaps[1:] == [(10_000, 70_000, GapReason.MODE), (70_000, None, reason)]


def test_setting_the_clock_makes_no_camera_that_starts_offline(bench: Bench) -> None:
    bench.clock.advance(1)
    bench.clock.jump_utc(3600)
    bench.coverage.starts()
    assert bench.coverage.status.state is CameraState.STARTING


@pytest.mark.parametrize(
    ("error", "reason", "state"),
    [
        (SourceStalled("host"), GapReason.STALLED, CameraState.OFFLINE),
        (SourceClosed("host"), GapReason.CAMERA_RESTART, CameraState.OFFLINE),
        (SourceRefused("host"), GapReason.AUTH, CameraState.REFUSED),
        (SourceFinished("clip.mp4"), GapReason.ENDED, CameraState.ENDED),
    ],
)
def test_the_gap_begins_at_the_last_picture_and_has_the_reason(
    running: Bench, error: SourceError, reason: GapReason, state: CameraState
) -> None:
    running.coverage.over(running.now() - 5000)
    running.coverage.failed(error)
    assert running.gaps[-1] == (5000, None, reason)
    assert running.coverage.status.state is state
    assert running.coverage.status.detail


def test_it_ends_with_the_next_picture(running: Bench) -> None:
    running.coverage.over(running.now())
    running.coverage.failed(SourceStalled("host"))
    running.clock.advance(20)
    running.coverage.begun(running.now())
    assert running.gaps[-1] == (10_000, 30_000, GapReason.STALLED)
    assert running.coverage.status.state is CameraState.RECORDING


def test_a_restart_that_lasts_becomes_not_answering(running: Bench) -> None:
    running.coverage.over(running.now())
    running.coverage.failed(SourceClosed("host"))
    running.clock.advance(30)
    running.coverage.failed(SourceUnreachable("host"))
    assert running.gaps[-1][2] is GapReason.CAMERA_RESTART
    running.clock.advance(31)
    running.coverage.failed(SourceUnreachable("host"))
    assert running.gaps[-1] == (10_000, None, GapReason.UNREACHABLE)


def test_a_password_refused_on_the_way_back_is_the_reason(running: Bench) -> None:
    running.coverage.over(running.now())
    running.coverage.failed(SourceClosed("host"))
    running.coverage.failed(SourceRefused("host"))
    assert running.gaps[-1][2] is GapReason.AUTH


def test_silence_on_a_standing_connection_is_a_stall(running: Bench) -> None:
    running.coverage.silent(running.now() - 6000)
    assert running.gaps[-1] == (4000, None, GapReason.STALLED)
    assert running.coverage.status.state is CameraState.OFFLINE


def test_a_silence_without_an_end_of_the_connection_is_over_with_the_next_packet(running: Bench) -> None:
    running.coverage.silent(running.now())
    running.clock.advance(20)
    running.coverage.arrives_again(running.now())
    assert running.gaps[-1] == (10_000, 30_000, GapReason.STALLED)
    assert running.coverage.status.state is CameraState.RECORDING
    assert running.coverage.silent_ms is None


def test_a_packet_that_was_under_way_is_no_end_of_an_error(running: Bench) -> None:
    running.coverage.silent(running.now())
    running.coverage.failed(SourceUnreachable("host"))
    running.coverage.arrives_again(running.now() + 1)
    assert running.coverage.status.state is CameraState.OFFLINE
    assert running.gaps[-1][1] is None


def test_a_disk_that_fails_blocks_although_pictures_come(running: Bench) -> None:
    running.coverage.disk_failed(running.now(), GapReason.DISK_FULL, "The disk is full.")
    running.coverage.begun(running.now())
    assert [status.state for status in running.told] == [CameraState.RECORDING, CameraState.BLOCKED]
    running.clock.advance(5)
    running.coverage.disk_recovered(running.now())
    assert running.gaps[-1] == (10_000, 15_000, GapReason.DISK_FULL)
    assert running.coverage.status.state is CameraState.RECORDING


def test_every_change_is_told_once(running: Bench) -> None:
    running.coverage.over(running.now())
    for _ in range(3):
        running.coverage.failed(SourceStalled("host"))
    assert [status.state for status in running.told] == [CameraState.RECORDING, CameraState.OFFLINE]


def test_stopping_ends_what_is_open(running: Bench) -> None:
    running.coverage.over(running.now())
    running.coverage.stop(running.now() + 1000)
    assert running.gaps[-1] == (10_000, 11_000, GapReason.CAMERA_RESTART)


def ended(bench: Bench) -> GapEvidence:
    """A camera that recorded hangs up."""
    seen = GapEvidence("closed", bench.now() - 40, bench.now() - 10, 7, 12, 0, "200 OK")
    bench.coverage.over(bench.now() - 40)
    bench.coverage.failed(SourceClosed("camera", "it hung up", seen))
    return seen


def test_a_gap_says_what_it_stands_on(running: Bench) -> None:
    begin_ms = running.now() - 40
    seen = ended(running)
    assert running.rows[begin_ms].evidence == seen
    for _ in range(3):
        running.clock.advance(2)
        running.coverage.failed(
            SourceError("camera", "it has no place", GapEvidence("busy", peer_status="453 Not Enough"))
        )
    running.coverage.begun(running.now())
    known = running.rows[begin_ms].evidence
    assert known == GapEvidence("busy", seen.last_unit_ms, seen.last_byte_ms, 7, 12, 3, "453 Not Enough")


def test_a_camera_that_is_away_for_long_does_not_fill_the_history(running: Bench) -> None:
    ended(running)
    before = running.written
    for _ in range(1000):
        running.clock.advance(2.5)
        running.coverage.failed(SourceUnreachable("camera", "no route to host", GapEvidence("unreachable")))
    running.coverage.begun(running.now())
    assert running.written - before < 20
    (gap,) = [gap for gap in running.rows.values() if gap.reason is GapReason.UNREACHABLE]
    assert gap.evidence is not None
    assert gap.evidence.attempts == 1000


def test_a_hole_is_a_gap_in_the_middle_of_what_is_recorded(running: Bench) -> None:
    begin_ms = running.now() - 3000
    running.coverage.hole(begin_ms, begin_ms + 2000, 31)
    gap = running.rows[begin_ms]
    assert (gap.end_ms, gap.reason) == (begin_ms + 2000, GapReason.STALLED)
    assert gap.evidence == GapEvidence(last_unit_ms=begin_ms, last_byte_ms=begin_ms + 2000, packets_missing=31)
    assert running.coverage.status.state is CameraState.RECORDING


def test_a_full_disk_is_not_laid_at_the_cameras_door(running: Bench) -> None:
    begin_ms = running.now()
    running.coverage.disk_failed(begin_ms, GapReason.DISK_FULL, "full")
    running.coverage.failed(SourceClosed("camera", "it hung up", GapEvidence("closed", begin_ms)))
    assert running.rows[begin_ms].evidence is None

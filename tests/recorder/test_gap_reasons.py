"""A gap's reason follows what the camera answers now, and agrees with the camera's state: tables over all answers."""

import itertools

import pytest

from tawny.model.errors import SourceClosed, SourceError, SourceStalled, SourceUnreachable
from tawny.model.ids import CameraId
from tawny.model.segments import STARTING, Gap, GapEvidence, GapReason
from tawny.model.states import CameraState, CameraStatus
from tawny.recorder.coverage_monitor import RESTART_S, CoverageMonitor
from tawny.sources.network_address import parse_rtsp
from tawny.sources.rtsp.client.session import ClientSession, handshake, read_reply
from tawny.sources.rtsp.client.transcript import ConversationFault
from tawny.testing.clock import FakeClock

STATUSES = [*range(300, 306), *range(400, 418), 451, *range(452, 466), 470, 471, 472, 500, 501, 502, 503, 504, 505, 551]
"""All of RFC 2326 and RFC 7826 that refuse a request."""
REASONS = dict.fromkeys(STATUSES, GapReason.UNREACHABLE) | {
    401: GapReason.AUTH,
    403: GapReason.AUTH,
    454: GapReason.CAMERA_RESTART,
}

STATES = {
    GapReason.AUTH: CameraState.REFUSED,
    GapReason.WEAKER_LOGIN: CameraState.WEAKER_LOGIN,
    GapReason.ENDED: CameraState.ENDED,
    GapReason.ASLEEP: CameraState.ASLEEP,
    GapReason.UNREACHABLE: CameraState.OFFLINE,
    GapReason.CAMERA_RESTART: CameraState.OFFLINE,
    GapReason.STALLED: CameraState.OFFLINE,
    GapReason.MASKING: CameraState.OFFLINE,
}
"""The state that agrees with each reason a camera causes."""


def answered(status: int) -> SourceError:
    """The error of a camera that answers DESCRIBE with this status."""
    talk = ClientSession(parse_rtsp("rtsp://door.local/main"))
    requests = handshake(talk, lambda offered: [], lambda place: None)
    next(requests)
    requests.send(read_reply(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nPublic: DESCRIBE\r\n\r\n"))
    reply = read_reply(f"RTSP/1.0 {status} Said So\r\nCSeq: 2\r\nLocation: rtsp://other/\r\n\r\n".encode())
    talk.note(reply)
    with pytest.raises(ConversationFault) as raised:
        requests.send(reply)
    return raised.value.error("rtsp://door.local/main", GapEvidence(raised.value.reason, peer_status=talk.last_status))


def subclasses_of(kind: type[SourceError]) -> list[type[SourceError]]:
    return [kind, *(deeper for sub in kind.__subclasses__() for deeper in subclasses_of(sub))]


KINDS = subclasses_of(SourceError)
NO_ANSWER = [SourceUnreachable, SourceClosed, SourceStalled]


class Bench:
    """A camera that records."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.written: list[Gap] = []
        clock = self.clock
        status = CameraStatus(CameraId("door"), "Door", CameraState.STARTING, clock.now_ms())
        gap = Gap(status.id, status.since_ms, None, GapReason.RECORDER_OFF, STARTING)
        self.monitor = CoverageMonitor(status, gap, clock, self.written.append, lambda status: None)
        self.monitor.start()
        self.monitor.begun(clock.now_ms())

    def lose(self, error: SourceError) -> None:
        self.clock.advance(10)
        self.monitor.over(self.clock.now_ms())
        self.monitor.failed(error)

    def retry(self, error: SourceError) -> None:
        self.clock.advance(2.5)
        self.monitor.failed(error)

    def agrees(self) -> bool:
        return STATES[self.written[-1].reason] is self.monitor.status.state


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("lost", [SourceClosed, SourceStalled])
def test_the_gap_has_the_reason_that_the_camera_answers_now(lost: type[SourceError], status: int) -> None:
    bench, error = Bench(), answered(status)
    bench.lose(lost("rtsp://door.local/main", "gone"))
    bench.retry(SourceUnreachable("rtsp://door.local/main", "connection refused"))
    bench.retry(error)
    gap = bench.written[-1]
    assert (gap.reason, gap.detail) == (REASONS[status], error.detail)
    assert bench.agrees()
    assert bench.monitor.status.detail == error.for_viewers
    assert gap.evidence is not None
    assert gap.evidence.peer_status == f"{status} Said So"


@pytest.mark.parametrize("status", STATUSES)
def test_each_answer_replaces_the_one_before(status: int) -> None:
    bench = Bench()
    bench.lose(SourceClosed("rtsp://door.local/main", "gone"))
    for other in [*(one for one in STATUSES if one != status), status]:
        bench.retry(answered(other))
    bench.monitor.begun(bench.clock.now_ms())
    assert bench.written[-1].detail == answered(status).detail


@pytest.mark.parametrize(("first", "then"), list(itertools.product(KINDS, KINDS)))
def test_reason_and_state_agree_after_every_pair_of_errors(first: type[SourceError], then: type[SourceError]) -> None:
    bench = Bench()
    bench.lose(first("camera", "first"))
    assert bench.agrees()
    bench.retry(then("camera", "then"))
    assert bench.agrees()
    bench.monitor.begun(bench.clock.now_ms())
    assert STATES[bench.written[-1].reason] is STATES[bench.written[-2].reason]


@pytest.mark.parametrize("lost", [SourceClosed, SourceStalled])
@pytest.mark.parametrize("then", NO_ANSWER)
def test_a_camera_that_does_not_answer_may_be_restarting_for_a_minute(
    lost: type[SourceError], then: type[SourceError]
) -> None:
    bench = Bench()
    bench.lose(lost("camera", "first"))
    before = bench.written[-1]
    bench.retry(then("camera", "then"))
    assert (bench.written[-1].reason, bench.written[-1].detail) == (before.reason, "first")
    bench.clock.advance(RESTART_S)
    bench.retry(SourceUnreachable("camera", "then"))
    assert (bench.written[-1].reason, bench.written[-1].detail) == (GapReason.UNREACHABLE, "then")


def test_answers_that_alternate_for_a_day_do_not_fill_the_history() -> None:
    bench = Bench()
    bench.lose(SourceClosed("camera", "gone"))
    for _ in range(17_000):
        bench.retry(answered(404))
        bench.retry(answered(401))
    assert len(bench.written) < 100
    bench.monitor.begun(bench.clock.now_ms())
    assert bench.written[-1].reason is GapReason.AUTH


def test_a_full_disk_stays_the_reason_whatever_the_camera_answers() -> None:
    bench = Bench()
    bench.monitor.disk_failed(bench.clock.now_ms(), GapReason.DISK_FULL, "full")
    for status in STATUSES:
        bench.retry(answered(status))
    assert bench.written[-1].reason is GapReason.DISK_FULL
    assert bench.monitor.status.state is CameraState.BLOCKED

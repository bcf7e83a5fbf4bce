"""Hours of a camera's clocks, simulated, through everything from its bytes to the ring: recorded UTC is the truth's,
and sound stands where its picture does. Prints its figures (`-s` shows them)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from tawny.engine import InlineEngine
from tawny.model.ids import CameraId, StreamName
from tawny.model.messages import Message, RunStarted
from tawny.sources.network_address import parse_rtsp
from tawny.sources.rtsp.client import connection as module
from tawny.sources.rtsp.client.connection import RtspConnection
from tawny.sources.rtsp.client.session import StreamMemory
from tawny.sources.rtsp.source import DEFAULTS
from tawny.stream.hub import Hub
from tawny.stream.session import StreamReader, StreamSession
from tawny.testing.clock import FakeClock
from tests.sources.rtsp_client.simulated import PaperLine, Simulated, Step

pytestmark = pytest.mark.plain
"""The socket of a connection is replaced."""

UTC_WITHIN_S, SOUND_WITHIN_S = 0.1, 0.04
REPORTED_S = 5.0
"""Sound has its place once both tracks' clocks were reported."""


@dataclass
class Seen:
    """Errors in seconds: of pictures against the truth, of sound against the pictures around it."""

    pictures: int = 0
    sounds: int = 0
    worst_utc_s: float = 0.0
    last_utc_s: float = 0.0
    """Of the last picture."""
    worst_sound_s: float = 0.0
    runs: int = 0
    notes: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return (
            f"{self.pictures} pictures within {1000 * self.worst_utc_s:.0f} ms of UTC, "
            f"{self.sounds} pieces of sound within {1000 * self.worst_sound_s:.0f} ms of the picture"
        )


class _Deaf:
    def connected(self, notes: object) -> None: ...

    def noted(self, notes: object) -> None: ...

    def failed(self, error: object) -> None:
        raise AssertionError(error)


Simulate = Callable[..., Seen]


@pytest.fixture
def simulate(monkeypatch: pytest.MonkeyPatch) -> Simulate:
    """A camera read for so many hours. ours: when this machine's wall clock is corrected."""

    def run(camera: Simulated, hours: float, ours: Sequence[Step] = ()) -> Seen:
        clock, seen, received = camera.clock, Seen(), list[Message]()
        line = PaperLine(camera)
        monkeypatch.setattr(module, "TcpSocket", lambda *_: line)
        connection = RtspConnection(parse_rtsp("rtsp://camera/"), DEFAULTS, clock, StreamMemory())
        hub = Hub(keep_s=5.0)
        session = StreamSession(CameraId("porch"), StreamName.MAIN, hub, clock, received.append)
        engine = InlineEngine(clock, lambda part, error: pytest.fail(repr(error)))
        engine.start("read", lambda: StreamReader("read", lambda: connection, session, _Deaf(), clock))
        reader, corrections = hub.reader(), list(ours)
        begun_ms, begun_s, off_s = clock.now_ms(), clock.mono_s(), 0.0
        picture_off_s = 0.0
        while clock.mono_s() - begun_s < hours * 3600:
            engine.run_for(2.0)
            passed_s = clock.mono_s() - begun_s
            for packet in reader.take().packets:
                truth_s = camera.truth_s(packet.data, is_video=packet.is_video)
                came_s = packet.at_ms / 1000 - (begun_ms / 1000 + camera.begun_s - begun_s)
                if packet.is_video:
                    seen.pictures += 1
                    picture_off_s = came_s - truth_s
                    seen.last_utc_s = abs(picture_off_s - off_s)
                    seen.worst_utc_s = max(seen.worst_utc_s, seen.last_utc_s)
                    continue
                seen.sounds += 1
                if truth_s > REPORTED_S:
                    seen.worst_sound_s = max(seen.worst_sound_s, abs(came_s - truth_s - picture_off_s))
            while corrections and corrections[0].at_s <= passed_s:
                step = corrections.pop(0)
                off_s += step.by_s
                clock.jump_utc(step.by_s)
        seen.notes = dict(connection.notes)
        seen.runs = sum(isinstance(message, RunStarted) for message in received)
        return seen

    return run


CAMERAS = [Step(600.0, -5.0), Step(1500.0, 0.4), Step(2400.0, 3600.0), Step(3000.0, -0.3), Step(5000.0, -3600.0)]
OURS = [Step(1000.0, 0.04), Step(4000.0, -0.06), Step(6000.0, 0.03)]
"""All clocks are set now and then, as those are that ask a time server."""


def assert_in_time(seen: Seen, *, pictures: float) -> None:
    assert seen.runs == 1
    assert seen.pictures >= pictures
    assert seen.notes["missing"] == seen.notes["damaged"] == seen.notes["clock_jumps"] == 0
    assert seen.worst_utc_s <= UTC_WITHIN_S
    assert seen.worst_sound_s <= SOUND_WITHIN_S


def test_two_hours_are_recorded_at_their_time(simulate: Simulate) -> None:
    camera = Simulated(FakeClock(), 200.0, -200.0, set_by=CAMERAS)
    seen = simulate(camera, 2.0, OURS)
    print(f"\ntwo hours, pictures +200 ppm, sound -200 ppm: {seen}")
    assert_in_time(seen, pictures=2 * 3600 * camera.fps - 10)
    drifted_s = 2 * 3600 * 200e-6
    assert seen.notes["clock_offset_s"] == pytest.approx(camera.off_s + drifted_s - sum(s.by_s for s in OURS), abs=0.15)
    assert 0 < seen.notes["latency_s"] < 0.3


@pytest.mark.long
@pytest.mark.parametrize("ppm", [(200.0, -200.0), (-200.0, 200.0)])
def test_a_day_is_recorded_at_its_time(simulate: Simulate, ppm: tuple[float, float]) -> None:
    day = [Step(hour * 3600.0 + step.at_s, step.by_s) for hour in range(0, 24, 2) for step in CAMERAS]
    seen = simulate(Simulated(FakeClock(), *ppm, set_by=day), 24.0)
    print(f"\na day, {ppm[0]:+g} and {ppm[1]:+g} ppm: {seen}")
    assert_in_time(seen, pictures=24 * 3600 * 5 - 10)


@pytest.mark.parametrize("ppm", [(-200.0, 200.0), (0.0, 0.0)])
def test_pictures_that_no_marker_ends_are_no_later(simulate: Simulate, ppm: tuple[float, float]) -> None:
    seen = simulate(Simulated(FakeClock(), *ppm, marks=False), 0.2)
    assert_in_time(seen, pictures=0.2 * 3600 * 5 - 10)


def test_without_reports_sound_stays_within_what_arrivals_tell(simulate: Simulate) -> None:
    seen = simulate(Simulated(FakeClock(), -200.0, 200.0, reports=False), 0.3)
    assert seen.worst_utc_s <= UTC_WITHIN_S
    assert seen.worst_sound_s < 0.3
    assert "clock_offset_s" not in seen.notes


def test_our_own_clock_may_be_corrected_without_a_break(simulate: Simulate) -> None:
    seen = simulate(Simulated(FakeClock()), 0.4, [Step(60.0, 0.3)])
    assert seen.runs == 1
    assert seen.worst_utc_s == pytest.approx(0.3, abs=0.1)
    assert seen.last_utc_s <= UTC_WITHIN_S


def test_a_clock_that_was_never_set_is_not_believed(simulate: Simulate) -> None:
    seen = simulate(Simulated(FakeClock(), off_s=-800_000_000.0), 0.05)
    assert "clock_offset_s" not in seen.notes
    assert seen.worst_utc_s <= UTC_WITHIN_S

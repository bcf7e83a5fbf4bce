"""What keeps a stream coming, alone and with many others in one thread."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tawny.engine import SharedThread
from tawny.model.errors import (
    SourceClosed,
    SourceError,
    SourceFinished,
    SourceLoginWeaker,
    SourceNotFound,
    SourceRefused,
    SourceUnreachable,
)
from tawny.model.ids import CameraId, StreamName
from tawny.model.packets import SourcePacket
from tawny.model.segments import GapEvidence
from tawny.model.times import SystemClock
from tawny.sources.rtsp.source import Rtsp
from tawny.sources.source import CameraConnection, IdleUntil, SourceContext, SourceLoginUnknown
from tawny.stream.hub import Hub
from tawny.stream.session import LINGER_S, OWN_PLACE_S, PacketDemand, StreamReader, StreamSession
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.clock import FakeClock
from tawny.testing.rtsp_camera import RtspCamera
from tawny.testing.rtsp_viewer import CameraSetup, random_bytes, random_payloads
from tawny.testing.waiting import until

CLIP = made_clip(ClipSpec(seconds=2))


class Scripted:
    """Gives what it is told to, one thing a read."""

    notes: Mapping[str, Any] = {"fps": 15.0}

    def __init__(self, *gives: SourcePacket | IdleUntil | Exception) -> None:
        self._gives = list(gives)
        self.is_closed = False

    def read(self) -> SourcePacket | IdleUntil:
        given = self._gives.pop(0) if self._gives else IdleUntil(0.097)
        if isinstance(given, Exception):
            raise given
        return given

    def close(self) -> None:
        self.is_closed = True


class Heard:
    """A listener that writes down what it hears."""

    def __init__(self) -> None:
        self.words: list[object] = []
        self.notes: list[dict[str, Any]] = []

    def connected(self, notes: Mapping[str, Any]) -> None:
        self.words.append(dict(notes))

    def noted(self, notes: Mapping[str, Any]) -> None:
        self.notes.append(dict(notes))

    def failed(self, error: SourceError) -> None:
        self.words.append(error.code)


class Bench:
    def __init__(self, *connections: CameraConnection | SourceError) -> None:
        self.clock, self.hub, self.heard, self.pace = FakeClock(), Hub(), Heard(), PacketDemand()
        self._connections = list(connections)
        session = StreamSession(CameraId("porch"), StreamName.MAIN, self.hub, self.clock, lambda message: None)
        self.reader = StreamReader("porch", self._open, session, self.heard, self.clock, self.pace)

    def _open(self) -> CameraConnection:
        given = self._connections.pop(0)
        if isinstance(given, SourceError):
            raise given
        return given


def test_all_that_is_there_is_taken_in_one_step() -> None:
    bench = Bench(Scripted(*CLIP.packets))
    assert bench.reader.step() == pytest.approx(0.097)
    bench.clock.advance(1.0)
    bench.reader.step()
    assert [packet.data for packet in bench.hub.recent(60)] == [packet.data for packet in CLIP.packets]


def test_who_is_watched_is_asked_more_often_and_for_a_while_after() -> None:
    bench = Bench(Scripted())
    assert bench.reader.step() == pytest.approx(0.097)
    bench.pace.watched_by(2, bench.clock.mono_s())
    assert bench.reader.step() == pytest.approx(0.019)
    bench.pace.watched_by(1, bench.clock.mono_s())
    bench.clock.advance(LINGER_S + 1)
    assert bench.reader.step() == pytest.approx(0.019)
    bench.pace.watched_by(0, bench.clock.mono_s())
    bench.clock.advance(LINGER_S - 0.1)
    assert bench.reader.step() == pytest.approx(0.019)
    bench.clock.advance(0.2)
    assert bench.reader.step() == pytest.approx(0.097)


def test_it_is_connected_once_packets_come() -> None:
    bench = Bench(Scripted(IdleUntil(0.1), IdleUntil(0.1), *CLIP.packets))
    bench.reader.step()
    assert bench.heard.words == []
    bench.reader.step()
    bench.reader.step()
    assert bench.heard.words == [{"fps": 15.0}]


def test_after_an_end_it_is_tried_again_soon_and_after_a_refusal_later() -> None:
    first, refused = Scripted(*CLIP.packets[:3], SourceClosed("rtsp://cam", "gone")), SourceRefused("rtsp://cam")
    bench = Bench(first, refused, Scripted(*CLIP.packets))
    assert bench.reader.step() < 1.0
    assert first.is_closed
    assert bench.reader.step() > 3.0
    bench.reader.step()
    assert bench.heard.words == [{"fps": 15.0}, "closed", "login-refused", {"fps": 15.0}]


def paces(*errors: SourceError, holds: bool = False) -> list[float]:
    """The pauses after these errors, without the spread."""
    bench = Bench(*errors)
    bench.pace.holds = lambda: holds
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tawny.engine.backoff.SPREAD", 0.0)
        return [bench.reader.step() for _ in errors]


def test_a_password_that_is_refused_is_tried_ever_less_often() -> None:
    assert paces(*[SourceRefused("rtsp://cam")] * 9) == [4, 10, 20, 30, 60, 120, 300, 300, 300]


def test_after_another_answer_a_refused_password_is_tried_as_soon_as_at_first() -> None:
    refused = SourceRefused("rtsp://cam")
    assert paces(*[refused] * 5, SourceClosed("rtsp://cam", "gone"), refused)[-1] == 4


@pytest.mark.parametrize("error", [SourceLoginWeaker("rtsp://cam", ""), SourceLoginUnknown("rtsp://cam", "")])
def test_a_camera_that_was_sent_no_password_is_tried_every_half_minute(error: SourceError) -> None:
    assert paces(*[error] * 9)[-1] == 30


@pytest.mark.parametrize(("holds", "pauses_s"), [(True, [300, 300]), (False, [4, 10])])
def test_a_refused_stream_that_is_held_back_waits_the_longest(holds: bool, pauses_s: list[float]) -> None:
    assert paces(*[SourceRefused("rtsp://cam")] * 2, holds=holds) == pauses_s


def test_a_right_that_is_missing_is_tried_every_half_minute() -> None:
    refused = SourceRefused("rtsp://cam", "", GapEvidence("login-refused", peer_status="403 Forbidden"))
    assert paces(*[refused] * 9)[-1] == 30


def test_a_password_that_was_right_for_a_minute_is_tried_as_soon_as_at_first() -> None:
    refused = SourceRefused("rtsp://cam")
    bench = Bench(*[refused] * 5, Scripted(*CLIP.packets, IdleUntil(0.1), refused))
    for _ in range(6):
        bench.reader.step()
    bench.clock.advance(61)
    assert bench.reader.step() < 5


FULL_WORDS = ["busy", "session"]


@pytest.mark.parametrize("word", FULL_WORDS)
def test_a_camera_without_a_place_is_given_time_to_free_one(word: str) -> None:
    full = SourceError("rtsp://cam", "no place", GapEvidence(word=word))
    bench = Bench(full, full, SourceUnreachable("rtsp://cam"), full)
    bench.clock.advance(OWN_PLACE_S + 1)
    first_s, second_s = bench.reader.step(), bench.reader.step()
    assert 4.0 <= first_s <= 6.0
    assert second_s > 1.3 * first_s
    assert bench.reader.step() <= 3.0
    assert 4.0 <= bench.reader.step() <= 6.0


@pytest.mark.parametrize("word", FULL_WORDS)
@pytest.mark.parametrize("is_restart", [True, False])
def test_a_place_that_was_ours_is_asked_for_often_for_a_minute(word: str, is_restart: bool) -> None:
    """After a lost connection, and after a start: the former process may have lost one when it was killed."""
    full = SourceError("rtsp://cam", "no place", GapEvidence(word=word))
    lost = Scripted(*CLIP.packets[:3], SourceClosed("rtsp://cam", "gone"))
    bench = Bench(*([] if is_restart else [lost]), *[full] * 60)
    if not is_restart:
        bench.clock.advance(3600)
        bench.reader.step()
    waits, begun_s = [], bench.clock.mono_s()
    while bench.clock.mono_s() - begun_s < OWN_PLACE_S:
        waits.append(bench.reader.step())
        bench.clock.advance(waits[-1])
    assert all(2.0 <= wait_s <= 3.0 for wait_s in waits)
    assert 4.0 <= bench.reader.step() <= 6.0


def subclasses_of(kind: type[SourceError]) -> list[type[SourceError]]:
    return [kind, *(deeper for sub in kind.__subclasses__() for deeper in subclasses_of(sub))]


ALL_ERRORS = [kind for kind in subclasses_of(SourceError) if kind is not SourceFinished]


@pytest.mark.shows("RC10")
@pytest.mark.parametrize("kind", ALL_ERRORS)
def test_each_trouble_is_logged_once_and_its_end_with_a_count(
    kind: type[SourceError], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "tawny.stream.session")
    tries = 1000
    errors = [kind("rtsp://cam", f"attempt {n}") for n in range(tries)]
    bench = Bench(*errors, Scripted(*CLIP.packets))
    for _ in range(tries):
        bench.clock.advance(bench.reader.step())
    assert [record.getMessage() for record in caplog.records] == [f"porch: {errors[0]}"]
    bench.reader.step()
    assert caplog.messages[1:] == [f"porch: connected after {tries} failed attempts"]
    assert len(bench.heard.words) == tries + 1  # the listener still hears of every attempt


@pytest.mark.parametrize("kind", ALL_ERRORS)
def test_another_trouble_is_logged_also_without_a_recovery(
    kind: type[SourceError], caplog: pytest.LogCaptureFixture
) -> None:
    others = [other("rtsp://cam", "this") for other in ALL_ERRORS if other is not kind]
    for other in others:
        caplog.clear()
        bench = Bench(*[kind("rtsp://cam", "that")] * 3, *[other] * 3)
        for _ in range(6):
            bench.clock.advance(bench.reader.step())
        assert caplog.messages == [f"porch: {kind('rtsp://cam', 'that')}", f"porch: {other}"]


def test_a_camera_that_alternates_between_troubles_does_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "tawny.stream.session")
    troubles: list[CameraConnection | SourceError] = []
    for _ in range(200):
        flap = Scripted(*CLIP.packets[:3], SourceClosed("rtsp://cam", "gone"))
        troubles += [SourceNotFound("rtsp://cam", "404"), flap, SourceUnreachable("rtsp://cam", "no route")]
    bench = Bench(*troubles)
    for _ in range(600):
        bench.clock.advance(bench.reader.step())
    assert len(caplog.messages) <= 6


def test_every_loss_of_a_connection_that_held_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    lost = SourceClosed("rtsp://cam", "gone")
    bench = Bench(*[Scripted(*CLIP.packets[:3], IdleUntil(300), lost) for _ in range(3)])
    for _ in range(6):
        bench.clock.advance(bench.reader.step())
    assert caplog.messages == [f"porch: {lost}"] * 3


def test_an_endless_source_does_not_keep_the_others_waiting() -> None:
    class Endless(Scripted):
        def read(self) -> SourcePacket:
            return CLIP.packets[0]

    assert Bench(Endless()).reader.step() == 0.0


# --- many in one thread


class Broken(Scripted):
    """Our own mistake, in the middle of a stream."""

    def read(self) -> SourcePacket | IdleUntil:
        raise ZeroDivisionError("a mistake in the code")


def begun(engine: SharedThread, name: str, open_source: Callable[[], CameraConnection]) -> Hub:
    clock, hub = SystemClock(), Hub(keep_s=60)
    session = StreamSession(CameraId(name), StreamName.MAIN, hub, clock, lambda message: None)
    engine.start(name, lambda: StreamReader(name, open_source, session, Heard(), clock))
    return hub


@pytest.mark.shows("DY7")
def test_cameras_that_send_anything_or_break_our_code_cost_the_others_nothing() -> None:
    died: list[str] = []
    engine, clock, source = (
        SharedThread("ingest", SystemClock(), lambda name, error: died.append(name)),
        SystemClock(),
        Rtsp(),
    )

    def opener(address: str) -> Callable[[], CameraConnection]:
        opening = SourceContext(CameraId("any"), StreamName.MAIN, address, source.settings({}), clock)
        return lambda: source.begin(opening)

    clip = made_clip(ClipSpec(seconds=4))
    with RtspCamera(clip, CameraSetup(speed=4, passes=3)) as good, RtspCamera(clip, CameraSetup(speed=4)) as bad:
        begun(engine, "broken", Broken)
        begun(engine, "unreachable", opener("rtsp://127.0.0.1:1/none"))
        for _ in range(3):
            begun(engine, "random", opener(bad.address))
        hubs = [begun(engine, f"good-{n}", opener(good.address)) for n in range(4)]
        until(lambda: all(hub.newest for hub in hubs))
        bad.faults.packets, bad.faults.between = random_bytes(), b"$\0\x12 and more" * 50
        until(lambda: all(hub.newest and hub.newest.number >= 60 for hub in hubs), 60)
        bad.faults.packets = random_payloads()
        until(lambda: all(hub.newest and hub.newest.number >= 179 for hub in hubs), 60)
        served = [[unit.data for unit in viewer.sent] for viewer in good.playing[:4]]
    assert engine.stop() == []
    assert "broken" in died
    assert not any(name.startswith("good") for name in died)
    came = [[packet.data for packet in hub.recent(60)][:180] for hub in hubs]
    assert came == [data[:180] for data in served]


def test_what_a_connection_notes_is_told_now_and_then() -> None:
    bench = Bench(Scripted(*CLIP.packets[:5]))
    for _ in range(200):
        bench.reader.step()
        bench.clock.advance(0.1)
    assert bench.heard.notes[0] == {"fps": 15.0}
    assert 3 <= len(bench.heard.notes) <= 5

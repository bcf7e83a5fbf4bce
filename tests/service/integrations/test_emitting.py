"""Programs that are told what happens: by datagram, webhook and script; in tawny's form and in Pancake's."""

import json
import logging
import secrets
import socket
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast
from unittest.mock import Mock
from zoneinfo import ZoneInfo

import pytest

from tawny.config.integrations import EmitterSettings
from tawny.delivery.notifier import HEADER, HttpApi, signed_at, too_slow
from tawny.delivery.scripts import ScriptRunner
from tawny.engine import InlineEngine, ThreadEngine
from tawny.media.codec.video_file import FileVideo
from tawny.model.events import Event, new_event_id
from tawny.model.ids import CameraId
from tawny.model.messages import EventChanged, FileFinished, GapChanged, SegmentClosed
from tawny.model.segments import Gap, GapReason
from tawny.model.times import SystemClock
from tawny.playback.clips import ClipCache
from tawny.service.integrations.emitter_worker import (
    GIVEN_UP_S,
    MOST_ASKED_S,
    MOST_CLIPS,
    MOST_LASTING,
    MOST_WAITING,
    EmitterWorker,
    MessageFormat,
    NativeFormat,
    PancakeFormat,
    emitter_of,
)
from tawny.service.integrations.integration_service import CommandMeans, IntegrationService
from tawny.testing.clock import FakeClock
from tawny.testing.http_service import StandIn, served
from tests.api.fakes import FakeRecorder
from tests.app.rig import settings
from tests.playback.archives import PORCH, SUB
from tests.service.integrations.test_inputs import Kept

YARD = CameraId("yard")
BERLIN = ZoneInfo("Europe/Berlin")


class Receiver:
    """A program that is bound to an abstract name, as Pancake's post-processor is."""

    def __init__(self, name: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(f"\0{name}")
        self._socket.setblocking(False)

    def got(self) -> list[dict[str, Any]]:
        found = []
        while True:
            try:
                found.append(json.loads(self._socket.recv(513)))
            except BlockingIOError:
                return found

    def close(self) -> None:
        self._socket.close()


class Bench:
    def __init__(self, root: Path) -> None:
        self.clock, self.root = FakeClock(), root
        self.recorder = FakeRecorder(root, self.clock)
        self.engine = InlineEngine(self.clock, lambda _, error: pytest.fail(str(error)))
        self.name = f"tawny-test-{secrets.token_hex(8)}"
        self.scripts = ScriptRunner(root, 20, SystemClock())

    def emit(self, edges: Sequence[str] = (), **about: Any) -> EmitterWorker:
        one = EmitterSettings.model_validate({"url": f"unix:@{self.name}", **about})
        form: MessageFormat = NativeFormat(one, self.clock, self.recorder.segment_path)
        if one.format == "pancake":
            path, clips = self.recorder.segment_path, ClipCache(self.recorder)
            form = PancakeFormat(one, self.clock, path, clips, BERLIN, frozenset(edges))
        made = EmitterWorker("it", lambda: emitter_of(one, self.scripts, self.clock), form, self.clock)
        made.handle.start(self.engine, "it", lambda: made)
        self.recorder.bus.subscribe_all(made.on_message)
        return made

    def event(self, kind: str = "motion", camera: CameraId = PORCH) -> Event:
        now_ms = self.clock.now_ms()
        event = Event(new_event_id(now_ms), camera, kind, now_ms, None, 60.0)
        self.recorder.bus.publish(EventChanged("started", event))
        return event

    def end(self, event: Event) -> None:
        self.recorder.bus.publish(EventChanged("ended", event.ended(self.clock.now_ms())))

    def closed(self, camera: CameraId = PORCH, **about: Any) -> str:
        segment = self.recorder.record(self.clock.now_ms() - 4000, camera=camera, **about)
        self.recorder.bus.publish(SegmentClosed(segment))
        return str(self.recorder.segment_path(segment))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.engine.stop()


@pytest.fixture
def receiver(bench: Bench) -> Iterator[Receiver]:
    made = Receiver(bench.name)
    yield made
    made.close()


# --- Pancake's objects (PK17) ----------------------------------------------------------------------------------------


@pytest.mark.shows("PK17")
def test_a_finished_file_is_told_as_pancake_does(bench: Bench, receiver: Receiver) -> None:
    bench.emit(format="pancake", cameras=["porch"])
    path = bench.closed()
    bench.closed(camera=YARD)
    bench.closed(stream=SUB)
    bench.engine.run_for(1)
    assert receiver.got() == [{"h264": path}]


def finished(one: str, edge: str = "", camera: CameraId = PORCH) -> FileFinished:
    return FileFinished(one, f"{one}.mp4", "/srv/out", camera, 0, 1000, 10, edge=edge)


def test_files_of_sets_are_told_instead_of_recordings(bench: Bench, receiver: Receiver) -> None:
    """PK9 to PK12: with the detection, where a file is about one edge."""
    bench.emit(format="pancake", cameras=["porch"], files=["quarters", "edges"], edges=["start", "end"])
    bench.closed()
    event = bench.event()
    for one in (finished("quarters"), finished("edges", "start"), finished("other"), finished("quarters", "", YARD)):
        bench.recorder.bus.publish(one)
    bench.recorder.bus.publish(finished("edges", "end"))
    bench.end(event)
    bench.engine.run_for(5)
    assert receiver.got() == [
        {"h264": "/srv/out/quarters.mp4"},
        {"h264": "/srv/out/edges.mp4", "detection": True},
        {"h264": "/srv/out/edges.mp4", "detection": False},
    ]


def test_a_file_that_ends_an_event_follows_its_detection(bench: Bench, receiver: Receiver) -> None:
    """PK11."""
    bench.emit(format="pancake", cameras=["porch"], files=["all"], edges=["start"])
    event = bench.event()
    bench.engine.run_for(5)
    bench.recorder.bus.publish(finished("all", "start"))
    bench.engine.run_for(20)
    bench.end(event)
    bench.engine.run_for(4)
    bench.recorder.bus.publish(finished("all"))
    bench.engine.run_for(1)
    path = "/srv/out/all.mp4"
    assert receiver.got() == [{"h264": path, "detection": True}, {"detection": False}, {"h264": path}]


def test_a_finished_file_is_told_with_its_path(bench: Bench, receiver: Receiver) -> None:
    bench.emit(events=["file"])
    bench.recorder.bus.publish(finished("quarters"))
    bench.engine.run_for(1)
    (answer,) = receiver.got()
    assert (answer["type"], answer["camera"], answer["id"]) == ("file.finished", "porch", "quarters.mp4")
    assert answer["file"] == {
        "set": "quarters", "name": "quarters.mp4", "start": "1970-01-01T00:00:00.000Z",
        "end": "1970-01-01T00:00:01.000Z", "size_bytes": 10, "event": None, "path": "/srv/out/quarters.mp4",
    }  # fmt: skip


def test_detection_is_told_three_seconds_after_it_began_and_ended(bench: Bench, receiver: Receiver) -> None:
    bench.emit(format="pancake", cameras=["porch"])
    first, second = bench.event(), bench.event("person")
    bench.event(camera=YARD)
    bench.engine.run_for(2.9)
    assert receiver.got() == []
    bench.engine.run_for(0.2)
    assert receiver.got() == [{"detection": True}]
    bench.end(first)
    bench.engine.run_for(5)
    assert receiver.got() == []
    bench.end(second)
    bench.end(second)
    bench.engine.run_for(5)
    assert receiver.got() == [{"detection": False}]


def test_the_end_of_an_event_that_got_another_level_is_told(bench: Bench, receiver: Receiver) -> None:
    bench.emit(format="pancake", cameras=["porch"], levels=["motion"])
    for _ in range(2):
        event = bench.event("motion")
        bench.engine.run_for(5)
        assert receiver.got() == [{"detection": True}]
        bench.end(replace(event, kind="person", level="alert"))
        bench.engine.run_for(5)
        assert receiver.got() == [{"detection": False}]


def test_what_is_told_when_it_is_over_has_both_edges(bench: Bench, receiver: Receiver) -> None:
    bench.emit(format="pancake", cameras=["porch"])
    now_ms = bench.clock.now_ms()
    event = Event(new_event_id(now_ms), PORCH, "object", now_ms - 9000, None, 100.0)
    bench.recorder.bus.publish(EventChanged("started", event))
    bench.recorder.bus.publish(EventChanged("ended", event.ended(now_ms - 5000)))
    bench.engine.run_for(0.1)
    assert receiver.got() == [{"detection": True}, {"detection": False}]


@pytest.mark.shows("PK10")
def test_an_edge_comes_with_its_clip_of_six_seconds(bench: Bench, receiver: Receiver, tmp_path: Path) -> None:
    clips = tmp_path / "clips"
    clips.mkdir()
    for number in range(MOST_CLIPS):
        (clips / f"20200101-{number:06d}.mp4").touch()
    (clips / "mine.mp4").touch()
    bench.emit(format="pancake", cameras=["porch"], clips=str(clips))
    edge_ms = bench.clock.now_ms()
    for start_ms in (edge_ms - 8000, edge_ms - 4000, edge_ms, edge_ms + 4000):
        bench.recorder.record(start_ms)
    bench.event()
    bench.engine.run_for(5)
    (answer,) = receiver.got()
    path = Path(answer["h264"])
    assert (answer["detection"], path.parent) == (True, clips)
    assert len(path.stem) == len("20261120-055812")
    assert path.read_bytes()[4:8] == b"ftyp"
    assert 5.5 < FileVideo(path).duration_s < 7.5
    assert len(list(clips.glob("2*.mp4"))) == MOST_CLIPS
    assert (clips / "mine.mp4").exists()


@pytest.mark.shows("PK17")
def test_no_receiver_costs_only_its_messages(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    made = bench.emit(format="pancake", cameras=["porch"])
    bench.closed()
    bench.closed()
    bench.engine.run_for(1)
    assert (made.sent, made.dropped, made.waiting) == (0, 2, 0)
    assert bench.name in made.trouble
    assert len([one for one in caplog.records if one.levelno == logging.WARNING]) == 1
    late = Receiver(bench.name)
    path = bench.closed()
    bench.engine.run_for(1)
    assert late.got() == [{"h264": path}]
    assert made.trouble == ""
    late.close()


def test_no_other_try_is_promised_where_there_is_none(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.emit()
    bench.event()
    bench.engine.run_for(1)
    assert caplog.records[-1].message.endswith("isn't responding (Connection refused). It isn't sent again.")


def test_what_a_webhook_refused_is_not_said_to_be_tried_again(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    with served(StandIn()) as service:
        service.reply = lambda asked: (400, {})
        made = bench.emit(url=f"webhook+{service.base}/")
        bench.event()
        bench.engine.run_for(1)
        assert made.dropped == 1
    assert caplog.records[-1].message.endswith("It isn't sent again.")


def test_what_a_webhook_misses_is_said_with_the_remedy_and_that_it_is_dropped(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    with served(StandIn()) as service:
        service.reply = lambda asked: (410, {})
        bench.emit(url=f"webhook+{service.base}/")
        bench.event()
        bench.engine.run_for(1)
    assert caplog.records[-1].message.endswith("or correct its name in the settings. It isn't sent again.")


@pytest.mark.parametrize("status", [429, 500])
@pytest.mark.parametrize(
    ("asked", "wait_s"), [("30", 30), ("9999", MOST_ASKED_S), ("Fri, 31 Dec 2100 23:59:59 GMT", MOST_ASKED_S)]
)
def test_a_webhook_is_left_alone_for_as_long_as_it_asks_for(
    bench: Bench, asked: str, wait_s: float, status: int
) -> None:
    with served(StandIn(fails=[(status, {})] * 2, headers={"Retry-After": asked})) as service:
        bench.emit(url=f"webhook+{service.base}/")
        bench.event()
        bench.engine.run_for(wait_s - 1)
        assert len(service.fails) == 1
        bench.engine.run_for(2)
        assert not service.fails


def test_an_object_that_the_line_is_too_slow_for_is_sent_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was dropped at once, where a response that came too late was waited for again."""
    tries: list[str] = []

    def ask(*_: Any) -> None:
        tries.append("")
        raise too_slow("the webhook", 20_000)

    monkeypatch.setattr(HttpApi, "ask", ask)
    emitter = bench.emit(url="webhook+http://127.0.0.1:9/")
    bench.event()
    bench.engine.run_for(60)
    assert (len(tries) > 1, emitter.dropped) == (True, 0)


def test_at_a_stop_pancake_gets_the_detection_at_once(bench: Bench, receiver: Receiver) -> None:
    emitting = bench.emit(format="pancake", cameras=["porch"])
    bench.end(bench.event())
    emitting.hurry()
    bench.engine.run_for(0.01)
    assert [one["detection"] for one in receiver.got()] == [True, False]


def test_a_script_that_runs_for_the_last_message_may_finish(bench: Bench) -> None:
    """It was killed."""
    script, done = bench.root / "slow.sh", bench.root / "done"
    script.write_text(f"#!/bin/sh\nsleep 0.5\ntouch {done}\n")
    script.chmod(0o700)
    chosen = settings(f'[scripts]\nfolder = "{bench.root}"\n[webhooks.it]\nurl = "run:slow.sh"\n')
    clock = SystemClock()
    engine = ThreadEngine(clock, lambda name, error: pytest.fail(f"{name}: {error}"))
    means = CommandMeans(Mock(), Mock(), Kept(), Mock())
    programs = IntegrationService(lambda: chosen, cast("Any", bench.recorder), means, clock, engine)
    programs.start()
    programs.end_commands()
    bench.event()
    programs.close()
    assert done.exists()


def test_what_waits_as_the_recorder_ends_is_logged(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """Objects for a receiver that was away were gone after a restart, without a word."""
    chosen = settings('[webhooks.hook]\nurl = "webhook+http://127.0.0.1:9/"\n')
    means = CommandMeans(Mock(), Mock(), Kept(), Mock())
    programs = IntegrationService(lambda: chosen, cast("Any", bench.recorder), means, bench.clock, bench.engine)
    programs.start()
    bench.event()
    bench.event()
    bench.engine.run_for(1)
    programs.end_commands()
    programs.close()
    assert "webhook hook: objects that were not sent: 2" in caplog.messages


def test_one_that_reads_nothing_holds_up_nobody(bench: Bench, receiver: Receiver) -> None:
    made = bench.emit(format="pancake", cameras=["porch"])
    path = bench.recorder.record(bench.clock.now_ms() - 4000)
    for _ in range(600):
        bench.recorder.bus.publish(SegmentClosed(path))
    bench.engine.run_for(1)
    assert made.dropped > 0
    assert made.dropped + len(receiver.got()) == 600


# --- our own objects -------------------------------------------------------------------------------------------------


@pytest.mark.shows("DY6")
def test_programs_here_get_what_follow_prints_and_the_files_path(bench: Bench, receiver: Receiver) -> None:
    bench.emit()
    path = bench.closed()
    event = bench.event("person")
    bench.engine.run_for(1)
    closed, started = receiver.got()
    assert (closed["type"], closed["camera"], closed["segment"]["mp4"]) == ("segment.closed", "porch", path)
    assert {"start", "end", "stream"} <= set(closed["segment"])
    assert (started["type"], started["id"], started["event"]["type"]) == ("event.started", event.id, "person")


def test_only_what_is_wanted_is_told(bench: Bench, receiver: Receiver) -> None:
    bench.emit(events=["event", "gap"], kinds=["person"], cameras=["porch"])
    bench.closed()
    bench.event("motion")
    bench.event("person", camera=YARD)
    bench.recorder.bus.publish(GapChanged(Gap(PORCH, 1000, None, GapReason.CAMERA_RESTART, "")))
    bench.event("person")
    bench.engine.run_for(1)
    assert [one["type"] for one in receiver.got()] == ["gap.started", "event.started"]


def test_what_a_person_deletes_is_no_gap_that_ended(bench: Bench, receiver: Receiver) -> None:
    bench.emit(events=["gap"])
    bench.recorder.bus.publish(GapChanged(Gap(PORCH, 1000, 9000, GapReason.REMOVED, "deleted by Anna")))
    bench.recorder.bus.publish(GapChanged(Gap(PORCH, 9000, None, GapReason.CAMERA_RESTART, "")))
    bench.engine.run_for(1)
    assert [one["type"] for one in receiver.got()] == ["gap.started"]


def test_an_event_that_was_sent_is_followed_to_its_end(bench: Bench) -> None:
    """Its type and level change while it lasts: a light that its start turned on stayed on."""
    native = NativeFormat(EmitterSettings(url="unix:@x", kinds=["motion"], levels=["motion"]), bench.clock, None)

    def sends(what: str, event: Event) -> bool:
        return bool(native.of(EventChanged(what, event)))

    event, other = bench.event("motion"), bench.event("person")
    changed = replace(event, kind="person", level="alert")
    assert sends("started", event)
    assert not sends("started", other)
    assert sends("updated", changed)
    assert sends("ended", changed.ended(changed.start_ms))
    assert not sends("updated", changed.ended(changed.start_ms))
    assert not sends("ended", other.ended(other.start_ms))


def test_events_that_never_end_are_not_remembered_for_ever(bench: Bench) -> None:
    native = NativeFormat(EmitterSettings(url="unix:@x", kinds=["motion"]), bench.clock, None)
    events = [Event(new_event_id(number), PORCH, "motion", number, None, 60.0) for number in range(MOST_LASTING + 1)]
    for event in events:
        assert native.of(EventChanged("started", event))
    ends = [native.of(EventChanged("ended", replace(one, kind="person").ended(one.start_ms))) for one in events]
    assert [bool(one) for one in ends] == [False] + [True] * MOST_LASTING


def test_a_path_of_a_socket_works_too(bench: Bench) -> None:
    path = Path(f"/tmp/tawny-{secrets.token_hex(8)}.sock")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(str(path))
        try:
            bench.emit(url=f"unix:{path}")
            bench.event()
            bench.engine.run_for(1)
            assert json.loads(bound.recv(65536))["type"] == "event.started"
        finally:
            path.unlink()


def test_a_webhook_is_signed_and_tried_again(bench: Bench) -> None:
    with served(StandIn()) as service:
        service.fails = [(503, {}), None]
        made = bench.emit(url=f"webhook+{service.base}/hook/pLanted", secret="s3cret")
        bench.event()
        bench.event()
        bench.engine.run_for(0.5)
        assert (made.waiting, bool(made.trouble)) == (2, True)
        assert "pLanted" not in made.trouble
        bench.engine.run_for(60)
        assert (made.sent, made.waiting, made.trouble) == (2, 0, "")
    first, second = service.asked
    assert first.body != second.body
    assert first.headers["idempotency-key"] != second.headers["idempotency-key"]
    assert signed_at(second.headers[HEADER.lower()], "s3cret", second.body) is not None
    assert '"mp4"' not in second.body.decode()


def test_each_object_has_a_key_of_its_own_that_stays_when_it_is_sent_again(bench: Bench) -> None:
    """A mark that is set, removed and set again is the same object twice, and both count."""
    with served(StandIn()) as service:
        service.reply = lambda asked: (503 if len(service.asked) % 2 else 200, {})
        bench.emit(url=f"webhook+{service.base}/")
        event = bench.event()
        bench.recorder.bus.publish(EventChanged("started", event))
        bench.engine.run_for(60)
    first, second, third, fourth = [(one.body, one.headers["idempotency-key"]) for one in service.asked]
    assert first == second
    assert third == fourth
    assert first[0] == third[0]
    assert first[1] != third[1]


def test_an_object_that_the_receiver_fails_with_is_given_up_and_the_next_one_goes_on(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    with served(StandIn()) as service:
        poison = bench.event("sound")
        service.reply = lambda asked: (500, {}) if poison.id.encode() in asked.body else (204, {})
        made = bench.emit(url=f"webhook+{service.base}/")
        bench.recorder.bus.publish(EventChanged("started", poison))
        other = bench.event()
        bench.engine.run_for(GIVEN_UP_S - 5)
        assert (made.sent, made.dropped, made.waiting) == (0, 0, 2), "a receiver may restart meanwhile"
        assert made.trouble == "the webhook at 127.0.0.1 didn't accept it: it responded with 500."
        bench.engine.run_for(60)
        assert (made.sent, made.dropped, made.waiting, made.trouble) == (1, 1, 0, "")
        assert other.id.encode() in service.asked[-1].body
    assert [one.message for one in caplog.records if poison.id in one.message] == [
        f"event.started {poison.id} was not sent: the webhook at 127.0.0.1 didn't accept it: it responded with 500."
    ]


def test_a_receiver_that_comes_back_late_gets_what_it_failed_with_before(bench: Bench) -> None:
    """It answers 500 as it stops and as it starts: few failures, hours apart."""
    with served(StandIn()) as service:
        service.reply = lambda asked: (500, {})
        made = bench.emit(url=f"webhook+{service.base}/")
        bench.event()
        bench.engine.run_for(5)
        bench.clock.advance(8 * 3600)
        bench.engine.run_for(0.1)
        service.reply = lambda asked: (204, {})
        bench.engine.run_for(60)
        assert (made.sent, made.dropped) == (1, 0)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_what_a_proxy_responds_for_a_receiver_that_is_away_drops_nothing(bench: Bench, status: int) -> None:
    with served(StandIn()) as service:
        service.reply = lambda asked: (status, {})
        made = bench.emit(url=f"webhook+{service.base}/")
        bench.event()
        bench.engine.run_for(6 * GIVEN_UP_S)
        assert (made.sent, made.dropped, made.waiting) == (0, 0, 1)
        assert f"couldn't take it now (it responded with {status})" in made.trouble


def test_what_cannot_be_reached_waits_for_longer(bench: Bench) -> None:
    with served(StandIn()) as service:
        base = service.base
    made = bench.emit(url=f"webhook+{base}/")
    bench.event()
    bench.engine.run_for(2 * GIVEN_UP_S)
    assert (made.dropped, made.waiting) == (0, 1)
    assert "isn't responding" in made.trouble


def test_where_files_lie_is_no_business_of_a_webhook(bench: Bench) -> None:
    one = EmitterSettings(url="webhook+https://example.org/")
    native = NativeFormat(one, bench.clock, None)
    segment = bench.recorder.record(bench.clock.now_ms() - 4000)
    (answer,) = native.of(SegmentClosed(segment))
    assert "mp4" not in answer.make()["segment"]


def test_a_webhook_that_refuses_is_not_asked_for_ever(bench: Bench) -> None:
    with served(StandIn()) as service:
        service.reply = lambda asked: (401, {})
        made = bench.emit(url=f"webhook+{service.base}/")
        bench.event()
        bench.engine.run_for(60)
    assert (made.dropped, len(service.asked)) == (1, 1)


def test_a_script_gets_each_object_and_what_it_says_is_shown(bench: Bench) -> None:
    script = bench.root / "seen.sh"
    script.write_text("#!/bin/sh\ncut -c1-24\n")
    script.chmod(0o755)
    bench.root.chmod(0o755)
    made = bench.emit(url="run:seen.sh")
    bench.event()
    bench.engine.run_for(1)
    assert made.answer == '{"type": "event.started"'
    script.write_text("#!/bin/sh\necho no such light\nexit 4\n")
    bench.event()
    bench.engine.run_for(1)
    assert made.trouble == "the script seen.sh didn't accept it: it exited with code 4: no such light."


def test_what_waits_is_bounded_and_the_oldest_make_way(bench: Bench) -> None:
    with served(StandIn()) as service:
        service.reply = lambda asked: (503, {})
        made = bench.emit(url=f"webhook+{service.base}/")
        for _ in range(MOST_WAITING + 50):
            bench.event()
        bench.engine.run_for(0.1)
        assert (made.waiting, made.dropped) == (MOST_WAITING, 50)


@pytest.mark.parametrize(
    "about",
    [
        {"url": "unix:relative"},
        {"url": "unix:@" + "x" * 101},
        {"url": "run:../x"},
        {"url": "run:"},
        {"url": "ftp://x"},
        {"url": "webhook+https://"},
        {"format": "pancake"},
        {"format": "pancake", "cameras": ["a", "b"]},
        {"clips": "/x"},
        {"secret": "x"},
        {"events": ["everything"]},
    ],
)
def test_settings_that_cannot_be_are_refused(about: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="alidation error"):
        EmitterSettings.model_validate({"url": "unix:@x", **about})

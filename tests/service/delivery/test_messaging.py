"""Notifiers of a whole recorder against a stand-in: words and pictures as composed, faults, kills, buttons, secrets."""

import hmac
import json
import logging
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import cv2
import numpy as np
import pytest

from tawny.config.modes import RuleAction
from tawny.config.settings import Settings
from tawny.delivery.courier import Courier
from tawny.delivery.delivery import DeliveryState, rest_of
from tawny.delivery.notifier import Attachment, Message
from tawny.delivery.notifiers import webpush
from tawny.delivery.outbox import Outbox
from tawny.engine import InlineEngine
from tawny.events.rule_engine import RuleDecision
from tawny.model.errors import DiskFull, NotDone, StorageError
from tawny.model.events import Event, new_event_id
from tawny.model.ids import CameraId
from tawny.model.messages import Alarm, EventChanged, ProblemKind
from tawny.model.states import CameraState
from tawny.protocols import http_connection
from tawny.service.delivery.message_actions import LASTS_MS
from tawny.service.delivery.notifications import ChannelUser, Notifications, Users
from tawny.service.delivery.upload_scheduler import DeliverySource
from tawny.service.delivery.uploads import Uploads
from tawny.service.modes.decider import Decider
from tawny.service.plugin_registry import PluginRegistry
from tawny.service.sealing.policy import SealedExport
from tawny.testing.clock import FakeClock
from tawny.testing.http_service import ReceivedRequest, Reply, StandIn, served
from tests.api.fakes import FakeRecorder
from tests.delivery.notifiers.test_webpush import Phone
from tests.playback.archives import PORCH

SECRET = "pLantedS3cretOfTheBot"
HOME = "https://cam.example.org"


class House(FakeRecorder):
    name, picture = "Front door", b"\xff\xd8 its picture"

    def camera_names(self) -> Mapping[CameraId, str]:
        return {**super().camera_names(), PORCH: self.name}

    def event_picture(self, event: Event) -> bytes | None:
        return self.picture


class AllUsers:
    """Any name is that of a member who sees all cameras."""

    def find(self, person: str) -> ChannelUser | None:
        return ChannelUser(person, person, may_change=True, may_see=lambda _: True)

    def may_see(self, person: str, camera: CameraId) -> bool:
        return True

    def is_signed_in(self, person: str, session: str) -> bool:
        return True

    def note(self, action: str, person: str, address: str, detail: str) -> None: ...


class Bench:
    """Telegram, as a stand-in, is told by a recorder whose minute at the porch is recorded."""

    users: Users = AllUsers()

    def __init__(self, root: Path, service: StandIn, **about: Any) -> None:
        self.clock, self.service, self.root = FakeClock(), service, root
        self.recorder = House(root, self.clock)
        phone = {"url": f"telegram://1:{SECRET}@42", "api": service.base, **about}
        phone = {name: value for name, value in phone.items() if value is not None}
        self.settings = Settings.model_validate({"notifiers": {"phone": phone}, "web": {"public_url": HOME}})
        self.sealed = SealedExport()
        self.begin()

    def begin(self) -> None:
        """As at a start: what the outbox's file has goes on."""
        self.outbox = Outbox(self.root / "outbox.db", self.clock)
        source = DeliverySource(
            self.outbox,
            self.recorder,
            self.clock,
            lambda event, now_ms: event.clip(now_ms, 1, 2),
            sealed=self.sealed,
            states=lambda: dict.fromkeys(self.recorder.camera_names(), CameraState.RECORDING),
        )
        self.engine = InlineEngine(self.clock, lambda part, error: None)
        self.uploads = Uploads(
            source, self.recorder, PluginRegistry.opened(), self.engine, lambda name: False, lambda delivery: None
        )
        self.notifications = Notifications(
            self.settings,
            source,
            self.recorder,
            PluginRegistry.opened(),
            self.uploads,
            self.users,
            lambda name: False,
        )
        (self.courier,) = self.notifications.start(self.engine)
        self.notifications.scheduler.step()

    def killed(self) -> None:
        self.outbox.close()
        self.begin()

    def happens(self, **about: Any) -> Event:
        now_ms = self.clock.now_ms()
        event = replace(Event(new_event_id(now_ms), PORCH, "person", now_ms, None, 50.0, picture_ms=now_ms), **about)
        return self.tell(event)

    def tell(self, event: Event) -> Event:
        self.recorder.index.put_event(event)
        self.notifications.scheduler.on_message(EventChanged("updated", event))
        self.notifications.scheduler.step()
        return event

    def work(self, courier: Courier | None = None) -> None:
        (courier or self.courier).step()
        self.notifications.scheduler.step()

    def sent(self, method: str = "/send") -> list[ReceivedRequest]:
        return [one for one in self.service.asked if method in one.path]


def bot(asked: ReceivedRequest) -> Reply:
    return 200, {"ok": True, "result": {"message_id": 7}}


@pytest.fixture
def service() -> Iterator[StandIn]:
    with served(StandIn(bot)) as made:
        yield made


@pytest.fixture
def bench(tmp_path: Path, service: StandIn) -> Iterator[Bench]:
    made = Bench(tmp_path, service)
    yield made
    made.outbox.close()


def test_the_words_the_picture_and_where_to_see_it(bench: Bench) -> None:
    event = bench.happens(zones=("back-gate",))
    bench.work()
    (photo,) = bench.sent("/sendPhoto")
    assert photo.form["caption"].decode() == f"Person at Front door. Back gate, 06:00.\n{HOME}/events/{event.id}"
    assert photo.form["photo"] == b"\xff\xd8 its picture"


@pytest.mark.parametrize(
    ("silenced", "caption"),
    [
        ("nobody", "Person: yard → Front door. 06:00."),
        ("the event", "Person at Front door. 06:00."),
        ("the camera, for this notifier", "Person at Front door. 06:00."),
        ("the camera, by a person", "Person at Front door. 06:00."),
        ("the camera, by a rule", "Person at Front door. 06:00."),
    ],
)
def test_a_visit_names_no_camera_that_is_silenced(
    bench: Bench, silenced: str, caption: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    yard = CameraId("yard")
    bench.recorder.near = frozenset({frozenset({yard, PORCH})})
    first = bench.happens(camera=yard)
    bench.work()
    bench.clock.advance(5)
    bench.tell(first.ended(bench.clock.now_ms()))
    if silenced == "the event":
        bench.recorder.index.put_event(replace(first.ended(bench.clock.now_ms()), muted="always"))
    elif silenced == "the camera, for this notifier":
        bench.notifications.actions.do("phone", bench.notifications.actions.token("phone", "m", first.id))
    elif silenced == "the camera, by a person":
        bench.notifications.snoozes.put(yard, 3600, "anna", "Anna", everyone=True)
    elif silenced == "the camera, by a rule":
        deed = RuleAction("notify", "phone")

        def of(_: Decider, event: Event) -> Mapping[RuleAction, RuleDecision]:
            return {deed: RuleDecision(deed, does=event.camera != yard, why="A rule.")}

        monkeypatch.setattr(Decider, "of", of)
    bench.clock.advance(5)
    bench.happens()
    bench.work()
    asked = [one for one in bench.service.asked if b"Front door" in one.body]
    form = asked[-1].form
    words = form["caption"].decode() if "caption" in form else json.loads(form["media"])["caption"]
    assert words.partition("\n")[0] == caption


def test_a_new_name_is_in_the_next_notification(bench: Bench) -> None:
    bench.happens(end_ms=bench.clock.now_ms())
    bench.work()
    bench.recorder.name = "Garden gate"
    bench.clock.advance(120)
    bench.happens()
    bench.work()
    before, after = (one.form["caption"].decode().partition("\n")[0] for one in bench.sent("/sendPhoto"))
    assert (before, after) == ("Person at Front door. 06:00.", "Person at Garden gate. 06:02.")


def test_the_clip_takes_its_place_as_a_gif(tmp_path: Path, service: StandIn) -> None:
    bench = Bench(tmp_path, service, clip="gif")
    event = bench.happens()
    bench.work()
    bench.recorder.record(event.start_ms - 5_000, seconds=20)
    bench.clock.advance(3)
    bench.tell(event.ended(bench.clock.now_ms()))
    bench.clock.advance(10)
    bench.work()
    (moving,) = bench.sent("/editMessageMedia")
    assert moving.form["file"][:6] == b"GIF89a"
    assert moving.form["message_id"] == b"7"
    bench.outbox.close()


@pytest.mark.parametrize(
    ("kind", "asked"), [("gif", "image/gif"), ("video", "video/mp4"), ("auto", "video/mp4"), ("link", "image/jpeg")]
)
def test_what_follows_is_what_was_wished(tmp_path: Path, service: StandIn, kind: str, asked: str) -> None:
    bench = Bench(tmp_path, service, clip=kind)
    event = bench.happens()
    bench.work()
    bench.recorder.record(event.start_ms - 5_000, seconds=20)
    bench.tell(event.ended(event.start_ms + 3_000))
    bench.clock.advance(10)
    bench.work()
    assert f"Content-Type: {asked}".encode() in bench.sent("/editMessageMedia")[0].body
    bench.outbox.close()


def test_recipients_who_are_left_get_the_same_message(bench: Bench) -> None:
    event = bench.happens()
    bench.work()
    first = bench.outbox.find("phone", f"event/{event.id}")
    assert first
    bench.outbox.add([rest_of(first, ["ben"], bench.clock.now_ms())])
    bench.killed()
    bench.clock.advance(300)
    bench.work()
    one, other = bench.sent()
    assert (other.form["caption"], other.form["photo"]) == (one.form["caption"], one.form["photo"])


def test_recipients_who_are_left_get_nothing_of_an_event_that_was_deleted(bench: Bench) -> None:
    event = bench.happens()
    bench.work()
    first = bench.outbox.find("phone", f"event/{event.id}")
    assert first
    bench.outbox.add([left := rest_of(first, ["ben"], bench.clock.now_ms())])
    bench.recorder.index.drop_event(event.id)
    bench.clock.advance(300)
    bench.work()
    ended = bench.outbox.find("phone", left.name)
    assert ended
    assert (ended.state, len(bench.sent())) == (DeliveryState.DROPPED, 1)


def test_trouble_and_its_end(bench: Bench) -> None:
    trouble = Alarm(ProblemKind.CAMERA, PORCH, bench.clock.now_ms(), "No answer.")
    bench.notifications.scheduler.on_message(trouble)
    bench.work()
    bench.work()
    bench.clock.advance(3600)
    bench.notifications.scheduler.on_message(replace(trouble, until_ms=bench.clock.now_ms()))
    bench.notifications.scheduler.step()
    bench.work()
    first, second = (one.form["text"].decode().splitlines()[0] for one in bench.sent("/sendMessage"))
    assert first == "Front door has not been recording since 06:00. No answer."
    assert second == "Front door is recording again. Missing: 06:00 to 07:00."


# --- faults ----------------------------------------------------------------------------------------------------------


def until_done(bench: Bench, most: int = 40) -> None:
    """With all the waiting that there is, by a clock that does not wait."""
    for _ in range(most):
        bench.work()
        if bench.outbox.waiting().count == 0:
            return
        bench.clock.advance(1200)


@pytest.mark.parametrize(
    "failure",
    [None, (500, {}), (502, b"<html>"), (429, {"parameters": {"retry_after": 5}}), (401, {}), (403, {}), (200, b"")],
)
def test_whatever_fails_it_arrives_once(bench: Bench, failure: Reply | None) -> None:
    bench.service.fails = [failure] * 10
    bench.happens()
    until_done(bench)
    assert len(bench.sent()) == 1
    assert bench.outbox.waiting().count == 0


def test_a_network_that_is_away_for_a_day_loses_nothing(bench: Bench) -> None:
    """And what waited is told in the order of its time."""
    bench.service.fails = [None] * 10_000
    happened = []
    for _ in range(24):
        happened.append(bench.happens())
        for _ in range(4):
            bench.work()
            bench.clock.advance(900)
    bench.service.fails.clear()
    for _ in range(80):
        bench.work()
        bench.clock.advance(60)
    assert [one.id for one in happened] == [
        one.event for one in sorted(bench.outbox.ended("phone", 99), key=lambda one: one.at_ms)
    ]
    assert len(bench.sent()) == 24


def test_a_thousand_events_in_an_hour(bench: Bench) -> None:
    """At most one message a camera and minute, digests of the rest, and each event is told, once."""
    begun_ms, told_ms = bench.clock.now_ms(), list[int]()
    events: list[Event] = []
    while len(events) < 1000:
        event = bench.happens()
        events.append(bench.tell(event.ended(event.start_ms + 2_000)))
        bench.clock.advance(3.6)
        before = len(bench.sent("/sendPhoto")) + len(bench.sent("/sendMessage"))
        bench.work()
        if len(bench.sent("/sendPhoto")) + len(bench.sent("/sendMessage")) > before:
            told_ms.append(bench.clock.now_ms())
    for _ in range(60):
        bench.clock.advance(60)
        bench.work()
    assert all(later - earlier >= 60_000 - 3_600 for earlier, later in pairwise(told_ms))
    assert len(told_ms) <= 60
    rows = [row for row in bench.outbox.since("phone", begun_ms) if row.content["kind"] in ("event", "digest")]
    found = [one for row in rows for one in row.content.get("events", [row.event])]
    assert sorted(found) == sorted(event.id for event in events)
    assert ({row.state for row in rows}, bench.outbox.waiting("phone").count) == ({DeliveryState.DONE}, 0)


def test_killed_at_any_step_each_event_arrives_once(bench: Bench) -> None:
    """A kill between two of our own steps costs nothing, whatever was under way."""
    events: list[Event] = []
    for number in range(12):
        events.append(bench.happens(end_ms=bench.clock.now_ms()))
        if number % 3 == 0:
            bench.killed()  # before it was sent
        if number % 3 == 1:
            bench.service.fails = [None]
            bench.work()
            bench.killed()  # after a try that failed
        bench.clock.advance(120)
        bench.work()
        bench.killed()  # after it was sent
        bench.clock.advance(120)
    until_done(bench)
    assert len(bench.sent()) == len(events)


def test_killed_while_the_service_had_it_it_may_come_twice_and_never_less(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.happens()
    with monkeypatch.context() as killed:
        killed.setattr(Outbox, "done", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            bench.work()
    bench.killed()  # before the answer was kept
    until_done(bench)
    assert len(bench.sent()) == 2
    assert [one.state for one in bench.outbox.ended("phone")] == [DeliveryState.DONE]


def test_no_secret_is_told_anywhere(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    bench.service.fails = [(401, {"description": "who are you"})] * 5
    bench.happens()
    bench.work()
    steps = bench.notifications.test("phone")
    everything = [
        caplog.text,
        bench.outbox.trouble("phone"),
        str(steps),
        str(bench.notifications.all()[0].where),
        (bench.root / "outbox.db").read_bytes().decode("latin-1"),
    ]
    assert steps[0].wrong
    assert not [text for text in everything if SECRET in text]


def test_the_link_has_a_label_in_the_language_of_the_channel(tmp_path: Path, service: StandIn) -> None:
    bench = Bench(tmp_path, service, url=f"discord://1/{SECRET}", language="de")
    bench.happens()
    bench.work()
    content = json.loads(bench.sent("/webhooks")[0].form["payload_json"])["content"]
    assert f"[Ansehen](<{HOME}/" in content
    bench.outbox.close()


def test_the_labels_of_a_browser_are_in_the_language_of_its_channel(
    tmp_path: Path, service: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    received: list[Message] = []

    def send(message: Message, attached: Attachment | None) -> str:
        received.append(message)
        return message.id

    sender = SimpleNamespace(send=send, close=lambda: None)
    monkeypatch.setattr(webpush.WebPush, "open", lambda _, channel: sender)
    bench = Bench(tmp_path, service, url="webpush:", api=None, language="de")
    bench.happens()
    bench.work()
    assert received[0].labels[:4] == ("Live", "1 Std. stumm", "Sprechen", "Stumm bis {0}")
    assert not set(received[0].labels[1:]) & {*webpush.LABELS}
    bench.outbox.close()


@pytest.mark.parametrize("is_wanted", [True, False])
def test_a_browser_gets_an_image_and_buttons_only_if_its_channel_has_them(
    tmp_path: Path, service: StandIn, monkeypatch: pytest.MonkeyPatch, *, is_wanted: bool
) -> None:
    """The image was on the lock screen of a channel without snapshots."""
    monkeypatch.setenv(webpush.OWN_HOSTS, "127.0.0.1")
    bench = Bench(tmp_path, service, url="webpush:", api=None, clip="none", snapshot=is_wanted, buttons=is_wanted)
    kind, store = bench.notifications.browsers()
    phone = Phone()
    browser = phone.asks(f"{service.base}/push/a", "anna")
    kind.subscribe(store, browser.person, browser.endpoint, (browser.p256dh, browser.auth))
    rung = bench.happens(kind="doorbell")
    bench.work()
    data = json.loads(phone.opens(service.last.body))
    image = f"/media/{rung.id}.jpg?show=closeup" if is_wanted else ""
    assert (data["image"], data["camera"]) == (image, PORCH if is_wanted else "")
    bench.outbox.close()


def test_a_channel_of_browsers_that_has_none_says_so(tmp_path: Path, service: StandIn) -> None:
    bench = Bench(tmp_path, service, url="webpush:", api=None)
    none = "No browser has turned on notifications."
    assert (bench.notifications.all()[0].trouble, bench.notifications.test("phone")[0].wrong) == (none, none)
    kept = {"person": "Ada", "endpoint": "https://push.example.org/x", "p256dh": "", "auth": ""}
    bench.outbox.mark("kept/phone/browser/x", json.dumps(kept))
    assert bench.notifications.all()[0].trouble == ""
    bench.outbox.close()


def test_a_test_says_that_it_went_well(bench: Bench) -> None:
    (step,) = bench.notifications.test("phone")
    assert (step.what, step.wrong) == ("Notification sent", "")
    (sent,) = bench.sent()
    assert b"Test from garage-pi" in sent.form["caption"]
    image = cv2.imdecode(np.frombuffer(sent.form["photo"], np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    assert image.shape == (360, 640, 3)


def test_a_test_says_that_images_are_refused(bench: Bench) -> None:
    """It sent none, and was well where no event's message arrived."""
    bench.service.fails = [(413, {"ok": False, "description": "Request Entity Too Large"})]
    sent, image = bench.notifications.test("phone")
    assert (sent.what, sent.wrong) == ("Notification sent", "")
    assert (image.what, image.do) == (
        "Attach an image",
        "Notifications arrive without images. Allow attachments there, or turn off its snapshots.",
    )
    assert "413" in image.wrong
    assert [one.path.rpartition("/")[2] for one in bench.sent()] == ["sendMessage"]


def test_a_test_over_a_line_that_is_too_slow_for_images_says_so(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_connection, "PORTION_BYTES", 3000)
    monkeypatch.setattr(http_connection, "UPLOAD_S", -1.0)
    sent, image = bench.notifications.test("phone")
    assert (sent.wrong, image.what) == ("", "Attach an image")
    assert "too slow" in image.wrong


def test_a_test_of_a_channel_without_snapshots_sends_none(bench: Bench) -> None:
    one = bench.settings.notifiers["phone"].model_copy(update={"snapshot": False})
    (step,) = bench.notifications.test("phone", one)
    assert (step.wrong, [sent.path.rpartition("/")[2] for sent in bench.sent()]) == ("", ["sendMessage"])


def test_a_test_names_the_recorder(bench: Bench) -> None:
    web = bench.settings.web.model_copy(update={"name": "Cabin"})
    bench.notifications.take_over(bench.settings.model_copy(update={"web": web}))
    bench.notifications.test("phone")
    assert b"Test from Cabin" in bench.sent()[0].form["caption"]


# --- buttons ---------------------------------------------------------------------------------------------------------


def pressing(bench: Bench, token: str, chat: int = 42) -> None:
    """Somebody presses a button in a chat."""
    update = {"update_id": 5, "callback_query": {"id": "q", "data": token, "message": {"chat": {"id": chat}}}}

    def reply(asked: ReceivedRequest) -> Reply:
        return 200, {"ok": True, "result": [update] if "getUpdates" in asked.path else True}

    bench.service.reply = reply
    bench.engine.run_for(1.0)
    bench.service.reply = bot


def test_buttons_that_stay_without_effect_are_a_warning(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """Another program that polls the same bot was only logged as information."""
    conflict = 409, {"ok": False, "description": "Conflict: make sure that only one bot instance is running"}
    bench.service.fails = [conflict] * 100
    bench.engine.run_for(1.0)
    warnings = [one for one in caplog.records if one.levelno >= logging.WARNING]
    assert not warnings, "an earlier poll that is still open"
    bench.engine.run_for(60.0)
    (warning,) = [one for one in caplog.records if one.levelno >= logging.WARNING and "Buttons" in one.getMessage()]
    assert warning.getMessage().startswith("Buttons of phone don't work: ")
    assert "409: Conflict: make sure that only one bot instance is running" in warning.getMessage()


def test_tokens_fit_and_are_for_one_act_of_one_event(bench: Bench) -> None:
    actions, event = bench.notifications.actions, bench.happens()
    token = actions.token("phone", "k", event.id)
    assert len(token.encode()) <= 64
    assert actions.look("phone", token).words == "Keep this event?"
    for wrong in (
        token[:-1] + ("y" if token.endswith("x") else "x"),
        token.replace("k.", "f.", 1),
        "",
        "k...",
        "x.y.z.w",
        token + ".1",
    ):
        with pytest.raises(NotDone):
            actions.look("phone", wrong)
    with pytest.raises(NotDone):
        actions.look("another", token)
    bench.clock.advance(LASTS_MS / 1000 + 60)
    with pytest.raises(NotDone):
        actions.do("phone", token)


def channel(bench: Bench, **about: Any) -> Settings:
    """Settings in which the channel differs."""
    phone = {"url": f"telegram://1:{SECRET}@42", "api": bench.service.base, **about}
    return Settings.model_validate({"notifiers": {"phone": phone}, "web": {"public_url": HOME}})


NO_CHANNEL = Settings.model_validate({"web": {"public_url": HOME}})
REPLACED: dict[str, Callable[[Bench], list[Settings]]] = {
    "chat": lambda bench: [channel(bench, url=f"telegram://1:{SECRET}@99")],
    "login": lambda bench: [channel(bench, url="telegram://1:AnotherT0kenOfTheBot@42")],
    "options": lambda bench: [channel(bench, api=bench.service.base + "/other")],
    "removed and added": lambda bench: [NO_CHANNEL, channel(bench, url=f"telegram://1:{SECRET}@99")],
}


@pytest.mark.parametrize("replaced", REPLACED.values(), ids=REPLACED)
def test_buttons_and_images_end_when_their_channel_is_replaced(
    bench: Bench, replaced: Callable[[Bench], list[Settings]]
) -> None:
    actions, event = bench.notifications.actions, bench.happens()
    old, shown = actions.token("phone", "m", event.id), actions.shown_token("phone", "jpg", event.id)
    for settings in replaced(bench):
        bench.notifications.take_over(settings)
    for _ in range(2):  # also after a restart
        with pytest.raises(NotDone, match="button has expired"):
            actions.look("phone", old)
        with pytest.raises(NotDone, match="link has expired"):
            actions.shown("phone", shown)
        assert actions.look("phone", actions.token("phone", "m", event.id)).do == "m"
        bench.settings = settings
        bench.killed()
        actions = bench.notifications.actions


@pytest.mark.parametrize("number", [0, 1], ids=["first address", "later one"])
def test_buttons_work_again_when_what_happened_to_their_channel_is_undone(bench: Bench, number: int) -> None:
    here, there = channel(bench), channel(bench, url=f"telegram://1:{SECRET}@99")
    now, other = ((here, there), (there, here))[number]
    event = bench.happens().id
    bench.notifications.take_over(now)
    token = bench.notifications.actions.token("phone", "m", event)
    for gone in (NO_CHANNEL, other):
        bench.notifications.take_over(gone)
        with pytest.raises(NotDone):
            bench.notifications.actions.look("phone", token)
        bench.notifications.take_over(now)
        assert bench.notifications.actions.look("phone", token).do == "m"
    bench.settings = now
    bench.killed()
    assert bench.notifications.actions.look("phone", token).do == "m"


def test_buttons_go_on_working_when_their_channels_messages_get_another_look(bench: Bench) -> None:
    plain, secret = ({"url": "webhook+https://example.org/x", "secret": one} for one in ("", "another"))
    bench.notifications.take_over(channel(bench, **plain))
    token = bench.notifications.actions.token("phone", "m", bench.happens().id)
    bench.notifications.take_over(channel(bench, **plain, attach=True))
    assert bench.notifications.actions.look("phone", token).do == "m"
    bench.notifications.take_over(channel(bench, **secret, attach=True))
    with pytest.raises(NotDone):
        bench.notifications.actions.look("phone", token)


def test_buttons_end_when_their_channel_was_replaced_while_nothing_ran(bench: Bench) -> None:
    token = bench.notifications.actions.token("phone", "m", bench.happens().id)
    bench.settings = channel(bench, url=f"telegram://1:{SECRET}@99")
    bench.killed()
    with pytest.raises(NotDone):
        bench.notifications.actions.look("phone", token)


def test_buttons_of_a_replaced_channel_end_even_if_that_cannot_be_stored(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = bench.notifications.actions.token("phone", "m", bench.happens().id)
    store = bench.outbox.mark

    def full(name: str, value: str) -> None:
        if name.startswith("acts/"):
            raise StorageError("outbox.db", "No space left on device")
        store(name, value)

    monkeypatch.setattr(bench.outbox, "mark", full)
    bench.notifications.take_over(channel(bench, url=f"telegram://1:{SECRET}@99"))
    with pytest.raises(NotDone):
        bench.notifications.actions.look("phone", token)


def test_buttons_go_on_working_when_their_channel_gets_other_hours(bench: Bench) -> None:
    token = bench.notifications.actions.token("phone", "m", bench.happens().id)
    for settings in (channel(bench, quiet_hours="22:00-06:00", language="de"), bench.settings):
        bench.notifications.take_over(settings)
    bench.killed()
    assert bench.notifications.actions.look("phone", token).do == "m"


def test_buttons_of_a_version_without_marks_of_addresses_go_on_working(bench: Bench) -> None:
    event, until = bench.happens(), f"{(bench.clock.now_ms() + LASTS_MS) // 60_000:x}"
    key = bytes.fromhex(bench.outbox.marks("acts/key")["acts/key"])
    made = hmac.new(key, f"phone\nm\n{event.id}\n{until}".encode(), sha256).digest()
    bench.outbox.mark("acts/of/phone", "")
    bench.killed()
    bench.notifications.take_over(bench.settings)
    token = f"m.{event.id}.{until}.{urlsafe_b64encode(made[:12]).decode()}"
    assert bench.notifications.actions.look("phone", token).do == "m"


def test_a_camera_that_was_muted_says_nothing_for_an_hour(bench: Bench) -> None:
    event = bench.happens()
    bench.work()
    result = bench.notifications.actions.do("phone", bench.notifications.actions.token("phone", "m", event.id))
    assert result == "Front door is muted for an hour."
    bench.clock.advance(1800)
    bench.happens()
    bench.work()
    assert len(bench.sent()) == 1
    bench.killed()
    bench.clock.advance(1900)
    bench.happens()
    bench.work()
    assert len(bench.sent()) == 2


def test_another_phone_is_not_muted(bench: Bench) -> None:
    bench.notifications.mutes.put("phone", PORCH, 3_600_000)
    mutes = bench.notifications.mutes
    now_ms = bench.clock.now_ms()
    assert mutes.is_muted("phone", PORCH, now_ms)
    assert not mutes.is_muted("tablet", PORCH, now_ms)
    assert not mutes.is_muted("phone", CameraId("yard"), now_ms)
    mutes.put("phone", PORCH, 0)
    assert not mutes.is_muted("phone", PORCH, now_ms)


def test_a_camera_with_the_id_of_a_removed_one_is_not_muted(bench: Bench) -> None:
    mutes = bench.notifications.mutes
    for to, camera in (("phone", PORCH), ("tablet", PORCH), ("phone", CameraId("yard"))):
        mutes.put(to, camera, 3_600_000)
    mutes.forget_cameras([PORCH])
    assert (list(mutes.of("phone")), mutes.of("tablet")) == (["yard"], {})


@pytest.mark.parametrize("step_s", [-3 * 3600, 3 * 3600])
def test_a_mute_lasts_as_long_as_was_asked_when_the_clock_is_set(bench: Bench, step_s: int) -> None:
    mutes = bench.notifications.mutes
    mutes.put("phone", PORCH, 3_600_000)
    bench.clock.advance(600)
    bench.clock.jump_utc(step_s)
    assert mutes.of("phone") == {PORCH: bench.clock.now_ms() + 50 * 60_000}
    assert mutes.is_muted("phone", PORCH, bench.clock.now_ms())
    bench.clock.advance(51 * 60)
    assert not mutes.is_muted("phone", PORCH, bench.clock.now_ms())


def test_on_a_disk_that_takes_no_writes_mutes_are_known_and_follow_the_clock_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutes = bench.notifications.mutes
    mutes.put("tablet", PORCH, 60_000)
    mutes.put("phone", PORCH, 30 * 3_600_000)
    bench.clock.advance(26 * 3600)  # so that the first one is deleted at the next look
    bench.clock.jump_utc(-3 * 3600)

    def refuse(*_: object) -> None:
        raise DiskFull("outbox.db")

    with monkeypatch.context() as full:
        for name in ("mark", "mark_all"):
            full.setattr(bench.outbox, name, refuse, raising=False)
        for _ in range(2):
            assert mutes.of("phone") == {PORCH: bench.clock.now_ms() + 4 * 3_600_000}
            assert mutes.is_muted("phone", PORCH, bench.clock.now_ms())
            assert not mutes.is_muted("tablet", PORCH, bench.clock.now_ms())
    for _ in range(2):
        assert mutes.of("phone") == {PORCH: bench.clock.now_ms() + 4 * 3_600_000}
    assert list(bench.outbox.marks("mute/")) == ["mute/phone/porch"]


@pytest.mark.parametrize("was_ahead_s", [2 * 86_400, -50 * 365 * 86_400])
def test_a_mute_on_a_disk_that_takes_no_writes_ends(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, was_ahead_s: int
) -> None:
    """The clock was ahead, or is set 50 years on when the network comes: it moves once."""
    mutes = bench.notifications.mutes
    bench.clock.jump_utc(was_ahead_s)
    mutes.put("phone", PORCH, 3_600_000)
    monkeypatch.setattr(bench.outbox, "mark_all", Mock(side_effect=DiskFull("outbox.db")))
    bench.clock.jump_utc(-was_ahead_s)
    for _ in range(3):
        assert mutes.is_muted("phone", PORCH, bench.clock.now_ms())
        bench.clock.advance(25 * 60)
    assert not mutes.is_muted("phone", PORCH, bench.clock.now_ms())


def test_a_mute_of_a_clock_that_was_ahead_begins_at_the_next_start(bench: Bench) -> None:
    bench.clock.jump_utc(2 * 86_400)
    before = bench.notifications.mutes
    before.put("phone", PORCH, 3_600_000)
    bench.clock.jump_utc(-2 * 86_400)
    bench.killed()
    mutes = bench.notifications.mutes
    assert mutes.is_muted("phone", PORCH, bench.clock.now_ms())
    bench.clock.advance(2 * 86_400 + 60)
    assert not mutes.is_muted("phone", PORCH, bench.clock.now_ms())


def test_a_mute_that_is_long_over_does_not_begin_again_with_a_clock_that_is_behind(bench: Bench) -> None:
    before = bench.notifications.mutes
    before.put("phone", PORCH, 3_600_000)
    bench.clock.advance(86_400 + 3600 + 60)
    assert before.of("phone") == {}
    bench.clock.jump_utc(-10 * 86_400)
    bench.killed()
    after = bench.notifications.mutes
    assert after.of("phone") == {}


def test_a_button_in_the_chat_does_what_it_says(bench: Bench) -> None:
    event = bench.happens()
    bench.work()
    keys = bench.sent("/sendPhoto")[0].form["reply_markup"].decode()
    token = next(part for part in keys.split('"') if part.startswith("k."))
    pressing(bench, token)
    kept = bench.recorder.index.event(event.id)
    assert kept
    assert kept.kept
    assert bench.sent("/answerCallbackQuery")[0].form["text"] == b"Kept. tawny won't delete it."


def test_a_button_replies_in_the_language_of_its_channel(tmp_path: Path, service: StandIn) -> None:
    bench = Bench(tmp_path, service, language="de")
    event = bench.happens()
    for token in (bench.notifications.actions.token("phone", "m", event.id), "m.x.0.y"):
        pressing(bench, token)
    replies = {one.form["text"].decode() for one in bench.sent("/answerCallbackQuery")}
    assert replies == {"Front door ist eine Stunde lang stumm.", "Dieser Knopf ist abgelaufen."}
    bench.outbox.close()


def test_a_button_in_another_chat_does_nothing(bench: Bench) -> None:
    event = bench.happens()
    pressing(bench, bench.notifications.actions.token("phone", "k", event.id), chat=666)
    found = bench.recorder.index.event(event.id)
    assert found
    assert not found.kept
    assert bench.sent("/answerCallbackQuery") == []


def test_the_day_is_told_with_what_was_recorded_and_its_pictures(tmp_path: Path, service: StandIn) -> None:
    bench = Bench(tmp_path, service, daily_summary="06:30", min_interval="0 s")
    bench.notifications.scheduler.step()
    begin_ms = bench.clock.now_ms()
    bench.recorder.record(begin_ms, seconds=30)
    bench.happens(end_ms=begin_ms + 1000)
    bench.clock.advance(40)
    bench.recorder.record(bench.clock.now_ms() - 5_000, seconds=5)
    bench.clock.advance(1800)
    bench.notifications.scheduler.step()
    recap = bench.outbox.find("phone", "recap/2026-11-20/390")
    assert recap
    until_done(bench)
    text = bench.sent()[-1].body.decode(errors="replace")
    assert "Daily summary: 1.94 % recorded" in text
    assert "1 event: 1 × person." in text
    bench.outbox.close()


def test_the_summaries_of_two_recorders_have_two_names(tmp_path: Path, service: StandIn) -> None:
    """Mail servers keep one of two letters of one name, and a topic shows one of two messages."""
    names = set()
    for house in ("home", "cabin"):
        (tmp_path / house).mkdir()
        hook = {"url": f"webhook+{service.base}/hook", "api": None}
        bench = Bench(tmp_path / house, service, daily_summary="06:30", **hook)
        bench.notifications.scheduler.step()
        bench.clock.advance(1800)
        bench.notifications.scheduler.step()
        until_done(bench)
        names.add(service.last.headers["idempotency-key"])
        bench.outbox.close()
    assert len(names) == 2


def hooked(root: Path, service: StandIn, **about: Any) -> Bench:
    """Told by a webhook that shows the image of a link, once an event is over."""
    made = Bench(root, service)
    made.outbox.close()
    hook = {"url": f"slack+{service.base}/hooks/x", "send_at": "end", **about}
    made.settings = Settings.model_validate({"notifiers": {"phone": hook}, "web": {"public_url": HOME}})
    made.begin()
    return made


@pytest.mark.parametrize(("clip", "begin", "ending"), [("gif", b"GIF89a", ".gif"), ("sheet", b"\xff\xd8", ".jpg")])
def test_a_link_of_our_own_shows_the_image_for_six_hours(
    tmp_path: Path, service: StandIn, clip: str, begin: bytes, ending: str
) -> None:
    bench = hooked(tmp_path, service, clip=clip)
    bench.recorder.record(bench.clock.now_ms() - 5000, 20)
    bench.tell(bench.happens().ended(bench.clock.now_ms() + 2000))
    bench.clock.advance(60)
    bench.work()
    ((answer,),) = [one.json["attachments"] for one in service.asked]
    link = str(answer["image_url"])
    assert link.startswith(f"{HOME}/api/v1/sent/phone/")
    assert link.endswith(ending)
    token = link.rpartition("/")[2].removesuffix(ending)
    assert len(token) <= 64
    assert bench.notifications.sent_image("phone", token).read(0, 6).startswith(begin)
    for bad in ("", "x", token[:-1] + ("A" if token[-1] != "A" else "B"), "gif.e.zz.x", f"x{token}"):
        with pytest.raises(NotDone):
            bench.notifications.sent_image("phone", bad)
    with pytest.raises(NotDone):
        bench.notifications.actions.do("phone", token)
    bench.clock.advance(6 * 3600 + 60)
    with pytest.raises(NotDone, match="expired"):
        bench.notifications.sent_image("phone", token)


def test_without_snapshots_no_link_shows_an_image(tmp_path: Path, service: StandIn) -> None:
    bench = hooked(tmp_path, service, snapshot=False)
    bench.tell(bench.happens().ended(bench.clock.now_ms() + 2000))
    bench.clock.advance(60)
    bench.work()
    ((answer,),) = [one.json["attachments"] for one in service.asked]
    assert "image_url" not in answer
    assert answer["title_link"].startswith(f"{HOME}/events/")


GARDEN = bytes(cv2.imencode(".jpg", np.full((540, 960, 3), 110, np.uint8))[1].tobytes())
FAR = (0.48, 0.5, 0.5, 0.56)


@pytest.mark.parametrize(
    ("shows", "size"), [("auto", (270, 480)), ("closeup", (270, 480)), ("box", (540, 960)), ("full", (540, 960))]
)
def test_a_snapshot_shows_the_object_or_all(
    tmp_path: Path, service: StandIn, shows: str, size: tuple[int, int]
) -> None:
    bench = Bench(tmp_path, service, snapshot_shows=shows)
    bench.recorder.picture = GARDEN
    bench.happens(box=FAR)
    bench.work()
    (photo,) = bench.sent("/sendPhoto")
    found: Any = cv2.imdecode(np.frombuffer(photo.form["photo"], np.uint8), cv2.IMREAD_COLOR)
    assert found.shape[:2] == size
    has_yellow = bool(((found[..., 2] > 150) & (found[..., 1] > 150) & (found[..., 0] < 110)).any())
    assert has_yellow == (shows == "box")
    bench.outbox.close()


def test_programs_get_the_whole_snapshot(tmp_path: Path, service: StandIn) -> None:
    url = service.base.replace("http://", "webhook+http://")
    bench = Bench(tmp_path, service, url=url, api=None, attach=True)
    bench.recorder.picture = GARDEN
    bench.happens(box=FAR)
    bench.work()
    assert [b64decode(asked.json["attached"]["base64"]) for asked in service.asked] == [GARDEN]
    bench.outbox.close()

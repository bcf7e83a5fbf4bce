"""MQTT: a command for a silent camera delays no other, a broker that refuses is not asked at each message, and cameras
that are private or were removed, and topics that were changed, leave nothing on it. An outdated status doesn't stay
there. After an outage nothing reacts to what is long over."""

import json
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock, PropertyMock
from zoneinfo import ZoneInfo

import pytest

from tawny.config.loader import parse_settings
from tawny.delivery.commands import EVERY, CommandIssuer, CommandRefused, PtzCommand, RelayCommand
from tawny.events.modes import ModeState, ModeStore
from tawny.model.errors import TargetRefused, TargetUnreachable
from tawny.model.events import Event, new_event_id
from tawny.model.ids import CameraId
from tawny.model.messages import Alarm, EventChanged, ProblemKind
from tawny.model.packets import VideoFormat
from tawny.model.states import CameraState
from tawny.model.times import utc_text
from tawny.service.integrations import mqtt_bridge, mqtt_topics
from tawny.service.integrations.mqtt_bridge import (
    FAULTY_S,
    LARGE_AGAIN_S,
    LARGE_BYTES,
    LARGE_TRIES,
    MOST_FORBIDDEN,
    MqttBridge,
)
from tawny.service.integrations.mqtt_topics import MqttTopics
from tawny.stream.hub import Hub
from tawny.testing.clock import FakeClock
from tawny.testing.waiting import until
from tests.api.fakes import make_house
from tests.playback.archives import PORCH
from tests.service.integrations.test_inputs import Kept

SETTINGS = '[cameras.porch]\nsource = "demo:front"\n[mqtt]\nurl = "mqtt://127.0.0.1:9"\ndiscovery = ""\n'
TWO_CAMERAS = """
[cameras.porch]
source = "demo:front"
[cameras.yard]
source = "demo:front"
[modes]
names = ["away", "home"]
[modes.home.cameras.porch]
privacy = true
[mqtt]
url = "mqtt://127.0.0.1:9"
discovery = "homeassistant"
snapshot_interval = "10 s"
[relays.gate]
camera = "porch"
pulse = "2 s"
[relays.light]
camera = "yard"
[relays.siren]
script = "siren.sh"
[scripts]
folder = "/srv/scripts"
"""
YARD = CameraId("yard")


def test_a_command_for_a_silent_camera_delays_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    house, answers, done = make_house(tmp_path), threading.Event(), list[str]()
    made, problems = parse_settings(SETTINGS, {})
    assert made is not None, problems

    def do(_: CommandIssuer, order: object) -> Any:
        assert isinstance(order, EVERY)
        if isinstance(order, PtzCommand):
            assert answers.wait(10)
            if order.preset == "nowhere":
                raise CommandRefused("not_done", "The camera has no preset nowhere.", "")
        done.append(order.command)
        return Mock(words=f"{order.command} done")

    bridge = Mock()
    monkeypatch.setattr(mqtt_topics, "MqttBridge", bridge)
    topics = MqttTopics(lambda: made, house.recorder, Mock(names=("home",), arm=made.modes), do, lambda: 0)
    commanded, answer = bridge.call_args.args[2], bridge.return_value.publish
    for preset in ("gate", "nowhere"):
        commanded("set", f'{{"command": "ptz", "camera": "porch", "preset": "{preset}"}}'.encode())
    commanded("mode/set", b"home")
    topics.step()
    assert done == ["set_mode"]
    answer.assert_called_once_with("answer", {"to": "mode/set", "done": "set_mode done"}, is_trigger=True)
    answers.set()
    until(lambda: answer.call_count == 3)
    assert [call.args[1].get("error", {}).get("code") for call in answer.call_args_list] == [None, None, "not_done"]
    assert done == ["set_mode", "ptz"]


def test_a_broker_that_refuses_is_not_asked_again_at_each_message(monkeypatch: pytest.MonkeyPatch) -> None:
    made, problems = parse_settings(SETTINGS, {})
    assert made is not None, problems
    assert made.mqtt is not None
    client = Mock(side_effect=TargetRefused("the broker", "Not authorized"))
    monkeypatch.setattr(mqtt_bridge, "MqttClient", client)
    clock = FakeClock()
    bridge = MqttBridge(made.mqtt, lambda: None, lambda topic, payload: None, clock)
    wait_s = bridge.step()
    for number in range(20):
        bridge.publish("event", {"number": number})
        assert bridge.step() == pytest.approx(wait_s)
    assert client.call_count == 1
    clock.advance(wait_s + 0.01)
    bridge.step()
    assert client.call_count == 2


class Home:
    """A recorder with two cameras on a broker; `kept`: what the broker has, by topic."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        made, problems = parse_settings(TWO_CAMERAS, {})
        assert made is not None, problems
        self.settings, self.house = made, make_house(root)
        (porch,) = self.house.recorder.listed
        self.house.recorder.listed.append(replace(porch, status=replace(porch.status, id=YARD, name="Yard")))
        self.modes = ModeState(made.modes, ZoneInfo("UTC"), ModeStore(":memory:"), self.house.clock, lambda _: None)
        self.kept: dict[str, bytes] = {}
        self.raw: list[tuple[str, bytes]] = []
        self.once: list[tuple[str, Any]] = []
        """What was published and not kept by the broker."""
        self.store, self.is_reachable, self.do = Kept(), True, Mock(return_value=Mock(words=""))
        client = Mock()
        type(client).is_connected = PropertyMock(side_effect=lambda: self.is_reachable)
        client.publish.side_effect = self.publish
        client.publish_states.side_effect = self.publish_states
        client.losses = 0
        client.why_lost.return_value = TargetUnreachable("the broker", "the connection is lost")
        client.say.side_effect = lambda topic, payload: self.raw.append((topic, payload))

        def connected(*_: object, **more: Any) -> Any:
            more["connected"](client)
            return client

        self.client_class = Mock(side_effect=connected, return_value=client)
        monkeypatch.setattr(mqtt_bridge, "MqttClient", self.client_class)
        monkeypatch.setattr(mqtt_topics, "keyframe_jpeg", lambda *_: b"JPEG")
        frame = Mock(is_keyframe=True, format=VideoFormat("h264", 640, 360, ()))
        monkeypatch.setattr(Hub, "recent", lambda *_: [frame])
        self.start()

    def change(self, **mqtt: Any) -> None:
        """Change the settings, as the page or the file does while tawny runs."""
        changed = self.settings.mqtt.model_copy(update=mqtt)
        self.settings = self.settings.model_copy(update={"mqtt": changed})

    def start(self, **mqtt: Any) -> None:
        """Start as the recorder does, with these settings changed."""
        self.change(**mqtt)
        self.topics = MqttTopics(
            lambda: self.settings, self.house.recorder, self.modes, self.do, lambda: 0, kept=self.store
        )

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        if retain:
            self.kept[topic] = payload
        else:
            self.once.append((topic, json.loads(payload)))

    def publish_states(self, states: Iterable[tuple[str, bytes]], published: Callable[[str, bytes], None]) -> None:
        for topic, payload in states:
            self.client_class.return_value.publish(topic, payload, retain=True)
            published(topic, payload)

    def publish_states_only(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        if not retain:
            raise TargetUnreachable("the broker", "the message was not acknowledged")
        self.publish(topic, payload, retain=retain)

    def passes(self) -> None:
        self.house.clock.advance(20)
        self.topics.bridge.step()

    def has_event(self, picture: bytes = b"EVENT") -> Event:
        now_ms = self.house.clock.now_ms()
        event = Event(new_event_id(now_ms), PORCH, "person", now_ms, None, 50.0, picture_ms=now_ms)
        self.house.recorder.event_pictures[event.id] = picture
        self.publishes("started", event)
        return event

    def had_event(self, picture: bytes = b"EVENT") -> Event:
        event = self.has_event(picture)
        self.house.clock.advance(1)
        ended = event.ended(self.house.clock.now_ms())
        self.publishes("ended", ended)
        return ended

    def publishes(self, what: str, event: Event) -> None:
        self.house.recorder.index.put_event(event)
        self.topics.on_message(EventChanged(what, event))

    def says(self, topic: str, payload: bytes, *, is_retained: bool = True) -> None:
        """What the broker sends."""
        self.client_class.call_args.kwargs["on_message"](topic, payload, is_retained=is_retained)

    def subscribed(self) -> list[str]:
        line = Mock()
        self.client_class.call_args.kwargs["connected"](line)
        return [call.args[0] for call in line.subscribe.call_args_list]

    def left(self, *starts: str) -> set[str]:
        """Topics that are not empty and begin so."""
        return {topic for topic, payload in self.kept.items() if payload and topic.startswith(starts)}


PICTURES = ("tawny/porch/picture", "tawny/porch/event/picture")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    return Home(tmp_path, monkeypatch)


@pytest.mark.parametrize("is_by_mode", [True, False])
def test_a_camera_that_becomes_private_leaves_no_picture_on_the_broker(home: Home, *, is_by_mode: bool) -> None:
    home.has_event()
    home.passes()
    assert [home.kept[one] for one in PICTURES] == [b"JPEG", b"EVENT"]
    assert home.kept["tawny/porch/private"] == b"OFF"
    if is_by_mode:
        home.modes.set_mode("home", "Anna")
    else:
        home.modes.pause(PORCH, None, "Anna")
    home.has_event()
    home.passes()
    assert [home.kept[one] for one in PICTURES] == [b"", b""]
    assert (home.kept["tawny/porch/private"], home.kept["tawny/yard/private"]) == (b"ON", b"OFF")


def test_an_encrypted_camera_has_no_picture_on_the_broker(home: Home) -> None:
    """Also none from before it was encrypted."""
    home.passes()
    assert home.kept["tawny/porch/picture"] == b"JPEG"
    sealed = home.settings.cameras[PORCH].model_copy(update={"encrypt": True})
    home.settings = home.settings.model_copy(update={"cameras": {**home.settings.cameras, PORCH: sealed}})
    home.passes()
    assert home.kept["tawny/porch/picture"] == b""


def test_a_camera_that_is_removed_leaves_nothing_on_the_broker(home: Home) -> None:
    home.has_event()
    home.passes()
    assert home.kept["tawny/porch/available"] == b"online"
    entity = "homeassistant/camera/tawny/porch_camera/config"
    assert home.kept[entity]
    others = {topic for topic, payload in home.kept.items() if payload and "porch" not in topic}
    home.settings = home.settings.model_copy(update={"cameras": {YARD: home.settings.cameras[YARD]}})
    home.has_event()
    home.passes()
    del home.house.recorder.listed[0]
    home.passes()
    assert {topic for topic, payload in home.kept.items() if payload} == others


def test_after_an_outage_nothing_reacts_to_what_is_long_over(home: Home) -> None:
    home.passes()
    client = home.client_class.return_value
    client.publish.side_effect = home.publish_states_only
    home.had_event()
    home.topics.bridge.step()
    client.publish.side_effect, home.is_reachable = home.publish, False
    for _ in range(3):
        home.passes()
    assert client.close.called, "or the library would send what it still has"
    late = home.had_event()
    for number in range(mqtt_bridge.MOST_WAITING + 1):
        home.topics.bridge.publish("porch/event", {"number": number}, is_trigger=True)
    home.is_reachable = True
    home.once.clear()
    home.passes()
    triggers = [about for topic, about in home.once if topic == "tawny/porch/event"]
    assert len(triggers) == mqtt_bridge.MOST_WAITING
    assert triggers[-1] == {"number": mqtt_bridge.MOST_WAITING}
    events = [about["type"] for topic, about in home.once if topic == "tawny/events"]
    assert events == ["event.started", "event.ended"] * 2
    home.once.clear()
    now = home.had_event()
    home.passes()
    (answer,) = [about for topic, about in home.once if topic == "tawny/porch/event"]
    assert (answer["id"], answer["time"]) == (now.id, utc_text(now.start_ms))
    assert now.id != late.id


def test_a_password_that_is_refused_after_an_outage_is_said_and_logged_once(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    home.passes()
    home.is_reachable = False
    home.client_class.return_value.why_lost.return_value = TargetRefused("the broker", "Not authorized")
    caplog.clear()
    for _ in range(3):
        home.passes()
    assert home.topics.bridge.trouble == "the broker rejected the sign-in (Not authorized)."
    assert [one.message.split(".")[0] for one in caplog.records] == ["the broker rejected the sign-in (Not authorized)"]
    home.is_reachable = True
    home.passes()
    assert home.topics.bridge.trouble == ""


def test_a_late_answer_is_not_sent(home: Home) -> None:
    home.passes()
    home.is_reachable = False
    home.topics.bridge.publish("answer", {"to": "set"}, is_trigger=True)
    home.house.clock.advance(31)
    home.is_reachable = True
    home.topics.bridge.step()
    assert home.once == []
    assert (home.topics.bridge.dropped, home.topics.bridge.waiting) == (1, 0)


EVENT_PICTURE = "tawny/porch/event/picture"


def test_a_mark_of_an_old_event_does_not_make_it_the_last(home: Home) -> None:
    old = home.had_event(b"OLD")
    home.passes()
    home.had_event(b"NEW")
    home.passes()
    home.publishes("updated", replace(old, kept=True))
    home.passes()
    assert home.kept[EVENT_PICTURE] == b"NEW"
    home.start()
    home.publishes("updated", replace(old, kept=False))
    home.passes()
    assert home.kept[EVENT_PICTURE] == b"NEW", "nor after a start"


def test_many_marks_do_not_hide_a_new_event(home: Home) -> None:
    old = [home.had_event(b"OLD") for _ in range(60)]
    home.passes()
    home.had_event(b"NEW")
    for one in old:
        home.publishes("updated", replace(one, reviewed=True))
    home.passes()
    assert home.kept[EVENT_PICTURE] == b"NEW"


@pytest.mark.parametrize("is_restarted", [False, True])
def test_the_image_of_a_deleted_event_does_not_stay(home: Home, *, is_restarted: bool) -> None:
    first, second = home.had_event(b"FIRST"), home.had_event(b"SECOND")
    home.passes()
    assert home.kept[EVENT_PICTURE] == b"SECOND"
    for event, then in ((second, b"FIRST"), (first, b"")):
        home.house.recorder.index.drop_event(event.id)
        if is_restarted:
            home.start()
        home.passes()
        assert home.kept[EVENT_PICTURE] == then


def test_cameras_without_images_of_events_are_looked_for_once(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """The index has all events to read for such a camera."""
    index = home.house.recorder.index
    events = Mock(side_effect=index.events)
    monkeypatch.setattr(index, "events", events)
    for _ in range(3):
        home.passes()
    assert events.call_count == 2, "for each camera"
    home.had_event()
    home.passes()
    assert home.kept["tawny/porch/event/picture"] == b"EVENT"


def test_a_message_that_was_not_acknowledged_is_the_next_one(home: Home) -> None:
    """The client waits for the same one then; another in between would make it publish that twice."""
    home.passes()
    asked = list[str]()

    def publish(topic: str, payload: bytes, *, retain: bool = False) -> None:
        if not retain:
            asked.append(topic)
        if asked == ["tawny/events"]:
            raise TargetUnreachable("the broker", "the message was not acknowledged")

    home.client_class.return_value.publish.side_effect = publish
    home.topics.bridge.publish("events", {"number": 1})
    home.topics.bridge.step()
    home.topics.bridge.publish("porch/event", {"number": 2}, is_trigger=True)
    home.passes()
    assert asked == ["tawny/events", "tawny/events", "tawny/porch/event"]


def test_a_deleted_event_brings_no_image_of_a_private_camera(home: Home) -> None:
    home.had_event(b"FIRST")
    second = home.had_event(b"SECOND")
    home.passes()
    home.modes.pause(PORCH, None, "Anna")
    home.house.recorder.index.drop_event(second.id)
    home.passes()
    assert home.kept[EVENT_PICTURE] == b""


def test_another_topic_leaves_nothing_at_the_former_one(home: Home) -> None:
    home.had_event()
    home.passes()
    home.kept |= {"tawny/own/note": b"of somebody else", "homeassistant/light/own/x/config": b"{}"}
    others = {"tawny/own/note", "homeassistant/light/own/x/config"}
    before = home.left("tawny/", "homeassistant/")
    home.start(url="mqtt://127.0.0.1:9/site/garage")
    home.passes()
    assert home.left("tawny/", "homeassistant/") >= before, "another recorder may have it now"
    assert "tawny/status" in home.subscribed()
    home.says("tawny/status", b"online")
    home.passes()
    assert home.left("tawny/", "homeassistant/") >= before
    home.says("tawny/status", b"offline")
    home.passes()
    assert home.left("tawny/") | home.left("homeassistant/light/own") == others
    assert all("/site_garage/" in topic for topic in home.left("homeassistant/") - others)
    assert home.kept["site/garage/status"] == b"online"
    home.start()
    home.passes()
    assert "tawny/status" not in home.subscribed(), "it is done once"


def test_another_recorder_with_the_same_topic_keeps_its_cameras(home: Home) -> None:
    """Both may run for long before anyone sees it: the names of the topics are those of the documentation."""
    home.kept |= {"tawny/gate/available": b"online", "homeassistant/camera/tawny/gate_camera/config": b"{}"}
    theirs = {*home.kept}
    for _ in range(3):
        home.passes()
        for topic in theirs:
            home.says(topic, home.kept[topic])
    home.says("tawny/recorder", b"another", is_retained=False)
    assert "Another recorder uses the topic tawny too" in home.topics.bridge.note
    home.passes()
    home.start(url="mqtt://127.0.0.1:9/garage")  # as it says
    home.passes()
    home.says("tawny/status", b"offline")
    home.passes()
    assert home.left("tawny/gate", "homeassistant/camera/tawny/gate") == theirs
    assert home.kept["tawny/mode"] != b"", "the other one may have it as well"
    assert home.topics.bridge.note == ""


def test_a_recorder_answers_another_one_that_connects_at_once(home: Home) -> None:
    """It may be busy with an image for two minutes."""
    home.passes()
    ((topic, own),) = home.raw
    assert (topic, own[-1:]) == ("tawny/recorder", b"?")
    home.says("tawny/recorder", b"another?", is_retained=False)
    assert home.raw[1:] == [("tawny/recorder", own[:-1])]
    for text in (b"another", own, own[:-1]):
        home.says("tawny/recorder", text, is_retained=False)
    assert len(home.raw) == 2, "two don't go on answering each other"


def test_a_broker_that_hangs_up_at_the_id_is_told_nothing_of_it(home: Home) -> None:
    """It allows other topics only."""
    for _ in range(5):
        home.topics.bridge.step()
        home.client_class.call_args.kwargs["lost"]()
        home.house.clock.advance(30)
        home.client_class.call_args.kwargs["connected"](home.client_class.return_value)
    assert len(home.raw) == MOST_FORBIDDEN
    home.client_class.return_value.subscribe.reset_mock()
    home.client_class.call_args.kwargs["connected"](home.client_class.return_value)
    assert "tawny/recorder" not in home.subscribed()


def test_another_broker_is_not_touched(home: Home) -> None:
    home.passes()
    home.start(url="mqtt://127.0.0.2:9/garage")
    home.passes()
    assert "tawny/status" not in home.subscribed()


@pytest.mark.parametrize("url", ["", "mqtt://127.0.0.2:9/tawny", "mqtt://127.0.0.1:10/tawny"])
def test_a_broker_that_the_settings_no_longer_name_keeps_nothing(home: Home, url: str) -> None:
    """The next start wouldn't reach it, and it would have images of cameras that become private or are removed."""
    home.had_event()
    home.passes()
    assert home.left("tawny/porch/picture", "tawny/porch/event/picture")
    home.kept |= {"tawny/own/note": b"of another program", "homeassistant/light/own/x/config": b"{}"}
    home.change(url=url)
    home.topics.bridge.close()
    assert home.left("tawny/", "homeassistant/") == {"tawny/own/note", "homeassistant/light/own/x/config"}
    assert json.loads(home.store.marks()["mqtt/127.0.0.1:9/tawny"]) == []


@pytest.mark.parametrize("change", [{}, {"url": "mqtt://ben:new@127.0.0.1:9/garage"}, {"snapshot_interval": 5.0}])
def test_at_the_broker_that_the_next_start_uses_all_stays(home: Home, change: dict[str, Any]) -> None:
    home.passes()
    before = home.left("tawny/", "homeassistant/")
    home.change(**change)
    home.topics.bridge.close()
    assert home.left("tawny/", "homeassistant/") == before
    assert home.kept["tawny/status"] == b"offline"


def test_what_another_recorder_uses_too_stays_at_a_broker_that_is_left(home: Home) -> None:
    home.passes()
    home.says("tawny/recorder", b"another", is_retained=False)
    before = home.left("tawny/", "homeassistant/")
    home.change(url="")
    home.topics.bridge.close()
    assert home.left("tawny/", "homeassistant/") == before


@pytest.mark.parametrize("discovery", ["", "ha"])
def test_another_discovery_prefix_leaves_nothing_at_the_former_one(home: Home, discovery: str) -> None:
    home.passes()
    home.start(discovery=discovery)
    picture = home.kept["tawny/porch/picture"]
    home.passes()
    assert home.left("homeassistant/") == set()
    assert bool(home.left("ha/")) == bool(discovery)
    assert home.kept["tawny/porch/picture"] == picture
    home.kept["homeassistant/camera/tawny/porch_camera/config"] = b"of somebody else"
    home.start()
    home.passes()
    assert home.left("homeassistant/"), "it is done once"


def test_the_will_of_an_earlier_connection_does_not_stay(home: Home) -> None:
    """The broker publishes it when it misses that connection, which is after tawny has connected again."""
    home.passes()
    assert home.kept["tawny/status"] == b"online"
    found = home.client_class.call_args.kwargs["on_message"]
    for is_retained in (False, True):
        home.kept["tawny/status"] = b"offline"
        found("tawny/status", b"offline", is_retained=is_retained)
        home.passes()
        assert home.kept["tawny/status"] == b"online"
    home.kept.clear()
    found("tawny/status", b"online", is_retained=False)
    home.passes()
    assert "tawny/status" not in home.kept, "its own message is no reason to publish it again"


def test_only_the_status_is_published_again(home: Home) -> None:
    """What a clean stop left comes back while all is published for the first time."""
    published = list[str]()

    def publish(topic: str, payload: bytes, *, retain: bool = False) -> None:
        if not published:
            home.client_class.call_args.kwargs["on_message"]("tawny/status", b"offline", is_retained=True)
        published.append(topic)

    home.client_class.return_value.publish.side_effect = publish
    home.passes()
    first = set(published)
    published.clear()
    home.topics.bridge.step()
    assert "tawny/porch/available" in first
    assert published == ["tawny/status"]


def test_a_stop_waits_for_the_last_states(home: Home) -> None:
    event = home.has_event()
    home.passes()
    before = home.topics.is_sending
    home.publishes("ended", event.ended(home.house.clock.now_ms()))
    during = home.topics.is_sending
    home.topics.bridge.step()
    assert (before, during, home.topics.is_sending) == (False, True, False)
    assert home.kept["tawny/porch/motion"] == b"OFF"


def test_a_stop_waits_for_no_broker_that_is_away(home: Home) -> None:
    home.is_reachable = False
    home.has_event()
    home.passes()
    assert not home.topics.is_sending


def test_on_a_slow_line_images_come_last_and_one_at_a_time(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """They held up everything else, also what automations react to."""
    image, order = b"J" * LARGE_BYTES, list[str]()

    def publish(topic: str, payload: bytes, *, retain: bool = False) -> None:
        order.append(topic)
        home.publish(topic, payload, retain=retain)
        if topic == "tawny/porch/picture":
            home.has_event(image + b"2")  # while an image is on its way

    monkeypatch.setattr(mqtt_topics, "keyframe_jpeg", lambda *_: image)
    home.client_class.return_value.publish.side_effect = publish
    home.has_event(image)
    home.passes()
    first = ["tawny/porch/event", "tawny/events", "tawny/porch/event/picture"]
    assert order[-3:] == first
    assert {"tawny/status", "tawny/porch/motion"} <= {*order}
    order.clear()
    for _ in range(2):
        home.topics.bridge.step()
    assert order[0] == "tawny/porch/picture"
    assert order[-3:] == first


def test_an_image_that_is_late_is_no_fault(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    image = b"J" * LARGE_BYTES

    def publish(topic: str, payload: bytes, *, retain: bool = False) -> None:
        if payload == image:
            raise TargetUnreachable("the broker", "the message was not acknowledged")
        home.publish(topic, payload, retain=retain)

    monkeypatch.setattr(mqtt_topics, "keyframe_jpeg", lambda *_: image)
    home.client_class.return_value.publish.side_effect = publish
    home.has_event(image)
    home.passes()
    assert home.topics.bridge.trouble == ""
    assert home.topics.bridge.step() == 0.0, "the next one is tried at once"


def test_images_at_which_the_broker_hangs_up_are_left_out_for_an_hour(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broker with a limit of the size ended the connection at each, so that nothing else arrived either."""
    image, tries, client = b"J" * LARGE_BYTES, list[str](), home.client_class.return_value

    def publish(topic: str, payload: bytes, *, retain: bool = False) -> None:
        if len(payload) >= LARGE_BYTES:
            tries.append(topic)
            client.losses += 1
            raise TargetUnreachable("the broker", "the message was not acknowledged")
        home.publish(topic, payload, retain=retain)

    monkeypatch.setattr(mqtt_topics, "keyframe_jpeg", lambda *_: image)
    client.publish.side_effect = publish
    for _ in range(5):
        home.passes()
    assert len(tries) == LARGE_TRIES
    assert client.close.call_count == LARGE_TRIES, "else the library sends it again and again"
    assert home.topics.bridge.trouble == ""
    assert home.kept["tawny/status"] == b"online"
    assert f"images of {LARGE_BYTES} bytes" in home.topics.bridge.note
    assert home.kept["tawny/porch/picture"] == b"", "an older image doesn't stay"
    home.house.clock.advance(LARGE_AGAIN_S)
    assert home.topics.bridge.note == ""
    home.passes()
    assert len(tries) == LARGE_TRIES + 1, "the same image"


def test_small_images_do_not_hide_that_large_ones_are_refused(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    client = home.client_class.return_value

    def publish(topic: str, payload: bytes, *, retain: bool = False) -> None:
        if len(payload) > LARGE_BYTES:
            client.losses += 1
            raise TargetUnreachable("the broker", "the message was not acknowledged")
        home.publish(topic, payload, retain=retain)

    client.publish.side_effect = publish
    images = {PORCH: b"J" * LARGE_BYTES, YARD: b"J" * (LARGE_BYTES + 1)}
    monkeypatch.setattr(mqtt_topics, "keyframe_jpeg", lambda *_: images[PORCH])
    home.has_event(images[YARD])
    for number in range(12):
        images[PORCH] = bytes([number]) * LARGE_BYTES
        home.passes()
    assert f"images of {LARGE_BYTES + 1} bytes" in home.topics.bridge.note
    assert home.kept["tawny/porch/picture"] != b""


def test_a_broker_that_does_not_work_for_long_is_a_problem(home: Home) -> None:
    home.passes()
    home.is_reachable = False
    for _ in range(round(FAULTY_S / 20)):
        home.passes()
        assert home.topics.bridge.fault == ""
    home.passes()
    assert home.topics.bridge.fault == "the broker isn't responding (the connection is lost)."
    home.is_reachable = True
    home.passes()
    assert home.topics.bridge.fault == ""


def test_what_was_only_waiting_behind_an_image_breaks_no_connection(home: Home) -> None:
    home.passes()
    home.topics.bridge.publish("porch/event", {}, is_trigger=True)
    home.house.clock.advance(31)
    home.topics.bridge.step()
    assert home.topics.bridge.dropped == 1
    assert not home.client_class.return_value.close.called


def test_it_listens_to_its_own_status(home: Home) -> None:
    home.passes()
    line = Mock()
    home.client_class.call_args.kwargs["connected"](line)
    assert "tawny/status" in [call.args[0] for call in line.subscribe.call_args_list]


def test_an_event_is_told_once_for_each_type_it_gets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Most persons begin as motion: Home Assistant's event entity never said `person`."""
    house, bridge = make_house(tmp_path), Mock()
    made, problems = parse_settings(SETTINGS, {})
    assert made is not None, problems
    monkeypatch.setattr(mqtt_topics, "MqttBridge", bridge)
    topics = MqttTopics(lambda: made, house.recorder, Mock(names=("home",), arm=made.modes), Mock(), lambda: 0)
    now_ms = house.clock.now_ms()
    event = Event(new_event_id(now_ms), PORCH, "motion", now_ms, None, 10.0, level="motion")
    other = Event(new_event_id(now_ms + 1), PORCH, "motion", now_ms, None, 10.0, level="motion")

    def says(what: str, **about: Any) -> None:
        topics.on_message(EventChanged(what, replace(event, **about)))

    says("started")
    says("updated", score=20.0)
    says("updated", kind="person", level="detection")
    says("updated", kind="person", level="alert")
    topics.on_message(EventChanged("started", other))
    says("updated", kind="vehicle", level="alert")
    says("updated", kind="person", level="alert")
    says("ended", kind="animal", end_ms=now_ms + 1000)
    says("updated", kind="object", end_ms=now_ms + 1000)
    found = [call.args[1] for call in bridge.return_value.publish.call_args_list if call.args[0] == "porch/event"]
    assert [(one["event_type"], one["id"] == event.id) for one in found] == [
        ("motion", True),
        ("person", True),
        ("motion", False),
        ("vehicle", True),
        ("animal", True),
    ]


@pytest.mark.parametrize(
    ("relay", "payload", "lasts_s"), [("gate", "ON", 2.0), ("gate", "OFF", None), ("siren", "ON", None)]
)
def test_a_relay_is_switched_on_for_its_pulse(home: Home, relay: str, payload: str, lasts_s: float | None) -> None:
    """A gate that Home Assistant switched on stayed on."""
    home.passes()
    home.says(f"tawny/relay/{relay}/set", payload.encode(), is_retained=False)
    home.topics.step()
    until(lambda: home.do.called)
    order = home.do.call_args.args[1]
    assert isinstance(order, RelayCommand)
    assert (order.relay, order.on, order.lasts_s) == (relay, payload == "ON", lasts_s)


def test_relays_show_how_they_were_switched(home: Home) -> None:
    home.start(permissions=("relay",))
    home.kept["tawny/relay/gate"] = b"ON"
    home.passes()
    assert home.left("tawny/relay/") == set(), "of an earlier run"
    home.topics.on_switched("gate", on=True)
    home.topics.bridge.step()
    assert home.kept["tawny/relay/gate"] == b"ON"
    home.topics.on_switched("gate", on=False)
    home.topics.bridge.step()
    assert home.kept["tawny/relay/gate"] == b"OFF"
    about = json.loads(home.kept["homeassistant/switch/tawny/relay_gate/config"])
    assert (about["state_topic"], "optimistic" in about) == ("tawny/relay/gate", False)


@pytest.mark.parametrize("is_restarted", [False, True])
def test_a_relay_that_is_removed_leaves_no_state(home: Home, *, is_restarted: bool) -> None:
    home.start(permissions=("relay",))
    for relay in ("gate", "siren"):
        home.topics.on_switched(relay, on=True)
    home.passes()
    assert home.left("tawny/relay/") == {"tawny/relay/gate", "tawny/relay/siren"}
    home.settings = home.settings.model_copy(update={"relays": {"siren": home.settings.relays["siren"]}})
    if is_restarted:
        home.start()
        home.topics.on_switched("siren", on=True)
    home.passes()
    assert home.left("tawny/relay/") == {"tawny/relay/siren"}


def test_with_some_cameras_nothing_is_announced_that_is_always_refused(home: Home) -> None:
    home.start(permissions=("modes", "relay"), cameras=(PORCH,))
    home.passes()
    announced = {topic.split("/")[1] for topic in home.left("homeassistant/")}
    assert announced.isdisjoint({"alarm_control_panel", "select"})
    assert home.left("homeassistant/switch/") == {"homeassistant/switch/tawny/relay_gate/config"}


def test_health_tells_nothing_of_cameras_that_are_not_published(home: Home) -> None:
    recorder = home.house.recorder
    yard = recorder.listed[1]
    recorder.listed[1] = replace(yard, status=replace(yard.status, state=CameraState.OFFLINE))
    recorder.alarmed = [
        Alarm(what, YARD, home.house.clock.now_ms(), "It has a fault.")
        for what in (ProblemKind.CAMERA, ProblemKind.CLOCK)
    ]
    home.start(cameras=(PORCH,))
    home.passes()
    data = json.loads(home.kept["tawny/health"])
    assert (data["ok"], data["working"], data["expected"], data["warnings"]) == (True, 1, 1, [])
    assert data["summary"] == "1 of 1 camera working."


def test_health_tells_problems_of_the_recorder_whatever_cameras_are_published(home: Home) -> None:
    home.house.recorder.alarmed = [Alarm(ProblemKind.DISK, None, home.house.clock.now_ms(), "The disk is full.")]
    home.start(cameras=(PORCH,))
    home.passes()
    data = json.loads(home.kept["tawny/health"])
    assert (data["ok"], data["warnings"]) == (False, ["The disk is full."])


def test_without_an_interval_the_snapshot_is_that_of_the_last_event(home: Home) -> None:
    home.passes()
    assert home.kept["tawny/porch/picture"] == b"JPEG"
    home.start(snapshot_interval=0.0)
    home.passes()
    assert home.kept["tawny/porch/picture"] == b"", "the old one does not stay"
    home.had_event()
    home.passes()
    assert home.kept["tawny/porch/picture"] == b"EVENT"


def test_without_an_interval_an_encrypted_camera_has_no_snapshot(home: Home) -> None:
    home.start(snapshot_interval=0.0)
    home.had_event()
    home.passes()
    sealed = home.settings.cameras[PORCH].model_copy(update={"encrypt": True})
    home.settings = home.settings.model_copy(update={"cameras": {**home.settings.cameras, PORCH: sealed}})
    home.passes()
    assert home.kept["tawny/porch/picture"] == b""


def test_after_privacy_the_image_of_the_last_event_comes_back(home: Home) -> None:
    home.had_event()
    home.passes()
    home.modes.pause(PORCH, None, "Anna")
    home.passes()
    assert home.kept[EVENT_PICTURE] == b""
    home.modes.let_go(PORCH, "Anna")
    home.passes()
    home.passes()
    assert home.kept[EVENT_PICTURE] == b"EVENT"

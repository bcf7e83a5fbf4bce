"""A whole recorder on a real MQTT broker, and a client like Home Assistant that finds and steers it."""

import json
from collections.abc import Iterator

import pytest

from tawny.config.mode_presets import PRESETS, with_preset
from tawny.config.modes import ModesSettings
from tawny.service.integrations.home_assistant import (
    KINDS,
    AnnouncedCamera,
    DiscoveryContext,
    announced,
    mode_of_command,
    panel_modes,
    panel_state,
)
from tawny.service.integrations.integration_service import CommandMeans, IntegrationService
from tawny.testing.clips import ClipSpec, clip_file
from tawny.testing.waiting import until
from tests.app.rig import DOOR, Rig, rig, settings
from tests.delivery.broker import Broker, served
from tests.service.integrations.home_assistant import HomeAssistant
from tests.service.integrations.test_inputs import Kept
from tests.sources.onvif.fake_camera import FakeCamera
from tests.sources.onvif.fake_camera import served as camera_served

SECRET = "pLantedSecretOfTheBroker"
ALL = '["modes", "presence", "pause", "record", "event", "ptz", "relay"]'


GONE = "homeassistant/camera/tawny/gone_camera/config"
LEFT = ("available", "health", "motion", "alert", "record", "private", "track", "picture", "event/picture")


class Bench:
    def __init__(self, rig: Rig, broker: Broker, home: HomeAssistant, camera: FakeCamera) -> None:
        self.rig, self.broker, self.home, self.camera = rig, broker, home, camera
        self.notes: list[tuple[str, str, str]] = []
        self.switched = Kept()
        earlier = [GONE, *(f"tawny/gone/{topic}" for topic in LEFT)]
        self.switched.mark(f"mqtt/127.0.0.1:{broker.port}/tawny", json.dumps(earlier))
        self.programs = self.made()

    def made(self) -> IntegrationService:
        running = self.rig.running
        return IntegrationService(
            lambda: running.settings,
            running,
            CommandMeans(
                running.external_events,
                running.arming.modes,
                Kept(),
                lambda action, person, caller, detail: self.notes.append((action, person, detail)),
                switched=self.switched,
            ),
            self.rig.clock,
            running.pooled_engine(),
            lambda: 3,
        )

    def until_state(self, name: str, state: str) -> None:
        until(lambda: name in self.home.entities and self.home.state(name) == state, 60, f"{name} is {state}")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    root, camera = tmp_path_factory.mktemp("mqtt"), FakeCamera()
    with served(root, SECRET) as broker, camera_served(camera):
        clip = clip_file(ClipSpec(seconds=30))
        text = (
            f'[cameras.door]\nsource = "{clip}"\nonvif = "{camera.url}"\ndetection.detector = '
            f'"off"\n[mqtt]\nurl = "mqtt://tawny:{SECRET}@127.0.0.1:{broker.port}/tawny"\npermissions = '
            f'{ALL}\nsnapshot_interval = "1 s"\n[relays.light]\ncamera = "door"\n'
        )
        home = HomeAssistant(broker.port, SECRET)
        stale = {"unique_id": "tawny_gone", "device": {"identifiers": ["x"]}, "topic": "x"}
        home.publish(GONE, json.dumps(stale), retain=True)
        for topic in LEFT:
            home.publish(f"tawny/gone/{topic}", "offline", retain=True)
        for topic in ("note", "available", "health"):
            home.publish(f"tawny/own/{topic}", "of somebody else", retain=True)
        with rig(settings(text), root / "data") as made:
            made.wait_for_seconds(1)
            bench = Bench(made, broker, home, camera)
            bench.programs.start()
            until(lambda: "door_camera" in home.entities, 60, "it is found")
            yield bench
            bench.programs.end_commands()
            bench.programs.close()
            until(lambda: home.values.get("tawny/status") == b"offline", 60, "its goodbye")
        home.close()


EVERY = {
    "alarm": "alarm_control_panel",
    "mode": "select",
    "problem": "binary_sensor",
    "recording": "sensor",
    "disk_free": "sensor",
    "waiting": "sensor",
    "relay_light": "switch",
    "door_camera": "camera",
    "door_image": "image",
    "door_event": "event",
    "door_motion": "binary_sensor",
    "door_alert": "binary_sensor",
    "door_recorded": "binary_sensor",
    "door_recorded_today": "sensor",
    "door_record": "switch",
    "door_private": "switch",
    "door_track": "switch",
    "door_left": "button",
    "door_right": "button",
    "door_up": "button",
    "door_down": "button",
}


def test_everything_is_found_by_discovery_and_is_as_documented(bench: Bench) -> None:
    until(lambda: EVERY.keys() <= bench.home.entities.keys(), 60, "all entities")
    assert {name: one.kind for name, one in bench.home.entities.items() if name != "gone_camera"} == EVERY
    for entity in bench.home.entities.values():
        if entity.about["unique_id"] != "tawny_gone":
            entity.check()
    ids = [one.about["unique_id"] for one in bench.home.entities.values()]
    assert len(set(ids)) == len(ids)


def test_what_was_announced_by_an_earlier_life_goes_away(bench: Bench) -> None:
    until(lambda: "gone_camera" not in bench.home.entities, 60, "it goes away")


def test_what_a_camera_left_that_was_removed_meanwhile_goes_away(bench: Bench) -> None:
    until(lambda: all(bench.home.values.get(f"tawny/gone/{topic}") == b"" for topic in LEFT), 60, "nothing is left")
    for topic in ("note", "available", "health"):
        assert bench.home.values[f"tawny/own/{topic}"] == b"of somebody else"
    assert "tawny/answer" not in bench.home.values, "none of it was a command"


def test_states_of_health_are_told(bench: Bench) -> None:
    bench.until_state("door_recorded", "ON")
    bench.until_state("recording", "1")
    bench.until_state("waiting", "3")
    until(lambda: bench.home.is_available("door_motion"), 60, "it is available")
    disk = bench.home.state("disk_free")
    assert disk == "None" or int(disk or 0) > 0
    assert bench.home.state("door_motion") == "OFF"


def test_figures_and_names_are_those_of_the_reference(bench: Bench) -> None:
    until(lambda: "waiting" in bench.home.entities and "tawny/health" in bench.home.values, 60, "it is announced")
    names = {name: bench.home.entities[name].about["name"] for name in ("door_motion", "recording", "waiting")}
    assert names == {"door_motion": "Event in progress", "recording": "Cameras working", "waiting": "Waiting uploads"}
    health = json.loads(bench.home.values["tawny/health"])
    assert health.keys() == {"ok", "working", "expected", "summary", "disk_free_bytes", "waiting", "warnings"}
    assert (health["working"], health["expected"]) == (1, 1)


def test_it_arms_and_disarms(bench: Bench) -> None:
    bench.until_state("alarm", "disarmed")
    bench.home.press("alarm", "ARM_AWAY")
    bench.until_state("alarm", "armed_away")
    assert bench.rig.running.arming.modes.now().mode == "away"
    bench.until_state("mode", "away")
    bench.home.press("mode", "night")
    bench.until_state("alarm", "armed_night")
    bench.home.press("alarm", "DISARM")
    bench.until_state("mode", "home")
    assert ("set_mode", "MQTT", "away: Mode: away.") in bench.notes


def test_it_pauses_and_resumes(bench: Bench) -> None:
    until(lambda: bench.home.picture("door_camera")[:2] == b"\xff\xd8", 60, "a picture")
    bench.home.press("door_private", "ON")
    bench.until_state("door_private", "ON")
    hold = bench.rig.running.arming.modes.hold(DOOR)
    assert hold is not None
    assert hold.what == "pause"
    until(lambda: bench.home.picture("door_camera") == b"", 60, "no picture is left on the broker")
    bench.home.press("door_private", "OFF")
    bench.until_state("door_private", "OFF")
    assert bench.rig.running.arming.modes.hold(DOOR) is None


def test_it_records_and_the_event_is_told_with_its_picture(bench: Bench) -> None:
    bench.home.press("door_record", "ON")
    bench.until_state("door_record", "ON")
    bench.until_state("door_motion", "ON")
    until(lambda: "tawny/door/event" in bench.home.values, 60, "the event")
    data = json.loads(bench.home.values["tawny/door/event"])
    assert data["event_type"] == "manual"
    assert data["event_type"] in bench.home.entities["door_event"].about["event_types"]
    until(lambda: bench.home.picture("door_image")[:2] == b"\xff\xd8", 60, "its picture")
    bench.home.press("door_record", "OFF")
    bench.until_state("door_record", "OFF")
    bench.until_state("door_motion", "OFF")


def test_it_turns_and_switches(bench: Bench) -> None:
    bench.home.press("door_left")
    until(lambda: {"ContinuousMove", "Stop"} <= set(bench.camera.done()), 60, "it turns, and stops")
    bench.until_state("relay_light", "None")
    bench.home.press("relay_light", "ON")
    until(lambda: "SetRelayOutputState" in bench.camera.done(), 60, "the relay")
    bench.until_state("relay_light", "ON")
    bench.programs.device_control.switch("light", on=False, lasts_s=None)
    bench.until_state("relay_light", "OFF")


def test_orders_as_json_are_answered(bench: Bench) -> None:
    bench.home.publish("tawny/set", '{"command": "event.open", "camera": "door", "kind": "bell", "for": "1 s"}')
    until(lambda: b" started." in bench.home.values.get("tawny/answer", b""), 60, "an answer")
    until(lambda: b"bell" in bench.home.values.get("tawny/door/event", b""), 60, "the event")
    assert json.loads(bench.home.values["tawny/door/event"])["event_type"] == "other"
    types = [json.loads(payload)["type"] for topic, payload in bench.home.heard if topic == "tawny/events"]
    assert "event.started" in types


@pytest.mark.parametrize(
    ("topic", "payload", "code"),
    [
        ("set", "{", "bad_input"),
        ("alarm/set", "ARM_VACATION", "bad_input"),
        ("mode/set", "moon", "not_done"),
        ("door/record/set", "maybe", "bad_input"),
        ("door/what/set", "ON", "bad_input"),
        ("moon/record/set", "ON", "not_found"),
        ("relay/moon/set", "ON", "not_found"),
    ],
)
def test_what_cannot_be_is_answered_so(bench: Bench, topic: str, payload: str, code: str) -> None:
    bench.home.values.pop("tawny/answer", None)
    bench.home.publish(f"tawny/{topic}", payload)
    until(lambda: "tawny/answer" in bench.home.values, 60, "an answer")
    data = json.loads(bench.home.values["tawny/answer"])
    assert (data["to"], data["error"]["code"]) == (topic, code)


def test_an_order_that_the_broker_kept_is_an_old_one(bench: Bench) -> None:
    bench.home.publish("tawny/alarm/set", "ARM_AWAY", retain=True)
    bench.until_state("alarm", "armed_away")
    bench.home.press("alarm", "DISARM")
    bench.until_state("alarm", "disarmed")
    bench.programs.end_commands()
    bench.programs.close()
    bench.home.values.pop("tawny/status")  # of the connection before
    bench.programs = bench.made()
    bench.programs.start()  # at a new connection what is kept comes again
    until(lambda: bench.home.values.get("tawny/status") == b"online", 60, "the new connection")
    bench.home.publish("tawny/set", '{"command": "event.close", "event": "none"}')
    until(lambda: b'"set"' in bench.home.values.get("tawny/answer", b""), 60, "what came later is answered")
    assert bench.rig.running.arming.modes.now().mode == "home"
    bench.home.publish("tawny/alarm/set", "", retain=True)


def test_a_home_assistant_that_begins_anew_finds_all_again(bench: Bench) -> None:
    bench.home.entities.clear()
    bench.home.begins_anew()
    until(lambda: EVERY.keys() <= bench.home.entities.keys(), 60, "all of them again")


def test_a_broker_that_was_away_and_forgot_all_is_told_again(bench: Bench) -> None:
    bench.broker.stop()
    bench.home.entities.clear()
    bench.home.values.clear()
    bench.broker.start()
    until(bench.home.client.is_connected, 60, "Home Assistant is back")
    bench.home.client.subscribe([("homeassistant/+/+/+/config", 1), ("tawny/#", 1)])
    until(lambda: EVERY.keys() <= bench.home.entities.keys(), 60, "all of them again")
    until(lambda: bench.home.values.get("tawny/status") == b"online", 60, "it is there")


def test_the_password_is_nowhere_to_be_seen(bench: Bench) -> None:
    (answer,) = [one for one in bench.programs.overview() if one["kind"] == "mqtt"]
    assert SECRET not in json.dumps(answer)
    assert answer["where"] == f"mqtt://127.0.0.1:{bench.broker.port}/tawny"


# --- without a broker ------------------------------------------------------------------------------------------------


def house(may: tuple[str, ...], modes: tuple[str, ...] = ("home", "away")) -> DiscoveryContext:
    return DiscoveryContext("site/a b", "pi", [AnnouncedCamera("door", "Door", turns=True)], modes, ["gate"], may)  # type: ignore[arg-type]


def test_what_may_not_be_asked_for_is_not_announced() -> None:
    kinds = {topic.split("/")[1] for topic in announced(house(()), "ha")}
    assert kinds == {"binary_sensor", "sensor", "camera", "image", "event"}


def test_two_recorders_on_one_broker_are_told_apart() -> None:
    topics = announced(house(("modes",)), "ha")
    assert all(topic.split("/")[2] == "site_a_b" for topic in topics)
    panel = json.loads(topics["ha/alarm_control_panel/site_a_b/alarm/config"])
    assert (panel["state_topic"], panel["supported_features"]) == ("site/a b/alarm", ["arm_away"])


@pytest.mark.parametrize(
    ("mode", "state"), [("home", "disarmed"), ("away", "armed_away"), ("party", "armed_custom_bypass")]
)
def test_modes_are_states_of_the_panel(mode: str, state: str) -> None:
    assert panel_state(mode, ("home", "away", "party")) == state


@pytest.mark.parametrize(
    ("preset", "disarmed", "armed"),
    [
        ("family", "home", "away"),
        ("flat", "home", "away"),
        ("holiday", "home", "away"),
        ("shop", "open", "closed"),
        ("empty", "visit", "guard"),
        ("nest", "quiet", "watch"),
        ("same", "home", "away"),
    ],
)
def test_no_preset_is_disarmed_while_it_guards(preset: str, disarmed: str, armed: str) -> None:
    modes = panel_modes(ModesSettings.model_validate(with_preset({}, PRESETS[preset])))
    assert mode_of_command("DISARM", modes) == disarmed
    assert (panel_state(disarmed, modes), panel_state(armed, modes)[:5]) == ("disarmed", "armed")


def test_the_first_of_own_modes_is_disarmed() -> None:
    assert panel_modes(ModesSettings(names=("quiet", "home", "away"))) == ("quiet", "home", "away")


def test_commands_of_the_panel_are_modes() -> None:
    modes = ("quiet", "home", "away")
    commands = ("DISARM", "ARM_HOME", "ARM_AWAY", "ARM_NIGHT", "TRIGGER", "")
    assert [mode_of_command(one, modes) for one in commands] == ["quiet", "home", "away", None, None, None]
    assert "other" in KINDS

"""A client of MQTT that does as Home Assistant: discovery, availability, states, commands."""

import json
from dataclasses import dataclass, field
from typing import Any

from jinja2 import Environment
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from tawny.testing.waiting import until
from tests.delivery.broker import USER

COMMON = {
    "availability", "availability_mode", "default_entity_id", "device", "entity_category", "icon",
    "json_attributes_topic", "name", "origin", "unique_id",
}  # fmt: skip
"""Keys of every kind; those of each kind, with those that must be there, are from its page of the documentation."""
KEYS: dict[str, tuple[set[str], set[str]]] = {
    "alarm_control_panel": (
        {"state_topic", "command_topic"},
        {"supported_features", "code_arm_required", "code_disarm_required"},
    ),
    "binary_sensor": ({"state_topic"}, {"device_class", "value_template", "payload_on", "payload_off"}),
    "button": ({"command_topic"}, {"payload_press"}),
    "camera": ({"topic"}, set()),
    "event": ({"state_topic", "event_types"}, {"device_class", "value_template"}),
    "image": ({"image_topic"}, {"content_type"}),
    "select": ({"command_topic", "options"}, {"state_topic"}),
    "sensor": ({"state_topic"}, {"device_class", "state_class", "unit_of_measurement", "value_template"}),
    "switch": ({"command_topic"}, {"state_topic", "optimistic", "value_template"}),
}
FEATURES = {"arm_home", "arm_away", "arm_night", "arm_vacation", "arm_custom_bypass", "trigger"}
PANEL_STATES = {"disarmed", "armed_home", "armed_away", "armed_night", "armed_vacation", "armed_custom_bypass"}
DEVICE = {"identifiers", "name", "manufacturer", "model", "sw_version", "via_device", "configuration_url"}


@dataclass
class Entity:
    kind: str
    about: dict[str, Any]
    payloads: list[bytes] = field(default_factory=list)

    def check(self) -> None:
        """As Home Assistant's own schema does."""
        must, may = KEYS[self.kind]
        keys = set(self.about)
        assert must | {"unique_id", "device"} <= keys, self.about
        assert keys <= must | may | COMMON, keys - (must | may | COMMON)
        assert set(self.about["device"]) <= DEVICE
        assert self.about["device"]["identifiers"]
        assert set(self.about.get("supported_features", ())) <= FEATURES
        assert self.about.get("entity_category", "config") in ("config", "diagnostic")
        assert all(set(one) == {"topic"} for one in self.about.get("availability", ()))


class HomeAssistant:
    """prefix: of discovery. Entities by the end of their unique id: what comes after our topic's name."""

    def __init__(self, port: int, password: str, prefix: str = "homeassistant") -> None:
        self._prefix, self.entities, self.values = prefix, dict[str, Entity](), dict[str, bytes]()
        self.heard: list[tuple[str, bytes]] = []
        self._jinja = Environment(autoescape=False)
        self._ready: list[object] = []
        self.client = Client(CallbackAPIVersion.VERSION2)
        self.client.username_pw_set(USER, password)
        self.client.on_message = self._take
        self.client.on_subscribe = lambda *about: self._ready.append(about)
        self.client.connect("127.0.0.1", port)
        self.client.subscribe([(f"{prefix}/+/+/+/config", 1), ("tawny/#", 1)])
        self.client.loop_start()
        until(lambda: self._ready, 60, "the subscription")

    def _take(self, _: object, __: object, message: MQTTMessage) -> None:
        payload = bytes(message.payload)
        if not message.topic.startswith(f"{self._prefix}/"):
            self.values[message.topic] = payload
            self.heard.append((message.topic, payload))
            return
        _, kind, _, name, _ = message.topic.split("/")
        if payload:
            self.entities[name] = Entity(kind, json.loads(payload))
        else:
            self.entities.pop(name, None)

    def is_available(self, name: str) -> bool:
        topics = [one["topic"] for one in self.entities[name].about["availability"]]
        return all(self.values.get(topic) == b"online" for topic in topics)

    def state(self, name: str) -> str | None:
        about = self.entities[name].about
        payload = self.values.get(about["state_topic"])
        if payload is None:
            return None
        if "value_template" not in about:
            return payload.decode()
        text = payload.decode()
        values = {"value": text, "value_json": json.loads(text) if text[:1] == "{" else None}
        return self._jinja.from_string(about["value_template"]).render(values)

    def picture(self, name: str) -> bytes:
        about = self.entities[name].about
        return self.values.get(about.get("topic") or about["image_topic"], b"")

    def press(self, name: str, payload: str = "") -> None:
        """What a tap on it sends."""
        about = self.entities[name].about
        self.publish(about["command_topic"], payload or about["payload_press"])

    def publish(self, topic: str, payload: str, *, retain: bool = False) -> None:
        self.client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(30)

    def begins_anew(self) -> None:
        self.publish(f"{self._prefix}/status", "online")

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()

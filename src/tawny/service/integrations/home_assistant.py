"""Home Assistant MQTT discovery: entities and their topics.

Each entity is a retained JSON at `PREFIX/KIND/NODE/OBJECT/config`, with the keys Home Assistant documents for its kind.
An empty payload removes it.
"""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tawny import __version__
from tawny.config.integrations import Right
from tawny.config.modes import ModesSettings
from tawny.model.states import RECORDED

ONLINE, OFFLINE = b"online", b"offline"
ON, OFF = b"ON", b"OFF"
DISARMED = "disarmed"
PANEL = {
    "home": ("armed_home", "ARM_HOME", "arm_home"),
    "away": ("armed_away", "ARM_AWAY", "arm_away"),
    "night": ("armed_night", "ARM_NIGHT", "arm_night"),
    "vacation": ("armed_vacation", "ARM_VACATION", "arm_vacation"),
}
"""By mode: the panel's state, its command, and the feature that shows it."""
OWN_MODE = "armed_custom_bypass"
KINDS = ("person", "vehicle", "animal", "object", "sound", "motion", "tamper", "manual", "other")
"""Event types announced to Home Assistant; custom types are `other`."""
MOVES = {"left": {"pan": -0.5}, "right": {"pan": 0.5}, "up": {"tilt": 0.5}, "down": {"tilt": -0.5}}


@dataclass(frozen=True, slots=True)
class AnnouncedCamera:
    id: str
    name: str
    turns: bool = False


@dataclass(frozen=True, slots=True)
class DiscoveryContext:
    """All announced data. base: the base topic. modes: `panel_modes`. may: rights of commands through the broker."""

    base: str
    host: str
    cameras: Sequence[AnnouncedCamera]
    modes: Sequence[str]
    relays: Sequence[str]
    may: Collection[Right]
    address: str = ""

    @property
    def node(self) -> str:
        return node_of(self.base)


_RECORDED = [state.value for state in sorted(RECORDED)]


def node_of(base: str) -> str:
    """Return the node ID: the base topic with invalid characters replaced."""
    return "".join(one if one.isascii() and (one.isalnum() or one in "-_") else "_" for one in base)


def panel_modes(modes: ModesSettings) -> tuple[str, ...]:
    """Return the modes, first the disarmed one: the default mode, but never that of an empty home."""
    names, presence = modes.names, modes.presence
    others = [mode for mode in names if mode != presence.nobody] or names
    disarmed = next(mode for mode in (names[0], presence.back, *others) if mode in others)
    return disarmed, *(mode for mode in names if mode != disarmed)


def panel_state(mode: str, modes: Sequence[str]) -> str:
    """Return the panel's state. modes: `panel_modes`."""
    if mode == modes[0]:
        return DISARMED
    return PANEL[mode][0] if mode in PANEL else OWN_MODE


def mode_of_command(command: str, modes: Sequence[str]) -> str | None:
    """Return the mode of a panel's command; None for an unknown one. modes: `panel_modes`."""
    if command == "DISARM":
        return modes[0]
    return next((mode for mode in modes if mode in PANEL and PANEL[mode][1] == command), None)


def announced(context: DiscoveryContext, prefix: str) -> dict[str, bytes]:
    """Return topic and payload of each entity."""
    found: dict[str, bytes] = {}
    for kind, name, about in _entities(context):
        topic = f"{prefix}/{kind}/{context.node}/{name}/config"
        unique = {"unique_id": f"{context.node}_{name}", "default_entity_id": f"{kind}.{context.node}_{name}".lower()}
        origin = {"origin": {"name": "tawny", "sw_version": __version__}}
        found[topic] = json.dumps({**about, **unique, **origin}, ensure_ascii=False).encode()
    return found


def _entities(context: DiscoveryContext) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield kind, object name and properties of each entity."""
    yield from _of_recorder(context)
    for camera in context.cameras:
        yield from _of_camera(context, camera)


def _of_recorder(context: DiscoveryContext) -> Iterator[tuple[str, str, dict[str, Any]]]:
    base = context.base
    common = {"device": _recorder(context), **_available(f"{base}/status")}
    health = {**common, "state_topic": f"{base}/health", "entity_category": "diagnostic"}
    if "modes" in context.may:
        features = [PANEL[mode][2] for mode in context.modes[1:] if mode in PANEL]
        yield "alarm_control_panel", "alarm", {
            **common, "name": "Alarm", "state_topic": f"{base}/alarm", "command_topic": f"{base}/alarm/set",
            "supported_features": features, "code_arm_required": False, "code_disarm_required": False,
        }  # fmt: skip
        yield "select", "mode", {
            **common, "name": "Mode", "state_topic": f"{base}/mode", "command_topic": f"{base}/mode/set",
            "options": list(context.modes), "icon": "mdi:home-lock",
        }  # fmt: skip
    yield "binary_sensor", "problem", {
        **health, "name": "Problem", "device_class": "problem",
        "value_template": "{{ 'OFF' if value_json.ok else 'ON' }}", "json_attributes_topic": f"{base}/health",
    }  # fmt: skip
    yield "sensor", "recording", {
        **health, "name": "Cameras working", "value_template": "{{ value_json.working }}", "icon": "mdi:cctv",
        "state_class": "measurement",
    }  # fmt: skip
    yield "sensor", "disk_free", {
        **health, "name": "Free disk space", "device_class": "data_size", "unit_of_measurement": "B",
        "state_class": "measurement", "value_template": "{{ value_json.disk_free_bytes }}",
    }  # fmt: skip
    yield "sensor", "waiting", {
        **health, "name": "Waiting uploads", "value_template": "{{ value_json.waiting }}", "icon": "mdi:tray-arrow-up",
        "state_class": "measurement",
    }  # fmt: skip
    if "relay" in context.may:
        for relay in context.relays:
            yield "switch", f"relay_{relay}", {
                **common, "name": relay, "command_topic": f"{base}/relay/{relay}/set",
                "state_topic": f"{base}/relay/{relay}", "value_template": "{{ value or 'None' }}",  # None: unknown
            }  # fmt: skip


def _of_camera(context: DiscoveryContext, camera: AnnouncedCamera) -> Iterator[tuple[str, str, dict[str, Any]]]:
    base, own, name = context.base, f"{context.base}/{camera.id}", camera.id
    device = {
        "identifiers": [f"{context.node}_{camera.id}"],
        "name": camera.name,
        "manufacturer": "tawny",
        "model": "Camera",
        "via_device": context.node,
    }
    common = {"device": device, **_available(f"{base}/status")}
    seen = {"device": device, **_available(f"{base}/status", f"{own}/available")}
    health = {**common, "state_topic": f"{own}/health", "entity_category": "diagnostic"}
    yield "camera", f"{name}_camera", {**seen, "name": None, "topic": f"{own}/picture"}
    yield "image", f"{name}_image", {
        **common, "name": "Last event", "image_topic": f"{own}/event/picture", "content_type": "image/jpeg",
    }  # fmt: skip
    yield "event", f"{name}_event", {**common, "name": "Event", "state_topic": f"{own}/event", "event_types": [*KINDS]}
    yield "binary_sensor", f"{name}_motion", {
        **seen, "name": "Event in progress", "state_topic": f"{own}/motion", "device_class": "motion",
    }  # fmt: skip
    yield "binary_sensor", f"{name}_alert", {
        **seen, "name": "Alert", "state_topic": f"{own}/alert", "device_class": "safety",
    }  # fmt: skip
    yield "binary_sensor", f"{name}_recorded", {
        **health, "name": "Recorded", "device_class": "running",
        "value_template": f"{{{{ 'ON' if value_json.state in {_RECORDED} else 'OFF' }}}}",
        "json_attributes_topic": f"{own}/health",
    }  # fmt: skip
    yield "sensor", f"{name}_recorded_today", {
        **health, "name": "Recorded today", "unit_of_measurement": "%", "icon": "mdi:check-decagram",
        "value_template": "{% set share = value_json.recorded_today %}"
        "{{ none if share is none else (share * 100) | round(2) }}",
    }  # fmt: skip
    for right, what, title, icon in (
        ("record", "record", "Record now", "mdi:record-rec"),
        ("pause", "private", "Private", "mdi:eye-off"),
    ):
        if right in context.may:
            yield "switch", f"{name}_{what}", {
                **common, "name": title, "icon": icon, "state_topic": f"{own}/{what}",
                "command_topic": f"{own}/{what}/set",
            }  # fmt: skip
    if camera.turns and "ptz" in context.may:
        yield "switch", f"{name}_track", {
            **common, "name": "Tracking", "icon": "mdi:target-account", "state_topic": f"{own}/track",
            "command_topic": f"{own}/track/set",
        }  # fmt: skip
        for way, speeds in MOVES.items():
            order = {"command": "ptz", "camera": camera.id, **speeds}
            yield "button", f"{name}_{way}", {
                **seen, "name": f"Pan/tilt {way}", "command_topic": f"{base}/set", "payload_press": json.dumps(order),
                "icon": f"mdi:arrow-{way}-bold",
            }  # fmt: skip


def _recorder(context: DiscoveryContext) -> dict[str, Any]:
    about = {
        "identifiers": [context.node],
        "name": f"tawny ({context.host})",
        "manufacturer": "tawny",
        "model": "Recorder",
        "sw_version": __version__,
    }
    return {**about, "configuration_url": context.address} if context.address else about


def _available(*topics: str) -> dict[str, Any]:
    return {"availability": [{"topic": topic} for topic in topics], "availability_mode": "all"}

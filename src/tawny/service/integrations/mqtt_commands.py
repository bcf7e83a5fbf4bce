"""What messages to the MQTT topics of commands mean; docs/reference/mqtt.md lists the topics."""

from collections.abc import Mapping, Sequence

from tawny.config.integrations import MqttSettings, RelaySettings, Right
from tawny.delivery import commands
from tawny.delivery.commands import CommandRefused, Order, order_in, order_of
from tawny.service.integrations.home_assistant import mode_of_command


def order_at(topic: str, payload: bytes, modes: Sequence[str], relays: Mapping[str, RelaySettings]) -> Order:
    """Return the command of a message. topic: below the base. Raises CommandRefused."""
    if topic == "set":
        return order_in(payload)
    return order_of(_asked(topic, payload[:64].decode("utf-8", "replace").strip(), modes, relays))


def rights_of(mqtt: MqttSettings) -> frozenset[Right]:
    """Return the permissions that can be used: who may control some cameras only can't set the mode."""
    rights = frozenset(mqtt.permissions)
    return rights - {"modes"} if mqtt.cameras else rights


def switchable_relays(mqtt: MqttSettings, relays: Mapping[str, RelaySettings]) -> list[str]:
    """Return the relays that may be switched: with `cameras`, those of these cameras."""
    if "relay" not in mqtt.permissions:
        return []
    return [name for name, one in relays.items() if not mqtt.cameras or one.camera in mqtt.cameras]


def lane_of(order: Order) -> str | None:
    """Return which camera or relay a command waits for; None if it waits for none."""
    match order:
        case commands.PtzCommand():
            return f"ptz {order.camera}"
        case commands.RelayCommand():
            return f"relay {order.relay}"
    return None


def _asked(topic: str, text: str, modes: Sequence[str], relays: Mapping[str, RelaySettings]) -> dict[str, object]:
    match topic.split("/"):
        case ["mode", "set"]:
            return {"command": "set_mode", "mode": text}
        case ["alarm", "set"]:
            mode = mode_of_command(text, modes)
            if mode is None:
                raise CommandRefused("bad_input", "Unknown mode.", "DISARM, ARM_AWAY, …")
            return {"command": "set_mode", "mode": mode}
        case ["relay", relay, "set"]:
            return _relay_order(relay, relays.get(relay), is_on=_on(text))
        case [camera, "record", "set"]:
            return {"command": "record", "camera": camera, "on": _on(text)}
        case [camera, "track", "set"]:
            return {"command": "track", "camera": camera, "on": _on(text)}
        case [camera, "private", "set"]:
            return {"command": "pause" if _on(text) else "resume", "camera": camera}
    raise CommandRefused("bad_input", "Unknown topic.", "See docs/reference/mqtt.md.")


def _relay_order(relay: str, found: RelaySettings | None, *, is_on: bool) -> dict[str, object]:
    order: dict[str, object] = {"command": "relay", "relay": relay, "on": is_on}
    if is_on and found is not None and found.pulse:  # as the button in the interface: a gate or siren must not stay on
        order["for"] = found.pulse
    return order


def _on(text: str) -> bool:
    if text not in ("ON", "OFF"):
        raise CommandRefused("bad_input", "Must be ON or OFF.", "")
    return text == "ON"

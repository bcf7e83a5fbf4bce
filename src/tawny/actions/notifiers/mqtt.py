"""MQTT: JSON on a topic, and the picture on the topic below it. `mqtt://user:password@host/tawny/messages`, `mqtts://`.

It needs `tawny[mqtt]`. Every message is acknowledged by the broker (QoS 1) before it counts as sent.
"""

import json
import ssl
import threading
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any, ClassVar

from tawny.actions.message import Message
from tawny.actions.notifier import Attached, Sender, Telling, Traits
from tawny.actions.notifiers.address import Address, filled, parse
from tawny.model.errors import DeliveryError, TargetRefused, TargetUnreachable
from tawny.model.times import utc_text

EXAMPLE = "mqtt://user:password@broker/tawny/messages"
PORTS = {"mqtt": 1883, "mqtts": 8883}
TIMEOUT_S = 15.0
_REFUSED = frozenset({"Not authorized", "Bad user name or password", "Banned"})


class Mqtt:
    """No settings of its own."""

    schemes: ClassVar[tuple[str, ...]] = tuple(PORTS)

    def traits(self, url: str) -> Traits:
        return Traits(
            "Programs of your own, such as Home Assistant, get JSON, and the picture as it is.",
            edits=True,
            picture=True,
            gif=True,
            video=True,
            buttons="links",
            largest_bytes=5_000_000,
        )

    def settings(self, url: str, table: Mapping[str, Any]) -> Mapping[str, Any]:
        topic = "/".join(parse(url, EXAMPLE, least=1).parts)
        if "+" in topic or "#" in topic:
            raise ValueError(f"url: a topic without + and #, such as in {EXAMPLE}")
        if find_spec("paho") is None:
            raise ValueError("one more library: .venv/bin/pip install 'tawny[mqtt]'")
        return filled(table, {})

    def public(self, url: str) -> str:
        address = parse(url, EXAMPLE, least=1)
        return f"{address.scheme}://{address.at}/{'/'.join(address.parts)}"

    def open(self, telling: Telling) -> Sender:
        return _Sender(parse(telling.url, EXAMPLE, least=1), f"{telling.name} ({self.public(telling.url)})")


class _Sender:
    def __init__(self, address: Address, public: str) -> None:
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion

        self._public, self._topic = public, "/".join(address.parts)
        self._answered, self._refusal = threading.Event(), ""
        self._client = Client(CallbackAPIVersion.VERSION2)
        if address.user:
            self._client.username_pw_set(address.user, address.password)
        if address.scheme == "mqtts":
            self._client.tls_set_context(ssl.create_default_context())
        self._client.on_connect = self._connected
        self._client.connect_timeout = TIMEOUT_S
        try:
            self._client.connect(address.host, address.port or PORTS[address.scheme])
        except OSError as error:
            raise TargetUnreachable(public, error.strerror or type(error).__name__) from None
        self._client.loop_start()
        is_answered = self._answered.wait(TIMEOUT_S)
        if not is_answered or self._refusal:
            self.close()
            if self._refusal in _REFUSED:
                raise TargetRefused(public, self._refusal)
            raise TargetUnreachable(public, self._refusal or "no answer in time")

    def send(self, message: Message, attached: Attached | None) -> str:
        self._publish(message, attached, changes="")
        return message.id

    def edit(self, receipt: str, message: Message, attached: Attached | None) -> str:
        self._publish(message, attached, changes=receipt)
        return receipt

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _publish(self, message: Message, attached: Attached | None, *, changes: str) -> None:
        told = {
            "type": f"message.{message.kind}",
            "id": message.id,
            "changes": changes or None,
            "title": message.title,
            "text": message.text,
            "time": utc_text(message.at_ms),
            "camera": message.camera or None,
            "event": message.event or None,
            "urgency": message.urgency.value,
            "link": message.link or None,
            "clip": message.clip_link or None,
        }
        if attached is not None:
            self._wait(f"{self._topic}/picture", attached.data)
        self._wait(self._topic, json.dumps(told, ensure_ascii=False).encode())

    def _wait(self, topic: str, payload: bytes) -> None:
        sent = self._client.publish(topic, payload, qos=1)
        try:
            sent.wait_for_publish(TIMEOUT_S)
        except (RuntimeError, ValueError) as error:
            raise DeliveryError(self._public, str(error)) from None
        if not sent.is_published():
            raise TargetUnreachable(self._public, "the message was not acknowledged")

    def _connected(self, client: Any, data: Any, flags: Any, code: Any, properties: Any) -> None:
        """In the library's thread."""
        self._refusal = str(code) if code.is_failure else ""
        self._answered.set()

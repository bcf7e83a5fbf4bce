"""MQTT notifier: JSON on a topic, the snapshot on the subtopic `picture`. `mqtt://user:password@host/tawny/messages`.

Also `mqtts://`. Requires `tawny[mqtt]`. A message counts as sent when the broker has acknowledged it (QoS 1).
"""

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from tawny.config.integrations import is_cut_password
from tawny.delivery.mqtt_client import MISSING, PORTS, MqttClient, is_client_installed
from tawny.delivery.notifier import (
    Attachment,
    Message,
    NotifierAddress,
    NotifierConnection,
    NotifierContext,
    NotifierTraits,
    as_json,
    filled,
    parse,
)

EXAMPLE = "mqtt://user:password@broker/tawny/messages"


class MqttNotifier:
    """No additional settings."""

    schemes: ClassVar[tuple[str, ...]] = tuple(PORTS)

    def traits(self, url: str) -> NotifierTraits:
        return NotifierTraits(
            "For your own programs and Home Assistant: JSON and the original snapshot.",
            edits=True,
            picture=True,
            image_shape="whole",
            gif=True,
            video=True,
            buttons="links",
            carries_history=True,
            largest_bytes=5_000_000,
        )

    def settings(self, url: str, table: Mapping[str, Any]) -> Mapping[str, Any]:
        topic = "/".join(parse(url, EXAMPLE, least=1).parts)
        if "+" in topic or "#" in topic:
            raise ValueError(f"url: a topic without + and #, such as in {EXAMPLE}")
        if is_cut_password(url):
            raise ValueError(f"url: an address such as {EXAMPLE}, / in the password as %2F")
        if not is_client_installed():
            raise ValueError(MISSING)
        return filled(table, {})

    def public(self, url: str) -> str:
        address = parse(url, EXAMPLE, least=1)
        return f"{address.scheme}://{address.at}/{'/'.join(address.parts)}"

    def open(self, channel: NotifierContext) -> NotifierConnection:
        return _Sender(parse(channel.url, EXAMPLE, least=1), f"{channel.name} ({self.public(channel.url)})")


class _Sender:
    def __init__(self, address: NotifierAddress, public: str) -> None:
        self._topic = "/".join(address.parts)
        self._line = MqttClient(address, public)

    def send(self, message: Message, attached: Attachment | None) -> str:
        self._publish(message, attached, changes="")
        return message.id

    def edit(self, receipt: str, message: Message, attached: Attachment | None) -> str:
        self._publish(message, attached, changes=receipt)
        return receipt

    def close(self) -> None:
        self._line.close()

    def _publish(self, message: Message, attached: Attachment | None, *, changes: str) -> None:
        if attached is not None:
            self._line.publish(f"{self._topic}/picture", attached.data)
        self._line.publish(self._topic, json.dumps(as_json(message, changes), ensure_ascii=False).encode())

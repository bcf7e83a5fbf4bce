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
    MessageRefused,
    NotifierAddress,
    NotifierConnection,
    NotifierContext,
    NotifierTraits,
    as_json,
    filled,
    parse,
)
from tawny.model.errors import TargetUnreachable

EXAMPLE = "mqtt://user:password@broker/tawny/messages"
TRIES = 2
"""A line may break once while a picture is sent."""


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
        self._address, self._public = address, public
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
            self._publish_picture(attached.data)
        self._line.publish(self._topic, json.dumps(as_json(message, changes), ensure_ascii=False).encode())

    def _publish_picture(self, data: bytes) -> None:
        """Publish it. Raises MessageRefused if the broker hangs up each time, as many do if a message is too large."""
        for _ in range(TRIES):
            losses = self._line.losses
            try:
                self._line.publish(f"{self._topic}/picture", data)
            except TargetUnreachable:
                if self._line.losses == losses:
                    raise
                self._line.close()  # else the library sends the picture again and again
                self._line = MqttClient(self._address, self._public)
            else:
                return
        raise MessageRefused(self._public, f"it hung up at a picture of {len(data)} bytes")

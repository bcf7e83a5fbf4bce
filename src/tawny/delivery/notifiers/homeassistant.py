"""Home Assistant notifier: sends to its phone app or any other notify service.

`homeassistant://:TOKEN@host:8123/mobile_app_phone`: a long-lived access token and the name of the service after
`notify.`; `homeassistant+http://` without TLS. Cameras and events in Home Assistant use MQTT.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from tawny.delivery.notifier import (
    Attachment,
    HttpApi,
    Message,
    NotifierConnection,
    NotifierContext,
    NotifierTraits,
    Urgency,
    filled,
    parse,
)

EXAMPLE = "homeassistant://:TOKEN@ha.example.org:8123/mobile_app_phone"
_TAG = 64
"""Maximum length of a tag on iPhones, characters."""


class HomeAssistant:
    """No additional settings."""

    schemes: ClassVar[tuple[str, ...]] = ("homeassistant", "homeassistant+http")

    def traits(self, url: str) -> NotifierTraits:
        return NotifierTraits(
            "Shows text and buttons on Android and iPhone, and the clip if it has been uploaded. Updates "
            "replace the first notification.",
            edits=True,
            buttons="links",
            carries_history=True,
        )

    def settings(self, url: str, table: Mapping[str, Any]) -> Mapping[str, Any]:
        address = parse(url, EXAMPLE, least=1)
        if not address.password or not address.parts[0].replace("_", "").isalnum():
            raise ValueError(f"url: an address such as {EXAMPLE}")
        return filled(table, {})

    def public(self, url: str) -> str:
        address = parse(url, EXAMPLE, least=1)
        return f"notify.{address.parts[0]} of Home Assistant at {address.host}"

    def open(self, channel: NotifierContext) -> NotifierConnection:
        address = parse(channel.url, EXAMPLE, least=1)
        scheme = "http" if address.scheme == "homeassistant+http" else "https"
        api = HttpApi(f"{scheme}://{address.at}", f"{channel.name} ({self.public(channel.url)})")
        return _Sender(api, address.password, address.parts[0])


class _Sender:
    def __init__(self, api: HttpApi, token: str, service: str) -> None:
        self._api, self._headers = api, {"Authorization": f"Bearer {token}"}
        self._path = f"/api/services/notify/{service}"

    def send(self, message: Message, attached: Attachment | None) -> str:
        """Send a message. A message with the same tag replaces the earlier one, so a repeat shows once."""
        tag = message.tag[-_TAG:]
        self._send(message, tag)
        return tag

    def edit(self, receipt: str, message: Message, attached: Attachment | None) -> str:
        self._send(message, receipt)
        return receipt

    def close(self) -> None:
        """No resources to release."""

    def _send(self, message: Message, tag: str) -> None:
        data: dict[str, Any] = {"tag": tag, "group": message.camera or "tawny"}
        if message.urgency is Urgency.HIGH:
            data |= {"ttl": 0, "priority": "high", "push": {"interruption-level": "time-sensitive"}}
        elif message.urgency is Urgency.QUIET:
            data |= {"alert_once": True, "push": {"interruption-level": "passive"}}
        if message.history:
            data["history"] = message.history
        if message.link:
            data |= {"url": message.link, "clickAction": message.link}
        if message.clip_link:
            data["video"] = message.clip_link
        if buttons := [one for one in message.buttons if one.url]:
            data["actions"] = [{"action": "URI", "title": one.label, "uri": one.url} for one in buttons]
        body = {"title": message.title, "message": message.text or message.title, "data": data}
        self._api.post_json(self._path, body, self._headers, ("message",))

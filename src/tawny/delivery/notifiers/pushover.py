"""Pushover notifier. `pushover://TOKEN@USER`: the application's token and the user's (or group's) key."""

from collections.abc import Mapping
from typing import Any, ClassVar

from tawny.delivery.notifier import (
    Attachment,
    HttpApi,
    Message,
    NotifierAddress,
    NotifierConnection,
    NotifierContext,
    NotifierTraits,
    Urgency,
    base_of,
    filled,
    form,
    parse,
    refusal,
)
from tawny.model.errors import TargetRefused

EXAMPLE = "pushover://APPLICATION-TOKEN@USER-KEY"
CLOUD = "https://api.pushover.net"
_LONGEST = 1024
PRIORITIES = {Urgency.QUIET: "-1", Urgency.NORMAL: "0", Urgency.HIGH: "1"}


class Pushover:
    """Sends to Pushover.

    - `device` (all): send to this device only.
    - `sound` (the user's default): notification sound.
    - `api` (Pushover's): base address of the service.
    """

    schemes: ClassVar[tuple[str, ...]] = ("pushover",)

    def traits(self, url: str) -> NotifierTraits:
        return NotifierTraits(
            "Android and iPhone show the snapshot; a GIF plays when opened.",
            picture=True,
            image_shape="square",
            gif=True,
            largest_bytes=5_000_000,
        )

    def settings(self, url: str, table: Mapping[str, Any]) -> Mapping[str, Any]:
        address = parse(url, EXAMPLE)
        if not address.user or not address.user.isalnum() or not address.host.isalnum():
            raise ValueError(f"url: an address such as {EXAMPLE}")
        found = filled(table, {"device": "", "sound": "", "api": CLOUD})
        base_of(found["api"], CLOUD)
        return found

    def public(self, url: str) -> str:
        return "Pushover"

    def open(self, channel: NotifierContext) -> NotifierConnection:
        api = HttpApi(str(channel.options["api"]), f"{channel.name} (Pushover)", 30.0)
        return _Sender(api, parse(channel.url, EXAMPLE), channel.options)


class _Sender:
    def __init__(self, api: HttpApi, address: NotifierAddress, options: Mapping[str, Any]) -> None:
        self._api, self._address, self._options = api, address, options

    def send(self, message: Message, attached: Attachment | None) -> str:
        fields = {
            "token": self._address.user,
            "user": self._address.host,
            "title": message.title[:250],
            "message": _text(message),
            "priority": PRIORITIES[message.urgency],
            "timestamp": str(message.at_ms // 1000),
        }
        fields |= {key: str(self._options[key]) for key in ("device", "sound") if self._options[key]}
        if link := message.clip_link or message.link:
            fields |= {"url": link, "url_title": message.link_label}
        body, headers = form(fields, {"attachment": attached} if attached else {})
        answer = self._api.ask("POST", "/1/messages.json", body, headers)
        result = answer.json()
        if not answer.is_well or not (answer.is_cut or result.get("status") == 1):
            if result.get("token") == "invalid" or result.get("user") == "invalid":
                raise TargetRefused(self._api.public, "unknown token or user key")
            raise refusal(self._api.public, answer, ("errors",))
        return str(result.get("request", ""))

    def edit(self, receipt: str, message: Message, attached: Attachment | None) -> str:
        return self.send(message, attached)

    def close(self) -> None:
        """No resources to release."""


def _text(message: Message) -> str:
    small = f"\n\n{message.history}" if message.history else ""
    return (message.text or message.title)[: _LONGEST - len(small)] + small

"""Gotify notifier, self-hosted. `gotify://:TOKEN@host`, an application's token; `gotify+http://` without TLS."""

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import quote

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

EXAMPLE = "gotify://:TOKEN@gotify.example.org"
PRIORITIES = {Urgency.QUIET: 2, Urgency.NORMAL: 5, Urgency.HIGH: 8}


class Gotify:
    """No additional settings."""

    schemes: ClassVar[tuple[str, ...]] = ("gotify", "gotify+http")

    def traits(self, url: str) -> NotifierTraits:
        return NotifierTraits("Android only. Shows text and opens tawny when tapped; no images.", carries_history=True)

    def settings(self, url: str, table: Mapping[str, Any]) -> Mapping[str, Any]:
        if not parse(url, EXAMPLE).password:
            raise ValueError(f"url: an address such as {EXAMPLE}")
        return filled(table, {})

    def public(self, url: str) -> str:
        return f"Gotify at {parse(url, EXAMPLE).host}"

    def open(self, channel: NotifierContext) -> NotifierConnection:
        address = parse(channel.url, EXAMPLE)
        scheme = "http" if address.scheme == "gotify+http" else "https"
        base = f"{scheme}://{address.at}/{quote('/'.join(address.parts))}"
        return _Sender(HttpApi(base, f"{channel.name} ({self.public(channel.url)})"), address.password)


class _Sender:
    def __init__(self, api: HttpApi, token: str) -> None:
        self._api, self._headers = api, {"X-Gotify-Key": token}

    def send(self, message: Message, attached: Attachment | None) -> str:
        body: dict[str, object] = {
            "title": message.title,
            "message": message.text or message.title,
            "priority": PRIORITIES[message.urgency],
        }
        extras: dict[str, object] = {}
        if link := message.clip_link or message.link:
            extras["client::notification"] = {"click": {"url": link}}
        if message.history:
            extras["tawny::history"] = message.history
        if extras:
            body["extras"] = extras
        return str(self._api.post_json("/message", body, self._headers, ("errorDescription",)).get("id", ""))

    def edit(self, receipt: str, message: Message, attached: Attachment | None) -> str:
        return self.send(message, attached)

    def close(self) -> None:
        """No resources to release."""

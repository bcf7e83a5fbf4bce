"""Mattermost notifier, by an incoming webhook. `mattermost://host/hooks/KEY`; `mattermost+http://` without TLS."""

from collections.abc import Mapping
from typing import Any, ClassVar

from tawny.delivery.notifier import (
    Attachment,
    HttpApi,
    Message,
    NotifierConnection,
    NotifierContext,
    NotifierTraits,
    filled,
    parse,
)

EXAMPLE = "mattermost://chat.example.org/hooks/KEY"


class Mattermost:
    """No additional settings."""

    schemes: ClassVar[tuple[str, ...]] = ("mattermost", "mattermost+http")

    def traits(self, url: str) -> NotifierTraits:
        return NotifierTraits("Shows text and links; no images.", buttons="links")

    def settings(self, url: str, table: Mapping[str, Any]) -> Mapping[str, Any]:
        parse(url, EXAMPLE, least=1)
        return filled(table, {})

    def public(self, url: str) -> str:
        return f"Mattermost at {parse(url, EXAMPLE).host}"

    def open(self, context: NotifierContext) -> NotifierConnection:
        address = parse(context.url, EXAMPLE, least=1)
        scheme = "http" if address.scheme == "mattermost+http" else "https"
        base = f"{scheme}://{address.at}/{'/'.join(address.parts)}"
        return _Sender(HttpApi(base, f"{context.name} ({self.public(context.url)})"))


class _Sender:
    def __init__(self, api: HttpApi) -> None:
        self._api = api

    def send(self, message: Message, attached: Attachment | None) -> str:
        """Send a message. A webhook returns no message ID."""
        links = [f"[{label}]({url})" for label, url in message.links]
        lines = [f"**{message.title}** {message.text}".rstrip(), " · ".join(links), message.history]
        self._api.post_json("", {"text": "\n".join(line for line in lines if line)})
        return ""

    def edit(self, receipt: str, message: Message, attached: Attachment | None) -> str:
        return self.send(message, attached)

    def close(self) -> None:
        """No resources to release."""

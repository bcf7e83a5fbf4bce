"""ntfy notifier: publishes to a topic. `ntfy://ntfy.sh/topic`, with `user:password@` or `:token@` before the host.

`ntfy+http://` is for self-hosted servers without TLS.
"""

import json
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import quote, urlencode

from tawny.delivery.notifier import (
    Attachment,
    HttpApi,
    Message,
    MessageRefused,
    NotifierAddress,
    NotifierConnection,
    NotifierContext,
    NotifierTraits,
    Urgency,
    filled,
    parse,
    refusal,
)

EXAMPLE = "ntfy://ntfy.sh/a-topic-that-nobody-guesses"
PRIORITIES = {Urgency.QUIET: "2", Urgency.NORMAL: "4", Urgency.HIGH: "5"}
_WHY = ("error",)
_BANDWIDTH_USED = 42905
"""ntfy's code, with 429, for the attachments of a day alone: it takes texts."""


class Ntfy:
    """No additional settings."""

    schemes: ClassVar[tuple[str, ...]] = ("ntfy", "ntfy+http")

    def traits(self, url: str) -> NotifierTraits:
        return NotifierTraits(
            "Android shows the snapshot and buttons; iPhone shows text, and the rest when opened.",
            edits=True,
            picture=True,
            gif=True,
            video=True,
            buttons="links",
            largest_bytes=15_000_000,
        )

    def settings(self, url: str, table: Mapping[str, Any]) -> Mapping[str, Any]:
        parse(url, EXAMPLE, least=1)
        return filled(table, {})

    def public(self, url: str) -> str:
        return f"ntfy at {parse(url, EXAMPLE, least=1).host}"  # the topic is a secret

    def open(self, channel: NotifierContext) -> NotifierConnection:
        address = parse(channel.url, EXAMPLE, least=1)
        return _Sender(address, f"{channel.name} ({self.public(channel.url)})")


class _Sender:
    def __init__(self, address: NotifierAddress, public: str) -> None:
        scheme = "http" if address.scheme == "ntfy+http" else "https"
        self._api = HttpApi(f"{scheme}://{address.at}/{quote('/'.join(address.parts[:-1]))}", public)
        self._topic, self._headers = quote(address.parts[-1], safe=""), _login(address)

    def send(self, message: Message, attached: Attachment | None) -> str:
        """Send a message with our own sequence ID: ntfy 2.16 and later update a repeated message."""
        return self._put(_number(message.id), message, attached)

    def edit(self, receipt: str, message: Message, attached: Attachment | None) -> str:
        return self._put(receipt, message, attached)

    def close(self) -> None:
        """No resources to release."""

    def _put(self, number: str, message: Message, attached: Attachment | None) -> str:
        query = {"title": message.title, "priority": PRIORITIES[message.urgency], "sequence-id": number}
        if link := message.clip_link or message.link:
            query["click"] = link
        if message.buttons and message.buttons[0].url:
            actions = [{"action": "view", "label": one.label, "url": one.url} for one in message.buttons[:3]]
            query["actions"] = json.dumps(actions)
        text = f"{message.text}\n\n{message.history}".strip() if message.history else message.text
        body = text.encode()
        if attached is not None:
            query |= {"message": text, "filename": attached.name}
            body = attached.data
        # query parameters, as headers allow only ASCII
        answer = self._api.ask("PUT", f"/{self._topic}?{urlencode(query)}", body, self._headers)
        if answer.is_well:
            return number
        refused = refusal(self._api.public, answer, _WHY)
        is_of_attachments = attached is not None and answer.json().get("code") == _BANDWIDTH_USED
        raise MessageRefused(refused.where, refused.detail) if is_of_attachments else refused


def _number(key: str) -> str:
    """Return a valid ntfy sequence ID."""
    return "".join(one if one.isascii() and one.isalnum() else "-" for one in key)[-64:]


def _login(address: NotifierAddress) -> dict[str, str]:
    if address.user:
        return {"Authorization": "Basic " + b64encode(f"{address.user}:{address.password}".encode()).decode()}
    return {"Authorization": f"Bearer {address.password}"} if address.password else {}

"""Discord notifier, by a channel's webhook. The clip replaces the snapshot after the event's end.

`discord://ID/TOKEN`, the last two parts of the webhook's URL.
"""

import json
import re
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
    base_of,
    filled,
    form,
    parse,
    refusal,
)

EXAMPLE = "discord://123456789/the-webhooks-token"
CLOUD = "https://discord.com/api/v10"
WHY = ("message",)
_SILENT = 1 << 12
_LONGEST = 2000
_MARKUP = re.compile(r"(https?://[^\s\\*`|\[\]<>]+)|([\\*_~`|\[\]<>]|^[#-])", re.MULTILINE)
"""An address, as far as it can't contain a link with a name; or what would be Markdown."""


class Discord:
    """Sends to a Discord channel.

    - `api` (Discord's): base address of the service.
    """

    schemes: ClassVar[tuple[str, ...]] = ("discord",)

    def traits(self, url: str) -> NotifierTraits:
        return NotifierTraits(
            "Shows snapshots and clips on phones and computers; the clip replaces the snapshot. Buttons are links.",
            edits=True,
            picture=True,
            gif=True,
            video=True,
            buttons="links",
            carries_history=True,
            largest_bytes=9_500_000,
        )

    def settings(self, url: str, table: Mapping[str, Any]) -> Mapping[str, Any]:
        address = parse(url, EXAMPLE, least=1)
        if not address.host.isdigit() or not all(one.isalnum() or one in "-_" for one in address.parts[0]):
            raise ValueError(f"url: an address such as {EXAMPLE}")
        found = filled(table, {"api": CLOUD})
        base_of(found["api"], CLOUD)
        return found

    def public(self, url: str) -> str:
        return f"Discord webhook {parse(url, EXAMPLE, least=1).host}"

    def open(self, channel: NotifierContext) -> NotifierConnection:
        address = parse(channel.url, EXAMPLE, least=1)
        api = HttpApi(str(channel.options["api"]), f"{channel.name} ({self.public(channel.url)})", 30.0)
        return _Sender(api, f"/webhooks/{address.host}/{address.parts[0]}")


class _Sender:
    def __init__(self, api: HttpApi, path: str) -> None:
        self._api, self._path = api, path

    def send(self, message: Message, attached: Attachment | None) -> str:
        body, headers = _form(message, attached)
        return str(self._api.well("POST", f"{self._path}?wait=true", body, headers, WHY).json().get("id", ""))

    def edit(self, receipt: str, message: Message, attached: Attachment | None) -> str:
        body, headers = _form(message, attached)
        answer = self._api.ask("PATCH", f"{self._path}/messages/{receipt}", body, headers)
        if answer.status == 404:  # the message or the webhook was deleted; sending reports the latter
            return self.send(message, attached)
        if not answer.is_well:
            raise refusal(self._api.public, answer, WHY)
        return receipt

    def close(self) -> None:
        """No resources to release."""


def _plain(text: str) -> str:
    """Return the text so that names, labels and addresses in it are shown as they are, not as Markdown."""
    return _MARKUP.sub(lambda found: found[1] or f"\\{found[2]}", text)


def _fitted(title: str, text: str, most: int) -> str:
    """Return both, of at most this length. Cut first and escaped then, so that no escape is cut."""
    while (over := len(shown := f"**{_plain(title)}** {_plain(text)}".strip()) - most) > 0:
        cut = (over + 1) // 2  # escaping at most doubles it
        if not (title or text):
            return ""
        title, text = (title, text[:-cut]) if text else (title[:-cut], "")
    return shown


def _form(message: Message, attached: Attachment | None) -> tuple[bytes, dict[str, str]]:
    small = f"\n-# {_plain(message.history)}" if message.history else ""
    below = ""
    for label, url in message.links:
        longer = f"{below} · [{label}](<{url}>)" if below else f"\n[{label}](<{url}>)"
        below = longer if len(longer) + len(small) <= _LONGEST else below
    shown = _fitted(message.title, message.text, _LONGEST - len(below) - len(small))
    payload: dict[str, object] = {
        "content": f"{shown}{below}{small}".strip()[:_LONGEST],
        "allowed_mentions": {"parse": []},
    }
    if message.urgency is Urgency.QUIET:
        payload["flags"] = _SILENT
    if attached is not None:
        payload["attachments"] = [{"id": 0, "filename": attached.name}]
    return form({"payload_json": json.dumps(payload)}, {"files[0]": attached} if attached else {})

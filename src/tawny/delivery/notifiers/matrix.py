"""Matrix notifier for unencrypted rooms. `matrix://:ACCESS-TOKEN@matrix.example.org/!room:example.org`.

The message ID is the transaction ID, so the server accepts a repeated message once.
"""

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import quote

from tawny.delivery.notifier import (
    Attachment,
    HttpApi,
    Message,
    MessageRefused,
    NotifierAddress,
    NotifierConnection,
    NotifierContext,
    NotifierTraits,
    filled,
    parse,
)

EXAMPLE = "matrix://:ACCESS-TOKEN@matrix.example.org/!room:example.org"
WHY = ("errcode", "error")


class Matrix:
    """No additional settings."""

    schemes: ClassVar[tuple[str, ...]] = ("matrix", "matrix+http")

    def traits(self, url: str) -> NotifierTraits:
        return NotifierTraits(
            "Shows snapshots and clips on phones and computers; in most apps the clip replaces the snapshot. "
            "Buttons are links.",
            edits=True,
            picture=True,
            gif=True,
            video=True,
            buttons="links",
            carries_history=True,
            largest_bytes=20_000_000,
        )

    def settings(self, url: str, table: Mapping[str, Any]) -> Mapping[str, Any]:
        address = parse(url, EXAMPLE, least=1)
        if not address.password or not address.parts[-1].startswith("!"):
            raise ValueError(f"url: an address such as {EXAMPLE}")
        return filled(table, {})

    def public(self, url: str) -> str:
        return f"Matrix at {parse(url, EXAMPLE, least=1).host}"

    def open(self, channel: NotifierContext) -> NotifierConnection:
        address = parse(channel.url, EXAMPLE, least=1)
        scheme = "http" if address.scheme == "matrix+http" else "https"
        return _Sender(
            HttpApi(f"{scheme}://{address.at}", f"{channel.name} ({self.public(channel.url)})", 30.0), address
        )


class _Sender:
    def __init__(self, api: HttpApi, address: NotifierAddress) -> None:
        self._api, self._room = api, quote(address.parts[-1], safe="")
        self._headers = {"Authorization": f"Bearer {address.password}"}

    def send(self, message: Message, attached: Attachment | None) -> str:
        return self._put(message, self._content(message, attached))

    def edit(self, receipt: str, message: Message, attached: Attachment | None) -> str:
        new = self._content(message, attached)
        body = {**new, "body": f"* {new['body']}", "m.new_content": new}
        self._put(message, body | {"m.relates_to": {"rel_type": "m.replace", "event_id": receipt}})
        return receipt

    def close(self) -> None:
        """No resources to release."""

    def _put(self, message: Message, body: Mapping[str, object]) -> str:
        path = f"/_matrix/client/v3/rooms/{self._room}/send/m.room.message/{quote(message.id, safe='')}"
        return str(self._api.post_json(path, body, self._headers, WHY, method="PUT").get("event_id", ""))

    def _content(self, message: Message, attached: Attachment | None) -> dict[str, object]:
        hidden = {"tawny.history": message.history} if message.history else {}
        body = "\n".join([message.words, *(f"{label}: {url}" for label, url in message.links)])
        if attached is None:
            return {"msgtype": "m.text", "body": body, **hidden}
        sent = {**self._headers, "Content-Type": attached.media_type}
        path = f"/_matrix/media/v3/upload?filename={quote(attached.name)}"
        there = self._api.well("POST", path, attached.data, sent, WHY).json()
        if "content_uri" not in there:
            raise MessageRefused(self._api.public, "unreadable response to the image")  # the text matters more
        kind = "m.video" if attached.media_type == "video/mp4" else "m.image"
        about = {"mimetype": attached.media_type, "size": len(attached.data)}
        return {
            "msgtype": kind,
            "body": body,
            "filename": attached.name,
            "url": str(there.get("content_uri", "")),
            "info": about,
            **hidden,
        }

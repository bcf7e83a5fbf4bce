"""Slack notifier: text, links and the image of a link by an incoming webhook; with a bot token snapshot and clip.

`slack://T000/B000/XXXX` is the end of a webhook's URL, `slack+https://HOST/PATH` the whole URL of a webhook that takes
the same messages (Mattermost, Rocket.Chat, Discord with `/slack`), `slack://xoxb-TOKEN@C0123` a bot in a channel. The
bot needs the scopes chat:write and files:write.
"""

import json
import logging
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import urlencode, urlsplit

from tawny.delivery.notifier import (
    Attachment,
    HttpApi,
    Message,
    NotifierAddress,
    NotifierConnection,
    NotifierContext,
    NotifierTraits,
    base_of,
    filled,
    parse,
)
from tawny.model.errors import DeliveryError, TargetMissing, TargetRefused, TargetUnreachable

EXAMPLE = "slack://T000/B000/XXXX, slack+https://chat.example.org/hooks/XXXX or slack://xoxb-TOKEN@C0123"
CLOUD, HOOKS = "https://slack.com/api", "https://hooks.slack.com"
_REFUSED = {"invalid_auth", "not_authed", "token_expired", "token_revoked", "account_inactive", "missing_scope"}
_MISSING = {"channel_not_found", "not_in_channel", "is_archived"}
log = logging.getLogger(__name__)


class Slack:
    """Sends to Slack, or to a webhook that takes Slack's messages.

    - `api` (Slack's): base address of the service.
    """

    schemes: ClassVar[tuple[str, ...]] = ("slack", "slack+https", "slack+http")

    def traits(self, url: str) -> NotifierTraits:
        if _is_hook(parse(url, EXAMPLE)):
            shows = "Shows text, links, and the image that a link leads to: of an S3 bucket, or of your public address."
            return NotifierTraits(shows, shows_links=True, buttons="links", carries_history=True)
        return NotifierTraits(
            "Shows text, with snapshot and clip in the thread. Buttons are links.",
            edits=True,
            picture=True,
            gif=True,
            video=True,
            buttons="links",
            carries_history=True,
            largest_bytes=100_000_000,
        )

    def settings(self, url: str, table: Mapping[str, Any]) -> Mapping[str, Any]:
        address = parse(url, EXAMPLE, least=1 if url.startswith("slack+") and not url.endswith("/") else 0)
        if address.scheme == "slack" and not address.user and len(address.parts) != 2:
            raise ValueError(f"url: an address such as {EXAMPLE}")
        found = filled(table, {"api": HOOKS if _is_hook(address) else CLOUD})
        base_of(found["api"], CLOUD)
        base_of(_hook(url, address, found["api"]), HOOKS)
        return found

    def public(self, url: str) -> str:
        address = parse(url, EXAMPLE)
        if address.scheme != "slack":
            return f"the chat webhook at {address.at}"
        return f"Slack channel {address.host}" if address.user else f"Slack webhook of {address.host}"

    def open(self, channel: NotifierContext) -> NotifierConnection:
        address, name = parse(channel.url, EXAMPLE), f"{channel.name} ({self.public(channel.url)})"
        api = str(channel.options["api"])
        if _is_hook(address):
            return _Webhook(HttpApi(_hook(channel.url, address, api), name, 30.0))
        return _Bot(HttpApi(api, name, 30.0), address)


def _is_hook(address: NotifierAddress) -> bool:
    return address.scheme != "slack" or not address.user


def _hook(url: str, address: NotifierAddress, api: str) -> str:
    """Return the URL that a webhook's messages are posted to."""
    if address.scheme == "slack":
        return f"{api}/services/" + "/".join((address.host, *address.parts))
    return url.removeprefix("slack+")


class _Webhook:
    def __init__(self, api: HttpApi) -> None:
        self._api = api

    def send(self, message: Message, attached: Attachment | None) -> str:
        """Send a message. A webhook returns no message ID, and its answer may be empty."""
        body = json.dumps(_content(message), ensure_ascii=False).encode()
        self._api.well("POST", "", body, {"Content-Type": "application/json"})
        return ""

    def edit(self, receipt: str, message: Message, attached: Attachment | None) -> str:
        return self.send(message, attached)

    def close(self) -> None:
        """No resources to release."""


class _Bot:
    def __init__(self, api: HttpApi, address: NotifierAddress) -> None:
        self._api, self._channel = api, address.host
        self._headers = {"Authorization": f"Bearer {address.user}"}

    def send(self, message: Message, attached: Attachment | None) -> str:
        """Upload the file first and share it last, so that a retry after a failure in between is not visible."""
        file = self._upload(attached) if attached else ""
        thread = str(self._call("chat.postMessage", {"channel": self._channel, **_content(message)}).get("ts", ""))
        self._show(file, thread)
        return thread

    def edit(self, receipt: str, message: Message, attached: Attachment | None) -> str:
        file = self._upload(attached) if attached else ""
        try:
            self._call("chat.update", {"channel": self._channel, "ts": receipt, **_content(message)})
        except _NoSuchMessage:
            return self.send(message, attached)
        self._show(file, receipt)
        return receipt

    def close(self) -> None:
        """No resources to release."""

    def _upload(self, attached: Attachment) -> str:
        """Upload a file, not yet shared. Return its ID."""
        query = urlencode({"filename": attached.name, "length": len(attached.data)})
        place = self._call(f"files.getUploadURLExternal?{query}", None)
        address = base_of(str(place.get("upload_url", "")), CLOUD)
        if urlsplit(address).scheme != self._api.scheme:
            raise DeliveryError(self._api.public, "it requested an upload to an insecure address")
        sent = {"Content-Type": "application/octet-stream"}
        HttpApi(address, self._api.public, 60.0).well("POST", "", attached.data, sent)
        return str(place.get("file_id", ""))

    def _show(self, file: str, thread: str) -> None:
        """Share the file in the thread. On failure only log: the message was sent and must not be repeated."""
        if not (file and thread):
            return
        shown = {"files": [{"id": file}], "channel_id": self._channel, "thread_ts": thread}
        try:
            self._call("files.completeUploadExternal", shown)
        except DeliveryError as error:
            log.warning("message sent without its snapshot: %s", error)

    def _call(self, method: str, value: object) -> dict[str, Any]:
        if value is None:
            response = self._api.well("GET", f"/{method}", b"", self._headers)
        else:
            sent = {"Content-Type": "application/json", **self._headers}
            response = self._api.well("POST", f"/{method}", json.dumps(value).encode(), sent)
        answer = response.json()
        # errors have status 200 too
        is_taken = value is not None and response.is_cut and b'"ok":true' in b"".join(response.data.split())
        if is_taken or answer.get("ok") is True:
            return answer
        why = str(answer.get("error", "unreadable response"))[:80]
        if why in _REFUSED:
            raise TargetRefused(self._api.public, why)
        if why in _MISSING:
            raise TargetMissing(self._api.public, why)
        if why in ("message_not_found", "cant_update_message", "edit_window_closed"):
            raise _NoSuchMessage(self._api.public, why)
        if why in ("ratelimited", "internal_error", "fatal_error", "service_unavailable"):
            raise TargetUnreachable(self._api.public, why)
        raise DeliveryError(self._api.public, why)


class _NoSuchMessage(DeliveryError):
    pass


def _content(message: Message) -> dict[str, object]:
    """Return the payload of a message; `text` is shown on lock screens."""
    links = [(one.label, one.url) for one in message.buttons if one.url]
    clip = message.clip_link or message.link
    below = "   ".join(f"<{url}|{_escaped(label)}>" for label, url in links)
    attachment: dict[str, object] = {"fallback": _escaped(message.words), "text": below}
    if message.history:
        attachment["footer"] = message.history
    if clip or message.heading:
        attachment["title"] = _escaped(message.heading or message.link_label)
    if clip:
        attachment["title_link"] = clip
    if message.picture_link:
        attachment["image_url"] = message.picture_link
    if message.facts:
        facts = [(_escaped(title), _escaped(value)) for title, value in message.facts]
        attachment["fields"] = [{"title": title, "value": value, "short": True} for title, value in facts]
    has_more = clip or below or message.history or message.heading
    return {"text": _escaped(message.words), **({"attachments": [attachment]} if has_more else {})}


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

"""Webhook notifier: signed JSON by POST, so that the receiver can verify sender and time.

`webhook+https://host/path`, with `secret` (`delivery.notifier`). `Idempotency-Key` stays the same when a
message is sent again.
"""

import json
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, ClassVar

from tawny.delivery.notifier import (
    HEADER,
    Attachment,
    HttpApi,
    Message,
    NotifierConnection,
    NotifierContext,
    NotifierTraits,
    as_json,
    base_of,
    filled,
    signature,
)
from tawny.model.times import Clock

EXAMPLE = "webhook+https://example.org/tawny"
LARGEST_BYTES = 8_000_000


class Webhook:
    """Sends JSON to a program of your own.

    - `secret` (""): signs the requests.
    - `attach` (false): include the snapshot in the JSON, as Base64.
    """

    schemes: ClassVar[tuple[str, ...]] = ("webhook+https", "webhook+http")

    def traits(self, url: str) -> NotifierTraits:
        return NotifierTraits(
            "Sends JSON to your own program.",
            edits=True,
            picture=True,
            image_shape="whole",
            gif=True,
            buttons="links",
            carries_history=True,
            largest_bytes=LARGEST_BYTES,
        )

    def settings(self, url: str, table: Mapping[str, Any]) -> Mapping[str, Any]:
        base_of(_base(url), EXAMPLE)
        return filled(table, {"secret": "", "attach": False})

    def public(self, url: str) -> str:
        return f"the webhook at {HttpApi(_base(url), '').host}"

    def open(self, channel: NotifierContext) -> NotifierConnection:
        api = HttpApi(_base(channel.url), f"{channel.name} ({self.public(channel.url)})")
        options = channel.options
        return _Sender(api, str(options["secret"]), channel.clock, attaches=bool(options["attach"]))


class _Sender:
    def __init__(self, api: HttpApi, secret: str, clock: Clock, *, attaches: bool) -> None:
        self._api, self._secret, self._clock, self._attaches = api, secret, clock, attaches

    def send(self, message: Message, attached: Attachment | None) -> str:
        self._post(message, attached)
        return message.id

    def edit(self, receipt: str, message: Message, attached: Attachment | None) -> str:
        self._post(message, attached, changes=receipt)
        return receipt

    def close(self) -> None:
        """No resources to release."""

    def _post(self, message: Message, attached: Attachment | None, changes: str = "") -> None:
        content = as_json(message, changes)
        if attached is not None and self._attaches:
            content["attached"] = {"type": attached.media_type, "base64": b64encode(attached.data).decode()}
        body = json.dumps(content, ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json", "Idempotency-Key": message.id}
        if self._secret:
            headers[HEADER] = signature(self._secret, self._clock.now_ms() // 1000, body)
        self._api.well("POST", "", body, headers)


def _base(url: str) -> str:
    return url.removeprefix("webhook+")

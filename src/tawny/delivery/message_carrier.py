"""Carrier of messages: a notifier, wrapped for the outbox."""

import logging
from collections.abc import Callable

from tawny.delivery.delivery import Delivery, DeliveryContent, portions
from tawny.delivery.notifier import (
    Attachment,
    Message,
    MessageRefused,
    NotifierConnection,
    NotifierTraits,
    TargetTooSlow,
)
from tawny.model.errors import TargetFull

log = logging.getLogger(__name__)
ENDINGS = {"image/jpeg": "jpg", "image/gif": "gif", "video/mp4": "mp4"}


class MessageCarrier:
    """A notifier as a carrier (`delivery.delivery`).

    compose: returns the message of a delivery in its current state; raises ContentGone if there is none.
    """

    def __init__(
        self, sender: NotifierConnection, traits: NotifierTraits, compose: Callable[[Delivery], Message]
    ) -> None:
        self._sender, self._traits, self._compose = sender, traits, compose

    def carry(self, delivery: Delivery, content: DeliveryContent, note: Callable[[str], None]) -> str:
        """Send or edit the message. The receipt identifies the message for edits.

        If the service refuses it with its attachment, or doesn't take that in time, it is sent without, and what was
        sent stays as it is; a test raises the error.
        """
        message = self._compose(delivery)
        attached = self._attached(content)
        edited = str(delivery.content.get("edits", "")) if self._traits.edits else ""
        try:
            return self._sent(edited, message, attached)
        except (MessageRefused, TargetTooSlow, TargetFull) as error:  # TargetFull: what mail servers call a large mail
            if attached is None or message.kind == "test":
                raise
            size = f"{attached.media_type}, {len(attached.data)} bytes"
            log.warning("%s Its attachment is left out (%s).", error.message, size)
        if edited:  # some services would replace the image by nothing
            return edited
        return self._sender.send(message, None)

    def close(self) -> None:
        self._sender.close()

    def _sent(self, edited: str, message: Message, attached: Attachment | None) -> str:
        return self._sender.edit(edited, message, attached) if edited else self._sender.send(message, attached)

    def _attached(self, content: DeliveryContent) -> Attachment | None:
        if not 0 < content.size_bytes <= self._traits.largest_bytes:
            return None
        return Attachment(f"tawny.{ENDINGS[content.media_type]}", content.media_type, b"".join(portions(content)))

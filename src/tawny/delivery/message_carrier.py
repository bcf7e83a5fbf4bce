"""Carrier of messages: a notifier, wrapped for the outbox.

The text matters more than the image: what a service doesn't take is left out. Progress of a delivery: how often the
service has deferred it with its attachment.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Final

from tawny.delivery.delivery import Delivery, DeliveryContent, portions
from tawny.delivery.notifier import (
    Attachment,
    Message,
    MessageDeferred,
    MessageRefused,
    NotifierConnection,
    NotifierTraits,
    TargetTooSlow,
)
from tawny.model.errors import StorageError, TargetFull

log = logging.getLogger(__name__)
ENDINGS = {"image/jpeg": "jpg", "image/gif": "gif", "video/mp4": "mp4"}
MOST_DEFERRED: Final = 10
"""As by a scanner that fails with each image: some 30 minutes."""


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

        If the service refuses it with its attachment, doesn't take that in time, or has deferred it MOST_DEFERRED
        times, it is sent without; a test raises the error.
        """
        before, _, _ = delivery.progress.partition(" ")  # earlier versions stored recipients after it
        message, deferred = self._compose(delivery.whole), int(before or 0)
        if delivery.is_rest:
            message = replace(message, only=tuple(delivery.content["to"]))
        attached = self._attached(content)
        try:
            receipt = self._carried(delivery, message, attached, deferred)
        except MessageDeferred:
            if attached is not None:
                with suppress(StorageError):  # it is counted at the next attempt
                    note(str(deferred + 1))
            raise
        if self._traits.edits and not receipt:
            log.info("%s: the service's answer has no ID of it, so that updates become messages", delivery.name)
        return receipt

    def _carried(self, delivery: Delivery, message: Message, attached: Attachment | None, deferred: int) -> str:
        """deferred: how often the service has deferred this message with its attachment."""
        edited = str(delivery.content.get("edits", "")) if self._traits.edits else ""
        is_for_clip = bool(edited) and delivery.content["kind"] != "event"
        try:
            return self._sent(edited, message, attached)
        except (MessageRefused, MessageDeferred, TargetTooSlow, TargetFull) as error:
            # TargetFull: what mail servers call a large mail
            is_lasting = not isinstance(error, MessageDeferred) or deferred >= MOST_DEFERRED
            if attached is None or message.kind == "test" or not is_lasting:
                raise
            size = f"{attached.media_type}, {len(attached.data)} bytes"
            log.warning("%s Its attachment is left out (%s).", error.message, size)
        if is_for_clip:
            return edited
        return self._sent(edited, message, None)

    def close(self) -> None:
        self._sender.close()

    def _sent(self, edited: str, message: Message, attached: Attachment | None) -> str:
        return self._sender.edit(edited, message, attached) if edited else self._sender.send(message, attached)

    def _attached(self, content: DeliveryContent) -> Attachment | None:
        if not 0 < content.size_bytes <= self._traits.largest_bytes:
            return None
        return Attachment(f"tawny.{ENDINGS[content.media_type]}", content.media_type, b"".join(portions(content)))

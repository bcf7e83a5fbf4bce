"""Stands in for destinations and notifiers without a plug-in that works."""

from collections.abc import Mapping
from typing import Any, ClassVar

from tawny.delivery.destination import DestinationConnection, DestinationContext
from tawny.delivery.notifier import NotifierConnection, NotifierContext, NotifierTraits
from tawny.model.errors import DeliveryError
from tawny.service.plugin_registry import SHOWS_NOTHING


class BrokenTarget:
    """In place of a destination or notifier whose plug-in couldn't be loaded: what is to be sent waits."""

    schemes: ClassVar[tuple[str, ...]] = ()

    def traits(self, url: str) -> NotifierTraits:
        return NotifierTraits(SHOWS_NOTHING)

    def settings(self, url: str, table: Mapping[str, Any]) -> Mapping[str, Any]:
        return {}

    def public(self, url: str) -> str:
        return f"{url.partition(':')[0]}:…"

    def open(self, context: NotifierContext) -> NotifierConnection:
        raise DeliveryError(context.name, "its plug-in couldn't be loaded")

    def connect(self, opening: DestinationContext) -> DestinationConnection:
        raise DeliveryError(opening.name, "its plug-in couldn't be loaded")

"""Targets of plug-ins: one that couldn't be loaded has a stand-in, and what the others raise becomes a DeliveryError.

It is without the text of the error, which may hold secrets.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

from tawny.delivery.courier import CourierStopped
from tawny.delivery.delivery import Carrier, Delivery, DeliveryContent
from tawny.delivery.destination import DestinationConnection, DestinationContext
from tawny.delivery.notifier import NotifierConnection, NotifierContext, NotifierTraits
from tawny.engine.plugins import PluginFailed, close_part, foreign_code, is_own
from tawny.model.errors import DeliveryError, TawnyError
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


@contextmanager
def as_delivery_error(name: str, url: str, part: object = None) -> Iterator[None]:
    """Raise a DeliveryError for any other error. name, url: of the target. part: errors of tawny's own are left."""
    try:
        with foreign_code(part, url.partition(":")[0], TawnyError, CourierStopped):
            yield
    except PluginFailed as error:
        raise DeliveryError(name, str(error)) from None  # its text would be logged


def guarded(carrier: Carrier, kind: object, name: str, url: str) -> Carrier:
    """Return the carrier of a target, guarded if its kind is a plug-in's."""
    return carrier if is_own(kind) else _GuardedCarrier(carrier, name, url)


class _GuardedCarrier:
    def __init__(self, inner: Carrier, name: str, url: str) -> None:
        self._inner, self._name, self._url = inner, name, url

    def carry(self, delivery: Delivery, content: DeliveryContent, note: Callable[[str], None]) -> str:
        with as_delivery_error(self._name, self._url):
            return self._inner.carry(delivery, content, note)

    def close(self) -> None:
        close_part(self._url.partition(":")[0], self._inner)

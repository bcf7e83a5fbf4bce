"""Deliveries, and a carrier that keeps what it is given and fails as told."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tawny.delivery.delivery import Delivery, DeliveryContent, DeliveryKind, portions
from tawny.model.ids import CameraId, EventId
from tawny.model.times import Span

PORCH = CameraId("porch")


def delivery(
    name: str = "a.jpg", what: DeliveryKind = DeliveryKind.PICTURE, at_ms: int = 1000, **about: Any
) -> Delivery:
    made: dict[str, Any] = {
        "to": "offsite",
        "name": name,
        "what": what,
        "content": {"event": "e"},
        "made_ms": at_ms,
        "at_ms": at_ms,
    }
    return Delivery(**(made | {"camera": PORCH, "event": EventId("e")} | about))


def clip(name: str, at_ms: int, size_bytes: int = 1000, what: DeliveryKind = DeliveryKind.CLIP) -> Delivery:
    return delivery(name, what, at_ms, size_bytes=size_bytes, needs=Span(at_ms, at_ms + 10_000))


@dataclass
class Shelf:
    """A target. `fails`: what the next tries raise, in order. never: what each try of these raises, by name."""

    fails: list[Exception | SystemExit] = field(default_factory=list)
    never: dict[str, Exception] = field(default_factory=dict)
    there: dict[str, bytes] = field(default_factory=dict)
    carried: list[str] = field(default_factory=list)
    opened: int = 0

    def carrier(self) -> "_Carrier":
        self.opened += 1
        return _Carrier(self)


@dataclass
class _Carrier:
    shelf: Shelf

    def carry(self, delivery: Delivery, content: DeliveryContent, note: Callable[[str], None]) -> str:
        if self.shelf.fails:
            raise self.shelf.fails.pop(0)
        if delivery.name in self.shelf.never:
            raise self.shelf.never[delivery.name]
        self.shelf.there[delivery.name] = b"".join(portions(content))
        self.shelf.carried.append(delivery.name)
        return f"receipt of {delivery.name}"

    def close(self) -> None: ...

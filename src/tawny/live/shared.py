"""Per-stream objects shared by all viewers: created for the first, released with the last."""

from collections.abc import Callable
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from tawny.stream.hub import Hub

Made = TypeVar("Made")
_made: WeakValueDictionary[tuple[type, int], Any] = WeakValueDictionary()


def share_once(kind: type[Made], hub: Hub, make: Callable[[], Made]) -> Made:
    """Return the stream's shared object of type `kind`; create it if no viewer holds one. Event loop only."""
    found = _made.get((kind, id(hub)))
    if not isinstance(found, kind):
        found = _made[kind, id(hub)] = make()
    return found

"""What is made of a stream once for all its viewers: begun for the first of them, gone with the last."""

from collections.abc import Callable
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from tawny.stream.hub import Hub

Made = TypeVar("Made")
_made: WeakValueDictionary[tuple[type, int], Any] = WeakValueDictionary()


def share_once(kind: type[Made], hub: Hub, make: Callable[[], Made]) -> Made:
    """The stream's one `kind`, while anybody holds it. In the event loop."""
    found = _made.get((kind, id(hub)))
    if not isinstance(found, kind):
        found = _made[kind, id(hub)] = make()
    return found

"""Plug-in registry from entry points. A plug-in is loaded on first use; failures are recorded and skipped.

Lazy loading saves memory: a recorder without detection needs no vision library, which alone takes 16 MB.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import cache
from importlib.metadata import EntryPoint, EntryPoints, entry_points
from typing import Any, NamedTuple

log = logging.getLogger(__name__)


class PluginBroken(NamedTuple):
    name: str
    error: str


def installed_entry_points(group: str) -> EntryPoints:
    """Return those of all packages. Read once: it takes 4 ms on a fast computer, and a start asks for eight groups."""
    return _selector()(group=group)


@cache
def _selector() -> Callable[..., EntryPoints]:
    return entry_points().select


class PluginGroup(Mapping[str, Any]):
    """The entry points of a group by name; those in `first` come first.

    make: converts the loaded object. A plug-in may raise anything: it is then listed in `broken`, and its lookup raises
    KeyError.
    """

    def __init__(self, group: str, make: Callable[[Any], Any] = lambda part: part, first: tuple[str, ...] = ()) -> None:
        found = {entry.name: entry for entry in installed_entry_points(group)}
        self._entries = {name: found[name] for name in (*first, *sorted(found)) if name in found}
        self._make = make
        self._loaded: dict[str, Any] = {}
        self._lock = threading.RLock()  # a plug-in may look up another while it is loaded
        self.broken: list[PluginBroken] = []

    def __getitem__(self, name: str) -> Any:
        with self._lock:
            if name not in self._loaded:
                self._load(self._entries[name])
            return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(self._entries))

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def _load(self, entry: EntryPoint) -> None:
        try:
            self._loaded[entry.name] = self._make(entry.load())
        except Exception as error:
            log.exception("cannot load the plug-in %s", entry.value)
            self.broken.append(PluginBroken(entry.name, f"{type(error).__name__}: {error}"))
            del self._entries[entry.name]
            raise KeyError(entry.name) from error


def load(group: str) -> tuple[dict[str, Any], list[PluginBroken]]:
    """Load all plug-ins of a group. Return them by name, and the broken ones."""
    parts = PluginGroup(group)
    loaded: dict[str, Any] = {}
    for name in list(parts):
        with suppress(KeyError):
            loaded[name] = parts[name]
    return loaded, parts.broken

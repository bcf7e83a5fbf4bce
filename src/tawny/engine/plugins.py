"""The door for parts: entry points. A part is loaded when it is first asked for; what fails is named and left out.

Loading late matters: a recorder that watches nothing needs no vision library, which alone takes 16 MB.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from importlib.metadata import EntryPoint, entry_points
from typing import Any, NamedTuple

log = logging.getLogger(__name__)


class PluginBroken(NamedTuple):
    name: str
    error: str


class PluginGroup(Mapping[str, Any]):
    """Everything behind the entry points of a group, by name, in the order of the names given first.

    make: what becomes of the loaded object. Foreign code may raise anything: then the part is in `broken`, and asking
    for it is a KeyError.
    """

    def __init__(self, group: str, make: Callable[[Any], Any] = lambda part: part, first: tuple[str, ...] = ()) -> None:
        found = {entry.name: entry for entry in entry_points(group=group)}
        self._entries = {name: found[name] for name in (*first, *sorted(found)) if name in found}
        self._make = make
        self._loaded: dict[str, Any] = {}
        self.broken: list[PluginBroken] = []

    def __getitem__(self, name: str) -> Any:
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
            log.exception("the part %s could not be loaded", entry.value)
            self.broken.append(PluginBroken(entry.name, f"{type(error).__name__}: {error}"))
            del self._entries[entry.name]
            raise KeyError(entry.name) from error


def load(group: str) -> tuple[dict[str, Any], list[PluginBroken]]:
    """Everything behind the entry points of a group at once, and what is broken."""
    parts = PluginGroup(group)
    loaded: dict[str, Any] = {}
    for name in list(parts):
        with suppress(KeyError):
            loaded[name] = parts[name]
    return loaded, parts.broken

"""The door for parts: entry points. What fails to load is named and left out; the rest start."""

import logging
from importlib.metadata import entry_points
from typing import Any, NamedTuple

log = logging.getLogger(__name__)


class PluginBroken(NamedTuple):
    name: str
    error: str


def load(group: str) -> tuple[dict[str, Any], list[PluginBroken]]:
    """Everything behind the entry points of a group, by name. Foreign code: it may raise anything."""
    parts: dict[str, Any] = {}
    broken: list[PluginBroken] = []
    for entry in entry_points(group=group):
        try:
            parts[entry.name] = entry.load()
        except Exception as error:
            log.exception("the part %s of %s could not be loaded", entry.name, group)
            broken.append(PluginBroken(entry.name, f"{type(error).__name__}: {error}"))
    return parts, broken

"""Plug-in registry from entry points. A plug-in is loaded on first use; failures are recorded and skipped.

Lazy loading saves memory: a recorder without detection needs no vision library, which alone takes 16 MB.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import cache
from importlib.metadata import EntryPoint, EntryPoints, entry_points
from pathlib import Path
from traceback import extract_tb
from typing import Any, NamedTuple

log = logging.getLogger(__name__)


class PluginBroken(NamedTuple):
    name: str
    error: str


class PluginMissing(KeyError):
    """No plug-in of this name can be used. why: the error of one that couldn't be loaded; empty if there is none."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(name)
        self.why = why

    def __str__(self) -> str:
        return f"{self.args[0]}: {self.why}" if self.why else str(self.args[0])


class PluginFailed(Exception):
    """A plug-in raised an error. error: its type; its text may hold secrets, and people share logs."""

    def __init__(self, plug_in: str, error: str) -> None:
        super().__init__(f"the plug-in {plug_in} failed: {error}")
        self.sentence = f"The plug-in {plug_in} failed: {error}."

    @property
    def place(self) -> str:
        """Return where the error was raised, such as ` (bell.py, line 7)`; empty if unknown.

        It is below `plug_in_code` and its caller, which may also raise an error for what a plug-in has returned.
        """
        frames = extract_tb(self.__cause__.__traceback__) if self.__cause__ is not None else []
        return "".join(f" ({Path(last.filename).name}, line {last.lineno})" for last in frames[2:][-1:])


@contextmanager
def plug_in_code(plug_in: str, *expected: type[Exception]) -> Iterator[None]:
    """Run code of a plug-in. Raises what its protocol lets it raise, and PluginFailed for any other error."""
    try:
        yield
    except expected:
        raise
    except (Exception, SystemExit) as error:
        raise PluginFailed(plug_in, type(error).__name__) from error


def foreign_code(part: object, name: str, *expected: type[Exception]) -> AbstractContextManager[None]:
    """Run code of a part, which is a plug-in's unless it is tawny's own: an error of its own keeps its traceback."""
    return nullcontext() if is_own(part) else plug_in_code(name, *expected)


def target_code(url: str, *expected: type[Exception]) -> AbstractContextManager[None]:
    """Run code of the plug-in for the address of a target, as `plug_in_code` does."""
    return plug_in_code(url.partition(":")[0], *expected)


def close_part(plug_in: str, part: Any) -> None:
    """Close a part of a plug-in. What it raises is only logged."""
    try:
        with plug_in_code(plug_in):
            part.close()
    except PluginFailed as error:
        log.warning("while closing, %s", error)


def is_own(kind: object) -> bool:
    """Return whether a part, or what makes it, is tawny's and no plug-in's."""
    return str(getattr(kind, "__module__", "")).startswith("tawny.")


def installed_entry_points(group: str) -> EntryPoints:
    """Return those of all packages. Read once: it takes 4 ms on a fast computer, and a start asks for eight groups."""
    return _selector()(group=group)


@cache
def _selector() -> Callable[..., EntryPoints]:
    return entry_points().select


class PluginGroup(Mapping[str, Any]):
    """The entry points of a group by name; those in `first` come first, then tawny's own: no plug-in takes their place.

    make: converts the loaded object. A plug-in may raise anything: it is then listed in `broken`, and its lookup raises
    PluginMissing. left_out: those whose name is taken.
    """

    def __init__(self, group: str, make: Callable[[Any], Any] = lambda part: part, first: tuple[str, ...] = ()) -> None:
        self.broken, self.left_out = list[PluginBroken](), list[PluginBroken]()
        found: dict[str, EntryPoint] = {}
        for entry in sorted(installed_entry_points(group), key=lambda one: (not _is_own(one), one.name)):
            if (there := found.setdefault(entry.name, entry)).value != entry.value:
                why = f"the name is taken by {there.value}"
                log.error("the plug-in %s (%s) is left out: %s", entry.name, entry.value, why)
                self.left_out.append(PluginBroken(entry.name, why))
        self._entries = {name: found[name] for name in (*first, *found) if name in found}
        self._make = make
        self._loaded: dict[str, Any] = {}
        self._lock, self._own_lock = threading.RLock(), threading.RLock()  # a plug-in may look up another meanwhile

    def __getitem__(self, name: str) -> Any:
        entry = self._entries.get(name)
        if entry is not None and name not in self._loaded:
            with self._own_lock if _is_own(entry) else self._lock:  # a slow plug-in delays none of tawny's parts
                if name not in self._loaded and name in self._entries:
                    self._load(entry)
        if name not in self._loaded:
            raise PluginMissing(name, next((one.error for one in self.broken if one.name == name), ""))
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(self._entries))

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def is_foreign(self, name: str) -> bool:
        """Return whether there is a part of this name that isn't tawny's. Loads nothing."""
        return name in self._entries and not _is_own(self._entries[name])

    def _load(self, entry: EntryPoint) -> None:
        try:
            self._loaded[entry.name] = self._make(entry.load())
        except (Exception, SystemExit) as error:
            log.exception("cannot load the plug-in %s", entry.value)
            self.broken.append(PluginBroken(entry.name, f"{type(error).__name__}: {error}"))
            del self._entries[entry.name]


def _is_own(entry: EntryPoint) -> bool:
    return entry.value.startswith("tawny.")


def load(group: str) -> tuple[dict[str, Any], list[PluginBroken]]:
    """Load all plug-ins of a group. Return them by name, and the broken ones."""
    parts = PluginGroup(group)
    loaded: dict[str, Any] = {}
    for name in list(parts):
        with suppress(KeyError):
            loaded[name] = parts[name]
    return loaded, parts.broken

"""Presence: people seen recently are at home. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TrackedPerson:
    """Presence of one person."""

    name: str
    is_home: bool
    seen_ms: int | None
    """Time last seen, ms UTC; None if not seen since the start."""
    source: str
    """How the person was seen, for example `ping`; empty if not seen."""
    leaves_ms: int | None
    """Time from which the person counts as away if not seen again, ms UTC; None while away."""


class PresenceTracker:
    """Tracks who is at home. names: tracked people. home: people assumed at home at the start."""

    def __init__(
        self, names: Iterable[str], away_after_s: float, home: Iterable[str], now_ms: int, left_ms: int | None = None
    ) -> None:
        self._names, self._after_ms = tuple(names), round(away_after_s * 1000)
        self._left_ms = left_ms
        """When someone last said that they left, ms UTC."""
        self._seen: dict[str, tuple[int, str]] = {name: (now_ms, "before") for name in home if name in self._names}

    @property
    def names(self) -> tuple[str, ...]:
        return self._names

    def seen(self, name: str, source: str, at_ms: int) -> None:
        """Register a person as seen. Raises KeyError: for an unknown name."""
        if name not in self._names:
            raise KeyError(name)
        if name not in self._seen or self._seen[name][0] <= at_ms:
            self._seen[name] = at_ms, source

    def left(self, name: str, at_ms: int) -> None:
        """Register a departure; takes effect at once. Raises KeyError: for an unknown name."""
        if name not in self._names:
            raise KeyError(name)
        if self._seen.pop(name, None) is not None:
            self._left_ms = at_ms

    def empty_since_ms(self, at_ms: int) -> int | None:
        """Return since when everyone is away, ms UTC; None if someone is at home, or never was since the start."""
        if self.home(at_ms):
            return None
        gone = [self._leaves_ms(seen_ms) for seen_ms, _ in self._seen.values()]
        return max([*gone, *([] if self._left_ms is None else [self._left_ms])], default=None)

    def home(self, at_ms: int) -> frozenset[str]:
        return frozenset(name for name, (seen_ms, _) in self._seen.items() if at_ms < self._leaves_ms(seen_ms))

    def next_leave_ms(self, at_ms: int) -> int | None:
        """Return the time of the next departure if no one is seen again, ms UTC."""
        leaves = [self._leaves_ms(seen_ms) for seen_ms, _ in self._seen.values()]
        return min((leave for leave in leaves if leave > at_ms), default=None)

    def people(self, at_ms: int) -> list[TrackedPerson]:
        home = self.home(at_ms)
        return [self._person(name, is_home=name in home) for name in self._names]

    def _person(self, name: str, *, is_home: bool) -> TrackedPerson:
        seen_ms, source = self._seen.get(name, (None, ""))
        leaves_ms = None if seen_ms is None or not is_home else self._leaves_ms(seen_ms)
        return TrackedPerson(name, is_home, seen_ms, source, leaves_ms)

    def _leaves_ms(self, seen_ms: int) -> int:
        return seen_ms + max(self._after_ms, 1)

"""Presence: people seen recently are at home."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from tawny.config.modes import PersonPresenceSettings
from tawny.events.rule_engine import TrackedPerson

IN_REACH_MS: Final = 600_000
"""A phone is in reach for at most this long after its owner reported leaving."""


class PresenceTracker:
    """Tracks who is at home. facts: those of `changed_facts` before the start, and `home`: people who were at home.

    known: names of those who were tracked before, if the facts, of an earlier version, don't say so.
    """

    def __init__(self, facts: Mapping[str, Any], known: Iterable[str], now_ms: int) -> None:
        self._people: Mapping[str, PersonPresenceSettings] = {}
        self._looked_for: dict[str, int] = dict(facts.get("people", dict.fromkeys(known, 0)))
        """Since when people are looked for of whose presence nothing is known yet, ms UTC; 0 for others."""
        self._after_ms = 0
        self._left_ms: int | None = facts.get("left")
        """When someone last said that they left, ms UTC."""
        self._seen = dict.fromkeys(facts.get("home", ()), (now_ms, "before"))
        self._left: dict[str, int] = dict(facts.get("checkouts", ()))
        """When people said that they left whose phone may still be in reach, ms UTC."""
        self._missed: set[str] = set()
        """Those of them who were not found in the last check."""
        self._facts = {name: facts.get(name) for name in ("left", "people", "checkouts")}

    def changed_facts(self, at_ms: int) -> dict[str, Any]:
        """Return what has changed of what must survive a restart, by name."""
        empty_ms = self.empty_since_ms(at_ms)
        left_ms = empty_ms if empty_ms is None or empty_ms <= at_ms else self._left_ms
        before = self._facts
        self._facts = {"left": left_ms, "people": dict(self._looked_for), "checkouts": dict(self._left)}
        return {name: value for name, value in self._facts.items() if value != before[name]}

    def track(
        self, people: Mapping[str, PersonPresenceSettings], away_after_s: float, now_ms: int, *, is_away: bool
    ) -> None:
        """Apply settings by person. One with another name and the same addresses was renamed.

        is_away: whether the mode would be that of an empty home if no one had been tracked. New people are unknown for
        `away_after_s`, unless everyone counts as away already or tawny doesn't look for them.
        """
        if not self.is_doubtful(now_ms):
            self._left_ms = self.empty_since_ms(now_ms)  # it may be that of a person who is removed
        if self._looked_for:
            is_away = self._is_empty(now_ms)
        removed = [name for name, one in self._people.items() if name not in people and one.is_checked]
        for name in people:
            former = next((one for one in removed if self._people[one] == people[name]), "")
            if name in self._looked_for or not former:
                self._looked_for.setdefault(name, 0 if is_away else now_ms)
                continue
            removed.remove(former)
            self._looked_for[name] = self._looked_for[former]
            if former in self._seen:
                self._seen[name] = self._seen[former]
            if former in self._left:
                self._left[name] = self._left[former]
        self._people, self._after_ms = dict(people), round(away_after_s * 1000)
        self._looked_for = {name: self._looked_for[name] if one.is_checked else 0 for name, one in people.items()}
        self._seen = {name: one for name, one in self._seen.items() if name in people}
        self._left = {name: left_ms for name, left_ms in self._left.items() if name in people}

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._people)

    def seen(self, name: str, source: str, at_ms: int) -> None:
        """Register a person as seen. Raises KeyError: for an unknown name."""
        if name not in self._people:
            raise KeyError(name)
        self._left.pop(name, None)
        self._looked_for[name] = 0
        if name not in self._seen or self._seen[name][0] <= at_ms:
            self._seen[name] = at_ms, source

    def looked(self, name: str, source: str, at_ms: int) -> None:
        """Register the result of a check of a tracked person. source: empty if not found.

        Who reported that they left is still in reach for a while: they stay away until not found twice in a row (a
        sleeping phone may miss one check), or for `away_after_s`, at most IN_REACH_MS.
        """
        if not source and name in self._missed:
            self._left.pop(name, None)
        if not source and name in self._left:
            self._missed.add(name)
            return
        self._missed.discard(name)
        if source and (name not in self._left or at_ms >= self._left[name] + min(self._after_ms, IN_REACH_MS)):
            self.seen(name, source, at_ms)

    def left(self, name: str, at_ms: int) -> None:
        """Register the departure of a tracked person; takes effect at once, unless everyone is away already."""
        self._left_ms = self.empty_since_ms(at_ms) if self._is_empty(at_ms) else at_ms
        self._looked_for[name] = 0
        self._left[name] = at_ms
        self._missed.discard(name)
        self._seen.pop(name, None)

    def follow(self, moved_ms: int, now_ms: int) -> None:
        """Move what was registered along with a step of the clock, ms, at most to now, ms UTC."""
        seen = self._seen.items()
        self._seen = {name: (min(seen_ms + moved_ms, now_ms), source) for name, (seen_ms, source) in seen}
        self._left_ms = None if self._left_ms is None else min(self._left_ms + moved_ms, now_ms)
        self._left = {name: min(left_ms + moved_ms, now_ms) for name, left_ms in self._left.items()}
        for name, since_ms in self._looked_for.items():  # a clock that is behind at the start must not prolong it
            self._looked_for[name] = since_ms + moved_ms if since_ms and since_ms + moved_ms <= now_ms else 0

    def empty_since_ms(self, at_ms: int) -> int | None:
        """Return since when everyone is away, ms UTC; later than `at_ms` while someone is unknown.

        None if someone is at home, or no one is tracked.
        """
        if self.home(at_ms):
            return None
        since = [seen_ms for seen_ms, _ in self._seen.values()]
        since += [since_ms for since_ms in self._looked_for.values() if since_ms]
        gone = [self._leaves_ms(since_ms) for since_ms in since]
        return max([*gone, *([] if self._left_ms is None else [self._left_ms])], default=None)

    def is_doubtful(self, at_ms: int) -> bool:
        """Return whether no one is known to be at home, but someone is unknown."""
        empty_ms = self.empty_since_ms(at_ms)
        return empty_ms is not None and empty_ms > at_ms

    def _is_empty(self, at_ms: int) -> bool:
        return not self.home(at_ms) and not self.is_doubtful(at_ms)

    def home(self, at_ms: int) -> frozenset[str]:
        return frozenset(name for name, (seen_ms, _) in self._seen.items() if at_ms < self._leaves_ms(seen_ms))

    def next_leave_ms(self, at_ms: int) -> int | None:
        """Return the time of the next departure if no one is seen again, ms UTC."""
        leaves = [self._leaves_ms(seen_ms) for seen_ms, _ in self._seen.values()]
        return min((leave for leave in leaves if leave > at_ms), default=None)

    def people(self, at_ms: int) -> list[TrackedPerson]:
        home = self.home(at_ms)
        return [self._person(name, is_home=name in home) for name in self._people]

    def _person(self, name: str, *, is_home: bool) -> TrackedPerson:
        seen_ms, source = self._seen.get(name, (None, ""))
        leaves_ms = None if seen_ms is None or not is_home else self._leaves_ms(seen_ms)
        return TrackedPerson(name, is_home, seen_ms, source, leaves_ms)

    def _leaves_ms(self, seen_ms: int) -> int:
        return seen_ms + max(self._after_ms, 1)

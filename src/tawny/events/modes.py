"""The mode that is on, who set it and until when; what a person told a single camera to do; who is at home.

By hand wins, until a time or until the next change; then nobody at home; then the week. What is set survives a restart:
every change is in the book before the call returns. Any thread may call; all instants that passed since the last
call are gone through, so that a change has the time it was due at, not that at which somebody looked.
"""

import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Final, Literal
from zoneinfo import ZoneInfo

from tawny.config.modes import ModesSettings
from tawny.events.calendar import Calendar
from tawny.events.mode_store import ModeStore
from tawny.events.presence import PresenceTracker, TrackedPerson
from tawny.events.schedule import ModeSwitch, Schedule
from tawny.model.clock import Clock
from tawny.model.errors import NotDone
from tawny.model.ids import CameraId
from tawny.model.messages import HoldChanged, Message, ModeChanged, PeopleChanged

STEPWISE_MS: Final = 86_400_000
"""After a longer sleep only the present is looked at."""
BY_WEEK, BY_PRESENCE = "week", "presence"
WEEK_DAYS: Final = 7

Told = Literal["pause", "record"]


@dataclass(frozen=True, slots=True)
class ModeSnapshot:
    """How it stood at an instant. home: who was there."""

    mode: str
    by: str
    home: frozenset[str]


@dataclass(frozen=True, slots=True)
class ActiveMode:
    """The mode that is on. by: a person's or program's name where `is_by_hand`, else `week` or `presence`."""

    mode: str
    by: str
    is_by_hand: bool
    since_ms: int
    until_ms: int | None
    """Of one by hand: when it ends at the latest; None: nothing would change it."""
    next: ModeSwitch | None
    """The next change, if people stay where they are."""


@dataclass(frozen=True, slots=True)
class ActiveHold:
    """What somebody told one camera. until_ms: None: until told otherwise."""

    camera: CameraId
    what: Told
    by: str
    since_ms: int
    until_ms: int | None


@dataclass(frozen=True, slots=True)
class _Hand:
    mode: str
    by: str
    since_ms: int
    until_ms: int | None
    base: str
    """What would be on otherwise: once that changes, so does this. Empty: it holds until its time."""


class ModeState:
    """book: what survives a restart. tell: is told of every change."""

    def __init__(
        self, arm: ModesSettings, zone: ZoneInfo, book: ModeStore, clock: Clock, tell: Callable[[Message], None]
    ) -> None:
        self._book, self._clock, self._tell = book, clock, tell
        self._lock = threading.RLock()
        self._zone = zone
        facts = book.facts()
        self._hand = _Hand(**facts["hand"]) if "hand" in facts else None
        holds = [ActiveHold(**value) for name, value in facts.items() if name.startswith("hold/")]
        self._holds = {hold.camera: hold for hold in holds}
        self._log = [(at_ms, ModeSnapshot(mode, by, home)) for at_ms, mode, by, home in book.changes()]
        self._untold: list[Message] = []
        self._now_ms = self._clock.now_ms()
        self._known: tuple[str, str, frozenset[str]] = ("", "", frozenset())
        self._since_ms = self._now_ms
        self._take(arm, frozenset(facts.get("home", ())))
        self.wake: Callable[[], None] = lambda: None
        """Called when something is due at another time than before."""

    def apply(self, arm: ModesSettings) -> None:
        """Other settings. What is set by hand stays, if there still is such a mode."""
        with self._lock:
            self._take(arm, self._presence.home(self._clock.now_ms()))
        self._out()

    # --- what is --------------------------------------------------------------------------------------------------

    @property
    def names(self) -> tuple[str, ...]:
        return self._arm.names

    @property
    def people_names(self) -> tuple[str, ...]:
        return self._presence.names

    @property
    def calendar(self) -> Calendar:
        return self._calendar

    @property
    def arm(self) -> ModesSettings:
        return self._arm

    def now(self) -> ActiveMode:
        with self._lock:
            self._advance()
            mode, by, _ = self._known
            hand, next_change = self._hand, self._next()
            standing = ActiveMode(
                mode, by, hand is not None, self._since_ms, hand.until_ms if hand else None, next_change
            )
        self._out()
        return standing

    def at(self, at_ms: int) -> ModeSnapshot:
        """How it stood then; of what is not remembered, as at the first that is. For the future: `ahead`."""
        with self._lock:
            self._advance()
            return next((was for began_ms, was in reversed(self._log) if began_ms <= at_ms), self._log[0][1])

    def ahead(self, at_ms: int, home: frozenset[str] | None = None) -> ModeSnapshot:
        """How it will stand, if these people are at home, or who is now, and nobody sets anything by hand meanwhile."""
        with self._lock:
            self._advance()
            now_ms, hand = self._now_ms, self._hand
            here = self._presence.home(now_ms) if home is None else home
            if hand is not None:
                is_over = hand.until_ms is not None and hand.until_ms <= at_ms
                come_or_gone = bool(hand.base) and self._automatic(now_ms, here)[0] != hand.base
                if not is_over and not come_or_gone:
                    return ModeSnapshot(hand.mode, hand.by, here)
            return ModeSnapshot(*self._automatic(max(at_ms, now_ms), here), here)

    def week_ahead(self) -> list[ModeSwitch]:
        """The changes of the next seven days, if people stay where they are."""
        found: list[ModeSwitch] = []
        with self._lock:
            self._advance()
            at_ms, change = self._now_ms, self._next()
            end_ms = at_ms + WEEK_DAYS * 86_400_000
            home = self._presence.home(at_ms)
            while change is not None and change.at_ms < end_ms:
                found.append(change)
                change = self._next_automatic(change.at_ms, home)
        return found

    def people(self) -> list[TrackedPerson]:
        with self._lock:
            self._advance()
            return self._presence.people(self._now_ms)

    def hold(self, camera: CameraId) -> ActiveHold | None:
        """What somebody told this camera, while it lasts."""
        with self._lock:
            self._advance()
            return self._holds.get(camera)

    def holds(self) -> list[ActiveHold]:
        with self._lock:
            self._advance()
            return list(self._holds.values())

    def changes(self, most: int = 200) -> list[tuple[int, ModeSnapshot]]:
        """What was on from when, newest first."""
        with self._lock:
            self._advance()
            return self._log[: -most - 1 : -1]

    # --- what is told ---------------------------------------------------------------------------------------------

    def set_mode(self, mode: str, by: str, until_ms: int | None = None) -> None:
        """By hand: until then, or until the next change. NotDone when there is no such mode."""
        if mode not in self._arm.names:
            raise NotDone(f"No mode named {mode}.", f"Available: {', '.join(self._arm.names)}.")
        with self._lock:
            self._advance()
            now_ms = self._now_ms
            home = self._presence.home(now_ms)
            base = "" if until_ms is not None else self._automatic(now_ms, home)[0]
            if until_ms is None:
                change = self._next_automatic(now_ms, home)
                until_ms = change.at_ms if change else None
            self._set_hand(_Hand(mode, by, now_ms, until_ms, base))
            self._advance()
        self._out()

    def back_to_week(self) -> None:
        """What was set by hand is over."""
        with self._lock:
            self._set_hand(None)
            self._advance()
        self._out()

    def pause(self, camera: CameraId, until_ms: int | None, by: str) -> None:
        """Nothing of it is recorded, watched or shown."""
        self._put_hold(ActiveHold(camera, "pause", by, self._clock.now_ms(), until_ms))

    def record(self, camera: CameraId, until_ms: int | None, by: str) -> None:
        """It is recorded, whatever the mode says."""
        self._put_hold(ActiveHold(camera, "record", by, self._clock.now_ms(), until_ms))

    def let_go(self, camera: CameraId, by: str) -> None:
        """It does again what it would."""
        with self._lock:
            self._advance()
            self._drop_hold(camera, by)
        self._out()

    def seen(self, person: str, source: str, at_ms: int | None = None) -> None:
        """Somebody is at home. NotDone for one who is not in the settings."""
        with self._lock:
            self._advance()
            self._known_person(person)
            self._presence.seen(person, source, self._now_ms if at_ms is None else at_ms)
            self._settle(self._now_ms)
        self._out()

    def left(self, person: str) -> None:
        """Somebody has left, and says so. NotDone as above."""
        with self._lock:
            self._advance()
            self._known_person(person)
            self._presence.left(person)
            self._settle(self._now_ms)
        self._out()

    def step(self) -> float:
        """Go through what is due; seconds until the next."""
        with self._lock:
            self._advance()
            due_ms = self._next_due(self._now_ms)
            wait_ms = None if due_ms is None else due_ms - self._now_ms
        self._out()
        return 30.0 if wait_ms is None else min(30.0, max(0.05, wait_ms / 1000))

    # --- inside ---------------------------------------------------------------------------------------------------

    def _take(self, arm: ModesSettings, home: frozenset[str]) -> None:
        now_ms = self._clock.now_ms()
        self._arm = arm
        self._calendar = Calendar(self._zone, arm.location or None)
        self._schedule = Schedule(self._calendar, arm.names, arm.schedule, arm.exceptions)
        self._presence = PresenceTracker(arm.presence.everybody, arm.presence.away_after, home, now_ms)
        if self._hand is not None and self._hand.mode not in arm.names:
            self._set_hand(None)
        self._now_ms = now_ms
        self._settle(now_ms)

    def _automatic(self, at_ms: int, home: frozenset[str]) -> tuple[str, str]:
        """The mode if nobody had set one, and what by."""
        mode, presence = self._schedule.mode(at_ms), self._arm.presence
        if not self._presence.names:
            return mode, BY_WEEK
        if not home:
            return presence.nobody, BY_PRESENCE
        return (presence.back, BY_PRESENCE) if mode == presence.nobody else (mode, BY_WEEK)

    def _next_automatic(self, at_ms: int, home: frozenset[str]) -> ModeSwitch | None:
        now, change = self._automatic(at_ms, home)[0], self._schedule.next_change(at_ms)
        for _ in range(8 * 24):  # a week may go to and fro between two that are one here
            if change is None:
                return None
            mode = self._automatic(change.at_ms, home)[0]
            if mode != now:
                return ModeSwitch(change.at_ms, mode)
            change = self._schedule.next_change(change.at_ms)
        return None

    def _next(self) -> ModeSwitch | None:
        home = self._presence.home(self._now_ms)
        if self._hand is None:
            return self._next_automatic(self._now_ms, home)
        if self._hand.until_ms is None:
            return None
        after = self._automatic(self._hand.until_ms, home)[0]
        if after != self._hand.mode:
            return ModeSwitch(self._hand.until_ms, after)
        return self._next_automatic(self._hand.until_ms, home)

    def _next_due(self, at_ms: int) -> int | None:
        """When something is to be looked at again."""
        change = self._schedule.next_change(at_ms)
        dues = [change.at_ms if change else None, self._presence.next_leave_ms(at_ms)]
        dues += [self._hand.until_ms if self._hand else None]
        dues += [hold.until_ms for hold in self._holds.values()]
        return min((due for due in dues if due is not None and due > at_ms), default=None)

    def _advance(self) -> None:
        """Up to now, change by change."""
        now_ms = self._clock.now_ms()
        while 0 <= now_ms - self._now_ms < STEPWISE_MS:
            due_ms = self._next_due(self._now_ms)
            if due_ms is None or due_ms > now_ms:
                break
            self._now_ms = due_ms
            self._settle(due_ms)
        self._now_ms = now_ms
        self._settle(now_ms)

    def _settle(self, at_ms: int) -> None:
        """Take in how it stands at an instant, and note what is new."""
        for hold in list(self._holds.values()):
            if hold.until_ms is not None and hold.until_ms <= at_ms:
                self._drop_hold(hold.camera, hold.by)
        home = self._presence.home(at_ms)
        mode, by = self._automatic(at_ms, home)
        if self._hand is not None:
            is_over = self._hand.until_ms is not None and self._hand.until_ms <= at_ms
            if is_over or (self._hand.base and self._hand.base != mode):
                self._set_hand(None)
            else:
                mode, by = self._hand.mode, self._hand.by
        before_mode, before_by, before_home = self._known
        if (mode, by, home) == self._known:
            return
        self._known = mode, by, home
        if (mode, by) != (before_mode, before_by):
            self._since_ms = at_ms if before_mode else self._kept_since(mode, by, at_ms)
            self._untold.append(ModeChanged(mode, by, self._hand is not None, at_ms))
        if home != before_home:
            self._untold.append(PeopleChanged(tuple(sorted(home)), at_ms))
        was = ModeSnapshot(mode, by, home)
        if not self._log or self._log[-1][1] != was:  # nothing new after a restart
            self._log.append((at_ms, was))
            self._book.change(at_ms, mode, by, home)
        if home != before_home:
            self._book.keep("home", sorted(home))

    def _kept_since(self, mode: str, by: str, at_ms: int) -> int:
        """After a restart: since when it has been so, as far as is known."""
        since_ms = at_ms
        for began_ms, was in reversed(self._log):
            if (was.mode, was.by) != (mode, by):
                break
            since_ms = began_ms
        return min(since_ms, at_ms)

    def _set_hand(self, hand: _Hand | None) -> None:
        self._hand = hand
        self._book.keep("hand", asdict(hand) if hand else None)

    def _put_hold(self, hold: ActiveHold) -> None:
        with self._lock:
            self._advance()
            self._holds[hold.camera] = hold
            self._book.keep(f"hold/{hold.camera}", asdict(hold))
            self._untold.append(HoldChanged(hold.camera, hold.what, hold.by, hold.since_ms, hold.until_ms))
            self._advance()
        self._out()

    def _drop_hold(self, camera: CameraId, by: str) -> None:
        if self._holds.pop(camera, None) is not None:
            self._book.keep(f"hold/{camera}", None)
            self._untold.append(HoldChanged(camera, "", by, self._now_ms, None))

    def _out(self) -> None:
        """Tell what is new, outside the lock, and have the next due time looked at."""
        with self._lock:
            untold, self._untold = self._untold, []
        for message in untold:
            self._tell(message)
        if untold:
            self.wake()

    def _known_person(self, person: str) -> None:
        if person not in self._presence.names:
            known = ", ".join(self._presence.names)
            do = f"Available: {known}." if known else "See docs/how-to/modes.md to set up presence."
            raise NotDone(f"{person} isn't set up for presence.", do)

"""Active mode, holds of single cameras, and presence.

Priority: a manual mode, until its end or the next change; then "all away"; then the schedule. Invariant: every change
is stored before the call returns. Thread-safe. Each call replays all changes due since the last one, so that each gets
its due time.
"""

import json
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal, TypeVar
from zoneinfo import ZoneInfo

from tawny.config.modes import ModesSettings
from tawny.config.renamed import rename_action
from tawny.events.presence_tracker import PresenceTracker
from tawny.events.rule_engine import Calendar, ModeSwitch, RuleOutcome, Schedule, TrackedPerson
from tawny.model.errors import DatabaseNewer, NotDone, StorageError
from tawny.model.ids import CameraId, EventId
from tawny.model.messages import HoldChanged, Message, ModeChanged, PeopleChanged
from tawny.model.times import Clock, ClockSteps
from tawny.storage.index.sqlite_file import MEMORY, SmallDb

# State that survives a restart, in `modes.db`. While the disk takes nothing, it stays in memory; `problem`: the error.

SCHEMA = """
CREATE TABLE IF NOT EXISTS facts (
  name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS changes (
  id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, mode TEXT NOT NULL, who TEXT NOT NULL, home TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS changes_at ON changes (at_ms);
CREATE TABLE IF NOT EXISTS reasons (
  event TEXT NOT NULL, deed TEXT NOT NULL, does INTEGER NOT NULL, why TEXT NOT NULL, rule_does INTEGER NOT NULL,
  rule_says TEXT NOT NULL, is_final INTEGER NOT NULL, at_ms INTEGER NOT NULL,
  PRIMARY KEY (event, deed)) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS reasons_at ON reasons (at_ms);
"""
VERSION: Final = 1
_Statement = tuple[str, tuple[Any, ...]]
REMEMBERED_MS: Final = 90 * 86_400_000
_FORMER: Final = {"week": "schedule"}
"""What set a mode, as earlier versions wrote it."""
log = logging.getLogger(__name__)


class ModeStore:
    """Stores mode, holds, presence and rule outcomes. where: a file, or `:memory:`. Thread-safe."""

    def __init__(self, where: Path | str) -> None:
        """Raises DatabaseNewer. After any other disk error, the state is kept in memory."""
        self.problem: StorageError | None = None
        self._unwritten: dict[str, Any] = {}
        """Values that the disk has not taken yet, by name."""
        self._statements: deque[_Statement] = deque(maxlen=1000)  # it may be full for days
        self._has_file, self._lock = True, threading.Lock()  # `move_to` copies what was written before
        try:
            self._file = SmallDb(where, SCHEMA, VERSION, renew=True)
        except DatabaseNewer:
            raise
        except StorageError as error:
            self._failed(error)
            self._file, self._has_file = SmallDb(MEMORY, SCHEMA, VERSION), False

    def move_to(self, path: Path) -> None:
        """Store in this file from now on, which must not exist yet."""
        with self._lock:
            try:
                self._file.save_as(path)
                self._file = SmallDb(path, SCHEMA, VERSION)
            except StorageError as error:
                self._failed(error)
                self._has_file = False

    def close(self) -> None:
        self._file.close()

    def facts(self) -> dict[str, Any]:
        """Return all values by name."""
        with self._file.reading() as db:
            return {name: json.loads(value) for name, value in db.execute("SELECT name, value FROM facts").fetchall()}

    def keep(self, name: str, value: Any) -> None:
        """Store a value as JSON; None deletes it."""
        self._write({name: value})

    def retry(self) -> None:
        """Store what the disk has not taken."""
        if self._unwritten or self._statements:
            self._write({})

    def changes(self) -> list[tuple[int, str, str, frozenset[str]]]:
        """Return time (ms UTC), mode, its origin and the people at home, oldest first."""
        with self._file.reading() as db:
            rows = db.execute("SELECT at_ms, mode, who, home FROM changes ORDER BY id").fetchall()
        return [(at_ms, mode, _FORMER.get(who, who), frozenset(json.loads(home))) for at_ms, mode, who, home in rows]

    def change(self, at_ms: int, mode: str, who: str, home: frozenset[str]) -> None:
        """Add a change; delete those older than REMEMBERED_MS."""
        row = (at_ms, mode, who, json.dumps(sorted(home)))
        self._write(
            {},
            ("DELETE FROM changes WHERE at_ms < ?", (at_ms - REMEMBERED_MS,)),
            ("INSERT INTO changes (at_ms, mode, who, home) VALUES (?, ?, ?, ?)", row),
        )

    def reasons(self, event: EventId) -> list[RuleOutcome]:
        query = (
            "SELECT deed, does, why, rule_does, rule_says, is_final, at_ms FROM reasons WHERE event = ? "
            "ORDER BY at_ms, deed"
        )
        with self._file.reading() as db:
            rows = db.execute(query, (event,)).fetchall()
        return [
            RuleOutcome(
                event, rename_action(action) or action, bool(does), why, bool(rule_does), says, bool(is_final), at_ms
            )
            for action, does, why, rule_does, says, is_final, at_ms in rows
        ]

    def reason(self, one: RuleOutcome) -> None:
        """Store an outcome, replacing that of the same event and action; delete those older than REMEMBERED_MS."""
        row = one.event, one.action, one.does, one.why, one.rule_does, one.rule_says, one.is_final, one.at_ms
        self._write(
            {},
            ("DELETE FROM reasons WHERE at_ms < ?", (one.at_ms - REMEMBERED_MS,)),
            ("INSERT OR REPLACE INTO reasons VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row),
        )

    def _write(self, facts: Mapping[str, Any], *statements: _Statement) -> None:
        """Store values by name, then execute statements, each with those that wait."""
        with self._lock:
            self._unwritten |= facts
            self._statements.extend(statements)
            kept = {name: json.dumps(value) for name, value in self._unwritten.items() if value is not None}
            values: list[_Statement] = [("DELETE FROM facts WHERE name = ?", (name,)) for name in self._unwritten]
            values += [("INSERT INTO facts VALUES (?, ?)", row) for row in kept.items()]
            try:  # values first: a damaged table of others must not keep the mode from being stored
                for waiting in filter(None, (values, self._statements)):
                    with self._file.writing() as db:
                        for statement, row in waiting:
                            db.execute(statement, row)
            except StorageError as error:
                self._failed(error)
                return
            self._unwritten.clear()
            self._statements.clear()
            if self._has_file:
                self.problem = None

    def _failed(self, error: StorageError) -> None:
        if self.problem is None:
            log.error("modes or their history could not be stored: %s", error)
        self.problem = error


STEPWISE_MS: Final = 86_400_000
"""After a longer sleep only the present state is evaluated."""
BY_SCHEDULE, BY_PRESENCE = "schedule", "presence"
WEEK_DAYS: Final = 7

ManualAction = Literal["pause", "record"]


@dataclass(frozen=True, slots=True)
class ModeSnapshot:
    """State at an instant. home: people at home."""

    mode: str
    by: str
    home: frozenset[str]


@dataclass(frozen=True, slots=True)
class ActiveMode:
    """The active mode. by: name of the user or program if `is_by_hand`, else `schedule` or `presence`."""

    mode: str
    by: str
    is_by_hand: bool
    since_ms: int
    until_ms: int | None
    """Latest end of a manual mode, ms UTC; None if nothing would change it."""
    next: ModeSwitch | None
    """The next change if presence stays the same."""
    leaving_ms: int | None = None
    """When the mode changes because everyone has just left, ms UTC."""


@dataclass(frozen=True, slots=True)
class ActiveHold:
    """Manual hold of one camera. until_ms: ms UTC; None until released."""

    camera: CameraId
    what: ManualAction
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
    """The mode without the override; a change of it ends the override. Empty: the override ends at its time only."""


_Set = TypeVar("_Set", ActiveHold, _Hand)


def _shifted(one: _Set, by_ms: int) -> _Set:
    until_ms = None if one.until_ms is None else one.until_ms + by_ms
    return replace(one, since_ms=one.since_ms + by_ms, until_ms=until_ms)


class ModeState:
    """The active mode and everything that determines it. book: persistent state. publish: receives every change."""

    def __init__(
        self, arm: ModesSettings, zone: ZoneInfo, book: ModeStore, clock: Clock, publish: Callable[[Message], None]
    ) -> None:
        self._book, self._clock, self._publish = book, clock, publish
        self._lock, self._zone = threading.RLock(), zone
        facts = book.facts()
        self._hand = _Hand(**facts["hand"]) if "hand" in facts else None
        holds = [ActiveHold(**value) for name, value in facts.items() if name.startswith("hold/")]
        self._holds = {hold.camera: hold for hold in holds}
        self._log = [(at_ms, ModeSnapshot(mode, by, home)) for at_ms, mode, by, home in book.changes()]
        self._untold: list[Message] = []
        self._steps, self._now_ms = ClockSteps(clock), clock.now_ms()
        self._known: tuple[str, str, frozenset[str]] = ("", "", frozenset())
        self._renamed: dict[str, str] = {}
        self._since_ms = self._now_ms
        self._foreseen: tuple[frozenset[str], int | None] | None = None
        """Presence by which the end of the manual mode was computed: people at home, end of the grace."""
        self._presence = PresenceTracker(facts, arm.presence.everybody if self._log else (), self._now_ms)
        self._take(arm)
        self._follow_clock(None)
        self._settle(self._now_ms)  # after it: a clock that is behind would end a manual mode

    def will_rename(self, mode: str, name: str) -> None:
        """A manual mode stays through the next `apply`, in which this mode has another name."""
        with self._lock:
            self._renamed[mode] = name

    def apply(self, arm: ModesSettings) -> None:
        """Apply new settings. A manual mode stays if it still exists."""
        with self._changing():
            self._take(arm)
            if self._hand is not None and self._hand.base:
                self._set_hand(self._until_change(self._hand))  # other settings are no change of the mode

    # --- state ----------------------------------------------------------------------------------------------------

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
            hand, next_change, is_doubtful = self._hand, self._next(), self._presence.is_doubtful(self._now_ms)
            standing = ActiveMode(
                mode, by, hand is not None, self._since_ms, hand.until_ms if hand else None, next_change,
                None if is_doubtful else self._leaving_ms(self._now_ms),
            )  # fmt: skip
        self._out()
        return standing

    def at(self, at_ms: int) -> ModeSnapshot:
        """Return the state at a past instant; before the oldest record, the oldest one. For the future see `ahead`."""
        with self._lock:
            self._advance()
            return next((was for began_ms, was in reversed(self._log) if began_ms <= at_ms), self._log[0][1])

    def ahead(self, at_ms: int, home: frozenset[str] | None = None) -> ModeSnapshot:
        """Return the expected state if these people are at home and no manual change follows; also of a past instant.

        home: None for those home now, with the grace of having left.
        """
        with self._lock:
            self._advance()
            now_ms, hand, has_grace = self._now_ms, self._hand, home is None
            here = self._presence.home(now_ms) if home is None else home
            if hand is not None and hand.since_ms <= at_ms:
                is_over = hand.until_ms is not None and hand.until_ms <= at_ms
                come_or_gone = bool(hand.base) and self._automatic(now_ms, here, has_grace=has_grace)[0] != hand.base
                if not is_over and not come_or_gone:
                    return ModeSnapshot(hand.mode, hand.by, here)
            return ModeSnapshot(*self._automatic(at_ms, here, has_grace=has_grace), here)

    def week_ahead(self) -> list[ModeSwitch]:
        """Return the changes of the next seven days if presence stays the same."""
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
        """Return the manual hold of this camera, if any."""
        with self._lock:
            self._advance()
            return self._holds.get(camera)

    def holds(self) -> list[ActiveHold]:
        with self._lock:
            self._advance()
            return list(self._holds.values())

    def changes(self, most: int = 200) -> list[tuple[int, ModeSnapshot]]:
        """Return the latest states with their start, newest first."""
        with self._lock:
            self._advance()
            return self._log[: -most - 1 : -1]

    # --- commands -------------------------------------------------------------------------------------------------

    def set_mode(self, mode: str, by: str, until_ms: int | None = None) -> None:
        """Set a mode manually, until a time or until the next change. Raises NotDone: if the mode does not exist."""
        if mode not in self._arm.names:
            raise NotDone(f"No mode named {mode}.", f"Available: {', '.join(self._arm.names)}.")
        with self._changing():
            hand = _Hand(mode, by, self._now_ms, until_ms, "")
            self._set_hand(self._until_change(hand) if until_ms is None else hand)

    def back_to_week(self) -> None:
        """End a manual mode."""
        with self._changing():
            self._set_hand(None)

    def pause(self, camera: CameraId, until_ms: int | None, by: str) -> None:
        """Stop recording, detection and live view of a camera."""
        self._put_hold(ActiveHold(camera, "pause", by, self._clock.now_ms(), until_ms))

    def record(self, camera: CameraId, until_ms: int | None, by: str) -> None:
        """Record a camera regardless of the mode, and no shorter than was asked before."""
        self._put_hold(ActiveHold(camera, "record", by, self._clock.now_ms(), until_ms))

    def let_go(self, camera: CameraId, by: str) -> None:
        """Release the hold of a camera."""
        with self._changing():
            self._drop_hold(camera, by)

    def seen(self, person: str, source: str, at_ms: int | None = None) -> None:
        """Register a person as home. Raises NotDone: if the person is not configured."""
        with self._changing():
            self._known_person(person)
            self._presence.seen(person, source, self._now_ms if at_ms is None else at_ms)

    def looked(self, person: str, source: str) -> None:
        """As `PresenceTracker.looked`. Raises NotDone: if the person is not configured."""
        with self._changing():
            self._known_person(person)
            self._presence.looked(person, source, self._now_ms)

    def left(self, person: str) -> None:
        """Register that a person left. Raises NotDone: if the person is not configured."""
        with self._changing():
            self._known_person(person)
            self._presence.left(person, self._now_ms)

    def step(self) -> float:
        """Apply due changes. Return the seconds until the next."""
        with self._lock:
            self._advance()
            due_ms = self._next_due(self._now_ms)
            wait_ms = None if due_ms is None else due_ms - self._now_ms
        self._book.retry()
        self._out()
        return 30.0 if wait_ms is None else min(30.0, max(0.05, wait_ms / 1000))

    # --- internal -------------------------------------------------------------------------------------------------

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Advance to now before a change; evaluate and publish after it."""
        with self._lock:
            self._advance()
            yield
            self._settle(self._now_ms)
        self._out()

    def _take(self, arm: ModesSettings) -> None:
        self._arm, self._now_ms = arm, self._clock.now_ms()
        self._calendar = Calendar(self._zone, arm.location or None)
        self._schedule = Schedule(self._calendar, arm.names, arm.schedule, arm.exceptions)
        is_away, people = self._schedule.mode(self._now_ms) == arm.presence.nobody, arm.presence
        self._presence.track(people.everybody, people.gone_after_s, self._now_ms, is_away=is_away)
        if self._hand is not None and self._hand.mode in self._renamed:
            self._set_hand(replace(self._hand, mode=self._renamed[self._hand.mode]))
        self._renamed = {}
        if self._hand is not None and self._hand.mode not in arm.names:
            self._set_hand(None)

    def _automatic(self, at_ms: int, home: frozenset[str], *, has_grace: bool = True) -> tuple[str, str]:
        """Return the mode without a manual one, and its origin."""
        mode, presence = self._schedule.mode(at_ms), self._arm.presence
        if not self._presence.names or not presence.automatic:
            return mode, BY_SCHEDULE
        if not home and not (has_grace and self._leaving_ms(at_ms) is not None):
            return presence.nobody, BY_PRESENCE
        return (presence.back, BY_PRESENCE) if mode == presence.nobody else (mode, BY_SCHEDULE)

    def _leaving_ms(self, at_ms: int) -> int | None:
        """Return when the grace ends that began when the last one left, ms UTC; None outside of it."""
        presence = self._arm.presence
        since_ms = self._presence.empty_since_ms(at_ms) if presence.automatic else None
        until_ms = None if since_ms is None else since_ms + round(presence.grace * 1000)
        return until_ms if until_ms is not None and at_ms < until_ms else None

    def _next_automatic(self, at_ms: int, home: frozenset[str]) -> ModeSwitch | None:
        now, at = self._automatic(at_ms, home)[0], self._next_edge_ms(at_ms, home)
        for _ in range(8 * 24):  # schedule changes may cancel out here
            if at is None:
                return None
            mode = self._automatic(at, home)[0]
            if mode != now:
                return ModeSwitch(at, mode)
            at = self._next_edge_ms(at, home)
        return None

    def _next_edge_ms(self, at_ms: int, home: frozenset[str]) -> int | None:
        """Return when the schedule next changes or the grace of leaving ends, ms UTC."""
        change = self._schedule.next_change(at_ms)
        edges = [change.at_ms if change else None, None if home else self._leaving_ms(at_ms)]
        return min((edge for edge in edges if edge is not None), default=None)

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
        """Return the time of the next evaluation, ms UTC; None if nothing is due."""
        change = self._schedule.next_change(at_ms)
        dues = [change.at_ms if change else None, self._presence.next_leave_ms(at_ms)]
        dues += [self._hand.until_ms if self._hand else None, self._leaving_ms(at_ms)]
        dues += [hold.until_ms for hold in self._holds.values()]
        return min((due for due in dues if due is not None and due > at_ms), default=None)

    def _advance(self) -> None:
        """Advance to now, change by change."""
        moved_ms = self._steps.moved_ms()
        now_ms = self._clock.now_ms()
        if moved_ms:
            self._now_ms = now_ms  # no change was due in the time that a step leaves out
            self._follow_clock(moved_ms)
        while 0 <= now_ms - self._now_ms < STEPWISE_MS:
            due_ms = self._next_due(self._now_ms)
            if due_ms is None or due_ms > now_ms:
                break
            self._now_ms = due_ms
            self._settle(due_ms)
        self._now_ms = now_ms
        self._settle(now_ms)

    def _follow_clock(self, moved_ms: int | None) -> None:
        """Move what was set by hand, and presence, along with a step of the clock, ms; None at the start."""
        now_ms = self._clock.now_ms()
        self._presence.follow(moved_ms or 0, now_ms)
        self._since_ms = min(self._since_ms, now_ms)
        for hold in list(self._holds.values()):
            by_ms = self._steps.shift_ms(hold.since_ms, moved_ms)
            if by_ms:
                self._keep_hold(_shifted(hold, by_ms))
        hand = self._hand
        by_ms = 0 if hand is None else self._steps.shift_ms(hand.since_ms, moved_ms)
        if hand is not None and by_ms:
            moved = _shifted(hand, by_ms)
            self._set_hand(self._until_change(moved) if hand.base else moved)

    def _until_change(self, hand: _Hand) -> _Hand:
        """Return the manual mode so that it lasts until the mode without it next changes from that of now."""
        home = self._presence.home(self._now_ms)
        mode, change = self._automatic(self._now_ms, home)[0], self._next_automatic(self._now_ms, home)
        return replace(hand, base=mode, until_ms=change.at_ms if change else None)

    def _foresee(self, at_ms: int, home: frozenset[str]) -> None:
        """Compute again when a manual mode until the next change ends, if others are at home than before."""
        foreseen = home, self._leaving_ms(at_ms)
        if self._hand is not None and self._hand.base and foreseen != self._foreseen:
            self._set_hand(self._until_change(self._hand))
        self._foreseen = foreseen

    def _settle(self, at_ms: int) -> None:
        """Evaluate the state at an instant and register changes."""
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
                self._foresee(at_ms, home)
                mode, by = self._hand.mode, self._hand.by
        for name, value in self._presence.changed_facts(at_ms).items():
            self._book.keep(name, value)  # before who is at home: a restart between them loses no grace
        self._note(at_ms, ModeSnapshot(mode, by, home))
        before_mode, before_by, before_home = self._known
        if (mode, by, home) == self._known:
            return
        self._known = mode, by, home
        if (mode, by) != (before_mode, before_by):
            self._since_ms = at_ms if before_mode else self._kept_since(mode, by, at_ms)
            self._untold.append(ModeChanged(mode, by, self._hand is not None, at_ms))
        if home != before_home:
            self._untold.append(PeopleChanged(tuple(sorted(home)), at_ms))
            self._book.keep("home", sorted(home))

    def _note(self, at_ms: int, now: ModeSnapshot) -> None:
        """Note the state unless it is the last one noted; that counts no more if the clock was set back before it."""
        if not self._log or self._log[-1][1] != now or self._log[-1][0] > at_ms:
            self._log = [*((began_ms, was) for began_ms, was in self._log if began_ms <= at_ms), (at_ms, now)]
            self._book.change(at_ms, now.mode, now.by, now.home)

    def _kept_since(self, mode: str, by: str, at_ms: int) -> int:
        """Return the start of the current mode after a restart, as far as recorded."""
        since_ms = at_ms
        for began_ms, was in reversed(self._log):
            if (was.mode, was.by) != (mode, by):
                break
            since_ms = began_ms
        return min(since_ms, at_ms)

    def _set_hand(self, hand: _Hand | None) -> None:
        if hand != self._hand:
            self._hand = hand
            self._book.keep("hand", asdict(hand) if hand else None)

    def _put_hold(self, hold: ActiveHold) -> None:
        with self._changing():
            before = self._holds.get(hold.camera)
            if before is not None and before.what == hold.what == "record":
                hold = max(before, hold, key=lambda one: one.until_ms or float("inf"))
            if before is not None and (before.what, before.by) == (hold.what, hold.by):
                hold = replace(hold, since_ms=before.since_ms)  # it goes on, and ends at another time
            self._keep_hold(hold)

    def _keep_hold(self, hold: ActiveHold) -> None:
        self._holds[hold.camera] = hold
        self._book.keep(f"hold/{hold.camera}", asdict(hold))
        self._untold.append(HoldChanged(hold.camera, hold.what, hold.by, hold.since_ms, hold.until_ms))

    def _drop_hold(self, camera: CameraId, by: str) -> None:
        if self._holds.pop(camera, None) is not None:
            self._book.keep(f"hold/{camera}", None)
            self._untold.append(HoldChanged(camera, "", by, self._now_ms, None))

    def _out(self) -> None:
        """Publish pending changes outside the lock. Each may bring another due time."""
        with self._lock:
            untold, self._untold = self._untold, []
        for message in untold:
            self._publish(message)

    def _known_person(self, person: str) -> None:
        if person not in self._presence.names:
            known = ", ".join(self._presence.names)
            do = f"Available: {known}." if known else "See docs/how-to/modes.md to set up presence."
            raise NotDone(f"{person} isn't set up for presence.", do)

"""Outbox: durable queue of deliveries in its own SQLite file (`outbox.db`).

Rows describe what to send, not its bytes: a clip is cut when it is sent. Delivery is at least once; names make repeats
harmless. The most important delivery is sent first, then the oldest, but a fresh message before a late one. Over the
limits of size and count the least important ones are dropped and reported.

Thread-safe. Invariant: every change is durable when the call returns.
"""

import json
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import Final

from tawny.delivery.delivery import LATE_MS, RESENT_RANK, URGENT_RANK, Delivery, DeliveryKind, DeliveryState
from tawny.delivery.name_counters import number_of, raise_again, raise_counters
from tawny.delivery.outbox_rows import INSERT, ROWS, SCHEMA, VERSION, to_delivery, to_row
from tawny.delivery.sent_files import SentFile, sent_by
from tawny.delivery.targets import FOLDERS, OutboxBacklog
from tawny.model.ids import CameraId, EventId, SegmentId
from tawny.model.times import CLOCK_STEP_MS, Clock, ClockSteps, Span
from tawny.storage.index.sqlite_file import SmallDb

_SERVED = "(?1 IS NULL OR target IN (SELECT value FROM json_each(?1)))"
_DUE = f"""{ROWS} WHERE target = :to AND state = 'waiting' AND next_ms <= :now_ms AND rank >= :least_rank
AND rank < :most_rank"""
_IN_ORDER = "ORDER BY rank, at_ms, id"
_FIRST = (
    f"rank < -1 {_IN_ORDER}",
    f"rank <= 0 AND at_ms >= :late_ms AND json_extract(content, '$.kind') IS NOT 'change' {_IN_ORDER}",
    f"(rank < {RESENT_RANK} OR what = 'file') {_IN_ORDER}",
    f"rank = {RESENT_RANK} ORDER BY at_ms DESC, id",
)
"""What is sent first of what is due: problems, fresh messages, the others, what is sent again, newest first.

Changes of detection are sent in their order.
"""
_RESENT = f"rank = {RESENT_RANK} AND what <> 'file'"
_COUNTED = f"""
FROM deliveries WHERE state = 'waiting' AND {_SERVED}
AND NOT ({_RESENT} AND id IN (SELECT value FROM json_each(?2)))
"""  # noqa: S608 constants
"""What must fit in the queue. ?2: what is taken; not if it is sent again: new ones would be dropped for it."""
_COUNTS = f"SELECT target, count(*) {_COUNTED} AND what <> 'removal' GROUP BY target"
_SUM = f"SELECT coalesce(sum(size_bytes), 0) {_COUNTED}"
_BACKLOG = f"""
SELECT count(*), coalesce(sum(size_bytes), 0), min(made_ms), coalesce(sum(what = 'removal'), 0),
coalesce(sum(size_bytes * ({_RESENT})), 0)
FROM deliveries WHERE state = 'waiting' AND (?1 IS NULL OR target = ?1)
AND json_extract(content, '$.kind') IS NOT 'rest'
"""  # noqa: S608 constants
_BACK_TO_DONE = f"""
UPDATE deliveries SET state = 'done', why = '', progress = '', done_ms = coalesce(done_ms, ?) WHERE id = ? AND {_RESENT}
"""  # noqa: S608 constants
_HELD = """
SELECT camera, need_begin_ms, need_end_ms FROM deliveries
WHERE state = 'waiting' AND camera IS NOT NULL AND need_begin_ms IS NOT NULL
AND (?1 IS NULL OR target IN (SELECT value FROM json_each(?1)))
"""
_WAITING = "SELECT id FROM deliveries WHERE state = 'waiting'"
_CLIP = """
SELECT 1 FROM deliveries AS clip WHERE clip.event = deliveries.event AND clip.target = deliveries.target
AND clip.what = 'clip' AND json_extract(clip.content, '$.to_ms') > 0 -- others: sealed
AND coalesce(json_extract(clip.content, '$.form'), 'mp4') IN ('mp4', 'fmp4')
"""
_IS_REPLACED = f"""
what = 'piece' AND tries = 0 AND progress = '' AND EXISTS ({_CLIP} AND clip.state = 'waiting' AND clip.tries = 0
AND clip.done_ms IS NULL -- others are sent again
AND deliveries.need_begin_ms >= clip.need_begin_ms
AND deliveries.need_end_ms <= coalesce(json_extract(clip.content, '$.file_end_ms'), clip.need_end_ms))
"""
"""Untried parts that an untried clip of the event will hold."""
_LOSE = f"""
UPDATE deliveries SET why = ?, done_ms = ? WHERE target = ? AND event = ? AND what = 'piece' AND state = 'dropped'
AND why = ? AND NOT EXISTS ({_CLIP} AND clip.state <> 'dropped')
"""  # noqa: S608 constants
REMEMBERED_MS = 90 * 86_400_000
"""How long, ms, ended deliveries are stored."""
MOST_WAITING: Final = 5_000
"""Waiting deliveries of one target. Most notifications have no size, so that no other limit applies to them.

Removals are not counted: there are never more than files at the target.
"""
LONGEST_BACKOFF_MS: Final = 1_800_000
"""More than a courier waits after a failure, and less than most digests wait."""
LONGEST_PLAN_MS: Final = 2 * 86_400_000
"""Nothing is planned for later than this, ms: intervals and quiet hours last a day at most."""
DIGESTS_PLANNED_MS: Final = 60_000
"""Their scheduler has planned all digests again by then, ms, after a step of the clock."""
_PAGE: Final = 200
QUEUE_FULL: Final = "The queue was full."
REPLACED: Final = "The event's clip replaces it."
LOST: Final = "It was deleted or replaced at the destination."
LIKE_PARTS: Final = ("mp4", "fmp4")
"""Forms of the clip that replaces the parts."""
FILE_END: Final = "file_end_ms"
"""Key, in a clip's content, of where its one file ends, ms UTC, if the video format changes there."""


class Outbox:
    """Queue of deliveries. path: a file, or `:memory:` for no persistence. Raises StorageError and DiskFull."""

    def __init__(self, path: Path | str, clock: Clock) -> None:
        self._file, self._clock = SmallDb(path, SCHEMA, VERSION, renew=True), clock
        self._reading, self._writing = self._file.reading, self._file.writing
        self._listeners: list[Callable[[str], None]] = []
        self._taken: set[int] = set()
        self._steps, self._of_numbers = ClockSteps(clock), ClockSteps(clock)
        self._must_raise = True
        self._bring_back(0)  # the clock may have been set back while nothing ran
        if self._file.was_renewed:
            self.raise_counters()

    def close(self) -> None:
        self._file.close()

    def whenever_added(self, listener: Callable[[str], None]) -> Callable[[], None]:
        """Call the listener with a target's name when it has new deliveries. Return a function that unsubscribes.

        The listener must return at once.
        """
        self._listeners = [*self._listeners, listener]

        def end() -> None:
            self._listeners = [one for one in self._listeners if one is not listener]

        return end

    # --- queue -------------------------------------------------------------------------------------------------------

    def add(self, deliveries: Iterable[Delivery], marks: Collection[tuple[str, str]] = ()) -> int:
        """Add all and store marks, or nothing. Existing names are not changed. Return the count of new ones."""
        with self._writing() as db:
            insert = f"{INSERT} ON CONFLICT DO NOTHING"
            new = [one.to for one in deliveries if db.execute(insert, to_row(one)).rowcount]
            db.executemany("DELETE FROM marks WHERE name = ?", [(name,) for name, _ in marks])
            db.executemany("INSERT INTO marks VALUES (?, ?)", [one for one in marks if one[1]])
        self._notify(set(new))
        return len(new)

    def renew(self, delivery: Delivery) -> None:
        """Replace the delivery of this name, or add it.

        The new one has the progress of the old one: the destination drops what has arrived of other content.
        """
        with self._writing() as db:
            self._renew(db, delivery)
        self._notify({delivery.to})

    def amend(self, delivery: Delivery) -> bool:
        """Update content and time of a waiting delivery. Return False if it is being sent or has ended."""
        with self._writing() as db:
            old = self._find(db, "target = ? AND name = ? AND state = 'waiting'", (delivery.to, delivery.name))
            if old is None or old.id in self._taken:
                return False
            content = json.dumps(dict(delivery.content), sort_keys=True)
            db.execute(
                "UPDATE deliveries SET content = ?, next_ms = ? WHERE id = ?", (content, delivery.next_ms, old.id)
            )
        self._notify({delivery.to})
        return True

    def take(self, to: str, most_rank: int = len(DeliveryKind), least_rank: int = URGENT_RANK) -> Delivery | None:
        """Take the next due delivery, most important first, until `put_back`, `failed` or its end. None: none is due.

        most_rank: exclude this rank and less important ones. least_rank: exclude more important ones.
        """
        with self._reading():
            moved_ms = self._steps.moved_ms()
        if moved_ms < 0:
            self._bring_back(moved_ms)
        elif moved_ms > 0:
            self._hold_digests(moved_ms)
        now_ms = self._clock.now_ms()
        with self._reading() as db:
            ranks = {"least_rank": least_rank, "most_rank": most_rank}
            about = {"to": to, "now_ms": now_ms, "late_ms": now_ms - LATE_MS, **ranks}
            for row in chain.from_iterable(db.execute(f"{_DUE} AND {first}", about) for first in _FIRST):
                found = to_delivery(row)
                if found.id not in self._taken:
                    self._taken.add(found.id)
                    return found
        return None

    def next_ms(self, to: str, most_rank: int = len(DeliveryKind)) -> int | None:
        """Return when the next delivery that is not taken is due, ms UTC; None without any.

        most_rank: of this rank and less important ones, ignore those already due, as they are held back.
        """
        query = (
            "SELECT id, next_ms FROM deliveries WHERE target = ? AND state = 'waiting' AND (rank < ? OR next_ms > ?)"
        )
        with self._reading() as db:
            rows = db.execute(query, (to, most_rank, self._clock.now_ms()))
            return min((next_ms for key, next_ms in rows if key not in self._taken), default=None)

    def ready(self, to: str, least_rank: int) -> dict[DeliveryKind, int]:
        """Count deliveries of this rank or less important that are due or were attempted, also those being sent."""
        query = (
            "SELECT what, count(*) FROM deliveries WHERE target = ? AND state = 'waiting' AND rank >= ? "
            "AND (next_ms <= ? OR tries > 0) GROUP BY what"
        )
        with self._reading() as db:
            found = db.execute(query, (to, least_rank, self._clock.now_ms())).fetchall()
        return {DeliveryKind(what): count for what, count in found}

    # --- state of deliveries -----------------------------------------------------------------------------------------

    def note(self, delivery: Delivery, progress: str) -> None:
        with self._writing() as db:
            db.execute("UPDATE deliveries SET progress = ? WHERE id = ?", (progress, delivery.id))

    def done(self, delivery: Delivery, receipt: str, size_bytes: int, replaced: Sequence[Delivery] = ()) -> None:
        """End a delivery that was sent. After a StorageError it stays taken.

        replaced: what waits, such as its rest or removals, renews what it replaces; dropped parts are dropped if they
        wait untried. In the same transaction, unless it was renewed meanwhile.
        """
        with self._writing() as db:
            is_known = self._set_ended(db, delivery, DeliveryState.DONE, "", receipt, size_bytes)
            for one in replaced if is_known else ():
                (self._drop_untried if one.state is DeliveryState.DROPPED else self._renew)(db, one)
        self._taken.discard(delivery.id)  # not before: what is sent, and not stored as such, must not be sent again
        self._notify({one.to for one in replaced})

    def drop(self, delivery: Delivery, why: str) -> int:
        """End a delivery without sending it. Return the number of parts that its event lost, as they were replaced.

        One that was to be sent again is done as before.
        """
        return self.drop_all([(delivery, why)])

    def drop_all(self, dropped: Sequence[tuple[Delivery, str]]) -> int:
        """End deliveries as `drop` does, in one transaction. dropped: each with the reason."""
        now_ms, lost = self._clock.now_ms(), 0
        with self._writing() as db:
            for one, why in dropped:
                if not db.execute(_BACK_TO_DONE, (now_ms, one.id)).rowcount:
                    self._set_ended(db, one, DeliveryState.DROPPED, why, one.receipt, one.size_bytes)
                    about = (QUEUE_FULL, now_ms, one.to, one.event, REPLACED)
                    lost += db.execute(_LOSE, about).rowcount
        self._taken.difference_update(one.id for one, _ in dropped)
        return lost

    def failed(self, delivery: Delivery, why: str, next_ms: int) -> None:
        """Store a failed attempt; retry not before next_ms. The first one notes in messages when they were due."""
        with self._writing() as db:
            self._taken.discard(delivery.id)  # first: it waits again even if the disk is full
            change = (
                "UPDATE deliveries SET tries = tries + 1, why = ?, next_ms = ?, content = "
                "CASE WHEN tries = 0 AND json_extract(content, '$.kind') IS NOT NULL "
                "THEN json_set(content, '$.due_ms', max(made_ms, next_ms)) ELSE content END "
                "WHERE id = ? AND state = 'waiting'"
            )
            db.execute(change, (why, next_ms, delivery.id))

    def put_back(self, delivery: Delivery) -> None:
        """Return a taken delivery that was not attempted."""
        with self._reading():
            self._taken.discard(delivery.id)

    def try_now(self, to: str) -> None:
        """Make failed deliveries due at once; scheduled ones keep their time."""
        with self._writing() as db:
            change = "UPDATE deliveries SET next_ms = 0 WHERE target = ? AND state = 'waiting' AND tries > 0"
            db.execute(change, (to,))
        self._notify({to})

    def send_again(self, to: str, ids: Iterable[int]) -> int:
        """Let deliveries wait again, after all others. Return how many of them were done until now."""
        change = "UPDATE deliveries SET state = 'waiting', rank = ?, made_ms = ?, next_ms = 0, tries = 0 "
        rows = [(RESENT_RANK, self._clock.now_ms(), key) for key in ids]
        with self._writing() as db:
            count = db.executemany(change + "WHERE id = ? AND state = 'done'", rows).rowcount
        self._notify({to})
        return max(0, count)  # -1 if there are none

    def note_lost(self, ids: Iterable[int], *, is_lost: bool) -> None:
        """Note whether it is known of these, which are done, that they are no longer as they were sent."""
        with self._writing() as db:
            change = "UPDATE deliveries SET why = ? WHERE id = ? AND state = 'done'"
            db.executemany(change, [(LOST if is_lost else "", key) for key in ids])

    def keep_within(
        self, budget_bytes: int, targets: Iterable[str] | None = None, most: int = MOST_WAITING
    ) -> list[Delivery]:
        """Drop deliveries until the limits are met; return them with the reason, QUEUE_FULL or REPLACED.

        First parts that a clip will replace, which is no loss, then the least important, of these the oldest. Problems
        are the most important messages. What waits to be sent again is done as before instead, and not returned.
        targets: names in the settings; deliveries of others are not counted. None: all. most: how many may wait for one
        target, apart from removals.
        """
        served = _served(targets)
        dropped: list[Delivery] = []

        def drop(one: Delivery, why: str) -> None:
            if db.execute(_BACK_TO_DONE, (self._clock.now_ms(), one.id)).rowcount:
                return
            self._set_ended(db, one, DeliveryState.DROPPED, why, one.receipt, one.size_bytes)
            dropped.append(replace(one, state=DeliveryState.DROPPED, why=why))

        with self._writing() as db:
            counted = (*served, json.dumps(list(self._taken)))
            for target, count in db.execute(_COUNTS, counted).fetchall():
                of_target = self._excess(db, "what <> 'removal' AND target = ?1", (target,))
                for one, why in islice(of_target, max(0, count - most)):
                    drop(one, why)
            total = int(db.execute(_SUM, counted).fetchone()[0])
            sized = self._excess(db, f"size_bytes > 0 AND {_SERVED}", served)
            for one, why in sized if total > budget_bytes else ():
                drop(one, why)
                total -= one.size_bytes
                if total <= budget_bytes:
                    break
        return dropped

    def overflowed(self, since_ms: int) -> dict[str, int]:
        """Count the deliveries that were dropped since this time because the queue was full, by target."""
        return self.given_up(since_ms, QUEUE_FULL)

    def given_up(self, since_ms: int, why: str) -> dict[str, int]:
        """Count the deliveries that were dropped since this time with this in their reason, by target."""
        query = (
            "SELECT target, count(*) FROM deliveries WHERE state = 'dropped' AND instr(why, ?) AND done_ms >= ? "
            "GROUP BY target ORDER BY target"
        )
        with self._reading() as db:
            return dict(db.execute(query, (why, since_ms)).fetchall())

    def forget_old(self) -> None:
        """Delete deliveries that ended more than REMEMBERED_MS ago, except files that are in a folder."""
        with self._writing() as db:
            before_ms = self._clock.now_ms() - REMEMBERED_MS
            ended = (
                "DELETE FROM deliveries WHERE state <> 'waiting' AND done_ms < ? "
                "AND (what <> ? OR state = 'dropped' OR substr(target, 1, ?) <> ?)"
            )
            # those of folders are known until they are removed
            db.execute(ended, (before_ms, DeliveryKind.FILE.value, len(FOLDERS), FOLDERS))

    def since_ms(self, to: str, first_ms: int | None = None) -> int:
        """Return when the target was first used, ms UTC: at `first_ms` or now. Earlier events are not sent to it.

        Never later than now: the clock was ahead, or is behind.
        """
        now_ms = self._clock.now_ms()
        with self._writing() as db:
            new = (to, now_ms if first_ms is None else first_ms)
            db.execute("INSERT INTO targets VALUES (?, ?) ON CONFLICT DO NOTHING", new)
            found = db.execute("SELECT min(since_ms, ?) FROM targets WHERE name = ?", (now_ms, to)).fetchone()
            return int(found[0])

    def forget_target(self, to: str) -> None:
        """Delete a target that was removed from the settings, with its deliveries and what is stored about it."""
        with self._writing() as db:
            for prefix in (f"kept/{to}/", f"alarm/{to}/", f"mute/{to}/"):
                db.execute("DELETE FROM marks WHERE substr(name, 1, ?) = ?", (len(prefix), prefix))
            names = [(f"{what}/{to}",) for what in ("told", "plan", "recap", "gone", "paused")]
            db.executemany("DELETE FROM marks WHERE name = ?", names)
            db.execute("DELETE FROM deliveries WHERE target = ?", (to,))
            db.execute("DELETE FROM targets WHERE name = ?", (to,))

    # --- key-value store ---------------------------------------------------------------------------------------------

    def mark(self, name: str, value: str) -> None:
        """Store a value under a name; an empty one deletes it."""
        self.mark_all({name: value})

    def mark_all(self, values: Mapping[str, str]) -> None:
        """Store all values by name, or none; empty ones are deleted."""
        self.add((), values.items())

    def marks(self, prefix: str = "") -> dict[str, str]:
        """Return the values whose names begin with prefix."""
        with self._reading() as db:
            found = db.execute("SELECT name, value FROM marks WHERE substr(name, 1, ?) = ?", (len(prefix), prefix))
            return dict(found.fetchall())

    def number(self, to: str, key: str) -> int:
        """Return the number of a key in a target's counter, as `number_of`."""
        with self._writing() as db:
            self._must_raise |= self._of_numbers.moved_ms() > 0
            if self._must_raise:
                raise_again(db, self._clock.now_ms())
            number = number_of(db, to, key)
        self._must_raise = False
        return number

    def raise_counters(self) -> None:
        """Let counters go on above all that an outbox which is lost has given."""
        with self._writing() as db:
            raise_counters(db, self._clock.now_ms())

    # --- queries -----------------------------------------------------------------------------------------------------

    def find(self, to: str, name: str) -> Delivery | None:
        with self._reading() as db:
            return self._find(db, "target = ? AND name = ?", (to, name))

    def of_event(self, event: EventId) -> list[Delivery]:
        """Return the deliveries of an event in order of importance."""
        with self._reading() as db:
            rows = db.execute(f"{ROWS} WHERE event = ? ORDER BY rank, at_ms, id", (event,)).fetchall()
        return [to_delivery(row) for row in rows]

    def at(self, to: str, at_ms: int) -> list[Delivery]:
        """Return a target's deliveries of events and recordings of exactly this time."""
        with self._reading() as db:
            return [to_delivery(row) for row in db.execute(f"{ROWS} WHERE target = ? AND at_ms = ?", (to, at_ms))]

    def since(self, to: str, at_ms: int) -> list[Delivery]:
        """Return a target's deliveries of events since this time, in order of time."""
        with self._reading() as db:
            rows = db.execute(f"{ROWS} WHERE target = ? AND at_ms >= ? ORDER BY at_ms, id", (to, at_ms)).fetchall()
        return [to_delivery(row) for row in rows]

    def recordings(self, to: str, at_ms: int) -> frozenset[SegmentId]:
        """Return the whole recordings since this time, ms UTC, that a target has or had deliveries of."""
        query = "SELECT json_extract(content, '$.segment') FROM deliveries WHERE target = ? AND what = ? AND at_ms >= ?"
        with self._reading() as db:
            rows = db.execute(query, (to, DeliveryKind.FOOTAGE.value, at_ms))
            return frozenset(SegmentId(key) for (key,) in rows)

    def of_kind(self, to: str, kind: str, state: DeliveryState) -> list[Delivery]:
        """Return a target's messages of a kind, such as digests, in the order in which they were added."""
        where = f"target = ? AND state = '{state}' AND json_extract(content, '$.kind') IS ?"
        with self._reading() as db:
            return [to_delivery(row) for row in db.execute(f"{ROWS} WHERE {where} ORDER BY id", (to, kind)).fetchall()]

    def targets(self) -> list[str]:
        """Return the names of all targets with deliveries."""
        with self._reading() as db:
            return [row[0] for row in db.execute("SELECT DISTINCT target FROM deliveries ORDER BY target").fetchall()]

    def waiting(self, to: str | None = None) -> OutboxBacklog:
        """Return the backlog of one target, or of all."""
        with self._reading() as db:
            return OutboxBacklog(*db.execute(_BACKLOG, (to,)).fetchone())

    def trouble(self, to: str) -> str:
        """Return the error of the most important delivery that failed; empty if none."""
        query = "SELECT why FROM deliveries WHERE target = ? AND state = 'waiting' AND why <> '' ORDER BY rank, at_ms"
        with self._reading() as db:
            row = db.execute(query, (to,)).fetchone()
        return str(row[0]) if row else ""

    def kept_files(self, to: str) -> Iterator[Delivery]:
        """Yield the files that are in an export folder, and their snapshots, oldest first.

        They are read in pages: there may be hundreds of thousands, of which the oldest are looked at.
        """
        query = (
            f"{ROWS} WHERE target = ? AND what = ? AND state = 'done' AND (at_ms, id) > (?, ?) "
            "ORDER BY at_ms, id LIMIT ?"
        )
        after = (-1, -1)
        while True:
            with self._reading() as db:
                rows = db.execute(query, (to, DeliveryKind.FILE.value, *after, _PAGE)).fetchall()
            found = [to_delivery(row) for row in rows]
            yield from found
            if len(found) < _PAGE:
                return
            after = found[-1].at_ms, found[-1].id

    def kept_bytes(self, to: str) -> int:
        """Return the size of all files that are in an export folder."""
        query = "SELECT coalesce(sum(size_bytes), 0) FROM deliveries WHERE target = ? AND what = ? AND state = 'done'"
        with self._reading() as db:
            return int(db.execute(query, (to, DeliveryKind.FILE.value)).fetchone()[0])

    def ended(self, to: str, limit: int = 20) -> list[Delivery]:
        """Return the deliveries that ended last, newest first."""
        with self._reading() as db:
            query = f"{ROWS} WHERE target = ? AND state <> 'waiting' ORDER BY done_ms DESC, id DESC LIMIT ?"
            return [to_delivery(row) for row in db.execute(query, (to, limit)).fetchall()]

    def sent(self, to: str, since_ms: int, before_ms: int) -> Iterator[SentFile]:
        """Yield what `sent_by` does. Changes wait meanwhile."""
        with self._reading() as db:
            yield from sent_by(db, to, since_ms, before_ms)

    def held(self, targets: Iterable[str] | None = None) -> list[tuple[CameraId, Span]]:
        """Return recordings that waiting deliveries require. targets: as in `keep_within`."""
        with self._reading() as db:
            return held_by(db, targets)

    def needing(self, wanted: Mapping[CameraId, Span]) -> list[Delivery]:
        """Return the waiting deliveries that require something of these times, without those being sent."""
        where = "state = 'waiting' AND camera = ? AND need_begin_ms < ? AND need_end_ms > ?"
        with self._reading() as db:
            rows = [
                row
                for camera, span in wanted.items()
                for row in db.execute(f"{ROWS} WHERE {where}", (camera, span.end_ms, span.begin_ms)).fetchall()
            ]
            return [one for one in map(to_delivery, rows) if one.id not in self._taken]

    def _bring_back(self, moved_ms: int) -> None:
        """Make due what waits for a time that the clock showed before it was set back. What is planned waits.

        Digests are left to their scheduler: at a start, the clock may be behind. So is when targets were first used.
        moved_ms: how far the clock was set, negative; 0 at a start.
        """
        now_ms = self._clock.now_ms()
        with self._writing() as db:
            change = (
                "UPDATE deliveries SET next_ms = ?1, made_ms = min(made_ms, ?1) "
                "WHERE state = 'waiting' AND next_ms > ?1 AND (next_ms > ?1 + ?2 OR (tries > 0 AND next_ms > ?1 + ?3) "
                "OR (made_ms > ?1 + ?4 AND next_ms BETWEEN made_ms AND made_ms + ?3)) "
                "AND (tries > 0 OR json_extract(content, '$.kind') IS NOT 'digest')"
            )
            db.execute(change, (now_ms, LONGEST_PLAN_MS, LONGEST_BACKOFF_MS, CLOCK_STEP_MS))
            # later ones are of another run: the clock was behind before, too
            first_used = "UPDATE targets SET since_ms = ?1 WHERE since_ms > ?1 AND since_ms <= ?1 - ?2"
            db.execute(first_used, (now_ms, moved_ms))

    def _hold_digests(self, moved_ms: int) -> None:
        """Keep digests that are only due as the clock was set forward until their scheduler has planned them again."""
        with self._writing() as db:
            change = (
                "UPDATE deliveries SET next_ms = ?1 + ?2 WHERE state = 'waiting' AND next_ms > ?1 - ?3 "
                "AND next_ms <= ?1 AND tries = 0 AND json_extract(content, '$.kind') IS 'digest'"
            )
            db.execute(change, (self._clock.now_ms(), DIGESTS_PLANNED_MS, moved_ms))

    def _renew(self, db: sqlite3.Connection, delivery: Delivery) -> None:
        old = self._find(db, "target = ? AND name = ?", (delivery.to, delivery.name))
        if old is not None:
            delivery = replace(delivery, receipt=old.receipt, made_ms=old.made_ms, progress=old.progress)
            db.execute("DELETE FROM deliveries WHERE id = ?", (old.id,))
        db.execute(INSERT, to_row(delivery))

    def _drop_untried(self, db: sqlite3.Connection, part: Delivery) -> None:
        one = self._find(db, "id = ? AND state = 'waiting' AND tries = 0 AND progress = ''", (part.id,))
        if one is not None and one.id not in self._taken:
            self._set_ended(db, one, DeliveryState.DROPPED, REPLACED, one.receipt, one.size_bytes)

    def _set_ended(
        self, db: sqlite3.Connection, delivery: Delivery, state: DeliveryState, why: str, receipt: str, size_bytes: int
    ) -> bool:
        """Return False if the delivery was renewed since it was taken."""
        change = (
            "UPDATE deliveries SET state = ?, why = ?, receipt = ?, size_bytes = ?, done_ms = ?, progress = '' "
            "WHERE id = ?"  # a delivery renewed in between has a new row and keeps waiting
        )
        values = (state, why, receipt, size_bytes, self._clock.now_ms(), delivery.id)
        return db.execute(change, values).rowcount > 0

    def _excess(self, db: sqlite3.Connection, where: str, values: tuple[str | None]) -> Iterator[tuple[Delivery, str]]:
        """Yield what goes from a full queue, with the reason: first parts that a clip will replace."""
        order = "ORDER BY rank DESC, what = 'file', json_extract(content, '$.kind') IS 'alarm', at_ms, id"
        for why, which in (REPLACED, _IS_REPLACED), (QUEUE_FULL, "TRUE"):
            found = db.execute(f"{_WAITING} AND {which} AND {where} {order}", values)
            for (key,) in found.fetchall():  # the rest of a row only if it goes: there may be tens of thousands
                if key not in self._taken and (one := self._find(db, "id = ?", (key,))):
                    yield one, why

    def _find(self, db: sqlite3.Connection, where: str, values: tuple[object, ...]) -> Delivery | None:
        row = db.execute(f"{ROWS} WHERE {where}", values).fetchone()
        return to_delivery(row) if row else None

    def _notify(self, targets: Iterable[str]) -> None:
        for target in targets:
            for listener in self._listeners:
                listener(target)


def held_by(db: sqlite3.Connection, targets: Iterable[str] | None = None) -> list[tuple[CameraId, Span]]:
    """Return what `Outbox.held` does, of a file that another process may have open."""
    return [(CameraId(one), Span(begin, end)) for one, begin, end in db.execute(_HELD, _served(targets)).fetchall()]


def _served(targets: Iterable[str] | None) -> tuple[str | None]:
    return (None if targets is None else json.dumps(list(targets)),)

"""The life of an outbox, the same for the same seed, one change after the other: so its state after each is known.

`python -m tests.faults.outbox_life FOLDER SEED [careless]` lives it on a disk until it is killed, and prints the number
of changes that have been made. careless: SQLite asks the disk to keep anything only now and then, as many a program has
it.
"""

import random
import sqlite3
import sys
import threading
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from tawny.delivery.delivery import Delivery, DeliveryKind, DeliveryState
from tawny.delivery.outbox import Outbox
from tawny.model.times import Span
from tawny.testing.clock import FakeClock
from tests.delivery.carried import clip, delivery

TARGETS = ("nas", "cloud", "gone")
MARKS = ("push/key", "inputs/gate")
PACE_S = 0.004
DAY_S = 86_400.0


class Life:
    """One change each step: events are put, go on, are delivered, fail, are dropped, and at last forgotten."""

    def __init__(self, path: Path | str, seed: int) -> None:
        self.clock, self._dice = FakeClock("2026-01-01T00:00:00Z"), random.Random(seed)
        self.outbox = Outbox(path, self.clock)
        self._events = 0
        self._under_way: Delivery | None = None
        self.settled: set[tuple[str, str]] = set()
        """Target and name of what was acknowledged or dropped, and not asked for again."""

    def step(self) -> None:
        self.clock.advance(self._dice.uniform(0.01, 0.5) * DAY_S)
        if self._under_way is None and self._dice.random() < 0.4:
            self._under_way = self.outbox.take(self._dice.choice(TARGETS))
        ways = (self._put, self._extend, self._amend, self._forget, self._mark)
        if self._under_way is not None and self._dice.random() < 0.7:
            self._go_on(self._under_way)
        else:
            self._dice.choices(ways, (5, 3, 2, 1, 1))[0]()

    def _put(self) -> None:
        self._events += 1
        at_ms, to, name = self.clock.now_ms(), self._dice.choice(TARGETS), f"{self._events:05}"
        made = [delivery(f"{name}.jpg", at_ms=at_ms), clip(f"{name}.001.mp4", at_ms, what=DeliveryKind.PIECE)]
        made += [clip(f"{name}.mp4", at_ms, self._dice.randint(1000, 90_000))]
        made += [clip(f"{name}.footage.mp4", at_ms, what=DeliveryKind.FOOTAGE)]
        self.outbox.add([replace(one, to=to) for one in self._dice.sample(made, self._dice.randint(1, len(made)))])

    def _go_on(self, one: Delivery) -> None:
        match self._dice.choices(("note", "done", "fail", "drop"), (3, 4, 2, 1))[0]:
            case "note":
                self.outbox.note(one, f"{self._dice.randrange(1 << 20)} bytes")
            case "done":
                self.outbox.done(one, f"receipt of {one.name}", one.size_bytes)
                self._ended(one)
            case "fail":
                self.outbox.failed(one, "It isn't responding.", self.clock.now_ms() + round(DAY_S * 1000))
                self._under_way = None
            case _:
                self.outbox.drop(one, "Its recording was removed.")
                self._ended(one)

    def _ended(self, one: Delivery) -> None:
        self._under_way = None
        found = self.outbox.find(one.to, one.name)
        if found is None or found.state is not DeliveryState.WAITING:  # else it was extended meanwhile
            self.settled.add((one.to, one.name))

    def _extend(self) -> None:
        """There is more of one, or a better one: also of what is under way, and of what was delivered."""
        if (one := self._any()) is not None:
            self.outbox.renew(_more(one, self.clock.now_ms()))
            self.settled.discard((one.to, one.name))

    def _amend(self) -> None:
        if (one := self._any()) is not None:
            self.outbox.amend(_more(one, self.clock.now_ms()))

    def _forget(self) -> None:
        match self._dice.randrange(4):
            case 0:
                self.outbox.forget_target("gone")
            case 1:
                self.settled |= {(one.to, one.name) for one in self.outbox.keep_within(400_000, TARGETS)}
            case _:
                self.outbox.forget_old()

    def _mark(self) -> None:
        self.outbox.mark(self._dice.choice(MARKS), self._dice.choice(("", "on", "a key " * 50)))

    def _any(self) -> Delivery | None:
        since_ms = self.clock.now_ms() - round(10 * DAY_S * 1000)
        known = self.outbox.since(self._dice.choice(TARGETS), since_ms)
        return self._dice.choice(known) if known else None


def state(outbox: Outbox) -> str:
    """All that it knows."""
    return repr(([outbox.since(to, 0) for to in TARGETS], outbox.marks()))


def waiting(outbox: Outbox, to: str) -> list[str]:
    """Names, in the order in which it is their turn."""
    found = [one for one in outbox.since(to, 0) if one.state is DeliveryState.WAITING]
    return [one.name for one in sorted(found, key=lambda one: (one.what.rank, one.at_ms, one.id))]


def _more(one: Delivery, now_ms: int) -> Delivery:
    needs = None if one.needs is None else Span(one.needs.begin_ms, max(now_ms, one.needs.end_ms))
    content = {"event": "e", "until": now_ms}
    about = {"to": one.to, "size_bytes": one.size_bytes, "needs": needs, "content": content}
    return delivery(one.name, one.what, one.at_ms, **about)


class _Careless(sqlite3.Connection):
    """Does not wait until a change is on the disk."""

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        return super().execute(sql.replace("synchronous = FULL", "synchronous = NORMAL"), *values)


def main(folder: Path, seed: int, *, careless: bool) -> None:
    if careless:
        vars(sqlite3)["connect"] = partial(sqlite3.connect, factory=_Careless)
    life, changes = Life(folder / "outbox.db", seed), 0
    while True:
        sys.stdout.write(f"{changes}\n")
        sys.stdout.flush()
        life.step()
        changes += 1
        threading.Event().wait(PACE_S)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), careless="careless" in sys.argv[3:])

"""`python -m tests.faults.rig.cut_outbox FOLDER CUTS SEED`: cut the power of an outbox on a logged ext4, and look.

Prints a JSON line a cut: what does not hold, and how many changes there were more than had been told.
"""

import json
import random
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tawny.delivery.courier import Courier, DeliveryRoute
from tawny.delivery.outbox import Outbox
from tawny.model.errors import TawnyError
from tawny.testing.clock import FakeClock
from tawny.testing.contracts.destination import MemoryContent
from tests.delivery.carried import Shelf
from tests.faults.outbox_life import DAY_S, TARGETS, Life, state, waiting
from tests.faults.rig.ext4 import each_cut

LIFE_SEED = 7
MOST_AHEAD = 50
"""What is told reaches the log of the disk a little after what is written."""


@dataclass(frozen=True, slots=True)
class Known:
    """How the outbox is after so many changes, where nothing is ever cut."""

    state: str
    waiting: dict[str, list[str]]
    settled: frozenset[tuple[str, str]]
    now_ms: int


def cuts(folder: Path, count: int, seed: int) -> Iterator[dict[str, object]]:
    life, changes, known = Life(":memory:", LIFE_SEED), 0, dict[int, Known]()
    for cut in each_cut(folder, count, random.Random(seed)):
        result = next(
            (int(one) for one in reversed(cut.told) if one.isdigit()), 0
        )  # the first line says when it started
        copy = folder / "copy"
        while changes <= result + MOST_AHEAD:
            if changes >= result:  # no later cut asks for what was before
                known[changes] = _known(life)
            life.step()
            changes += 1
        shutil.copytree(cut.data, copy)
        try:
            found = _look(copy / "outbox.db", known, result)
        except (TawnyError, sqlite3.DatabaseError) as error:
            found = {"broken": [f"it could not be opened: {error}"]}
        shutil.rmtree(copy)
        yield {"point": cut.point, "unflushed": cut.unflushed, "told": result, "ahead": 0, "waited": 0, **found}


def _known(life: Life) -> Known:
    by_target = {to: waiting(life.outbox, to) for to in TARGETS}
    return Known(state(life.outbox), by_target, frozenset(life.settled), life.clock.now_ms())


def _look(path: Path, known: dict[int, Known], value: int) -> dict[str, object]:
    """All of it, as it was after some change that is no earlier than the last one told."""
    if not path.is_file():
        return {"broken": ["there is none"]}
    clock = FakeClock()
    clock.jump_utc((known[value + MOST_AHEAD].now_ms - clock.now_ms()) / 1000)  # times ahead of it would be corrected
    with closing(Outbox(path, clock)) as outbox, closing(sqlite3.connect(path)) as raw:
        sound, there = raw.execute("PRAGMA integrity_check").fetchone(), state(outbox)
        changes = next((at for at in range(value, value + MOST_AHEAD + 1) if known[at].state == there), None)
        if sound != ("ok",) or changes is None:
            return {"broken": [f"SQLite says {sound}; not as it was after {value} changes or more"]}
        was, waited, broken = known[changes], 0, list[str]()
        clock.jump_utc((was.now_ms - clock.now_ms()) / 1000 + 2 * DAY_S)  # whatever failed is due again
        for to in TARGETS:
            carried = _carried(outbox, clock, to)
            waited += len(carried)
            if carried != was.waiting[to]:
                broken.append(f"to {to}: brought {carried}, not {was.waiting[to]}")
            broken += [f"to {to}: again {name}" for name in carried if (to, name) in was.settled]
        return {"broken": broken, "ahead": changes - value, "waited": waited}


def _carried(outbox: Outbox, clock: FakeClock, to: str) -> list[str]:
    """All that waits is brought there, as after a start: the names, in their order."""
    shelf = Shelf()
    courier = Courier(1, DeliveryRoute(to, shelf.carrier, lambda _: MemoryContent()), outbox, clock, lambda _: None)
    while outbox.waiting(to).count:
        courier.step()
    courier.stop()
    return shelf.carried


if __name__ == "__main__":
    for one in cuts(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])):
        sys.stdout.write(json.dumps(one) + "\n")
        sys.stdout.flush()

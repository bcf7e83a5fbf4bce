"""How soon a hub has what 50 boxes did while their lines were cut, and whether kills and power cuts cost a line.

    python -m benchmarks.fleet_return [--by websocket|nats] [--index sqlite|postgresql] [--boxes 50] [--kills 20]
        [--cut 100]

A hub (`tawny hub`) and boxes of 16 cameras in ten processes, each with its key, its history on disk and its session,
as `tests.support.many_boxes` has them. First their lines are cut, until each box waits as long as it ever does before
it connects again, and an hour happens: 90 lines of each camera, 72,000 of 50 boxes. Time counts from the lines' return
until all is in the hub. Then another two hours happen while the hub is killed 20 times in the middle of storing, and 20
times a process of boxes. Then the power fails: `hub.db` is put back to a copy that is two minutes old at least, and so
is the NATS server's store; PostgreSQL loses what it had not synced (`synchronous_commit = off`, synced every 10 s).
Afterwards each event and gap must be in the hub once, as its last line has it. Exit: 1 over 60 s.
"""

import argparse
import contextlib
import random
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmarks.peers import Counted, report
from tests.support.many_boxes import PATIENCE_S, Carrier, ManyBoxes, many_boxes
from tests.support.nats import NatsServer, nats_server
from tests.support.postgres import PostgresServer, postgres_server

Index = Literal["sqlite", "postgresql"]
MOST_RETURN_S = 60.0
MOST_PROCESSES = 10
AGE_S = 120.0
"""Least age of what a power cut puts back."""
IN_TIME_S = 600.0
HOUR_PARTS = 200


@dataclass
class Campaign:
    """postgres: the server of the hub's index; None: `hub.db`. store: of the NATS server."""

    fleet: ManyBoxes
    folder: Path
    kills: int
    cut_s: float
    postgres: PostgresServer | None
    store: Path

    def run(self) -> bool:
        is_soon = self._cut()
        copied_s = time.monotonic()
        self._copy()
        with self._happening(1):
            self._killed("hub", self._kill_hub)
        with self._happening(2):
            self._killed("boxes", self._kill_boxes)
        self._wait_until(copied_s + AGE_S)
        with self._happening(3):
            self._when_storing()
            self._power_cut()
        print(f"power cut: all in after {self.fleet.wait_for_all(IN_TIME_S):.1f} s")
        self.fleet.check()
        print(f"{self.fleet.written_lines} lines: each event and gap is in the hub, each once")
        return is_soon

    def _cut(self) -> bool:
        """Let an hour happen while all lines are cut. Return whether it was there in time."""
        fleet = self.fleet
        fleet.cut(is_cut=True)
        cut_s = time.monotonic()
        list(fleet.write_hour(0))
        _until(lambda: fleet.online == 0, "all boxes to notice the cut")
        self._wait_until(cut_s + self.cut_s)
        assert fleet.hub.process is not None
        hub = Counted(fleet.hub.process)
        cpu_s, most_mb = hub.cpu_s(), hub.rss_mb()
        fleet.cut(is_cut=False)
        begun_s, told_s, first_s = time.monotonic(), time.monotonic(), 0.0
        while not fleet.is_all_in():
            now_s = time.monotonic()
            most_mb = max(most_mb, hub.rss_mb())
            first_s = first_s or (now_s - begun_s if fleet.stored_bytes() else 0.0)
            if now_s - told_s > 5:
                share = fleet.stored_bytes() / fleet.written_bytes
                print(f"  after {now_s - begun_s:.0f} s: {share:.0%}, {fleet.online} online")
                told_s = now_s
            time.sleep(0.1)
        took_s = time.monotonic() - begun_s
        cpu_s = hub.cpu_s() - cpu_s
        print(
            f"{fleet.written_lines} lines of {fleet.boxes} boxes ({fleet.written_bytes / 1e6:.0f} MB): first "
            f"ones after {first_s:.1f} s, all after {took_s:.1f} s; hub {cpu_s:.1f} CPU s "
            f"({cpu_s / fleet.written_lines * 1e6:.0f} µs a line), at most {most_mb:.0f} MB"
        )
        fleet.check()
        return report("fleet_return_s", took_s, MOST_RETURN_S, f"{MOST_RETURN_S:g} s", 1.0)

    def _killed(self, what: str, kill: Callable[[int], None]) -> None:
        begun_s = time.monotonic()
        for number in range(self.kills):
            self._when_storing()
            kill(number)
        print(f"{self.kills} kills of {what}: {time.monotonic() - begun_s:.0f} s")

    def _kill_hub(self, _: int) -> None:
        self.fleet.hub.kill()
        self.fleet.hub.start()

    def _kill_boxes(self, number: int) -> None:
        group = self.fleet.groups[number % len(self.fleet.groups)]
        _until(lambda: group.online == group.count, "its boxes to be online")
        group.kill()
        group.start()

    def _power_cut(self) -> None:
        fleet = self.fleet
        before = fleet.stored_bytes()
        if self.postgres is not None:
            self.postgres.cut_power()
        fleet.hub.kill()
        if fleet.nats is not None:
            fleet.nats.kill()
            shutil.rmtree(self.store)
            shutil.copytree(self.folder / "store-before", self.store)
        if self.postgres is not None:
            self.postgres.start()
        else:
            fleet.hub.put_back(self.folder / "hub-before.db")
        print(f"power cut: the hub has lost {(before - fleet.stored_bytes()) / 1000:.0f} kB of lines")
        if fleet.nats is not None:
            fleet.nats.start()
        fleet.hub.start()

    def _copy(self) -> None:
        if self.postgres is None:
            self.fleet.hub.copy_to(self.folder / "hub-before.db")
        if self.fleet.nats is not None:
            shutil.copytree(self.store, self.folder / "store-before")

    @contextlib.contextmanager
    def _happening(self, hour: int) -> Iterator[None]:
        """Let an hour happen meanwhile, part by part; the rest of it at the end."""
        parts, ending = self.fleet.write_hour(hour, HOUR_PARTS), threading.Event()

        def write() -> None:
            for _ in parts:
                ending.wait(0.5)

        thread = threading.Thread(target=write, name="what happens")
        thread.start()
        try:
            yield
        finally:
            ending.set()
            thread.join()

    def _when_storing(self) -> None:
        """Wait until the hub has stored something new, and a random moment more."""
        before = self.fleet.stored_bytes()
        _until(lambda: self.fleet.stored_bytes() > before, "the hub to store lines")
        time.sleep(random.uniform(0, 0.5))

    def _wait_until(self, mono_s: float) -> None:
        while time.monotonic() < mono_s:
            time.sleep(0.5)


def _until(is_true: Callable[[], bool], what: str) -> None:
    ends_s = time.monotonic() + PATIENCE_S
    while not is_true():
        if time.monotonic() > ends_s:
            raise AssertionError(f"not within {PATIENCE_S:g} s: {what}")
        time.sleep(0.05)


def campaign(folder: Path, by: Carrier, index: Index, boxes: int, kills: int, cut_s: float) -> bool:
    """Return whether all was there in time. Raises AssertionError: a line is missing."""
    with ExitStack() as stack:
        store, nats, postgres = folder / "store", None, None
        if by == "nats":
            nats = stack.enter_context(_nats(store))
        if index == "postgresql":
            postgres = stack.enter_context(postgres_server("synchronous_commit=off", "wal_writer_delay=10s"))
        size = -(-boxes // MOST_PROCESSES)
        counts = [min(size, boxes - first) for first in range(0, boxes, size)]
        database = postgres.new_database() if postgres is not None else ""
        fleet = stack.enter_context(many_boxes(folder, [(by, count) for count in counts], nats, database))
        return Campaign(fleet, folder, kills, cut_s, postgres, store).run()


@contextlib.contextmanager
def _nats(store: Path) -> Iterator[NatsServer]:
    with nats_server(f'jetstream {{ store_dir: "{store}" }}\n') as server:
        yield server


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--by", choices=("websocket", "nats"), default="websocket")
    asked.add_argument("--index", choices=("sqlite", "postgresql"), default="sqlite")
    asked.add_argument("--boxes", type=int, default=50)
    asked.add_argument("--kills", type=int, default=20)
    asked.add_argument("--cut", type=float, default=100.0, help="s for which the lines are cut")
    args = asked.parse_args()
    random.seed(1)
    with tempfile.TemporaryDirectory(prefix="tawny-return-") as made:
        is_good = campaign(Path(made), args.by, args.index, args.boxes, args.kills, args.cut)
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())

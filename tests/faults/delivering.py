"""Deliveries of three kinds to a real server over a line that may fail, on a clock that only waiting moves."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tawny.delivery.courier import Courier, DeliveryRoute
from tawny.delivery.delivery import Delivery, DeliveryKind, DeliveryState
from tawny.delivery.destination import Destination, DestinationContext, FileCarrier
from tawny.delivery.destinations.ftp import Ftp
from tawny.delivery.destinations.sftp import Sftp
from tawny.delivery.destinations.webdav import WebDav
from tawny.delivery.outbox import Outbox
from tawny.testing.clock import FakeClock
from tawny.testing.contracts.destination import MemoryContent
from tests.delivery.carried import delivery

SIZES = {DeliveryKind.PICTURE: 40_000, DeliveryKind.CLIP: 900_000, DeliveryKind.FOOTAGE: 1_500_000}
Tree = Callable[[], dict[str, bytes]]


def data_of(name: str) -> bytes:
    kind = DeliveryKind(name.partition("/")[0])
    return hashlib.shake_128(name.encode()).digest(SIZES[kind])


def content(one: Delivery) -> MemoryContent:
    data = data_of(one.name)
    return MemoryContent(data, sha256=hashlib.sha256(data).hexdigest())


@dataclass
class Place:
    """A real server. url: with its port as `{port}`; tree: what it has, by name."""

    kind: Destination
    url: str
    port: int
    tree: Tree
    table: dict[str, Any] = field(default_factory=dict)

    @property
    def shows_only_whole(self) -> bool:
        """Whether a file has another name until it was looked at."""
        return isinstance(self.kind, Ftp | Sftp | WebDav)


class Delivering:
    """Three events: a picture, a clip and footage of each wait in an outbox on a disk."""

    def __init__(self, place: Place, folder: Path, port: int) -> None:
        self.place, self.folder, self.port, self.clock = place, folder, port, FakeClock()
        self.arrived: list[str] = []
        self.outbox = Outbox(folder / "outbox.db", self.clock)
        kinds = (DeliveryKind.FOOTAGE, DeliveryKind.CLIP, DeliveryKind.PICTURE)
        self.names = [f"{kind}/{number}.bin" for number in range(3) for kind in kinds]
        made = [delivery(name, DeliveryKind(name.partition("/")[0]), at_ms=at) for at, name in enumerate(self.names)]
        self.outbox.add(made)
        self.courier = self.again()

    def again(self) -> Courier:
        """As after a start."""
        url = self.place.url.format(port=self.port)
        opening = DestinationContext("offsite", url, self.place.kind.settings(url, self.place.table), self.clock)
        route = DeliveryRoute("offsite", lambda: FileCarrier(self.place.kind.connect(opening), "offsite"), content)
        return Courier(1, route, self.outbox, self.clock, lambda one: self.arrived.append(one.name))

    def work(self, *, steps: int = 200, done: Callable[[], bool] = lambda: False) -> None:
        """Until nothing waits, or that; the clock goes on as long as the courier wants to wait."""
        for _ in range(steps):
            if done() or not self.outbox.waiting().count:
                return
            self.clock.advance(self.courier.step())
        raise AssertionError(f"still waiting: {self.outbox.waiting()}, {self.outbox.trouble('offsite')}")

    def try_each(self) -> None:
        """As often as there are deliveries, whatever comes of it."""
        for _ in self.names:
            self.clock.advance(self.courier.step())

    def waiting_again(self, one: Delivery) -> Delivery:
        return replace(one, state=DeliveryState.WAITING, tries=0, next_ms=0, done_ms=None)

    def assert_all_arrived(self) -> None:
        """Each once, whole, under its name; nothing else; and the outbox knows it."""
        there = self.place.tree()
        assert sorted(there) == sorted(self.names)
        assert [name for name in self.names if there[name] != data_of(name)] == []
        assert sorted(self.arrived) == sorted(self.names)
        assert {one.state for one in self.outbox.ended("offsite", 100)} == {DeliveryState.DONE}

    def assert_in_order(self) -> None:
        """The most important first."""
        ranks = [DeliveryKind(name.partition("/")[0]).rank for name in self.arrived]
        assert ranks == sorted(ranks)


@contextmanager
def delivering(place: Place, folder: Path, port: int) -> Iterator[Delivering]:
    made = Delivering(place, folder, port)
    try:
        yield made
    finally:
        made.courier.close()
        made.outbox.close()


def tree_of(folder: Path) -> dict[str, bytes]:
    """Of a server that keeps plain files; what has only begun is left out, and what is just being replaced."""
    found: dict[str, bytes] = {}
    for path in folder.rglob("*"):
        if ".begun" in path.parts or path.name.endswith((".part", ".tmp")) or not path.is_file():
            continue
        with suppress(FileNotFoundError):
            found[path.relative_to(folder).as_posix()] = path.read_bytes()
    return found

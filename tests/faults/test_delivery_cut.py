"""The power goes at any instant of delivering: before and after every write of the outbox, and at every portion sent.

What the outbox has committed is there afterwards (tests/faults/test_ext4.py shows that of SQLite), and what the other
side has taken stays taken. So each instant is made by ending there, and beginning again from the files.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tawny.delivery.courier import Courier, DeliveryRoute
from tawny.delivery.delivery import Delivery, DeliveryKind, DeliveryState
from tawny.delivery.destination import DestinationContext, FileCarrier
from tawny.delivery.destinations.folder import FolderDestination
from tawny.delivery.outbox import Outbox
from tawny.testing.clock import FakeClock
from tawny.testing.contracts.destination import MemoryContent
from tests.delivery.carried import delivery

NAMES = ("clip/1.mp4", "picture/1.jpg", "footage/1.mp4", "picture/2.jpg", "clip/2.mp4", "footage/2.mp4", "clip/3.mp4")


class PowerCut(BaseException):
    """Nobody catches it."""


class Instants:
    """Counts what happens, and cuts at one of them. cut_at 0: never."""

    def __init__(self, cut_at: int) -> None:
        self.cut_at, self.count = cut_at, 0

    def pass_by(self) -> None:
        self.count += 1
        if self.count == self.cut_at:
            raise PowerCut

    def around(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def called(*words: Any) -> Any:
            self.pass_by()
            done = method(*words)
            self.pass_by()
            return done

        return called


def data_of(name: str) -> bytes:
    return hashlib.shake_128(name.encode()).digest(300_000)


class Content(MemoryContent):
    def __init__(self, name: str, instants: Instants) -> None:
        super().__init__(data_of(name), sha256=hashlib.sha256(data_of(name)).hexdigest())
        self.instants = instants

    def read(self, offset: int, size_bytes: int) -> bytes:
        self.instants.pass_by()
        return super().read(offset, size_bytes)


def life(path: Path, folder: Path, instants: Instants, arrived: list[Delivery]) -> bool:
    """Deliver until nothing waits; False when the power went before."""
    clock = FakeClock()
    outbox = Outbox(path, clock)
    for name in ("take", "note", "done", "failed"):
        setattr(outbox, name, instants.around(getattr(outbox, name)))
    opening = DestinationContext("nas", f"folder:{folder}", {"allow_any_folder": True}, clock)  # in memory: /dev/shm
    route = DeliveryRoute(
        "offsite",
        lambda: FileCarrier(FolderDestination().connect(opening), "nas"),
        lambda one: Content(one.name, instants),
    )
    courier = Courier(1, route, outbox, clock, arrived.append)
    try:
        while outbox.waiting().count:
            clock.advance(courier.step())
    except PowerCut:
        return False
    finally:
        outbox.close()
    return True


def cut_at(instant: int, root: Path) -> bool:
    """Cut at one instant, begin again, and look at all. False when there are not so many instants."""
    path, folder, arrived = root / "outbox.db", root / "nas", list[Delivery]()
    folder.mkdir(parents=True)
    outbox = Outbox(path, FakeClock())
    outbox.add([delivery(name, DeliveryKind(name.partition("/")[0]), at_ms=at) for at, name in enumerate(NAMES)])
    outbox.close()
    was_whole = life(path, folder, Instants(instant), arrived)
    if not was_whole:
        assert life(path, folder, Instants(0), arrived)
    found = {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    assert found == {name: data_of(name) for name in NAMES}, instant
    ranks = [one.what.rank for one in arrived]
    assert ranks == sorted(ranks), instant
    after = Outbox(path, FakeClock())
    assert {one.name: one.state for one in after.ended("offsite", 100)} == dict.fromkeys(NAMES, DeliveryState.DONE), (
        instant
    )
    after.close()
    return not was_whole


def test_at_any_instant_each_arrives_once_whole_and_in_order(quick_folder: Path) -> None:
    for number in range(1, 1000):
        if not cut_at(number, quick_folder / str(number)):
            assert number > 50
            return
    pytest.fail("it never came to an end")

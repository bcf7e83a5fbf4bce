"""The disk's room: how much there is, how long it will last. One actor."""

import logging
from collections.abc import Callable

from tawny.app.forecast import keeps_days
from tawny.config.settings import Keep
from tawny.engine import Engine, Handle
from tawny.model.clock import Clock
from tawny.storage.index import Index
from tawny.storage.ledger import Ledger
from tawny.storage.volume import Volume
from tawny.web.recorder import Disk, Warn

log = logging.getLogger(__name__)

LOOK_S = 20.0


class Room:
    def __init__(self, volume: Volume, index: Index, ledger: Ledger, clock: Clock) -> None:
        self._volume, self._index, self._ledger, self._clock = volume, index, ledger, clock
        self._handle: Handle | None = None
        self._keep: Callable[[], Keep] = Keep
        self.figures: Disk | None = None
        self.warnings: list[Warn] = []

    def start(self, engine: Engine, keep: Callable[[], Keep]) -> None:
        self._keep = keep
        self._handle = engine.start("room", lambda: _Looking(self))

    def make_room_soon(self) -> None:
        if self._handle is not None:
            self._handle.wake()

    def look(self) -> None:
        space = self._volume.space()
        used = self._index.size_bytes()
        self.figures = Disk(space.free_bytes, space.total_bytes, used, None, keeps_days(self._keep(), space, used, 0))


class _Looking:
    name = "room"

    def __init__(self, room: Room) -> None:
        self._room = room

    def step(self) -> float:
        self._room.look()
        return LOOK_S

    def close(self) -> None:
        """Nothing is held."""

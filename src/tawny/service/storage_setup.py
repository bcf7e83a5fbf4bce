"""What a recorder stores in: a folder that is its own, or memory alone, of which nothing is ever on any disk."""

import logging
import resource
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Protocol

from tawny.config.settings import Settings
from tawny.model.clock import Clock
from tawny.model.errors import DiskFull, StorageError
from tawny.recorder.recorder import BufferLimits
from tawny.storage.disk.lock import LockHolder
from tawny.storage.disk.memory_disk import RamDisk
from tawny.storage.disk.secondary_volumes import VolumeUse, expect_itself, join
from tawny.storage.disk.volume import Volume
from tawny.storage.history.journal import HistoryJournal, HistoryLine
from tawny.storage.index.memory_index import MemoryIndex
from tawny.storage.index.opening import index_to_write
from tawny.storage.index.protocol import Index
from tawny.storage.retention.runner import EVERY_S, LEAST_S

log = logging.getLogger(__name__)

MEMORY_SEGMENT_S: Final = 10.0
"""In memory files are short: what is being written cannot be removed."""
MEMORY_EVERY_S: Final = 1.0
MOST_NUMBERS: Final = 65_536
"""So many descriptors this process may have then, if the system allows it."""
FILES_SHARE: Final = 4
"""One in so many of the process's descriptors may be a file in memory; removed ones need some, too."""


class VolumeHolder(Protocol):
    """That it is ours alone. before: who held it last."""

    before: LockHolder | None

    def pulse(self, now_ms: int) -> None: ...
    def release(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Store:
    """every_s, least_s: of retention. most_files: None: as many as fit."""

    volume: Volume
    lock: VolumeHolder
    history: HistoryJournal
    index: Index
    limits: BufferLimits
    every_s: float = EVERY_S
    least_s: float = LEAST_S
    most_files: int | None = None
    others: tuple["VolumeChoice", ...] = ()
    """Tiers, earliest first, and the spare."""
    mirror: Path | None = None
    """Where all goes a second time."""


@dataclass(frozen=True, slots=True)
class VolumeChoice:
    """A volume that the settings name. after_s: the age at which segments move there, of a tier. volume: None while it
    is not there; error says why."""

    root: Path
    use: VolumeUse
    after_s: float = 0.0
    volume: Volume | None = None
    error: StorageError | None = None


class _Alone:
    """Memory is nobody else's."""

    before: LockHolder | None = None

    def pulse(self, now_ms: int) -> None:
        """Nobody asks later."""

    def release(self) -> None:
        """Nothing is held."""


class _NoHistory(HistoryJournal):
    """Nothing outlives the process, so nothing is written down for later; the index has it all."""

    def write(self, lines: Iterable[HistoryLine]) -> None:
        """Forget it."""


def open_store(settings: Settings, folder: Path, clock: Clock) -> Store:
    """Raises FolderUnwritable, FolderInUse, DiskFull, StorageError."""
    if settings.storage.mode == "memory":
        return _in_memory(settings.storage.memory, clock)
    volume = Volume.at(folder)
    lock = volume.lock(clock)
    with suppress(DiskFull):  # then it is not told from another one until there is room
        volume.check_writable()
        expect_itself(volume)
    history = HistoryJournal(volume.disk)
    chosen = settings.storage.mirror
    return Store(
        volume,
        lock,
        history,
        index_to_write(volume, history),
        _limits(settings.storage.buffer),
        others=tuple(_others(settings, volume)),
        mirror=Path(chosen).expanduser() if chosen else None,
    )


def _limits(buffer_s: float) -> BufferLimits:
    """What waits may be as large as usual video of that time, or twice that."""
    usual = BufferLimits()
    return BufferLimits(buffer_s, round(usual.waiting_bytes * max(1.0, buffer_s / usual.waiting_s)))


def _others(settings: Settings, volume: Volume) -> Iterator[VolumeChoice]:
    """Recording goes on without those that are not there."""
    for tier in sorted(settings.storage.tiers, key=lambda one: one.after):
        yield _joined(volume, VolumeChoice(Path(tier.path).expanduser(), VolumeUse.TIER, tier.after))
    if settings.storage.spare:
        yield _joined(volume, VolumeChoice(Path(settings.storage.spare).expanduser(), VolumeUse.SPARE))


def _joined(volume: Volume, chosen: VolumeChoice) -> VolumeChoice:
    try:
        return replace(chosen, volume=join(volume, chosen.root, chosen.use))
    except StorageError as error:
        log.error("%s", error)
        return replace(chosen, error=error)


def _in_memory(size_bytes: int, clock: Clock) -> Store:
    sys.dont_write_bytecode = True
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    numbers = MOST_NUMBERS if most == resource.RLIM_INFINITY else min(most, MOST_NUMBERS)
    resource.setrlimit(resource.RLIMIT_NOFILE, (numbers, most))
    disk = RamDisk(size_bytes, clock)
    return Store(
        volume=Volume(disk),
        lock=_Alone(),
        history=_NoHistory(disk),
        index=MemoryIndex(),
        limits=BufferLimits(segment_s=MEMORY_SEGMENT_S),
        every_s=MEMORY_EVERY_S,
        least_s=0.0,
        most_files=numbers // FILES_SHARE,
    )

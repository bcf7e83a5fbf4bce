"""Storage setup: opens the recorder's folder, or volatile memory that never reaches a disk."""

import logging
import resource
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Final, TypeVar

from tawny.config.retention import TierSettings
from tawny.config.settings import Settings
from tawny.model.errors import ArchiveAway, ArchiveUnlisted, DiskFull, StorageError
from tawny.model.times import Clock
from tawny.recorder.recorder import BufferLimits
from tawny.recorder.segmenter import SEGMENT_BYTES
from tawny.storage.archive.archive_disk import ArchiveSettings
from tawny.storage.disk.lock import LockHolder
from tawny.storage.disk.memory_disk import RamDisk
from tawny.storage.disk.secondary_volumes import (
    Archives,
    ClosedBucket,
    VolumeUse,
    attach,
    attach_archive,
    expect_itself,
    forget_mirrors,
    former,
    join,
)
from tawny.storage.disk.secondary_volumes import others as registered
from tawny.storage.disk.volume import Volume
from tawny.storage.history.ledger import HistoryJournal, HistoryLine
from tawny.storage.history.signed_history import SignedHistory
from tawny.storage.index.memory_index import MemoryIndex
from tawny.storage.index.opening import free_for_start, index_to_write
from tawny.storage.index.protocol import Index
from tawny.storage.retention.runner import RetentionPace

log = logging.getLogger(__name__)
_Opened = TypeVar("_Opened")

MEMORY_SEGMENT_S: Final = 10.0
"""Segment length, s, in memory mode. Short, because an open segment cannot be removed."""
MEMORY_EVERY_S: Final = 1.0
MOST_NUMBERS: Final = 65_536
"""Maximum count of file descriptors in memory mode, if the system allows it."""
FILES_SHARE: Final = 4
"""At most 1/FILES_SHARE of the descriptors are files in memory; removed files still need some."""


@dataclass(frozen=True, slots=True)
class Store:
    """Opened storage. pace: of retention.

    before: the previous holder of the volume's lock, if any. pulse: writes the lock's heartbeat at a time, ms UTC.
    Storage in memory has no lock: no other process can access it.
    """

    volume: Volume
    history: HistoryJournal
    index: Index
    limits: BufferLimits
    before: LockHolder | None = None
    pulse: Callable[[int], None] = lambda _now_ms: None
    release: Callable[[], None] = lambda: None
    pace: RetentionPace = field(default_factory=RetentionPace)
    others: tuple["VolumeChoice", ...] = ()
    """Tiers, earliest first, and the spare."""
    mirror: Path | None = None
    """Folder of the mirror; None: not configured."""


@dataclass(frozen=True, slots=True)
class VolumeChoice:
    """A configured secondary volume.

    after_s: age at which segments move to this tier, s. volume: None while not available; error says why.
    """

    root: Path
    use: VolumeUse
    after_s: float = 0.0
    volume: Volume | None = None
    error: StorageError | None = None
    archive: ArchiveSettings | None = None
    """Access to a bucket; None: `root` is a folder."""
    taken: tuple[Path, ...] = ()
    """Folders with another use."""
    is_former: bool = False
    """No longer configured: its recordings are only read and deleted."""

    @property
    def takes_segments(self) -> bool:
        """Whether older segments move there."""
        return self.use is VolumeUse.TIER and not self.is_former

    @property
    def name(self) -> str:
        """The folder, or the address of a bucket without credentials."""
        return str(self.root) if self.archive is None else self.archive.bucket.name


class _NoHistory(HistoryJournal):
    """History journal of memory storage. Nothing survives the process; the index contains everything."""

    def write(self, lines: Iterable[HistoryLine]) -> None:
        """Discard the lines."""


def open_store(
    settings: Settings, folder: Path, clock: Clock, recipients: Callable[[], Sequence[str]] = tuple
) -> Store:
    """Open the storage. Raises FolderUnwritable, FolderInUse, DiskFull and StorageError.

    recipients: returns the short names of the keys that can open what is encrypted now.
    """
    if settings.storage.mode == "memory":
        return _in_memory(settings.storage.memory, clock)
    unsigned = Volume.at(folder)
    lock, disk = _with_room(unsigned, lambda: unsigned.lock(clock)), unsigned.disk
    with suppress(DiskFull):  # when full, the volume stays unmarked until space is free
        unsigned.check_writable()
        expect_itself(unsigned)
    signed = _with_room(unsigned, lambda: SignedHistory.opened(disk, clock.now_ms(), recipients))
    volume = Volume(disk, signed)
    history = HistoryJournal(disk)
    mirror = Path(settings.storage.mirror).expanduser() if settings.storage.mirror else None
    with suppress(DiskFull):
        forget_mirrors(volume, mirror)
    chosen = tuple(_others(settings, volume, clock))
    named = {one.name for one in chosen} | ({str(mirror)} if mirror is not None else set())
    if any(one.archive is not None and one.error is not None for one in chosen):  # it may be any of these
        named |= {one.path for one in registered(volume) if one.is_archive}
    others = (*chosen, *_former(volume, named))  # first: an index that is made again lists their files too
    return Store(
        volume,
        history,
        index_to_write(volume, history, frees=True),
        _limits(settings.storage.buffer),
        lock.before,
        lock.pulse,
        lock.release,
        others=others,
        mirror=mirror,
    )


def _with_room(volume: Volume, opened: Callable[[], _Opened]) -> _Opened:
    """Return what is opened; on a full disk, after freeing space for it. Raises StorageError."""
    try:
        return opened()
    except DiskFull:
        free_for_start(volume)
        return opened()


def _limits(buffer_s: float) -> BufferLimits:
    """Return the buffer limits for this duration; the size limit grows with the duration."""
    usual = BufferLimits()
    return BufferLimits(buffer_s, round(usual.waiting_bytes * max(1.0, buffer_s / usual.waiting_s)))


def _others(settings: Settings, volume: Volume, clock: Clock) -> Iterator[VolumeChoice]:
    """Yield the secondary volumes. Recording continues without missing ones."""
    taken = [Path(settings.storage.mirror).expanduser()] if settings.storage.mirror else []
    for tier in sorted(settings.storage.tiers, key=lambda one: one.after):
        if tier.url:
            yield _archived(volume, tier, clock)
            continue
        root = Path(tier.path).expanduser()
        yield _joined(volume, VolumeChoice(root, VolumeUse.TIER, tier.after, taken=tuple(taken)))
        taken.append(root)
    if settings.storage.spare:
        root = Path(settings.storage.spare).expanduser()
        yield _joined(volume, VolumeChoice(root, VolumeUse.SPARE, taken=tuple(taken)))


def _former(volume: Volume, named: Collection[str]) -> Iterator[VolumeChoice]:
    """Yield the volumes that are no longer `named` and have recordings, attached."""
    for one in former(volume, named):
        made = VolumeChoice(Path(one.path), VolumeUse.TIER, is_former=True)
        try:
            yield replace(made, volume=attach(volume, made.root, made.use, is_former=True))
        except StorageError as error:
            log.error("%s", error)
            yield replace(made, error=error)


def _archived(volume: Volume, tier: TierSettings, clock: Clock) -> VolumeChoice:
    """Attach an archive without a request. One that is not registered yet is joined once the recorder runs."""
    try:
        chosen = VolumeChoice(Path(), VolumeUse.TIER, tier.after, archive=archive_of(tier, clock))
        assert chosen.archive is not None
        return replace(chosen, volume=attach_archive(volume, chosen.archive))
    except ArchiveUnlisted:
        return chosen
    except StorageError as error:
        log.error("%s", error)
        closed = ArchiveSettings(ClosedBucket(error.where), 0)
        return VolumeChoice(Path(), VolumeUse.TIER, tier.after, error=error, archive=closed)


def archive_of(tier: TierSettings, clock: Clock) -> ArchiveSettings:
    """Return access to the bucket of a tier. Raises ArchiveAway if the package for it is not installed."""
    try:
        s3 = import_module("tawny.delivery.destinations.s3")
    except ImportError as error:
        raise ArchiveAway("at S3", "boto3 is not installed: `pip install 'tawny[s3]'`") from error
    return ArchiveSettings(s3.S3Archive(tier.url, clock), tier.cache)


def archives(settings: Settings, clock: Clock) -> Archives:
    """Return access to the archives of the settings, for `attach_all`."""

    def named(name: str) -> ArchiveSettings | None:
        made = (archive_of(tier, clock) for tier in settings.storage.tiers if tier.url)
        return next((one for one in made if one.bucket.name == name), None)

    return named


def _joined(volume: Volume, chosen: VolumeChoice) -> VolumeChoice:
    try:
        return replace(chosen, volume=join(volume, chosen.root, chosen.use, taken=chosen.taken))
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
        history=_NoHistory(disk),
        index=MemoryIndex(),
        limits=BufferLimits(segment_s=MEMORY_SEGMENT_S, segment_bytes=SEGMENT_BYTES),
        pace=RetentionPace(every_s=MEMORY_EVERY_S, least_s=0.0, most_files=numbers // FILES_SHARE),
    )

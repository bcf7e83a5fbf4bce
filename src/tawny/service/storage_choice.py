"""The disks that recordings can go to, and the choice of one of them with how long recordings stay.

Another folder takes effect when tawny starts again, because the folder also has the index, the history and the
accounts. The accounts go with it; recordings made so far stay where they are.
"""

import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from tawny.config.changes import retention_to_table
from tawny.config.settings import Settings
from tawny.config.units import size_text
from tawny.model.errors import NotDone, Problem, SettingsError
from tawny.service.changeable_settings import ChangeableSettings
from tawny.service.retention.forecast import DAY_S
from tawny.service.retention.retention_service import RetentionRequest, RetentionService, StoredRecordings
from tawny.storage.disk.lock import check_locks
from tawny.storage.disk.secondary_volumes import unescaped
from tawny.storage.disk.volume import refused_folder

FOLDER: Final = "tawny"
LEAST_BYTES: Final = 1_000_000_000
"""Smaller file systems, such as those for starting the computer, aren't offered."""
_NETWORK: Final = ("nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "9p", "afs", "ceph", "glusterfs")
_LOCAL: Final = ("ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "vfat", "exfat", "ntfs", "ntfs3", "fuseblk", "zfs",
    "bcachefs", "jfs", "reiserfs", "hfsplus")  # fmt: skip
_HIDDEN: Final = ("/boot", "/efi", "/snap", "/var/lib/docker", "/etc", "/run/netns", "/nix", "/recovery")
ADVICE: Final = {
    "sd-card": "Wears out: recording writes all the time. A USB disk lasts longer.",
    "usb-stick": "Wears out: recording writes all the time. A USB disk lasts longer.",
    "network": "A network drive: recordings have gaps while the network or the other computer fails.",
}
"""What a person should know of a kind of disk before choosing it."""


@dataclass(frozen=True, slots=True)
class Disk:
    """A mounted file system. kind: sd-card, usb-stick, usb-disk, ssd, hdd, network or disk."""

    mount: Path
    kind: str
    model: str = ""


@dataclass(frozen=True, slots=True)
class DiskChoice:
    """path: the folder for recordings on it. problem, fix: why it can't be used, and the command that changes that."""

    path: str
    mount: str
    kind: str
    model: str
    total_bytes: int
    free_bytes: int
    is_current: bool
    advice: str = ""
    problem: str = ""
    fix: str = ""
    fits_days: float | None = None


@dataclass(frozen=True, slots=True)
class StorageChoices:
    """What can be chosen, and what is.

    path: the folder in use. next_path: the folder after the next start, if it is another. day_bytes: what the cameras
    record in a day; None if unknown. is_measured: over an hour at least. recorded_bytes: recordings in the folder.
    min_days, max_days, max_bytes: minimum and maximum retention. fixed: why nothing can be changed here; may be empty.
    """

    path: str
    next_path: str
    disks: tuple[DiskChoice, ...]
    day_bytes: float | None
    is_measured: bool
    recorded_bytes: int
    min_days: float
    max_days: float
    max_bytes: int | None
    fixed: str


class StorageChoiceService:
    """Lists disks, and changes `[storage]`. Thread-safe; calls wait for the disk.

    folder: where this run records; None: in memory. bring: copies accounts and setup into another folder, before it is
    used. Raises StorageError.
    """

    def __init__(
        self,
        settings: ChangeableSettings,
        kept: StoredRecordings,
        retention: RetentionService,
        folder: Path | None,
        bring: Callable[[Path], None],
        disks: Callable[[], Iterable[Disk]] | None = None,
    ) -> None:
        self._settings, self._kept, self._retention, self._folder = settings, kept, retention, folder
        self._bring, self._disks = bring, mounted_disks if disks is None else disks
        self._lock = threading.Lock()

    @property
    def fixed(self) -> str:
        """Why the folder can't be changed here; empty if it can."""
        if self._folder is None:
            return "tawny records to memory."
        if self._settings.file is None:
            return "These settings aren't in a file. Create one with `tawny init` and restart tawny with it."
        return ""

    def now(self) -> StorageChoices:
        settings, figures = self._settings.now(), self._kept.room.figures
        rates = self._kept.room.rates()
        day_bytes = sum(rate for rate, _ in rates.values()) * DAY_S if rates else None
        retention, folder = settings.storage.retention, self._folder
        path = "" if folder is None else str(folder)
        wanted = str(Path(settings.storage.path).expanduser()) if settings.storage.path else path
        used_bytes = self._kept.index.size_bytes()
        return StorageChoices(
            path=path,
            next_path="" if wanted == path else wanted,
            disks=() if folder is None else tuple(self._choices(folder, settings, day_bytes, used_bytes)),
            day_bytes=day_bytes,
            is_measured=figures is not None and figures.fits is not None,
            recorded_bytes=used_bytes,
            min_days=retention.min / DAY_S,
            max_days=retention.max / DAY_S,
            max_bytes=retention.max_size,
            fixed=self.fixed,
        )

    def change(self, *, path: str | None = None, days: float | None = None, size: str | None = None) -> bool:
        """Write what is given; return whether tawny must start again for it.

        days: maximum retention; the minimum becomes shorter if needed. size: space limit; empty: none.
        Raises SettingsError, NotDone, FolderUnwritable and StorageError: nothing is changed then.
        """
        if self.fixed:
            raise NotDone("The storage can't be changed here.", self.fixed)
        with self._lock:
            folder = None if path is None else self._usable(path)
            if days is not None or size is not None:
                with self._settings.changing():
                    self._keep(days, size)
            if folder is None or self._folder is None or folder == self._folder.absolute():
                return False
            self._bring(folder)
            self._settings.put("storage", {"path": str(folder)})
        return True

    # --- internal

    def _usable(self, path: str) -> Path:
        """Return the folder, made if necessary, that tawny can write. Raises SettingsError, NotDone, StorageError."""
        folder = Path(path)
        if not folder.is_absolute() or ".." in folder.parts or "\0" in path or len(path) > 1000:
            raise SettingsError("your input", (Problem("path", path[:80], "a folder such as /mnt/disk/tawny"),))
        if self._folder is not None and folder == self._folder.absolute():
            return folder
        disk = _disk_of(folder, self._disks())
        if disk is None:
            raise NotDone(f"{folder} is on no disk that is connected.", "Connect the disk, or choose another folder.")
        try:
            with suppress(FileNotFoundError, NotADirectoryError):
                folder.stat()
        except OSError as error:
            raise refused_folder(error, str(folder)) from None
        if folder.exists() and (not folder.is_dir() or not _is_ours_or_empty(folder)):
            raise NotDone(f"{folder} has other files in it.", "Choose an empty folder, or one that doesn't exist yet.")
        if problem := _why_not(folder):
            raise NotDone(f"tawny can't write to {folder}.", _fix(folder) or problem)
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise refused_folder(error, str(folder)) from None
        check_locks(folder)  # without them tawny would not start again
        return folder

    def _keep(self, days: float | None, size: str | None) -> None:
        """Change retention, unless that would delete recordings. Called with `changing` held."""
        now = self._settings.now().storage.retention
        words = retention_to_table(now)
        if size is not None:
            words.pop("max_size", None)
            words |= {"max_size": size} if size else {}
        if days is not None:
            words["max"] = _days(days)
            if now.min > days * DAY_S:
                words["min"] = _days(days)
            words["events"] = {kind: _days(min(value / DAY_S, days)) for kind, value in now.events.items()}
        request = RetentionRequest(words, {})
        stays = {one.segment.id for one in self._retention.plan(None, 0.0).removals}
        if any(one.segment.id not in stays for one in self._retention.plan(request, 0.0).removals):
            raise NotDone("This would delete recordings now.", "Do it under Settings, Storage, which shows them first.")
        self._retention.change(request)

    def _choices(
        self, current: Path, settings: Settings, day_bytes: float | None, used_bytes: int
    ) -> Iterator[DiskChoice]:
        disks = list(self._disks())
        mine = _disk_of(current.absolute(), disks)
        for disk in disks:
            is_current = disk == mine
            folder = current if is_current else _proposed(disk.mount)
            try:
                space = os.statvfs(disk.mount)
            except OSError:
                continue  # unplugged
            total_bytes, free_bytes = space.f_frsize * space.f_blocks, space.f_frsize * space.f_bavail
            if total_bytes < LEAST_BYTES and not is_current:
                continue
            problem = "" if is_current else _why_not(folder)
            choice = DiskChoice(
                str(folder), str(disk.mount), disk.kind, disk.model, total_bytes, free_bytes, is_current,
                ADVICE.get(disk.kind, ""), problem, _fix(folder) if problem else "",
            )  # fmt: skip
            room_bytes = free_bytes - settings.storage.retention.min_free * total_bytes
            room_bytes = max(0.0, room_bytes + (used_bytes if is_current else 0))
            if settings.storage.retention.max_size is not None:
                room_bytes = min(room_bytes, settings.storage.retention.max_size)
            yield choice if not day_bytes else replace(choice, fits_days=room_bytes / day_bytes)


def recordings_stay(path: str, size_bytes: int) -> str:
    """Return the sentence about recordings that another folder leaves behind."""
    return f"The {size_text(size_bytes)} recorded so far stay in {path} and are no longer shown."


def _days(days: float) -> str:
    return f"{days:g} days"


def _proposed(mount: Path) -> Path:
    """Return the folder to use on a disk: never the root of the system's own."""
    if mount != Path("/"):
        return mount / FOLDER
    return Path("/var/lib/tawny") if os.geteuid() == 0 else Path.home() / ".local" / "share" / "tawny"


def _existing(folder: Path) -> Path:
    return next(one for one in (folder, *folder.parents) if one.exists())


def _why_not(folder: Path) -> str:
    """Return why the folder can't be written or created; empty if it can."""
    there = _existing(folder)
    if os.access(there, os.W_OK | os.X_OK, effective_ids=True) and (there == folder or there == folder.parent):
        return ""
    return "tawny may not write here yet."


def _fix(folder: Path) -> str:
    """Return the command that gives the folder to tawny's user; empty where root itself can't write."""
    if os.geteuid() == 0:
        return ""
    return f"sudo install -d -m 700 -o {os.geteuid()} -g {os.getegid()} {folder}"


def _is_ours_or_empty(folder: Path) -> bool:
    with suppress(OSError):
        names = {one.name for one in folder.iterdir()} - {"lost+found"}
        return not names or "history" in names or names <= {"accounts.db", "setup.json"}
    return False


# Mounted disks.


def mounted_disks(mounts: Path = Path("/proc/self/mountinfo"), sys: Path = Path("/sys")) -> list[Disk]:
    """Return the writable file systems on disks and network drives, one for each device, in the order of mounting."""
    found: dict[str, Disk] = {}
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return []
    for line in lines:
        head, _, tail = line.partition(" - ")
        fields, (file_system, _, rest) = head.split(), tail.partition(" ")
        if len(fields) < 6 or not rest:
            continue
        mount, device = Path(unescaped(fields[4])), fields[2]
        is_whole = fields[3] == "/" or file_system in ("btrfs", *_NETWORK)
        if not is_whole or "ro" in fields[5].split(",") or str(mount).startswith(_HIDDEN):
            continue
        if file_system in _NETWORK:
            found.setdefault(rest.split()[0], Disk(mount, "network", unescaped(rest.split()[0])))
        elif file_system in _LOCAL:
            kind, model = device_kind(sys / "dev" / "block" / device)
            found.setdefault(device, Disk(mount, kind, model))
    return list(found.values())


def _disk_of(folder: Path, disks: Iterable[Disk]) -> Disk | None:
    """Return the disk that a folder is on."""
    above = [one for one in disks if one.mount == folder or one.mount in folder.parents]
    return max(above, key=lambda one: len(one.mount.parts), default=None)


def device_kind(block: Path) -> tuple[str, str]:
    """Return kind and model of a block device, by what sysfs says; partitions and mappings by what is below them."""
    with suppress(OSError):
        device = block.resolve(strict=True)
        below = sorted((device / "slaves").iterdir()) if (device / "slaves").is_dir() else []
        if below:
            return device_kind(below[0])
        whole = device.parent if (device / "partition").exists() else device
        is_rotating, is_removable = _text(whole / "queue" / "rotational") == "1", _text(whole / "removable") == "1"
        model = " ".join(_text(whole / "device" / "model").split()) or _text(whole / "device" / "name")
        if whole.name.startswith("mmcblk"):
            is_card = _text(whole / "device" / "type") != "MMC"
            return ("sd-card" if is_card else "ssd"), model
        if any(re.fullmatch(r"usb\d+", part) for part in whole.parts):
            return ("usb-stick" if is_removable and not is_rotating else "usb-disk"), model
        if whole.name.startswith(("vd", "xvd", "loop")):
            return "disk", model
        return ("hdd" if is_rotating else "ssd"), model
    return "disk", ""


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""

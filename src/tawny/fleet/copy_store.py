"""All copies that a hub holds: a folder for each box, and former ones of boxes that began with a new history."""

import logging
import re
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tawny.fleet.copies_folder import CopiesFolder
from tawny.fleet.copy_volume import CopyVolume
from tawny.model.errors import StorageError
from tawny.model.times import Clock
from tawny.storage.disk.disk import turned
from tawny.storage.disk.headroom import DiskHeadroom

log = logging.getLogger(__name__)
MARGIN_SHARE: Final = 0.02
"""Share of the disk by which copies give way before the hub's own recordings would have to be deleted."""
UNREADABLE: Final = "These copies can't be read. Check the disk, or delete these copies."
_MOST_FORMER: Final = 5
_DELETED: Final = "~deleted"
_FINGERPRINT: Final = re.compile(r"[0-9a-f]+")


@dataclass(slots=True)
class CopyState:
    """How far the copies of a box are. problem: why nothing is copied, as a sentence; empty: all is well."""

    id: str
    name: str
    folder: str
    is_former: bool
    """Of a recorder that was replaced, restored from a backup or started with a new disk: nothing is added any more."""
    key: str = ""
    """Public key of the recorder, hexadecimal."""
    waiting_files: int = 0
    waiting_bytes: int = 0
    is_copying: bool = False
    problem: str = ""
    damaged: int = 0
    """Files that the box has damaged."""


@dataclass(slots=True)
class CopiedBox:
    """The copies of a box, and their state."""

    copied: CopyVolume
    state: CopyState
    tries: dict[str, int] = field(default_factory=dict)
    """Number of damaged arrivals, by path."""


class CopyStore:
    """All copies of a hub. Waits for the disk; raises StorageError. Thread-safe, except writing to one box's copies.

    keep_share: returns the share of the disk that the hub's own recordings keep free; 0 for a disk of its own.
    remembered: as in `CopiesFolder`.
    """

    def __init__(
        self, folder: Path, clock: Clock, keep_share: Callable[[], float], remembered: Path | None = None
    ) -> None:
        self.folder, self._clock, self._disk = folder, clock, CopiesFolder(folder, remembered)
        self.room = DiskHeadroom(folder, lambda: keep_share() + MARGIN_SHARE)
        self._open: dict[str, CopiedBox] = {}
        self.unreadable: dict[str, CopyState] = {}
        """Copies that can't be read, by folder."""
        self.problem = ""
        """Why the folder can't be used; `open` tries again."""
        self.open()

    def open(self) -> None:
        """Open all copies. Never raises: `problem` then says why they can't be used."""
        try:
            self._disk.make()
            self._load_all()
        except StorageError as error:
            if self.problem != error.message:
                log.error("recordings of other recorders aren't copied: %s", error)
            self.problem = error.message
        else:
            self.problem = ""

    def _load_all(self) -> None:
        try:
            paths = sorted(self.folder.iterdir())
        except OSError as error:
            raise turned(error, str(self.folder)) from error
        for path in paths:
            if path.name.endswith(_DELETED):
                _delete(path)
            elif path.name not in self._open and (path / "copies.db").is_file():
                with suppress(StorageError):  # it is in the log and in `unreadable`; the others go on
                    self._load(path.name)

    def close(self) -> None:
        while self._open:  # a thread that is about to end may still open one
            with ExitStack() as boxes:  # closes the others also if one fails
                while self._open:
                    boxes.callback(self._open.popitem()[1].copied.close)

    def free_bytes(self) -> int:
        """Return the space for further copies."""
        if self.problem:
            return 0
        try:
            return self.room.free_bytes()
        except OSError as error:
            raise turned(error, str(self.folder)) from error

    def all(self) -> list[CopiedBox]:
        return list(self._open.values())

    def find(self, folder: str) -> CopiedBox | None:
        return self._open.get(folder)

    def of_box(self, box: str, key: bytes, name: str, genesis: str) -> CopiedBox:
        """Return the copies of a box. Those of another recorder, or of its former disk, are put aside."""
        if self.problem:
            raise StorageError(str(self.folder), "the disk that should be there is not")
        about = {"box": box, "key": key.hex(), "genesis": genesis}
        found = self._open.get(box)
        if found is not None:
            known = found.copied.notes.about()
            if {each: known.get(each) for each in about} == about:
                found.state.name = name
                return found
            self.put_aside(box)
        made = self._load(box)
        made.copied.notes.say({**about, "name": name})
        made.state.name, made.state.key = name, key.hex()
        return made

    def remove(self, folder: str) -> bool:
        """Delete the copies of a box. Return False if there are none."""
        found = self._open.pop(folder, None)
        if found is None and self.unreadable.pop(folder, None) is None:
            return False
        if found is not None:
            found.copied.close()
        gone = self.folder / f"{folder}{_DELETED}"
        try:
            (self.folder / folder).rename(gone)  # new copies may begin at once
        except OSError as error:
            raise turned(error, str(self.folder / folder)) from error
        _delete(gone)
        return True

    def _load(self, folder: str) -> CopiedBox:
        place = self.folder / folder
        try:
            place.mkdir(mode=0o750, exist_ok=True)
        except OSError as error:
            raise turned(error, str(place)) from error
        try:
            copied = CopyVolume(place, self._clock)
            about = copied.notes.about()
        except (StorageError, ValueError, KeyError, TypeError, OverflowError) as error:
            log.error("the copies in %s can't be read: %s", place, error)
            state = CopyState(folder.partition("--")[0], folder.partition("--")[0], folder, "--" in folder)
            state.problem = UNREADABLE
            self.unreadable[folder] = state
            raise StorageError(str(place), UNREADABLE) from error
        self.unreadable.pop(folder, None)
        box = str(about.get("box", folder))
        made = CopiedBox(copied, CopyState(box, str(about.get("name", box)), folder, box != folder))
        made.state.key = str(about.get("key", ""))
        self._open[folder] = made
        return made

    def put_aside(self, folder: str) -> None:
        """Keep the copies of a box as they are, as former ones: new ones begin in another folder."""
        former = [one for one in self._open.values() if one.state.is_former and one.state.id == folder]
        if len(former) >= _MOST_FORMER:
            raise StorageError(
                str(self.folder), f"{folder} began with a new history too often; delete its former copies"
            )
        found = self._open.pop(folder, None)
        if found is None:
            raise StorageError(str(self.folder), f"the copies of {folder} were just closed or deleted")
        copied = found.copied
        mark = _mark_of(str(copied.notes.about().get("genesis", "")))
        copied.close()
        target, number = f"{folder}--{mark}", 2
        while (self.folder / target).exists():
            target, number = f"{folder}--{mark}-{number}", number + 1
        (self.folder / folder).rename(self.folder / target)
        self._load(target)


def _mark_of(genesis: str) -> str:
    """Return what names the copies of a former history. genesis: as the box sent it: any text."""
    return genesis[:8] if _FINGERPRINT.fullmatch(genesis) else "before"


def _delete(folder: Path) -> None:
    try:
        for path in sorted(folder.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
        folder.rmdir()
    except OSError as error:
        raise turned(error, str(folder)) from error

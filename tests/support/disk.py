"""An in-memory disk that records all writes, syncs and renames and simulates a power cut before any of them.

Simulates only states that disks and file systems permit. Synced data is present. Data appended since a file's last sync
is missing, partial, torn by sectors, or zeros. Of the directory changes since a folder's last sync, a prefix took
effect. Not thread-safe.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tawny.model.errors import DiskFull, FileMissing, StorageError
from tawny.storage.disk.disk import Bytes, DiskCapacity, FolderEntry, parent_of, parts_of

_SECTOR: Final = 512

State = dict[str, bytes]
"""Content by path."""


@dataclass(slots=True)
class _Inode:
    data: bytearray = field(default_factory=bytearray)


@dataclass(frozen=True, slots=True)
class _Write:
    inode: _Inode
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class _Cut:
    inode: _Inode
    size_bytes: int


@dataclass(frozen=True, slots=True)
class _Sync:
    inode: _Inode


@dataclass(frozen=True, slots=True)
class _Name:
    """From now on `path` refers to this inode, or to none; `instead_of` is removed."""

    path: str
    inode: _Inode | None
    instead_of: str = ""


@dataclass(frozen=True, slots=True)
class _FolderSync:
    folder: str


@dataclass(frozen=True, slots=True)
class _Note:
    what: Any


_Entry = _Write | _Cut | _Sync | _Name | _FolderSync | _Note


class MemoryDisk:
    """An in-memory disk.

    total_bytes: capacity. syncs: False ignores all syncs, like a program without fsync; power-cut tests must fail on
    it. before: called with name and path of each operation; an exception it raises replaces the operation.
    """

    def __init__(self, total_bytes: int = 1 << 40, *, syncs: bool = True) -> None:
        self.root = Path("/memory")
        self.total_bytes, self._syncs = total_bytes, syncs
        self.before: Callable[[str, str], None] = lambda _operation, _path: None
        self._names: dict[str, _Inode] = {}
        self._folders: set[str] = {""}
        self._log: list[_Entry] = []

    # --- power cuts

    def note(self, what: Any) -> None:
        """Record a statement, such as an acknowledgement, at this position in the log."""
        self._log.append(_Note(what))

    @property
    def points(self) -> int:
        """Number of logged operations; power can be cut before each of 0 to `points`."""
        return len(self._log)

    def notes(self, before: int) -> list[Any]:
        """Return the statements recorded before a point."""
        return [entry.what for entry in self._log[:before] if isinstance(entry, _Note)]

    def writes(self, is_one: Callable[[bytes], bool]) -> list[int]:
        """Return the points directly after writes of matching data, before any sync of it."""
        return [at for at, entry in enumerate(self._log, 1) if isinstance(entry, _Write) and is_one(entry.data)]

    def after_cut(self, before: int, seed: int) -> State:
        """Return a possible state after a power cut before this operation. Other seeds give other possibilities."""
        return _AfterCut(self._log[:before], random.Random(seed)).files()

    def after_kill(self, before: int) -> State:
        """Return the state if only the process ended before this operation: all operations took effect, synced or
        not."""
        names: dict[str, _Inode] = {}
        data: dict[int, bytearray] = {}
        for entry in self._log[:before]:
            match entry:
                case _Write() | _Cut():
                    _apply(data.setdefault(id(entry.inode), bytearray()), entry)
                case _Name():
                    names.pop(entry.instead_of, None)
                    names.pop(entry.path, None)
                    if entry.inode is not None:
                        names[entry.path] = entry.inode
                case _:
                    pass
        return {path: bytes(data.get(id(inode), b"")) for path, inode in names.items()}

    @property
    def files(self) -> State:
        """The current files."""
        return {path: bytes(inode.data) for path, inode in self._names.items()}

    # --- disk interface

    def create(self, path: str) -> "MemoryFile":
        self._do("create", path)
        if path in self._names:
            raise StorageError(str(self.root / path), "File exists")
        if parent_of(path) not in self._folders:
            raise FileMissing(str(self.root / path))
        inode = self._names[path] = _Inode()
        self._log.append(_Name(path, inode))
        return MemoryFile(self, path, inode)

    def extend(self, path: str) -> "MemoryFile":
        self._do("extend", path)
        return MemoryFile(self, path, self._inode(path))

    def read(self, path: str, offset: int = 0, size: int | None = None) -> bytes:
        self._do("read", path)
        data = self._inode(path).data
        return bytes(data[offset:] if size is None else data[offset : offset + size])

    def write_at(self, path: str, offset: int, data: Bytes) -> None:
        self._do("write", path)
        self.write(self._inode(path), offset, bytes(data))

    def rename(self, old: str, new: str) -> None:
        self._do("rename", old)
        inode = self._inode(old)
        del self._names[old]
        self._names[new] = inode
        self._log.append(_Name(new, inode, instead_of=old))

    def unlink(self, path: str) -> None:
        self._do("unlink", path)
        if self._names.pop(path, None) is not None:
            self._log.append(_Name(path, None))

    def make_folder(self, folder: str, *, sync: bool = True) -> None:
        self._do("make_folder", folder)
        names = parts_of(folder)
        self._folders.update("/".join(names[:depth]) for depth in range(len(names) + 1))

    def remove_folder(self, folder: str) -> bool:
        self._do("remove_folder", folder)
        if folder not in self._folders or self.entries(folder):
            return False
        self._folders.discard(folder)
        return True

    def sync_folder(self, folder: str) -> None:
        self._do("sync_folder", folder)
        if self._syncs:
            self._log.append(_FolderSync(folder))

    def sync_parents(self, folder: str) -> None:
        """No effect: a folder of this disk exists as soon as a file in it does."""
        self._do("sync_parents", folder)

    def entries(self, folder: str) -> list[FolderEntry]:
        files = [
            FolderEntry(path.rpartition("/")[2], "file", len(inode.data))
            for path, inode in self._names.items()
            if parent_of(path) == folder
        ]
        folders = [
            FolderEntry(path.rpartition("/")[2], "folder", 0)
            for path in self._folders
            if path and parent_of(path) == folder
        ]
        return sorted([*files, *folders])

    def entry(self, path: str) -> FolderEntry | None:
        return next((one for one in self.entries(parent_of(path)) if one.name == path.rpartition("/")[2]), None)

    def space(self) -> DiskCapacity:
        return DiskCapacity(max(0, self.total_bytes - self.used_bytes), self.total_bytes)

    def place(self, path: str) -> Path:
        """Return a path that does not exist: files are readable only through this object."""
        return self.root / path

    @property
    def used_bytes(self) -> int:
        return sum(len(inode.data) for inode in self._names.values())

    # --- operations of open files

    def write(self, inode: _Inode, offset: int, data: bytes) -> None:
        room = max(0, self.total_bytes - self.used_bytes - max(0, offset - len(inode.data)))
        fitting = data[: max(room, len(inode.data) - offset)]
        inode.data[offset : offset + len(fitting)] = fitting
        self._log.append(_Write(inode, offset, fitting))
        if len(fitting) < len(data):
            raise DiskFull(str(self.root))

    def cut(self, inode: _Inode, size_bytes: int) -> None:
        del inode.data[size_bytes:]
        self._log.append(_Cut(inode, size_bytes))

    def sync(self, inode: _Inode) -> None:
        if self._syncs:
            self._log.append(_Sync(inode))

    def _inode(self, path: str) -> _Inode:
        try:
            return self._names[path]
        except KeyError:
            raise FileMissing(str(self.root / path)) from None

    def _do(self, operation: str, path: str) -> None:
        parts_of(path)
        self.before(operation, path)


class MemoryFile:
    """An open file of a `MemoryDisk`."""

    def __init__(self, disk: MemoryDisk, path: str, inode: _Inode) -> None:
        self._disk, self._path, self._inode = disk, path, inode
        self._broken = False

    @property
    def size_bytes(self) -> int:
        return len(self._inode.data)

    def append(self, parts: Sequence[Bytes]) -> None:
        self._usable()
        self._disk.before("append", self._path)
        self._disk.write(self._inode, len(self._inode.data), b"".join(parts))

    def sync(self) -> None:
        self._usable()
        self._broken = True
        self._disk.before("sync", self._path)
        self._disk.sync(self._inode)
        self._broken = False

    def cut(self, size_bytes: int) -> None:
        self._disk.before("cut", self._path)
        self._disk.cut(self._inode, size_bytes)

    def close(self) -> None:
        """Do nothing: no resources are held."""

    def _usable(self) -> None:
        if self._broken:
            raise StorageError(self._path, "an earlier sync failed")


class _AfterCut:
    """One possible disk state after the log."""

    def __init__(self, log: Sequence[_Entry], dice: random.Random) -> None:
        self._dice = dice
        self._names: dict[str, _Inode] = {}
        self._pending_names: dict[str, list[_Name]] = {}
        self._synced: dict[int, bytearray] = {}
        self._pending: dict[int, list[_Write | _Cut]] = {}
        for entry in log:
            self._replay(entry)

    def _replay(self, entry: _Entry) -> None:
        match entry:
            case _Write() | _Cut():
                self._pending.setdefault(id(entry.inode), []).append(entry)
            case _Sync():
                data = self._synced.setdefault(id(entry.inode), bytearray())
                for change in self._pending.pop(id(entry.inode), []):
                    _apply(data, change)
            case _Name():
                self._pending_names.setdefault(parent_of(entry.path), []).append(entry)
            case _FolderSync():
                for name in self._pending_names.pop(entry.folder, []):
                    self._rename(name)
            case _Note():
                pass

    def files(self) -> State:
        for pending in self._pending_names.values():
            for name in pending[: self._dice.randint(0, len(pending))]:
                self._rename(name)
        return {path: self._content(inode) for path, inode in self._names.items()}

    def _rename(self, name: _Name) -> None:
        self._names.pop(name.instead_of, None)
        if name.inode is None:
            self._names.pop(name.path, None)
        else:
            self._names[name.path] = name.inode

    def _content(self, inode: _Inode) -> bytes:
        data = bytearray(self._synced.get(id(inode), b""))
        pending = self._pending.get(id(inode), [])
        if not pending:
            return bytes(data)
        whole = bytearray(data)
        for change in pending[: self._dice.randint(0, len(pending))]:
            _apply(whole, change)
        match self._dice.choice(("nothing", "all", "cut", "zeros", "torn")):
            case "nothing":
                return bytes(data)
            case "all":
                return bytes(whole)
            case "cut":
                return bytes(whole[: self._dice.randint(min(len(data), len(whole)), len(whole))])
            case "zeros":
                return bytes(whole[: len(data)]).ljust(len(whole), b"\0")
            case _:
                return self._torn(whole, len(data))

    def _torn(self, whole: bytearray, good_bytes: int) -> bytes:
        """Simulate that only some sectors were written; synced bytes in them survive."""
        for begin in range(good_bytes - good_bytes % _SECTOR, len(whole), _SECTOR):
            if self._dice.random() < 0.5:
                lost = range(max(begin, good_bytes), min(begin + _SECTOR, len(whole)))
                whole[lost.start : lost.stop] = bytes(len(lost))
        return bytes(whole)


def _apply(data: bytearray, change: _Write | _Cut) -> None:
    if isinstance(change, _Cut):
        del data[change.size_bytes :]
        return
    if len(data) < change.offset:
        data.extend(bytes(change.offset - len(data)))
    data[change.offset : change.offset + len(change.data)] = change.data


def write_out(state: State, root: Path) -> None:
    """Write the files of a state to a real folder."""
    for path, data in state.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)

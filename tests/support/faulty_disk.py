"""A real disk with injected faults: every operation calls `before` first; an exception it raises replaces the
operation.

`unplug` removes the disk: all operations fail until `plug_in`, and files open at that time fail forever.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from tawny.model.errors import StorageError
from tawny.storage.disk.disk import Bytes, DiskCapacity, FolderEntry, OpenFile, RealDisk

Before = Callable[[str, str], None]
"""Receives the operation's name and the path."""


class FaultyDisk:
    """A `Disk`. As thread-safe as `before`."""

    def __init__(self, root: Path) -> None:
        self._real = RealDisk(root)
        self.before: Before = _well
        self.plugged = 1
        """Number of times it was plugged in; negative while unplugged."""

    @property
    def root(self) -> Path:
        return self._real.root

    def unplug(self) -> None:
        self.plugged = -abs(self.plugged)

    def plug_in(self) -> None:
        self.plugged = abs(self.plugged) + 1

    def ask(self, operation: str, path: str) -> None:
        if self.plugged < 0:
            raise StorageError(str(self.root / path), "Input/output error")
        self.before(operation, path)

    def create(self, path: str) -> OpenFile:
        self.ask("create", path)
        return _FaultyFile(self, path, self._real.create(path))

    def extend(self, path: str) -> OpenFile:
        self.ask("extend", path)
        return _FaultyFile(self, path, self._real.extend(path))

    def read(self, path: str, offset: int = 0, size: int | None = None) -> bytes:
        self.ask("read", path)
        return self._real.read(path, offset, size)

    def write_at(self, path: str, offset: int, data: Bytes) -> None:
        self.ask("write", path)
        self._real.write_at(path, offset, data)

    def rename(self, old: str, new: str) -> None:
        self.ask("rename", old)
        self._real.rename(old, new)

    def unlink(self, path: str) -> None:
        self.ask("unlink", path)
        self._real.unlink(path)

    def make_folder(self, folder: str, *, sync: bool = True) -> None:
        self.ask("make_folder", folder)
        self._real.make_folder(folder, sync=sync)

    def remove_folder(self, folder: str) -> bool:
        self.ask("remove_folder", folder)
        return self._real.remove_folder(folder)

    def sync_folder(self, folder: str) -> None:
        self.ask("sync_folder", folder)
        self._real.sync_folder(folder)

    def sync_parents(self, folder: str) -> None:
        self.ask("sync_parents", folder)
        self._real.sync_parents(folder)

    def entries(self, folder: str) -> list[FolderEntry]:
        self.ask("entries", folder)
        return self._real.entries(folder)

    def entry(self, path: str) -> FolderEntry | None:
        self.ask("entry", path)
        return self._real.entry(path)

    def space(self) -> DiskCapacity:
        self.ask("space", "")
        return self._real.space()

    def place(self, path: str) -> Path:
        return self._real.place(path)


class _FaultyFile:
    def __init__(self, disk: FaultyDisk, path: str, real: OpenFile) -> None:
        self._disk, self._path, self._real = disk, path, real
        self._plugged = disk.plugged
        self._broken = False

    @property
    def size_bytes(self) -> int:
        return self._real.size_bytes

    def append(self, parts: Sequence[Bytes]) -> None:
        self._ask("append")
        self._real.append(parts)

    def sync(self) -> None:
        if self._broken:
            raise StorageError(self._path, "an earlier sync failed")
        self._broken = True
        self._ask("sync")
        self._real.sync()
        self._broken = False

    def cut(self, size_bytes: int) -> None:
        self._ask("cut")
        self._real.cut(size_bytes)

    def close(self) -> None:
        self._real.close()

    def _ask(self, operation: str) -> None:
        if self._disk.plugged != self._plugged:
            raise StorageError(self._path, "Input/output error")
        self._disk.ask(operation, self._path)


def _well(_operation: str, _path: str) -> None:
    """Inject no fault."""

"""Storage of saved clips: a folder next to the recordings, or memory, with a space limit."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tawny.engine.descriptors import OUT_OF_DESCRIPTORS
from tawny.storage.disk.disk import turned
from tawny.storage.disk.headroom import DiskHeadroom
from tawny.storage.disk.private_files import write_private

FOLDER = "clips"
ABOUT, UNFINISHED, SCRATCH = ".json", ".new", ".scratch"


class ClipStore:
    """The clip store. folder: None for memory, lost on exit. headroom: of its disk. Raises StorageError."""

    def __init__(self, folder: Path | None, most_bytes: int, headroom: DiskHeadroom | None = None) -> None:
        self._folder, self.most_bytes, self._headroom = folder, most_bytes, headroom
        self._in_memory: dict[str, int] = {}
        self._reservation: int | None = None

    def load(self) -> list[dict[str, Any]]:
        """Return the metadata of all clips that can be read; delete unfinished files."""
        if self._folder is None or not self._folder.is_dir():
            return []
        with _disk_errors(self._folder):
            files = list(self._folder.iterdir())
            entries = {path.stem: _read(path) for path in files if path.suffix == ABOUT}
            for path in files:
                is_left = entries.get(path.name.partition(".")[0], {}) == {}
                if is_left or path.suffix.startswith((UNFINISHED, SCRATCH)):  # such as `.scratch-0`
                    with suppress(OSError):  # it stays until the next start
                        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
            return [about for about in entries.values() if about]

    def begin(self, key: str) -> tuple[Path, Path]:
        """Return the output path and a scratch path of a new clip."""
        if self._folder is not None:
            with _disk_errors(self._folder):
                self._folder.mkdir(mode=0o700, exist_ok=True)
        return self._places(key)

    def written_bytes(self, key: str) -> int:
        """Return the bytes written of a clip in progress."""
        return sum(_size(path) for path in self._places(key))

    def reserve(self, left_bytes: int, *, may_use_kept: bool) -> bool:
        """Reserve the disk space that the clip in progress still needs. Return False if there is not enough.

        may_use_kept: as in `DiskHeadroom.reserve`.
        """
        self.release()
        if self._headroom is None or self._folder is None:
            return True
        with _disk_errors(self._folder):
            self._reservation = self._headroom.reserve(left_bytes, may_use_kept=may_use_kept)
        return self._reservation is not None

    def release(self) -> None:
        """End the reservation of the clip in progress."""
        if self._headroom is not None and self._reservation is not None:
            self._headroom.resize(self._reservation, 0)
        self._reservation = None

    def finish(self, key: str, suffix: str) -> int:
        """Give the finished file its name and return its size in bytes. It is permanent once `note` is called."""
        out, _ = self._places(key)
        with _disk_errors(out):
            if self._folder is None:
                self._in_memory[key + suffix] = self._in_memory.pop(key + UNFINISHED)
            else:
                with out.open("rb") as file:
                    os.fsync(file.fileno())
                out.rename(self._folder / (key + suffix))
        self._drop(key + SCRATCH)
        return _size(self.path(key, suffix))

    def note(self, key: str, about: Mapping[str, Any]) -> None:
        """Write a clip's metadata."""
        if self._folder is None:
            return
        path = self._folder / (key + ABOUT)
        with _disk_errors(path):
            self._folder.mkdir(mode=0o700, exist_ok=True)
            write_private(path, json.dumps(about).encode())

    def remove(self, key: str, suffix: str) -> None:
        """Delete all files of a clip."""
        for name in (key + ABOUT, key + suffix, key + UNFINISHED, key + SCRATCH):
            self._drop(name)

    def abandon(self, key: str) -> None:
        """Delete what is written of a clip in progress."""
        for name in (key + UNFINISHED, key + SCRATCH):
            self._drop(name)

    def path(self, key: str, suffix: str) -> Path:
        return self._memory(key + suffix) if self._folder is None else self._folder / (key + suffix)

    def close(self) -> None:
        for name in list(self._in_memory):
            self._drop(name)

    def _places(self, key: str) -> tuple[Path, Path]:
        if self._folder is None:
            return self._memory(key + UNFINISHED), self._memory(key + SCRATCH)
        return self._folder / (key + UNFINISHED), self._folder / (key + SCRATCH)

    def _memory(self, name: str) -> Path:
        """Return the path of an anonymous memory file (memfd), usable by this process."""
        if name not in self._in_memory:
            self._in_memory[name] = os.memfd_create("clip", os.MFD_CLOEXEC)
        return Path(f"/proc/{os.getpid()}/fd/{self._in_memory[name]}")

    def _drop(self, name: str) -> None:
        if self._folder is None:
            descriptor = self._in_memory.pop(name, None)
            if descriptor is not None:
                os.close(descriptor)
            return
        with _disk_errors(self._folder / name):
            (self._folder / name).unlink(missing_ok=True)


@contextmanager
def _disk_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise turned(error, str(path)) from error


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _read(path: Path) -> dict[str, Any] | None:
    """Return the metadata; None if they can't be read, empty if a power cut left no bytes, or zeros. Raises OSError."""
    try:
        text = path.read_bytes().strip(b"\0")
        found = json.loads(text) if text else {}
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno in OUT_OF_DESCRIPTORS:
            raise
        return None
    return found if isinstance(found, dict) else None

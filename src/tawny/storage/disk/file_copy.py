"""Copy of a file between volumes. The target gets its final name only when complete and durable."""

from typing import Final

from tawny.model.errors import StorageError
from tawny.storage.disk.disk import parent_of
from tawny.storage.disk.volume import Volume

NEW: Final = ".new"
_PIECE_BYTES: Final = 1 << 20


def copy(source: Volume, target: Volume, path: str) -> int:
    """Copy a file, replacing an existing target. Return its size in bytes.

    Raises StorageError. The target is unchanged if copying fails.
    """
    entry = source.disk.entry(path)
    if entry is None or entry.kind != "file":
        raise StorageError(str(source.root / path), "it is gone")
    folder, disk = parent_of(path), target.disk
    disk.make_folder(folder)
    disk.unlink(path + NEW)
    file = disk.create(path + NEW)
    try:
        while file.size_bytes < entry.size_bytes:
            piece = source.disk.read(path, file.size_bytes, min(_PIECE_BYTES, entry.size_bytes - file.size_bytes))
            if not piece:
                raise StorageError(str(source.root / path), "it became shorter while it was copied")
            file.append([piece])
        file.sync()
    except StorageError:
        file.close()
        disk.unlink(path + NEW)
        raise
    file.close()
    disk.rename(path + NEW, path)
    disk.sync_folder(folder)
    return entry.size_bytes

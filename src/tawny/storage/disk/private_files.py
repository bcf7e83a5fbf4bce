"""Private files that the recorder and commands both write: in the data folder and next to the settings.

Commands are often run with `sudo`. What root makes there is given to the owner of the folder: the user that tawny runs
as, who could not read it otherwise.
"""

import fcntl
import os
import stat
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from typing import Final

from tawny.config.file_writing import sync_folder
from tawny.model.errors import NotDone

LOCK_FILE: Final = "changes.lock"
"""In the data folder; held by what changes known people or models, for milliseconds."""
WAITS_S: Final = 3.0
"""Time that a change waits for another one, in s: a page may be waiting for it."""
_STEP_S: Final = 0.02
_NEW: Final = ".new"
"""Backups leave files with this ending out."""
_BY_ROOT: Final = "Use `sudo`, or the user that runs tawny."


def give_to_owner(made: Path | int, folder: Path) -> None:
    """Give what root has made to the owner of this folder. made: path or descriptor. Raises OSError."""
    if os.geteuid() != 0:
        return
    owner = folder.stat()
    if isinstance(made, int):
        os.chown(made, owner.st_uid, owner.st_gid)
    else:
        os.chown(made, owner.st_uid, owner.st_gid, follow_symlinks=False)


@contextmanager
def given_to_recorder(folder: Path) -> Iterator[None]:
    """Give what root makes meanwhile, or has made before, to the user of the recorder of this folder.

    That is the owner of its history: the folder itself may be the root of a disk.
    """
    history = folder / "history"
    owner = (history if history.is_dir() else folder).stat()
    try:
        yield
    finally:
        if os.geteuid() == 0 and owner.st_uid != 0:
            for _, folders, files, handle in os.fwalk(folder):  # that user can't lead it elsewhere by a link
                for name in (*folders, *files):
                    with suppress(OSError):  # the recorder may be running, or the disk give nothing away
                        made = os.stat(name, dir_fd=handle, follow_symlinks=False)
                        if made.st_uid == 0 and (stat.S_ISDIR(made.st_mode) or made.st_nlink == 1):
                            os.chown(name, owner.st_uid, owner.st_gid, dir_fd=handle, follow_symlinks=False)


def make_folder(folder: Path, mode: int = 0o700) -> None:
    """Make a folder where there is none, and those above it. Each gets the owner of the one above. Raises OSError."""
    for missing in reversed([one for one in (folder, *folder.parents) if not one.exists()]):
        missing.mkdir(mode=mode, exist_ok=True)  # another process may have made it now
        give_to_owner(missing, missing.parent)


def open_lock_file(path: Path) -> int:
    """Return a descriptor of a lock file, which is made if there is none and never removed. Raises OSError."""
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        fd = os.open(path, flags | os.O_EXCL, 0o600)
    except FileExistsError:
        return os.open(path, flags, 0o600)
    try:
        give_to_owner(fd, path.parent)
    except OSError:
        os.close(fd)
        raise
    return fd


@contextmanager
def locked(path: Path, timeout_s: float | None = None) -> Iterator[None]:
    """Hold a lock file: one thread of one process at a time. timeout_s: None for WAITS_S.

    Raises NotDone if it is still held by another after that time; OSError if the file cannot be opened or locked.
    """
    fd = open_lock_file(path)
    try:
        for left in reversed(range(1 + round((WAITS_S if timeout_s is None else timeout_s) / _STEP_S))):
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not left:
                    raise NotDone("Another tawny process is changing this right now.", "Try again.") from None
            threading.Event().wait(_STEP_S)
        yield
    finally:
        os.close(fd)


def write_private(path: Path, content: bytes, owner: Path | None = None) -> None:
    """Replace a file atomically and durably, readable by its owner only. One writer at a time. Raises OSError.

    owner: the folder whose owner gets it; None: the one it is in.
    """
    with written_beside(path, content, owner) as new:
        new.replace(path)
    sync_folder(path.parent)


@contextmanager
def written_beside(path: Path, content: bytes, owner: Path | None = None) -> Iterator[Path]:
    """Write the new content of a file to the disk, under another name. Removed at the end unless renamed.

    Parameters and errors as for `write_private`.
    """
    remove_leftovers(path)
    fd, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=_NEW, dir=path.parent)
    new = Path(name)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(content)
            file.flush()
            give_to_owner(file.fileno(), owner or path.parent)
            os.fsync(file.fileno())
        yield new
    finally:
        new.unlink(missing_ok=True)


def remove_leftovers(path: Path) -> None:
    """Remove what writers of this file left when they were killed. Raises OSError."""
    for old in path.parent.glob(f".{escape(path.name)}.*{_NEW}"):
        old.unlink(missing_ok=True)


def access_remedy(error: OSError, path: Path, folder: Path, whole: Path | None = None) -> str:
    """Return what a user can do about a file or folder that could not be read.

    folder: its owner should own the path. whole: what to give to that owner; None: the path.
    """
    if not isinstance(error, PermissionError):
        return "Check the disk."
    try:
        owner = folder.stat()
        is_theirs = path.stat().st_uid == owner.st_uid
    except OSError:
        return _BY_ROOT
    if is_theirs:
        return _BY_ROOT
    return f"Give it to the user that runs tawny: `sudo chown -R {owner.st_uid}:{owner.st_gid} {whole or path}`."

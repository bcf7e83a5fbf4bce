"""Writing of settings files: whole or not at all, private, by one tawny process at a time, and as they were.

Links stay links, line ends stay, and what root writes belongs to the owner of the file or its folder.
"""

import errno
import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from glob import escape
from pathlib import Path

from tawny.model.errors import FolderUnwritable, NotDone

_NEW = ".new"
"""End of the name of a file that is not complete."""


class SettingsFolderUnwritable(FolderUnwritable):
    """The folder of a settings file: another folder of recordings doesn't help."""

    advice = (
        "Give the user that runs tawny write permission in {where}. A service may write in /etc/tawny: move tawny.toml "
        "and secrets.toml there, then run `sudo tawny service install`."
    )


class SettingsDiskFull(FolderUnwritable):
    """The disk of a settings file is full: to write in another folder doesn't help."""

    says = "The disk at {where} is full."
    advice = "Free up space there."


def read_file(path: Path) -> str:
    """Return the text of a settings file. Raises OSError, UnicodeDecodeError."""
    return path.read_text(encoding="utf-8-sig")  # some editors begin it with a byte order mark


def write_new(path: Path, text: str) -> None:
    """Write a settings file, readable by its owner only, as addresses in it may contain passwords.

    Raises NotDone: when it exists; FolderUnwritable.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with (
            open(path, "x", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o600)) as file,
            _removed_on_error(path),
        ):
            give_to_owner(file.fileno(), path.parent)
            file.write(text)
            file.flush()
    except FileExistsError:
        raise NotDone(f"{path} already exists.", "Nothing was changed. Edit the file, or delete it first.") from None
    except OSError as error:
        raise FolderUnwritable(str(path.parent), error.strerror or "") from None


def settings_unwritable(error: OSError, folder: Path) -> FolderUnwritable:
    """Return the error for settings that can't be written in their folder."""
    is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return (SettingsDiskFull if is_full else SettingsFolderUnwritable)(str(folder), error.strerror or "")


@contextmanager
def unchanged(path: Path, was: str) -> Iterator[None]:
    """Hold the lock of the file's folder, so that no other tawny process changes the file meanwhile.

    Raises NotDone: when its text is not `was`; FolderUnwritable.
    """
    try:
        handle = os.open(path.parent, os.O_RDONLY)
    except OSError as error:
        raise SettingsFolderUnwritable(str(path.parent), error.strerror or "") from None
    try:
        with suppress(OSError):  # such as on NFS
            fcntl.flock(handle, fcntl.LOCK_EX)
        if read_file(path) != was:
            raise NotDone("The settings file was changed meanwhile.", "Try again.")
        yield
    finally:
        os.close(handle)


def replace_file(path: Path, text: str) -> None:
    """Replace the file, or that of a link, whole: write a temporary file, sync, rename. Raises FolderUnwritable.

    Removes what was left when a change was killed: it may hold passwords. One writer at a time: see `unchanged`.
    """
    target = path.resolve()
    if target != path.absolute() and not os.access(target.parent, os.W_OK):
        target = path  # it was linked to a place for reading only
    try:
        with path.open("rb") as former:
            line_end = "\r\n" if former.readline().endswith(b"\r\n") else "\n"
        for left in target.parent.glob(f".{escape(target.name)}.*{_NEW}"):
            with suppress(OSError):
                left.unlink()
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", newline=line_end, prefix=f".{target.name}.", suffix=_NEW, dir=target.parent,
            delete=False,
        ) as file:  # fmt: skip
            temporary = Path(file.name)
            with _removed_on_error(temporary):
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
                with modes_optional():
                    temporary.chmod(path.stat().st_mode & 0o777)
                give_to_owner(file.fileno(), path)
                temporary.replace(target)
        with suppress(OSError):  # SMB can't, and the file is replaced
            sync_folder(target.parent)
    except OSError as error:
        raise settings_unwritable(error, path.parent) from None


def sync_folder(folder: Path) -> None:
    """Make a new or renamed file in a folder durable. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def modes_optional() -> Iterator[None]:
    """Set modes where the file system has any."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS):  # FAT, exFAT, SMB; some FUSE: the last
            raise


def give_to_owner(made: int, of: Path) -> None:
    """Give a file that root has made to the owner of another file or folder, if root may. made: descriptor."""
    if os.geteuid() == 0:
        owner = of.stat()
        with suppress(PermissionError), modes_optional():  # as in a container
            os.fchown(made, owner.st_uid, owner.st_gid)


@contextmanager
def _removed_on_error(path: Path) -> Iterator[None]:
    """Leave no incomplete file behind."""
    with ExitStack() as undo:
        undo.callback(path.unlink, missing_ok=True)
        yield
        undo.pop_all()

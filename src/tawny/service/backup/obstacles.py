"""What a restore can replace here, and how. With an obstacle, every start of tawny would try and end with an error."""

import errno
import os
import stat
import tempfile
from collections.abc import Iterable
from pathlib import Path

from tawny.config.file_writing import SettingsFolderUnwritable
from tawny.model.errors import NotDone
from tawny.storage.disk.secondary_volumes import mount_points


def settings_obstacle(new: Path, config: Path) -> NotDone | None:
    """Return why the settings can't be replaced. new: the folder with those of the backup, if it has any."""
    if not new.is_dir():
        return None
    is_whole, place = (new / "tawny.toml").exists(), config.absolute()
    certificates = place.with_name("certificates")
    if certificates.is_symlink():
        return NotDone(
            f"{certificates} is a link, which a restore doesn't follow.",
            "Replace the link by what it points to, then try again.",
        )
    names = {"tawny.toml": place} | {one: place.with_name(one) for one in ("secrets.toml", "known.key", "certificates")}
    replaced = [path for name, path in names.items() if is_whole or (new / name).exists()]
    if (trouble := mount_obstacle(replaced)) is not None:
        return trouble
    inside = (path for path in certificates.glob("**/*") if path.is_dir())
    for folder in (certificates.parent, certificates, *inside):
        there = next(one for one in (folder, *folder.parents) if os.access(one, os.F_OK, effective_ids=True))
        if not os.access(there, os.W_OK | os.X_OK, effective_ids=True):
            error = SettingsFolderUnwritable(str(there), os.strerror(errno.EACCES))
            return NotDone(error.message, error.do)
    return None


def mount_obstacle(paths: Iterable[Path]) -> NotDone | None:
    """Return which of the files and folders is mounted by itself, or has a mount in it, as in a container."""
    points = mount_points()
    for path in paths:
        place = Path(os.path.realpath(path.parent)) / path.name
        inside = min((one for one in points if one.is_relative_to(place)), default=None)
        # a subvolume of Btrfs looks like a mount, so `ismount` is asked only where the kernel lists none
        if inside is not None or (not points and os.path.ismount(path)):
            return NotDone(
                f"{inside or path} is mounted by itself, so it can't be replaced.", "Mount its folder instead."
            )
    return None


def secrets_problem(new: Path, config: Path) -> str:
    """Return why tawny would refuse the secrets of a backup where they come to; empty: it wouldn't, or has none.

    new: the folder with the settings of the backup.
    """
    place = linked_file(config.absolute().with_name("secrets.toml"))
    folder = next(one for one in place.parents if one.is_dir())
    if not (new / "secrets.toml").exists() or keeps_modes(folder):
        return ""
    return (
        f"secrets.toml would be readable for others in {folder}: its disk keeps no permissions. Use another folder for "
        "the settings (`--config`)."
    )


def keeps_modes(folder: Path) -> bool:
    """Return whether new files there are for their owner only; of a folder that can't be written, that is assumed."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            return not os.fstat(file.fileno()).st_mode & 0o077
    except OSError:
        return True


def linked_file(path: Path) -> Path:
    """Return the file that a link names, so that the link stays; the path itself where that file can't be replaced.

    A link of another user than root and the file's owner is replaced: it could make root overwrite any file.
    """
    target = Path(os.path.realpath(path))
    if not path.is_symlink() or not target.is_file() or mount_obstacle([target]) is not None:
        return path
    is_trusted = path.lstat().st_uid in (0, target.stat().st_uid)
    return target if is_trusted and os.access(target.parent, os.W_OK) else path


def like_former(to: Path, like: Path, *, is_settings: bool) -> tuple[Path, int]:
    """Return what has the owner of a file that is written, and its mode. like: has the owner of new ones.

    A file that is replaced keeps its owner if that is the same, or if the settings are readable for a group. They may
    hold passwords, so they are never readable for all; secrets are refused with a mode other than 0600.
    """
    if not to.is_file() or to.is_symlink():
        return like, 0o600
    former = to.stat()
    mode = stat.S_IMODE(former.st_mode) & 0o660 | 0o600 if is_settings else 0o600
    is_of_group = former.st_gid != 0 and bool(mode & 0o040)
    return (to, mode) if former.st_uid == like.stat().st_uid or is_of_group else (like, 0o600)

"""Find settings and recordings: command line first, then settings, then default locations."""

import os
from argparse import Namespace
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tawny.app.control_client import is_in_memory, is_running
from tawny.model.errors import DiskFull, DiskMissing, FolderUnwritable, NotDone, StorageError

if TYPE_CHECKING:
    from tawny.config.settings import Settings


SETTINGS: Final = "tawny.toml"
ROOTS_FOLDER: Final = Path("/var/lib/tawny")


def config_file(args: Namespace, made: Path | None = None) -> Path | None:
    """Return `--config`, else the first existing of ./tawny.toml, ~/.config/tawny/tawny.toml, /etc/tawny/tawny.toml.

    Then those that the first start has created in the data folder: in `--data` if given, and in the default one.
    made: a file that counts as existing.
    """
    if args.config:
        return Path(args.config)
    folders = [Path(), Path("/etc/tawny")]
    with suppress(NotDone):  # no home: its settings can't be found, those of other places can
        folders[1:1] = [_home_config()]
    if getattr(args, "data", None):
        folders.append(Path(args.data))
    with suppress(NotDone):
        folders.append(default_folder())
    return next((path for folder in folders if (path := folder / SETTINGS) == made or path.exists()), None)


def new_config_file(args: Namespace) -> Path:
    """Return the path of a settings file to create."""
    return Path(args.config) if args.config else Path("tawny.toml")


def load_settings(args: Namespace) -> "tuple[Settings, Path | None]":
    """Return the settings and their file; defaults and None without a file."""
    from tawny.config.loader import read_settings  # loads pydantic: a question to a running recorder needs none
    from tawny.config.settings import Settings

    path = config_file(args)
    return (read_settings(path), path) if path else (Settings(), None)


def data_folder(args: Namespace, chosen: "Settings") -> Path:
    """Return `--data`, else `storage.path`, else the default folder."""
    return _data_folder(args, chosen.storage.path)


def _data_folder(args: Namespace, path: str) -> Path:
    if getattr(args, "data", None):
        return Path(args.data)
    if path:
        return Path(path).expanduser()
    return default_folder()


def default_folder(home: Path | None = None) -> Path:
    """Return /var/lib/tawny for root, and ~/.local/share/tawny for other users. home: of another user.

    Earlier versions recorded to ~/tawny: it stays the default where it has recordings.
    """
    if os.geteuid() == 0 and home is None:
        return ROOTS_FOLDER
    usual = (_home_data() if home is None else home / ".local" / "share") / "tawny"
    with suppress(NotDone):  # XDG_DATA_HOME without a home
        former = (home or home_folder()) / "tawny"
        if _is_data(former):
            return former
    return usual


def new_file(path: Path) -> Path:
    """Return `path` after checking, before any work starts, that it can be created.

    Raises NotDone: when it exists or its folder does not.
    """
    if path.exists():
        raise NotDone(f"{path} already exists.", "Choose another name with `-o`.")
    if not path.parent.is_dir():
        raise NotDone(f"Folder {path.parent} doesn't exist.", "Create it, or choose another one with `-o`.")
    return path


@dataclass(eq=False)
class OutputFull(DiskFull):
    """The disk of a file that a command writes: another `--data` and shorter retention don't help."""

    option: str = "`-o`"
    advice = "Free up space there, or write to another disk ({option})."


@dataclass(eq=False)
class OutputUnwritable(FolderUnwritable):
    option: str = "`-o`"
    advice = "Write to a folder in which you have write permission ({option})."


def output_error(error: StorageError, option: str = "`-o`") -> StorageError:
    """Return the error for a file that a command writes. option: what names its place."""
    if isinstance(error, DiskFull):
        return OutputFull(error.where, error.detail, option)
    if type(error) is FolderUnwritable:
        return OutputUnwritable(error.where, error.detail, option)
    return error


def demo_folder() -> Path:
    """Return the default folder of the demo's recordings."""
    return _home_data() / "tawny-demo"


def existing_data(args: Namespace) -> "tuple[Settings, Path]":
    """Return the settings and the folder of recordings, for commands that read it.

    Raises NotDone: when the folder has no recordings, or the recorder records elsewhere. Raises DiskMissing.
    """
    chosen, _ = load_settings(args)
    folder = data_folder(args, chosen)
    if is_in_memory(folder):
        raise NotDone(
            f"The tawny for {folder} is currently recording elsewhere, to memory or to its fallback disk.",
            "There is nothing to read here. Use the web interface, `tawny status` or `tawny events --follow`.",
        )
    _check_is_data(folder)
    return chosen, folder


def masked_data(args: Namespace, shown: Iterable[str] | None = None) -> "tuple[Settings, Path]":
    """Return the same for commands that show images: with the privacy masks of cameras recorded for other recorders.

    shown: the only cameras whose masks are needed. Raises also StorageError, NotDone: when these masks can't be read.
    """
    chosen, folder = existing_data(args)
    if shown is not None and chosen.cameras.keys() >= set(shown):
        return chosen, folder
    return masked(chosen, folder), folder


def masked(chosen: "Settings", folder: Path) -> "Settings":
    """Return settings with the privacy masks of removed cameras. Raises StorageError, NotDone."""
    from tawny.storage.disk.volume import Volume  # loads more than a question to a running recorder needs
    from tawny.storage.history.left_cameras import stored_left, with_left

    return with_left(chosen, stored_left(Volume.at(folder).disk))


def running_data(args: Namespace) -> Path:
    """Return the folder of a recorder that may be running; in memory mode the folder only serves as its name.

    Raises NotDone: when none is running and the folder has no recordings.
    """
    folder = _data_folder(args, _stated_path(args))
    with suppress(NotDone):  # this user may not ask it
        if is_running(folder):  # even if its disk is gone
            return folder
    _check_is_data(folder)
    return folder


def _check_is_data(folder: Path) -> None:
    if not _is_data(folder):
        if is_running(folder):
            raise DiskMissing(str(folder), "tawny runs for this folder, but there are no recordings in it")
        raise NotDone(
            f"{folder} contains no tawny recordings.", "Pass the folder with `--data`, or the settings with `--config`."
        )


def _is_data(folder: Path) -> bool:
    return (folder / "tawny.db").exists() or (folder / "history").is_dir()


def _stated_path(args: Namespace) -> str:
    """Return `storage.path` of the settings, without checking the rest: the running recorder has done that."""
    file = config_file(args)
    if file is None:
        return ""
    import tomllib  # only where there is a file: it is a tenth of what `tawny status` costs

    try:
        path = tomllib.loads(file.read_text(encoding="utf-8-sig")).get("storage", {}).get("path", "")
    except (OSError, ValueError, AttributeError):
        path = None
    if isinstance(path, str) and "$" not in path and "\0" not in path and not _is_of_unknown_user(path):
        return path
    return load_settings(args)[0].storage.path  # it says what is wrong with the file, or fills in secrets


def _is_of_unknown_user(path: str) -> bool:
    try:
        Path(path).expanduser()
    except RuntimeError:
        return True
    return False


def _home_data() -> Path:
    base = os.environ.get("XDG_DATA_HOME")
    return Path(base) if base else home_folder() / ".local" / "share"


def _home_config() -> Path:
    base = os.environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else home_folder() / ".config") / "tawny"


def home_folder() -> Path:
    """Return this user's home folder. Raises NotDone: when it isn't known."""
    try:
        return Path.home()
    except RuntimeError:  # a user without an entry, as in containers
        raise NotDone(
            "The home folder of this user isn't known.",
            "Set HOME, or pass `--data`, or `--config` with `storage.path`.",
        ) from None

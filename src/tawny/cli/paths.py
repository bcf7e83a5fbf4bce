"""Find settings and recordings: command line first, then settings, then default locations."""

import os
from argparse import Namespace
from pathlib import Path

from tawny.app.control_socket import is_in_memory
from tawny.config.loader import read_settings
from tawny.config.settings import Settings
from tawny.model.errors import NotDone


def config_file(args: Namespace) -> Path | None:
    """Return `--config`, else the first existing of ./tawny.toml, ~/.config/tawny/tawny.toml, /etc/tawny/tawny.toml."""
    if args.config:
        return Path(args.config)
    usual = [Path("tawny.toml"), _home_config() / "tawny.toml", Path("/etc/tawny/tawny.toml")]
    return next((path for path in usual if path.exists()), None)


def new_config_file(args: Namespace) -> Path:
    """Return the path of a settings file to create."""
    return Path(args.config) if args.config else Path("tawny.toml")


def load_settings(args: Namespace) -> tuple[Settings, Path | None]:
    """Return the settings and their file; defaults and None without a file."""
    path = config_file(args)
    return (read_settings(path), path) if path else (Settings(), None)


def data_folder(args: Namespace, chosen: Settings) -> Path:
    """Return `--data`, else `storage.path`, else /var/lib/tawny for root and ~/tawny for other users."""
    if getattr(args, "data", None):
        return Path(args.data)
    if chosen.storage.path:
        return Path(chosen.storage.path).expanduser()
    return Path("/var/lib/tawny") if os.geteuid() == 0 else Path.home() / "tawny"


def new_file(path: Path) -> Path:
    """Return `path` after checking, before any work starts, that it can be created.

    Raises NotDone: when it exists or its folder does not.
    """
    if path.exists():
        raise NotDone(f"{path} already exists.", "Choose another name with `-o`.")
    if not path.parent.is_dir():
        raise NotDone(f"Folder {path.parent} doesn't exist.", "Create it, or choose another one with `-o`.")
    return path


def demo_folder() -> Path:
    """Return the default folder of the demo's recordings."""
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "tawny-demo"


def existing_data(args: Namespace) -> tuple[Settings, Path]:
    """Return the settings and the folder of recordings, for commands that read it.

    Raises NotDone: when the folder has no recordings, or the recorder records elsewhere.
    """
    chosen, _ = load_settings(args)
    folder = data_folder(args, chosen)
    if is_in_memory(folder):
        raise NotDone(
            f"The tawny for {folder} is currently recording elsewhere, to memory or to its fallback disk.",
            "There is nothing to read here. Use the web interface, `tawny status` or `tawny events --follow`.",
        )
    if not (folder / "tawny.db").exists() and not (folder / "history").is_dir():
        raise NotDone(
            f"{folder} contains no tawny recordings.", "Pass the folder with `--data`, or the settings with `--config`."
        )
    return chosen, folder


def running_data(args: Namespace) -> Path:
    """Return the folder of a recorder that may be running; in memory mode the folder only serves as its name.

    Raises NotDone: when the folder has no recordings.
    """
    chosen, _ = load_settings(args)
    folder = data_folder(args, chosen)
    return folder if is_in_memory(folder) else existing_data(args)[1]


def _home_config() -> Path:
    base = os.environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "tawny"

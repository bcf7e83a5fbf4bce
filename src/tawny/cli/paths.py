"""Where settings and recordings are: what the command line says, else the settings, else the usual places."""

import os
from argparse import Namespace
from pathlib import Path

from tawny.app.control_socket import is_in_memory
from tawny.config.loader import read_settings
from tawny.config.settings import Settings
from tawny.model.errors import NotDone


def config_file(args: Namespace) -> Path | None:
    """`--config`, else the first there is of ./tawny.toml, ~/.config/tawny/tawny.toml, /etc/tawny/tawny.toml."""
    if args.config:
        return Path(args.config)
    usual = [Path("tawny.toml"), _home_config() / "tawny.toml", Path("/etc/tawny/tawny.toml")]
    return next((path for path in usual if path.exists()), None)


def new_config_file(args: Namespace) -> Path:
    """Where a settings file is written when there is none."""
    return Path(args.config) if args.config else Path("tawny.toml")


def load_settings(args: Namespace) -> tuple[Settings, Path | None]:
    """The settings and their file; defaults when there is no file."""
    path = config_file(args)
    return (read_settings(path), path) if path else (Settings(), None)


def data_folder(args: Namespace, chosen: Settings) -> Path:
    """`--data`, else `storage.path`, else /var/lib/tawny for root and ~/tawny for others."""
    if getattr(args, "data", None):
        return Path(args.data)
    if chosen.storage.path:
        return Path(chosen.storage.path).expanduser()
    return Path("/var/lib/tawny") if os.geteuid() == 0 else Path.home() / "tawny"


def new_file(path: Path) -> Path:
    """For what is about to be made: found out before the work, not after it. NotDone."""
    if path.exists():
        raise NotDone(f"{path} already exists.", "Choose another name with `-o`.")
    if not path.parent.is_dir():
        raise NotDone(f"Folder {path.parent} doesn't exist.", "Create it, or choose another one with `-o`.")
    return path


def demo_folder() -> Path:
    """Where the demo records unless told otherwise."""
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "tawny-demo"


def existing_data(args: Namespace) -> tuple[Settings, Path]:
    """Settings and the folder of recordings, for commands that look at what is there. NotDone when it is not."""
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
    """The folder of a recorder that may run now; in memory mode it is only its name. NotDone when it is not."""
    chosen, _ = load_settings(args)
    folder = data_folder(args, chosen)
    return folder if is_in_memory(folder) else existing_data(args)[1]


def _home_config() -> Path:
    base = os.environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "tawny"

"""Edit `tawny.toml` preserving comments, order and spacing. Invariant: the file is replaced atomically."""

import os
import tempfile
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.items import Table

from tawny.config.loader import known_secrets, parse_settings
from tawny.model.errors import FolderUnwritable, NotDone, SettingsError

TEMPLATE = """\
# tawny settings. A camera needs only a source; everything else has a sensible default.
# All settings: docs/reference/settings.md. To check this file: tawny config check
# Passwords: write ${NAME} and put NAME = "secret" into secrets.toml in the same folder (chmod 600), or set NAME in the
# environment.

[storage]
path = ""                       # folder for recordings; empty: ~/tawny
# retention = { min = "14 days", max = "90 days", max_size = "200 GB", min_free = "10 %", events = "60 days" }

[web]
listen = "127.0.0.1:8000"       # 0.0.0.0:8000 lets other devices connect, once the owner account exists

# [cameras.front-door]
# source = "rtsp://admin:${FRONT_DOOR}@192.168.1.20/main"
# sub    = "rtsp://admin:${FRONT_DOOR}@192.168.1.20/sub"    # sub stream: used for detection, and kept longer
# name   = "Front door"
# pre    = "5 s"                # pre-roll before an event
# post   = "10 s"               # post-roll after it
"""


def write_new(path: Path) -> None:
    """Write a commented settings file, readable by its owner only, as addresses in it may contain passwords.

    Raises NotDone: when it exists; FolderUnwritable.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "x", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(TEMPLATE)
    except FileExistsError:
        raise NotDone(f"{path} already exists.", "Nothing was changed. Edit the file, or delete it first.") from None
    except OSError as error:
        raise FolderUnwritable(str(path.parent), error.strerror or "") from None


def add_camera(path: Path, camera_id: str, values: dict[str, str]) -> None:
    """Add `[cameras.<id>]`. Raises SettingsError: when the result would be invalid; nothing is changed then."""
    text = path.read_text(encoding="utf-8")
    document = tomlkit.parse(text)
    cameras = document.setdefault("cameras", tomlkit.table(is_super_table=True))
    if camera_id in cameras:
        raise NotDone(f"{path} already has a camera named {camera_id}.", "Choose another name, or edit that camera.")
    camera: Table = tomlkit.table()
    for key, value in values.items():
        camera[key] = value
    cameras[camera_id] = camera
    new = tomlkit.dumps(document)
    _, problems = parse_settings(new, known_secrets(path.parent))
    if problems:
        raise SettingsError(str(path), tuple(problems))
    replace_file(path, new)


def put_table(path: Path, table: str, values: dict[str, object]) -> None:
    """Set values in `[table]` or `[table.table]`.

    Raises SettingsError: when the result would be invalid; nothing is changed then.
    """
    document = tomlkit.parse(path.read_text(encoding="utf-8"))
    target: Any = document
    for name in table.split("."):
        target = target.setdefault(name, tomlkit.table())
    for key, value in values.items():
        target[key] = value
    new = tomlkit.dumps(document)
    _, problems = parse_settings(new, known_secrets(path.parent))
    if problems:
        raise SettingsError(str(path), tuple(problems))
    replace_file(path, new)


def replace_file(path: Path, text: str) -> None:
    """Replace the file atomically: write a temporary file, sync, rename. Raises FolderUnwritable."""
    try:
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, delete=False) as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary = Path(file.name)
        temporary.chmod(path.stat().st_mode & 0o777)
        temporary.replace(path)
    except OSError as error:
        raise FolderUnwritable(str(path.parent), error.strerror or "") from None

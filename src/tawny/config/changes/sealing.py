"""Change which cameras are encrypted, and their keys, in the settings file. Only differences are written."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit

from tawny.config.changes.toml_edit import replace_file
from tawny.config.loader import known_secrets, parse_settings
from tawny.config.settings import Settings
from tawny.model.errors import NotDone, SettingsError


def change_seal(
    path: Path, *, everything: bool, cameras: Mapping[Any, bool], keys: tuple[str, str] | None = None
) -> Settings:
    """Write the encryption settings and return the resulting settings.

    cameras: whether each named camera is encrypted; all others follow `everything`.
    keys: public keys of owner and recovery sheet, for the first setup only.
    Raises NotDone: when a camera is not in the file, or keys already exist.
    Raises SettingsError, FolderUnwritable: nothing was changed.
    """
    document = tomlkit.parse(path.read_text(encoding="utf-8"))
    before, problems = parse_settings(document.as_string(), known_secrets(path.parent))
    if before is None:
        raise SettingsError(str(path), tuple(problems))
    if keys is not None:
        if before.encryption.all:
            raise NotDone(
                f"{path} already has keys under [encryption].", "Recordings encrypted with them still need them."
            )
        table: Any = document.setdefault("encryption", tomlkit.table())
        table["recipients"], table["recovery"] = [keys[0]], keys[1]
    if before.storage.encrypt != everything:
        storage: Any = document.setdefault("storage", tomlkit.table())
        storage["encrypt"] = everything
    for name in cameras.keys() - before.cameras.keys():
        raise NotDone(f"{path} has no camera {name}.", "It may have been removed. Reload the page.")
    for name, camera in before.cameras.items():
        own = cameras.get(name)
        own = None if own == everything else own
        tables: Any = document["cameras"]
        if own is None and camera.encrypt is not None:
            tables[name].pop("encrypt", None)
        elif own is not None and own != camera.encrypt:
            tables[name]["encrypt"] = own
    text = tomlkit.dumps(document)
    after, problems = parse_settings(text, known_secrets(path.parent))
    if after is None:
        raise SettingsError(str(path), tuple(problems))
    if text != path.read_text(encoding="utf-8"):
        replace_file(path, text)
    return after

"""Change retention in the settings file. Only differences are written; comments and order stay.

Values use the notation of the file: `{"min": "14 days", "events": {"person": "60 days"}}`.
"""

from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any, Final

import tomlkit
from tomlkit.items import InlineTable, Item

from tawny.config.changes.toml_edit import replace_file
from tawny.config.loader import known_secrets, parse_settings
from tawny.config.retention import CameraRetentionSettings, RetentionSettings, StreamRetentionSettings
from tawny.config.settings import Settings
from tawny.config.units import duration_text, share_text
from tawny.model.errors import NotDone, SettingsError

Words = Mapping[str, Any]

_UNITS: Final = (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 1000))


def retention_to_table(
    keep: RetentionSettings | CameraRetentionSettings | StreamRetentionSettings | None,
) -> dict[str, Any]:
    """Return the table as in the file; values a camera inherits are omitted."""
    if keep is None:
        return {}
    said = keep.model_dump(exclude_none=True)
    return {key: _word(key, value, keep) for key, value in said.items()}


def _word(key: str, value: Any, keep: RetentionSettings | CameraRetentionSettings | StreamRetentionSettings) -> Any:
    if key == "sub":
        return retention_to_table(getattr(keep, "sub", None))
    if key == "events":
        return {kind: duration_text(seconds) for kind, seconds in value.items()}
    if key == "min_free":
        return share_text(value)
    if key == "max_size":
        return _size(value)
    return value if key == "max_files" else duration_text(value)


def _size(size_bytes: int) -> str:
    """Return the exact size as text, so that writing it back never changes the value."""
    for unit, unit_bytes in _UNITS:
        if size_bytes >= unit_bytes and (size_bytes * 1000) % unit_bytes == 0:
            return f"{size_bytes / unit_bytes:.10g} {unit}"
    return f"{size_bytes} B"


def parse_retention(
    everyone: Words, cameras: Mapping[Any, Words]
) -> tuple[RetentionSettings, dict[str, CameraRetentionSettings | None]]:
    """Validate values in file notation. Raises SettingsError."""
    document: dict[str, Any] = {
        "storage": {"retention": dict(everyone)},
        "cameras": {
            name: {"source": "demo:", **({"retention": dict(keep)} if keep else {})} for name, keep in cameras.items()
        },
    }
    made, problems = parse_settings(tomlkit.dumps(document), {})
    if made is None:
        raise SettingsError("the settings", tuple(problem._replace(line=None) for problem in problems))
    return made.storage.retention, {name: camera.retention for name, camera in made.cameras.items()}


def change_retention(path: Path, everyone: Words, cameras: Mapping[Any, Words]) -> Settings:
    """Write retention and return the resulting settings. cameras: replaces the retention table of each named camera.

    Raises NotDone: when a camera is not in the file. Raises SettingsError, FolderUnwritable: nothing was changed.
    """
    document = tomlkit.parse(path.read_text(encoding="utf-8"))
    before, problems = parse_settings(document.as_string(), known_secrets(path.parent))
    if before is None:
        raise SettingsError(str(path), tuple(problems))
    _change(document.setdefault("storage", tomlkit.table()), retention_to_table(before.storage.retention), everyone)
    for name, keep in cameras.items():
        if name not in before.cameras:
            raise NotDone(f"{path} has no camera {name}.", "It may have been removed. Reload the page.")
        tables: Any = document["cameras"]
        _change(tables[name], retention_to_table(before.cameras[name].retention), keep)
    text = tomlkit.dumps(document)
    after, problems = parse_settings(text, known_secrets(path.parent))
    if after is None:
        raise SettingsError(str(path), tuple(problems))
    if text != path.read_text(encoding="utf-8"):
        replace_file(path, text)
    return after


def _change(above: MutableMapping[str, Any], old: Words, new: Words) -> None:
    """Change the `retention` table below `above` from `old` to `new`."""
    if old == new:
        return
    if not new:
        above.pop("retention", None)
        return
    if "retention" not in above:
        above["retention"] = tomlkit.inline_table()
    table: MutableMapping[str, Any] = above["retention"]
    for key in old.keys() - new.keys():
        table.pop(key, None)
    for key, value in new.items():
        if old.get(key) != value:
            table[key] = _item(value)


def _item(value: Any) -> Item:
    if not isinstance(value, Mapping):
        plain: Item = tomlkit.item(value)
        return plain
    made: InlineTable = tomlkit.inline_table()
    for key, each in value.items():
        made.append(key, _item(each))
    return made

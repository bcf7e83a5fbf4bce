"""Change a camera's detection settings in the settings file. Only differing keys are written.

Comments, order and the notation of unchanged settings stay. An invalid result is not written.
"""

from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

import tomlkit

from tawny.config.changes.toml_edit import replace_file
from tawny.config.loader import known_secrets, parse_settings
from tawny.config.settings import DetectionSettings, Points, Settings
from tawny.config.units import duration_text, share_text
from tawny.model.errors import NotDone, SettingsError

_TIMES = frozenset({"min_time", "loitering_after", "object_left_after", "hold"})
_SHARES = frozenset({"min_size", "sure"})
"""Settings with units in tawny's own tables; tables of detectors contain plain numbers."""
DIGITS = 4
"""Decimal places of point coordinates (a ten-thousandth of the image)."""


def change_detection(path: Path, camera: str, watch: DetectionSettings, privacy_masks: tuple[Points, ...]) -> Settings:
    """Write a camera's detection settings and privacy masks; return the resulting settings.

    Raises NotDone: when the camera is not in the file. Raises SettingsError, FolderUnwritable: nothing was changed.
    """
    document = tomlkit.parse(path.read_text(encoding="utf-8"))
    before, problems = parse_settings(document.as_string(), known_secrets(path.parent))
    if before is None:
        raise SettingsError(str(path), tuple(problems))
    if camera not in before.cameras:
        raise NotDone(f"{path} has no camera {camera}.", "It may have been removed. Reload the page.")
    cameras: Any = document["cameras"]
    table: Any = cameras[camera]
    if "detection" not in table:
        table["detection"] = tomlkit.table()
    put(table["detection"], plain_table(before.cameras[camera].detection), plain_table(watch))
    if before.cameras[camera].privacy_masks != privacy_masks:
        table.pop("privacy_masks", None)
        if privacy_masks:
            table["privacy_masks"] = tomlkit.item(_rounded(privacy_masks))
    text = tomlkit.dumps(document)
    after, problems = parse_settings(text, known_secrets(path.parent))
    if after is None:
        raise SettingsError(str(path), tuple(problems))
    replace_file(path, text)
    return after


def plain_table(watch: DetectionSettings) -> dict[str, Any]:
    """Return the settings as in the file: times and shares as text, points rounded, defaults omitted."""
    said = watch.model_dump(mode="json", exclude_defaults=True)
    made = {key: _rounded(value) for key, value in said.items()}
    for key in ("zones", "lines"):
        if key in made:
            made[key] = {name: _place(place) for name, place in made[key].items()}
    if "sound" in made:
        made["sound"] = _with_units(made["sound"])
    return made


def _place(said: Mapping[str, Any]) -> Any:
    """Return only the points if nothing else is set."""
    made = _with_units(said)
    return made["points"] if set(made) == {"points"} else made


def _with_units(said: Mapping[str, Any]) -> dict[str, Any]:
    made = dict(said)
    for key in _TIMES & made.keys():
        made[key] = duration_text(made[key])
    for key in _SHARES & made.keys():
        made[key] = share_text(made[key])
    return made


def _rounded(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _rounded(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(each) for each in value]
    return round(value, DIGITS) if isinstance(value, float) else value


def put(table: MutableMapping[str, Any], old: Mapping[str, Any], new: Mapping[str, Any], *, deep: bool = False) -> None:
    """Change the table from `old` to `new`, touching only keys that differ."""
    for key in old.keys() - new.keys():
        table.pop(key, None)
    for key, value in new.items():
        if old.get(key) == value and key in table:
            continue
        if isinstance(value, Mapping) and isinstance(table.get(key), MutableMapping):
            before = old.get(key)
            put(table[key], before if isinstance(before, Mapping) else {}, value, deep=True)
        else:
            table[key] = _item(value, deep=deep)


def _item(value: Any, *, deep: bool) -> Any:
    """Return the value as a TOML item: the outer table multi-line, nested tables inline."""
    if not isinstance(value, Mapping):
        return tomlkit.item(value)
    made: Any = tomlkit.inline_table() if deep else tomlkit.table()
    for key, each in value.items():
        made[key] = _item(each, deep=True)
    return made

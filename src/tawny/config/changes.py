"""Changes of `tawny.toml`. Only what differs is written; comments, order and notation of the rest stay.

A change parses the file, edits the document and parses the result: an invalid one is not written. Values use the
notation of the file: `{"min": "14 days"}`, `{"do": ["notify phone"]}`. Invariant: the file is replaced atomically.
"""

from collections.abc import Mapping, MutableMapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import tomlkit
from pydantic import ValidationError
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT, Table

from tawny.config.file_writing import read_file, replace_file, unchanged
from tawny.config.loader import known_secrets, parse_settings, refuse_references
from tawny.config.mode_presets import FAMILY_TEXT
from tawny.config.modes import (
    PLACES,
    ModesSettings,
    PersonPresenceSettings,
    PresenceSettings,
    RuleCondition,
    RuleSettings,
)
from tawny.config.retention import CameraRetentionSettings, RetentionSettings, StreamRetentionSettings
from tawny.config.settings import CameraSettings, DetectionSettings, Settings, in_mode
from tawny.config.toml_editing import is_inline, new_table, put_values, toml_item, unset_key
from tawny.config.units import duration_text, share_text
from tawny.config.zones import Points, turned_points
from tawny.model.errors import NotDone, Problem, SettingsError
from tawny.model.geometry import Orientation
from tawny.model.segments import Recording
from tawny.model.validation import allowed_text, path_parts

Words = Mapping[str, Any]
"""A table in the notation of the file."""

TEMPLATE = """\
# tawny settings. A camera needs only a source; everything else has a sensible default.
# All settings: docs/reference/settings.md. To check this file: tawny config check
# Passwords: write ${NAME} and put NAME = "secret" into secrets.toml in the same folder (chmod 600), or set NAME in the
# environment.

[storage]
path = {folder}                       # folder for recordings; empty: ~/.local/share/tawny
# retention = { min = "14 days", max = "90 days", max_size = "200 GB", min_free = "10 %", events = "60 days" }

[web]
listen = {listen}       # 127.0.0.1:8000: this computer only; 0.0.0.0:8000: other devices too

{modes}# [cameras.front-door]
# source = "rtsp://admin:${FRONT_DOOR}@192.168.1.20/main"
# sub    = "rtsp://admin:${FRONT_DOOR}@192.168.1.20/sub"    # sub stream: used for detection, and kept longer
# name   = "Front door"
# pre    = "5 s"                # pre-roll before an event
# post   = "10 s"               # post-roll after it
"""


def template(listen: str = "127.0.0.1:8000", folder: str = "") -> str:
    """Return the content of a new settings file. folder: for recordings; empty: the default one."""
    listen, folder = (tomlkit.item(text).as_string() for text in (listen, folder))
    return TEMPLATE.replace("{listen}", listen).replace("{folder}", folder).replace("{modes}", FAMILY_TEXT)


def put_table(path: Path, table: str, values: dict[str, object]) -> None:
    """Set values in `[table]` or `[table.table]`. Raises SettingsError: nothing is changed then."""
    put_tables(path, {table: values})


def put_tables(path: Path, tables: Mapping[str, Mapping[str, object]]) -> None:
    """Do the same in several tables, in one write."""
    document, was = _document(path)
    for table, values in tables.items():
        target: Any = document
        names = table.split(".")
        for depth, name in enumerate(names):
            if name not in target:
                target[name] = new_table(document, *names[:depth])
            target = target[name]
        for key, value in values.items():
            target[key] = value
    _write(path, document, was)


# Detection settings of a camera.

_TIMES = frozenset({"min_time", "loitering_after", "object_left_after", "hold", "cooldown"})
_SHARES = frozenset({"min_size", "sure"})
"""Settings with units in tawny's own tables; tables of detectors contain plain numbers."""
DIGITS = 4
"""Decimal places of point coordinates (a ten-thousandth of the image)."""


def change_detection(path: Path, camera: str, watch: DetectionSettings, privacy_masks: tuple[Points, ...]) -> Settings:
    """Write a camera's detection settings and privacy masks; return the resulting settings.

    Raises NotDone: when the camera is not in the file. Raises SettingsError, FolderUnwritable: nothing was changed.
    """
    document, before, was = _read(path)
    _camera_table(document, before, camera, path)
    _put_detection(document, camera, before.cameras[camera], watch, privacy_masks)
    return _write(path, document, was)


def _camera_table(document: Any, before: Settings, camera: str, path: Path) -> Any:
    if camera not in before.cameras:
        raise NotDone(f"{path} has no camera {camera}.", "It may have been removed. Reload the page.")
    return document["cameras"][camera]


def _put_detection(
    document: Any, camera: str, before: CameraSettings, watch: DetectionSettings, privacy_masks: tuple[Points, ...]
) -> None:
    table: Any = document["cameras"][camera]
    old, new = plain_table(before.detection), plain_table(watch)
    if old != new and "detection" not in table:
        table["detection"] = new_table(document, "cameras", camera)
        table = document["cameras"][camera]
    if old != new:
        put_values(
            table["detection"],
            old,
            new,
            deep=is_inline(document, "cameras", camera, "detection"),
            defaults=plain_table(watch, complete=True),
        )
    if before.privacy_masks != privacy_masks:
        if privacy_masks:
            table["privacy_masks"] = tomlkit.item(_rounded(privacy_masks))
        else:
            unset_key(table, "privacy_masks", [])


# How a camera's image is turned. Zones, lines and masks are drawn on the image as shown, so they turn with it.


def turned_camera(camera: CameraSettings, orientation: Orientation) -> CameraSettings:
    """Return the camera with this orientation, and with zones, lines and masks on the same things as before."""
    before, watch = camera.orientation, camera.detection
    detection = {
        "zones": {name: zone.turned(before, orientation) for name, zone in watch.zones.items()},
        "lines": {name: line.turned(before, orientation) for name, line in watch.lines.items()},
        "motion_masks": tuple(turned_points(mask, before, orientation) for mask in watch.motion_masks),
    }
    return camera.model_copy(
        update={
            "rotate": orientation.rotate,
            "mirror": orientation.mirror,
            "detection": watch.model_copy(update=detection),
            "privacy_masks": tuple(turned_points(mask, before, orientation) for mask in camera.privacy_masks),
        }
    )


def change_orientation(path: Path, camera: str, orientation: Orientation) -> Settings:
    """Write how a camera's image is turned, with zones, lines and masks; return the resulting settings.

    Raises NotDone: when the camera is not in the file. Raises SettingsError, FolderUnwritable: nothing was changed.
    """
    document, before, was = _read(path)
    table = _camera_table(document, before, camera, path)
    after = turned_camera(before.cameras[camera], orientation)
    for key, value, usual in (("rotate", after.rotate, 0), ("mirror", after.mirror, False)):
        if value == usual:
            unset_key(table, key, usual)
        elif table.get(key) != value:
            table[key] = value
    _put_detection(document, camera, before.cameras[camera], after.detection, after.privacy_masks)
    return _write(path, document, was)


def plain_table(watch: DetectionSettings, *, complete: bool = False) -> dict[str, Any]:
    """Return the settings as in the file: times and shares as text, points rounded, defaults omitted.

    complete: with the defaults.
    """
    values = watch.model_dump(mode="json", exclude_defaults=not complete)
    made = {key: _rounded(value) for key, value in values.items()}
    for key in ("zones", "lines"):
        if key in made:
            made[key] = {name: _place(place) for name, place in made[key].items()}
    if "sound" in made:
        made["sound"] = _with_units(made["sound"])
    return made


def _place(table: Mapping[str, Any]) -> Any:
    """Return only the points if nothing else is set."""
    made = _with_units(table)
    return made["points"] if set(made) == {"points"} else made


def _with_units(table: Mapping[str, Any]) -> dict[str, Any]:
    made = dict(table)
    for keys, as_text in ((_TIMES, duration_text), (_SHARES, share_text)):
        made |= {key: as_text(made[key]) for key in keys & made.keys() if made[key] is not None}
    return made


def _rounded(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _rounded(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(each) for each in value]
    return round(value, DIGITS) if isinstance(value, float) else value


# Retention.

_UNITS: Final = (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 1000))


def retention_to_table(
    keep: RetentionSettings | CameraRetentionSettings | StreamRetentionSettings | None,
) -> dict[str, Any]:
    """Return the table as in the file; values a camera inherits are omitted."""
    if keep is None:
        return {}
    values = keep.model_dump(exclude_none=True)
    return {key: _word(key, value, keep) for key, value in values.items()}


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


def without_defaults(now: RetentionSettings, table: Words) -> Words:
    """Return the table without values that are unchanged defaults, as `change_retention` leaves them out of the file.

    Otherwise `events` would count as set by the user, and outlast `max` in the preview but not in what is deleted.
    """
    shown = retention_to_table(now)
    return {key: value for key, value in table.items() if key in now.model_fields_set or value != shown.get(key)}


def change_retention(path: Path, everyone: Words, cameras: Mapping[Any, Words]) -> Settings:
    """Write retention and return the resulting settings. cameras: replaces the retention table of each named camera.

    Raises NotDone: when a camera is not in the file. Raises SettingsError, FolderUnwritable: nothing was changed.
    """
    document, before, was = _read(path)
    _change(document.setdefault("storage", tomlkit.table()), retention_to_table(before.storage.retention), everyone)
    for name, keep in cameras.items():
        if name not in before.cameras:
            raise NotDone(f"{path} has no camera {name}.", "It may have been removed. Reload the page.")
        tables: Any = document["cameras"]
        _change(tables[name], retention_to_table(before.cameras[name].retention), keep)
    return _write(path, document, was)


def _change(above: MutableMapping[str, Any], old: Words, new: Words) -> None:
    """Change the `retention` table below `above` from `old` to `new`."""
    if old == new:
        return
    if not new:
        unset_key(above, "retention")
        return
    if "retention" not in above:
        above["retention"] = tomlkit.inline_table()
    table: MutableMapping[str, Any] = above["retention"]
    for key in old.keys() - new.keys():
        unset_key(table, key)
    for key, value in new.items():
        if old.get(key) != value:
            table[key] = toml_item(value, deep=True)


# What is recorded of a camera.


def change_recording(
    path: Path, camera: str, record: Recording, around_s: tuple[float, float], modes: Mapping[str, Recording]
) -> Settings:
    """Write what is recorded and return the resulting settings. around_s: pre-roll and post-roll, s.

    modes: what single modes record instead. Raises NotDone, SettingsError, FolderUnwritable: nothing was changed.
    """
    document, before, was = _read(path)
    if camera not in before.cameras:
        raise NotDone(f"{path} has no camera {camera}.", "It may have been removed. Reload the page.")
    table: Any = document["cameras"][camera]
    old, usual = before.cameras[camera], CameraSettings(source="demo:")
    new = {"record": record, "pre": around_s[0], "post": around_s[1]}
    for key, value in new.items():
        if value == getattr(old, key):
            continue
        text = value if isinstance(value, str) else duration_text(value)
        if value == getattr(usual, key):
            unset_key(table, key, text)
        else:
            table[key] = text
    old_modes = modes_to_table(before.modes)
    new_modes = modes_to_table(with_recording_in_modes(before.modes, camera, modes))
    if old_modes != new_modes:
        if "modes" not in document:
            document["modes"] = tomlkit.table()
        of_modes: Any = document["modes"]
        put_values(of_modes, old_modes, new_modes)
    return _write(path, document, was)


def with_recording_in_modes(modes: ModesSettings, camera: str, records: Mapping[str, Recording]) -> ModesSettings:
    """Return the modes with what each records of a camera; those not given record what its own setting says.

    Raises SettingsError.
    """
    table = modes_to_table(modes)
    for mode in (*modes.names, *records):
        found = dict(table.get(mode, {}).get("cameras", {}).get(camera, {}))
        found.pop("record", None)
        if mode in records:
            found.pop("privacy", None)
            found["record"] = records[mode]
        put_in_mode(table, mode, camera, found)
    return parse_modes(table, [])[0]


def put_in_mode(table: dict[str, Any], mode: str, camera: str, found: Words) -> None:
    """Replace what a mode says of a camera in the table `modes`, in the notation of the file; empty: nothing."""
    of_mode = dict(table.pop(mode, {}))
    cameras = {**of_mode.pop("cameras", {}), camera: dict(found)}
    of_mode |= {"cameras": left} if (left := {key: value for key, value in cameras.items() if value}) else {}
    table |= {mode: of_mode} if of_mode else {}


# Modes and rules.


def modes_to_table(modes: ModesSettings) -> dict[str, Any]:
    """Return the table as in the file, without defaults."""
    values = {
        "names": list(modes.names),
        "schedule": {mode: [str(one) for one in stretches] for mode, stretches in modes.schedule.items()},
        "exceptions": _spans(modes.exceptions),
        "location": list(modes.location),
        "presence": _presence_words(modes.presence),
        **{name: table.model_dump(mode="json", exclude_defaults=True) for name, table in modes.tables.items()},
    }
    usual = {"names": list(ModesSettings().names)}
    return {key: value for key, value in values.items() if value and value != usual.get(key)}


def without_channel(settings: Settings, channel: str) -> dict[str, Any]:
    """Return the table `modes` without a notification channel that these settings no longer have.

    Raises SettingsError: where a camera would notify by none, although there are others.
    """
    modes, left = settings.modes, settings.notifiers.keys()
    detecting = [camera for camera, one in settings.cameras.items() if one.detection.detector != "off"]
    cells = [(mode, in_mode(settings, mode, camera)) for mode in modes.names for camera in detecting]
    silent = [
        mode
        for mode, cell in cells
        if channel in (cell.channels or ()) and left.isdisjoint(cell.channels or ()) and cell.may_notify
    ]
    if silent and left:
        names = ", ".join(dict.fromkeys(silent))
        allowed = f"Some cameras notify only by it in {names}: choose another channel in those cells first"
        raise SettingsError("the settings", (Problem("modes", "", allowed),))
    found = modes_to_table(modes)
    for mode in modes.tables.keys() & found.keys():
        for cell in (*found[mode].get("cameras", {}).values(), *(found[mode].get(place, {}) for place in PLACES)):
            if channel in cell.get("channels", ()):
                cell["channels"] = [one for one in cell["channels"] if one in left]
                if not cell["channels"]:
                    del cell["channels"]
    return found


def rule_to_table(rule: RuleSettings) -> dict[str, Any]:
    found: dict[str, Any] = {"name": rule.name} if rule.name else {}
    when = _when_words(rule.when)
    if when:
        found["when"] = when
    return found | {"do": [str(one) for one in rule.do]}


def parse_modes(modes: Words, rules: Sequence[Words]) -> tuple[ModesSettings, tuple[RuleSettings, ...]]:
    """Validate values in file notation. Raises SettingsError."""
    try:
        made = Settings.model_validate({"modes": dict(modes), "rules": [dict(rule) for rule in rules]})
    except ValidationError as error:
        raise SettingsError("your input", tuple(_problems(error))) from None
    return made.modes, made.rules


def change_modes(path: Path, modes: Words, rules: Sequence[Words]) -> Settings:
    """Write both and return the resulting settings. Raises SettingsError, FolderUnwritable: nothing was changed."""
    new_modes, new_rules = parse_modes(modes, rules)
    document, before, was = _read(path)
    old, new = modes_to_table(before.modes), modes_to_table(new_modes)
    if old != new:
        if "modes" not in document:
            document["modes"] = tomlkit.table()
        table: Any = document["modes"]
        put_values(table, old, new)
    if before.rules != new_rules:
        _put_rules(document, before.rules, new_rules)
    return _write(path, document, was)


def _put_rules(document: Any, old: Sequence[RuleSettings], new: Sequence[RuleSettings]) -> None:
    """Replace the rules; unchanged rules keep their notation and comments, even if moved."""
    there: Any = document.get("rules", [])
    tables = [(rule, there[number]) for number, rule in enumerate(old)] if isinstance(there, AoT) else []
    made = tomlkit.aot()
    for rule in new:
        known = next((pair for pair in tables if pair[0] == rule), None)
        if known is not None:
            tables.remove(known)
        made.append(known[1] if known is not None else _rule_table(rule))
    document.pop("rules", None)
    if new:
        document["rules"] = made


def _rule_table(rule: RuleSettings) -> Table:
    table = tomlkit.table()
    for key, value in rule_to_table(rule).items():
        if key == "when":
            when = tomlkit.inline_table()
            when.update(value)
            table[key] = when
        else:
            table[key] = value
    return table


def _presence_words(presence: PresenceSettings) -> dict[str, Any]:
    usual = PresenceSettings()
    found: dict[str, Any] = _somebody_words(presence)
    if presence.people:
        found["people"] = {name: _somebody_words(one) for name, one in presence.people.items()}
    if not presence.automatic:
        found["automatic"] = False
    for key in ("every", "away_after", "grace"):
        if getattr(presence, key) != getattr(usual, key):
            found[key] = duration_text(getattr(presence, key))
    for key in ("nobody", "back"):
        if getattr(presence, key) != getattr(usual, key):
            found[key] = getattr(presence, key)
    return found


def _somebody_words(one: PersonPresenceSettings) -> dict[str, Any]:
    return {key: list(getattr(one, key)) for key in ("ping", "mac", "mdns") if getattr(one, key)}


def _when_words(when: RuleCondition) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key in ("camera", "kind", "zone", "recognized", "mode", "between", "home", "away"):
        several = [str(one) for one in getattr(when, key)]
        if several:
            found[key] = several[0] if len(several) == 1 else several
    if when.include_possible:
        found["include_possible"] = True
    if when.min_duration:
        found["min_duration"] = duration_text(when.min_duration)
    return found


def _spans(dates: Mapping[str, str]) -> dict[str, str]:
    """Merge consecutive days with the same value into ranges."""
    found: list[tuple[date, date, str]] = []
    for day, meant in sorted((date.fromisoformat(day), meant) for day, meant in dates.items()):
        if found and found[-1][1] + timedelta(days=1) == day and found[-1][2] == meant:
            found[-1] = found[-1][0], day, meant
        else:
            found.append((day, day, meant))
    return {str(begin) if begin == end else f"{begin} to {end}": meant for begin, end, meant in found}


def _problems(error: ValidationError) -> list[Problem]:
    return [
        Problem(".".join(path_parts(one)), "an invalid value", allowed_text(one))
        for one in error.errors(include_url=False)
    ]


# Which cameras are encrypted, and their keys.


def change_seal(
    path: Path, *, everything: bool, cameras: Mapping[Any, bool], keys: tuple[str, str] | None = None
) -> Settings:
    """Write the encryption settings and return the resulting settings.

    cameras: whether each named camera is encrypted; all others follow `everything`.
    keys: public keys of owner and recovery sheet, for the first setup only.
    Raises NotDone: when a camera is not in the file, or keys already exist.
    Raises SettingsError, FolderUnwritable: nothing was changed.
    """
    document, before, was = _read(path)
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
            unset_key(tables[name], "encrypt")
        elif own is not None and own != camera.encrypt:
            tables[name]["encrypt"] = own
    return _write(path, document, was)


# Read, write and edit the document.


def _document(path: Path) -> tuple[Any, str]:
    """Return the file as a document, and its text. Raises SettingsError: when it has been damaged or removed."""
    try:
        text = read_file(path)
        return tomlkit.parse(text), text
    except (OSError, UnicodeDecodeError, TOMLKitError) as error:
        raise SettingsError(str(path), (Problem("file", str(error), "valid TOML"),)) from None


def _read(path: Path) -> tuple[Any, Settings, str]:
    """Return the file as a document that keeps its notation, its settings, and its text. Raises SettingsError."""
    document, text = _document(path)
    settings, problems = parse_settings(text, known_secrets(path.parent))
    if settings is None:
        raise SettingsError(str(path), tuple(problems))
    return document, settings, text


def _write(path: Path, document: Any, was: str) -> Settings:
    """Replace the file if the document differs from `was`, the text that was read; return its settings.

    Raises SettingsError, FolderUnwritable, NotDone: nothing was changed.
    """
    text = tomlkit.dumps(document)
    refuse_references(path, [was], text)
    settings, problems = parse_settings(text, known_secrets(path.parent))
    if settings is None:
        raise SettingsError(str(path), tuple(problems))
    if text != was:
        with unchanged(path, was):
            replace_file(path, text)
    return settings

"""The catalog of all settings, made from their types: words, kind, default and limits of each key of `tawny.toml`.

Tables with names of the user's own have `<name>` in their path: `cameras.<id>`, `destinations.<name>`. Tables of a list
end with `[]`: `storage.tiers[]`.
"""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from annotated_types import Ge, Le, MaxLen
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from tawny.config.effects import is_in, takes_effect_at_start
from tawny.config.quantities import Duration, Share, Size
from tawny.config.settings import Settings
from tawny.config.units import duration_text, share_text, size_text

Kind = Literal["switch", "number", "text", "choice", "duration", "size", "share", "list", "secret", "page", "file"]
"""How a value is entered. page: on a page of its own, which tries it. file: only in the file, because it is a table, a
list of tables, or names programs and keys."""
Plain = bool | int | float | str | list[str] | None

_UNITS: Final[tuple[tuple[Any, Kind], ...]] = ((Duration, "duration"), (Size, "size"), (Share, "share"))
_SECRET: Final = re.compile(r"secret|token|password|metrics")
_WITH_PASSWORD: Final = frozenset({"url", "source", "sub", "onvif", "database"})
"""Addresses that may contain a password."""
_FILE_ONLY: Final = (
    "scripts", "recognizers", "removed_cameras", "log.file", "storage.mode", "storage.spare", "storage.mirror",
    "relays.<name>.script", "cameras.<id>.recipients", "cameras.<id>.event_api", "sign_in.proxy_header",
    "api_clients.<name>.socket", "webhooks.<name>.clips", "webhooks.<name>.url",
    "fleet.nats.credentials", "hub.nats.credentials", "updates.command",
)  # fmt: skip
"""Tables and keys that name programs, folders or keys of this computer: a browser must not set them."""
_OWN_PAGE: Final = (
    "cameras.<id>.source", "cameras.<id>.sub", "cameras.<id>.onvif", "destinations.<name>.url", "notifiers.<name>.url",
    "web.secure", "encryption", "storage.path", "modes.names", "modes.schedule", "modes.exceptions", "modes.location",
    "cameras.<id>.privacy_masks", "cameras.<id>.detection.zones", "cameras.<id>.detection.lines",
    "cameras.<id>.detection.motion_masks", "cameras.<id>.detection.detector", "rules[]", "storage.retention.events",
    "cameras.<id>.retention.events", "modes.presence.people",
)  # fmt: skip


_MAY_NAME_FILES: Final = re.compile(
    r"cameras\.[^.]+\.detection\.sound\.(model|labels)|search\.model|object_detection\.kinds|recognizers\.[^.]+\.model"
)
"""Settings that take the name of a model of tawny's, or in the settings file a file, which may be a program."""
_FILE: Final = re.compile(r"[/\\]|^~|\.(py|onnx|txt)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SettingKey:
    """One key of a table. default: as text; empty: none. required: the table is invalid without it.

    at_start: a change takes effect when tawny starts again.
    """

    key: str
    kind: Kind
    help: str
    default: str = ""
    choices: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None
    required: bool = False
    at_start: bool = False


@dataclass(frozen=True, slots=True)
class SettingTable:
    """A table of the file."""

    path: str
    about: str
    keys: tuple[SettingKey, ...]


@dataclass(frozen=True, slots=True)
class WrittenValue:
    """What the file says. value: None for a secret or a table. line: in the file."""

    value: Plain
    line: int | None


@dataclass(frozen=True, slots=True)
class TableInstance:
    """A table as it can be written: `cameras.front` for `cameras.<id>`. written: by key."""

    path: str
    table: str
    written: Mapping[str, WrittenValue] = field(default_factory=dict)


def catalog() -> tuple[SettingTable, ...]:
    """Return all tables in the order of the settings."""
    return tuple(_tables(Settings, ""))


def instances(tables: tuple[SettingTable, ...], text: str) -> list[TableInstance]:
    """Return each table that the file has or can have. text: the file. Raises tomllib.TOMLDecodeError."""
    written, lines = tomllib.loads(text), _lines(text)
    found = []
    for table in tables:
        if table.path.endswith("[]") or "[]." in table.path:
            continue  # its keys are only in the file
        for path, values in _matching(table.path.split("."), written, ()):
            own = {
                key.key: _written(key, values[key.key], lines.get((*path, key.key)))
                for key in table.keys
                if key.key in values
            }
            found.append(TableInstance(".".join(path), table.path, own))
    return found


def key_of(tables: tuple[SettingTable, ...], path: str) -> SettingKey | None:
    """Return the key that a path such as `cameras.front.record` names; None: there is no such setting."""
    *parts, name = path.split(".")
    for table in tables:
        pattern = table.path.split(".") if table.path else []
        if len(pattern) != len(parts):
            continue
        if all(one in (part, "<name>", "<id>") for one, part in zip(pattern, parts, strict=True)):
            return next((key for key in table.keys if key.key == name), None)
    return None


def names_file(path: str, value: Plain) -> bool:
    """Return whether a setting that takes names would get a file of this computer: a browser must not choose one."""
    values = value if isinstance(value, list) else [value]
    return bool(_MAY_NAME_FILES.fullmatch(path)) and any(_FILE.search(str(one).strip()) for one in values)


def _written(key: SettingKey, value: Any, line: int | None) -> WrittenValue:
    is_plain = isinstance(value, bool | int | float | str) or (
        isinstance(value, list) and all(isinstance(one, str) for one in value)
    )
    return WrittenValue(value if is_plain and key.kind not in ("secret", "page", "file") else None, line)


def _matching(
    pattern: list[str], written: Any, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Yield the path and the values of each table that fits; one that the file lacks is empty."""
    values = written if isinstance(written, dict) else {}
    if not pattern:
        yield path, values
    elif pattern[0].startswith("<"):
        for name, below in values.items():
            if isinstance(below, dict) and not (path == ("modes",) and name in ("schedule", "exceptions", "presence")):
                yield from _matching(pattern[1:], below, (*path, name))
    else:
        yield from _matching(pattern[1:], values.get(pattern[0]), (*path, pattern[0]))


def _lines(text: str) -> dict[tuple[str, ...], int]:
    """Return the line of each key and table."""
    found: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        if head := re.fullmatch(r"\s*\[{1,2}([^\[\]]+)\]{1,2}\s*(#.*)?", line):
            table = tuple(part.strip(" \"'") for part in head[1].split("."))
            found.setdefault(table, number)
        elif key := re.match(r"\s*([A-Za-z0-9_\-.\"']+)\s*=", line):
            path = (*table, *(part.strip(" \"'") for part in key[1].split(".")))
            for depth in range(len(table) + 1, len(path) + 1):
                found.setdefault(path[:depth], number)
    return found


# The walk over the types.


def _tables(model: type[BaseModel], path: str) -> Iterator[SettingTable]:
    below: list[tuple[type[BaseModel], str]] = []
    keys = []
    for name, info in model.model_fields.items():
        at = f"{path}.{name}" if path else name
        annotation, metadata = _unwrapped(info.annotation, list(info.metadata))
        found = _model_below(annotation)
        if found is not None:
            below.append((found[0], at + found[1]))
        if found is None or found[1]:
            keys.append(_key(name, at, info, annotation, metadata))
    if keys:
        yield SettingTable(path, " ".join((model.__doc__ or "").split()), tuple(keys))
    extra = vars(model).get("__annotations__", {}).get("__pydantic_extra__")
    if extra is not None:
        below.append((get_args(extra)[1], f"{path}.<name>"))
    for one, at in below:
        yield from _tables(one, at)


def _model_below(annotation: Any) -> tuple[type[BaseModel], str] | None:
    """Return the table that is the value, or of which it holds several, and what its path ends with."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, ""
    args = get_args(annotation)
    if get_origin(annotation) is dict:
        inner, _ = _unwrapped(args[1], [])
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            return inner, ".<id>" if inner.__name__ in (
                "CameraSettings",
                "ModeCameraSettings",
                "RemovedCameraSettings",
            ) else ".<name>"
    if get_origin(annotation) is tuple:
        inner, _ = _unwrapped(args[0], [])
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            return inner, "[]"
    return None


def _unwrapped(annotation: Any, metadata: list[Any]) -> tuple[Any, list[Any]]:
    """Return the type without `| None` and without what is annotated, which is added to the metadata."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation, *more = get_args(annotation)
            metadata = [*metadata, *more]
        elif get_origin(annotation) in (Union, UnionType):
            others = [one for one in get_args(annotation) if one is not type(None)]
            if len(others) != 1:
                return annotation, metadata
            annotation = others[0]
        else:
            return annotation, [
                each for one in metadata for each in (one.metadata if isinstance(one, FieldInfo) else [one])
            ]


def _key(name: str, path: str, info: FieldInfo, annotation: Any, metadata: list[Any]) -> SettingKey:
    entered = _entered(name, annotation, metadata)
    kind: Kind = "page" if is_in(path, _OWN_PAGE) else "file" if "[]" in path or is_in(path, _FILE_ONLY) else entered
    choices = tuple(str(one) for one in get_args(annotation)) if get_origin(annotation) is Literal else ()
    if kind == "list" and get_origin(inner := get_args(annotation)[0]) is Literal:
        choices = tuple(str(one) for one in get_args(inner))
    least = next((float(one.ge) for one in metadata if isinstance(one, Ge)), None)  # type: ignore[arg-type]
    most = next((float(one.le) for one in metadata if isinstance(one, Le)), None)  # type: ignore[arg-type]
    most = most or next((one.max_length for one in metadata if isinstance(one, MaxLen)), None)
    default = "" if info.is_required() else _default_text(entered, info.get_default(call_default_factory=True))
    later = takes_effect_at_start(path)
    return SettingKey(name, kind, info.description or "", default, choices, least, most, info.is_required(), later)


def _entered(name: str, annotation: Any, metadata: list[Any]) -> Kind:
    """Return how a value of this type can be entered; `file` for a table or a list of tables."""
    if (_SECRET.search(name) and annotation is str) or name in _WITH_PASSWORD:
        return "secret"
    for unit, kind in _UNITS:
        if get_args(unit)[1] in metadata:
            return kind
    if get_origin(annotation) is Literal:
        return "choice"
    if annotation is bool:
        return "switch"
    if annotation in (int, float):
        return "number"
    if annotation is str:
        return "text"
    if get_origin(annotation) is tuple and len(get_args(annotation)) == 2 and get_args(annotation)[1] is ...:
        inner, _ = _unwrapped(get_args(annotation)[0], [])
        if inner is str or get_origin(inner) is Literal:
            return "list"
    return "file"


def _default_text(kind: Kind, default: Any) -> str:
    if default is None or default == "" or isinstance(default, BaseModel):
        return ""
    if kind == "switch":
        return "on" if default else "off"
    if kind == "duration":
        return duration_text(default)
    if kind == "size":
        return size_text(default)
    if kind == "share":
        return share_text(default)
    if isinstance(default, tuple | list):
        return ", ".join(map(str, default))
    return json.dumps(default) if isinstance(default, dict) and default else "" if default == {} else str(default)

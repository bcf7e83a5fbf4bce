"""Names of files that leave the recorder, from a pattern with {fields}: at upload destinations and in export folders.

The same input gives the same name. A pattern also identifies our files and their time.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from tawny.model.ids import CameraId
from tawny.model.times import stamp

PRESETS: Final = {
    "tawny": "{camera}/{year}/{month}/{day}/{year}{month}{day}T{hour}{minute}{second}-{code}.{type}",
    "rom-cam": "{form}/{name}/{unix}.{type}",
    "diycam": "{year}{month}{day}/cam{camera}/{camera}_{stamp}.{type}",
    "pancake": "{year}/{month}/{day}/{year}{month}{day}-{hour}{minute}{second}-{camera}.{type}",
}
"""tawny's own layout of uploads and those of systems users migrate from."""
FORMER_PRESETS: Final = {
    "tawny": "{camera}/{year}/{month}/{day}/{id}.{type}",
    "rom-cam": "{type}/{camera}/{unix}.{type}",
}
"""Layouts that a preset stood for in earlier versions; cleanup still finds their files."""
FOLDER_PRESETS: Final = {
    "tawny": "{camera}/{local:%Y-%m-%d}/{camera}_{local:%Y%m%d_%H%M%S}.{type}",
    "rom-cam": "{name}/{unix}.{type}",
    "diycam": "cam{camera}_{local:%Y%m%d_%H%M%S}.{type}",
    "ropey-cam": "{n:05}_{local:%Y%m%d_%H%M%S}.{type}",
    "sudocam": "{camera}/{start}-{end}.{type}",
    "pancake": "{local:%Y%m%d-%H%M%S}.{type}",
    "pancake-clock": "{local:%Y%m%d-%H%M}.{type}",
}
"""Names in an export folder: tawny's own, and those of the same systems."""
TYPES: Final = {"sheet": "jpg", "fmp4": "mp4"}
"""File types of the forms whose name is not their type."""
FOLDERS: Final = {"sheet": "tiled", "fmp4": "mp4"}
"""`{form}` of the same ones: as rom-cam names its folders."""
CODE_LETTERS: Final = 8
"""Length of `{code}`, the end of the ID, which is random."""
SECOND_TIME: Final = "B"
"""Added to the hour that occurs twice when clocks are set back."""
MOST_NAME: Final = 60
_FIELD = re.compile(r"\{([^{}]*)\}")
_LOCAL = re.compile(r"(?:%[YmdHMSyj]|[\w .+-])+", re.ASCII)
_COUNTER = re.compile(r"n(?::0([1-9]))?")
_NOT_EVERYWHERE = '\\:*?"<>|#'
_UNSAFE = re.compile(r"[\x00-\x20\x7f/\\:*?\"<>|#]")
_UNIQUE = {"id", "stamp", "unix", "second", "start", "n"}
_SHAPES = {
    "camera": r"[a-z0-9]+(?:-[a-z0-9]+)*",
    "name": rf"[^/]{{1,{MOST_NAME}}}",
    "id": r"\d{8}T\d{9}-[0-9a-f]{8}|[0-9a-f]{16,64}",
    "code": r"[0-9a-f]{8}",
    "kind": r"[a-z_]+",
    "stamp": r"\d{8}T\d{6}\.\d{3}(?:Z|[+-]\d{4})",
    "start": r"\d{8}T\d{9}Z",
    "end": r"\d{8}T\d{9}Z",
    "unix": r"\d{9,11}",
    "year": r"\d{4}",
    "month": r"\d\d",
    "day": r"\d\d",
    "hour": r"\d\dB?",
    "minute": r"\d\d",
    "second": r"\d\d",
    "form": r"mp4|jpg|gif|ts|tiled|tws",
    "type": r"mp4|jpg|gif|ts|tws",
}
FIELDS: Final = (*_SHAPES, "n", "local")
_LOCAL_SHAPES = {"Y": r"\d{4}", "j": r"\d{3}"}
_LOCAL_FIELDS = {"Y": "year", "m": "month", "d": "day", "H": "hour", "M": "minute", "S": "second"}


@dataclass(frozen=True, slots=True)
class NamedFile:
    """What a name may contain.

    at_ms, end_ms: of the video. key: ID of the event or segment. called: the camera's name as `safe_names` returns it.
    number: of the counter `{n}`.
    """

    camera: CameraId
    at_ms: int
    key: str
    kind: str
    called: str = ""
    end_ms: int | None = None
    number: int = 0


def checked(pattern: str) -> str:
    """Return the pattern of an upload preset, or the validated pattern. Raises ValueError."""
    pattern = _valid(PRESETS.get(pattern, pattern), ", ".join(PRESETS))
    named = {_base(spec) for spec in _FIELD.findall(pattern)}
    if "end" in named:
        raise ValueError("without {end}: a snapshot is uploaded while its event goes on")
    has_second = any("%S" in spec and "%H" in spec for spec in _FIELD.findall(pattern) if _base(spec) == "local")
    is_unique = bool(named & _UNIQUE) or has_second
    if "type" not in named or not is_unique or not named & {"camera", "name", "id", "n"}:
        raise ValueError(
            "it must contain {type}, {camera}, {name}, {id} or {n}, and one of {id}, {stamp}, {unix}, {second}, "
            "{start}, {n}, {local:%Y%m%d_%H%M%S}"
        )
    return pattern


def checked_in_folder(pattern: str) -> str:
    """Return the pattern of an export folder, which numbers files of the same name itself. Raises ValueError."""
    pattern = _valid(FOLDER_PRESETS.get(pattern, pattern), ", ".join(FOLDER_PRESETS))
    named = {_base(spec) for spec in _FIELD.findall(pattern)}
    if "type" not in named or not named & {*_UNIQUE, "minute", "local"}:
        raise ValueError(
            "it must contain {type}, and one of {local:%Y%m%d_%H%M%S}, {n}, {unix}, {start}, {stamp}, {id}"
        )
    return pattern


def is_unique(pattern: str) -> bool:
    """Return whether a pattern gives each event and recording a name of its own, also those of the same second."""
    return bool({_base(spec) for spec in _FIELD.findall(pattern)} & {"id", "code", "n"})


def has_counter(pattern: str) -> bool:
    return any(_base(spec) == "n" for spec in _FIELD.findall(pattern))


def name(pattern: str, file: NamedFile, form: str, zone: tzinfo = UTC, local: tzinfo | None = None) -> str:
    """Return a file name.

    pattern: validated. form: `mp4`, `jpg`, `sheet`. zone: of dates and times in the name. local: of `{local:…}`.
    None: the same.
    """
    at = datetime.fromtimestamp(file.at_ms // 1000, zone)
    here = at.astimezone(local or zone)
    offset = at.strftime("%z")
    is_utc = at.utcoffset() == timedelta(0)
    values = {
        "camera": file.camera,
        "name": file.called or file.camera,
        "id": file.key,
        "code": file.key[-CODE_LETTERS:],
        "kind": file.kind,
        "stamp": stamp(file.at_ms) if is_utc else f"{at:%Y%m%dT%H%M%S}.{file.at_ms % 1000:03d}{offset}",
        "start": stamp(file.at_ms).replace(".", ""),
        "end": stamp(file.at_ms if file.end_ms is None else file.end_ms).replace(".", ""),
        "unix": str(file.at_ms // 1000),
        "form": FOLDERS.get(form, form),
        "type": TYPES.get(form, form),
        **{field: f"{getattr(at, field):02d}" for field in ("year", "month", "day", "hour", "minute", "second")},
    }
    values["hour"] += SECOND_TIME if at.fold else ""

    def value(found: re.Match[str]) -> str:
        spec = found[1]
        if _base(spec) == "n":
            width = _COUNTER.fullmatch(spec)
            return f"{file.number:0{int(width[1] or 1) if width else 1}d}"
        if _base(spec) == "local":
            return here.strftime(spec[6:]) + (SECOND_TIME if here.fold and "%H" in spec else "")
        return values[spec]

    made = _FIELD.sub(value, pattern)
    if form == "sheet" and "{form}" not in pattern:  # the snapshot has the same type
        stem, dot, file_type = made.rpartition(".")
        return f"{stem}.sheet{dot}{file_type}"
    return made


def name_stamp(at: datetime) -> str:
    """Return a local time for the names of downloads and exports, which then sort by time."""
    return f"{at:%Y-%m-%d %H}{SECOND_TIME if at.fold else ''}.{at:%M.%S}"


def other_name(whole: str, number: int) -> str:
    """Return the name of a further file of the same name: `….mp4` becomes `…-2.mp4`, `….sheet.jpg` `…-2.sheet.jpg`."""
    stem, dot, file_type = whole.rpartition(".sheet.")
    if not dot:
        stem, dot, file_type = whole.rpartition(".")
    return f"{stem}-{number}{dot}{file_type}"


def piece_name(whole: str, number: int) -> str:
    """Return the name of a part of a running clip: `….mp4` becomes `….003.mp4`."""
    stem, dot, file_type = whole.rpartition(".")
    return f"{stem}.{number:03d}{dot}{file_type}"


def safe_names(names: Mapping[CameraId, str]) -> dict[CameraId, str]:
    """Return each camera's name as a file name: `front_door_left` of `Front Door/Left`.

    Cameras that would have the same one keep their ID.
    """
    safe = {camera: _safe(called) or camera for camera, called in names.items()}
    found = list(safe.values())
    return {camera: each if found.count(each) == 1 else camera for camera, each in safe.items()}


def shape(pattern: str) -> re.Pattern[str]:
    """Return the regular expression of a validated pattern. A repeated field must have the same value."""
    seen: set[str] = set()

    def group(field: str, shape: str) -> str:
        if field in seen:
            return f"(?P={field})"
        seen.add(field)
        return f"(?P<{field}>{shape})"

    def part(text: str) -> str:
        if text[:1] != "{":
            return re.escape(text)
        spec = text[1:-1]
        if _base(spec) == "n":
            return group("n", r"\d+")
        if _base(spec) != "local":
            return group(spec, _SHAPES[spec])
        shapes = re.split(r"%([A-Za-z])", spec[6:])
        made = [
            (group(_LOCAL_FIELDS[one], _LOCAL_SHAPES.get(one, r"\d\d")) if one in _LOCAL_FIELDS else r"\d+")
            if at % 2
            else re.escape(one)
            for at, one in enumerate(shapes)
        ]
        return "".join(made) + f"(?:{SECOND_TIME})?"

    return re.compile("".join(part(text) for text in re.split(r"(\{[^{}]*\})", pattern)))


def _valid(pattern: str, presets: str) -> str:
    """Return the pattern. Raises ValueError for unknown fields and for names that not every system allows."""
    for spec in _FIELD.findall(pattern):
        base = _base(spec)
        if base not in FIELDS or (":" in spec and base not in ("local", "n")):
            raise ValueError(f"{{{spec}}} isn't a field; use {', '.join(FIELDS)}, or a preset: {presets}")
        if base == "n" and not _COUNTER.fullmatch(spec):
            raise ValueError("{n}, or {n:05} for five digits")
        if base == "local" and not (_LOCAL.fullmatch(spec[6:]) and "%" in spec):
            raise ValueError("{local:%Y%m%d_%H%M%S}, with %Y, %m, %d, %H, %M, %S, %y or %j")
    fixed = _FIELD.sub("x", pattern)
    if pattern.startswith("/") or any(part in ("", ".", "..") for part in fixed.split("/")):
        raise ValueError("folders and a file name separated by /, not starting with /")
    if odd := sorted(set(fixed) & set(_NOT_EVERYWHERE)):
        raise ValueError(f"without {' '.join(odd)}, which not every system allows in file names")
    return pattern


def _base(spec: str) -> str:
    return spec.partition(":")[0]


def _safe(called: str) -> str:
    """Return a name of letters that every system allows, and that is no hidden file and no parent folder."""
    safe = _UNSAFE.sub("_", called.lower())[:MOST_NAME]
    return "_" * (len(safe) - len(safe.lstrip("."))) + safe.lstrip(".")

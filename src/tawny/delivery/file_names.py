"""File names at destinations, from a pattern, with times in a time zone. The same input gives the same name.

When clocks are set back, an hour occurs twice: its second occurrence is named `02B`, which sorts after `02` and before
`03`. So no two instants of different seconds have the same date and time.
"""

import re
from datetime import UTC, datetime, timedelta, tzinfo

from tawny.delivery.delivery import DeliveryKind
from tawny.model.ids import CameraId
from tawny.model.times import stamp

PRESETS = {
    "tawny": "{camera}/{year}/{month}/{day}/{year}{month}{day}T{hour}{minute}{second}-{code}.{type}",
    "rom-cam": "{type}/{camera}/{unix}.{type}",
    "diycam": "{year}{month}{day}/cam{camera}/{camera}_{stamp}.{type}",
    "pancake": "{year}/{month}/{day}/{year}{month}{day}-{hour}{minute}{second}-{camera}.{type}",
}
"""tawny's own layout and those of systems users migrate from."""
FORMER_PRESETS = {"tawny": "{camera}/{year}/{month}/{day}/{id}.{type}"}
"""Layouts that a preset stood for in earlier versions; cleanup still finds their files."""
FIELDS = ("camera", "id", "code", "kind", "stamp", "unix", "year", "month", "day", "hour", "minute", "second", "type")
CODE_LETTERS = 8
"""Length of `{code}`, the end of the ID, which is random."""
_FIELD = re.compile(r"\{([^{}]*)\}")
_NOT_EVERYWHERE = '\\:*?"<>|#'
_UNIQUE = {"id", "stamp", "unix", "second"}


def checked(pattern: str) -> str:
    """Return the pattern of a preset, or the validated pattern. Raises ValueError."""
    pattern = PRESETS.get(pattern, pattern)
    named = set(_FIELD.findall(pattern))
    if unknown := sorted(named - set(FIELDS)):
        raise ValueError(f"{{{unknown[0]}}} isn't a field; use {', '.join(FIELDS)}, or a preset: {_presets()}")
    if "{type}" not in pattern or not named & _UNIQUE or ("camera" not in named and "id" not in named):
        raise ValueError("it must contain {type}, {camera} or {id}, and one of {id}, {stamp}, {unix}, {second}")
    if pattern.startswith("/") or any(part in ("", ".", "..") for part in pattern.split("/")):
        raise ValueError("folders and a file name separated by /, not starting with /")
    if odd := sorted(set(pattern) & set(_NOT_EVERYWHERE)):
        raise ValueError(f"without {' '.join(odd)}, which not every system allows in file names")
    return pattern


def name(pattern: str, camera: CameraId, at_ms: int, key: str, kind: str, file_type: str, zone: tzinfo = UTC) -> str:
    """Return a file name.

    pattern: validated. at_ms: start, ms UTC. key: ID of the event or segment. file_type: `mp4`, `jpg`. zone: of dates
    and times in the name.
    """
    at = datetime.fromtimestamp(at_ms // 1000, zone)
    offset = at.strftime("%z")
    values = {
        "camera": camera,
        "id": key,
        "code": key[-CODE_LETTERS:],
        "kind": kind,
        "stamp": stamp(at_ms) if at.utcoffset() == timedelta(0) else f"{at:%Y%m%dT%H%M%S}.{at_ms % 1000:03d}{offset}",
        "unix": str(at_ms // 1000),
        "type": file_type,
        **{field: f"{getattr(at, field):02d}" for field in ("year", "month", "day", "hour", "minute", "second")},
    }
    values["hour"] += "B" if at.fold else ""
    return _FIELD.sub(lambda found: values[found[1]], pattern)


def piece_name(whole: str, number: int) -> str:
    """Return the name of a part of a running clip: `….mp4` becomes `….003.mp4`."""
    stem, dot, file_type = whole.rpartition(".")
    return f"{stem}.{number:03d}{dot}{file_type}"


def file_type(what: DeliveryKind) -> str:
    return "jpg" if what is DeliveryKind.PICTURE else "mp4"


def _presets() -> str:
    return ", ".join(PRESETS)

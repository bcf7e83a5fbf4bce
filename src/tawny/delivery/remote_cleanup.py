"""Remote cleanup: selects expired files. Only names that match the destination's pattern are deleted."""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from tawny.delivery.destination import RemoteFile

_SHAPES = {
    "camera": r"[a-z0-9]+(?:-[a-z0-9]+)*",
    "id": r"\d{8}T\d{9}-[0-9a-f]{8}|[0-9a-f]{16,64}",
    "kind": r"[a-z_]+",
    "stamp": r"\d{8}T\d{6}\.\d{3}Z",
    "unix": r"\d{9,11}",
    "year": r"\d{4}",
    "month": r"\d\d",
    "day": r"\d\d",
    "hour": r"\d\d",
    "minute": r"\d\d",
    "second": r"\d\d",
    "type": r"mp4|jpg|gif|tws",
}
_FIELD = re.compile(r"\{([^{}]*)\}")
_OPAQUE = re.compile(r"[0-9a-f]{8}/(?P<day>\d{8})/[a-z2-7]{26}\.tws")
"""Recordings of sealed cameras; their names reveal only the day."""
_PIECE = re.compile(r"\.\d{3}(\.[a-z0-9]+)$")


def expired_files(files: Iterable[RemoteFile], pattern: str, before_ms: int) -> Iterator[RemoteFile]:
    """Yield our files from before a time. pattern: validated (`delivery.file_names`)."""
    shape = _shape(pattern)
    for there in files:
        if opaque := _OPAQUE.fullmatch(there.name):
            if (_utc_ms(f"{opaque['day']}235959") or before_ms) < before_ms:
                yield there
            continue
        found = shape.fullmatch(_PIECE.sub(r"\1", there.name))
        at_ms = _at_ms(found.groupdict()) if found else None
        if found and (at_ms if at_ms is not None else there.modified_ms or before_ms) < before_ms:
            yield there


def _shape(pattern: str) -> re.Pattern[str]:
    """Return the regular expression of a pattern. A repeated field must have the same value."""
    seen: set[str] = set()

    def group(found: re.Match[str]) -> str:
        field = found[1]
        if field in seen:
            return f"(?P={field})"
        seen.add(field)
        return f"(?P<{field}>{_SHAPES[field]})"

    parts = re.split(r"(\{[^{}]*\})", pattern)
    return re.compile(
        "".join(re.sub(r"\{([^{}]*)\}", group, part) if part[:1] == "{" else re.escape(part) for part in parts)
    )


def _at_ms(fields: dict[str, str]) -> int | None:
    """Return the time in a name, ms UTC; None if it has none."""
    if "unix" in fields:
        return int(fields["unix"]) * 1000
    for key in ("stamp", "id"):
        digits = re.match(r"(\d{8})T(\d{6})", fields.get(key, ""))
        if digits:
            return _utc_ms(digits[1] + digits[2])
    if {"year", "month", "day"} <= fields.keys():
        time = "".join(fields.get(key, "00") for key in ("hour", "minute", "second"))
        return _utc_ms(fields["year"] + fields["month"] + fields["day"] + time)
    return None


def _utc_ms(digits: str) -> int | None:
    try:
        return round(datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=UTC).timestamp() * 1000)
    except ValueError:
        return None

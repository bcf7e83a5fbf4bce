"""Remote cleanup: selects expired files. Only names that match the destination's pattern are deleted."""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo

from tawny.delivery.destination import RemoteFile
from tawny.delivery.witness_files import FOLDER as WITNESSES
from tawny.sealed.witness import find_witnesses

_SHAPES = {
    "camera": r"[a-z0-9]+(?:-[a-z0-9]+)*",
    "id": r"\d{8}T\d{9}-[0-9a-f]{8}|[0-9a-f]{16,64}",
    "code": r"[0-9a-f]{8}",
    "kind": r"[a-z_]+",
    "stamp": r"\d{8}T\d{6}\.\d{3}(?:Z|[+-]\d{4})",
    "unix": r"\d{9,11}",
    "year": r"\d{4}",
    "month": r"\d\d",
    "day": r"\d\d",
    "hour": r"\d\dB?",
    "minute": r"\d\d",
    "second": r"\d\d",
    "type": r"mp4|jpg|gif|tws",
}
_FIELD = re.compile(r"\{([^{}]*)\}")
_OPAQUE = re.compile(r"[0-9a-f]{8}/(?P<day>\d{8})/[a-z2-7]{26}\.tws")
"""Recordings of sealed cameras; their names reveal only the day."""
_PIECE = re.compile(r"\.\d{3}(\.[a-z0-9]+)$")


def expired_files(
    files: Iterable[RemoteFile], patterns: Iterable[str], before_ms: int, zone: tzinfo = UTC
) -> Iterator[RemoteFile]:
    """Yield our files from before a time.

    patterns: validated (`delivery.file_names`). zone: of times in names; a file whose name has no zone and may be newer
    in UTC, as it was named under another setting, stays.
    """
    shapes = [_shape(pattern) for pattern in patterns]
    for there in files:
        if there.name.startswith(f"{WITNESSES}/"):
            if any(one.at_ms < before_ms for one in find_witnesses(there.name)):
                yield there
            continue
        if opaque := _OPAQUE.fullmatch(there.name):
            if (_local_ms(f"{opaque['day']}235959", zone) or before_ms) < before_ms:
                yield there
            continue
        whole = _PIECE.sub(r"\1", there.name)
        found = next((found for shape in shapes if (found := shape.fullmatch(whole))), None)
        at_ms = _at_ms(found.groupdict(), zone) if found else None
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


def _at_ms(fields: dict[str, str], zone: tzinfo) -> int | None:
    """Return the time in a name, ms UTC; None if it has none."""
    if "unix" in fields:
        return int(fields["unix"]) * 1000
    for key in ("stamp", "id"):
        digits = re.match(r"(\d{8})T(\d{6})(?:\.\d{3}([+-])(\d\d)(\d\d))?", fields.get(key, ""))
        if digits:
            at_ms, sign = _ms(digits[1] + digits[2], UTC), -1 if digits[3] == "-" else 1
            ahead = timedelta(hours=int(digits[4] or 0), minutes=int(digits[5] or 0))
            return None if at_ms is None else at_ms - sign * round(ahead.total_seconds() * 1000)
    if {"year", "month", "day"} <= fields.keys():
        hour = fields.get("hour", "00")
        time = hour[:2] + fields.get("minute", "00") + fields.get("second", "00")
        return _local_ms(fields["year"] + fields["month"] + fields["day"] + time, zone, fold=len(hour) > 2)
    return None


def _local_ms(digits: str, zone: tzinfo, *, fold: bool = False) -> int | None:
    """Return the later of this local time and of the same time in UTC."""
    local_ms, utc_ms = _ms(digits, zone, fold=fold), _ms(digits, UTC)
    return None if local_ms is None or utc_ms is None else max(local_ms, utc_ms)


def _ms(digits: str, zone: tzinfo, *, fold: bool = False) -> int | None:
    try:
        at = datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=zone, fold=int(fold))
        return round(at.timestamp() * 1000)
    except (ValueError, OverflowError):
        return None

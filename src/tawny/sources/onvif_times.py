"""Times as ONVIF cameras state them: their clock, and durations."""

import re
import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta
from typing import Final

from tawny.protocols.soap import text_at

_YEARS = range(1970, 2100)
_DURATION: Final = re.compile(
    r"P(?:0{1,4}Y)?(?:0{1,4}M)?(?:0{1,4}D)?T(?:(\d{1,4})H)?(?:(\d{1,4})M)?(?:(\d{1,4}(?:\.\d{1,20})?)S)?"
)
"""Cameras also write the parts that are zero."""
_ZONE: Final = re.compile(r"(?:<[^>]{1,20}>|[A-Za-z]{1,20})([+-]?)(\d{1,2})(?::(\d{2}))?")
"""Name and offset of a time zone as POSIX writes it, such as `CST-8`: positive to the west."""
_HOUR: Final = timedelta(hours=1)
_NEAR_MS: Final = 1_800_000


def duration_s(text: str) -> float | None:
    """Return a duration such as `PT5S`, from 0.1 s to an hour; None for another one."""
    found = _DURATION.fullmatch(text)
    hours, minutes, rest = (float(one or 0) for one in found.groups()) if found else (0.0, 0.0, 0.0)
    seconds = 3600 * hours + 60 * minutes + rest
    return seconds if 0.1 <= seconds <= 3600 else None


def camera_time_ms(answer: ET.Element, now_ms: int) -> int:
    """Return the camera's UTC time in ms, or `now_ms` if it reports none.

    Cameras of the first years state their local time alone. Summer time and the sign of the zone are as they fit best.
    """
    try:
        if (stated := _stated(answer, "UTCDateTime")) is not None:
            return _ms(stated)
        if (local := _stated(answer, "LocalDateTime")) is None:
            return now_ms
        if zone := _ZONE.match(text_at(answer, "TimeZone", "TZ")):
            west = timedelta(hours=int(zone[2]), minutes=int(zone[3] or 0)) * (-1 if zone[1] == "-" else 1)
            found = [_ms(local + west), _ms(local + west - _HOUR), _ms(local - west)]
        else:
            found = [_ms(local.replace(tzinfo=None).astimezone()), _ms(local)]
        return next((one_ms for one_ms in found if abs(one_ms - now_ms) < _NEAR_MS), found[0])
    except (ValueError, OverflowError, OSError):
        return now_ms


def _stated(answer: ET.Element, name: str) -> datetime | None:
    """Return a date with time, as if of UTC; None if it is missing or senseless. Raises ValueError."""
    date = [text_at(answer, name, "Date", part) for part in ("Year", "Month", "Day")]
    time = [text_at(answer, name, "Time", part) for part in ("Hour", "Minute", "Second")]
    if not date[0] or int(date[0]) not in _YEARS:
        return None
    year, month, day, hour, minute, second = map(int, date + time)
    return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)

"""Parse and format values with units: `14 days`, `200 GB`, `10 %`."""

import re

_SECONDS = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "day": 86400.0, "days": 86400.0}
_SECONDS |= {"sec": 1.0, "seconds": 1.0, "second": 1.0, "minutes": 60.0, "minute": 60.0, "m": 60.0, "hours": 3600.0}
_SECONDS |= {"hour": 3600.0, "week": 604800.0, "weeks": 604800.0, "years": 31536000.0, "year": 31536000.0}
_GERMAN = {"sek": 1.0, "sekunde": 1.0, "sekunden": 1.0, "min": 60.0, "minute": 60.0, "minuten": 60.0, "std": 3600.0}
_GERMAN |= {"stunde": 3600.0, "stunden": 3600.0, "tag": 86400.0, "tage": 86400.0, "tagen": 86400.0, "woche": 604800.0}
_GERMAN |= {"wochen": 604800.0, "jahr": 31536000.0, "jahre": 31536000.0, "jahren": 31536000.0}
"""People write these where the interface is in German: `14 Tage`, `10 Min.`"""
_BYTES = {"B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_BYTES |= {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
_MOST = 2**63 - 1
"""Bytes, and ms of a time: more has no place in the index."""
_PARTS = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z%]+)\.?\s*")


def seconds(text: str) -> float:
    """Parse `5 s`, `1.5 min`, `14 days` to seconds. Raises ValueError: with the allowed units."""
    number, unit = _number_and_unit(text, "a time, for example 5 s, 10 min, 2 h or 14 days")
    unit_s = _SECONDS.get(unit) or _GERMAN.get(unit.casefold())
    if unit_s is None:
        raise ValueError("a time with one of the units ms, s, min, h, days, weeks")
    duration_s = number * unit_s
    if not duration_s <= _MOST / 1000:
        raise ValueError("a shorter time, for example 100 years")
    return duration_s


def size(text: str) -> int:
    """Parse `200 GB` to bytes; GB is 10**9, GiB is 2**30. Raises ValueError: with the allowed units."""
    number, unit = _number_and_unit(text, "a size, for example 200 GB")
    if unit not in _BYTES:
        raise ValueError("a size with one of the units B, kB, MB, GB, TB (or KiB, MiB, GiB, TiB)")
    size_bytes = number * _BYTES[unit]
    if not size_bytes < _MOST:  # as a float, the limit is the next number that is too large
        raise ValueError("a smaller size, for example 200 TB")
    return round(size_bytes)


def share(text: str) -> float:
    """Parse `10 %` to 0.1. Raises ValueError: with the allowed form."""
    number, unit = _number_and_unit(text, "a percentage, for example 10 %")
    if unit != "%" or number > 100:
        raise ValueError("a percentage from 0 % to 100 %")
    return number / 100


def duration_text(duration_s: float) -> str:
    """Return the shortest text: `14 days`, `1.5 h`, `5 s`."""
    for unit, unit_s in (("days", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if duration_s >= unit_s and (duration_s / unit_s * 2).is_integer():
            return "1 day" if duration_s == unit_s == _SECONDS["day"] else f"{_digits(duration_s / unit_s)} {unit}"
    return f"{_digits(duration_s)} s"


def _digits(number: float) -> str:
    """Return a number without an exponent, which the file doesn't allow."""
    text = f"{number:g}"
    return f"{number:.3f}".rstrip("0").rstrip(".") if "e" in text else text


def share_text(part: float) -> str:
    """Return a share 0..1 as text, for example `1 %`."""
    return f"{round(part * 100, 3):g} %"


def size_text(size_bytes: float) -> str:
    """Return a size in bytes as text for people: `38.2 GB`."""
    for unit in ("TB", "GB", "MB", "kB"):
        if size_bytes >= _BYTES[unit]:
            return f"{size_bytes / _BYTES[unit]:.3g} {unit}"
    return f"{size_bytes:g} B"


def _number_and_unit(text: str, wanted: str) -> tuple[float, str]:
    found = _PARTS.fullmatch(text)
    if not found:
        raise ValueError(wanted)
    return float(found[1]), found[2]

"""The computer's time zone as an IANA name, for example `Europe/Berlin`."""

import contextlib
import logging
import os
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tawny.model.times import SystemClock

log = logging.getLogger(__name__)
_DATABASE = "/zoneinfo/"
_NOT_NAMES = frozenset({"", "localtime", "posixrules", "Factory"})
"""Files of the database that browsers don't know."""


def local_zone() -> str:
    """Return `$TZ`, else the target of /etc/localtime, else /etc/timezone, else UTC."""
    found, problem = find_zone()
    if problem:
        log.warning("%s: set TZ to a name like Europe/Berlin", problem)
    return found


def find_zone() -> tuple[str, str]:
    """Return the zone, and why it may be another than the one meant; empty: nothing."""
    found = next((name for name in _candidates() if _is_zone(name)), "UTC")
    now, text = datetime.fromtimestamp(SystemClock().now_ms() / 1000, UTC), os.environ.get("TZ", "")
    if now.astimezone(ZoneInfo(found)).utcoffset() != now.astimezone().utcoffset():
        return found, f"times are in {found}, not in this computer's own time zone"
    if text and not text.endswith("localtime") and _name(text) != found:
        return found, f"times are in {found}, as TZ={text} names no time zone"
    return found, ""


def _candidates() -> list[str]:
    """Return names in order. `$TZ` may also be a path, or a rule, which has no name."""
    found = [os.environ.get("TZ", "")]
    link = Path("/etc/localtime")
    if link.is_symlink():
        found.append(str(link.readlink()))
    with contextlib.suppress(OSError, UnicodeDecodeError):
        found.append(Path("/etc/timezone").read_text(encoding="ascii").strip())
    return [_name(text) for text in found]


def _name(text: str) -> str:
    """Return the name without the path, and without the folder of a copy of the database."""
    return text.removeprefix(":").rpartition(_DATABASE)[2].removeprefix("posix/").removeprefix("right/")


def _is_zone(name: str) -> bool:
    if name in _NOT_NAMES:
        return False
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True

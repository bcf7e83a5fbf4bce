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


def local_zone() -> str:
    """Return `$TZ`, else the target of /etc/localtime, else /etc/timezone, else UTC."""
    found = next((name for name in _candidates() if _is_zone(name)), "UTC")
    now = datetime.fromtimestamp(SystemClock().now_ms() / 1000, UTC)
    if now.astimezone(ZoneInfo(found)).utcoffset() != now.astimezone().utcoffset():
        log.warning("times are in %s, not in this computer's own time zone: set TZ to a name like Europe/Berlin", found)
    return found


def _candidates() -> list[str]:
    """Return names in order. `$TZ` may also be a path, or a rule, which has no name."""
    found = [os.environ.get("TZ", "").removeprefix(":").rpartition(_DATABASE)[2]]
    link = Path("/etc/localtime")
    if link.is_symlink():
        found.append(str(link.readlink()).rpartition(_DATABASE)[2])
    with contextlib.suppress(OSError, UnicodeDecodeError):
        found.append(Path("/etc/timezone").read_text(encoding="ascii").strip())
    return found


def _is_zone(name: str) -> bool:
    if not name:
        return False
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True

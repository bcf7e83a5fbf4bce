"""The computer's time zone as an IANA name, for example `Europe/Berlin`."""

import contextlib
import os
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_DATABASE = "/zoneinfo/"


def local_zone() -> str:
    """Return `$TZ`, else the target of /etc/localtime, else /etc/timezone, else UTC."""
    return next((name for name in _candidates() if _is_zone(name)), "UTC")


def _candidates() -> list[str]:
    found = [os.environ.get("TZ", "").removeprefix(":")]
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

"""The computer's time zone as an IANA name, for example `Europe/Berlin`."""

import contextlib
import os
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_DATABASE = "/zoneinfo/"


def local_zone(root: Path = Path("/")) -> str:
    """Return `$TZ`, else the target of /etc/localtime, else /etc/timezone, else UTC."""
    return next((name for name in _candidates(root) if _is_zone(name)), "UTC")


def _candidates(root: Path) -> list[str]:
    found = [os.environ.get("TZ", "").removeprefix(":")]
    link = root / "etc/localtime"
    if link.is_symlink():
        found.append(str(link.readlink()).rpartition(_DATABASE)[2])
    with contextlib.suppress(OSError, UnicodeDecodeError):
        found.append((root / "etc/timezone").read_text(encoding="ascii").strip())
    return found


def _is_zone(name: str) -> bool:
    if not name:
        return False
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True

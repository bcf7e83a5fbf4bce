"""Detection of a missing main disk, before anything is written to an empty mount point.

Sign 1: `/etc/fstab` has a mount point for the folder that is not mounted now. Sign 2: the folder is below `/media` or
`/run/media`, where removable disks appear, without a mount.
"""

import re
from pathlib import Path
from typing import Final

_FSTAB: Final = Path("/etc/fstab")
_MOUNTS: Final = Path("/proc/self/mountinfo")
_PLUGGED: Final = (Path("/media"), Path("/run/media"))


def is_disk_missing(folder: Path, fstab: Path = _FSTAB, mounts: Path = _MOUNTS) -> str:
    """Return why the folder's disk is missing. Empty if it is mounted, or if nothing indicates a mount."""
    folder = folder.absolute()
    mounted = {Path(_plain(words[4])) for words in _lines(mounts) if len(words) > 4}
    for words in _lines(fstab):
        if len(words) < 2 or words[0].startswith("#") or not words[1].startswith("/"):
            continue
        place = Path(_plain(words[1]))
        if place != Path("/") and place in (folder, *folder.parents) and place not in mounted:
            return f"/etc/fstab mounts a disk at {place}, and it is not mounted"
    for above in _PLUGGED:
        places = [place for place in (folder, *folder.parents) if above in place.parents]
        if places and not any(place in mounted for place in places):
            return f"no disk is mounted below {above}"
    return ""


def _lines(path: Path) -> list[list[str]]:
    try:
        return [line.split() for line in path.read_text(encoding="utf-8", errors="replace").splitlines()]
    except OSError:
        return []


def _plain(text: str) -> str:
    """Decode octal escapes, used in both files for spaces and similar characters."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)

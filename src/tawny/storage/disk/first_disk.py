"""Is the disk there on which the recordings should be? Before anything is written to what may be an empty mount point.

Nothing of the disk itself can tell that when it is away. What can: `/etc/fstab` mounts something there that is not
mounted now; or the folder is below `/media`, where disks appear when they are plugged in.
"""

import re
from pathlib import Path
from typing import Final

_FSTAB: Final = Path("/etc/fstab")
_MOUNTS: Final = Path("/proc/self/mountinfo")
_PLUGGED: Final = (Path("/media"), Path("/run/media"))


def is_disk_missing(folder: Path, fstab: Path = _FSTAB, mounts: Path = _MOUNTS) -> str:
    """Why the folder's disk is not there; empty if it is, or if nothing says that it should be."""
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
    """Spaces and the like are written as octal numbers in both files."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)

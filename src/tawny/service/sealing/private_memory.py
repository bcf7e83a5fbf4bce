"""Private memory: excludes this process from core dumps and from access by other processes of the same user."""

import ctypes
import resource
from pathlib import Path
from typing import Final

_SET_DUMPABLE: Final = 4
"""PR_SET_DUMPABLE of prctl(2)."""


def keep_memory_private() -> bool:
    """Protect the whole process. Return False if the system does not allow it; nothing is changed then.

    A core dump limit alone is not sufficient: the kernel ignores it if dumps are piped to a program.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    return bool(ctypes.CDLL(None).prctl(_SET_DUMPABLE, 0, 0, 0, 0) == 0)


def swaps_in_the_clear(root: Path = Path("/")) -> list[str]:
    """Return the swap devices that store memory unencrypted; empty if swap is encrypted, zram or off.

    root: folder that contains `proc` and `sys`.
    """
    try:
        lines = (root / "proc/swaps").read_text().splitlines()[1:]
    except OSError:
        return []
    return [line.split()[0] for line in lines if line.strip() and not _is_safe(root, Path(line.split()[0]))]


def _is_safe(root: Path, device: Path) -> bool:
    if device.name.startswith("zram"):
        return True
    try:
        return (root / "sys/class/block" / device.name / "dm/uuid").read_text().startswith("CRYPT-")
    except OSError:
        return False

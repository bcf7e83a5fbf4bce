"""What is in this process's memory is nobody else's business: it is in no core dump, and no other program of the same
user can read it."""

import ctypes
import resource
from pathlib import Path
from typing import Final

_SET_DUMPABLE: Final = 4
"""PR_SET_DUMPABLE of prctl(2)."""


def keep_memory_private() -> bool:
    """For the whole process. False where the system does not allow it; then all is as it was.

    A limit for core dumps alone would not do: the kernel ignores it where dumps are piped to a program.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    return bool(ctypes.CDLL(None).prctl(_SET_DUMPABLE, 0, 0, 0, 0) == 0)


def swaps_in_the_clear(root: Path = Path("/")) -> list[str]:
    """Where memory can be written to a disk as it is; empty where swap is encrypted, compressed memory, or off. root:
    where `proc` and `sys` are."""
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

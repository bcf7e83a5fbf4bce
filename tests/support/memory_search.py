"""Searches the memory of another process, as an attacker with access to the running system would."""

from collections.abc import Iterable
from pathlib import Path


def found_in(pid: int, wanted: Iterable[bytes]) -> dict[bytes, int]:
    """Return the number of occurrences of each value in the process's memory.

    Raises PermissionError: if it cannot be read; memory of a protected process is readable by root only.
    """
    counts = dict.fromkeys(wanted, 0)
    lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in lines:
            span, rights, *_ = line.split()
            if not rights.startswith("r") or line.endswith(("[vvar]", "[vsyscall]", "[vvar_vclock]")):
                continue
            begin, end = (int(part, 16) for part in span.split("-"))
            try:
                memory.seek(begin)
                data = memory.read(end - begin)
            except (OSError, ValueError):
                continue  # unmapped meanwhile, or device memory
            for one in counts:
                counts[one] += data.count(one)
    return counts

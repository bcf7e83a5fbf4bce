"""Looking for bytes in the memory of another process, as a thief of the running machine would."""

from collections.abc import Iterable
from pathlib import Path


def found_in(pid: int, wanted: Iterable[bytes]) -> dict[bytes, int]:
    """How often each stands anywhere in the process's memory. PermissionError when it may not be read: a process that
    keeps its memory private can be read by root alone."""
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
                continue  # it was given back meanwhile, or is a device's
            for one in counts:
                counts[one] += data.count(one)
    return counts

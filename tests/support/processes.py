"""Programs that a test has started."""

import os
import subprocess
from pathlib import Path
from typing import Any

from tests.support import preloaded

PATIENCE_S = 90
"""On a machine that is busy with other tests, where a stop of a second takes a quarter of a minute."""


def ended(process: subprocess.Popen[Any] | preloaded.Preloaded) -> int:
    """Ask it to end, and return its exit code. One that does not end is killed: it would disturb all later tests."""
    process.terminate()
    try:
        return process.wait(PATIENCE_S)
    finally:
        process.kill()


def children() -> dict[int, str]:
    """Programs that this process has started and that still run, and the command of each. None of Python's own.

    What was forked from a process that had loaded tawny counts, that process does not.
    """
    found, above, loaded = dict[int, str](), dict[int, int](), set[int]()
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except (FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            continue
        is_pythons = any(word.startswith("from multiprocessing.") for word in words)
        if state != "Z" and not is_pythons:
            found[int(folder.name)], above[int(folder.name)] = " ".join(words).strip(), int(parent)
        if int(parent) == os.getpid() and preloaded.__file__ in words:
            loaded.add(int(folder.name))
    parents = {os.getpid(), *loaded}
    return {pid: text for pid, text in found.items() if above[pid] in parents and pid not in loaded}

"""Programs that a test has started."""

import subprocess
from typing import Any

PATIENCE_S = 90
"""On a machine that is busy with other tests, where a stop of a second takes a quarter of a minute."""


def ended(process: subprocess.Popen[Any]) -> int:
    """Ask it to end, and return its exit code. One that does not end is killed: it would disturb all later tests."""
    process.terminate()
    try:
        return process.wait(PATIENCE_S)
    finally:
        process.kill()

"""What a recorder that watches nothing does not carry in memory."""

import subprocess
import sys

import pytest

PROGRAM = """
import sys
from tawny.app.program import Program
from tawny.service.plugin_registry import PluginRegistry as Doors
assert Doors.opened().source_of("rtsp://192.0.2.1/x").scheme == "rtsp"
print(*sys.modules)
"""


@pytest.mark.parametrize("library", ["cv2"])
def test_the_program_itself_needs_no_vision_library(library: str) -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert library not in done.stdout.split()

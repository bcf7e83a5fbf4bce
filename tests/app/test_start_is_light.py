"""A recorder loads libraries that only some recorders need when they are first needed."""

import subprocess
import sys

LOADED = """
import sys
import tawny.cli.run
print(sorted({"aioice", "aiortc", "cv2", "dns", "onnxruntime"} & set(sys.modules)))
"""


def test_a_recorder_that_nobody_watches_by_webrtc_loads_none_of_its_libraries() -> None:
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"

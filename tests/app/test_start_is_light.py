"""A recorder loads libraries that only some recorders need when they are first needed."""

import subprocess
import sys

LOADED = """
import sys
import tawny.cli.run
print(sorted({"aioice", "aiortc", "cv2", "dns", "onnxruntime"} & set(sys.modules)))
"""


def test_what_only_some_recorders_need_is_not_loaded_at_the_start() -> None:
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"

"""A recorder loads libraries that only some recorders need when they are first needed."""

import subprocess
import sys

LOADED = """
import sys
import tawny.cli.run
print(sorted({"aioice", "aiortc", "cv2", "dns", "onnxruntime"} & set(sys.modules)))
print(sorted({"fastapi", "uvicorn", "tawny.api.application"} & set(sys.modules)))
"""


def test_what_only_some_recorders_need_is_not_loaded_at_the_start() -> None:
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[0] == "[]"


LOOKED_AT = """
import sys
import numpy as np
from tawny.detection.appearance import appearance_of
appearance_of(np.random.default_rng(1).integers(0, 255, (90, 160, 3), np.uint8), (0.3, 0.3, 0.7, 0.7), "person")
print("numpy.ma" in sys.modules)
"""


def test_the_first_event_loads_no_masked_arrays() -> None:
    """np.median, np.percentile and np.unique do."""
    done = subprocess.run([sys.executable, "-c", LOOKED_AT], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_cameras_connect_before_the_web_interface_is_loaded() -> None:
    """It is half of what a start loads, and every second of it would be missing in the recording."""
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[1] == "[]"

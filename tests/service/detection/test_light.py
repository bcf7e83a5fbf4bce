"""What a recorder does not carry in memory: libraries that nothing uses yet, and freed frames."""

import subprocess
import sys

import pytest

START = """
import sys
from tawny.app.program import Program
from tawny.service.plugin_registry import PluginRegistry as Doors
assert Doors.opened().source_of("rtsp://192.0.2.1/x").scheme == "rtsp"
"""
GUESS = """
import numpy as np
from tawny.config.settings import Settings
from tawny.model.times import SystemClock
from tawny.service.detection.classifier_runtime import FallbackRuntime
guess = FallbackRuntime(Settings, SystemClock())
guess.choose()
assert guess.guesser.look(np.zeros((1, 2, 64, 64), np.uint8)).shape == (1, 4), guess.trouble
"""
DETECT = """
from tawny.detection.motion import MotionDetector
MotionDetector({})
"""
PROGRAMS = {"start": START, "guess": GUESS, "detect": DETECT}
"""What a recorder runs, one after the other."""
NEVER = len(PROGRAMS)
FIRST_NEEDED = {
    "cv2": list(PROGRAMS).index("detect"),
    "onnxruntime": NEVER, "onnx": NEVER, "scipy": NEVER, "PIL": NEVER, "torch": NEVER, "matplotlib": NEVER,
}  # fmt: skip
"""Position in PROGRAMS of the first that may load the library; NEVER: only with a model that its owner added."""
HEAPS = """
import threading
import ctypes, sys
from tawny.app.process_memory import limit_resident_memory
{call}
turns = threading.Barrier(8)
def work():
    turns.wait()
    held = [bytearray(100_000) for _ in range(20)]
    turns.wait()
threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
c = ctypes.CDLL(None)
c.fdopen.restype, c.fdopen.argtypes = ctypes.c_void_p, [ctypes.c_int, ctypes.c_char_p]
c.malloc_info.argtypes = [ctypes.c_int, ctypes.c_void_p]
c.fflush.argtypes = [ctypes.c_void_p]
out = c.fdopen(1, b"w")
c.malloc_info(0, out)
c.fflush(out)
"""


def run(program: str) -> str:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def loaded_after() -> list[set[str]]:
    """The modules that are loaded after each of PROGRAMS."""
    lines = run("".join(f"{program}print(*sys.modules)\n" for program in PROGRAMS.values())).splitlines()
    return [set(line.split()) for line in lines]


@pytest.fixture(params=PROGRAMS)
def loaded(request: pytest.FixtureRequest, loaded_after: list[set[str]]) -> tuple[int, set[str]]:
    """A program's position in PROGRAMS, and the modules that are loaded then."""
    at = list(PROGRAMS).index(request.param)
    return at, loaded_after[at]


@pytest.mark.parametrize("library", FIRST_NEEDED)
def test_a_library_is_loaded_only_when_it_is_needed(loaded: tuple[int, set[str]], library: str) -> None:
    at, modules = loaded
    assert at >= FIRST_NEEDED[library] or library not in modules


@pytest.mark.skipif(sys.platform != "linux", reason="mallopt and malloc_info are of the GNU C library")
def test_all_threads_share_one_heap() -> None:
    assert run(HEAPS.format(call="")).count("<heap ") > 1, "the measurement works"
    assert run(HEAPS.format(call="limit_resident_memory()")).count("<heap ") == 1

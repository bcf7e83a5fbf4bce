"""What the process gives back: pages that only loading touched, freed blocks inside the heap, and no huge pages."""

import _sqlite3
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tawny.app.process_memory import (
    LOOKS_BETWEEN_RETURNS,
    RETURNS_BETWEEN_ALL,
    Pages,
    UnusedMemory,
    _libraries,
    _unchanged,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what is resident is read from /proc")

RESIDENT = """
import re
from tawny.app.process_memory import find_library_pages, limit_resident_memory, return_unused_memory
def resident(kind):
    return int(re.search(kind + r":\\s+(\\d+) kB", open("/proc/self/smaps_rollup").read())[1])
def files():
    return resident("Rss") - resident("Anonymous")
"""
LIBRARIES = f"""{RESIDENT}
import av, cv2, numpy as np
before = files(), resident("Anonymous")
return_unused_memory(find_library_pages())
print(*before, files(), resident("Anonymous"))
square = np.arange(9.0).reshape(3, 3) + np.eye(3)
assert np.allclose(np.linalg.inv(square) @ square, np.eye(3))
assert cv2.GaussianBlur(np.full((90, 160), 7, np.uint8), (5, 5), 0).mean() == 7
encoder = av.CodecContext.create("libx264", "w")
encoder.width, encoder.height, encoder.pix_fmt = 64, 64, "yuv420p"
assert [*encoder.encode(av.VideoFrame(64, 64, "yuv420p")), *encoder.encode(None)]
"""
BLOCKS = f"""{RESIDENT}
limit_resident_memory()
blocks = [bytearray(b"x" * 100_000) for _ in range(400)]
del blocks[::2], blocks[1:-1]
last = bytearray(100_000)
before = resident("Anonymous")
return_unused_memory(find_library_pages())
print(before, resident("Anonymous"))
"""
HUGE = f"""{RESIDENT}
from mmap import MADV_HUGEPAGE, mmap
limit_resident_memory()
print(*(line.split()[1] for line in open("/proc/self/status") if line.startswith("THP_enabled")))
block = mmap(-1, 64_000_000)
block.madvise(MADV_HUGEPAGE)
before = resident("Rss")
for at in range(0, len(block), 4_000_000):
    block[at] = 1
print(resident("Rss") - before)
"""
GARBAGE = """
import gc
from tawny.app.process_memory import import_for_good
import_for_good("cycles")
frozen = gc.get_freeze_count()
gc.unfreeze()  # which are not listed
print(sum(type(one).__name__ == "Cycle" for one in gc.get_objects()), frozen, gc.get_threshold()[0])
"""
CYCLES = """
class Cycle:
    def __init__(self):
        self.it = self
for _ in range(50_000):
    Cycle()
"""
HIDDEN = """
import importlib
from tawny.app.process_memory import import_for_good
print(int(import_for_good("looks").is_hidden), int(importlib.import_module("pydantic.v1").BaseModel is not None))
"""
OVERLAP = """
import gc, sys
from threading import Thread
from tawny.app.process_memory import import_for_good
usual = gc.get_threshold()
first = Thread(target=import_for_good, args=("waits",))
first.start()
import events
assert events.begun.wait(20)
import_for_good("goes_on")
first.join()
print(int("pydantic.v1" in sys.modules), int("goes_on" in sys.modules), int(gc.get_threshold() == usual))
"""
WAITS = """
import events, sys, time
events.begun.set()
time.sleep(0.05)  # for the other import to begin
events.is_hidden.append(sys.modules["pydantic.v1"] is None)
"""
GOES_ON = """
import events
assert events.is_hidden == [True], "the first import ended before this one began"
"""
LOOKS = """
try:
    from pydantic import v1
    is_hidden = False
except ImportError:
    is_hidden = True
"""
MAPS = """\
7f0000000000-7f0000010000 r-xp 00000000 08:01 9 /venv/site-packages/av.libs/libavcodec.so.62
Rss:                  64 kB
Anonymous:             0 kB
VmFlags: rd ex mr mw me sd
7f0000010000-7f0000020000 r--p 00010000 08:01 9 /venv/site-packages/av.libs/libavcodec.so.62
Anonymous:            12 kB
7f0000020000-7f0000030000 rw-p 00020000 08:01 9 /venv/site-packages/av.libs/libavcodec.so.62
Anonymous:             0 kB
7f0000030000-7f0000040000 r--p 00000000 08:01 7 /usr/lib/dri/driver_video.so
Anonymous:             0 kB
7f0000040000-7f0000050000 r--p 00000000 00:00 0
Anonymous:             0 kB
7f0000050000-7f0000060000 r--p 00000000 08:01 6 /usr/lib/aarch64-linux-gnu/libcrypto.so.3
Anonymous:             0 kB
7f0000060000-7f0000070000 r--p 00000000 08:01 5 /usr/lib/locale/C.utf8/LC_CTYPE
Anonymous:             0 kB
7f0000070000-7f0000080000 r--p 00000000 08:01 4 /usr/lib/x86_64-linux-gnu/dri/iHD_drv_video.so
Anonymous:             0 kB
f00000000000-f00000010000 r--p 00000000 08:01 8 /usr/lib/python3.11/lib-dynload/_json.cpython-311.so
Anonymous:             0 kB
"""


def numbers(program: str) -> list[int]:
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    return [int(number) for number in found.split()]


def test_pages_that_only_loading_touched_are_returned_and_the_libraries_work() -> None:
    files, anonymous, files_after, anonymous_after = numbers(LIBRARIES)
    assert files_after < files / 2
    assert anonymous_after < anonymous + 1000


def test_freed_blocks_inside_the_heap_are_returned() -> None:
    before, after = numbers(BLOCKS)
    assert before - after > 10_000


@pytest.mark.parametrize(
    ("mapped_mb", "returned"),
    [
        pytest.param([22.4], [False], id="pages in use stay"),
        pytest.param([22.6], [True], id="what an event used is returned"),
        pytest.param([22.0, 22.6], [False, True], id="slow growth is returned, too"),
        pytest.param([30, 20.5, 22.6], [True, False, True], id="growth counts from the last return"),
        pytest.param([None, None], [True, True], id="a system that does not say how much is mapped"),
    ],
)
def test_library_pages_are_returned_when_more_are_mapped(mapped_mb: list[float | None], returned: list[bool]) -> None:
    """mapped_mb: at the end of each period."""
    in_use_mb = None if None in mapped_mb else 20.0
    now_mb, given = in_use_mb, list[Sequence[Pages]]()
    unused = UnusedMemory(lambda: None if now_mb is None else round(now_mb * 1_000_000), given.append)
    libraries = given.pop()
    assert libraries
    for at_end_mb in mapped_mb:
        assert [unused.is_due() for _ in range(LOOKS_BETWEEN_RETURNS)].count(True) == 1
        now_mb = at_end_mb
        unused.give_back()
        now_mb = in_use_mb if given[-1] else now_mb
    assert [one == libraries for one in given] == returned


def test_pages_of_an_event_that_went_on_while_they_were_measured_are_returned_later() -> None:
    mapped_mb, given = 20, list[Sequence[Pages]]()
    unused = UnusedMemory(lambda: mapped_mb * 1_000_000, given.append)
    mapped_mb = 40
    for _ in range(LOOKS_BETWEEN_RETURNS * RETURNS_BETWEEN_ALL):
        if unused.is_due():
            unused.give_back()
    first, *later, last = given
    assert first == last != ()
    assert later == [()] * (RETURNS_BETWEEN_ALL - 1)


def test_what_an_import_leaves_behind_is_collected_before_what_stays_is_frozen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cycles.py").write_text(CYCLES)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    left, frozen, threshold = numbers(GARBAGE)
    assert left < 15_000, "of 50,000"
    assert frozen > 1000
    assert threshold < 1000, "as before"


def test_old_models_are_hidden_only_while_modules_are_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "looks.py").write_text(LOOKS)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert numbers(HIDDEN) == [1, 1]


def test_imports_of_two_threads_follow_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events = "from threading import Event\nbegun = Event()\nis_hidden = []\n"
    for name, text in {"events": events, "waits": WAITS, "goes_on": GOES_ON}.items():
        (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    assert numbers(OVERLAP) == [0, 1, 1]


def test_a_touched_byte_is_one_small_page_whatever_a_library_asks_for() -> None:
    enabled, grown = numbers(HUGE)
    assert (enabled, grown < 1000) == (0, True)


def test_only_unchanged_pages_of_libraries_are_returned_and_none_of_drivers() -> None:
    lines = MAPS.splitlines()
    assert _unchanged(lines, _libraries(lines)) == [
        (0x7F0000000000, 0x7F0000010000),
        (0x7F0000050000, 0x7F0000060000),
        (0xF00000000000, 0xF00000010000),
    ]
    assert _unchanged(lines, set()) == []


@pytest.mark.parametrize("call", ["", "find_library_pages()"])
def test_a_library_whose_pages_are_returned_cannot_be_unloaded(call: str, tmp_path: Path) -> None:
    library = tmp_path / "site-packages" / "copied.so"
    library.parent.mkdir()
    shutil.copy(str(_sqlite3.__file__), library)
    program = f"""
import _ctypes, ctypes
from tawny.app.process_memory import find_library_pages
handle = ctypes.CDLL("{library}")._handle
{call}
_ctypes.dlclose(handle)
print(int("{library}" in open("/proc/self/maps").read()))
"""
    assert numbers(program) == [1 if call else 0]


def test_a_system_without_such_a_list_keeps_its_pages() -> None:
    assert _unchanged([], _libraries([])) == []

import subprocess
import sys
from pathlib import Path

import pytest

from tawny.service.sealing.private_memory import swaps_in_the_clear

ASK = """
import ctypes, resource
from tawny.service.sealing.private_memory import keep_memory_private
was = ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)
done = keep_memory_private()
open("/proc/self/fd/0").close()  # files in memory are still read by their names
print(was, done, ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), resource.getrlimit(resource.RLIMIT_CORE)[0])
"""


def test_there_are_no_dumps_of_it() -> None:
    asked = subprocess.run(
        [sys.executable, "-c", ASK], capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL
    )
    assert asked.stdout.split() == ["1", "True", "0", "0"]


@pytest.mark.parametrize(
    ("swap", "uuid", "told"),
    [
        ("/dev/sda2", "", ["/dev/sda2"]),
        ("/swapfile", "", ["/swapfile"]),
        ("/dev/zram0", "", []),
        ("/dev/dm-1", "CRYPT-PLAIN-swap", []),
        ("/dev/dm-1", "LVM-abc", ["/dev/dm-1"]),
        ("", "", []),
    ],
)
def test_swap_that_is_not_encrypted_is_named(tmp_path: Path, swap: str, uuid: str, told: list[str]) -> None:
    (tmp_path / "proc").mkdir()
    line = f"{swap}  partition  1  0  -2\n" if swap else ""
    (tmp_path / "proc/swaps").write_text(f"Filename Type Size Used Priority\n{line}")
    if uuid:
        folder = tmp_path / "sys/class/block/dm-1/dm"
        folder.mkdir(parents=True)
        (folder / "uuid").write_text(uuid)
    assert swaps_in_the_clear(tmp_path) == told

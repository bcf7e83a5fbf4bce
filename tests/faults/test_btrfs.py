"""A real Btrfs that is full, or at its quota: a database says so, and each process that opens it lives."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

_TOOLS: Final = ("mkfs.btrfs", "btrfs", "mount", "umount")
_CAN_MOUNT: Final = os.geteuid() == 0 and all(map(shutil.which, _TOOLS))
pytestmark = [pytest.mark.long, pytest.mark.skipif(not _CAN_MOUNT, reason="needs root and the tools of Btrfs")]

OTHER: Final = """
import sys
from contextlib import closing
from pathlib import Path
from tawny.model.errors import DiskFull
from tawny.storage.index.mapped_memory import connect

for mode in ("ro", "rw"):
    try:
        with closing(connect(Path(sys.argv[1]), mode, timeout_s=5)) as db:
            print("read", db.execute("SELECT count(*) FROM words").fetchone()[0])
    except DiskFull:
        print("full")
"""
PROGRAM: Final = """
import os, subprocess, sys
from pathlib import Path
from tawny.model.errors import DiskFull
from tawny.storage.index.sqlite_file import SmallDb

folder = Path(sys.argv[1])
db = SmallDb(folder / "words.db", "CREATE TABLE IF NOT EXISTS words (word);", 1)

def put():
    with db.writing() as writing:
        writing.execute("INSERT INTO words VALUES (randomblob(500))")

put()
for size in (1 << 20, 4096):
    try:
        filler = os.open(folder / f"filler-{size}", os.O_CREAT | os.O_WRONLY)
        while True:
            os.write(filler, os.urandom(size))
            os.fsync(filler)
    except OSError:
        pass
os.sync()
for _ in range(5):
    try:
        put()
        print("written")
    except DiskFull:
        print("full")
other = subprocess.run([sys.executable, "-c", sys.argv[2], folder / "words.db"], capture_output=True, text=True)
print("other:", other.returncode, *other.stdout.split())
try:
    db.copy_apart(Path(sys.argv[3]))
except DiskFull:
    pass
db.close()
"""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    image, place = tmp_path / "image", tmp_path / "disk"
    with image.open("wb") as made:
        made.truncate(400 << 20)
    place.mkdir()
    subprocess.run(["mkfs.btrfs", "-q", image], check=True, capture_output=True)
    if subprocess.run(["mount", "-o", "loop", image, place], check=False, capture_output=True).returncode:
        pytest.skip("no Btrfs can be mounted here")
    yield place
    subprocess.run(["umount", place], check=True)


@pytest.mark.parametrize("has_quota", [False, True])
def test_a_full_disk_ends_no_process(disk: Path, tmp_path: Path, *, has_quota: bool) -> None:
    if has_quota:
        folder = disk / "limited"
        for words in (("quota", "enable", disk), ("subvolume", "create", folder), ("qgroup", "limit", "40M", folder)):
            subprocess.run(["btrfs", *words], check=True, capture_output=True)
    else:
        folder = disk
    program = [sys.executable, "-c", PROGRAM, str(folder), OTHER, str(tmp_path / "copy.db")]
    done = subprocess.run(program, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "full" in done.stdout
    assert "other: 0 read" in done.stdout

"""A real disk is unplugged (the process of its file system dies) and mounted again: each old descriptor fails."""

import os
import shutil
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from tawny.model.errors import StorageError
from tawny.storage.disk.lock import holder
from tawny.storage.disk.volume import Volume
from tawny.storage.index.sqlite_file import SmallDb
from tawny.testing.clock import FakeClock
from tawny.testing.waiting import until

NEEDED = shutil.which("ntfs-3g") and shutil.which("mkfs.ntfs") and os.access("/dev/fuse", os.W_OK)
pytestmark = pytest.mark.skipif(not NEEDED or os.geteuid() != 0, reason="needs root, ntfs-3g and /dev/fuse")


class Drive:
    def __init__(self, folder: Path) -> None:
        self._image, self.root = folder / "image", folder / "mount"
        self.root.mkdir()
        with self._image.open("wb") as file:
            file.truncate(32 << 20)
        subprocess.run(["mkfs.ntfs", "-F", "-Q", str(self._image)], check=True, capture_output=True)
        self.plug_in()

    def plug_in(self) -> None:
        self._driver = subprocess.Popen(["ntfs-3g", "-o", "no_detach", str(self._image), str(self.root)])
        until(lambda: os.path.ismount(self.root), 10, "the mount")

    def pull_out(self) -> None:
        self._driver.kill()
        self._driver.wait()

    def unmount(self) -> None:
        subprocess.run(["umount", "-l", str(self.root)], check=False, capture_output=True)


def test_a_database_and_the_lock_go_on_when_their_disk_is_back(tmp_path: Path) -> None:
    drive = Drive(tmp_path)
    try:
        volume = Volume.at(drive.root / "tawny")
        lock = volume.lock(FakeClock())
        with closing(SmallDb(volume.root / "small.db", "CREATE TABLE names (name TEXT);", 1)) as small:
            drive.pull_out()
            with pytest.raises(StorageError), small.writing() as db:
                db.execute("INSERT INTO names VALUES ('lost')")
            with pytest.raises(StorageError):
                lock.pulse(1)
            drive.unmount()
            drive.plug_in()
            with small.writing() as db:
                db.execute("INSERT INTO names VALUES ('after')")
                assert db.execute("SELECT name FROM names").fetchall() == [("after",)]
            lock.pulse(2)
            assert holder(volume.root) is not None
        lock.release()
    finally:
        drive.unmount()
        drive.pull_out()

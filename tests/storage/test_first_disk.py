"""A disk that should be there and is not is told before anything is written in its place."""

from pathlib import Path

import pytest

from tawny.model.errors import StorageError
from tawny.storage.disk import secondary_volumes
from tawny.storage.disk.secondary_volumes import VolumeUse, join, why_disk_missing
from tawny.storage.disk.volume import Volume

FSTAB = """\
# what is mounted
UUID=1 / ext4 defaults 0 1
UUID=2 /mnt/video ext4 nofail 0 2
UUID=3 /srv/two\\040words ext4 nofail 0 2
UUID=4 none swap sw 0 0
broken
"""


def _mounts(*places: str) -> str:
    return "".join(f"{n} 1 8:{n} / {place} rw - ext4 /dev/sd{n} rw\n" for n, place in enumerate(("/", *places)))


@pytest.mark.parametrize(
    ("folder", "mounted", "is_missing"),
    [
        ("/mnt/video", (), True),
        ("/mnt/video/tawny", (), True),
        ("/mnt/video/tawny", ("/mnt/video",), False),
        ("/mnt/videos", (), False),
        ("/var/lib/tawny", (), False),
        ("/srv/two words/tawny", (), True),
        ("/srv/two words/tawny", ("/srv/two\\040words",), False),
        ("/media/anna/USB/tawny", (), True),
        ("/media/anna/USB/tawny", ("/media/anna/USB",), False),
        ("/run/media/anna/USB", ("/mnt/video",), True),
    ],
)
def test_whether_a_disk_is_missing(tmp_path: Path, folder: str, mounted: tuple[str, ...], is_missing: bool) -> None:
    fstab, mounts = tmp_path / "fstab", tmp_path / "mounts"
    fstab.write_text(FSTAB)
    mounts.write_text(_mounts(*mounted))
    assert bool(why_disk_missing(Path(folder), fstab, mounts)) is is_missing


ROOT = "20 1 8:2 / / rw shared:1 - ext4 /dev/sda2 rw"
SERVICE = f"{ROOT}\n30 20 8:2 /mnt/video /mnt/video rw - ext4 /dev/sda2 rw"
"""The disk is missing, and `ReadWritePaths=/mnt/video` mounts its mount point onto itself."""


@pytest.mark.parametrize(
    ("folder", "mounts", "is_missing"),
    [
        ("/mnt/video/tawny", SERVICE, True),
        ("/mnt/video/tawny", f"{SERVICE}\n31 30 8:17 / /mnt/video rw - ext4 /dev/sdb1 rw", False),
        ("/srv/two words", f"{ROOT}\n30 20 8:2 /srv/two\\040words /srv/two\\040words rw - ext4 /dev/sda2 rw", True),
        (
            "/mnt/video",
            f"{ROOT}\n30 20 8:2 /mnt /mnt rw - ext4 /dev/sda2 rw\n31 30 8:2 /mnt/video /mnt/video rw - ext4 - rw",
            True,
        ),
        (
            "/mnt/video",
            f"{ROOT}\n30 20 8:17 / /mnt rw - ext4 - rw\n31 30 8:17 /video /mnt/video rw - ext4 /dev/sdb1 rw",
            True,
        ),
        (
            "/mnt/video",
            f"{ROOT}\n30 20 8:17 / /mnt/video rw - ext4 - rw\n31 30 8:17 / /mnt/video rw - ext4 /dev/sdb1 rw",
            False,
        ),
        ("/mnt/video", "20 1 0:30 /@ / rw - btrfs - rw\n30 20 0:30 /@video /mnt/video rw - btrfs - rw", False),
        ("/mnt/video", "20 1 0:30 /@ / rw - btrfs - rw\n30 20 0:30 /@/mnt/video /mnt/video rw - btrfs - rw", True),
        ("/mnt/video", f"{ROOT}\n30 20 8:2 /other /mnt/video rw - ext4 /dev/sda2 rw", False),
        ("/mnt/video", "20 1 0:50 / / rw - overlay overlay rw\n30 20 8:2 /volumes/a /mnt/video rw - ext4 - rw", False),
        ("/mnt/video", "30 20 8:2 /mnt/video /mnt/video rw - ext4 /dev/sda2 rw", False),
    ],
    ids=[
        "service", "service with disk", "escaped", "folder above too", "part of a disk above", "disk bound to itself",
        "subvolume", "subvolume in a service", "bound to another", "container", "nothing above",
    ],
)  # fmt: skip
def test_a_mount_of_a_folder_onto_itself_is_no_disk(tmp_path: Path, folder: str, mounts: str, is_missing: bool) -> None:
    (fstab := tmp_path / "fstab").write_text(FSTAB)
    (text := tmp_path / "mounts").write_text(f"{mounts}\n")
    assert bool(why_disk_missing(Path(folder), fstab, text)) is is_missing


def test_without_such_files_nothing_is_missing(tmp_path: Path) -> None:
    assert why_disk_missing(tmp_path, tmp_path / "no", tmp_path / "neither") == ""


def test_nothing_is_joined_in_the_place_of_a_disk_that_is_not_mounted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second disk would be refused from then on: the folder below its mount point had taken its place."""
    volume, mirror = Volume.at(tmp_path / "main"), tmp_path / "mirror"
    mirror.mkdir()
    monkeypatch.setattr(secondary_volumes, "why_disk_missing", lambda _folder: "it is not mounted")
    with pytest.raises(StorageError, match="not mounted"):
        join(volume, mirror, VolumeUse.MIRROR)
    assert list(mirror.iterdir()) == []

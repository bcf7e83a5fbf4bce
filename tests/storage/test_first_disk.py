"""A disk that should be there and is not is told before anything is written in its place."""

from pathlib import Path

import pytest

from tawny.model.errors import StorageError
from tawny.storage.disk import secondary_volumes
from tawny.storage.disk.secondary_volumes import VolumeUse, is_disk_missing, join
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
    assert bool(is_disk_missing(Path(folder), fstab, mounts)) is is_missing


def test_without_such_files_nothing_is_missing(tmp_path: Path) -> None:
    assert is_disk_missing(tmp_path, tmp_path / "no", tmp_path / "neither") == ""


def test_nothing_is_joined_in_the_place_of_a_disk_that_is_not_mounted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second disk would be refused from then on: the folder below its mount point had taken its place."""
    volume, mirror = Volume.at(tmp_path / "main"), tmp_path / "mirror"
    mirror.mkdir()
    monkeypatch.setattr(secondary_volumes, "is_disk_missing", lambda _folder: "it is not mounted")
    with pytest.raises(StorageError, match="not mounted"):
        join(volume, mirror, VolumeUse.MIRROR)
    assert list(mirror.iterdir()) == []

"""A disk that should be there and is not is told before anything is written in its place."""

from pathlib import Path

import pytest

from tawny.storage.disk.failover import is_disk_missing

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

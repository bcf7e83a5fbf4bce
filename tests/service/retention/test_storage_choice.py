"""Disks to record to: how they are found and judged, and what a choice changes or refuses."""

import errno
import fcntl
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tawny.config.loader import read_settings
from tawny.config.settings import Settings
from tawny.model.errors import NotDone, SettingsError, StorageError, TawnyError
from tawny.model.ids import CameraId, StreamName
from tawny.service.changeable_settings import ChangeableSettings
from tawny.service.retention.retention_service import RetentionRequest, RetentionService, StoredRecordings
from tawny.service.storage_choice import Disk, StorageChoiceService, mounted_disks
from tawny.storage.disk.volume import DiskGone
from tests.support.dead_disk import DEATHS, dead

DAY_S = 86_400


def block(sys: Path, number: str, place: str, **texts: str) -> None:
    """A device in sysfs. texts: contents of its files, `__` for a slash."""
    folder = sys / "devices" / place
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        file = folder / name.replace("__", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n")
    link = sys / "dev/block" / number
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(folder)


MOUNTS = r"""
22 27 0:21 / /proc rw - proc proc rw
27 1 179:2 / / rw - ext4 /dev/mmcblk0p2 rw
28 27 179:1 / /boot/firmware rw - vfat /dev/mmcblk0p1 rw
30 27 8:1 / /media/pi/My\040stick rw - exfat /dev/sda1 rw
31 27 8:17 / /mnt/big rw - ext4 /dev/sdb1 rw
32 27 259:1 / /mnt/fast rw - xfs /dev/nvme0n1p1 rw
33 27 254:0 / /mnt/mapped rw - ext4 /dev/mapper/crypt rw
34 27 0:50 / /mnt/nas rw - nfs4 nas.lan:/video rw
35 27 8:33 / /mnt/old ro - ext4 /dev/sdc1 ro
36 27 0:22 / /dev/shm rw - tmpfs tmpfs rw
37 27 179:2 /var/lib/docker/x /var/lib/docker/x rw - ext4 /dev/mmcblk0p2 rw
38 27 8:17 /sub /mnt/bound rw - ext4 /dev/sdb1 rw
39 27 7:1 / /snap/core rw - squashfs /dev/loop1 rw
40 27 254:16 / /data rw - ext4 /dev/vdb rw
broken line
"""
KINDS = {
    "/": "sd-card",
    "/media/pi/My stick": "usb-stick",
    "/mnt/big": "usb-disk",
    "/mnt/fast": "ssd",
    "/mnt/mapped": "hdd",
    "/mnt/nas": "network",
    "/data": "disk",
}


def test_disks_are_told_apart(tmp_path: Path) -> None:
    sys = tmp_path / "sys"
    block(sys, "179:2", "mmc0/mmcblk0/mmcblk0p2", partition="2")
    block(sys, "179:0", "mmc0/mmcblk0", device__type="SD", device__name="SC64G")
    block(sys, "8:1", "usb1/1-1/sda/sda1", partition="1")
    block(sys, "8:0", "usb1/1-1/sda", removable="1", queue__rotational="0", device__model="Flash  Drive ")
    block(sys, "8:17", "usb2/2-1/sdb/sdb1", partition="1")
    block(sys, "8:16", "usb2/2-1/sdb", removable="0", queue__rotational="1")
    block(sys, "259:1", "pci0/nvme0n1/nvme0n1p1", partition="1")
    block(sys, "259:0", "pci0/nvme0n1", removable="0", queue__rotational="0")
    block(sys, "8:48", "pci0/sdd", removable="0", queue__rotational="1")
    block(sys, "254:0", "virtual/dm-0")
    (sys / "devices/virtual/dm-0/slaves").mkdir()
    (sys / "devices/virtual/dm-0/slaves/sdd").symlink_to(sys / "devices/pci0/sdd")
    block(sys, "254:16", "virtio1/vdb", queue__rotational="1")
    (tmp_path / "mountinfo").write_text(MOUNTS)
    found = mounted_disks(tmp_path / "mountinfo", sys)
    assert {str(one.mount): one.kind for one in found} == KINDS
    assert [one.model for one in found[:2]] == ["SC64G", "Flash Drive"]
    assert mounted_disks(tmp_path / "none", sys) == []


@dataclass
class Chooser:
    """The service over a real settings file, with one disk: the folder of the test."""

    root: Path
    settings: Settings
    service: StorageChoiceService
    brought: list[Path]
    changed: list[RetentionRequest]


@pytest.fixture
def chooser(tmp_path: Path) -> Chooser:
    return make_chooser(tmp_path)


def make_chooser(root: Path, text: str = "", *, kind: str = "hdd", removes: bool = False) -> Chooser:
    config, folder = root / "tawny.toml", root / "first"
    config.write_text(text)
    folder.mkdir()
    brought: list[Path] = []
    changed: list[RetentionRequest] = []
    holder: list[Settings] = [read_settings(config)]

    def apply(new: Settings, _: str) -> None:
        holder[0] = made.settings = new

    def plan(asked: RetentionRequest | None, _: float) -> Any:
        gone = SimpleNamespace(segment=SimpleNamespace(id="x"))
        return SimpleNamespace(removals=[gone] if removes and asked else [])

    rates = {(CameraId("porch"), StreamName.MAIN): (500_000.0, 0.0)}
    room = SimpleNamespace(figures=None, rates=lambda: rates)
    kept = SimpleNamespace(room=room, index=SimpleNamespace(size_bytes=lambda: 7))
    service = StorageChoiceService(
        ChangeableSettings(lambda: holder[0], apply, config),
        cast(StoredRecordings, kept),
        cast(RetentionService, SimpleNamespace(plan=plan, change=changed.append)),
        folder,
        brought.append,
        lambda: [Disk(root, kind)],
    )
    made = Chooser(root, holder[0], service, brought, changed)
    return made


def test_the_current_disk_says_how_many_days_fit(tmp_path: Path) -> None:
    made = make_chooser(tmp_path, '[storage]\nretention = { max_size = "432 GB", min_free = "0 %" }\n', kind="sd-card")
    now = made.service.now()
    (disk,) = now.disks
    assert (disk.path, disk.is_current, disk.problem) == (str(tmp_path / "first"), True, "")
    assert "Wears out" in disk.advice
    assert now.day_bytes == 500_000 * DAY_S
    assert disk.fits_days is not None
    assert disk.fits_days <= 10
    assert (now.recorded_bytes, now.is_measured, now.max_bytes, now.next_path) == (7, False, 432_000_000_000, "")


def test_another_folder_is_created_and_written_into_the_settings(chooser: Chooser) -> None:
    new = chooser.root / "second"
    assert chooser.service.change(path=str(new))
    assert new.stat().st_mode & 0o777 == 0o700
    assert chooser.brought == [new]
    assert read_settings(chooser.root / "tawny.toml").storage.path == str(new)
    assert (chooser.service.now().path, chooser.service.now().next_path) == (str(chooser.root / "first"), str(new))


def test_the_same_folder_changes_nothing(chooser: Chooser) -> None:
    assert not chooser.service.change(path=str(chooser.root / "first"))
    assert (chooser.brought, (chooser.root / "tawny.toml").read_text()) == ([], "")


def with_files(root: Path) -> str:
    (root / "photos").mkdir()
    (root / "photos" / "1.jpg").touch()
    return str(root / "photos")


def a_file(root: Path) -> str:
    (root / "file").touch()
    return str(root / "file")


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda _: "relative/folder", SettingsError, "/mnt/disk/tawny"),
        (lambda root: f"{root}/../x", SettingsError, "/mnt/disk/tawny"),
        (lambda root: f"{root}/a\0b", SettingsError, "/mnt/disk/tawny"),
        (lambda _: "/elsewhere/tawny", NotDone, "on no disk"),
        (with_files, NotDone, "has other files"),
        (a_file, NotDone, "has other files"),
        (lambda root: f"{root}/not/there", NotDone, "can't write"),
    ],
)
def test_a_folder_that_will_not_do_changes_nothing(
    chooser: Chooser, make: Callable[[Path], str], error: type[TawnyError], says: str
) -> None:
    with pytest.raises(error, match=says):
        chooser.service.change(path=make(chooser.root), days=30)
    assert (chooser.brought, chooser.changed, (chooser.root / "tawny.toml").read_text()) == ([], [], "")


@pytest.mark.parametrize("kind", DEATHS)
def test_a_disk_that_is_gone_while_it_is_mounted_is_named(chooser: Chooser, kind: str) -> None:
    (folder := chooser.root / "second").mkdir()
    with dead(folder, kind), pytest.raises(DiskGone, match="doesn't answer"):
        chooser.service.change(path=str(folder))


def test_a_disk_without_locks_is_refused_before_anything_changes(
    chooser: Chooser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(StorageError, match="without file locks"):
        chooser.service.change(path=str(chooser.root / "second"), days=30)
    assert (chooser.brought, chooser.changed, (chooser.root / "tawny.toml").read_text()) == ([], [], "")


@pytest.mark.parametrize(
    ("days", "wanted"),
    [
        (30.0, {"max": "30 days", "min": "14 days", "events": {"other": "30 days"}}),
        (7.0, {"max": "7 days", "min": "7 days", "events": {"other": "7 days"}}),
        (120.0, {"max": "120 days", "min": "14 days", "events": {"other": "60 days"}}),
    ],
)
def test_days_shorten_what_they_contradict(chooser: Chooser, days: float, wanted: dict[str, Any]) -> None:
    assert not chooser.service.change(days=days, size="200 GB")
    (asked,) = chooser.changed
    assert {key: asked.everyone[key] for key in wanted} == wanted
    assert asked.everyone["max_size"] == "200 GB"


def test_a_space_limit_can_be_taken_away(tmp_path: Path) -> None:
    made = make_chooser(tmp_path, '[storage]\nretention = { max_size = "9 GB" }\n')
    made.service.change(size="")
    assert "max_size" not in made.changed[0].everyone


def test_what_would_delete_recordings_is_left_to_the_page_that_shows_them(tmp_path: Path) -> None:
    made = make_chooser(tmp_path, removes=True)
    with pytest.raises(NotDone, match="would delete"):
        made.service.change(days=1)
    assert made.changed == []

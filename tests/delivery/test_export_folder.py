"""An export folder whose disk is away for a while."""

import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest

from tawny.delivery import export_folder
from tawny.delivery.delivery import DeliveryKind, in_memory
from tawny.delivery.destinations import folder as destination
from tawny.delivery.export_folder import ExportFolder, FileLeftOut, FolderLimits
from tawny.delivery.outbox import Outbox
from tawny.model.errors import TargetMissing, TargetUnreachable
from tawny.model.ids import EventId
from tawny.storage.disk import secondary_volumes
from tawny.testing.clock import FakeClock
from tests.delivery.carried import delivery
from tests.support.dead_disk import DEATHS, dead

TO = "files hours"


@pytest.fixture
def folder(tmp_path: Path, outbox: Outbox, clock: FakeClock) -> ExportFolder:
    """On a disk at `disk`, for 15 bytes and an hour, with one file of 10 bytes."""
    (tmp_path / "disk").mkdir()
    made = ExportFolder(TO, tmp_path / "disk" / "cams", outbox, clock, lambda _: False, FolderLimits(15, 3600))
    write(made.opened(), outbox, clock, "first.mp4")
    return made


def write(folder: ExportFolder, outbox: Outbox, clock: FakeClock, name: str) -> None:
    outbox.add([delivery(name, DeliveryKind.FILE, clock.now_ms(), to=TO)])
    taken = outbox.take(TO)
    assert taken
    path = folder.carry(taken, in_memory(b"0123456789", "video/mp4", 0), lambda _: None)
    outbox.done(taken, path, 10)


def test_files_that_expire_while_the_disk_is_away_are_deleted_when_it_is_back(
    folder: ExportFolder, outbox: Outbox, clock: FakeClock, tmp_path: Path
) -> None:
    away = (tmp_path / "disk").rename(tmp_path / "away")
    clock.advance(3700)
    folder.expire()
    assert [one.name for one in outbox.kept_files(TO)] == ["first.mp4"]
    away.rename(tmp_path / "disk")
    folder.expire()
    assert (list(outbox.kept_files(TO)), list((tmp_path / "disk").rglob("*.mp4"))) == ([], [])


@pytest.fixture
def linked(folder: ExportFolder, outbox: Outbox, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> ExportFolder:
    """Its oldest file is behind a link that another user has made since."""
    write(folder, outbox, clock, "front/old.mp4")
    (folder.root / "front").rename(folder.root.parent / "elsewhere")
    (folder.root / "front").symlink_to(folder.root.parent / "elsewhere")
    monkeypatch.setattr(destination, "ROOT", -1)  # the tests may run as root
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    return folder


def test_what_is_behind_a_link_of_another_user_keeps_no_other_file_from_going(
    linked: ExportFolder, outbox: Outbox, clock: FakeClock
) -> None:
    clock.advance(60)
    write(linked, outbox, clock, "second.mp4")
    assert [one.name for one in outbox.kept_files(TO)] == ["front/old.mp4", "second.mp4"]
    clock.advance(60)
    write(linked, outbox, clock, "third.mp4")
    assert [one.name for one in outbox.kept_files(TO)] == ["front/old.mp4", "third.mp4"]
    clock.advance(3700)
    linked.expire()
    assert [one.name for one in outbox.kept_files(TO)] == ["front/old.mp4"]
    assert (linked.root.parent / "elsewhere" / "old.mp4").exists()


@pytest.mark.parametrize("kind", DEATHS)
def test_a_disk_that_is_gone_while_it_is_mounted_is_an_error_of_its_folder(
    folder: ExportFolder, outbox: Outbox, clock: FakeClock, tmp_path: Path, kind: str
) -> None:
    clock.advance(3700)
    with dead(tmp_path / "disk", kind):
        folder.expire()
        for call in (folder.opened, folder.probe, lambda: write(folder, outbox, clock, "second.mp4")):
            with pytest.raises(TargetUnreachable, match="Transport endpoint is not connected"):
                call()
    folder.expire()
    assert list(outbox.kept_files(TO)) == []


@pytest.fixture(params=[errno.EPERM, errno.ENOSYS], ids=["FAT", "FUSE"])
def modeless(folder: ExportFolder, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> ExportFolder:
    """Its files have no mode any longer, as on FAT, or on a FUSE file system without modes."""

    def refused(*_: object, **__: object) -> None:
        raise OSError(request.param, os.strerror(request.param))

    for name in ("chmod", "fchmod"):
        monkeypatch.setattr(os, name, refused)
    return folder


def test_files_arrive_where_they_have_no_mode(modeless: ExportFolder, outbox: Outbox, clock: FakeClock) -> None:
    write(modeless, outbox, clock, "front/second.mp4")
    assert (modeless.root / "front" / "second.mp4").read_bytes() == b"0123456789"


def test_files_that_others_may_open_against_the_settings_are_logged_once(
    modeless: ExportFolder, outbox: Outbox, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    before = os.umask(0o022)
    try:
        for name in ("second.mp4", "third.mp4"):
            write(modeless, outbox, clock, name)
    finally:
        os.umask(before)
    assert caplog.text.count("other users of this computer may open the files") == 1


def test_a_test_follows_no_link(folder: ExportFolder, tmp_path: Path) -> None:
    (mine := tmp_path / "mine").write_text("mine")
    (folder.root / ".tawny-test.part").symlink_to(mine)
    folder.probe()
    assert (mine.read_text(), list(folder.root.glob(".tawny*"))) == ("mine", [])


def test_room_is_not_made_on_a_disk_that_is_away(
    folder: ExportFolder, outbox: Outbox, clock: FakeClock, tmp_path: Path
) -> None:
    (tmp_path / "disk").rename(tmp_path / "away")
    with pytest.raises(TargetMissing):
        write(folder, outbox, clock, "second.mp4")
    assert [one.name for one in outbox.kept_files(TO)] == ["first.mp4"]


def test_the_folder_is_not_made_again_where_its_disk_was_mounted(folder: ExportFolder, tmp_path: Path) -> None:
    """The folder of the mount is there without its disk, too."""
    (tmp_path / "disk").rename(tmp_path / "away")
    (tmp_path / "disk").mkdir()
    with pytest.raises(TargetMissing, match="is its disk mounted"):
        folder.opened()
    assert list((tmp_path / "disk").iterdir()) == []


def test_a_new_folder_is_made_although_another_one_had_files(
    folder: ExportFolder, outbox: Outbox, clock: FakeClock, tmp_path: Path
) -> None:
    other = ExportFolder(TO, tmp_path / "disk" / "others", outbox, clock, lambda _: False, FolderLimits(15, 3600))
    assert other.opened().root.is_dir()


@pytest.mark.parametrize("is_mount_point", [False, True], ids=["below the mount point", "the mount point"])
def test_nothing_is_written_to_a_mount_that_is_missing(
    outbox: Outbox, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_mount_point: bool
) -> None:
    for name in ("why_disk_missing", "why_listed_disk_missing"):
        monkeypatch.setattr(export_folder, name, lambda _: "/etc/fstab mounts a disk there")
    made = ExportFolder(TO, tmp_path / "cams", outbox, clock, lambda _: False, FolderLimits(15, 3600))
    if is_mount_point:
        made.root.mkdir()
    with pytest.raises(TargetMissing, match="fstab"):
        made.opened()
    assert made.root.exists() == is_mount_point


@pytest.mark.parametrize("is_there", [True, False])
def test_below_media_only_a_folder_that_is_missing_needs_a_disk(
    outbox: Outbox, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_there: bool
) -> None:
    monkeypatch.setattr(secondary_volumes, "_PLUGGED", (tmp_path,))
    made = ExportFolder(TO, tmp_path / "cams", outbox, clock, lambda _: False, FolderLimits(15, 3600))
    if is_there:
        made.root.mkdir()
        assert made.opened().root.is_dir()
    else:
        with pytest.raises(TargetMissing, match="no disk is mounted"):
            made.opened()


def test_the_oldest_files_make_room_however_many_there_are(tmp_path: Path, outbox: Outbox, clock: FakeClock) -> None:
    made = ExportFolder(TO, tmp_path / "cams", outbox, clock, lambda _: False, FolderLimits(4_500, None))
    names = [f"{number:03}.mp4" for number in range(460)]
    for name in names:
        write(made.opened(), outbox, clock, name)
        clock.advance(1)
    assert [one.name for one in outbox.kept_files(TO)] == names[10:]
    assert sorted(one.name for one in made.root.iterdir()) == names[10:]


def test_files_of_kept_events_go_last(tmp_path: Path, outbox: Outbox, clock: FakeClock) -> None:
    made = ExportFolder(TO, tmp_path / "cams", outbox, clock, lambda event: event == "kept", FolderLimits(20, None))
    for name, event in (("first.mp4", "kept"), ("second.mp4", "other"), ("third.mp4", "other")):
        outbox.add([replace(delivery(name, DeliveryKind.FILE, clock.now_ms(), to=TO), event=EventId(event))])
        taken = outbox.take(TO)
        assert taken
        outbox.done(taken, made.opened().carry(taken, in_memory(b"0123456789", "video/mp4", 0), lambda _: None), 10)
        clock.advance(1)
    assert [one.name for one in outbox.kept_files(TO)] == ["first.mp4", "third.mp4"]


def test_no_files_are_deleted_for_one_that_was_too_large_before(
    tmp_path: Path, outbox: Outbox, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = ExportFolder(TO, tmp_path / "cams", outbox, clock, lambda _: False, FolderLimits(100, None)).opened()
    large = in_memory(b"x" * 50, "video/mp4", 0)

    def refuse(*_: object) -> None:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))

    with monkeypatch.context() as patched, pytest.raises(FileLeftOut):
        patched.setattr(destination.OpenFolder, "open_part", refuse)
        made.carry(delivery("large.mp4", DeliveryKind.FILE, clock.now_ms(), to=TO), large, lambda _: None)
    for number in range(10):
        write(made, outbox, clock, f"{number}.mp4")
    with pytest.raises(FileLeftOut):
        made.carry(delivery("large.mp4", DeliveryKind.FILE, clock.now_ms(), to=TO), large, lambda _: None)
    assert len(list(outbox.kept_files(TO))) == 10
    clock.advance(90_000)
    made.carry(delivery("large.mp4", DeliveryKind.FILE, clock.now_ms(), to=TO), large, lambda _: None)
    assert (made.root / "large.mp4").stat().st_size == 50

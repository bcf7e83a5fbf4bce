import errno
import os
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest

from tawny.delivery.destination import DestinationConnection, DestinationContext, check_destination
from tawny.delivery.destinations import folder
from tawny.delivery.destinations.folder import FolderDenied, FolderDestination
from tawny.model.errors import DeliveryError, TargetMissing, TargetRefused, TargetUnreachable
from tawny.storage.disk import secondary_volumes
from tawny.testing.clock import FakeClock
from tawny.testing.contracts.destination import Cut, CutContent, DestinationCase, DestinationContract, content
from tests.support.dead_disk import DEATHS, dead


def opening(path: Path) -> DestinationContext:
    return DestinationContext("nas", f"folder:{path}", {}, FakeClock())


class TestFolder(DestinationContract):
    @pytest.fixture
    def target(self, tmp_path: Path) -> DestinationCase:
        def get(name: str) -> bytes | None:
            path = tmp_path / name
            return path.read_bytes() if path.exists() else None

        return DestinationCase(lambda: FolderDestination().connect(opening(tmp_path)), get)


def test_a_disk_that_is_not_mounted_is_told(tmp_path: Path) -> None:
    with pytest.raises(TargetMissing, match="mounted"):
        FolderDestination().connect(opening(tmp_path / "nowhere"))


@pytest.mark.parametrize("kind", DEATHS)
def test_a_disk_that_is_gone_while_it_is_mounted_is_unreachable(tmp_path: Path, kind: str) -> None:
    connection = FolderDestination().connect(opening(tmp_path))
    connection.put("1.jpg", content(), "", lambda _: None)
    with dead(tmp_path, kind):
        for call in (
            lambda: FolderDestination().connect(opening(tmp_path)),
            lambda: list(connection.files()),
            lambda: connection.remove("1.jpg"),
        ):
            with pytest.raises(TargetUnreachable, match="Transport endpoint is not connected"):
                call()
    assert [one.name for one in connection.files()] == ["1.jpg"]


def test_an_empty_mount_point_is_not_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    why = "/etc/fstab mounts a disk there, and it is not mounted"
    monkeypatch.setattr(folder, "why_listed_disk_missing", lambda _: why)
    with pytest.raises(TargetMissing, match="not mounted"):
        FolderDestination().connect(opening(tmp_path))


def test_a_folder_of_the_system_disk_below_media_is_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root := tmp_path / "recordings").mkdir()
    monkeypatch.setattr(secondary_volumes, "_PLUGGED", (tmp_path,))
    FolderDestination().connect(opening(root)).put("1.jpg", content(), "", lambda _: None)
    assert (root / "1.jpg").exists()


def test_a_folder_whose_disk_is_unplugged_is_not_made_again(tmp_path: Path) -> None:
    root = tmp_path / "usb" / "tawny"
    root.mkdir(parents=True)
    connection = FolderDestination().connect(opening(root))
    connection.put("porch/1.jpg", content(), "", lambda _: None)
    root.rename(tmp_path / "unplugged")
    with pytest.raises(TargetMissing, match="mounted"):
        connection.put("porch/2.jpg", content(), "", lambda _: None)
    assert not root.exists()


@pytest.mark.parametrize(
    "ask",
    [lambda one: one.remove("a.jpg"), lambda one: one.find("a.jpg"), lambda one: list(one.files())],
    ids=["remove", "find", "files"],
)
@pytest.mark.parametrize("is_mount_point", [False, True], ids=["below the mount point", "the mount point"])
def test_what_is_on_a_disk_that_was_unplugged_since_is_not_said_to_be_gone(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    ask: Callable[[DestinationConnection], object],
    is_mount_point: bool,
) -> None:
    (root := tmp_path / "usb").mkdir()
    connection = FolderDestination().connect(opening(root))
    connection.put("a.jpg", content(), "", lambda _: None)
    root.rename(tmp_path / "unplugged")
    if is_mount_point:
        root.mkdir()
        monkeypatch.setattr(folder, "why_listed_disk_missing", lambda _: "its disk is not mounted")
    with pytest.raises(TargetMissing, match="mounted"):
        ask(connection)


@pytest.mark.parametrize("name", ["../a.jpg", "/etc/passwd", "a/../../b", ""])
def test_nothing_outside_is_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(DeliveryError):
        FolderDestination().connect(opening(tmp_path)).put(name, content(), "", lambda _: None)


@pytest.mark.parametrize("owner", ["other", "own"])
def test_links_of_other_users_lead_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: str) -> None:
    (root := tmp_path / "nas").mkdir()
    (outside := tmp_path / "outside").mkdir()
    (outside / "mine.txt").write_text("mine")
    (root / "drive").symlink_to(outside)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + (1 if owner == "other" else 0))
    monkeypatch.setattr(folder, "ROOT", -1)  # the tests may run as root
    opened = FolderDestination().connect(opening(root))
    if owner == "own":
        opened.put("drive/a.jpg", content(b"jpeg"), "", lambda _: None)
        assert (outside / "a.jpg").read_bytes() == b"jpeg"
        return
    with pytest.raises(DeliveryError, match="another user"):
        opened.put("drive/a.jpg", content(b"jpeg"), "", lambda _: None)
    with pytest.raises(DeliveryError, match="another user"):
        opened.remove("drive/mine.txt")
    assert [one.name for one in outside.iterdir()] == ["mine.txt"]


def test_a_link_in_the_place_of_a_part_file_is_replaced(tmp_path: Path) -> None:
    (root := tmp_path / "nas").mkdir()
    (mine := tmp_path / "mine.txt").write_text("mine")
    (root / "a.jpg.part").symlink_to(mine)
    FolderDestination().connect(opening(root)).put("a.jpg", content(b"jpeg"), "", lambda _: None)
    assert ((root / "a.jpg").read_bytes(), mine.read_text()) == (b"jpeg", "mine")


def test_empty_folders_go_with_their_last_file(tmp_path: Path) -> None:
    connection = FolderDestination().connect(opening(tmp_path))
    connection.put("2026/11/a.jpg", content(), "", lambda _: None)
    connection.remove("2026/11/a.jpg")
    assert list(tmp_path.iterdir()) == []


def test_what_was_cut_off_goes_by_the_name_that_it_would_have(tmp_path: Path) -> None:
    connection = FolderDestination().connect(opening(tmp_path))
    with pytest.raises(Cut):
        connection.put("2026/a.mp4", CutContent(bytes(3_000_000), 2_000_000), "", lambda _: None)
    listed = [one.name for one in connection.files()]
    connection.remove("2026/a.mp4")
    assert (listed, list(tmp_path.iterdir())) == (["2026/a.mp4"], [])


def test_a_whole_file_is_listed_once_while_another_one_replaces_it(tmp_path: Path) -> None:
    connection = FolderDestination().connect(opening(tmp_path))
    connection.put("a.mp4", content(), "", lambda _: None)
    (tmp_path / "a.mp4.part").write_bytes(b"half")
    assert [(one.name, one.size_bytes) for one in connection.files()] == [("a.mp4", 9)]


def test_a_file_that_its_file_system_cannot_hold_is_named_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As 4 GB on FAT32."""

    def refuse(_: int) -> None:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(DeliveryError, match="too large for the file system"):
        FolderDestination().connect(opening(tmp_path)).put("a.mp4", content(), "", lambda _: None)


@pytest.mark.parametrize(("number", "arrives"), [(errno.EPERM, True), (errno.ESTALE, False)])
def test_a_share_may_keep_its_own_times_but_not_be_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, arrives: bool
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "utime", refuse)
    made = content()
    made.modified_ms = 1_700_000_000_000
    with nullcontext() if arrives else pytest.raises(TargetUnreachable):
        FolderDestination().connect(opening(tmp_path)).put("a.jpg", made, "", lambda _: None)
    assert (tmp_path / "a.jpg").exists() == arrives


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EROFS])
def test_a_folder_that_refuses_access_has_no_sign_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(folder.OpenFolder, "open_part", refuse)
    with pytest.raises(TargetRefused) as raised:
        FolderDestination().connect(opening(tmp_path)).put("a.jpg", content(), "", lambda _: None)
    assert raised.value.message == f"nas ({tmp_path}) refused access ({os.strerror(number)})."


def test_a_file_that_cannot_be_read_is_told_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a word of writing, which may be fine."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    opened = FolderDestination().connect(opening(tmp_path))
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(TargetRefused) as raised:
        list(opened.read("a.jpg"))
    assert raised.value.message == f"nas ({tmp_path}) refused access (Permission denied)."
    assert raised.value.do.startswith("Give the user that runs tawny read and write permission there")
    monkeypatch.undo()


def test_a_folder_of_which_nothing_can_be_deleted_has_no_login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise FolderDenied("nas", "Operation not permitted")

    monkeypatch.setattr(folder.OpenFolder, "remove", refuse)
    steps = check_destination(lambda: FolderDestination().connect(opening(tmp_path)), "nas")
    assert [one.what.partition(";")[0] for one in steps][-1] == "tawny may not delete files"


@pytest.mark.parametrize("url", ["folder:relative/path", "folder:"])
def test_a_path_is_whole(url: str) -> None:
    with pytest.raises(ValueError, match="absolute path"):
        FolderDestination().settings(url, {})

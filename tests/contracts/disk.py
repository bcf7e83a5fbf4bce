"""What every kind of volume must do. Subclass it, name the class `Test…`, and say how one is made.

A kind of volume is a `DiskAccess`: all of storage goes through its few calls.
"""

from abc import ABC, abstractmethod
from pathlib import Path

import pytest

from tawny.engine import Bus, InlineEngine
from tawny.model.errors import FileMissing, StorageError
from tawny.model.ids import CameraId, StreamName
from tawny.recorder.recorder import SegmentRecorder
from tawny.storage.disk.disk import DiskAccess
from tawny.storage.disk.volume import Volume, copy
from tawny.storage.index.memory_index import MemoryIndex
from tawny.stream.hub import Hub
from tawny.testing.clock import FakeClock
from tawny.testing.packet_feed import PacketFeed

PORCH, MAIN = CameraId("porch"), StreamName.MAIN


def put(disk: DiskAccess, path: str, data: bytes = b"x") -> None:
    file = disk.create(path)
    file.append([data])
    file.sync()
    file.close()


class DiskContract(ABC):
    @abstractmethod
    def made(self, folder: Path) -> DiskAccess:
        """An empty one. folder: an empty folder, for those that need one."""

    @pytest.fixture
    def disk(self, tmp_path: Path) -> DiskAccess:
        (tmp_path / "one").mkdir()
        return self.made(tmp_path / "one")

    # --- files and folders

    def test_what_is_appended_can_be_read(self, disk: DiskAccess) -> None:
        disk.make_folder("a/b")
        file = disk.create("a/b/c")
        file.append([b"one", b"", memoryview(b"two")])
        file.append([b"three"])
        file.sync()
        file.close()
        assert disk.read("a/b/c") == b"onetwothree"
        assert disk.read("a/b/c", 3, 3) == b"two"
        assert disk.read("a/b/c", 100) == b""
        entry = disk.entry("a/b/c")
        assert entry is not None
        assert (entry.kind, entry.size_bytes) == ("file", 11)

    def test_more_parts_than_one_call_takes(self, disk: DiskAccess) -> None:
        file = disk.create("many")
        file.append([b"%d," % number for number in range(5000)])
        assert file.size_bytes == len(disk.read("many")) == sum(len(f"{number},") for number in range(5000))
        file.close()

    def test_a_cut_file_goes_on_where_it_was_cut(self, disk: DiskAccess) -> None:
        file = disk.create("a")
        file.append([b"good", b"torn"])
        file.cut(4)
        file.append([b"!"])
        file.close()
        assert disk.read("a") == b"good!"

    def test_a_file_is_made_once(self, disk: DiskAccess) -> None:
        put(disk, "a")
        with pytest.raises(StorageError, match="exists"):
            disk.create("a")

    def test_a_file_is_extended(self, disk: DiskAccess) -> None:
        put(disk, "a", b"one")
        file = disk.extend("a")
        assert file.size_bytes == 3
        file.append([b"two"])
        file.close()
        assert disk.read("a") == b"onetwo"

    def test_bytes_are_written_in_place(self, disk: DiskAccess) -> None:
        put(disk, "a", b"......")
        disk.write_at("a", 2, b"xy")
        assert disk.read("a") == b"..xy.."

    def test_names_change_and_go(self, disk: DiskAccess) -> None:
        disk.make_folder("f")
        put(disk, "f/a", b"1")
        put(disk, "f/b", b"2")
        disk.rename("f/a", "f/b")
        assert [one.name for one in disk.entries("f")] == ["b"]
        assert disk.read("f/b") == b"1"
        assert not disk.remove_folder("f")
        disk.unlink("f/b")
        disk.unlink("f/b")
        disk.sync_folder("f")
        assert disk.remove_folder("f")
        assert not disk.remove_folder("f")
        assert disk.entries("f") == []
        assert disk.entry("f") is None

    @pytest.mark.parametrize("path", ["../a", "/etc/passwd", "a/../b", "a//b", "./a", "a\0b"])
    def test_no_path_leads_out(self, disk: DiskAccess, path: str) -> None:
        with pytest.raises(ValueError, match="path"):
            disk.create(path)
        with pytest.raises(ValueError, match="path"):
            disk.unlink(path)

    def test_what_is_not_there_cannot_be_read(self, disk: DiskAccess) -> None:
        with pytest.raises(FileMissing):
            disk.read("none")
        with pytest.raises(FileMissing):
            disk.extend("none")
        assert disk.entry("none") is None

    def test_space_is_told(self, disk: DiskAccess) -> None:
        space = disk.space()
        assert 0 < space.free_bytes <= space.total_bytes

    # --- a volume of this kind

    def test_it_is_recorded_to(self, disk: DiskAccess) -> None:
        clock, volume, index = FakeClock("2026-11-20T05:00:00Z"), Volume(disk), MemoryIndex()
        engine = InlineEngine(clock, lambda name, error: pytest.fail(f"{name}: {error}"))
        recorder, hub = SegmentRecorder(volume, index, clock, Bus()), Hub()
        recorder.start(engine)
        recorder.add(PORCH, MAIN, hub)
        feed = PacketFeed(hub, clock, fps=5, gop=10, size_bytes=40)
        for _ in range(70 * 5):
            feed.picture()
            engine.run_for(0.2)
        recorder.end_all()
        while not recorder.is_idle:
            engine.run_for(0.2)
        rows = list(index.all_segments())
        assert sum(row.span.seconds for row in rows) == pytest.approx(70, abs=0.3)
        assert volume.cameras() == [PORCH]
        folders = list(volume.hour_folders(PORCH))
        there = {path: entry.size_bytes for folder in folders for path, entry in volume.files(folder)}
        assert there == {row.path: row.size_bytes for row in rows}
        assert [volume.holding(row.path) for row in rows] == [volume] * len(rows)

    def test_files_are_copied_to_another_of_its_kind(self, disk: DiskAccess, tmp_path: Path) -> None:
        (tmp_path / "two").mkdir()
        source, target = Volume(disk), Volume(self.made(tmp_path / "two"))
        disk.make_folder("porch/2026")
        put(disk, "porch/2026/a", b"whole" * 1000)
        copy(source, target, "porch/2026/a")
        assert target.disk.read("porch/2026/a") == b"whole" * 1000
        assert [one.name for one in target.disk.entries("porch/2026")] == ["a"]

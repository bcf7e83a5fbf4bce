"""Paths of an event's objects on the disk: appended, sealed, cut off by a crash, listed by the next start, removed."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from tawny.model.errors import StorageError
from tawny.model.events import Event, event_id
from tawny.model.ids import CameraId
from tawny.model.observations import MOTION
from tawny.playback.decrypted import DecryptedRecordings
from tawny.sealed.key_wrapping import Identity
from tawny.storage.disk.layout import objects_path, picture_event, picture_path, sealed_path
from tawny.storage.disk.volume import Volume
from tawny.storage.history.file_signing import sign_found
from tawny.storage.history.signed_history import SignedHistory
from tawny.storage.index.memory_index import MemoryIndex
from tawny.storage.repair.check import CheckScope, check_volume
from tawny.storage.repair.findings import FindingKind
from tawny.storage.sealing.epoch_keys import CameraSealing, EpochKeys
from tawny.storage.segments.detection_files import EventFiles
from tawny.testing.clock import FakeClock

PORCH = CameraId("porch")
OWNER = Identity.new()
LINES = [b'{"track":1,"label":"person","score":0.9}\n', b"[1,0,0,0,9,9]\n", b"[1,900,5,5,9,9]\n"]


@dataclass
class Site:
    folder: Path
    seals: bool

    def __post_init__(self) -> None:
        self.clock = FakeClock("2026-11-20T05:58:00Z")
        self.start()
        self.event = Event(event_id(self.clock.now_ms(), b"door"), PORCH, MOTION, self.clock.now_ms(), None, 1.0)

    def start(self) -> None:
        """A recorder starts, after a crash of the one before."""
        disk = Volume.at(self.folder).disk
        self.history = SignedHistory.opened(disk, self.clock.now_ms())
        self.volume = Volume(disk, self.history)
        policy = CameraSealing((OWNER.recipient,)) if self.seals else None
        keys = EpochKeys(self.history, self.clock, lambda _: policy)
        self.files = EventFiles(self.volume, keys)
        sign_found(self.volume, self.history, self.volume.open_folders.left_over() or ())
        self.history.all_found()
        assert self.history.state(self.clock.now_ms())

    def write(self, lines: list[bytes]) -> None:
        for line in lines:
            self.files.add_objects(self.event, line)

    @property
    def path(self) -> Path:
        path = objects_path(self.event)
        return self.folder / (sealed_path(path) if self.seals else path)

    def read(self) -> bytes | None:
        stored = self.volume.sealed_objects(self.event)
        if stored is None:
            return self.volume.read_objects(self.event)
        unsealed = DecryptedRecordings(OWNER)
        try:
            return unsealed.content(stored)
        finally:
            unsealed.close()

    def findings(self) -> list[FindingKind]:
        scope = CheckScope(deep=True, beside_recorder=False)
        return [one.what for one in check_volume(self.volume, MemoryIndex(), self.clock, scope).findings]


@pytest.fixture(params=[False, True], ids=["plain", "sealed"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Site:
    return Site(tmp_path, request.param)


def test_what_is_appended_can_be_read_before_the_event_ends_and_after(site: Site) -> None:
    site.write(LINES[:2])
    assert site.read() == b"".join(LINES[:2])
    site.write(LINES[2:])
    site.files.end_objects(site.event)
    assert site.read() == b"".join(LINES)
    assert picture_event(str(site.path)) == site.event.id
    assert site.history.state(site.clock.now_ms())
    site.clock.advance(3600)
    assert site.findings() == []


def test_sealed_ones_are_nowhere_in_the_clear(tmp_path: Path) -> None:
    site = Site(tmp_path, seals=True)
    site.write(LINES)
    site.files.end_objects(site.event)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b'"track"' in path.read_bytes()]


@pytest.mark.parametrize("after_s", [30, 600], ids=["same hour", "next hour"])
def test_a_crash_leaves_what_was_written_and_the_next_start_lists_it(site: Site, after_s: int) -> None:
    site.write(LINES)
    assert site.history.state(site.clock.now_ms())
    site.clock.advance(after_s)
    site.start()
    assert site.read() == b"".join(LINES)
    assert site.history.state(site.clock.now_ms())
    site.clock.advance(3600)
    assert site.findings() == []


def test_a_line_that_a_power_cut_tore_costs_only_itself(site: Site) -> None:
    site.write(LINES)
    with site.path.open("r+b") as file:
        file.truncate(site.path.stat().st_size - 5)
    site.start()
    assert (site.read() or b"").startswith(b"".join(LINES[:2]))


def test_two_events_of_a_camera_at_once_and_a_removal_that_is_stated(site: Site) -> None:
    first, site.event = site.event, Event(event_id(site.clock.now_ms(), b"yard"), PORCH, MOTION, 0, None, 1.0)
    for line in LINES:
        site.files.add_objects(first, line)
        site.files.add_objects(site.event, line)
    for event in (site.event, first):
        site.files.end_objects(event)
    assert site.history.state(site.clock.now_ms())
    site.volume.remove_picture(first)
    assert site.history.state(site.clock.now_ms())
    site.clock.advance(3600)
    assert site.findings() == []
    assert site.read() == b"".join(LINES)
    site.event = first
    assert site.read() is None
    assert not list(site.folder.rglob(f"{first.id}*"))


def test_an_encrypted_image_of_a_deleted_time_goes_alone_and_its_removal_is_stated(tmp_path: Path) -> None:
    site = Site(tmp_path, seals=True)
    site.files.write_picture(site.event, b"jpeg")
    site.write(LINES)
    site.files.end_objects(site.event)
    assert site.history.state(site.clock.now_ms())
    site.volume.remove_event_files([picture_path(site.event)], "deleted by Anna")
    assert site.history.state(site.clock.now_ms())
    site.clock.advance(3600)
    assert site.findings() == []
    assert site.volume.sealed_picture(site.event) is None
    assert site.read() == b"".join(LINES)
    stated = b"".join(one.read_bytes() for one in (tmp_path / "history").rglob("*") if one.is_file())
    assert b"deleted by Anna" in stated


def test_a_sealed_file_takes_nothing_after_what_was_not_written(tmp_path: Path) -> None:
    site = Site(tmp_path, seals=True)
    site.path.parent.mkdir(parents=True)
    site.path.write_bytes(b"of somebody else")
    with pytest.raises(StorageError):
        site.write(LINES)

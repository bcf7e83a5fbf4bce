"""Sealed pictures that are listed and not there: what a power cut explains is repaired, what a thief did is not."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from tawny.model.events import Event, event_id
from tawny.model.ids import CameraId
from tawny.model.observations import MOTION
from tawny.sealed.key_wrapping import Identity
from tawny.storage.disk.volume import Volume
from tawny.storage.history.file_signing import sign_found
from tawny.storage.history.ledger import HistoryJournal, HistoryLedger
from tawny.storage.history.signed_files import FOLDER
from tawny.storage.history.signed_history import SignedHistory
from tawny.storage.index.memory_index import MemoryIndex
from tawny.storage.repair.check import CheckScope, check_volume
from tawny.storage.repair.findings import FindingKind
from tawny.storage.sealing.epoch_keys import CameraSealing, EpochKeys
from tawny.storage.segments.detection_files import EventFiles
from tawny.testing.clock import FakeClock

PORCH = CameraId("porch")
OWNER = Identity.new()
MISSING, NOT_STORED = FindingKind.MISSING, FindingKind.NOT_STORED


class Site:
    """A sealed camera with an event. The history lists its first picture and, in place of it, a better one."""

    def __init__(self, folder: Path, *, stated: bool) -> None:
        self.clock, self.index = FakeClock("2026-11-20T05:50:00Z"), MemoryIndex()
        disk = Volume.at(folder).disk
        history = SignedHistory.opened(disk, self.clock.now_ms())
        self.volume = Volume(disk, history)
        seals = EpochKeys(history, self.clock, lambda _: CameraSealing((OWNER.recipient,)))
        files = EventFiles(self.volume, seals)
        event = Event(event_id(self.clock.now_ms(), b"door"), PORCH, MOTION, self.clock.now_ms(), None, 1.0)
        self.path = folder / files.write_picture(event, b"first")
        self.first = self.path.read_bytes()
        files.write_picture(event, b"better")
        self.better = self.path.read_bytes()
        if stated:
            assert history.state(self.clock.now_ms())
        self.clock.advance(3600)

    def check(self, *, repair: bool) -> list[tuple[FindingKind, bool]]:
        ledger = HistoryLedger(HistoryJournal(self.volume.disk), self.index, self.clock) if repair else None
        report = check_volume(
            self.volume, self.index, self.clock, CheckScope(deep=True, beside_recorder=False), ledger=ledger
        )
        return [(one.what, one.repaired) for one in report.findings]

    def start(self) -> None:
        """The next recorder starts and writes a statement."""
        history = SignedHistory.opened(self.volume.disk, self.clock.now_ms())
        self.volume = Volume(self.volume.disk, history)
        sign_found(self.volume, history)
        assert history.state(self.clock.now_ms())


@dataclass(frozen=True)
class Left:
    """What an interruption left: under the picture's name, and beside it under the name before the rename."""

    named: str
    beside: str
    found: FindingKind | None
    is_mended: bool
    holds: str
    """What is there after a repair."""


ALL = [
    Left("better", "", None, True, "better"),
    Left("first", "", NOT_STORED, True, "first"),
    Left("first", "better", NOT_STORED, True, "better"),
    Left("first", "torn", NOT_STORED, True, "first"),
    Left("", "better", NOT_STORED, True, "better"),
    Left("", "torn", MISSING, False, ""),
    Left("", "", MISSING, False, ""),
]


@pytest.mark.parametrize("stated", [True, False], ids=["stated", "waiting"])
@pytest.mark.parametrize("left", ALL, ids=lambda left: f"{left.named or 'nothing'}+{left.beside or 'nothing'}")
def test_a_listed_picture_whose_rename_was_cut_off(tmp_path: Path, left: Left, stated: bool) -> None:
    site = Site(tmp_path, stated=stated)
    contents = {"first": site.first, "better": site.better, "torn": site.better[:-40].ljust(len(site.better), b"\0")}
    beside = site.path.with_name(f"{site.path.name}.new")
    site.path.unlink()
    if left.named:
        site.path.write_bytes(contents[left.named])
    if left.beside:
        beside.write_bytes(contents[left.beside])

    found = [] if left.found is None else [(left.found, False)]
    assert site.check(repair=False) == found
    assert site.check(repair=True) == ([] if left.found is None else [(left.found, left.is_mended)])
    assert site.check(repair=False) == ([] if left.is_mended else found)
    site.start()
    assert site.check(repair=False) == ([] if left.is_mended else found)
    assert (site.path.read_bytes() if site.path.exists() else b"") == contents.get(left.holds, b"")
    assert not (left.is_mended and beside.exists())


def test_a_picture_that_was_renamed_and_not_listed_yet_is_no_finding(tmp_path: Path) -> None:
    """A cut after the rename: check, before the next start, knows the picture from its announcement."""
    site = Site(tmp_path, stated=False)
    (items,) = (tmp_path / FOLDER).glob("items-*")
    lines = items.read_bytes().splitlines(keepends=True)
    items.write_bytes(b"".join(lines[:-2]))
    assert lines[-3].startswith(b'["picture"')
    assert site.check(repair=False) == []
    site.start()
    assert site.check(repair=False) == []
    assert site.path.read_bytes() == site.better

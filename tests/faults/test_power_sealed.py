"""Power cuts and kills of a recorder that seals: what was acknowledged is there, opens, and is listed once."""

import random
from pathlib import Path

import pytest

from tawny.model.ids import StreamName
from tawny.model.times import Span
from tawny.sealed.file_reader import open_sealed
from tawny.storage.disk.disk import RealDisk
from tawny.storage.disk.volume import Volume
from tawny.storage.history.file_signing import read_sealed
from tawny.storage.history.ledger import HistoryJournal
from tawny.storage.history.signed_history import SignedHistory
from tawny.storage.index.memory_index import MemoryIndex
from tawny.storage.index.opening import rebuild
from tests.faults.power import CAMERAS, OWNER, after_cut, look, recorded
from tests.storage.test_signed_history import proved
from tests.support.disk import MemoryDisk

MOST_LOST_S = 2.5
"""A second more or less than of plain files, since the end of a file that was not closed is only known with its key."""


@pytest.fixture(scope="module")
def disk() -> MemoryDisk:
    return recorded(sealed=True)


@pytest.mark.shows("SC27")
@pytest.mark.parametrize("cuts", [25, pytest.param(500, marks=pytest.mark.long)])
def test_after_a_cut_all_that_was_acknowledged_is_there_and_opens(
    disk: MemoryDisk, quick_folder: Path, cuts: int
) -> None:
    dice = random.Random(20261120)
    for number in range(1, cuts + 1):
        point, seed, folder = round(disk.points * number / cuts), dice.randrange(1 << 30), quick_folder / f"{number}"
        broken = after_cut(disk, point, seed, folder, sealed=True)
        assert not broken.acknowledged, f"cut at {point}, seed {seed}: {broken.acknowledged[:3]}"
        assert not broken.findings, f"cut at {point}, seed {seed}: {broken.findings[:3]}"
        assert broken.lost_s <= MOST_LOST_S, f"cut at {point}, seed {seed}"
        opens_and_is_listed(folder)


@pytest.mark.parametrize("kills", [10, pytest.param(100, marks=pytest.mark.long)])
def test_after_a_kill_as_well(disk: MemoryDisk, quick_folder: Path, kills: int) -> None:
    for number in range(1, kills + 1):
        point, folder = round(disk.points * number / kills), quick_folder / f"{number}"
        broken = look(disk, disk.after_kill(point), point, folder, sealed=True)
        assert not broken.acknowledged, f"killed at {point}: {broken.acknowledged[:3]}"
        assert not broken.findings, f"killed at {point}: {broken.findings[:3]}"
        opens_and_is_listed(folder)


def opens_and_is_listed(folder: Path) -> None:
    """Every file opens to its last record, and the next statement lists each once, with what it holds."""
    volume, index = Volume.at(folder), MemoryIndex()
    rebuild(volume, index, HistoryJournal(volume.disk))
    history = SignedHistory.opened(RealDisk(folder), 1 << 41)
    history.state(1 << 41)
    listed = [item for _, items in proved(volume.disk, history.genesis).values() for item in items]
    digests = [item[5] for item in listed if item[0] == "file"]  # type: ignore[index]
    assert len(digests) == len(set(digests))
    for camera in CAMERAS:
        for segment in index.segments(camera, StreamName.MAIN, Span(0, 1 << 45)):
            file = read_sealed(volume.disk, segment.path)
            assert sum(len(content) for _, content in open_sealed(file, [OWNER]).contents()) > 0
            assert file.digest.hex() in digests

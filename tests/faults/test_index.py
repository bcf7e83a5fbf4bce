"""The index is deleted, cut short or harmed: it is made again from files and history, and says what it said before."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tawny.model.segments import Segment
from tawny.storage.disk.volume import Volume
from tawny.storage.history.ledger import HistoryJournal
from tawny.storage.index.damaged_files import SUFFIXES
from tawny.storage.index.opening import INDEX_NAME, index_to_write
from tawny.storage.index.protocol import Index
from tests.faults.figures import note
from tests.faults.world import EVER, PORCH, YARD, World, proved, world

Harm = Callable[[Path], None]


def _deleted(path: Path) -> None:
    for suffix in SUFFIXES:
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


def _zeros(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def _another(path: Path) -> None:
    path.write_bytes(b"this is no database " * 400)


def _scrambled(seed: int) -> Harm:
    """Whole pages behind the first become noise, as a bad memory card leaves them."""

    def harm(path: Path) -> None:
        dice, data = random.Random(seed), bytearray(path.read_bytes())
        for page in dice.sample(range(1, len(data) // 4096), 4):
            data[page * 4096 : (page + 1) * 4096] = dice.randbytes(4096)
        path.write_bytes(data)

    return harm


HARMS: dict[str, Harm] = {
    "deleted": _deleted,
    "cut short": _cut_short,
    "zeros": _zeros,
    "another file": _another,
    **{f"noise {seed}": _scrambled(seed) for seed in range(16)},
}


def _content(index: Index) -> list[object]:
    segments: list[Segment] = sorted(index.all_segments(), key=lambda one: one.path)
    return [segments, *(index.gaps(camera, EVER) for camera in (PORCH, YARD)), index.size_bytes(PORCH)]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recorded")
    with world(folder) as bench:
        for _ in range(3):
            bench.run(45)
            bench.cameras_of.away.add(PORCH)
            bench.run(15)
            bench.cameras_of.away.clear()
        bench.stop()
    return folder


def test_whatever_happens_to_the_index_it_comes_back_as_it_was(recorded: Path) -> None:
    path, volume = recorded / INDEX_NAME, Volume.at(recorded)
    whole = _deleted_and_made_again(volume, path)
    sound = path.read_bytes()
    for name, harm in HARMS.items():
        _deleted(path)
        path.write_bytes(sound)
        harm(path)
        history = HistoryJournal(volume.disk)
        index = index_to_write(volume, history)
        try:
            assert _content(index) == whole, name
        finally:
            index.close()
            history.close()
    note("index", harms=len(HARMS), differences=0, lost_s=0.0, limit_s=0.0)


def _deleted_and_made_again(volume: Volume, path: Path) -> list[object]:
    """What the index said when the recorder ended, which must be what the files say."""
    with_history = HistoryJournal(volume.disk)
    index = index_to_write(volume, with_history)
    before = _content(index)
    index.close()
    _deleted(path)
    index = index_to_write(volume, with_history)
    after = _content(index)
    index.close()
    with_history.close()
    assert after == before
    assert len(before) > 2
    return before


def test_the_wall_is_proved_from_the_files_alone(quick_folder: Path) -> None:
    with world(quick_folder) as bench:
        bench.run(130)
        _stopped_without_index(bench)
        proved(quick_folder, bench.clock)


def _stopped_without_index(bench: World) -> None:
    bench.stop()
    _deleted(bench.folder / INDEX_NAME)
    history = HistoryJournal(bench.volume.disk)
    index_to_write(bench.volume, history).close()
    history.close()

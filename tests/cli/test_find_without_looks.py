"""`tawny find` with an `appearance.db` that it can't use: the file stays, and the other words are searched."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tawny.model.events import Event
from tawny.model.ids import EventId
from tawny.model.times import SystemClock
from tawny.storage.disk.volume import Volume
from tawny.storage.history.ledger import HistoryJournal
from tawny.storage.index import appearance_db
from tawny.storage.index.appearance_db import AppearanceDb, stored_appearance
from tawny.storage.index.opening import index_to_write
from tests.app.rig import DOOR
from tests.cli.conftest import Tawny


def _newer(path: Path) -> None:
    _set_version(path, appearance_db.VERSION + 1)


def _earlier(path: Path) -> None:
    _set_version(path, 1)


def _damaged(path: Path) -> None:
    path.write_bytes(b"rubbish" * 6000)


def _damaged_inside(path: Path) -> None:
    """It opens, and damage shows when events are read."""
    with closing(sqlite3.connect(path)) as db:
        size, root = [
            int(db.execute(query).fetchone()[0])
            for query in ("PRAGMA page_size", "SELECT rootpage FROM sqlite_master WHERE name = 'appearances_by_time'")
        ]
    with path.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"rubbish" * 500)


def _set_version(path: Path, number: int) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version = {number}")


SPOILED = pytest.mark.parametrize(
    ("spoil", "why", "remedy"),
    [
        (_newer, "from a newer version", "Restart the recorder with this version of tawny, or search with the version"),
        (_earlier, "from an earlier version", "Restart the recorder with this version"),
        (_damaged, "is damaged", "Restart the recorder: it makes the file again from the snapshots."),
        (_damaged_inside, "is damaged", "Restart the recorder: it makes the file again from the snapshots."),
    ],
)


@pytest.fixture
def looks(tmp_path: Path) -> Path:
    """Return the database, with the appearance of the one event."""
    folder = tmp_path / "data"
    folder.mkdir()
    volume = Volume.at(folder)
    now_ms = SystemClock().now_ms()
    event = Event(EventId("e1"), DOOR, "person", now_ms - 9000, now_ms - 1000, 80.0, picture_ms=now_ms - 5000)
    with closing(index_to_write(volume, HistoryJournal(volume.disk))) as index:
        index.put_event(event)
    with closing(AppearanceDb(folder)) as db:
        db.put([stored_appearance(event, b"")])
    return folder / appearance_db.FILE


@SPOILED
def test_the_other_words_are_searched_and_the_file_stays(
    spoil: Callable[[Path], None], why: str, remedy: str, looks: Path, tawny: Tawny
) -> None:
    spoil(looks)
    before = looks.read_bytes()
    result = tawny("find", "red", "person", "--data", str(looks.parent))
    assert (result.code, result.out.count("person")) == (0, 1)
    assert result.err.startswith("Colours, sizes and likeness were not searched: ")
    assert why in result.err
    assert remedy in result.err
    assert looks.read_bytes() == before
    assert [one.name for one in looks.parent.glob("appearance.db*")] == [looks.name]


@SPOILED
def test_nothing_that_matches_is_no_answer_about_colours(
    spoil: Callable[[Path], None], why: str, remedy: str, looks: Path, tawny: Tawny
) -> None:
    spoil(looks)
    words = "find", "red", "car", "--data", str(looks.parent)
    assert tawny(*words).out.startswith("No events match the other words (")
    found = json.loads(tawny(*words, "--json").out)
    assert found["events"] == []
    assert why in found["not_searched"]
    plain = tawny("find", "car", "--data", str(looks.parent))
    assert plain.out.startswith("No matching events (")
    assert not plain.err


@SPOILED
def test_events_alike_are_refused(
    spoil: Callable[[Path], None], why: str, remedy: str, looks: Path, tawny: Tawny
) -> None:
    spoil(looks)
    before = looks.read_bytes()
    result = tawny("find", "--like", "e1", "--data", str(looks.parent))
    assert result.code == 3
    assert why in result.err
    assert remedy in result.err
    assert not result.out
    assert looks.read_bytes() == before


@pytest.mark.parametrize("spoil", [_damaged, _damaged_inside])
def test_the_recorder_makes_a_damaged_file_again(spoil: Callable[[Path], None], looks: Path) -> None:
    spoil(looks)
    with closing(AppearanceDb(looks.parent)) as db:
        assert db.count() == 0

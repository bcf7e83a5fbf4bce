"""Where the hub's index lies: a file, or PostgreSQL; and the way from one to the other."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from unittest.mock import Mock

import psycopg
import pytest

from tawny.cli.main import main
from tawny.config.fleet import HubSettings
from tawny.config.loader import read_settings
from tawny.fleet.fleet_index import EventQuestion, FleetIndex
from tawny.fleet.history_reader import HistoryPiece
from tawny.fleet.history_rows import DAY_MS
from tawny.fleet.index_opening import migrate, open_index
from tawny.fleet.postgres_fleet_index import PostgresFleetIndex
from tawny.fleet.sqlite_fleet_index import HUB_FILE, SqliteFleetIndex
from tawny.model.errors import DatabaseNewer, DatabaseUnavailable, DiskFull, NotDone, StorageError
from tawny.model.times import Span
from tawny.testing.clock import FakeClock
from tests.fleet.rig import DAY, event_line
from tests.fleet.test_fleet_index import FRONT, TODAY, WHOLE, add, gap_line, join, lane, recorded
from tests.support.postgres import FAST, PostgresServer, postgres_server


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server(*FAST) as made:
        yield made


def fill(index: FleetIndex) -> None:
    join(index, "Shed", "Barn")
    add(index, "shed", event_line("e1", TODAY * DAY_MS) + gap_line(TODAY * DAY_MS, None))
    add(index, "barn", event_line("e2", TODAY * DAY_MS + 5))
    index.put_recorded("shed", "book", recorded(TODAY, (0, 100)))
    index.keep_picture("shed", FRONT, b"jpeg")
    index.note("shed", "1", ("live",), {"working": 1, "cameras": [{"id": "front", "state": "recording"}]})


def test_rows_and_cursors_move_and_boxes_read_on(server: PostgresServer, tmp_path: Path) -> None:
    source, address = SqliteFleetIndex(tmp_path / HUB_FILE, FakeClock()), server.new_database()
    fill(source)
    counts = migrate(tmp_path, address, FakeClock())
    assert {name: counts[name] for name in ("boxes", "events", "gaps", "cursors")} == {
        "boxes": 2, "events": 2, "gaps": 1, "cursors": 2,
    }  # fmt: skip
    target = open_index(address, tmp_path, FakeClock())
    both = EventQuestion(("shed", "barn"))
    assert (target.boxes(), target.find(both)) == (source.boxes(), source.find(both))
    assert lane(target, WHOLE) == lane(source, WHOLE)
    assert (target.picture("shed", FRONT), target.picture_times()) == (
        source.picture("shed", FRONT),
        source.picture_times(),
    )
    cursors = target.cursors("shed", "book")
    assert cursors == source.cursors("shed", "book")
    line = event_line("e3", TODAY * DAY_MS + 9)
    assert target.add("shed", HistoryPiece(DAY, cursors[DAY], cursors[DAY] + len(line), line)) == cursors[DAY] + len(
        line
    )
    assert [one.event.id for one in target.find(EventQuestion(("shed",)))] == ["e3", "e1"]
    with pytest.raises(NotDone, match="recorders already"):
        migrate(tmp_path, address, FakeClock())
    source.close()
    target.close()


def test_the_command_moves_a_hub_and_changes_its_settings(
    server: PostgresServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings, data = tmp_path / "tawny.toml", tmp_path / "data"
    settings.write_text("[hub]\nenabled = true\n")
    (data / "history").mkdir(parents=True)
    index, address = SqliteFleetIndex(data / HUB_FILE, FakeClock()), server.new_database()
    fill(index)
    index.close()
    where = ["--config", str(settings), "--data", str(data), "--json"]
    assert main(["hub", "migrate", address, *where]) == 0
    assert json.loads(capsys.readouterr().out)["rows"]["events"] == 2
    assert read_settings(settings).hub.database == address
    assert main(["hub", "list", *where]) == 0
    assert [one["id"] for one in json.loads(capsys.readouterr().out)["recorders"]] == ["barn", "shed"]
    assert main(["hub", "revoke", "barn", *where]) == 0
    assert main(["hub", "migrate", *where]) == 2


def test_nothing_is_asked_of_a_server_before_it_is_needed(tmp_path: Path) -> None:
    """A hub whose database is away has a page, and records its own cameras."""
    index = open_index(f"postgresql:///hub?host={tmp_path}", tmp_path, FakeClock())
    with pytest.raises(StorageError, match="PostgreSQL"):
        index.boxes()
    index.close()


@pytest.mark.parametrize(
    "login",
    ["tawny:pa%ss", "tawny:pa/ss", "tawny:5432/pa/ss", "tawny:pa@ss", "tawny:pa ss", "tawny:p?a%ss"],
)
def test_a_password_that_is_not_encoded_is_not_repeated(login: str, tmp_path: Path) -> None:
    index = open_index(f"postgresql://{login}@127.0.0.1:1/tawny", tmp_path, FakeClock())
    with pytest.raises(DatabaseUnavailable, match="has %25 for %") as refused:
        index.boxes()
    assert "pa" not in str(refused.value).replace("a password", "").replace("a space", "")
    assert "ss" not in str(refused.value).replace("a password", "").replace("address", "")
    index.close()


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://@127.0.0.1:1/tawny",
        "postgresql://127.0.0.1:1/tawny?passfile=/run/credentials/tawny@hub/pg",
        "host=127.0.0.1 port=1 dbname=tawny sslcert=/run/credentials/tawny@hub/cert",
    ],
)
def test_an_at_sign_that_is_no_piece_of_a_password_is_well(address: str) -> None:
    index = PostgresFleetIndex(address, FakeClock())
    with pytest.raises(DatabaseUnavailable, match="Connection refused"):
        index.boxes()
    index.close()


def test_an_error_of_the_database_is_told_as_one(tmp_path: Path) -> None:
    index = open_index("postgresql://tawny:p%40ss@127.0.0.1:1/tawny", tmp_path, FakeClock())
    with pytest.raises(DatabaseUnavailable, match="Connection refused") as away:
        index.boxes()
    assert "disk" not in str(away.value)
    assert "hub.database" in away.value.do
    index.close()


def test_it_connects_again_after_the_server_was_away() -> None:
    with postgres_server(*FAST) as server:
        index = PostgresFleetIndex(server.address, FakeClock())
        join(index, "Shed")
        server.stop()
        with pytest.raises(StorageError):
            index.boxes()
        server.start()
        assert [one.id for one in index.boxes()] == ["shed"]
        assert index.lanes([], Span(0, 1)) == []
        index.close()


def test_a_database_of_a_newer_version_is_refused(server: PostgresServer) -> None:
    address = server.new_database()
    index = PostgresFleetIndex(address, FakeClock())
    index.boxes()
    index.close()
    with psycopg.connect(address) as db:
        db.execute("UPDATE version SET number = 99")
    with pytest.raises(DatabaseNewer):
        PostgresFleetIndex(address, FakeClock()).boxes()


@pytest.mark.parametrize("address", ["mysql://x", "/tmp/hub.db", "postgres"])
def test_only_postgresql_is_a_database(address: str) -> None:
    with pytest.raises(ValueError, match="postgresql:///tawny"):
        HubSettings(database=address)


def test_a_hub_without_a_database_needs_no_package(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from pathlib import Path\n"
        "from tawny.fleet.index_opening import open_index\n"
        "from tawny.model.errors import NotDone\n"
        "from tawny.model.times import SystemClock\n"
        f"open_index('', Path({str(tmp_path)!r}), SystemClock()).close()\n"
        "try: open_index('postgresql:///x', Path('.'), SystemClock())\n"
        "except NotDone as error: print(error.do)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert "tawny[fleet]" in done.stdout, done.stderr


@pytest.mark.parametrize(("version", "events"), [(2, 2), (1, 0)])
def test_an_update_keeps_what_recorders_sent_unless_its_tables_differ(
    tmp_path: Path, version: int, events: int
) -> None:
    """A recorder may never come back to send it again."""
    index = SqliteFleetIndex(tmp_path / HUB_FILE, FakeClock())
    fill(index)
    index.close()
    with closing(sqlite3.connect(tmp_path / HUB_FILE)) as db:
        db.executescript(f"DROP TABLE marks; PRAGMA user_version = {version}")
    index = SqliteFleetIndex(tmp_path / HUB_FILE, FakeClock())
    assert len(index.find(EventQuestion(("shed", "barn")))) == events
    assert [box.name for box in index.boxes()] == ["Barn", "Shed"]
    assert len(index.cursors("shed", "book")) == (1 if events else 0)
    index.close()


def test_a_full_disk_of_the_database_server_is_not_that_of_the_recorder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psycopg, "connect", Mock(side_effect=psycopg.errors.DiskFull("No space left on device")))
    index = PostgresFleetIndex("postgresql:///tawny", FakeClock())
    with pytest.raises(DiskFull, match="Free up space on the disk of the database server") as full:
        index.boxes()
    assert "retention" not in str(full.value)
    index.close()

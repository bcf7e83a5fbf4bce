"""Every database says which version its tables have: earlier ones are migrated or made again, later ones refused."""

import errno
import hashlib
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final, Protocol
from unittest.mock import Mock

import pytest

import tawny
from tawny.api.auth import accounts_file
from tawny.api.auth.accounts import Accounts, Caller, Role, TokenPurpose
from tawny.api.auth.accounts_file import COPY_AGAIN_S, COPY_S, AccountsCopy, AccountsFile, open_with_copy
from tawny.api.auth.identities import Identities
from tawny.cli.main import main
from tawny.delivery import outbox_rows
from tawny.delivery.outbox import Outbox
from tawny.events import modes
from tawny.events.modes import ModeStore
from tawny.fleet import copy_volume, sqlite_fleet_index
from tawny.model.errors import (
    DatabaseDamaged,
    DatabaseNewer,
    DatabaseUnfit,
    DiskFull,
    FolderUnwritable,
    IndexDamaged,
    StorageError,
)
from tawny.model.times import SystemClock, utc_text
from tawny.service.health.monitor import renewed_databases
from tawny.storage.disk.disk import QuotaReached
from tawny.storage.disk.volume import Volume
from tawny.storage.history.ledger import HistoryJournal
from tawny.storage.index import appearance_db, index_schema, sqlite_file
from tawny.storage.index.appearance_db import AppearanceDb
from tawny.storage.index.damaged_files import forget_put_aside, recently_put_aside, refuse_damage
from tawny.storage.index.opening import index_to_read, index_to_write
from tawny.storage.index.sqlite_file import SmallDb, sqlite_errors
from tawny.testing.clock import FakeClock
from tests.golden.contents import list_databases
from tests.golden.fixture_key import copy_fixture
from tests.golden.test_formats import FORMATS
from tests.support.dead_disk import DEATHS, dead


class Closing(Protocol):
    def close(self) -> None: ...


def open_index(path: Path) -> Closing:
    volume = Volume.at(path.parent)
    return index_to_write(volume, HistoryJournal(volume.disk))


DATABASES: Final[dict[str, tuple[int, Callable[[Path], Closing]]]] = {
    "tawny.db": (index_schema.VERSION, open_index),
    "accounts.db": (accounts_file.VERSION, AccountsFile),
    "outbox.db": (outbox_rows.VERSION, lambda path: Outbox(path, SystemClock())),
    "modes.db": (modes.VERSION, ModeStore),
    "hub.db": (sqlite_fleet_index.VERSION, lambda path: sqlite_fleet_index.SqliteFleetIndex(path, SystemClock())),
    "standby.db": (sqlite_fleet_index.VERSION, lambda path: sqlite_fleet_index.SqliteFleetIndex(path, SystemClock())),
    "copies.db": (copy_volume.VERSION, copy_volume.CopyNotes),
    "appearance.db": (appearance_db.VERSION, lambda path: AppearanceDb(path.parent)),
}
"""Version and how it is opened to be written."""
REMADE: Final = {"tawny.db", "appearance.db"}
"""Made again from the recordings and snapshots, whatever its version."""
EACH = pytest.mark.parametrize("name", DATABASES)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A recorder's folder of an earlier version: its databases have no version, but for the index."""
    return copy_fixture(FORMATS / "plain", tmp_path / "data")


def version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as db:
        return int(db.execute("PRAGMA user_version").fetchone()[0])


def set_version(path: Path, number: int) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version = {number}")


def tables(folder: Path) -> dict[str, Any]:
    """Columns and row counts; of an index that is made again, tests/golden/test_formats.py compares the content."""
    return {name: found for name, found in list_databases(folder).items() if name not in REMADE}


def test_no_database_is_missing_here() -> None:
    root = Path(tawny.__file__).parent
    named = {name for path in root.rglob("*.py") for name in re.findall(r'"(\w+\.db)"', path.read_text())}
    assert named == set(DATABASES)


@EACH
def test_a_new_one_has_the_version(name: str, tmp_path: Path) -> None:
    number, opens = DATABASES[name]
    opens(tmp_path / name).close()
    assert version(tmp_path / name) == number


PINNED: Final = {
    "tawny.db": (7, "bb03e6b029af78ea"),
    "accounts.db": (8, "f7fd06e07a726ed8"),
    "outbox.db": (1, "244eaef5029545d8"),
    "modes.db": (1, "190bf9d2f8c6fb00"),
    "hub.db": (3, "b6c4e9c8d5a50270"),
    "standby.db": (3, "b6c4e9c8d5a50270"),
    "copies.db": (1, "6f567f9e732d7463"),
    "appearance.db": (4, "80e8f0ab4707fd1e"),
}
"""Version, and digest of the tables."""


def schema_digest(path: Path) -> str:
    """A digest of tables and indexes, without comments and layout."""
    with closing(sqlite3.connect(path)) as db:
        made = [sql for (sql,) in db.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name")]
    return hashlib.sha256(re.sub(r"\s", "", re.sub(r"--[^\n]*", "", ";".join(made))).encode()).hexdigest()[:16]


@EACH
def test_other_tables_have_another_version(name: str, tmp_path: Path) -> None:
    """A file that already has the version never gets a table that is added without raising it."""
    number, opens = DATABASES[name]
    opens(tmp_path / name).close()
    assert (number, schema_digest(tmp_path / name)) == PINNED[name], "raise VERSION, then change this line"


def test_accounts_that_were_made_before_the_floor_plan_get_its_table(folder: Path) -> None:
    AccountsFile(folder / "accounts.db").close()
    with closing(sqlite3.connect(folder / "accounts.db")) as db:
        db.execute("DROP TABLE plan")
    set_version(folder / "accounts.db", 4)
    with (file := AccountsFile(folder / "accounts.db")).reading() as db:
        assert db.execute("SELECT count(*) FROM plan").fetchone() == (0,)
    file.close()


def test_a_missing_table_is_no_error_of_the_disk(tmp_path: Path) -> None:
    file = AccountsFile(tmp_path / "accounts.db")
    with pytest.raises(DatabaseUnfit, match="no such table: plans") as raised, file.reading() as db:
        db.execute("SELECT * FROM plans")
    assert "disk" not in str(raised.value)
    file.close()


@EACH
@pytest.mark.parametrize("times", [1, 2])
def test_one_of_an_earlier_version_keeps_what_it_has(name: str, times: int, folder: Path) -> None:
    before = tables(folder)
    number, opens = DATABASES[name]
    set_version(folder / name, 5 if name in REMADE else 0)
    for _ in range(times):
        opens(folder / name).close()
    assert version(folder / name) == number
    after = tables(folder)
    assert after.keys() == before.keys()
    for database, table in [(name, table) for name, one in before.items() for table in one]:
        former, now = before[database][table], after[database][table]
        assert now["rows"] == former["rows"], table
        assert now["columns"][: len(former["columns"])] == former["columns"], table


def test_accounts_of_the_first_versions_get_their_columns(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "accounts.db")) as db:
        for table, column in (("people", "cameras"), ("shares", "clip"), ("passes", "brings")):
            db.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
    with (file := AccountsFile(folder / "accounts.db")).reading() as db:
        assert [row[0] for row in db.execute("SELECT cameras FROM people")] == [None, None]
        assert [row[0] for row in db.execute("SELECT clip FROM shares")] == [""]
        assert db.execute("SELECT brings FROM passes").fetchall()
    file.close()


@EACH
def test_a_newer_one_is_refused_and_left_as_it_is(name: str, folder: Path) -> None:
    number, opens = DATABASES[name]
    set_version(folder / name, 99)
    before = (folder / name).read_bytes()
    if name in REMADE:
        opens(folder / name).close()
        assert version(folder / name) == number
        assert not list(folder.glob("*.damaged*"))
        return
    with pytest.raises(DatabaseNewer) as raised:
        opens(folder / name)
    assert (
        raised.value.message
        == f"{folder / name} can't be used: it is from a newer version of tawny (format 99, not {number})."
    )
    assert "backup" in raised.value.do
    assert (folder / name).read_bytes() == before
    assert not list(folder.glob(f"{name}-*"))


def _overwrite(path: Path) -> None:
    path.write_bytes(b"rubbish" * 6000)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _empty(path: Path) -> None:
    path.write_bytes(b"")


RENEWED: Final[dict[str, Callable[[Path], Closing]]] = {
    "accounts.db": lambda path: AccountsFile(path, renew=True),
    "outbox.db": DATABASES["outbox.db"][1],
    "modes.db": ModeStore,
    "hub.db": lambda path: sqlite_fleet_index.SqliteFleetIndex(path, SystemClock(), renew=True),
}
"""As the recorder opens them: a damaged one must not keep it from recording."""


@pytest.mark.parametrize("damage", [_overwrite, _cut, _empty])
@pytest.mark.parametrize("name", RENEWED)
def test_a_damaged_one_is_put_aside_and_an_empty_one_made(
    name: str, damage: Callable[[Path], None], tmp_path: Path
) -> None:
    path = tmp_path / name
    RENEWED[name](path).close()
    damage(path)
    damaged = path.read_bytes()
    for _ in range(2):
        RENEWED[name](path).close()
        assert version(path) == DATABASES[name][0]
    [kept] = tmp_path.glob(f"{name}.damaged-*")
    assert kept.read_bytes() == damaged
    assert recently_put_aside(tmp_path, SystemClock().now_ms()) == [name]
    assert recently_put_aside(tmp_path, SystemClock().now_ms() + 3 * 86_400_000) == []
    assert len(renewed_databases(tmp_path, SystemClock().now_ms())) == 1
    forget_put_aside(tmp_path, name)
    assert recently_put_aside(tmp_path, SystemClock().now_ms()) == []


def people(file: AccountsFile) -> list[str]:
    with closing(file):
        return [one.name for one in Accounts(file, SystemClock()).people()]


@pytest.fixture
def copied(tmp_path: Path) -> tuple[Path, Path]:
    """Accounts with a user, and their copy on the fallback disk."""
    path, copy = tmp_path / "main" / "accounts.db", tmp_path / "spare" / "accounts.db"
    for folder in (path.parent, copy.parent / "history"):
        folder.mkdir(parents=True)
    with closing(AccountsFile(path)) as file:
        Accounts(file, SystemClock()).put_person("Anna", Role.OWNER)
    open_with_copy(path, copy).close()
    return path, copy


@pytest.mark.parametrize("damage", [_overwrite, _empty])
def test_damaged_accounts_are_as_in_their_copy(copied: tuple[Path, Path], damage: Callable[[Path], None]) -> None:
    path, copy = copied
    damage(path)
    for _ in range(2):
        assert people(open_with_copy(path, copy)) == ["Anna"]
    assert recently_put_aside(path.parent, SystemClock().now_ms()) == []


def test_a_copy_with_users_is_not_replaced_by_accounts_without(copied: tuple[Path, Path]) -> None:
    path, copy = copied
    path.unlink()
    for _ in range(2):
        assert people(open_with_copy(path, copy)) == []
        assert people(AccountsFile(copy)) == ["Anna"]


def test_damaged_accounts_whose_copy_has_no_users_are_reported(copied: tuple[Path, Path]) -> None:
    path, copy = copied
    copy.unlink()
    AccountsFile(copy).close()
    _overwrite(path)
    assert people(open_with_copy(path, copy)) == []
    assert recently_put_aside(path.parent, SystemClock().now_ms()) == ["accounts.db"]


def test_a_damaged_copy_is_replaced(copied: tuple[Path, Path]) -> None:
    path, copy = copied
    _empty(copy)
    open_with_copy(path, copy).close()
    assert people(AccountsFile(copy)) == ["Anna"]


def test_accounts_without_a_copy_leave_none(tmp_path: Path) -> None:
    path, copy = tmp_path / "accounts.db", tmp_path / "spare" / "accounts.db"
    (copy.parent / "history").mkdir(parents=True)
    _overwrite(path)
    open_with_copy(path, copy).close()
    assert not copy.exists()


def test_what_was_put_aside_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "accounts.db"
    for count in (1, 2):
        path.write_bytes(b"rubbish" * 6000 * count)
        (file := AccountsFile(path, renew=True)).close()
        assert file.was_renewed
    assert sorted(one.stat().st_size for one in tmp_path.glob("*.damaged-*")) == [42_000, 84_000]


@pytest.mark.parametrize(
    ("found", "error"),
    [
        ("Page 2: unable to get the page. error code=8458", StorageError),  # the disk did not give it
        ("Page 2: unable to get the page. error code=11", DatabaseDamaged),
        ("row 3 missing from index people_name", DatabaseDamaged),
    ],
)
def test_only_damage_is_damage(found: str, error: type[StorageError]) -> None:
    db = Mock(execute=lambda _query: Mock(fetchone=lambda: (found,)))
    with pytest.raises(StorageError) as raised:
        refuse_damage(db, "accounts.db")
    assert type(raised.value) is error


def test_a_database_that_was_read_wrong_once_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "modes.db"
    ModeStore(path).close()
    wrong = iter([DatabaseDamaged(str(path), "a page")])

    def refuse_once(db: sqlite3.Connection, where: str) -> None:
        for error in wrong:
            raise error

    monkeypatch.setattr(sqlite_file, "refuse_damage", refuse_once)
    ModeStore(path).close()
    assert list(tmp_path.glob("*.damaged*")) == []


@pytest.mark.parametrize("damage", [_overwrite, _empty])
def test_a_command_leaves_damaged_accounts_as_they_are(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    damage(path := tmp_path / "accounts.db")
    before = path.read_bytes()
    with pytest.raises(DatabaseDamaged, match="is damaged") as raised:
        AccountsFile(path)
    assert "tawny restore" in raised.value.do
    assert path.read_bytes() == before


def test_a_full_disk_leaves_no_empty_database(tmp_path: Path) -> None:
    """The next start would take it for damaged. The disk is full from the first byte on."""
    path = tmp_path / "modes.db"
    program = f"""
import resource, signal
from pathlib import Path
from tawny.model.errors import StorageError
from tawny.storage.index.sqlite_file import SmallDb
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
try:
    SmallDb(Path({str(path)!r}), "CREATE TABLE names (name TEXT);", 1)
except StorageError:
    print("refused")
"""
    made = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert made.stdout == "refused\n"
    assert not path.exists()


@pytest.mark.parametrize(
    ("number", "error"),
    [
        (errno.ENOSPC, DiskFull),
        (errno.EDQUOT, QuotaReached),
        (errno.EROFS, StorageError),
        (errno.EIO, StorageError),
        (0, StorageError),
    ],
)
@pytest.mark.parametrize("of", ["index", "accounts"])
def test_failed_io_on_a_disk_that_takes_nothing_is_a_full_disk(
    of: str, number: int, error: type[StorageError], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite says no more than that when it can't make its file of shared memory, and at a quota."""
    file = AccountsFile(tmp_path / "accounts.db")

    def refuse(*_: Any) -> int:
        raise OSError(number, os.strerror(number))

    if number:
        monkeypatch.setattr(os, "writev", refuse)
    failed = sqlite3.OperationalError("disk I/O error")
    failed.sqlite_errorcode = sqlite3.SQLITE_IOERR_SHMSIZE
    with (
        pytest.raises(StorageError) as raised,
        file.reading() if of == "accounts" else sqlite_file.sqlite_errors(str(tmp_path / "tawny.db")),
    ):
        raise failed
    assert type(raised.value) is error
    assert not list(tmp_path.glob("room*"))
    file.close()


def test_an_index_that_is_empty_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "tawny.db").touch()
    with pytest.raises(IndexDamaged, match="it is empty") as raised, index_to_read(tmp_path):
        pass
    assert "check --repair" in raised.value.do


@pytest.mark.parametrize(("number", "word"), [(5, "an earlier"), (99, "a newer")])
def test_check_says_that_the_index_is_of_another_version_and_checks_the_files(
    folder: Path, number: int, word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    set_version(folder / "tawny.db", number)
    before = (folder / "tawny.db").read_bytes()
    assert main(["check", "--deep", "--wall", "--data", str(folder)]) == 0
    out, err = capsys.readouterr()
    assert f"is from {word} version of tawny (format {number}, not {index_schema.VERSION})" in err
    assert "Only the files and the history were checked" in err
    assert "No problems found." in out
    assert (folder / "tawny.db").read_bytes() == before
    assert main(["events", "--data", str(folder)]) == 38
    assert f"{word} version" in capsys.readouterr().err
    assert main(["check", "--repair", "--data", str(folder)]) == 0
    assert version(folder / "tawny.db") == index_schema.VERSION


def test_changes_of_other_processes_to_a_new_file_are_seen(tmp_path: Path) -> None:
    """Else another process that closes the file takes itself for the last one, and removes the log of changes."""
    path = tmp_path / "small.db"
    schema = "CREATE TABLE IF NOT EXISTS names (name TEXT) STRICT;"
    first = SmallDb(path, schema, 1)
    other = f"""
from tawny.storage.index.sqlite_file import SmallDb
made = SmallDb({str(path)!r}, {schema!r}, 1)
with made.writing() as db:
    db.execute("INSERT INTO names VALUES ('other')")
made.close()
"""
    for count in (1, 2, 3):
        subprocess.run([sys.executable, "-c", other], check=True)
        with first.reading() as db:
            assert db.execute("SELECT count(*) FROM names").fetchone()[0] == count


def test_a_database_that_the_user_may_not_write_is_no_error_of_its_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, **_: Any) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "touch", refuse)
    with pytest.raises(FolderUnwritable, match=r"small\.db \(Permission denied\)"):
        SmallDb(tmp_path / "small.db", "", 1)


def test_a_copy_of_accounts_follows_changes_but_not_each_use(copied: tuple[Path, Path]) -> None:
    path, copy = copied
    clock = FakeClock("2035-01-01T00:00:00Z")
    with closing(open_with_copy(path, copy)) as file, closing(AccountsFile(path)) as by_command:
        accounts, copying = Accounts(file, clock), AccountsCopy(file, copy)
        session = accounts.begin_session(accounts.put_person("Ben", Role.OWNER), Caller("192.168.1.7"))
        assert copying.step() == COPY_S
        assert people(AccountsFile(copy)) == ["Anna", "Ben"]
        written = copy.read_bytes()
        clock.advance(3600)
        assert accounts.session(session), "which is used now"
        copying.step()
        assert copy.read_bytes() == written
        Accounts(by_command, clock).remove_person(accounts.people()[1])
        copying.step()
        assert people(AccountsFile(copy)) == ["Anna"]


def test_a_linked_name_that_is_free_again_is_copied(copied: tuple[Path, Path]) -> None:
    path, copy = copied
    with closing(AccountsFile(path)) as file, closing(AccountsFile(copy)) as kept:
        accounts, links, copying = Accounts(file, FakeClock()), Identities(file, FakeClock()), AccountsCopy(file, copy)
        (anna,) = accounts.people()
        ben = accounts.put_person("Ben", Role.VIEWER)
        links.link(ben, "anna")
        accounts.remove_person(ben)
        copying.step()
        for name in ("anna", ""):
            links.link(anna, name)
        copying.step()
        assert Identities(kept, FakeClock()).named("anna") == anna


def test_a_copy_of_accounts_waits_for_its_disk(copied: tuple[Path, Path]) -> None:
    path, copy = copied
    with closing(AccountsFile(path)) as file:
        copying = AccountsCopy(file, copy)
        copy.parent.rename(copy.parent.with_name("away"))
        assert (copying.step(), copy.exists()) == (COPY_S, False)
        (copy.parent / "history").mkdir(parents=True)
        assert (copying.step(), people(AccountsFile(copy))) == (COPY_S, ["Anna"])
        copy.unlink()
        copy.mkdir()
        assert copying.step() == COPY_AGAIN_S


def test_what_is_wrong_with_a_copy_of_accounts_names_the_copy(copied: tuple[Path, Path]) -> None:
    path, copy = copied
    copy.write_bytes(b"garbage" * 2000)
    with closing(AccountsFile(path)) as file:
        for write in (file.copy_apart, file.copy_to):
            with pytest.raises(DatabaseDamaged) as refused:
                write(copy)
            assert refused.value.where == str(copy)


def test_no_accounts_are_made_or_copied_while_the_main_disk_is_away(copied: tuple[Path, Path]) -> None:
    path, copy = copied
    with closing(AccountsFile(path)) as file:
        path.parent.rename(path.parent.with_name("away"))
        path.parent.mkdir()
        copying = AccountsCopy(file, copy)
        assert (copying.step(), list(path.parent.iterdir())) == (COPY_AGAIN_S, [])
        assert people(AccountsFile(copy)) == ["Anna"]


@pytest.mark.parametrize("kind", DEATHS)
def test_a_copy_of_accounts_waits_for_a_disk_that_is_gone_while_it_is_mounted(
    copied: tuple[Path, Path], caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    path, copy = copied
    with dead(copy.parent, kind), closing(open_with_copy(path, copy)) as file:
        assert (AccountsCopy(file, copy).step(), caplog.text) == (COPY_S, "")


def test_everyone_signs_in_again_once_accounts_are_as_in_their_copy(copied: tuple[Path, Path]) -> None:
    path, copy = copied
    with closing(AccountsFile(path)) as file:
        accounts = Accounts(file, SystemClock())
        session = accounts.begin_session(accounts.people()[0], Caller("192.168.1.7"))
        link = accounts.new_token(TokenPurpose.LINK, accounts.people()[0])
    open_with_copy(path, copy).close()
    _overwrite(path)
    with closing(open_with_copy(path, copy)) as file:
        accounts = Accounts(file, SystemClock())
        assert (accounts.session(session), accounts.follow_link(link)) == (None, None)
        day = utc_text(round(copy.stat().st_mtime * 1000))[:10]
        assert (accounts.audit()[0].action, day in accounts.audit()[0].detail) == ("everyone signed out", True)


def dies(patched: pytest.MonkeyPatch, *, reads: int = 0) -> None:
    """Let the disk fail after some reads of its mark."""
    answers = [b"mark"] * reads

    def read(path: Path) -> bytes:
        if answers:
            return answers.pop()
        raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))

    patched.setattr(Path, "read_bytes", read)


@pytest.mark.parametrize("code", [sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CANTOPEN])
def test_an_index_on_a_disk_that_reads_nothing_is_not_called_damaged(
    code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As SQLite does on XFS that has shut down."""
    dies(monkeypatch)
    error = sqlite3.DatabaseError("database disk image is malformed")
    error.sqlite_errorcode = code
    with pytest.raises(StorageError, match="Input/output error") as caught, sqlite_errors(str(tmp_path / "tawny.db")):
        raise error
    assert type(caught.value) is StorageError


def test_a_database_on_a_disk_that_reads_nothing_is_not_put_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "outbox.db"
    path.write_bytes(b"it can't be read" * 1000)
    dies(monkeypatch, reads=1)
    with pytest.raises(StorageError, match="Input/output error"):
        SmallDb(path, "CREATE TABLE IF NOT EXISTS words (word);", 1, renew=True)
    assert recently_put_aside(tmp_path, SystemClock().now_ms()) == []

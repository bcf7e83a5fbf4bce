"""The backup file: what it holds, what it never shows, and that a cut, altered or hostile one restores nothing."""

import errno
import json
import os
import random
import shutil
import sqlite3
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tomlkit.exceptions import TOMLKitError

from tawny.api.auth.accounts import Accounts, Caller, Role, TokenPurpose
from tawny.api.auth.accounts_file import AccountsFile
from tawny.api.auth.identities import Identities
from tawny.api.auth.passes import Passes
from tawny.delivery.outbox import Outbox
from tawny.fleet.fleet_index import EventQuestion
from tawny.fleet.history_reader import HistoryPiece
from tawny.fleet.identity import load_key, save_key
from tawny.fleet.sqlite_fleet_index import HUB_FILE, SqliteFleetIndex
from tawny.fleet.standby_store import FOLDER, StandbyStore
from tawny.model.errors import FolderInUse, NotDone, StorageError
from tawny.model.times import SystemClock
from tawny.sealed import age_file
from tawny.sealed.age_file import PART_BYTES, lock_parts, open_parts
from tawny.sealed.broken import SealedFileBroken
from tawny.service.backup import backup_file, restore, restored_accounts
from tawny.service.backup.backup_file import backup_parts, is_kept, read_backup, read_passphrase
from tawny.service.backup.restore import PENDING, UnpackedBackup, finish_restore, held
from tawny.service.backup.restored_accounts import access_changes, end_sign_ins
from tawny.service.backup.setting_changes import setting_changes
from tawny.storage.disk.volume import Volume
from tawny.storage.history.signed_history import SignedHistory
from tawny.testing.clock import FakeClock
from tests.delivery.carried import delivery
from tests.support.dead_disk import DEATHS, dead

PASSPHRASE = "river-candle-otter-amber"
SECRET = "pl4nted-s3cret"
SETTINGS = (
    f'# mine\n[web]\npublic_url = "https://cam.example.org"\n[cameras.gate]\nsource = "rtsp://me:{SECRET}@10.0.0.9/"\n'
)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A passphrase that costs little, so that hundreds of files can be tried."""
    monkeypatch.setattr(age_file, "WORK_FACTOR", 1)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A recorder's folder with its settings beside it."""
    return make_recorder(tmp_path / "old")


def make_recorder(root: Path, genesis: str = "ab" * 32) -> Path:
    data = root / "data"
    for folder in ("history/signed", "keys", "models", "gate/2026/11/20/05", "clips", "inbox"):
        (data / folder).mkdir(parents=True)
    with closing(sqlite3.connect(data / "accounts.db")) as db:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("CREATE TABLE people (name TEXT)")
        db.execute("INSERT INTO people VALUES (?)", (f"Anna {SECRET}",))
        db.commit()
    (data / "history/signed/days.jsonl").write_text(json.dumps({"genesis": genesis}) + "\n")
    (data / "history/signed/state.json").write_text(f'{{"keys": "{SECRET}"}}')
    (data / "history/signed/names.key").write_bytes(b"n" * 32)
    (data / "history/2026-11-20.jsonl").write_text('{"event": 1}\n')
    (data / "history/volume").write_text("an id")
    (data / "history/borrowed-cameras.json").write_text("{}")
    (data / "history/reserve").write_bytes(bytes(1000))
    (data / "keys/owner.age").write_text("age")
    (data / "models/birds.onnx").write_bytes(b"model")
    (data / "setup.json").write_text("{}")
    (data / "camera-logins.json").write_text("{}")
    for footage in ("tawny.db", "lock", "gate/2026/11/20/05/x.mp4", "clips/a.mp4", "inbox/b"):
        (data / footage).write_text("footage")
    config = root / "tawny.toml"
    config.write_text(SETTINGS)
    secrets = root / "secrets.toml"
    secrets.write_text(f'CAMERA = "{SECRET}"\n')
    secrets.chmod(0o600)
    (root / "certificates/own").mkdir(parents=True)
    (root / "certificates/own/authority-key.pem").write_text(f"key {SECRET}")
    return data


def backup(data: Path) -> bytes:
    return b"".join(backup_parts(data, data.parent / "tawny.toml", PASSPHRASE, 5, "garage"))


def packed(*members: tuple[str, bytes, bytes], info: dict[str, object] | None = None) -> bytes:
    """A file with the right passphrase and these names, contents and types."""
    text = {"format": 1, "made_ms": 5, "version": "0.1", "host": "h", "folder": "/x", "fingerprint": ""} | (info or {})
    parts = bytearray()
    for name, content, kind in [("backup.json", json.dumps(text).encode(), tarfile.REGTYPE), *members]:
        made = tarfile.TarInfo(name)
        made.size, made.type, made.linkname = len(content), kind, "/etc/passwd" if kind != tarfile.REGTYPE else ""
        parts += made.tobuf(tarfile.USTAR_FORMAT) + content + bytes(-len(content) % 512)
    parts += tarfile.TarInfo("end").tobuf(tarfile.USTAR_FORMAT) + bytes(1024)
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    return b"".join(lock_parts([packer.compress(bytes(parts)) + packer.flush()], PASSPHRASE))


def names_in(file: bytes) -> set[str]:
    found = set()
    for _, one in read_backup([file], PASSPHRASE):
        b"".join(one.portions)
        found.add(one.name)
    return found


def tree(folder: Path) -> dict[str, bytes]:
    return {str(one.relative_to(folder)): one.read_bytes() for one in folder.glob("**/*") if one.is_file()}


def test_holds_everything_but_footage(data: Path) -> None:
    assert names_in(backup(data)) == {
        "settings/tawny.toml", "settings/secrets.toml", "settings/certificates/own/authority-key.pem",
        "data/accounts.db", "data/setup.json", "data/camera-logins.json", "data/history/volume",
        "data/history/borrowed-cameras.json",
        "data/history/2026-11-20.jsonl", "data/history/signed/days.jsonl", "data/history/signed/state.json",
        "data/history/signed/names.key", "data/keys/owner.age", "data/models/birds.onnx",
    }  # fmt: skip


def test_shows_nothing_without_the_passphrase(data: Path) -> None:
    file = backup(data)
    for planted in (SECRET, "Anna", "rtsp", "example.org", "ab" * 8, "accounts", "garage"):
        assert planted.encode() not in file
    with pytest.raises(NotDone, match="Wrong passphrase"):
        list(read_backup([file], "another passphrase"))


def test_generated_words_may_be_typed_with_spaces(data: Path) -> None:
    beginning = backup(data)[:4096]
    assert read_passphrase(beginning, "River candle otter AMBER") == PASSPHRASE
    assert read_passphrase(beginning, "no such words") == "no such words"


def test_restores_the_same(data: Path, tmp_path: Path) -> None:
    new, config = tmp_path / "new/data", tmp_path / "new/etc/tawny.toml"
    unpacked = UnpackedBackup.unpack([backup(data)], PASSPHRASE, new)
    assert unpacked.plan(config).overwrites == []
    unpacked.commit(config)
    assert finish_restore(new)
    with closing(sqlite3.connect(new / "accounts.db")) as db:
        assert db.execute("SELECT name FROM people").fetchall() == [(f"Anna {SECRET}",)]
    left, made = tree(data), tree(new)
    footage = {"tawny.db", "lock", "gate/2026/11/20/05/x.mp4", "clips/a.mp4", "inbox/b", "history/reserve"}
    same = left.keys() - footage - {"accounts.db", "accounts.db-wal", "accounts.db-shm"}
    assert {name: made[name] for name in same} == {name: left[name] for name in same}
    assert not made.keys() & footage
    assert config.read_text().startswith("# mine\n")
    assert f'path = "{new}"' in config.read_text(), "the folder that it was restored to"
    assert config.with_name("secrets.toml").stat().st_mode & 0o777 == 0o600
    assert all(one.stat().st_mode & 0o077 == 0 for one in new.glob("**/*"))
    assert not (new / PENDING).exists()


def test_restores_to_a_disk_without_rights(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_file: int, _mode: int) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    file, new = backup(data), tmp_path / "new/data"
    monkeypatch.setattr(os, "fchmod", refuse)
    UnpackedBackup.unpack([file], PASSPHRASE, new).commit(tmp_path / "new/etc/tawny.toml")
    assert finish_restore(new)
    assert (new / "accounts.db").exists()


def test_every_cut_restores_nothing(data: Path, tmp_path: Path) -> None:
    file, new = backup(data), tmp_path / "new"
    for length in [*range(400), *range(400, len(file), 97), len(file) - 1]:
        refuse(file[:length], new)


def test_changed_bits_restore_nothing(data: Path, tmp_path: Path) -> None:
    file, new, chance = backup(data), tmp_path / "new", random.Random(7)
    for place in {*range(0, 230, 3), *(chance.randrange(len(file)) for _ in range(150))}:
        changed = bytearray(file)
        changed[place] ^= 1 << chance.randrange(8)
        refuse(bytes(changed), new)
    refuse(file + b"x", new)


def refuse(file: bytes, new: Path) -> None:
    with pytest.raises(NotDone):
        UnpackedBackup.unpack([file], PASSPHRASE, new)
    assert not new.exists()


@pytest.mark.parametrize(
    "member",
    [
        ("data/../../evil", b"x", tarfile.REGTYPE),
        ("/etc/cron.d/evil", b"x", tarfile.REGTYPE),
        ("data/keys/../evil", b"x", tarfile.REGTYPE),
        ("data/keys/.", b"x", tarfile.REGTYPE),
        ("data/front/2026.mp4", b"x", tarfile.REGTYPE),
        ("settings/../evil.toml", b"x", tarfile.REGTYPE),
        ("settings/certificates/../evil", b"x", tarfile.REGTYPE),
        ("data/accounts.db", b"", tarfile.SYMTYPE),
        ("data/accounts.db", b"", tarfile.LNKTYPE),
        ("data/keys", b"", tarfile.DIRTYPE),
        ("data/known.bin", b"", tarfile.CHRTYPE),
        ("././@PaxHeader", b"30 path=../../evil\n", tarfile.XHDTYPE),
    ],
)
def test_refuses_hostile_members(tmp_path: Path, member: tuple[str, bytes, bytes]) -> None:
    refuse(packed(member), tmp_path / "new")
    assert not list(tmp_path.iterdir())


def test_refuses_the_same_name_twice(tmp_path: Path) -> None:
    refuse(packed(*[("data/setup.json", b"{}", tarfile.REGTYPE)] * 2), tmp_path / "new")


def test_refuses_bombs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backup_file, "MOST_BYTES", 3_000_000)
    refuse(packed(("data/known.bin", bytes(4_000_000), tarfile.REGTYPE)), tmp_path / "new")
    refuse(packed(*[(f"data/keys/{n}", bytes(900_000), tarfile.REGTYPE) for n in range(5)]), tmp_path / "new")
    monkeypatch.setattr(backup_file, "MOST_FILES", 3)
    refuse(packed(*[(f"data/keys/{n}", b"", tarfile.REGTYPE) for n in range(4)]), tmp_path / "new")


@pytest.mark.parametrize("info", [{"format": 2}, {"version": "99.0"}, {"format": 2, "version": "0.1"}])
def test_n27_refuses_a_newer_one(tmp_path: Path, info: dict[str, object]) -> None:
    with pytest.raises(NotDone, match="newer than this one"):
        UnpackedBackup.unpack(
            [packed(("data/setup.json", b"{}", tarfile.REGTYPE), info=info)], PASSPHRASE, tmp_path / "n"
        )
    assert not (tmp_path / "n").exists()


def test_refuses_other_content(tmp_path: Path) -> None:
    refuse(b"".join(lock_parts([b"hello"], PASSPHRASE)), tmp_path / "new")
    refuse(b"hello", tmp_path / "new")
    refuse(b"", tmp_path / "new")


def test_full_disk_restores_nothing(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, wanted = backup(data), make_recorder(tmp_path / "there", "cd" * 32)
    before, count = tree(wanted), 0
    write = vars(restore)["_write"]

    def full(path: Path, portions: Iterator[bytes]) -> None:
        nonlocal count
        count += 1
        if count == 5:
            raise OSError(28, "No space left on device")
        write(path, portions)

    monkeypatch.setattr(restore, "_write", full)
    with pytest.raises(StorageError):
        UnpackedBackup.unpack([file], PASSPHRASE, wanted)
    assert tree(wanted) == before


def test_replaces_all_of_another_recorder(data: Path, tmp_path: Path) -> None:
    there = make_recorder(tmp_path / "there", "cd" * 32)
    (there / "known.bin").write_text("faces of the other one")
    config = there.parent / "tawny.toml"
    config.write_text('[web]\nlisten = "127.0.0.1:9"\n')
    unpacked = UnpackedBackup.unpack([backup(data)], PASSPHRASE, there)
    plan = unpacked.plan(config)
    assert str(there / "accounts.db") in plan.overwrites
    answer = {one.path: (one.before, one.after) for one in plan.changes}
    assert answer["web.listen"][1] is None
    assert SECRET not in str(answer), "no secret is shown"
    unpacked.commit(config)
    finish_restore(there)
    assert json.loads((there / "history/signed/days.jsonl").read_text()) == {"genesis": "ab" * 32}
    assert not (there / "known.bin").exists()
    assert not (there / "tawny.db").exists(), "the index is made again"
    assert (there / "gate/2026/11/20/05/x.mp4").exists(), "recordings stay"


def test_a_history_on_a_subvolume_keeps_the_files_that_no_backup_has(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A subvolume of Btrfs can be renamed, but no file out of it."""
    there = make_recorder(tmp_path / "there", "cd" * 32)
    (there / "history/archived.jsonl").write_text("checksums")
    old, rename = there / PENDING / "old/history", Path.rename

    def from_a_subvolume(path: Path, to: Path) -> Path:
        if path.is_relative_to(old) and path != old:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        return rename(path, to)

    UnpackedBackup.unpack([backup(data)], PASSPHRASE, there).commit(there.parent / "tawny.toml")
    monkeypatch.setattr(Path, "rename", from_a_subvolume)
    assert finish_restore(there)
    assert (there / "history/archived.jsonl").read_text() == "checksums"
    assert not list((there / "history").glob(".*.restore"))


def test_a_deletion_that_waits_for_a_disk_is_restored(data: Path, tmp_path: Path) -> None:
    (data / "history/deletions.json").write_text('{"on disks": {}}')
    UnpackedBackup.unpack([backup(data)], PASSPHRASE, tmp_path / "new").commit(tmp_path / "tawny.toml")
    finish_restore(tmp_path / "new")
    assert (tmp_path / "new/history/deletions.json").read_text() == '{"on disks": {}}'


def sign(data: Path, at_ms: int) -> None:
    assert SignedHistory.opened(Volume.at(data).disk, at_ms).state(at_ms)


@pytest.fixture
def stated(data: Path) -> Path:
    """A recorder's folder with a signed history."""
    shutil.rmtree(data / "history/signed")
    sign(data, 0)
    return data


def copied(data: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(data.parent, tmp_path / "copy")) / "data"


def said_and_restored(file: bytes, data: Path) -> list[str]:
    config = data.parent / "tawny.toml"
    unpacked = UnpackedBackup.unpack([file], PASSPHRASE, data)
    notes = list(unpacked.plan(config).notes)
    unpacked.commit(config)
    finish_restore(data)
    return notes


DAY_MS = 86_400_000


@pytest.mark.parametrize("later_ms", [0, 5 * DAY_MS])
def test_a_newer_backup_goes_on_from_an_older_copy_of_the_folder(stated: Path, tmp_path: Path, later_ms: int) -> None:
    older = copied(stated, tmp_path)
    (older / "history/archive-1.db").write_text("checksums")
    sign(stated, later_ms)
    (stated / "history/2026-11-21.jsonl").write_text('{"event": 2}\n')
    result = said_and_restored(backup(stated), older)
    assert tree(older / "history/signed") == tree(stated / "history/signed")
    assert (older / "history/2026-11-21.jsonl").exists()
    assert (older / "history/archive-1.db").read_text() == "checksums"
    assert "The history in this folder is older: that of the backup goes on from it, and replaces it." in result


@pytest.mark.parametrize(("in_backup", "in_folder"), [(0, 0), (0, 1), (2, 1)])
def test_a_history_that_the_backup_does_not_go_on_from_stays(
    stated: Path, tmp_path: Path, in_backup: int, in_folder: int
) -> None:
    """The same, a newer one, and one that went another way. in_…: statements since they were the same."""
    here = copied(stated, tmp_path)
    for folder, statements in ((stated, in_backup), (here, in_folder)):
        for _ in range(statements):
            sign(folder, 1)
    before = tree(here / "history/signed")
    result = said_and_restored(backup(stated), here)
    assert tree(here / "history/signed") == before
    assert "The history in this folder is of the same recorder and stays: it is never set back." in result


def mirrored(data: Path, tmp_path: Path) -> Path:
    """A copy of a mirror, which has no keys."""
    here = copied(data, tmp_path)
    for name in ("state.json", "names.key"):
        (here / "history/signed" / name).unlink()
    return here


STAYS = "The history in this folder stays, and "


def test_the_history_of_a_mirror_gets_its_keys_from_the_backup(stated: Path, tmp_path: Path) -> None:
    here = mirrored(stated, tmp_path)
    (here / "history/2026-11-21.jsonl").write_text("newer\n")
    result = said_and_restored(backup(stated), here)
    assert f"{STAYS}gets its keys from the backup." in result
    assert tree(here / "history/signed") == tree(stated / "history/signed")
    assert (here / "history/2026-11-21.jsonl").exists()
    assert {path.stat().st_mode & 0o077 for path in (here / "history/signed").glob("*.[jk]*")} == {0}


def test_the_newer_history_of_a_mirror_stays_and_the_plan_says_what_follows(stated: Path, tmp_path: Path) -> None:
    file = backup(stated)
    keys = (stated / "history/signed/state.json").read_bytes()
    sign(stated, 1)
    here = mirrored(stated, tmp_path)
    before = tree(here / "history/signed")
    result = said_and_restored(file, here)
    assert any(note.startswith(f"{STAYS}is newer than the keys in the backup") for note in result)
    after = tree(here / "history/signed")
    assert before.items() <= after.items()
    assert after["state.json"] == keys


def test_the_older_history_of_a_mirror_is_replaced(stated: Path, tmp_path: Path) -> None:
    here = mirrored(stated, tmp_path)
    sign(stated, 5 * DAY_MS)
    result = said_and_restored(backup(stated), here)
    assert tree(here / "history/signed") == tree(stated / "history/signed")
    assert "The history in this folder is older: that of the backup goes on from it, and replaces it." in result


def begin_day_of(here: Path, data: Path) -> None:
    """A mirror gets the newest day of a recorder, and half of its only statement."""
    for name in ("days.jsonl", max(path.name for path in (data / "history/signed").glob("????-??-??.jsonl"))):
        content = (data / "history/signed" / name).read_bytes()
        (here / "history/signed" / name).write_bytes(content if name == "days.jsonl" else content[: len(content) // 2])


def test_the_history_of_a_mirror_that_was_torn_is_replaced(stated: Path, tmp_path: Path) -> None:
    here = mirrored(stated, tmp_path)
    sign(stated, 5 * DAY_MS)
    begin_day_of(here, stated)
    result = said_and_restored(backup(stated), here)
    assert tree(here / "history/signed") == tree(stated / "history/signed")
    assert "The history in this folder is older: that of the backup goes on from it, and replaces it." in result


def test_the_newer_history_of_a_mirror_that_was_torn_is_said_to_be_newer(stated: Path, tmp_path: Path) -> None:
    here, file = mirrored(stated, tmp_path), backup(stated)
    sign(stated, 5 * DAY_MS)
    begin_day_of(here, stated)
    result = said_and_restored(file, here)
    assert any(note.startswith(f"{STAYS}is newer than the keys in the backup") for note in result)
    ours, theirs = (SignedHistory.opened(Volume.at(each).disk, 6 * DAY_MS).genesis for each in (here, stated))
    assert ours != theirs


def test_a_history_without_a_statement_cannot_be_compared(stated: Path, tmp_path: Path) -> None:
    here = mirrored(stated, tmp_path)
    for path in (here / "history/signed").glob("????-??-??.jsonl"):
        path.write_bytes(b"torn")
    result = said_and_restored(backup(stated), here)
    assert any(note.startswith(f"{STAYS}can't be compared with the keys in the backup") for note in result)


MASKS = "history/borrowed-cameras.json"


def restored_masks(data: Path, *, is_later: bool = False) -> object:
    """Of a recorder with masks in its backup, `barn`, that has lost or kept what is in its folder now.

    is_later: the backup was made after they were damaged.
    """
    damaged = data / f"{MASKS}.damaged"
    kept = [path for path in (data / MASKS, damaged) if path.exists()]
    here = {path: path.read_bytes() for path in kept}
    if not is_later:
        damaged.unlink(missing_ok=True)
    (data / MASKS).write_text('{"barn": {"name": "Barn"}}')
    file = backup(data)
    (data / MASKS).unlink()
    for path, content in here.items():
        path.write_bytes(content)
    UnpackedBackup.unpack([file], PASSPHRASE, data).commit(data.parent / "tawny.toml")
    finish_restore(data)
    return json.loads((data / MASKS).read_bytes())


def test_lost_masks_are_restored_although_the_history_stays(data: Path) -> None:
    (data / MASKS).unlink()
    assert restored_masks(data) == {"barn": {"name": "Barn"}}


def test_damaged_masks_are_restored_next_to_newer_ones(data: Path) -> None:
    (data / MASKS).write_text('{"yard": {"name": "Yard"}}')
    (data / f"{MASKS}.damaged").write_text("{")
    assert restored_masks(data) == {"barn": {"name": "Barn"}, "yard": {"name": "Yard"}}
    assert not (data / f"{MASKS}.damaged").exists()


def test_masks_of_cameras_with_recordings_are_restored_next_to_those_of_present_ones(data: Path) -> None:
    """A recorder that has started without them has written those of its own cameras."""
    (data / MASKS).write_text('{"yard": {"name": "Yard"}}')
    (data / "barn").mkdir()
    assert restored_masks(data) == {"barn": {"name": "Barn"}, "yard": {"name": "Yard"}}


def test_whole_masks_are_never_set_back(data: Path) -> None:
    (data / MASKS).write_text('{"yard": {"name": "Yard"}}')
    assert restored_masks(data) == {"yard": {"name": "Yard"}}


@pytest.mark.parametrize(("in_backup", "left"), [(True, "fr.json"), (False, "it.json")])
def test_languages_are_restored_and_those_here_stay_if_the_backup_has_none(
    data: Path, tmp_path: Path, left: str, *, in_backup: bool
) -> None:
    there = make_recorder(tmp_path / "there", "cd" * 32)
    for folder, name in ((data, "fr.json"), (there, "it.json")) if in_backup else ((there, "it.json"),):
        (folder / "languages").mkdir()
        (folder / "languages" / name).write_text(f'{{"@name": "{name}"}}')
    config = there.parent / "tawny.toml"
    unpacked = UnpackedBackup.unpack([backup(data)], PASSPHRASE, there)
    assert (str(there / "languages") in unpacked.plan(config).overwrites) is in_backup
    unpacked.commit(config)
    finish_restore(there)
    assert [path.name for path in (there / "languages").iterdir()] == [left]


def test_what_was_put_aside_goes_once_it_is_restored(data: Path) -> None:
    damaged = [data / f"{name}.damaged-1795151000000" for name in ("accounts.db", "hub.db")]
    for path in damaged:
        path.write_bytes(b"rubbish")
    unpacked = UnpackedBackup.unpack([backup(data)], PASSPHRASE, data)
    unpacked.commit(data.parent / "tawny.toml")
    finish_restore(data)
    assert [path.exists() for path in damaged] == [False, True], "the backup has no hub.db"


@pytest.mark.parametrize(("genesis", "state"), [("ab" * 32, "done"), ("cd" * 32, "waiting")])
def test_what_was_sent_since_the_backup_stays_sent_where_the_history_stays(
    data: Path, tmp_path: Path, genesis: str, state: str
) -> None:
    there, clock = make_recorder(tmp_path / "there", genesis), SystemClock()
    with closing(Outbox(data / "outbox.db", clock)) as outbox:
        outbox.add([delivery()])
    file = backup(data)
    shutil.copy(data / "outbox.db", there)
    with closing(Outbox(there / "outbox.db", clock)) as outbox:
        taken = outbox.take("offsite")
        assert taken is not None
        outbox.done(taken, "", 0)
    UnpackedBackup.unpack([file], PASSPHRASE, there).commit(there.parent / "tawny.toml")
    finish_restore(there)
    with closing(Outbox(there / "outbox.db", clock)) as outbox:
        found = outbox.find("offsite", taken.name)
        assert found is not None
        assert found.state == state


def test_what_was_sent_since_the_backup_stays_sent_after_a_crash(data: Path, tmp_path: Path) -> None:
    """What was written last is in no other file than the `-wal` of the outbox."""
    there, clock = make_recorder(tmp_path / "there", "ab" * 32), SystemClock()
    with closing(Outbox(data / "outbox.db", clock)) as outbox:
        outbox.add([delivery("old")])
    file = backup(data)
    (tmp_path / "live").mkdir()
    shutil.copy(data / "outbox.db", tmp_path / "live")
    with closing(Outbox(tmp_path / "live" / "outbox.db", clock)) as outbox:
        taken = outbox.take("offsite")
        assert taken is not None
        outbox.done(taken, "", 0)
        outbox.add([delivery("fresh")])
        for one in (tmp_path / "live").iterdir():  # as it is when tawny is killed
            shutil.copy(one, there)
    UnpackedBackup.unpack([file], PASSPHRASE, there).commit(there.parent / "tawny.toml")
    finish_restore(there)
    with closing(Outbox(there / "outbox.db", clock)) as outbox:
        found = [outbox.find("offsite", name) for name in ("old", "fresh")]
    assert [one and one.state for one in found] == ["done", "waiting"]


def test_never_sets_back_its_own_history(data: Path) -> None:
    file = backup(data)
    (data / "history/2026-11-21.jsonl").write_text("newer\n")
    (data / "setup.json").write_text('{"new": 1}')
    unpacked = UnpackedBackup.unpack([file], PASSPHRASE, data)
    assert any("stays" in note for note in unpacked.plan(data.parent / "tawny.toml").notes)
    unpacked.commit(data.parent / "tawny.toml")
    finish_restore(data)
    assert (data / "history/2026-11-21.jsonl").exists()
    assert (data / "tawny.db").exists()
    assert (data / "setup.json").read_text() == "{}"


def test_names_what_is_missing_here(data: Path, tmp_path: Path) -> None:
    (data.parent / "tawny.toml").write_text('[storage]\npath = "/mnt/gone"\nmirror = "/mnt/second"\n')
    plan = UnpackedBackup.unpack([backup(data)], PASSPHRASE, tmp_path / "new").plan(tmp_path / "new/tawny.toml")
    assert any("storage.mirror is /mnt/second, which doesn't exist here" in note for note in plan.notes)
    assert any("storage.path was /mnt/gone" in note for note in plan.notes)


@pytest.mark.parametrize("kind", DEATHS)
def test_a_mirror_that_is_gone_while_it_is_mounted_is_missing(data: Path, tmp_path: Path, kind: str) -> None:
    (mirror := tmp_path / "mirror").mkdir()
    (data.parent / "tawny.toml").write_text(f'[storage]\nmirror = "{mirror}"\n')
    file = backup(data)
    with dead(mirror, kind):
        plan = UnpackedBackup.unpack([file], PASSPHRASE, tmp_path / "new").plan(tmp_path / "new/tawny.toml")
    assert any(f"storage.mirror is {mirror}, which doesn't exist here" in note for note in plan.notes)


@pytest.mark.parametrize(
    ("table", "path"),
    [
        ("cameras.gate.detection.own", "file"),
        ("files.clips", "folder"),
        ("scripts", "folder"),
    ],
)
def test_programs_and_folders_that_a_backup_lacks_are_named(data: Path, tmp_path: Path, table: str, path: str) -> None:
    """Relative ones begin in the folder of the settings."""
    (data.parent / "tawny.toml").write_text(f'[{table}]\n{path} = "mine"\n')
    unpacked, config = UnpackedBackup.unpack([backup(data)], PASSPHRASE, tmp_path / "new"), tmp_path / "etc/tawny.toml"
    missing = f"{table}.{path} is mine, which doesn't exist here. Create or mount it, or change it in {config}."
    assert missing in unpacked.plan(config).notes
    (tmp_path / "etc/mine").mkdir(parents=True)
    assert missing not in unpacked.plan(config).notes


def test_folders_of_users_who_are_not_here_are_named(data: Path, tmp_path: Path) -> None:
    (data.parent / "tawny.toml").write_text('[storage]\npath = "~no-such-user-9/a"\nmirror = "~no-such-user-9/b"\n')
    unpacked = UnpackedBackup.unpack([backup(data)], PASSPHRASE, tmp_path / "new")
    notes = unpacked.plan(tmp_path / "new/tawny.toml").notes
    assert any("storage.mirror is ~no-such-user-9/b, which doesn't exist here" in note for note in notes)
    assert any("storage.path was ~no-such-user-9/a" in note for note in notes)
    unpacked.commit(tmp_path / "new/tawny.toml")


class PowerCut(BaseException):
    """The computer stops here."""


def test_a_power_cut_ends_in_the_same(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped before every single step of replacing, then started again."""
    file = backup(data)
    expected: dict[str, bytes] = {}
    for cut in range(60):
        there = make_recorder(tmp_path / f"there{cut}", "cd" * 32)
        config = there.parent / "tawny.toml"
        unpacked = UnpackedBackup.unpack([file], PASSPHRASE, there)
        unpacked.commit(config)
        with monkeypatch.context() as patch:
            is_cut = _cut_at(cut, patch)
            with suppress(PowerCut):
                finish_restore(there)
        finish_restore(there)
        now = tree(there.parent)
        assert now.pop("data/outbox.db"), "it states the time of the restore"
        now["tawny.toml"] = now["tawny.toml"].replace(f"there{cut}".encode(), b"there")
        expected = expected or now
        assert now == expected, cut
        if not is_cut():
            assert cut > 10
            return
    raise AssertionError("it never ends")


def _cut_at(cut: int, patch: pytest.MonkeyPatch) -> Callable[[], bool]:
    steps = 0

    def stopping(name: str) -> None:
        do = getattr(Path, name)

        def step(path: Path, *given: object, **named: object) -> object:
            nonlocal steps
            steps += 1
            if steps > cut:
                raise PowerCut
            return do(path, *given, **named)

        patch.setattr(Path, name, step)

    for name in ("rename", "replace", "unlink", "mkdir"):
        stopping(name)
    return lambda: steps > cut


def test_root_gives_all_it_makes_to_the_owner(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there, config = tmp_path / "new/there", tmp_path / "etc/tawny/tawny.toml"
    given: dict[int, str] = {}

    def give(of: Path | int, *_: object, **__: object) -> None:
        found = of.lstat() if isinstance(of, Path) else os.fstat(of)
        given[found.st_ino] = str(of)

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "chown", give)
    unpacked = UnpackedBackup.unpack([backup(data)], PASSPHRASE, there)
    with held(there):
        unpacked.commit(config)
        finish_restore(there)
    made = {one for folder in (tmp_path / "new", tmp_path / "etc") for one in (folder, *folder.glob("**/*"))}
    assert there / "lock" in made
    assert config.parent / "certificates/own/authority-key.pem" in made
    assert {str(one) for one in made if one.stat().st_ino not in given} == set()
    assert str(there / PENDING / "old") in given.values(), "the service can carry it out after a power cut"


def test_root_keeps_a_lock_as_it_is(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be a link to another file."""
    given: list[object] = []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "chown", lambda *of, **_: given.append(of))
    with held(data):
        assert given == []


def test_waits_for_a_running_recorder(data: Path) -> None:
    with held(data), pytest.raises(FolderInUse), held(data):
        pass


def test_a_long_file_has_many_parts() -> None:
    content = random.Random(1).randbytes(3 * PART_BYTES)
    for size in (0, 1, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 2 * PART_BYTES, 3 * PART_BYTES):
        file = b"".join(lock_parts([content[:size]], PASSPHRASE))
        assert b"".join(open_parts([file], PASSPHRASE)) == content[:size]
        assert b"".join(open_parts([file[n : n + 999] for n in range(0, len(file), 999)], PASSPHRASE)) == content[:size]
    cut = len(file) - PART_BYTES - 16
    with pytest.raises(SealedFileBroken):
        list(open_parts([file[:cut]], PASSPHRASE))


def test_age_opens_it_too() -> None:
    pyrage = pytest.importorskip("pyrage")
    content = random.Random(2).randbytes(2 * PART_BYTES + 5)
    assert pyrage.passphrase.decrypt(b"".join(lock_parts([content], PASSPHRASE)), PASSPHRASE) == content
    assert b"".join(open_parts([pyrage.passphrase.encrypt(content, PASSPHRASE)], PASSPHRASE)) == content


@pytest.mark.parametrize(
    "name", ["data/keys/a.new", "data/tawny.db", "data/lock", "data/languages/notes.txt", "settings/other.toml", "end"]
)
def test_other_names_are_not_kept(name: str) -> None:
    assert not is_kept(name)


RUNS = {
    "exec": '[cameras.gate]\nsource = "exec:"\n[cameras.gate.exec]\ncommand = ["sh", "-c", "id"]\n',
    "a secret that is exec": '[cameras.gate]\nsource = "rtsp://gate/1"\nsub = "${GATE}"\n',
    "scripts": '[scripts]\nfolder = "/tmp/scripts"\n',
    "a relay": '[relays.siren]\nscript = "siren.sh"\n',
    "a rule": '[[rules]]\ndo = ["notify everyone", "run siren.sh"]\n',
    "a rule of one action": '[[rules]]\ndo = "say  hello"\n',
    "a webhook": '[webhooks.hook]\nurl = "run:hook.sh"\n',
    "a detector": '[cameras.gate.detection.own]\nfile = "/tmp/detect.py"\n',
    "a recognizer": '[recognizers.birds]\nfile = "/tmp/birds.py"\n',
    "an update": '[updates]\ncommand = ["/bin/sh", "-c", "id"]\n',
    "a log file": '[log]\nfile = "/home/tawny/.bashrc"\n',
    "a sound model": '[cameras.gate.detection.sound]\nmodel = "/tmp/evil.onnx"\nlabels = "/tmp/evil.txt"\n',
    "a search model": '[search]\nmodel = "/tmp/clip"\n',
    "a recognizer's model": '[recognizers.plates]\nmodel = "/tmp/plates.onnx"\n',
    "any folder": '[destinations.disk]\nurl = "/home/tawny/.config/autostart"\nallow_any_folder = true\n',
    "rclone": '[destinations.cloud]\nurl = "rclone:drive/tawny"\nconfig = "/tmp/rclone.conf"\n',
}


@pytest.mark.parametrize("text", RUNS.values(), ids=RUNS)
def test_settings_that_run_other_programs_are_found(data: Path, tmp_path: Path, text: str) -> None:
    here = make_recorder(tmp_path / "here").parent / "tawny.toml"
    config = data.parent / "tawny.toml"
    for secrets in (config.with_name("secrets.toml"), here.with_name("secrets.toml")):
        secrets.write_text('GATE = "exec:"\n')
        secrets.chmod(0o600)
    config.write_text(text)
    parts = backup_parts(data, config, PASSPHRASE, 0, "garage")
    unpacked = UnpackedBackup.unpack(parts, PASSPHRASE, here.parent / "data")
    with pytest.raises(NotDone, match="would run programs") as refused:
        unpacked.check_programs(here)
    assert "tawny restore" in refused.value.todo
    here.write_text(text)
    unpacked.check_programs(here)


def test_models_by_name_are_no_programs(data: Path, tmp_path: Path) -> None:
    (data.parent / "tawny.toml").write_text('[cameras.gate.detection.sound]\nmodel = "yamnet"\n')
    unpacked = UnpackedBackup.unpack([backup(data)], PASSPHRASE, tmp_path / "new")
    unpacked.check_programs(tmp_path / "tawny.toml")


def test_the_preview_shows_commands(tmp_path: Path) -> None:
    (tmp_path / "new.toml").write_text('[updates]\ncommand = ["/bin/sh", "-c", "id\\u001b"]\n')
    changes = setting_changes(tmp_path / "old.toml", tmp_path / "new.toml")
    assert [(one.path, one.after) for one in changes] == [("updates.command", r"['/bin/sh', '-c', 'id\x1b']")]


def test_a_restored_hub_knows_its_recorders_and_gets_their_events_again(data: Path, tmp_path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    save_key(data, key)
    index = SqliteFleetIndex(data / HUB_FILE, FakeClock())
    with closing(index):
        code, _ = index.invite()
        box = index.join(code, "Shed", b"k" * 32, "four words it shows")
        assert box
        event = {"at_ms": 5, "what": "event", "event": {"id": "e-1", "camera": "gate", "kind": "person"}}
        lines = (json.dumps(event) + "\n").encode()
        index.cursors(box.id, "book")
        index.add(box.id, HistoryPiece("2026-11-20.jsonl", 0, len(lines), lines))
        assert index.cursors(box.id, "book")
    new = tmp_path / "new"
    new.mkdir()
    unpacked = UnpackedBackup.unpack([backup(data)], PASSPHRASE, new)
    unpacked.commit(tmp_path / "new.toml")
    with held(new):
        finish_restore(new)
    restored = load_key(new)
    assert restored and restored.private_bytes_raw() == key.private_bytes_raw()
    with closing(SqliteFleetIndex(new / HUB_FILE, FakeClock())) as found:
        assert [(one.id, one.name, one.key) for one in found.boxes()] == [("shed", "Shed", b"k" * 32)]
        assert found.cursors("shed", "book") == {}
        assert found.find(EventQuestion(("shed",))) == []


def test_a_restored_standby_knows_its_recorders_and_gets_their_cameras_again(data: Path, tmp_path: Path) -> None:
    with closing(StandbyStore(data, FakeClock())) as store:
        box = store.join(store.invite()[0], "House", b"k" * 32, b"o" * 32)
        assert box
        key = store.identity()
        store.keep_plan(box.id, b"credentials of cameras")
    file = backup(data)
    assert not any(FOLDER in name for name in names_in(file))
    new = tmp_path / "new"
    unpacked = UnpackedBackup.unpack([file], PASSPHRASE, new)
    unpacked.commit(tmp_path / "new.toml")
    finish_restore(new)
    with closing(StandbyStore(new, FakeClock())) as found:
        assert [(one.id, one.name, one.key) for one in found.recorders()] == [("house", "House", b"k" * 32)]
        assert found.identity().text == key.text
        found.keep_plan("house", b"sent again")
        assert (new / FOLDER / "house.plan").read_bytes() == b"sent again"


def moved(path: Path, to: Path) -> None:
    """Put a link in the place of a file or folder."""
    to.parent.mkdir(exist_ok=True)
    path.rename(to)
    path.symlink_to(to)


@pytest.mark.parametrize("name", ["secrets.toml", "known.key"])
def test_a_link_to_secrets_is_followed(data: Path, tmp_path: Path, name: str) -> None:
    (data.parent / "known.key").write_text("key")
    before = (data.parent / name).read_bytes()
    moved(data.parent / name, tmp_path / "run" / name)
    new = tmp_path / "new"
    unpacked = UnpackedBackup.unpack([backup(data)], PASSPHRASE, new)
    unpacked.commit(new / "tawny.toml")
    finish_restore(new)
    assert (new / name).read_bytes() == before
    (tmp_path / "run" / name).unlink()
    with pytest.raises(NotDone, match="a link to a file that isn't there"):
        backup(data)


@pytest.mark.parametrize(
    "name",
    ["data/history", "data/keys", "data/accounts.db", "certificates/own/authority-key.pem"],
)
def test_another_link_is_said_at_once(data: Path, tmp_path: Path, name: str) -> None:
    moved(data.parent / name, tmp_path / "run" / "there")
    with pytest.raises(NotDone, match=f"{name} is a link"):
        backup_parts(data, data.parent / "tawny.toml", PASSPHRASE, 5, "garage")


@pytest.mark.parametrize("name", ["data/models", "data/models/birds.onnx", "data/languages", "data/languages/fr.json"])
def test_linked_models_and_languages_are_left_out(data: Path, tmp_path: Path, name: str) -> None:
    (data / "languages").mkdir()
    (data / "languages" / "fr.json").write_text("{}")
    before = names_in(backup(data))
    moved(data.parent / name, tmp_path / "run" / "there")
    after = names_in(backup(data))
    assert set(before) - set(after) == {one for one in before if one.startswith("/".join(name.split("/")[:2]))}


def test_a_data_folder_that_is_a_link_is_saved_whole(data: Path, tmp_path: Path) -> None:
    before = names_in(backup(data))
    moved(data, tmp_path / "disk" / "data")
    assert names_in(backup(data)) == before


@pytest.mark.parametrize(
    ("storage", "made"),
    [
        ('[storage]\npath = "/old"  # disk\nmode = "disk"\n', '[storage]\npath = "{new}"  # disk\nmode = "disk"\n'),
        ('storage.path = "/old"\n', 'storage.path = "{new}"\n'),
        ("", 'path = "{new}"\n'),
    ],
)
def test_settings_that_are_invalid_here_name_the_folder_too(
    data: Path, tmp_path: Path, storage: str, made: str
) -> None:
    camera = '[cameras.gate]\nsource = "rtsp://me:${NOT_SET_HERE}@10.0.0.9/"\n'
    (data.parent / "tawny.toml").write_text(storage + camera)
    new = tmp_path / "new"
    unpacked = UnpackedBackup.unpack([backup(data)], PASSPHRASE, new)
    assert any("need a look" in note for note in unpacked.plan(new / "tawny.toml").notes)
    unpacked.commit(new / "tawny.toml")
    finish_restore(new)
    text = (new / "tawny.toml").read_text()
    assert made.format(new=new) in text
    assert camera in text


def restored_settings(data: Path, text: str) -> tuple[list[str], str]:
    """Of a backup of these settings, restored where it was made."""
    config = data.parent / "tawny.toml"
    config.write_bytes(text.encode())
    notes = said_and_restored(backup(data), data)
    return notes, config.read_bytes().decode()


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_settings_as_windows_writes_them_name_the_folder(data: Path, mark: str) -> None:
    _, text = restored_settings(data, f'{mark}[storage]\r\npath = "/old"\r\n')
    assert text == f'[storage]\r\npath = "{data}"\r\n'


def test_a_folder_that_cannot_be_changed_is_said(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: str) -> None:
        raise TOMLKitError

    monkeypatch.setattr("tomlkit.parse", refused)
    notes, text = restored_settings(data, '[storage]\npath = "/old"\n')
    assert f"storage.path is /old and can't be changed. Change it in {data.parent}/tawny.toml to {data}." in notes
    assert text == '[storage]\npath = "/old"\n'


def test_a_relative_folder_becomes_absolute(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service is started elsewhere."""
    monkeypatch.chdir(data.parent)
    notes, text = restored_settings(data, '[storage]\npath = "data"\n')
    assert text == f'[storage]\npath = "{data}"\n'
    assert f"storage.path was data. It becomes {data}." in notes


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[int, int]]:
    """Root restores: to whom it gives files of which names."""
    found: dict[str, tuple[int, int]] = {}

    def chown(made: int | Path, user: int, group: int, **_: bool) -> None:
        path = Path(f"/proc/self/fd/{made}").readlink() if isinstance(made, int) else made
        found[path.name] = user, group

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "chown", chown)
    return found


def owned(monkeypatch: pytest.MonkeyPatch, path: Path, user: int, group: int) -> None:
    """Make this file look as if it belonged to another user."""
    real = Path.stat

    def stat(one: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        found = real(one, follow_symlinks=follow_symlinks)
        if one != path:
            return found
        values = list(found)
        values[4:6] = user, group
        return os.stat_result(values)

    monkeypatch.setattr(Path, "stat", stat)


def test_settings_stay_those_of_their_owner(
    data: Path, given: dict[str, tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = data.parent / "tawny.toml"
    file = backup(data)
    (data.parent / "secrets.toml").unlink()
    config.chmod(0o640)
    owned(monkeypatch, config, 71, 72)
    owned(monkeypatch, data, 71, 72)
    said_and_restored(file, data)
    names = (".tawny.toml.restore", ".secrets.toml.restore", "certificates", ".authority-key.pem.restore")
    assert [given[name] for name in names] == [(71, 72)] * 4
    assert config.stat().st_mode & 0o777 == 0o640
    assert (data.parent / "secrets.toml").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("group", "mode", "owner", "restored_mode"),
    [
        (0, 0o644, (71, 72), 0o600),
        (72, 0o640, (0, 72), 0o640),
        (72, 0o644, (0, 72), 0o640),
        (72, 0o600, (71, 72), 0o600),
    ],
)
def test_settings_of_root_in_a_users_folder_are_for_that_user(
    data: Path,
    given: dict[str, tuple[int, int]],
    monkeypatch: pytest.MonkeyPatch,
    group: int,
    mode: int,
    owner: tuple[int, int],
    restored_mode: int,
) -> None:
    """An admin has copied them there, for all or for the user's group; with passwords they are not for all."""
    config = data.parent / "tawny.toml"
    file = backup(data)
    (data.parent / "secrets.toml").unlink()
    config.chmod(mode)
    owned(monkeypatch, data.parent, 73, 73)
    owned(monkeypatch, data, 71, 72)
    owned(monkeypatch, config, 0, group)
    said_and_restored(file, data)
    assert given[".tawny.toml.restore"] == owner
    assert config.stat().st_mode & 0o777 == restored_mode
    assert [given[name] for name in (".secrets.toml.restore", "certificates")] == [(71, 72)] * 2


def test_a_history_that_was_signed_after_the_restore_was_decided_stays(stated: Path, tmp_path: Path) -> None:
    here = copied(stated, tmp_path)
    sign(stated, 1)
    UnpackedBackup.unpack([backup(stated)], PASSPHRASE, here).commit(here.parent / "tawny.toml")
    sign(here, 2)
    before = tree(here / "history/signed")
    finish_restore(here)
    assert tree(here / "history/signed") == before


def test_masks_that_a_backup_lacks_as_well_stay_missing(data: Path) -> None:
    """A backup made after the damage has what was noted since, not what is lost."""
    (data / f"{MASKS}.damaged").write_text("{")
    assert restored_masks(data, is_later=True) == {"barn": {"name": "Barn"}}
    assert (data / f"{MASKS}.damaged").exists()


def test_settings_are_restored_where_root_may_give_nothing_away(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def give(_: Path | int, like: Path) -> None:
        if like != data:
            raise PermissionError

    file = backup(data)
    (data.parent / "secrets.toml").unlink()
    monkeypatch.setattr(restore, "give_to_owner", give)
    said_and_restored(file, data)
    assert (data.parent / "secrets.toml").exists()


def test_a_backup_without_settings_says_so(data: Path, tmp_path: Path) -> None:
    """As of a recorder that runs without a settings file."""
    content = b"".join(backup_parts(data, None, PASSPHRASE, 5, "garage"))
    unpacked = UnpackedBackup.unpack([content], PASSPHRASE, tmp_path / "new")
    assert unpacked.plan(tmp_path / "new/tawny.toml").notes[-1] == "The backup has no settings file."


def test_secrets_without_a_settings_file_are_saved_and_come_back(data: Path) -> None:
    """As before a restore into a folder that had lost its settings file."""
    config, secrets = data.parent / "tawny.toml", data.parent / "secrets.toml"
    config.unlink()
    (data.parent / "known.key").write_bytes(b"k")
    saved = b"".join(backup_parts(data, config, PASSPHRASE, 5, "garage", []))
    secrets.write_text("OTHER = 1\n")
    config.write_text("# stays\n")
    (data.parent / "known.key").unlink()
    UnpackedBackup.unpack([saved], PASSPHRASE, data).commit(config)
    finish_restore(data)
    assert SECRET in secrets.read_text()
    assert (data.parent / "known.key").read_bytes() == b"k"
    assert (data.parent / "certificates/own/authority-key.pem").exists()
    assert config.read_text() == "# stays\n"


def test_an_ordinary_backup_needs_the_settings_file(data: Path) -> None:
    (data.parent / "tawny.toml").unlink()
    with pytest.raises(StorageError):
        backup(data)


def test_a_damaged_database_is_kept_as_it_is_but_never_restored(data: Path, tmp_path: Path) -> None:
    (data / "accounts.db").write_bytes(b"SQLite format 3\0" + bytes(50))
    damaged: list[str] = []
    saved = b"".join(backup_parts(data, data.parent / "tawny.toml", PASSPHRASE, 5, "garage", damaged))
    assert damaged == ["accounts.db"]
    assert "damaged/accounts.db" in names_in(saved)
    unpacked = UnpackedBackup.unpack([saved], PASSPHRASE, tmp_path / "new")
    notes = unpacked.plan(tmp_path / "new/tawny.toml").notes
    assert "accounts.db was damaged when it was saved, and isn't restored." in notes
    unpacked.commit(tmp_path / "new/tawny.toml")
    finish_restore(tmp_path / "new")
    assert not (tmp_path / "new/accounts.db").exists()


def test_a_backup_of_a_damaged_database_is_an_error(data: Path) -> None:
    (data / "accounts.db").write_bytes(b"SQLite format 3\0" + bytes(50))
    with pytest.raises(StorageError):
        backup(data)


def test_a_database_in_use_is_not_called_damaged(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(*_: object, **__: object) -> None:
        error = sqlite3.OperationalError("database is locked")
        error.sqlite_errorcode = sqlite3.SQLITE_BUSY
        raise error

    monkeypatch.setattr("tawny.service.backup.backup_file.sqlite3.connect", locked)
    with pytest.raises(StorageError):
        list(backup_parts(data, data.parent / "tawny.toml", PASSPHRASE, 5, "garage", []))


@pytest.mark.parametrize("text", ["[storage\n", "storage = 5\n", "[[storage]]\npath = 1\n"])
def test_settings_without_a_table_for_the_folder_stay_as_they_are(data: Path, tmp_path: Path, text: str) -> None:
    (data.parent / "tawny.toml").write_text(text)
    new = tmp_path / "new"
    unpacked = UnpackedBackup.unpack([backup(data)], PASSPHRASE, new)
    unpacked.commit(new / "tawny.toml")
    finish_restore(new)
    assert (new / "tawny.toml").read_text() == text


def test_who_was_signed_out_since_the_backup_stays_so(data: Path) -> None:
    (data / "accounts.db").unlink()
    clock, caller = FakeClock(), Caller("192.168.1.7")
    with closing(AccountsFile(data / "accounts.db")) as file:
        accounts, passes = Accounts(file, clock), Passes(file, clock)
        anna, ben = accounts.put_person("Anna", Role.OWNER, "hash"), accounts.put_person("Ben", Role.OWNER)
        session, link = accounts.begin_session(ben, caller), accounts.new_token(TokenPurpose.LINK, anna)
        token, _ = passes.make("TV", made_by=anna)
        accounts.note("user added", "Anna", caller, "Ben")
        content = backup(data)
        clock.advance(60)
        accounts.remove_person(ben)
        accounts.follow_link(link)
        passes.take_back(token.id)
        accounts.change_person(accounts.put_person("Carl", Role.VIEWER), Role.VIEWER, [])
        accounts.note("user removed", "Anna", caller, "Ben")
        accounts.counts.count("sign-in failed", "ben", "192.168.1.9")
        accounts.counts.flush()
    unpacked = UnpackedBackup.unpack([content], PASSPHRASE, data)
    notes = unpacked.plan(data.parent / "tawny.toml").notes
    for note in (
        "Everyone signs in again, with the passwords, passkeys and two-step codes of the backup.",
        "Ben is no user here now, and is one after the restore: owner.",
        "Carl is no user after the restore.",
        "The access token TV isn't valid here now, and is after the restore.",
    ):
        assert note in notes
    unpacked.commit(data.parent / "tawny.toml")
    there, kept = data / PENDING / "data" / "accounts.db", data / "accounts.db"
    for _ in range(2):  # interrupted once
        end_sign_ins(there, kept)
    finish_restore(data)
    with closing(AccountsFile(data / "accounts.db")) as file:
        accounts = Accounts(file, clock)
        assert accounts.find("Anna") == (anna, "hash")
        assert (accounts.session(session), accounts.follow_link(link)) == (None, None)
        found = [(one.action, one.detail) for one in accounts.audit()]
    assert found == [("user removed", "Ben"), ("sign-in failed", "1 time"), ("user added", "Ben")]


def test_what_a_restore_changes_about_guests_and_links_is_told(data: Path, tmp_path: Path) -> None:
    clock, new = FakeClock(), tmp_path / "accounts.db"
    (data / "accounts.db").unlink()
    with closing(AccountsFile(data / "accounts.db")) as file:
        accounts, links = Accounts(file, clock), Identities(file, clock)
        accounts.put_person("Anna", Role.OWNER)
        gina, max_, ben = (accounts.put_person(name, Role.MEMBER) for name in ("Gina", "Max", "Ben"))
        accounts.change_person(gina, Role.GUEST, [], clock.now_ms() + 3_600_000)
        links.link(max_, "max@example.org")
        file.copy_to(new)
        accounts.change_person(gina, Role.GUEST, [], clock.now_ms())
        links.link(max_, "")
        links.link(ben, "ben@example.org")
        assert list(access_changes(new, data / "accounts.db"))[1:] == [
            "Gina is guest until 2026-11-20T05:00:00.000Z, sees nothing. "
            "After the restore: guest until 2026-11-20T06:00:00.000Z, sees nothing.",
            "After the restore, Ben is linked to no sign-in provider or proxy.",
            "After the restore, Max signs in as max@example.org at the sign-in provider or proxy.",
        ]


def test_a_backup_of_a_version_without_guests_and_links_is_compared(data: Path, tmp_path: Path) -> None:
    clock, new = FakeClock(), tmp_path / "accounts.db"
    (data / "accounts.db").unlink()
    with closing(AccountsFile(data / "accounts.db")) as file:
        Accounts(file, clock).put_person("Anna", Role.OWNER)
        file.copy_to(new)
        Accounts(file, clock).put_person("Ben", Role.VIEWER)
    with closing(sqlite3.connect(new)) as db:
        db.executescript("ALTER TABLE people DROP COLUMN ends_ms; DROP TABLE identities;")
    assert list(access_changes(new, data / "accounts.db"))[1:] == ["Ben is no user after the restore."]


def test_links_that_a_locked_file_does_not_tell_are_not_called_missing(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, new = FakeClock(), tmp_path / "accounts.db"
    (data / "accounts.db").unlink()
    with closing(AccountsFile(data / "accounts.db")) as file:
        links = Identities(file, clock)
        links.link(Accounts(file, clock).put_person("Anna", Role.OWNER), "anna@example.org")
        file.copy_to(new)

    class Locked(sqlite3.Connection):
        def execute(self, query: str, *values: Any) -> sqlite3.Cursor:
            if "FROM identities" in query:
                raise sqlite3.OperationalError("database is locked")
            return super().execute(query, *values)

    def reading(path: Path) -> sqlite3.Connection:
        return sqlite3.connect(path, factory=Locked if path == new else sqlite3.Connection)

    monkeypatch.setattr(restored_accounts, "opened_to_read", reading)
    assert list(access_changes(new, data / "accounts.db")) == []

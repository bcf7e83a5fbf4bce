"""Who can open what is sealed, changed by `tawny encryption`: in the settings, and in what exists; all told plainly."""

import json
import re
from argparse import ArgumentParser
from io import StringIO
from pathlib import Path
from shutil import copytree, rmtree

import pyrage
import pytest

from tawny.cli import encryption
from tawny.cli.output import Output
from tawny.config.loader import read_settings
from tawny.model.errors import FolderUnwritable, NotDone
from tawny.model.times import SystemClock
from tawny.sealed.key_wrapping import Identity, short_name, wrap
from tawny.sealed.mnemonics import identity_words
from tawny.sealed.sealer import RingLine, read_ring
from tawny.service.backup.backup_file import fingerprint_in
from tawny.service.sealing.sealing_service import UnlockMethodStore, was_used_for
from tawny.storage.disk.secondary_volumes import VolumeUse, former, join
from tawny.storage.disk.volume import Volume
from tawny.storage.history.left_cameras import LEFT
from tawny.storage.history.signed_history import SignedHistory
from tests.cli.conftest import Tawny
from tests.sealed.made import OWNER, RECOVERY, Epoch, make

GUEST, OTHER = Identity.new(), Identity.new()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A recording of the door, sealed to the owner and the sheet; settings that say so, and keys as files."""
    (tmp_path / "tawny.toml").write_text(
        f'# mine\n[storage]\nencrypt = true\npath = "{tmp_path / "data"}"\n[encryption]\n'
        f'recipients = ["{OWNER.recipient}"]\nrecovery = "{RECOVERY.recipient}"\n'
        '[cameras.door]\nsource = "demo:front"\n'
    )
    for name, one in {"owner": OWNER, "sheet": RECOVERY, "guest": GUEST, "other": OTHER}.items():
        (tmp_path / name).write_text(one.text)
    day = tmp_path / "data" / "door" / "2026" / "11" / "20"
    (day / "05").mkdir(parents=True)
    SignedHistory.opened(Volume.at(tmp_path / "data").disk, SystemClock().now_ms())
    epoch = Epoch.new()
    (day / "05" / "20261120T055812.345Z-20261120T055818.345Z.main.tws").write_bytes(make(epoch).data)
    (day / "20261120.keys").write_bytes(RingLine(epoch.key.commit, 1000, epoch.wrapped).text())
    return tmp_path / "data"


def opens(tawny: Tawny, data: Path, key: str) -> bool:
    out = f"out-{key}-{len(list(data.parent.iterdir()))}"
    return tawny("decrypt", "--key", str(data.parent / key), str(data / "door"), "-o", out).code == 0


def test_somebody_is_let_in_and_shut_out_again(tawny: Tawny, data: Path) -> None:
    who = GUEST.recipient
    result = tawny("encryption", "add-key", who)
    assert (result.code, "encryption rewrap" in result.out) == (0, True), result.err
    assert not opens(tawny, data, "guest"), "only what is recorded from then on"
    assert tawny("encryption", "add-key", who, "--key", "owner").code == 0
    assert opens(tawny, data, "guest")
    answer = json.loads(tawny("encryption", "keys", "--json").out)["recipients"]
    assert [(one["is"], one["opens"]) for one in answer] == [("key", "all"), ("key", "all"), ("recovery sheet", "all")]
    result = tawny("encryption", "remove-key", who, "--key", "sheet")
    assert (result.code, "may have kept" in result.out) == (0, True), result.err
    assert not opens(tawny, data, "guest")
    assert opens(tawny, data, "owner")
    chosen = read_settings(data.parent / "tawny.toml")
    assert chosen.encryption.all == (OWNER.recipient, RECOVERY.recipient)
    assert (data.parent / "tawny.toml").read_text().startswith("# mine")
    assert list((data / "history" / "signed").glob("told-*")), "the next statement says it"


def test_of_one_camera_alone(tawny: Tawny, data: Path) -> None:
    assert tawny("encryption", "add-key", GUEST.recipient, "--camera", "door", "--key", "owner").code == 0
    assert read_settings(data.parent / "tawny.toml").cameras["door"].recipients == (GUEST.recipient,)
    assert opens(tawny, data, "guest")
    assert tawny("encryption", "remove-key", GUEST.recipient, "--camera", "door").code == 0
    assert opens(tawny, data, "guest"), "what exists was not changed"
    assert tawny("encryption", "rewrap", "--key", "owner").code == 0
    assert not opens(tawny, data, "guest")


def test_a_removed_camera_keeps_its_own_readers(tawny: Tawny, data: Path) -> None:
    assert tawny("encryption", "add-key", GUEST.recipient, "--camera", "door", "--key", "owner").code == 0
    assert tawny("cameras", "remove", "door").code == 0
    assert tawny("encryption", "rotate", "--key", "owner").code == 0
    assert [opens(tawny, data, key) for key in ("guest", "owner")] == [True, False]
    assert tawny("cameras", "add", "door", "demo:front", "--skip-test").code == 0
    assert read_settings(data.parent / "tawny.toml").cameras["door"].recipients == (GUEST.recipient,)


def test_readers_of_a_removed_camera_that_had_none_are_known(tawny: Tawny, data: Path) -> None:
    assert tawny("cameras", "remove", "door").code == 0
    assert tawny("encryption", "rotate", "--key", "owner").code == 0
    assert not opens(tawny, data, "owner")
    assert tawny("cameras", "add", "door", "demo:front", "--skip-test").code == 0
    assert "recipients = []" not in (data.parent / "tawny.toml").read_text()


@pytest.mark.parametrize("left", ["", '[removed_cameras.door]\nname = "Door"\n'])
def test_keys_of_a_camera_without_known_readers_stay(tawny: Tawny, data: Path, left: str) -> None:
    """As of one that an earlier version removed: its readers were in the settings only."""
    assert tawny("encryption", "add-key", GUEST.recipient, "--camera", "door", "--key", "owner").code == 0
    file = data.parent / "tawny.toml"
    file.write_text(file.read_text().partition("[cameras.door]")[0] + left)
    for command in (("add-key", OTHER.recipient), ("rewrap",)):
        result = tawny("encryption", *command, "--key", "owner")
        assert (result.code, "[removed_cameras.door]" in result.out) == (1, True), result.out
        assert [opens(tawny, data, key) for key in ("guest", "other")] == [True, False]
    file.write_text(file.read_text().replace(left, "") + f"{left or '[removed_cameras.door]'}\nrecipients = []\n")
    assert tawny("encryption", "rewrap", "--key", "owner").code == 0
    assert [opens(tawny, data, key) for key in ("guest", "other")] == [False, True]


def test_keys_of_other_recorders_cameras_stay_and_are_no_failure(tawny: Tawny, data: Path) -> None:
    (data / "door").rename(data / "barn-door")
    Volume.at(data).write_whole(LEFT, b'{"barn-door": {"name": "Door (Barn)"}}')
    result = tawny("encryption", "rewrap", "--key", "owner")
    assert (result.code, "Keys of the camera barn-door stay those of its recorder" in result.out) == (0, True), (
        result.out
    )
    found = json.loads(tawny("encryption", "rewrap", "--key", "owner", "--json").out)
    assert (found["borrowed"], found["unknown_readers"]) == (["barn-door"], [])


def test_keys_of_other_recorders_cameras_are_unknown_while_their_list_is_damaged(tawny: Tawny, data: Path) -> None:
    (data / "door").rename(data / "barn-door")
    Volume.at(data).write_whole(LEFT, b"{")
    result = tawny("encryption", "rewrap", "--key", "owner")
    assert (result.code, "[removed_cameras.barn-door]" in result.out) == (1, True), result.out


def test_a_key_is_replaced_or_removed_in_all_tables(tawny: Tawny, data: Path) -> None:
    for camera in (("--camera", "door"), ()):
        assert tawny("encryption", "add-key", GUEST.recipient, *camera).code == 0
    tawny("encryption", "rotate", "--key", "guest")
    chosen = read_settings(data.parent / "tawny.toml")
    (new,) = chosen.cameras["door"].recipients
    assert chosen.encryption.recipients == (OWNER.recipient, new)
    assert new != GUEST.recipient
    assert tawny("encryption", "remove-key", new).code == 0
    chosen = read_settings(data.parent / "tawny.toml")
    assert (chosen.encryption.recipients, chosen.cameras["door"].recipients) == ((OWNER.recipient,), ())


def test_a_key_that_a_camera_lacks_is_said_to_be_elsewhere(tawny: Tawny, data: Path) -> None:
    result = tawny("encryption", "remove-key", OWNER.recipient, "--camera", "door")
    assert (result.code, "in [encryption]" in result.err, "without `--camera`" in result.err) == (3, True, True), (
        result.err
    )


def test_a_key_is_replaced_by_a_new_one(tawny: Tawny, data: Path) -> None:
    result = tawny("encryption", "rotate", "--key", "owner")
    assert result.code == 0, result.err
    passphrase = (result.out + result.err).partition("passphrase is: ")[2].split()[0]
    (locked,) = data.parent.glob("owner-*.age")
    new = Identity.read(pyrage.passphrase.decrypt(locked.read_bytes(), passphrase).decode())
    assert read_settings(data.parent / "tawny.toml").encryption.recipients == (new.recipient,)
    (data.parent / "new").write_text(new.text)
    assert opens(tawny, data, "new")
    assert opens(tawny, data, "sheet")
    assert not opens(tawny, data, "owner")


@pytest.mark.parametrize("mistyped", [0, 2, 3])
def test_a_new_passphrase_is_asked_for_before_it_replaces_the_old_one(data: Path, mistyped: int) -> None:
    shown, asked, before = StringIO(), list[str](), (data.parent / "tawny.toml").read_text()

    def ask(question: str) -> str:
        assert (data.parent / "tawny.toml").read_text() == before
        asked.append(question)
        return "another" if len(asked) <= mistyped else shown.getvalue().partition("passphrase is: ")[2].split()[0]

    parser = ArgumentParser()
    encryption.describe_encryption(parser)
    key, config = str(data.parent / "owner"), str(data.parent / "tawny.toml")
    args = parser.parse_args(["rotate", "--key", key, "--config", config, "--data", str(data)])
    out = Output(as_json=False, out=StringIO(), err=shown)
    if mistyped < encryption.TRIES:
        assert encryption.run_encryption(args, out, ask) == 0
    else:
        with pytest.raises(NotDone, match="so nothing was changed"):
            encryption.run_encryption(args, out, ask)
    is_replaced = (data.parent / "tawny.toml").read_text() != before
    assert (len(asked), is_replaced) == (min(mistyped + 1, 3), mistyped < 3)
    assert bool(list(data.parent.glob("owner-*.age"))) is is_replaced


def test_keys_of_changed_recordings_are_noted_while_the_recorder_is_stopped(tawny: Tawny, data: Path) -> None:
    """One that is replaced again before it starts is in no statement, but files elsewhere may be encrypted for it."""
    assert tawny("encryption", "rotate", "--key", "owner").code == 0
    (new,) = read_settings(data.parent / "tawny.toml").encryption.recipients
    assert was_used_for(data, new)


def test_a_note_that_fails_stops_no_change_of_recordings(tawny: Tawny, data: Path) -> None:
    (data / "keys").write_text("in the way")
    assert tawny("encryption", "add-key", GUEST.recipient, "--key", "owner").code == 0
    assert opens(tawny, data, "guest")


def test_no_key_is_noted_where_the_history_is_missing(tawny: Tawny, data: Path) -> None:
    """As in an empty mount point, while the mirror has recordings."""
    rmtree(data / "history")
    assert tawny("encryption", "add-key", GUEST.recipient, "--key", "owner").code == 0
    assert not (data / "keys").exists()


def test_a_new_sheet_has_the_fingerprint_and_its_own_times(
    data: Path,
) -> None:
    UnlockMethodStore(data).sheet_shown(5)
    shown = StringIO()

    def ask(question: str) -> str:
        number = re.search(r"Word (\d+) on", question)
        if number is None:
            return " ".join(identity_words(RECOVERY))
        found = re.search(rf"(?m)(?:^|  ) ?{number[1]} ([a-z]{{3,8}})\b", shown.getvalue())
        assert found is not None
        return found[1]

    parser = ArgumentParser()
    encryption.describe_encryption(parser)
    args = parser.parse_args(["rotate", "--words", "--config", str(data.parent / "tawny.toml"), "--data", str(data)])
    encryption.run_encryption(args, Output(as_json=False, out=StringIO(), err=shown), ask)
    assert f"Recorder fingerprint: {fingerprint_in(data)}\n" in shown.getvalue()
    sheet = UnlockMethodStore(data).sheet()
    assert sheet["made_ms"] == sheet["tested_ms"] > 5


def test_a_rotation_replaces_the_first_of_several_keys(tawny: Tawny, data: Path) -> None:
    assert tawny("encryption", "add-key", GUEST.recipient).code == 0
    result = tawny("encryption", "rotate", "--key", "guest", "--key", "owner")
    assert (result.code, "1 files changed" in result.out) == (0, True), result.err
    owner, new = read_settings(data.parent / "tawny.toml").encryption.recipients
    assert (owner, new != GUEST.recipient) == (OWNER.recipient, True)
    assert list(data.parent.glob("guest-*.age"))


def test_a_rotation_with_a_file_of_several_keys_replaces_the_first_in_use(tawny: Tawny, data: Path) -> None:
    assert tawny("encryption", "add-key", GUEST.recipient, "--camera", "door").code == 0
    (data.parent / "both").write_text("\n".join(one.text for one in (OTHER, OWNER, GUEST)))
    result = tawny("encryption", "rotate", "--key", "both")
    chosen, shown = read_settings(data.parent / "tawny.toml"), result.out + result.err
    assert chosen.cameras["door"].recipients == (GUEST.recipient,)
    assert (OWNER.recipient in chosen.encryption.recipients, opens(tawny, data, "owner")) == (False, False)
    assert f"It replaces {short_name(OWNER.recipient)} in [encryption]." in shown


def test_a_copy_of_the_key_elsewhere_is_replaced_in_the_data_folder_as_well(tawny: Tawny, data: Path) -> None:
    result = tawny("encryption", "rotate", "--key", "owner")
    passphrase = (result.out + result.err).partition("passphrase is: ")[2].split()[0]
    (new,) = read_settings(data.parent / "tawny.toml").encryption.recipients
    (way,) = UnlockMethodStore(data).all()
    assert (way.kind, way.name) == ("passphrase", f"Passphrase (owner-{short_name(new)[:8]})")
    assert way.recipient == new
    kept = data / "keys" / f"{way.id}.age"
    assert Identity.read(pyrage.passphrase.decrypt(kept.read_bytes(), passphrase).decode()).recipient == new


def test_a_key_in_the_data_folder_is_replaced_there_alone(tawny: Tawny, data: Path) -> None:
    (data / "keys").mkdir()
    (data.parent / "owner").rename(data / "keys" / "owner.age")
    result = tawny("encryption", "rotate", "--key", str(data / "keys" / "owner.age"))
    (new,) = (path for path in data.parent.rglob("*.age") if path.name != "owner.age")
    assert (new.parent, str(new) in result.out + result.err) == (data / "keys", True)


def test_a_method_of_a_rotated_key_has_a_short_id(tawny: Tawny, data: Path) -> None:
    (data.parent / "owner").rename(data.parent / ("k" * 60))
    assert tawny("encryption", "rotate", "--key", "k" * 60).code == 0
    (way,) = UnlockMethodStore(data).all()
    assert len(way.id) == 12


def test_a_rotation_that_the_data_folder_refuses_leaves_nothing(tawny: Tawny, data: Path) -> None:
    before = (data.parent / "tawny.toml").read_text()
    for number in range(32):
        UnlockMethodStore(data).add(b"age-encryption.org/v1\n", number, "A key")
    result = tawny("encryption", "rotate", "--key", "owner")
    assert (result.code, "32 unlock methods" in result.err) == (3, True)
    assert not list(data.parent.glob("owner-*"))
    assert (data.parent / "tawny.toml").read_text() == before


def test_a_rotation_whose_settings_cant_be_written_leaves_nothing(
    tawny: Tawny, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(file: Path, tables: object) -> None:
        raise FolderUnwritable(str(file), "No space left on device")

    monkeypatch.setattr(encryption, "put_tables", full)
    result = tawny("encryption", "rotate", "--key", "owner")
    assert (result.code, "No space left" in result.err) == (FolderUnwritable.exit_code, True)
    assert not [*data.parent.glob("owner-*"), *(data / "keys").iterdir()]


def test_a_disk_that_is_away_is_named(tawny: Tawny, data: Path, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    join(Volume.at(data), archive, VolumeUse.TIER)
    archive.rename(tmp_path / "unplugged")
    result = tawny("encryption", "add-key", GUEST.recipient, "--key", "owner")
    assert (result.code, str(archive) in result.out, "when they are back" in result.out) == (1, True, True), result.out
    (tmp_path / "unplugged").rename(archive)
    assert tawny("encryption", "rewrap", "--key", "owner").code == 0


def test_a_disk_that_died_and_was_taken_out_of_the_settings_is_not_waited_for(tawny: Tawny, data: Path) -> None:
    archive = data.parent / "archive"
    join(Volume.at(data), archive, VolumeUse.TIER)
    archive.rename(data.parent / "died")
    former(Volume.at(data), set())
    result = tawny("encryption", "rewrap", "--key", "owner")
    assert (result.code, f"{archive} is away" in result.out) == (0, True), result.out
    result = tawny("encryption", "rewrap", "--key", "owner", "--json")
    assert json.loads(result.out)["given_up"] == [str(archive)]
    file = data.parent / "tawny.toml"  # again in the settings, before it is plugged in
    file.write_text(f'{file.read_text()}\n[[storage.tiers]]\npath = "{archive}"\nafter = "7 days"\n')
    result = tawny("encryption", "rewrap", "--key", "owner")
    assert (result.code, "when they are back" in result.out) == (1, True), result.out


def with_mirror(data: Path) -> Path:
    mirror, file = data.parent / "mirror", data.parent / "tawny.toml"
    file.write_text(file.read_text().replace("encrypt = true\n", f'encrypt = true\nmirror = "{mirror}"\n', 1))
    return mirror


def test_keys_that_stay_locked_are_told_and_count_once_with_a_mirror(tawny: Tawny, data: Path) -> None:
    (ring,) = data.rglob("*.keys")
    (line,) = read_ring(ring.read_bytes()).values()
    ring.write_bytes(RingLine(line.commit, line.born_ms, wrap(bytes(32), [OTHER.recipient])).text())
    next(data.rglob("*.tws")).unlink()
    copytree(data, with_mirror(data))
    result = tawny("encryption", "rewrap", "--key", "owner")
    assert (result.code, "1 keys couldn't be opened" in result.out) == (1, True), result.out


def test_a_camera_that_only_the_mirror_has_is_changed_there(tawny: Tawny, data: Path) -> None:
    copytree(data, mirror := with_mirror(data))
    rmtree(data / "door")
    result = tawny("encryption", "rotate", "--key", "owner")
    assert (result.code, "1 files changed" in result.out) == (0, True), result.out
    assert [opens(tawny, mirror, key) for key in ("sheet", "owner")] == [True, False]


def test_a_mirror_that_is_no_folder_is_named(tawny: Tawny, data: Path) -> None:
    mirror = with_mirror(data)
    result = tawny("encryption", "rewrap", "--key", "owner")
    assert (result.code, str(mirror) in result.out) == (1, True), result.out


def test_a_change_without_a_key_has_the_same_counts(tawny: Tawny, data: Path) -> None:
    found = [tawny("encryption", "add-key", GUEST.recipient, *key, "--json").out for key in ((), ("--key", "owner"))]
    assert [*json.loads(found[0])] == [*json.loads(found[1])]


def test_files_without_room_open_alone_with_the_sheet_and_are_counted(tawny: Tawny, data: Path) -> None:
    for one in (GUEST, OTHER, *(Identity.new() for _ in range(5))):
        assert tawny("encryption", "add-key", one.recipient).code == 0
    result = tawny("encryption", "remove-key", OTHER.recipient, "--key", "owner")
    assert (result.code, "1 files have no room for all keys" in result.out) == (0, True), result.out
    result = tawny("encryption", "add-key", OTHER.recipient, "--key", "owner")
    assert "open with the keys they had before only" in result.out, result.out
    for ring in data.rglob("*.keys"):
        ring.unlink()
    assert [opens(tawny, data, key) for key in ("sheet", "owner", "other")] == [True, True, False]


def test_the_mirror_is_opened_and_shut_as_well(tawny: Tawny, data: Path) -> None:
    copytree(data, mirror := with_mirror(data))
    assert tawny("encryption", "add-key", GUEST.recipient, "--key", "owner").code == 0
    assert opens(tawny, mirror, "guest")
    assert tawny("encryption", "remove-key", GUEST.recipient, "--key", "owner").code == 0
    assert not opens(tawny, mirror, "guest")
    assert opens(tawny, mirror, "sheet")


def test_while_a_recorder_runs_its_newest_days_are_left(tawny: Tawny, data: Path) -> None:
    lock = Volume.at(data).lock(SystemClock())
    try:
        result = tawny("encryption", "add-key", GUEST.recipient, "--key", "owner", "--json")
    finally:
        lock.release()
    assert (result.code, json.loads(result.out)["all"]) == (1, False)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("add-key",), 2, "age1"),
        (("add-key", "age1nonsense"), 2, "age1"),
        (("add-key", GUEST.recipient, "--camera", "nowhere"), 3, "Available: door"),
        (("add-key", GUEST.recipient, "--key", "gone"), 3, "Can't read the key file"),
        (("add-key", GUEST.recipient, "--key", "owner", "--words"), 2, "Use one of them"),
        (("remove-key", GUEST.recipient), 3, "isn't among those"),
        (("remove-key", OWNER.recipient), 3, "the only key besides the recovery sheet"),
        (("remove-key", RECOVERY.recipient), 3, "rotate --words"),
        (("rotate",), 3, "doesn't open recordings here"),
        (("rotate", "--key", "other"), 3, "doesn't open recordings here"),
        (("rewrap",), 2, "--key FILE or --words"),
    ],
)
def test_what_cannot_be_done_is_told_and_changes_nothing(
    tawny: Tawny, data: Path, words: tuple[str, ...], code: int, says: str
) -> None:
    before = (data.parent / "tawny.toml").read_text()
    result = tawny("encryption", *words)
    assert (result.code, says in result.err) == (code, True), result.err
    assert (data.parent / "tawny.toml").read_text() == before


def test_a_key_that_opens_nothing_is_told(tawny: Tawny, data: Path) -> None:
    result = tawny("encryption", "rewrap", "--key", "other")
    assert (result.code, "couldn't be opened" in result.out) == (1, True), result.err
    assert opens(tawny, data, "owner")

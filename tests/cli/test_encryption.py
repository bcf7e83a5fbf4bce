"""`tawny encryption` and `tawny decrypt`: nobody seals without the sheet in hand, and the sheet opens everything."""

import errno
import json
import os
import re
import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from io import StringIO
from pathlib import Path

import pyrage
import pytest

from tawny.cli import encryption
from tawny.cli.encryption import run_encryption
from tawny.cli.options import time_text
from tawny.cli.output import Output
from tawny.config.changes import put_table
from tawny.config.loader import read_settings
from tawny.media.mp4.segment_reader import read_segment
from tawny.model.errors import DiskFull, FolderUnwritable, NotDone, SettingsError
from tawny.model.times import utc_from_text
from tawny.sealed.file_reader import InMemorySource, scan_file
from tawny.sealed.header import SealedFileKind
from tawny.sealed.key_wrapping import Identity, wrap
from tawny.sealed.records import BLOB, KEY
from tawny.sealed.sealer import RingLine, Sealer
from tawny.service.sealing.recovery_sheet import WARNING, RecoverySheet
from tawny.service.sealing.sealing_service import UnlockMethodStore
from tawny.storage.disk.disk import RealDisk
from tawny.storage.disk.layout import segment_name
from tawny.storage.history.file_signing import read_sealed
from tawny.testing.clips import ClipSpec, clip_file
from tests.app.rig import DOOR, rig
from tests.cli.conftest import Tawny
from tests.playback.sealed_archives import sealer
from tests.sealed.made import OWNER, RECIPIENTS, RECOVERY, SIGNER, STRANGER, Epoch, header_of, make


class Terminal:
    """Somebody who reads the sheet on the terminal, and types what is asked for; wrong so many times first.

    mistyped: typed instead of the passphrase, before it.
    """

    def __init__(self, folder: Path, wrong: int = 0, mistyped: Sequence[str] = ()) -> None:
        self.said, self.shown = StringIO(), StringIO()
        self.out = Output(as_json=False, out=self.said, err=self.shown)
        self.wrong, self.asked, self.mistyped = wrong, 0, list(mistyped)
        self.settings = folder / "tawny.toml"
        self.settings.write_text("# mine\n[storage]\n")
        self.args = Namespace(config=str(self.settings), data=str(folder / "data"), html=None, all=True)

    def set_up(self) -> int:
        self.args.do = "setup"
        return run_encryption(self.args, self.out, self.type)

    def test_sheet(self, words: str) -> int:
        self.args.do = "test-sheet"
        return run_encryption(self.args, self.out, lambda _: words)

    def replace_sheet(self) -> int:
        old, self.shown = " ".join(self.words), StringIO()
        self.out = Output(as_json=False, out=self.said, err=self.shown)
        args = Namespace(**vars(self.args) | {"do": "rotate", "key": None, "words": True})
        return run_encryption(args, self.out, lambda question: old if "24 words" in question else self.type(question))

    def type(self, question: str) -> str:
        self.asked += 1
        if question.startswith("The passphrase"):
            return self.mistyped.pop(0) if self.mistyped else self.passphrase
        found = re.search(r"Word (\d+) on", question)
        assert found is not None
        return "zoo-zoo" if self.asked <= self.wrong else self.words[int(found[1]) - 1]

    @property
    def words(self) -> list[str]:
        pairs = re.findall(r"(?m)(?:^|  ) ?(\d{1,2}) ([a-z]{3,8})\b", self.shown.getvalue().partition("RECOVERY")[2])
        return [word for _, word in sorted((int(number), word) for number, word in pairs)]

    @property
    def passphrase(self) -> str:
        found = re.search(r"for everyday use: (\S+)", self.shown.getvalue())
        assert found is not None
        return found[1]


def test_whoever_types_the_words_has_keys_and_a_locked_one_of_their_own(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    assert terminal.set_up() == 0
    assert (len(terminal.words), terminal.asked) == (24, 4)
    chosen = read_settings(terminal.settings)
    assert terminal.settings.read_text().startswith("# mine")
    assert chosen.storage.encrypt
    locked = tmp_path / "data" / "keys" / "owner.age"
    assert locked.stat().st_mode & 0o077 == 0
    owner = Identity.read(pyrage.passphrase.decrypt(locked.read_bytes(), terminal.passphrase).decode())
    assert chosen.encryption.recipients == (owner.recipient,)
    assert owner.recipient in locked.with_suffix(".json").read_text(), "the page says whose method it is"
    everything = "".join(path.read_text(errors="replace") for path in tmp_path.rglob("*") if path.is_file())
    assert owner.text not in everything, "only locked"
    assert "AGE-SECRET-KEY" not in everything
    before = terminal.shown.getvalue().partition("RECOVERY")[0]
    assert "the recordings are lost and nobody can help you" in before, "what a lost key means is told first"


def test_a_slip_of_the_pen_is_forgiven(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, wrong=2)
    assert terminal.set_up() == 0


def test_without_the_words_nothing_is_set_up(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, wrong=99)
    before = terminal.settings.read_text()
    with pytest.raises(NotDone, match="don't match the sheet"):
        terminal.set_up()
    assert terminal.settings.read_text() == before
    assert not (tmp_path / "data").exists()


def test_a_passphrase_may_be_mistyped_twice(tmp_path: Path) -> None:
    assert Terminal(tmp_path, mistyped=["", "another"]).set_up() == 0


def test_a_passphrase_may_be_typed_with_spaces_and_capitals(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    terminal.args.do = "setup"

    def spaced(question: str) -> str:
        typed = terminal.type(question)
        return f" {typed.replace('-', ' ').title()} " if question.startswith("The passphrase") else typed

    assert run_encryption(terminal.args, terminal.out, spaced) == 0


def test_without_the_passphrase_nothing_is_set_up(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, mistyped=["another"] * 3)
    before = terminal.settings.read_text()
    with pytest.raises(NotDone, match="isn't the passphrase that was shown"):
        terminal.set_up()
    assert terminal.settings.read_text() == before
    assert not (tmp_path / "data").exists()


def test_a_setup_that_could_not_be_stored_can_be_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise DiskFull("tawny.toml")

    terminal = Terminal(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(encryption, "put_table", full)
        with pytest.raises(DiskFull):
            terminal.set_up()
    assert list((tmp_path / "data" / "keys").iterdir()) == []
    again = Terminal(tmp_path)
    assert again.set_up() == 0


def test_keys_are_not_made_twice(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    terminal.set_up()
    with pytest.raises(NotDone, match="already"):
        terminal.set_up()


def test_keys_of_an_earlier_set_up_are_said_before_a_sheet_is_shown(tmp_path: Path) -> None:
    Terminal(tmp_path).set_up()
    again = Terminal(tmp_path)
    with pytest.raises(NotDone, match="keys of an earlier set-up"):
        again.set_up()
    assert again.shown.getvalue() == ""


@pytest.mark.parametrize("where", ["[storage]\nencrypt = true\n", "[storage]\n", ""])
def test_encryption_may_be_turned_on_in_the_settings_before_its_keys_are_made(tmp_path: Path, where: str) -> None:
    terminal = Terminal(tmp_path)
    camera = '[cameras.door]\nsource = "rtsp://192.168.1.9/main"\n' + ("" if "true" in where else "encrypt = true\n")
    terminal.settings.write_text(f"# mine\n{where}{camera}")
    terminal.args.all = False
    assert terminal.set_up() == 0
    assert read_settings(terminal.settings).is_sealed("door")
    assert "Cameras with `encrypt = true` are encrypted from now on" in terminal.said.getvalue()


def test_other_errors_of_the_settings_are_told_before_keys_are_shown(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    terminal.settings.write_text(
        '[storage]\nencrypt = true\nmode = "memory"\n[cameras.door]\nsource = "rtsp://192.168.1.9/main"\n'
    )
    with pytest.raises(SettingsError, match="nothing is stored"):
        terminal.set_up()
    assert terminal.shown.getvalue() == ""


def test_the_sheet_is_tried_later_with_all_its_words(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    terminal.set_up()
    words = " ".join(terminal.words)
    assert terminal.test_sheet(words.upper()) == 0
    other = " ".join(RecoverySheet(Identity.new(), "box", "", "2026-11-20").words)
    assert terminal.test_sheet(other) == 1
    assert "Wrong sheet" in terminal.said.getvalue()


def test_an_earlier_sheet_is_called_one_and_kept(tmp_path: Path) -> None:
    terminal, earlier = Terminal(tmp_path), RecoverySheet(Identity.new(), "box", "", "2026-11-20")
    terminal.set_up()
    UnlockMethodStore(tmp_path / "data").used_for(earlier.identity.recipient)
    assert terminal.test_sheet(" ".join(earlier.words)) == 1
    assert "This is an earlier recovery sheet." in terminal.said.getvalue()
    assert "Keep it" in terminal.said.getvalue()


def test_another_key_in_use_is_no_earlier_sheet(tmp_path: Path) -> None:
    terminal, other = Terminal(tmp_path), RecoverySheet(Identity.new(), "box", "", "2026-11-20")
    terminal.set_up()
    keys = [*read_settings(terminal.settings).encryption.recipients, other.identity.recipient]
    put_table(terminal.settings, "encryption", {"recipients": keys})
    UnlockMethodStore(tmp_path / "data").used_for(other.identity.recipient)
    assert terminal.test_sheet(" ".join(other.words)) == 1
    assert "isn't the recovery sheet in use" in terminal.said.getvalue()
    assert "earlier" not in terminal.said.getvalue()


def test_a_new_sheet_counts_as_made_and_the_old_one_is_to_be_kept(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    terminal.set_up()
    store = UnlockMethodStore(tmp_path / "data")
    store.sheet_made(1)
    assert terminal.replace_sheet() == 0
    assert "Keep the old sheet" in terminal.shown.getvalue()
    assert min(store.sheet()[at] for at in ("made_ms", "tested_ms")) > 1


def test_a_sheet_that_could_not_replace_the_old_one_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise DiskFull("tawny.toml")

    terminal, store = Terminal(tmp_path), UnlockMethodStore(tmp_path / "data")
    terminal.set_up()
    store.sheet_made(1)
    monkeypatch.setattr(encryption, "put_tables", full)
    with pytest.raises(DiskFull):
        terminal.replace_sheet()
    assert store.sheet() == {"made_ms": 1, "tested_ms": 1}


def test_a_new_sheet_whose_time_cannot_be_noted_is_in_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise FolderUnwritable("keys", "denied")

    terminal = Terminal(tmp_path)
    terminal.set_up()
    old = read_settings(terminal.settings).encryption.recovery
    monkeypatch.setattr(UnlockMethodStore, "sheet_made", refused)
    assert terminal.replace_sheet() == 0
    assert read_settings(terminal.settings).encryption.recovery != old
    assert "when the old sheet was made" in terminal.shown.getvalue()


def test_the_page_to_print_has_words_code_and_warning(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    terminal.args.html = str(tmp_path / "sheet.html")
    sheet = RecoverySheet(Identity.new(), "box <1>", "ab" * 32, "2026-11-20T05:00:00.000Z")
    page = sheet.html()
    assert page.count("<li>") == 24
    assert "<svg" in page
    assert "box &lt;1&gt;" in page
    assert WARNING in page
    assert sheet.identity.text in page


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    lines: list[str] = []

    class Keyboard:
        def isatty(self) -> bool:
            return False

        def readline(self) -> str:
            return lines.pop(0) + "\n"

    monkeypatch.setattr(sys, "stdin", Keyboard())
    yield lines
    assert not lines


def test_a_recording_is_opened_with_key_passphrase_or_words(tawny: Tawny, tmp_path: Path, typed: list[str]) -> None:
    terminal = Terminal(tmp_path)
    terminal.set_up()
    with terminal.settings.open("a") as file:
        file.write(
            f'[cameras.door]\nsource = "{clip_file(ClipSpec(seconds=4, sound="aac"))}"\ndetection.detector = "off"\n'
        )
    with rig(read_settings(terminal.settings), tmp_path / "data") as bench:
        bench.wait_for_seconds(2.5, DOOR)
    typed += [terminal.passphrase, " ".join(terminal.words)]
    for number, how in enumerate((["--key", str(tmp_path / "data" / "keys" / "owner.age")], ["--words"])):
        result = tawny("decrypt", *how, str(tmp_path / "data" / "door"), "-o", f"out{number}", "--json")
        assert result.code == 0, result.err
        (one, *_) = json.loads(result.out)["files"]
        assert one["state"] == "complete, signature not checked"
        film = read_segment(Path(one["written"]))
        assert film.fragments
        assert not film.torn


def files(folder: Path) -> dict[str, Path]:
    """By what was done to them."""
    epoch = Epoch.new()
    made = {"good": make(epoch).data}
    made["torn"] = make(epoch).data[:-300]
    made["changed"] = made["good"][:-400] + bytes([made["good"][-400] ^ 1]) + made["good"][-399:]
    for name, data in made.items():
        (folder / f"{name}.tws").write_bytes(data)
    (folder / "key").write_text(OWNER.text)
    (folder / "other").write_text(f"# somebody else's\n{STRANGER.text}\n")
    (folder / "none").write_text("nothing")
    return {name: folder / f"{name}.tws" for name in made}


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("--key", "key", "torn.tws"), 1, "CUT OFF, or not finished before a power cut"),
        (("--key", "key", "changed.tws"), 1, "DAMAGED"),
        (("--key", "other", "good.tws"), 1, "can't open: it wasn't encrypted for this key"),
        (("--key", "none", "good.tws"), 3, "no private key"),
        (("--key", "gone", "good.tws"), 3, "Can't read the key file"),
        (("--key", "key", "key"), 1, "can't open: not an encrypted tawny file"),
        (("--key", "key", "nowhere.tws"), 3, "File nowhere.tws doesn't exist"),
        (("good.tws",), 2, "--key"),
    ],
)
def test_what_cannot_be_opened_is_told(
    tawny: Tawny, tmp_path: Path, words: tuple[str, ...], code: int, says: str
) -> None:
    files(tmp_path)
    result = tawny("decrypt", *words)
    assert result.code == code, result.err
    assert says in result.out + result.err
    assert STRANGER.text not in result.out + result.err


def test_several_keys_may_be_given(tawny: Tawny, tmp_path: Path) -> None:
    files(tmp_path)
    assert tawny("decrypt", "--key", "key", "--key", "other", "good.tws").code == 0


def test_words_that_are_wrong_are_told(tawny: Tawny, tmp_path: Path, typed: list[str]) -> None:
    files(tmp_path)
    typed.append("abandon ability")
    result = tawny("decrypt", "--words", "good.tws")
    assert (result.code, "instead of 24" in result.err) == (2, True)


def test_what_is_decrypted_is_on_the_disk_before_it_has_its_name(
    tawny: Tawny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files(tmp_path)
    synced: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda file: synced.append(Path(f"/proc/self/fd/{file}").readlink().name))
    assert tawny("decrypt", "--key", "key", "good.tws").code == 0
    assert synced == ["good.mp4.part"]


def test_a_full_disk_is_told_as_such(tawny: Tawny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files(tmp_path)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    result = tawny("decrypt", "--key", "key", "good.tws", "-o", "films")
    text = "The disk at films is full. Free up space there, or write to another disk (`-o`)."
    assert (result.code, result.err) == (31, f"tawny: {text}\n")


@pytest.mark.parametrize(
    ("number", "code"), [(errno.EINVAL, 32), (errno.ENAMETOOLONG, 32), (errno.EIO, 30)], ids=lambda one: str(one)
)
def test_only_a_disk_that_fails_is_told_as_one(
    tawny: Tawny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, code: int
) -> None:
    files(tmp_path)

    def refuse(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    result = tawny("decrypt", "--key", "key", "good.tws", "-o", "films")
    assert (result.code, os.strerror(number) in result.err, "cable" in result.err) == (code, True, code == 30), (
        result.err
    )


def test_a_file_in_place_of_the_folder_names_the_option(tawny: Tawny, tmp_path: Path) -> None:
    files(tmp_path)
    result = tawny("decrypt", "--key", "key", "good.tws", "-o", "none")
    assert (result.code, "Can't write to the folder none" in result.err, "(`-o`)" in result.err) == (32, True, True), (
        result.err
    )


def test_nothing_is_written_over(tawny: Tawny, tmp_path: Path) -> None:
    files(tmp_path)
    assert tawny("decrypt", "--key", "key", "good.tws").code == 0
    first = (tmp_path / "good.mp4").read_bytes()
    again = tawny("decrypt", "--key", "key", "good.tws")
    assert (again.code, "already there" in again.out) == (0, True), "an interrupted run can go on"
    assert not (tmp_path / "good-2.mp4").exists()
    (tmp_path / "good.mp4").write_bytes(b"mine")
    assert tawny("decrypt", "--key", "key", "good.tws").code == 0
    assert (tmp_path / "good.mp4").read_bytes() == b"mine"
    assert (tmp_path / "good-2.mp4").read_bytes() == first


def test_files_that_cannot_be_opened_keep_no_other_from_being_written(tawny: Tawny, tmp_path: Path) -> None:
    good = files(tmp_path)["good"].read_bytes()
    folder = tmp_path / "some"
    (folder / "a.tws").mkdir(parents=True)
    for name, data in (("b", b""), ("c", good[:100]), ("d", b"x" * 500), ("e", _of_a_stranger()), ("f", good)):
        (folder / f"{name}.tws").write_bytes(data)
    result = tawny("decrypt", "--key", "key", "some", "-o", "films", "--json")
    assert result.code == 1
    found = {Path(one["file"]).stem: one for one in json.loads(result.out)["files"]}
    assert [name for name, one in found.items() if one["ok"]] == ["f"]
    assert all(one["state"].startswith("can't open: ") for name, one in found.items() if name != "f"), found
    assert "Is a directory" in found["a"]["state"]
    assert [path.name for path in (tmp_path / "films").iterdir()] == ["f.mp4"]
    result = tawny("decrypt", "--key", "key", "some", "-o", "films")
    assert "5 of 6 files have problems: see their state. For files of another key" in result.out


def _of_a_stranger() -> bytes:
    sealed = sealer([STRANGER.recipient], 0, SealedFileKind.SEGMENT)
    return b"".join([*sealed.begin({"camera": "door"}, b"ftypmoov"), *sealed.end(0, 0, {})])


OPAQUE = "mz2kqf4n7c5xw3ay6ubt7d2rej"


def test_a_file_with_an_opaque_name_gets_that_of_its_camera_and_time(tawny: Tawny, tmp_path: Path) -> None:
    files(tmp_path)
    start_ms = utc_from_text("2026-11-20T05:58:12.345Z")
    place = tmp_path / "3f2a91c0" / "20261120"
    place.mkdir(parents=True)
    film = _sealed({"camera": "front-door", "stream": "sub"}, SealedFileKind.SEGMENT, start_ms)
    (place / f"{OPAQUE}.tws").write_bytes(film)
    picture = _sealed({"camera": "front-door", "at_ms": start_ms}, SealedFileKind.PICTURE, start_ms)
    (place / f"{OPAQUE[::-1]}.tws").write_bytes(picture)
    result = tawny("decrypt", "--key", "key", "3f2a91c0", "-o", "films", "--json")
    assert result.code == 0, result.out
    hour = tmp_path / "films" / "front-door" / "2026" / "11" / "20" / "05"
    film_name = "20261120T055812.345Z-20261120T055814.345Z.sub.mp4"
    assert sorted(path.name for path in hour.iterdir()) == ["20261120T055812.345Z-1.jpg", film_name]
    assert segment_name(f"front-door/2026/11/20/05/{film_name}") is not None
    for one in json.loads(result.out)["files"]:
        assert (one["camera"], one["start"]) == ("front-door", "2026-11-20T05:58:12.345Z")
    table = tawny("decrypt", "--key", "key", "3f2a91c0", "-o", "films").out
    assert "front-door/2026/11/20/05" in table
    assert time_text(start_ms) in table


@pytest.mark.parametrize(
    ("name", "torn_bytes", "code", "says"),
    [
        (f"{OPAQUE}.tws", 20, 1, "CUT OFF: its end is missing"),
        ("20261120T055812.345Z-20261120T055912.345Z.main.tws", 20, 1, "CUT OFF"),
        ("20261120T055812.345Z-20261120T055912.345Z.main.tws", 0, 1, "CUT OFF"),
        ("20261120T055812.345Z-20261120T055813.345Z.main.tws", 0, 0, "not closed properly"),
        ("20261120T055812.345Z.main.open.tws", 20, 0, "last second incomplete"),
    ],
    ids=["opaque", "half", "between fragments", "power cut, finished later", "power cut"],
)
def test_a_file_whose_end_is_missing_is_a_problem(
    tawny: Tawny, tmp_path: Path, name: str, torn_bytes: int, code: int, says: str
) -> None:
    (tmp_path / "key").write_text(OWNER.text)
    data = _sealed(
        {"camera": "door", "stream": "main"}, SealedFileKind.SEGMENT, utc_from_text("2026-11-20T05:58:12.345Z")
    )
    end = scan_file(InMemorySource(data)).records[-1].at
    (tmp_path / name).write_bytes(data[: end + torn_bytes])
    result = tawny("decrypt", "--key", "key", name, "-o", "films")
    assert (result.code, says in result.out) == (code, True), result.out


def test_a_camera_that_is_a_path_leads_nowhere(tawny: Tawny, tmp_path: Path) -> None:
    files(tmp_path)
    (tmp_path / f"{OPAQUE}.tws").write_bytes(_sealed({"camera": "../x", "stream": "main"}, SealedFileKind.SEGMENT, 0))
    assert tawny("decrypt", "--key", "key", f"{OPAQUE}.tws", "-o", "films").code == 0
    assert [path.name for path in (tmp_path / "films").iterdir()] == [f"{OPAQUE}.mp4"]


def _sealed(info: dict[str, object], kind: SealedFileKind, start_ms: int) -> bytes:
    epoch = Epoch.new()
    header, key = header_of(epoch.key, epoch.wrapped, kind=kind, start_ms=start_ms)
    sealed = Sealer(header, key, epoch.wrapped)
    init = b"ftypmoov" if kind is SealedFileKind.SEGMENT else b""
    parts = [*sealed.begin(info, init)] if init else [*sealed.begin(info)]
    parts += sealed.record(KEY if init else BLOB, 0, [b"content"])
    return b"".join([*parts, *sealed.end(0, 2000, {}, SIGNER)])


def test_somebody_who_was_added_later_opens_old_files_by_the_ring(tawny: Tawny, tmp_path: Path) -> None:
    path = files(tmp_path)["good"]
    file = read_sealed(RealDisk(tmp_path), path.name)
    epoch_key = OWNER.unwrapped(file.wrapped)
    assert epoch_key is not None
    line = RingLine(file.header.commit, 1000, wrap(epoch_key, [*RECIPIENTS, STRANGER.recipient]))
    (tmp_path / "20261120.keys").write_bytes(line.text())
    assert tawny("decrypt", "--key", "other", "good.tws").code == 0
    assert RECOVERY.recipient in RECIPIENTS


def test_where_an_events_objects_were_is_text(tawny: Tawny, tmp_path: Path) -> None:
    key = Identity.new()
    (tmp_path / "own.key").write_text(key.text)
    sealed = sealer([key.recipient], 0, SealedFileKind.MOTION)
    lines = [b"[1,0,0,0,9,9]\n", b"[1,900,5,5,9,9]\n"]
    parts = [*sealed.begin({}), *sealed.record(BLOB, 0, [lines[0]]), *sealed.record(BLOB, 900, [lines[1]])]
    (tmp_path / "e1.objects.tws").write_bytes(b"".join([*parts, *sealed.end(0, 900, {})]))
    assert tawny("decrypt", "--key", "own.key", "e1.objects.tws").code == 0
    assert (tmp_path / "e1.objects.jsonl").read_bytes() == b"".join(lines)

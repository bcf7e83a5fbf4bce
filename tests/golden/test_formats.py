"""Files that an earlier version wrote open, and hold what `expected.json` lists."""

import asyncio
import io
import json
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest

from tawny.api.auth.accounts import Accounts, Role
from tawny.api.auth.accounts_file import AccountsFile
from tawny.api.auth.passes import Passes
from tawny.api.auth.passwords import Passwords
from tawny.api.auth.shares import Shares
from tawny.api.inbox import Inbox
from tawny.api.past.clip_store import ClipStore
from tawny.cli.main import main
from tawny.config.modes import ModesSettings
from tawny.delivery.delivery import DeliveryState
from tawny.delivery.outbox import Outbox
from tawny.events.modes import ModeState, ModeStore
from tawny.model.times import SystemClock
from tawny.storage.disk.volume import Volume
from tawny.storage.history.ledger import HistoryJournal
from tawny.storage.index.opening import index_to_write
from tawny.testing.clips import ClipSpec, clip_file
from tests.app.rig import DOOR, looked_at, one_camera, rig
from tests.golden.contents import list_contents, list_databases
from tests.golden.extract import find_losses
from tests.golden.fixture_key import PASSPHRASE, PASSWORD, copy_fixture, fixture_identity, fixture_words

FORMATS: Final = Path(__file__).parent / "formats"
EXPECTED: Final[dict[str, Any]] = json.loads((FORMATS / "expected.json").read_text(encoding="utf-8"))
CONTENTS: Final = ("segments", "events", "gaps", "scores", "grids")
RECORDERS: Final = pytest.mark.parametrize("name", ["plain", "sealed"])


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    return copy_fixture(FORMATS / "plain", tmp_path / "plain")


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    return copy_fixture(FORMATS / "sealed", tmp_path / "sealed")


def contents(folder: Path) -> Any:
    """Return the listing as `expected.json` has it."""
    return json.loads(json.dumps(list_contents(folder)))


@RECORDERS
def test_archive_holds_what_was_recorded(name: str, tmp_path: Path) -> None:
    folder = copy_fixture(FORMATS / name, tmp_path / name)
    found = contents(folder)
    for part in CONTENTS:
        assert found[part] == EXPECTED[name][part], part


@RECORDERS
def test_check_finds_nothing(name: str, tmp_path: Path) -> None:
    folder = copy_fixture(FORMATS / name, tmp_path / name)
    assert main(["check", "--deep", "--wall", "--data", str(folder)]) == 0


@RECORDERS
def test_index_rebuilt_from_files_is_the_same(name: str, tmp_path: Path) -> None:
    folder = copy_fixture(FORMATS / name, tmp_path / name)
    (folder / "tawny.db").unlink()
    volume = Volume.at(folder)
    history = HistoryJournal(volume.disk)
    index_to_write(volume, history).close()
    history.close()
    found = contents(folder)
    for part in CONTENTS:
        assert _readable(name, found[part]) == _readable(name, EXPECTED[name][part]), part


def _readable(name: str, items: list[Any]) -> list[Any]:
    """Return what files and history say without a key: a sealed file does not show codecs and size of picture."""
    hidden = ("video", "audio", "size") if name == "sealed" else ()
    return [
        {key: value for key, value in one.items() if key not in hidden} if isinstance(one, dict) else one
        for one in items
    ]


@RECORDERS
def test_databases_keep_tables_and_rows(name: str, tmp_path: Path) -> None:
    folder = copy_fixture(FORMATS / name, tmp_path / name)
    AccountsFile(folder / "accounts.db").close()
    Outbox(folder / "outbox.db", SystemClock()).close()
    ModeStore(folder / "modes.db").close()
    found = json.loads(json.dumps(list_databases(folder)))
    assert list(find_losses(EXPECTED[name]["databases"], found)) == []


def test_recorder_continues_a_recording(plain: Path) -> None:
    source = str(clip_file(ClipSpec(seconds=4)))
    kept = '[storage.retention]\nmax = "36500 days"\nmin = "36500 days"\nevents = "36500 days"\n'
    with rig(one_camera(source, kept), plain) as made:
        made.wait_for_seconds(1.0)
    report = looked_at(plain)
    assert not report.findings
    found = contents(plain)
    before = {one["id"] for one in EXPECTED["plain"]["segments"]}
    assert before < {one["id"] for one in found["segments"]}
    assert found["events"] == EXPECTED["plain"]["events"]


def test_accounts_open(plain: Path) -> None:
    file, clock = AccountsFile(plain / "accounts.db"), SystemClock()
    accounts = Accounts(file, clock)
    anna, ben = sorted(accounts.people(), key=lambda one: one.name)
    assert (anna.name, anna.role, ben.name, ben.role, ben.cameras) == (
        "Anna",
        Role.OWNER,
        "Ben",
        Role.VIEWER,
        frozenset({DOOR}),
    )
    found = accounts.find("anna")
    assert found
    assert asyncio.run(Passwords().matches(found[1], PASSWORD))
    assert sorted(one.name for one in Passes(file, clock).all()) == ["Cabin", "Television"]
    assert [one.camera for one in Shares(file, clock).of(anna)] in ([DOOR], [])  # it has ended a day later
    assert "clip" in {one.action for one in accounts.audit()}
    accounts.close()


def test_outbox_opens(plain: Path) -> None:
    outbox = Outbox(plain / "outbox.db", SystemClock())
    sent = outbox.ended("hook")
    outbox.close()
    assert sent
    assert {one.state for one in sent} == {DeliveryState.DONE}
    assert {one.event for one in sent} == {EXPECTED["plain"]["events"][0]["id"]}


def test_modes_open(plain: Path) -> None:
    book = ModeStore(plain / "modes.db")
    now = ModeState(ModesSettings(), ZoneInfo("UTC"), book, SystemClock(), lambda _: None).at(SystemClock().now_ms())
    changes, reasons = book.changes(), book.reasons(EXPECTED["plain"]["events"][0]["id"])
    book.close()
    assert now.mode == "away"
    assert changes[-1][1:3] == ("away", "Anna")
    assert reasons


def test_saved_clips_and_uploads_open(plain: Path) -> None:
    (clip,) = ClipStore(plain / "clips", 10_000_000).load()
    assert clip["kept"]
    assert (plain / "clips" / f"{clip['id']}.mp4").stat().st_size == clip["size_bytes"]
    (holder,) = (one.name for one in (plain / "inbox").iterdir())
    (file,) = Inbox(plain / "inbox").files(holder, "")
    assert (file.name, file.size) == ("cabin/note.txt", 28)


@pytest.mark.parametrize("way", ["key", "locked key", "words of the sheet"])
def test_sealed_archive_opens(way: str, sealed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key, opened = tmp_path / "key", tmp_path / "opened"
    key.write_text(fixture_identity("owner").text)
    words, typed = {
        "key": (["--key", str(key)], ""),
        "locked key": (["--key", str(sealed / "keys" / "owner.age")], PASSPHRASE),
        "words of the sheet": (["--words"], fixture_words("recovery")),
    }[way]
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{typed}\n"))
    assert main(["decrypt", str(sealed), *words, "--output", str(opened)]) == 0
    found = {path.name: sha256(path.read_bytes()).hexdigest() for path in opened.iterdir()}
    assert found == EXPECTED["sealed"]["unsealed"]


def test_evidence_verifies(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    expected = EXPECTED["evidence"]
    words = ["verify", str(FORMATS / "evidence"), "--recorder", expected["fingerprint"]]
    assert main([*words, "--json"]) == 0
    assert expected["from"] in capsys.readouterr().out
    assert main([*words[:3], "0" * 64]) == 1


def test_clip_is_exported_from_the_archive(plain: Path, tmp_path: Path) -> None:
    first = EXPECTED["plain"]["segments"][0]
    words = ["--camera", "door", "--from", first["start"], "--to", first["end"], "--data", str(plain)]
    assert main(["export", *words, "--output", str(tmp_path / "clip.mp4")]) == 0
    assert (tmp_path / "clip.mp4").stat().st_size > first["bytes"] / 2


def test_settings_file_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "check", "--config", str(FORMATS / "tawny.toml")]) == 0, capsys.readouterr().err

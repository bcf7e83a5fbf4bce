"""Where witnesses of the signed history are kept, and what happens when one of them comes back."""

import json
import shutil
import socket
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tawny.api.auth.accounts import Role
from tawny.delivery.delivery import DeliveryKind
from tawny.delivery.destination import DestinationConnection, DestinationContext, FileCarrier
from tawny.delivery.destinations.folder import FolderDestination
from tawny.delivery.outbox import Outbox
from tawny.delivery.witness_files import WitnessCarrier, computer_label, read_witnesses, witness_path
from tawny.engine import Bus
from tawny.model.errors import TargetRefused
from tawny.sealed.statements import Witness, find_witnesses
from tawny.service.delivery.uploads import expired_files
from tawny.service.sealing.history_watch import HistoryWatch
from tawny.service.sealing.policy import SealedExport, SealingPolicy
from tawny.storage.disk.mirror import Mirror
from tawny.storage.disk.volume import Volume
from tawny.storage.history.ledger import HistoryJournal, HistoryLedger
from tawny.storage.history.signed_history import SignedHistory
from tawny.storage.index.memory_index import MemoryIndex
from tawny.storage.index.opening import rebuild
from tawny.storage.retention.removal import Removal, remove_segments
from tawny.testing.clock import FakeClock
from tawny.testing.contracts.destination import MemoryContent
from tawny.testing.http_service import StandIn, served
from tests.api.fakes import make_house
from tests.app.rig import settings
from tests.attacks.thief import KINDS, PORCH, Loot, Thief, make_loot, run_recorder
from tests.cli.conftest import Tawny, answering
from tests.cli.conftest import tawny as tawny  # a fixture
from tests.delivery.carried import delivery
from tests.service.delivery.test_messaging import Bench, bot
from tests.storage.test_mirror import EASY
from tests.support.disk import MemoryDisk

FIRST = Witness("3f2a91c0", 7, 1_795_154_400_000, "a" * 26)
SECOND = Witness("3f2a91c0", 8, 1_795_155_000_000, "b" * 26)


@pytest.fixture(scope="module")
def loot() -> Iterator[Loot]:
    with TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        yield make_loot(Path(folder), "mixed")


@pytest.fixture
def thief(loot: Loot, tmp_path: Path) -> Thief:
    return Thief(loot, tmp_path / "data")


def roll_back(thief: Thief) -> None:
    shutil.rmtree(thief.folder)
    shutil.copytree(thief.older, thief.folder)


# --- the text --------------------------------------------------------------------------------------------------------


def test_text_is_found_in_whatever_surrounds_it() -> None:
    mail = f'<p style="x">{FIRST.text}</p> =\r\n- {SECOND.text.upper()}\n{FIRST.text}z tawny-1-2'
    assert list(find_witnesses(mail)) == [FIRST, SECOND]
    assert list(find_witnesses(FIRST.text.replace("20261120", "20261350"))) == []
    assert len(FIRST.text) < 70


def test_witness_of_the_last_durable_statement_is_in_memory() -> None:
    """It comes from memory, after a start from what the start reads anyway."""
    disk = MemoryDisk()
    history = SignedHistory.opened(disk, 1_795_154_400_000)
    assert history.state(1_795_155_000_000)
    first = history.head
    assert first is not None
    assert first.n == 1
    assert history.state(1_795_155_600_000)
    assert history.head is not None
    assert history.head.n == 2
    again = SignedHistory.opened(disk, 1_795_156_000_000)
    assert again.head == history.head


# --- messages --------------------------------------------------------------------------------------------------------


class Export(SealedExport):
    now: Witness | None = FIRST

    def witness(self) -> Witness | None:
        return self.now


def test_text_of_a_chat_shows_it_once_a_day(tmp_path: Path) -> None:
    """Telegram has no small print: the first event of a day has it, also when its clip comes, and the others don't."""
    with served(StandIn(bot)) as service:
        bench = Bench(tmp_path, service)
        bench.sealed = Export()
        bench.killed()
        received: list[str] = []
        for _ in range(2):
            bench.happens(end_ms=bench.clock.now_ms() + 1000)  # of one that goes on, the next would be the same visit
            bench.work()
            received.append(bench.sent("/sendPhoto")[-1].form["caption"].decode())
            bench.clock.advance(1200)
        bench.clock.advance(86_400)
        bench.happens()
        bench.work()
        received.append(bench.sent("/sendPhoto")[-1].form["caption"].decode())
        assert [FIRST.text in one for one in received] == [True, False, True]
        assert received[0].splitlines()[-1] == FIRST.text
        bench.outbox.close()


def test_recorder_on_the_fallback_disk_gives_none_away(tmp_path: Path) -> None:
    """Its history is another; a browser or a service would take it for the recorder's."""
    here = settings('[cameras.door]\nsource = "demo:front"\n')
    for is_standby in (False, True):
        disk = Volume.at(tmp_path / str(is_standby)).disk
        volume = Volume(disk, SignedHistory.opened(disk, FakeClock().now_ms()))
        policy = SealingPolicy(volume, FakeClock(), Bus(), lambda: here, is_standby=is_standby)
        assert (policy.out.witness() is None) == is_standby
        assert policy.watch.is_watching is not is_standby


# --- uploads ---------------------------------------------------------------------------------------------------------


class WriteOnly:
    """A login that may only write. calls: what was asked."""

    is_sure = False

    def __init__(self, inner: DestinationConnection) -> None:
        self._inner, self.calls, self.refuses = inner, list[str](), False

    def put(self, name: str, content: object, progress: str, note: object) -> None:
        self.calls.append(name)
        if self.refuses and name.startswith("tawny-history/"):
            raise TargetRefused("nas", "no such folder")
        self._inner.put(name, content, progress, note)  # type: ignore[arg-type]

    def close(self) -> None:
        self._inner.close()


def connection(root: Path) -> DestinationConnection:
    root.mkdir(exist_ok=True)
    url = f"folder:{root}"
    kind = FolderDestination()
    return kind.connect(DestinationContext("nas", url, kind.settings(url, {}), FakeClock()))


def test_each_statement_leaves_one_file_with_uploads(tmp_path: Path) -> None:
    there = WriteOnly(connection(tmp_path / "nas"))
    left: dict[str, str] = {}
    now: list[Witness | None] = [None]
    carrier = WitnessCarrier(
        FileCarrier(there, "nas", write_only=True),  # type: ignore[arg-type]
        there,  # type: ignore[arg-type]
        "nas",
        lambda: None if now[0] is None else (now[0], "pi"),
        left,
    )

    def bring(name: str, what: DeliveryKind = DeliveryKind.PICTURE) -> None:
        carrier.carry(delivery(name, what), MemoryContent(), lambda _: None)

    bring("a.jpg")
    now[0] = FIRST
    bring("b.jpg")
    bring("c.jpg")
    there.refuses, now[0] = True, SECOND
    bring("d.jpg")
    there.refuses = False
    bring("e.jpg")
    first, second = witness_path(FIRST, "pi"), witness_path(SECOND, "pi")
    assert there.calls == ["a.jpg", "b.jpg", first, "c.jpg", "d.jpg", second, "e.jpg", second]
    assert f"tawny check --deep --witness {FIRST.text}" in (tmp_path / "nas" / first).read_text()
    assert "pi" not in first.split("/")
    with closing(connection(tmp_path / "nas")) as readable:
        assert read_witnesses(readable, "pi") == ([FIRST, SECOND], [])
        assert read_witnesses(readable, "another") == ([], [FIRST, SECOND])
        for own, found in (((computer_label("pi"),), [first]), ((FIRST.recorder,), [first]), (("0" * 8,), [])):
            expired = expired_files(readable.files(), ["{camera}/{id}.{type}"], SECOND.at_ms, own=own)
            assert [one.name for one in expired] == found


def test_check_reads_the_witness_at_a_destination(thief: Thief, tawny: Tawny, tmp_path: Path) -> None:
    """Also that of a recorder of this computer whose history is gone; others that upload there are none of its."""
    nas, config = tmp_path / "nas", tmp_path / "tawny.toml"
    config.write_text(f'[storage]\npath = "{thief.folder}"\n[destinations.nas]\nurl = "folder:{nas}"\n')
    tawny_check = ("check", "--deep", "--repair", "--config", str(config), "--json")
    with closing(connection(nas)) as there:
        leave(there, thief.witness, socket.gethostname())
        leave(there, FIRST, "another")
    assert findings(tawny(*tawny_check).out) == []
    roll_back(thief)
    result = tawny(*tawny_check)
    (found,) = findings(result.out)
    assert "The upload destination nas has seen this recorder's history" in found
    assert "Recordings made in between may have been removed" in found
    assert result.code == 1
    result = tawny("check", "--deep", "--confirm-history", "--config", str(config))
    assert (result.code, "Confirmed: The upload destination nas" in result.err + result.out) == (0, True)
    assert findings(tawny(*tawny_check).out) == []


def test_check_finds_that_a_disk_was_put_back_and_continued(thief: Thief, tawny: Tawny, tmp_path: Path) -> None:
    """The destination has newer witnesses of the continued copy, which hid the one that contradicts it."""
    nas, config, seen = tmp_path / "nas", tmp_path / "tawny.toml", thief.witness
    config.write_text(f'[storage]\npath = "{thief.folder}"\n[destinations.nas]\nurl = "folder:{nas}"\n')
    roll_back(thief)
    history = SignedHistory.opened(Volume.at(thief.folder).disk, thief.clock.now_ms())
    with closing(connection(nas)) as there:
        leave(there, seen, socket.gethostname())
        while history.head is None or history.head.n <= seen.n:
            thief.clock.advance(600)
            assert history.state(thief.clock.now_ms())
        leave(there, history.head, socket.gethostname())
    (found,) = findings(tawny("check", "--deep", "--repair", "--config", str(config), "--json").out)
    assert "It may be an older copy that was continued" in found
    tawny("check", "--deep", "--confirm-history", "--config", str(config))
    assert findings(tawny("check", "--deep", "--repair", "--config", str(config), "--json").out) == []


def test_check_names_the_command_that_sends_lost_uploads_again(thief: Thief, tawny: Tawny, tmp_path: Path) -> None:
    (tmp_path / "nas").mkdir()
    config = tmp_path / "tawny.toml"
    config.write_text(f'[storage]\npath = "{thief.folder}"\n[destinations.nas]\nurl = "folder:{tmp_path / "nas"}"\n')
    outbox = Outbox(thief.folder / "outbox.db", thief.clock)
    outbox.add([delivery("a.jpg", to="nas")])
    taken = outbox.take("nas")
    assert taken is not None
    outbox.done(taken, "", 3)
    outbox.close()
    result = tawny("check", "--deep", "--config", str(config))
    assert (result.code, "uploads are lost" in result.out, "`tawny uploads resend NAME`" in result.out) == (
        1,
        True,
        True,
    )
    assert "tawny check --repair" not in result.out


@pytest.mark.parametrize("here", ["pi", socket.gethostname()])
@pytest.mark.parametrize(("content", "is_theirs"), [(b"another", True), (b"", False), (b"sum", False)])
def test_check_does_not_advise_to_replace_what_another_recorder_has_uploaded(
    thief: Thief, tawny: Tawny, tmp_path: Path, content: bytes, here: str, *, is_theirs: bool
) -> None:
    """Its witnesses are there, of a computer of any name; an emptied file is none of its."""
    config = tmp_path / "tawny.toml"
    config.write_text(f'[storage]\npath = "{thief.folder}"\n[destinations.nas]\nurl = "folder:{tmp_path / "nas"}"\n')
    with closing(connection(tmp_path / "nas")) as there:
        leave(there, thief.witness, socket.gethostname())
        leave(there, FIRST, here)
    outbox = Outbox(thief.folder / "outbox.db", thief.clock)
    outbox.add([delivery("a.jpg", to="nas")])
    taken = outbox.take("nas")
    assert taken is not None
    outbox.done(taken, "", 3)
    outbox.close()
    (tmp_path / "nas" / "a.jpg").write_bytes(content)
    output = tawny("check", "--deep", "--config", str(config)).out
    assert ("uploads are lost" in output) == (content != b"sum")
    assert ("or this one's from before its disk was replaced" in output, "then do run it" in output) == (is_theirs,) * 2
    assert ("another recorder may upload there" in output, "Don't run `tawny uploads resend`" in output) == (
        is_theirs,
    ) * 2
    assert ("To send again" in output) == (content == b"")


def leave(there: DestinationConnection, witness: Witness, host: str) -> None:
    carrier = WitnessCarrier(FileCarrier(there, "nas", write_only=True), there, "nas", lambda: (witness, host), {})
    carrier.carry(delivery(f"{witness.n}.jpg"), MemoryContent(), lambda _: None)


def findings(out: str) -> list[str]:
    data = json.loads(out)["findings"]
    return [one["detail"] for one in data if one["what"] == "not what a witness has seen"]


def test_destination_that_cannot_be_read_is_left_to_a_person(thief: Thief, tawny: Tawny, tmp_path: Path) -> None:
    config = tmp_path / "tawny.toml"
    config.write_text(
        f'[storage]\npath = "{thief.folder}"\n[destinations.cloud]\nurl = "folder:{tmp_path}"\nwrite_only = true\n'
    )
    result = tawny("check", "--deep", "--repair", "--config", str(config))
    assert (
        "cloud can't be read: compare its newest witness with `tawny check --witness TEXT`" in result.err + result.out
    )


def test_person_checks_with_text_or_file(thief: Thief, tawny: Tawny, tmp_path: Path) -> None:
    mail = tmp_path / "mail.eml"
    mail.write_text(f"Subject: Person\n\nPerson.\n-- \n{thief.witness.text}\n")
    data = ("--data", str(thief.folder))
    tawny("check", "--repair", *data)
    for given in (thief.witness.text, str(mail)):
        assert tawny("check", "--witness", given, *data).code == 0
    roll_back(thief)
    tawny("check", "--repair", *data)
    for given, who in ((thief.witness.text, "This witness"), (str(mail), "mail.eml")):
        result = tawny("check", "--witness", given, *data)
        assert result.code == 1
        assert who in result.out
        assert "may have been removed" in result.out
        assert "tawny check --confirm-history" in result.out
    result = tawny("check", "--witness", "tawny-is-good", *data)
    assert result.code == 2
    assert "contains no witness" in result.err


def test_running_recorder_is_asked_to_confirm(thief: Thief, tawny: Tawny) -> None:
    asked: list[object] = []

    def confirm(request: dict[str, object]) -> dict[str, object]:
        asked.append(request["witnesses"])
        return {"confirmed": ["It was older."]}

    roll_back(thief)
    tawny("check", "--repair", "--data", str(thief.folder))
    lock = Volume.at(thief.folder).lock(thief.clock)
    try:
        with answering(thief.folder, Bus(), {"confirm history": confirm}):
            words = ("--witness", thief.witness.text, "--data", str(thief.folder))
            result = tawny("check", "--confirm-history", *words)
    finally:
        lock.release()
    assert asked == [[thief.witness.text]]
    assert "Confirmed: It was older." in result.err + result.out


# --- the owner's browser ---------------------------------------------------------------------------------------------


async def test_browser_that_has_seen_more_raises_a_problem_until_confirmed(thief: Thief, tmp_path: Path) -> None:
    house = make_house(tmp_path)

    def start() -> HistoryWatch:
        volume = Volume.at(thief.folder)
        house.site.history = HistoryWatch(
            volume, SignedHistory.opened(volume.disk, thief.clock.now_ms()), thief.clock, "UTC"
        )
        return house.site.history

    start()
    owner, path = house.signed_in(Role.OWNER), "/api/v1/history/witnesses"
    first = (await owner.post(path, json={"witnesses": []})).json()
    assert first == {"current": thief.witness.text, "doubted": []}
    assert (await owner.post(path, json={"witnesses": [first["current"]]})).json() == first

    roll_back(thief)
    start()
    data = (await owner.post(path, json={"witnesses": [first["current"]]})).json()
    assert data["doubted"] == [first["current"]]
    assert data["current"] not in (None, first["current"])
    for watch in (house.site.history, start()):
        assert isinstance(watch, HistoryWatch)
        (problem,) = watch()
        assert "A browser of owner 0 has seen this recorder's history as of 2026-11-20 00:05" in problem.detail
        assert "tawny check --confirm-history" in problem.do
    (sentence,) = (await owner.get("/api/v1/history")).json()["contradictions"]
    assert sentence in problem.detail

    assert (await owner.post("/api/v1/history/confirm")).json() == {"contradictions": []}
    assert "history confirmed" in [one.action for one in house.accounts.audit(10)]
    assert (await owner.post(path, json={"witnesses": data["doubted"]})).json()["doubted"] == []
    assert list(start()()) == []


async def test_only_owners_present_and_confirm(thief: Thief, tmp_path: Path) -> None:
    """Anyone else could raise the problem at will, or end it."""
    house = make_house(tmp_path)
    for role in (Role.MEMBER, Role.VIEWER):
        browser = house.signed_in(role)
        assert (await browser.post("/api/v1/history/witnesses", json={"witnesses": []})).status_code == 403
        assert (await browser.post("/api/v1/history/confirm")).status_code == 403
    owner = house.signed_in(Role.OWNER)
    answer = await owner.post("/api/v1/history/witnesses", json={"witnesses": [FIRST.text]})
    assert answer.json() == {"current": None, "doubted": [FIRST.text]}, "on the fallback disk nothing can be compared"
    assert (await owner.post("/api/v1/history/confirm")).status_code == 404


def test_two_recorders_at_one_address_are_confirmed_once(thief: Thief) -> None:
    """As through an SSH tunnel: the browser presents the other one's witness, later also newer ones."""
    watch = watch_of(thief)
    assert watch.seen([FIRST.text], "A browser").doubted == [FIRST.text]
    watch.confirm()
    assert watch.seen([replace(FIRST, n=9, at_ms=FIRST.at_ms + 10**10).text], "A browser").doubted == []
    assert list(watch()) == []


def watch_of(thief: Thief) -> HistoryWatch:
    volume = Volume.at(thief.folder)
    return HistoryWatch(volume, SignedHistory.opened(volume.disk, thief.clock.now_ms()), thief.clock, "UTC")


# --- the mirror ------------------------------------------------------------------------------------------------------


def test_mirror_keeps_the_newer_history_and_tells(thief: Thief, tmp_path: Path) -> None:
    def mirrored() -> HistoryWatch:
        volume, index = Volume.at(thief.folder), MemoryIndex()
        rebuild(volume, index, HistoryJournal(volume.disk))
        mirror = Mirror(volume, index, thief.clock, tmp_path / "second", EASY)
        for _ in range(50):
            if mirror.step() > 0:
                break
        watch = HistoryWatch(volume, SignedHistory.opened(volume.disk, thief.clock.now_ms()), thief.clock, "UTC")
        list(watch())
        mirror.finish()
        return watch

    watch = mirrored()
    assert watch.contradictions() == []
    kept = (tmp_path / "second" / "history" / "signed" / "2026-11-20.jsonl").read_bytes()
    volumes = (thief.folder / "history" / "volumes.json").read_bytes()
    roll_back(thief)
    (thief.folder / "history" / "volumes.json").write_bytes(volumes)
    watch = mirrored()
    (sentence,) = watch.contradictions()
    assert sentence.startswith(f"The mirror at {tmp_path / 'second'} has seen this recorder's history as of")
    assert (tmp_path / "second" / "history" / "signed" / "2026-11-20.jsonl").read_bytes() == kept
    watch.confirm()
    watch = mirrored()
    assert watch.contradictions() == []


# --- what is no theft ------------------------------------------------------------------------------------------------


def test_retention_of_an_earlier_history_is_explained(thief: Thief) -> None:
    """The keys were lost and a new history began; files of the old one are removed as they grow old."""
    thief.remove_state()
    thief.start()
    thief.confirm()
    assert thief.check(deep=True) == []
    disk, index = Volume.at(thief.folder).disk, MemoryIndex()
    signed = SignedHistory.opened(disk, thief.clock.now_ms())
    volume = Volume(disk, signed)
    rebuild(volume, index, HistoryJournal(disk))
    ledger = HistoryLedger(HistoryJournal(volume.disk), index, thief.clock)
    old = index.oldest_segments(3)
    remove_segments(volume, index, ledger, thief.clock, [Removal(one, "older than 1 hour") for one in old])
    assert thief.check(deep=True) == []
    assert signed.state(thief.clock.now_ms())
    assert thief.check(deep=True) == []
    next(iter(thief.recordings(PORCH))).unlink()
    assert "signed, but neither present nor deleted" in " ".join(thief.check(deep=True))


def test_what_the_lost_history_had_no_time_to_state_is_explained(thief: Thief) -> None:
    """A backup of a running recorder without its keys: files were closed and removed after the last statement."""
    disk, index = Volume.at(thief.folder).disk, MemoryIndex()
    signed = SignedHistory.opened(disk, thief.clock.now_ms())
    volume = Volume(disk, signed)
    rebuild(volume, index, HistoryJournal(disk))
    ledger = HistoryLedger(HistoryJournal(volume.disk), index, thief.clock)
    removed = [Removal(one, "older than 1 hour") for one in index.oldest_segments(2)]
    remove_segments(volume, index, ledger, thief.clock, removed)
    run_recorder(thief.folder, KINDS["mixed"], "2026-11-20T01:50:00Z", 70, states=False)
    thief.remove_state()
    thief.start()
    thief.confirm()
    assert thief.check(deep=True) == []


def test_power_cut_at_the_first_statement_of_a_day_is_no_theft(thief: Thief) -> None:
    """Its day's line is there and nothing else; the next start writes the rest, with the same bytes."""
    watch, midnight = watch_of(thief), thief.history / "2026-11-21.jsonl"
    thief.clock.advance(86_400)
    volume = Volume.at(thief.folder)
    assert SignedHistory.opened(volume.disk, thief.clock.now_ms()).state(thief.clock.now_ms())
    whole = midnight.read_bytes()
    for left in (None, b"", whole[:40]):
        midnight.unlink(missing_ok=True)
        midnight.with_suffix(".list").unlink(missing_ok=True)
        if left is not None:
            midnight.write_bytes(left)
        assert watch.seen([thief.witness.text], "A browser").doubted == []
        assert thief.check(deep=True, with_witness=True) == []
    assert SignedHistory.opened(volume.disk, thief.clock.now_ms()).head is not None
    assert midnight.read_bytes() == whole

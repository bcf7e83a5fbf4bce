"""What every line promises, in memory and by WebSocket alike."""

import asyncio
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tawny.app.other_recorders import hub_problems
from tawny.config.fleet import FleetSettings
from tawny.fleet import box as fleet_box
from tawny.fleet import doubles, session
from tawny.fleet import hub as fleet_hub
from tawny.fleet.box import leave_hub
from tawny.fleet.fleet_index import EventQuestion
from tawny.fleet.hub import BoxOffline
from tawny.fleet.identity import comparison_words
from tawny.fleet.member_line import LineRefused
from tawny.fleet.message_link import MAX_PART_BYTES, LineClosed, MessageLink
from tawny.fleet.session import WINDOW_BYTES, Exchange, Kind, as_payload
from tawny.model.errors import DiskFull, NotDone
from tawny.model.ids import CameraId
from tests.fleet.rig import DAY, BoxRig, HubRig, dropped_line, event_line, eventually

ASK = {"method": "GET", "path": "/x", "query": "1", "headers": [], "person": "Anna", "role": "owner"}


async def body(exchange: Exchange) -> bytes:
    found = b""
    async with asyncio.timeout(20):
        while (frame := await exchange.receive()).kind is not Kind.END:
            found += frame.payload if frame.kind is Kind.DATA else b""
    return found


async def test_sc3_a_link_lets_one_recorder_join_once(rig: HubRig, box: BoxRig, tmp_path: Path) -> None:
    code, _ = rig.index.invite()
    carrier = await rig.carrier()
    _, welcome = await box.greet(carrier, rig.mark, code)
    await carrier.close()
    assert (welcome.box, welcome.hub) == ("shed", "All houses")
    other = BoxRig(tmp_path / "other")
    with pytest.raises(LineRefused, match="used already"):
        await other.greet(await rig.carrier(), rig.mark, code)
    assert [one.id for one in rig.index.boxes()] == ["shed"]


async def test_both_sides_show_the_same_four_words(rig: HubRig, box: BoxRig) -> None:
    welcome = await rig.join(box)
    own = comparison_words(rig.hub.public_key, box.key.public_key().public_bytes_raw())
    assert welcome.words == own == rig.index.boxes()[0].words
    assert len(own.split()) == 4


def test_a_second_file_of_the_first_day_makes_no_other_history(box: BoxRig) -> None:
    box.write(event_line("e1"))
    before = box.offer().history.book()
    box.write(event_line("e2"), DAY.replace(".jsonl", "-2.jsonl"))
    assert box.offer().history.book() == before


async def test_a_recorder_that_never_joined_is_refused(rig: HubRig, box: BoxRig) -> None:
    with pytest.raises(LineRefused):
        await box.greet(await rig.carrier(), rig.mark)


async def test_a_hub_with_another_key_gets_nothing(rig: HubRig, box: BoxRig) -> None:
    await rig.join(box)
    rig.hub.key = Ed25519PrivateKey.generate()
    mark = comparison_words(b"", b"")
    with pytest.raises(LineClosed, match="another key"):
        await box.greet(await rig.carrier(), mark)


async def test_lines_arrive_and_resent_lines_change_nothing(rig: HubRig, box: BoxRig) -> None:
    box.write(event_line("e1", 1000) + event_line("e2", 2000))
    await rig.join(box)
    async with rig.connected(box):
        await eventually(lambda: rig.events() == ["e2", "e1"], "the events")
        box.write(event_line("e3", 3000))
        await eventually(lambda: rig.events() == ["e3", "e2", "e1"], "a new event")
    async with rig.connected(box):
        assert rig.events() == ["e3", "e2", "e1"]
    size = (box.folder / "history" / DAY).stat().st_size
    assert rig.index.cursors("shed", box.offer().history.book()) == {DAY: size}


async def test_newer_files_come_first_and_older_lines_do_not_replace_newer_ones(rig: HubRig, box: BoxRig) -> None:
    box.write(event_line("e1", 1000, kept=False), "2026-11-19.jsonl")
    box.write(event_line("e1", 1000, kept=True) + event_line("e2", 2000), DAY)
    box.write(event_line("e0", 500) + dropped_line("e2"), "2026-11-20-2.jsonl")
    await rig.join(box)
    async with rig.connected(box):
        await eventually(lambda: len(rig.index.cursors("shed", box.offer().history.book())) == 3, "all files")
    found = rig.index.find(EventQuestion(("shed",)))
    assert [(one.event.id, one.event.kept) for one in found] == [("e1", True), ("e0", False)]


async def test_a_hub_that_lost_its_rows_is_filled_again(rig: HubRig, box: BoxRig) -> None:
    box.write(event_line("e1"))
    await rig.join(box)
    async with rig.connected(box):
        await eventually(lambda: rig.events() == ["e1"], "the event")
    rig.index.refill("shed")
    assert rig.events() == []
    async with rig.connected(box):
        await eventually(lambda: rig.events() == ["e1"], "the event again")


async def test_a_restored_recorder_begins_again_and_nothing_mixes(rig: HubRig, box: BoxRig) -> None:
    box.write(event_line("before"))
    await rig.join(box)
    async with rig.connected(box):
        await eventually(lambda: rig.events() == ["before"], "the event")
    (box.folder / "history" / DAY).write_bytes(event_line("after") + event_line("after-2"))
    async with rig.connected(box):
        await eventually(lambda: sorted(rig.events()) == ["after", "after-2"], "the new history alone")


async def test_a_history_that_became_shorter_is_sent_again(rig: HubRig, box: BoxRig) -> None:
    first = event_line("e1")
    box.write(first + event_line("e2"))
    await rig.join(box)
    async with rig.connected(box):
        await eventually(lambda: len(rig.events()) == 2, "both events")
    (box.folder / "history" / DAY).write_bytes(first)
    async with rig.connected(box):
        await eventually(lambda: rig.events() == ["e1"], "what is there")


async def test_a_restored_history_that_outgrew_the_former_one_is_sent_again(rig: HubRig, box: BoxRig) -> None:
    first = event_line("e1")
    box.write(first + event_line("e2"))
    await rig.join(box)
    async with rig.connected(box):
        await eventually(lambda: len(rig.events()) == 2, "both events")
    (box.folder / "history" / DAY).write_bytes(first + event_line("n2") + event_line("n3"))
    async with rig.connected(box):
        await eventually(lambda: sorted(rig.events()) == ["e1", "n2", "n3"], "what is there")


async def test_hashes_of_lines_that_were_stored_meanwhile_are_not_those_of_the_cursors(
    rig: HubRig, box: BoxRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A former line that still stores what it has must not make the box send everything again."""
    known = rig.index.line_hashes
    monkeypatch.setattr(
        rig.index, "line_hashes", lambda of: {file: (end + 7, "x") for file, (end, _) in known(of).items()}
    )
    box.write(event_line("e1"))
    await rig.join(box)
    async with rig.connected(box):
        await eventually(lambda: rig.events() == ["e1"], "the event")
    refilled: list[str] = []
    monkeypatch.setattr(rig.index, "refill", refilled.append)
    box.write(event_line("e2"))
    async with rig.connected(box):
        await eventually(lambda: "e2" in rig.events(), "the next event")
    assert refilled == []


async def test_cursors_without_hashes_go_on_as_before(
    rig: HubRig, box: BoxRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    box.write(event_line("e1"))
    await rig.join(box)
    async with rig.connected(box):
        await eventually(lambda: rig.events() == ["e1"], "the event")
    refilled: list[str] = []
    monkeypatch.setattr(rig.index, "line_hashes", lambda _box: {})  # they were stored by an earlier version
    monkeypatch.setattr(rig.index, "refill", refilled.append)
    box.write(event_line("e2"))
    async with rig.connected(box):
        await eventually(lambda: sorted(rig.events()) == ["e1", "e2"], "the new event")
    assert refilled == []


async def test_a_hub_whose_disk_is_full_keeps_the_line_and_stores_later(
    rig: HubRig, box: BoxRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_full = True

    def unless_full(write: Callable[..., Any]) -> Callable[..., Any]:
        def tried(*values: Any) -> Any:
            if is_full:
                raise DiskFull("/data/hub.db")
            return write(*values)

        return tried

    monkeypatch.setattr(fleet_hub, "STORE_AGAIN_S", 0.01)
    box.write(event_line("e1"))
    await rig.join(box)
    for name in ("add", "note", "put_recorded"):
        monkeypatch.setattr(rig.index, name, unless_full(getattr(rig.index, name)))
    async with rig.connected(box) as line:
        await eventually(lambda: rig.hub.storage_problem() is not None, "the problem")
        exchange = await rig.hub.ask("shed", ASK)
        await exchange.send(Kind.END)
        assert await body(exchange) == b"/x"
        assert "The disk at /data/hub.db is full." in next(hub_problems(rig.hub)).detail
        is_full = False
        await eventually(lambda: rig.events() == ["e1"], "the event")
        await eventually(lambda: rig.hub.storage_problem() is None, "the end of the problem")
        assert not line.done()


async def test_a_recorder_that_a_full_hub_cannot_take_is_told_why(
    rig: HubRig, box: BoxRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise DiskFull("/data/hub.db")

    await rig.join(box)
    monkeypatch.setattr(rig.index, "cursors", fails)
    with pytest.raises(LineRefused, match="can't store anything"):
        await box.greet(await rig.carrier(), rig.mark)
    await eventually(lambda: rig.hub.storage_problem() is not None, "the problem")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "BEAT_S", session.BEAT_S / 8)
    monkeypatch.setattr(session, "SILENT_S", session.SILENT_S / 8)
    monkeypatch.setattr(doubles, "ALIVE_S", doubles.ALIVE_S / 8)


@pytest.mark.usefixtures("quick")
async def test_a_second_recorder_with_the_same_key_is_refused_while_the_first_is_there(
    rig: HubRig, box: BoxRig, tmp_path: Path
) -> None:
    box.said, other = {"instance": "a"}, BoxRig(tmp_path / "other", key=box.key, said={"instance": "b"})
    other.name = "Barn"
    box.write(event_line("e1"))
    other.write(event_line("of another history"))
    await rig.join(box)
    async with rig.connected(box) as line:
        await eventually(lambda: rig.events() == ["e1"], "the event")
        with pytest.raises(LineRefused, match="another recorder with the same key is connected"):
            await other.greet(await rig.carrier(), rig.mark)
        assert (rig.hub.doubles.names(), rig.events(), line.done()) == (["Shed"], ["e1"], False)
        assert rig.index.boxes()[0].name == "Shed"
        assert "the key of Shed" in next(hub_problems(rig.hub)).detail
    async with rig.connected(other):
        assert rig.hub.is_online("shed")


@pytest.mark.usefixtures("quick")
async def test_a_copy_that_leaves_the_hub_removes_no_other_recorder(
    rig: HubRig, box: BoxRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dial(*_: object) -> MessageLink:
        return await rig.carrier()

    monkeypatch.setattr(fleet_box, "dial", dial)
    chosen, box.said = FleetSettings(hub="http://hub", hub_key=rig.mark), {"instance": "a"}
    box.write(event_line("e1"))
    await rig.join(box)
    async with rig.connected(box) as line:
        await eventually(lambda: rig.events() == ["e1"], "the event")
        with pytest.raises(NotDone, match="keeps another one with the same key"):
            await leave_hub(chosen, box.key, "b")
        assert (rig.events(), line.done()) == (["e1"], False)
        await leave_hub(chosen, box.key, "a")
        await eventually(lambda: rig.index.boxes() == [], "the hub to forget it")


@pytest.mark.usefixtures("quick")
async def test_a_hub_that_cannot_delete_a_recorder_that_leaves_says_so(
    rig: HubRig, box: BoxRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dial(*_: object) -> MessageLink:
        return await rig.carrier()

    monkeypatch.setattr(fleet_box, "dial", dial)
    await rig.join(box)
    monkeypatch.setattr(rig.index, "revoke", Mock(side_effect=DiskFull("/data/hub.db")))
    with pytest.raises(NotDone, match="the hub can't store anything"):
        await leave_hub(FleetSettings(hub="http://hub", hub_key=rig.mark), box.key, "")


@pytest.mark.parametrize("instance", ["a", "b", ""])
async def test_a_recorder_comes_back_while_its_former_line_still_seems_open(
    rig: HubRig, box: BoxRig, instance: str
) -> None:
    """After a power cut, with another network, or as an earlier version, which has no instance."""
    box.said = {"instance": "a"}
    await rig.join(box)
    former = await rig.carrier()
    await box.greet(former, rig.mark)  # and is silent from now on
    await eventually(lambda: rig.hub.is_online("shed"), "the first line")
    box.said = {"instance": instance}
    async with rig.connected(box):
        assert rig.hub.is_online("shed")
    assert rig.hub.doubles.names() == []
    await former.close()


async def test_a_name_that_was_changed_arrives_and_the_address_stays(rig: HubRig, box: BoxRig) -> None:
    await rig.join(box)
    box.name = "Harbour shop"
    async with rig.connected(box):
        assert rig.index.boxes()[0].name == "Shed"  # it may have joined by that name
    box.said = {"renamed": True}
    async with rig.connected(box):
        assert [(one.id, one.name) for one in rig.index.boxes()] == [("shed", "Harbour shop")]
        assert rig.hub.states()[0].box.name == "Harbour shop"
    box.name, box.said = "Shop 12", {}
    assert ((await rig.join(box)).box, rig.index.boxes()[0].name) == ("shed", "Shop 12")


async def test_the_name_of_a_recorder_is_right_again_after_its_hub_or_itself_was_restored(
    rig: HubRig, box: BoxRig
) -> None:
    def name() -> str:
        return rig.index.boxes()[0].name

    await rig.join(box)
    async with rig.connected(box):
        pass
    box.name, box.said = "Harbour shop", {"renamed": True}
    async with rig.connected(box):
        assert name() == "Harbour shop"
        await eventually(lambda: rig.index.boxes()[0].called == "Harbour shop", "the line to store what it is called")
    box.said = {}
    rig.index.rename("shed", "Shed")  # as an older backup of the hub has it
    rig.index.note("shed", "1", (), {"called": "Shed"})
    async with rig.connected(box):
        assert name() == "Harbour shop"
    box.name = "Shed"  # as an older backup of the recorder has it
    async with rig.connected(box):
        assert name() == "Shed"


async def test_a_name_of_the_hub_alone_stays_until_the_recorder_gets_another(rig: HubRig, box: BoxRig) -> None:
    await rig.join(box)
    async with rig.connected(box):
        pass
    own, box.name = box.name, "Shop 12"
    await rig.join(box)
    box.name = own
    for _ in range(2):
        async with rig.connected(box):
            assert rig.index.boxes()[0].name == "Shop 12"


async def test_joining_again_keeps_last_pictures_and_health(rig: HubRig, box: BoxRig) -> None:
    await rig.join(box)
    async with rig.connected(box):
        pass
    status = {"cameras": [{"id": "porch", "name": "Porch", "state": "recording"}]}
    rig.index.note("shed", "1", box.allow, status | {"called": box.name})
    rig.index.keep_picture("shed", CameraId("porch"), b"jpeg")
    await rig.join(box)
    [known] = rig.index.boxes()
    assert (known.status, known.called) == (status, "")
    assert rig.index.picture("shed", CameraId("porch")) is not None


async def test_only_what_is_allowed_is_sent(rig: HubRig, box: BoxRig) -> None:
    box.write(event_line("e1"))
    box.allow = ("clips",)
    await rig.join(box)
    async with rig.connected(box):
        exchange = await rig.hub.ask("shed", ASK)
        await exchange.send(Kind.END)
        assert await body(exchange) == b"/x"
    assert rig.events() == []
    assert rig.hub.states()[0].status == {}


async def test_a_long_answer_comes_in_parts_and_waits_for_its_reader(rig: HubRig, box: BoxRig) -> None:
    sent: list[int] = []

    async def long(_: Mapping[str, Any], exchange: Exchange) -> None:
        await exchange.send(Kind.HEAD, as_payload({"status": 200, "headers": []}))
        for _number in range(40):
            await exchange.send(Kind.DATA, bytes(MAX_PART_BYTES // 4))
            sent.append(1)

    box.answer = long
    await rig.join(box)
    async with rig.connected(box):
        exchange = await rig.hub.ask("shed", ASK)
        await exchange.send(Kind.END)
        await exchange.receive()
        await eventually(lambda: len(sent) >= WINDOW_BYTES // (MAX_PART_BYTES // 4), "the window to be full")
        other = await rig.hub.ask("shed", ASK)  # the slow reader holds up nobody else
        other.close()
        assert len(sent) <= WINDOW_BYTES // (MAX_PART_BYTES // 4) + 1
        assert len(await body(exchange)) == 40 * MAX_PART_BYTES // 4


async def test_requests_are_answered_side_by_side_and_bounded(rig: HubRig, box: BoxRig) -> None:
    box.allow = ("live",)  # so that the hub doesn't ask what was recorded
    await rig.join(box)
    async with rig.connected(box):
        asked = [await rig.hub.ask("shed", ASK | {"path": f"/{number}"}) for number in range(32)]
        with pytest.raises(Exception, match="too many requests"):
            await rig.hub.ask("shed", ASK)
        for exchange in asked:
            await exchange.send(Kind.END)
        assert [await body(one) for one in asked] == [f"/{number}".encode() for number in range(32)]


async def test_sc8_a_recorder_that_is_offline_is_said_to_be_at_once(rig: HubRig, box: BoxRig) -> None:
    await rig.join(box)
    with pytest.raises(BoxOffline):
        await rig.hub.ask("shed", ASK)


async def test_a_request_under_way_ends_when_the_recorder_goes(rig: HubRig, box: BoxRig) -> None:
    async def never(_: Mapping[str, Any], exchange: Exchange) -> None:
        await asyncio.Event().wait()

    box.answer = never
    await rig.join(box)
    async with rig.connected(box) as task:
        exchange = await rig.hub.ask("shed", ASK)
        task.cancel()
        with pytest.raises(LineClosed):
            async with asyncio.timeout(10):
                while True:
                    await exchange.receive()


async def test_revoked_means_out_and_forgotten(rig: HubRig, box: BoxRig) -> None:
    box.write(event_line("e1"))
    await rig.join(box)
    async with rig.connected(box) as task:
        await eventually(lambda: rig.events() == ["e1"], "the event")
        began_s = asyncio.get_running_loop().time()
        assert await rig.hub.revoke("shed")
        await asyncio.wait({task}, timeout=10)
        assert task.done()
        assert asyncio.get_running_loop().time() - began_s < 4
    assert (rig.index.boxes(), rig.events()) == ([], [])
    with pytest.raises(LineRefused, match="this recorder isn't known there: it was removed, or an older backup"):
        await box.greet(await rig.carrier(), rig.mark)


async def test_a_revocation_by_another_process_counts_within_a_second(rig: HubRig, box: BoxRig) -> None:
    await rig.join(box)
    async with rig.connected(box) as task:
        rig.index.revoke("shed")  # as `tawny hub revoke` does
        await asyncio.wait({task}, timeout=10)
        assert task.done()


async def test_health_that_is_no_longer_allowed_is_forgotten(rig: HubRig, box: BoxRig) -> None:
    await rig.join(box)
    async with rig.connected(box):
        await eventually(lambda: rig.hub.states()[0].status.get("working") == 1, "the status")
    box.allow = ("events", "live")
    async with rig.connected(box):
        assert rig.hub.states()[0].status == {}
    assert rig.hub.states()[0].status == {}


async def test_status_is_known_also_of_a_recorder_that_is_offline(rig: HubRig, box: BoxRig) -> None:
    await rig.join(box)
    async with rig.connected(box):
        await eventually(lambda: rig.hub.states()[0].status.get("working") == 1, "the status")
        assert rig.hub.states()[0].is_online
    [state] = rig.hub.states()
    assert (state.is_online, state.status["working"], state.version) == (False, 1, "1")
    assert json.dumps(dict(state.status))


class SlowLink:
    """A link whose messages need time by their size."""

    def __init__(self, link: MessageLink, bytes_a_second: float) -> None:
        self._link, self._bytes_a_second = link, bytes_a_second

    async def send(self, message: bytes) -> None:
        await asyncio.sleep(len(message) / self._bytes_a_second)
        await self._link.send(message)

    async def receive(self) -> bytes:
        return await self._link.receive()

    async def close(self) -> None:
        await self._link.close()


async def test_history_arrives_over_an_uplink_of_64_kbit_s(
    rig: HubRig, box: BoxRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it eight times as quick here, with an answer to a request at the same time."""
    monkeypatch.setattr(session, "SILENT_S", session.SILENT_S / 8)
    monkeypatch.setattr(session, "BEAT_S", session.BEAT_S / 8)
    monkeypatch.setattr(fleet_box, "SLOW_S", fleet_box.SLOW_S / 8)
    monkeypatch.setattr(fleet_box, "QUICK_S", fleet_box.QUICK_S / 8)
    box.write(b"".join(event_line(f"e{number}", number) for number in range(400)))
    await rig.join(box)
    carrier, quick = rig.carrier, 8 * 64_000 / 8

    async def slow() -> MessageLink:
        return SlowLink(await carrier(), quick)

    rig.carrier = slow
    async with rig.connected(box) as line:
        asked = await rig.hub.ask("shed", ASK | {"query": str(session.WINDOW_BYTES // 2)})
        await asked.send(Kind.END)
        reading = asyncio.create_task(body(asked))
        size = (box.folder / "history" / DAY).stat().st_size
        book = box.offer().history.book()
        await eventually(lambda: rig.index.cursors("shed", book).get(DAY) == size or line.done(), "all of it", 60)
        assert not line.done()
        reading.cancel()


@pytest.mark.parametrize("most_bytes", [1, 100, 250, 4096, 128 * 1024])
def test_each_line_is_in_one_piece_however_small_pieces_are(box: BoxRig, most_bytes: int) -> None:
    lines = [event_line(f"e{number}", kind="k" * (number * 40)) for number in range(30)]
    box.write(b"".join(lines) + b'{"torn')
    reader, cursors, found = box.offer().history, dict[str, int](), b""
    while (piece := reader.next_piece(cursors, most_bytes)) is not None:
        assert piece.data.endswith(b"\n")
        assert len(piece.data) <= most_bytes or piece.data.count(b"\n") == 1
        found += piece.data
        cursors[piece.file] = piece.end
    assert found == b"".join(lines)

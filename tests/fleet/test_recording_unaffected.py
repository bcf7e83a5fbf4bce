"""The hub is absent, slow, or full: the box goes on, in bounded memory."""

import asyncio
import itertools
import json
import tracemalloc
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tawny.config.fleet import FleetSettings, NatsLogin
from tawny.fleet import box as fleet_box
from tawny.fleet.box import FIRST_PIECE_BYTES, FleetMember, HubConnection, MemberState, greet
from tawny.fleet.history_reader import HistoryPiece
from tawny.fleet.identity import fingerprint, save_key
from tawny.fleet.message_link import LineClosed, MemoryLink, MessageLink, WebSocketLink, open_as_box, open_as_hub
from tawny.fleet.session import Exchange, Kind, LineFrame, LineSession, as_payload, decode_frame
from tawny.fleet.sqlite_fleet_index import SqliteFleetIndex
from tawny.model.errors import DiskFull
from tawny.testing.clock import FakeClock
from tests.api.fakes import House
from tests.fleet.rig import DAY, BoxRig, event_line, eventually, hub_rig

MOST_BYTES = 16 * 1024 * 1024
HUB = Ed25519PrivateKey.generate()
MARK = fingerprint(HUB.public_key().public_bytes_raw())


async def test_a_hub_that_is_absent_is_asked_again_and_again(tmp_path: Path, box: BoxRig) -> None:
    """Nothing listens on this port; the box stays as it is, and leaves once the settings say so."""
    save_key(tmp_path, box.key)
    settings = [FleetSettings(hub="http://127.0.0.1:9", hub_key=MARK)]
    member = FleetMember(tmp_path, lambda: settings[0], box.offer)
    member.start()
    await eventually(lambda: member.state is MemberState.OFFLINE and member.detail != "", "the hub to be missed")
    assert "cannot connect" in member.detail
    settings[0] = FleetSettings()
    member.changed()
    await eventually(lambda: member.state is MemberState.NONE, "the end of it")
    await member.close()


@pytest.mark.parametrize("to", ["https://hub.example", "ws://127.0.0.1:9"])
async def test_an_address_that_leads_elsewhere_is_said_to(tmp_path: Path, box: BoxRig, to: str) -> None:
    """A reverse proxy in front of the hub does that. It is not followed: the settings may change."""

    async def answer_with_redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        there = f"{to}/api/v1/fleet/line".encode()
        writer.write(b"HTTP/1.1 301 Moved\r\nLocation: " + there + b"\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer_with_redirect, "127.0.0.1", 0)
    save_key(tmp_path, box.key)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    member = FleetMember(tmp_path, lambda: FleetSettings(hub=url, hub_key=MARK), box.offer)
    member.start()
    await eventually(lambda: member.state is MemberState.OFFLINE and member.detail != "", "the hub to be missed")
    assert member.detail == f"{url} leads to {to}; use that address"
    await member.close()
    server.close()


async def test_a_name_that_cannot_be_one_is_said_to_be() -> None:
    with pytest.raises(LineClosed, match="not a valid name"):
        await WebSocketLink.open(f"http://{'a' * 70}.example")


async def test_other_settings_leave_the_line_as_it_is(house: House, box: BoxRig, tmp_path: Path) -> None:
    """Renaming a camera must not stop the video that people at the hub see; what is allowed counts at once."""
    async with hub_rig("websocket", house) as rig:
        await rig.join(box)
        save_key(tmp_path, box.key)
        settings = [FleetSettings(hub=rig.url, hub_key=rig.mark)]
        member = FleetMember(tmp_path, lambda: settings[0], box.offer)
        member.start()
        await eventually(lambda: member.state is MemberState.ONLINE and rig.hub.is_online("shed"), "the line")
        asked = await rig.hub.ask("shed", {"path": "/one", "query": ""})
        member.changed()
        await asked.send(Kind.END)
        assert (await asked.receive()).kind is Kind.HEAD
        former = member.welcome
        settings[0] = FleetSettings(hub=rig.url, hub_key=rig.mark, allow=("health",))
        member.changed()
        await eventually(lambda: member.welcome is not former, "a line with the new rights")
        await member.close()


async def test_a_slow_hub_costs_a_box_at_most_16_mb(box: BoxRig) -> None:
    """It opens all requests that it may, and reads nothing: neither answers nor 40 MB of history."""
    answered = bytes(1024 * 1024)

    async def much(_: Mapping[str, Any], exchange: Exchange) -> None:
        await exchange.send(Kind.HEAD, as_payload({"status": 200, "headers": []}))
        for _number in range(100):
            await exchange.send(Kind.DATA, answered)

    box.answer = much
    line = event_line("e", kind="k" * 1000)
    box.write(line * (40_000_000 // len(line)))
    hub_end, box_end = MemoryLink.pair()

    async def slow() -> None:
        link = await open_as_hub(hub_end, HUB)
        await link.receive()
        await link.send(LineFrame(Kind.WELCOME, 0, as_payload({"cursors": {}})).encoded())
        for number in range(1, 33):
            await link.send(LineFrame(Kind.OPEN, number, as_payload({"path": "/"})).encoded())
        while True:
            await link.send(LineFrame(Kind.BEAT, 0, b"").encoded())
            await asyncio.sleep(0.5)

    task = asyncio.create_task(slow())
    secure = await open_as_box(box_end, box.key, MARK)
    await greet(secure, {"book": ""})
    tracemalloc.start()
    serving = asyncio.create_task(HubConnection(secure, box.offer(), {}).serve())
    await asyncio.wait({serving}, timeout=3)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert not serving.done()
    assert peak_bytes < MOST_BYTES
    for each in (serving, task):
        each.cancel()
    await asyncio.gather(serving, task, return_exceptions=True)


async def test_what_a_browser_leaves_ends_on_the_other_side_of_a_slow_line() -> None:
    """The request is cancelled while nothing can be sent; else the box would go on sending, and count it as open."""
    here, there = MemoryLink.pair()
    session = LineSession(here)
    exchange = session.exchanges[1] = Exchange(session, 1)
    running = asyncio.create_task(session.run())

    async def fill() -> None:
        while True:
            await exchange.send(Kind.DATA, b"x")

    filling = asyncio.create_task(fill())
    await asyncio.wait({filling}, timeout=0.2)
    exchange.close()
    filling.cancel()

    async def read_to_its_end() -> None:
        while decode_frame(await there.receive()).kind is not Kind.END:
            pass

    await asyncio.wait_for(read_to_its_end(), 10)
    running.cancel()
    await asyncio.gather(filling, running, return_exceptions=True)


class FullIndex(SqliteFleetIndex):
    """Its disk is full while `is_full`."""

    is_full = True

    def add(self, box: str, piece: HistoryPiece) -> int:
        if self.is_full:
            raise DiskFull("hub.db")
        return super().add(box, piece)


async def test_a_full_hub_is_filled_once_it_has_room(
    house: House, box: BoxRig, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tawny.fleet.hub.STORE_AGAIN_S", 0.01)
    box.write(event_line("e"))
    async with hub_rig("memory", house) as rig:
        index = FullIndex(":memory:", FakeClock())
        rig.hub.index = rig.index = index
        await rig.join(box)
        async with rig.connected(box) as task:
            await eventually(lambda: "cannot store what a recorder has sent" in caplog.text, "the reason")
            index.is_full = False
            await eventually(lambda: rig.events() == ["e"], "the event")
            assert not task.done()


class EndingIndex(SqliteFleetIndex):
    """Ends the line, as a hub of an earlier version did when its disk was full."""

    def add(self, box: str, piece: HistoryPiece) -> int:
        raise LineClosed("its disk is full")


async def test_a_hub_that_ends_each_line_is_not_dialled_all_the_time(
    house: House, box: BoxRig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each line comes up, and ends with the first piece of history: that is no success."""
    monkeypatch.setattr("tawny.fleet.box.RETRY_S", (0.05, 30.0))
    box.write(event_line("e"))
    dialled: list[float] = []
    dial = fleet_box.dial

    async def counted(url: str, hub: str, login: NatsLogin) -> MessageLink:
        dialled.append(asyncio.get_running_loop().time())
        return await dial(url, hub, login)

    monkeypatch.setattr(fleet_box, "dial", counted)
    async with hub_rig("websocket", house) as rig:
        await rig.join(box)
        rig.hub.index = EndingIndex(":memory:", FakeClock())
        code, _ = rig.hub.index.invite()
        rig.hub.index.join(code, "Shed", box.key.public_key().public_bytes_raw(), "words")
        save_key(tmp_path, box.key)
        settings = FleetSettings(hub=rig.url, hub_key=rig.mark)
        member = FleetMember(tmp_path, lambda: settings, box.offer)
        member.start()
        await eventually(lambda: len(dialled) >= 6, "the sixth try")
        await member.close()
    waits = [after - before for before, after in itertools.pairwise(dialled)]
    assert waits[4] > 0.05 * 2**4 * 0.8


@pytest.mark.parametrize(("took_ms", "pieces"), [(10_000, 3), (0, 7), ("much", 7)])
async def test_a_busy_hub_gets_larger_pieces_than_a_slow_uplink(
    box: BoxRig, monkeypatch: pytest.MonkeyPatch, took_ms: object, pieces: int
) -> None:
    """Each piece is a commit: small ones would make a hub slower that 50 boxes fill at once. Of 16 kB, 32 kB, …"""
    monkeypatch.setattr(fleet_box, "QUICK_S", -1.0)
    line = event_line("e")
    box.write(line * (7 * (FIRST_PIECE_BYTES // len(line))))
    size = (box.folder / "history" / DAY).stat().st_size
    hub_end, box_end = MemoryLink.pair()

    async def hub() -> int:
        link = await open_as_hub(hub_end, HUB)
        await link.receive()
        await link.send(LineFrame(Kind.WELCOME, 0, as_payload({"cursors": {}})).encoded())
        number = end = 0
        while end < size:
            frame = decode_frame(await link.receive())
            if frame.kind is Kind.LINES:
                number, end = number + 1, json.loads(frame.payload.partition(b"\n")[0])["end"]
                data = {"file": DAY, "offset": end, "took_ms": took_ms}
                await link.send(LineFrame(Kind.CURSOR, 0, as_payload(data)).encoded())
        return number

    filling = asyncio.create_task(hub())
    secure = await open_as_box(box_end, box.key, MARK)
    await greet(secure, {"book": ""})
    serving = asyncio.create_task(HubConnection(secure, box.offer(), {}).serve())
    assert await asyncio.wait_for(filling, 20) == pieces
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)

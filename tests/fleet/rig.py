"""A hub with its lines, in memory, by WebSocket or by NATS, and boxes that connect to it."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tawny.api.auth.accounts import Role
from tawny.api.server import WebServer
from tawny.config.fleet import HubNatsSettings, NatsLogin
from tawny.engine.connections import ConnectionManager
from tawny.fleet.box import BoxOffer, HubConnection, Welcome, greet
from tawny.fleet.fleet_index import EventQuestion, FleetIndex
from tawny.fleet.history_reader import FOLDER, HistoryReader
from tawny.fleet.hub import FleetHub
from tawny.fleet.identity import fingerprint
from tawny.fleet.message_link import LineClosed, MemoryLink, MessageLink, SecureLink, WebSocketLink, open_as_box
from tawny.fleet.nats_link import NatsLink, NatsListener
from tawny.fleet.recorded_time import RECORDED_PATH
from tawny.fleet.session import Exchange, Kind, as_payload
from tawny.fleet.sqlite_fleet_index import SqliteFleetIndex
from tawny.storage.disk.disk import RealDisk
from tawny.testing.clock import FakeClock
from tests.api.fakes import House

EVERYTHING = ("health", "events", "live", "clips", "orders")
DAY = "2026-11-20.jsonl"
Carrier = Callable[[], Awaitable[MessageLink]]


def event_line(event: str, start_ms: int = 1_000_000, **more: Any) -> bytes:
    """A line of history about an event."""
    record = {
        "id": event, "camera": "front", "kind": "person", "start_ms": start_ms, "end_ms": start_ms + 5000,
        "score": 80.0, "box": None, "zones": [], "objects": [], "kept": False, "reviewed": False,
        "picture_ms": None, **more,
    }  # fmt: skip
    return json.dumps({"at_ms": start_ms, "what": "event", "event": record}).encode() + b"\n"


def dropped_line(event: str) -> bytes:
    return json.dumps({"at_ms": 5, "what": "event_dropped", "event_dropped": {"id": event}}).encode() + b"\n"


async def answer_path(request: Mapping[str, Any], exchange: Exchange) -> None:
    """Answer with the path that was asked for, twice as often as `query` says."""
    while (await exchange.receive()).kind is Kind.DATA:
        pass
    await exchange.send(Kind.HEAD, as_payload({"status": 200, "headers": [["content-type", "text/plain"]]}))
    await exchange.send(Kind.DATA, str(request["path"]).encode() * int(request.get("query") or 1))


async def answer_json(data: Mapping[str, Any], exchange: Exchange, status: int = 200) -> None:
    while (await exchange.receive()).kind is Kind.DATA:
        pass
    await exchange.send(Kind.HEAD, as_payload({"status": status, "headers": [["content-type", "application/json"]]}))
    await exchange.send(Kind.DATA, json.dumps(data).encode())


@dataclass
class BoxRig:
    """A recorder with its history in a folder. recorded: what it answers to the hub's own question, by its query.

    statuses: of its first answers to that; 200 afterwards. cameras: in its health.
    """

    folder: Path
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    allow: tuple[str, ...] = EVERYTHING
    answer: Any = answer_path
    recorded: Callable[[str], Mapping[str, Any]] = lambda _query: {"now_ms": 1_000_000, "cameras": []}
    statuses: Iterator[int] = field(default_factory=lambda: iter(()))
    cameras: Sequence[Mapping[str, Any]] = ()
    name: str = "Shed"
    said: Mapping[str, Any] = field(default_factory=dict)
    """More of its hello."""

    def write(self, lines: bytes, file: str = DAY) -> None:
        path = self.folder / FOLDER / file
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as out:
            out.write(lines)

    def offer(self) -> BoxOffer:
        status = {"working": 1, "expected": 1, "cameras": list(self.cameras)}
        history = HistoryReader(RealDisk(self.folder))
        return BoxOffer(self.name, "1", self.allow, history, lambda: status, self._answer)

    async def _answer(self, request: Mapping[str, Any], exchange: Exchange) -> None:
        if request["path"] == RECORDED_PATH:
            await answer_json(self.recorded(str(request["query"])), exchange, next(self.statuses, 200))
        else:
            await self.answer(request, exchange)

    async def greet(self, carrier: MessageLink, hub: str, code: str | None = None) -> tuple[SecureLink, Welcome]:
        offer = self.offer()
        self.folder.mkdir(parents=True, exist_ok=True)
        hello: dict[str, Any] = {"name": self.name, "version": "1", "allow": list(self.allow), **self.said}
        hello["book"] = "" if code else await asyncio.to_thread(offer.history.book)
        try:
            secure = await open_as_box(carrier, self.key, hub)
            return secure, await greet(secure, hello | ({"code": code} if code else {}))
        except LineClosed:
            await carrier.close()
            raise


@dataclass
class HubRig:
    hub: FleetHub
    index: FleetIndex
    carrier: Carrier
    url: str
    connections: ConnectionManager
    """Of the hub's web server."""

    @property
    def mark(self) -> str:
        return fingerprint(self.hub.public_key)

    async def join(self, box: BoxRig) -> Welcome:
        code, _ = self.index.invite()
        carrier = await self.carrier()
        try:
            welcome = (await box.greet(carrier, self.mark, code))[1]
        finally:
            await carrier.close()
        await eventually(lambda: not self.hub.is_online(welcome.box), "the end of the first line")
        return welcome

    @asynccontextmanager
    async def connected(self, box: BoxRig) -> AsyncIterator["asyncio.Task[None]"]:
        """The box is online; the task ends with the line."""
        carrier = await self.carrier()
        secure, welcome = await box.greet(carrier, self.mark)
        task = asyncio.create_task(
            HubConnection(secure, box.offer(), dict(welcome.cursors), welcome.line_hashes).serve()
        )
        await eventually(lambda: self.hub.is_online(welcome.box) or task.done(), "the box to be online")
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await carrier.close()
            await eventually(lambda: not self.hub.is_online(welcome.box), "the box to be offline")

    def events(self) -> list[str]:
        boxes = [one.id for one in self.index.boxes()]
        return [one.event.id for one in self.index.find(EventQuestion(tuple(boxes), limit=100))]


async def eventually(is_true: Callable[[], bool], what: str, within_s: float = 60.0) -> None:
    try:
        async with asyncio.timeout(within_s):
            while not is_true():
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"waited {within_s} s for {what}") from None


@asynccontextmanager
async def hub_rig(
    kind: str,
    house: House,
    where: Path | str = ":memory:",
    nats: HubNatsSettings | None = None,
    login: NatsLogin | None = None,
) -> AsyncIterator[HubRig]:
    """kind: how messages travel. nats: the server, for `nats`. login: of boxes there."""
    index: FleetIndex = SqliteFleetIndex(where, FakeClock())
    hub = FleetHub(index, Ed25519PrivateKey.generate(), lambda: "All houses")
    hub.start()
    served: set[asyncio.Task[None]] = set()

    async def in_memory() -> MessageLink:
        one, other = MemoryLink.pair()
        served.add(asyncio.create_task(hub.accept(one)))
        return other

    house.site.hub = hub
    server = WebServer(house.app, house.accounts, "127.0.0.1", 0)
    if kind == "websocket":
        house.accounts.put_person("Anna", Role.OWNER)
        await server.start()
    nats = nats or HubNatsSettings()
    mark = fingerprint(hub.public_key)
    listener = NatsListener(nats, mark, hub.accept)
    if kind == "nats":
        listener.start()
        await eventually(lambda: listener.is_listening, "the hub to listen")
    carriers: dict[str, Carrier] = {
        "nats": lambda: NatsLink.open(nats.address, mark, login or NatsLogin()),
        "memory": in_memory,
        "websocket": lambda: WebSocketLink.open(f"http://{server.address}"),
    }
    try:
        urls = {"websocket": f"http://{server.address}", "nats": nats.address, "memory": ""}
        yield HubRig(hub, index, carriers[kind], urls[kind], server.connections)
    finally:
        await hub.close()
        await listener.close()
        await asyncio.wait_for(asyncio.gather(*served, return_exceptions=True), 20)
        await server.stop()
        index.close()

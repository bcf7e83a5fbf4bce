"""The hub: accepts boxes, stores what they send, and asks them what people want to see.

Asking a box that is offline fails at once. Revoking a box, here or by `tawny hub revoke`, ends its line within a
second.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tawny.config.fleet import SHARES
from tawny.fleet.fleet_index import Box, FleetIndex
from tawny.fleet.history_reader import HistoryPiece
from tawny.fleet.identity import comparison_words
from tawny.fleet.message_link import OPEN_TIMEOUT_S, LineClosed, MessageLink, open_as_hub
from tawny.fleet.recorded_time import RecordedTimeReader
from tawny.fleet.session import MOST_EXCHANGES, Exchange, Kind, LineFrame, LineSession, as_payload, decode_frame
from tawny.model.errors import NotDone, StorageError

log = logging.getLogger(__name__)
MOST_BOXES: Final = 512
"""Connected at the same time."""
LOOK_S: Final = 0.5
"""Interval in s at which the hub looks which boxes were revoked."""
NOTE_S: Final = 60.0
"""Interval in s at which it stores when a connected box was last there."""
MOST_STATUS_BYTES: Final = 128 * 1024
MOST_NAME: Final = 60
_UNSTORED_PIECES: Final = 2


class BoxOffline(NotDone):
    """The recorder isn't connected."""


@dataclass(frozen=True, slots=True)
class BoxState:
    box: Box
    is_online: bool
    status: Mapping[str, Any]
    allow: tuple[str, ...]
    version: str


class BoxConnection(LineSession):
    """The hub's end of one box's line."""

    def __init__(self, link: MessageLink, box: Box, index: FleetIndex, hello: Mapping[str, Any]) -> None:
        super().__init__(link)
        self.box, self._index = box, index
        self.version = str(hello.get("version", ""))[:40]
        allow = hello.get("allow")
        self.allow = tuple(str(one)[:20] for one in allow[: len(SHARES)]) if isinstance(allow, list) else ()
        self.book = str(hello.get("book", ""))[:64]
        self.status: Mapping[str, Any] = box.status
        self._pieces: asyncio.Queue[tuple[HistoryPiece | None, float]] = asyncio.Queue(_UNSTORED_PIECES)
        """With the time at which each arrived, s of the event loop."""
        self._last_number = 0
        self.is_leaving = False

    async def serve(self) -> None:
        """Serve until the line ends. Raises LineClosed, StorageError."""
        try:
            works = [self._store(), self._note()]
            if "events" in self.allow:
                works.append(RecordedTimeReader(self.ask, self._index, self.box.id, self.book).run())
            await self.run(*works)
        finally:
            if not self.is_leaving:
                await asyncio.to_thread(self._index.note, self.box.id, self.version, self.allow, self.status)

    async def ask(self, request: Mapping[str, Any]) -> Exchange:
        """Open an exchange. Raises LineClosed, NotDone: too many are open."""
        if len(self.exchanges) >= MOST_EXCHANGES:
            raise NotDone(f"{self.box.name} is answering too many requests.", "Close pages that you don't need.")
        self._last_number += 1
        exchange = Exchange(self, self._last_number)
        self.exchanges[exchange.number] = exchange
        is_sent = False
        try:
            await self.send(LineFrame(Kind.OPEN, exchange.number, as_payload(dict(request))))
            is_sent = True
        finally:
            if not is_sent:
                self.forget(exchange.number)
        return exchange

    async def handle(self, frame: LineFrame) -> None:
        match frame.kind:
            case Kind.LINES if not self._pieces.full():
                self._pieces.put_nowait((_piece_in(frame), asyncio.get_running_loop().time()))
            case Kind.REFILL if not self._pieces.full():
                self._pieces.put_nowait((None, 0.0))
            case Kind.STATUS if len(frame.payload) <= MOST_STATUS_BYTES:
                self.status = frame.json
            case Kind.LEAVE:
                self.is_leaving = True
                raise LineClosed("the recorder has left")
            case _:
                raise LineClosed("the recorder sent what wasn't asked for")

    async def _store(self) -> None:
        """Store pieces, and say how long that took here: the box finds out how fast its uplink is."""
        while True:
            piece, arrived_s = await self._pieces.get()
            if piece is None:
                await asyncio.to_thread(self._index.refill, self.box.id)
                await self.send(LineFrame(Kind.CURSOR, 0, as_payload({})))
            else:
                end = await asyncio.to_thread(self._index.add, self.box.id, piece)
                took_ms = round((asyncio.get_running_loop().time() - arrived_s) * 1000)
                said = {"file": piece.file, "offset": end, "took_ms": took_ms}
                await self.send(LineFrame(Kind.CURSOR, 0, as_payload(said)))

    async def _note(self) -> None:
        while True:
            await asyncio.to_thread(self._index.note, self.box.id, self.version, self.allow, self.status)
            await asyncio.sleep(NOTE_S)


class FleetHub:
    """All boxes of a hub. Call from one event loop. get_name: returns the hub's name, for its boxes."""

    def __init__(self, index: FleetIndex, key: Ed25519PrivateKey, get_name: Callable[[], str]) -> None:
        self.index, self.key, self._get_name = index, key, get_name
        self._connections: dict[str, BoxConnection] = {}
        self._watch: asyncio.Task[None] | None = None

    @property
    def public_key(self) -> bytes:
        return self.key.public_key().public_bytes_raw()

    def start(self) -> None:
        self._watch = asyncio.create_task(self._look(), name="fleet watch")

    async def close(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
        for connection in list(self._connections.values()):
            connection.stop()

    async def accept(self, carrier: MessageLink) -> None:
        """Serve a connection until it ends. Never raises for what a box does."""
        try:
            async with asyncio.timeout(OPEN_TIMEOUT_S):
                link = await open_as_hub(carrier, self.key)
                made = await self._greet(link, link.peer)
            if made is not None:
                await self._serve(made)
        except (LineClosed, TimeoutError) as error:
            log.info("the line of a recorder has ended: %s", error or "it sent nothing")
        except StorageError as error:
            log.error("cannot store what a recorder has sent: %s", error)
        finally:
            await carrier.close()

    async def ask(self, box: str, request: Mapping[str, Any]) -> Exchange:
        """Ask a box. request: `method`, `path`, `query`, `headers`, `person`, `role`. Raises BoxOffline, NotDone."""
        connection = self._connections.get(box)
        if connection is None:
            raise BoxOffline("This recorder is offline.", "What it records meanwhile appears when it is back.")
        try:
            return await connection.ask(request)
        except LineClosed:
            raise BoxOffline("This recorder just went offline.", "Try again when it is back.") from None

    def states(self) -> list[BoxState]:
        """Return all boxes with their newest state. Reads the disk."""
        found = []
        for box in self.index.boxes():
            now = self._connections.get(box.id)
            source = now or box
            found.append(BoxState(box, now is not None, source.status, source.allow, source.version))
        return found

    def is_online(self, box: str) -> bool:
        return box in self._connections

    def status(self, box: str) -> Mapping[str, Any]:
        """Return what a box has said on its present line; empty: it is offline."""
        now = self._connections.get(box)
        return now.status if now is not None else {}

    def allowed(self, box: str) -> tuple[str, ...]:
        """Return what a box allows; empty: it is offline."""
        now = self._connections.get(box)
        return now.allow if now is not None else ()

    def connections(self) -> list[BoxConnection]:
        """Return the lines of the boxes that are online."""
        return list(self._connections.values())

    async def revoke(self, box: str) -> bool:
        """Remove a box and end its line. Return False if there is none. Raises StorageError."""
        was_there = await asyncio.to_thread(self.index.revoke, box)
        self._end(box)
        return was_there

    async def _greet(self, link: MessageLink, key: bytes) -> BoxConnection | None:
        """Return the connection of a known box, or of one with a valid code; None if it was refused."""
        hello = (await _first_frame(link)).json
        box = await asyncio.to_thread(self._admitted, hello, key)
        if box is None:
            why = "the link was used already, or has expired" if hello.get("code") else "this recorder was revoked"
            await link.send(LineFrame(Kind.REFUSED, 0, as_payload({"reason": why})).encoded())
            return None
        made = BoxConnection(link, box, self.index, hello)
        cursors = await asyncio.to_thread(self.index.cursors, box.id, made.book)
        welcome = {"box": box.id, "name": box.name, "words": box.words, "hub": self._get_name(), "cursors": cursors}
        await link.send(LineFrame(Kind.WELCOME, 0, as_payload(welcome)).encoded())
        return made

    def _admitted(self, hello: Mapping[str, Any], key: bytes) -> Box | None:
        code = hello.get("code")
        if not isinstance(code, str):
            return self.index.box_of(key)
        name = " ".join(str(hello.get("name", "")).split())[:MOST_NAME] or "Recorder"
        return self.index.join(code, name, key, comparison_words(self.public_key, key))

    async def _serve(self, made: BoxConnection) -> None:
        self._end(made.box.id)  # a former line of the same box, which it has replaced
        if len(self._connections) >= MOST_BOXES:
            raise LineClosed(f"{MOST_BOXES} recorders are connected already")
        self._connections[made.box.id] = made
        log.info("recorder %s is online", made.box.name)
        try:
            await made.serve()
        finally:
            if self._connections.get(made.box.id) is made:
                del self._connections[made.box.id]
            log.info("recorder %s is offline", made.box.name)
            if made.is_leaving:
                await asyncio.to_thread(self.index.revoke, made.box.id)

    def _end(self, box: str) -> None:
        former = self._connections.pop(box, None)
        if former is not None:
            former.stop()

    async def _look(self) -> None:
        """End the lines of boxes that another process has revoked."""
        while True:
            await asyncio.sleep(LOOK_S)
            if not self._connections:
                continue
            try:
                known = {box.id for box in await asyncio.to_thread(self.index.boxes)}
            except StorageError as error:
                log.error("cannot read which recorders may connect: %s", error)
                continue
            for box in self._connections.keys() - known:
                self._end(box)


async def _first_frame(link: MessageLink) -> LineFrame:
    frame = decode_frame(await link.receive())
    if frame.kind is not Kind.HELLO:
        raise LineClosed("a recorder didn't say who it is")
    return frame


def _piece_in(frame: LineFrame) -> HistoryPiece:
    head, _, data = frame.payload.partition(b"\n")
    try:
        said = json.loads(head)
        return HistoryPiece(str(said["file"]), int(said["offset"]), int(said["end"]), data)
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        raise LineClosed("lines of history couldn't be understood") from None

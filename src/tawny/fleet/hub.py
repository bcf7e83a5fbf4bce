"""The hub: accepts boxes, stores what they send, and asks them what people want to see.

Asking a box that is offline fails at once. Revoking a box, here or by `tawny hub revoke`, ends its line within a
second.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tawny.config.fleet import SHARES
from tawny.fleet.doubles import DOUBLE, SHOWN_S, DoubleRecorders, instance_in
from tawny.fleet.fleet_index import CALLED, Box, FleetIndex, cameras_to_show
from tawny.fleet.history_reader import HistoryPiece
from tawny.fleet.identity import UNKNOWN, comparison_words
from tawny.fleet.message_link import OPEN_TIMEOUT_S, LineClosed, MessageLink, open_as_hub
from tawny.fleet.recorded_time import RecordedTimeReader
from tawny.fleet.session import (
    MOST_EXCHANGES,
    Exchange,
    Kind,
    LineFrame,
    LineSession,
    as_payload,
    decode_frame,
)
from tawny.model.errors import NotDone, StorageError
from tawny.model.times import Clock, SystemClock

log = logging.getLogger(__name__)
MOST_BOXES: Final = 512
"""Connected at the same time."""
LOOK_S: Final = 0.5
"""Interval in s at which the hub looks which boxes were revoked."""
NOTE_S: Final = 60.0
"""Interval in s at which it stores when a connected box was last there."""
STORE_AGAIN_S: Final = 5.0
"""Interval in s at which it tries again to store what it couldn't, as on a full disk."""
MOST_STATUS_BYTES: Final = 128 * 1024
MOST_NAME: Final = 60
UNSTORED: Final = "the hub can't store anything; its own page says why"
_UNSTORED_PIECES: Final = 2
_SYSTEM_CLOCK: Final = SystemClock()
_Done = TypeVar("_Done")


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
    """The hub's end of one box's line. note_stored: gets why something couldn't be stored; None: it was."""

    def __init__(
        self,
        link: MessageLink,
        box: Box,
        index: FleetIndex,
        hello: Mapping[str, Any],
        note_stored: Callable[[StorageError | None], None],
    ) -> None:
        super().__init__(link)
        self.box, self._index, self._note_stored, self._called = box, index, note_stored, _name_in(hello)
        self.instance = instance_in(hello)
        self.version = str(hello.get("version", ""))[:40]
        allow = hello.get("allow")
        self.allow = tuple(str(one)[:20] for one in allow[: len(SHARES)]) if isinstance(allow, list) else ()
        self.book = str(hello.get("book", ""))[:64]
        self.status: Mapping[str, Any] = box.status if "health" in self.allow else {}
        self._pieces: asyncio.Queue[tuple[HistoryPiece | None, float]] = asyncio.Queue(_UNSTORED_PIECES)
        """With the time at which each arrived, s of the event loop."""
        self._last_number = 0
        self._must_note = asyncio.Event()
        self.is_leaving = False

    async def serve(self) -> None:
        """Serve until the line ends. Raises LineClosed."""
        try:
            works = [self._store(), self._note()]
            if "events" in self.allow:
                works.append(RecordedTimeReader(self.ask, self._index, self.box.id, self.book).run())
            await self.run(*works)
        finally:
            if not self.is_leaving:
                try:
                    await asyncio.to_thread(self._note_now)
                except StorageError as error:
                    self._note_stored(error)

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
                former, self.status = self.status, frame.json
                if cameras_to_show(former, self.allow) != cameras_to_show(self.status, self.allow):
                    self._must_note.set()  # a picture that is hidden now must not stay for a minute
            case Kind.LEAVE:
                try:
                    await asyncio.to_thread(self._index.revoke, self.box.id)
                except StorageError:  # the recorder says it, and closes the line
                    self.post(refusal(UNSTORED, is_temporary=True))
                else:
                    self.is_leaving = True
                    raise LineClosed("the recorder has left")
            case _:
                raise LineClosed("the recorder sent what wasn't asked for")

    async def _store(self) -> None:
        """Store pieces, and say how long that took here: the box finds out how fast its uplink is."""
        while True:
            piece, arrived_s = await self._pieces.get()
            if piece is None:
                await self._stored(partial(self._index.refill, self.box.id))
                await self.send(LineFrame(Kind.CURSOR, 0, as_payload({})))
            else:
                end = await self._stored(partial(self._index.add, self.box.id, piece))
                took_ms = round((asyncio.get_running_loop().time() - arrived_s) * 1000)
                data = {"file": piece.file, "offset": end, "took_ms": took_ms}
                await self.send(LineFrame(Kind.CURSOR, 0, as_payload(data)))

    async def _note(self) -> None:
        while True:
            self._must_note.clear()
            await self._stored(self._note_now)
            with suppress(TimeoutError):
                async with asyncio.timeout(NOTE_S):
                    await self._must_note.wait()

    def _note_now(self) -> None:
        called = {CALLED: self._called} if self._called else {}
        self._index.note(self.box.id, self.version, self.allow, {**self.status, **called})

    async def _stored(self, store: Callable[[], _Done]) -> _Done:
        """Store, and return the result. Where that fails, it is tried again: the line stays, and so does live video."""
        while True:
            try:
                done = await asyncio.to_thread(store)
            except StorageError as error:
                self._note_stored(error)
                await asyncio.sleep(STORE_AGAIN_S)
            else:
                self._note_stored(None)
                return done


class FleetHub:
    """All boxes of a hub. Call from one event loop. get_name: returns the hub's name, for its boxes."""

    def __init__(
        self, index: FleetIndex, key: Ed25519PrivateKey, get_name: Callable[[], str], clock: Clock = _SYSTEM_CLOCK
    ) -> None:
        self.index, self.key, self._get_name, self._clock = index, key, get_name, clock
        self._connections: dict[str, BoxConnection] = {}
        self._unstored: tuple[StorageError, float] | None = None
        """Why something couldn't be stored, and when, s."""
        self.doubles = DoubleRecorders(clock)
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

    async def accept(self, carrier: MessageLink, note_known: Callable[[], None] = lambda: None) -> None:
        """Serve a connection until it ends. Never raises for what a box does. note_known: called once it is a box's."""
        try:
            async with asyncio.timeout(OPEN_TIMEOUT_S):
                link = await open_as_hub(carrier, self.key)
                made = await self._greet(link, link.peer)
            if made is not None:
                note_known()
                await self._serve(made)
        except (LineClosed, TimeoutError) as error:
            log.info("the line of a recorder has ended: %s", error or "it sent nothing")
        except StorageError as error:
            self._note_stored(error)
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
        """Return the status that a box has sent on its present line; empty: it is offline."""
        now = self._connections.get(box)
        return now.status if now is not None else {}

    def allowed(self, box: str) -> tuple[str, ...]:
        """Return what a box allows; empty: it is offline."""
        now = self._connections.get(box)
        return now.allow if now is not None else ()

    def storage_problem(self) -> StorageError | None:
        """Return why the hub can't store what boxes send; None: it can. Any thread."""
        found = self._unstored
        return found[0] if found is not None and self._clock.mono_s() - found[1] < SHOWN_S else None

    def connections(self) -> list[BoxConnection]:
        """Return the lines of the boxes that are online."""
        return list(self._connections.values())

    async def revoke(self, box: str) -> bool:
        """Remove a box and end its line. Return False if there is none. Raises StorageError."""
        was_there = await asyncio.to_thread(self.index.revoke, box)
        self._end(box)
        return was_there

    async def _greet(self, link: MessageLink, key: bytes) -> BoxConnection | None:
        """Return the connection of a known box, or of one with a valid code; None if it was refused.

        Raises StorageError, of which the box is informed.
        """
        hello = (await _first_frame(link)).json
        try:
            box = await asyncio.to_thread(self._admitted, hello, key)
            if box is None:
                used = "the link was used already, or has expired"
                await refuse(link, used if hello.get("code") else UNKNOWN)
                return None
            if await self.doubles.refuses(box, instance_in(hello), partial(self._connections.get, box.id)):
                await refuse(link, DOUBLE)
                return None
            box = await asyncio.to_thread(self._renamed, box, hello)
            made = BoxConnection(link, box, self.index, hello, self._note_stored)
            cursors = await asyncio.to_thread(self.index.cursors, box.id, made.book)
            known = await asyncio.to_thread(self.index.line_hashes, box.id)
        except StorageError:
            await refuse(link, UNSTORED, is_temporary=True)
            raise
        # the former line may have stored more meanwhile: its hashes are not of these cursors
        hashes = {file: one for file, (offset, one) in known.items() if cursors.get(file) == offset}
        welcome = {
            "box": box.id, "name": box.name, "words": box.words, "hub": self._get_name(), "cursors": cursors,
            "marks": hashes,
        }  # fmt: skip
        await link.send(LineFrame(Kind.WELCOME, 0, as_payload(welcome)).encoded())
        return made

    def _admitted(self, hello: Mapping[str, Any], key: bytes) -> Box | None:
        code = hello.get("code")
        if isinstance(code, str):
            name = _cleaned(hello.get("name", "")) or "Recorder"
            return self.index.join(code, name, key, comparison_words(self.public_key, key))
        return self.index.box_of(key)

    def _renamed(self, box: Box, hello: Mapping[str, Any]) -> Box:
        """Return a box with its new name, if it has one: what it says, or this hub since a restore, may be older."""
        name = _name_in(hello)
        is_new = hello.get("renamed") is True or box.called not in ("", name)
        if not name or not is_new or name == box.name:
            return box
        self.index.rename(box.id, name)
        return replace(box, name=name)

    def _note_stored(self, error: StorageError | None) -> None:
        if error is not None and (self._unstored is None or str(self._unstored[0]) != str(error)):
            log.error("cannot store what a recorder has sent: %s", error)
        self._unstored = (error, self._clock.mono_s()) if error is not None else None

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


async def refuse(link: MessageLink, why: str, *, is_temporary: bool = False) -> None:
    """Say why a recorder may not connect. is_temporary: it tries again soon, without being asked to."""
    await link.send(refusal(why, is_temporary=is_temporary).encoded())


def refusal(why: str, *, is_temporary: bool) -> LineFrame:
    return LineFrame(Kind.REFUSED, 0, as_payload({"reason": why, "is_temporary": is_temporary}))


def _cleaned(name: object) -> str:
    return " ".join(str(name).split())[:MOST_NAME]


def _name_in(hello: Mapping[str, Any]) -> str:
    """Return what a box calls itself; empty: it has just joined, maybe by a name of its own, or leaves."""
    return "" if hello.get("code") else _cleaned(hello.get("name", ""))


async def _first_frame(link: MessageLink) -> LineFrame:
    frame = decode_frame(await link.receive())
    if frame.kind is not Kind.HELLO:
        raise LineClosed("a recorder didn't say who it is")
    return frame


def _piece_in(frame: LineFrame) -> HistoryPiece:
    head, _, data = frame.payload.partition(b"\n")
    try:
        message = json.loads(head)
        return HistoryPiece(str(message["file"]), int(message["offset"]), int(message["end"]), data)
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        raise LineClosed("lines of history couldn't be understood") from None

"""What both ends of a line have in common: frames, requests side by side, and who is silent for too long.

A frame is one byte for its kind, four for its exchange (0: the line itself), and its payload. An exchange is one
request with its answer, or one WebSocket. Each side may send WINDOW_BYTES before the other one has read them: a slow
browser holds up its own video, never the line, and memory is bounded by `MOST_EXCHANGES * WINDOW_BYTES` on each side.
"""

import asyncio
import json
import struct
from collections import deque
from collections.abc import Coroutine
from enum import IntEnum
from typing import Any, Final, NamedTuple

from tawny.fleet.message_link import LineClosed, MessageLink

BEAT_S: Final = 1.0
"""Interval in s of heartbeats in both directions, where nothing else was sent."""
SILENT_S: Final = 4.0
"""Time in s without any frame after which the other side counts as gone: offline is shown within 5 s."""
MOST_EXCHANGES: Final = 32
WINDOW_BYTES: Final = 256 * 1024
CREDIT_BYTES: Final = WINDOW_BYTES // 4
"""The reader of an exchange reports after reading this much: a short request and its answer need no report."""
PORTION_BYTES: Final = 16 * 1024
"""Maximum payload of one frame of an exchange, so that others get their turn, and that it arrives within SILENT_S over
an uplink of 64 kbit/s.
"""
_LEAST_BYTES: Final = 64
"""What an empty frame counts, so that many small ones are bounded, too."""
_UNSENT_FRAMES: Final = 4
_MOST_UNSENT_FRAMES: Final = 4 * MOST_EXCHANGES
_HEAD: Final = struct.Struct(">BI")


class Kind(IntEnum):
    HELLO = 1
    """Box: who it is, what it allows, and its book, as JSON; with a one-time code if it wants to join.

    Optional: `instance`, a random number of its present run; `renamed`: its name was changed since it joined.
    """
    WELCOME = 2
    """Hub: the box's name, its cursors, and optionally `marks`: hashes of the lines before the newest cursors."""
    REFUSED = 3
    """Hub: why the box may not connect, as JSON. Optional: `is_temporary`: it may soon."""
    BEAT = 4
    LINES = 5
    """Box: complete lines of one history file; a JSON head, a newline, then the lines."""
    CURSOR = 6
    """Hub: up to where a file is stored."""
    STATUS = 7
    """Box: its health, as JSON."""
    LEAVE = 8
    """Box: it leaves the hub for good. The hub deletes what it knows of it."""
    REFILL = 9
    """Box: its history is not the one that the hub's cursors belong to. The hub begins again."""
    PRESENT = 10
    """Recorder: it is here, and which cameras it records, as JSON. Renews the lease of its standby."""
    PLAN = 11
    """Recorder: its cameras, encrypted for the standby."""
    STANDBY = 12
    """Standby: what it has recorded of this recorder's cameras, as JSON."""
    HANDED = 13
    """Recorder: it has what the standby recorded in one takeover, as JSON."""
    OPEN = 16
    """Hub: a request, as JSON."""
    HEAD = 17
    """Box: status and headers of the answer, as JSON."""
    DATA = 18
    TEXT = 19
    """The rest of a text message of a WebSocket, after portions of it as DATA."""
    BINARY = 22
    """The rest of a binary one."""
    END = 20
    """Nothing more follows from this side: JSON with the close code of a WebSocket, or empty."""
    CREDIT = 21
    """So many bytes were read."""


_OF_EXCHANGE: Final = frozenset({Kind.HEAD, Kind.DATA, Kind.TEXT, Kind.BINARY, Kind.END})


class LineFrame(NamedTuple):
    kind: Kind
    exchange: int
    payload: bytes

    def encoded(self) -> bytes:
        return _HEAD.pack(self.kind, self.exchange) + self.payload

    @property
    def json(self) -> dict[str, Any]:
        """Raises LineClosed: it is no JSON object, or has text that can't be stored and sent on."""
        try:
            found = json.loads(self.payload)
            json.dumps(found, ensure_ascii=False).encode()  # half of a character is valid JSON, and no text
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise LineClosed("a message couldn't be understood")
        return found


def decode_frame(message: bytes) -> LineFrame:
    """Raises LineClosed: it is none."""
    try:
        kind, exchange = _HEAD.unpack_from(message)
        return LineFrame(Kind(kind), exchange, message[_HEAD.size :])
    except (struct.error, ValueError):
        raise LineClosed("a message couldn't be understood") from None


def as_payload(values: dict[str, Any]) -> bytes:
    return json.dumps(values, separators=(",", ":")).encode()


class Exchange:
    """One end of a request or WebSocket. Single event loop. Methods raise LineClosed when the line has ended."""

    def __init__(self, session: "LineSession", number: int) -> None:
        self._session, self.number = session, number
        self._received: deque[LineFrame] = deque()
        self._received_bytes = 0
        self._credit = WINDOW_BYTES
        self._unreported_bytes = 0
        self._changed = asyncio.Event()
        self._is_gone = False

    async def send(self, kind: Kind, payload: bytes = b"") -> None:
        """Send, in portions if it is DATA; wait while the other side reads slowly."""
        portions = [payload]
        if kind is Kind.DATA:
            portions = [payload[at : at + PORTION_BYTES] for at in range(0, len(payload), PORTION_BYTES)]
        for portion in portions:
            while self._credit <= 0 and not self._is_gone:
                self._changed.clear()
                await self._changed.wait()
            if self._is_gone:
                raise LineClosed("the other side has ended this")
            self._credit -= _cost(portion)
            await self._session.send(LineFrame(kind, self.number, portion))

    async def receive(self) -> LineFrame:
        """Return the next frame; END is the last one."""
        while not self._received:
            if self._is_gone:
                raise LineClosed("the other recorder went offline")
            self._changed.clear()
            await self._changed.wait()
        frame = self._received.popleft()
        cost = _cost(frame.payload)
        self._received_bytes -= cost
        self._unreported_bytes += cost
        if self._unreported_bytes >= CREDIT_BYTES and not self._is_gone:
            read_bytes, self._unreported_bytes = self._unreported_bytes, 0
            await self._session.send(LineFrame(Kind.CREDIT, self.number, struct.pack(">I", read_bytes)))
        return frame

    async def send_message(self, message: str | bytes) -> None:
        """Send one message of a WebSocket."""
        data = message.encode() if isinstance(message, str) else message
        last = max(0, len(data) - 1) // PORTION_BYTES * PORTION_BYTES
        await self.send(Kind.DATA, data[:last])
        await self.send(Kind.TEXT if isinstance(message, str) else Kind.BINARY, data[last:])

    async def receive_message(self, most_bytes: int) -> str | bytes | LineFrame:
        """Return the next message of a WebSocket, or the frame that ends it. Raises LineClosed: it is too large."""
        data = b""
        while True:
            frame = await self.receive()
            if frame.kind not in (Kind.DATA, Kind.TEXT, Kind.BINARY):
                return frame
            data += frame.payload
            if len(data) > most_bytes:
                raise LineClosed("a message is too large")
            if frame.kind is not Kind.DATA:
                return data.decode(errors="replace") if frame.kind is Kind.TEXT else data

    def close(self, payload: bytes = b"") -> None:
        """End this exchange. What the other side still sends is dropped. Never waits: requests are cancelled."""
        if self._session.forget(self.number):
            self.end()
            self._session.post(LineFrame(Kind.END, self.number, payload))

    # --- by the session

    def take(self, frame: LineFrame) -> None:
        """Queue a frame. Raises LineClosed: the other side sent more than it may."""
        if frame.kind is Kind.CREDIT:
            if len(frame.payload) != 4:
                raise LineClosed("a message couldn't be understood")
            self._credit = min(WINDOW_BYTES, self._credit + struct.unpack(">I", frame.payload)[0])
        else:
            self._received_bytes += _cost(frame.payload)
            if self._received_bytes > 2 * WINDOW_BYTES:
                raise LineClosed("the other side sent more than was asked for")
            self._received.append(frame)
        self._changed.set()

    def end(self) -> None:
        self._is_gone = True
        self._changed.set()


class LineSession:
    """One end of a line. Subclasses handle frames of the line itself, and new exchanges."""

    def __init__(self, link: MessageLink) -> None:
        self.link = link
        self.heard_s = 0.0
        """When something arrived last, s of the event loop."""
        self.exchanges: dict[int, Exchange] = {}
        self._unsent: deque[LineFrame] = deque()
        self._has_frames, self._has_room = asyncio.Event(), asyncio.Event()
        self._is_over = False
        self._is_quiet = True
        """Whether nothing was sent since the last heartbeat was due."""
        self._stopped = asyncio.Event()
        self.exchange_bytes = 0
        """Received in exchanges so far."""

    def stop(self) -> None:
        """End the line from this side."""
        self._stopped.set()

    async def send(self, frame: LineFrame) -> None:
        """Queue a frame. One task sends them all, so that a cancelled request leaves no half message behind."""
        while len(self._unsent) >= _UNSENT_FRAMES and not self._is_over:
            self._has_room.clear()
            await self._has_room.wait()
        if self._is_over:
            raise LineClosed("the line has ended")
        self._unsent.append(frame)
        self._has_frames.set()

    def post(self, frame: LineFrame) -> None:
        """Queue a frame without waiting. Ends the line if the other side lets too many pile up."""
        if len(self._unsent) >= _MOST_UNSENT_FRAMES:
            self.stop()
        elif not self._is_over:
            self._unsent.append(frame)
            self._has_frames.set()

    async def handle(self, frame: LineFrame) -> None:
        """Handle a frame of the line itself, or one that opens an exchange. Raises LineClosed."""
        raise NotImplementedError

    def forget(self, number: int) -> bool:
        """Drop an exchange. Return False if it was dropped before."""
        return self.exchanges.pop(number, None) is not None

    async def run(self, *works: Coroutine[Any, Any, None]) -> None:
        """Serve until one side ends. Raises LineClosed with the reason."""
        tasks = [
            asyncio.create_task(work) for work in (self._read(), self._write(), self._beat(), self._stop(), *works)
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()
        finally:
            self._is_over = True
            self._has_room.set()
            for exchange in list(self.exchanges.values()):
                exchange.end()
            self.exchanges.clear()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.link.close()

    async def receive_frame(self) -> LineFrame:
        """Raises LineClosed, also after silence."""
        try:
            async with asyncio.timeout(SILENT_S):  # `wait_for` may lose a cancellation: the line would go on
                message = await self.link.receive()
            self.heard_s = asyncio.get_running_loop().time()
            return decode_frame(message)
        except TimeoutError:
            raise LineClosed(f"nothing arrived for {SILENT_S:g} s") from None

    async def _read(self) -> None:
        while True:
            frame = await self.receive_frame()
            if frame.kind in _OF_EXCHANGE or frame.kind is Kind.CREDIT:
                self.exchange_bytes += len(frame.payload)
                exchange = self.exchanges.get(frame.exchange)
                if exchange is not None:  # else it has ended here meanwhile
                    exchange.take(frame)
            elif frame.kind is not Kind.BEAT:
                await self.handle(frame)

    async def _write(self) -> None:
        while True:
            while not self._unsent:
                self._has_frames.clear()
                await self._has_frames.wait()
            frame = self._unsent.popleft()
            self._is_quiet = self._is_quiet and frame.kind is Kind.BEAT
            self._has_room.set()
            await self.link.send(frame.encoded())

    async def _stop(self) -> None:
        await self._stopped.wait()
        raise LineClosed("it was ended here")

    async def _beat(self) -> None:
        while True:
            if self._is_quiet:
                await self.send(LineFrame(Kind.BEAT, 0, b""))
            self._is_quiet = True
            await asyncio.sleep(BEAT_S)


async def json_answer(exchange: Exchange, most_bytes: int) -> tuple[int, Any]:
    """Return status and body of a box's answer; None without status 200. Raises LineClosed, ValueError."""
    head = await exchange.receive()
    status = head.json.get("status") if head.kind is Kind.HEAD else None
    if type(status) is not int:
        raise ValueError("its answer isn't understood")
    if status != 200:
        return status, None
    data = b""
    while (frame := await exchange.receive()).kind is Kind.DATA:
        data += frame.payload
        if len(data) > most_bytes:
            raise ValueError("its answer is too long")
    try:
        return status, json.loads(data)
    except RecursionError:
        raise ValueError("its answer isn't understood") from None


def _cost(payload: bytes) -> int:
    return max(len(payload), _LEAST_BYTES)

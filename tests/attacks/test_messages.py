"""Random and broken HTTP and WebSocket messages on the wire: no failure of ours, and no unbounded time or memory."""

import asyncio
import base64
import json
import logging
import random
import resource
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tawny.api.auth.access import COOKIE
from tawny.api.auth.accounts import Caller, Role
from tawny.api.server import WebServer
from tests.api.fakes import House, make_house

SAMPLE, ALL = 6_000, 1_000_000
AT_ONCE = 8
PER_CONNECTION = 20
ANSWER_S = 20.0
"""A machine that runs other tests may be slow; what hangs, hangs for longer."""
MOST_MORE_BYTES = 50_000_000
PATHS = (
    "/", "/sign-in", "/assets/none.js", "/api/v1/session", "/api/v1/sign-in", "/api/v1/cameras", "/api/v1/events",
    "/api/v1/timeline?from_ms=0&to_ms=1", "/api/v1/cameras/porch/snapshot", "/media/none/play", "/api/v1/inbox/file",
    "*", "//", "/%00", "/api/v1/ws", "/api/v1/cameras/porch/live", "http://other/", "/\\u00e4", "/?" + "a" * 5000,
)  # fmt: skip
SOCKETS = ("/api/v1/ws", "/api/v1/cameras/porch/live", "/api/v1/cameras/porch/pictures", "/api/v1/none")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "CONNECT", "PRI", "get", "")
HEADERS = (
    "Content-Length: 5", "Content-Length: -1", "Content-Length: 99999999999", "Transfer-Encoding: chunked", "Host: x",
    "Transfer-Encoding: gzip", "Expect: 100-continue", "Connection: Upgrade", "Upgrade: websocket", "Upgrade: h2c",
    "Range: bytes=0-0,5-,-1", "Cookie: tawny_session=x", "Cookie: ;;;===", "Authorization: Digest x", "X-Tawny: 1",
    "Sec-Fetch-Site: same-origin", "Content-Type: application/json", "Content-Type: multipart/form-data; boundary=x",
    "X-Forwarded-For: ::1, , x", "X-Forwarded-Proto: javascript", "Accept-Encoding: br;q=x", "No colon", " folded", "",
    "Origin: null", "Sec-WebSocket-Version: 12", "Sec-WebSocket-Key: x", "X-Long: " + "a" * 9000, "Host: a\x00b",
)  # fmt: skip
BODIES = (
    b"",
    b"{}",
    b"[" * 2000,
    b"\xff" * 50,
    b'{"name": "a"}',
    b"5\r\nhello\r\n0\r\n\r\n",
    b"FFFFFFFFFFFFFFFF\r\n",
    b"x" * 70_000,
)


class Target:
    """A server with a signed-in session, and what it answered."""

    def __init__(self, server: WebServer, token: str) -> None:
        self.server, self.cookie = server, f"Cookie: {COOKIE}={token}"
        self.failures: list[str] = []
        self.answers = 0

    async def exchange(self, sent: list[bytes], dice: random.Random) -> None:
        """Send one connection's messages in random portions; whatever is answered is read, until it is closed.

        Often the second message waits for the answer to the first, so that a WebSocket is open by then.
        """
        reader, writer = await asyncio.open_connection(*self.server.address.split(":"))
        first = b""
        try:
            async with asyncio.timeout(ANSWER_S):
                with suppress(OSError, asyncio.IncompleteReadError):
                    await self._send(writer, sent[:1], dice)
                    if is_handshake(sent[0]) and dice.random() < 0.8:
                        first = await reader.readuntil(b"\r\n\r\n")
                rest = asyncio.create_task(reader.read())
                with suppress(OSError):
                    await self._send(writer, sent[1:], dice)
                    writer.write_eof()
                self._judge(first, sent)
                with suppress(OSError):
                    self._judge(await rest, sent)
        except TimeoutError:
            self.failures.append(f"no end after {sent!r}"[:3000])
        finally:
            writer.transport.abort()

    async def _send(self, writer: asyncio.StreamWriter, sent: list[bytes], dice: random.Random) -> None:
        for one in sent:
            cut = dice.randrange(len(one) + 1)
            for part in (one[:cut], one[cut:]):
                writer.write(part)
                await writer.drain()
                if dice.random() < 0.05:
                    await asyncio.sleep(0)

    def _judge(self, answered: bytes, sent: list[bytes]) -> None:
        self.answers += answered.count(b"HTTP/1.1 ")
        if b"HTTP/1.1 500" in answered or b"Internal Server Error" in answered:
            self.failures.append(f"500 after {sent!r}: {answered!r}"[:3000])


def is_handshake(message: bytes) -> bool:
    return b"Sec-WebSocket-Version: 13" in message


def http_message(dice: random.Random, target: Target) -> bytes:
    headers = ["Host: 127.0.0.1"] if dice.random() < 0.8 else []
    headers += dice.sample(HEADERS, dice.choice([0, 0, 1, 2, 4]))
    headers += [target.cookie] if dice.random() < 0.3 else []
    version = dice.choice(["HTTP/1.1"] * 6 + ["HTTP/1.0", "HTTP/2.0", "HTTP/9", ""])
    head = f"{dice.choice(METHODS[:6] if dice.random() < 0.8 else METHODS)} {dice.choice(PATHS)} {version}"
    body = dice.choice(BODIES)
    if dice.random() < 0.5 and body:
        headers.append(f"Content-Length: {len(body)}")
    made = "\r\n".join([head, *headers, "", ""]).encode("utf-8", "replace") + (body if dice.random() < 0.7 else b"")
    return broken(made, dice) if dice.random() < 0.3 else made


def broken(data: bytes, dice: random.Random) -> bytes:
    """With some bytes changed, cut or repeated."""
    found = bytearray(data)
    for _ in range(dice.choice([1, 1, 2, 8])):
        at = dice.randrange(len(found) + 1)
        match dice.randrange(3):
            case 0:
                found[at : at + 1] = bytes([dice.randrange(256)])
            case 1:
                del found[at : at + dice.choice([1, 10, 1000])]
            case _:
                found[at:at] = found[at : at + dice.choice([1, 10, 1000])]
    return bytes(found)


def handshake(dice: random.Random, target: Target) -> bytes:
    key = base64.b64encode(dice.randbytes(16)).decode()
    lines = [
        f"GET {dice.choice(SOCKETS)} HTTP/1.1", f"Host: {target.server.address}", "Upgrade: websocket",
        f"Origin: http://{target.server.address}", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {key}", *([target.cookie] if dice.random() < 0.9 else []),
    ]  # fmt: skip
    return "\r\n".join([*lines, "", ""]).encode()


def frame(dice: random.Random, _target: Target) -> bytes:
    """One WebSocket frame: of any kind and length, mostly as it should be."""
    payload = dice.choice(
        [b"", b"{}", b'{"pause": true}', b'{"got": -1}', b"\xff\xfe", b"[" * 500, b"x" * 125, b"x" * 5000, b"\x03\xe8"]
    )
    code = dice.choice([0, 1, 1, 1, 2, 8, 9, 9, 10, 3, 15])
    first = (0x80 if dice.random() < 0.8 else 0) | (dice.choice([0x10, 0x40]) if dice.random() < 0.05 else 0) | code
    length, mask = len(payload), dice.randbytes(4)
    if dice.random() < 0.05:
        length = dice.choice([0, 1, 126, 65_536, (1 << 63) - 1, (1 << 64) - 1])
    is_masked = 0x80 if dice.random() < 0.95 else 0
    if length < 126:
        head = struct.pack("!BB", first, is_masked | length)
    elif length < 65_536:
        head = struct.pack("!BBH", first, is_masked | 126, length)
    else:
        head = struct.pack("!BBQ", first, is_masked | 127, length)
    made = head + (mask if is_masked else b"") + bytes(b ^ mask[n % 4] for n, b in enumerate(payload))
    return broken(made, dice) if dice.random() < 0.1 else made


async def send_all(target: Target, count: int, seed: int, make: Callable[[random.Random], list[bytes]]) -> None:
    """Send `count` messages, AT_ONCE connections at a time. A failure names its bytes."""
    numbers = iter(range(count // PER_CONNECTION))

    async def some() -> None:
        for number in numbers:
            dice = random.Random(f"{seed} {number}")
            await target.exchange(make(dice), dice)
            if len(target.failures) > 5:
                return

    await asyncio.gather(*(some() for _ in range(AT_ONCE)))


@pytest.fixture
async def target(tmp_path: Path) -> AsyncIterator[Target]:
    house: House = make_house(tmp_path)
    house.recorder.record(house.clock.now_ms() - 8000)
    token = house.accounts.begin_session(house.accounts.put_person("Anna", Role.OWNER), Caller("127.0.0.1"))
    server = WebServer(house.app, house.accounts, "127.0.0.1", 0)
    await server.start()
    yield Target(server, token)
    await server.stop()
    house.accounts.close()


@pytest.mark.parametrize("count", [SAMPLE, pytest.param(ALL // 2, marks=pytest.mark.long)])
@pytest.mark.parametrize("kind", ["http", "websocket"])
async def test_random_messages_are_answered_or_refused(
    target: Target, kind: str, count: int, caplog: pytest.LogCaptureFixture
) -> None:
    def make(dice: random.Random) -> list[bytes]:
        if kind == "http":
            return [http_message(dice, target) for _ in range(PER_CONNECTION)]
        return [handshake(dice, target), *(frame(dice, target) for _ in range(PER_CONNECTION - 1))]

    seed = 0 if count == SAMPLE else random.SystemRandom().randrange(1 << 32)
    await send_all(target, SAMPLE // 4, seed + 1, make)  # what is read once
    before = resident_bytes()
    await send_all(target, count, seed, make)
    assert target.failures == []
    assert [f"{one.getMessage()} {one.exc_text}" for one in caplog.records if one.levelno >= logging.ERROR] == []
    assert target.answers > count // PER_CONNECTION // 2
    assert resident_bytes() - before < MOST_MORE_BYTES
    await asyncio.sleep(0.5)
    assert len(target.server.connections) < AT_ONCE
    reader, writer = await asyncio.open_connection(*target.server.address.split(":"))
    writer.write(b"GET /api/v1/session HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
    body = (await reader.read()).partition(b"\r\n\r\n")[2]
    writer.close()
    assert isinstance(json.loads(body), dict)


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()

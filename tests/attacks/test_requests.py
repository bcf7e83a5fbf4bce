"""What one client sends: each oversized or broken request gets a clear answer, on the wire."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tawny.api.server import WebServer
from tests.api.fakes import House, make_house

KIB = 1024


@pytest.fixture
async def server(tmp_path: Any) -> AsyncIterator[WebServer]:
    house: House = make_house(tmp_path)
    made = WebServer(house.app, house.accounts, "127.0.0.1", 0)
    await made.start()
    yield made
    await made.stop()
    house.accounts.close()


async def answer_to(server: WebServer, sent: bytes) -> tuple[int, bytes]:
    reader, writer = await asyncio.open_connection(*server.address.split(":"))
    writer.write(sent)
    async with asyncio.timeout(10):
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    return int(head.split()[1]), body


@pytest.mark.parametrize(
    ("target", "more", "status", "code"),
    [
        (b"/api/v1/find?q=" + b"a" * 5 * KIB, b"", 414, "address_too_long"),
        (b"/api/v1/find?q=" + b"a" * 15 * KIB, b"", 414, "address_too_long"),
        (b"/api/v1/find?q=" + b"a" * 300 * KIB, b"", 414, "address_too_long"),
        (b"/" + b"a" * 5 * KIB, b"", 414, "address_too_long"),
        (b"/", b"Cookie: " + b"a" * 40 * KIB + b"\r\n", 431, "headers_too_large"),
        (b"/", b"no header\r\n", 400, "bad_request"),
    ],
)
async def test_what_is_too_long_or_no_http_gets_a_clear_answer(
    server: WebServer, target: bytes, more: bytes, status: int, code: str
) -> None:
    sent = b"GET " + target + b" HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n" + more + b"\r\n"
    found, body = await answer_to(server, sent)
    assert (found, json.loads(body)["code"]) == (status, code)
    assert json.loads(body)["message"].endswith(".")


async def test_an_address_of_four_thousand_bytes_is_read(server: WebServer) -> None:
    sent = b"GET /sign-in?x=" + b"a" * 4000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    assert (await answer_to(server, sent))[0] in (200, 503)

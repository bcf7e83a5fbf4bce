"""The sign of life: sent while all is well and not else, to the set address and nobody else. To a real server."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tawny.service.health.monitor import CheckInSender
from tawny.testing.clock import FakeClock

EVERY_S = 300.0


class Listener(HTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.status, self.location = 200, ""

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/ping/secret-token?source=home"


class _Handler(BaseHTTPRequestHandler):
    server: Listener

    def do_GET(self) -> None:
        self.server.asked.append((self.path, dict(self.headers)))
        self.send_response(self.server.status)
        if self.server.location:
            self.send_header("Location", self.server.location)
        self.end_headers()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Quiet."""


@contextmanager
def serving() -> Iterator[Listener]:
    with Listener() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def server() -> Iterator[Listener]:
    with serving() as made:
        yield made


class Bench:
    def __init__(self, address: str) -> None:
        self.clock, self.is_well = FakeClock(), True
        self.check_in = CheckInSender(address, EVERY_S, lambda: self.is_well, self.clock)

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds / 5)):
            self.clock.advance(self.check_in.step())


def test_it_is_sent_at_once_and_then_as_often_as_set(server: Listener) -> None:
    Bench(server.address).run(4 * EVERY_S)
    assert len(server.asked) == 4
    assert {path for path, _ in server.asked} == {"/ping/secret-token?source=home"}
    assert set(server.asked[0][1]) == {"Host", "Accept-Encoding", "User-Agent", "Connection"}


def test_it_stays_away_while_something_is_wrong(server: Listener) -> None:
    bench = Bench(server.address)
    bench.is_well = False
    bench.run(3 * EVERY_S)
    assert server.asked == []
    bench.is_well = True
    bench.run(10)
    assert len(server.asked) == 1


def test_an_address_that_fails_is_tried_again_sooner_and_told(
    server: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    server.status = 500
    bench = Bench(server.address)
    bench.run(90)
    assert len(server.asked) == 3
    assert "127.0.0.1" in bench.check_in.trouble
    assert "secret-token" not in bench.check_in.trouble + caplog.text
    server.status = 204
    bench.run(60)
    assert bench.check_in.trouble == ""


@pytest.mark.parametrize(("scheme", "port"), [("http", 80), ("https", 443)])
def test_an_ipv6_address_without_a_port_has_that_of_its_scheme(
    scheme: str, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def connect(where: object, *_: object, **__: object) -> socket.socket:
        asked.append(where)
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(socket, "create_connection", connect)
    Bench(f"{scheme}://[fd00::abcd]/ping").run(5)
    assert asked == [("fd00::abcd", port)]


def test_a_redirect_is_no_answer_and_not_followed(server: Listener) -> None:
    with serving() as other:
        server.status, server.location = 302, other.address
        Bench(server.address).run(30)
        assert other.asked == []
    assert len(server.asked) == 1


def test_nobody_there_is_a_failure_and_no_crash() -> None:
    bench = Bench("http://127.0.0.1:1/none")
    bench.run(100)
    assert "isn't responding" in bench.check_in.trouble

"""Connections that want nothing: `crowd.py KIND COUNT ADDRESSES PORT…` holds them until its input ends.

KIND: `idle` sends nothing; `head` sends a header each second and never ends; `body` announces a body and sends a byte
of it each second; `deaf` asks for the largest page again and again and reads nothing; `mixed`: each in turn.
ADDRESSES: from so many addresses of 127.0.0.0/8. One that the server closed is opened again. Prints, each second, how
many it holds and how many were closed so far.
"""

import itertools
import json
import re
import resource
import selectors
import socket
import sys
import threading
import time
from contextlib import suppress
from urllib.request import urlopen

KINDS = ("idle", "head", "body", "deaf")
AGAIN_PER_S = 500
"""So many are opened in a second, after the first, which all come at once."""
SMALL_BYTES = 4096
CONNECTS_S = 0.2


class Crowd:
    def __init__(self, kind: str, count: int, addresses: int, ports: list[int]) -> None:
        self.count = count
        self._kinds = itertools.cycle(KINDS if kind == "mixed" else (kind,))
        self._ports = itertools.cycle(ports)
        self._sources = itertools.cycle(
            [f"127.{1 + n // 65_025}.{n // 255 % 255}.{1 + n % 255}" for n in range(addresses)]
        )
        self._web, self._page = ports[0], _largest_page(ports[0])
        self.open: dict[socket.socket, str] = {}
        self.closed = 0
        self._waiting = selectors.DefaultSelector()

    def add(self) -> None:
        kind, port = next(self._kinds), next(self._ports)
        one = socket.socket()
        if kind == "deaf":
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BYTES)
        one.settimeout(CONNECTS_S)
        try:
            one.bind((next(self._sources), 0))
            one.connect(("127.0.0.1", self._web if kind in ("body", "deaf") else port))
            one.setblocking(False)
            self._begin(one, kind, port)
        except OSError:
            one.close()
            self.closed += 1
            return
        self.open[one] = kind
        if kind != "deaf":
            self._waiting.register(one, selectors.EVENT_READ)

    def _begin(self, one: socket.socket, kind: str, port: int) -> None:
        if kind == "head":
            one.send(b"GET / HTTP/1.1\r\n" if port == self._web else b"OPTIONS * RTSP/1.0\r\n")
        elif kind == "body":
            one.send(
                b"POST /api/v1/sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Tawny: 1\r\nSec-Fetch-Site: same-origin\r\n"
                b"Content-Type: application/json\r\nContent-Length: 60000\r\n\r\n{"
            )
        elif kind == "deaf":
            one.send(f"GET {self._page} HTTP/1.1\r\nHost: 127.0.0.1:{self._web}\r\n\r\n".encode() * 40)

    def trickle(self) -> None:
        for one, kind in list(self.open.items()):
            if kind == "idle":
                continue
            try:
                one.send({"head": b"X-A: b\r\n", "body": b" "}.get(kind, b"\r\n"))
            except BlockingIOError:
                pass
            except OSError:
                self._drop(one)

    def notice(self, wait_s: float) -> None:
        for key, _ in self._waiting.select(wait_s):
            one = key.fileobj
            assert isinstance(one, socket.socket)
            with suppress(BlockingIOError):
                try:
                    if one.recv(65_536):
                        continue
                except ConnectionError:
                    pass
                self._drop(one)

    def _drop(self, one: socket.socket) -> None:
        if self.open.pop(one) != "deaf":
            self._waiting.unregister(one)
        one.close()
        self.closed += 1


def _largest_page(port: int) -> str:
    with urlopen(f"http://127.0.0.1:{port}/sign-in", timeout=30) as answer:
        names = re.findall(r'(?:src|href)="(/assets/[^"]+)"', answer.read().decode())
    sizes = []
    for name in names:
        with urlopen(f"http://127.0.0.1:{port}{name}", timeout=30) as answer:
            sizes.append((len(answer.read()), name))
    return max(sizes)[1] if sizes else "/sign-in"


def main() -> None:
    kind, count, addresses, *ports = sys.argv[1:]
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    crowd, over = Crowd(kind, int(count), int(addresses), [int(port) for port in ports]), threading.Event()

    def wait_for_end() -> None:
        sys.stdin.read()
        over.set()

    threading.Thread(target=wait_for_end, daemon=True).start()
    next_s, may_open = time.monotonic() + 1, crowd.count
    while not over.is_set():
        while may_open > 0 and len(crowd.open) < crowd.count and time.monotonic() < next_s and not over.is_set():
            crowd.add()
            may_open -= 1
        crowd.notice(0.02)
        if time.monotonic() >= next_s:
            crowd.trickle()
            sys.stdout.write(json.dumps({"open": len(crowd.open), "closed": crowd.closed}) + "\n")
            sys.stdout.flush()
            next_s, may_open = time.monotonic() + 1, AGAIN_PER_S


if __name__ == "__main__":
    main()

"""A line to a server that fails as told: refuses, takes and says nothing, or breaks in the midst of a file."""

import selectors
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Literal

Way = Literal["passes", "refuses", "hangs", "breaks"]
PIECE_BYTES = 65_536


@dataclass
class FaultyLine:
    """breaks_at: so many bytes towards the server, in each connection. failed: how often it was felt."""

    target: tuple[str, int]
    way: Way = "passes"
    breaks_at: int = 200_000
    failed: int = 0
    port: int = 0


@contextmanager
def faulty_line(target_port: int) -> Iterator[FaultyLine]:
    """In front of a server on loopback. How it behaves may be changed while it runs."""
    line, ending = FaultyLine(("127.0.0.1", target_port)), threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        line.port = listening.getsockname()[1]
        listening.settimeout(0.05)
        thread = threading.Thread(target=_listen, args=(line, listening, ending), name="faulty line", daemon=True)
        thread.start()
        try:
            yield line
        finally:
            ending.set()
            thread.join(10)


def _listen(line: FaultyLine, listening: socket.socket, ending: threading.Event) -> None:
    while not ending.is_set():
        with suppress(TimeoutError):
            client, _ = listening.accept()
            threading.Thread(target=_serve, args=(line, client, ending), daemon=True).start()


def _serve(line: FaultyLine, client: socket.socket, ending: threading.Event) -> None:
    with client:
        if line.way == "refuses":
            line.failed += 1
            _reset(client)
        elif line.way == "hangs":
            line.failed += 1
            ending.wait(30)
        else:
            with suppress(OSError), socket.create_connection(line.target) as server:
                _pass(line, client, server, ending)


def _pass(line: FaultyLine, client: socket.socket, server: socket.socket, ending: threading.Event) -> None:
    others, sent = {client: server, server: client}, 0
    with selectors.DefaultSelector() as both:
        for each in others:
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else every small answer waits 40 ms
            both.register(each, selectors.EVENT_READ)
        while not ending.is_set():
            for key, _ in both.select(0.05):
                here = client if key.fileobj is client else server
                data = here.recv(PIECE_BYTES)
                if not data:
                    return
                sent += len(data) if here is client else 0
                if line.way == "breaks" and sent > line.breaks_at:
                    line.failed += 1
                    _reset(client)
                    _reset(server)
                    return
                others[here].sendall(data)


def _reset(one: socket.socket) -> None:
    """Gone without a goodbye."""
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    one.close()

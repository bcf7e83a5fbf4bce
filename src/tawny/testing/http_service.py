"""A stand-in for a service over HTTP: it keeps every request and gives chosen answers."""

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tawny.model.times import SystemClock


@dataclass
class ReceivedRequest:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at_ms: int = 0
    """Time at which it was complete, by this machine's clock."""

    @property
    def route(self) -> str:
        return unquote(urlsplit(self.path).path)

    @property
    def query(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, bytes]:
        """Fields of `multipart/form-data` by name."""
        head = f"Content-Type: {self.headers['content-type']}\r\n\r\n".encode()
        parsed = BytesParser(policy=HTTP).parsebytes(head + self.body)
        assert isinstance(parsed, EmailMessage)
        found: dict[str, bytes] = {}
        for part in parsed.iter_parts():
            payload = part.get_payload(decode=True)
            assert isinstance(payload, bytes)
            found[str(part.get_param("name", header="content-disposition"))] = payload
        return found


Reply = tuple[int, Any]


@dataclass
class StandIn:
    """reply: the answer to a request. fails: the first answers, in order; None closes the connection."""

    reply: Callable[[ReceivedRequest], Reply] = lambda _: (200, {})
    fails: list[Reply | None] = field(default_factory=list)
    asked: list[ReceivedRequest] = field(default_factory=list)
    port: int = 0
    tls: ssl.SSLContext | None = None
    """Makes it https."""
    headers: dict[str, str] = field(default_factory=dict)
    """More headers of each answer."""

    @property
    def base(self) -> str:
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}"

    @property
    def last(self) -> ReceivedRequest:
        return self.asked[-1]


@contextmanager
def served(stand_in: StandIn) -> Iterator[StandIn]:
    """Serve it on a free port of 127.0.0.1."""

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            size = int(self.headers.get("Content-Length", 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = ReceivedRequest(self.command, self.path, headers, self.rfile.read(size), SystemClock().now_ms())
            if stand_in.fails:
                failure = stand_in.fails.pop(0)
                if failure is None:
                    self.close_connection = True
                    return
                status, value = failure
            else:
                stand_in.asked.append(asked)
                status, value = stand_in.reply(asked)
            body = value if isinstance(value, bytes) else json.dumps(value).encode()
            self.send_response(status)
            for name, text in {"Content-Length": str(len(body)), **stand_in.headers}.items():
                self.send_header(name, text)
            self.end_headers()
            self.wfile.write(body)

        def __getattr__(self, name: str) -> Any:
            if name.startswith("do_"):
                return self.handle_any
            raise AttributeError(name)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        if stand_in.tls is not None:
            server.socket = stand_in.tls.wrap_socket(server.socket, server_side=True)
        stand_in.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield stand_in
        finally:
            server.shutdown()
            thread.join()

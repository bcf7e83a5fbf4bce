"""A camera whose ONVIF service answers every request with what was chosen, as fast or as slowly as chosen."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

ENVELOPE = "http://www.w3.org/2003/05/soap-envelope"


def envelope(content: str) -> bytes:
    return f'<s:Envelope xmlns:s="{ENVELOPE}"><s:Body>{content}</s:Body></s:Envelope>'.encode()


def nested(size_bytes: int = 360_000) -> bytes:
    """An answer of this size whose elements are all of the name that is searched, each within the one before."""
    count = size_bytes // len("<PTZ></PTZ>")
    return envelope("<r>" + "<PTZ>" * count + "</PTZ>" * count + "</r>")


def response(body: bytes) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


@dataclass
class HostileCamera:
    """answer: raw bytes of each response. byte_pause_s: pause between its bytes. is_silent: never answers."""

    answer: bytes = b""
    byte_pause_s: float = 0.0
    is_silent: bool = False
    is_endless: bool = False
    """Repeats the answer until the client leaves."""
    requests: list[bytes] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://admin:s3cret@127.0.0.1:{self.port}/onvif/device_service"

    def serve(self, connection: socket.socket, over: threading.Event) -> None:
        try:
            with connection:
                self.requests.append(connection.recv(65_536))
                if self.is_silent:
                    over.wait(60)
                while not over.is_set():
                    for at in range(len(self.answer)) if self.byte_pause_s else ():
                        connection.sendall(self.answer[at : at + 1])
                        if over.wait(self.byte_pause_s):
                            return
                    if not self.byte_pause_s:
                        connection.sendall(self.answer)
                    if not self.is_endless:
                        return
        except OSError:  # the client has left
            return


@contextmanager
def hostile(camera: HostileCamera) -> Iterator[HostileCamera]:
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        camera.port = server.getsockname()[1]

        def accept() -> None:
            while not over.is_set():
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=camera.serve, args=(connection, over), daemon=True).start()

        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        try:
            yield camera
        finally:
            over.set()
            server.shutdown(socket.SHUT_RDWR)
            accepting.join(5)

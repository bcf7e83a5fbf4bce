"""An RTMP camera for tests: sends what an encoder writes as FLV to each that asks, H.265, too."""

import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from tawny.protocols.rtmp import (
    COMMAND,
    FLV_HEADER,
    HANDSHAKE_BYTES,
    VERSION,
    RtmpReader,
    command,
    read_command,
)

_PIECE_BYTES = 128


class RtmpCamera:
    """words: the command of the encoder, which writes FLV to its standard output.

    is_silent: sends nothing more. garbage: sends this instead.
    """

    def __init__(self, words: list[str], port: int = 0) -> None:
        self._words, self._over = words, threading.Event()
        self.is_silent, self.garbage = False, b""
        self._listening = socket.create_server(("127.0.0.1", port))
        self.port = int(self._listening.getsockname()[1])
        self._lines: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._begin(self._accept)

    def _begin(self, run: Callable[..., None], *args: object) -> None:
        self._threads.append(threading.Thread(target=run, args=args, daemon=True))
        self._threads[-1].start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                line, _ = self._listening.accept()
                self._lines.append(line)
                self._begin(self._serve, line)

    def _serve(self, line: socket.socket) -> None:
        with line, suppress(OSError):
            first = _exactly(line, 1 + HANDSHAKE_BYTES)
            line.sendall(VERSION + bytes(HANDSHAKE_BYTES) + first[1:])
            _exactly(line, HANDSHAKE_BYTES)
            reader = RtmpReader()
            while data := line.recv(4096):
                for message in reader.feed(data):
                    if message.kind != COMMAND:
                        continue
                    name, number = read_command(message.body)[:2]
                    if name == "play":
                        answer = {"level": "status", "code": "NetStream.Play.Start"}
                        line.sendall(command("onStatus", 0, None, answer, stream=1))
                        self._play(line)
                        return
                    line.sendall(command("_result", number, None, 1 if name == "createStream" else {}))

    def _play(self, line: socket.socket) -> None:
        running = subprocess.Popen(self._words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        output = running.stdout
        assert output is not None
        try:
            output.read(len(FLV_HEADER))
            while len(head := output.read(11)) == 11:
                body = output.read(int.from_bytes(head[1:4], "big") + 4)[:-4]
                while self.is_silent and not self._over.is_set():
                    self._over.wait(0.02)
                header = b"\x04" + head[4:7] + head[1:4] + head[:1] + b"\1\0\0\0"
                pieces = [body[at : at + _PIECE_BYTES] for at in range(0, len(body), _PIECE_BYTES)]
                line.sendall(self.garbage or header + b"\xc4".join(pieces))
        finally:
            running.kill()
            running.wait()
            output.close()

    def close(self) -> None:
        self._over.set()
        for one in (self._listening, *self._lines):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        for thread in self._threads:
            thread.join(10.0)


def _exactly(line: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = line.recv(count - len(data))
        if not piece:
            raise ConnectionResetError
        data += piece
    return data


@contextmanager
def rtmp_camera(words: list[str], port: int = 0) -> Iterator[RtmpCamera]:
    camera = RtmpCamera(words, port)
    try:
        yield camera
    finally:
        camera.close()

"""A real `nats-server` for tests, on a free port of this computer."""

import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tawny.testing.waiting import until
from tests.support.ports import free_port
from tests.support.processes import ended


def program() -> str:
    """Return the server's path; empty: it isn't installed."""
    return shutil.which("nats-server", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin") or ""


class NatsServer:
    """port: stays the same when it is started again. settings: its configuration file's text."""

    def __init__(self, folder: Path, settings: str = "") -> None:
        self.port = free_port()
        self.address = f"nats://127.0.0.1:{self.port}"
        self.log = folder / "nats.log"
        self._settings = folder / "nats.conf"
        self._settings.write_text(settings)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        words = [program(), "-a", "127.0.0.1", "-p", str(self.port), "-c", str(self._settings), "-l", str(self.log)]
        self._process = subprocess.Popen(words, stdin=subprocess.DEVNULL)
        until(self._answers, 60, "the NATS server")

    def stop(self) -> None:
        if self._process is not None:
            ended(self._process)
            self._process = None

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def send_signal(self, which: int) -> None:
        """Stop it where it is, or let it go on: then it is silent, with its connections still open."""
        assert self._process is not None
        self._process.send_signal(which)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text() if self.log.exists() else "no log"
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as connection:
                return connection.recv(4) == b"INFO"
        except OSError:
            return False


@contextmanager
def nats_server(settings: str = "") -> Iterator[NatsServer]:
    """Run a server. Skips the test where none is installed."""
    if not program():
        pytest.skip("nats-server isn't installed; ./test installs it where the distribution has it")
    with tempfile.TemporaryDirectory(prefix="tawny-nats-") as folder:
        server = NatsServer(Path(folder), settings)
        server.start()
        try:
            yield server
        finally:
            server.stop()

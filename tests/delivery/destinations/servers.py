"""Real servers on loopback, each started for a test and gone with it.

mode: a file; while it holds `lies`, a server takes all and keeps half of a file; while `full`, it has no room.
"""

import asyncio
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncssh
import uvicorn

from tawny.api.auth.passes import UploadRight
from tawny.api.inbox import Inbox, InboxWrite, Upload
from tawny.engine.tls import ContextInForce, make_server_context
from tawny.testing.waiting import until
from tests.api.fakes import House, make_house
from tests.support.ports import free_port

SSHD = Path("/usr/sbin/sshd")
HERE = Path(__file__).parent
WRITER = "writer"
"""An access key of the S3 server that may only write."""


@contextmanager
def s3_server(mode: Path | None = None) -> Iterator[str]:
    """moto's. Its address. Parts of an upload may be small."""
    with _child("s3_server.py", str(mode or ""), S3_UPLOAD_PART_MIN_SIZE="1") as port:
        yield f"http://127.0.0.1:{port}"


@dataclass(frozen=True)
class SshServer:
    port: int
    host_key: str
    key: Path


@contextmanager
def ssh_server(home: Path) -> Iterator[SshServer]:
    """OpenSSH's, for who runs the tests, by a key."""
    host, ours = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    host.write_private_key(home / "host")
    ours.write_private_key(home / "ours")
    ours.write_public_key(home / "allowed")
    for name in ("host", "ours"):
        (home / name).chmod(0o600)
    port = free_port()
    settings = {
        "Port": port, "ListenAddress": "127.0.0.1", "HostKey": home / "host", "AuthorizedKeysFile": home / "allowed",
        "PidFile": "none", "StrictModes": "no", "UsePAM": "no", "PasswordAuthentication": "no",
        "Subsystem": "sftp internal-sftp",
    }  # fmt: skip
    (home / "config").write_text("".join(f"{key} {value}\n" for key, value in settings.items()))
    Path("/run/sshd").mkdir(exist_ok=True) if os.geteuid() == 0 else None
    command = [str(SSHD), "-D", "-e", "-f", str(home / "config")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            until(lambda: _answers(port), 60, "sshd")
            yield SshServer(port, host.get_fingerprint(), home / "ours")
        finally:
            process.terminate()


@contextmanager
def dav_server(root: Path, password: str, mode: Path | None = None) -> Iterator[int]:
    """wsgidav. Its port."""
    with _child("webdav_server.py", str(root), password, str(mode or "")) as port:
        yield port


@contextmanager
def ftp_server(root: Path, password: str, certificate: str = "", mode: Path | None = None) -> Iterator[int]:
    """pyftpdlib. Its port."""
    with _child("ftp_server.py", str(root), password, certificate, str(mode or "")) as port:
        yield port


@dataclass(frozen=True)
class TawnyServer:
    """Another tawny, with a pass that may bring."""

    house: House
    port: int
    folder: Path
    pass_id: str
    secret: str


@contextmanager
def tawny_server(
    folder: Path, quota_bytes: int, mode: Path | None = None, tls: ContextInForce | None = None
) -> Iterator[TawnyServer]:
    """tls: returns the context of each handshake; None: plain http."""
    house = make_house(folder)
    house.site.inbox = _FaultyInbox(folder / "inbox", mode)
    made, secret = house.passes.make("A friend", brings=quota_bytes)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        settings = uvicorn.Config(house.app, log_config=None, lifespan="off")
        settings.load()
        if tls is not None:
            settings.ssl = make_server_context()
            settings.ssl.sni_callback = lambda line, *_: setattr(line, "context", tls())
        server = uvicorn.Server(settings)
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([listening])))
        thread.start()
        try:
            until(lambda: server.started, 60, "the other tawny")
            yield TawnyServer(house, listening.getsockname()[1], folder / "inbox", made.id, secret)
        finally:
            server.should_exit = True
            thread.join(30)
    house.accounts.close()


class _FaultyInbox(Inbox):
    def __init__(self, root: Path, mode: Path | None) -> None:
        super().__init__(root)
        self._mode = mode

    def begin(self, holder: str, upload: Upload, right: UploadRight) -> InboxWrite:
        return super().begin(holder, upload, UploadRight(0, None) if self._said() == "full" else right)

    def finish(self, holder: str, upload: Upload, right: UploadRight) -> str:
        name = super().finish(holder, upload, right)
        if self._said() == "lies":
            os.truncate(self.path(holder, name), upload.size_bytes // 2)
        return name

    def _said(self) -> str:
        return self._mode.read_text() if self._mode and self._mode.exists() else ""


@contextmanager
def _child(script: str, *words: str, **more: str) -> Iterator[int]:
    """A server in a process of its own, which prints its port and ends with its standard input."""
    command = [sys.executable, "-W", "ignore", str(HERE / script), *words]
    quiet = subprocess.DEVNULL
    own, piped = os.environ | more, subprocess.PIPE
    with subprocess.Popen(command, stdin=piped, stdout=piped, stderr=quiet, text=True, env=own) as server:
        assert server.stdin and server.stdout
        try:
            yield int(server.stdout.readline())
        finally:
            server.stdin.close()
            server.kill()


def _answers(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0

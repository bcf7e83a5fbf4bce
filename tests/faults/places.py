"""Real servers, each started when it is first wanted and kept for a module's tests, and places on them."""

import os
import pwd
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from tawny.delivery.destinations.ftp import Ftp
from tawny.delivery.destinations.s3 import S3
from tawny.delivery.destinations.sftp import Sftp
from tawny.delivery.destinations.tawny import TawnyDestination
from tawny.delivery.destinations.webdav import WebDav
from tests.delivery.certificates import self_signed
from tests.delivery.destinations.faulty_sftp import faulty_ssh_server
from tests.delivery.destinations.servers import (
    SSHD,
    SshServer,
    TawnyServer,
    dav_server,
    ftp_server,
    s3_server,
    ssh_server,
    tawny_server,
)
from tests.faults.delivering import Place, Tree, tree_of

PASSWORD = "pLantedS3cret"
QUOTA_BYTES = 1_000_000_000


class Servers:
    """mode: the file by which they are told to fail (`tests.delivery.destinations.servers`)."""

    def __init__(self, root: Path, closing: ExitStack) -> None:
        self.root, self.mode, self._closing = root, root / "mode", closing
        self._open: dict[str, Any] = {}
        self._numbers = count(1)

    def place(self, kind: str) -> Place:
        """An empty one: a folder of its own."""
        folder = f"place-{next(self._numbers)}"
        make: Callable[[str], Place] = getattr(self, f"_{kind}")
        return make(folder)

    @property
    def tawny(self) -> TawnyServer:
        made: TawnyServer = self._running("tawny", lambda: tawny_server(self._home("tawny"), QUOTA_BYTES, self.mode))
        return made

    def _s3(self, folder: str) -> Place:
        address = self._running("s3", lambda: s3_server(self.mode))
        if "bucket" not in self._open:
            keys = {"aws_access_key_id": "key", "aws_secret_access_key": PASSWORD, "region_name": "us-east-1"}
            path_style = Config(s3={"addressing_style": "path"})
            self._open["bucket"] = boto3.resource("s3", endpoint_url=address, config=path_style, **keys).Bucket("cam")
            self._open["bucket"].create()
        bucket, prefix = self._open["bucket"], f"{folder}/"

        def tree() -> dict[str, bytes]:
            found = bucket.objects.filter(Prefix=prefix)
            return {one.key.removeprefix(prefix): one.get()["Body"].read() for one in found}

        url = f"s3://key:{PASSWORD}@cam/{folder}?endpoint=http%3A%2F%2F127.0.0.1:{{port}}"
        return Place(S3(), url, int(address.rpartition(":")[2]), tree)

    def _sftp(self, folder: str) -> Place:
        if not SSHD.exists():
            pytest.skip("OpenSSH's server is not installed: apt install openssh-server")
        return self._ssh(self._running("sftp", lambda: ssh_server(self._home("sftp"))), folder)

    def _faulty_sftp(self, folder: str) -> Place:
        server = self._running("faulty_sftp", lambda: faulty_ssh_server(self._home("faulty_sftp"), self.mode))
        return self._ssh(server, folder)

    def _ssh(self, server: SshServer, folder: str) -> Place:
        there = self._home(folder)
        table = {"host_key": server.host_key, "key": str(server.key)}
        url = f"sftp://{pwd.getpwuid(os.geteuid()).pw_name}@127.0.0.1:{{port}}/%2F{str(there)[1:]}"
        return Place(Sftp(), url, server.port, lambda: tree_of(there), table)

    def _ftp(self, folder: str) -> Place:
        port = self._running("ftp", lambda: ftp_server(self._home("ftp"), PASSWORD, mode=self.mode))
        return Place(Ftp(), f"ftp://cam:{PASSWORD}@127.0.0.1:{{port}}/{folder}", port, self._tree("ftp", folder))

    def _ftps(self, folder: str) -> Place:
        if "certificate" not in self._open:
            self._open["certificate"] = self_signed(self._home("certificate"))
        path: Path = self._open["certificate"]
        port = self._running("ftps", lambda: ftp_server(self._home("ftps"), PASSWORD, str(path), self.mode))
        table = {"fingerprint": x509.load_pem_x509_certificate(path.read_bytes()).fingerprint(hashes.SHA256()).hex()}
        url = f"ftps://cam:{PASSWORD}@127.0.0.1:{{port}}/{folder}"
        return Place(Ftp(), url, port, self._tree("ftps", folder), table)

    def _dav(self, folder: str) -> Place:
        port = self._running("dav", lambda: dav_server(self._home("dav"), PASSWORD, self.mode))
        return Place(WebDav(), f"dav://cam:{PASSWORD}@127.0.0.1:{{port}}/{folder}", port, self._tree("dav", folder))

    def _tawny(self, folder: str) -> Place:
        there = self.tawny

        def tree() -> dict[str, bytes]:
            """By whichever pass it came."""
            return {name: data for home in there.folder.glob(f"*/{folder}") for name, data in tree_of(home).items()}

        return Place(TawnyDestination(), f"tawny+http://:{there.secret}@127.0.0.1:{{port}}/{folder}", there.port, tree)

    def _tree(self, server: str, folder: str) -> Tree:
        there = self.root / server / folder
        there.mkdir()
        return lambda: tree_of(there)

    def _home(self, name: str) -> Path:
        home = self.root / name
        home.mkdir()
        return home

    def _running(self, name: str, make: Callable[[], Any]) -> Any:
        if name not in self._open:
            self._open[name] = self._closing.enter_context(make())
        return self._open[name]


@contextmanager
def running_servers(root: Path) -> Iterator[Servers]:
    with ExitStack() as closing:
        yield Servers(root, closing)

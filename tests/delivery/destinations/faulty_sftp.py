"""An SFTP server in a thread that fails while its mode says so."""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncssh

from tests.delivery.destinations.servers import SshServer

SCAN_S = 1.5


class Faulty(asyncssh.SFTPServer):
    """mode: `lies` halves what was written when it is closed; `full` fails as OpenSSH does on a full disk.

    `timeless` sets no times; `hangs` never answers about files and folders; `scans` takes SCAN_S to close a file.
    `whole` refuses to continue a file, as servers in front of object storage do; `whole later`: with the first data.
    `whole failure` refuses it without saying why.
    `quota` fails as OpenSSH does for a user whose share of a disk is full, `read-only` as on a disk mounted so; `no
    folders` lets none be made. `gone` has no folder to open a file in.
    """

    mode: Path

    def open(self, path: bytes, pflags: int, attrs: Any) -> Any:
        if self._said() == "gone":
            raise asyncssh.SFTPNoSuchFile("No such file")
        if self._said() == "read-only" and Path(os.fsdecode(path)).parent.is_dir():
            raise asyncssh.SFTPFailure("Failure")
        continues = pflags & asyncssh.FXF_WRITE and not pflags & asyncssh.FXF_TRUNC
        if continues and self._said() == "whole":
            raise asyncssh.SFTPOpUnsupported("resuming is not supported")
        if continues and self._said() == "whole failure":
            raise asyncssh.SFTPFailure("Failure")
        return super().open(path, pflags, attrs)

    def mkdir(self, path: bytes, attrs: Any) -> None:
        if self._said() == "read-only":
            raise asyncssh.SFTPFailure("Failure")
        if self._said() == "no folders":
            raise asyncssh.SFTPPermissionDenied("Permission denied")
        super().mkdir(path, attrs)

    def write(self, file_obj: Any, offset: int, data: bytes) -> Any:
        if offset and self._said() == "whole later":
            raise asyncssh.SFTPFailure("resuming is not supported")
        if self._said() in ("full", "quota"):
            raise asyncssh.SFTPFailure("Failure")
        return super().write(file_obj, offset, data)

    async def close(self, file_obj: Any) -> Any:
        is_written = "r" not in file_obj.mode or "+" in file_obj.mode
        super().close(file_obj)
        if is_written and self._said() == "scans":
            await asyncio.sleep(SCAN_S)
        if is_written and self._said() == "lies":
            os.truncate(file_obj.name, Path(os.fsdecode(file_obj.name)).stat().st_size // 2)

    def setstat(self, path: bytes, attrs: Any) -> Any:
        if self._said() == "timeless":
            raise asyncssh.SFTPOpUnsupported("Unsupported")
        return super().setstat(path, attrs)

    async def stat(self, path: bytes) -> Any:
        await self._hang()
        return super().stat(path)

    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        await self._hang()
        async for entry in super().scandir(path):
            yield entry

    async def _hang(self) -> None:
        if self._said() == "hangs":
            await asyncio.Event().wait()

    def statvfs(self, path: bytes) -> Any:
        if self._said() == "full":
            return asyncssh.SFTPVFSAttrs(bsize=4096, frsize=4096, blocks=1000, bfree=0, bavail=0, namemax=255)
        if self._said() == "read-only":
            return asyncssh.SFTPVFSAttrs(4096, 4096, 1000, 500, 500, flags=os.ST_RDONLY, namemax=255)
        return super().statvfs(path)

    def _said(self) -> str:
        return self.mode.read_text() if self.mode.exists() else ""


@contextmanager
def faulty_ssh_server(home: Path, mode: Path, hosts: Sequence[asyncssh.SSHKey] = ()) -> Iterator[SshServer]:
    """For anybody with its key. hosts: its host keys; none: one is made."""
    host, ours = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    ours.write_private_key(home / "ours")
    ours.write_public_key(home / "allowed")
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="faulty sftp", daemon=True)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(_listening(hosts or [host], home / "allowed", mode), loop).result(30)
    try:
        yield SshServer(server.get_port(), host.get_fingerprint(), home / "ours")
    finally:
        asyncio.run_coroutine_threadsafe(_ended(server), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()


async def _listening(hosts: Sequence[asyncssh.SSHKey], allowed: Path, mode: Path) -> asyncssh.SSHAcceptor:
    kind, keys = type("Kind", (Faulty,), {"mode": mode}), str(allowed)
    return await asyncssh.listen(
        "127.0.0.1", 0, server_host_keys=list(hosts), authorized_client_keys=keys, sftp_factory=kind
    )


async def _ended(server: asyncssh.SSHAcceptor) -> None:
    server.close()
    await server.wait_closed()
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()

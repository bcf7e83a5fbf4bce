"""SFTP destination: any computer with an SSH server (`sftp://user@host/folder`, or `scp://`, which also uses SFTP).

Each call runs its coroutine to the end on the courier's thread; nothing runs between calls.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from math import inf
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, TypeVar

import asyncssh

from tawny.delivery.delivery import PORTION_BYTES, DeliveryContent, portions
from tawny.delivery.destination import (
    FOLDER_GONE,
    DestinationAddress,
    DestinationConnection,
    DestinationContext,
    RemoteFile,
    create_folder,
    named_as_whole,
    only,
    parse,
)
from tawny.model.errors import (
    DeliveryError,
    StrangeTarget,
    TargetFull,
    TargetLied,
    TargetMissing,
    TargetRefused,
    TargetUnreachable,
)

PORTS = {"sftp": 22, "scp": 22}
TIMEOUT_S = 15.0
ANSWER_S = 30.0
"""Time, s, for a server to answer to one operation."""
WHOLE_FILE_S = 120.0
"""Time, s, for a server to write all of a file to its storage, scan it, or move it."""
PART = ".part"
_LOST = (asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection)
_FULL = (asyncssh.SFTPNoSpaceOnFilesystem, asyncssh.SFTPQuotaExceeded)
_NO_KEY = (asyncssh.KeyExchangeFailed, asyncssh.ConnectionLost, ConnectionResetError, BrokenPipeError)
"""How a server ends a connection for which it has no host key: OpenSSH does not wait until that is read."""
_PREFERRED = "^ssh-ed25519"
"""All algorithms of host keys, and first the one that SSH clients and other devices show."""
Result = TypeVar("Result")
_Opened = tuple[asyncssh.SSHClientConnection, asyncssh.SFTPClient, str]
"""Connection, client and folder without trailing slash."""


class Sftp:
    """An SSH server (SFTP).

    - `host_key` (""): the server's fingerprint (`SHA256:…`) or public key.
    - `key` (""): file with tawny's private key.
    - `passphrase` (""): passphrase of that file.
    - `create_folder` (false): create the folder there if it is missing.
    """

    schemes: ClassVar[tuple[str, ...]] = ("sftp", "scp")

    def __init__(self) -> None:
        self._algorithms: dict[str, str] = {}
        """What to offer to be shown a host key, by its fingerprint."""

    def settings(self, url: str, table: Mapping[str, Any]) -> Mapping[str, Any]:
        parse(url, PORTS)
        only(table, ("host_key", "key", "passphrase", "create_folder"))
        create = create_folder(table)
        host_key, key = str(table.get("host_key", "")), str(table.get("key", ""))
        if host_key and not host_key.startswith("SHA256:"):
            try:
                host_key = asyncssh.import_public_key(host_key).get_fingerprint()
            except asyncssh.KeyImportError:
                raise ValueError("host_key: use SHA256:… or ssh-ed25519 AAAA…") from None
        if key and not Path(key).expanduser().is_file():
            raise ValueError(f"key: {key} isn't a file; use the file of a private key")
        passphrase = str(table.get("passphrase", ""))
        return {"host_key": host_key, "key": key, "passphrase": passphrase, "create_folder": create}

    def public(self, url: str) -> str:
        return parse(url, PORTS).public

    def connect(self, opening: DestinationContext) -> DestinationConnection:
        address = parse(opening.url, PORTS)
        public = f"{opening.name} ({address.public})"
        with ExitStack() as until_connected:
            runner = until_connected.enter_context(asyncio.Runner())
            with _worded(public):
                opened = runner.run(_connected(address, opening.options, public, self._algorithms))
            until_connected.pop_all()
        return _OpenSftp(runner, opened, public)


class _Client(asyncssh.SSHClient):
    """Accepts one host key; other servers are refused before authentication."""

    def __init__(self, wanted: str) -> None:
        self._wanted = wanted
        self.shown = self.algorithms = ""

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        self.shown, algorithm = key.get_fingerprint(), key.get_algorithm()
        self.algorithms = "*rsa*" if "rsa" in algorithm else algorithm
        return self.shown == self._wanted


async def _logged_in(
    address: DestinationAddress, options: Mapping[str, Any], client: _Client, offered: str
) -> asyncssh.SSHClientConnection:
    key = Path(str(options["key"])).expanduser() if options["key"] else None
    return await asyncssh.connect(
        address.host,
        address.port,
        username=address.user or "tawny",
        password=address.password or None,
        client_keys=[str(key)] if key else None,
        passphrase=str(options["passphrase"]) or None,
        known_hosts=([], [], []),
        client_factory=lambda: client,
        config=None,
        agent_path=None,
        server_host_key_algs=offered,
        connect_timeout=TIMEOUT_S,
    )


async def _verified(
    address: DestinationAddress, options: Mapping[str, Any], public: str, algorithms: dict[str, str]
) -> asyncssh.SSHClientConnection:
    """Connect to the server with the wanted host key, which may be any of those it has.

    A connection that is lost while only other keys are offered may mean that the server has none of them, or nothing.
    It counts only if the server, asked from the start, answers and then ends it again.
    """
    wanted = str(options["host_key"])
    offered, refused, was_lost = algorithms.get(wanted, _PREFERRED), dict[str, str](), False
    while True:
        client = _Client(wanted)
        try:
            ssh = await _logged_in(address, options, client, offered)
        except asyncssh.HostKeyNotVerifiable as error:
            if not wanted or not client.shown or client.algorithms in refused:  # shown again, though not offered
                raise _strange(public, client.shown, wanted) from error
            refused[client.algorithms] = client.shown
            offered = "-" + ",".join(refused)
        except _NO_KEY as error:
            if client.shown or offered == _PREFERRED:
                raise
            if refused and was_lost:
                raise _strange(public, next(iter(refused.values())), wanted) from error
            offered, refused, was_lost = _PREFERRED, {}, True
        else:
            algorithms[wanted] = offered  # else each connection would begin with a refused one
            return ssh


class UnknownServer(StrangeTarget):
    """No host key is set: it is the first contact, and no sign of an attack."""

    says = "{where} is not trusted yet: {detail}."
    advice = "Compare this key with the one that the server itself shows. If it is the same, set `host_key` to it."


class ReadOnlyTarget(TargetRefused):
    says = "Nothing can be written at {where}: {detail}."
    advice = "Check that disk: after errors, a system makes it read-only."


def _strange(public: str, shown: str, wanted: str) -> StrangeTarget:
    kind = StrangeTarget if wanted else UnknownServer
    return kind(public, f"its host key is {shown}" if shown else "it has no host key")


async def _connected(
    address: DestinationAddress, options: Mapping[str, Any], public: str, algorithms: dict[str, str]
) -> _Opened:
    ssh = await _verified(address, options, public, algorithms)
    try:
        async with asyncio.timeout(TIMEOUT_S):
            sftp = await ssh.start_sftp_client()
            if options["create_folder"] and address.folder:
                await sftp.makedirs(address.folder, exist_ok=True)
            root = str(await sftp.realpath(address.folder or "."))
            is_there = await sftp.isdir(root)
    except asyncssh.SFTPNoSuchFile:
        is_there = False
    except (OSError, asyncssh.Error):
        await _cut_off(ssh)
        raise
    if not is_there:
        await _cut_off(ssh)
        raise TargetMissing(public, "the folder doesn't exist")
    return ssh, sftp, root.rstrip("/")


class _OpenSftp:
    is_sure: ClassVar[bool] = False

    def __init__(self, runner: asyncio.Runner, opened: _Opened, public: str) -> None:
        self._runner, self._public = runner, public
        self._ssh, self._sftp, self._root = opened

    def find(self, name: str) -> RemoteFile | None:
        return self._run(self._find(name))

    async def _find(self, name: str) -> RemoteFile | None:
        try:
            found = await self._in_time(self._sftp.stat(self._path(name)))
        except asyncssh.SFTPNoSuchFile:
            return None
        return RemoteFile(name, found.size or 0, round((found.mtime or 0) * 1000))

    def put(self, name: str, content: DeliveryContent, progress: str, note: Callable[[str], None]) -> None:
        self._run(self._put(name, content, progress, note))

    async def _put(self, name: str, content: DeliveryContent, progress: str, note: Callable[[str], None]) -> None:
        path = self._path(name)
        part = path + PART
        denied = await self._make_folders(name)
        begun = 0
        if progress == content.sha256:
            with suppress(asyncssh.SFTPNoSuchFile):
                begun = await self._size(part)
        try:
            await self._write(part, content, begun, note)
        except (asyncssh.SFTPFailure, asyncssh.SFTPNoSuchFile) as error:  # OpenSSH says no more of a disk
            if await self._is_read_only():
                raise ReadOnlyTarget(self._public, "its disk is read-only") from error
            if isinstance(error, asyncssh.SFTPNoSuchFile):
                if denied is None:
                    raise
                raise denied from error
            if await self._room_bytes() < content.size_bytes - begun:
                raise TargetFull(self._public, "no space left") from error
            raise
        held_bytes = await self._size(part)
        if held_bytes != content.size_bytes:
            note("")
            raise TargetLied(self._public, f"{name} has {held_bytes} bytes there, expected {content.size_bytes}")
        if content.modified_ms:
            await self._set_time(part, content.modified_ms / 1000)
        try:
            await self._in_time(self._sftp.posix_rename(part, path), WHOLE_FILE_S)
        except asyncssh.SFTPOpUnsupported:
            with suppress(asyncssh.SFTPNoSuchFile):
                await self._in_time(self._sftp.remove(path), WHOLE_FILE_S)
            await self._in_time(self._sftp.rename(part, path), WHOLE_FILE_S)

    async def _make_folders(self, name: str) -> asyncssh.SFTPPermissionDenied | None:
        """Create the folders of a file, but never the root: without its disk, files would go to the one below it.

        Return why the last one may be missing, if the login may not create it. That is no error if it exists.
        """
        denied = None
        if not await self._in_time(self._sftp.isdir(self._root or "/")):
            raise TargetMissing(self._public, FOLDER_GONE)
        for folder in reversed(list(PurePosixPath(name).parents)[:-1]):
            try:
                with suppress(asyncssh.SFTPFailure, asyncssh.SFTPFileAlreadyExists):
                    await self._in_time(self._sftp.mkdir(self._path(str(folder))))  # refused if it exists
            except asyncssh.SFTPPermissionDenied as error:
                denied = error
        return denied

    async def _write(self, part: str, content: DeliveryContent, begun: int, note: Callable[[str], None]) -> None:
        """Upload the rest of a content, or all of it where the server refuses to continue a file.

        Each byte goes to its own place: what a lost connection still brings to the same file does no harm then.
        """
        file = None
        try:
            file = await self._in_time(_opened(self._sftp, part, asyncssh.FXF_WRITE if begun else "wb"))
            await self._send(file, content, begun, note)
        except asyncssh.SFTPError as error:
            # OpenSSH calls any error "Failure": while it writes, that may be a quota
            is_of_disk = isinstance(error, _FULL) or (file is not None and error.reason == "Failure")
            if not begun or is_of_disk or isinstance(error, _LOST) or await self._size(part) != begun:
                raise
            if await self._room_bytes() < content.size_bytes - begun:
                raise
            whole = await self._in_time(_opened(self._sftp, part, "wb"))
            await self._send(whole, content, 0, note)

    async def _send(self, file: Any, content: DeliveryContent, begun: int, note: Callable[[str], None]) -> None:
        try:
            note(content.sha256)  # only now: until it is open, it may hold other content
            await file.seek(begun)
            for portion in portions(content, begun):
                await self._in_time(file.write(portion))
        finally:
            await self._in_time(file.close(), WHOLE_FILE_S)

    async def _set_time(self, path: str, at_s: float) -> None:
        try:
            await self._in_time(self._sftp.utime(path, (at_s, at_s)))
        except asyncssh.SFTPError as error:  # some servers keep their own time
            if isinstance(error, _LOST):
                raise

    async def _size(self, path: str) -> int:
        return (await self._in_time(self._sftp.stat(path))).size or 0

    async def _room_bytes(self) -> float:
        """Return the free bytes; infinite if the server does not report them."""
        disk = await self._disk()
        return inf if disk is None else disk.bavail * disk.frsize

    async def _is_read_only(self) -> bool:
        disk = await self._disk()
        return disk is not None and bool(disk.flags & os.ST_RDONLY)

    async def _disk(self) -> asyncssh.SFTPVFSAttrs | None:
        """Return what the server reports of its disk; None if it doesn't."""
        try:
            return await self._in_time(self._sftp.statvfs(self._root or "/"))
        except asyncssh.SFTPError:
            return None

    def sha256(self, name: str) -> str | None:
        return None

    def read(self, name: str) -> Iterator[bytes]:
        file = self._run(self._in_time(_opened(self._sftp, self._path(name), "rb")))
        try:
            while portion := self._run(self._in_time(file.read(PORTION_BYTES))):
                yield bytes(portion)
        finally:
            self._run(self._in_time(file.close()))

    def remove(self, name: str) -> None:
        self._run(self._remove(name))

    async def _remove(self, name: str) -> None:
        for path in (self._path(name) + PART, self._path(name)):
            with suppress(asyncssh.SFTPNoSuchFile):
                await self._in_time(self._sftp.remove(path))
        for folder in list(PurePosixPath(name).parents)[:-1]:
            with suppress(asyncssh.SFTPError):  # not empty
                await self._in_time(self._sftp.rmdir(self._path(str(folder))))

    def files(self, prefix: str = "") -> Iterator[RemoteFile]:
        yield from self._run(self._below(prefix.strip("/")))

    async def _below(self, folder: str) -> list[RemoteFile]:
        try:
            entries = [entry async for entry in self._entries(self._path(folder) if folder else self._root or "/")]
        except asyncssh.SFTPNoSuchFile:
            return []
        files, below = list[RemoteFile](), list[RemoteFile]()
        for entry in sorted(entries, key=lambda one: str(one.filename)):
            label = str(entry.filename)
            name = f"{folder}/{label}" if folder else label
            if entry.attrs.type == asyncssh.FILEXFER_TYPE_DIRECTORY and label not in (".", ".."):
                below += await self._below(name)
            elif entry.attrs.type == asyncssh.FILEXFER_TYPE_REGULAR:
                files.append(RemoteFile(name, entry.attrs.size or 0, round((entry.attrs.mtime or 0) * 1000)))
        return named_as_whole(files, PART) + below

    async def _entries(self, path: str) -> AsyncIterator[asyncssh.SFTPName]:
        listing = self._sftp.scandir(path)
        while True:
            try:
                entry = await self._in_time(anext(listing))
            except StopAsyncIteration:
                return
            yield entry

    def link(self, name: str, lasts_s: float) -> str:
        return ""

    def close(self) -> None:
        self._runner.run(_cut_off(self._ssh))
        self._runner.close()

    def _path(self, name: str) -> str:
        if any(part == ".." for part in PurePosixPath(name).parts) or not name:
            raise DeliveryError(self._public, f"{name!r} is no name of a file in it")
        return f"{self._root}/{name}"

    def _run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        with _worded(self._public):
            return self._runner.run(coroutine)

    async def _in_time(self, operation: Awaitable[Result], limit_s: float | None = None) -> Result:
        """Return the result of one operation of the server. Raises TimeoutError if it takes longer. None: ANSWER_S.

        The connection is aborted then, because closing what the operation has open would wait for the same server.
        """
        loop = asyncio.get_running_loop()
        limit = loop.call_later(limit_s or ANSWER_S, self._ssh.abort)
        try:
            return await operation
        except _LOST as error:
            if limit.when() <= loop.time():
                raise TimeoutError from error
            raise
        finally:
            limit.cancel()


async def _cut_off(ssh: asyncssh.SSHClientConnection) -> None:
    """Abort the connection; a graceful close may hang."""
    ssh.abort()
    with suppress(TimeoutError):
        async with asyncio.timeout(1.0):
            await ssh.wait_closed()


async def _opened(sftp: asyncssh.SFTPClient, path: str, mode: str | int) -> Any:
    return await sftp.open(path, mode, encoding=None)


@contextmanager
def _worded(public: str) -> Iterator[None]:
    """Convert asyncssh errors to DeliveryError."""
    try:
        yield
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        raise TargetRefused(public, f"tawny's key can't be read: {error}") from error
    except asyncssh.PermissionDenied as error:
        raise TargetRefused(public, error.reason) from error
    except asyncssh.SFTPPermissionDenied as error:
        raise TargetRefused(public, error.reason) from error
    except _FULL as error:
        raise TargetFull(public, error.reason) from error
    except asyncssh.SFTPFailure as error:
        full = "space" in error.reason.lower() or "quota" in error.reason.lower()
        raise (TargetFull if full else DeliveryError)(public, error.reason or "it failed") from error
    except _LOST as error:
        raise TargetUnreachable(public, error.reason) from error
    except asyncssh.SFTPError as error:
        raise DeliveryError(public, error.reason) from error
    except asyncssh.Error as error:
        raise TargetUnreachable(public, error.reason) from error
    except (OSError, TimeoutError) as error:
        raise TargetUnreachable(public, error.strerror or str(error) or "it took too long") from error

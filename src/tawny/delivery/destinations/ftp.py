"""FTP over TLS (`ftps://`), and plain FTP (`ftp://`), which transfers password and files unencrypted."""

import hashlib
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from ftplib import FTP, FTP_TLS, error_perm, error_proto, error_reply, error_temp
from pathlib import PurePosixPath
from socket import socket
from typing import Any, ClassVar

from tawny.delivery.delivery import PORTION_BYTES, DeliveryContent, portions
from tawny.delivery.destination import (
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
from tawny.protocols.http_connection import failure_reason

PORTS = {"ftps": 21, "ftp": 21}
TIMEOUT_S = 15.0
WHOLE_FILE_S = 120.0
"""Time, s, for a server to write all of a file to its storage, scan it, or move it."""
PART = ".part"
_FULL = ("452", "552")
_LOGIN = ("530", "430", "331")
_UNKNOWN = ("500", "502")
_GONE = ("550", "501")
"""Replies for a folder that does not exist."""


class Ftp:
    """An FTP server: `ftps://user:password@host/folder`.

    - `fingerprint` (""): SHA-256 fingerprint of a self-signed certificate.
    - `create_folder` (false): create the folder there if it is missing.
    """

    schemes: ClassVar[tuple[str, ...]] = ("ftps", "ftp")

    def settings(self, url: str, table: Mapping[str, Any]) -> Mapping[str, Any]:
        parse(url, PORTS)
        only(table, ("fingerprint", "create_folder"))
        fingerprint = str(table.get("fingerprint", "")).replace(":", "").lower()
        if fingerprint and (len(fingerprint) != 64 or not all(one in "0123456789abcdef" for one in fingerprint)):
            raise ValueError("fingerprint: not a valid SHA-256; use 64 hex digits")
        return {"fingerprint": fingerprint, "create_folder": create_folder(table)}

    def public(self, url: str) -> str:
        return parse(url, PORTS).public

    def connect(self, opening: DestinationContext) -> DestinationConnection:
        address = parse(opening.url, PORTS)
        public = f"{opening.name} ({address.public})"
        with _worded(public), ExitStack() as undo:
            ftp = _made(address, str(opening.options["fingerprint"]))
            undo.callback(ftp.close)
            _log_in(ftp, address, str(opening.options["fingerprint"]), public)
            if opening.options["create_folder"]:
                _create(ftp, address.folder)
            made = _OpenFtp(ftp, address.folder, public)
            undo.pop_all()
            return made


class _Text(FTP):
    """Sends text as UTF-8, and reads what is no UTF-8 as Latin-1. Its `encoding` is latin-1."""

    def putline(self, line: str) -> None:
        super().putline(line.encode().decode("latin-1"))

    def getline(self) -> str:
        return _text(super().getline())

    def retrlines(self, cmd: str, callback: Callable[[str], object] | None = None) -> str:
        """List with the callback, then return to binary: many servers refuse SIZE in text mode."""
        assert callback
        try:
            return super().retrlines(cmd, lambda line: callback(_text(line)))
        finally:
            self.voidcmd("TYPE I")


def _text(latin_1: str) -> str:
    try:
        return latin_1.encode("latin-1").decode()
    except UnicodeDecodeError:
        return latin_1


class _Tls(_Text, FTP_TLS):
    """FTP over TLS that reuses the control connection's TLS session for data, which many servers require."""

    def ntransfercmd(self, cmd: str, rest: int | str | None = None) -> tuple[socket, int | None]:
        plain, size_bytes = FTP.ntransfercmd(self, cmd, rest)
        assert isinstance(self.sock, ssl.SSLSocket)
        return self.context.wrap_socket(plain, server_hostname=self.host, session=self.sock.session), size_bytes


def _made(address: DestinationAddress, fingerprint: str) -> FTP:
    if address.scheme == "ftp":
        return _Text(timeout=TIMEOUT_S, encoding="latin-1")
    context = ssl.create_default_context()
    if fingerprint:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return _Tls(context=context, timeout=TIMEOUT_S, encoding="latin-1")


def _log_in(ftp: FTP, address: DestinationAddress, fingerprint: str, public: str) -> None:
    """Connect, verify the certificate, then send the password."""
    ftp.connect(address.host, address.port)
    if isinstance(ftp, _Tls):
        ftp.auth()
        assert isinstance(ftp.sock, ssl.SSLSocket)
        shown = hashlib.sha256(ftp.sock.getpeercert(binary_form=True) or b"").hexdigest()
        if fingerprint and shown != fingerprint:
            raise StrangeTarget(public, f"its certificate has a different fingerprint: {shown}")
    ftp.login(address.user or "anonymous", address.password)
    if isinstance(ftp, _Tls):
        ftp.prot_p()
    ftp.voidcmd("TYPE I")


def _create(ftp: FTP, folder: str) -> None:
    """Create a folder and those above it; the server refuses existing ones."""
    parts = PurePosixPath(folder).parts
    for depth in range(1, len(parts) + 1):
        with suppress(error_perm):
            ftp.mkd(str(PurePosixPath(*parts[:depth])))


class _OpenFtp:
    is_sure: ClassVar[bool] = False

    def __init__(self, ftp: FTP, folder: str, public: str) -> None:
        self._ftp, self._public = ftp, public
        if folder:
            self._enter(folder)
        self._root = ftp.pwd().rstrip("/")
        self._made: set[str] = set()
        self._lists_facts = True

    def _enter(self, folder: str) -> None:
        try:
            self._ftp.cwd(folder)
        except error_perm as error:
            raise TargetMissing(self._public, str(error)) from error

    def find(self, name: str) -> RemoteFile | None:
        with _worded(self._public):
            try:
                size_bytes = self._ftp.size(self._path(name))
            except error_perm:
                return None
            return None if size_bytes is None else RemoteFile(name, size_bytes, self._modified_ms(name))

    def put(self, name: str, content: DeliveryContent, progress: str, note: Callable[[str], None]) -> None:
        with _worded(self._public):
            self._make_folders(name)
            path = self._path(name)
            part = path + PART
            there = self._size(part)
            begun = there if progress == content.sha256 else 0
            # What is left of other content must be gone before this one is noted; where it stays, nothing resumes.
            note(content.sha256 if there == begun or not self._delete(part) else "")
            if not begun or begun != content.size_bytes:  # else only the reply was lost
                self._store(part, content, begun)
            held_bytes = self._size(part)
            if held_bytes != content.size_bytes:
                note("")
                raise TargetLied(self._public, f"{name} has {held_bytes} bytes there, expected {content.size_bytes}")
            with self._patience():
                with suppress(error_perm):
                    self._ftp.delete(path)  # many servers cannot rename to an existing file
                self._ftp.rename(part, path)

    def sha256(self, name: str) -> str | None:
        return None

    def read(self, name: str) -> Iterator[bytes]:
        with _worded(self._public):
            data = self._ftp.transfercmd(f"RETR {self._path(name)}")
            with data:
                while portion := data.recv(PORTION_BYTES):
                    yield portion
            self._ftp.voidresp()

    def remove(self, name: str) -> None:
        with _worded(self._public):
            path = self._path(name)
            if refusals := [why for each in (path + PART, path) if (why := self._delete(each))]:
                raise TargetRefused(self._public, refusals[-1])
            for folder in list(PurePosixPath(name).parents)[:-1]:
                with suppress(error_perm):  # not empty
                    self._ftp.rmd(self._path(str(folder)))
                    self._made.clear()

    def files(self, prefix: str = "") -> Iterator[RemoteFile]:
        with _worded(self._public):
            with suppress(error_perm):  # without this command, a server lists these facts anyway
                self._ftp.sendcmd("OPTS MLST type;size;modify;")
            yield from self._below(prefix.strip("/"))

    def _below(self, folder: str) -> Iterator[RemoteFile]:
        files, folders = self._listed(folder)
        yield from named_as_whole(files, PART)
        for each in folders:
            yield from self._below(each)

    def _listed(self, folder: str) -> tuple[list[RemoteFile], list[str]]:
        """Return the files in a folder and the folders in it; nothing for one that does not exist."""
        path, below = self._path(folder) if folder else self._root or "/", f"{folder}/" if folder else ""
        files, folders = list[RemoteFile](), list[str]()
        try:
            if self._lists_facts:
                for entry, facts in sorted(self._ftp.mlsd(path)):
                    if facts.get("type") == "dir":
                        folders.append(below + entry)
                    elif facts.get("type") == "file":
                        size_bytes = int(facts.get("size", "0"))
                        files.append(RemoteFile(below + entry, size_bytes, _ms(facts.get("modify", ""))))
                return files, folders
        except error_perm as error:
            if folder and str(error).startswith(_GONE):
                return [], []
            if not str(error).startswith(_UNKNOWN):
                raise
            self._lists_facts = False
        for entry in self._names(path):
            found = self.find(below + entry)
            if found is None:  # only files have a size
                folders.append(below + entry)
            else:
                files.append(found)
        return files, folders

    def _names(self, path: str) -> list[str]:
        """Return what is in a folder, from a server without MLSD. Some list whole paths."""
        try:
            listed = self._ftp.nlst(path)
        except error_perm as error:
            if str(error).startswith(_GONE):
                return []
            raise
        names = {PurePosixPath(each).name for each in listed if each.rstrip("/") != path}
        return sorted(names - {"", ".."})

    def link(self, name: str, lasts_s: float) -> str:
        return ""

    def close(self) -> None:
        self._ftp.close()

    def _path(self, name: str) -> str:
        if any(part == ".." for part in PurePosixPath(name).parts) or any(ord(one) < 32 for one in name):
            raise DeliveryError(self._public, f"{name!r} is no name of a file in it")
        return f"{self._root}/{name}"

    def _store(self, part: str, content: DeliveryContent, begun: int) -> None:
        """Upload the rest of a content, or all of it where the server refuses to continue."""
        try:
            data = self._ftp.transfercmd(f"STOR {part}", rest=begun or None)
        except (error_perm, error_temp) as error:
            if not begun or not _is_resuming_refused(str(error)):
                raise
            self._delete(part)
            begun, data = 0, self._ftp.transfercmd(f"STOR {part}")
        with data:
            for portion in portions(content, begun):
                data.sendall(portion)
            if isinstance(data, ssl.SSLSocket):
                data.settimeout(WHOLE_FILE_S)  # the server may answer only once it has stored the file
                data.unwrap()
        with self._patience():
            self._ftp.voidresp()

    @contextmanager
    def _patience(self) -> Iterator[None]:
        """Wait longer for replies about a whole file. For others, a server that went away would hold the courier."""
        assert self._ftp.sock is not None
        self._ftp.sock.settimeout(WHOLE_FILE_S)
        try:
            yield
        finally:
            self._ftp.sock.settimeout(TIMEOUT_S)

    def _delete(self, path: str) -> str:
        """Delete a file. Return why it is still there; empty if there is none."""
        try:
            self._ftp.delete(path)
        except error_perm as error:
            return str(error) if self._is_there(path) else ""
        return ""

    def _is_there(self, path: str) -> bool:
        try:
            return self._ftp.size(path) is not None
        except error_perm:
            return False

    def _size(self, path: str) -> int:
        try:
            return self._ftp.size(path) or 0
        except error_perm:
            return 0

    def _modified_ms(self, name: str) -> int:
        try:
            return _ms(self._ftp.voidcmd(f"MDTM {self._path(name)}").partition(" ")[2])
        except error_perm:
            return 0

    def _make_folders(self, name: str) -> None:
        for folder in reversed(list(PurePosixPath(name).parents)[:-1]):
            if str(folder) not in self._made:
                with suppress(error_perm):  # it exists
                    self._ftp.mkd(self._path(str(folder)))
                self._made.add(str(folder))


def _ms(text: str) -> int:
    """Parse `20261120055812.345` in UTC to ms; 0 if invalid."""
    try:
        return round(datetime.strptime(text[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC).timestamp() * 1000)
    except ValueError:
        return 0


def _is_resuming_refused(reply: str) -> bool:
    """Return whether the reply to a begun upload can mean that it may only be sent whole: any but a passing failure."""
    return reply.startswith(("451", "5")) and not reply.startswith(_FULL)


@contextmanager
def _worded(public: str) -> Iterator[None]:
    """Convert ftplib errors to DeliveryError."""
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise StrangeTarget(public, f"its certificate isn't valid: {error.verify_message}") from error
    except (error_perm, error_temp, error_reply, error_proto, UnicodeError) as error:
        text = str(error)
        kind = TargetRefused if text.startswith(_LOGIN) else TargetFull if text.startswith(_FULL) else DeliveryError
        raise kind(public, text) from error
    except (OSError, EOFError) as error:
        raise TargetUnreachable(public, failure_reason(error)) from error

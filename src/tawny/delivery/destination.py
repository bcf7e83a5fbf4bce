"""Destination: protocol of places files are uploaded to. Plug-ins use the entry point group `tawny.destinations`."""

import hashlib
import http.client
import secrets
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Final, Protocol
from urllib.parse import unquote, urlsplit

from tawny.delivery.delivery import Delivery, DeliveryContent, DeliveryKind, in_memory
from tawny.model.errors import DeliveryError, StrangeTarget, TargetFull, TargetLied, TargetRefused, TargetUnreachable
from tawny.model.times import Clock
from tawny.model.validation import value_text
from tawny.protocols.http_connection import failure_reason

# Addresses of servers: user, password, host, port and folder. The public form omits user and password.


@dataclass(frozen=True, slots=True)
class DestinationAddress:
    scheme: str
    host: str
    port: int
    user: str
    password: str
    folder: str
    """Empty for the login folder; `%2Fmnt/disk` in the address is the absolute path `/mnt/disk`."""

    @property
    def public(self) -> str:
        return f"{self.scheme}://{self.host}/{self.folder}".rstrip("/")


def parse(url: str, ports: dict[str, int]) -> DestinationAddress:
    """Parse an address. ports: default port by scheme. Raises ValueError."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("url: an address, for example sftp://user:password@host/folder") from None
    if parts.scheme not in ports or not parts.hostname:
        raise ValueError("url: an address, for example sftp://user:password@host/folder")
    if any(ord(one) < 32 for one in unquote(url)):
        raise ValueError("url: no line breaks or control characters")
    return DestinationAddress(
        parts.scheme,
        parts.hostname,
        port or ports[parts.scheme],
        unquote(parts.username or ""),
        unquote(parts.password or ""),
        unquote(parts.path.removeprefix("/")).rstrip("/"),
    )


FOLDER_SCHEMES: Final = ("folder", "file")
"""URL schemes of destinations that are folders of this computer."""


def url_path(url: str) -> Path:
    return Path(unquote(urlsplit(url).path))


def folder_of(url: str) -> Path | None:
    """Return the folder of an address; None for an address of another type."""
    return url_path(url) if urlsplit(url).scheme in FOLDER_SCHEMES else None


def only(table: object, known: tuple[str, ...]) -> None:
    """Raise ValueError for an unknown key."""
    keys = sorted(set(table) - set(known)) if isinstance(table, dict) else []
    if keys:
        raise ValueError(f"{keys[0]}: found an unknown key; allowed: {', '.join(known) or 'none'}")


def create_folder(table: Mapping[str, Any]) -> bool:
    """Return the setting of servers that create their folder. Raises ValueError."""
    found = table.get("create_folder", False)
    if not isinstance(found, bool):
        raise ValueError(f"create_folder: found {value_text(found)}; allowed: true or false")
    return found


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file at a destination."""

    name: str
    size_bytes: int
    modified_ms: int
    """Modification time, ms UTC; 0 if the destination does not report it."""


def named_as_whole(files: Iterable[RemoteFile], ending: str) -> list[RemoteFile]:
    """Return the files, each name once; incomplete ones, which have this ending, by the name that they would have."""
    found = dict[str, RemoteFile]()
    for file in files:
        name = file.name.removesuffix(ending)
        if name == file.name or name not in found:
            found[name] = replace(file, name=name)
    return list(found.values())


class DestinationConnection(Protocol):
    """An open connection. Use from one thread.

    Names are relative, with `/` as separator; folders are created as needed. Every method raises DeliveryError:
    unreachable, refused, full, missing or changed.
    """

    is_sure: ClassVar[bool]
    """Whether `put` verifies the content: the server compared a checksum. Then nothing is read back."""

    def find(self, name: str) -> RemoteFile | None: ...
    def put(self, name: str, content: DeliveryContent, progress: str, note: Callable[[str], None]) -> None:
        """Write a file. It appears under its name only when complete, and replaces an older one.

        progress: last value noted by an earlier attempt, empty at first; used to resume if possible. If the noted part
        is gone or has other content, the upload starts again.
        """
        ...

    def sha256(self, name: str) -> str | None:
        """Return the file's hash as computed by the destination; None if not supported."""
        ...

    def read(self, name: str) -> Iterator[bytes]: ...
    def remove(self, name: str) -> None:
        """Delete a file, and what an interrupted upload of this name left. One that is not there is no fault."""
        ...

    def files(self, prefix: str = "") -> Iterator[RemoteFile]:
        """Yield the files in this folder and below.

        What an interrupted upload left has the name that the file would have, so that its retention applies, or is not
        listed.
        """
        ...

    def link(self, name: str, lasts_s: float) -> str:
        """Return a public URL of the file, valid for lasts_s; empty if not supported."""
        ...

    def close(self) -> None:
        """Close the connection. Never raises."""
        ...


@dataclass(frozen=True, slots=True)
class DestinationContext:
    """Parameters of a connection."""

    name: str
    """Name in the settings."""
    url: str
    """With secrets filled in."""
    options: Mapping[str, Any]
    """The type's own settings, validated by `settings`."""
    clock: Clock
    write_only: bool = False
    """Whether the login may only write: make no call that lists, reads or deletes."""


class Destination(Protocol):
    """A type of destination. One instance serves all targets of its type. Thread-safe."""

    schemes: ClassVar[tuple[str, ...]]
    """URL schemes: `("s3",)`."""

    def settings(self, url: str, table: Mapping[str, Any]) -> Mapping[str, Any]:
        """Validate the table and add defaults. Raises ValueError with the key, its value and the allowed values."""
        ...

    def public(self, url: str) -> str:
        """Return the address without user and password, for logs, status and errors."""
        ...

    def connect(self, opening: DestinationContext) -> DestinationConnection:
        """Connect and log in within 15 s. Raises DeliveryError."""
        ...


class FileCarrier:
    """A connection as a carrier (`delivery.delivery`): uploads and verifies."""

    def __init__(self, connection: DestinationConnection, public: str, *, write_only: bool = False) -> None:
        """public: the target's name and host, for errors. write_only: neither verify nor remove files."""
        self._connection, self._public, self._write_only = connection, public, write_only

    def carry(self, delivery: Delivery, content: DeliveryContent, note: Callable[[str], None]) -> str:
        """Upload or remove a file. The receipt is its name."""
        if delivery.what is DeliveryKind.REMOVAL:
            if self._write_only:
                raise TargetRefused(self._public, "`write_only` is set, so nothing is deleted there")
            self._connection.remove(delivery.name)
            return delivery.name
        if self._connection.is_sure or self._write_only:
            self._connection.put(delivery.name, content, delivery.progress, note)
        elif not self._is_there(delivery.name, content):
            self._connection.put(delivery.name, content, delivery.progress, note)
            self._verify(delivery.name, content)
        return delivery.name

    def close(self) -> None:
        self._connection.close()

    def _is_there(self, name: str, content: DeliveryContent) -> bool:
        """Return whether an earlier attempt was complete and only its response was lost."""
        there = self._connection.find(name)
        if there is None or there.size_bytes != content.size_bytes:
            return False
        return self._connection.sha256(name) == content.sha256

    def _verify(self, name: str, content: DeliveryContent) -> None:
        there = self._connection.find(name)
        if there is None:
            raise TargetLied(self._public, f"{name} is missing there")
        if there.size_bytes != content.size_bytes:
            raise TargetLied(self._public, f"{name} has {there.size_bytes} bytes there, expected {content.size_bytes}")
        digest = self._connection.sha256(name)
        if digest is not None and digest != content.sha256:
            raise TargetLied(self._public, f"{name} is damaged there")


# Connection check of a destination: writes a small file, reads it back and removes it.

SIZE_BYTES = 4096


@dataclass(frozen=True, slots=True)
class ConnectionTestStep:
    """Result of a step. wrong: the problem, empty on success; do: the remedy."""

    what: str
    wrong: str = ""
    do: str = ""
    write_only: bool = False
    """Whether this step found that the login may not delete, so that the destination needs `write_only`."""


def check_destination(
    connect: Callable[[], DestinationConnection], public: str, *, write_only: bool = False
) -> list[ConnectionTestStep]:
    """Connect, write, read back and remove; stop at the first step that fails.

    write_only: connect and write only; the test file stays there.
    """
    name = f"tawny-test-{secrets.token_hex(4)}.bin"
    sample = in_memory(secrets.token_bytes(SIZE_BYTES), "application/octet-stream", 0)
    done: list[ConnectionTestStep] = []
    connection: DestinationConnection | None = None
    doing = "Connect"
    try:
        connection = connect()
        done.append(ConnectionTestStep("Connected"))
        doing = "Upload a test file"
        connection.put(name, sample, "", lambda _: None)
        if write_only:
            done.append(ConnectionTestStep(f"Uploaded a test file; {name} stays there"))
            return done
        done.append(ConnectionTestStep("Uploaded a test file"))
        doing = "Download it again"
        is_readable = _is_read_back(connection, name, sample, public)
        if is_readable:
            done.append(ConnectionTestStep("Downloaded it again"))
        doing = "Delete it"
        try:
            connection.remove(name)
        except TargetRefused:
            may = "tawny may not delete files" if is_readable else "tawny may only write files"
            done.append(ConnectionTestStep(f"{may}; {name} stays there", write_only=True))
        else:
            done.append(ConnectionTestStep("Deleted it"))
    except DeliveryError as error:
        done.append(ConnectionTestStep(doing, error.message, error.do))
    finally:
        if connection is not None:
            connection.close()
    return done


def _is_read_back(connection: DestinationConnection, name: str, sample: DeliveryContent, public: str) -> bool:
    """Compare the file with what was written. Return False if the login may not read it."""
    try:
        data = b"".join(connection.read(name))
    except TargetRefused:
        return False
    if data != sample.read(0, SIZE_BYTES):
        raise TargetLied(public, "the downloaded file differs from the uploaded one")
    return True


# Folders that are no destination: those of the system, of programs that run by themselves, and tawny's own.

ALLOW_ANY: Final = "allow_any_folder"
FOLDER_GONE: Final = "the folder no longer exists; is its disk mounted"
"""Setting of a folder destination that switches these rules off; only the settings file can have it."""
_WHOLE: Final = (
    "/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/lost+found", "/proc", "/run", "/sbin", "/sys",
    "/usr", "/var/cache", "/var/lib/apt", "/var/lib/dpkg", "/var/lib/systemd", "/var/log", "/var/run", "/var/spool",
)  # fmt: skip
_ONLY_ITSELF: Final = ("/", "/home", "/root", "/var", "/var/lib")
_MOUNTED: Final = "/run/media"
"""Desktops mount disks below it."""


def why_no_destination(folder: Path, own: Iterable[Path] = ()) -> str:
    """Return why files may not be uploaded to a folder; empty if they may. Links count as what they lead to.

    own: folders of tawny's; neither what is in them nor what holds them is a destination.
    """
    found = folder.resolve()
    if not found.is_relative_to(_MOUNTED) and any(found.is_relative_to(path) for path in _WHOLE):
        return "a folder of the system"
    if str(found) in _ONLY_ITSELF or found.parent == Path("/home"):
        return "a folder of the system, or a user's home"
    if any(part.startswith(".") for part in found.parts):
        return "a hidden folder, which may hold settings of programs"
    for path in own:
        resolved = path.resolve()
        if found.is_relative_to(resolved) or resolved.is_relative_to(found):
            return f"tawny's own ({path})"
    return ""


def refuse_no_destination(folder: Path, public: str) -> None:
    """Raise DeliveryError if a folder is none. Checked at each connection, because links change."""
    if why := why_no_destination(folder):
        raise DeliveryError(public, f"it is {why}")


# HTTP connection of a destination: one that stays open, with optional certificate pinning.


TIMEOUT_S = 15.0
MOST_CERTIFICATE_BYTES = 16_384
Body = bytes | Iterator[bytes] | None


class HttpClient:
    """A connection. headers: sent with every request. fingerprint: SHA-256 of a self-signed certificate, hex.

    authority: path of the file (DER) with the server's own authority, whose fingerprint may be given instead.
    """

    authority = ""
    secure_scheme = "davs"

    def __init__(
        self, host: str, port: int, *, tls: bool, fingerprint: str, headers: Mapping[str, str], public: str
    ) -> None:
        self._host, self._port, self._tls, self._fingerprint = host, port, tls, fingerprint
        self._headers, self._public = {"User-Agent": "tawny", **headers}, public
        self._line: http.client.HTTPConnection | None = None
        self._location = ""
        """Where the last response leads."""
        self._trusting: ssl.SSLContext | None = None
        """Trusts the authority with the fingerprint, and nothing else."""

    def sent(
        self, method: str, path: str, body: Body, headers: Mapping[str, str], answer_s: float | None = None
    ) -> http.client.HTTPResponse:
        """Send a request and return the response. Use inside `worded`.

        answer_s: the longest wait for the response once all is sent, s; None: as for each read and write.
        """
        answer = self._sent(method, path, body, {**self._headers, **headers}, answer_s)
        self._location = answer.getheader("Location", "")
        return answer

    def _sent(
        self, method: str, path: str, body: Body, headers: Mapping[str, str], answer_s: float | None
    ) -> http.client.HTTPResponse:
        line = self._line = self._line or self._connected()
        try:
            return _answer(line, method, path, body, headers, answer_s)
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            if body is not None and not isinstance(body, bytes):
                with suppress(OSError, http.client.HTTPException):
                    return line.getresponse()  # refused before reading the whole body; the response may give the reason
                self.close()
                raise
            self.close()
            line = self._line = self._connected()  # the server closed an idle connection
            return _answer(line, method, path, body, headers, answer_s)

    def close(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None

    def expect(self, status: int, *good: int) -> None:
        """Raise the error that matches a status other than the expected ones."""
        if status in good:
            return
        self.close()
        detail = f"it responded with {status} {http.client.responses.get(status, '')}".strip()
        if status in (401, 403):
            raise TargetRefused(self._public, detail, is_sign_in=status == 401)
        if status in (301, 302, 303, 307, 308):
            leads = _without_secrets(self._location)
            if leads:
                detail = f"it leads to another address ({status}): {leads}"
            if not self._tls and (not leads or leads.startswith("https:")):
                detail = f"it leads to another address ({status}), often that with https: use `{self.secure_scheme}://`"
            raise DeliveryError(self._public, detail)
        if status == 413:
            raise DeliveryError(self._public, "the file is too large for this server")
        if status == 507:
            raise TargetFull(self._public, detail)
        if status in (408, 429, 502, 503, 504):
            raise TargetUnreachable(self._public, detail)
        raise DeliveryError(self._public, detail)

    @contextmanager
    def worded(self) -> Iterator[None]:
        """Convert connection errors to DeliveryError and close the connection."""
        try:
            yield
        except ssl.SSLCertVerificationError as error:
            self.close()
            raise StrangeTarget(self._public, f"its certificate isn't valid: {error.verify_message}") from error
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise TargetUnreachable(self._public, failure_reason(error)) from error

    def _connected(self) -> http.client.HTTPConnection:
        if not self._tls:
            return http.client.HTTPConnection(self._host, self._port, timeout=TIMEOUT_S)
        if self._trusting is not None:
            return self._secured(self._trusting)
        context = ssl.create_default_context()
        if self._fingerprint:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        line = self._secured(context)
        shown = _digest(line.sock.getpeercert(binary_form=True) or b"")
        if not self._fingerprint or shown == self._fingerprint:
            return line
        authority = _authority_file(line, self.authority)
        line.close()
        if authority and _digest(authority) == self._fingerprint:
            self._trusting = ssl.create_default_context(cadata=authority)
            return self._secured(self._trusting)  # its certificate must be of this authority, and for this name
        detail = f"its certificate has a different fingerprint: {shown}"
        if authority:
            known = _digest(authority)
            detail = f"its certificate has a different fingerprint: {shown}; its authority's, which stays: {known}"
        raise StrangeTarget(self._public, detail)

    def _secured(self, context: ssl.SSLContext) -> http.client.HTTPSConnection:
        line = http.client.HTTPSConnection(self._host, self._port, timeout=TIMEOUT_S, context=context)
        line.connect()
        return line


def _without_secrets(address: str) -> str:
    """Return an address without sign-in and what follows the path; empty if it is none."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _authority_file(line: http.client.HTTPConnection, path: str) -> bytes:
    """Ask an unknown server for the certificate of its authority, without the sign-in; empty if it has none."""
    if not path:
        return b""
    # the limit for each read would let it answer byte by byte; that of SSLSocket isn't for another thread's read
    end = threading.Timer(TIMEOUT_S, socket.socket.shutdown, (line.sock, socket.SHUT_RDWR))
    end.start()
    try:
        line.request("GET", path)
        answer = line.getresponse()
        found = answer.read(MOST_CERTIFICATE_BYTES) if answer.status == 200 else b""
        ssl.create_default_context(cadata=found)  # raises SSLError, an OSError, if it is none, such as a page
        return found
    except (OSError, http.client.HTTPException):
        return b""
    finally:
        end.cancel()


def _answer(
    line: http.client.HTTPConnection,
    method: str,
    path: str,
    body: Body,
    headers: Mapping[str, str],
    answer_s: float | None,
) -> http.client.HTTPResponse:
    if line.sock is not None:
        line.sock.settimeout(TIMEOUT_S)  # an earlier request may have waited longer
    line.request(method, path, body, headers)
    if answer_s is not None:
        line.sock.settimeout(answer_s)
    return line.getresponse()

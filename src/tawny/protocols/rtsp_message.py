"""RTSP requests and responses (RFC 2326), parsed and encoded, with size limits. No sockets.

A client reads what cameras send, tolerantly; a server reads what players send, strictly.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

MOST_HEADER_BYTES = 16_000
MOST_BODY_BYTES, MOST_REQUEST_BODY_BYTES = 64_000, 4_000
_REQUEST = re.compile(r"([A-Z_]{1,20}) (\S{1,2000}) RTSP/1\.\d")
_STATUS = re.compile(r"RTSP/\d\.\d\s+(\d{3})(?:\s+(.*))?")
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]")


class MalformedRtsp(ValueError):
    """The received bytes are not a valid RTSP message within the limits; the text gives the reason."""


@dataclass(frozen=True, slots=True)
class RtspResponse:
    status: int
    reason: str
    """The camera's wording; printable ASCII, at most 60 characters."""
    headers: dict[str, list[str]]
    """By lowercase name; a name may occur more than once."""
    body_bytes: int
    body: bytes = b""

    def header(self, name: str) -> str:
        """Return the header's first value; empty if missing."""
        return self.headers.get(name, [""])[0]

    @property
    def says(self) -> str:
        return f"{self.status} {self.reason}".strip()


def request(method: str, url: str, sequence: int, headers: Iterable[tuple[str, str]] = ()) -> bytes:
    """Encode a request without a body. Headers with empty values are omitted."""
    present = (header for header in headers if header[1])
    return encode(f"{method} {url} RTSP/1.0", [("CSeq", str(sequence)), ("User-Agent", "tawny"), *present])


def read_head(head: bytes) -> RtspResponse:
    """Parse the status line and headers, without the terminating empty line. Raises MalformedRtsp."""
    lines = head.decode("utf-8", "replace").replace("\r\n", "\n").split("\n")
    found = _STATUS.match(lines[0].strip())
    if not found:
        raise MalformedRtsp("it does not speak RTSP")
    headers = _read_headers(lines[1:])
    reason = _UNPRINTABLE.sub("", found[2] or "").strip()[:60]
    return RtspResponse(int(found[1]), reason, headers, _length(headers.get("content-length", ["0"])[0]))


def _length(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise MalformedRtsp("its answer has no proper length")
    if len(text) > 9 or int(text) > MOST_BODY_BYTES:
        raise MalformedRtsp(f"its answer is longer than {MOST_BODY_BYTES} bytes")
    return int(text)


def redirect_target(location: str) -> str:
    """Return a redirect's target for display: scheme, host and port, without credentials."""
    try:
        parts = urlsplit(location)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "to an address that cannot be read"
    shown = "".join(c for c in f"{parts.scheme}://{host}" if c.isascii() and c.isprintable())[:120]
    return f"to {shown}:{port}" if port else f"to {shown}"


@dataclass(frozen=True, slots=True)
class RtspRequest:
    method: str
    url: str
    headers: Mapping[str, list[str]]
    """By lowercase name."""
    body_bytes: int

    def header(self, name: str) -> str:
        """Return the header's last value; empty if missing."""
        return self.headers.get(name, [""])[-1]

    @property
    def path(self) -> tuple[str, ...]:
        """`rtsp://host/front-door/main/track0` is `("front-door", "main", "track0")`; `*` is empty."""
        return tuple(unquote(part) for part in urlsplit(self.url).path.split("/") if part not in ("", "*"))


def read_request(head: bytes) -> RtspRequest:
    """Parse the request line and headers. Raises MalformedRtsp."""
    lines = head.decode("utf-8", "replace").split("\r\n")
    found = _REQUEST.fullmatch(lines[0].strip())
    if not found:
        raise MalformedRtsp("not a request of RTSP")
    headers = _read_headers(lines[1:])
    length = headers.get("content-length", ["0"])[-1]
    if not (length.isascii() and length.isdigit() and len(length) < 6 and int(length) <= MOST_REQUEST_BODY_BYTES):
        raise MalformedRtsp("a body that is too long")
    try:
        urlsplit(found[2])
    except ValueError as error:
        raise MalformedRtsp("not an address") from error
    return RtspRequest(found[1], found[2], headers, int(length))


@dataclass(frozen=True, slots=True)
class RtspReply:
    status: str = "200 OK"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def is_ok(self) -> bool:
        return self.status.startswith("200")

    def to_bytes(self, sequence: str) -> bytes:
        """Encode the response. sequence: the request's `CSeq`; echoed only if it consists of digits."""
        numbered = {"CSeq": sequence} if sequence.isascii() and sequence.isdigit() else {}
        headers = {**numbered, **self.headers, "Content-Length": str(len(self.body))}
        return encode(f"RTSP/1.0 {self.status}", headers.items(), self.body)


def encode(first_line: str, headers: Iterable[tuple[str, str]], body: bytes = b"") -> bytes:
    """Encode a message: its request line or status line, headers and body."""
    lines = [first_line, *(f"{name}: {value}" for name, value in headers)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def _read_headers(lines: Iterable[str]) -> dict[str, list[str]]:
    headers: dict[str, list[str]] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            headers.setdefault(name.strip().lower(), []).append(value.strip())
    return headers

"""RTSP request parsing and response encoding for the server (RFC 2326). No sockets."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

MOST_HEAD_BYTES = 16_000
MOST_BODY_BYTES = 4_000
_ASKED = re.compile(r"([A-Z_]{1,20}) (\S{1,2000}) RTSP/1\.\d")


class MalformedRtspRequest(ValueError):
    """The received bytes are not a valid RTSP request within the limits."""


@dataclass(frozen=True, slots=True)
class RtspRequest:
    method: str
    url: str
    headers: Mapping[str, str]
    """By lowercase name."""
    body_bytes: int

    @property
    def path(self) -> tuple[str, ...]:
        """`rtsp://host/front-door/main/track0` is `("front-door", "main", "track0")`; `*` is empty."""
        return tuple(unquote(part) for part in urlsplit(self.url).path.split("/") if part not in ("", "*"))


def read_request(head: bytes) -> RtspRequest:
    """Parse the request line and headers. Raises MalformedRtspRequest."""
    lines = head.decode("utf-8", "replace").split("\r\n")
    found = _ASKED.fullmatch(lines[0].strip())
    if not found:
        raise MalformedRtspRequest("not a request of RTSP")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit() and len(length) < 6 and int(length) <= MOST_BODY_BYTES):
        raise MalformedRtspRequest("a body that is too long")
    try:
        urlsplit(found[2])
    except ValueError as error:
        raise MalformedRtspRequest("not an address") from error
    return RtspRequest(found[1], found[2], headers, int(length))


@dataclass(slots=True)
class RtspReply:
    status: str = "200 OK"
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def is_ok(self) -> bool:
        return self.status.startswith("200")

    def to_bytes(self, sequence: str) -> bytes:
        """Encode the response. sequence: the request's `CSeq`; echoed only if it consists of digits."""
        numbered = {"CSeq": sequence} if sequence.isascii() and sequence.isdigit() else {}
        headers = {**numbered, **self.headers, "Content-Length": str(len(self.body))}
        lines = [f"RTSP/1.0 {self.status}", *(f"{name}: {value}" for name, value in headers.items())]
        return ("\r\n".join(lines) + "\r\n\r\n").encode() + self.body


# RTSP digest authentication (RFC 2617 with MD5, which every player supports). The secret is never transmitted.

REALM = "tawny"
_FIELD = re.compile(r'(\w+)="?([^",]*)"?')


def challenge(nonce: str) -> str:
    """Return the `WWW-Authenticate` value."""
    return f'Digest realm="{REALM}", nonce="{nonce}"'


def digest(user: str, secret: str) -> str:
    """Return the digest that is stored for a secret and used to verify responses."""
    return _md5(f"{user}:{REALM}:{secret}")


def user_of(authorization: str) -> str:
    """Return the user name in an `Authorization` header; empty without digest credentials."""
    return _fields(authorization).get("username", "")


def is_right(authorization: str, method: str, nonce: str, stored: str) -> bool:
    """Return whether `Authorization` proves the secret whose digest is `stored`."""
    said = _fields(authorization)
    asked = _md5(f"{method}:{said.get('uri', '')}")
    wanted = _md5(f"{stored}:{nonce}:{asked}")
    return said.get("nonce") == nonce and hmac.compare_digest(said.get("response", "").encode(), wanted.encode())


def _fields(authorization: str) -> dict[str, str]:
    scheme, _, rest = authorization.partition(" ")
    return {found[1].lower(): found[2] for found in _FIELD.finditer(rest)} if scheme.lower() == "digest" else {}


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

"""Parsed RTSP addresses. Text processing only: no DNS lookups, and no error message contains a password."""

import ipaddress
import re
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

DEFAULT_PORT, ENCRYPTED_PORT = 554, 322
LEFT_OUT = "•••"
"""Replaces secrets in a public address."""
_PLAIN, _ENCRYPTED = "rtsp://", "rtsps://"
_MOST_CHARACTERS = 2000
_NAME = re.compile(r"(?!-)[A-Za-z0-9._-]{1,253}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PATH_SAFE = "/%!$&'()*+,;=:@?-._~[]|"
_SECRET_IN_PATH = re.compile(
    r"((?:^|[/?&;])(?:user|usr|username|login|pass|passwd|password|pwd|token|auth|key|secret|api_?key)=)[^&;]*",
    re.IGNORECASE,
)
"""Some cameras expect credentials inside the path (`/user=admin&password=x&channel=1.sdp`)."""
KEY = r"(?=[^/]*[a-z])(?=[^/]*[A-Z])(?=[^/]*\d)[A-Za-z0-9]{12,}|[0-9a-fA-F]{16,}|[0-9a-fA-F-]{32,}"
"""Pattern of a path component that is probably a key (`rtsps://host:7441/Ab12Cd34Ef56Gh78`)."""
_KEY_IN_PATH = re.compile(rf"(?<=[/?&=;])(?:{KEY})(?=[/?&;]|$)")


@dataclass(frozen=True, slots=True)
class RtspAddress:
    """A camera's address with credentials. user and password are decoded; path is in wire format."""

    host: str
    """Host name or IP address; IPv6 without brackets."""
    port: int
    path: str
    """Begins with `/`; includes the query."""
    user: str = ""
    password: str = field(default="", repr=False)
    is_encrypted: bool = False
    """`rtsps`: RTSP over TLS."""

    @property
    def url(self) -> str:
        """URL without credentials, as used in requests."""
        return f"{self._scheme}{self._authority}{self.path}"

    @property
    def url_with_login(self) -> str:
        """URL for libraries that authenticate themselves. Never display or log it."""
        if not self.user and not self.password:
            return self.url
        return f"{self._scheme}{quote(self.user, safe='')}:{quote(self.password, safe='')}@{self._authority}{self.path}"

    @property
    def public(self) -> str:
        """URL for display and logs, without credentials before the host or in the path."""
        path = _KEY_IN_PATH.sub(LEFT_OUT, _SECRET_IN_PATH.sub(rf"\1{LEFT_OUT}", self.path))
        return f"{self._scheme}{self._authority}{path}"

    @property
    def words_in_path(self) -> list[str]:
        """Values of credentials in the path, decoded."""
        return [unquote(found[0].partition("=")[2]) for found in _SECRET_IN_PATH.finditer(self.path)]

    @property
    def _scheme(self) -> str:
        return _ENCRYPTED if self.is_encrypted else _PLAIN

    @property
    def _authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = ENCRYPTED_PORT if self.is_encrypted else DEFAULT_PORT
        return host if self.port == usual else f"{host}:{self.port}"


def claims_rtsp(address: str) -> bool:
    """Return whether the address has an RTSP scheme, valid or not."""
    return address[: len(_ENCRYPTED)].lower().startswith((_PLAIN, _ENCRYPTED))


def parse_rtsp(address: str) -> RtspAddress:
    """Parse an address. Raises ValueError with the expected form; its message contains no credentials.

    Lenient: `@` may be unescaped in a password; the path may be missing or contain spaces.
    """
    if len(address) > _MOST_CHARACTERS:
        raise ValueError(f"an address of at most {_MOST_CHARACTERS} characters")
    if not claims_rtsp(address):
        raise ValueError("an address starting with rtsp:// or rtsps://")
    if _CONTROL.search(address):
        raise ValueError("an address without control characters")
    is_encrypted = address[: len(_ENCRYPTED)].lower() == _ENCRYPTED
    authority, path = _split_path(address[len(_ENCRYPTED if is_encrypted else _PLAIN) :])
    login, _, place = authority.rpartition("@")
    user, _, password = login.partition(":")
    user, password = unquote(user), unquote(password)
    if _CONTROL.search(user + password):
        raise ValueError("a user name and password without control characters")
    host, port = _host_and_port(place)
    port = port or (ENCRYPTED_PORT if is_encrypted else DEFAULT_PORT)
    return RtspAddress(host, port, quote(path, safe=_PATH_SAFE), user, password, is_encrypted)


def public_rtsp(address: str) -> str:
    """Return the address without credentials; for an invalid address only the scheme."""
    try:
        return parse_rtsp(address).public
    except ValueError:
        return f"{_PLAIN}…"


def _split_path(rest: str) -> tuple[str, str]:
    """Split at the first `/` or `?` into authority and path."""
    ends = [at for at in (rest.find("/"), rest.find("?")) if at >= 0]
    if not ends:
        return rest, "/"
    at = min(ends)
    return rest[:at], rest[at:] if rest[at] == "/" else "/" + rest[at:]


def _host_and_port(place: str) -> tuple[str, int]:
    if place.startswith("["):
        host, bracket, after = place[1:].partition("]")
        if not bracket or (after and not after.startswith(":")):
            raise ValueError("an IPv6 address in brackets, for example rtsp://[fd00::1]/path")
        return str(_ipv6(host)), _port(after[1:])
    host, _, port = place.partition(":")
    if not _NAME.fullmatch(host):
        raise ValueError("a host name or IP address after rtsp://")
    return host, _port(port)


def _ipv6(host: str) -> ipaddress.IPv6Address:
    try:
        return ipaddress.IPv6Address(host)
    except ipaddress.AddressValueError:
        raise ValueError("an IPv6 address in brackets, for example rtsp://[fd00::1]/path") from None


def _port(text: str) -> int:
    """Parse a port; 0 if empty."""
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and 0 < int(text[:6]) < 65536 and len(text) < 6):
        raise ValueError("a port from 1 to 65535")
    return int(text)

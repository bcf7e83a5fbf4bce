"""Parsed addresses of network cameras, and log lines without their passwords. Text processing only: no DNS lookups."""

import base64
import html
import ipaddress
import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import quote, quote_plus, unquote

from tawny.model.credentials import LOGINS_IN_PATH, PASSWORDS

DEFAULT_PORT, ENCRYPTED_PORT = 554, 322
_PORTS = {
    "rtsp": DEFAULT_PORT, "rtsps": ENCRYPTED_PORT, "http": 80, "https": 443, "rtmp": 1935, "rtmps": 443,
}  # fmt: skip
"""Schemes of network cameras, with their default ports."""
LISTENING = "rtmp-listen"
"""Scheme of a camera that sends to this recorder; the last part of its path is a secret."""
LEAST_KEY = 12
"""Least characters of that secret."""
LEFT_OUT = "•••"
"""Replaces secrets in a public address."""
_RTSP = ("rtsp", "rtsps")
_MOST_CHARACTERS = 2000
_NAME = re.compile(r"(?!-)[A-Za-z0-9._-]{1,253}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PATH_SAFE = "/%!$&'()*+,;=:@?-._~[]|"
_CREDENTIALS = rf"user(?:name)?|usr|login(?:use)?|{PASSWORDS}"
"""Pattern of the names of parameters with credentials."""
_SECRET_IN_PATH = re.compile(
    rf"((?:^|[/?&;])(?:{_CREDENTIALS})=)[^&;]*",
    re.IGNORECASE,
)
"""Some cameras expect credentials inside the path (`/user=admin&password=x&channel=1.sdp`)."""
KEY = r"(?=[^/]*[a-z])(?=[^/]*[A-Z])(?=[^/]*\d)[A-Za-z0-9]{12,}|[0-9a-fA-F]{16,}|[0-9a-fA-F-]{32,}"
"""Pattern of a path component that is probably a key (`rtsps://host:7441/Ab12Cd34Ef56Gh78`)."""
_KEY_IN_PATH = re.compile(rf"(?<=[/?&=;])(?:{KEY})(?=[/?&;]|$)")


@dataclass(frozen=True, slots=True)
class NetworkAddress:
    """A network camera's address with credentials: of RTSP, HTTP or RTMP (`protocol`).

    user and password are decoded; path is in wire format.
    """

    host: str
    """Host name or IP address; IPv6 without brackets."""
    port: int
    path: str
    """Begins with `/`; includes the query."""
    user: str = ""
    password: str = field(default="", repr=False)
    is_encrypted: bool = False
    """Over TLS, such as `rtsps`."""
    protocol: str = "rtsp"
    """`rtsp`, `http` or `rtmp`."""

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
        path = _SECRET_IN_PATH.sub(rf"\1{LEFT_OUT}", self.path)
        for login in LOGINS_IN_PATH:
            path = login.sub(rf"\1{LEFT_OUT}", path)
        path = _KEY_IN_PATH.sub(LEFT_OUT, path)
        return f"{self._scheme}{self._authority}{path}"

    @property
    def words_in_path(self) -> list[str]:
        """Values of credentials in the path, decoded."""
        named = [found[0].partition("=")[2] for found in _SECRET_IN_PATH.finditer(self.path)]
        logins = [found[2] for one in LOGINS_IN_PATH for found in one.finditer(self.path)]
        return [unquote(one) for one in (*named, *logins)]

    @property
    def _scheme(self) -> str:
        return f"{self.protocol}{'s' * self.is_encrypted}://"

    @property
    def _authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = _PORTS[f"{self.protocol}{'s' * self.is_encrypted}"]
        return host if self.port == usual else f"{host}:{self.port}"


def claims_rtsp(address: str) -> bool:
    """Return whether the address has an RTSP scheme, valid or not."""
    return scheme_of(address) in _RTSP


def claims_network(address: str) -> bool:
    """Return whether the address has the scheme of a network camera, valid or not."""
    return scheme_of(address) in _PORTS


def scheme_of(address: str) -> str:
    """Return what is before `://`, in lower case; empty without it."""
    scheme, found, _ = address[:16].partition("://")
    return scheme.lower() if found else ""


def stream_key(address: str) -> str:
    """Return the secret in the address of a camera that sends to this recorder; empty for any other."""
    path = address.partition("://")[2].partition("/")[2] if scheme_of(address) == LISTENING else ""
    return path.rstrip("/").rpartition("/")[2]


def parse_rtsp(address: str) -> NetworkAddress:
    """Parse an RTSP address. Raises ValueError with the expected form; its message contains no credentials.

    Lenient: `@` may be unescaped in a password; the path may be missing or contain spaces.
    """
    return _parse(address, _RTSP, "rtsp:// or rtsps://")


def parse_network(address: str) -> NetworkAddress:
    """Parse the address of any network camera, as `parse_rtsp` does."""
    return _parse(address, tuple(_PORTS), "rtsp://, http:// or rtmp://")


def _parse(address: str, schemes: tuple[str, ...], shown: str) -> NetworkAddress:
    if len(address) > _MOST_CHARACTERS:
        raise ValueError(f"an address of at most {_MOST_CHARACTERS} characters")
    scheme = scheme_of(address)
    if scheme not in schemes:
        raise ValueError(f"an address starting with {shown}")
    if _CONTROL.search(address):
        raise ValueError("an address without control characters")
    authority, path = _split_path(address[len(scheme) + 3 :])
    login, _, place = authority.rpartition("@")
    user, _, password = login.partition(":")
    user, password = unquote(user), unquote(password)
    if _CONTROL.search(user + password):
        raise ValueError("a user name and password without control characters")
    host, port = _host_and_port(place, scheme)
    is_encrypted = scheme.endswith("s")
    return NetworkAddress(
        host, port or _PORTS[scheme], quote(path, safe=_PATH_SAFE), user, password, is_encrypted,
        scheme.removesuffix("s"),
    )  # fmt: skip


def public_address(address: str) -> str:
    """Return a network camera's address without credentials; for an invalid address only the scheme."""
    if scheme_of(address) == LISTENING:
        place, _, path = address.partition("://")[2].partition("/")
        app = path.strip("/").rpartition("/")[0]  # whatever is no plain word may be a part of the key
        shown = f"{app}/" if app.isalnum() and len(app) < LEAST_KEY else ""
        return f"{LISTENING}://{place.rpartition('@')[2]}/{shown}{LEFT_OUT}"
    try:
        return parse_network(address).public
    except ValueError:
        return f"{scheme_of(address) if claims_network(address) else 'rtsp'}://…"


def _split_path(rest: str) -> tuple[str, str]:
    """Split at the first `/` or `?` into authority and path."""
    ends = [at for at in (rest.find("/"), rest.find("?")) if at >= 0]
    if not ends:
        return rest, "/"
    at = min(ends)
    return rest[:at], rest[at:] if rest[at] == "/" else "/" + rest[at:]


def _host_and_port(place: str, scheme: str) -> tuple[str, int]:
    if place.startswith("["):
        host, bracket, after = place[1:].partition("]")
        if not bracket or (after and not after.startswith(":")):
            raise ValueError(f"an IPv6 address in brackets, for example {scheme}://[fd00::1]/path")
        return str(_ipv6(host, scheme)), _port(after[1:])
    host, _, port = place.partition(":")
    if not _NAME.fullmatch(host):
        raise ValueError(f"a host name or IP address after {scheme}://")
    return host, _port(port)


def _ipv6(host: str, scheme: str) -> ipaddress.IPv6Address:
    try:
        return ipaddress.IPv6Address(host)
    except ipaddress.AddressValueError:
        raise ValueError(f"an IPv6 address in brackets, for example {scheme}://[fd00::1]/path") from None


def _port(text: str) -> int:
    """Parse a port; 0 if empty."""
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and 0 < int(text[:6]) < 65536 and len(text) < 6):
        raise ValueError("a port from 1 to 65535")
    return int(text)


# Redaction of logs and transcripts: a camera's credentials in any encoding and, optionally, its location.

HIDDEN = "…"
_LEAST = 4
"""Minimum length of an encoded secret that is redacted."""
_IN_LOGIN = re.compile(
    r"""\b(username|realm|response|nonce|cnonce|nextnonce|rspauth|opaque|nc)(\s*=\s*)("(?:[^"\\]|\\.)*"?|[^\s,;]+)""",
    re.IGNORECASE,
)
_PASSING = re.compile(
    r"""\b(?:response|(?:next|c)?nonce|opaque)\s*=\s*(?:"([^"]*)"|([^\s,;"]+))|^session\s*:\s*([^;\s]+)""",
    re.IGNORECASE | re.MULTILINE,
)
"""Values valid for one RTSP session only."""
_LEAST_PASSING, _MOST_PASSING, _LONGEST_PASSING = 6, 64, 200
"""Their lengths and number. Longer ones are redacted only where they are named."""
_AUTHORIZATION = re.compile(r"^((?:proxy-)?authorization\s*:\s*)(\w+)(.*)$", re.IGNORECASE | re.MULTILINE)
_SESSION = re.compile(r"^(session\s*:\s*)[^;\r\n]+", re.IGNORECASE | re.MULTILINE)
_SCHEME = r"[a-z][a-z0-9+.-]{0,15}://"  # bounded: otherwise `a.a.a.` would cost the square of its length
_IN_ADDRESS = re.compile(rf"({_SCHEME})[^/?#\s\"]*@", re.IGNORECASE)
_NAMED = re.compile(
    rf"((?<![a-z0-9])(?:{_CREDENTIALS})=)[^&;/?\s\"'<>]*",
    re.IGNORECASE,
)
_KEY = re.compile(KEY)
_HOST = re.compile(rf"({_SCHEME})(\[[^\]\s]*\]|[^/:?#\s\"…]+)", re.IGNORECASE)
_IN_SDP = re.compile(r"\b(IN\s+IP[46]\s+)\S+", re.IGNORECASE)
_PRIVATE = re.compile(r"\b(?:10|127|192\.168|172\.(?:1[6-9]|2\d|3[01])|169\.254)(?:\.\d{1,3}){2,3}\b")


class SecretFilter:
    """Redacts given words in any encoding and case. login: user and password."""

    def __init__(self, words: Iterable[str], login: tuple[str, str] = ("", "")) -> None:
        shapes = {shape for word in (*words, *login) for shape in _shapes(word)}
        if any(login):
            text = base64.b64encode(":".join(login).encode()).decode()
            shapes |= {text, text.rstrip("=")}
        longest_first = sorted((shape for shape in shapes if shape), key=len, reverse=True)
        self._words = re.compile("|".join(map(re.escape, longest_first)), re.IGNORECASE) if longest_first else None
        self._passing: deque[str] = deque(maxlen=_MOST_PASSING)

    @classmethod
    def of(cls, address: NetworkAddress, others: Iterable[str] = ()) -> "SecretFilter":
        """Return a filter for a camera's credentials and probable keys in its path. others: further words to redact."""
        named = [unquote(found[0].partition("=")[2]) for found in _NAMED.finditer(address.path)]
        keys = [piece for piece in re.split(r"[/?&=;]", address.path) if _KEY.fullmatch(piece)]
        return cls([*address.words_in_path, *named, *keys, *others], (address.user, address.password))

    def hide(self, text: str) -> str:
        """Redact the text, including parts of any authentication exchange.

        Session-specific values found here are remembered and redacted in later texts, too.
        """
        for found in _PASSING.finditer(text):
            word = next(group for group in found.groups() if group is not None).strip("'")
            if _LEAST_PASSING <= len(word) <= _LONGEST_PASSING and word not in self._passing:
                self._passing.append(word)
        if self._words is not None:
            text = self._words.sub(HIDDEN, text)
        for word in sorted(self._passing, key=len, reverse=True):
            text = text.replace(word, HIDDEN)  # not a pattern: its cost would be the product of both lengths
        text = _IN_ADDRESS.sub(rf"\1{HIDDEN}@", text)
        text = _AUTHORIZATION.sub(_without_answer, text)
        text = _IN_LOGIN.sub(rf"\1\2{HIDDEN}", text)
        text = _SESSION.sub(rf"\1{HIDDEN}", text)
        return _NAMED.sub(rf"\1{HIDDEN}", text)


def strip_locations(text: str, host: str) -> str:
    """Remove the camera's host and all private network addresses."""
    for shape in sorted(_shapes(host), key=len, reverse=True):
        text = re.sub(re.escape(shape), HIDDEN, text, flags=re.IGNORECASE)
    return _PRIVATE.sub(HIDDEN, _IN_SDP.sub(rf"\1{HIDDEN}", _HOST.sub(rf"\1{HIDDEN}", text)))


def _without_answer(found: re.Match[str]) -> str:
    """Keep only the scheme and the field names of an Authorization header."""
    names = re.findall(r"(?:^|,)\s*(\w+)\s*=", found[3])
    return f"{found[1]}{found[2]} {', '.join(f'{name}={HIDDEN}' for name in names) or HIDDEN}"


def _shapes(word: str) -> set[str]:
    """Return the encodings in which a word may appear."""
    if not word:
        return set()
    raw = word.encode()
    coded = {base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode(), raw.hex()}
    return {
        word,
        unquote(word),
        quote(word),
        quote(word, safe=""),
        quote_plus(word),
        html.escape(word),
        word.replace("\\", "\\\\").replace('"', '\\"'),
        *(code.rstrip("=") for code in coded if len(code) > _LEAST),
    }

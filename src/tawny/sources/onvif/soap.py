"""SOAP 1.2 client for cameras: one request, one response, digest authentication, limits on size and time.

Authentication is the WS-Security UsernameToken (OASIS, 2006): a digest of nonce, time and password. Cameras reject
times that differ from their clock, so the client queries it first. If a camera demands HTTP authentication, the client
uses that instead.
"""

import http.client
import re
import ssl
import xml.etree.ElementTree as ET
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha1
from urllib.parse import unquote, urlsplit
from xml.sax.saxutils import escape

from tawny.model.errors import SourceError, SourceRefused, SourceUnreachable
from tawny.model.times import utc_text
from tawny.protocols.client_auth import ClientAuth

TIMEOUT_S = 5.0
MOST_BYTES = 1_000_000
_WHY_CHARS = 120
ENVELOPE = "http://www.w3.org/2003/05/soap-envelope"
SECURITY = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
UTILITY = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
DIGEST = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordDigest"
_LOGIN = re.compile(r"NotAuthorized|Unauthorized|FailedAuthentication|not authorized", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class OnvifService:
    """ONVIF endpoint of a camera. public: host and port without credentials."""

    is_secure: bool
    host: str
    port: int | None
    path: str
    user: str
    password: str

    @classmethod
    def of(cls, url: str) -> "OnvifService":
        parts = urlsplit(url)
        return cls(
            parts.scheme == "https", parts.hostname or "", parts.port, parts.path or "/onvif/device_service",
            unquote(parts.username or ""), unquote(parts.password or ""),
        )  # fmt: skip

    @property
    def public(self) -> str:
        return self.host if self.port is None else f"{self.host}:{self.port}"


def send_request(service: OnvifService, path: str, body: str, nonce: bytes, at_ms: int) -> ET.Element:
    """Send a request; return the first child of the response body. body: XML. at_ms: camera time; 0: unauthenticated.

    Raises SourceUnreachable, SourceRefused, SourceError.
    """
    head = _login(service, nonce, at_ms) if service.user and at_ms else ""
    answer, data = _posted(service, path, head, body, "")
    login = ClientAuth(service.user, service.password)
    while answer.status == 401:
        if not login.challenged(answer.headers.get_all("WWW-Authenticate", [])):
            raise SourceRefused(service.public)
        answer, data = _posted(service, path, "", body, login.header("POST", path))
    return _content(service, answer.status, data)


def find_elements(root: ET.Element, name: str) -> list[ET.Element]:
    """Return all descendants with this local name, in any namespace: cameras differ."""
    return [one for one in root.iter() if local(one) == name]


def text_at(root: ET.Element, *names: str) -> str:
    """Return the text of the first element at this path of local names; empty if none."""
    at = [root]
    for name in names:
        at = [below for one in at for below in one.iter() if local(below) == name and below is not one]
    return (at[0].text or "").strip() if at else ""


def local(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def quoted(text: str) -> str:
    return escape(text, {'"': "&quot;"})


def _posted(
    service: OnvifService, path: str, head: str, body: str, authorization: str
) -> tuple[http.client.HTTPResponse, bytes]:
    text = f'<s:Envelope xmlns:s="{ENVELOPE}">{head}<s:Body>{body}</s:Body></s:Envelope>'
    headers = {"Content-Type": "application/soap+xml; charset=utf-8"}
    if authorization:
        headers["Authorization"] = authorization
    line = _line(service)
    try:
        line.request("POST", path, text.encode(), headers)
        answer = line.getresponse()
        return answer, answer.read(MOST_BYTES + 1)
    except (OSError, http.client.HTTPException) as error:
        why = "no response in time" if isinstance(error, TimeoutError) else getattr(error, "strerror", None)
        raise SourceUnreachable(service.public, why or type(error).__name__) from None
    finally:
        line.close()


def _content(service: OnvifService, status: int, data: bytes) -> ET.Element:
    if len(data) > MOST_BYTES or b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise SourceError(service.public, "its ONVIF service sent an unreadable response")
    try:
        root = ET.fromstring(data)
    except (ET.ParseError, ValueError):
        raise SourceError(service.public, f"its ONVIF service responded with {status} but no XML") from None
    body = next((one for one in root if local(one) == "Body"), None)
    content = next(iter(body), None) if body is not None else None
    if content is None:
        raise SourceError(service.public, f"its ONVIF service responded with {status} and no content")
    if local(content) == "Fault":
        told = " ".join(part.strip() for part in content.itertext() if part.strip())
        if _LOGIN.search(told):
            raise SourceRefused(service.public)
        words = "".join(one if one.isprintable() else " " for one in told)[:_WHY_CHARS]
        raise SourceError(service.public, f"its ONVIF service says: {words}")
    return content


def _login(service: OnvifService, nonce: bytes, at_ms: int) -> str:
    made = utc_text(at_ms)
    digest = sha1(nonce + made.encode() + service.password.encode(), usedforsecurity=False).digest()
    return (
        f'<s:Header><w:Security xmlns:w="{SECURITY}" s:mustUnderstand="1"><w:UsernameToken>'
        f"<w:Username>{quoted(service.user)}</w:Username>"
        f'<w:Password Type="{DIGEST}">{b64encode(digest).decode()}</w:Password>'
        f"<w:Nonce>{b64encode(nonce).decode()}</w:Nonce>"
        f'<u:Created xmlns:u="{UTILITY}">{made}</u:Created></w:UsernameToken></w:Security></s:Header>'
    )


def _line(service: OnvifService) -> http.client.HTTPConnection:
    make: Callable[..., http.client.HTTPConnection] = http.client.HTTPConnection
    if service.is_secure:
        return http.client.HTTPSConnection(
            service.host, service.port, timeout=TIMEOUT_S, context=ssl.create_default_context()
        )
    return make(service.host, service.port, timeout=TIMEOUT_S)

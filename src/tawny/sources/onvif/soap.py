"""SOAP 1.2 client for cameras: one request, one response, digest authentication, limits on size and total time.

Authentication is the WS-Security UsernameToken (OASIS, 2006): a digest of nonce, time and password. Cameras reject
times that differ from their clock, so the client queries it first. If a camera demands HTTP authentication, the client
uses that instead.
"""

import http.client
import re
import secrets
import xml.etree.ElementTree as ET
from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha1
from urllib.parse import unquote, urlsplit
from xml.sax.saxutils import escape

from tawny.model.clock import Clock
from tawny.model.errors import SourceError, SourceLoginWeaker, SourceRefused, SourceUnreachable
from tawny.model.times import utc_text
from tawny.protocols.client_auth import ClientAuth
from tawny.protocols.login_history import LoginHistory, LoginRecord, SignIn
from tawny.sources.onvif.http_post import HttpAnswer, HttpPlace, post
from tawny.sources.onvif.xml_reader import MAX_BYTES, UnreadableXml, local, read_xml

TIMEOUT_S = 5.0
"""Limit of one exchange, from connecting to the last byte, in seconds."""
_WHY_CHARS, _MAX_FAULT_CHARS = 120, 4_000
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
    def port_used(self) -> int:
        return self.port or (443 if self.is_secure else 80)

    @property
    def public(self) -> str:
        return self.host if self.port is None else f"{self.host}:{self.port}"


class SoapClient:
    """Sends requests to one camera. record: what sign-in the camera offered before. Thread-safe; blocking."""

    def __init__(self, service: OnvifService, clock: Clock, record: LoginRecord | None = None) -> None:
        self._service, self._clock = service, clock
        self._record = record or LoginHistory().record("", service.host, 0)

    def send(self, path: str, body: str, at_ms: int, until_s: float) -> ET.Element:
        """Send a request; return the first child of the response body.

        body: XML. at_ms: camera time; 0: unauthenticated. until_s: deadline of the operation, s monotonic. Raises
        SourceUnreachable, SourceRefused, SourceLoginWeaker, SourceError.
        """
        service = self._service
        head = _login(service, secrets.token_bytes(16), at_ms) if service.user and at_ms else ""
        answer = self._post(path, head, body, "", until_s)
        login = ClientAuth(service.user, service.password, self._record)
        while answer.status == 401:
            if not login.challenged(answer.challenges):
                if login.weaker:
                    raise SourceLoginWeaker(service.public, login.weaker)
                raise SourceRefused(service.public)
            answer = self._post(path, "", body, login.header("POST", path), until_s)
        content = _content(service, answer.status, answer.data)
        if head and not login.form:
            self._record.offered(SignIn.MD5)  # the digest of a UsernameToken sufficed: Basic would be weaker
        return content

    def _post(self, path: str, head: str, body: str, authorization: str, until_s: float) -> HttpAnswer:
        service = self._service
        text = f'<s:Envelope xmlns:s="{ENVELOPE}">{head}<s:Body>{body}</s:Body></s:Envelope>'
        headers = {"Content-Type": "application/soap+xml; charset=utf-8"}
        if authorization:
            headers["Authorization"] = authorization
        until_s = min(until_s, self._clock.mono_s() + TIMEOUT_S)
        place = HttpPlace(service.is_secure, service.host, service.port)
        try:
            return post(place, path, headers, text.encode(), lambda: until_s - self._clock.mono_s(), MAX_BYTES)
        except (OSError, http.client.HTTPException) as error:
            why = "no response in time" if isinstance(error, TimeoutError) else getattr(error, "strerror", None)
            raise SourceUnreachable(service.public, why or type(error).__name__) from None


def quoted(text: str) -> str:
    return escape(text, {'"': "&quot;"})


def _content(service: OnvifService, status: int, data: bytes) -> ET.Element:
    try:
        root = read_xml(data)
    except UnreadableXml as error:
        raise SourceError(
            service.public, f"its ONVIF service responded with {status} but no usable XML ({error})"
        ) from None
    body = next((one for one in root if local(one) == "Body"), None)
    content = next(iter(body), None) if body is not None else None
    if content is None:
        raise SourceError(service.public, f"its ONVIF service responded with {status} and no content")
    if local(content) == "Fault":
        told = " ".join(part.strip() for part in content.itertext() if part.strip())[:_MAX_FAULT_CHARS]
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

"""HTTP requests to services: one connection per request, limited in time and size, no redirects, no secrets in errors.

Connections are not reused: a failure on a stale connection would leave unknown whether the message arrived.
"""

import hashlib
import hmac
import http.client
import json
import re
import secrets
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from tawny.delivery.notifier import Attachment
from tawny.model.errors import DeliveryError, TargetMissing, TargetRefused, TargetUnreachable

# Webhook signatures: authenticate sender and time of a body; for sent and received webhooks.

HEADER: Final = "X-Tawny-Signature"
MOST_AGE_S: Final = 300
"""Maximum age, s, and maximum time in the future of an accepted signature."""
_SIGNED = re.compile(r"t=(\d{1,12}),v1=([0-9a-f]{64})")


def signature(secret: str, at_s: int, body: bytes) -> str:
    return f"t={at_s},v1={_hex(secret, at_s, body)}"


def signed_at(header: str, secret: str, body: bytes) -> int | None:
    """Return when it was signed, s since 1970; None if the signature is invalid."""
    found = _SIGNED.fullmatch(header)
    if found is None:
        return None
    at_s = int(found[1])
    return at_s if hmac.compare_digest(found[2], _hex(secret, at_s, body)) else None


def _hex(secret: str, at_s: int, body: bytes) -> str:
    return hmac.new(secret.encode(), f"{at_s}.".encode() + body, hashlib.sha256).hexdigest()


TIMEOUT_S = 15.0
MOST_ANSWER_BYTES = 1_000_000
_WHY_CHARS = 120
_SHORT, _LONG = 6, 16
"""Minimum length of hidden words: in URLs and headers, and in bodies, which contain plain text."""
_LOOKED_BYTES = 4000
_WORD = re.compile(r"[^\s/?&=:,;\"'{}]+")


@dataclass(frozen=True, slots=True)
class HttpResponse:
    status: int
    data: bytes
    sent: tuple[str, ...] = field(default=(), repr=False)
    """Words of the request to hide if the response repeats them."""

    @property
    def is_well(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> dict[str, Any]:
        """Return the JSON object; empty if the body is none."""
        try:
            found = json.loads(self.data)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


class HttpApi:
    """A service. base: `https://host:port/path`, validated by `base_of`. public: name in errors."""

    def __init__(self, base: str, public: str, timeout_s: float = TIMEOUT_S) -> None:
        parts = urlsplit(base)
        self.scheme, self.host, self._port = parts.scheme, parts.hostname or "", parts.port
        self._path, self.public, self._timeout_s = parts.path.rstrip("/"), public, timeout_s
        self._query = f"?{parts.query}" if parts.query else ""

    def ask(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> HttpResponse:
        """Send a request and return any response. Raises TargetUnreachable without one."""
        line = self._line()
        try:
            line.request(
                method, (self._path + path or "/") + self._query, body, {"User-Agent": "tawny", **(headers or {})}
            )
            found = line.getresponse()
            where = f"{self._path}{path.partition('?')[0]}{self._query}"
            sent = _words(_SHORT, where, *(headers or {}).values()) + _words(
                _LONG, body[:_LOOKED_BYTES].decode("latin-1")
            )
            return HttpResponse(found.status, found.read(MOST_ANSWER_BYTES), sent)
        except ssl.SSLCertVerificationError as error:
            raise TargetUnreachable(self.public, f"its certificate isn't valid: {error.verify_message}") from None
        except (OSError, http.client.HTTPException) as error:
            raise TargetUnreachable(self.public, _reason(error)) from None  # the exception may contain secrets
        finally:
            line.close()

    def well(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        why: Sequence[str] = (),
    ) -> HttpResponse:
        """Send a request and return a 2xx response. Raises DeliveryError. why: JSON keys that hold the reason."""
        answer = self.ask(method, path, body, headers)
        if not answer.is_well:
            raise refusal(self.public, answer, why)
        return answer

    def post_json(
        self,
        path: str,
        value: object,
        headers: Mapping[str, str] | None = None,
        why: Sequence[str] = (),
        method: str = "POST",
    ) -> dict[str, Any]:
        sent = {"Content-Type": "application/json", **(headers or {})}
        return self.well(method, path, json.dumps(value).encode(), sent, why).json()

    def _line(self) -> http.client.HTTPConnection:
        if self.scheme == "https":
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(self.host, self._port, timeout=self._timeout_s, context=context)
        return http.client.HTTPConnection(self.host, self._port, timeout=self._timeout_s)


def refusal(public: str, answer: HttpResponse, why: Sequence[str] = ()) -> DeliveryError:
    """Return the error for a response that is not 2xx. why: JSON keys that hold the reason."""
    detail = next((str(text) for key in why if (text := answer.json().get(key))), "")
    for word in answer.sent:
        detail = detail.replace(word, "…")
    detail = detail[:_WHY_CHARS]
    said = f"it responded with {answer.status}" + (f": {detail}" if detail else "")
    if answer.status in (401, 403):
        return TargetRefused(public, said)
    if answer.status in (404, 410):
        return TargetMissing(public, said)
    if answer.status == 429 or answer.status >= 500:
        return TargetUnreachable(public, said)
    return DeliveryError(public, said)


def _words(least: int, *texts: str) -> tuple[str, ...]:
    """Return words that may be a token or a password, longest first, also unquoted."""
    forms = [form for text in texts for form in (text, unquote(text))]
    found = {word for form in forms for word in _WORD.findall(form) if len(word) >= least}
    return tuple(sorted(found, key=len, reverse=True))


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no response in time"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__


def base_of(address: str, example: str) -> str:
    """Return the validated HTTP(S) URL. Raises ValueError."""
    try:
        parts = urlsplit(address)
        known = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        known = False
    if not known or any(ord(one) <= 32 for one in address):
        raise ValueError(f"an address such as {example}")
    return address


def form(fields: Mapping[str, str], files: Mapping[str, Attachment]) -> tuple[bytes, dict[str, str]]:
    """Return body and headers of `multipart/form-data`."""
    border = f"tawny-{secrets.token_hex(12)}"
    parts: list[bytes] = []
    for name, value in fields.items():
        parts.append(f'--{border}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode())
    for name, file in files.items():
        head = f'Content-Disposition: form-data; name="{name}"; filename="{file.name}"\r\nContent-Type: '
        parts.append(f"--{border}\r\n{head}{file.media_type}\r\n\r\n".encode() + file.data + b"\r\n")
    parts.append(f"--{border}--\r\n".encode())
    return b"".join(parts), {"Content-Type": f"multipart/form-data; boundary={border}"}

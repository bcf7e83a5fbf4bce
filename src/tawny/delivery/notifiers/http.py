"""Asking HTTP services: one connection a request, bounded in time and size, without redirects, errors without secrets.

A connection is not kept: one that went stale would look like a failure after which nobody knows what arrived.
"""

import http.client
import json
import re
import secrets
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from tawny.delivery.notifier import Attachment
from tawny.model.errors import DeliveryError, TargetMissing, TargetRefused, TargetUnreachable

TIMEOUT_S = 15.0
MOST_ANSWER_BYTES = 1_000_000
_WHY_CHARS = 120
_SHORT, _LONG = 6, 16
"""From so many letters on a word is hidden: of an address or a header, and of a body, which holds plain words."""
_LOOKED_BYTES = 4000
_WORD = re.compile(r"[^\s/?&=:,;\"'{}]+")


@dataclass(frozen=True, slots=True)
class HttpResponse:
    status: int
    data: bytes
    sent: tuple[str, ...] = field(default=(), repr=False)
    """Words of the request that nobody is to see, should the answer repeat them."""

    @property
    def is_well(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> dict[str, Any]:
        """Empty where it is none."""
        try:
            found = json.loads(self.data)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


class HttpApi:
    """base: `https://host:port/path`, checked by `base_of`. public: what errors call the service."""

    def __init__(self, base: str, public: str, timeout_s: float = TIMEOUT_S) -> None:
        parts = urlsplit(base)
        self.scheme, self.host, self._port = parts.scheme, parts.hostname or "", parts.port
        self._path, self.public, self._timeout_s = parts.path.rstrip("/"), public, timeout_s
        self._query = f"?{parts.query}" if parts.query else ""

    def ask(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> HttpResponse:
        """Whatever it answers. TargetUnreachable where it does not."""
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
            raise TargetUnreachable(self.public, _reason(error)) from None  # what it holds may be secret
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
        """A good answer, or the error that fits. why: where in a JSON answer the reason stands."""
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
    """What an answer that is not well means: whether it is about who we are, this message, or the service."""
    told = next((str(text) for key in why if (text := answer.json().get(key))), "")
    for word in answer.sent:
        told = told.replace(word, "…")
    told = told[:_WHY_CHARS]
    said = f"it responded with {answer.status}" + (f": {told}" if told else "")
    if answer.status in (401, 403):
        return TargetRefused(public, said)
    if answer.status in (404, 410):
        return TargetMissing(public, said)
    if answer.status == 429 or answer.status >= 500:
        return TargetUnreachable(public, said)
    return DeliveryError(public, said)


def _words(least: int, *texts: str) -> tuple[str, ...]:
    """Those that may be a token or a password, the longest first; also as they were before quoting."""
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
    """An address that may be asked. ValueError says what is allowed."""
    try:
        parts = urlsplit(address)
        known = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        known = False
    if not known or any(ord(one) <= 32 for one in address):
        raise ValueError(f"an address such as {example}")
    return address


def form(fields: Mapping[str, str], files: Mapping[str, Attachment]) -> tuple[bytes, dict[str, str]]:
    """`multipart/form-data`: the body and its header."""
    border = f"tawny-{secrets.token_hex(12)}"
    parts: list[bytes] = []
    for name, value in fields.items():
        parts.append(f'--{border}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode())
    for name, file in files.items():
        head = f'Content-Disposition: form-data; name="{name}"; filename="{file.name}"\r\nContent-Type: '
        parts.append(f"--{border}\r\n{head}{file.media_type}\r\n\r\n".encode() + file.data + b"\r\n")
    parts.append(f"--{border}--\r\n".encode())
    return b"".join(parts), {"Content-Type": f"multipart/form-data; boundary={border}"}

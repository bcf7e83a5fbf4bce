"""Notifier: protocol of services that send messages to users. Plug-ins use the entry point group `tawny.notifiers`.

A notifier is wrapped as a carrier of the outbox (`delivery.message_carrier`), so its messages are retried and survive
crashes.
"""

import hashlib
import hmac
import http.client
import json
import re
import secrets
import ssl
import string
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any, ClassVar, Final, Literal, Protocol, runtime_checkable
from urllib.parse import quote, unquote, urlsplit

from tawny.config.secure import is_web_address
from tawny.model.errors import DeliveryError, TargetBusy, TargetMissing, TargetRefused, TargetUnreachable
from tawny.model.times import Clock, SystemClock, utc_text
from tawny.protocols.http_connection import (
    UPLOAD_S,
    PublicHttpsConnection,
    UploadTooSlow,
    failure_reason,
    http_connection,
    response_to,
)

# Messages to users: text, attachments and buttons, as values.


class Urgency(StrEnum):
    QUIET = "quiet"
    """Silent: a follow-up of a message."""
    NORMAL = "normal"
    HIGH = "high"
    """A problem of the recorder, or a ring at the door."""


@dataclass(frozen=True, slots=True)
class Button:
    """A button of a message.

    url: page that confirms and executes the action, or that it opens; empty without a public URL. token: returned by
    services with callbacks; at most 64 bytes, includes our signature. Empty if it only opens a page.
    """

    label: str
    url: str
    token: str


@dataclass(frozen=True, slots=True)
class Message:
    id: str
    """Stays the same when the message is sent again."""
    kind: str
    """event, digest, alarm, recap or test."""
    title: str
    text: str
    at_ms: int
    """Time of the event, ms UTC."""
    camera: str = ""
    event: str = ""
    urgency: Urgency = Urgency.NORMAL
    link: str = ""
    """Link to tawny; empty without a public URL."""
    link_label: str = "Watch"
    """What services display for `link` or `clip_link`."""
    opens: str = ""
    """Path of the page that it opens, if it isn't the event's: `/live/front-door?talk=1`."""
    clip_link: str = ""
    """Public link to the uploaded clip, valid for some hours."""
    image_view: str = "full"
    """What the snapshot shows (`media.image.jpeg`), for services that fetch it themselves; empty for no snapshot."""
    picture_link: str = ""
    """The same to an image of the event: GIF, contact sheet or snapshot. Only with `NotifierTraits.shows_links`."""
    heading: str = ""
    """Camera and local time of an event: `Front door 2026-11-20T20:46:00+01:00`."""
    facts: tuple[tuple[str, str], ...] = ()
    """Names and values that the service shows in a table."""
    buttons: tuple[Button, ...] = ()
    labels: tuple[str, ...] = ()
    """`NotifierTraits.labels` in the channel's language."""
    has_buttons: bool = True
    """Whether the service adds buttons of its own, too."""
    about: str = ""
    """ID of the event whose message this one takes the place of; `event` if empty."""
    alone: "Message | None" = None
    """The same without the other cameras of the visit, for people who don't get messages about all of `cameras`."""
    cameras: tuple[str, ...] = ()
    """Cameras of the visit, or with the problem, that it is about if there are several."""
    narrowed: "Callable[[Collection[str]], Message] | None" = None
    """Returns the same about those of `cameras` alone that someone may see, of a problem of several cameras."""
    only: tuple[str, ...] = ()
    """Recipients of the settings who are to get it: those that are left (`PartlySent`); empty: all."""
    history: str = ""
    """Witness of the recorder's signed history (`sealed.witness`), in a hidden field or as a last line; or empty."""

    @property
    def tag(self) -> str:
        """Return what messages that replace each other have in common."""
        return self.about or self.event or self.id

    @property
    def links(self) -> list[tuple[str, str]]:
        """Return labels and URLs of the clip, or else of the page in tawny, and of the buttons that have URLs."""
        links = [(self.link_label, self.clip_link or self.link), *((one.label, one.url) for one in self.buttons)]
        return [(label, url) for label, url in links if url]

    @property
    def words(self) -> str:
        """Title and text in one line: `Person at Front door. Porch, 20:46.`"""
        end = "" if not self.text or self.title.endswith((".", "!", "?", ":")) else "."
        return f"{self.title}{end} {self.text}".strip()


# JSON format of messages for webhook and MQTT.


def as_json(message: Message, changes: str) -> dict[str, Any]:
    """Return the message as JSON. changes: ID of the message it replaces; empty for none."""
    return {
        "type": f"message.{message.kind}",
        "id": message.id,
        "changes": changes or None,
        "title": message.title,
        "text": message.text,
        "time": utc_text(message.at_ms),
        "camera": message.camera or None,
        "cameras": list(message.cameras),
        "event": message.event or None,
        "urgency": message.urgency.value,
        "link": message.link or None,
        "clip": message.clip_link or None,
        "history": message.history or None,
        "buttons": [{"label": one.label, "url": one.url} for one in message.buttons if one.url],
    }


# Addresses of notifiers: `kind://user:password@host:port/a/b`.


@dataclass(frozen=True, slots=True)
class NotifierAddress:
    scheme: str
    user: str
    password: str
    host: str
    port: int | None
    parts: tuple[str, ...]
    """Parts of the path."""

    @property
    def at(self) -> str:
        """Host and port as in a URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"


def parse(url: str, example: str, least: int = 0) -> NotifierAddress:
    """Parse an address; the host keeps its case. least: minimum count of path parts. Raises ValueError."""
    try:
        split = urlsplit(url)
        port = split.port
    except ValueError:
        raise ValueError(f"url: an address such as {example}") from None
    parts = tuple(unquote(part) for part in split.path.split("/") if part)
    if len(parts) < least or not split.hostname or "#" in url or any(ord(one) < 32 for one in unquote(url)):
        raise ValueError(f"url: an address such as {example}")
    host = split.netloc.rpartition("@")[2]
    host = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    return NotifierAddress(
        split.scheme, unquote(split.username or ""), unquote(split.password or ""), host, port, parts
    )


def filled(table: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return the table with defaults. Raises ValueError for unknown keys and values of another type."""
    for key, value in table.items():
        if key not in defaults:
            raise ValueError(f"{key}: found an unknown key; allowed: {', '.join(defaults) or 'none'}")
        if type(value) is not type(defaults[key]):
            raise ValueError(f"{key}: allowed: such as {defaults[key]!r}")
    return {**defaults, **table}


@dataclass(frozen=True, slots=True)
class NotifierTraits:
    """Capabilities of a service."""

    shows: str
    """What phones and computers display, as a sentence for the user."""
    edits: bool = False
    """Sent messages can be edited: the clip replaces the snapshot."""
    picture: bool = False
    image_shape: Literal["wide", "square", "whole"] = "wide"
    """Shape in which people see an image at a glance; `whole`: programs receive it, which may look for themselves."""
    gif: bool = False
    video: bool = False
    shows_links: bool = False
    """It receives no images itself, but displays the one that a link leads to."""
    buttons: Literal["", "links", "calls"] = ""
    """How buttons work: as links to tawny, or by callbacks from the service."""
    labels: tuple[str, ...] = ()
    """Texts of its own that the service shows with each message."""
    carries_history: bool = False
    """`Message.history` is in a field or in small print: every message has it. Otherwise one message a day shows it."""
    largest_bytes: int = 0
    """Maximum size of an attachment, bytes."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """An attachment in memory. name: with extension."""

    name: str
    media_type: str
    data: bytes


class NotifierConnection(Protocol):
    """An open connection. Use from one thread. Every method raises DeliveryError without secrets."""

    def send(self, message: Message, attached: Attachment | None) -> str:
        """Send a message and return the service's ID of it.

        A repeated message ID replaces the earlier message if the service supports it.
        """
        ...

    def edit(self, receipt: str, message: Message, attached: Attachment | None) -> str:
        """Replace a sent message. Called only if `NotifierTraits.edits`. Return the new receipt."""
        ...

    def close(self) -> None:
        """Close the connection. Never raises."""
        ...


class NotifierStore(Protocol):
    """Durable key-value store of a notifier. Thread-safe."""

    def marks(self) -> dict[str, str]: ...
    def mark(self, name: str, value: str) -> None:
        """Set a value; an empty one removes it."""
        ...


def everybody(person: str, camera: str) -> bool:
    return bool(person or camera)


@dataclass(frozen=True, slots=True)
class NotifierContext:
    """Parameters of a connection."""

    name: str
    """Name in the settings."""
    url: str
    """With secrets filled in."""
    options: Mapping[str, Any]
    """The type's own settings, validated by `settings`."""
    clock: Clock
    kept: NotifierStore | None = None
    may_see: Callable[[str, str], bool] = everybody
    """Whether the person of this name may see a camera."""
    has_snoozed: Callable[[str, str, int], bool] = lambda *_: False
    """Whether the person of this ID gets nothing about a camera's event of this time, ms UTC."""
    new_events: Callable[[str], int] = lambda _: 0
    """Returns the number of new events that this person may see."""
    is_signed_in: Callable[[str, str], bool] = everybody
    """Whether the person of this ID has not been signed out of a session, by its public ID."""


class Notifier(Protocol):
    """A type of notifier. One instance serves all targets of its type. Thread-safe."""

    schemes: ClassVar[tuple[str, ...]]
    """URL schemes: `("ntfy",)`."""

    def traits(self, url: str) -> NotifierTraits: ...
    def settings(self, url: str, table: Mapping[str, Any]) -> Mapping[str, Any]:
        """Validate the table and add defaults. Raises ValueError with the key, its value and the allowed values."""
        ...

    def public(self, url: str) -> str:
        """Return the address without secrets, for logs, status and errors."""
        ...

    def open(self, context: NotifierContext) -> NotifierConnection:
        """Connect. Raises DeliveryError."""
        ...


class ButtonPresses(Protocol):
    """Polls for pressed buttons. Use from one thread."""

    def wait(self, do: Callable[[str], str]) -> None:
        """Wait some seconds for pressed buttons. do: executes a button's token and returns the result as text.

        Raises DeliveryError.
        """
        ...


@runtime_checkable
class ButtonNotifier(Protocol):
    """Protocol of notifiers whose `NotifierTraits.buttons` is "calls"."""

    def presses(self, context: NotifierContext) -> ButtonPresses: ...


@runtime_checkable
class BrowserNotifier(Protocol):
    """Protocol of notifiers that browsers subscribe to. kept: the notifier's store."""

    def public_key(self, kept: NotifierStore) -> str:
        """Return the VAPID public key that browsers subscribe with."""
        ...

    def subscribe(
        self, kept: NotifierStore, person: str, endpoint: str, keys: tuple[str, str], session: str = ""
    ) -> None:
        """Store a browser. keys: p256dh and auth. session: public ID of the login session, with which it ends.

        Raises ValueError if the keys or the address are invalid.
        """
        ...

    def unsubscribe(self, kept: NotifierStore, endpoint: str) -> None: ...


class MessageRefused(DeliveryError):
    """The service won't take this message, however often it is sent."""


class MessageDeferred(TargetBusy):
    """It may be this message that the service can't take now, such as its attachment, and not the service itself."""


class TargetTooSlow(TargetUnreachable):
    """It didn't respond to something large: it, or the connection, may be too slow for that and not for a text."""


def too_slow(public: str, size_bytes: int, limit_s: float = UPLOAD_S) -> TargetTooSlow:
    why = f"no response to {size_bytes} bytes within {limit_s:.0f} s; the connection may be too slow"
    return TargetTooSlow(public, why)


# HTTP requests to services: one connection per request, limited in time and size, no redirects, no secrets in errors.
# Connections are not reused: a failure on a stale one would leave unknown whether the message arrived.


# Webhook signatures: authenticate sender and time of a body; for sent and received webhooks.

HEADER: Final = "X-Tawny-Signature"
MOST_AGE_S: Final = 300
"""Maximum age, s, and maximum time in the future of an accepted signature."""
_SIGNED = re.compile(r"t=(([0-9]{1,12})(?:\.[0-9]{1,9})?),v1=([0-9a-f]{64})")


def signature(secret: str, at_s: int, body: bytes) -> str:
    return f"t={at_s},v1={_hex(secret, str(at_s), body)}"


def signed_at(header: str, secret: str, body: bytes) -> int | None:
    """Return when it was signed, s since 1970; None if the signature is invalid. The header may have fractions."""
    found = _SIGNED.fullmatch(header)
    if found is None:
        return None
    return int(found[2]) if hmac.compare_digest(found[3], _hex(secret, found[1], body)) else None


def _hex(secret: str, at: str, body: bytes) -> str:
    return hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()


TIMEOUT_S = 15.0
MOST_ANSWER_BYTES = 1_000_000
_WHY_CHARS = 120
_SHORT, _LONG = 6, 16
"""Minimum length of hidden words: in URLs and headers, and in bodies, which contain plain text."""
_LOOKED_BYTES = 4000
_OF_MESSAGE = frozenset({400, 413, 415, 422})
"""Status codes that services use for an attachment that they don't take, and for other faults of a message."""
_WORD = re.compile(r"[^\s/?&=:,;\"'{}]+")


@dataclass(frozen=True, slots=True)
class HttpResponse:
    status: int
    data: bytes
    sent: tuple[str, ...] = field(default=(), repr=False)
    """Words of the request to hide if the response repeats them."""
    wait_s: float = 0.0
    """How long it asks to wait (`Retry-After`), s."""
    moved_to: str = ""
    """Scheme, host and port that it redirects to."""
    is_cut: bool = False
    """Whether `data` is only a part: of a 2xx response, the service has taken the request all the same."""

    @property
    def is_well(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> dict[str, Any]:
        """Return the JSON object; empty if the body is none."""
        try:
            found = json.loads(self.data)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}


class HttpApi:
    """A service. base: `https://host:port/path`, validated by `base_of`. public: name in errors.

    is_elsewhere: it is https, and on the internet: no address of the home network is connected to.
    """

    def __init__(self, base: str, public: str, timeout_s: float = TIMEOUT_S, *, is_elsewhere: bool = False) -> None:
        self._is_elsewhere = is_elsewhere
        parts = urlsplit(base)
        self._address, self.scheme, self.host = parts, parts.scheme, parts.hostname or ""
        self._path, self.public, self._timeout_s = parts.path.rstrip("/"), public, timeout_s
        self._query = f"?{parts.query}" if parts.query else ""

    def ask(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> HttpResponse:
        """Send a request and return any response. Raises TargetUnreachable without one."""
        target = _ascii((self._path + path or "/") + self._query)
        where = _ascii(f"{self._path}{path.partition('?')[0]}{self._query}")
        try:
            with closing(self._connection()) as line:
                found = response_to(line, method, target, body, {"User-Agent": "tawny", **(headers or {})})
                sent = _words(_SHORT, where, *(headers or {}).values()) + _words(
                    _LONG, body[:_LOOKED_BYTES].decode("latin-1")
                )
                data, is_cut = _body_of(found)
                return HttpResponse(found.status, data, sent, _asked_wait_s(found), _moved_to(found), is_cut)
        except UploadTooSlow:
            raise too_slow(self.public, len(body)) from None
        except ssl.SSLCertVerificationError as error:
            raise TargetUnreachable(self.public, f"its certificate isn't valid: {error.verify_message}") from None
        except (OSError, http.client.HTTPException) as error:
            raise TargetUnreachable(self.public, failure_reason(error)) from None  # the exception may contain secrets

    def _connection(self) -> http.client.HTTPConnection:
        if self._is_elsewhere:
            return PublicHttpsConnection(self._address, self._timeout_s)
        return http_connection(self._address, self._timeout_s)

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


def _ascii(path: str) -> str:
    """Percent-encode what a request line can't contain."""
    return quote(path, safe=string.punctuation)


def refusal(public: str, answer: HttpResponse, why: Sequence[str] = ()) -> DeliveryError:
    """Return the error for a response that is not 2xx. why: JSON keys that hold the reason."""
    detail = next((str(text) for key in why if (text := answer.json().get(key))), "")
    for word in answer.sent:
        detail = detail.replace(word, "…")
    detail = detail[:_WHY_CHARS]
    reason = f"it responded with {answer.status}" + (f": {detail}" if detail else "")
    if answer.moved_to:
        return DeliveryError(public, f"it redirects to {answer.moved_to[:_WHY_CHARS]}, so use that address")
    if answer.status in (401, 403):
        return TargetRefused(public, reason)
    if answer.status in (404, 410):
        return TargetMissing(public, reason)
    if answer.status == 429 or answer.status >= 500:
        return TargetBusy(public, reason, answer.wait_s)
    if answer.status in _OF_MESSAGE:
        return MessageRefused(public, reason)
    return DeliveryError(public, reason)


def _body_of(answer: http.client.HTTPResponse) -> tuple[bytes, bool]:
    """Return the body, or what came of it within UPLOAD_S, and whether it was cut. Raises its errors unless it is 2xx:
    what was taken would be sent again.
    """
    clock, data = SystemClock(), b""
    end_s = clock.mono_s() + UPLOAD_S
    try:
        while len(data) < MOST_ANSWER_BYTES and clock.mono_s() < end_s:
            part = answer.read1(MOST_ANSWER_BYTES - len(data))
            if not part:
                return data, bool(answer.length)
            data += part
    except (OSError, http.client.HTTPException):
        if not 200 <= answer.status < 300:
            raise
    return data, True


def _moved_to(answer: http.client.HTTPResponse) -> str:
    """Return the origin that it redirects to; empty for none. The rest of that address may contain secrets."""
    try:
        parts = urlsplit(answer.getheader("Location") or "")
    except ValueError:
        return ""
    is_there = 300 <= answer.status < 400 and bool(parts.scheme and parts.netloc)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if is_there else ""


def _asked_wait_s(answer: http.client.HTTPResponse) -> float:
    """Return its Retry-After, s, if it took nothing; of a date by its own clock. 0 if it has none that is valid."""
    if answer.status != 429 and answer.status < 500:
        return 0.0
    text = (answer.getheader("Retry-After") or "").strip()
    if re.fullmatch("[0-9]{1,9}", text):
        return float(text)
    try:
        until, now = (parsedate_to_datetime(one) for one in (text, answer.getheader("Date") or ""))
        return max(0.0, (until - now).total_seconds())
    except (TypeError, ValueError, OverflowError):  # TypeError: only one of them has a time zone
        return 0.0


def _words(least: int, *texts: str) -> tuple[str, ...]:
    """Return words that may be a token or a password, longest first, also unquoted."""
    forms = [form for text in texts for form in (text, unquote(text))]
    found = {word for form in forms for word in _WORD.findall(form) if len(word) >= least}
    return tuple(sorted(found, key=len, reverse=True))


def base_of(address: str, example: str) -> str:
    """Return the validated HTTP(S) URL. Raises ValueError."""
    if not is_web_address(address) or any(ord(one) <= 32 for one in address):
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

"""Web Push notifier: browsers, even while tawny's page is closed. `webpush:`, then a contact address or nothing.

Users switch it on in each browser; this requires HTTPS. Messages are end-to-end encrypted, so the browser
vendor's push service cannot read them.
"""

import json
import logging
import os
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from typing import Any, ClassVar
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tawny.delivery.delivery import NoRecipient
from tawny.delivery.notifier import (
    Attachment,
    HttpApi,
    Message,
    NotifierConnection,
    NotifierContext,
    NotifierStore,
    NotifierTraits,
    Urgency,
    base_of,
    filled,
    refusal,
)
from tawny.model.errors import DeliveryError, TargetMissing, TargetUnreachable
from tawny.protocols.http_connection import is_public

log = logging.getLogger(__name__)

# Web Push cryptography: message encryption (RFC 8291) and sender identification by VAPID (RFC 8292).

MOST_BYTES = 3900
"""Maximum size of a message, bytes, so that it fits into one record of 4096 bytes."""
_POINT, _PLAIN = serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint


def encrypt_payload(message: bytes, p256dh: bytes, auth: bytes) -> bytes:
    """Return the body for `Content-Encoding: aes128gcm`. p256dh, auth: the browser's keys.

    Raises ValueError if they are invalid.
    """
    ours, salt = ec.generate_private_key(ec.SECP256R1()), secrets.token_bytes(16)
    own = ours.public_key().public_bytes(_POINT, _PLAIN)
    theirs = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), p256dh)
    first = _derived(ours.exchange(ec.ECDH(), theirs), auth, b"WebPush: info\0" + p256dh + own, 32)
    key = _derived(first, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derived(first, salt, b"Content-Encoding: nonce\0", 12)
    head = salt + (4096).to_bytes(4, "big") + bytes([len(own)]) + own
    return head + AESGCM(key).encrypt(nonce, message + b"\x02", None)


def vapid_header(key: ec.EllipticCurvePrivateKey, audience: str, until_s: int, contact: str) -> str:
    """Return the `Authorization` header. audience: origin of the push service; until_s: expiry, at most a day ahead."""
    head, body = ({"typ": "JWT", "alg": "ES256"}, {"aud": audience, "exp": until_s, "sub": contact})
    signed = ".".join(base64url_text(json.dumps(part, separators=(",", ":")).encode()) for part in (head, body))
    r, s = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
    signature = base64url_text(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
    return f"vapid t={signed}.{signature}, k={base64url_text(public_key_of(key))}"


def public_key_of(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return the public key as an uncompressed point, 65 bytes."""
    return key.public_key().public_bytes(_POINT, _PLAIN)


def new_vapid_key() -> str:
    return secrets.token_hex(32)


def key_of(kept: str) -> ec.EllipticCurvePrivateKey:
    """Return the private key of a value from `new_vapid_key`."""
    return ec.derive_private_key(int(kept, 16) % (2**255) or 1, ec.SECP256R1())


def base64url_text(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def base64url_bytes(signed: str) -> bytes:
    """Decode unpadded Base64. Raises ValueError if invalid."""
    return urlsafe_b64decode(signed + "=" * (-len(signed) % 4))


def _derived(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(hashes.SHA256(), length, salt, info).derive(secret)


EXAMPLE = "webpush:me@example.org"
NO_CONTACT = "https://example.org"
"""Apple refuses messages without a contact, and addresses that only exist at home; mail to this one is not read."""
LASTS_S = 86_400
AGAIN_S = 3600.0
"""Time, s, in which a browser whose service fails is tried again, once another browser has the message."""
MOST_BROWSERS = 10
"""Browsers of one person; another one takes the place of the oldest."""
MOST_SEND_S = 20.0
"""Time, s, for which a message is sent to browsers; the others get it at the next attempt."""
OWN_HOSTS = "TAWNY_PUSH_HOSTS"
"""Environment variable with the hosts of push services in the home network; browsers elsewhere use public ones."""
URGENCIES = {Urgency.QUIET: "low", Urgency.NORMAL: "high", Urgency.HIGH: "high"}
ABOUT_EVENTS = frozenset({"event", "digest"})
"""Kinds of messages that can be snoozed, and offer it."""
PAGES = {"digest": "/events", "alarm": "/health", "recap": "/timeline"}
"""What a click on a message without an event opens."""
LABELS = (
    *("Live", "Snooze 1 h", "Talk", "Snoozed until {0}", "Recording continues.", "Undo"),
    *("Not snoozed", "Still snoozed", "Open tawny and sign in first.", "tawny can’t be reached."),
)
"""What the service worker (`ui/public/push.js`) shows by itself, in its order."""
_KEY, _BROWSER = "key", "browser/"


class NoBrowser(NoRecipient):
    """No browser is subscribed. A message isn't kept for one: it would come much too late."""

    says = "No browser has turned on notifications."
    advice = "Turn on “Notifications on this device” in a browser: Settings, Notifications and uploads."


@dataclass(frozen=True, slots=True)
class Browser:
    """A subscribed browser. person: user ID; the name in those stored by earlier versions.

    p256dh, auth: its keys, Base64. session: public ID of the login session that subscribed it; empty in those stored by
    earlier versions. number: grows with each subscription.
    """

    person: str
    endpoint: str
    p256dh: str
    auth: str
    session: str = ""
    number: int = 0

    @property
    def id(self) -> str:
        return sha256(self.endpoint.encode()).hexdigest()[:24]


@dataclass(slots=True)
class _Reached:
    """The browsers that have a message which others are still to get."""

    since_s: float
    """Time of the first attempt, monotonic."""
    browsers: set[str]


_ReachedByMessage = dict[tuple[str, ...], _Reached]


class WebPush:
    """No additional settings."""

    schemes: ClassVar[tuple[str, ...]] = ("webpush",)

    def __init__(self, own_hosts: Collection[str] | None = None) -> None:
        """own_hosts: push services in the home network; None: those of OWN_HOSTS."""
        self._own_hosts = frozenset(os.environ.get(OWN_HOSTS, "").split() if own_hosts is None else own_hosts)
        self._reached: _ReachedByMessage = {}
        self._is_failing: dict[str, bool] = {}

    def traits(self, url: str) -> NotifierTraits:
        return NotifierTraits(
            "Android and computers show the snapshot; iPhone requires tawny on the home screen.",
            edits=True,
            labels=LABELS,
            carries_history=True,
        )

    def settings(self, url: str, table: Mapping[str, Any]) -> Mapping[str, Any]:
        contact = url.removeprefix("webpush:")
        name, at, host = contact.removeprefix("https://").partition("@")
        is_contact = bool(name and not at) if contact.startswith("https://") else bool(name and at and host)
        if (contact and not is_contact) or any(ord(one) <= 32 for one in url):
            raise ValueError(f"url: an address such as {EXAMPLE}, or webpush: alone")
        return filled(table, {})

    def public(self, url: str) -> str:
        return "browsers that turned it on"

    def open(self, channel: NotifierContext) -> NotifierConnection:
        assert channel.kept is not None
        return _Sender(channel, channel.kept, self._reached, self._is_failing, self._own_hosts)

    def public_key(self, kept: NotifierStore) -> str:
        """Return the VAPID public key that browsers subscribe with."""
        return base64url_text(public_key_of(key_of(vapid(kept))))

    def subscribe(
        self, kept: NotifierStore, person: str, endpoint: str, keys: tuple[str, str], session: str = ""
    ) -> None:
        known = browsers(kept)
        number = max((one.number for one in known), default=0) + 1
        browser = Browser(person, _usable(endpoint, self._own_hosts), *keys, session, number)
        encrypt_payload(b"", base64url_bytes(browser.p256dh), base64url_bytes(browser.auth))
        kept.mark(_BROWSER + browser.id, json.dumps(asdict(browser)))
        others = sorted(
            (one for one in known if one.person == person and one.id != browser.id), key=lambda one: -one.number
        )
        for one in others[MOST_BROWSERS - 1 :]:
            kept.mark(_BROWSER + one.id, "")

    def unsubscribe(self, kept: NotifierStore, endpoint: str) -> None:
        kept.mark(_BROWSER + Browser("", endpoint, "", "").id, "")


class _Sender:
    def __init__(
        self,
        channel: NotifierContext,
        kept: NotifierStore,
        reached: _ReachedByMessage,
        is_failing: dict[str, bool],
        own_hosts: Collection[str],
    ) -> None:
        """reached, is_failing: outlive the sender, which a courier closes when a delivery fails.

        is_failing: whether the last attempt failed, by browser. own_hosts: push services in the home network.
        """
        self._context, self._kept, self._reached = channel, kept, reached
        self._is_failing, self._own_hosts = is_failing, own_hosts
        contact = channel.url.removeprefix("webpush:")
        self._contact = f"mailto:{contact}" if "@" in contact else contact or NO_CONTACT

    def send(self, message: Message, attached: Attachment | None) -> str:
        """Send to all browsers of users who may see it, whose session was not signed out.

        The event's tag replaces an earlier notification. Browsers that got the last one come first, those that failed
        come last, and those that are left after MOST_SEND_S wait. A repeat skips the browsers that have it. Raises the
        browser's error if it reached none; a DeliveryError of this message alone if it reached some and another is to
        be tried again; NoBrowser if none is subscribed any more.
        """
        now_s, key = self._context.clock.mono_s(), (self._context.name, message.id, message.title, message.text)
        for old, one in list(self._reached.items()):
            if now_s - one.since_s > LASTS_S:  # its delivery was dropped
                self._reached.pop(old, None)
        reached, failed = self._reached.pop(key, None) or _Reached(now_s, set()), list[DeliveryError]()
        for browser in sorted(browsers(self._kept), key=self._order):
            if browser.session and not self._context.is_signed_in(browser.person, browser.session):
                self._forget(browser)
                continue
            part = None if browser.id in reached.browsers else self._part_of(browser.person, message)
            if part is None:
                continue
            if self._context.clock.mono_s() - now_s >= MOST_SEND_S:
                failed.append(TargetUnreachable(self._context.name, "other browsers took too long"))
                break
            try:
                self._push(browser, part)
                reached.browsers.add(browser.id)
                self._is_failing[browser.id] = False
            except TargetMissing:
                self._forget(browser)  # the user unsubscribed
            except DeliveryError as error:
                log.warning("a browser of %s did not get a notification: %s", browser.person, error)
                failed.append(error)
                self._is_failing[browser.id] = True
        if failed and not reached.browsers:
            raise failed[-1]
        again = next((one for one in failed if isinstance(one, TargetUnreachable)), None)
        if again is not None and now_s - reached.since_s < AGAIN_S:
            self._reached[key] = reached
            raise DeliveryError(again.where, again.detail)  # as a fault of the target it would hold up newer messages
        if not has_browser(self._kept):
            raise NoBrowser(self._context.name)
        return message.id

    def edit(self, receipt: str, message: Message, attached: Attachment | None) -> str:
        return self.send(message, attached)

    def close(self) -> None:
        """No resources to release."""

    def _forget(self, browser: Browser) -> None:
        self._kept.mark(_BROWSER + browser.id, "")
        self._is_failing.pop(browser.id, None)

    def _order(self, browser: Browser) -> int:
        return {False: 0, None: 1, True: 2}[self._is_failing.get(browser.id)]

    def _part_of(self, person: str, message: Message) -> Message | None:
        """Return what of a message a user gets; None: nothing."""
        if message.narrowed is not None:
            seen = [one for one in message.cameras if self._context.may_see(person, one)]
            return message if len(seen) == len(message.cameras) else message.narrowed(seen) if seen else None
        if not self._gets(person, message):
            return None
        gets_all = all(self._gets(person, replace(message, camera=one)) for one in message.cameras)
        return message if gets_all or message.alone is None else message.alone

    def _gets(self, person: str, message: Message) -> bool:
        if not self._context.may_see(person, message.camera):
            return False  # messages without a camera are for users who may see all
        return message.kind not in ABOUT_EVENTS or not self._has_snoozed(person, message)

    def _has_snoozed(self, person: str, message: Message) -> bool:
        times_ms = (message.at_ms, self._context.clock.now_ms())
        return any(self._context.has_snoozed(person, message.camera, at_ms) for at_ms in times_ms)

    def _content(self, browser: Browser, message: Message) -> dict[str, object]:
        has_image, opens_talk = message.event and message.image_view, message.opens.endswith("?talk=1")
        content: dict[str, object] = {
            "title": message.title,
            "body": message.text,
            "tag": message.tag,
            "url": message.opens or (f"/events/{message.event}" if message.event else PAGES.get(message.kind, "/")),
            "talk": opens_talk and message.has_buttons,
            "stays": opens_talk,
            "image": f"/media/{message.event}.jpg?show={message.image_view}" if has_image else "",
            "camera": message.camera if message.kind in ABOUT_EVENTS and message.has_buttons else "",
            "badge": self._context.new_events(browser.person),
            "history": message.history,
            "silent": message.urgency is Urgency.QUIET,
        }
        if message.labels not in ((), LABELS):
            content["labels"] = message.labels
        return content

    def _push(self, browser: Browser, message: Message) -> None:
        content = self._content(browser, message)
        try:
            parts = urlsplit(_usable(browser.endpoint, self._own_hosts))
        except ValueError as error:  # stored by an earlier version
            raise TargetMissing(self._context.name, str(error)) from None
        now_s = self._context.clock.now_ms() // 1000
        key = key_of(vapid(self._kept))
        headers = {
            "Authorization": vapid_header(key, f"{parts.scheme}://{parts.netloc}", now_s + LASTS_S // 2, self._contact),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(LASTS_S),
            "Urgency": URGENCIES[message.urgency],
            "Topic": base64url_text(sha256(str(content["tag"]).encode()).digest()[:24]),
        }
        body = _payload(content)
        is_own = parts.hostname in self._own_hosts
        api = HttpApi(browser.endpoint, f"{self._context.name} ({parts.hostname})", is_elsewhere=not is_own)
        answer = api.ask(
            "POST", "", encrypt_payload(body, base64url_bytes(browser.p256dh), base64url_bytes(browser.auth)), headers
        )
        if not answer.is_well:
            raise refusal(api.public, answer)


def _usable(endpoint: str, own_hosts: Collection[str]) -> str:
    """Return the address of a push service. Raises ValueError if it is none, or in the home network.

    What a name stands for is checked when it is connected to.
    """
    example = "https://push.example.org/abc"
    parts = urlsplit(base_of(endpoint, example))
    assert parts.hostname is not None
    parts.hostname.encode("idna")  # a UnicodeError is a ValueError
    if parts.hostname not in own_hosts and (parts.scheme != "https" or _is_at_home(parts.hostname)):
        raise ValueError(f"an address such as {example}")
    return endpoint


def _is_at_home(host: str) -> bool:
    try:
        return not is_public(host)
    except ValueError:
        return host == "localhost"


def _payload(content: Mapping[str, object]) -> bytes:
    """Return the message as JSON of at most MOST_BYTES. The text, then the title, ends with `…` if it is too long."""
    made = _json(content)
    for field in ("body", "title"):
        text = str(content[field])
        while len(made) > MOST_BYTES and text:
            text = text[: len(text) - max(1, (len(made) - MOST_BYTES) // 6)]  # a character has up to 6 bytes
            content = {**content, field: f"{text.rstrip()}…"}
            made = _json(content)
    return made


def _json(content: Mapping[str, object]) -> bytes:
    return json.dumps(content, ensure_ascii=False).encode("utf-8", "replace")


def vapid(kept: NotifierStore) -> str:
    """Return the VAPID key; create it on first use."""
    found = kept.marks().get(_KEY, "")
    if not found:
        found = new_vapid_key()
        kept.mark(_KEY, found)
    return found


def browsers(kept: NotifierStore) -> list[Browser]:
    found = [value for name, value in kept.marks().items() if name.startswith(_BROWSER)]
    return [Browser(**json.loads(value)) for value in found]


def has_browser(kept: NotifierStore) -> bool:
    return bool(browsers(kept))

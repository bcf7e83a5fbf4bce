"""Whole messages in order between two recorders: the protocol, in memory, by WebSocket, and encrypted over either.

`SecureLink` does not trust what carries it. Both sides agree on fresh keys (X25519), sign them with their own key
(Ed25519) and encrypt every message with its number (ChaCha20-Poly1305): a message that is changed, left out, repeated
or of another connection ends the link. A reverse proxy or a certificate of its own is therefore no matter.
"""

import asyncio
import json
import os
import ssl
import struct
from collections.abc import Coroutine
from hashlib import sha256
from typing import Any, Final, Protocol, Self, TypeVar
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from tawny.fleet.identity import fingerprint

MAX_PART_BYTES: Final = 256 * 1024
"""Maximum size of what one message carries."""
MAX_MESSAGE_BYTES: Final = MAX_PART_BYTES + 4096
"""Maximum size of a message with its head and what encryption adds."""
LINE_PATH: Final = "/api/v1/fleet/line"
"""Where the hub accepts connections."""
OPEN_TIMEOUT_S: Final = 10.0
_GREETING: Final = b"tawny line 1"
_KEY_BYTES: Final = 32
_SIGNATURE_BYTES: Final = 64
T = TypeVar("T")


class LineClosed(Exception):
    """The other side is gone, or sent what it must not. The text says which."""


class MessageLink(Protocol):
    """Whole messages in order, each at most MAX_MESSAGE_BYTES. Single event loop. Raises LineClosed."""

    async def send(self, message: bytes) -> None:
        """Return once the message is on its way; wait while the other side is slow."""

    async def receive(self) -> bytes: ...

    async def close(self) -> None:
        """End it for both sides. Another call has no effect."""


class MemoryLink:
    """A link within one process. `pair` returns its two ends."""

    def __init__(self, sends: asyncio.Queue[bytes], receives: asyncio.Queue[bytes], closed: asyncio.Event) -> None:
        self._sends, self._receives, self._closed = sends, receives, closed

    @classmethod
    def pair(cls) -> tuple[Self, Self]:
        one, two, closed = asyncio.Queue[bytes](8), asyncio.Queue[bytes](8), asyncio.Event()
        return cls(one, two, closed), cls(two, one, closed)

    async def send(self, message: bytes) -> None:
        if self._closed.is_set() or len(message) > MAX_MESSAGE_BYTES:
            raise LineClosed("the connection is closed, or the message too large")
        await self._unless_closed(self._sends.put(message))

    async def receive(self) -> bytes:
        return await self._unless_closed(self._receives.get())

    async def close(self) -> None:
        self._closed.set()

    async def _unless_closed(self, work: Coroutine[Any, Any, T]) -> T:
        doing, closing = asyncio.ensure_future(work), asyncio.ensure_future(self._closed.wait())
        try:
            await asyncio.wait({doing, closing}, return_when=asyncio.FIRST_COMPLETED)
            if not doing.done():
                raise LineClosed("the connection is closed")
            return doing.result()  # also what was sent before it was closed
        finally:
            doing.cancel()
            closing.cancel()


class _SameAddress(connect):
    """Connects there and nowhere else: what answers could name an address that only this computer reaches."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        found = super().process_redirect(exc)
        return InvalidURI(found, "a redirect") if isinstance(found, str) else found


class WebSocketLink:
    """The box's end of a WebSocket to the hub."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    @classmethod
    async def open(cls, url: str, path: str = LINE_PATH) -> Self:
        """Connect to a recorder. url: `https://hub.example.org`. path: of its end of lines. Raises LineClosed."""
        scheme, _, rest = url.partition("://")
        try:
            made = await _SameAddress(
                f"{'wss' if scheme == 'https' else 'ws'}://{rest}{path}",
                origin=f"{scheme}://{urlsplit(url).netloc}",  # type: ignore[arg-type]
                compression=None,  # what is encrypted cannot be compressed
                max_size=MAX_MESSAGE_BYTES,
                max_queue=4,
                ssl=_any_certificate() if scheme == "https" else None,
                open_timeout=OPEN_TIMEOUT_S,
                close_timeout=1.0,
                ping_interval=None,  # the sessions notice silence themselves
                proxy=None,
            )
        except InvalidURI as error:  # a redirect, such as a reverse proxy's to https
            raise LineClosed(f"{url} leads to {error.uri.removesuffix(path)}; use that address") from error
        except (OSError, TimeoutError, InvalidHandshake) as error:
            raise LineClosed(f"cannot connect to {url}: {_why(error)}") from error
        except ValueError as error:  # a name with 64 letters without a dot
            raise LineClosed(f"cannot connect to {url}: not a valid name") from error
        return cls(made)

    async def send(self, message: bytes) -> None:
        try:
            await self._connection.send(message)
        except ConnectionClosed as error:
            raise LineClosed("the other side closed the connection") from error

    async def receive(self) -> bytes:
        try:
            found = await self._connection.recv(decode=False)
        except ConnectionClosed as error:
            raise LineClosed("the other side closed the connection") from error
        return found

    async def close(self) -> None:
        await self._connection.close()


class SecureLink:
    """An encrypted link over another one, between two known keys. `peer` is the other side's public key, 32 bytes."""

    def __init__(self, link: MessageLink, keys: tuple[bytes, bytes], peer: bytes = b"") -> None:
        """keys: for what is sent, and for what is received."""
        self._link, self.peer = link, peer
        self._sends, self._receives = map(ChaCha20Poly1305, keys)
        self._sent = self._received = 0
        self._sending = asyncio.Lock()

    async def send(self, message: bytes) -> None:
        async with self._sending:  # numbers in the order of sending
            sealed = self._sends.encrypt(_nonce(self._sent), message, None)
            self._sent += 1
            await self._link.send(sealed)

    async def receive(self) -> bytes:
        sealed = await self._link.receive()
        try:
            message = self._receives.decrypt(_nonce(self._received), sealed, None)
        except InvalidTag:
            await self._link.close()
            raise LineClosed("a message was changed on its way") from None
        self._received += 1
        return message

    async def close(self) -> None:
        await self._link.close()


async def open_as_box(link: MessageLink, key: Ed25519PrivateKey, hub: str) -> SecureLink:
    """Do the box's part of the handshake. hub: fingerprint of the hub's key. Raises LineClosed: it is another one."""
    own = X25519PrivateKey.generate()
    mine = own.public_key().public_bytes_raw()
    await link.send(_GREETING + mine)
    answer = await link.receive()
    if len(answer) != 2 * _KEY_BYTES + _SIGNATURE_BYTES:
        raise LineClosed("what answers there isn't a hub")
    theirs, hub_key, signature = answer[:32], answer[32:64], answer[64:]
    transcript = _transcript(mine, theirs, hub_key)
    if fingerprint(hub_key) != hub or not _is_signed(hub_key, signature, b"hub" + transcript):
        raise LineClosed("what answers at this address has another key than the one that this recorder joined")
    to_hub, to_box = _keys(own, theirs, transcript)
    made = SecureLink(link, (to_hub, to_box), hub_key)
    await made.send(key.public_key().public_bytes_raw() + key.sign(b"box" + transcript))
    return made


async def open_as_hub(link: MessageLink, key: Ed25519PrivateKey) -> SecureLink:
    """Do the hub's part of the handshake. Whether the box may connect is up to the caller. Raises LineClosed."""
    greeting = await link.receive()
    if len(greeting) != len(_GREETING) + _KEY_BYTES or not greeting.startswith(_GREETING):
        raise LineClosed("what connected isn't a recorder")
    theirs, own = greeting[len(_GREETING) :], X25519PrivateKey.generate()
    mine, hub_key = own.public_key().public_bytes_raw(), key.public_key().public_bytes_raw()
    transcript = _transcript(theirs, mine, hub_key)
    to_hub, to_box = _keys(own, theirs, transcript)
    await link.send(mine + hub_key + key.sign(b"hub" + transcript))
    made = SecureLink(link, (to_box, to_hub))
    proof = await made.receive()
    if len(proof) != _KEY_BYTES + _SIGNATURE_BYTES or not _is_signed(proof[:32], proof[32:], b"box" + transcript):
        raise LineClosed("a recorder didn't prove its key")
    made.peer = proof[:32]
    return made


def _why(error: Exception) -> str:
    """Return an error's reason without its number, for people."""
    if isinstance(error, InvalidStatus) and (text := _message_of(error.response.body)):
        return text
    number = error.errno if isinstance(error, OSError) else None
    return os.strerror(number) if number is not None and number > 0 else str(error) or "no answer"


def _message_of(body: bytes | bytearray | None) -> str:
    """Return what a tawny says in a refusal; empty for another server's."""
    try:
        found = json.loads(body or b"")
    except (ValueError, RecursionError):
        return ""
    message = found.get("message") if isinstance(found, dict) else None
    return message.rstrip(".") if isinstance(message, str) and len(message) < 200 and message.isprintable() else ""


def _any_certificate() -> ssl.SSLContext:
    """Return TLS without checks: the handshake of the line checks the hub's key, whatever its certificate says."""
    made = ssl.create_default_context()
    made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    return made


def _nonce(number: int) -> bytes:
    return struct.pack(">4xQ", number)


def _transcript(box: bytes, hub: bytes, hub_key: bytes) -> bytes:
    return sha256(_GREETING + box + hub + hub_key).digest()


def _keys(own: X25519PrivateKey, theirs: bytes, transcript: bytes) -> tuple[bytes, bytes]:
    try:
        shared = own.exchange(X25519PublicKey.from_public_bytes(theirs))
    except ValueError as error:  # a point that gives no secret
        raise LineClosed("the other side sent an invalid key") from error
    derived = HKDF(SHA256(), 2 * _KEY_BYTES, transcript, _GREETING).derive(shared)
    return derived[:_KEY_BYTES], derived[_KEY_BYTES:]


def _is_signed(public_key: bytes, signature: bytes, data: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True

"""A recorder's end of its line to a hub or a standby: how it says who it is, and how it stays connected."""

import asyncio
import logging
import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tawny.fleet.identity import comparison_words, load_key
from tawny.fleet.message_link import LineClosed, MessageLink, SecureLink
from tawny.fleet.session import Kind, LineFrame, as_payload, decode_frame
from tawny.model.errors import NotDone, StorageError
from tawny.model.times import Clock

log = logging.getLogger(__name__)
REFUSED_S: Final = 60.0
"""Wait in s after the other side refused this recorder."""
_Settings = TypeVar("_Settings")
_State = TypeVar("_State")


class LineRefused(LineClosed):
    """The other side refuses this recorder. The text says why. is_temporary: it can't accept anyone now."""

    def __init__(self, why: str, *, is_temporary: bool = False) -> None:
        super().__init__(why)
        self.is_temporary = is_temporary


def is_final(why: LineClosed) -> bool:
    """Return whether the other side refuses this recorder until a person changes something."""
    return isinstance(why, LineRefused) and not why.is_temporary


def with_reason(what: str, why: str) -> str:
    """Return a text with its reason: a sentence, such as an error's, stays one, so that languages find it."""
    return f"{what}. {why}" if why.endswith(".") else f"{what}: {why}."


async def answer_to_hello(link: MessageLink, hello: Mapping[str, Any], whom: str) -> dict[str, Any]:
    """Say who this is, and return what the other side says of itself. Raises LineRefused, LineClosed."""
    await link.send(LineFrame(Kind.HELLO, 0, as_payload(dict(hello))).encoded())
    frame = decode_frame(await link.receive())
    _accept(frame)
    if frame.kind is not Kind.WELCOME:
        raise LineClosed(f"the {whom} didn't answer as expected")
    return frame.json


def _accept(frame: LineFrame) -> None:
    """Raises LineRefused: the frame says so."""
    if frame.kind is Kind.REFUSED:
        is_temporary = frame.json.get("is_temporary") is True  # earlier versions don't say it
        raise LineRefused(str(frame.json.get("reason", ""))[:200], is_temporary=is_temporary)


async def leave(link: MessageLink) -> None:
    """Leave for good, and wait until the other side has deleted what it must, and closes the line.

    Raises LineRefused: it can't delete that now.
    """
    await link.send(LineFrame(Kind.LEAVE, 0, b"").encoded())
    while True:
        try:
            frame = decode_frame(await link.receive())
        except LineClosed:
            return
        _accept(frame)


def proved_words(secure: SecureLink, key: Ed25519PrivateKey) -> str:
    """Return the words by the keys that both sides proved: what the other side says that they are doesn't count."""
    return comparison_words(secure.peer, key.public_key().public_bytes_raw())


class MemberLine(ABC, Generic[_Settings, _State]):
    """Keeps a recorder connected. One task in one event loop. Recording never waits for any of this.

    folder: with the recorder's key; None: it records to memory and can have no line.
    """

    def __init__(
        self, folder: Path | None, get_settings: Callable[[], _Settings], clock: Clock, state: _State, name: str
    ) -> None:
        self._folder, self._get_settings, self._clock, self._name = folder, get_settings, clock, name
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changed = asyncio.Event()
        self._used: _Settings | None = None
        self._keys: tuple[bytes, bytes] | None = None
        self.state, self.detail = state, ""
        self.instance = secrets.token_hex(8)
        """By which the other side distinguishes this run from another recorder with the same key."""
        self.since_ms = clock.now_ms()
        """When the state began."""

    def words(self) -> str:
        """Return the four words to compare; empty until the other side has been reached. Reads a list of words."""
        return comparison_words(*self._keys) if self._keys else ""

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.create_task(self._keep_connected(), name=self._name)

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def retry(self) -> None:
        """End the line, and connect at once with the settings as they are now. Any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._changed.set)

    @abstractmethod
    def _is_joined(self, settings: _Settings) -> bool:
        """Return whether there is a hub or a standby to connect to."""

    @abstractmethod
    def _rest(self, settings: _Settings) -> None:
        """There is nothing to connect to, or no key to do it with, until the settings change."""

    @abstractmethod
    async def _connect(self, settings: _Settings, key: Ed25519PrivateKey) -> None:
        """Connect, and serve until the line ends. Raises LineClosed."""

    @abstractmethod
    def _ended(self, why: LineClosed) -> float:
        """The line has ended, or there was none. Return the wait in s before connecting again."""

    def _turn_to(self, settings: _Settings) -> None:
        """Forget what no longer holds with these settings: they come after those in use."""

    async def _keep_connected(self) -> None:
        while True:
            self._changed.clear()
            settings = self._get_settings()
            self._turn_to(settings)
            self._used = settings
            is_joined = self._is_joined(settings)
            key = await asyncio.to_thread(self._key) if is_joined else None
            if key is None:
                self._rest(settings)
                await self._await_change(REFUSED_S if is_joined else None)  # the key may come back
                continue
            ended = await self._connect_until_changed(settings, key)
            pause_s = self._ended(ended) if ended is not None else 0.0
            await self._await_change(pause_s)

    async def _await_change(self, most_s: float | None) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(most_s):
                await self._changed.wait()

    async def _connect_until_changed(self, settings: _Settings, key: Ed25519PrivateKey) -> LineClosed | None:
        """Return why the line has ended; None: the settings have changed."""
        connecting = asyncio.create_task(self._connect(settings, key))
        changing = asyncio.create_task(self._changed.wait())
        try:
            await asyncio.wait({connecting, changing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            connecting.cancel()
            changing.cancel()
            ended = (await asyncio.gather(connecting, changing, return_exceptions=True))[0]
        if isinstance(ended, Exception) and not isinstance(ended, LineClosed):
            raise ended
        return ended if isinstance(ended, LineClosed) else None

    def _key(self) -> Ed25519PrivateKey | None:
        try:
            return load_key(self._folder) if self._folder is not None else None
        except (StorageError, NotDone) as error:
            log.error("%s", error)
            return None

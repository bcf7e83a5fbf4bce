"""The box's end of the line: connects to its hub, sends its history and health, and answers the hub's requests.

Nothing here is in the way of recording: it runs in the loop of the web interface, reads the disk in a worker thread,
and holds at most `MOST_EXCHANGES * WINDOW_BYTES` (8 MB). What may be asked is decided by the box (`answer`).
"""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tawny import __version__
from tawny.config.fleet import FleetSettings, NatsLogin, is_nats_address
from tawny.engine.backoff import Backoff
from tawny.fleet.doubles import DOUBLE
from tawny.fleet.history_reader import LEAST_BYTES, MOST_BYTES, HistoryPiece, HistoryReader
from tawny.fleet.identity import UNKNOWN, JoinLink
from tawny.fleet.member_line import REFUSED_S, LineRefused, MemberLine, answer_to_hello, is_final, leave, proved_words
from tawny.fleet.message_link import OPEN_TIMEOUT_S, LineClosed, MessageLink, SecureLink, WebSocketLink, open_as_box
from tawny.fleet.nats_link import NatsLink
from tawny.fleet.session import MOST_EXCHANGES, Exchange, Kind, LineFrame, LineSession, as_payload
from tawny.model.errors import NotDone, StorageError
from tawny.model.times import Clock, SystemClock
from tawny.storage.disk.private_files import write_private

log = logging.getLogger(__name__)
HISTORY_S: Final = 2.0
"""Interval in s at which new lines of history are looked for."""
FIRST_PIECE_BYTES: Final = 16 * 1024
QUICK_S, SLOW_S = 0.25, 1.0
"""The next piece of history is twice as large if one takes less than this on its way and back, and half if more."""
STATUS_S: Final = 5.0
"""Interval in s of the health."""
JOIN_TIMEOUT_S: Final = 20.0
RETRY_S: Final = (1.0, 30.0)
"""First and longest wait in s before connecting again; doubled each time."""
NAMED_FIELD: Final = "named"
"""Of the status without `health`: the cameras by name, and how pages show them. Earlier hubs ignore it."""
_OF_NAMED: Final = ("id", "name", "streams", "audio", "mask", "where", "rotate", "mirror", "lens")
NAME_FILE: Final = "fleet.name"
"""In the data folder: the name that this recorder last sent to the hub, as JSON."""
HELD_S: Final = 5.0
"""A line that was up for less counts as a failure: an earlier version of a hub whose disk is full ends each at once."""

_SYSTEM_CLOCK: Final = SystemClock()
_MOST_LINE_HASHES: Final = 100

NO_KEY: Final = "the key of this recorder is missing or damaged; leave the hub, and join again"

Answer = Callable[[Mapping[str, Any], Exchange], Awaitable[None]]
"""Answers a request of the hub. Raises LineClosed when the hub has ended it."""


class StatusReader(Protocol):
    def __call__(self) -> Mapping[str, Any]:
        """Return the health as JSON values. Runs in a worker thread."""


@dataclass(frozen=True, slots=True)
class BoxOffer:
    """What this recorder says about itself, and what it lets the hub know and ask."""

    name: str
    version: str
    allow: tuple[str, ...]
    history: HistoryReader
    status: StatusReader
    answer: Answer


@dataclass(frozen=True, slots=True)
class Welcome:
    """The hub's answer. words: to compare with those on the hub's page; by the keys themselves once it joined.

    line_hashes: as `HistoryReader.check` takes them; empty: the hub is of an earlier version.
    """

    box: str
    name: str
    words: str
    hub: str
    cursors: dict[str, int] = field(default_factory=dict)
    line_hashes: dict[str, str] = field(default_factory=dict)


async def greet(link: MessageLink, hello: Mapping[str, Any]) -> Welcome:
    """Say who this is. Raises LineRefused, LineClosed."""
    answer = await answer_to_hello(link, hello, "hub")
    box, name, words, hub = (str(answer.get(key, ""))[:100] for key in ("box", "name", "words", "hub"))
    return Welcome(box, name, words, hub, _cursors_in(answer.get("cursors")), _line_hashes_in(answer.get("marks")))


async def dial(url: str, hub: str, login: NatsLogin) -> MessageLink:
    """Connect to a hub at its own address, or through a NATS server. hub: fingerprint of its key. Raises LineClosed."""
    return await NatsLink.open(url, hub, login) if is_nats_address(url) else await WebSocketLink.open(url)


async def comparison_words_of(link: JoinLink, key: Ed25519PrivateKey, login: NatsLogin) -> str:
    """Return the four words for the hub of a link, which is not used up. Raises NotDone: the hub isn't there."""
    async with _joining(), _opened(link.url, link.hub, key, login) as secure:
        return proved_words(secure, key)


async def join_hub(
    link: JoinLink, key: Ed25519PrivateKey, name: str, allow: tuple[str, ...], login: NatsLogin
) -> Welcome:
    """Use a join link. The recorder connects afterwards by itself. Raises NotDone."""
    async with _joining(), _opened(link.url, link.hub, key, login) as secure:
        hello = {"code": link.code, "name": name, "allow": list(allow), "version": __version__, "book": ""}
        return replace(await greet(secure, hello), words=proved_words(secure, key))


def forget_name(folder: Path) -> None:
    """Call after joining: the name that was given then counts, whatever was sent to the hub before."""
    with suppress(OSError):
        (folder / NAME_FILE).unlink(missing_ok=True)


@asynccontextmanager
async def _joining() -> AsyncGenerator[None]:
    try:
        async with asyncio.timeout(JOIN_TIMEOUT_S):
            yield
    except LineRefused as error:
        raise NotDone(
            f"The hub refused this recorder: {error}.", "Create a new link at the hub, and try again."
        ) from error
    except (LineClosed, TimeoutError) as error:
        raise NotDone(
            f"Joining failed: {error or 'the hub did not answer'}.",
            "Check that this computer can open the hub's address, then try again.",
        ) from error


@asynccontextmanager
async def _opened(url: str, hub: str, key: Ed25519PrivateKey, login: NatsLogin) -> AsyncGenerator[SecureLink]:
    """Connect to a hub and verify its key. Raises LineClosed."""
    carrier = await dial(url, hub, login)
    try:
        yield await open_as_box(carrier, key, hub)
    finally:
        await carrier.close()


class HubConnection(LineSession):
    """One connection of a box, after the hub's welcome."""

    def __init__(
        self, link: MessageLink, offer: BoxOffer, cursors: dict[str, int], line_hashes: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(link)
        self._offer, self._cursors, self._line_hashes = offer, cursors, line_hashes or {}
        self._cursor_frames: asyncio.Queue[LineFrame] = asyncio.Queue(1)
        self._answering: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        """Serve until the line ends. Raises LineClosed."""
        works = []
        if "events" in self._offer.allow:
            works.append(self._send_history())
        if {"health", "events", "live"} & {*self._offer.allow}:
            works.append(self._send_status())
        try:
            await self.run(*works)
        finally:
            for task in self._answering:
                task.cancel()
            await asyncio.gather(*self._answering, return_exceptions=True)

    async def handle(self, frame: LineFrame) -> None:
        match frame.kind:
            case Kind.OPEN:
                request = frame.json
                if frame.exchange in self.exchanges or len(self._answering) >= 2 * MOST_EXCHANGES:
                    raise LineClosed("the hub asks too much")
                exchange = Exchange(self, frame.exchange)
                self.exchanges[frame.exchange] = exchange
                task = asyncio.create_task(self._answer(request, exchange))
                self._answering.add(task)
                task.add_done_callback(self._forget)
            case Kind.CURSOR if not self._cursor_frames.full():
                self._cursor_frames.put_nowait(frame)
            case _:
                raise LineClosed("the hub sent what wasn't asked for")

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._answering.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a request of the hub failed", exc_info=error)

    async def _answer(self, request: Mapping[str, Any], exchange: Exchange) -> None:
        try:
            if len(self.exchanges) > MOST_EXCHANGES:
                await exchange.send(Kind.HEAD, as_payload({"status": 503, "headers": []}))
            else:
                await self._offer.answer(request, exchange)
        except LineClosed:
            return  # the hub has ended it
        finally:
            exchange.close()

    async def _send_history(self) -> None:
        """Send what is new. A piece that takes longer than SILENT_S over a slow uplink would be sent for ever."""
        loop, most_bytes = asyncio.get_running_loop(), FIRST_PIECE_BYTES
        while True:
            try:
                piece = await asyncio.to_thread(self._next_piece, most_bytes)
            except ValueError:
                await self.send(LineFrame(Kind.REFILL, 0, b""))
                self._cursors.clear()
                self._line_hashes = {}
                await self._cursor_frames.get()
                continue
            except StorageError as error:
                log.warning("cannot read the history for the hub: %s", error)
                piece = None
            if piece is None:
                await asyncio.sleep(HISTORY_S)
                continue
            begun_s = loop.time()
            await self.send(LineFrame(Kind.LINES, 0, _encoded(piece)))
            data = (await self._cursor_frames.get()).json
            offset = _cursors_in({piece.file: data.get("offset")}).get(piece.file, piece.offset)
            if data.get("file") != piece.file or offset <= piece.offset:
                raise LineClosed("the hub doesn't store what it is sent")
            self._cursors[piece.file] = offset
            took_s = loop.time() - begun_s - _seconds_in(data.get("took_ms"))
            factor = 2.0 if took_s < QUICK_S else 0.5 if took_s > SLOW_S else 1.0
            most_bytes = max(LEAST_BYTES, min(MOST_BYTES, int(most_bytes * factor)))

    def _next_piece(self, most_bytes: int) -> HistoryPiece | None:
        """Raises ValueError: the hub's cursors are of another history; StorageError."""
        if self._line_hashes:
            self._offer.history.check(self._cursors, self._line_hashes)
            self._line_hashes = {}
        return self._offer.history.next_piece(self._cursors, most_bytes)

    async def _send_status(self) -> None:
        while True:
            now = await asyncio.to_thread(self._offer.status)
            status = now if "health" in self._offer.allow else _named_in(now)
            await self.send(LineFrame(Kind.STATUS, 0, as_payload(dict(status))))
            await asyncio.sleep(STATUS_S)


async def leave_hub(settings: FleetSettings, key: Ed25519PrivateKey, instance: str) -> None:
    """Leave the hub for good: it ends the line and deletes what it knows. Raises NotDone.

    instance: of the recorder that leaves: the hub keeps another one with the same key that is connected.
    """
    try:
        async with (
            asyncio.timeout(OPEN_TIMEOUT_S),
            _opened(settings.hub, settings.hub_key, key, settings.nats) as secure,
        ):
            await greet(secure, {"book": "", "instance": instance})
            await leave(secure)
    except (LineClosed, TimeoutError) as error:
        if str(error) == UNKNOWN:
            return  # it has deleted what it knew
        if str(error) == DOUBLE:
            raise NotDone(
                "This recorder has left the hub, which keeps another one with the same key: it is connected there.",
                "Nothing is left to do there.",
            ) from error
        raise NotDone(
            f"The hub wasn't reached: {error or 'it did not answer'}.",
            "This recorder has left it all the same. The hub shows it as offline; its owner can remove it there.",
        ) from error


class MemberState(StrEnum):
    NONE = "none"
    """This recorder has joined no hub."""
    OFFLINE = "offline"
    ONLINE = "online"
    REFUSED = "refused"


class FleetMember(MemberLine[FleetSettings, MemberState]):
    """Keeps the recorder connected to its hub; `changed` may be called from any thread.

    make_offer: what the recorder allows with the present settings.
    """

    def __init__(
        self,
        folder: Path | None,
        get_settings: Callable[[], FleetSettings],
        make_offer: Callable[[], BoxOffer],
        clock: Clock = _SYSTEM_CLOCK,
    ) -> None:
        super().__init__(folder, get_settings, clock, MemberState.NONE, "fleet member")
        self._make_offer = make_offer
        self._backoff = Backoff(first_s=RETRY_S[0], most_s=RETRY_S[1], forget_s=HELD_S)
        self._said_name = ""
        """When the line was opened."""
        self.welcome: Welcome | None = None
        self._online_s = 0.0

    def changed(self) -> None:
        """Use settings and name as they are now. Settings of others than the fleet leave the line as it is."""
        is_same = self._get_settings() == self._used and self._make_offer().name == self._said_name
        if self.state is not MemberState.ONLINE or not is_same:
            self.retry()

    def _is_joined(self, settings: FleetSettings) -> bool:
        return bool(settings.hub)

    def _rest(self, settings: FleetSettings) -> None:
        is_lost = bool(settings.hub)
        self._enter(MemberState.REFUSED if is_lost else MemberState.NONE, NO_KEY if is_lost else "")
        self.welcome = self._keys = None

    def _ended(self, why: LineClosed) -> float:
        held_s = self._clock.mono_s() - self._online_s if self.state is MemberState.ONLINE else 0.0
        is_refused = is_final(why)
        if str(why) != self.detail:
            log.warning("no connection to the hub: %s", why)
        self._enter(MemberState.REFUSED if is_refused else MemberState.OFFLINE, str(why))
        return REFUSED_S if is_refused else self._backoff.next_s(held_s)

    def _enter(self, state: MemberState, detail: str = "") -> None:
        if state is not self.state:
            self.since_ms = self._clock.now_ms()
        self.state, self.detail = state, detail

    async def _connect(self, settings: FleetSettings, key: Ed25519PrivateKey) -> None:
        if self.state is MemberState.NONE:
            self._enter(MemberState.OFFLINE)
        carrier = await dial(settings.hub, settings.hub_key, settings.nats)
        try:
            offer = self._make_offer()
            try:
                async with asyncio.timeout(OPEN_TIMEOUT_S):
                    secure = await open_as_box(carrier, key, settings.hub_key)
                    hello = await asyncio.to_thread(self._hello, settings, offer)
                    self.welcome = await greet(secure, hello)
            except TimeoutError:
                raise LineClosed("the hub did not answer") from None
            except StorageError as error:
                raise LineClosed(f"the history can't be read: {error}") from error
            self._keys = secure.peer, key.public_key().public_bytes_raw()
            self._said_name = offer.name
            await asyncio.to_thread(self._keep_name, settings, offer.name, self.welcome.name)
            self._enter(MemberState.ONLINE)
            self._online_s = self._clock.mono_s()
            log.info("connected to the hub %s", self.welcome.hub)
            await HubConnection(secure, offer, dict(self.welcome.cursors), self.welcome.line_hashes).serve()
        finally:
            await carrier.close()

    def _hello(self, settings: FleetSettings, offer: BoxOffer) -> dict[str, Any]:
        """Raises StorageError."""
        hello = {"name": offer.name, "version": offer.version, "allow": list(offer.allow)}
        hub_name = self._sent_name(settings)
        return hello | {
            "book": offer.history.book(), "instance": self.instance, "renamed": hub_name not in (None, offer.name),
        }  # fmt: skip

    def _sent_name(self, settings: FleetSettings) -> str | None:
        """Return the name that this recorder last sent to the hub; None: none since it joined."""
        try:
            assert self._folder is not None
            data = json.loads((self._folder / NAME_FILE).read_bytes())
            return str(data["name"]) if data["hub"] == settings.hub_key else None
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None

    def _keep_name(self, settings: FleetSettings, name: str, at_hub: str) -> None:
        """Store the name once the hub has it. The first one is no change: it may have joined by a name of its own."""
        hub_name = self._sent_name(settings)
        if hub_name == name or (hub_name is not None and at_hub != name):
            return
        try:
            assert self._folder is not None
            write_private(self._folder / NAME_FILE, json.dumps({"hub": settings.hub_key, "name": name}).encode())
        except OSError as error:
            log.warning("cannot store the name that was sent to the hub: %s", error)


def _named_in(status: Mapping[str, Any]) -> dict[str, Any]:
    """Return what pages need to show cameras live and in the past, without how they are."""
    cameras = status.get("cameras", ())
    return {NAMED_FIELD: [{name: one[name] for name in _OF_NAMED if name in one} for one in cameras]}


def _encoded(piece: HistoryPiece) -> bytes:
    return as_payload({"file": piece.file, "offset": piece.offset, "end": piece.end}) + b"\n" + piece.data


def _seconds_in(took_ms: object) -> float:
    """Return how long a hub needed itself; smaller pieces would make a busy hub busier."""
    return took_ms / 1000 if type(took_ms) is int and took_ms > 0 else 0.0


def _line_hashes_in(data: object) -> dict[str, str]:
    """Return the line hashes in a hub's answer."""
    if not isinstance(data, dict):
        return {}
    return {str(file): str(one) for file, one in list(data.items())[:_MOST_LINE_HASHES]}


def _cursors_in(data: object) -> dict[str, int]:
    """Return the valid cursors in a hub's answer."""
    if not isinstance(data, dict):
        return {}
    return {str(file): offset for file, offset in data.items() if type(offset) is int and offset >= 0}

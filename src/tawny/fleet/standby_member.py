"""The recorder's end of the line to its standby: says that it is here, sends its cameras, and fetches what it missed.

Recording never waits for any of this. What the standby recorded is fetched file by file into a folder of its own, and
placed by `FootagePlacer`.
"""

import asyncio
import logging
import shutil
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tawny.config.fleet import StandbySettings
from tawny.engine.backoff import Backoff
from tawny.fleet.doubles import DOUBLE
from tawny.fleet.identity import JoinLink
from tawny.fleet.member_line import (
    REFUSED_S,
    LineRefused,
    MemberLine,
    answer_to_hello,
    is_final,
    leave,
    proved_words,
    with_reason,
)
from tawny.fleet.message_link import OPEN_TIMEOUT_S, LineClosed, MessageLink, SecureLink, WebSocketLink, open_as_box
from tawny.fleet.session import Exchange, Kind, LineFrame, LineSession, as_payload
from tawny.fleet.standby_lease import PRESENT_S
from tawny.fleet.standby_plan import MOST_AHEAD_MS, StandbyPlan
from tawny.fleet.standby_question import STANDBY_PATH
from tawny.fleet.standby_store import SET_MS, Takeover, takeovers_in
from tawny.model.errors import FileDamaged, NotDone, StorageError
from tawny.model.times import Clock, Span
from tawny.storage.disk.disk import turned

log = logging.getLogger(__name__)
RETRY_S: Final = (0.5, 5.0)
FETCH_S: Final = (2.0, 60.0)
"""First and longest wait in s before what could not be fetched is tried again."""
INCOMING: Final = ".standby-incoming"
"""Folder in the data folder for files on their way."""
MOST_TRIES: Final = 5
"""Number of times that one part of a takeover is fetched in vain; then it stays at the standby."""
BYTES_PER_S: Final = 8_000_000
"""Most that is fetched: what is recorded meanwhile comes first."""
MOST_FILE_BYTES: Final = 2_000_000_000
MOST_REFUSED: Final = 256


class NotNow(NotDone):
    """The camera's card is being read, or its gap still lasts: no try in vain."""


class FootagePlacer(Protocol):
    """What stores the standby's footage in the recorder's gaps. Called in worker threads, one call at a time.

    Raises StorageError, NotDone. standby: its name.
    """

    def explain(self, takeover: Takeover, standby: str) -> None:
        """Say in the gaps of this time that both recorders are part of it."""

    def missing(self, takeover: Takeover) -> Sequence[Span]:
        """Return what the recorder lacks of this time, in parts of a few minutes, oldest first.

        Raises NotNow.
        """

    def place(self, camera: str, hole: Span, files: Sequence[Path], ahead_ms: int, standby: str) -> None:
        """Store what these files have of a part. ahead_ms: of the standby's clock."""


@dataclass(frozen=True, slots=True)
class StandbyOffer:
    """What the recorder says of itself. plan, recorded: run in worker threads; recorded: None: it doesn't record."""

    name: str
    version: str
    plan: Callable[[], StandbyPlan]
    recorded: Callable[[], Sequence[str] | None]
    placer: FootagePlacer


@dataclass(frozen=True, slots=True)
class StandbyWelcome:
    """The standby's answer. words: to compare with those that it shows. recipient: its key for plans."""

    name: str
    words: str
    standby: str
    recipient: str


async def greet_standby(link: MessageLink, hello: Mapping[str, object]) -> StandbyWelcome:
    """Say who this is. Raises LineRefused, LineClosed."""
    answer = await answer_to_hello(link, hello, "standby")
    name, words, standby, recipient = (
        str(answer.get(key, ""))[:100] for key in ("name", "words", "standby", "recipient")
    )
    return StandbyWelcome(name, words, standby or "standby", recipient)


async def standby_words(link: JoinLink, key: Ed25519PrivateKey) -> str:
    """Return the four words for the standby of a link, which is not used up. Raises NotDone: it isn't there."""
    async with _joining(link, key) as secure:
        return proved_words(secure, key)


async def join_standby(link: JoinLink, key: Ed25519PrivateKey, name: str, version: str) -> StandbyWelcome:
    """Use the link of a standby. The recorder connects afterwards by itself. Raises NotDone."""
    async with _joining(link, key) as secure:
        welcome = await greet_standby(secure, {"code": link.code, "name": name, "version": version})
        return replace(welcome, words=proved_words(secure, key))


@asynccontextmanager
async def _joining(link: JoinLink, key: Ed25519PrivateKey) -> AsyncGenerator[SecureLink]:
    """Connect to the standby of a link, and verify its key. Raises NotDone."""
    try:
        async with asyncio.timeout(20):
            carrier = await WebSocketLink.open(link.url, STANDBY_PATH)
            try:
                yield await open_as_box(carrier, key, link.hub)
            finally:
                await carrier.close()
    except LineRefused as error:
        raise NotDone(
            with_reason("The standby refused this recorder", str(error)),
            "Create a new link there: under Settings, Standby, or by `tawny standby link`.",
        ) from error
    except (LineClosed, TimeoutError) as error:
        raise NotDone(
            f"The standby wasn't reached: {error or 'it did not answer'}.",
            "Check that this computer can open its address, and that tawny runs there.",
        ) from error


async def leave_standby(settings: StandbySettings, key: Ed25519PrivateKey, instance: str) -> None:
    """End it for good: the standby deletes the credentials of the cameras. Raises NotDone.

    instance: as of `leave_hub`.
    """
    try:
        async with asyncio.timeout(10):
            carrier = await WebSocketLink.open(settings.address, STANDBY_PATH)
            try:
                secure = await open_as_box(carrier, key, settings.key)
                await greet_standby(secure, {"instance": instance})
                await leave(secure)
            finally:
                await carrier.close()
    except (LineClosed, TimeoutError) as error:
        if str(error) == DOUBLE:
            raise NotDone(
                "This recorder has left the standby, which keeps another one with the same key: it is connected there.",
                "Nothing is left to do there.",
            ) from error
        if isinstance(error, LineClosed) and is_final(error):
            return  # it has forgotten this recorder already
        is_refused = isinstance(error, LineRefused)
        what = "The standby refused this recorder" if is_refused else "The standby wasn't reached"
        raise NotDone(
            with_reason(what, str(error) or "it did not answer"),
            "This recorder has left it all the same. It still has the credentials of the cameras until it reaches this "
            "recorder: end the protection there under Settings, Standby, or change the cameras' passwords.",
        ) from error


@dataclass(slots=True)
class StandbyKnowledge:
    """The standby's last status; it is kept while it is away. Times in ms UTC of this recorder's clock."""

    heard_ms: int | None = None
    """When anything arrived; None: nothing since tawny has started."""
    is_watched: bool = False
    """Whether it would record the cameras after some seconds of silence."""
    hindrance: str = ""
    """Why it would record none of them now; empty: it would, or is of an earlier version."""
    refused: Mapping[str, str] = field(default_factory=dict)
    """Why it could not record cameras, by ID."""
    takeovers: Sequence[Takeover] = ()
    """Oldest first, also those whose recordings this recorder has."""
    ahead_of_mono_ms: int | None = None
    """How far the standby's clock is ahead of this recorder's monotonic one; None: not known yet."""

    def ahead_ms(self, clock: Clock) -> int:
        """Return how far the standby's clock is ahead now: this one may have been set meanwhile."""
        if self.ahead_of_mono_ms is None:
            return 0
        return self.ahead_of_mono_ms + round(clock.mono_s() * 1000) - clock.now_ms()


class StandbyLine(LineSession):
    """One connection of a recorder to its standby, after the welcome. folder: for files on their way.

    known: where it writes down what the standby says.
    """

    def __init__(
        self,
        link: MessageLink,
        offer: StandbyOffer,
        welcome: StandbyWelcome,
        folder: Path,
        clock: Clock,
        known: StandbyKnowledge,
    ) -> None:
        super().__init__(link)
        self._known = known
        self._offer, self._welcome, self._folder, self._clock = offer, welcome, folder, clock
        self._takeovers: dict[tuple[str, int], Takeover] = {}
        self._explained: set[Takeover] = set()
        self._tries: Counter[tuple[Takeover, int]] = Counter()
        """Of parts by their begin."""
        self._found: set[Takeover] = set()
        """Those of which the standby had files."""
        self._has_news = asyncio.Event()
        self._last_number = 0

    async def serve(self) -> None:
        """Serve until the line ends. Raises LineClosed."""
        try:
            await self.run(self._say_present(), self._send_plans(), self._fetch_all())
        finally:
            self._known.is_watched, self._known.hindrance = False, ""
            await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    async def receive_frame(self) -> LineFrame:
        frame = await super().receive_frame()
        self._known.heard_ms = self._clock.now_ms()
        return frame

    async def handle(self, frame: LineFrame) -> None:
        if frame.kind is not Kind.STANDBY:
            raise LineClosed("the standby sent what wasn't asked for")
        data = frame.json
        try:
            found = takeovers_in(data.get("takeovers"))
        except ValueError as error:
            raise LineClosed(str(error)) from None
        now_ms = data.get("now_ms")
        if type(now_ms) is int:
            self._known.ahead_of_mono_ms = now_ms - round(self._clock.mono_s() * 1000)
        ahead_ms, refused = self._known.ahead_ms(self._clock), data.get("refused")
        self._known.takeovers = [_by_own_clock(one, ahead_ms) for one in found]
        self._known.is_watched = data.get("is_watched") is True
        self._known.hindrance = str(data.get("hindrance", ""))[:300]
        self._known.refused = _refused_in(refused) if isinstance(refused, dict) else {}
        open_ones = {(one.camera, one.begin_ms): one for one in found if not one.is_handed}
        if open_ones != self._takeovers:
            self._takeovers = open_ones
            self._has_news.set()

    async def _say_present(self) -> None:
        while True:
            recorded = await asyncio.to_thread(self._offer.recorded)
            if recorded is not None:
                payload = as_payload({"recorded": list(recorded), "now_ms": self._clock.now_ms()})
                await self.send(LineFrame(Kind.PRESENT, 0, payload))
            await asyncio.sleep(PRESENT_S)

    async def _send_plans(self) -> None:
        """Send the cameras now, and as they change."""
        sent: StandbyPlan | None = None
        while True:
            plan = await asyncio.to_thread(self._offer.plan)
            if plan != sent:
                try:
                    sealed = await asyncio.to_thread(plan.sealed, self._welcome.recipient)
                except ValueError as error:
                    raise LineClosed(f"the standby can't get the cameras: {error}") from error
                await self.send(LineFrame(Kind.PLAN, 0, sealed))
                sent = plan
            await asyncio.sleep(PRESENT_S)

    async def _fetch_all(self) -> None:
        """Fetch what the standby has recorded, one takeover at a time; try again what fails."""
        backoff = Backoff(first_s=FETCH_S[0], most_s=FETCH_S[1])
        while True:
            self._has_news.clear()
            is_done = True
            for one in list(self._takeovers.values()):
                is_done = await self._fetch(one) and is_done
            with suppress(TimeoutError):
                async with asyncio.timeout(None if is_done else backoff.next_s()):
                    await self._has_news.wait()
            if is_done:
                backoff.reset()

    async def _fetch(self, takeover: Takeover) -> bool:
        """Fetch one takeover if it is over. Return whether nothing is left to do now."""
        placer, standby, ahead_ms = self._offer.placer, self._welcome.standby, self._known.ahead_ms(self._clock)
        is_right = abs(ahead_ms) <= MOST_AHEAD_MS
        try:
            here = _by_own_clock(takeover, ahead_ms)
            ahead_ms = here.ahead_ms or 0
            if takeover not in self._explained:
                await asyncio.to_thread(placer.explain, here, standby)
                if is_right:  # else the gaps may get other times
                    self._explained.add(takeover)
            if not is_right:
                log.info("the standby's clock and this one differ; nothing is fetched until both are right")
                return False
            if takeover.end_ms is None:
                return True  # it says when it is over
            parts = await asyncio.to_thread(placer.missing, here)
            done = [await self._fetch_part(takeover, part, ahead_ms) for part in parts]
        except ValueError as error:
            raise LineClosed(f"what the standby says of {takeover.camera} couldn't be understood: {error}") from error
        except (StorageError, NotDone) as error:
            level = logging.INFO if isinstance(error, NotNow) else logging.WARNING
            log.log(level, "what the standby recorded is taken over later: %s", error)
            return False
        if not all(done):
            return False
        is_gone = bool(parts) and takeover not in self._found
        payload = as_payload({"camera": takeover.camera, "begin_ms": takeover.begin_ms, "is_gone": is_gone})
        await self.send(LineFrame(Kind.HANDED, 0, payload))
        self._takeovers.pop((takeover.camera, takeover.begin_ms), None)
        return True

    async def _fetch_part(self, takeover: Takeover, part: Span, ahead_ms: int) -> bool:
        """Fetch and store a part, unless it was tried in vain. Return whether nothing is left to do.

        Raises LineClosed, NotNow, and StorageError of this recorder's disk: no try in vain either.
        """
        key = takeover, part.begin_ms
        if self._tries[key] >= MOST_TRIES:
            return True
        try:
            files = await self._receive(takeover.camera, part, ahead_ms)
            if files is None:
                return False
            if files:
                self._found.add(takeover)
            place, standby = self._offer.placer.place, self._welcome.standby
            await asyncio.to_thread(place, takeover.camera, part, files, ahead_ms, standby)
        except NotNow:
            raise
        except (FileDamaged, NotDone) as error:
            log.warning("cannot take over a part of what the standby recorded: %s", error)
            self._tries[key] += 1
            self._found.add(takeover)
            return self._tries[key] >= MOST_TRIES
        finally:
            await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)
        return True

    async def _receive(self, camera: str, hole: Span, ahead_ms: int) -> list[Path] | None:
        """Return files with some of this time, from the standby; None: it is still writing them. Raises LineClosed."""
        self._last_number += 1
        exchange = self.exchanges[self._last_number] = Exchange(self, self._last_number)
        asked = {
            "camera": camera, "begin_ms": max(0, hole.begin_ms + ahead_ms), "end_ms": hole.end_ms + ahead_ms,
        }  # fmt: skip
        try:
            await self.send(LineFrame(Kind.OPEN, exchange.number, as_payload(asked)))
            frame = await exchange.receive()
            if frame.kind is not Kind.HEAD:
                raise NotDone("The standby can't read what it recorded.", "See its log.")
            if frame.json.get("is_ready") is not True:
                return None
            sizes = frame.json.get("sizes")
            if not isinstance(sizes, list) or any(type(one) is not int or one < 0 for one in sizes):
                raise LineClosed("the standby's answer couldn't be understood")
            if sum(sizes) > MOST_FILE_BYTES:
                raise NotDone("What the standby recorded is too large.", "Nothing of this time is fetched.")
            return [await self._receive_file(exchange, number, size) for number, size in enumerate(sizes)]
        finally:
            exchange.close()

    async def _receive_file(self, exchange: Exchange, number: int, size: int) -> Path:
        path = self._folder / f"{number}.mp4"
        left, loop = size, asyncio.get_running_loop()
        await asyncio.to_thread(self._begin_file, path)
        while left:
            begun_s = loop.time()
            frame = await exchange.receive()
            if frame.kind is not Kind.DATA or len(frame.payload) > left:
                raise NotDone("The standby can't read what it recorded.", "See its log.")
            left -= len(frame.payload)
            await asyncio.to_thread(_append, path, frame.payload)
            await asyncio.sleep(max(0.0, len(frame.payload) / BYTES_PER_S - (loop.time() - begun_s)))
        return path

    def _begin_file(self, path: Path) -> None:
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            path.write_bytes(b"")
        except OSError as error:
            raise turned(error, str(path)) from error


def _refused_in(data: Mapping[str, object]) -> Mapping[str, str]:
    return {str(camera)[:40]: str(why)[:300] for camera, why in list(data.items())[:MOST_REFUSED]}


def _by_own_clock(takeover: Takeover, ahead_ms: int) -> Takeover:
    """Return a takeover by this recorder's clock. ahead_ms: of the standby's clock now, which may be set since then."""
    then_ms = takeover.ahead_ms
    if then_ms is not None and abs(then_ms - ahead_ms) >= SET_MS:
        ahead_ms = then_ms
    end_ms = takeover.end_ms
    return replace(
        takeover,
        silent_ms=max(0, takeover.silent_ms - ahead_ms),
        begin_ms=max(0, takeover.begin_ms - ahead_ms),
        end_ms=None if end_ms is None else max(1, end_ms - ahead_ms),
        ahead_ms=ahead_ms,
    )


NO_STANDBY_KEY: Final = (
    "the key of this recorder is missing or damaged; choose the standby by a new link, "
    "and end the former protection there"
)
UNTOLD: Final = (
    "The standby wasn't told: the key of this recorder is missing or damaged. Also end the protection there under "
    "Settings, Standby."
)


class StandbyMemberState(StrEnum):
    NONE = "none"
    """This recorder has no standby."""
    NOT_READY = "not_ready"
    READY = "ready"
    REFUSED = "refused"


class StandbyMember(MemberLine[StandbySettings, StandbyMemberState]):
    """Keeps a recorder connected to its standby."""

    def __init__(
        self,
        folder: Path | None,
        get_settings: Callable[[], StandbySettings],
        make_offer: Callable[[], StandbyOffer],
        clock: Clock,
    ) -> None:
        super().__init__(folder, get_settings, clock, StandbyMemberState.NONE, "standby member")
        self._make_offer = make_offer
        self._said_name = ""
        """When the line was opened."""
        self._backoff = Backoff(first_s=RETRY_S[0], most_s=RETRY_S[1])
        self.standby = ""
        """Name of the standby, once it is known."""
        self.known = StandbyKnowledge()

    def problems(self) -> Mapping[str, str]:
        """Return why cameras of this recorder would not be taken over now, by name, as far as it knows that."""
        now_ms, refused, cameras = self._clock.now_ms(), self.known.refused, self._make_offer().plan().cameras
        return {one.name: why for one in cameras if (why := one.hindrance(now_ms) or refused.get(one.id, ""))}

    @property
    def why_not_ready(self) -> str:
        """Why no camera would be taken over now; empty: they would, or this recorder has no standby."""
        return self.known.hindrance if self.state is StandbyMemberState.READY else self.detail

    def changed(self) -> None:
        """Use settings and name as they are now. Settings of others leave the line as it is. Any thread."""
        if self._get_settings() != self._used or self._said_name not in ("", self._make_offer().name):
            self.retry()

    def clocks_differ_ms(self) -> int:
        """Return by how much, if that is too much for fetching anything; else 0."""
        differ_ms = abs(self.known.ahead_ms(self._clock)) if self.state is StandbyMemberState.READY else 0
        return differ_ms if differ_ms > MOST_AHEAD_MS else 0

    def _is_joined(self, settings: StandbySettings) -> bool:
        return bool(settings.address)

    def _turn_to(self, settings: StandbySettings) -> None:
        if self._used is not None and self._used.key != settings.key:  # another one's answer doesn't count
            self.known, self.standby, self._keys = StandbyKnowledge(), "", None

    def _rest(self, settings: StandbySettings) -> None:
        if not settings.address:
            self._become(StandbyMemberState.NONE, "")
            return
        if self.detail != NO_STANDBY_KEY:
            log.warning("the standby isn't ready: %s", NO_STANDBY_KEY)
        self._become(StandbyMemberState.REFUSED, NO_STANDBY_KEY)

    def _ended(self, why: LineClosed) -> float:
        if self.state is StandbyMemberState.READY:
            self._backoff.reset()
        is_refused = is_final(why)
        if str(why) != self.detail:
            log.warning("the standby isn't ready: %s", why)
        self._become(StandbyMemberState.REFUSED if is_refused else StandbyMemberState.NOT_READY, str(why))
        return REFUSED_S if is_refused else self._backoff.next_s()

    async def _connect(self, settings: StandbySettings, key: Ed25519PrivateKey) -> None:
        carrier = await WebSocketLink.open(settings.address, STANDBY_PATH)
        try:
            offer = self._make_offer()
            try:
                async with asyncio.timeout(OPEN_TIMEOUT_S):
                    secure = await open_as_box(carrier, key, settings.key)
                    hello = {"name": offer.name, "version": offer.version, "instance": self.instance}
                    welcome = await greet_standby(secure, hello)
            except TimeoutError:
                raise LineClosed("the standby did not answer") from None
            self.standby, self._said_name = welcome.standby, offer.name
            self._keys = secure.peer, key.public_key().public_bytes_raw()
            self._become(StandbyMemberState.READY, "")
            log.info("connected to the standby %s", welcome.standby)
            assert self._folder is not None
            folder = self._folder / INCOMING
            await StandbyLine(secure, offer, welcome, folder, self._clock, self.known).serve()
        finally:
            await carrier.close()

    def _become(self, state: StandbyMemberState, detail: str) -> None:
        was_ready, is_ready = self.state is StandbyMemberState.READY, state is StandbyMemberState.READY
        if was_ready != is_ready or StandbyMemberState.NONE in (self.state, state):
            self.since_ms = self._clock.now_ms()
        self.state, self.detail = state, detail


def _append(path: Path, data: bytes) -> None:
    try:
        with path.open("ab") as file:
            file.write(data)
    except OSError as error:
        raise turned(error, str(path)) from error

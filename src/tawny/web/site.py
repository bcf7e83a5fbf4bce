"""What all routes share: the recorder, the accounts, and what is kept between requests."""

import asyncio
import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

from fastapi import Depends
from starlette.requests import HTTPConnection

from tawny.config.live import Live
from tawny.live.hls_feeds import HlsFeeds
from tawny.live.pictures import Pictures
from tawny.live.viewer import Viewers
from tawny.model.clock import Clock
from tawny.model.ids import CameraId, StreamName
from tawny.playback.clip import Clips
from tawny.playback.frames import Frames
from tawny.stream.hub import Hub
from tawny.web.accounts import Accounts, Person, Session
from tawny.web.attempts import Attempts
from tawny.web.caring import Caring
from tawny.web.clip_desk import ClipDesk
from tawny.web.clip_store import ClipStore
from tawny.web.connecting import Connecting
from tawny.web.follow import Follows
from tawny.web.health import HealthDesk
from tawny.web.inbox import Inbox
from tawny.web.interface import Interface
from tawny.web.keeping import Keeping
from tawny.web.known import KnownDesk
from tawny.web.models import Models
from tawny.web.modes import ModesDesk
from tawny.web.orders import Orders
from tawny.web.outside import Outside
from tawny.web.passes import Passes
from tawny.web.passwords import Passwords
from tawny.web.placing import Placing
from tawny.web.recorder import Recorder
from tawny.web.sealed import SealedDesk
from tawny.web.shares import Shares
from tawny.web.shell import UNLOCKED
from tawny.web.sight import Sight
from tawny.web.talking import Talking
from tawny.web.unlocks import Unlocks

if TYPE_CHECKING:
    from tawny.web.rtc import Rtc

FEW_BYTES = 64_000_000
"""Of clips, where they are made in memory."""
AT_ONCE = 2
"""Pictures decoded, and clips cut, side by side: a flood of them must not keep other requests from their threads."""


@dataclass
class Site:
    """Made once an application."""

    recorder: Recorder
    accounts: Accounts
    passes: Passes
    shares: Shares
    interface: Interface
    passwords: Passwords = field(default_factory=Passwords)
    metrics_token: str = ""
    rtsp: str = ""
    """Where cameras are given on by RTSP, `0.0.0.0:8554`; empty: nowhere."""
    seen: frozenset[CameraId] | None = None
    """The cameras that who asks may see; None: all."""
    live: Live = field(default_factory=Live)
    keeping: Keeping | None = None
    """None: nothing of it can be told or changed here."""
    caring: Caring | None = None
    outside: Outside | None = None
    """None: nothing leaves this machine."""
    modes: ModesDesk | None = None
    """None: there are none here."""
    models: Models | None = None
    """None: nothing is named here."""
    known: KnownDesk | None = None
    """None: nothing is read here."""
    placing: Placing | None = None
    """None: nor can that be changed."""
    connecting: Connecting | None = None
    """None: where cameras are cannot be changed here."""
    orders: Orders | None = None
    """None: nothing can be asked of the recorder."""
    sealed: SealedDesk | None = None
    """None: nothing can be sealed here."""
    address: str = ""
    """How phones reach us; empty: not known."""
    clip_store: ClipStore = field(default_factory=lambda: ClipStore(None, FEW_BYTES))
    inbox: Inbox = field(default_factory=lambda: Inbox(None))
    hosts: tuple[str, ...] = ("127.0.0.1",)
    """What WebRTC listens on: addresses."""

    is_unlocked: bool = field(default=False, init=False)
    """Who asks has unlocked what is sealed."""

    behind: Recorder | None = field(default=None, init=False)
    """Then: the recorder without that."""

    def __post_init__(self) -> None:
        self.attempts = Attempts(self.recorder.clock)
        self.viewers = Viewers(self.recorder.watched)
        self.pictures = Pictures()
        self.frames = Frames(self.recorder)
        self.talking = Talking(self.recorder.speaker, self.recorder.clock)
        self.clips = Clips(self.recorder)
        self.unlocks = Unlocks(
            self.accounts, self.recorder.clock, lambda session: self.of_person(session.person).recorder
        )
        self.jobs = ClipDesk(self.recorder.clock, self.clip_store)
        self.decoding, self.cutting = asyncio.Semaphore(AT_ONCE), asyncio.Semaphore(AT_ONCE)
        self.health = HealthDesk(self.recorder)
        self.hls, self.follows = HlsFeeds(self.recorder.clock), Follows()
        self._rtc = _RtcOnDemand(self.live, self.hosts, self.recorder.clock)

    @property
    def rtc(self) -> "Rtc":
        return self._rtc.made()

    async def close(self) -> None:
        """End what outlives requests."""
        await asyncio.to_thread(self.jobs.close)
        self.unlocks.close()
        await self.hls.close()
        await self._rtc.close()

    def hubs(self, camera: CameraId) -> dict[StreamName, Hub]:
        """The streams of a camera that there are, the large one first."""
        return {name: hub for name in StreamName if (hub := self.recorder.hub(camera, name)) is not None}

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.recorder.zone)

    def seen_by(self, session: Session) -> "Site":
        """The same, with nothing in it of cameras that this person may not see, and with what they have unlocked."""
        seen, opened = self.of_person(session.person), self.unlocks.of(session)
        if opened is not None:
            seen = copy.copy(seen)
            seen.is_unlocked, seen.behind = True, seen.recorder
            seen.recorder, seen.frames, seen.clips = opened.recorder, opened.frames, opened.clips
        return seen

    def of_person(self, person: Person) -> "Site":
        if person.cameras is None:
            return self
        seen = copy.copy(self)
        seen.seen = person.cameras
        seen.recorder = Sight(self.recorder, person.cameras)
        seen.frames, seen.clips = Frames(seen.recorder), Clips(seen.recorder)
        seen.health = HealthDesk(seen.recorder)
        return seen


class _RtcOnDemand:
    """Made when the first one asks: few do, and it takes memory."""

    def __init__(self, live: Live, hosts: tuple[str, ...], clock: Clock) -> None:
        self._live, self._hosts, self._clock = live, hosts, clock
        self._made: Rtc | None = None

    def made(self) -> "Rtc":
        if self._made is None:
            from tawny.web.rtc import Rtc

            self._made = Rtc(self._live, self._hosts, self._clock)
        return self._made

    async def close(self) -> None:
        if self._made is not None:
            await self._made.close()


def the_site(connection: HTTPConnection) -> Site:
    site: Site = connection.app.state.site
    return site


def the_part_seen(connection: HTTPConnection) -> Site:
    """As far as who asks may see it; the route's rule has found out who that is."""
    session: Session | None = getattr(connection.state, "session", None)
    site = the_site(connection)
    seen = site.seen_by(session) if session else site
    connection.scope.setdefault("state", {})[UNLOCKED] = seen.is_unlocked
    return seen


Here = Annotated[Site, Depends(the_part_seen)]

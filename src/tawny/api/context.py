"""State shared by all routes: the recorder, its services, accounts and caches."""

import asyncio
import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Protocol
from zoneinfo import ZoneInfo

from fastapi import Depends
from starlette.requests import HTTPConnection

from tawny.api.auth.accounts import Account, Accounts, LoginSession
from tawny.api.auth.guess_limit import GuessLimit, KnownDevices
from tawny.api.auth.passes import Passes
from tawny.api.auth.passwords import Passwords
from tawny.api.auth.shares import Shares
from tawny.api.auth.unlocks import UnlockedSessions
from tawny.api.camera_health import HealthAnswer
from tawny.api.client_address import AllowedHosts, TrustedProxies, UnknownProxies
from tawny.api.inbox import Inbox
from tawny.api.live.follow import FollowSelectors
from tawny.api.past.clip_jobs import ClipJobs, ClipStore
from tawny.api.request_handling import UNLOCKED, in_worker
from tawny.api.static_files import StaticFiles
from tawny.config.settings import LiveSettings
from tawny.delivery.commands import CameraControls, CommandIssuer, CommandResult, Order
from tawny.engine.blocking_calls import BlockingCalls
from tawny.live.hls import HlsFeeds
from tawny.live.jpeg_stream import Snapshots
from tawny.live.viewer import ViewerCounts
from tawny.model.clock import Clock
from tawny.model.ids import CameraId, StreamName
from tawny.playback.clips import ClipCache
from tawny.playback.stills import StillReader
from tawny.service.cameras.connection_settings import CameraConnectionApi
from tawny.service.delivery.delivery_api import DeliveryApi
from tawny.service.delivery.target_settings import TargetSettingsApi
from tawny.service.detection.identity_store import IdentityApi
from tawny.service.detection.model_store import ModelApi
from tawny.service.health.monitor import HealthService
from tawny.service.modes.mode_service import ModeServiceApi
from tawny.service.recorder import RecorderService
from tawny.service.retention.retention_service import RetentionApi
from tawny.service.scoped_recorder import scope_recorder
from tawny.service.sealing.history_watch import HistoryApi
from tawny.service.sealing.sealing_service import SealingApi
from tawny.service.talkback import Talkback
from tawny.stream.hub import Hub

if TYPE_CHECKING:
    from tawny.api.live.webrtc import WebRtcSessions


# Interface for the web layer: commands and integrations.


class CommandApi(Protocol):
    """Executes commands. Thread-safe; may wait for disk and network. Raises CommandRefused."""

    def do(self, who: CommandIssuer, asked: Order) -> CommandResult: ...
    def sent(self, name: str, headers: Mapping[str, str], body: bytes, address: str) -> CommandIssuer:
        """Return the issuer of a body sent to this input. headers: by lower-case names."""
        ...

    def controls(self, camera: CameraId) -> CameraControls:
        """Return the camera's controls. Waits for the camera."""
        ...

    def told(self) -> Sequence[Mapping[str, Any]]:
        """Return the integrations that receive messages or send commands, without secrets."""
        ...


FEW_BYTES = 64_000_000
"""Space limit of clips in memory."""
AT_ONCE = 2
"""Maximum number of concurrent decodes, and of clip cuts: more would take all threads from other requests."""


@dataclass
class AppContext:
    """Context of the application; one instance, copied per request for the user's view. None: service unavailable."""

    recorder: RecorderService
    accounts: Accounts
    passes: Passes
    shares: Shares
    interface: StaticFiles
    passwords: Passwords = field(default_factory=Passwords)
    metrics_token: str = ""
    rtsp: str = ""
    """Address of the RTSP server, for example `0.0.0.0:8554`; empty: off."""
    seen: frozenset[CameraId] | None = None
    """Cameras the current user may see; None: all."""
    live: LiveSettings = field(default_factory=LiveSettings)
    keeping: RetentionApi | None = None
    caring: HealthService | None = None
    outside: DeliveryApi | None = None
    modes: ModeServiceApi | None = None
    models: ModelApi | None = None
    known: IdentityApi | None = None
    placing: TargetSettingsApi | None = None
    connecting: CameraConnectionApi | None = None
    orders: CommandApi | None = None
    sealed: SealingApi | None = None
    history: HistoryApi | None = None
    address: str = ""
    """URL for phones; empty: unknown."""
    clip_store: ClipStore = field(default_factory=lambda: ClipStore(None, FEW_BYTES))
    inbox: Inbox = field(default_factory=lambda: Inbox(None))
    hosts: tuple[str, ...] = ("127.0.0.1",)
    """Addresses WebRTC listens on."""

    proxies: TrustedProxies = field(default_factory=TrustedProxies)
    names: AllowedHosts = field(init=False)
    """Host names under which the web interface may be opened."""

    is_unlocked: bool = field(default=False, init=False)
    """Whether the current session has unlocked encrypted recordings."""

    behind: RecorderService | None = field(default=None, init=False)
    """If unlocked: the recorder without decryption."""

    def __post_init__(self) -> None:
        self.attempts = GuessLimit(self.recorder.clock)
        self.devices = KnownDevices(self.accounts.file, self.recorder.clock)
        self.names = AllowedHosts(self.recorder.clock)
        self.unknown_proxies = UnknownProxies(self.recorder.clock)
        self.viewers = ViewerCounts(self.recorder.watched)
        self.pictures = Snapshots()
        self.frames = StillReader(self.recorder)
        self.calls = BlockingCalls()
        """To cameras and relays: no page waits for them."""
        self.talking = Talkback(self.recorder.speaker, self.recorder.clock, self.calls)
        self.clips = ClipCache(self.recorder)
        self.unlocks = UnlockedSessions(
            self.accounts, self.recorder.clock, lambda session: self.of_person(session.person).recorder
        )
        self.jobs = ClipJobs(self.recorder.clock, self.clip_store, self.accounts.person)
        self.decoding, self.cutting = asyncio.Semaphore(AT_ONCE), asyncio.Semaphore(AT_ONCE)
        self.health = HealthAnswer(self.recorder)
        self.hls, self.follows = HlsFeeds(self.recorder.clock), FollowSelectors()
        self._rtc = _RtcOnDemand(self.live, self.hosts, self.recorder.clock)

    @property
    def rtc(self) -> "WebRtcSessions":
        return self._rtc.made()

    async def close(self) -> None:
        """Stop everything that outlives requests."""
        await asyncio.to_thread(self.jobs.close)
        self.unlocks.close()
        await self.hls.close()
        await self._rtc.close()

    def hubs(self, camera: CameraId) -> dict[StreamName, Hub]:
        """Return the available streams of a camera, main stream first."""
        return {name: hub for name in StreamName if (hub := self.recorder.hub(camera, name)) is not None}

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.recorder.zone)

    def seen_by(self, session: LoginSession) -> "AppContext":
        """Return the context restricted to what this session may see and has unlocked."""
        seen, opened = self.of_person(session.person), self.unlocks.of(session)
        if opened is not None:
            seen = copy.copy(seen)
            seen.is_unlocked, seen.behind = True, seen.recorder
            seen.recorder, seen.frames, seen.clips = opened.recorder, opened.frames, opened.clips
        return seen

    def of_person(self, person: Account) -> "AppContext":
        if person.cameras is None:
            return self
        seen = copy.copy(self)
        seen.seen = person.cameras
        seen.recorder = scope_recorder(self.recorder, person.cameras)
        seen.frames, seen.clips = StillReader(seen.recorder), ClipCache(seen.recorder)
        seen.health = HealthAnswer(seen.recorder)
        return seen


class _RtcOnDemand:
    """Creates the WebRTC sessions on first use: the library needs much memory and is rarely used."""

    def __init__(self, live: LiveSettings, hosts: tuple[str, ...], clock: Clock) -> None:
        self._live, self._hosts, self._clock = live, hosts, clock
        self._made: WebRtcSessions | None = None

    def made(self) -> "WebRtcSessions":
        if self._made is None:
            from tawny.api.live.webrtc import WebRtcSessions

            self._made = WebRtcSessions(self._live, self._hosts, self._clock)
        return self._made

    async def close(self) -> None:
        if self._made is not None:
            await self._made.close()


def the_site(connection: HTTPConnection) -> AppContext:
    site: AppContext = connection.app.state.site
    return site


async def the_part_seen(connection: HTTPConnection) -> AppContext:
    """Return the context restricted to the session that the route's rule has found."""
    session: LoginSession | None = getattr(connection.state, "session", None)
    site = the_site(connection)
    seen = await in_worker(site.seen_by, session) if session else site
    connection.scope.setdefault("state", {})[UNLOCKED] = seen.is_unlocked
    return seen


Here = Annotated[AppContext, Depends(the_part_seen)]

"""State shared by all routes: the recorder, its services, accounts and caches."""

import asyncio
import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from fastapi import Depends
from starlette.requests import HTTPConnection

from tawny.api.auth.accounts import Account, Accounts, LoginSession, OwnerWatch
from tawny.api.auth.guess_limit import GuessLimit, KnownDevices, LoginThrottle, SecondStepLimit
from tawny.api.auth.identities import Identities
from tawny.api.auth.oidc import OidcProvider
from tawny.api.auth.passes import Passes
from tawny.api.auth.passkeys import Passkeys
from tawny.api.auth.passwords import Passwords
from tawny.api.auth.shares import Shares
from tawny.api.auth.signed_steps import SignedSteps
from tawny.api.auth.two_step import TwoStep
from tawny.api.auth.unlocks import UnlockedSessions
from tawny.api.auth.ways_in import Elsewhere
from tawny.api.client_address import AllowedHosts, TrustedProxies, UnknownProxies
from tawny.api.inbox import Inbox
from tawny.api.live.follow import FollowSelectors
from tawny.api.past.clip_jobs import ClipJobs
from tawny.api.past.clip_store import ClipStore
from tawny.api.request_handling import COPIED, UNLOCKED, in_worker
from tawny.api.static_files import StaticFiles
from tawny.config.secure import ascii_host
from tawny.config.settings import LiveSettings, WebSettings, listen_address, proxy_networks
from tawny.config.sign_in import SignInSettings
from tawny.engine.blocking_calls import BlockingCalls
from tawny.engine.connections import ConnectionManager
from tawny.fleet.box import FleetMember
from tawny.fleet.copies import FleetCopies
from tawny.fleet.copy_source import CopySource
from tawny.fleet.hub import FleetHub
from tawny.fleet.nats_link import NatsListener
from tawny.fleet.standby_member import StandbyMember
from tawny.fleet.standby_server import StandbyServer
from tawny.live.hls import HlsFeeds
from tawny.live.jpeg_stream import Snapshots
from tawny.live.rtsp_server.session import RtspServer
from tawny.live.viewer import ViewerCounts
from tawny.model.ids import CameraId, StreamName
from tawny.model.messages import EventChanged
from tawny.model.times import Clock
from tawny.playback.clips import ClipCache
from tawny.playback.stills import StillReader
from tawny.service.address.address_service import AddressService
from tawny.service.address.address_urls import is_at_home_only
from tawny.service.address.phone_check import PhoneChecks
from tawny.service.backup.backup_service import BackupService
from tawny.service.box_scans import BoxScans
from tawny.service.box_update import BoxUpdate
from tawny.service.cameras.camera_setup import CameraSetupService
from tawny.service.cameras.connection_settings import CameraConnectionService
from tawny.service.cameras.phone_codes import PhoneCodes
from tawny.service.cameras.picture_controls import PictureControlService
from tawny.service.cameras.recording_choice import RecordingChoiceService
from tawny.service.changeable_settings import ChangeableSettings, SettingsEditor
from tawny.service.copied_recorder import CopiedRecorder
from tawny.service.delivery.delivery_service import DeliveryService
from tawny.service.delivery.target_settings import TargetSettingsService
from tawny.service.detection.appearance_service import AppearanceService
from tawny.service.detection.classifier_runtime import ModelService
from tawny.service.detection.recognition_service import IdentityService
from tawny.service.diagnosis.bundle import DiagnosticsService
from tawny.service.first_setup import FirstSetupService
from tawny.service.health.camera_health import HealthReader
from tawny.service.health.monitor import HealthMonitor
from tawny.service.hub_membership import HubMembershipService
from tawny.service.integrations.integration_service import IntegrationService
from tawny.service.languages import Languages
from tawny.service.modes.mode_service import ModeService
from tawny.service.recorder import RecorderService
from tawny.service.retention.recording_deletion import RecordingDeletion
from tawny.service.retention.retention_service import RetentionService
from tawny.service.scoped_recorder import scope_recorder
from tawny.service.sealing.history_watch import HistoryWatch
from tawny.service.sealing.sealing_service import SealingService
from tawny.service.standby_service import StandbyService
from tawny.service.storage_choice import StorageChoiceService
from tawny.service.system_actions import SystemActions
from tawny.service.talkback import Talkback
from tawny.service.updates import UpdateCheck
from tawny.service.visits import NewVisitCounter, OngoingEvents
from tawny.sources.phone import Phone
from tawny.stream.hub import Hub

if TYPE_CHECKING:
    from tawny.api.live.webrtc import WebRtcSessions


AT_ONCE = 2
"""Maximum number of concurrent decodes, and of clip cuts: more would take all threads from other requests."""


@dataclass(kw_only=True)
class AppContext:
    """Context of the application; one instance, copied per request for the user's view."""

    recorder: RecorderService
    accounts: Accounts
    passes: Passes
    shares: Shares
    interface: StaticFiles
    passwords: Passwords
    languages: Languages
    metrics_token: str
    live: LiveSettings
    keeping: RetentionService
    caring: HealthMonitor
    outside: DeliveryService
    modes: ModeService
    models: ModelService
    known: IdentityService
    appearance: AppearanceService
    placing: TargetSettingsService
    connecting: CameraConnectionService
    picture: PictureControlService
    setup: CameraSetupService
    first_setup: FirstSetupService
    storing: StorageChoiceService
    recording: RecordingChoiceService
    deleting: RecordingDeletion
    orders: IntegrationService
    sealed: SealingService
    history: HistoryWatch
    secure: AddressService
    answer_challenge: Callable[[str], str | None]
    """Returns the answer for a public authority that checks the domain."""
    diagnostics: DiagnosticsService
    backup: BackupService
    changeable: ChangeableSettings
    editor: SettingsEditor
    system: SystemActions
    updates: UpdateCheck
    log_lines: Callable[[], str]
    """Returns the end of the log."""
    clip_store: ClipStore
    inbox: Inbox
    phones: Phone
    """Receives what phones send that are cameras."""
    hosts: tuple[str, ...]
    """Addresses WebRTC listens on."""
    connections: ConnectionManager
    """Admits what comes in over TCP."""
    machine_names: Callable[[], frozenset[str]]
    own_addresses: Callable[[], Sequence[str]]
    """Returns the URLs of the web interface in the local network, best first."""
    can_restart: bool
    restart: Callable[[], None]
    """Ends this run, so that tawny starts again with the settings file, if `can_restart`. Call from the loop."""

    hub: FleetHub | None = field(default=None, init=False)
    """The recorders that have joined this one; None: it is no hub."""
    by_nats: NatsListener | None = field(default=None, init=False)
    """Where recorders reach the hub through a NATS server."""
    copies: FleetCopies | None = field(default=None, init=False)
    """Their recordings that were copied to this one; None: it is no hub."""
    copy_source: CopySource | None = field(default=None, init=False)
    """What a hub may copy of this recorder; None: it records to memory."""
    scans: BoxScans | None = field(default=None, init=False)
    """Scans recordings of this recorder for its hub; None: it records to memory."""
    update: BoxUpdate | None = field(default=None, init=False)
    """Updates this recorder when its hub orders it; None: it records to memory."""
    member: FleetMember | None = field(default=None, init=False)
    """This recorder's connection to its hub; None only in tests of other parts."""
    membership: HubMembershipService | None = field(default=None, init=False)
    """Joins and leaves hubs; None only in tests of other parts."""
    standby: StandbyServer | None = field(default=None, init=False)
    """The recorders that this one protects, and answers to its own standby; None only in tests of other parts."""
    protected: StandbyMember | None = field(default=None, init=False)
    """This recorder's connection to its standby; None only in tests of other parts."""
    standbys: StandbyService | None = field(default=None, init=False)
    """Both sides of a standby for people; None only in tests of other parts."""
    seen: frozenset[CameraId] | None = field(default=None, init=False)
    """Cameras the current user may see; None: all."""
    requires_second_step: bool = field(default=False, init=False)
    """Whether everyone who signs in with a password needs a second step."""
    name: str = field(default="", init=False)
    """The recorder's name from the settings; empty: its host name."""
    address: str = field(default="", init=False)
    """URL for phones; empty: unknown."""
    strict_host: str = field(default="", init=False)
    """Name whose answers say whether browsers open it with https only, on all its ports: decision 156; empty: none."""
    rtsp: str = field(default="", init=False)
    """Address of the RTSP server, for example `0.0.0.0:8554`; empty: off."""
    proxies: TrustedProxies = field(default_factory=TrustedProxies, init=False)
    naming_proxies: TrustedProxies = field(default_factory=TrustedProxies, init=False)
    """Those that may name the user: not Tailscale, which passes the header of any device on."""
    proxy_header: str = field(default="", init=False)
    """Header in which `naming_proxies` name the user; empty: off."""
    oidc: OidcProvider | None = field(default=None, init=False)
    """The sign-in provider; None: off."""
    names: AllowedHosts = field(init=False)
    """Host names under which the web interface may be opened."""

    is_unlocked: bool = field(default=False, init=False)
    """Whether the current session has unlocked encrypted recordings."""

    behind: RecorderService | None = field(default=None, init=False)
    """If unlocked: the recorder without decryption."""

    def __post_init__(self) -> None:
        self.owner = OwnerWatch(self.accounts)
        self.attempts = GuessLimit(self.recorder.clock)
        self.claims = LoginThrottle(self.recorder.clock)
        """Of wrong setup links, by address. A right one is never refused: others in the network can't keep it out."""
        self.renewed_s: dict[bytes, float] = {}
        """When the cookie of a session was last set again, monotonic."""
        self.devices = KnownDevices(self.accounts.file, self.recorder.clock)
        self.passkeys = Passkeys(self.accounts.file, self.recorder.clock)
        self.two_step = TwoStep(self.accounts.file, self.recorder.clock)
        self.code_attempts = SecondStepLimit(self.recorder.clock)
        self.identities = Identities(self.accounts.file, self.recorder.clock)
        self.steps = SignedSteps(self.recorder.clock)
        self.names = AllowedHosts(self.recorder.clock, self.machine_names)
        self.unknown_proxies = UnknownProxies(self.recorder.clock)
        self.phone_checks = PhoneChecks(self.recorder.clock)
        self.phone_codes = PhoneCodes(self.recorder.clock)
        self.viewers = ViewerCounts(self.recorder.watched)
        self.pictures = Snapshots()
        self.frames = StillReader(self.recorder)
        self.calls = BlockingCalls()
        """To cameras and relays: no page waits for them."""
        recorder = self.recorder
        self.talking = Talkback(
            recorder.speaker, lambda camera: recorder.hub(camera, StreamName.MAIN), recorder.clock, self.calls
        )
        self.clips = ClipCache(self.recorder)
        self.unlocks = UnlockedSessions(
            self.accounts, self.recorder.clock, lambda session: self.of_person(session.person).recorder
        )
        self.jobs = ClipJobs(self.recorder.clock, self.clip_store, self.accounts.person, self.shares.show)
        self.decoding, self.cutting = asyncio.Semaphore(AT_ONCE), asyncio.Semaphore(AT_ONCE)
        self.health = HealthReader(self.recorder)
        ongoing, self.new_visits = OngoingEvents(), NewVisitCounter(self.recorder.clock)
        for listener in (ongoing, self.new_visits):
            self.recorder.bus.subscribe(EventChanged, listener.on_event)
        self.hls, self.follows = HlsFeeds(self.recorder.clock), FollowSelectors(ongoing)
        self._rtc = _RtcOnDemand(self.live, self.hosts, self.recorder.clock, self.connections)

    def apply(self, web: WebSettings, sign_in: SignInSettings | None = None) -> None:
        """Apply the names under which browsers may open the web interface, its public address, trusted proxies, and
        the ways to sign in.
        """
        if sign_in is not None:
            self.proxy_header, self.requires_second_step = sign_in.proxy_header, sign_in.require_second_step
            if self.oidc is None or self.oidc.settings != sign_in.oidc:
                self.oidc = OidcProvider(sign_in.oidc, self.recorder.clock) if sign_in.oidc.issuer else None
        host, _ = listen_address(web.listen)
        secure = web.secure
        self.address, self.name = web.link_url, web.name
        is_for_none = secure.way in ("off", "own") or is_at_home_only(f"https://{secure.domain}")
        self.strict_host = "" if is_for_none else secure.domain
        names = (ascii_host(urlsplit(web.public_url).hostname or ""), ascii_host(host), secure.domain, *web.hosts)
        self.names.configure(names)
        self.proxies = TrustedProxies(proxy_networks(web.trusted_proxies))
        self.naming_proxies = TrustedProxies(proxy_networks(web.proxies))

    @property
    def elsewhere(self) -> Elsewhere:
        """Where users can be signed in now, besides this recorder."""
        return Elsewhere(by_proxy=bool(self.proxy_header), by_provider=self.oidc is not None)

    @property
    def title(self) -> str:
        """The name that pages show."""
        return self.name or self.recorder.host

    def link(self, path: str) -> str:
        """Return the address that a path has for people elsewhere; the path alone if none is set."""
        return self.address + path

    @property
    def is_at_home_only(self) -> bool:
        """Return whether links work in the own network only, as far as is known."""
        return not self.address or is_at_home_only(self.address)

    async def open_rtsp(self, server: RtspServer) -> None:
        """Start the RTSP server for other apps."""
        await server.start()
        self.rtsp = server.address

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
        seen.health = HealthReader(seen.recorder)
        return seen

    def of_copies(self, copied: CopiedRecorder) -> "AppContext":
        """Return the context of the copies of another recorder, which are read like recordings of this one."""
        seen = copy.copy(self)
        seen.recorder, seen.name, seen.hub, seen.copies = copied.as_service(), copied.name, None, None
        seen.frames, seen.clips = StillReader(seen.recorder), ClipCache(seen.recorder)
        seen.health = HealthReader(seen.recorder)
        seen.new_visits = NewVisitCounter(self.recorder.clock)
        return seen


class _RtcOnDemand:
    """Creates the WebRTC sessions on first use: the library needs much memory and is rarely used."""

    def __init__(
        self, live: LiveSettings, hosts: tuple[str, ...], clock: Clock, connections: ConnectionManager
    ) -> None:
        self._live, self._hosts, self._clock, self._connections = live, hosts, clock, connections
        self._made: WebRtcSessions | None = None

    def made(self) -> "WebRtcSessions":
        if self._made is None:
            from tawny.api.live.webrtc import WebRtcSessions

            self._made = WebRtcSessions(self._live, self._hosts, self._clock, self._connections)
        return self._made

    async def close(self) -> None:
        if self._made is not None:
            await self._made.close()


def app_context(connection: HTTPConnection) -> AppContext:
    site: AppContext = connection.app.state.site
    return site


async def user_context(connection: HTTPConnection) -> AppContext:
    """Return the context restricted to the session that the route's rule has found."""
    session: LoginSession | None = getattr(connection.state, "session", None)
    site = app_context(connection)
    copied: CopiedRecorder | None = connection.scope.get("state", {}).get(COPIED)
    if copied is not None:
        return site.of_copies(copied)
    seen = await in_worker(site.seen_by, session) if session else site
    connection.scope.setdefault("state", {})[UNLOCKED] = seen.is_unlocked
    return seen


Context = Annotated[AppContext, Depends(user_context)]

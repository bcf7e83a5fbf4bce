"""What offers a running recorder to people and programs: accounts, uploads, integrations, web and RTSP server.

Recording does not depend on it. Only this module and `control_answers` know the API.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from fastapi import FastAPI

from tawny.api.application import make_app
from tawny.api.auth.accounts import Account, Accounts, Caller, Role, TokenPurpose
from tawny.api.auth.accounts_file import ACCOUNTS, AccountsCopy, AccountsFile, open_with_copy
from tawny.api.auth.audit_counts import SecurityWatch
from tawny.api.auth.passes import Passes
from tawny.api.auth.passwords import Passwords
from tawny.api.auth.shares import Shares
from tawny.api.client_address import read_machine_names
from tawny.api.context import AppContext
from tawny.api.inbox import FOLDER as INBOX
from tawny.api.inbox import Inbox
from tawny.api.live.stream_access import PassAuthenticator
from tawny.api.past import clip_orders, clip_store
from tawny.api.server import WebServer, addresses_of
from tawny.api.static_files import StaticFiles
from tawny.app.other_recorders import (
    connect_standbys,
    hub_problems,
    make_copies,
    make_hub,
    make_member,
    make_nats_listener,
    make_scans,
    make_update,
    nats_problems,
    refusal_problems,
    standby_problems,
)
from tawny.app.own_addresses import HOST_NAME, link_text, reachable_place, recorder_urls
from tawny.app.recorder_parts import RecorderPlace
from tawny.app.running import RecorderRuntime
from tawny.config.settings import Settings, WebSettings, listen_address, proxy_networks
from tawny.delivery.outbox_marks import OutboxMarks
from tawny.engine import Engine, ThreadEngine
from tawny.engine.connections import ConnectionManager
from tawny.fleet.copy_source import CopySource
from tawny.fleet.hub_pass import PassStore
from tawny.fleet.identity import JoinLink, fingerprint
from tawny.live.rtsp_server.session import RtspServer, ServerContext
from tawny.model.errors import NotDone, StorageError
from tawny.model.events import Event
from tawny.model.ids import CameraId
from tawny.model.times import Span
from tawny.service import json_format
from tawny.service.address.address_service import AddressMeans, AddressService
from tawny.service.backup.backup_service import BackupService
from tawny.service.cameras.camera_setup import CameraSetupService
from tawny.service.cameras.connection_settings import CameraConnectionService
from tawny.service.cameras.picture_controls import PictureControlService
from tawny.service.cameras.recording_choice import RecordingChoiceService
from tawny.service.changeable_settings import SettingsEditor
from tawny.service.delivery.delivery_service import DeliveryPolicy, DeliveryService
from tawny.service.delivery.notifications import ChannelUser
from tawny.service.delivery.target_settings import TargetSettingsService
from tawny.service.detection.classifier_runtime import ModelService
from tawny.service.detection.recognition_service import IdentityService
from tawny.service.diagnosis.bundle import DiagnosticsService, RunningState
from tawny.service.diagnosis.doctor import ExaminedRecorder, certificate_files
from tawny.service.first_setup import FILE as SETUP
from tawny.service.first_setup import FirstSetupService, SetupFacts
from tawny.service.health.camera_health import HealthReader
from tawny.service.health.checks import CERTIFICATE_S, CertificateWatch, HealthCheck
from tawny.service.health.self_test import self_test_text
from tawny.service.hub_membership import HubMembershipService
from tawny.service.integrations.integration_service import CommandMeans, IntegrationService
from tawny.service.languages import Languages
from tawny.service.modes.mode_service import ModeService
from tawny.service.modes.rule_actions import RuleActions
from tawny.service.retention.retention_service import RetentionService
from tawny.service.storage_choice import StorageChoiceService
from tawny.service.system_actions import Action, ComputerPower, PlannedAction, SystemActions
from tawny.service.updates import UpdateCheck
from tawny.sources.phone import Phone
from tawny.storage.disk.headroom import DiskHeadroom

DEMO_LINK_MS = 24 * 3_600_000
OWNER = "Owner"
_STOP_S = 2.0
STANDBY_S = 5.0
"""Interval in s at which the health of the standby is looked at."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WebInterface:
    """The interface of one recorder. Start and stop it once, in the event loop. rtsp: None: not configured."""

    running: RecorderRuntime
    accounts: Accounts
    outward: DeliveryService
    programs: IntegrationService
    modes: ModeService
    acting: RuleActions
    site: AppContext
    server: WebServer
    rtsp: RtspServer | None
    connections: ConnectionManager
    engine: Engine
    address: AddressService

    async def start(self, checks: Iterable[HealthCheck] = ()) -> None:
        """Listen, and start all that is not needed for the first picture. checks: of what runs the interface."""
        await self.server.start()
        if self.rtsp is not None:
            await self.site.open_rtsp(self.rtsp)
        self.running.begin_housekeeping([*checks, *self._checks()], self.programs.close)
        place = self.running.parts.place
        clip_orders.resume_clips(self.site)
        self.site.jobs.start(ThreadEngine(place.clock, place.died))
        self.running.keep_until_sent(self.outward.held, self.outward.drop_unrecorded)
        for forget in (self.accounts.forget_cameras, self.outward.forget_cameras, self.programs.tracker.forget_cameras):
            self.running.deleting.forget_before(forget)
        self.running.deleting.forget_not_while(self.site.jobs.shows)
        self.running.whenever_changed(self._take_over)
        self.address.handle.start(self.engine, self.address.name, lambda: self.address)
        if place.kept_in is not None and (copy := _spare_accounts(place)) is not None:
            self.engine.start(AccountsCopy.name, partial(AccountsCopy, self.accounts.file, copy))
        self.site.setup.removed.start(self.engine)
        self.site.system.start(self.engine)
        self.site.updates.start(self.engine)
        if self.site.hub is not None:
            self.site.hub.start()
        if self.site.by_nats is not None:
            self.site.by_nats.start()
        if self.site.copies is not None:
            self.site.copies.start()
        if self.site.member is not None:
            self.site.member.start()
        if self.site.standby is not None and self.site.protected is not None:
            self.site.standby.start()
            self.site.protected.start()
        self.outward.start()
        self.acting.start(self.engine, self.running.bus, self._events_since_start, self.running.arming.is_private)
        self.programs.start()

    async def stop(self) -> None:
        if self.site.standby is not None and self.site.protected is not None:
            await self.site.protected.close()
            await self.site.standby.close()
        if self.site.member is not None:
            await self.site.member.close()
        if self.site.scans is not None:
            await self.site.scans.close()
        if self.site.hub is not None:
            await self.site.hub.close()
        if self.site.by_nats is not None:
            await self.site.by_nats.close()
        if self.site.copies is not None:
            await self.site.copies.close()
        await self.site.close()
        await self.server.stop()
        await asyncio.to_thread(self._stop)

    def _stop(self) -> None:
        late = self.engine.stop(_STOP_S)
        if late:
            log.warning("threads did not stop in time: %s", ", ".join(late))
        self.outward.files.finish()
        self.outward.files.await_written()
        self.programs.end_commands()
        self.outward.stop()
        self.accounts.close()

    def _events_since_start(self) -> Sequence[Event]:
        span = Span(self.running.started_ms, self.running.parts.place.clock.now_ms() + 1)
        return self.running.index.events(span).events

    def _checks(self) -> Iterator[HealthCheck]:
        place = self.running.parts.place
        yield HealthCheck(self.outward.troubles)
        yield HealthCheck(self.programs.problems)
        yield HealthCheck(
            CertificateWatch(lambda: _others_certificate(place.settings().web), place.clock), CERTIFICATE_S
        )
        yield HealthCheck(self.address.problems)
        if self.site.standby is not None and self.site.protected is not None:
            yield HealthCheck(partial(standby_problems, self.site.standby, self.site.protected), STANDBY_S)
        if self.site.by_nats is not None:
            yield HealthCheck(partial(nats_problems, self.site.by_nats))
        if self.site.hub is not None:
            yield HealthCheck(partial(hub_problems, self.site.hub))
        if self.site.member is not None:
            yield HealthCheck(partial(refusal_problems, self.site.member))
        forget = self.site.shares.forget_ended
        yield HealthCheck(SecurityWatch(self.accounts.counts, self._unknown_proxies, forget, place.clock))

    def _unknown_proxies(self) -> list[str]:
        return [one for one in self.site.unknown_proxies.recent() if not self.site.proxies.trusts(one)]

    def _take_over(self, settings: Settings) -> None:
        """Apply changed settings to everything that sends data to other computers.

        What only wakes up comes first: the others may fail, as on a full disk.
        """
        if self.site.member is not None:
            self.site.member.changed()
        if self.site.protected is not None:
            self.site.protected.changed()
        if self.site.standby is not None:
            self.site.standby.changed()
        self.site.updates.changed()
        take_over_web(self.site, self.connections, settings)
        self.outward.apply(settings)
        self.address.changed(settings)

    @property
    def url(self) -> str:
        """The best URL of the web interface."""
        return recorder_urls(*self.server.place)[0]

    def welcome(self, *, is_demo: bool, is_again: bool = False) -> tuple[dict[str, Any], str]:
        """Return the startup message as data and text: web address, and the one-time link if one is needed.

        A hub's link to join is in the data alone, as `join`: the text may go to a log that others read.

        is_demo: create the owner account and a sign-in link for it. is_again: keep a link that is still valid.
        """
        address, folder = self.url, self.running.parts.place.folder
        in_memory = self.running.parts.place.kept_in is None
        place = "memory, writing nothing to disk" if in_memory else str(folder)
        has_cameras = bool(self.running.settings.cameras)
        does = f"tawny is recording to {place}." if has_cameras else "tawny is running. It has no cameras yet."
        welcome: dict[str, Any] = {"address": address, "folder": str(folder), "link": None}
        try:
            if is_demo:
                welcome["link"] = f"{address}/sign-in#link={self._demo_token()}"
                text = (
                    "The tawny demo is running. Open this link in a browser on this computer:\n\n    "
                    f"{welcome['link']}\n\nIt signs in one browser. Recordings: {folder} (at most 4 GB). Press "
                    "Ctrl-C to stop."
                )
            elif self.accounts.has_owner() or (is_again and self.accounts.file.has_claim()):
                text = f"{does} Web interface: {address}"
            else:
                token = self.accounts.new_token(TokenPurpose.CLAIM)
                links = [f"{url}/setup#token={token}" for url in recorder_urls(*self.server.place)]
                welcome |= {"link": links[0], "links": links}
                another = "the next start" if in_memory else "`tawny setup-link`"
                text = (
                    f"{does}\n{link_text(links)}\n\nto create the owner account. The link works once and expires in 30 "
                    f"minutes; {another} creates a new one.\nSetup code: {token}"
                )
        except StorageError as error:  # such as a full disk: cameras are recorded without a link
            log.error("no link for the owner was created: %s", error)
            text = f"{does} Web interface: {address}\n`tawny setup-link` creates the owner's link later. {error}"
        if self.address.in_force and self.site.address:
            text += f"\nSecure address: {self.site.address}"
        if self.site.hub is not None:
            base = self.running.settings.hub.nats.link_address or self.site.address or address
            try:
                code, _ = self.site.hub.index.invite()
                welcome["join"] = str(JoinLink(base, code, fingerprint(self.site.hub.public_key)))
            except StorageError as error:
                log.error("no link to join was created: %s", error)
            text += "\nTo show another recorder here, create a link with `tawny hub link`; each works once."
        if self.site.rtsp:
            place = reachable_place(self.site.rtsp)
            text += f"\nFor other apps: rtsp://{place}/CAMERA, with an access token (`tawny tokens create NAME`)."
        return welcome | {"rtsp": self.site.rtsp or None}, text

    def _demo_token(self) -> str:
        owner = next((one for one in self.accounts.people() if one.role is Role.OWNER), None)
        owner = owner or self.accounts.put_person(OWNER, Role.OWNER)
        return self.accounts.new_token(TokenPurpose.LINK, owner, lasts_ms=DEMO_LINK_MS)


async def make_web_interface(
    running: RecorderRuntime,
    connections: ConnectionManager,
    log_lines: Callable[[], str] = str,
    restart: Callable[[], None] | None = None,
) -> WebInterface:
    """log_lines: the end of the log. restart: ends this run, so that tawny starts again; None: impossible.

    Raises StorageError, and UsageError: if the address is none of this computer.
    """
    place = running.parts.place
    settings, clock = place.settings(), place.clock
    file = await asyncio.to_thread(_open_accounts, place)
    accounts, (host, port) = Accounts(file, clock), listen_address(settings.web.listen)
    hosts = await addresses_of(host)
    outward, placing = await asyncio.to_thread(_make_delivery, running, accounts, is_new=file.was_renewed)
    programs = _make_integrations(running, outward, accounts)
    arming, changeable, marks = running.arming, running.changeable, running.parts.storage.marks
    modes = _make_modes(running, outward)
    machine_names = partial(read_machine_names, os.environ.get(HOST_NAME, ""))
    address = AddressService(changeable, AddressMeans(machine_names, kept_in=place.kept_in), clock)
    headroom = DiskHeadroom(place.folder, lambda: place.settings().storage.retention.min_free)
    keeping, models = RetentionService(running.parts.stored, clock, changeable), ModelService(running.naming)
    site = AppContext(
        recorder=running, accounts=accounts, passes=Passes(file, clock), shares=Shares(file, clock),
        interface=StaticFiles.at(), passwords=Passwords(), languages=Languages(place.kept_in),
        metrics_token=settings.web.metrics, live=settings.live, keeping=keeping,
        caring=running.care, appearance=running.appearance, outside=outward, modes=modes, models=models,
        known=IdentityService(running.known, place.settings, place.plugins.recognisers),
        placing=placing,
        connecting=CameraConnectionService(changeable, place.plugins, clock, running.logins),
        picture=PictureControlService(changeable, place.plugins, clock),
        setup=_make_camera_setup(running),
        changeable=changeable, editor=SettingsEditor(changeable, clock), log_lines=log_lines,
        system=_make_system_actions(running, restart), deleting=running.deleting,
        updates=UpdateCheck(lambda: place.settings().updates, clock),
        first_setup=_make_first_setup(running, accounts, outward, models),
        storing=_make_storage_choice(running, keeping, file),
        recording=_make_recording_choice(running),
        orders=programs,
        sealed=running.sealing.service(place.folder, changeable), history=running.sealing.watch,
        diagnostics=_make_diagnostics(running, accounts, outward, log_lines),
        backup=BackupService(place.kept_in, place.config, place.host, clock, settings.web.listen),
        clip_store=_make_clip_store(place, headroom),
        inbox=Inbox(place.kept_in and place.kept_in / INBOX, headroom, clock), phones=_phones(place),
        hosts=hosts, connections=connections, machine_names=machine_names, secure=address,
        answer_challenge=address.challenges.answer, own_addresses=lambda: recorder_urls(*server.place),
        can_restart=restart is not None, restart=restart or (lambda: None),
    )  # fmt: skip
    take_over_web(site, connections, settings)
    await asyncio.to_thread(address.refresh, orders=False)  # before the first connection
    acting = RuleActions(arming.deciding, arming.modes, programs.order, programs.run, marks.publish_again, clock)
    server = WebServer(
        await asyncio.to_thread(_make_app, running, site), accounts, host, port, connections, address.in_force.context
    )
    rtsp = _make_rtsp_server(settings.web.rtsp, site, connections)
    return WebInterface(
        running, accounts, outward, programs, modes, acting, site, server, rtsp, connections, running.pooled_engine(),
        address,
    )  # fmt: skip


def _make_app(running: RecorderRuntime, site: AppContext) -> FastAPI:
    """Return the application, connected to other recorders. Raises StorageError, NotDone: the key is damaged."""
    app = make_app(site)
    place, recorder = running.parts.place, running.parts.recorder
    site.hub, member = make_hub(place, site), make_member(running, site, app)
    site.member = member
    passes = PassStore(place.kept_in, place.clock, lambda: place.settings().fleet.hub_key)
    site.membership = HubMembershipService(place.kept_in, running.changeable, member, passes, lambda: site.title)
    connect_standbys(running, site)
    if site.hub is not None:
        site.by_nats, site.copies = make_nats_listener(place, site.hub), make_copies(place, site.hub)
    if place.kept_in is not None:
        site.copy_source = CopySource(running.parts.storage.store.volume, lambda: recorder.at_risk_s > 0)
        site.scans = make_scans(place, lambda: recorder.at_risk_s > 0)
        site.update = make_update(place, site)
    return app


def _make_system_actions(running: RecorderRuntime, restart: Callable[[], None] | None) -> SystemActions:
    """Return the actions on this recorder and its computer. Call from the loop in which the program ends."""
    loop, power = asyncio.get_running_loop(), ComputerPower()

    def can(action: Action) -> bool:
        if action in ("reboot", "shut_down"):
            return power.can(action)
        return action == "stop" or restart is not None

    def begin_again(planned: PlannedAction) -> None:
        assert restart is not None
        running.note_end("restart", planned.by)
        loop.call_soon_threadsafe(restart)

    def switch_computer(planned: PlannedAction) -> None:
        running.note_end(planned.action, planned.by)
        try:
            power.do(planned.action)
        except NotDone:
            running.forget_end()
            raise

    acts: dict[Action, Callable[[PlannedAction], None]] = {
        "restart": begin_again,
        "stop": lambda planned: running.arming.stop_recording(planned.by, planned.for_s),
        "reboot": switch_computer,
        "shut_down": switch_computer,
    }
    return SystemActions(
        acts,
        can,
        running.bus.publish,
        running.clock,
        lambda: running.arming.stopped,
        running.arming.resume_recording,
    )


def _phones(place: RecorderPlace) -> Phone:
    """Return the source that the readers of these cameras use."""
    source = place.plugins.sources.get(Phone.scheme)
    return source if isinstance(source, Phone) else Phone()


def _make_modes(running: RecorderRuntime, outward: DeliveryService) -> ModeService:
    place = running.parts.place
    return ModeService(
        running.arming, running.changeable, lambda new: place.plugins.check(new, "what was entered"), outward.rehearsed,
        outward.outbox, ZoneInfo(place.zone), place.clock,
    )  # fmt: skip


def _make_recording_choice(running: RecorderRuntime) -> RecordingChoiceService:
    place, modes = running.parts.place, running.arming.modes
    rates, zone = running.parts.cameras.byte_rates, ZoneInfo(place.zone)
    return RecordingChoiceService(running.changeable, running.index, rates, lambda: modes.now().mode, place.clock, zone)


def status_json(running: RecorderRuntime, outward: DeliveryService, health: HealthReader) -> dict[str, Any]:
    """Return the state of the recorder, for `tawny status --json` and the diagnostics bundle."""
    self_test = self_test_text(running.care.self_test)
    return {**json_format.status(health.now()), "self_test": self_test, "outbox": outward.summary()}


def _make_diagnostics(
    running: RecorderRuntime, accounts: Accounts, outward: DeliveryService, log_lines: Callable[[], str]
) -> DiagnosticsService:
    place, health = running.parts.place, HealthReader(running)

    def examined() -> ExaminedRecorder:
        files = certificate_files(place.settings(), place.config)
        return ExaminedRecorder(place.kept_in, place.settings(), place.config, certificates=files)

    health_json = partial(status_json, running, outward, health)
    state = RunningState(health_json, log_lines, running.reports, accounts.known_names)
    return DiagnosticsService(examined, state, place.plugins, place.clock)


def take_over_web(site: AppContext, connections: ConnectionManager, settings: Settings) -> None:
    """Apply the settings of the web interface: its names, the trusted proxies, and the ways to sign in."""
    site.apply(settings.web, settings.sign_in)
    connections.trust(proxy_networks(settings.web.trusted_proxies))


def _others_certificate(web: WebSettings) -> str:
    """Return the public address if its certificate is not one of tawny's own, which the address service watches."""
    is_own = web.secure.serves_tls and urlsplit(web.public_url).hostname == web.secure.domain
    return "" if is_own else web.public_url


def _open_accounts(place: RecorderPlace) -> AccountsFile:
    """Open the accounts; a copy of them is on the fallback disk, so that users can sign in after a failover."""
    if place.kept_in is None:
        return AccountsFile(":memory:")
    return open_with_copy(place.kept_in / ACCOUNTS, _spare_accounts(place))


def _spare_accounts(place: RecorderPlace) -> Path | None:
    """Return the copy of the accounts on the fallback disk; None if there is no such disk."""
    spare = place.settings().storage.spare
    return Path(spare).expanduser() / ACCOUNTS if spare else None


def _make_first_setup(
    running: RecorderRuntime, accounts: Accounts, outward: DeliveryService, models: ModelService
) -> FirstSetupService:
    def facts() -> SetupFacts:
        people = accounts.people()
        has_owner = any(one.role is Role.OWNER for one in people)
        return SetupFacts(has_owner, len(people), outward.has_browser(), bool(models.there()))

    made = FirstSetupService(running.changeable, running.parts.place.kept_in, facts)
    if running.parts.place.config is not None:
        made.remember()
    return made


def _make_camera_setup(running: RecorderRuntime) -> CameraSetupService:
    plugins = running.parts.place.plugins
    restart, is_offline = running.restart_camera, running.is_offline
    return CameraSetupService(running.changeable, plugins, running.clock, running.logins, restart, is_offline)


def _make_storage_choice(
    running: RecorderRuntime, keeping: RetentionService, file: AccountsFile
) -> StorageChoiceService:
    place = running.parts.place
    bring = partial(_copy_accounts, file, place)
    return StorageChoiceService(running.changeable, running.parts.stored, keeping, place.kept_in, bring)


def _copy_accounts(file: AccountsFile, place: RecorderPlace, folder: Path) -> None:
    """Copy accounts and the state of the setup into the folder that tawny records to after the next start."""
    file.copy_to(folder / ACCOUNTS)
    setup = place.folder / SETUP
    if setup.exists():
        (folder / SETUP).touch(mode=0o600)
        (folder / SETUP).write_bytes(setup.read_bytes())


def _make_clip_store(place: RecorderPlace, headroom: DiskHeadroom) -> clip_store.ClipStore:
    storage = place.settings().storage
    if place.kept_in is None:
        return clip_store.ClipStore(None, min(storage.clips, storage.memory // 4))
    return clip_store.ClipStore(place.kept_in / clip_store.FOLDER, storage.clips, headroom)


def _make_delivery(
    running: RecorderRuntime, accounts: Accounts, *, is_new: bool
) -> tuple[DeliveryService, TargetSettingsService]:
    """Return the delivery, and the service that changes its settings: each uses the other.

    is_new: the accounts were lost, and made again.
    """
    place = running.parts.place
    where = ":memory:" if place.kept_in is None else place.kept_in / "outbox.db"

    def save_write_only(name: str) -> None:
        placing.put("destinations", name, {"write_only": True})

    outward = DeliveryService(
        place.settings(), where, running, place.plugins, place.clock, running.pooled_engine(),
        DeliveryPolicy(
            DeliveryUsers(accounts), running.arming.deciding, running.sealing.out, running.bus.publish,
            running.parts.recorder.shorten, save_write_only,
        ),
    )  # fmt: skip
    if is_new:
        outward.notifications.forget_users()
    running.arming.deciding.leave_out(outward.snoozes.rules_at)
    placing = TargetSettingsService(running.changeable, outward, place.plugins)
    return outward, placing


class DeliveryUsers:
    """The users of the recorder, as notifications ask for them."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self.is_signed_in = accounts.is_signed_in

    def find(self, person: str) -> ChannelUser | None:
        found = self._account(person)
        if found is None:
            return None
        return ChannelUser(found.id, found.name, found.role in (Role.OWNER, Role.MEMBER), found.may_see)

    def may_see(self, person: str, camera: CameraId) -> bool:
        found = self._account(person)
        return found is not None and found.may_see(camera)

    def note(self, action: str, person: str, address: str, detail: str) -> None:
        self._accounts.note(action, person, Caller(address), detail)

    def _account(self, person: str) -> Account | None:
        found = self._accounts.person(person)
        if found is None and (named := self._accounts.find(person)) is not None:
            found = self._accounts.person(named[0].id)  # by name, as earlier versions stored it; None if it has ended
        return found


def _make_integrations(running: RecorderRuntime, outward: DeliveryService, accounts: Accounts) -> IntegrationService:
    place = running.parts.place
    marks = OutboxMarks(outward.outbox, "inputs/")

    def note(action: str, person: str, address: str, detail: str) -> None:
        accounts.note(action, person, Caller(address), detail)

    means = CommandMeans(
        running.external_events, running.arming.modes, marks, note, running.logins, outward.snoozes,
        followers=running.parts.services.followers, tracked=OutboxMarks(outward.outbox, "tracking/"),
        switched=OutboxMarks(outward.outbox, "relays/"),
    )  # fmt: skip
    return IntegrationService(
        place.settings, running, means, place.clock, running.pooled_engine(), lambda: outward.outbox.waiting().count,
        _private_paths(place),
    )  # fmt: skip


def _private_paths(place: RecorderPlace) -> list[Path]:
    """Return what scripts of the user can't reach: recordings, accounts, keys, settings and their secrets."""
    found = [place.folder]
    if place.config is not None:
        secret = ("secrets.toml", "credentials", "known.key")
        found += [place.config, *(place.config.with_name(name) for name in secret)]
    if credentials := os.environ.get("CREDENTIALS_DIRECTORY"):
        found.append(Path(credentials))
    return found


def _make_rtsp_server(listen: str, site: AppContext, connections: ConnectionManager) -> RtspServer | None:
    if not listen:
        return None
    recorder = site.recorder
    context = ServerContext(recorder.hub, PassAuthenticator(site), recorder.clock, site.viewers.one_more)
    return RtspServer(context, *listen_address(listen), connections)

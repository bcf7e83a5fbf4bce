"""One running tawny: recording in threads; web interface and control socket in the asyncio loop.

Invariant: recording starts before the web interface, ends after it and does not depend on the asyncio loop.
"""

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tawny.api.application import make_app
from tawny.api.auth.accounts import Accounts, Role, TokenPurpose
from tawny.api.auth.accounts_file import AccountsFile
from tawny.api.auth.audit_counts import SecurityWatch
from tawny.api.auth.passes import Passes
from tawny.api.auth.shares import Shares
from tawny.api.client_address import AllowedHosts, TrustedProxies, read_machine_names
from tawny.api.context import AppContext
from tawny.api.inbox import FOLDER as INBOX
from tawny.api.inbox import Inbox
from tawny.api.live.stream_access import PassAuthenticator
from tawny.api.past.clip_jobs import FOLDER as CLIPS
from tawny.api.past.clip_jobs import ClipStore
from tawny.api.server import WebServer, addresses_of
from tawny.api.static_files import StaticFiles
from tawny.app.control_socket import ControlSocket
from tawny.app.logging_setup import configure_logging
from tawny.app.process_memory import find_library_pages, limit_resident_memory, return_unused_memory
from tawny.app.running import RecorderRuntime
from tawny.config.loader import read_settings
from tawny.config.settings import Settings, WebSettings, ascii_host, listen_address, proxy_networks
from tawny.engine import ThreadEngine
from tawny.engine.connections import LOOPBACK, ConnectionLimits, ConnectionManager
from tawny.engine.descriptors import SPARE_DESCRIPTORS, raise_limit, reserve
from tawny.live.rtsp_server.session import RtspServer, ServerContext
from tawny.model.clock import SystemClock
from tawny.model.errors import SettingsError, StorageError
from tawny.model.ids import CameraId
from tawny.service import json_format
from tawny.service.cameras.connection_settings import CameraConnectionService
from tawny.service.delivery.delivery_service import DeliveryService
from tawny.service.delivery.notifications import OutboxMarks
from tawny.service.delivery.target_settings import TargetSettingsService
from tawny.service.detection.classifier_runtime import ModelService
from tawny.service.detection.recognition_service import IdentityService
from tawny.service.health.checks import CERTIFICATE_S, CertificateWatch, HealthCheck
from tawny.service.health.self_test import self_test_text
from tawny.service.integrations.integration_service import IntegrationService
from tawny.service.modes.control_answers import answers
from tawny.service.plugin_registry import PluginRegistry
from tawny.service.sealing.private_memory import keep_memory_private
from tawny.storage.disk.headroom import DiskHeadroom

# systemd notifications (sd_notify): ready, watchdog, stopping. No-op outside systemd.


class SystemdNotifier:
    """Sends to `$NOTIFY_SOCKET`; see sd_notify(3)."""

    def __init__(self, env: dict[str, str] | None = None) -> None:
        env = dict(os.environ) if env is None else env
        self._address = env.get("NOTIFY_SOCKET", "").replace("@", "\0", 1)
        self.watchdog_s = int(env.get("WATCHDOG_USEC", "0")) / 1e6 or None
        """Watchdog timeout in s from `$WATCHDOG_USEC`; None without a watchdog."""

    def ready(self) -> None:
        self._send("READY=1")

    def alive(self) -> None:
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        self._send("STOPPING=1")

    def _send(self, text: str) -> None:
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
            try:
                out.sendto(text.encode(), self._address)
            except OSError:
                self._address = ""  # stop sending: the socket is gone


log = logging.getLogger(__name__)

Tell = Callable[[dict[str, Any], str], None]
LOOK_EVERY_S = 2.0
"""Interval in s at which the settings file is checked for changes."""
HOST_NAME = "TAWNY_HOST_NAME"
"""Environment variable: the name of the computer whose container this is."""
LOOKS_BETWEEN_RETURNS = 10
"""Number of these intervals after which unused memory is returned to the system."""
DEMO_LINK_MS = 24 * 3_600_000
OWNER = "Owner"


class Program:
    """The recorder process.

    config: the settings file, reloaded on change; None if the settings came from the command line.
    demo: create the owner account at startup and print a sign-in link for it.
    stands_for: the folder on the missing main disk; set while recording to the fallback disk.
    until: returns True when the main disk is back and this run must end.
    """

    def __init__(
        self,
        settings: Settings,
        folder: Path,
        *,
        config: Path | None = None,
        demo: bool = False,
        stands_for: Path | None = None,
        until: Callable[[], bool] = lambda: False,
    ) -> None:
        self._stands_for, self._until, self.came_back = stands_for, until, False
        self._settings, self._folder, self._config, self._demo = settings, folder, config, demo
        self._clock = SystemClock()
        self._systemd = SystemdNotifier()

    @property
    def _in_memory(self) -> bool:
        return self._settings.storage.mode == "memory"

    @property
    def _place(self) -> str:
        return "memory, writing nothing to disk" if self._in_memory else str(self._folder)

    def run(self, tell: Tell) -> None:
        """Record until SIGTERM or Ctrl-C; a second Ctrl-C exits immediately. Propagates startup errors.

        tell: called with the web address and the one-time link, if any, as data and as text.
        """
        configure_logging()
        limit = raise_limit()
        os.umask(os.umask(0o077) & 0o077)  # whatever it was: tawny reads and writes the files that it creates
        limit_resident_memory()
        return_unused_memory(find_library_pages())
        if not keep_memory_private():
            log.warning("cannot protect tawny's memory: other programs of this user can read it")
        doors = PluginRegistry.opened((self._folder, Path(__file__).parents[1], Path(sys.prefix)))
        doors.check(self._settings, str(self._config or "the command line"))
        running = RecorderRuntime(
            self._settings, self._folder, self._clock, doors, self._config, stands_for=self._stands_for
        )
        limits = ConnectionLimits.for_descriptors(limit)
        connections = ConnectionManager(
            self._clock, limits, trusted=(*LOOPBACK, *proxy_networks(self._settings.web.proxies))
        )
        with ExitStack() as at_last:
            at_last.enter_context(reserve.hold(SPARE_DESCRIPTORS))
            try:
                running.begin()
                running.await_first_pictures()
                asyncio.run(self._serve(running, doors, tell, at_last, connections))
            finally:
                running.close("disk" if self.came_back else "person")

    async def _serve(
        self,
        running: RecorderRuntime,
        doors: PluginRegistry,
        tell: Tell,
        at_last: ExitStack,
        connections: ConnectionManager,
    ) -> None:
        """Run the asyncio part. at_last: closed after recording has ended."""
        where = ":memory:" if self._in_memory else self._folder / "accounts.db"
        file = await asyncio.to_thread(AccountsFile, where)
        if self._settings.storage.spare and not self._in_memory:
            await asyncio.to_thread(_copied, file, Path(self._settings.storage.spare).expanduser() / "accounts.db")
        accounts, passes = Accounts(file, self._clock), Passes(file, self._clock)
        host, port = listen_address(self._settings.web.listen)
        headroom = DiskHeadroom(self._folder, lambda: running.settings.storage.retention.min_free)
        site = AppContext(
            running,
            accounts,
            passes,
            Shares(file, self._clock),
            StaticFiles.at(),
            metrics_token=self._settings.web.metrics,
            live=self._settings.live,
            keeping=running.keeping,
            caring=running.care,
            clip_store=self._clip_store(headroom),
            inbox=Inbox(None if self._in_memory else self._folder / INBOX, headroom),
            hosts=await addresses_of(host),
        )
        site.names = AllowedHosts(self._clock, partial(read_machine_names, os.environ.get(HOST_NAME, "")))
        _take_names(site, self._settings.web)
        outward = await asyncio.to_thread(self._made_outward, running, doors, accounts)
        at_last.callback(outward.close)  # retention queries the upload backlog until the end
        site.modes, running.modes.outbox, running.modes.targets = running.modes, outward.outbox, outward.rehearsed
        site.outside, site.address = outward, self._settings.web.public_url
        placing = TargetSettingsService(lambda: running.settings, running.apply, outward, doors, self._config)
        site.placing = placing
        outward.save_write_only = lambda name: placing.put("destinations", name, {"write_only": True})
        site.connecting = CameraConnectionService(
            lambda: running.settings, running.apply, doors, self._clock, self._config, running.logins
        )
        programs = self._made_programs(running, outward, accounts)
        site.sealed, site.history = running.sealed, running.sealing.watch
        site.models = ModelService(running.naming)
        site.known = IdentityService(running.known, lambda: running.settings, doors.recognisers)
        site.orders = running.arming.orders = programs
        running.care.also(HealthCheck(outward.troubles))
        running.care.also(
            HealthCheck(CertificateWatch(lambda: running.settings.web.public_url, self._clock), CERTIFICATE_S)
        )
        running.care.also(HealthCheck(SecurityWatch(accounts.counts, partial(_unknown_proxies, site), self._clock)))
        control = ControlSocket(
            self._stands_for or self._folder,
            running.bus,
            {
                "status": lambda _: {
                    **json_format.status(site.health.now()),
                    "self_test": self_test_text(running.care.self_test),
                    "outbox": outward.summary(),
                },
                "where": lambda _: {"address": f"http://{server.address}", "rtsp": site.rtsp or None},
                "report": running.report,
                "confirm history": lambda asked: {"confirmed": _confirmed(site, asked.get("witnesses"))},
                "accept-login": running.accept_login,
                "targets": lambda _: {"items": outward.told()},
                "programs": lambda _: {"items": programs.told()},
                "order": lambda asked: programs.commanded(asked.get("order")),
                "test": lambda asked: outward.tested(str(asked.get("name"))),
                "sweep": lambda asked: outward.swept(
                    str(asked.get("name")), only_told=asked.get("dry_run") is not False
                ),
                **answers(running.modes, site.zone, self._clock),
            },
            lambda message: json_format.message(message, self._clock.now_ms()),
            on_disk=not self._in_memory and self._stands_for is None,
        )
        server = WebServer(make_app(site), accounts, host, port, connections)
        rtsp = _rtsp_server(self._settings.web.rtsp, site, connections)
        stop = _stop_on_signals()
        try:
            await server.start()
            if rtsp is not None:
                await rtsp.start()
                site.rtsp = rtsp.address
            running.begin_housekeeping()
            site.jobs.start(ThreadEngine(self._clock, running.died))
            running.keep_until_sent(outward.held)
            running.whenever_changed(partial(_take_over, site, outward))
            outward.start()
            programs.start()
            await control.open()
            welcome, text = await asyncio.to_thread(self._welcome, f"http://{server.address}", accounts)
            if site.rtsp:
                text += (
                    f"\nFor other apps: rtsp://{site.rtsp}/CAMERA, with an access token (`tawny tokens create NAME`)."
                )
            tell(welcome | {"rtsp": site.rtsp or None}, text)
            self._systemd.ready()
            await self._keep_going(running, stop)
        finally:
            self._systemd.stopping()
            await control.close()
            await site.close()
            await server.stop()
            await asyncio.to_thread(programs.close)
            await asyncio.to_thread(outward.stop)
            await asyncio.to_thread(accounts.close)

    def _clip_store(self, headroom: DiskHeadroom) -> ClipStore:
        storage = self._settings.storage
        if self._in_memory:
            return ClipStore(None, min(storage.clips, storage.memory // 4))
        return ClipStore(self._folder / CLIPS, storage.clips, headroom)

    def _made_outward(self, running: RecorderRuntime, doors: PluginRegistry, accounts: Accounts) -> DeliveryService:
        where = ":memory:" if self._in_memory else self._folder / "outbox.db"

        def may_see(person: str, camera: CameraId) -> bool:
            account = accounts.person(person)
            if account is None and (named := accounts.find(person)) is not None:
                account = named[0]  # earlier versions stored the name
            return account is not None and account.may_see(camera)

        return DeliveryService(
            self._settings, where, running, doors, self._clock, running.died, may_see, running.arming.deciding,
            running.sealing.out,
        )  # fmt: skip

    def _made_programs(
        self, running: RecorderRuntime, outward: DeliveryService, accounts: Accounts
    ) -> IntegrationService:
        kept, modes, note = OutboxMarks(outward.outbox, "inputs/"), running.arming.modes, accounts.note
        return IntegrationService(
            lambda: running.settings, running, running.said, modes, kept, note, self._clock, running.died,
            lambda: outward.outbox.waiting().count, self._private_paths(), running.logins,
        )  # fmt: skip

    def _private_paths(self) -> list[Path]:
        """Return what scripts of the user can't reach: recordings, accounts, keys, settings and their secrets."""
        found = [self._folder]
        if self._config is not None:
            secret = ("secrets.toml", "credentials", "known.key")
            found += [self._config, *(self._config.with_name(name) for name in secret)]
        if credentials := os.environ.get("CREDENTIALS_DIRECTORY"):
            found.append(Path(credentials))
        return found

    async def _keep_going(self, running: RecorderRuntime, stop: asyncio.Event) -> None:
        """Run until stopped: reload changed settings, send the systemd watchdog heartbeat, return unused memory."""
        seen, libraries = self._seen(), await asyncio.to_thread(find_library_pages)
        await asyncio.to_thread(return_unused_memory, libraries)
        looks = 0
        while not stop.is_set():
            try:
                await asyncio.wait_for(stop.wait(), LOOK_EVERY_S)
            except TimeoutError:
                looks += 1
                if looks % LOOKS_BETWEEN_RETURNS == 0:
                    await asyncio.to_thread(return_unused_memory, libraries)
                if running.is_alive():
                    self._systemd.alive()
                if self._until():
                    self.came_back = True
                    return
                now = self._seen()
                if now != seen:
                    seen = now
                    await asyncio.to_thread(self._reload, running)

    def _seen(self) -> tuple[int, int] | None:
        if self._config is None:
            return None
        try:
            found = self._config.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino

    def _reload(self, running: RecorderRuntime) -> None:
        """Apply the settings file. An invalid file changes nothing."""
        assert self._config is not None
        try:
            running.apply(read_settings(self._config), str(self._config))
        except SettingsError as error:
            log.error("%s\nThe previous settings stay active.", error)

    def _welcome(self, address: str, accounts: Accounts) -> tuple[dict[str, Any], str]:
        """Return the startup message as data and text: web address, and the one-time link if one is needed."""
        welcome = {"address": address, "folder": str(self._folder), "link": None}
        if self._demo:
            owner = next((p for p in accounts.people() if p.role is Role.OWNER), None)
            owner = owner or accounts.put_person(OWNER, Role.OWNER)
            token = accounts.new_token(TokenPurpose.LINK, owner, lasts_ms=DEMO_LINK_MS)
            welcome["link"] = f"{address}/sign-in#link={token}"
            return welcome, (
                "The tawny demo is running. Open this link in a browser on this computer:\n\n    "
                f"{welcome['link']}\n\nIt signs in one browser. Recordings: {self._folder} (at most 4 GB). Press "
                "Ctrl-C to stop."
            )
        if accounts.has_owner():
            return welcome, f"tawny is recording to {self._place}. Web interface: {address}"
        token = accounts.new_token(TokenPurpose.CLAIM)
        welcome["link"] = f"{address}/setup#token={token}"
        another = "the next start" if self._in_memory else "`tawny setup-link`"
        return welcome, (
            f"tawny is recording to {self._place}.\nOpen {welcome['link']}\nto create the owner account. The link "
            f"works once and expires in 30 minutes; {another} creates a new one.\nSetup code: {token}"
        )


def _take_over(site: AppContext, outward: DeliveryService, settings: Settings) -> None:
    """Apply changed settings to everything that sends data to other computers."""
    site.address = settings.web.public_url
    _take_names(site, settings.web)
    outward.apply(settings)


def _take_names(site: AppContext, web: WebSettings) -> None:
    """Apply the names under which browsers may open the web interface, and the trusted proxies."""
    host, _ = listen_address(web.listen)
    site.names.configure((ascii_host(urlsplit(web.public_url).hostname or ""), ascii_host(host), *web.hosts))
    site.proxies = TrustedProxies(proxy_networks(web.proxies))


def _unknown_proxies(site: AppContext) -> list[str]:
    return [address for address in site.unknown_proxies.recent() if not site.proxies.trusts(address)]


def _confirmed(site: AppContext, texts: object) -> list[str]:
    """Confirm the signed history for `tawny check --confirm-history`. Return what was confirmed."""
    given = [str(one) for one in texts] if isinstance(texts, list) else []
    return site.history.confirm(given) if site.history is not None else []


def _rtsp_server(listen: str, site: AppContext, connections: ConnectionManager) -> RtspServer | None:
    """Return the RTSP server for other apps; None if it is not configured."""
    if not listen:
        return None
    recorder = site.recorder
    house = ServerContext(recorder.hub, PassAuthenticator(site), recorder.clock, site.viewers.one_more)
    return RtspServer(house, *listen_address(listen), connections)


def _copied(file: AccountsFile, path: Path) -> None:
    """Copy the accounts to the fallback disk, so that users can sign in after a failover."""
    if (path.parent / "history").is_dir():
        try:
            file.copy_to(path)
        except StorageError as error:
            log.warning("cannot copy accounts to the fallback disk: %s", error)


def _stop_on_signals() -> asyncio.Event:
    """Return an event that the first SIGINT or SIGTERM sets; the second signal ends the process."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def welcome() -> None:
        stop.set()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, welcome)
    return stop

"""One running tawny: recording in threads, and beside it the asyncio loop with the interface and the control socket.

Recording begins before the interface and ends after it, and goes on whatever the loop does.
"""

import asyncio
import logging
import signal
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from tawny.app import shapes
from tawny.app.cameras.connecting import Connecting
from tawny.app.care.doctor import CERTIFICATE_S, CertificateWatch, Look
from tawny.app.care.self_test import words
from tawny.app.control import Control
from tawny.app.doors import Doors
from tawny.app.journal import configure_logging
from tawny.app.modes.modes_answers import answers
from tawny.app.notify import Systemd
from tawny.app.outward.messaging import OutboxMarks
from tawny.app.outward.outward import Outward
from tawny.app.outward.placing import Placing
from tawny.app.programs.programs import Programs
from tawny.app.running import Running
from tawny.app.sealing.private_memory import keep_memory_private
from tawny.app.watching.known_desk import BookDesk
from tawny.app.watching.models_desk import ModelsDesk
from tawny.config.file import read
from tawny.config.settings import Settings, listen_address
from tawny.engine import ThreadEngine
from tawny.live.rtsp.server import RtspServer
from tawny.live.rtsp.talk import House
from tawny.model.clock import SystemClock
from tawny.model.errors import SettingsError, StorageError
from tawny.model.ids import CameraId
from tawny.web.accounts import Accounts, Purpose, Role
from tawny.web.accounts_file import AccountsFile
from tawny.web.application import make_app
from tawny.web.clip_store import FOLDER as CLIPS
from tawny.web.clip_store import ClipStore
from tawny.web.inbox import FOLDER as INBOX
from tawny.web.inbox import Inbox
from tawny.web.interface import Interface
from tawny.web.passes import Passes
from tawny.web.rtsp_door import RtspDoor
from tawny.web.server import WebServer, addresses_of
from tawny.web.shares import Shares
from tawny.web.site import Site

log = logging.getLogger(__name__)

Tell = Callable[[dict[str, Any], str], None]
LOOK_EVERY_S = 2.0
"""How often the settings file is looked at for changes."""
DEMO_LINK_MS = 24 * 3_600_000
OWNER = "Owner"


class Program:
    """config: the settings' file, followed while running; None when the settings came from the command line.

    demo: an owner is there from the start, and a link signs whoever opens it in as that owner. stands_for: the folder
    whose disk is not there, so that this one is recorded to; until: whether it is, and this should end.
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
        self._systemd = Systemd()

    @property
    def _in_memory(self) -> bool:
        return self._settings.storage.mode == "memory"

    @property
    def _place(self) -> str:
        return "memory, writing nothing to disk" if self._in_memory else str(self._folder)

    def run(self, tell: Tell) -> None:
        """Record until SIGTERM or Ctrl-C; a second Ctrl-C ends at once. Raises what kept it from starting.

        tell: given where the interface is, with the one-time link if there is one, as data and as words.
        """
        configure_logging()
        if not keep_memory_private():
            log.warning("other programs of this user can read tawny's memory")
        doors = Doors.opened()
        doors.check(self._settings, str(self._config or "the command line"))
        running = Running(self._settings, self._folder, self._clock, doors, self._config, stands_for=self._stands_for)
        with ExitStack() as at_last:
            try:
                asyncio.run(self._serve(running, doors, tell, at_last))
            finally:
                running.close("disk" if self.came_back else "person")

    async def _serve(self, running: Running, doors: Doors, tell: Tell, at_last: ExitStack) -> None:
        """at_last: closed when recording has ended too."""
        where = ":memory:" if self._in_memory else self._folder / "accounts.db"
        file = await asyncio.to_thread(AccountsFile, where)
        if self._settings.storage.spare and not self._in_memory:
            await asyncio.to_thread(_copied, file, Path(self._settings.storage.spare).expanduser() / "accounts.db")
        accounts, passes = Accounts(file, self._clock), Passes(file, self._clock)
        host, port = listen_address(self._settings.web.listen)
        site = Site(
            running,
            accounts,
            passes,
            Shares(file, self._clock),
            Interface.at(),
            metrics_token=self._settings.web.metrics,
            live=self._settings.live,
            keeping=running.keeping,
            caring=running.care,
            clip_store=self._clip_store(),
            inbox=Inbox(None if self._in_memory else self._folder / INBOX),
            hosts=await addresses_of(host),
        )
        outward = await asyncio.to_thread(self._made_outward, running, doors, accounts)
        at_last.callback(outward.close)  # until then recording asks what waits to be sent, and keeps it
        site.modes, running.modes.outbox, running.modes.targets = running.modes, outward.outbox, outward.rehearsed
        site.outside, site.address = outward, self._settings.web.address
        site.placing = Placing(lambda: running.settings, running.apply, outward, doors, self._config)
        site.connecting = Connecting(lambda: running.settings, running.apply, doors, self._clock, self._config)
        programs = self._made_programs(running, outward, accounts)
        site.sealed = running.sealed
        site.models = ModelsDesk(running.naming)
        site.known = BookDesk(running.known, lambda: running.settings, doors.recognisers)
        site.orders = running.arming.orders = programs
        running.care.also(Look(outward.troubles))
        running.care.also(Look(CertificateWatch(lambda: running.settings.web.address, self._clock), CERTIFICATE_S))
        control = Control(
            self._stands_for or self._folder,
            running.bus,
            {
                "status": lambda _: {
                    **shapes.status(site.health.now()),
                    "self_test": words(running.care.self_test),
                    "outbox": outward.summary(),
                    "hint": running.naming.suggesting.hint,
                },
                "where": lambda _: {"address": f"http://{server.address}", "rtsp": site.rtsp or None},
                "report": running.report,
                "targets": lambda _: {"items": outward.told()},
                "programs": lambda _: {"items": programs.told()},
                "order": lambda asked: programs.commanded(asked.get("order")),
                "test": lambda asked: outward.tested(str(asked.get("name"))),
                "sweep": lambda asked: outward.swept(
                    str(asked.get("name")), only_told=asked.get("dry_run") is not False
                ),
                **answers(running.modes, site.zone, self._clock),
            },
            lambda message: shapes.message(message, self._clock.now_ms()),
            on_disk=not self._in_memory and self._stands_for is None,
        )
        server = WebServer(make_app(site), accounts, host, port)
        rtsp = _rtsp_server(self._settings.web.rtsp, site)
        stop = _stop_on_signals()
        try:
            await server.start()
            if rtsp is not None:
                await rtsp.start()
                site.rtsp = rtsp.address
            running.begin()
            site.jobs.start(ThreadEngine(self._clock, running.died))
            running.keep_until_sent(outward.held)
            running.whenever_changed(partial(_take_over, site, outward))
            outward.start()
            programs.start()
            await control.open()
            told, text = await asyncio.to_thread(self._welcome, f"http://{server.address}", accounts)
            if site.rtsp:
                text += f"\nFor other apps: rtsp://{site.rtsp}/CAMERA, with an access token (`tawny passes make NAME`)."
            tell(told | {"rtsp": site.rtsp or None}, text)
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

    def _clip_store(self) -> ClipStore:
        storage = self._settings.storage
        if self._in_memory:
            return ClipStore(None, min(storage.clips, storage.memory // 4))
        return ClipStore(self._folder / CLIPS, storage.clips)

    def _made_outward(self, running: Running, doors: Doors, accounts: Accounts) -> Outward:
        where = ":memory:" if self._in_memory else self._folder / "outbox.db"

        def may_see(person: str, camera: CameraId) -> bool:
            found = accounts.find(person)
            return found is not None and found[0].may_see(camera)

        return Outward(
            self._settings, where, running, doors, self._clock, running.died, may_see, running.arming.deciding,
            running.sealing.out,
        )  # fmt: skip

    def _made_programs(self, running: Running, outward: Outward, accounts: Accounts) -> Programs:
        kept, modes, note = OutboxMarks(outward.outbox, "inputs/"), running.arming.modes, accounts.note
        return Programs(
            lambda: running.settings, running, running.said, modes, kept, note, self._clock, running.died,
            lambda: outward.outbox.waiting().count,
        )  # fmt: skip

    async def _keep_going(self, running: Running, stop: asyncio.Event) -> None:
        """Until told to stop: take over changed settings, tell systemd that all is alive."""
        seen = self._seen()
        while not stop.is_set():
            try:
                await asyncio.wait_for(stop.wait(), LOOK_EVERY_S)
            except TimeoutError:
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

    def _reload(self, running: Running) -> None:
        """Take over the file as it is now; one that cannot be used changes nothing."""
        assert self._config is not None
        try:
            running.apply(read(self._config), str(self._config))
        except SettingsError as error:
            log.error("%s\nThe previous settings stay active.", error)

    def _welcome(self, address: str, accounts: Accounts) -> tuple[dict[str, Any], str]:
        """What is printed at the start: where it is, and the one-time link if one is needed."""
        told = {"address": address, "folder": str(self._folder), "link": None}
        if self._demo:
            owner = next((p for p in accounts.people() if p.role is Role.OWNER), None)
            owner = owner or accounts.put_person(OWNER, Role.OWNER)
            token = accounts.new_token(Purpose.LINK, owner, lasts_ms=DEMO_LINK_MS)
            told["link"] = f"{address}/sign-in#link={token}"
            return told, (
                "The tawny demo is running. Open this link in a browser on this computer:\n\n    "
                f"{told['link']}\n\nIt signs in one browser. Recordings: {self._folder} (at most 4 GB). Press "
                "Ctrl-C to stop."
            )
        if accounts.has_owner():
            return told, f"tawny is recording to {self._place}. Web interface: {address}"
        token = accounts.new_token(Purpose.CLAIM)
        told["link"] = f"{address}/setup#token={token}"
        another = "the next start" if self._in_memory else "`tawny token`"
        return told, (
            f"tawny is recording to {self._place}.\nOpen {told['link']}\nto create the owner account. The link "
            f"works once and expires in 30 minutes; {another} creates a new one.\nSetup code: {token}"
        )


def _take_over(site: Site, outward: Outward, settings: Settings) -> None:
    """What has changed for all that leaves this machine."""
    site.address = settings.web.address
    outward.apply(settings)


def _rtsp_server(listen: str, site: Site) -> RtspServer | None:
    """Cameras for other programs; None when nobody asked for that."""
    if not listen:
        return None
    recorder = site.recorder
    house = House(recorder.hub, RtspDoor(site), recorder.clock, site.viewers.one_more)
    return RtspServer(house, *listen_address(listen))


def _copied(file: AccountsFile, path: Path) -> None:
    """People can sign in when the spare has to stand in for the first disk."""
    if (path.parent / "history").is_dir():
        try:
            file.copy_to(path)
        except StorageError as error:
            log.warning("accounts are not on the spare: %s", error)


def _stop_on_signals() -> asyncio.Event:
    """Set by the first SIGINT, SIGTERM; the second ends the program at once."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def told() -> None:
        stop.set()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told)
    return stop

"""One running tawny: recording in threads; web interface and control socket in the asyncio loop.

Invariant: recording starts before the web interface, ends after it and does not depend on the asyncio loop.
"""

import asyncio
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

from tawny.app.control_socket import ControlSocket
from tawny.app.logging_setup import RecentLines, configure_logging
from tawny.app.process_memory import (
    UnusedMemory,
    find_library_pages,
    import_for_good,
    limit_resident_memory,
    return_unused_memory,
)
from tawny.app.running import RecorderRuntime
from tawny.config.loader import read_settings
from tawny.config.settings import Settings
from tawny.engine.actor import named_executor, start_thread
from tawny.engine.blocking_calls import begin_call
from tawny.engine.connections import ConnectionLimits, ConnectionManager
from tawny.engine.descriptors import raise_limit
from tawny.model.errors import DiskMissing, SettingsError, StorageError
from tawny.model.messages import ProblemKind
from tawny.model.times import SystemClock
from tawny.service import json_format
from tawny.service.backup.restore import PENDING, finish_restore, held, remove_leftovers
from tawny.service.changeable_settings import ChangeableSettings
from tawny.service.health.alarms import HealthProblem
from tawny.service.health.checks import HealthCheck, IndexWatch
from tawny.service.plugin_registry import PluginRegistry
from tawny.service.sealing.private_memory import keep_memory_private
from tawny.service.setting_warnings import setting_warnings
from tawny.storage.disk.disk import GONE, SPARE_DESCRIPTORS, reserve
from tawny.storage.disk.disk_questions import DiskQuestions
from tawny.storage.disk.secondary_volumes import mounted_at, why_disk_missing
from tawny.storage.disk.volume import refused_folder

# systemd notifications (sd_notify): starting, ready, watchdog, stopping. No-op outside systemd.

STARTING_EVERY_S = 5.0
STARTING_US = 60_000_000
"""Time in µs that systemd waits for the next notification of a start that lasts longer than `TimeoutStartSec`."""
_WORKING_CPU_S = 0.01
"""CPU time in s within `STARTING_EVERY_S` from which a start is at work: the thread that measures it needs far less."""


class SystemdNotifier:
    """Sends to `$NOTIFY_SOCKET`; see sd_notify(3)."""

    def __init__(self) -> None:
        self._address = os.environ.get("NOTIFY_SOCKET", "").replace("@", "\0", 1)
        self.watchdog_s = int(os.environ.get("WATCHDOG_USEC", "0")) / 1e6 or None
        """Watchdog timeout in s from `$WATCHDOG_USEC`; None without a watchdog."""
        self._is_started = threading.Event()

    def starting(self, used_s: Callable[[], float] = time.process_time, every_s: float = STARTING_EVERY_S) -> None:
        """Ask for more time until `ready`, while a start is at work, such as making the index again.

        systemd would end it after the unit's `TimeoutStartSec`, and the next start would begin that work from zero. A
        start that uses no CPU time hangs, and is not prolonged. used_s: returns the CPU time of this process, s.
        """

        def extend() -> None:
            before_s = used_s()
            while not self._is_started.wait(every_s):
                now_s = used_s()
                if now_s - before_s >= _WORKING_CPU_S:
                    more = f"EXTEND_TIMEOUT_USEC={STARTING_US}\nWATCHDOG=1"
                    self._send(f"{more}\nSTATUS=Starting. After an update, this takes longer.")
                before_s = now_s

        if self._address:
            start_thread("systemd", extend)

    def ready(self) -> None:
        self._is_started.set()
        self._send("READY=1\nSTATUS=")

    def alive(self) -> None:
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        self._is_started.set()
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

WEB = "tawny.app.control_answers"
"""The module with which the web interface is loaded."""
ShowAddress = Callable[[dict[str, Any], str], None]
ANSWERS_S = 1.0
"""Time in s that a main disk that was gone has to answer, before it is asked at the next look."""
LOOK_EVERY_S = 2.0
"""Interval in s at which the settings file is checked for changes."""


class Program:
    """The recorder process.

    config: the settings file, reloaded on change; None if the settings came from the command line.
    demo: create the owner account at startup and print a sign-in link for it.
    stands_for: the folder on the missing main disk; set while recording to the fallback disk.
    until: returns True when the main disk is back and this run must end; may block. None: this run doesn't wait for it.
    index_watch: decides whether tawny starts again because its index is damaged; None: it never does.
    """

    def __init__(
        self,
        settings: Settings,
        folder: Path,
        *,
        config: Path | None = None,
        demo: bool = False,
        stands_for: Path | None = None,
        until: Callable[[], bool] | None = None,
        index_watch: IndexWatch | None = None,
    ) -> None:
        self._stands_for, self._until, self.came_back = stands_for, until, False
        self._asked: Future[None] | None = None
        self._is_back = False
        """The answer of `until`, which is asked in a thread of its own."""
        self.restarts = False
        """Whether tawny must start again, for a user or a new index; known when `run` has returned."""
        self._settings, self._folder, self._config, self._demo = settings, folder, config, demo
        self._file, self._index_watch = SettingsWatch(config), index_watch
        self._clock = SystemClock()
        self._systemd = SystemdNotifier()
        self._is_stopped = False
        self._end_loop: Callable[[], object] = lambda: None

    def run(self, show: ShowAddress) -> None:
        """Record until SIGTERM or Ctrl-C; a second one exits immediately. Propagates startup errors.

        show: called with the web address and the one-time link, if any, as data and as text.
        """
        recent = configure_logging(self._settings.log)
        limit = raise_limit()
        os.umask(os.umask(0o077) & 0o077)  # whatever it was: tawny reads and writes the files that it creates
        limit_resident_memory()
        return_unused_memory(find_library_pages())
        if not keep_memory_private():
            log.warning("cannot protect tawny's memory: other programs of this user can read it")
        plugins = PluginRegistry.opened((self._folder, Path(__file__).parents[1], Path(sys.prefix)))
        typed = self._settings.cameras if self._config is None and self._stands_for is None else ()
        plugins.check_to_record(self._settings, str(self._config or "the command line"), typed)
        _warn_of_settings(self._settings)
        self._systemd.starting()
        running = RecorderRuntime.open(
            self._settings, self._folder, self._clock, plugins, self._config, stands_for=self._stands_for
        )
        limits = ConnectionLimits.for_descriptors(limit)
        connections = ConnectionManager(self._clock, limits)
        with ExitStack() as at_last:
            at_last.enter_context(reserve.hold(SPARE_DESCRIPTORS))
            at_last.callback(_reset_signals)
            signal.signal(signal.SIGTERM, partial(self._stop, running))
            try:
                running.make_room()
                running.begin()
                import_for_good(WEB)  # half of what a start loads: cameras connect meanwhile
                return_unused_memory(find_library_pages())  # what loading touched, before detection touches more
                if not self._is_stopped:
                    running.await_first_pictures()
                if not self._is_stopped:
                    asyncio.run(self._serve(running, connections, recent, show, at_last))
            finally:
                running.close("disk" if self.came_back else "restart" if self.restarts else "person")
        if self._is_stopped and (self.restarts or self.came_back):  # meanwhile
            self._systemd.stopping()
            self.restarts = self.came_back = False

    @property
    def _goes_on(self) -> bool:
        """Whether another run follows this one."""
        return (self.restarts or self.came_back) and not self._is_stopped

    def _stop(self, running: RecorderRuntime, *_: object) -> None:
        """End this run at the first signal, also while it starts or closes: files are closed, and no run follows.

        Sets a flag instead of raising SystemExit: Python drops exceptions raised in finalizers, and modules that import
        another one only if it is installed may catch them. Not a handler of the loop, which loses a signal at its end.
        """
        self._is_stopped = True
        running.note_end("person", "")
        _reset_signals()  # the second one ends the process
        with suppress(RuntimeError):  # the loop is closed
            self._end_loop()

    async def _serve(
        self,
        running: RecorderRuntime,
        connections: ConnectionManager,
        recent: RecentLines,
        show: ShowAddress,
        at_last: ExitStack,
    ) -> None:
        """Run the asyncio part. at_last: closed after recording has ended."""
        from tawny.app.control_answers import control_answers, control_streams
        from tawny.app.web_interface import make_web_interface

        asyncio.get_running_loop().set_default_executor(named_executor("page"))
        stop = asyncio.Event()
        self._end_loop = partial(asyncio.get_running_loop().call_soon_threadsafe, stop.set)
        if self._is_stopped:  # before this loop could be ended
            return
        signal.signal(signal.SIGINT, partial(self._stop, running))

        def restart() -> None:
            self.restarts = True
            stop.set()

        can_restart = self._config is not None
        web = await make_web_interface(running, connections, recent.text, restart if can_restart else None)
        at_last.callback(web.outward.close)  # retention queries the upload backlog until the end
        is_in_memory = self._settings.storage.mode == "memory"
        control = ControlSocket(
            self._stands_for or self._folder,
            running.bus,
            control_answers(web),
            lambda message: json_format.message(message, self._clock.now_ms()),
            control_streams(web),
            on_disk=not is_in_memory and self._stands_for is None,
        )
        try:
            await web.start([HealthCheck(self._file.problems)])
            await control.open()
            is_again = self._index_watch is not None and self._index_watch.has_restarted
            show(*await asyncio.to_thread(partial(web.welcome, is_demo=self._demo, is_again=is_again)))
            self._systemd.ready()
            await self._keep_going(running, stop)
        finally:
            if not self._goes_on:  # systemd would kill the next start after TimeoutStopSec
                self._systemd.stopping()
            await control.close()
            await web.stop()

    async def _keep_going(self, running: RecorderRuntime, stop: asyncio.Event) -> None:
        """Run until stopped: reload changed settings, send the systemd watchdog heartbeat, return unused memory."""
        unused = await asyncio.to_thread(UnusedMemory)
        while not stop.is_set():
            try:
                async with asyncio.timeout(LOOK_EVERY_S):
                    await stop.wait()
            except TimeoutError:
                if unused.is_due():
                    await asyncio.to_thread(unused.give_back)
                if running.lost is not None:
                    raise running.lost from None
                if running.is_alive():
                    self._systemd.alive()
                if self._is_main_back():
                    self.came_back = True
                    return
                if not stop.is_set() and self._must_renew_index(running):
                    running.note_end("index", "")
                    self.restarts = True
                    return
                await self._follow_file(running)
        await self._follow_file(running)  # edited just before: what it no longer names, such as a broker, is left tidy

    async def _follow_file(self, running: RecorderRuntime) -> None:
        if self._file.is_changed():
            await asyncio.to_thread(self._file.reload, running.changeable)

    def _is_main_back(self) -> bool:
        """Return whether the main disk was back when it was asked last; ask it again. Returns at once."""
        if self._until is not None and (self._asked is None or self._asked.done()):
            with suppress(RuntimeError):  # the system has no more threads
                self._asked = begin_call("main disk", partial(self._ask, self._until))
        return self._is_back

    def _ask(self, until: Callable[[], bool]) -> None:
        self._is_back = until()

    def _must_renew_index(self, running: RecorderRuntime) -> bool:
        """Return False while the main disk fails: the spare may stand in for it, and the next start could fail."""
        if self._index_watch is None or running.parts.recorder.is_refused:
            return False
        return self._index_watch.must_restart(running.index)


_REFUSED_DO: Final = (
    "Correct it: until then the previous settings are in effect. `tawny config check` lists all mistakes."
)


class SettingsWatch:
    """Watches the settings file for changes since this was made, when it was read. config: None: there is none."""

    def __init__(self, config: Path | None) -> None:
        self._config, self._seen, self._is_refused = config, _stamp(config), False
        self._invalid: SettingsError | None = None

    def problems(self) -> Iterator[HealthProblem]:
        """Yield what is wrong with the file, as long as the previous settings are in effect instead."""
        if (invalid := self._invalid) is not None:
            detail = f"{self._config} was changed and is not valid: {invalid.problems[0]}."
            yield HealthProblem(ProblemKind.SETTINGS, None, detail, _REFUSED_DO)

    def is_changed(self) -> bool:
        return _stamp(self._config) != self._seen

    def reload(self, settings: ChangeableSettings) -> None:
        """Apply the changed file; blocks. An invalid one changes nothing; what the disk refuses is tried again."""
        assert self._config is not None
        try:
            with settings.changing():
                seen = _stamp(self._config)
                written = read_settings(self._config)
                self._invalid = None
                settings.apply_written(written)
            _warn_of_settings(written)
        except SettingsError as error:
            log.error("%s\nThe previous settings stay active.", error)
            self._invalid = error
        except StorageError as error:
            if not self._is_refused:
                log.error("The changed settings can't all be applied yet. %s", error)
            self._is_refused = True
            return
        self._seen, self._is_refused = seen, False


def _warn_of_settings(settings: Settings) -> None:
    for problem in setting_warnings(settings):
        log.warning("%s", problem)


def _stamp(config: Path | None) -> tuple[tuple[int, ...] | None, ...]:
    """Return what changes with the file, and with its secrets."""
    files = (config, config.with_name("secrets.toml")) if config is not None else ()
    return tuple(map(_changed, files))


def _changed(file: Path) -> tuple[int, ...] | None:
    """Return what changes with a file; None if there is none."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_ino  # chmod and chown change the second


def _reset_signals() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


# Failover to the fallback disk while the main disk is missing, and return to the main disk when it is back.

Missing = Callable[[Path], str]


Reread = Callable[[], tuple[Settings, Path]]


def record(
    settings: Settings,
    folder: Path,
    show: ShowAddress,
    *,
    config: Path | None = None,
    reread: Reread | None = None,
    why_missing: Missing = why_disk_missing,
) -> None:
    """Run until stopped. reread: returns settings and folder for a new start; None: those of `config`, and the same.

    Raises DiskMissing, DiskGone: when neither the main disk nor the fallback disk is available. Propagates startup
    errors.
    """
    index_watch = IndexWatch(SystemClock())
    while True:
        is_on_disk = settings.storage.mode != "memory"
        why = why_missing(folder) if is_on_disk else ""
        gone = _refused((folder / PENDING).stat, folder) if is_on_disk and not why else None
        if not why and gone is None:
            if is_on_disk and _finish_restore(folder):
                settings, folder = _read_again(reread, config, settings, folder)
            program = Program(settings, folder, config=config, index_watch=index_watch)
            program.run(show)
            if not program.restarts:
                return
            settings, folder = _read_again(reread, config, settings, folder)
            continue
        spare = Path(settings.storage.spare).expanduser() if settings.storage.spare else None
        if spare is None or not os.access(spare / "history" / "volume", os.F_OK) or why_missing(spare):
            raise gone or DiskMissing(str(folder), why)
        if gone is None:
            log.warning("%s; recording to the fallback disk at %s until it is", why, spare)
        else:
            log.warning("%s Recording to the fallback disk at %s until it does.", gone.message, spare)
        place = Path(os.path.realpath(folder))  # once: later, that would wait for a disk that hangs
        until = partial(_is_back, folder, place, why_missing, DiskQuestions(place))
        chosen = standing_in(settings, spare)
        program = Program(chosen, spare, stands_for=folder, until=until, index_watch=index_watch)
        program.run(show)
        if not (program.came_back or program.restarts):
            return
        settings, folder = _read_again(reread, config, settings, folder)


def _refused(ask: Callable[[], object], folder: Path) -> StorageError | None:
    """Return the error of a main disk that is gone, although it is mounted. ask: asks it for anything."""
    try:
        ask()
    except OSError as error:
        return refused_folder(error, str(folder)) if error.errno in GONE else None
    except StorageError as error:  # it hangs
        return error
    return None


def _is_back(folder: Path, place: Path, why_missing: Missing, questions: DiskQuestions) -> bool:
    """Return whether the main disk is mounted and answers. place: the folder without symbolic links."""
    ask = partial(questions.ask, (place / PENDING).stat, ANSWERS_S, partial(mounted_at, place))
    return not why_missing(folder) and _refused(ask, folder) is None


def _finish_restore(folder: Path) -> bool:
    """Carry out the restore of a backup that was confirmed, before anything is opened; return whether there was one."""
    is_restored = False
    if (folder / PENDING).is_dir():
        with held(folder):
            is_restored = finish_restore(folder)
    remove_leftovers(folder)
    return is_restored


def _read_again(reread: Reread | None, config: Path | None, settings: Settings, folder: Path) -> tuple[Settings, Path]:
    """Return what the next start uses: what is in force now, if the settings file has become invalid meanwhile."""
    try:
        if reread is not None:
            return reread()
        return (read_settings(config) if config is not None else settings), folder
    except SettingsError as error:
        log.error("%s\nThe previous settings stay active.", error)
        return settings, folder


def standing_in(settings: Settings, spare: Path) -> Settings:
    """Return the settings for the fallback disk alone.

    Without accounts on it, sign-in is impossible, so the web interface listens on this computer only.
    """
    storage = settings.storage.model_copy(update={"path": str(spare), "spare": "", "mirror": "", "tiers": ()})
    web = settings.web
    if not os.access(spare / "accounts.db", os.F_OK):
        _, _, port = web.listen.rpartition(":")
        web = web.model_copy(update={"listen": f"127.0.0.1:{port}"})
    return settings.model_copy(update={"storage": storage, "web": web})

"""Copies recordings of boxes to their hub: newest first, whole files, as bandwidth and space allow.

A box must allow it (`copies`), and the hub's owner must ask for it (`hub.copies`). Nothing here is in the way of the
hub's own recordings: copies take only space that retention doesn't need, and give it up before retention deletes.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Final

from tawny.config.fleet import CopySettings
from tawny.fleet.copy_reader import CopiesRefused, CopyReader, FileGone, FileUnread
from tawny.fleet.copy_source import SourceFile, is_signed_history
from tawny.fleet.copy_store import CopiedBox, CopyStore
from tawny.fleet.copy_volume import CopyVolume
from tawny.fleet.hub import BoxConnection, FleetHub
from tawny.fleet.message_link import LineClosed
from tawny.model.errors import DiskFull, FileDamaged, StorageError
from tawny.model.ids import CameraId, StreamName
from tawny.model.times import LATEST_MS, Clock, Span
from tawny.storage.disk.disk import turned
from tawny.storage.disk.layout import DAY_MS, HOUR_MS, is_camera, segment_name
from tawny.storage.retention.runner import AgeClock

log = logging.getLogger(__name__)
LOOK_S: Final = 1.0
"""Interval in s at which the hub looks which boxes are online and what is to be copied."""
NEW_S: Final = 5.0
"""Interval in s at which a box is asked for new recordings."""
TRIM_S: Final = 30.0
DAYS_S: Final = 600.0
"""Interval in s at which the files of the present day, such as motion scores, are copied again."""
AGAIN_S: Final = 60.0
"""Pause in s after the disk was full or failed."""
EVERYTHING_S: Final = 6 * 3600.0
"""Interval in s at which all days are compared again."""
MOST_TRIES: Final = 3
"""Of a file that arrives damaged."""
_ROOM_STEP: Final = 200
_LEAST_BYTES: Final = 16 * 1024**2
_HOUR_LETTERS: Final = len("2026/11/20/05")
_EVER: Final = "9999"
_MOST_HISTORY_BYTES: Final = 64 * 1024**2
"""Of one file; a day has less than a tenth of it."""
_COMPARED_BYTES: Final = 4096
"""At the end of the copied statements: several statements, with their keys and times."""
_CLOCKS_DIFFER_MS: Final = 60_000
_MOST_MASKED: Final = 1000
"""Number of cameras whose privacy masks are remembered, also after the box removed them."""
UNREAD: Final = "The recorder's disk can't read some files. They are asked for again later."
NO_ROOM: Final = "There is no room for copies: the hub's own recordings need this disk."
CLOCKS: Final = "The clocks of the recorder and of this hub differ by more than a minute. Set both to the right time."


def rule_for(rules: Sequence[CopySettings], box: str, camera: str) -> CopySettings | None:
    """Return the settings that apply to a camera of a box; None: it isn't copied."""
    matching = (one for one in rules if one.recorder in ("", box) and (not one.cameras or camera in one.cameras))
    return next(matching, None)


class FleetCopies:
    """Copies from all boxes that are online. Call from one event loop. get_rules: returns the settings now."""

    def __init__(
        self, hub: FleetHub, store: CopyStore, get_rules: Callable[[], tuple[CopySettings, ...]], clock: Clock
    ) -> None:
        self.store, self._hub, self._get_rules, self._clock = store, hub, get_rules, clock
        self._ages = AgeClock(clock)
        self._tasks: dict[str, tuple[BoxConnection, asyncio.Task[None]]] = {}
        self._watch: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._watch = asyncio.create_task(self._look(), name="fleet copies")

    async def close(self) -> None:
        tasks = [task for _, task in self._tasks.values()] + ([self._watch] if self._watch is not None else [])
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.to_thread(self.store.close)

    async def remove(self, folder: str) -> bool:
        """Delete the copies of a box. They begin again if the settings still ask for them. Raises StorageError."""
        found = self.store.find(folder)
        held = self._tasks.pop(found.state.id, None) if found is not None else None
        if held is not None:
            held[1].cancel()
            await asyncio.gather(held[1], return_exceptions=True)
        return await asyncio.to_thread(self.store.remove, folder)

    async def _look(self) -> None:
        loop = asyncio.get_running_loop()
        trim_s = loop.time()
        while True:
            online = {connection.box.id: connection for connection in self._hub.connections()}
            for box, (connection, task) in list(self._tasks.items()):
                if task.done() or online.get(box) is not connection or not self._wants(connection):
                    task.cancel()
                    [ended] = await asyncio.gather(task, return_exceptions=True)
                    if isinstance(ended, Exception):
                        log.error("copying from %s failed", connection.box.name, exc_info=ended)
                    self._tasks.pop(box, None)  # `remove` may have done so meanwhile
            for box, connection in online.items():
                if box not in self._tasks and not self.store.problem and self._wants(connection):
                    task = asyncio.create_task(self._copy(connection), name=f"copies of {box}")
                    self._tasks[box] = connection, task
            if loop.time() >= trim_s:
                trim_s = loop.time() + TRIM_S
                if self.store.problem:
                    await asyncio.to_thread(self.store.open)
                else:
                    await self._trim()
            await asyncio.sleep(LOOK_S)

    def _wants(self, connection: BoxConnection) -> bool:
        is_asked_for = any(one.recorder in ("", connection.box.id) for one in self._get_rules())
        return is_asked_for and "copies" in connection.allow

    async def _copy(self, connection: BoxConnection) -> None:
        """Copy from one box while its line lasts."""
        box = connection.box
        while True:
            try:
                reader = CopyReader(connection)
                about = await reader.about()
                genesis = str(about.get("genesis", ""))[:64]
                here = await asyncio.to_thread(self.store.of_box, box.id, box.key, box.name, genesis)
                if not await _is_continued(here.copied, reader):
                    log.warning("%s was restored from a backup: its former copies are put aside", box.name)
                    await asyncio.to_thread(self.store.put_aside, box.id)
                    here = await asyncio.to_thread(self.store.of_box, box.id, box.key, box.name, genesis)
                await _BoxCopying(self, connection, here, reader).run()
            except LineClosed as ended:
                log.info("copying from %s has stopped: %s", box.name, ended)
                return
            except CopiesRefused as refused:
                self._say(box.id, str(refused))
            except DiskFull:
                self._say(box.id, NO_ROOM)
            except StorageError as error:
                log.warning("cannot store copies of %s: %s", box.name, error)
                self._say(box.id, error.message)
            await asyncio.sleep(AGAIN_S)

    def _say(self, box: str, problem: str) -> None:
        if (found := self.store.find(box)) is not None:
            found.state.problem, found.state.is_copying = problem, False

    async def _trim(self) -> None:
        now_ms = self.now_ms()
        online = {(connection.box.id, connection.box.key.hex()) for connection in self._hub.connections()}
        for one in self.store.all():
            rules = self._get_rules()
            try:
                if (one.state.id, one.state.key) in online:  # also former copies, and those without a task
                    await asyncio.to_thread(one.copied.note_contact, now_ms)
                await asyncio.to_thread(trim, one.copied, rules, one.state.id, now_ms)
            except StorageError as error:
                log.warning("cannot delete old copies of %s: %s", one.state.name, error)
        try:
            await asyncio.to_thread(make_room, self.store, _LEAST_BYTES, _EVER)
        except StorageError as error:
            log.warning("cannot make room on the disk of the copies: %s", error)

    def rules(self) -> tuple[CopySettings, ...]:
        return self._get_rules()

    def now_ms(self) -> int:
        """Return the time that ages are counted by: a clock that was set far forward is doubted."""
        return self._clock.now_ms() - self._ages.ahead_ms()

    def clock_ms(self) -> int:
        return self._clock.now_ms()


async def _is_continued(copied: CopyVolume, reader: CopyReader) -> bool:
    """Return whether the box still has the newest statement that was copied, as it was.

    A recorder restored from a backup has another one in its place, or none: its history has another branch.
    """
    newest = await asyncio.to_thread(copied.newest_statements)
    if newest is None:
        return True
    there = next((one for one in await reader.history() if one.path == newest.path), None)
    if there is None or there.size_bytes < newest.size_bytes:
        return False
    at = begin = max(0, newest.size_bytes - _COMPARED_BYTES)
    data = b""
    with suppress(FileGone, FileUnread):
        while at < newest.size_bytes:
            data += await reader.part(newest, at)
            at = begin + len(data)
    return await asyncio.to_thread(copied.volume.disk.read, newest.path, begin, len(data)) == data


def trim(copied: CopyVolume, rules: Sequence[CopySettings], box: str, now_ms: int) -> None:
    """Delete what is older or more than the settings allow. Cameras without settings stay as they are.

    Ages count from the last contact with the box: copies of a stolen one don't end by age, nor do kept events.
    """
    cameras: dict[CopySettings, list[CameraId]] = {}
    for camera in copied.volume.cameras():
        if (rule := rule_for(rules, box, camera)) is not None:
            cameras.setdefault(rule, []).append(camera)
    contact_ms = min(now_ms, copied.contact_ms())
    for rule, these in cameras.items():
        oldest_ms = contact_ms - round(rule.max * 1000)
        while (old := copied.oldest_hour(these, with_kept=False)) is not None and old[0] + HOUR_MS <= oldest_ms:
            copied.remove_hour(old[1], old[2])
        while copied.size_bytes(these) > rule.max_size and (oldest := copied.oldest_hour(these)) is not None:
            copied.remove_hour(oldest[1], oldest[2])
    copied.tidy()


def admit(
    store: CopyStore, copied: CopyVolume, limits: tuple[CopySettings, Sequence[CameraId]], file: SourceFile
) -> bool:
    """Delete the oldest copies until a file fits; only older ones than it. Return False if it doesn't fit.

    limits: the settings, and the cameras that share them.
    """
    rule, cameras = limits
    lacking_bytes = file.size_bytes - copied.arrived(file.path)
    while copied.size_bytes(cameras) + lacking_bytes > rule.max_size:
        found = copied.oldest_hour(cameras)
        if found is None or found[2].partition("/")[2] >= file.path.partition("/")[2][:_HOUR_LETTERS]:
            return False
        copied.remove_hour(found[1], found[2])
    return make_room(store, file.size_bytes, file.path.partition("/")[2][:_HOUR_LETTERS])


def make_room(store: CopyStore, size_bytes: int, before: str, only: CopyVolume | None = None) -> bool:
    """Delete the oldest copies until this space may be used. before: delete older hours only: `2026/11/20/05`.

    only: delete the copies of this box only.
    Return False if there is not enough: what remains of the disk is for the hub's own recordings.
    Copies of boxes that are away give way last, and to new copies of others only while they are more than all these.
    """
    for _ in range(_ROOM_STEP):
        try:
            reserved = store.room.reserve(size_bytes)
        except OSError as error:
            raise turned(error, str(store.folder)) from error
        if reserved is not None:
            store.room.resize(reserved, 0)
            return True
        every = [one.copied for one in store.all() if only in (None, one.copied)]
        here = [one for one in every if not one.is_away()]
        oldest = _oldest(here, before)
        if oldest is None:
            most_bytes = 0 if before == _EVER else sum(map(_size_bytes, here))
            oldest = _oldest([one for one in every if one not in here and _size_bytes(one) > most_bytes], before)
        if oldest is None:
            return False
        oldest[0].remove_hour(oldest[1], oldest[2])
    return False


def _oldest(every: Sequence[CopyVolume], before: str) -> tuple[CopyVolume, CameraId, str] | None:
    """Return the oldest hour of these copies, if it is one before this."""
    firsts = [(*found, copied) for copied in every if (found := copied.oldest_hour()) is not None]
    oldest = min(firsts, key=lambda one: one[0], default=None)
    if oldest is None or oldest[2].partition("/")[2] >= before:
        return None
    return oldest[3], oldest[1], oldest[2]


def _size_bytes(copied: CopyVolume) -> int:
    return copied.size_bytes(copied.volume.cameras())


class _BoxCopying:
    """Copying from one box while one line lasts. Raises LineClosed, CopiesRefused, StorageError."""

    def __init__(self, of: FleetCopies, connection: BoxConnection, here: CopiedBox, reader: CopyReader) -> None:
        self._of, self._box, self._here, self._reader = of, connection.box.id, here, reader
        self._allow = list(connection.allow)
        self._loop = asyncio.get_running_loop()
        self._cameras: list[CameraId] = []
        self._masks: dict[str, object] = {}
        """Privacy masks by camera, also of those that the box has no longer: its copies stay."""
        self._known: dict[str, object] = {}
        self._full: dict[CameraId, str] = {}
        """The oldest hour that there is room for, by camera."""
        self._unread: set[str] = set()
        """Paths that the box could not read; they are asked for again after DAYS_S."""
        self._is_history_full = False
        self._ahead_ms: int | None = None
        """Of the box's clock: recordings have its time. None: it is of an earlier version, and doesn't say it."""
        self._is_clock_wrong = False

    async def run(self) -> None:
        await asyncio.to_thread(self._here.copied.drop_partial)
        before = await asyncio.to_thread(self._here.copied.notes.about)
        self._masks = before["masks"] if isinstance(before.get("masks"), dict) else {}
        self._learn_masks(before.get("cameras"))  # earlier versions noted no others
        days, compared_s, today_s = deque[Span](), float("-inf"), float("-inf")
        compared: dict[CameraId, CopySettings | None] = {}
        while True:
            await self._news()
            wanted = {camera: self._rule(camera) for camera in self._cameras}
            if self._loop.time() >= compared_s + EVERYTHING_S or wanted != compared:
                days, compared_s, compared = deque(self._days()), self._loop.time(), wanted
                self._full.clear()
            now_ms = self._box_ms()
            queue = await self._missing(Span(now_ms - HOUR_MS, now_ms + 1))
            if self._loop.time() >= today_s + DAYS_S:
                today_s = self._loop.time()
                self._unread.clear()
                await self._day_files(Span(now_ms // DAY_MS * DAY_MS, now_ms + 1))
            while not queue and days:
                queue = await self._missing(days[0])
                if not queue:
                    await self._day_files(days.popleft())
            await self._fetch(queue, NEW_S)
            if not queue:
                await asyncio.sleep(NEW_S)

    def _rule(self, camera: CameraId) -> CopySettings | None:
        return rule_for(self._of.rules(), self._box, camera)

    def _box_ms(self) -> int:
        """Return the time of the box; that of the hub's clock, right or wrong, if the box doesn't say its own."""
        return self._of.clock_ms() if self._ahead_ms is None else self._of.now_ms() + self._ahead_ms

    def _newest_ms(self) -> int:
        """Return the time up to which there may be recordings; their age is counted from it."""
        return max(self._of.now_ms(), self._box_ms())

    def _days(self) -> Iterator[Span]:
        """Yield the days to compare, today first."""
        now_ms = self._newest_ms()
        longest_s = max((one.max for one in map(self._rule, self._cameras) if one is not None), default=0.0)
        for number in range(now_ms // DAY_MS, round((now_ms - longest_s * 1000) // DAY_MS) - 1, -1):
            yield Span(number * DAY_MS, (number + 1) * DAY_MS)

    async def _fetch(self, queue: list[SourceFile], most_s: float) -> None:
        """Copy files in order, until something newer may have been recorded."""
        state, until_s = self._here.state, self._loop.time() + most_s
        state.waiting_files, state.waiting_bytes = len(queue), sum(file.size_bytes for file in queue)
        try:
            for file in queue:
                state.is_copying = True
                await self._file(file)
                state.waiting_files -= 1
                state.waiting_bytes -= file.size_bytes
                if self._loop.time() >= until_s:
                    return
        finally:
            state.is_copying = False

    async def _news(self) -> None:
        """Take over the box's cameras and its history."""
        copied, about = self._here.copied, await self._reader.about()
        await asyncio.to_thread(copied.note_contact, self._of.now_ms())
        self._compare_clocks(about.get("now_ms"))
        listed = about.get("cameras")
        names = [str(one.get("id")) for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
        self._cameras = [CameraId(one) for one in names if is_camera(one) and self._rule(CameraId(one)) is not None]
        rates = [one.max_kbit_s for one in map(self._rule, self._cameras) if one is not None and one.max_kbit_s]
        self._reader.max_kbit_s = min(rates, default=0)
        known: dict[str, object] = {name: about.get(name) for name in ("host", "zone", "cameras")}
        self._learn_masks(listed)
        known["masks"] = dict(self._masks)
        known["allow"] = self._allow
        if known != self._known:
            await asyncio.to_thread(copied.notes.say, known)
            self._known = known
        grown = [await self._history(file) for file in await self._reader.history()]
        if any(grown):
            await asyncio.to_thread(copied.take_history)
        await asyncio.to_thread(copied.forget_deleted)

    def _learn_masks(self, cameras: object) -> None:
        for one in cameras if isinstance(cameras, list) else ():
            camera = str(one.get("id")) if isinstance(one, dict) else ""
            if is_camera(camera) and (camera in self._masks or len(self._masks) < _MOST_MASKED):
                self._masks[camera] = one.get("masks")

    def _compare_clocks(self, there_ms: object) -> None:
        if type(there_ms) is int and 0 <= there_ms <= LATEST_MS:
            self._ahead_ms = there_ms - self._of.now_ms()
            self._is_clock_wrong = abs(there_ms - self._of.clock_ms()) > _CLOCKS_DIFFER_MS
        if self._here.state.problem in ("", CLOCKS):
            self._here.state.problem = self._lasting_problem()

    def _lasting_problem(self) -> str:
        """Return what is wrong though files are copied; empty: nothing."""
        if self._unread:
            return UNREAD
        return CLOCKS if self._is_clock_wrong else ""

    async def _history(self, file: SourceFile) -> bool:
        """Copy what a file of the history has more than its copy. Return whether there was anything."""
        copied, at = self._here.copied, await asyncio.to_thread(self._here.copied.size, file.path)
        if at == file.size_bytes or file.size_bytes > _MOST_HISTORY_BYTES:
            return False
        if at > file.size_bytes:
            if is_signed_history(file.path):
                return False  # it was damaged there
            await asyncio.to_thread(copied.restart_history, file.path)
            at = 0
        if not copied.has_room_for_history(file):
            if not self._is_history_full:
                log.warning("%s has more history than is copied of one recorder", self._box)
            self._is_history_full = True
            return False
        if not await asyncio.to_thread(make_room, self._of.store, file.size_bytes - at, _EVER, copied):
            raise DiskFull(str(self._of.store.folder))
        with suppress(FileGone, FileUnread):
            while at < file.size_bytes:
                data = await self._reader.part(file, at)
                await asyncio.to_thread(copied.grow_history, file.path, at, data)
                at += len(data)
        return True

    async def _missing(self, within: Span) -> list[SourceFile]:
        """Return the files of a span that are wanted and missing here, newest first."""
        found: list[SourceFile] = []
        now_ms = self._newest_ms()
        for camera in self._cameras:
            rule = self._rule(camera)
            wanted = within.cut_to(Span(now_ms - round(rule.max * 1000), now_ms + 1)) if rule is not None else None
            if rule is None or wanted is None:
                continue
            listed = await self._reader.recordings(camera, wanted)
            stream = None if rule.streams == "all" else StreamName(rule.streams)
            found += await asyncio.to_thread(self._here.copied.missing, listed, stream)
        given_up = self._unread | {path for path, tries in self._here.tries.items() if tries >= MOST_TRIES}
        left = [one for one in found if one.path not in given_up and not self._is_too_old(one)]
        return sorted(left, key=lambda file: file.path.partition("/")[2], reverse=True)

    def _is_too_old(self, file: SourceFile) -> bool:
        """Return whether there was no room for files of this hour."""
        camera, _, rest = file.path.partition("/")
        return rest[:_HOUR_LETTERS] <= self._full.get(CameraId(camera), "")

    async def _day_files(self, within: Span) -> None:
        for camera in self._cameras:
            listed = await self._reader.day_files(camera, within)
            for file in await asyncio.to_thread(self._here.copied.changed_day_files, listed):
                await self._file(file)

    async def _file(self, file: SourceFile) -> None:
        """Copy one file: a segment from where its last part ended, others whole, as the box may have replaced them."""
        copied, camera = self._here.copied, CameraId(file.path.partition("/")[0])
        rule = self._rule(camera)
        cameras = [one for one in self._cameras if self._rule(one) == rule]
        if segment_name(file.path) is None:
            await asyncio.to_thread(copied.drop, file.path)
        if rule is None or not await asyncio.to_thread(admit, self._of.store, copied, (rule, cameras), file):
            self._no_room(camera, file)
            return
        at = await asyncio.to_thread(copied.arrived, file.path)
        at = 0 if at > file.size_bytes else at
        try:
            while at < file.size_bytes:
                at = await asyncio.to_thread(copied.put, file.path, at, await self._reader.part(file, at))
            await asyncio.to_thread(copied.accept, file.path)
            self._here.state.problem = self._lasting_problem()
        except FileGone:
            await asyncio.to_thread(copied.drop, file.path)
        except FileUnread:
            self._unread.add(file.path)
            self._here.state.problem = UNREAD
        except FileDamaged as error:
            self._note_damaged(file.path, error)

    def _no_room(self, camera: CameraId, file: SourceFile) -> None:
        """Don't ask for what is as old again; if nothing fits, say so."""
        self._full[camera] = max(self._full.get(camera, ""), file.path.partition("/")[2][:_HOUR_LETTERS])
        if self._here.copied.oldest_hour([camera]) is None:
            self._here.state.problem = NO_ROOM

    def _note_damaged(self, path: str, error: FileDamaged) -> None:
        tries = self._here.tries
        tries[path] = tries.get(path, 0) + 1
        if tries[path] == MOST_TRIES:
            self._here.state.damaged += 1
            log.warning("%s of %s is damaged there, and isn't copied: %s", path, self._box, error.detail)

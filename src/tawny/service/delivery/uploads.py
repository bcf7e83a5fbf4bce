"""Uploads: couriers per destination, connection tests, remote cleanup and links to uploaded clips."""

import logging
import re
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Protocol, runtime_checkable
from zoneinfo import ZoneInfo

from tawny.config.targets import DestinationSettings as Settings
from tawny.config.targets import FileSetSettings
from tawny.delivery.courier import (
    Courier,
    CourierStopped,
    DeliveryRoute,
    SendSchedule,
    TargetWorker,
    WorkerPool,
)
from tawny.delivery.delivery import Carrier, Delivery, DeliveryContent, DeliveryKind, DeliveryState
from tawny.delivery.destination import (
    ConnectionTestStep,
    Destination,
    DestinationConnection,
    DestinationContext,
    FileCarrier,
    RemoteFile,
    check_destination,
)
from tawny.delivery.file_names import FORMER_PRESETS, checked, checked_in_folder, is_unique, shape
from tawny.delivery.outbox import Outbox
from tawny.delivery.witness_files import FOLDER as WITNESSES
from tawny.delivery.witness_files import WitnessCarrier, computer_label
from tawny.engine import ActorHandle, Engine
from tawny.engine.plugins import PluginFailed, target_code
from tawny.model.errors import DeliveryError, TawnyError
from tawny.model.ids import CameraId, EventId
from tawny.model.times import Clock
from tawny.playback.clips import ClipCache
from tawny.sealed.statements import Witness, find_witnesses
from tawny.service.delivery.event_forms import EventForms, form_of
from tawny.service.delivery.guarded_target import BrokenTarget, as_delivery_error, guarded
from tawny.service.delivery.replaced_parts import replaced_parts
from tawny.service.delivery.upload_rules import UploadRule
from tawny.service.delivery.upload_scheduler import DeliverySource
from tawny.service.plugin_registry import PluginRegistry
from tawny.service.recorder import RecorderService
from tawny.storage.retention.runner import AgeClock

# Rate limiting of uploads, and interruption at shutdown; both take effect where content is read.

BURST_S = 1.0


class RateLimiter:
    """Limits the bytes per second of one target for all of its couriers. Thread-safe. 0: unlimited."""

    def __init__(self, bytes_s: float, clock: Clock) -> None:
        self._bytes_s, self._clock = bytes_s, clock
        self._lock = threading.Lock()
        self._free_s = clock.mono_s()

    def wait_s(self, size_bytes: int) -> float:
        """Return the delay before sending this many bytes, s. They count as sent."""
        if not self._bytes_s:
            return 0.0
        with self._lock:
            now_s = self._clock.mono_s()
            self._free_s = max(self._free_s, now_s - BURST_S) + size_bytes / self._bytes_s
            return max(0.0, self._free_s - now_s)


# Remote cleanup: selects expired files. Only names that match the destination's pattern are deleted.

_OPAQUE = re.compile(r"(?P<of>[0-9a-f]{8})/(?P<day>\d{8})/[a-z2-7]{26}\.tws")
"""Recordings of sealed cameras; their names reveal only the recorder and the day."""
_PIECE = re.compile(r"\.(?:\d{3}|sheet)(\.[a-z0-9]+)$")
_FURTHER = re.compile(r"-(?:[2-9]|[1-9]\d+)(\.[a-z0-9]+)$")
"""The number of a further file of the same name, where names are not unique."""


def expired_files(
    files: Iterable[RemoteFile],
    patterns: Iterable[str],
    before_ms: int,
    zone: tzinfo = UTC,
    own: Collection[str] = (),
) -> Iterator[RemoteFile]:
    """Yield our files from before a time.

    patterns: validated (`delivery.file_names`). zone: of times in names; a file whose name has no zone and may be newer
    in UTC, as it was named under another setting, stays. own: what this recorder and its computer are called in names
    that say nothing else of them; what others left there stays.
    """
    shapes = [(shape(pattern), is_unique(pattern)) for pattern in patterns]

    def parsed(whole: str) -> re.Match[str] | None:
        first = _FURTHER.sub(r"\1", whole)
        every = (one.fullmatch(whole) or (None if unique else one.fullmatch(first)) for one, unique in shapes)
        return next((found for found in every if found), None)

    for there in files:
        if there.name.startswith(f"{WITNESSES}/"):
            is_here = there.name.split("/")[1] in own
            if any(one.at_ms < before_ms and (is_here or one.recorder in own) for one in find_witnesses(there.name)):
                yield there
            continue
        if opaque := _OPAQUE.fullmatch(there.name):
            if opaque["of"] in own and (_local_ms(f"{opaque['day']}235959", zone) or before_ms) < before_ms:
                yield there
            continue
        found = parsed(_PIECE.sub(r"\1", there.name))
        at_ms = _at_ms(found.groupdict(), zone) if found else None
        if found and (at_ms if at_ms is not None else there.modified_ms or before_ms) < before_ms:
            yield there


@runtime_checkable
class UnfinishedUploads(Protocol):
    """A connection to a destination that keeps the parts of uploads that were cut off. Raises DeliveryError."""

    def unfinished(self) -> Iterator[tuple[RemoteFile, str]]:
        """Yield the uploads with their IDs, also those that are going on. modified_ms: of their begin."""
        ...

    def abort(self, name: str, upload: str) -> None:
        """Delete the parts of an upload. One that is not there is no fault."""
        ...


def drop_unfinished(
    uploads: UnfinishedUploads,
    patterns: Iterable[str],
    before_ms: int,
    zone: tzinfo = UTC,
    own: Collection[str] = (),
) -> list[str]:
    """Delete the parts of our uploads that began before a time, and whose file would have expired. Return their names.

    The arguments are those of `expired_files`.
    """
    old = [one for one in uploads.unfinished() if one[0].modified_ms < before_ms]
    expired = set(expired_files((there for there, _ in old), patterns, before_ms, zone, own))
    dropped = [(there.name, upload) for there, upload in old if there in expired]
    for name, upload in dropped:
        uploads.abort(name, upload)
    return [name for name, _ in dropped]


def _at_ms(fields: dict[str, str], zone: tzinfo) -> int | None:
    """Return the time in a name, ms UTC; None if it has none."""
    if "unix" in fields:
        return int(fields["unix"]) * 1000
    for key in ("stamp", "start", "id"):
        digits = re.match(r"(\d{8})T(\d{6})(?:\.\d{3}([+-])(\d\d)(\d\d))?", fields.get(key, ""))
        if digits:
            at_ms, sign = _ms(digits[1] + digits[2], UTC), -1 if digits[3] == "-" else 1
            ahead = timedelta(hours=int(digits[4] or 0), minutes=int(digits[5] or 0))
            return None if at_ms is None else at_ms - sign * round(ahead.total_seconds() * 1000)
    if {"year", "month", "day"} <= fields.keys():
        hour = fields.get("hour", "00")
        time = hour[:2] + fields.get("minute", "00") + fields.get("second", "00")
        return _local_ms(fields["year"] + fields["month"] + fields["day"] + time, zone, fold=len(hour) > 2)
    return None


def _local_ms(digits: str, zone: tzinfo, *, fold: bool = False) -> int | None:
    """Return the later of this local time and of the same time in UTC."""
    local_ms, utc_ms = _ms(digits, zone, fold=fold), _ms(digits, UTC)
    return None if local_ms is None or utc_ms is None else max(local_ms, utc_ms)


def _ms(digits: str, zone: tzinfo, *, fold: bool = False) -> int | None:
    try:
        at = datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=zone, fold=int(fold))
        return round(at.timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


SWEEP_FIRST_S, SWEEP_AGAIN_S, SWEEP_EVERY_S = 120.0, 3600.0, 86_400.0
UNSWEPT_SHOWN = 2
"""Failed sweeps in a row that are a problem. The first one is soon after a start, when a NAS may still be starting."""
UNSWEPT_APART_S = 600.0
"""Duration, s, for which further failed sweeps count as one, as after a few clicks while a NAS is starting."""
LINK_S = 6 * 3600.0
"""Validity, s, of a link in a message."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _FailedSweep:
    """The last sweep of a destination. counted_s: when one was last counted, s monotonic."""

    why: str
    in_a_row: int
    counted_s: float


class Uploads:
    """Runs the destinations. Thread-safe.

    ended: called with every delivery that a courier has ended. scratch: as of `EventForms`.
    """

    def __init__(
        self,
        source: DeliverySource,
        recorder: RecorderService,
        plugins: PluginRegistry,
        engine: Engine,
        is_paused: Callable[[str], bool],
        ended: Callable[[Delivery], None],
        scratch: Path | None = None,
    ) -> None:
        self._sealed, self._recorder, self._witnessed = source.sealed, recorder, dict[str, str]()
        self.forms = EventForms(recorder, ClipCache(recorder), recorder.event_picture, source.sealed, scratch)
        self._outbox, self._plugins, self._clock = source.outbox, plugins, source.clock
        self._is_paused, self._ended = is_paused, ended
        self._ages, self._looking = AgeClock(source.clock), threading.Lock()
        self._unswept = dict[str, _FailedSweep]()
        self._settings: Mapping[str, Settings] = {}
        self._file_sets: Mapping[str, FileSetSettings] = {}
        self._without_links: set[str] = set()
        self._workers = WorkerPool[Settings](engine, self._begin)

    def take_over(self, settings: Mapping[str, Settings], file_sets: Mapping[str, FileSetSettings]) -> None:
        """Apply changed destinations: start, restart and stop couriers accordingly."""
        self._settings, self._file_sets, self._without_links = dict(settings), dict(file_sets), set()
        for name in self._unswept.keys() - {name for name, one in settings.items() if one.retention is not None}:
            self._unswept.pop(name, None)
        self._workers.take_over(settings)

    def stop(self) -> None:
        """Stop the couriers. Interrupted deliveries stay in the outbox until the next start."""
        self._workers.stop()

    def try_now(self, name: str) -> None:
        """End the backoff of a destination. Call from any thread."""
        self._workers.try_now(name)

    def rules(self) -> list[UploadRule]:
        return [self._rule(name, one) for name, one in self._settings.items()]

    def public(self, name: str) -> str:
        """Return the address without secrets. Raises KeyError for an unknown destination."""
        one = self._settings[name]
        return self._plugins.public_destination(one.url)

    def test(self, name: str, one: Settings | None = None) -> list[ConnectionTestStep]:
        """Test a destination. one: settings to test; None: the current ones.

        Raises KeyError for an unknown name. Waits for the network.
        """
        one = one or self._settings[name]
        public = f"{name} ({self._plugins.public_destination(one.url)})"
        try:
            with target_code(one.url, TawnyError):
                return check_destination(lambda: self._connect(name, one), public, write_only=one.write_only)
        except PluginFailed as error:
            return [ConnectionTestStep("Connect", error.sentence)]

    def too_old(self, name: str) -> list[RemoteFile]:
        """Return the files older than the destination's `retention`.

        Raises KeyError for an unknown destination and DeliveryError. Waits for the network.
        """
        return self._too_old(name, is_sweeping=False)

    def _too_old(self, name: str, *, is_sweeping: bool) -> list[RemoteFile]:
        one = self._settings[name]
        if one.retention is None:
            return []
        with as_delivery_error(name, one.url, self._kind(one.url)):
            return self._expired(name, one, one.retention, is_sweeping=is_sweeping)

    def _expired(self, name: str, one: Settings, retention_s: float, *, is_sweeping: bool) -> list[RemoteFile]:
        before_ms = self._clock.now_ms() - self.ahead_ms() - round(retention_s * 1000)
        connection = self._connect(name, one)
        try:
            former = [FORMER_PRESETS[one.names]] if one.names in FORMER_PRESETS else []
            of_files = [checked_in_folder(each.names) for each in self._file_sets.values() if each.destination == name]
            patterns = [checked(one.names), *former, *of_files]
            zone, own = self._zone_of(one), (self._sealed.recorder, computer_label(self._recorder.host))
            expired = expired_files(connection.files(), patterns, before_ms, zone, own)
            found = [there for there in expired if not self._is_known_as_newer(name, there.name, before_ms)]
            if is_sweeping and isinstance(connection, UnfinishedUploads):
                try:
                    drop_unfinished(connection, patterns, before_ms, zone, own)
                except DeliveryError as error:  # not every login and server may or can
                    log.info("parts of interrupted uploads stay at %s: %s", name, error)
            return found
        finally:
            connection.close()

    def _is_known_as_newer(self, name: str, file: str, before_ms: int) -> bool:
        """Return whether this recorder knows when the file is from: the clock of its server may be wrong."""
        sent = self._outbox.find(name, file)
        return sent is not None and sent.what is not DeliveryKind.REMOVAL and sent.at_ms >= before_ms

    def ahead_ms(self) -> int:
        """Return by how much the clock is ahead, ms, while that is doubted (`AgeClock`)."""
        with self._looking:
            return self._ages.ahead_ms()

    def sweep(self, name: str) -> list[RemoteFile]:
        """Queue the removal of expired files behind all waiting deliveries. Return these files.

        Parts of uploads that were cut off as long ago are deleted at once, where the login may.
        """
        try:
            found = self._too_old(name, is_sweeping=True)
        except DeliveryError as error:
            now_s = self._clock.mono_s()
            before = self._unswept.get(name) or _FailedSweep("", 0, now_s - UNSWEPT_APART_S)
            is_counted = now_s - before.counted_s >= UNSWEPT_APART_S
            counted_s = now_s if is_counted else before.counted_s
            self._unswept[name] = _FailedSweep(error.message, before.in_a_row + is_counted, counted_s)
            raise
        self._unswept.pop(name, None)
        now_ms = self._clock.now_ms()
        for there in found:
            self._outbox.renew(
                Delivery(name, there.name, DeliveryKind.REMOVAL, {}, made_ms=now_ms, at_ms=there.modified_ms)
            )
        return found

    def unswept(self) -> dict[str, str]:
        """Return why the last sweeps failed, by destination, where it is a problem. A sweep ends it, or a pause."""
        return {name: one.why for name, one in self._unswept.copy().items() if one.in_a_row >= UNSWEPT_SHOWN}

    def forgive(self, name: str) -> None:
        """Forget the failed sweeps of a destination, as it is paused or resumed: meanwhile it isn't swept."""
        self._unswept.pop(name, None)

    def has_failed(self, name: str) -> bool:
        """Return whether the last sweep of a destination failed."""
        return name in self._unswept

    def kept_for_a_time(self) -> list[str]:
        """Return the names of destinations with a retention that are not paused."""
        settings = self._settings.items()
        return [name for name, one in settings if one.retention is not None and not self._is_paused(name)]

    def link(self, event: EventId, form: str = "mp4") -> str:
        """Return a public link to an uploaded form of an event; empty if no destination offers one.

        form: `mp4` for the clip, also a fragmented one; `gif`, `sheet`, or `jpg` for the snapshot.
        """
        for done in self._outbox.of_event(event):
            one = self._settings.get(done.to)
            is_there = one is not None and _is_of(done, form) and done.state is DeliveryState.DONE
            is_sealed = done.name.endswith(".tws")  # a sealed clip cannot be played through a link
            if one is None or not is_there or is_sealed or one.write_only or done.to in self._without_links:
                continue
            try:
                with target_code(one.url, DeliveryError):
                    connection = self._connect(done.to, one)
                    try:
                        link = connection.link(done.name, LINK_S)
                    finally:
                        connection.close()
            except (DeliveryError, PluginFailed):
                continue
            if link:
                return link
            self._without_links.add(done.to)
        return ""

    # --- inside ------------------------------------------------------------------------------------------------------

    def _newest_witness(self) -> tuple[Witness, str] | None:
        """Return the newest witness of the signed history and the name of this computer, if there is one."""
        found = self._sealed.witness()
        return None if found is None else (found, self._recorder.host)

    def _rule(self, name: str, one: Settings) -> UploadRule:
        return UploadRule(
            name,
            checked(one.names),
            frozenset(one.upload),
            frozenset(CameraId(camera) for camera in one.cameras) or None,
            frozenset(one.kinds) or None,
            follows=one.during_events and not one.minutes and (one.batch or 1) == 1,
            names_sealed=one.sealed_names == "readable",
            write_only=one.write_only,
            zone=self._zone_of(one),
            local=ZoneInfo(self._recorder.zone),
            max_s=one.max_duration,
            forms=one.formats,
            at_once=one.during_events,
            retention_s=one.retention,
        )

    def _zone_of(self, one: Settings) -> tzinfo:
        return UTC if one.time_zone == "utc" else ZoneInfo(self._recorder.zone)

    def _begin(self, name: str, one: Settings, ending: threading.Event) -> Sequence[TargetWorker]:
        pace = RateLimiter(one.limit, self._clock)
        public = f"{name} ({self._plugins.public_destination(one.url)})"
        trigger = self._trigger(name, one)

        def carrier() -> Carrier:
            connection = self._connect(name, one)
            files = FileCarrier(connection, public, write_only=one.write_only)
            witnessed = WitnessCarrier(files, connection, name, self._newest_witness, self._witnessed)
            return guarded(witnessed, self._kind(one.url), name, one.url)

        def content(delivery: Delivery) -> DeliveryContent:
            made = self.forms.of(delivery, one.sheet_size)
            return replace(made, wait=lambda size_bytes: wait(pace.wait_s(size_bytes)))

        def wait(seconds: float) -> None:
            if ending.wait(seconds):
                raise CourierStopped

        def replaced(delivery: Delivery) -> list[Delivery]:
            held, now_ms = self.forms.held(delivery), self._clock.now_ms()
            return replaced_parts(self._outbox, delivery, held, now_ms, write_only=one.write_only)

        route = DeliveryRoute(
            name, carrier, content, trigger.open_in_s, lambda: self._is_paused(name), replaced=replaced
        )
        numbers = range(1, one.parallel + 1)
        return [Courier(number, route, self._outbox, self._clock, self._ended) for number in numbers]

    def _trigger(self, name: str, one: Settings) -> SendSchedule:
        zone = ZoneInfo(self._recorder.zone)
        return SendSchedule(
            name, self._outbox, self._clock, zone, after=one.batch, minutes=one.minutes, hours=one.hours
        )

    def _connect(self, name: str, one: Settings) -> DestinationConnection:
        """Raises DeliveryError."""
        kind = self._kind(one.url)
        with as_delivery_error(name, one.url):
            options = kind.settings(one.url, one.options)
            return kind.connect(DestinationContext(name, one.url, options, self._clock, one.write_only))

    def _kind(self, url: str) -> Destination:
        return self._plugins.destination_of(url) or BrokenTarget()  # the settings were validated


class Sweeper:
    """Removes expired files at destinations once a day; retries after SWEEP_AGAIN_S on failure.

    After an unexpected error the same one goes on, with the other destinations first.
    """

    name = "sweeping"

    def __init__(self, uploads: Uploads, outbox: Outbox, clock: Clock) -> None:
        self._uploads, self._outbox, self._clock = uploads, outbox, clock
        self._due_s: dict[str, float] = {}
        self._going_on = ""
        self._forgets_s = 0.0
        self.handle = ActorHandle()

    def try_now(self, name: str) -> None:
        """Make a sweep due that failed or is going on, as it may fail. Call from any thread.

        Not the first one: there must be time to correct a `retention` that is too short.
        """
        if self._uploads.has_failed(name) or name == self._going_on:
            self._due_s[name] = self._clock.mono_s()
            self.handle.wake()

    def step(self) -> float:
        now_s = self._clock.mono_s()
        self._uploads.ahead_ms()  # each time, so that it knows since when the clock is ahead
        if now_s >= self._forgets_s:
            self._outbox.forget_old()
            self._forgets_s = now_s + SWEEP_EVERY_S
        names = self._uploads.kept_for_a_time()
        for name in {*self._due_s}.difference(names):
            self._due_s.pop(name, None)  # with a `retention` again, or resumed, it is swept as if it were new
        for name in names:
            if self._due_s.setdefault(name, now_s + SWEEP_FIRST_S) <= now_s:
                del self._due_s[name]
                again_s, self._going_on = SWEEP_AGAIN_S, name  # also after an error that nothing expected
                try:
                    again_s = self._sweep(name)
                finally:
                    self._going_on = ""
                    self._due_s.setdefault(name, now_s + again_s)  # unless `try_now` was called meanwhile
        return SWEEP_FIRST_S

    def close(self) -> None:
        """No resources to release."""

    def _sweep(self, name: str) -> float:
        """Remove expired files. Return the delay until the next run, s."""
        try:
            self._uploads.sweep(name)
        except KeyError:  # the destination was removed
            return SWEEP_EVERY_S
        except DeliveryError as error:
            log.warning("cannot list expired files: %s", error)
            return SWEEP_AGAIN_S
        return SWEEP_EVERY_S


def _is_of(delivery: Delivery, form: str) -> bool:
    """Return whether a delivery is this form of an event (`Uploads.link`)."""
    if delivery.what is DeliveryKind.PICTURE:
        return form == "jpg"
    return delivery.what is DeliveryKind.CLIP and form_of(delivery).replace("fmp4", "mp4") == form

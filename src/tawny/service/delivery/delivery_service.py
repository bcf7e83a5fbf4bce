"""Delivery service: the outbox, the schedulers that fill it, and the couriers. Recording does not depend on it."""

import logging
import threading
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from tawny.config.settings import Settings
from tawny.delivery.delivery import Delivery, DeliveryKind, ReceivedAccess
from tawny.delivery.destination import ConnectionTestStep
from tawny.delivery.file_names import safe_names
from tawny.delivery.outbox import Outbox, held_by
from tawny.delivery.targets import TargetView
from tawny.engine import Engine
from tawny.engine.actor import MessageType, Unsubscribe
from tawny.model.errors import ContentGone, DeliveryError, StorageError, TawnyError
from tawny.model.events import Event
from tawny.model.ids import CameraId, SegmentId
from tawny.model.messages import Alarm, EventChanged, Message, ProblemKind, SegmentClosed
from tawny.model.segments import Segment
from tawny.model.states import CameraState
from tawny.model.times import Clock, Span, merge_spans, utc_text
from tawny.service.backup.restored_accounts import opened_to_read
from tawny.service.backup.restored_outbox import OUTBOX
from tawny.service.delivery.event_forms import RECORDING_GONE, SEALED_PICTURE, SEALED_RECORDING
from tawny.service.delivery.file_sets import FileSetMeans, FileSets, folder_target
from tawny.service.delivery.notification_filter import Snoozes
from tawny.service.delivery.notifications import Notifications, NoUsers, Users
from tawny.service.delivery.resending import UploadResender
from tawny.service.delivery.upload_scheduler import DeliverySource, UploadScheduler
from tawny.service.delivery.uploads import Sweeper, Uploads
from tawny.service.health.alarms import HealthProblem
from tawny.service.health.checks import uploads_behind
from tawny.service.languages import Languages
from tawny.service.modes.decider import Decider
from tawny.service.modes.mode_service import RehearsalTargets
from tawny.service.plugin_registry import PluginRegistry
from tawny.service.recorder import RecorderService, event_rolls
from tawny.service.retention.promises import contract
from tawny.service.sealing.policy import SealedExport
from tawny.storage.index.sqlite_file import sqlite_errors

log = logging.getLogger(__name__)
MEMORY_SHARE = 2
"""In memory mode the outbox may hold recordings of at most 1/MEMORY_SHARE of the memory limit."""
OVERFLOW_SHOWN_MS = 86_400_000
"""How long, ms, dropped deliveries are shown as a problem."""
SEALED_DO = "To see what they would show, unlock this recorder with your key."
STRANDED_SHOWN_MS = 7 * 86_400_000
"""How long, ms, a problem says that items wait for a target that is not in the settings: it may have been removed."""
_GONE = "gone/"
"""Prefix of the marks of since when, ms UTC, a target for which something waits has not been in the settings."""
_PAUSED = "paused/"
"""Prefix of the marks of paused targets."""
_STOP_S = 5.0
_OF_VIDEO = frozenset({DeliveryKind.PIECE, DeliveryKind.CLIP, DeliveryKind.FOOTAGE})


# Both kinds of targets.


@dataclass(frozen=True, slots=True)
class DeliveryPolicy:
    """What may be sent to which user. users: their present rights. deciding: the rules."""

    users: Users = field(default_factory=NoUsers)
    deciding: Decider = field(default_factory=Decider)
    sealed: SealedExport = field(default_factory=SealedExport)
    publish: Callable[[Message], None] = lambda _: None
    """Announces files on the bus."""
    shorten: Callable[[CameraId, Span], None] = lambda _camera, _span: None
    """Ends each file of a camera in a span after a few seconds (`recorder.recorder`)."""
    save_write_only: Callable[[str], None] | None = None
    """Sets `write_only` of a destination in the settings. Raises TawnyError. None: the settings are fixed."""


class DeliveryService:
    """Runs uploads and notifications. Created, started and closed together with the recorder.

    The other methods are thread-safe.
    """

    def __init__(
        self,
        settings: Settings,
        where: Path | str,
        recorder: RecorderService,
        plugins: PluginRegistry,
        clock: Clock,
        engine: Engine,
        policy: DeliveryPolicy = DeliveryPolicy(),
    ) -> None:
        """Create the service; `start` starts it.

        where: path of the outbox database, or `:memory:`. engine: runs the service's actors and no others.
        """
        self.outbox = Outbox(where, clock)
        if not isinstance(where, Path) or (not self.outbox.marks() and _has_recorded_before(recorder, clock.now_ms())):
            self.outbox.raise_counters()  # the former one is lost
        self._settings, self._recorder, self._clock = settings, recorder, clock
        self._paused = {mark.removeprefix(_PAUSED) for mark in self.outbox.marks(_PAUSED)}
        self._changing = threading.Lock()
        self._is_working = False
        self._engine = engine
        self._subscribed: dict[tuple[type, Callable[[Any], None]], Unsubscribe] = {}
        scratch = where.parent if isinstance(where, Path) else None
        source = DeliverySource(
            self.outbox, recorder, clock, self._clip_of, policy.deciding, policy.sealed,
            lambda: safe_names(recorder.camera_names()), Languages(scratch), self._states, self._shorten,
        )  # fmt: skip
        self.upload_scheduler = UploadScheduler(source, [], budget_bytes(settings), self._served)
        is_paused = self._paused.__contains__
        self.uploads = Uploads(source, recorder, plugins, self._engine, is_paused, self._brought, scratch)
        self._resender = UploadResender(self.outbox, recorder, plugins, clock)
        self._sweeper = Sweeper(self.uploads, self.outbox, self._clock)  # after an error, it goes on with the others
        self.notifications = Notifications(settings, source, recorder, plugins, self.uploads, policy.users, is_paused)
        means = FileSetMeans(
            lambda: [*recorder.camera_names()],
            self.uploads.forms.of,
            policy.publish,
            ZoneInfo(recorder.zone),
            is_paused,
        )
        self.files = FileSets(source, means, self._engine)
        self._started = False
        self._shorten_files = policy.shorten
        self._save_write_only = policy.save_write_only

    def start(self) -> None:
        """Start, and send what happened since the recorder started: cameras record before this is loaded."""
        for name in self._names:
            try:
                self.outbox.since_ms(name, self._recorder.started_ms)
            except StorageError as error:
                log.warning("%s may miss the first seconds: %s", name, error)
        self._started = True
        self.apply(self._settings)

    def apply(self, settings: Settings) -> None:
        """Apply changed settings, already validated. Restart only targets that differ; waiting deliveries stay."""
        with self._changing:
            before, self._settings = self._settings, settings
            if not self._started:
                return
            self.uploads.take_over(settings.destinations, settings.files)
            self.upload_scheduler.take_over(self.uploads.rules(), budget_bytes(settings))
            self.files.take_over(settings.files)
            if not self._is_working and (self._names or settings.files):
                self._is_working = True
                self.files.handle.start(self._engine, self.files.name, lambda: self.files)
                self.upload_scheduler.handle.start(
                    self._engine, self.upload_scheduler.name, lambda: self.upload_scheduler
                )
                self._sweeper.handle.start(self._engine, Sweeper.name, lambda: self._sweeper)
                self.notifications.start(self._engine)
            self._subscribe_needed(settings)
            self.notifications.take_over(settings)
            for name in self._names:
                if _of(before, name) != _of(settings, name):
                    self.outbox.try_now(name)  # the backoff was caused by the previous settings
                    self._sweeper.try_now(name)
            self._forget_pauses()
            self._note_stranded()

    def stop(self) -> None:
        """Stop the couriers. Interrupted and waiting deliveries stay in the outbox until the next start."""
        with self._changing:
            self._started = False
            for unsubscribe in self._subscribed.values():
                unsubscribe()
            self._subscribed.clear()
            self.uploads.stop()
            self.files.stop()
            self.notifications.stop()
            self._engine.stop(_STOP_S)

    def close(self) -> None:
        """Stop, and close the outbox. No method may be called afterwards."""
        self.stop()
        self.outbox.close()

    @property
    def snoozes(self) -> Snoozes:
        return self.notifications.snoozes

    @property
    def rehearsed(self) -> RehearsalTargets:
        """The targets as the rule rehearsal sees them."""
        return RehearsalTargets(
            self.notifications.filters, self.uploads.rules, self.notifications.why_muted, self._recorder.index
        )

    def held(self) -> list[tuple[CameraId, Span]]:
        """Return the recordings that wait for upload, except those for targets no longer in the settings."""
        return self.outbox.held(self._served())

    def drop_unrecorded(self, removed: Iterable[Segment]) -> None:
        """Drop uploads of which nothing is recorded any more, after these recordings were removed to make room.

        They would count as waiting until their destination is back, and in a full queue push out what can be sent.
        """
        try:
            gone = [one for one in self._needing(removed) if self._is_unrecorded(one)]
            if not gone:
                return
            self.outbox.drop_all([(one, ContentGone(one.to, RECORDING_GONE).message) for one in gone])
        except StorageError as error:  # their couriers find out
            log.warning("uploads whose recording was deleted may still count as waiting: %s", error)
            return
        for to, count in Counter(one.to for one in gone).items():
            log.warning("dropped %d that waited for %s: their recordings were deleted", count, to)

    def _needing(self, removed: Iterable[Segment]) -> list[Delivery]:
        """Return what waits and requires something of these recordings, of which there may be thousands."""
        spans = defaultdict[CameraId, list[Span]](list)
        for one in removed:
            spans[one.camera].append(one.span)
        merged = {camera: merge_spans(found) for camera, found in spans.items()}
        whole = {camera: Span(found[0].begin_ms, found[-1].end_ms) for camera, found in merged.items()}
        waiting = self.outbox.needing(whole)
        return [one for one in waiting if one.camera and one.needs and _touches(merged[one.camera], one.needs)]

    def _is_unrecorded(self, one: Delivery) -> bool:
        if one.what not in _OF_VIDEO or one.to not in self._settings.destinations:
            return False
        if "segment" in one.content:
            return self._recorder.index.segment(SegmentId(one.content["segment"])) is None
        if one.camera is None or one.needs is None:
            return False
        return not self._recorder.index.spans(one.camera, None, one.needs)

    def summary(self) -> dict[str, object]:
        """Return the backlog's count and age, as in `tawny status --json`."""
        waiting = [self.outbox.waiting(name) for name in self._served()]
        oldest_ms = min((one.oldest_ms for one in waiting if one.oldest_ms is not None), default=None)
        oldest = None if oldest_ms is None else utc_text(oldest_ms)
        return {"waiting": sum(one.count for one in waiting), "oldest": oldest}

    def pause(self, name: str, *, paused: bool) -> None:
        """Pause or resume a target. While paused, its deliveries wait, also after a restart.

        Raises KeyError for an unknown target.
        """
        self._known(name)
        if paused or name in self._paused:
            self.uploads.forgive(name)  # when resumed, too: a sweep may have gone on
        (self._paused.add if paused else self._paused.discard)(name)  # first: it holds even if the disk is full
        self.try_now(name)
        self.outbox.mark(_PAUSED + name, "1" if paused else "")

    def _forget_pauses(self) -> None:
        """Forget that targets were paused that are not in the settings any more."""
        for name in self._paused - {*self._names, *self._settings.files}:
            self._paused.discard(name)
            try:
                self.outbox.mark(_PAUSED + name, "")
            except StorageError as error:
                log.warning("that %s was paused could not be forgotten: %s", name, error)

    def forget(self, name: str) -> None:
        """Forget a target that was removed from the settings: what waits for it, and that it was paused."""
        for target in (name, folder_target(name)):
            self.outbox.forget_target(target)
        self._paused.discard(name)

    def try_now(self, name: str) -> None:
        """Try what failed again at once, without the rest of the wait, also a search for expired files.

        Raises KeyError for an unknown target.
        """
        self._known(name)
        self.outbox.try_now(self.files.target(name) or name)
        for part in (self.uploads, self._sweeper, self.files, self.notifications):
            part.try_now(name)

    def troubles(self) -> list[HealthProblem]:
        """Return the targets whose backlog is too large, too old or was cut, or that can't be swept. Reads the disk."""
        if not self._started:
            return []
        now_ms = self._clock.now_ms()
        overflowed = self.outbox.overflowed(now_ms - OVERFLOW_SHOWN_MS)
        targets = [one for one in self.all_targets() if one.kind != "files"]
        behind = uploads_behind(targets, budget_bytes(self._settings), now_ms, overflowed)
        sealed = [
            HealthProblem(ProblemKind.UPLOAD, None, words, SEALED_DO, f"sealed/{name}")
            for name, words in self._given_up_sealed().items()
        ]
        return [*behind, *sealed, *self._stranded(now_ms), *self.files.troubles()]

    def all_targets(self) -> list[TargetView]:
        """Return the destinations, the sets of files, then the notifiers."""
        return [*map(self._destination, self._settings.destinations), *self.files.views(), *self.notifications.all()]

    def mute(self, name: str, camera: CameraId, for_ms: int) -> None:
        """Mute a camera for this time; 0 unmutes."""
        self._known(name)
        self.notifications.mutes.put(name, camera, for_ms)

    def forget_cameras(self, cameras: Collection[CameraId]) -> None:
        """Forget snoozes and mutes of removed cameras. Raises StorageError."""
        self.snoozes.forget_cameras(cameras)
        self.notifications.mutes.forget_cameras(cameras)

    def push_key(self) -> str:
        """Return the VAPID public key browsers subscribe with."""
        notifier, kept = self.notifications.browsers()
        return notifier.public_key(kept)

    def has_browser_channel(self) -> bool:
        """Return whether subscribed browsers get notifications."""
        return self.notifications.browser_channel()[1]

    def has_browser(self) -> bool:
        """Return whether a browser gets notifications."""
        from tawny.delivery.notifiers.webpush import has_browser  # loads cryptography

        return self.has_browser_channel() and has_browser(self.notifications.browsers()[1])

    def subscribe_browser(self, person: str, endpoint: str, keys: tuple[str, str] | None, session: str = "") -> None:
        """Add or remove a browser subscription. keys: its p256dh and auth; None removes it.

        session: public ID of the login session, with which it ends.
        It gets messages once there is a channel for browsers. Raises ValueError if the keys are invalid.
        """
        notifier, kept = self.notifications.browsers()
        if keys is None:
            notifier.unsubscribe(kept, endpoint)
        else:
            notifier.subscribe(kept, person, endpoint, keys, session)

    def act_words(self, name: str, token: str) -> str:
        """Return the question of a message action. Raises NotDone if the token is invalid or expired."""
        return self.notifications.actions.look(name, token).words

    def act(self, name: str, token: str, address: str) -> str:
        """Execute a message action; return its confirmation. Raises NotDone like `act_words`.

        address: of the caller, for the audit log.
        """
        return self.notifications.act(name, token, address)

    def overview(self) -> list[dict[str, object]]:
        """Return all targets, as in `tawny notifications list --json` and `tawny uploads list --json`."""
        sealed = self._given_up_sealed()
        return [
            {
                "name": one.name,
                "kind": one.kind,
                "where": one.where,
                "waiting": one.waiting.count,
                "trouble": one.trouble or sealed.get(one.name, ""),
                "paused": one.is_paused,
            }
            for one in self.all_targets()
        ]

    def tested(self, name: str) -> dict[str, object]:
        """Return the output of `tawny notifications test` and `tawny uploads test`; `known`: names, if unknown."""
        try:
            steps = self.test(name)
        except KeyError:
            return {"known": self._names}
        return {"steps": [{"what": one.what, "wrong": one.wrong, "hint": one.do} for one in steps]}

    def swept(self, name: str, *, dry_run: bool) -> dict[str, object]:
        """Return the output of `tawny uploads clean`. dry_run: list the files, delete none. `known`: all names."""
        chosen = self._settings.destinations
        if name not in chosen:
            return {"known": list(chosen)}
        try:
            found = self.uploads.too_old(name) if dry_run else self.uploads.sweep(name)
        except DeliveryError as error:
            return {"error": {"code": error.code, "message": error.message, "hint": error.do}}
        items = [{"name": one.name, "size_bytes": one.size_bytes, "written_ms": one.modified_ms} for one in found]
        return {"keep_s": chosen[name].retention, "removed": not dry_run, "items": items}

    def resent(self, name: str, since_ms: int, *, forget: bool) -> dict[str, object]:
        """Return the output of `tawny uploads resend`. `known`: all names. Raises NotDone, DeliveryError."""
        chosen = self._settings.destinations
        if name not in chosen:
            return {"known": list(chosen)}
        if forget:
            return {**self._resender.forget(name, chosen[name], since_ms)}
        return {**self._resender.resend(name, chosen[name], since_ms, budget_bytes(self._settings))}

    def test(self, name: str) -> list[ConnectionTestStep]:
        """Test a destination or a notifier; set `write_only` of a destination whose login may not delete.

        Raises KeyError for an unknown name. Waits for the network.
        """
        settings = self._settings
        if name in settings.notifiers:
            return self.notifications.test(name)
        if name in settings.files:
            return self.files.test(name, settings.files[name])
        steps = self.uploads.test(name)
        if steps[-1].write_only and self._save_write_only is not None:
            try:
                self._save_write_only(name)
                steps.append(
                    ConnectionTestStep("`write_only = true` is now set: tawny deletes and lists nothing there")
                )
            except TawnyError as error:
                steps.append(ConnectionTestStep("Set `write_only = true`", error.message, error.do))
        return steps

    # --- inside ------------------------------------------------------------------------------------------------------

    @property
    def _names(self) -> list[str]:
        """Names of all targets."""
        return [*self._settings.destinations, *self._settings.notifiers]

    def _note_stranded(self) -> None:
        """Note since when targets for which items wait are not in the settings, as after a change of their name."""
        try:
            known, unserved = self.outbox.marks(_GONE), set(self.outbox.targets()) - set(self._served())
            gone = {_GONE + name for name in unserved if self.outbox.waiting(name).count}
            for mark in known.keys() ^ gone:
                self.outbox.mark(mark, str(self._clock.now_ms()) if mark in gone else "")
        except StorageError as error:
            log.warning("items that wait for targets that aren't in the settings may not be reported: %s", error)

    def _stranded(self, now_ms: int) -> Iterator[HealthProblem]:
        """Yield the targets that are not in the settings, and for which items wait."""
        for mark, since_ms in self.outbox.marks(_GONE).items():
            name = mark.removeprefix(_GONE)
            count = self.outbox.waiting(name).count
            if count and now_ms - int(since_ms) < STRANDED_SHOWN_MS:
                one = f"1 item is waiting for {name}, which isn't in the settings."
                yield HealthProblem(
                    ProblemKind.UPLOAD,
                    None,
                    one if count == 1 else f"{count} items are waiting for {name}, which isn't in the settings.",
                    "If you renamed it, give it its former name until they are sent. If you removed it, this message "
                    "ends within a week.",
                    name,
                )

    def _served(self) -> list[str]:
        """Return the targets of the settings, with the folders of files."""
        return [*self._names, *self.files.targets]

    def _given_up_sealed(self) -> dict[str, str]:
        """Return, by destination, what was not sent to it within the last day because it is encrypted."""
        since_ms, lost = self._clock.now_ms() - OVERFLOW_SHOWN_MS, Counter[str]()
        for why in SEALED_RECORDING, SEALED_PICTURE:
            lost.update(self.outbox.given_up(since_ms, why))
        found = dict[str, str]()
        for name in lost.keys() & self._settings.destinations.keys():
            n = lost[name]
            one = f"Within the last day, 1 file was not sent to {name}, because its recording or snapshot is encrypted."
            more = f"{n} files were not sent to {name}, because their recordings or snapshots are encrypted."
            found[name] = one if n == 1 else f"Within the last day, {more}"
        return found

    def _known(self, name: str) -> None:
        if name not in self._names and self.files.target(name) is None:
            raise KeyError(name)

    def _subscribe_needed(self, settings: Settings) -> None:
        """Subscribe those that have work by these settings to the recorder's messages, each once."""
        if settings.destinations:
            self._subscribe(EventChanged, self.upload_scheduler.on_message)
            self._subscribe(SegmentClosed, self.upload_scheduler.on_message)
        if settings.files:
            self._subscribe(EventChanged, self.files.on_message)
            self._subscribe(SegmentClosed, self.files.on_message)
        if self._is_working:
            self._subscribe(EventChanged, self.notifications.scheduler.on_message)
            self._subscribe(Alarm, self.notifications.scheduler.on_message)

    def _subscribe(self, kind: type[MessageType], listener: Callable[[MessageType], None]) -> None:
        if (kind, listener) not in self._subscribed:
            self._subscribed[kind, listener] = self._recorder.bus.subscribe(kind, listener)

    def _brought(self, delivery: Delivery) -> None:
        """Forward a delivery that a destination's courier has ended."""
        self.uploads.forms.forget(delivery)
        self.files.ended(delivery)
        self.notifications.scheduler.ended(delivery)

    def _destination(self, name: str) -> TargetView:
        where, gets = self.uploads.public(name), ", ".join(self._settings.destinations[name].upload)
        outbox, receives = self.outbox, _access_at_destination(self._settings, name)
        why = self.uploads.unswept().get(name)
        return TargetView(
            name, "destination", where, "", gets, outbox.waiting(name), outbox.trouble(name), name in self._paused,
            outbox.ended(name), {}, receives, f"Expired uploads stay at {name}: {why}" if why else "",
        )  # fmt: skip

    def _clip_of(self, event: Event, now_ms: int) -> Span:
        return event.clip(now_ms, *event_rolls(self._recorder, event.camera))

    def _shorten(self, camera: CameraId, span: Span) -> None:
        """Keep a camera's files short in a span, unless a limit counts them: that is of files of about a minute."""
        limits = contract(self._settings).limits()
        if all(keep.count is None for whose, stream, keep in limits if whose in (None, camera) and stream is None):
            self._shorten_files(camera, span)

    def _states(self) -> dict[CameraId, CameraState]:
        return {one.status.id: one.status.state for one in self._recorder.cameras()}


def _has_recorded_before(recorder: RecorderService, now_ms: int) -> bool:
    """Return whether there are recordings of before this start, or of a clock that was ahead of this one."""
    try:
        found = [recorder.index.bounds(camera) for camera in recorder.camera_names()]
    except StorageError:
        return True
    return any(one is not None and (one.begin_ms < recorder.started_ms or one.end_ms > now_ms) for one in found)


def _of(settings: Settings, name: str) -> object:
    return settings.destinations.get(name) or settings.notifiers.get(name)


def _access_at_destination(settings: Settings, name: str) -> ReceivedAccess:
    """Return CLEAR unless all cameras of the destination are sealed."""
    cameras = settings.destinations[name].cameras or tuple(settings.cameras)
    is_sealed = bool(cameras) and all(settings.is_sealed(camera) for camera in cameras)
    return ReceivedAccess.SEALED if is_sealed else ReceivedAccess.CLEAR


def budget_bytes(settings: Settings) -> int:
    """Return the size limit, in bytes, of the recordings the outbox may hold on disk or in memory."""
    storage = settings.storage
    if storage.mode == "memory":
        return min(settings.outbox.budget, storage.memory // MEMORY_SHARE)
    return settings.outbox.budget


def waiting_recordings(folder: Path, settings: Settings) -> list[tuple[CameraId, Span]]:
    """Return what `DeliveryService.held` does, for commands. A recorder may be running. Raises StorageError."""
    path = folder / OUTBOX
    if not path.exists():
        return []
    folders = [folder_target(name) for name, one in settings.files.items() if one.folder]
    with sqlite_errors(str(path), read_only=True), closing(opened_to_read(path)) as db:
        return held_by(db, [*settings.destinations, *settings.notifiers, *folders])


def _touches(spans: Sequence[Span], needs: Span) -> bool:
    """Return whether any of these spans, merged and in order, overlaps with the other one."""
    at = bisect_right(spans, needs.begin_ms, key=lambda one: one.end_ms)
    return at < len(spans) and spans[at].begin_ms < needs.end_ms

"""Delivery service: the outbox, the schedulers that fill it, and the couriers. Recording does not depend on it."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from tawny.config import targets as config
from tawny.config.settings import Settings
from tawny.delivery.courier import (
    FIRST_WAIT_S,
    MOST_WAIT_S,
    NEVER_S,
    Courier,
    DeliveryRoute,
    TargetWorker,
    WorkerPool,
)
from tawny.delivery.delivery import Delivery, DeliveryKind, ReceivedAccess, in_memory
from tawny.delivery.destination import ConnectionTestStep
from tawny.delivery.file_names import safe_names
from tawny.delivery.notifier import (
    BrowserNotifier,
    ButtonNotifier,
    ButtonPresses,
    MessageCarrier,
    Notifier,
    NotifierContext,
    NotifierStore,
    NotifierTraits,
)
from tawny.delivery.outbox import Outbox, OutboxMarks, TargetView
from tawny.engine import Engine, Handle
from tawny.engine.backoff import spread_s
from tawny.model.errors import DeliveryError, NotDone, TawnyError
from tawny.model.events import Event
from tawny.model.ids import CameraId, EventId
from tawny.model.messages import Message
from tawny.model.times import Clock, Span, utc_text
from tawny.playback.clips import ClipCache
from tawny.service.delivery.file_sets import FileSetMeans, FileSets
from tawny.service.delivery.message_composer import MessageActions, MessageComposer, MessageMeans
from tawny.service.delivery.notification_scheduler import NotificationFilter, NotificationScheduler, anybody
from tawny.service.delivery.snoozes import Snoozes
from tawny.service.delivery.upload_scheduler import DeliverySource, UploadScheduler
from tawny.service.delivery.uploads import Sweeper, Uploads
from tawny.service.health.alarms import HealthProblem
from tawny.service.health.checks import uploads_behind
from tawny.service.modes.decider import Decider, NoRules
from tawny.service.modes.mode_service import RehearsalTargets
from tawny.service.plugin_registry import PluginRegistry
from tawny.service.recorder import RecorderService
from tawny.service.sealing.policy import NoSealedExport, SealedExportApi

log = logging.getLogger(__name__)
MEMORY_SHARE = 2
"""In memory mode the outbox may hold recordings of at most 1/MEMORY_SHARE of the memory limit."""
OVERFLOW_TOLD_MS = 86_400_000
"""How long, ms, it is told that deliveries were dropped."""
_STOP_S = 5.0


# Notifications: a filter, a composer and a courier per notifier. Notifiers and destinations share the outbox.

EVER = Span(0, 4_102_444_800_000)
MOST_COUNTED = 1000
PRESSES_S = 0.2
"""Pause, s, between two polls for pressed buttons. The service keeps each long poll open for many seconds."""
_Wanted = tuple[config.NotifierSettings, str]
"""A notifier's settings, and the public URL of the recorder."""
MaySee = Callable[[str, CameraId], bool]
"""Whether the person of this name may see a camera."""


def _gets(one: config.NotifierSettings) -> str:
    """Return a summary of what a notifier receives."""
    kinds = ", ".join(one.kinds) if one.kinds else "all events"
    parts = [
        kinds if one.events else "",
        "trouble" if one.problems else "",
        "a daily summary" if one.daily_summary else "",
    ]
    where = f" from {', '.join(one.cameras)}" if one.cameras else ""
    return ", ".join(part for part in parts if part) + where


def _receives(one: config.NotifierSettings, traits: NotifierTraits) -> ReceivedAccess:
    """Return whether the service receives images itself, or only text and links."""
    pictures = one.snapshot and traits.picture
    moving = one.clip in ("auto", "gif", "video") and traits.gif
    return ReceivedAccess.CLEAR if pictures or moving else ReceivedAccess.LINK


class Notifications:
    """Runs the notifiers. Thread-safe. clip_link: returns the URL of an event's uploaded clip, or empty."""

    def __init__(
        self,
        settings: Settings,
        source: DeliverySource,
        recorder: RecorderService,
        doors: PluginRegistry,
        clip_link: Callable[[EventId], str],
        may_see: MaySee,
        is_paused: Callable[[str], bool],
    ) -> None:
        self._settings, self._outbox, self._clock = settings, source.outbox, source.clock
        self._doors, self._may_see, self._is_paused = doors, may_see, is_paused

        def name_of(camera: CameraId) -> str:
            return recorder.camera_names().get(camera, camera)

        zone = ZoneInfo(recorder.zone)
        self._recorder = recorder
        self.acts = MessageActions(source.outbox, recorder, source.clock, name_of)
        self.snoozes = Snoozes(source.outbox, source.clock, zone, may_see)
        self._means = MessageMeans(
            source, recorder, ClipCache(recorder), self.acts, name_of, clip_link, {}, self.snoozes,
            lambda: self._settings.web.name or recorder.host,
        )  # fmt: skip
        self.telling = NotificationScheduler(
            source, self.ears(), self.silence, recorder.alarms, zone, links=bool(settings.destinations)
        )
        self._crew: WorkerPool[_Wanted] | None = None

    def start(self, engine: Engine) -> list[Courier]:
        """Start the scheduler and the couriers, one per notifier. Return the couriers."""
        self._crew = WorkerPool(engine, self._begin)
        self._crew.take_over(self._wanted())
        self.telling.handle = engine.start(self.telling.name, lambda: self.telling)
        return [worker for worker in self._crew.workers() if isinstance(worker, Courier)]

    def take_over(self, settings: Settings) -> None:
        """Apply changed settings: start, restart and stop notifiers accordingly."""
        self._settings = settings
        self.telling.take_over(self.ears(), links=bool(settings.destinations))
        if self._crew is not None:
            self._crew.take_over(self._wanted())

    def ears(self) -> list[NotificationFilter]:
        """Return the filters of all notifiers."""
        return [self._ear(name, one) for name, one in self._settings.notifiers.items()]

    def silence(self, name: str, camera: CameraId, at_ms: int) -> str:
        """Return why this notifier sends nothing about a camera's event of this time; empty if it does."""
        if self.acts.is_muted(name, camera, at_ms):
            return f"{name} has muted this camera."
        one = self._settings.notifiers.get(name)
        return self.snoozes.why(one.user if one else "", camera, at_ms)

    def stop(self) -> None:
        """Stop the couriers. Interrupted deliveries stay in the outbox until the next start."""
        if self._crew is not None:
            self._crew.stop()

    def all(self) -> list[TargetView]:
        """Return the notifiers."""
        return [self._view(name, one) for name, one in self._settings.notifiers.items()]

    def test(self, name: str, one: config.NotifierSettings | None = None) -> list[ConnectionTestStep]:
        """Send a test message. one: settings to test; None: the current ones.

        Raises KeyError for an unknown name. Waits for the network.
        """
        one, now_ms = one or self._settings.notifiers[name], self._clock.now_ms()
        delivery = Delivery(name, f"test/{now_ms}", DeliveryKind.MESSAGE, {"kind": "test"}, now_ms, now_ms)
        try:
            carrier = self._carrier(name, one)
            try:
                carrier.carry(delivery, in_memory(b"", "text/plain", 0), lambda _: None)
            finally:
                carrier.close()
        except DeliveryError as error:
            return [ConnectionTestStep("Send a notification", error.message, error.do)]
        return [ConnectionTestStep("Notification sent")]

    def browsers(self) -> tuple[BrowserNotifier, NotifierStore] | None:
        """Return the notifier that browsers subscribe to, and its store; None without one."""
        for name, one in self._settings.notifiers.items():
            kind = self._kind(one.url)
            if isinstance(kind, BrowserNotifier):
                return kind, OutboxMarks(self._outbox, f"kept/{name}/")
        return None

    # --- inside ------------------------------------------------------------------------------------------------------

    def _kind(self, url: str) -> Notifier:
        kind = self._doors.notifier_of(url)
        assert kind is not None  # the settings were validated
        return kind

    def _view(self, name: str, one: config.NotifierSettings) -> TargetView:
        kind, outbox = self._kind(one.url), self._outbox
        traits = kind.traits(one.url)
        return TargetView(
            name, "notifier", kind.public(one.url), traits.shows, _gets(one), outbox.waiting(name),
            outbox.trouble(name), self._is_paused(name), outbox.ended(name), self.acts.mutes(name),
            _receives(one, traits),
        )  # fmt: skip

    def _wanted(self) -> dict[str, "_Wanted"]:
        """Return by notifier everything its workers depend on."""
        address = self._settings.web.link_url
        return {name: (one, address) for name, one in self._settings.notifiers.items()}

    def _begin(self, name: str, wanted: "_Wanted", _: threading.Event) -> list[TargetWorker]:
        one, kind = wanted[0], self._kind(wanted[0].url)
        workers: list[TargetWorker] = [
            Courier(1, self._route(name, one), self._outbox, self._clock, self.telling.ended)
        ]
        if one.buttons and isinstance(kind, ButtonNotifier):
            workers.append(_Pressed(name, kind.presses(self._opened(name, one)), self.acts))
        return workers

    def _route(self, name: str, one: config.NotifierSettings) -> DeliveryRoute:
        return DeliveryRoute(
            name,
            lambda: self._carrier(name, one),
            self._composer(name, one).content,
            lambda: NEVER_S if self._is_paused(name) else 0.0,
            always=None,
        )

    def _carrier(self, name: str, one: config.NotifierSettings) -> MessageCarrier:
        kind = self._kind(one.url)
        return MessageCarrier(
            kind.open(self._opened(name, one)), kind.traits(one.url), self._composer(name, one).message
        )

    def _opened(self, name: str, one: config.NotifierSettings) -> NotifierContext:
        options = self._kind(one.url).settings(one.url, one.options)
        kept = OutboxMarks(self._outbox, f"kept/{name}/")
        return NotifierContext(
            name, one.url, options, self._clock, kept, lambda who, what: self._may_see(who, CameraId(what)),
            lambda who, what, at_ms: self.snoozes.of(who, CameraId(what), at_ms) is not None, self._new_events,
        )  # fmt: skip

    def _new_events(self, person: str) -> int:
        """Return the number of new events that this person may see, at most MOST_COUNTED."""
        sees_all = self._may_see(person, CameraId(""))
        cameras = None if sees_all else [one for one in self._recorder.camera_names() if self._may_see(person, one)]
        found = self._recorder.index.events(EVER, cameras=cameras, only="new", limit=MOST_COUNTED)
        return len(found.events)

    def _composer(self, name: str, one: config.NotifierSettings) -> MessageComposer:
        traits, address = self._kind(one.url).traits(one.url), self._settings.web.link_url
        may_see = partial(self._may_see, one.user) if one.user else anybody
        return MessageComposer(name, one, traits, self._means, address, may_see)

    def _ear(self, name: str, one: config.NotifierSettings) -> NotificationFilter:
        kind = self._kind(one.url)
        traits = kind.traits(one.url)
        return NotificationFilter(
            name,
            frozenset(CameraId(camera) for camera in one.cameras) or None,
            frozenset(one.kinds) or None,
            events=one.events,
            alarms=one.problems,
            recap=config.minute(one.daily_summary) if one.daily_summary else None,
            quiet=one.quiet_hours,
            cool_down_ms=round(one.min_interval * 1000),
            follows=one.clip != "none" and (traits.gif or traits.video or bool(self._settings.destinations)),
            edits=traits.edits,
            may_see=partial(self._may_see, one.user) if one.user else anybody,
            leaves_out=self.snoozes.why_some if isinstance(kind, BrowserNotifier) else lambda *_: "",
        )


class _Pressed:
    """Actor that polls a service for pressed buttons and executes their actions."""

    def __init__(self, to: str, presses: ButtonPresses, acts: MessageActions) -> None:
        self.name = f"buttons of {to}"
        self._to, self._presses, self._acts, self._misses = to, presses, acts, 0
        self.handle: Handle | None = None

    def stop(self) -> None:
        """Do nothing; the actor ends after its current step, as a poll returns within seconds."""

    def step(self) -> float:
        try:
            self._presses.wait(self._do)
        except DeliveryError as error:
            log.info("%s", error)
            self._misses += 1
            return spread_s(self._misses - 1, FIRST_WAIT_S, MOST_WAIT_S)
        self._misses = 0
        return PRESSES_S

    def close(self) -> None:
        """No resources to release."""

    def _do(self, token: str) -> str:
        try:
            return self._acts.do(self._to, token)
        except NotDone as error:
            return error.message


# Both kinds of targets.


@dataclass(frozen=True, slots=True)
class DeliveryPolicy:
    """What may be sent to whom. may_see: whether the person of this name may see a camera. deciding: the rules."""

    may_see: MaySee = lambda *_: False
    deciding: Decider = field(default_factory=NoRules)
    sealed: SealedExportApi = field(default_factory=NoSealedExport)
    publish: Callable[[Message], None] = lambda _: None
    """Announces files on the bus."""


class DeliveryService:
    """Runs uploads and notifications. Created, started and closed together with the recorder.

    The other methods are thread-safe.
    """

    def __init__(
        self,
        settings: Settings,
        where: Path | str,
        recorder: RecorderService,
        doors: PluginRegistry,
        clock: Clock,
        engine: Engine,
        policy: DeliveryPolicy = DeliveryPolicy(),
    ) -> None:
        """Create the service; `start` starts it.

        where: path of the outbox database, or `:memory:`. engine: runs the service's actors and no others.
        """
        self.outbox = Outbox(where, clock)
        self._settings, self._recorder, self._clock = settings, recorder, clock
        self._paused: set[str] = set()
        self._changing = threading.Lock()
        self._is_working = False
        self._engine = engine
        self._unsubscribe: Callable[[], None] = lambda: None
        source = DeliverySource(
            self.outbox, recorder, clock, self._clip_of, policy.deciding, policy.sealed,
            lambda: safe_names(recorder.camera_names()),
        )  # fmt: skip
        self.sending = UploadScheduler(source, [], budget_bytes(settings), self._served)
        self.bringing = Uploads(source, recorder, doors, self._engine, self._paused.__contains__, self._brought)
        self.messaging = Notifications(
            settings, source, recorder, doors, self.bringing.clip_link, policy.may_see, self._paused.__contains__
        )
        means = FileSetMeans(
            lambda: [*recorder.camera_names()],
            self.bringing.contents.of,
            policy.publish,
            ZoneInfo(recorder.zone),
            self._paused.__contains__,
        )
        self.files = FileSets(source, means, self._engine)
        self._started = False
        self.save_write_only: Callable[[str], None] | None = None
        """Sets `write_only` of a destination in the settings. Raises TawnyError. None: the settings are fixed."""

    def start(self) -> None:
        self._unsubscribe = self._recorder.bus.subscribe(self._heard)
        self._started = True
        self.apply(self._settings)

    def apply(self, settings: Settings) -> None:
        """Apply changed settings, already validated. Restart only targets that differ; waiting deliveries stay."""
        with self._changing:
            before, self._settings = self._settings, settings
            if not self._started:
                return
            self.bringing.take_over(settings.destinations, settings.files)
            self.sending.take_over(self.bringing.wishes(), budget_bytes(settings))
            self.files.take_over(settings.files)
            if not self._is_working and (self._names or settings.files):
                self._is_working = True
                self.files.handle = self._engine.start(self.files.name, lambda: self.files)
                self.sending.handle = self._engine.start(self.sending.name, lambda: self.sending)
                self._engine.start(Sweeper.name, lambda: Sweeper(self.bringing, self.outbox, self._clock))
                self.messaging.start(self._engine)
            self.messaging.take_over(settings)
            for name in self._names:
                if _of(before, name) != _of(settings, name):
                    self.outbox.try_now(name)  # the backoff was caused by the previous settings

    def stop(self) -> None:
        """Stop the couriers. Interrupted and waiting deliveries stay in the outbox until the next start."""
        with self._changing:
            self._started = False
            self._unsubscribe()
            self.bringing.stop()
            self.files.stop()
            self.messaging.stop()
            self._engine.stop(_STOP_S)

    def close(self) -> None:
        """Stop, and close the outbox. No method may be called afterwards."""
        self.stop()
        self.outbox.close()

    @property
    def snoozes(self) -> Snoozes:
        return self.messaging.snoozes

    @property
    def rehearsed(self) -> RehearsalTargets:
        """The targets as the rule rehearsal sees them."""
        return RehearsalTargets(self.messaging.ears, self.bringing.wishes, self.messaging.silence)

    def held(self) -> list[tuple[CameraId, Span]]:
        """Return the recordings that wait for upload, except those for targets no longer in the settings."""
        return self.outbox.held(self._served())

    def summary(self) -> dict[str, object]:
        """Return the backlog's count and age, as in `tawny status --json`."""
        waiting = self.outbox.waiting()
        oldest = None if waiting.oldest_ms is None else utc_text(waiting.oldest_ms)
        return {"waiting": waiting.count, "oldest": oldest}

    def pause(self, name: str, *, paused: bool) -> None:
        """Pause or resume a target. While paused, its deliveries wait. Raises KeyError for an unknown target."""
        self._known(name)
        (self._paused.add if paused else self._paused.discard)(name)
        self.try_now(name)

    def try_now(self, name: str) -> None:
        self._known(name)
        self.outbox.try_now(self.files.target(name) or name)

    def troubles(self) -> list[HealthProblem]:
        """Return the targets whose backlog is too large or too old, or was cut. Reads the disk."""
        if not self._started:
            return []
        now_ms = self._clock.now_ms()
        overflowed = self.outbox.overflowed(now_ms - OVERFLOW_TOLD_MS)
        targets = [one for one in self.all_targets() if one.kind != "files"]
        behind = uploads_behind(targets, budget_bytes(self._settings), now_ms, overflowed)
        return [*behind, *self.files.troubles()]

    def all_targets(self) -> list[TargetView]:
        """Return the destinations, the sets of files, then the notifiers."""
        return [*map(self._destination, self._settings.destinations), *self.files.views(), *self.messaging.all()]

    def mute(self, name: str, camera: CameraId, for_ms: int) -> None:
        """Mute a camera for this time; 0 unmutes."""
        self._known(name)
        self.messaging.acts.mute(name, camera, for_ms)

    def push_key(self) -> str:
        """Return the VAPID public key browsers subscribe with; empty when no notifier uses Web Push."""
        found = self.messaging.browsers()
        return found[0].public_key(found[1]) if found is not None else ""

    def has_browser(self) -> bool:
        """Return whether a browser gets notifications."""
        from tawny.delivery.notifiers.webpush import browsers  # loads cryptography

        found = self.messaging.browsers()
        return found is not None and bool(browsers(found[1]))

    def tell_browser(self, person: str, endpoint: str, keys: tuple[str, str] | None) -> None:
        """Add or remove a browser subscription.

        keys: its p256dh and auth; None removes it. Raises ValueError if they are invalid and KeyError without a Web
        Push notifier.
        """
        found = self.messaging.browsers()
        if found is None:
            raise KeyError("webpush")
        notifier, kept = found
        if keys is None:
            notifier.unsubscribe(kept, endpoint)
        else:
            notifier.subscribe(kept, person, endpoint, keys)

    def act_words(self, name: str, token: str) -> str:
        """Return the question of a message action. Raises NotDone if the token is invalid or expired."""
        return self.messaging.acts.look(name, token).words

    def act(self, name: str, token: str) -> str:
        """Execute a message action; return its confirmation. Raises NotDone like `act_words`."""
        return self.messaging.acts.do(name, token)

    def told(self) -> list[dict[str, object]]:
        """Return all targets, as in `tawny notifications list --json` and `tawny uploads list --json`."""
        return [
            {
                "name": one.name,
                "kind": one.kind,
                "where": one.where,
                "waiting": one.waiting.count,
                "trouble": one.trouble,
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

    def swept(self, name: str, *, only_told: bool) -> dict[str, object]:
        """Return the output of `tawny uploads clean`. only_told: list the files, delete none. `known`: all names."""
        chosen = self._settings.destinations
        if name not in chosen:
            return {"known": list(chosen)}
        try:
            found = self.bringing.too_old(name) if only_told else self.bringing.sweep(name)
        except DeliveryError as error:
            return {"error": {"code": error.code, "message": error.message, "hint": error.do}}
        items = [{"name": one.name, "size_bytes": one.size_bytes, "written_ms": one.modified_ms} for one in found]
        return {"keep_s": chosen[name].retention, "removed": not only_told, "items": items}

    def test(self, name: str) -> list[ConnectionTestStep]:
        """Test a destination or a notifier; set `write_only` of a destination whose login may not delete.

        Raises KeyError for an unknown name. Waits for the network.
        """
        settings = self._settings
        if name in settings.notifiers:
            return self.messaging.test(name)
        if name in settings.files:
            return self.files.test(name, settings.files[name])
        steps = self.bringing.test(name)
        if steps[-1].write_only and self.save_write_only is not None:
            try:
                self.save_write_only(name)
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

    def _served(self) -> list[str]:
        """Return the targets of the settings, with the folders of files."""
        return [*self._names, *self.files.targets]

    def _known(self, name: str) -> None:
        if name not in self._names and self.files.target(name) is None:
            raise KeyError(name)

    def _heard(self, message: Message) -> None:
        if self._is_working:
            self.sending.heard(message)
            self.files.heard(message)
            self.messaging.telling.heard(message)

    def _brought(self, delivery: Delivery) -> None:
        """Forward a delivery that a destination's courier has ended."""
        self.sending.ended(delivery)
        self.files.ended(delivery)
        self.messaging.telling.ended(delivery)

    def _destination(self, name: str) -> TargetView:
        where, gets = self.bringing.public(name), ", ".join(self._settings.destinations[name].upload)
        outbox, receives = self.outbox, _access_at_destination(self._settings, name)
        return TargetView(
            name, "destination", where, "", gets, outbox.waiting(name), outbox.trouble(name), name in self._paused,
            outbox.ended(name), {}, receives,
        )  # fmt: skip

    def _clip_of(self, event: Event, now_ms: int) -> Span:
        known = {camera.status.id: camera for camera in self._recorder.cameras()}
        camera = known.get(event.camera)
        return event.clip(now_ms, camera.pre_s, camera.post_s) if camera else event.clip(now_ms, 5.0, 10.0)


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

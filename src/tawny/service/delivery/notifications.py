"""Notifications: a filter, a composer and a courier per notifier. Notifiers and destinations share the outbox."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from zoneinfo import ZoneInfo

from tawny.config import targets as config
from tawny.config.settings import Settings
from tawny.delivery.courier import FIRST_WAIT_S, MOST_WAIT_S, Courier, DeliveryRoute
from tawny.delivery.delivery import Delivery, DeliveryContent, DeliveryKind, ReceivedAccess
from tawny.delivery.destination import ConnectionTestStep
from tawny.delivery.notifier import (
    ButtonNotifier,
    ButtonPresses,
    MessageCarrier,
    Notifier,
    NotifierContext,
    NotifierStore,
    NotifierTraits,
)
from tawny.delivery.outbox import Outbox
from tawny.delivery.send_schedule import NEVER_S
from tawny.engine import Engine, Handle
from tawny.engine.backoff import spread_s
from tawny.model.clock import Clock
from tawny.model.errors import DeliveryError, NotDone
from tawny.model.events import Event
from tawny.model.ids import CameraId, EventId
from tawny.model.messages import Message
from tawny.model.times import Span
from tawny.playback.clips import ClipCache
from tawny.service.delivery.contents import InMemoryContent
from tawny.service.delivery.message_actions import MessageActions
from tawny.service.delivery.message_composer import MessageComposer
from tawny.service.delivery.notification_filter import NotificationFilter, anybody
from tawny.service.delivery.notification_scheduler import NotificationScheduler as TellingActor
from tawny.service.delivery.worker_pool import TargetWorker, WorkerPool
from tawny.service.modes.decider import Decider
from tawny.service.plugin_registry import PluginRegistry
from tawny.service.recorder import RecorderService
from tawny.service.sealing.sealed_export import NoSealedExport, SealedExportApi

PRESSES_S = 0.2
"""Pause, s, between two polls for pressed buttons. The service keeps each long poll open for many seconds."""
log = logging.getLogger(__name__)
_Wanted = tuple[config.NotifierSettings, str]
"""A notifier's settings, and the public URL of the recorder."""
MaySee = Callable[[str, CameraId], bool]
"""Whether the person of this name may see a camera."""


@dataclass(frozen=True, slots=True)
class NotifierInfo:
    """A configured notifier. public: its address without secrets."""

    name: str
    public: str
    traits: NotifierTraits
    settings: config.NotifierSettings

    @property
    def gets(self) -> str:
        """Summary of what this notifier receives."""
        one = self.settings
        kinds = ", ".join(one.kinds) if one.kinds else "all events"
        parts = [
            kinds if one.events else "",
            "trouble" if one.problems else "",
            "a daily summary" if one.daily_summary else "",
        ]
        where = f" from {', '.join(one.cameras)}" if one.cameras else ""
        return ", ".join(part for part in parts if part) + where

    @property
    def receives(self) -> ReceivedAccess:
        """Whether the service receives images itself, or only text and links."""
        one, traits = self.settings, self.traits
        pictures = one.snapshot and traits.picture
        return (
            ReceivedAccess.CLEAR
            if pictures or (one.clip in ("auto", "gif", "video") and traits.gif)
            else ReceivedAccess.LINK
        )


class Notifications:
    """Runs the notifiers. Thread-safe. clip_link: returns the URL of an event's uploaded clip, or empty."""

    def __init__(
        self,
        settings: Settings,
        outbox: Outbox,
        recorder: RecorderService,
        doors: PluginRegistry,
        clock: Clock,
        clip_of: Callable[[Event, int], Span],
        clip_link: Callable[[EventId], str],
        may_see: MaySee,
        deciding: Decider | None = None,
        sealed: SealedExportApi | None = None,
    ) -> None:
        self._sealed, self._shown = sealed or NoSealedExport(), dict[str, tuple[str, str]]()
        self._settings, self._outbox, self._recorder, self._doors = settings, outbox, recorder, doors
        self._clock, self._clip_link, self._may_see = clock, clip_link, may_see
        self._clips = ClipCache(recorder)
        self.acts = MessageActions(outbox, recorder, clock, self._name_of)
        self.telling = TellingActor(
            outbox,
            recorder,
            self.ears(),
            clip_of,
            self.acts.is_muted,
            recorder.alarms,
            ZoneInfo(recorder.zone),
            clock,
            links=bool(settings.destinations),
            deciding=deciding,
        )
        self._is_paused: Callable[[str], bool] = lambda _: False
        self._crew: WorkerPool[_Wanted] | None = None

    def start(self, engine: Engine, is_paused: Callable[[str], bool]) -> list[Courier]:
        """Start the scheduler and the couriers, one per notifier. Return the couriers."""
        self._is_paused = is_paused
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

    def stop(self) -> None:
        """Stop the couriers. Interrupted deliveries stay in the outbox until the next start."""
        if self._crew is not None:
            self._crew.stop()

    def heard(self, message: Message) -> None:
        self.telling.heard(message)

    def all(self) -> list[NotifierInfo]:
        return [
            NotifierInfo(name, self.kind(one.url).public(one.url), self.kind(one.url).traits(one.url), one)
            for name, one in self._settings.notifiers.items()
        ]

    def test(self, name: str, one: config.NotifierSettings | None = None) -> list[ConnectionTestStep]:
        """Send a test message. one: settings to test; None: the current ones.

        Raises KeyError for an unknown name. Waits for the network.
        """
        one, now_ms = one or self._settings.notifiers[name], self._clock.now_ms()
        delivery = Delivery(name, f"test/{now_ms}", DeliveryKind.MESSAGE, {"kind": "test"}, now_ms, now_ms)
        try:
            carrier = self._carrier(name, one)
            try:
                carrier.carry(delivery, InMemoryContent(b"", "text/plain", 0), lambda _: None)
            finally:
                carrier.close()
        except DeliveryError as error:
            return [ConnectionTestStep("Send a notification", error.message, error.do)]
        return [ConnectionTestStep("Notification sent")]

    def browsers(self) -> NotifierStore | None:
        """Return the store of Web Push subscriptions; None without a Web Push notifier."""
        for name, one in self._settings.notifiers.items():
            if one.url.startswith("webpush:"):
                return OutboxMarks(self._outbox, f"kept/{name}/")
        return None

    def kind(self, url: str) -> Notifier:
        kind = self._doors.notifier_of(url)
        assert kind is not None  # the settings were validated
        return kind

    # --- inside ------------------------------------------------------------------------------------------------------

    def _wanted(self) -> dict[str, "_Wanted"]:
        """Return by notifier everything its workers depend on."""
        address = self._settings.web.public_url
        return {name: (one, address) for name, one in self._settings.notifiers.items()}

    def _begin(self, name: str, wanted: "_Wanted", _: threading.Event) -> list[TargetWorker]:
        one, kind = wanted[0], self.kind(wanted[0].url)
        workers: list[TargetWorker] = [
            Courier(1, self._route(name, one), self._outbox, self._clock, self.telling.ended)
        ]
        if one.buttons and isinstance(kind, ButtonNotifier):
            workers.append(_Pressed(name, kind.presses(self._opened(name, one)), self.acts))
        return workers

    def _route(self, name: str, one: config.NotifierSettings) -> DeliveryRoute:
        composer = self._composer(name, one)

        def content(delivery: Delivery) -> DeliveryContent:
            return composer.content(delivery)

        return DeliveryRoute(
            name,
            lambda: self._carrier(name, one),
            content,
            lambda: NEVER_S if self._is_paused(name) else 0.0,
            always=None,
        )

    def _carrier(self, name: str, one: config.NotifierSettings) -> MessageCarrier:
        kind = self.kind(one.url)
        return MessageCarrier(
            kind.open(self._opened(name, one)), kind.traits(one.url), self._composer(name, one).message
        )

    def _opened(self, name: str, one: config.NotifierSettings) -> NotifierContext:
        options = self.kind(one.url).settings(one.url, one.options)
        kept = OutboxMarks(self._outbox, f"kept/{name}/")
        return NotifierContext(
            name, one.url, options, self._clock, kept, lambda who, what: self._may_see(who, CameraId(what))
        )

    def _composer(self, name: str, one: config.NotifierSettings) -> MessageComposer:
        return MessageComposer(
            name,
            one,
            self.kind(one.url).traits(one.url),
            self._recorder,
            self._clips,
            self.acts,
            self._name_of,
            self._clip_link,
            self._clock,
            self._settings.web.public_url,
            partial(self._may_see, one.user) if one.user else anybody,
            self._sealed,
            self._shown,
        )

    def _ear(self, name: str, one: config.NotifierSettings) -> NotificationFilter:
        traits = self.kind(one.url).traits(one.url)
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
        )

    def _name_of(self, camera: CameraId) -> str:
        return self._recorder.camera_names().get(camera, camera)


class OutboxMarks:
    """Key-value store of one notifier: a prefix of the outbox's marks."""

    def __init__(self, outbox: Outbox, prefix: str) -> None:
        self._outbox, self._prefix = outbox, prefix

    def marks(self) -> dict[str, str]:
        found = self._outbox.marks(self._prefix)
        return {name.removeprefix(self._prefix): value for name, value in found.items()}

    def mark(self, name: str, value: str) -> None:
        self._outbox.mark(self._prefix + name, value)


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

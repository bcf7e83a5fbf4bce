"""Notifications: a filter, a composer and a courier for each notifier, and the buttons pressed in messages.

Notifiers and destinations share the outbox.
"""

import json
import logging
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Protocol
from zoneinfo import ZoneInfo

import numpy as np

from tawny.config import targets as config
from tawny.config.settings import Settings
from tawny.delivery.courier import (
    FIRST_WAIT_S,
    MOST_WAIT_S,
    Courier,
    DeliveryRoute,
    TargetWorker,
    WorkerPool,
)
from tawny.delivery.delivery import Carrier, Delivery, DeliveryKind, ReceivedAccess, StoredContent, in_memory
from tawny.delivery.destination import ConnectionTestStep
from tawny.delivery.message_carrier import MessageCarrier
from tawny.delivery.notifier import (
    BrowserNotifier,
    ButtonNotifier,
    ButtonPresses,
    MessageRefused,
    Notifier,
    NotifierContext,
    NotifierStore,
    NotifierTraits,
    TargetTooSlow,
)
from tawny.delivery.outbox_marks import OutboxMarks
from tawny.delivery.targets import TargetView
from tawny.engine import ActorHandle, Engine
from tawny.engine.backoff import spread_s
from tawny.engine.plugins import PluginFailed, target_code
from tawny.media.image.jpeg import jpeg
from tawny.model.errors import DeliveryError, NotDone, StorageError, TargetFull, TawnyError
from tawny.model.events import Event, Level, level_words
from tawny.model.ids import CameraId
from tawny.model.times import Span
from tawny.playback.clips import ClipCache
from tawny.service.delivery.guarded_target import BrokenTarget, as_delivery_error, guarded
from tawny.service.delivery.message_actions import MUTE, MessageActions
from tawny.service.delivery.message_composer import MessageComposer, MessageMeans
from tawny.service.delivery.notification_filter import (
    NotificationFilter,
    NotifierMutes,
    Snoozes,
    any_camera,
    is_late,
    quiet_until_ms,
)
from tawny.service.delivery.notification_scheduler import NotificationScheduler
from tawny.service.delivery.upload_scheduler import DeliverySource
from tawny.service.delivery.uploads import Uploads
from tawny.service.languages import Translations
from tawny.service.plugin_registry import PluginRegistry
from tawny.service.recorder import RecorderService
from tawny.service.visits import EventVisit, visit_of

log = logging.getLogger(__name__)
BROWSERS_URL = "webpush:"
EVER = Span(0, 4_102_444_800_000)
MOST_COUNTED = 1000
_NO_IMAGES = "Notifications arrive without images. Allow attachments there, or turn off its snapshots."
LASTING_MISSES = 2
PRESSES_S = 0.2
"""Pause, s, between two polls for pressed buttons. The service keeps each long poll open for many seconds."""
_Wanted = tuple[config.NotifierSettings, str]
"""A notifier's settings, and the public URL of the recorder."""
NO_USER = "The user it belongs to has no access any more. Remove the user, save, and choose one."
_LOOKS = ("attach", "sender", "sound")
"""Options of notifiers that change what a message is like, not to whom it goes."""
_USER = "user/"
"""Prefix of the marks that say which account the `user` of a notifier means."""


@dataclass(frozen=True, slots=True)
class ChannelUser:
    """A user, by the rights they have now. may_change: they may change what others see, such as marks of events."""

    id: str
    name: str
    may_change: bool
    may_see: Callable[[CameraId], bool]


class Users(Protocol):
    """The users of this recorder. person: the ID of an account; a name in what earlier versions stored."""

    def find(self, person: str) -> ChannelUser | None:
        """Return a user by ID or name; None if they were removed, or their access has ended."""
        ...

    def may_see(self, person: str, camera: CameraId) -> bool: ...
    def is_signed_in(self, person: str, session: str) -> bool:
        """Return whether a session, by its public ID, was not signed out."""
        ...

    def note(self, action: str, person: str, address: str, detail: str) -> None:
        """Add an entry to the audit log."""
        ...


class NoUsers:
    """Of a recorder without accounts."""

    def find(self, person: str) -> ChannelUser | None:
        return None

    def may_see(self, person: str, camera: CameraId) -> bool:
        return False

    def is_signed_in(self, person: str, session: str) -> bool:
        return False

    def note(self, action: str, person: str, address: str, detail: str) -> None:
        """There is no audit log."""


def _gets(one: config.NotifierSettings) -> str:
    """Return a summary of what a notifier receives."""
    levels = one.only_levels
    of_level = "all events" if levels is None else ", ".join(level_words(levels))
    kinds = ", ".join(one.kinds) if one.kinds else of_level
    parts = [
        kinds if one.events else "",
        "problems" if one.problems else "",
        "a daily summary" if one.daily_summary else "",
    ]
    where = f" from {', '.join(one.cameras)}" if one.cameras else ""
    named = [part for part in parts if part]
    return " and ".join([*([", ".join(named[:-1])] if named[1:] else []), *named[-1:]]) + where


def _receives(one: config.NotifierSettings, traits: NotifierTraits) -> ReceivedAccess:
    """Return whether the service receives images itself, or only text and links."""
    pictures = one.snapshot and traits.picture
    moving = one.clip in ("auto", "gif", "sheet", "video") and traits.gif
    opens = one.snapshot and traits.shows_links
    return ReceivedAccess.CLEAR if pictures or moving or opens else ReceivedAccess.LINK


def _addresses(settings: Settings) -> dict[str, str]:
    """Return the recipient of each notifier, with its login."""
    return {
        name: json.dumps(
            [one.url, {key: value for key, value in one.options.items() if key not in _LOOKS}],
            sort_keys=True,
            default=str,
        )
        for name, one in settings.notifiers.items()
    }


def _groups(one: config.NotifierSettings, traits: NotifierTraits) -> bool:
    """Return whether a visit has one message. Programs want each event."""
    return traits.edits and traits.image_shape != "whole" and one.send_at != "end" and one.format != "pancake"


def _test_image(now_ms: int) -> StoredContent:
    """Return a grey image of a usual size: some services refuse very small ones."""
    return in_memory(jpeg(np.full((360, 640, 3), 96, np.uint8)), "image/jpeg", now_ms)


class Notifications:
    """Runs the notifiers. Thread-safe. uploads: what messages link to."""

    def __init__(
        self,
        settings: Settings,
        source: DeliverySource,
        recorder: RecorderService,
        plugins: PluginRegistry,
        uploads: Uploads,
        users: Users,
        is_paused: Callable[[str], bool],
    ) -> None:
        self._settings, self._outbox, self._clock = settings, source.outbox, source.clock
        self._plugins, self._users, self._is_paused = plugins, users, is_paused

        def name_of(camera: CameraId) -> str:
            return recorder.camera_names().get(camera, camera)

        def visit(event: Event) -> EventVisit:
            return visit_of(recorder.index, event, recorder.neighbors())

        zone = ZoneInfo(recorder.zone)
        self._recorder = recorder
        self.mutes = NotifierMutes(source.outbox, source.clock)
        self.actions = MessageActions(source.outbox, self.mutes, recorder, source.clock, name_of, self._may_press)
        self.actions.take_over(_addresses(settings))
        self.snoozes = Snoozes(source.outbox, source.clock, zone, users.may_see, lambda: self._settings.rules)
        self._means = MessageMeans(
            source, recorder, ClipCache(recorder), self.actions, name_of, uploads.link, uploads.forms, {}, self.snoozes,
            lambda: self._settings.web.name or recorder.host, visit, self._has_user,
        )  # fmt: skip
        self.scheduler = NotificationScheduler(
            source, self.filters(), self.why_muted, recorder.alarms, zone,
            links=bool(settings.destinations), visit_of=visit,
        )  # fmt: skip
        self._workers: WorkerPool[_Wanted] | None = None

    def start(self, engine: Engine) -> list[Courier]:
        """Start the scheduler and the couriers, one per notifier. Return the couriers."""
        self._workers = WorkerPool(engine, self._begin)
        self._workers.take_over(self._wanted())
        self.scheduler.handle.start(engine, self.scheduler.name, lambda: self.scheduler)
        return [worker for worker in self._workers.workers() if isinstance(worker, Courier)]

    def take_over(self, settings: Settings) -> None:
        """Apply changed settings: start, restart and stop notifiers accordingly."""
        before, self._settings = self._settings, settings
        self._bind_users()
        self.actions.take_over(_addresses(settings))
        self.snoozes.carry_over(before.rules, settings.rules)
        self.scheduler.take_over(self.filters(), links=bool(settings.destinations))
        if self._workers is not None:
            self._workers.take_over(self._wanted())

    def filters(self) -> list[NotificationFilter]:
        """Return the filters of all notifiers."""
        return [self._filter(name, one) for name, one in self._settings.notifiers.items()]

    def why_muted(self, name: str, camera: CameraId, at_ms: int) -> str:
        """Return why this notifier sends nothing about a camera's event of this time; empty if it does."""
        if self.mutes.is_muted(name, camera, at_ms):
            return f"{name} has muted this camera."
        one = self._settings.notifiers.get(name)
        return self.snoozes.why(one.user if one else "", camera, at_ms)

    def stop(self) -> None:
        """Stop the couriers. Interrupted deliveries stay in the outbox until the next start."""
        if self._workers is not None:
            self._workers.stop()

    def try_now(self, name: str) -> None:
        """End the backoff of a notifier. Call from any thread."""
        if self._workers is not None:
            self._workers.try_now(name)

    def all(self) -> list[TargetView]:
        """Return the notifiers."""
        return [self._view(name, one) for name, one in self._settings.notifiers.items()]

    def test(self, name: str, one: config.NotifierSettings | None = None) -> list[ConnectionTestStep]:
        """Send a test message, with an image if the notifier is to send snapshots. Waits for the network.

        one: settings to test; None: the current ones. Raises KeyError for an unknown name.
        """
        if one is None and not self._has_user(name):
            return [ConnectionTestStep("Send a notification", NO_USER)]
        one, now_ms = one or self._settings.notifiers[name], self._clock.now_ms()
        delivery = Delivery(name, f"test/{now_ms}", DeliveryKind.MESSAGE, {"kind": "test"}, now_ms, now_ms)
        bare, steps = in_memory(b"", "text/plain", 0), [ConnectionTestStep("Notification sent")]
        shows = one.snapshot and self._plugins.traits_of(one.url).picture
        try:
            with target_code(one.url, TawnyError), closing(self._carrier(name, one)) as carrier:
                try:
                    carrier.carry(delivery, _test_image(now_ms) if shows else bare, lambda _: None)
                except (MessageRefused, TargetFull, TargetTooSlow) as error:
                    carrier.carry(delivery, bare, lambda _: None)
                    steps.append(ConnectionTestStep("Attach an image", error.message, _NO_IMAGES))
        except DeliveryError as error:
            return [ConnectionTestStep("Send a notification", error.message, error.do)]
        except PluginFailed as error:
            return [ConnectionTestStep("Send a notification", error.sentence)]
        return steps

    def sent_image(self, name: str, token: str) -> StoredContent:
        """Return the image that a link of a message shows. Raises NotDone if it has expired, KeyError for the name."""
        return self._composer(name, self._settings.notifiers[name]).sent_image(token)

    def act(self, name: str, token: str, address: str) -> str:
        """Execute the action of a button, with an entry in the audit log; return its confirmation. Raises NotDone."""
        done = self.actions.do(name, token)
        user = self._user_of(name)
        detail = f"{name}: {done}" if user else done
        self._users.note("through a notification button", user.name if user else name, address, detail)
        return done

    def browsers(self) -> tuple[BrowserNotifier, NotifierStore]:
        """Return the notifier that browsers subscribe to, and its store."""
        name, _ = self.browser_channel()
        kind = self._plugins.notifiers["webpush"]
        assert isinstance(kind, BrowserNotifier)
        return kind, OutboxMarks(self._outbox, f"kept/{name}/")

    def browser_channel(self) -> tuple[str, bool]:
        """Return the name of the channel of browsers, and whether the settings have it; if not, a free name."""
        channels = self._settings.notifiers
        for name, one in channels.items():
            if isinstance(self._kind(one.url), BrowserNotifier):
                return name, True
        names = ("browsers", *(f"browsers-{number}" for number in range(2, len(channels) + 3)))
        return next(name for name in names if name not in channels), False

    # --- inside ------------------------------------------------------------------------------------------------------

    def _kind(self, url: str) -> Notifier:
        return self._plugins.notifier_of(url) or BrokenTarget()  # the settings were validated

    def forget_users(self) -> None:
        """Find users by their names again: their accounts are new, after the former ones were lost."""
        for mark in self._outbox.marks(_USER):
            self._outbox.mark(mark, "")

    def _bind_users(self) -> None:
        """Note which account each `user` means now, and forget those of notifiers that were removed or changed."""
        channels = self._settings.notifiers
        try:
            for mark, bound in self._outbox.marks(_USER).items():
                one = channels.get(mark.removeprefix(_USER))
                if one is None or one.user != bound.partition(" ")[2]:
                    self._outbox.mark(mark, "")
            for name in channels:
                self._user_of(name)
        except StorageError as error:
            log.warning("The users of notification channels aren't noted: %s", error)

    def _user_of(self, name: str) -> ChannelUser | None:
        """Return the user a notifier belongs to; None if there is none, or they have no access any more.

        It is the one who had the name first: another one added later with this name doesn't get the notifier.
        """
        one = self._settings.notifiers.get(name)
        if one is None or not one.user:
            return None
        mark = _USER + name
        known, _, called = self._outbox.marks(mark).get(mark, "").partition(" ")
        if known and called == one.user:
            return self._users.find(known)
        found = self._users.find(one.user)
        if found is not None:
            self._outbox.mark(mark, f"{found.id} {one.user}")
        return found

    def _has_user(self, name: str) -> bool:
        """Return whether the user of a notifier has access, or had none yet; also for one without a user."""
        one = self._settings.notifiers.get(name)
        return one is None or not one.user or self._user_of(name) is not None or not self._outbox.marks(_USER + name)

    def _user_sees(self, name: str, camera: CameraId) -> bool:
        """Return whether the user of a notifier may see a camera now."""
        user = self._user_of(name)
        return user is not None and user.may_see(camera)

    def _may_press(self, name: str, do: str, camera: CameraId) -> bool:
        """Return whether a button in messages of a notifier works: its user may do the same on the page now."""
        one = self._settings.notifiers.get(name)
        if one is None or not one.user:
            return one is not None
        user = self._user_of(name)
        return user is not None and user.may_see(camera) and (do == MUTE or user.may_change)

    def _view(self, name: str, one: config.NotifierSettings) -> TargetView:
        outbox, traits = self._outbox, self._plugins.traits_of(one.url)
        trouble = (outbox.trouble(name) or self._without_browser(name, one)) if self._has_user(name) else NO_USER
        return TargetView(
            name, "notifier", self._plugins.public_notifier(one.url), traits.shows, _gets(one), outbox.waiting(name),
            trouble, self._is_paused(name), outbox.ended(name), self.mutes.of(name),
            _receives(one, traits),
        )  # fmt: skip

    def _without_browser(self, name: str, one: config.NotifierSettings) -> str:
        """Return that a channel of browsers has none; empty if it has one, or is another channel."""
        if not isinstance(self._kind(one.url), BrowserNotifier):
            return ""
        from tawny.delivery.notifiers.webpush import NoBrowser, has_browser  # loads cryptography

        return "" if has_browser(OutboxMarks(self._outbox, f"kept/{name}/")) else NoBrowser(name).message

    def _wanted(self) -> dict[str, "_Wanted"]:
        """Return by notifier everything its workers depend on."""
        address = self._settings.web.link_url
        return {name: (one, address) for name, one in self._settings.notifiers.items()}

    def _begin(self, name: str, wanted: "_Wanted", _: threading.Event) -> list[TargetWorker]:
        one, kind = wanted[0], self._kind(wanted[0].url)
        workers: list[TargetWorker] = [
            Courier(1, self._route(name, one), self._outbox, self._clock, self.scheduler.ended)
        ]
        if one.buttons and isinstance(kind, ButtonNotifier):
            try:
                with target_code(one.url):
                    presses = kind.presses(self._opened(name, one))
                language = self._means.source.languages.closest(one.language)
                workers.append(_Pressed(name, one.url, presses, partial(self.act, name), language))
            except PluginFailed as error:  # its messages are sent without them
                log.error("Buttons of %s don't work: %s", name, error)
        return workers

    def _route(self, name: str, one: config.NotifierSettings) -> DeliveryRoute:
        composer = self._composer(name, one)
        return DeliveryRoute(
            name,
            lambda: self._carrier(name, one),
            lambda delivery: composer.content(delivery.whole),
            is_paused=lambda: self._is_paused(name),
            held_until_ms=partial(self._held_until_ms, one),
        )

    def _held_until_ms(self, one: config.NotifierSettings, delivery: Delivery) -> int:
        """Return the end of the quiet hours for a late message, of a snooze for a digest; 0 for now.

        A digest has events from before the snooze only. Problems don't wait.
        """
        delivery, now_ms, zone, held_ms = delivery.whole, self._clock.now_ms(), ZoneInfo(self._recorder.zone), 0
        if delivery.content["kind"] == "digest" and delivery.camera is not None:
            held_ms = self.snoozes.holds_until_ms(one.user, str(delivery.content.get("rule", "")), delivery.camera)
        return max(held_ms, quiet_until_ms(one.quiet_hours, now_ms, zone) if is_late(delivery, now_ms) else 0)

    def _carrier(self, name: str, one: config.NotifierSettings) -> Carrier:
        """Connect. Raises DeliveryError."""
        kind = self._kind(one.url)
        with as_delivery_error(name, one.url):
            connection = kind.open(self._opened(name, one))
        carrier = MessageCarrier(connection, self._plugins.traits_of(one.url), self._composer(name, one).message)
        return guarded(carrier, kind, name, one.url)

    def _opened(self, name: str, one: config.NotifierSettings) -> NotifierContext:
        options = self._kind(one.url).settings(one.url, one.options)
        kept = OutboxMarks(self._outbox, f"kept/{name}/")
        return NotifierContext(
            name, one.url, options, self._clock, kept, lambda who, what: self._users.may_see(who, CameraId(what)),
            lambda who, what, at_ms: self.snoozes.of(who, CameraId(what), at_ms) is not None, self._new_events,
            self._users.is_signed_in,
        )  # fmt: skip

    def _new_events(self, person: str) -> int:
        """Return the number of new alerts that this person may see, at most MOST_COUNTED."""
        sees, known = partial(self._users.may_see, person), self._recorder.camera_names()
        cameras = None if sees(CameraId("")) else [one for one in known if sees(one)]
        found = self._recorder.index.events(EVER, cameras=cameras, levels=[Level.ALERT], only="new", limit=MOST_COUNTED)
        return len(found.events)

    def _composer(self, name: str, one: config.NotifierSettings) -> MessageComposer:
        traits, address = self._plugins.traits_of(one.url), self._settings.web.link_url
        may_see = partial(self._user_sees, name) if one.user else any_camera
        has = partial(self.scheduler.sends, name) if _groups(one, traits) else None
        return MessageComposer(name, one, traits, self._means, address, may_see, has)

    def _filter(self, name: str, one: config.NotifierSettings) -> NotificationFilter:
        kind, traits = self._kind(one.url), self._plugins.traits_of(one.url)
        has_links = bool(self._settings.destinations or (traits.shows_links and self._settings.web.link_url))
        return NotificationFilter(
            name,
            frozenset(CameraId(camera) for camera in one.cameras) or None,
            frozenset(one.kinds) or None,
            one.only_levels,
            has_own_levels=one.levels is not None,
            events=one.events,
            rings=one.rings,
            alarms=one.problems,
            recap=config.minute(one.daily_summary) if one.daily_summary else None,
            quiet=one.quiet_hours,
            cool_down_ms=round(one.min_interval * 1000),
            changes=one.format == "pancake",
            follows=one.clip != "none" and (traits.gif or traits.video or has_links),
            edits=traits.edits,
            visits=_groups(one, traits),
            once=one.send_at == "end",
            may_see=partial(self._user_sees, name) if one.user else any_camera,
            leaves_out=self.snoozes.why_some if isinstance(kind, BrowserNotifier) else lambda *_: "",
        )


class _Pressed:
    """Actor that polls a service for pressed buttons and executes their actions. language: of the confirmations."""

    def __init__(
        self, to: str, url: str, presses: ButtonPresses, act: Callable[[str, str], str], language: Translations
    ) -> None:
        self.name, self._language = f"buttons of {to}", language
        self._to, self._url, self._presses, self._act, self._misses = to, url, presses, act, 0
        self.handle = ActorHandle()

    def stop(self) -> None:
        """Do nothing; the actor ends after its current step, as a poll returns within seconds."""

    def step(self) -> float:
        try:
            with as_delivery_error(self._to, self._url, self._presses):
                self._presses.wait(self._do)
        except DeliveryError as error:
            self._misses += 1
            # a single failure is usual, such as an earlier poll that the service still has open
            level = logging.WARNING if self._misses == LASTING_MISSES else logging.INFO
            log.log(level, "Buttons of %s don't work: %s", self._to, error)
            return spread_s(self._misses - 1, FIRST_WAIT_S, MOST_WAIT_S)
        self._misses = 0
        return PRESSES_S

    def close(self) -> None:
        """No resources to release."""

    def _do(self, token: str) -> str:
        try:
            reply = self._act(token, "")  # the service doesn't tell from where
        except NotDone as error:
            reply = error.message
        return self._language.translate(reply)

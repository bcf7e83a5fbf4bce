"""All that leaves this machine: the outbox, what fills it, and the couriers. Recording knows none of it."""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from tawny.actions.carrier import Content
from tawny.actions.courier import Courier, Route, Stopping
from tawny.actions.delivery import Delivery, State, What
from tawny.actions.destination import Connection, Destination, FileCarrier, Opening, There
from tawny.actions.names import checked
from tawny.actions.notifiers import webpush
from tawny.actions.outbox import Outbox, Waiting
from tawny.actions.pacing import Pace, PacedContent
from tawny.actions.sweeping import too_old
from tawny.actions.trying import Step, try_out
from tawny.app.contents import Contents
from tawny.app.doors import Doors
from tawny.app.messaging import MaySee, Messaging
from tawny.app.sending import Sending, Wish
from tawny.config import outward as config
from tawny.config.settings import Settings
from tawny.engine import ThreadEngine
from tawny.model.clock import Clock
from tawny.model.errors import DeliveryError
from tawny.model.events import Event
from tawny.model.ids import CameraId, EventId
from tawny.model.messages import Message
from tawny.model.times import Span, utc_text
from tawny.playback.clip import Clips
from tawny.web.outside import Target as AnyTarget
from tawny.web.recorder import Recorder

Died = Callable[[str, BaseException], None]
DAY_MIN = 24 * 60
SWEEP_FIRST_S, SWEEP_AGAIN_S, SWEEP_EVERY_S = 120.0, 3600.0, 86_400.0
LINK_S = 6 * 3600.0
"""So long a link in a message opens the clip."""
_STOP_S = 5.0
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Target:
    """How a destination does."""

    name: str
    where: str
    waiting: Waiting
    trouble: str
    """Why it does not go on; empty when it does."""
    is_paused: bool
    last: Sequence[Delivery]


class Outward:
    """Made, started and closed beside the recorder. The rest from any thread."""

    def __init__(
        self,
        settings: Settings,
        where: Path | str,
        recorder: Recorder,
        doors: Doors,
        clock: Clock,
        died: Died,
        may_see: MaySee = lambda *_: False,
    ) -> None:
        """where: the outbox's file, or `:memory:`. died: told when a part had to be begun again."""
        self.outbox = Outbox(where, clock)
        self._settings, self._recorder, self._doors, self._clock = settings, recorder, doors, clock
        self._contents = Contents(recorder, Clips(recorder), recorder.event_picture)
        self._ending = threading.Event()
        self._paused: set[str] = set()
        self._engine = ThreadEngine(clock, died)
        self._couriers: list[Courier] = []
        self._unsubscribe: Callable[[], None] = lambda: None
        wishes = [_wish(name, one) for name, one in settings.destinations.items()]
        self.sending = Sending(self.outbox, recorder, wishes, self._clip_of, clock, budget_bytes=settings.outbox.budget)
        self._without_links: set[str] = set()
        self.messaging = Messaging(
            settings, self.outbox, recorder, doors, clock, self._clip_of, self._clip_link, may_see
        )

    def start(self) -> None:
        if not self._settings.destinations and not self._settings.notifiers:
            return
        for name, one in self._settings.destinations.items():
            self._start(name, one)
        if self._settings.notifiers:
            self._couriers += self.messaging.start(self._engine, self._paused.__contains__)
        self._unsubscribe = self._recorder.bus.subscribe(self._heard)
        self.sending.handle = self._engine.start(self.sending.name, lambda: self.sending)
        self._engine.start("sweeping", lambda: _Sweeper(self, self._settings.destinations, self._clock))

    def close(self) -> None:
        """What is under way waits for the next start."""
        self._unsubscribe()
        self._ending.set()
        for courier in self._couriers:
            courier.stop()
        self._engine.stop(_STOP_S)
        self.outbox.close()

    def targets(self) -> list[Target]:
        return [self._target(name, one) for name, one in self._settings.destinations.items()]

    def summary(self) -> dict[str, object]:
        """How much waits, and since when; as `tawny status --json` has it."""
        waiting = self.outbox.waiting()
        oldest = None if waiting.oldest_ms is None else utc_text(waiting.oldest_ms)
        return {"waiting": waiting.count, "oldest": oldest}

    def pause(self, name: str, *, paused: bool) -> None:
        """Nothing is sent there until it goes on; what is to be sent waits."""
        self._known(name)
        (self._paused.add if paused else self._paused.discard)(name)
        self.try_now(name)

    def try_now(self, name: str) -> None:
        self._known(name)
        self.outbox.try_now(name)

    def all_targets(self) -> list[AnyTarget]:
        """Destinations, then notifiers."""
        found = [
            AnyTarget(
                one.name, "destination", one.where, "", ", ".join(self._settings.destinations[one.name].what),
                one.waiting, one.trouble, one.is_paused, one.last, {},
            )
            for one in self.targets()
        ]  # fmt: skip
        for told in self.messaging.all():
            name = told.name
            found.append(
                AnyTarget(
                    name, "notifier", told.public, told.traits.shows, told.gets, self.outbox.waiting(name),
                    self.outbox.trouble(name), name in self._paused, self.outbox.ended(name),
                    self.messaging.acts.mutes(name),
                )
            )  # fmt: skip
        return found

    def mute(self, name: str, camera: CameraId, for_ms: int) -> None:
        self._known(name)
        self.messaging.acts.mute(name, camera, for_ms)

    def push_key(self) -> str:
        """What browsers subscribe to messages with; empty where none are told."""
        kept = self.messaging.browsers()
        return webpush.public_key(kept) if kept else ""

    def tell_browser(self, person: str, endpoint: str, keys: tuple[str, str] | None) -> None:
        """keys: its p256dh and auth; None: no longer. ValueError when they are none."""
        kept = self.messaging.browsers()
        if kept is None:
            raise KeyError("webpush")
        if keys is None:
            webpush.remove(kept, endpoint)
        else:
            webpush.add(kept, webpush.Browser(person, endpoint, *keys))

    def act_words(self, name: str, token: str) -> str:
        return self.messaging.acts.look(name, token).words

    def act(self, name: str, token: str) -> str:
        return self.messaging.acts.do(name, token)

    def told(self) -> list[dict[str, object]]:
        """All targets, as `tawny notify list --json` has them."""
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
        """What `tawny notify test` tells; `known` names when there is no such target."""
        try:
            steps = self.test(name)
        except KeyError:
            return {"known": [*self._settings.destinations, *self._settings.notifiers]}
        return {"steps": [{"what": one.what, "wrong": one.wrong, "do": one.do} for one in steps]}

    def test(self, name: str) -> list[Step]:
        """KeyError when there is no such destination or notifier. Waits for the network."""
        if name in self._settings.notifiers:
            return self.messaging.test(name)
        one = self._settings.destinations[name]
        kind = self._kind(one.url)
        return try_out(lambda: self._connect(name, one), f"{name} ({kind.public(one.url)})")

    def too_old(self, name: str) -> list[There]:
        """What its `keep` says is to be removed there now. KeyError when there is no such destination.

        Raises a DeliveryError. Waits for the network.
        """
        one = self._settings.destinations[name]
        if one.keep is None:
            return []
        before_ms = self._clock.now_ms() - round(one.keep * 1000)
        connection = self._connect(name, one)
        try:
            return list(too_old(connection.files(), checked(one.names), before_ms))
        finally:
            connection.close()

    def sweep(self, name: str) -> int:
        """Have it removed: in its turn, after all that is to be sent. How many files."""
        found = self.too_old(name)
        now_ms = self._clock.now_ms()
        for there in found:
            self.outbox.renew(Delivery(name, there.name, What.REMOVAL, {}, made_ms=now_ms, at_ms=there.modified_ms))
        return len(found)

    # --- inside ------------------------------------------------------------------------------------------------------

    def _known(self, name: str) -> None:
        if name not in self._settings.destinations and name not in self._settings.notifiers:
            raise KeyError(name)

    def _heard(self, message: Message) -> None:
        self.sending.heard(message)
        self.messaging.heard(message)

    def _clip_link(self, event: EventId) -> str:
        """To the clip of an event where it was brought, if whoever has the link can fetch it there."""
        for done in self.outbox.of_event(event):
            one = self._settings.destinations.get(done.to)
            is_there = one is not None and done.what is What.CLIP and done.state is State.DONE
            if one is None or not is_there or done.to in self._without_links:
                continue
            try:
                connection = self._connect(done.to, one)
                try:
                    link = connection.link(done.name, LINK_S)
                finally:
                    connection.close()
            except DeliveryError:
                continue
            if link:
                return link
            self._without_links.add(done.to)
        return ""

    def _start(self, name: str, one: config.Destination) -> None:
        kind, pace = self._kind(one.url), Pace(one.limit, self._clock)
        public = f"{name} ({kind.public(one.url)})"

        def content(delivery: Delivery) -> Content:
            return PacedContent(self._contents.of(delivery), pace, self._wait)

        route = Route(
            name,
            lambda: FileCarrier(self._connect(name, one), public),
            content,
            lambda: self._open_in_s(name, one.hours),
        )
        for number in range(1, one.parallel + 1):
            courier = Courier(number, route, self.outbox, self._clock, self.sending.ended)
            self._couriers.append(courier)
            courier.handle = self._engine.start(courier.name, partial(_same, courier))

    def _connect(self, name: str, one: config.Destination) -> Connection:
        kind = self._kind(one.url)
        return kind.connect(Opening(name, one.url, kind.settings(one.url, one.options), self._clock))

    def _kind(self, url: str) -> Destination:
        kind = self._doors.destination_of(url)
        assert kind is not None  # the settings were checked
        return kind

    def _target(self, name: str, one: config.Destination) -> Target:
        return Target(
            name,
            self._kind(one.url).public(one.url),
            self.outbox.waiting(name),
            self.outbox.trouble(name),
            name in self._paused,
            self.outbox.ended(name),
        )

    def _wait(self, seconds: float) -> None:
        if self._ending.wait(seconds):
            raise Stopping

    def _open_in_s(self, name: str, hours: str) -> float:
        if name in self._paused:
            return DAY_MIN * 60.0
        return open_in_s(hours, self._clock.now_ms(), ZoneInfo(self._recorder.zone)) if hours else 0.0

    def _clip_of(self, event: Event, now_ms: int) -> Span:
        known = {camera.status.id: camera for camera in self._recorder.cameras()}
        camera = known.get(event.camera)
        return event.clip(now_ms, camera.pre_s, camera.post_s) if camera else event.clip(now_ms, 5.0, 10.0)


class _Sweeper:
    """Has removed what is too old at destinations, once a day, and soon again where that failed."""

    name = "sweeping"

    def __init__(self, outward: Outward, destinations: Mapping[str, config.Destination], clock: Clock) -> None:
        self._outward, self._clock = outward, clock
        self._due_s = {
            name: clock.mono_s() + SWEEP_FIRST_S for name, one in destinations.items() if one.keep is not None
        }

    def step(self) -> float:
        for name, due_s in self._due_s.items():
            if due_s > self._clock.mono_s():
                continue
            try:
                self._outward.sweep(name)
            except DeliveryError as error:
                log.warning("what is too old there could not be looked for: %s", error)
                self._due_s[name] = self._clock.mono_s() + SWEEP_AGAIN_S
            else:
                self._due_s[name] = self._clock.mono_s() + SWEEP_EVERY_S
        return max(1.0, min(self._due_s.values(), default=self._clock.mono_s() + SWEEP_EVERY_S) - self._clock.mono_s())

    def close(self) -> None:
        """Nothing is held."""


def _same(courier: Courier) -> Courier:
    """What the engine makes, and makes again after a failure: it keeps nothing that could be wrong."""
    return courier


def open_in_s(hours: str, now_ms: int, zone: ZoneInfo) -> float:
    """Seconds until it is within the hours, by the wall clock there; 0 when it is."""
    begin, end = config.hours(hours)
    now = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(zone)
    minute = now.hour * 60 + now.minute
    is_open = begin <= minute < end if begin <= end else minute >= begin or minute < end
    return 0.0 if is_open else ((begin - minute) % DAY_MIN) * 60.0 - now.second


def _wish(name: str, one: config.Destination) -> Wish:
    return Wish(
        name,
        checked(one.names),
        frozenset(one.what),
        frozenset(CameraId(camera) for camera in one.cameras) or None,
        frozenset(one.kinds) or None,
    )

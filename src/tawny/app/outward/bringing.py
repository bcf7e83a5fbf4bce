"""Destinations at work: couriers for each, trying them out, removing there what is too old, links to what is there."""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from zoneinfo import ZoneInfo

from tawny.actions.carrier import Content
from tawny.actions.courier import Courier, Route, Stopping
from tawny.actions.delivery import Delivery, State, What
from tawny.actions.destination import Connection, Destination, FileCarrier, Opening, There
from tawny.actions.names import checked
from tawny.actions.outbox import Outbox
from tawny.actions.pacing import Pace, PacedContent
from tawny.actions.sweeping import too_old
from tawny.actions.triggers import NEVER_S, Trigger
from tawny.actions.trying import Step, try_out
from tawny.app.doors import Doors
from tawny.app.outward.contents import Contents
from tawny.app.outward.crew import Crew, Worker
from tawny.app.outward.sending import Wish
from tawny.config.outward import Destination as Settings
from tawny.engine import Engine
from tawny.model.clock import Clock
from tawny.model.errors import DeliveryError
from tawny.model.ids import CameraId, EventId

SWEEP_FIRST_S, SWEEP_AGAIN_S, SWEEP_EVERY_S = 120.0, 3600.0, 86_400.0
LINK_S = 6 * 3600.0
"""So long a link in a message opens the clip."""
log = logging.getLogger(__name__)


class Bringing:
    """Any thread. ended: told of every delivery that a courier is through with."""

    def __init__(
        self,
        outbox: Outbox,
        contents: Contents,
        doors: Doors,
        clock: Clock,
        zone: Callable[[], str],
        is_paused: Callable[[str], bool],
        ended: Callable[[Delivery], None],
        engine: Engine,
    ) -> None:
        self._outbox, self._contents, self._doors, self._clock = outbox, contents, doors, clock
        self._zone, self._is_paused, self._ended = zone, is_paused, ended
        self._settings: Mapping[str, Settings] = {}
        self._without_links: set[str] = set()
        self._crew = Crew[Settings](engine, self._begin)

    def take_over(self, settings: Mapping[str, Settings]) -> None:
        """These, and no others, are served from now on."""
        self._settings, self._without_links = dict(settings), set()
        self._crew.take_over(settings)

    def stop(self) -> None:
        """What is under way waits for the next start."""
        self._crew.stop()

    def wishes(self) -> list[Wish]:
        return [_wish(name, one) for name, one in self._settings.items()]

    def public(self, name: str) -> str:
        """Where it is, without secrets. KeyError when there is no such destination."""
        one = self._settings[name]
        return self._kind(one.url).public(one.url)

    def test(self, name: str, one: Settings | None = None) -> list[Step]:
        """one: other settings than those in force. KeyError without any. Waits for the network."""
        one = one or self._settings[name]
        kind = self._kind(one.url)
        return try_out(lambda: self._connect(name, one), f"{name} ({kind.public(one.url)})")

    def too_old(self, name: str) -> list[There]:
        """What its `keep` says is to be removed there now. KeyError when there is no such destination.

        Raises a DeliveryError. Waits for the network.
        """
        one = self._settings[name]
        if one.keep is None:
            return []
        before_ms = self._clock.now_ms() - round(one.keep * 1000)
        connection = self._connect(name, one)
        try:
            return list(too_old(connection.files(), checked(one.names), before_ms))
        finally:
            connection.close()

    def sweep(self, name: str) -> list[There]:
        """Have it removed: in its turn, after all that is to be sent. What that is."""
        found = self.too_old(name)
        now_ms = self._clock.now_ms()
        for there in found:
            self._outbox.renew(Delivery(name, there.name, What.REMOVAL, {}, made_ms=now_ms, at_ms=there.modified_ms))
        return found

    def kept_for_a_time(self) -> list[str]:
        """Those at which something is ever removed."""
        return [name for name, one in self._settings.items() if one.keep is not None]

    def clip_link(self, event: EventId) -> str:
        """To the clip of an event where it was brought, if whoever has the link can fetch it there."""
        for done in self._outbox.of_event(event):
            one = self._settings.get(done.to)
            is_there = one is not None and done.what is What.CLIP and done.state is State.DONE
            is_sealed = done.name.endswith(".tws")  # nobody could look at it by a link
            if one is None or not is_there or is_sealed or done.to in self._without_links:
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

    # --- inside ------------------------------------------------------------------------------------------------------

    def _begin(self, name: str, one: Settings, ending: threading.Event) -> Sequence[Worker]:
        kind, pace = self._kind(one.url), Pace(one.limit, self._clock)
        public = f"{name} ({kind.public(one.url)})"
        trigger = self._trigger(name, one)

        def content(delivery: Delivery) -> Content:
            return PacedContent(self._contents.of(delivery), pace, wait)

        def wait(seconds: float) -> None:
            if ending.wait(seconds):
                raise Stopping

        def open_in_s() -> float:
            return NEVER_S if self._is_paused(name) else trigger.open_in_s()

        route = Route(name, lambda: FileCarrier(self._connect(name, one), public), content, open_in_s)
        numbers = range(1, one.parallel + 1)
        return [Courier(number, route, self._outbox, self._clock, self._ended) for number in numbers]

    def _trigger(self, name: str, one: Settings) -> Trigger:
        zone = ZoneInfo(self._zone())
        return Trigger(name, self._outbox, self._clock, zone, after=one.after, minutes=one.minutes, hours=one.hours)

    def _connect(self, name: str, one: Settings) -> Connection:
        kind = self._kind(one.url)
        return kind.connect(Opening(name, one.url, kind.settings(one.url, one.options), self._clock))

    def _kind(self, url: str) -> Destination:
        kind = self._doors.destination_of(url)
        assert kind is not None  # the settings were checked
        return kind


class Sweeper:
    """Has removed what is too old at destinations, once a day, and soon again where that failed."""

    name = "sweeping"

    def __init__(self, bringing: Bringing, outbox: Outbox, clock: Clock) -> None:
        self._bringing, self._outbox, self._clock = bringing, outbox, clock
        self._due_s: dict[str, float] = {}
        self._forgets_s = 0.0

    def step(self) -> float:
        now_s = self._clock.mono_s()
        if now_s >= self._forgets_s:
            self._outbox.forget_old()
            self._forgets_s = now_s + SWEEP_EVERY_S
        for name in self._bringing.kept_for_a_time():
            if self._due_s.setdefault(name, now_s + SWEEP_FIRST_S) <= now_s:
                self._due_s[name] = now_s + self._sweep(name)
        return SWEEP_FIRST_S

    def close(self) -> None:
        """Nothing is held."""

    def _sweep(self, name: str) -> float:
        """In how many seconds it is to be done again."""
        try:
            self._bringing.sweep(name)
        except KeyError:  # it was taken out meanwhile
            return SWEEP_EVERY_S
        except DeliveryError as error:
            log.warning("what is too old there could not be looked for: %s", error)
            return SWEEP_AGAIN_S
        return SWEEP_EVERY_S


def _wish(name: str, one: Settings) -> Wish:
    return Wish(
        name,
        checked(one.names),
        frozenset(one.what),
        frozenset(CameraId(camera) for camera in one.cameras) or None,
        frozenset(one.kinds) or None,
        follows=not one.minutes and (one.after or 1) == 1,
        names_sealed=one.sealed_names == "readable",
    )

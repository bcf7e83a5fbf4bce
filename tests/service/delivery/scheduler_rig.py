"""The events of a recorder, what is told of them, and a phone that takes it."""

from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from tawny.delivery.delivery import Delivery
from tawny.delivery.outbox import Outbox
from tawny.model.errors import ContentGone
from tawny.model.events import Event, new_event_id
from tawny.model.ids import CameraId
from tawny.model.messages import Alarm, EventChanged
from tawny.model.states import CameraState
from tawny.service.delivery.notification_filter import NotificationFilter
from tawny.service.delivery.notification_scheduler import NotificationScheduler
from tawny.service.delivery.problems import still_so
from tawny.service.delivery.upload_scheduler import DeliverySource
from tawny.service.visits import visit_of
from tawny.testing.clock import FakeClock
from tests.playback.archives import PORCH, FakeArchive

BERLIN = ZoneInfo("Europe/Berlin")
PHONE = NotificationFilter("phone", edits=True)
YARD = CameraId("yard")
CAMERAS = [CameraId(f"cam-{number}") for number in range(1, 31)]


class Bench:
    """A recorder's events, an outbox, and a phone that takes what is due."""

    def __init__(self, root: Path, *filters: NotificationFilter) -> None:
        self.clock, self.archive = FakeClock(), FakeArchive(root)
        self.outbox = Outbox(":memory:", self.clock)
        self.filters = filters or (PHONE,)
        self.muted: set[CameraId] = set()
        self.lasting: list[Alarm] = []
        self.states: dict[CameraId, CameraState | None] = {}
        self.scheduler = self.again()
        self.scheduler.step()

    def again(self) -> NotificationScheduler:
        """As after a restart."""
        return NotificationScheduler(
            DeliverySource(
                self.outbox,
                self.archive,
                self.clock,
                lambda event, now_ms: event.clip(now_ms, 2, 3),
                states=lambda: self.now(),
            ),
            self.filters,
            lambda to, camera, at_ms: f"{to} has muted this camera." if camera in self.muted else "",
            lambda: self.lasting,
            BERLIN,
            visit_of=lambda event: visit_of(self.archive.index, event, {frozenset({PORCH, YARD})}),
        )

    def now(self) -> dict[CameraId, CameraState]:
        found = {one: self.states.get(one, CameraState.RECORDING) for one in (PORCH, YARD, *CAMERAS)}
        return {one: state for one, state in found.items() if state is not None}

    def happens(self, kind: str = "person", camera: CameraId = PORCH, **about: Any) -> Event:
        now_ms = self.clock.now_ms()
        made = replace(Event(new_event_id(now_ms), camera, kind, now_ms, None, 50.0, picture_ms=now_ms), **about)
        self.tell(made)
        return made

    def tell(self, event: Event, what: str = "started") -> None:
        self.archive.index.put_event(event)
        self.scheduler.on_message(EventChanged(what, event))
        self.scheduler.step()

    def over(self, event: Event) -> None:
        self.tell(event.ended(self.clock.now_ms()), "ended")

    def delivered(self, to: str = "phone") -> list[Delivery]:
        """What is due now, delivered, if it is still so."""
        taken: list[Delivery] = []
        while (one := self.outbox.take(to)) is not None:
            if one.content.get("kind") == "alarm":
                try:
                    one = still_so(one, self.outbox, self.now())
                except ContentGone as error:
                    self.outbox.drop(one, error.message)
                    continue
            self.outbox.done(one, f"receipt of {one.name}", 0)
            self.scheduler.ended(one)
            taken.append(one)
        self.scheduler.step()
        return taken


def kinds(value: list[Delivery]) -> list[str]:
    return [str(one.content["kind"]) for one in value]

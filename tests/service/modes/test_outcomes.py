"""What became of an event's notification, as `tawny why` says it."""

from zoneinfo import ZoneInfo

from tawny.config.modes import RuleAction
from tawny.config.settings import Settings
from tawny.delivery.delivery import Delivery, DeliveryKind
from tawny.delivery.outbox import Outbox
from tawny.engine import Bus
from tawny.events.rule_engine import RuleDecision
from tawny.model.events import Event
from tawny.model.ids import CameraId, EventId
from tawny.service.changeable_settings import ChangeableSettings
from tawny.service.modes.mode_controller import ModeController
from tawny.service.modes.mode_service import ModeService, RehearsalTargets
from tawny.testing.clock import FakeClock

PORCH, UTC = CameraId("porch"), ZoneInfo("UTC")


def test_an_event_in_a_digest_says_what_became_of_the_digest() -> None:
    clock, settings = FakeClock(), Settings()
    outbox, now_ms = Outbox(":memory:", clock), clock.now_ms()
    made = ModeController(lambda: settings, UTC, None, clock, Bus(), lambda _: False, lambda _: frozenset())
    targets = RehearsalTargets(lambda: (), lambda: (), lambda *_: "")
    changeable = ChangeableSettings(lambda: settings, lambda *_: None, None)
    service = ModeService(made, changeable, lambda _: None, targets, outbox, UTC, clock)
    for to in ("phone", "tablet"):
        decision = RuleDecision(RuleAction("notify", to), does=True, why="By default.")
        event = Event(EventId("second"), PORCH, "person", now_ms, None, 50.0)
        made.deciding.note(event, decision, does=True, why="By default.")
    content = {"kind": "digest", "camera": PORCH, "events": ["first", "second"]}
    first = EventId("first")
    outbox.add(
        [Delivery("phone", "digest/first", DeliveryKind.MESSAGE, content, now_ms, now_ms - 60_000, PORCH, first)]
    )
    assert [one.went for one in service.why(EventId("second"))] == ["waits", ""]
    taken = outbox.take("phone")
    assert taken is not None
    outbox.drop(taken, "Nothing left to send.")
    assert [one.went for one in service.why(EventId("second"))] == ["dropped: Nothing left to send.", ""]
    outbox.close()

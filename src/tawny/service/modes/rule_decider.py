"""Rule decider: evaluates the rules for events and stores every decision with its reason.

Invariant: an approved action stays approved, whatever is learned about the event later. A refusal made after the
event's end is final; changed rules apply to later events only.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable

from tawny.config.rules import RuleAction
from tawny.config.settings import Settings
from tawny.events.mode_store import ModeStore, RuleOutcome
from tawny.events.modes import ModeState
from tawny.events.rule_engine import RuleContext, RuleDecision, RuleEngine
from tawny.model.clock import Clock
from tawny.model.events import Event
from tawny.model.ids import CameraId, EventId

_REMEMBERED = 500
"""Maximum count of events whose decisions are cached; older ones are read from the store."""


class RuleDecider:
    """Decides by the current rules. Thread-safe. settings: returns the current ones."""

    def __init__(self, settings: Callable[[], Settings], modes: ModeState, book: ModeStore, clock: Clock) -> None:
        self._settings, self._modes, self._book, self._clock = settings, modes, book, clock
        self.names: Callable[[CameraId], bool] = lambda _camera: False
        """Whether objects of this camera are classified by a model."""
        self.words: Callable[[Event], frozenset[str]] = lambda _event: frozenset()
        """The words rules can match for recognized identities of an event (`events.rule_engine.spoken`)."""
        self._lock = threading.Lock()
        self._made: tuple[Settings, RuleEngine] | None = None
        self._noted: OrderedDict[EventId, dict[str, RuleOutcome]] = OrderedDict()

    @property
    def rules(self) -> RuleEngine:
        settings = self._settings()
        if self._made is None or self._made[0] is not settings:
            found = RuleEngine(settings.rules, self._modes.calendar, settings.notifiers, settings.destinations)
            self._made = settings, found
        return self._made[1]

    def situation(self, event: Event) -> RuleContext:
        """Return the rule context: mode and presence as of the event's begin, the event as of now."""
        was = self._modes.at(event.start_ms)
        end_ms = self._clock.now_ms() if event.end_ms is None else event.end_ms
        lasted_s = max(0, end_ms - event.start_ms) / 1000
        names = self.names(event.camera)
        return RuleContext(
            event.start_ms,
            event.camera,
            event.kind,
            was.mode,
            event.zones,
            was.home,
            lasted_s,
            names,
            self.words(event),
            event.suggested,
        )

    def standing(self, camera: CameraId) -> RuleContext:
        """Return the rule context of a camera now, without an event."""
        was = self._modes.now()
        return RuleContext(self._clock.now_ms(), camera, "", was.mode, (), self._modes.at(self._clock.now_ms()).home)

    def of(self, event: Event) -> dict[RuleAction, RuleDecision]:
        """Return the decisions of the rules for an event."""
        noted = self._reasons(event.id)
        found = {one.deed: one for one in self.rules.decide(self.situation(event))}
        for deed in found:
            before = noted.get(str(deed))
            if before is not None and (before.does or before.is_final):
                found[deed] = RuleDecision(deed, before.rule_does, before.rule_says)
        return found

    def note(self, event: Event, says: RuleDecision, *, does: bool, why: str) -> None:
        """Store an outcome. why: the full reason, if more than rules decided."""
        text, is_over = str(says.deed), event.end_ms is not None
        with self._lock:
            noted = self._reasons_locked(event.id)
            before = noted.get(text)
            if before is not None and (
                before.does or (before.does, before.why, before.is_final) == (does, why, is_over)
            ):
                return
            at_ms = self._clock.now_ms()
            noted[text] = reason = RuleOutcome(event.id, text, does, why, says.does, says.why, is_over, at_ms)
        self._book.reason(reason)

    def why(self, event: EventId) -> list[RuleOutcome]:
        """Return the outcomes of an event in order of decision."""
        return sorted(self._reasons(event).values(), key=lambda one: (one.at_ms, one.deed))

    def _reasons(self, event: EventId) -> dict[str, RuleOutcome]:
        with self._lock:
            return dict(self._reasons_locked(event))

    def _reasons_locked(self, event: EventId) -> dict[str, RuleOutcome]:
        if event not in self._noted:
            self._noted[event] = {one.deed: one for one in self._book.reasons(event)}
            if len(self._noted) > _REMEMBERED:
                self._noted.popitem(last=False)
        self._noted.move_to_end(event)
        return self._noted[event]

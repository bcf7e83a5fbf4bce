"""Rules at work. `RuleDecider` decides for each event what is sent and done.

`RuleActions` switches relays, moves cameras, records and runs scripts, each once per event. The schedulers in
`service.delivery` ask `RuleDecider` and send notifications and uploads themselves. A running event is published again
when it has lasted long enough for another rule to match.
"""

import logging
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from tawny.config.modes import RuleAction
from tawny.config.settings import Settings, in_mode
from tawny.engine import ActorHandle, Bus, Engine
from tawny.engine.blocking_calls import OrderedCalls
from tawny.events.modes import ModeState, ModeStore
from tawny.events.rule_engine import Calendar, ModeChoice, RuleContext, RuleDecision, RuleEngine, RuleOutcome, rule_name
from tawny.model.errors import NotDone, StorageError, TawnyError
from tawny.model.events import SOUND, Event, Level, level_of, shown_level
from tawny.model.ids import CameraId, EventId
from tawny.model.messages import EventChanged
from tawny.model.observations import ANIMAL, MOTION, OBJECT, PERSON, VEHICLE
from tawny.model.times import Clock, utc_text
from tawny.service.modes.decider import Decider

# What the table of a mode says about notifications.

ANY_MOTION: Final = (MOTION, PERSON, VEHICLE, ANIMAL, OBJECT, SOUND)
TYPE_WORDS: Final = {PERSON: "people", VEHICLE: "vehicles", ANIMAL: "animals", MOTION: "any motion"}


def type_words(types: Sequence[str]) -> str:
    """Return `people and vehicles` for event types; `any motion` includes all others."""
    named = (
        [TYPE_WORDS.get(one, one) for one in types if one != MOTION] if MOTION not in types else [TYPE_WORDS[MOTION]]
    )
    return " and ".join([*([", ".join(named[:-1])] if named[1:] else []), *named[-1:]])


def mode_choice(settings: Settings, mode: str, event: Event, *, is_named: bool) -> ModeChoice | None:
    """Return what the table of this mode says of an event; None: nothing. is_named: a model names objects there."""
    chosen = in_mode(settings, mode, event.camera)
    where = f"In {mode}, {event.camera} notifies about"
    if chosen.notify is None:
        is_alert = shown_level(event) == Level.ALERT
        return None if chosen.channels is None else ModeChoice(is_alert, f"{where} alerts.", chosen.channels)
    if not chosen.notify:
        return ModeChoice(asks=False, why=f"{where} nothing.")
    types = ANY_MOTION if MOTION in chosen.notify else (*chosen.notify, SOUND)
    rules = replace(settings.cameras[event.camera].detection.alert_rules(is_named=is_named), types=types)
    why = f"{where} {type_words(chosen.notify)}."
    return ModeChoice(level_of(event, rules) == Level.ALERT, why, chosen.channels)


# Rule decider: evaluates the rules for events and stores every decision with its reason.

_REMEMBERED = 500
"""Maximum count of events whose decisions are cached; older ones are read from the store."""


class _Decisions(dict[RuleAction, RuleDecision]):
    """Who asks may have the settings of a moment ago, in which there was one more notifier or destination."""

    def __missing__(self, action: RuleAction) -> RuleDecision:
        return RuleDecision(action, does=False, why=f"{action.name} is no longer in the settings.")


class RuleDecider(Decider):
    """Decides by the current rules. Thread-safe.

    settings: returns the current ones. names: whether objects of this camera are classified by a model. words: those
    that rules can match for the recognized identities of an event (`model.observations.spoken`). snoozed: as in
    `leave_out`.
    """

    def __init__(
        self,
        settings: Callable[[], Settings],
        modes: ModeState,
        book: ModeStore,
        clock: Clock,
        names: Callable[[CameraId], bool] = lambda _camera: False,
        words: Callable[[Event], frozenset[str]] = lambda _event: frozenset(),
        snoozed: Callable[[CameraId, int], Mapping[str, str]] = lambda _camera, _at_ms: {},
    ) -> None:
        self._settings, self._modes, self._book, self._clock = settings, modes, book, clock
        self.names, self.words = names, words
        self._snoozed = snoozed
        self._lock = threading.Lock()
        self._made: tuple[Settings, RuleEngine] | None = None
        self._noted: OrderedDict[EventId, dict[str, RuleOutcome]] = OrderedDict()

    @property
    def rules(self) -> RuleEngine:
        settings, made = self._settings(), self._made
        if made is None or made[0] is not settings:
            # not the calendar of the modes: they take new settings later
            calendar = Calendar(self._modes.calendar.zone, settings.modes.location or None)
            found = RuleEngine(settings.rules, calendar, settings.notifiers, settings.destinations)
            made = self._made = settings, found
        return made[1]

    def under(self, settings: Settings) -> "RuleDecider":
        """Return one that decides by other settings, to try them."""
        return RuleDecider(lambda: settings, self._modes, self._book, self._clock, self.names, self.words, self.snoozed)

    def leave_out(self, snoozed: Callable[[CameraId, int], Mapping[str, str]]) -> None:
        """Leave out the rules that are snoozed for a camera at a time, ms UTC. snoozed: returns them, with the reason
        (`RuleContext.snoozed`).
        """
        self._snoozed = snoozed

    def snoozed(self, camera: CameraId, at_ms: int) -> Mapping[str, str]:
        """Return the snoozed rules, as `leave_out` describes."""
        return self._snoozed(camera, at_ms)

    def situation(self, event: Event) -> RuleContext:
        """Return the rule context: mode and presence as of the event's begin, the event as of now.

        A rule that was snoozed when the event began or is now is left out.
        """
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
            self._recognized(event),
            shown_level(event) == Level.ALERT,
            mode_choice(self._settings(), was.mode, event, is_named=names),
            {**self.snoozed(event.camera, end_ms), **self.snoozed(event.camera, event.start_ms)},
        )

    def _recognized(self, event: Event) -> frozenset[str]:
        """Return what rules may match: what was read, and the classes of a sound."""
        if event.kind == "sound":
            return frozenset(one.label.casefold() for one in event.objects)
        return self.words(event) if event.reads else frozenset()

    def standing(self, camera: CameraId) -> RuleContext:
        """Return the rule context of a camera now, without an event."""
        was = self._modes.now()
        return RuleContext(self._clock.now_ms(), camera, "", was.mode, (), self._modes.at(self._clock.now_ms()).home)

    def of(self, event: Event) -> dict[RuleAction, RuleDecision]:
        """Return the decisions of the rules for an event. Nothing is done by what the settings no longer have."""
        noted = self._reasons(event.id)
        found = _Decisions((one.action, one) for one in self.rules.decide(self.situation(event)))
        for action in found:
            before = noted.get(str(action))
            if before is not None and (before.does or before.is_final):
                found[action] = RuleDecision(action, before.rule_does, before.rule_says, rule=found[action].rule)
        return found

    def note(self, event: Event, decision: RuleDecision, *, does: bool, why: str) -> None:
        """Store an outcome. why: the full reason, if more than rules decided."""
        text, is_over = str(decision.action), event.end_ms is not None
        with self._lock:
            noted = self._reasons_locked(event.id)
            before = noted.get(text)
            if before is not None and (
                before.does or (before.does, before.why, before.is_final) == (does, why, is_over)
            ):
                return
            at_ms = self._clock.now_ms()
            noted[text] = reason = RuleOutcome(event.id, text, does, why, decision.does, decision.why, is_over, at_ms)
        self._book.reason(reason)

    def why(self, event: EventId) -> list[RuleOutcome]:
        """Return the outcomes of an event in order of decision."""
        return sorted(self._reasons(event).values(), key=lambda one: (one.at_ms, one.action))

    def fitting(self, event: Event) -> list[tuple[str, str]]:
        """Return key and name of the rules that apply to an event and could be snoozed, or are."""
        return [(rule.key, rule_name(rule, number)) for rule, number in self.rules.fitting(self.situation(event))]

    def _reasons(self, event: EventId) -> dict[str, RuleOutcome]:
        with self._lock:
            return dict(self._reasons_locked(event))

    def _reasons_locked(self, event: EventId) -> dict[str, RuleOutcome]:
        if event not in self._noted:
            self._noted[event] = {one.action: one for one in self._book.reasons(event)}
            if len(self._noted) > _REMEMBERED:
                self._noted.popitem(last=False)
        self._noted.move_to_end(event)
        return self._noted[event]


IDLE_S: Final = 30.0
FRESH_MS: Final = 60_000
"""Events that ended earlier, ms, trigger no actions: they were only edited."""
MOST_TRIES: Final = 2
"""How often an event is evaluated that fails each time, before the next one has its turn."""
SAY_SCRIPT: Final = "say"
log = logging.getLogger(__name__)


class RuleActions:
    """Executes rule actions as one actor. Call `on_event` from any thread. again: publishes a running event.

    order: executes a command such as `{"command": "relay", "relay": "gate", "for": 2}` for its issuer and returns what
    was done, in words. run: runs a script of the scripts folder with JSON as input and returns its output. Both block
    on cameras, relays and scripts, which may take 10 s, and raise TawnyError. calls: threads for them: rules for others
    must not wait.
    """

    name = "rule actions"

    def __init__(
        self,
        deciding: RuleDecider,
        modes: ModeState,
        order: Callable[[Mapping[str, Any], str], str],
        run: Callable[[str, Mapping[str, Any]], str],
        again: Callable[[EventId], None],
        clock: Clock,
        calls: OrderedCalls | None = None,
    ) -> None:
        self._deciding, self._modes, self._order, self._run = deciding, modes, order, run
        self._again, self._clock, self._calls = again, clock, calls or OrderedCalls()
        self._started: set[tuple[EventId, str]] = set()
        """Actions that were started and are not noted yet."""
        self._queue: deque[Event] = deque()
        self._tries = 0
        """How often the first event of the queue was evaluated."""
        self._lasting: dict[EventId, tuple[Event, int]] = {}
        """Running events, and when each was last evaluated, ms UTC."""
        self._missed: Callable[[], Iterable[Event]] = tuple
        self._is_private: Callable[[CameraId], bool] = lambda _camera: False
        self._lock = threading.Lock()
        self._handle = ActorHandle()

    def start(
        self,
        engine: Engine,
        bus: Bus,
        missed: Callable[[], Iterable[Event]],
        is_private: Callable[[CameraId], bool] = lambda _camera: False,
    ) -> None:
        """missed: returns the events since cameras began, newest first: they record before this is started.

        is_private: whether the active mode makes a camera private.
        """
        self._missed, self._is_private = missed, is_private
        bus.subscribe(EventChanged, self.on_event)
        self._handle.start(engine, self.name, lambda: self)

    def on_event(self, message: EventChanged) -> None:
        self._queue.append(message.event)
        self._handle.wake()

    def step(self) -> float:
        with self._lock:
            self._take_missed()
            while self._queue:
                if self._tries < MOST_TRIES:
                    self._tries += 1
                    self._event(self._queue[0])  # a failure leaves it in the queue
                else:
                    log.error("no rule acts on event %s: it could not be evaluated", self._queue[0].id)
                self._queue.popleft()
                self._tries = 0
            return self._look_again()

    def close(self) -> None:
        """No resources to release."""

    def _take_missed(self) -> None:
        """Put the missed events before messages: those that came meanwhile are of the same age, or newer."""
        missed, self._missed = self._missed, tuple
        try:
            self._queue.extendleft(missed())
        except StorageError as error:
            log.warning("cannot read the events of the first seconds: %s", error)

    def _event(self, event: Event) -> None:
        if event.end_ms is not None:
            self._lasting.pop(event.id, None)
            if event.end_ms < self._clock.now_ms() - FRESH_MS:
                return
        else:
            self._lasting[event.id] = event, self._clock.now_ms()
        started = {
            action for key, action in list(self._started) if key == event.id
        }  # first: an end is noted, then dropped
        noted = started | {one.action for one in self._deciding.why(event.id) if one.does}
        for action, decision in self._deciding.of(event).items():
            if action.verb in ("notify", "upload") or str(action) in noted:
                continue
            if not decision.does:
                self._deciding.note(event, decision, does=False, why=decision.why)
                continue
            if action.verb == "record":
                self._do(event, action, decision)
            else:
                self._start(event, action, decision)

    def _start(self, event: Event, action: RuleAction, decision: RuleDecision) -> None:
        key = (event.id, str(action))

        def work() -> None:
            try:
                self._do(event, action, decision)
            finally:
                self._started.discard(key)

        self._started.add(key)
        try:
            self._calls.start(f"{action.verb} {action.name}", work)
        except NotDone as busy:
            self._started.discard(key)
            log.warning("%s: %s", action, busy)
            self._deciding.note(event, decision, does=True, why=f"{decision.why} Failed: {busy}")

    def _do(self, event: Event, action: RuleAction, decision: RuleDecision) -> None:
        try:
            words = self._done(event, action, decision.why)
        except TawnyError as error:
            log.warning("%s: %s", action, error)
            words = f"Failed: {error}"
        self._deciding.note(event, decision, does=True, why=f"{decision.why} {words}".strip())

    def _done(self, event: Event, action: RuleAction, why: str) -> str:
        lasts: dict[str, Any] = {} if action.for_s is None else {"for": action.for_s}
        match action.verb:
            case "record":
                return self._record(CameraId(action.name) if action.name else event.camera, action.for_s or 0.0)
            case "relay":
                order = {"command": "relay", "relay": action.name, "on": action.more != "off", **lasts}
                return self._order(order, "a rule")
            case "ptz":
                return self._order({"command": "ptz", "camera": action.name, "preset": action.more}, "a rule")
            case "run":
                return self._run(action.name, _event_fields(event, why))
            case "say":
                return self._run(SAY_SCRIPT, {**_event_fields(event, why), "say": action.more})
        raise AssertionError(action)

    def _record(self, camera: CameraId, for_s: float) -> str:
        hold = self._modes.hold(camera)
        until_ms = self._clock.now_ms() + round(for_s * 1000)
        if hold is not None and hold.what == "pause":
            raise NotDone(f"{camera} is paused for privacy.", "")
        if self._is_private(camera):
            raise NotDone(f"{camera} is private in this mode.", "")
        if hold is None or (hold.until_ms is not None and hold.until_ms < until_ms):
            self._modes.record(camera, until_ms, "a rule")
        return ""

    def _look_again(self) -> float:
        """Publish running events that have reached a rule's threshold. Return the seconds until the next."""
        wait_s, now_ms = IDLE_S, self._clock.now_ms()
        for event, looked_ms in list(self._lasting.values()):
            due = [event.start_ms + round(after_s * 1000) for after_s in self._deciding.rules.thresholds_s()]
            if any(looked_ms < at_ms <= now_ms for at_ms in due):
                try:
                    self._again(event.id)
                    self._lasting[event.id] = event, now_ms
                except StorageError as error:
                    log.warning("event %s is looked at again later: %s", event.id, error)
            wait_s = min([wait_s, *((at_ms - now_ms) / 1000 for at_ms in due if at_ms > now_ms)])
        return wait_s


def _event_fields(event: Event, why: str) -> dict[str, Any]:
    return {
        "type": "rule",
        "event": event.id,
        "camera": event.camera,
        "kind": event.kind,
        "start": utc_text(event.start_ms),
        "zones": list(event.zones),
        "why": why,
    }

"""Rule actions: switch relays, move cameras, record and run scripts, each once per event.

Notifications and uploads are handled elsewhere. A running event is published again when it has lasted long enough for
another rule to match.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from tawny.config.rules import RuleAction
from tawny.engine import Handle
from tawny.events.modes import ModeState
from tawny.events.rule_engine import RuleDecision
from tawny.model.clock import Clock
from tawny.model.errors import NotDone, TawnyError
from tawny.model.events import Event
from tawny.model.ids import CameraId, EventId
from tawny.model.messages import EventChanged, Message
from tawny.model.times import utc_text
from tawny.service.modes.rule_decider import RuleDecider

IDLE_S: Final = 30.0
FRESH_MS: Final = 60_000
"""Events that ended earlier, ms, trigger no actions: they were only edited."""
SAY_SCRIPT: Final = "say"
log = logging.getLogger(__name__)


class RuleCommands(Protocol):
    """Executes device and script actions. Blocks on cameras, relays and scripts. Raises TawnyError."""

    def order(self, asked: Mapping[str, Any], by: str) -> str:
        """Such as `{"command": "relay", "relay": "gate", "for": 2}`; what was done, in words."""
        ...

    def run(self, script: str, told: Mapping[str, Any]) -> str:
        """Run a script of the scripts folder with this JSON as input. Return its output."""
        ...


class NoRuleCommands:
    """Rejects all commands."""

    def order(self, asked: Mapping[str, Any], by: str) -> str:
        raise NotDone("Nothing here can do that.", "")

    def run(self, script: str, told: Mapping[str, Any]) -> str:
        raise NotDone("Scripts aren't allowed.", "Set `folder` under `[scripts]`.")


class RuleActions:
    """Executes rule actions as one actor. Call `heard` from any thread. again: publishes an event again."""

    name = "acting"

    def __init__(
        self,
        deciding: RuleDecider,
        modes: ModeState,
        orders: RuleCommands,
        again: Callable[[Message], None],
        clock: Clock,
    ) -> None:
        self._deciding, self._modes, self._orders, self._again = deciding, modes, orders, again
        self._clock = clock
        self._queue: deque[Event] = deque()
        self._lasting: dict[EventId, tuple[Event, int]] = {}
        """Running events, and when each was last evaluated, ms UTC."""
        self._lock = threading.Lock()
        self.handle: Handle | None = None

    def heard(self, message: Message) -> None:
        if isinstance(message, EventChanged):
            self._queue.append(message.event)
            if self.handle is not None:
                self.handle.wake()

    def step(self) -> float:
        with self._lock:
            while self._queue:
                self._event(self._queue.popleft())
            return self._look_again()

    def close(self) -> None:
        """No resources to release."""

    def _event(self, event: Event) -> None:
        if event.end_ms is not None:
            self._lasting.pop(event.id, None)
            if event.end_ms < self._clock.now_ms() - FRESH_MS:
                return
        else:
            self._lasting[event.id] = event, self._clock.now_ms()
        noted = {one.deed for one in self._deciding.why(event.id) if one.does}
        for deed, says in self._deciding.of(event).items():
            if deed.verb in ("notify", "upload") or str(deed) in noted:
                continue
            if not says.does:
                self._deciding.note(event, says, does=False, why=says.why)
                continue
            self._do(event, deed, says)

    def _do(self, event: Event, deed: RuleAction, says: RuleDecision) -> None:
        try:
            words = self._done(event, deed, says.why)
        except TawnyError as error:
            log.warning("%s: %s", deed, error)
            words = f"Failed: {error}"
        self._deciding.note(event, says, does=True, why=f"{says.why} {words}".strip())

    def _done(self, event: Event, deed: RuleAction, why: str) -> str:
        lasts: dict[str, Any] = {} if deed.for_s is None else {"for": deed.for_s}
        match deed.verb:
            case "record":
                return self._record(CameraId(deed.name) if deed.name else event.camera, deed.for_s or 0.0)
            case "relay":
                asked = {"command": "relay", "relay": deed.name, "on": deed.more != "off", **lasts}
                return self._orders.order(asked, "a rule")
            case "ptz":
                return self._orders.order({"command": "ptz", "camera": deed.name, "preset": deed.more}, "a rule")
            case "run":
                return self._orders.run(deed.name, _told(event, why))
            case "say":
                return self._orders.run(SAY_SCRIPT, {**_told(event, why), "say": deed.more})
        raise AssertionError(deed)

    def _record(self, camera: CameraId, for_s: float) -> str:
        hold = self._modes.hold(camera)
        until_ms = self._clock.now_ms() + round(for_s * 1000)
        if hold is not None and hold.what == "pause":
            raise NotDone(f"{camera} is paused for privacy.", "")
        if hold is None or (hold.until_ms is not None and hold.until_ms < until_ms):
            self._modes.record(camera, until_ms, "a rule")
        return ""

    def _look_again(self) -> float:
        """Publish running events that have reached a rule's threshold. Return the seconds until the next."""
        wait_s, now_ms = IDLE_S, self._clock.now_ms()
        for event, looked_ms in list(self._lasting.values()):
            due = [event.start_ms + round(after_s * 1000) for after_s in self._deciding.rules.thresholds_s()]
            if any(looked_ms < at_ms <= now_ms for at_ms in due):
                self._lasting[event.id] = event, now_ms
                self._again(EventChanged("updated", event))
            wait_s = min([wait_s, *((at_ms - now_ms) / 1000 for at_ms in due if at_ms > now_ms)])
        return wait_s


def _told(event: Event, why: str) -> dict[str, Any]:
    return {
        "type": "rule",
        "event": event.id,
        "camera": event.camera,
        "kind": event.kind,
        "start": utc_text(event.start_ms),
        "zones": list(event.zones),
        "why": why,
    }

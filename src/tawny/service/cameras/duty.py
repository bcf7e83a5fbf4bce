"""What a camera must do now: its duty by its settings, a manual override and the rules, and when it must be awake."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from tawny.config.modes import AS_SET, ModeCameraSettings
from tawny.config.settings import CameraSettings
from tawny.events.modes import ActiveHold
from tawny.model.errors import SourceAsleep
from tawny.model.events import MANUAL, Event
from tawny.model.ids import EventId
from tawny.model.segments import STARTING, GapReason, Recording
from tawny.model.states import CameraState
from tawny.model.times import Clock
from tawny.sources.network_address import LISTENING
from tawny.sources.phone import SCHEME as PHONE


@dataclass(frozen=True, slots=True)
class CameraDuty:
    """What a camera must do.

    record: what is recorded. back_s: how much earlier recording begins, if it can. is_read: False: not connected at
    all, while paused for privacy. state, reason, detail: reported while not recording.
    """

    record: Recording = "continuous"
    back_s: float = 0.0
    is_held: bool = False
    """Whether a person or a rule records it now, whatever the mode says."""
    is_watched: bool = True
    is_read: bool = True
    state: CameraState = CameraState.STARTING
    reason: GapReason = GapReason.RECORDER_OFF
    detail: str = STARTING

    @property
    def is_recorded(self) -> bool:
        """Whether it is recorded, always or when something happens."""
        return self.record != "off"

    @property
    def waits(self) -> bool:
        """Whether it is recorded only when something happens."""
        return self.record in ("events", "transitions")


OFF = CameraDuty(record="off", state=CameraState.OFF, reason=GapReason.OFF, detail="")


def duty_of(
    settings: CameraSettings,
    hold: ActiveHold | None,
    unrecorded: str,
    mode: str = "",
    in_mode: ModeCameraSettings = AS_SET,
) -> CameraDuty:
    """Return the duty.

    unrecorded: why the rules suspend recording; empty if they do not. in_mode: what the active mode `mode` does with
    this camera.
    """
    if hold is not None and hold.what == "pause":
        return _private(hold.by)
    if in_mode.privacy:
        return _private(by_mode(mode))
    if hold is not None:
        return CameraDuty(back_s=settings.pre, is_held=True)
    if settings.record == "off" and in_mode.record is None:
        return replace(OFF, is_watched=in_mode.detection is not False)
    if not unrecorded and in_mode.record == "off":
        unrecorded = by_mode(mode)
    if unrecorded:
        return CameraDuty(
            record="off", is_watched=False, state=CameraState.MODE_OFF, reason=GapReason.MODE, detail=unrecorded
        )
    return CameraDuty(in_mode.record or settings.record, is_watched=in_mode.detection is not False)


def by_mode(mode: str) -> str:
    """Return the detail of what a mode leaves unrecorded."""
    return f"The mode {mode} says so."


def _private(why: str) -> CameraDuty:
    return CameraDuty(
        record="off", is_watched=False, is_read=False, state=CameraState.PAUSED, reason=GapReason.PRIVACY, detail=why
    )


# Wake calls: when a camera that is meant to sleep must be connected to, because something happens at it. Its events
# call it, what it reports itself, and a person or rule that records it now. It may sleep again when all of that is
# over, so that its battery lasts. Thread-safe.

SHORTEST_CALL_S: Final = 20.0
"""Shortest time of a call, s: a camera needs some seconds to wake."""
UNANSWERED_S: Final = 90.0
"""A call lasts this time, s, until the camera delivers: after 30 s without it counts as offline."""
LONGEST_CALL_S: Final = 300.0
"""A call by one event ends after this time, s, unless a person asked for it: what never ends empties a battery."""
_PAST_MS: Final = 30_000
"""An event that ended longer ago is no call."""
_KEPT_S: Final = 3600.0
"""How long, in s, a call that is over is remembered: its event may still change."""


class WakeCalls:
    """Calls of one camera; the start is one. wake: makes its readers look at once whether it is called."""

    def __init__(self, clock: Clock, settings: CameraSettings, wake: Callable[[], None] = lambda: None) -> None:
        self._wake = wake
        self._clock, self._post_s = clock, max(SHORTEST_CALL_S, settings.post)
        self._sleeps = settings.sleeps
        self._dials_in = settings.source.startswith((f"{LISTENING}:", "udp:", PHONE))
        """It connects to the recorder by itself."""
        self._lock = threading.Lock()
        self._until_s: dict[EventId, float] = {EventId(""): clock.mono_s() + SHORTEST_CALL_S}
        """When the call by each event ends, s monotonic."""
        self._ended: set[EventId] = set()
        self._is_held = self._delivers = self._is_answered = False
        self._unanswered_until_s = 0.0
        """Until when the latest call lasts although its event is over, s monotonic."""
        self._since_ms: int | None = clock.now_ms()

    @property
    def sleeps(self) -> bool:
        """Whether the camera is meant to sleep."""
        return self._sleeps

    def hand_over(self, to: "WakeCalls") -> None:
        """Give all calls to those of the same camera after it was connected again."""
        with self._lock:
            until_s, ended = dict(self._until_s), set(self._ended)
        to.take_over(until_s, ended)

    def take_over(self, until_s: Mapping[EventId, float], ended: set[EventId]) -> None:
        """Note these calls and events, unless something newer is known of them."""
        with self._lock:
            self._until_s = {**until_s, **self._until_s}
            self._ended |= ended

    def on_event(self, event: Event) -> None:
        """Note an event that began, changed or ended. Repeated calls are harmless."""
        now_s, now_ms = self._clock.mono_s(), self._clock.now_ms()
        with self._lock:
            if event.end_ms is None and event.id not in self._until_s:
                self._until_s[event.id] = float("inf") if event.kind == MANUAL else now_s + LONGEST_CALL_S
                self._begin(now_s)
            elif event.end_ms is not None and event.id not in self._ended:
                is_past = now_ms - event.end_ms >= _PAST_MS
                if not is_past or event.id in self._until_s:
                    self._ended.add(event.id)
                    self._until_s[event.id] = now_s + (0.0 if is_past else self._post_s)
        self._wake_if_asleep()

    def reported(self) -> None:
        """Note that the camera itself reports something that is no event."""
        now_s = self._clock.mono_s()
        with self._lock:
            if self._until_s.get(EventId(""), 0.0) <= now_s:
                self._begin(now_s)
            self._until_s[EventId("")] = now_s + SHORTEST_CALL_S
        self._wake_if_asleep()

    def delivers(self, *, is_there: bool) -> None:
        """Note whether frames of its main stream arrive now."""
        with self._lock:
            self._delivers = is_there
            self._is_answered |= is_there
            self._unanswered_until_s = 0.0

    def _begin(self, now_s: float) -> None:
        """Call it once more. A camera that has delivered and gone since the call before must answer again."""
        self._unanswered_until_s = now_s + UNANSWERED_S
        if self._is_answered and not self._delivers:
            self._since_ms, self._is_answered = None, False

    def hold(self, *, is_held: bool) -> None:
        """Note whether a person or a rule records it now."""
        with self._lock:
            if is_held and not self._is_held:
                self._begin(self._clock.mono_s())
            self._is_held = is_held
        self._wake_if_asleep()

    def _wake_if_asleep(self) -> None:
        if self._sleeps:
            self._wake()

    def since_ms(self) -> int | None:
        """Return since when it is called, ms UTC; None if it may sleep."""
        now_s = self._clock.mono_s()
        with self._lock:
            self._until_s = {event: until_s for event, until_s in self._until_s.items() if until_s > now_s - _KEPT_S}
            self._ended &= self._until_s.keys()
            is_owed = not self._delivers and now_s < self._unanswered_until_s
            if not self._is_held and not is_owed and all(until_s <= now_s for until_s in self._until_s.values()):
                self._since_ms = None
            elif self._since_ms is None:
                self._since_ms = self._clock.now_ms()
            return self._since_ms

    def refusal(self) -> SourceAsleep | None:
        """Return why it must not be connected to now; None if it may be, or connects by itself."""
        if not self._sleeps or self._dials_in or self.since_ms() is not None:
            return None
        return SourceAsleep("")

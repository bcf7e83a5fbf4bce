"""Replays past events under another mode: what would have been recorded, and what notified about. Sends nothing.

The same code decides as for real events. What was snoozed then stays snoozed. It can't know how many notifications were
sent shortly before, nor events that detection would have found while it was off.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

from tawny.config.settings import Settings, in_mode
from tawny.events.modes import ModeState
from tawny.events.rule_engine import Calendar, FilterDecision, RuleContext, RuleDecision
from tawny.model.events import Event, shown_level
from tawny.model.ids import CameraId, EventId
from tawny.model.segments import Recording
from tawny.model.times import Span, merge_spans
from tawny.playback.recordings import RecordingIndex, events_within
from tawny.recorder.recording_times import RecordingTimes
from tawny.service.cameras.duty import CameraDuty, duty_of
from tawny.service.delivery.notification_filter import NotificationFilter, at_level, verdict
from tawny.service.detection.event_marks import MUTED
from tawny.service.modes.rule_actions import RuleDecider, mode_choice

PastSpan = Literal["night", "yesterday"]
_NIGHT_MIN: Final = (20 * 60, 8 * 60)
_MOST_EVENTS: Final = 5_000
_SHOWN: Final = 50


@dataclass(frozen=True, slots=True)
class ReplayedEvent:
    """An event and whether it would have notified someone. why: the reason, as a sentence.

    is_snoozed: it would have, but for a snooze. actions: what rules would have done, without notifications and uploads.
    """

    id: EventId
    camera: CameraId
    kind: str
    start_ms: int
    notifies: bool
    why: str
    is_snoozed: bool
    actions: Sequence[str]


@dataclass(frozen=True, slots=True)
class ReplayedCamera:
    """seconds: what would have been recorded; None: the camera is newer.

    kinds: number of events by type. notified: how many of them notify. snoozed: how many would but for a snooze.
    """

    camera: CameraId
    seconds: float | None
    kinds: Mapping[str, int]
    notified: int
    snoozed: int


@dataclass(frozen=True, slots=True)
class Replay:
    """mode: empty: the modes that were active then.

    events: those that notify, would but for a snooze, or have a rule act; newest first, at most 50.
    """

    begin_ms: int
    end_ms: int
    mode: str
    cameras: Sequence[ReplayedCamera]
    events: Sequence[ReplayedEvent]


def past_span(which: PastSpan, now_ms: int, zone: ZoneInfo) -> Span:
    """Return last night, from 20:00 to 08:00 or to now, or the whole of yesterday."""
    calendar = Calendar(zone)
    today = calendar.day(now_ms)
    yesterday = today - timedelta(days=1)
    if which == "yesterday":
        return Span(calendar.at_ms(yesterday, 0), calendar.at_ms(today, 0))
    begin, end = _NIGHT_MIN
    return Span(calendar.at_ms(yesterday, begin), min(now_ms, calendar.at_ms(today, end)))


class Replayer:
    """filters: of the notifiers now. why_muted: why one sent nothing then. Reads the index; thread-safe."""

    def __init__(
        self, settings: Settings, modes: ModeState, deciding: RuleDecider, filters: Sequence[NotificationFilter],
        index: RecordingIndex, why_muted: Callable[[str, CameraId, int], str] = lambda *_: "",
    ) -> None:  # fmt: skip
        self._settings, self._modes, self._deciding = settings, modes, deciding
        self._filters, self._index, self._why_muted = tuple(filters), index, why_muted

    def of(self, span: Span, mode: str, cameras: Sequence[CameraId]) -> Replay:
        """Replay these cameras. mode: empty: the modes that were active then."""
        found: list[ReplayedCamera] = []
        notified: list[ReplayedEvent] = []
        for camera in cameras:
            both = [
                (event, one)
                for event in events_within(self._index, camera, span, _MOST_EVENTS)
                if (one := self._replayed(event, mode)) is not None
            ]
            events, there_was = [event for event, _ in both], [one for _, one in both]
            kinds = Counter(event.shown_kind for event in events)
            loud = sum(one.notifies for one in there_was)
            bounds = self._index.bounds(camera)
            there = (
                Span(bounds.begin_ms, span.end_ms).cut_to(span) if bounds and bounds.begin_ms < span.end_ms else None
            )
            seconds = None if there is None else self._seconds(camera, events, there, mode)
            held = sum(one.is_snoozed for one in there_was)
            found.append(ReplayedCamera(camera, seconds, dict(kinds), loud, held))
            notified += [one for one in there_was if one.notifies or one.is_snoozed or one.actions]
        notified.sort(key=lambda one: -one.start_ms)
        return Replay(span.begin_ms, span.end_ms, mode, found, notified[:_SHOWN])

    def _duty(self, camera: CameraId, mode: str, at_ms: int) -> CameraDuty:
        now = RuleContext(at_ms, camera, "", mode, home=self._modes.at(at_ms).home)
        unrecorded = self._deciding.rules.unrecorded(now)
        return duty_of(self._settings.cameras[camera], None, unrecorded, mode, in_mode(self._settings, mode, camera))

    def _replayed(self, event: Event, mode: str) -> ReplayedEvent | None:
        """Return what would have happened; None if there would have been no event."""
        now = self._deciding.situation(event)
        mode = mode or now.mode
        if not self._duty(event.camera, mode, event.start_ms).is_watched:
            return None
        chosen = mode_choice(self._settings, mode, event, is_named=now.names)
        now = replace(now, mode=mode, chosen=chosen)
        decided = self._deciding.rules.decide(now)
        actions = tuple(str(one.action) for one in decided if one.does and one.action.verb not in ("notify", "upload"))
        found = None if event.muted else self._notified(event, decided)
        found = found or FilterDecision(does=False, why=MUTED)
        return ReplayedEvent(
            event.id, event.camera, event.shown_kind, event.start_ms, found.does, found.why, found.is_final, actions
        )

    def _notified(self, event: Event, decided: Sequence[RuleDecision]) -> FilterDecision:
        """Return what the notifier says that sends it; if none does, one that would but for a snooze, or the first.

        is_final: a snooze is what stops it.
        """
        decisions = {one.action.name: one for one in decided if one.action.verb == "notify"}
        found = FilterDecision(does=False, why="")
        for channel in self._filters:
            if channel.to not in decisions:
                continue
            at = at_level(channel, shown_level(event), decisions[channel.to])
            why_muted = self._why_muted(channel.to, event.camera, event.start_ms)
            one = verdict(
                channel, event.camera, event.kind, at, event.start_ms, self._modes.calendar.zone, why_muted=why_muted
            )
            if one.does:
                return one
            one = replace(one, is_final=one.is_final or at.is_snoozed)
            if not found.why or (one.is_final and not found.is_final):
                found = one
        return found

    def _seconds(self, camera: CameraId, events: Sequence[Event], span: Span, mode: str) -> float:
        own = self._settings.cameras[camera]
        total = 0.0
        for part, name in self._parts(span, mode):
            record: Recording = self._duty(camera, name, part.begin_ms).record
            if record == "continuous":
                total += part.seconds
            elif record != "off":
                wanted = RecordingTimes(record, own.pre, own.post)
                for event in events:
                    wanted.on_event(event, 0)  # none is forgotten
                cuts = [cut for one in merge_spans(wanted.spans()) if (cut := one.cut_to(part)) is not None]
                total += sum(cut.seconds for cut in cuts)
        return total

    def _parts(self, span: Span, mode: str) -> Iterator[tuple[Span, str]]:
        """Yield the parts of the span in which modes, presence and rules don't change, with the mode of each."""
        found = {at_ms for at_ms, _ in self._modes.changes(10_000) if span.begin_ms < at_ms < span.end_ms}
        change_ms = self._deciding.rules.next_change_ms(span.begin_ms)
        while change_ms is not None and change_ms < span.end_ms:
            found.add(change_ms)
            change_ms = self._deciding.rules.next_change_ms(change_ms)
        edges = sorted(found)
        for begin_ms, end_ms in zip([span.begin_ms, *edges], [*edges, span.end_ms], strict=True):
            yield Span(begin_ms, end_ms), mode or self._modes.at(begin_ms).mode

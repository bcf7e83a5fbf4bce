"""Notification scheduler: decides which events and problems become messages, and when.

An event is sent at once; its clip follows after its end. Per camera at most one message is sent per cool-down; further
events are collected in a digest, and the interval doubles up to a limit. An event of a higher level or type than all
that was sent meanwhile, such as a person after a cat or glass after barking, is sent at once all the same. Where
messages can be edited, a visit has one: its later events update it without a sound. In quiet hours events wait. A ring
at the door is sent at once, always. A problem is sent when it begins and when it ends. All state is stored in the
outbox first, so it survives a crash.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from tawny.config.modes import RuleAction
from tawny.delivery.delivery import Delivery, DeliveryKind, DeliveryState
from tawny.engine import ActorHandle
from tawny.events.rule_engine import Calendar, RuleDecision
from tawny.model.events import DOORBELL, RANKS, SOUND, URGENT_SOUNDS, Event, shown_level
from tawny.model.ids import CameraId, EventId
from tawny.model.messages import Alarm, EventChanged
from tawny.model.observations import KINDS
from tawny.model.times import ClockSteps, Span
from tawny.service.delivery.notification_filter import (
    LOWEST,
    NotificationFilter,
    NotificationPace,
    after_quiet_ms,
    at_level,
    between_ms,
    longest_ms,
    quiet_until_ms,
    verdict,
)
from tawny.service.delivery.problems import ProblemScheduler
from tawny.service.delivery.upload_scheduler import DeliverySource
from tawny.service.detection.event_marks import MUTED
from tawny.service.visits import EventVisit
from tawny.storage.index.protocol import all_events

IDLE_S: Final = 30.0
PICTURE_MS: Final = 1_000
"""Maximum delay, ms, of an event that has no snapshot yet."""
SETTLE_MS: Final = 1_500
CHANGE_MS: Final = 3_000
"""Length, ms, of the clip of a change of detection on either side."""
LINK_MS: Final = 6_000
"""Additional delay, ms, of a clip message with a link. The message is sent earlier if the upload ends earlier."""
BROUGHT_MS: Final = 30_000
"""The same for the only message of an event, whose image and clip are links to what is uploaded."""
OVERLAP_MS: Final = 600_000
LONGEST_MS: Final = 3_600_000
"""Nothing belongs to a visit, ms, whose last message is older."""
SAVED_MS: Final = 60_000
SETTLED_S: Final = 120.0
"""Time, s, after the start until problems are known; not by the clock, which may be set in this time."""
REMEMBERED_MS: Final = 2 * 86_400_000
_USUAL_BYTES_S: Final = 500_000
_PAGE: Final = 200


@dataclass(slots=True)
class _NotifierState:
    known: set[EventId] = field(default_factory=set)
    """Events already sent, scheduled or finally refused."""
    paces: dict[CameraId, NotificationPace] = field(default_factory=dict)
    lasting: dict[CameraId, set[EventId]] = field(default_factory=dict)
    """Events that have not ended, of a notifier of changes."""
    is_restored: bool = False


class NotificationScheduler:
    """Scheduler of all notifiers, run as one actor. Call `on_message` and `ended` from any thread."""

    name = "notifications"

    def __init__(
        self,
        source: DeliverySource,
        filters: Sequence[NotificationFilter],
        why_muted: Callable[[str, CameraId, int], str],
        lasting: Callable[[], Iterable[Alarm]],
        zone: ZoneInfo,
        *,
        links: bool = False,
        visit_of: Callable[[Event], EventVisit] = lambda event: EventVisit((event,)),
    ) -> None:
        """Create the scheduler.

        why_muted: returns why a notifier sends nothing about a camera's event of a time, ms UTC; empty if it does.
        lasting: returns the current problems. links: whether clips are uploaded, so that messages can link to them.
        visit_of: returns the visit that an event belongs to.
        """
        self._outbox, self._archive, self._clock = source.outbox, source.archive, source.clock
        self._clip_of, self._deciding, self._why_muted = source.clip_of, source.deciding, why_muted
        self._filters, self._lasting, self._zone = tuple(filters), lasting, zone
        self._links, self._visit_of, self._calendar = links, visit_of, Calendar(zone)
        self._queue: deque[EventChanged | Alarm | Delivery] = deque()
        self._state: dict[str, _NotifierState] = {}
        self._lock = threading.Lock()
        self._steps = ClockSteps(self._clock)
        self._problems = ProblemScheduler(self._outbox, self._clock, source.states)
        self._to_plan: set[str] = set()
        """Notifiers whose digests must be planned again."""
        self._begun_s: float | None = None
        self._saved_ms = 0
        self.handle = ActorHandle()

    def on_message(self, message: EventChanged | Alarm) -> None:
        self._put(message)

    def ended(self, delivery: Delivery) -> None:
        """Schedule the follow-up of a delivery that a courier has ended. Call from any thread."""
        if delivery.what in (DeliveryKind.MESSAGE, DeliveryKind.CLIP) and delivery.event is not None:
            self._put(delivery)

    def sends(self, to: str, event: Event) -> bool:
        """Return whether a notifier sends this event, as of its begin and as of now. Call from any thread."""
        channel, now_ms = next((one for one in self._filters if one.to == to), None), self._clock.now_ms()
        if channel is None or event.muted:
            return False
        why_muted = self._why_muted(to, event.camera, event.start_ms) or self._why_muted(to, event.camera, now_ms)
        decision = self._decision(channel, event)
        return verdict(channel, event.camera, event.kind, decision, now_ms, self._zone, why_muted=why_muted).does

    def step(self) -> float:
        with self._lock:
            now_ms, now_s = self._clock.now_ms(), self._clock.mono_s()
            self._begun_s = now_s if self._begun_s is None else self._begun_s
            self._restore(now_ms)
            self._plan_again(now_ms)
            while self._queue:
                self._take(self._queue[0], now_ms)
                self._queue.popleft()
            if now_s - self._begun_s > SETTLED_S:  # after the ends that the monitor reports: those have exact times
                self._problems.end(self._filters, self._lasting(), now_ms)
            for channel in self._filters:
                self._recap(channel, now_ms)
            if abs(now_ms - self._saved_ms) > SAVED_MS:
                self._saved_ms = now_ms
                for channel in self._filters:
                    self._outbox.mark(f"told/{channel.to}", str(now_ms))
        return IDLE_S

    def close(self) -> None:
        """No resources to release."""

    def take_over(self, filters: Sequence[NotificationFilter], *, links: bool) -> None:
        """Apply changed notifiers. Those that remain keep their state. Call from any thread."""
        with self._lock:
            before = {channel.to: (channel.quiet, channel.cool_down_ms) for channel in self._filters}
            self._to_plan |= {one.to for one in filters if before.get(one.to) != (one.quiet, one.cool_down_ms)}
            for silent in before.keys() - {one.to for one in filters if one.recap is not None}:
                self._outbox.mark(f"recap/{silent}", "")
            for gone in before.keys() - {one.to for one in filters}:
                for mark in self._outbox.marks(f"alarm/{gone}/"):
                    self._outbox.mark(mark, "")  # it gets no messages about their ends
            self._filters, self._links = tuple(filters), links
            self._state = {channel.to: self._state[channel.to] for channel in filters if channel.to in self._state}
        self.handle.wake()

    def _put(self, what: EventChanged | Alarm | Delivery) -> None:
        self._queue.append(what)
        self.handle.wake()

    def _take(self, what: EventChanged | Alarm | Delivery, now_ms: int) -> None:
        if isinstance(what, Alarm):
            self._problems.note(what)
        for channel in self._filters:
            if isinstance(what, Alarm):
                self._problems.tell(channel, what)
            elif isinstance(what, EventChanged):
                is_past = what.event.end_ms is not None and what.event.end_ms < now_ms - OVERLAP_MS
                if not is_past:  # an old event was edited
                    self._event(channel, what.event, now_ms)
            elif what.event is not None and what.what is DeliveryKind.CLIP:
                self._hurry(channel, what.event, now_ms)
            elif what.to == channel.to and what.event is not None:
                event = self._archive.index.event(what.event)
                if event is not None:
                    self._follow(channel, event, now_ms)
                self._send_others(channel, what, now_ms)

    # --- events ------------------------------------------------------------------------------------------------------

    def _event(self, channel: NotificationFilter, event: Event, now_ms: int) -> None:
        state = self._state[channel.to]
        if event.id in state.known and not self._outranks(channel, event, now_ms):
            self._changed(channel, event, now_ms)
            return
        is_ring = event.kind == DOORBELL and not channel.changes
        if channel.once and event.end_ms is None and not is_ring:
            return
        decision = self._decision(channel, event)
        if event.muted:  # not final: it may turn out to be something else
            self._deciding.note(event, decision, does=False, why=MUTED)
            return
        why_muted = self._why_muted(channel.to, event.camera, event.start_ms)
        found = verdict(channel, event.camera, event.kind, decision, now_ms, self._zone, why_muted=why_muted)
        self._deciding.note(event, decision, does=found.does, why=found.why)
        if found.does and channel.changes:
            self._detection_changed(channel, event, now_ms, is_new=True)
        elif found.does:
            self._tell(channel, event, {"rule": decision.rule} if decision.rule else {}, found.wait_ms, now_ms)
        if found.does or found.is_final:
            state.known.add(event.id)

    def _tell(
        self, channel: NotificationFilter, event: Event, rule: Mapping[str, str], wait_ms: int, now_ms: int
    ) -> None:
        """Send an event, or add it to a digest. The pace changes last: after a failed write, all is tried again.

        wait_ms: end of the quiet hours, ms UTC; 0 outside of them.
        """
        if event.kind == DOORBELL:
            self._send(channel, event, {"kind": "event", "event": event.id, "ring": True, **rule}, now_ms)
            return
        pace = self._state[channel.to].paces.setdefault(event.camera, NotificationPace())
        earlier = self._sent_of_visit(channel, event, now_ms) if channel.visits and not wait_ms else []
        if earlier and self._updates_visit(channel, event, earlier, pace, now_ms):
            return
        interval_ms, passed_ms = between_ms(channel, pace.steps), now_ms - pace.last_ms
        rank = min(_rank(event), pace.rank if passed_ms < interval_ms else LOWEST)
        if wait_ms or (passed_ms < interval_ms and _rank(event) >= pace.rank):
            due_ms = after_quiet_ms(channel.quiet, max(pace.last_ms + interval_ms, wait_ms), self._zone)
            about = {**rule, "first": True} if passed_ms >= interval_ms else rule
            self._gather(channel, event, pace, due_ms, now_ms, about)
        else:
            if channel.once:
                self._outbox.add([self._whole(channel, event, now_ms, rule)])
            else:
                self._send(channel, event, {"kind": "event", "event": event.id, **_about(earlier), **rule}, now_ms)
            pace.steps = 0 if passed_ms >= 2 * interval_ms else pace.steps
            pace.sent_ms = max(pace.sent_ms, now_ms)
        pace.rank = rank

    def _send(self, channel: NotificationFilter, event: Event, content: Mapping[str, object], now_ms: int) -> None:
        due_ms = now_ms + _picture_ms(event)
        self._outbox.add([self._delivery(channel, f"event/{event.id}", content, event, now_ms, due_ms=due_ms)])

    def _decision(self, channel: NotificationFilter, event: Event) -> RuleDecision:
        decision = self._deciding.of(event)[RuleAction("notify", channel.to)]
        return decision if event.kind == DOORBELL else at_level(channel, shown_level(event), decision)

    def _sent_of_visit(self, channel: NotificationFilter, event: Event, now_ms: int) -> list[Delivery]:
        """Return the messages about earlier events of the same visit, the newest last."""
        paces = self._state[channel.to].paces.values()
        if not any(now_ms - pace.last_ms < LONGEST_MS for pace in paces):
            return []
        others = (one for one in self._visit_of(event).events if one.id != event.id and one.kind != DOORBELL)
        found = (self._outbox.find(channel.to, f"event/{one.id}") for one in others)
        sent = [one for one in found if one is not None and one.state is not DeliveryState.DROPPED]
        return sorted(sent, key=lambda one: one.made_ms)

    def _updates_visit(
        self,
        channel: NotificationFilter,
        event: Event,
        earlier: Sequence[Delivery],
        pace: NotificationPace,
        now_ms: int,
    ) -> bool:
        """Edit the message of the event's visit: at once where it reaches another camera. False if it ranks higher.

        A message says where the visit has been when it is sent, so that one that waits stands for this event as well.
        """
        events = (self._archive.index.event(one.event) for one in earlier if one.event is not None)
        if _rank(event) < min((_rank(one) for one in events if one is not None), default=LOWEST):
            return False
        sent = [one for one in earlier if one.state is DeliveryState.DONE]
        is_elsewhere = all(one.camera != event.camera for one in earlier)
        waiting = earlier[-1] if earlier[-1].state is DeliveryState.WAITING else None
        if waiting is not None and not (sent and is_elsewhere):
            together = [*waiting.content.get("events", [waiting.event]), event.id]
            if self._outbox.amend(replace(waiting, content={**waiting.content, "events": together})):
                return True
        if not sent:
            return False  # the first is just being sent
        due_ms = now_ms + _picture_ms(event)
        if not is_elsewhere:
            paced_ms = pace.last_ms + between_ms(channel, pace.steps)
            due_ms = max(due_ms, after_quiet_ms(channel.quiet, paced_ms, self._zone))
        content = {"kind": "event", "event": event.id, "edits": sent[-1].receipt, **_about(sent)}
        self._outbox.add([self._delivery(channel, f"event/{event.id}", content, event, now_ms, due_ms=due_ms)])
        pace.steps += not is_elsewhere
        pace.sent_ms = max(pace.sent_ms, due_ms)
        return True

    def _send_others(self, channel: NotificationFilter, ended: Delivery, now_ms: int) -> None:
        """Send the events for which a message stood that was dropped, as its own event is deleted or snoozed."""
        gone = self._outbox.find(channel.to, ended.name)
        if gone is None or gone.state is not DeliveryState.DROPPED or gone.content.get("kind") != "event":
            return
        keys = [EventId(one) for one in gone.content.get("events", ()) if one != gone.event]
        others = [one for one in map(self._archive.index.event, keys) if one is not None and not one.muted]
        if others:
            first, content = others[0], {**gone.content, "event": others[0].id, "events": [one.id for one in others]}
            self._outbox.add([self._delivery(channel, f"event/{first.id}", content, first, now_ms, due_ms=now_ms)])

    def _outranks(self, channel: NotificationFilter, event: Event, now_ms: int) -> bool:
        """Return whether an event that a digest collected has got a higher rank than all that was sent meanwhile.

        It is then taken out of the digest, for a message of its own.
        """
        pace = self._state[channel.to].paces.get(event.camera)
        if pace is None or not pace.digest or _rank(event) >= pace.rank:
            return False
        if quiet_until_ms(channel.quiet, now_ms, self._zone) > now_ms:
            return False
        waiting = self._outbox.find(channel.to, pace.digest)
        if waiting is None or waiting.next_ms <= now_ms or event.id not in waiting.content.get("events", ()):
            return False
        left = [one for one in waiting.content["events"] if one != event.id]
        if left:
            is_out = self._outbox.amend(replace(waiting, content={**waiting.content, "events": left}))
        else:
            self._outbox.drop(waiting, "A message of its own took its place.")
            pace.digest, is_out = "", True
        if is_out:
            self._state[channel.to].known.discard(event.id)
        return is_out

    def _gather(
        self,
        channel: NotificationFilter,
        event: Event,
        pace: NotificationPace,
        due_ms: int,
        now_ms: int,
        rule: Mapping[str, object],
    ) -> None:
        """Add the event to the waiting digest, or to a new one. rule: the one that asks for it, of all its events."""
        if pace.digest:
            waiting = self._outbox.find(channel.to, pace.digest)
            if waiting is not None and waiting.next_ms > now_ms:
                together = {**waiting.content, "events": [*waiting.content["events"], event.id]}
                if waiting.content.get("rule") != rule.get("rule"):
                    together.pop("rule", None)
                next_ms = after_quiet_ms(channel.quiet, waiting.next_ms, self._zone)
                if self._outbox.amend(replace(waiting, content=together, next_ms=next_ms)):
                    return
        name, content = f"digest/{event.id}", {"kind": "digest", "camera": event.camera, "events": [event.id], **rule}
        self._outbox.add([self._delivery(channel, name, content, event, now_ms, due_ms=due_ms)])
        pace.sent_ms, pace.digest_ms = pace.last_ms, due_ms
        pace.digest, pace.steps = name, pace.steps + 1

    def _changed(self, channel: NotificationFilter, event: Event, now_ms: int) -> None:
        """Send an event that waited for its snapshot; schedule the clip of an event that ended."""
        if channel.changes:
            self._detection_changed(channel, event, now_ms, is_new=False)
            return
        if event.end_ms is not None:
            self._follow(channel, event, now_ms)
        elif event.picture_ms is not None:
            first = self._outbox.find(channel.to, f"event/{event.id}")
            if (
                first is not None
                and first.state is DeliveryState.WAITING
                and not first.tries
                and first.next_ms > now_ms
            ):
                self._outbox.amend(replace(first, next_ms=now_ms))

    def _detection_changed(self, channel: NotificationFilter, event: Event, now_ms: int, *, is_new: bool) -> None:
        """Send the begin of detection, and its end once no other event of the camera lasts."""
        lasting = self._state[channel.to].lasting.setdefault(event.camera, set())
        others = lasting - {event.id}
        if event.end_ms is None:
            lasting.add(event.id)
        else:
            lasting.discard(event.id)
        if is_new and not others:
            self._change(channel, event, event.start_ms, now_ms, is_on=True)
        if event.end_ms is not None and not others:
            self._change(channel, event, event.end_ms, now_ms, is_on=False)

    def _change(self, channel: NotificationFilter, event: Event, at_ms: int, now_ms: int, *, is_on: bool) -> None:
        span = Span(at_ms - CHANGE_MS, at_ms + CHANGE_MS)
        content = {"kind": "change", "event": event.id, "on": is_on, "from_ms": span.begin_ms, "to_ms": span.end_ms}
        name = f"change/{event.id}/{'on' if is_on else 'off'}"
        delivery = self._delivery(channel, name, content, event, now_ms, due_ms=span.end_ms + SETTLE_MS)
        self._outbox.add([replace(delivery, at_ms=at_ms, needs=span, size_bytes=round(span.seconds * _USUAL_BYTES_S))])

    def _follow(self, channel: NotificationFilter, event: Event, now_ms: int) -> None:
        if channel.changes or not channel.follows or channel.once or event.end_ms is None:
            return
        first = self._outbox.find(channel.to, f"event/{event.id}")
        if first is None or first.state is not DeliveryState.DONE:
            return
        span = self._clip_of(event, event.end_ms)
        due_ms = span.end_ms + self._waits_ms(channel)
        pace = self._state[channel.to].paces.setdefault(event.camera, NotificationPace())
        if not channel.edits:
            due_ms = max(due_ms, pace.last_ms + between_ms(channel, pace.steps))
            due_ms = due_ms if event.kind == DOORBELL else after_quiet_ms(channel.quiet, due_ms, self._zone)
        edits = first.receipt if channel.edits else ""
        content = {"kind": "clip", "event": event.id, "edits": edits, "from_ms": span.begin_ms, "to_ms": span.end_ms}
        content |= {key: first.content[key] for key in ("about", "rule") if key in first.content}
        clip = self._delivery(channel, f"clip/{event.id}", content, event, now_ms, due_ms=due_ms)
        size_bytes = round(span.seconds * _USUAL_BYTES_S)
        self._outbox.add([replace(clip, what=DeliveryKind.CLIP, needs=span, size_bytes=size_bytes)])
        if not channel.edits:
            pace.sent_ms = max(pace.sent_ms, due_ms)

    def _whole(self, channel: NotificationFilter, event: Event, now_ms: int, rule: Mapping[str, str]) -> Delivery:
        """Return the only message of an event that has ended, with its clip."""
        span = self._clip_of(event, event.end_ms or now_ms)
        content = {"kind": "whole", "event": event.id, "from_ms": span.begin_ms, "to_ms": span.end_ms, **rule}
        due_ms = span.end_ms + self._waits_ms(channel)
        return replace(self._delivery(channel, f"event/{event.id}", content, event, now_ms, due_ms=due_ms), needs=span)

    def _waits_ms(self, channel: NotificationFilter) -> int:
        """Return the delay, ms, of a message with a clip after the clip's end."""
        if not self._links:
            return SETTLE_MS
        return SETTLE_MS + (BROUGHT_MS if channel.once else LINK_MS)

    def _hurry(self, channel: NotificationFilter, key: EventId, now_ms: int) -> None:
        """Send a message at once if it waits only for uploads of its clip and all of them have ended."""
        waiting = self._outbox.find(channel.to, f"{'event' if channel.once else 'clip'}/{key}")
        if waiting is None or waiting.needs is None or waiting.tries or waiting.next_ms <= now_ms:
            return
        is_held = waiting.next_ms > waiting.needs.end_ms + self._waits_ms(channel)
        if not is_held and self._is_brought(key):
            self._outbox.amend(replace(waiting, next_ms=now_ms))

    def _is_brought(self, key: EventId) -> bool:
        filters = {channel.to for channel in self._filters}
        clips = [one for one in self._outbox.of_event(key) if one.what is DeliveryKind.CLIP and one.to not in filters]
        return bool(clips) and all(one.state is not DeliveryState.WAITING for one in clips)

    # --- the day ------------------------------------------------------------------------------------------------------

    def _recap(self, channel: NotificationFilter, now_ms: int) -> None:
        if channel.recap is None:
            return
        now = self._calendar.local(now_ms)
        due = now.date() if now.hour * 60 + now.minute >= channel.recap else now.date() - timedelta(days=1)
        due_ms, first_ms = (self._calendar.at_ms(due - timedelta(days=ago), channel.recap) for ago in (0, 7))
        marks = self._outbox.marks(mark := f"recap/{channel.to}")
        day, at = marks.get(mark, ""), marks.get(f"{mark}/at", "")  # earlier versions store the day, and read only it
        last_ms = self._calendar.at_ms(date.fromisoformat(day), int(at or channel.recap)) if day else due_ms
        if last_ms < due_ms:  # also days late, with all since the last: the recorder was off, or its clock was wrong
            sent = (one.content for one in self._outbox.since(channel.to, first_ms) if one.what is DeliveryKind.RECAP)
            begin_ms = max(last_ms, first_ms, *(one["to_ms"] for one in sent if one["to_ms"] <= due_ms))
            name, content = f"recap/{due}/{channel.recap}", {"kind": "recap", "from_ms": begin_ms, "to_ms": due_ms}
            self._outbox.add([Delivery(channel.to, name, DeliveryKind.RECAP, content, now_ms, now_ms)])
        if (day, at) != (str(due), str(channel.recap)) and not due_ms < last_ms <= now_ms:  # later: a clock set back
            self._outbox.mark(mark, str(due))
            self._outbox.mark(f"{mark}/at", str(channel.recap))

    # --- after a start, or a change of the settings or the clock -----------------------------------------------------

    def _restore(self, now_ms: int) -> None:
        for channel in self._filters:
            state = self._state.setdefault(channel.to, _NotifierState())
            if not state.is_restored:
                self._remember(channel, now_ms)
                self._plan(channel, now_ms, is_start=True)
                self._make_up(channel, now_ms)
                state.is_restored = True

    def _plan_again(self, now_ms: int) -> None:
        """Plan digests again where the settings changed, or all after a step of the clock."""
        if self._steps.moved_ms():
            self._to_plan.update(channel.to for channel in self._filters)
        for channel in self._filters:
            if channel.to in self._to_plan:
                self._plan(channel, now_ms)
        self._to_plan.clear()

    def _plan(self, channel: NotificationFilter, now_ms: int, *, is_start: bool = False) -> None:
        """Make the waiting digests due as settings and clock now say. Nothing else was sent later than now.

        At a start with the same settings they keep their time if it may be right: the clock may be behind.
        """
        mark, plan = f"plan/{channel.to}", f"{channel.cool_down_ms} {channel.quiet}"
        is_same = self._outbox.marks(mark).get(mark) == plan
        quiet_ms = quiet_until_ms(channel.quiet, now_ms, self._zone)
        latest_ms = max(quiet_ms or now_ms + (REMEMBERED_MS // 2 if channel.quiet else 0), now_ms + longest_ms(channel))
        paces = self._state[channel.to].paces
        for pace in paces.values():
            pace.sent_ms, pace.digest_ms = min(pace.sent_ms, now_ms), min(pace.digest_ms, now_ms)
        for waiting in self._outbox.of_kind(channel.to, "digest", DeliveryState.WAITING):
            if waiting.tries:
                continue
            pace = paces.get(CameraId(waiting.content["camera"]), NotificationPace())
            due_ms = max(now_ms, quiet_ms, pace.sent_ms + between_ms(channel, max(0, pace.steps - 1)))
            if is_start and is_same:
                due_ms = max(quiet_ms, min(waiting.next_ms, latest_ms))
            due_ms = after_quiet_ms(channel.quiet, due_ms, self._zone)
            if self._outbox.amend(replace(waiting, next_ms=due_ms)) and waiting.name == pace.digest:
                pace.digest_ms = due_ms
        if not is_same:
            self._outbox.mark(mark, plan)

    def _remember(self, channel: NotificationFilter, now_ms: int) -> None:
        """Restore the state from the outbox."""
        state = self._state[channel.to]
        for row in self._outbox.since(channel.to, now_ms - REMEMBERED_MS):
            if row.camera is None or row.content.get("kind") not in ("event", "digest", "change", "whole"):
                continue
            state.known.update(EventId(one) for one in row.content.get("events", [row.event]))
            pace = state.paces.setdefault(row.camera, NotificationPace())
            last_ms = row.made_ms if row.state is DeliveryState.DONE else max(row.made_ms, row.next_ms)
            if row.content["kind"] == "digest":
                pace.digest, pace.sent_ms, pace.digest_ms = row.name, pace.last_ms, max(pace.digest_ms, last_ms)
                continue
            pace.sent_ms = max(pace.sent_ms, last_ms)
            if row.event is not None and now_ms - row.made_ms < between_ms(channel, pace.steps):
                sent = self._archive.index.event(row.event)
                pace.rank = min(pace.rank, _rank(sent) if sent is not None else pace.rank)

    def _make_up(self, channel: NotificationFilter, now_ms: int) -> None:
        """Send events whose message was lost in a power failure, but none from before the notifier was added.

        A power failure also ends events that last for long: what is sent after the end still has to be.
        """
        mark = f"told/{channel.to}"
        sent_ms = min(now_ms, int(self._outbox.marks(mark).get(mark, now_ms)))
        begin_ms = max(self._outbox.since_ms(channel.to), sent_ms - OVERLAP_MS, now_ms - REMEMBERED_MS // 2)
        if begin_ms >= now_ms:
            return
        index, span = self._archive.index, Span(begin_ms, now_ms)
        found = all_events(lambda after: index.events(span, after=after, limit=_PAGE))
        for event in sorted(found, key=lambda one: one.start_ms):
            is_waited_for = channel.once or event.id in self._state[channel.to].known
            if event.start_ms >= begin_ms or (is_waited_for and (event.end_ms or 0) >= begin_ms):
                self._event(channel, event, now_ms)

    def _delivery(
        self,
        channel: NotificationFilter,
        name: str,
        content: Mapping[str, object],
        event: Event,
        now_ms: int,
        *,
        due_ms: int,
    ) -> Delivery:
        return Delivery(
            to=channel.to,
            name=name,
            what=DeliveryKind.MESSAGE,
            content=content,
            made_ms=now_ms,
            at_ms=event.start_ms,
            camera=event.camera,
            event=event.id,
            next_ms=due_ms,
        )


def _rank(event: Event) -> int:
    """Return the event's rank, by its level and then its type; lower numbers are higher.

    Urgent sounds come first, then the types in the order of KINDS, then all others.
    """
    sounds = [one.label for one in event.objects if one.label in URGENT_SOUNDS] if event.shown_kind == SOUND else []
    last = len(URGENT_SOUNDS) + len(KINDS)
    kind = len(URGENT_SOUNDS) + KINDS.index(event.shown_kind) if event.shown_kind in KINDS else last
    first = min([*map(URGENT_SOUNDS.index, sounds), kind])
    return (max(RANKS.values()) - RANKS[shown_level(event)]) * (last + 1) + first


def _picture_ms(event: Event) -> int:
    """Return how long, ms, its message waits for a snapshot."""
    return 0 if event.picture_ms is not None or event.end_ms is not None else PICTURE_MS


def _about(earlier: Sequence[Delivery]) -> Mapping[str, object]:
    """Return the event whose message stands for the visit, by what was sent of it."""
    return {"about": earlier[-1].content.get("about", earlier[-1].event)} if earlier else {}

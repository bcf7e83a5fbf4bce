"""Upload scheduler: turns events and recordings into deliveries to destinations.

The snapshot is sent at once and again when it improves. During an event its video follows in parts of a few seconds.
After the event the clip replaces the parts as soon as its last second is recorded; what it can't hold is sent in parts,
too. Each encrypted recording is sent when it is closed: during an event every few seconds; what is not encrypted of the
same event, in parts. After a crash
the scheduler sends missed events at the next start; entries already in the outbox, identified by name, are not sent
twice.
"""

import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import pairwise
from typing import Final

from tawny.config.modes import RuleAction
from tawny.delivery.delivery import Delivery, DeliveryKind, DeliveryState
from tawny.delivery.file_names import NamedFile, has_counter, is_unique, name, other_name, piece_name
from tawny.delivery.outbox import FILE_END, LIKE_PARTS, MOST_WAITING, QUEUE_FULL, REPLACED, Outbox
from tawny.engine import ActorHandle
from tawny.model.events import Event
from tawny.model.ids import CameraId, EventId, StreamName
from tawny.model.messages import EventChanged, SegmentClosed
from tawny.model.segments import Segment
from tawny.model.states import CameraState
from tawny.model.times import Clock, Span, missing_spans
from tawny.playback.clips import times_of
from tawny.playback.recordings import RecordingArchive, recorded_until_ms, segments
from tawny.service.delivery.event_forms import form_of
from tawny.service.delivery.replaced_parts import LONGEST_MASKED_MS, RECORDED, is_whole_video, span_of
from tawny.service.delivery.upload_rules import CLIP_FORMS, UploadRule, sends
from tawny.service.languages import Languages
from tawny.service.modes.decider import Decider
from tawny.service.sealing.policy import SealedExport
from tawny.storage.disk.layout import is_sealed, picture_path, sealed_path
from tawny.storage.index.protocol import all_events

log = logging.getLogger(__name__)

PIECE_MS: Final = 5_000
LOOK_S: Final = 1.0
END_LOOK_S: Final = 0.2
"""Step interval, s, shortly before a clip's end is recorded."""
IDLE_S: Final = 30.0
SETTLE_MS: Final = 5_000
"""Delay, ms, after the post-roll; then the clip is sent even if its end was not recorded, as the camera may have
failed."""
SHORT_MS: Final = 60_000
"""Time, ms, in which files of an encrypted camera stay short after its event changed or one was closed."""
MOST_SHORT: Final = MOST_WAITING // 5
"""Number of waiting items of a destination above which no files are shortened: it would be full before long."""
PARTS: Final = "parts"
"""Folder of parts that the clip replaces and that cannot be deleted, so that a rule at the destination can do so."""
SENT_SEALED: Final = "It is partly encrypted: its recordings are sent as they are."
LONGEST_EVENT_MS: Final = 3_600_000
MADE_UP_FOR_MS: Final = 7 * 86_400_000
_PAGE: Final = 200
_NAMED_FORMS: Final = (*CLIP_FORMS, "jpg", "tws")
_PREVIEW_BYTES: Final = 2_000_000
_USUAL_BYTES_S: Final = 500_000
"""Assumed bytes per second of video until the clip's actual size is known."""


@dataclass(frozen=True, slots=True)
class DeliverySource:
    """What deliveries are made from, and the outbox for them.

    clip_of: returns an event's span with pre-roll and post-roll, as of a time. deciding: the rules. called: returns the
    cameras' names as `delivery.file_names.safe_names` does. states: returns those of all cameras. shorten: ends each
    file of a camera in a span after a few seconds.
    """

    outbox: Outbox
    archive: RecordingArchive
    clock: Clock
    clip_of: Callable[[Event, int], Span]
    deciding: Decider = field(default_factory=Decider)
    sealed: SealedExport = field(default_factory=SealedExport)
    called: Callable[[], Mapping[CameraId, str]] = dict
    languages: Languages = field(default_factory=lambda: Languages(None))
    states: Callable[[], Mapping[CameraId, CameraState]] = dict
    shorten: Callable[[CameraId, Span], None] = lambda _camera, _span: None


@dataclass(slots=True)
class _Going:
    """A running event and how much of its video was sent to one destination."""

    event: Event
    rule: UploadRule
    sent_ms: int
    pieces: int = 0


@dataclass(frozen=True, slots=True)
class _Ending:
    """A clip to be sent once its last second is written to disk."""

    rule: UploadRule
    event: Event
    delivery: Delivery
    span: Span


class UploadScheduler:
    """Scheduler of all destinations, run as one actor. Call `on_message` from any thread."""

    name = "sending"

    def __init__(
        self,
        source: DeliverySource,
        rules: Sequence[UploadRule],
        budget_bytes: int,
        all_targets: Callable[[], Iterable[str]] | None = None,
    ) -> None:
        """Create the scheduler. all_targets: returns the names of existing targets; None: any."""
        self._deciding, self._sealed = source.deciding, source.sealed
        self._outbox, self._archive = source.outbox, source.archive
        self._clip_of, self._clock, self._called = source.clip_of, source.clock, source.called
        self._shorten = source.shorten
        self._rules, self._budget_bytes, self._all_targets = tuple(rules), budget_bytes, all_targets
        self._queue: deque[EventChanged | SegmentClosed] = deque()
        self._lock = threading.Lock()
        self._going: dict[tuple[EventId, str], _Going] = {}
        self._ending: dict[tuple[EventId, str, str], _Ending] = {}
        self._closings = Counter[CameraId]()
        self._caught_up: dict[tuple[EventId, str], tuple[int, int]] = {}
        """Begin and closings of the camera up to which a running event's recordings are queued, by destination."""
        self._made_up: set[str] = set()
        self.handle = ActorHandle()

    def on_message(self, message: EventChanged | SegmentClosed) -> None:
        self._queue.append(message)
        self.handle.wake()

    def step(self) -> float:
        with self._lock:
            for rule in self._rules:
                if rule.to not in self._made_up:
                    self._make_up(rule)
                    self._made_up.add(rule.to)
            while self._queue:
                message = self._queue[0]
                if isinstance(message, EventChanged):
                    for rule in self._rules:
                        self._bring(rule, message.event, only_new=message.what == "updated")
                else:
                    self._segment(message.segment)
                self._queue.popleft()  # not before: the disk may have failed, and the step is repeated
            for going in list(self._going.values()):
                self._follow(going)
            for key, ending in list(self._ending.items()):
                if self._let_go(ending):
                    del self._ending[key]
            targets = None if self._all_targets is None else self._all_targets()
            dropped = self._outbox.keep_within(self._budget_bytes, targets)
            for to, count in Counter(one.to for one in dropped if one.why == QUEUE_FULL).items():
                log.warning(
                    "the queue is full: dropped %d that waited for %s, the least important and oldest", count, to
                )
            return self._rest_s()

    def close(self) -> None:
        """No resources to release."""

    def take_over(self, rules: Sequence[UploadRule], budget_bytes: int) -> None:
        """Apply changed destinations; running events continue where they still apply. Call from any thread."""
        with self._lock:
            self._rules, self._budget_bytes = tuple(rules), budget_bytes
            known = {rule.to: rule for rule in rules}
            self._made_up &= known.keys()
            self._caught_up.clear()  # what is sent of an event may have changed
            for key, going in list(self._going.items()):
                rule = known.get(going.rule.to)
                event = going.event
                if rule is None or rule.why_not(event.camera, event.kind, kept=event.kept):
                    del self._going[key]
                else:
                    going.rule = rule
        self.handle.wake()

    # --- events ------------------------------------------------------------------------------------------------------

    def _bring(self, rule: UploadRule, event: Event, *, only_new: bool = False) -> None:
        """Send what the destination receives of an event. only_new: of its video, as in `_clips`."""
        if event.end_ms is not None:
            self._going.pop((event.id, rule.to), None)
            self._caught_up.pop((event.id, rule.to), None)
        if self._is_expired(rule, event):
            return
        if not self._receives(rule, event):
            return
        is_plain = self._is_plain(rule, event)
        if event.picture_ms is not None:
            if self._is_picture_sealed(event, otherwise=not is_plain):
                self._sealed_picture(rule, event)
            elif "jpg" in rule.forms and (rule.at_once or event.end_ms is not None):
                self._picture(rule, event, event.picture_ms)
        if not is_plain:
            self._bring_recordings(rule, event)
        elif event.end_ms is not None:
            self._clips(rule, event, event.end_ms, only_new=only_new)
        elif (rule.follows and rule.has_clip) or rule.max_s:
            self._begin(rule, event)

    def _receives(self, rule: UploadRule, event: Event) -> bool:
        """Decide whether the destination receives the event, and note it."""
        decision = self._deciding.of(event)[RuleAction("upload", rule.to)]
        found = sends(rule, event.camera, event.kind, decision, kept=event.kept)
        self._deciding.note(event, decision, does=found.does, why=found.why)
        return found.does

    def _is_expired(self, rule: UploadRule, event: Event) -> bool:
        """Return whether the destination no longer keeps files of the time when the event ended."""
        if rule.retention_s is None or event.end_ms is None:
            return False
        return event.end_ms < self._clock.now_ms() - round(rule.retention_s * 1000)

    def _picture(self, rule: UploadRule, event: Event, picture_ms: int) -> None:
        content = {"event": event.id, "picture_ms": picture_ms}
        delivery = self._delivery(rule, event, DeliveryKind.PICTURE, "jpg", content)
        known = self._known(delivery)
        if known is None or known.content != content:
            self._outbox.renew(delivery)

    def _begin(self, rule: UploadRule, event: Event) -> None:
        key = event.id, rule.to
        if key in self._going:
            self._going[key].event = event
        elif all(self._known(self._clip(rule, event, form, {})) is None for form in rule.clip_forms):
            begin_ms = self._clip_of(event, self._clock.now_ms()).begin_ms
            parts = self._parts(rule, event)  # of before a restart
            self._going[key] = _Going(event, rule, max([begin_ms, *(span_of(one).end_ms for one in parts)]), len(parts))

    def _follow(self, going: _Going) -> None:
        """Send the video recorded since the last part, if there is enough of it; at the maximum, the clip."""
        event, rule = going.event, going.rule
        recorded_ms = recorded_until_ms(self._archive, event.camera, self._clock.now_ms())
        if recorded_ms > going.sent_ms and self._sealed_spans(event.camera, Span(going.sent_ms, recorded_ms)):
            self._bring_recordings(rule, event)  # it was encrypted meanwhile
            self._going.pop((event.id, rule.to), None)
            return
        last_ms = self._clip_of(event, recorded_ms).begin_ms + round(rule.max_s * 1000)
        if rule.max_s and recorded_ms >= last_ms:
            self._clips(rule, event, last_ms)
            del self._going[event.id, rule.to]
            return
        if not (rule.follows and rule.has_clip) or recorded_ms - going.sent_ms < PIECE_MS:
            return
        span = self._in_one_file(event.camera, Span(going.sent_ms, recorded_ms))
        part = self._part(rule, event, span, going.pieces + 1)
        self._outbox.add([replace(part, name=f"{PARTS}/{part.name}") if rule.write_only else part])
        going.pieces, going.sent_ms = going.pieces + 1, span.end_ms

    def _part(self, rule: UploadRule, event: Event, span: Span, number: int) -> Delivery:
        content = _cut(span)
        if recorded_until_ms(self._archive, event.camera, self._clock.now_ms()) >= span.end_ms:  # else more may follow
            recorded = times_of(self._archive, event.camera, StreamName.MAIN, span)
            content[RECORDED] = [(one.begin_ms, one.end_ms) for one in recorded]
        whole = self._delivery(rule, event, DeliveryKind.PIECE, "mp4", content)
        size_bytes = self._size_bytes(event.camera, span)
        return replace(whole, name=piece_name(whole.name, number), needs=span, size_bytes=size_bytes)

    def _parts(self, rule: UploadRule, event: Event) -> list[Delivery]:
        kinds = DeliveryKind.PIECE, DeliveryKind.REMOVAL
        return [one for one in self._outbox.of_event(event.id) if one.to == rule.to and one.what in kinds]

    def _lasting(self, rule: UploadRule, parts: Sequence[Delivery]) -> list[Delivery]:
        """Return the parts that stay without a clip: a rule at the destination deletes those in PARTS."""
        return [one for one in parts if not (rule.write_only and one.name.startswith(f"{PARTS}/"))]

    def _rest(self, rule: UploadRule, event: Event, whole: Span) -> None:
        """Send in parts what neither the clip can hold, which is one file, nor earlier parts have."""
        earlier, new = self._parts(rule, event), list[Delivery]()
        lasting_ms = [span_of(one).end_ms for one in self._lasting(rule, earlier)]
        begin_ms = max([self._in_one_file(event.camera, whole).end_ms, *lasting_ms])
        while begin_ms < whole.end_ms:
            span = self._in_one_file(event.camera, Span(begin_ms, whole.end_ms))
            part = self._part(rule, event, span, len(earlier) + len(new) + 1)
            new.append(replace(part, next_ms=span.end_ms + SETTLE_MS))
            begin_ms = span.end_ms
        self._outbox.add(new)

    def _clips(self, rule: UploadRule, event: Event, end_ms: int, *, only_new: bool = False) -> None:
        """Send each wanted form of the event's video once its last second is recorded.

        only_new: only forms without a delivery; another length of it comes from changed settings.
        """
        whole = self._span(rule, event, end_ms)
        for form in rule.clip_forms:
            span = whole if form == "sheet" else self._maskable(event.camera, whole)
            due_ms = span.end_ms + SETTLE_MS
            delivery = self._clip(rule, event, form, _cut(span))
            known = self._known(delivery)
            if known is not None and (only_new or delivery.content.items() <= known.content.items()):
                continue  # it may also know where its file ends
            size_bytes = _PREVIEW_BYTES if form in ("gif", "sheet") else self._size_bytes(event.camera, span)
            delivery = replace(delivery, needs=span, size_bytes=size_bytes, next_ms=due_ms)
            if form in LIKE_PARTS:
                file = self._in_one_file(event.camera, span)
                if file != span:  # a full queue drops only those parts first that this file holds
                    delivery = replace(delivery, content={**delivery.content, FILE_END: file.end_ms})
                self._rest(rule, event, whole)  # before the clip: a missing clip is made up for with its rest
            self._outbox.renew(delivery)
            if due_ms > self._clock.now_ms():
                self._ending[event.id, rule.to, form] = _Ending(rule, event, delivery, span)

    def _clip(self, rule: UploadRule, event: Event, form: str, cut: dict[str, object]) -> Delivery:
        content = cut if form == "mp4" else cut | {"form": form}
        return self._delivery(rule, event, DeliveryKind.CLIP, form, content)

    def _let_go(self, ending: _Ending) -> bool:
        """Release the clip if its end is recorded or the deadline has passed. Return whether it was released."""
        now_ms, camera, span = self._clock.now_ms(), ending.event.camera, ending.span
        if self._sealed_spans(camera, span):
            self._bring_recordings(ending.rule, ending.event)
            return True
        if now_ms < span.end_ms + SETTLE_MS and recorded_until_ms(self._archive, camera, now_ms) < span.end_ms:
            return False
        self._outbox.amend(replace(ending.delivery, next_ms=now_ms))
        return True

    def _rest_s(self) -> float:
        to_end_ms = min((one.span.end_ms for one in self._ending.values()), default=None)
        if to_end_ms is not None:
            to_end_s = max(END_LOOK_S, (to_end_ms - self._clock.now_ms()) / 1000)
            return min(LOOK_S, to_end_s)
        return LOOK_S if self._going else IDLE_S

    # --- sealed recordings: files are uploaded unchanged, as the recorder cannot cut them

    def _is_picture_sealed(self, event: Event, *, otherwise: bool) -> bool:
        """Return whether an event's snapshot is stored sealed; `otherwise` if it is not known."""
        path = picture_path(event)
        is_plain, is_there = self._sealed.is_stored(path), self._sealed.is_stored(sealed_path(path))
        if is_plain and is_there:
            return self._sealed.seals(event.camera)  # the newer one is by the settings
        return is_there or (otherwise and not is_plain)

    def _sealed_picture(self, rule: UploadRule, event: Event) -> None:
        path = sealed_path(picture_path(event))
        content: dict[str, object] = {"event": event.id, "picture_ms": event.picture_ms, "sealed": True}
        whole = self._delivery(rule, event, DeliveryKind.PICTURE, "tws", content)
        delivery = replace(whole, name=self._sealed_name(rule, path, event.start_ms, whole.name))
        known = self._known(delivery)
        if known is None or known.content != content:
            self._outbox.renew(delivery)

    def _sealed_spans(self, camera: CameraId, span: Span) -> list[Span]:
        """Return the times of the sealed recordings of a span, also those of one that is open."""
        found = segments(self._archive, camera, StreamName.MAIN, span)
        return [one.span for one in found if is_sealed(one.path)]

    def _is_plain(self, rule: UploadRule, event: Event) -> bool:
        """Return whether all recordings of an event are unsealed, also those to come."""
        now_ms = self._clock.now_ms()
        span = self._span(rule, event, now_ms)
        found = segments(self._archive, event.camera, StreamName.MAIN, span)
        if any(is_sealed(one.path) for one in found):
            return False
        if not self._sealed.seals(event.camera):
            return True
        is_over = bool(found) and (found[-1].end_ms >= span.end_ms or now_ms >= span.end_ms + SETTLE_MS)
        return is_over and event.end_ms is not None

    def _bring_recordings(self, rule: UploadRule, event: Event, closed: Sequence[Segment] = ()) -> None:
        """Upload the closed recordings that were not yet; without parts, after the event or its maximum duration.

        Sealed ones as they are, whose time is in them; what is unsealed of the event in parts.
        closed: one that was just closed. Of a running event, the others are only looked at if any may be missing.
        """
        now_ms = self._clock.now_ms()
        span = self._span(rule, event, now_ms)
        is_at_maximum = rule.max_s and span.begin_ms + round(rule.max_s * 1000) <= now_ms
        if event.end_ms is None and not rule.follows and not is_at_maximum:
            return
        if now_ms < span.end_ms + SHORT_MS and not self._is_behind():
            self._shorten(event.camera, Span(now_ms, span.end_ms + SHORT_MS))
        key, closings = (event.id, rule.to), self._closings[event.camera]
        if self._caught_up.get(key) != (span.begin_ms, closings - len(closed)):
            queued = {one.content.get("segment") for one in self._outbox.of_event(event.id) if one.to == rule.to}
            found = self._archive.index.segments(event.camera, StreamName.MAIN, span)
            closed = [one for one in found if one.id not in queued]
        for segment in closed:
            if is_sealed(segment.path):
                whole = self._of_segment(rule, segment, DeliveryKind.CLIP)
                if all(one.content != whole.content for one in self._outbox.at(rule.to, whole.at_ms)):
                    self._outbox.add([replace(whole, event=event.id)])
        if rule.has_clip and not all(is_sealed(one.path) for one in closed):
            self._bring_plain(rule, event, span)
        if event.end_ms is None:
            self._caught_up[key] = span.begin_ms, closings

    def _bring_plain(self, rule: UploadRule, event: Event, span: Span) -> None:
        """Send in parts what is unsealed of the closed recordings of an event that also has sealed ones, or may."""
        self._going.pop((event.id, rule.to), None)
        sealed = self._sealed_spans(event.camera, span)
        parts = self._parts(rule, event)  # dropping the clip makes those lost that gave way to it
        for one in self._outbox.of_event(event.id):  # no clip can be cut from both
            is_cut = one.to == rule.to and one.what is DeliveryKind.CLIP and "to_ms" in one.content
            if is_cut and one.state is DeliveryState.WAITING and any(span_of(one).overlaps(each) for each in sealed):
                self._outbox.drop(one, SENT_SEALED)
        known = [one for one in self._outbox.of_event(event.id) if one.to == rule.to]
        sent = [span_of(one) for one in known if is_whole_video(one) and one.state is not DeliveryState.DROPPED]
        sent += [span_of(one) for one in self._lasting(rule, parts) if one.why != REPLACED]
        new = list[Delivery]()
        for segment in self._archive.index.segments(event.camera, StreamName.MAIN, span):
            within = None if is_sealed(segment.path) else segment.span.cut_to(span)
            for hole in missing_spans([*sent, *sealed], within) if within is not None else ():
                new.append(self._part(rule, event, hole, len(parts) + len(new) + 1))
        self._outbox.add(new)

    def _is_behind(self) -> bool:
        return any(self._outbox.waiting(rule.to).count > MOST_SHORT for rule in self._rules)

    def _with_events(self, segment: Segment) -> None:
        """Upload a recording that was just closed for the events in it, also for those that go on.

        Of an unsealed one, what belongs to events that also have sealed ones, or may have had.
        """
        self._closings[segment.camera] += 1
        near = Span(segment.start_ms - LONGEST_EVENT_MS, segment.end_ms + LONGEST_EVENT_MS)
        index, only = self._archive.index, [segment.camera]
        for event in all_events(lambda after: index.events(near, cameras=only, after=after, limit=_PAGE)):
            for rule in self._rules:
                is_in_it = self._span(rule, event, self._clock.now_ms()).overlaps(segment.span)
                if is_in_it and not is_sealed(segment.path):
                    self._bring(rule, event, only_new=True)
                elif is_in_it and self._receives(rule, event):
                    self._bring_recordings(rule, event, [segment])

    def _is_near_sealed(self, segment: Segment) -> bool:
        """Return whether events in a recording may have sealed ones, too."""
        before = Span(segment.start_ms - LONGEST_EVENT_MS, segment.start_ms)
        return self._sealed.seals(segment.camera) or bool(self._sealed_spans(segment.camera, before))

    def _sealed_name(self, rule: UploadRule, path: str, at_ms: int, readable: str) -> str:
        if rule.names_sealed:
            return readable
        return self._sealed.object_name(path, f"{datetime.fromtimestamp(at_ms / 1000, rule.zone):%Y%m%d}")

    # --- whole recordings

    def _segment(self, segment: Segment) -> None:
        if segment.stream is not StreamName.MAIN:
            return
        if is_sealed(segment.path) or self._is_near_sealed(segment):
            self._with_events(segment)
        for rule in self._rules:
            if "recordings" in rule.what and rule.has(segment.camera):
                self._outbox.add([self._of_segment(rule, segment, DeliveryKind.FOOTAGE)])

    def _of_segment(self, rule: UploadRule, segment: Segment, what: DeliveryKind) -> Delivery:
        file_type = "tws" if is_sealed(segment.path) else "mp4"
        file = NamedFile(segment.camera, segment.start_ms, segment.id, "footage")
        where = self._named(rule, file, file_type, lambda one: one.content.get("segment") == segment.id)
        if is_sealed(segment.path):
            where = self._sealed_name(rule, segment.path, segment.start_ms, where)
        return Delivery(
            to=rule.to,
            name=where,
            what=what,
            content={"segment": segment.id},
            made_ms=self._clock.now_ms(),
            at_ms=segment.start_ms,
            camera=segment.camera,
            needs=segment.span,
            size_bytes=segment.size_bytes,
        )

    # --- missed messages ---------------------------------------------------------------------------------------------

    def _make_up(self, rule: UploadRule) -> None:
        """Send what ended while tawny was not running or whose message was lost in a power failure."""
        now_ms = self._clock.now_ms()
        kept_ms = MADE_UP_FOR_MS if rule.retention_s is None else round(rule.retention_s * 1000)
        begin_ms = max(self._outbox.since_ms(rule.to), now_ms - min(kept_ms, MADE_UP_FOR_MS))
        if begin_ms >= now_ms:
            return
        index, span = self._archive.index, Span(begin_ms, now_ms)
        for event in all_events(lambda after: index.events(span, after=after, limit=_PAGE)):
            if event.end_ms is not None and event.start_ms >= begin_ms:
                self._bring(rule, event, only_new=True)
        if "recordings" in rule.what:
            self._make_up_recordings(rule, span)

    def _make_up_recordings(self, rule: UploadRule, span: Span) -> None:
        """Send recordings that were closed while tawny stopped or by repair: no message announced them."""
        known = self._outbox.recordings(rule.to, span.begin_ms)
        for camera in rule.cameras or self._called():
            found = self._archive.index.segments(camera, StreamName.MAIN, span)
            missed = [one for one in found if one.start_ms >= span.begin_ms and one.id not in known]
            self._outbox.add([self._of_segment(rule, one, DeliveryKind.FOOTAGE) for one in missed])

    # --- inside ------------------------------------------------------------------------------------------------------

    def _size_bytes(self, camera: CameraId, span: Span) -> int:
        """Return the estimated size of a span, from the bytes per second of its recordings."""
        files = [one for one in self._archive.open_segments(camera) if one.stream is StreamName.MAIN]
        files += self._archive.index.segments(camera, StreamName.MAIN, span)
        seconds = sum(one.span.seconds for one in files)
        bytes_s = sum(one.size_bytes for one in files) / seconds if seconds > 0 else _USUAL_BYTES_S
        return round(bytes_s * span.seconds)

    def _span(self, rule: UploadRule, event: Event, now_ms: int) -> Span:
        """Return what is sent of an event: its clip up to the maximum duration."""
        span = self._clip_of(event, now_ms)
        if not rule.max_s:
            return span
        return Span(span.begin_ms, min(span.end_ms, span.begin_ms + round(rule.max_s * 1000)))

    def _maskable(self, camera: CameraId, span: Span) -> Span:
        """Return the span; of a camera with privacy masks at most what can be re-encoded."""
        if not self._archive.private(camera):
            return span
        return Span(span.begin_ms, min(span.end_ms, span.begin_ms + LONGEST_MASKED_MS))

    def _in_one_file(self, camera: CameraId, span: Span) -> Span:
        """Return the beginning of a span that one file can hold: up to a change of the video format."""
        found = segments(self._archive, camera, StreamName.MAIN, span)
        begins_ms = [after.start_ms for before, after in pairwise(found) if not same_format(before, after)]
        end_ms = next((begin_ms for begin_ms in begins_ms if begin_ms > span.begin_ms), span.end_ms)
        return self._maskable(camera, Span(span.begin_ms, end_ms))

    def _known(self, delivery: Delivery) -> Delivery | None:
        """Return the delivery of the same file of the same event, under whatever name.

        The settings, or an earlier version, may have given it another one; it is not sent again because of that.
        """
        at_once = self._outbox.at(delivery.to, delivery.at_ms)
        same = (one for one in at_once if one.what is delivery.what and form_of(one) == form_of(delivery))
        return max((one for one in same if one.event == delivery.event), key=lambda one: one.id, default=None)

    def _named(self, rule: UploadRule, file: NamedFile, form: str, is_own: Callable[[Delivery], bool]) -> str:
        """Return the name of a form of an event or recording. Of those of the same second, later ones get a number.

        is_own: returns whether a delivery is of the same event or recording. All forms get the same number.
        """
        number = self._outbox.number(rule.to, file.key) if has_counter(rule.names) else 0
        file = replace(file, called=self._called().get(file.camera, ""), number=number)
        if is_unique(rule.names):
            return name(rule.names, file, form, rule.zone, rule.local)
        first = {one: name(rule.names, file, one, rule.zone, rule.local) for one in _NAMED_FORMS}

        def is_free(names: Mapping[str, str]) -> bool:
            piece = piece_name(names["mp4"], 1)
            there = (self._outbox.find(rule.to, one) for one in {*names.values(), piece, f"{PARTS}/{piece}"})
            return not any(one is not None and not is_own(one) and not _is_swept(one) for one in there)

        further, chosen = 1, first
        while not is_free(chosen):
            further += 1
            chosen = {one: other_name(plain, further) for one, plain in first.items()}
        return chosen[form]

    def _delivery(
        self, rule: UploadRule, event: Event, what: DeliveryKind, form: str, content: dict[str, object]
    ) -> Delivery:
        file = NamedFile(event.camera, event.start_ms, event.id, event.kind)
        return Delivery(
            to=rule.to,
            name=self._named(rule, file, form, lambda one: one.event == event.id and one.what is not DeliveryKind.FILE),
            what=what,
            content=content,
            made_ms=self._clock.now_ms(),
            at_ms=event.start_ms,
            camera=event.camera,
            event=event.id,
        )


def _is_swept(delivery: Delivery) -> bool:
    """Return whether a delivery deletes an expired file, whose name is free then."""
    return delivery.what is DeliveryKind.REMOVAL and delivery.event is None


def same_format(one: Segment, other: Segment) -> bool:
    """Return whether two recordings fit into one file, as far as the index knows."""
    is_same = (one.video, one.audio) == (other.video, other.audio)
    return is_same and (one.width, one.height) == (other.width, other.height)


def _cut(span: Span) -> dict[str, object]:
    return {"from_ms": span.begin_ms, "to_ms": span.end_ms}

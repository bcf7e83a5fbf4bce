"""Builds events from detections: objects near each other are one event of the camera (`model.observations`).

An event starts when its first object was first seen, which the detector reports later. It ends with the last motion,
which may be known much later. One instance per camera; call from the watcher's thread.
"""

import logging
import math
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, Protocol

from tawny.media.codec.decoder import DecodedFrame
from tawny.media.image.jpeg import jpeg, jpeg_near, keyframe_jpeg, scaled_size, side_by_side
from tawny.model.errors import StorageError
from tawny.model.events import WENT_FROM, Event, SeenObject, new_event_id, rounded
from tawny.model.geometry import LEAST_THUMBNAILS, MOST_THUMBNAILS, THUMBNAIL_WIDTH, Polygon
from tawny.model.ids import CameraId
from tawny.model.messages import EventChanged
from tawny.model.observations import (
    MOST_OPEN,
    MOTION,
    NEAR,
    WHOLE,
    Box,
    Frame,
    Look,
    ObjectGroup,
    ObjectGroups,
    Observation,
    PathLines,
    RecentBoxes,
    RecognisedText,
    gap,
    kind_of,
    kind_of_all,
    since_of,
)
from tawny.model.packets import Packet, VideoFormat
from tawny.model.times import Span
from tawny.storage.index.protocol import Index
from tawny.stream.hub import Hub

# The best image of an event: the object large, uncut and centered; from the main stream if possible.
#
# The processed frame is available at once, but it is small or roughly decoded. After a short time and at the event's
# end the main stream's ring buffer is searched. A keyframe is decoded if it shows the object nearly as well, else the
# frames from the previous keyframe to the best moment.


WIDTH = 960
"""Image width, px: sufficient to recognize a person, small enough to send."""
BETTER = 1.25
"""Minimum factor by which a new best image must be better."""
AGAIN_MS = 1000
"""Minimum time between two best images, ms."""
ENOUGH = 0.3
"""Share of the frame from which a larger object is not better."""
AT_EDGE = 0.5
"""Factor for an object cut by the frame's edge."""
EDGE = 0.01
NEARLY = 0.6
"""Minimum quality of a main stream keyframe relative to the best moment."""
NEAR_MS = 300
"""Maximum distance, ms, between a keyframe and the detection that rates it."""
BACK_S = 15.0
MOST_DECODED = 90
"""Maximum number of frames decoded for one image; detection waits meanwhile."""


class PictureCandidate(NamedTuple):
    """One observation of the object. worth: see `worth`."""

    at_ms: int
    worth: float
    box: Box


class EncodedPicture(NamedTuple):
    """An image of an event. box: the object in it, if it shows one. worth: see `worth`."""

    at_ms: int
    box: Box | None
    jpeg: bytes
    worth: float = 0.0


class BestPicture:
    """Selects the best image of one event. large: hub of the main stream; None: use the processed frames only."""

    def __init__(self, large: Hub | None) -> None:
        self._large = large
        self._best: PictureCandidate | None = None
        self.may_be_larger = False
        """The best image is new and the main stream was not searched yet."""
        self._large_worth = 0.0
        """Quality of the current main stream image; 0 if there is none or a better one is required."""
        self._looks: deque[PictureCandidate] = deque(maxlen=round(BACK_S * 5))

    def consider(self, frame: Frame, things: tuple[Observation, ...]) -> EncodedPicture | None:
        """Return the image of this frame if it is the first or clearly better than the previous best, else None."""
        seen = max(
            (PictureCandidate(frame.at_ms, worth(o.box), o.box) for o in things), key=lambda s: s.worth, default=None
        )
        if seen is None:
            return None
        self._looks.append(seen)
        best = self._best
        if best is not None and (seen.worth < BETTER * best.worth or seen.at_ms - best.at_ms < AGAIN_MS):
            return None
        if seen.worth * NEARLY < self._large_worth:
            return None  # a sub stream image would be no better, and another main stream image is expensive
        self._best, self._large_worth, self.may_be_larger = seen, 0.0, self._large is not None
        return EncodedPicture(seen.at_ms, seen.box, jpeg(pixels_of(frame), WIDTH), seen.worth)

    @property
    def at_ms(self) -> int:
        """Time of the best observation, ms UTC; 0 before the first."""
        return self._best.at_ms if self._best else 0

    def larger(self) -> EncodedPicture | None:
        """Return the image from the main stream; None if already done or no frame shows the object well."""
        if self._large is None or self._best is None or self._large_worth:
            return None
        self.may_be_larger = False
        packets = [p for p in self._large.recent(BACK_S) if isinstance(p.format, VideoFormat)]
        picture = self._of_keyframe(packets) or self._of_best(self._best, packets)
        self._large_worth = picture.worth if picture is not None else 0.0
        return picture

    def _of_keyframe(self, packets: list[Packet]) -> EncodedPicture | None:
        """Return a keyframe that shows the object nearly as well as the best observation."""
        assert self._best is not None
        least = NEARLY * self._best.worth
        shown = [(seen, p) for p in packets if p.is_keyframe and (seen := self._at(p.at_ms)) and seen.worth >= least]
        if not shown:
            return None
        seen, packet = max(shown, key=lambda pair: pair[0].worth)
        picture = keyframe_jpeg(packet, WIDTH, self._private)
        return EncodedPicture(packet.at_ms, seen.box, picture, seen.worth) if picture is not None else None

    def _of_best(self, best: PictureCandidate, packets: list[Packet]) -> EncodedPicture | None:
        """Return the best moment itself, decoded from the previous keyframe."""
        begins = [n for n, p in enumerate(packets) if p.is_keyframe and p.at_ms <= best.at_ms]
        if not begins:
            return None
        first = packets[begins[-1]]
        until_ms = best.at_ms + NEAR_MS
        group = [p for p in packets[begins[-1] :] if p.run == first.run and first.at_ms <= p.at_ms <= until_ms]
        if len(group) > MOST_DECODED or group[-1].at_ms < best.at_ms - NEAR_MS:
            return None
        picture = jpeg_near(best.at_ms, group, WIDTH, self._private)
        return EncodedPicture(best.at_ms, best.box, picture, best.worth) if picture is not None else None

    @property
    def _private(self) -> Sequence[Polygon]:
        return self._large.private if self._large is not None else ()

    def _at(self, at_ms: int) -> PictureCandidate | None:
        near = min(self._looks, key=lambda seen: abs(seen.at_ms - at_ms), default=None)
        return near if near is not None and abs(near.at_ms - at_ms) <= NEAR_MS else None


def worth(box: Box) -> float:
    """Return how well an object in this box is visible, 0..1."""
    x0, y0, x1, y1 = box
    size = math.sqrt(min(1.0, max(0.0, x1 - x0) * max(0.0, y1 - y0) / ENOUGH))
    is_cut = x0 <= EDGE or y0 <= EDGE or x1 >= 1 - EDGE or y1 >= 1 - EDGE
    off_middle = max(abs(x0 + x1 - 1), abs(y0 + y1 - 1))
    return size * (AT_EDGE if is_cut else 1.0) * (1 - 0.3 * off_middle)


def pixels_of(frame: Frame) -> Any:
    """Return the frame as `media.image.jpeg` accepts it."""
    return frame if isinstance(frame, DecodedFrame) else frame.rgb


# Protocols of the event storage; `storage.Ledger` is an implementation.


class EventLog(Protocol):
    def put_event(self, event: Event) -> bool:
        """Add the event or replace the one with its id. Return whether it is durable; it is kept in any case."""
        ...


class SavePicture(Protocol):
    def __call__(self, event: Event, jpeg: bytes) -> object:
        """Replace the event's image. Raises StorageError: if it cannot be written."""
        ...


# Closes events that were open when the recorder stopped unexpectedly.


def close_left_open(events: Iterable[Event], ledger: EventLog, last_ms: Callable[[Event], int | None]) -> list[Event]:
    """End all open events and return them. Call before the first watcher starts.

    last_ms: returns the end of the recording in or after the event, ms UTC. With None the event ends at its best image,
    or at its start.
    """
    closed = []
    for event in events:
        if event.end_ms is None:
            known_ms = last_ms(event)
            end_ms = known_ms if known_ms is not None else event.picture_ms or event.start_ms
            closed.append(event.ended(end_ms))
            ledger.put_event(closed[-1])
    return closed


def close_all_left_open(index: Index, ledger: EventLog, now_ms: int) -> None:
    """End all events that the last run left open, at the end of their recording."""

    def last_ms(event: Event) -> int | None:
        # the clock may be behind the event
        recorded = index.spans(event.camera, None, Span(event.start_ms, max(now_ms, event.start_ms + 86_400_000)))
        return recorded[0].end_ms if recorded else None

    close_left_open(index.open_events(), ledger, last_ms)


# Thumbnail strip of an event: a few frames from start to end side by side in one JPEG.

APART_MS = 700
"""Initial interval between thumbnails, ms; doubled whenever there are too many."""


class ThumbnailStrip:
    """Collects thumbnails of one event. Call `take` for each frame."""

    def __init__(self) -> None:
        self._pictures: list[Any] = []
        self._apart_ms, self._due_ms = APART_MS, 0

    def take(self, frame: Frame) -> None:
        if self._pictures and frame.at_ms < self._due_ms:
            return
        if len(self._pictures) == MOST_THUMBNAILS:
            self._pictures = self._pictures[::2]
            self._apart_ms *= 2
        self._pictures.append(scaled_size(frame if isinstance(frame, DecodedFrame) else frame.rgb, THUMBNAIL_WIDTH))
        self._due_ms = frame.at_ms + self._apart_ms

    @property
    def is_short(self) -> bool:
        """Whether frames after the event are needed to reach the minimum."""
        return len(self._pictures) < LEAST_THUMBNAILS

    def jpeg(self) -> bytes | None:
        """Return the strip, or None if the event is too short."""
        shapes = {picture.shape for picture in self._pictures}
        return side_by_side(self._pictures) if len(self._pictures) >= LEAST_THUMBNAILS and len(shapes) == 1 else None


log = logging.getLogger(__name__)

SETTLE_MS = 3000
"""Delay, ms, before the end of an event is published: an object that belongs to it may be detected later."""
UPDATE_MS = 1000
"""Minimum interval of updates, ms."""
SCORE_STEP = 5.0
"""Minimum increase of the score that justifies an update."""
SILENT_MS = 5000
"""Time without frames, ms, after which the camera counts as offline and the event ends at its last observation."""
LARGER_AFTER_MS = 2500
"""Delay, ms, after the best moment before its main stream image is searched: the next keyframe has arrived by then."""


class EventBuilder:
    """Builds the events of one camera. Several may be open: see `model.observations`.

    large: hub of the stream for the final image, if detection uses another. save_loop: stores the thumbnail strip of an
    event. save_objects: appends to the paths of its objects.
    """

    def __init__(
        self,
        camera: CameraId,
        ledger: EventLog,
        publish: Callable[[EventChanged], None],
        save_picture: SavePicture,
        large: Hub | None = None,
        save_loop: SavePicture | None = None,
        save_objects: Callable[[Event, bytes], object] | None = None,
    ) -> None:
        self._camera, self._ledger, self._publish = camera, ledger, publish
        self._save_picture, self._large, self._save_loop = save_picture, large, save_loop
        self._save_objects = save_objects
        self._groups, self._recent = ObjectGroups(), RecentBoxes()
        self._open: dict[int, _Open] = {}
        """By number of the group."""
        self._ended: deque[ObjectGroup] = deque(maxlen=MOST_OPEN)
        self._seen_ms = 0

    def look(self, frame: Frame, look: Look) -> None:
        """Process the detections of a frame. Frames come in order; a backward step in time ends the open events."""
        at_ms = frame.at_ms
        if at_ms < self._seen_ms:
            self.close()
        self._seen_ms = at_ms
        for now in self._open.values():
            if now.learn(look):
                self._put("updated", now, at_ms)
        for group, things in self._groups.look(at_ms, look):
            score = look.score if len(things) == len(look.seen) else min(look.score, _score(things))
            if group.number in self._open:
                self._update(self._open[group.number], frame, things, score)
            else:
                self._begin(group, frame, things, score)
        for now in list(self._open.values()):
            if not now.group.present and at_ms - now.group.last_ms >= SETTLE_MS:
                self._finish(now)
            elif not now.group.present and now.loop.is_short:
                now.loop.take(frame)
        for now in self._open.values():
            self._keep_paths(now, at_ms)
        self._recent.look(at_ms, look.seen, look.near)

    def idle(self, now_ms: int) -> None:
        """Called when no packet arrived, or none could be processed; ends the open events after SILENT_MS."""
        if now_ms - self._seen_ms > SILENT_MS:
            self.close()

    def close(self) -> None:
        """End the open events."""
        for now in list(self._open.values()):
            self._finish(now)

    def _begin(self, group: ObjectGroup, frame: Frame, things: tuple[Observation, ...], score: float) -> None:
        start_ms = since_of(things, frame.at_ms)
        for old in self._ended:  # events of one place do not overlap
            if old.end_ms <= frame.at_ms and any(gap(things[0].box, step.box, NEAR) <= 1 for step in old.trail):
                start_ms = max(start_ms, old.end_ms)
        event = Event(new_event_id(start_ms), self._camera, MOTION, start_ms, None, 0.0)
        now = self._open[group.number] = _Open(event, group, BestPicture(self._large))
        now.take(frame.at_ms, things, score, self._recent)
        now.loop.take(frame)
        self._show(now, now.best.consider(frame, now.shown_of(things)))
        self._put("started", now, frame.at_ms)

    def _update(self, now: "_Open", frame: Frame, things: tuple[Observation, ...], score: float) -> None:
        now.take(frame.at_ms, things, score, self._recent)
        now.loop.take(frame)
        has_name = now.kind != now.event.kind
        if has_name:
            now.best = BestPicture(self._large)  # the image must show the labeled object, not any other
        self._show(now, now.best.consider(frame, now.shown_of(things)))
        if now.best.may_be_larger and frame.at_ms - now.best.at_ms > LARGER_AFTER_MS:
            self._show(now, now.best.larger())
        if has_name or (
            frame.at_ms - now.reported_ms >= UPDATE_MS and (now.is_news or now.score >= now.event.score + SCORE_STEP)
        ):
            self._put("updated", now, frame.at_ms)

    def _finish(self, now: "_Open") -> None:
        del self._open[now.group.number]
        self._groups.end(now.group)
        self._ended.append(now.group)
        self._show(now, now.best.larger())
        now.event = now.event.ended(now.group.end_ms)
        self._keep_loop(now)
        self._keep_paths(now, self._seen_ms, is_last=True)
        self._put("ended", now, self._seen_ms)

    def _show(self, now: "_Open", picture: EncodedPicture | None) -> None:
        """Replace the event's image. On a storage error the next image is tried again."""
        if picture is None:
            return
        event = replace(now.event, picture_ms=picture.at_ms, box=None if picture.box == WHOLE else picture.box)
        try:
            self._save_picture(event, picture.jpeg)
        except StorageError as error:
            log.warning("%s: event image could not be stored: %s", self._camera, error)
            return
        now.event, now.is_news = event, True

    def _keep_loop(self, now: "_Open") -> None:
        jpeg = now.loop.jpeg() if self._save_loop is not None else None
        if jpeg is None or self._save_loop is None:
            return
        try:
            self._save_loop(now.event, jpeg)
        except StorageError as error:
            log.warning("%s: event thumbnails could not be stored: %s", self._camera, error)

    def _keep_paths(self, now: "_Open", at_ms: int, *, is_last: bool = False) -> None:
        lines = now.paths.take(at_ms, is_last=is_last) if self._save_objects is not None else b""
        if lines and self._save_objects is not None:
            self._save_objects(now.event, lines)

    def _put(self, what: str, now: "_Open", at_ms: int) -> None:
        now.event = rounded(
            replace(
                now.event,
                kind=now.kind,
                score=now.score,
                zones=tuple(now.zones),
                objects=now.objects,
                reads=now.reads,
                travel=now.paths.travel,
            )
        )
        now.reported_ms, now.is_news = at_ms, False
        self._ledger.put_event(now.event)
        self._publish(EventChanged(what, now.event))


class _Open:
    """An open event."""

    def __init__(self, event: Event, group: ObjectGroup, best: BestPicture) -> None:
        self.event, self.group, self.best, self.loop = event, group, best, ThumbnailStrip()
        self.paths = PathLines(event.start_ms)
        self.score = event.score
        self.reported_ms = 0
        self.is_news = False
        """Whether image, zones or labels changed since the last update."""
        self.zones: list[str] = []
        """Zones in the order in which objects entered them."""
        self._signs: tuple[SeenObject, ...] = ()
        """Additional signs of its objects, such as loitering."""
        self._names: dict[str, float] = {}
        """Labels of its objects with their highest score."""
        self._reads: dict[tuple[int, str], RecognisedText] = {}
        """Recognition results by track and recognizer."""

    @property
    def kind(self) -> str:
        return kind_of_all(self._names)

    @property
    def objects(self) -> tuple[SeenObject, ...]:
        """Labels, best first, then signs."""
        named = sorted(self._names.items(), key=lambda one: -one[1])
        return (*(SeenObject(label, sure) for label, sure in named), *self._signs)

    @property
    def reads(self) -> tuple[RecognisedText, ...]:
        """Recognition results, best first; equal results of two tracks once."""
        best: dict[tuple[str, str, str], RecognisedText] = {}
        for read in sorted(self._reads.values(), key=lambda one: -one.score):
            best.setdefault((read.by, read.text, read.who), read)
        return tuple(best.values())

    def learn(self, look: Look) -> bool:
        """Add recognition results of its tracks. Return whether they changed."""
        before = [(read.by, read.text, read.who) for read in self.reads]
        for track, read in look.reads:
            if track in self.group.tracks:
                self._reads[track, read.by] = read
        return before != [(read.by, read.text, read.who) for read in self.reads]

    def shown_of(self, things: tuple[Observation, ...]) -> tuple[Observation, ...]:
        """Return the objects the image should show: those of the event's type, or all of an event without label."""
        kind = self.kind
        meant = tuple(thing for thing in things if thing.sure > 0 and kind_of(thing.label) == kind)
        return things if kind == MOTION else meant

    def take(self, at_ms: int, things: tuple[Observation, ...], score: float, recent: RecentBoxes) -> None:
        """Add its objects in a frame. recent: has their boxes before they were reported."""
        self.paths.add(at_ms, things, recent)
        self.is_news = self.is_news or self.event.travel < WENT_FROM <= self.paths.travel
        for zone in (zone for thing in things for zone in thing.zones):
            if zone not in self.zones:
                self.zones.append(zone)
                self.is_news = True
        for sign in (sign for thing in things for sign in thing.signs):
            if all(sign != known.label for known in self._signs):
                self._signs += (SeenObject(sign, 1.0),)
                self.is_news = True
        for thing in things:
            if thing.sure > 0:
                self.is_news = self.is_news or thing.label not in self._names
                self._names[thing.label] = max(thing.sure, self._names.get(thing.label, 0.0))
        self.score = max(self.score, score)


def _score(things: Iterable[Observation]) -> float:
    return max(round(100 * thing.score) for thing in things)


# Events other than motion: a sound, an abandoned object, camera tampering. Each is an event of its own.


class ConditionEvents:
    """Writes events of one type. At most one is open at a time."""

    def __init__(
        self, camera: CameraId, ledger: EventLog, publish: Callable[[EventChanged], None], save_picture: SavePicture
    ) -> None:
        self._camera, self._ledger, self._publish, self._save_picture = camera, ledger, publish, save_picture
        self._open: Event | None = None

    @property
    def lasts(self) -> bool:
        return self._open is not None

    def begin(
        self,
        kind: str,
        start_ms: int,
        score: float,
        what: tuple[SeenObject, ...] = (),
        picture: EncodedPicture | None = None,
        zones: tuple[str, ...] = (),
    ) -> None:
        """Start an event; ends the open one."""
        if self._open is not None:
            self.end(start_ms)
        box = picture.box if picture is not None else None
        event = rounded(Event(new_event_id(start_ms), self._camera, kind, start_ms, None, score, box, zones, what))
        if picture is not None:
            pictured = replace(event, picture_ms=picture.at_ms)
            try:
                self._save_picture(pictured, picture.jpeg)
                event = pictured
            except StorageError as error:
                log.warning("%s: event image could not be stored: %s", self._camera, error)
        self._open = event
        self._put("started", event)

    def grow(self, score: float, what: tuple[SeenObject, ...] = ()) -> None:
        """Raise the score or add objects of the open event."""
        if self._open is not None and (score > self._open.score or what):
            known = {one.label for one in self._open.objects}
            more = tuple(one for one in what if one.label not in known)
            self._open = replace(self._open, score=max(score, self._open.score), objects=(*self._open.objects, *more))
            self._put("updated", self._open)

    def end(self, end_ms: int) -> None:
        event, self._open = self._open, None
        if event is not None:
            self._put("ended", event.ended(end_ms))

    def _put(self, what: str, event: Event) -> None:
        self._ledger.put_event(event)
        self._publish(EventChanged(what, event))

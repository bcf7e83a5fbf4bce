"""Looks to events: what overlaps, or follows within a second, is one event of the camera.

An event begins when its first thing was first seen, which the detector knows only a moment later, and ends with the
last motion, which it may know much later. One maker a camera, used by the watcher's thread.
"""

import logging
from collections.abc import Callable
from dataclasses import replace

from tawny.events.best_picture import BestPicture, EncodedPicture
from tawny.events.event_log import EventLog, SavePicture
from tawny.events.thumbnail_strip import ThumbnailStrip
from tawny.model.errors import StorageError
from tawny.model.events import Event, SeenObject, new_event_id, rounded
from tawny.model.ids import CameraId
from tawny.model.kinds import MOTION, kind_of, kind_of_all
from tawny.model.messages import EventChanged, Message
from tawny.model.observations import Frame, Look, Observation
from tawny.model.reads import RecognisedText
from tawny.stream.hub import Hub

log = logging.getLogger(__name__)

JOIN_MS = 1000
"""What begins so soon after the last thing ended belongs to the same event."""
SETTLE_MS = 3000
"""An event is told as ended so long after its end: a thing that belongs to it may be seen only later."""
UPDATE_MS = 1000
"""Between two updates."""
SCORE_STEP = 5.0
"""A score higher by less is no news before the end."""
SILENT_MS = 5000
"""Nothing came for so long: the camera is gone, and what was seen is over as of when it was seen last."""
LARGER_AFTER_MS = 2500
"""So long after its best moment an event's large picture is looked for: the keyframe behind it has come."""


class EventBuilder:
    """large: the hub of the stream from which the final picture is taken, where it is not the one that is watched.
    save_loop: keeps a few small pictures of each event, side by side.
    """

    def __init__(
        self,
        camera: CameraId,
        ledger: EventLog,
        tell: Callable[[Message], None],
        save_picture: SavePicture,
        large: Hub | None = None,
        save_loop: SavePicture | None = None,
    ) -> None:
        self._camera, self._ledger, self._tell = camera, ledger, tell
        self._save_picture, self._large, self._save_loop = save_picture, large, save_loop
        self._open: _Open | None = None
        self._last_end_ms = 0
        self._seen_ms = 0

    def look(self, frame: Frame, look: Look) -> None:
        """Take in what was seen on a frame. Frames in order; a step back in time ends what was open."""
        at_ms = frame.at_ms
        if self._open and at_ms < self._seen_ms:
            self._finish()
        self._seen_ms = at_ms
        if self._open and self._open.learn(look):
            self._put("updated", self._open, at_ms)
        if self._open:
            self._open.let_go(at_ms, look)
            goes_on = self._open.goes_on_with(at_ms, look)
            if not goes_on and (look.seen or self._open.is_settled(at_ms)):
                self._finish()
        if look.seen and self._open:
            self._update(self._open, frame, look)
        elif look.seen:
            self._begin(frame, look)
        elif self._open and self._open.loop.is_short:
            self._open.loop.take(frame)

    def idle(self, now_ms: int) -> None:
        """Nothing came since the last look."""
        if self._open and now_ms - self._seen_ms > SILENT_MS:
            self._finish()

    def close(self) -> None:
        """The watcher ends: so does what it saw."""
        if self._open:
            self._finish()

    def _begin(self, frame: Frame, look: Look) -> None:
        start_ms = _since_ms(look, frame.at_ms)
        if self._last_end_ms <= frame.at_ms:
            start_ms = max(start_ms, self._last_end_ms)
        event = Event(new_event_id(start_ms), self._camera, MOTION, start_ms, None, 0.0)
        now = self._open = _Open(event, BestPicture(self._large))
        now.take(frame.at_ms, look)
        now.loop.take(frame)
        self._show(now, now.best.consider(frame, now.shown_of(look)))
        self._put("started", now, frame.at_ms)

    def _update(self, now: "_Open", frame: Frame, look: Look) -> None:
        now.take(frame.at_ms, look)
        now.loop.take(frame)
        has_name = now.kind != now.event.kind
        if has_name:
            now.best = BestPicture(self._large)  # of what it is called by, not of whatever else moved
        self._show(now, now.best.consider(frame, now.shown_of(look)))
        if now.best.may_be_larger and frame.at_ms - now.best.at_ms > LARGER_AFTER_MS:
            self._show(now, now.best.larger())
        if has_name or (
            frame.at_ms - now.told_ms >= UPDATE_MS and (now.is_news or now.score >= now.event.score + SCORE_STEP)
        ):
            self._put("updated", now, frame.at_ms)

    def _finish(self) -> None:
        now, self._open = self._open, None
        assert now is not None
        self._show(now, now.best.larger())
        now.event = now.event.ended(now.end_ms)
        self._last_end_ms = now.end_ms
        self._keep_loop(now)
        self._put("ended", now, self._seen_ms)

    def _show(self, now: "_Open", picture: EncodedPicture | None) -> None:
        """Keep a picture in place of the one before. What the disk does not take is tried again with the next one."""
        if picture is None:
            return
        event = replace(now.event, picture_ms=picture.at_ms, box=picture.box)
        try:
            self._save_picture(event, picture.jpeg)
        except StorageError as error:
            log.warning("%s: the picture of an event could not be kept: %s", self._camera, error)
            return
        now.event, now.is_news = event, True

    def _keep_loop(self, now: "_Open") -> None:
        jpeg = now.loop.jpeg() if self._save_loop is not None else None
        if jpeg is None or self._save_loop is None:
            return
        try:
            self._save_loop(now.event, jpeg)
        except StorageError as error:
            log.warning("%s: the small pictures of an event could not be kept: %s", self._camera, error)

    def _put(self, what: str, now: "_Open", at_ms: int) -> None:
        now.event = rounded(
            replace(
                now.event,
                kind=now.kind,
                score=now.score,
                zones=tuple(now.zones),
                objects=now.objects,
                reads=now.reads,
                perhaps=now.perhaps,
            )
        )
        now.told_ms, now.is_news = at_ms, False
        self._ledger.put_event(now.event)
        self._tell(EventChanged(what, now.event))


class _Open:
    """An event that lasts."""

    def __init__(self, event: Event, best: BestPicture) -> None:
        self.event, self.best, self.loop = event, best, ThumbnailStrip()
        self.score = event.score
        self.told_ms = 0
        self.is_news = False
        """It has another picture, or more zones, than was told."""
        self.zones: list[str] = []
        """In the order in which things were in them."""
        self._signs: tuple[SeenObject, ...] = ()
        """What else was said of its things."""
        self._names: dict[str, float] = {}
        """What its things were called, and how surely at best."""
        self._perhaps: dict[str, float] = {}
        """What they look like, where that is only suggested."""
        self._things: dict[int, int] = {}
        """By track, when it was last seen."""
        self._last_ms = event.start_ms
        """When the last thing that is over ended."""
        self._tracks: set[int] = set()
        """All that were ever in it."""
        self._reads: dict[tuple[int, str], RecognisedText] = {}
        """What was read, by track and by whom."""

    @property
    def end_ms(self) -> int:
        return max(self._last_ms, *self._things.values()) if self._things else self._last_ms

    @property
    def kind(self) -> str:
        return kind_of_all(self._names)

    @property
    def perhaps(self) -> tuple[SeenObject, ...]:
        """The surest first."""
        return tuple(SeenObject(kind, sure) for kind, sure in sorted(self._perhaps.items(), key=lambda one: -one[1]))

    @property
    def objects(self) -> tuple[SeenObject, ...]:
        """The surest first."""
        named = sorted(self._names.items(), key=lambda one: -one[1])
        return (*(SeenObject(label, sure) for label, sure in named), *self._signs)

    @property
    def reads(self) -> tuple[RecognisedText, ...]:
        """The surest first; the same plate of two tracks once."""
        best: dict[tuple[str, str, str], RecognisedText] = {}
        for read in sorted(self._reads.values(), key=lambda one: -one.score):
            best.setdefault((read.by, read.text, read.who), read)
        return tuple(best.values())

    def learn(self, look: Look) -> bool:
        """Take in what was read of its things. Whether that is news."""
        before = [(read.by, read.text, read.who) for read in self.reads]
        for track, read in look.reads:
            if track in self._tracks:
                self._reads[track, read.by] = read
        return before != [(read.by, read.text, read.who) for read in self.reads]

    def shown_of(self, look: Look) -> tuple[Observation, ...]:
        """What its picture should show: what gave it its name, else whatever is seen."""
        kind = self.kind
        meant = tuple(thing for thing in look.seen if thing.sure > 0 and kind_of(thing.label) == kind)
        return look.seen if kind == MOTION else meant

    def let_go(self, at_ms: int, look: Look) -> None:
        """Take off what is over."""
        for thing in look.over:
            if self._things.pop(thing.track, None) is not None:
                self._last_ms = max(self._last_ms, at_ms if thing.until_ms is None else thing.until_ms)
        for track, seen_ms in list(self._things.items()):
            if at_ms - seen_ms > JOIN_MS:  # the detector does not say when a thing is over
                del self._things[track]
                self._last_ms = max(self._last_ms, seen_ms)

    def goes_on_with(self, at_ms: int, look: Look) -> bool:
        """Whether something of it is still there, or what is seen now belongs to it."""
        follows = bool(look.seen) and _since_ms(look, at_ms) <= self._last_ms + JOIN_MS
        return bool(self._things) or follows

    def is_settled(self, at_ms: int) -> bool:
        return not self._things and at_ms - self._last_ms >= SETTLE_MS

    def take(self, at_ms: int, look: Look) -> None:
        self._things |= {thing.track: at_ms for thing in look.seen}
        self._tracks |= {thing.track for thing in look.seen}
        for zone in (zone for thing in look.seen for zone in thing.zones):
            if zone not in self.zones:
                self.zones.append(zone)
                self.is_news = True
        for sign in (sign for thing in look.seen for sign in thing.signs):
            if all(sign != known.label for known in self._signs):
                self._signs += (SeenObject(sign, 1.0),)
                self.is_news = True
        for thing in look.seen:
            if thing.sure > 0:
                self.is_news = self.is_news or thing.label not in self._names
                self._names[thing.label] = max(thing.sure, self._names.get(thing.label, 0.0))
            if thing.perhaps:
                self.is_news = self.is_news or thing.perhaps not in self._perhaps
                self._perhaps[thing.perhaps] = max(thing.perhaps_sure, self._perhaps.get(thing.perhaps, 0.0))
        self.score = max(self.score, float(look.score))


def _since_ms(look: Look, at_ms: int) -> int:
    """When the first of what is seen now was first seen."""
    return min(at_ms if thing.since_ms is None else thing.since_ms for thing in look.seen)

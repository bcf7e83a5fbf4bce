"""What is brought elsewhere when something happens: this is where events become deliveries.

The picture goes at once and again when there is a better one; while an event goes on, its video follows a few seconds
behind in pieces; when it is over, the clip takes their place. What was missed because tawny was killed is made up for
at the next start: what is in the outbox already, by its name, is not sent twice.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from tawny.actions.delivery import Delivery, State, What
from tawny.actions.names import name, piece_name
from tawny.actions.outbox import Outbox
from tawny.engine import Handle
from tawny.model.clock import Clock
from tawny.model.events import Event
from tawny.model.ids import CameraId, EventId, StreamName
from tawny.model.messages import EventChanged, Message, SegmentClosed
from tawny.model.segments import Segment
from tawny.model.times import Span
from tawny.playback.archive import Archive

PIECE_MS: Final = 5_000
LOOK_S: Final = 1.0
IDLE_S: Final = 30.0
SETTLE_MS: Final = 1_500
"""After the post-roll, so that its last second is on the disk."""
REMOVAL_MS: Final = 30_000
"""A piece that is just being sent is there by then."""
MADE_UP_FOR_MS: Final = 7 * 86_400_000
_PAGE: Final = 200
_USUAL_BYTES_S: Final = 500_000
"""About what a second of video takes, until the clip is cut and its size is known."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What one destination is to get."""

    to: str
    names: str
    """A checked pattern."""
    what: frozenset[str] = frozenset({"events"})
    """events, kept, footage."""
    cameras: frozenset[CameraId] | None = None
    """None: all."""
    kinds: frozenset[str] | None = None

    def is_for(self, event: Event) -> bool:
        fits = self.has(event.camera) and (self.kinds is None or event.kind in self.kinds)
        return fits and ("events" in self.what or ("kept" in self.what and event.kept))

    def has(self, camera: CameraId) -> bool:
        return self.cameras is None or camera in self.cameras


@dataclass(slots=True)
class _Going:
    """An event that goes on, and how far its video is sent to one destination."""

    event: Event
    wish: Wish
    sent_ms: int
    pieces: int = 0


class Sending:
    """One actor. `heard` from any thread."""

    name = "sending"

    def __init__(
        self,
        outbox: Outbox,
        archive: Archive,
        wishes: Sequence[Wish],
        clip_of: Callable[[Event, int], Span],
        clock: Clock,
        budget_bytes: int,
    ) -> None:
        """clip_of: an event with its pre-roll and post-roll, as of an instant."""
        self._outbox, self._archive, self._clip_of, self._clock = outbox, archive, clip_of, clock
        self._wishes, self._budget_bytes = tuple(wishes), budget_bytes
        self._heard: deque[EventChanged | SegmentClosed] = deque()
        self._lock = threading.Lock()
        self._going: dict[tuple[EventId, str], _Going] = {}
        self._is_new = True
        self.handle: Handle | None = None
        self.dropped: list[Delivery] = []
        """What there was no room for, since somebody last looked."""

    def heard(self, message: Message) -> None:
        if isinstance(message, EventChanged | SegmentClosed):
            self._heard.append(message)
            if self.handle is not None:
                self.handle.wake()

    def step(self) -> float:
        with self._lock:
            if self._is_new:
                self._make_up()
                self._is_new = False
            while self._heard:
                message = self._heard.popleft()
                if isinstance(message, EventChanged):
                    self._event(message.event)
                else:
                    self._segment(message.segment)
            for going in self._going.values():
                self._follow(going)
            self.dropped += self._outbox.keep_within(self._budget_bytes)
        return LOOK_S if self._going else IDLE_S

    def close(self) -> None:
        """Nothing is held."""

    def ended(self, delivery: Delivery) -> None:
        """A courier is through with one: pieces whose clip is there now are taken away. Any thread."""
        if delivery.what is not What.CLIP or delivery.event is None:
            return
        clip = self._outbox.find(delivery.to, delivery.name)
        if clip is None or clip.state is not State.DONE:
            return
        after_ms = self._clock.now_ms() + REMOVAL_MS
        for piece in self._outbox.of_event(delivery.event):
            if piece.to == delivery.to and piece.what is What.PIECE:
                anew = replace(piece, state=State.WAITING, tries=0, next_ms=after_ms, why="", progress="", done_ms=None)
                self._outbox.renew(replace(anew, what=What.REMOVAL, needs=None, size_bytes=0))

    # --- events ------------------------------------------------------------------------------------------------------

    def _event(self, event: Event) -> None:
        for wish in self._wishes:
            if not wish.is_for(event):
                continue
            if event.picture_ms is not None:
                self._picture(wish, event, event.picture_ms)
            if event.end_ms is None:
                self._begin(wish, event)
            else:
                self._going.pop((event.id, wish.to), None)
                self._clip(wish, event, event.end_ms)

    def _picture(self, wish: Wish, event: Event, picture_ms: int) -> None:
        content = {"event": event.id, "picture_ms": picture_ms}
        delivery = self._delivery(wish, event, What.PICTURE, "jpg", content)
        known = self._outbox.find(wish.to, delivery.name)
        if known is None or known.content != content:
            self._outbox.renew(delivery)

    def _begin(self, wish: Wish, event: Event) -> None:
        key = event.id, wish.to
        if key in self._going:
            self._going[key].event = event
        elif self._outbox.find(wish.to, self._named(wish, event, "mp4")) is None:
            begin_ms = self._clip_of(event, self._clock.now_ms()).begin_ms
            self._going[key] = _Going(event, wish, begin_ms)

    def _follow(self, going: _Going) -> None:
        """A piece of what has been recorded since the last one."""
        event, wish = going.event, going.wish
        recorded_ms = self._recorded_ms(event.camera)
        if recorded_ms - going.sent_ms < PIECE_MS:
            return
        going.pieces += 1
        span = Span(going.sent_ms, recorded_ms)
        going.sent_ms = recorded_ms
        whole = self._delivery(wish, event, What.PIECE, "mp4", _cut(span))
        size_bytes = _USUAL_BYTES_S * (span.end_ms - span.begin_ms) // 1000
        piece = replace(whole, name=piece_name(whole.name, going.pieces), needs=span, size_bytes=size_bytes)
        self._outbox.add([piece])

    def _clip(self, wish: Wish, event: Event, end_ms: int) -> None:
        span = self._clip_of(event, end_ms)
        delivery = self._delivery(wish, event, What.CLIP, "mp4", _cut(span))
        known = self._outbox.find(wish.to, delivery.name)
        if known is not None and known.content == delivery.content:
            return
        size_bytes = _USUAL_BYTES_S * (span.end_ms - span.begin_ms) // 1000
        due_ms = span.end_ms + SETTLE_MS
        self._outbox.renew(replace(delivery, needs=span, size_bytes=size_bytes, next_ms=due_ms))

    def _segment(self, segment: Segment) -> None:
        for wish in self._wishes:
            if "footage" not in wish.what or not wish.has(segment.camera) or segment.stream is not StreamName.MAIN:
                continue
            where = name(wish.names, segment.camera, segment.start_ms, segment.id, "footage", "mp4")
            self._outbox.add(
                [
                    Delivery(
                        to=wish.to,
                        name=where,
                        what=What.FOOTAGE,
                        content={"segment": segment.id},
                        made_ms=self._clock.now_ms(),
                        at_ms=segment.start_ms,
                        camera=segment.camera,
                        needs=segment.span,
                        size_bytes=segment.size_bytes,
                    )
                ]
            )

    # --- what was missed ---------------------------------------------------------------------------------------------

    def _make_up(self) -> None:
        """Events that ended while nobody was there to send them, or whose message was lost with the power."""
        now_ms = self._clock.now_ms()
        for wish in self._wishes:
            begin_ms = max(self._outbox.since_ms(wish.to), now_ms - MADE_UP_FOR_MS)
            after: str | None = None
            while begin_ms < now_ms:
                page = self._archive.index.events(Span(begin_ms, now_ms), after=after, limit=_PAGE)
                for event in page.events:
                    if event.end_ms is not None and event.start_ms >= begin_ms:
                        self._event(event)
                after = page.next
                if after is None:
                    break

    # --- inside ------------------------------------------------------------------------------------------------------

    def _recorded_ms(self, camera: CameraId) -> int:
        """Up to where there is video that a power cut would leave."""
        still_open = [one.end_ms for one in self._archive.open_segments(camera) if one.stream is StreamName.MAIN]
        bounds = self._archive.index.bounds(camera)
        return max([*still_open, bounds.end_ms if bounds else 0])

    def _named(self, wish: Wish, event: Event, file_type: str) -> str:
        return name(wish.names, event.camera, event.start_ms, event.id, event.kind, file_type)

    def _delivery(self, wish: Wish, event: Event, what: What, file_type: str, content: dict[str, object]) -> Delivery:
        return Delivery(
            to=wish.to,
            name=self._named(wish, event, file_type),
            what=what,
            content=content,
            made_ms=self._clock.now_ms(),
            at_ms=event.start_ms,
            camera=event.camera,
            event=event.id,
        )


def _cut(span: Span) -> dict[str, object]:
    return {"from_ms": span.begin_ms, "to_ms": span.end_ms}

"""Between a camera's namer and those who hear of what it saw: has what was seen read, and tells what was.

It asks the desk about things while they are there, a few times a second at most, and takes the answers when they
come; nothing waits for them. Read is from the large stream where there is one. One camera, the watcher's thread.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from tawny.detection.recognition.queue import ReadableObject, RecognitionJob, RecognitionQueue
from tawny.detection.recognition.votes import ReadVotes
from tawny.detection.watcher import ObservationSink
from tawny.media.codec.keyframe import keyframe_rgb
from tawny.model.ids import CameraId
from tawny.model.kinds import MOTION
from tawny.model.observations import Frame, Look, Observation
from tawny.model.reads import RecognisedText
from tawny.stream.hub import Hub

EVERY_MS, SETTLED_EVERY_MS = 400, 3000
"""Between two questions; and once all that is there has been read."""
NEAR_MS = 300
"""Where a thing is in a keyframe of the large stream is known from the look nearest to it, at most so far away."""
REMEMBERED_MS = 20_000
"""What was read of a thing is told for so long after it was seen last: answers may be late."""


@dataclass(frozen=True, slots=True)
class RecognitionWanted:
    """by: the recognisers that are asked here. sure: what they read less surely counts for nothing. zones: only things
    in one of these are read; empty: all. names: whether something here tells what a thing is."""

    by: tuple[str, ...]
    sure: float = 0.6
    zones: tuple[str, ...] = ()
    names: Callable[[], bool] = lambda: False


class TrackRecogniser:
    """large: the hub of the large stream, where another is watched; its keyframes are read."""

    def __init__(
        self,
        camera: CameraId,
        desk: RecognitionQueue,
        sink: ObservationSink,
        wanted: RecognitionWanted,
        large: Hub | None,
    ) -> None:
        self._camera, self._desk, self._sink, self._wanted, self._large = camera, desk, sink, wanted, large
        self._votes: dict[int, dict[str, ReadVotes]] = {}
        self._seen_ms: dict[int, int] = {}
        self._places: deque[tuple[int, tuple[ReadableObject, ...]]] = deque(maxlen=50)
        self._asked_ms = 0
        self._keyframe_ms = 0

    def look(self, frame: Frame, look: Look) -> None:
        self._take()
        things = tuple(thing for seen in look.seen if (thing := self._thing(seen)) is not None)
        self._seen_ms |= {thing.track: frame.at_ms for thing in things}
        self._forget(frame.at_ms)
        if things:
            self._places.append((frame.at_ms, things))
            self._ask(frame, things)
        self._sink.look(frame, replace(look, reads=self._reads()))

    def idle(self, now_ms: int) -> None:
        self._sink.idle(now_ms)

    def close(self) -> None:
        self._sink.close()

    def _thing(self, seen: Observation) -> ReadableObject | None:
        """What is to be read: where things get names, only what has one."""
        if self._wanted.zones and not set(self._wanted.zones) & set(seen.zones):
            return None
        if seen.sure <= 0 and self._wanted.names():
            return None
        return ReadableObject(seen.track, seen.label if seen.sure > 0 else MOTION, seen.box)

    def _forget(self, now_ms: int) -> None:
        old = [track for track, at_ms in self._seen_ms.items() if not 0 <= now_ms - at_ms <= REMEMBERED_MS]
        for track in old:
            del self._seen_ms[track]
            self._votes.pop(track, None)

    def _ask(self, frame: Frame, things: tuple[ReadableObject, ...]) -> None:
        settled = all(self._is_settled(thing.track) for thing in things)
        if 0 <= frame.at_ms - self._asked_ms < (SETTLED_EVERY_MS if settled else EVERY_MS):
            return
        asked = self._of_frame(frame, things) if self._large is None else self._of_keyframe(self._large)
        if asked is not None:
            self._asked_ms = frame.at_ms
            self._desk.ask(asked)

    def _of_frame(self, frame: Frame, things: tuple[ReadableObject, ...]) -> RecognitionJob:
        rgb = frame.rgb.copy()  # the frame's buffers are used again
        return RecognitionJob(self._camera, frame.at_ms, lambda: rgb, things, self._wanted.by)

    def _of_keyframe(self, large: Hub) -> RecognitionJob | None:
        """The newest that was not asked about yet and shows a thing."""
        for packet in reversed(large.recent(3.0)):
            if not packet.is_keyframe or packet.at_ms <= self._keyframe_ms:
                continue
            at_ms, things = min(self._places, key=lambda place: abs(place[0] - packet.at_ms))
            if abs(at_ms - packet.at_ms) > NEAR_MS:
                continue
            self._keyframe_ms = packet.at_ms
            picture = partial(keyframe_rgb, packet, large.private)
            return RecognitionJob(self._camera, packet.at_ms, picture, things, self._wanted.by)
        return None

    def _take(self) -> None:
        for answer in self._desk.answers(self._camera):
            if answer.track in self._seen_ms:
                by = self._votes.setdefault(answer.track, {})
                by.setdefault(answer.read.by, ReadVotes(self._wanted.sure)).vote(answer.read)

    def _is_settled(self, track: int) -> bool:
        by = self._votes.get(track, {})
        return bool(by) and all(votes.is_settled for votes in by.values())

    def _reads(self) -> tuple[tuple[int, RecognisedText], ...]:
        return tuple(
            (track, best)
            for track, by in self._votes.items()
            for votes in by.values()
            if (best := votes.best) is not None
        )

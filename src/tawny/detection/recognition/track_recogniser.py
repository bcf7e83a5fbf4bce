"""Recognition for tracks: reads tracked objects between a camera's classifier and its sink.

It submits objects to the recognition queue while they are visible, a few times a second at most, and applies results as
they arrive; nothing waits for them. It uses the main stream if available. One instance per camera; call from the
watcher's thread.
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
"""Interval between two jobs, ms; the second applies once all objects are read."""
NEAR_MS = 300
"""Maximum distance, ms, between a keyframe of the main stream and the detection that gives the objects' positions."""
REMEMBERED_MS = 20_000
"""Time, ms, for which the reading of an object is published after it was last seen: results may be late."""


@dataclass(frozen=True, slots=True)
class RecognitionWanted:
    """Recognition settings of one camera.

    by: recognizers to use. sure: minimum score. zones: read only objects in these zones; empty: all. names: return
    whether a classifier labels objects here.
    """

    by: tuple[str, ...]
    sure: float = 0.6
    zones: tuple[str, ...] = ()
    names: Callable[[], bool] = lambda: False


class TrackRecogniser:
    """Reads the tracks of one camera.

    large: hub of the main stream if detection uses another; its keyframes are read.
    """

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
        """Return the object to read. If a classifier is active, only labeled objects are read."""
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
        rgb = frame.rgb.copy()  # the frame's buffers are reused
        return RecognitionJob(self._camera, frame.at_ms, lambda: rgb, things, self._wanted.by)

    def _of_keyframe(self, large: Hub) -> RecognitionJob | None:
        """Return a job for the newest keyframe that shows an object and was not submitted yet."""
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

"""Recognition of text and identities on tracked objects: recognizers, their queue, and votes over frames."""

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np

from tawny.detection.classification import JobQueue
from tawny.engine.plugins import foreign_code
from tawny.engine.user_script import UserScript
from tawny.media.image.jpeg import keyframe_rgb
from tawny.model.errors import TawnyError
from tawny.model.ids import CameraId
from tawny.model.observations import MOTION, Box, Frame, Look, Observation, RecognisedText, is_meant
from tawny.model.times import Clock
from tawny.stream.hub import Hub


@dataclass(frozen=True, slots=True)
class RecogniserInput:
    """An object cut from a frame with a margin.

    kind: person, vehicle, ..., or motion without a label. rgb: uint8 [height, width, 3], contiguous, at the camera's
    resolution.
    """

    camera: CameraId
    at_ms: int
    kind: str
    rgb: Any


@dataclass(frozen=True, slots=True)
class RecogniserResult:
    """A result.

    text: the text read, empty if there is none, as for a face. score: 0..1. print: face embedding, similar for the same
    face; compared with known ones and never stored.
    """

    text: str = ""
    score: float = 1.0
    print: tuple[float, ...] = ()


class Recogniser(Protocol):
    """Reads objects. Called from one thread. `read` may take a second; only other recognition waits for it."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """Types or labels of the objects it accepts."""
        ...

    @property
    def trouble(self) -> str:
        """Problem and remedy for users; empty if none."""
        ...

    @property
    def is_ready(self) -> bool:
        """Whether an empty result means that nothing is readable; False while loading."""
        ...

    def read(self, shown: RecogniserInput) -> Sequence[RecogniserResult]:
        """Return the results; empty if nothing is readable. Does not raise for any image."""
        ...

    def close(self) -> None: ...


# A recognizer from a user script: a file with `read(picture)`, run in a separate process like `detect()`.


class UserRecogniser:
    """Runs a user's `read()`.

    kinds: accepted objects. deadline_s: maximum duration of a call, s. memory: limit, bytes.
    """

    def __init__(
        self,
        file: Path,
        kinds: Sequence[str],
        *,
        deadline_s: float,
        memory: int,
        allow_read: Sequence[str] = (),
        clock: Clock | None = None,
    ) -> None:
        self._kinds = tuple(kinds)
        self._foreign = UserScript(
            file.expanduser().absolute(), "read",
            deadline_s=deadline_s, memory=memory, allow_read=allow_read, clock=clock,
        )  # fmt: skip

    @property
    def kinds(self) -> tuple[str, ...]:
        return self._kinds

    @property
    def trouble(self) -> str:
        return self._foreign.trouble

    @property
    def is_ready(self) -> bool:
        return self._foreign.is_ready

    def read(self, shown: RecogniserInput) -> Sequence[RecogniserResult]:
        found = self._foreign.ask(shown.at_ms, str(shown.camera), shown.rgb, shown.kind)
        return [RecogniserResult(text, score, tuple(numbers)) for text, score, numbers in found or ()]

    def close(self) -> None:
        self._foreign.close()


# Job queue that runs recognizers for all cameras.

AROUND = 0.06
"""Margin around an object on each side, relative to its size: a plate hangs at the lower edge."""
LEAST_PIXELS = 24
"""Minimum side of a readable object, px."""
MOST_THINGS = 4
"""Maximum number of objects per frame, largest first."""

Who = Callable[[str, RecogniserResult], str]
"""Returns the id of the identity that a recognizer's result matches; empty for none."""


@dataclass(frozen=True, slots=True)
class ReadableObject:
    track: int
    label: str
    box: Box


@dataclass(frozen=True, slots=True)
class RecognitionJob:
    """Objects of one frame to read.

    picture: returns the image in the queue's thread, uint8 [height, width, 3]; None if it cannot be decoded. by: names
    of recognizers.
    """

    camera: CameraId
    at_ms: int
    picture: Callable[[], Any]
    things: tuple[ReadableObject, ...]
    by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RecognitionResult:
    track: int
    at_ms: int
    read: RecognisedText


class RecognitionQueue(JobQueue[RecognitionJob, RecognitionResult]):
    """Runs recognizers on jobs. Call `use` from the thread of `step`."""

    def __init__(self, *, is_inline: bool = False) -> None:
        super().__init__(is_inline=is_inline)
        self._recognisers: Mapping[str, Recogniser] = {}
        self._who: Who = lambda _by, _reading: ""
        self.shown = 0
        """Number of objects passed to a recognizer."""

    def use(self, recognisers: Mapping[str, Recogniser], who: Who) -> None:
        """Replace the recognizers."""
        self._recognisers, self._who = recognisers, who

    def _process(self, job: RecognitionJob) -> list[RecognitionResult]:
        by = {name: one for name in job.by if (one := self._recognisers.get(name)) is not None}
        rgb = job.picture() if by else None
        if rgb is None:
            return []
        found = []
        for thing in sorted(job.things, key=lambda one: -_area(one.box))[:MOST_THINGS]:
            cut = crop_object(rgb, thing.box)
            for name, recogniser in by.items():
                if min(cut.shape[:2]) < LEAST_PIXELS or not shows(recogniser, thing.label):
                    continue
                self.shown += 1
                with foreign_code(recogniser, name, TawnyError):
                    readings = recogniser.read(RecogniserInput(job.camera, job.at_ms, thing.label, cut))
                best = max(readings, key=lambda one: one.score, default=None)
                if best is not None:
                    read = RecognisedText(name, best.text, best.score, self._who(name, best))
                    found.append(RecognitionResult(thing.track, job.at_ms, read))
        return found


def shows(recogniser: Recogniser, label: str) -> bool:
    """Return whether the recognizer accepts such an object. Objects without a label are always accepted."""
    return label == MOTION or is_meant(label, recogniser.kinds)


def crop_object(rgb: Any, box: Box) -> Any:
    """Return a copy of the object with a margin."""
    height, width = rgb.shape[:2]
    wide, high = box[2] - box[0], box[3] - box[1]
    x0, x1 = (round(width * edge) for edge in (box[0] - AROUND * wide, box[2] + AROUND * wide))
    y0, y1 = (round(height * edge) for edge in (box[1] - AROUND * high, box[3] + AROUND * high))
    return np.ascontiguousarray(rgb[max(0, y0) : max(0, y1), max(0, x0) : max(0, x1)])


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


# Votes over several readings of one object, letter by letter, so that one bad reading has no effect.

LOOKS = 12
ENOUGH = 4
"""Number of equal readings after which the result is settled."""

_T = TypeVar("_T", bound=Hashable)


class ReadVotes:
    """Votes of one recognizer on one object. sure: minimum score of a vote."""

    def __init__(self, sure: float) -> None:
        self._sure = sure
        self._looks: deque[RecognisedText] = deque(maxlen=LOOKS)

    def vote(self, read: RecognisedText) -> None:
        if read.score >= self._sure:
            self._looks.append(read)

    @property
    def best(self) -> RecognisedText | None:
        """The current result; None while nothing was read."""
        looks = self._looks
        if not looks:
            return None
        who = _heaviest((one.who, one.score) for one in looks)
        if who:
            return max((one for one in looks if one.who == who), key=lambda one: one.score)
        length = _heaviest((len(one.text), one.score) for one in looks)
        same = [one for one in looks if len(one.text) == length]
        text = "".join(_heaviest((one.text[at], one.score) for one in same) for at in range(length))
        lowest = min(one.score for one in same)
        return RecognisedText(same[0].by, text, max((one.score for one in same if one.text == text), default=lowest))

    @property
    def is_settled(self) -> bool:
        best = self.best
        return best is not None and sum((one.text, one.who) == (best.text, best.who) for one in self._looks) >= ENOUGH


def _heaviest(votes: Iterable[tuple[_T, float]]) -> _T:
    """Return the item with the greatest sum of weights; of equal ones the first."""
    sums: dict[_T, float] = {}
    for one, weight in votes:
        sums[one] = sums.get(one, 0.0) + weight
    return max(sums, key=lambda one: sums[one])


# Recognition for tracks: reads tracked objects between a camera's classifier and its sink.

EVERY_MS, SETTLED_EVERY_MS = 400, 3000
"""Interval between two jobs, ms; the second applies once all objects are read."""
NEAR_MS = 300
"""Maximum distance, ms, between a keyframe of the main stream and the detection that gives the objects' positions."""
REMEMBERED_MS = 20_000
"""Time, ms, for which the reading of an object is published after it was last seen: results may be late."""


@dataclass(frozen=True, slots=True)
class RecognitionSettings:
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
        queue: RecognitionQueue,
        wanted: RecognitionSettings,
        large: Hub | None,
    ) -> None:
        self._camera, self._queue, self._wanted, self._large = camera, queue, wanted, large
        self._votes: dict[int, dict[str, ReadVotes]] = {}
        self._seen_ms: dict[int, int] = {}
        self._places: deque[tuple[int, tuple[ReadableObject, ...]]] = deque(maxlen=50)
        self._asked_ms = 0
        self._keyframe = -1
        """Number of the last keyframe that was submitted."""

    def look(self, frame: Frame, look: Look) -> Look:
        self._take()
        things = tuple(thing for seen in look.seen if (thing := self._thing(seen)) is not None)
        self._seen_ms |= {thing.track: frame.at_ms for thing in things}
        self._forget(frame.at_ms)
        if things:
            self._places.append((frame.at_ms, things))
            self._ask(frame, things)
        return replace(look, reads=self._reads())

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
        job = self._of_frame(frame, things) if self._large is None else self._of_keyframe(self._large)
        if job is not None:
            self._asked_ms = frame.at_ms
            self._queue.add(job)

    def _of_frame(self, frame: Frame, things: tuple[ReadableObject, ...]) -> RecognitionJob:
        rgb = frame.rgb.copy()  # the frame's buffers are reused
        return RecognitionJob(self._camera, frame.at_ms, lambda: rgb, things, self._wanted.by)

    def _of_keyframe(self, large: Hub) -> RecognitionJob | None:
        """Return a job for the newest keyframe that shows an object and was not submitted yet."""
        for packet in reversed(large.recent(3.0)):
            if not packet.is_keyframe or packet.number <= self._keyframe:
                continue
            at_ms, things = min(self._places, key=lambda place: abs(place[0] - packet.at_ms))
            if abs(at_ms - packet.at_ms) > NEAR_MS:
                continue
            self._keyframe = packet.number
            picture = partial(keyframe_rgb, packet, large.private)
            return RecognitionJob(self._camera, packet.at_ms, picture, things, self._wanted.by)
        return None

    def _take(self) -> None:
        for result in self._queue.results(self._camera):
            if result.track in self._seen_ms:
                by = self._votes.setdefault(result.track, {})
                by.setdefault(result.read.by, ReadVotes(self._wanted.sure)).vote(result.read)

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

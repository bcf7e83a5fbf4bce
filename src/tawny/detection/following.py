"""Following one object while its own camera turns.

A background model is of no use then. The shift of the whole image between two frames says how the camera turned; the
object is found again by its look, near where it is expected, in small grey frames. Of one camera; called on its
watcher's thread, `wanted`, `release` and `measure` from any.
"""

import math
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final

import numpy as np

from tawny.detection.detector import SteadyDetector
from tawny.model.geometry import Orientation
from tawny.model.ids import CameraId
from tawny.model.observations import WHOLE, Box, Frame, Look, Observation, is_meant

WIDTH: Final = 256
"""Width of the small frames, px."""
SURE_SHIFT, WHOLE_TURNS = 0.5, 12
"""Least correlation of two whole frames whose shift counts, and most iterations towards it."""
FOUND, LEARNS = 0.5, 0.62
"""Least correlation with the object's look where it is found, and of a frame that changes the look."""
MOST_POINTS, LEAST_POINTS, AGREE = 60, 10, 0.35
"""Corners that are followed, and how many, and which share of them, must agree on how the camera turned."""
MOVES, MOVED, DENSE = 0.3, 2.5, 0.2
"""What an object that moves by itself counts, as correlation; how much more while it walks; and the share of its box
that then moves."""
WALKS: Final = 0.06
"""Speed in widths a second of an object that walks."""
WALKED_S: Final = 4.0
"""Time in which it counts less that it has walked, s."""
OTHER_LEVELS: Final = 16.0
"""Mean difference, levels, from which what stands still is something else."""
UPWARD: Final = 2.2
"""How much less likely than across it is elsewhere up or down."""
STIRRED: Final = 0.3
"""Least share of that in a frame that changes the look: what stands still would become its background."""
FOUND_STILL: Final = 0.7
"""Least correlation of what stands still: there, anything can be alike."""
HARDLY, SURELY = 0.25, 0.6
"""Correlation, and share that moves by itself, of a place that counts although the look is another."""
UNSTEADY: Final = 14.0
"""Difference between frames, levels, from which a pixel counts half."""
RATE: Final = 0.12
"""Share by which a frame changes the look."""
CLEAR: Final = 0.2
"""Correlation that half a search window of distance from the expected place costs."""
LEAST_PX, MOST_PX = 6, 110
"""Sides of the look, in pixels of the small frame."""
LEAST_SCALE, MOST_SCALE = 0.33, 3.0
SCALES: Final = (1.0, 0.95, 1.05)
SCALE_COSTS: Final = 0.03
"""Correlation by which another size must be better."""
HIDDEN_S: Final = 2.5
"""How long an object that is not found is expected to go on as before, s."""
STILL_S: Final = 45.0
"""How long something that does not move by itself is followed, s."""
STIRS: Final = 0.010
"""Least speed, in widths a second, of what moves by itself."""
ALPHA, BETA = 0.85, 0.7
"""Shares of what was measured in place and speed: high, as the look is found to a fraction of a pixel."""
SETTLES_MS: Final = 1500
"""Time after following, ms, in which the image may still move."""
LOST_SCORE: Final = 0.5


@dataclass(frozen=True, slots=True)
class Sighting:
    """Where the object is in one frame, in shares of its width and height; the middle of the frame is 0, 0.

    turned: how far the camera has turned since it began, in the same unit. is_sure: found; else where it is expected.
    """

    at_ms: int
    x: float
    y: float
    width: float
    height: float
    turned: tuple[float, float]
    is_sure: bool
    speed: tuple[float, float] = (0.0, 0.0)
    """Of the object over ground, in widths and heights a second."""

    def as_sent(self, orientation: Orientation) -> "Sighting":
        """Return the same in the image as the camera sends it: motors turn the camera, whatever turns the image."""
        if orientation.is_upright:
            return self
        is_across = orientation.rotate in (90, 270)
        width, height = (self.height, self.width) if is_across else (self.width, self.height)
        (x, y), turned, speed = (_vector_sent(orientation, one) for one in ((self.x, self.y), self.turned, self.speed))
        return replace(self, x=x, y=y, width=width, height=height, turned=turned, speed=speed)


def _vector_sent(orientation: Orientation, vector: tuple[float, float]) -> tuple[float, float]:
    x, y = orientation.sent((vector[0] + 0.5, vector[1] + 0.5))
    return x - 0.5, y - 0.5


class CameraShift:
    """How far the camera has turned, measured from frame to frame. Widths to the right, heights downward."""

    def __init__(self) -> None:
        self._before: list[tuple[Any, Any]] = []
        """The last two frames, and how each has moved and grown until the newest: an affine matrix, 3 by 3."""
        self.x = self.y = 0.0
        self.grew = 1.0
        """Factor by which the newest frame is larger than the one before: the zoom's."""

    def go(
        self, small: Any, expected: tuple[float, float] = (0.0, 0.0), without: Sequence[float] | None = None
    ) -> tuple[float, float]:
        """Register a small frame. Return how the image has moved since the one before, px.

        expected: the movement that counts where the image shows none, such as a plain wall. without: a box, px, in
        which something else moves.
        """
        import cv2  # recording works without OpenCV

        height, width = small.shape
        now = cv2.GaussianBlur(small, (0, 0), 1.0)
        if not self._before or self._before[-1][0].shape != now.shape:
            self._before = [(now, np.eye(3))]
            return 0.0, 0.0
        last = self._before[-1][0]
        matrix = _moved_points(last, now, expected, without)
        if matrix is None:
            matrix = _moved_whole(last, now, expected, without)
        if matrix is None:
            matrix = np.array([[1.0, 0, expected[0]], [0, 1, expected[1]], [0, 0, 1]])
        middle = np.array([width / 2, height / 2, 1.0])
        dx, dy = (float(one) for one in (matrix @ middle - middle)[:2])
        self.grew = math.hypot(matrix[0, 0], matrix[1, 0])
        self._before = [(one, matrix @ until) for one, until in self._before[-2:]] + [(now, np.eye(3))]
        self.x -= dx / width
        self.y -= dy / height
        return dx, dy

    def moving(self) -> Any:
        """Return what moves by itself in the newest frame, 0..1 for each pixel."""
        import cv2

        now = self._before[-1][0]
        height, width = now.shape
        least = None
        for one, until in self._before[:-1]:
            shown = cv2.warpAffine(one, until[:2], (width, height), borderMode=cv2.BORDER_CONSTANT, borderValue=-1e4)
            off = np.where(shown < -1, 0.0, np.abs(now - shown)).astype(np.float32)
            least = off if least is None else np.minimum(least, off)
        if least is None:
            return np.zeros_like(now)
        noise = float(np.median(least)) + 1.0
        return np.clip((least - 3 * noise) / (4 * noise), 0, 1)


def _moved_points(last: Any, now: Any, expected: tuple[float, float], without: Sequence[float] | None) -> Any:
    """Return how most corners of the background have moved, as an affine matrix; None where too few agree."""
    import cv2

    mask = _elsewhere(last.shape, without)
    before, after = (np.clip(one, 0, 255).astype(np.uint8) for one in (last, now))
    points = cv2.goodFeaturesToTrack(before, MOST_POINTS, 0.02, 7, mask=mask)
    if points is None or len(points) < LEAST_POINTS:
        return None
    guess = points + np.array(expected, np.float32)
    moved, is_found, _ = cv2.calcOpticalFlowPyrLK(
        before, after, points, guess, winSize=(15, 15), maxLevel=3, flags=cv2.OPTFLOW_USE_INITIAL_FLOW
    )
    good = is_found.ravel() == 1
    begin, end = points[good].reshape(-1, 2), moved[good].reshape(-1, 2)
    if len(begin) < LEAST_POINTS:
        return None
    matrix, agrees = cv2.estimateAffinePartial2D(begin, end, method=cv2.RANSAC, ransacReprojThreshold=1.2)
    if matrix is None or agrees is None or agrees.sum() < max(LEAST_POINTS, AGREE * len(points)):
        return None
    return np.vstack([matrix, [0, 0, 1]])


def _moved_whole(last: Any, now: Any, expected: tuple[float, float], without: Sequence[float] | None) -> Any:
    """Return how the image has moved as a whole, where it has few corners; None where it is too plain for that too."""
    import cv2

    mask = cv2.pyrDown(_elsewhere(last.shape, without))
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, WHOLE_TURNS, 1e-4)
    least, found = SURE_SHIFT, None
    before, after = cv2.pyrDown(last), cv2.pyrDown(now)
    for dx, dy in dict.fromkeys((expected, (0.0, 0.0))):
        start = np.array([[1, 0, dx / 2], [0, 1, dy / 2]], np.float32)
        try:
            alike, matrix = cv2.findTransformECC(before, after, start, cv2.MOTION_TRANSLATION, criteria, mask, 5)
        except cv2.error:  # it does not converge
            continue
        if alike > least:
            least, found = alike, np.array([[1.0, 0, 2 * matrix[0, 2]], [0, 1, 2 * matrix[1, 2]], [0, 0, 1]])
    return found


def _elsewhere(shape: tuple[int, ...], without: Sequence[float] | None) -> Any:
    """Return a mask of a frame without a box, px, and its edge."""
    mask = np.full(shape, 255, np.uint8)
    if without is not None:
        x0, y0, x1, y1 = (round(one) for one in without)
        mask[max(0, y0 - 3) : max(0, y1 + 3), max(0, x0 - 3) : max(0, x1 + 3)] = 0
    return mask


@dataclass(slots=True)
class _Way:
    """Alpha-beta filter of one coordinate over ground."""

    at: float
    speed: float = 0.0

    def go(self, dt: float, measured: float | None) -> None:
        self.at += self.speed * dt
        if measured is not None and dt > 0:
            off = measured - self.at
            self.at += ALPHA * off
            self.speed += BETA * off / dt


class ObjectLook:
    """The look of an object: finds it again in small frames. box: in pixels of the first one."""

    def __init__(self, small: Any, box: tuple[float, float, float, float]) -> None:
        x0, y0, x1, y1 = box
        self.middle = ((x0 + x1) / 2, (y0 + y1) / 2)
        self.size = (min(MOST_PX, max(LEAST_PX, x1 - x0)), min(MOST_PX, max(LEAST_PX, y1 - y0)))
        self._scale = 1.0
        self._look = _cut(small, self.middle, self.size)
        self._unsteady = np.full_like(self._look, UNSTEADY)
        """How much each pixel differs from frame to frame: what is behind the object does, the object less."""
        self.score = self.stirs = 1.0

    def grow(self, factor: float) -> None:
        """Adapt to a camera that zooms."""
        self._scale = min(MOST_SCALE, max(LEAST_SCALE, self._scale * factor))

    def find(self, small: Any, expected: tuple[float, float], reach: float, moving: Any, moves: float) -> bool:
        """Search around a place, at most `reach` px away. Return whether it is there; `middle` is then its place.

        moving: what moves by itself, 0..1 for each pixel. moves: what that counts, as correlation.
        """
        import cv2

        best = (-1.0, self._scale, self.middle, self._look)
        height, width = small.shape
        for factor in SCALES:
            scale = min(MOST_SCALE, max(LEAST_SCALE, self._scale * factor))
            w, h = (max(LEAST_PX, round(side * scale)) for side in self.size)
            if w >= width or h >= height:
                continue
            look = cv2.resize(self._look, (w, h), interpolation=cv2.INTER_AREA)
            left, top = (round(e - side / 2 - reach) for e, side in zip(expected, (w, h), strict=True))
            right, bottom = left + w + 2 * round(reach), top + h + 2 * round(reach)
            x0, y0, x1, y1 = max(0, left), max(0, top), min(width, right), min(height, bottom)
            if x1 - x0 < w or y1 - y0 < h:
                continue
            found = cv2.matchTemplate(small[y0:y1, x0:x1], look, cv2.TM_CCOEFF_NORMED, mask=self._mask(w, h))
            found[~np.isfinite(found) | (np.abs(found) > 1.01)] = -1
            rows, columns = np.ogrid[: found.shape[0], : found.shape[1]]
            away = np.hypot(columns + x0 + w / 2 - expected[0], UPWARD * (rows + y0 + h / 2 - expected[1])) / max(
                1.0, reach
            )
            dense = cv2.boxFilter(moving[y0:y1, x0:x1], -1, (w, h), anchor=(0, 0), borderType=cv2.BORDER_CONSTANT)
            dense = np.minimum(1.0, dense[: found.shape[0], : found.shape[1]] / DENSE)
            judged = (
                found
                + moves * dense
                - (2 * CLEAR * away**2).astype(np.float32)
                - (SCALE_COSTS if factor != 1.0 else 0.0)
            )
            _, most, _, (x, y) = cv2.minMaxLoc(judged)
            if most > best[0] + 1e-6:
                self.score, self.stirs = float(found[y, x]), float(dense[y, x])
                best = (
                    most,
                    scale,
                    (x0 + x + w / 2 + _between(judged[y], x), y0 + y + h / 2 + _between(judged[:, x], y)),
                    look,
                )
        least = FOUND if self.stirs >= STIRRED else FOUND_STILL
        if best[0] < 0 or (self.score < least and (self.score < HARDLY or self.stirs < SURELY)):
            return False
        if self.stirs < STIRRED and self._off(small, best[2], best[1]) > OTHER_LEVELS:
            return False
        self._scale, self.middle = best[1], best[2]
        if self.score >= LEARNS and self.stirs >= STIRRED:
            self.learn(small)
        return True

    def _off(self, small: Any, middle: tuple[float, float], scale: float) -> float:
        """Return how much a place differs from the look, in levels."""
        import cv2

        w, h = (max(LEAST_PX, round(side * scale)) for side in self.size)
        there, mask = _cut(small, middle, (w, h)), self._mask(w, h)
        look = cv2.resize(self._look, (w, h), interpolation=cv2.INTER_AREA)
        return float((np.abs(there - look) * mask).sum() / mask.sum())

    def learn(self, small: Any) -> None:
        """Let the look follow what is seen now."""
        import cv2

        w, h = self._look.shape[::-1]
        now = _cut(small, self.middle, (self.size[0] * self._scale, self.size[1] * self._scale))
        if now.size:
            off = cv2.resize(now, (w, h), interpolation=cv2.INTER_AREA) - self._look
            self._look += RATE * off
            self._unsteady += RATE * (np.abs(off) - self._unsteady)

    def _mask(self, w: int, h: int) -> Any:
        import cv2

        steady = 1 / (1 + (self._unsteady / UNSTEADY) ** 2)
        return cv2.resize(steady.astype(np.float32), (w, h), interpolation=cv2.INTER_AREA)

    @property
    def box(self) -> tuple[float, float, float, float]:
        (x, y), (w, h) = self.middle, self.size
        w, h = w * self._scale, h * self._scale
        return x - w / 2, y - h / 2, x + w / 2, y + h / 2


def _cut(small: Any, middle: tuple[float, float], size: tuple[float, float]) -> Any:
    """Return a part of a frame; beyond its border, the border's pixels."""
    import cv2

    w, h = (max(LEAST_PX, round(side)) for side in size)
    return cv2.getRectSubPix(small, (w, h), (middle[0] - 0.5, middle[1] - 0.5)).copy()  # it counts from pixels' middles


def _between(row: Any, at: int) -> float:
    """Return where between pixels the peak of a parabola through three values is, -0.5 to 0.5."""
    if not 0 < at < len(row) - 1:
        return 0.0
    a, b, c = (float(one) for one in row[at - 1 : at + 2])
    bend = a - 2 * b + c
    return min(0.5, max(-0.5, 0.5 * (a - c) / bend)) if bend < -1e-9 else 0.0


def small_frame(frame: Frame) -> Any:
    """Return the frame in grey, float32, WIDTH px wide."""
    import cv2

    luma = frame.luma
    height, width = luma.shape
    size = (WIDTH, max(16, round(WIDTH * height / width)))
    return cv2.resize(luma, size, interpolation=cv2.INTER_AREA).astype(np.float32)


class _Target:
    """The object that is followed."""

    def __init__(self, thing: Observation, small: Any, at_ms: int, speed: tuple[float, float]) -> None:
        height, width = small.shape
        x0, y0, x1, y1 = thing.box
        inset = 0.12 * (x1 - x0)  # little of what is behind it
        box = ((x0 + inset) * width, y0 * height, (x1 - inset) * width, y1 * height)
        self.thing, self.look, self.shift = thing, ObjectLook(small, box), CameraShift()
        self._wider = (x1 - x0) / max(1e-6, x1 - x0 - 2 * inset)
        self.shift.go(small)
        self._at_ms = self.seen_ms = self.stirred_ms = at_ms
        (x, y), (vx, vy) = self.look.middle, speed
        self._across, self._down = _Way(x / width - 0.5, vx), _Way(y / height - 0.5, vy)
        self._walked = 0.0
        """Its speed of late, in widths a second."""
        self._turning = (0.0, 0.0)
        """How the image moved between the last two frames, px a second."""

    def go(self, small: Any, at_ms: int) -> Sighting:
        """Find it in the next frame."""
        height, width = small.shape
        dt = min(2.0, max(0.0, (at_ms - self._at_ms) / 1000))
        self._at_ms = at_ms
        self.seen_ms, self.stirred_ms = (
            min(self.seen_ms, at_ms),
            min(self.stirred_ms, at_ms),
        )  # if the clock is set back
        dx, dy = self.shift.go(small, (self._turning[0] * dt, self._turning[1] * dt), self.look.box)
        if dt:
            self._turning = dx / dt, dy / dt
        self.look.grow(self.shift.grew)
        hidden_s = (at_ms - self.seen_ms) / 1000
        self._across.go(dt, None)
        self._down.go(dt, None)
        x = (self._across.at - self.shift.x + 0.5) * width
        y = (self._down.at - self.shift.y + 0.5) * height
        box = self.look.box
        side = math.hypot(box[2] - box[0], box[3] - box[1]) / 2
        reach = 12 + 0.5 * side + 14 * min(hidden_s, HIDDEN_S)
        quick = math.hypot(self._across.speed, self._down.speed)
        self._walked = max(quick, self._walked * math.exp(-dt / WALKED_S))
        moves = MOVES * (1 + MOVED * min(1.0, self._walked / WALKS))
        is_sure = self.look.find(small, (x, y), reach, self.shift.moving(), moves)
        if is_sure:
            self.seen_ms = at_ms
            x, y = self.look.middle
            across, down = x / width - 0.5 + self.shift.x, y / height - 0.5 + self.shift.y
            for way, measured in ((self._across, across), (self._down, down)):
                way.at -= way.speed * dt  # the filter's own step follows
                way.go(dt, measured)
            if math.hypot(self._across.speed, self._down.speed) > STIRS:
                self.stirred_ms = at_ms
        else:
            self.look.middle = x, y
            if hidden_s > HIDDEN_S:
                self._across.speed = self._down.speed = 0.0
        w, h = (box[2] - box[0]) * self._wider / width, (box[3] - box[1]) / height
        turned, speed = (self.shift.x, self.shift.y), (self._across.speed, self._down.speed)
        return Sighting(at_ms, x / width - 0.5, y / height - 0.5, w, h, turned, is_sure, speed)

    def observation(self, one: Sighting) -> Observation:
        return replace(self.thing, box=_box_of(one), since_ms=self.thing.since_ms)


def _box_of(one: Sighting) -> Box:
    x, y = one.x + 0.5, one.y + 0.5
    x0, y0 = max(0.0, x - one.width / 2), max(0.0, y - one.height / 2)
    x1, y1 = min(1.0, x + one.width / 2), min(1.0, y + one.height / 2)
    return (min(x0, 0.999), min(y0, 0.999), max(x1, 0.001), max(y1, 0.001))


class ObjectFollower:
    """Chooses an object and follows it, as a stage after those that name objects; `follow` takes a detector's place.

    seen: receives each sighting; None: the object is lost, or was let go.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._target: _Target | None = None
        self._over: tuple[Observation, ...] = ()
        self._measuring: CameraShift | None = None
        self._paths: deque[tuple[int, int, Box]] = deque(maxlen=100)
        """Time, track and box of what was seen of late."""
        self._at_ms = 0
        """Time of the newest frame in which something was followed."""
        self._ended_ms = -SETTLES_MS
        self.wanted: Sequence[str] = ()
        """Labels or kinds to follow; empty: nothing is followed now."""
        self.is_on = False
        """Whether it may have to follow: frames are then read without delay."""
        self.seen: Callable[[Sighting | None], None] = lambda _: None

    @property
    def is_busy(self) -> bool:
        """Whether it takes the detector's place."""
        return self._target is not None or self._measuring is not None

    @property
    def is_following(self) -> bool:
        return self._target is not None

    def is_moving(self, at_ms: int) -> bool:
        """Return whether its camera may move because of it."""
        return self.is_busy or 0 <= at_ms - self._ended_ms < SETTLES_MS

    def release(self) -> None:
        """Follow no longer."""
        with self._lock:
            self._end()

    def measure(self, *, on: bool) -> None:
        """Report how far the camera turns, and see nothing meanwhile."""
        with self._lock:
            self._end()
            self._measuring = CameraShift() if on else None

    def look(self, frame: Frame, look: Look) -> Look:
        """Choose an object, if one of those wanted is seen."""
        wanted = self.wanted
        if wanted:
            for one in (*look.seen, *look.near):
                self._paths.append((frame.at_ms, one.track, one.box))
        if not wanted or self.is_busy or not look.seen:
            return look
        there = [one for one in look.seen if one.box != WHOLE and is_meant(one.label, wanted)]
        if there:
            chosen = max(there, key=lambda one: (one.box[2] - one.box[0]) * (one.box[3] - one.box[1]))
            with self._lock:
                if not self.wanted or self.is_busy:  # it was let go meanwhile
                    return look
                speed, self._at_ms = self._speed(chosen, frame.at_ms), frame.at_ms
                self._target = _Target(chosen, small_frame(frame), frame.at_ms, speed)
        return look

    def _speed(self, chosen: Observation, at_ms: int) -> tuple[float, float]:
        """Return the speed of a track over the last second, in widths and heights a second."""
        path = [
            (ms, box) for ms, track, box in self._paths if track == chosen.track and at_ms - 1100 <= ms < at_ms - 300
        ]
        if not path:
            return 0.0, 0.0
        (ms, a), b = path[0], chosen.box
        dt = (at_ms - ms) / 500  # of sums of two sides
        return (b[0] + b[2] - a[0] - a[2]) / dt, (b[1] + b[3] - a[1] - a[3]) / dt

    def follow(self, frame: Frame) -> Look:
        """Return what is followed in a frame. Call while `is_busy`."""
        small, self._at_ms = small_frame(frame), frame.at_ms
        with self._lock:
            target, measuring = self._target, self._measuring
            if measuring is not None:
                measuring.go(small)
                at = (measuring.x, measuring.y)
                one: Sighting | None = Sighting(frame.at_ms, 0.0, 0.0, 0.0, 0.0, at, is_sure=True)
                look = Look(0)
            elif target is not None:
                one = target.go(small, frame.at_ms)
                is_lost = frame.at_ms - target.seen_ms > HIDDEN_S * 1000
                if is_lost or frame.at_ms - target.stirred_ms > STILL_S * 1000:
                    self._end()
                    one, look = None, Look(0)
                else:
                    seen = target.observation(one)
                    look = Look(round(max(LOST_SCORE, seen.score) * 100), (seen,))
            else:
                return Look(0)
        self.seen(one)
        return look

    def ended(self) -> tuple[Observation, ...]:
        """Return and forget what was followed and no longer is, for `Look.over`."""
        over, self._over = self._over, ()
        return over

    def _end(self) -> None:
        target, self._target = self._target, None
        if target is not None:
            self._over = (*self._over, replace(target.thing, until_ms=target.seen_ms))
            self._ended_ms = self._at_ms


class FollowingDetector:
    """A detector of a camera that may follow: what is followed is seen, and nothing else meanwhile."""

    name: ClassVar[str] = "following"

    def __init__(self, inner: SteadyDetector, follower: ObjectFollower) -> None:
        self._inner, self._follower = inner, follower
        self.looks_a_second = inner.looks_a_second

    @property
    def takes_frame(self) -> bool:
        return self._follower.is_on or self._inner.takes_frame

    def look(self, frame: Frame) -> Look:
        look = self._follower.follow(frame) if self._follower.is_busy else self._inner.look(frame)
        over = self._follower.ended()
        return replace(look, over=(*over, *look.over)) if over else look

    def glance(self, frame: Frame) -> bool:
        return self._follower.is_busy or self._inner.glance(frame)

    @property
    def is_following(self) -> bool:
        return self._follower.is_busy or self._inner.is_following


class Followers:
    """The followers of all cameras. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._all: dict[CameraId, ObjectFollower] = {}

    def of(self, camera: CameraId) -> ObjectFollower:
        with self._lock:
            return self._all.setdefault(camera, ObjectFollower())

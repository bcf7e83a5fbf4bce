"""Steering: how fast a camera turns so that an object stays in the middle of its image. Pure: times come as arguments.

A command shows in the image only after a delay. So the object's place is predicted for the moment at which a command
given now shows, less what commands given before will still turn by then (a Smith predictor). Lengths are in widths of
the image (up and down: heights), speeds in shares of the camera's highest speed, positions as the camera reports them.
"""

import bisect
import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from tawny.config.lens_and_ptz import Limits, TrackSettings
from tawny.detection.following import Sighting

EVERY_S: Final = 0.2
"""Least time between two commands, s."""
AGAIN_S: Final = 0.6
"""A movement is commanded again after this time, s: it ends by itself after TIMEOUT_S."""
TIMEOUT_S: Final = 1.0
UNSEEN_S: Final = 1.5
"""Time without a frame, s, after which the camera stops. A frame as far in the future is from before a clock change."""
PULL: Final = 3.0
"""Share of the distance from the middle that is made up for in a second."""
FASTEST: Final = 1.0
"""Units of position a second that a camera is expected to turn at full speed at most, until it is known."""
TURNED: Final = 0.02
"""Turning, in seconds at full speed, from which a reported position is compared with what was commanded."""
CALM, SLOW = 0.03, 0.025
"""Distance from the middle, and speed in widths a second, that are left alone."""
LEAST_SPEED, SAME = 0.015, 0.02
"""A slower speed is none; a speed that differs less is the same."""
LATENCY_S, GAIN = 0.35, 0.6
"""Before a calibration: delay of a command in the image, s, and widths a second at full speed."""
ADAPTS: Final = 0.08
GAINS: Final = (0.03, 12.0)
START, STARTS = 0.15, 0.25
"""Highest speed at first, and its growth each second: what is followed is known better each second."""
NEAR: Final = 0.2
"""Distance from the middle up to which it zooms."""
SMALL, LARGE = 0.25, 0.55
"""Heights of an object, as shares of the image, between which it doesn't zoom."""
ZOOM_SPEED: Final = 0.25
LOG_S: Final = 6.0


class Velocity(NamedTuple):
    """Speeds from -1 to 1: right, up, closer."""

    pan: float = 0.0
    tilt: float = 0.0
    zoom: float = 0.0

    @property
    def is_rest(self) -> bool:
        return not any(self)


class PtzPosition(NamedTuple):
    """As the camera reports it. None: it doesn't."""

    pan: float | None = None
    tilt: float | None = None
    zoom: float | None = None


@dataclass(frozen=True, slots=True)
class ZoomStep:
    """What was measured at a zoom: widths and heights a second at full speed, and units of position for each width.

    The gains' signs say which way the image moves. Spans are 0 where the camera reports no position.
    """

    zoom: float
    across: float
    down: float
    pan_span: float = 0.0
    tilt_span: float = 0.0


@dataclass(frozen=True, slots=True)
class PtzCalibration:
    """What was measured of a camera. at_ms: when; 0: never. steps: by zoom, ascending."""

    at_ms: int = 0
    latency_s: float = LATENCY_S
    steps: tuple[ZoomStep, ...] = (ZoomStep(0.0, GAIN, GAIN),)
    is_as_sent: bool = True
    """By the image as sent; else by the image as shown."""

    def at(self, zoom: float | None) -> ZoomStep:
        """Return what applies at a zoom, between two steps in proportion."""
        steps = self.steps
        if zoom is None or len(steps) == 1:
            return steps[0]
        i = min(max(1, bisect.bisect_left([one.zoom for one in steps], zoom)), len(steps) - 1)
        a, b = steps[i - 1], steps[i]
        share = min(1.0, max(0.0, (zoom - a.zoom) / max(1e-9, b.zoom - a.zoom)))

        def between(one: float, other: float) -> float:
            if one * other <= 0:
                return one
            return math.copysign(math.exp(math.log(abs(one)) * (1 - share) + math.log(abs(other)) * share), one)

        return ZoomStep(
            zoom, between(a.across, b.across), between(a.down, b.down), between(a.pan_span, b.pan_span),
            between(a.tilt_span, b.tilt_span),
        )  # fmt: skip


class CommandLog:
    """What was commanded of late. Times in s, ascending."""

    def __init__(self) -> None:
        self._sent: deque[tuple[float, Velocity]] = deque([(-math.inf, Velocity())])

    def put(self, at_s: float, velocity: Velocity) -> None:
        self.follow(at_s)
        self._sent.append((at_s, velocity))
        while len(self._sent) > 2 and self._sent[1][0] < at_s - LOG_S:
            self._sent.popleft()

    def follow(self, now_s: float) -> None:
        """Take what lies in the future as commanded now: the clock was set back."""
        if self._sent[-1][0] > now_s:
            self._sent = deque((min(at_s, now_s), velocity) for at_s, velocity in self._sent)

    @property
    def last(self) -> tuple[float, Velocity]:
        return self._sent[-1]

    def turned(self, begin_s: float, end_s: float) -> Velocity:
        """Return the integral of the speeds over this time. Each lasts until the next, at most TIMEOUT_S."""
        sums = [0.0, 0.0, 0.0]
        sent = list(self._sent)
        for (at_s, velocity), (next_s, _) in zip(sent, [*sent[1:], (math.inf, Velocity())], strict=True):
            passed_s = min(end_s, next_s, at_s + TIMEOUT_S) - max(begin_s, at_s)
            if passed_s > 0:
                sums = [one + speed * passed_s for one, speed in zip(sums, velocity, strict=True)]
        return Velocity(*sums)


class Steering:
    """Steers towards one object, from its first sighting on."""

    def __init__(self, calibration: PtzCalibration, settings: TrackSettings) -> None:
        self._known, self._settings = calibration, settings
        self._log = CommandLog()
        self._seen: Sighting | None = None
        self._began_s = math.inf
        self._position, self._position_s = PtzPosition(), -math.inf
        self._across = self._down = 1.0
        """Factors on the gains, learned while the camera turns."""
        at = calibration.steps[0]
        self._ways = [at.across * at.pan_span, at.down * at.tilt_span, 1.0]
        """How far the position went for positive speeds, less for negative ones; below 0: it counts backwards."""
        self._rates = [abs(self._ways[0]), abs(self._ways[1]), 0.0]
        """Units of position a second at full speed; 0: not known yet."""

    def saw(self, one: Sighting) -> None:
        before, self._seen = self._seen, one
        self._began_s = min(self._began_s, one.at_ms / 1000)
        if before is not None:
            self._learn(before, one)

    def sent(self, at_s: float, velocity: Velocity) -> None:
        self._log.put(at_s, velocity)

    def note_position(self, at_s: float, position: PtzPosition) -> None:
        """Register what the camera reports of its position."""
        before, before_s = self._position, self._position_s
        lag_s = self._known.latency_s
        passed, later = self._log.turned(before_s, at_s), self._log.turned(before_s - lag_s, at_s - lag_s)
        for axis, (old, new) in enumerate(zip(before, position, strict=True)):
            both = (passed[axis], later[axis])
            if old is None or new is None or both[0] * both[1] <= 0 or min(map(abs, both)) <= TURNED:
                continue
            self._ways[axis] += math.copysign(1.0, passed[axis]) * (new - old)
            rate = abs((new - old) / later[axis])
            self._rates[axis] = max(rate, 0.8 * self._rates[axis] + 0.2 * rate)
        self._position, self._position_s = position, at_s

    def wanted(self, now_s: float) -> Velocity | None:
        """Return the speeds to command now; None: none, those before are still right."""
        self._log.follow(now_s)
        last_s, last = self._log.last
        if now_s - last_s < EVERY_S:
            return None
        velocity = _rounded(self._within(self._aimed(now_s), now_s))
        if velocity.is_rest:
            return None if last.is_rest else velocity
        is_same = all(abs(a - b) < SAME for a, b in zip(velocity, last, strict=True))
        return None if is_same and now_s - last_s < AGAIN_S else velocity

    def _aimed(self, now_s: float) -> Velocity:
        one = self._seen
        if one is None or abs(now_s - one.at_ms / 1000) > UNSEEN_S + self._known.latency_s:
            return Velocity()
        gains, delay_s, at_s = self._gains(), self._known.latency_s, one.at_ms / 1000
        ahead_s = now_s + delay_s - at_s
        unseen = self._log.turned(at_s - delay_s, now_s)
        across = one.x + one.speed[0] * ahead_s - gains.across * unseen.pan
        down = one.y + one.speed[1] * ahead_s + gains.down * unseen.tilt
        pan = _speed(across, one.speed[0]) / gains.across
        tilt = -_speed(down, one.speed[1]) / gains.down
        most = min(self._settings.speed, START + STARTS * max(0.0, at_s - self._began_s))
        pan, tilt = (min(most, max(-most, speed)) for speed in (pan, tilt))
        zoom = self._zoomed(one) if max(abs(across), abs(down), abs(one.x), abs(one.y)) < NEAR else 0.0
        return Velocity(pan, tilt, zoom)

    def _gains(self) -> ZoomStep:
        at = self._known.at(self._position.zoom)
        return replace(at, across=at.across * self._across, down=at.down * self._down)

    def _zoomed(self, one: Sighting) -> float:
        if self._settings.zoom is None or not one.is_sure:
            return 0.0
        if one.height < SMALL:
            return ZOOM_SPEED
        return -ZOOM_SPEED if one.height > LARGE else 0.0

    def _within(self, wanted: Velocity, now_s: float) -> Velocity:
        """Return the speeds, slower where a second of them would leave the limits."""
        limits = (self._settings.pan, self._settings.tilt, self._settings.zoom)
        kept = [
            speed if limit is None else self._kept(axis, speed, limit, now_s)
            for axis, (speed, limit) in enumerate(zip(wanted, limits, strict=True))
        ]
        return Velocity(*kept)

    def _kept(self, axis: int, speed: float, limit: Limits, now_s: float) -> float:
        at = self._position[axis]
        if at is None or not speed:
            return 0.0  # a limit that can't be checked is kept
        rate, way = self._rates[axis] or FASTEST, math.copysign(1.0, self._ways[axis])
        turned = rate * self._log.turned(self._position_s - self._known.latency_s, now_s)[axis]
        if self._ways[axis]:
            at += way * turned
            room = limit[1] - at if speed * way > 0 else at - limit[0]
        else:  # it is not known yet which way the position counts
            room = min(limit[1] - at, at - limit[0]) - abs(turned)
        return math.copysign(min(abs(speed), room / (rate * TIMEOUT_S)), speed) if room > 0 else 0.0

    def _learn(self, before: Sighting, one: Sighting) -> None:
        """Adapt the gains to how far the camera has turned between two frames."""
        passed_s = (one.at_ms - before.at_ms) / 1000
        if not 0.05 < passed_s < 1.0:
            return
        delay_s, gains = self._known.latency_s, self._gains()
        turned = self._log.turned(before.at_ms / 1000 - delay_s, one.at_ms / 1000 - delay_s)
        pan, tilt = turned.pan / passed_s, turned.tilt / passed_s
        across = (one.turned[0] - before.turned[0]) / passed_s
        down = (one.turned[1] - before.turned[1]) / passed_s
        if abs(pan) > 0.05:
            self._across = _adapted(self._across, gains.across, across / pan, abs(pan))
        if abs(tilt) > 0.05:
            self._down = _adapted(self._down, gains.down, -down / tilt, abs(tilt))


def _speed(off: float, speed: float) -> float:
    """Return how fast the image must turn, in widths a second."""
    pull = PULL * (abs(off) - CALM) * math.copysign(1.0, off) if abs(off) > CALM else 0.0
    return pull + (speed if abs(speed) > SLOW else 0.0)


def _rounded(velocity: Velocity) -> Velocity:
    return Velocity(*(round(speed, 3) if abs(speed) >= LEAST_SPEED else 0.0 for speed in velocity))


def _adapted(factor: float, gain: float, measured: float, speed: float) -> float:
    share = ADAPTS * min(1.0, speed / 0.3)
    ratio = min(3.0, max(0.33, measured / gain)) if gain else 1.0
    made = factor * (1 + share * (ratio - 1))
    at_one = abs(gain / factor)
    return min(GAINS[1] / at_one, max(GAINS[0] / at_one, made))


# Calibration: what the shift of the image says about a camera that was turned for it.

MOST_LATENCY_S: Final = 1.5
_STEP_S: Final = 0.02
LEAST_GAIN: Final = 0.02


def fitted(log: CommandLog, axis: int, samples: Sequence[tuple[float, float]]) -> tuple[float, float, float]:
    """Return gain, delay in s, and the share of the movement that they explain.

    samples: times in s, and how far the camera had turned along the axis (0: pan, 1: tilt) by then.
    """
    if len(samples) < 5:
        return 0.0, LATENCY_S, 0.0
    begin_s = samples[0][0]
    middle = sum(one for _, one in samples) / len(samples)
    spread = sum((one - middle) ** 2 for _, one in samples) or 1e-12
    best = (0.0, LATENCY_S, -math.inf)
    for step in range(round(MOST_LATENCY_S / _STEP_S) + 1):
        delay_s = step * _STEP_S
        model = [log.turned(begin_s - MOST_LATENCY_S, at_s - delay_s)[axis] for at_s, _ in samples]
        mean = sum(model) / len(model)
        square = sum((one - mean) ** 2 for one in model)
        if square < 1e-9:
            continue
        gain = sum((a - mean) * (b - middle) for a, (_, b) in zip(model, samples, strict=True)) / square
        error = sum((b - middle - gain * (a - mean)) ** 2 for a, (_, b) in zip(model, samples, strict=True))
        if 1 - error / spread > best[2]:
            best = gain, delay_s, 1 - error / spread
    return best[0], best[1], max(0.0, best[2])

"""Automatic tracking: turns PTZ cameras after the objects that detection follows.

It yields: to a person who moves the camera, to privacy, to the limits of the settings. What it measured of a camera,
and whether a command has switched it on or off, outlives the program.
"""

import json
import logging
import math
import threading
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Final, Literal, Protocol

from tawny.config.lens_and_ptz import PtzSettings, TrackSettings
from tawny.config.settings import Settings
from tawny.delivery.notifier import NotifierStore
from tawny.detection.following import Followers, ObjectFollower, Sighting
from tawny.engine import ActorHandle
from tawny.engine.actor import start_thread
from tawny.model.errors import NotDone, TawnyError
from tawny.model.geometry import UPRIGHT, Orientation
from tawny.model.ids import CameraId
from tawny.model.times import Clock
from tawny.service.integrations.steering import (
    LEAST_GAIN,
    TIMEOUT_S,
    CommandLog,
    PtzCalibration,
    PtzPosition,
    Steering,
    Velocity,
    ZoomStep,
    fitted,
)

HOME: Final = "home"
STEP_S, WATCHES_S, IDLE_S = 0.1, 0.5, 5.0
ARRIVES_S: Final = 6.0
"""How long a camera may need to reach a preset, s."""
CALMS_S: Final = 1.0
"""How long a camera may still move after its calibration, s."""
FAILED_S: Final = 30.0
"""Pause after a camera that did not obey."""
MOST_RETURNS: Final = 3
"""Tries to send a camera back to its place."""
POLLS_S: Final = 0.4
"""Interval between two questions for the position, s."""
log = logging.getLogger(__name__)

Phase = Literal["off", "mode", "paused", "private", "watching", "following", "searching", "calibrating"]
"""mode: not in this mode. searching: the object was lost, and the camera waits for it."""


class Motors(Protocol):
    """What turns cameras (`service.integrations.device_control.DeviceControl`)."""

    def drive(self, camera: CameraId, velocity: tuple[float, float, float], lasts_s: float) -> None: ...
    def halt(self, camera: CameraId) -> None: ...
    def position(self, camera: CameraId) -> tuple[float | None, float | None, float | None]: ...
    def by_itself(self, camera: CameraId, preset: str) -> None: ...
    def idle_s(self, camera: CameraId) -> float: ...
    def steer(self, camera: CameraId, who: str) -> None: ...


@dataclass(frozen=True, slots=True)
class TrackMeans:
    """turning: reports that a camera moves by itself for some seconds. is_private: whether a camera is private now.

    kept: durable key-value store. start: runs a function in a thread of that name. mode: returns the active mode.
    """

    turning: Callable[[CameraId, float], AbstractContextManager[None]]
    is_private: Callable[[CameraId], bool]
    kept: NotifierStore
    start: Callable[[str, Callable[[], None]], object] = start_thread
    mode: Callable[[], str] = lambda: ""


@dataclass(frozen=True, slots=True)
class TrackingState:
    """trouble: why it does not follow although it should; may be empty."""

    phase: Phase
    is_on: bool
    calibration: PtzCalibration
    trouble: str = ""


@dataclass(slots=True)
class _Camera:
    """What is done with one camera. is_away: it has left its place because of tracking."""

    follower: ObjectFollower
    ptz: PtzSettings
    phase: Phase = "off"
    steering: Steering | None = None
    sightings: deque[Sighting | None] = field(default_factory=lambda: deque(maxlen=50))
    is_away: bool = False
    returns: int = 0
    """How often it was sent back since it left."""
    is_busy: bool = False
    """A request to it is under way."""
    is_turning: bool = False
    lost_s: float = -math.inf
    rests_until_s: float = -math.inf
    polled_s: float = -math.inf
    trouble: str = ""


class AutoTracker:
    """Follows with all cameras, as an actor. The other methods are thread-safe. settings: returns the current ones."""

    name = "tracking"

    def __init__(
        self, settings: Callable[[], Settings], motors: Motors, followers: Followers, means: TrackMeans, clock: Clock
    ) -> None:
        self._settings, self._motors, self._followers = settings, motors, followers
        self._means, self._clock = means, clock
        self._cameras: dict[CameraId, _Camera] = {}
        self._lock = threading.Lock()
        self._switched: dict[CameraId, bool] = {}
        self._known: dict[CameraId, PtzCalibration] = {}
        self._load()
        self.handle = ActorHandle()

    # --- what others ask ---------------------------------------------------------------------------------------------

    def switch(self, camera: CameraId, *, on: bool) -> None:
        """Switch tracking of a camera on or off, until it is switched again. Raises NotDone without ONVIF."""
        chosen = self._ptz(camera).track
        with self._lock:
            if on == chosen.enabled:
                self._switched.pop(camera, None)
            else:
                self._switched[camera] = on
        self._means.kept.mark(f"on/{camera}", "" if on == chosen.enabled else str(int(on)))
        self._wake()

    def is_on(self, camera: CameraId) -> bool:
        """Return whether it follows, as last switched, or else as the settings say."""
        found = self._settings().cameras.get(camera)
        if found is None or not found.onvif:
            return False
        return self._switched.get(camera, found.ptz.track.enabled)

    def state(self, camera: CameraId) -> TrackingState:
        known = self._known.get(camera, PtzCalibration())
        found = self._cameras.get(camera)
        if found is None:
            return TrackingState("off", self.is_on(camera), known)
        return TrackingState(found.phase, self.is_on(camera), known, found.trouble)

    def holds(self, camera: CameraId) -> bool:
        """Return whether a patrol must wait: it follows, or has not returned, or the camera is private."""
        found = self._cameras.get(camera)
        is_held = found is not None and (found.is_away or found.phase in ("following", "searching", "calibrating"))
        return is_held or self._means.is_private(camera)

    def forget(self, camera: CameraId) -> None:
        """Forget what was switched: the settings say it now."""
        with self._lock:
            self._switched.pop(camera, None)
        self._means.kept.mark(f"on/{camera}", "")
        self._wake()

    def forget_cameras(self, cameras: Collection[CameraId]) -> None:
        """Forget what was switched and measured of removed cameras: new ones may get their IDs."""
        stored = self._means.kept.marks()
        for camera in cameras:
            with self._lock:
                self._switched.pop(camera, None)
                self._known.pop(camera, None)
            for mark in {f"on/{camera}", f"calibration/{camera}"} & stored.keys():
                self._means.kept.mark(mark, "")

    # --- the actor ---------------------------------------------------------------------------------------------------

    def step(self) -> float:
        chosen = {CameraId(name): one.ptz for name, one in self._settings().cameras.items() if one.onvif}
        with self._lock:
            for camera in [*self._cameras]:
                if camera not in chosen:
                    self._cameras.pop(camera).follower.release()
            for camera, ptz in chosen.items():
                if camera not in self._cameras:
                    follower = self._followers.of(camera)
                    one = self._cameras[camera] = _Camera(follower, ptz)
                    follower.seen = partial(self._seen, camera, one)
                self._cameras[camera].ptz = ptz
        wait_s = IDLE_S
        for camera, one in self._cameras.items():
            self._step(camera, one)
            wait_s = min(wait_s, {"following": STEP_S, "off": IDLE_S}.get(one.phase, WATCHES_S))
            if one.is_turning or one.is_away:
                wait_s = min(wait_s, WATCHES_S)
        return wait_s

    def close(self) -> None:
        """Stop what turns."""
        for camera, one in self._cameras.items():
            one.follower.release()
            if one.is_turning:
                self._halt(camera, one)

    def _seen(self, camera: CameraId, one: _Camera, sighting: Sighting | None) -> None:
        one.sightings.append(sighting and sighting.as_sent(self._orientation(camera)))
        self._wake()

    def _wake(self) -> None:
        self.handle.wake()

    def _step(self, camera: CameraId, one: _Camera) -> None:
        if one.phase == "calibrating":
            return
        now_s, modes = self._clock.mono_s(), one.ptz.track.modes
        is_on = self.is_on(camera) and (not modes or self._means.mode() in modes)
        one.follower.is_on = is_on
        if self._means.is_private(camera):
            self._leave(one, "private")
        elif self._motors.idle_s(camera) < one.ptz.track.pause:
            self._leave(one, "paused")
            one.is_away = one.is_turning = False  # where a person has turned it, it stays
        elif not is_on:
            self._leave(one, "mode" if self.is_on(camera) else "off")
            one.trouble = ""
        elif now_s < one.rests_until_s:
            self._leave(one, "watching")
        else:
            self._follow(camera, one, now_s)
        if one.is_turning and one.phase != "following":
            self._send(camera, one, Velocity())
        if (
            one.is_away
            and one.phase in ("off", "mode", "watching", "searching")
            and not one.is_busy
            and not one.is_turning
        ):
            self._return(camera, one, now_s)

    def _leave(self, one: _Camera, phase: Phase) -> None:
        """Follow nothing now."""
        one.follower.wanted = ()
        if one.phase in ("following", "searching"):
            one.follower.release()
        one.phase, one.steering = phase, None
        one.sightings.clear()

    def _follow(self, camera: CameraId, one: _Camera, now_s: float) -> None:
        one.follower.wanted = one.ptz.track.kinds
        if one.phase not in ("following", "searching"):
            one.phase = "watching"
        while one.sightings:
            sighting = one.sightings.popleft()
            if sighting is None:
                one.phase, one.steering, one.lost_s = "searching", None, now_s
                continue
            if one.steering is None:
                log.info("%s follows what it sees", camera)
                one.phase, one.steering = "following", Steering(self._calibration(camera), one.ptz.track)
                one.polled_s = -math.inf
            one.steering.saw(sighting)
        if one.steering is not None and not one.is_busy:
            if self._asks(one, camera) and one.polled_s == -math.inf:
                self._start(camera, one, lambda: self._poll(camera, one))
            elif (velocity := one.steering.wanted(self._clock.now_ms() / 1000)) is not None:
                self._send(camera, one, velocity)

    def _calibration(self, camera: CameraId) -> PtzCalibration:
        return self._known.get(camera, PtzCalibration())

    def _orientation(self, camera: CameraId) -> Orientation:
        found = self._settings().cameras.get(camera)
        return found.orientation if found is not None else UPRIGHT

    def _asks(self, one: _Camera, camera: CameraId) -> bool:
        """Return whether the camera's position matters."""
        track = one.ptz.track
        return any((track.pan, track.tilt, track.zoom)) or len(self._calibration(camera).steps) > 1

    def _send(self, camera: CameraId, one: _Camera, velocity: Velocity) -> None:
        if one.is_busy:
            return
        self._start(camera, one, lambda: self._drive(camera, one, velocity))

    def _start(self, camera: CameraId, one: _Camera, work: Callable[[], None]) -> None:
        def done() -> None:
            try:
                work()
            except TawnyError as error:
                log.warning("%s: tracking: %s", camera, error)
                one.trouble = error.message
                one.rests_until_s = self._clock.mono_s() + FAILED_S
                one.is_turning = False  # it stops by itself
            finally:
                one.is_busy = False

        one.is_busy = True
        self._means.start(f"track {camera}", done)

    def _drive(self, camera: CameraId, one: _Camera, velocity: Velocity) -> None:
        if not velocity.is_rest and (
            self._motors.idle_s(camera) < one.ptz.track.pause or self._means.is_private(camera)
        ):
            return
        at_s = self._clock.now_ms() / 1000
        if velocity.is_rest:
            self._motors.halt(camera)
            one.is_turning = False
        else:
            one.is_turning, one.is_away, one.returns = True, True, 0
            self._motors.drive(camera, velocity, TIMEOUT_S)
        one.trouble = ""
        if one.steering is not None:
            one.steering.sent(at_s, velocity)
        if self._asks(one, camera) and self._clock.mono_s() - one.polled_s > POLLS_S:
            self._poll(camera, one)

    def _poll(self, camera: CameraId, one: _Camera) -> None:
        one.polled_s = self._clock.mono_s()
        position = PtzPosition(*self._motors.position(camera))
        track = one.ptz.track
        limits = (track.pan, track.tilt, track.zoom)
        if any(limit is not None and at is None for limit, at in zip(limits, position, strict=True)):
            raise NotDone(
                "This camera doesn't report its position, so tawny can't keep it within its limits.",
                "Remove the limits to follow without them.",
            )
        if one.steering is not None:
            one.steering.note_position(self._clock.now_ms() / 1000, position)

    def _halt(self, camera: CameraId, one: _Camera) -> None:
        try:
            self._motors.halt(camera)
        except TawnyError as error:
            log.warning("%s: cannot stop: %s", camera, error)
        one.is_turning = False

    def _return(self, camera: CameraId, one: _Camera, now_s: float) -> None:
        if one.phase == "searching" and now_s - one.lost_s < one.ptz.track.lost_after:
            return
        if now_s < one.rests_until_s:
            return

        def go() -> None:
            one.returns += 1
            if one.returns >= MOST_RETURNS:  # it knows no way back: it stays where it is, and a patrol goes on
                one.is_away = False
            with self._means.turning(camera, ARRIVES_S):
                self._motors.by_itself(camera, one.ptz.return_to or HOME)
            one.is_away = False

        one.phase = "watching" if one.phase == "searching" else one.phase
        self._start(camera, one, go)

    def calibrate(self, camera: CameraId, pause: Callable[[float], None]) -> PtzCalibration:
        """Measure a camera, which takes some seconds, and keep the result. Raises NotDone, SourceError."""
        track = self._ptz(camera).track
        one = self._cameras.get(camera)
        if one is None or one.phase == "calibrating":
            raise NotDone("This camera is being calibrated.", "Try again in a minute.")
        if self._means.is_private(camera):
            raise NotDone("This camera is private now.", "Resume it first.")
        self._leave(one, "calibrating")

        def pause_unless_private(seconds: float) -> None:
            pause(seconds)
            if self._means.is_private(camera):
                raise NotDone("This camera is private now.", "Resume it first.")

        try:
            calibrator = Calibrator(camera, self._motors, one.follower, self._clock, pause_unless_private)
            made = calibrator.measure(track, self._orientation(camera))
        except TawnyError:
            if self._means.is_private(camera):  # its way back waits
                one.is_away, one.returns = True, 0
            raise
        finally:
            with self._means.turning(camera, CALMS_S):
                one.phase = "off"
        self.keep(camera, made)
        return made

    # --- what is kept ------------------------------------------------------------------------------------------------

    def _ptz(self, camera: CameraId) -> PtzSettings:
        found = self._settings().cameras.get(camera)
        if found is None or not found.onvif:
            raise NotDone(f"{camera} has no pan and tilt.", f"Set `onvif` under `[cameras.{camera}]`.")
        return found.ptz

    def keep(self, camera: CameraId, made: PtzCalibration) -> None:
        self._known[camera] = made
        self._means.kept.mark(f"calibration/{camera}", json.dumps(asdict(made)))

    def _load(self) -> None:
        for name, value in self._means.kept.marks().items():
            what, _, camera = name.partition("/")
            if what == "on":
                self._switched[CameraId(camera)] = value == "1"
            elif what == "calibration" and (made := read_calibration(value)) is not None:
                orientation = self._orientation(CameraId(camera))
                self._known[CameraId(camera)] = made if made.is_as_sent else turned_back(made, orientation)


def turned_back(made: PtzCalibration, orientation: Orientation) -> PtzCalibration:
    """Return a calibration by the image as shown as one by the image as sent. orientation: 0 or 180 degrees."""
    across = -1 if orientation.mirror != (orientation.rotate == 180) else 1
    down = -1 if orientation.rotate == 180 else 1
    steps = tuple(
        replace(
            one, across=one.across * across, pan_span=one.pan_span * across, down=one.down * down,
            tilt_span=one.tilt_span * down,
        )
        for one in made.steps
    )  # fmt: skip
    return replace(made, steps=steps, is_as_sent=True)


def read_calibration(text: str) -> PtzCalibration | None:
    """Return what `AutoTracker.keep` has written; None if it isn't that."""
    try:
        values: Mapping[str, object] = json.loads(text)
        steps = tuple(ZoomStep(**{key: float(value) for key, value in one.items()}) for one in values["steps"])  # type: ignore[attr-defined]
        at_ms, latency_s = int(str(values["at_ms"])), float(str(values["latency_s"]))
        is_as_sent = values.get("is_as_sent") is True  # before, calibrations were by the image as shown
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    return (
        PtzCalibration(at_ms, latency_s, steps, is_as_sent)
        if steps and all(one.across and one.down for one in steps)
        else None
    )


# Calibration: small moves to either side and back, at some zooms, while the image says how far the camera turned.

SPEED: Final = 0.15
MOVES_S: Final = 0.8
SETTLES_S: Final = 1.7
EXPLAINED: Final = 0.8
"""Least share of the image's movement that the commands must explain."""
ZOOMED: Final = 0.04
ZOOM_TRIES: Final = 30


class Calibrator:
    """Measures one camera. pause: waits so many seconds. Raises NotDone, SourceError."""

    def __init__(
        self, camera: CameraId, motors: Motors, follower: ObjectFollower, clock: Clock, pause: Callable[[float], None]
    ) -> None:
        self._camera, self._motors, self._follower, self._clock = camera, motors, follower, clock
        self._pause = pause
        self._log = CommandLog()
        self._samples: list[Sighting] = []
        self._orientation = UPRIGHT

    def measure(self, track: TrackSettings, orientation: Orientation = UPRIGHT) -> PtzCalibration:
        """Turn the camera a little to either side and back. orientation: of its image."""
        self._orientation = orientation
        before, self._follower.seen = self._follower.seen, self._see
        was_on, self._follower.is_on = self._follower.is_on, True
        self._follower.measure(on=True)
        try:
            self._pause(2 * MOVES_S)
            if not self._samples:
                raise NotDone("There is no picture of this camera.", "Detection must be on. Try again.")
            start = self._position().zoom
            if track.zoom is None or start is None:
                measured = [self._at(None)]
            else:
                measured = self._at_zooms((track.zoom[0], sum(track.zoom) / 2, track.zoom[1]), start)
        finally:
            self._follower.measure(on=False)
            self._follower.seen, self._follower.is_on = before, was_on
        latency_s = sum(one for _, one in measured) / len(measured)
        return PtzCalibration(self._clock.now_ms(), round(latency_s, 3), tuple(step for step, _ in measured))

    def _see(self, one: Sighting | None) -> None:
        if one is not None:
            self._samples.append(one.as_sent(self._orientation))

    def _position(self) -> PtzPosition:
        try:
            return PtzPosition(*self._motors.position(self._camera))
        except NotDone:
            return PtzPosition()

    def _at_zooms(self, zooms: Sequence[float], start: float) -> list[tuple[ZoomStep, float]]:
        """Measure at these zooms and return to the one at the start, also after an error."""
        try:
            measured = [self._at(zoom) for zoom in zooms]
        except TawnyError:
            with suppress(TawnyError):
                self._pause(0.0)  # raises where the camera must not move now
                self._zoom_to(start)
            raise
        self._zoom_to(start)
        return measured

    def _at(self, zoom: float | None) -> tuple[ZoomStep, float]:
        if zoom is not None:
            self._zoom_to(zoom)
        across, pan_span, latency_s = self._turned(0)
        down, tilt_span, _ = self._turned(1)
        return ZoomStep(zoom or 0.0, across, down, pan_span, tilt_span), latency_s

    def _turned(self, axis: int) -> tuple[float, float, float]:
        """Return gain, units of position for each width, and delay, from a move and the way back."""
        self._samples.clear()
        here, there, speed = self._position(), PtzPosition(), SPEED
        self._pause(0.5)
        for way in (1, -1):
            velocity = Velocity(pan=speed * way) if axis == 0 else Velocity(tilt=speed * way)
            self._move(velocity, MOVES_S)
            self._pause(SETTLES_S)
            there = self._position() if way == 1 else there
        sign = 1 if axis == 0 else -1
        samples = [(one.at_ms / 1000, sign * one.turned[axis]) for one in self._samples]
        gain, latency_s, explained = fitted(self._log, axis, samples)
        if explained < EXPLAINED or abs(gain) < LEAST_GAIN:
            what = "side to side" if axis == 0 else "up and down"
            raise NotDone(
                f"The picture did not show how the camera turned {what}.",
                "Point it at something with detail, in daylight, away from its end stops, and try again.",
            )
        a, b, passed = here[axis], there[axis], gain * speed * MOVES_S
        return gain, 0.0 if a is None or b is None else round((b - a) / passed, 4), latency_s

    def _move(self, velocity: Velocity, lasts_s: float) -> None:
        self._motors.steer(self._camera, "Calibration")
        self._log.put(self._clock.now_ms() / 1000, velocity)
        self._motors.drive(self._camera, velocity, lasts_s)
        try:
            self._pause(lasts_s)
        finally:
            self._log.put(self._clock.now_ms() / 1000, Velocity())
            self._motors.halt(self._camera)

    def _zoom_to(self, zoom: float) -> None:
        for _ in range(ZOOM_TRIES):
            at = self._position().zoom
            if at is None or abs(at - zoom) < ZOOMED:
                break
            self._move(Velocity(zoom=math.copysign(min(0.5, max(0.1, abs(zoom - at))), zoom - at)), 0.4)
        self._pause(1.0)

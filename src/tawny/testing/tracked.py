"""A recorder's tracking in a closed loop with a drawn PTZ camera, in its own time. No threads, no network."""

import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from tawny.config.settings import CameraSettings, Settings
from tawny.detection.detector import SteadyDetector
from tawny.detection.following import Followers, FollowingDetector
from tawny.detection.motion.motion import MotionDetector
from tawny.media.codec.decoder import turned
from tawny.model.geometry import UPRIGHT, Orientation
from tawny.model.ids import CameraId
from tawny.model.observations import Look
from tawny.service.integrations.tracking import AutoTracker, TrackMeans
from tawny.testing.clock import FakeClock
from tawny.testing.panorama import YARD, PanoramaCamera, PanoramaFrame, Scene, Walker

FRAME_S, PICTURE_S = 0.2, 0.15
"""Interval of the frames that detection sees, and how old they are then."""
LEARNS_S = 12.0
"""Time before a person comes."""


@dataclass(frozen=True)
class TrackedCase:
    """walkers: returns those of a seed; the first one is followed. from_s: when the measured time begins."""

    walkers: Callable[[int], list[Walker]]
    background: str = "yard"
    posts: tuple[float, ...] = ()
    contrast: float = 1.0
    noise: float = 2.0
    track: Mapping[str, Any] = field(default_factory=dict)


def walking_person(
    speed: float, *, wave: float = 0.0, stops: tuple[float, float] | None = None, seed: int = 1, height: float = 12.0
) -> Walker:
    """A person who comes from the left at LEARNS_S, to and fro between -70 and 70 degrees. speed: degrees a second."""

    def at(now_s: float) -> tuple[float, float] | None:
        t = now_s - LEARNS_S
        if t < 0:
            return None
        if stops is not None:
            t -= min(max(0.0, t - stops[0]), stops[1])
        way = speed * t + 30 + 3 * seed
        place = 140 / math.pi * math.asin(0.985 * math.sin(math.pi * (way - 60) / 140)) / math.asin(0.985) * math.pi / 2
        return place, -2.0 + wave * math.sin(t * 0.25 + seed)

    return Walker(at, height)


def passer(speed: float, begin_s: float, begin: float) -> Walker:
    """Another person, who walks through."""

    def at(now_s: float) -> tuple[float, float] | None:
        t = now_s - LEARNS_S - begin_s
        return (begin + speed * t, -2.5) if t >= 0 else None

    return Walker(at, 11.5, (180, 150, 60))


CASES: dict[str, TrackedCase] = {
    "slow": TrackedCase(lambda seed: [walking_person(4, seed=seed)]),
    "brisk": TrackedCase(lambda seed: [walking_person(9, seed=seed)]),
    "runs": TrackedCase(lambda seed: [walking_person(16, seed=seed)], "houses"),
    "houses": TrackedCase(lambda seed: [walking_person(7, wave=6, seed=seed)], "houses"),
    "fence": TrackedCase(lambda seed: [walking_person(7, seed=seed)], "fence"),
    "plain wall": TrackedCase(lambda seed: [walking_person(6, seed=seed)], "wall"),
    "small": TrackedCase(lambda seed: [walking_person(5, seed=seed, height=6)]),
    "uphill": TrackedCase(lambda seed: [walking_person(6, wave=14, seed=seed)]),
    "crossing": TrackedCase(lambda seed: [walking_person(6, seed=seed), passer(-8, 14.0, 80), passer(9, 30.0, -90)]),
    "posts": TrackedCase(lambda seed: [walking_person(7, seed=seed)], "houses", (-40, -18, 5, 24, 48)),
    "stops": TrackedCase(lambda seed: [walking_person(7, stops=(9.0 + seed, 12.0), seed=seed)]),
    "dusk": TrackedCase(lambda seed: [walking_person(6, seed=seed)], "houses", contrast=0.3, noise=4.0),
    "zooms": TrackedCase(lambda seed: [walking_person(4, seed=seed, height=5)], "houses", track={"zoom": (0.0, 0.6)}),
}


class _MemoryStore:
    """A store in memory."""

    def __init__(self) -> None:
        self._marks: dict[str, str] = {}

    def marks(self) -> dict[str, str]:
        return dict(self._marks)

    def mark(self, name: str, value: str) -> None:
        self._marks[name] = value
        if not value:
            del self._marks[name]


class PanoramaMotors:
    """Turns a drawn camera. orders: what it received, with the time in s."""

    def __init__(self, camera: PanoramaCamera, *, reports: bool = True) -> None:
        self.camera, self.reports, self.counts = camera, reports, 1
        """counts: -1 if its position counts backwards."""
        self.orders: list[tuple[float, str, tuple[float, ...]]] = []
        self.moved_s = -math.inf

    def drive(self, camera: CameraId, velocity: tuple[float, float, float], lasts_s: float) -> None:
        self.orders.append((self.camera.now_s, "drive", velocity))
        self.camera.order(*velocity, lasts_s)

    def halt(self, camera: CameraId) -> None:
        self.orders.append((self.camera.now_s, "halt", ()))
        self.camera.order(0, 0, 0, 1)

    def position(self, camera: CameraId) -> tuple[float | None, float | None, float | None]:
        one = self.camera
        return (
            (self.counts * one.pan / 180, self.counts * one.tilt / 90, one.zoom) if self.reports else (None, None, None)
        )

    def by_itself(self, camera: CameraId, preset: str) -> None:
        self.orders.append((self.camera.now_s, preset, ()))
        self.camera.go_to(0, 0, 0)

    def by_hand(self, pan: float) -> None:
        """A person turns it for a second."""
        self.moved_s = self.camera.now_s
        self.camera.order(pan, 0, 0, 1)

    def idle_s(self, camera: CameraId) -> float:
        return self.camera.now_s - self.moved_s

    def steer(self, camera: CameraId, who: str) -> None:
        """No other person steers."""


class Tracked:
    """One run of a case. orientation: how the settings turn the image; the motors turn the camera as before."""

    def __init__(self, case: TrackedCase, seed: int = 1, orientation: Orientation = UPRIGHT, **ptz: Any) -> None:
        self.walkers = case.walkers(seed)
        scene = Scene(self.walkers, case.background, case.posts, case.contrast, case.noise, seed)
        self.camera = PanoramaCamera(scene)
        self.motors, self.clock, self.is_private = PanoramaMotors(self.camera), FakeClock(), False
        self.mode = "home"
        track = {"enabled": True, **case.track, **ptz.pop("track", {})}
        made = CameraSettings.model_validate(
            {
                "source": "demo:",
                "onvif": "http://camera/onvif",
                "ptz": {"track": track, **ptz},
                "rotate": orientation.rotate,
                "mirror": orientation.mirror,
            }
        )
        self.settings, self._orientation = Settings(cameras={YARD: made}), orientation
        self.followers = Followers()
        self._moves_until_ms = 0
        means = self.means = TrackMeans(
            self._turning, lambda _: self.is_private, _MemoryStore(), lambda _, work: work(), lambda: self.mode
        )  # fmt: skip
        self.tracker = AutoTracker(lambda: self.settings, self.motors, self.followers, means, self.clock)
        follower = self.followers.of(YARD)

        def is_moving(at_ms: int) -> bool:
            return at_ms < self._moves_until_ms or follower.is_moving(at_ms)

        def learning() -> MotionDetector:
            return MotionDetector({})

        self.detector = FollowingDetector(SteadyDetector(learning(), learning, is_moving), follower)
        self.looks: list[tuple[float, Look]] = []
        self._waiting: deque[tuple[float, PanoramaFrame]] = deque()
        self._next_frame_s = 0.0
        self.inside: list[tuple[float, bool]] = []

    def run(self, seconds: float) -> None:
        """Go on until so long after a person came."""
        self.run_to(LEARNS_S + seconds)

    def run_to(self, end_s: float) -> None:
        while self.camera.now_s < end_s - 1e-9:
            self.pass_time(0.05)

    def pass_time(self, passed_s: float) -> None:
        self.clock.advance(passed_s)
        self.camera.run_to(self.camera.now_s + passed_s)
        now_s = self.camera.now_s
        if now_s >= self._next_frame_s - 1e-6:
            self._next_frame_s += FRAME_S
            shown = turned(self.camera.picture(), self._orientation)
            self._waiting.append((now_s + PICTURE_S, PanoramaFrame(shown, self.clock.now_ms())))
            self._judge(now_s)
        while self._waiting and self._waiting[0][0] <= now_s + 1e-6:
            self._show(self._waiting.popleft()[1])
        self.tracker.step()

    def wait(self, seconds: float) -> None:
        """Let so much time pass."""
        self.run_to(self.camera.now_s + seconds)

    def vanish(self) -> None:
        """The scene is empty from now on."""
        self.camera.scene = replace(self.camera.scene, walkers=())

    def _show(self, frame: PanoramaFrame) -> None:
        look = self.detector.look(frame)
        named = tuple(replace(one, label="person", sure=0.8) for one in look.seen)
        look = self.followers.of(YARD).look(frame, replace(look, seen=named))
        self.looks.append((self.camera.now_s, look))

    def _judge(self, now_s: float) -> None:
        place = self.camera.place_of(self.walkers[0])
        if place is not None:
            self.inside.append((now_s, max(map(abs, place)) <= 1 / 6))

    @contextmanager
    def _turning(self, camera: CameraId, lasts_s: float) -> Iterator[None]:
        self._moves_until_ms = self.clock.now_ms() + round(lasts_s * 1000) + 1500
        yield

    @property
    def began_s(self) -> float:
        """When it first turned; infinite if it never did."""
        return next((at_s for at_s, what, _ in self.motors.orders if what == "drive"), math.inf)

    @property
    def share(self) -> float:
        """Share of the time in which the first walker is in the middle, from two seconds after it first turned on."""
        found = [inside for at_s, inside in self.inside if at_s > self.began_s + 2]
        return sum(found) / len(found) if found else 0.0

    @property
    def orders_a_second(self) -> float:
        moves = [at_s for at_s, what, _ in self.motors.orders if what in ("drive", "halt")]
        return len(moves) / max(1.0, self.camera.now_s - self.began_s) if moves else 0.0

"""A watcher on a fake clock, with cameras that are a list of packets."""

from typing import Any, ClassVar

from tawny.detection.decode_pipeline import DecodeGate, GateMode
from tawny.detection.detector import Detector
from tawny.detection.watcher import DetectionWork, Watcher, WatchOptions
from tawny.model.geometry import UPRIGHT, Orientation
from tawny.model.ids import CameraId
from tawny.model.messages import Message
from tawny.model.observations import Frame, Look
from tawny.testing.clock import FakeClock
from tests.detection.camera import Camera

PORCH = CameraId("porch")


class Bench:
    """A watcher on a fake clock; `run` lets time pass."""

    def __init__(
        self,
        detector: Detector | None = None,
        *cameras: Camera,
        clock: FakeClock | None = None,
        gate: DecodeGate | None = None,
        orientation: Orientation = UPRIGHT,
        work: DetectionWork | None = None,
    ) -> None:
        self.clock = clock or FakeClock()
        self.cameras = cameras or (Camera(self.clock),)
        self.told: list[Message] = []
        self.looks: list[tuple[int, Look]] = []
        self.scores: list[tuple[int, int]] = []
        self.idle_ms: list[int] = []
        self.closed = False
        self.troubles: list[str] = []
        self.watcher = Watcher(
            PORCH,
            [camera.hub for camera in self.cameras],
            detector or Counting(),
            _Sink(self),
            self.clock,
            self.told.append,
            WatchOptions(
                gate=gate or DecodeGate(GateMode.BALANCED),
                scored=lambda at_ms, score: self.scores.append((at_ms, score)),
                trouble=self.troubles.append,
                orientation=orientation,
                work=work,
            ),
        )

    def run(self, seconds: float) -> None:
        until_s = self.clock.mono_s() + seconds
        while self.clock.mono_s() < until_s:
            for camera in self.cameras:
                camera.come()
            self.clock.advance(self.watcher.step() or 0.001)

    @property
    def begun_ms(self) -> int:
        return self.cameras[0].begun_ms


class _Sink:
    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def look(self, frame: Frame, look: Look) -> None:
        assert frame.camera == PORCH
        self._bench.looks.append((frame.at_ms, look))

    def idle(self, now_ms: int) -> None:
        self._bench.idle_ms.append(now_ms)

    def close(self) -> None:
        self._bench.closed = True


class Counting:
    """Its score is the number of the look."""

    name: ClassVar[str] = "counting"
    looks_a_second = 5.0

    def __init__(self) -> None:
        self.frames: list[tuple[int, Any]] = []

    def look(self, frame: Frame) -> Look:
        self.frames.append((frame.at_ms, frame.luma.shape))
        return Look(len(self.frames))

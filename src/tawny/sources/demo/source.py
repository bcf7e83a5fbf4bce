"""Source of the demo cameras: `demo:`, or `demo:` with the name of a scene.

One thread reads a connection. It renders a frame when due, encodes it and returns its packet.
"""

import math
import threading
import zlib
from collections import deque
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from tawny.media.codec.encoder import Encoder, EncodingQuality
from tawny.model.errors import SourceNotFound
from tawny.model.ids import CameraId, StreamName
from tawny.model.packets import VIDEO_RATE, AudioFormat, SourcePacket
from tawny.model.times import Clock
from tawny.model.validation import value_text
from tawny.sources.demo.renderer import SceneRenderer
from tawny.sources.demo.world import SCENES, DemoWorld, Passage, light
from tawny.sources.source import IdleUntil, SourceContext

# Synthetic garden audio in G.711 A-law: wind, birds by day, crickets at night.

FORMAT = AudioFormat("pcma", 16_000, 1)
LOOP_S = 48
_SAMPLES = LOOP_S * FORMAT.rate
Samples = np.ndarray[Any, np.dtype[np.float64]]


def heard(at_s: float, samples: int, *, night: bool) -> bytes:
    """Return the given number of samples from `at_s` on, as A-law bytes."""
    loop = _loop(night=night)
    begin = round(at_s * FORMAT.rate) % _SAMPLES
    part = loop[begin : begin + samples]
    return part + loop[: samples - len(part)]


@lru_cache(maxsize=2)
def _loop(*, night: bool) -> bytes:
    chance = np.random.default_rng(11)
    mixed = _wind(chance)
    if night:
        mixed += _crickets()
    else:
        for _ in range(26):
            _sing(mixed, chance)
    return _a_law(mixed).tobytes()


def _wind(chance: np.random.Generator) -> Samples:
    """Return noise below about 300 Hz with varying volume.

    Computed as circular signal, so that the loop is seamless.
    """
    hertz = np.fft.rfftfreq(_SAMPLES, 1 / FORMAT.rate)
    shape = 1 / (1 + (hertz / 220) ** 2) * (hertz > 40)
    noise = np.fft.irfft(np.fft.rfft(chance.normal(0, 1, _SAMPLES)) * shape)
    turn = np.linspace(0, 2 * math.pi, _SAMPLES, endpoint=False)
    swell = 0.55 + 0.25 * np.sin(3 * turn) + 0.2 * np.sin(7 * turn + 1)
    return np.asarray(noise / noise.std() * swell * 0.012)


def _sing(mixed: Samples, chance: np.random.Generator) -> None:
    """Add one bird phrase at a random position of the loop: a few sliding notes."""
    low, loud = chance.uniform(2300, 4200), chance.uniform(0.008, 0.035)
    at_s = chance.uniform(0, LOOP_S)
    for _ in range(int(chance.integers(2, 7))):
        length_s, slide = chance.uniform(0.05, 0.14), chance.uniform(-1, 1) * 900
        t = np.arange(int(length_s * FORMAT.rate)) / FORMAT.rate
        note = np.sin(2 * math.pi * (low * t + slide * t * t / (2 * length_s))) * np.sin(math.pi * t / length_s) ** 2
        where = (int(at_s * FORMAT.rate) + np.arange(len(t))) % _SAMPLES
        mixed[where] += note * loud
        at_s += length_s + chance.uniform(0.03, 0.12)


def _crickets() -> Samples:
    t = np.arange(_SAMPLES) / FORMAT.rate
    chirp = np.clip(np.sin(2 * math.pi * 1.25 * t), 0, 1) * np.clip(np.sin(2 * math.pi * 27 * t), 0, 1)
    return np.asarray(np.sin(2 * math.pi * 4300 * t) * chirp * 0.007)


def _a_law(samples: Samples) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Encode as ITU-T G.711 A-law: sign, three bits of segment, four of step; every other bit inverted."""
    size = np.minimum(np.abs(samples) * 4096, 4095).astype(np.int64)
    chord = np.maximum(np.floor(np.log2(np.maximum(size, 1))).astype(np.int64) - 4, 0)
    step = np.where(chord == 0, size >> 1, size >> chord) & 15
    code = np.where(samples >= 0, 128, 0) | chord << 4 | step
    return np.asarray(code ^ 0x55, np.uint8)


USUAL = "front"
FPS = {StreamName.MAIN: 10, StreamName.SUB: 5}
DIVISOR = {StreamName.MAIN: 1, StreamName.SUB: 2}
QP = {StreamName.MAIN: 25, StreamName.SUB: 23}
"""Quantizer: 40 to 41 dB."""
GOP_S = 2.0
LATE_S = 1.0
"""Frames later than this many seconds are skipped: the computer is overloaded."""


class Demo:
    """Simulated cameras: `demo:`, or `demo:` followed by front, drive, garden, side, hall or gate.

    - `quiet` (false): true: nobody comes by.
    - `seed` (not set): 0 to 4294967295: a different sequence of events.
    - `speed` (1.0): how fast days pass and people come, 0.1 to 10.
    - `small` (false): true: 640 × 360 px instead of 1280 × 720, at a quarter of the work.

    A scene starts when its camera is first opened and continues across reconnects. Both streams show the same scene.
    """

    scheme: ClassVar[str] = "demo"

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._worlds: dict[CameraId, tuple[Clock, Mapping[str, Any], DemoWorld]] = {}

    def settings(self, table: Mapping[str, Any]) -> Mapping[str, Any]:
        """Check the settings. quiet: no passers-by. seed: order of passages, 0 to 2³²−1. speed: time factor.

        small: both streams have the sub stream's size.
        """
        known = {"quiet": False, "seed": None, "speed": 1.0, "small": False}
        for key in table:
            if key not in known:
                raise ValueError(f"{key}: found {value_text(table[key])}; allowed: quiet, seed, speed and small")
        checked = {**known, **table}
        for key in ("quiet", "small"):
            if not isinstance(checked[key], bool):
                raise ValueError(f"{key}: found {value_text(checked[key])}; allowed: true or false")
        seed, speed = checked["seed"], checked["speed"]
        if seed is not None and (not _is_number(seed, int) or not 0 <= seed < 2**32):
            raise ValueError(f"seed: found {value_text(seed)}; allowed: a whole number from 0 to 4294967295")
        if not _is_number(speed, int, float) or not 0.1 <= speed <= 10:
            raise ValueError(f"speed: found {value_text(speed)}; allowed: 0.1 to 10")
        return checked

    def claims(self, address: str) -> bool:
        return address.startswith("demo:")

    def public(self, address: str) -> str:
        return address

    def open(self, opening: SourceContext) -> "DemoConnection":
        """Open a connection. Raises SourceNotFound for an unknown scene."""
        is_small = bool(opening.options.get("small", False))
        return DemoConnection(self._world(opening), opening.stream, opening.clock, is_small=is_small)

    def truth(self, camera: CameraId, from_ms: int, to_ms: int) -> list[Passage]:
        """Return the ground truth between these times for a camera; [] if it was never opened."""
        with self._lock:
            known = self._worlds.get(camera)
        if known is None:
            return []
        clock, _, world = known
        began_ms = clock.now_ms() - round((clock.mono_s() - world.epoch_s) * 1000)
        return world.truth((from_ms - began_ms) / 1000, (to_ms - began_ms) / 1000, began_ms)

    def _world(self, opening: SourceContext) -> DemoWorld:
        name = opening.address.removeprefix("demo:") or USUAL
        if name not in SCENES:
            raise SourceNotFound(opening.address, f"the demo cameras are {', '.join(SCENES)}")
        wanted = {**opening.options, "scene": name}
        with self._lock:
            clock, options, world = self._worlds.get(opening.camera, (None, None, None))
            if world is None or clock is not opening.clock or options != wanted:
                seed = opening.options.get("seed")
                world = DemoWorld(
                    SCENES[name],
                    opening.clock.mono_s(),
                    zlib.crc32(opening.camera.encode()) if seed is None else seed,
                    speed=float(opening.options.get("speed", 1.0)),
                    quiet=bool(opening.options.get("quiet", False)),
                )
                self._worlds[opening.camera] = (opening.clock, wanted, world)
            return world


class DemoConnection:
    """One connection. Frames are aligned to a grid of world time, equal in all connections."""

    def __init__(self, world: DemoWorld, stream: StreamName, clock: Clock, *, is_small: bool = False) -> None:
        self._world, self._clock, self._fps = world, clock, FPS[stream]
        self._painter = SceneRenderer(world, DIVISOR[StreamName.SUB if is_small else stream])
        self._encoder = Encoder(
            self._painter.width, self._painter.height, self._fps, gop_s=GOP_S, quality=EncodingQuality(qp=QP[stream])
        )
        self._first = self._next = self._number(clock.mono_s() - world.epoch_s)
        self._ready: deque[SourcePacket] = deque()
        self._sounds = world.scene.sound and stream is StreamName.MAIN

    @property
    def notes(self) -> Mapping[str, Any]:
        return {"fps": float(self._fps), "scene": self._world.scene.name, "encoder": self._encoder.name}

    def read(self) -> SourcePacket | IdleUntil:
        if self._ready:
            return self._ready.popleft()
        now_s = self._clock.mono_s() - self._world.epoch_s
        due_s = self._next / self._fps
        if now_s < due_s - 1e-6:
            return IdleUntil(due_s - now_s)
        if now_s - due_s > LATE_S:
            self._next = self._number(now_s)
            due_s = self._next / self._fps
        picture = self._painter.paint(due_s, self._clock.now_ms() - round((now_s - due_s) * 1000))
        pts = (self._next - self._first) * VIDEO_RATE // self._fps
        self._next += 1
        self._ready.extend(self._encoder.encode(picture, pts))
        if self._sounds:
            self._ready.append(self._sound(due_s, pts))
        return self._ready.popleft() if self._ready else IdleUntil(0.0)

    def _sound(self, at_s: float, pts: int) -> SourcePacket:
        """Return the audio from this frame to the next."""
        night = light(self._world.scene, at_s, self._world.speed).first != "day"
        data = heard(at_s, FORMAT.rate // self._fps, night=night)
        return SourcePacket(FORMAT, data, pts * FORMAT.rate // VIDEO_RATE)

    def _number(self, at_s: float) -> int:
        """Return the number of the frame due at, or last due before, `at_s`."""
        return int(at_s * self._fps + 1e-6)

    def close(self) -> None:
        self._ready.clear()
        self._encoder.close()


def _is_number(value: object, *types: type) -> bool:
    return isinstance(value, types) and not isinstance(value, bool)

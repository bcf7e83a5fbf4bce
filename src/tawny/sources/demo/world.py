"""World of one demo camera: a pure function of the seconds since it was first opened, and of the seed.

Main and sub stream, read by separate threads, show the same world without communication. Ground truth is available.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from tawny.model.observations import Box
from tawny.sources.demo.assets import FIGURES_FPS, HEIGHT, WIDTH, FigurePath, ways

# Demo scenes and their day cycle: a demo day lasts 24 minutes; each scene starts at a different time of day.

DAY_S = 24 * 60
DUSK_BEGINS, DUSK, NIGHT, DAWN, DAY_BEGINS = 0.50, 0.58, 0.68, 0.90, 0.98
"""Shares of the demo day: dusk from DUSK_BEGINS to DUSK, infrared from NIGHT to DAWN."""
LIGHT_STEP_S = 2.0
"""Step of light changes, in seconds: invisible, and unchanged areas stay identical within a step."""


@dataclass(frozen=True)
class DemoScene:
    """begins: time of day at start, as a share of the day. wind: sway amplitude, px at 1280 px width."""

    name: str
    begins: float
    wind: float
    sound: bool = False


SCENES: dict[str, DemoScene] = {
    scene.name: scene
    for scene in (
        DemoScene("front", 0.04, 1.7),
        DemoScene("drive", 0.49, 1.6),
        DemoScene("garden", 0.16, 1.9, sound=True),
        DemoScene("side", 0.70, 1.4),
        DemoScene("hall", 0.10, 0.5),
        DemoScene("gate", 0.57, 1.7),
    )
}


@dataclass(frozen=True)
class Light:
    """Light state. first, second: backgrounds.

    mix: share of the second. gain: brightness. noise: standard deviation.
    """

    first: str
    second: str
    mix: float
    gain: float
    noise: float


def light(scene: DemoScene, at_s: float, speed: float = 1.0) -> Light:
    """Return the light at `at_s`, constant within a `LIGHT_STEP_S` step."""
    step_s = at_s // LIGHT_STEP_S * LIGHT_STEP_S
    hour = (scene.begins + step_s * speed / DAY_S) % 1.0
    if NIGHT <= hour < DAWN:
        return Light("infrared", "infrared", 0.0, 1.0, 1.75)
    if hour >= DAY_BEGINS or hour < DUSK_BEGINS:
        return Light("day", "day", 0.0, 1.0, 0.9)
    if hour < DUSK:
        mix = (hour - DUSK_BEGINS) / (DUSK - DUSK_BEGINS)
        return Light("day", "dusk", mix, 1.0, 0.9 + 0.6 * mix)
    if hour < NIGHT:
        return Light("dusk", "dusk", 0.0, 1.0 - 0.22 * (hour - DUSK) / (NIGHT - DUSK), 1.5)
    mix = (hour - DAWN) / (DAY_BEGINS - DAWN)
    return Light("dusk", "day", mix, 0.85 + 0.15 * mix, 1.5 - 0.6 * mix)


SLOT_S = 60.0
"""Slot duration in seconds. One passage begins in the first half of each slot: 30 to 90 s apart."""
FIRST_S = (11.0, 14.0)
"""Earliest and latest start of the first passage, in seconds; detectors have learned the background by then."""
STANDS_S = 8.0
"""Seconds that a returning figure waits before it returns."""


@dataclass(frozen=True)
class Passage:
    """Ground truth of one passage. boxes: ms UTC and bounding box, ten per second."""

    kind: str
    """person, vehicle or animal."""
    start_ms: int
    end_ms: int
    boxes: tuple[tuple[int, Box], ...]


@dataclass(frozen=True)
class Visit:
    """A passage that starts at `start_s`."""

    way: FigurePath
    start_s: float

    @property
    def end_s(self) -> float:
        return self.start_s + length_s(self.way)

    def frame(self, at_s: float) -> int | None:
        """Return the frame index; None before, after, and while the figure is hidden."""
        n, count = int((at_s - self.start_s) * FIGURES_FPS + 1e-6), len(self.way.frames)
        if at_s < self.start_s or n < 0:
            return None
        if self.way.returns and n >= count:
            n = count - 1 - max(0, n - count - int(STANDS_S * FIGURES_FPS))
        return n if 0 <= n < count and self.way.frames[n] is not None else None


def length_s(way: FigurePath) -> float:
    gone_s = len(way.frames) / FIGURES_FPS
    return 2 * gone_s + STANDS_S if way.returns else gone_s


class DemoWorld:
    """One camera's world. epoch_s: start time, s monotonic. quiet: no passages."""

    def __init__(self, scene: DemoScene, epoch_s: float, seed: int, *, speed: float = 1.0, quiet: bool = False) -> None:
        self.scene, self.epoch_s, self.speed = scene, epoch_s, speed
        self.quiet = quiet or not ways(scene.name)
        self._seed = f"{scene.name}/{seed}"
        self._slot_s = SLOT_S / speed

    def visits(self, at_s: float) -> list[Visit]:
        """Return the passages visible at this time."""
        return [visit for visit in self.visits_between(at_s, at_s) if visit.frame(at_s) is not None]

    def visits_between(self, from_s: float, to_s: float) -> Iterator[Visit]:
        """Yield the passages that overlap this time range, by start time."""
        if self.quiet or to_s < 0:
            return
        longest_s = max(map(length_s, ways(self.scene.name)))
        first = max(0, int((from_s - longest_s - FIRST_S[1]) / self._slot_s - 0.5))
        for slot in range(first, int(to_s / self._slot_s) + 1):
            visit = _visit(self.scene.name, self._seed, slot, self._slot_s)
            if visit.start_s <= to_s and visit.end_s >= from_s:
                yield visit

    def truth(self, from_s: float, to_s: float, utc_ms: int) -> list[Passage]:
        """Return the passages in this range, not clipped to it. utc_ms: UTC of the world's start."""
        return [_passage(visit, utc_ms) for visit in self.visits_between(from_s, to_s)]


@lru_cache(maxsize=256)
def _visit(scene: str, seed: str, slot: int, slot_s: float) -> Visit:
    known = ways(scene)
    first_s = random.Random(seed).uniform(*FIRST_S)
    chance = random.Random(f"{seed}/{slot}")
    late_s = chance.uniform(0, slot_s / 2) if slot else 0.0
    start_s = round((slot * slot_s + first_s + late_s) * FIGURES_FPS) / FIGURES_FPS
    lap, turn = divmod(slot, len(known))
    order = list(range(len(known)))
    if lap:
        random.Random(f"{seed}/{lap}/order").shuffle(order)
    return Visit(known[order[turn]], start_s)


def _passage(visit: Visit, utc_ms: int) -> Passage:
    boxes: list[tuple[int, Box]] = []
    for n in range(round(length_s(visit.way) * FIGURES_FPS)):
        at_s = visit.start_s + n / FIGURES_FPS
        index = visit.frame(at_s + 0.001)
        frame = None if index is None else visit.way.frames[index]
        if frame is not None:
            x, y, w, h = frame.x, frame.y, frame.width, frame.height
            boxes.append((utc_ms + round(at_s * 1000), (x / WIDTH, y / HEIGHT, (x + w) / WIDTH, (y + h) / HEIGHT)))
    return Passage(visit.way.kind, boxes[0][0], boxes[-1][0], tuple(boxes))

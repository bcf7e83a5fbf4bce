"""What classic detectors cost at different rates: CPU seconds of an hour of video, without decoding it.

    python -m benchmarks.rate [--seconds N] [--size WxH] [--fps N]

A generated film with noise and something that moves; one thread.
"""

import argparse
from collections.abc import Iterator

import numpy as np

from tawny.detection.classic.background import Mixture, Neighbours, Stability
from tawny.detection.classic.base import ClassicDetector
from tawny.detection.classic.blocks import Blocks
from tawny.detection.classic.edges import Edges
from tawny.detection.classic.framediff import FrameDiff
from tawny.detection.classic.likeness import Likeness
from tawny.detection.classic.pixels import Pixels
from tawny.model.ids import CameraId
from tawny.model.times import thread_cpu_s

KINDS: tuple[type[ClassicDetector], ...] = (
    Edges, Blocks, Pixels, FrameDiff, Likeness, Mixture, Neighbours, Stability,
)  # fmt: skip
RATES = (5, 10, 20)


class Picture:
    """A frame of the film. rgb: not made, as no classic detector asks for it."""

    camera, rgb = CameraId("film"), None

    def __init__(self, luma: np.ndarray, at_ms: int) -> None:
        self.luma, self.at_ms = luma, at_ms


def film(width: int, height: int, fps: int, seconds: int) -> Iterator[Picture]:
    chance = np.random.default_rng(7)
    ground = chance.integers(40, 200, (height, width)).astype(np.uint8)
    noise = [chance.integers(0, 4, (height, width)).astype(np.uint8) for _ in range(8)]
    for number in range(fps * seconds):
        luma = ground + noise[number % 8]
        x = number * 4 % (width - 40)
        luma[height // 3 : height // 3 + 80, x : x + 40] = 230
        yield Picture(luma, 1_000_000 + number * 1000 // fps)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=int, default=30)
    options.add_argument("--size", default="640x360")
    options.add_argument("--fps", type=int, default=20)
    chosen = options.parse_args()
    width, height = map(int, chosen.size.split("x"))
    print(f"CPU seconds an hour at {chosen.size}, {chosen.fps} fps")
    print("detector    " + "".join(f"{rate:>8} fps" for rate in RATES))
    for kind in KINDS:
        costs = []
        for rate in RATES:
            detector = kind({"rate": rate})
            cpu_s = 0.0
            for number, picture in enumerate(film(width, height, chosen.fps, chosen.seconds)):
                if number % max(1, chosen.fps // rate) == 0:
                    begun_s = thread_cpu_s()
                    detector.look(picture)
                    cpu_s += thread_cpu_s() - begun_s
            costs.append(cpu_s * 3600 / chosen.seconds)
        print(f"{kind.name:<12}" + "".join(f"{cost:>10.0f} s" for cost in costs))


if __name__ == "__main__":
    main()

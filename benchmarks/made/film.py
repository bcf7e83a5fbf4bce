"""A film: a place, what moves in it, the light on it, and a camera that spoils it: blur, a sensor's noise, the camera's
own smoothing over time, a clock in the corner, and an encoder with too few bits. Lengths are pixels of 640 x 360.
"""

import subprocess
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from benchmarks.made.figures import Picture, cuts, sized, softened
from tawny.sources.demo import assets as demo

WIDTH, HEIGHT = 640, 360
Draw = Callable[[Picture, float], None]
Light = Callable[[Picture, float], Picture]
_GRAINS = 16


class Camera(NamedTuple):
    """noise: levels of 255 in the middle of the dark; smoothing: share of the picture before that stays where little
    changed; kbit: a second; keyframe_s: apart."""

    fps: int = 10
    noise: float = 2.0
    smoothing: float = 0.0
    kbit: int = 400
    keyframe_s: float = 2.0


class Film:
    """seed: of all chance in it. place: of the demo's; light: day, dusk or infrared."""

    def __init__(
        self, seed: int, length_s: float, camera: Camera, place: str, light: str = "day", gain: float = 1.0
    ) -> None:
        self.chance = np.random.default_rng(seed)
        self.length_s, self.camera, self.light = length_s, camera, light
        whole = demo.plate(place, light, 2)[:HEIGHT].astype(np.float32)
        plate = 10 + (whole - 16) * np.float32(gain * (0.8 if light == "infrared" else 1.0))
        self.plate: Picture = np.ascontiguousarray(cv2.GaussianBlur(plate, (0, 0), 0.7))
        self.leaves = demo.leaves(place, 2).astype(np.float32) / 255
        self.truth: list[tuple[float, float, str]] = []
        self._things: list[Draw] = []
        self._lights: list[Light] = []

    @property
    def is_night(self) -> bool:
        return self.light == "infrared"

    def add(self, thing: Draw) -> None:
        """Something in the place, or before the lens."""
        self._things.append(thing)

    def shine(self, light: Light) -> None:
        """What becomes of the whole picture."""
        self._lights.append(light)

    def passes(
        self,
        kind: str,
        points: Sequence[tuple[float, float, float, float]],
        contrast: float,
        *,
        told: bool = True,
        sway: float = 0.6,
        behind: Picture | None = None,
        soft: float = 0.0,
    ) -> None:
        """A figure along straight lines: t, x of its middle, y of its foot, its height; it stands where only t differs.

        contrast: levels from the ground it is before. behind: 0..1, what hides it. soft: blur of its border, pixels.
        """
        steps = cuts(kind)

        def draw(picture: Picture, t: float) -> None:
            at = _along(points, t)
            if at is None:
                return
            x, foot, height, goes, left = at
            number = int(t * 10) % len(steps) if goes else 3
            x += 0.0 if goes else sway * (np.sin(1.3 * t) + 0.5 * np.sin(3.1 * t))
            self._put(picture, softened(sized(steps[number], height, turned=left), soft), x, foot, contrast, behind)

        self.add(draw)
        if told:
            self.truth.append((points[0][0], points[-1][0], "animal" if kind == "cat" else "person"))

    def _put(self, picture: Picture, cut: Any, x: float, foot: float, contrast: float, behind: Picture | None) -> None:
        height, width = cut.grey.shape
        # at parts of a pixel: who is far away goes less than one from picture to picture
        left, top = x - width / 2, foot - height
        shift = np.array([[1, 0, left % 1], [0, 1, top % 1]], np.float32)
        size = (width + 1, height + 1)
        opacity = cv2.warpAffine(cut.opacity, shift, size)
        grey = cv2.warpAffine(cut.grey, shift, size)
        x0, y0 = int(np.floor(left)), int(np.floor(top))
        a, b = max(0, x0), max(0, y0)
        c, d = min(WIDTH, x0 + size[0]), min(HEIGHT, y0 + size[1])
        if c <= a or d <= b:
            return
        inner = (slice(b - y0, d - y0), slice(a - x0, c - x0))
        there, ground = (slice(b, d), slice(a, c)), self.plate[b:d, a:c]
        share = opacity[inner] * (1 - behind[there] if behind is not None else 1.0)
        own = ground.mean() + contrast * (0.6 + 0.8 * grey[inner] / np.maximum(opacity[inner], 0.2))
        picture[there] += (own - picture[there]) * share

    def frames(self) -> Iterator[Any]:
        """uint8 [height, width], as they come to the encoder."""
        fps, camera = self.camera.fps, self.camera
        grains = self._grains()
        before: Picture | None = None
        for number in range(int(self.length_s * fps)):
            t = number / fps
            picture = self.plate.copy()
            for thing in self._things:
                thing(picture, t)
            for light in self._lights:
                picture = light(picture, t)
            grain = grains[self.chance.integers(_GRAINS)]
            grain = grain[:: self.chance.choice([-1, 1]), :: self.chance.choice([-1, 1])]
            # light comes in grains: what is bright strays more, what is dark less than it is amplified
            picture = picture + grain * (0.6 + picture * np.float32(0.008))
            if before is not None and camera.smoothing:
                still = np.exp(-(((cv2.blur(picture - before, (5, 5))) / (1.2 * camera.noise + 1.0)) ** 2))
                picture = picture + (before - picture) * np.float32(camera.smoothing) * still
            before = picture
            _clock(picture, t)
            yield picture.clip(0, 255).astype(np.uint8)

    def _grains(self) -> Any:
        """Noise as it is after a camera has made a picture of it: neighbours share some."""
        fine = self.chance.normal(0, 1, (_GRAINS, HEIGHT, WIDTH)).astype(np.float32)
        soft = np.stack([cv2.GaussianBlur(one, (0, 0), 0.8) for one in fine])
        return soft / soft.std() * np.float32(self.camera.noise)

    def write(self, path: Path) -> None:
        """As H.264, held to the camera's bits."""
        part, camera = path.with_suffix(".part"), self.camera
        rate, gop = f"{camera.kbit}k", max(1, round(camera.keyframe_s * camera.fps))
        color = [] if self.is_night else ["-vf", "format=yuv420p,lutyuv=u=134:v=122"]
        words = [
            "ffmpeg", "-nostdin", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "gray", "-s", f"{WIDTH}x{HEIGHT}",
            "-r", str(camera.fps), "-i", "-", *color, "-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "superfast",
            "-threads", "1", "-bf", "0", "-sc_threshold", "0", "-g", str(gop), "-b:v", rate, "-maxrate", rate,
            "-bufsize", f"{2 * camera.kbit}k", "-f", "mp4", str(part),
        ]  # fmt: skip
        with subprocess.Popen(words, stdin=subprocess.PIPE) as process:
            assert process.stdin is not None
            for picture in self.frames():
                process.stdin.write(picture.tobytes())
            process.stdin.close()
            if process.wait():
                raise RuntimeError(f"ffmpeg could not make {path.name}")
        part.replace(path)

    def about(self, file: str) -> dict[str, Any]:
        """Its record, as the footage's manifest has it."""
        events = sorted(self.truth)
        quiet, t = [], 0.0
        for begin, end, _ in events:
            if begin - 1.5 > t:
                quiet.append([t, begin - 1.5])
            t = max(t, end + 1.5)
        if t < self.length_s - 0.5:
            quiet.append([t, self.length_s])
        found = [{"start_s": a, "end_s": b, "what": what} for a, b, what in events]
        truth = {"events": found, "quiet": quiet, "edge_tolerance_s": 1.0}
        return {"file": file, "width": WIDTH, "height": HEIGHT, "fps": self.camera.fps,
                "duration_s": self.length_s, "truth": truth}  # fmt: skip


def _along(points: Sequence[tuple[float, ...]], t: float) -> tuple[float, float, float, bool, bool] | None:
    """x, foot, height, whether it goes, and whether to the left."""
    if not points[0][0] <= t <= points[-1][0]:
        return None
    for a, b in pairwise(points):
        if a[0] <= t <= b[0]:
            share = (t - a[0]) / max(1e-6, b[0] - a[0])
            x, foot, height = (p + (q - p) * share for p, q in zip(a[1:], b[1:], strict=True))
            return x, foot, height, a[1:] != b[1:], b[1] < a[1]
    return None


def _clock(picture: Picture, t: float) -> None:
    text = f"2026-11-20 05:{int(t) // 60:02d}:{int(t) % 60:02d}"
    small = picture[8:26, 8:190]
    cv2.putText(small, text, (2, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (235.0,), 1, cv2.LINE_AA)

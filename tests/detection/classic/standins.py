"""Plain grey clips with a texture that appears, and one that walks: what the old detectors' numbers are known on."""

import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

from tests.support.scenes import START_MS, PictureFrame

FPS = 10
WIDTH, HEIGHT = 640, 480
GREY = 128
CELLS = "cellauto=rule=110:s=320x240:r=10:full=1:seed=7"


@cache
def texture() -> Any:
    """uint8 [240, 320], black and white: FFmpeg's, or one of the same rule without it."""
    if shutil.which("ffmpeg"):
        words = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", CELLS, "-frames:v", "1", "-pix_fmt", "gray"]
        made = subprocess.run([*words, "-f", "rawvideo", "-"], capture_output=True, check=True).stdout
        return np.frombuffer(made, np.uint8).reshape(240, 320)
    rows = [np.random.default_rng(7).integers(0, 2, 320)]
    for _ in range(239):
        near = 4 * np.roll(rows[-1], 1) + 2 * rows[-1] + np.roll(rows[-1], -1)
        rows.append((110 >> near) & 1)
    return (np.array(rows) * 255).astype(np.uint8)


def still(length: int = 100) -> Iterator[PictureFrame]:
    return (_frame(n, _grey()) for n in range(length))


def grey_with_noise(seed: int, spread: float = 3.0) -> Any:
    noise = np.random.default_rng(seed).normal(0, spread, (HEIGHT, WIDTH))
    return (GREY + noise).round().clip(0, 255).astype(np.uint8)


def burst() -> Iterator[PictureFrame]:
    """The texture in frames 40 to 49 and 60 to 69."""
    for n in range(100):
        picture = _grey()
        if 40 <= n < 50 or 60 <= n < 70:
            picture[120:360, 160:480] = texture()
        yield _frame(n, picture)


def walk(last: int, begin: int = 180, end: int = 275) -> Iterator[PictureFrame]:
    """A patch of it goes to the right from frame 199 to `last`; only frames from begin to end are given."""
    for n in range(begin, end):
        picture = _grey()
        if 199 <= n <= last:
            x = round(100 + 60 * (n / FPS - 20))
            picture[200:320, x : x + 60] = texture()[:120, :60]
        yield _frame(n, picture)


def small_stream(last: int | None) -> Iterator[PictureFrame]:
    """The burst clip, or a walk to `last`, encoded, and of it the small stream of 512 x 288 that FFmpeg's scaler makes.

    How large spots come out of a texture as fine as this hangs on the scaler: by area it is 20,551 at most.
    """
    path = f"color=c=gray:s={WIDTH}x{HEIGHT}:r={FPS}"
    shown, at = "between(n,40,49)+between(n,60,69)", "160:120"
    patch = "loop=-1:1:0,format=yuv420p"
    if last is not None:
        shown, at, patch = f"between(n,199,{last})", "x='100+60*(t-20)':y=200", f"{patch},crop=60:120:0:0"
    drawn = f"[1]{patch}[t];[0][t]overlay={at}:enable='{shown}'"
    length = 100 if last is None else 275
    encode = ["-c:v", "libx264", "-preset", "ultrafast", "-threads", "1", "-g", "10", "-f", "matroska", "-"]
    words = ["-f", "lavfi", "-i", path, "-f", "lavfi", "-i", CELLS, "-filter_complex", drawn, "-frames:v", str(length)]
    film = _ffmpeg([*words, "-pix_fmt", "yuv420p", *encode])
    small = _ffmpeg(["-i", "-", "-vf", "scale=512:288", "-pix_fmt", "gray", "-f", "rawvideo", "-"], film)
    return frames(list(np.frombuffer(small, np.uint8).reshape(-1, 288, 512)))


def _ffmpeg(words: list[str], given: bytes = b"") -> bytes:
    return subprocess.run(["ffmpeg", "-v", "error", *words], input=given, capture_output=True, check=True).stdout


def square(ground: int, level: int, length: int, width: int = 512, height: int = 288) -> Iterator[PictureFrame]:
    """40x40, 8 pixels further in each frame."""
    for n in range(length):
        picture = np.full((height, width), ground, np.uint8)
        picture[120:160, 100 + 8 * n : 140 + 8 * n] = level
        yield _frame(n, picture)


def frames(pictures: list[Any]) -> Iterator[PictureFrame]:
    return (_frame(n, picture) for n, picture in enumerate(pictures))


def _grey() -> Any:
    return np.full((HEIGHT, WIDTH), GREY, np.uint8)


def _frame(n: int, picture: Any) -> PictureFrame:
    return PictureFrame(picture, START_MS + n * 1000 // FPS)

"""Made-up places as video files, encoded when first wanted."""

import shutil
import tempfile
from collections.abc import Callable, Iterable
from fractions import Fraction
from functools import cache
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any

import av
import numpy as np

from tests.support.scenes import LOOKS_A_SECOND, SyntheticScene, cat, person

Film = Callable[[], Path]
SCALE = 2
DAYLIGHT, INFRARED = 136, 128


def film(pictures: Iterable[Any], fps: int, gop: int, name: str, b_frames: int = 0, chroma: int = DAYLIGHT) -> Path:
    """uint8 [height, width] pictures as an H.264 file; a keyframe every `gop` pictures. chroma: 128 is without color,
    as at night."""
    return written((_in_grey(luma, chroma) for luma in pictures), fps, gop, name, b_frames)


def _in_grey(luma: Any, chroma: int) -> av.VideoFrame:
    color = np.full((luma.shape[0] // 2, luma.shape[1]), chroma, np.uint8)
    return av.VideoFrame.from_ndarray(np.concatenate([luma, color]), format="yuv420p")


def written(frames: Iterable[av.VideoFrame], fps: int, gop: int, name: str, b_frames: int = 0) -> Path:
    """Frames in 4:2:0 as an H.264 file; a keyframe every `gop` frames."""
    path = Path(tempfile.mkdtemp(dir=_folder())) / f"{name}.mp4"
    with av.open(str(path), "w") as out:
        stream: Any = None
        for number, frame in enumerate(frames):
            if stream is None:
                stream = out.add_stream("libx264", rate=fps)
                stream.height, stream.width = frame.height, frame.width
                stream.pix_fmt = "yuv420p"
                set_up = f"keyint={gop}:min-keyint={gop}:scenecut=0:threads=1:log-level=-1:bframes={b_frames}"
                stream.options = {"preset": "ultrafast", "crf": "20", "x264-params": set_up}
            frame.pts, frame.time_base = number, Fraction(1, fps)
            out.mux(stream.encode(frame))
        if stream is not None:
            out.mux(stream.encode(None))
    return path


@cache
def _folder() -> str:
    """A folder that this process removes at its end: `atexit` is passed over in workers."""
    folder = tempfile.mkdtemp(prefix="tawny-films-")
    Finalize(None, shutil.rmtree, args=(folder, True), exitpriority=0)
    return folder


@cache
def walkers(length_s: int = 150) -> Path:
    """Somebody walks from 40 s to 48 s, and from 100 s to 110 s; a keyframe every 2 s."""
    scene = SyntheticScene(1, length_s)
    scene.walk([(40, 20, 90, 45), (48, 170, 90, 45)], person, 45)
    scene.walk([(100, 170, 80, 40), (110, 20, 80, 40)], person, 45)
    large = (np.kron(frame.luma, np.ones((SCALE, SCALE), np.uint8)) for frame in scene.frames())
    return film(large, LOOKS_A_SECOND, 2 * LOOKS_A_SECOND, "walkers")


@cache
def passes_by() -> Path:
    """Somebody walks from 12 s to 18 s of 24 s; a keyframe every 2 s."""
    scene = SyntheticScene(1, 24)
    scene.walk([(12, 20, 90, 45), (18, 170, 90, 45)], person, 45)
    large = (np.kron(frame.luma, np.ones((SCALE, SCALE), np.uint8)) for frame in scene.frames())
    return film(large, LOOKS_A_SECOND, 2 * LOOKS_A_SECOND, "passes-by")


@cache
def empty(length_s: int = 100) -> Path:
    """Nothing but the sensor's noise."""
    large = (np.kron(f.luma, np.ones((SCALE, SCALE), np.uint8)) for f in SyntheticScene(2, length_s).frames())
    return film(large, LOOKS_A_SECOND, 2 * LOOKS_A_SECOND, "empty")


@cache
def stays(for_s: float, gop_s: int, *, night: bool = False) -> Path:
    """Somebody comes at 70 s, stands nearly still for so long, and goes back; a keyframe every gop_s."""
    scene = SyntheticScene(3, 76 + for_s + 45, night=night)
    there, back = 73.0, 73.0 + for_s
    scene.walk(
        [(70, 60, 90, 40), (there, 110, 90, 40), (back, 110, 90, 40), (back + 3, 60, 90, 40)], person, 45, sway=0.8
    )
    large = (np.kron(frame.luma, np.ones((SCALE, SCALE), np.uint8)) for frame in scene.frames())
    light = INFRARED if night else DAYLIGHT
    return film(large, LOOKS_A_SECOND, gop_s * LOOKS_A_SECOND, f"stays-{for_s:g}-{gop_s}", chroma=light)


@cache
def restless(length_s: int = 40) -> Path:
    """A cat goes to and fro on the left from 10 s on; somebody walks on the right from 16 s to 28 s."""
    scene = SyntheticScene(5, length_s)
    ways = [(10 + 2.5 * n, 20 if n % 2 else 45, 75, 14) for n in range((length_s - 10) * 2 // 5 + 1)]
    scene.walk(ways, cat, 60)
    scene.walk([(16, 180, 95, 45), (22, 120, 92, 44), (28, 180, 95, 45)], person, 45)
    large = (np.kron(frame.luma, np.ones((SCALE, SCALE), np.uint8)) for frame in scene.frames())
    return film(large, LOOKS_A_SECOND, 2 * LOOKS_A_SECOND, "restless")

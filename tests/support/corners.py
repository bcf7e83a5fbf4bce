"""A test picture whose corners have four colours, as a video file, and how the corners of a shown image are read."""

from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import numpy as np

from tawny.model.geometry import Orientation

WIDTH, HEIGHT, FPS = 320, 192, 10
RED, GREEN, BLUE, YELLOW = "red", "green", "blue", "yellow"
COLOURS: Final = {RED: (220, 30, 30), GREEN: (30, 190, 30), BLUE: (30, 30, 220), YELLOW: (220, 210, 30)}
SENT: Final = {(0, 0): RED, (1, 0): GREEN, (0, 1): BLUE, (1, 1): YELLOW}
"""The colours of the image as sent, by corner: left to right, top to bottom."""
PLACES: Final = ((0, 0), (1, 0), (0, 1), (1, 1))


def picture(number: int = 0) -> Any:
    """Return a frame, uint8 [height, width, 3]. A grey square moves in the middle."""
    made = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    height, width = HEIGHT // 3, WIDTH // 3
    for (x, y), name in SENT.items():
        made[
            y * (HEIGHT - height) : y * (HEIGHT - height) + height, x * (WIDTH - width) : x * (WIDTH - width) + width
        ] = COLOURS[name]
    left = WIDTH // 2 - 20 + number % FPS * 3
    made[HEIGHT // 2 - 10 : HEIGHT // 2 + 10, left : left + 16] = 170
    return made


def corner_video(path: Path, seconds: int = 20) -> Path:
    """Write the test picture as a video file with a keyframe every second."""
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.options = {"preset": "ultrafast", "x264-params": f"keyint={FPS}:scenecut=0:bframes=0:log-level=-1"}
        for number in range(FPS * seconds):
            frame = av.VideoFrame.from_ndarray(picture(number), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def wanted(orientation: Orientation) -> list[str]:
    """Return the colours as shown, in the order of PLACES."""
    shown = {orientation.shown(place): name for place, name in SENT.items()}
    return [shown[place] for place in PLACES]


def name_of(rgb: Any) -> str:
    """Return the name of the nearest colour; empty if none is near."""
    apart = {name: float(np.abs(np.array(rgb, float) - np.array(one)).max()) for name, one in COLOURS.items()}
    nearest = min(apart, key=lambda name: apart[name])
    return nearest if apart[nearest] < 90 else ""


def corners_of(rgb: Any) -> list[str]:
    """Return the colours of an image, uint8 [height, width, 3], in the order of PLACES."""
    height, width = rgb.shape[:2]
    return [name_of(rgb[round(height * (0.12 + 0.76 * y)), round(width * (0.12 + 0.76 * x))]) for x, y in PLACES]

"""A made week: snapshots of cars, people and animals in known colours, drawn over the scenes of the demo cameras.

Light, noise, JPEG and boxes are those of cameras: shade on one side, tyres and windows, boxes a little too large.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import numpy as np

from tawny.model.events import Event, SeenObject, event_id
from tawny.model.ids import CameraId
from tawny.model.observations import Box
from tawny.sources.demo.assets import plate

RGB = tuple[int, int, int]
PAINT: dict[str, RGB] = {
    "red": (168, 28, 34), "blue": (38, 66, 140), "white": (232, 233, 230), "black": (24, 24, 27),
    "silver": (168, 170, 174), "green": (38, 92, 52), "yellow": (226, 186, 30), "orange": (222, 106, 24),
    "brown": (96, 62, 38), "jeans": (58, 78, 116), "grey": (112, 113, 116), "pink": (222, 110, 160),
    "purple": (98, 42, 130), "beige": (206, 184, 148),
}  # fmt: skip
SKIN: RGB = (196, 148, 122)
LENGTH_MS = 12_000


@cache
def scene(name: str, light: str) -> Any:
    """Return the empty scene, RGB."""
    found = cv2.cvtColor(plate(name, light, 1), cv2.COLOR_YUV2RGB_I420)
    found.setflags(write=False)
    return found


Shape = Callable[[Any], None]
"""Fills a mask, uint8 [height, width], with 255."""


def _polygon(*points: tuple[float, float]) -> Shape:
    def fill(mask: Any) -> None:
        rows, columns = mask.shape
        cv2.fillPoly(mask, [np.array([(round(x * columns), round(y * rows)) for x, y in points], np.int32)], 255)

    return fill


def _bar(x0: float, y0: float, x1: float, y1: float) -> Shape:
    return _polygon((x0, y0), (x1, y0), (x1, y1), (x0, y1))


def _oval(x: float, y: float, by_x: float, by_y: float) -> Shape:
    def fill(mask: Any) -> None:
        rows, columns = mask.shape
        centre, axes = (round(x * columns), round(y * rows)), (round(by_x * columns), round(by_y * rows))
        cv2.ellipse(mask, centre, axes, 0, 0, 360, 255, -1)

    return fill


def _draw(picture: Any, x: int, y: int, size: tuple[int, int], parts: list[tuple[RGB, Shape]]) -> Box:
    """Draw parts, lighter above and darker to the right, and return the box. size: width and height, px."""
    width, height = size
    rows, columns = np.mgrid[0:height, 0:width]
    light = (1.12 - 0.35 * rows / height - 0.18 * columns / width)[..., None]
    there = picture[y : y + height, x : x + width]
    for colour, fill in parts:
        mask = np.zeros((height, width), np.uint8)
        fill(mask)
        soft = cv2.GaussianBlur(mask, (3, 3), 0)[..., None].astype(np.float32) / 255
        there[:] = there * (1 - soft) + np.clip(np.array(colour, np.float32) * light, 0, 255) * soft
    return _box(picture, x, y, width, height)


def draw_car(picture: Any, x: int, y: int, wide: int, paint: RGB) -> Box:
    body = _polygon(
        (0.02, 0.5), (0.2, 0.42), (0.32, 0.08), (0.7, 0.06), (0.84, 0.42), (0.98, 0.5), (0.98, 0.84), (0.02, 0.84)
    )
    glass = _polygon((0.27, 0.42), (0.35, 0.15), (0.68, 0.13), (0.78, 0.42))
    wheels = [((26, 26, 27), _oval(middle, 0.84, 0.065, 0.15)) for middle in (0.22, 0.78)]
    return _draw(picture, x, y, (wide, round(wide * 0.42)), [(paint, body), ((52, 60, 68), glass), *wheels])


def draw_person(picture: Any, x: int, y: int, high: int, top: RGB, trousers: RGB) -> Box:
    parts = [
        (trousers, _bar(0.28, 0.5, 0.47, 0.95)), (trousers, _bar(0.53, 0.5, 0.74, 0.95)),
        ((38, 34, 32), _bar(0.24, 0.95, 0.78, 1.0)), (top, _bar(0.2, 0.17, 0.8, 0.53)),
        (top, _bar(0.06, 0.19, 0.2, 0.46)), (top, _bar(0.8, 0.19, 0.94, 0.46)),
        ((60, 44, 34), _oval(0.5, 0.08, 0.18, 0.075)), (SKIN, _oval(0.5, 0.1, 0.15, 0.06)),
    ]  # fmt: skip
    return _draw(picture, x, y, (round(high * 0.36), high), parts)


def draw_animal(picture: Any, x: int, y: int, wide: int, coat: RGB) -> Box:
    legs = [_bar(left, 0.5, left + 0.07, 1.0) for left in (0.22, 0.32, 0.62, 0.72)]
    shapes = [*legs, _oval(0.5, 0.45, 0.34, 0.2), _oval(0.86, 0.28, 0.12, 0.2)]
    return _draw(picture, x, y, (wide, round(wide * 0.62)), [(coat, shape) for shape in shapes])


def _box(picture: Any, x: int, y: int, width: int, height: int) -> Box:
    """Return the box as a detector gives it: 4 % too large."""
    rows, columns = picture.shape[:2]
    by_x, by_y = 0.04 * width, 0.04 * height
    edges = (x - by_x) / columns, (y - by_y) / rows, (x + width + by_x) / columns, (y + height + by_y) / rows
    x0, y0, x1, y1 = (min(1.0, max(0.0, edge)) for edge in edges)
    return x0, y0, x1, y1


@dataclass(frozen=True)
class MadeEvent:
    name: str
    event: Event
    jpeg: bytes
    """Of its snapshot."""


def made_event(
    name: str,
    at_ms: int,
    what: str,
    paints: tuple[str, ...],
    *,
    camera: str = "drive",
    light: str = "day",
    size: float = 1.0,
    shift: float = 0.0,
) -> MadeEvent:
    """what: car, truck, person, dog or cat. paints: its colours, of a person top and trousers. size: relative.

    shift: where it stands, -1 to 1.
    """
    picture = scene(camera, light).astype(np.float32)
    colours = [PAINT[one] for one in paints]
    if light == "infrared":
        greys = [round(0.3 * r + 0.59 * g + 0.11 * b) for r, g, b in colours]
        colours = [(grey, grey, grey) for grey in greys]
    elif light == "dusk":
        colours = [(round(0.8 * r), round(0.74 * g), round(0.72 * b)) for r, g, b in colours]
    middle = 620 + round(260 * shift)
    if what in ("car", "truck"):
        width = round(330 * size)
        box, kind = draw_car(picture, middle - width // 2, 560 - round(width * 0.42), width, colours[0]), "vehicle"
    elif what == "person":
        height = round(300 * size)
        box, kind = draw_person(picture, middle, 620 - height, height, colours[0], colours[1]), "person"
    else:
        width = round(150 * size)
        box, kind = draw_animal(picture, middle, 600 - round(width * 0.62), width, colours[0]), "animal"
    if light == "infrared":
        picture = np.repeat(picture.mean(axis=2, keepdims=True), 3, axis=2)
    noise = np.random.default_rng(at_ms % 65_521).normal(0, 5, picture.shape[:2])[..., None]
    shown = np.clip(picture + noise, 0, 255).astype(np.uint8)
    coded, data = cv2.imencode(".jpg", cv2.cvtColor(shown, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 80])
    assert coded
    named = (SeenObject(what, 0.8),)
    event = Event(
        event_id(at_ms, name.encode().ljust(4)[:4]), CameraId(camera), kind, at_ms,
        at_ms + LENGTH_MS, 80.0, box=box, objects=named,
        picture_ms=at_ms + 4000,
    )  # fmt: skip
    return MadeEvent(name, event, data.tobytes())

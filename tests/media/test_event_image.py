"""Images in messages show who it is at a glance: the object is large enough, and where it is can be seen."""

from typing import Any

import cv2
import numpy as np
import pytest

from tawny.media.image.jpeg import FILLED, SQUARE, WIDE, crop_around, event_image
from tawny.model.observations import Box

FULL_HD = 1920, 1080
FAR = (0.48, 0.5, 0.5, 0.56)
"""Somebody at 40 m."""


def picture(size: tuple[int, int] = FULL_HD, box: Box = FAR) -> bytes:
    """Gray, with the object in red."""
    made = np.full((size[1], size[0], 3), 110, np.uint8)
    x0, y0, x1, y1 = (round(part * size[n % 2]) for n, part in enumerate(box))
    made[y0:y1, x0:x1] = (30, 30, 220)
    return bytes(cv2.imencode(".jpg", made)[1].tobytes())


def seen(data: bytes) -> Any:
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)


def red(image: Any) -> Any:
    return (image[..., 2] > 160) & (image[..., 0] < 90)


BOXES: list[Box] = [
    FAR,
    (0.0, 0.0, 0.05, 0.1),
    (0.95, 0.9, 1.0, 1.0),
    (0.3, 0.1, 0.45, 0.95),
    (0.02, 0.4, 0.98, 0.5),
    (0.0, 0.0, 1.0, 1.0),
    (-0.1, 0.5, 0.1, 1.2),
    (0.4, 0.4, 0.4, 0.4),
]


@pytest.mark.parametrize("size", [FULL_HD, (1080, 1920), (640, 360), (3840, 2160), (352, 288)], ids=str)
@pytest.mark.parametrize("aspect", [WIDE, SQUARE], ids=["wide", "square"])
@pytest.mark.parametrize("box", BOXES, ids=str)
def test_a_crop_has_the_object_with_surroundings_within_the_image(
    size: tuple[int, int], aspect: float, box: Box
) -> None:
    left, top, right, bottom = crop_around(*size, box, aspect)
    assert 0 <= left < right <= size[0]
    assert 0 <= top < bottom <= size[1]
    x0, y0, x1, y1 = (min(1.0, max(0.0, part)) * size[n % 2] for n, part in enumerate(box))
    assert left <= x0 + 1
    assert x1 - 1 <= right
    assert top <= y0 + 1
    assert y1 - 1 <= bottom
    for begin, end, far, length in ((left, right, x1 - x0, size[0]), (top, bottom, y1 - y0, size[1])):
        assert far <= FILLED * (end - begin) + 2 or (begin, end) == (0, length)
    assert right - left >= 479 or (left, right) == (0, size[0]) or (top, bottom) == (0, size[1]), "never tiny"
    fits = left > 0 and right < size[0] and top > 0 and bottom < size[1]
    assert not fits or (right - left) / (bottom - top) == pytest.approx(aspect, rel=0.02)


def test_somebody_far_away_is_four_times_as_large_on_a_phone() -> None:
    """Shown as wide as before."""
    whole, cut = seen(picture()), seen(event_image(picture(), FAR, "closeup"))
    larger = red(cut).any(axis=0).mean() / red(whole).any(axis=0).mean()
    assert larger == pytest.approx(4, rel=0.1)
    assert cut.shape == (270, 480, 3)


def test_who_fills_the_image_is_left_as_it_is() -> None:
    near = picture(box=(0.2, 0.05, 0.6, 0.95))
    assert event_image(near, (0.2, 0.05, 0.6, 0.95), "closeup") is near


@pytest.mark.parametrize(("box", "view"), [(None, "closeup"), (FAR, "full"), (None, "box")])
def test_without_a_box_or_a_wish_the_image_is_whole(box: Box | None, view: Any) -> None:
    assert event_image(picture(), box, view) == picture()


def test_what_is_no_image_is_passed_on() -> None:
    assert event_image(b"\xff\xd8 cut off", FAR, "closeup") == b"\xff\xd8 cut off"
    assert event_image(b"", FAR, "box") == b""


def test_a_box_is_drawn_around_the_object() -> None:
    box = (0.25, 0.5, 0.5, 0.75)
    image = seen(event_image(picture(box=box), box, "box", label="Person"))
    assert image.shape == (1080, 1920, 3)
    yellow = (image[..., 2] > 150) & (image[..., 1] > 150) & (image[..., 0] < 110)
    rows, columns = np.flatnonzero(yellow.sum(axis=1) > 400), np.flatnonzero(yellow.sum(axis=0) > 200)
    assert [columns[0], rows[0], columns[-1], rows[-1]] == pytest.approx([480, 540, 960, 810], abs=4)

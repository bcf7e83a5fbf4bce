"""A few small pictures of an event, from its begin to its end."""

import cv2
import numpy as np
import pytest

from tawny.events.event_builder import ThumbnailStrip
from tawny.model.geometry import MOST_THUMBNAILS, THUMBNAIL_WIDTH
from tests.support.scenes import START_MS, PictureFrame


def loop(frames: int, apart_ms: int = 200) -> ThumbnailStrip:
    made = ThumbnailStrip()
    for n in range(frames):
        level = round(250 * n / max(1, frames - 1))
        made.take(PictureFrame(np.full((360, 640), level, np.uint8), START_MS + n * apart_ms))
    return made


@pytest.mark.parametrize("frames", [1, 7])
def test_a_short_event_has_none(frames: int) -> None:
    assert loop(frames).jpeg() is None


@pytest.mark.parametrize("frames", [9, 30, 200, 3000])
def test_three_to_six_from_begin_to_end(frames: int) -> None:
    jpeg = loop(frames).jpeg()
    assert jpeg is not None
    strip = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert strip is not None
    count, rest = divmod(strip.shape[1], THUMBNAIL_WIDTH)
    assert rest == 0
    assert 3 <= count <= MOST_THUMBNAILS
    levels = [int(strip[90, THUMBNAIL_WIDTH * n + 160]) for n in range(count)]
    assert levels == sorted(levels)
    assert levels[0] < 10
    assert levels[-1] > 110

"""What nobody is to see is black, to its edges, and nothing else is."""

import av
import numpy as np
import pytest

from tawny.media.codec.decoder import NO_CAMERA, DecodedFrame
from tawny.media.image.mask import mask_picture
from tawny.model.polygon import Polygon

LEFT = Polygon.of([(0, 0), (0.5, 0), (0.5, 1), (0, 1)])
CORNER = Polygon.of([(0.5, 0.5), (1, 0.5), (1, 1)])


def white(name: str, size: tuple[int, int] = (64, 48)) -> DecodedFrame:
    rgb = np.full((size[1], size[0], 3), (250, 200, 220), np.uint8)
    return DecodedFrame(av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format=name), NO_CAMERA, 1234)


@pytest.mark.parametrize("name", ["yuv420p", "yuvj420p", "nv12", "yuv444p", "yuv420p10le"])
def test_it_is_black_and_the_rest_is_as_it_was(name: str) -> None:
    frame = white(name)
    seen = mask_picture(frame, [LEFT])
    assert (seen.at_ms, seen.width, seen.height) == (1234, 64, 48)
    assert seen.rgb[:, :32].max() <= 4
    assert np.abs(seen.rgb[:, 36:].astype(int) - frame.rgb[:, 36:]).max() <= 6


def test_the_decoders_own_picture_is_left_alone() -> None:
    frame = white("yuv420p")
    before = frame.rgb.copy()
    mask_picture(frame, [LEFT])
    assert (frame.rgb == before).all()


def test_sizes_that_are_odd_and_several_parts() -> None:
    seen = mask_picture(white("rgb24", (63, 47)), [LEFT, CORNER]).rgb
    assert seen[:, :31].max() == 0
    assert seen[40, 55].max() == 0
    assert seen[10, 55].min() > 150


def test_where_nothing_is_private_nothing_is_done() -> None:
    frame = white("yuv420p")
    assert mask_picture(frame, ()) is frame

"""What nobody is to see is black, to its edges, and nothing else is."""

import av
import cv2
import numpy as np
import pytest

from tawny.media.codec.decoder import NO_CAMERA, DecodedFrame
from tawny.media.image.jpeg import jpeg, masked_jpeg, scaled_size, side_by_side
from tawny.media.image.mask import mask_picture
from tawny.model.geometry import Polygon

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


def pixels(data: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert found is not None
    return np.asarray(found, np.uint8)


def test_an_image_stored_before_a_mask_was_drawn_is_black_there_and_one_that_has_it_stays_as_it_is() -> None:
    stored = jpeg(white("yuv420p"))
    seen = masked_jpeg(stored, [LEFT])
    assert pixels(seen)[:, :28].max() <= 24 < 150 < pixels(seen)[:, 36:].min()
    assert masked_jpeg(seen, [LEFT]) is seen
    assert masked_jpeg(stored, []) is stored
    assert masked_jpeg(b"no image", [LEFT]) == b"no image"


@pytest.mark.parametrize("before", [(), (LEFT,)], ids=["alone", "next to one that is black already"])
def test_a_mask_of_a_few_pixels_is_black_in_a_stored_image(before: tuple[Polygon, ...]) -> None:
    small = Polygon.of([(0.75, 0.5), (0.85, 0.5), (0.85, 0.6), (0.75, 0.6)])
    stored = masked_jpeg(jpeg(white("yuv420p")), before)
    assert pixels(stored)[26, 51].min() > 150
    assert pixels(masked_jpeg(stored, [*before, small]))[26, 51].max() <= 24


def test_what_is_dark_in_a_stored_image_is_masked_too() -> None:
    dark = np.full((64, 64, 3), 4, np.uint8)
    dark[20:40:8, 8:24] = 16
    assert pixels(masked_jpeg(jpeg(dark), [LEFT]))[20:40, 8:24].max() <= 1


def test_each_image_of_a_strip_is_masked() -> None:
    one = scaled_size(white("yuv420p"), 64)
    height, width = one.shape[:2]
    seen = pixels(masked_jpeg(side_by_side([one, one, one]), [LEFT], [width / height]))
    for begin in (0, 64, 128):
        assert seen[:, begin + 4 : begin + 28].max() <= 24 < 150 < seen[:, begin + 40 : begin + 60].min()

"""Pictures to JPEG."""

from typing import Any

import av
import cv2
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace

from tawny.media.codec.decoder import NO_CAMERA, DecodedFrame
from tawny.media.image.jpeg import jpeg

RED = (200, 40, 60)
UNSAID = 2


def _opened(coded: bytes) -> Any:
    picture = cv2.imdecode(np.frombuffer(coded, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return picture[:, :, ::-1]


def _frame(height: int, matrix: Colorspace, levels: ColorRange, *, says: bool = True) -> DecodedFrame:
    rgb = np.full((height, 2 * height, 3), RED, np.uint8)
    video = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(
        format="yuv420p", dst_colorspace=matrix, dst_color_range=levels
    )
    if not says:
        video.colorspace = UNSAID
    return DecodedFrame(video, NO_CAMERA, 0)


@pytest.mark.parametrize("levels", [ColorRange.MPEG, ColorRange.JPEG])
@pytest.mark.parametrize("matrix", [Colorspace.ITU601, Colorspace.ITU709])
def test_colours_are_those_of_the_stream(matrix: Colorspace, levels: ColorRange) -> None:
    picture = _opened(jpeg(_frame(96, matrix, levels), quality=95))
    assert np.abs(picture[48, 96].astype(int) - RED).max() <= 6


@pytest.mark.parametrize(("height", "matrix"), [(480, Colorspace.ITU601), (720, Colorspace.ITU709)])
def test_where_a_stream_does_not_say_its_size_decides(height: int, matrix: Colorspace) -> None:
    picture = _opened(jpeg(_frame(height, matrix, ColorRange.MPEG, says=False), width=64, quality=95))
    assert np.abs(picture[5, 5].astype(int) - RED).max() <= 6


@pytest.mark.parametrize(("width", "size"), [(None, (96, 192)), (64, (32, 64)), (1000, (96, 192)), (1, (1, 1))])
def test_it_is_no_wider_than_asked_and_never_made_larger(width: int | None, size: tuple[int, int]) -> None:
    picture = _opened(jpeg(_frame(96, Colorspace.ITU601, ColorRange.MPEG), width))
    assert picture.shape[:2] == size


def test_plain_rgb_is_taken_as_well() -> None:
    picture = _opened(jpeg(np.full((90, 160, 3), RED, np.uint8), 80))
    assert picture.shape[:2] == (45, 80)
    assert np.abs(picture[5, 5].astype(int) - RED).max() <= 6


def test_a_lower_quality_is_smaller() -> None:
    noise = np.random.default_rng(1).integers(0, 255, (90, 160, 3), np.uint8)
    assert len(jpeg(noise, quality=30)) < 0.7 * len(jpeg(noise, quality=90))

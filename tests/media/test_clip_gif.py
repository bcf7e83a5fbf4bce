"""Clips as small GIFs, and pictures on one sheet."""

import io
from fractions import Fraction

import av
import numpy as np
import pytest

from tawny.media.codec.decoder import FULL_RANGE, NO_CAMERA, DecodedFrame
from tawny.media.codec.encoder import Encoder
from tawny.media.image.canvas import COLOURS, Canvas, clip_gif, contact_sheet, gif_picture, write_gif
from tawny.media.image.jpeg import jpeg
from tawny.media.mp4.fragment_writer import Sample, fragment, init_segment
from tawny.model.errors import FileDamaged
from tawny.model.packets import VideoFormat


def clip(seconds: int, width: int = 640, height: int = 480, fps: int = 10) -> io.BytesIO:
    """A square that moves."""
    encoder = Encoder(width, height, fps)
    packets = []
    for number in range(seconds * fps):
        picture = np.full((height, width, 3), (60, 90, 40), np.uint8)
        picture[100:200, number * 3 : number * 3 + 100] = (200, 40, 40)
        packets += encoder.encode(picture, number * 90_000 // fps)
    packets += encoder.close()
    video = packets[0].format
    samples = [Sample(one.data, one.pts, 90_000 // fps, one.is_keyframe) for one in packets]
    body = b"".join(bytes(part) for part in fragment(1, samples, [], 0, 0))
    assert isinstance(video, VideoFormat)
    return io.BytesIO(init_segment(video, None) + body)


@pytest.mark.shows("RC14")
def test_five_pictures_a_second_320_wide_in_few_colours() -> None:
    made = clip_gif(clip(10))
    assert len(made) < 3_000_000
    with av.open(io.BytesIO(made), "r") as opened:
        frames = list(opened.decode(video=0))
    assert abs(len(frames) - 50) <= 1
    assert (frames[0].width, frames[0].height) == (320, 240)
    colours = np.unique(frames[20].to_ndarray(format="rgb24").reshape(-1, 3), axis=0)
    assert len(colours) <= COLOURS
    last = frames[-1]
    assert last.pts is not None
    assert abs(float(last.pts * (last.time_base or Fraction(1))) - 9.8) < 0.3


def test_a_long_clip_shows_its_beginning() -> None:
    with av.open(io.BytesIO(clip_gif(clip(4), most_s=2)), "r") as opened:
        assert abs(len(list(opened.decode(video=0))) - 10) <= 1


def test_what_is_no_clip_is_said() -> None:
    with pytest.raises(FileDamaged):
        clip_gif(io.BytesIO(b"no clip at all"))


@pytest.mark.shows("RC15")
def test_pictures_on_a_sheet_in_rows() -> None:
    red, blue = (np.full((72, 128, 3), colour, np.uint8) for colour in ((220, 20, 20), (20, 20, 220)))
    sheet = contact_sheet([jpeg(red), b"no picture", jpeg(blue), jpeg(red), jpeg(blue)])
    with av.open(io.BytesIO(sheet), "r", format="jpeg_pipe") as opened:
        (frame,) = list(opened.decode(video=0))
    assert (frame.width, frame.height) == (960, 360)
    rgb = frame.to_ndarray(format="rgb24")
    assert [int(rgb[90, x].argmax()) for x in (160, 480, 800)] == [0, 2, 0]
    assert int(rgb[270, 160].argmax()) == 2
    assert int(rgb[270, 480].max()) < 30


def test_a_sheet_of_nothing_is_none() -> None:
    with pytest.raises(ValueError, match="no picture"):
        contact_sheet([b"", b"rubbish"])


def full_range(level: int, width: int, height: int) -> DecodedFrame:
    """A grey frame of a camera that sends full range."""
    planes = np.full((height * 3 // 2, width), 128, np.uint8)
    planes[:height] = level
    video = av.VideoFrame.from_ndarray(planes, format=FULL_RANGE)
    video.color_range = 2
    return DecodedFrame(video, NO_CAMERA, 0)


@pytest.mark.parametrize(("shown", "luma"), [(0, 16), (64, 71), (255, 235)])
def test_a_mosaic_keeps_the_levels_of_full_range_video(shown: int, luma: int) -> None:
    canvas = Canvas(1, 1, 64, 48)
    canvas.put(0, full_range(shown, 128, 96))
    assert canvas.picture[:48].mean() == pytest.approx(luma, abs=1)


def test_a_gif_keeps_the_levels_of_full_range_video_that_changes_its_shape() -> None:
    first = gif_picture(full_range(64, 320, 240))
    out = io.BytesIO()
    write_gif(out, [first, gif_picture(full_range(64, 640, 240), first)])
    with av.open(io.BytesIO(out.getvalue()), "r") as opened:
        shown = [frame.to_ndarray(format="rgb24")[120, 160].mean() for frame in opened.decode(video=0)]
    assert shown == pytest.approx([64, 64], abs=6)

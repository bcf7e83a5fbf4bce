"""Frames and files of a camera whose image is turned, in all eight ways: the pixels are right, the packets the same."""

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from struct import pack

import av
import numpy as np
import pytest

from tawny.media.codec.decoder import NO_CAMERA, DecodedFrame, stated_by, turned, turned_back
from tawny.media.codec.transcoder import RewriteSpan, remux, write_anew
from tawny.media.image.canvas import Canvas, clip_gif
from tawny.media.image.jpeg import Tiles, jpeg, keyframe_jpeg, keyframe_picture
from tawny.media.image.mask import blur_picture, mask_picture
from tawny.media.mp4.fragment_writer import Sample, fragment, init_segment
from tawny.media.mp4.progressive import SegmentPart, write_mp4
from tawny.media.mp4.segment_reader import read_segment, samples
from tawny.model.geometry import ORIENTATIONS, UPRIGHT, Orientation, Polygon
from tawny.model.packets import SourcePacket, VideoFormat
from tawny.testing.clips import SampleClip, read_clip
from tests.support.corners import HEIGHT, PLACES, RED, SENT, WIDTH, corner_video, corners_of, picture, wanted

every = pytest.mark.parametrize("one", ORIENTATIONS, ids=str)
TOP_LEFT = Polygon(((0, 0), (0.3, 0), (0.3, 0.3), (0, 0.3)))
"""The red corner of the image as sent."""


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> SampleClip:
    return read_clip(corner_video(tmp_path_factory.mktemp("corners") / "corners.mp4", seconds=2))


def packets(clip: SampleClip, one: Orientation) -> Iterator[SourcePacket]:
    for packet in clip.packets:
        assert isinstance(packet.format, VideoFormat)
        yield replace(packet, format=replace(packet.format, orientation=one))


def frame(clip: SampleClip, one: Orientation) -> DecodedFrame:
    found = keyframe_picture(next(packets(clip, one)))
    assert found is not None
    return found


def file_of(clip: SampleClip, one: Orientation, path: Path) -> Path:
    """Write the clip as the recorder writes a segment."""
    all_packets = list(packets(clip, one))
    video = all_packets[0].format
    assert isinstance(video, VideoFormat)
    step = all_packets[1].pts - all_packets[0].pts
    shown = [Sample(packet.data, packet.pts, step, packet.is_keyframe) for packet in all_packets]
    with path.open("wb") as out:
        out.write(init_segment(video))
        for number, at in enumerate(range(0, len(shown), 10), 1):
            out.writelines(fragment(number, shown[at : at + 10], (), shown[at].pts))
    return path


@every
def test_a_decoded_frame_is_as_shown(clip: SampleClip, one: Orientation) -> None:
    found = frame(clip, one)
    assert (found.width, found.height) == one.size(WIDTH, HEIGHT)
    assert corners_of(found.rgb) == wanted(one)
    assert corners_of(found.video.to_ndarray(format="rgb24")) == wanted(one)
    assert found.luma.shape == (found.height, found.width)
    assert found.luma.flags["C_CONTIGUOUS"] or one == UPRIGHT
    grey = np.asarray(found.rgb, float) @ (0.299, 0.587, 0.114)
    assert np.corrcoef(grey.ravel(), np.asarray(found.luma, float).ravel())[0, 1] > 0.99


@every
@pytest.mark.parametrize("width", [None, 64, 100])
def test_a_jpeg_is_as_shown(clip: SampleClip, one: Orientation, width: int | None) -> None:
    found = keyframe_jpeg(next(packets(clip, one)), width)
    assert found is not None
    with av.open(io.BytesIO(found), "r") as opened:
        rgb = next(opened.decode(video=0)).to_ndarray(format="rgb24")
    assert corners_of(rgb) == wanted(one)
    wide, high = one.size(WIDTH, HEIGHT)
    assert rgb.shape[1] == min(width or wide, wide)
    assert rgb.shape[0] == round(high * rgb.shape[1] / wide)


@every
@pytest.mark.parametrize("layout", ["yuv420p", "yuvj420p", "nv12", "yuv422p", "rgb24"])
def test_every_layout_of_pixels_turns(one: Orientation, layout: str) -> None:
    video = av.VideoFrame.from_ndarray(picture(), format="rgb24").reformat(format=layout)
    found = DecodedFrame(video, NO_CAMERA, 0, one)
    assert corners_of(found.video.to_ndarray(format="rgb24")) == wanted(one)
    assert corners_of(found.rgb) == wanted(one)


@every
def test_an_odd_size_turns(one: Orientation) -> None:
    video = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture()[:-1, :-1]), format="rgb24")
    assert corners_of(DecodedFrame(video, NO_CAMERA, 0, one).video.to_ndarray(format="rgb24")) == wanted(one)


@every
def test_turned_back_is_as_before(one: Orientation) -> None:
    assert np.array_equal(turned_back(turned(picture(), one), one), picture())


@every
def test_a_privacy_mask_covers_the_same_thing(clip: SampleClip, one: Orientation) -> None:
    found = corners_of(mask_picture(frame(clip, one), [TOP_LEFT]).rgb)
    assert found == ["" if name == RED else name for name in wanted(one)]


@every
def test_what_is_redacted_is_said_of_the_image_as_shown(clip: SampleClip, one: Orientation) -> None:
    seen = frame(clip, one)
    hidden = np.zeros((60, 100), np.bool_)
    hidden[:20, :33] = True
    found = blur_picture(seen, hidden)
    apart = np.abs(np.asarray(found.rgb, float) - np.asarray(seen.rgb, float)).max(axis=2)
    height, width = apart.shape
    assert apart[: height // 4, : width // 4].mean() > 1
    assert apart[height // 2 :, width // 2 :].max() == 0


@every
def test_a_stored_file_says_how_it_is_shown_and_all_else_is_the_same(
    clip: SampleClip, one: Orientation, tmp_path: Path
) -> None:
    plain = file_of(clip, UPRIGHT, tmp_path / "plain.mp4").read_bytes()
    stored = file_of(clip, one, tmp_path / "turned.mp4")
    upright, turned_so = (pack(">9i", *each.matrix(WIDTH, HEIGHT)) for each in (UPRIGHT, one))
    at = plain.rindex(upright, 0, plain.index(b"moof"))
    assert stored.read_bytes() == plain[:at] + turned_so + plain[at + 36 :]
    read = read_segment(stored)
    assert read.video.orientation == one
    assert [sample.data for sample in samples(read, read.fragments)] == [packet.data for packet in clip.packets]


@every
def test_a_clip_states_it_and_keeps_the_packets(clip: SampleClip, one: Orientation, tmp_path: Path) -> None:
    stored, made = file_of(clip, one, tmp_path / "stored.mp4"), io.BytesIO()
    write_mp4(made, [SegmentPart(stored, 0, 0, None)])
    with av.open(io.BytesIO(made.getvalue()), "r") as opened:
        found = next(opened.decode(video=0))
        assert stated_by(found) == one
        assert corners_of(found.to_ndarray(format="rgb24")) == wanted(UPRIGHT)
    assert all(packet.data in made.getvalue() for packet in clip.packets)


@every
def test_what_is_encoded_anew_is_shown_alike(clip: SampleClip, one: Orientation, tmp_path: Path) -> None:
    anew = tmp_path / "anew.mp4"
    with anew.open("wb") as out:
        write_anew(out, read_segment(file_of(clip, one, tmp_path / "stored.mp4")), RewriteSpan(0, 90_000))
    read = read_segment(anew)
    assert read.video.orientation == one
    first = next(samples(read, read.fragments))
    found = keyframe_picture(SourcePacket(read.video, first.data, 0, is_keyframe=True))
    assert found is not None
    assert corners_of(found.rgb) == wanted(one)


def test_parts_that_are_shown_otherwise_do_not_go_into_one_clip(clip: SampleClip, tmp_path: Path) -> None:
    parts = [
        SegmentPart(file_of(clip, one, tmp_path / f"{number}.mp4"), number * 2000, 0, None)
        for number, one in enumerate((ORIENTATIONS[0], ORIENTATIONS[2]))
    ]
    assert write_mp4(io.BytesIO(), parts).left_out == (parts[1],)


@every
def test_a_gif_of_a_clip_is_as_shown(clip: SampleClip, one: Orientation, tmp_path: Path) -> None:
    made = io.BytesIO()
    write_mp4(made, [SegmentPart(file_of(clip, one, tmp_path / "stored.mp4"), 0, 0, None)])
    made.seek(0)
    with av.open(io.BytesIO(clip_gif(made)), "r") as opened:
        assert corners_of(next(opened.decode(video=0)).to_ndarray(format="rgb24")) == wanted(one)


@every
def test_mosaics_and_contact_sheets_have_it_as_shown(clip: SampleClip, one: Orientation) -> None:
    seen, canvas, tiles = frame(clip, one), Canvas(1, 1, *one.size(WIDTH, HEIGHT)), Tiles(1, 1, WIDTH // 2)
    canvas.put(0, seen)
    tiles.put(0, seen)
    drawn = av.VideoFrame.from_ndarray(canvas.picture, format="yuv420p").to_ndarray(format="rgb24")
    assert corners_of(drawn[: one.size(WIDTH, HEIGHT)[1]]) == wanted(one)
    with av.open(io.BytesIO(tiles.jpeg()), "r") as opened:
        sheet = next(opened.decode(video=0)).to_ndarray(format="rgb24")
    assert corners_of(sheet) == wanted(one)


@every
def test_a_contact_sheet_shows_frames_whole_that_are_smaller_or_turned_since(
    clip: SampleClip, one: Orientation
) -> None:
    tiles, width, height = Tiles(2, 1, 400), 400, 240
    tiles.put(0, frame(clip, UPRIGHT))
    tiles.put(1, frame(clip, one))
    with av.open(io.BytesIO(tiles.jpeg()), "r") as opened:
        sheet = next(opened.decode(video=0)).to_ndarray(format="rgb24")
    assert sheet.shape == (height, 2 * width, 3)
    assert corners_of(sheet[:, :width]) == wanted(UPRIGHT)
    wide, high = one.size(WIDTH, HEIGHT)
    across = round(wide * min(width / wide, height / high)) // 2
    assert corners_of(sheet[:, width * 3 // 2 - across : width * 3 // 2 + across]) == wanted(one)


@every
def test_a_matroska_file_states_the_rotation(clip: SampleClip, one: Orientation, tmp_path: Path) -> None:
    made, out = io.BytesIO(), io.BytesIO()
    write_mp4(made, [SegmentPart(file_of(clip, one, tmp_path / "stored.mp4"), 0, 0, None)])
    movie = made.getvalue()

    def read(begin: int, end: int) -> Iterator[bytes]:
        yield movie[begin:end]

    remux(read, len(movie), out, ".mkv", lambda _: None)
    with av.open(io.BytesIO(out.getvalue()), "r") as opened:
        assert stated_by(next(opened.decode(video=0))) == one


def test_the_corners_of_the_test_picture_are_told_apart() -> None:
    assert corners_of(picture()) == [SENT[place] for place in PLACES]
    assert jpeg(picture()) != jpeg(turned(picture(), ORIENTATIONS[1]))

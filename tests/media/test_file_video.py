"""Pictures of files, only those asked for; and parts of files copied."""

from pathlib import Path

import pytest

from tawny.media.codec.video_file import FileVideo
from tawny.media.mp4.file_part import copy_part
from tawny.model.errors import NoSuchDevice, SourceError
from tawny.testing.clips import ClipSpec, clip_file

SPEC = ClipSpec(seconds=6, fps=10, gop_s=1, sound="aac")


def test_a_file_says_what_it_is() -> None:
    video = FileVideo(clip_file(SPEC))
    assert (video.width, video.height, video.fps) == (320, 240, 10)
    assert video.duration_s == pytest.approx(6, abs=0.11)
    assert video.has_times


@pytest.mark.parametrize("b_frames", [0, 2])
def test_keyframes_come_alone_with_what_follows_them(b_frames: int) -> None:
    video = FileVideo(clip_file(ClipSpec(seconds=6, fps=10, gop_s=1, b_frames=b_frames)))
    gops = list(video.keyframes())
    assert [gop.at_s for gop in gops] == pytest.approx([0, 1, 2, 3, 4, 5])
    assert all(gop.other_bytes > 0 for gop in gops)
    assert [picture.at_ms for gop in reversed(gops) if (picture := gop.picture())] == [5000, 4000, 3000, 2000, 1000, 0]


def test_one_stretch_after_the_other_and_back_to_the_beginning() -> None:
    video = FileVideo(clip_file(ClipSpec(seconds=6, fps=10, gop_s=1, b_frames=2)))
    for begin, end in ((4, 5), (1, 2), (0, 1), (0, 1)):
        at_ms = [frame.at_ms for frame in video.pictures(begin, end)]
        assert [ms for ms in at_ms if ms < 1000 * end] == list(range(1000 * begin, 1000 * end, 100))


def test_keyframes_from_one_instant_up_to_another() -> None:
    assert [gop.at_s for gop in FileVideo(clip_file(SPEC)).keyframes(2.5, 5)] == pytest.approx([2, 3, 4])


@pytest.mark.parametrize("b_frames", [0, 2])
def test_all_pictures_of_a_stretch_in_order(b_frames: int) -> None:
    video = FileVideo(clip_file(ClipSpec(seconds=6, fps=10, gop_s=1, b_frames=b_frames)))
    at_ms = [frame.at_ms for frame in video.pictures(2.5, 4) if frame.at_ms < 4000]
    assert at_ms == list(range(2000, 4000, 100))


def test_pictures_that_nothing_refers_to_may_be_left_out() -> None:
    video = FileVideo(clip_file(ClipSpec(seconds=6, fps=10, gop_s=1, b_frames=2)))
    assert 12 <= sum(1 for _ in video.pictures(only_referenced=True)) < sum(1 for _ in video.pictures())


def test_how_far_apart_keyframes_are() -> None:
    video = FileVideo(clip_file(SPEC))
    assert video.has_keyframes_within(1.0)
    assert not video.has_keyframes_within(0.5)


@pytest.mark.parametrize("ending", ["ts", "mkv"])
def test_files_of_other_forms(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"clip.{ending}"
    _rewrap(clip_file(ClipSpec(seconds=3, fps=10, gop_s=1)), path)
    video = FileVideo(path)
    assert [gop.at_s for gop in video.keyframes()] == pytest.approx([0, 1, 2], abs=0.15)
    assert sum(1 for _ in video.pictures()) == pytest.approx(30, abs=1)


def test_a_file_without_times_gets_them_by_counting(tmp_path: Path) -> None:
    path = tmp_path / "clip.h264"
    _rewrap(clip_file(ClipSpec(seconds=3, fps=10, gop_s=1)), path)
    video = FileVideo(path)
    assert not video.has_times
    assert [gop.at_s * video.fps for gop in video.keyframes()] == pytest.approx([0, 10, 20])
    assert sum(1 for _ in video.pictures()) == 30


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "no.mp4").write_bytes(b"nothing of the kind" * 100)
    with pytest.raises(SourceError):
        FileVideo(tmp_path / "no.mp4")
    with pytest.raises(NoSuchDevice):
        FileVideo(tmp_path / "none.mp4")


def test_a_damaged_end_costs_only_the_end(tmp_path: Path) -> None:
    whole = tmp_path / "whole.ts"
    _rewrap(clip_file(ClipSpec(seconds=3, fps=10, gop_s=1)), whole)
    whole.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    assert 15 <= sum(1 for _ in FileVideo(whole).pictures()) <= 25


def test_a_part_is_copied_from_keyframe_to_keyframe(tmp_path: Path) -> None:
    out = tmp_path / "part.mp4"
    assert copy_part(clip_file(SPEC), out, 2.5, 3.5) == pytest.approx(2.0)
    part = FileVideo(out)
    assert part.duration_s == pytest.approx(2.0, abs=0.11)
    assert [f.at_ms for f in part.pictures()] == list(range(0, 2000, 100))


def test_a_part_of_nothing_leaves_an_error(tmp_path: Path) -> None:
    (tmp_path / "no.mp4").write_bytes(b"nothing of the kind" * 100)
    with pytest.raises(SourceError):
        copy_part(tmp_path / "no.mp4", tmp_path / "part.mp4", 0, 1)


def _rewrap(source: Path, out: Path) -> None:
    import av

    with av.open(str(source)) as one, av.open(str(out), "w") as two:
        stream = two.add_stream_from_template(one.streams.video[0])
        for packet in one.demux(one.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                two.mux(packet)

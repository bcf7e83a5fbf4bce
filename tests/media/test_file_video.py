"""Pictures of files, only those asked for; and parts of files copied."""

from fractions import Fraction
from pathlib import Path
from threading import Event as Flag

import av
import numpy as np
import pytest

from tawny.detection.motion import MotionDetector
from tawny.detection.scan.scan import ScanOptions, parts, scan_part
from tawny.media.codec.decoder import NO_CAMERA, DecodedFrame
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


@pytest.mark.parametrize(("ending", "later_s"), [("mkv", 5.0), ("mkv", 0.0), ("ts", 5.0)])
def test_a_file_whose_times_begin_later_is_no_longer(tmp_path: Path, ending: str, later_s: float) -> None:
    path = tmp_path / f"later.{ending}"
    _rewrap(clip_file(ClipSpec(seconds=3, fps=10, gop_s=1)), path, later_s)
    assert FileVideo(path).duration_s == pytest.approx(3.0, abs=0.11)


@pytest.mark.parametrize("begin_s", [2.5, 5.5])
def test_times_begin_with_what_an_edit_list_shows(tmp_path: Path, begin_s: float) -> None:
    """A keyframe comes every 3 s, so 25 hidden frames are before the first one."""
    path = tmp_path / "exact.mp4"
    copy_part(clip_file(ClipSpec(seconds=9, fps=10, gop_s=3)), path, begin_s, 9, exact=True)
    video = FileVideo(path)
    assert [frame.at_ms for frame in video.pictures()] == list(range(0, round(9000 - begin_s * 1000), 100))
    assert [gop.at_s for gop in video.keyframes() if gop.picture()] == pytest.approx(
        [s - begin_s for s in (3, 6) if s > begin_s]
    )
    assert video.duration_s == pytest.approx(9 - begin_s, abs=0.11)


def test_hidden_sound_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "hidden.mp4"
    with av.open(str(clip_file(SPEC))) as one, av.open(str(path), "w") as two:
        copies = {of.index: two.add_stream_from_template(of) for of in (one.streams.video[0], one.streams.audio[0])}
        for packet in one.demux():
            if packet.pts is not None and packet.dts is not None and packet.time_base is not None:
                earlier = round(1.5 / packet.time_base)
                packet.pts, packet.dts = packet.pts - earlier, packet.dts - earlier
                packet.stream = copies[packet.stream_index]
                two.mux(packet)
    assert next(FileVideo(path).sounds()).at_s == pytest.approx(0, abs=0.05)


@pytest.fixture
def restarted(tmp_path: Path) -> Path:
    """Nine seconds whose times begin again after six."""
    paths = [tmp_path / "first.ts", tmp_path / "second.ts"]
    for path, seconds in zip(paths, (6, 3), strict=True):
        _rewrap(clip_file(ClipSpec(seconds=seconds, fps=10, gop_s=1)), path)
    (tmp_path / "restarted.ts").write_bytes(b"".join(path.read_bytes() for path in paths))
    return tmp_path / "restarted.ts"


def test_times_that_begin_again_go_on(restarted: Path) -> None:
    video = FileVideo(restarted)
    assert [frame.at_ms for frame in video.pictures()] == pytest.approx(range(0, 9000, 100), abs=2)
    assert not video.can_seek
    assert video.duration_s == pytest.approx(9.0, abs=0.01)
    assert [gop.at_s for gop in video.keyframes(7.5)] == pytest.approx([7, 8], abs=0.01)
    assert [frame.at_ms for frame in video.pictures(8.05)] == pytest.approx(range(8000, 9000, 100), abs=2)


def test_b_frames_of_a_slow_video_are_no_times_that_begin_again(tmp_path: Path) -> None:
    """A time-lapse: from one frame to the next it takes two seconds, and a B-frame steps back by several."""
    path = tmp_path / "slow.mp4"
    with av.open(str(path), "w", format="mp4") as made:
        stream = made.add_stream("libx264", rate=1, options={"bf": "3", "b_strategy": "0", "g": "30"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.time_base = Fraction(1)
        for number in range(20):
            frame = av.VideoFrame.from_ndarray(np.full((72, 64), number * 10, np.uint8), format="yuv420p")
            frame.pts, frame.time_base = number * 2, Fraction(1)
            made.mux(stream.encode(frame))
        made.mux(stream.encode(None))
    assert [frame.at_ms for frame in FileVideo(path).pictures(0.0)] == [number * 2000 for number in range(20)]


def test_a_file_is_read_for_its_times_once_for_all_parts(restarted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads, measure = list[Path](), FileVideo.restarted_end_s

    def counted(video: FileVideo) -> float | None:
        reads.append(video.path)
        return measure(video)

    monkeypatch.setattr(FileVideo, "restarted_end_s", counted)
    assert [FileVideo(restarted).can_seek for _ in range(3)] == [False] * 3
    assert reads == [restarted]


@pytest.mark.parametrize("short_s", [1.0, 60.0])
def test_what_is_after_times_begin_again_is_scanned(
    restarted: Path, monkeypatch: pytest.MonkeyPatch, short_s: float
) -> None:
    monkeypatch.setattr("tawny.detection.scan.scan.SHORT_S", short_s)
    monkeypatch.setattr("tawny.detection.scan.scan.PART_S", 2.0)
    (part,) = parts(lambda: FileVideo(restarted), 3)
    result = scan_part(part, ScanOptions(MotionDetector), lambda _s: None, Flag())
    assert sorted(result.scores) == list(range(9))
    assert result.duration_s == pytest.approx(9.0, abs=0.25)


@pytest.mark.parametrize(("exact", "begin_s", "count"), [(False, 7.0, 20), (True, 7.5, 15)])
def test_a_part_is_copied_from_after_times_begin_again(
    restarted: Path, tmp_path: Path, exact: bool, begin_s: float, count: int
) -> None:
    out = tmp_path / "part.mp4"
    assert copy_part(restarted, out, 7.5, 9.5, exact=exact, keyframe_s=7.0) == pytest.approx(begin_s, abs=0.01)
    assert len([frame for frame in FileVideo(out).pictures() if frame.at_ms >= 0]) >= count


def test_a_file_with_an_index_is_not_read_to_learn_whether_it_can_be_sought(monkeypatch: pytest.MonkeyPatch) -> None:
    video = FileVideo(clip_file(SPEC))
    monkeypatch.setattr(video, "_packets", None)
    assert video.can_seek


def test_a_video_that_mp4_cannot_hold_is_no_disk_error(tmp_path: Path) -> None:
    raw, out = tmp_path / "clip.h264", tmp_path / "part.mp4"
    _rewrap(clip_file(ClipSpec(seconds=3, fps=10, gop_s=1)), raw)
    with pytest.raises(SourceError, match="MP4 can't hold its video"):
        copy_part(raw, out, 0, 1)


def test_a_source_that_cannot_be_read_is_no_disk_error_and_a_missing_folder_is(tmp_path: Path) -> None:
    with pytest.raises(SourceError):
        copy_part(tmp_path / "none.mp4", tmp_path / "part.mp4", 0, 1)
    with pytest.raises(FileNotFoundError):
        copy_part(clip_file(SPEC), tmp_path / "none" / "part.mp4", 0, 1)


@pytest.mark.parametrize("packed", ["yuyv422", "uyvy422"])
def test_packed_video_has_the_same_luma_as_planar(packed: str) -> None:
    planar = next(FileVideo(clip_file(SPEC)).pictures()).raw.reformat(format="yuv422p")
    luma = DecodedFrame(planar.reformat(format=packed), NO_CAMERA, 0).luma.astype(int)
    assert np.abs(luma - DecodedFrame(planar, NO_CAMERA, 0).luma).max() <= 1


@pytest.mark.parametrize("content", [b"", b"tawny"])
def test_a_tiny_file_is_no_video(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "tiny.mp4").write_bytes(content)
    with pytest.raises(SourceError):
        FileVideo(tmp_path / "tiny.mp4")


def _rewrap(source: Path, out: Path, later_s: float = 0.0) -> None:
    import av

    with av.open(str(source)) as one, av.open(str(out), "w") as two:
        stream = two.add_stream_from_template(one.streams.video[0])
        for packet in one.demux(one.streams.video[0]):
            if packet.dts is not None:
                assert packet.pts is not None
                assert packet.time_base is not None
                later = round(later_s / packet.time_base)
                packet.pts, packet.dts = packet.pts + later, packet.dts + later
                packet.stream = stream
                two.mux(packet)

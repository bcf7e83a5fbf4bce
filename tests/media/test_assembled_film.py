"""Clips of every kind that the recorder assembles: their frames are those of the recordings."""

from pathlib import Path

import pytest

from tawny.media.mp4.fragment_writer import Sample
from tawny.media.mp4.progressive import ClipSoundtrack, ProgressiveMp4, SegmentPart, cut_clip
from tawny.model.packets import VideoCodec
from tawny.sealed.assembled_film import check_frames
from tawny.sealed.broken import SealedFileBroken
from tests.media.clips import encoded
from tests.media.segments import AAC, ULAW
from tests.media.test_progressive import START_MS, segments, whole


def checked(mp4: ProgressiveMp4) -> None:
    parts = [("" if path is None else path.name, begin, size) for path, begin, size in mp4.origins]
    check_frames(whole(mp4), len(mp4.header), parts)


@pytest.mark.parametrize(
    ("codec", "params"), [("h264", "bframes=0"), ("h264", "bframes=2"), ("h265", "bframes=2:log-level=none")]
)
def test_a_clip_of_several_recordings_holds(tmp_path: Path, codec: VideoCodec, params: str) -> None:
    checked(ProgressiveMp4(cut_clip(segments(tmp_path, encoded(codec, frames=60, params=params, gop=15)))))


def test_a_clip_with_stored_sound_holds(tmp_path: Path) -> None:
    checked(ProgressiveMp4(cut_clip(segments(tmp_path, encoded("h264", frames=60, gop=15), audio=ULAW))))


def test_a_clip_with_encoded_sound_holds(tmp_path: Path) -> None:
    sound = ClipSoundtrack(AAC, [Sample(bytes([k]) * 10, k * 1024, 1024, False) for k in range(62)])
    checked(ProgressiveMp4(cut_clip(segments(tmp_path, encoded("h264", frames=60, gop=15), audio=ULAW)), sound))


@pytest.mark.parametrize(("codec", "params"), [("h264", "colormatrix=bt709"), ("h265", "cbqpoffs=3")])
def test_a_clip_with_other_parameter_sets_holds(tmp_path: Path, codec: VideoCodec, params: str) -> None:
    base = "bframes=0" if codec == "h264" else "bframes=0:log-level=none"
    first, then = encoded(codec, 15, params=base), encoded(codec, 15, params=f"{base}:{params}")
    pieces = segments(tmp_path, first) + segments(tmp_path, then)
    pieces[1] = SegmentPart(pieces[1].path, START_MS + 1000)
    mp4 = ProgressiveMp4(cut_clip(pieces))
    assert any(path is None for path, *_ in mp4.origins)
    checked(mp4)


def test_forged_bytes_in_the_place_of_parameter_sets_are_wrong(tmp_path: Path) -> None:
    mp4 = ProgressiveMp4(cut_clip(segments(tmp_path, encoded("h264", frames=15))))
    film, head = whole(mp4), len(mp4.header)
    (name, begin, size) = next((path.name, begin, size) for path, begin, size in mp4.origins if path)
    with pytest.raises(SealedFileBroken, match="frames that are of no recording"):
        check_frames(film, head, [("", 0, 100), (name, begin + 100, size - 100)])

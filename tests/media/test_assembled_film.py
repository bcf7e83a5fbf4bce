"""Clips of every kind that the recorder assembles: their frames are those of the recordings."""

from collections.abc import Sequence
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


def checked(
    mp4: ProgressiveMp4, film: bytes | None = None, parts: Sequence[tuple[Path | None, int, int]] | None = None
) -> None:
    """Verify a clip, or a film in its place, or one that says to be of these parts."""
    recordings = {path.name: path.read_bytes() for path, *_ in mp4.origins if path}
    of = [(path.name if path else "", begin, size) for path, begin, size in parts or mp4.origins]
    check_frames(film or whole(mp4), len(mp4.header), of, recordings.get)


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


OTHER_SETS = pytest.mark.parametrize(("codec", "params"), [("h264", "colormatrix=bt709"), ("h265", "cbqpoffs=3")])


def with_other_sets(folder: Path, codec: VideoCodec, params: str) -> ProgressiveMp4:
    """A clip with parameter sets before its keyframes."""
    base = "bframes=0" if codec == "h264" else "bframes=0:log-level=none"
    first, then = encoded(codec, 15, params=base), encoded(codec, 15, params=f"{base}:{params}")
    pieces = segments(folder, first) + segments(folder, then)
    pieces[1] = SegmentPart(pieces[1].path, START_MS + 1000)
    mp4 = ProgressiveMp4(cut_clip(pieces))
    assert mp4.origins[0][0] is None
    return mp4


@OTHER_SETS
def test_a_clip_with_other_parameter_sets_holds(tmp_path: Path, codec: VideoCodec, params: str) -> None:
    checked(with_other_sets(tmp_path, codec, params))


@OTHER_SETS
def test_a_picture_in_the_place_of_parameter_sets_is_wrong(tmp_path: Path, codec: VideoCodec, params: str) -> None:
    """Of the type that parameter sets have in the other codec."""
    mp4 = with_other_sets(tmp_path, codec, params)
    film = bytearray(whole(mp4))
    film[len(mp4.header) + 4] = {"h264": 0x65, "h265": 0x28}[codec]
    with pytest.raises(SealedFileBroken, match="frames that are of no recording"):
        checked(mp4, bytes(film))


def test_a_part_of_a_frame_behind_parameter_sets_is_wrong(tmp_path: Path) -> None:
    mp4 = with_other_sets(tmp_path, "h264", "colormatrix=bt709")
    (_, _, sets), (path, begin, size), *rest = mp4.origins
    film, at = bytearray(whole(mp4)), len(mp4.header) + sets
    film[at : at + 100] = b"\0\0\0\x60\x67" + bytes(95)
    parts = [(None, 0, sets + 100), (path, begin + 100, size - 100), *rest]
    with pytest.raises(SealedFileBroken, match="frames that are of no recording"):
        checked(mp4, bytes(film), parts)


def test_a_clip_of_another_codec_than_the_recordings_is_wrong(tmp_path: Path) -> None:
    mp4 = ProgressiveMp4(cut_clip(segments(tmp_path, encoded("h264", frames=15))))
    with pytest.raises(SealedFileBroken, match="isn't of the codec of the recordings"):
        checked(mp4, whole(mp4).replace(b"avc1", b"hvc1"))


def test_forged_bytes_before_a_frame_are_wrong(tmp_path: Path) -> None:
    mp4 = ProgressiveMp4(cut_clip(segments(tmp_path, encoded("h264", frames=15))))
    (path, begin, size), *rest = mp4.origins
    with pytest.raises(SealedFileBroken, match="frames that are of no recording"):
        checked(mp4, parts=[(None, 0, 100), (path, begin + 100, size - 100), *rest])

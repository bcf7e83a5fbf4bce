"""What nobody is to see is in no picture and no clip that is made of a recording."""

import io
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from tawny.model.errors import NotDone
from tawny.model.geometry import Polygon
from tawny.model.times import Span
from tawny.playback.clips import MOST_COVERED_S, ClipCache, ClipFile, ClipTooLongToMask
from tawny.playback.exports import ExportKind, ExportOptions, make_export
from tawny.playback.frame_reader import FrameReader, full_size
from tawny.playback.stills import StillReader
from tests.playback.archives import FPS, MAIN, PORCH, FakeArchive
from tests.playback.test_making import ZONE, Bench

T = 1_795_000_000_000
MUCH = 1 << 40
LEFT = Polygon.of([(0, 0), (0.5, 0), (0.5, 1), (0, 1)])


@pytest.fixture
def hidden(archive: FakeArchive) -> FakeArchive:
    """Bright pictures, whose left half is private."""
    archive.hidden = (LEFT,)
    archive.record(T, 8, audio="aac")
    archive.record(T + 8000, 8, audio="aac")
    return archive


def is_half(grey: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]") -> bool:
    """Dark on the left; as bright as it was, on the right."""
    wide = grey.shape[1]
    return bool(grey[:, : wide // 2 - 2].mean() < 10 and grey[:, wide // 2 + 4 :].mean() > 30)


def seen(jpeg: bytes) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    found = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert found is not None
    return np.asarray(found, np.uint8)


def test_pictures_of_the_past(hidden: FakeArchive) -> None:
    preview = StillReader(hidden).at(PORCH, T + 4500, 320)
    assert preview and is_half(seen(preview.jpeg))
    full = full_size(hidden, PORCH, T + 4500)
    assert full and is_half(seen(full[0]))
    frame = FrameReader(hidden, PORCH, MAIN).at(T + 4500)
    assert frame and is_half(frame.rgb[..., 0])


def test_a_preview_from_before_is_not_shown_any_more(hidden: FakeArchive) -> None:
    hidden.hidden = ()
    frames = StillReader(hidden)
    before = frames.at(PORCH, T + 4500, 320)
    hidden.hidden = (LEFT,)
    after = frames.at(PORCH, T + 4500, 320)
    assert before and not is_half(seen(before.jpeg))
    assert after and is_half(seen(after.jpeg))


def made(archive: FakeArchive, begin_s: float, end_s: float) -> ClipFile:
    span = Span(T + round(begin_s * 1000), T + round(end_s * 1000))
    clip = ClipCache(archive).clip(PORCH, MAIN, span, MUCH)
    assert clip
    return clip


def test_a_clip_is_as_long_as_ever_with_its_sound_over_files(hidden: FakeArchive) -> None:
    """Every picture of it, in its time."""
    clip = made(hidden, 4.5, 10.5)
    assert clip.start_ms == T + 4500
    with av.open(io.BytesIO(b"".join(clip.read(0, clip.size_bytes))), "r") as opened:
        frames = [frame for frame in opened.decode(video=0) if (frame.time or 0) >= 0]
    assert [round(frame.time or 0, 2) for frame in frames] == [n / FPS for n in range(6 * FPS)]
    bright = [frame for n, frame in enumerate(frames, round(4.5 * FPS)) if n % (8 * FPS) > 15]
    assert len(bright) > 40
    assert all(is_half(np.asarray(frame.to_ndarray(format="gray"), np.uint8)) for frame in bright)
    with av.open(io.BytesIO(b"".join(clip.read(0, clip.size_bytes))), "r") as opened:
        sound = opened.streams.audio[0]
        assert sound.duration is not None and sound.time_base is not None
        assert float(sound.duration * sound.time_base) == pytest.approx(6.0, abs=0.2)


def test_other_settings_make_another_clip(hidden: FakeArchive) -> None:
    clips, span = ClipCache(hidden), Span(T + 4000, T + 6000)
    covered = clips.clip(PORCH, MAIN, span, MUCH)
    hidden.hidden = ()
    plain = clips.clip(PORCH, MAIN, span, MUCH)
    assert covered and plain
    assert covered.etag != plain.etag


def test_one_that_would_take_too_long_is_refused_in_words(hidden: FakeArchive, tmp_path: Path) -> None:
    span = Span(T, T + round(MOST_COVERED_S * 1000) + 1)
    with pytest.raises(ClipTooLongToMask):
        ClipCache(hidden).clip(PORCH, MAIN, span, MUCH)
    with pytest.raises(NotDone, match="privacy masks"):
        make_export(
            hidden,
            ClipCache(hidden),
            ExportOptions(ExportKind.MP4, (PORCH,), span),
            ZONE,
            Bench(tmp_path / "out", tmp_path / "scratch"),
            MUCH,
        )

"""An exact clip begins and ends with the very pictures; only what stands before its first key picture is encoded anew.

Pictures show when they were taken; that is read back from what is decoded.
"""

import shutil
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from tawny.media.mp4.progressive import ProgressiveMp4, SegmentPart, cut_clip
from tawny.media.mp4.segment_reader import places, read_segment
from tawny.model.errors import SourceUnusable
from tawny.model.packets import VideoCodec
from tawny.model.times import Span
from tawny.playback.clips import ClipCache, ExactStart, begun_exactly
from tawny.testing.clips import COLUMNS, ROWS, ClipSpec, made_clip
from tests.media.clips import Unit
from tests.media.segments import written
from tests.playback.archives import MAIN, PORCH, FakeArchive

T = 1_795_000_000_000
FPS, GOP_S = 10, 2.0


def instant(picture: Any) -> int | None:
    """What it shows, in ms after T; None where it shows none. uint8 [height, width, 3]."""
    height, width = picture.shape[:2]
    rows = [int((row + 0.5) * height / ROWS) for row in range(ROWS)]
    columns = [int((column + 0.5) * width / COLUMNS) for column in range(COLUMNS)]
    bits = [picture[row, column].mean() > 128 for row in rows for column in columns]
    read = np.packbits(bits).tobytes()
    return int.from_bytes(read[:6], "big") - T if sum(read[:6]) & 255 == read[6] else None


def source(folder: Path, codec: VideoCodec = "h264", b_frames: int = 0) -> Path:
    """Eight seconds, a key picture every two."""
    clip = made_clip(ClipSpec(codec=codec, fps=FPS, seconds=8, gop_s=GOP_S, b_frames=b_frames, clock_ms=T))
    zero = min(packet.pts for packet in clip.packets)
    units = [Unit(packet.data, packet.pts - zero, packet.is_keyframe) for packet in clip.packets]
    path = folder / "source.mp4"
    path.write_bytes(written(clip.video, units, per_fragment=FPS, end={}))
    return path


def made(path: Path, begin_ms: int, end_ms: int | None, out: Path) -> ExactStart:
    with ExitStack() as held:
        begun = begun_exactly(SegmentPart(path, T, begin_ms * 90, None if end_ms is None else end_ms * 90), held)
        out.write_bytes(b"".join(ProgressiveMp4(cut_clip(begun.pieces)).read()))
    return begun


def seen(path: Path) -> list[tuple[float, int | None]]:
    """When each picture is shown, and what it shows."""
    with av.open(str(path)) as film:
        return [(round(one.time or 0, 2), instant(one.to_ndarray(format="rgb24"))) for one in film.decode(video=0)]


def samples(path: Path) -> int:
    with av.open(str(path), options={"ignore_editlist": "1"}) as film:
        return sum(1 for packet in film.demux(video=0) if packet.size)


@pytest.mark.parametrize(("codec", "b_frames"), [("h264", 0), ("h264", 2), ("h265", 0)])
def test_every_picture_is_the_one_of_its_time_and_only_the_first_ones_are_anew(
    tmp_path: Path, codec: VideoCodec, b_frames: int
) -> None:
    begun = made(source(tmp_path, codec, b_frames), 2_540, 6_500, tmp_path / "clip.mp4")
    assert (begun.anew, begun.is_exact) == (15, True)
    assert seen(tmp_path / "clip.mp4") == [(n / 10, 2_500 + 100 * n) for n in range(40)]
    needed_at_the_end = 1 if b_frames else 0
    assert samples(tmp_path / "clip.mp4") == 40 + needed_at_the_end, "nothing from before is in it"


def test_what_comes_after_is_byte_for_byte_what_the_camera_sent(tmp_path: Path) -> None:
    path = source(tmp_path)
    made(path, 2_500, 6_500, tmp_path / "clip.mp4")
    file = read_segment(path)
    data, film = path.read_bytes(), (tmp_path / "clip.mp4").read_bytes()
    stored = [data[place.offset : place.offset + place.size] for place in places(file, file.fragments)]
    assert [one in film for one in stored[40:65]] == [True] * 25
    assert [one in film for one in stored[20:40]] == [False] * 20


@pytest.mark.parametrize(("begin_ms", "anew"), [(2_000, 0), (0, 0), (1_900, 1), (2_100, 19), (7_000, 10)])
def test_it_costs_no_more_than_the_pictures_up_to_a_key_picture(tmp_path: Path, begin_ms: int, anew: int) -> None:
    begun = made(source(tmp_path), begin_ms, None, tmp_path / "clip.mp4")
    assert begun.anew == anew
    assert seen(tmp_path / "clip.mp4")[0] == (0, begin_ms)
    assert seen(tmp_path / "clip.mp4")[-1][1] == 7_900


def test_where_no_encoder_is_there_it_is_left_as_it_is_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise SourceUnusable("this computer", "no encoder")

    monkeypatch.setattr("tawny.media.codec.transcoder.Encoder", refuse)
    begun = made(source(tmp_path), 2_500, 6_500, tmp_path / "clip.mp4")
    assert (begun.anew, begun.is_exact) == (0, False)
    assert seen(tmp_path / "clip.mp4")[0] == (0, 2_500), "players that honour an edit list show the same"


def test_an_exact_clip_over_files_has_its_sound(archive: FakeArchive) -> None:
    archive.record(T, audio="aac")
    archive.record(T + 4000, audio="aac")
    clip = ClipCache(archive).clip(PORCH, MAIN, Span(T + 2_500, T + 6_000), 1 << 40, exact=True)
    assert clip
    assert (clip.start_ms, clip.anew, clip.is_exact) == (T + 2_500, 5, True)
    path = archive.root / "clip.mp4"
    path.write_bytes(b"".join(clip.read(0, clip.size_bytes)))
    with av.open(str(path)) as film:
        assert film.duration == pytest.approx(3.5 * av.time_base, rel=0.03)
        heard = [frame.time or 0 for frame in film.decode(audio=0)]
    assert heard[-1] == pytest.approx(3.4, abs=0.15)
    assert samples(path) == 35


def test_no_sound_is_repeated_where_the_copied_part_begins(archive: FakeArchive) -> None:
    archive.record(T, audio="aac")
    clip = ClipCache(archive).clip(PORCH, MAIN, Span(T + 2_500, T + 4_000), 1 << 40, exact=True)
    assert clip
    path = archive.root / "clip.mp4"
    path.write_bytes(b"".join(clip.read(0, clip.size_bytes)))
    with av.open(str(path)) as film:
        times = [packet.pts for packet in film.demux(audio=0) if packet.size and packet.pts is not None]
    assert times == list(range(times[0], times[-1] + 1, 1024))


_PLAYERS = {
    "ffmpeg": ["ffmpeg", "-v", "error", "-i", "{film}", "-fps_mode", "passthrough", "{out}/%04d.png"],
    "mpv": [
        *("mpv", "--no-config", "--really-quiet", "--vo=image", "--vo-image-outdir={out}"),
        *("--vo-image-format=png", "--ao=null", "--untimed", "{film}"),
    ],
    "gst-launch-1.0": [
        *("gst-launch-1.0", "-q", "filesrc", "location={film}", "!", "decodebin", "!", "videoconvert", "!"),
        *("pngenc", "!", "multifilesink", "location={out}/%05d.png"),
    ],
}


@pytest.mark.parametrize("player", [*_PLAYERS])
def test_players_show_it_from_its_first_picture_to_its_last(tmp_path: Path, player: str) -> None:
    """An edit list alone would not do: mpv does not honour it, and GStreamer ends too soon."""
    if shutil.which(player) is None:
        pytest.skip(f"{player} is not installed")
    made(source(tmp_path), 2_500, 6_500, tmp_path / "clip.mp4")
    out = tmp_path / "out"
    out.mkdir()
    words = [word.format(film=tmp_path / "clip.mp4", out=out) for word in _PLAYERS[player]]
    subprocess.run(words, check=True, timeout=60, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    shown = [instant(cv2.imread(str(path))) for path in sorted(out.iterdir())]
    assert shown == [2_500 + 100 * n for n in range(40)]

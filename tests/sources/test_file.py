"""Video files played as cameras, under a clock that only goes on where the source waits."""

from itertools import pairwise
from pathlib import Path

import pytest

from tawny.media.codec.nal import split_lengths
from tawny.model.errors import NoSuchDevice, SourceError, SourceFinished, SourceUnusable
from tawny.model.packets import VIDEO_RATE
from tawny.sources.file import FileSource
from tawny.sources.source import IdleUntil
from tawny.testing.clips import ClipSpec, clip_file, made_clip
from tawny.testing.clock import FakeClock
from tests.sources.reading import Read, opening, read_faked


def play(path: Path, *, most_s: float = 3600.0, **options: object) -> tuple[Read, float]:
    """What came out, and how long it took by the clock."""
    clock = FakeClock()
    begun_s = clock.mono_s()
    read = read_faked(FileSource().open(opening(f"file:{path}", clock, **options)), clock, most_s=most_s)
    return read, clock.mono_s() - begun_s


@pytest.mark.shows("DY2")
@pytest.mark.parametrize(
    "spec",
    [ClipSpec(), ClipSpec("h265", sound="aac"), ClipSpec(b_frames=2, sound="pcmu"), ClipSpec("h265", b_frames=2)],
    ids=["h264", "h265-aac", "h264-b-pcmu", "h265-b"],
)
def test_a_file_is_played_at_its_own_pace_to_its_end(spec: ClipSpec) -> None:
    read, took_s = play(clip_file(spec))
    assert isinstance(read.error, SourceFinished)
    assert read.error.exit_code == 0
    assert len(read.data()) == 60
    assert took_s == pytest.approx(4.0, abs=0.2)
    first = read.packets[0]
    assert first.is_keyframe
    assert first.is_video
    assert {packet.format.codec for packet in read.packets if packet.is_video} == {spec.codec}
    assert {packet.format.codec for packet in read.packets if not packet.is_video} == ({spec.sound} - {""})
    assert all(packet.pts >= 0 for packet in read.packets)
    assert all(split_lengths(data) for data in read.data())


def test_pictures_that_are_reordered_keep_their_times() -> None:
    read, _ = play(clip_file(ClipSpec(b_frames=2)))
    times = [packet.pts for packet in read.packets]
    assert times != sorted(times)
    assert sorted(times) == [times[0] + 6000 * n for n in range(60)]


def test_without_loop_it_ends_and_stays_ended() -> None:
    clock = FakeClock()
    connection = FileSource().open(opening(str(clip_file()), clock))
    read_faked(connection, clock)
    for _ in range(2):
        with pytest.raises(SourceFinished):
            connection.read()


@pytest.mark.parametrize("spec", [ClipSpec(), ClipSpec(b_frames=2, sound="aac"), ClipSpec("h265", sound="pcmu")])
def test_a_loop_goes_on_without_a_seam(spec: ClipSpec) -> None:
    read, _ = play(clip_file(spec), loop=True, most_s=13)
    assert read.error is None
    pictures = [packet for packet in read.packets if packet.is_video]
    assert len(pictures) > 180
    assert [p.data for p in pictures[60:120]] == [p.data for p in pictures[:60]]
    times = sorted(packet.pts for packet in pictures)
    steps = [later - earlier for earlier, later in pairwise(times)]
    assert min(steps) == 6000
    assert max(steps) < VIDEO_RATE / 2
    sound = [packet for packet in read.packets if not packet.is_video]
    assert all(b.pts > a.pts for a, b in pairwise(sound))


def test_reading_never_waits() -> None:
    clock = FakeClock()
    connection = FileSource().open(opening(str(clip_file()), clock))
    connection.read()
    got = connection.read()
    assert isinstance(got, IdleUntil)
    assert 0 < got.for_s <= 1 / 15 + 1e-6
    connection.close()


def test_a_reader_that_was_away_gets_all_that_fell_due() -> None:
    clock = FakeClock()
    connection = FileSource().open(opening(str(clip_file()), clock))
    connection.read()
    clock.advance(1.0)
    got = [connection.read() for _ in range(16)]
    assert [isinstance(one, IdleUntil) for one in got] == [False] * 15 + [True]
    connection.close()


def test_the_frame_rate_is_noted() -> None:
    connection = FileSource().open(opening(str(clip_file()), FakeClock()))
    assert connection.notes["fps"] == pytest.approx(15)
    connection.close()
    connection.close()
    assert connection.notes == {}


@pytest.mark.parametrize("name", ["missing.mp4", "folder.mp4"])
def test_what_is_not_there_is_an_error_with_a_code(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(NoSuchDevice) as missing:
        FileSource().open(opening(str(tmp_path / name), FakeClock()))
    assert missing.value.exit_code == 24
    assert name in str(missing.value)


@pytest.mark.parametrize(
    "content", [b"", b"not a film", b"\0" * 5000, b"#EXTM3U\n/etc/passwd\n", b"ffconcat version 1.0\nfile x\n"]
)
def test_what_is_no_video_is_unusable(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "odd.mp4"
    path.write_bytes(content)
    with pytest.raises(SourceUnusable):
        FileSource().open(opening(str(path), FakeClock()))


def test_a_file_that_is_cut_short_is_played_as_far_as_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "cut.h264"
    clip = made_clip(ClipSpec())
    nals = [*clip.video.parameter_sets, *(nal for packet in clip.packets for nal in split_lengths(packet.data))]
    stream = b"".join(b"\0\0\0\1" + nal for nal in nals)
    path.write_bytes(stream[: len(stream) // 2])
    read, _ = play(path)
    assert isinstance(read.error, SourceFinished)
    assert 20 < len(read.packets) < 40


def test_damage_inside_a_file_does_not_end_it(tmp_path: Path) -> None:
    data = bytearray(clip_file().read_bytes())
    at = data.index(b"mdat") + 100_000
    data[at : at + 3000] = bytes(3000)
    path = tmp_path / "damaged.mp4"
    path.write_bytes(data)
    read, _ = play(path)
    assert isinstance(read.error, SourceFinished)
    assert 40 < len(read.packets) <= 60


@pytest.mark.parametrize(
    ("address", "claimed"),
    [
        ("clip.mp4", True),
        ("/films/Clip.MKV", True),
        ("file:anything", True),
        ("file:///films/x.mp4", True),
        ("rtsp://cam/clip.mp4", False),
        ("http://cam/clip.mp4", False),
        ("/dev/video0", False),
        ("demo:", False),
        ("notes.txt", False),
    ],
)
def test_what_is_claimed(address: str, claimed: bool) -> None:
    assert FileSource().claims(address) is claimed


@pytest.mark.parametrize(("table", "says"), [({"loop": 1}, "loop"), ({"pace": 2}, "pace")])
def test_settings_that_cannot_be_are_named(table: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=f"{says}: (found .*|unknown key); allowed: "):
        FileSource().settings(table)


def test_opening_is_a_source_error_whatever_the_file_holds(tmp_path: Path) -> None:
    whole = clip_file().read_bytes()
    for cut in range(0, len(whole), len(whole) // 12):
        path = tmp_path / f"{cut}.mp4"
        path.write_bytes(whole[cut : cut + 40_000])
        try:
            connection = FileSource().open(opening(str(path), FakeClock()))
        except SourceError:
            continue
        read_faked(connection, FakeClock(), most_s=1)

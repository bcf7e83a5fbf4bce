"""What is made of the past is looked at, picture by picture. Picture n of a test's segment is as grey as 16 + 2 n."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import av
import cv2
import numpy as np
import pytest

from tawny.media.image.canvas import CLOCK_HEIGHT
from tawny.media.mp4.segment_reader import SegmentReader, StoredFragment, StoredSample, samples
from tawny.model.errors import NotDone, StorageError
from tawny.model.geometry import Polygon
from tawny.model.ids import CameraId
from tawny.model.segments import Gap, GapReason
from tawny.model.times import Span
from tawny.playback.clips import ClipCache
from tawny.playback.exports import ExportKind, ExportOptions, ExportResult, make_export
from tawny.playback.redaction_areas import Redaction
from tawny.playback.stamps import FrameStamps
from tests.playback.archives import MAIN, PORCH, SUB, FakeArchive
from tests.support.bad_sector import bad_sector, cut_off

T = 1_795_000_000_000
YARD = CameraId("yard")
ZONE = ZoneInfo("Europe/Berlin")


@dataclass
class Bench:
    out: Path
    scratch: Path
    parts: list[float] = field(default_factory=list)
    needed: int = 0

    def needs(self, size_bytes: int) -> None:
        self.needed = size_bytes

    def progress(self, part: float) -> None:
        self.parts.append(part)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "made", tmp_path / "scratch")


def made(archive: FakeArchive, bench: Bench, wish: ExportOptions) -> ExportResult:
    return make_export(archive, ClipCache(archive), wish, ZONE, bench, 1 << 40)


def wish(kind: ExportKind, seconds: float, *cameras: CameraId, speed: float | None = None) -> ExportOptions:
    return ExportOptions(kind, cameras or (PORCH,), Span(T, T + round(seconds * 1000)), speed)


def pictures(path: Path) -> Iterator[tuple[float, Any]]:
    """Each picture's time and its RGB."""
    with av.open(str(path)) as opened:
        for frame in opened.decode(opened.streams.video[0]):
            assert frame.time is not None
            yield frame.time, frame.to_ndarray(format="rgb24")


def grey_of(number: int) -> float:
    """What picture n looks like on a screen."""
    return ((16 + 2 * number % 220) - 16) * 255 / 219


def test_a_gif_lasts_as_long_as_its_time_over_a_gap(archive: FakeArchive, bench: Bench) -> None:
    for begin_ms in (T + 1000, T + 5000):
        archive.record(begin_ms, seconds=2, size=(320, 240))
    made(archive, bench, wish(ExportKind.GIF, 7))
    shown = list(pictures(bench.out))
    assert len(shown) == 30, "from its first image on"
    kept = {picture.tobytes() for time, picture in shown if 2.2 < time < 3.8}
    assert len(kept) == 1


@pytest.mark.parametrize("is_indexed", [True, False])
def test_a_clip_as_recorded_goes_on_without_what_is_deleted_while_it_is_copied(
    archive: FakeArchive, bench: Bench, is_indexed: bool
) -> None:
    files = [archive.record(T + 4000 * number, seconds=4) for number in range(3)]

    class Deletes(Bench):
        def needs(self, size_bytes: int) -> None:
            if archive.segment_path(files[1]).exists():
                archive.segment_path(files[1]).unlink()
                if not is_indexed:
                    archive.index.drop_segments([files[1]])

    done = made(archive, Deletes(bench.out, bench.scratch), wish(ExportKind.MP4, 12))
    lost = [(gap.begin_ms, gap.end_ms) for gap in done.unreadable]
    assert lost == [(T + 4000, T + 8000)]
    times = [time for time, _ in pictures(bench.out)]
    assert (times[0], round(times[-1])) == (0, 12)
    assert not any(4.1 < time < 7.9 for time in times)


def test_a_gif_is_small_and_has_few_colours_and_five_pictures_a_second(archive: FakeArchive, bench: Bench) -> None:
    archive.record(T, seconds=10, size=(640, 480))
    made(archive, bench, wish(ExportKind.GIF, 10))
    shown = list(pictures(bench.out))
    assert len(shown) == 50
    assert shown[-1][0] == pytest.approx(9.8)
    assert {picture.shape for _, picture in shown} == {(240, 320, 3)}
    assert max(len(np.unique(picture.astype(int) @ (1, 256, 65536))) for _, picture in shown) <= 32
    assert bench.out.stat().st_size < 3_000_000
    for number in (5, 25, 45):
        assert shown[number][1].mean() == pytest.approx(grey_of(2 * number), abs=8)


@pytest.mark.shows("RC15")
def test_a_sheet_has_a_tile_for_each_picture_in_rows(archive: FakeArchive, bench: Bench) -> None:
    archive.record(T, seconds=12, size=(640, 480))
    made(archive, bench, wish(ExportKind.SHEET, 12))
    sheet = cv2.imread(str(bench.out))
    assert sheet is not None
    assert sheet.shape == (2880, 3200, 3)
    for row, column in ((0, 0), (0, 9), (3, 4), (10, 9)):
        tile = sheet[row * 240 + 20 : row * 240 + 220, column * 320 + 20 : column * 320 + 300]
        assert tile.mean() == pytest.approx(grey_of(10 * row + column), abs=5)


def test_tiles_of_time_that_was_not_recorded_stay_dark(archive: FakeArchive, bench: Bench) -> None:
    archive.record(T, seconds=6, size=(640, 480))
    made(archive, bench, wish(ExportKind.SHEET, 12))
    sheet = cv2.imread(str(bench.out))
    assert sheet is not None
    assert sheet[1740:].mean() == pytest.approx(24, abs=2)


def test_a_time_lapse_is_as_much_faster_as_was_asked(archive: FakeArchive, bench: Bench) -> None:
    archive.record(T, seconds=10)
    made(archive, bench, wish(ExportKind.TIMELAPSE, 10, speed=5))
    shown = list(pictures(bench.out))
    assert shown[-1][0] == pytest.approx(2, abs=0.1)
    assert shown[-1][1].shape == (64 + CLOCK_HEIGHT, 96, 3)
    for number in (10, 25, 40):
        assert shown[number][1][:60].mean() == pytest.approx(grey_of(2 * number), abs=6)


def test_a_time_lapse_of_hours_becomes_a_minute_of_keyframes(archive: FakeArchive, bench: Bench) -> None:
    for second in range(0, 3000, 100):
        archive.record(T + second * 1000, seconds=10)
    result = made(archive, bench, wish(ExportKind.TIMELAPSE, 3000))
    times = [time for time, _ in pictures(bench.out)]
    assert result.speed == pytest.approx(5, abs=0.1)  # what was not recorded is left out, and doesn't count
    assert len(times) == pytest.approx(60 * 25, abs=31)


@pytest.mark.parametrize("speed", [2.0, None])
def test_the_length_of_a_time_lapse_counts_what_is_recorded(
    archive: FakeArchive, bench: Bench, speed: float | None
) -> None:
    archive.record(T, seconds=10)
    assert made(archive, bench, wish(ExportKind.TIMELAPSE, 80 * 86_400, speed=speed)).speed == 2


def test_cameras_side_by_side_show_the_same_instant_above_one_clock(archive: FakeArchive, bench: Bench) -> None:
    archive.record(T, seconds=6)
    archive.record(T + 2000, seconds=2, camera=YARD)
    made(archive, bench, wish(ExportKind.SIDE_BY_SIDE, 6, PORCH, YARD))
    shown = list(pictures(bench.out))
    assert shown[0][1].shape == (360 + CLOCK_HEIGHT, 1280, 3)
    at_3 = shown[45][1]
    assert at_3[100:260, 100:540].mean() == pytest.approx(grey_of(30), abs=5)
    assert at_3[100:260, 740:1180].mean() == pytest.approx(grey_of(10), abs=5)
    assert shown[75][1][100:260, 740:1180].mean() < 8  # the yard recorded nothing then
    assert (at_3[360:] > 200).any()
    clocks = [picture[360:].astype(int) for _, picture in (shown[45], shown[55], shown[75])]
    assert np.abs(clocks[0] - clocks[1]).max() < 60  # the same second
    assert np.abs(clocks[0] - clocks[2]).max() > 150


def test_each_reason_has_the_time_that_it_explains(archive: FakeArchive, bench: Bench) -> None:
    """A start of 2 s stood for the hour before it, of which nothing was known."""
    begin_ms = T - 3_600_000
    archive.record(T, seconds=3)
    archive.index.put_gap(Gap(PORCH, T - 42_000, T - 2000, GapReason.UNREACHABLE))
    archive.index.put_gap(Gap(PORCH, T - 2000, T, GapReason.RECORDER_OFF, "starting"))
    archive.index.put_gap(Gap(PORCH, T - 5000, T - 3000, GapReason.UNREACHABLE))
    done = made(archive, bench, ExportOptions(ExportKind.MP4, (PORCH,), Span(begin_ms, T + 3000)))
    assert done.problem.split(". ") == [
        "The clip lacks 40 seconds of the chosen time (Camera offline)",
        "The clip lacks 2 seconds of the chosen time (Starting)",
        "The clip lacks 59.3 minutes of the chosen time (there is no recording, and no gap was noted).",
    ]


def test_what_one_of_several_cameras_lacks_is_said_of_one(archive: FakeArchive, bench: Bench) -> None:
    archive.record(T, seconds=6)
    archive.record(T + 2000, seconds=2, camera=YARD)
    archive.index.put_gap(Gap(YARD, T + 4000, T + 8000, GapReason.RECORDER_OFF, "power cut"))
    archive.index.put_gap(Gap(PORCH, T + 6000, T + 8000, GapReason.RECORDER_OFF, "power cut"))
    one = "For 1 of 2 cameras, the clip lacks {} seconds of the chosen time ({})."
    done = made(archive, bench, wish(ExportKind.SIDE_BY_SIDE, 6, PORCH, YARD))
    off, unknown = "tawny wasn't running: power cut", "there is no recording, and no gap was noted"
    assert done.problem == f"{one.format(2, off)} {one.format(2, unknown)}"
    done = made(archive, bench, wish(ExportKind.SIDE_BY_SIDE, 9, PORCH, YARD))
    assert done.problem.startswith(f"{one.format(2, off)} {one.format(4, off)}")


def test_a_clip_is_the_file_that_is_also_downloaded(archive: FakeArchive, bench: Bench) -> None:
    archive.record(T, seconds=4)
    result = made(archive, bench, wish(ExportKind.MP4, 4))
    assert result.start_ms == T
    assert bench.needed == bench.out.stat().st_size
    assert len(list(pictures(bench.out))) == 40
    assert bench.parts[-1] == 1.0


def test_a_gif_keeps_its_size_when_that_of_the_image_changes(archive: FakeArchive, bench: Bench) -> None:
    archive.record(T + 1000, seconds=3, size=(320, 180))
    archive.record(T + 4000, seconds=4, size=(320, 240))
    result = made(archive, bench, wish(ExportKind.GIF, 8))
    assert result.start_ms == T + 1000
    shown = list(pictures(bench.out))
    assert len(shown) == 35
    late = shown[25][1]
    assert late.shape == (180, 320, 3)
    assert late[:, 60:260].mean() == pytest.approx(grey_of(20), abs=8)
    assert late[:, :30].mean() < 8, "the higher image is fitted into the lower one"


def stamps(_camera: CameraId, _span: Span) -> FrameStamps:
    return FrameStamps("Porch", ZONE, (), (), only_boxes=True)


HOW = {
    "as recorded": ExportOptions(ExportKind.MP4, (PORCH,), Span(T, T + 12_000)),
    "stamped": ExportOptions(ExportKind.MP4, (PORCH,), Span(T, T + 12_000), stamp=stamps),
    "redacted": ExportOptions(
        ExportKind.MP4,
        (PORCH,),
        Span(T, T + 12_000),
        redaction=Redaction((Polygon.of([(0, 0), (0.2, 0), (0.2, 0.2)]),)),
    ),
}


@pytest.mark.parametrize("how", HOW)
def test_a_clip_tells_that_it_ends_with_the_format(archive: FakeArchive, bench: Bench, how: str) -> None:
    archive.record(T + 1000, seconds=4)
    archive.record(T + 5000, seconds=4, size=(128, 80))
    result = made(archive, bench, HOW[how])
    assert (result.start_ms, result.cut_at_ms) == (T + 1000, T + 5000)


@pytest.mark.parametrize("how", HOW)
def test_a_clip_leaves_out_what_cannot_be_read_and_tells(
    archive: FakeArchive, bench: Bench, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    files = [archive.record(T + 4000 * number) for number in range(3)]
    bad_sector(monkeypatch, archive.segment_path(files[1]))
    result = made(archive, bench, HOW[how])
    assert [gap.span(0) for gap in result.unreadable] == [files[1].span]
    assert len(list(pictures(bench.out))) == 80


@pytest.mark.parametrize("how", HOW)
def test_a_clip_tells_that_the_end_of_a_file_is_missing(archive: FakeArchive, bench: Bench, how: str) -> None:
    files = [archive.record(T + 4000 * number) for number in range(3)]
    cut_off(archive.segment_path(files[1]), 1)
    result = made(archive, bench, HOW[how])
    assert [gap.span(0) for gap in result.unreadable] == [Span(T + 5000, T + 8000)]
    assert len(list(pictures(bench.out))) == 90


@pytest.mark.parametrize("how", HOW)
def test_a_clip_tells_what_only_the_other_stream_has(archive: FakeArchive, bench: Bench, how: str) -> None:
    archive.record(T)
    for second in (0, 4, 8):
        archive.record(T + second * 1000, stream=SUB)
    assert made(archive, bench, HOW[how]).elsewhere == (Span(T + 4000, T + 12_000),)


@pytest.mark.parametrize("how", ["redacted", "muted and stamped"])
def test_a_clip_without_sound_goes_on_where_only_the_sound_changes(
    archive: FakeArchive, bench: Bench, how: str
) -> None:
    archive.record(T, audio="aac")
    archive.record(T + 4000, audio="pcmu")
    result = made(archive, bench, HOW[how] if how in HOW else replace(HOW["stamped"], with_sound=False))
    assert result.cut_at_ms is None
    assert len(list(pictures(bench.out))) == 80


@pytest.mark.parametrize("kind", [ExportKind.GIF, ExportKind.TIMELAPSE, ExportKind.SHEET])
def test_images_come_from_the_other_stream_where_one_cannot_be_read(
    archive: FakeArchive, bench: Bench, monkeypatch: pytest.MonkeyPatch, kind: ExportKind
) -> None:
    for stream in (MAIN, SUB):
        files = [archive.record(T + 4000 * number, stream=stream) for number in range(3)]
        if (stream is MAIN) is (kind is ExportKind.TIMELAPSE):
            bad_sector(monkeypatch, archive.segment_path(files[1]))
    result = made(archive, bench, wish(kind, 12, speed=2 if kind is ExportKind.TIMELAPSE else None))
    assert result.unreadable == ()
    count = {ExportKind.GIF: 60, ExportKind.TIMELAPSE: 150, ExportKind.SHEET: 1}[kind]
    assert len(list(pictures(bench.out))) == count


@pytest.mark.parametrize("kind", [ExportKind.GIF, ExportKind.TIMELAPSE, ExportKind.SHEET])
def test_images_tell_what_cannot_be_read(
    archive: FakeArchive, bench: Bench, monkeypatch: pytest.MonkeyPatch, kind: ExportKind
) -> None:
    files = [archive.record(T + 4000 * number) for number in range(3)]
    bad_sector(monkeypatch, archive.segment_path(files[1]))
    asked = wish(kind, 12, speed=2 if kind is ExportKind.TIMELAPSE else None)
    gap = Gap(PORCH, T + 4000, T + 8000, GapReason.DISK_ERROR, "Input/output error")
    assert made(archive, bench, asked).unreadable == (gap,)
    for one in (files[0], files[2]):
        bad_sector(monkeypatch, archive.segment_path(one))
    with pytest.raises(StorageError, match="Input/output error"):
        made(archive, bench, asked)


@pytest.mark.parametrize("kind", [ExportKind.GIF, ExportKind.TIMELAPSE, ExportKind.SHEET])
def test_images_tell_that_the_end_of_a_file_is_missing(archive: FakeArchive, bench: Bench, kind: ExportKind) -> None:
    files = [archive.record(T + 4000 * number) for number in range(3)]
    cut_off(archive.segment_path(files[1]), 1)
    result = made(archive, bench, wish(kind, 12, speed=2 if kind is ExportKind.TIMELAPSE else None))
    (gap,) = result.unreadable
    assert gap.begin_ms == pytest.approx(T + 5000, abs=100)
    assert gap.end_ms == T + 8000


def test_images_go_on_at_the_next_keyframe_after_a_bad_sector(
    archive: FakeArchive, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive.record(T)

    def reading(file: SegmentReader, fragments: Iterable[StoredFragment]) -> Iterator[StoredSample]:
        for one in fragments:
            if one is file.fragments[1]:
                raise StorageError(str(file.path), "bad sector")
            yield from samples(file, [one])

    monkeypatch.setattr("tawny.playback.frame_reader.samples", reading)
    result = made(archive, bench, wish(ExportKind.TIMELAPSE, 4, speed=2))
    assert [gap.end_ms for gap in result.unreadable][-1:] == [T + 2000]
    assert len(list(pictures(bench.out))) == pytest.approx(3 * 25 / 2, abs=3)


@pytest.mark.parametrize("how", [name for name in HOW if name != "as recorded"])
def test_the_error_of_the_only_file_is_told(
    archive: FakeArchive, bench: Bench, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    bad_sector(monkeypatch, archive.segment_path(archive.record(T)))
    with pytest.raises(StorageError, match="Input/output error"):
        made(archive, bench, HOW[how])


def test_a_full_disk_is_not_taken_for_a_file_that_cannot_be_read(archive: FakeArchive, tmp_path: Path) -> None:
    class Full(Bench):
        def progress(self, part: float) -> None:
            raise StorageError("clips", "no room")

    archive.record(T)
    with pytest.raises(StorageError, match="no room"):
        made(archive, Full(tmp_path / "made", tmp_path / "scratch"), HOW["stamped"])


@pytest.mark.parametrize("kind", [ExportKind.MP4, ExportKind.GIF, ExportKind.TIMELAPSE, ExportKind.SHEET])
def test_of_nothing_nothing_is_made(archive: FakeArchive, bench: Bench, kind: ExportKind) -> None:
    with pytest.raises(NotDone, match="There is no video in this time"):
        made(archive, bench, wish(kind, 10))


@pytest.mark.parametrize(
    "asked",
    [
        wish(ExportKind.GIF, 31),
        wish(ExportKind.SIDE_BY_SIDE, 5),
        wish(ExportKind.SIDE_BY_SIDE, 601, PORCH, YARD),
        wish(ExportKind.TIMELAPSE, 3600, speed=1),
        wish(ExportKind.MP4, 5, PORCH, YARD),
        wish(ExportKind.MP4, 0),
    ],
)
def test_too_much_is_refused_before_it_begins(archive: FakeArchive, bench: Bench, asked: ExportOptions) -> None:
    with pytest.raises(NotDone):
        made(archive, bench, asked)
    assert not bench.parts


def test_a_time_lapse_that_would_be_too_long_is_refused(
    archive: FakeArchive, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tawny.playback.exports.MOST_LAPSE_S", 4.0)
    archive.record(T, seconds=10)
    with pytest.raises(NotDone, match="longer than 10 min"):
        made(archive, bench, wish(ExportKind.TIMELAPSE, 10, speed=2))
    assert not bench.parts


class Enough(Exception):
    pass


class Impatient(Bench):
    def progress(self, part: float) -> None:
        if part > 0.3:
            raise Enough


def test_who_waits_can_end_it(archive: FakeArchive, tmp_path: Path) -> None:
    archive.record(T, seconds=10)
    with pytest.raises(Enough):
        made(archive, Impatient(tmp_path / "made", tmp_path / "scratch"), wish(ExportKind.SIDE_BY_SIDE, 5, PORCH, YARD))

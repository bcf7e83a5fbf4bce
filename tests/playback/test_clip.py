import errno
import io
import itertools
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import av
import pytest

from tawny.media.mp4.segment_reader import places, read_segment
from tawny.model.errors import StorageError, TooManyFiles
from tawny.model.geometry import Polygon
from tawny.model.segments import Gap, GapReason
from tawny.model.times import Span, utc_text
from tawny.playback.clips import ClipCache, ClipFile, ClipTooLarge
from tawny.playback.recordings import in_run_order
from tawny.playback.stills import ClipSheetHeader, clip_sheet
from tests.playback.archives import FPS, MAIN, PORCH, SUB, FakeArchive
from tests.support.bad_sector import bad_sector, cut_off

T = 1_795_000_000_000
MUCH = 1 << 40


def clip(archive: FakeArchive, begin_s: float, end_s: float, stream: object = MAIN) -> ClipFile | None:
    span = Span(T + round(begin_s * 1000), T + round(end_s * 1000))
    return ClipCache(archive).clip(PORCH, MAIN if stream is MAIN else SUB, span, MUCH)


def data(made: ClipFile | None) -> bytes:
    assert made
    return b"".join(made.read(0, made.size_bytes))


def shown(file: bytes, kind: str = "video") -> list[float]:
    with av.open(io.BytesIO(file), "r") as opened:
        frames = opened.decode(opened.streams.video[0]) if kind == "video" else opened.decode(opened.streams.audio[0])
        return [round(frame.time, 3) for frame in frames if frame.time is not None]


def test_a_clip_is_an_ordinary_file_with_its_header_in_front(archive: FakeArchive) -> None:
    archive.record(T)
    file = data(clip(archive, 0, 4))
    assert file.index(b"moov") < file.index(b"mdat")
    assert b"moof" not in file
    assert shown(file) == [n / FPS for n in range(4 * FPS)]


def test_a_clip_is_made_of_a_file_that_has_its_new_name_before_the_index_knows_it(archive: FakeArchive) -> None:
    archive.rename(archive.record(T, is_open=True))
    assert shown(data(clip(archive, 0, 4))) == [n / FPS for n in range(4 * FPS)]


def test_a_clip_over_segments_is_without_a_seam(archive: FakeArchive) -> None:
    archive.record(T)
    archive.record(T + 4000)
    made = clip(archive, 2.5, 6)
    assert made
    assert made.start_ms == T + 2500
    times = shown(data(made))
    assert times[-1] == pytest.approx(3.4, abs=0.11)
    assert max(b - a for a, b in itertools.pairwise(times)) < 0.11


def test_a_clip_with_what_is_being_written_outlives_its_renaming(archive: FakeArchive) -> None:
    archive.record(T)
    still_open = archive.record(T + 4000, is_open=True)
    made = clip(archive, 0, 8)
    archive.close(still_open)
    assert len(shown(data(made))) == 8 * FPS


@pytest.mark.parametrize("audio", ["aac", "pcmu"])
def test_a_clip_has_its_sound(archive: FakeArchive, audio: object) -> None:
    archive.record(T, audio="aac" if audio == "aac" else "pcmu")
    heard = shown(data(clip(archive, 1, 3)), "audio")
    assert heard[-1] - heard[0] == pytest.approx(2, abs=0.3)


def test_g711_in_a_long_clip_is_left_out(archive: FakeArchive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tawny.playback.clips.MOST_SOUND_S", 1.0)
    archive.record(T, audio="pcmu")
    made = clip(archive, 0, 3)
    with av.open(io.BytesIO(data(made)), "r") as opened:
        assert [stream.type for stream in opened.streams] == ["video"]
    assert made
    assert made.is_mute
    about = ClipSheetHeader("clip.mp4", PORCH, "Porch", "pi", "Anna", ZoneInfo("UTC"), T)
    assert "Without sound" in clip_sheet(archive, made, made.span, about)
    assert not ClipCache(archive).clip(PORCH, MAIN, Span(T, T + 1000), MUCH).is_mute  # type: ignore[union-attr]


def test_a_part_is_the_part(archive: FakeArchive) -> None:
    archive.record(T)
    made = clip(archive, 0, 4)
    assert made
    whole = data(made)
    assert b"".join(made.read(100, 2000)) == whole[100:2000]


def test_where_the_large_stream_has_nothing_the_small_one_is_cut(archive: FakeArchive) -> None:
    archive.record(T, stream=SUB)
    assert clip(archive, 0, 2)


def test_where_nothing_was_recorded_there_is_no_clip(archive: FakeArchive) -> None:
    archive.record(T)
    assert clip(archive, 10, 20) is None


def test_where_the_picture_becomes_another_the_clip_ends_and_says_so(archive: FakeArchive) -> None:
    archive.record(T)
    archive.record(T + 4000, size=(128, 80))
    made = clip(archive, 0, 8)
    assert made
    assert made.cut_at_ms == T + 4000
    assert len(shown(data(made))) == 4 * FPS


def test_of_formats_that_both_began_before_the_span_each_is_cut_there(archive: FakeArchive) -> None:
    archive.record(T)
    archive.record(T + 2000, size=(128, 80))
    found = list(ClipCache(archive).each(PORCH, MAIN, Span(T + 3000, T + 6000), MUCH))
    assert [(made.start_ms - T, len(shown(data(made)))) for made in found] == [(3000, FPS), (3000, 3 * FPS)]


@pytest.mark.parametrize("bad_at", [0, 1, 2])
@pytest.mark.parametrize("more", ["as recorded", "exact", "masked"])
def test_a_file_that_cannot_be_read_is_left_out_and_named(
    archive: FakeArchive, monkeypatch: pytest.MonkeyPatch, bad_at: int, more: str
) -> None:
    files = [archive.record(T + 4000 * number) for number in range(3)]
    if more == "masked":
        archive.hidden = (Polygon.of([(0, 0), (0.5, 0), (0.5, 1)]),)
    bad_sector(monkeypatch, archive.segment_path(files[bad_at]))
    span = Span(T + 500, T + 12_000)
    made = ClipCache(archive).clip(PORCH, MAIN, span, MUCH, exact=more == "exact")
    assert made
    begin_ms = max(span.begin_ms, files[bad_at].start_ms)
    gap = Gap(PORCH, begin_ms, files[bad_at].end_ms, GapReason.DISK_ERROR, "Input/output error")
    assert made.unreadable == (gap,)
    assert len(shown(data(made))) == round((span.seconds - gap.span(0).seconds) * FPS)
    about = ClipSheetHeader("clip.mp4", PORCH, "Porch", "pi", "Anna", ZoneInfo("UTC"), T)
    assert f"({utc_text(gap.begin_ms)}) to " in clip_sheet(archive, made, span, about)


@pytest.mark.parametrize("bad_at", [0, 1, 2])
@pytest.mark.parametrize("more", ["as recorded", "exact", "masked"])
def test_the_missing_end_of_a_file_is_named(archive: FakeArchive, bad_at: int, more: str) -> None:
    files = [archive.record(T + 4000 * number) for number in range(3)]
    if more == "masked":
        archive.hidden = (Polygon.of([(0, 0), (0.5, 0), (0.5, 1)]),)
    cut_off(archive.segment_path(files[bad_at]), 1)
    span = Span(T + 500, T + 11_500)
    made = ClipCache(archive).clip(PORCH, MAIN, span, MUCH, exact=more == "exact")
    assert made
    end_ms = min(files[bad_at].end_ms, span.end_ms)
    gap = Gap(PORCH, files[bad_at].start_ms + 1000, end_ms, GapReason.DISK_ERROR, "its end is missing")
    assert made.unreadable == (gap,)
    assert len(shown(data(made))) == round((span.seconds - gap.span(0).seconds) * FPS)


@pytest.mark.parametrize("exact", [True, False])
def test_time_of_which_only_the_end_of_a_file_is_missing_has_no_image_from_before(
    archive: FakeArchive, exact: bool
) -> None:
    cut_off(archive.segment_path(archive.record(T)), 1)
    with pytest.raises(StorageError, match="its end is missing"):
        ClipCache(archive).clip(PORCH, MAIN, Span(T + 2500, T + 3500), MUCH, exact=exact)


def test_a_closed_file_whose_last_image_stands_lacks_nothing(archive: FakeArchive) -> None:
    """The next image came late, so that the file ends before the time in its name."""
    archive.index.add_segment(replace(archive.record(T), end_ms=T + 9000))
    made = clip(archive, 0, 9)
    assert made
    assert made.unreadable == ()


def test_a_part_that_cannot_be_read_is_told_after_the_others(archive: FakeArchive) -> None:
    cut_off(archive.segment_path(archive.record(T)), 1)
    archive.record(T + 4000)
    parts = [Span(T + at, T + at + 2000) for at in range(0, 8000, 2000)]
    found = ClipCache(archive).of_parts(PORCH, MAIN, parts, MUCH)
    assert [next(found)[0] for _ in range(3)] == [parts[0], *parts[2:]]
    with pytest.raises(StorageError, match="its end is missing"):
        next(found)


def test_sound_that_cannot_be_read_is_silent_and_ends_no_clip(
    archive: FakeArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = archive.segment_path(archive.record(T, audio="pcmu"))
    file = read_segment(path)
    bad = [place for place in places(file, file.fragments[1:2]) if not place.is_video][-1]
    bad_sector(monkeypatch, path, within=(bad.offset, bad.offset + 1))
    made = data(clip(archive, 0, 4))
    assert len(shown(made)) == 4 * FPS
    heard = shown(made, "audio")
    assert max(b - a for a, b in itertools.pairwise(heard)) == pytest.approx(1, abs=0.2)
    assert heard[-1] == pytest.approx(4, abs=0.2)


def test_the_error_of_the_only_file_of_a_clip_is_told(archive: FakeArchive, monkeypatch: pytest.MonkeyPatch) -> None:
    bad_sector(monkeypatch, archive.segment_path(archive.record(T)))
    with pytest.raises(StorageError, match="Input/output error"):
        clip(archive, 0, 4)


def test_a_clip_is_not_made_in_part_because_too_many_files_are_open(
    archive: FakeArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive.record(T)
    bad_sector(monkeypatch, archive.segment_path(archive.record(T + 4000)), errno.EMFILE)
    with pytest.raises(TooManyFiles):
        clip(archive, 0, 8)


def subs_around_a_main(archive: FakeArchive) -> Span:
    """The small stream all the time, the large one only in the middle. Return the whole time."""
    for second in range(0, 20, 4):
        archive.record(T + second * 1000, stream=SUB)
    archive.record(T + 8000)
    return Span(T, T + 20_000)


def test_time_that_only_the_other_stream_has_is_named_and_cut_from_that(archive: FakeArchive) -> None:
    span = subs_around_a_main(archive)
    made = ClipCache(archive).clip(PORCH, MAIN, span, MUCH)
    assert made
    assert made.elsewhere == (Span(T, T + 8000), Span(T + 12_000, T + 20_000))
    clips = ClipCache(archive).each(PORCH, MAIN, span, MUCH)
    found = [(one.stream, one.start_ms - T, len(shown(data(one)))) for one in clips]
    assert found == [(MAIN, 8000, 4 * FPS), (SUB, 0, 8 * FPS), (SUB, 12_000, 8 * FPS)]
    about = ClipSheetHeader("clip.mp4", PORCH, "Porch", "pi", "Anna", ZoneInfo("UTC"), T)
    sheet = clip_sheet(archive, made, span, about)
    assert "Recorded only in the sub stream, so not in this file" in sheet
    assert "Nothing is missing" not in sheet


@pytest.mark.parametrize("has_gap", [True, False])
def test_what_is_missing_before_the_clip_begins_is_in_its_sheet(archive: FakeArchive, has_gap: bool) -> None:
    """With the gap that explains it, or as it is not known, such as before the first recording."""
    archive.record(T)
    span = Span(T - 10_000, T + 4000)
    if has_gap:
        archive.index.put_gap(Gap(PORCH, T - 60_000, T, GapReason.PRIVACY))
    made = ClipCache(archive).clip(PORCH, MAIN, span, MUCH)
    assert made
    about = ClipSheetHeader("clip.mp4", PORCH, "Porch", "pi", "Anna", ZoneInfo("UTC"), T)
    sheet = clip_sheet(archive, made, span, about)
    assert "Nothing is missing" not in sheet
    assert ("Paused for privacy" in sheet) == has_gap
    assert ("there is no recording, and no gap was noted" in sheet) == (not has_gap)


def test_a_short_difference_of_the_streams_is_not_worth_a_file(archive: FakeArchive) -> None:
    archive.record(T)
    archive.record(T - 900, stream=SUB)
    made = ClipCache(archive).clip(PORCH, MAIN, Span(T - 1000, T + 4000), MUCH)
    assert made
    assert made.elsewhere == ()


@pytest.mark.parametrize("bad", [1, 3])
def test_what_cannot_be_read_is_cut_from_the_other_stream(
    archive: FakeArchive, monkeypatch: pytest.MonkeyPatch, bad: int
) -> None:
    """Also if nothing of the large stream can be read."""
    files = [archive.record(T + 4000 * number) for number in range(3)]
    for number in range(3):
        archive.record(T + 4000 * number, stream=SUB)
    for one in files if bad == 3 else files[1:2]:
        bad_sector(monkeypatch, archive.segment_path(one))
    found = list(ClipCache(archive).each(PORCH, MAIN, Span(T, T + 12_000), MUCH))
    lengths = [(one.stream, len(shown(data(one)))) for one in found]
    assert lengths == ([(SUB, 12 * FPS)] if bad == 3 else [(MAIN, 8 * FPS), (SUB, 4 * FPS)])


def test_a_cut_clip_says_so_in_its_sheet(archive: FakeArchive) -> None:
    archive.record(T)
    archive.record(T + 4000, size=(128, 80))
    made, about = clip(archive, 0, 8), ClipSheetHeader("clip.mp4", PORCH, "Porch", "pi", "Anna", ZoneInfo("UTC"), T)
    assert made
    sheet = clip_sheet(archive, made, Span(T, T + 8000), about)
    assert "Not in this file, because the video format changed" in sheet
    assert f"({utc_text(T + 4000)}) to " in sheet
    assert "Nothing is missing" not in sheet


def test_too_large_a_clip_is_refused(archive: FakeArchive) -> None:
    archive.record(T)
    with pytest.raises(ClipTooLarge):
        ClipCache(archive).clip(PORCH, MAIN, Span(T, T + 4000), most_bytes=100)


def test_the_same_clip_has_the_same_name_and_another_has_another(archive: FakeArchive) -> None:
    archive.record(T)
    tags = [made.etag if (made := clip(archive, 0, end_s)) else "" for end_s in (3, 3, 4)]
    assert tags[0] == tags[1] != tags[2]


def test_a_clip_that_is_asked_for_again_is_not_cut_again(archive: FakeArchive) -> None:
    archive.record(T)
    clips = ClipCache(archive)
    first, second = (clips.clip(PORCH, MAIN, Span(T, T + 3000), MUCH) for _ in range(2))
    assert first is second


def test_a_clip_goes_on_after_its_recording_was_moved(archive: FakeArchive, tmp_path: Path) -> None:
    stored = archive.record(T)
    clips = ClipCache(archive)
    first = clips.clip(PORCH, MAIN, Span(T, T + 3000), MUCH)
    assert first
    whole, path, archive.root = data(first), archive.segment_path(stored), tmp_path / "archive"
    archive.root.mkdir()
    path.rename(archive.segment_path(stored))
    again = clips.clip(PORCH, MAIN, Span(T, T + 3000), MUCH)
    assert again
    assert (again.etag, data(again)) == (first.etag, whole)


def test_sound_that_is_off_for_longer_than_a_file_can_say_begins_another_file(
    archive: FakeArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tawny.media.mp4.progressive._MOST_32", 125 * 16_000)
    for second in range(0, 160, 20):
        archive.record(T + second * 1000, audio="aac" if second in (0, 140) else "")
    found = list(ClipCache(archive).each(PORCH, MAIN, Span(T, T + 160_000), MUCH))
    assert [(made.start_ms - T, len(shown(data(made)))) for made in found] == [(0, 28 * FPS), (140_000, 4 * FPS)]


def test_a_clip_without_sound_goes_on_where_only_the_sound_changes(archive: FakeArchive) -> None:
    archive.record(T, audio="aac")
    archive.record(T + 4000, audio="pcmu")
    loud, silent = (
        ClipCache(archive).clip(PORCH, MAIN, Span(T, T + 8000), MUCH, with_sound=sound) for sound in (True, False)
    )
    assert loud and silent
    assert (loud.cut_at_ms, silent.cut_at_ms) == (T + 4000, None)
    assert len(shown(data(silent))) == 8 * FPS


@pytest.mark.parametrize("more", [0, 1])
@pytest.mark.parametrize("behind_ms", [4020, 5500, 7990])
def test_where_the_clock_was_set_back_one_run_follows_the_other(
    archive: FakeArchive, more: int, behind_ms: int
) -> None:
    """Also where the format changes with the run."""
    for number in range(3):
        archive.record(T + number * 4000, run="before")
        archive.record(T + behind_ms + number * 4000, run="after", size=(128, 80) if more else None)
    clips = list(ClipCache(archive).each(PORCH, MAIN, Span(T, T + 20_000), MUCH))
    assert [len(shown(data(made))) for made in clips] == ([12 * FPS] * 2 if more else [24 * FPS])
    order = [path.name for path, _, _ in clips[0].file.origins if path]
    starts_ms = [int(name.split("-")[1].split(".")[0]) - T for name in dict.fromkeys(order)]
    assert starts_ms == [0, 4000, 8000] + ([] if more else [behind_ms, behind_ms + 4000, behind_ms + 8000])


def test_where_the_format_changed_before_the_clock_was_set_back_nothing_is_lost(archive: FakeArchive) -> None:
    for number in range(3):
        archive.record(T + number * 4000, run="before", size=(128, 80) if number == 2 else None)
    for number in range(2):
        archive.record(T + 5500 + number * 4000, run="after", size=(128, 80))
    clips = list(ClipCache(archive).each(PORCH, MAIN, Span(T, T + 20_000), MUCH))
    assert [len(shown(data(made))) for made in clips] == [8 * FPS, 12 * FPS]
    assert (clips[0].cut_at_ms, clips[0].rest_from_ms) == (T + 8000, T + 5500)


@pytest.mark.parametrize(
    "runs",
    [
        [("a", 0), ("a", 4000), ("b", 7900), ("b", 11_900)],  # a reconnection
        [("a", 0), ("card", 3000), ("a", 6500), ("a", 10_500)],  # a gap that was filled later
        [("a", 0), ("standby", 3500), ("standby", 7500), ("b", 10_800), ("b", 14_800)],
    ],
)
def test_runs_that_hardly_overlap_keep_the_order_of_time(archive: FakeArchive, runs: list[tuple[str, int]]) -> None:
    made = [archive.record(T + start_ms, run=run) for run, start_ms in runs]
    assert in_run_order(made) == made


def test_no_file_stays_open(archive: FakeArchive) -> None:
    archive.record(T, is_open=True)
    before = len(list(Path("/dev/fd").iterdir()))
    for end_s in range(1, 4):
        clip(archive, 0, end_s)
    assert len(list(Path("/dev/fd").iterdir())) <= before


def test_a_clip_without_its_sound(archive: FakeArchive) -> None:
    archive.record(T, audio="pcmu")
    span = Span(T, T + 4000)
    loud = ClipCache(archive).clip(PORCH, MAIN, span, MUCH)
    silent = ClipCache(archive).clip(PORCH, MAIN, span, MUCH, with_sound=False)
    with av.open(io.BytesIO(data(silent)), "r") as opened:
        assert [stream.type for stream in opened.streams] == ["video"]
    assert len(shown(data(silent))) == 4 * FPS
    with av.open(io.BytesIO(data(loud)), "r") as opened:
        assert {stream.type for stream in opened.streams} == {"video", "audio"}

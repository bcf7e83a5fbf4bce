from typing import Any

import pytest

from tawny.model.ids import CameraId
from tawny.model.segments import Gap, GapReason, Segment
from tawny.model.times import Span
from tawny.playback.recordings import MOST_IN_A_RUN, at, last_before, recorded_until_ms, run_from, segment, segments
from tests.playback.archives import MAIN, PORCH, SUB, FakeArchive
from tests.playback.test_timeline import segment as row

T = 1_795_000_000_000
DAY_MS = 86_400_000


def add(archive: FakeArchive, *begins_s: int, stream: object = MAIN, seconds: int = 60) -> None:
    for begin_s in begins_s:
        archive.index.add_segment(row(T + begin_s * 1000, T + (begin_s + seconds) * 1000, stream))


def starts(archive: FakeArchive, at_s: float, stream: object = MAIN) -> tuple[list[float], float | None]:
    run = run_from(archive, PORCH, MAIN if stream is MAIN else SUB, T + round(at_s * 1000))
    next_s = None if run.next_ms is None else (run.next_ms - T) / 1000
    return [(one.start_ms - T) / 1000 for one in run.segments], next_s


def test_a_run_begins_with_the_segment_at_the_instant(archive: FakeArchive) -> None:
    add(archive, 0, 60, 120)
    assert starts(archive, 70) == ([60, 120], None)


def test_a_run_ends_where_something_is_missing(archive: FakeArchive) -> None:
    add(archive, 0, 60, 300)
    assert starts(archive, 0) == ([0, 60], 300)


def test_a_moment_between_segments_is_no_end(archive: FakeArchive) -> None:
    add(archive, 0, seconds=59)
    archive.index.add_segment(row(T + 59_400, T + 120_000))
    assert starts(archive, 10) == ([0, 59.4], None)


def test_a_run_is_bounded_and_tells_where_it_goes_on(archive: FakeArchive) -> None:
    add(archive, *range(0, 60 * 30, 60))
    found, next_s = starts(archive, 0)
    assert (len(found), next_s) == (MOST_IN_A_RUN, 60 * MOST_IN_A_RUN)


def test_in_a_gap_there_is_its_reason_and_what_comes_next(archive: FakeArchive) -> None:
    add(archive, 0, 600)
    why = Gap(PORCH, T + 60_000, T + 600_000, GapReason.STALLED)
    archive.index.put_gap(why)
    run = run_from(archive, PORCH, MAIN, T + 90_000)
    assert (run.segments, run.next_ms, run.gap) == ([], T + 600_000, why)


def test_what_comes_next_may_be_months_away(archive: FakeArchive) -> None:
    add(archive, 0)
    archive.index.add_segment(row(T + 200 * DAY_MS, T + 200 * DAY_MS + 60_000))
    assert run_from(archive, PORCH, MAIN, T + DAY_MS).next_ms == T + 200 * DAY_MS


def test_after_the_last_recording_nothing_comes(archive: FakeArchive) -> None:
    add(archive, 0)
    assert starts(archive, 100) == ([], None)


def test_before_a_gap_the_last_recording_ends_where_either_stream_does(archive: FakeArchive) -> None:
    add(archive, 0)
    add(archive, 30, stream=SUB)
    archive.index.add_segment(row(T + 200 * DAY_MS, T + 200 * DAY_MS + 60_000))
    assert last_before(archive, PORCH, T + 100_000) == T + 90_000
    assert last_before(archive, PORCH, T + 199 * DAY_MS) == T + 90_000
    assert last_before(archive, PORCH, T - 1) is None


def test_before_a_gap_what_is_still_being_written_counts(archive: FakeArchive) -> None:
    made = archive.record(T, is_open=True)
    assert last_before(archive, PORCH, T + DAY_MS) == made.end_ms


def test_without_any_recording_nothing_ends_before(archive: FakeArchive) -> None:
    assert last_before(archive, PORCH, T) is None


def test_what_begins_later_than_now_is_not_recorded_yet(archive: FakeArchive) -> None:
    add(archive, 0, 200 * 86_400)
    assert recorded_until_ms(archive, PORCH, T + 61_000) == T + 60_000
    assert recorded_until_ms(archive, PORCH, T + 100 * DAY_MS) == T + 60_000
    assert recorded_until_ms(archive, PORCH, T + 201 * DAY_MS) == T + 200 * DAY_MS + 60_000
    assert recorded_until_ms(archive, PORCH, T - 1) == 0


def test_the_end_of_what_is_recorded_is_found_without_reading_what_came_before(
    archive: FakeArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(archive, *range(0, 60 * 100, 60))
    read = list[int]()
    segments_of = archive.index.segments

    def counted(*wanted: Any) -> list[Segment]:
        found = segments_of(*wanted)
        read.append(len(found))
        return found

    monkeypatch.setattr(archive.index, "segments", counted)
    assert recorded_until_ms(archive, PORCH, T + 10 * DAY_MS) == T + 6_000_000
    assert sum(read) <= 2


def test_after_a_small_step_back_what_began_last_is_recorded_last(archive: FakeArchive) -> None:
    add(archive, 0)
    made = archive.record(T + 50_000, seconds=4, is_open=True)
    assert recorded_until_ms(archive, PORCH, T + 55_000) == made.end_ms


def test_where_the_large_picture_is_gone_the_small_one_plays(archive: FakeArchive) -> None:
    add(archive, 0, 60, stream=SUB)
    add(archive, 120)
    run = run_from(archive, PORCH, MAIN, T)
    assert [one.stream for one in run.segments] == [SUB, SUB]


def test_the_small_picture_plays_no_longer_than_the_file_in_which_the_large_one_begins(archive: FakeArchive) -> None:
    add(archive, 0, 60, 120, stream=SUB)
    add(archive, 62, 122)
    run = run_from(archive, PORCH, MAIN, T)
    assert [(one.stream, one.start_ms - T) for one in run.segments] == [(SUB, 0), (SUB, 60_000)]
    again = run_from(archive, PORCH, MAIN, run.segments[-1].end_ms)
    assert [(one.stream, one.start_ms - T) for one in again.segments] == [(MAIN, 62_000), (MAIN, 122_000)]


def test_a_stream_that_begins_a_moment_later_is_not_replaced_by_the_other(archive: FakeArchive) -> None:
    add(archive, 0, stream=SUB)
    archive.index.add_segment(row(T + 1_102, T + 60_000))
    found = at(archive, PORCH, MAIN, T)
    assert found is not None and found.stream is MAIN
    assert starts(archive, 0) == ([1.102], None)


def test_after_a_gap_the_asked_stream_says_where_it_goes_on(archive: FakeArchive) -> None:
    add(archive, 100, stream=SUB)
    archive.index.add_segment(row(T + 100_102, T + 160_000))
    assert starts(archive, 50) == ([], 100.102)
    assert starts(archive, 50, SUB) == ([], 100)


def test_after_a_gap_the_other_stream_goes_on_where_the_asked_one_does_not(archive: FakeArchive) -> None:
    add(archive, 100, stream=SUB)
    add(archive, 130)
    assert starts(archive, 50) == ([], 100)
    found = at(archive, PORCH, MAIN, T + 100_000)
    assert found is not None and found.stream is SUB


def test_at_the_edge_the_asked_stream_is_waited_for(archive: FakeArchive) -> None:
    main = archive.record(T, is_open=True)
    archive.record(T - 102, 5, stream=SUB, is_open=True)
    assert starts(archive, (main.end_ms - T) / 1000) == ([], None)
    assert at(archive, PORCH, MAIN, main.end_ms) is None


def test_at_the_edge_a_file_that_was_just_closed_is_waited_for_too(archive: FakeArchive) -> None:
    add(archive, 0, seconds=4)
    archive.record(T - 102, 5, stream=SUB, is_open=True)
    assert at(archive, PORCH, MAIN, T + 4_000) is None


def test_where_the_asked_stream_ended_long_ago_the_other_plays_up_to_the_edge(archive: FakeArchive) -> None:
    main = archive.record(T, is_open=True)  # its file may be open for a while after the camera lost it
    sub = archive.record(T - 102, 20, stream=SUB, is_open=True)
    for _ in ("open", "closed"):
        assert at(archive, PORCH, MAIN, main.end_ms) == sub
        assert run_from(archive, PORCH, MAIN, main.end_ms).segments == [sub]
        main = archive.close(main) if main in archive.still_open else main


def test_where_recording_ended_the_other_stream_plays_to_its_end(archive: FakeArchive) -> None:
    add(archive, 0)
    add(archive, 5, stream=SUB)
    assert [one.stream for one in run_from(archive, PORCH, MAIN, T + 60_000).segments] == [SUB]


def test_where_a_gap_of_the_asked_stream_is_known_the_other_plays_at_once(archive: FakeArchive) -> None:
    main = archive.record(T)
    sub = archive.record(T - 102, 5, stream=SUB, is_open=True)
    archive.index.put_gap(Gap(PORCH, main.end_ms, None, GapReason.STALLED))
    assert at(archive, PORCH, MAIN, main.end_ms) == sub


def test_what_is_still_being_written_is_found(archive: FakeArchive) -> None:
    made = archive.record(T, is_open=True)
    assert segments(archive, PORCH, MAIN, Span(T, T + 1000)) == [made]
    assert segments(archive, PORCH, SUB, Span(T, T + 1000)) == []
    assert segment(archive, [PORCH], made.id) == made


def test_a_segment_that_closes_in_between_is_listed_once(archive: FakeArchive) -> None:
    made = archive.record(T, is_open=True)
    closed = archive.close(made)
    archive.still_open.append(made)  # a list that was asked for a moment before
    assert segments(archive, PORCH, MAIN, Span(T, T + 1000)) == [closed]
    assert segment(archive, [PORCH], made.id) == closed


def test_ids_of_nothing_find_nothing(archive: FakeArchive) -> None:
    made = archive.record(T, is_open=True)
    assert segment(archive, [CameraId("other")], made.id) is None

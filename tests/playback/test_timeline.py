import itertools
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tawny.model.events import Event
from tawny.model.ids import EventId, RunId
from tawny.model.segments import GAP_WORDS, Gap, GapReason, Segment, gap_words
from tawny.model.times import Span, utc_from_text
from tawny.playback import timeline
from tawny.playback.timeline import (
    MOST_SHOWN,
    calendar,
    gap_tone,
    motion_series,
    share_recorded,
    timeline_lane,
)
from tests.playback.archives import MAIN, PORCH, SUB, FakeArchive

DAY = Span(utc_from_text("2026-11-20T00:00:00Z"), utc_from_text("2026-11-21T00:00:00Z"))
T = DAY.begin_ms
HOUR_MS, MINUTE_MS = 3_600_000, 60_000


def segment(begin_ms: int, end_ms: int, stream: object = MAIN, run: str = "run") -> Segment:
    assert stream in (MAIN, SUB)
    return Segment(PORCH, MAIN if stream is MAIN else SUB, RunId(run), begin_ms, end_ms, 100, "x.mp4", "avc1", 64, 48)


def gap(begin_ms: int, end_ms: int | None, reason: GapReason = GapReason.UNREACHABLE, detail: str = "") -> Gap:
    return Gap(PORCH, begin_ms, end_ms, reason, detail)


def share(archive: FakeArchive, now_ms: int) -> tuple[float | None, int]:
    return share_recorded(archive, PORCH, DAY, now_ms=now_ms)


# --- lanes -----------------------------------------------------------------------------------------------------------


def test_a_lane_tells_what_is_there_what_is_missing_and_what_happened(archive: FakeArchive) -> None:
    archive.index.add_segment(segment(T, T + HOUR_MS))
    archive.index.add_segment(segment(T + 2 * HOUR_MS, T + 3 * HOUR_MS, run="second"))
    hole = gap(T + HOUR_MS, T + 2 * HOUR_MS)
    archive.index.put_gap(hole)
    event = Event(EventId("e"), PORCH, "person", T + 100, T + 200, 70.0)
    archive.index.put_event(event)
    made = timeline_lane(archive, PORCH, DAY, points=100, now_ms=T + 3 * HOUR_MS)
    assert made.spans == [Span(T, T + HOUR_MS), Span(T + 2 * HOUR_MS, T + 3 * HOUR_MS)]
    assert (made.gaps, made.events) == ([hole], [event])


def test_what_is_being_written_is_recorded(archive: FakeArchive) -> None:
    archive.index.add_segment(segment(T, T + MINUTE_MS))
    archive.still_open.append(replace(segment(T + MINUTE_MS, T + MINUTE_MS + 9000), path="x.open.mp4"))
    made = timeline_lane(archive, PORCH, DAY, points=10, now_ms=T + 70_000)
    assert made.spans == [Span(T, T + MINUTE_MS + 9000)]


def test_both_streams_together_are_one_lane(archive: FakeArchive) -> None:
    archive.index.add_segment(segment(T, T + HOUR_MS))
    archive.index.add_segment(segment(T + HOUR_MS // 2, T + 2 * HOUR_MS, SUB))
    assert timeline_lane(archive, PORCH, DAY, points=10, now_ms=DAY.end_ms).spans == [Span(T, T + 2 * HOUR_MS)]


def test_a_flapping_camera_is_drawn_with_a_bounded_number_of_parts(archive: FakeArchive) -> None:
    for number in range(MOST_SHOWN + 500):
        begin_ms = T + number * 20_000
        archive.index.add_segment(segment(begin_ms, begin_ms + 10_000, run=str(number)))
        archive.index.put_gap(gap(begin_ms + 10_000, begin_ms + 20_000 - number % 2))
    made = timeline_lane(archive, PORCH, DAY, points=10, now_ms=DAY.end_ms)
    assert len(made.spans) <= MOST_SHOWN
    assert len(made.gaps) == MOST_SHOWN
    assert made.spans[0].begin_ms == T


def put_every(archive: FakeArchive, every_ms: int) -> None:
    with archive.index.together():
        for begin_ms in range(T, DAY.end_ms, every_ms):
            archive.index.put_event(Event(EventId(f"{begin_ms}"), PORCH, "motion", begin_ms, begin_ms + 9000, 80.0))


def test_a_lane_with_too_many_events_shows_some_everywhere(archive: FakeArchive) -> None:
    put_every(archive, 20_000)
    events = timeline_lane(archive, PORCH, DAY, points=10, now_ms=DAY.end_ms).events
    assert 0.9 * MOST_SHOWN < len(events) <= MOST_SHOWN
    starts = [T, *(event.start_ms for event in events), DAY.end_ms]
    assert starts == sorted(starts)
    assert max(later - earlier for earlier, later in itertools.pairwise(starts)) < 10 * MINUTE_MS


@pytest.mark.parametrize("about", [{"kept": True}, {"level": "alert"}])
def test_kept_events_and_alerts_come_before_others_in_a_full_lane(archive: FakeArchive, about: dict[str, Any]) -> None:
    put_every(archive, 20_000)
    wanted = {EventId(f"{T + minutes * MINUTE_MS}") for minutes in range(0, 24 * 60, 5)}
    for one in wanted:
        archive.index.put_event(Event(one, PORCH, "person", int(one), int(one) + 9000, 80.0, **about))
    shown = {event.id for event in timeline_lane(archive, PORCH, DAY, points=10, now_ms=DAY.end_ms).events}
    assert wanted <= shown


def test_a_full_lane_shows_a_busy_hour_of_a_quiet_day_whole(archive: FakeArchive) -> None:
    begin_ms = DAY.end_ms - MOST_SHOWN * 1000
    early = [Event(EventId(f"early{n}"), PORCH, "person", T + n, T + n + 9000, 80.0) for n in range(5)]
    late = [
        Event(EventId(f"late{n}"), PORCH, "person", begin_ms + n * 1000, begin_ms + n * 1000 + 9000, 80.0)
        for n in range(MOST_SHOWN)
    ]
    for event in early + late:
        archive.index.put_event(event)
    shown = timeline_lane(archive, PORCH, DAY, points=10, now_ms=DAY.end_ms).events
    assert len(shown) == MOST_SHOWN
    assert shown[:5] == early


# --- motion ----------------------------------------------------------------------------------------------------------


def test_each_step_has_its_greatest_score(archive: FakeArchive) -> None:
    archive.score = {T // 1000 + n: score for n, score in enumerate([3, 255, 9, 0, 255, 255])}
    made = motion_series(archive, PORCH, Span(T, T + 6000), points=4)
    assert (made.step_s, list(made.data)) == (2, [3, 9, 255])


@given(
    st.integers(0, 2**31), st.integers(1, 3 * 86_400), st.integers(1, 10_000), st.dictionaries(
        st.integers(0, 3 * 86_400), st.integers(0, 100), max_size=20
    ),
)  # fmt: skip
def test_motion_loses_no_peak_and_keeps_to_its_points(
    begin_s: int, length_s: int, points: int, scores: dict[int, int]
) -> None:
    class Scores:
        def scores(self, camera: object, within: Span) -> bytes:
            seconds = within.begin_ms // 1000, -(-within.end_ms // 1000)
            data = bytearray(b"\xff") * (seconds[1] - seconds[0])
            for second, score in scores.items():
                if seconds[0] <= begin_s + second < seconds[1]:
                    data[begin_s + second - seconds[0]] = score
            return bytes(data)

    span = Span(begin_s * 1000, (begin_s + length_s) * 1000)
    made = timeline.motion_series(Scores(), PORCH, span, points)  # type: ignore[arg-type]
    assert len(made.data) <= points + 1
    for second, score in scores.items():
        if second < length_s:
            step = (begin_s + second - made.begin_ms // 1000) // made.step_s
            assert score <= made.data[step] != 255
    assert made.begin_ms // 1000 % made.step_s == 0


# --- how much of a day -----------------------------------------------------------------------------------------------


def test_all_of_what_was_wanted_is_one(archive: FakeArchive) -> None:
    archive.index.add_segment(segment(T - HOUR_MS, T + HOUR_MS))
    assert share(archive, T + HOUR_MS) == (1.0, 0)


def test_h1_what_is_missing_lowers_the_share(archive: FakeArchive) -> None:
    archive.index.add_segment(segment(T - HOUR_MS, T + HOUR_MS))
    archive.index.put_gap(gap(T + HOUR_MS, None))
    assert share(archive, T + 4 * HOUR_MS) == (0.25, 1)


def test_what_was_chosen_does_not(archive: FakeArchive) -> None:
    archive.index.add_segment(segment(T - HOUR_MS, T + HOUR_MS))
    archive.index.put_gap(gap(T + HOUR_MS, T + 4 * HOUR_MS, GapReason.PRIVACY))
    assert share(archive, T + 4 * HOUR_MS) == (1.0, 0)


def test_the_moment_that_a_start_takes_is_not_missing(archive: FakeArchive) -> None:
    archive.index.put_gap(gap(T, T + 2_000, GapReason.RECORDER_OFF, "starting"))
    archive.index.add_segment(segment(T + 2_000, T + HOUR_MS))
    assert share(archive, T + HOUR_MS) == (1.0, 0)


def test_a_day_counts_from_when_the_camera_came(archive: FakeArchive) -> None:
    archive.index.add_segment(segment(T + 5 * HOUR_MS, T + 6 * HOUR_MS))
    assert share(archive, T + 6 * HOUR_MS) == (1.0, 0)


def test_a_camera_that_never_answered_has_nothing(archive: FakeArchive) -> None:
    archive.index.put_gap(gap(T + HOUR_MS, None))
    assert share(archive, T + 2 * HOUR_MS) == (0.0, 1)


def test_of_a_new_camera_nothing_is_known(archive: FakeArchive) -> None:
    assert share(archive, T + HOUR_MS) == (None, 0)


def test_h6_a_day_that_was_off_by_choice_has_no_share(archive: FakeArchive) -> None:
    archive.index.put_gap(gap(T - HOUR_MS, None, GapReason.OFF))
    assert share(archive, T + HOUR_MS) == (None, 0)


def test_the_second_on_its_way_is_not_missing(archive: FakeArchive) -> None:
    archive.index.add_segment(segment(T - HOUR_MS, T + 8_000))
    archive.still_open.append(replace(segment(T + 8_000, T + 9_000), path="x.open.mp4"))
    assert share(archive, T + 10_500) == (1.0, 0)


@pytest.mark.parametrize(
    ("midday", "hours"), [("2026-03-29T12:00:00Z", 23), ("2026-10-25T12:00:00Z", 25), ("2026-11-20T12:00:00Z", 24)]
)
def test_the_calendar_counts_the_hours_that_a_day_has(archive: FakeArchive, midday: str, hours: int) -> None:
    noon = utc_from_text(midday)
    archive.index.add_segment(segment(noon - 48 * HOUR_MS, noon + 48 * HOUR_MS))
    (day,) = calendar(archive, PORCH, ZoneInfo("Europe/Berlin"), Span(noon, noon + 1))
    assert (day.recorded_s, day.gaps) == (hours * 3600, 0)


def test_the_calendar_counts_gaps_that_nobody_wanted(archive: FakeArchive) -> None:
    archive.index.put_gap(gap(T + HOUR_MS, T + 2 * HOUR_MS))
    archive.index.put_gap(gap(T + 3 * HOUR_MS, T + 4 * HOUR_MS, GapReason.SCHEDULE))
    archive.index.put_gap(gap(T + 5 * HOUR_MS, None))
    assert [day.gaps for day in calendar(archive, PORCH, ZoneInfo("UTC"), Span(T, T + 30 * HOUR_MS))] == [2, 1]


# --- words -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("made", "words", "tone"),
    [
        (gap(0, 1), "Camera offline", "warn"),
        (gap(0, 1, GapReason.RECORDER_OFF, "power"), "tawny wasn't running: power cut", "warn"),
        (gap(0, 1, GapReason.RECORDER_OFF, "power cut"), "tawny wasn't running: power cut", "warn"),
        (gap(0, 1, GapReason.RECORDER_OFF, "update"), "tawny wasn't running: updating", "choice"),
        (gap(0, 1, GapReason.RECORDER_OFF), "tawny wasn't running", "warn"),
        (gap(0, 1, GapReason.RECORDER_OFF, "starting"), "Starting", "choice"),
        (gap(0, 1, GapReason.PRIVACY), "Paused for privacy", "choice"),
        (gap(0, 1, GapReason.CLOCK), "Clock corrected", "choice"),
        (gap(0, 1, GapReason.REMOVED, "older than 14 days"), "Deleted", "faint"),
    ],
)
def test_gaps_have_words_and_a_tone(made: Gap, words: str, tone: str) -> None:
    assert (gap_words(made), gap_tone(made)) == (words, tone)


@pytest.mark.parametrize("reason", GapReason)
def test_h4_every_reason_has_words(reason: GapReason) -> None:
    assert gap_words(gap(0, 1, reason)) == GAP_WORDS[reason]

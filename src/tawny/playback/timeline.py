"""Timeline lane of a camera: recordings, gaps with reasons, damage, events and motion.

All calls block on the disk; run them in a thread.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

import numpy as np

from tawny.model.damage import DamagedSpan, DamageSum, damage_sum
from tawny.model.events import Event, Level
from tawny.model.ids import CameraId, EventId, StreamName
from tawny.model.segments import BY_CHOICE, OFF_WORDS, Gap, GapReason, explaining, gap_words
from tawny.model.times import Span, merge_spans, missing_spans
from tawny.playback.recordings import RecordingArchive

# Local time of the recorder: clock changes and days of 23, 24 or 25 hours. Pure.

STEP_MS = 7 * 86_400_000
"""Clock changes are further apart than this, ms: 21 days at least in any zone since 2010."""


@dataclass(frozen=True, slots=True)
class LocalTimeChange:
    at_ms: int
    before_s: int
    """Local time minus UTC before the change."""
    after_s: int
    """The same from then on."""


def offset_s(zone: ZoneInfo, at_ms: int) -> int:
    """Return local time minus UTC, s."""
    at = datetime.fromtimestamp(at_ms // 1000, UTC).astimezone(zone)
    offset = at.utcoffset()
    assert offset is not None
    return round(offset.total_seconds())


def transitions(zone: ZoneInfo, within: Span) -> list[LocalTimeChange]:
    """Return the clock changes in a span, in order."""
    found: list[LocalTimeChange] = []
    at_ms, before_s = within.begin_ms, offset_s(zone, within.begin_ms)
    while at_ms < within.end_ms:
        next_ms = min(at_ms + STEP_MS, within.end_ms)
        after_s = offset_s(zone, next_ms)
        if after_s != before_s:
            found.append(LocalTimeChange(_first_with(zone, after_s, at_ms, next_ms), before_s, after_s))
        at_ms, before_s = next_ms, after_s
    return found


def _first_with(zone: ZoneInfo, after_s: int, without_ms: int, with_ms: int) -> int:
    """Return the first whole second with the offset after_s, between without_ms and with_ms."""
    before, after = without_ms // 1000, with_ms // 1000
    while after - before > 1:
        middle = (before + after) // 2
        if offset_s(zone, middle * 1000) == after_s:
            after = middle
        else:
            before = middle
    return after * 1000


def days(zone: ZoneInfo, within: Span) -> list[Span]:
    """Return the whole local days that overlap a span, in order, contiguous."""
    day = datetime.fromtimestamp(within.begin_ms // 1000, UTC).astimezone(zone).date()
    found: list[Span] = []
    while (begin_ms := _midnight_ms(zone, day)) < within.end_ms:
        day += timedelta(days=1)
        whole = Span(begin_ms, _midnight_ms(zone, day))
        if whole.end_ms > whole.begin_ms and whole.overlaps(within):  # a zone may skip a day
            found.append(whole)
    return found


def day_of(zone: ZoneInfo, at_ms: int) -> Span:
    """Return the local day of an instant."""
    return days(zone, Span(at_ms, at_ms + 1))[0]


def _midnight_ms(zone: ZoneInfo, day: date) -> int:
    # if the clock changes at midnight: the first of two, or the instant that replaces a skipped one
    return round(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()) * 1000


MOST_SHOWN = 2_000
"""Maximum number of entries per lane. With more, spans are merged and the longest gaps are kept."""
_SLICES: Final = 200
"""Number of parts of a span among which the events of a lane are spread, if there are more than MOST_SHOWN."""
_MOST_OF_SLICE: Final = MOST_SHOWN // _SLICES
FRESH_MS = 10_000
"""Maximum age of the recording's end, ms, before later time counts as missing."""


@dataclass(frozen=True, slots=True)
class MotionSeries:
    """Motion scores. data: one byte per step, the maximum score; 255 without detection."""

    begin_ms: int
    step_s: int
    data: bytes


@dataclass(frozen=True, slots=True)
class TimelineLane:
    camera: CameraId
    spans: list[Span]
    gaps: list[Gap]
    damage: list[DamagedSpan]
    events: list[Event]
    motion: MotionSeries


@dataclass(frozen=True, slots=True)
class DayCoverage:
    begin_ms: int
    recorded_s: float
    gaps: int
    """Number of unwanted gaps."""


def timeline_lane(
    archive: RecordingArchive, camera: CameraId, within: Span, *, points: int, now_ms: int
) -> TimelineLane:
    """Return one camera's lane. points: maximum number of motion steps."""
    spans = recorded_spans(archive, camera, within)
    gaps = archive.index.gaps(camera, within)
    events = _spread_events(archive, camera, within)
    return TimelineLane(
        camera,
        _drawn_together(spans, within),
        _longest(gaps, now_ms),
        _longest_damage(archive.index.damage(camera, within)),
        sorted(events, key=lambda event: event.start_ms),
        motion_series(archive, camera, within, points),
    )


def _spread_events(archive: RecordingArchive, camera: CameraId, within: Span) -> list[Event]:
    """Return at most MOST_SHOWN events. With more, each slice of the span has its share: kept ones and alerts first."""
    newest = archive.index.events(within, cameras=[camera], limit=MOST_SHOWN)
    if newest.next is None:
        return newest.events
    # aligned, so that a view that moves on shows the same events
    step_ms = -(-(within.end_ms - within.begin_ms) // (_SLICES - 1))
    found: dict[EventId, Event] = {}
    for begin_ms in range(within.begin_ms - within.begin_ms % step_ms, within.end_ms, step_ms):
        part = Span(max(begin_ms, within.begin_ms), min(begin_ms + step_ms, within.end_ms))
        events = _events_of_slice(archive, camera, part, is_first=begin_ms <= within.begin_ms)
        found.update((event.id, event) for event in events)
    for event in newest.events:  # what quiet slices leave
        if len(found) < MOST_SHOWN:
            found.setdefault(event.id, event)
    return list(found.values())


def _events_of_slice(archive: RecordingArchive, camera: CameraId, part: Span, *, is_first: bool) -> list[Event]:
    """Return at most the slice's share of events that begin in it. is_first: also those that last until it."""
    found = archive.index.events(part, cameras=[camera], limit=_MOST_OF_SLICE)
    events = found.events
    if found.next is not None:
        kept = archive.index.events(part, cameras=[camera], only="kept", limit=_MOST_OF_SLICE).events
        alerts = archive.index.events(part, cameras=[camera], levels=[Level.ALERT], limit=_MOST_OF_SLICE).events
        events = list({event.id: event for event in (*kept, *alerts, *events)}.values())
    return [event for event in events if is_first or event.start_ms >= part.begin_ms][:_MOST_OF_SLICE]


def recorded_spans(
    archive: RecordingArchive, camera: CameraId, within: Span, stream: StreamName | None = None
) -> list[Span]:
    """Return recorded time including open segments. stream None: of either stream."""
    spans = archive.index.spans(camera, stream, within)
    for segment in archive.open_segments(camera):
        part = segment.span.cut_to(within) if stream in (None, segment.stream) else None
        if part:
            spans.append(part)
    return merge_spans(spans)


UNNOTED: Final = "there is no recording, and no gap was noted"
"""Words for the time that `unnoted` returns, such as before the first recording."""
_LEAST_UNNOTED_S: Final = 2.0
"""Shorter times, as around file boundaries, are none."""


def unnoted(archive: RecordingArchive, camera: CameraId, within: Span, gaps: Iterable[Gap]) -> list[Span]:
    """Return the time without a recording of either stream and without one of these gaps."""
    known = [*recorded_spans(archive, camera, within), *(gap.span(within.end_ms) for gap in gaps)]
    return [hole for hole in missing_spans(known, within) if hole.seconds >= _LEAST_UNNOTED_S]


@dataclass(frozen=True, slots=True)
class LaneHole:
    """Time without a recording of either stream. words: why, as far as it is known."""

    span: Span
    words: str


_LEAST_HOLE_S: Final = 1.0
"""Shorter ones, such as between two connections, are none."""


def lane_holes(archive: RecordingArchive, camera: CameraId, within: Span) -> list[LaneHole]:
    """Return the time of a span without a recording, in parts of one reason. What a recording fills is none."""
    known, found = recorded_spans(archive, camera, within), list[LaneHole]()
    of_each: dict[str, list[Span]] = {}
    for gap in explaining(archive.index.gaps(camera, within)):
        of_each.setdefault(gap_words(gap), []).append(gap.span(within.end_ms))
    for words, spans in of_each.items():
        parts = missing_spans([*known, *missing_spans(spans, within)], within)
        found += [LaneHole(part, words) for part in parts if part.seconds >= _LEAST_HOLE_S]
        known += spans
    rest = [part for part in missing_spans(known, within) if part.seconds >= _LEAST_UNNOTED_S]
    return found + [LaneHole(part, UNNOTED) for part in rest]


def motion_series(archive: RecordingArchive, camera: CameraId, within: Span, points: int) -> MotionSeries:
    """Return the scores with the smallest step that gives at most `points` values, aligned to multiples since 1970."""
    begin_s, end_s = within.begin_ms // 1000, -(-within.end_ms // 1000)
    step_s = max(1, -(-(end_s - begin_s) // max(1, points - 1)))
    begin_s, end_s = begin_s - begin_s % step_s, end_s + -end_s % step_s
    scores = np.frombuffer(archive.scores(camera, Span(begin_s * 1000, end_s * 1000)), np.uint8)
    # 255 means no detection: adding one makes it 0 and keeps all other scores above it
    greatest = (scores + np.uint8(1)).reshape(-1, step_s).max(axis=1) - np.uint8(1)
    return MotionSeries(begin_s * 1000, step_s, greatest.tobytes())


def calendar(archive: RecordingArchive, camera: CameraId, zone: ZoneInfo, within: Span) -> list[DayCoverage]:
    """Return each local day of a span with its recorded time and number of unwanted gaps."""
    whole_days = days(zone, within)
    if not whole_days:
        return []
    whole = Span(whole_days[0].begin_ms, whole_days[-1].end_ms)
    spans, gaps = recorded_spans(archive, camera, whole), archive.index.gaps(camera, whole)
    return [
        DayCoverage(
            day.begin_ms, _seconds(spans, day), sum(1 for gap in gaps if is_unwanted(gap) and _touches(gap, day))
        )
        for day in whole_days
    ]


def share_recorded(archive: RecordingArchive, camera: CameraId, day: Span, *, now_ms: int) -> tuple[float | None, int]:
    """Return the recorded share of the wanted time of a day until now, 0..1, and the number of unwanted gaps.

    The share is None before anything was wanted, as for a new camera. Time off by choice is not wanted.
    """
    there_s, wanted_s, gaps = recorded_of_wanted(archive, camera, day, now_ms=now_ms)
    share = min(1.0, max(0.0, there_s / wanted_s)) if wanted_s > 0 else None
    return share, sum(1 for gap in gaps if is_unwanted(gap))


def recorded_of_wanted(
    archive: RecordingArchive, camera: CameraId, day: Span, *, now_ms: int
) -> tuple[float, float, list[Gap]]:
    """Return how much of a day until now was recorded and how much was wanted, s, and all gaps of that time."""
    past = day.cut_to(Span(day.begin_ms, max(day.begin_ms, _judged_until(archive, camera, now_ms))))
    if past is None:
        return 0.0, 0.0, []
    gaps = archive.index.gaps(camera, past)
    bounds = archive.index.bounds(camera)
    known_ms = [gap.begin_ms for gap in gaps] + ([bounds.begin_ms] if bounds else [])
    known_ms += [segment.start_ms for segment in archive.open_segments(camera)]
    wanted = past.cut_to(Span(min(known_ms), past.end_ms)) if known_ms and min(known_ms) < past.end_ms else None
    if wanted is None:
        return 0.0, 0.0, gaps
    chosen = merge_spans([gap.span(now_ms) for gap in explaining(gaps) if not is_unwanted(gap)])
    wanted_s = wanted.seconds - _seconds(chosen, wanted)
    there_s = _seconds(recorded_spans(archive, camera, wanted), wanted) if wanted_s > 0 else 0.0
    return there_s, max(0.0, wanted_s), gaps


def is_unwanted(gap: Gap) -> bool:
    """Return whether the gap lowers the recorded share: not by choice and not the moment of a start."""
    return gap.reason not in BY_CHOICE and not gap.is_start


def gap_tone(gap: Gap) -> Literal["warn", "choice", "faint"]:
    """Return the tone of a gap.

    warn: needs attention. choice: intended or harmless. faint: deleted later, nothing happened, asleep, or not copied
    here.
    """
    if gap.reason in (GapReason.REMOVED, GapReason.WAITING, GapReason.ASLEEP, GapReason.NOT_COPIED):
        return "faint"
    is_update = gap.reason is GapReason.RECORDER_OFF and gap.detail in ("update", OFF_WORDS["update"])
    return "choice" if is_update or gap.reason is GapReason.CLOCK or not is_unwanted(gap) else "warn"


def _judged_until(archive: RecordingArchive, camera: CameraId, now_ms: int) -> int:
    """Return now, or the end of the open segment if recent: the next second is still to be written."""
    ends_ms = [segment.end_ms for segment in archive.open_segments(camera) if now_ms - segment.end_ms <= FRESH_MS]
    return max(ends_ms, default=now_ms)


def _drawn_together(spans: list[Span], within: Span) -> list[Span]:
    """Return at most MOST_SHOWN spans, joined over short gaps that are invisible at this scale."""
    join_ms = 1
    while len(spans) > MOST_SHOWN:
        join_ms = max(join_ms * 2, (within.end_ms - within.begin_ms) // (8 * MOST_SHOWN))
        spans = merge_spans(spans, join_ms=join_ms)
    return spans


def damage_today(archive: RecordingArchive, camera: CameraId, day: Span) -> DamageSum:
    """Return the damage of the main stream."""
    return damage_sum(one for one in archive.index.damage(camera, day) if one.stream is StreamName.MAIN)


def _longest_damage(damage: list[DamagedSpan]) -> list[DamagedSpan]:
    if len(damage) <= MOST_SHOWN:
        return damage
    longest = sorted(damage, key=lambda one: one.span.seconds, reverse=True)[:MOST_SHOWN]
    return sorted(longest, key=lambda one: one.begin_ms)


def _longest(gaps: list[Gap], now_ms: int) -> list[Gap]:
    if len(gaps) <= MOST_SHOWN:
        return gaps
    longest = sorted(gaps, key=lambda gap: gap.span(now_ms).seconds, reverse=True)[:MOST_SHOWN]
    return sorted(longest, key=lambda gap: gap.begin_ms)


def _seconds(spans: list[Span], within: Span) -> float:
    return sum(part.seconds for span in spans if (part := span.cut_to(within)))


def _touches(gap: Gap, day: Span) -> bool:
    return gap.begin_ms < day.end_ms and (gap.end_ms is None or gap.end_ms > day.begin_ms)

"""Which missing time may be filled from a camera's card or the standby, and what a gap becomes when it was."""

from dataclasses import replace
from typing import Final

from tawny.model.ids import CameraId
from tawny.model.segments import BY_CHOICE, FILL_SLACK_MS, Gap, GapReason, gap_words, is_filled_in, off_words
from tawny.model.times import Span, merge_spans, missing_spans
from tawny.storage.index.protocol import Index

LEAST_MS: Final = 500
"""Shorter gaps are left: a restart of a connection."""
BACK_MS: Final = 7 * 86_400_000
"""Older gaps are left, unless they are asked for by hand."""
SETTLES_S: Final = 8.0
"""Time after a gap's end, s, until it is filled: the card and the own files must have what follows."""
_SHORT_PAUSE_S: Final = 60.0
"""Longest pause of the computer, s, in which the mode is taken not to have changed."""
_DECIDED: Final = "stopped"
"""In the detail of a recorder that a user stopped: it was not to record."""
_UNRECORDED: Final = frozenset({GapReason.PRIVACY, GapReason.MODE, GapReason.SCHEDULE, GapReason.OFF})
_NEAR_MS: Final = 2_000
"""Gaps this close follow each other: a start takes a moment."""
_LEFT: Final = BY_CHOICE | {GapReason.CLOCK}
"""After a correction of the clock nothing is missing."""


def within_limits(request: Span | None, now_ms: int, keeps_s: float | None) -> Span:
    """Return the time to look at. keeps_s: how long the camera's recordings are kept at most: nothing is older."""
    begin_ms = max(0, now_ms - BACK_MS) if request is None else request.begin_ms
    if keeps_s is not None:
        begin_ms = max(begin_ms, now_ms - round(keeps_s * 1000))
    return Span(begin_ms, max(begin_ms, now_ms if request is None else request.end_ms))


def fillable(
    index: Index,
    camera: CameraId,
    within: Span,
    now_ms: int,
    *,
    is_asked: bool,
    is_constant: bool = True,
    settles_s: float = SETTLES_S,
) -> list[tuple[Gap, Span]]:
    """Return the missing time that may be filled, with its gap, oldest first.

    is_asked: by hand. is_constant: the camera is recorded in all modes. Otherwise nothing is known of time in which
    tawny was off, but for a short pause of the computer: a mode may have made it private.
    """
    oldest_ms = within.begin_ms if is_asked else 0
    found = [
        gap
        for gap in _over(index, camera, within, oldest_ms)
        if now_ms - gap.span(now_ms).end_ms >= settles_s * 1000
        and (is_constant or gap.reason is not GapReason.RECORDER_OFF or _is_short_pause(gap, now_ms))
        and not _is_chosen(index, gap, is_asked=is_asked)
    ]
    return _holes(index, camera, found, oldest_ms, now_ms)


def _is_short_pause(gap: Gap, now_ms: int) -> bool:
    return gap.detail == off_words("suspend") and gap.span(now_ms).seconds <= _SHORT_PAUSE_S


def fillable_by_standby(index: Index, camera: CameraId, within: Span, now_ms: int) -> list[tuple[Gap, Span]]:
    """Return the missing time that the standby may have, with its gap, oldest first.

    Unlike a card, the standby knew what was to be recorded; `choices_beside` says what it may not have known.
    """
    return _holes(index, camera, _over(index, camera, within, 0), 0, now_ms)


def _over(index: Index, camera: CameraId, within: Span, oldest_ms: int) -> list[Gap]:
    """Return gaps that have ended and were no choice."""
    return [
        gap
        for gap in index.gaps(camera, within)
        if gap.end_ms is not None
        and gap.end_ms - max(gap.begin_ms, oldest_ms) >= LEAST_MS
        and gap.reason not in _LEFT
        and not gap.is_start
    ]


def _holes(index: Index, camera: CameraId, found: list[Gap], oldest_ms: int, now_ms: int) -> list[tuple[Gap, Span]]:
    if not found:
        return []
    whole = Span(min(one.begin_ms for one in found), max(one.span(now_ms).end_ms for one in found))
    there = index.spans(camera, None, whole)
    there += [gap.span(now_ms) for gap in index.gaps(camera, whole) if gap.reason in BY_CHOICE - {GapReason.FILLED}]
    holes = [
        (gap, hole)
        for gap in found
        for hole in missing_spans(there, Span(max(gap.begin_ms, oldest_ms), gap.span(now_ms).end_ms))
        if hole.end_ms - hole.begin_ms >= LEAST_MS
    ]
    return sorted(holes, key=lambda one: one[1])


def _is_chosen(index: Index, gap: Gap, *, is_asked: bool) -> bool:
    """Return whether the camera was not to be recorded, or only around events."""
    if not is_asked and gap.reason is GapReason.RECORDER_OFF and _DECIDED in gap.detail:
        return True
    if not is_asked and any(one.reason is GapReason.WAITING for one in _neighbors(index, gap)):
        return True
    return bool(choices_beside(index, gap))


def choices_beside(index: Index, gap: Gap) -> list[Gap]:
    """Return the choices not to record that may have held in a gap, too: those next to time in which tawny was off.

    A pause or a mode ends with the last sign of life, and begins again after the start: what a recorder that was off
    has between is part of it.
    """
    if gap.reason is not GapReason.RECORDER_OFF:
        return []
    seen, left, found = {gap.begin_ms}, [gap], list[Gap]()
    while left:
        for other in _neighbors(index, left.pop()):
            if other.reason in _UNRECORDED:
                found.append(other)
            if other.reason is GapReason.RECORDER_OFF and other.begin_ms not in seen:
                seen.add(other.begin_ms)
                left.append(other)
    return found


def _neighbors(index: Index, gap: Gap) -> list[Gap]:
    """Return gaps that directly precede or follow this one."""
    end_ms = gap.begin_ms if gap.end_ms is None else gap.end_ms
    around = index.gaps(gap.camera, Span(max(0, gap.begin_ms - _NEAR_MS), end_ms + _NEAR_MS))
    return [one for one in around if one.begin_ms != gap.begin_ms]


def pieces_of(index: Index, gap: Gap, now_ms: int) -> list[Gap]:
    """Return what a gap became: what was filled and what is still missing. Empty if nothing was filled.

    A choice made meanwhile counts more, such as a deletion.
    """
    span = gap.span(now_ms)
    if not any(is_filled_in(one.run) for one in index.segments(gap.camera, None, span)):
        return []
    found = merge_spans(index.spans(gap.camera, None, span), join_ms=FILL_SLACK_MS)
    if found[0].begin_ms - span.begin_ms <= FILL_SLACK_MS:
        found[0] = Span(span.begin_ms, found[0].end_ms)
    if span.end_ms - found[-1].end_ms <= FILL_SLACK_MS:
        found[-1] = Span(found[-1].begin_ms, span.end_ms)
    chosen = [one.span(now_ms) for one in index.gaps(gap.camera, span) if one.reason in BY_CHOICE - {GapReason.FILLED}]
    made = [replace(gap, reason=GapReason.FILLED, detail=gap_words(gap), begin_ms=part.begin_ms, end_ms=part.end_ms)
            for one in found for part in missing_spans(chosen, one)]  # fmt: skip
    left = missing_spans([*found, *chosen], span)
    return made + [replace(gap, begin_ms=one.begin_ms, end_ms=one.end_ms) for one in left]

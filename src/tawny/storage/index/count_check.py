"""Comparison of the counts of settled hours with the files, for `check`."""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from tawny.model.segments import Segment
from tawny.model.times import Span
from tawny.storage.disk.layout import HOUR_MS
from tawny.storage.index.protocol import Index, SegmentCount


class CountDifference(NamedTuple):
    """The count in the index and the actual count."""

    counted: SegmentCount
    there: SegmentCount


def differences(index: Index) -> Iterator[CountDifference]:
    """Yield each difference.

    Each is verified a second time: a running recorder may remove files during the comparison.
    """
    for counted in index.counted():
        there = _there(index, counted)
        if there == counted:
            continue
        now = next((one for one in index.counted() if _is_same_hour(one, counted)), None)
        if now is not None and _there(index, now) != now:
            yield CountDifference(now, there)


def _there(index: Index, counted: SegmentCount) -> SegmentCount:
    hour = Span(counted.begin_ms, counted.begin_ms + HOUR_MS)
    begun = [one for one in index.segments(counted.camera, counted.stream, hour) if _begins_in(one, hour)]
    return replace(counted, files=len(begun), size_bytes=sum(one.size_bytes for one in begun))


def _begins_in(segment: Segment, hour: Span) -> bool:
    return hour.begin_ms <= segment.start_ms < hour.end_ms


def _is_same_hour(one: SegmentCount, other: SegmentCount) -> bool:
    return (one.camera, one.stream, one.begin_ms) == (other.camera, other.stream, other.begin_ms)

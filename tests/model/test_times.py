"""Instants, spans, and the words for them."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tawny.model.times import Span, UtcMap, merge_spans, missing_spans, stamp, stamp_ms, utc_from_text, utc_text

instants = st.integers(0, 4_102_444_800_000)
spans = st.builds(lambda a, b: Span(min(a, b), max(a, b)), st.integers(0, 100), st.integers(0, 100))


@given(instants)
def test_an_instant_survives_its_text(ms: int) -> None:
    assert utc_from_text(utc_text(ms)) == ms
    assert stamp_ms(stamp(ms)) == ms


def test_texts_are_as_documented() -> None:
    assert utc_text(1_795_154_292_345) == "2026-11-20T05:58:12.345Z"
    assert stamp(1_795_154_292_345) == "20261120T055812.345Z"


@pytest.mark.parametrize("text", ["2026-11-20", "2026-11-20T05:58:12", "05:58", "", "2026-13-01T00:00:00Z"])
def test_what_is_no_instant_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        utc_from_text(text)


@pytest.mark.parametrize(
    "text", ["20261120T055812Z", "20261320T055812.000Z", "20261120T240000.000Z", "20260230T000000.000Z"]
)
def test_what_is_no_stamp_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        stamp_ms(text)


def test_an_offset_is_understood() -> None:
    assert utc_from_text("2026-11-20T06:58:12.345+01:00") == utc_from_text("2026-11-20T05:58:12.345Z")


def test_a_span_cannot_run_backwards() -> None:
    with pytest.raises(ValueError, match="before it begins"):
        Span(2, 1)


@given(st.lists(spans), spans)
def test_recorded_and_missing_tile_the_time(recorded: list[Span], within: Span) -> None:
    inside = [cut for span in merge_spans(recorded) if (cut := span.cut_to(within))]
    tiles = sorted(inside + missing_spans(recorded, within))
    if within.begin_ms < within.end_ms:
        assert tiles[0].begin_ms == within.begin_ms
        assert tiles[-1].end_ms == within.end_ms
    assert all(a.end_ms == b.begin_ms for a, b in itertools.pairwise(tiles))


def test_what_keeps_coming_later_than_cameras_buffer_is_dated_near_its_arrival() -> None:
    """Stamps that lose 1 % of time."""
    utc = UtcMap(0.0, 1000.0)
    for second in range(3600):
        utc.feed(second * 0.99, 1000.0 + second)
    assert utc.at_ms(3599 * 0.99) / 1000 > 4599 - 12


def test_a_stall_moves_no_dates() -> None:
    utc = UtcMap(0.0, 1000.0)
    for second in range(240):
        utc.feed(second, 1000.0 + max(second, min(120, 60 + second / 2) if second > 60 else 0))
    assert utc.at_ms(239) == pytest.approx(1_239_000, abs=50)

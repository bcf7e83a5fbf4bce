"""Pictures put together from pieces: borders, losses, and what may be given out at the end."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tawny.media.codec.nal import START
from tawny.sources.rtsp.ffmpeg_connection import MOST_UNIT_BYTES, AccessUnit, AccessUnitBuilder, AccessUnitTooBig

SPS, PPS, SEI, AUD = b"\x67sps", b"\x68pps", b"\x06sei", b"\x09\xf0"
IDR, SLICE, SECOND = b"\x65\x88idr", b"\x41\x9aslice", b"\x41\x0asecond"  # the second bit group: first_mb_in_slice


def fed(pieces: Iterable[tuple[bytes, int]], *, glue: bool = False, finish: bool = True) -> list[AccessUnit]:
    units = AccessUnitBuilder("h264", glue=glue)
    done = [unit for data, pts in pieces for unit in units.feed(data, pts)]
    return done + (units.finish() if finish else [])


def start(*nals: bytes) -> bytes:
    return START + START.join(nals)


def test_parameter_sets_belong_to_the_picture_behind_them() -> None:
    pieces = [(start(SPS), 0), (start(PPS), 0), (start(IDR), 0), (start(SPS), 9000), (start(IDR), 9000)]
    assert [unit.nals for unit in fed(pieces)] == [[SPS, PPS, IDR], [SPS, IDR]]


def test_a_unit_is_given_out_when_the_next_begins() -> None:
    units = AccessUnitBuilder("h264", glue=False)
    assert units.feed(start(IDR), 0) == []
    assert units.feed(start(SLICE), 6000) == [AccessUnit([IDR], 0, True)]


def test_slices_of_a_picture_stay_together() -> None:
    pieces = [
        (start(SLICE), 0),
        (start(SECOND), 0),
        (start(SECOND + b"x"), 0),
        (start(SLICE), 6000),
        (start(SECOND), 6000),
    ]
    assert [len(unit.nals) for unit in fed(pieces, finish=False)] == [3]


def test_an_aggregate_is_taken_apart() -> None:
    assert fed([(start(AUD, SPS, PPS, SEI), 0), (start(IDR), 0)])[0].nals == [AUD, SPS, PPS, SEI, IDR]


def test_pieces_of_a_nal_unit_are_joined() -> None:
    pieces = [(start(IDR + b"a" * 100), 0), (b"b" * 104, 0), (b"c", 0), (start(SLICE), 6000)]
    assert fed(pieces, finish=False)[0].nals == [IDR + b"a" * 100 + b"b" * 104 + b"c"]


def test_parameter_sets_with_the_time_of_the_picture_before() -> None:
    pieces = [(start(SLICE), 0), (start(SPS, PPS), 0), (start(IDR), 6000), (start(SLICE), 12000)]
    assert fed(pieces, finish=False) == [AccessUnit([SLICE], 0, True), AccessUnit([SPS, PPS, IDR], 6000, True)]


def test_pictures_whose_times_stand_still() -> None:
    assert [unit.nals for unit in fed([(start(SLICE + bytes([n])), 7) for n in range(1, 4)])] == [
        [SLICE + bytes([n])] for n in range(1, 4)
    ]


def test_what_trails_a_picture_stays_with_it() -> None:
    filler = b"\x0c\xff\xff"
    assert fed([(start(SLICE), 0), (start(filler), 0), (start(SLICE), 6000)], finish=False)[0].nals == [SLICE, filler]


def test_a_picture_without_its_first_slice_is_not_whole() -> None:
    (unit,) = fed([(start(SECOND), 0), (start(SLICE), 6000)], finish=False)
    assert not unit.is_whole


def test_fragments_whose_beginning_is_lost_are_left_out_and_spoil_nothing() -> None:
    pieces = [(start(SLICE), 0), (b"lost", 6000), (b"more of it", 6000), (start(IDR), 12000), (start(SLICE), 18000)]
    assert fed(pieces, finish=False) == [AccessUnit([SLICE], 0, True), AccessUnit([IDR], 12000, True)]


def test_a_time_moved_in_the_middle_of_a_picture_does_not_cut_it() -> None:
    pieces = [(start(IDR + b"a" * 50), 0), (b"b" * 9, 40_000), (start(SECOND), 40_000), (start(SLICE), 46_000)]
    assert fed(pieces, glue=True, finish=False) == [AccessUnit([IDR + b"a" * 50 + b"b" * 9, SECOND], 0, True)]


def test_a_piece_sent_twice_is_taken_once() -> None:
    pieces = [(start(IDR + b"a" * 9), 0), (b"b" * 4 + b"c" * 4, 0), (b"d", 0)]
    twice = [piece for piece in pieces for _ in range(2)]
    assert fed([*twice, (start(SLICE), 6000)], finish=False)[0].nals[0].startswith(IDR + b"a" * 9 + b"bbbbcccc")


def test_equal_pieces_of_filler_are_all_kept() -> None:
    filler = b"\x0c" + b"\xff" * 20
    pieces = [(start(SLICE), 0), (start(filler), 0), (b"\xff" * 20, 0), (b"\xff" * 20, 0), (start(SLICE), 6000)]
    assert len(fed(pieces, finish=False)[0].nals[1]) == 61


def test_start_codes_where_there_should_be_none() -> None:
    inside = SPS + b"\0\0\1" + PPS + b"\0\0\0\1" + IDR
    assert fed([(start(b"\x09\xf0"), 0), (START + inside, 0), (start(SLICE), 6000)], finish=False)[0].nals[-3:] == [
        SPS,
        PPS,
        IDR,
    ]


def test_what_comes_with_senseless_bytes_is_not_given_out() -> None:
    pieces = [(start(SLICE), 0), (start(b"\xe5random"), 0), (start(SLICE), 6000), (start(IDR), 12000)]
    assert fed(pieces) == [AccessUnit([SLICE], 6000, True), AccessUnit([IDR], 12000, True)]


def test_senseless_bytes_behind_a_picture_leave_it_whole() -> None:
    assert fed([(start(SLICE), 0), (start(b"\xe5random"), 6000)]) == [AccessUnit([SLICE], 0, True)]


def test_senseless_nal_units_are_counted_and_left_out() -> None:
    units = AccessUnitBuilder("h264", glue=False)
    for pts in range(0, 30_000, 6000):
        units.feed(start(b"\xe5random" + bytes([pts // 6000])), pts)
    assert units.senseless == 5
    assert units.finish() == []


@pytest.mark.parametrize(
    ("pieces", "given"),
    [
        ([(start(IDR), 0)], 1),
        ([(start(IDR + b"a" * 100), 0), (b"b" * 105, 0), (b"end", 0)], 1),
        ([(start(IDR + b"a" * 100), 0), (b"b" * 104, 0)], 0),
        ([(start(SPS, PPS), 0)], 0),
        ([(start(SLICE), 0), (start(SECOND), 0), (start(SLICE), 6000)], 1),
        ([(start(SLICE), 0), (start(SECOND), 0), (start(SLICE), 6000), (start(SECOND), 6000)], 2),
    ],
    ids=["one", "closed", "cut", "no-slice", "slice-missing", "all-slices"],
)
def test_at_the_end_the_last_picture_is_given_out_if_it_seems_whole(
    pieces: list[tuple[bytes, int]], given: int
) -> None:
    assert len(fed(pieces)) == given


def test_a_picture_without_end_is_refused() -> None:
    units = AccessUnitBuilder("h264", glue=False)
    units.feed(start(IDR), 0)
    with pytest.raises(AccessUnitTooBig):
        for number in range(MOST_UNIT_BYTES // 500_000 + 2):
            units.feed(bytes([number, 1]) * 250_000, 0)


def test_h265_pictures_are_told_apart() -> None:
    vps, idr, trail, second, suffix = b"\x40\x01v", b"\x28\x01\xafi", b"\x02\x01\xd0t", b"\x02\x01\x50s", b"\x50\x01s"
    units = AccessUnitBuilder("h265", glue=False)
    pieces = [
        (start(vps, idr), 0),
        (start(suffix), 0),
        (start(trail), 6000),
        (start(second), 6000),
        (start(trail), 9000),
    ]
    done = [unit.nals for data, pts in pieces for unit in units.feed(data, pts)]
    assert done == [[vps, idr, suffix], [trail, second]]


@given(st.lists(st.tuples(st.binary(min_size=1, max_size=40), st.integers(0, 5), st.booleans()), max_size=60))
def test_any_pieces_give_units_of_sound_form(pieces: list[tuple[bytes, int, bool]]) -> None:
    for glue in (False, True):
        for unit in fed([((START if begins else b"") + data, pts * 3000) for data, pts, begins in pieces], glue=glue):
            assert unit.nals
            assert all(unit.nals)

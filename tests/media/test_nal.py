import pytest
from hypothesis import given
from hypothesis import strategies as st

from tawny.media.codec.nal import (
    annexb,
    is_keyframe,
    join_lengths,
    nal_type,
    parameter_sets,
    split_annexb,
    split_lengths,
)
from tawny.model.packets import VideoFormat
from tests.media.clips import encoded

UNITS = st.lists(st.binary(min_size=1, max_size=60), max_size=8)


def escaped(payload: bytes) -> bytes:
    """A unit as an encoder would write it: no three bytes that could pass for a start code, no zero at the end."""
    out = bytearray()
    for byte in payload:
        if byte <= 3 and out[-2:] == b"\0\0":
            out.append(3)
        out.append(byte)
    return bytes(out) + b"\x80"


@given(UNITS)
def test_units_behind_lengths_come_back(nals: list[bytes]) -> None:
    assert split_lengths(join_lengths(nals)) == nals


@given(UNITS, st.sampled_from([b"\0\0\1", b"\0\0\0\1"]), st.integers(0, 3))
def test_units_behind_start_codes_come_back(payloads: list[bytes], start: bytes, zeros: int) -> None:
    nals = [escaped(payload) for payload in payloads]
    assert split_annexb(b"".join(start + nal + bytes(zeros) for nal in nals)) == nals


@given(st.binary(max_size=200))
def test_splitting_lengths_fails_only_with_value_error_and_loses_nothing(data: bytes) -> None:
    try:
        nals = split_lengths(data)
    except ValueError:
        return
    assert join_lengths(nals) == data


def test_start_codes_of_both_lengths_mix() -> None:
    assert split_annexb(b"\0\0\0\1\x67a\0\0\1\x68b\0\0\0\0\0\1\x65c\0\0") == [b"\x67a", b"\x68b", b"\x65c"]


def test_what_does_not_begin_with_a_start_code_is_refused() -> None:
    with pytest.raises(ValueError, match="start code"):
        split_annexb(b"\x67a\0\0\1\x68b")


@pytest.mark.parametrize("data", [b"\0\0\0\5ab", b"\0\0\0\0", b"\0\0\0", b"\xff\xff\xff\xff\1"])
def test_lengths_that_do_not_add_up_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        split_lengths(data)


def test_an_empty_unit_is_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        join_lengths([b"a", b""])
    with pytest.raises(ValueError, match="empty"):
        nal_type("h264", b"")


@pytest.mark.parametrize(
    ("codec", "nal", "is_key"),
    [
        ("h264", b"\x65", True),
        ("h264", b"\x25", True),
        ("h264", b"\x41", False),
        ("h264", b"\x67", False),
        ("h265", b"\x26\1", True),
        ("h265", b"\x2a\1", True),
        ("h265", b"\x20\1", True),
        ("h265", b"\x2c\1", False),
        ("h265", b"\x02\1", False),
    ],
)
def test_keyframes_are_known_by_their_type(codec: str, nal: bytes, is_key: bool) -> None:
    assert is_keyframe("h264" if codec == "h264" else "h265", [b"\x06\5", nal]) is is_key


def test_parameter_sets_are_put_in_order_and_told_once() -> None:
    vps, sps, pps, idr = b"\x40\1v", b"\x42\1s", b"\x44\1p", b"\x26\1i"
    assert parameter_sets("h265", [pps, sps, idr, vps, pps]) == (vps, sps, pps)
    assert parameter_sets("h264", [b"\x68p", b"\x65i", b"\x67s"]) == (b"\x67s", b"\x68p")


def test_a_keyframe_for_a_decoder_has_parameter_sets_in_front() -> None:
    video = VideoFormat("h264", 16, 16, (b"\x67s", b"\x68p"))
    assert annexb(join_lengths([b"\x65i"]), video) == b"\0\0\0\1\x67s\0\0\0\1\x68p\0\0\0\1\x65i"


def test_parameter_sets_of_its_own_are_left_as_they_are() -> None:
    video = VideoFormat("h264", 16, 16, (b"\x67s", b"\x68p"))
    own = join_lengths([b"\x67t", b"\x68q", b"\x65i"])
    assert split_annexb(annexb(own, video)) == [b"\x67t", b"\x68q", b"\x65i"]
    assert annexb(join_lengths([b"\x41x"]), video) == b"\0\0\0\1\x41x"


def test_both_ways_of_stringing_turn_into_each_other() -> None:
    clip = encoded("h264", params="bframes=0:slices=3")
    unit = clip.units[1]
    assert len(split_lengths(unit.data)) == 3
    assert join_lengths(split_annexb(annexb(unit.data, clip.video))) == unit.data

"""Parameter sets as containers keep them."""

from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tawny.media.codec.demuxer import CodecSetup, read_extradata
from tawny.model.packets import VideoCodec

CODECS: tuple[VideoCodec, ...] = ("h264", "h265")
SPS, PPS, VPS = b"\x67sps", b"\x68pp", b"\x40\x01v"


def avcc(length_bytes: int = 4) -> bytes:
    sets = pack(">BH", 0xE1, len(SPS)) + SPS + pack(">BH", 1, len(PPS)) + PPS
    return b"\x01\x64\x00\x1f" + bytes([0xFC | length_bytes - 1]) + sets


def hvcc() -> bytes:
    arrays = b"".join(bytes([kind]) + pack(">HH", 1, len(nal)) + nal for kind, nal in ((32, VPS), (33, SPS), (34, PPS)))
    return b"\x01" + bytes(20) + b"\xff\x03" + arrays


@pytest.mark.parametrize("length_bytes", [1, 2, 4])
def test_avcc(length_bytes: int) -> None:
    assert read_extradata("h264", avcc(length_bytes)) == CodecSetup((SPS, PPS), length_bytes)


def test_avcc_may_have_more_behind_its_sets() -> None:
    assert read_extradata("h264", avcc() + b"\xfd\xf8\xf8\0").sets == (SPS, PPS)


def test_hvcc() -> None:
    assert read_extradata("h265", hvcc()) == CodecSetup((VPS, SPS, PPS), 4)


@pytest.mark.parametrize("start", [b"\0\0\1", b"\0\0\0\1"])
def test_annex_b(start: bytes) -> None:
    assert read_extradata("h264", start + SPS + start + PPS) == CodecSetup((SPS, PPS), 0)


def test_nothing_is_annex_b_without_sets() -> None:
    assert read_extradata("h264", b"") == CodecSetup((), 0)


@pytest.mark.parametrize("end", range(1, 17))
def test_what_is_cut_short_is_refused(end: int) -> None:
    with pytest.raises(ValueError, match="cut short"):
        read_extradata("h264", avcc()[:end])


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for tried in (data, b"\1" + data, hvcc()[:23] + data):
        for codec in CODECS:
            try:
                setup = read_extradata(codec, tried)
            except ValueError:
                continue
            assert all(setup.sets)

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tawny.media.codec.parameter_sets import parse_sps, same_picture, sps_of, video_format
from tawny.media.codec.sps import Bits, unescaped
from tawny.model.packets import VideoCodec, VideoFormat
from tests.media.clips import encoded

CODECS: tuple[VideoCodec, ...] = ("h264", "h265")


def changed(video: VideoFormat, kind: int, nal: bytes) -> VideoFormat:
    sets = list(video.parameter_sets)
    sets[kind] = nal
    return replace(video, parameter_sets=tuple(sets))


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("size", [(160, 112), (322, 242), (1280, 720), (1920, 1080), (2304, 1296)])
def test_the_size_is_what_is_left_after_cropping(codec: VideoCodec, size: tuple[int, int]) -> None:
    video = encoded(codec, frames=1, size=size).video
    assert (video.width, video.height) == size


@pytest.mark.parametrize(
    ("codec", "pixels", "chroma", "depth"),
    [
        ("h264", "yuv420p", 1, 8),
        ("h264", "yuv422p", 2, 8),
        ("h264", "yuv444p", 3, 8),
        ("h264", "yuv420p10le", 1, 10),
        ("h264", "gray", 0, 8),
        ("h265", "yuv420p", 1, 8),
        ("h265", "yuv422p10le", 2, 10),
        ("h265", "yuv444p", 3, 8),
    ],
)
def test_chroma_and_depth_are_read(codec: VideoCodec, pixels: str, chroma: int, depth: int) -> None:
    sps = sps_of(encoded(codec, frames=2, pixels=pixels).video)
    assert (sps.chroma, sps.bit_depth, sps.chroma_bit_depth) == (chroma, depth, depth)
    assert (sps.width, sps.height) == (160, 112)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize(("params", "reorder"), [("bframes=0", 0), ("bframes=1", 1), ("bframes=3", 2)])
def test_the_reorder_depth_is_read(codec: VideoCodec, params: str, reorder: int) -> None:
    assert sps_of(encoded(codec, params=params).video).reorder == reorder


@pytest.mark.parametrize("codec", CODECS)
def test_the_frame_rate_is_read(codec: VideoCodec) -> None:
    assert sps_of(encoded(codec).video).fps == 15


def test_interlaced_video_keeps_its_height() -> None:
    sps = sps_of(encoded("h264", frames=2, size=(320, 244), params="bframes=0:tff=1").video)
    assert (sps.width, sps.height, sps.interlaced) == (320, 244, True)


def test_scaling_lists_are_stepped_over() -> None:
    assert sps_of(encoded("h264", frames=1, params="bframes=0:cqm=jvt").video).fps == 15
    assert sps_of(encoded("h265", frames=1, params="bframes=0:scaling-list=default").video).fps == 15


@pytest.mark.parametrize("codec", CODECS)
def test_what_comes_after_the_size_may_be_cut_off(codec: VideoCodec) -> None:
    video = encoded(codec).video
    sps = next(nal for nal in video.parameter_sets if nal[0] in (0x67, 0x42))
    short = parse_sps(codec, sps[:-6])
    assert (short.width, short.height, short.fps) == (160, 112, None)


@pytest.mark.parametrize("codec", CODECS)
def test_bytes_behind_a_set_do_no_harm(codec: VideoCodec) -> None:
    video = encoded(codec).video
    sps = next(nal for nal in video.parameter_sets if nal[0] in (0x67, 0x42))
    assert parse_sps(codec, sps + b"\0\0\xaa") == sps_of(video)


@pytest.mark.parametrize("codec", CODECS)
def test_random_bytes_hardly_ever_pass_for_a_set(codec: VideoCodec) -> None:
    chance = random.Random(7)
    head = {"h264": b"\x67", "h265": b"\x42\1"}[codec]
    passed = 0
    for _ in range(4000):
        try:
            parse_sps(codec, head + chance.randbytes(40))
        except ValueError:
            continue
        passed += 1
    assert passed <= 4


@pytest.mark.parametrize(
    ("at", "value"),
    [(0, 0xE7), (0, 0x68), (1, 99), (2, 0xC3), (3, 7)],
    ids=["forbidden bit", "not an SPS", "profile", "reserved bits", "level"],
)
def test_an_h264_set_with_an_impossible_byte_is_refused(at: int, value: int) -> None:
    video = encoded("h264").video
    sps = bytearray(video.parameter_sets[0])
    sps[at] = value
    with pytest.raises(ValueError, match=r"impossible|not an"):
        parse_sps("h264", bytes(sps))


@pytest.mark.parametrize(
    ("at", "value"),
    [(0, 0x44), (1, 0), (2, 0x0F), (3, 0x41), (3, 0x1F), (14, 94)],
    ids=["not an SPS", "layer", "sub-layers", "space", "profile", "level"],
)
def test_an_h265_set_with_an_impossible_byte_is_refused(at: int, value: int) -> None:
    video = encoded("h265").video
    sps = bytearray(video.parameter_sets[1])
    # the level is the 13th byte behind the header, one emulation prevention byte before it
    sps[at + (1 if at == 14 and sps[9:12] == b"\0\0\3" else 0)] = value
    with pytest.raises(ValueError, match=r"impossible|not an|reserved|parameter set"):
        parse_sps("h265", bytes(sps))


def test_a_picture_smaller_than_16_pixels_is_refused() -> None:
    # baseline, level 1, one macroblock each way, cropped by 2 pixels
    bits = "01000010000000000000101011011101111110101101"
    padded = bits + "0" * (-len(bits) % 8)
    nal = b"\x67" + int(padded, 2).to_bytes(len(padded) // 8, "big")
    with pytest.raises(ValueError, match="14x16"):
        parse_sps("h264", nal)


@given(st.sampled_from(CODECS), st.integers(0, 400), st.integers(0, 7))
def test_a_set_with_one_wrong_bit_is_read_or_refused(codec: VideoCodec, at: int, bit: int) -> None:
    video = encoded(codec).video
    sps = bytearray(video.parameter_sets[CODECS.index(codec)])
    sps[at % len(sps)] ^= 1 << bit
    try:
        seen = parse_sps(codec, bytes(sps))
    except ValueError:
        return
    assert 16 <= seen.width <= 16_384
    assert 16 <= seen.height <= 16_384


def test_emulation_prevention_is_taken_out_once() -> None:
    assert unescaped(b"\0\0\3\1\0\0\3\0\0\3\3\0\3") == b"\0\0\1\0\0\0\0\3\0\3"


@given(st.integers(0, 2**32 - 2))
def test_an_exponential_golomb_code_is_read(value: int) -> None:
    code = f"{value + 1:b}"
    bits = "0" * (len(code) - 1) + code + "1"
    padded = bits + "0" * (-len(bits) % 8)
    reader = Bits(int(padded, 2).to_bytes(len(padded) // 8, "big"))
    assert reader.number(2**32) == value
    assert reader.flag()


def test_a_code_without_end_is_refused() -> None:
    with pytest.raises(ValueError, match="no code"):
        Bits(bytes(9)).number(10)
    with pytest.raises(ValueError, match="ends early"):
        Bits(b"\0").number(10)


# --- formats ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("codec", CODECS)
def test_the_order_and_repetition_of_sets_does_not_matter(codec: VideoCodec) -> None:
    video = encoded(codec).video
    assert video_format(codec, [*reversed(video.parameter_sets), *video.parameter_sets]) == video


@pytest.mark.parametrize("codec", CODECS)
def test_other_units_and_overlong_sets_are_left_out(codec: VideoCodec) -> None:
    video = encoded(codec).video
    pps = video.parameter_sets[-1]
    other = {"h264": b"\x06sei", "h265": b"\x4e\1sei"}[codec]
    assert video_format(codec, [other, *video.parameter_sets, pps + bytes(5000)]) == video


@pytest.mark.parametrize("codec", CODECS)
def test_a_missing_set_is_refused(codec: VideoCodec) -> None:
    sets = encoded(codec).video.parameter_sets
    for missing in range(len(sets)):
        with pytest.raises(ValueError, match="missing"):
            video_format(codec, sets[:missing] + sets[missing + 1 :])


def test_of_the_same_id_the_last_set_counts() -> None:
    sps, pps = encoded("h264").video.parameter_sets
    assert video_format("h264", [sps, b"\x68\xce\x01\x80", pps]).parameter_sets == (sps, pps)


def test_several_picture_sets_are_kept_up_to_four() -> None:
    sps, pps = encoded("h264").video.parameter_sets
    # ids 1 to 5, all for SPS 0
    more = [bytes([0x68, int(code, 2) << 8 - len(code) & 0xFF, 0x80]) for code in ("0101", "0111", "001001", "001011")]
    kept = video_format("h264", [sps, pps, *more]).parameter_sets
    assert kept == (sps, pps, *more[:3])


def test_a_picture_set_without_its_sequence_set_does_not_count() -> None:
    sps, _ = encoded("h264").video.parameter_sets
    with pytest.raises(ValueError, match="missing"):
        video_format("h264", [sps, b"\x68\xa8\x80"])  # id 0, for SPS 1


# --- whether one file may hold both ----------------------------------------------------------------------------------


@pytest.mark.parametrize("codec", CODECS)
def test_what_differs_in_looks_is_another_picture(codec: VideoCodec) -> None:
    video = encoded(codec).video
    others = [
        encoded(codec, frames=2, size=(176, 112)).video,
        encoded(codec, params="bframes=3").video,
        encoded(codec, frames=2, pixels="yuv444p").video,
        encoded("h265" if codec == "h264" else "h264").video,
    ]
    assert same_picture(video, video)
    assert [same_picture(video, other) for other in others] == [False] * 4


@pytest.mark.parametrize("codec", CODECS)
def test_what_differs_only_in_other_bits_is_the_same_picture(codec: VideoCodec) -> None:
    video = encoded(codec).video
    colour = encoded(codec, frames=2, params="bframes=0:colormatrix=bt709").video
    assert colour != video
    assert same_picture(video, colour)

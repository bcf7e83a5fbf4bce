"""Which units become packets, which of them are keyframes, and with what format."""

from functools import lru_cache

import pytest

from tawny.media.codec.nal import join_lengths, split_lengths
from tawny.model.packets import SourcePacket, VideoCodec
from tawny.sources.packet_builder import PacketBuilder
from tawny.testing.clips import ClipSpec, SampleClip, made_clip


@lru_cache
def clip(codec: VideoCodec = "h264", width: int = 320) -> SampleClip:
    return made_clip(ClipSpec(codec=codec, width=width, height=width * 3 // 4, seconds=1))


def units(shot: SampleClip, *, in_band: bool = True) -> list[list[bytes]]:
    sets = shot.video.parameter_sets if in_band else ()
    return [[*(sets if p.is_keyframe else ()), *split_lengths(p.data)] for p in shot.packets]


def through(pictures: PacketBuilder, shots: list[list[bytes]]) -> list[SourcePacket]:
    packets = (pictures.packet(nals, number * 6000) for number, nals in enumerate(shots))
    return [packet for packet in packets if packet is not None]


@pytest.mark.parametrize("codec", ["h264", "h265"])
def test_units_come_out_as_they_are(codec: VideoCodec) -> None:
    shots = units(clip(codec))
    packets = through(PacketBuilder(codec), shots)
    assert [packet.data for packet in packets] == [join_lengths(nals) for nals in shots]
    assert packets[0].is_keyframe
    assert packets[0].format == clip(codec).video
    assert sum(packet.is_keyframe for packet in packets) == 1


def test_announced_sets_do_for_a_stream_without_any() -> None:
    packets = through(PacketBuilder("h264", clip().video.parameter_sets), units(clip(), in_band=False))
    assert packets[0].is_keyframe
    assert packets[0].format == clip().video


def test_nothing_is_given_out_before_parameter_sets_are_known() -> None:
    assert through(PacketBuilder("h264"), units(clip(), in_band=False)) == []


def test_nothing_is_given_out_before_a_keyframe() -> None:
    assert through(PacketBuilder("h264", clip().video.parameter_sets), units(clip())[1:]) == []


def test_the_streams_own_sets_win() -> None:
    packets = through(PacketBuilder("h264", clip(width=160).video.parameter_sets), units(clip()))
    assert packets[0].format == clip().video


def test_sets_that_come_before_their_keyframe_count() -> None:
    sps, pps = clip().video.parameter_sets
    pictures = PacketBuilder("h264")
    pictures.packet([sps], 0)
    pictures.packet([pps], 0)
    assert through(pictures, units(clip(), in_band=False))[0].is_keyframe


def test_another_size_is_another_format_from_its_keyframe_on() -> None:
    first, second = units(clip()), units(clip(width=160))
    packets = through(PacketBuilder("h264"), first + second)
    assert [packet.format for packet in packets] == [clip().video] * len(first) + [clip(width=160).video] * len(second)
    assert packets[len(first)].is_keyframe


def test_sets_that_change_nothing_that_matters_are_no_new_format() -> None:
    sps, pps = clip().video.parameter_sets
    other = [[sps, pps + b"\0\0\3", *nals[2:]] if len(nals) > 2 else nals for nals in units(clip())]
    packets = through(PacketBuilder("h264"), units(clip()) + other)
    assert {packet.format for packet in packets} == {clip().video}


def test_a_changed_set_that_does_not_come_again_is_a_new_format() -> None:
    sps, pps = clip().video.parameter_sets
    pictures = PacketBuilder("h264")
    through(pictures, units(clip()))
    pictures.packet([sps, pps + b"\0\0\3"], 0)
    assert through(pictures, units(clip(), in_band=False))[0].format != clip().video


@pytest.mark.parametrize("sps", [b"\x67", b"\x67\xff\xff\xff\xff\xff", b"\x67" + bytes(20)])
def test_a_keyframe_with_impossible_sets_is_none(sps: bytes) -> None:
    pictures = PacketBuilder("h264")
    through(pictures, units(clip()))
    _, pps = clip().video.parameter_sets
    key = units(clip(), in_band=False)[0]
    packet = pictures.packet([sps, pps, *key], 0)
    assert packet is not None
    assert not packet.is_keyframe
    assert through(pictures, units(clip()))[0].is_keyframe, "and it goes on with valid ones"


def test_a_unit_without_its_beginning_is_no_keyframe() -> None:
    pictures = PacketBuilder("h264")
    through(pictures, units(clip()))
    packet = pictures.packet(units(clip())[0], 0, is_whole=False)
    assert packet is not None
    assert not packet.is_keyframe


def test_bytes_that_name_no_known_picture_parameters_are_left_out_and_counted() -> None:
    pictures = PacketBuilder("h264")
    through(pictures, units(clip()))
    assert pictures.packet([b"\x41\x9a" + b"\0\0\7random"], 0) is None or pictures.senseless == 0
    assert pictures.packet([b"\x41" + bytes(20)], 0) is None
    assert pictures.senseless >= 1

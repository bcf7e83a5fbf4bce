"""Which picture parameters a slice names, and what is no slice."""

import pytest

from tawny.media.codec.nal import split_lengths
from tawny.model.packets import VideoCodec, VideoFormat
from tawny.sources.packet_builder import is_slice, pps_ids, slice_pps_id
from tawny.testing.clips import ClipSpec, made_clip


@pytest.mark.parametrize("codec", ["h264", "h265"])
def test_every_slice_of_a_clip_names_its_parameters(codec: VideoCodec) -> None:
    clip = made_clip(ClipSpec(codec, seconds=1, slices=2))
    slices = [n for packet in clip.packets for n in split_lengths(packet.data) if is_slice(codec, n)]
    assert len(slices) == 30
    assert {slice_pps_id(codec, nal) for nal in slices} == pps_ids(clip.video) == {0}


@pytest.mark.parametrize("nal", [b"\x41", b"\x41\0\0\0", b"\x41" + bytes(20), b"\x41\x80"])
def test_what_ends_early_or_has_impossible_numbers_is_no_slice(nal: bytes) -> None:
    with pytest.raises(ValueError, match="parameter set"):
        slice_pps_id("h264", nal)


def test_ids_are_those_of_the_format() -> None:
    sps, _ = made_clip(ClipSpec(seconds=1)).video.parameter_sets
    second, third = b"\x68\x40", b"\x68\x60"  # ids 1 and 2
    assert pps_ids(VideoFormat("h264", 320, 240, (sps, second, third))) == {1, 2}

"""Packets to pictures."""

from collections.abc import Sequence
from dataclasses import replace

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tawny.media.codec.decoder import DecodedFrame, Decoder
from tawny.model.ids import CameraId, RunId
from tawny.model.packets import Packet, SourcePacket, VideoCodec
from tests.media.clips import Clip, encoded

PORCH = CameraId("porch")
START_MS = 1_795_000_000_000


def _packets(clip: Clip) -> list[Packet]:
    return [
        Packet(RunId("r"), n, clip.video, unit.data, unit.pts, START_MS + unit.pts // 90, unit.is_keyframe)
        for n, unit in enumerate(clip.units)
    ]


def _frames(decoder: Decoder, packets: Sequence[Packet | SourcePacket]) -> list[DecodedFrame]:
    return [frame for packet in packets for frame in decoder.decode(packet)] + decoder.drain()


@pytest.mark.parametrize("codec", ["h264", "h265"])
@pytest.mark.parametrize("params", ["bframes=0", "bframes=3"])
def test_every_picture_comes_once_in_order_with_its_time(codec: VideoCodec, params: str) -> None:
    clip = encoded(codec, params=params)
    frames = _frames(Decoder(clip.video, PORCH), _packets(clip))
    assert [frame.at_ms for frame in frames] == sorted(START_MS + unit.pts // 90 for unit in clip.units)
    assert {frame.camera for frame in frames} == {PORCH}


def test_without_reordering_each_packet_gives_its_picture_at_once() -> None:
    clip = encoded("h264")
    decoder = Decoder(clip.video)
    assert [len(decoder.decode(packet)) for packet in _packets(clip)] == [1] * len(clip.units)


def test_a_packet_of_a_source_has_its_time_from_zero() -> None:
    clip = encoded("h264")
    packets = [SourcePacket(clip.video, unit.data, unit.pts, unit.is_keyframe) for unit in clip.units]
    assert [frame.at_ms for frame in _frames(Decoder(clip.video), packets)][:3] == [0, 66, 133]


@pytest.mark.parametrize("codec", ["h264", "h265"])
def test_luma_is_the_y_plane_without_a_copy(codec: VideoCodec) -> None:
    clip = encoded(codec, size=(162, 114), frames=1)  # rows that FFmpeg pads
    (frame,) = _frames(Decoder(clip.video), _packets(clip))
    assert frame.luma.shape == (114, 162) == (frame.height, frame.width)
    assert frame.luma.dtype == np.uint8
    assert not frame.luma.flags.owndata
    assert np.array_equal(frame.luma, frame.video.to_ndarray(format="yuv420p")[:114, :162])


@pytest.mark.parametrize("pixels", ["yuv420p10le", "yuv444p", "yuv422p"])
def test_other_forms_of_pictures_have_the_same_luma(pixels: str) -> None:
    clip, usual = encoded("h264", frames=1, pixels=pixels), encoded("h264", frames=1)
    (frame,) = _frames(Decoder(clip.video), _packets(clip))
    (expected,) = _frames(Decoder(usual.video), _packets(usual))
    assert frame.luma.dtype == np.uint8
    assert np.abs(frame.luma.astype(int) - expected.luma).mean() < 2


def test_pictures_of_the_three_colours_have_a_luma() -> None:
    picture = av.VideoFrame.from_ndarray(np.full((10, 16, 3), (255, 0, 0), np.uint8), format="rgb24")
    frame = DecodedFrame(picture, PORCH, START_MS)
    assert frame.luma.shape == (10, 16)
    assert frame.rgb.shape == (10, 16, 3)


def test_rgb_is_uint8_and_as_large() -> None:
    clip = encoded("h264", frames=1)
    (frame,) = _frames(Decoder(clip.video), _packets(clip))
    assert frame.rgb.shape == (112, 160, 3)
    assert frame.rgb.dtype == np.uint8


def test_it_begins_with_a_keyframe() -> None:
    clip = encoded("h264", frames=45, gop=15)
    frames = _frames(Decoder(clip.video), _packets(clip)[7:])
    assert frames[0].at_ms == START_MS + 1000
    assert len(frames) == 30


def test_after_a_damaged_packet_it_goes_on_at_the_next_keyframe() -> None:
    clip = encoded("h264", frames=45, gop=15)
    packets = _packets(clip)
    packets[5] = replace(packets[5], data=packets[5].data[:-9])
    decoder = Decoder(clip.video)
    frames = _frames(decoder, packets)
    assert decoder.errors == 1
    assert [round((frame.at_ms - START_MS) * 15 / 1000) for frame in frames] == [*range(5), *range(15, 45)]


@settings(max_examples=60, deadline=None)
@given(st.data())
@pytest.mark.parametrize("codec", ["h264", "h265"])
def test_nothing_that_comes_ends_it(codec: VideoCodec, data: st.DataObject) -> None:
    clip = encoded(codec, frames=30, gop=10)
    packets, decoder = _packets(clip), Decoder(clip.video)
    for packet in packets[:20]:
        spoilt = bytearray(packet.data)
        for at in data.draw(st.lists(st.integers(0, len(spoilt) - 1), max_size=4)):
            spoilt[at] ^= data.draw(st.integers(1, 255))
        cut = data.draw(st.integers(0, len(spoilt)))
        decoder.decode(replace(packet, data=bytes(spoilt[:cut]) if cut % 3 == 0 else bytes(spoilt)))
    last = [frame for packet in packets[20:] for frame in decoder.decode(packet)] + decoder.drain()
    assert {START_MS + unit.pts // 90 for unit in clip.units[20:]} <= {frame.at_ms for frame in last}


def test_pictures_that_none_refers_to_can_be_left_out() -> None:
    clip = encoded("h264", frames=45, params="bframes=2:b-pyramid=none")
    decoder = Decoder(clip.video)
    decoder.leave_out_unreferenced(leave_out=True)
    fewer = _frames(decoder, _packets(clip))
    assert 10 <= len(fewer) <= 20
    decoder.leave_out_unreferenced(leave_out=False)
    assert len(_frames(decoder, _packets(clip))) == 45

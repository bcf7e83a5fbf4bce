"""Decoding in hardware that is not there, breaks, or works: the pictures come in any case."""

import logging
from typing import Any, cast

import av
import pytest
from av.video.codeccontext import VideoCodecContext

from tawny.media.codec.decoder import FAILURES, SOFTWARE, Decoder, HardwareDecoder, devices
from tawny.model.packets import SourcePacket, VideoCodec, VideoFormat
from tests.media.clips import encoded


class Broken:
    """Opens, works for so many packets, and then never again."""

    def __init__(self, works_for: int) -> None:
        self._left = works_for
        self._real: Any = av.CodecContext.create("h264", "r")

    def open(self) -> None:
        self._real.extradata = self.extradata
        self._real.open()

    def decode(self, packet: Any) -> Any:
        self._left -= 1
        if self._left < 0:
            raise av.error.ExternalError(-1, "the device is gone")
        return self._real.decode(packet)

    def flush_buffers(self) -> None:
        self._real.flush_buffers()

    thread_count, extradata, skip_frame = 0, b"", ""


def _breaks_after(packets: int) -> HardwareDecoder:
    return HardwareDecoder("breaks", lambda _codec: cast("VideoCodecContext", Broken(packets)))


def _refuses(_codec: VideoCodec) -> VideoCodecContext:
    raise av.error.PermissionError(1, "no such device")


def _packets(frames: int = 30) -> list[SourcePacket]:
    clip = encoded("h264", frames=frames)
    return [SourcePacket(clip.video, unit.data, unit.pts, unit.is_keyframe) for unit in clip.units]


def _decoded(decoder: Decoder, packets: list[SourcePacket]) -> int:
    return sum(len(decoder.decode(packet)) for packet in packets)


def test_where_no_device_opens_it_is_software() -> None:
    packets = _packets()
    decoder = Decoder(_video(packets), devices=[HardwareDecoder("a", _refuses), HardwareDecoder("b", _refuses)])
    assert decoder.how == SOFTWARE
    assert decoder.refused == ["a", "b"]
    assert _decoded(decoder, packets) == len(packets)


def test_the_first_device_that_opens_is_taken() -> None:
    packets = _packets()
    decoder = Decoder(_video(packets), devices=[HardwareDecoder("a", _refuses), _breaks_after(1000)])
    assert decoder.how == "breaks"
    assert _decoded(decoder, packets) == len(packets)


def test_a_device_that_breaks_is_given_up_and_it_is_said(caplog: pytest.LogCaptureFixture) -> None:
    packets = _packets()
    decoder = Decoder(_video(packets), devices=[_breaks_after(5)])
    keyframes = [packet for packet in packets if packet.is_keyframe]
    assert _decoded(decoder, packets[:5]) == 5
    with caplog.at_level(logging.WARNING):
        for _ in range(FAILURES):
            decoder.decode(keyframes[0])
    assert decoder.how == SOFTWARE
    assert decoder.errors == FAILURES
    assert decoder.refused == ["breaks"]
    assert "falling back to software" in caplog.text
    assert _decoded(decoder, packets) == len(packets)


def test_damage_now_and_then_is_not_the_device_s_fault() -> None:
    packets = _packets()
    decoder = Decoder(_video(packets), devices=[_breaks_after(1000)])
    for _ in range(2 * FAILURES):
        decoder.decode(SourcePacket(_video(packets), b"\0\0", 0, is_keyframe=True))
        assert _decoded(decoder, packets) == len(packets)
    assert decoder.how == "breaks"


def test_what_ffmpeg_lists_is_tried_in_order_of_preference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tawny.media.codec.decoder.hwdevices_available", lambda: ["other", "cuda", "vaapi"])
    names = [device.name for device in devices(VideoFormat("h264", 1920, 1080, ()))]
    assert names == ["vaapi", "cuda", "other", "h264_v4l2m2m"]


def test_small_pictures_are_not_worth_it() -> None:
    assert list(devices(VideoFormat("h264", 640, 360, ()))) == []


@pytest.mark.parametrize("codec", ["h264", "h265"])
def test_whatever_there_is_on_this_computer_the_pictures_come(codec: VideoCodec) -> None:
    clip = encoded(codec, size=(960, 540), frames=10)
    packets = [SourcePacket(clip.video, unit.data, unit.pts, unit.is_keyframe) for unit in clip.units]
    decoder = Decoder(clip.video, devices=devices(clip.video))
    assert _decoded(decoder, packets) + len(decoder.drain()) == len(packets)


def _video(packets: list[SourcePacket]) -> VideoFormat:
    video = packets[0].format
    assert isinstance(video, VideoFormat)
    return video

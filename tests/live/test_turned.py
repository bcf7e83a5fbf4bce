import threading
from dataclasses import replace

import pytest

from tawny.live import stream_choice
from tawny.live.stream_choice import TranscodedStream, choose_stream
from tawny.media.codec.decoder import Decoder
from tawny.model.errors import SourceUnusable
from tawny.model.ids import RunId, StreamName
from tawny.model.packets import Packet, VideoFormat
from tawny.stream.hub import Hub
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.waiting import until
from tests.live.cameras import START_MS, numbered, video

CLIP = made_clip(ClipSpec(codec="h265", seconds=2.0))
H265 = [
    Packet(RunId("r"), number, one.format, one.data, one.pts, START_MS + one.pts // 90, one.is_keyframe)
    for number, one in enumerate(CLIP.packets)
]


def filled(packets: list[Packet]) -> Hub:
    hub = Hub()
    for packet in packets:
        hub.append(packet)
    return hub


def test_what_browsers_cannot_play_becomes_what_they_can() -> None:
    source = filled(H265[:1])
    turned = TranscodedStream(source)
    turned.open()
    for packet in H265[1:]:
        source.append(packet)
    until(lambda: (newest := turned.hub.newest) and newest.at_ms >= H265[-1].at_ms - 500, 60, "turned pictures")
    made = turned.hub.recent(30)
    turned.close()
    assert isinstance(made[0].format, VideoFormat)
    assert made[0].format.codec == "h264"
    assert made[0].is_keyframe
    decoder = Decoder(made[0].format)
    shown = [frame.at_ms for packet in made for frame in decoder.decode(packet)]
    assert set(shown) <= {packet.at_ms for packet in H265}
    assert len(shown) == len(made)


def test_the_work_ends_with_the_last_viewer_and_begins_with_the_next() -> None:
    turned = TranscodedStream(filled(H265))
    for _ in range(2):
        others = set(threading.enumerate())
        turned.open()
        turned.open()
        (thread,) = {one for one in threading.enumerate() if one.name == "turned"} - others
        turned.close()
        assert thread.is_alive()
        turned.close()
        thread.join(60)
        assert not thread.is_alive()


def test_all_who_need_it_share_one() -> None:
    source = filled(H265[:3])
    choice = choose_stream({StreamName.MAIN: source}, "auto", ["h264"], START_MS)
    assert choice
    assert choice.turns
    with choice.opened() as one, choice.opened() as other:
        assert one is other
        assert one is not source


def test_the_small_picture_is_passed_on_before_anything_is_turned() -> None:
    hubs = {StreamName.MAIN: filled(H265[:3]), StreamName.SUB: filled(list(numbered(video(count=3))))}
    choice = choose_stream(hubs, "auto", ["h264"], START_MS)
    assert choice
    assert (choice.name, choice.turns) == (StreamName.SUB, False)
    choice = choose_stream(hubs, "auto", ["h264", "h265"], START_MS)
    assert choice
    assert (choice.name, choice.turns) == (StreamName.MAIN, False)


def test_a_camera_without_pictures_has_no_choice_to_offer() -> None:
    assert choose_stream({}, "auto", ["h264"], START_MS) is None
    silent = choose_stream({StreamName.MAIN: Hub()}, "auto", ["h264"], START_MS)
    assert silent
    assert not silent.turns


def test_times_of_turned_pictures_go_on_over_a_new_run() -> None:
    source = filled(H265[:1])
    turned = TranscodedStream(source)
    turned.open()
    later = [replace(one, run=RunId("s"), number=100 + one.number, at_ms=one.at_ms + 5000) for one in H265]
    for packet in [*H265[1:], *later]:
        source.append(packet)
    until(lambda: (newest := turned.hub.newest) and newest.at_ms >= later[-1].at_ms - 500, 60, "the second run")
    turned.close()
    numbers = [packet.number for packet in turned.hub.recent(30)]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_it_goes_on_after_the_clock_was_set_back() -> None:
    source = filled(H265[:1])
    turned = TranscodedStream(source)
    turned.open()
    for packet in H265[1:]:
        source.append(packet)
    until(lambda: (newest := turned.hub.newest) and newest.at_ms >= H265[-1].at_ms - 500, 60, "the first run")
    hour_back = [
        replace(one, run=RunId("s"), number=len(H265) + one.number, at_ms=one.at_ms - 3_600_000) for one in H265
    ]
    for packet in hour_back:
        source.append(packet)
    last_ms = hour_back[-1].at_ms
    until(lambda: (newest := turned.hub.newest) and last_ms - 500 <= newest.at_ms <= last_ms, 30, "the second run")
    turned.close()
    first = next(packet for packet in turned.hub.recent(7200) if packet.at_ms <= last_ms)
    assert first.is_keyframe
    assert first.at_ms in {packet.at_ms for packet in hour_back if packet.is_keyframe}


def test_the_next_viewer_starts_it_again_after_the_encoder_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise SourceUnusable("the encoder", "it can't be opened")

    others = set(threading.enumerate())
    turned = TranscodedStream(filled(H265))
    with monkeypatch.context() as broken:
        broken.setattr(stream_choice, "Reencoder", fails)
        turned.open()
        for thread in {one for one in threading.enumerate() if one.name == "turned"} - others:
            thread.join(30)
    turned.open()
    until(lambda: turned.hub.newest, 30, "turned pictures")
    for _ in range(2):
        turned.close()


def test_a_viewer_without_a_thread_keeps_none_running_later() -> None:
    def refused(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    turned = TranscodedStream(filled(H265))
    with pytest.MonkeyPatch.context() as patch, pytest.raises(RuntimeError):
        patch.setattr(stream_choice, "start_thread", refused)
        turned.open()
    others = set(threading.enumerate())
    turned.open()
    (thread,) = {one for one in threading.enumerate() if one.name == "turned"} - others
    turned.close()
    thread.join(10)
    assert not thread.is_alive()

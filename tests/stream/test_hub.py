"""The hub: nobody waits for anybody, and memory is bounded."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tawny.model.ids import RunId
from tawny.model.packets import Packet, VideoFormat
from tawny.stream.hub import FRESH_S, Hub, HubReader, live_hubs

FORMAT = VideoFormat("h264", 640, 360, (b"\x67", b"\x68"))
FPS = 10


def packet(number: int, *, gop: int = 10, size: int = 100) -> Packet:
    pts = number * 90_000 // FPS
    return Packet(RunId("r"), number, FORMAT, bytes(size), pts, 1_000_000 + number * 100, number % gop == 0)


def filled(count: int, hub: Hub | None = None) -> Hub:
    hub = hub or Hub(keep_s=3)
    for number in range(count):
        hub.append(packet(number))
    return hub


def numbers(reader: HubReader) -> list[int]:
    return [p.number for p in reader.take().packets]


def test_a_reader_gets_every_packet_once_in_order() -> None:
    hub = filled(1)
    reader = hub.reader()
    got = []
    for number in range(1, 50):
        hub.append(packet(number))
        if number % 7 == 0:
            got += numbers(reader)
    assert got + numbers(reader) == list(range(50))


def test_a_new_reader_begins_with_the_newest_keyframe() -> None:
    assert numbers(filled(25).reader()) == [20, 21, 22, 23, 24]


def test_a_reader_may_begin_in_the_past() -> None:
    assert numbers(filled(35).reader(back_s=1.0))[0] == 20


def test_a_reader_begins_with_the_first_keyframe_of_an_empty_hub() -> None:
    hub = Hub()
    reader = hub.reader()
    hub.append(packet(3))
    hub.append(packet(10))
    hub.append(packet(11))
    assert numbers(reader) == [10, 11]


def test_a_slow_reader_goes_on_at_a_keyframe_and_is_told_what_it_missed() -> None:
    hub = filled(5)
    reader = hub.reader()
    assert numbers(reader) == [0, 1, 2, 3, 4]
    for number in range(5, 100):
        hub.append(packet(number))
    batch = reader.take()
    assert batch.packets[0].is_keyframe
    assert batch.packets[-1].number == 99
    assert batch.skipped == batch.packets[0].number - 5 == reader.missed


def test_the_ring_keeps_what_it_promises_and_little_more() -> None:
    hub = filled(200)
    kept = hub.recent(back_s=3600)
    assert kept[-1].at_ms - kept[0].at_ms >= 3000
    assert kept[-1].at_ms - kept[0].at_ms < 3000 + 2000


@pytest.mark.parametrize("set_back_ms", [0, 5_000, 3_600_000])
def test_the_ring_keeps_no_more_after_the_clock_was_set_back(set_back_ms: int) -> None:
    hub = filled(200)
    for number in range(200, 260):
        late = packet(number)
        hub.append(replace(late, at_ms=late.at_ms - set_back_ms))
        assert hub.size_bytes <= 5100
        assert hub.newest
        assert 10 <= hub.newest.number - hub.begin_at(1.0) <= 20


@pytest.mark.shows("RC5")
def test_bytes_bound_the_ring_whatever_the_bit_rate() -> None:
    hub = Hub(keep_s=3600, max_bytes=10_000)
    for number in range(1000):
        hub.append(packet(number))
    assert hub.size_bytes <= 10_000


def test_a_camera_that_sends_no_further_keyframe_fills_no_memory() -> None:
    hub = Hub(keep_s=3600, max_bytes=10_000)
    follower = hub.reader()
    got: list[int] = []
    for number in range(1000):
        hub.append(packet(number, gop=10_000))
        got += numbers(follower)
    assert hub.size_bytes <= 10_000
    assert got == list(range(1000))
    assert numbers(hub.reader()) == []


def test_every_packet_wakes_until_the_reader_is_closed() -> None:
    woken: list[int] = []
    hub = filled(1)
    reader = hub.reader(wake=lambda: woken.append(1))
    hub.append(packet(1))
    reader.close()
    hub.append(packet(2))
    assert len(woken) == 1


def test_a_viewer_may_skip_to_the_newest_keyframe() -> None:
    hub = filled(5)
    reader = hub.reader()
    for number in range(5, 28):
        hub.append(packet(number))
    reader.skip_to_newest()
    assert numbers(reader)[0] == 20


@given(st.lists(st.integers(0, 40), max_size=30), st.integers(1, 15))
def test_whatever_the_pace_nothing_comes_twice_or_out_of_order(takes: list[int], gop: int) -> None:
    hub = Hub(keep_s=2)
    reader = hub.reader()
    number, got, skipped = 0, [], 0
    for burst in takes:
        for _ in range(burst):
            hub.append(packet(number, gop=gop))
            number += 1
        batch = reader.take()
        got += [p.number for p in batch.packets]
        skipped += batch.skipped
    assert got == sorted(set(got))
    assert len(got) + skipped == number


def test_a_stream_is_live_until_its_newest_picture_is_old() -> None:
    hub, newest_ms = filled(25), packet(24).at_ms
    assert hub.is_live(newest_ms + round(FRESH_S * 1000))
    assert not hub.is_live(newest_ms + round(FRESH_S * 1000) + 1)
    assert not Hub().is_live(0)


def test_a_camera_that_sends_a_picture_every_ten_seconds_is_live_between_them() -> None:
    hub = Hub()
    for at in range(3):
        hub.append(replace(packet(at, gop=1), at_ms=at * 10_000))
    assert hub.is_live(20_000 + 29_000)
    assert not hub.is_live(20_000 + 31_000)


def test_a_pause_between_two_connections_is_no_interval_of_pictures() -> None:
    hub = filled(11)
    hub.append(replace(packet(11, gop=1), run=RunId("s"), at_ms=packet(10).at_ms + 600_000))
    assert not hub.is_live(packet(10).at_ms + 600_000 + 6000)


def test_of_streams_that_are_all_silent_the_last_ones_count() -> None:
    first, last = filled(11), Hub()
    last.append(replace(packet(0), at_ms=packet(10).at_ms + 60_000))
    both = {"first": first, "last": last, "none": Hub()}
    now_ms = packet(10).at_ms
    assert [list(live_hubs(both, now_ms + after_ms)) for after_ms in (60_000, 900_000)] == [["last"], ["last"]]
    assert live_hubs({"none": Hub()}, now_ms) == {}

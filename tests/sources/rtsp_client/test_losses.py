"""From packets that a camera loses or garbles to damage and holes, as everybody else hears of them. No sockets."""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import groupby, pairwise

import pytest

from tawny.model.damage import DamagedSpan
from tawny.model.ids import CameraId, StreamName
from tawny.model.messages import DamageFound, HoleFound, Message
from tawny.model.packets import Packet, VideoCodec
from tawny.protocols.rtp import RtpPacket
from tawny.protocols.sdp import SdpDescription, SdpTrack
from tawny.sources.rtsp.client.tracks import Tracks
from tawny.stream.hub import Hub
from tawny.stream.session import StreamSession
from tawny.testing.clock import FakeClock
from tests.sources.rtsp_client.stream import cut, renumbered

FPS, GOP = 15, 15
Change = Callable[[int, list[RtpPacket]], list[RtpPacket]]
"""What becomes of the packets of the picture of that number."""


class Recorded:
    """A clip, played at its pace and changed on the way."""

    def __init__(self, change: Change, codec: VideoCodec = "h264", slices: int = 1) -> None:
        self.heard: list[Message] = []
        self.hub = Hub(keep_s=1e6)
        clock, tracks = FakeClock(), Tracks(wants_sound=False, stall_s=5.0)
        session = StreamSession(CameraId("door"), StreamName.MAIN, self.hub, clock, self.heard.append)
        video = SdpTrack("video", 96, "H264" if codec == "h264" else "H265", 90_000)
        tracks.choose(SdpDescription(tracks=[video]))
        receiver = tracks.receiver_of(video)
        tracks.begin(clock.mono_s())
        for number, packets in enumerate(_pictures(codec, slices)):
            clock.advance(1 / FPS)
            tracks.now_s = clock.mono_s()
            for packet in change(number, packets):
                data = packet.to_bytes()
                receiver.packet(memoryview(data), 0, len(data))
            tracks.watch(0.0)
            while tracks.packets:
                session.feed(tracks.packets.popleft())
            session.settle()
        session.end("closed")

    @property
    def damage(self) -> list[DamagedSpan]:
        newest = {one.damage.begin_ms: one.damage for one in self.heard if isinstance(one, DamageFound)}
        return list(newest.values())

    @property
    def holes(self) -> list[HoleFound]:
        return [one for one in self.heard if isinstance(one, HoleFound)]

    @property
    def packets(self) -> list[Packet]:
        return self.hub.recent(back_s=1e6)


def _pictures(codec: VideoCodec, slices: int) -> Iterator[list[RtpPacket]]:
    """Four times the clip: 16 s."""
    once = cut(codec, slices)
    step = once[-1].time - once[0].time + 90_000 // FPS
    whole = renumbered([replace(packet, time=packet.time + turn * step) for turn in range(4) for packet in once])
    for _, packets in groupby(whole, key=lambda packet: packet.time):
        yield list(packets)


def losing(*numbers: int) -> Change:
    """The last packet of these pictures."""
    return lambda number, packets: packets[:-1] if number in numbers else packets


def garbling(begin: int, end: int) -> Change:
    chance = random.Random(4)

    def change(number: int, packets: list[RtpPacket]) -> list[RtpPacket]:
        if not begin <= number < end:
            return packets
        return [replace(packet, payload=chance.randbytes(len(packet.payload))) for packet in packets]

    return change


@pytest.mark.parametrize(("codec", "slices"), [("h264", 1), ("h264", 3), ("h265", 1), ("h265", 3)])
def test_a_lost_packet_damages_until_the_next_whole_keyframe(codec: VideoCodec, slices: int) -> None:
    recorded = Recorded(losing(50), codec, slices)
    (damage,) = recorded.damage
    keyframes_ms = [packet.at_ms for packet in recorded.packets if packet.is_keyframe]
    assert damage.packets == 1
    assert damage.units >= 1
    assert damage.end_ms == min(at_ms for at_ms in keyframes_ms if at_ms > damage.begin_ms)
    flagged_ms = [packet.at_ms for packet in recorded.packets if packet.is_damaged]
    assert damage.begin_ms <= min(flagged_ms)
    assert max(flagged_ms) < damage.end_ms
    assert recorded.holes == []


def test_a_damaged_keyframe_is_none() -> None:
    recorded = Recorded(losing(4 * GOP))
    (damage,) = recorded.damage
    assert damage.span.seconds == pytest.approx(1.0, abs=0.15)
    inside = [packet for packet in recorded.packets if damage.begin_ms <= packet.at_ms < damage.end_ms]
    assert len(inside) == pytest.approx(GOP, abs=1)
    assert not any(packet.is_keyframe for packet in inside)


def test_every_lost_packet_is_counted_once() -> None:
    lost = [23, 24, 25, 61, 92, 150, 151]
    recorded = Recorded(losing(*lost))
    assert sum(damage.packets for damage in recorded.damage) == len(lost)
    assert all(one.end_ms <= after.begin_ms for one, after in pairwise(recorded.damage))


def test_rubbish_for_more_than_a_second_is_a_hole() -> None:
    recorded = Recorded(garbling(60, 90))
    (hole,) = recorded.holes
    assert hole.end_ms - hole.begin_ms == pytest.approx(2000, abs=150)


def test_so_is_the_loss_of_all_for_more_than_a_second() -> None:
    recorded = Recorded(lambda number, packets: [] if 60 <= number < 90 else packets)
    (hole,) = recorded.holes
    assert hole.end_ms - hole.begin_ms == pytest.approx(2000, abs=150)
    assert hole.packets_missing > 30
    (damage,) = recorded.damage
    assert damage.begin_ms <= hole.begin_ms + 1


def test_a_camera_that_pauses_and_goes_on_has_lost_nothing() -> None:
    late: list[RtpPacket] = []

    def change(number: int, packets: list[RtpPacket]) -> list[RtpPacket]:
        late.extend(packets)
        if 60 <= number < 90:
            return []
        given = list(late)
        late.clear()
        return given

    recorded = Recorded(change)
    assert recorded.holes == []
    assert recorded.damage == []

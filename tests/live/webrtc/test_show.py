import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

import pytest

from tawny.live.webrtc.live_sender import (
    AGAIN_S,
    AudioPayload,
    AudioTrack,
    G711Track,
    LiveSender,
    OpusTrack,
    cut_picture,
    cuts_of,
    names,
    sounds_of,
)
from tawny.media.codec.nal import join_lengths, nal_type, split_lengths
from tawny.model.packets import AudioFormat, Packet, VideoFormat
from tawny.protocols.rtp import RtpTrack
from tawny.stream.hub import Hub
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.clips import Sound as ClipSound
from tawny.testing.clock import FakeClock
from tests.live.cameras import GOP, RUN, START_MS, numbered, sound, video

PACKETS = list(numbered(video(count=90)))


class FakePeer:
    def __init__(self) -> None:
        self.video = RtpTrack(102, 90_000)
        self.sound: RtpTrack | None = None
        self.opened, self.ended = asyncio.Event(), asyncio.Event()
        self.sent: list[tuple[list[bytes], int]] = []
        self.why = ""
        self.keyframe: Callable[[], None] = lambda: None
        self.came = asyncio.Event()
        self.has_room = asyncio.Event()
        self.has_room.set()
        self.waits = asyncio.Event()

    def send(self, track: RtpTrack, payloads: Sequence[bytes], time: int, at_ms: int) -> None:
        self.sent.append((list(payloads), time))
        self.came.set()

    async def drain(self) -> bool:
        if is_full := not self.has_room.is_set():
            self.waits.set()
        await self.has_room.wait()
        return is_full

    def end(self, why: str) -> None:
        self.why = why
        self.ended.set()

    async def has(self, count: int) -> None:
        async with asyncio.timeout(30):
            while len(self.sent) < count:
                self.came.clear()
                await self.came.wait()


def filled(count: int) -> Hub:
    hub = Hub()
    for packet in PACKETS[:count]:
        hub.append(packet)
    return hub


class Shown:
    """A show that runs."""

    def __init__(self, hub: Hub, sounds: AudioTrack | None = None) -> None:
        video_format = PACKETS[0].format
        assert isinstance(video_format, VideoFormat)
        self.peer, self.clock = FakePeer(), FakeClock()
        if sounds is not None:
            self.peer.sound = RtpTrack(0, 8_000)
        self.show = LiveSender(self.peer, hub, self.clock, video_format, sounds)
        self.task = asyncio.create_task(self.show.run())

    async def end(self) -> None:
        self.peer.ended.set()
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        self.show.close()


async def test_it_begins_with_the_newest_keyframe_once_the_way_is_open() -> None:
    shown = Shown(filled(GOP + 5))
    await asyncio.sleep(0)
    assert shown.peer.sent == []
    shown.peer.opened.set()
    await shown.peer.has(5)
    assert shown.peer.sent[0][0] == cuts_of(Hub()).of(PACKETS[GOP])
    await shown.end()


async def test_pictures_of_before_get_times_close_together_and_the_newest_its_own() -> None:
    shown = Shown(filled(GOP + 5))
    shown.peer.opened.set()
    await shown.peer.has(5)
    times = [time for _, time in shown.peer.sent]
    assert times == sorted(set(times))
    assert times[-1] == PACKETS[GOP + 4].at_ms * 90
    assert times[-1] - times[0] < 200
    await shown.end()


async def test_what_comes_is_sent_with_its_own_time() -> None:
    hub = filled(3)
    shown = Shown(hub)
    shown.peer.opened.set()
    await shown.peer.has(3)
    hub.append(PACKETS[3])
    await shown.peer.has(4)
    assert shown.peer.sent[-1][1] == PACKETS[3].at_ms * 90
    await shown.end()


async def test_a_viewer_that_needs_a_keyframe_gets_the_last_one_again_with_all_after_it() -> None:
    hub = filled(4)
    shown = Shown(hub)
    shown.peer.opened.set()
    await shown.peer.has(4)
    shown.clock.advance(AGAIN_S + 0.1)
    shown.peer.keyframe()
    await shown.peer.has(8)
    assert [payloads for payloads, _ in shown.peer.sent[4:8]] == [payloads for payloads, _ in shown.peer.sent[:4]]
    times = [time for _, time in shown.peer.sent]
    assert times == sorted(set(times))
    await shown.end()


async def test_a_viewer_with_a_slow_line_goes_on_at_the_newest_keyframe() -> None:
    hub = filled(1)
    shown = Shown(hub)
    shown.peer.opened.set()
    await shown.peer.has(1)
    shown.peer.has_room.clear()
    for packet in PACKETS[1 : 3 * GOP + 2]:
        hub.append(packet)
        await asyncio.sleep(0)
    assert len(shown.peer.sent) == 1
    shown.peer.has_room.set()
    await shown.peer.has(3)
    assert [payloads for payloads, _ in shown.peer.sent[1:]] == [cuts_of(hub).of(one) for one in PACKETS[3 * GOP :][:2]]
    await shown.end()


async def test_a_viewer_whose_line_was_full_for_a_moment_misses_nothing() -> None:
    hub = filled(1)
    shown = Shown(hub)
    shown.peer.opened.set()
    await shown.peer.has(1)
    shown.peer.has_room.clear()
    for packet in PACKETS[1:GOP]:
        hub.append(packet)
        await asyncio.sleep(0)
    shown.peer.has_room.set()
    await shown.peer.has(GOP)
    assert [payloads for payloads, _ in shown.peer.sent] == [cuts_of(hub).of(one) for one in PACKETS[:GOP]]
    await shown.end()


async def test_a_slow_line_does_not_look_like_a_clock_that_was_set() -> None:
    hub = Hub()
    long_gop = [replace(one, at_ms=START_MS + 400 * at) for at, one in enumerate(PACKETS[:GOP])]
    for packet in long_gop[: GOP // 2]:
        hub.append(packet)
    shown = Shown(hub)
    shown.peer.has_room.clear()
    shown.peer.opened.set()
    async with asyncio.timeout(30):
        await shown.peer.waits.wait()
    for packet in long_gop[GOP // 2 :]:  # the rest comes while the first half is being sent
        hub.append(packet)
    shown.peer.has_room.set()
    await shown.peer.has(GOP // 2)
    assert shown.peer.sent[GOP // 2 - 1][1] == long_gop[GOP // 2 - 1].at_ms * 90
    await shown.peer.has(GOP)
    assert shown.peer.why == ""
    times = [time for _, time in shown.peer.sent]
    assert times == sorted(set(times))
    await shown.end()


async def test_asking_often_is_not_answered_often() -> None:
    hub = filled(2)
    shown = Shown(hub)
    shown.peer.opened.set()
    await shown.peer.has(2)
    for _ in range(20):
        shown.peer.keyframe()
    hub.append(PACKETS[2])
    await shown.peer.has(3)
    assert len(shown.peer.sent) == 3
    await shown.end()


async def test_pictures_of_another_codec_end_it() -> None:
    hub = filled(2)
    shown = Shown(hub)
    shown.peer.opened.set()
    await shown.peer.has(2)
    clip = made_clip(ClipSpec(codec="h265", seconds=2.0))
    first = clip.packets[0]
    hub.append(Packet(RUN, 2, first.format, first.data, 0, PACKETS[1].at_ms + 100, is_keyframe=True))
    async with asyncio.timeout(30):
        await shown.peer.ended.wait()
    assert "other pictures" in shown.peer.why
    await shown.end()


@pytest.mark.parametrize("other", [AudioFormat("aac", 16_000, 1, b"\x14\x08"), AudioFormat("pcma", 8_000, 1)])
async def test_sound_of_another_codec_ends_it_unheard(other: AudioFormat) -> None:
    hub = filled(1)
    shown = Shown(hub, sounds_of(hub, "pcmu"))
    shown.peer.opened.set()
    await shown.peer.has(1)
    heard, unheard = replace(sound("pcmu")[0], number=1), Packet(RUN, 2, other, b"\x01" * 90, 160, START_MS + 20, False)
    hub.append(heard)
    await shown.peer.has(2)
    assert shown.peer.sent[1][0] == [heard.data]
    hub.append(unheard)
    async with asyncio.timeout(30):
        await shown.peer.ended.wait()
    assert "other sound" in shown.peer.why
    assert len(shown.peer.sent) == 2
    await shown.end()


async def test_sound_that_comes_together_with_pictures_is_sent_whole() -> None:
    """Cameras and masked pictures come in batches."""
    packets = list(numbered(video(count=20), sound("pcmu", seconds=1.0)))
    hub = Hub()
    hub.append(packets[0])
    shown = Shown(hub, sounds_of(hub, "pcmu"))
    shown.peer.opened.set()
    await shown.peer.has(1)
    for packet in packets[1:]:
        hub.append(packet)
    await shown.peer.has(len(packets))
    await shown.end()


def test_a_keyframe_carries_its_parameter_sets_and_pictures_are_cut_once_for_all() -> None:
    hub = filled(1)
    first, second = cuts_of(hub), cuts_of(hub)
    assert first is second
    assert isinstance(PACKETS[0].format, VideoFormat)
    kinds = [nal_type("h264", payload) for payload in first.of(PACKETS[0])]
    assert kinds[:2] == [7, 8]
    assert first.of(PACKETS[0]) is second.of(PACKETS[0])


def test_large_pictures_are_cut_so_that_they_fit() -> None:
    assert isinstance(PACKETS[0].format, VideoFormat)
    large = join_lengths([b"\x41" + bytes(range(256)) * 20])
    payloads = cut_picture(large, PACKETS[0].format)
    assert max(map(len, payloads)) <= 1200
    whole = bytes([payloads[0][0] & 0xE0 | payloads[0][1] & 31]) + b"".join(payload[2:] for payload in payloads)
    assert whole == split_lengths(large)[0]
    assert cut_picture(b"\0\0\0\x63rubbish", PACKETS[0].format) == []


def test_telephone_sound_goes_as_it_is() -> None:
    packets = list(numbered(sound("pcmu", seconds=0.2)))
    g711 = G711Track("pcmu")
    pieces = [piece for packet in packets for piece in g711.take(packet)]
    assert b"".join(piece.payload for piece in pieces) == b"".join(packet.data for packet in packets)
    assert [piece.time for piece in pieces] == [START_MS * 8 + 160 * at for at in range(len(pieces))]
    assert isinstance(packets[0].format, AudioFormat)
    assert names(packets[0].format) == ["pcmu", "opus"]
    assert names(None) == []


def test_other_sound_is_turned_into_opus_once_for_all_who_hear_it() -> None:
    clip = made_clip(ClipSpec(seconds=2.0, sound="aac"))
    packets = [
        Packet(RUN, number, one.format, one.data, one.pts, START_MS + one.pts * 1000 // one.format.rate, False)
        for number, one in enumerate(each for each in clip.packets if not each.is_video)
    ]
    opus = OpusTrack()
    pieces = [piece for packet in packets for piece in opus.take(packet)]
    assert abs(len(pieces) - 100) < 12  # two seconds of 20 ms
    steps = {later.time - piece.time for piece, later in pairwise(pieces)}
    assert steps == {960}
    assert opus.take(packets[-1]) is opus.take(packets[-1])
    assert opus.take(packets[3]) == [piece for piece in pieces if piece in opus.take(packets[3])]


HOUR_MS, SLOW_MS = 3_600_000, 216
"""A camera's clock that is slow by 60 ppm loses 216 ms an hour."""


@pytest.mark.parametrize("kind", ["pcmu", "aac"])
def test_sound_keeps_to_the_recorders_clock_without_steps_when_the_cameras_clock_is_slow(kind: ClipSound) -> None:
    clip = [one for one in made_clip(ClipSpec(seconds=2.0, sound=kind)).packets if not one.is_video]
    rate, track = clip[0].format.rate, G711Track("pcmu") if kind == "pcmu" else OpusTrack()
    heard: list[list[AudioPayload]] = []
    for hour in range(2):
        begin_ms, begin = START_MS + hour * (HOUR_MS + SLOW_MS), hour * HOUR_MS // 1000 * rate
        packets = [
            Packet(RUN, number, one.format, one.data, begin + one.pts, begin_ms + one.pts * 1000 // rate, False)
            for number, one in enumerate(clip, hour * len(clip))
        ]
        heard.append([piece for packet in packets for piece in track.take(packet)])
    ticks = 48_000 if kind == "aac" else 8_000
    assert len(heard[0]) > 80
    for first, later in zip(*heard, strict=True):
        assert later.time - first.time == HOUR_MS // 1000 * ticks
        assert abs(later.at_ms - first.at_ms - HOUR_MS - SLOW_MS) <= 1

"""Sound as cameras send it: whole frames come out, with their times, whatever the headers are like."""

from struct import pack

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tawny.media.mp4.fragment_writer import init_segment
from tawny.model.packets import AudioFormat
from tawny.protocols.sdp import SdpTrack
from tawny.sources.rtsp.client.audio_depacketizer import AacDepacketizer, AudioFrame, G711Depacketizer, sound_of
from tawny.testing.clips import ClipSpec, made_clip

FRAMES = [bytes([n]) * (50 + 7 * n) for n in range(1, 9)]
CONFIG = "1408"


class Peer:
    def __init__(self, size_bits: int = 13, index_bits: int = 3) -> None:
        self.came: list[AudioFrame] = []
        self.aac = AacDepacketizer(self.came.append, size_bits, index_bits)

    def send(self, payload: bytes, time: int = 0, *, is_marked: bool = True) -> list[bytes]:
        """All frames that came since it began."""
        view = memoryview(b"head" + payload)
        self.aac.payload(view, 4, len(view), time, is_marked=is_marked)
        return [sound.data for sound in self.came]


def packed(*frames: bytes, sizes: list[int] | None = None) -> bytes:
    headers = b"".join(pack(">H", size << 3) for size in sizes or map(len, frames))
    return pack(">H", 8 * len(headers)) + headers + b"".join(frames)


def adts(frame: bytes, *, checked: bool = False) -> bytes:
    size = len(frame) + (9 if checked else 7)
    head = bytes(
        [0xFF, 0xF0 if checked else 0xF1, 0x60, 0x40 | size >> 11, size >> 3 & 255, (size & 7) << 5 | 31, 0xFC]
    )
    return head + (b"\x12\x34" if checked else b"") + frame


def track(name: str = "MPEG4-GENERIC", rate: int = 16_000, **fmtp: str) -> SdpTrack:
    return SdpTrack("audio", 97, name, rate, 1, fmtp={"config": CONFIG} | fmtp)


def test_frames_in_one_packet_follow_each_other() -> None:
    peer = Peer()
    assert peer.send(packed(*FRAMES[:3]), 5000) == FRAMES[:3]
    assert [sound.ticks for sound in peer.came] == [0, 1024, 2048]
    assert [sound.time for sound in peer.came] == [5000, 6024, 7048]


def test_times_go_round() -> None:
    peer = Peer()
    for at in (0xFFFFFC00, 0, 1024):
        peer.send(packed(FRAMES[0]), at)
    assert [sound.ticks for sound in peer.came] == [0, 1024, 2048]


def test_a_frame_may_come_in_pieces() -> None:
    peer, frame = Peer(), bytes(range(250)) * 8
    for at in (0, 900, 1800):
        last = at == 1800
        came = peer.send(packed(frame[at : at + 900], sizes=[len(frame)]), is_marked=last)
        assert came == ([frame] if last else [])


def test_a_frame_of_which_a_piece_is_missing_is_left_out() -> None:
    peer, frame = Peer(), bytes(2000)
    peer.send(packed(frame[:900], sizes=[2000]), is_marked=False)
    peer.aac.gap()
    peer.send(packed(frame[1800:], sizes=[2000]), is_marked=False)
    assert peer.send(packed(FRAMES[0])) == [FRAMES[0]]


def test_a_size_that_is_said_too_large_of_a_whole_frame_is_forgiven() -> None:
    assert Peer().send(packed(FRAMES[0], sizes=[len(FRAMES[0]) + 9])) == [FRAMES[0]]


@pytest.mark.parametrize("checked", [False, True])
def test_adts_in_au_headers_is_taken_off(checked: bool) -> None:
    assert Peer().send(packed(adts(FRAMES[0], checked=checked))) == [FRAMES[0]]


def test_adts_without_au_headers_is_read() -> None:
    assert Peer().send(adts(FRAMES[0]) + adts(FRAMES[1])) == FRAMES[:2]


def test_short_headers_of_the_low_bit_rate_mode() -> None:
    frame = b"x" * 40
    assert Peer(6, 2).send(pack(">HBB", 16, len(frame) << 2, len(frame) << 2) + frame + frame) == [frame, frame]


@pytest.mark.parametrize(
    "payload",
    [b"\0", b"\0\0", b"\0\x10", b"\xff\xff" + b"x" * 50, pack(">HHH", 32, 900 << 3, 900 << 3) + b"x" * 50],
    ids=["short", "no-headers", "no-header", "many-headers", "too-long"],
)
def test_what_cannot_be_had_is_counted_and_the_next_comes(payload: bytes) -> None:
    peer = Peer()
    assert peer.send(payload) == []
    assert peer.aac.bad == 1
    assert peer.send(packed(FRAMES[0])) == [FRAMES[0]]


def test_latm_frames_are_read() -> None:
    peer = Peer(0, 0)
    long = b"z" * 600
    assert peer.send(b"\x32" + b"y" * 50) == [b"y" * 50]
    assert peer.send(b"\xff\xff\x5a" + long) == [b"y" * 50, long]
    assert peer.send(b"\xff\xff\xff") == [b"y" * 50, long]
    assert peer.aac.bad == 1


def test_latm_frames_may_come_in_pieces() -> None:
    peer = Peer(0, 0)
    assert peer.send(b"\x32" + b"y" * 20, is_marked=False) == []
    assert peer.send(b"y" * 30) == [b"y" * 50]


def test_the_config_of_latm_is_found_inside_its_own() -> None:
    # version 0, same framing, one program and layer, then AAC-LC 16 kHz mono and what ends a LATM config
    config = (1 << 14 + 16 + 8 | 0x1408 << 8 | 0x3F) << 1
    found = sound_of(track("MP4A-LATM", cpresent="0", config=config.to_bytes(5, "big").hex()), lambda _: None)
    assert found is not None
    assert found[0].config.startswith(bytes.fromhex("1408"))


def test_g711_samples_are_counted_by_channel() -> None:
    came: list[AudioFrame] = []
    g711 = G711Depacketizer(AudioFormat("pcmu", 8000, 2), came.append)
    view = memoryview(bytes(320))
    for time in (0, 160):
        g711.payload(view, 0, 320, time, is_marked=False)
    assert [(sound.samples, sound.ticks) for sound in came] == [(160, 0), (160, 160)]


def test_an_empty_packet_is_no_sound() -> None:
    came: list[AudioFrame] = []
    G711Depacketizer(AudioFormat("pcma", 8000, 1), came.append).payload(memoryview(b""), 0, 0, 0, is_marked=False)
    assert came == []


@pytest.mark.parametrize("name", ["MPEG4-GENERIC", "mpeg4-generic"])
def test_the_format_is_what_the_description_says(name: str) -> None:
    found = sound_of(track(name, 48_000), lambda _: None)
    assert found is not None
    assert found[0] == AudioFormat("aac", 48_000, 1, bytes.fromhex(CONFIG))
    init_segment(made_clip(ClipSpec(seconds=1)).video, found[0])


def test_a_config_with_more_behind_it_is_kept() -> None:
    found = sound_of(track(config="1408" + "56e500"), lambda _: None)
    assert found is not None
    assert found[0].config.hex() == "140856e500"


@pytest.mark.parametrize(
    "what",
    [
        track(config=""),
        track(config="zz"),
        track(config="14"),
        track(config="00" * 80),
        track("MP4A-LATM"),
        track("OPUS", 48_000),
        track(rate=1),
        track(sizelength="99"),
        SdpTrack("audio", 0, "PCMU", 8000, 99),
        SdpTrack("video", 96, "H264", 90_000),
    ],
    ids=lambda what: f"{what.encoding}-{what.fmtp.get('config', '')[:8]}-{what.rate}",
)
def test_what_cannot_be_recorded_is_none(what: SdpTrack) -> None:
    assert sound_of(what, lambda _: None) is None


@given(st.binary(min_size=2, max_size=12))
@example(bytes.fromhex("2f802ee017805dc0"))
def test_any_config_has_frames_of_some_length(config: bytes) -> None:
    made = sound_of(track(config=config.hex()), lambda _: None)
    assert made is None or made[0].rate == 16_000


@pytest.mark.parametrize(
    ("config", "rate", "ticks"),
    [
        ("1408", 16_000, 1024),
        ("1408", 8000, 512),  # the clock of another codec
        ("2b118800", 48_000, 2048),  # HE-AAC: 24 kHz and its upper half
        ("1310", 48_000, 2048),  # the same, not said
        ("1310", 24_000, 1024),
        ("140c", 16_000, 960),
        ("bc08", 16_000, 512),  # low delay
        ("f8e820", 44_100, 512),  # enhanced low delay
        ("1688", 16_000, 1024),  # a reserved rate
    ],
)
def test_how_long_a_frame_is_follows_from_the_config(config: str, rate: int, ticks: int) -> None:
    frames: list[AudioFrame] = []
    made = sound_of(track(rate=rate, config=config), frames.append)
    assert made
    data = packed(FRAMES[0])
    made[1].payload(memoryview(data), 0, len(data), 0, is_marked=True)
    assert (made[0].rate, frames[0].samples) == (rate, ticks)

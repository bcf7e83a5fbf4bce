"""Anything at all comes in: nothing but a Fault comes out, units stay within their limits, and their lengths add up."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from tawny.media.codec.nal import join_lengths, split_lengths
from tawny.media.codec.parameter_sets import video_format
from tawny.model.packets import VideoCodec
from tawny.protocols.rtp import RtpPacket, read_rtcp
from tawny.protocols.sdp import MOST_TRACKS, SdpTrack, read_sdp
from tawny.sources.network_address import parse_rtsp
from tawny.sources.rtsp.client.audio_depacketizer import AacDepacketizer, AudioFrame, sound_of
from tawny.sources.rtsp.client.rtp_receiver import Depacketizer, OpenFragment, RtpCounts, RtpReceiver
from tawny.sources.rtsp.client.session import ClientSession, handshake, read_reply
from tawny.sources.rtsp.client.tracks import Tracks, announced_sets
from tawny.sources.rtsp.client.transcript import ConversationFault, Reason
from tests.sources.rtsp_client.stream import Came, clip, cut, interleaved, raw, through

FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
CODECS = st.sampled_from(("h264", "h265"))
SLICES = st.sampled_from((1, 3))
LIMIT_BYTES = 200_000

Edit = tuple[str, float, bytes]
EDITS = st.lists(
    st.tuples(
        st.sampled_from(("flip", "insert", "delete", "replace")), st.floats(0, 1), st.binary(min_size=1, max_size=40)
    ),
    max_size=12,
)


def edited(data: bytes, edits: list[Edit]) -> bytes:
    """edits: what, where (as a share of all), and the bytes of it."""
    changed = bytearray(data)
    for what, where, by in edits:
        at = round(where * max(0, len(changed) - 1))
        if what == "flip" and changed:
            changed[at] ^= 1 << by[0] % 8
        elif what == "insert":
            changed[at:at] = by
        elif what == "delete":
            del changed[at : at + by[0] * 10]
        else:
            changed[at : at + len(by)] = by
    return bytes(changed)


def held(came: Came, most_bytes: int) -> None:
    for unit in came.units:
        assert len(unit.data) <= most_bytes + 70_000
        assert join_lengths(split_lengths(unit.data)) == unit.data
        assert unit.first_slice


@FEW
@given(codec=CODECS, slices=SLICES, edits=EDITS, step=st.sampled_from((0, 7, 1460, 9000)))
def test_streams_with_changed_bytes(codec: VideoCodec, slices: int, edits: list[Edit], step: int) -> None:
    data = interleaved(raw(cut(codec, slices)[: 80 if step == 7 else 300]))
    try:
        came = through(edited(data, edits), codec, step=step, most_bytes=LIMIT_BYTES)
    except ConversationFault:
        return
    held(came, LIMIT_BYTES)


@FEW
@given(codec=CODECS, slices=SLICES, edits=st.lists(st.tuples(st.integers(0, 299), EDITS), max_size=8))
def test_packets_with_changed_bytes(codec: VideoCodec, slices: int, edits: list[tuple[int, list[Edit]]]) -> None:
    packets = raw(cut(codec, slices)[:300])
    for at, changes in edits:
        packets[at % len(packets)] = 0, edited(packets[at % len(packets)][1], changes)
    try:
        held(through(interleaved(packets), codec, most_bytes=LIMIT_BYTES), LIMIT_BYTES)
    except ConversationFault as fault:
        assert fault.reason in ("mixed", "picture-too-big", "framing")


@FEW
@given(codec=CODECS, payloads=st.lists(st.binary(max_size=300), max_size=60))
@example(codec="h264", payloads=[b"\0\0\0"])
@example(codec="h264", payloads=[b"\0\0\2x"])
@example(codec="h265", payloads=[b"\0\0\1\0\0\1"])
@example(codec="h264", payloads=[b"\x78\0\1\x65", b"\x7c\xc5"])
def test_any_payloads(codec: VideoCodec, payloads: list[bytes]) -> None:
    packets = [
        (0, b"\x80\x60" + number.to_bytes(2, "big") + (number // 5).to_bytes(4, "big") + b"ssrc" + payload)
        for number, payload in enumerate(payloads)
    ]
    held(through(interleaved(packets), codec), 8_000_000)


# --- RTP


Step = tuple[int, int, int, bool, bytes]
"""By how much the number goes on, whose it is, its payload type, whether it is marked, its payload."""
STEPS = st.lists(
    st.tuples(
        st.sampled_from((1, 1, 1, 1, 0, 2, 5, 200, 40_000, -1, -30)),
        st.sampled_from((7, 7, 7, 8, 9)),
        st.sampled_from((96, 96, 96, 35, 0)),
        st.booleans(),
        st.binary(max_size=30),
    ),
    max_size=300,
)


class Kept(Depacketizer):
    """Every payload that came out."""

    def __init__(self) -> None:
        self.payloads: list[bytes] = []

    def payload(self, view: memoryview, begin: int, end: int, time: int, *, is_marked: bool) -> None:
        self.payloads.append(bytes(view[begin:end]))

    def gap(self) -> None: ...

    def doubt(self) -> None: ...

    def spoilt(self) -> None: ...

    def restart(self) -> None: ...

    def middle(self) -> OpenFragment | None:
        return None


def ordered(steps: list[Step], window: int) -> None:
    """Put packets in order: nothing comes out that did not go in, nothing more often, and few wait."""
    kept, number = Kept(), 65_500
    receiver = RtpReceiver(96, kept, window)
    given: Counter[bytes] = Counter()
    for forward, source, payload_type, is_marked, payload in steps:
        number = (number + forward) & 0xFFFF
        packet = RtpPacket(payload, is_marked, payload_type, number, 0, source).to_bytes()
        given[payload] += 1
        receiver.packet(memoryview(packet), 0, len(packet))
        assert len(receiver.ahead) <= window
    receiver.give_up()
    assert not Counter(kept.payloads) - given
    counts = receiver.counts
    assert min(vars_of(counts)) >= 0
    assert counts.packets - counts.bad <= len(kept.payloads) <= counts.packets


def vars_of(counts: RtpCounts) -> list[int]:
    return [getattr(counts, name) for name in counts.__slots__]


@pytest.mark.plain
@FEW
@given(steps=STEPS, window=st.sampled_from((16, 128)))
def test_any_numbers_sources_and_types(steps: list[Step], window: int) -> None:
    with suppress(ConversationFault):
        ordered(steps, window)


# --- parameter sets


@lru_cache
def sets(codec: VideoCodec) -> tuple[bytes, ...]:
    return clip(codec).video.parameter_sets


def read_sets(codec: VideoCodec, edits: list[Edit], most_pixels: int = 16_384) -> None:
    """Whatever they say is refused, or a picture that there may be."""
    changed = tuple(edited(nal, edits) if n < 2 else nal for n, nal in enumerate(sets(codec)))
    try:
        video = video_format(codec, changed)
    except ValueError:
        return
    assert 16 <= video.width <= most_pixels
    assert 16 <= video.height <= most_pixels


@FEW
@given(codec=CODECS, edits=EDITS)
def test_any_parameter_sets(codec: VideoCodec, edits: list[Edit]) -> None:
    read_sets(codec, edits)


SDP_TEXT = st.lists(
    st.one_of(
        st.sampled_from(
            (
                "m=video 0 RTP/AVP 96",
                "m=audio 0 RTP/AVP 0",
                "m=application 0 RTP/AVP 107",
                "a=rtpmap:96 H264/90000",
                "a=control:track1",
                "a=control:*",
                "a=fmtp:96 sprop-parameter-sets=Z0IA,aM4=",
                "a=framerate:15",
                "a=rtpmap:97 MPEG4-GENERIC/16000/1",
                "a=fmtp:97 config=1408",
                "",
                "v=0",
            )
        ),
        st.text(max_size=60),
    ),
    max_size=100,
).map("\r\n".join)


# --- a limit that is set too low is found by each of them


PLANTED = settings(FEW, report_multiple_bugs=False, phases=(Phase.explicit, Phase.generate))


def finds(fuzz: Callable[[], None], reason: str) -> None:
    with pytest.raises(AssertionError) as found:
        fuzz()
    assert reason in repr(found.value)


@contextmanager
def only(reason: Reason) -> Iterator[None]:
    """Other faults are right."""
    try:
        yield
    except ConversationFault as fault:
        assert fault.reason != reason, reason


def test_the_fuzzer_of_streams_finds_it() -> None:
    @PLANTED
    @given(edits=EDITS)
    def fuzz(edits: list[Edit]) -> None:
        with only("picture-too-big"):
            through(edited(interleaved(raw(cut("h264", 1)[:300])), edits), most_bytes=5_000)

    finds(fuzz, "picture-too-big")


def test_the_fuzzer_of_framing_finds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tawny.sources.rtsp.client.tcp_transport.MOST_RUBBISH_BYTES", 20)

    @PLANTED
    @given(edits=EDITS)
    def fuzz(edits: list[Edit]) -> None:
        with only("framing"):
            through(edited(interleaved(raw(cut("h264", 1)[:300])), edits), step=1460)

    finds(fuzz, "framing")


@pytest.mark.plain
def test_the_fuzzer_of_rtp_finds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tawny.sources.rtsp.client.rtp_receiver._MOST_RESTARTS", 0)

    @PLANTED
    @given(steps=STEPS)
    @example(steps=[(1, 7, 96, False, b""), *([(1, 8, 96, False, b"")] * 3)])
    def fuzz(steps: list[Step]) -> None:
        with only("mixed"):
            ordered(steps, 16)

    finds(fuzz, "mixed")


def test_the_fuzzer_of_descriptions_finds_it() -> None:
    @PLANTED
    @given(text=SDP_TEXT)
    def fuzz(text: str) -> None:
        assert len(read_sdp(text.encode()).tracks) <= 1, "too many tracks"

    finds(fuzz, "too many tracks")


def test_the_fuzzer_of_parameter_sets_finds_it() -> None:
    @PLANTED
    @given(edits=EDITS)
    def fuzz(edits: list[Edit]) -> None:
        read_sets("h264", edits, most_pixels=300)

    finds(fuzz, "300")


@given(st.binary(max_size=400))
def test_any_reports(data: bytes) -> None:
    for report in read_rtcp(data):
        assert 0 <= report.ssrc < 1 << 32


@FEW
@example(payloads=[(b"\x00", 0, True)], bits=0)
@given(
    payloads=st.lists(st.tuples(st.binary(max_size=200), st.integers(0, 1 << 32), st.booleans())),
    bits=st.integers(0, 16),
)
def test_any_sound(payloads: list[tuple[bytes, int, bool]], bits: int) -> None:
    came: list[AudioFrame] = []
    aac = AacDepacketizer(came.append, bits, 3 if bits else 0)
    for payload, time, is_marked in payloads:
        aac.payload(memoryview(payload), 0, len(payload), time & 0xFFFFFFFF, is_marked=is_marked)
    assert all(0 < len(sound.data) <= 8192 for sound in came)


@FEW
@given(
    st.one_of(st.text(max_size=300), SDP_TEXT),
    st.dictionaries(st.sampled_from(("config", "sizelength", "indexlength")), st.text(max_size=40)),
)
def test_any_description(text: str, fmtp: dict[str, str]) -> None:
    described = read_sdp(text.encode())
    assert len(described.tracks) <= MOST_TRACKS
    for track in [*described.tracks, SdpTrack("audio", 97, "mpeg4-generic", 16_000, 1, fmtp=fmtp)]:
        sound_of(track, lambda _: None)
        announced_sets(track)


@FEW
@given(replies=st.lists(st.binary(max_size=300), min_size=1, max_size=8))
def test_any_replies(replies: list[bytes]) -> None:
    assert_only_faults(lambda: converse([b"RTSP/1.0 200 OK\r\n" + reply for reply in replies]))


def converse(replies: list[bytes]) -> None:
    requests = handshake(
        ClientSession(parse_rtsp("rtsp://me:pw@cam/x")),
        Tracks(wants_sound=True, stall_s=5.0).choose,
        lambda place: None,
    )
    next(requests)
    for reply in replies:
        try:
            request = requests.send(read_reply(reply))
        except StopIteration:
            return
        assert request.count(b"\r\n\r\n") == 1, "one request at a time"


def assert_only_faults(do: Callable[[], None]) -> None:
    try:
        do()
    except ConversationFault as fault:
        assert "pw" not in fault.detail

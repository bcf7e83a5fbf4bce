"""Anything at all comes in: nothing but a Fault comes out, units stay within their limits, and their lengths add up."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tawny.media.nal import join_lengths, split_lengths
from tawny.model.packets import VideoCodec
from tawny.sources.address import parse_rtsp
from tawny.sources.rtsp_client.audio import Aac, Sound, sound_of
from tawny.sources.rtsp_client.fault import Fault
from tawny.sources.rtsp_client.handshake import handshake
from tawny.sources.rtsp_client.rtcp import read_reports
from tawny.sources.rtsp_client.sprop import announced_sets
from tawny.sources.rtsp_client.talk import Talk, read_reply
from tawny.sources.rtsp_client.tracks import Tracks
from tawny.sources.sdp import Track, read_sdp
from tests.sources.rtsp_client.stream import Came, cut, interleaved, raw, through

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
    except Fault:
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
    except Fault as fault:
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


def test_the_fuzzers_find_a_limit_that_is_set_too_low() -> None:
    @FEW
    @given(edits=EDITS)
    def fuzz(edits: list[Edit]) -> None:
        data = interleaved(raw(cut("h264", 1)[:300]))
        through(edited(data, edits), most_bytes=5_000)

    with pytest.raises(Fault) as found:
        fuzz()
    assert found.value.reason == "picture-too-big"


@given(st.binary(max_size=400))
def test_any_reports(data: bytes) -> None:
    for report in read_reports(data):
        assert 0 <= report.source < 1 << 32


@FEW
@given(
    payloads=st.lists(st.tuples(st.binary(max_size=200), st.integers(0, 1 << 32), st.booleans())),
    bits=st.integers(0, 16),
)
def test_any_sound(payloads: list[tuple[bytes, int, bool]], bits: int) -> None:
    came: list[Sound] = []
    aac = Aac(came.append, bits, 3 if bits else 0)
    for payload, time, is_marked in payloads:
        aac.payload(memoryview(payload), 0, len(payload), time & 0xFFFFFFFF, is_marked=is_marked)
    assert all(0 < len(sound.data) <= 8192 for sound in came)


@FEW
@given(
    st.text(max_size=300),
    st.dictionaries(st.sampled_from(("config", "sizelength", "indexlength")), st.text(max_size=40)),
)
def test_any_description(text: str, fmtp: dict[str, str]) -> None:
    described = read_sdp(text.encode())
    for track in [*described.tracks, Track("audio", 97, "mpeg4-generic", 16_000, 1, fmtp=fmtp)]:
        sound_of(track, lambda _: None)
        announced_sets(track)


@FEW
@given(replies=st.lists(st.binary(max_size=300), min_size=1, max_size=8))
def test_any_replies(replies: list[bytes]) -> None:
    assert_only_faults(lambda: converse([b"RTSP/1.0 200 OK\r\n" + reply for reply in replies]))


def converse(replies: list[bytes]) -> None:
    requests = handshake(
        Talk(parse_rtsp("rtsp://me:pw@cam/x")), Tracks(wants_sound=True, stall_s=5.0).choose, lambda place: None
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
    except Fault as fault:
        assert "pw" not in fault.detail

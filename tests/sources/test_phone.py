"""What a phone sends becomes packets, whatever the network or a hostile page does to it. Nothing of it is unbounded."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from struct import pack, unpack_from

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tawny.media.codec.nal import join_lengths
from tawny.model.errors import PhoneAway, SourceError
from tawny.model.packets import AudioFormat, SourcePacket, VideoFormat
from tawny.protocols.rtp import (
    KeyframeRequest,
    Packetizer,
    PacketsLost,
    RtpPacket,
    bit_rate_limit,
    empty_report,
    goodbye,
    keyframe_request,
    read_rtcp,
    receiver_report,
    repeat_request,
)
from tawny.sources.phone import (
    AGAIN_S,
    CHANGES_S,
    KEYFRAME_S,
    LATE_S,
    MOST_DATAGRAM_BYTES,
    MOST_WAITING_BYTES,
    STALL_S,
    Phone,
    PhoneConnection,
    PhoneFeed,
    PhoneMedia,
)
from tawny.sources.source import IdleUntil, SharedSource
from tawny.testing.clock import FakeClock
from tests.live.cameras import FPS, G711, GOP, pictures
from tests.sources.reading import opening

MEDIA = PhoneMedia(102, 0)
ID, SSRC, SOUND_SSRC = "0123456789abcdef", 7, 8


@dataclass
class Bench:
    """One phone's connection, its source, and what it was asked."""

    clock: FakeClock = field(default_factory=FakeClock)
    source: Phone = field(default_factory=Phone)
    sent: list[bytes] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.feed = PhoneFeed(MEDIA, self.clock, self.sent.append, self.ends.append)
        self.source.connected(ID, self.feed)
        self.packetizer = Packetizer(pictures()[0].format, MEDIA.video, ssrc=SSRC, first=65_500)
        self.sound = Packetizer(G711, MEDIA.sound, ssrc=SOUND_SSRC, first=1)

    def open(self) -> PhoneConnection:
        return self.source.open(opening(f"phone:{ID}", self.clock))

    def put(self, *packets: RtpPacket) -> None:
        for one in packets:
            self.feed.put(one.to_bytes())

    def pictures(self, count: int, width: int = 64) -> Iterator[list[RtpPacket]]:
        """RTP of each picture, at its time."""
        for one in pictures(width, 48)[:count]:
            yield self.packetizer.cut(unit(one), one.pts)
            self.clock.advance(1 / FPS)

    def asked(self, kind: type) -> list[object]:
        return [text for data in self.sent for text in read_rtcp(data) if isinstance(text, kind)]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def unit(packet: SourcePacket) -> bytes:
    """As browsers send it: keyframes with their parameter sets."""
    assert isinstance(packet.format, VideoFormat)
    sets = packet.format.parameter_sets if packet.is_keyframe else ()
    return join_lengths(sets) + packet.data


def drained(connection: PhoneConnection) -> list[SourcePacket]:
    found = []
    while not isinstance(got := connection.read(), IdleUntil):
        found.append(got)
    return found


def watched(bench: Bench, connection: PhoneConnection, seconds: float) -> list[SourcePacket]:
    """Read on while nothing more is sent."""
    found, until_s = [], bench.clock.mono_s() + seconds
    while bench.clock.mono_s() < until_s:
        got = connection.read()
        if isinstance(got, IdleUntil):
            bench.clock.advance(got.for_s)
        else:
            found.append(got)
    return found


def test_packets_are_those_that_were_sent(bench: Bench) -> None:
    connection, found = bench.open(), []
    for number, one in enumerate(bench.pictures(40)):
        bench.put(*one, *bench.sound.cut(b"\x55" * 160, number * 160))
        found += drained(connection)
    shown = [packet for packet in found if packet.is_video]
    sent = pictures()[:40]
    assert [packet.data for packet in shown] == [unit(packet) for packet in sent[: len(shown)]]
    assert len(shown) > 35
    assert [packet.is_keyframe for packet in shown[:16]] == [number % GOP == 0 for number in range(16)]
    assert not any(packet.is_damaged for packet in shown)
    heard = [packet for packet in found if not packet.is_video]
    assert heard
    assert {packet.format for packet in heard} == {AudioFormat("pcmu", 8000, 1)}
    assert {packet.data for packet in heard} == {b"\x55" * 160}


def test_it_shares_a_thread_and_never_blocks(bench: Bench) -> None:
    assert isinstance(bench.source, SharedSource)
    assert bench.source.shares({})
    assert isinstance(bench.source.begin(opening(f"phone:{ID}", bench.clock)).read(), IdleUntil)


@pytest.mark.parametrize(("address", "is_ours"), [("phone:1", True), ("phone:", False), ("rtsp://phone:1", False)])
def test_addresses(address: str, *, is_ours: bool) -> None:
    assert Phone().claims(address) == is_ours


def test_it_has_no_settings() -> None:
    with pytest.raises(ValueError, match="speed"):
        Phone().settings({"speed": 1})


def test_without_a_phone_the_camera_waits_and_says_why(bench: Bench) -> None:
    with pytest.raises(PhoneAway, match=r"Waiting for the phone \(it hasn't connected since tawny was started\)"):
        bench.source.open(opening("phone:another", bench.clock))
    connection = bench.open()
    bench.source.left(ID, bench.feed, "its page was closed or stopped")
    for read in (connection.read, bench.open):
        with pytest.raises(PhoneAway, match="its page was closed or stopped"):
            read()
    assert not bench.source.is_connected(ID)


def test_a_phone_that_comes_again_takes_its_own_place(bench: Bench) -> None:
    again = PhoneFeed(MEDIA, bench.clock, bench.sent.append, bench.ends.append)
    bench.source.connected(ID, again)
    assert bench.ends == ["its page was opened again"]
    bench.source.left(ID, bench.feed, "its page was opened again")
    assert bench.source.is_connected(ID), "the old connection's end is not the new one's"


def test_late_packets_are_put_in_order_and_lost_ones_asked_for(bench: Bench) -> None:
    connection = bench.open()
    made = list(bench.pictures(20))
    big = [packet for one in made for packet in one]
    bench.put(*big[:3], big[4])
    drained(connection)
    watched(bench, connection, 0.15)
    assert bench.asked(PacketsLost)[0] == PacketsLost(SSRC, (big[3].sequence & 0xFFFF,))
    bench.put(big[3], *big[5:])
    found = watched(bench, connection, 0.2)
    assert not any(packet.is_damaged for packet in found)
    assert connection.notes["missing"] == 0


def test_what_stays_lost_is_given_up_and_a_keyframe_asked_for(bench: Bench) -> None:
    connection = bench.open()
    made = [packet for one in bench.pictures(GOP) for packet in one]
    bench.put(*made[:8])
    found = drained(connection)
    bench.clock.advance(AGAIN_S)
    before = len(bench.asked(KeyframeRequest))
    bench.put(*made[10:])
    found += watched(bench, connection, LATE_S + 0.2)
    assert connection.notes["missing"] == 2
    assert any(packet.missing for packet in found)
    assert len(bench.asked(KeyframeRequest)) == before + 1


def test_keyframes_are_asked_for_because_browsers_send_none_by_themselves(bench: Bench) -> None:
    connection = bench.open()
    for one in bench.pictures(GOP):
        bench.put(*one)
        drained(connection)
    bench.sent.clear()
    for number in range(60):  # frames without a keyframe: the same slices again, later
        bench.put(*bench.packetizer.cut(pictures()[1].data, (GOP + number) * 90_000 // FPS))
        bench.clock.advance(1 / FPS)
        drained(connection)
    asked = len(bench.asked(KeyframeRequest))
    assert 1 <= asked <= 60 / FPS / 0.5
    assert KEYFRAME_S < 60 / FPS


def test_rates_are_reported_with_the_limit(bench: Bench) -> None:
    connection = bench.open()
    for one in bench.pictures(30):
        bench.put(*one)
        drained(connection)
    reports = [data for data in bench.sent if data[1] == 201]
    assert reports
    assert all(b"REMB" in data for data in reports)


@pytest.mark.parametrize(
    ("reports", "why"),
    [(True, "it sends no picture: its page is in the background"), (False, "nothing comes from it: it may be asleep")],
)
def test_a_phone_without_pictures_is_waited_for(bench: Bench, *, reports: bool, why: str) -> None:
    connection = bench.open()
    for one in bench.pictures(20):
        bench.put(*one)
        drained(connection)
    watched(bench, connection, STALL_S - 1)
    if reports:
        bench.feed.put(empty_report())
    with pytest.raises(PhoneAway, match=why):
        watched(bench, connection, 2)
    assert bench.ends == [], "the page may be in the background for a while"
    for one in bench.pictures(40):  # it goes on with the same connection
        bench.put(*one)


# Hostile pages: they have a token and may send anything on their own connection.


def test_without_parameter_sets_nothing_is_a_picture(bench: Bench) -> None:
    connection = bench.open()
    with pytest.raises(SourceError, match="never sends decoding parameters"):
        for number in range(40 * FPS):
            bench.put(*bench.packetizer.cut(pictures()[1].data, number * 90_000 // FPS))
            bench.clock.advance(1 / FPS)
            assert drained(connection) == []


def test_other_sources_and_types_are_dropped(bench: Bench) -> None:
    connection = bench.open()
    found = []
    for number, one in enumerate(bench.pictures(40)):
        strange = [RtpPacket(b"\x65" * 50, True, MEDIA.video, number * 7, 0, 99)]
        unknown = [RtpPacket(b"\x65" * 50, True, 111, number, 0, SSRC)]
        bench.put(*one, *strange, *unknown)
        found += drained(connection)
    assert sum(packet.is_video for packet in found) > 35
    assert connection.notes["strangers"] == 40


def test_sources_that_take_turns_end_the_connection(bench: Bench) -> None:
    connection = bench.open()
    with pytest.raises(SourceError, match="two streams come mixed"):
        for number in range(400):
            bench.put(*(RtpPacket(b"\x61" * 9, True, MEDIA.video, number * 8 + n, number, number) for n in range(8)))
            drained(connection)
    assert bench.ends == ["it sent invalid data: two streams come mixed on one channel"]


def test_a_resolution_that_keeps_changing_makes_no_files_without_end(bench: Bench) -> None:
    connection = bench.open()
    sizes = [pictures(width, 48)[0] for width in (64, 80, 96, 112)]
    with pytest.raises(SourceError, match="its resolution keeps changing"):
        for number, one in enumerate(sizes * 3):
            bench.put(*bench.packetizer.cut(unit(one), number * 90_000 // FPS))
            bench.clock.advance(CHANGES_S / 4)
            drained(connection)


def test_turning_the_phone_goes_on(bench: Bench) -> None:
    connection, found = bench.open(), []
    for number, width in enumerate((64, 80, 64, 80)):
        for at, one in enumerate(pictures(width, 48)[: GOP * 2]):
            bench.put(*bench.packetizer.cut(unit(one), (number * GOP * 2 + at) * 90_000 // FPS))
            bench.clock.advance(1 / FPS)
            found += drained(connection)
    assert len({packet.format for packet in found}) == 2


def test_a_picture_without_end_ends_the_connection(bench: Bench) -> None:
    connection, number = bench.open(), 0
    with pytest.raises(SourceError):
        for number in range(20_000):
            bench.put(RtpPacket(b"\x7c\x85" + b"x" * 1200, False, MEDIA.video, number, 0, SSRC))
            if number % 100 == 0:
                drained(connection)
    assert number * 1200 < 12_000_000
    assert bench.ends


def test_what_waits_is_bounded_and_too_large_datagrams_are_dropped(bench: Bench) -> None:
    connection = bench.open()
    bench.feed.put(b"\x80" * (MOST_DATAGRAM_BYTES + 1))
    assert bench.feed.take() == []
    for _ in range(3000):
        bench.feed.put(b"\x80" * 1200)
    assert sum(len(data) for _, data in bench.feed.take()) <= MOST_WAITING_BYTES
    connection.close()
    bench.feed.put(b"\x80" * 1200)
    assert bench.feed.take() == [], "nothing is kept while the camera is not read"


@pytest.mark.parametrize(
    "junk", [b"", b"\x80", b"\x80\x66", bytes(7), b"\x80\xc8" + bytes(6), bytes(200), b"\xff" * 99]
)
def test_junk_changes_nothing(bench: Bench, junk: bytes) -> None:
    connection, found = bench.open(), []
    for one in bench.pictures(30):
        bench.feed.put(junk)
        bench.put(*one)
        found += drained(connection)
    assert sum(packet.is_video for packet in found) > 25


@given(st.lists(st.binary(max_size=120), max_size=60), st.sampled_from([b"\x80\x66", b"\x80\x00", b"\x81\xc8", b""]))
def test_whatever_comes_is_read_or_a_source_error(parts: list[bytes], head: bytes) -> None:
    bench = Bench()
    connection = bench.open()
    try:
        for part in parts:
            bench.feed.put(head + part)
            bench.clock.advance(0.05)
            drained(connection)
    except SourceError:
        return
    finally:
        connection.close()


def test_a_goodbye_of_another_source_ends_nothing(bench: Bench) -> None:
    connection = bench.open()
    for one in bench.pictures(30):
        bench.put(*one)
        bench.feed.put(goodbye(99))
        drained(connection)
    assert watched(bench, connection, 1.0) is not None


def test_after_the_end_nothing_is_sent(bench: Bench) -> None:
    bench.feed.over("gone")
    bench.feed.send(b"report")
    bench.feed.hang_up("why")
    assert (bench.sent, bench.ends) == ([], [])


# The feedback as bytes.


def test_feedback_is_as_browsers_read_it() -> None:
    assert list(read_rtcp(keyframe_request(SSRC))) == [KeyframeRequest(SSRC)]
    numbers = (65_535, 0, 9)
    assert [one for text in read_rtcp(repeat_request(SSRC, numbers)) for one in text.sequences] == list(numbers)  # type: ignore[union-attr]
    assert unpack_from(">BBHI", empty_report()) == (0x80, 201, 1, 0x5461776E)
    assert list(read_rtcp(empty_report())) == []
    report = receiver_report(SSRC, 3, 70_000, 64)
    assert unpack_from(">BBHI", report) == (0x81, 201, 7, SSRC ^ 0x5461776E)
    assert unpack_from(">IIII", report, 8) == (SSRC, 64 << 24 | 3, 70_000, 0)


@pytest.mark.parametrize("bits", [1, 262_143, 262_144, 2_500_000, 1_000_000_000])
def test_the_limit_is_what_was_meant(bits: int) -> None:
    data = bit_rate_limit(SSRC, bits)
    assert data[:2] == bytes((0x8F, 206))
    assert len(data) == 4 * (unpack_from(">H", data, 2)[0] + 1)
    assert data[12:16] == b"REMB"
    count, word = data[16], unpack_from(">I", b"\0" + data[17:20])[0]
    mantissa = word & 0x3FFFF
    assert count == 1
    assert bits * 0.9999 <= mantissa << (word >> 18) <= bits
    assert data[20:] == pack(">I", SSRC)

from struct import pack, unpack_from

from hypothesis import given
from hypothesis import strategies as st

from tawny.protocols.rtp import KeyframeRequest, PacketsLost, RtpTrack, read_rtcp

NOW_MS = 1_795_000_000_000


def test_packets_are_numbered_one_by_one_and_the_last_is_marked() -> None:
    track = RtpTrack(102, 90_000)
    made = []
    for last in (False, True):
        packet = track.packet(b"payload", 90, is_last=last)
        track.keep(packet)
        made.append(packet)
    heads = [unpack_from(">BBHII", packet) for packet in made]
    assert [head[1] for head in heads] == [102, 102 | 0x80]
    assert (heads[1][2] - heads[0][2]) & 0xFFFF == 1
    assert {head[3:] for head in heads} == {(90, track.ssrc)}
    assert all(packet.endswith(b"payload") for packet in made)


def test_low_delay_is_asked_for_where_the_browser_knows_it() -> None:
    plain, asked = RtpTrack(102, 90_000), RtpTrack(102, 90_000, low_delay=5)
    assert plain.packet(b"", 0, is_last=True)[0] == 0x80
    packet = asked.packet(b"", 0, is_last=True)
    assert packet[0] == 0x90
    assert packet[12:] == bytes.fromhex("bede0001") + bytes([5 << 4 | 2, 0, 0, 0])


def test_what_is_missed_is_sent_again_as_it_was() -> None:
    track = RtpTrack(102, 90_000)
    sent: dict[int, bytes] = {}
    for number in range(10):
        packet = track.packet(bytes([number]), 0, is_last=True)
        track.keep(packet)
        sent[int.from_bytes(packet[2:4], "big")] = packet
    wanted = sorted(sent)[3:5]
    assert list(track.again(tuple(wanted))) == [sent[number] for number in wanted]
    assert list(track.again((1,))) in ([], [sent.get(1, b"")])


def test_a_report_tells_which_instant_a_time_is() -> None:
    track = RtpTrack(102, 90_000)
    report = track.report(NOW_MS, 12345, "tawny")
    _, kind, _, ssrc, ntp, time = unpack_from(">BBHIQI", report)
    assert (kind, ssrc, time) == (200, track.ssrc, 12345)
    assert abs((ntp >> 32) - 2_208_988_800 % 2**32 - NOW_MS / 1000) < 1
    assert len(report) % 4 == 0


def test_what_a_viewer_says_is_understood() -> None:
    nack = pack(">BBHIIHH", 0x81, 205, 3, 1, 7, 100, 0b101)
    pli = pack(">BBHII", 0x81, 206, 2, 1, 7)
    fir = pack(">BBHIIIBxxx", 0x84, 206, 4, 1, 0, 7, 1)
    received = pack(">BBHIIIIIII", 0x81, 201, 7, 1, 7, 64 << 24 | 9, 0, 0, 0, 0)
    found = list(read_rtcp(received + nack + pli + fir))
    assert found == [
        PacketsLost(7, (100, 101, 103)),
        KeyframeRequest(7),
        KeyframeRequest(7),
    ]


@given(st.binary(max_size=300))
def test_rubbish_says_nothing_and_does_no_harm(data: bytes) -> None:
    assert len(list(read_rtcp(data))) <= 300 * 17

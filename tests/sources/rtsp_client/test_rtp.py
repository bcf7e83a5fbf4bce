"""Whose packets are taken, and in which order."""

from dataclasses import replace

import pytest

from tawny.protocols.rtp import RtpPacket, read_header
from tawny.sources.rtsp.client.rtp_receiver import (
    TCP_WINDOW,
    UDP_WINDOW,
    Depacketizer,
    OpenFragment,
    RtpReceiver,
)
from tawny.sources.rtsp.client.transcript import ConversationFault

pytestmark = pytest.mark.plain
"""A class of a test can't inherit from a compiled protocol."""


class Listener(Depacketizer):
    """Writes down what it is handed: payloads as text, `|` for a gap, `new` for another stream."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def payload(self, view: memoryview, begin: int, end: int, time: int, *, is_marked: bool) -> None:
        self.heard.append(bytes(view[begin:end]).decode())

    def gap(self) -> None:
        self.heard.append("|")

    def doubt(self) -> None:
        self.heard.append("?")

    def spoilt(self) -> None:
        self.heard.append("!")

    def restart(self) -> None:
        self.heard.append("new")

    def middle(self) -> OpenFragment | None:
        return None


def packet(number: int, ssrc: int = 1, payload_type: int = 96, text: str = "") -> RtpPacket:
    return RtpPacket((text or str(number)).encode(), False, payload_type, number, 0, ssrc)


class Peer:
    def __init__(self, window: int = TCP_WINDOW) -> None:
        self.listener = Listener()
        self.now_s = 100.0
        self.receiver = RtpReceiver(96, self.listener, window, lambda: self.now_s)

    def send(self, *packets: RtpPacket) -> list[str]:
        """All that was heard since it began."""
        for one in packets:
            data = one.to_bytes()
            self.receiver.packet(memoryview(data), 0, len(data))
        return self.listener.heard


def numbers(*which: int) -> list[RtpPacket]:
    return [packet(number) for number in which]


def test_numbers_go_round() -> None:
    assert Peer().send(*numbers(65_534, 65_535, 0, 1)) == ["65534", "65535", "0", "1"]


def test_a_late_packet_is_put_in_its_place() -> None:
    peer = Peer()
    assert peer.send(*numbers(5, 7, 8)) == ["5"]
    assert peer.receiver.waits_for == 6
    assert peer.send(packet(6)) == ["5", "6", "7", "8"]
    assert peer.receiver.counts.late == 2
    assert peer.receiver.waits_for < 0


def test_one_that_does_not_come_is_a_gap() -> None:
    heard = Peer().send(*numbers(5, *range(7, 7 + TCP_WINDOW)))
    assert heard == ["5", "|", *map(str, range(7, 7 + TCP_WINDOW))]


def test_waiting_can_be_given_up() -> None:
    peer = Peer(UDP_WINDOW)
    peer.send(*numbers(5, 7, 9, 10))
    peer.receiver.give_up()
    assert peer.listener.heard == ["5", "|", "7", "|", "9", "10"]
    assert peer.receiver.counts.missing == 2


def test_a_large_hole_is_not_waited_for() -> None:
    peer = Peer()
    assert peer.send(*numbers(5, 7, 105)) == ["5", "|", "7", "|", "105"]
    assert peer.receiver.counts.missing == 1 + 97


def test_repeated_packets_are_heard_once() -> None:
    peer = Peer()
    assert peer.send(*numbers(5, 5, 6, 8, 8, 6, 7, 7)) == ["5", "6", "7", "8"]
    assert peer.receiver.counts.repeated == 4


def test_twenty_numbers_further_back_are_believed() -> None:
    peer = Peer()
    assert peer.send(*numbers(500, *range(19))) == ["500"]
    assert peer.send(packet(19)) == ["500", "|", *map(str, range(20))]


def test_numbers_further_back_with_a_good_one_between_are_not() -> None:
    peer = Peer()
    peer.send(packet(500), *numbers(*range(15)), packet(501), *numbers(*range(15, 30)))
    assert peer.listener.heard == ["500", "501"]


def test_one_number_far_ahead_is_not_believed_two_are() -> None:
    peer = Peer()
    assert peer.send(packet(5), packet(20_005), packet(6)) == ["5", "6"]
    assert peer.send(packet(30_000), packet(30_001)) == ["5", "6", "|", "30000", "30001"]
    assert peer.receiver.counts.missing == 0


def test_a_stranger_between_is_left_out() -> None:
    peer = Peer()
    for number in range(5, 30):
        peer.send(packet(number), packet(number, ssrc=2, text="no"), packet(number + 1, ssrc=2, text="no"))
    assert peer.listener.heard == [str(number) for number in range(5, 30)]
    assert peer.receiver.counts.strangers == 50


def test_three_of_another_source_in_a_row_are_a_new_stream() -> None:
    peer = Peer()
    anew = [packet(number, ssrc=2) for number in (700, 701, 702)]
    assert peer.send(packet(5), *anew[:2]) == ["5"]
    assert peer.send(anew[2]) == ["5", "new", "700", "701", "702"]
    assert peer.receiver.source == 2


def burst(number: int, ssrc: int) -> list[RtpPacket]:
    return [packet(number + k, ssrc=ssrc, text=f"{ssrc}:{number + k}") for k in range(4)]


def mixed(peer: Peer, *ssrcs: int, seconds: int) -> list[str]:
    """What is heard while these streams take turns, with ten bursts each second."""
    before = len(peer.listener.heard)
    for _ in range(10 * seconds):
        peer.now_s += 0.1
        peer.send(*(one for ssrc in ssrcs for one in burst(int(peer.now_s * 40), ssrc)))
    return peer.listener.heard[before:]


def test_of_two_streams_that_go_on_the_later_one_is_kept() -> None:
    peer = Peer()
    mixed(peer, 1, seconds=1)
    heard = mixed(peer, 1, 2, seconds=20)
    assert heard.count("new") == 1
    assert all(one.startswith("2:") for one in heard[heard.index("new") + 1 :])
    assert peer.receiver.counts.strangers == 199 * 4


def test_when_the_later_stream_ends_the_other_one_is_taken_again() -> None:
    peer = Peer()
    mixed(peer, 1, 2, seconds=5)
    heard = mixed(peer, 1, seconds=3)
    assert peer.receiver.source == 1
    assert heard[0] == "new"
    assert 65 <= len(heard) <= 85, "it waits about a second"


def test_a_source_that_comes_again_much_later_is_a_new_stream_at_once() -> None:
    peer = Peer()
    peer.send(*burst(0, 1), *burst(0, 2))
    mixed(peer, 2, seconds=15)
    assert peer.send(*burst(500, 1))[-5:] == ["new", "1:500", "1:501", "1:502", "1:503"]


def test_a_source_that_keeps_changing_is_a_fault() -> None:
    peer = Peer()
    with pytest.raises(ConversationFault) as fault:
        for ssrc in range(1, 8):
            peer.send(*burst(0, ssrc))
    assert fault.value.reason == "mixed"


def test_another_type_between_is_left_out_but_counts_as_a_number() -> None:
    assert Peer().send(packet(5), packet(6, payload_type=50), packet(7)) == ["5", "7"]


def test_another_type_alone_is_taken_after_fifty() -> None:
    heard = Peer().send(*(packet(number, payload_type=35) for number in range(60)))
    assert heard == [str(number) for number in range(49, 60)]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80" * 11,
        b"\x40\x60" + bytes(10),
        b"\x80\xc8" + bytes(10),
        b"\x90\x60" + bytes(10),
        b"\x90\x60" + bytes(12),
    ],
    ids=["nothing", "short", "version-1", "report", "no-extension", "half-extension"],
)
def test_what_is_no_rtp_packet_is_none(data: bytes) -> None:
    assert read_header(memoryview(data), 0, len(data)) is None


def test_more_padding_than_payload_leaves_nothing() -> None:
    data = b"\xa0\x60" + bytes(10) + b"ab\xff"
    header = read_header(memoryview(data), 0, len(data))
    assert header is not None
    assert header.begin == header.end


def test_an_extension_longer_than_the_packet_leaves_nothing() -> None:
    data = b"\x90\x60" + bytes(10) + b"\0\0\xff\xff" + bytes(20)
    header = read_header(memoryview(data), 0, len(data))
    assert header is not None
    assert header.begin >= header.end


def test_packets_of_the_new_source_are_replaced_in_order() -> None:
    first = [replace(one, ssrc=1) for one in numbers(1, 2, 3)]
    peer = Peer()
    heard = peer.send(*first, packet(9, ssrc=3), packet(20, ssrc=2), packet(21, ssrc=2), packet(22, ssrc=2))
    assert heard == ["1", "2", "3", "new", "20", "21", "22"]

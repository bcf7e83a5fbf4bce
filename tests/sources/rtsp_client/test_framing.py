"""What comes over the connection besides packets, and how much of it is borne."""

import random

import pytest

from tawny.sources.rtsp.client.tcp_transport import MOST_RUBBISH_BYTES, InterleavedReader
from tawny.sources.rtsp.client.transcript import ConversationFault
from tests.sources.rtsp_client.stream import cut, feed, interleaved, raw, sent, through

ANSWER = b"RTSP/1.0 200 OK\r\nCSeq: 3\r\nContent-Length: 4\r\n\r\nbody"
PIECES = [interleaved([one]) for one in raw(cut())]


def with_between(between: bytes, every: int = 7) -> bytes:
    return b"".join(piece + (between if number % every == every - 1 else b"") for number, piece in enumerate(PIECES))


def wire() -> tuple[InterleavedReader, list[bytes]]:
    messages: list[bytes] = []
    return InterleavedReader(lambda *_: None, messages.append), messages


def reason(data: bytes, *, tracks: bool = False) -> str:
    with pytest.raises(ConversationFault) as fault:
        if tracks:
            through(data)
        else:
            feed(wire()[0], data)
    return fault.value.reason


@pytest.mark.parametrize("step", [0, 1, 1000])
def test_messages_between_packets_are_handed_over_whole(step: int) -> None:
    pieces = 200 if step == 1 else len(PIECES)
    data = b"".join(piece + (ANSWER if number % 50 == 9 else b"") for number, piece in enumerate(PIECES[:pieces]))
    came = through(data, step=step)
    assert came.messages == [ANSWER] * len(range(9, pieces, 50))
    assert came.data == sent()[: len(came.units)]
    assert came.damaged == 0


def test_requests_of_the_camera_are_messages_too() -> None:
    request = b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n"
    came = through(with_between(request, every=100))
    assert set(came.messages) == {request}
    assert came.data == sent()


def test_line_ends_between_packets_are_nothing() -> None:
    came = through(with_between(b"\r\n"))
    assert came.data == sent()
    assert came.damaged == 0
    assert came.wire.rubbish_bytes == 0


@pytest.mark.parametrize("line_end", [b"\r\n", b"\n"])
def test_header_lines_may_end_either_way(line_end: bytes) -> None:
    taker, messages = wire()
    answer = line_end.join([b"RTSP/1.0 200 OK", b"content-LENGTH : 2", b"", b"ab"])
    feed(taker, answer + b"$\5\0\1x")
    assert messages == [answer]


@pytest.mark.parametrize("size", [1, 30, 3000, 64_000])
def test_rubbish_is_counted_and_only_what_it_may_have_cut_is_flagged(size: int) -> None:
    rubbish = random.Random(size).randbytes(size).replace(b"\r", b"x").replace(b"\n", b"x")
    data = b"".join(PIECES[:200]) + rubbish + b"".join(PIECES[200:])
    came = through(data)
    assert came.wire.rubbish_bytes == size
    assert came.data == sent()
    assert came.damaged <= 1


@pytest.mark.parametrize("step", [0, 61, 1400])
@pytest.mark.parametrize("stray", [b"\xa2/", b"\r\xe8o", b"\n\n\x10", b"$\x77\1\2\3", b"$\x00\0\x10\x0f"])
def test_a_picture_whose_last_length_is_too_short_is_flagged(stray: bytes, step: int) -> None:
    """However its missing bytes begin, however much of the next packet has come, and even if that is wrong as well."""
    last = [number for number, packet in enumerate(cut()) if packet.is_marked][20]
    for is_next_wrong in (False, True):
        pieces = list(PIECES[: last + 60])
        pieces[last] = shortened(pieces[last], len(stray))[: -len(stray)] + stray
        if is_next_wrong:
            pieces[last + 1] = shortened(pieces[last + 1], 7)
        came = through(b"".join(pieces), step=step)
        assert set(came.good) <= set(sent()), f"next wrong: {is_next_wrong}"
        assert came.damaged >= 1


def shortened(piece: bytes, by: int) -> bytes:
    """Its length says so much less than what comes."""
    return piece[:2] + (len(piece) - 4 - by).to_bytes(2, "big") + piece[4:]


def test_rubbish_after_every_picture_damages_only_the_first() -> None:
    data = b"".join(p + (b"\xff\xfe\xfd" * 9 if m.is_marked else b"") for p, m in zip(PIECES, cut(), strict=True))
    came = through(data)
    assert came.data == sent()
    assert [unit.is_damaged for unit in came.units] == [True] * 3 + [False] * (len(sent()) - 3)


@pytest.mark.parametrize("is_last", [False, True])
@pytest.mark.parametrize("wrong", [-40, -5, 5, 40])
def test_a_wrong_length_costs_its_own_unit_and_no_unit_is_wrong_in_silence(wrong: int, is_last: bool) -> None:
    at = next(n for n in range(300, 400) if cut()[n].is_marked == is_last and len(PIECES[n]) > 500)
    piece = PIECES[at]
    size = int.from_bytes(piece[2:4], "big") + wrong
    came = through(b"".join([*PIECES[:at], piece[:2] + size.to_bytes(2, "big") + piece[4:], *PIECES[at + 1 :]]))
    assert [data for data in came.good if data not in sent()] == []
    assert (not is_last or wrong < 0) <= came.damaged <= 2
    assert len(came.good) >= len(sent()) - 2


def test_nothing_but_rubbish_is_a_fault() -> None:
    assert reason(b"".join(PIECES[:50]) + b"\xff" * (MOST_RUBBISH_BYTES + 2000), tracks=True) == "framing"


def test_what_does_not_begin_like_rtsp_is_told_at_once() -> None:
    assert reason(b"HTTP/1.1 400 Bad Request\r\n") == "not-rtsp"
    assert reason(b"220 mail.example ready\r\n") == "not-rtsp"
    assert reason(bytes(64)) == "not-rtsp"


def test_a_header_without_end_is_given_up() -> None:
    assert reason(b"RTSP/1.0 200 OK\r\nX: " + b"y" * 17_000) == "header-too-long"


def test_a_header_that_ends_too_late_is_given_up() -> None:
    assert reason(b"RTSP/1.0 200 OK\r\nX: " + b"y" * 17_000 + b"\r\n\r\n") == "header-too-long"


def test_a_body_that_is_too_long_is_not_waited_for() -> None:
    assert reason(b"RTSP/1.0 200 OK\r\nContent-Length: 64001\r\n\r\n") == "body-too-long"
    assert reason(b"RTSP/1.0 200 OK\r\nContent-Length: 999999999\r\n\r\n") == "body-too-long"


def test_packets_before_any_track_are_left_out() -> None:
    taker, messages = wire()
    data = b"".join(PIECES[:5]) + ANSWER
    assert feed(taker, data) == len(data)
    assert messages == [ANSWER]
    assert taker.unasked == 5


def test_what_is_incomplete_waits() -> None:
    taker, messages = wire()
    assert feed(taker, ANSWER[:-1]) == 0
    assert messages == []
    assert feed(taker, ANSWER + b"$\0") == len(ANSWER)


@pytest.mark.parametrize("size", [0, 1, 11])
def test_a_packet_too_short_for_rtp_at_the_end_of_what_came_is_no_fault(size: int) -> None:
    came = through(b"".join(PIECES) + b"$\0\0" + bytes([size]) + bytes(size))
    assert came.good == sent()

"""Answers of RTSP cameras that are made to cost time or memory of the thread that reads all cameras.

The figures of before are of one core; each limit has its test.
"""

import socket
import time
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from unittest.mock import Mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tawny.sources.network_address import HIDDEN, SecretFilter, parse_rtsp, strip_locations
from tawny.sources.rtsp.client import connection as module
from tawny.sources.rtsp.client.audio_depacketizer import MAX_FRAMES, AacDepacketizer
from tawny.sources.rtsp.client.connection import ReceiveBuffer, RtspConnection, always
from tawny.sources.rtsp.client.rtp_receiver import RtpReceiver
from tawny.sources.rtsp.client.session import StreamMemory
from tawny.sources.rtsp.client.tcp_transport import (
    MAX_MESSAGES,
    MAX_SEARCHED_BYTES,
    MAX_UNSENT_BYTES,
    InterleavedReader,
    TcpSocket,
)
from tawny.sources.rtsp.client.transcript import ConversationFault, Transcript
from tawny.sources.rtsp.client.video_depacketizer import (
    MAX_NALS,
    MAX_SETS,
    DepacketizedUnit,
    VideoDepacketizer,
)
from tawny.sources.rtsp.source import DEFAULTS
from tawny.testing.clock import FakeClock

ADDRESS = parse_rtsp("rtsp://admin:s3cret-pw@192.168.1.5/main")
MOST_CPU_S = 1.0


def spent_s(call: Callable[[], object]) -> float:
    begun_s = time.thread_time()
    call()
    return time.thread_time() - begun_s


# --- transcripts -----------------------------------------------------------------------------------------------------


def test_redacting_costs_no_square_of_the_length() -> None:
    """16 kB of `a.a.a.` took 0.7 s, a body of 64 kB 11 s."""
    hidden = SecretFilter.of(ADDRESS)
    assert spent_s(lambda: hidden.hide("a." * 32_000)) < MOST_CPU_S
    assert spent_s(lambda: strip_locations("a." * 32_000, "host")) < MOST_CPU_S


def test_long_nonces_are_no_patterns() -> None:
    """64 nonces of 7 kB took 87 s for each later message."""
    hidden = SecretFilter.of(ADDRESS)
    for number in range(64):
        hidden.hide("nonce=" + "a" * (7_000 + number) + "b")
        hidden.hide("nonce=" + "a" * (120 + number) + "b")
    assert spent_s(lambda: hidden.hide("a" * 64_000)) < MOST_CPU_S


@pytest.mark.parametrize("before", ["", "+", "1", "a" * 40, "x-", "see:"])
def test_a_login_in_any_address_is_still_redacted(before: str) -> None:
    assert "pw@" not in SecretFilter([]).hide(f"{before}rtsp://me:pw@host/x")
    assert f"://{HIDDEN}" in strip_locations(f"{before}rtsp://camera.lan/x", "other")


@given(st.integers(19_000, 21_000))
@settings(max_examples=50, deadline=None)
def test_no_part_of_a_secret_is_left_at_the_cut(fill: int) -> None:
    transcript = Transcript(SecretFilter.of(ADDRESS))
    transcript.received(b"x" * fill + b" s3cret-pw " * 400)
    (answer,) = transcript.record()
    assert "s3c" not in answer["text"]


# --- the connection --------------------------------------------------------------------------------------------------


def reader_of(message: Callable[[bytes], None] = lambda raw: None) -> InterleavedReader:
    made = InterleavedReader(lambda channel, data: None, message)
    made.add(0, RtpReceiver(96, VideoDepacketizer("h264", lambda unit: None)))
    return made


@pytest.mark.parametrize(("count", "is_refused"), [(MAX_MESSAGES, False), (MAX_MESSAGES + 1, True)])
def test_only_so_many_messages_at_once(count: int, is_refused: bool) -> None:
    """512 kB of empty replies took 2 s."""
    heard: list[bytes] = []
    buffer = bytearray(b"RTSP/1.0 200\r\n\r\n" * count)
    reader = reader_of(heard.append)
    if is_refused:
        with pytest.raises(ConversationFault, match="messages at once"):
            reader.feed(buffer, memoryview(buffer), 0, len(buffer))
    else:
        assert reader.feed(buffer, memoryview(buffer), 0, len(buffer)) == len(buffer)
        reader.feed(buffer, memoryview(buffer), 0, len(buffer))  # the next arrival has a limit of its own
    assert len(heard) >= MAX_MESSAGES


def test_rubbish_that_comes_byte_by_byte_is_given_up() -> None:
    """Each byte had 100 kB searched again, without end: a packet may still begin anywhere in it."""
    buffer = bytearray(b"x" + b"$\0\xff\xff\x80" * 20_000)
    reader, view, fed = reader_of(), memoryview(buffer), 0
    with pytest.raises(ConversationFault, match="without a valid packet"):
        for end in range(60_000, 100_000):
            reader.feed(buffer, view, 0, end)
            fed += end
    assert fed <= MAX_SEARCHED_BYTES + 200_000


class Searched(bytearray):
    """A buffer that counts the bytes in which `$` is searched."""

    searched = 0

    def find(self, *asked: Any) -> int:
        found = super().find(*asked)
        _, begin, end = asked
        self.searched += (found + 1 if found >= 0 else end) - begin
        return found


@pytest.mark.parametrize(("rubbish", "most"), [(b"$", 70_000), (b"x", 70_000), (b"$\0\xff\xff\x80", 1_000_000)])
def test_rubbish_in_small_arrivals_is_searched_once(rubbish: bytes, most: int) -> None:
    """60 kB of `$` in arrivals of 100 bytes were searched again with each: 18 MB. What may still begin is given up."""
    buffer = Searched(b"x" + rubbish * (60_000 // len(rubbish)))
    reader, view = reader_of(), memoryview(buffer)
    with suppress(ConversationFault):
        for end in range(100, 60_000, 100):
            assert reader.feed(buffer, view, 0, end) == 0
    assert buffer.searched <= most


def test_packets_behind_rubbish_are_found_whatever_the_arrivals() -> None:
    """What is known to be rubbish is forgotten where a message or packet begins."""
    packet = b"$\0\0\x0c\x80\x60" + bytes(10)
    text = b"RTSP/1.0 200 OK\r\n\r\n"
    data = bytearray(b"x" * 50 + b"$$\0\0\x10\x80" + packet * 2 + text + b"$" * 40 + packet + text + packet * 3)
    for step in (1, 2, 7, 50, len(data)):
        heard: list[bytes] = []
        reader, at = reader_of(heard.append), 0
        for end in [*range(step, len(data), step), len(data)]:
            at = reader.feed(data, memoryview(data), at, end)
        assert (at, heard, reader.rubbish_bytes) == (len(data), [text, text], 96), step


def test_a_camera_that_reads_nothing_fills_no_memory() -> None:
    """It was answered each request; the answers waited in memory without limit."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        line = TcpSocket(parse_rtsp(f"rtsp://127.0.0.1:{server.getsockname()[1]}/"))
        while not line.step():
            time.sleep(0.01)
        peer, _ = server.accept()
        with peer, pytest.raises(ConversationFault, match="doesn't read"):
            for _ in range(1_000):
                line.send(b"x" * 100_000)
                line.receive_into(memoryview(bytearray(10)))
        assert len(line.unsent) <= MAX_UNSENT_BYTES + 100_000
        line.send(b"more")
        line.close()


@pytest.mark.plain
def test_costly_data_is_read_in_small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """One camera's data must not keep the thread from the others: a poll once processed 4 MB, whatever it cost."""
    sizes: list[int] = []

    def receive_into(view: memoryview) -> int:
        sizes.append(len(view))
        return len(view)

    line = Mock(is_encrypted=False, receive_into=receive_into)
    clock, room, costs_s = FakeClock(), ReceiveBuffer(), [0.2]

    def feed(_reader: InterleavedReader, _buffer: bytearray, _view: memoryview, _begin: int, end: int) -> int:
        clock.advance(costs_s[0])
        return end

    monkeypatch.setattr(module, "TcpSocket", lambda *_: line)
    monkeypatch.setattr(InterleavedReader, "feed", feed)
    connection = RtspConnection(ADDRESS, DEFAULTS, clock, StreamMemory(), always(room))
    connection.read()
    connection.read()
    assert sizes == [len(room.buffer), 32 * 1024]
    costs_s[0] = 0.0
    connection.read()
    connection.read()
    assert sizes[2:10] == [32 * 1024] * 8
    assert sizes[10:] == [len(room.buffer)] * 8


# --- media -----------------------------------------------------------------------------------------------------------


def test_only_so_many_units_and_sets_of_a_picture() -> None:
    """A picture of 5 MB had 1.3 million parameter sets: 170 MB and 22 s."""
    units: list[DepacketizedUnit] = []
    video = VideoDepacketizer("h264", units.append)
    piece = b"\x78" + b"\0\3\x67\1\2" * 1_000
    with pytest.raises(ConversationFault, match="NAL units"):
        for _ in range(MAX_NALS // 1_000 + 1):
            video.payload(memoryview(piece), 0, len(piece), 1, is_marked=False)
    few = VideoDepacketizer("h264", units.append)
    for payload, is_marked in ((piece, False), (b"\x65\x88\x80\0", True)):
        few.payload(memoryview(payload), 0, len(payload), 1, is_marked=is_marked)
    few.payload(memoryview(b"\x65\x88\x80\0"), 0, 4, 3_001, is_marked=True)
    assert len(units[0].sets) == MAX_SETS


def test_a_picture_in_very_short_pieces_takes_little_memory() -> None:
    """Kept apart, pieces of two bytes take 20 times their size."""
    units: list[DepacketizedUnit] = []
    video, pieces = VideoDepacketizer("h264", units.append), 32_768
    tracemalloc.start()
    try:
        for number in range(pieces):
            piece = (b"\x7c\x05" if number else b"\x7c\x85\x88\x80") + (number | 1 << 15).to_bytes(2, "big")
            video.payload(memoryview(piece), 0, len(piece), 1, is_marked=False)
        _, most_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most_bytes < 10 * 2 * pieces
    end = b"\x7c\x45\0\1"
    video.payload(memoryview(end), 0, len(end), 1, is_marked=True)
    video.finish()
    data = b"\x65\x88\x80" + b"".join((number | 1 << 15).to_bytes(2, "big") for number in range(pieces)) + b"\0\1"
    assert [unit.data for unit in units] == [len(data).to_bytes(4, "big") + data]


@pytest.mark.parametrize(
    ("count", "is_read"), [(1, True), (MAX_FRAMES, True), (MAX_FRAMES + 1, False), (65_535, False)]
)
def test_only_so_many_frames_of_an_audio_packet(count: int, is_read: bool) -> None:
    """With headers of one bit, 8 kB had 65,535 frames."""
    frames: list[object] = []
    audio = AacDepacketizer(frames.append, 1, 0)
    data = count.to_bytes(2, "big") + b"\xff" * ((count + 7) // 8) + b"x" * count
    assert spent_s(lambda: audio.payload(memoryview(data), 0, len(data), 0, is_marked=True)) < MOST_CPU_S
    assert (len(frames), audio.bad) == ((count, 0) if is_read else (0, 1))

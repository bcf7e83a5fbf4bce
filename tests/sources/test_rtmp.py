"""RTMP, asked for and sent, with FFmpeg on the other side; and peers that are no RTMP."""

import io
import logging
import socket
import struct
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import cache
from itertools import pairwise

import av
import pytest

from tawny.model.errors import (
    SourceClosed,
    SourceError,
    SourceNotFound,
    SourceRedirected,
    SourceRefused,
    SourceStalled,
    SourceUnreachable,
    SourceUnusable,
)
from tawny.model.packets import VIDEO_RATE, VideoCodec, VideoFormat
from tawny.model.times import Clock, SystemClock
from tawny.protocols.rtmp import (
    AUDIO,
    COMMAND,
    FLV_HEADER,
    HANDSHAKE_BYTES,
    VIDEO,
    MalformedRtmp,
    RtmpMessage,
    RtmpReader,
    command,
    flv_tag,
    in_pieces,
    number_message,
    read_command,
)
from tawny.service.cameras.camera_setup import CameraDraft, camera_with
from tawny.sources.media_connection import MediaConnection, MediaInput
from tawny.sources.rtmp import Rtmp, RtmpListener, _Sender
from tawny.testing.clips import ClipSpec, clip_file, made_clip
from tawny.testing.clock import FakeClock
from tawny.testing.contracts.source import SourceCase, SourceContract
from tawny.testing.waiting import until
from tests.sources.reading import Read, opening, read_all
from tests.support.ports import free_port

SPEC = ClipSpec(sound="aac")
KEY = "s3cret-of-the-contract"
PICTURES = 60
"""In a clip."""


class Sender:
    """FFmpeg as an encoder, which connects again whenever it was hung up on."""

    def __init__(self, address: str, spec: ClipSpec, speed: int = 3) -> None:
        self._words = [
            "ffmpeg", "-v", "error", "-readrate", str(speed), "-stream_loop", "-1", "-i", str(clip_file(spec)),
            "-c", "copy", "-f", "flv", address,
        ]  # fmt: skip
        self.over = threading.Event()
        self.process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self.over.wait(0.1):
            self.process = subprocess.Popen(
                self._words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            self.process.wait()

    def close(self) -> None:
        self.over.set()
        if self.process is not None:
            self.process.kill()
        self._thread.join()


@contextmanager
def sending(address: str, spec: ClipSpec = SPEC) -> Iterator[Sender]:
    sender = Sender(address, spec)
    try:
        yield sender
    finally:
        sender.close()


class TestRtmpThatIsSent(SourceContract):
    @contextmanager
    def case(self, clock: Clock) -> Iterator[SourceCase]:
        port = free_port()
        here = opening(f"rtmp-listen://127.0.0.1:{port}/live/{KEY}", SystemClock())
        with sending(f"rtmp://127.0.0.1:{port}/live/{KEY}"):
            yield SourceCase(Rtmp(), here, replace(here, address=f"rtmp-listen://192.0.2.1:1935/{KEY}"), "aac")


@contextmanager
def camera(spec: ClipSpec = SPEC) -> Iterator[str]:
    """FFmpeg as a camera, for one viewer."""
    port = free_port()
    address = f"rtmp://127.0.0.1:{port}/live/cam"
    words = ["ffmpeg", "-v", "error", "-readrate", "3", "-stream_loop", "-1", "-i", str(clip_file(spec)), "-c", "copy"]
    with subprocess.Popen(
        [*words, "-f", "flv", "-listen", "1", address], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as running:
        try:
            yield address
        finally:
            running.kill()


def opened(address: str) -> object:
    """Open a camera that may still be starting."""
    for _ in range(100):
        try:
            return Rtmp().open(opening(address))
        except SourceUnreachable:
            threading.Event().wait(0.1)
    raise AssertionError("it does not listen")


def test_a_camera_is_asked_for_its_stream_and_recorded_as_sent() -> None:
    with camera() as address:
        read = read_all(opened(address), until=lambda got: len(got.packets) >= 40)  # type: ignore[arg-type]
    sent = [one.data[-200:] for one in made_clip(SPEC).packets if one.is_video]
    assert [one.data[-200:] for one in read.packets if one.is_video][:10] == sent[:10]
    assert any(not one.is_video for one in read.packets)


@pytest.mark.parametrize("host", ["192.168..10", "a" * 64])
def test_a_name_that_can_be_none_is_said(host: str) -> None:
    with pytest.raises(SourceUnreachable, match="unknown host name"):
        Rtmp().open(opening(f"rtmp://{host}/live/cam"))


def test_its_end_is_told() -> None:
    with camera() as address:
        connection = opened(address)
    assert isinstance(read_all(connection).error, SourceClosed)  # type: ignore[arg-type]


def test_a_port_that_another_address_has_is_said() -> None:
    refused = pytest.raises(SourceError, match="share one only with the same IP address")
    with socket.create_server(("127.0.0.1", 0)) as taken, refused as error:
        Rtmp().open(opening(f"rtmp-listen://0.0.0.0:{taken.getsockname()[1]}/live/{KEY}"))
    assert not isinstance(error.value, SourceUnreachable)  # the camera isn't the matter


def test_an_address_of_another_computer_is_said() -> None:
    with pytest.raises(SourceError, match=r"listen there: cannot assign requested address\."):
        Rtmp().open(opening(f"rtmp-listen://192.0.2.1:1935/live/{KEY}"))


def test_a_wrong_key_is_refused_and_the_right_one_shown_nowhere() -> None:
    port = free_port()
    here = opening(f"rtmp-listen://127.0.0.1:{port}/live/{KEY}")
    with sending(f"rtmp://127.0.0.1:{port}/live/wrong-key-123456"), pytest.raises(SourceUnreachable) as error:
        Rtmp().open(here)
    assert "stream key" in str(error.value)
    assert KEY not in f"{error.value}{error.value!r}"
    assert KEY not in Rtmp().public(here.address)


@pytest.mark.parametrize(
    "address",
    ["rtmp-listen://0.0.0.0:1935/live/short", "rtmp-listen://example.org/live/0123456789abcdef", "rtmp-listen://x",
     "rtmp-listen://0.0.0.0:99999/live/0123456789abcdef", "rtmp://user:pw@127.0.0.1/live/x", "rtmp://"],
)  # fmt: skip
def test_an_invalid_address_is_said(address: str) -> None:
    with pytest.raises(SourceError) as error:
        Rtmp().open(opening(address))
    assert "0123456789abcdef" not in str(error.value)


def test_the_key_is_stored_apart_from_the_settings() -> None:
    made = camera_with("gate", CameraDraft(f"rtmp-listen://0.0.0.0:1935/live/{KEY}"), None, {})
    (secret,) = made.secrets
    assert made.values["source"] == f"rtmp-listen://0.0.0.0:1935/live/${{{secret}}}"
    assert made.secrets[secret] == KEY
    assert KEY not in repr(made.public)
    assert made.settings.source.endswith(KEY)


@pytest.mark.parametrize("end", ["", "/"])
def test_a_slash_after_the_key_shows_and_stores_it_nowhere(end: str) -> None:
    made = camera_with("gate", CameraDraft(f"rtmp-listen://0.0.0.0:1935/live/{KEY}{end}"), None, {})
    assert [*made.secrets.values()] == [KEY]
    assert KEY not in f"{made.values}{made.public}"


# The listener.


def says_key(port: int, key: str, address: str = "127.0.0.1") -> list[object]:
    """Return what a sender with this key is told; nothing: it was not let in."""
    try:
        with socket.create_connection(("127.0.0.1", port), 10.0, (address, 0)) as line:
            line.sendall(b"\x03" + bytes(2 * HANDSHAKE_BYTES))
            if not line.recv(1 + 2 * HANDSHAKE_BYTES, socket.MSG_WAITALL):
                return []
            line.sendall(command("connect", 1, {"app": "live"}) + command("publish", 2, None, key, "live", stream=1))
            reader, found = RtmpReader(), list[object]()
            while data := line.recv(4096):
                answer = [read_command(one.body) for one in reader.feed(data) if one.kind == COMMAND]
                found += [one[3]["code"] for one in answer if one[0] == "onStatus"]
                if found:
                    break
            return found
    except ConnectionError:
        return []


def test_one_address_does_not_keep_all_others_out() -> None:
    """Eight silent connections of one peer kept every camera out for as long as it opened new ones."""
    port = free_port()
    RtmpListener(("127.0.0.1", port), "here", SystemClock()).slot(f"live/{KEY}")
    with ExitStack() as silent:
        for _ in range(30):
            silent.enter_context(socket.create_connection(("127.0.0.1", port), 10.0, ("127.0.0.9", 0)))
        assert says_key(port, KEY, "127.0.0.9") == []
        assert says_key(port, KEY) == ["NetStream.Publish.Start"]


def test_a_key_that_no_camera_asks_for_any_more_is_refused() -> None:
    port, clock = free_port(), FakeClock()
    listener = RtmpListener(("127.0.0.1", port), "here", clock)
    listener.slot("live/another-key-1234")
    listener.slot(f"live/{KEY}")
    assert says_key(port, KEY) == ["NetStream.Publish.Start"]
    clock.advance(29)
    listener.slot("live/another-key-1234")
    clock.advance(2)
    until(lambda: says_key(port, KEY) == ["NetStream.Publish.BadName"], 60, "the end of its key")
    assert says_key(port, "another-key-1234") == ["NetStream.Publish.Start"]
    clock.advance(31)
    until(lambda: not listener.is_open, 60, "the end of the port")


class Received(MediaInput):
    def __init__(self) -> None:
        super().__init__(SystemClock())
        self.data = b""

    def begin(self, kind: str) -> None:
        self.kind = kind

    def feed(self, data: bytes, where: str) -> None:
        self.data += data


@pytest.mark.parametrize("count", [0, 1, 3])
def test_what_comes_with_the_stream_key_is_not_lost(count: int) -> None:
    """Some encoders don't wait for the answer to `publish`: the codec's configuration follows at once."""
    port, received = free_port(), Received()
    slot = RtmpListener(("127.0.0.1", port), "here", SystemClock()).slot(f"live/{KEY}")
    bodies = [b"\x17\0\0\0\0configuration", b"\x17\1\0\0\0keyframe", b"\x27\1\0\0\0early", b"\x27\1\0\0\0late"]
    sent = [in_pieces(VIDEO, body, 1, 6) for body in bodies]
    with socket.create_connection(("127.0.0.1", port), 10.0) as line:
        line.sendall(b"\x03" + bytes(2 * HANDSHAKE_BYTES) + command("connect", 1, {"app": "live"}))
        line.recv(1 + 2 * HANDSHAKE_BYTES, socket.MSG_WAITALL)
        line.sendall(command("publish", 2, None, KEY, "live", stream=1) + b"".join(sent[:count]))
        until(lambda: not slot.arrived.empty(), 10, "the sender")
        line.sendall(b"".join(sent[count:]) + command("deleteStream", 3, None, 1))
        with pytest.raises(SourceClosed, match="ended the stream"):
            _Sender(slot, "here", 5.0).run(received)
    assert [body for body in bodies if body in received.data] == bodies


@contextmanager
def sending_first(port: int, clock: FakeClock) -> Iterator[tuple[socket.socket, RtmpListener, "Received"]]:
    """A sender, its listener, and what is read."""
    listener = RtmpListener(("127.0.0.1", port), "here", clock)
    slot, received = listener.slot(f"live/{KEY}"), Received()

    def read() -> None:
        with suppress(SourceClosed):
            _Sender(slot, "here", 60.0).run(received)

    reading = threading.Thread(target=read, daemon=True)
    with socket.create_connection(("127.0.0.1", port), 10.0) as line:
        line.sendall(b"\x03" + bytes(2 * HANDSHAKE_BYTES) + command("connect", 1, {"app": "live"}))
        line.sendall(command("publish", 2, None, KEY, "live", stream=1) + in_pieces(VIDEO, b"\x17", 1, 6))
        reading.start()
        until(lambda: received.data, 30, "its picture")
        yield line, listener, received
    reading.join(10.0)


def test_a_second_sender_is_refused_while_the_first_one_sends(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Two encoders with one key took the camera from each other again and again."""
    port, clock = free_port(), FakeClock()
    with sending_first(port, clock) as (line, listener, received):

        def sends(most_s: float) -> None:
            before = len(received.data)
            line.sendall(in_pieces(VIDEO, b"\x27", 1, 6))
            until(lambda: len(received.data) > before, 30, "its picture")
            clock.advance(most_s)

        monkeypatch.setattr(listener.pause, "wait", sends)
        assert [says_key(port, KEY) for _ in range(2)] == [["NetStream.Publish.BadName"]] * 2
        assert listener.slot(f"live/{KEY}").active is not None
    assert [one.getMessage() for one in caplog.records] == [
        "an RTMP sender at 127.0.0.1 was dropped: another sender uses the same stream key"
    ]


def test_a_sender_comes_again_after_its_connection_was_lost_without_notice(monkeypatch: pytest.MonkeyPatch) -> None:
    port, clock = free_port(), FakeClock()
    with sending_first(port, clock) as (_, listener, _received):
        monkeypatch.setattr(listener.pause, "wait", clock.advance)
        assert says_key(port, KEY) == ["NetStream.Publish.Start"]
        until(lambda: listener.slot(f"live/{KEY}").active is None, 30, "the end of the old one")


def test_why_a_sender_was_dropped_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    port = free_port()
    RtmpListener(("127.0.0.1", port), "here", FakeClock()).slot(f"live/{KEY}")
    for _ in range(2):
        with socket.create_connection(("127.0.0.1", port), 10.0) as line:
            line.sendall(b"\x03" + bytes(2 * HANDSHAKE_BYTES) + in_pieces(COMMAND, b"\x0f"))
            with suppress(ConnectionError):
                while line.recv(4096):
                    pass
    assert [(one.levelno, one.getMessage()) for one in caplog.records] == [
        (logging.WARNING, "an RTMP sender at 127.0.0.1 was dropped: a command with an unknown type of value")
    ]


@contextmanager
def answering(*answers: bytes) -> Iterator[str]:
    """A server that shakes hands, and sends these bytes for the first request."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            line, _ = listening.accept()
            with line:
                first = line.recv(1 + HANDSHAKE_BYTES, socket.MSG_WAITALL)
                line.sendall(b"\x03" + bytes(HANDSHAKE_BYTES) + first[1:])
                line.recv(HANDSHAKE_BYTES, socket.MSG_WAITALL)
                line.recv(4096)
                for one in answers:
                    line.sendall(one)
                line.recv(4096)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"rtmp://127.0.0.1:{listening.getsockname()[1]}/live/cam"
        thread.join(10.0)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (command("_error", 1, None, {"description": "no", "ex": {"redirect": "rtmp://192.0.2.9/x"}}), SourceRedirected),
        (command("_error", 1, None, {"description": "[ AccessManager.Reject ] : auth"}), SourceRefused),
        (command("_error", 1, None, {"description": "what?"}), SourceNotFound),
        (command("onStatus", 0, None, {"code": "NetStream.Play.StreamNotFound"}), SourceNotFound),
        (b"\x03" + b"\xff" * 400, SourceClosed),
        (in_pieces(COMMAND, b"\x0f"), SourceClosed),
    ],
)  # fmt: skip
def test_what_a_camera_refuses_is_said(answer: bytes, kind: type[SourceError]) -> None:
    with answering(answer) as address, pytest.raises(kind):
        Rtmp().open(opening(address))


def test_a_silent_camera_is_told() -> None:
    with answering() as address, pytest.raises(SourceStalled):
        Rtmp().open(opening(address, stall=0.5))


def test_messages_survive_any_cut_and_interleaving() -> None:
    body = bytes(range(256)) * 3
    sent = number_message(5, 7) + in_pieces(VIDEO, body, 1) + command("play", 3, None, "name", {"a": [1][0], "b": True})
    for size in (1, 5, 127, len(sent)):
        reader = RtmpReader()
        found = [one for at in range(0, len(sent), size) for one in reader.feed(sent[at : at + size])]
        assert [(one.kind, one.stream) for one in found] == [(5, 0), (VIDEO, 1), (COMMAND, 0)]
        assert found[1].body == body
        assert read_command(found[2].body) == ["play", 3.0, None, "name", {"a": 1.0, "b": True}]


def test_times_of_later_chunks_add_up() -> None:
    reader = RtmpReader()
    first = bytes([3]) + (1000).to_bytes(3) + (1).to_bytes(3) + bytes([VIDEO]) + bytes(4) + b"a"
    short, same = bytes([0x83]) + (40).to_bytes(3) + b"b", bytes([0xC3]) + b"c"
    long = bytes([3]) + b"\xff\xff\xff" + (1).to_bytes(3) + bytes([VIDEO]) + bytes(4) + (0x01020304).to_bytes(4) + b"d"
    found = reader.feed(first + short + same + long)
    assert [one.time_ms for one in found] == [1000, 1040, 1080, 0x01020304]
    assert flv_tag(found[3])[:8] == bytes([VIDEO, 0, 0, 1, 2, 3, 4, 1])


def test_a_message_is_read_whether_or_not_its_chunks_repeat_a_long_time() -> None:
    """After 4 h 39 min the connection broke for senders that don't repeat it."""
    time, body = (0x01020304).to_bytes(4), b"\1\2" * 200  # each chunk begins like the time
    head = bytes([4]) + b"\xff\xff\xff" + len(body).to_bytes(3) + bytes([VIDEO]) + bytes(4) + time
    pieces = [body[at : at + 128] for at in range(0, len(body), 128)]
    for repeated in (b"", time):
        sent = (head + (b"\xc4" + repeated).join(pieces)) * 2
        for size in (1, 7, len(sent)):
            reader = RtmpReader()
            found = [one for at in range(0, len(sent), size) for one in reader.feed(sent[at : at + size])]
            assert [(one.time_ms, one.body) for one in found] == [(0x01020304, body)] * 2


def test_lists_and_dates_in_commands_are_read() -> None:
    """Encoders list their codecs when they connect (enhanced RTMP): they were thrown out."""
    codecs = b"\x0a" + (2).to_bytes(4) + b"\x02\0\x04hvc1" + b"\x02\0\x04av01"
    date = b"\x0b" + struct.pack(">dh", 86_400_000, 0)
    body = b"\x02\0\x07connect" + b"\x03" + b"\0\x0afourCcList" + codecs + b"\0\0\x09" + date + b"\x0d" + b"\1\1"
    assert read_command(body) == ["connect", {"fourCcList": ["hvc1", "av01"]}, 86_400_000, None, True]


@pytest.mark.parametrize("body", [b"\x0a\0\0\xff\xff" + b"\5" * 0xFFFF, b"\x0a\0\0\0\1" * 20, b"\x0a\0", b"\x0b\0"])
def test_lists_have_limits(body: bytes) -> None:
    with pytest.raises(MalformedRtmp):
        read_command(b"\x02\0\x01a" + body)


# FLV, as it is sent by RTMP and HTTP.


@cache
def sent_tags(spec: ClipSpec = SPEC) -> tuple[RtmpMessage, ...]:
    """Sound and pictures of a clip, each with its configuration first."""
    file = io.BytesIO()
    with av.open(str(clip_file(spec))) as clip, av.open(file, "w", format="flv") as out:
        streams = {one.index: out.add_stream_from_template(one) for one in clip.streams}
        for packet in clip.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream_index]
                out.mux(packet)
    data, at, found = file.getvalue(), len(FLV_HEADER), list[RtmpMessage]()
    while at < len(data):
        end = at + 11 + int.from_bytes(data[at + 1 : at + 4])
        found.append(RtmpMessage(data[at], 0, int.from_bytes(data[at + 4 : at + 7]), data[at + 11 : end]))
        at = end + 4
    return tuple(one for one in found if one.kind in (AUDIO, VIDEO) and len(one.body) > 5)


def later(tags: tuple[RtmpMessage, ...], by_ms: int) -> list[RtmpMessage]:
    return [one._replace(time_ms=one.time_ms + by_ms) for one in tags]


def read_flv(*tags: RtmpMessage) -> Read:
    data = FLV_HEADER + b"".join(map(flv_tag, tags))
    return read_all(MediaConnection(lambda media: media.feed(data, "here"), lambda: None, "here", SystemClock(), {}))


def pictures(read: Read) -> list[tuple[int, int]]:
    """Return the sizes of all pictures, and check that they go on without a gap."""
    found = [one for one in read.packets if one.is_video]
    assert all(0 < after.pts - before.pts < VIDEO_RATE / 5 for before, after in pairwise(found))
    formats = [one.format for one in found if isinstance(one.format, VideoFormat)]
    return [(one.width, one.height) for one in formats]


@pytest.mark.parametrize("codec", ["h264", "h265"])
def test_pictures_of_another_size_have_their_own_format(codec: VideoCodec) -> None:
    """They were recorded with the configuration of the first ones, and could not be decoded."""
    spec = replace(SPEC, codec=codec)
    small, large = sent_tags(spec), sent_tags(replace(spec, width=640, height=480))
    read = read_flv(*small, *later(large, 4000))
    assert pictures(read) == [(320, 240)] * PICTURES + [(640, 480)] * PICTURES


def test_a_configuration_that_is_repeated_changes_nothing() -> None:
    tags = sent_tags()
    read = read_flv(*tags, *later(tags, 4000))
    assert len(pictures(read)) == 2 * PICTURES
    assert len({id(one.format) for one in read.packets if one.is_video}) == 1


def test_sound_that_begins_late_is_recorded_and_no_picture_is_lost() -> None:
    tags = sent_tags()
    begun = [one for one in tags if one.time_ms < 2500]
    config = next(one for one in begun if one.kind == AUDIO)
    read = read_flv(*(one for one in begun if one.kind == VIDEO), config, *tags[len(begun) :])
    assert len(pictures(read)) == PICTURES
    assert len({id(one.format) for one in read.packets if one.is_video}) == 1
    late = sum(one.kind == AUDIO for one in tags[len(begun) :])
    assert sum(not one.is_video for one in read.packets) == late


def test_pictures_that_begin_after_the_sound_are_recorded() -> None:
    """The camera was refused, because it "sends aac audio"."""
    tags = sent_tags()
    read = read_flv(*(one for one in tags if one.kind == AUDIO), *later(tags, 4000))
    assert len(pictures(read)) == PICTURES
    assert isinstance(read.error, SourceClosed)


def test_sound_without_any_picture_is_said() -> None:
    sound = tuple(one for one in sent_tags() if one.kind == AUDIO)
    read = read_flv(*sound, *later(sound, 4000), *later(sound, 8000))
    assert isinstance(read.error, SourceUnusable)
    assert "aac audio" in str(read.error)


def test_limits() -> None:
    with pytest.raises(MalformedRtmp):
        RtmpReader().feed(bytes([3]) + bytes(3) + b"\xff\xff\xff" + bytes([VIDEO]) + bytes(5))
    with pytest.raises(MalformedRtmp):
        RtmpReader().feed(b"".join(bytes([n]) + bytes(6) + bytes([VIDEO]) + bytes(4) for n in range(3, 60)))
    for body in (b"", b"\x02\xff\xff", b"\x00", b"\x03\x00\x01a" * 50, b"\x0a", b"\x03" + b"\x00\x01a\x03" * 20):
        with pytest.raises(MalformedRtmp):
            read_command(body)
    assert RtmpMessage(VIDEO, 1, 2, b"").kind == VIDEO

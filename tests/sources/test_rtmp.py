"""RTMP, asked for and sent, with FFmpeg on the other side; and peers that are no RTMP."""

import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import pytest

from tawny.model.errors import (
    SourceClosed,
    SourceError,
    SourceNotFound,
    SourceRedirected,
    SourceRefused,
    SourceStalled,
    SourceUnreachable,
)
from tawny.model.times import Clock, SystemClock
from tawny.protocols.rtmp import (
    COMMAND,
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
from tawny.sources.media_connection import MediaInput
from tawny.sources.rtmp import Rtmp, RtmpListener, _Sender
from tawny.testing.clips import ClipSpec, clip_file, made_clip
from tawny.testing.clock import FakeClock
from tawny.testing.contracts.source import SourceCase, SourceContract
from tawny.testing.waiting import until
from tests.sources.reading import opening, read_all
from tests.support.ports import free_port

SPEC = ClipSpec(sound="aac")
KEY = "s3cret-of-the-contract"


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
                told = [read_command(one.body) for one in reader.feed(data) if one.kind == COMMAND]
                found += [one[3]["code"] for one in told if one[0] == "onStatus"]
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


def test_limits() -> None:
    with pytest.raises(MalformedRtmp):
        RtmpReader().feed(bytes([3]) + bytes(3) + b"\xff\xff\xff" + bytes([VIDEO]) + bytes(5))
    with pytest.raises(MalformedRtmp):
        RtmpReader().feed(b"".join(bytes([n]) + bytes(6) + bytes([VIDEO]) + bytes(4) for n in range(3, 60)))
    for body in (b"", b"\x02\xff\xff", b"\x00", b"\x03\x00\x01a" * 50, b"\x0a", b"\x03" + b"\x00\x01a\x03" * 20):
        with pytest.raises(MalformedRtmp):
            read_command(body)
    assert RtmpMessage(VIDEO, 1, 2, b"").kind == VIDEO

"""Streams that programs hand over, from real programs: FFmpeg, and writers at UNIX sockets."""

import socket
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from tawny.media.codec.nal import annexb
from tawny.model.errors import NoSuchDevice, SourceClosed, SourceError, SourceStalled, SourceUnusable
from tawny.model.packets import VideoFormat
from tawny.model.times import Clock, SystemClock
from tawny.protocols.rtp import RtpPacket
from tawny.sources.local_stream import DatagramOrder, ProgramOutput, Udp, UnixSocket
from tawny.sources.rtsp.client.rtp_receiver import TCP_WINDOW
from tawny.testing.clips import ClipSpec, clip_file, made_clip
from tawny.testing.contracts.source import SourceCase, SourceContract
from tawny.testing.waiting import until
from tests.sources.reading import opening, read_all
from tests.support.ports import free_port

SPEC = ClipSpec()


class SocketWriter:
    """An encoder that writes to a UNIX socket, as soon as one reads, forty pictures a second."""

    def __init__(self, path: Path, units: list[bytes], kind: socket.SocketKind) -> None:
        self.units, self.over, self.is_silent = units, threading.Event(), False
        self.listening = socket.socket(socket.AF_UNIX, kind)
        self.listening.bind(str(path))
        self.listening.listen()
        self.threads: list[threading.Thread] = []
        self._run_in_thread(self._accept)

    def _run_in_thread(self, run: object, *args: object) -> None:
        thread = threading.Thread(target=run, args=args, daemon=True)  # type: ignore[arg-type]
        self.threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self.over.is_set():
            try:
                line, _ = self.listening.accept()
            except OSError:
                return
            self._write(line)

    def _write(self, line: socket.socket) -> None:
        with line, suppress(OSError):
            for number in count():
                if self.over.wait(0.025):
                    return
                if not self.is_silent:
                    line.sendall(self.units[number % len(self.units)])

    def close(self) -> None:
        self.over.set()
        with suppress(OSError):
            self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()
        for one in self.threads:
            one.join()


@contextmanager
def writing(path: Path, units: list[bytes], kind: socket.SocketKind = socket.SOCK_SEQPACKET) -> Iterator[SocketWriter]:
    writer = SocketWriter(path, units, kind)
    try:
        yield writer
    finally:
        writer.close()
        path.unlink()


def pictures(spec: ClipSpec = SPEC) -> list[bytes]:
    """Return the access units of a clip in Annex B."""
    clip = made_clip(spec)
    return [annexb(one.data, clip.video) for one in clip.packets if one.is_video]


def jpegs() -> list[bytes]:
    words = [
        "ffmpeg",
        "-v",
        "error",
        "-i",
        str(clip_file(SPEC)),
        "-frames:v",
        "3",
        "-c:v",
        "mjpeg",
        "-f",
        "mpjpeg",
        "-",
    ]
    found = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, check=True).stdout
    return [b"\xff\xd8" + part.rpartition(b"\xff\xd9")[0] + b"\xff\xd9" for part in found.split(b"\xff\xd8")[1:]]


class UnixContract(SourceContract):
    KIND = socket.SOCK_SEQPACKET
    SPEC = SPEC
    PACKETS = 60

    def units(self) -> list[bytes]:
        return pictures(self.SPEC)

    @pytest.fixture(autouse=True)
    def place(self, tmp_path: Path) -> None:
        self.path = tmp_path / "s"

    @contextmanager
    def case(self, clock: Clock) -> Iterator[SourceCase]:
        with writing(self.path, self.units(), self.KIND):
            here = opening(f"unix:{self.path}", SystemClock())
            yield SourceCase(UnixSocket(), here, replace(here, address="unix:/no/such/socket"))


class TestUnixPackets(UnixContract):
    pass


@pytest.mark.long
class TestUnixPacketsOfH265(UnixContract):
    SPEC = ClipSpec("h265")


@pytest.mark.long
class TestUnixStream(UnixContract):
    KIND = socket.SOCK_STREAM


@pytest.mark.long
class TestUnixJpegs(UnixContract):
    PACKETS = 100

    def units(self) -> list[bytes]:
        return jpegs()


class TestProgram(SourceContract):
    """FFmpeg, three times as fast as it should be."""

    FORM = "mpegts"
    SPEC = ClipSpec(sound="aac")

    @contextmanager
    def case(self, clock: Clock) -> Iterator[SourceCase]:
        here = opening("exec:", SystemClock(), command=ffmpeg(self.SPEC, "-c", "copy", "-f", self.FORM, "-"))
        missing = replace(here, options={"command": ["/no/such/program"]})
        yield SourceCase(ProgramOutput(), here, missing, self.SPEC.sound)


def ffmpeg(spec: ClipSpec, *output: str, speed: int = 3) -> list[str]:
    paced = ["-readrate", str(speed), "-stream_loop", "-1", "-i", str(clip_file(spec))]
    return ["ffmpeg", "-v", "error", *paced, *output]


@pytest.mark.long
class TestProgramOfH265(TestProgram):
    FORM = "matroska"
    SPEC = ClipSpec("h265", sound="aac")


class TestUdp(SourceContract):
    SPEC = ClipSpec(sound="aac")

    @contextmanager
    def case(self, clock: Clock) -> Iterator[SourceCase]:
        port = free_port()
        here = opening(f"udp://127.0.0.1:{port}", SystemClock())
        words = ffmpeg(self.SPEC, "-c", "copy", "-f", "mpegts", f"udp://127.0.0.1:{port}?pkt_size=1316")
        with subprocess.Popen(words, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as sender:
            try:
                yield SourceCase(Udp(), here, replace(here, address="udp://192.0.2.1:5000"), self.SPEC.sound)
            finally:
                sender.kill()


# beyond the contract


def test_packets_are_recorded_as_they_were_written(tmp_path: Path) -> None:
    sent = pictures()
    with writing(tmp_path / "s", sent):
        connection = UnixSocket().open(opening(f"unix:{tmp_path}/s"))
        read = read_all(connection, until=lambda got: len(got.packets) >= 20)
    clip = made_clip(SPEC)
    assert [one.data[-100:] for one in read.packets[:10]] == [one.data[-100:] for one in clip.packets[:10]]
    steps = sorted(b.pts - a.pts for a, b in zip(read.packets, read.packets[1:], strict=False))
    assert 1500 < steps[len(steps) // 2] < 5000  # the time since the picture before: 25 ms


def test_a_writer_that_falls_silent_or_restarts_is_told_and_read_again(tmp_path: Path) -> None:
    here = opening(f"unix:{tmp_path}/s", stall=1.0)
    with writing(tmp_path / "s", pictures()) as writer:
        connection = UnixSocket().open(here)
        writer.is_silent = True
        assert isinstance(read_all(connection).error, SourceStalled)
    with pytest.raises(NoSuchDevice):
        UnixSocket().open(here)
    with writing(tmp_path / "s", pictures()) as writer:
        connection = UnixSocket().open(here)
        writer.over.set()
        assert isinstance(read_all(connection).error, SourceClosed)


def test_a_socket_of_another_user_is_refused(tmp_path: Path) -> None:
    with writing(tmp_path / "s", pictures()), pytest.raises(SourceError, match="another user"):
        UnixSocket().open(opening(f"unix:{tmp_path}/s", owner="daemon"))
    with writing(tmp_path / "s", pictures()), pytest.raises(SourceError, match="no user"):
        UnixSocket().open(opening(f"unix:{tmp_path}/s", owner="no-such-user"))


def test_other_packets_are_refused(tmp_path: Path) -> None:
    with writing(tmp_path / "s", [b"hello"]), pytest.raises(SourceUnusable):
        UnixSocket().open(opening(f"unix:{tmp_path}/s"))


@pytest.mark.parametrize("address", ["unix:", "unix:relative", "unix:/" + "x" * 200, "udp://example.org:1", "udp://:0"])
def test_an_invalid_address_is_said(address: str) -> None:
    source = UnixSocket() if address.startswith("unix") else Udp()
    with pytest.raises(SourceError):
        source.open(opening(address))


def test_a_port_that_is_taken_is_said() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(SourceError, match="can't listen there: address already in use"):
            Udp().open(opening(f"udp://127.0.0.1:{taken.getsockname()[1]}"))


def test_a_program_is_ended_with_everything_it_started(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    script = f"import os,subprocess;p=subprocess.Popen({ffmpeg(SPEC, '-c', 'copy', '-f', 'flv', '-')!r});"
    script += f"open({str(pid_file)!r},'w').write(str(p.pid));p.wait()"
    connection = ProgramOutput().open(opening("exec:", command=[sys.executable, "-c", script]))
    child = int(pid_file.read_text())
    connection.close()
    until(lambda: not _runs(child), 60, "the program's child is gone")


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_srt_is_read_by_the_command_of_the_documentation() -> None:
    protocols = subprocess.run(["ffmpeg", "-protocols"], capture_output=True, text=True, check=True).stdout
    if "srt" not in protocols.split():
        pytest.skip("this computer's ffmpeg has no SRT")
    page = (Path(__file__).parents[2] / "docs" / "cameras" / "other-streams.md").read_text("utf-8")
    written = next(line.strip() for line in page.splitlines() if "srt://" in line and "command" in line)
    command: list[str] = tomllib.loads(written)["command"]
    port = free_port()
    words = ffmpeg(SPEC, "-c", "copy", "-f", "mpegts", f"srt://127.0.0.1:{port}?mode=listener", speed=1)
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as camera:
        try:
            here = [f"srt://127.0.0.1:{port}" if one.startswith("srt://") else one for one in command]
            connection = ProgramOutput().open(opening("exec:", command=here))
            assert len(read_all(connection, until=lambda got: len(got.packets) >= 20).packets) >= 20
            connection.close()
        finally:
            camera.kill()


def test_a_program_gets_no_secrets_and_no_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORCH_PASSWORD", "s3cret")
    script = "import os,sys;sys.exit(7 if 'PORCH_PASSWORD' in os.environ or sys.argv[1] != '$(id); true' else 3)"
    with pytest.raises(SourceClosed, match="code 3"):
        ProgramOutput().open(opening("exec:", command=[sys.executable, "-c", script, "$(id); true"]))


@pytest.mark.parametrize("command", ["ffmpeg -i x", [1], [["a"]], {"a": 1}, ["a\0"]])
def test_a_command_is_a_list_of_texts(command: object) -> None:
    with pytest.raises(ValueError, match="command"):
        ProgramOutput().settings({"command": command})


def rtp(number: int, content: bytes, *, extension: bytes = b"") -> bytes:
    packet = RtpPacket(content, is_marked=False, payload_type=33, sequence=number & 0xFFFF, time=0, ssrc=7)
    return replace(packet, extension=extension).to_bytes()


@pytest.mark.parametrize(
    ("datagrams", "together"),
    [
        ([rtp(1, b"a"), rtp(3, b"c"), rtp(2, b"b"), rtp(4, b"d")], b"abcd"),
        ([rtp(65535, b"a"), rtp(1, b"c"), rtp(0, b"b")], b"abc"),
        ([rtp(1, b"a"), rtp(3, b"c"), rtp(2, b"b"), rtp(1, b"late"), rtp(4, b"d")], b"abclated"),
        ([rtp(7, b"a"), rtp(7, b"b"), rtp(7, b"c")], b"abc"),
        ([rtp(1, b"a"), rtp(2, b"b"), rtp(2, b"b"), rtp(3, b"c")], b"abc"),
        ([rtp(1, b"a"), rtp(3, b""), rtp(4, b"d"), rtp(2, b"b"), rtp(5, b"e")], b"abde"),
        ([rtp(0, b"a"), *(rtp(number * 999, b"b") for number in range(1, 4))], b"abbb"),
        ([rtp(1, b"a"), *(rtp(number, b"x") for number in range(3, 3 + TCP_WINDOW))], b"a" + b"x" * TCP_WINDOW),
        ([rtp(1, b"a", extension=b"\xbe\xde\0\1\x10\5\0\0"), rtp(2, b"b")], b"ab"),
        ([b"\x47a", b"\x47b"], b"\x47a\x47b"),
        ([b"", b"\x80"], b"\x80"),
    ],
    ids=[
        "swapped",
        "swapped at the wrap",
        "late",
        "no numbers",
        "repeated",
        "empty",
        "wrong numbers",
        "lost",
        "extended",
        "no RTP",
        "too short",
    ],
)
def test_datagrams_with_numbers_are_put_in_order(datagrams: list[bytes], together: bytes) -> None:
    order = DatagramOrder()
    assert b"".join(map(order.take, datagrams)) == together


def test_a_sender_that_restarts_is_followed() -> None:
    order = DatagramOrder()
    sent = [rtp(number, b"a") for number in range(40_000, 40_100)] + [rtp(number, b"b") for number in range(100)]
    assert b"".join(map(order.take, sent)) == b"a" * 100 + b"b" * 100


def test_only_the_chosen_sender_is_listened_to() -> None:
    port = free_port()
    words = ffmpeg(SPEC, "-c", "copy", "-f", "mpegts", f"udp://127.0.0.1:{port}?pkt_size=1316")
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as sender:
        try:
            own = Udp().open(replace(opening(f"udp://127.0.0.1:{port}"), options={"from": "127.0.0.1"}))
            assert isinstance(own.read().format, VideoFormat)  # type: ignore[union-attr]
            own.close()
        finally:
            sender.kill()

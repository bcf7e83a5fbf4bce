"""Faults of cameras that aren't RTSP, with real senders and the real clock: told soon, read again soon, others go on.

Each camera is read as the recorder reads it: a `StreamReader` in a thread, a session, a hub.
"""

import os
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from tawny.model.errors import SourceError
from tawny.model.ids import CameraId, StreamName
from tawny.model.messages import Message
from tawny.model.times import SystemClock
from tawny.sources.http import Http
from tawny.sources.local_stream import ProgramOutput, Udp, UnixSocket
from tawny.sources.rtmp import Rtmp
from tawny.sources.source import CameraSource, SourceContext
from tawny.stream.hub import Hub
from tawny.stream.session import StreamReader, StreamSession
from tawny.testing.clips import ClipSpec
from tawny.testing.waiting import until
from tests.faults.figures import note
from tests.sources.http_camera import http_camera
from tests.sources.rtmp_server import rtmp_camera
from tests.sources.test_local_stream import ffmpeg, pictures, writing
from tests.sources.test_rtmp import KEY, Sender
from tests.support.ports import free_port

TOLD_S, AGAIN_S = 6.0, 5.0
SLOW_S = 4.0
"""Additional time for a test computer that is busy with other tests."""
SPEC = ClipSpec(sound="aac")
CLOCK = SystemClock()


@dataclass
class Watched:
    """One camera, as it is read. Tells when it connected and failed, s monotonic."""

    source: CameraSource
    address: str
    options: Mapping[str, Any] = field(default_factory=dict)
    connected_s: list[float] = field(default_factory=list)
    failed_s: list[float] = field(default_factory=list)
    errors: list[SourceError] = field(default_factory=list)
    hub: Hub = field(default_factory=Hub)

    def connected(self, notes: Mapping[str, Any]) -> None:
        self.connected_s.append(CLOCK.mono_s())

    def noted(self, notes: Mapping[str, Any]) -> None:
        """Not of interest."""

    def failed(self, error: SourceError) -> None:
        self.errors.append(error)
        self.failed_s.append(CLOCK.mono_s())

    @contextmanager
    def running(self) -> Iterator[None]:
        camera, over = CameraId("porch"), threading.Event()
        heard: list[Message] = []
        session = StreamSession(camera, StreamName.MAIN, self.hub, CLOCK, heard.append)
        opening = SourceContext(camera, StreamName.MAIN, self.address, self.source.settings(self.options), CLOCK)
        reader = StreamReader("porch", lambda: self.source.open(opening), session, self, CLOCK)

        def run() -> None:
            while not over.is_set():
                over.wait(reader.step())
            reader.close()

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            until(lambda: self.connected_s, 60, f"{self.address} is read")
            yield
        finally:
            over.set()
            thread.join(10.0)
            assert not thread.is_alive()

    @property
    def came(self) -> int:
        """Number of the newest packet; 0 before the first."""
        newest = self.hub.newest
        return newest.number if newest is not None else 0


@dataclass
class Faulty:
    """A running sender. end, stall, garbage: begin a fault; back: it sends again."""

    watched: Watched
    end: Callable[[], None]
    back: Callable[[], None]
    stall: Callable[[], None]
    garbage: Callable[[], None]


@contextmanager
def http(name: str) -> Iterator[Faulty]:
    with ExitStack() as stack:
        inner = stack.enter_context(ExitStack())
        camera = inner.enter_context(http_camera(SPEC))
        cameras = [camera]

        def begin() -> None:
            made = inner.enter_context(http_camera(SPEC, port=camera.port))
            cameras.append(made)
            if name.endswith("m3u8"):
                made.begin_hls()

        def back() -> None:
            if cameras[-1].faults.garbage:
                cameras[-1].faults.garbage = b""
                return
            if cameras[-1].faults.stall:
                cameras[-1].faults.stall = False
                for one in cameras[-1].running:
                    one.send_signal(signal.SIGCONT)
                return
            begin()

        def stall() -> None:
            cameras[-1].faults.stall = True
            for one in cameras[-1].running:
                one.send_signal(signal.SIGSTOP)

        if name.endswith("m3u8"):
            camera.begin_hls()
            assert camera.hls is not None
            until((camera.hls / "live.m3u8").is_file, 60, "the first segment")

        def garbage() -> None:
            cameras[-1].faults.garbage = GARBAGE

        yield Faulty(Watched(Http(), camera.address(name)), inner.close, back, stall, garbage)


@contextmanager
def unix(
    _: str,
) -> Iterator[Faulty]:
    folder = Path("/tmp") / f"tawny-faults-{os.getpid()}"
    folder.mkdir(exist_ok=True)
    path = folder / "s"
    with ExitStack() as stack:
        inner = stack.enter_context(ExitStack())
        writers = [inner.enter_context(writing(path, pictures()))]

        def back() -> None:
            if writers[-1].is_silent:
                writers[-1].is_silent = False
                return
            if writers[-1].units[0] is GARBAGE:
                writers[-1].units[:] = pictures()
                return
            writers.append(inner.enter_context(writing(path, pictures())))

        def stall() -> None:
            writers[-1].is_silent = True

        def garbage() -> None:
            writers[-1].units[:] = [GARBAGE] * len(writers[-1].units)

        yield Faulty(Watched(UnixSocket(), f"unix:{path}"), inner.close, back, stall, garbage)
    folder.rmdir()


class Program:
    """FFmpeg, which sends to an address."""

    def __init__(self, words: list[str]) -> None:
        self._words = words
        self._running: subprocess.Popen[bytes] | None = None

    def end(self) -> None:
        if self._running is not None:
            self._running.kill()
            self._running.wait()
            self._running = None

    def back(self) -> None:
        self.end()
        self._running = subprocess.Popen(self._words, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def stall(self) -> None:
        assert self._running is not None
        self._running.send_signal(signal.SIGSTOP)


@contextmanager
def udp(_: str) -> Iterator[Faulty]:
    port = free_port()
    to = f"udp://127.0.0.1:{port}?pkt_size=1316"
    program = Program(ffmpeg(SPEC, "-c", "copy", "-f", "mpegts", to, speed=1))

    def garbage() -> None:
        program.end()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
            for at in range(0, len(GARBAGE), 1316):
                line.sendto(GARBAGE[at : at + 1316], ("127.0.0.1", port))

    program.back()
    try:
        yield Faulty(Watched(Udp(), f"udp://127.0.0.1:{port}"), program.end, program.back, program.stall, garbage)
    finally:
        program.end()


@contextmanager
def rtmp_pushed(_: str) -> Iterator[Faulty]:
    """The sender connects again by itself only when it is started again."""
    port = free_port()
    to = f"rtmp://127.0.0.1:{port}/live/{KEY}"
    listening, encoder = Watched(Rtmp(), f"rtmp-listen://127.0.0.1:{port}/live/{KEY}"), Encoder(to)

    def garbage() -> None:
        encoder.close()
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)) as line:
            line.sendall(GARBAGE)

    with encoder:
        yield Faulty(listening, encoder.close, encoder.begin, encoder.stall, garbage)


class Encoder:
    """An encoder that sends RTMP, and tries again until someone listens."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._sender: Sender | None = None

    def begin(self) -> None:
        self.close()
        self._sender = Sender(self._address, SPEC, speed=1)

    def close(self) -> None:
        if self._sender is not None:
            self._sender.close()
            self._sender = None

    def stall(self) -> None:
        assert self._sender is not None
        assert self._sender.process is not None
        self._sender.process.send_signal(signal.SIGSTOP)

    def __enter__(self) -> None:
        self.begin()

    def __exit__(self, *_: object) -> None:
        self.close()


@contextmanager
def rtmp_pulled(_: str) -> Iterator[Faulty]:
    words = ffmpeg(SPEC, "-c", "copy", "-f", "flv", "-", speed=1)
    with ExitStack() as stack:
        inner = stack.enter_context(ExitStack())
        cameras = [inner.enter_context(rtmp_camera(words))]
        port = cameras[0].port

        def back() -> None:
            if cameras[-1].is_silent or cameras[-1].garbage:
                cameras[-1].is_silent, cameras[-1].garbage = False, b""
                return
            cameras.append(inner.enter_context(rtmp_camera(words, port)))

        def stall() -> None:
            cameras[-1].is_silent = True

        def garbage() -> None:
            cameras[-1].garbage = GARBAGE

        yield Faulty(Watched(Rtmp(), f"rtmp://127.0.0.1:{port}/live/cam"), inner.close, back, stall, garbage)


GARBAGE = b"\xa5\x5a\x00\xff" * 4000
MOST_GROWTH_BYTES = 60_000_000
"""Of the recorder's process, while a camera fails and comes back."""
SENDERS: dict[str, Callable[[str], Any]] = {
    "flv": http, "ts": http, "mp4": http, "mkv": http, "mjpeg": http, "snapshot.jpg": http, "live.m3u8": http,
    "unix": unix, "udp": udp, "rtmp pushed": rtmp_pushed, "rtmp pulled": rtmp_pulled,
}  # fmt: skip
EVERY_RUN = {("flv", "end"), ("mjpeg", "stall"), ("unix", "stall"), ("rtmp pulled", "garbage")}
FAULTS = ("end", "stall", "garbage")
UNSEEN = {("snapshot.jpg", "garbage"), ("live.m3u8", "garbage")}
"""These are files, which the stand-in sends as they are."""
SEGMENT_S = 2.0
"""How much later the fault of a camera is told that sends segments of a second."""


CELLS = [cell for cell in product(SENDERS, FAULTS) if cell not in UNSEEN]


@pytest.mark.parametrize(
    ("name", "fault"), [cell if cell in EVERY_RUN else pytest.param(*cell, marks=pytest.mark.long) for cell in CELLS]
)
def test_a_fault_is_told_and_the_camera_read_again(name: str, fault: str) -> None:
    with ExitStack() as stack:
        broken = stack.enter_context(SENDERS[name](name))
        other = Watched(ProgramOutput(), "exec:", {"command": ffmpeg(SPEC, "-c", "copy", "-f", "flv", "-", speed=1)})
        stack.enter_context(other.running())
        stack.enter_context(broken.watched.running())
        begun_s, begun_bytes, other_came = CLOCK.mono_s(), resident_bytes(), other.came
        getattr(broken, fault)()
        until(lambda: broken.watched.failed_s, 60, "the fault is told")
        told_s = broken.watched.failed_s[0] - begun_s
        assert told_s <= TOLD_S + SLOW_S + (SEGMENT_S if name.endswith("m3u8") else 0)
        before = len(broken.watched.connected_s)
        back_s = CLOCK.mono_s()
        broken.back()
        until(lambda: len(broken.watched.connected_s) > before, 60, "it is read again")
        again_s = broken.watched.connected_s[-1] - back_s
        assert again_s <= AGAIN_S + SLOW_S
        came = broken.watched.came
        until(lambda: broken.watched.came > came, 5.0, "its frames come again")
        passed_s = CLOCK.mono_s() - begun_s
        assert other.failed_s == []
        assert other.came - other_came >= SPEC.fps * (passed_s - SLOW_S), "frames of the other camera are missing"
        grown = resident_bytes() - begun_bytes
        assert grown < MOST_GROWTH_BYTES
    print(f"{name} {fault}: told after {told_s:.1f} s, read again after {again_s:.1f} s, grown {grown / 1e6:.0f} MB")
    note(f"network-{name}-{fault}", told_s=told_s, again_s=again_s, grown_mb=grown / 1e6)


def resident_bytes() -> int:
    text = Path("/proc/self/status").read_text()
    return int(text.partition("VmRSS:")[2].split()[0]) * 1024

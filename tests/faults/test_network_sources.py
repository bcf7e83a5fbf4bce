"""Faults of cameras that aren't RTSP, with real senders and the real clock: told soon, read again soon, others go on.

Each camera is read as the recorder reads it: a `StreamReader` in a thread, a session, a hub.
"""

import os
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tawny.model.errors import SourceError
from tawny.model.ids import CameraId, StreamName
from tawny.model.messages import Message
from tawny.model.times import SystemClock
from tawny.sources.http import Http
from tawny.sources.local_stream import ProgramOutput, Udp, UnixSocket
from tawny.sources.source import CameraSource, SourceContext
from tawny.stream.hub import Hub
from tawny.stream.reader import StreamReader
from tawny.stream.session import StreamSession
from tawny.testing.clips import ClipSpec
from tawny.testing.waiting import until
from tests.sources.http_camera import http_camera
from tests.sources.test_local_stream import ffmpeg, pictures, writing

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
        hub = Hub()
        heard: list[Message] = []
        session = StreamSession(camera, StreamName.MAIN, hub, CLOCK, heard.append)
        opening = SourceContext(camera, StreamName.MAIN, self.address, self.source.settings(self.options), CLOCK)
        reader = StreamReader("porch", lambda: self.source.open(opening), session, self, CLOCK)

        def run() -> None:
            while not over.is_set():
                over.wait(reader.step())
            reader.close()

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            until(lambda: self.connected_s, 20.0, f"{self.address} is read")
            yield
        finally:
            over.set()
            thread.join(10.0)
            assert not thread.is_alive()


@dataclass
class Faulty:
    """A running sender. end, stall: begin a fault; back: it sends again."""

    watched: Watched
    end: Callable[[], None]
    back: Callable[[], None]
    stall: Callable[[], None]


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
            until((camera.hls / "live.m3u8").is_file, 20.0, "the first segment")
        yield Faulty(Watched(Http(), camera.address(name)), inner.close, back, stall)


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
            writers.append(inner.enter_context(writing(path, pictures())))

        def stall() -> None:
            writers[-1].is_silent = True

        yield Faulty(Watched(UnixSocket(), f"unix:{path}"), inner.close, back, stall)
    folder.rmdir()


@contextmanager
def udp(_: str) -> Iterator[Faulty]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ffmpeg(SPEC, "-c", "copy", "-f", "mpegts", f"udp://127.0.0.1:{port}?pkt_size=1316", speed=1)
    senders: list[subprocess.Popen[bytes]] = []

    def end() -> None:
        for one in senders:
            one.kill()
            one.wait()
        senders.clear()

    def back() -> None:
        end()
        senders.append(subprocess.Popen(words, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

    back()
    try:
        yield Faulty(
            Watched(Udp(), f"udp://127.0.0.1:{port}"), end, back, lambda: senders[0].send_signal(signal.SIGSTOP)
        )
    finally:
        end()


SENDERS: dict[str, Callable[[str], Any]] = {
    "flv": http, "ts": http, "mjpeg": http, "snapshot.jpg": http, "live.m3u8": http, "unix": unix, "udp": udp,
}  # fmt: skip
EVERY_RUN = ("flv", "mjpeg", "unix")
SEGMENT_S = 2.0
"""How much later the fault of a camera is told that sends segments of a second."""


@pytest.mark.parametrize("fault", ["end", "stall"])
@pytest.mark.parametrize(
    "name", [name if name in EVERY_RUN else pytest.param(name, marks=pytest.mark.long) for name in SENDERS]
)
def test_a_fault_is_told_and_the_camera_read_again(name: str, fault: str) -> None:
    with ExitStack() as stack:
        broken = stack.enter_context(SENDERS[name](name))
        other = Watched(ProgramOutput(), "exec:", {"command": ffmpeg(SPEC, "-c", "copy", "-f", "flv", "-", speed=1)})
        stack.enter_context(other.running())
        stack.enter_context(broken.watched.running())
        begun_s = CLOCK.mono_s()
        getattr(broken, fault)()
        until(lambda: broken.watched.failed_s, 30.0, "the fault is told")
        told_s = broken.watched.failed_s[0] - begun_s
        assert told_s <= TOLD_S + SLOW_S + (SEGMENT_S if name.endswith("m3u8") else 0)
        before = len(broken.watched.connected_s)
        back_s = CLOCK.mono_s()
        broken.back()
        until(lambda: len(broken.watched.connected_s) > before, 30.0, "it is read again")
        again_s = broken.watched.connected_s[-1] - back_s
        assert again_s <= AGAIN_S + SLOW_S
        assert other.failed_s == []
        print(f"{name} {fault}: told after {told_s:.1f} s, read again after {again_s:.1f} s")

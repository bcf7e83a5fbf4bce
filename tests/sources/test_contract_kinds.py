"""The contract of sources over every kind of source that isn't an RTSP camera, with each codec and sound it can carry.

A sample runs always; the rest with `--long`. `test_contract_cells` is the table of RTSP.
"""

import asyncio
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest

from tawny.media.codec.demuxer import CapturedUnit
from tawny.media.codec.nal import annexb
from tawny.model.errors import NoSuchDevice
from tawny.model.ids import RunId
from tawny.model.packets import Packet, VideoCodec
from tawny.model.times import Clock, SystemClock
from tawny.sources.file import FileSource
from tawny.sources.http import Http
from tawny.sources.local_stream import ProgramOutput, Udp, UnixSocket
from tawny.sources.rtmp import Rtmp
from tawny.sources.rtsp.source import Rtsp
from tawny.sources.v4l2 import DeviceFormat, V4l2, V4l2Device
from tawny.testing.clips import ClipSpec, Sound, clip_file, made_clip
from tawny.testing.contracts.source import SECRET, SourceCase, SourceContract
from tawny.testing.waiting import until
from tests.live.cameras import START_MS
from tests.live.rtsp_server import house
from tests.sources.http_camera import http_camera, sender_words
from tests.sources.reading import opening
from tests.sources.rtmp_server import rtmp_camera
from tests.sources.test_local_stream import ffmpeg, jpegs, pictures, writing
from tests.sources.test_rtmp import KEY
from tests.support.ports import free_port

Made = Callable[["Cell", Clock], Any]
SPEED = 3
TURNS = 60
MUXERS = {
    "flv": ("-f", "flv"),
    "ts": ("-f", "mpegts"),
    "mp4": ("-f", "mp4", "-movflags", "frag_every_frame+empty_moov+default_base_moof"),
    "mkv": ("-f", "matroska", "-live", "1"),
    "h264": ("-an", "-bsf:v", "h264_mp4toannexb", "-f", "h264"),
    "h265": ("-an", "-bsf:v", "hevc_mp4toannexb", "-f", "hevc"),
}


@dataclass(frozen=True)
class Cell:
    """One kind of source with what it carries. form: container or name; codec: of its video, as sent."""

    kind: str
    form: str
    codec: str
    sound: Sound = ""

    @property
    def name(self) -> str:
        words = (self.kind, self.form, self.codec, self.sound or "silent")
        return "Test" + "".join(word.replace(".", " ").title().replace(" ", "") for word in words)

    @property
    def spec(self) -> ClipSpec:
        codec: VideoCodec = "h265" if self.codec == "h265" else "h264"
        return ClipSpec(codec, sound=self.sound)


def _words(cell: Cell, output: str = "-") -> list[str]:
    """Return the command that sends the cell's clip."""
    if cell.form == "flv" and cell.codec == "h265":
        return sender_words(str(clip_file(cell.spec)), "flv", output, SPEED)
    if cell.codec == "jpeg":
        return ffmpeg(cell.spec, "-an", "-c:v", "mjpeg", "-f", "mpjpeg", output, speed=SPEED)
    video = () if cell.form in ("h264", "h265") else ("-c", "copy")
    return ffmpeg(cell.spec, "-c:v", "copy", *video, *MUXERS[cell.form], output, speed=SPEED)


# --- how each kind is opened


@contextmanager
def by_http(cell: Cell, _: Clock) -> Iterator[SourceCase]:
    name = "hevc.flv" if (cell.form, cell.codec) == ("flv", "h265") else cell.form
    with http_camera(cell.spec, f"viewer:{SECRET}", speed=SPEED) as camera:
        here = opening(camera.address(name, f"viewer:{SECRET}"), SystemClock(), interval=0.1)
        yield SourceCase(Http(), here, replace(here, address=camera.address("no", f"viewer:{SECRET}")), cell.sound)


@contextmanager
def by_hls(cell: Cell, _: Clock) -> Iterator[SourceCase]:
    fragmented = ("-hls_segment_type", "fmp4", "-tag:v", "hvc1" if cell.codec == "h265" else "avc1")
    with http_camera(cell.spec, f"viewer:{SECRET}", speed=1) as camera:
        camera.begin_hls(*(fragmented if cell.form == "mp4" else ()))
        assert camera.hls is not None
        until((camera.hls / "live.m3u8").is_file, 60, "the first segment")
        here = opening(camera.address("master.m3u8", f"viewer:{SECRET}"), SystemClock())
        yield SourceCase(Http(), here, replace(here, address=camera.address("no", f"viewer:{SECRET}")), cell.sound)


class Repeated:
    """A program that is started again whenever it ends, as encoders do."""

    def __init__(self, words: list[str]) -> None:
        self.over, self._words = threading.Event(), words
        self.process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self.over.wait(0.05):
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
def running(words: list[str]) -> Iterator[Repeated]:
    program = Repeated(words)
    try:
        yield program
    finally:
        program.close()


@contextmanager
def by_rtmp_pushed(cell: Cell, _: Clock) -> Iterator[SourceCase]:
    port = free_port()
    here = opening(f"rtmp-listen://127.0.0.1:{port}/live/{KEY}", SystemClock())
    with running(_words(cell, f"rtmp://127.0.0.1:{port}/live/{KEY}")):
        yield SourceCase(Rtmp(), here, replace(here, address=f"rtmp-listen://192.0.2.1:1935/{KEY}"), cell.sound)


@contextmanager
def by_rtmp_pulled(cell: Cell, _: Clock) -> Iterator[SourceCase]:
    with rtmp_camera(_words(cell)) as camera:
        here = opening(f"rtmp://127.0.0.1:{camera.port}/live/cam", SystemClock())
        yield SourceCase(Rtmp(), here, replace(here, address="rtmp://127.0.0.1:1/live/cam"), cell.sound)


@contextmanager
def by_udp(cell: Cell, _: Clock) -> Iterator[SourceCase]:
    port = free_port()
    here = opening(f"udp://127.0.0.1:{port}", SystemClock())
    with running(_words(cell, f"udp://127.0.0.1:{port}?pkt_size=1316")):
        yield SourceCase(Udp(), here, replace(here, address="udp://192.0.2.1:5000"), cell.sound)


@contextmanager
def by_program(cell: Cell, _: Clock) -> Iterator[SourceCase]:
    here = opening("exec:", SystemClock(), command=_words(cell))
    yield SourceCase(ProgramOutput(), here, replace(here, options={"command": ["/no/such/program"]}), cell.sound)


@contextmanager
def by_socket(cell: Cell, _: Clock) -> Iterator[SourceCase]:
    kind = socket.SOCK_SEQPACKET if cell.form == "packets" else socket.SOCK_STREAM
    with TemporaryDirectory() as folder:
        path = Path(folder) / "s"
        with writing(path, jpegs() if cell.codec == "jpeg" else pictures(cell.spec), kind):
            here = opening(f"unix:{path}", SystemClock())
            yield SourceCase(UnixSocket(), here, replace(here, address="unix:/no/such/socket"))


class ClockedCapture:
    """A device whose frames come as the clock goes on. encoded: access units; None: pictures, which are decoded."""

    def __init__(self, clock: Clock, encoded: list[bytes] | None, fps: float = 15.0) -> None:
        self.fps, self.size = fps, (64, 48)
        self._clock, self._encoded, self._begun_s, self._number = clock, encoded, clock.mono_s(), 0

    def read(self) -> list[CapturedUnit] | None:
        number = self._number
        if self._clock.mono_s() - self._begun_s < number / self.fps:
            return None
        self._number += 1
        pts = round(number * 90_000 / self.fps)
        if self._encoded is not None:
            return [CapturedUnit(pts, self._encoded[number % len(self._encoded)], None)]
        width, height = self.size
        return [CapturedUnit(pts, b"", np.full((height * 3 // 2, width), 40 + 3 * number % 200, np.uint8))]

    def close(self) -> None:
        """Nothing is open."""


@contextmanager
def by_device(cell: Cell, clock: Clock) -> Iterator[SourceCase]:
    fourcc = {"h264": "H264", "h265": "HEVC", "jpeg": "MJPG", "raw": "YUYV"}[cell.codec]
    clip = made_clip(cell.spec)
    encoded = [annexb(one.data, clip.video) for one in clip.packets] if cell.codec in ("h264", "h265") else None

    def look(path: str) -> V4l2Device:
        if path != "/dev/video0":
            raise NoSuchDevice(path, "not connected")
        return V4l2Device("A Camera", (DeviceFormat(fourcc, ((64, 48),)),))

    source = V4l2(look, lambda *_: ClockedCapture(clock, encoded))
    here = opening("/dev/video0", clock)
    yield SourceCase(source, here, replace(here, address="/dev/video9"))


@contextmanager
def by_file(cell: Cell, clock: Clock) -> Iterator[SourceCase]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"clip.{cell.form}"
        words = ["ffmpeg", "-v", "error", "-i", str(clip_file(cell.spec)), "-c", "copy", str(path)]
        subprocess.run(words, stdin=subprocess.DEVNULL, check=True)
        here = opening(f"file:{path}", clock)
        yield SourceCase(FileSource(), here, replace(here, address="/no/such/clip.mp4"), cell.sound, is_live=False)


@contextmanager
def by_tawny(cell: Cell, _: Clock) -> Iterator[SourceCase]:
    """The RTSP server of another recorder, which has the clip again and again."""
    clip = made_clip(cell.spec)
    moved = [
        Packet(RunId("first"), 0, one.format, one.data, one.pts + round(turn * clip.length_s * one.format.rate),
               START_MS + round((turn * clip.length_s + one.pts / one.format.rate) * 1000), one.is_keyframe)
        for turn in range(TURNS) for one in clip.packets
    ]  # fmt: skip
    packets = [replace(one, number=number) for number, one in enumerate(moved)]
    address: list[str] = []
    over, loop = asyncio.Event(), asyncio.new_event_loop()

    async def serve() -> None:
        async with house.serving(packets) as playing:
            address.append(playing.address())
            await over.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    try:
        until(lambda: address, 60, "it serves")
        here = opening(address[0], SystemClock())
        yield SourceCase(Rtsp(), here, replace(here, address="rtsp://127.0.0.1:1/porch"), cell.sound)
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10.0)
        loop.close()


KINDS: dict[str, Made] = {
    "http": by_http, "hls": by_hls, "rtmp pushed": by_rtmp_pushed, "rtmp pulled": by_rtmp_pulled, "udp": by_udp,
    "program": by_program, "socket": by_socket, "device": by_device, "file": by_file, "tawny": by_tawny,
}  # fmt: skip
CODECS = ("h264", "h265")


def cells() -> Iterator[Cell]:
    sounds: tuple[Sound, ...] = ("aac", "pcmu")
    for codec, sound in product(CODECS, sounds):
        yield from (Cell(kind, "flv", codec, sound) for kind in ("http", "rtmp pushed", "rtmp pulled", "program"))
        yield from (Cell(kind, "mkv", codec, sound) for kind in ("http", "program", "file"))
        yield Cell("tawny", "rtsp", codec, sound)
    for codec in CODECS:
        yield from (Cell(kind, "ts", codec, "aac") for kind in ("http", "hls", "udp", "program", "file"))
        yield from (Cell(kind, "mp4", codec, "aac") for kind in ("http", "hls", "program", "file"))
        yield from (Cell("socket", form, codec) for form in ("packets", "stream"))
        yield Cell("program", codec, codec)
        yield Cell("device", "v4l2", codec)
    yield from (Cell("http", form, "jpeg") for form in ("mjpeg", "snapshot.jpg"))
    yield Cell("program", "mjpeg", "jpeg")
    yield from (Cell("socket", form, "jpeg") for form in ("packets", "stream"))
    yield from (Cell("device", "v4l2", codec) for codec in ("jpeg", "raw"))


EVERY_RUN = (Cell("tawny", "rtsp", "h264", "pcmu"), Cell("device", "v4l2", "h264"), Cell("device", "v4l2", "raw"))


def _class_of(cell: Cell) -> type[SourceContract]:
    def case(_: SourceContract, clock: Clock) -> Any:
        return KINDS[cell.kind](cell, clock)

    packets = 120 if cell.codec in ("jpeg", "raw") else 60 if cell.kind in ("hls", "socket", "device") else 80
    marks = [] if cell in EVERY_RUN else [pytest.mark.long]
    return type(cell.name, (SourceContract,), {"case": case, "PACKETS": packets, "pytestmark": marks})


globals().update({cell.name: _class_of(cell) for cell in cells()})


def test_there_is_a_cell_for_every_kind_and_what_it_carries() -> None:
    every = list(cells())
    assert len({cell.name for cell in every}) == len(every) == 65
    assert {cell.kind for cell in every} == set(KINDS)
    assert set(EVERY_RUN) <= set(every)

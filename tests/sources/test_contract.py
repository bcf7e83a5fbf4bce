"""Every source of ours against the contract of sources."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tawny.media.codec.nal import join_lengths
from tawny.model.packets import VideoFormat
from tawny.model.times import Clock, SystemClock
from tawny.protocols.rtp import Packetizer
from tawny.sources.demo import Demo
from tawny.sources.file import FileSource
from tawny.sources.http import Http
from tawny.sources.phone import Phone, PhoneFeed, PhoneMedia
from tawny.sources.picamera import PiCamera
from tawny.sources.rtsp.source import Rtsp
from tawny.testing.clips import ClipSpec, SampleClip, clip_file, made_clip
from tawny.testing.contracts.source import SECRET, SourceCase, SourceContract
from tawny.testing.rtsp_camera import RtspCamera
from tawny.testing.rtsp_viewer import CameraSetup
from tawny.testing.waiting import until
from tests.sources.http_camera import CONTAINERS, http_camera
from tests.sources.pi_program import pi_program
from tests.sources.reading import opening


class FileContract(SourceContract):
    SPEC = ClipSpec()

    @contextmanager
    def case(self, clock: Clock) -> Iterator[SourceCase]:
        here = opening(f"file:{clip_file(self.SPEC)}", clock)
        missing = replace(here, address="/no/such/clip.mp4")
        yield SourceCase(FileSource(), here, missing, self.SPEC.sound, is_live=False)


class TestFile(FileContract):
    pass


class TestFileOfH265WithSound(FileContract):
    SPEC = ClipSpec("h265", sound="aac", b_frames=2)


class TestFileThatLoops(SourceContract):
    PACKETS = 200

    @contextmanager
    def case(self, clock: Clock) -> Iterator[SourceCase]:
        here = opening(f"file:{clip_file(ClipSpec(sound='pcmu'))}", clock, loop=True)
        yield SourceCase(FileSource(), here, replace(here, address="/no/such/clip.mp4"), "pcmu")


class TestDemo(SourceContract):
    @contextmanager
    def case(self, clock: Clock) -> Iterator[SourceCase]:
        here = opening("demo:", clock)
        yield SourceCase(Demo(), here, replace(here, address="demo:no-such-place"))


class TestPiCamera(SourceContract):
    @contextmanager
    def case(self, clock: Clock) -> Iterator[SourceCase]:
        with TemporaryDirectory() as folder:
            program = str(pi_program(Path(folder)))
            here = opening("picamera:0", SystemClock())
            yield SourceCase(PiCamera(lambda: program), here, replace(here, address="picamera:1"))


class SendingFeed(PhoneFeed):
    """Sends a clip again and again, as far as the clock has gone."""

    def __init__(self, clip: SampleClip, clock: Clock) -> None:
        super().__init__(PhoneMedia(102, 0), clock, lambda _: None, lambda _: None)
        assert clip.sound
        self.clip, self.clock, self.begun_s, self.number = clip, clock, clock.mono_s(), 0
        self.tracks = {
            True: Packetizer(clip.video, 102, ssrc=7, first=9),
            False: Packetizer(clip.sound, 0, ssrc=8, first=9),
        }

    def take(self) -> list[tuple[float, bytes]]:
        while True:
            turn, at = divmod(self.number, len(self.clip.packets))
            one = self.clip.packets[at]
            due_s = turn * self.clip.length_s + one.pts / one.format.rate
            if self.clock.mono_s() - self.begun_s < due_s:
                return super().take()
            sets = one.format.parameter_sets if one.is_keyframe and isinstance(one.format, VideoFormat) else ()
            pts = round(due_s * one.format.rate)
            for packet in self.tracks[one.is_video].cut(join_lengths(sets) + one.data, pts):
                self.put(packet.to_bytes())
            self.number += 1


class TestPhone(SourceContract):
    @contextmanager
    def case(self, clock: Clock) -> Iterator[SourceCase]:
        source, here = Phone(), opening("phone:0123456789abcdef", clock)
        source.connected("0123456789abcdef", SendingFeed(made_clip(ClipSpec(sound="pcmu")), clock))
        yield SourceCase(source, here, replace(here, address="phone:another"), "pcmu")


class RtspContract(SourceContract):
    SPEC = ClipSpec()
    TRANSPORT = "tcp"
    LOGIN = ""
    CLIENT = "own"

    @contextmanager
    def case(self, clock: Clock) -> Iterator[SourceCase]:
        setup = CameraSetup("viewer", SECRET, self.LOGIN, speed=8)
        with RtspCamera(made_clip(self.SPEC), setup) as camera:
            here = opening(camera.address, SystemClock(), transport=self.TRANSPORT, client=self.CLIENT)
            missing = replace(here, address=f"rtsp://viewer:{SECRET}@127.0.0.1:1/stream")
            yield SourceCase(Rtsp(), here, missing, self.SPEC.sound)


class TestRtsp(RtspContract):
    LOGIN = "md5"


class TestRtspOfH265WithAac(RtspContract):
    SPEC = ClipSpec("h265", sound="aac", b_frames=2)
    LOGIN = "basic"


class TestRtspOverUdpWithG711(RtspContract):
    SPEC = ClipSpec("h264", sound="pcma", slices=3)
    TRANSPORT = "udp"


class TestRtspOverUdpOfH265(RtspContract):
    SPEC = ClipSpec("h265", slices=2)
    TRANSPORT = "udp"


class TestRtspThroughFfmpeg(TestRtsp):
    CLIENT = "ffmpeg"


class TestRtspThroughFfmpegOfH265WithAac(TestRtspOfH265WithAac):
    CLIENT = "ffmpeg"


class TestRtspThroughFfmpegOverUdpWithG711(TestRtspOverUdpWithG711):
    CLIENT = "ffmpeg"


class HttpContract(SourceContract):
    """FFmpeg as the camera. NAME: what it sends."""

    SPEC = ClipSpec(sound="aac")
    NAME = "flv"
    BASIC = False

    @contextmanager
    def case(self, clock: Clock) -> Iterator[SourceCase]:
        with http_camera(self.SPEC, f"viewer:{SECRET}", basic=self.BASIC, speed=3) as camera:
            if self.NAME.endswith(".m3u8"):
                camera.speed = 1
                camera.begin_hls()
                assert camera.hls is not None
                playlist = camera.hls / "live.m3u8"
                until(playlist.is_file, 60, "the first segment")
            if self.NAME in CONTAINERS:
                camera.prepare(self.NAME)
            here = opening(camera.address(self.NAME, f"viewer:{SECRET}"), SystemClock(), interval=0.1)
            missing = replace(here, address=camera.address("none", f"viewer:{SECRET}"))
            sound = "" if self.NAME in ("mjpeg", "snapshot.jpg") else self.SPEC.sound
            yield SourceCase(Http(), here, missing, sound)


class TestHttpFlv(HttpContract):
    pass


@pytest.mark.long
class TestHttpTsOfH265(HttpContract):
    SPEC = ClipSpec("h265", sound="aac")
    NAME = "ts"
    BASIC = True


class TestHttpMjpeg(HttpContract):
    NAME = "mjpeg"
    PACKETS = 120


@pytest.mark.long
class TestHttpSnapshots(HttpContract):
    NAME = "snapshot.jpg"
    PACKETS = 45


@pytest.mark.long
class TestHls(HttpContract):
    NAME = "master.m3u8"
    PACKETS = 60

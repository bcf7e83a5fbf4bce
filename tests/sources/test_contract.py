"""Every source of ours against the contract of sources."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from tawny.model.times import Clock, SystemClock
from tawny.sources.demo import Demo
from tawny.sources.file import FileSource
from tawny.sources.picamera import PiCamera
from tawny.sources.rtsp.source import Rtsp
from tawny.testing.clips import ClipSpec, clip_file, made_clip
from tawny.testing.contracts.source import SECRET, SourceCase, SourceContract
from tawny.testing.rtsp_camera import RtspCamera
from tawny.testing.rtsp_viewer import CameraSetup
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

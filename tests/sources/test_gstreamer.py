"""GStreamer's RTSP server as the camera: an independent peer, which sends exactly what is in a file."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import pytest

from tawny.media.codec.nal import split_lengths
from tawny.model.errors import SourceClosed, SourceNotFound, SourceRefused, SourceUnusable
from tawny.model.packets import VideoCodec, VideoFormat
from tawny.sources.rtsp.source import Rtsp
from tawny.testing.clips import ClipSpec, SampleClip, clip_file, read_clip
from tests.sources.reading import Read, opening, read_all

T = TypeVar("T")
SYSTEM_PYTHON = "/usr/bin/python3"
SERVER = Path(__file__).with_name("gstreamer_server.py")
PICTURES = {"h264": "h264parse ! rtph264pay", "h265": "h265parse ! rtph265pay"}
SOUND = {"aac": "aacparse ! rtpmp4gpay name=pay1 pt=97", "pcmu": "rtppcmupay name=pay1 pt=0"}


@lru_cache
def is_here() -> bool:
    asked = "import gi; gi.require_version('GstRtspServer', '1.0')"
    try:
        return subprocess.run([SYSTEM_PYTHON, "-c", asked], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


pytestmark = [
    pytest.mark.gstreamer,
    pytest.mark.skipif(not is_here(), reason="GStreamer's RTSP server is not installed"),
]


@pytest.fixture(autouse=True)
def _each_client(client: str) -> None:
    """Every test here runs over both clients."""


def launch(path: Path, codec: VideoCodec, sound: str) -> str:
    pictures = f"demuxed.video_0 ! queue ! {PICTURES[codec]} name=pay0 pt=96"
    tone = f" demuxed.audio_0 ! queue ! {SOUND[sound]}" if sound else ""
    return f"( filesrc location={path} ! qtdemux name=demuxed {pictures}{tone} )"


@contextmanager
def serving(*options: str) -> Iterator[str]:
    """The server's address, without a path."""
    command = [SYSTEM_PYTHON, str(SERVER), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            assert server.stdout is not None
            yield f"127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.kill()


def read_from(address: str, **options: str) -> Read:
    return read_all(Rtsp().open(opening(address, None, **options)))


def pictures_of(read: Read) -> list[list[bytes]]:
    """NAL units of each picture, without parameter sets and what only marks borders: servers add and drop these."""
    return [essence(p.format.codec, p.data) for p in read.packets if isinstance(p.format, VideoFormat)]


def essence(codec: VideoCodec, data: bytes) -> list[bytes]:
    outside = (7, 8, 9) if codec == "h264" else (32, 33, 34, 35)
    return [n for n in split_lengths(data) if (n[0] & 31 if codec == "h264" else n[0] >> 1 & 63) not in outside]


def truth(clip: SampleClip) -> list[list[bytes]]:
    return [essence(clip.video.codec, packet.data) for packet in clip.packets if packet.is_video]


def ended(served: list[T], transport: str) -> list[list[T]]:
    """What may have come of these: by UDP the end is said on another port, which can be read before the last packet."""
    return [served] if transport == "tcp" else [served, served[:-1]]


@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize(
    "spec",
    [
        ClipSpec("h264", seconds=2),
        ClipSpec("h264", seconds=2, slices=3, b_frames=2, sound="aac"),
        ClipSpec("h265", seconds=2, sound="aac"),
        ClipSpec("h265", seconds=2, slices=2, sound="pcmu"),
        ClipSpec("h264", seconds=2, sound="pcmu"),
    ],
    ids=["h264", "h264-slices-b-aac", "h265-aac", "h265-slices-pcmu", "h264-pcmu"],
)
def test_every_picture_and_piece_of_sound_is_kept_as_it_was_sent(spec: ClipSpec, transport: str) -> None:
    path = clip_file(spec)
    clip = read_clip(path)
    with serving(launch(path, spec.codec, spec.sound)) as server:
        read = read_from(f"rtsp://{server}/0", transport=transport)
    assert isinstance(read.error, SourceClosed)
    served, came = truth(clip), pictures_of(read)
    assert came in ended(served, transport)
    assert read.packets[0].is_keyframe
    video = read.packets[0].format
    assert isinstance(video, VideoFormat)
    assert (video.codec, video.width, video.height) == (spec.codec, 320, 240)
    tone, heard = [packet.data for packet in clip.packets if not packet.is_video], read.data(video=False)
    if spec.sound == "aac" and spec.b_frames:
        tone = tone[1:]  # the server leaves out what is to be heard before the first picture
    assert b"".join(heard) in [b"".join(pieces) for pieces in ended(tone, transport)]


def test_a_login_with_digest() -> None:
    path = clip_file(ClipSpec("h264", seconds=2))
    with serving("--digest", launch(path, "h264", "")) as server:
        with pytest.raises(SourceRefused):
            read_from(f"rtsp://viewer:wrong@{server}/0")
        assert pictures_of(read_from(f"rtsp://viewer:secret@{server}/0"))


def test_a_path_that_is_not_there() -> None:
    with serving() as server, pytest.raises(SourceNotFound):
        read_from(f"rtsp://{server}/0")


def test_pictures_of_a_kind_that_is_not_recorded() -> None:
    with serving(
        "( videotestsrc ! video/x-raw,format=I420,width=64,height=48 ! jpegenc ! rtpjpegpay name=pay0 )"
    ) as server:
        begun_s = time.monotonic()
        with pytest.raises(SourceUnusable, match="JPEG"):
            read_from(f"rtsp://{server}/0")
        assert time.monotonic() - begun_s < 8

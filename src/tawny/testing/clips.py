"""Synthetic video clips with a moving square and a tone, and reading of any video file as packets.

Clips are encoded on first use and cached in a folder for temporary files.
"""

import hashlib
import os
import tempfile
import threading
from dataclasses import asdict, dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import av
import numpy as np
from av.container import OutputContainer

from tawny.model.errors import SourceFinished
from tawny.model.ids import CameraId, StreamName
from tawny.model.packets import VIDEO_RATE, AudioFormat, SourcePacket, VideoCodec, VideoFormat
from tawny.sources.file import FileSource
from tawny.sources.source import IdleUntil, SourceContext
from tawny.testing.clock import FakeClock

# Frames that show their capture time as black and white fields, readable from the displayed image in a web page.

COLUMNS, ROWS = 8, 7


def clock_picture(at_ms: int, width: int, height: int) -> Any:
    """Return the frame, uint8 [height, width, 3]."""
    stamp = at_ms.to_bytes(6, "big")
    fields = np.unpackbits(np.frombuffer(stamp + bytes([sum(stamp) & 255]), np.uint8)).reshape(ROWS, COLUMNS)
    rows = np.arange(height) * ROWS // height
    columns = np.arange(width) * COLUMNS // width
    return np.repeat((fields[rows][:, columns] * 255)[:, :, None], 3, axis=2)


Sound = Literal["", "aac", "pcmu", "pcma"]
_SOUND_CODECS = {"aac": "aac", "pcmu": "pcm_mulaw", "pcma": "pcm_alaw"}
_SAMPLE_RATES = {"aac": 16_000, "pcmu": 8_000, "pcma": 8_000}


@dataclass(frozen=True, slots=True)
class ClipSpec:
    """Properties of a generated clip. Equal specs share a file."""

    codec: VideoCodec = "h264"
    width: int = 320
    height: int = 240
    fps: int = 15
    seconds: float = 4.0
    gop_s: float = 1.0
    slices: int = 1
    b_frames: int = 0
    sound: Sound = ""
    detail: int = 40
    """Noise in the frames, 0..255; it makes them large."""
    clock_ms: int | None = None
    """Show the capture time in the frames instead (`clock_picture`); time of the first frame, ms UTC."""


@dataclass(frozen=True)
class SampleClip:
    """A complete clip in memory. packets: in decode order, video and audio interleaved; times start near zero."""

    video: VideoFormat
    sound: AudioFormat | None
    packets: tuple[SourcePacket, ...]
    fps: float

    @property
    def length_s(self) -> float:
        """End of the last frame, s."""
        return max(packet.pts for packet in self.packets if packet.is_video) / VIDEO_RATE + 1 / self.fps


def clip_file(spec: ClipSpec | None = None) -> Path:
    """Return the clip as a file: MP4, or QuickTime with G.711."""
    spec = spec or ClipSpec()
    name = hashlib.blake2s(repr(sorted(asdict(spec).items())).encode(), digest_size=8).hexdigest()
    folder = Path(tempfile.gettempdir()) / f"tawny-clips-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / f"{name}{'.mov' if spec.sound in ('pcmu', 'pcma') else '.mp4'}"
    if not path.exists():
        making = path.with_name(f"making-{os.getpid()}-{threading.get_ident()}-{path.name}")
        _encode(spec, making)
        making.replace(path)
    return path


@lru_cache(maxsize=16)
def made_clip(spec: ClipSpec) -> SampleClip:
    """Return the clip as packets."""
    return read_clip(clip_file(spec))


def read_clip(path: Path) -> SampleClip:
    """Return all packets of a video file. Raises SourceError: if it cannot be used."""
    clock = FakeClock()
    connection = FileSource().open(SourceContext(CameraId("clip"), StreamName.MAIN, f"file:{path}", {}, clock))
    packets: list[SourcePacket] = []
    fps = float(connection.notes.get("fps", 25.0))
    try:
        while True:
            got = connection.read()
            if isinstance(got, IdleUntil):
                clock.advance(got.for_s)
            else:
                packets.append(got)
    except SourceFinished:
        connection.close()
    video = next(p.format for p in packets if isinstance(p.format, VideoFormat))
    sound = next((p.format for p in packets if isinstance(p.format, AudioFormat)), None)
    return SampleClip(video, sound, tuple(packets), fps)


def _encode(spec: ClipSpec, path: Path) -> None:
    with av.open(str(path), "w") as out:
        pictures = _add_pictures(out, spec)
        tone = _add_tone(out, spec) if spec.sound else None
        for number in range(round(spec.fps * spec.seconds)):
            frame = av.VideoFrame.from_ndarray(_picture(spec, number), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, spec.fps)
            out.mux(pictures.encode(frame))
            if tone is not None:
                out.mux(tone.up_to((number + 1) / spec.fps))
        out.mux(pictures.encode(None))
        if tone is not None:
            out.mux(tone.rest())


def _add_pictures(out: OutputContainer, spec: ClipSpec) -> Any:
    gop = round(spec.fps * spec.gop_s)
    common = f"keyint={gop}:min-keyint={gop}:scenecut=0:bframes={spec.b_frames}:slices={spec.slices}"
    if spec.codec == "h264":
        stream: Any = out.add_stream("libx264", rate=spec.fps)
        stream.options = {"preset": "ultrafast", "x264-params": f"{common}:threads=1:log-level=-1"}
    else:
        stream = out.add_stream("libx265", rate=spec.fps)
        stream.options = {
            "preset": "ultrafast",
            "x265-params": f"{common}:crf=10:open-gop=0:pools=1:frame-threads=1:log-level=none",
        }
        stream.codec_context.codec_tag = "hvc1"
    stream.width, stream.height, stream.pix_fmt = spec.width, spec.height, "yuv420p"
    return stream


def _picture(spec: ClipSpec, number: int) -> Any:
    """Return a frame, uint8 [height, width, 3]: a gradient, a moving square and noise; or a clock."""
    if spec.clock_ms is not None:
        return clock_picture(spec.clock_ms + number * 1000 // spec.fps, spec.width, spec.height)
    across = np.linspace(0, 150, spec.width)[None, :, None] + np.linspace(0, 60, spec.height)[:, None, None]
    noise = np.random.default_rng(number).integers(0, max(1, spec.detail), (spec.height, spec.width, 3))
    picture = np.clip(across + noise, 0, 255).astype(np.uint8)
    size, x = spec.height // 4, number * 7 % (spec.width - spec.height // 4)
    picture[size : 2 * size, x : x + size] = (240, 200, 40)
    return picture


class _Tone:
    """A tone of 440 Hz, encoded incrementally."""

    def __init__(self, stream: Any, rate: int, samples: int) -> None:
        self._stream, self._rate, self._samples, self._done = stream, rate, samples, 0

    def up_to(self, at_s: float) -> list[Any]:
        packets: list[Any] = []
        while self._done + self._samples <= at_s * self._rate:
            at = (np.arange(self._samples) + self._done) / self._rate
            wave = (8000 * np.sin(2 * np.pi * 440 * at)).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(wave[None, :], format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = self._rate, self._done, Fraction(1, self._rate)
            packets += self._stream.encode(frame)
            self._done += self._samples
        return packets

    def rest(self) -> list[Any]:
        return list(self._stream.encode(None))


def _add_tone(out: OutputContainer, spec: ClipSpec) -> _Tone:
    rate = _SAMPLE_RATES[spec.sound]
    stream: Any = out.add_stream(_SOUND_CODECS[spec.sound], rate=rate)
    stream.layout = "mono"
    return _Tone(stream, rate, 1024 if spec.sound == "aac" else rate // 25)

"""An archive on a temporary folder: segments written as the recorder writes them, an index in memory."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np

from tawny.media.codec.encoder import Encoder
from tawny.media.codec.parameter_sets import codec_string
from tawny.media.mp4.fragment_writer import Sample, end_box, fragment, init_segment
from tawny.model.geometry import UPRIGHT, Orientation, Polygon
from tawny.model.ids import CameraId, RunId, StreamName
from tawny.model.packets import AudioFormat, SourcePacket, VideoFormat
from tawny.model.segments import Segment
from tawny.model.times import Span
from tawny.storage.index.memory_index import MemoryIndex

PORCH = CameraId("porch")
MAIN, SUB = StreamName.MAIN, StreamName.SUB
FPS, GOP = 10, 10
SIZES = {MAIN: (96, 64), SUB: (64, 48)}
G711, AAC = AudioFormat("pcmu", 8000, 1), AudioFormat("aac", 16000, 1, b"\x14\x08")
SILENT_AAC = bytes.fromhex("01182007")


@cache
def pictures(width: int, height: int, seconds: int) -> tuple[SourcePacket, ...]:
    """H.264, a keyframe a second; picture number n is as grey as 16 + 2 n."""
    encoder = Encoder(width, height, FPS, gop_s=GOP / FPS)
    made: list[SourcePacket] = []
    for number in range(FPS * seconds):
        grey = np.full((height * 3 // 2, width), 128, np.uint8)
        grey[:height] = 16 + 2 * number % 220
        made += encoder.encode(grey, number * 9000)
    return tuple(made + encoder.close())


class FakeArchive:
    """`playback.Archive` over files that `record` makes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.index = MemoryIndex()
        self.still_open: list[Segment] = []
        self.score: dict[int, int] = {}
        self.hidden: tuple[Polygon, ...] = ()
        self.turned: Orientation = UPRIGHT
        self.suffix = "mp4"
        """Of new files. `tws`: as if they were encrypted; their content isn't."""

    def open_segments(self, camera: CameraId) -> Sequence[Segment]:
        return [segment for segment in self.still_open if segment.camera == camera]

    def segment_path(self, segment: Segment) -> Path:
        return self.root / segment.path

    def private(self, camera: CameraId) -> tuple[Polygon, ...]:
        return self.hidden

    def orientation(self, camera: CameraId) -> Orientation:
        return self.turned

    def scores(self, camera: CameraId, within: Span) -> bytes:
        seconds = range(within.begin_ms // 1000, -(-within.end_ms // 1000))
        return bytes(self.score.get(second, 255) for second in seconds)

    def record(
        self,
        start_ms: int,
        seconds: int = 4,
        *,
        camera: CameraId = PORCH,
        stream: StreamName = MAIN,
        run: str = "run",
        audio: Literal["", "pcmu", "aac"] = "",
        is_open: bool = False,
        size: tuple[int, int] | None = None,
        packets: Sequence[SourcePacket] = (),
    ) -> Segment:
        """Write a segment and list it: in the index, or as one that is still being written. packets: other pictures.

        Unless they say otherwise, it is shown as the camera is now.
        """
        width, height = size or SIZES[stream]
        is_own, packets = not packets, packets or pictures(width, height, seconds)
        sound = {"": None, "pcmu": G711, "aac": AAC}[audio]
        video = packets[0].format
        assert isinstance(video, VideoFormat)
        video = replace(video, orientation=self.turned) if is_own else video
        name = f"{camera}-{start_ms}.{stream}{'.open' if is_open else ''}.{self.suffix}"
        parts = [init_segment(video, sound, {"camera": camera, "start_ms": start_ms})]
        for second in range(seconds):
            shown = [
                Sample(one.data, one.pts, 9000, one.is_keyframe) for one in packets[second * FPS : second * FPS + FPS]
            ]
            heard = _sound(sound, second)
            base = heard[0].pts if heard else 0
            parts += [bytes(part) for part in fragment(second + 1, shown, heard, second * 90_000, base)]
        if not is_open:
            parts.append(end_box({"end_ms": start_ms + seconds * 1000, "why": "length"}))
        (self.root / name).write_bytes(b"".join(parts))
        segment = Segment(
            camera=camera,
            stream=stream,
            run=RunId(run),
            start_ms=start_ms,
            end_ms=start_ms + seconds * 1000,
            size_bytes=sum(map(len, parts)),
            path=name,
            video=codec_string(video),
            width=width,
            height=height,
            audio=codec_string(sound) if sound else "",
        )
        if is_open:
            self.still_open.append(segment)
        else:
            self.index.add_segment(segment)
        return segment

    def close(self, segment: Segment) -> Segment:
        """What was open becomes closed: another name, and a row in the index."""
        closed = replace(segment, path=segment.path.replace(".open", ""))
        self.segment_path(segment).rename(self.segment_path(closed))
        self.still_open.remove(segment)
        self.index.add_segment(closed)
        return closed

    def rename(self, segment: Segment) -> None:
        """What was open has the name of what is closed, and nobody knows it yet."""
        path = self.segment_path(segment)
        path.rename(path.with_name(path.name.replace(".main.open", f"-{segment.end_ms}.main")))


def _sound(sound: AudioFormat | None, second: int) -> list[Sample]:
    if sound is None:
        return []
    if sound.codec == "pcmu":
        return [Sample(b"\xff" * 800, second * 8000 + at, 800, is_keyframe=True) for at in range(0, 8000, 800)]
    first, last = -(-second * 16000 // 1024), -(-(second + 1) * 16000 // 1024)
    return [Sample(SILENT_AAC, number * 1024, 1024, is_keyframe=True) for number in range(first, last)]

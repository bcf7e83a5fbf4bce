"""A time span of a camera's recordings as an input of `tawny scan`, read as one virtual file."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tawny.cli.archive import RecordingFolder
from tawny.cli.scan_inputs import digest
from tawny.cli.times import time_text
from tawny.media.codec.video_file import FileVideo
from tawny.media.mp4.file_part import copy_part
from tawny.media.mp4.virtual_file import VirtualFile
from tawny.model.ids import CameraId, StreamName
from tawny.model.times import Span, stamp, utc_text
from tawny.playback.clips import ClipCache, ClipFile
from tawny.playback.segment_lookup import segments

MOST_S = 6 * 3600.0
"""Maximum length in s of recordings read as one virtual file."""
MOST_BYTES = 2**40


@dataclass(frozen=True)
class RecordedInput:
    """Recordings as one virtual file (`clip`). asked_ms: start of the requested range, ms UTC."""

    camera: CameraId
    asked_ms: int
    clip: ClipFile

    @property
    def name(self) -> str:
        return f"{self.camera} from {time_text(self.clip.start_ms)}"

    @property
    def stem(self) -> str:
        return f"{self.camera}-{stamp(self.clip.start_ms)}"

    @property
    def asked_s(self) -> float:
        return (self.asked_ms - self.clip.start_ms) / 1000

    @property
    def file(self) -> Path | None:
        return None

    def video(self) -> FileVideo:
        return FileVideo(Path(self.name), self._source)

    def copy(self, out: Path, begin_s: float, end_s: float, *, exact: bool) -> None:
        copy_part(Path(self.name), out, begin_s, end_s, exact=exact, source=self._source)

    def told(self) -> dict[str, Any]:
        return {"file": None, "camera": self.camera, "start": utc_text(self.clip.start_ms)}

    def at(self, seconds: float) -> dict[str, Any]:
        return {"at": utc_text(self.clip.start_ms + round(seconds * 1000))}

    def key(self, about: Mapping[str, Any]) -> str:
        return digest([self.camera, self.clip.start_ms, self.clip.etag, about])

    def _source(self) -> IO[bytes]:
        reader: Any = VirtualFile(self.clip.file)
        made: IO[bytes] = reader
        return made


def recorded(archive: RecordingFolder, camera: CameraId, stream: StreamName, within: Span) -> Iterator[RecordedInput]:
    """Yield the recordings of a time span as inputs of at most MOST_S, each with one video format."""
    clips = ClipCache(archive)
    begin_ms = within.begin_ms
    first = segments(archive, camera, stream, within)[:1]
    if first:
        begin_ms = min(begin_ms, first[0].start_ms)  # include the whole first segment, from its first keyframe
    while begin_ms < within.end_ms:
        span = Span(begin_ms, min(within.end_ms, begin_ms + round(MOST_S * 1000)))
        clip = clips.clip(camera, stream, span, MOST_BYTES)
        if clip is not None:
            yield RecordedInput(camera, within.begin_ms, clip)
        begin_ms = clip.cut_at_ms if clip is not None and clip.cut_at_ms else span.end_ms

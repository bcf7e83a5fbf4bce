"""What can be scanned: a video file, or a stretch of a camera's recordings, which is read as one file."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

from tawny.cli.archive import Folder
from tawny.media.as_file import AsFile
from tawny.media.file_clip import copy_part
from tawny.media.file_video import FileVideo
from tawny.model.ids import CameraId, StreamName
from tawny.model.times import Span, stamp, utc_text
from tawny.playback.clip import Clip, Clips
from tawny.playback.find import segments

MOST_S = 6 * 3600.0
"""Of recordings, so much is read as one file."""
MOST_BYTES = 2**40


class Input(Protocol):
    """name: for people. stem: how files made of it are called."""

    @property
    def name(self) -> str: ...
    @property
    def stem(self) -> str: ...
    @property
    def asked_s(self) -> float:
        """What is over before is not asked for."""
        ...

    def video(self) -> FileVideo:
        """Opened anew, for one thread. Raises SourceError."""
        ...

    def copy(self, out: Path, begin_s: float, end_s: float, *, exact: bool) -> None:
        """Raises SourceError, OSError."""
        ...

    def told(self) -> dict[str, Any]:
        """What `--json` says it is."""
        ...

    def at(self, seconds: float) -> dict[str, Any]:
        """What is said of an instant besides its seconds."""
        ...

    def key(self, about: Mapping[str, Any]) -> str:
        """Another for anything else, or to be scanned otherwise."""
        ...


@dataclass(frozen=True)
class FileInput:
    path: Path

    @property
    def name(self) -> str:
        return str(self.path)

    @property
    def stem(self) -> str:
        return self.path.stem

    @property
    def asked_s(self) -> float:
        return 0.0

    def video(self) -> FileVideo:
        return FileVideo(self.path)

    def copy(self, out: Path, begin_s: float, end_s: float, *, exact: bool) -> None:
        copy_part(self.path, out, begin_s, end_s, exact=exact)

    def told(self) -> dict[str, Any]:
        return {"file": str(self.path)}

    def at(self, seconds: float) -> dict[str, Any]:
        return {}

    def key(self, about: Mapping[str, Any]) -> str:
        """Known by its path, size and time of change."""
        try:
            seen = self.path.stat()
        except OSError:
            return ""
        return _digest([str(self.path.resolve()), seen.st_size, seen.st_mtime_ns, about])


@dataclass(frozen=True)
class RecordedInput:
    """clip: all of it as one file that is nowhere. asked_ms: from when on it is asked for."""

    camera: CameraId
    asked_ms: int
    clip: Clip

    @property
    def name(self) -> str:
        return f"{self.camera} from {utc_text(self.clip.start_ms)}"

    @property
    def stem(self) -> str:
        return f"{self.camera}-{stamp(self.clip.start_ms)}"

    @property
    def asked_s(self) -> float:
        return (self.asked_ms - self.clip.start_ms) / 1000

    def video(self) -> FileVideo:
        return FileVideo(Path(self.name), self._source)

    def copy(self, out: Path, begin_s: float, end_s: float, *, exact: bool) -> None:
        copy_part(Path(self.name), out, begin_s, end_s, exact=exact, source=self._source)

    def told(self) -> dict[str, Any]:
        return {"file": None, "camera": self.camera, "start": utc_text(self.clip.start_ms)}

    def at(self, seconds: float) -> dict[str, Any]:
        return {"at": utc_text(self.clip.start_ms + round(seconds * 1000))}

    def key(self, about: Mapping[str, Any]) -> str:
        return _digest([self.camera, self.clip.start_ms, self.clip.etag, about])

    def _source(self) -> IO[bytes]:
        reader: Any = AsFile(self.clip.file)
        made: IO[bytes] = reader
        return made


def recorded(archive: Folder, camera: CameraId, stream: StreamName, within: Span) -> Iterator[RecordedInput]:
    """The recordings of a time, in pieces that can each be one file: some hours long, of one kind of picture."""
    clips = Clips(archive)
    begin_ms = within.begin_ms
    first = segments(archive, camera, stream, within)[:1]
    if first:
        begin_ms = min(begin_ms, first[0].start_ms)  # whole, from its first keyframe on
    while begin_ms < within.end_ms:
        span = Span(begin_ms, min(within.end_ms, begin_ms + round(MOST_S * 1000)))
        clip = clips.clip(camera, stream, span, MOST_BYTES)
        if clip is not None:
            yield RecordedInput(camera, within.begin_ms, clip)
        begin_ms = clip.cut_at_ms if clip is not None and clip.cut_at_ms else span.end_ms


def _digest(known_by: list[Any]) -> str:
    return hashlib.blake2s(json.dumps(known_by, sort_keys=True, default=str).encode(), digest_size=12).hexdigest()

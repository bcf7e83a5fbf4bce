"""Inputs of a scan: a video file, or a time span of recordings that is read as one virtual file; and their parts.

What is scanned is named by values that another computer understands, too: `ScanTarget`, `PlannedInput`, `ScanPart`.
"""

import base64
import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, NamedTuple

from tawny.cli.options import time_text
from tawny.detection.appearance import PACKED_BYTES, Appearance
from tawny.detection.embedding import is_packed
from tawny.detection.scan.scan import ScannedEvent, ScanResult
from tawny.media.codec.video_file import FileVideo
from tawny.media.mp4.file_part import VirtualFile
from tawny.model.ids import CameraId, StreamName
from tawny.model.observations import Box
from tawny.model.times import Span, stamp, utc_text
from tawny.playback.training_samples import EventSamples, samples_from_json

if TYPE_CHECKING:
    from tawny.cli.archive import RecordingFolder
    from tawny.playback.clips import ClipFile

MOST_S: Final = 6 * 3600.0
"""Maximum length in s of recordings read as one virtual file."""
MOST_BYTES: Final = 2**40


@dataclass(frozen=True, slots=True)
class ScanTarget:
    """What is scanned. place: ID of the box where it lies; empty: here, or in a shared folder.

    file: path of a video; empty: recordings of a camera in a span, ms UTC.
    """

    place: str = ""
    file: str = ""
    camera: str = ""
    stream: str = StreamName.MAIN.value
    from_ms: int = 0
    to_ms: int = 0

    @property
    def name(self) -> str:
        """Name for people."""
        return self.file or f"{self.camera} from {time_text(self.from_ms)}"


class PartId(NamedTuple):
    """Which part of which input, and of how many. The number after the last one is the sound of the whole input."""

    key: str
    number: int
    of: int


@dataclass(frozen=True, slots=True)
class PlannedInput:
    """An input as the computer that scans it has found it.

    key: its cache key with these options. own_key: the one that its box knows. stem: base name of output files. facts:
    the fields that identify it in `--json`. begins_ms: start of recordings, ms UTC; None: of a file. asked_s: start of
    the requested range, in s of the input; earlier events are dropped. count: of its parts. has_sound: it is analyzed,
    too. source: what to read.
    """

    key: str
    name: str
    stem: str
    facts: Mapping[str, Any]
    begins_ms: int | None
    asked_s: float
    count: int
    has_sound: bool
    source: ScanTarget
    own_key: str = ""

    @property
    def parts(self) -> list[PartId]:
        return [PartId(self.key, number, self.count) for number in range(self.count + self.has_sound)]

    def at(self, seconds: float) -> dict[str, Any]:
        """Return additional fields for an instant of the input: the UTC time of recordings."""
        return {"at": utc_text(self.begins_ms + round(seconds * 1000))} if self.begins_ms is not None else {}

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of_box(cls, data: Mapping[str, Any], target: ScanTarget) -> "PlannedInput":
        """Return an input that a box has planned for a target. Raises ValueError, KeyError, TypeError: it is none."""
        own_key, has_sound, count = data["key"], data["has_sound"], int(data["count"])
        if not (isinstance(own_key, str) and isinstance(has_sound, bool) and 0 < count <= _MOST_PARTS):
            raise ValueError("no plan of an input")
        begins_ms, read = int(data["begins_ms"]), data["source"]
        source = replace(
            target, stream=StreamName(read["stream"]).value, from_ms=int(read["from_ms"]), to_ms=int(read["to_ms"])
        )
        return cls(
            digest([target.place, own_key]),
            f"{target.place}: {target.camera} from {time_text(begins_ms)}",
            f"{target.place}-{target.camera}-{stamp(begins_ms)}",
            {"box": target.place, "file": None, "camera": target.camera, "start": utc_text(begins_ms)},
            begins_ms, _finite(data["asked_s"]), count, has_sound, source, own_key,
        )  # fmt: skip


_MOST_PARTS: Final = 100_000
_MOST_LETTERS: Final = 200
_MOST_VECTOR_BYTES: Final = 8196


@dataclass(frozen=True)
class ScanInput:
    """One input that is read here.

    path: the video file; of recordings only a name. source: opens recordings, for one thread; None for a file.
    begins_ms, asked_s: as in `PlannedInput`. known_by: what identifies the recordings in the cache. target: where it
    is found again, with the span that was read.
    """

    path: Path
    stem: str
    facts: Mapping[str, Any]
    target: ScanTarget
    source: Callable[[], IO[bytes]] | None = None
    begins_ms: int | None = None
    asked_s: float = 0.0
    known_by: tuple[Any, ...] = ()

    @classmethod
    def of_file(cls, path: Path) -> "ScanInput":
        return cls(path, path.stem, {"file": str(path)}, ScanTarget(file=str(path)))

    @property
    def name(self) -> str:
        """Name for people."""
        return str(self.path)

    @property
    def file(self) -> Path | None:
        """The path if it is a single playable file, else None."""
        return self.path if self.source is None else None

    def video(self) -> FileVideo:
        """Open the input, for one thread. Raises SourceError."""
        return FileVideo(self.path, self.source)

    def key(self, about: Mapping[str, Any]) -> str:
        """Return the cache key of this input with these scan options; empty if it cannot be read.

        That of a file comes from path, size and modification time.
        """
        if self.source:
            return digest([*self.known_by, about])
        try:
            seen = self.path.stat()
        except OSError:
            return ""
        return digest([str(self.path.resolve()), seen.st_size, seen.st_mtime_ns, about])


PartResult = ScanResult | EventSamples
"""What a part of a scan, or of an export of training samples, has given."""


def result_json(result: PartResult) -> dict[str, Any]:
    """Return the result of a part as JSON-like values."""
    if isinstance(result, EventSamples):
        return {"samples": result.as_json()}
    events = [{**asdict(one), "looks": text_of(one.looks), "vector": text_of(one.vector)} for one in result.events]
    return {**asdict(result), "events": events, "scores": sorted(result.scores.items())}


def result_from_json(data: Mapping[str, Any]) -> PartResult:
    """Raises ValueError, KeyError, TypeError: it is none."""
    if "samples" in data:
        return samples_from_json(data["samples"])
    events = [
        ScannedEvent(
            _finite(one["start_s"]), _finite(one["end_s"]), _word(one["kind"]), int(one["score"]),
            _finite(one["best_s"]), _box(one["box"]), _word(one["label"]), looks_from(one["looks"]),
            vector_from(one["vector"]),
        )
        for one in data["events"]
    ]  # fmt: skip
    scores = {int(second): int(score) for second, score in data["scores"]}
    return ScanResult(
        _finite(data["duration_s"]), events, _finite(data["cpu_s"]), _finite(data["decoded_s"]), scores,
        _word(data["model"]),
    )  # fmt: skip


def looks_from(text: str) -> bytes:
    """Return a packed appearance (`detection.appearance`), or nothing. Raises ValueError, TypeError: it is none."""
    data = base64.b64decode(text, validate=True)
    if data and (len(data) != PACKED_BYTES or not 0 <= Appearance.unpacked(data).area <= 1):
        raise ValueError("no appearance")
    return data


def vector_from(text: str) -> bytes:
    """Return a packed vector (`detection.embedding`), or nothing. Raises ValueError, TypeError: it is none."""
    data = base64.b64decode(text, validate=True)
    if data and not (len(data) <= _MOST_VECTOR_BYTES and is_packed(data)):
        raise ValueError("no vector")
    return data


def text_of(data: bytes) -> str:
    """Return bytes as text; `looks_from` and `vector_from` read it."""
    return base64.b64encode(data).decode()


def _finite(number: float) -> float:
    if not math.isfinite(number):
        raise ValueError("no number")
    return float(number)


def _word(text: str) -> str:
    """Return a type or class. Raises ValueError: it is none; a terminal would obey control characters."""
    if not text.isprintable() or len(text) > _MOST_LETTERS:
        raise ValueError("no word")
    return text


def _box(data: Any) -> Box:
    x0, y0, x1, y1 = map(_finite, data)
    return x0, y0, x1, y1


def digest(known_by: list[Any]) -> str:
    """Return a stable hash of JSON-like values."""
    return hashlib.blake2s(json.dumps(known_by, sort_keys=True, default=str).encode(), digest_size=12).hexdigest()


class InputFinder:
    """Finds the inputs of targets that can be read here. Any thread. archive: with recordings; None: files only."""

    def __init__(self, archive: "RecordingFolder | None") -> None:
        self._archive = archive
        if archive is not None:
            # lazy import: loading the storage code takes longer than scanning a short file
            from tawny.playback.clips import ClipCache

            self._clips = ClipCache(archive)

    def all(self, target: ScanTarget) -> list[ScanInput]:
        """Return the inputs of a target; empty if nothing is recorded."""
        return [ScanInput.of_file(Path(target.file))] if target.file else list(self._recorded(target))

    def one(self, target: ScanTarget) -> ScanInput | None:
        """Return an input by its own target; None: its recordings are gone. `asked_s` isn't known any more."""
        if target.file:
            return ScanInput.of_file(Path(target.file))
        clip = self._clip(target)
        return _one_file(target, target.from_ms, clip) if clip is not None else None

    def _recorded(self, target: ScanTarget) -> Iterator[ScanInput]:
        """Yield the recordings of a time span as inputs of at most MOST_S, each with one video format."""
        from tawny.playback.recordings import segments  # lazy, as above

        assert self._archive is not None
        asked_ms = begin_ms = target.from_ms
        end_ms, most_ms = target.to_ms, round(MOST_S * 1000)
        camera = CameraId(target.camera)
        if found := segments(self._archive, camera, StreamName(target.stream), Span(begin_ms, end_ms)):
            begin_ms = min(begin_ms, found[0].start_ms)  # include the whole first segment, from its first keyframe
            end_ms = min(end_ms, max(one.end_ms for one in found))  # what is closed later isn't part of it
        while begin_ms < end_ms:
            here = replace(target, from_ms=begin_ms, to_ms=min(end_ms, begin_ms + most_ms))
            clip = self._clip(here)
            if clip is not None:
                yield _one_file(here, asked_ms, clip)
                begin_ms = clip.rest_ms or here.to_ms
            else:  # years without a recording are passed at once
                later = segments(self._archive, camera, None, Span(here.to_ms, end_ms))
                next_ms = later[0].start_ms if later else end_ms
                begin_ms = here.to_ms + max(0, next_ms - here.to_ms) // most_ms * most_ms

    def _clip(self, target: ScanTarget) -> "ClipFile | None":
        """Return the clip of a target that begins where another may have ended, at a change of the format."""
        span, camera, stream = Span(target.from_ms, target.to_ms), CameraId(target.camera), StreamName(target.stream)
        return self._clips.clip(camera, stream, span, MOST_BYTES, rest_ms=target.from_ms)


def _one_file(target: ScanTarget, asked_ms: int, clip: "ClipFile") -> ScanInput:
    """Return recordings as one virtual file. asked_ms: start of the requested range, ms UTC."""

    def source() -> IO[bytes]:
        reader: Any = VirtualFile(clip.file.read, clip.file.size_bytes)
        made: IO[bytes] = reader
        return made

    return ScanInput(
        path=Path(f"{target.camera} from {time_text(clip.start_ms)}"),
        stem=f"{target.camera}-{stamp(clip.start_ms)}",
        facts={"file": None, "camera": target.camera, "start": utc_text(clip.start_ms)},
        target=target,
        source=source,
        begins_ms=clip.start_ms,
        asked_s=(asked_ms - clip.start_ms) / 1000,
        known_by=(target.camera, clip.start_ms, clip.etag),
    )


def clock_text(at_s: float) -> str:
    """Return a time of a video for people: hours, minutes and seconds."""
    minutes, rest_s = divmod(at_s, 60)
    return f"{int(minutes // 60)}:{int(minutes % 60):02}:{rest_s:04.1f}"

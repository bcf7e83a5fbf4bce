"""Inputs of a scan: a video file, or a time span of recordings read as one file (`scan_recorded.py`)."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tawny.media.codec.video_file import FileVideo
from tawny.media.mp4.file_part import copy_part


class ScanInput(Protocol):
    """One input of a scan. name: for people. stem: base name of output files."""

    @property
    def name(self) -> str: ...
    @property
    def stem(self) -> str: ...
    @property
    def asked_s(self) -> float:
        """Start of the requested range, in s of the input; earlier events are dropped."""
        ...

    @property
    def file(self) -> Path | None:
        """The input's path if it is a single playable file, else None."""
        ...

    def video(self) -> FileVideo:
        """Open the input, for one thread. Raises SourceError."""
        ...

    def copy(self, out: Path, begin_s: float, end_s: float, *, exact: bool) -> None:
        """Copy a part to a file. Raises SourceError, OSError."""
        ...

    def told(self) -> dict[str, Any]:
        """Return the fields that identify the input in `--json`."""
        ...

    def at(self, seconds: float) -> dict[str, Any]:
        """Return additional fields for an instant of the input, such as its UTC time."""
        ...

    def key(self, about: Mapping[str, Any]) -> str:
        """Return the cache key of this input with these scan options; empty if it cannot be read."""
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

    @property
    def file(self) -> Path | None:
        return self.path

    def video(self) -> FileVideo:
        return FileVideo(self.path)

    def copy(self, out: Path, begin_s: float, end_s: float, *, exact: bool) -> None:
        copy_part(self.path, out, begin_s, end_s, exact=exact)

    def told(self) -> dict[str, Any]:
        return {"file": str(self.path)}

    def at(self, seconds: float) -> dict[str, Any]:
        return {}

    def key(self, about: Mapping[str, Any]) -> str:
        """Derive the key from path, size and modification time."""
        try:
            seen = self.path.stat()
        except OSError:
            return ""
        return digest([str(self.path.resolve()), seen.st_size, seen.st_mtime_ns, about])


def digest(known_by: list[Any]) -> str:
    """Return a stable hash of JSON-like values."""
    return hashlib.blake2s(json.dumps(known_by, sort_keys=True, default=str).encode(), digest_size=12).hexdigest()

"""What can be scanned: a video file, or (`scan_recorded.py`) a stretch of a camera's recordings, read as one file."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tawny.media.codec.video_file import FileVideo
from tawny.media.mp4.file_part import copy_part


class ScanInput(Protocol):
    """name: for people. stem: how files made of it are called."""

    @property
    def name(self) -> str: ...
    @property
    def stem(self) -> str: ...
    @property
    def asked_s(self) -> float:
        """What is over before is not asked for."""
        ...

    @property
    def file(self) -> Path | None:
        """Where it is, if it is one file that any player can open."""
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
        """Known by its path, size and time of change."""
        try:
            seen = self.path.stat()
        except OSError:
            return ""
        return digest([str(self.path.resolve()), seen.st_size, seen.st_mtime_ns, about])


def digest(known_by: list[Any]) -> str:
    """The same for the same."""
    return hashlib.blake2s(json.dumps(known_by, sort_keys=True, default=str).encode(), digest_size=12).hexdigest()

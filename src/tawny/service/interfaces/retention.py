"""Interface for the web layer: retention settings, usage and planned removals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tawny.model.ids import CameraId
from tawny.service.recorder import RecorderWarning
from tawny.storage.retention.planning import RemovalPlan


@dataclass(frozen=True, slots=True)
class RetentionRequest:
    """Retention settings in the keys of the settings file. cameras: overrides by camera; empty for none."""

    everyone: Mapping[str, Any]
    cameras: Mapping[CameraId, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class CameraRetention:
    """Retention of a camera. day_bytes: per day at the average rate; fits_s: predicted reach, s; None if unknown."""

    id: CameraId
    used_bytes: int
    day_bytes: float | None
    promised_s: float
    fits_s: float | None
    oldest_ms: int | None


@dataclass(frozen=True, slots=True)
class VolumeRetention:
    """A volume. use: `first`, `tier`, `spare` or `mirror`. problem: why it is not in use; empty if it is."""

    root: Path
    use: str
    free_bytes: int | None
    total_bytes: int | None
    problem: str


@dataclass(frozen=True, slots=True)
class RetentionReport:
    """Retention report. locked: count of kept events, at most 1000, and the bytes of their recordings."""

    asked: RetentionRequest
    is_in_file: bool
    cameras: Sequence[CameraRetention]
    volumes: Sequence[VolumeRetention]
    locked: int
    locked_bytes: int
    warnings: Sequence[RecorderWarning]
    fits: bool | None
    """Whether all minimum retention times fit; None if unknown."""
    outlook: str
    """The sentence that says so."""


class RetentionApi(Protocol):
    """Manages retention. Thread-safe; calls wait for the disk."""

    def now(self) -> RetentionReport: ...
    def plan(self, asked: RetentionRequest | None, ahead_s: float) -> RemovalPlan:
        """Return what would be removed now, or within ahead_s at present rates.

        asked: settings to evaluate; None: the current ones. Raises SettingsError if they are invalid.
        """
        ...

    def change(self, asked: RetentionRequest) -> None:
        """Apply the settings, durably if a settings file is in use.

        Raises SettingsError, NotDone and FolderUnwritable; nothing is changed then.
        """
        ...

"""What the web layer needs of whoever keeps recordings: what is promised, whether that is possible, what goes next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tawny.model.ids import CameraId
from tawny.service.recorder import RecorderWarning
from tawny.storage.retention.planning import RemovalPlan


@dataclass(frozen=True, slots=True)
class RetentionRequest:
    """In the words of the settings file; cameras: what is otherwise for them, empty for nothing."""

    everyone: Mapping[str, Any]
    cameras: Mapping[CameraId, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class CameraRetention:
    """day_bytes: written in a day at the present rate; fits_s: how far back that will reach; None while not known."""

    id: CameraId
    used_bytes: int
    day_bytes: float | None
    promised_s: float
    fits_s: float | None
    oldest_ms: int | None


@dataclass(frozen=True, slots=True)
class VolumeRetention:
    """use: `first`, `tier`, `spare` or `mirror`. problem: why it is not used now; empty if it is."""

    root: Path
    use: str
    free_bytes: int | None
    total_bytes: int | None
    problem: str


@dataclass(frozen=True, slots=True)
class RetentionReport:
    """locked: events that people keep, at most 1000 counted, and the bytes of their time."""

    asked: RetentionRequest
    is_in_file: bool
    cameras: Sequence[CameraRetention]
    volumes: Sequence[VolumeRetention]
    locked: int
    locked_bytes: int
    warnings: Sequence[RecorderWarning]


class RetentionApi(Protocol):
    """Any thread may call; calls wait for the disk."""

    def now(self) -> RetentionReport: ...
    def plan(self, asked: RetentionRequest | None, ahead_s: float) -> RemovalPlan:
        """What would go now, or by then if all goes on as it does. asked: by other rules than those in force.

        Raises SettingsError when those cannot be used.
        """
        ...

    def change(self, asked: RetentionRequest) -> None:
        """Go by it from now on, durably if there is a settings file. Raises SettingsError, NotDone, FolderUnwritable;
        then nothing has changed."""
        ...

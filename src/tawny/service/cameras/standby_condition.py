"""Whether this recorder would record others' cameras as their standby, and whether it does."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from tawny.model.ids import CameraId
from tawny.model.states import RECORDED, CameraState, CameraStatus
from tawny.storage.disk.disk import DiskCapacity

STOPPED: Final = "all recording is stopped on the standby"
DISK_FULL: Final = "the standby's disk takes nothing"
STUCK: Final = "recording is stuck on the standby"
UNRECORDED: Final = "the standby doesn't record it now; the camera's state there says why"
_LEAST_BYTES: Final = 16_000_000
"""Free space with which nothing can be recorded; more is freed by deleting recordings if there are any."""


def recorded_of(statuses: Sequence[CameraStatus]) -> list[str] | None:
    """Return the cameras that this recorder records; None while its disk takes nothing: then its standby should."""
    states = {one.state for one in statuses}
    if CameraState.BLOCKED in states and not states & (RECORDED - {CameraState.WAITING}):
        return None
    return [one.id for one in statuses if one.state in RECORDED]


@dataclass(frozen=True, slots=True)
class StandbyCondition:
    """is_alive: whether recording makes progress. is_stopped: whether a person has stopped all of it."""

    is_alive: Callable[[], bool]
    is_stopped: Callable[[], bool]
    statuses: Callable[[], Sequence[CameraStatus]]
    space: Callable[[], DiskCapacity]

    def hindrance(self) -> str:
        """Return why no camera would be recorded now; empty: they would. Waits for the disk. Raises StorageError."""
        if not self.is_alive():
            return STUCK
        if self.is_stopped():
            return STOPPED
        if (recorded := recorded_of(self.statuses())) is None:
            return DISK_FULL
        if recorded:
            return ""
        space = self.space()
        return DISK_FULL if space.free_bytes < _LEAST_BYTES or space.has_few_files else ""

    def unrecorded(self) -> frozenset[CameraId]:
        """Return the cameras that are not recorded, and don't just begin to be."""
        return frozenset(one.id for one in self.statuses() if one.state not in RECORDED | {CameraState.STARTING})

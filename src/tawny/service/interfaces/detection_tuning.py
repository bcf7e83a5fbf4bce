"""What the web layer needs to tell how cameras are watched, and to change it. `service.cameras.detection_tuning`
implements it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tawny.config.settings import DetectionSettings
from tawny.config.zones import Points
from tawny.detection.classic.parameters import DetectorParameter
from tawny.detection.live_meter import LiveMeter
from tawny.model.ids import CameraId


@dataclass(frozen=True, slots=True)
class DetectorView:
    """numbers: its own settings, by name."""

    name: str
    words: str
    numbers: Mapping[str, DetectorParameter]


@dataclass(frozen=True, slots=True)
class DetectionChange:
    by: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class DetectionView:
    """How a camera is watched. version: another for other settings. is_kept: changes are written to a file. notes: as
    the watcher tells of itself. trouble: what should be known, in sentences. changed: by a person, since the start."""

    watch: DetectionSettings
    privacy_masks: tuple[Points, ...]
    version: str
    is_kept: bool
    notes: Mapping[str, Any]
    trouble: str
    changed: DetectionChange | None
    sound_trouble: str = ""
    """The same of listening."""


class DetectionTuningApi(Protocol):
    """Any thread."""

    def detectors(self) -> Sequence[DetectorView]: ...
    def readers(self) -> Sequence[str]:
        """The recognisers there are, by name."""
        ...

    def watching(self, camera: CameraId) -> DetectionView | None:
        """None when there is no such camera."""
        ...

    def meter(self, camera: CameraId) -> LiveMeter | None:
        """None when there is no such camera, or nobody watches it."""
        ...

    def change(self, camera: CameraId, watch: DetectionSettings, privacy_masks: tuple[Points, ...], by: str) -> None:
        """Apply these settings now and after the next start. by: the user's name. May wait for the disk.

        Raises SettingsError, NotDone, FolderUnwritable; then nothing has changed.
        """
        ...

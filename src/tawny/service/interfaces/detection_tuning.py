"""Interface for the web layer: detection settings of cameras. Implemented by `service.cameras.detection_tuning`."""

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
    """A detector. words: its description. numbers: its parameters by name."""

    name: str
    words: str
    numbers: Mapping[str, DetectorParameter]


@dataclass(frozen=True, slots=True)
class DetectionChange:
    by: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class DetectionView:
    """Detection of a camera.

    version: hash of the settings. is_kept: changes are written to a file. notes: the watcher's notes. trouble: problem,
    in sentences. changed: last change since the start; None if none.
    """

    watch: DetectionSettings
    privacy_masks: tuple[Points, ...]
    version: str
    is_kept: bool
    notes: Mapping[str, Any]
    trouble: str
    changed: DetectionChange | None
    sound_trouble: str = ""
    """The same for sound detection."""


class DetectionTuningApi(Protocol):
    """Reads and changes detection settings. Thread-safe."""

    def detectors(self) -> Sequence[DetectorView]: ...
    def readers(self) -> Sequence[str]:
        """Return the names of the available recognizers."""
        ...

    def watching(self, camera: CameraId) -> DetectionView | None:
        """Return None for an unknown camera."""
        ...

    def meter(self, camera: CameraId) -> LiveMeter | None:
        """Return None for an unknown camera or while its detection is off."""
        ...

    def change(self, camera: CameraId, watch: DetectionSettings, privacy_masks: tuple[Points, ...], by: str) -> None:
        """Apply these settings now and after the next start. by: the user's name. May wait for the disk.

        Raises SettingsError, NotDone, FolderUnwritable; then nothing has changed.
        """
        ...

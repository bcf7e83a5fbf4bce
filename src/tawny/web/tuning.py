"""What the web layer needs to tell how cameras are watched, and to change it. `app.cameras.tuning` implements it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tawny.config.settings import Watch
from tawny.model.ids import CameraId
from tawny.watch.classic.numbers import Number
from tawny.watch.meter import Meter


@dataclass(frozen=True, slots=True)
class DetectorAbout:
    """numbers: its own settings, by name."""

    name: str
    words: str
    numbers: Mapping[str, Number]


@dataclass(frozen=True, slots=True)
class Changed:
    by: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Watching:
    """How a camera is watched. version: another for other settings. is_kept: changes are written to a file. notes: as
    the watcher tells of itself. trouble: what should be known, in sentences. changed: by a person, since the start."""

    watch: Watch
    version: str
    is_kept: bool
    notes: Mapping[str, Any]
    trouble: str
    changed: Changed | None
    sound_trouble: str = ""
    """The same of listening."""


class Tuning(Protocol):
    """Any thread."""

    def detectors(self) -> Sequence[DetectorAbout]: ...
    def readers(self) -> Sequence[str]:
        """The recognisers there are, by name."""
        ...

    def watching(self, camera: CameraId) -> Watching | None:
        """None when there is no such camera."""
        ...

    def meter(self, camera: CameraId) -> Meter | None:
        """None when there is no such camera, or nobody watches it."""
        ...

    def change(self, camera: CameraId, watch: Watch, by: str) -> None:
        """Watch it so from now on, and after the next start. by: a person's name. May wait for the disk.

        Raises SettingsError, NotDone, FolderUnwritable; then nothing has changed.
        """
        ...

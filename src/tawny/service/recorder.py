"""Recorder interface for the web layer. `app` implements it; tests use a small implementation of their own."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from tawny.config.lens_and_ptz import NO_LENS, LensSettings
from tawny.config.settings import DetectionSettings
from tawny.config.zones import Points
from tawny.detection.detector import DetectorParameter
from tawny.detection.watcher import LiveMeter
from tawny.engine.actor import Listener, MessageType, Unsubscribe
from tawny.model.events import POST_S, PRE_S, Event
from tawny.model.geometry import UPRIGHT, Orientation
from tawny.model.ids import CameraId, EventId, StreamName
from tawny.model.messages import Alarm
from tawny.model.observations import MotionFigure, ObjectPath, RecognisedText
from tawny.model.states import CameraStatus
from tawny.model.times import Clock, Span
from tawny.playback.evidence import EvidenceResult
from tawny.playback.past_orientation import OrientedArchive
from tawny.service.cameras.masking_cost import MaskingCost
from tawny.service.detection.event_marks import Muting, MutingOffer
from tawny.service.detection.sound_service import DetectedSound
from tawny.service.visits import Neighbors
from tawny.sources.source import Speaker
from tawny.stream.hub import Hub

# Interface for the web layer: detection settings of cameras. Implemented by `service.cameras.detection_tuning`.


@dataclass(frozen=True, slots=True)
class DetectorView:
    """A detector. words: its description. numbers: its parameters by name."""

    name: str
    words: str
    numbers: Mapping[str, DetectorParameter]


@dataclass(frozen=True, slots=True)
class DetectionChangedInfo:
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
    changed: DetectionChangedInfo | None
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

    def masking_cost(self, camera: CameraId) -> MaskingCost:
        """Measure what it costs to burn in the camera's privacy masks. May take half a minute.

        Raises NotDone, MaskingFailed.
        """
        ...

    def turn(self, camera: CameraId, orientation: Orientation, by: str) -> None:
        """Show the camera's image like this, from its next keyframe on; zones, lines and masks turn with it.

        Raises as `change` does.
        """
        ...

    def sounds(self, camera: CameraId) -> Sequence[DetectedSound]:
        """Return the classes of sounds recognized at a camera, newest first."""
        ...

    def sound_models(self) -> Sequence[str]:
        """Return what can classify sounds: models that were added, and plug-ins."""
        ...

    def mutings(self, camera: CameraId) -> tuple[Sequence[Muting], Sequence[MutingOffer]]:
        """Return a camera's mutings, and what can be muted. May wait for the disk."""
        ...

    def mute(self, camera: CameraId, event: EventId, by: str) -> Muting:
        """Mute what is like this false alarm. by: the user's name. Raises NotDone. May wait for the disk."""
        ...

    def renew_muting(self, camera: CameraId, muting: str) -> bool:
        """Prolong a muting. Return False if there is none of this ID. Raises NotDone."""
        ...

    def unmute(self, camera: CameraId, muting: str) -> bool:
        """Remove a muting. Return False if there is none of this ID. Raises NotDone."""
        ...


@dataclass(frozen=True, slots=True)
class CameraView:
    """A configured camera. pre_s, post_s: pre-roll and post-roll of event clips."""

    status: CameraStatus
    streams: tuple[StreamName, ...]
    """Configured streams, main first."""
    pre_s: float = 5.0
    post_s: float = 10.0
    where: Literal["", "outside", "inside"] = ""
    orientation: Orientation = UPRIGHT
    lens: LensSettings = NO_LENS
    burns_in: bool = False
    """Privacy masks are burned into what is recorded."""
    is_phone: bool = False


@dataclass(frozen=True, slots=True)
class DiskInfo:
    free_bytes: int
    total_bytes: int
    used_bytes: int
    """Bytes used by recordings."""
    full_at_ms: int | None
    """When the oldest recordings will be deleted to make room, ms UTC; None if never, already so or unknown."""
    keeps_days: float | None
    """Days of recordings that fit; None if unknown."""
    fits: bool | None
    """Whether all minimum retention times fit; None if unknown."""
    outlook: str
    """The sentence about all of that."""


@dataclass(frozen=True, slots=True)
class RecorderWarning:
    """A warning for users: problem and remedy, as sentences."""

    message: str
    do: str = ""


class Subscribable(Protocol):
    """What `engine.Bus` gives to who listens."""

    def subscribe(self, kind: type[MessageType], listener: Callable[[MessageType], None]) -> Unsubscribe: ...

    def subscribe_all(self, listener: Listener) -> Unsubscribe: ...


class RecorderService(OrientedArchive, Protocol):
    """The running recorder. Thread-safe.

    Methods that may wait for the disk say so; the others answer from memory at once.
    """

    @property
    def clock(self) -> Clock: ...
    @property
    def bus(self) -> Subscribable: ...
    @property
    def started_ms(self) -> int: ...
    @property
    def host(self) -> str:
        """Host name of the recorder."""
        ...

    @property
    def zone(self) -> str:
        """Time zone of the recorder, such as `Europe/Berlin`."""
        ...

    def cameras(self) -> Sequence[CameraView]:
        """Return the cameras in the order of the settings. It builds the status of each."""
        ...

    def camera_names(self) -> Mapping[CameraId, str]:
        """Return the names of the cameras in the order of the settings, without their status."""
        ...

    def removed_cameras(self) -> Mapping[CameraId, str]:
        """Return the names of removed cameras that have recordings, such as `Front door (removed)`.

        May wait for the disk.
        """
        ...

    def hub(self, camera: CameraId, stream: StreamName) -> Hub | None:
        """Return the hub of a stream, the same object while it exists; None for an unknown camera or stream."""
        ...

    def watched(self, camera: CameraId, stream: StreamName, viewers: int) -> None:
        """Set the count of live viewers whenever it changes. With viewers, packets are delivered without delay."""
        ...

    def speaker(self, camera: CameraId) -> Speaker | None:
        """Return a camera's loudspeaker, not yet connected; None if its source type has none."""
        ...

    @property
    def tuning(self) -> DetectionTuningApi: ...
    def disk(self) -> DiskInfo | None:
        """Return the disk usage; None while unknown."""
        ...

    def warnings(self) -> Sequence[RecorderWarning]: ...
    def alarms(self) -> Sequence[Alarm]:
        """Return the current alarms."""
        ...

    def zone_scores(self, camera: CameraId, zone: str, within: Span) -> bytes:
        """Return scores like `scores`, for one zone. May wait for the disk.

        Raises ValueError for an invalid zone name.
        """
        ...

    def grids(self, camera: CameraId, within: Span) -> Sequence[tuple[int, int]]:
        """Return seconds with motion, ms UTC, and their grids (`storage.segments.detection_files`).

        They are in the image as it is shown now. May wait for the disk.
        """
        ...

    def figures(self, camera: CameraId, within: Span) -> Sequence[MotionFigure]:
        """Return what the detector measured (`storage.segments.detection_files`). May wait for the disk."""
        ...

    def motion_frames(self, event: Event) -> int:
        """Return the number of frames with motion of an event; 0 if unknown. May wait for the disk."""
        ...

    def neighbors(self) -> Neighbors:
        """Return the pairs of neighboring cameras, also of hidden ones. May wait for the disk."""
        ...

    def called(self, read: RecognisedText) -> str:
        """Return the name of what was recognized; empty if unknown."""
        ...

    def event_loop(self, event: Event) -> bytes | None:
        """Return thumbnails of an event side by side in one JPEG; None if not available. May wait for the disk."""
        ...

    def event_objects(self, event: Event) -> tuple[ObjectPath, ...]:
        """Return the objects of an event; empty if not available. May wait for the disk."""
        ...

    def sealed_objects(self, event: Event) -> Path | None:
        """Return the path of an event's sealed objects; None if not available. May wait for the disk."""
        ...

    def event_picture(self, event: Event) -> bytes | None:
        """Return the JPEG of an event's snapshot; None if not available. May wait for the disk."""
        ...

    def prove(self, camera: CameraId, span: Span, folder: Path, progress: Callable[[float], None]) -> EvidenceResult:
        """Write evidence signed by this recorder to a folder. May wait for the disk.

        Raises NotDone if there is none or any is sealed.
        """
        ...

    def masked(self, event: Event, stored: bytes | None, *, is_strip: bool = False) -> bytes | None:
        """Return a JPEG of an event with the camera's privacy masks black. May wait for the disk.

        is_strip: it has thumbnails side by side.
        """
        ...

    def sealed_picture(self, event: Event, *, is_loop: bool = False) -> Path | None:
        """Return the path of an event's sealed snapshot or thumbnails; None if not available. May wait for the disk."""
        ...

    def mark_event(
        self,
        event_id: EventId,
        *,
        kept: bool | None = None,
        reviewed: bool | None = None,
        false_alarm: str | None = None,
        said: str | None = None,
        known: RecognisedText | None = None,
    ) -> Event | None:
        """Change users' marks of an event, durably, and publish it as `updated`. Return None for an unknown event.

        known: an identity that a user named in it. May wait for the disk. A running event keeps its marks.
        """
        ...


def event_rolls(recorder: RecorderService, camera: CameraId) -> tuple[float, float]:
    """Return the pre-roll and post-roll, s, of a camera; the defaults for a removed one."""
    view = next((one for one in recorder.cameras() if one.status.id == camera), None)
    return (view.pre_s, view.post_s) if view else (PRE_S, POST_S)

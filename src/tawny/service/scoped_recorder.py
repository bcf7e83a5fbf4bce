"""Scoped recorder: the recorder restricted to the cameras one user may see.

Access is refused at two entry points. `ScopedRecorder` is the camera lookup: every operation names its camera, or a
value that belongs to one, in its first argument. `ScopedIndex` is the index query. Both pass on what `_CameraGate`
allows, so that an operation that was added later works for visible cameras only.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, cast

from tawny.engine.actor import Listener, MessageType, Unsubscribe
from tawny.model.damage import DamagedSpan
from tawny.model.errors import NotDone, TawnyError
from tawny.model.events import Event, Level
from tawny.model.ids import CameraId, EventId, SegmentId
from tawny.model.messages import (
    ActionPlanned,
    Alarm,
    DamageFound,
    EventChanged,
    GapChanged,
    Message,
    ModeChanged,
    PartDied,
    PeopleChanged,
    SegmentClosed,
    StatusChanged,
)
from tawny.model.segments import Segment
from tawny.model.times import Span
from tawny.playback.evidence import EvidenceResult
from tawny.playback.recordings import RecordingIndex
from tawny.service.recorder import CameraView, DetectionTuningApi, RecorderService, Subscribable
from tawny.storage.index.protocol import EventPage


@dataclass(eq=False)
class CameraHidden(TawnyError):
    """The user may not see this camera. To them it does not exist."""

    camera: CameraId
    code = "not_found"
    says = "Camera not found."
    advice = "It may have been deleted."


def scope_recorder(recorder: RecorderService, cameras: frozenset[CameraId]) -> RecorderService:
    """Return the recorder restricted to these cameras. Operations on others raise CameraHidden."""
    return cast("RecorderService", ScopedRecorder(recorder, cameras))


class _CameraGate:
    """Passes on the operations of an interface whose first argument is a visible camera or belongs to one.

    `open_to_all`: names that concern no camera. All others are refused.
    """

    interface: ClassVar[type]
    open_to_all: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, target: Any, cameras: frozenset[CameraId]) -> None:
        self._target, self._cameras = target, cameras

    def __getattr__(self, name: str) -> Any:
        if not hasattr(self.interface, name):
            raise AttributeError(f"{self.interface.__name__} has no {name}")
        if name in self.open_to_all:
            return getattr(self._target, name)

        def checked(*args: Any, **options: Any) -> Any:
            self._check(args[0] if args else options.get("camera"))
            return getattr(self._target, name)(*args, **options)

        return checked

    def _check(self, subject: object) -> None:
        """Raise CameraHidden unless it is, or belongs to, a visible camera. subject: an ID, a segment, an event ..."""
        camera = getattr(subject, "camera", subject)
        if camera not in self._cameras:
            raise CameraHidden(CameraId(str(camera)))


class ScopedIndex(_CameraGate):
    """`playback.recordings.RecordingIndex` restricted to some cameras."""

    interface = RecordingIndex

    def segment(self, segment_id: SegmentId) -> Segment | None:
        found: Segment | None = self._target.segment(segment_id)
        return found if found and found.camera in self._cameras else None

    def damage(self, camera: CameraId | None, within: Span) -> list[DamagedSpan]:
        if camera is not None:
            self._check(camera)
        return [one for one in self._target.damage(camera, within) if one.camera in self._cameras]

    def event(self, event_id: EventId) -> Event | None:
        found: Event | None = self._target.event(event_id)
        return found if found and found.camera in self._cameras else None

    def events(self, within: Span, *, cameras: Iterable[CameraId] | None = None, **choice: Any) -> EventPage:
        seen = self._cameras if cameras is None else self._cameras & set(cameras)
        page: EventPage = self._target.events(within, cameras=sorted(seen), **choice)
        return page

    def event_counts(
        self, within: Span, *, cameras: Iterable[CameraId] | None = None, **choice: Any
    ) -> Mapping[Level, int]:
        seen = self._cameras if cameras is None else self._cameras & set(cameras)
        counts: Mapping[Level, int] = self._target.event_counts(within, cameras=sorted(seen), **choice)
        return counts


class ScopedTuning(_CameraGate):
    """Detection settings restricted to some cameras."""

    interface = DetectionTuningApi
    open_to_all = frozenset({"detectors", "readers", "sound_models"})


class ScopedBus:
    """Bus restricted to messages of some cameras."""

    def __init__(self, bus: Subscribable, cameras: frozenset[CameraId]) -> None:
        self._bus, self._cameras = bus, cameras

    def subscribe(self, kind: type[MessageType], listener: Callable[[MessageType], None]) -> Unsubscribe:
        return self._bus.subscribe(kind, self._restricted(listener))

    def subscribe_all(self, listener: Listener) -> Unsubscribe:
        return self._bus.subscribe_all(self._restricted(listener))

    def _restricted(self, listener: Callable[[MessageType], None]) -> Callable[[MessageType], None]:
        def on_message(message: MessageType) -> None:
            if _camera_of(message) in self._cameras:
                listener(message)

        return on_message


class ScopedRecorder(_CameraGate):
    """`service.recorder.RecorderService` restricted to some cameras.

    Warnings, which may name any camera, and disk usage are available to owners only.
    """

    interface = RecorderService
    open_to_all = frozenset({"clock", "started_ms", "host", "zone", "called", "neighbors"})

    def __init__(self, recorder: RecorderService, cameras: frozenset[CameraId]) -> None:
        super().__init__(recorder, cameras)
        self.index = ScopedIndex(recorder.index, cameras)
        self.tuning = ScopedTuning(recorder.tuning, cameras)
        self.bus = ScopedBus(recorder.bus, cameras)

    def cameras(self) -> Sequence[CameraView]:
        return [one for one in self._target.cameras() if one.status.id in self._cameras]

    def camera_names(self) -> Mapping[CameraId, str]:
        return {camera: name for camera, name in self._target.camera_names().items() if camera in self._cameras}

    def removed_cameras(self) -> Mapping[CameraId, str]:
        return {camera: name for camera, name in self._target.removed_cameras().items() if camera in self._cameras}

    def alarms(self) -> Sequence[Alarm]:
        return [alarm for alarm in self._target.alarms() if alarm.camera in self._cameras]

    def disk(self) -> None:
        return None

    def warnings(self) -> Sequence[object]:
        return ()

    def prove(self, camera: CameraId, span: Span, folder: Path, progress: Callable[[float], None]) -> EvidenceResult:
        raise NotDone("Only owners can export evidence.", "Ask an owner.")

    def mark_event(self, event_id: EventId, **marks: Any) -> Event | None:
        is_seen = self.index.event(event_id) is not None
        return self._target.mark_event(event_id, **marks) if is_seen else None


def _camera_of(message: Message) -> CameraId | None:
    match message:
        case StatusChanged():
            return message.status.id
        case SegmentClosed():
            return message.segment.camera
        case GapChanged():
            return message.gap.camera
        case EventChanged():
            return message.event.camera
        case DamageFound():
            return message.damage.camera
        case PartDied() | ModeChanged() | PeopleChanged() | ActionPlanned():
            return None
    return message.camera

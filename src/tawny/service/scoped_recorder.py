"""Scoped recorder: the recorder restricted to the cameras one user may see.

Routes receive it in place of the recorder for users who may see only some cameras.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from tawny.config.settings import DetectionSettings, Points
from tawny.detection.watcher import LiveMeter
from tawny.engine.actor import Listener
from tawny.model.clock import Clock
from tawny.model.damage import DamagedSpan
from tawny.model.errors import NotDone
from tawny.model.events import Event
from tawny.model.gaps import Gap
from tawny.model.ids import CameraId, EventId, SegmentId, StreamName
from tawny.model.messages import (
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
from tawny.model.polygon import Polygon
from tawny.model.segments import Segment
from tawny.model.times import Span
from tawny.playback.recordings import RecordingIndex
from tawny.service.recorder import (
    BusListener,
    CameraView,
    DetectionTuningApi,
    DetectionView,
    DetectorView,
    DiskUsage,
    RecorderService,
    RecorderWarning,
)
from tawny.sources.source import Speaker
from tawny.storage.index.protocol import EventPage
from tawny.stream.hub import Hub

May = Callable[[CameraId], bool]


class ScopedRecordings:
    """`playback.recordings.RecordingIndex` restricted to some cameras."""

    def __init__(self, past: RecordingIndex, cameras: frozenset[CameraId]) -> None:
        self._past, self._cameras = past, cameras

    def segment(self, segment_id: SegmentId) -> Segment | None:
        found = self._past.segment(segment_id)
        return found if found and found.camera in self._cameras else None

    def segments(self, camera: CameraId, stream: StreamName | None, within: Span) -> list[Segment]:
        return self._past.segments(camera, stream, within) if camera in self._cameras else []

    def spans(self, camera: CameraId, stream: StreamName | None, within: Span) -> list[Span]:
        return self._past.spans(camera, stream, within) if camera in self._cameras else []

    def bounds(self, camera: CameraId) -> Span | None:
        return self._past.bounds(camera) if camera in self._cameras else None

    def gaps(self, camera: CameraId, within: Span) -> list[Gap]:
        return self._past.gaps(camera, within) if camera in self._cameras else []

    def damage(self, camera: CameraId | None, within: Span) -> list[DamagedSpan]:
        if camera is not None:
            return self._past.damage(camera, within) if camera in self._cameras else []
        return [one for one in self._past.damage(None, within) if one.camera in self._cameras]

    def event(self, event_id: EventId) -> Event | None:
        found = self._past.event(event_id)
        return found if found and found.camera in self._cameras else None

    def events(
        self,
        within: Span,
        *,
        cameras: Iterable[CameraId] | None = None,
        kinds: Iterable[str] | None = None,
        only: str = "all",
        after: str | None = None,
        limit: int = 60,
    ) -> EventPage:
        seen = self._cameras if cameras is None else self._cameras & set(cameras)
        return self._past.events(within, cameras=sorted(seen), kinds=kinds, only=only, after=after, limit=limit)


class ScopedBus:
    """Bus restricted to messages of some cameras."""

    def __init__(self, bus: BusListener, cameras: frozenset[CameraId]) -> None:
        self._bus, self._cameras = bus, cameras

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        def heard(message: Message) -> None:
            if _camera_of(message) in self._cameras:
                listener(message)

        return self._bus.subscribe(heard)


class ScopedTuning:
    """Detection settings restricted to some cameras."""

    def __init__(self, tuning: DetectionTuningApi, cameras: frozenset[CameraId]) -> None:
        self._tuning, self._cameras = tuning, cameras

    def detectors(self) -> Sequence[DetectorView]:
        return self._tuning.detectors()

    def readers(self) -> Sequence[str]:
        return self._tuning.readers()

    def watching(self, camera: CameraId) -> DetectionView | None:
        return self._tuning.watching(camera) if camera in self._cameras else None

    def meter(self, camera: CameraId) -> LiveMeter | None:
        return self._tuning.meter(camera) if camera in self._cameras else None

    def change(self, camera: CameraId, watch: DetectionSettings, privacy_masks: tuple[Points, ...], by: str) -> None:
        if camera not in self._cameras:
            raise NotDone(f"No camera named {camera}.", "It may have been removed. Reload the page.")
        self._tuning.change(camera, watch, privacy_masks, by)


class ScopedRecorder:
    """`service.recorder.RecorderService` restricted to some cameras.

    Warnings, which may name any camera, and disk usage are available to owners only.
    """

    def __init__(self, recorder: RecorderService, cameras: frozenset[CameraId]) -> None:
        self._recorder, self._cameras = recorder, cameras
        self.bus = ScopedBus(recorder.bus, cameras)
        self.index = ScopedRecordings(recorder.index, cameras)
        self.tuning = ScopedTuning(recorder.tuning, cameras)

    @property
    def clock(self) -> Clock:
        return self._recorder.clock

    @property
    def started_ms(self) -> int:
        return self._recorder.started_ms

    @property
    def host(self) -> str:
        return self._recorder.host

    @property
    def zone(self) -> str:
        return self._recorder.zone

    def cameras(self) -> Sequence[CameraView]:
        return [camera for camera in self._recorder.cameras() if camera.status.id in self._cameras]

    def camera_names(self) -> Mapping[CameraId, str]:
        return {camera: name for camera, name in self._recorder.camera_names().items() if camera in self._cameras}

    def prove(self, camera: CameraId, span: Span, folder: Path, has_done: Callable[[float], None]) -> None:
        raise NotDone("Only owners can export evidence.", "Ask an owner.")

    def hub(self, camera: CameraId, stream: StreamName) -> Hub | None:
        return self._recorder.hub(camera, stream) if camera in self._cameras else None

    def watched(self, camera: CameraId, stream: StreamName, viewers: int) -> None:
        self._recorder.watched(camera, stream, viewers)

    def speaker(self, camera: CameraId) -> Speaker | None:
        return self._recorder.speaker(camera) if camera in self._cameras else None

    def disk(self) -> DiskUsage | None:
        return None

    def warnings(self) -> Sequence[RecorderWarning]:
        return []

    def alarms(self) -> Sequence[Alarm]:
        return [alarm for alarm in self._recorder.alarms() if alarm.camera in self._cameras]

    def open_segments(self, camera: CameraId) -> Sequence[Segment]:
        return self._recorder.open_segments(camera) if camera in self._cameras else []

    def segment_path(self, segment: Segment) -> Path:
        return self._recorder.segment_path(segment)

    def private(self, camera: CameraId) -> tuple[Polygon, ...]:
        return self._recorder.private(camera)

    def scores(self, camera: CameraId, within: Span) -> bytes:
        return self._recorder.scores(camera, within) if camera in self._cameras else b""

    def zone_scores(self, camera: CameraId, zone: str, within: Span) -> bytes:
        return self._recorder.zone_scores(camera, zone, within) if camera in self._cameras else b""

    def grids(self, camera: CameraId, within: Span) -> Sequence[tuple[int, int]]:
        return self._recorder.grids(camera, within) if camera in self._cameras else []

    def called(self, who: str) -> str:
        return self._recorder.called(who)

    def event_loop(self, event: Event) -> bytes | None:
        return self._recorder.event_loop(event) if event.camera in self._cameras else None

    def event_picture(self, event: Event) -> bytes | None:
        return self._recorder.event_picture(event) if event.camera in self._cameras else None

    def sealed_picture(self, event: Event, *, is_loop: bool = False) -> Path | None:
        return self._recorder.sealed_picture(event, is_loop=is_loop) if event.camera in self._cameras else None

    def mark_event(
        self,
        event_id: EventId,
        *,
        kept: bool | None = None,
        reviewed: bool | None = None,
        false_alarm: str | None = None,
        said: str | None = None,
    ) -> Event | None:
        if self.index.event(event_id) is None:
            return None
        return self._recorder.mark_event(event_id, kept=kept, reviewed=reviewed, false_alarm=false_alarm, said=said)


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
        case PartDied() | ModeChanged() | PeopleChanged():
            return None
    return message.camera

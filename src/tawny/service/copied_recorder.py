"""A recorder that consists of copies: what a hub shows of a box that is offline, or of what the box no longer has.

It is read by the routes that read a running recorder, so that the player, the timeline and clips are the same. Time
that isn't here is shown as such: it may be recorded at the box.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

from tawny.config.lens_and_ptz import NO_LENS, LensSettings
from tawny.engine import Bus
from tawny.fleet.copy_volume import CopyVolume
from tawny.model.errors import NotDone
from tawny.model.events import Event
from tawny.model.geometry import UPRIGHT, Orientation, Polygon
from tawny.model.ids import REMOVED, CameraId, StreamName
from tawny.model.messages import Alarm
from tawny.model.observations import MotionFigure, ObjectPath, RecognisedText, read_paths
from tawny.model.segments import Gap, GapReason, Segment, explaining
from tawny.model.states import CameraState, CameraStatus
from tawny.model.times import Clock, Span, merge_spans, missing_spans
from tawny.playback.evidence import EvidenceResult
from tawny.playback.past_orientation import PastOrientation
from tawny.service.recorder import CameraView, RecorderService, RecorderWarning
from tawny.storage.segments.detection_files import MotionFigures, MotionGrids, MotionScoreFile

_LEAST_MS: Final = 1_000
"""Shorter time between two copies is none that lacks."""
_MOST_CAMERAS: Final = 500
_WHOLE: Final = Polygon(((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)))


def describe_cameras(recorder: RecorderService) -> list[dict[str, Any]]:
    """Return what a hub must know of cameras to show their copies as the box would, as JSON values."""
    return [
        {
            "id": one.status.id, "name": one.status.name, "streams": [stream.value for stream in one.streams],
            "where": one.where, "rotate": one.orientation.rotate, "mirror": one.orientation.mirror,
            "lens": one.lens.model_dump(mode="json"), "pre_s": one.pre_s, "post_s": one.post_s,
            "masks": [[list(point) for point in mask.points] for mask in recorder.private(one.status.id)],
        }
        for one in recorder.cameras()
    ]  # fmt: skip


class CopiedIndex:
    """The index of the copies; time between its first recording and now that isn't here is a gap that says so.

    get_detail: returns why it isn't here.
    """

    def __init__(self, copied: CopyVolume, clock: Clock, get_detail: Callable[[], str]) -> None:
        self._copied, self._clock, self._get_detail = copied, clock, get_detail

    def __getattr__(self, name: str) -> Any:
        return getattr(self._copied.index, name)

    def gaps(self, camera: CameraId, within: Span) -> list[Gap]:
        index, now_ms = self._copied.index, self._clock.now_ms()
        found = index.gaps(camera, within)
        bounds = index.bounds(camera)
        known = within.cut_to(Span(bounds.begin_ms, max(now_ms, bounds.end_ms))) if bounds is not None else None
        if known is None:
            return found
        here = index.spans(camera, None, known)
        explained = [gap.span(now_ms) for gap in explaining(found)]
        detail = self._get_detail()
        lacking = [
            Gap(camera, one.begin_ms, one.end_ms, GapReason.NOT_COPIED, detail)
            for one in missing_spans(merge_spans([*here, *explained]), known)
            if one.end_ms - one.begin_ms > _LEAST_MS
        ]
        return sorted([*found, *lacking], key=lambda gap: gap.begin_ms)


class CopiedRecorder:
    """The copies of one box as a `RecorderService`, for reading. Thread-safe; may wait for the disk.

    is_offline: returns whether the box is away now.
    """

    def __init__(self, copied: CopyVolume, name: str, clock: Clock, is_offline: Callable[[], bool]) -> None:
        self._copied, self._is_offline, self._about = copied, is_offline, copied.notes.about()
        self.clock, self.bus, self.started_ms = clock, Bus(), 0
        self.name = name
        self.host, self.zone = str(self._about.get("host") or name), str(self._about.get("zone") or "UTC")
        self.index = CopiedIndex(copied, clock, lambda: "the recorder is offline" if is_offline() else "")
        self._scores = MotionScoreFile(copied.volume, clock)
        self._grids, self._figures = MotionGrids(copied.volume, clock), MotionFigures(copied.volume, clock)
        self._past = PastOrientation(self)
        self.tuning = _NoTuning()

    def as_service(self) -> RecorderService:
        """Return it for the routes that only read."""
        return cast("RecorderService", self)

    # --- cameras

    def cameras(self) -> Sequence[CameraView]:
        return [self._view(one) for one in self._cameras()]

    def camera_names(self) -> Mapping[CameraId, str]:
        return {CameraId(str(one["id"])): str(one.get("name") or one["id"]) for one in self._cameras()}

    def removed_cameras(self) -> Mapping[CameraId, str]:
        known = self.camera_names()
        return {camera: f"{camera}{REMOVED}" for camera in self._copied.volume.cameras() if camera not in known}

    def hub(self, _camera: CameraId, _stream: StreamName) -> None:
        """There is no live video."""

    def speaker(self, _camera: CameraId) -> None:
        """There is no loudspeaker."""

    def watched(self, camera: CameraId, stream: StreamName, viewers: int) -> None:
        """No effect: there is no live video."""

    def disk(self) -> None:
        """The disk of the copies is the hub's."""

    def warnings(self) -> Sequence[RecorderWarning]:
        about = "This shows the copies on the hub. Every file was verified when it arrived."
        if self._is_offline():
            offline = f"{self.name} is offline. {about}"
            return [RecorderWarning(offline, "What isn't copied yet follows when it is back.")]
        return [RecorderWarning(about, f"Open {self.name} itself for live video and what isn't copied yet.")]

    def alarms(self) -> Sequence[Alarm]:
        return ()

    def neighbors(self) -> frozenset[frozenset[CameraId]]:
        return frozenset()

    def called(self, _read: RecognisedText) -> str:
        return ""

    # --- recordings

    def open_segments(self, _camera: CameraId) -> Sequence[Segment]:
        return ()

    def segment_path(self, segment: Segment) -> Path:
        return self._copied.volume.path(segment.path)

    def private(self, camera: CameraId) -> tuple[Polygon, ...]:
        """Return the privacy masks as the box had them when it was last online; of a removed camera, those it had."""
        known: Any = self._about.get("masks")  # earlier versions noted those of present cameras only
        entry: Any = known.get(camera) if isinstance(known, dict) and camera in known else None
        if entry is None:
            entry = next((one.get("masks") for one in self._cameras() if one["id"] == camera), [])
        try:
            return tuple(Polygon.of(one) for one in entry)
        except (ValueError, TypeError):
            return (_WHOLE,)  # better nothing than what should be hidden

    def orientation(self, camera: CameraId) -> Orientation:
        return next((_orientation(one) for one in self._cameras() if one["id"] == camera), UPRIGHT)

    def scores(self, camera: CameraId, within: Span) -> bytes:
        return self._scores.read(camera, within)

    def zone_scores(self, camera: CameraId, zone: str, within: Span) -> bytes:
        return self._scores.read(camera, within, zone)

    def grids(self, camera: CameraId, within: Span) -> Sequence[tuple[int, int]]:
        return self._past.grids_now(camera, self._grids.read(camera, within))

    def figures(self, camera: CameraId, within: Span) -> Sequence[MotionFigure]:
        return self._figures.read(camera, within)

    def motion_frames(self, event: Event) -> int:
        end_ms = self.clock.now_ms() if event.end_ms is None else event.end_ms
        return self._figures.motion_frames(event.camera, Span(event.start_ms, end_ms + 1))

    def event_picture(self, event: Event) -> bytes | None:
        return self.masked(event, self._copied.volume.read_picture(event))

    def event_loop(self, event: Event) -> bytes | None:
        return self.masked(event, self._copied.volume.read_loop(event), is_strip=True)

    def masked(self, event: Event, stored: bytes | None, *, is_strip: bool = False) -> bytes | None:
        return self._past.masked(event, stored, is_strip=is_strip)

    def event_objects(self, event: Event) -> tuple[ObjectPath, ...]:
        return read_paths(self._copied.volume.read_objects(event) or b"", event.start_ms)

    def sealed_objects(self, event: Event) -> Path | None:
        return self._copied.volume.sealed_objects(event)

    def sealed_picture(self, event: Event, *, is_loop: bool = False) -> Path | None:
        return self._copied.volume.sealed_picture(event, is_loop=is_loop)

    def prove(
        self, _camera: CameraId, _span: Span, _folder: Path, _progress: Callable[[float], None]
    ) -> EvidenceResult:
        raise NotDone("Evidence is signed by the recorder itself.", f"Ask the owner of {self.name}.")

    def _cameras(self) -> list[dict[str, Any]]:
        listed = self._about.get("cameras")
        found = listed[:_MOST_CAMERAS] if isinstance(listed, list) else []
        return [one for one in found if isinstance(one, dict) and isinstance(one.get("id"), str)]

    def _view(self, data: Mapping[str, Any]) -> CameraView:
        camera, name = CameraId(str(data["id"])), str(data.get("name") or data["id"])[:100]
        seen_ms = self._about.get("seen_ms")
        status = CameraStatus(camera, name, CameraState.OFFLINE, int(seen_ms) if isinstance(seen_ms, int) else 0)
        listed = data.get("streams")
        streams = tuple(one for one in StreamName if isinstance(listed, list) and one.value in listed)
        where = data.get("where") if data.get("where") in ("outside", "inside") else ""
        return CameraView(
            status, streams or (StreamName.MAIN,), _seconds(data.get("pre_s"), 5.0), _seconds(data.get("post_s"), 10.0),
            cast("Any", where), _orientation(data), _lens(data.get("lens")),
        )  # fmt: skip


class _NoTuning:
    """Detection of copies: there is none to watch."""

    def meter(self, _camera: CameraId) -> None:
        """No detector runs here."""

    def watching(self, _camera: CameraId) -> None:
        """Its settings are not here."""


def _seconds(data: object, otherwise: float) -> float:
    return float(data) if isinstance(data, int | float) and 0 <= data <= 3600 else otherwise


def _orientation(data: Mapping[str, Any]) -> Orientation:
    rotate = data.get("rotate")
    return Orientation(rotate, bool(data.get("mirror"))) if rotate in (0, 90, 180, 270) else UPRIGHT


def _lens(data: object) -> LensSettings:
    try:
        return LensSettings.model_validate(data)
    except ValueError:
        return NO_LENS

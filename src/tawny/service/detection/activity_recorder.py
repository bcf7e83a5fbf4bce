"""Activity recorder: stores zone scores and motion grids, and reports abandoned objects and camera tampering.

It sits between a watcher and its event maker and runs on the watcher's thread.
"""

from typing import Protocol

from tawny.detection.abandoned_object import AbandonedObject, AbandonedObjectDetector
from tawny.detection.frames import UndecodedFrame
from tawny.detection.live_meter import LiveMeter
from tawny.detection.tamper import TamperDetector
from tawny.detection.watcher import ObservationSink
from tawny.model.grid import grid_of
from tawny.model.ids import CameraId
from tawny.model.observations import Frame, Look
from tawny.storage.segments.motion_grids import MotionGrids
from tawny.storage.segments.motion_scores import MotionScoreFile


class ActivityListener(Protocol):
    """Receives the reports. Called on the watcher's thread."""

    def tampered(self, wrong: str, frame: Frame) -> None:
        """Called when tampering begins (a key of `detection.tamper.STAYS_S`) or ends (empty)."""
        ...

    def left(self, found: AbandonedObject, frame: Frame) -> None: ...


class ActivityRecorder:
    """Stores the activity of one camera.

    zones: names of the camera's zones. tamper: knows the scene and outlives single watchers. meter: live values for
    viewers.
    """

    def __init__(
        self,
        camera: CameraId,
        sink: ObservationSink,
        scores: MotionScoreFile,
        grids: MotionGrids,
        zones: tuple[str, ...],
        hears: ActivityListener,
        *,
        tamper: TamperDetector,
        left: AbandonedObjectDetector,
        meter: LiveMeter,
    ) -> None:
        self._camera, self._sink, self._scores, self._grids, self._zones = camera, sink, scores, grids, zones
        self._hears, self._tamper, self._left, self._meter = hears, tamper, left, meter
        self._told = tamper.wrong

    def look(self, frame: Frame, look: Look) -> None:
        if not isinstance(frame, UndecodedFrame):  # no frame is decoded for this alone
            self._see_place(frame, look)
        self._grids.put(self._camera, frame.at_ms, _moving(look))
        zones = {zone: _score_in(zone, look) for zone in self._zones}
        for zone, score in zones.items():
            self._scores.put(self._camera, frame.at_ms, score, zone)
        if self._meter.is_read:
            self._meter.show(frame.at_ms, look, zones)
        self._sink.look(frame, look)

    def _see_place(self, frame: Frame, look: Look) -> None:
        wrong = self._tamper.look(frame)
        if wrong != self._told:
            self._told = wrong
            self._hears.tampered(wrong, frame)
        for found in self._left.look(frame, look):
            self._hears.left(found, frame)

    def idle(self, now_ms: int) -> None:
        self._sink.idle(now_ms)

    def close(self) -> None:
        self._sink.close()


def _score_in(zone: str, look: Look) -> int:
    """Return the highest score, 0..100, of the objects in this zone that are or may become events."""
    there = (round(thing.score * 100) for thing in (*look.seen, *look.near) if zone in thing.zones)
    return min(100, max(there, default=0))


def _moving(look: Look) -> int:
    """Return the motion grid of the current objects: the moving cells in their boxes, or all cells of their boxes."""
    boxes = 0
    for thing in look.seen:
        boxes |= grid_of(thing.box)
    return boxes if look.grid is None or not boxes else boxes & look.grid or boxes

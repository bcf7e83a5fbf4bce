"""Detector figures of stored frames, and what is stamped on frames: title, time, figures, REC and boxes."""

from fastapi import APIRouter

from tawny.api import serializers
from tawny.api.auth.access import Access, OneCamera, known_camera, parse_span, rule
from tawny.api.context import AppContext, Context
from tawny.api.request_handling import WorkerRoute
from tawny.api.schemas import ApiResponse, Ms
from tawny.live.wakeup import share_once
from tawny.media.image.stamp import Stamp
from tawny.model.ids import CameraId
from tawny.model.observations import FigureThing, MotionFigure
from tawny.model.times import Span
from tawny.playback.stamps import FrameStamps, read_stamps
from tawny.service.recorder import event_rolls
from tawny.stream.hub import Hub

MOST_S = 120
"""Length of the time whose figures are returned at once, s."""
RENEWED_MS = 300
"""Age, ms, from which the figures of a live stamp are read again."""


class FigureInfo(ApiResponse):
    """What the detector found in one frame: its own number, and the level that motion exceeds."""

    at_ms: int
    number: float
    level: float
    things: list[FigureThing]


class FigureList(ApiResponse):
    """clips: begin and end of the event clips in this time. pre_s, post_s: the camera's pre-roll and post-roll."""

    title: str
    items: list[FigureInfo]
    clips: list[tuple[int, int]]
    pre_s: float
    post_s: float


router = APIRouter(prefix="/api/v1", route_class=WorkerRoute)


@router.get("/cameras/{camera}/figures", dependencies=[rule(Access.VIEW)])
def figures(camera: OneCamera, from_ms: Ms, to_ms: Ms, context: Context) -> FigureList:
    """Return the stored detector figures of at most two minutes, for frames with motion, and of calm seconds."""
    known = known_camera(camera, context)
    found = frame_stamps(context, known, parse_span(from_ms, to_ms, MOST_S / 86_400))
    pre_s, post_s = event_rolls(context.recorder, known)
    return FigureList(
        title=found.title,
        items=[_figure_info(one) for one in found.figures],
        clips=[(clip.begin_ms, clip.end_ms) for clip in found.clips],
        pre_s=pre_s,
        post_s=post_s,
    )


def frame_stamps(context: AppContext, camera: CameraId, span: Span, *, only_boxes: bool = False) -> FrameStamps:
    """Return the stamps of a camera's frames in a time. Reads the disk."""
    recorder = context.recorder
    title, rolls = serializers.camera_name(recorder, camera), event_rolls(recorder, camera)
    return read_stamps(recorder, camera, span, title, context.zone, rolls, only_boxes=only_boxes)


class LiveStamps:
    """Stamps of the newest frames; use from one thread at a time."""

    def __init__(self, context: AppContext, camera: CameraId) -> None:
        self._here, self._camera = context, camera
        self._stamps: FrameStamps | None = None
        self._read_ms = 0

    def at(self, at_ms: int) -> Stamp:
        """Return the stamp of a frame. Reads the disk at times. Raises StorageError."""
        if self._stamps is None or not 0 <= at_ms - self._read_ms < RENEWED_MS:
            self._stamps = frame_stamps(self._here, self._camera, Span(at_ms, at_ms + 1))
            self._read_ms = at_ms
        return self._stamps.at(at_ms)


def live_stamps(context: AppContext, camera: CameraId, hub: Hub) -> LiveStamps:
    """Return the stamps of a stream, the same for all its viewers. Event loop only."""
    if context.is_unlocked:
        return LiveStamps(context, camera)  # encrypted recordings stay with those who have unlocked them
    return share_once(LiveStamps, hub, lambda: LiveStamps(context, camera))


def _figure_info(one: MotionFigure) -> FigureInfo:
    return FigureInfo(at_ms=one.at_ms, number=one.number, level=one.level, things=list(one.things))

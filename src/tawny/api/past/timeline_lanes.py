"""Lanes of the timeline as the API sends them: their schemas, and what fills them."""

import base64

from tawny.api import serializers
from tawny.api.schemas import ApiResponse, DamageInfo, EventInfo, GapInfo, SpanMs
from tawny.model.events import Event
from tawny.model.times import Span
from tawny.playback.timeline import TimelineLane
from tawny.service.recorder import RecorderService


class MotionScores(ApiResponse):
    begin_ms: int
    step_s: int
    data: str
    """Base64 of one byte per step: 0..100, 255 if unknown."""


class LaneEventInfo(ApiResponse):
    """What a lane shows of an event."""

    id: str
    camera: str
    display_type: str
    start_ms: int
    end_ms: int | None
    kept: bool
    snapshot: str | None
    title: str


class TimelineLaneInfo(ApiResponse):
    id: str
    name: str
    spans: list[SpanMs]
    gaps: list[GapInfo]
    damage: list[DamageInfo]
    events: list[EventInfo]
    """Empty with `short`."""
    short_events: list[LaneEventInfo]
    """Empty without `short`."""
    motion: MotionScores


class Timeline(ApiResponse):
    now_ms: int
    cameras: list[TimelineLaneInfo]


def lane_info(made: TimelineLane, recorder: RecorderService, *, short: bool = False) -> TimelineLaneInfo:
    return TimelineLaneInfo(
        id=made.camera,
        name=serializers.camera_name(recorder, made.camera),
        spans=[_pair(span) for span in made.spans],
        gaps=[serializers.gap(one) for one in made.gaps],
        damage=[serializers.damage(one) for one in made.damage],
        events=[] if short else [serializers.event(one, recorder) for one in made.events],
        short_events=[_event(one, recorder) for one in made.events] if short else [],
        motion=MotionScores(
            begin_ms=made.motion.begin_ms,
            step_s=made.motion.step_s,
            data=base64.b64encode(made.motion.data).decode(),
        ),
    )


def _event(made: Event, recorder: RecorderService) -> LaneEventInfo:
    return LaneEventInfo(
        id=made.id,
        camera=made.camera,
        display_type=made.shown_kind,
        start_ms=made.start_ms,
        end_ms=made.end_ms,
        kept=made.kept,
        snapshot=serializers.snapshot_of(made),
        title=serializers.title_of(made, recorder),
    )


def _pair(span: Span) -> tuple[int, int]:
    return span.begin_ms, span.end_ms

"""Routes for a camera's detection: its settings, which owners change, and what helps to tune them."""

import math
from collections import Counter
from collections.abc import Mapping
from itertools import islice
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field, FiniteFloat, TypeAdapter, ValidationError
from starlette.responses import Response

from tawny.api import schemas, serializers
from tawny.api.auth.access import (
    Access,
    At,
    Note,
    OneCamera,
    OneEvent,
    Signed,
    caller_of,
    known_camera,
    parse_span,
    rule,
)
from tawny.api.context import AppContext, Context
from tawny.api.errors import RequestRefused, bad_input, bad_setting, not_found
from tawny.api.events.event_routes import no_event, note_marked
from tawny.api.request_handling import WorkerRoute
from tawny.api.schemas import ApiRequest, ApiResponse
from tawny.config.catalog import names_file
from tawny.config.changes import plain_table
from tawny.config.settings import DetectionSettings
from tawny.config.units import duration_text, share_text
from tawny.config.zones import Corners, PlaceName, Points
from tawny.detection.sound_classes import SoundSettings
from tawny.model.errors import FolderUnwritable, NotDone, SettingsError
from tawny.model.events import Event, kind_title
from tawny.model.geometry import Orientation, Rotation, grid_of
from tawny.model.ids import CameraId
from tawny.model.observations import Box
from tawny.model.times import Span
from tawny.model.validation import problem_text
from tawny.playback import trigger_simulation
from tawny.service import recorder
from tawny.storage.disk.layout import SOUND
from tawny.storage.index.protocol import all_events

# API schemas of a camera's detection settings. Answers have them too: no limit may be narrower than the settings' own,
# or what the file has could not be shown. What else the settings refuse, they refuse when a request is parsed.

Level = Annotated[int, Field(ge=1, le=100)]
Share = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0)]
Point = tuple[FiniteFloat, FiniteFloat]
Way = Literal["any", "left", "right", "up", "down"]
LineWay = Literal["both", "left-to-right", "right-to-left"]


class ZoneRequest(ApiRequest):
    """A zone. level: motion threshold; null: the camera's. smallest: minimum size as a share of the image."""

    name: PlaceName
    points: list[Point]
    level: Level | None = None
    smallest: Share = 0
    stay_s: Seconds = 0
    direction: Way = "any"
    loiter_s: Seconds = 0
    left_s: Seconds = 0
    alert: bool = False


class LineRequest(ApiRequest):
    name: PlaceName
    points: Annotated[list[Point], Field(min_length=2, max_length=2)]
    direction: LineWay = "both"


class AudioRequest(ApiRequest):
    listen: bool = False
    level: Level = 50
    hold_s: Annotated[float, Field(ge=0.5, le=60)] = 3
    model: str | None = None
    """What classifies sounds; empty: nothing; null: unchanged."""
    loud: bool | None = None
    """Loud sounds without a class are events, too; null: unchanged."""


class DetectionRequest(ApiRequest):
    """Detection settings of a camera.

    mask: areas that detection ignores. private: privacy masks. numbers: settings of the selected detector; empty while
    the detector changes: those it had before.
    """

    detector: str
    level: Level
    frames: Annotated[int, Field(ge=1, le=100)]
    within: Annotated[int, Field(ge=1, le=600)]
    mode: Literal["thorough", "balanced", "frugal"]
    decode: Literal["auto", "software"]
    zones: list[ZoneRequest]
    lines: list[LineRequest]
    mask: list[list[Point]]
    private: list[list[Point]]
    numbers: dict[str, FiniteFloat]
    sound: AudioRequest
    read: list[str] | None = None
    """Recognizers to use; null: unchanged."""
    alert: list[str] | None = None
    """Event types and labels that are alerts; null: unchanged."""


class DetectionChangeRequest(ApiRequest):
    """New detection settings. version: of the settings they are based on; null: overwrite any changes made since."""

    watch: DetectionRequest
    version: Annotated[str, Field(max_length=40)] | None = None


class DetectorNumber(ApiResponse):
    name: str
    usual: float
    least: float
    most: float
    whole: bool
    odd: bool


class DetectorInfo(ApiResponse):
    """A detector. numbers: its settings. values: those that this camera sets, also while another detector is in use."""

    name: str
    words: str
    numbers: list[DetectorNumber]
    values: dict[str, float]


class DetectionNotes(ApiResponse):
    """Statistics since detection started.

    groups: GOPs; slept: those of which only the keyframe was decoded. audits, misses: random checks of skipped GOPs and
    events they found. decodes_by: `software` or the name of a device. stream: the one used for detection.
    """

    stream: Literal["main", "sub"]
    looks: int
    late: int
    """Frames that were skipped because the computer was overloaded."""
    groups: int
    slept: int
    audits: int
    misses: int
    keyframe_gap_s: float | None
    sleeps: bool
    """Whether only keyframes are decoded while there is no motion."""
    decodes_by: str | None
    hardware: str
    """Why video is not decoded in hardware; empty if it is, or if hardware decoding is off."""


class DetectionInfo(ApiResponse):
    camera: str
    version: str
    watch: DetectionRequest
    kept: bool
    """Changes are saved in the settings file; otherwise they last until the recorder stops."""
    trouble: str
    """Problem with detection and its remedy; empty if none."""
    sound_trouble: str
    """Problem with sound detection; empty if none."""
    notes: DetectionNotes | None
    changed: recorder.DetectionChangedInfo | None
    readers: list[str]
    """Available recognizers."""
    sound_models: list[str]
    """What can classify sounds."""
    detectors: list[DetectorInfo]
    detector_when_on: str
    """While detection is off: the detector to turn it on with, which it had before."""


router = APIRouter(prefix="/api/v1", route_class=WorkerRoute)


@router.get("/cameras/{camera}/watching", dependencies=[rule(Access.VIEW)])
def watching(camera: OneCamera, context: Context) -> DetectionInfo:
    return _detection_info(context, camera)


@router.put("/cameras/{camera}/watching", dependencies=[rule(Access.OWN)])
def watch_otherwise(
    camera: OneCamera, body: DetectionChangeRequest, context: Context, request: Request, session: Signed
) -> DetectionInfo:
    """Change detection settings. Effective immediately, without interrupting recording.

    409 `changed`: they were changed in the meantime.
    """
    try:
        with context.changeable.changing():
            now = _found(context, camera)
            if body.version is not None and body.version != now.version:
                raise _changed_meanwhile(now, context.recorder.clock.now_ms())
            changed, masks = _settings(body.watch, now.watch)
            context.recorder.tuning.change(camera, changed, masks, session.person.name)
        context.accounts.note(
            "detection settings changed",
            session.person.name,
            caller_of(request),
            f"{camera}: {_what(now, changed, masks)}",
        )
    except SettingsError as error:
        raise bad_input(f"{error.problems[0].path.rpartition('.')[2]}: {error.problems[0].allowed}.") from error
    except (NotDone, FolderUnwritable) as error:
        raise RequestRefused(409, "not_saved", "The settings couldn't be changed.", error.do) from error
    return _detection_info(context, camera)


class OrientationRequest(ApiRequest):
    """rotate: degrees clockwise. mirror: then left and right are swapped."""

    rotate: Rotation
    mirror: bool


@router.put("/cameras/{camera}/orientation", dependencies=[rule(Access.OWN)])
def turn(
    camera: OneCamera, body: OrientationRequest, context: Context, request: Request, session: Signed
) -> DetectionInfo:
    """Turn a camera's image wherever it is shown, from its next keyframe on. Recording is not interrupted.

    Recorded video keeps its orientation. Zones, lines and masks stay on the same things.
    """
    try:
        context.recorder.tuning.turn(camera, Orientation(body.rotate, body.mirror), session.person.name)
    except SettingsError as error:
        raise bad_setting(error) from error
    except (NotDone, FolderUnwritable) as error:
        raise RequestRefused(409, "not_saved", error.message, error.do) from error
    detail = f"{camera}: {body.rotate} degrees{', mirrored' if body.mirror else ''}"
    context.accounts.note("camera turned", session.person.name, caller_of(request), detail)
    return _detection_info(context, camera)


def _what(now: recorder.DetectionView, after: DetectionSettings, masks: tuple[Points, ...]) -> str:
    """Return the names of the settings that differ."""
    one = plain_table(now.watch) | {"privacy_masks": now.privacy_masks}
    two = plain_table(after) | {"privacy_masks": masks}
    return ", ".join(sorted(key for key in one.keys() | two.keys() if one.get(key) != two.get(key))) or "nothing"


def _changed_meanwhile(now: recorder.DetectionView, now_ms: int) -> RequestRefused:
    if now.changed is None:
        return RequestRefused(
            409, "changed", "The settings file has changed in the meantime.", "Reload, or overwrite it."
        )
    n = max(0, now_ms - now.changed.at_ms) // 60_000
    ago = "just now" if not n else "a minute ago" if n == 1 else f"{n} minutes ago"  # as it is translated
    return RequestRefused(409, "changed", f"{now.changed.by} changed this {ago}.", "Reload, or overwrite it.")


def _found(context: AppContext, camera: CameraId) -> recorder.DetectionView:
    now = context.recorder.tuning.watching(camera)
    if now is None:
        raise not_found("Camera not found.")
    return now


def _detection_info(context: AppContext, camera: CameraId) -> DetectionInfo:
    now = _found(context, camera)
    return DetectionInfo(
        camera=camera,
        version=now.version,
        watch=_watch(now.watch, now.privacy_masks),
        kept=now.is_kept,
        trouble=now.trouble,
        sound_trouble=now.sound_trouble,
        notes=_notes(now.notes) if now.notes else None,
        changed=now.changed,
        readers=list(context.recorder.tuning.readers()),
        sound_models=list(context.recorder.tuning.sound_models()),
        detectors=[_detector(about, now.watch) for about in context.recorder.tuning.detectors()],
        detector_when_on=now.watch.detector_when_on,
    )


def _watch(watch: DetectionSettings, privacy_masks: tuple[Points, ...]) -> DetectionRequest:
    return DetectionRequest(
        detector=watch.detector,
        level=watch.threshold,
        frames=watch.frames,
        within=max(watch.within, watch.frames),
        mode=watch.effort,
        decode=watch.decode,
        zones=[
            ZoneRequest(
                name=name,
                points=list(zone.points),
                level=zone.threshold,
                smallest=round(zone.min_size, 6),
                stay_s=zone.min_time,
                direction=zone.direction,
                loiter_s=zone.loitering_after,
                left_s=zone.object_left_after,
                alert=zone.alert,
            )
            for name, zone in watch.zones.items()
        ],
        lines=[
            LineRequest(name=name, points=list(map(_shown_point, line.points)), direction=line.direction)
            for name, line in watch.lines.items()
        ],
        mask=[list(points) for points in watch.motion_masks],
        private=[list(points) for points in privacy_masks],
        numbers=_numbers(watch.options),
        sound=AudioRequest(
            listen=watch.sound.listen,
            level=watch.sound.level,
            hold_s=min(60.0, max(0.5, watch.sound.hold)),
            model=watch.sound.model,
            loud=watch.sound.loud,
        ),
        read=list(watch.recognize),
        alert=list(watch.alert_rules(is_named=True).types),
    )


def _shown_point(point: tuple[float, float]) -> Point:
    """Return a point of a line as JSON can say it: the file may have infinite numbers there, too."""
    x, y = (value if math.isfinite(value) else 0.0 for value in point)
    return x, y


_KEYS = {
    "detector": "detector", "level": "threshold", "frames": "frames", "within": "within", "mode": "effort",
    "decode": "decode", "mask": "motion_masks",
}  # fmt: skip
"""Field of the request: key in the settings."""


def _settings(body: DetectionRequest, now: DetectionSettings) -> tuple[DetectionSettings, tuple[Points, ...]]:
    """Return the requested detection settings and privacy masks; settings without a field stay as they are."""
    table: dict[str, Any] = plain_table(now)
    for field, key in _KEYS.items():
        table[key] = getattr(body, field)
    if body.detector in DetectionSettings.model_fields:  # its numbers would take the place of that setting
        raise bad_input("The detector can't be called like a setting.", "Choose one of the installed detectors.")
    if twice := _first_double([zone.name for zone in body.zones]):  # one of them would be lost
        raise bad_input(f"Two zones are called {twice}.", "Give each a name of its own.")
    if twice := _first_double([line.name for line in body.lines]):
        raise bad_input(f"Two lines are called {twice}.", "Give each a name of its own.")
    table["zones"] = {zone.name: _zone(zone) for zone in body.zones}
    table["lines"] = {line.name: {"points": line.points, "direction": line.direction} for line in body.lines}
    sound = {"listen": body.sound.listen, "level": body.sound.level, "hold": duration_text(body.sound.hold_s)}
    table["sound"] = {**table.get("sound", {}), **sound}
    if body.sound.loud is not None:
        table["sound"]["loud"] = body.sound.loud
    if body.sound.model is not None and body.sound.model != now.sound.model:
        if names_file("cameras.<id>.detection.sound.model", body.sound.model):
            raise bad_input("The sound model can't be a file here.", "Name it in the settings file.")
        table["sound"] |= {"model": body.sound.model, "labels": "", "input": "waveform"}
    if body.read is not None:
        table["recognize"] = body.read
    if body.alert is not None and tuple(body.alert) != now.alert_rules(is_named=True).types:
        table["alert"] = body.alert
    numbers = {key: int(value) if value == int(value) else value for key, value in body.numbers.items()}
    options = table.get(body.detector, {})
    if numbers or (options and body.detector == now.detector):  # a detector that was off keeps its numbers
        others = {key: value for key, value in options.items() if key not in _numbers(options)}
        table[body.detector] = others | numbers
    try:
        masks = TypeAdapter(tuple[Corners, ...]).validate_python(body.private)
        return DetectionSettings.model_validate(table), masks
    except ValidationError as error:
        first = error.errors()[0]
        raise bad_input(f"{problem_text(first)}.", "Correct it and try again.") from None


def _first_double(names: list[str]) -> str:
    """Return the first name that is there more than once; empty: none is."""
    return next((name for name, count in Counter(names).items() if count > 1), "")


def _zone(zone: ZoneRequest) -> Mapping[str, Any]:
    return {
        "points": zone.points,
        "threshold": zone.level,
        "min_size": share_text(zone.smallest),
        "min_time": duration_text(zone.stay_s),
        "direction": zone.direction,
        "loitering_after": duration_text(zone.loiter_s),
        "object_left_after": duration_text(zone.left_s),
        "alert": zone.alert,
    }


def _notes(notes: Mapping[str, Any]) -> DetectionNotes:
    return DetectionNotes(
        stream=notes["stream"], looks=notes["looks"], late=notes["skipped"], groups=notes["groups"],
        slept=notes["slept"], audits=notes["audits"], misses=notes["misses"], keyframe_gap_s=notes["gap_s"],
        sleeps=notes["may_sleep"], decodes_by=notes["decodes_by"], hardware=notes["hardware"],
    )  # fmt: skip


def _numbers(options: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers of a detector's table, which the interface can change; JSON has no infinite ones."""
    return {key: value for key, value in options.items() if type(value) in (int, float) and abs(value) <= 1e300}


def _detector(about: recorder.DetectorView, watch: DetectionSettings) -> DetectorInfo:
    return DetectorInfo(
        name=about.name,
        words=about.words,
        numbers=[
            DetectorNumber(
                name=name, usual=one.usual, least=one.least, most=one.most, whole=one.is_whole, odd=one.is_odd
            )
            for name, one in about.numbers.items()
        ],
        values=_numbers(watch.options_of(about.name)),
    )


# Routes for tuning detection: scores, simulation of another threshold, feedback, and suggested thresholds.

view = [rule(Access.VIEW)]
DAY_MS = 86_400_000
MOST_EVENTS = 2000
MOST_FOUND = 500
SOUND_KIND = "sound"
MOVING = frozenset({"motion", "person", "vehicle", "animal"})
"""Event types that result from motion scores."""
JOIN_MS = 3000
"""Maximum gap in ms between seconds with motion that are merged into one span."""
OneZone = Annotated[str, Query(max_length=40, pattern=r"^([a-z0-9]([a-z0-9-]*[a-z0-9])?)?$")]
AreaShare = Annotated[float, Query(ge=0, le=1)]


async def _area(x0: AreaShare, y0: AreaShare, x1: AreaShare, y1: AreaShare) -> Box:
    return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)


Area = Annotated[Box, Depends(_area)]


@router.get("/cameras/{camera}/motion", dependencies=view, response_class=Response)
def motion(camera: OneCamera, from_ms: At, to_ms: At, context: Context, zone: OneZone = "") -> Response:
    """Return motion scores, one byte per second: 0 to 100, 255 if not analyzed.

    `X-Begin-Ms`: time of the first byte. zone: scores of this zone only.
    """
    return _scores(camera, from_ms, to_ms, context, zone)


@router.get("/cameras/{camera}/sound", dependencies=view, response_class=Response)
def sound(camera: OneCamera, from_ms: At, to_ms: At, context: Context) -> Response:
    """Return sound levels like `/motion`: 50 is 15 dB above background noise, 255 if not analyzed."""
    return _scores(camera, from_ms, to_ms, context, SOUND)


class DetectedSoundInfo(ApiResponse):
    """A class of sounds. score: newest, best: highest, 0..1. is_event: the newest score is enough for an event."""

    label: str
    title: str
    score: float
    best: float
    at_ms: int
    count: int
    is_event: bool


class DetectedSoundList(ApiResponse):
    items: list[DetectedSoundInfo]


@router.get("/cameras/{camera}/sounds", dependencies=view)
def sounds(camera: OneCamera, context: Context) -> DetectedSoundList:
    """Return the classes of sounds since the settings were changed, newest first. Empty without a sound model."""
    now = _found(context, known_camera(camera, context))
    wanted = SoundSettings(now.watch.sound.sure, now.watch.sound.thresholds)
    return DetectedSoundList(
        items=[
            DetectedSoundInfo(
                label=one.name, title=kind_title(SOUND_KIND, one.name), score=round(one.score, 3),
                best=round(one.best, 3), at_ms=one.at_ms, count=one.count,
                is_event=one.score >= wanted.least(one.name),
            )
            for one in context.recorder.tuning.sounds(camera)
        ]
    )  # fmt: skip


def _scores(camera: OneCamera, from_ms: int, to_ms: int, context: Context, zone: str) -> Response:
    span = parse_span(from_ms, to_ms, 8)
    known = known_camera(camera, context)
    scores = context.recorder.zone_scores(known, zone, span) if zone else context.recorder.scores(known, span)
    begin = {"X-Begin-Ms": str(span.begin_ms // 1000 * 1000), "Cache-Control": "private, no-store"}
    return Response(scores, media_type="application/octet-stream", headers=begin)


@router.post("/cameras/{camera}/threshold-preview", dependencies=view)
def what_if(
    camera: OneCamera, body: schemas.TriggerSimulationRequest, context: Context
) -> schemas.TriggerSimulationResponse:
    """Simulate another motion threshold, for the last 24 hours or the given time."""
    span = _span(context, body.from_ms, body.to_ms)
    stored = _stored(context, known_camera(camera, context), span)
    made = trigger_simulation.simulate_trigger(*stored, span, body.level, _in_use(context, camera))
    return schemas.TriggerSimulationResponse(
        level=body.level,
        from_ms=span.begin_ms,
        to_ms=span.end_ms,
        still=[event.id for event in made.still],
        missed=[serializers.event(event, context.recorder) for event in made.missed],
        newly=list(made.newly),
        unknown=[event.id for event in made.unknown],
    )


@router.get("/cameras/{camera}/proposal", dependencies=view)
def proposal(
    camera: OneCamera, context: Context, reason: schemas.WhyFalse, days: Annotated[int, Query(ge=1, le=30)] = 7
) -> schemas.LevelProposalInfo:
    """Suggest a threshold that removes false alarms with this reason.

    level null: too few false alarms; or, if `leaves` lists them, no threshold removes them without losing other events.
    """
    now_ms = context.recorder.clock.now_ms()
    span = Span(now_ms - days * DAY_MS, now_ms)
    events, scores = _stored(context, known_camera(camera, context), span)
    in_use = _in_use(context, camera)
    made = trigger_simulation.propose_level(events, scores, span, reason, in_use)
    if made is None:
        still = trigger_simulation.let_through(events, scores, span, in_use)
        false: list[str] = [event.id for event, _ in still if event.false_alarm == reason]
        return schemas.LevelProposalInfo(
            level=None, removes=[], leaves=false if len(false) >= trigger_simulation.ENOUGH_FALSE else [], loses=[]
        )
    return schemas.LevelProposalInfo(
        level=made.level,
        removes=[event.id for event in made.removes],
        leaves=[event.id for event in made.leaves],
        loses=[serializers.event(event, context.recorder) for event in made.loses],
    )


@router.post("/events/{event}/feedback", dependencies=[rule(Access.DIRECT)])
def feedback(event: OneEvent, body: schemas.FeedbackRequest, note: Note, context: Context) -> schemas.EventInfo:
    """Store feedback: false alarm with its reason, or the correct type. An empty value removes it.

    Feedback marks the event as reviewed, removing it doesn't change that.

    Members and owners; in the audit log.
    """
    is_seen = True if body.false_alarm or body.labeled_as else None  # feedback that is taken back says nothing of it
    marked = context.recorder.mark_event(event, reviewed=is_seen, false_alarm=body.false_alarm, said=body.labeled_as)
    if marked is None:
        raise no_event()
    words = [body.false_alarm and f"false alarm: {body.false_alarm}", body.labeled_as]
    what = ", ".join(word for word in words if word) or "feedback removed"
    note_marked(note, f"event feedback: {what}", [marked])
    return serializers.event(marked, context.recorder)


@router.get("/cameras/{camera}/search", dependencies=view)
def search(camera: OneCamera, from_ms: At, to_ms: At, context: Context, area: Area) -> schemas.MotionSearchHit:
    """Return when there was motion in an area of the image, newest first."""
    span, wanted = parse_span(from_ms, to_ms), grid_of(area)
    found: list[schemas.SpanMs] = []
    for at_ms, grid in context.recorder.grids(known_camera(camera, context), span):
        if not grid & wanted:
            continue
        begin_ms = found.pop()[0] if found and at_ms - found[-1][1] <= JOIN_MS else at_ms
        found.append((begin_ms, at_ms + 1000))
    return schemas.MotionSearchHit(spans=found[: -MOST_FOUND - 1 : -1])


def _in_use(context: AppContext, camera: CameraId) -> int:
    """Return the threshold in use; the default if unknown."""
    watching = context.recorder.tuning.watching(camera)
    return trigger_simulation.LINE if watching is None else watching.watch.threshold


def _span(context: AppContext, from_ms: int | None, to_ms: int | None) -> Span:
    end_ms = context.recorder.clock.now_ms() if to_ms is None else to_ms
    return parse_span(end_ms - DAY_MS if from_ms is None else from_ms, end_ms, 8)


def _stored(context: AppContext, camera: CameraId, span: Span) -> tuple[list[Event], bytes]:
    """Return events that began in the span, newest first, and its motion scores."""
    index = context.recorder.index
    found = all_events(lambda after: index.events(span, cameras=[camera], after=after, limit=200))
    began = [
        event
        for event in islice(found, MOST_EVENTS)
        if span.begin_ms <= event.start_ms < span.end_ms and event.kind in MOVING
    ]
    return began, context.recorder.scores(camera, span)

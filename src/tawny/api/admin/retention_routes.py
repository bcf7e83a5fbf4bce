"""Routes for retention, for owners; problems and the self-test, for all users."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from tawny.api.auth.access import MOST_LISTED, Access, Note, Signed, rule
from tawny.api.context import AppContext, Context
from tawny.api.errors import RequestRefused, bad_field
from tawny.api.request_handling import WorkerRoute
from tawny.api.schemas import ApiRequest, ApiResponse, OkResponse, WarningInfo
from tawny.api.serializers import camera_name
from tawny.config.retention import Count
from tawny.config.units import size_text
from tawny.model.errors import FolderUnwritable, NotDone, SettingsError
from tawny.model.ids import CameraId
from tawny.model.segments import Segment
from tawny.service.health.monitor import CheckInInfo
from tawny.service.health.self_test import SelfTest
from tawny.service.retention.retention_service import RetentionConflict, RetentionRequest, VolumeRetentionInfo
from tawny.storage.retention.planning import RemovalPlan
from tawny.storage.retention.removal import Removal

# API schemas of retention, problems and the self-test. Answers have those of requests, too: no limit may be narrower
# than the settings' own, or what the file has could not be shown.


class StreamRetentionRequest(ApiRequest):
    """Retention of sub streams, in the notation of the settings file: `14 days`, `200 GB`; null: same as the main
    stream.
    """

    min: str | None = None
    max: str | None = None
    max_size: str | None = None
    max_files: Count | None = None
    keyframes_after: str | None = None


class CameraRetentionRequest(StreamRetentionRequest):
    """Retention of all cameras or one. null: no limit, or the common setting.

    events: minimum by type, `other` for the rest.
    """

    events: dict[str, str] | None = None
    min_free: str | None = None
    sub: StreamRetentionRequest | None = None


class RetentionChangeRequest(ApiRequest):
    """New retention settings.

    cameras: by ID. Cameras not given stay unchanged; an empty entry removes the camera's own settings.
    """

    everyone: CameraRetentionRequest
    cameras: Annotated[dict[str, CameraRetentionRequest], Field(max_length=MOST_LISTED)] = Field(default_factory=dict)
    remove: bool = False
    """Confirm that recordings may be deleted now."""
    version: Annotated[str, Field(max_length=64)] | None = None
    """Version of the settings that were shown; null: overwrite any changes made since."""


class CameraRetentionInfo(ApiResponse):
    id: str
    name: str
    own: CameraRetentionRequest
    used_bytes: int
    day_bytes: float | None
    promised_s: float
    fits_s: float | None
    oldest_ms: int | None


class RemovedCameraRetention(ApiResponse):
    """A removed camera of which recordings are left. name: `Front door (removed)`."""

    id: str
    name: str
    used_bytes: int


class RetentionInfo(ApiResponse):
    version: str
    """Pass it back when changing."""
    everyone: CameraRetentionRequest
    in_file: bool
    """Changes are saved in the settings file; otherwise they last until tawny stops."""
    cameras: list[CameraRetentionInfo]
    removed: list[RemovedCameraRetention]
    volumes: list[VolumeRetentionInfo]
    locked: int
    locked_bytes: int
    warnings: list[WarningInfo]
    fits: bool | None
    """Whether all minimum retention times fit; null while not known."""
    outlook: str
    """How far back recordings will go, in a sentence."""


class DryRunRequest(ApiRequest):
    """Preview. ahead_h: include deletions within this many hours, at the current rate. change: with these settings."""

    ahead_h: Annotated[float, Field(ge=0, le=24 * 31)] = 0.0
    change: RetentionChangeRequest | None = None


class RemovalInfo(ApiResponse):
    """Recordings of one camera and local day, with one reason. at_ms: an instant that has an image."""

    camera: str
    name: str
    day_ms: int
    at_ms: int
    seconds: float
    size_bytes: int
    files: int
    why: str
    breaks_promise: bool
    thinned: bool
    """Reduced to keyframes instead of deleted."""


class RemovalPlanInfo(ApiResponse):
    items: list[RemovalInfo]
    more: int
    """Number of groups not listed."""
    size_bytes: int
    files: int
    thinned_files: int
    """Files that are reduced to keyframes. With `change`: also later, at most 20,000, but not those of the present
    settings."""
    missing_bytes: int
    """Bytes that should be deleted but can't, because everything else is protected."""
    breaks_promise: bool


class AlarmInfo(ApiResponse):
    what: str
    camera: str | None
    since_ms: int
    detail: str
    hint: str


class CareInfo(ApiResponse):
    alarms: list[AlarmInfo]
    self_test: SelfTest | None
    testing: bool
    check_in: CheckInInfo | None


router = APIRouter(prefix="/api/v1", route_class=WorkerRoute)
own = [rule(Access.OWN)]
MOST_GROUPS = 200


@router.get("/retention", dependencies=own)
def retention(context: Context) -> RetentionInfo:
    """Return retention settings, space used, and whether the minimum retention fits."""
    return _kept(context)


@router.post("/retention/dry-run", dependencies=own)
def dry_run(body: DryRunRequest, context: Context) -> RemovalPlanInfo:
    """Return what would be deleted or reduced to keyframes, and why. Deletes nothing."""
    ahead_s = body.ahead_h * 3600
    if body.change is None:
        return _going(context, _plan(context, None, ahead_s))
    then = _plan(context, _asked(body.change), ahead_s)
    if then.thinnings:
        now = _plan(context, context.keeping.now().request, ahead_s)
        then = replace(then, thinnings=_also_thinned(now, then))
    return _going(context, then)


@router.put("/retention", dependencies=own)
def keep_otherwise(body: RetentionChangeRequest, signed: Signed, note: Note, context: Context) -> RetentionInfo:
    """Change retention; effective immediately.

    409 `changed`: it was changed in the meantime. 409 `would_remove`: it would delete recordings, or reduce them to
    keyframes, that current settings keep; set `remove` to confirm.
    """
    change = _asked(body)

    with _in_words():
        context.keeping.refuse_changed(body.version)
    if not body.remove:
        _refuse_loss(_plan(context, context.keeping.now().request, 0.0), _plan(context, change, 0.0))
    with _in_words():
        context.keeping.change(change, signed.person.name, body.version)
    note("retention changed", "")
    return _kept(context)


def _refuse_loss(now: RemovalPlan, then: RemovalPlan) -> None:
    """Raise RequestRefused if other recordings than now would be deleted, or be reduced to keyframes."""
    known = {one.segment.id for one in now.removals}
    gone = [one.segment for one in then.removals if one.segment.id not in known]
    thinned = len(_also_thinned(now, then))
    if not gone and not thinned:
        return
    size_bytes = sum(one.size_bytes for one in gone)
    sentences = [f"This would delete {len(gone)} files ({size_text(size_bytes)}) now."] if gone else []
    sentences += [f"This would reduce {thinned} files to keyframes now."] if thinned else []
    more = {"size_bytes": size_bytes, "files": len(gone), "thinned_files": thinned}
    todo = "Check what would be deleted, then save and delete." if gone else "Check what would be reduced, then save."
    raise RequestRefused(409, "would_remove", " ".join(sentences), todo, more)


def _also_thinned(now: RemovalPlan, then: RemovalPlan) -> list[Removal]:
    """Return what the second plan reduces to keyframes, and the first neither reduces nor deletes."""
    known = {one.segment.id for one in (*now.removals, *now.thinnings)}
    return [one for one in then.thinnings if one.segment.id not in known]


@router.get("/monitoring", dependencies=[rule(Access.VIEW)])
async def care(context: Context) -> CareInfo:
    """Return current problems, the result of the last self-test, and the state of the heartbeat."""
    now = context.caring.now()
    return CareInfo(
        alarms=[
            AlarmInfo(what=one.what, camera=one.camera, since_ms=one.since_ms, detail=one.detail, hint=one.do)
            for one in context.recorder.alarms()
        ],
        self_test=now.self_test,
        testing=now.is_testing,
        check_in=now.check_in,
    )


@router.post("/self-test", dependencies=own)
async def test_now(context: Context) -> OkResponse:
    """Start a self-test; `/monitoring` returns its result."""
    context.caring.test_now()
    return OkResponse()


@contextmanager
def _in_words() -> Iterator[None]:
    """Convert settings errors to API errors."""
    try:
        yield
    except RetentionConflict as other:
        who = (
            f"{other.by} has changed this meanwhile."
            if other.by
            else "This was changed in the settings file meanwhile."
        )
        raise RequestRefused(409, "changed", who, "Reload, or overwrite it.") from None
    except SettingsError as error:
        raise bad_field(error) from error
    except (NotDone, FolderUnwritable) as error:
        raise RequestRefused(409, "not_saved", "The settings couldn't be changed.", error.do) from error


def _plan(context: AppContext, change: RetentionRequest | None, ahead_s: float) -> RemovalPlan:
    with _in_words():
        return context.keeping.plan(change, ahead_s)


def _asked(change: RetentionChangeRequest) -> RetentionRequest:
    return RetentionRequest(
        change.everyone.model_dump(exclude_none=True),
        {CameraId(name): keep.model_dump(exclude_none=True) for name, keep in change.cameras.items()},
    )


def _kept(context: AppContext) -> RetentionInfo:
    now = context.keeping.now()
    return RetentionInfo(
        version=now.request.version,
        everyone=CameraRetentionRequest.model_validate(now.request.everyone),
        in_file=now.is_in_file,
        cameras=[
            CameraRetentionInfo(
                id=one.id,
                name=camera_name(context.recorder, one.id),
                own=CameraRetentionRequest.model_validate(now.request.cameras.get(one.id, {})),
                used_bytes=one.used_bytes,
                day_bytes=one.day_bytes,
                promised_s=one.promised_s,
                fits_s=one.fits_s,
                oldest_ms=one.oldest_ms,
            )
            for one in now.cameras
        ],
        removed=[
            RemovedCameraRetention(id=camera, name=camera_name(context.recorder, camera), used_bytes=used_bytes)
            for camera, used_bytes in now.removed.items()
        ],
        volumes=list(now.volumes),
        locked=now.locked,
        locked_bytes=now.locked_bytes,
        warnings=[WarningInfo(message=one.message, hint=one.do) for one in now.warnings],
        fits=now.fits,
        outlook=now.outlook,
    )


def _going(context: AppContext, plan: RemovalPlan) -> RemovalPlanInfo:
    removed = _groups(context, [(one.segment, one.why, one.breaks_promise) for one in plan.removals], thinned=False)
    thinned = _groups(context, [(one.segment, one.why, False) for one in plan.thinnings], thinned=True)
    groups = [*removed, *thinned]
    return RemovalPlanInfo(
        items=groups[:MOST_GROUPS],
        more=max(0, len(groups) - MOST_GROUPS),
        size_bytes=plan.size_bytes,
        files=len(plan.removals),
        thinned_files=len(plan.thinnings),
        missing_bytes=plan.missing_bytes,
        breaks_promise=plan.breaks_promise,
    )


def _groups(context: AppContext, going: Iterable[tuple[Segment, str, bool]], *, thinned: bool) -> list[RemovalInfo]:
    """Return groups by camera, day and reason, in order of deletion."""
    found: dict[tuple[CameraId, int, str, bool], list[Segment]] = {}
    for segment, why, breaks_promise in going:
        found.setdefault((segment.camera, _day_ms(context, segment.start_ms), why, breaks_promise), []).append(segment)
    return [
        RemovalInfo(
            camera=camera,
            name=camera_name(context.recorder, camera),
            day_ms=day_ms,
            at_ms=segments[len(segments) // 2].start_ms,
            seconds=sum(one.span.seconds for one in segments),
            size_bytes=sum(one.size_bytes for one in segments),
            files=len(segments),
            why=why,
            breaks_promise=breaks_promise,
            thinned=thinned,
        )
        for (camera, day_ms, why, breaks_promise), segments in found.items()
    ]


def _day_ms(context: AppContext, at_ms: int) -> int:
    local = datetime.fromtimestamp(at_ms / 1000, context.zone)
    return round(local.replace(hour=0, minute=0, second=0, microsecond=0).timestamp() * 1000)

"""JSON format of `--json` output and control socket responses: plain objects with UTC times in RFC 3339."""

from typing import TYPE_CHECKING, Any

from tawny.model.damage import DamagedSpan, DamageSum
from tawny.model.events import Event, shown_level
from tawny.model.messages import (
    ActionPlanned,
    Alarm,
    CameraTurned,
    DamageFound,
    EventChanged,
    FileFinished,
    GapChanged,
    HoldChanged,
    HoleFound,
    Message,
    ModeChanged,
    PartDied,
    PeopleChanged,
    RunEnded,
    RunStarted,
    Scored,
    SegmentClosed,
    StatusChanged,
)
from tawny.model.segments import Gap, GapEvidence, GapReason, Segment, gap_words
from tawny.model.states import CameraCount
from tawny.model.times import Span, utc_text

if TYPE_CHECKING:  # commands that only print need no decoder
    from tawny.service.detection.reclassification import ReclassificationInfo
    from tawny.service.health.camera_health import CameraHealth, RecorderHealth
    from tawny.service.updates import UpdateCheck
    from tawny.service.visits import EventVisit


def utc_text_or_none(ms: int | None) -> str | None:
    return None if ms is None else utc_text(ms)


def event(this: Event) -> dict[str, Any]:
    return {
        "id": this.id,
        "camera": this.camera,
        "type": this.kind,
        "start": utc_text(this.start_ms),
        "end": utc_text_or_none(this.end_ms),
        "score": this.score,
        "zones": list(this.zones),
        "objects": [{"label": seen.label, "score": seen.score} for seen in this.objects],
        "recognized": [{"by": one.by, "text": one.text, "score": one.score} for one in this.reads],
        "possible": [],
        "possible_type": "",
        "labeled_as": this.said,
        "level": shown_level(this).value,
        "muted": bool(this.muted),
        "kept": this.kept,
        "reviewed": this.reviewed,
        "snapshot": None if this.picture_ms is None else f"/media/{this.id}.jpg",
        "clip": f"/media/{this.id}.mp4",
    }


def visit(this: "EventVisit") -> dict[str, Any]:
    return {
        "id": this.id,
        "type": this.kind,
        "level": this.level.value,
        "start": utc_text(this.start_ms),
        "end": utc_text_or_none(this.end_ms),
        "cameras": list(this.cameras),
        "best": event(this.best),
        "events": [one.id for one in this.events],
    }


def gap(this: Gap) -> dict[str, Any]:
    return {
        "start": utc_text(this.begin_ms),
        "end": utc_text_or_none(this.end_ms),
        "reason": this.reason.value,
        "words": gap_words(this),
        "detail": this.detail,
        "evidence": evidence(this.evidence),
    }


def evidence(this: GapEvidence | None) -> dict[str, Any] | None:
    """Return the evidence for a gap; None if no connection to the camera was attempted."""
    if this is None:
        return None
    return {
        "word": this.word,
        "last_unit": utc_text_or_none(this.last_unit_ms),
        "last_byte": utc_text_or_none(this.last_byte_ms),
        "packets_missing": this.packets_missing,
        "rubbish_bytes": this.rubbish_bytes,
        "attempts": this.attempts,
        "peer_status": this.peer_status,
    }


def damage(this: DamagedSpan) -> dict[str, Any]:
    """Return a span of recorded time with damaged frames."""
    return {
        "start": utc_text(this.begin_ms),
        "end": utc_text(this.end_ms),
        "stream": this.stream.value,
        "pictures": this.units,
        "packets_missing": this.packets,
    }


def damage_sum(this: DamageSum) -> dict[str, Any]:
    """Return the totals of damage."""
    return {
        "spans": this.spans,
        "seconds": this.seconds,
        "pictures": this.units,
        "packets_missing": this.packets,
    }


def span(this: Span, stream: str) -> dict[str, Any]:
    return {"start": utc_text(this.begin_ms), "end": utc_text(this.end_ms), "stream": stream}


def status(health: "RecorderHealth") -> dict[str, Any]:
    """Return the state of the recorder."""
    disk = health.disk
    return {
        "ok": health.ok,
        "working": health.working,
        "expected": health.expected,
        "summary": health.summary,
        "counts": {one.value: health.counts.get(one, 0) for one in CameraCount},
        "cameras": [camera(this) for this in health.cameras],
        "disk": None
        if disk is None
        else {
            "free_bytes": disk.free_bytes,
            "full_at": utc_text_or_none(disk.full_at_ms),
            "keeps_days": disk.keeps_days,
            "fits": disk.fits,
            "outlook": disk.outlook,
        },
        "warnings": [{"message": warning.message, "hint": warning.do} for warning in health.warnings],
    }


def newer_version(this: "UpdateCheck") -> dict[str, str] | None:
    """Return a newer version and the URL of its release notes; None if none is known."""
    newest = this.state.newest
    return {"version": newest.version, "notes": newest.notes} if newest and this.state.is_newer else None


def reclassification(this: "ReclassificationInfo | None") -> dict[str, Any] | None:
    """Return the progress of classifying the last days' events again; None where there is none, or it is over."""
    return None if this is None or this.is_over else {"model": this.model, "done": this.done, "total": this.total}


def camera(health: "CameraHealth") -> dict[str, Any]:
    this, today = health.status, health.today
    return {
        "id": this.id,
        "name": this.name,
        "state": this.state.value,
        "undetected": this.is_undetected,
        "since": utc_text(this.since_ms),
        "detail": this.detail,
        "last_packet": utc_text_or_none(this.last_packet_ms),
        "fps": this.fps,
        "bit_rate": this.bit_rate,
        "clock_offset_s": this.clock_offset_s,
        "latency_s": this.latency_s,
        "recorded_today": today.share,
        "gaps_today": today.gaps,
        "damage_today": damage_sum(today.damage),
    }


def segment(this: Segment) -> dict[str, Any]:
    return {
        "id": this.id,
        "stream": this.stream.value,
        "start": utc_text(this.start_ms),
        "end": utc_text(this.end_ms),
        "size_bytes": this.size_bytes,
    }


def file(this: FileFinished) -> dict[str, Any]:
    return {
        "set": this.set,
        "name": this.name,
        "start": utc_text(this.start_ms),
        "end": utc_text(this.end_ms),
        "size_bytes": this.size_bytes,
        "event": this.event,
    }


def message(this: Message, now_ms: int) -> dict[str, Any] | None:
    """Return a message for clients that follow events; None if it is not for them."""
    match this:
        case EventChanged(what, changed):
            return _fields(f"event.{what}", changed.id, changed.camera, changed.start_ms, event=event(changed))
        case SegmentClosed(closed):
            return _fields("segment.closed", closed.id, closed.camera, closed.end_ms, segment=segment(closed))
        case FileFinished():
            return _fields("file.finished", this.name, this.camera, this.end_ms, file=file(this))
        case GapChanged(changed):  # what a person deleted is no news: it was recorded
            return None if changed.reason is GapReason.REMOVED else _gap_fields(changed)
        case DamageFound(found):
            which = f"{found.camera}-{found.stream}-{found.begin_ms}"
            return _fields("damage.found", which, found.camera, found.end_ms, damage=damage(found))
        case StatusChanged(status):
            state = {"state": status.state.value, "detail": status.detail}
            return _fields("camera.state", status.id, status.id, status.since_ms, **state)
        case PartDied(part, error):
            return _fields("recorder.part_failed", part, None, now_ms, error=error)
        case (
            RunStarted()
            | RunEnded()
            | HoleFound()
            | Scored()
            | CameraTurned()
            | ActionPlanned()
            | Alarm(is_forgotten=True)
        ):
            return None  # of a forgotten problem it isn't known whether it has ended
        case Alarm(what, camera_id, since_ms, detail, until_ms, _, changed_ms):
            kind = "problem.started" if until_ms is None else "problem.ended"
            return _fields(kind, what, camera_id, until_ms or changed_ms or since_ms, detail=detail)
        case ModeChanged(mode, by, _, at_ms):
            return _fields("mode.changed", mode, None, at_ms, mode=mode, by=by)
        case PeopleChanged() | HoldChanged():
            return _by_people(this)


def _by_people(this: PeopleChanged | HoldChanged) -> dict[str, Any]:
    if isinstance(this, PeopleChanged):
        return _fields("people.changed", "home", None, this.at_ms, home=list(this.home))
    until = utc_text_or_none(this.until_ms)
    return _fields("camera.told", this.what or "nothing", this.camera, this.at_ms, by=this.by, until=until)


def _gap_fields(this: Gap) -> dict[str, Any]:
    what = "gap.started" if this.end_ms is None else "gap.ended"
    at_ms = this.begin_ms if this.end_ms is None else this.end_ms
    return _fields(what, f"{this.camera}-{this.begin_ms}", this.camera, at_ms, gap=gap(this))


def _fields(kind: str, which: str, camera_id: str | None, at_ms: int, **more: Any) -> dict[str, Any]:
    return {"type": kind, "id": which, "camera": camera_id, "time": utc_text(at_ms), **more}

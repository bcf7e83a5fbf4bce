"""Conversion of the recorder's values to API schemas."""

from tawny.api import schemas
from tawny.api.auth.accounts import Account
from tawny.model.damage import DAMAGE_WORDS, DamagedSpan, damage_detail
from tawny.model.events import Event, actor_name, event_title, shown_level
from tawny.model.ids import CameraId
from tawny.model.observations import ObjectPath
from tawny.model.segments import Gap, GapEvidence, Segment, gap_words
from tawny.model.states import CameraCount
from tawny.model.times import utc_text
from tawny.playback import timeline
from tawny.service.health.camera_health import AAC, CameraHealth, RecorderHealth
from tawny.service.recorder import RecorderService
from tawny.service.system_actions import SystemActions
from tawny.service.visits import EventVisit
from tawny.storage.disk.layout import is_open, is_sealed, is_thinned


def user(person: Account) -> schemas.User:
    return schemas.User.model_validate(
        {"id": person.id, "name": person.name, "role": person.role.value, "ends_ms": person.ends_ms}
    )


def event(made: Event, recorder: RecorderService) -> schemas.EventInfo:
    return schemas.EventInfo(
        id=made.id,
        camera=made.camera,
        type=made.kind,
        start=utc_text(made.start_ms),
        end=None if made.end_ms is None else utc_text(made.end_ms),
        start_ms=made.start_ms,
        end_ms=made.end_ms,
        score=made.score,
        box=made.box,
        zones=list(made.zones),
        objects=list(made.objects),
        kept=made.kept,
        reviewed=made.reviewed,
        false_alarm=made.false_alarm,
        recognized=[
            schemas.ReadInfo(by=one.by, text=one.text, score=one.score, known=recorder.called(one))
            for one in made.reads
        ],
        possible=[],
        possible_type="",
        labeled_as=made.said,
        muted=bool(made.muted),
        display_type=made.shown_kind,
        level=shown_level(made).value,
        snapshot=snapshot_of(made),
        clip=f"/media/{made.id}.mp4",
        title=title_of(made, recorder),
    )


def snapshot_of(made: Event) -> str | None:
    return None if made.picture_ms is None else f"/media/{made.id}.jpg"


def title_of(made: Event, recorder: RecorderService) -> str:
    return f"{actor_name(made, recorder.called) or event_title(made)} · {camera_name(recorder, made.camera)}"


def event_object(made: ObjectPath) -> schemas.EventObjectInfo:
    return schemas.EventObjectInfo(
        track=made.track,
        kind=made.kind,
        label=made.label,
        score=made.score,
        start_ms=made.path[0].at_ms,
        end_ms=made.path[-1].at_ms,
        path=[(point.at_ms, *point.box) for point in made.path],
    )


def visit(made: EventVisit, recorder: RecorderService) -> schemas.VisitInfo:
    first, *others = [camera_name(recorder, camera) for camera in made.cameras]
    way = f": {first} → {others[-1]}" if others else f" at {first}"
    return schemas.VisitInfo(
        id=made.id,
        title=f"{actor_name(made.best, recorder.called) or event_title(made.best)}{way}",
        type=made.kind,
        level=made.level.value,
        start=utc_text(made.start_ms),
        end=None if made.end_ms is None else utc_text(made.end_ms),
        start_ms=made.start_ms,
        end_ms=made.end_ms,
        cameras=list(made.cameras),
        new=sum(not one.reviewed for one in made.events),
        best=event(made.best, recorder),
        events=[event(one, recorder) for one in made.events],
    )


def camera_name(recorder: RecorderService, camera: CameraId) -> str:
    """Return the camera's name, also of a removed one; its ID if the settings don't know it."""
    return recorder.camera_names().get(camera) or recorder.removed_cameras().get(camera, camera)


def gap(made: Gap) -> schemas.GapInfo:
    return schemas.GapInfo(
        begin_ms=made.begin_ms,
        end_ms=made.end_ms,
        reason=made.reason.value,
        words=gap_words(made),
        detail=made.detail,
        tone=timeline.gap_tone(made),
        evidence=evidence(made.evidence) if made.evidence else None,
    )


def evidence(made: GapEvidence) -> schemas.EvidenceInfo:
    return schemas.EvidenceInfo(
        word=made.word,
        last_unit_ms=made.last_unit_ms,
        last_byte_ms=made.last_byte_ms,
        packets_missing=made.packets_missing,
        rubbish_bytes=made.rubbish_bytes,
        attempts=made.attempts,
        peer_status=made.peer_status,
    )


def damage(made: DamagedSpan) -> schemas.DamageInfo:
    return schemas.DamageInfo(
        begin_ms=made.begin_ms,
        end_ms=made.end_ms,
        stream=made.stream.value,
        pictures=made.units,
        packets_missing=made.packets,
        words=DAMAGE_WORDS,
        detail=damage_detail(made),
    )


def camera_gap(made: Gap) -> schemas.CameraGap:
    return schemas.CameraGap(camera=made.camera, **gap(made).model_dump())


def camera_damage(made: DamagedSpan) -> schemas.CameraDamage:
    return schemas.CameraDamage(camera=made.camera, **damage(made).model_dump())


def playable(segment: Segment) -> schemas.PlayableInfo:
    return schemas.PlayableInfo(
        id=segment.id,
        start_ms=segment.start_ms,
        end_ms=segment.end_ms,
        video=segment.video,
        audio=AAC if segment.audio in ("ulaw", "alaw") else segment.audio,
        url=f"/media/{segment.id}/play",
        stream=segment.stream.value,
        open=is_open(segment),
        thinned=is_thinned(segment),
        sealed=is_sealed(segment.path),
    )


def health(made: RecorderHealth, system: SystemActions) -> schemas.Health:
    return schemas.Health(
        ok=made.ok,
        working=made.working,
        expected=made.expected,
        chosen_off=made.chosen_off,
        summary=made.summary,
        trouble=made.trouble,
        counts=schemas.CameraCounts(**{one.value: made.counts.get(one, 0) for one in CameraCount}),
        cameras=[camera(one) for one in made.cameras],
        disk=made.disk,
        warnings=[schemas.WarningInfo(message=one.message, hint=one.do) for one in made.warnings],
        started_ms=made.started_ms,
        now_ms=made.now_ms,
        planned=_planned(system),
        stopped=system.stopped(),
    )


def _planned(system: SystemActions) -> schemas.PlannedActionInfo | None:
    planned = system.planned
    if planned is None:
        return None
    return schemas.PlannedActionInfo(action=planned.action, by=planned.by, at_ms=planned.at_ms)


def camera(made: CameraHealth) -> schemas.CameraInfo:
    status, today = made.status, made.today
    return schemas.CameraInfo(
        id=status.id,
        name=status.name,
        state=status.state.value,
        since_ms=status.since_ms,
        detail=status.detail,
        last_packet_ms=status.last_packet_ms,
        fps=status.fps,
        bit_rate=status.bit_rate,
        clock_offset_s=status.clock_offset_s,
        latency_s=status.latency_s,
        recorded_today=today.share,
        gaps_today=today.gaps,
        damage_today=schemas.DamageToday(
            spans=today.damage.spans,
            seconds=today.damage.seconds,
            pictures=today.damage.units,
            packets_missing=today.damage.packets,
        ),
        streams=schemas.StreamsInfo(main=made.main, sub=made.sub),
        audio=any(one.audio for one in (made.main, made.sub) if one),
        where=made.where,
        rotate=made.orientation.rotate,
        mirror=made.orientation.mirror,
        lens=made.lens,
        undetected=status.is_undetected,
        is_phone=made.is_phone,
        mask=schemas.MaskInfo(
            effect="hidden", burned_in=made.burns_in, parts=[list(part.points) for part in made.masks]
        ),
    )

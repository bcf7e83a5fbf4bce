"""JSON records of gaps, damage and events in the history: every field by name, instants in ms UTC.

Required fields are validated. Unknown fields are ignored, so that an older tawny can read a newer history.
"""

from collections.abc import Mapping
from typing import Any

from tawny.model.damage import DamagedSpan
from tawny.model.events import Event, SeenObject
from tawny.model.gaps import Gap, GapEvidence, GapReason
from tawny.model.ids import CameraId, EventId, StreamName
from tawny.model.observations import Box
from tawny.model.reads import RecognisedText

Record = Mapping[str, Any]


def gap_record(gap: Gap) -> Record:
    record = {
        "camera": gap.camera,
        "begin_ms": gap.begin_ms,
        "end_ms": gap.end_ms,
        "reason": gap.reason.value,
        "detail": gap.detail,
    }
    return record | {"evidence": evidence_record(gap.evidence)} if gap.evidence else record


def gap_of(record: Record) -> Gap:
    """Parse a gap. Raises ValueError if invalid."""
    try:
        return Gap(
            camera=CameraId(str(record["camera"])),
            begin_ms=int(record["begin_ms"]),
            end_ms=_instant(record["end_ms"]),
            reason=GapReason(record["reason"]),
            detail=str(record.get("detail", "")),
            evidence=evidence_of(record["evidence"]) if record.get("evidence") else None,
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a gap: {error}") from error


def evidence_record(evidence: GapEvidence) -> Record:
    """Return the non-empty fields of the evidence."""
    return {
        name: said
        for name, said in (
            ("word", evidence.word),
            ("last_unit_ms", evidence.last_unit_ms),
            ("last_byte_ms", evidence.last_byte_ms),
            ("packets_missing", evidence.packets_missing),
            ("rubbish_bytes", evidence.rubbish_bytes),
            ("attempts", evidence.attempts),
            ("peer_status", evidence.peer_status),
        )
        if said not in (None, "", 0)
    }


def evidence_of(record: Record) -> GapEvidence:
    """Parse gap evidence. Raises ValueError or TypeError if invalid."""
    return GapEvidence(
        word=str(record.get("word", "")),
        last_unit_ms=_instant(record.get("last_unit_ms")),
        last_byte_ms=_instant(record.get("last_byte_ms")),
        packets_missing=int(record.get("packets_missing", 0)),
        rubbish_bytes=int(record.get("rubbish_bytes", 0)),
        attempts=int(record.get("attempts", 0)),
        peer_status=str(record.get("peer_status", "")),
    )


def damage_record(damage: DamagedSpan) -> Record:
    return {
        "camera": damage.camera,
        "stream": damage.stream.value,
        "begin_ms": damage.begin_ms,
        "end_ms": damage.end_ms,
        "units": damage.units,
        "packets": damage.packets,
    }


def damage_of(record: Record) -> DamagedSpan:
    """Parse a damaged span. Raises ValueError if invalid."""
    try:
        made = DamagedSpan(
            camera=CameraId(str(record["camera"])),
            stream=StreamName(record["stream"]),
            begin_ms=int(record["begin_ms"]),
            end_ms=int(record["end_ms"]),
            units=int(record["units"]),
            packets=int(record["packets"]),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"no damage: {error}") from error
    if made.end_ms <= made.begin_ms:
        raise ValueError("no damage: it does not last")
    return made


def event_record(event: Event) -> Record:
    """Return an event as JSON. `reads`, `perhaps` and `said` are omitted when empty."""
    perhaps = [{"label": one.label, "score": one.score} for one in event.perhaps]
    reads = [{"by": one.by, "text": one.text, "score": one.score, "who": one.who} for one in event.reads]
    return {
        "id": event.id,
        "camera": event.camera,
        "kind": event.kind,
        "start_ms": event.start_ms,
        "end_ms": event.end_ms,
        "score": event.score,
        "box": event.box,
        "zones": list(event.zones),
        "objects": [{"label": one.label, "score": one.score} for one in event.objects],
        "kept": event.kept,
        "reviewed": event.reviewed,
        "false_alarm": event.false_alarm,
        "picture_ms": event.picture_ms,
        **({"reads": reads} if reads else {}),
        **({"perhaps": perhaps} if perhaps else {}),
        **({"said": event.said} if event.said else {}),
    }


def event_of(record: Record) -> Event:
    """Parse an event. Raises ValueError if invalid."""
    try:
        return Event(
            id=EventId(str(record["id"])),
            camera=CameraId(str(record["camera"])),
            kind=str(record["kind"]),
            start_ms=int(record["start_ms"]),
            end_ms=_instant(record["end_ms"]),
            score=float(record["score"]),
            box=_box(record["box"]),
            zones=tuple(str(zone) for zone in record["zones"]),
            objects=_objects(record["objects"]),
            kept=bool(record["kept"]),
            reviewed=bool(record["reviewed"]),
            false_alarm=str(record.get("false_alarm", "")),
            picture_ms=_instant(record["picture_ms"]),
            reads=tuple(
                RecognisedText(str(one["by"]), str(one["text"]), float(one["score"]), str(one["who"]))
                for one in record.get("reads", ())
            ),
            perhaps=_objects(record.get("perhaps", ())),
            said=str(record.get("said", "")),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"not an event: {error}") from error


def _objects(said: Any) -> tuple[SeenObject, ...]:
    return tuple(SeenObject(str(one["label"]), float(one["score"])) for one in said)


def _instant(said: Any) -> int | None:
    return None if said is None else int(said)


def _box(said: Any) -> Box | None:
    if said is None:
        return None
    x0, y0, x1, y1 = (float(edge) for edge in said)
    return x0, y0, x1, y1

"""Conversion of the recorder's values to API schemas."""

import base64
from collections.abc import Callable

from tawny.api import schemas
from tawny.api.auth.accounts import Account
from tawny.media.audio import can_become_aac
from tawny.media.codec.parameter_sets import codec_string
from tawny.model.damage import DAMAGE_WORDS, DamagedSpan, damage_detail
from tawny.model.events import Event
from tawny.model.gaps import Gap, GapEvidence, gap_words
from tawny.model.ids import CameraId, StreamName
from tawny.model.observations import RecognisedText
from tawny.model.packets import AudioFormat, VideoFormat
from tawny.model.segments import Segment
from tawny.model.times import Span, utc_text
from tawny.playback import timeline
from tawny.service.recorder import RecorderService
from tawny.storage.disk.layout import is_open, is_sealed, is_thinned
from tawny.stream.hub import Hub

AAC = "mp4a.40.2"
TITLES = {
    "person": "Person",
    "vehicle": "Vehicle",
    "animal": "Animal",
    "object": "Object left or removed",
    "sound": "Sound",
    "tamper": "Camera tampering",
    "motion": "Motion",
}
PERHAPS = {"person": "Possible person", "vehicle": "Possible vehicle", "animal": "Possible animal"}
"""Titles of suggested types."""
BY_SIGN = {
    "left": "Object left",
    "taken": "Object removed",
    "loitering": "Loitering",
    "covered": "Lens covered",
    "defocused": "Image blurred",
    "moved": "Camera moved",
    "frozen": "Image frozen",
}
"""Titles more specific than the type."""


def user(person: Account) -> schemas.User:
    return schemas.User(id=person.id, name=person.name, role=person.role.value)


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
        objects=[schemas.SeenObjectInfo(label=seen.label, score=seen.score) for seen in made.objects],
        kept=made.kept,
        reviewed=made.reviewed,
        false_alarm=made.false_alarm,
        recognized=[
            schemas.ReadInfo(by=one.by, text=one.text, score=one.score, known=_called(one, recorder))
            for one in made.reads
        ],
        possible=[schemas.SeenObjectInfo(label=seen.label, score=seen.score) for seen in made.perhaps],
        possible_type=made.suggested,
        labeled_as=made.said,
        display_type=made.shown_kind,
        snapshot=None if made.picture_ms is None else f"/media/{made.id}.jpg",
        clip=f"/media/{made.id}.mp4",
        title=f"{actor_name(made, recorder.called) or what(made)} · {camera_name(recorder, made.camera)}",
    )


def actor_name(made: Event, called: Callable[[str], str]) -> str:
    """Return the recognized names, else the recognized text; empty if there is neither."""
    names = [name for one in made.reads if one.who and (name := called(one.who))]
    texts = [one.text for one in made.reads if one.text]
    return " and ".join(dict.fromkeys(names)) or (f"{what(made)} {texts[0]}" if texts else "")


def _called(read: RecognisedText, recorder: RecorderService) -> str:
    return recorder.called(read.who) if read.who else ""


def what(made: Event) -> str:
    """Return the event's title: the user's type, else its first specific sign, sound class, suggested or detected
    type.
    """
    if made.said:
        return TITLES[made.shown_kind]
    for seen in made.objects:
        if seen.label in BY_SIGN:
            return BY_SIGN[seen.label]
    if made.kind == "sound" and made.objects:
        return made.objects[0].label.capitalize()
    if made.suggested:
        return PERHAPS[made.suggested]
    return TITLES.get(made.kind, made.kind.capitalize())


def camera_name(recorder: RecorderService, camera: CameraId) -> str:
    """Return the camera's name; its ID if it is no longer configured."""
    return recorder.camera_names().get(camera, camera)


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


def lane(made: timeline.TimelineLane, recorder: RecorderService) -> schemas.TimelineLaneInfo:
    return schemas.TimelineLaneInfo(
        id=made.camera,
        spans=[_pair(span) for span in made.spans],
        gaps=[gap(one) for one in made.gaps],
        damage=[damage(one) for one in made.damage],
        events=[event(one, recorder) for one in made.events],
        motion=schemas.MotionScores(
            begin_ms=made.motion.begin_ms,
            step_s=made.motion.step_s,
            data=base64.b64encode(made.motion.data).decode(),
        ),
    )


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


def streams(recorder: RecorderService, camera: CameraId) -> schemas.StreamsInfo:
    made = {name: stream(hub) for name in StreamName if (hub := recorder.hub(camera, name)) is not None}
    return schemas.StreamsInfo(main=made.get(StreamName.MAIN), sub=made.get(StreamName.SUB))


def stream(hub: Hub) -> schemas.StreamInfo | None:
    """Return the current formats; None while nothing is received."""
    video: VideoFormat | None = None
    sound = ""
    for packet in hub.recent(2.0):
        if isinstance(packet.format, AudioFormat):
            sound = sound or (AAC if can_become_aac(packet.format) else _named(packet.format))
        else:
            video = packet.format
    if video is None:
        return None
    return schemas.StreamInfo(codec=_named(video), width=video.width, height=video.height, audio=sound)


def _named(stored: VideoFormat | AudioFormat) -> str:
    try:
        return codec_string(stored)
    except ValueError:
        return ""


def _pair(span: Span) -> tuple[int, int]:
    return span.begin_ms, span.end_ms

"""File names on a volume: builds paths from values and parses paths. Pure, no I/O.

<camera>/2026/11/20/05/20261120T055812.345Z-20261120T055912.301Z.main.mp4    closed
<camera>/2026/11/20/05/20261120T055812.345Z-20261120T055912.301Z.main.thin.mp4    closed and thinned: only keyframes
<camera>/2026/11/20/05/20261120T055912.301Z.main.open.mp4                    open: being written
….main.tws, ….main.thin.tws, ….main.open.tws                                 the same, sealed
<camera>/2026/11/20/05/<event id>.jpg                                        snapshot of an event
<camera>/2026/11/20/05/<event id>.loop.jpg                                   its preview: small frames in one JPEG
<camera>/2026/11/20/05/<event id>.objects.jsonl                              paths of its objects (`model.observations`)
<camera>/2026/11/20/05/<event id>.tws, ….loop.tws, ….objects.tws             the same, sealed
<camera>/2026/11/20/scores, scores.<zone>, grids                             motion scores and grids of a UTC day
<camera>/2026/11/20/sound                                                    sound levels, in the format of scores
<camera>/2026/11/20/20261120.keys                                            wrapped keys of the day's sealed files
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from tawny.model.events import Event
from tawny.model.ids import CameraId, EventId, StreamName
from tawny.model.segments import Segment
from tawny.model.times import stamp, stamp_ms

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS

LONGEST_MS: Final = DAY_MS
"""Maximum segment length. A file whose name states more is not a segment."""

OWN_NAMES: Final = frozenset(
    {"history", "tawny.db", "accounts.db", "camera-logins.json", "lock", "keys", "outbox.db", "inbox", "clips"}
    | {"snapshots", "copies"}
)
"""Names at a volume's root that are not cameras."""

_CAMERA = re.compile(r"[a-z0-9](?:-?[a-z0-9]){0,39}")
_INSTANT = r"[0-9]{8}T[0-9]{6}\.[0-9]{3}Z"
_CLOSED = re.compile(
    rf"(?P<start>{_INSTANT})-(?P<end>{_INSTANT})\.(?P<stream>main|sub)(?P<thin>\.thin)?\.(?P<kind>mp4|tws)"
)
_OPEN = re.compile(rf"(?P<start>{_INSTANT})\.(?P<stream>main|sub)\.open\.(?P<kind>mp4|tws)(?P<end>)?(?P<thin>)?")
_HOUR = re.compile(r"\d{4}/\d\d/\d\d/\d\d")
SOUND: Final = "~sound"
"""Pseudo zone of the sound level file. Not a valid zone name."""
_ZONE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
_KEYS = re.compile(r"\d{8}\.keys")
_EVENT = re.compile(r"[A-Za-z0-9-]{1,64}")
_OF_EVENT = re.compile(rf"(?P<event>{_EVENT.pattern})(?:(?:\.loop)?\.jpg|\.objects\.jsonl|(?:\.loop|\.objects)?\.tws)")


@dataclass(frozen=True, slots=True)
class SegmentName:
    """The fields of a segment's file name."""

    camera: CameraId
    stream: StreamName
    start_ms: int
    end_ms: int | None
    """None while the segment is open."""
    is_thinned: bool = False
    """Only the keyframes remain."""
    is_sealed: bool = False

    @property
    def path(self) -> str:
        kind = "tws" if self.is_sealed else "mp4"
        if self.end_ms is None:
            return f"{self.folder}/{stamp(self.start_ms)}.{self.stream}.open.{kind}"
        thin = ".thin" if self.is_thinned else ""
        return f"{self.folder}/{stamp(self.start_ms)}-{stamp(self.end_ms)}.{self.stream}{thin}.{kind}"

    @property
    def folder(self) -> str:
        return hour_folder(self.camera, self.start_ms)

    def closed(self, end_ms: int) -> "SegmentName":
        return SegmentName(self.camera, self.stream, self.start_ms, end_ms, is_sealed=self.is_sealed)


def segment_name(path: str) -> SegmentName | None:
    """Parse a segment path. Return None if it is not a valid segment path."""
    folder, _, name = path.rpartition("/")
    camera = folder.partition("/")[0]
    found = _CLOSED.fullmatch(name) or _OPEN.fullmatch(name)
    if found is None or not is_camera(camera) or folder != f"{camera}/{_hour_path(found['start'])}":
        return None
    stream, end = StreamName(found["stream"]), found["end"]
    try:
        start_ms = _instant_ms(found["start"])
        end_ms = _instant_ms(end) if end else None
    except ValueError:
        return None  # no such day or hour
    if start_ms < 0 or (end_ms is not None and not 0 <= end_ms - start_ms <= LONGEST_MS):
        return None
    return SegmentName(CameraId(camera), stream, start_ms, end_ms, bool(found["thin"]), found["kind"] == "tws")


def _hour_path(text: str) -> str:
    """Convert a stamp or its beginning to an hour path: `2026/11/20/05`."""
    return f"{text[0:4]}/{text[4:6]}/{text[6:8]}/{text[9:11]}"


def _instant_ms(text: str) -> int:
    """Like `stamp_ms`, for text that already matches the name pattern. Raises ValueError."""
    minute, second = int(text[11:13]), int(text[13:15])
    if minute > 59 or second > 59:
        raise ValueError(f"{text!r} is no time of day")
    return _hour_ms(text[:11]) + (minute * 60 + second) * 1000 + int(text[16:19])


@lru_cache(maxsize=64)
def _hour_ms(text: str) -> int:
    return stamp_ms(f"{text}0000.000Z")


@lru_cache(maxsize=64)
def _hour_name(hour: int) -> str:
    return _hour_path(stamp(hour * HOUR_MS))


def is_thinned(segment: Segment) -> bool:
    """Return whether only keyframes remain, according to the file name."""
    return segment.path.endswith((".thin.mp4", ".thin.tws"))


def is_sealed(path: str) -> bool:
    """Return whether a file is sealed, according to its name."""
    return path.endswith(".tws")


def is_open(segment: Segment) -> bool:
    """Return whether the segment is still being written, according to the file name."""
    return segment.path.endswith((".open.mp4", ".open.tws"))


def is_camera(name: str) -> bool:
    """Return whether the name is a valid camera folder."""
    return name not in OWN_NAMES and _CAMERA.fullmatch(name) is not None and len(name) <= 40


def day_folder(camera: CameraId, at_ms: int) -> str:
    return hour_folder(camera, at_ms)[:-3]


def hour_folder(camera: CameraId, at_ms: int) -> str:
    return f"{camera}/{_hour_name(at_ms // HOUR_MS)}"


def is_hour_folder(path: str) -> bool:
    """Return whether the path is a folder for segments."""
    camera, _, rest = path.partition("/")
    return is_camera(camera) and _HOUR.fullmatch(rest) is not None


def scores_path(camera: CameraId, day_ms: int, zone: str = "") -> str:
    """Return the path of a day's scores.

    zone: a zone, SOUND, or empty for the whole frame. Raises ValueError if the zone is not valid in a file name.
    """
    if zone == SOUND:
        return f"{day_folder(camera, day_ms)}/sound"
    if zone and not _ZONE.fullmatch(zone):
        raise ValueError(f"{zone!r} cannot be in a file's name")
    return f"{day_folder(camera, day_ms)}/scores{zone and '.'}{zone}"


def grids_path(camera: CameraId, day_ms: int) -> str:
    return f"{day_folder(camera, day_ms)}/grids"


def figures_path(camera: CameraId, day_ms: int) -> str:
    return f"{day_folder(camera, day_ms)}/figures"


def keys_path(camera: CameraId, day_ms: int) -> str:
    """Return the path of a day's key ring."""
    return keys_of_day(day_folder(camera, day_ms))


def keys_of_day(folder: str) -> str:
    """Return the path of the key ring of a `day_folder`."""
    return f"{folder}/{''.join(folder.split('/')[1:])}.keys"


def is_of_day(name: str) -> bool:
    """Return whether a file of this name in a day's folder belongs to tawny."""
    return name in ("grids", "figures") or is_of_scores(name) or bool(_KEYS.fullmatch(name))


def is_of_scores(name: str) -> bool:
    """Return whether a file of this name in a day's folder has scores (`scores_path`)."""
    is_zone = name.startswith("scores.") and bool(_ZONE.fullmatch(name[7:]))
    return name in ("scores", "sound") or is_zone


def loop_path(event: Event) -> str:
    """Return the path of an event's preview. Raises ValueError like `picture_path`."""
    return f"{picture_path(event).removesuffix('.jpg')}.loop.jpg"


def objects_path(event: Event) -> str:
    """Return the path of the paths of an event's objects. Raises ValueError like `picture_path`."""
    return f"{picture_path(event).removesuffix('.jpg')}.objects.jsonl"


def event_paths(event: Event) -> tuple[str, ...]:
    """Return the paths of all files of an event, in their unsealed form. Raises ValueError like `picture_path`."""
    return picture_path(event), loop_path(event), objects_path(event)


def picture_path(event: Event) -> str:
    """Return the path of an event's snapshot. Raises ValueError if the event's id is not valid as a file name."""
    if not _EVENT.fullmatch(event.id):
        raise ValueError(f"{event.id!r} cannot be a file's name")
    return f"{hour_folder(event.camera, event.start_ms)}/{event.id}.jpg"


def sealed_path(path: str) -> str:
    """Return the path of the sealed form of an event's file."""
    return f"{path.removesuffix('.jpg').removesuffix('.jsonl')}.tws"


def picture_event(path: str) -> EventId | None:
    """Return the event whose snapshot, preview or objects are at the path. None if the path is none of them."""
    found = _OF_EVENT.fullmatch(path.rpartition("/")[2])
    return EventId(found["event"]) if found is not None else None

"""Names on a volume: where a segment's file stands, and what a name says. Pure; nothing is read or written here.

<camera>/2026/11/20/05/20261120T055812.345Z-20261120T055912.301Z.main.mp4    closed
<camera>/2026/11/20/05/20261120T055812.345Z-20261120T055912.301Z.main.thin.mp4    closed and thinned: only keyframes
<camera>/2026/11/20/05/20261120T055912.301Z.main.open.mp4                    open: being written
….main.tws, ….main.thin.tws, ….main.open.tws                                 the same, sealed
<camera>/2026/11/20/05/<event id>.jpg                                        an event's picture
<camera>/2026/11/20/05/<event id>.loop.jpg                                   a few small pictures of it, side by side
<camera>/2026/11/20/05/<event id>.tws, <event id>.loop.tws                   the same, sealed
<camera>/2026/11/20/scores, scores.<zone>, grids                             motion of a UTC day: how much, and where
<camera>/2026/11/20/sound                                                    how loud it was, as scores
<camera>/2026/11/20/20261120.keys                                            wrapped keys of what was sealed that day
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
"""No segment is longer; a file whose name says so is none of ours."""

OWN_NAMES: Final = frozenset({"history", "tawny.db", "accounts.db", "lock", "keys", "outbox.db", "inbox", "clips"})
"""What stands at a volume's root and is no camera."""

_CAMERA = re.compile(r"[a-z0-9](?:-?[a-z0-9]){0,39}")
_INSTANT = r"[0-9]{8}T[0-9]{6}\.[0-9]{3}Z"
_CLOSED = re.compile(
    rf"(?P<start>{_INSTANT})-(?P<end>{_INSTANT})\.(?P<stream>main|sub)(?P<thin>\.thin)?\.(?P<kind>mp4|tws)"
)
_OPEN = re.compile(rf"(?P<start>{_INSTANT})\.(?P<stream>main|sub)\.open\.(?P<kind>mp4|tws)(?P<end>)?(?P<thin>)?")
_HOUR = re.compile(r"\d{4}/\d\d/\d\d/\d\d")
SOUND: Final = "~sound"
"""Where a zone of scores is named: how loud it was. No zone can have this name."""
_ZONE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
_KEYS = re.compile(r"\d{8}\.keys")
_EVENT = re.compile(r"[A-Za-z0-9-]{1,64}")


@dataclass(frozen=True, slots=True)
class SegmentName:
    """What a segment's file is called after."""

    camera: CameraId
    stream: StreamName
    start_ms: int
    end_ms: int | None
    """None while it is open."""
    is_thinned: bool = False
    """Only its keyframes are left."""
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
    """What the path says, None when it is not where and how a segment would stand."""
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
        return None  # no such day, or no such hour
    if start_ms < 0 or (end_ms is not None and not 0 <= end_ms - start_ms <= LONGEST_MS):
        return None
    return SegmentName(CameraId(camera), stream, start_ms, end_ms, bool(found["thin"]), found["kind"] == "tws")


def _hour_path(text: str) -> str:
    """Of a stamp, or the beginning of one: `2026/11/20/05`."""
    return f"{text[0:4]}/{text[4:6]}/{text[6:8]}/{text[9:11]}"


def _instant_ms(text: str) -> int:
    """As `stamp_ms`, of what the pattern of a name let through."""
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
    """Whether only its keyframes are left: its file's name says so."""
    return segment.path.endswith((".thin.mp4", ".thin.tws"))


def is_sealed(path: str) -> bool:
    """Whether a file is sealed: its name says so."""
    return path.endswith(".tws")


def is_open(segment: Segment) -> bool:
    """Whether it is still being written."""
    return segment.path.endswith((".open.mp4", ".open.tws"))


def is_camera(name: str) -> bool:
    """Whether it can be a camera's folder."""
    return name not in OWN_NAMES and _CAMERA.fullmatch(name) is not None and len(name) <= 40


def day_folder(camera: CameraId, at_ms: int) -> str:
    return hour_folder(camera, at_ms)[:-3]


def hour_folder(camera: CameraId, at_ms: int) -> str:
    return f"{camera}/{_hour_name(at_ms // HOUR_MS)}"


def is_hour_folder(path: str) -> bool:
    """Whether it is a folder that segments stand in."""
    camera, _, rest = path.partition("/")
    return is_camera(camera) and _HOUR.fullmatch(rest) is not None


def scores_path(camera: CameraId, day_ms: int, zone: str = "") -> str:
    """zone: of which, or SOUND; empty: of the whole picture. ValueError when it cannot be in a file's name."""
    if zone == SOUND:
        return f"{day_folder(camera, day_ms)}/sound"
    if zone and not _ZONE.fullmatch(zone):
        raise ValueError(f"{zone!r} cannot be in a file's name")
    return f"{day_folder(camera, day_ms)}/scores{zone and '.'}{zone}"


def grids_path(camera: CameraId, day_ms: int) -> str:
    return f"{day_folder(camera, day_ms)}/grids"


def keys_path(camera: CameraId, day_ms: int) -> str:
    """The key ring of a day."""
    return f"{day_folder(camera, day_ms)}/{stamp(day_ms)[:8]}.keys"


def is_of_day(name: str) -> bool:
    """Whether a file of this name in a day's folder is one of ours."""
    is_score = name.startswith("scores.") and bool(_ZONE.fullmatch(name[7:]))
    return name in ("scores", "grids", "sound") or is_score or bool(_KEYS.fullmatch(name))


def loop_path(event: Event) -> str:
    """Of a few small pictures of an event. ValueError as of `picture_path`."""
    return f"{picture_path(event).removesuffix('.jpg')}.loop.jpg"


def picture_path(event: Event) -> str:
    """ValueError when the event's id cannot be a file's name."""
    if not _EVENT.fullmatch(event.id):
        raise ValueError(f"{event.id!r} cannot be a file's name")
    return f"{hour_folder(event.camera, event.start_ms)}/{event.id}.jpg"


def sealed_path(picture: str) -> str:
    """Where a picture stands when it is sealed."""
    return f"{picture.removesuffix('.jpg')}.tws"


def picture_event(path: str) -> EventId | None:
    """The event whose picture a path is, None when it is none."""
    name = path.rpartition("/")[2]
    event = name.removesuffix(".jpg").removesuffix(".tws").removesuffix(".loop")
    return EventId(event) if event != name and _EVENT.fullmatch(event) else None

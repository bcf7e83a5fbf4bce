"""What is stamped on a camera's frames: title, time of the frame, detector figures, REC and boxes."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Final, Protocol

from tawny.media.image.stamp import Stamp, plain_text
from tawny.model.events import Event
from tawny.model.ids import CameraId
from tawny.model.observations import MOTION, Box, MotionFigure, ObjectPath, PathPoint
from tawny.model.times import Span
from tawny.playback.recordings import RecordingIndex

FRESH_MS: Final = 1_200
"""Age from which a figure no longer describes a frame; the number is then 0."""
BOX_MS: Final = 400
"""The same for boxes."""
LEVEL_MS: Final = 65_000
"""Time before a span in which a figure has the level (`storage.segments.detection_files`)."""
DIGITS: Final = 6
_REACH_MS: Final = 3_600_000
_MOST_EVENTS: Final = 500

StampMaker = Callable[[CameraId, Span], "FrameStamps"]
"""Returns the stamps of a camera's frames in a time."""


@dataclass(frozen=True, slots=True)
class FrameStamps:
    """Stamps of one camera's frames in a time. figures: in order of time. clips: recorded for events.

    only_boxes: boxes with what is in them, and the time to the second, with its UTC offset; for people rather than for
    tuning. They are those of `objects`, of the events in this time; without any, those of the figures, as for older
    events.
    """

    title: str
    zone: tzinfo
    figures: Sequence[MotionFigure]
    clips: Sequence[Span]
    only_boxes: bool = False
    objects: Sequence[ObjectPath] = ()

    def at(self, at_ms: int) -> Stamp:
        """Return the stamp of the frame with this time, ms UTC."""
        local = datetime.fromtimestamp(at_ms // 1000, UTC).astimezone(self.zone)
        place = bisect_right(self.figures, at_ms, key=lambda figure: figure.at_ms) - 1
        newest = self.figures[place] if place >= 0 else next(iter(self.figures), None)
        if self.only_boxes:
            is_fresh = newest is not None and 0 <= at_ms - newest.at_ms <= BOX_MS
            things = newest.things if newest is not None and is_fresh else ()
            named = [(thing.box, object_text(thing.label, thing.score)) for thing in things]
            if self.objects:
                found = ((box_at(one.path, at_ms), one) for one in self.objects)
                named = [(box, object_text(one.label, round(100 * one.score))) for box, one in found if box is not None]
            return Stamp((f"{local:%Y-%m-%d %H:%M:%S %z}",), boxes=tuple(named))
        lines = [f"{self.title}  {local:%Y-%m-%d %H:%M:%S}.{at_ms % 1000:03d} {local:%z}"]
        boxes = []
        if newest is not None:
            age_ms = at_ms - newest.at_ms
            lines.append(figures_text(newest.number if 0 <= age_ms <= FRESH_MS else 0, newest.level))
            if 0 <= age_ms <= BOX_MS:
                boxes = [(thing.box, f"{thing.label} {thing.score}") for thing in newest.things]
        is_recording = any(clip.begin_ms <= at_ms < clip.end_ms for clip in self.clips)
        return Stamp(tuple(lines), is_recording, tuple(boxes))


def box_at(path: Sequence[PathPoint], at_ms: int) -> Box | None:
    """Return where an object is: between its points it moves evenly, and after the last one it stays for BOX_MS."""
    place = bisect_right(path, at_ms, key=lambda point: point.at_ms)
    if place == 0:
        return None
    before = path[place - 1]
    if place == len(path):
        return before.box if at_ms - before.at_ms <= BOX_MS else None
    after = path[place]
    part = (at_ms - before.at_ms) / max(1, after.at_ms - before.at_ms)
    x0, y0, x1, y1 = (a + (b - a) * part for a, b in zip(before.box, after.box, strict=True))
    return x0, y0, x1, y1


def object_text(label: str, percent: int) -> str:
    """Return `Person 91%`; `Motion` for what has no name, because its score says how much moves."""
    words = label.replace("_", " ").replace("-", " ").capitalize()
    return words if label == MOTION else f"{words} {percent}%"


def figures_text(number: float, level: float) -> str:
    """Return `000742/000400`."""
    return f"{_digits(number)}/{_digits(level)}"


def _digits(value: float) -> str:
    if value == int(value) or value >= 100:
        return f"{min(round(value), 10**DIGITS - 1):0{DIGITS}d}"
    return f"{value:0{DIGITS}.2f}"


class StampedArchive(Protocol):
    """An archive with what the detector found. Its calls may wait for the disk."""

    @property
    def index(self) -> RecordingIndex: ...

    def figures(self, camera: CameraId, within: Span) -> Sequence[MotionFigure]: ...

    def event_objects(self, event: Event) -> tuple[ObjectPath, ...]: ...


def read_stamps(
    archive: StampedArchive,
    camera: CameraId,
    span: Span,
    title: str,
    zone: tzinfo,
    rolls: tuple[float, float],
    *,
    only_boxes: bool = False,
) -> FrameStamps:
    """Return the stamps of a camera's frames in a time. rolls: the camera's pre-roll and post-roll, s.

    title: the camera's name; if there are no letters for most of it, its ID is stamped.
    """
    clips = event_clips(archive.index, camera, span, *rolls)
    figures = figures_in(lambda near: archive.figures(camera, near), span)
    objects = objects_in(archive.index, camera, span, archive.event_objects) if only_boxes else ()
    lacking = plain_text(title).count("?") - title.count("?")
    shown = camera if 2 * lacking > len(title.replace(" ", "")) else title
    return FrameStamps(shown, zone, figures, clips, only_boxes, objects)


def figures_in(read: Callable[[Span], Sequence[MotionFigure]], span: Span) -> Sequence[MotionFigure]:
    """Return the figures that stamps of a time need: those in it, and the last one before it, for the level.

    read: returns the figures of a time.
    """
    found = read(Span(span.begin_ms - LEVEL_MS, span.end_ms))
    before = bisect_right(found, span.begin_ms - FRESH_MS, key=lambda figure: figure.at_ms)
    return found[max(0, before - 1) :]


def event_clips(index: RecordingIndex, camera: CameraId, within: Span, pre_s: float, post_s: float) -> list[Span]:
    """Return the spans of the clips of events that are recorded in a time."""
    return [event.clip(within.end_ms, pre_s, post_s) for event in _events(index, camera, within, pre_s)]


def objects_in(
    index: RecordingIndex, camera: CameraId, within: Span, read: Callable[[Event], Iterable[ObjectPath]]
) -> list[ObjectPath]:
    """Return the objects of the events in a time. read: returns those of an event."""
    return [one for event in reversed(_events(index, camera, within, 0)) for one in read(event) if one.path]


def _events(index: RecordingIndex, camera: CameraId, within: Span, pre_s: float) -> Sequence[Event]:
    near = Span(within.begin_ms - _REACH_MS, within.end_ms + round(pre_s * 1000))
    return index.events(near, cameras=[camera], limit=_MOST_EVENTS).events

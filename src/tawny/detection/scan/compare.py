"""Comparison of detectors on one video: each looks at the frames that it would get, and its own numbers are kept.

Call from one thread.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tawny.detection.classic.base import LINE, ClassicDetector
from tawny.detection.detector import Detector, error_text, named_look
from tawny.detection.scan.scan import LOOKS_A_SECOND, DecodedLook, EventSpans, FramePace, ScannedEvent, counted
from tawny.detection.zones import Region
from tawny.engine.plugins import PluginFailed
from tawny.media.codec.decoder import DecodedFrame
from tawny.media.codec.video_file import FileVideo
from tawny.media.image.mask import mask_picture
from tawny.model.geometry import Polygon
from tawny.model.observations import Box, Look
from tawny.model.times import thread_cpu_s


@dataclass(frozen=True, slots=True)
class DetectorReading:
    """What a detector made of one frame. number: in its own unit. moves: whether the frame has motion by its level."""

    number: float
    moves: bool
    boxes: tuple[Box, ...] = ()


@dataclass(frozen=True, slots=True)
class ComparedFrame:
    """A frame with the readings of the detectors that looked at it, by name. number: from 0."""

    number: int
    at_s: float
    frame: DecodedFrame
    readings: Mapping[str, DetectorReading]


@dataclass(slots=True)
class ComparedDetector:
    """A detector with the sum of its readings. threshold: in its own unit; its number must exceed it, or reach it.

    moving: numbers of its frames with motion. highest, highest_s: its highest number and when.
    """

    name: str
    detector: Detector
    looks: int = 0
    moving: list[int] = field(default_factory=list)
    highest: float = 0.0
    highest_s: float = 0.0
    cpu_s: float = 0.0
    events: list[ScannedEvent] = field(default_factory=list)
    failed: str = ""
    """The error that it raised. It doesn't look any more."""

    @property
    def threshold(self) -> float:
        one = self.detector
        return one.numbers[one.LEVEL] if isinstance(one, ClassicDetector) else float(LINE)

    @property
    def rate(self) -> float:
        """Frames a second that it looks at; 0: every frame."""
        return float(getattr(self.detector, "looks_a_second", LOOKS_A_SECOND))


def compare(
    video: FileVideo,
    detectors: Sequence[ComparedDetector],
    region: Region,
    join_s: float,
    begin_s: float = 0.0,
    private: Sequence[Polygon] = (),
) -> Iterator[ComparedFrame]:
    """Yield every frame from begin_s on; the sums and events of the detectors are complete after the last one.

    private: privacy masks, in the image as sent; the frames have them black.
    Raises SourceError: if the video cannot be read; DetectorFailed.
    """
    paces = {one.name: FramePace(begin_s, video.fps, one.rate) for one in detectors if one.rate}
    spans = {one.name: EventSpans(join_s) for one in detectors}
    number = -1
    for frame in video.pictures(begin_s):
        at_s = frame.at_ms / 1000
        if at_s < begin_s:
            continue
        number += 1
        shown = mask_picture(frame, private)
        readings: dict[str, DetectorReading] = {}
        for one in detectors:
            pace = paces.get(one.name)
            if not one.failed and (pace is None or pace.is_due(at_s)):
                begun_s = thread_cpu_s()
                try:
                    look = named_look(one.name, one.detector, counted(shown, region))
                except PluginFailed as error:
                    one.failed = error_text(error)
                    continue
                one.cpu_s += thread_cpu_s() - begun_s
                spans[one.name].add(DecodedLook(at_s, look, shown))
                readings[one.name] = _reading(one, look)
                _add(one, readings[one.name], number, at_s)
        yield ComparedFrame(number, at_s, shown, readings)
    for one in detectors:
        one.events = spans[one.name].close()


def _reading(one: ComparedDetector, look: Look) -> DetectorReading:
    if not isinstance(one.detector, ClassicDetector):
        return DetectorReading(float(look.score), bool(look.seen), tuple(thing.box for thing in look.seen))
    number, moves, box = one.detector.reading
    return DetectorReading(number, moves, (box,) if moves and box is not None else ())


def _add(one: ComparedDetector, reading: DetectorReading, number: int, at_s: float) -> None:
    one.looks += 1
    if reading.moves:
        one.moving.append(number)
    if reading.number > one.highest:
        one.highest, one.highest_s = reading.number, at_s

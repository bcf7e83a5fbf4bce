"""A video file scanned: in two passes where the detector can be woken, else whole; long files in parts, side by side.

A part begins some time before what it answers for, so that its detector knows the place. Any thread may scan.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Event as Flag
from typing import Any

from tawny.detection.detector import Detector, DetectorKind, Glances
from tawny.detection.region import Region
from tawny.detection.scan.passes import LOOKS_A_SECOND, OnePass, TwoPasses
from tawny.detection.scan.spans import EventSpans, ScannedEvent, joined
from tawny.media.codec.video_file import FileVideo
from tawny.model.clock import thread_cpu_s
from tawny.model.polygon import Polygon

WARM_S = 60.0
"""A part is looked at from so long before its begin."""
PART_S = 600.0
"""Parts are no shorter."""
RESUME_S = 900.0
"""A scan that was broken off goes on at the next quarter of an hour of its file."""
SHORT_S = 60.0
"""A shorter file is scanned whole: too few keyframes say what is usual there."""
MOST_GAP_S = 4.0
"""Between two keyframes further apart too much passes unseen."""
TELL_S = 10.0
"""Progress is told after so much video."""

Progress = Callable[[float], None]
"""Called with the seconds of video done since the last call, by the thread that scans."""


@dataclass(frozen=True)
class ScanOptions:
    """How to scan. thorough: decode everything. join_s: events that follow so soon are one."""

    make: DetectorKind
    settings: Mapping[str, Any] = field(default_factory=dict)
    thorough: bool = False
    join_s: float = 1.0
    regions: tuple[Polygon, ...] = ()

    @property
    def sensitivity(self) -> int:
        return int(self.settings.get("sensitivity", 50))


@dataclass(slots=True)
class ScanResult:
    """Of a file, or a part of it. scores: the greatest of each second, where one was looked at."""

    duration_s: float
    events: list[ScannedEvent]
    cpu_s: float
    decoded_s: float
    scores: dict[int, int]


Opened = Callable[[], FileVideo]


@dataclass(frozen=True, slots=True)
class VideoPart:
    """opened: makes a video to read, for the thread that scans it. length_s: how much of it there is."""

    opened: Opened
    begin_s: float
    end_s: float
    length_s: float


def parts(opened: Opened, workers: int, *, resumes: bool = False) -> list[VideoPart]:
    """A file as so many parts at most; resumes: in parts of RESUME_S instead, whose results are kept one by one.

    SourceError when it cannot be read.
    """
    video = opened()
    most = int(video.duration_s / RESUME_S) if resumes else min(workers, int(video.duration_s / PART_S))
    count = max(1, most) if video.has_times else 1
    length_s = video.duration_s / count
    ends = [length_s * (n + 1) for n in range(count - 1)]
    return [
        VideoPart(opened, begin, end, length_s) for begin, end in zip([0.0, *ends], [*ends, float("inf")], strict=True)
    ]


def scan_part(part: VideoPart, wanted: ScanOptions, progress: Progress, stop: Flag) -> ScanResult:
    """Raises SourceError, and what the detector raises."""
    begun_s = thread_cpu_s()
    video = part.opened()
    detector = wanted.make(wanted.settings)
    passes = _passes(video, detector, wanted)
    spans, scores = EventSpans(wanted.join_s), dict[int, int]()
    told_s = at_s = part.begin_s
    for looked in passes.looks(max(0.0, part.begin_s - WARM_S), part.end_s):
        spans.add(looked)
        at_s = max(at_s, looked.at_s)
        if looked.at_s >= part.begin_s:
            second = int(looked.at_s)
            scores[second] = max(scores.get(second, 0), looked.look.score)
        if at_s - told_s >= TELL_S:
            progress(at_s - told_s)
            told_s = at_s
            if stop.is_set():
                break
    if not video.duration_s:
        video.duration_s = at_s
    progress(min(part.end_s, video.duration_s) - told_s)
    events = [found for found in spans.close() if found.end_s >= part.begin_s]
    return ScanResult(video.duration_s, events, thread_cpu_s() - begun_s, passes.decoded_s, scores)


def merged(results: list[ScanResult], join_s: float) -> ScanResult:
    """The parts of one file as one."""
    whole = results[0]
    for part in results[1:]:
        whole.events = joined([*whole.events, *part.events], join_s)
        whole.cpu_s += part.cpu_s
        whole.decoded_s += part.decoded_s
        whole.scores |= part.scores
    return whole


def _passes(video: FileVideo, detector: Detector, wanted: ScanOptions) -> TwoPasses | OnePass:
    region = Region(wanted.regions)
    may_sleep = isinstance(detector, Glances) and video.has_times and video.duration_s >= SHORT_S
    if wanted.thorough or not may_sleep or not video.has_keyframes_within(MOST_GAP_S):
        return OnePass(video, detector, region, float(getattr(detector, "looks_a_second", LOOKS_A_SECOND)))
    return TwoPasses(video, detector, region, wanted.sensitivity)

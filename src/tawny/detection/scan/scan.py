"""Scan of a video file: two passes if the detector supports keyframe checks, else one; long files in parallel parts.

A part starts before the range it reports, so that its detector learns the background. Call from any thread.
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
"""Lead time of a part, s."""
PART_S = 600.0
"""Minimum length of a part, s."""
RESUME_S = 900.0
"""Length of resumable parts, s: an interrupted scan resumes at the next one."""
SHORT_S = 60.0
"""Files shorter than this, s, are fully decoded: too few keyframes show the usual scene."""
MOST_GAP_S = 4.0
"""Maximum distance of keyframes, s, for two passes; with longer gaps too much is missed."""
TELL_S = 10.0
"""Interval of progress reports, s of video."""

Progress = Callable[[float], None]
"""Receives the seconds of video processed since the last call. Called from the scanning thread."""


@dataclass(frozen=True)
class ScanOptions:
    """Options of a scan.

    make: creates the detector. thorough: decode every frame. join_s: merge events with a shorter gap. regions:
    evaluated areas; empty: the whole frame.
    """

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
    """Result of a file or a part. scores: maximum score by second, where frames were processed."""

    duration_s: float
    events: list[ScannedEvent]
    cpu_s: float
    decoded_s: float
    scores: dict[int, int]


Opened = Callable[[], FileVideo]


@dataclass(frozen=True, slots=True)
class VideoPart:
    """A part of a file. opened: opens the video, called by the scanning thread. length_s: length of a part."""

    opened: Opened
    begin_s: float
    end_s: float
    length_s: float


def parts(opened: Opened, workers: int, *, resumes: bool = False) -> list[VideoPart]:
    """Return a file in at most `workers` parts.

    resumes: use parts of RESUME_S instead, whose results are stored separately. Raises SourceError: if the file cannot
    be read.
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
    """Scan a part. Raises SourceError: if the video cannot be read; also any exception of the detector."""
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
    """Return the results of the parts of one file as one."""
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

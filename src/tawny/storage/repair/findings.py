"""Findings of `check`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from tawny.model.damage import DamageSum
from tawny.model.ids import CameraId
from tawny.model.segments import FILL_SLACK_MS, Gap, GapReason, explaining
from tawny.model.times import Span, merge_spans, missing_spans
from tawny.storage.index.protocol import Index

# Coverage of wall-clock time by recordings and explained gaps.


@dataclass(frozen=True, slots=True)
class WallCoverage:
    """Sums over cameras. Recorded and explained time do not overlap: recorded time counts first."""

    recorded_s: float = 0.0
    explained_s: float = 0.0
    unexplained_s: float = 0.0
    unexplained: list[tuple[CameraId, Span]] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    """The explaining gaps, with their evidence."""


def wall_coverage(index: Index, cameras: Iterable[CameraId], until_ms: int) -> WallCoverage:
    """Return the coverage of each camera from its first to its last known instant, at most `until_ms`."""
    recorded_ms = explained_ms = 0
    unexplained: list[tuple[CameraId, Span]] = []
    explained: list[Gap] = []
    for camera in cameras:
        ever = Span(0, until_ms)
        recorded = index.spans(camera, None, ever)
        all_gaps = index.gaps(camera, ever)
        explained += all_gaps
        found = explaining(all_gaps)
        gaps = [cut for gap in found if (cut := gap.span(until_ms).cut_to(ever)) is not None]
        known = merge_spans([*recorded, *gaps])
        if not known:
            continue
        filled = [gap.span(until_ms) for gap in all_gaps if gap.reason is GapReason.FILLED]
        holes = [
            hole
            for hole in missing_spans(known, Span(known[0].begin_ms, known[-1].end_ms))
            if hole.end_ms - hole.begin_ms > FILL_SLACK_MS or not any(one.overlaps(hole) for one in filled)
        ]
        unexplained += [(camera, hole) for hole in holes]
        recorded_ms += _sum(recorded)
        explained_ms += _sum(known) - _sum(recorded)
    hole_ms = sum(span.end_ms - span.begin_ms for _, span in unexplained)
    return WallCoverage(recorded_ms / 1000, explained_ms / 1000, hole_ms / 1000, unexplained, explained)


def _sum(spans: list[Span]) -> int:
    return sum(span.end_ms - span.begin_ms for span in spans)


class FindingKind(StrEnum):
    FILE_WITHOUT_ROW = "file without row"
    ROW_WITHOUT_FILE = "row without file"
    WRONG_SIZE = "wrong size"
    LEFT_OPEN = "left open"
    TORN = "torn"
    EMPTY = "empty"
    ZEROS = "only zeros"
    DAMAGED = "damaged"
    CHANGED = "changed on the disk"
    WRONG_NAME = "says it is another"
    FOREIGN = "not ours"
    LINK = "a link"
    INDEX = "index damaged"
    HALF_THINNED = "thinned, and still there in full"
    UNEXPLAINED = "time without explanation"
    HISTORY = "signed history broken"
    WITNESS = "not what a witness has seen"
    MISSING = "missing, unexplained"
    AWAY = "can't be reached"
    NOT_STORED = "listed, but not stored"
    NOT_STATED = "not in the signed history"
    UPLOADS = "uploads are lost"
    NOT_COMPARED = "uploads not compared"
    SHARED = "another recorder may upload there"


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding. path: relative to the volume's folder."""

    what: FindingKind
    path: str
    detail: str = ""
    repaired: bool = False


@dataclass(frozen=True, slots=True)
class CheckReport:
    """Result of a check. segments, seconds: number and duration of closed files. wall: None if not requested."""

    segments: int
    seconds: float
    findings: list[Finding] = field(default_factory=list)
    wall: WallCoverage | None = None
    thinned: int = 0
    """Number of segments that have only keyframes."""
    damage: Mapping[CameraId, DamageSum] = field(default_factory=dict)
    """Recorded time with incomplete frames, of both streams, per camera that has any. Not a finding."""
    thinned_spans: Mapping[CameraId, Sequence[Span]] = field(default_factory=dict)
    """Time that has only keyframes."""
    set_aside: Sequence[str] = ()
    """Paths of damaged files that were set aside. Not findings: tawny has nothing left to do with them."""

    @property
    def ok(self) -> bool:
        return not self.findings

"""Findings of `check`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from tawny.model.damage import DamageSum
from tawny.model.ids import CameraId
from tawny.model.times import Span
from tawny.storage.repair.coverage import WallCoverage


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
    NOT_ITSELF = "says it is another"
    FOREIGN = "not ours"
    LINK = "a link"
    INDEX = "index damaged"
    HALF_THINNED = "thinned, and still there in full"
    UNEXPLAINED = "time without explanation"
    HISTORY = "signed history broken"
    WITNESS = "not what a witness has seen"
    MISSING = "missing, unexplained"
    NOT_STORED = "listed, but not stored"
    NOT_STATED = "not in the signed history"


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

    @property
    def ok(self) -> bool:
        return not self.findings

"""What `check` can find, as values."""

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
    MISSING = "missing, unexplained"
    NOT_STATED = "not in the signed history"


@dataclass(frozen=True, slots=True)
class Finding:
    """path: below the volume's folder."""

    what: FindingKind
    path: str
    detail: str = ""
    repaired: bool = False


@dataclass(frozen=True, slots=True)
class CheckReport:
    """segments: closed files that were looked at, and the seconds that they cover. wall: None if not asked for."""

    segments: int
    seconds: float
    findings: list[Finding] = field(default_factory=list)
    wall: WallCoverage | None = None
    thinned: int = 0
    """How many of the segments are keyframes only."""
    damage: Mapping[CameraId, DamageSum] = field(default_factory=dict)
    """Recorded time whose pictures are not whole, of both streams; no camera that has none. It is no finding."""
    thinned_spans: Mapping[CameraId, Sequence[Span]] = field(default_factory=dict)
    """Of which time only keyframes are left."""

    @property
    def ok(self) -> bool:
        return not self.findings

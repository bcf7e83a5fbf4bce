"""Disk problems for alarms and warnings, served from memory. Thread-safe."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tawny.model.messages import ProblemKind
from tawny.recorder.recorder import SegmentRecorder
from tawny.service.health.alarms import HealthProblem
from tawny.service.retention.free_space import FreeSpace
from tawny.service.retention.secondary_volumes import OtherVolumes
from tawny.storage.disk.mirror import Mirror
from tawny.storage.disk.volume import Volume

BACK = "recording moves back to it automatically."
SLOW = "At most 2 s are lost on a faster one: use an SSD, or an SD card of class A1 or A2."


@dataclass(frozen=True, slots=True)
class DiskProblems:
    """Collects disk problems. stands_for: folder of the disk missing at the start, which `volume` replaces."""

    volume: Volume
    room: FreeSpace
    others: OtherVolumes
    mirror: Mirror | None
    recorder: SegmentRecorder
    stands_for: Path | None

    def __call__(self) -> Iterator[HealthProblem]:
        """Yield the problems of free space, secondary volumes, the mirror and the main volume."""
        for warning in self.room.warnings:
            yield HealthProblem(ProblemKind.ROOM, None, warning.message, warning.do)
        for what, problem in self.others.problems():
            yield HealthProblem(ProblemKind(what), None, problem.message, problem.do)
        if self.mirror is not None and self.mirror.problem is not None:
            yield HealthProblem(ProblemKind.MIRROR, None, self.mirror.problem.message, self.mirror.problem.do)
        if self.stands_for is not None:
            told = f"The disk for {self.stands_for} is missing. Recording to {self.volume.root} instead."
            yield HealthProblem(ProblemKind.SPARE, None, told, f"Connect or mount it; {BACK}")
        if (spare := self.recorder.on_spare) is not None:
            how = "isn't responding" if self.recorder.hangs(self.volume) else "fails"
            told = f"The disk at {self.volume.root} {how}. Recording to {spare.root} instead."
            yield HealthProblem(ProblemKind.SPARE, None, told, f"Check its cable and its health; {BACK}")
        if (at_risk_s := self.recorder.at_risk_s) > 0:
            told = f"The disk at {self.volume.root} is slow: a power cut would lose the last {at_risk_s:.0f} s."
            yield HealthProblem(ProblemKind.SLOW_DISK, None, told, SLOW)

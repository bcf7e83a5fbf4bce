"""What is wrong with disks just now, as alarms and warnings tell it. Answered from memory, by any thread."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tawny.recorder.recorder import SegmentRecorder
from tawny.service.health.alarms import HealthProblem
from tawny.service.retention.free_space import FreeSpace
from tawny.service.retention.secondary_volumes import OtherVolumes
from tawny.storage.disk.mirror import Mirror
from tawny.storage.disk.volume import Volume

BACK = "recording moves back to it automatically."


@dataclass(frozen=True, slots=True)
class DiskProblems:
    """stands_for: the folder whose disk was not there at the start, so that `volume` stands in for it."""

    volume: Volume
    room: FreeSpace
    others: OtherVolumes
    mirror: Mirror | None
    recorder: SegmentRecorder
    stands_for: Path | None

    def __call__(self) -> Iterator[HealthProblem]:
        """The room on them, the other volumes, and the first one if it is done without."""
        for warning in self.room.warnings:
            yield HealthProblem("room", None, warning.message, warning.do)
        for what, problem in self.others.problems():
            yield HealthProblem(what, None, problem.message, problem.do)
        if self.mirror is not None and self.mirror.problem is not None:
            yield HealthProblem("mirror", None, self.mirror.problem.message, self.mirror.problem.do)
        if self.stands_for is not None:
            told = f"The disk for {self.stands_for} is missing. Recording to {self.volume.root} instead."
            yield HealthProblem("spare", None, told, f"Connect or mount it; {BACK}")
        if (spare := self.recorder.on_spare) is not None:
            how = "isn't responding" if self.recorder.hangs(self.volume) else "fails"
            told = f"The disk at {self.volume.root} {how}. Recording to {spare.root} instead."
            yield HealthProblem("spare", None, told, f"Check its cable and its health; {BACK}")

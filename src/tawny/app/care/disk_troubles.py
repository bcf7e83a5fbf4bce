"""What is wrong with disks just now, as alarms and warnings tell it. Answered from memory, by any thread."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tawny.app.care.alarms import Trouble
from tawny.app.keeping.other_volumes import OtherVolumes
from tawny.app.keeping.room import Room
from tawny.recorder.recorder import Recorder
from tawny.storage.mirror import Mirror
from tawny.storage.volume import Volume

BACK = "recording moves back to it automatically."


@dataclass(frozen=True, slots=True)
class DiskTroubles:
    """stands_for: the folder whose disk was not there at the start, so that `volume` stands in for it."""

    volume: Volume
    room: Room
    others: OtherVolumes
    mirror: Mirror | None
    recorder: Recorder
    stands_for: Path | None

    def __call__(self) -> Iterator[Trouble]:
        """The room on them, the other volumes, and the first one if it is done without."""
        for warning in self.room.warnings:
            yield Trouble("room", None, warning.message, warning.do)
        for what, problem in self.others.problems():
            yield Trouble(what, None, problem.message, problem.do)
        if self.mirror is not None and self.mirror.problem is not None:
            yield Trouble("mirror", None, self.mirror.problem.message, self.mirror.problem.do)
        if self.stands_for is not None:
            told = f"The disk for {self.stands_for} is missing. Recording to {self.volume.root} instead."
            yield Trouble("spare", None, told, f"Connect or mount it; {BACK}")
        if (spare := self.recorder.on_spare) is not None:
            how = "isn't responding" if self.recorder.hangs(self.volume) else "fails"
            told = f"The disk at {self.volume.root} {how}. Recording to {spare.root} instead."
            yield Trouble("spare", None, told, f"Check its cable and its health; {BACK}")

"""Selection of the volume for recordings: the main volume, or a spare while the main volume fails or hangs.

A hanging disk blocks the thread that accesses it. The job is therefore abandoned with its writer, and its packets are
written to another volume. The volume is not used again while an abandoned job is unfinished.

Call from the recorder's thread only, except `hangs`.
"""

import logging
from dataclasses import dataclass

from tawny.recorder.stream_writer import StreamWriter
from tawny.recorder.write_job import WriteJob
from tawny.storage.disk.volume import Volume

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AbandonedWrite:
    """An abandoned job on a hanging disk, and its writer."""

    job: WriteJob
    writer: StreamWriter


class VolumeSelector:
    def __init__(self, volume: Volume) -> None:
        self.first = volume
        self._left_behind: tuple[AbandonedWrite, ...] = ()

    def hangs(self, volume: Volume) -> bool:
        """Return whether the volume is hanging. Call from any thread."""
        return any(one.job.on is volume for one in self._left_behind)

    def best(self) -> Volume | None:
        """Return the volume for a new file. None while no volume responds."""
        return next((one for one in (self.first, *self.first.spares) if not self.hangs(one)), None)

    def other_than(self, volume: Volume) -> bool:
        """Return whether another responding volume is known."""
        return any(one is not volume and not self.hangs(one) for one in (self.first, *self.first.spares))

    def leave(self, job: WriteJob, writer: StreamWriter) -> None:
        """Abandon a job."""
        job.give_up()
        if not self.hangs(job.on):
            log.warning("%s is not responding; recording continues on another volume", job.on.root)
        self._left_behind = (*self._left_behind, AbandonedWrite(job, writer))

    def answered(self) -> list[AbandonedWrite]:
        """Return abandoned jobs that finished since the last call. The caller ends their files."""
        back = [one for one in self._left_behind if one.job.finished]
        self._left_behind = tuple(one for one in self._left_behind if not one.job.finished)
        for volume in {one.job.on.root: one.job.on for one in back}.values():
            if not self.hangs(volume):
                log.warning("%s is responding again", volume.root)
        return back

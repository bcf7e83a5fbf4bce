"""Where recordings are written: the first volume, or a spare while the first refuses or does not answer.

A disk that hangs takes the thread that asked it, and gives it back when it pleases. So the job is left behind with its
writer, its packets are written elsewhere, and while any such job is unfinished its volume is asked for nothing more.
The recorder's thread alone calls, but for `hangs`.
"""

import logging
from dataclasses import dataclass

from tawny.recorder.stream_writer import StreamWriter
from tawny.recorder.write_job import WriteJob
from tawny.storage.disk.volume import Volume

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AbandonedWrite:
    """A job on a disk that does not answer, and the writer that is the job's until it does."""

    job: WriteJob
    writer: StreamWriter


class VolumeSelector:
    def __init__(self, volume: Volume) -> None:
        self.first = volume
        self._left_behind: tuple[AbandonedWrite, ...] = ()

    def hangs(self, volume: Volume) -> bool:
        """Whether it has not answered yet. Any thread may ask."""
        return any(one.job.on is volume for one in self._left_behind)

    def best(self) -> Volume | None:
        """Where a new file should be made; None while nothing answers."""
        return next((one for one in (self.first, *self.first.spares) if not self.hangs(one)), None)

    def other_than(self, volume: Volume) -> bool:
        """Whether there is another place that answers, as far as is known."""
        return any(one is not volume and not self.hangs(one) for one in (self.first, *self.first.spares))

    def leave(self, job: WriteJob, writer: StreamWriter) -> None:
        """Go on without it."""
        job.give_up()
        if not self.hangs(job.on):
            log.warning("%s does not answer; recording goes on elsewhere", job.on.root)
        self._left_behind = (*self._left_behind, AbandonedWrite(job, writer))

    def answered(self) -> list[AbandonedWrite]:
        """Those that came back since the last call: their files are to be ended."""
        back = [one for one in self._left_behind if one.job.finished]
        self._left_behind = tuple(one for one in self._left_behind if not one.job.finished)
        for volume in {one.job.on.root: one.job.on for one in back}.values():
            if not self.hangs(volume):
                log.warning("%s answers again", volume.root)
        return back

"""Writer pool: threads that block on disks, so that other threads do not.

On a disk whose sync takes long, more threads write: a file system with a journal commits what several of them sync at
the same time at once, so that many cameras wait about as long as one.
"""

import logging
import math
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from tawny.engine import Engine, Handle
from tawny.model.errors import StorageError
from tawny.model.times import Clock
from tawny.recorder.segmenter import WriteUnit
from tawny.recorder.stream_writer import StreamWriter
from tawny.storage.disk.volume import Volume

# Write job: write units of one stream on their way to the disk.


class WriteJob:
    """A job run once by a writer. on: volume for new files; its writers run the job.

    Invariant: all other fields are set before `finished` and do not change afterwards.
    """

    def __init__(
        self, writer: StreamWriter, pieces: list[WriteUnit], begun_s: float, on: Volume, now_s: Callable[[], float]
    ) -> None:
        self._writer, self._pieces, self.begun_s, self.on, self._now_s = writer, pieces, begun_s, on, now_s
        self.ended_s = begun_s
        self._done = 0
        self._is_given_up = False
        self.error: StorageError | None = None
        """The error that stopped the job."""
        self.unusable = ""
        """Why the unit at which the job stopped can never be stored."""
        self.finished = False

    def __call__(self) -> None:
        try:
            for piece in self._pieces:
                if self._is_given_up:
                    break
                self._writer.write(piece, self.on)
                self._done += 1
        except StorageError as error:
            self.error = error
        except ValueError as error:
            self.unusable = str(error)
        finally:
            self.ended_s = self._now_s()
            self.finished = True

    def give_up(self) -> None:
        """Skip units that were not started; the caller writes them elsewhere. Call from any thread."""
        self._is_given_up = True

    @property
    def done(self) -> list[WriteUnit]:
        """The durable units."""
        return self._pieces[: self._done]

    @property
    def left(self) -> list[WriteUnit]:
        return self._pieces[self._done :]


# Selection of the volume for recordings: the main volume, or a spare while the main volume fails or hangs.

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


Job = Callable[[], None]
_IDLE_S: Final = 5.0  # a new job wakes them
_MOST: Final = 16
_ROUND_S: Final = 0.1
"""Jobs that take longer than this, in s, one after the other, are divided among more threads."""
_WEIGHT: Final = 0.25
"""Share of a job that was faster than the last ones in the expected duration. A slower one sets it."""


class WriterPool:
    """Starts jobs in the order of submission. Thread-safe. least: number of threads. name: prefix of their names."""

    def __init__(self, engine: Engine, clock: Clock, least: int = 2, name: str = "writer") -> None:
        self._engine, self._clock, self._least, self._name = engine, clock, least, name
        self._jobs: deque[Job] = deque()
        self._job_s = 0.0
        self._busy: set[int] = set()  # a busy writer checks for another job before it sleeps
        self._handles: list[Handle] = []
        self._growing = threading.Lock()
        self._grow(least)

    @property
    def threads(self) -> int:
        return len(self._handles)

    def submit(self, *jobs: Job) -> None:
        self._jobs.extend(jobs)
        self._call()

    def _call(self) -> None:
        """Wake as many writers as the waiting jobs need."""
        waiting = len(self._jobs)
        wanted = min(_MOST, waiting, max(self._least, math.ceil(waiting * self._job_s / _ROUND_S)))
        self._grow(wanted)
        idle = [handle for number, handle in enumerate(self._handles) if number not in self._busy]
        for handle in idle[:wanted]:
            handle.wake()

    def stop(self) -> None:
        for handle in self._handles:
            handle.stop()

    def _grow(self, count: int) -> None:
        with self._growing:
            for number in range(len(self._handles), count):
                try:
                    handle = self._engine.start(f"{self._name} {number + 1}", partial(_Writer, self, number))
                except RuntimeError:  # the system has no more threads: those that run do the work
                    if number < self._least:
                        raise
                    return
                self._handles.append(handle)

    def run_next(self, number: int) -> float:
        """Run a job on the thread of this number. Return the time to sleep, in s."""
        self._busy.add(number)
        try:
            job = self._jobs.popleft()
        except IndexError:
            self._busy.discard(number)  # before the check: a submission before it wakes no idle writer
            return 0.0 if self._jobs else _IDLE_S
        begun_s = self._clock.mono_s()
        job()
        took_s = self._clock.mono_s() - begun_s
        if took_s > self._job_s:
            self._job_s = took_s
            self._call()
        else:
            self._job_s += _WEIGHT * (took_s - self._job_s)
        return 0.0

    def rest(self, number: int) -> None:
        """The thread of this number ended; its successor continues."""
        self._busy.discard(number)


class _Writer:
    """Actor that runs one job per step."""

    name = "writer"

    def __init__(self, pool: WriterPool, number: int) -> None:
        self._pool, self._number = pool, number

    def step(self) -> float:
        return self._pool.run_next(self._number)

    def close(self) -> None:
        self._pool.rest(self._number)

"""Write job: write units of one stream on their way to the disk."""

from collections.abc import Callable

from tawny.model.errors import StorageError
from tawny.recorder.stream_writer import StreamWriter
from tawny.recorder.write_units import WriteUnit
from tawny.storage.disk.volume import Volume


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

"""Some pieces of one stream on their way to the disk."""

from tawny.model.errors import StorageError
from tawny.recorder.stream_writer import StreamWriter
from tawny.recorder.write_units import WriteUnit
from tawny.storage.disk.volume import Volume


class WriteJob:
    """Run once, by a writer. on: where new files are made, and whose threads run it.

    Always true: all else is set before `finished` is, and never changes afterwards.
    """

    def __init__(self, writer: StreamWriter, pieces: list[WriteUnit], begun_s: float, on: Volume) -> None:
        self._writer, self._pieces, self.begun_s, self.on = writer, pieces, begun_s, on
        self._done = 0
        self._is_given_up = False
        self.error: StorageError | None = None
        """Why it stopped before its end."""
        self.unusable = ""
        """Why the piece at which it stopped can never be stored."""
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
            self.finished = True

    def give_up(self) -> None:
        """What is not begun yet is not to be: somebody else writes it. Any thread may call."""
        self._is_given_up = True

    @property
    def done(self) -> list[WriteUnit]:
        """Those that are durable."""
        return self._pieces[: self._done]

    @property
    def left(self) -> list[WriteUnit]:
        return self._pieces[self._done :]

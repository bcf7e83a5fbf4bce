"""A recogniser that somebody writes: a file with `read(picture)`, run in a process of its own like a `detect()`."""

from collections.abc import Sequence
from pathlib import Path

from tawny.engine.foreign_file import ForeignFile
from tawny.model.clock import Clock
from tawny.watch.reading.recogniser import Reading, Shown


class OwnReader:
    """kinds: what it is shown. deadline_s: how long a call may take; memory: bytes it may have."""

    def __init__(
        self, file: Path, kinds: Sequence[str], *, deadline_s: float, memory: int, clock: Clock | None = None
    ) -> None:
        self._kinds = tuple(kinds)
        self._foreign = ForeignFile(
            file.expanduser().absolute(), "read", deadline_s=deadline_s, memory=memory, clock=clock
        )

    @property
    def kinds(self) -> tuple[str, ...]:
        return self._kinds

    @property
    def trouble(self) -> str:
        return self._foreign.trouble

    @property
    def is_ready(self) -> bool:
        return self._foreign.is_ready

    def read(self, shown: Shown) -> Sequence[Reading]:
        found = self._foreign.ask(shown.at_ms, str(shown.camera), shown.rgb, shown.kind)
        return [Reading(text, score, tuple(numbers)) for text, score, numbers in found or ()]

    def close(self) -> None:
        self._foreign.close()

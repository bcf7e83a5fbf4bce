"""A recognizer from a user script: a file with `read(picture)`, run in a separate process like `detect()`."""

from collections.abc import Sequence
from pathlib import Path

from tawny.detection.recognition.recogniser import RecogniserInput, RecogniserResult
from tawny.engine.user_script import UserScript
from tawny.model.clock import Clock


class UserRecogniser:
    """Runs a user's `read()`.

    kinds: accepted objects. deadline_s: maximum duration of a call, s. memory: limit, bytes.
    """

    def __init__(
        self,
        file: Path,
        kinds: Sequence[str],
        *,
        deadline_s: float,
        memory: int,
        allow_read: Sequence[str] = (),
        clock: Clock | None = None,
    ) -> None:
        self._kinds = tuple(kinds)
        self._foreign = UserScript(
            file.expanduser().absolute(), "read",
            deadline_s=deadline_s, memory=memory, allow_read=allow_read, clock=clock,
        )  # fmt: skip

    @property
    def kinds(self) -> tuple[str, ...]:
        return self._kinds

    @property
    def trouble(self) -> str:
        return self._foreign.trouble

    @property
    def is_ready(self) -> bool:
        return self._foreign.is_ready

    def read(self, shown: RecogniserInput) -> Sequence[RecogniserResult]:
        found = self._foreign.ask(shown.at_ms, str(shown.camera), shown.rgb, shown.kind)
        return [RecogniserResult(text, score, tuple(numbers)) for text, score, numbers in found or ()]

    def close(self) -> None:
        self._foreign.close()

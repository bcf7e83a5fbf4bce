"""Interface for the web layer: witnesses of the signed history."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class SeenWitnesses:
    """Answer to a browser's witnesses. current: the newest one to remember; None if there is none to give away.

    doubted: those that the history contradicts, to be presented again until the owner confirms the history.
    """

    current: str | None
    doubted: Sequence[str]


class HistoryApi(Protocol):
    """The signed history as its witnesses see it. Thread-safe; calls wait for the disk and raise StorageError."""

    def seen(self, texts: Sequence[str], seen_by: str) -> SeenWitnesses:
        """Compare witnesses that a browser remembers. Contradictions become a problem until they are confirmed."""
        ...

    def contradictions(self) -> list[str]:
        """Return what the witnesses contradict, as sentences; empty if nothing or confirmed."""
        ...

    def confirm(self, texts: Sequence[str] = ()) -> list[str]:
        """Confirm that the present history counts, also against these witnesses.

        Return what was confirmed, as sentences.
        """
        ...

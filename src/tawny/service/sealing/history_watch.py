"""Watch over the signed history: compares it with its witnesses and raises a problem until the owner confirms it.

Witnesses are what browsers present, the mirror, and the running recorder's own memory.
"""

import logging
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from tawny.model.errors import StorageError
from tawny.model.messages import ProblemKind
from tawny.model.times import Clock
from tawny.sealed.statements import Witness, find_witnesses
from tawny.service.health.alarms import HealthProblem
from tawny.storage.disk.volume import Volume
from tawny.storage.history.signed_history import SignedHistory
from tawny.storage.history.witnesses import HistoryWitnesses, WitnessReport, mirror_witnesses


@dataclass(frozen=True, slots=True)
class WitnessInfo:
    current: str | None
    """The newest witness, to keep instead of all that aren't doubted; None while recording to the fallback disk."""
    doubted: Sequence[str]
    """Witnesses that the history contradicts, to keep and present again."""


log = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 3600.0
"""Interval, s, at which the files are compared with the mirror and with the recorder's own memory."""
HISTORY_DO: Final = (
    "If you restored a backup or replaced the disk, confirm it on the Health page, or with `tawny check "
    "--confirm-history`. Otherwise keep this disk as it is, and compare it with your uploads and notifications."
)


class HistoryWatch:
    """Watches the history of one volume. Call it, as a health check, from one thread; the rest is thread-safe.

    Calls wait for the disk and raise StorageError. history: None where there is none: in memory, and on the fallback
    disk. Nothing is contradicted then.
    """

    def __init__(self, volume: Volume, history: SignedHistory | None, clock: Clock, zone: str) -> None:
        self._volume, self._history, self._clock, self._zone = volume, history, clock, ZoneInfo(zone)
        self._witnesses = HistoryWitnesses(volume)
        self._lock = threading.Lock()
        self._reports: tuple[WitnessReport, ...] = ()
        self._due_s = 0.0

    @property
    def is_watching(self) -> bool:
        """Return whether there is a history."""
        return self._history is not None

    def __call__(self) -> Iterator[HealthProblem]:
        """Yield the problem, if there is one. Reads the disk once an hour."""
        if self._history is not None and self._clock.mono_s() >= self._due_s:
            try:
                self._look(self._history)
                self._due_s = self._clock.mono_s() + LOOK_EVERY_S
            except StorageError as error:
                log.warning("cannot compare the signed history with its witnesses: %s", error)
        found = self._reports
        if found:
            others = len(found) - 1
            more = f" {others} more witness{'es contradict' if others > 1 else ' contradicts'} it." if others else ""
            yield HealthProblem(ProblemKind.HISTORY, None, self._sentence(found[0]) + more, HISTORY_DO)

    def seen(self, texts: Sequence[str], seen_by: str) -> WitnessInfo:
        """Compare witnesses that a browser remembers. Contradictions become a problem until they are confirmed."""
        if self._history is None:
            return WitnessInfo(None, list(texts))
        head, witnesses = self._history.head, [one for text in texts for one in find_witnesses(text)]
        found = self._compare(witnesses, seen_by)
        return WitnessInfo(head.text if head is not None else None, [one.text for one in found])

    def contradictions(self) -> list[str]:
        """Return what the witnesses contradict, as sentences; empty if nothing or confirmed."""
        return [self._sentence(one) for one in self._reports]

    def confirm(self, texts: Sequence[str] = ()) -> list[str]:
        """Confirm that the present history counts, also against these witnesses.

        Return what was confirmed, as sentences.
        """
        if self._history is None:
            return []
        self._compare([one for text in texts for one in find_witnesses(text)], "An upload or notification")
        found = self._witnesses.accept(self._clock.now_ms())
        if found:
            self._history.add(["confirmed", *(one.text for one in found)])
        self._refresh()
        return [self._sentence(one) for one in found]

    def _look(self, history: SignedHistory) -> None:
        for seen_by, witness in mirror_witnesses(self._volume):
            self._compare([witness], seen_by)
        head = history.head
        self._compare([head] if head is not None else [], "The running recorder")
        self._refresh()

    def _compare(self, witnesses: Sequence[Witness], seen_by: str) -> list[WitnessReport]:
        found = self._witnesses.compare(witnesses, seen_by) if witnesses else []
        if found:
            for one in self._witnesses.report(found)[:1]:
                log.warning("%s", self._sentence(one))
            self._refresh()
        return found

    def _refresh(self) -> None:
        with self._lock:
            self._reports = tuple(self._witnesses.reports())

    def _sentence(self, one: WitnessReport) -> str:
        return one.sentence(lambda at_ms: f"{datetime.fromtimestamp(at_ms / 1000, self._zone):%Y-%m-%d %H:%M}")

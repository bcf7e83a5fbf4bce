"""Comparison of the signed history with witnesses of it, and the record of what they contradict.

`history/witnesses.json` holds the contradictions until the owner confirms them, so that they survive a restart, and
what was confirmed. A new history after a lost one is such a contradiction, too: the lost one is put aside.
"""

import json
import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any, Final

from tawny.model.errors import StorageError
from tawny.sealed.broken import SealedFileBroken
from tawny.sealed.statements import (
    DAYS,
    RECORDER_LETTERS,
    Statement,
    StatementDay,
    Witness,
    find_witnesses,
    mark_of,
    witness_of,
)
from tawny.storage.disk.disk import DiskAccess, parent_of
from tawny.storage.disk.volume import Volume
from tawny.storage.history.chains import SignedChain, chains_on
from tawny.storage.history.signed_files import FOLDER

log = logging.getLogger(__name__)

PATH: Final = "history/witnesses.json"
MOST_REPORTS: Final = 20
"""Contradictions that are stored; the first ones say most."""
_NEW: Final = ".new"


class WitnessVerdict(StrEnum):
    """What a witness says about the history."""

    KNOWN = "known"
    OLDER = "older"
    """The history ends before the statement."""
    OTHER = "other"
    """The history has another statement in its place."""
    BROKEN = "broken"
    """The statements of that day are missing or were changed."""
    FOREIGN = "foreign"
    """No history here is of that recorder."""


class WitnessJudge:
    """Compares witnesses with verified chains. Reads each chain's days and each day's statements once."""

    def __init__(self, chains: Sequence[SignedChain]) -> None:
        self._chains = {one.recorder.hex()[:RECORDER_LETTERS]: one for one in reversed(chains)}
        self._days: dict[str, tuple[dict[str, StatementDay], Sequence[Statement]]] = {}
        self._statements: dict[tuple[str, str], Mapping[int, str]] = {}

    def judge(self, witness: Witness) -> tuple[WitnessVerdict, int]:
        """Return the time of the newest statement of that chain as well, ms UTC; 0: none. Raises StorageError."""
        chain = self._chains.get(witness.recorder)
        if chain is None:
            return WitnessVerdict.FOREIGN, 0
        until_ms = 0
        try:
            if witness.recorder not in self._days:
                days = chain.days()
                self._days[witness.recorder] = days, chain.newest(days)
            days, newest = self._days[witness.recorder]
            until_ms = newest[-1].at_ms if newest else 0
            if not newest or (witness.n > newest[-1].n and witness.at_ms > until_ms):
                return WitnessVerdict.OLDER, until_ms
            if witness.day not in days:
                return WitnessVerdict.OTHER, until_ms
            is_newest = witness.day == newest[-1].time[:10]
            if (place := (witness.recorder, witness.day)) not in self._statements:
                statements = newest if is_newest else chain.statements(days[witness.day])
                self._statements[place] = {one.n: mark_of(one.hash) for one in statements}
        except SealedFileBroken:
            return WitnessVerdict.BROKEN, until_ms
        is_known = self._statements[place].get(witness.n) == witness.mark
        return WitnessVerdict.KNOWN if is_known else WitnessVerdict.OTHER, until_ms


@dataclass(frozen=True, slots=True)
class WitnessReport:
    """A contradiction. text: of the witness, or of a history that was put aside, as in `before-1a2b3c4d`.

    seen_by: who holds the witness, as in "A browser of Anna". until_ms: end of the history here, ms UTC; 0: unknown.
    """

    text: str
    seen_by: str
    verdict: str
    until_ms: int

    @property
    def witness(self) -> Witness | None:
        return next(find_witnesses(self.text), None)

    def sentence(self, clock_text: Callable[[int], str]) -> str:
        """Return what it says, for users. clock_text: returns date and time in the user's zone."""
        one, until = self.witness, clock_text(self.until_ms) if self.until_ms else "an unknown time"
        if one is None:
            return (
                f"The recorder began a new signed history, because the keys or the last entries of the one before were "
                f"missing. That one ends at {until}; recordings made after that may have been removed."
            )
        seen = f"{self.seen_by} has seen this recorder's history as of {clock_text(one.at_ms)}"
        match self.verdict:
            case WitnessVerdict.OLDER:
                return (
                    f"{seen}, but the history here ends at {until}. Recordings made in between may have been removed."
                )
            case WitnessVerdict.OTHER:
                return f"{seen}, but the history here is another one. It may be an older copy that was continued."
            case WitnessVerdict.BROKEN:
                return f"{seen}, but that day is missing or damaged in the history here."
        return f"{seen}, but that history ({one.recorder}) isn't here. All data may have been replaced."


@dataclass(frozen=True, slots=True)
class WitnessRecord:
    """The content of the file. accepted_ms: witnesses of statements up to this time are confirmed, ms UTC.

    accepted: confirmed texts, and recorders whose history isn't here.
    """

    reports: tuple[WitnessReport, ...] = ()
    accepted_ms: int = 0
    accepted: tuple[str, ...] = ()

    def accepts(self, text: str) -> bool:
        one = next(find_witnesses(text), None)
        is_early = one is not None and (one.at_ms <= self.accepted_ms or one.recorder in self.accepted)
        return is_early or text in self.accepted


def head_of(chain: SignedChain) -> Witness | None:
    """Return the witness of a chain's newest statement; None if it can't be verified. Raises StorageError."""
    with suppress(SealedFileBroken, KeyError, ValueError):
        one = chain.newest(chain.days())[-1:]
        return witness_of(chain.recorder, one[0].n, one[0].time, one[0].hash) if one else None
    return None


def mirror_witnesses(volume: Volume) -> Iterator[tuple[str, Witness]]:
    """Yield what the attached mirrors have of the history: where, and its newest statement. Skips unreadable ones."""
    for mirror in volume.copies:
        with suppress(StorageError):
            current = (one for one in chains_on(mirror) if one.disk is mirror.disk and not one.prefix)
            for head in map(head_of, current):
                if head is not None:
                    yield f"The mirror at {mirror.root}", head


class HistoryWitnesses:
    """The witnesses of one volume's history: compares, remembers and confirms. Thread-safe; waits for the disk.

    If the disk can't be written, contradictions are kept in memory. Methods raise StorageError for reading only.
    """

    def __init__(self, volume: Volume) -> None:
        self._volume = volume
        self._lock = threading.Lock()
        self._record = _read(volume.disk)

    def reports(self) -> list[WitnessReport]:
        """Return the contradictions that are not confirmed."""
        with self._lock:
            record = self._record
        return [*_put_aside(self._volume, record), *record.reports]

    def judge(self) -> WitnessJudge:
        """Return a comparison with the history as it is now. Raises StorageError."""
        return WitnessJudge(chains_on(self._volume))

    def compare(
        self, witnesses: Iterable[Witness], seen_by: str, judge: WitnessJudge | None = None
    ) -> list[WitnessReport]:
        """Return a report of the newest witness of each recorder that the history contradicts. Stores nothing.

        A holder may have witnesses of several branches: of the history before a disk was put back, and after it. What
        was confirmed is left out.
        """
        judge, found = judge or self.judge(), dict[str, WitnessReport]()
        for one in sorted(witnesses, key=lambda one: one.at_ms, reverse=True):
            if one.recorder in found or self._record.accepts(one.text):
                continue
            verdict, until_ms = judge.judge(one)
            if verdict is not WitnessVerdict.KNOWN:
                found[one.recorder] = WitnessReport(one.text, seen_by, verdict.value, until_ms)
        return list(found.values())

    def report(self, found: Iterable[WitnessReport]) -> list[WitnessReport]:
        """Remember contradictions until they are confirmed. Return those that are new."""
        with self._lock:
            known = {one.text for one in self._record.reports}
            fresh = [one for one in found if one.text not in known]
            if fresh:
                reports = (*self._record.reports, *fresh)[:MOST_REPORTS]
                self._keep(replace(self._record, reports=reports))
            return fresh

    def accept(self, now_ms: int) -> list[WitnessReport]:
        """Confirm all contradictions: from now on, the present history counts. Return them."""
        found = self.reports()
        with self._lock:
            texts = [one.text for one in found]
            foreign = [one.text.split("-")[1] for one in found if one.verdict == WitnessVerdict.FOREIGN]
            accepted = tuple(dict.fromkeys([*self._record.accepted, *texts, *foreign]))
            self._keep(WitnessRecord((), max(now_ms, self._record.accepted_ms), accepted))
        return found

    def _keep(self, record: WitnessRecord) -> None:
        self._record = record
        try:
            _write(self._volume.disk, record)
        except StorageError as error:
            log.warning("cannot write the witnesses of the signed history: %s", error)


def _put_aside(volume: Volume, record: WitnessRecord) -> Iterator[WitnessReport]:
    """Yield a report of each history that was put aside when a new one began, unless that was confirmed."""
    chains = {one.prefix: one for one in chains_on(volume) if one.disk is volume.disk}
    for entry in volume.disk.entries(FOLDER):
        prefix = entry.name.removesuffix(DAYS)
        text = prefix.rstrip("-")
        if not prefix.startswith("before-") or not entry.name.endswith(DAYS) or record.accepts(text):
            continue
        until_ms = 0
        with suppress(SealedFileBroken, KeyError, IndexError):
            until_ms = chains[prefix].newest(chains[prefix].days())[-1].at_ms
        yield WitnessReport(text, "", "", until_ms)


def _read(disk: DiskAccess) -> WitnessRecord:
    """Return the stored record; an empty one if the file is missing or damaged."""
    if disk.entry(PATH) is None:
        return WitnessRecord()
    with suppress(ValueError, KeyError, TypeError, RecursionError):
        data: Any = json.loads(disk.read(PATH))
        reports = tuple(
            WitnessReport(str(one["text"]), str(one["seen_by"]), str(one["verdict"]), int(one["until_ms"]))
            for one in data["reports"]
        )
        return WitnessRecord(reports, int(data["accepted_ms"]), tuple(map(str, data["accepted"])))
    return WitnessRecord()


def _write(disk: DiskAccess, record: WitnessRecord) -> None:
    disk.make_folder(parent_of(PATH))
    disk.unlink(PATH + _NEW)
    file = disk.create(PATH + _NEW)
    try:
        file.append([json.dumps(asdict(record), indent=1).encode() + b"\n"])
        file.sync()
    finally:
        file.close()
    disk.rename(PATH + _NEW, PATH)
    disk.sync_folder(parent_of(PATH))

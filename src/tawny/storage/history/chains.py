"""Signed chains: the histories on a volume, and what each states about files.

A volume has its recorder's own chain. Beside it lie those that were put aside when a history began anew, and those of
other disks that recorded while the main disk was missing. Each is verified from its own first key.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from tawny.model.errors import StorageError
from tawny.sealed.broken import SealedFileBroken
from tawny.sealed.statements import (
    DAYS,
    Item,
    SigningState,
    Statement,
    StatementDay,
    genesis_of,
    last_of,
    list_name,
    read_days,
    read_lists,
    read_statements,
    recorder_of,
    statements_name,
)
from tawny.storage.disk.disk import DiskAccess
from tawny.storage.disk.volume import Volume
from tawny.storage.history.signed_files import (
    BETTER_PICTURE,
    FOLDER,
    NAMES,
    REMOVED_OF,
    RESTORED,
    STATE,
    THINNED_OF,
    Place,
    read_object,
)
from tawny.storage.repair.findings import Finding, FindingKind

_FILE, _REMOVED, _THINNED = "file", "removed", "thinned"
_MOST_NUMBERS: Final = 10_000


@dataclass(frozen=True, slots=True)
class SignedChain:
    """One signed history on a disk. prefix: of its files; empty for the current one of that disk."""

    disk: DiskAccess
    prefix: str
    recorder: bytes
    genesis: str

    def path(self, name: str) -> str:
        return f"{FOLDER}/{self.prefix}{name}"

    def days(self) -> dict[str, StatementDay]:
        """Return the verified days. Raises SealedFileBroken, StorageError."""
        return read_days(self.disk.read(self.path(DAYS)), self.genesis)

    def statements(self, day: StatementDay) -> list[Statement]:
        """Return the verified statements of a day. Raises SealedFileBroken, also if the file is missing."""
        path = self.path(statements_name(day.day))
        if self.disk.entry(path) is None:
            raise SealedFileBroken("its statements are missing")
        return read_statements(day, self.disk.read(path))

    def newest(self, days: Mapping[str, StatementDay]) -> list[Statement]:
        """Return the statements of the last day that has any. A day's line is written before its first statement.

        Raises SealedFileBroken.
        """
        for day in sorted(days, reverse=True):
            if self.disk.entry(self.path(statements_name(day))) is not None and (found := self.statements(days[day])):
                return found
        return []


def chains_on(volume: Volume) -> list[SignedChain]:
    """Return all chains of a volume and its other disks that begin readably; the current one first.

    Skips other disks that can't be read. Raises StorageError for the volume itself.
    """
    found = list(_chains_on(volume.disk))
    for other in volume.others:
        with suppress(StorageError):
            found += _chains_on(other.disk)
    return found


def _chains_on(disk: DiskAccess) -> Iterator[SignedChain]:
    names = [one.name for one in disk.entries(FOLDER) if one.name.endswith(DAYS)]
    for name in sorted(names, key=len):
        with suppress(SealedFileBroken, ValueError):
            genesis = genesis_of(disk.read(f"{FOLDER}/{name}"))
            yield SignedChain(disk, name.removesuffix(DAYS), recorder_of(genesis), genesis)


@dataclass(slots=True)
class StatedFiles:
    """A chain's contents about files.

    keys: public key by statement number, including `next` of the last one.
    """

    genesis: str = ""
    until: str = ""
    """Time of the newest statement."""
    last: str = ""
    """Hash of the newest statement's line."""
    keys: dict[int, str] = field(default_factory=dict)
    digests: defaultdict[Place, set[str]] = field(default_factory=lambda: defaultdict(set))
    removed: set[Place] = field(default_factory=set)
    thinned: set[Place] = field(default_factory=set)
    others: defaultdict[str, set[Place]] = field(default_factory=lambda: defaultdict(set))
    """Removed and thinned files of other chains, by item type and recorder."""
    replaced: dict[Place, Place] = field(default_factory=dict)
    """By picture: the earlier picture of the same event."""
    before: Sequence[str] = ()
    """The chain before this one, if any: its first key, the hash of its days and that of its last statement."""
    _newest: dict[tuple[str, int, int], Place] = field(default_factory=dict)

    def add(self, item: Item) -> None:
        match list(item):
            case [str(what), str(camera), int(kind), int(stream), int(number), str(digest), str()] if what == _FILE:
                self.digests[camera, kind, stream, number].add(digest)
                self._newest[camera, kind, stream] = camera, kind, stream, number
            case [str(what), str(camera), int(kind), int(stream), int(first), int(last), *why]:
                places = _places(camera, kind, stream, first, last)
                if what == _REMOVED:
                    self.removed |= places
                    if why == [BETTER_PICTURE] and (better := self._newest.get((camera, kind, stream))) is not None:
                        self.replaced[better] = camera, kind, stream, first
                elif what == _THINNED:
                    self.thinned |= places
            case [str(what), str(other), str(camera), int(kind), int(stream), int(first), int(last), *_]:
                if what in (REMOVED_OF, THINNED_OF):
                    self.others[f"{what} {other}"] |= _places(camera, kind, stream, first, last)
            case [str(what), str(genesis), str(days), *last] if what == RESTORED:
                self.before = (genesis, days, *map(str, last))


def _places(camera: str, kind: int, stream: int, first: int, last: int) -> set[Place]:
    return {(camera, kind, stream, number) for number in range(first, min(last, first + _MOST_NUMBERS) + 1)}


def read_chain(chain: SignedChain) -> tuple[StatedFiles, list[Finding]]:
    """Read a chain, and report where it is broken or cut. Raises StorageError."""
    stated, findings = StatedFiles(chain.genesis), list[Finding]()
    signing: tuple[str, str] | None = None
    try:
        signing = _signing_state(chain)  # before the statements, since a running recorder adds some
    except SealedFileBroken as problem:
        findings.append(Finding(FindingKind.HISTORY, STATE, str(problem)))
    try:
        days = chain.days()
    except SealedFileBroken as problem:
        return stated, [Finding(FindingKind.HISTORY, chain.path(DAYS), str(problem))]
    hashes: set[str] = set()
    for day in days:
        path, lists = chain.path(statements_name(day)), chain.path(list_name(day))
        if day == max(days) and chain.disk.entry(path) is None:
            continue  # its line was written just before a power cut; if not, the keys follow a later statement
        try:
            statements = chain.statements(days[day])
            if last_of(days, day) not in (None, statements[-1].hash if statements else ""):
                findings.append(Finding(FindingKind.HISTORY, path, "statements at its end are missing"))
            text = chain.disk.read(lists) if chain.disk.entry(lists) is not None else b""
            listed = list(read_lists(text, statements))
        except SealedFileBroken as problem:
            findings.append(Finding(FindingKind.HISTORY, path, str(problem)))
            continue
        if len(listed) < len(statements):
            findings.append(Finding(FindingKind.HISTORY, lists, f"{len(statements) - len(listed)} lists are missing"))
        _take(stated, statements, listed)
        hashes |= {one.hash for one in statements}
    if not findings and signing is not None and stated.last not in signing:
        if not {*signing} & (hashes or {""}):
            detail = "statements at its end are missing: the signing keys follow a later one"
            findings.append(Finding(FindingKind.HISTORY, chain.path(DAYS), detail))
        elif signing == _signing_state(chain):  # a running recorder made no statement meanwhile
            detail = "the signing keys are older than the statements at its end, as those of an older backup"
            findings.append(Finding(FindingKind.HISTORY, STATE, detail))
    return stated, findings


def read_stated(
    chain: SignedChain, days: Iterable[str], known: Mapping[str, StatementDay] | None = None
) -> StatedFiles:
    """Return what the statements of some days say. Raises SealedFileBroken where they are broken, StorageError.

    known: the verified days of the chain, of callers that have them: verifying takes a signature for each day.
    """
    stated, known = StatedFiles(chain.genesis), chain.days() if known is None else known
    for day in days:
        if chain.disk.entry(chain.path(statements_name(day))) is None:
            continue  # its line is written first
        statements, lists = chain.statements(known[day]), chain.path(list_name(day))
        text = chain.disk.read(lists) if chain.disk.entry(lists) is not None else b""
        _take(stated, statements, list(read_lists(text, statements)))
    return stated


def _take(stated: StatedFiles, statements: list[Statement], listed: list[tuple[Statement, list[Item]]]) -> None:
    for one in statements:
        stated.keys[one.n], stated.keys[one.n + 1], stated.until = one.key, one.next, one.time
        stated.last = one.hash
    for _, items in listed:
        for item in items:
            stated.add(item)


def _signing_state(chain: SignedChain) -> tuple[str, str] | None:
    """Return the hashes of the last statement and of the one before it that the recorder's keys follow.

    The last one may not be written yet: the next start does that. None for a chain that was put aside, and for a
    mirror, which has no secret files. Raises SealedFileBroken if the keys are missing or unreadable.
    """
    if chain.prefix or (chain.disk.entry(STATE) is None and chain.disk.entry(NAMES) is None):
        return None
    if chain.disk.entry(STATE) is None:
        raise SealedFileBroken("the recorder's signing keys are missing: this is a copy, or someone removed them")
    stored = read_object(chain.disk.read(STATE))
    try:
        last = str(stored["pending"][-1][2]).rstrip("\n")
        return SigningState.read(stored).prev, str(read_object(last.encode())["prev"])
    except (KeyError, TypeError, ValueError, IndexError) as problem:
        raise SealedFileBroken("the recorder's signing keys can't be read") from problem


def broken_links(chains: Sequence[SignedChain], stated: Sequence[StatedFiles]) -> Iterator[Finding]:
    """Report chains that a later one follows, and that are missing or were changed since."""
    for chain, one in zip(chains, stated, strict=True):
        if not one.before:
            continue
        genesis, days, *last = one.before
        old = next((at for at, other in enumerate(chains) if other.genesis == genesis), None)
        where = chain.path(DAYS)
        if old is None:
            name = f"the history before it, of recorder {recorder_name(genesis)}, is missing"
            yield Finding(FindingKind.HISTORY, where, name)
            continue
        path = chains[old].path(DAYS)
        if sha256(chains[old].disk.read(path)).hexdigest() != days or (last and last[0] != stated[old].last):
            yield Finding(FindingKind.HISTORY, path, "it was changed or cut after it was put aside")


def recorder_name(genesis: str) -> str:
    """Return the start of a recorder's id, as in witnesses and names of encrypted uploads."""
    with suppress(ValueError):
        return recorder_of(genesis).hex()[:8]
    return "unknown"

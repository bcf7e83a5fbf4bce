"""Verification of files against the signed history.

Each stated file must exist unchanged, or be removed or thinned as the history says. No key is needed: digests are
computed from the files. The history is trusted from its own first key; compare `genesis` with the recorder's
fingerprint from another source.
"""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from tawny.media.mp4.leaf_proof import stored_proof
from tawny.media.mp4.segment_reader import read_segment
from tawny.model.errors import FileDamaged
from tawny.sealed.broken import SealedFileBroken
from tawny.sealed.file_scanner import FileEnding
from tawny.sealed.signing import is_signed
from tawny.sealed.statements import DAYS, Item, Statement, genesis_of, last_of, read_days, read_lists, read_statements
from tawny.storage.disk.layout import is_sealed, segment_name
from tawny.storage.disk.volume import Volume
from tawny.storage.history.file_signing import digest_of, identity_of, read_sealed
from tawny.storage.history.signed_files import (
    BETTER_PICTURE,
    FOLDER,
    Place,
    announced_pictures,
    lists_of,
    recorder_of,
    told_items,
    waiting_items,
)
from tawny.storage.repair.findings import Finding, FindingKind
from tawny.storage.repair.unstored_pictures import unstored_pictures
from tawny.storage.segments.metadata import read_header

_FILE, _REMOVED, _THINNED = "file", "removed", "thinned"
NOT_STATED_MS: Final = 1_200_000
"""A file that ended within this time may still be listed by the next statement."""


@dataclass(slots=True)
class StatedFiles:
    """The signed history's contents about files.

    keys: public key by statement number, including `next` of the last one.
    """

    genesis: str = ""
    until: str = ""
    """Time of the newest statement."""
    keys: dict[int, str] = field(default_factory=dict)
    digests: defaultdict[Place, set[str]] = field(default_factory=lambda: defaultdict(set))
    removed: set[Place] = field(default_factory=set)
    thinned: set[Place] = field(default_factory=set)
    replaced: dict[Place, Place] = field(default_factory=dict)
    """By picture: the earlier picture of the same event."""
    _newest: dict[tuple[str, int, int], Place] = field(default_factory=dict)

    def add(self, item: Item) -> None:
        match list(item):
            case [str(what), str(camera), int(kind), int(stream), int(number), str(digest), str()] if what == _FILE:
                self.digests[camera, kind, stream, number].add(digest)
                self._newest[camera, kind, stream] = camera, kind, stream, number
            case [str(what), str(camera), int(kind), int(stream), int(first), int(last), *why]:
                places = {(camera, kind, stream, number) for number in range(first, min(last, first + 10_000) + 1)}
                if what == _REMOVED:
                    self.removed |= places
                    if why == [BETTER_PICTURE] and (better := self._newest.get((camera, kind, stream))) is not None:
                        self.replaced[better] = camera, kind, stream, first
                elif what == _THINNED:
                    self.thinned |= places


def read_history(volume: Volume) -> tuple[StatedFiles, list[Finding]]:
    """Read the signed history and report where its chain is broken."""
    stated, findings, disk = StatedFiles(), list[Finding](), volume.disk
    days_path = f"{FOLDER}/{DAYS}"
    if disk.entry(days_path) is None:
        return stated, []
    try:
        text = disk.read(days_path)
        stated.genesis = genesis_of(text)
        days = read_days(text, stated.genesis)
    except SealedFileBroken as problem:
        return stated, [Finding(FindingKind.HISTORY, days_path, str(problem))]
    for day in days:
        path, lists = lists_of(day)
        if disk.entry(path) is None:
            continue  # its files were removed long ago
        try:
            statements = read_statements(days[day], disk.read(path))
            if last_of(days, day) not in (None, statements[-1].hash if statements else ""):
                findings.append(Finding(FindingKind.HISTORY, path, "statements at its end are missing"))
            listed = list(read_lists(disk.read(lists), statements))
        except SealedFileBroken as problem:
            findings.append(Finding(FindingKind.HISTORY, path, str(problem)))
            continue
        if len(listed) < len(statements):
            findings.append(Finding(FindingKind.HISTORY, lists, f"{len(statements) - len(listed)} lists are missing"))
        _take(stated, statements, listed)
    told = [item for items in told_items(disk).values() for item in items]
    waiting = [*waiting_items(disk), *told]
    for item in waiting:  # listed by the next statement
        stated.add(item)
    for path, old in announced_pictures(waiting).items():  # settled by the next start
        header = read_header(disk, path) if disk.entry(path) is not None else None
        if header is not None and list(old) != identity_of(header):
            stated.add(["file", *identity_of(header), digest_of(volume, path)[0].hex(), ""])
            if old:
                stated.add(["removed", *old, old[3], BETTER_PICTURE])
    return stated, findings


def _take(stated: StatedFiles, statements: list[Statement], listed: list[tuple[Statement, list[Item]]]) -> None:
    for one in statements:
        stated.keys[one.n], stated.keys[one.n + 1], stated.until = one.key, one.next, one.time
    for _, items in listed:
        for item in items:
            stated.add(item)


def verify_history(volume: Volume, now_ms: int, *, repair: bool = False) -> Iterator[Finding]:
    """Yield every mismatch. Reads the headers of all files. Raises StorageError.

    repair: mend pictures that are listed but were never stored. Only while no recorder runs.
    """
    stated, findings = read_history(volume)
    yield from findings
    there: dict[Place, str] = {}
    others = _other_histories(volume)
    for path, on in _closed_files(volume):
        header = read_header(on.disk, path)
        if header is None or header.recorder in others:
            continue  # older than the signed history; or damaged, which the complete check reports
        place = header.camera.hex(), header.kind, header.stream, header.number
        there[place] = path
        try:
            file = _sealed(on, path) if is_sealed(path) else _plain(on, path)
        except FileDamaged:
            continue
        yield from _compare(stated, file, place, path, now_ms)
    missing = {place: stated.digests[place] for place in stated.digests.keys() - there.keys() - stated.removed}
    unstored = unstored_pictures(volume, missing, stated.replaced, there, repair=repair)
    yield from unstored.values()
    for place in sorted(missing.keys() - unstored.keys()):
        camera, kind, stream, number = place
        detail = f"number {number} of {camera}, kind {kind}, stream {stream}: signed, but neither present nor deleted"
        yield Finding(FindingKind.MISSING, FOLDER, detail)


def _other_histories(volume: Volume) -> set[bytes]:
    """Return recorders whose files may also be present: from before a restore, or from a failover."""
    found: set[bytes] = set()
    for each in volume.everywhere:
        for one in each.disk.entries(FOLDER):
            if one.name.endswith(DAYS) and not (each is volume and one.name == DAYS):
                with suppress(SealedFileBroken, ValueError):
                    genesis = genesis_of(each.disk.read(f"{FOLDER}/{one.name}"))
                    found.add(recorder_of(genesis))
    return found


@dataclass(frozen=True, slots=True)
class _Shown:
    """State of a file. digest: None for a thinned MP4 file."""

    digest: bytes | None
    last_ms: int
    is_thinned: bool
    is_damaged: bool = False
    statement: int = 0
    signature: bytes = b""


def _sealed(on: Volume, path: str) -> _Shown:
    file = read_sealed(on.disk, path)
    is_damaged = file.ends is FileEnding.DAMAGED
    return _Shown(file.digest, file.last_ms, file.is_thinned, is_damaged, file.statement or 0, file.signature)


def _plain(on: Volume, path: str) -> _Shown:
    name = segment_name(path)
    assert name is not None
    assert name.end_ms is not None
    if name.is_thinned:
        return _Shown(None, name.end_ms, is_thinned=True)
    proof = stored_proof(read_segment(on.own_path(path)))
    if proof is None:
        return _Shown(digest_of(on, path)[0], name.end_ms, is_thinned=False)
    return _Shown(proof.digest, name.end_ms, is_thinned=False, statement=proof.statement, signature=proof.signature)


def _compare(stated: StatedFiles, file: _Shown, place: Place, path: str, now_ms: int) -> Iterator[Finding]:
    digests = stated.digests.get(place, set())
    is_settled = file.last_ms < now_ms - NOT_STATED_MS
    if file.is_damaged:
        yield Finding(FindingKind.CHANGED, path, "doesn't match what was encrypted")
    elif len(digests) > 1:
        yield Finding(FindingKind.CHANGED, path, "two different files were stated under its number")
    elif digests and file.digest is not None and file.digest.hex() not in digests:
        yield Finding(FindingKind.CHANGED, path, "not what was stated")
    elif not digests and is_settled:
        yield Finding(FindingKind.NOT_STATED, path)
    # a signed list covers the file, so its own signature is not needed
    if file.signature and file.digest is not None and not digests:
        key = stated.keys.get(file.statement, "")
        if not is_signed(key, b"file", file.digest, file.signature):
            yield Finding(FindingKind.CHANGED, path, "its signature is not this recorder's")
    if file.is_thinned and place not in stated.thinned and is_settled:
        yield Finding(FindingKind.CHANGED, path, "thinned, and nothing says by whom")


def _closed_files(volume: Volume) -> Iterator[tuple[str, Volume]]:
    """Yield closed segments and sealed snapshots."""
    for each in volume.everywhere:
        for camera in each.cameras():
            for folder in each.hour_folders(camera):
                for path, entry in each.files(folder):
                    name = segment_name(path)
                    is_closed = name.end_ms is not None if name is not None else is_sealed(path)
                    if entry.kind == "file" and is_closed:
                        yield path, each

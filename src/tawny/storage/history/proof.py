"""Verification of files against the signed history.

Each stated file must exist unchanged, or be removed or thinned as the history says. No key is needed: digests are
computed from the files. The history is trusted from its own first key; compare `genesis` with the recorder's
fingerprint from another source.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from tawny.media.mp4.leaf_proof import stored_proof
from tawny.media.mp4.segment_reader import read_segment
from tawny.model.errors import FileDamaged, FileMissing, StorageError, StorageUnavailable
from tawny.sealed.file_reader import FileEnding
from tawny.sealed.signing import is_signed
from tawny.sealed.statements import DAYS, recorder_of
from tawny.storage.disk.disk import parent_of
from tawny.storage.disk.layout import is_sealed, picture_event, segment_name
from tawny.storage.disk.volume import Volume
from tawny.storage.history.chains import StatedFiles, broken_links, chains_on, read_chain
from tawny.storage.history.file_signing import digest_of, identity_of, read_sealed
from tawny.storage.history.signed_files import (
    BETTER_PICTURE,
    FOLDER,
    REMOVED_OF,
    THINNED_OF,
    Place,
    announced_pictures,
    pass_items,
    reported_items,
    waiting_items,
)
from tawny.storage.repair.findings import Finding, FindingKind
from tawny.storage.segments.metadata import read_header

# Sealed pictures that the signed history lists although the disk does not have them under their name.

NEW: Final = ".new"
WHY: Final = "not stored; the picture before it is still there"
"""What the signed history says of a picture after its repair: what was found, not who did it."""


def unstored_pictures(
    volume: Volume,
    missing: Mapping[Place, AbstractSet[str]],
    replaced: Mapping[Place, Place],
    there: Mapping[Place, str],
    *,
    repair: bool,
) -> dict[Place, Finding]:
    """Return a finding for each missing picture that was never stored.

    missing: digests of the missing files. replaced: the picture in whose place each should be. there: paths of present
    files. repair: complete the rename if the whole picture is there, and record the others as not stored. Raises
    StorageError.
    """
    findings: dict[Place, Finding] = {}
    for place, path, digest in _unnamed(volume) if missing else ():
        if digest in missing.get(place, ()):
            if repair:
                volume.disk.rename(path + NEW, path)
                volume.disk.sync_folder(parent_of(path))
            findings[place] = Finding(FindingKind.NOT_STORED, path, "its rename was interrupted", repaired=repair)
    for place in sorted(missing.keys() - findings.keys()):
        old = replaced.get(place)
        if old is not None and old in there:
            path = there[old]
            if repair:
                volume.disk.unlink(path + NEW)
                pass_items(volume.disk, [["removed", *place, place[3], WHY]])
            detail = f"number {place[3]} is listed, but number {old[3]}, which it replaces, is there"
            findings[place] = Finding(FindingKind.NOT_STORED, path, detail, repaired=repair)
    return findings


def _unnamed(volume: Volume) -> Iterator[tuple[Place, str, str]]:
    """Yield identity, path after the rename and digest of each whole sealed picture that was not renamed."""
    for camera in volume.cameras():
        for folder in volume.hour_folders(camera):
            for found, entry in volume.files(folder):
                path = found.removesuffix(NEW)
                if path == found or entry.kind != "file" or not is_sealed(path) or picture_event(path) is None:
                    continue
                try:
                    file = read_sealed(volume.disk, found, deep=True)
                except FileDamaged:
                    continue
                if file.ends is FileEnding.SIGNED:
                    head = file.header
                    yield (head.camera.hex(), head.kind, head.stream, head.number), path, file.digest.hex()


NOT_STATED_MS: Final = 1_200_000
"""A file that ended within this time may still be listed by the next statement."""


def read_history(volume: Volume) -> tuple[StatedFiles, list[Finding]]:
    """Read the recorder's own history, with what the next statement will list, and report where it is broken."""
    own = next((chain for chain in chains_on(volume) if chain.disk is volume.disk and not chain.prefix), None)
    if own is None:
        path = f"{FOLDER}/{DAYS}"
        is_there = volume.disk.entry(path) is not None
        return StatedFiles(), [Finding(FindingKind.HISTORY, path, "it can't be read")] if is_there else []
    stated, findings = read_chain(own)
    _take_waiting(volume, stated)
    return stated, findings


def _take_waiting(volume: Volume, stated: StatedFiles) -> None:
    """Add the items of the next statement."""
    disk = volume.disk
    reported = [item for items in reported_items(disk).values() for item in items]
    waiting = [*waiting_items(disk), *reported]
    for item in waiting:
        stated.add(item)
    for path, old in announced_pictures(waiting).items():  # settled by the next start
        header = read_header(disk, path) if disk.entry(path) is not None else None
        if header is not None and list(old) != identity_of(header):
            stated.add(["file", *identity_of(header), digest_of(volume, path)[0].hex(), ""])
            if old:
                stated.add(["removed", *old, old[3], BETTER_PICTURE])


@dataclass(frozen=True)
class _Histories:
    """All chains of a volume with their contents. The recorder's own one has `own`, even if it can't be read."""

    own: StatedFiles
    of: dict[bytes, StatedFiles]
    findings: list[Finding]

    @property
    def recorder(self) -> bytes:
        return recorder_of(self.own.genesis) if self.own.genesis else b""

    @cached_property
    def thinned(self) -> dict[bytes, set[Place]]:
        return {recorder: self.explained(recorder, THINNED_OF) for recorder in self.of}

    def explained(self, recorder: bytes, what: str) -> set[Place]:
        """Return the files of a recorder that it or a later one removed or thinned."""
        own = self.of[recorder]
        found = set(own.removed if what == REMOVED_OF else own.thinned)
        for one in self.of.values():
            if one is not own:  # before there were items of other chains, a later one named only the number
                found |= one.others.get(f"{what} {recorder.hex()}", set())
                found |= one.removed if what == REMOVED_OF else one.thinned
        return found


def _read_all(volume: Volume) -> _Histories:
    own, findings = read_history(volume)
    chains = chains_on(volume)
    of: dict[bytes, StatedFiles] = {}
    for chain in chains:
        if chain.genesis == own.genesis:
            of.setdefault(chain.recorder, own)
            continue
        stated, found = read_chain(chain)
        if chain.recorder not in of:
            of[chain.recorder] = stated
            findings += found
    whole = [chain for chain in chains if chain.recorder in of]
    findings += broken_links(whole, [of[chain.recorder] for chain in whole])
    return _Histories(own, of, findings)


def verify_history(volume: Volume, now_ms: int, *, repair: bool = False) -> Iterator[Finding]:
    """Yield every mismatch. Reads the headers of all files. Raises StorageError.

    Each mismatch is verified a second time, with the histories read again: a running recorder removes and thins files
    during the check. repair: mend pictures that are listed but were never stored. Only while no recorder runs.
    """
    first = _read_all(volume)
    yield from first.findings
    reading = _Reading(volume, now_ms)
    doubtful = {(parent_of(path), on): None for path, on in _closed_files(volume) if reading.doubts(first, path, on)}
    missing = {recorder: reading.missing(first, recorder) for recorder in first.of}
    later = _read_all(volume) if doubtful or any(missing.values()) else first
    for folder, on in doubtful:
        for path in _closed_in(on, folder):
            with suppress(FileMissing):  # removed since
                yield from reading.findings(later, path, on)
    for recorder, stated in first.of.items():
        gone = {
            place: missing[recorder][place] for place in missing[recorder].keys() & reading.missing(later, recorder)
        }
        if recorder == first.recorder:
            unstored = unstored_pictures(volume, gone, stated.replaced, reading.there[recorder], repair=repair)
            yield from unstored.values()
            gone = {place: found for place, found in gone.items() if place not in unstored}
        for place in sorted(gone):
            camera, kind, stream, number = place
            which = f"number {number} of {camera}, kind {kind}, stream {stream}"
            yield Finding(FindingKind.MISSING, FOLDER, f"{which}: signed, but {reading.where_missing}")


class _Reading:
    """Files read so far. there: their paths by recorder and place in its history."""

    def __init__(self, volume: Volume, now_ms: int) -> None:
        self._volume, self._now_ms = volume, now_ms
        self.there: defaultdict[bytes, dict[Place, str]] = defaultdict(dict)
        self._unread: set[str] = set()

    def doubts(self, histories: "_Histories", path: str, on: Volume) -> bool:
        """Read a file. Return whether it doesn't match, or was removed since its folder was read."""
        try:
            return any(self.findings(histories, path, on))
        except FileMissing:
            return True

    def findings(self, histories: "_Histories", path: str, on: Volume) -> Iterator[Finding]:
        """Raises FileMissing, StorageUnavailable. A file that can't be read is reported by the check of its content."""
        try:
            header = read_header(on.disk, path)
        except (FileMissing, StorageUnavailable):
            raise
        except StorageError:
            self._unread.add(path)
            return
        if header is None:
            return  # older than the signed history; or damaged
        own = histories.recorder
        recorder = header.recorder if header.recorder in histories.of else own
        place = header.camera.hex(), header.kind, header.stream, header.number
        self.there[recorder][place] = path
        try:
            file = _sealed(on, path) if is_sealed(path) else _plain(on, path)
        except (FileMissing, StorageUnavailable):
            raise
        except StorageError:
            return
        stated = histories.of.get(recorder, histories.own)
        if recorder != own and not stated.digests.get(place) and _is_signed(stated, file):
            return  # closed after the last statement of a history that was put aside
        is_thinned_by_us = place in histories.thinned.get(recorder, ())
        yield from _compare(stated, file, place, path, is_thinned_by_us=is_thinned_by_us, now_ms=self._now_ms)

    def missing(self, histories: "_Histories", recorder: bytes) -> dict[Place, AbstractSet[str]]:
        """Return the digests of the files that a recorder stated, and that are neither there nor removed."""
        stated = histories.of[recorder].digests
        gone = self.there[recorder].keys() | histories.explained(recorder, REMOVED_OF)
        return {place: stated[place] for place in stated.keys() - gone}

    @property
    def where_missing(self) -> str:
        if not self._unread:
            return "neither present nor deleted"
        count = "the file that" if len(self._unread) == 1 else f"one of {len(self._unread)} files that"
        return f"neither present nor deleted, unless it is {count} can't be read"


@dataclass(frozen=True, slots=True)
class _FileState:
    """State of a file. digest: None for a thinned MP4 file."""

    digest: bytes | None
    last_ms: int
    is_thinned: bool
    is_damaged: bool = False
    statement: int = 0
    signature: bytes = b""


def _sealed(on: Volume, path: str) -> _FileState:
    file = read_sealed(on.disk, path)
    is_damaged = file.ends is FileEnding.DAMAGED
    return _FileState(file.digest, file.last_ms, file.is_thinned, is_damaged, file.statement or 0, file.signature)


def _plain(on: Volume, path: str) -> _FileState:
    name = segment_name(path)
    assert name is not None
    assert name.end_ms is not None
    if name.is_thinned:
        return _FileState(None, name.end_ms, is_thinned=True)
    proof = stored_proof(read_segment(on.own_path(path)))
    if proof is None:
        return _FileState(digest_of(on, path)[0], name.end_ms, is_thinned=False)
    return _FileState(proof.digest, name.end_ms, is_thinned=False, statement=proof.statement, signature=proof.signature)


def _compare(
    stated: StatedFiles, file: _FileState, place: Place, path: str, *, is_thinned_by_us: bool, now_ms: int
) -> Iterator[Finding]:
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
    if file.signature and file.digest is not None and not digests and not _is_signed(stated, file):
        yield Finding(FindingKind.CHANGED, path, "its signature is not this recorder's")
    if file.is_thinned and not is_thinned_by_us and is_settled:
        yield Finding(FindingKind.CHANGED, path, "thinned, and nothing says by whom")


def _is_signed(stated: StatedFiles, file: _FileState) -> bool:
    key = stated.keys.get(file.statement, "")
    return file.digest is not None and is_signed(key, b"file", file.digest, file.signature)


def _closed_files(volume: Volume) -> Iterator[tuple[str, Volume]]:
    """Yield closed segments and sealed snapshots."""
    for each in volume.everywhere:
        for camera in each.cameras():
            for folder in each.hour_folders(camera):
                for path in _closed_in(each, folder):
                    yield path, each


def _closed_in(volume: Volume, folder: str) -> Iterator[str]:
    for path, entry in volume.files(folder):
        name = segment_name(path)
        is_closed = name.end_ms is not None if name is not None else is_sealed(path)
        if entry.kind == "file" and is_closed:
            yield path

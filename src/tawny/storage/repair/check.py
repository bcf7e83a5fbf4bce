"""Check of files against the index and, optionally, of recorded time plus gaps against wall-clock time.

Works while a recorder runs, and then skips open files. Repair adds and corrects rows and closes open files. It never
deletes playable files and ignores unknown ones. Rows are dropped, and their time explained, and files without anything
to play set aside, only while no recorder runs and every disk is attached. What was repaired is no finding of the next
check.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from tawny.media.mp4.leaf_proof import change_text, changed_fragments
from tawny.media.mp4.segment_reader import read_segment
from tawny.model.damage import DamagedSpan, DamageSum, damage_sum
from tawny.model.errors import ArchiveAway, FileDamaged, FileMissing, StorageError, StorageUnavailable
from tawny.model.ids import CameraId
from tawny.model.segments import Gap, GapReason, Segment, explaining, segment_id
from tawny.model.times import Clock, Span, merge_spans, missing_spans, utc_text
from tawny.sealed.file_reader import FileEnding
from tawny.storage.archive.archive_disk import ArchiveDifference, ArchiveDisk
from tawny.storage.archive.stored_objects import StoredObject
from tawny.storage.disk.disk import parent_of
from tawny.storage.disk.layout import HOUR_MS, SegmentName, hour_folder, is_thinned, segment_name
from tawny.storage.disk.lock import holder
from tawny.storage.disk.secondary_volumes import VolumeUse, away
from tawny.storage.disk.volume import Volume
from tawny.storage.disk.volume_walk import FileKind, FoundFile, walk
from tawny.storage.history.file_signing import read_sealed
from tawny.storage.history.ledger import HistoryLedger
from tawny.storage.history.proof import verify_history
from tawny.storage.index.protocol import Index, SegmentCount
from tawny.storage.repair.finalize_segment import finalize_segments, set_aside
from tawny.storage.repair.findings import CheckReport, Finding, FindingKind, WallCoverage, wall_coverage
from tawny.storage.repair.healing import heal, use_of, wrong_with
from tawny.storage.retention.thinning import finish_thinning
from tawny.storage.segments.metadata import read_about

log = logging.getLogger(__name__)

# Comparison of the counts of settled hours with the files, for `check`.


def differences(index: Index) -> Iterator[tuple[SegmentCount, SegmentCount]]:
    """Yield each different count of the index, and the actual count.

    Each is verified a second time: a running recorder may remove files during the comparison.
    """
    for counted in index.counted():
        there = _there(index, counted)
        if there == counted:
            continue
        now = next((one for one in index.counted() if _is_same_hour(one, counted)), None)
        if now is not None and _there(index, now) != now:
            yield now, there


def _there(index: Index, counted: SegmentCount) -> SegmentCount:
    hour = Span(counted.begin_ms, counted.begin_ms + HOUR_MS)
    begun = [one for one in index.segments(counted.camera, counted.stream, hour) if _begins_in(one, hour)]
    return replace(counted, files=len(begun), size_bytes=sum(one.size_bytes for one in begun))


def _begins_in(segment: Segment, hour: Span) -> bool:
    return hour.begin_ms <= segment.start_ms < hour.end_ms


def _is_same_hour(one: SegmentCount, other: SegmentCount) -> bool:
    return (one.camera, one.stream, one.begin_ms) == (other.camera, other.stream, other.begin_ms)


@dataclass(frozen=True, slots=True)
class CheckScope:
    """What is checked.

    deep: complete files, not only headers. with_wall: recorded time plus gaps against wall-clock time. beside_recorder:
    another process records here; None detects it.
    """

    deep: bool = False
    with_wall: bool = False
    beside_recorder: bool | None = None


def check_volume(
    volume: Volume,
    index: Index,
    clock: Clock,
    scope: CheckScope | None = None,
    *,
    ledger: HistoryLedger | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> CheckReport:
    """Check all volumes. Raises StorageError.

    ledger: repair, and record losses there; None only reports. progress: called with the number of files so far.
    """
    scope = scope or CheckScope()
    deep, beside_recorder = scope.deep, scope.beside_recorder
    if beside_recorder is None:
        beside_recorder = holder(volume.root) is not None
    checking = _Checking(volume, index, ledger, deep=deep, beside_recorder=beside_recorder)
    for each in volume.others:
        if each.archive is not None:
            checking.compare_archive(each.archive, deep=deep)
    everything = ((each, found) for each in volume.everywhere for found in walk(each))
    for count, (each, found) in enumerate(everything, 1):
        checking.look_at(found, each)
        progress(count)
    checking.check_index_rows(clock.now_ms())
    if deep and not checking.unread:  # else every file there would count as missing
        checking.findings += verify_history(volume, clock.now_ms(), repair=ledger is not None and not beside_recorder)
    coverage = checking.check_coverage(clock.now_ms()) if scope.with_wall else None
    damage = _damage(index, clock.now_ms())
    return CheckReport(
        checking.segments,
        checking.covered_ms / 1000,
        checking.findings,
        coverage,
        checking.thinned,
        damage,
        {camera: merge_spans(spans, join_ms=_JOIN_MS) for camera, spans in checking.thinned_spans.items()},
        checking.set_aside,
    )


def _damage(index: Index, now_ms: int) -> dict[CameraId, DamageSum]:
    of_each: defaultdict[CameraId, list[DamagedSpan]] = defaultdict(list)
    for damage in index.damage(None, Span(0, now_ms)):
        of_each[damage.camera].append(damage)
    return {camera: damage_sum(found) for camera, found in of_each.items()}


_JOIN_MS: Final = 1000
"""Maximum distance of thinned spans that are merged."""
_LISTED_WITHIN_MS: Final = 60_000
"""Time in which a running recorder adds the row of a finished file, even if the index is busy."""


class _Checking:
    """State of a running check."""

    def __init__(
        self, volume: Volume, index: Index, ledger: HistoryLedger | None, *, deep: bool, beside_recorder: bool
    ) -> None:
        self._volume, self._index, self._ledger = volume, index, ledger
        self._deep, self._beside_recorder = deep, beside_recorder
        self._on = volume
        self._seen: set[str] = set()
        self._unlisted: list[Segment] = []
        self._doubles: list[Segment] = []  # another file has the row
        self._unlisted_lost: list[SegmentName] = []  # set aside, without a row
        self.findings: list[Finding] = []
        self.set_aside: list[str] = []
        self.unread: set[ArchiveDisk] = set()  # archives that can't be reached
        self.segments = self.thinned = self.covered_ms = 0
        self.thinned_spans: defaultdict[CameraId, list[Span]] = defaultdict(list)

    def _find(self, what: FindingKind, path: str, detail: str = "", *, repaired: bool = False) -> None:
        self.findings.append(Finding(what, path, detail, repaired))

    def compare_archive(self, archive: ArchiveDisk, *, deep: bool) -> None:
        """Compare the objects of an archive with their list, by their sizes. deep: its files will be read."""
        try:
            for one in archive.differences():
                self._differs(archive, one)
        except ArchiveAway as error:
            self._find(FindingKind.AWAY, archive.name, f"{error.detail}; what it holds was not checked")
            self.unread |= {archive} if deep else set()

    def _differs(self, archive: ArchiveDisk, one: ArchiveDifference) -> None:
        may_repair = self._ledger is not None and not self._beside_recorder
        if one.size_bytes is None:
            if may_repair:
                archive.objects.drop(one.path)  # its row follows, as for any file that is gone
            else:
                self._find(FindingKind.ROW_WITHOUT_FILE, one.path, "it was deleted from the archive")
                self._seen.add(one.path)
        elif one.listed_bytes is None:
            if may_repair and segment_name(one.path) is not None:
                archive.objects.put(one.path, StoredObject(one.size_bytes, ""))
        else:
            detail = f"{one.size_bytes} bytes in the archive, {one.listed_bytes} were stored"
            if may_repair:
                archive.objects.put(one.path, StoredObject(one.size_bytes, ""))
            else:
                self._seen.add(one.path)  # it can't be read as listed
            self._find(FindingKind.CHANGED, one.path, detail)

    def look_at(self, found: FoundFile, on: Volume) -> None:
        """Check one entry. on: the volume that has it."""
        self._on = on
        match found.kind:
            case FileKind.CLOSED:
                assert found.name is not None
                self._closed(found.name, found.entry.size_bytes)
            case FileKind.OPEN:
                assert found.name is not None
                self._open(found.name)
            case FileKind.SET_ASIDE:
                self.set_aside.append(found.path)
            case FileKind.FOREIGN:
                self._find(FindingKind.FOREIGN, found.path)
            case FileKind.LINK:
                self._find(FindingKind.LINK, found.path, "links are not followed")
            case FileKind.OTHER_OF_OURS:
                pass

    def _closed(self, name: SegmentName, size_bytes: int) -> None:
        if name.path in self._seen:
            return  # copied to another volume and not removed here yet
        self._seen.add(name.path)
        assert name.end_ms is not None
        try:
            what, detail, row = self._read(name, size_bytes)
        except StorageUnavailable:
            raise
        except FileMissing:  # removed since its folder was read
            self._seen.discard(name.path)
            return
        except StorageError as error:
            self._unreadable(name, error)
            what, detail, row = None, "", None
        self.segments += 1
        if name.is_thinned:
            self.thinned += 1
            self.thinned_spans[name.camera].append(Span(name.start_ms, name.end_ms))
        self.covered_ms += name.end_ms - name.start_ms
        if what is not None:
            self._unplayable(what, name, detail)
        if row is None:
            return
        listed = self._index.segment(row.id)
        if listed is None:
            self._unlisted.append(row)
        elif listed.path != row.path:
            self._doubles.append(row)
        elif listed.size_bytes != size_bytes:
            detail = f"{size_bytes} bytes, listed with {listed.size_bytes}"
            self._find(FindingKind.WRONG_SIZE, row.path, detail, repaired=self._list_anew(row))

    def _read(self, name: SegmentName, size_bytes: int) -> tuple[FindingKind | None, str, Segment | None]:
        """Return finding, detail and expected row of a file. The row is None if the file is not playable."""
        if self._on.archive is not None and (not self._deep or self._on.archive in self.unread):
            listed = self._index.segment(segment_id(name.camera, name.stream, name.start_ms))
            if self._on.archive in self.unread or (listed is not None and listed.path == name.path):
                return None, "", listed  # the sizes were compared; reading each file would take a request
        if size_bytes == 0:
            return FindingKind.EMPTY, "", None
        metadata = read_about(self._on.disk, name.path)
        if metadata is None:
            begins_zero = not self._on.disk.read(name.path, 0, 4096).strip(b"\0")
            is_zero = begins_zero and not use_of(self._on, name.path)  # one lost block is no lost file
            return FindingKind.ZEROS if is_zero else FindingKind.DAMAGED, "it does not say what it is", None
        if (metadata.camera, metadata.stream, metadata.start_ms) != (name.camera, name.stream, name.start_ms):
            detail = f"{metadata.camera}, {metadata.stream}, {utc_text(metadata.start_ms)}"
            return FindingKind.WRONG_NAME, detail, None
        if self._deep and name.is_sealed:
            row = metadata.segment(name, size_bytes)
            ends = read_sealed(self._on.disk, name.path, deep=True).ends
            if ends is FileEnding.DAMAGED:
                return FindingKind.CHANGED, "doesn't match what was encrypted", row
            return (
                (FindingKind.TORN, "its last record is not whole", row) if ends is FileEnding.TORN else (None, "", row)
            )
        if self._deep:
            try:
                read = read_segment(self._on.own_path(name.path))
            except FileDamaged as error:
                return FindingKind.DAMAGED, error.detail, None
            if read.torn:
                return FindingKind.TORN, read.reason, metadata.segment(name, size_bytes)
            if rotten := changed_fragments(read):
                detail = change_text(rotten, len(read.fragments))
                return FindingKind.CHANGED, detail, metadata.segment(name, size_bytes)
        return None, "", metadata.segment(name, size_bytes)

    def _unplayable(self, what: FindingKind, name: SegmentName, detail: str) -> None:
        """Report a damaged file, and set it aside or drop its row.

        Files that are partly playable keep theirs, and so do all while a disk that may have a sound copy is away. One
        that says it is another may play as that one: its row is dropped, and the file is left for a person to decide.
        """
        row = self._index.segment(segment_id(name.camera, name.stream, name.start_ms))
        if self._heal(name.path, detail or what.value):
            self._find(what, name.path, f"{detail}; restored from the mirror".removeprefix("; "), repaired=True)
        elif what in (FindingKind.TORN, FindingKind.CHANGED):
            self._find(what, name.path, detail)
        elif kept := self._why_kept(what, name.path):
            self._find(what, name.path, f"{detail}; {kept}".removeprefix("; "))
        else:
            aside = what is not FindingKind.WRONG_NAME and self._set_aside(name.path)
            if aside and self._volume.holding(name.path) is not None:
                self._seen.discard(name.path)  # another volume has the file too; it is looked at next
            elif row is not None and row.path == name.path:
                self._drop(row, "its file is damaged")
            elif aside:
                self._unlisted_lost.append(name)
            self._find(what, name.path, f"{detail}; set aside".removeprefix("; ") if aside else detail, repaired=aside)

    def _why_kept(self, what: FindingKind, path: str) -> str:
        """Return why repair leaves a damaged file and its row as they are. Empty: it doesn't."""
        if self._ledger is None or self._beside_recorder:
            return ""
        if missing := away(self._volume):
            which = "the mirror" if missing[0].use is VolumeUse.MIRROR else "a disk that may have another copy"
            return f"kept, because {which} isn't connected: {missing[0].path}"
        if what is not FindingKind.DAMAGED or self._is_sound_elsewhere(path):
            return ""
        try:
            use = use_of(self._on, path)
        except StorageUnavailable:
            raise
        except StorageError as error:  # a cable or a hub may be the cause
            use = f"it can't be read: {error.detail}"
        return use and f"kept, because {use}"

    def _is_sound_elsewhere(self, path: str) -> bool:
        """Return whether another volume has a sound copy, which is used when this one is set aside."""
        others = [one for one in self._volume.everywhere if one is not self._on]
        with suppress(ArchiveAway):
            return any(not wrong_with(one, path) for one in others)
        return False

    def _set_aside(self, path: str) -> bool:
        """Rename a file without anything to play in repair mode. Otherwise each check would report it again."""
        if self._ledger is None or self._beside_recorder:
            return False
        try:
            kept = set_aside(self._on, path)
            self._on.disk.sync_folder(parent_of(path))
        except StorageUnavailable:
            raise
        except StorageError as error:
            log.warning("cannot set %s aside: %s", path, error)
            return False
        self.set_aside.append(kept)
        return True

    def _unreadable(self, name: SegmentName, error: StorageError) -> None:
        """Report a file that the disk can't read. It keeps its row, because a cable or a hub may be the cause."""
        why = f"can't be read: {error.detail}"
        repaired = self._heal(name.path, why)
        self._find(
            FindingKind.DAMAGED, name.path, f"{why}; restored from the mirror" if repaired else why, repaired=repaired
        )

    def _heal(self, path: str, why: str) -> bool:
        """Restore the file from a mirror in repair mode. A running recorder does that itself."""
        return self._ledger is not None and not self._beside_recorder and heal(self._volume, self._ledger, path, why)

    def _list_anew(self, row: Segment) -> bool:
        if self._ledger is None:
            return False
        with self._index.together():
            self._index.drop_segments([row])
            self._index.add_segment(row)
        return True

    def _open(self, name: SegmentName) -> None:
        if self._beside_recorder:
            return
        repaired = False
        if self._ledger is not None:
            for done in finalize_segments(self._on, [name], "found open"):
                if done.segment is not None:
                    self._seen.add(done.segment.path)
                    self._index.add_segment(done.segment)
            repaired = self._on.disk.entry(name.path) is None
        self._find(FindingKind.LEFT_OPEN, name.path, repaired=repaired)

    def check_index_rows(self, now_ms: int) -> None:
        """Compare rows and files in both directions.

        Each difference is verified a second time: a running recorder closes and removes files during the check. The
        rows of files that it has just finished are its own to add.
        """
        for row in self._unlisted:
            if self._beside_recorder and abs(now_ms - row.end_ms) < _LISTED_WITHIN_MS:
                continue
            if self._index.segment(row.id) is None and self._volume.holding(row.path) is not None:
                if self._ledger is not None:
                    self._index.add_segment(row)
                self._find(FindingKind.FILE_WITHOUT_ROW, row.path, repaired=self._ledger is not None)
        for name in self._unlisted_lost:  # now that all rows are there: another stream may have this time
            assert name.end_ms is not None
            self._explain(name.camera, Span(name.start_ms, name.end_ms), "its file is damaged")
        for row in self._doubles:
            self._double(row)
        is_away = bool(away(self._volume))
        for row in self._index.all_segments():
            is_gone = row.path not in self._seen and self._volume.holding(row.path) is None
            if is_gone and self._is_listed(row):
                detail = "it may be on a disk that isn't connected" if is_away else ""
                if not is_away and self._heal(row.path, "it is gone"):
                    self._find(FindingKind.ROW_WITHOUT_FILE, row.path, "put back from the mirror", repaired=True)
                    continue
                dropped = not is_away and self._drop(row, "its file is gone")
                self._find(FindingKind.ROW_WITHOUT_FILE, row.path, detail, repaired=dropped)

        for counted, there in differences(self._index):
            self._miscounted(counted, there, is_away=is_away)

    def _miscounted(self, counted: SegmentCount, there: SegmentCount, *, is_away: bool) -> None:
        """Report a settled hour whose files are missing or changed."""
        folder = hour_folder(counted.camera, counted.begin_ms)
        detail = (
            f"{counted.stream}: {there.files} files with {there.size_bytes} bytes, listed were {counted.files} files"
        )
        detail += f" with {counted.size_bytes} bytes"
        may_repair = self._ledger is not None and not self._beside_recorder and not is_away
        if may_repair:
            for span in self._index.recount(counted):
                self._explain(counted.camera, span, "its file is gone")
        what = FindingKind.ROW_WITHOUT_FILE if there.files < counted.files else FindingKind.WRONG_SIZE
        self._find(what, folder, detail, repaired=may_repair)

    def _is_listed(self, row: Segment) -> bool:
        """Return whether the row still has this path. It may have been removed or thinned during the check."""
        again = self._index.segment(row.id)
        return again is not None and again.path == row.path

    def _double(self, row: Segment) -> None:
        """Check two files with the same start: one is a thinned copy of the other, or unexpected."""
        listed, there = self._index.segment(row.id), self._volume.holding
        if listed is None or listed.path == row.path or None in (there(listed.path), there(row.path)):
            return
        if is_thinned(row) == is_thinned(listed):
            self._find(FindingKind.WRONG_NAME, row.path, f"begins at the same time as {listed.path}")
            return
        may_repair = self._ledger is not None and not self._beside_recorder
        if may_repair:
            for each in self._volume.everywhere:
                finish_thinning(each, self._index, parent_of(row.path))
        self._find(FindingKind.HALF_THINNED, row.path, repaired=may_repair)

    def _drop(self, row: Segment, why: str) -> bool:
        """Drop the row of an unusable file and explain its time. Return whether that was done."""
        if self._ledger is None or self._beside_recorder:
            return False
        self._index.drop_segments([row])
        self._explain(row.camera, row.span, why)
        return True

    def _explain(self, camera: CameraId, lost: Span, why: str) -> None:
        assert self._ledger is not None
        explained = [gap.span(lost.end_ms) for gap in explaining(self._index.gaps(camera, lost))]
        for span in missing_spans([*explained, *self._index.spans(camera, None, lost)], lost):
            self._ledger.put_gap(Gap(camera, span.begin_ms, span.end_ms, GapReason.UNKNOWN, why))

    def check_coverage(self, now_ms: int) -> WallCoverage:
        coverage = wall_coverage(self._index, self._volume.cameras(), now_ms)
        for camera, hole in coverage.unexplained:
            self._find(FindingKind.UNEXPLAINED, camera, f"{utc_text(hole.begin_ms)} to {utc_text(hole.end_ms)}")
        return coverage

"""Evidence of a time span of one camera: an evidence folder (`storage.history.evidence_folder`) and a clip.

Blocking; call from one thread each. The progress callback raises to cancel.
"""

import json
import logging
import shutil
from collections import defaultdict
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from itertools import chain, product
from pathlib import Path
from typing import Final

from tawny.media.mp4.progressive import NoFrameInRange, SegmentPart, cut_clip
from tawny.media.mp4.segment_reader import read_segment
from tawny.model.errors import FileDamaged, FileMissing, NotDone, StorageError, StorageUnavailable
from tawny.model.ids import CameraId, StreamName
from tawny.model.segments import Gap, GapReason, Segment
from tawny.model.times import Span, utc_from_text, utc_text
from tawny.playback.clips import UnreadableParts, as_file
from tawny.playback.recordings import RecordingIndex
from tawny.sealed.broken import SealedFileBroken
from tawny.sealed.evidence import FILM, MANIFEST, PROOF, REDACTED_OF, UNSIGNED, verify
from tawny.sealed.header import SealedHeader
from tawny.sealed.statements import DAYS, Item, StatementDay, genesis_of, lines_of, list_name, read_lists
from tawny.storage.disk.disk import DiskAccess
from tawny.storage.disk.layout import HOUR_MS, SegmentName, hour_folder, is_thinned, segment_name
from tawny.storage.disk.volume import Volume
from tawny.storage.history.chains import SignedChain, chains_on, read_stated
from tawny.storage.history.evidence_folder import (
    FALLBACK_FINGERPRINT,
    MAIN_FINGERPRINT,
    README,
    REDACTED_README,
    EvidenceFolder,
    ExportedRecording,
    Open,
    read_evidence,
    shown_of,
    signer_of,
)
from tawny.storage.history.file_signing import identity_of, read_sealed
from tawny.storage.history.signed_files import FOLDER, waiting_items

_AROUND_MS = 3_600_000
"""After the span: its last recording goes on, is stated late, and what follows shows if the clock was set back to it.
"""
_EARLY_MS = 60_000
"""A recording that goes on into the span may have been signed a little before it, by a doubtful clock."""
_SIGNED_EVERY_MS = 660_000
"""The recorder signs every ten minutes, after a file that is just being closed."""
_FRESH_MS = 2_400_000
"""A recording that started within this time may still be signed: it lasts ten minutes, and files may wait for disks."""
_LONGEST_OPEN_MS = 660_000
"""A file is closed after this time at the latest."""
_LEAST_MISSING_MS = 1000
_NOT_CLOSED: Final = "its file isn't closed yet, which tawny does while it runs, or at its next start"
_THINNED: Final = "only its keyframes are left, which can't be proven"
_UNPROVEN: Final = "it was recorded without a proof"
_OTHER_HISTORY: Final = "it was signed on another disk, so export its time apart"
_LATER: Final = (
    "Recent video can be exported as evidence after a few minutes, and what a power cut left after the next start of "
    "tawny."
)
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EvidenceRequest:
    """Requested evidence. recorder, software: names for the manifest."""

    camera: CameraId
    stream: StreamName
    span: Span
    recorder: str
    software: str
    now_ms: int


@dataclass(frozen=True, slots=True)
class EvidenceCheck:
    """What verifying a new folder finds. waiting: number of recordings in it that the recorder will sign by `until_ms`.

    until_ms: 0 if nothing of the time waits for it, not even a file that is being written. What a power cut left may
    wait longer, up to an hour, while the clock is behind it. signed_late: number of those
    whose time is only claimed, as after an outage.
    """

    problems: list[str]
    notes: list[str]
    waiting: int
    until_ms: int
    signed_late: int = 0


@dataclass(frozen=True, slots=True)
class EvidenceResult:
    """Written evidence. recordings: their number. fingerprint: of the recorder.

    unreadable: what it lacks although it was recorded, because it can't be read or proven. fallback: the folder of the
    fallback disk whose fingerprint that is, because it recorded then on its own.
    """

    recordings: int
    fingerprint: str
    unreadable: tuple[Gap, ...]
    check: EvidenceCheck
    fallback: str = ""

    @property
    def words(self) -> str:
        """The fingerprint and whose it is, and what was signed late."""
        whose = "Recorder fingerprint"
        if self.fallback:
            whose = f"Fingerprint of the fallback disk {self.fallback}, not of the main disk"
        late = (
            f"\n{self.check.signed_late} of {self.recordings} recordings were signed late, as when the recorder is "
            "off: their order is proven, their time is only claimed."
        )
        return f"{whose}: {self.fingerprint}{late if self.check.signed_late else ''}"


Progress = Callable[[float], None]
"""Receives the progress, 0..1. Raises to cancel."""
MakeFilm = Callable[[Path], dict[str, object]]
REDACTED: Final = "redacted.mp4"


def write_evidence(
    volume: Volume, past: RecordingIndex, request: EvidenceRequest, folder: Path, open_sealed: Open, progress: Progress
) -> EvidenceResult:
    """Write the folder completely or not at all, and verify it.

    Recordings that can't be read or proven are left out, unless none can. Raises NotDone: if the folder exists or
    nothing is signed; StorageError.
    """

    def fill(made: EvidenceFolder, shown: Iterator[ExportedRecording]) -> int:
        starts_ms = []
        for number, one in enumerate(shown):
            made.put_shown(number, one)
            starts_ms.append(one.start_ms)
            progress(min(0.9, max(0.0, (one.start_ms - request.span.begin_ms) / (request.span.seconds * 1000))))
        _put_clips(made, starts_ms, request.span)
        return len(starts_ms)

    return _proven(volume, past, request, folder, open_sealed, _Content(fill, README, describe_evidence(request)))


def prove_redacted(
    volume: Volume,
    past: RecordingIndex,
    request: EvidenceRequest,
    folder: Path,
    open_sealed: Open,
    original: Path,
    film: MakeFilm,
) -> EvidenceResult:
    """Write a folder with a redacted film instead of the recordings.

    original: the folder that `write_evidence` made of the same span. film: writes the film and returns what was hidden.
    Raises the errors of `write_evidence` and of `film`.
    """
    data = describe_evidence(request) | {REDACTED_OF: sha256((original / MANIFEST).read_bytes()).hexdigest()}

    def fill(made: EvidenceFolder, shown: Iterator[ExportedRecording]) -> int:
        count = 0
        for number, one in enumerate(shown):
            made.put_proof(number, one.hidden)
            count += 1
        data["hidden"] = film(made.folder / REDACTED)
        made.take(REDACTED)
        return count

    return _proven(volume, past, request, folder, open_sealed, _Content(fill, REDACTED_README, data))


@dataclass(frozen=True, slots=True)
class _Content:
    """What a folder holds. fill: writes it and returns the number of recordings. description: what it holds."""

    fill: Callable[[EvidenceFolder, Iterator[ExportedRecording]], int]
    readme: str
    description: dict[str, object]


def _proven(
    volume: Volume, past: RecordingIndex, request: EvidenceRequest, folder: Path, open_sealed: Open, content: _Content
) -> EvidenceResult:
    history = _FolderHistory(volume)
    left_out, unreadable = list(_still_open(volume, request)), UnreadableParts()  # before the closed ones
    found = past.segments(request.camera, request.stream, request.span)
    starts_ms = [segment.start_ms for segment in found]
    left_out = [_ended(gap, starts_ms) for gap in left_out if gap.begin_ms not in starts_ms]
    shown = _shown(volume, found, request.span, open_sealed, history, unreadable, left_out)
    first = next(shown, None)
    if first is None:
        unreadable.check()
        raise _nothing(request.camera, left_out)
    disk = history.disk
    signer = signer_of(disk)  # before the history is copied, which then contains its key
    made = EvidenceFolder.begun(folder)
    is_whole = False
    try:
        headers: list[SealedHeader] = []
        count = content.fill(made, _noted(headers, first, shown))
        # before the history is copied, which may list them then
        waiting = {tuple(item[1:5]) for item in waiting_items(disk) if item[0] == "file"}
        days = disk.read(f"{FOLDER}/{DAYS}")
        made.put_history(disk, _days(history.own, days, request.span, headers))
        genesis = genesis_of(days)
        fallback = "" if disk is volume.disk else str(disk.root)
        whose = FALLBACK_FINGERPRINT if fallback else MAIN_FINGERPRINT
        text = content.readme.format(recorder=request.recorder, genesis=genesis, whose=whose)
        lacks = _joined([*unreadable.gaps(found, request.span), *left_out], request.span)
        made.close(signer, content.description, past.gaps(request.camera, request.span), text, lacks)
        check = check_evidence(folder, genesis, request.now_ms, waiting)
        check = replace(check, until_ms=max(check.until_ms, _signed_ms(left_out, request.now_ms)))
        is_whole = True
    finally:
        if not is_whole:
            shutil.rmtree(folder, ignore_errors=True)
    return EvidenceResult(count, genesis, lacks, check, fallback)


class _FolderHistory:
    """The history that a folder has: the one that signed its first recording.

    A fallback disk that recorded while the main disk was missing has its own, and a folder can't have two.
    """

    def __init__(self, volume: Volume) -> None:
        """Raises NotDone if the keys of the volume's own history aren't there."""
        signer_of(volume.disk)
        current = [one for one in chains_on(volume) if not one.prefix]  # one that was put aside has no keys
        self.own = next(one for one in current if one.disk is volume.disk)
        self._by_recorder = {one.recorder: one for one in reversed(current)}
        self._is_chosen, self._default = False, self.own

    @property
    def disk(self) -> DiskAccess:
        return self.own.disk

    def has(self, one: ExportedRecording) -> bool:
        """Return whether it signed this recording. Call for each in order: the first one decides.

        Recordings whose history isn't here count as the volume's own: verifying says what is wrong with them.
        """
        found = self._by_recorder.get(SealedHeader.read(one.header).recorder, self._default)
        if not self._is_chosen:
            self.own, self._is_chosen = found, True
        return found is self.own


def check_evidence(
    folder: Path, fingerprint: str, now_ms: int, waiting: Container[tuple[object, ...]]
) -> EvidenceCheck:
    """Verify a folder that was just made.

    fingerprint: of its recorder. waiting: camera, kind, stream and number of the files that its next statement lists.
    """
    verdict = verify(partial(read_evidence, folder), fingerprint)
    unsigned = [one for one in verdict.problems if one.endswith(UNSIGNED)]
    headers = {one: _header(folder, one) for one in unsigned}
    fresh = [
        one
        for one, header in headers.items()
        if header.start_ms > now_ms - _FRESH_MS or tuple(identity_of(header)) in waiting
    ]
    signed_ms = utc_from_text(verdict.until) + _SIGNED_EVERY_MS if verdict.until else 0
    until_ms = signed_ms if signed_ms > now_ms else now_ms + _SIGNED_EVERY_MS
    problems = [one for one in verdict.problems if one not in fresh]
    return EvidenceCheck(problems, verdict.notes, len(fresh), until_ms if fresh else 0, verdict.signed_late)


def _header(folder: Path, problem: str) -> SealedHeader:
    """Return the header of the recording of a problem."""
    proof = json.loads((folder / f"{problem.partition(':')[0]}{PROOF}").read_bytes())
    return SealedHeader.read(bytes.fromhex(proof["header"]))


def _still_open(volume: Volume, request: EvidenceRequest) -> Iterator[Gap]:
    """Yield the time of files that have no proof yet: being written, or left by a power cut.

    One that can't be read has no end.
    """
    first_ms, last_ms = request.span.begin_ms - _LONGEST_OPEN_MS, request.span.end_ms
    hours = range(first_ms // HOUR_MS, last_ms // HOUR_MS + 1)
    disks = [one for one in volume.everywhere if one.archive is None]
    for one, folder in product(disks, [hour_folder(request.camera, hour * HOUR_MS) for hour in hours]):
        for path, name in _open_files(one, folder):
            if name.stream is not request.stream:
                continue
            try:
                if name.is_sealed:
                    end_ms = read_sealed(one.disk, path).last_ms
                else:
                    end_ms = name.start_ms + read_segment(one.own_path(path)).duration_ticks // 90
            except (FileDamaged, FileMissing):  # only begun, or closed meanwhile
                continue
            except StorageUnavailable:
                raise
            except StorageError as error:
                yield Gap(request.camera, name.start_ms, None, GapReason.DISK_ERROR, error.detail)
                continue
            if Span(name.start_ms, max(name.start_ms, end_ms)).overlaps(request.span):
                yield Gap(request.camera, name.start_ms, end_ms, GapReason.UNKNOWN, _NOT_CLOSED)


def _open_files(volume: Volume, folder: str) -> Iterator[tuple[str, SegmentName]]:
    """Yield the files in a folder that aren't closed; none if it can't be read."""
    try:
        entries = volume.disk.entries(folder)
    except StorageUnavailable:
        raise
    except StorageError as error:
        log.warning("files that aren't closed are not named: %s", error)
        return
    for entry in entries:
        path = f"{folder}/{entry.name}"
        name = segment_name(path)
        if name is not None and name.end_ms is None:
            yield path, name


def _ended(gap: Gap, starts_ms: Sequence[int]) -> Gap:
    """Return the gap of a file that can't be read, as long as it may be: up to the next recording."""
    if gap.end_ms is not None:
        return gap
    later = [start_ms for start_ms in starts_ms if start_ms > gap.begin_ms]
    return replace(gap, end_ms=min([gap.begin_ms + _LONGEST_OPEN_MS, *later]))


def _signed_ms(left_out: Sequence[Gap], now_ms: int) -> int:
    """Return when the file is signed that is being written, ms UTC; 0 if none is."""
    written = (gap.begin_ms for gap in left_out if gap.detail == _NOT_CLOSED)
    begins_ms = [begin_ms for begin_ms in written if begin_ms > now_ms - _LONGEST_OPEN_MS]
    return max(begins_ms) + _LONGEST_OPEN_MS + _SIGNED_EVERY_MS if begins_ms else 0


def _nothing(camera: CameraId, left_out: Sequence[Gap]) -> NotDone:
    """Return the error of a time that has nothing to prove. left_out: what was recorded."""
    if any(gap.detail == _THINNED for gap in left_out):
        what = f"Only keyframes are left of what {camera} recorded in this time, and they can't be proven."
        return NotDone(what, "Export them as an ordinary clip.")
    what = f"There is no signed recording from {camera} in this time."
    return NotDone(what, _LATER)


def _joined(gaps: Sequence[Gap], within: Span) -> tuple[Gap, ...]:
    """Return them in order, cut to the span, and neighbours with the same detail as one."""
    joined: list[Gap] = []
    for gap in sorted(gaps, key=lambda gap: gap.begin_ms):
        part = gap.span(within.end_ms).cut_to(within)
        if part is None:
            continue
        last, detail = joined[-1] if joined else None, gap.detail or "its file is missing"
        if last is not None and last.detail == detail and part.begin_ms - (last.end_ms or 0) < _LEAST_MISSING_MS:
            joined[-1] = replace(last, end_ms=part.end_ms)
        else:
            joined.append(replace(gap, begin_ms=part.begin_ms, end_ms=part.end_ms, detail=detail))
    return tuple(joined)


def _shown(
    volume: Volume,
    found: Sequence[Segment],
    within: Span,
    open_sealed: Open,
    history: _FolderHistory,
    unreadable: UnreadableParts,
    left_out: list[Gap],
) -> Iterator[ExportedRecording]:
    """Yield what can be proved of these segments by one history.

    unreadable: takes the errors of those that can't be read. left_out: takes the time of those that can't be proven.
    """
    for segment in found:
        try:
            one = shown_of(volume, segment, within, open_sealed)
        except StorageError as error:
            unreadable.add(segment.start_ms, error)
            continue
        if one is not None and history.has(one):
            yield one
        elif (part := segment.span.cut_to(within)) and part.end_ms - part.begin_ms >= _LEAST_MISSING_MS:
            detail = _OTHER_HISTORY if one is not None else _THINNED if is_thinned(segment) else _UNPROVEN
            left_out.append(Gap(segment.camera, part.begin_ms, part.end_ms, GapReason.UNKNOWN, detail))


def _noted(
    headers: list[SealedHeader], first: ExportedRecording, rest: Iterator[ExportedRecording]
) -> Iterator[ExportedRecording]:
    """Yield one at a time, as an hour of recordings would not fit into memory, and note their headers."""
    for one in chain((first,), rest):
        headers.append(SealedHeader.read(one.header))
        yield one


def _put_clips(made: EvidenceFolder, starts_ms: Sequence[int], span: Span) -> None:
    """Write clip.mp4, and clip-2.mp4 and so on after each change of the video format.

    Without one that can't be made: the recordings are the evidence.
    """
    left = [
        SegmentPart(
            made.folder / f"{number:03}{FILM}",
            start_ms,
            max(0, (span.begin_ms - start_ms) * 90),
            (span.end_ms - start_ms) * 90,
        )
        for number, start_ms in enumerate(starts_ms)
    ]
    number = 1
    while left:
        name = f"clip{'' if number == 1 else f'-{number}'}{FILM}"
        try:
            whole = cut_clip(left)
            made.put_derived(name, as_file(whole, with_sound=True))
        except NoFrameInRange:
            return
        except StorageUnavailable:
            raise
        except (ValueError, StorageError) as error:  # such as 4 GB on FAT32
            log.warning("the evidence has no %s: %s", name, error)
            (made.folder / name).unlink(missing_ok=True)
            return
        left, number = list(whole.left_out), number + 1


def describe_evidence(request: EvidenceRequest) -> dict[str, object]:
    return {
        "recorder": request.recorder,
        "software": request.software,
        "camera": str(request.camera),
        "from": utc_text(request.span.begin_ms),
        "to": utc_text(request.span.end_ms),
        "made": utc_text(request.now_ms),
    }


def _days(own: SignedChain, text: bytes, within: Span, shown: Sequence[SealedHeader]) -> list[str]:
    """Return the days that the span touches, and later ones that state, delete or thin a recording of it.

    Likewise the newest, which has the current signing key, and all until one that states a recording by a doubtful
    clock: only they show that it wasn't set back.
    """
    days = [str(json.loads(line)["day"]) for line in lines_of(text)]
    first, last = utc_text(within.begin_ms)[:10], utc_text(within.end_ms + _AROUND_MS)[:10]
    numbers: defaultdict[tuple[str, int, int], list[int]] = defaultdict(list)
    for header in shown:
        numbers[header.camera.hex(), header.kind, header.stream].append(header.number)
    ranges = {row: range(min(found), max(found) + 1) for row, found in numbers.items()}
    try:
        known = own.days()
    except SealedFileBroken:
        known = {}
    later = (day for day in days if day > last and _concerns(own, known, day, ranges))
    chosen = sorted({*(day for day in days if first <= day <= last), *later, days[-1]})
    first, last = utc_text(within.begin_ms - _EARLY_MS)[:10], _last_doubtful(own, known, chosen, ranges)
    return sorted({*chosen, *(day for day in days if first <= day <= last)})


def _last_doubtful(
    own: SignedChain,
    known: Mapping[str, StatementDay],
    days: Sequence[str],
    ranges: Mapping[tuple[str, int, int], range],
) -> str:
    """Return the last of these days that states one of these recordings by a clock that was behind or was changed.

    Empty if none does. Ignores broken days: verifying says so.
    """
    for day in reversed(days):
        if day in known and own.disk.entry(own.path(list_name(day))) is not None:
            with suppress(SealedFileBroken):
                statements = own.statements(known[day])
                for statement, items in read_lists(own.disk.read(own.path(list_name(day))), statements):
                    is_doubtful = statement.clock != statement.time or any(item[0] == "clock" for item in items)
                    if is_doubtful and any(_is_of(item, ranges) for item in items):
                        return day
    return ""


def _is_of(item: Item, ranges: Mapping[tuple[str, int, int], range]) -> bool:
    match list(item):
        case ["file", str(camera), int(kind), int(stream), int(number), *_]:
            return number in ranges.get((camera, kind, stream), ())
    return False


def _concerns(
    own: SignedChain, known: Mapping[str, StatementDay], day: str, ranges: Mapping[tuple[str, int, int], range]
) -> bool:
    """Return whether a day has anything about recordings with these numbers, or is broken: verifying says so."""
    if day not in known:
        return True
    try:
        stated = read_stated(own, [day], known)
    except SealedFileBroken:
        return True
    except StorageUnavailable:
        raise
    except StorageError as error:
        log.warning("the evidence lacks the statements of %s: %s", day, error)
        return False
    return any(
        number in ranges.get((camera, kind, stream), ())
        for camera, kind, stream, number in chain(stated.digests, stated.removed, stated.thinned)
    )

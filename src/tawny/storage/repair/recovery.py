"""What a recorder does before it records: put in order what the last one left, and write down when there was none.

Only folders that may hold open segments are looked through, so it takes no longer on a full disk than on an empty one.
Called with the volume's lock held, before anything else is done there.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from tawny.model.clock import Clock
from tawny.model.errors import FileDamaged
from tawny.model.gaps import OFF_WORDS, Gap, GapReason
from tawny.model.ids import CameraId
from tawny.model.segments import Segment, segment_id
from tawny.model.times import Span, missing_spans
from tawny.storage.disk.layout import segment_name
from tawny.storage.disk.lock import LockHolder
from tawny.storage.disk.volume import Volume
from tawny.storage.history.file_signing import sign_found
from tawny.storage.history.journal import HistoryJournal, HistoryLine
from tawny.storage.history.ledger import HistoryLedger, replay
from tawny.storage.index.protocol import Index
from tawny.storage.index.segment_row import row_of
from tawny.storage.repair.finalize_segment import Reclosed, finalize_segment
from tawny.storage.retention.removal import finish_removals
from tawny.storage.retention.thinning import finish_thinning

log = logging.getLogger(__name__)

Cause = Literal["power", "crash", "update", "person"]
_NEWEST_FILES: Final = 2  # of the history: what was written last may not have reached the index


_WHY: Final[dict[Cause | None, str]] = {
    "power": "power cut",
    "crash": "the recorder was killed",
    "update": "the recorder was stopped",
    "person": "the recorder was stopped",
    None: "found open",
}
"""What a segment that was left open says of its end."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """What was found and done."""

    reclosed: list[Reclosed] = field(default_factory=list)
    listed: int = 0
    """Closed files that got their row."""
    removed: int = 0
    """Removals that were finished."""
    cause: Cause | None = None
    """Why there was no recorder; None when this is the first."""
    alive_ms: int | None = None
    """The last sign of life of the one before."""
    gaps: list[Gap] = field(default_factory=list)
    damaged: list[FileDamaged] = field(default_factory=list)


def recover(
    volume: Volume,
    index: Index,
    history: HistoryJournal,
    ledger: HistoryLedger,
    clock: Clock,
    *,
    before: LockHolder | None,
    boot: str,
    cameras: Iterable[CameraId] = (),
) -> Recovered:
    """Put the volume in order and write down the time without a recorder, for `cameras` (those in the settings).

    before: what the lock said (`Lock.before`). boot: the boot id now. The signed history gets the files that it does
    not know yet. Raises StorageError when the disk refuses.
    """
    lines = list(history.lines(_NEWEST_FILES))
    replay(lines, index)
    cause = cause_of(lines, before, boot)
    removed = finish_removals(volume, index, ledger, clock)
    reclosed, listed, damaged = put_in_order(volume, index, _folders(volume), _WHY[cause])
    for other in volume.others:
        more = put_in_order(other, index, other.open_folders.left_over() or [], _WHY[cause])
        reclosed, listed, damaged = [*reclosed, *more[0]], listed + more[1], [*damaged, *more[2]]
        other.open_folders.clear()
    if volume.signed is not None:
        for each in volume.everywhere:
            sign_found(each, volume.signed)
        volume.signed.all_found()
        volume.signed.write_items()
    cameras = list(cameras)
    alive_ms = _alive_ms(lines, before, index, cameras)
    gaps = [] if alive_ms is None else _write_down(index, ledger, cameras, alive_ms, clock.now_ms(), cause)
    volume.open_folders.clear()
    return Recovered(reclosed, listed, removed, cause, alive_ms, gaps, damaged)


def cause_of(lines: Sequence[HistoryLine], before: LockHolder | None, boot: str) -> Cause | None:
    """Why the last recorder ended: it said so, or else the machine began anew meanwhile, or it did not."""
    last = next((line for line in reversed(lines) if line.what in ("started", "stopped")), None)
    if last is not None and last.what == "stopped":
        said = last.record.get("cause")
        return said if said in OFF_WORDS else "person"
    last_boot = last.record.get("boot") if last is not None else before.boot if before is not None else None
    if last_boot is None:
        return None
    return "crash" if last_boot == boot else "power"


def _folders(volume: Volume) -> list[str]:
    """Where open segments may be."""
    left_over = volume.open_folders.left_over()
    if left_over is not None:
        return left_over
    return [folder for camera in volume.cameras() for folder in volume.hour_folders(camera)]


def put_in_order(
    volume: Volume, index: Index, folders: Sequence[str], why: str
) -> tuple[list[Reclosed], int, list[FileDamaged]]:
    """Close what is open in these folders, and list what is closed. why: the ends of what is closed now."""
    reclosed: list[Reclosed] = []
    damaged: list[FileDamaged] = []
    rows: list[Segment] = []
    for folder in folders:
        finish_thinning(volume, index, folder)
        for path, entry in volume.files(folder):
            name = segment_name(path)
            if name is None or entry.kind != "file":
                continue
            if name.end_ms is None:
                reclosed.append(finalize_segment(volume, name, why))
            elif index.segment(segment_id(name.camera, name.stream, name.start_ms)) is None:
                try:
                    rows.append(row_of(volume, name, entry.size_bytes))
                except FileDamaged as error:
                    log.warning("left as it is: %s", error)
                    damaged.append(error)
    with index.together():
        for row in [*rows, *(one.segment for one in reclosed if one.segment is not None)]:
            index.add_segment(row)
    return reclosed, len(rows), damaged


def _alive_ms(
    lines: Sequence[HistoryLine], before: LockHolder | None, index: Index, cameras: Sequence[CameraId]
) -> int | None:
    """The last sign of life of the last recorder, whoever wrote it."""
    bounds = [bounds.end_ms for camera in cameras if (bounds := index.bounds(camera)) is not None]
    signs = [*bounds, *(line.at_ms for line in lines[-1:]), *([before.at_ms] if before is not None else [])]
    return max(signs, default=None)


def _write_down(
    index: Index, ledger: HistoryLedger, cameras: Sequence[CameraId], alive_ms: int, now_ms: int, cause: Cause | None
) -> list[Gap]:
    """Gaps that were open end with the recorder; from there on, or from a camera's last picture, it was off."""
    for gap in index.open_gaps():
        ledger.put_gap(replace(gap, end_ms=max(gap.begin_ms, min(alive_ms, now_ms))))
    gaps: list[Gap] = []
    for camera in cameras:
        for span in _unaccounted(index, camera, now_ms):
            gaps.append(Gap(camera, span.begin_ms, span.end_ms, GapReason.RECORDER_OFF, OFF_WORDS.get(cause or "", "")))
            ledger.put_gap(gaps[-1])
    return gaps


def _unaccounted(index: Index, camera: CameraId, now_ms: int) -> list[Span]:
    """What no gap explains since the camera's last durable picture. Nothing for a camera that is new here."""
    bounds = index.bounds(camera)
    since_ms = bounds.end_ms if bounds else 0
    if since_ms >= now_ms:
        return []
    gaps = [gap.span(now_ms) for gap in index.gaps(camera, Span(since_ms, now_ms))]
    if bounds is None:
        since_ms = min((gap.begin_ms for gap in gaps), default=now_ms)
    return missing_spans(gaps, Span(since_ms, now_ms))

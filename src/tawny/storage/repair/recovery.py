"""Recovery at start: finalize what the previous recorder left and record the time without a recorder.

Only folders that may hold open segments are scanned, so the duration does not depend on the amount of recordings. Call
with the volume's lock held, before any other access.
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
_NEWEST_FILES: Final = 2  # history files to read; the last entries may be missing in the index


_WHY: Final[dict[Cause | None, str]] = {
    "power": "power cut",
    "crash": "the recorder was killed",
    "update": "the recorder was stopped",
    "person": "the recorder was stopped",
    None: "found open",
}
"""End reason of segments that were left open, by cause."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """Result of a recovery."""

    reclosed: list[Reclosed] = field(default_factory=list)
    listed: int = 0
    """Number of closed files that were added to the index."""
    removed: int = 0
    """Number of interrupted removals that were completed."""
    cause: Cause | None = None
    """Why the previous recorder ended. None if there was none."""
    alive_ms: int | None = None
    """Last heartbeat of the previous recorder."""
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
    """Recover the volume and record gaps without a recorder for `cameras`, the configured ones.

    before: content of the lock file (`VolumeLock.before`). boot: the current boot id. Unstated files are added to the
    signed history. Raises StorageError if the disk fails.
    """
    lines = list(history.lines(_NEWEST_FILES))
    replay(lines, index)
    cause = cause_of(lines, before, boot)
    removed = finish_removals(volume, index, ledger, clock)
    reclosed, listed, damaged = put_in_order(volume, index, _folders(volume), _WHY[cause])
    for other in volume.others:
        more = put_in_order(other, index, other.open_folders.left_over() or [], _WHY[cause])
        reclosed, listed, damaged = [*reclosed, *more[0]], listed + more[1], [*damaged, *more[2]]
    if volume.signed is not None:
        for each in volume.everywhere:
            sign_found(each, volume.signed, each.open_folders.left_over() or [])
        volume.signed.all_found()
        volume.signed.write_items()
    cameras = list(cameras)
    alive_ms = _alive_ms(lines, before, index, cameras)
    gaps = [] if alive_ms is None else _write_down(index, ledger, cameras, alive_ms, clock.now_ms(), cause)
    for each in volume.everywhere:
        each.open_folders.clear()
    return Recovered(reclosed, listed, removed, cause, alive_ms, gaps, damaged)


def cause_of(lines: Sequence[HistoryLine], before: LockHolder | None, boot: str) -> Cause | None:
    """Return why the last recorder ended: its own entry, else a power cut if the machine rebooted, else a crash."""
    last = next((line for line in reversed(lines) if line.what in ("started", "stopped")), None)
    if last is not None and last.what == "stopped":
        said = last.record.get("cause")
        return said if said in OFF_WORDS else "person"
    last_boot = last.record.get("boot") if last is not None else before.boot if before is not None else None
    if last_boot is None:
        return None
    return "crash" if last_boot == boot else "power"


def _folders(volume: Volume) -> list[str]:
    """Return the folders that may hold open segments."""
    left_over = volume.open_folders.left_over()
    if left_over is not None:
        return left_over
    return [folder for camera in volume.cameras() for folder in volume.hour_folders(camera)]


def put_in_order(
    volume: Volume, index: Index, folders: Sequence[str], why: str
) -> tuple[list[Reclosed], int, list[FileDamaged]]:
    """Finalize open segments in these folders and add closed ones to the index.

    why: end reason of the finalized ones.
    """
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
                    log.warning("skipped a damaged file: %s", error)
                    damaged.append(error)
    with index.together():
        for row in [*rows, *(one.segment for one in reclosed if one.segment is not None)]:
            index.add_segment(row)
    return reclosed, len(rows), damaged


def _alive_ms(
    lines: Sequence[HistoryLine], before: LockHolder | None, index: Index, cameras: Sequence[CameraId]
) -> int | None:
    """Return the last time the previous recorder was alive, from all sources."""
    bounds = [bounds.end_ms for camera in cameras if (bounds := index.bounds(camera)) is not None]
    signs = [*bounds, *(line.at_ms for line in lines[-1:]), *([before.at_ms] if before is not None else [])]
    return max(signs, default=None)


def _write_down(
    index: Index, ledger: HistoryLedger, cameras: Sequence[CameraId], alive_ms: int, now_ms: int, cause: Cause | None
) -> list[Gap]:
    """Close open gaps at `alive_ms`, and record RECORDER_OFF gaps from each camera's last frame to now."""
    for gap in index.open_gaps():
        ledger.put_gap(replace(gap, end_ms=max(gap.begin_ms, min(alive_ms, now_ms))))
    gaps: list[Gap] = []
    for camera in cameras:
        for span in _unaccounted(index, camera, now_ms):
            gaps.append(Gap(camera, span.begin_ms, span.end_ms, GapReason.RECORDER_OFF, OFF_WORDS.get(cause or "", "")))
            ledger.put_gap(gaps[-1])
    return gaps


def _unaccounted(index: Index, camera: CameraId, now_ms: int) -> list[Span]:
    """Return time since the camera's last durable frame that no gap explains. Empty for a new camera."""
    bounds = index.bounds(camera)
    since_ms = bounds.end_ms if bounds else 0
    if since_ms >= now_ms:
        return []
    gaps = [gap.span(now_ms) for gap in index.gaps(camera, Span(since_ms, now_ms))]
    if bounds is None:
        since_ms = min((gap.begin_ms for gap in gaps), default=now_ms)
    return missing_spans(gaps, Span(since_ms, now_ms))

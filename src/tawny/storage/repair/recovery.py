"""Recovery at start: finalize what the previous recorder left and record the time without a recorder.

Only folders that may hold open segments are scanned, so the duration does not depend on the amount of recordings. Call
with the volume's lock held, before any other access.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from math import inf
from typing import Final, Literal

from tawny.model.errors import FileDamaged, StorageError, StorageUnavailable
from tawny.model.ids import CameraId
from tawny.model.segments import OFF_WORDS, Gap, GapReason, Segment, explaining, off_words, segment_id
from tawny.model.times import Clock, Span, missing_spans
from tawny.storage.disk.layout import SegmentName, segment_name
from tawny.storage.disk.lock import LockHolder
from tawny.storage.disk.volume import Volume
from tawny.storage.history.file_signing import sign_found
from tawny.storage.history.ledger import HistoryLedger, HistoryLine, replay
from tawny.storage.index.catalogue import row_of
from tawny.storage.index.protocol import Index
from tawny.storage.repair.finalize_segment import Reclosed, finalize_segments
from tawny.storage.retention.removal import finish_removals
from tawny.storage.retention.thinning import finish_thinning

log = logging.getLogger(__name__)

Cause = Literal["power", "crash", "update", "person", "restart", "reboot", "shut_down", "disk", "index"]
_NEWEST_FILES: Final = 2  # history files to read; the last entries may be missing in the index


_LOG_AFTER_S: Final = 5.0
"""How long a scan takes, s, before the log says how far it is."""
_LOG_EVERY_S: Final = 10.0
_LAST_MS: Final = 120_000
"""How long before its end, at most, the previous recorder's gaps may be missing."""
_LOST: Final = "tawny ended before this was written down"
_WHY: Final[dict[Cause | None, str]] = {
    "power": "power cut",
    "crash": "the recorder was killed",
    "update": "the recorder was stopped",
    "person": "the recorder was stopped",
    "restart": "the recorder was restarted",
    "reboot": "the computer was restarted",
    "shut_down": "the computer was shut down",
    "disk": "the recorder was stopped",
    "index": "the recorder was restarted",
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
    by: str = ""
    """Who asked for it, if known."""
    alive_ms: int | None = None
    """Last heartbeat of the previous recorder."""
    left_ms: int = 0
    """End of what it left, by the clock that it had then: earlier recordings may be of a clock that was ahead."""
    gaps: list[Gap] = field(default_factory=list)
    damaged: list[FileDamaged] = field(default_factory=list)


def recover(
    volume: Volume,
    index: Index,
    ledger: HistoryLedger,
    clock: Clock,
    *,
    before: LockHolder | None,
    boot: str,
    cameras: Iterable[CameraId] = (),
) -> Recovered:
    """Recover the volume and record gaps without a recorder for `cameras`, the configured ones.

    before: content of the lock file (`VolumeLock.before`). boot: the current boot id. Raises StorageError if the disk
    fails.
    """
    cameras = list(cameras)
    found = recover_files(volume, index, ledger, clock, before=before, boot=boot, cameras=cameras)
    if volume.signed is not None:
        volume.signed.write_items()
    for other in volume.others:
        other.open_folders.clear()
    return replace(found, gaps=explain_downtime(found, index, ledger, cameras, clock.now_ms()))


def recover_files(
    volume: Volume,
    index: Index,
    ledger: HistoryLedger,
    clock: Clock,
    *,
    before: LockHolder | None,
    boot: str,
    cameras: Sequence[CameraId],
) -> Recovered:
    """Recover all but the gaps, which `explain_downtime` records. Raises StorageError if the disk fails.

    Unstated files are added to the signed history, whose `write_items` makes that durable.
    """
    lines = list(ledger.history.lines(_NEWEST_FILES))
    with index.unsynced():  # the next start would replay them too
        replay(lines, index)
    cause = cause_of(lines, before, boot)
    folders = {volume: folders_left_over(volume, clock)}
    reclosed, listed, damaged = put_in_order(volume, index, folders[volume], _WHY[cause], sync_index=False, clock=clock)
    for other in volume.others:
        try:
            left_over = folders_left_over(other, clock)
            more = put_in_order(other, index, left_over, _WHY[cause], clock=clock)
        except StorageError as error:  # recording goes on without it
            log.error("cannot put %s in order: %s", other.name, error)
            continue
        folders[other] = left_over
        reclosed, listed, damaged = [*reclosed, *more[0]], listed + more[1], [*damaged, *more[2]]
    removed = finish_removals(volume, index, ledger, clock)
    if volume.signed is not None:
        for each, left_over in folders.items():
            try:
                sign_found(each, volume.signed, left_over)
            except StorageError as error:
                if each is volume:
                    raise
                log.error("cannot sign the files on %s: %s", each.name, error)
        volume.signed.all_found()
    by = str(lines[-1].record.get("by", "")) if lines and lines[-1].what == "stopped" else ""
    alive_ms = _alive_ms(lines, before, index, cameras)
    ends_ms = [one.segment.end_ms for one in reclosed if one.segment is not None]
    left_ms = max(ends_ms, default=0 if before is None else before.at_ms)
    return Recovered(reclosed, listed, removed, cause, by, alive_ms, left_ms, damaged=damaged)


def cause_of(lines: Sequence[HistoryLine], before: LockHolder | None, boot: str) -> Cause | None:
    """Return why the last recorder ended: its own entry, else a power cut if the machine rebooted, else a crash."""
    last = next((line for line in reversed(lines) if line.what in ("started", "stopped")), None)
    if last is not None and last.what == "stopped":
        cause = last.record.get("cause")
        return cause if cause in OFF_WORDS else "person"
    last_boot = last.record.get("boot") if last is not None else before.boot if before is not None else None
    if last_boot is None:
        return None
    return "crash" if last_boot == boot else "power"


def folders_left_over(volume: Volume, clock: Clock | None = None) -> list[str]:
    """Return the folders that may hold open segments. clock: to say how far it is, if that takes long."""
    left_over = volume.open_folders.left_over()
    if left_over is not None:
        return left_over
    every = (folder for camera in volume.cameras() for folder in volume.hour_folders(camera))
    return list(_with_progress(every, clock, "listing all folders of recordings: %d so far"))


def _with_progress(folders: Iterable[str], clock: Clock | None, words: str) -> Iterator[str]:
    """Yield the folders, and log their number at times if that takes long."""
    next_s = clock.mono_s() + _LOG_AFTER_S if clock is not None else inf
    for done, folder in enumerate(folders):
        if clock is not None and (now_s := clock.mono_s()) >= next_s:
            log.warning(words, done)  # by default, nothing less is logged
            next_s = now_s + _LOG_EVERY_S
        yield folder


def put_in_order(
    volume: Volume,
    index: Index,
    folders: Sequence[str],
    why: str,
    *,
    sync_index: bool = True,
    clock: Clock | None = None,
) -> tuple[list[Reclosed], int, list[FileDamaged]]:
    """Finalize open segments in these folders and add closed ones to the index.

    why: end reason of the finalized ones. sync_index: False leaves the new rows to the next sync of the index; until
    then the folders must stay listed in `OpenFolders`. clock: to say how far it is, if that takes long.
    """
    left_open: list[SegmentName] = []
    damaged: list[FileDamaged] = []
    rows: list[Segment] = []
    for folder in _with_progress(folders, clock, f"checking recordings after a start: %d of {len(folders)} folders"):
        finish_thinning(volume, index, folder)
        for path, entry in volume.files(folder):
            name = segment_name(path)
            if name is None or entry.kind != "file":
                continue
            if name.end_ms is None:
                left_open.append(name)
            elif index.segment(segment_id(name.camera, name.stream, name.start_ms)) is None:
                try:
                    rows.append(row_of(volume, name, entry.size_bytes))
                except StorageUnavailable:
                    raise
                except StorageError as error:
                    log.warning("skipped %s: %s", path, error)
                    damaged.append(FileDamaged(str(volume.root / path), error.detail))
    reclosed = finalize_segments(volume, left_open, why)
    with nullcontext() if sync_index else index.unsynced(), index.together():
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


def explain_downtime(
    found: Recovered, index: Index, ledger: HistoryLedger, cameras: Sequence[CameraId], now_ms: int
) -> list[Gap]:
    """Close gaps left open, and return the new ones.

    They are from each camera's last frame to now, without a recorder, and short ones before it whose record was lost.
    Earlier ones, of cameras that earlier versions left out, get no cause: that of the last stop isn't theirs.
    """
    if found.alive_ms is None:
        return []
    until_ms = min(found.alive_ms, now_ms)
    closed = [
        replace(gap, end_ms=max(gap.begin_ms, min(until_ms, _waited_until_ms(index, gap, until_ms))))
        for gap in index.open_gaps()
    ]
    words = off_words(found.cause or "", found.by)
    gaps = [
        Gap(camera, span.begin_ms, span.end_ms, GapReason.RECORDER_OFF, words if span.end_ms == now_ms else "")
        for camera in cameras
        for span in _unaccounted(index, camera, now_ms, closed)
    ]
    lost = "the power cut came before this was written down" if found.cause == "power" else _LOST
    gaps += [
        Gap(camera, span.begin_ms, span.end_ms, GapReason.UNKNOWN, lost)
        for camera in cameras
        for span in _holes(index, camera, closed)
    ]
    with index.unsynced(), ledger.together():  # the history has them
        for gap in (*closed, *gaps):
            ledger.put_gap(gap)
    return gaps


def explain_absence(index: Index, cameras: Iterable[CameraId], until_ms: int) -> list[Gap]:
    """Return gaps for the time in which a running recorder did not have these cameras in its settings.

    They are from each camera's last known instant to `until_ms`. None for a new camera.
    """
    return [
        Gap(camera, span.begin_ms, span.end_ms, GapReason.OFF, "the camera was not in the settings")
        for camera in cameras
        for span in _unaccounted(index, camera, until_ms, ())
    ]


def _waited_until_ms(index: Index, gap: Gap, until_ms: int) -> int:
    """Return when a camera that waited for an event was recorded again, at most `until_ms`."""
    if gap.reason is not GapReason.WAITING or gap.begin_ms >= until_ms:
        return until_ms
    recorded = index.spans(gap.camera, None, Span(gap.begin_ms, until_ms))
    return next((span.begin_ms for span in recorded if span.begin_ms > gap.begin_ms), until_ms)


def _unaccounted(index: Index, camera: CameraId, now_ms: int, closed: Iterable[Gap]) -> list[Span]:
    """Return time since the camera's last durable frame that no gap explains. Empty for a new camera.

    closed: gaps that the index still has as open.
    """
    bounds = index.bounds(camera)
    since_ms = bounds.end_ms if bounds else 0
    if since_ms >= now_ms:
        return []
    gaps = _known_gaps(index, camera, Span(since_ms, now_ms), closed)
    if bounds is None:
        since_ms = min((gap.begin_ms for gap in gaps), default=now_ms)
    return missing_spans(gaps, Span(since_ms, now_ms))


def _holes(index: Index, camera: CameraId, closed: Iterable[Gap]) -> list[Span]:
    """Return holes in the last recordings that no gap explains: the pictures after them were durable before the gap."""
    bounds = index.bounds(camera)
    if bounds is None:
        return []
    last = Span(max(0, bounds.end_ms - _LAST_MS), bounds.end_ms)
    recorded = index.spans(camera, None, last)
    if not recorded:
        return []
    known = [*recorded, *_known_gaps(index, camera, last, closed)]
    return missing_spans(known, Span(recorded[0].begin_ms, bounds.end_ms))


def _known_gaps(index: Index, camera: CameraId, within: Span, closed: Iterable[Gap]) -> list[Span]:
    known = {gap.begin_ms: gap for gap in explaining(index.gaps(camera, within))}
    known |= {gap.begin_ms: gap for gap in closed if gap.camera == camera}
    return [gap.span(within.end_ms) for gap in known.values()]

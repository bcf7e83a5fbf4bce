"""Rebuild of the index: segments from the files, the rest from the history. Reads two small ranges of each file."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from tawny.model.errors import FileDamaged
from tawny.model.ids import CameraId, StreamName
from tawny.model.segments import Segment
from tawny.model.times import Span
from tawny.storage.disk.layout import is_thinned, segment_name
from tawny.storage.disk.volume import Volume
from tawny.storage.history.journal import HistoryJournal
from tawny.storage.history.ledger import replay
from tawny.storage.index.protocol import Index
from tawny.storage.index.segment_row import row_of

_ROWS_AT_ONCE: Final = 2000
_EVER: Final = Span(0, 1 << 53)


@dataclass(frozen=True, slots=True)
class Rebuilt:
    segments: int
    left_out: list[FileDamaged] = field(default_factory=list)
    """Closed files without readable metadata."""


def rebuild(
    volume: Volume, index: Index, history: HistoryJournal, progress: Callable[[int], None] = lambda _: None
) -> Rebuilt:
    """Fill an index, empty or not. Skips open files, which recovery or a recorder closes.

    progress: called with the number of segments so far. Raises StorageError.
    """
    replay(list(history.lines()), index)
    rows: list[Segment] = []
    left_out: list[FileDamaged] = []
    count = 0
    for each, camera in _cameras(volume):
        for folder in each.hour_folders(camera):
            for path, entry in each.files(folder):
                name = segment_name(path)
                if name is None or name.end_ms is None or entry.kind != "file":
                    continue
                try:
                    rows.append(row_of(each, name, entry.size_bytes))
                except FileDamaged as error:
                    left_out.append(error)
            if len(rows) >= _ROWS_AT_ONCE:
                count += _add(index, rows)
                progress(count)
    count += _add(index, rows)
    _forget_damage_of_removed(index)
    progress(count)
    return Rebuilt(count, left_out)


def _forget_damage_of_removed(index: Index) -> None:
    """Drop damage whose segment no longer exists. Damage after the last segment may belong to an open file."""
    newest: dict[tuple[CameraId, StreamName], int] = {}
    with index.together():
        for damage in reversed(index.damage(None, _EVER)):
            stream = damage.camera, damage.stream
            if stream not in newest:
                spans = index.spans(*stream, _EVER)
                newest[stream] = spans[-1].end_ms if spans else 0
            is_there = any(not is_thinned(one) for one in index.segments(*stream, damage.span))
            if damage.begin_ms < newest[stream] and not is_there:
                index.drop_damage(damage)


def _cameras(volume: Volume) -> Iterator[tuple[Volume, CameraId]]:
    for each in volume.everywhere:
        for camera in each.cameras():
            yield each, camera


def _add(index: Index, rows: list[Segment]) -> int:
    with index.together():
        for row in rows:
            index.add_segment(row)
    index.settle(_EVER.end_ms)
    count = len(rows)
    rows.clear()
    return count

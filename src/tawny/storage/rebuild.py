"""The index made again: segments from the files, gaps and events from the history. Reads two small pieces of a file."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from tawny.model.errors import FileDamaged
from tawny.model.ids import CameraId
from tawny.model.segments import Segment
from tawny.storage.history import History
from tawny.storage.index import Index
from tawny.storage.layout import segment_name
from tawny.storage.ledger import replay
from tawny.storage.rows import row_of
from tawny.storage.volume import Volume

_ROWS_AT_ONCE: Final = 2000


@dataclass(frozen=True, slots=True)
class Rebuilt:
    segments: int
    left_out: list[FileDamaged] = field(default_factory=list)
    """Closed files that do not say what they are."""


def rebuild(
    volume: Volume, index: Index, history: History, progress: Callable[[int], None] = lambda _: None
) -> Rebuilt:
    """Fill an index, new or not. Open files are left alone: recovery closes them, or a recorder writes them now.

    progress: told the number of segments so far. Raises StorageError.
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
    progress(count)
    return Rebuilt(count, left_out)


def _cameras(volume: Volume) -> Iterator[tuple[Volume, CameraId]]:
    for each in volume.everywhere:
        for camera in each.cameras():
            yield each, camera


def _add(index: Index, rows: list[Segment]) -> int:
    with index.together():
        for row in rows:
            index.add_segment(row)
    count = len(rows)
    rows.clear()
    return count

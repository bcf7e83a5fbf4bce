"""Listing of the recordings on a volume that the index lacks, in the background.

A volume that was away while the index was made, or that other recorders filled, may hold those of years.
"""

import logging
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final

from tawny.engine import Engine
from tawny.model.errors import StorageError, StorageUnavailable
from tawny.model.segments import Segment, segment_id
from tawny.storage.disk.layout import segment_name
from tawny.storage.disk.volume import Volume
from tawny.storage.index.catalogue import row_of
from tawny.storage.index.protocol import Index

log = logging.getLogger(__name__)

_AT_ONCE: Final = 20
"""Folders of an hour."""
_SOON_S: Final = 0.2
_AGAIN_S: Final = 60.0
_DONE_S: Final = 86_400.0


class VolumeListing:
    """Actor that adds the closed files of one volume to the index, once. Open ones are finalized elsewhere."""

    name = "listing of recordings"

    def __init__(self, volume: Volume, index: Index, ended: Callable[[], None] = lambda: None) -> None:
        """ended: called when all is listed."""
        self._volume, self._index, self._ended = volume, index, ended
        self._listing = self._list()

    def start(self, engine: Engine) -> None:
        engine.start(f"{self.name} on {self._volume.name}", lambda: self)

    def step(self) -> float:
        try:
            if sum(1 for _ in islice(self._listing, _AT_ONCE)) == _AT_ONCE:
                return _SOON_S
        except StorageError as error:
            log.info("cannot list the recordings on %s for now: %s", self._volume.name, error)
            self._listing = self._list()
            return _AGAIN_S
        return _DONE_S

    def close(self) -> None:
        """No effect: a restart continues, because what is listed is passed over."""

    def _list(self) -> Iterator[None]:
        """List one folder at each step. Raises StorageError."""
        mark, count = self._volume.mark, 0
        if mark is None or self._index.is_volume_listed(mark):
            return
        for camera in self._volume.cameras():
            for folder in self._volume.hour_folders(camera):
                rows = list(self._missing(folder))
                count += len(rows)
                with self._index.together():
                    for row in rows:
                        self._index.add_segment(row)
                yield
        self._index.set_volume_listed(mark)
        self._ended()
        if count:
            log.warning("listed %d recordings on %s that were not in the index", count, self._volume.name)

    def _missing(self, folder: str) -> Iterator[Segment]:
        """Yield the rows of the folder's closed files that the index lacks and that nothing deletes."""
        closed = [
            (name, segment_id(name.camera, name.stream, name.start_ms), entry.size_bytes)
            for name, entry in ((segment_name(path), entry) for path, entry in self._volume.files(folder))
            if name is not None and name.end_ms is not None and entry.kind == "file"
        ]
        unlisted = [one for one in closed if self._index.segment(one[1]) is None]
        removing = {one.id for one in self._index.removing()} if unlisted else set()
        for name, which, size_bytes in unlisted:
            if which in removing:
                continue
            try:
                yield row_of(self._volume, name, size_bytes)
            except StorageUnavailable:
                raise
            except StorageError as error:  # reported by `check`
                log.info("skipped %s: %s", name.path, error)

"""Files of events: snapshots, previews and paths of objects, encrypted where the camera is. `Volume` reads them."""

from collections.abc import Callable

from tawny.model.events import Event
from tawny.storage.disk.disk import parent_of
from tawny.storage.disk.layout import loop_path, objects_path, picture_path, sealed_path
from tawny.storage.disk.volume import Volume
from tawny.storage.sealing.epoch_keys import EpochKeys


def _nothing(_event: Event, _jpeg: bytes) -> None:
    """Default for `made`: no effect."""


class EventFiles:
    """Writes to one volume. Raises StorageError.

    seals: None: no camera is encrypted. made: called with each snapshot before it is stored.
    """

    def __init__(
        self, volume: Volume, seals: EpochKeys | None = None, made: Callable[[Event, bytes], None] = _nothing
    ) -> None:
        self._volume, self._seals, self._made = volume, seals, made

    def write_picture(self, event: Event, jpeg: bytes) -> str:
        """Store an event's snapshot durably, replacing an earlier one. Return its path."""
        self._made(event, jpeg)
        return self._write(event, picture_path(event), jpeg)

    def write_loop(self, event: Event, jpeg: bytes) -> str:
        """Store an event's preview: small frames side by side in one JPEG. Return its path."""
        return self._write(event, loop_path(event), jpeg)

    def _write(self, event: Event, path: str, jpeg: bytes) -> str:
        sealed = sealed_path(path)
        if self._seals is not None and self._seals.picture(self._volume, event.camera, event.start_ms, jpeg, sealed):
            return sealed
        return self._volume.write_whole(path, jpeg)

    def add_objects(self, event: Event, lines: bytes) -> None:
        """Append to the paths of an event's objects; not yet durable. Call from one thread, with `end_objects`."""
        path, disk = objects_path(event), self._volume.disk
        sealed = sealed_path(path)
        if self._seals is not None and self._seals.add_lines(self._volume, event.camera, event.start_ms, lines, sealed):
            return
        is_new = disk.entry(path) is None
        if is_new:
            disk.make_folder(parent_of(path))
        file = disk.create(path) if is_new else disk.extend(path)
        try:
            file.append([lines])
        finally:
            file.close()

    def end_objects(self, event: Event) -> None:
        """Make the paths of an event's objects durable."""
        path, disk = objects_path(event), self._volume.disk
        if self._seals is not None and self._seals.end_lines(sealed_path(path)):
            return
        if disk.entry(path) is not None:
            file = disk.extend(path)
            try:
                file.sync()
            finally:
                file.close()
            disk.sync_folder(parent_of(path))

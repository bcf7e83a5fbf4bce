"""An open segment: its file from creation to the final name. One thread at a time.

Invariant: the file of a row in the index is complete on disk, so the row is the last step. State after a crash:
- after `create`: an open file, playable as far as it was synced, in a folder that `OpenFolders` lists.
 Recovery finalizes it.
- after the end box: the same, with end time and reason.
- after the rename: a closed file without a row, in a folder that is still listed. Recovery adds the row.
"""

import logging
from collections.abc import Sequence
from contextlib import suppress

from tawny.model.errors import StorageError
from tawny.model.segments import Segment
from tawny.storage.disk.disk import Bytes, OpenFile
from tawny.storage.disk.volume import Volume
from tawny.storage.history.file_signing import FileSigning
from tawny.storage.segments.content_writer import SegmentContent, WrittenFragment
from tawny.storage.segments.metadata import SegmentMetadata, SegmentTrailer

log = logging.getLogger(__name__)


class OpenSegment:
    """An open segment, from `create` to `close` or `leave`. Afterwards the caller calls `Volume.open_folders.leave`."""

    def __init__(
        self,
        volume: Volume,
        about: SegmentMetadata,
        file: OpenFile,
        content: SegmentContent,
        signing: FileSigning | None,
    ) -> None:
        self.volume, self.about, self._file = volume, about, file
        self._content, self._signing = content, signing
        self._good_bytes = file.size_bytes
        self.is_usable = True
        """False once the state on the disk is unknown. The file then accepts no more data."""
        self.fragments = 0
        self._is_left = self._has_last_name = False
        self._is_cut = True
        """The file on the disk ends at the last known good byte."""

    @classmethod
    def create(
        cls, volume: Volume, about: SegmentMetadata, content: SegmentContent, signing: FileSigning | None = None
    ) -> "OpenSegment":
        """Create the file with its header, durable under its open name. signing: its state in the signed history.

        Raises StorageError; the file is then removed.
        """
        name = about.name
        volume.open_folders.enter(name.folder, sync=False)
        try:
            file = volume.disk.create(name.path)
            try:
                file.append(content.begin)
                file.sync()
                volume.disk.sync_folder(name.folder)
                volume.disk.sync_parents(name.folder)
            except StorageError:
                with suppress(StorageError):  # only the first error is reported
                    file.close()
                    volume.disk.unlink(name.path)
                raise
        except StorageError:
            volume.open_folders.leave(name.folder)
            if signing is not None:
                signing.give_back()
            raise
        return cls(volume, about, file, content, signing)

    @property
    def size_bytes(self) -> int:
        """Number of durable bytes."""
        return self._good_bytes

    def append(self, fragments: Sequence[WrittenFragment]) -> None:
        """Append complete fragments durably.

        Raises StorageError. If `is_usable` is still true, the file is unchanged and the call may be retried.
        """
        try:
            parts = self._content.add(fragments, self._good_bytes)
        except StorageError:
            self.is_usable = False
            raise
        self._write(parts)
        self._content.taken(fragments)
        self.fragments += len(fragments)

    def _write(self, parts: Sequence[Bytes]) -> None:
        try:
            self._file.append(parts)
        except StorageError:
            self._cut_back()
            raise
        try:
            self._file.sync()
        except StorageError:
            self.is_usable = False
            raise
        self._good_bytes = self._file.size_bytes

    def close(self, end: SegmentTrailer) -> Segment | None:
        """Finalize the file and rename it, durably. Return None if it held no data and was removed.

        Raises StorageError. A repeated call continues; otherwise recovery does.
        """
        disk, name = self.volume.disk, self.about.name
        if not self.fragments:
            self.leave()
            disk.unlink(name.path)
            if self._signing is not None:
                self._signing.give_back()
            return None
        if self.is_usable and not self._is_left:
            try:
                self._end(end)
            except StorageError as error:
                log.warning("%s has no end record: %s", name.path, error)
        if not self._is_left:
            self.leave()
        if not self._is_cut:
            self._cut_by_name()
        closed = name.closed(max(end.end_ms, name.start_ms))
        if not self._has_last_name:
            disk.rename(name.path, closed.path)
            self._has_last_name = True
        disk.sync_folder(name.folder)
        if self._signing is not None and not self._signing.is_done:
            self._signing.found(self.volume, closed.path)
        return self.about.segment(closed, self._good_bytes)

    def _end(self, end: SegmentTrailer) -> None:
        if self._signing is None:
            self._write(self._content.end(end, None, self._good_bytes))
            return
        with self._signing.signer() as signer:
            self._write(self._content.end(end, signer, self._good_bytes))
            if self._content.digest is not None:
                self._signing.done(self._content.digest)

    def leave(self) -> None:
        """Close the file without an end record, truncated to the last known good byte."""
        if self._file.size_bytes != self._good_bytes:
            self._is_cut = False
            with suppress(StorageError):  # `close` truncates it later
                self._file.cut(self._good_bytes)
                self._is_cut = True
        self._is_left = True
        self._file.close()

    def _cut_by_name(self) -> None:
        """Truncate the file by name if `leave` could not.

        The data after the good bytes may contain an invalid end record.
        """
        file = self.volume.disk.extend(self.about.name.path)
        try:
            file.cut(self._good_bytes)
            file.sync()
        finally:
            file.close()
        self._is_cut = True

    def _cut_back(self) -> None:
        try:
            self._file.cut(self._good_bytes)
        except StorageError:
            self.is_usable = False

"""An open segment: its file while it is written, until it has its last name. One thread at a time.

Always true: a row in the index has its whole file on disk, so the row is the last step. What a crash leaves:
- after `create`: an open file that plays as far as it was synced, in a folder that `OpenFolders` names:
  recovery closes it;
- after the end box: the same, and it also says when and why it ended;
- after the rename: a closed file without a row, in a folder that is still named: recovery adds the row.
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
    """Made by `create`; ended by `close` or `leave`, after which `Volume.open_folders.leave` is the caller's."""

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
        """False once what the disk has of it is not known: it takes no more."""
        self.fragments = 0
        self._is_left = self._has_last_name = False
        self._is_cut = True
        """What the disk has of it is what is known to be good."""

    @classmethod
    def create(
        cls, volume: Volume, about: SegmentMetadata, content: SegmentContent, signing: FileSigning | None = None
    ) -> "OpenSegment":
        """The file with its beginning, durable under its open name. signing: its place in the signed history.

        Raises StorageError; then nothing is left.
        """
        name = about.name
        volume.open_folders.enter(name.folder)
        try:
            file = volume.disk.create(name.path)
            try:
                file.append(content.begin)
                file.sync()
                volume.disk.sync_folder(name.folder)
            except StorageError:
                with suppress(StorageError):  # what happened is told by the first error
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
        """What is durable."""
        return self._good_bytes

    def append(self, fragments: Sequence[WrittenFragment]) -> None:
        """Add whole fragments, durably. Raises StorageError; if `is_usable` is still true, the file is as it was
        before, and the same may be tried again."""
        try:
            parts = self._content.add(fragments)
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
        """End the file and give it its last name, durably. None when it held nothing and is removed.

        Raises StorageError; then `close` goes on from there when it is called again, or else recovery does.
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
                log.warning("%s ends without saying why: %s", name.path, error)
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
            self._write(self._content.end(end, None))
            return
        with self._signing.signer() as signer:
            self._write(self._content.end(end, signer))
            if self._content.digest is not None:
                self._signing.done(self._content.digest)

    def leave(self) -> None:
        """Let go of it as it is, cut to what is known to be good."""
        if self._file.size_bytes != self._good_bytes:
            self._is_cut = False
            with suppress(StorageError):  # it is cut again by whoever closes it
                self._file.cut(self._good_bytes)
                self._is_cut = True
        self._is_left = True
        self._file.close()

    def _cut_by_name(self) -> None:
        """What `leave` could not cut while the disk refused. Behind it may be an end that nobody may believe."""
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

"""Writer of one stream's files: write units in, durable fragments out. One thread at a time."""

import copy
import logging
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

from tawny.engine import Bus
from tawny.media.mp4.decode_times import FileDecodeTimes
from tawny.media.mp4.fragment_writer import Sample, fragment, init_segment
from tawny.model.errors import DiskFull, IndexDamaged, StorageError
from tawny.model.ids import CameraId, SegmentId, StreamName
from tawny.model.messages import SegmentClosed
from tawny.model.packets import VIDEO_RATE, AudioFormat
from tawny.model.segments import Segment, segment_id
from tawny.recorder.segmenter import NewSegmentFile, WriteUnit
from tawny.storage.disk.disk import Bytes, OpenFile, parent_of
from tawny.storage.disk.layout import SegmentName
from tawny.storage.disk.secondary_volumes import is_volume_present
from tawny.storage.disk.volume import Volume
from tawny.storage.history.file_signing import FileSigning
from tawny.storage.history.signed_history import SignedHistory
from tawny.storage.index.protocol import Index
from tawny.storage.sealing.epoch_keys import EpochKeys
from tawny.storage.segments.content_writer import MakeInit, PlainContent, SegmentContent, WrittenFragment
from tawny.storage.segments.metadata import SegmentMetadata, SegmentTrailer, about

# A segment while it is written.

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


# Finalization of segments: final name and index row, with retries after disk errors. Thread-safe.


class SegmentCloser:
    """Closes segments. `retry` adds all closed segments in one index transaction, because cameras' files end together.

    Invariant: a file leaves `OpenFolders` only when it is in the index or removed.
    """

    def __init__(self, index: Index, bus: Bus, history: SignedHistory | None = None) -> None:
        """history: signed history that lists closed files; None if not signed."""
        self._index, self._bus, self._history = index, bus, history
        self._lock = threading.Lock()
        self._unnamed: deque[tuple[OpenSegment, SegmentTrailer]] = deque()
        self._unlisted: dict[SegmentId, tuple[Segment, Volume]] = {}
        self._ending: dict[OpenSegment, Segment] = {}
        self.is_due = False
        """Closed segments wait for their first attempt to be added to the index."""

    def begin(self, file: OpenSegment, durable: Segment) -> None:
        """List the durable part of a segment until `finish` has closed it, which takes as long as the disk needs."""
        with self._lock:
            self._ending[file] = durable

    def finish(self, file: OpenSegment, end: SegmentTrailer) -> None:
        """Finalize a segment. After a disk error, `retry` continues."""
        try:
            segment = file.close(end)
        except StorageError as error:
            log.warning("cannot close %s, retrying later: %s", file.about.name.path, error)
            with self._lock:
                self._unnamed.append((file, end))
            return
        with self._lock:
            self._ending.pop(file, None)
            if segment is not None:
                self._unlisted[segment.id] = segment, file.volume
                self.is_due = True
        if segment is None:
            file.volume.open_folders.leave(file.about.name.folder)

    def _write_items(self, history: SignedHistory) -> bool:
        try:
            history.write_items()
        except StorageError as error:
            log.warning("cannot write the signed history, retrying later: %s", error)
            return False
        return True

    def unlisted(self) -> list[Segment]:
        """Return segments that are closed but not yet in the index, and those being closed, as they were when open."""
        with self._lock:
            return [*(segment for segment, _ in self._unlisted.values()), *self._ending.values()]

    def has(self, segment_id: SegmentId) -> bool:
        """Return whether the segment is closed but not yet in the index."""
        return segment_id in self._unlisted

    @property
    def left(self) -> int:
        """Number of files waiting for a retry."""
        return len(self._unnamed) + len(self._unlisted)

    def retry(self) -> None:
        """Retry all waiting files. Call from a thread that may block on the main volume."""
        with self._lock:
            self.is_due = False
            unnamed = list(self._unnamed)
            self._unnamed.clear()
        for file, end in unnamed:
            self.finish(file, end)
        with self._lock:
            waiting = list(self._unlisted.values())
        is_signed = self._history is None or self._write_items(self._history)
        try:
            with self._index.together():
                for segment, _ in waiting:
                    self._index.add_segment(segment)
        except StorageError as error:
            log.warning("cannot add %d files to the index, retrying later: %s", len(waiting), error)
            return
        for segment, volume in waiting:
            with self._lock:
                del self._unlisted[segment.id]
            volume.open_folders.leave(parent_of(segment.path))
            self._bus.publish(SegmentClosed(segment))
        for volume in {volume for _, volume in waiting} if is_signed else ():
            volume.open_folders.save()


_USUAL_PICTURE: Final = VIDEO_RATE // 25
_AAC_FRAME: Final = 1024


class _OpenFile:
    """An open file and its timestamps."""

    def __init__(
        self, new: NewSegmentFile, start_ms: int, file: OpenSegment, pictures: FileDecodeTimes, *, splits: bool
    ) -> None:
        self.splits = splits
        self.new, self.start_ms, self.file = new, start_ms, file
        self.pictures = pictures
        self.sounds = FileDecodeTimes(_sound_begin(new), _AAC_FRAME, most_depth=0)
        self.sequence = 0
        self.end_ticks = self.durable_ticks = 0  # 90 kHz ticks: written or being written, and synced

    @property
    def end_ms(self) -> int:
        return self.start_ms + round(self.end_ticks * 1000 / VIDEO_RATE)

    @property
    def durable_ms(self) -> int:
        return self.start_ms + round(self.durable_ticks * 1000 / VIDEO_RATE)

    def written(self, piece: WriteUnit) -> list[WrittenFragment]:
        """Return the unit's fragments as stored in the file. Advances all counters."""
        made: list[WrittenFragment] = []
        nexts = [*(one.pictures[0].pts for one in piece.fragments[1:]), piece.next_pts]
        for number, (one, next_pts) in enumerate(zip(piece.fragments, nexts, strict=True), 1):
            is_last = piece.ends is not None and number == len(piece.fragments)
            base_video, pictures = self.pictures.samples(one.pictures, next_pts, is_last=is_last)
            base_audio, sounds = self.sounds.samples(one.sounds)
            if self.splits and len(pictures) > 1 and pictures[0].is_keyframe:
                made.append(self._fragment(pictures[:1], [], base_video, base_audio))
                base_video, pictures = base_video + pictures[0].duration, pictures[1:]
            made.append(self._fragment(pictures, sounds, base_video, base_audio))
            self.end_ticks = self.pictures.shown_end
        return made

    def _fragment(
        self, pictures: Sequence[Sample], sounds: Sequence[Sample], base_video: int, base_audio: int
    ) -> WrittenFragment:
        self.sequence += 1
        parts = fragment(self.sequence, pictures, sounds, base_video, base_audio)
        is_keyframe = bool(pictures) and pictures[0].is_keyframe
        begin = min((picture.pts for picture in pictures), default=base_video)
        return WrittenFragment(parts, max(0, begin * 1000 // VIDEO_RATE), is_keyframe)


class StreamWriter:
    def __init__(
        self,
        volume: Volume,
        index: Index,
        closing: SegmentCloser,
        camera: CameraId,
        stream: StreamName,
        seals: EpochKeys | None = None,
    ) -> None:
        """seals: seals and signs segments; None: neither."""
        self._volume, self._index, self._closing, self._seals = volume, index, closing, seals
        self.camera, self.stream = camera, stream
        self._open: _OpenFile | None = None
        self._last_pictures = FileDecodeTimes(0, _USUAL_PICTURE)
        """Those of the last file."""
        self._begun_ms = self._avoided_ms = -1  # start of the newest file; start used by another writer
        self.durable_ms: int | None = None
        """All data up to this time is on the disk."""
        self.durable_bytes = 0
        """Total number of bytes written."""
        self.clock_offset_s: float | None = None
        """Offset of the camera's clock, stored in its files. None if unknown."""

    @property
    def where(self) -> str:
        return str((self.volume or self._volume).root)

    @property
    def has_file(self) -> bool:
        return self._open is not None

    @property
    def volume(self) -> Volume | None:
        """Volume of the open file. None without one."""
        return self._open.file.volume if self._open is not None else None

    def goes_on_with(self, piece: WriteUnit) -> bool:
        """Return whether the unit belongs to the open file."""
        return self._open is not None and (piece.begins is None or piece.begins is self._open.new)

    def another(self) -> "StreamWriter":
        """Return a writer that continues in a new file while this one waits for a hanging disk."""
        made = StreamWriter(self._volume, self._index, self._closing, self.camera, self.stream, self._seals)
        made.durable_ms, made.durable_bytes = self.durable_ms, self.durable_bytes
        made.clock_offset_s = self.clock_offset_s
        made._avoided_ms = self._begun_ms
        return made

    @property
    def segment(self) -> Segment | None:
        """The open file as an index row of its durable part. None if nothing is durable."""
        opened = self._open
        if opened is None or not opened.file.fragments:
            return None
        name = opened.file.about.name
        row = opened.file.about.segment(name.closed(opened.durable_ms), opened.file.size_bytes)
        return replace(row, path=name.path)

    def write(self, piece: WriteUnit, on: Volume | None = None) -> None:
        """Write a unit durably. on: volume of a new file; None: the main volume.

        Raises StorageError if it is not durable. If `has_file` is still true, the same unit may be retried; otherwise
        its file was abandoned. Raises ValueError for a format that cannot be stored.
        """
        if piece.begins is not None and (self._open is None or self._open.new is not piece.begins):
            self.end(SegmentTrailer(0, "another begins"))
            self._open = self._create(piece.begins, on or self._volume)
        if self._open is None:
            return
        if piece.fragments:
            self._append(self._open, piece)
        if piece.ends is not None:
            self.end(piece.ends)

    def end(self, end: SegmentTrailer) -> None:
        """Close the open file, if any. Its recording can be found all the time."""
        opened, durable = self._open, self.segment
        if opened is None:
            return
        if durable is not None:
            self._closing.begin(opened.file, durable)
        self._open, self._last_pictures = None, opened.pictures
        self._closing.finish(opened.file, SegmentTrailer(end.end_ms or opened.end_ms, end.why, self.clock_offset_s))

    @property
    def on_spare(self) -> Volume | None:
        """The spare that holds the open file. None if it is on the main volume."""
        opened = self._open
        return opened.file.volume if opened is not None and opened.file.volume is not self._volume else None

    def _create(self, new: NewSegmentFile, on: Volume) -> _OpenFile:
        """Create the file. If the main volume fails, except when full, use an available spare."""
        try:
            return self._create_on(on, new)
        except DiskFull:
            raise
        except StorageError as error:
            for spare in self._volume.spares if on is self._volume else ():
                if is_volume_present(spare):
                    log.warning("%s %s: recording to the spare %s: %s", self.camera, self.stream, spare.root, error)
                    return self._create_on(spare, new)
            raise

    def _create_on(self, volume: Volume, new: NewSegmentFile) -> _OpenFile:
        start_ms = self._free_start(volume, new.start_ms)
        metadata = about(self.camera, self.stream, new.run, start_ms, new.video, new.audio)
        metadata = replace(metadata, is_sealed=self._is_sealed)
        self._begun_ms = metadata.start_ms
        content, signing = self._begin(
            volume, metadata, lambda more: init_segment(new.video, new.audio, {**metadata.record(), **more})
        )
        file = OpenSegment.create(volume, metadata, content, signing)
        pictures = self._last_pictures.next_file(new.first_pts)
        return _OpenFile(new, metadata.start_ms, file, pictures, splits=content.splits)

    @property
    def _is_sealed(self) -> bool:
        return self._seals is not None and self._seals.seals(self.camera)

    def _begin(
        self, volume: Volume, metadata: SegmentMetadata, make_init: MakeInit
    ) -> tuple[SegmentContent, FileSigning | None]:
        return (
            (PlainContent(make_init({})), None)
            if self._seals is None
            else self._seals.begin(volume, metadata, make_init)
        )

    def _free_start(self, volume: Volume, start_ms: int) -> int:
        """Return a start that no other segment has: after a clock change an instant may repeat."""
        while self._is_taken(volume, SegmentName(self.camera, self.stream, start_ms, None, is_sealed=self._is_sealed)):
            start_ms += 1
        return start_ms

    def _is_taken(self, volume: Volume, name: SegmentName) -> bool:
        """Return whether the name is in use.

        For a spare the index is skipped: it is on the main volume, which may hang.
        """
        if name.start_ms == self._avoided_ms or volume.disk.entry(name.path) is not None:
            return True
        if volume is not self._volume:
            return False
        known = segment_id(name.camera, name.stream, name.start_ms)
        try:
            return self._closing.has(known) or self._index.segment(known) is not None
        except IndexDamaged:  # what it says can't be known: recording doesn't wait until it is made again
            return False

    def _append(self, opened: _OpenFile, piece: WriteUnit) -> None:
        before = copy.copy(opened.pictures), copy.copy(opened.sounds), opened.sequence, opened.end_ticks
        size_bytes = opened.file.size_bytes
        try:
            opened.file.append(opened.written(piece))
        except StorageError as error:
            opened.pictures, opened.sounds, opened.sequence, opened.end_ticks = before
            if not (isinstance(error, DiskFull) and opened.file.is_usable):
                self.end(SegmentTrailer(0, f"the disk failed: {error.detail}"))
            raise
        self.durable_bytes += opened.file.size_bytes - size_bytes
        opened.durable_ticks = opened.end_ticks
        self.durable_ms = opened.end_ms


def _sound_begin(new: NewSegmentFile) -> int:
    """Return the file's zero in audio ticks."""
    rate = new.audio.rate if isinstance(new.audio, AudioFormat) else VIDEO_RATE
    return round(new.first_pts * rate / VIDEO_RATE)

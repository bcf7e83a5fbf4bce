"""Keys for sealing: one per camera for at most ten minutes, and its recipients.

A key is wrapped to its recipients and stored in the key ring of the camera's day before any file uses it. Afterwards it
advances one step per file. The unwrapped key is never on a disk. Thread-safe.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Final

from tawny.media.mp4.byte_reader import ArchivedPath
from tawny.model.errors import StorageError
from tawny.model.ids import CameraId
from tawny.model.segments import filled_number, is_filled_number
from tawny.model.times import Clock
from tawny.sealed.file_reader import FileScan
from tawny.sealed.header import NO_STREAM, SealedFileKind, SealedFlag, SealedHeader
from tawny.sealed.key_wrapping import area_bytes, short_name, wrap
from tawny.sealed.keys import EpochKey
from tawny.sealed.records import BLOB
from tawny.sealed.sealer import RingLine, Sealer, new_salt, read_ring
from tawny.storage.disk.disk import parent_of
from tawny.storage.disk.layout import DAY_MS, keys_path
from tawny.storage.disk.volume import Volume
from tawny.storage.history.file_signing import FileSigning, store_picture
from tawny.storage.history.signed_history import SignedHistory, SignedRow
from tawny.storage.segments.content_writer import MakeInit, ProvedContent, SealedSegmentContent, SegmentContent
from tawny.storage.segments.metadata import SegmentMetadata, stream_number

LIVES_S: Final = 9 * 60.0
"""Maximum age at which a key starts a new file. The file uses the key for the rest of the ten minutes at most."""
_JUMP_MS: Final = 2000


@dataclass(frozen=True, slots=True)
class CameraSealing:
    """Sealing policy of a camera. recipients: `age1…` keys.

    splits: keyframes are separate records, so that retention can remove the others later.
    """

    recipients: tuple[str, ...]
    splits: bool = False


@dataclass(slots=True)
class _Epoch:
    key: EpochKey
    wrapped: bytes
    begun_s: float
    recipients: tuple[str, ...]


class EpochKeys:
    """Key management of all cameras.

    policy: returns a camera's policy; None if not sealed. software: name of the writer, stored in each file.
    """

    def __init__(
        self,
        history: SignedHistory,
        clock: Clock,
        policy: Callable[[CameraId], CameraSealing | None],
        software: str = "tawny",
    ) -> None:
        self.history, self._clock, self._policy, self._software = history, clock, policy, software
        self._lock = threading.Lock()
        self._epochs: dict[tuple[CameraId, Volume], _Epoch] = {}
        self._growing: dict[str, _GrowingFile] = {}

    def seals(self, camera: CameraId) -> bool:
        return self._policy(camera) is not None

    def begin(self, volume: Volume, about: SegmentMetadata, make_init: MakeInit) -> tuple[SegmentContent, FileSigning]:
        """Return the content writer of a new segment and its signing state. Raises StorageError."""
        policy = self._policy(about.camera)
        stream = stream_number(about.stream)
        run = int.from_bytes(sha256(about.run.encode()).digest()[:8], "big")
        origin = filled_number(about.run)
        if origin is not None:
            run = origin << 32 | run & 0xFFFFFFFF
        if policy is None:
            return self._proved(about, stream, run, make_init)
        sealer, signing = self._sealer(
            volume, about.camera, policy, SealedFileKind.SEGMENT, stream, about.start_ms, run
        )
        return SealedSegmentContent(sealer, about, make_init({}), self._software), signing

    def _proved(
        self, about: SegmentMetadata, stream: int, run: int, make_init: MakeInit
    ) -> tuple[SegmentContent, FileSigning]:
        """Return the content of an unsealed segment: the same header without sealing."""
        row = SignedRow(self.history.camera(about.camera), SealedFileKind.SEGMENT, stream)
        header = self._header(row, start_ms=about.start_ms, run=run, born_ms=self._clock.now_ms())
        header = replace(header, flags=_origin(run))
        return ProvedContent(header, about, make_init), FileSigning(self.history, row, header.number)

    def picture(self, volume: Volume, camera: CameraId, at_ms: int, jpeg: bytes, path: str) -> bool:
        """Store a snapshot sealed at `path`, durably. Return False if the camera is not sealed. Raises StorageError.

        A statement lists the file only after it is durable under its name.
        """
        policy = self._policy(camera)
        if policy is None:
            return False
        sealer, signing = self._sealer(volume, camera, policy, SealedFileKind.PICTURE, NO_STREAM, at_ms, 0)
        info = {"camera": camera, "at_ms": at_ms, "media_type": "image/jpeg", "software": self._software}
        parts = [*sealer.begin(info), *sealer.record(BLOB, 0, [jpeg])]
        with signing.signer() as signer:
            parts += sealer.end(0, 0, {}, signer)
            try:
                store_picture(volume, path, b"".join(parts), self.history)
            except StorageError:
                signing.give_back()
                raise
        return True

    def add_lines(self, volume: Volume, camera: CameraId, at_ms: int, lines: bytes, path: str) -> bool:
        """Append to the sealed file at `path`, or begin it. Return False if the camera is not sealed.

        Not yet durable. Raises StorageError; the file then takes no more. Call from one thread, with `end_lines`.
        """
        file, policy = self._growing.get(path), self._policy(camera)
        if file is None and policy is None:
            return False
        if file is None and policy is not None:
            sealer, signing = self._sealer(volume, camera, policy, SealedFileKind.MOTION, NO_STREAM, at_ms, 0)
            info = {"camera": camera, "at_ms": at_ms, "media_type": "application/jsonl", "software": self._software}
            file = self._growing[path] = _GrowingFile(volume, path, sealer, signing, info)
        assert file is not None
        file.add(lines)
        return True

    def end_lines(self, path: str) -> bool:
        """Close the file, durably, and list it in the signed history. Return False if none is open at `path`.

        Raises StorageError.
        """
        file = self._growing.pop(path, None)
        if file is not None:
            file.end()
        return file is not None

    def _sealer(
        self,
        volume: Volume,
        camera: CameraId,
        policy: CameraSealing,
        kind: SealedFileKind,
        stream: int,
        start_ms: int,
        run: int,
    ) -> tuple[Sealer, FileSigning]:
        with self._lock:
            epoch = self._epoch(volume, camera, policy)
            key, step = epoch.key.next()
        row = SignedRow(self.history.camera(camera), kind, stream)
        header = self._header(row, start_ms=start_ms, run=run, born_ms=epoch.key.born_ms)
        header = replace(
            header,
            flags=_origin(run) | (SealedFlag.SPLIT if policy.splits and kind is SealedFileKind.SEGMENT else 0),
            wrap_bytes=area_bytes(epoch.wrapped),
            step=step,
            commit=epoch.key.commit,
        )
        return Sealer(header, key, epoch.wrapped), FileSigning(self.history, row, header.number)

    def _header(self, row: SignedRow, *, start_ms: int, run: int, born_ms: int) -> SealedHeader:
        """Return the header of the chain's next file, without sealing fields."""
        place = self.history.take_place(row)
        return SealedHeader(
            kind=row.kind,
            stream=row.stream,
            flags=0,
            wrap_bytes=0,
            recorder=self.history.recorder,
            camera=row.camera,
            born_ms=born_ms,
            step=0,
            number=place.number,
            start_ms=start_ms,
            run=run,
            commit=bytes(32),
            salt=new_salt(),
            prev=place.prev,
        )

    def _epoch(self, volume: Volume, camera: CameraId, policy: CameraSealing) -> _Epoch:
        """Return the camera's current key.

        A new one is made after its maximum age, a new day, a change of recipients or a clock jump.
        """
        now_s, now_ms = self._clock.mono_s(), self._clock.now_ms()
        epoch = self._epochs.get((camera, volume))
        if epoch is not None:
            age_s = now_s - epoch.begun_s
            jumped = abs(now_ms - epoch.key.born_ms - age_s * 1000) > _JUMP_MS
            is_young = age_s < LIVES_S and not epoch.key.is_used_up and not jumped
            is_of_today = now_ms // DAY_MS == epoch.key.born_ms // DAY_MS
            if is_young and is_of_today and epoch.recipients == policy.recipients:
                return epoch
        key = EpochKey(now_ms)
        epoch = _Epoch(key, wrap(key.first(), policy.recipients), now_s, policy.recipients)
        names = tuple(map(short_name, policy.recipients))
        line = RingLine(key.commit, key.born_ms, epoch.wrapped, made_for=names)
        add_to_ring(volume, keys_path(camera, key.born_ms), line)
        self._epochs[camera, volume] = epoch
        return epoch


def _origin(run: int) -> int:
    """Return the flag of footage that was not recorded live. run: its number."""
    return SealedFlag.FILLED_IN if is_filled_number(run) else 0


class _GrowingFile:
    """A sealed file that is appended to. One thread. Whatever is in it after a crash, the next start lists."""

    def __init__(
        self, volume: Volume, path: str, sealer: Sealer, signing: FileSigning, info: Mapping[str, object]
    ) -> None:
        self._volume, self._path, self._sealer, self._signing = volume, path, sealer, signing
        self._is_whole, self._begin = True, sealer.begin(info)
        volume.open_folders.enter(parent_of(path))  # the next start looks for it there
        try:
            self._file = volume.disk.create(path)
        except StorageError:
            volume.open_folders.leave(parent_of(path))
            signing.give_back()
            raise

    def add(self, lines: bytes) -> None:
        if self._is_whole:  # no record may follow one that was not written whole
            self._append([*self._begin, *self._sealer.record(BLOB, 0, [lines])])
            self._begin = []

    def end(self) -> None:
        try:
            with self._signing.signer() as signer:
                if self._is_whole:
                    self._append(self._sealer.end(0, 0, {}, signer))
                self._file.sync()
                self._volume.disk.sync_folder(parent_of(self._path))
                self._signing.found(self._volume, self._path)
        finally:
            self._file.close()
            self._volume.open_folders.leave(parent_of(self._path))

    def _append(self, parts: Sequence[bytes]) -> None:
        self._is_whole = False
        self._file.append(parts)
        self._is_whole = True


def add_to_ring(volume: Volume, path: str, line: RingLine) -> None:
    """Append durably, on the volume of the files. Raises StorageError."""
    disk = volume.disk
    is_new = disk.entry(path) is None
    if is_new:
        disk.make_folder(parent_of(path))
    file = disk.create(path) if is_new else disk.extend(path)
    try:
        torn = file.size_bytes and disk.read(path, file.size_bytes - 1) != b"\n"
        file.append([b"\n" if torn else b"", line.text()])
        file.sync()
    finally:
        file.close()
    if is_new:
        disk.sync_folder(parent_of(path))


# Key ring lookup for a sealed file whose own wrapped key is for other recipients.


def from_ring(path: Path, file: FileScan) -> bytes:
    """Return the wrapped key from a key ring of the file's day. Empty if none has it.

    path: on a disk, with the ring in its folder or the parent folder; or in an archive, from `Volume.path`. Raises
    OSError, StorageError.
    """
    rings = path.rings(file.header.born_ms) if isinstance(path, ArchivedPath) else _rings_near(path)
    lines = (read_ring(ring).get(file.header.commit) for ring in rings)
    return next((line.wrapped for line in lines if line is not None), b"")


def _rings_near(path: Path) -> Iterator[bytes]:
    for folder in (path.parent, path.parent.parent):
        for ring in sorted(folder.glob("*.keys")):
            yield ring.read_bytes()

"""What a recorder seals with: for each camera a key that lives ten minutes at most, and who can open what.

A key is wrapped to its recipients, and stands in the key ring of its camera's day, before any file is made with it.
Only then does it step from file to file; it is never on a disk itself. Any thread may call.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final

from tawny.model.clock import Clock
from tawny.model.ids import CameraId
from tawny.sealed.header import NO_STREAM, SealedFileKind, SealedFlag, SealedHeader
from tawny.sealed.key_ring import RingLine
from tawny.sealed.key_wrapping import area_bytes, wrap
from tawny.sealed.keys import EpochKey
from tawny.sealed.records import BLOB
from tawny.sealed.sealer import Sealer, new_salt
from tawny.storage.disk.layout import DAY_MS, day_folder, keys_path
from tawny.storage.disk.volume import Volume
from tawny.storage.history.file_signing import FileSigning
from tawny.storage.history.signed_history import SignedHistory, SignedRow
from tawny.storage.segments.content_writer import MakeInit, ProvedContent, SealedSegmentContent, SegmentContent
from tawny.storage.segments.metadata import SegmentMetadata, stream_number

LIVES_S: Final = 9 * 60.0
"""A key makes no new file after so long; a file takes no more than the rest of ten minutes."""
_JUMP_MS: Final = 2000


@dataclass(frozen=True, slots=True)
class CameraSealing:
    """Of a sealed camera. recipients: `age1…`. splits: key pictures are records of their own, since retention may take
    out the others one day."""

    recipients: tuple[str, ...]
    splits: bool = False


@dataclass(slots=True)
class _Epoch:
    key: EpochKey
    wrapped: bytes
    begun_s: float
    recipients: tuple[str, ...]


class EpochKeys:
    """policy: of a camera; None when it is not sealed. software: who wrote it, for whoever opens it later."""

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

    def seals(self, camera: CameraId) -> bool:
        return self._policy(camera) is not None

    def begin(self, volume: Volume, about: SegmentMetadata, make_init: MakeInit) -> tuple[SegmentContent, FileSigning]:
        """What a new segment's file will hold, and its place in the signed history. Raises StorageError."""
        policy = self._policy(about.camera)
        stream = stream_number(about.stream)
        run = int.from_bytes(sha256(about.run.encode()).digest()[:8], "big")
        if policy is None:
            return self._proved(about, stream, run, make_init)
        sealer, signing = self._sealer(
            volume, about.camera, policy, SealedFileKind.SEGMENT, stream, about.start_ms, run
        )
        return SealedSegmentContent(sealer, about, make_init({}), self._software), signing

    def _proved(
        self, about: SegmentMetadata, stream: int, run: int, make_init: MakeInit
    ) -> tuple[SegmentContent, FileSigning]:
        """Plain: the same header with nothing sealed."""
        row = SignedRow(self.history.camera(about.camera), SealedFileKind.SEGMENT, stream)
        header = self._header(row, start_ms=about.start_ms, run=run, born_ms=self._clock.now_ms())
        return ProvedContent(header, about, make_init), FileSigning(self.history, row, header.number)

    def picture(self, volume: Volume, camera: CameraId, at_ms: int, jpeg: bytes) -> bytes | None:
        """A sealed file with it; None when the camera is not sealed. Raises StorageError."""
        policy = self._policy(camera)
        if policy is None:
            return None
        sealer, signing = self._sealer(volume, camera, policy, SealedFileKind.PICTURE, NO_STREAM, at_ms, 0)
        info = {"camera": camera, "at_ms": at_ms, "media_type": "image/jpeg", "software": self._software}
        parts = [*sealer.begin(info), *sealer.record(BLOB, 0, [jpeg])]
        with signing.signer() as signer:
            parts += sealer.end(0, 0, {}, signer)
            signing.done(sealer.digest)
        return b"".join(parts)

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
            flags=SealedFlag.SPLIT if policy.splits and kind is SealedFileKind.SEGMENT else 0,
            wrap_bytes=area_bytes(epoch.wrapped),
            step=step,
            commit=epoch.key.commit,
        )
        return Sealer(header, key, epoch.wrapped), FileSigning(self.history, row, header.number)

    def _header(self, row: SignedRow, *, start_ms: int, run: int, born_ms: int) -> SealedHeader:
        """Of the next file of a row; nothing in it is sealed yet."""
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
        """The camera's key now; a new one when it is time, day or recipients have changed, or the clock jumped."""
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
        _add_to_ring(volume, camera, RingLine(key.commit, key.born_ms, epoch.wrapped))
        self._epochs[camera, volume] = epoch
        return epoch


def _add_to_ring(volume: Volume, camera: CameraId, line: RingLine) -> None:
    """Durably, on the volume where the files will be."""
    disk, path = volume.disk, keys_path(camera, line.born_ms)
    is_new = disk.entry(path) is None
    if is_new:
        disk.make_folder(day_folder(camera, line.born_ms))
    file = disk.create(path) if is_new else disk.extend(path)
    try:
        torn = file.size_bytes and disk.read(path, file.size_bytes - 1) != b"\n"
        file.append([b"\n" if torn else b"", line.text()])
        file.sync()
    finally:
        file.close()
    if is_new:
        disk.sync_folder(day_folder(camera, line.born_ms))

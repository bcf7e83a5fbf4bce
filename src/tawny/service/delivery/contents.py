"""Content of deliveries, created when sent: an event snapshot, a clip cut from segments, or a whole segment."""

import hashlib
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from tawny.delivery.delivery import Delivery, DeliveryContent, DeliveryKind, portions
from tawny.media.mp4.byte_reader import read_bytes
from tawny.model.errors import ContentGone, FileSealed
from tawny.model.events import Event
from tawny.model.ids import CameraId, SegmentId, StreamName
from tawny.model.times import Span
from tawny.playback.clips import ClipCache, ClipFile, ClipTooLarge
from tawny.playback.recordings import RecordingArchive
from tawny.service.sealing.sealed_export import NoSealedExport, SealedExportApi
from tawny.storage.disk.layout import is_sealed

MOST_BYTES = 20_000_000_000
Picture = Callable[[Event], bytes | None]


class ContentFactory:
    """Creates the content of deliveries. Thread-safe.

    picture: returns the JPEG of an event, None if not available. `of` raises ContentGone and StorageError.
    """

    def __init__(
        self, archive: RecordingArchive, clips: ClipCache, picture: Picture, sealed: SealedExportApi | None = None
    ) -> None:
        self._archive, self._clips, self._picture = archive, clips, picture
        self._sealed = sealed or NoSealedExport()

    def of(self, delivery: Delivery) -> DeliveryContent:
        match delivery.what:
            case DeliveryKind.REMOVAL:
                return InMemoryContent(b"", "application/octet-stream", 0)
            case DeliveryKind.PICTURE if delivery.content.get("sealed"):
                return self._sealed_picture(delivery)
            case DeliveryKind.PICTURE:
                return InMemoryContent(self._jpeg(delivery), "image/jpeg", delivery.at_ms)
            case DeliveryKind.CLIP if "segment" in delivery.content:
                return self._segment(delivery)
            case DeliveryKind.CLIP | DeliveryKind.PIECE:
                span = Span(int(delivery.content["from_ms"]), int(delivery.content["to_ms"]))
                return ClipContent(self._clip(delivery, delivery.camera, span), span.end_ms)
            case DeliveryKind.FOOTAGE:
                return self._segment(delivery)
        raise ContentGone(delivery.to, f"{delivery.what} is nothing that can be made here")

    def _segment(self, delivery: Delivery) -> DeliveryContent:
        segment = self._archive.index.segment(SegmentId(delivery.content["segment"]))
        if segment is None:
            raise ContentGone(delivery.to, "its recording was deleted")
        if is_sealed(segment.path):
            return SealedContent(self._archive.segment_path(segment), segment.size_bytes, segment.end_ms)
        return ClipContent(self._clip(delivery, segment.camera, segment.span), segment.end_ms)

    def _sealed_picture(self, delivery: Delivery) -> DeliveryContent:
        event = self._archive.index.event(delivery.event) if delivery.event else None
        sealed = self._sealed.sealed_picture(event) if event else None
        if sealed is None:
            raise ContentGone(delivery.to, "the event was deleted or has no snapshot")
        return InMemoryContent(sealed, SealedContent.media_type, delivery.at_ms)

    def _jpeg(self, delivery: Delivery) -> bytes:
        event = self._archive.index.event(delivery.event) if delivery.event else None
        jpeg = self._picture(event) if event else None
        if jpeg is None:
            raise ContentGone(delivery.to, "the event was deleted, or its snapshot is encrypted")
        return jpeg

    def _clip(self, delivery: Delivery, camera: CameraId | None, span: Span) -> ClipFile:
        try:
            clip = self._clips.clip(camera, StreamName.MAIN, span, MOST_BYTES) if camera else None
        except FileSealed as error:
            raise ContentGone(
                delivery.to, "its recording is encrypted, so only someone with the key can cut it"
            ) from error
        except ClipTooLarge as error:
            raise ContentGone(delivery.to, "it would be larger than 20 GB") from error
        if clip is None:
            raise ContentGone(delivery.to, "its recording was deleted")
        return clip


class InMemoryContent:
    """Content in memory."""

    def __init__(self, data: bytes, media_type: str, modified_ms: int) -> None:
        self._data, self.media_type, self.modified_ms = data, media_type, modified_ms

    @property
    def size_bytes(self) -> int:
        return len(self._data)

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self._data).hexdigest()

    def read(self, offset: int, size_bytes: int) -> bytes:
        return self._data[offset : offset + size_bytes]

    def close(self) -> None:
        """No resources to release."""


def _sha256(content: DeliveryContent) -> str:
    digest = hashlib.sha256()
    for portion in portions(content):
        digest.update(portion)
    return digest.hexdigest()


class SealedContent:
    """A sealed file, read unchanged."""

    media_type = "application/octet-stream"

    def __init__(self, path: Path, size_bytes: int, modified_ms: int) -> None:
        self._path, self.size_bytes, self.modified_ms = path, size_bytes, modified_ms

    @cached_property
    def sha256(self) -> str:
        return _sha256(self)

    def read(self, offset: int, size_bytes: int) -> bytes:
        return b"".join(read_bytes(self._path, offset, min(offset + size_bytes, self.size_bytes)))

    def close(self) -> None:
        """No resources to release."""


class ClipContent:
    """A clip, read from its segments while it is sent."""

    media_type = "video/mp4"

    def __init__(self, clip: ClipFile, modified_ms: int) -> None:
        self._clip, self.modified_ms = clip, modified_ms

    @property
    def size_bytes(self) -> int:
        return self._clip.size_bytes

    @cached_property
    def sha256(self) -> str:
        return _sha256(self)

    def read(self, offset: int, size_bytes: int) -> bytes:
        return b"".join(self._clip.read(offset, min(offset + size_bytes, self.size_bytes)))

    def close(self) -> None:
        """Do nothing; the clip cache owns the clip."""

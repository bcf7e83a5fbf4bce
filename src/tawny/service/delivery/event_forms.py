"""Forms in which an event leaves this computer: clip, MPEG-TS, fragmented MP4, GIF, contact sheet, snapshot.

They are made when they are sent, never before. Also whole recordings, as `recordings` destinations receive them.
"""

import io
import logging
import os
import tempfile
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final, Literal

from tawny.delivery.delivery import Delivery, DeliveryKind, StoredContent, in_memory
from tawny.media.codec.transcoder import FRAGMENTED, remux
from tawny.media.image.canvas import clip_gif
from tawny.media.mp4.byte_reader import read_bytes
from tawny.model.errors import ContentGone, FileDamaged, FileMissing, FileSealed, NotDone
from tawny.model.events import Event
from tawny.model.ids import CameraId, SegmentId, StreamName
from tawny.model.times import Span, utc_text
from tawny.playback.clips import MOST_COVERED_S, ClipCache, ClipFile, ClipTooLarge, ClipTooLongToMask
from tawny.playback.exports import sheet_jpeg
from tawny.playback.recordings import RecordingArchive
from tawny.service.sealing.policy import SealedExport
from tawny.storage.disk.layout import is_sealed, picture_path, sealed_path

log = logging.getLogger(__name__)
MOST_BYTES: Final = 20_000_000_000
SEALED_TYPE: Final = "application/octet-stream"
RECORDING_GONE: Final = "its recording was deleted"
PICTURE_GONE: Final = "the event was deleted or has no snapshot"
SEALED_PICTURE: Final = "its snapshot is encrypted"
SEALED_RECORDING: Final = "its recording is encrypted, so only someone with the key can cut it"
MOST_PREVIEWS: Final = 4
"""GIFs and contact sheets that are remembered: a link to one may be opened several times."""
Picture = Callable[[Event], bytes | None]
Preview = Literal["gif", "sheet"]
SheetSize = tuple[int, int]
"""Columns and rows."""
_REMUXED: Final = {"ts": (".ts", "video/mp2t"), "fmp4": (FRAGMENTED, "video/mp4")}
PREVIEW_TYPES: Final[dict[Preview, str]] = {"gif": "image/gif", "sheet": "image/jpeg"}


class EventForms:
    """Makes the content of deliveries. Thread-safe.

    picture: returns the JPEG of an event, None if not available. scratch: folder for files that are read while they are
    sent; None: memory.
    """

    def __init__(
        self,
        archive: RecordingArchive,
        clips: ClipCache,
        picture: Picture,
        sealed: SealedExport | None = None,
        scratch: Path | None = None,
    ) -> None:
        self._archive, self._clips, self._picture, self._scratch = archive, clips, picture, scratch
        self._sealed = sealed or SealedExport()
        self._lock = threading.Lock()
        self._previews: OrderedDict[tuple[Preview, CameraId, Span, SheetSize], bytes] = OrderedDict()
        self._held: dict[int, tuple[Span, ...]] = {}

    def of(self, delivery: Delivery, sheet: SheetSize = (10, 12)) -> StoredContent:
        """Return the content of an upload. sheet: size of a contact sheet. Raises ContentGone and StorageError."""
        match delivery.what:
            case DeliveryKind.REMOVAL:
                return in_memory(b"", "application/octet-stream", 0)
            case DeliveryKind.PICTURE if delivery.content.get("sealed"):
                return self._sealed_picture(delivery)
            case DeliveryKind.PICTURE:
                return in_memory(self._jpeg(delivery), "image/jpeg", delivery.at_ms)
            case DeliveryKind.CLIP if "segment" in delivery.content:
                return self._segment(delivery)
            case DeliveryKind.CLIP | DeliveryKind.PIECE:
                span = Span(int(delivery.content["from_ms"]), int(delivery.content["to_ms"]))
                return self._form(delivery, form_of(delivery), span, sheet)
            case DeliveryKind.FOOTAGE:
                return self._segment(delivery)
            case DeliveryKind.FILE if "picture_ms" in delivery.content:
                return in_memory(self._jpeg(delivery), "image/jpeg", delivery.at_ms)
            case DeliveryKind.FILE:  # begins at a keyframe, whose time is rounded down
                span = Span(int(delivery.content["from_ms"]) + 1, int(delivery.content["to_ms"]))
                return self._form(delivery, "mp4", span, sheet)
        raise ContentGone(delivery.to, f"{delivery.what} is nothing that can be made here")

    def held(self, delivery: Delivery) -> tuple[Span, ...]:
        """Return the recorded times of the main stream that this clip holds, once it was sent.

        Not what was deleted before it was made, can't be read, or comes after a change of the format.
        """
        return self._held.get(delivery.id, ())

    def forget(self, delivery: Delivery) -> None:
        """Forget what a clip holds. Call once its delivery has ended."""
        self._held.pop(delivery.id, None)

    def preview(self, to: str, camera: CameraId, span: Span, form: Preview, sheet: SheetSize) -> bytes:
        """Return a GIF or a contact sheet of a time. Raises ContentGone and StorageError. Decodes: takes seconds."""
        key = form, camera, span, sheet if form == "sheet" else (0, 0)
        with self._lock:
            if key in self._previews:
                self._previews.move_to_end(key)
                return self._previews[key]
        try:
            made = self._gif(to, camera, span) if form == "gif" else sheet_jpeg(self._archive, camera, span, sheet)[0]
        except FileSealed as error:
            raise _sealed(to) from error
        except (FileDamaged, FileMissing, NotDone) as error:
            raise ContentGone(to, error.message) from error
        with self._lock:
            self._previews[key] = made
            while len(self._previews) > MOST_PREVIEWS:
                self._previews.popitem(last=False)
        return made

    # --- inside ------------------------------------------------------------------------------------------------------

    def _form(self, delivery: Delivery, form: str, span: Span, sheet: SheetSize) -> StoredContent:
        to, camera = delivery.to, delivery.camera
        if form in PREVIEW_TYPES:
            if camera is None:
                raise ContentGone(to, RECORDING_GONE)
            preview: Preview = "gif" if form == "gif" else "sheet"
            return in_memory(self.preview(to, camera, span, preview, sheet), PREVIEW_TYPES[preview], span.end_ms)
        clip = self._clip(to, camera, span, StreamName.MAIN)
        if delivery.what is DeliveryKind.CLIP:
            self._held[delivery.id] = clip.holds if clip.stream is StreamName.MAIN else ()
        if form in _REMUXED:
            suffix, media_type = _REMUXED[form]
            return self._remuxed(clip, suffix, media_type, span.end_ms)
        return StoredContent(partial(_read_clip, clip), clip.size_bytes, "video/mp4", span.end_ms)

    def _remuxed(self, clip: ClipFile, suffix: str, media_type: str, modified_ms: int) -> StoredContent:
        """Return the clip in another container, from a file without a name that is gone once it is sent."""
        made = _UnnamedFile(self._scratch)
        remux(clip.read, clip.size_bytes, made.file, suffix, lambda _: None)
        made.file.flush()
        return StoredContent(made.read, made.file.seek(0, os.SEEK_END), media_type, modified_ms)

    def _gif(self, to: str, camera: CameraId, span: Span) -> bytes:
        clip = self._clip(to, camera, span, StreamName.SUB)
        return clip_gif(io.BytesIO(b"".join(clip.read(0, clip.size_bytes))))

    def _segment(self, delivery: Delivery) -> StoredContent:
        segment = self._archive.index.segment(SegmentId(delivery.content["segment"]))
        if segment is None:
            raise ContentGone(delivery.to, RECORDING_GONE)
        if is_sealed(segment.path):
            path, size_bytes = self._archive.segment_path(segment), segment.size_bytes
            return StoredContent(partial(_read_file, path, size_bytes), size_bytes, SEALED_TYPE, segment.end_ms)
        clip = self._clip(delivery.to, segment.camera, segment.span, StreamName.MAIN)
        return StoredContent(partial(_read_clip, clip), clip.size_bytes, "video/mp4", segment.end_ms)

    def _sealed_picture(self, delivery: Delivery) -> StoredContent:
        event = self._archive.index.event(delivery.event) if delivery.event else None
        sealed = self._sealed.sealed_picture(event) if event else None
        if sealed is None:
            raise ContentGone(delivery.to, PICTURE_GONE)
        return in_memory(sealed, SEALED_TYPE, delivery.at_ms)

    def _jpeg(self, delivery: Delivery) -> bytes:
        event = self._archive.index.event(delivery.event) if delivery.event else None
        jpeg = self._picture(event) if event else None
        if jpeg is None:
            is_sealed_now = event is not None and self._sealed.is_stored(sealed_path(picture_path(event)))
            raise ContentGone(delivery.to, SEALED_PICTURE if is_sealed_now else PICTURE_GONE)
        return jpeg

    def _clip(self, to: str, camera: CameraId | None, span: Span, stream: StreamName) -> ClipFile:
        """Return a clip, read from its segments while it is sent; the clip cache owns it. Raises ContentGone."""
        try:
            clip = self._clips.clip(camera, stream, span, MOST_BYTES) if camera else None
        except FileSealed as error:
            raise _sealed(to) from error
        except ClipTooLongToMask as error:
            long = f"{MOST_COVERED_S / 60:.0f} min"
            raise ContentGone(to, f"of cameras with privacy masks, clips can be at most {long} long") from error
        except ClipTooLarge as error:
            raise ContentGone(to, "it would be larger than 20 GB") from error
        if clip is None:
            raise ContentGone(to, RECORDING_GONE)
        if clip.cut_at_ms is not None:
            log.warning(
                "%s: a clip for %s ends at %s instead of %s, because the video format or the rotation changed then",
                camera, to, utc_text(clip.cut_at_ms), utc_text(span.end_ms),
            )  # fmt: skip
        return clip


def form_of(delivery: Delivery) -> str:
    """Return the form of a clip's delivery: `mp4`, `fmp4`, `ts`, `gif` or `sheet`."""
    return str(delivery.content.get("form", "mp4"))


def _sealed(to: str) -> ContentGone:
    return ContentGone(to, SEALED_RECORDING)


def _read_file(path: Path, end: int, offset: int, size_bytes: int) -> bytes:
    return b"".join(read_bytes(path, offset, min(offset + size_bytes, end)))


def _read_clip(clip: ClipFile, offset: int, size_bytes: int) -> bytes:
    return b"".join(clip.read(offset, min(offset + size_bytes, clip.size_bytes)))


class _UnnamedFile:
    """A file that no folder lists: gone with the last reference to it. scratch: its folder; None: in memory."""

    def __init__(self, scratch: Path | None) -> None:
        self.file: BinaryIO
        if scratch is None:
            self.file = os.fdopen(os.memfd_create("upload", os.MFD_CLOEXEC), "w+b")
        else:
            self.file = tempfile.TemporaryFile(dir=scratch)  # noqa: SIM115
        weakref.finalize(self, self.file.close)

    def read(self, offset: int, size_bytes: int) -> bytes:
        return os.pread(self.file.fileno(), size_bytes, offset)

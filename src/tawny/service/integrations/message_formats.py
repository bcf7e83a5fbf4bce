"""Message formats for webhooks and scripts: tawny's own and that of Raspberry Pancake.

Pancake's receivers know three objects: a file is complete; detection began or ended (three seconds ago); the same with
a clip of six seconds around that time.
"""

import logging
import os
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from zoneinfo import ZoneInfo

from tawny.config.integrations import EmitterSettings
from tawny.model.clock import Clock
from tawny.model.errors import StorageError
from tawny.model.events import Event
from tawny.model.ids import CameraId, EventId, StreamName
from tawny.model.messages import EventChanged, Message, SegmentClosed
from tawny.model.segments import Segment
from tawny.model.times import Span
from tawny.playback.clips import ClipCache
from tawny.service import json_format

EDGE_MS = 3000
"""Delay, ms, of a report of begin or end, and length of its clip on either side."""
WRITTEN_MS = 1500
"""Delay, ms, until recorded video is on disk."""
MOST_CLIPS = 500
MOST_CLIP_BYTES = 200_000_000
_CLIP = re.compile(r"\d{8}-\d{6}\.mp4")
SegmentPath = Callable[[Segment], Path]
log = logging.getLogger(__name__)


class FormattedMessage(NamedTuple):
    """in_s: delay. make: creates the object when due; waits for the disk."""

    in_s: float
    make: Callable[[], dict[str, Any]]


class MessageFormat(Protocol):
    def of(self, message: Message) -> Sequence[FormattedMessage]:
        """Return the formatted messages. Returns at once. Call from one thread at a time."""
        ...


def kinds_fit(one: EmitterSettings, message: Message) -> bool:
    """Return whether the event's type is selected; other messages always pass."""
    return not (isinstance(message, EventChanged) and one.kinds and message.event.kind not in one.kinds)


class NativeFormat:
    """The objects of `tawny events --follow --json`. path: a segment's file, for local programs; None: omit it."""

    def __init__(self, one: EmitterSettings, clock: Clock, path: SegmentPath | None) -> None:
        self._one, self._clock, self._path = one, clock, path

    def of(self, message: Message) -> Sequence[FormattedMessage]:
        told = json_format.message(message, self._clock.now_ms())
        if told is None or told["type"].partition(".")[0] not in self._one.events or not kinds_fit(self._one, message):
            return ()
        if self._one.cameras and told["camera"] not in (*self._one.cameras, None):
            return ()
        if isinstance(message, SegmentClosed) and (path := self._path) is not None:
            segment, about = message.segment, told["segment"]
            return (FormattedMessage(0.0, lambda: {**told, "segment": {**about, "mp4": str(path(segment))}}),)
        return (FormattedMessage(0.0, lambda: told),)


class PancakeFormat:
    """Format for one camera. zone: time zone of clip names."""

    def __init__(self, one: EmitterSettings, clock: Clock, path: SegmentPath, clips: ClipCache, zone: ZoneInfo) -> None:
        self._one, self._camera, self._clock, self._path = one, CameraId(one.cameras[0]), clock, path
        self._clips, self._zone, self._lasting = clips, zone, set[EventId]()

    def of(self, message: Message) -> Sequence[FormattedMessage]:
        match message:
            case SegmentClosed(segment) if segment.camera == self._camera and segment.stream is StreamName.MAIN:
                return (FormattedMessage(0.0, lambda: {"h264": str(self._path(segment))}),)
            case EventChanged(_, event) if event.camera == self._camera and kinds_fit(self._one, message):
                return self._edge(event)
        return ()

    def _edge(self, event: Event) -> Sequence[FormattedMessage]:
        was_on = bool(self._lasting)
        if event.end_ms is None:
            self._lasting.add(event.id)
        else:
            self._lasting.discard(event.id)
        is_on = bool(self._lasting)
        if is_on == was_on:
            return ()
        return self._told(event.start_ms if event.end_ms is None else event.end_ms, is_on=is_on)

    def _told(self, at_ms: int, *, is_on: bool) -> Sequence[FormattedMessage]:
        waits_ms = EDGE_MS + (WRITTEN_MS if self._one.clips else 0)
        in_s = max(0.0, (at_ms + waits_ms - self._clock.now_ms()) / 1000)
        return (FormattedMessage(in_s, lambda: {**self._clip(at_ms), "detection": is_on}),)

    def _clip(self, at_ms: int) -> dict[str, str]:
        """Write the clip and return its path; empty if not configured or not available."""
        if not self._one.clips:
            return {}
        folder, zone = Path(self._one.clips), self._zone
        name = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone).strftime("%Y%m%d-%H%M%S.mp4")
        span = Span(at_ms - EDGE_MS, at_ms + EDGE_MS)
        try:
            clip = self._clips.clip(self._camera, StreamName.MAIN, span, MOST_CLIP_BYTES)
            if clip is None:
                return {}
            part = folder / f"{name}.part"
            with part.open("wb") as file:
                for portion in clip.read(0, clip.size_bytes):
                    file.write(portion)
                file.flush()
                os.fsync(file.fileno())
            part.rename(folder / name)
            for old in sorted(path for path in folder.iterdir() if _CLIP.fullmatch(path.name))[:-MOST_CLIPS]:
                old.unlink()
        except (OSError, StorageError) as error:
            log.warning("%s: a clip could not be written to %s: %s", self._camera, folder, error)
            return {}
        return {"h264": str(folder / name)}

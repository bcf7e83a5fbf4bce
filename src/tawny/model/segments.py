"""Segments: playable files of about one minute."""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from tawny.model.gaps import GapReason
from tawny.model.ids import CameraId, RunId, SegmentId, StreamName
from tawny.model.packets import Packet
from tawny.model.times import Span


@dataclass(frozen=True, slots=True)
class Segment:
    """A closed segment in the index."""

    camera: CameraId
    stream: StreamName
    run: RunId
    start_ms: int
    end_ms: int
    size_bytes: int
    path: str
    """Relative to the volume's folder, with `/`."""
    video: str
    """Codec string for browsers, such as `avc1.64001f`."""
    width: int
    height: int
    audio: str = ""
    """`mp4a.40.2`, `ulaw`, `alaw`, or empty."""

    @property
    def id(self) -> SegmentId:
        return segment_id(self.camera, self.stream, self.start_ms)

    @property
    def span(self) -> Span:
        return Span(self.start_ms, self.end_ms)


def segment_id(camera: CameraId, stream: StreamName, start_ms: int) -> SegmentId:
    """Return the id of a segment: the stream's mark and 6 bytes of `start_ms`.

    Derived instead of counted, so that links survive a rebuilt index.
    """
    return SegmentId((stream_mark(camera, stream) + start_ms.to_bytes(6, "big")).hex())


@lru_cache(maxsize=256)
def stream_mark(camera: CameraId, stream: StreamName) -> bytes:
    """Return the 6 bytes that identify a stream in its segments' ids."""
    return hashlib.blake2s(f"{camera}/{stream}".encode(), digest_size=6).digest()


# Input of playback: recordings as packets, in pieces.


class SkippedTime(NamedTuple):
    """Time without a recording. reason: None if no gap explains it."""

    span: Span
    reason: GapReason | None


class ReelPiece(NamedTuple):
    """Next packets by time, and the time skipped before them.

    `pts` count from the start of the file that contains the packets, which `run` identifies.
    """

    packets: list[Packet]
    skipped: SkippedTime | None


class NotCarried(Exception):
    """The recording cannot be delivered in the requested form. The message is for users."""

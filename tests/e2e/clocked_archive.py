"""Recordings of long ago whose every picture shows when it was taken, as files that a recorder has left."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

from tawny.media.mp4.fragment_writer import Sample, fragment, init_segment
from tawny.model.ids import CameraId, RunId, StreamName
from tawny.model.packets import VIDEO_RATE, SourcePacket
from tawny.model.times import SystemClock
from tawny.recorder.stream_writer import OpenSegment
from tawny.storage.disk.volume import Volume
from tawny.storage.history.signed_history import SignedHistory
from tawny.storage.sealing.epoch_keys import CameraSealing, EpochKeys
from tawny.storage.segments.content_writer import PlainContent, SegmentContent, WrittenFragment
from tawny.storage.segments.metadata import SegmentTrailer, about
from tawny.testing.clips import ClipSpec, made_clip

FPS, GOP_S = 10, 1.0
PICTURE_MS = 1000 // FPS
CLOCKED = ClipSpec(width=320, height=224, fps=FPS, gop_s=GOP_S)
LARGER = replace(CLOCKED, width=640, height=448)
H265 = replace(CLOCKED, codec="h265")
HOUR_MS = 3_600_000


def record(
    folder: Path,
    camera: CameraId,
    start_ms: int,
    seconds: float,
    spec: ClipSpec = CLOCKED,
    stream: StreamName = StreamName.MAIN,
    run: str = "run",
    sealed_to: Sequence[str] = (),
) -> None:
    """One file, as `recorder` writes it. sealed_to: public keys."""
    volume, clip = Volume.at(folder), made_clip(replace(spec, clock_ms=start_ms, seconds=seconds))
    result = about(camera, stream, RunId(run), start_ms, clip.video, None)
    result = replace(result, is_sealed=bool(sealed_to))
    content: SegmentContent = PlainContent(init_segment(clip.video, None, result.record()))
    if sealed_to:
        clock = SystemClock()
        seals = EpochKeys(
            SignedHistory.opened(volume.disk, clock.now_ms()), clock, lambda _: CameraSealing(tuple(sealed_to))
        )
        content, _ = seals.begin(
            volume, result, lambda more: init_segment(clip.video, None, {**result.record(), **more})
        )
    file = OpenSegment.create(volume, result, content)
    pictures = _samples(clip.packets)
    for number, begin in enumerate(range(0, len(pictures), FPS)):
        shown = pictures[begin : begin + FPS]
        parts = fragment(number + 1, shown, (), shown[0].pts)
        file.append([WrittenFragment(parts, shown[0].pts * 1000 // VIDEO_RATE, shown[0].is_keyframe)])
    file.close(SegmentTrailer(start_ms + round(seconds * 1000), "length"))
    volume.open_folders.leave(result.name.folder)


def _samples(packets: Sequence[SourcePacket]) -> list[Sample]:
    first = packets[0].pts
    times = [packet.pts - first for packet in packets] + [packets[-1].pts - first + VIDEO_RATE // FPS]
    lasts = [later - earlier for earlier, later in pairwise(times)]
    return [
        Sample(packet.data, pts, last, packet.is_keyframe)
        for packet, pts, last in zip(packets, times[:-1], lasts, strict=True)
    ]


def clock_changes(zone: ZoneInfo) -> tuple[int, int]:
    """The newest instants (UTC ms) at which its clocks went forward, and back."""
    hour = SystemClock().now_ms() // HOUR_MS * HOUR_MS - 24 * HOUR_MS
    found: dict[bool, int] = {}
    while len(found) < 2:
        before, after = (_offset(zone, hour + by) for by in (-1, 0))
        if before != after:
            found.setdefault(after > before, hour)
        hour -= HOUR_MS
    return found[True], found[False]


def midnight(zone: ZoneInfo, at_ms: int) -> int:
    """The last one of that zone before an instant."""
    local = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone)
    return round(datetime(local.year, local.month, local.day, tzinfo=zone).timestamp() * 1000)


def _offset(zone: ZoneInfo, at_ms: int) -> timedelta:
    return datetime.fromtimestamp(at_ms / 1000, zone).utcoffset() or timedelta()

"""Text sheet for a clip: time range, gaps and SHA-256.

It shows that a clip is the exported one. Proof that the recording is unchanged comes from the signed history, not from
this sheet. Blocking: reads the whole clip.
"""

import hashlib
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from tawny.model.gaps import gap_words
from tawny.model.ids import CameraId
from tawny.model.times import Span, utc_text
from tawny.playback.clips import ClipFile
from tawny.playback.exports import clock_text
from tawny.playback.recordings import RecordingArchive


@dataclass(frozen=True, slots=True)
class ClipSheetHeader:
    """Values for the header lines."""

    name: str
    """Name of the clip's file."""
    camera: CameraId
    camera_name: str
    recorder: str
    person: str
    zone: ZoneInfo
    now_ms: int


def clip_sheet(archive: RecordingArchive, clip: ClipFile, asked: Span, about: ClipSheetHeader) -> str:
    """Return the sheet as lines of text. asked: the requested time."""
    digest = hashlib.sha256()
    for data in clip.read(0, clip.size_bytes):
        digest.update(data)
    end_ms = clip.cut_at_ms or asked.end_ms
    lines = [
        f"File        {about.name}",
        f"Size        {clip.size_bytes} bytes",
        f"SHA-256     {digest.hexdigest()}",
        f"Camera      {about.camera_name} ({about.camera})",
        f"Start       {_both(about.zone, clip.start_ms)}",
        f"End         {_both(about.zone, end_ms)}",
        f"Recorder    {about.recorder}",
        f"Exported    {_both(about.zone, about.now_ms)}, by {about.person}",
    ]
    if archive.private(about.camera):
        lines.append("Re-encoded, because privacy masks are blacked out.")
    else:
        lines.append("Original video, not re-encoded.")
    gaps = archive.index.gaps(about.camera, Span(clip.start_ms, max(end_ms, clip.start_ms + 1)))
    lines += ["", "Missing" if gaps else "Nothing is missing."]
    for gap in gaps:
        until = "now" if gap.end_ms is None else _both(about.zone, gap.end_ms)
        lines.append(f"  {_both(about.zone, gap.begin_ms)} to {until}: {gap_words(gap)}")
    return "\n".join(lines) + "\n"


def _both(zone: ZoneInfo, at_ms: int) -> str:
    return f"{clock_text(zone, at_ms)} ({utc_text(at_ms)})"

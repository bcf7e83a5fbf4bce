"""Reads one fragment: header summary and integrity of its video data."""

from dataclasses import dataclass
from operator import add
from pathlib import Path

from tawny.media.mp4.byte_reader import read_exactly
from tawny.media.mp4.format_reader import TrackFormat
from tawny.media.mp4.moof import NOT_SYNC, SampleRun, runs_of
from tawny.model.errors import FileDamaged
from tawny.model.packets import VIDEO_RATE

_MOST_LOOKED_THROUGH_BYTES = 256 << 20
_SECTOR_OF_ZEROS = bytes(512)
"""Three zero bytes never occur in a NAL unit; a zeroed sector means that a write did not reach the disk."""


@dataclass(frozen=True, slots=True)
class StoredFragment:
    """One moof and mdat. Times cover its video, in 90 kHz ticks since the segment's start."""

    offset: int
    size: int
    start_ticks: int
    duration_ticks: int
    is_keyframe: bool
    """The first frame is a keyframe."""
    video_samples: int
    audio_samples: int
    head_bytes: int
    """Size of the moof box."""

    @property
    def end_ticks(self) -> int:
        return self.start_ticks + self.duration_ticks


def summary(offset: int, head_bytes: int, data_bytes: int, runs: list[SampleRun]) -> StoredFragment:
    video = [run for run in runs if run.track.is_video]
    begins: list[int] = []
    ends: list[int] = []
    for run in video or runs:
        pts, rate = run.pts, run.track.rate
        begins.append(min(pts) * VIDEO_RATE // rate)
        ends.append(max(map(add, pts, run.durations)) * VIDEO_RATE // rate)
    begin = min(begins, default=0)
    return StoredFragment(
        offset=offset,
        size=head_bytes + data_bytes,
        start_ticks=begin,
        duration_ticks=max(ends, default=0) - begin,
        is_keyframe=bool(video) and not video[0].flags[0] & NOT_SYNC,
        video_samples=sum(len(run.sizes) for run in video),
        audio_samples=sum(len(run.sizes) for run in runs if not run.track.is_video),
        head_bytes=head_bytes,
    )


def runs_in(path: Path, file: int, tracks: tuple[TrackFormat, ...], fragment: StoredFragment) -> list[SampleRun]:
    """Return the fragment's runs, video first. Raises FileDamaged if the file changed since it was scanned."""
    head = read_exactly(path, file, fragment.head_bytes, fragment.offset)
    try:
        runs = runs_of(head[8:], fragment.offset, tracks)
    except ValueError as problem:
        raise FileDamaged(str(path), str(problem)) from problem
    if any(run.data_at < fragment.head_bytes or run.data_end > fragment.size for run in runs):
        raise FileDamaged(str(path), "a fragment changed while it was read")
    return sorted(runs, key=lambda run: not run.track.is_video)


def flaw_in(path: Path, file: int, tracks: tuple[TrackFormat, ...], fragment: StoredFragment) -> str:
    """Read the video data and return a description of the first defect; empty if intact."""
    for run in runs_in(path, file, tracks, fragment):
        if not run.track.is_video or run.data_end - run.data_at > _MOST_LOOKED_THROUGH_BYTES:
            continue
        data = read_exactly(path, file, run.data_end - run.data_at, fragment.offset + run.data_at)
        if _SECTOR_OF_ZEROS in data:
            return "there are zeros where pictures should be"
        at = 0
        for size in run.sizes:
            end = at + size
            while at < end:
                at += 4 + int.from_bytes(data[at : at + 4], "big")
            if at != end:
                return "a picture's units do not add up"
    return ""

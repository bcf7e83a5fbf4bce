"""Long recordings of films in a row, as files that a recorder has left."""

from collections.abc import Sequence
from contextlib import closing
from itertools import pairwise
from pathlib import Path

from tawny.media.mp4.fragment_writer import Sample, fragment, init_segment
from tawny.model.events import Event, event_id
from tawny.model.ids import CameraId, RunId, StreamName
from tawny.model.packets import VIDEO_RATE, VideoFormat
from tawny.model.times import SystemClock
from tawny.recorder.stream_writer import OpenSegment
from tawny.storage.disk.volume import Volume
from tawny.storage.history.ledger import HistoryJournal, HistoryLedger
from tawny.storage.index.opening import index_to_write, rebuild_index
from tawny.storage.segments.content_writer import PlainContent, WrittenFragment
from tawny.storage.segments.metadata import SegmentTrailer, about
from tawny.testing.clips import SampleClip, read_clip
from tests.detection.films import Film

BEGIN_MS = 1_763_625_600_000
"""2025-11-20T08:00:00Z."""


def record_films(folder: Path, camera: CameraId, films: Sequence[Film], begin_ms: int = BEGIN_MS) -> int:
    """Record films of one format in a row, one file each. Return when that ends, ms UTC."""
    volume = Volume.at(folder)
    for film in films:
        begin_ms = _record(volume, camera, read_clip(film()), begin_ms)
    rebuild_index(volume, HistoryJournal(volume.disk))
    return begin_ms


def label_event(folder: Path, event: Event) -> None:
    """Store an event in a folder that no recorder uses, as one that somebody labeled."""
    volume = Volume.at(folder)
    with closing(HistoryJournal(volume.disk)) as history, closing(index_to_write(volume, history)) as index:
        HistoryLedger(history, index, SystemClock()).put_event(event)


def passer_by(camera: CameraId, begin_ms: int, number: int, *, said: str = "", false_alarm: str = "") -> Event:
    """Return the event of one of the two who pass in `films.walkers`. begin_ms: of the film. number: 0 or 1."""
    start_ms, end_ms = ((41_000, 47_000), (101_000, 109_000))[number]
    mark = event_id(begin_ms + start_ms, b"pass")
    return Event(
        mark, camera, "motion", begin_ms + start_ms, begin_ms + end_ms, 80.0, said=said, false_alarm=false_alarm
    )


def _record(volume: Volume, camera: CameraId, clip: SampleClip, begin_ms: int) -> int:
    pictures = [one for one in clip.packets if isinstance(one.format, VideoFormat)]
    step = round(VIDEO_RATE / clip.fps)
    starts = [round((one.pts - pictures[0].pts) / step) * step for one in pictures]
    samples = [
        Sample(one.data, at, after - at, one.is_keyframe)
        for one, (at, after) in zip(pictures, pairwise([*starts, starts[-1] + step]), strict=True)
    ]
    result = about(camera, StreamName.MAIN, RunId("film"), begin_ms, clip.video, None)
    file = OpenSegment.create(volume, result, PlainContent(init_segment(clip.video, None, result.record())))
    begins = [place for place, one in enumerate(samples) if one.is_keyframe]
    for count, (begin, end) in enumerate(pairwise([*begins, len(samples)])):
        shown = samples[begin:end]
        parts = fragment(count + 1, shown, (), shown[0].pts)
        file.append([WrittenFragment(parts, shown[0].pts * 1000 // VIDEO_RATE, shown[0].is_keyframe)])
    end_ms = begin_ms + round((starts[-1] + step) * 1000 / VIDEO_RATE)
    file.close(SegmentTrailer(end_ms, "length"))
    volume.open_folders.leave(result.name.folder)
    return end_ms

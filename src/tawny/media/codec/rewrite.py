"""Re-encodes part of a recording with changed frames, for example redacted ones, in the same file format.

The output begins with exactly the requested frame and keeps the original timestamps; audio is copied. Blocking: decodes
and encodes the whole range.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import BinaryIO, Final

import numpy as np

from tawny.media.codec.decoder import DecodedFrame, Decoder
from tawny.media.codec.encoder import Colours, Encoder
from tawny.media.mp4.fragment_writer import Sample, fragment, init_segment
from tawny.media.mp4.segment_reader import SegmentReader, StoredFragment, StoredSample, samples
from tawny.model.packets import VIDEO_RATE, SourcePacket, VideoCodec, VideoFormat

GOP_S: Final = 1.0
CRF: Final = 22.0

Change = Callable[[DecodedFrame], DecodedFrame]
"""Returns the replacement of a frame. The frame's time is its time in the file, ms."""


def as_it_was(frame: DecodedFrame) -> DecodedFrame:
    return frame


@dataclass(frozen=True, slots=True)
class RewriteSpan:
    """From the frame displayed at `begin_ticks` up to `end_ticks`; None: to the end of the file."""

    begin_ticks: int
    end_ticks: int | None = None


def write_anew(
    out: BinaryIO,
    file: SegmentReader,
    stretch: RewriteSpan,
    change: Change = as_it_was,
    *,
    codec: VideoCodec = "h264",
    crf: float = CRF,
) -> int:
    """Re-encode the range to `out`. Return the number of frames; 0: none found, nothing written.

    Raises StorageError, SourceUnusable if no encoder works, and any error of `change`.
    """
    stored = list(samples(file, _needed(file, stretch)))
    count = 0
    pictures = [sample for sample in stored if sample.is_video]
    sounds = [sample for sample in stored if not sample.is_video]
    after = dict(pairwise(sorted(sample.pts for sample in pictures)))
    encoded = _encoded(file.video, pictures, stretch, change, codec, crf)
    for number, group in enumerate(_groups(encoded), 1):
        if number == 1:
            video = group[0].format
            assert isinstance(video, VideoFormat)
            out.write(init_segment(video, file.audio))
        count += len(group)
        shown = _with_durations(group, after, pictures[-1])
        end_ticks = shown[-1].pts + shown[-1].duration
        beside: list[Sample] = []
        while sounds and file.audio and sounds[0].pts * file.video.rate < end_ticks * file.audio.rate:
            sound = sounds.pop(0)
            if (sound.pts + sound.duration) * file.video.rate > group[0].pts * file.audio.rate or number > 1:
                beside.append(Sample(sound.data, sound.pts, sound.duration, is_keyframe=True))
        for part in fragment(number, shown, beside, group[0].pts, beside[0].pts if beside else 0):
            out.write(part)
    return count


def _needed(file: SegmentReader, stretch: RewriteSpan) -> list[StoredFragment]:
    """Return the fragments from the preceding keyframe on, plus one after the end: frames may depend on later ones."""
    fragments = file.fragments
    keys = [n for n, one in enumerate(fragments) if one.is_keyframe and one.start_ticks <= stretch.begin_ticks]
    inside = fragments[keys[-1] if keys else 0 :]
    if stretch.end_ticks is None:
        return inside
    count = sum(one.start_ticks < stretch.end_ticks for one in inside)
    return inside[: count + 1]


def _encoded(
    video: VideoFormat,
    pictures: Sequence[StoredSample],
    stretch: RewriteSpan,
    change: Change,
    codec: VideoCodec,
    crf: float,
) -> Iterator[SourcePacket]:
    times = {sample.pts * 1000 // VIDEO_RATE: sample.pts for sample in pictures}
    long_s = (max(times.values()) - min(times.values())) / video.rate if times else 0.0
    first = max((pts for pts in times.values() if pts <= stretch.begin_ticks), default=min(times.values(), default=0))
    decoder = Decoder(video)
    encoder: Encoder | None = None
    for frame in _decoded(decoder, pictures):
        ticks = times.get(frame.at_ms, frame.at_ms * 90)
        if ticks < first or (stretch.end_ticks is not None and ticks >= stretch.end_ticks):
            continue
        wide, high = frame.width // 2 * 2, frame.height // 2 * 2
        colours = Colours.of(frame)
        if encoder is None:
            fps = max(1.0, (len(times) - 1) / long_s) if long_s else 1.0
            encoder = Encoder(wide, high, fps, gop_s=GOP_S, crf=crf, preset="veryfast", codec=codec, colours=colours)
        even = change(frame).video.reformat(width=wide, height=high, format=colours.planes)
        yield from encoder.encode(np.asarray(even.to_ndarray(), np.uint8), ticks)
    if encoder is not None:
        yield from encoder.close()


def _decoded(decoder: Decoder, pictures: Sequence[StoredSample]) -> Iterator[DecodedFrame]:
    for sample in pictures:
        yield from decoder.decode(SourcePacket(decoder.format, sample.data, sample.pts, sample.is_keyframe))
    yield from decoder.drain()


def _groups(packets: Iterator[SourcePacket]) -> Iterator[list[SourcePacket]]:
    """Yield groups of packets, each from one keyframe to the next."""
    group: list[SourcePacket] = []
    for packet in packets:
        if packet.is_keyframe and group:
            yield group
            group = []
        group.append(packet)
    if group:
        yield group


def _with_durations(group: Sequence[SourcePacket], after: Mapping[int, int], last: StoredSample) -> list[Sample]:
    """Set each frame's duration to the distance to the next recorded frame, even if that frame is outside the range."""
    ends = [after.get(one.pts, one.pts + last.duration) for one in group]
    return [Sample(one.data, one.pts, end - one.pts, one.is_keyframe) for one, end in zip(group, ends, strict=True)]

"""Transcoding to H.264 for browsers that do not support the camera's codec. Uses far more CPU than any other task."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, Final

import av
import av.error
import numpy as np

from tawny.media.codec.decoder import DecodedFrame, Decoder, converted
from tawny.media.codec.encoder import Colours, Encoder, EncodingQuality, Picture, planes
from tawny.media.image.mask import mask_picture
from tawny.media.mp4.file_part import ReadRange, VirtualFile
from tawny.media.mp4.fragment_writer import Sample, fragment, init_segment
from tawny.media.mp4.progressive import SegmentPart, write_mp4
from tawny.media.mp4.segment_reader import SegmentReader, StoredFragment, StoredSample, samples
from tawny.model.errors import NotDone
from tawny.model.geometry import UPRIGHT, Orientation, Polygon
from tawny.model.packets import VIDEO_RATE, Packet, SourcePacket, VideoCodec, VideoFormat

GOP_S: Final = 1.0


class Reencoder:
    """Transcoder of one run of a stream; the result is shown like the stream itself.

    Not thread-safe. width: maximum width, px. Raises SourceUnusable if no encoder works.
    """

    def __init__(self, video: VideoFormat, width: int, fps: float) -> None:
        self.format, self.fps = video, fps
        wide = min(width, video.width) // 2 * 2
        self._size = (wide, max(2, round(video.height * wide / video.width / 2) * 2))
        self._decoder = Decoder(video)
        rate = float(Fraction(fps).limit_denominator(1001))
        self._encoder = Encoder(*self._size, rate, gop_s=GOP_S, quality=EncodingQuality(crf=26))
        self._last = -1

    def turn(self, packet: Packet, private: Sequence[Polygon] = ()) -> list[tuple[SourcePacket, int]]:
        """Return the packets that are ready, each with its frame's time (ms UTC). Their pts count from 1970."""
        made: list[tuple[SourcePacket, int]] = []
        for frame in self._decoder.decode(packet):
            at = frame.at_ms * (VIDEO_RATE // 1000)
            if at <= self._last:
                continue
            self._last = at
            picture = planes(mask_picture(frame, private).raw, *self._size)
            encoded = (_shown(coded, self.format.orientation) for coded in self._encoder.encode(picture, at))
            made += [(coded, coded.pts // (VIDEO_RATE // 1000)) for coded in encoded]
        return made

    def close(self) -> None:
        self._encoder.close()


def _shown(coded: SourcePacket, orientation: Orientation) -> SourcePacket:
    assert isinstance(coded.format, VideoFormat)
    return replace(coded, format=replace(coded.format, orientation=orientation))


# Re-encodes part of a recording with changed frames, for example redacted ones, in the same file format.

CRF: Final = 22.0

Change = Callable[[DecodedFrame], DecodedFrame]
"""Returns the replacement of a frame, of which `raw` is encoded, to be shown as the replacement's orientation says.

The frame's time is its time in the file, ms. All replacements have the same size and orientation.
"""


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
    orientation = UPRIGHT
    for frame in _decoded(decoder, pictures):
        ticks = times.get(frame.at_ms, frame.at_ms * 90)
        if ticks < first or (stretch.end_ticks is not None and ticks >= stretch.end_ticks):
            continue
        colours, made = Colours.of(frame), change(frame)
        width, height = made.raw.width // 2 * 2, made.raw.height // 2 * 2
        if encoder is None:
            orientation = made.orientation
            fps = max(1.0, (len(times) - 1) / long_s) if long_s else 1.0
            quality = EncodingQuality(crf=crf, preset="veryfast")
            encoder = Encoder(width, height, fps, gop_s=GOP_S, quality=quality, codec=codec, colours=colours)
        even = converted(made.raw, width=width, height=height, format=colours.planes)
        yield from (_shown(one, orientation) for one in encoder.encode(np.asarray(even.to_ndarray(), np.uint8), ticks))
    if encoder is not None:
        yield from (_shown(one, orientation) for one in encoder.close())


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


# Writes frames to a regular H.264 MP4 file. Blocking. Not thread-safe.


class VideoWriter:
    """One MP4 file. scratch: temporary file until `finish`. out: the final file, written by `finish`.

    fps: of the frames without a time of their own; each of the others lasts until the next.

    Raises SourceUnusable if no encoder works, OSError on disk errors.
    """

    def __init__(self, out: Path, scratch: Path, width: int, height: int, fps: float) -> None:
        self._out, self._scratch, self._fps = out, scratch, fps
        self._encoder = Encoder(width, height, fps, gop_s=1.0, quality=EncodingQuality(crf=24, preset="veryfast"))
        self._file: BinaryIO = scratch.open("wb")
        self._count = self._fragments = 0
        self._waiting: list[SourcePacket] = []

    def add(self, picture: Picture, at_s: float | None = None) -> None:
        """Add a frame. at_s: its time since the beginning, increasing."""
        at_s = self._count / self._fps if at_s is None else at_s
        self._take(self._encoder.encode(picture, round(at_s * VIDEO_RATE)))
        self._count += 1

    def finish(self, start_ms: int) -> None:
        """Write the file; nothing without frames. start_ms: creation time in the file, ms UTC."""
        self._take(self._encoder.close())
        if self._waiting:
            self._write(self._waiting[-1].pts + round(VIDEO_RATE / self._fps))
        self._file.close()
        if self._fragments:
            with self._out.open("wb") as file:
                write_mp4(file, [SegmentPart(self._scratch, start_ms)])

    def close(self) -> None:
        """Close the temporary file without writing the result."""
        self._file.close()

    def _take(self, packets: list[SourcePacket]) -> None:
        for packet in packets:
            if packet.is_keyframe and self._waiting:
                self._write(packet.pts)
            self._waiting.append(packet)

    def _write(self, end: int) -> None:
        """Write the waiting frames. end: time at which the last one ends."""
        video = self._waiting[0].format
        assert isinstance(video, VideoFormat)
        if not self._fragments:
            self._file.write(init_segment(video))
        self._fragments += 1
        ends = [*(one.pts for one in self._waiting[1:]), end]
        made = [
            Sample(one.data, one.pts, after - one.pts, one.is_keyframe)
            for one, after in zip(self._waiting, ends, strict=True)
        ]
        for part in fragment(self._fragments, made, (), made[0].pts):
            self._file.write(part)
        self._waiting = []


# Remuxing: the packets of an MP4 file in another container, without re-encoding. Blocking.

CONTAINERS: Final = {".mkv": "matroska", ".ts": "mpegts", ".h264": "h264", ".h265": "hevc"}
"""FFmpeg's names of the containers, by the ending of a file name."""
FRAGMENTED: Final = ".fmp4"
"""Stands for an MP4 file in fragments, one for each keyframe: it plays up to where it is cut off."""
RAW_VIDEO: Final = {".h264": ("h264", "H.264"), ".h265": ("hevc", "H.265")}
"""Endings of files that hold the video packets alone, without times: FFmpeg's name of the codec, and its usual one."""


def remux(read: ReadRange, size_bytes: int, out: BinaryIO, suffix: str, on_share: Callable[[float], None]) -> float:
    """Copy all packets of an MP4 file to `out`, in the container of `suffix`.

    read: reads the MP4 file; size_bytes: its size. suffix: one of CONTAINERS, or FRAGMENTED. out: seekable. on_share:
    receives the progress, share 0..1.

    Returns the time in s by which the result begins before the MP4 file's time 0. An edit list of the MP4 file hides
    the frames from the keyframe up to time 0; the other containers have no such list, so players show these frames.
    Raises NotDone if FFmpeg cannot write the container, or if it holds another codec; OSError from `out`; errors of
    `read`.
    """
    source = VirtualFile(read, size_bytes)
    is_raw = suffix in RAW_VIDEO
    options = {"avoid_negative_ts": "make_zero"}
    if suffix == FRAGMENTED:
        options["movflags"] = "empty_moov+frag_keyframe+default_base_moof"
    try:
        with (
            av.open(source, "r", format="mov") as movie,
            av.open(out, "w", format=CONTAINERS.get(suffix, "mp4"), options=options) as made,
        ):
            made.metadata.update({name: text for name, text in movie.metadata.items() if name == "creation_time"})
            wanted = list(movie.streams.video if is_raw else movie.streams)
            if is_raw:
                _check_raw(suffix, movie.streams.video[0].codec_context.name)
            tracks = {stream.index: made.add_stream_from_template(stream) for stream in wanted}
            first_s = 0.0
            for packet in movie.demux(wanted):
                if not packet.size or packet.pts is None or packet.time_base is None:
                    continue  # the demuxer's mark at the end of a track
                if packet.stream.type == "video":
                    first_s = min(first_s, float(packet.pts * packet.time_base))
                packet.stream = tracks[packet.stream_index]
                made.mux(packet)
                on_share(source.tell() / size_bytes)
    except av.error.FFmpegError as error:
        first = error.__context__ or error  # after an error, closing fails again
        if isinstance(first, OSError) or not isinstance(first, av.error.FFmpegError):
            raise first from None
        raise NotDone(f"This video can't be written as {suffix} ({first.strerror}).", "Use .mp4.") from first
    return -first_s


def _check_raw(suffix: str, codec: str) -> None:
    """Raise NotDone if a file of this ending cannot hold the codec, in FFmpeg's words."""
    if codec != RAW_VIDEO[suffix][0]:
        right = next((ending for ending, (name, _) in RAW_VIDEO.items() if name == codec), ".mp4")
        raise NotDone(f"This video isn't {RAW_VIDEO[suffix][1]}, so it can't be a {suffix} file.", f"Use {right}.")

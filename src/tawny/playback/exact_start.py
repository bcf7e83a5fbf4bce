"""Exact start of a clip between two keyframes: re-encodes the frames up to the next keyframe.

The clip then needs nothing from before its start. All other frames stay as recorded.
"""

from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from tawny.media.codec.parameter_sets import sps_of
from tawny.media.mp4.clip_cutter import SegmentPart
from tawny.media.mp4.segment_reader import SegmentReader, places, read_segment
from tawny.model.errors import SourceUnusable
from tawny.playback.masked_transcode import begun_file


@dataclass(frozen=True, slots=True)
class ExactStart:
    """pieces: replace the first one.

    anew: number of re-encoded frames. is_exact: contains nothing from before the start.
    """

    pieces: list[SegmentPart]
    anew: int
    is_exact: bool


def begun_exactly(piece: SegmentPart, held: ExitStack) -> ExactStart:
    """Return the re-encoded start. held: closes the temporary files.

    Video with more than 8 bits, interlaced video, and H.265 without an encoder stay unchanged.
    """
    file = read_segment(piece.path)
    video = [place for place in places(file, file.fragments) if place.is_video]
    end = file.duration_ticks if piece.end_ticks is None else piece.end_ticks
    begin = max((place.pts for place in video if place.pts <= piece.begin_ticks), default=None)
    keys = sorted(place.pts for place in video if place.is_keyframe)
    if begin is None or begin in keys:
        return ExactStart([piece], 0, is_exact=True)
    following = next((pts for pts in keys if begin < pts < end), None)
    if not _can_be_made(file):
        return ExactStart([piece], 0, is_exact=False)
    until = end if following is None else following
    try:
        made, count = begun_file(piece.path, begin, until, file.video.codec)
    except SourceUnusable:
        return ExactStart([piece], 0, is_exact=False)
    held.callback(made.close)
    head = SegmentPart(Path(f"/dev/fd/{made.fileno()}"), piece.start_ms, begin, until, is_anew=True)
    rest = [replace(piece, begin_ticks=following)] if following is not None else []
    return ExactStart([head, *rest], count, is_exact=True)


def _can_be_made(file: SegmentReader) -> bool:
    sps = sps_of(file.video)
    return (sps.chroma, sps.bit_depth, sps.chroma_bit_depth, sps.interlaced) == (1, 8, 8, False)

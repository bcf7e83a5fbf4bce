"""Re-encodes part of a recording in memory; clips are cut from the result."""

import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from tawny.media.codec.decoder import DecodedFrame
from tawny.media.codec.rewrite import CRF, Change, RewriteSpan, as_it_was, write_anew
from tawny.media.image.mask import mask_picture
from tawny.media.mp4.segment_reader import read_segment
from tawny.model.packets import VideoCodec
from tawny.model.polygon import Polygon

_LIKE_BEFORE_CRF = 17.0
"""Quality of frames next to original ones: the boundary must not be visible."""


def covered_file(path: Path, begin_ticks: int, end_ticks: int | None, private: Sequence[Polygon]) -> BinaryIO:
    """Return a file like the one at `path` for this time, with privacy masks. Closed by the caller.

    Raises StorageError; SourceUnusable: if no encoder works. Decodes and encodes everything: takes seconds or minutes.
    """

    def black(frame: DecodedFrame) -> DecodedFrame:
        return mask_picture(frame, private)

    return _made(path, RewriteSpan(begin_ticks, end_ticks), black, "h264", CRF)[0]


def begun_file(path: Path, begin_ticks: int, end_ticks: int, codec: VideoCodec) -> tuple[BinaryIO, int]:
    """Return the same with unchanged frames, and their number."""
    return _made(path, RewriteSpan(begin_ticks, end_ticks), as_it_was, codec, _LIKE_BEFORE_CRF)


def _made(path: Path, stretch: RewriteSpan, change: Change, codec: VideoCodec, crf: float) -> tuple[BinaryIO, int]:
    file = read_segment(path)
    with ExitStack() as undo:
        made = undo.enter_context(os.fdopen(os.memfd_create("reencoded", os.MFD_CLOEXEC), "wb"))
        count = write_anew(made, file, stretch, change, codec=codec, crf=crf)
        made.flush()
        undo.pop_all()
    return made, count

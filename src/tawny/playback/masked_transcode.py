"""A stretch of a recording encoded anew in memory: clips are cut of that instead."""

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
"""Of pictures that stand beside the ones that they were: nobody is to see where they end."""


def covered_file(path: Path, begin_ticks: int, end_ticks: int | None, private: Sequence[Polygon]) -> BinaryIO:
    """A file like the one at `path`, with what is needed of it for that time. Its caller closes it.

    Raises StorageError, SourceUnusable where no encoder works. Decodes and encodes all of it: seconds, or minutes.
    """

    def black(frame: DecodedFrame) -> DecodedFrame:
        return mask_picture(frame, private)

    return _made(path, RewriteSpan(begin_ticks, end_ticks), black, "h264", CRF)[0]


def begun_file(path: Path, begin_ticks: int, end_ticks: int, codec: VideoCodec) -> tuple[BinaryIO, int]:
    """The same, of pictures as they are; and how many they are."""
    return _made(path, RewriteSpan(begin_ticks, end_ticks), as_it_was, codec, _LIKE_BEFORE_CRF)


def _made(path: Path, stretch: RewriteSpan, change: Change, codec: VideoCodec, crf: float) -> tuple[BinaryIO, int]:
    file = read_segment(path)
    with ExitStack() as undo:
        made = undo.enter_context(os.fdopen(os.memfd_create("anew", os.MFD_CLOEXEC), "wb"))
        count = write_anew(made, file, stretch, change, codec=codec, crf=crf)
        made.flush()
        undo.pop_all()
    return made, count

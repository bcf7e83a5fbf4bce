"""Animated GIFs, small and with few colours, for inline display in chat programs.

The palette is computed over all frames. Bayer dithering changes less between frames than error diffusion and therefore
compresses better. Blocking. Call from any thread.
"""

import io
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av
import av.filter
from av.error import FFmpegError
from av.video.stream import VideoStream

from tawny.media.codec.decoder import NO_CAMERA, DecodedFrame
from tawny.model.errors import FileDamaged, NotDone

FPS = 5
WIDTH = 320
COLOURS = 32
MOST_S = 20.0
"""Maximum length in seconds. Longer clips are cut to their beginning, which contains the reported event."""


def gif_picture(frame: DecodedFrame) -> av.VideoFrame:
    """Downscale a frame to GIF size, for storage until encoding: 1.5 bytes per pixel."""
    wide = min(WIDTH, frame.width) // 2 * 2
    high = max(2, round(frame.height * wide / frame.width / 2) * 2)
    return frame.video.reformat(width=wide, height=high, format="yuv420p", interpolation="LANCZOS")


def clip_gif(clip: BinaryIO, *, most_s: float = MOST_S) -> bytes:
    """Convert an MP4 clip to a GIF in memory, for messages. Raises FileDamaged. Decodes up to `most_s` seconds."""
    out = io.BytesIO()
    pictures: list[av.VideoFrame] = []
    try:
        with av.open(clip, "r") as opened:
            opened.streams.video[0].codec_context.thread_count = 1
            for frame in opened.decode(video=0):
                at_s = frame.time or 0.0
                if at_s >= most_s:
                    break
                while len(pictures) <= at_s * FPS:
                    pictures.append(gif_picture(DecodedFrame(frame, NO_CAMERA, round(at_s * 1000))))
        write_gif(out, pictures)
    except (FFmpegError, IndexError, OSError) as error:
        raise FileDamaged("clip", f"no GIF can be made of it: {error}") from error
    return out.getvalue()


def write_gif(out: Path | BinaryIO, pictures: Sequence[av.VideoFrame]) -> None:
    """Write a looping GIF at FPS frames per second. Requires at least one frame; all of one size."""
    file = str(out) if isinstance(out, Path) else out
    with av.open(file, "w", format="gif", options={"loop": "0"}) as made:
        stream = made.add_stream("gif", rate=FPS)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = pictures[0].width, pictures[0].height, "pal8"
        for picture in _with(_palette(pictures), pictures):
            made.mux(stream.encode(picture))
        made.mux(stream.encode(None))


def _palette(pictures: Sequence[av.VideoFrame]) -> av.VideoFrame:
    graph = av.filter.Graph()
    entry = _entry(graph, pictures[0])
    chosen = graph.add("palettegen", f"max_colors={COLOURS}:reserve_transparent=0:stats_mode=full")
    end = graph.add("buffersink")
    entry.link_to(chosen)
    chosen.link_to(end)
    graph.configure()
    for number, picture in enumerate(pictures):
        entry.push(_timed(picture, number))
    entry.push(None)
    found = end.pull()
    if not isinstance(found, av.VideoFrame):
        raise NotDone("The GIF's colours could not be chosen.", "Choose another time.")
    return found


def _with(palette: av.VideoFrame, pictures: Sequence[av.VideoFrame]) -> Iterator[av.VideoFrame]:
    graph = av.filter.Graph()
    entry, colours = _entry(graph, pictures[0]), _entry(graph, palette)
    used = graph.add("paletteuse", "dither=bayer:bayer_scale=2:diff_mode=rectangle")
    end = graph.add("buffersink")
    entry.link_to(used, 0, 0)
    colours.link_to(used, 0, 1)
    used.link_to(end)
    graph.configure()
    colours.push(_timed(palette, 0))
    colours.push(None)
    for number, picture in enumerate(pictures):
        entry.push(_timed(picture, number))
        yield from _ready(end)
    entry.push(None)
    yield from _ready(end)


def _entry(graph: av.filter.Graph, like: av.VideoFrame) -> av.filter.context.FilterContext:
    return graph.add_buffer(
        width=like.width, height=like.height, format=like.format, time_base=Fraction(1, FPS), name=None
    )


def _timed(picture: av.VideoFrame, number: int) -> av.VideoFrame:
    picture.pts, picture.time_base = number, Fraction(1, FPS)
    return picture


def _ready(end: av.filter.context.FilterContext) -> Iterator[av.VideoFrame]:
    while True:
        try:
            found = end.pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return
        assert isinstance(found, av.VideoFrame)
        yield found

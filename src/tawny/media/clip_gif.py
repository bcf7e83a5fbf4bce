"""A clip as a small GIF in memory, for messages: few pictures, few colours, what chat programs show at once."""

import io
from fractions import Fraction
from itertools import pairwise
from typing import Any, BinaryIO

import av
from av.error import FFmpegError
from av.filter import Graph

from tawny.model.errors import FileDamaged

FPS, WIDTH, COLOURS = 5, 320, 32
MOST_S = 20.0
"""Longer ones show their beginning: what the message was about."""


def clip_gif(clip: BinaryIO, *, most_s: float = MOST_S) -> bytes:
    """A GIF file of an MP4 file: its colours are the clip's own, its dithering ordered. Raises FileDamaged.

    Decodes all that it shows; holds its small pictures (0.2 MB each) until the colours are known.
    """
    out = io.BytesIO()
    try:
        with av.open(clip, "r") as opened, av.open(out, "w", format="gif") as made:
            video = opened.streams.video[0]
            video.codec_context.thread_count = 1
            graph = _graph(video)
            for frame in opened.decode(video):
                if frame.time is not None and frame.time >= most_s:
                    break
                graph.push(frame)
            graph.push(None)
            _write(graph, made)
    except (FFmpegError, IndexError, OSError) as error:
        raise FileDamaged("clip", f"no GIF can be made of it: {error}") from error
    return out.getvalue()


def _graph(video: Any) -> Graph:
    graph = Graph()
    nodes = [
        graph.add_buffer(template=video),
        graph.add("fps", str(FPS)),
        graph.add("scale", f"{min(WIDTH, video.codec_context.width)}:-2:flags=lanczos"),
        graph.add("split"),
    ]
    for before, after in pairwise(nodes):
        before.link_to(after)
    palette, use = graph.add("palettegen", f"max_colors={COLOURS}"), graph.add("paletteuse", "dither=bayer")
    nodes[-1].link_to(palette, 0, 0)
    nodes[-1].link_to(use, 1, 0)
    palette.link_to(use, 0, 1)
    use.link_to(graph.add("buffersink"))
    graph.configure()
    return graph


def _write(graph: Graph, made: Any) -> None:
    stream = made.add_stream("gif", rate=FPS)
    stream.pix_fmt, number = "pal8", 0
    while True:
        try:
            frame: Any = graph.pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            break
        if number == 0:
            stream.width, stream.height = frame.width, frame.height
        frame.pts, frame.time_base, number = number, Fraction(1, FPS), number + 1
        for packet in stream.encode(frame):
            made.mux(packet)
    for packet in stream.encode(None):
        made.mux(packet)

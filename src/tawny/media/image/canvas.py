"""Mosaics of frames: contact sheets and GIFs with a line of text. Frames are planar YUV 4:2:0 (`encoder.Picture`)."""

import io
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import av
import av.filter
import numpy as np
from av.error import FFmpegError
from av.video.stream import VideoStream

from tawny.media.codec.decoder import NO_CAMERA, DecodedFrame, even_size, stated_by
from tawny.media.codec.encoder import Picture, limited, planes
from tawny.model.errors import FileDamaged, NotDone

CLOCK_HEIGHT = 40
_DARK, _LIGHT, _NO_COLOUR = 16, 235, 128


class Canvas:
    """Grid of cells of one even size, row by row, with a line of text below. Empty areas are dark."""

    def __init__(self, cells: int, columns: int, cell_width: int, cell_height: int) -> None:
        self._columns, self._cell = columns, (cell_width, cell_height)
        rows = -(-cells // columns)
        self.width, self.height = columns * cell_width, rows * cell_height + CLOCK_HEIGHT
        self._luma = np.full((self.height, self.width), _DARK, np.uint8)
        self._colours = np.full((2, self.height // 2, self.width // 2), _NO_COLOUR, np.uint8)

    def put(self, cell: int, frame: DecodedFrame | None) -> None:
        """Draw the frame into a cell: scaled to fit, centered. None clears the cell."""
        wide, high = self._cell
        left, top = cell % self._columns * wide, cell // self._columns * high
        self._luma[top : top + high, left : left + wide] = _DARK
        self._colours[:, top // 2 : (top + high) // 2, left // 2 : (left + wide) // 2] = _NO_COLOUR
        if frame is None:
            return
        scale = min(wide / frame.width, high / frame.height)
        width, height = _even(frame.width * scale, wide), _even(frame.height * scale, high)
        small = planes(frame.video, width, height, "AREA")
        left, top = left + (wide - width) // 4 * 2, top + (high - height) // 4 * 2
        self._luma[top : top + height, left : left + width] = small[:height]
        colours = small[height:].reshape(2, height // 2, width // 2)
        self._colours[:, top // 2 : (top + height) // 2, left // 2 : (left + width) // 2] = colours

    def write(self, text: str) -> None:
        """Draw the text line. ASCII only."""
        import cv2  # imported late: 16 MB, unused without mosaic exports

        line: Any = np.full((CLOCK_HEIGHT, self.width), _DARK, np.uint8)
        cv2.putText(line, text, (12, 27), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (_LIGHT,), 1, cv2.LINE_AA)
        self._luma[-CLOCK_HEIGHT:] = line

    @property
    def picture(self) -> Picture:
        return np.concatenate([self._luma, self._colours.reshape(-1, self.width)])


def _even(length: float, most: int) -> int:
    return max(2, min(most, round(length / 2) * 2))


# Contact sheet: several images in one JPEG, for notifications.

WIDTH, HEIGHT, COLUMNS = 320, 180, 3


def contact_sheet(jpegs: Sequence[bytes]) -> bytes:
    """Return a JPEG with the images in a grid, each fitted into 320 x 180 px.

    Raises ValueError if none can be decoded.
    """
    import cv2  # imported late: 16 MB, unused without notifications

    tiles = []
    for data in jpegs:
        found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
        if found is None:
            continue
        height, width = found.shape[:2]
        part = min(WIDTH / width, HEIGHT / height)
        small = cv2.resize(
            found, (max(1, round(width * part)), max(1, round(height * part))), interpolation=cv2.INTER_AREA
        )
        tile = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        top, left = (HEIGHT - small.shape[0]) // 2, (WIDTH - small.shape[1]) // 2
        tile[top : top + small.shape[0], left : left + small.shape[1]] = small
        tiles.append(tile)
    if not tiles:
        raise ValueError("there is no picture for the sheet")
    columns = min(COLUMNS, len(tiles))
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % columns)
    rows = [np.hstack(tiles[begin : begin + columns]) for begin in range(0, len(tiles), columns)]
    made, coded = cv2.imencode(".jpg", np.vstack(rows), [cv2.IMWRITE_JPEG_QUALITY, 75])
    if not made:
        raise ValueError("the sheet cannot become a JPEG")
    return bytes(coded.tobytes())


# Animated GIFs, small and with few colours, for inline display in chat programs.

FPS = 5
GIF_WIDTH = 320
COLOURS = 32
MOST_S = 20.0
"""Maximum length in seconds. Longer clips are cut to their beginning, which contains the reported event."""


GifPicture = av.VideoFrame


def gif_picture(frame: DecodedFrame, like: GifPicture | None = None) -> GifPicture:
    """Downscale a frame to GIF size, for storage until encoding: 1.5 bytes per pixel.

    like: a picture of the same GIF; a frame of another shape is fitted into its size, with dark borders.
    """
    width, height = even_size(frame, GIF_WIDTH)
    if like is None or (like.width, like.height) == (width, height):
        return limited(frame.video, width, height, "LANCZOS")
    canvas = Canvas(1, 1, like.width, like.height)
    canvas.put(0, frame)
    colours = canvas.picture[canvas.height :].reshape(2, -1, like.width // 2)[:, : like.height // 2]
    planes = np.concatenate([canvas.picture[: like.height], colours.reshape(-1, like.width)])
    return av.VideoFrame.from_ndarray(planes, format="yuv420p")


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
                shown = DecodedFrame(frame, NO_CAMERA, round(at_s * 1000), stated_by(frame))
                while len(pictures) <= at_s * FPS:
                    pictures.append(gif_picture(shown))
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
    graph = _graph()
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
    graph = _graph()
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


def _graph() -> av.filter.Graph:
    graph = av.filter.Graph()
    graph.threads = 1  # the caller's; by itself one for each CPU
    return graph


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

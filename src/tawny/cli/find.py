"""`tawny find`: search events by words, or motion in an area of the image.

Uses the index and the stored motion grids; decodes no video.
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterable
from pathlib import Path
from zoneinfo import ZoneInfo

from tawny.app.local_zone import local_zone
from tawny.cli import options
from tawny.cli.events import HEADS, row
from tawny.cli.identities import identity_store, read_text, recognised
from tawny.cli.output import Output
from tawny.cli.paths import existing_data
from tawny.cli.times import time_text
from tawny.config.settings import display_name
from tawny.model.clock import SystemClock
from tawny.model.errors import UsageError
from tawny.model.ids import CameraId
from tawny.model.observations import Box
from tawny.model.times import Span, utc_text
from tawny.playback.search.ask import search_in_words
from tawny.playback.search.motion_search import motion_in_spot
from tawny.playback.search.query import SearchQuery
from tawny.service import json_format
from tawny.storage.disk.volume import Volume
from tawny.storage.index.opening import index_to_read
from tawny.storage.segments.motion_grids import MotionGrids


def describe(parser: ArgumentParser) -> None:
    options.data(parser)
    parser.add_argument("words", nargs="*", help="search words, for example: person gate last night, longer than 10 s")
    spot = "find motion in this area of the image, as left,top,right,bottom from 0 to 1; words limit camera and time"
    parser.add_argument("--spot", metavar="X,Y,X,Y", help=spot)
    parser.add_argument("--most", metavar="N", type=int, default=50, help="maximum number of results (default: 50)")


def run(args: Namespace, out: Output) -> int:
    if not args.words and args.spot is None:
        raise UsageError("What to search for is missing.", "Give words, or an area with `--spot`.")
    chosen, folder = existing_data(args)
    spot = None if args.spot is None else _spot(args.spot)
    book = identity_store(args, folder)
    with index_to_read(folder) as index:
        zones = {zone for camera in chosen.cameras.values() for zone in camera.detection.zones}
        names = {name: str(name) for name in Volume.at(folder).cameras()}
        names |= {CameraId(name): display_name(name, camera) for name, camera in chosen.cameras.items()}
        asked, found = search_in_words(
            index, " ".join(args.words), names, zones, ZoneInfo(local_zone()), SystemClock().now_ms(), args.most,
            recognised(book),
        )  # fmt: skip
    if asked.unknown:
        out.say(f"Ignored unknown words: {', '.join(asked.unknown)}.")
    if spot is not None:
        _tell_moments(_moments(folder, asked, spot, names)[: args.most], asked, out)
        return 0
    events = [json_format.event(event) for event in found]
    if any(event.reads for event in found):
        read = [(*row(told), read_text(event, book)) for told, event in zip(events, found, strict=True)]
        heads: tuple[str, ...] = (*HEADS, "read")
    else:
        read, heads = [row(told) for told in events], HEADS
    data = {"events": events, "time": asked.time_words, "unknown": list(asked.unknown)}
    out.data(data, out.table(heads, read, empty=f"No matching events ({asked.time_words})."))
    return 0


def _spot(text: str) -> Box:
    try:
        x0, y0, x1, y1 = (float(part) for part in text.split(","))
    except ValueError:
        x0 = y0 = x1 = y1 = 0.0
    if not (0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1):
        raise UsageError(
            f"--spot {text} isn't a valid area.", "Use four numbers from 0 to 1, for example 0.1,0.5,0.4,0.9."
        )
    return x0, y0, x1, y1


def _moments(folder: Path, asked: SearchQuery, spot: Box, cameras: Iterable[CameraId]) -> list[tuple[CameraId, Span]]:
    """Return the times of motion in the area, newest first."""
    grids = MotionGrids(Volume.at(folder), SystemClock())
    found = [
        (camera, moment)
        for camera in asked.cameras or cameras
        for span in asked.spans
        for moment in motion_in_spot(grids.read(camera, span), spot)
        if asked.least_s <= moment.seconds <= asked.most_s
    ]
    return sorted(found, key=lambda one: -one[1].begin_ms)


def _tell_moments(found: list[tuple[CameraId, Span]], asked: SearchQuery, out: Output) -> None:
    told = [
        {"camera": camera, "start": utc_text(moment.begin_ms), "end": utc_text(moment.end_ms)}
        for camera, moment in found
    ]
    rows = [(time_text(moment.begin_ms), f"{moment.seconds:.0f} s", str(camera)) for camera, moment in found]
    text = out.table(("start", "length", "camera"), rows, empty=f"No motion there ({asked.time_words}).")
    out.data({"moments": told, "time": asked.time_words, "unknown": list(asked.unknown)}, text)

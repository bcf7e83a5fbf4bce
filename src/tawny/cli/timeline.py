"""`tawny timeline`: show recorded time, gaps with their reasons, damage and events."""

from argparse import ArgumentParser, Namespace
from typing import Any

from tawny.cli import options, times
from tawny.cli.output import Output
from tawny.cli.paths import existing_data
from tawny.cli.times import time_text
from tawny.model.clock import SystemClock
from tawny.model.damage import damage_detail
from tawny.model.gaps import gap_text
from tawny.model.ids import CameraId, StreamName
from tawny.model.times import Span, utc_text
from tawny.service import json_format
from tawny.storage.index.opening import index_to_read, known_camera
from tawny.storage.index.protocol import Index


def describe(parser: ArgumentParser) -> None:
    options.data(parser)
    options.times(parser, begin="today", end="now")
    parser.add_argument("--camera", metavar="C", required=True, help="camera ID, for example front-door")


def run(args: Namespace, out: Output) -> int:
    _, folder = existing_data(args)
    within = times.span(args.begin, args.end, SystemClock().now_ms())
    with index_to_read(folder) as index:
        camera = known_camera(folder, args.camera)
        out.data(as_json(index, camera, within), "\n".join(lines(index, camera, within)))
    return 0


def as_json(index: Index, camera: CameraId, within: Span) -> dict[str, Any]:
    spans = [json_format.span(span, name) for name in StreamName for span in index.spans(camera, name, within)]
    return {
        "camera": camera,
        "from": utc_text(within.begin_ms),
        "to": utc_text(within.end_ms),
        "spans": spans,
        "gaps": [json_format.gap(gap) for gap in index.gaps(camera, within)],
        "damage": [json_format.damage(damage) for damage in index.damage(camera, within)],
        "events": [json_format.event(event) for event in _events(index, camera, within)],
    }


def _events(index: Index, camera: CameraId, within: Span) -> list[Any]:
    return list(reversed(index.events(within, cameras=[camera], limit=10_000).events))


def _lasting(begin_ms: int, end_ms: int | None) -> str:
    """Return until when it lasts, or how long if both times look the same."""
    if end_ms is None:
        return "still"
    if time_text(begin_ms) == time_text(end_ms):
        return f"for {(end_ms - begin_ms) / 1000:g} s"
    return f"until {time_text(end_ms)}"


def lines(index: Index, camera: CameraId, within: Span) -> list[str]:
    """Return the timeline as text for people."""
    spans = index.spans(camera, None, within)
    told = [(span.begin_ms, f"recorded {_lasting(span.begin_ms, span.end_ms)}") for span in spans]
    told += [
        (gap.begin_ms, f"missing  {_lasting(gap.begin_ms, gap.end_ms)}: {gap_text(gap)}")
        for gap in index.gaps(camera, within)
    ]
    told += [
        (
            damage.begin_ms,
            f"damaged  {_lasting(damage.begin_ms, damage.end_ms)}: {damage_detail(damage)} ({damage.stream})",
        )
        for damage in index.damage(camera, within)
    ]
    told += [(event.start_ms, f"{event.kind}, score {event.score:.0f}") for event in _events(index, camera, within)]
    return [f"{time_text(at_ms)}  {what}" for at_ms, what in sorted(told)] or ["No recordings in this time."]

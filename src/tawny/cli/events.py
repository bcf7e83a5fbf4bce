"""`tawny events`: list past events, or follow changes live."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from tawny.app.control_socket import is_in_memory
from tawny.cli import options, times
from tawny.cli.control_client import lines
from tawny.cli.output import Output
from tawny.cli.paths import existing_data, running_data
from tawny.cli.times import time_text
from tawny.model.clock import SystemClock
from tawny.model.kinds import MOTION, NOTHING
from tawny.model.times import utc_from_text
from tawny.service import json_format
from tawny.storage.index.opening import index_to_read, known_camera

HEADS = ("start", "length", "camera", "kind", "score", "id")


def describe(parser: ArgumentParser) -> None:
    options.data(parser)
    options.times(parser, begin="24 h ago", end="now")
    parser.add_argument("--camera", metavar="C", action="append", help="only this camera (repeatable)")
    parser.add_argument(
        "--kind", metavar="K", action="append", help="only this event type, for example motion or person"
    )
    parser.add_argument("--follow", action="store_true", help="keep running and print a line for every change")


def run(args: Namespace, out: Output) -> int:
    folder = running_data(args) if args.follow else existing_data(args)[1]
    found = [] if is_in_memory(folder) else _past(folder, args)
    if args.json:
        for event in found:
            out.data(event, "")
    elif found or not args.follow:
        out.data(None, out.table(HEADS, [row(event) for event in found], empty="No events in this time."))
    if args.follow:
        for entry in lines(folder, {"command": "follow"}):
            if entry["type"].startswith("event.") and _wanted(entry["event"], args):
                out.data(entry, f"{entry['type'].removeprefix('event.'):8}" + "  ".join(row(entry["event"])))
    return 0


def _past(folder: Path, args: Namespace) -> list[dict[str, Any]]:
    """Return the matching events in the index, oldest first."""
    within = times.span(args.begin, args.end, SystemClock().now_ms())
    cameras = [known_camera(folder, name) for name in args.camera] if args.camera else None
    found: list[dict[str, Any]] = []
    with index_to_read(folder) as index:
        after: str | None = None
        while True:
            page = index.events(within, cameras=cameras, kinds=args.kind, after=after, limit=200)
            found += [json_format.event(event) for event in page.events]
            after = page.next
            if after is None:
                return found[::-1]


def row(event: dict[str, Any]) -> tuple[str, ...]:
    """Return the event as a table row under `HEADS`."""
    start_ms = utc_from_text(event["start"])
    length = "ongoing" if event["end"] is None else f"{(utc_from_text(event['end']) - start_ms) / 1000:.0f} s"
    return time_text(start_ms), length, event["camera"], kind_words(event), f"{event['score']:.0f}", event["id"]


def kind_words(event: dict[str, Any]) -> str:
    """Return the event's type as text; a suggested type ends in a question mark."""
    if event["labeled_as"]:
        return MOTION if event["labeled_as"] == NOTHING else str(event["labeled_as"])
    return f"{event['possible_type']}?" if event["possible_type"] else str(event["type"])


def _wanted(event: dict[str, Any], args: Namespace) -> bool:
    return (not args.camera or event["camera"] in args.camera) and (
        not args.kind or kind_words(event).rstrip("?") in args.kind
    )

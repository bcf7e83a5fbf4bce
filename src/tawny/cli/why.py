"""`tawny why EVENT`: show notifications and actions of an event, and why or why not."""

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from typing import Any

from tawny.app.control_socket import is_in_memory
from tawny.cli import options
from tawny.cli.control_client import ask_once
from tawny.cli.output import Output
from tawny.cli.paths import running_data
from tawny.model.errors import NotDone
from tawny.model.ids import EventId
from tawny.storage.index.opening import index_to_read


def describe(parser: ArgumentParser) -> None:
    options.data(parser)
    parser.add_argument("event", help="event ID, as shown by `tawny events`")


def run(args: Namespace, out: Output) -> int:
    folder = running_data(args)
    told = ask_once(folder, {"command": "why", "event": args.event})
    if not told["outcomes"] and not is_in_memory(folder):
        with index_to_read(folder) as index:
            if index.event(EventId(args.event)) is None:
                raise NotDone(f"No event {args.event}.", "See `tawny events` for IDs.")
    out.data(told, table(told["outcomes"], out))
    return 0


def table(outcomes: Sequence[dict[str, Any]], out: Output) -> str:
    """Return a table of actions, whether each was executed, and why."""
    rows = [(one["deed"], "yes" if one["does"] else "no", f"{one['why']} {one['went']}".strip()) for one in outcomes]
    return out.table(
        ("what", "done", "why"), rows, empty="No notifications: there is no channel and no rule for this event."
    )

"""`tawny rules test`: show what would happen for a hypothetical event. Executes no action."""

from argparse import ArgumentParser, Namespace

from tawny.cli import options, times
from tawny.cli.control_client import ask_once
from tawny.cli.output import Output
from tawny.cli.paths import running_data
from tawny.cli.why import table
from tawny.model.clock import SystemClock


def describe(parser: ArgumentParser) -> None:
    options.data(parser)
    parser.add_argument("do", choices=["test"], help="action")
    parser.add_argument("--camera", metavar="C", required=True, help="camera")
    parser.add_argument("--kind", metavar="K", default="person", help="event type (default: person)")
    parser.add_argument(
        "--at", metavar="T", default="", help="time: 23:00, sunday 23:00, 2026-12-24 18:00 (default: now)"
    )
    parser.add_argument("--zone", metavar="Z", action="append", default=[], help="zone")
    parser.add_argument("--mode", metavar="MODE", help="mode (default: the one active at that time)")
    parser.add_argument(
        "--home", metavar="PERSON", action="append", help="who is home; nobody (default: who is home now)"
    )
    parser.add_argument(
        "--lasts", metavar="S", type=float, default=10.0, help="duration of the event in seconds (default: 10)"
    )


def run(args: Namespace, out: Output) -> int:
    at_ms = times.future_instant(args.at, SystemClock().now_ms()) if args.at else None
    home = None if args.home is None else [name for name in args.home if name != "nobody"]
    asked = {
        "command": "rehearse", "camera": args.camera, "kind": args.kind, "at_ms": at_ms, "zones": args.zone,
        "mode": args.mode, "home": home, "lasts_s": args.lasts,
    }  # fmt: skip
    outcome = ask_once(running_data(args), asked)
    people = ", ".join(outcome["home"]) or "nobody"
    lines = [f"{outcome['when']}: mode {outcome['mode']} ({outcome['by']}); home: {people}."]
    lines.append("Recorded: yes." if outcome["recorded"] else f"Recorded: no. {outcome['unrecorded']}")
    if not outcome["noticed"]:
        lines.append("Detection is off on this camera at that time, so there is no event.")
    out.data(outcome, "\n".join([*lines, table(outcome["outcomes"], out)]))
    return 0

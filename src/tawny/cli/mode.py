"""`tawny mode`: show the active mode, or set another one; `tawny mode schedule` follows the schedule."""

from argparse import ArgumentParser, Namespace
from typing import Any, Final

from tawny.cli import options
from tawny.cli.command_client import lasts, ordered
from tawny.cli.control_client import ask_once
from tawny.cli.output import Output
from tawny.cli.paths import running_data
from tawny.cli.times import time_text
from tawny.model.errors import UsageError
from tawny.model.times import utc_from_text

HOME: Final = "home"
"""The default name of the first mode; the word stays valid if the settings rename that mode."""
SCHEDULE: Final = "schedule"
_REASONS: Final = {SCHEDULE: "on schedule", "presence": "because of presence"}


def describe(parser: ArgumentParser) -> None:
    options.data(parser)
    parser.add_argument(
        "mode",
        metavar="MODE",
        nargs="?",
        help="home, away, night or a mode of your own; schedule: follow the schedule; without it: show the active mode",
    )
    lasts(parser, "until the next scheduled change")


def run(args: Namespace, out: Output) -> int:
    if args.lasts and not args.mode:
        raise UsageError("--for requires a mode.", "For example: `tawny mode away --for 8h`.")
    state = ask_once(running_data(args), {"command": "modes"})
    if args.mode:
        return ordered(args, out, command="set_mode", mode=_mode_for(args.mode, state["modes"]))
    out.data(state, _text(state))
    return 0


def _mode_for(word: str, modes: list[str]) -> str:
    """Return the mode to request. A mode of the settings takes precedence over the word's default meaning."""
    if word in modes:
        return word
    return modes[0] if word == HOME else word


def _text(state: dict[str, Any]) -> str:
    reason = f"set by {state['by']}" if state["by_hand"] else _REASONS.get(state["by"], state["by"])
    lines = [f"Mode: {state['mode']}, {reason}, since {_time(state['since'])}."]
    until, change = state["until"], next(iter(state["next"]), None)
    if until:
        then = f", then {change['mode']}" if change and change["at"] == until else ""
        lines.append(f"Until {_time(until)}{then}.")
    elif change:
        lines.append(f"Next change: {change['mode']}, {_time(change['at'])}.")
    else:
        lines.append("No change scheduled.")
    if state["people"]:
        home = ", ".join(one["name"] for one in state["people"] if one["home"])
        lines.append(f"Home: {home or 'no one'}.")
    lines.append(f"Modes: {', '.join(state['modes'])}.")
    return "\n".join(lines)


def _time(text: str) -> str:
    return time_text(utc_from_text(text))

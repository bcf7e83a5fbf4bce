"""`tawny mode`, `tawny snooze`, `tawny rules` and `tawny why`."""

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from typing import Any, Final

from tawny.app.control_client import is_in_memory
from tawny.cli import options
from tawny.cli.control_client import ask_once, lasts, ordered
from tawny.cli.options import time_text
from tawny.cli.output import Output
from tawny.cli.paths import running_data
from tawny.cli.status import snooze_line
from tawny.model.errors import NotDone, UsageError
from tawny.model.ids import EventId
from tawny.model.times import SystemClock, utc_from_text
from tawny.storage.index.opening import index_to_read

HOME: Final = "home"
"""The default name of the first mode; the word stays valid if the settings rename that mode."""
SCHEDULE: Final = "schedule"
_REASONS: Final = {SCHEDULE: "on schedule", "presence": "because of presence"}


def describe_mode(parser: ArgumentParser) -> None:
    options.data(parser)
    parser.add_argument(
        "mode",
        metavar="MODE",
        nargs="?",
        help="home, away, night or a mode of your own; schedule: follow the schedule; without it: show the active mode",
    )
    lasts(parser, "until the next scheduled change")


def run_mode(args: Namespace, out: Output) -> int:
    if args.lasts and not args.mode:
        raise UsageError("--for requires a mode.", "For example: `tawny mode away --for 8h`.")
    state = ask_once(running_data(args), {"command": "modes"})
    code = 0
    if args.mode:
        code = ordered(args, out, command="set_mode", mode=_mode_for(args.mode, state["modes"]))
        state = ask_once(running_data(args), {"command": "modes"})
    else:
        out.data(state, _text(state))
    if problem := state.get("problem"):  # a recorder that is older says none
        out.say(f"Not all of this could be stored, so a restart may lose it. {problem}")
    return code


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


# `tawny snooze`: stop everyone's notifications about a camera, all cameras, or what a rule does.


def describe_snooze(parser: ArgumentParser) -> None:
    options.data(parser)
    parser.add_argument(
        "camera", metavar="CAMERA", nargs="?", help="ID from the settings, or `all`; without it: show what is snoozed"
    )
    parser.add_argument("--rule", metavar="NAME", help='a rule instead: its name, or "Rule 2" for one without a name')
    parser.add_argument("--end", action="store_true", help="end the snooze")
    lasts(parser, "1 h; of a rule, `resumed`: until it is ended")


def run_snooze(args: Namespace, out: Output) -> int:
    if not args.camera and not args.rule:
        if args.end or args.lasts:
            raise UsageError(
                "What to snooze is missing.", 'For example: `tawny snooze front-door` or `--rule "Night"`.'
            )
        status = ask_once(running_data(args), {"command": "status"})
        names = {one["id"]: one["name"] for one in status["cameras"]}
        lines = [snooze_line(one, names) for one in status["snoozes"]]
        out.data({"items": status["snoozes"]}, "\n".join(lines) or "Nothing is snoozed.")
        return 0
    if args.camera and args.rule:
        raise UsageError("A camera or a rule, not both.", "Snooze them one after the other.")
    camera = None if args.camera == "all" else args.camera
    message: dict[str, Any] = {"command": "snooze", "camera": camera, "rule": args.rule}
    if args.lasts == "resumed" and not args.end:
        if not args.rule:
            raise UsageError("Only a rule can be snoozed until it is resumed.", "For example: `--for 8h`.")
        order = {"command": "snooze", "rule": args.rule, "for": None}
        answer = ask_once(running_data(args), {"command": "order", "order": order})
        out.data(answer, answer["done"])
        return 0
    return ordered(args, out, **message, on=not args.end)


# `tawny why EVENT`: show notifications and actions of an event, and why or why not.


def describe_why(parser: ArgumentParser) -> None:
    options.data(parser)
    parser.add_argument("event", help="event ID, as shown by `tawny events`")


def run_why(args: Namespace, out: Output) -> int:
    folder = running_data(args)
    result = ask_once(folder, {"command": "why", "event": args.event})
    if not result["outcomes"] and not is_in_memory(folder):
        with index_to_read(folder) as index:
            if index.event(EventId(args.event)) is None:
                raise NotDone(f"No event {args.event}.", "See `tawny events` for IDs.")
    out.data(result, table(result["outcomes"], out))
    return 0


def table(outcomes: Sequence[dict[str, Any]], out: Output) -> str:
    """Return a table of actions, whether each was executed, and why."""
    rows = [(one["deed"], "yes" if one["does"] else "no", f"{one['why']} {one['went']}".strip()) for one in outcomes]
    return out.table(
        ("what", "done", "why"), rows, empty="No notifications: there is no channel and no rule for this event."
    )


# `tawny rules test`: show what would happen for a hypothetical event. Executes no action.


def describe_rules(parser: ArgumentParser) -> None:
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


def run_rules(args: Namespace, out: Output) -> int:
    at_ms = options.future_instant(args.at, SystemClock().now_ms()) if args.at else None
    home = None if args.home is None else [name for name in args.home if name != "nobody"]
    request = {
        "command": "rehearse", "camera": args.camera, "kind": args.kind, "at_ms": at_ms, "zones": args.zone,
        "mode": args.mode, "home": home, "lasts_s": args.lasts,
    }  # fmt: skip
    outcome = ask_once(running_data(args), request)
    people = ", ".join(outcome["home"]) or "nobody"
    lines = [f"{outcome['when']}: mode {outcome['mode']} ({outcome['by']}); home: {people}."]
    lines.append("Recorded: yes." if outcome["recorded"] else f"Recorded: no. {outcome['unrecorded']}")
    if not outcome["noticed"]:
        lines.append("Detection is off on this camera at that time, so there is no event.")
    out.data(outcome, "\n".join([*lines, table(outcome["outcomes"], out)]))
    return 0

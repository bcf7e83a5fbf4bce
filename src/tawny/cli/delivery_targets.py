"""Shared code of `tawny notifications` and `tawny uploads`: list and test targets of one type."""

from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tawny.cli.control_client import ask_once
from tawny.cli.output import Output
from tawny.cli.paths import data_folder, load_settings
from tawny.model.errors import NotDone, UsageError


@dataclass(frozen=True, slots=True)
class TargetGroup:
    """One type of delivery target.

    name: the recorder's term. noun, nouns: terms for users. command: the CLI command. page: documentation on setup.
    """

    name: str
    noun: str
    nouns: str
    command: str
    page: str


CHANNELS: Final = TargetGroup(
    "notifier", "channel", "notification channels", "tawny notifications", "docs/how-to/notifications.md"
)
DESTINATIONS: Final = TargetGroup(
    "destination", "destination", "upload destinations", "tawny uploads", "docs/how-to/uploads.md"
)


def recorder_folder(args: Namespace) -> Path:
    chosen, _ = load_settings(args)
    return data_folder(args, chosen)


def require_name(args: Namespace, kind: TargetGroup) -> None:
    if args.do != "list" and not args.name:
        raise UsageError(f"`{kind.command} {args.do}` requires a name.")


def list_targets(folder: Path, kind: TargetGroup, out: Output) -> int:
    items = [one for one in ask_once(folder, {"command": "targets"})["items"] if one["kind"] == kind.name]
    rows = [(one["name"], one["where"], str(one["waiting"]), one["trouble"] or "–") for one in items]
    heads = ("NAME", "WHERE", "WAITING", "TROUBLE")
    out.data({"items": items}, out.table(heads, rows, empty=f"No {kind.nouns}."))
    return 0


def send_test(folder: Path, kind: TargetGroup, name: str, out: Output) -> int:
    """Send a test to the target and print the steps. Return 1 if a step failed."""
    found = ask_once(folder, {"command": "targets"})["items"]
    known = [one["name"] for one in found if one["kind"] == kind.name]
    if name not in known:
        refuse_unknown({"known": known}, kind, name)
    told = ask_once(folder, {"command": "test", "name": name})
    refuse_unknown(told, kind, name)
    lines = [
        f"{one['what']}: {one['wrong']} {one['hint']}".strip() if one["wrong"] else one["what"] for one in told["steps"]
    ]
    out.data(told, "\n".join(lines))
    return 1 if any(one["wrong"] for one in told["steps"]) else 0


def refuse_unknown(told: dict[str, Any], kind: TargetGroup, name: str) -> None:
    """Raise NotDone if the recorder answered with its list of names, that is, if it does not know this one."""
    if "known" in told:
        known = ", ".join(told["known"]) or f"none; see {kind.page} to set one up"
        raise NotDone(f"No {kind.noun} {name}.", f"Available: {known}.")

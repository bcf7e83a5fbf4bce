"""`tawny notifications`, `uploads` and `integrations`."""

from argparse import ArgumentParser, Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tawny.cli import options
from tawny.cli.control_client import ask_once
from tawny.cli.output import Output
from tawny.cli.paths import data_folder, load_settings, running_data
from tawny.config.units import size_text
from tawny.model.errors import NotDone, UsageError
from tawny.model.times import SystemClock


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


def _named_folder(args: Namespace, kind: TargetGroup) -> Path:
    """Return the recorder's folder. Raises UsageError: when the target's name is missing."""
    if args.do != "list" and not args.name:
        raise UsageError(f"`{kind.command} {args.do}` requires a name.")
    chosen, _ = load_settings(args)
    return data_folder(args, chosen)


def _list_or_test(args: Namespace, kind: TargetGroup, out: Output) -> int:
    folder = _named_folder(args, kind)
    if args.do == "test":
        return _send_test(folder, kind, args.name, out)
    kinds = (kind.name, "files") if kind is DESTINATIONS else (kind.name,)
    items = [one for one in ask_once(folder, {"command": "targets"})["items"] if one["kind"] in kinds]
    rows = [(one["name"], one["where"], str(one["waiting"]), one["trouble"] or "–") for one in items]
    heads = ("NAME", "WHERE", "WAITING", "TROUBLE")
    out.data({"items": items}, out.table(heads, rows, empty=f"No {kind.nouns}."))
    return 0


def _send_test(folder: Path, kind: TargetGroup, name: str, out: Output) -> int:
    """Send a test to the target and print the steps. Return 1 if a step failed."""
    found = ask_once(folder, {"command": "targets"})["items"]
    known = [one["name"] for one in found if one["kind"] == kind.name]
    if name not in known:
        _refuse_unknown({"known": known}, kind, name)
    result = ask_once(folder, {"command": "test", "name": name})
    _refuse_unknown(result, kind, name)
    lines = [
        f"{one['what']}: {one['wrong']} {one['hint']}".strip() if one["wrong"] else one["what"]
        for one in result["steps"]
    ]
    out.data(result, "\n".join(lines))
    return 1 if any(one["wrong"] for one in result["steps"]) else 0


def _refuse_unknown(result: dict[str, Any], kind: TargetGroup, name: str) -> None:
    """Raise NotDone if the recorder answered with its list of names, that is, if it does not know this one."""
    if "known" in result:
        known = ", ".join(result["known"]) or f"none; see {kind.page} to set one up"
        raise NotDone(f"No {kind.noun} {name}.", f"Available: {known}.")


# `tawny notifications`: `list` notification channels; `test NAME` sends a test notification.


def describe_notifications(parser: ArgumentParser) -> None:
    options.data(parser)
    parser.add_argument("do", choices=["list", "test"], help="action")
    parser.add_argument("name", nargs="?", help="test: name of the channel in the settings")


def run_notifications(args: Namespace, out: Output) -> int:
    return _list_or_test(args, CHANNELS, out)


# `tawny uploads`: manage upload destinations.


def describe_uploads(parser: ArgumentParser) -> None:
    options.data(parser)
    parser.add_argument("do", choices=["list", "test", "clean", "resend"], help="action")
    parser.add_argument("name", nargs="?", help="test, clean, resend: name of the destination in the settings")
    parser.add_argument("--dry-run", action="store_true", help="clean: show what would be deleted, delete nothing")
    parser.add_argument(
        "--since",
        metavar="T",
        help='resend: only what happened since then, for example yesterday or "2 h ago" (default: the last 90 days)',
    )
    parser.add_argument(
        "--forget", action="store_true", help="resend: send nothing; don't compare lost ones until they are there again"
    )


def run_uploads(args: Namespace, out: Output) -> int:
    if args.dry_run and args.do != "clean":
        raise UsageError("--dry-run only works with `tawny uploads clean`.")
    if args.since is not None and args.do != "resend":
        raise UsageError("--since only works with `tawny uploads resend`.")
    if args.forget and args.do != "resend":
        raise UsageError("--forget only works with `tawny uploads resend`.")
    if args.do == "resend":
        return _resend(args, out)
    if args.do != "clean":
        return _list_or_test(args, DESTINATIONS, out)
    result = ask_once(
        _named_folder(args, DESTINATIONS), {"command": "sweep", "name": args.name, "dry_run": args.dry_run}
    )
    _refuse_unknown(result, DESTINATIONS, args.name)
    out.data(result, _cleaned(args.name, result, out))
    return 0


def _resend(args: Namespace, out: Output) -> int:
    """Let what is lost at a destination be sent again. Return 1 if some of it can't, or not yet."""
    since_ms = 0 if args.since is None else options.instant(args.since, SystemClock().now_ms())
    request = {"command": "forget lost" if args.forget else "resend", "name": args.name, "since_ms": since_ms}
    result = ask_once(_named_folder(args, DESTINATIONS), request)
    _refuse_unknown(result, DESTINATIONS, args.name)
    out.data(result, "\n".join(_resent(args.name, result)))
    return 1 if any(result.get(one) for one in ("gone", "partial", "later")) else 0


def _resent(name: str, result: dict[str, Any]) -> list[str]:
    if not result["missing"] and not result["changed"]:
        return [f"All uploads are at {name}, with their sizes."]
    lines = [f"At {name}: {result['missing']} missing, {result['changed']} with another size."]
    if "forgotten" in result:
        return [*lines, "They are not compared until they are there again."]
    lines.append(f"{result['sent']} will be sent again.")
    if result["later"]:
        do = "run this again when those are sent" if result["sent"] else "run this again later"
        if result["too_large"] and not result["sent"]:
            do += ", or raise `outbox.budget`"
        lines.append(f"{result['later']} don't fit in the queue: {do}.")
    if result["partial"]:
        lines.append(
            f"{result['partial']} are recorded only in part or at low resolution: missing and empty ones are sent like "
            "that, others stay until you delete them there."
        )
    if result["gone"]:
        lines.append(
            f"{result['gone']} can't be sent: the recorder has no recording of them. To stop comparing what is lost, "
            "run this with `--forget`."
        )
    return lines


def _cleaned(name: str, result: dict[str, Any], out: Output) -> str:
    if result["keep_s"] is None:
        return f"Nothing to delete: {name} has no `retention` setting, so uploads stay there forever."
    files = result["items"]
    if not files:
        return f"Nothing at {name} is older than `retention` allows."
    rows = [(one["name"], size_text(one["size_bytes"])) for one in files]
    count = "1 file" if len(files) == 1 else f"{len(files)} files"
    total = f"{count}, {size_text(sum(one['size_bytes'] for one in files))}"
    verb = "will be deleted there once the queue is done" if result["removed"] else "would be deleted"
    return "\n".join([out.table(("NAME", "SIZE"), rows, empty=""), f"{total}: {verb}."])


# `tawny integrations`: list other programs, what they receive and what they may do.


def describe_integrations(parser: ArgumentParser) -> None:
    options.data(parser)


def run_integrations(args: Namespace, out: Output) -> int:
    found = ask_once(running_data(args), {"command": "programs"})
    rows = [
        (one["name"], one["where"], _gets(one), one.get("trouble") or one.get("said", "").partition("\n")[0] or "–")
        for one in found["items"]
    ]
    out.data(found, out.table(("NAME", "WHERE", "WHAT", "LAST"), rows, empty="No integrations."))
    return 1 if any(one.get("trouble") for one in found["items"]) else 0


def _gets(one: dict[str, object]) -> str:
    if one["kind"] == "input":
        may = one["may"]
        return f"may {', '.join(may)}" if isinstance(may, list) else ""
    return f"{one['sent']} sent, {one['waiting']} waiting, {one['dropped']} dropped"

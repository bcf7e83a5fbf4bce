"""`tawny notify`: who is told, and where files go: `list`, `test NAME` to send something there now, `sweep NAME` to
remove there what is older than its `keep`.
"""

from argparse import ArgumentParser, Namespace
from typing import Any

from tawny.cli import options
from tawny.cli.control_client import ask_once
from tawny.cli.output import Output
from tawny.cli.paths import data_folder, load_settings
from tawny.config.units import size_text
from tawny.model.errors import NotDone, UsageError


def describe(parser: ArgumentParser) -> None:
    options.data(parser)
    parser.add_argument("do", choices=["list", "test", "sweep"], help="action")
    parser.add_argument(
        "name",
        nargs="?",
        help="test: name of the channel or destination in the settings; sweep: name of the destination",
    )
    parser.add_argument("--dry-run", action="store_true", help="sweep: show what would be deleted, delete nothing")


def run(args: Namespace, out: Output) -> int:
    if args.dry_run and args.do != "sweep":
        raise UsageError("--dry-run only works with `tawny notify sweep`.")
    if args.do != "list" and not args.name:
        raise UsageError(f"`tawny notify {args.do}` requires a name.")
    chosen, _ = load_settings(args)
    folder = data_folder(args, chosen)
    if args.do == "list":
        found = ask_once(folder, {"do": "targets"})
        rows = [
            (one["name"], one["kind"], one["where"], str(one["waiting"]), one["trouble"] or "–")
            for one in found["items"]
        ]
        out.data(
            found,
            out.table(
                ("NAME", "KIND", "WHERE", "WAITING", "TROUBLE"),
                rows,
                empty="No notification channels or upload destinations.",
            ),
        )
        return 0
    if args.do == "sweep":
        told = ask_once(folder, {"do": "sweep", "name": args.name, "dry_run": args.dry_run})
        _refuse_unknown(told, f"destination {args.name}", "docs/how-to/uploads.md")
        out.data(told, _swept(args.name, told, out))
        return 0
    told = ask_once(folder, {"do": "test", "name": args.name})
    _refuse_unknown(told, f"channel {args.name}", "docs/how-to/notifications.md")
    lines = [
        f"{one['what']}: {one['wrong']} {one['do']}".strip() if one["wrong"] else one["what"] for one in told["steps"]
    ]
    out.data(told, "\n".join(lines))
    return 1 if any(one["wrong"] for one in told["steps"]) else 0


def _refuse_unknown(told: dict[str, Any], what: str, page: str) -> None:
    if "known" in told:
        known = ", ".join(told["known"]) or f"none; see {page} to set one up"
        raise NotDone(f"No {what}.", f"Available: {known}.")


def _swept(name: str, told: dict[str, Any], out: Output) -> str:
    if told["keep_s"] is None:
        return f"Nothing to delete: {name} has no `retention` setting, so uploads stay there forever."
    files = told["items"]
    if not files:
        return f"Nothing at {name} is older than `retention` allows."
    rows = [(one["name"], size_text(one["size_bytes"])) for one in files]
    count = "1 file" if len(files) == 1 else f"{len(files)} files"
    whole = f"{count}, {size_text(sum(one['size_bytes'] for one in files))}"
    verb = "will be deleted there once the queue is done" if told["removed"] else "would be deleted"
    return "\n".join([out.table(("NAME", "SIZE"), rows, empty=""), f"{whole}: {verb}."])

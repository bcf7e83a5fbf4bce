"""`tawny notify`: who is told, and where files go: `list`, and `test NAME` to send something there now."""

from argparse import ArgumentParser, Namespace

from tawny.cli import options
from tawny.cli.asking import once
from tawny.cli.output import Output
from tawny.cli.places import data_folder, settings
from tawny.model.errors import NotDone, UsageError


def describe(parser: ArgumentParser) -> None:
    options.data(parser)
    parser.add_argument("do", choices=["list", "test"], help="what to do")
    parser.add_argument("name", nargs="?", help="test: the notifier's or destination's name in the settings")


def run(args: Namespace, out: Output) -> int:
    chosen, _ = settings(args)
    folder = data_folder(args, chosen)
    if args.do == "list":
        found = once(folder, {"do": "targets"})
        rows = [
            (one["name"], one["kind"], one["where"], str(one["waiting"]), one["trouble"] or "–")
            for one in found["items"]
        ]
        out.data(found, out.table(("NAME", "KIND", "WHERE", "WAITING", "TROUBLE"), rows, empty="Nobody is told."))
        return 0
    if not args.name:
        raise UsageError("`tawny notify test` needs a name.")
    told = once(folder, {"do": "test", "name": args.name})
    if "known" in told:
        known = ", ".join(told["known"]) or "none; docs/messages.md tells how to set one"
        raise NotDone(f"There is no notifier {args.name}.", f"There are: {known}.")
    lines = [
        f"{one['what']}: {one['wrong']} {one['do']}".strip() if one["wrong"] else one["what"] for one in told["steps"]
    ]
    out.data(told, "\n".join(lines))
    return 1 if any(one["wrong"] for one in told["steps"]) else 0

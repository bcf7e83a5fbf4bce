"""`tawny uploads`: manage upload destinations.

`list`; `test NAME` sends a test file; `clean NAME` deletes uploads older than the destination's `retention`.
"""

from argparse import ArgumentParser, Namespace
from typing import Any

from tawny.cli import options
from tawny.cli.control_client import ask_once
from tawny.cli.delivery_targets import (
    DESTINATIONS,
    list_targets,
    recorder_folder,
    refuse_unknown,
    require_name,
    send_test,
)
from tawny.cli.output import Output
from tawny.config.units import size_text
from tawny.model.errors import UsageError


def describe(parser: ArgumentParser) -> None:
    options.data(parser)
    parser.add_argument("do", choices=["list", "test", "clean"], help="action")
    parser.add_argument("name", nargs="?", help="test, clean: name of the destination in the settings")
    parser.add_argument("--dry-run", action="store_true", help="clean: show what would be deleted, delete nothing")


def run(args: Namespace, out: Output) -> int:
    if args.dry_run and args.do != "clean":
        raise UsageError("--dry-run only works with `tawny uploads clean`.")
    require_name(args, DESTINATIONS)
    folder = recorder_folder(args)
    if args.do == "list":
        return list_targets(folder, DESTINATIONS, out)
    if args.do == "test":
        return send_test(folder, DESTINATIONS, args.name, out)
    told = ask_once(folder, {"command": "sweep", "name": args.name, "dry_run": args.dry_run})
    refuse_unknown(told, DESTINATIONS, args.name)
    out.data(told, _cleaned(args.name, told, out))
    return 0


def _cleaned(name: str, told: dict[str, Any], out: Output) -> str:
    if told["keep_s"] is None:
        return f"Nothing to delete: {name} has no `retention` setting, so uploads stay there forever."
    files = told["items"]
    if not files:
        return f"Nothing at {name} is older than `retention` allows."
    rows = [(one["name"], size_text(one["size_bytes"])) for one in files]
    count = "1 file" if len(files) == 1 else f"{len(files)} files"
    total = f"{count}, {size_text(sum(one['size_bytes'] for one in files))}"
    verb = "will be deleted there once the queue is done" if told["removed"] else "would be deleted"
    return "\n".join([out.table(("NAME", "SIZE"), rows, empty=""), f"{total}: {verb}."])

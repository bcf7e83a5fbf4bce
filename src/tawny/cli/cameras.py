"""`tawny cameras`: actions on the cameras of the settings, `add` and `report`."""

from argparse import SUPPRESS, ArgumentParser, Namespace
from typing import Final

from tawny.cli import camera_add, camera_report
from tawny.cli.output import Output

ACTIONS: Final = {
    "add": (camera_add, "test a camera and add it to the settings"),
    "report": (camera_report, "create a camera report for troubleshooting, without passwords"),
}


def describe(parser: ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="do", metavar="ACTION", required=True)
    for name, (module, summary) in ACTIONS.items():
        action = actions.add_parser(name, help=summary, description=summary[:1].upper() + summary[1:] + ".")
        action.add_argument("--json", action="store_true", default=SUPPRESS, help="print data and errors as JSON")
        module.describe(action)


def run(args: Namespace, out: Output) -> int:
    return camera_add.run(args, out) if args.do == "add" else camera_report.run(args, out)

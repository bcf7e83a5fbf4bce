"""`tawny cameras`: actions on the cameras of the settings, `add`, `report` and `accept-login`."""

from argparse import SUPPRESS, ArgumentParser, Namespace
from typing import Final

from tawny.cli import camera_accept_login, camera_add, camera_report
from tawny.cli.output import Output

ACTIONS: Final = {
    "add": (camera_add, "test a camera and add it to the settings"),
    "report": (camera_report, "create a camera report for troubleshooting, without passwords"),
    "accept-login": (camera_accept_login, "accept a weaker sign-in of a camera that you changed"),
}


def describe(parser: ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="do", metavar="ACTION", required=True)
    for name, (module, summary) in ACTIONS.items():
        action = actions.add_parser(name, help=summary, description=summary[:1].upper() + summary[1:] + ".")
        action.add_argument("--json", action="store_true", default=SUPPRESS, help="print data and errors as JSON")
        module.describe(action)


def run(args: Namespace, out: Output) -> int:
    module, _ = ACTIONS[args.do]
    code: int = module.run(args, out)
    return code

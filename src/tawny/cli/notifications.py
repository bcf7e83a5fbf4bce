"""`tawny notifications`: `list` notification channels; `test NAME` sends a test notification."""

from argparse import ArgumentParser, Namespace

from tawny.cli import options
from tawny.cli.delivery_targets import CHANNELS, list_targets, recorder_folder, require_name, send_test
from tawny.cli.output import Output


def describe(parser: ArgumentParser) -> None:
    options.data(parser)
    parser.add_argument("do", choices=["list", "test"], help="action")
    parser.add_argument("name", nargs="?", help="test: name of the channel in the settings")


def run(args: Namespace, out: Output) -> int:
    require_name(args, CHANNELS)
    folder = recorder_folder(args)
    if args.do == "list":
        return list_targets(folder, CHANNELS, out)
    return send_test(folder, CHANNELS, args.name, out)

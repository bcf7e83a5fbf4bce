"""`tawny arm MODE`: another mode, such as away."""

from argparse import ArgumentParser, Namespace

from tawny.cli import options
from tawny.cli.command_client import lasts, ordered
from tawny.cli.output import Output


def describe(parser: ArgumentParser) -> None:
    options.data(parser)
    parser.add_argument(
        "mode", metavar="MODE", help="home, away, night or a mode of your own; week: follow the schedule"
    )
    lasts(parser, "until the next scheduled change")


def run(args: Namespace, out: Output) -> int:
    return ordered(args, out, do="arm", mode=args.mode)

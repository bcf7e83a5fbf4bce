"""`tawny relay NAME on | off`: switch a relay."""

from argparse import ArgumentParser, Namespace

from tawny.cli import options
from tawny.cli.command_client import lasts, ordered
from tawny.cli.output import Output


def describe(parser: ArgumentParser) -> None:
    options.data(parser)
    parser.add_argument("relay", metavar="NAME", help="name from `relays` in the settings")
    parser.add_argument("state", choices=["on", "off"], help="on or off")
    lasts(parser, "until switched again")


def run(args: Namespace, out: Output) -> int:
    return ordered(args, out, command="relay", relay=args.relay, on=args.state == "on")

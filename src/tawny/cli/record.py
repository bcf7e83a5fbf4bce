"""`tawny record CAMERA`: record now, whatever the mode, and create an event for it."""

from argparse import ArgumentParser, Namespace

from tawny.cli.command_client import camera, lasts, ordered
from tawny.cli.output import Output


def describe(parser: ArgumentParser) -> None:
    camera(parser)
    lasts(parser, "5 min")
    parser.add_argument("--stop", action="store_true", help="end this manual recording")


def run(args: Namespace, out: Output) -> int:
    return ordered(args, out, command="record", camera=args.camera, on=not args.stop)

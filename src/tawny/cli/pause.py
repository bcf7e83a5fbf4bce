"""`tawny pause CAMERA`: pause a camera for privacy."""

from argparse import ArgumentParser, Namespace

from tawny.cli.command_client import camera, lasts, ordered
from tawny.cli.output import Output


def describe(parser: ArgumentParser) -> None:
    camera(parser)
    lasts(parser, "until `tawny resume`")


def run(args: Namespace, out: Output) -> int:
    return ordered(args, out, command="pause", camera=args.camera)

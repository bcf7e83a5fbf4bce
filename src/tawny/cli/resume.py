"""`tawny resume CAMERA`: end a privacy pause."""

from argparse import ArgumentParser, Namespace

from tawny.cli.command_client import camera, ordered
from tawny.cli.output import Output


def describe(parser: ArgumentParser) -> None:
    camera(parser)


def run(args: Namespace, out: Output) -> int:
    return ordered(args, out, command="resume", camera=args.camera)

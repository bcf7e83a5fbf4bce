"""`tawny disarm`: somebody is at home."""

from argparse import ArgumentParser, Namespace

from tawny.cli import options
from tawny.cli.command_client import ordered
from tawny.cli.output import Output


def describe(parser: ArgumentParser) -> None:
    options.data(parser)


def run(args: Namespace, out: Output) -> int:
    return ordered(args, out, do="disarm")

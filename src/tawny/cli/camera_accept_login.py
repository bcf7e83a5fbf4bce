"""`tawny cameras accept-login`: let a camera use a weaker sign-in than before, after it was changed on purpose."""

from argparse import ArgumentParser, Namespace

from tawny.cli import options
from tawny.cli.control_client import ask_once
from tawny.cli.output import Output
from tawny.cli.paths import running_data
from tawny.model.errors import NoSuchCamera


def describe(parser: ArgumentParser) -> None:
    options.data(parser)
    parser.add_argument("name", metavar="NAME", help="camera ID, for example front-door")


def run(args: Namespace, out: Output) -> int:
    told = ask_once(running_data(args), {"command": "accept-login", "camera": args.name})
    if "known" in told:
        raise NoSuchCamera(args.name, ", ".join(told["known"]) or "none yet")
    forgotten = f"tawny accepts any sign-in of {args.name} again and remembers the strongest from now on."
    out.data(told, forgotten if told["changed"] else f"No sign-in of {args.name} was remembered. Nothing to do.")
    return 0

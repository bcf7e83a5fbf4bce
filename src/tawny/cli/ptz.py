"""`tawny ptz CAMERA`: move a PTZ camera."""

from argparse import ArgumentParser, Namespace

from tawny.cli.command_client import camera, lasts, ordered
from tawny.cli.output import Output


def describe(parser: ArgumentParser) -> None:
    camera(parser)
    for what, sides in (("pan", "left, right"), ("tilt", "down, up"), ("zoom", "out, in")):
        parser.add_argument(f"--{what}", metavar="SPEED", type=float, help=f"-1 to 1: {sides}")
    parser.add_argument("--preset", metavar="NAME", help="go to a preset stored in the camera")
    parser.add_argument("--stop", action="store_true", default=None, help="stop moving")
    lasts(parser, "0.5 s")


def run(args: Namespace, out: Output) -> int:
    moves = {"pan": args.pan, "tilt": args.tilt, "zoom": args.zoom, "preset": args.preset, "stop": args.stop}
    return ordered(args, out, command="ptz", camera=args.camera, **moves)

"""`tawny event open | update | close`: report an event that tawny cannot detect itself."""

from argparse import ArgumentParser, Namespace

from tawny.cli import options
from tawny.cli.command_client import lasts, ordered
from tawny.cli.output import Output
from tawny.model.errors import UsageError


def describe(parser: ArgumentParser) -> None:
    options.data(parser)
    parser.add_argument("what", choices=["open", "update", "close"], help="action")
    parser.add_argument("which", metavar="CAMERA|EVENT", help="open: the camera ID; otherwise the event's ID or key")
    parser.add_argument("--kind", metavar="K", help="open: event type, for example person or bell (default: manual)")
    parser.add_argument("--key", metavar="KEY", help="open: your own key, to update or close the event later")
    parser.add_argument("--label", metavar="TEXT", help="short description")
    parser.add_argument("--score", metavar="N", type=float, help="score, 0 to 100 (default: 100)")
    lasts(parser, "5 min, unless closed earlier")


def run(args: Namespace, out: Output) -> int:
    if args.what == "open":
        more = {"kind": args.kind, "key": args.key, "label": args.label, "score": args.score}
        return ordered(args, out, command="event.open", camera=args.which, **more)
    if args.kind or args.key:
        raise UsageError("`--kind` and `--key` only work with `tawny event open`.")
    if args.what == "update":
        return ordered(args, out, command="event.update", event=args.which, label=args.label, score=args.score)
    if args.label or args.lasts or args.score is not None:
        raise UsageError("`tawny event close` takes the event and nothing else.")
    return ordered(args, out, command="event.close", event=args.which)

"""`tawny event open | update | close`: something happens that tawny cannot see."""

from argparse import ArgumentParser, Namespace

from tawny.cli import options
from tawny.cli.ordering import lasts, ordered
from tawny.cli.output import Output
from tawny.model.errors import UsageError


def describe(parser: ArgumentParser) -> None:
    options.data(parser)
    parser.add_argument("what", choices=["open", "update", "close"], help="what to do")
    parser.add_argument("which", metavar="CAMERA|EVENT", help="open: the camera's id; else the event's id or key")
    parser.add_argument("--kind", metavar="K", help="open: such as person or bell (usual: manual)")
    parser.add_argument("--key", metavar="KEY", help="open: a name of yours to update and close it by")
    parser.add_argument("--label", metavar="TEXT", help="what it is, in a few words")
    parser.add_argument("--score", metavar="N", type=float, help="0 to 100 (usual: 100)")
    lasts(parser, "5 min, if nobody closes it before")


def run(args: Namespace, out: Output) -> int:
    if args.what == "open":
        more = {"kind": args.kind, "key": args.key, "label": args.label, "score": args.score}
        return ordered(args, out, do="event.open", camera=args.which, **more)
    if args.kind or args.key:
        raise UsageError("`--kind` and `--key` are for `tawny event open`.")
    if args.what == "update":
        return ordered(args, out, do="event.update", event=args.which, label=args.label, score=args.score)
    if args.label or args.lasts or args.score is not None:
        raise UsageError("`tawny event close` needs the event, and nothing else.")
    return ordered(args, out, do="event.close", event=args.which)

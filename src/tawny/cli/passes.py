"""`tawny passes`: for programs, televisions and pages elsewhere that show cameras live; `list`, `make`, `take-back`."""

from argparse import ArgumentParser, Namespace

from tawny.cli import options
from tawny.cli.output import Output
from tawny.cli.people import House, camera_list, opened, seen_words
from tawny.config.units import seconds, size, size_text
from tawny.model.clock import SystemClock
from tawny.model.errors import NotDone, UsageError
from tawny.model.times import utc_text
from tawny.web.passes import Pass, Passes


def describe(parser: ArgumentParser) -> None:
    options.data(parser)
    parser.add_argument("do", choices=["list", "make", "take-back"], help="what to do")
    parser.add_argument("name", nargs="?", help="make: what it is for; take-back: its id")
    parser.add_argument("--cameras", metavar="A,B", help="what it is for (usual: all)")
    parser.add_argument(
        "--brings",
        metavar="SIZE",
        help='for another tawny: it may bring so much, such as "50 GB", and sees nothing',
    )
    parser.add_argument("--for", dest="lasts", metavar="TIME", help='how long it lasts, such as "7 days" (usual: ever)')


def run(args: Namespace, out: Output) -> int:
    house, accounts, passes = opened(args)
    try:
        if args.do == "list":
            return _list(passes, out)
        if not args.name:
            raise UsageError(f"`tawny passes {args.do}` needs a name.")
        if args.do == "take-back":
            if not passes.take_back(args.name):
                raise NotDone(f"There is no pass {args.name}.", "See `tawny passes list`.")
            out.data({"taken_back": args.name}, f"{args.name} opens nothing any more.")
            return 0
        return _make(args, passes, out, house)
    finally:
        accounts.close()


def _list(passes: Passes, out: Output) -> int:
    made = passes.all()
    rows = [(one.id, one.name, _may(one), utc_text(one.ends_ms) if one.ends_ms else "–") for one in made]
    out.data({"passes": [_data(one) for one in made]}, out.table(("ID", "NAME", "MAY", "ENDS"), rows, empty="None."))
    return 0


def _make(args: Namespace, passes: Passes, out: Output, house: House) -> int:
    if args.brings:
        return _make_bringing(args, passes, out, house)
    cameras = camera_list(args.cameras)
    house.warn(cameras, out)
    made, secret = passes.make(args.name, cameras, _end_ms(args.lasts))
    camera = sorted(made.cameras)[0] if made.cameras else "CAMERA"
    by_http = f"{house.base}/api/v1/cameras/{camera}/mjpeg?pass={secret}"
    by_rtsp = f"rtsp://{made.id}:{secret}@{house.rtsp}/{camera}" if house.rtsp else ""
    words = [
        f"{made.name} sees {seen_words(made.cameras)}, live. The secret is shown this once: {secret}",
        f"Motion JPEG: {by_http}",
        f"RTSP: {by_rtsp}" if by_rtsp else 'RTSP is off; `rtsp = "0.0.0.0:8554"` under [web] turns it on.',
        f"`tawny passes take-back {made.id}` ends it.",
    ]
    out.data(_data(made) | {"secret": secret, "mjpeg": by_http, "rtsp": by_rtsp or None}, "\n".join(words))
    return 0


def _make_bringing(args: Namespace, passes: Passes, out: Output, house: House) -> int:
    if args.cameras:
        raise UsageError("--brings: a pass either brings or sees; leave --cameras out.")
    try:
        most_bytes = size(args.brings)
    except ValueError as error:
        raise UsageError(f"--brings: found {args.brings!r}; allowed: {error}.") from error
    made, secret = passes.make(args.name, (), _end_ms(args.lasts), most_bytes)
    scheme, _, host = house.base.partition("://")
    url = f"{'tawny' if scheme == 'https' else 'tawny+http'}://:{secret}@{host}/"
    words = [
        f"{made.name} may bring {size_text(most_bytes)}, and sees nothing. The secret is shown this once: {secret}",
        "In the settings of the other tawny (tawny:// where this one has TLS in front, and its own name):",
        f'[destinations.{made.id.rpartition("-")[0]}]\nurl = "{url}"',
        f"`tawny passes take-back {made.id}` ends it.",
    ]
    out.data(_data(made) | {"secret": secret, "url": url}, "\n".join(words))
    return 0


def _may(made: Pass) -> str:
    return f"bring {size_text(made.brings)}" if made.brings is not None else f"see {seen_words(made.cameras)}"


def _end_ms(text: str | None) -> int | None:
    if not text:
        return None
    try:
        return SystemClock().now_ms() + round(seconds(text) * 1000)
    except ValueError as error:
        raise UsageError(f"--for: found {text!r}; allowed: {error}.") from error


def _data(made: Pass) -> dict[str, object]:
    return {
        "id": made.id,
        "name": made.name,
        "cameras": None if made.cameras is None else sorted(made.cameras),
        "ends": None if made.ends_ms is None else utc_text(made.ends_ms),
        "brings_bytes": made.brings,
    }

"""`tawny tokens`: access tokens for apps, displays and another tawny; `list`, `create`, `revoke`."""

from argparse import ArgumentParser, Namespace

from tawny.api.auth.passes import Pass, Passes
from tawny.cli import options
from tawny.cli.output import Output
from tawny.cli.people import AccountStores, camera_list, check_name, open_accounts, seen_words
from tawny.cli.times import time_text
from tawny.config.units import seconds, size, size_text
from tawny.model.clock import SystemClock
from tawny.model.errors import NotDone, UsageError
from tawny.model.times import utc_text


def describe(parser: ArgumentParser) -> None:
    options.data(parser)
    parser.add_argument("do", choices=["list", "create", "revoke"], help="action")
    parser.add_argument("name", nargs="?", help="create: name of the token; revoke: its ID")
    parser.add_argument("--cameras", metavar="A,B", help="cameras it may show (default: all)")
    parser.add_argument(
        "--upload-quota",
        metavar="SIZE",
        help='for another tawny: it may upload up to this much, for example "50 GB", and sees nothing',
    )
    parser.add_argument(
        "--for", dest="lasts", metavar="TIME", help='expires after, for example "7 days" (default: never)'
    )


def run(args: Namespace, out: Output) -> int:
    links, accounts, passes = open_accounts(args)
    try:
        if args.do == "list":
            return _list(passes, out)
        if not args.name:
            raise UsageError(f"`tawny tokens {args.do}` requires a name.")
        if args.do == "revoke":
            if not passes.take_back(args.name):
                raise NotDone(f"No access token {args.name}.", "See `tawny tokens list`.")
            out.data({"taken_back": args.name}, f"Revoked {args.name}.")
            return 0
        return _create(args, passes, out, links)
    finally:
        accounts.close()


def _list(passes: Passes, out: Output) -> int:
    made = passes.all()
    rows = [(one.id, one.name, _may(one), time_text(one.ends_ms) if one.is_granted else "stopped") for one in made]
    out.data(
        {"passes": [_data(one) for one in made]},
        out.table(("ID", "NAME", "MAY", "ENDS"), rows, empty="No access tokens."),
    )
    return 0


def _create(args: Namespace, passes: Passes, out: Output, links: AccountStores) -> int:
    check_name(args.name)
    if args.upload_quota:
        return _create_for_uploads(args, passes, out, links)
    cameras = camera_list(args.cameras)
    links.check(cameras)
    made, secret = passes.make(args.name, cameras, _end_ms(args.lasts))
    camera = sorted(made.cameras)[0] if made.cameras else "CAMERA"
    by_http = f"{links.base}/api/v1/cameras/{camera}/mjpeg?pass={secret}"
    by_rtsp = f"rtsp://{made.id}:{secret}@{links.rtsp}/{camera}" if links.rtsp else ""
    words = [
        f"{made.name} can see {seen_words(made.cameras)} live. The secret is shown only once: {secret}",
        f"Motion JPEG: {by_http}",
        f"RTSP: {by_rtsp}" if by_rtsp else 'RTSP is off. To turn it on, set `rtsp = "0.0.0.0:8554"` under [web].',
        f"To revoke it: `tawny tokens revoke {made.id}`",
    ]
    out.data(_data(made) | {"secret": secret, "mjpeg": by_http, "rtsp": by_rtsp or None}, "\n".join(words))
    return 0


def _create_for_uploads(args: Namespace, passes: Passes, out: Output, links: AccountStores) -> int:
    if args.cameras:
        raise UsageError("--upload-quota: a token can either upload or view. Leave out --cameras.")
    try:
        most_bytes = size(args.upload_quota)
    except ValueError as error:
        raise UsageError(f"--upload-quota: {args.upload_quota!r} is invalid; use {error}.") from error
    check_name(args.name)
    made, secret = passes.make(args.name, (), _end_ms(args.lasts), most_bytes)
    scheme, _, host = links.base.partition("://")
    url = f"{'tawny' if scheme == 'https' else 'tawny+http'}://:{secret}@{host}/"
    words = [
        f"{made.name} can upload up to {size_text(most_bytes)} and sees nothing. The secret is shown only "
        f"once: {secret}",
        "Add this to the settings of the other tawny (use tawny:// and its host name if this one is behind TLS):",
        f'[destinations.{made.id.rpartition("-")[0]}]\nurl = "{url}"',
        f"To revoke it: `tawny tokens revoke {made.id}`",
    ]
    free_bytes = links.headroom.free_bytes()
    if free_bytes < most_bytes:
        words.append(
            f"This disk has {size_text(free_bytes)} for uploads now; recordings use the rest. To limit them, set "
            "`max_size` under [storage.retention]."
        )
    out.data(_data(made) | {"secret": secret, "url": url, "free_bytes": free_bytes}, "\n".join(words))
    return 0


def _may(made: Pass) -> str:
    return f"upload {size_text(made.brings)}" if made.brings is not None else f"see {seen_words(made.cameras)}"


def _end_ms(text: str | None) -> int | None:
    if not text:
        return None
    try:
        return SystemClock().now_ms() + round(seconds(text) * 1000)
    except ValueError as error:
        raise UsageError(f"--for: {text!r} is invalid; use {error}.") from error


def _data(made: Pass) -> dict[str, object]:
    return {
        "id": made.id,
        "name": made.name,
        "cameras": None if made.cameras is None else sorted(made.cameras),
        "ends": None if made.ends_ms is None else utc_text(made.ends_ms),
        "brings_bytes": made.brings,
    }

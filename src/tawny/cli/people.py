"""`tawny user` and `tokens`."""

import asyncio
import getpass
import shlex
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from tawny.api.auth.accounts import AUDIT_ROWS, Account, Accounts, Role, TokenPurpose
from tawny.api.auth.accounts_file import AccountsFile
from tawny.api.auth.granted_rights import granted_text, seen_words
from tawny.api.auth.identities import Identities
from tawny.api.auth.linked_names import NameRefused
from tawny.api.auth.passes import LEAST_KEPT_MS, Pass, Passes
from tawny.api.auth.passwords import LEAST_LENGTH, MOST_LENGTH, Passwords, is_weak
from tawny.api.auth.two_step import TwoStep
from tawny.app.own_addresses import reachable_place
from tawny.cli import options
from tawny.cli.first_start import THIS_COMPUTER, interface_urls
from tawny.cli.options import time_text
from tawny.cli.output import Output, encodable
from tawny.cli.paths import existing_data
from tawny.config.settings import is_camera_id
from tawny.config.units import seconds, size, size_text
from tawny.model.errors import NotDone, UsageError
from tawny.model.ids import CameraId
from tawny.model.times import LATEST_MS, SystemClock, utc_text
from tawny.model.validation import ALLOWED, has_hidden
from tawny.storage.disk.headroom import DiskHeadroom
from tawny.storage.disk.volume import Volume


@dataclass(frozen=True)
class AccountStores:
    """Addresses and cameras of this recorder.

    base: URL of the web interface, for example `http://127.0.0.1:8000`.
    rtsp: `host:port` of the RTSP server; empty if it is off. cameras: all known camera IDs.
    headroom: space for uploads. by_proxy: a reverse proxy signs people in.
    """

    base: str
    rtsp: str
    cameras: frozenset[str]
    headroom: DiskHeadroom
    by_proxy: bool

    def warn(self, named: Collection[CameraId] | None, out: Output) -> None:
        """Print a warning for camera IDs that do not exist (yet): users are often added first."""
        missing = self._missing(named)
        if missing and self.cameras:
            out.say(f"No camera named {', '.join(missing)} yet. Available: {', '.join(sorted(self.cameras))}.")

    def check(self, named: Collection[CameraId] | None) -> None:
        """Raise UsageError for camera IDs that do not exist."""
        missing = self._missing(named)
        if missing:
            available = (
                f"Available: {', '.join(sorted(self.cameras))}." if self.cameras else "There are no cameras yet."
            )
            raise UsageError(f"--cameras: no camera named {', '.join(missing)}.", available)

    def _missing(self, named: Collection[CameraId] | None) -> list[str]:
        return sorted(set(named or ()) - self.cameras)


def check_name(name: str) -> None:
    """Raise UsageError for a name of a user or token that would not be shown as it is."""
    if has_hidden(name):
        what = (
            f"The name {name!r} is invalid." if encodable(name) == name else f"`{encodable(name)}` isn't valid UTF-8."
        )
        raise UsageError(what, f"Use {ALLOWED}.")


def open_accounts(args: Namespace) -> tuple[AccountStores, Accounts, Passes]:
    """Open the accounts of the data folder. A running recorder sees changes immediately."""
    chosen, folder = existing_data(args)
    file, clock = AccountsFile(folder / "accounts.db"), SystemClock()
    cameras = frozenset(chosen.cameras) | set(Volume.at(folder).cameras())
    headroom = DiskHeadroom(folder, lambda: chosen.storage.retention.min_free)
    base, by_proxy = interface_urls(chosen, folder)[0], bool(chosen.sign_in.proxy_header)
    stores = AccountStores(base, chosen.web.rtsp, cameras, headroom, by_proxy)
    return stores, Accounts(file, clock), Passes(file, clock)


def camera_list(text: str | None) -> list[CameraId] | None:
    """Parse `porch,yard`; None or `all` means every camera and returns None. Raises UsageError: for invalid IDs."""
    if text is None or text == "all":
        return None
    names = [name.strip() for name in text.split(",") if name.strip()]
    if wrong := next((name for name in names if not is_camera_id(name)), None):
        raise UsageError(
            f"--cameras: {wrong!r} isn't a valid camera ID.",
            "Use names or IDs of cameras, for example porch,back-yard.",
        )
    return [CameraId(name) for name in names]


# `tawny user`: manage users: `list`, `add`, `change`, `link`, `password`, `remove`, `totp`, and `log`, the audit log.
# A link signs one person in. A password is read from the terminal or standard input, never from the command line.

LINK_DAYS = 7
LOG_SINCE = "7 days ago"
ROLES = (
    "owner: everything; member: review and keep events, change modes, talk and move cameras; viewer: watch; guest: a "
    "viewer with an end (--for); screen: a screen on the wall, live only; installer: on a hub, health and "
    "settings of the other recorders, no cameras (default: viewer)"
)
SCREEN_MINUTES = 15


def describe_user(parser: ArgumentParser) -> None:
    options.data(parser)
    parser.add_argument(
        "do", choices=["list", "add", "change", "link", "password", "remove", "log", "totp"], help="action"
    )
    parser.add_argument("name", nargs="?", help="who; log: only what this user or name did or tried")
    parser.add_argument("--role", choices=["owner", "member", "viewer", "guest", "screen", "installer"], help=ROLES)
    parser.add_argument("--cameras", metavar="A,B", help="cameras they can see, unless owner; `all` for every camera")
    parser.add_argument(
        "--for", dest="lasts", metavar="TIME", help='guest: access ends after, for example "3 days"; "0 s": now'
    )
    parser.add_argument("--off", action="store_true", help="totp: turn two-step codes off, for a lost phone")
    parser.add_argument(
        "--since", metavar="T", default=LOG_SINCE, help=f'log: entries from this time on (default: "{LOG_SINCE}")'
    )


def run_user(args: Namespace, out: Output) -> int:
    links, accounts, _ = open_accounts(args)
    try:
        if args.do == "list":
            return _list(accounts, out)
        if args.do == "log":
            return _log(accounts, args.name, options.instant(args.since, SystemClock().now_ms()), out)
        if not args.name:
            raise UsageError(f"`tawny user {args.do}` requires a name.")
        found = accounts.find(args.name)
        if args.do == "totp":
            return _totp(accounts, found[0] if found else None, args, out)
        if args.do == "password":
            return _password(accounts, found[0] if found else None, args.name, out)
        if args.do == "add":
            return _add(args, accounts, out, links)
        if found is None:
            raise NotDone(f"No user named {args.name}.", "See `tawny user list`.")
        return _change(args, accounts, found[0], out, links)
    finally:
        accounts.close()


def _list(accounts: Accounts, out: Output) -> int:
    people = accounts.people()
    two_step = TwoStep(accounts.file, SystemClock()).everyone()
    rows = [
        (one.name, _role_words(one), seen_words(one.cameras), "yes" if one.id in two_step else "no") for one in people
    ]
    table = out.table(
        ("NAME", "ROLE", "SEES", "TWO-STEP"),
        rows,
        empty="No users yet. `tawny setup-link` creates the owner's setup link.",
    )
    out.data({"people": [_data(one) for one in people]}, table)
    return 0


def _log(accounts: Accounts, name: str | None, since_ms: int, out: Output) -> int:
    """Print the audit log, oldest first. name: in any case; None: of everyone."""
    found = [
        one
        for one in reversed(accounts.audit(AUDIT_ROWS, since_ms))
        if name is None or one.person.casefold() == name.casefold()
    ]
    rows = [(time_text(one.at_ms), one.person or "–", one.action, one.detail, one.address) for one in found]
    table = out.table(("TIME", "WHO", "WHAT", "DETAIL", "FROM"), rows, empty="No entries.")
    items = [
        {
            "time": utc_text(one.at_ms),
            "person": one.person,
            "action": one.action,
            "detail": one.detail,
            "address": one.address,
        }
        for one in found
    ]
    out.data({"items": items}, table)
    return 0


def _add(args: Namespace, accounts: Accounts, out: Output, links: AccountStores) -> int:
    role = Role(args.role or "viewer")
    check_name(args.name)
    _refuse_cameras(args, role)
    links.warn(cameras := camera_list(args.cameras), out)
    ends_ms, identities = _guest_end(args, role, None), Identities(accounts.file, SystemClock())
    try:
        person = identities.add(args.name, role, cameras, ends_ms, "", by_proxy=links.by_proxy)
    except NameRefused as error:
        todo = "To change it, use `tawny user change`."
        if error.kind != "name_taken":
            todo = f"Add {args.name} under Settings, People, with their name there."
        raise NotDone(error.what, todo) from error
    accounts.note("user added", "", THIS_COMPUTER, granted_text(person))
    return _link(accounts, person, out, links)


def _change(args: Namespace, accounts: Accounts, person: Account, out: Output, links: AccountStores) -> int:
    if args.do == "link":
        if accounts.has_ended(person):
            todo = f'Extend it first, for example with `tawny user change {shlex.quote(person.name)} --for "3 days"`.'
            raise NotDone(f"The access of {person.name} has ended.", todo)
        return _link(accounts, person, out, links)
    if args.do == "remove":
        accounts.remove_person(person)
        accounts.note("user removed", "", THIS_COMPUTER, person.name)
        out.data({"removed": person.name}, f"Removed {person.name} and signed them out on all devices.")
        return 0
    cameras = person.cameras if args.cameras is None else camera_list(args.cameras)
    links.warn(None if args.cameras is None else cameras, out)
    role = Role(args.role) if args.role else person.role
    if (role is Role.SCREEN) != (person.role is Role.SCREEN):
        raise UsageError("--role: a screen stays a screen.", "Remove it, and add a user of another role.")
    _refuse_cameras(args, role)
    changed = accounts.change_person(person, role, cameras, _guest_end(args, role, person.ends_ms))
    accounts.note("user changed", "", THIS_COMPUTER, granted_text(changed, person))
    out.data(_data(changed), f"{changed.name} is now {_role_words(changed)} and can see {seen_words(changed.cameras)}.")
    return 0


def _refuse_cameras(args: Namespace, role: Role) -> None:
    if args.cameras is not None and role is Role.OWNER:
        raise UsageError("--cameras: owners see all cameras.", "Leave it out, or choose another role.")


def _link(accounts: Accounts, person: Account, out: Output, links: AccountStores) -> int:
    is_screen = person.role is Role.SCREEN
    lasts_ms = SCREEN_MINUTES * 60_000 if is_screen else LINK_DAYS * 86_400_000
    token = accounts.new_token(TokenPurpose.LINK, person, lasts_ms=lasts_ms)
    accounts.note("sign-in link created", "", THIS_COMPUTER, person.name)
    link = f"{links.base}/sign-in#link={token}"
    words = f"{person.name} is now {_role_words(person)} and can see {seen_words(person.cameras)}."
    lasts = f"{SCREEN_MINUTES} minutes" if is_screen else f"{LINK_DAYS} days"
    out.data(
        _data(person) | {"link": link},
        f"{words}\nOpen {link}\nThe link works once and expires in {lasts}. Only the newest link works.",
    )
    return 0


def _totp(accounts: Accounts, person: Account | None, args: Namespace, out: Output) -> int:
    """Show whether a user has two-step codes, or turn them off: whoever may run this may read everything anyway."""
    if person is None:
        raise NotDone(f"No user named {args.name}.", "See `tawny user list`.")
    two_step = TwoStep(accounts.file, SystemClock())
    if args.off:
        was_on = two_step.turn_off(person)
        if was_on:
            accounts.note("two-step codes turned off", "", THIS_COMPUTER, person.name)
        words = f"{person.name} signs in without two-step codes." if was_on else f"{person.name} had none."
        out.data({"name": person.name, "two_step": False}, words)
        return 0
    state = two_step.state(person)
    left = f"{state.codes_left} recovery codes are left" if state else ""
    words = f"{person.name} has two-step codes; {left}." if state else f"{person.name} has no two-step codes."
    out.data({"name": person.name, "two_step": state is not None}, words)
    return 0


def _password(accounts: Accounts, person: Account | None, name: str, out: Output) -> int:
    """Set a password. Where there is no user yet, this one becomes the owner: who may run this may read it all."""
    if person is None and accounts.people():
        raise NotDone(f"No user named {name}.", "See `tawny user list`.")
    if person is not None and person.role is Role.SCREEN:
        raise UsageError(f"{person.name} is a screen, which has no password.", "Use `tawny user link`.")
    check_name(name)
    password = _asked_password(name)
    hashed = asyncio.run(Passwords().hash(password))
    made = person or accounts.put_person(name, Role.OWNER)
    accounts.change_password(made, hashed, b"")
    accounts.note("password set", "", THIS_COMPUTER, made.name)
    words = f"{made.name} signs in with this password, and is signed out on all devices."
    out.data(_data(made), words if person else f"{made.name} is the owner, and signs in with this password.")
    return 0


def _asked_password(name: str) -> str:
    """Return a password from the terminal, asked for twice, or else the first line of standard input."""
    if sys.stdin.isatty():
        password = getpass.getpass(f"New password for {name}: ")
        if password != getpass.getpass("Again: "):
            raise UsageError("These are two different passwords.", "Nothing was changed. Run the command again.")
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    if is_weak(password) or len(password) > MOST_LENGTH:
        raise UsageError(
            "This password is too weak.", f"Use {LEAST_LENGTH} to {MOST_LENGTH} characters, at least 4 different ones."
        )
    return password


def _guest_end(args: Namespace, role: Role, before_ms: int | None) -> int | None:
    """Return when the access of a guest ends. Raises UsageError: a guest without an end, or an end without a guest."""
    if role is not Role.GUEST:
        if args.lasts:
            raise UsageError("--for: only guests have an end.", "Use `--role guest`.")
        return None
    ends_ms = _end_ms(args.lasts) if args.lasts else before_ms
    if ends_ms is None:
        raise UsageError("A guest needs an end.", 'Say how long, for example `--for "3 days"`.')
    return ends_ms


def _role_words(person: Account) -> str:
    return f"guest until {time_text(person.ends_ms)}" if person.ends_ms is not None else person.role.value


def _data(person: Account) -> dict[str, object]:
    cameras = None if person.cameras is None else sorted(person.cameras)
    return {"name": person.name, "role": person.role.value, "cameras": cameras, "ends": _end_text(person.ends_ms)}


def _end_text(ends_ms: int | None) -> str | None:
    return None if ends_ms is None else utc_text(min(ends_ms, options.LAST_MS))


# `tawny tokens`: access tokens for apps, displays and another tawny; `list`, `create`, `revoke`.


MOST_QUOTA_BYTES = 2**63 - 1
_ONLY_ADDS: Final = "It can neither read, replace nor delete what it uploaded."
_THIEF: Final = (
    "It can also read, replace and delete what it uploaded, and so could a thief of that recorder; to prevent that, "
    'create it with `--keep "30 days"`.'
)


def describe_tokens(parser: ArgumentParser) -> None:
    options.data(parser)
    parser.add_argument("do", choices=["list", "create", "revoke"], help="action")
    parser.add_argument("name", nargs="?", help="create: name of the token; revoke: its ID")
    parser.add_argument("--cameras", metavar="A,B", help="cameras it may show (default: all)")
    parser.add_argument(
        "--upload-quota",
        metavar="SIZE",
        help='for another tawny: it may upload up to this much, for example "50 GB", and sees no camera here',
    )
    parser.add_argument(
        "--keep",
        metavar="TIME",
        help="with --upload-quota: it may only add files; if they fill the quota, those older than, for example, "
        '"30 days" are deleted (default: it may also read, replace and delete its files)',
    )
    parser.add_argument(
        "--for", dest="lasts", metavar="TIME", help='expires after, for example "7 days" (default: never)'
    )


def run_tokens(args: Namespace, out: Output) -> int:
    links, accounts, passes = open_accounts(args)
    try:
        if args.do == "list":
            return _list_tokens(passes, out)
        if not args.name:
            raise UsageError(f"`tawny tokens {args.do}` requires a name.")
        if args.do == "revoke":
            if not passes.take_back(args.name):
                raise NotDone(f"No access token {args.name}.", "See `tawny tokens list`.")
            accounts.note("access token revoked", "", THIS_COMPUTER, args.name)
            out.data({"taken_back": args.name}, f"Revoked {args.name}.")
            return 0
        done = _create(args, passes, out, links)
        sees = "uploads" if args.upload_quota else seen_words(camera_list(args.cameras))
        accounts.note("access token created", "", THIS_COMPUTER, f"{args.name}: {sees}")
        return done
    finally:
        accounts.close()


def _list_tokens(passes: Passes, out: Output) -> int:
    made = passes.all()
    rows = [(one.id, one.name, _may(one), time_text(one.ends_ms) if one.is_granted else "stopped") for one in made]
    out.data(
        {"passes": [_token_data(one) for one in made]},
        out.table(("ID", "NAME", "MAY", "ENDS"), rows, empty="No access tokens."),
    )
    return 0


def _create(args: Namespace, passes: Passes, out: Output, links: AccountStores) -> int:
    check_name(args.name)
    if args.keep is not None and not args.upload_quota:
        raise UsageError("--keep: only with --upload-quota.")
    if args.upload_quota:
        return _create_for_uploads(args, passes, out, links)
    cameras = camera_list(args.cameras)
    links.check(cameras)
    made, secret = passes.make(args.name, cameras, _end_ms(args.lasts))
    camera = sorted(made.cameras)[0] if made.cameras else "CAMERA"
    by_http = f"{links.base}/api/v1/cameras/{camera}/mjpeg?pass={secret}"
    by_rtsp = f"rtsp://{made.id}:{secret}@{reachable_place(links.rtsp)}/{camera}" if links.rtsp else ""
    words = [
        f"{made.name} can see {seen_words(made.cameras)} live. The secret is shown only once: {secret}",
        f"Motion JPEG: {by_http}",
        f"RTSP: {by_rtsp}" if by_rtsp else 'RTSP is off. To turn it on, set `rtsp = "0.0.0.0:8554"` under [web].',
        f"To revoke it: `tawny tokens revoke {made.id}`",
    ]
    out.data(_token_data(made) | {"secret": secret, "mjpeg": by_http, "rtsp": by_rtsp or None}, "\n".join(words))
    return 0


def _create_for_uploads(args: Namespace, passes: Passes, out: Output, links: AccountStores) -> int:
    if args.cameras:
        raise UsageError("--upload-quota: a token can either upload or view. Leave out --cameras.")
    most_bytes = _quota_bytes(args.upload_quota)
    check_name(args.name)
    keeps_ms = None if args.keep is None else _span_ms("--keep", args.keep)
    if keeps_ms is not None and keeps_ms < LEAST_KEPT_MS:
        raise UsageError("--keep: at least an hour.", 'Use a longer time, for example "30 days".')
    made, secret = passes.make(args.name, (), _end_ms(args.lasts), most_bytes, keeps_ms=keeps_ms)
    scheme, _, host = links.base.partition("://")
    url = f"{'tawny' if scheme == 'https' else 'tawny+http'}://:{secret}@{host}/"
    words = [
        f"{made.name} can upload up to {size_text(most_bytes)}. {_THIEF if keeps_ms is None else _ONLY_ADDS} "
        f"The secret is shown only once: {secret}",
        "Add this to the settings of the other tawny (use tawny:// and its host name if this one is behind TLS):",
        f'[destinations.{made.id.rpartition("-")[0]}]\nurl = "{url}"'
        + ("" if keeps_ms is None else "\nwrite_only = true"),
        f"To revoke it: `tawny tokens revoke {made.id}`",
    ]
    if scheme == "https":
        words.insert(3, f"If https is `at home only` here, also add the `fingerprint` that {links.base}/ca shows.")
    free_bytes = links.headroom.free_bytes()
    if free_bytes < most_bytes:
        words.append(
            f"This disk has {size_text(free_bytes)} for uploads now; recordings use the rest. To limit them, set "
            "`max_size` under [storage.retention]."
        )
    out.data(_token_data(made) | {"secret": secret, "url": url, "free_bytes": free_bytes}, "\n".join(words))
    return 0


def _quota_bytes(text: str) -> int:
    """Parse an upload quota. Raises UsageError: also when it is larger than the accounts can store."""
    try:
        most_bytes = size(text)
    except ValueError as error:
        raise UsageError(f"--upload-quota: {text!r} is invalid; use {error}.") from error
    if most_bytes > MOST_QUOTA_BYTES:
        raise UsageError(f"--upload-quota: {text!r} is too large.", 'Use a smaller size, for example "50 GB".')
    return most_bytes


def _may(made: Pass) -> str:
    if made.brings is None:
        return f"see {seen_words(made.cameras)}"
    return f"upload {size_text(made.brings)}{'' if made.keeps_ms is None else ', only add files'}"


def _end_ms(text: str | None) -> int | None:
    """Return when what is given for this long ends, ms UTC. Raises UsageError: also for an end after LATEST_MS."""
    return SystemClock().now_ms() + _span_ms("--for", text) if text else None


def _span_ms(option: str, text: str) -> int:
    """Return a time that ends before LATEST_MS if it begins now, ms. Raises UsageError."""
    try:
        span_ms = seconds(text) * 1000
    except ValueError as error:
        raise UsageError(f"{option}: {text!r} is invalid; use {error}.") from error
    if SystemClock().now_ms() + span_ms > LATEST_MS:
        raise UsageError(f"{option}: {text!r} is too long.", 'Use a shorter time, for example "7 days".')
    return round(span_ms)


def _token_data(made: Pass) -> dict[str, object]:
    return {
        "id": made.id,
        "name": made.name,
        "cameras": None if made.cameras is None else sorted(made.cameras),
        "ends": _end_text(made.ends_ms),
        "brings_bytes": made.brings,
        "keeps_ms": made.keeps_ms,
    }

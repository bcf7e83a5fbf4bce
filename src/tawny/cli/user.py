"""`tawny user`: manage users: `list`, `add`, `change`, `link` and `remove`. A link signs one person in."""

from argparse import ArgumentParser, Namespace

from tawny.api.auth.accounts import Account, Accounts, Role, TokenPurpose
from tawny.cli import options
from tawny.cli.output import Output
from tawny.cli.people import AccountStores, camera_list, check_name, open_accounts, seen_words
from tawny.model.errors import NotDone, UsageError

LINK_DAYS = 7
ROLES = (
    "owner: everything; member: review and keep events, change modes, talk and move cameras; viewer: watch "
    "(default: viewer)"
)


def describe(parser: ArgumentParser) -> None:
    options.data(parser)
    parser.add_argument("do", choices=["list", "add", "change", "link", "remove"], help="action")
    parser.add_argument("name", nargs="?", help="who")
    parser.add_argument("--role", choices=["owner", "member", "viewer"], help=ROLES)
    parser.add_argument("--cameras", metavar="A,B", help="cameras a member or viewer can see; `all` for every camera")


def run(args: Namespace, out: Output) -> int:
    links, accounts, _ = open_accounts(args)
    try:
        if args.do == "list":
            return _list(accounts, out)
        if not args.name:
            raise UsageError(f"`tawny user {args.do}` requires a name.")
        found = accounts.find(args.name)
        if args.do == "add":
            return _add(args, accounts, out, links, is_there=found is not None)
        if found is None:
            raise NotDone(f"No user named {args.name}.", "See `tawny user list`.")
        return _change(args, accounts, found[0], out, links)
    finally:
        accounts.close()


def _list(accounts: Accounts, out: Output) -> int:
    people = accounts.people()
    rows = [(one.name, one.role.value, seen_words(one.cameras)) for one in people]
    table = out.table(
        ("NAME", "ROLE", "SEES"), rows, empty="No users yet. `tawny setup-link` creates the owner's setup link."
    )
    out.data({"people": [_data(one) for one in people]}, table)
    return 0


def _add(args: Namespace, accounts: Accounts, out: Output, links: AccountStores, *, is_there: bool) -> int:
    if is_there:
        raise NotDone(f"A user named {args.name} already exists.", "To change it, use `tawny user change`.")
    role = Role(args.role or "viewer")
    check_name(args.name)
    links.warn(camera_list(args.cameras), out)
    person = accounts.change_person(accounts.put_person(args.name, role), role, camera_list(args.cameras))
    return _link(accounts, person, out, links)


def _change(args: Namespace, accounts: Accounts, person: Account, out: Output, links: AccountStores) -> int:
    owners = [one for one in accounts.people() if one.role is Role.OWNER]
    if owners == [person] and (args.do == "remove" or args.role in ("member", "viewer")):
        raise NotDone(f"{person.name} is the only owner.", "Make someone else an owner first.")
    if args.do == "link":
        return _link(accounts, person, out, links)
    if args.do == "remove":
        accounts.remove_person(person)
        out.data({"removed": person.name}, f"Removed {person.name} and signed them out on all devices.")
        return 0
    cameras = person.cameras if args.cameras is None else camera_list(args.cameras)
    links.warn(None if args.cameras is None else cameras, out)
    person = accounts.change_person(person, Role(args.role) if args.role else person.role, cameras)
    out.data(_data(person), f"{person.name} is now {person.role.value} and can see {seen_words(person.cameras)}.")
    return 0


def _link(accounts: Accounts, person: Account, out: Output, links: AccountStores) -> int:
    token = accounts.new_token(TokenPurpose.LINK, person, lasts_ms=LINK_DAYS * 86_400_000)
    link = f"{links.base}/sign-in#link={token}"
    words = f"{person.name} is now {person.role.value} and can see {seen_words(person.cameras)}."
    out.data(
        _data(person) | {"link": link}, f"{words}\nOpen {link}\nThe link works once and expires in {LINK_DAYS} days."
    )
    return 0


def _data(person: Account) -> dict[str, object]:
    cameras = None if person.cameras is None else sorted(person.cameras)
    return {"name": person.name, "role": person.role.value, "cameras": cameras}

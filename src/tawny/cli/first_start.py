"""The first start: settings for a recorder that people set up in the browser, and the one-time link (`setup-link`)."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from tawny.api.auth.accounts import TOKEN_MS, Accounts, Caller, TokenPurpose
from tawny.api.auth.accounts_file import AccountsFile
from tawny.api.client_address import is_loopback_host
from tawny.app.own_addresses import link_text, recorder_urls
from tawny.cli import options
from tawny.cli.control_client import ask_once
from tawny.cli.output import Output
from tawny.cli.paths import SETTINGS, default_folder, existing_data
from tawny.config.changes import template
from tawny.config.file_writing import write_new
from tawny.config.settings import Settings, listen_address
from tawny.engine.acceptor import free_address
from tawny.model.errors import FolderUnwritable, NotDone
from tawny.model.times import SystemClock

THIS_COMPUTER: Final = Caller("this computer")
"""Who changes something from the terminal, in the audit log."""
_BLOCKS: Final = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}
_BLACK_ON_WHITE: Final = "\x1b[38;5;16;48;5;231m"
_PLAIN: Final = "\x1b[0m"


def note_here(folder: Path, action: str, detail: str = "") -> None:
    """Add what was done from the terminal to the audit log. Raises StorageError."""
    accounts = Accounts(AccountsFile(folder / "accounts.db"), SystemClock())
    try:
        accounts.note(action, "", THIS_COMPUTER, detail)
    finally:
        accounts.close()


def first_settings(args: Namespace) -> Path:
    """Create settings that let other devices open the setup page; return their file. They stay as they are.

    Raises FolderUnwritable, PortInUse, NotDone.
    """
    folder = Path(args.data).absolute() if args.data else default_folder()
    try:
        for missing in reversed([one for one in (folder, *folder.parents) if not one.exists()]):
            missing.mkdir(mode=0o700)
    except OSError as error:
        raise FolderUnwritable(str(folder), error.strerror or "") from None
    path = folder / SETTINGS
    write_new(path, template(args.listen or free_address(), str(folder) if args.data else ""))
    return path


# `tawny setup-link`: create a one-time link that creates the owner account or resets an owner's password.


def describe_setup_link(parser: ArgumentParser) -> None:
    options.data(parser)


def run_setup_link(args: Namespace, out: Output) -> int:
    chosen, folder = existing_data(args)
    accounts = Accounts(AccountsFile(folder / "accounts.db"), SystemClock())
    try:
        token = accounts.new_token(TokenPurpose.CLAIM)
        accounts.note("setup link created", "", THIS_COMPUTER)
    finally:
        accounts.close()
    minutes = TOKEN_MS // 60_000
    links = [f"{base}/setup#token={token}" for base in interface_urls(chosen, folder)]
    text = f"{link_text(links)}\n\nThe link works once and expires in {minutes} minutes. Setup code: {token}"
    data = {"link": links[0], "links": links, "token": token, "lasts_s": minutes * 60}
    out.data(data, with_qr(text, links[0], out))
    return 0


def interface_urls(chosen: Settings, folder: Path) -> list[str]:
    """Return the URLs of the web interface, best first: `web.public_url`, then those of a running recorder, or those of
    the configured address.
    """
    public = [chosen.web.public_url.rstrip("/")] if chosen.web.public_url else []
    try:
        found = ask_once(folder, {"command": "where"})
        others = [str(one) for one in found.get("addresses") or [found["address"]]]
    except NotDone:
        secure = [chosen.web.link_url] if chosen.web.link_url else []
        others = [*secure, *recorder_urls(*listen_address(chosen.web.listen))]
    return list(dict.fromkeys([*public, *others]))


def welcome(out: Output, data: dict[str, Any], text: str) -> None:
    """Print what a recorder says when it has started, with the QR code of its setup link.

    A hub's link to join goes to a terminal only: a log or a program's pipe keeps it where others can use it.
    """
    link, join = data.get("link"), data.get("join")
    if join and out.is_terminal:
        text += f"\nThis one works for 10 minutes. On the recorder that is to join, run:\n\n    tawny fleet join {join}"
    shown = {name: value for name, value in data.items() if name != "join"}
    out.data(shown, with_qr(text, str(link), out) if link else text)


def with_qr(text: str, link: str, out: Output) -> str:
    """Return the text, on a terminal with the link as a QR code; none for a link that only this computer can open."""
    is_elsewhere = not is_loopback_host(urlsplit(link).netloc)
    return f"{text}\n\n{qr_text(link)}" if out.is_terminal and is_elsewhere else text


def qr_text(link: str) -> str:
    """Return a QR code in half blocks, two rows in each line, black on white whatever the terminal's colors are."""
    import segno  # only a terminal needs it

    rows = [list(map(bool, row)) for row in segno.make(link, error="l", micro=False).matrix_iter(border=2)]
    rows += [[False] * len(rows[0])] * (len(rows) % 2)
    lines = (
        "".join(_BLOCKS[above, below] for above, below in zip(upper, lower, strict=True))
        for upper, lower in zip(rows[::2], rows[1::2], strict=True)
    )
    return "\n".join(f"{_BLACK_ON_WHITE}{line}{_PLAIN}" for line in lines)

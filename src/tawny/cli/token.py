"""`tawny token`: a one-time link with which an owner's account is made, or an owner gets a new password."""

from argparse import ArgumentParser, Namespace

from tawny.cli import options
from tawny.cli.output import Output
from tawny.cli.people import interface
from tawny.cli.places import existing_data
from tawny.model.clock import SystemClock
from tawny.web.accounts import TOKEN_MS, Accounts, Purpose
from tawny.web.accounts_file import AccountsFile


def describe(parser: ArgumentParser) -> None:
    options.data(parser)


def run(args: Namespace, out: Output) -> int:
    chosen, folder = existing_data(args)
    accounts = Accounts(AccountsFile(folder / "accounts.db"), SystemClock())
    try:
        token = accounts.new_token(Purpose.CLAIM)
    finally:
        accounts.close()
    minutes = TOKEN_MS // 60_000
    link = f"{interface(chosen, folder)}/setup#token={token}"
    out.data(
        {"link": link, "token": token, "lasts_s": minutes * 60},
        f"Open {link}\nThe link works once and expires in {minutes} minutes. Setup code: {token}",
    )
    return 0

"""`tawny setup-link`: create a one-time link that creates the owner account or resets an owner's password."""

from argparse import ArgumentParser, Namespace

from tawny.api.auth.accounts import TOKEN_MS, Accounts, TokenPurpose
from tawny.api.auth.accounts_file import AccountsFile
from tawny.cli import options
from tawny.cli.output import Output
from tawny.cli.paths import existing_data
from tawny.cli.people import interface
from tawny.model.clock import SystemClock


def describe(parser: ArgumentParser) -> None:
    options.data(parser)


def run(args: Namespace, out: Output) -> int:
    chosen, folder = existing_data(args)
    accounts = Accounts(AccountsFile(folder / "accounts.db"), SystemClock())
    try:
        token = accounts.new_token(TokenPurpose.CLAIM)
    finally:
        accounts.close()
    minutes = TOKEN_MS // 60_000
    link = f"{interface(chosen, folder)}/setup#token={token}"
    out.data(
        {"link": link, "token": token, "lasts_s": minutes * 60},
        f"Open {link}\nThe link works once and expires in {minutes} minutes. Setup code: {token}",
    )
    return 0

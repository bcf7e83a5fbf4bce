"""`tawny encryption`: `setup` creates keys and the recovery sheet, `test-sheet` verifies the sheet.

The other actions are in `cli.encryption_keys`.
"""

import socket
from argparse import ArgumentParser, Namespace
from collections.abc import Callable

from tawny.cli import encryption_keys, options
from tawny.cli.keys import typed
from tawny.cli.new_keys import ask_for_words, show_sheet, write_locked
from tawny.cli.output import Output
from tawny.cli.paths import data_folder, load_settings
from tawny.config.changes.toml_edit import put_table
from tawny.model.clock import SystemClock
from tawny.model.errors import NotDone, UsageError
from tawny.model.times import utc_text
from tawny.sealed.key_wrapping import Identity
from tawny.sealed.mnemonics import identity_from_words, new_passphrase
from tawny.service.sealing.private_memory import swaps_in_the_clear
from tawny.service.sealing.recovery_sheet import BEFORE, RecoverySheet
from tawny.service.sealing.unlock_methods import KEYS, UnlockMethodStore


def describe(parser: ArgumentParser) -> None:
    options.data(parser)
    words = "create keys and the sheet; test the sheet by typing its words; " + encryption_keys.HELP
    parser.add_argument("do", choices=["setup", "test-sheet", *encryption_keys.ACTIONS], help=words)
    encryption_keys.describe(parser)
    parser.add_argument("--all", action="store_true", help="setup: encrypt all cameras from now on")
    parser.add_argument(
        "--html", metavar="FILE", help="setup, rotate: save the sheet as a page to print; delete the file afterward"
    )


def run(args: Namespace, out: Output) -> int:
    if args.do == "test-sheet":
        return _test_sheet(args, out, typed)
    if args.do in encryption_keys.ACTIONS:
        return encryption_keys.run(args, out, typed)
    return _set_up(args, out, typed)


def _set_up(args: Namespace, out: Output, ask: Callable[[str], str]) -> int:
    if out.as_json:
        raise UsageError("`tawny encryption setup` shows keys on screen and asks for words.", "Run it without --json.")
    chosen, file = load_settings(args)
    if file is None:
        raise NotDone("There is no settings file to store the public keys in.", "Create one with `tawny init`.")
    if chosen.encryption.all:
        raise NotDone(
            f"{file} already has keys under [encryption]. Recordings encrypted with them still need them.",
            "Nothing was changed. To start over, remove [encryption] from the file, and keep the old keys.",
        )
    out.say(BEFORE + "\n")
    for swap in swaps_in_the_clear():
        out.say(
            f"Warning: swap on {swap} isn't encrypted, so recent keys could end up on disk. Encrypt the swap space "
            "or turn it off\n(`swapoff`), and don't let this computer hibernate.\n")  # fmt: skip
    owner, recovery, passphrase = Identity.new(), Identity.new(), new_passphrase()
    sheet = RecoverySheet(recovery, socket.gethostname(), "", utc_text(SystemClock().now_ms()))
    show_sheet(sheet, args.html, out)
    out.say(f"\nYour passphrase for everyday use: {passphrase}\nIt is shown only once. Write it down too.\n")
    ask_for_words(sheet, out, ask)
    path = data_folder(args, chosen) / KEYS / "owner.age"
    write_locked(path, owner, passphrase)
    UnlockMethodStore(path.parents[1]).sheet_shown(SystemClock().now_ms())
    put_table(file, "encryption", {"recipients": [owner.recipient], "recovery": recovery.recipient})
    if args.all:
        put_table(file, "storage", {"encrypt": True})
    words = (
        "All cameras are encrypted from now on."
        if args.all
        else "To turn on encryption, set `encrypt = true` for a camera or under [storage]."
    )
    out.data(None, f"Saved the public keys to {file}, and your key (protected by the passphrase) to {path}.\n{words}")
    return 0


def _test_sheet(args: Namespace, out: Output, ask: Callable[[str], str]) -> int:
    chosen, _ = load_settings(args)
    if chosen.encryption.recovery is None:
        raise NotDone("There is no recovery sheet yet.", "Create one with `tawny encryption setup`.")
    try:
        identity = identity_from_words(ask("Recovery sheet, 24 words: "))
    except ValueError as error:
        raise UsageError(f"These words aren't a valid key: {error}.") from None
    fits = identity.recipient == chosen.encryption.recovery
    said = (
        "Correct. This sheet opens your encrypted recordings."
        if fits
        else "Wrong sheet. It doesn't open these recordings."
    )
    out.data({"fits": fits}, said)
    return 0 if fits else 1

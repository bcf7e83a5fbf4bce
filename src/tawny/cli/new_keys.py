"""Create keys: show them to the user, verify that they were written down, store them with owner-only permissions."""

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tawny.cli.output import Output
from tawny.model.errors import NotDone
from tawny.sealed.age_file import lock_with_passphrase
from tawny.sealed.broken import NotEnoughMemory
from tawny.sealed.key_wrapping import Identity
from tawny.service.sealing.recovery_sheet import RecoverySheet
from tawny.service.sealing.unlock_methods import write_secret_file

ASKED_WORDS: Final = 3
TRIES: Final = 3


def show_sheet(sheet: RecoverySheet, html: str | None, out: Output) -> None:
    """Print the sheet, or save it as an HTML page for printing."""
    if html:
        write_secret_file(Path(html), sheet.html().encode())
        out.say(f"Saved the recovery sheet to {html}. Print it, then delete the file.")
    else:
        out.say(sheet.text())


def write_locked(path: Path, owner: Identity, passphrase: str) -> None:
    """Store the key, protected by the passphrase. Raises NotDone: when it exists, or memory is not sufficient."""
    try:
        locked = lock_with_passphrase(owner.text.encode(), passphrase)
    except NotEnoughMemory as error:
        raise NotDone(f"Can't protect the key: {error}.", "Close other programs and try again.") from None
    write_secret_file(path, locked)


def ask_for_words(sheet: RecoverySheet, out: Output, ask: Callable[[str], str]) -> None:
    """Ask for three words of the sheet. Raises NotDone: after TRIES wrong words; nothing has been changed then."""
    wrong = 0
    for number in sorted(secrets.SystemRandom().sample(range(24), ASKED_WORDS)):
        while ask(f"Word {number + 1} on the sheet: ").strip().lower() != sheet.words[number]:
            wrong += 1
            if wrong >= TRIES:
                raise NotDone("Those words don't match the sheet, so encryption was not set up.", "Start again.")
            out.say(f"That isn't word {number + 1}. Check the sheet.")

"""Read private keys from files, passphrase-protected files and recovery words."""

import getpass
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from tawny.model.errors import NotDone, UsageError
from tawny.sealed.age_file import open_with_passphrase
from tawny.sealed.broken import NotEnoughMemory, SealedFileBroken, WorkFactorRefused, WrongPassphrase
from tawny.sealed.key_wrapping import Identity
from tawny.sealed.mnemonics import identity_from_words

_TODO: Final = {
    WorkFactorRefused: "Use a key file that tawny or `age` made, or the recovery sheet with --words.",
    NotEnoughMemory: "Close other programs, or open it on a computer with more memory.",
}


class Keys:
    """A `sealed.key_wrapping.KeyUnwrapper` of several identities; the first that fits is used."""

    def __init__(self, identities: Sequence[Identity]) -> None:
        self._identities = identities

    def unwrapped(self, wrapped: bytes) -> bytes | None:
        return next((key for one in self._identities if (key := one.unwrapped(wrapped)) is not None), None)


def describe(parser: ArgumentParser) -> None:
    """Add `--key` and `--words`, for commands that may need to decrypt recordings."""
    ways = parser.add_mutually_exclusive_group()
    add_key(ways, "your key, for encrypted recordings")
    ways.add_argument("--words", action="store_true", help="enter the 24 words of the recovery sheet instead")


def add_key(to: Any, what: str) -> None:
    """Add `--key` to a parser, or a group of its options. what: its help."""
    to.add_argument("--key", metavar="FILE", action="append", help=f"{what}; several times for several keys")


def named(args: Namespace) -> list[Identity]:
    """Return the identities given on the command line; empty if none were given."""
    return [from_words()] if args.words else [one for path in args.key or () for one in from_file(Path(path))]


def other_key(path: str) -> NotDone:
    """Return the error for a file that none of the identities opens."""
    todo = "Give `--key FILE` for each of your keys, or enter the words of the recovery sheet with `--words`."
    return NotDone(f"{path} was encrypted for another key.", todo)


def typed(question: str) -> str:
    """Read one line without echo from a terminal, or plainly from standard input."""
    if sys.stdin.isatty():
        return getpass.getpass(question)
    return sys.stdin.readline().rstrip("\n")


def from_words(ask: Callable[[str], str] = typed) -> Identity:
    """Return the identity of the recovery sheet's words. Raises UsageError: when they are no key."""
    try:
        return identity_from_words(ask("Recovery sheet, 24 words: "))
    except ValueError as error:
        raise UsageError(f"These words aren't a valid key: {error}.") from None


def from_file(path: Path) -> list[Identity]:
    """Return the identities in a key file.

    Raises NotDone: when it cannot be read or opened, the passphrase is wrong, or it contains no private key.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise NotDone(f"Can't read the key file {path}: {error.strerror}.") from None
    if data.startswith(b"age-encryption.org/"):
        try:
            data = _opened(data, typed(f"Passphrase for {path}: "))
        except WrongPassphrase:
            raise NotDone(f"Wrong passphrase for {path}.", "Check each word, and try again.") from None
        except SealedFileBroken as error:
            todo = _TODO.get(type(error), "Use another copy of this file, or the recovery sheet with --words.")
            raise NotDone(f"Can't open {path}: {error}.", todo) from None
    lines = data.decode(errors="replace").split()
    try:
        found = [Identity.read(line) for line in lines if line.upper().startswith("AGE-SECRET-KEY-1")]
    except ValueError as error:
        raise NotDone(f"{path} has {error}.") from None
    if not found:
        raise NotDone(f"{path} contains no private key.", "It must contain a line starting with AGE-SECRET-KEY-1.")
    return found


def with_hyphens(passphrase: str) -> str:
    """Return a passphrase as generated ones are written."""
    return "-".join(passphrase.lower().replace("-", " ").split())


def _opened(data: bytes, passphrase: str) -> bytes:
    """Open a key file; the words of a generated passphrase may be typed with spaces instead of hyphens."""
    try:
        return open_with_passphrase(data, passphrase)
    except WrongPassphrase:
        words = with_hyphens(passphrase)
        if words == passphrase:
            raise
        return open_with_passphrase(data, words)

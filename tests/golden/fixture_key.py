"""The keys of the fixtures in `formats/`. They protect nothing: whoever reads this file can compute them.

The sealed fixture is sealed to an identity that is derived from a public text, so that no key stands in the repository.
"""

from hashlib import sha256
from pathlib import Path
from shutil import copytree
from typing import Final

from tawny.sealed.key_wrapping import Identity
from tawny.sealed.mnemonics import identity_from_words, key_to_words

PASSPHRASE: Final = "fixture_key-protects-nothing"
"""Locks `keys/owner.age` of the sealed fixture."""
PASSWORD: Final = "fixture_key protects nothing"
"""Of the owner's account in `accounts.db`."""


KEY_FILES: Final = {
    "fixture_key.state": "history/signed/state.json",
    "fixture_key.names": "history/signed/names.key",
    "fixture_key.owner": "keys/owner.age",
}
"""The files with keys of a recorder that ran once to make the fixture: their names there, and in its folder."""


def fixture_words(whose: str) -> str:
    """Return the 24 words of a fixture's identity, as on a recovery sheet. whose: `owner` or `recovery`."""
    return " ".join(key_to_words(sha256(f"tawny fixture_key, protects nothing: {whose}".encode()).digest()))


def fixture_identity(whose: str) -> Identity:
    """Return the same as a private key."""
    return identity_from_words(fixture_words(whose))


def hide_keys(folder: Path) -> None:
    """Give the files with keys the names under which they stand in the repository."""
    for stored, path in KEY_FILES.items():
        if (folder / path).exists():
            (folder / path).rename(folder / stored)


def copy_fixture(fixture: Path, target: Path) -> Path:
    """Copy a recorder's folder, with every file at its place; return the copy."""
    copytree(fixture, target)
    for stored, path in KEY_FILES.items():
        if (target / stored).exists():
            (target / path).parent.mkdir(exist_ok=True)
            (target / stored).rename(target / path)
            (target / path).chmod(0o600)
    return target

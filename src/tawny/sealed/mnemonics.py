"""Keys as words for writing down and typing: 24 for an identity, 7 for a generated passphrase.

The 2,048 English words of BIP-39, which differ in their first four letters. Not a wallet: the words are the key itself,
with 8 bits of checksum.
"""

import secrets
from typing import Final

from mnemonic import Mnemonic

from tawny.sealed.bech32 import decoded, encoded
from tawny.sealed.key_wrapping import Identity

_LIST: Final = Mnemonic("english")
_BY_LETTERS: Final = {word[:4]: word for word in _LIST.wordlist}
_IDENTITY: Final = "age-secret-key-"
PASSPHRASE_WORDS: Final = 7
"""77 bits: an attacker with the wrapped key can try without limit."""


def key_to_words(secret: bytes) -> list[str]:
    """Return the words of a key. secret: 32 bytes."""
    return str(_LIST.to_mnemonic(secret)).split()


def key_from_words(text: str) -> bytes:
    """Parse words in any case, by their first four letters. Raises ValueError that names the first invalid word."""
    words = []
    for place, typed in enumerate(text.lower().split(), 1):
        word = _BY_LETTERS.get(typed[:4])
        if word is None or not (word.startswith(typed) or typed.startswith(word)):
            raise ValueError(f"word {place}, {typed!r}, isn't in the word list")
        words.append(word)
    if len(words) != 24:
        raise ValueError(f"there are {len(words)} words instead of 24")
    try:
        return bytes(_LIST.to_entropy(words))
    except ValueError:
        raise ValueError("all words are in the list, but at least one of them is wrong") from None


def identity_words(one: Identity) -> list[str]:
    return key_to_words(decoded(_IDENTITY, one.text.lower()))


def identity_from_words(text: str) -> Identity:
    """Parse an identity. Raises ValueError like `key_from_words`."""
    return Identity.read(encoded(_IDENTITY, key_from_words(text)).upper())


def new_passphrase() -> str:
    """Return seven words joined by hyphens."""
    return "-".join(secrets.choice(_LIST.wordlist) for _ in range(PASSPHRASE_WORDS))

"""Keys as words for writing down and typing: 24 for an identity, 7 for a generated passphrase.

The 2,048 English words of BIP-39, which differ in their first four letters. Not a wallet: the words are the key itself,
with 8 bits of checksum.
"""

import secrets
from functools import cache
from typing import TYPE_CHECKING, Final

from tawny.sealed.key_wrapping import Identity

if TYPE_CHECKING:
    from mnemonic import Mnemonic

# Bech32 (BIP-173), the encoding of age keys: a prefix, `1`, five bits per letter, six checksum letters.

_LETTERS: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATOR: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECK_LETTERS: Final = 6


def encoded(name: str, data: bytes) -> str:
    """Encode data in lower case."""
    values = _regrouped(list(data), 8, 5, pads=True)
    check = _checksum([*_expanded(name), *values, *[0] * _CHECK_LETTERS]) ^ 1
    values += [check >> 5 * (_CHECK_LETTERS - 1 - place) & 31 for place in range(_CHECK_LETTERS)]
    return f"{name}1{''.join(_LETTERS[value] for value in values)}"


def decoded(name: str, text: str) -> bytes:
    """Decode text in lower case. Raises ValueError for another prefix or a typing error."""
    found, _, letters = text.rpartition("1")
    if found != name or any(letter not in _LETTERS for letter in letters):
        raise ValueError(f"this is no {name}1…")
    values = [_LETTERS.index(letter) for letter in letters]
    if _checksum([*_expanded(name), *values]) != 1:
        raise ValueError("a letter is wrong")
    return bytes(_regrouped(values[:-_CHECK_LETTERS], 5, 8, pads=False))


def _expanded(name: str) -> list[int]:
    codes = name.encode()
    return [*(code >> 5 for code in codes), 0, *(code & 31 for code in codes)]


def _checksum(values: list[int]) -> int:
    found = 1
    for value in values:
        top, found = found >> 25, (found & 0x1FFFFFF) << 5 ^ value
        for bit, factor in enumerate(_GENERATOR):
            found ^= factor if top >> bit & 1 else 0
    return found


def _regrouped(values: list[int], size: int, to: int, *, pads: bool) -> list[int]:
    held = bits = 0
    found = []
    for value in values:
        held, bits = held << size | value, bits + size
        while bits >= to:
            bits -= to
            found.append(held >> bits & (1 << to) - 1)
    if pads and bits:
        found.append(held << to - bits & (1 << to) - 1)
    return found


_IDENTITY: Final = "age-secret-key-"
PASSPHRASE_WORDS: Final = 7
"""77 bits: an attacker with the wrapped key can try without limit."""


@cache
def english() -> "Mnemonic":
    """Return the 2,048 words, with their checksum."""
    from mnemonic import Mnemonic  # with its list, 0.35 MB: a recorder that runs needs none

    return Mnemonic("english")


@cache
def _by_letters() -> dict[str, str]:
    return {word[:4]: word for word in english().wordlist}


def key_to_words(secret: bytes) -> list[str]:
    """Return the words of a key. secret: 32 bytes."""
    return str(english().to_mnemonic(secret)).split()


def key_from_words(text: str) -> bytes:
    """Parse words in any case, by their first four letters. Raises ValueError that names the first invalid word."""
    words = []
    for place, typed in enumerate(text.lower().split(), 1):
        word = _by_letters().get(typed[:4])
        if word is None or not (word.startswith(typed) or typed.startswith(word)):
            raise ValueError(f"word {place}, {typed!r}, isn't in the word list")
        words.append(word)
    if len(words) != 24:
        raise ValueError(f"there are {len(words)} words instead of 24")
    try:
        return bytes(english().to_entropy(words))
    except ValueError:
        raise ValueError("all words are in the list, but at least one of them is wrong") from None


def identity_words(one: Identity) -> list[str]:
    return key_to_words(decoded(_IDENTITY, one.text.lower()))


def identity_from_words(text: str) -> Identity:
    """Parse an identity. Raises ValueError like `key_from_words`."""
    return Identity.read(encoded(_IDENTITY, key_from_words(text)).upper())


def new_passphrase() -> str:
    """Return seven words joined by hyphens."""
    return "-".join(secrets.choice(english().wordlist) for _ in range(PASSPHRASE_WORDS))

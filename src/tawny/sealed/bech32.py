"""Bech32 (BIP-173), the encoding of age keys: a prefix, `1`, five bits per letter, six checksum letters."""

from typing import Final

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

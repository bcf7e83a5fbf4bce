"""Plate texts: validation, formats and comparison. Pure."""

import re
from collections.abc import Callable, Iterable
from typing import Final

LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
DIGITS: Final = "0123456789"
SHORTEST, LONGEST = 4, 10
_NOT: Final = re.compile(r"[^A-Z0-9]+")
_ALIKE: Final = str.maketrans("OQDIZSGTB", "000125678")
"""Letters that readers and people confuse with a digit."""
_DIGIT_FOR: Final = {
    "O": "0", "Q": "0", "D": "0", "U": "0", "I": "1", "L": "1", "J": "1", "Z": "2", "S": "5", "E": "6", "G": "6",
    "T": "7", "Y": "7", "B": "8", "R": "8", "P": "9", "A": "4",
}  # fmt: skip
_LETTER_FOR: Final = {
    "0": "O", "1": "I", "2": "Z", "3": "J", "4": "A", "5": "S", "6": "G", "7": "T", "8": "B", "9": "P",
}  # fmt: skip


def plain_plate(text: str) -> str:
    """Return only the capital letters and digits: `B-AB 123` is BAB123."""
    return _NOT.sub("", text.upper())


def is_plate(text: str) -> bool:
    """Return whether plain text may be a plate: valid length, at least one digit."""
    return SHORTEST <= len(text) <= LONGEST and any(one.isdigit() for one in text)


def alike(one: str, other: str) -> bool:
    """Return whether two texts may be the same plate, ignoring confusions such as O and 0."""
    return plain_plate(one).translate(_ALIKE) == plain_plate(other).translate(_ALIKE) != ""


def fitted(text: str, forms: Iterable[str]) -> str:
    """Return plain text as a plate of one of these formats, with confused characters corrected; empty if none matches.

    forms: A for a letter, 9 for a digit; other characters are ignored.
    """
    best, fewest = "", len(text) + 1
    for form in forms:
        want = plain_plate(form)
        if len(want) != len(text):
            continue
        made = "".join(_as(one, kind) for one, kind in zip(text, want, strict=True))
        changed = sum(a != b for a, b in zip(made, text, strict=True))
        if "?" not in made and changed < fewest:
            best, fewest = made, changed
    return best


def corrected_plate(text: str, fit: str, again: Callable[[str], str]) -> str:
    """Return the fitted text with its changed characters read again. again: reads the plate with these letters only."""
    changed = [at for at, (a, b) in enumerate(zip(text, fit, strict=True)) if a != b]
    made = list(fit)
    for kind in (DIGITS, LETTERS):
        places = [at for at in changed if fit[at] in kind]
        anew = again(kind) if places else ""
        if len(anew) == len(text):
            for at in places:
                made[at] = anew[at]
    return "".join(made)


def _as(one: str, kind: str) -> str:
    """Return the character as this type; `?` if impossible."""
    if kind == "9":
        return one if one.isdigit() else _DIGIT_FOR.get(one, "?")
    return one if one.isalpha() else _LETTER_FOR.get(one, "?")

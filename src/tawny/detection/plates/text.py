"""What a plate's text may be, and when two are the same. Pure."""

import re
from collections.abc import Callable, Iterable
from typing import Final

LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
DIGITS: Final = "0123456789"
SHORTEST, LONGEST = 4, 10
_NOT: Final = re.compile(r"[^A-Z0-9]+")
_ALIKE: Final = str.maketrans("OQDIZSGTB", "000125678")
"""Letters that readers, and people, take for a digit."""
_DIGIT_FOR: Final = {
    "O": "0", "Q": "0", "D": "0", "U": "0", "I": "1", "L": "1", "J": "1", "Z": "2", "S": "5", "E": "6", "G": "6",
    "T": "7", "Y": "7", "B": "8", "R": "8", "P": "9", "A": "4",
}  # fmt: skip
_LETTER_FOR: Final = {
    "0": "O", "1": "I", "2": "Z", "3": "J", "4": "A", "5": "S", "6": "G", "7": "T", "8": "B", "9": "P",
}  # fmt: skip


def plain_plate(text: str) -> str:
    """Capital letters and digits alone: `B-AB 123` is BAB123."""
    return _NOT.sub("", text.upper())


def is_plate(text: str) -> bool:
    """Whether plain text may be a plate's: of its length, and with a digit."""
    return SHORTEST <= len(text) <= LONGEST and any(one.isdigit() for one in text)


def alike(one: str, other: str) -> bool:
    """Whether two texts may be of one plate, as far as such readers tell O from 0 and I from 1."""
    return plain_plate(one).translate(_ALIKE) == plain_plate(other).translate(_ALIKE) != ""


def fitted(text: str, forms: Iterable[str]) -> str:
    """Plain text as a plate of one of these forms, with what readers mix up put right; empty if it fits none.

    forms: A for a letter, 9 for a digit; all else is left out, as gaps and hyphens are.
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
    """What was fitted, with the letters that had to be others read anew. again: reads it with these letters alone."""
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
    """`?` where it cannot be meant."""
    if kind == "9":
        return one if one.isdigit() else _DIGIT_FOR.get(one, "?")
    return one if one.isalpha() else _LETTER_FOR.get(one, "?")

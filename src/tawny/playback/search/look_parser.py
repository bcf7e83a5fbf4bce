"""Parses what an object looked like: `red car`, `red or white jacket`, `small`. Pure.

Texts are lower case.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from tawny.detection.appearance import COLOURS, LOWER, UPPER, WHOLE

COLOUR_WORDS: Mapping[str, str] = {
    **{name: name for name in COLOURS},
    **dict.fromkeys(("gray", "silver"), "grey"), **dict.fromkeys(("cream", "tan"), "beige"), "maroon": "red",
    "olive": "green", **dict.fromkeys(("teal", "cyan"), "turquoise"), "navy": "blue",
    **dict.fromkeys(("violet", "lilac"), "purple"), "dark": "black",
}  # fmt: skip
SIZES: Mapping[str, str] = {
    **dict.fromkeys(("small", "tiny", "little"), "small"), **dict.fromkeys(("large", "big", "huge"), "large"),
}  # fmt: skip
CLOTHES: Mapping[str, str] = {
    **dict.fromkeys(
        ("shirt", "t-shirt", "tshirt", "top", "jacket", "coat", "hoodie", "jumper", "sweater", "pullover", "vest",
         "blouse"), UPPER,
    ),
    **dict.fromkeys(("trousers", "pants", "jeans", "skirt", "shorts", "leggings"), LOWER),
    **dict.fromkeys(("clothes", "clothing", "dress", "suit", "uniform"), WHOLE),
}  # fmt: skip
_COLOUR = re.compile(
    rf"(?<![\w-])(?:(?:dark|light|bright|pale)[ -])?({'|'.join(COLOUR_WORDS)})(?![\w-])"
    rf"(?:(?= (?:and|or) (?:{'|'.join(COLOUR_WORDS)})(?!\w))| ({'|'.join(CLOTHES)})(?![\w-]))?"
)
_BETWEEN_COLOURS = frozenset(("or", "/", "a", "an", "the", "one", "ones"))
"""Words between two colours of the same noun: `white or a red jacket`."""
_SIZE = re.compile(rf"(?<![\w-])(?:{'|'.join(SIZES)})(?![\w-])")


@dataclass(frozen=True, slots=True)
class ParsedLook:
    """colours: each with the part of a person that has it; one of each group must match. size: small, large or empty.

    ignored: sizes that only one of several objects has, which can't be searched. rest: the text without all of them.
    """

    rest: str
    colours: list[tuple[tuple[str, str], ...]]
    size: str
    ignored: tuple[str, ...] = ()


def parse_look(text: str, own: Collection[str], is_object: Callable[[str], bool]) -> ParsedLook:
    """own: whole names, which are no colours.

    `red or white car` is either of them, and so is `red white or blue car`, which had commas, also with more nouns.
    """
    groups, begin, is_list, part, is_bare = list[list[tuple[str, str]]](), len(text), False, WHOLE, False
    rest, of_one = text, list[str]()
    for one in reversed([one for one in _COLOUR.finditer(text) if one[1] not in own]):
        between, own_part = text[one.end() : begin].split(), CLOTHES.get(one[2] or "")
        before, is_or, after = _at_last_or(between)
        is_either = bool(groups) and is_or and not any(word == "and" or word in CLOTHES for word in after)
        goes_on = is_list and not is_or and own_part in (None, part) and all(is_object(word) for word in before)
        is_list = is_either or goes_on
        if not is_list:
            groups.append([])
            is_bare = own_part is None and between in ([], ["one"], ["ones"])
        elif own_part and is_bare and not any(is_object(word) for word in after):  # `red jacket or a blue one`
            groups[-1] = [(colour, own_part) for colour, _ in groups[-1]]
        is_next = is_list and _BETWEEN_COLOURS.issuperset(between)
        part = own_part if own_part is not None else part if is_next else WHOLE  # `blue or white trousers`
        groups[-1].append((COLOUR_WORDS[one[1]], part))
        of_one += [word for word in after if is_either and word in SIZES]
        begin, rest = one.start(), f"{rest[: one.start()]} {rest[one.end() :]}"
    colours = [tuple(dict.fromkeys(reversed(group))) for group in reversed(groups)]
    sizes = _SIZE.findall(rest)
    if not of_one:
        return ParsedLook(_SIZE.sub(" ", rest, count=1), colours, SIZES[sizes[0]] if sizes else "")
    is_of_all = len(sizes) > len(of_one) and len({SIZES[word] for word in sizes}) == 1
    rest = _SIZE.sub(" ", rest)
    return ParsedLook(rest, colours, SIZES[sizes[0]] if is_of_all else "", () if is_of_all else tuple(sizes))


def _at_last_or(words: list[str]) -> tuple[list[str], bool, list[str]]:
    """Return the words before the last `or`, whether there is one, and those after it."""
    at = max((n for n, word in enumerate(words) if word in ("or", "/")), default=None)
    return (words, False, []) if at is None else (words[:at], True, words[at + 1 :])

"""Numbers in names of cameras: `kasse 2` and `cam 1 and 2` are cameras, `2 persons at kasse` has a count. Pure.

A number belongs to a name only directly next to another word of it. Texts are lower case.
"""

import re
from collections.abc import Callable, Iterable
from itertools import pairwise

_NUMBER = r"\d{1,2}(?![\w/-]|[.,:]\d|\.(?! *$))"
_IS_TIME = re.compile(r" ?(?:to|until|till|bis|-|–) ?\d| (?:in the (?:morning|afternoon|evening)|at night)(?!\w)")
"""What may follow a number that is a time unless a camera has it."""
_BEFORE_TIMES = frozenset((
    "a", "after", "an", "and", "around", "at", "before", "between", "by", "for", "from", "in", "of", "on", "since",
    "the", "to", "until", "with", "ab", "am", "auf", "bei", "beim", "bis", "gegen", "im", "mit", "nach", "seit", "um",
    "und", "von", "vom", "vor", "zum", "zur",
))  # fmt: skip
"""Words in names that other words and times follow as well: `before 7` is no name."""


def with_blanks(text: str, names: Iterable[str]) -> str:
    """Write names with their blanks: `cam1` becomes `cam 1`."""
    known = {*names}
    whole = {one.replace(" ", ""): one for one in known if " " in one}
    return re.sub(r"[\w-]+", lambda found: found[0] if found[0] in known else whole.get(found[0], found[0]), text)


def with_each_name(text: str, names: Iterable[str], is_counted: Callable[[str], bool]) -> str:
    """Repeat the name for each of several numbers: `cam 1, 2 and 3` becomes `cam 1 and cam 2 and cam 3`.

    is_counted: whether the text after a number says that it is something else: ` persons`, ` min`.
    """
    parts = [one.rpartition(" ") for one in names]
    several = _one_of(base for base, _, number in parts if base and number.isdigit())
    pattern = re.compile(rf"(?<![\w-])({several})s? (\d+)(?:,| ?, and| and| or| nor| und| oder) (?={_NUMBER}(.*))")
    known = {*names}
    while (
        found := next((one for one in pattern.finditer(text) if _goes_on(one, known, is_counted)), None)
    ) is not None:
        text = f"{text[: found.start()]}{found[1]} {found[2]} and {found[1]} {text[found.end() :]}"
    return text


def _goes_on(found: re.Match[str], names: set[str], is_counted: Callable[[str], bool]) -> bool:
    return f"{found[1]} {found[2]}" in names and not is_counted(found[3])


def _one_of(texts: Iterable[str]) -> str:
    return "|".join(map(re.escape, sorted({*texts}, key=len, reverse=True))) or "(?!)"


def with_whole_names(
    text: str, names: Iterable[str], others: Iterable[str], excluding: str, is_counted: Callable[[str], bool]
) -> tuple[str, list[str]]:
    """Complete parts of names with numbers: `lager 2` becomes `lager 2 oben` if no camera has that whole name.

    others: names that stay as they are. Return also the names with numbers that no camera has, such as `kasse 3`, each
    with the words that exclude it (`excluding`). They are taken from the text.
    """
    known, unknown = {*names}, list[str]()
    words = {word for one in known for word in one.split() if word not in _BEFORE_TIMES and not is_counted(f" {word}")}
    first = _one_of(one for one in (*known, *words) if not one[-1].isdigit() and not one.isdigit())
    whole = _one_of(one for one in (*known, *others) if re.search(r"\d", one))
    parts = {f"{a} {b}" for one in known for a, b in pairwise(one.split()) if a.isdigit()}
    pattern = re.compile(
        rf"(?<![\w-])(?:(?:{whole})(?![\w-])|({_one_of(parts)})(?![\w-])|({excluding})?({first}) ({_NUMBER}))"
    )

    def made(found: re.Match[str]) -> str:
        after = found.string[found.end() :]
        if found[1] is None and (found[3] is None or is_counted(after)):
            return found[0]
        wanted = {*(found[1] or f"{found[3]} {found[4]}").split()}
        cameras = sorted(one for one in known if wanted <= {*one.split()})
        if cameras:
            return (found[2] or "") + " and ".join(cameras)
        if _IS_TIME.match(after):
            return found[0]
        unknown.append(found[0])
        return " "

    return pattern.sub(made, text), unknown

"""What excludes: `no cars, dogs or cats`, `without plate AB 123`, `no red cars`. Pure.

Texts are lower case.
"""

import re
from collections.abc import Callable, Iterable

from tawny.model.observations import PERSON
from tawny.playback.search.day_parser import MONTH
from tawny.playback.search.german import GERMAN, GERMAN_LOOKS, GERMAN_UNITS
from tawny.playback.search.look_parser import CLOTHES, COLOUR_WORDS, SIZES
from tawny.playback.search.phrases import BRIEF_MONTH, UNITS
from tawny.playback.search.search_words import READ_SO, SYNONYMS

SHORTEST, LONGEST, SHORT = 3, 10, 3
"""Minimum and maximum letters of a plate or part of it; maximum letters of a word without digits that may be a part."""
EXCLUDING = (
    r"(?<!\w)(?<!nothing )(?<!nichts )"
    r"(?:but(?: not?)?|except(?: for)?|other than|apart from|without|neither|not|no|außer|ausser|ohne|nicht|weder)"
)
BEFORE_NAME = "at|in|on|from|by|near|am|an|im|bei|beim", "a|an|the|any|der|die|das|dem|den"
"""Words before an excluded name: prepositions and articles, also German ones."""
JOINING = "and|or|nor|und|oder|noch"
PASSED_OVER = frozenset("|".join((*BEFORE_NAME, JOINING)).split("|"))
EXCLUDED_TIME = re.compile(rf"({EXCLUDING})((?: [\w':./-]+){{1,7}})")
EXCLUDING_GERMAN = rf"(?:{EXCLUDING}|(?<!\w)keine?[nmrs]?)"
NO_EXCLUDING = rf"(?!{EXCLUDING_GERMAN}(?!\w))"
NO_ONE = re.compile(r"(?<!\w)(?:no(?:[ -]one|body)|niemand(?:en|em)?)(?!\w)")
_NO_OTHER = r"(?!(?:but|except|without|not?|ohne|nicht|keine?[nmr]?|all|alles?|(?:any|every)(?:one|body|thing)) )"
_PEOPLE = {PERSON} | {word for word, meant in SYNONYMS.items() if meant == PERSON}
_PEOPLE |= {word for word, meant in GERMAN.items() if meant in _PEOPLE}
_NO_PEOPLE = rf"(?:no|not an?|without|keine?[nr]?|ohne) (?:{'|'.join(sorted(_PEOPLE))})(?! (?:{JOINING}) )"
_NO_ONE_BUT = re.compile(
    rf"(?:(?:{NO_ONE.pattern}\.?|(?<!\w)(?:keiner|(?P<people>{_NO_PEOPLE})))"
    rf"(?P<between>(?: {_NO_OTHER}[\w':/.-]+){{0,12}})|(?<!\w)keine)"
    rf" (?:but|except(?: for)?|other than|apart from|außer|ausser)(?! not?(?!\w))(?!\w)(?: (?:{BEFORE_NAME[1]})(?!\w))?"
)
_KNOWN_OR_NOT = {"known", "unknown"}
_LETTERS = r"(?!(?:am|at|by|for|im|in|of|on|to|um|vom|vor|zum) )[^\W\d_]{1,3}(?:-[^\W\d_]{1,3})?"
_NO_YEAR = r"(?!(?:19|20)\d\d(?![\w-]))"
_NO_LENGTH = rf"(?! ?(?:(?:s|sec|min|h|{UNITS})(?!\w)|{GERMAN_UNITS}))"
_NO_PLATE = f"an?|the|d(?:as|e[mnr]|ie)|bis|{JOINING}|{BRIEF_MONTH}|may"
_NO_DAY = rf"(?! (?:(?:of )?(?:{MONTH}|{BRIEF_MONTH})(?!\w)|uhr))"
EXCLUDED_PLATE = re.compile(
    rf"{EXCLUDING_GERMAN}(?: (?:{BEFORE_NAME[1]}))? (?:(?:license |number )?plates?|kennzeichen|nummernschild(?:er)?)"
    rf"(?:(?: (?:{JOINING}))?(?: {_LETTERS}){{0,2}} {_NO_YEAR}(?=[\w-]*\d)[\w-]{{2,}}(?<!\b[1-3]\d)(?![\w:/.])"
    rf"{_NO_LENGTH}|(?: (?:{JOINING}))?(?: (?!(?:{_NO_PLATE}) ){_LETTERS}){{1,2}} [1-3]\d{_NO_DAY}(?![\w:/.])"
    rf"{_NO_LENGTH})+"
)
"""`without plate AB 123`, but not `no plates 18 november`."""
PLATE_ALONE = (
    rf"(?:(?: {_LETTERS}){{0,2}} {_NO_YEAR}(?:[^\W\d_]{{1,3}}-?){{0,2}}\d{{3,}}"
    rf"|(?:(?: (?!an? |the ){_LETTERS}){{2}}| [^\W\d_]{{1,3}}-[^\W\d_]{{1,3}}) \d\d(?! (?:of )?(?:{MONTH})(?!\w)))"
    rf"(?![\w:/.]){_NO_LENGTH}"
)
EXCLUDED_PLATE_ALONE = re.compile(
    rf"{EXCLUDING}(?:(?<!\bno)|(?= [^\W\d_])|(?={PLATE_ALONE} (?:{JOINING}){PLATE_ALONE})){PLATE_ALONE}"
    rf"(?:(?: (?:{JOINING}))?{PLATE_ALONE})*"
)
_ARTICLE = rf"(?: (?:{BEFORE_NAME[1]}|eine?[nmr]?))?"
_WEARING = "(?:in|with|wearing|dressed in|mit)"
LOOK_WORDS = {*COLOUR_WORDS, *SIZES} | {word for word, meant in GERMAN.items() if meant in {*COLOUR_WORDS, *SIZES}}
_GERMAN_LOOK = rf"(?:hell|dunkel)?(?:{'|'.join(GERMAN_LOOKS)})(?:e[rsnm]?)?"  # all of LOOK_WORDS compile slowly
A_LOOK = rf"(?:(?:dark|light|bright|pale)[ -])?(?:{_GERMAN_LOOK}|{'|'.join((*COLOUR_WORDS, *SIZES))})(?![\w-])"
_LOOKS = rf"{_ARTICLE} (?P<look>{A_LOOK})(?:(?: (?:{JOINING}))?{_ARTICLE} {A_LOOK})*"
_EXCLUDED_LOOK = re.compile(
    rf"{EXCLUDING_GERMAN}(?:(?:{_ARTICLE} {NO_EXCLUDING}[\w'-]+)? {_WEARING}| (?P<at>am|beim|im))?{_LOOKS}"
)
_JOINED_TO_LOOK = re.compile(rf" (?:{JOINING})(?: (?:{_WEARING}|im))?(?:{_LOOKS}|{_ARTICLE} (?P<noun>[\w-]+))")
_WORN = re.compile(rf" {_WEARING}{_LOOKS}")
_NOT = re.compile(r"(?:not?|keine?[nmrs]?|nicht) ")
_ANOTHER = re.compile(rf" (?:and|und){_ARTICLE} [\w-]+(?![\w-]| (?:or|nor|oder|noch) )")
"""`no red cars and dogs` may want dogs; `anything but red cars and dogs` and `no red cars and dogs or cats` don't."""
_JOINED_TO_NAME = re.compile(rf" (?:or|nor|oder|noch)(?: (?:{BEFORE_NAME[0]}))?{_ARTICLE}(?= )")
_CONTRAST = re.compile(r"^ but(?! not?(?!\w))")
"""`not a red car but a blue one`."""
STILL_EXCLUDED = re.compile(rf" (?:{JOINING})(?=(?: {_WEARING})?{_ARTICLE} {A_LOOK}|{PLATE_ALONE})")
"""What joins a look or a plate to an exclusion: `no cars or white vans`."""
BEFORE_PLATE = re.compile(
    rf" *(?:(?!(?:at|in|on|to|and|or) )[^\W\d_]{{1,{SHORT}}} )?(?!(?:19|20)\d\d(?!\w))\d{{3,}}(?![\w:/.])"
)
"""`ab 123` after a word that may be its beginning."""


def without_no_one(
    text: str, people: Iterable[str], is_object: Callable[[str], bool], has_meaning: Callable[[str], bool]
) -> str:
    """Return `at the gate anna` for `no people at the gate except anna`; `no people except at night` stays.

    people: names, of which those of several words may be used in part.
    """
    names = [name.lower() for name in people]

    def only(found: re.Match[str]) -> str:
        after = found.string[found.end() + 1 :]
        word = after.partition(" ")[0]
        meant = GERMAN.get(word, word)
        is_one = (
            is_object(meant)
            or READ_SO.get(meant) in _KNOWN_OR_NOT
            or any(f"{after} ".startswith(f"{name} ") for name in names)
            or (not has_meaning(word) and any(word in name.split() for name in names))
        )
        return f"{found['between'] or ''} " if is_one or not found["people"] else found[0]

    return _NO_ONE_BUT.sub(only, text)


def without_looks(
    text: str, begins_name: Callable[[str], bool], is_object: Callable[[str], bool], has_meaning: Callable[[str], bool]
) -> tuple[str, list[str]]:
    """Take excluded colours and sizes with what has them: `no red cars or blue vans`. Return the rest, and these.

    begins_name: whether a text begins with a whole name, which is no colour.
    """

    def end_of_noun(end: int) -> int:
        words = text[end:].split()[:3]
        for count, word in enumerate(words, 1):
            if is_noun(word):
                return end + sum(len(one) + 1 for one in words[:count])
            if has_meaning(word) or word in PASSED_OVER or not word.isalpha():
                break
        return end

    def end_of_place(end: int) -> int:  # `nicht am roten Tor`, `nicht im roten Auto`
        word = text[end:].partition(" ")[2].split(" ")[0]
        is_other = has_meaning(word) or word in PASSED_OVER or not word.isalpha()
        return end if is_other and not is_noun(word) else end + len(word) + 1

    def is_noun(word: str) -> bool:
        meant = GERMAN.get(word, word)
        return meant in CLOTHES or meant in ("one", "ones") or is_object(meant) or is_object(meant.removesuffix("es"))

    begin, ignored = 0, list[str]()
    while found := _EXCLUDED_LOOK.search(text, begin):
        begin, end = found.start(), found.end()
        if begins_name(text[found.start("look") :]):
            begin = end
            continue
        end = end_of_place(end) if found["at"] else end_of_noun(end)
        is_list = not _NOT.match(found[0])
        while more := _JOINED_TO_LOOK.match(text, end):
            if more["noun"] and (not is_noun(more["noun"]) or (not is_list and _ANOTHER.match(text, end))):
                break
            is_list = is_list or more["noun"] is not None
            look = _WORN.match(text, more.end()) if more["noun"] else more  # `no red cars or people in blue`
            if look and begins_name(text[look.start("look") :]):
                break
            end = end_of_noun(look.end()) if look else more.end()
        ignored.append(text[begin:end])
        rest = _CONTRAST.sub("", text[end:])
        joined = _JOINED_TO_NAME.match(rest)
        is_name = joined and begins_name(rest[joined.end() + 1 :])  # `no red cars or anna`
        text = f"{text[:begin]} not{rest[joined.end() :]}" if joined and is_name else text[:begin] + rest
    return " ".join(text.split()), ignored

"""What excludes, as patterns: `no cars, dogs or cats`, `without plate AB 123`. Texts are lower case."""

import re

from tawny.playback.search.day_parser import MONTH
from tawny.playback.search.german import GERMAN_UNITS
from tawny.playback.search.look_parser import COLOUR_WORDS, SIZES
from tawny.playback.search.phrases import UNITS

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
NO_ONE_BUT = re.compile(
    rf"(?:(?:{NO_ONE.pattern}|(?<!\w)keiner)((?: {_NO_OTHER}[\w':/.-]+){{0,6}})|(?<!\w)keine)"
    r" (?:but|except(?: for)?|other than|apart from|außer|ausser)(?! not?(?!\w))(?!\w)"
)
"""`no one at the gate except anna` is anna at the gate."""
_LETTERS = r"(?!(?:am|at|by|for|im|in|of|on|to|um|vom|vor|zum) )[^\W\d_]{1,3}(?:-[^\W\d_]{1,3})?"
_NO_YEAR = r"(?!(?:19|20)\d\d(?![\w-]))"
_NO_LENGTH = rf"(?! ?(?:(?:s|sec|min|h|{UNITS})(?!\w)|{GERMAN_UNITS}))"
EXCLUDED_PLATE = re.compile(
    rf"{EXCLUDING_GERMAN}(?: (?:{BEFORE_NAME[1]}))? (?:(?:license |number )?plates?|kennzeichen|nummernschild(?:er)?)"
    rf"(?:(?: (?:{JOINING}))?(?: {_LETTERS}){{0,2}} {_NO_YEAR}(?=[\w-]*\d)[\w-]{{2,}}(?<!\b[1-3]\d)(?![\w:/.])"
    rf"{_NO_LENGTH})+"
)
"""`without plate AB 123`, but not `no plates 18 november`."""
_PLATE_ALONE = (
    rf"(?:(?: {_LETTERS}){{0,2}} {_NO_YEAR}(?:[^\W\d_]{{1,3}}-?){{0,2}}\d{{3,}}"
    rf"|(?:(?: (?!an? |the ){_LETTERS}){{2}}| [^\W\d_]{{1,3}}-[^\W\d_]{{1,3}}) \d\d(?! (?:of )?(?:{MONTH})(?!\w)))"
    rf"(?![\w:/.]){_NO_LENGTH}"
)
EXCLUDED_PLATE_ALONE = re.compile(
    rf"{EXCLUDING}(?:(?<!\bno)|(?= [^\W\d_])){_PLATE_ALONE}(?:(?: (?:{JOINING}))?{_PLATE_ALONE})*"
)
_A_LOOK = rf"(?:{'|'.join((*COLOUR_WORDS, *SIZES))})(?![\w-])"
EXCLUDED_LOOK = re.compile(
    rf"{EXCLUDING}(?: an?| the| any)? {_A_LOOK}(?:(?: (?:{JOINING}))? {_A_LOOK})*(?: ([\w-]+))?"
    rf"((?: (?:or|nor)(?: an?| the| any)? {_A_LOOK}(?: ones?(?!\w)| *$))*)"
)
BEFORE_PLATE = re.compile(
    rf" *(?:(?!(?:at|in|on|to|and|or) )[^\W\d_]{{1,{SHORT}}} )?(?!(?:19|20)\d\d(?!\w))\d{{3,}}(?![\w:/.])"
)
"""`ab 123` after a word that may be its beginning."""

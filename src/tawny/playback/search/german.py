"""Translates German queries to the English that the parser knows: `Autos gestern` is `car yesterday`. Pure.

Texts are lower case.
"""

import re
from collections.abc import Callable, Iterable

from tawny.playback.search.day_parser import MONTH
from tawny.playback.search.phrases import BRIEF_MONTH

REMOVED_IN_GERMAN = " (entfernt)"
"""Ends the shown names of removed cameras in German."""
GERMAN_LOOKS = {
    "rot": "red", "blau": "blue", "grün": "green", "gruen": "green", "gelb": "yellow", "weiß": "white",
    "weiss": "white", "schwarz": "black", "grau": "grey", "silbern": "grey", "braun": "brown", "orange": "orange",
    "lila": "purple", "violett": "purple", "rosa": "pink", "pink": "pink", "türkis": "turquoise", "beige": "beige",
    "tuerkis": "turquoise", "dunkel": "dark", "klein": "small", "groß": "large", "gross": "large",
}  # fmt: skip
GERMAN = {
    **dict.fromkeys(("mann", "männer", "frau", "frauen", "mensch", "menschen", "leute", "jemand"), "person"),
    **dict.fromkeys(("personen", "kinder", "besucher", "postbote", "briefträger"), "person"),
    **dict.fromkeys(("männern", "kindern", "besuchern"), "person"), "fahrzeugen": "vehicle", "paketen": "parcel",
    **dict.fromkeys(("auto", "autos", "pkw"), "car"), **dict.fromkeys(("lkw", "lastwagen", "laster"), "truck"),
    **dict.fromkeys(("fahrzeug", "fahrzeuge"), "vehicle"), **dict.fromkeys(("lieferwagen", "transporter"), "van"),
    **dict.fromkeys(("fahrrad", "fahrräder", "fahrrädern", "rad", "radfahrer"), "bicycle"), "motorrad": "motorcycle",
    **dict.fromkeys(("hund", "hunde", "hunden"), "dog"), **dict.fromkeys(("katze", "katzen"), "cat"),
    **dict.fromkeys(("tier", "tiere", "tieren"), "animal"), **dict.fromkeys(("vogel", "vögel", "vögeln"), "bird"),
    **dict.fromkeys(("pferd", "pferde"), "horse"), "fuchs": "fox", **dict.fromkeys(("paket", "pakete"), "parcel"),
    **dict.fromkeys(("geräusch", "geräusche"), "noise"), "bewegung": "movement", "bewegungen": "movement",
    **dict.fromkeys(("jacke", "mantel", "hemd", "pulli", "oberteil"), "top"), "hose": "trousers", "pferden": "horse",
    **dict.fromkeys(("kleidung", "kleid", "anzug"), "clothes"), **dict.fromkeys(("busse", "bussen"), "bus"),
    "vorgestern": "the day before yesterday", "gestern": "yesterday", "heute": "today", "heute nacht": "this night",
    "gestern nacht": "last night", "letzte nacht": "last night", "heute früh": "this morning",
    "heute morgen": "this morning", "gestern früh": "yesterday morning", "früh": "morning", "morgen": "morning",
    "heute vormittag": "this morning", "heute nachmittag": "this afternoon", "heute abend": "this evening",
    "vorletzte nacht": "the night before last", "mitternacht": "midnight", "mittag": "noon", "mittags": "noon",
    "vormittags": "in the morning", "nachmittags": "in the afternoon",
    "vormittag": "morning", "nachmittag": "afternoon", "abend": "evening", "nacht": "night", "nachts": "at night",
    "abends": "in the evening", "morgens": "in the morning", "letzte woche": "last week",
    **dict.fromkeys(("diese woche", "dieser woche"), "this week"),
    **dict.fromkeys(("vorletzte woche", "vorletzter woche"), "the week before last"),
    "letzten monat": "last month", "am wochenende": "the weekend", "wochenende": "weekend", "montag": "monday",
    "dienstag": "tuesday", "mittwoch": "wednesday", "donnerstag": "thursday", "freitag": "friday",
    "samstag": "saturday", "sonnabend": "saturday", "sonntag": "sunday", "januar": "january", "februar": "february",
    **dict.fromkeys(("märz", "maerz", "mrz"), "march"), "juni": "june", "juli": "july",
    **dict.fromkeys(("oktober", "okt"), "october"), **dict.fromkeys(("dezember", "dez"), "december"),
    "tag": "day", **dict.fromkeys(("tage", "tagen"), "days"), "stunde": "hour", "stunden": "hours",
    "minuten": "minutes", "sekunde": "second", "sekunden": "seconds", "woche": "week", "wochen": "weeks",
    **dict.fromkeys(("nächte", "nächten"), "nights"),
    **dict.fromkeys(("diesen monat", "diesem monat"), "this month"), "wochenenden": "weekends",
    **dict.fromkeys(("dieses jahr", "diesem jahr", "dieses jahres"), "this year"), "jahr": "year",
    **dict.fromkeys(("voriges jahr", "vorigen jahr", "vergangenes jahr", "vergangenen jahr"), "last year"),
    **{f"{des}{last} jahres": "last year" for last in ("letzten", "vorigen", "vergangenen") for des in ("", "des ")},
    "monat": "month", **dict.fromkeys(("monate", "monaten"), "months"),
    "länger als": "longer than", "kürzer als": "shorter than", "mehr als": "more than", "weniger als": "less than",
    "mindestens": "at least", "höchstens": "at most", "über": "over",
    **dict.fromkeys(("längste", "längster", "längstes", "längsten"), "longest"),
    **dict.fromkeys(("kürzeste", "kürzester", "kürzestes", "kürzesten"), "shortest"),
    **dict.fromkeys(("unbekannt", "unbekannte", "unbekannter", "unbekanntes", "unbekannten"), "unknown"),
    **dict.fromkeys(("bekannt", "bekannte", "bekannter", "bekanntes", "bekannten"), "known"),
    **dict.fromkeys(("fehlalarm", "fehlalarme", "fehlalarmen"), "false alarms"),
    **dict.fromkeys(("nicht gesehen", "nicht gesehene", "nicht gesehenen"), "not reviewed"),
    **dict.fromkeys(("neu", "neue", "neuer", "neues", "neuen", "ungesehen", "ungesehene", "ungesehenen"), "new"),
    **dict.fromkeys(("behalten", "behaltene", "behaltener", "behaltenes", "behaltenen"), "kept"),
    **dict.fromkeys(("erste", "erster", "erstes", "ersten"), "first"),
    **dict.fromkeys(("neueste", "neuester", "neuestes", "neuesten"), "newest"),
    **dict.fromkeys(("älteste", "ältester", "ältestes", "ältesten"), "oldest"), "wann": "when", "kam": "came",
    **dict.fromkeys(("kennzeichen", "nummernschild", "nummernschilder"), "plates"),
    "ereignis": "event", "ereignisse": "events", **dict.fromkeys(("klingel", "türklingel"), "doorbell"),
    **dict.fromkeys(("glasbruch", "glas"), "breaking glass"), "klopfen": "knocking", "lärm": "noise",
    **dict.fromkeys(("alarmton", "rauchmelder", "sirene", "sirenen"), "alarm sound"),
    **dict.fromkeys(("hundegebell", "gebell", "bellen", "hund bellt", "hunde bellen"), "barking dog"),
    **dict.fromkeys(("stimmen", "schrei", "schreie"), "voices"),
    "weinendes baby": "crying baby", "schuss": "gunshot", "verweilen": "loitering",
    "gegenstand abgestellt": "object left", "gegenstand entfernt": "object removed", "kamera bewegt": "camera moved",
    "objektiv verdeckt": "lens covered", "bild unscharf": "image blurred", "bild eingefroren": "image frozen",
    "linie überquert": "line crossed", "digitaleingang": "digital input", "von hand aufgezeichnet": "recorded by hand",
    "zwischen": "between", "und": "and", "oder": "or", "entweder": "either", "mit": "with", "ohne": "without",
    **dict.fromkeys(("außer", "ausser"), "except"), **dict.fromkeys(("kein", "keine", "keinen"), "no"), "nicht": "not",
    "alle": "all", **dict.fromkeys(("jeden", "jede", "jedes", "jedem"), "every"),
    "seit": "since", "bis": "until", **dict.fromkeys(("von", "vom"), "from"), "zum": "to",
    **dict.fromkeys(("letzte", "letzten", "letztem", "letzter", "letztes"), "last"),
    **dict.fromkeys(("der", "die", "das", "den", "dem", "ein", "eine", "einen", "einem", "einer"), "the"),
    **dict.fromkeys(("im", "am", "vor", "auf", "bei", "beim"), "in"), "wer": "who", "war": "was",
    **{f"{light}{word}{end}": name for word, name in GERMAN_LOOKS.items()
       for light in ("", "hell", "dunkel") for end in ("", "e", "er", "es", "en", "em")},
}  # fmt: skip
"""German words and phrases, as the English that this parser knows."""
_WITHOUT_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})
GERMAN = {word.translate(_WITHOUT_UMLAUTS): english for word, english in GERMAN.items()} | GERMAN
JOINING_WORDS = frozenset((
    *(word for word, english in GERMAN.items() if english in (
        "all", "and", "between", "either", "every", "except", "from", "in", "no", "not", "or", "over", "since", "the",
        "to", "until", "with", "without",
    )),
    *("ab", "am", "an", "aus", "gegen", "nach", "um", "zu", "zur", "before", "after", "since", "until", "between"),
    *("not", "no", "without", "except", "but", "over"),
))  # fmt: skip
"""Words between others, which mean no camera or zone although its name has them: `am` in `Haus am See`."""
_GERMAN_WORD = re.compile(rf"(?<![\w-])(?:{'|'.join(sorted(map(re.escape, GERMAN), key=len, reverse=True))})(?![\w-])")
_GERMAN_NUMBERS = {
    word: str(number) for number, word in enumerate(
        ("ein", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun", "zehn", "elf", "zwölf"), 1
    )
} | dict.fromkeys(("eine", "einer", "einem", "einen"), "1")  # fmt: skip
GERMAN_UNITS = r"(?:sekunden?|minuten?|min|stunden?|tag(?:en?)?|nächten?|wochen?|monat(?:en?)?)(?!\w)"
_GERMAN_CLOCK = {
    "vor": "before", "nach": "after", "um": "at", "gegen": "at", "bis": "until", "ab": "after", "seit": "since",
}  # fmt: skip
_HOUR = r"(?:[01]?\d|2[0-4])"
_GERMAN_PARTS = "früh|morgen|vormittag|mittag|nachmittag|abend|nacht"
_GERMAN_PART = rf"(?:{_GERMAN_PARTS})s?(?: vo[nm] [\w.]+)?(?: to (?:the )?[\w.]+)?"
_GERMAN_WEEKDAYS = "montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonnabend|sonntag"
GERMAN_DAYS = f"heute|gestern|vorgestern|{_GERMAN_WEEKDAYS}"
_OTHER_TIME = re.compile(
    rf"(?<!\w)(?:(?:{GERMAN_DAYS}|(?:{_GERMAN_PARTS})s?)(?!\w)|\d{{1,2}}\.)|(?:(?<!\w)(?:und|oder|bis)|[-–/]) ?;"
    r"|; (?:(?:und|oder) (?:um|gegen|ab|vor|nach|zwischen) |bis |[-–] ?\d|\d\d(?!\w))"
)
"""What makes `heute vor 2h` a clock time, where `;` stands for it."""
_GERMAN_MONTHS = "januar|februar|märz|maerz|april|mai|juni|juli|august|september|oktober|november|dezember"
_OF_MONTH = re.compile(
    rf"(?<!\w)(?:(?:{_GERMAN_MONTHS}|{MONTH}|{BRIEF_MONTH}|mrz|okt|dez|(?:19|20)\d\d)(?!\w)|monat|jahr|month|year)"
)
_NO_LIMIT = "".join(rf"(?<!{word} )" for word in ("ab", "bis", "nach", "seit", "vor"))
_ORDINALS = {
    word: number for number, word in enumerate(
        ("erst", "zweit", "dritt", "viert", "fünft", "sechst", "siebt", "acht", "neunt", "zehnt", "elft", "zwölft"), 1
    )
}  # fmt: skip
_GERMAN_BEFORE = "(?:um|gegen|ab|vor|nach|zwischen|am|an|im|in|bei|beim|auf|gestern|heute)"
_TIME_ENDS = rf"(?= *$| ?,| (?:und|oder) am \d\d?\. *$| (?:{_GERMAN_PARTS})s?(?!\w)| {_GERMAN_BEFORE} )"
"""What may follow a day: not `am 2. Tor`."""
_BEFORE_FIRST = {
    "am": "on", "seit dem": "since", "ab dem": "since", "vor dem": "before", "nach dem": "after", "bis zum": "until",
}  # fmt: skip
_NO_FIRST = re.compile(rf"(?:{'|'.join(_BEFORE_FIRST)}|vom|zum) (?=ersten(?! (?:{_GERMAN_WEEKDAYS}|wochenende)(?!\w)))")
"""Comes before `ersten` that is no order: `am ersten Tor`."""


def _from_day_to_day(found: re.Match[str]) -> str:
    """Return `montag–freitag`, which is all these days, for `montag-freitag`; of a month it would be two of them."""
    return found[0] if _OF_MONTH.search(found.string) else f"{found[1]}–{found[2]}"


def _german_clock(found: re.Match[str]) -> str:
    """Return `8:30` for `8 uhr 30`. An `am` after it is no morning."""
    hour, minute = found[1], found[2] or found[3] or "00"
    return f"{hour}:{minute}{' in' if found[4] else ''}" if int(hour) <= 24 and int(minute) < 60 else found[0]


def _german_clock_in_part(found: re.Match[str]) -> str:
    """Return `abends at 9` for `abends um 9`. An `am` after it is no morning."""
    return f"{found[1]} {_GERMAN_CLOCK[found[2]]} {found[3]}{' in' if found[4] else ''}"


def _hour_of_day(found: re.Match[str]) -> str:
    """Return `gestern vor 8 uhr` for `gestern vor 8h`. `heute vor 2h` alone is an age."""
    others = f"{found.string[: found.start()]};{found.string[found.end() :]}"
    is_age = re.fullmatch(r"heute vor .*|vor .* heute", found[0]) and not _OTHER_TIME.search(others)
    return found[0] if is_age else f"{found[1]} uhr{found[2]}"


def _with_end(number: int) -> str:
    end = "th" if 10 < number < 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"the {number}{end}"


def _german_day(found: re.Match[str]) -> str:
    """Return `am the 31st` for `am 31.` without a month."""
    return f"{found[1]} {_with_end(int(found[2]))}"


def _ordinal(found: re.Match[str]) -> str:
    return f"{_ORDINALS[found[1]]}. "


def _numbered_day(found: re.Match[str]) -> str:
    return f"{_BEFORE_FIRST[found[1]]} {_with_end(_ORDINALS.get(found[2], 1))}"


def _numbered_days(found: re.Match[str]) -> str:
    return f"from {_with_end(_ORDINALS[found[1]])} to {_with_end(_ORDINALS[found[2]])}"


def _counted(found: re.Match[str]) -> str:
    return f"{found[1]} {_GERMAN_NUMBERS[found[2]]}"


_GERMAN_SAYINGS: list[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]] = [
    (re.compile(rf"(?<![\w-])(?:{pattern})(?:(?<= )|(?![\w-]))"), made)
    for pattern, made in (
        (rf"{_NO_LIMIT}({_GERMAN_WEEKDAYS})-({_GERMAN_WEEKDAYS})", _from_day_to_day),
        (rf"({GERMAN_DAYS})({_GERMAN_PARTS})s?", r"\1 \2"),  # `Sonntagabend`
        (rf"({_GERMAN_MONTHS}|(?:monat|jahr)(?: \d{{4}})?) (?=(?:{_GERMAN_WEEKDAYS})s(?!\w))", r"\1 every "),
        (rf"({GERMAN_DAYS})s", r"\1"),
        (rf"({'|'.join(_ORDINALS)})e[nr]? (?=(?:(?:und|bis(?: zum)?) (?:dem )?(?:\d|{'|'.join(_ORDINALS)})[\w.]* )?"
         rf"(?:{_GERMAN_MONTHS})(?!\w))", _ordinal),
        (rf"vom ({'|'.join(_ORDINALS)})en bis zum ({'|'.join(_ORDINALS)})en{_TIME_ENDS}", _numbered_days),
        (rf"({'|'.join(_BEFORE_FIRST)}) (?:({'|'.join(_ORDINALS)})en|1\.){_TIME_ENDS}", _numbered_day),
        (rf"((?:erst|letzt)en) ({'|'.join(_GERMAN_NUMBERS)})(?! (?:{GERMAN_UNITS}))", _counted),
        (rf"(?:(?:{GERMAN_DAYS}) )?nacht((?: vo[nm](?: dem)?(?: [\w.]+){{1,2}})?)(?<! bis) (?:auf|zum?)(?: den)? "
         rf"(?=(?:{GERMAN_DAYS})(?!\w)|\d{{1,2}}\.)", r"nacht\1 to "),
        (rf"(am|nacht(?: [\w.]+)* to) (0?[1-9]|[12]\d|3[01])\.{_TIME_ENDS}", _german_day),
        (rf"({_GERMAN_PART}) (um|gegen) (\d{{1,2}})(?![.:\d]| ?(?:uhr|{GERMAN_UNITS}|{BRIEF_MONTH}|mär|mae|mai|mrz|okt"
         r"|dez))( am)?", _german_clock_in_part),  # `um 9` alone may be a plate
        (rf"({_GERMAN_PART}) ({'|'.join(_GERMAN_CLOCK)}) (\d{{1,2}})(?= *$| ?,| (?:und|{_GERMAN_BEFORE}) )( am)?",
         _german_clock_in_part),  # not `abends nach 9 Autos`
        (r"(\d+(?:\.\d+)?) ?stdn?\.?", r"\1 stunden"),
        (r"(\d+) ?sek\.?", r"\1 sekunden"),
        (rf"((?:(?:{GERMAN_DAYS})(?: (?:{_GERMAN_PARTS}))?|letzte nacht) vor {_HOUR}) ?h()", _hour_of_day),
        (rf"(vor {_HOUR}) ?h( (?:{GERMAN_DAYS}))(?!\w)", _hour_of_day),
        (r"(vor|seit) (\d+(?:\.\d+)?) ?h", r"\1 \2 stunden"),
        (r"(um|gegen|at) (\d{1,2})h", r"at \2:00"),
        (r"(um|gegen|at) (\d{1,2})h(\d\d)", r"at \2:\3"),
        (r"(?:eine[rn]? )?halbe[nr]? stunde", "30 min"),
        (rf"({'|'.join(_GERMAN_NUMBERS)}) (?=(?:(?:bis|oder|und) (?:{'|'.join(_GERMAN_NUMBERS)}|\d+) )?{GERMAN_UNITS})",
         lambda found: f"{_GERMAN_NUMBERS[found[1]]} "),
        (r"(\d{1,2})(?:[:.](\d\d))? uhr(?: (\d\d)(?![.\d]))?( am)?", _german_clock),
        (r"(um|gegen) (\d{1,2})\.(\d\d)", r"at \2:\3"),
        (rf"vor ((?:nicht )?(?:mehr|weniger) als|über|mindestens|höchstens) (\d+(?:\.\d+)?) ?({GERMAN_UNITS})",
         r"\1 \2 \3 ago"),
        (rf"vor (\d+)(?: (?:bis|oder) | ?[-–] ?)(\d+) ?({GERMAN_UNITS})", r"between \1 and \2 \3 ago"),
        (rf"vor (\d+(?:\.\d+)?) ?({GERMAN_UNITS})", r"\1 \2 ago"),
        (rf"seit (\d+(?:\.\d+)?) ?({GERMAN_UNITS})", r"last \1 \2"),
        (rf"({'|'.join(_GERMAN_CLOCK)}) (?=\d{{1,2}}:\d\d|mittag|mitternacht)",
         lambda found: f"{_GERMAN_CLOCK[found[1]]} "),
        (rf"(vor|nach|bis)(?: dem| zum)? (?=(?:{GERMAN_DAYS})(?!\w)|\d{{1,2}}\.)",
         lambda found: f"{_GERMAN_CLOCK[found[1]]} "),
        (rf"ab (?=(?:dem )?(?:{GERMAN_DAYS}|\d{{1,2}}\.))", "since "),
        (r"(\d{1,2}\.?|im|in|seit) mai", r"\1 may"),  # alone it may be a part of a plate
    )
]  # fmt: skip
"""German phrases of several words, before the words are translated."""


def in_english(text: str, names: Iterable[str]) -> str:
    """Translate German words, except those in these names that don't join others, and names of one word."""
    own = set[str]()
    for name in names:
        words = re.findall(r"\w+", name.lower())
        own |= {*words} - (JOINING_WORDS if len(words) > 1 else set())

    def translated(found: re.Match[str]) -> str:
        if found[0] == "am" and re.search(r"(?<![\d:.])(?:0?[1-9]|1[0-2])(?::\d\d)? ?$", found.string[: found.start()]):
            return found[0]  # 7 am
        if found[0] == "ersten" and any(one.end() == found.start() for one in _NO_FIRST.finditer(found.string)):
            return found[0]
        return found[0] if found[0] in own else GERMAN[found[0]]

    for pattern, made in _GERMAN_SAYINGS:
        text = pattern.sub(made, text)
    return _GERMAN_WORD.sub(translated, text)

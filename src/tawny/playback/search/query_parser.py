"""Parses text to a query: `person gate last night`, `dogs in the garden, longer than 1 min`. Pure.

Nothing is guessed: words that are no type, label, camera, zone, time or length are reported as unknown and ignored.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import dropwhile, pairwise
from zoneinfo import ZoneInfo

from tawny.config.units import seconds
from tawny.model.events import Event
from tawny.model.ids import REMOVED, CameraId
from tawny.model.observations import PERSON, spoken
from tawny.model.times import Span
from tawny.playback.search.day_parser import MONTH, WEEKDAY
from tawny.playback.search.exclusion_words import (
    A_LOOK,
    BEFORE_NAME,
    BEFORE_PLATE,
    EXCLUDED_PLATE,
    EXCLUDED_PLATE_ALONE,
    EXCLUDED_TIME,
    EXCLUDING,
    EXCLUDING_GERMAN,
    JOINING,
    LONGEST,
    LOOK_WORDS,
    NO_EXCLUDING,
    NO_ONE,
    PASSED_OVER,
    PLATE_ALONE,
    SHORT,
    SHORTEST,
    STILL_EXCLUDED,
    without_looks,
    without_no_one,
)
from tawny.playback.search.german import GERMAN, JOINING_WORDS, REMOVED_IN_GERMAN, in_english
from tawny.playback.search.look_parser import parse_look
from tawny.playback.search.phrases import ORDERS, normalise_phrases
from tawny.playback.search.search_words import (
    EVENT_KINDS,
    KNOWN_TITLES,
    MEANINGS,
    ORDERED,
    OTHER_NAMES,
    READ_SO,
    SMALL_WORDS,
    SYNONYMS,
    TIME_WORD,
)
from tawny.playback.search.time_parser import parse_time

# Parsed search queries.


@dataclass(frozen=True, slots=True)
class SearchableIdentity:
    """Searchable identities.

    words: search words of an event's recognition results, lower case without separators: names, plates, the
    recognizer's name, `known` or `unknown`.
    """

    names: Iterable[str] = ()
    words: Callable[[Event], frozenset[str]] = lambda _event: frozenset()


NOBODY = SearchableIdentity()
KEPT, NEW, FALSE_ALARM = "kept", "new", "false alarm"
"""Marks of events."""


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """A query. Empty fields match everything. spans: in order, without overlaps; the newest is last."""

    spans: tuple[Span, ...]
    kinds: frozenset[str] = frozenset()
    labels: frozenset[str] = frozenset()
    """Labels that are no event type: `dog`."""
    cameras: frozenset[CameraId] = frozenset()
    zones: frozenset[str] = frozenset()
    read: frozenset[str] = frozenset()
    """Texts read, such as plates or parts of them, lower case without separators. One, or one of `people`, must match.
    """
    read_so: frozenset[str] = frozenset()
    """Recognizer names, `known` or `unknown`. All must match."""
    least_s: float = 0.0
    most_s: float = float("inf")
    only: str = "all"
    """all, new or kept."""
    false_alarms: bool = False
    order: str = "newest"
    """newest, oldest, longest or shortest first."""
    count: int | None = None
    """Maximum number of results in that order."""
    but: frozenset[str] = frozenset()
    """Excluded types and labels."""
    time_words: str = ""
    """The time as understood."""
    unknown: tuple[str, ...] = field(default=())
    """Words without a meaning, and exclusions and times that aren't possible, as phrases."""
    colours: tuple[tuple[tuple[str, str], ...], ...] = ()
    """Colours of the object, each with its part (`detection.appearance`). One of each group must match."""
    size: str = ""
    """small or large; empty: any."""
    text: str = ""
    """What it looked like, for a model: the query without time, place and other conditions."""

    has_time: bool = True
    """Whether the words contain a time."""
    people: frozenset[str] = frozenset()
    """Whole names of identities, lower case without separators."""
    but_places: frozenset[str] = frozenset()
    """Excluded cameras and zones."""
    but_read: frozenset[str] = frozenset()
    """Excluded names, recognizers, `known` or `unknown`."""
    but_marks: frozenset[str] = frozenset()
    """Excluded marks."""

    @property
    def is_of_look(self) -> bool:
        return bool(self.colours or self.size)


_MARK = re.compile(r"(?<!\w)(?:false alarms?|kept|saved|new|unseen|not reviewed)(?!\w)")
_DECIMAL_COMMA = re.compile(r"(?<=\d),(?=\d+ ?(?:s|min|h|se[ck]\w*|minute\w*|hours?|stunden?|stdn?)(?!\w))")
_LENGTH = r"(\d+(?:\.\d+)?) ?(s|sec|seconds?|min|minutes?|h|hours?)(?!\w)(?! ago)(?: long)?"
_LESS, _MORE = "shorter than|less than|under|below|at most|up to", "longer than|more than|over|above|at least"
_NO_NOT = r"(?<!\bno )(?<!\bnot )(?<!\bno for )(?<!\bnot for )"
_SHORTER = re.compile(
    rf"(?:{_NO_NOT}(?:for )?(?:{_LESS})|not?(?: for)? (?:{_MORE})) {_LENGTH}|{_LENGTH} or (?:less|shorter)"
)
_LONGER = re.compile(
    rf"(?:{_NO_NOT}(?:for )?(?:{_MORE})|not?(?: for)? (?:{_LESS})) {_LENGTH}|{_LENGTH} or (?:more|longer)"
)
_BETWEEN = re.compile(
    r"(?:between |from )?(?<![\w.:/-])(?<!last )(?<!past )(\d+)(?: (?:and|to|until) | ?[-–] ?)"
    r"(?=\d+ ?(?:s|sec|seconds?|min|minutes?)(?!\w)(?! ago))"
)
"""`between 10 and 30 seconds` becomes at least 10 and at most 30."""
_BETWEEN_LENGTHS = re.compile(rf"(?:between|from) ({_LENGTH}) (?:and|to|-) (?={_LENGTH})")
_EITHER_PLATE = re.compile(rf"{PLATE_ALONE}(?: (?:or|and){PLATE_ALONE})+")
_AT_SEE = re.compile(r"(?<!\w)(?:am|an|beim|im|vom|zum) see(?!\w)")
"""The German word for a lake, not the English verb."""
_LONGEST_COUNT = 2
_IN_LISTS = frozenset(("and", "or", "und", "oder", "to", "bis", "nr", "no", "number", "nummer"))
_WORD = re.compile(r"\d+(?:[:/.]\d+)+|[\w'-]+")
_HARDLY_PLATE = re.compile(r"\d{1,2} ?(?:[hdm]|[ap]m)|\d{1,3} ?s|(?:ab|um) \d{1,2}")
"""All that is left, if it is more likely a time."""


@dataclass(frozen=True)
class SearchVocabulary:
    """Known words: cameras with names, zones, labels, names of identities, and recognizers (`plates`)."""

    cameras: Mapping[CameraId, str]
    zones: Iterable[str] = ()
    labels: Iterable[str] = ()
    people: Iterable[str] = ()
    readers: Iterable[str] = ()
    kinds: Iterable[str] = ()
    """Types that other programs report."""
    removed: Mapping[CameraId, str] = field(default_factory=dict)
    """Removed cameras with recordings, and their names with the ending. They take no meaning from other words."""


@dataclass
class _Found:
    kinds: set[str] = field(default_factory=set)
    labels: set[str] = field(default_factory=set)
    cameras: set[str] = field(default_factory=set)
    zones: set[str] = field(default_factory=set)
    read: set[str] = field(default_factory=set)
    read_so: set[str] = field(default_factory=set)
    people: set[str] = field(default_factory=set)
    but: set[str] = field(default_factory=set)
    """Excluded types and labels."""
    but_places: set[str] = field(default_factory=set)
    but_read: set[str] = field(default_factory=set)
    but_marks: set[str] = field(default_factory=set)
    ignored: list[str] = field(default_factory=list)
    """Exclusions that aren't possible."""


def parse_query(text: str, known: SearchVocabulary, zone: ZoneInfo, now_ms: int) -> SearchQuery:
    """Return the query. zone: local time zone."""
    plain = _plain(text, known)
    found = _Found()
    rest = _ignored(NO_ONE, _without_no_one(plain, known), found)
    rest = _ignored(EXCLUDED_PLATE, rest, found)
    rest = _without_looks(rest, known, found)
    rest = _without_excluded(rest, known, found)
    rest = _named(rest, known, found, least_words=2)  # `first floor` must not be parsed as an order
    rest = normalise_phrases(in_english(rest, _own_names(known)))
    rest = _without_excluded(rest, known, found)
    rest = _ignored(EXCLUDED_PLATE_ALONE, rest, found)
    rest = _without_excluded(_without_looks(rest, known, found), known, found)  # what was joined to other exclusions
    rest = EXCLUDED_TIME.sub(lambda one: _without_time(one, found, zone, now_ms), rest)
    rest, least_s, most_s = _lengths(rest)
    own = {name.lower() for name in (*known.cameras.values(), *known.cameras, *known.zones, *known.people)}
    when, rest = parse_time(rest, zone, now_ms, lambda word: word in own or _has_meaning(word, known))
    rest, order, count = _order(rest)
    marks = set[str]()
    rest = _MARK.sub(lambda one: _marked(one[0], marks), rest)
    looked = " ".join(rest.split())
    look = parse_look(rest, own, lambda word: _is_object(word, known))
    found.kinds |= {PERSON for group in look.colours for _, part in group if part}
    rest = _EITHER_PLATE.sub(lambda one: _either_plate(one, known, found), f" {_named(look.rest, known, found)}")
    texts, is_at_see = re.findall(r"\w+", plain), _AT_SEE.search(plain) is not None
    words = [
        word
        for word in _WORD.findall(rest)
        if not _is_kind(word, known, found)
        and (word not in SMALL_WORDS or (is_at_see and word == "see" and _is_in_names(word, known, found, texts)))
    ]
    unknown = _texts([word for word in words if not _is_in_names(word, known, found, texts)], found)
    if not found.read:
        unknown = [word for word in unknown if not _is_part_of_name(word, known, found)]
    return SearchQuery(
        when.spans(zone, now_ms),
        frozenset(found.kinds),
        frozenset(found.labels),
        frozenset(CameraId(one) for one in found.cameras),
        frozenset(found.zones),
        frozenset(found.read),
        frozenset(found.read_so),
        least_s,
        most_s,
        KEPT if KEPT in marks else NEW if NEW in marks else "all",
        FALSE_ALARM in marks,
        order,
        count,
        frozenset(found.but),
        when.words,
        tuple(dict.fromkeys([*unknown, *found.ignored, *look.ignored, *when.ignored])),
        tuple(dict.fromkeys(look.colours)),
        look.size,
        looked,
        not when.is_usual or when.whole is not None,
        frozenset(found.people),
        frozenset(found.but_places),
        frozenset(found.but_read),
        frozenset(found.but_marks),
    )


def _plain(text: str, known: SearchVocabulary) -> str:
    """Return the text without capitals and punctuation."""
    text = _DECIMAL_COMMA.sub(".", text.lower().replace(REMOVED_IN_GERMAN, REMOVED))
    return _numbered(" ".join(re.sub("[,?!]", " ", _joined_lists(text, known)).split()), known)


def _own_names(known: SearchVocabulary) -> tuple[str, ...]:
    """Return the names whose words are not German. Of a person's name of several words, one with a meaning keeps it."""
    people = (name for name in known.people if " " not in name)
    return (*known.cameras, *known.cameras.values(), *known.zones, *people)


def _is_object(word: str, known: SearchVocabulary) -> bool:
    return _is_kind(word, known, _Found()) or any(one in known.labels for one in (word, word.removesuffix("s")))


def _named(text: str, known: SearchVocabulary, found: _Found, least_words: int = 1) -> str:
    """Take cameras, zones and labels from the text, longest names first: `front gate` is not `gate`."""
    names: list[tuple[str, set[str], str]] = []
    for camera, name in known.cameras.items():
        names += [(one, found.cameras, camera) for one in {name.lower(), camera.replace("-", " "), camera}]
    names += [(one, found.zones, zone) for zone in known.zones for one in {zone.replace("-", " "), zone}]
    names += [(name.lower(), found.people, spoken(name)) for name in known.people]
    names += [(one, found.read_so, reader) for reader in known.readers for one in {reader, reader.removesuffix("s")}]
    names += [(word, found.read_so, so) for word, so in READ_SO.items()]
    labels = known.labels if least_words == 1 else ()  # until then a model that reads the text needs them
    names += [(label, found.labels, label) for label in labels if label not in EVENT_KINDS]
    titles = [(kind, found.kinds, kind) for kind in known.kinds]
    titles += [(title, found.kinds if is_kind else found.labels, what) for title, what, is_kind in KNOWN_TITLES]
    of_places = _words_of_places(known)
    names += [one for one in titles if one[0] not in of_places]  # `the doorbell` is that camera
    names += [(name, found.cameras, camera) for name, camera in _removed_names(known)]
    taken: set[str] = set()
    names = [one for one in names if len(one[0].split()) >= least_words]
    for name, into, what in sorted(names, key=lambda each: -len(each[0])):
        if name not in text and name not in taken:
            continue  # compiling a pattern for each of hundreds of names would take seconds
        pattern = re.compile(rf"(?<!\w){re.escape(name)}(?:e?s)?(?!\w)")
        if pattern.search(text) or name in taken:
            into.add(what)
            taken.add(name)
            text = pattern.sub(" ", text)
    return text


def _names_of_places(known: SearchVocabulary) -> set[str]:
    ids = (*known.cameras, *known.zones)
    return {*(name.lower() for name in known.cameras.values()), *ids, *(one.replace("-", " ") for one in ids)}


def _words_of_places(known: SearchVocabulary) -> set[str]:
    """Return the names of cameras and zones, and their words."""
    places = _names_of_places(known)
    return {*places, *(word for name in places for word in re.split("[ -]", name))}


def _removed_names(known: SearchVocabulary) -> Iterator[tuple[str, CameraId]]:
    """Yield the names of removed cameras, with the ending, and without it those that mean nothing else."""
    taken = {
        *_words_of_places(known),
        *(name.lower() for name in known.people),
        *(title for title, *_ in KNOWN_TITLES),
    }
    for camera, name in known.removed.items():
        for one in {name.removesuffix(REMOVED).lower(), camera, camera.replace("-", " ")}:
            yield f"{one}{REMOVED}", camera
            may_be_plate = one.isalpha() and len(one) <= SHORT
            if one not in taken and not may_be_plate and not all(_has_meaning(word, known) for word in one.split()):
                yield one, camera


def _has_meaning(word: str, known: SearchVocabulary) -> bool:
    """Return whether a word means something that is no name."""
    known_words = {*known.labels, *known.readers, *known.kinds}
    has_one = any(one in MEANINGS or one in known_words for one in (word, word.removesuffix("s")))
    return has_one or TIME_WORD.fullmatch(word) is not None


def _is_kind(word: str, known: SearchVocabulary, found: _Found) -> bool:
    singular = word[:-1] if word.endswith("s") else word
    for one in (word, singular):
        if one in EVENT_KINDS:
            found.kinds.add(one)
            return True
        if one in SYNONYMS:
            found.kinds |= {SYNONYMS[one]} - {""}
            return True
    label = OTHER_NAMES.get(word, singular)
    if label in known.labels and word in OTHER_NAMES:
        found.labels.add(label)
    return label in found.labels


def _excludable(known: SearchVocabulary) -> tuple[str, str]:
    """Return patterns of what may be excluded, with words before it, and of names with blanks."""
    own = {*_names_of_places(known), *(name.lower() for name in known.people)}
    own |= {name for name, _ in _removed_names(known)}
    names = {one for one in (*own, *(title for title, *_ in KNOWN_TITLES)) if " " in one}
    several = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
    whole = "|".join(map(re.escape, sorted(names & own, key=len, reverse=True)))
    looks = "|".join(sorted(own & LOOK_WORDS))  # a person called Rosa
    looked = rf"(?:(?!(?:{looks})(?!\w)){A_LOOK} )*"
    name = rf"(?:(?:false alarms?|{several})(?!\w)|{looked}{NO_EXCLUDING}(?!(?:{JOINING})(?!\w))[\w'-]+)"
    before, article = BEFORE_NAME
    return rf"(?: (?:{before}))?(?: (?:{article}))? {name}", whole


def _joined_lists(text: str, known: SearchVocabulary) -> str:
    """Join lists of exclusions by words: `no cars, dogs or cats`. Commas of no such list end an exclusion."""
    if "," not in text:
        return text
    each, _ = _excludable(known)
    a_list = rf"{EXCLUDING_GERMAN}({each})((?:,{each})+),?(?= ({JOINING}){each})"

    def joined(match: re.Match[str]) -> str:
        is_place = re.compile(rf",? (?:{BEFORE_NAME[0]}) ")
        begins_anew = is_place.search(match[2]) and not is_place.match(match[1])  # `no cars, at the gate or garden`
        return match[0] if begins_anew else match[0].removesuffix(",").replace(",", f" {match[3]}")

    return re.sub(a_list, joined, " ".join(text.split()))


def _without_excluded(text: str, known: SearchVocabulary, found: _Found) -> str:
    """Take exclusions such as `anything but cats and dogs` and `not at the front gate`. Others stay."""
    each, whole = _excludable(known)
    excluding = rf"{EXCLUDING}({each}(?: (?:{JOINING}){each})*)"
    pattern = rf"(?<!\w)(?:{whole})(?!\w)|{excluding}" if whole else excluding  # `gate no 2` excludes nothing
    return re.sub(pattern, lambda match: _left_out(match, known, found) if match[1] else match[0], text)


def _left_out(match: re.Match[str], known: SearchVocabulary, found: _Found) -> str:
    """Take as many of the joined names of an exclusion as are known, and return the rest."""
    parts = re.split(rf" (?=(?:{JOINING}) )", match[1])
    for count in range(len(parts), 0, -1):
        left = parts[count:]
        after = f"{''.join(f' {one}' for one in left)}{match.string[match.end() :]}"
        if _is_excluded(" ".join(parts[:count]), known, found, is_before_plate=BEFORE_PLATE.match(after) is not None):
            is_object = left and _is_object(GERMAN.get(left[0].split()[-1], ""), known)  # `außer Anna und Hunde`
            if is_object or STILL_EXCLUDED.match(after):
                left[0] = f"not {left[0].split(maxsplit=1)[1]}"
            return " ".join(("", *left, ""))
    return match[0]


def _is_excluded(text: str, known: SearchVocabulary, found: _Found, *, is_before_plate: bool) -> bool:
    """Exclude what the text names. Return False, and exclude nothing, if one of its words is not known."""
    here, marks, ignored = _Found(), set[str](), list[str]()
    if re.fullmatch(rf" ?(?:in|on|im|am) (?:{MONTH}|{WEEKDAY})", text):
        return False  # a time, also where a person is called so
    last = re.split(rf" (?:{JOINING}) ", text)[-1]
    rest = _MARK.sub(lambda one: _marked(one[0], marks), text)
    rest = _named(rest, known, here)
    words = re.findall(r"\w+", text)
    for word in _WORD.findall(rest):
        if word in PASSED_OVER or _is_kind(word, known, here):
            continue
        if word not in LOOK_WORDS and _is_in_names(word, known, here, words):
            continue
        if is_before_plate or not _is_part_of_name(word, known, here):
            if not word.isalpha() or len(word) <= SHORT or _has_meaning(word, known) or word in last.split():
                return False
            ignored.append(word)  # `no cars, elephants or cats`
    found.ignored += ignored
    found.but |= here.kinds | here.labels
    found.but_places |= here.cameras | here.zones
    found.but_read |= here.people | here.read_so
    found.but_marks |= marks
    return True


def _numbered(text: str, known: SearchVocabulary) -> str:
    """Return `cam 2` for `cam no 2` where a name has that."""
    names = _names_of_places(known)

    def shorter(match: re.Match[str]) -> str:
        name = f"{match[1]} {match[2]}"
        return name if any(f" {name} " in f" {one} " for one in names) else match[0]

    return re.sub(r"(?<!\w)(\w+) (?:nr\.?|no\.?|number|nummer) ?(\d{1,2})(?![\w:/.])", shorter, text)


def _ignored(pattern: re.Pattern[str], text: str, found: _Found) -> str:
    """Ignore exclusions that aren't possible: `not B AB 123`."""

    def ignored(match: re.Match[str]) -> str:
        found.ignored.append(match[0])
        return " "

    return " ".join(pattern.sub(ignored, text).split())


def _without_no_one(text: str, known: SearchVocabulary) -> str:
    return without_no_one(
        text, known.people, lambda word: _is_object(word, known), lambda word: _has_meaning(word, known)
    )


def _without_looks(text: str, known: SearchVocabulary, found: _Found) -> str:
    def begins_name(after: str) -> bool:
        names = (*_names_of_places(known), *(name.lower() for name in known.people))
        return any(after.startswith(name) and after[len(name) :].split(" ")[0] in ("", "s", "es") for name in names)

    rest, ignored = without_looks(
        text, begins_name, lambda word: _is_object(word, known), lambda word: _has_meaning(word, known)
    )
    found.ignored += ignored
    return rest


def _without_time(match: re.Match[str], found: _Found, zone: ZoneInfo, now_ms: int) -> str:
    """Ignore a time that is excluded: `not at night`."""
    excluding, words, joining = match[1], match[2].split(), JOINING.split("|")
    if excluding == "but" and words[0] in ("at", "in", "on", "before", "after", "since", "until", "less", "more"):
        return match[2]  # `anything yesterday, but before 7 am`
    for count in range(len(words), words[0] == "in", -1):  # `nicht am Montag` is `not in monday`
        rest = parse_time(" ".join(words[:count]), zone, now_ms)[1].split()
        if {"in", *joining}.issuperset(rest) and words[count - 1] not in joining:
            found.ignored.append(" ".join((excluding, *words[:count])))
            return " ".join(("", *words[count:]))
    return match[0]


def _marked(words: str, marks: set[str]) -> str:
    marks.add(FALSE_ALARM if words.startswith(FALSE_ALARM) else KEPT if words in (KEPT, "saved") else NEW)
    return " "


def _is_in_names(word: str, known: SearchVocabulary, found: _Found, words: Sequence[str]) -> bool:
    """Match a word in the names of cameras and zones: `gate` means all with it.

    A number up to 99 does so only next to another word of that name (`cam 1 and 2`): others count or are times. `cam1`
    is a name without its blanks. words: all words of the text.
    """
    if word in JOINING_WORDS:
        return False
    near = _near(word, words) if word.isdigit() and len(word) <= _LONGEST_COUNT else None

    def has_it(parts: Sequence[str]) -> bool:
        return word in parts and (near is None or not near.isdisjoint(parts))

    parts = {one: (*name.lower().split(), *one.split("-")) for one, name in known.cameras.items()}
    cameras = {one for one in parts if has_it(parts[one]) or word == "".join(known.cameras[one].lower().split())}
    zones = {one for one in known.zones if has_it(one.split("-"))}
    if near and any(one in found.but_places and not near.isdisjoint(parts[one]) for one in parts):
        found.but_places |= cameras  # `not cam 1 and 2`
    else:
        found.cameras |= cameras
        found.zones |= set() if cameras else zones
    return bool(cameras or zones)


def _is_part_of_name(word: str, known: SearchVocabulary, found: _Found) -> bool:
    """Match a word that means nothing else in the names of people, else of removed cameras."""
    if len(word) < SHORTEST or word.isdigit() or _has_meaning(word, known):
        return False
    people = {spoken(name) for name in known.people if word in _WORD.findall(name.lower())}
    gone = {
        camera for camera, name in known.removed.items() if word in _WORD.findall(name.lower().removesuffix(REMOVED))
    }
    found.people |= people
    found.cameras |= set() if people else gone
    return bool(people or gone)


def _near(number: str, words: Sequence[str]) -> set[str]:
    """Return the words next to a number, or before the list that it is in, also without the ending of a plural."""
    near: set[str] = set()
    for at in (at for at, word in enumerate(words) if word == number):
        before = at - 1
        while before >= 0 and (words[before].isdigit() or words[before] in _IN_LISTS):
            before -= 1
        near |= {*words[max(0, before) : before + 1], *words[at + 1 : at + 2]}
    near = {word for word in near if not word.isdigit()}
    return near | {word.removesuffix(end) for word in near for end in ("s", "n", "en")}


def _texts(words: list[str], found: _Found) -> list[str]:
    """Take a plate from the remaining words, including separators: `b ab 123`. Return the unknown words."""
    may_be_time = [word.isdigit() and (len(word) <= 2 or word[:2] in ("19", "20")) for word in words]
    is_time = [TIME_WORD.fullmatch(word) is not None for word in words]
    for at, (word, after) in enumerate(pairwise(words)):
        if word.isalpha() and after.isdigit() and not may_be_time[at + 1]:
            is_time[at] = False  # `may 4821` is a plate
    parts = [
        word
        for at, word in enumerate(words)
        if (max(map(len, word.split("-"))) <= SHORT or any(one.isdigit() for one in word))
        and not is_time[at]
        and not (may_be_time[at] and any(is_time[max(0, at - 1) : at + 2]))
        and word not in (*_IN_LISTS, "not")
    ]
    if _HARDLY_PLATE.fullmatch(" ".join(parts)):
        return words
    plate = "".join(spoken(word) for word in parts)
    if not (SHORTEST <= len(plate) <= LONGEST and any(one.isdigit() for one in plate)):
        return words
    found.read.add(plate)
    return [word for word in words if word not in parts]


def _either_plate(match: re.Match[str], known: SearchVocabulary, found: _Found) -> str:
    """Take all plates but the last of `ab 123 or cd 456`, which `_texts` does, unless others may be left."""
    if re.search(r"\d", f"{match.string[: match.start()]} {match.string[match.end() :]}"):
        return match[0]  # `a1 bc 123 or de 456`
    *first, last = re.split(" (?:or|and) ", match[0].strip())
    plates, rest = set[str](), list[str]()
    for words in map(str.split, first):
        parts = list(dropwhile(lambda word: _has_meaning(word, known), words))
        plate = "".join(spoken(word) for word in parts)
        is_name = any(_is_in_names(word, known, _Found(), words) for word in parts)
        if is_name or not SHORTEST <= len(plate) <= LONGEST:
            return match[0]
        plates.add(plate)
        rest += words[: len(words) - len(parts)]
    found.read |= plates
    return " ".join(("", *rest, last, ""))


def _order(text: str) -> tuple[str, str, int | None]:
    """Take order and count from the text. Count None: all."""
    found = re.search(rf"(?<!\w)(?:the )?(?:(\d{{1,3}}) )?({ORDERS})(?: (\d{{1,3}}))?(?: ones?)?(?!\w)", text)
    if found is None:
        return text, "newest", None
    count = int(found[1] or found[3] or 1)
    return f"{text[: found.start()]} {text[found.end() :]}", ORDERED[found[2]], count


def _unit(text: str) -> str:
    """Return the unit of the length at the start of the text."""
    found = re.match(_LENGTH, text)
    return found[2] if found else "s"


def _lengths(text: str) -> tuple[str, float, float]:
    """Take the least and the most seconds from the text."""
    text = _BETWEEN_LENGTHS.sub(r"at least \1 at most ", text)
    text = _BETWEEN.sub(lambda one: f"at least {one[1]} {_unit(one.string[one.end() :])} at most ", text)
    text, most_s = _length(_SHORTER, text, float("inf"))
    text, least_s = _length(_LONGER, text, 0.0)
    return text, least_s, most_s


def _length(pattern: re.Pattern[str], text: str, usual: float) -> tuple[str, float]:
    found = pattern.search(text)
    if found is None:
        return text, usual
    number, unit = (one for one in found.groups() if one)
    return pattern.sub(" ", text, count=1), seconds(f"{number} {unit}")

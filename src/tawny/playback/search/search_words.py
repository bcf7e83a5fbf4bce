"""Words that searches know, and what they mean: `people` are persons, `latest` is an order. Texts are lower case."""

import re
from collections.abc import Mapping, Sequence

from tawny.model.events import MANUAL, MANUAL_TITLE, REPORTED_TITLES, SIGN_TITLES, SOUND_TITLES
from tawny.model.observations import ANIMAL, KINDS, MOTION, PERSON, VEHICLE
from tawny.playback.search.day_parser import DAYS, MONTH, PARTS
from tawny.playback.search.german import GERMAN
from tawny.playback.search.look_parser import CLOTHES, COLOUR_WORDS, SIZES
from tawny.playback.search.phrases import BRIEF_DAY, BRIEF_MONTH, NUMBERS

SYNONYMS: Mapping[str, str] = {
    **dict.fromkeys(("people", "persons", "somebody", "someone", "anybody", "anyone", "man", "woman", "who"), PERSON),
    **dict.fromkeys(("visitor", "visitors", "postman", "child", "children", "kid", "kids"), PERSON),
    **dict.fromkeys(("men", "women", "boy", "boys", "girl", "girls", "human", "humans", "guest", "guests"), PERSON),
    **dict.fromkeys(("vehicles", "traffic", "van", "vans"), VEHICLE),
    **dict.fromkeys(("animals", "pet", "pets"), ANIMAL),
    **dict.fromkeys(("movement", "movements", "anything", "something", "everything"), ""),
    **dict.fromkeys(("noise", "noises", "sounds", "loud"), "sound"),
    **dict.fromkeys(("sabotage", "tampering", "covered"), "tamper"),
    **dict.fromkeys(("parcel", "parcels", "package", "packages", "things", "left", "taken"), "object"),
}
"""Synonyms of types; empty: any type."""
EVENT_KINDS = (*KINDS, MOTION, "sound", "tamper")
SOUND_WORDS: Mapping[str, str] = {
    **dict.fromkeys(("barking", "bark", "dog barking", "dogs barking", "barking dogs"), "bark"),
    **dict.fromkeys(("siren", "smoke alarm", "smoke alarms", "fire alarm", "fire alarms"), "alarm"),
    **dict.fromkeys(("speech", "scream", "screaming", "shout", "shouting"), "voices"),
    "knock": "knock", "baby crying": "baby",
}  # fmt: skip
"""Other words for the classes of sounds, as far as they mean nothing else."""
KNOWN_TITLES: Sequence[tuple[str, str, bool]] = (
    *((title.lower(), label, False) for label, title in (SIGN_TITLES | SOUND_TITLES).items()),
    *((word, label, False) for word, label in SOUND_WORDS.items()),
    *((title.lower(), kind, True) for kind, title in (REPORTED_TITLES | {MANUAL: MANUAL_TITLE}).items()),
)
"""Titles of events, each with its label or type, and whether it is a type."""
OTHER_NAMES: Mapping[str, str] = {
    **dict.fromkeys(("bike", "bikes", "cyclist", "cyclists"), "bicycle"),
    **dict.fromkeys(("motorbike", "motorbikes"), "motorcycle"),
    **dict.fromkeys(("lorry", "lorries"), "truck"),
    **dict.fromkeys(("puppy", "puppies"), "dog"),
    **dict.fromkeys(("kitten", "kittens"), "cat"),
}
"""Synonyms of labels."""
SMALL_WORDS = frozenset((
    "a", "an", "the", "in", "on", "at", "of", "by", "to", "near", "with", "and", "or", "was", "were", "is",
    "are", "did", "do", "does", "there", "any", "all", "me", "show", "find", "what", "when", "which", "come",
    "comes", "came", "passed", "pass", "went", "go", "goes", "walked", "drove", "seen", "see", "saw", "event",
    "events", "picture", "pictures", "clip", "clips", "from", "for", "it", "that", "my", "our", "has", "have",
    "had", "be", "been", "during", "happened", "happens", "camera", "cameras", "zone", "how", "many", "ones",
    "i", "every", "each", "stay", "stays", "stayed", "lasted", "lasting", "long", "time", "times", "place",
    "arrive", "arrived", "leave", "leaves", "leaving", "appear", "appeared", "visited", "enter", "entered", "video",
    "videos", "recording", "recordings", "list", "give", "than", "who's", "wearing", "dressed", "wears",
    "clothes", "clothing", "coloured", "colored", "someone's", "either", "one",
))  # fmt: skip
READ_SO: Mapping[str, str] = {
    "unknown": "unknown", "stranger": "unknown", "strangers": "unknown", "known": "known", "number": "plates",
}  # fmt: skip
ORDERED: Mapping[str, str] = {
    **dict.fromkeys(("last", "latest", "newest", "most recent"), "newest"),
    **dict.fromkeys(("first", "earliest", "oldest"), "oldest"),
    "longest": "longest", "shortest": "shortest",
}  # fmt: skip
TIME_WORD = re.compile(
    r"\d+(?:[:/.]\d+)+|\d{4}-\d\d-\d\d|\d{1,2}(?:st|nd|rd|th)"
    rf"|\d*(?:uhr|ago|sec|seconds?|min|minutes?|hours?|days?|nights?|weeks?|months?|{MONTH}|{BRIEF_MONTH})"
)
"""Words of times, whose numbers are no plates either."""
MEANINGS = frozenset((
    *GERMAN, *SMALL_WORDS, *COLOUR_WORDS, *SIZES, *CLOTHES, *EVENT_KINDS, *SYNONYMS, *OTHER_NAMES, *READ_SO, *NUMBERS,
    *DAYS, *PARTS, *BRIEF_DAY.split("|"), *(title for title, *_ in KNOWN_TITLES), *" ".join(ORDERED).split(),
    "dark", "light", "bright", "pale", "weekend", "today", "yesterday", "tonight", "midnight", "midday", "daytime",
    "overnight", "before", "after", "since", "until", "between", "ago", "past", "this", "kept", "saved", "new",
    "unseen", "reviewed", "false", "alarm", "alarms", "not", "no", "without", "except", "but",
))  # fmt: skip
"""Words that are never meant as a part of a person's or a removed camera's name."""

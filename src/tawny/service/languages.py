"""Languages: what English texts are in another one, for the web interface and for notifications.

A catalogue is a JSON file `<code>.json`: English text to its translation, `@name` to the language's own name. Ours are
in `translations`, next to this module. A file in the folder `languages` of the recordings adds a language, or replaces
texts of ours.
"""

import gzip
import hashlib
import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Final

from tawny.model.errors import NotDone

log = logging.getLogger(__name__)
ENGLISH: Final = "en"
FOLDER: Final = "languages"
OURS: Final = Path(__file__).parent / "translations"
NAME: Final = "@name"
LARGEST_BYTES: Final = 4_000_000
_CODE = re.compile(
    r"[a-z]{2,3}(?:-[A-Za-z]{4})?(?:-(?:[A-Za-z]{2}|[0-9]{3}))?(?:-(?:[A-Za-z0-9]{5,8}|[0-9][A-Za-z0-9]{3}))?"
)
"""Language, script, region and variant: browsers refuse other codes, and can't count or write dates in them."""
_NO_CHARACTER = re.compile("[\ud800-\udfff]")
_PLACE = re.compile(r"\{([a-z_]+)\}")
_SENTENCES = re.compile(r"(?<=[.!?]) ")
_NAMES: Final = frozenset({"camera", "name", "zone", "where", "file", "address", "known", "names"})
"""Values that are never translated."""
_NUMBER, _VALUE, _FIRST = r"\d+(?:\.\d+)?", r"(?:(?!\. ).)+?", r"(?:(?!\. |: ).)+?"
"""A value is no longer than its sentence; what a text begins with ends before a colon, as in `Porch: It is offline`."""

Texts = Mapping[str, str | Mapping[str, str]]
"""Forms of a number are an object, by the plural rules of CLDR: `{"one": "{n} Tag", "other": "{n} Tage"}`."""


@dataclass(frozen=True)
class Translations:
    """code: such as `de`. name: the language's own name."""

    code: str
    name: str
    texts: Texts

    @cached_property
    def json(self) -> bytes:
        return json.dumps(self.texts, ensure_ascii=False, separators=(",", ":")).encode()

    @cached_property
    def gzipped(self) -> bytes:
        return gzip.compress(self.json)

    @cached_property
    def etag(self) -> str:
        return hashlib.sha256(self.json).hexdigest()[:32]

    @cached_property
    def _patterns(self) -> list[tuple[re.Pattern[str], str]]:
        """Texts with values in them, those with the most words first: the others match more."""
        found = [(text, to) for text, to in self.texts.items() if _is_pattern(text) and isinstance(to, str)]
        found.sort(key=lambda pair: -len(_PLACE.sub("", pair[0])))
        return [(re.compile(_pattern(text), re.DOTALL), to) for text, to in found]

    def translate(self, text: str) -> str:
        """Return a text of the recorder in this language. What the catalogue lacks, such as a name, stays as it is."""
        return (self._whole(text) or self._in_parts(text)) if self.texts else text

    def _whole(self, text: str) -> str | None:
        if found := self._entry(text):
            return found
        for pattern, to in self._patterns:
            if matched := pattern.fullmatch(text):
                return _PLACE.sub(partial(self._value, matched.groupdict()), to)
        return None

    def _value(self, values: Mapping[str, str], place: re.Match[str]) -> str:
        name = place[1]
        return values.get(name, place[0]) if name in _NAMES else self.translate(values.get(name, place[0]))

    def _entry(self, text: str) -> str | None:
        """Return a text without values, also as part of a sentence: `many short gaps` or `Person.`"""
        for form, end in ((text, ""), (text.removesuffix("."), "." if text.endswith(".") else "")):
            for one in (form, form[:1].upper() + form[1:]):
                if isinstance(found := self.texts.get(one), str):
                    return found + end
        return None

    def _in_parts(self, text: str) -> str:
        """Translate each of several sentences, the end of `Front door: many short gaps`, and the items of a list."""
        if len(sentences := _SENTENCES.split(text)) > 1:
            for count in range(len(sentences) - 1, 0, -1):  # some are in the catalogue together
                head = " ".join(sentences[:count])
                if first := self._entry(head) if count > 1 else self.translate(head):
                    return f"{first} {self.translate(' '.join(sentences[count:]))}"
        about, between, sentence = text.partition(": ")
        if between:
            return f"{about}: {self.translate(sentence)}"
        return ", ".join(self._whole(one) or one for one in text.split(", "))


def _is_pattern(text: str) -> bool:
    """Return whether the text has values, and something else: a value alone would match everything, and itself."""
    return _PLACE.search(text) is not None and _PLACE.sub("", text).strip() != ""


def _pattern(text: str) -> str:
    """Return the expression of a text with values. A name that comes twice must have the same value."""
    made, named = "", set[str]()
    for index, part in enumerate(_PLACE.split(text)):
        if index % 2 == 0:
            made += re.escape(part)
        else:
            made += (
                f"(?P={part})"
                if part in named
                else f"(?P<{part}>{_NUMBER if part == 'n' else _VALUE if made else _FIRST})"
            )
            named.add(part)
    return made


class Languages:
    """own: the folder of the user's catalogues; None: there is none. Thread-safe."""

    def __init__(self, own: Path | None) -> None:
        self._own = own
        self._read: dict[tuple[str, int], Translations] = {}
        self._missing: set[str] = set()
        self._misnamed: set[Path] = set()

    def known(self) -> list[tuple[str, str]]:
        """Return code and own name of each language, English first."""
        files = {path for folder in self._folders() for path in folder.glob("*.json")}
        misnamed = {path for path in files if not _CODE.fullmatch(path.stem)}
        for path in sorted(misnamed - self._misnamed):
            log.warning("The language file %s isn't used: its name is no code such as `fr` or `pt-BR`.", path)
        self._misnamed |= misnamed
        codes = {path.stem for path in files - misnamed}
        return [(ENGLISH, "English"), *((code, self.catalogue(code).name) for code in sorted(codes - {ENGLISH}))]

    def catalogue(self, code: str) -> Translations:
        """Return a language's catalogue, of `pt` where there is none of `pt-BR`. Raises NotDone if there is neither."""
        if code == ENGLISH:
            return Translations(ENGLISH, "English", {})
        parts = code.split("-")[:4]
        codes = [one for n in range(len(parts)) if _CODE.fullmatch(one := "-".join(parts[: n + 1]))]
        paths = [folder / f"{one}.json" for one in codes for folder in self._folders()]
        paths = [path for path in paths if path.is_file()]
        if not paths:
            raise NotDone(f"There is no language {code!r}.", f"Available: {', '.join(one for one, _ in self.known())}.")
        code = paths[-1].stem  # or each region that a browser asks for would be kept
        key = code, max(path.stat().st_mtime_ns for path in paths)
        if key not in self._read:
            texts, name = dict[str, str | dict[str, str]](), code
            for path in paths:
                texts |= (found := _texts(path))
                if path.stem == code and isinstance(own := found.get(NAME), str):
                    name = own
            self._read[key] = Translations(code, name, texts)
        return self._read[key]

    def closest(self, code: str) -> Translations:
        """Return a language's catalogue, and English if there is none, which the log says once."""
        try:
            return self.catalogue(code)
        except NotDone as error:
            if code not in self._missing:
                self._missing.add(code)
                log.warning("%s %s Using English.", error.message, error.do)
            return self.catalogue(ENGLISH)

    def _folders(self) -> list[Path]:
        """Ours first: the user's texts replace them."""
        return [OURS] if self._own is None else [OURS, self._own / FOLDER]


def _texts(path: Path) -> dict[str, str | dict[str, str]]:
    """Return the valid texts of a file; the log says what is wrong with the others."""
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise ValueError(f"it is larger than {LARGEST_BYTES // 1_000_000} MB")
        found = json.loads(path.read_bytes())
        if not isinstance(found, dict):
            raise ValueError("it isn't an object of texts")
    except (OSError, ValueError, RecursionError) as error:
        log.warning("Can't use the language file %s: %s. Its texts stay English.", path, error)
        return {}
    texts = {text: to for text, to in found.items() if _is_text(text) and _is_translation(to)}
    wrong = [text for text in found if text not in texts]
    if wrong:
        log.warning(
            "In the language file %s, %d translations are empty or no text, for example of %r. They stay English.",
            path,
            len(wrong),
            wrong[0],
        )
    return texts


def _is_translation(to: object) -> bool:
    return _is_text(to) or (isinstance(to, dict) and to != {} and all(map(_is_text, (*to, *to.values()))))


def _is_text(one: object) -> bool:
    return isinstance(one, str) and one.strip() != "" and not _NO_CHARACTER.search(one)

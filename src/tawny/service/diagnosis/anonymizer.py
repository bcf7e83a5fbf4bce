"""Removes what is personal from texts for other people: names, addresses, places, secrets.

Two nets: everything that the settings, accounts and this computer name is replaced wherever it occurs; and whatever
looks like an address, a secret or a home folder is replaced, known or not.
"""

import ipaddress
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import quote, quote_plus, unquote, urlsplit

from tawny.config.settings import Settings, display_name

HIDDEN: Final = "(hidden)"
_SHORTEST: Final = 2
"""Shorter names and secrets are not searched for: single letters occur everywhere."""
_MEASURE: Final = re.compile(r"-?\d+(\.\d+)? ?(%|ms|s|min|h|hours?|days?|weeks?|[kMGT]?B)")
_URL: Final = re.compile(r"\b([a-z][a-z0-9+.-]{1,20})://[^\s\"'<>]+", re.IGNORECASE)
_MAIL: Final = re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)+")
_MAC: Final = re.compile(r"\b[0-9a-f]{2}([:-][0-9a-f]{2}){5}\b", re.IGNORECASE)
_IPV4: Final = re.compile(r"(?<![\d.])(\d{1,3}\.){3}\d{1,3}(?![\d.]*\d)")
_IPV6: Final = re.compile(r"(?<![\w:])[0-9a-f]{0,4}(:[0-9a-f]{0,4}){2,7}(%\w+)?(?![\w:])", re.IGNORECASE)
_LOCAL_HOST: Final = re.compile(r"\b[\w-]+(\.[\w-]+)*\.(local|lan|home|internal|home\.arpa|fritz\.box|ts\.net)\b", re.I)
_HOME: Final = re.compile(r"/(home|Users|media|mnt|run/media)/[^\s\"':,;]+")
_TOKEN: Final = re.compile(r"\b(?=[\w+/=-]*\d)(?=[\w+/=-]*[A-Za-z])[A-Za-z0-9_+/=-]{24,}")
_QUOTED: Final = re.compile(r'\b(realm|nonce|cnonce|opaque|response|username|uri)="[^"]*"', re.IGNORECASE)
_SDP: Final = re.compile(r"^([<>]? ?[siuepo])=.*$", re.MULTILINE)
"""Session name, information and owner: cameras put their own name there."""
_SAID_AUTH: Final = re.compile(r"\b((Proxy-)?Authorization: *\w+ ).*", re.IGNORECASE)


class Anonymizer:
    """words: values to hide, by what stands for them. Texts are changed consistently: one address, one stand-in."""

    def __init__(self) -> None:
        self._words: dict[str, str] = {}
        self._counts: dict[str, int] = {}
        self._addresses: dict[str, str] = {}
        self._pattern: re.Pattern[str] | None = None

    def name(self, kind: str, *texts: str) -> str:
        """Replace all these spellings of one thing by `KIND-1` and so on, and return that."""
        known = next((self._words[text.lower()] for text in texts if text.lower() in self._words), "")
        if not known:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            known = f"{kind}-{self._counts[kind]}"
        for text in texts:
            self._add(text, known)
        return known

    def hide(self, *texts: str) -> None:
        """Hide these values, and the parts of those that are URLs."""
        for text in texts:
            self._add(text, HIDDEN)
            for part in _url_parts(text):
                self._add(part, HIDDEN)

    def _add(self, text: str, stands: str) -> None:
        for spelled in {text, quote(text, safe=""), quote(text), quote_plus(text), unquote(text)}:
            if len(spelled.strip()) >= _SHORTEST:
                self._words.setdefault(spelled.strip().lower(), stands)
                self._pattern = None

    def text(self, text: str) -> str:
        """Return the text without anything personal."""
        text = _SAID_AUTH.sub(rf"\1{HIDDEN}", text)
        text = _QUOTED.sub(rf'\1="{HIDDEN}"', text)
        text = _SDP.sub(rf"\1={HIDDEN}", text)
        text = _URL.sub(rf"\1://{HIDDEN}", text)
        if self._words:
            if self._pattern is None:
                longest = sorted(map(re.escape, self._words), key=len, reverse=True)
                self._pattern = re.compile(rf"(?<![A-Za-z0-9])({'|'.join(longest)})(?![A-Za-z0-9])", re.IGNORECASE)
            text = self._pattern.sub(lambda found: self._words.get(found[0].lower(), HIDDEN), text)
        for pattern in (_MAIL, _MAC, _LOCAL_HOST):
            text = pattern.sub(HIDDEN, text)
        for pattern in (_IPV4, _IPV6):
            text = pattern.sub(lambda found: self._address(found[0]), text)
        text = _HOME.sub(lambda found: f"/{found[1]}/{HIDDEN}", text)
        return _TOKEN.sub(HIDDEN, text)

    def value(self, value: Any) -> Any:
        """Return JSON data with every text and key in it anonymized."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self._words.get(str(key).lower(), key): self.value(one) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(one) for one in value]
        return value

    def _address(self, text: str) -> str:
        """Return a stand-in that says which kind of address it is; those of every computer stay."""
        try:
            address = ipaddress.ip_address(text.partition("%")[0])
        except ValueError:
            return text  # such as a time or a version
        if address.is_loopback or address.is_unspecified:
            return text
        kind = "private-address" if address.is_private or address.is_link_local else "public-address"
        if str(address) not in self._addresses:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            self._addresses[str(address)] = f"{kind}-{self._counts[kind]}"
        return self._addresses[str(address)]


def _url_parts(text: str) -> Iterable[str]:
    """Return host, user and password of a URL; nothing for other texts."""
    if "://" not in text:
        return []
    try:
        parts = urlsplit(text)
        found = [parts.hostname, parts.username, parts.password]
    except ValueError:
        return []
    return [one for one in found if one and one not in ("localhost", "127.0.0.1", "0.0.0.0")]  # noqa: S104


# --- settings --------------------------------------------------------------------------------------------------------


_SCHEMES: Final = frozenset({"rtsp", "http", "unix", "exec", "udp", "v4l2", "picamera", "file", "demo"})
"""Tables of a camera with options of its source."""


def learn_settings(settings: Settings, anonymizer: Anonymizer) -> None:
    """Have everything hidden that the user named in the settings."""
    for name, camera in settings.cameras.items():
        anonymizer.name("camera", name, display_name(name, camera))
    learn_tables(settings.model_dump(), anonymizer)


def learn_tables(tables: Mapping[str, Any], anonymizer: Anonymizer) -> None:
    """The same for tables of a settings file, which may be invalid."""
    words, keys = _vocabulary()
    for name in tables["cameras"] if isinstance(tables.get("cameras"), dict) else ():
        anonymizer.name("camera", name, name.replace("-", " "))
    _learn(tables, anonymizer, words, keys, "")


def share_settings(shown: Mapping[str, Any], anonymizer: Anonymizer) -> dict[str, Any]:
    """Return settings as `in_force` shows them: only numbers, switches and words that the program itself defines."""
    words, keys = _vocabulary()
    for camera in shown["cameras"].values():
        keys |= {key for scheme in _SCHEMES & camera.keys() for key in camera[scheme]}
    shared: dict[str, Any] = _share(shown, anonymizer, words, keys, "")
    return shared


def _learn(value: Any, anonymizer: Anonymizer, words: frozenset[str], keys: frozenset[str], table: str) -> None:
    if isinstance(value, Mapping):
        for key, one in value.items():
            if key in _SCHEMES and isinstance(one, Mapping):  # options of a source are words of the program
                anonymizer.hide(*(text for text in one.values() if isinstance(text, str) and "/" in text))
                continue
            if key not in keys and key not in words:
                anonymizer.name(table.rstrip("s") or "name", str(key))
            _learn(one, anonymizer, words, keys, str(key) if key in keys else table)
    elif isinstance(value, list | tuple):
        for one in value:
            _learn(one, anonymizer, words, keys, table)
    elif isinstance(value, str) and value not in words and not _MEASURE.fullmatch(value):
        anonymizer.hide(value)


def _share(value: Any, anonymizer: Anonymizer, words: frozenset[str], keys: frozenset[str], table: str) -> Any:
    if isinstance(value, Mapping):
        return {
            key if key in keys or key in words else anonymizer.name(table.rstrip("s") or "name", str(key)): (
                HIDDEN
                if key == "location" and one
                else _share(one, anonymizer, words, keys, str(key) if key in keys else table)
            )
            for key, one in value.items()
        }
    if isinstance(value, list | tuple):
        return [_share(one, anonymizer, words, keys, table) for one in value]
    if not isinstance(value, str) or value in words or _MEASURE.fullmatch(value):
        return value
    if table in _SCHEMES and value.isalnum():  # an option of a source, such as `tcp`
        return value
    scheme, found, _ = value.partition("://")
    return f"{scheme}://{HIDDEN}" if found and re.fullmatch(r"[a-z0-9+.-]{1,20}", scheme) else HIDDEN


def _vocabulary() -> tuple[frozenset[str], frozenset[str]]:
    """Return the words and the names of settings that the program defines; all others are the user's."""
    words, keys = {""}, set[str]()

    def walk(schema: Any) -> None:
        if isinstance(schema, dict):
            usual = schema.get("default")
            found = [*schema.get("enum", ()), schema.get("const"), *(usual if isinstance(usual, list) else [usual])]
            words.update(one for one in found if isinstance(one, str))
            keys.update(schema.get("properties", ()))
            for one in schema.values():
                walk(one)
        elif isinstance(schema, list):
            for one in schema:
                walk(one)

    walk(Settings.model_json_schema())
    return frozenset(words), frozenset(keys) | _SCHEMES

"""The diagnostics bundle: what helps others to find a fault, as a ZIP archive, without names, addresses and secrets."""

import io
import ipaddress
import json
import re
import socket
import threading
import tomllib
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, quote_plus, unquote, urlsplit

from cryptography import x509

from tawny.config.loader import stored_secrets
from tawny.config.settings import Settings, display_name
from tawny.engine.system_user import user_name
from tawny.model.errors import SettingsError, StorageError
from tawny.model.ids import CameraId
from tawny.model.times import Clock, utc_text
from tawny.service.address.certificates import facts_of
from tawny.service.cameras.connection_report import Report, report_text
from tawny.service.diagnosis.doctor import ExaminedRecorder, examine
from tawny.service.diagnosis.machine import STATE_TEXTS, Diagnosis, versions
from tawny.service.diagnosis.other_recorders import OtherRecorder, known_recorders
from tawny.service.diagnosis.settings_view import in_force, shown_text
from tawny.service.plugin_registry import PluginRegistry
from tawny.storage.disk.layout import is_camera
from tawny.storage.disk.volume import Volume
from tawny.storage.history.ledger import HistoryJournal

# Removes what is personal from texts for other people: names, addresses, places, secrets.
#
# Two nets: everything that the settings, accounts and this computer name is replaced wherever it occurs; and whatever
# looks like an address, a secret or a home folder is replaced, known or not.
#
# Cameras decide what some lines hold, and a search in a line stops all other threads: lines are searched one by one,
# long ones are cut, and no pattern begins again at each character of a word.

HIDDEN: Final = "(hidden)"
_SHORTEST: Final = 2
"""Shorter names and secrets are not searched for: single letters occur everywhere."""
_LONGEST_LINE: Final = 2000
"""Characters of a line that are kept."""
_HISTORY_FILES: Final = 14
"""Files of the history in which cameras are looked for: the log is rarely older."""
_MEASURE: Final = re.compile(r"-?\d+(\.\d+)? ?(%|ms|s|min|h|hours?|days?|weeks?|[kMGT]?B)")
_URL: Final = re.compile(r"\b([a-z][a-z0-9+.-]{1,20})://[^\s\"'<>]+", re.IGNORECASE)
_MAIL: Final = re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(\.[\w-]+)+")
_MAC: Final = re.compile(r"\b[0-9a-f]{2}([:-][0-9a-f]{2}){5}\b", re.IGNORECASE)
_IPV4: Final = re.compile(r"(?<![\d.])(\d{1,3}\.){3}\d{1,3}(?![\d.]*\d)")
_IPV6: Final = re.compile(r"(?<![\w:])[0-9a-f]{0,4}(:[0-9a-f]{0,4}){2,7}(%\w+)?(?![\w:])", re.IGNORECASE)
_LOCAL_HOST: Final = re.compile(
    r"(?<![\w-])[\w-]+(\.[\w-]+){0,20}\.(local|lan|home|internal|home\.arpa|fritz\.box|ts\.net)\b", re.I
)
_HOME: Final = re.compile(r"/(home|Users|media|mnt|run/media)/[^\s\"':,;]+")
_TOKEN: Final = re.compile(
    r"(?<![A-Za-z0-9_+/=-])(?=[A-Za-z_+/=-]*[0-9])(?=[0-9_+/=-]*[A-Za-z])[A-Za-z0-9_+/=-]{24,}", re.ASCII
)
_QUOTED: Final = re.compile(r'\b(realm|nonce|cnonce|opaque|response|username|uri)="[^"]*"', re.IGNORECASE)
_SDP: Final = re.compile(r"^([<>]? ?[siuepo])=.*$", re.MULTILINE)
"""Session name, information and owner: cameras put their own name there."""
_SAID_AUTH: Final = re.compile(r"\b((Proxy-)?Authorization: *\w+ ).*", re.IGNORECASE)
_SAID_NAMES: Final = (
    re.compile(r"(\bcertificate for ).+?(?=, valid until |: | at |$)"),
    re.compile(r"(\bconnected to the (?:hub|standby) ).+"),
    re.compile(
        r"(\brecorder )(?!recorder-\d+ (?:is|has|doesn't) ).+?"
        r"(?= (?:is (?:online|offline|back|silent)|has left|doesn't answer)\b)"
    ),
    re.compile(r"(\b[a-z_.]{1,20} by )(?!person-\d+ \().+(?= \(\w+\): )"),
    re.compile(
        r"(\b(?:deleted|recording stopped) by )(?!person-\d+(?:$|,| with)|its owner,).+?"
        r"(?=, with its camera| with `tawny delete`|$)"
    ),
)
"""What the log says of certificates, of other recorders (also former ones), of who sent a command and who deleted."""


class Anonymizer:
    """Hides values by what stands for them. Texts are changed consistently: one address, one stand-in."""

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
            for part in (text, *text.splitlines()):
                self._add(part, HIDDEN)
            for part in _url_parts(text):
                stands = self._address(part)
                self._add(part, HIDDEN if stands == part else stands)

    def _add(self, text: str, stands: str) -> None:
        for spelled in {text, quote(text, safe=""), quote(text), quote_plus(text), unquote(text)}:
            if len(spelled.strip()) >= _SHORTEST:
                self._words.setdefault(spelled.strip().lower(), stands)
                self._pattern = None

    def text(self, text: str) -> str:
        """Return the text without anything personal. Of long lines, the end is left out."""
        text = _QUOTED.sub(rf'\1="{HIDDEN}"', text)
        return "\n".join(map(self._line, text.split("\n")))

    def named(self, text: str) -> str:
        """Return the text without the known values. What only looks like an address or a secret stays."""
        self._learn_words()
        if self._pattern is None:
            return text
        return self._pattern.sub(lambda found: self._words.get(found[0].lower(), HIDDEN), text)

    def _learn_words(self) -> None:
        if self._words and self._pattern is None:
            longest = sorted(map(re.escape, self._words), key=len, reverse=True)
            self._pattern = re.compile(rf"(?<![A-Za-z0-9])({'|'.join(longest)})(?![A-Za-z0-9])", re.IGNORECASE)

    def _line(self, line: str) -> str:
        self._learn_words()
        line, left_out = self._cut(line)
        line = _SAID_AUTH.sub(rf"\1{HIDDEN}", line)
        line = _SDP.sub(rf"\1={HIDDEN}", line)
        line = _URL.sub(rf"\1://{HIDDEN}", line)
        line = self.named(line)
        for pattern in _SAID_NAMES:
            line = pattern.sub(rf"\1{HIDDEN}", line)
        for pattern in (_MAIL, _MAC, _LOCAL_HOST):
            line = pattern.sub(HIDDEN, line)
        for pattern in (_IPV4, _IPV6):
            line = pattern.sub(lambda found: self._address(found[0]), line)
        line = _HOME.sub(lambda found: f"/{found[1]}/{HIDDEN}", line)
        return _TOKEN.sub(HIDDEN, line) + left_out

    def _cut(self, line: str) -> tuple[str, str]:
        """Return the beginning of a line, cut at a space that is in no name, and a note about what is left out."""
        if len(line) <= _LONGEST_LINE:
            return line, ""
        end = max(line.rfind(" ", 0, _LONGEST_LINE), 0)
        most = end + max(map(len, self._words), default=0)
        for found in self._pattern.finditer(line, 0, most) if self._pattern is not None else ():
            if found.start() < end < found.end():
                end = found.start()
        return line[:end], f" ({len(line) - end} more characters)"

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


_SCHEMES: Final = frozenset({"rtsp", "http", "rtmp", "unix", "exec", "udp", "v4l2", "picamera", "file", "demo"})
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


KEPT_S: Final = 900.0
"""The files that were listed are those that are saved, for this long."""
LOG_LINES: Final = 2000
_README: Final = """\
Diagnostics of a tawny recorder, made {at}.

Names, addresses, places and secrets were replaced: camera-1, person-1, private-address-1, (hidden).
Read the files before you share them.

{files}
"""


_LEFT_OUT: Final = (
    "log.txt and health.json are left out: they may hold names of {whose}, and the database with these names "
    "can't be read."
)


@dataclass(frozen=True, slots=True)
class BundleFile:
    """about: what is in it, as a sentence."""

    name: str
    about: str
    data: bytes


@dataclass(frozen=True, slots=True)
class BundleContents:
    """Everything that goes into a bundle, with names. health: of `status_json`; None: not running."""

    recorder: ExaminedRecorder
    diagnoses: Sequence[Diagnosis]
    health: Mapping[str, Any] | None = None
    log: str = ""
    reports: Mapping[CameraId, Report] = field(default_factory=dict)
    people: Sequence[str] | None = ()
    """Names of users, also former ones; None: they can't be read."""
    recorders: Sequence[OtherRecorder] | None = ()
    """Others that this hub or standby knows; None: they can't be read."""


def make_files(contents: BundleContents, plugins: PluginRegistry, at_ms: int) -> list[BundleFile]:
    """Return the files of the bundle, anonymized."""
    hide = _anonymizer(contents)
    if hide is None:  # names in texts can't be recognized
        contents = BundleContents(
            replace(contents.recorder, settings=None), [one for one in contents.diagnoses if one.area != "settings"]
        )
        hide = Anonymizer()
    unread = [whose for whose, names in (("users", contents.people), ("other recorders", contents.recorders))
              if names is None]  # fmt: skip
    if unread:  # these names may be anywhere in these
        contents = replace(contents, health=None, log="")
    found = [
        BundleFile("doctor.txt", "What `tawny doctor` found.", _bytes(_doctor(contents, hide))),
        BundleFile("versions.json", "Versions of tawny, Python, the system and libraries.", _json(versions())),
    ]
    settings = contents.recorder.settings
    if settings is not None and not contents.recorder.problems:
        shown = share_settings(in_force(settings, plugins), hide)
        found.append(BundleFile("settings.json", "The settings in force: numbers and switches only.", _json(shown)))
    if contents.health is not None:
        about = "The state of cameras, disk and problems."
        found.append(BundleFile("health.json", about, _json(hide.value(contents.health))))
    if contents.log:
        lines = contents.log.splitlines()[-LOG_LINES:]
        text = hide.text("\n".join(lines) + "\n")
        found.append(BundleFile("log.txt", "The end of the log.", _bytes(text)))
    for camera, report in contents.reports.items():
        stands = hide.name("camera", camera)
        text = hide.text(report_text(report))
        found.append(BundleFile(f"cameras/{stands}.txt", f"Conversation with {stands}, and its gaps.", _bytes(text)))
    listed = "\n".join(f"{one.name}: {one.about}" for one in found)
    if unread:
        listed += "\n\n" + _LEFT_OUT.format(whose=" and ".join(unread))
    readme = _README.format(at=utc_text(at_ms), files=listed)
    return [BundleFile("README.txt", "What is in this archive.", _bytes(readme)), *found]


def _doctor(contents: BundleContents, hide: Anonymizer) -> str:
    """Return the findings; of invalid settings only where they are, as their values may be anything."""
    places = "; ".join(f"{one.path}: allowed: {one.allowed}" for one in contents.recorder.problems)
    found = [
        replace(one, what=f"Invalid: {places}.") if places and one.area == "settings" else one
        for one in contents.diagnoses
    ]
    # versions look like addresses and secrets
    return "".join((hide.named if one.area == "versions" else hide.text)(diagnoses_text([one])) for one in found)


def _anonymizer(contents: BundleContents) -> Anonymizer | None:
    """Return what knows every name; None if the settings file can't be read, which has most of them."""
    hide, recorder = Anonymizer(), contents.recorder
    for person in contents.people or ():
        hide.name("person", person)
    if recorder.settings is not None:
        learn_settings(recorder.settings, hide)
    elif recorder.config is not None:
        try:
            learn_tables(tomllib.loads(recorder.config.read_text(encoding="utf-8")), hide)
        except (OSError, ValueError):
            return None
    for camera in (contents.health or {}).get("cameras", ()):
        hide.name("camera", str(camera.get("id", "")), str(camera.get("name", "")))
    for name in _stored_cameras(recorder.folder):
        hide.name("camera", name, name.replace("-", " "))
    _learn_others(contents, hide)
    if recorder.config is not None:
        with suppress(SettingsError):  # unreadable here, so none of it is in a text
            hide.hide(*stored_secrets(recorder.config.parent).values())
    hide.name("computer", socket.gethostname(), socket.gethostname().partition(".")[0])
    user = user_name()
    if user not in ("", "root"):
        hide.name("user", user)
    for path in (recorder.folder, recorder.config):
        if path is not None:
            hide.name("path", str(path), str(path.absolute()))
    return hide


def _stored_cameras(folder: Path | None) -> list[CameraId]:
    """Return the cameras that have or had recordings, also those that the settings no longer know."""
    found = dict[CameraId, None]()
    if folder is not None and folder.is_dir():
        volume = Volume.at(folder)
        with suppress(StorageError):  # a disk that fails says nothing of them
            found |= dict.fromkeys(volume.cameras())
            for line in HistoryJournal(volume.disk).lines(_HISTORY_FILES):
                if is_camera(name := str(line.record.get("camera", ""))):
                    found[CameraId(name)] = None
    return list(found)


def _learn_others(contents: BundleContents, hide: Anonymizer) -> None:
    """Have other recorders hidden, and the domain names in certificates."""
    for other in contents.recorders or ():
        hide.name("recorder", other.name)
        for camera_id, name in other.cameras.items():
            hide.name("camera", camera_id, name)
    for path in contents.recorder.certificates:
        hide.hide(*_certificate_names(path))


def _certificate_names(path: Path) -> list[str]:
    """Return the domain names in a certificate. Addresses are recognized without it."""
    try:
        names = facts_of(x509.load_pem_x509_certificate(path.read_bytes())).names
    except (OSError, ValueError):
        return []
    hosts = [one for one in names if ":" not in one and not _IPV4.fullmatch(one)]
    return [one.removeprefix("*.") for one in hosts if one != "localhost"]


def zip_of(files: Iterable[BundleFile], at_ms: int) -> bytes:
    """Return the archive. Its folder and file times say only when it was made; a ZIP file knows none before 1980."""
    made, at = io.BytesIO(), max(datetime.fromtimestamp(at_ms / 1000, UTC), datetime(1980, 1, 1, tzinfo=UTC))
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for one in files:
            about = zipfile.ZipInfo(f"tawny-diagnostics/{one.name}", at.timetuple()[:6])
            about.compress_type, about.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
            archive.writestr(about, one.data)
    return made.getvalue()


def diagnoses_text(found: Iterable[Diagnosis]) -> str:
    """Return the findings as lines of text, with why and what to do where something is wrong."""
    lines = []
    for one in found:
        lines.append(f"{STATE_TEXTS[one.state]:8}{one.area}: {one.what}")
        if one.why or one.do:
            lines.append(f"{'':8}{one.why} {one.do}".rstrip())
    return "\n".join(lines) + "\n"


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _json(value: Any) -> bytes:
    return _bytes(json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n")


@dataclass(frozen=True, slots=True)
class Diagnostics:
    """A made bundle."""

    at_ms: int
    diagnoses: tuple[Diagnosis, ...]
    files: tuple[BundleFile, ...]


@dataclass(frozen=True, slots=True)
class RunningState:
    """What a running recorder adds. log: its last lines."""

    health: Callable[[], Mapping[str, Any]]
    log: Callable[[], str]
    reports: Callable[[], Mapping[CameraId, Report]]
    people: Callable[[], Sequence[str]]


class DiagnosticsService:
    """Makes bundles for a running recorder, and keeps the last one. Thread-safe; making one takes some seconds."""

    def __init__(
        self, recorder: Callable[[], ExaminedRecorder], state: RunningState, plugins: PluginRegistry, clock: Clock
    ) -> None:
        self._recorder, self._state, self._plugins, self._clock = recorder, state, plugins, clock
        self._lock = threading.Lock()
        self._made: tuple[float, Diagnostics] | None = None

    def make(self) -> Diagnostics:
        recorder = self._recorder()
        found = tuple(examine(recorder, self._clock))
        state, at_ms = self._state, self._clock.now_ms()
        contents = BundleContents(
            recorder, found, state.health(), state.log(), state.reports(), state.people(),
            known_recorders(recorder.folder, recorder.settings, self._clock),
        )  # fmt: skip
        made = Diagnostics(at_ms, found, tuple(make_files(contents, self._plugins, at_ms)))
        with self._lock:
            self._made = self._clock.mono_s(), made
        return made

    def settings_text(self) -> str:
        """Return the settings in force that differ from the defaults, without secrets. Raises SettingsError."""
        recorder = self._recorder()
        secrets = stored_secrets(recorder.config.parent) if recorder.config is not None else {}
        return shown_text(recorder.settings or Settings(), self._plugins, secrets.values())

    def last(self) -> Diagnostics:
        """Return the bundle that was listed last; a new one if that was long ago."""
        with self._lock:
            known = self._made
        if known is not None and self._clock.mono_s() - known[0] < KEPT_S:
            return known[1]
        return self.make()

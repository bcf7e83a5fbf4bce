"""What an importer reads and makes: the source file, the converted settings, and the account of every original key."""

import math
import os
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tawny.config.settings import is_camera_id
from tawny.model.credentials import LOGINS_IN_PATH, PASSWORDS

_URL = re.compile(r"([a-z][a-z0-9+.-]*://)(.*)", re.IGNORECASE | re.DOTALL)
SOURCES = ("rtsp://", "rtsps://", "http://", "https://", "rtmp://", "rtmps://", "rtmp-listen://", "udp://")
"""Addresses of network cameras that tawny can open: those of `tawny.sources`, which settings may not import."""
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d+)?(?=[/?#]|$)", re.IGNORECASE)
_ONLY_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d{1,5})?", re.IGNORECASE)
_ONLY_SURE_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9_-]+(\.[a-z0-9_-]+)+|localhost)(:\d{1,5})?", re.IGNORECASE)
"""An address or a name with a dot, with a port or none."""
_USUAL_HOST = re.compile(r"\[|[^:/?#]*\.[^:/?#]|localhost\b|[^:/?#]+:\d", re.IGNORECASE)
"""An address, a name with a dot, or one with a port: less likely to be a part of a password."""
_SURE_HOST = re.compile(r"(\[[0-9a-f:.]+\]|\d{1,3}(\.\d{1,3}){3}|localhost)(:\d+)?(?=[/?#]|$)", re.IGNORECASE)
"""An IP address or this computer, with which an address continues: hardly a part of a password."""
_LIKELY_HOST = re.compile(rf"{_SURE_HOST.pattern}|[a-z0-9_-]+(\.[a-z0-9_-]+)+(/|:\d+(?=[/?#]|$))", re.IGNORECASE)
"""Also a name with a dot, with which an address continues at a path or a port."""
_NAMED = re.compile(
    rf"((?:^|[/?&;_])(?:{PASSWORDS})=)([^&;]+?)(?=_[a-z]+=|[&;]|$)",
    re.IGNORECASE,
)
_KEY = re.compile(
    r"(?<=[/?&=;])(?:(?=[^/]*[a-z])(?=[^/]*[A-Z])(?=[^/]*\d)[A-Za-z0-9]{12,}|[0-9a-fA-F]{16,}|[0-9a-fA-F-]{32,})"
    r"(?=[/?&;]|$)"
)
"""A part of a path that is probably a key, such as `rtsps://192.168.1.1:7441/Ab12Cd34Ef56Gh78`."""
FOREVER = "100 years"
"""No limit, as a maximum age of recordings."""
_OF_ENVIRONMENT = re.compile(
    r"HOME|PATH|USER|LOGNAME|LANG|LANGUAGE|MAIL|SHELL|SHLVL|PWD|OLDPWD|TERM|HOSTNAME|TZ|TMPDIR|DISPLAY|EDITOR|PAGER|IFS"
    r"|NOTIFY_SOCKET|INVOCATION_ID|JOURNAL_STREAM|CREDENTIALS_DIRECTORY|STATE_DIRECTORY"
    r"|(LC|XDG|SSH|SUDO|DBUS|SYSTEMD|WATCHDOG|TAWNY)_.*|PYTHON.*"
)
"""Usual environment variables, which would replace secrets of the same name."""
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})
_STRAY_PERCENT = re.compile(r"%(?![0-9a-fA-F]{2})")


class ForeignFormatError(ValueError):
    """The text is not from this system, or broken.

    line: 1-based line of the error if the system is recognized, else 0.
    """

    def __init__(self, why: str, line: int = 0) -> None:
        super().__init__(why)
        self.line = line


@dataclass(frozen=True, slots=True)
class ImportSource:
    """A file to import.

    folder: where the file is; its relative paths begin there. home: what `~` means.
    """

    text: str
    folder: Path
    home: Path

    def path(self, text: str, base: Path | None = None) -> str:
        """Return an absolute path. base: where a relative one begins, if not in the file's folder."""
        if text == "~" or text.startswith("~/"):
            return str(self.home / text[2:])
        return str(Path(base or self.folder) / text)


@dataclass
class ImportResult:
    """Converted settings.

    settings: tables of tawny.toml. secrets: values of the `${NAME}`s in them.
    became: the tawny setting for each original one, as text. left: settings without an equivalent, with the reason.
    """

    settings: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    became: dict[str, str] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)
    unsupported: dict[str, str] = field(default_factory=dict)
    """Cameras that tawny cannot open, with the start of their addresses."""
    comment: str = ""
    """Lines for the head of tawny.toml: tables to fill in, commented out."""
    lines: dict[str, int] = field(default_factory=dict)
    """Line of each original key."""
    origins: dict[str, str] = field(default_factory=dict)
    """Original key of each setting, by path."""

    def put(self, theirs: str, path: str, value: Any, words: str = "") -> None:
        """Set a value: `put("fps", "cameras.door.v4l2.fps", 12)`. words: description instead of path and value."""
        *tables, key = path.split(".")
        table = self.settings
        for name in tables:
            table = table.setdefault(name, {})
        table[key] = value
        self.origins[path] = theirs
        self.became[theirs] = words or f"{path} = {_shown(value)}"

    def line_of(self, path: str) -> int:
        """Return the line that made a setting; 0 if none did."""
        while path:
            if path in self.origins:
                return self.lines.get(self.origins[path], 0)
            path = path.rpartition(".")[0]
        return 0

    def listens(self, theirs: str, port: int) -> None:
        """Set the web port, on 127.0.0.1 only, as `tawny init` does."""
        here = f"127.0.0.1:{port}"
        words = f'web.listen = "{here}"; 0.0.0.0:{port} lets other devices connect'
        self.put(theirs, "web.listen", here, words)

    def keeps_forever(self) -> None:
        """Set the retention of a recorder that deletes nothing because of its age."""
        words = f'storage.retention.max = "{FOREVER}": recordings are deleted only to keep space on the disk free'
        self.put("(recordings have no maximum age)", "storage.retention.max", FOREVER, words)

    def secret(self, name: str, value: str) -> str:
        """Store a secret under a name of its own and return its `${NAME}` placeholder."""
        name = re.sub(r"[^A-Z0-9]+", "_", name.upper()).strip("_")
        name = f"CAMERA_{name}" if name[:1].isdigit() or _OF_ENVIRONMENT.fullmatch(name) else name
        usual, number = name, 2
        while name in self.secrets or name in os.environ:  # which comes before secrets.toml
            name, number = f"{usual}_{number}", number + 1
        self.secrets[name] = value
        return f"${{{name}}}"

    def put_source(self, theirs: str, camera: str, source: str) -> bool:
        """Set a camera's address. Its secrets are stored apart; the report names only its host.

        Return False, and leave the camera out, if tawny has no source for this type of address.
        """
        source = source.strip()
        scheme = _URL.fullmatch(source)
        if scheme and scheme[1].lower() not in SOURCES:
            self.left[theirs] = f"{scheme[1]} addresses aren't supported; use the camera's rtsp:// address"
            self.unsupported[camera] = scheme[1]
            return False
        self.put(theirs, f"cameras.{camera}.source", self._without_secrets(camera, source))
        found = _URL.fullmatch(source)
        if found:
            _, place = _split_login(found[2])
            self.became[theirs] = f"cameras.{camera}.source = {found[1]}{re.split('[/?#]', place)[0]}/…"
        return True

    def _without_secrets(self, camera: str, source: str) -> str:
        """Return the address with placeholders for password and keys, percent-encoded where that is needed."""
        found = _URL.fullmatch(source)
        if found is None:
            return source
        login, place = _split_login(found[2])
        number = 0

        def placeholder(value: str) -> str:
            nonlocal number
            number += 1
            return self.secret(camera if number == 1 else f"{camera}_{number}", value)

        user, colon, password = login.partition(":")
        login_text = _encoded(user) + (f":{placeholder(_encoded(password))}" if password else colon)
        end = re.search("[/?#]|$", place)
        host, path = place[: end.start()] if end else place, place[end.start() :] if end else ""
        path = _NAMED.sub(lambda one: one[1] + placeholder(one[2].replace("#", "%23")), path)
        for in_path in LOGINS_IN_PATH:
            path = in_path.sub(lambda one: one[1] + placeholder(one[2].replace("#", "%23")) if one[2] else one[0], path)
        path = _KEY.sub(lambda one: placeholder(one[0]), path)
        return f"{found[1]}{login_text}{'@' if login else ''}{host}{path}"


def _split_login(rest: str) -> tuple[str, str]:
    """Split what follows the scheme into login and host with path.

    Other recorders pass addresses on as they are, so a password may contain `@`, `/`, `?` and `#`. The login ends at
    the first `@` before an IP address, or else the last one before a usual host or before what may be a host. Without
    one before the path, an address or a name with a dot is the host: an `@` then belongs to the path. `nvr:8554` is one
    unless an `@` before a likely host follows, as in `me:12345/6@cam.lan/main`.
    """
    start = re.split("[/?]", rest, maxsplit=1)[0]
    if _ONLY_SURE_HOST.fullmatch(start):
        return "", rest
    may_be_host = _ONLY_HOST.fullmatch(start) is not None
    first, host = (rest.partition("://")[0], _LIKELY_HOST) if may_be_host else (rest, _SURE_HOST)
    if sure := next((at for at in range(len(first)) if rest[at] == "@" and host.match(rest, at + 1)), None):
        return rest[:sure], rest[sure + 1 :]
    if may_be_host:
        return "", rest
    places = [at for at in range(len(rest)) if rest[at] == "@" and _HOST.match(rest, at + 1)]
    ends = [at for at in places if _USUAL_HOST.match(rest, at + 1)] or places
    return (rest[: ends[-1]], rest[ends[-1] + 1 :]) if ends else ("", rest)


def _encoded(text: str) -> str:
    """Return a part of a login percent-encoded; what is encoded already stays."""
    return quote(_STRAY_PERCENT.sub("%25", text), safe="%")


def camera_id(name: str, usual: str = "camera") -> str:
    """Return `front-door-left` for `Front Door/Left` and `kueche` for `Küche`; `usual` if nothing valid remains."""
    german = unicodedata.normalize("NFC", name).lower().translate(_UMLAUTS)
    plain = "".join(one for one in unicodedata.normalize("NFKD", german) if not unicodedata.combining(one))
    text = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40].strip("-")
    return text if is_camera_id(text) else usual


def toml_quoted(text: str) -> str:
    """Return the text percent-encoded as a URL component."""
    return quote(text, safe="")


def _shown(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def flip(*, left_right: bool, up_down: bool) -> str:
    """Return the value for `picamera.flip`."""
    if left_right:
        return "both" if up_down else "left-right"
    return "up-down" if up_down else "none"


@dataclass(frozen=True, slots=True)
class ForeignValues:
    """The values of a file with their lines. Every reader raises ForeignFormatError with line and allowed values."""

    values: Mapping[str, Any]
    lines: Mapping[str, int]

    def text(self, key: str, usual: str = "") -> str:
        value = self.values.get(key, usual)
        if not isinstance(value, str):
            raise self.wrong(key, 'text in quotes, such as "door"')
        return value

    def number(self, key: str, usual: float, least: float, most: float, *, is_whole: bool = False) -> float:
        """Return a number from least to most, written as one or as text."""
        value = self.values.get(key, usual)
        try:
            if isinstance(value, bool):
                raise TypeError
            number = float(value)
            is_fit = math.isfinite(number) and least <= number <= most and not (is_whole and number % 1)
        except (TypeError, ValueError, OverflowError):
            is_fit = False
        if not is_fit:
            raise self.wrong(key, f"{'a whole number' if is_whole else 'a number'} from {least:g} to {most:g}")
        return number

    def whole(self, key: str, usual: int, least: int, most: int) -> int:
        return int(self.number(key, usual, least, most, is_whole=True))

    def wrong(self, key: str, allowed: str) -> ForeignFormatError:
        """Return the error for a value; it does not show it, as it may be a secret."""
        return ForeignFormatError(f"{key}: this value can't be used; allowed: {allowed}", self.lines.get(key, 1))

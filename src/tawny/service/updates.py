"""Updates: how this tawny was installed, and whether there is a newer version.

A list of releases is asked when an owner presses a button, and once a day only with `updates.check`. What it answers is
untrusted: a version and a link are taken from it, and nothing is downloaded or installed.
"""

import http.client
import json
import logging
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import quote, urlsplit

from tawny import __version__
from tawny.config.secure import is_web_address
from tawny.config.settings import UpdateSettings
from tawny.engine import ActorHandle, Engine
from tawny.model.errors import NotDone
from tawny.model.times import Clock

Way = Literal["source", "folder", "container", "addon", "package"]
EVERY_S: Final = 24 * 3600.0
FIRST_S: Final = 60.0
"""Delay of the first question after the start, so that a restart loop doesn't ask all the time."""
AGAIN_S: Final = 3600.0
_TIMEOUT_S: Final = 10.0
"""Time for the connection, and for each wait for data."""
MOST_S: Final = 30.0
"""Time for a whole answer, and for another question to end."""
_MOST_BYTES: Final = 2_000_000
_AS_IT_IS: Final = "%/:=&?~+!$,;'@()*[]"
_ADDRESS_DO: Final = "Check the internet connection, and `updates.url`."
_VERSION: Final = re.compile(r"v?(\d{1,6}(?:\.\d{1,6}){0,4})(?:\.post\d+|\+.*)?(\D.*)?", re.IGNORECASE)
_LINK: Final = re.compile(r"https?://[^\s\"'<>\\]{1,500}")
log = logging.getLogger(__name__)


def installed_by(root: Path = Path("/"), module: Path = Path(__file__)) -> Way:
    """Return how this tawny was installed, and so how it is updated. folder: from source, without git."""
    source = module.parents[3]
    if (source / ".git").exists():
        return "source"
    if (root / ".dockerenv").exists() or (root / "run/.containerenv").exists():
        return "addon" if (root / "data/options.json").exists() else "container"  # the file is the Supervisor's
    is_folder = all((source / name).is_file() for name in ("pyproject.toml", "scripts/setup.sh"))
    return "folder" if is_folder else "package"


@dataclass(frozen=True, slots=True)
class Release:
    """A published version. notes: URL of its release notes; empty if none."""

    version: str
    notes: str = ""


@dataclass(frozen=True, slots=True)
class UpdateState:
    """The last answer. asked_ms: ms UTC; None: not asked since the start. newest: None: no release is published.

    problem, todo: why there was no answer, and what to do; empty: there was one.
    """

    asked_ms: int | None = None
    newest: Release | None = None
    is_newer: bool = False
    problem: str = ""
    todo: str = ""


class UpdateCheck:
    """Asks for the newest version, as an actor. Thread-safe.

    settings: returns the current ones. running: the version that runs here. most_s: as `MOST_S`.
    """

    name = "update check"

    def __init__(
        self,
        settings: Callable[[], UpdateSettings],
        clock: Clock,
        running: str = __version__,
        most_s: float = MOST_S,
    ) -> None:
        self._settings, self._clock, self.running, self._most_s = settings, clock, running, most_s
        self._asking = threading.Lock()
        self._due_s = clock.mono_s() + FIRST_S
        self._handle = ActorHandle()
        self._known: tuple[str, UpdateState] = ("", UpdateState())
        """The address that was asked, and its last answer."""

    def start(self, engine: Engine) -> None:
        self._handle.start(engine, self.name, lambda: self)

    def changed(self) -> None:
        """Take over changed settings."""
        self._handle.wake()

    @property
    def state(self) -> UpdateState:
        """The last answer of the current address; that of another one is forgotten."""
        url, state = self._known
        return state if url == self._settings().url else UpdateState()

    @property
    def is_daily(self) -> bool:
        return self._settings().check

    @property
    def host(self) -> str:
        """Server that is asked, and so learns that this recorder exists."""
        return urlsplit(self._settings().url).hostname or ""

    def ask(self) -> UpdateState:
        """Ask now, and return the answer; a failure keeps what was known before."""
        if not self._asking.acquire(timeout=self._most_s):
            return replace(self.state, problem=f"{self.host} is still being asked.", todo="Try again in a minute.")
        try:
            address, now_ms = self._settings().url, self._clock.now_ms()
            try:
                newest = newest_release(_fetched(address, self._most_s))
            except NotDone as error:
                log.warning("can't look for a new version: %s", error.what)
                state = replace(self.state, asked_ms=now_ms, problem=error.what, todo=error.todo)
            else:
                state = UpdateState(now_ms, newest, newest is not None and is_newer(newest.version, self.running))
            self._known = address, state
            self._due_s = self._clock.mono_s() + (AGAIN_S if state.problem else EVERY_S)
            return state
        finally:
            self._asking.release()

    def step(self) -> float:
        if not self.is_daily:
            return AGAIN_S
        if self._clock.mono_s() >= self._due_s:
            self.ask()
        return max(1.0, self._due_s - self._clock.mono_s())

    def close(self) -> None:
        """Nothing to release."""


def is_newer(version: str, than: str) -> bool:
    """Return whether a version is newer; False if one of them isn't a version."""
    one, other = _ordered(version), _ordered(than)
    return one is not None and other is not None and one > other


def _ordered(version: str) -> tuple[tuple[int, ...], bool] | None:
    """Return what versions are compared by: 1.2.0 equals 1.2, and 1.2rc1 comes before both."""
    found = _VERSION.fullmatch(version.strip())
    if found is None:
        return None
    numbers = [int(part) for part in found[1].split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers), not found[2]


def newest_release(data: object) -> Release | None:
    """Return the newest final release of a list; None: it has none. Drafts and pre-releases are passed over.

    Known forms: releases of GitHub, GitLab, Gitea and Forgejo, a single one or a list, and PyPI's JSON of a project.
    Raises NotDone: for anything else.
    """
    found = [one for one in _releases(data) if (key := _ordered(one.version)) is not None and key[1]]
    return max(found, key=lambda one: _ordered(one.version) or ((), False), default=None)


def _releases(data: object) -> Iterator[Release]:
    if isinstance(data, dict) and isinstance(data.get("info"), dict):
        yield Release(_text(data["info"].get("version")), _link(data["info"].get("release_url")))
        return
    for one in data if isinstance(data, list) else [data]:
        if not isinstance(one, dict) or not isinstance(one.get("tag_name"), str):
            raise _no_list()
        if not (one.get("draft") or one.get("prerelease") or one.get("upcoming_release")):
            links = one.get("_links")
            notes = one.get("html_url") or (links.get("self") if isinstance(links, dict) else "")
            yield Release(_text(one["tag_name"]), _link(notes))


def _no_list() -> NotDone:
    return NotDone("The address of releases didn't answer with a list of releases.", "Check `updates.url`.")


def _text(value: Any) -> str:
    """Return a version as it is shown: without the `v` of a tag; empty for what is none."""
    text = value.strip() if isinstance(value, str) and len(value) <= 60 else ""
    return text[1:] if text[:1] in ("v", "V") else text


def _link(value: Any) -> str:
    return value if isinstance(value, str) and _LINK.fullmatch(value) else ""


def _fetched(address: str, most_s: float) -> object:
    """Return the JSON at an address. Redirects are not followed, as they lead to another server."""
    if not address:
        raise NotDone("No address of releases is set.", "Set `updates.url`.")
    if not is_web_address(address):
        raise NotDone("The address of releases isn't one of https.", "Check `updates.url`.")
    host = urlsplit(address).hostname
    late = threading.Event()
    try:
        status, data = _answer(address, most_s, late)
    except (OSError, http.client.HTTPException, UnicodeError) as error:
        if not late.is_set():
            raise NotDone(f"{host} isn't responding ({str(error) or type(error).__name__}).", _ADDRESS_DO) from None
    if late.is_set():
        raise NotDone(f"{host} didn't finish its answer within {most_s:g} s.", _ADDRESS_DO)
    if 300 <= status < 400:
        raise NotDone(f"{host} refers to another address ({status}).", "Set `updates.url` to that one.")
    if status != 200:
        raise NotDone(f"{host} isn't responding (it responded with {status}).", _ADDRESS_DO)
    try:
        return json.loads(data) if len(data) <= _MOST_BYTES else None
    except (ValueError, RecursionError):
        raise _no_list() from None


def _answer(address: str, most_s: float, late: threading.Event) -> tuple[int, bytes]:
    """Return status and body of the answer. most_s: then the connection is ended, however slowly data comes."""
    parts = urlsplit(address)
    is_tls, host = parts.scheme == "https", parts.hostname or ""
    line = (http.client.HTTPSConnection if is_tls else http.client.HTTPConnection)(host, parts.port)
    connection = socket.create_connection((host, line.port), _TIMEOUT_S)
    ending = connection.dup()  # TLS takes the other one over

    def end() -> None:
        late.set()
        with suppress(OSError):
            ending.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(most_s, end)
    timer.start()
    try:
        tls = ssl.create_default_context() if is_tls else None
        line.sock = tls.wrap_socket(connection, server_hostname=host) if tls else connection
        path = quote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""), safe=_AS_IT_IS)
        line.request("GET", path, headers={"User-Agent": "tawny", "Accept": "application/json", "Connection": "close"})
        answer = line.getresponse()
        return answer.status, answer.read(_MOST_BYTES + 1)
    finally:
        timer.cancel()
        timer.join()
        line.close()
        connection.close()
        ending.close()

"""The diagnostics bundle: what helps others to find a fault, as a ZIP archive, without names, addresses and secrets."""

import getpass
import io
import json
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

from tawny.config.loader import known_secrets
from tawny.model.errors import SettingsError
from tawny.model.ids import CameraId
from tawny.model.times import Clock, utc_text
from tawny.service.cameras.connection_report import Report, report_text
from tawny.service.diagnosis.anonymizer import Anonymizer, learn_settings, learn_tables, share_settings
from tawny.service.diagnosis.doctor import ExaminedRecorder, examine
from tawny.service.diagnosis.machine import STATE_TEXTS, Diagnosis, versions
from tawny.service.diagnosis.settings_view import in_force
from tawny.service.plugin_registry import PluginRegistry

KEPT_S: Final = 900.0
"""The files that were listed are those that are saved, for this long."""
LOG_LINES: Final = 2000
_README: Final = """\
Diagnostics of a tawny recorder, made {at}.

Names, addresses, places and secrets were replaced: camera-1, person-1, private-address-1, (hidden).
Read the files before you share them.

{files}
"""


@dataclass(frozen=True, slots=True)
class BundleFile:
    """about: what is in it, as a sentence."""

    name: str
    about: str
    data: bytes


@dataclass(frozen=True, slots=True)
class BundleContents:
    """Everything that goes into a bundle, with names. health: as in `tawny status --json`; None: not running."""

    recorder: ExaminedRecorder
    diagnoses: Sequence[Diagnosis]
    health: Mapping[str, Any] | None = None
    log: str = ""
    reports: Mapping[CameraId, Report] = field(default_factory=dict)
    people: Sequence[str] = ()


def make_files(contents: BundleContents, doors: PluginRegistry, at_ms: int) -> list[BundleFile]:
    """Return the files of the bundle, anonymized."""
    hide = _anonymizer(contents)
    if hide is None:  # names in texts can't be recognized
        contents = BundleContents(
            replace(contents.recorder, settings=None), [one for one in contents.diagnoses if one.area != "settings"]
        )
        hide = Anonymizer()
    found = [
        BundleFile("doctor.txt", "What `tawny doctor` found.", _bytes(hide.text(_doctor(contents)))),
        BundleFile("versions.json", "Versions of tawny, Python, the system and libraries.", _json(versions())),
    ]
    settings = contents.recorder.settings
    if settings is not None and not contents.recorder.problems:
        shown = share_settings(in_force(settings, doors), hide)
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
    readme = _README.format(at=utc_text(at_ms), files=listed)
    return [BundleFile("README.txt", "What is in this archive.", _bytes(readme)), *found]


def _doctor(contents: BundleContents) -> str:
    """Return the findings; of invalid settings only where they are, as their values may be anything."""
    places = "; ".join(f"{one.path}: allowed: {one.allowed}" for one in contents.recorder.problems)
    found = [
        replace(one, what=f"Invalid: {places}.") if places and one.area == "settings" else one
        for one in contents.diagnoses
    ]
    return diagnoses_text(found)


def _anonymizer(contents: BundleContents) -> Anonymizer | None:
    """Return what knows every name; None if the settings file can't be read, which has most of them."""
    hide, recorder = Anonymizer(), contents.recorder
    for person in contents.people:
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
    if recorder.config is not None:
        with suppress(SettingsError):  # unreadable here, so none of it is in a text
            hide.hide(*known_secrets(recorder.config.parent, {}).values())
    hide.name("computer", socket.gethostname(), socket.gethostname().partition(".")[0])
    user = getpass.getuser()
    if user != "root":
        hide.name("user", user)
    for path in (recorder.folder, recorder.config):
        if path is not None:
            hide.name("path", str(path), str(path.absolute()))
    return hide


def zip_of(files: Iterable[BundleFile], at_ms: int) -> bytes:
    """Return the archive. Its folder and file times say only when it was made."""
    made, at = io.BytesIO(), datetime.fromtimestamp(at_ms / 1000, UTC)
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
        self, recorder: Callable[[], ExaminedRecorder], state: RunningState, doors: PluginRegistry, clock: Clock
    ) -> None:
        self._recorder, self._state, self._doors, self._clock = recorder, state, doors, clock
        self._lock = threading.Lock()
        self._made: tuple[float, Diagnostics] | None = None

    def make(self) -> Diagnostics:
        recorder = self._recorder()
        found = tuple(examine(recorder, self._clock))
        state, at_ms = self._state, self._clock.now_ms()
        contents = BundleContents(recorder, found, state.health(), state.log(), state.reports(), state.people())
        made = Diagnostics(at_ms, found, tuple(make_files(contents, self._doors, at_ms)))
        with self._lock:
            self._made = self._clock.mono_s(), made
        return made

    def last(self) -> Diagnostics:
        """Return the bundle that was listed last; a new one if that was long ago."""
        with self._lock:
            known = self._made
        if known is not None and self._clock.mono_s() - known[0] < KEPT_S:
            return known[1]
        return self.make()


def certificate_files(config: Path | None, folder: Path | None) -> tuple[Path, ...]:
    """Return the certificates that the web server may use: next to the settings, else in the recorder's folder."""
    base = config.absolute().parent if config is not None else folder
    return tuple(sorted(base.glob("certificates/*/chain.pem"))) if base is not None else ()

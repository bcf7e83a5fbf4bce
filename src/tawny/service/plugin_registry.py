"""Plug-in registry: plug-ins by entry point name, and validation of settings by their plug-ins."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any, ClassVar, Final, TypeVar

from tawny.config import integrations
from tawny.config.loader import unknown_table
from tawny.config.modes import ALL, NONE, RuleAction
from tawny.config.recognition import RecogniserSettings, SearchSettings
from tawny.config.settings import CameraSettings, Settings
from tawny.config.targets import DestinationSettings, FileSetSettings, NotifierSettings
from tawny.config.units import duration_text
from tawny.delivery import mqtt_client
from tawny.delivery.destination import (
    ALLOW_ANY,
    Destination,
    DestinationConnection,
    DestinationContext,
    folder_of,
    why_no_destination,
)
from tawny.delivery.file_names import checked, checked_in_folder
from tawny.delivery.mqtt_client import base_topic
from tawny.delivery.notifier import Notifier, NotifierConnection, NotifierContext, NotifierTraits
from tawny.detection.detector import DetectorKind
from tawny.detection.onnx import PROVIDERS
from tawny.engine.plugins import PluginBroken, PluginFailed, PluginGroup, PluginMissing, plug_in_code
from tawny.events.rule_engine import ANYBODY, EVERYBODY
from tawny.model.errors import DeliveryError, NotDone, Problem, SettingsError
from tawny.sources.network_address import scheme_of
from tawny.sources.source import CameraSource

log = logging.getLogger(__name__)
_Kind = TypeVar("_Kind")


class PluginFailure(Problem):
    """A problem that a plug-in causes. Cameras are recorded all the same."""


# Validation of rules: they may name only configured cameras, notifiers, destinations, modes, people and locations.


def check_rules(settings: Settings) -> Iterator[Problem]:
    """Yield problems with their paths, such as `rules.0.when.camera`."""
    known = {
        "camera": tuple(settings.cameras),
        "mode": settings.modes.names,
        "home": (*settings.modes.presence.everybody, ANYBODY),
        "away": (*settings.modes.presence.everybody, EVERYBODY),
    }
    for number, rule in enumerate(settings.rules):
        path = f"rules.{number}"
        for key, names in known.items():
            for name in getattr(rule.when, key):
                if name not in names:
                    yield Problem(f"{path}.when.{key}", repr(name), ", ".join(names) or "none are set")
        if not settings.modes.location and any(one.needs_sun for one in rule.when.between):
            yield Problem(f"{path}.when.between", "sunrise or sunset", "location = [latitude, longitude] under [modes]")
        for action in rule.do:
            yield from _check_action(f"{path}.do", action, settings)


def _check_action(path: str, action: RuleAction, settings: Settings) -> Iterator[Problem]:
    match action.verb:
        case "notify" if action.name not in (ALL, NONE):
            names = tuple(settings.notifiers)
        case "upload" if action.name not in (ALL, NONE):
            names = tuple(settings.destinations)
        case "record" if action.name:
            names = tuple(settings.cameras)
        case "ptz":
            names = tuple(settings.cameras)
        case "relay":
            names = tuple(settings.relays)
        case "run" | "say" if not settings.scripts.folder:
            yield Problem(path, repr(str(action)), "scripts only where `scripts.folder` is set")
            return
        case _:
            return
    if action.name not in names:
        yield Problem(path, repr(str(action)), f"one of {', '.join(names)}" if names else "none are set")


# Validation of recognition settings: unknown recognizers, sealed cameras and zones.

SEALED = "a camera without encryption; recognition results would be stored unencrypted next to its recordings"


def check_reading(settings: Settings, recognisers: Mapping[str, Any]) -> Iterator[Problem]:
    there = sorted({*recognisers, *(name for name, one in settings.recognizers.items() if one.file)})
    for name, camera in settings.cameras.items():
        path = f"cameras.{name}.detection"
        for wanted in camera.detection.recognize:
            if wanted not in there:
                yield Problem(
                    f"{path}.recognize", repr(wanted), ", ".join(there) or "none: no recognizers are configured"
                )
        if camera.detection.recognize and settings.is_sealed(name):
            yield Problem(f"{path}.recognize", "an encrypted camera", SEALED)
        for zone in camera.detection.recognize_zones:
            if zone not in camera.detection.zones:
                yield Problem(
                    f"{path}.recognize_zones",
                    repr(zone),
                    ", ".join(camera.detection.zones) or "none: there are no zones",
                )
    for name, one in settings.recognizers.items():
        yield from _check_recogniser(name, one, recognisers)


def _check_recogniser(name: str, one: RecogniserSettings, recognisers: Mapping[str, Any]) -> Iterator[Problem]:
    path = f"recognizers.{name}"
    if one.file and not one.file.endswith(".py"):
        yield Problem(f"{path}.file", repr(one.file), "a Python file with read(picture), such as faces.py")
    elif one.file and one.options:
        yield Problem(path, f"{', '.join(one.options)}", "only known settings, together with `file`")
    elif not one.file and (why := _why_broken(recognisers, name)):
        yield _not_loaded(path, name, why)
    elif not one.file and name not in recognisers:
        yield Problem(path, "no file", "`file`, or the name of an installed plug-in")
    elif not one.file:
        yield from _failures(path, name, lambda: recognisers[name](one.options))


def _check_search(search: SearchSettings, embedders: Mapping[str, Any]) -> Iterator[Problem]:
    if search.model not in embedders and (why := _why_broken(embedders, search.model)):  # it is loaded when first used
        yield _not_loaded("search.model", search.model, why)
        return
    if search.options and search.model not in embedders:
        yield Problem(
            "search", ", ".join(search.options), "only known settings, unless `model` is an installed plug-in"
        )
    if search.model and "/" not in search.model and search.model not in embedders:
        there = ", ".join(embedders) or "none is installed"
        yield Problem("search.model", repr(search.model), f"a folder such as /srv/models/clip, or a plug-in: {there}")


SHOWS_NOTHING: Final = "Nothing: its plug-in doesn't work."
"""What people see of a notifier whose plug-in is broken."""
OFF = "off"
"""Detector name that disables detection."""


_ADDRESSES: Final = "rtsp://host/path, /dev/video0, picamera:0, a video file such as clip.mp4, or demo:front"
_THROUGH_FFMPEG: Final = "`exec:` with a command of FFmpeg, see “Cameras without RTSP” in the documentation"


def unknown_kind(address: str) -> tuple[str, str]:
    """Return problem and remedy of an address that no source claims."""
    if scheme_of(address) == "srt":
        return "tawny doesn't read SRT itself.", f"Let FFmpeg read it: {_THROUGH_FFMPEG}."
    return "Unknown type of address.", "Use rtsp://…, http://…, /dev/video0, picamera:0 or a video file."


@dataclass(frozen=True, slots=True)
class PluginRegistry:
    """Plug-ins by name, loaded on first access. Access to a broken plug-in raises KeyError."""

    sources: Mapping[str, CameraSource]
    detectors: Mapping[str, DetectorKind]
    destinations: Mapping[str, Destination] = field(default_factory=dict)
    notifiers: Mapping[str, Notifier] = field(default_factory=dict)
    recognisers: Mapping[str, Any] = field(default_factory=dict)
    """Factories: each is called with its settings and returns a `detection.recognition.Recogniser`."""
    accelerators: Mapping[str, Any] = field(default_factory=dict)
    """Each is a `detection.onnx.Accelerator`."""
    embedders: Mapping[str, Any] = field(default_factory=dict)
    """Factories: each is called with its settings and returns a `detection.embedding.Embedder`."""
    sounds: Mapping[str, Any] = field(default_factory=dict)
    """Factories: each is called with its settings and returns a `detection.sound_classes.SoundModel`."""
    own_folders: tuple[Path, ...] = ()
    """Folders of this recorder that its settings don't name: no destinations."""
    tolerated: set[Problem] = field(default_factory=set)
    """What the recorder runs with: no other change of the settings is refused because of it."""

    @classmethod
    def opened(cls, own_folders: tuple[Path, ...] = ()) -> "PluginRegistry":
        """Return the registry of all installed plug-ins."""
        first = ("rtsp", "file", "v4l2")
        to_files, to_people = ("settings", "public", "connect"), ("traits", "settings", "public", "open")
        sources = PluginGroup("tawny.sources", _made_source, first)
        destinations = PluginGroup("tawny.destinations", partial(_made_target, needs=to_files))
        notifiers = PluginGroup("tawny.notifiers", partial(_made_target, needs=to_people))
        recognisers, accelerators = PluginGroup("tawny.recognizers"), PluginGroup("tawny.accelerators")
        detectors = PluginGroup("tawny.detectors")
        embedders, sounds = PluginGroup("tawny.embedders"), PluginGroup("tawny.sounds")
        return cls(
            sources, detectors, destinations, notifiers, recognisers, accelerators, embedders, sounds, own_folders
        )

    @property
    def broken(self) -> list[PluginBroken]:
        """Plug-ins that could not be loaded."""
        return [one for group in self._groups for one in group.broken]

    @property
    def left_out(self) -> list[PluginBroken]:
        """Plug-ins that aren't used because of their name."""
        return [one for group in self._groups for one in group.left_out]

    @property
    def _groups(self) -> list[PluginGroup]:
        models = self.recognisers, self.accelerators, self.embedders, self.sounds
        parts = self.sources, self.detectors, self.destinations, self.notifiers, *models
        return [one for one in parts if isinstance(one, PluginGroup)]

    def source_of(self, address: str) -> CameraSource | None:
        """Return the source for this address; None if no plug-in supports it."""
        for name in list(self.sources):
            with suppress(KeyError):
                source = self.sources[name]
                if _answer(name, partial(source.claims, address), otherwise=False):
                    return source
        return None

    def destination_of(self, url: str) -> Destination | None:
        """Return the destination type for this address; None if no plug-in supports it."""
        name = _of_scheme(self.destinations, url)
        return self.destinations[name] if name else None

    def notifier_of(self, url: str) -> Notifier | None:
        """Return the notifier type for this address; None if no plug-in supports it."""
        name = _of_scheme(self.notifiers, url)
        return self.notifiers[name] if name else None

    def traits_of(self, url: str) -> NotifierTraits:
        """Return what the notifier of this address can do; nothing if its plug-in fails."""
        kind, nothing = self.notifier_of(url), NotifierTraits(SHOWS_NOTHING)
        if kind is None:
            return nothing
        return _answer(_plug_in(url), lambda: _typed(kind.traits(url), NotifierTraits), nothing)

    def public_destination(self, url: str) -> str:
        """Return the address of a destination without secrets; only its scheme if the plug-in fails."""
        return _public(self.destination_of(url), url)

    def public_notifier(self, url: str) -> str:
        """Return the address of a notifier without secrets; only its scheme if the plug-in fails."""
        return _public(self.notifier_of(url), url)

    def public(self, address: str) -> str:
        """Return the address without user and password."""
        source = self.source_of(address)
        if source is None:
            return "unknown type of address"
        return _answer(_plug_in(address), lambda: _typed(source.public(address), str), "unknown address")

    def check(self, settings: Settings, file: str) -> None:
        """Validate settings that only plug-ins can validate. Raises SettingsError with every problem."""
        if problems := [one for one in self.problems(settings) if one not in self.tolerated]:
            raise SettingsError(file, tuple(problems))

    def check_to_record(self, settings: Settings, file: str) -> None:
        """Validate like `check`, but only log what plug-ins cause: cameras are recorded without them."""
        problems = self.problems(settings)
        if any(not isinstance(one, PluginFailure) for one in problems):
            raise SettingsError(file, tuple(problems))
        for one in problems:
            log.error("%s. tawny records without it.", one)
        self.tolerated.update(problems)

    def problems(self, settings: Settings) -> list[Problem]:
        """Return what `check` raises."""
        problems = [problem for name, camera in settings.cameras.items() for problem in self._check(name, camera)]
        for name, one in settings.destinations.items():
            problems += self._check_destination(f"destinations.{name}", one, settings)
        for name, files in settings.files.items():
            problems += self._check_files(f"files.{name}", files, settings)
        for name, notifier in settings.notifiers.items():
            problems += self._check_notifier(name, notifier, settings)
        for number, tier in enumerate(settings.storage.tiers):
            if tier.url:
                problems += self._check_archive(f"storage.tiers.{number}.url", tier.url)
        problems += check_rules(settings)
        problems += check_reading(settings, self.recognisers)
        problems += _check_search(settings.search, self.embedders)
        device = settings.object_detection.device
        if device not in (*PROVIDERS, *self.accelerators):
            there, why = ", ".join([*PROVIDERS, *self.accelerators]), _why_broken(self.accelerators, device)
            path = "object_detection.device"
            problems.append(_not_loaded(path, device, why) if why else Problem(path, repr(device), there))
        problems += _check_programs(settings)
        return problems

    def _check_archive(self, path: str, url: str) -> Iterator[Problem]:
        kind = self.destination_of(url)
        name = "s3"
        why = _why_broken(self.destinations, name) if kind is None else ""
        if why and "boto3" not in why:  # no PluginFailure: without it, recordings can't be reached
            yield Problem(path, "", f"the plug-in {name} couldn't be loaded: {why}")
        elif kind is None:
            yield Problem(path, "a bucket, but boto3 is not installed", "`pip install 'tawny[s3]'`")
        else:
            yield from _failures(path, _plug_in(url), lambda: kind.settings(url, {}))

    def _check(self, name: str, camera: CameraSettings) -> Iterator[Problem]:
        for key in ("source", "sub"):
            address = getattr(camera, key)
            if address and self.source_of(address) is None:
                found, allowed = "an address of unknown type", _ADDRESSES
                if scheme_of(address) == "srt":
                    found, allowed = "an address of SRT, which tawny doesn't read itself", _THROUGH_FFMPEG
                yield _unknown_address(f"cameras.{name}.{key}", found, allowed, self.sources)
        for table, values in camera.tables.items():
            path = f"cameras.{name}.{table}"
            if why := _why_broken(self.sources, table):
                yield _not_loaded(path, table, why)
            elif table not in self.sources:
                yield unknown_table(name, table, self.sources, self.detectors)
            else:
                yield from _failures(path, table, partial(self.sources[table].settings, values))
        detector = camera.detection.detector
        if detector != OFF and (why := _why_broken(self.detectors, detector)):
            yield _not_loaded(f"cameras.{name}.detection.detector", detector, why)
        elif detector != OFF and detector not in self.detectors:
            allowed = ", ".join([OFF, *sorted(self.detectors)])
            yield Problem(f"cameras.{name}.detection.detector", repr(detector), allowed)
        elif detector != OFF:
            kind = self.detectors[detector]
            path = f"cameras.{name}.detection.{detector}"
            yield from _failures(path, detector, lambda: kind(camera.detection.options))
        for key in camera.detection.model_extra or {}:
            if key not in self.detectors and not _why_broken(self.detectors, key):
                path = f"cameras.{name}.detection.{key}"
                yield Problem(path, "an unknown setting", "a detector, or a detector's table")

    def _check_destination(self, path: str, one: DestinationSettings, settings: Settings) -> Iterator[Problem]:
        kind = self.destination_of(one.url)
        if kind is None:
            found, allowed = "an address of unknown type", _schemes(self.destinations)
            yield _unknown_address(f"{path}.url", found, allowed, self.destinations)
        else:
            yield from _failures(f"{path}.url", _plug_in(one.url), lambda: kind.settings(one.url, one.options))
        folder = folder_of(one.url)
        if folder is not None and not one.options.get(ALLOW_ANY):
            why = why_no_destination(folder, own_folders(settings, self.own_folders))
            if why.startswith("tawny's own"):
                yield Problem(f"{path}.url", why, f"another folder, or `{ALLOW_ANY} = true` in tawny.toml")
        yield from _refusals(f"{path}.names", lambda: checked(one.names))
        if one.write_only and one.retention is not None:
            found = f"{duration_text(one.retention)}, though with `write_only` tawny deletes nothing there"
            yield Problem(f"{path}.retention", found, "no `retention`; set a lifecycle rule at the destination")
        yield from _unknown(f"{path}.cameras", one.cameras, settings)

    def _check_files(self, path: str, one: FileSetSettings, settings: Settings) -> Iterator[Problem]:
        folder = Path(one.folder)
        if one.folder and (why := why_no_destination(folder, own_folders(settings, self.own_folders))):
            yield Problem(f"{path}.folder", f"{one.folder}, which is {why}", "another folder, for example /srv/cameras")
        if one.destination and one.destination not in settings.destinations:
            there = ", ".join(settings.destinations) or "none is configured"
            yield Problem(f"{path}.destination", repr(one.destination), f"an upload destination: {there}")
        if path.partition(".")[2] in (*settings.destinations, *settings.notifiers):
            yield Problem(path, "a name already used by a destination or a notifier", "another name")
        yield from _refusals(f"{path}.names", lambda: checked_in_folder(one.names))
        yield from _unknown(f"{path}.cameras", one.cameras, settings)
        for camera in one.cameras:
            if camera in settings.cameras and settings.is_sealed(camera):
                yield Problem(
                    f"{path}.cameras", f"{camera}, whose recordings are encrypted", "cameras that are not encrypted"
                )

    def _check_notifier(self, name: str, one: NotifierSettings, settings: Settings) -> Iterator[Problem]:
        path = f"notifiers.{name}"
        kind = self.notifier_of(one.url)
        if kind is None:
            found, allowed = "an address of unknown type", _schemes(self.notifiers)
            yield _unknown_address(f"{path}.url", found, allowed, self.notifiers)
        else:
            plug_in = _plug_in(one.url)
            yield from _failures(path, plug_in, lambda: kind.settings(one.url, one.options))
            yield from _failures(path, plug_in, lambda: _typed(kind.traits(one.url), NotifierTraits))
        if name in settings.destinations:
            yield Problem(path, "a name already used by a destination", "another name")
        yield from _unknown(f"{path}.cameras", one.cameras, settings)


def _check_programs(settings: Settings) -> Iterator[Problem]:
    """Validate integrations against the configured cameras and scripts."""
    cameras, tables = (
        settings.cameras,
        {name: getattr(settings, name) for name in ("webhooks", "api_clients", "relays")},
    )
    for path, camera in integrations.cameras_named({**tables, "mqtt": {"": settings.mqtt}}):
        yield from _unknown(f"{path.rstrip('.')}.cameras", (camera,), settings)
    for name, relay in settings.relays.items():
        if relay.camera in cameras and not cameras[relay.camera].onvif:
            yield Problem(f"relays.{name}.camera", repr(relay.camera), "a camera with `onvif` set")
    for name, webhook in settings.webhooks.items():
        for each in webhook.files:
            if each not in settings.files:
                there = ", ".join(settings.files) or "none is configured"
                yield Problem(f"webhooks.{name}.files", repr(each), f"a set of `files`: {there}")
    scripts = {f"webhooks.{name}.url": one.script for name, one in settings.webhooks.items()}
    scripts |= {f"relays.{name}.script": one.script for name, one in settings.relays.items()}
    for path, script in scripts.items():
        if script and not settings.scripts.folder:
            yield Problem(path, f"the script {script}", "scripts only if `scripts.folder` is set")
    if settings.scripts.folder and not settings.scripts.folder.startswith("/"):
        yield Problem(
            "scripts.folder", repr(settings.scripts.folder), "an absolute path, for example /etc/tawny/scripts"
        )
    if settings.mqtt.url:
        yield from _refusals("mqtt.url", lambda: base_topic(settings.mqtt.url))
    if settings.mqtt.url and not mqtt_client.is_client_installed():
        yield Problem("mqtt.url", "a broker", mqtt_client.MISSING)


def own_folders(settings: Settings, others: Iterable[Path] = ()) -> list[Path]:
    """Return the folders of recordings, and the other ones."""
    storage = settings.storage
    named = [storage.path, storage.spare, storage.mirror, *(tier.path for tier in storage.tiers)]
    return [*others, *(Path(path).expanduser() for path in named if path)]


def _of_scheme(parts: Mapping[str, Any], url: str) -> str:
    """Return the name of the plug-in for this address scheme; empty if none."""
    scheme = url.partition(":")[0].lower()
    for name in list(parts):
        with suppress(KeyError):
            if scheme in parts[name].schemes:
                return name
    return ""


def _schemes(parts: Mapping[str, Any]) -> str:
    """Return the schemes of all plug-ins that can be loaded."""
    schemes: list[str] = []
    for name in list(parts):
        with suppress(KeyError):
            schemes += parts[name].schemes
    return ", ".join(f"{each}:…" for each in sorted(schemes))


# Faults of plug-ins: they may lack anything, and raise anything.


def _made(kind: Callable[[], Any], needs: tuple[str, ...]) -> Any:
    """Return a plug-in. Raises TypeError if it lacks a method."""
    part = kind()
    for method in needs:
        if not callable(getattr(part, method, None)):
            raise TypeError(f"it has no method `{method}`")
    return part


def _made_source(kind: Callable[[], Any]) -> Any:
    """Return a source. Raises TypeError or ValueError also if an attribute isn't valid."""
    part = _made(kind, ("settings", "claims", "public", "open"))
    if not isinstance(getattr(part, "scheme", None), str):
        raise TypeError("`scheme` must be a text")
    float(getattr(part, "warm_up_s", 0.0))
    return part


def _made_target(kind: Callable[[], Any], needs: tuple[str, ...]) -> Any:
    """Return a destination or notifier. Raises TypeError also if it has no valid schemes."""
    part = _made(kind, needs)
    schemes = getattr(part, "schemes", None)
    if not schemes or not isinstance(schemes, tuple | list) or not all(isinstance(one, str) for one in schemes):
        raise TypeError(f"`schemes` must be a tuple of texts such as ('ntfy',), not {schemes!r}")
    return part


class BrokenTarget:
    """In place of a destination or notifier whose plug-in couldn't be loaded: what is to be sent waits."""

    schemes: ClassVar[tuple[str, ...]] = ()

    def traits(self, url: str) -> NotifierTraits:
        return NotifierTraits(SHOWS_NOTHING)

    def settings(self, url: str, table: Mapping[str, Any]) -> Mapping[str, Any]:
        return {}

    def public(self, url: str) -> str:
        return f"{_plug_in(url)}:…"

    def open(self, context: NotifierContext) -> NotifierConnection:
        raise DeliveryError(context.name, "its plug-in couldn't be loaded")

    def connect(self, opening: DestinationContext) -> DestinationConnection:
        raise DeliveryError(opening.name, "its plug-in couldn't be loaded")


def _typed(value: object, kind: type[_Kind]) -> _Kind:
    """Return what a plug-in returned. Raises TypeError if it is something else."""
    if not isinstance(value, kind):
        raise TypeError
    return value


def _plug_in(address: str) -> str:
    """Return what names the plug-in of an address to people."""
    return address.partition(":")[0]


def _answer(plug_in: str, ask: Callable[[], _Kind], otherwise: _Kind) -> _Kind:
    """Return what a plug-in answers; if it fails, the other value, and log that once."""
    try:
        with plug_in_code(plug_in):
            return ask()
    except PluginFailed as error:
        _note_once(str(error))
        return otherwise


def _public(kind: Destination | Notifier | None, url: str) -> str:
    scheme = f"{_plug_in(url)}:…"
    return scheme if kind is None else _answer(_plug_in(url), lambda: _typed(kind.public(url), str), scheme)


@cache
def _note_once(failure: str) -> None:
    """Log it once: addresses are looked up again and again."""
    log.error("%s", failure)


def _why_broken(parts: Mapping[str, Any], name: str) -> str:
    """Return why the plug-in of this name can't be loaded; empty if it can, or if there is none."""
    try:
        parts[name]
    except KeyError as error:
        return error.why if isinstance(error, PluginMissing) else ""
    return ""


def _not_loaded(path: str, name: str, why: str) -> PluginFailure:
    return PluginFailure(path, "", f"the plug-in {name} couldn't be loaded: {why}")


def _unknown_address(path: str, found: str, allowed: str, parts: Mapping[str, Any]) -> Problem:
    """Return the problem of an address that no plug-in takes; it may be one of those that couldn't be loaded."""
    broken = parts.broken if isinstance(parts, PluginGroup) else []
    if not broken:
        return Problem(path, found, allowed)
    names = ", ".join(f"{one.name} ({one.error})" for one in broken)
    return PluginFailure(path, f"{found}; these plug-ins couldn't be loaded: {names}", allowed)


def _failures(path: str, plug_in: str, check: Callable[[], object]) -> Iterator[Problem]:
    """Yield what the plug-in refuses, or that it fails."""

    def run() -> None:
        with plug_in_code(plug_in, ValueError):
            check()

    try:
        yield from _refusals(path, run)
    except PluginFailed as error:
        yield PluginFailure(path, "", str(error))


def refuse_named(camera: str, settings: Settings) -> None:
    """Raise NotDone if settings outside the camera's own name it: without it, they would be refused."""
    named = [
        one.name or f"rules.{number}"
        for number, one in enumerate(settings.rules)
        if camera in one.when.camera or any(each.verb in ("record", "ptz") and each.name == camera for each in one.do)
    ]
    groups = ("notifiers", "destinations", "files", "webhooks", "api_clients", "relays")
    tables = {group: getattr(settings, group) for group in groups} | {"mqtt": {"": settings.mqtt}}
    named += [path.rstrip(".") for path, name in integrations.cameras_named(tables) if name == camera]
    if named:
        what = ", ".join(dict.fromkeys(named))
        raise NotDone(f"The camera is still named by {what}.", "Take it out there first.")


def _unknown(path: str, cameras: Iterable[str], settings: Settings) -> Iterator[Problem]:
    for camera in cameras:
        if camera not in settings.cameras:
            yield Problem(path, repr(camera), f"cameras in these settings: {', '.join(settings.cameras)}")


def _refusals(path: str, check: Callable[[], object]) -> Iterator[Problem]:
    try:
        check()
    except ValueError as error:
        yield Problem(path, "an invalid value", str(error))

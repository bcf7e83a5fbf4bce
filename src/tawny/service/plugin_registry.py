"""Plug-in registry: plug-ins by entry point name, and validation of settings by their plug-ins."""

import logging
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any, Final, Self, TypeVar

from tawny.config import integrations
from tawny.config.loader import unknown_table
from tawny.config.recognition import RecogniserSettings, SearchSettings
from tawny.config.settings import CameraSettings, DetectionSettings, Settings
from tawny.config.targets import DestinationSettings, FileSetSettings, NotifierSettings
from tawny.config.units import duration_text
from tawny.delivery.destination import (
    ALLOW_ANY,
    Destination,
    folder_of,
    why_no_destination,
)
from tawny.delivery.file_names import checked, checked_in_folder
from tawny.delivery.notifier import Notifier, NotifierTraits
from tawny.detection.detector import DetectorKind
from tawny.detection.onnx import PROVIDERS
from tawny.engine.plugins import PluginBroken, PluginFailed, PluginGroup, PluginMissing, is_own, plug_in_code
from tawny.model.errors import NotDone, Problem, SettingsError
from tawny.service.recorder import RecorderWarning
from tawny.service.setting_references import check_programs, check_rules, refusals, unknown_cameras
from tawny.sources.network_address import scheme_of
from tawny.sources.source import CameraSource

log = logging.getLogger(__name__)
_Kind = TypeVar("_Kind")


class PluginFailure(Problem):
    """A problem that a plug-in causes, perhaps by not being installed any more. Cameras are recorded all the same.

    of: the value that it is about, never shown: an address may hold a password.
    """

    of: str = ""

    def __new__(cls, path: str, found: str, allowed: str, line: int | None = None, of: str = "") -> Self:
        made = super().__new__(cls, path, found, allowed, line)
        made.of = of
        return made

    @property
    def key(self) -> tuple[str, str, str]:
        """What it is about. The rest of its text may change, such as the list of installed plug-ins."""
        return self.path, self.found, self.of

    @property
    def camera(self) -> str:
        """The camera whose setting it is; empty if none."""
        table, _, rest = self.path.partition(".")
        return rest.partition(".")[0] if table == "cameras" else ""


SEALED = "a camera without encryption; recognition results would be stored unencrypted next to its recordings"


def _check_search(search: SearchSettings, embedders: Mapping[str, Any]) -> Iterator[Problem]:
    if search.model in embedders:  # it is loaded when first used
        return
    if why := _why_broken(embedders, search.model):
        yield _not_loaded("search.model", search.model, why)
    elif search.model and "/" not in search.model:
        there = ", ".join(embedders) or "none is installed"
        allowed = f"a folder such as /srv/models/clip, or a plug-in: {there}"
        yield PluginFailure("search.model", repr(search.model), allowed)
    elif search.options:
        yield Problem(
            "search", ", ".join(search.options), "only known settings, unless `model` is an installed plug-in"
        )


SHOWS_NOTHING: Final = "Nothing: its plug-in doesn't work."
"""What people see of a notifier whose plug-in is broken."""
RESTORE: Final = "Install its plug-in again, or correct the setting."
OFF = "off"
"""Detector name that disables detection."""


_ADDRESSES: Final = "rtsp://host/path, /dev/video0, picamera:0, a video file such as clip.mp4, or demo:front"
_SCHEME: Final = re.compile(r"([A-Za-z][\w+.-]+):")
"""Of an address of a plug-in; one letter is a drive."""
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
    tolerated: set[tuple[str, str, str]] = field(default_factory=set)
    """Keys of what the recorder has run with: no other change is refused for it, and none that goes back to it."""
    lacking: list[PluginFailure] = field(default_factory=list)
    """What it runs without now."""
    checked: set[tuple[str, str]] = field(default_factory=set)
    """Path and options of parts that aren't made only to check them: one may load a model, or hold a device."""

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
    def warnings(self) -> list[RecorderWarning]:
        """What the recorder runs without."""
        found = [RecorderWarning(f"Plug-in {one.name} couldn't be loaded: {one.error}.") for one in self.broken]
        found += [RecorderWarning(f"Plug-in {one.name} isn't used: {one.error}.") for one in self.left_out]
        for path, what, known, _ in list(self.lacking):  # a copy: settings may change meanwhile
            why = f"found {what}; allowed: {known}" if what else known
            found.append(RecorderWarning(f"tawny records without {path}: {why}.", RESTORE))
        return found

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

    def check(self, settings: Settings, file: str) -> list[PluginFailure]:
        """Validate settings that only plug-ins can validate. Raises SettingsError with every problem.

        Return what is tolerated of them.
        """
        return self._tolerable(settings, file, lambda one: one.key in self.tolerated)

    def check_to_record(self, settings: Settings, file: str, strict: Collection[str] = ()) -> list[PluginFailure]:
        """Validate like `check`, but only log what plug-ins cause, or may: cameras are recorded without them.

        A name, or the scheme of an address, that no plug-in takes may be misspelled, or of a plug-in that was removed,
        which can't be known. No recording waits for a plug-in's detector or recognizer: neither loaded nor made here,
        they say what is wrong when they are used. Nor are models' accelerators. strict: cameras for which nothing is
        tolerated, such as those of the command line.
        """
        cameras = {f"cameras.{name}.detection": one.detection for name, one in settings.cameras.items()}
        made = [(f"{path}.{one.detector}", one.detector, one.options) for path, one in cameras.items()]
        self.checked.update((path, repr(options)) for path, name, options in made if _is_foreign(self.detectors, name))
        for name, recogniser in settings.recognizers.items():
            if _is_foreign(self.recognisers, name):
                self.checked.add((f"recognizers.{name}", repr(recogniser.options)))
        late = ("object_detection.device", settings.object_detection.device, self.accelerators)
        for path, name, parts in (late, ("search.model", settings.search.model, self.embedders)):
            if _is_foreign(parts, name):
                self.tolerated.add(_not_loaded(path, name, "").key)
        found = self._tolerable(settings, file, lambda one: one.camera not in strict)
        for one in found:
            log.error("%s. tawny records without it.", one)
        self.tolerated.update(one.key for one in found)
        self.run_with(found)
        return found

    def _tolerable(
        self, settings: Settings, file: str, is_tolerated: Callable[[PluginFailure], bool]
    ) -> list[PluginFailure]:
        """Return the problems, all of them tolerated. Raises SettingsError with the others."""
        found = self.problems(settings)
        refused = [one for one in found if not (isinstance(one, PluginFailure) and is_tolerated(one))]
        if refused:
            raise SettingsError(file, tuple(refused))
        return [one for one in found if isinstance(one, PluginFailure)]

    def run_with(self, tolerated: Sequence[PluginFailure]) -> None:
        """Name these as what tawny records without, as their settings are applied. See `check`."""
        self.lacking[:] = tolerated

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
        problems += self._check_reading(settings)
        problems += _check_search(settings.search, self.embedders)
        device = settings.object_detection.device
        if device not in (*PROVIDERS, *self.accelerators):
            there, why = ", ".join([*PROVIDERS, *self.accelerators]), _why_broken(self.accelerators, device)
            path = "object_detection.device"
            problems.append(_not_loaded(path, device, why) if why else PluginFailure(path, repr(device), there))
        problems += check_programs(settings)
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
            yield from _failures(path, url, lambda: kind.settings(url, {}))

    def _check(self, name: str, camera: CameraSettings) -> Iterator[Problem]:
        for key in ("source", "sub"):
            address = getattr(camera, key)
            if address and self.source_of(address) is None:
                found, allowed = "an address of unknown type", _ADDRESSES
                if scheme_of(address) == "srt":
                    found, allowed = "an address of SRT, which tawny doesn't read itself", _THROUGH_FFMPEG
                yield _unknown_address(f"cameras.{name}.{key}", address, (found, allowed), self.sources)
        for table, values in camera.tables.items():
            path = f"cameras.{name}.{table}"
            if why := _why_broken(self.sources, table):
                yield _not_loaded(path, table, why)
            elif table not in self.sources:
                unknown = unknown_table(name, table, self.sources, self.detectors)
                is_plug_ins = any(one.lower().startswith(f"{table}:") for one in (camera.source, camera.sub))
                yield PluginFailure(*unknown) if is_plug_ins else unknown
            else:
                source = self.sources[table]
                yield from _failures(path, table, partial(source.settings, values), source, repr(values))
        yield from self._check_detector(f"cameras.{name}.detection", camera.detection)

    def _check_detector(self, path: str, detection: DetectionSettings) -> Iterator[Problem]:
        detector, key = detection.detector, (f"{path}.{detection.detector}", repr(detection.options))
        if detector != OFF and key not in self.checked:
            if why := _why_broken(self.detectors, detector):
                yield _not_loaded(f"{path}.detector", detector, why)
            elif detector not in self.detectors:
                yield PluginFailure(f"{path}.detector", repr(detector), ", ".join([OFF, *sorted(self.detectors)]))
            else:
                yield from self._made(key, self.detectors, detector, detection.options)
        for name, value in (detection.model_extra or {}).items():
            if name not in self.detectors and not _why_broken(self.detectors, name):
                unknown = f"{path}.{name}", "an unknown setting", "a detector, or a detector's table"
                yield PluginFailure(*unknown) if isinstance(value, dict) else Problem(*unknown)

    def _made(self, key: tuple[str, str], parts: Mapping[str, Any], name: str, options: Any) -> Iterator[Problem]:
        """Yield why a part refuses to be made, or fails. key: its path and options (`checked`)."""
        found = list(_failures(key[0], name, lambda: parts[name](options), parts[name], key[1]))
        if not found and _is_foreign(parts, name):
            self.checked.add(key)
        yield from found

    def _check_reading(self, settings: Settings) -> Iterator[Problem]:
        there = sorted({*self.recognisers, *(name for name, one in settings.recognizers.items() if one.file)})
        for name, camera in settings.cameras.items():
            path = f"cameras.{name}.detection"
            for wanted in camera.detection.recognize:
                if wanted not in there and not _why_broken(self.recognisers, wanted):  # `warnings` names these
                    allowed = ", ".join(there) or "none: no recognizers are configured"
                    yield PluginFailure(f"{path}.recognize", repr(wanted), allowed)
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
            yield from self._check_recogniser(name, one)

    def _check_recogniser(self, name: str, one: RecogniserSettings) -> Iterator[Problem]:
        path = f"recognizers.{name}"
        key = (path, repr(one.options))
        if one.file and not one.file.endswith(".py"):
            yield Problem(f"{path}.file", repr(one.file), "a Python file with read(picture), such as faces.py")
        elif one.file and one.options:
            yield Problem(path, f"{', '.join(one.options)}", "only known settings, together with `file`")
        elif one.file or key in self.checked:
            return
        elif why := _why_broken(self.recognisers, name):
            yield _not_loaded(path, name, why)
        elif name not in self.recognisers:
            yield PluginFailure(path, "no file", "`file`, or the name of an installed plug-in")
        else:
            yield from self._made(key, self.recognisers, name, one.options)

    def _check_destination(self, path: str, one: DestinationSettings, settings: Settings) -> Iterator[Problem]:
        kind = self.destination_of(one.url)
        if kind is None:
            words = "an address of unknown type", _schemes(self.destinations)
            yield _unknown_address(f"{path}.url", one.url, words, self.destinations)
        else:
            chosen = repr((one.url, one.options))
            yield from _failures(f"{path}.url", one.url, lambda: kind.settings(one.url, one.options), kind, chosen)
        folder = folder_of(one.url)
        if folder is not None and not one.options.get(ALLOW_ANY):
            why = why_no_destination(folder, own_folders(settings, self.own_folders))
            if why.startswith("tawny's own"):
                yield Problem(f"{path}.url", why, f"another folder, or `{ALLOW_ANY} = true` in tawny.toml")
        yield from refusals(f"{path}.names", lambda: checked(one.names))
        if one.write_only and one.retention is not None:
            found = f"{duration_text(one.retention)}, though with `write_only` tawny deletes nothing there"
            yield Problem(f"{path}.retention", found, "no `retention`; set a lifecycle rule at the destination")
        yield from unknown_cameras(f"{path}.cameras", one.cameras, settings)

    def _check_files(self, path: str, one: FileSetSettings, settings: Settings) -> Iterator[Problem]:
        folder = Path(one.folder)
        if one.folder and (why := why_no_destination(folder, own_folders(settings, self.own_folders))):
            yield Problem(f"{path}.folder", f"{one.folder}, which is {why}", "another folder, for example /srv/cameras")
        if one.destination and one.destination not in settings.destinations:
            there = ", ".join(settings.destinations) or "none is configured"
            yield Problem(f"{path}.destination", repr(one.destination), f"an upload destination: {there}")
        if path.partition(".")[2] in (*settings.destinations, *settings.notifiers):
            yield Problem(path, "a name already used by a destination or a notifier", "another name")
        yield from refusals(f"{path}.names", lambda: checked_in_folder(one.names))
        yield from unknown_cameras(f"{path}.cameras", one.cameras, settings)
        for camera in one.cameras:
            if camera in settings.cameras and settings.is_sealed(camera):
                yield Problem(
                    f"{path}.cameras", f"{camera}, whose recordings are encrypted", "cameras that are not encrypted"
                )

    def _check_notifier(self, name: str, one: NotifierSettings, settings: Settings) -> Iterator[Problem]:
        path = f"notifiers.{name}"
        kind = self.notifier_of(one.url)
        if kind is None:
            words = "an address of unknown type", _schemes(self.notifiers)
            yield _unknown_address(f"{path}.url", one.url, words, self.notifiers)
        else:
            chosen = repr((one.url, one.options))
            yield from _failures(path, one.url, lambda: kind.settings(one.url, one.options), kind, chosen)
            yield from _failures(path, one.url, lambda: _typed(kind.traits(one.url), NotifierTraits), kind, chosen)
        if name in settings.destinations:
            yield Problem(path, "a name already used by a destination", "another name")
        yield from unknown_cameras(f"{path}.cameras", one.cameras, settings)


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


def _is_foreign(parts: Mapping[str, Any], name: str) -> bool:
    return isinstance(parts, PluginGroup) and parts.is_foreign(name)


def _not_loaded(path: str, name: str, why: str) -> PluginFailure:
    return PluginFailure(path, "", f"the plug-in {name} couldn't be loaded: {why}", of=name)


def _unknown_address(path: str, address: str, words: tuple[str, str], parts: Mapping[str, Any]) -> Problem:
    """Return the problem of an address that no plug-in takes. words: what was found, and what is allowed.

    It may be one of a plug-in that couldn't be loaded or was removed, unless it has no scheme or one of tawny's own.
    """
    found, allowed = words
    broken = parts.broken if isinstance(parts, PluginGroup) else []
    if broken:
        names = ", ".join(f"{one.name} ({one.error})" for one in broken)
        return PluginFailure(path, f"{found}; these plug-ins couldn't be loaded: {names}", allowed, of=address)
    found_scheme = _SCHEME.match(address)
    scheme = found_scheme[1].lower() if found_scheme is not None else ""
    if not scheme or (scheme in parts and not _is_foreign(parts, scheme)):
        return Problem(path, found, allowed)
    return PluginFailure(path, found, allowed, of=address)


def _failures(
    path: str, plug_in: str, check: Callable[[], object], part: object = None, of: str = ""
) -> Iterator[Problem]:
    """Yield what the plug-in refuses, or that it fails.

    plug_in: its name, or an address of it. part: one that isn't tawny's may refuse what its former version took; that
    stops no recording. of: what it was asked.
    """

    def run() -> None:
        with plug_in_code(_plug_in(plug_in), ValueError):
            check()

    try:
        for one in refusals(path, run):
            yield one if part is None or is_own(part) else PluginFailure(*one, of=of)
    except PluginFailed as error:
        yield PluginFailure(path, "", str(error), of=of)


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

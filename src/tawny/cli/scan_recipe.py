"""What a scan does with a video: its options as plain values, which another computer understands, too; and prepared.

Models, sounds and settings are those of the recorder where the scan runs.
"""

import json
import math
from argparse import Namespace
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tawny.cli import options
from tawny.config.settings import DetectionSettings
from tawny.detection.detector import DetectorKind, ScanDetectorKind, error_text
from tawny.detection.motion import MotionDetector
from tawny.detection.scan.scan import ScannedEvent, ScanOptions
from tawny.detection.watcher import LookStage
from tawny.engine.plugins import PluginFailed, PluginMissing, plug_in_code
from tawny.media.codec.video_file import FileVideo
from tawny.model.errors import DetectorFailed, NotDone, UsageError
from tawny.model.geometry import Polygon
from tawny.model.ids import CameraId
from tawny.model.times import SystemClock

if TYPE_CHECKING:
    from tawny.detection.scan.looks import LookMeter

Printed = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class ScanRecipe:
    """Options of a scan, as `tawny scan` takes them.

    sound: name of a model; empty: as the camera's settings say. looks: measure what objects looked like, for a search
    in results that are kept.
    """

    detector: str = MotionDetector.name
    settings: Mapping[str, Any] = field(default_factory=dict)
    region: tuple[str, ...] = ()
    thorough: bool = False
    join: str = "1 s"
    phase: str = "0 s"
    sound: str = ""
    looks: bool = True

    @classmethod
    def of(cls, args: Namespace) -> "ScanRecipe":
        settings = dict(map(pair, args.set)) | ({} if args.sensitivity is None else {"sensitivity": args.sensitivity})
        sound, looks = args.sound or "", bool(args.log or args.on)
        return cls(args.detector, settings, tuple(args.region), args.thorough, args.join, args.phase, sound, looks)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "ScanRecipe":
        return cls(**{**data, "region": tuple(data.get("region", ()))})


@dataclass(frozen=True)
class PreparedScan:
    """A recipe that is ready here.

    about: the options as comparable values, part of the cache key. sounds: returns the events of an input's sound;
    None: it is not analyzed. search_model: ID of the model that the vectors of objects are of; empty: none.
    """

    wanted: ScanOptions
    about: Mapping[str, Any]
    sounds: Callable[[FileVideo], list[ScannedEvent]] | None = None
    search_model: str = ""


def prepare(recipe: ScanRecipe, args: Namespace, camera: str, printed: Printed) -> PreparedScan:
    """Prepare a scan. args: where settings and models are. camera: whose recordings; empty: files.

    Raises UsageError; NotDone: a model is missing or can't be used.
    """
    private = masks_of(args, camera)
    wanted = replace(_wanted(recipe, printed), private=private)
    naming = _naming(args)
    if naming is not None:
        wanted = replace(wanted, name=naming.make)
    meter = _look_meter(args, camera, private) if recipe.looks else None
    wanted = replace(wanted, measure=meter.measured if meter is not None else None)
    hearing = _hearing(recipe, args, camera)
    about = (
        {"detector": recipe.detector, "settings": dict(wanted.settings), "region": list(recipe.region)}
        | {"thorough": recipe.thorough, "join": recipe.join}
        | ({"phase": recipe.phase} if wanted.phase_s else {})
        | ({"private": [list(one.points) for one in private]} if private else {})
        | _own_file(wanted.settings)
        | ({"naming": naming.known_by} if naming is not None else {})
        | ({"looks": _about_looks(meter)} if meter is not None else {})
        | ({"sound": hearing.known_by} if hearing is not None else {})
    )
    search_model = meter.model if meter is not None else ""
    return PreparedScan(wanted, about, hearing.find if hearing is not None else None, search_model)


def _wanted(recipe: ScanRecipe, printed: Printed) -> ScanOptions:
    kind = _kind(recipe.detector, printed)
    try:
        with plug_in_code(recipe.detector, ValueError):
            kind(recipe.settings)
        regions = tuple(map(polygon, recipe.region))
    except ValueError as error:
        raise UsageError(f"{str(error)[:1].upper()}{str(error)[1:]}.", "See `tawny scan --help`.") from None
    except PluginFailed as error:
        raise DetectorFailed(error_text(error)) from error
    join_s, phase_s = options.option_s(recipe.join, "--join"), options.option_s(recipe.phase, "--phase")
    return ScanOptions(kind, recipe.settings, recipe.thorough, join_s, regions, phase_s)


class _Naming(NamedTuple):
    """known_by: SHA-256 of the model."""

    make: Callable[[], LookStage]
    known_by: str


def _naming(args: Namespace) -> _Naming | None:
    """Return what names objects: the model that the recorder here uses, else the built-in one, as in live detection.

    Raises NotDone if the model that is set is missing or can't be used.
    """
    # lazy import: models take longer to load than `--help`
    from tawny.cli.paths import data_folder, load_settings
    from tawny.detection.classification import ClassificationQueue, TrackClassifier
    from tawny.detection.kind_model import FallbackClassifier, FallbackLabeller, KindClassifier, card_of
    from tawny.detection.models.object_model import ObjectModel
    from tawny.service.detection.classifier_runtime import OFF, kinds_file
    from tawny.service.detection.model_store import ModelStore

    settings, _ = load_settings(args)
    chosen, store = settings.object_detection, ModelStore(data_folder(args, settings), SystemClock())
    found = None if chosen.model == OFF else store.chosen(chosen.model)
    if found is not None:
        store.check(found)
        model = ObjectModel(store.file(found.name), found.labels or None, threshold=chosen.sure)

        def by_model() -> LookStage:
            queue = ClassificationQueue(model, is_inline=True)
            return TrackClassifier(CameraId("scan"), queue, DetectionSettings().notify_types)

        return _Naming(by_model, found.sha256)
    if chosen.kinds == OFF:
        return None
    card = card_of(kinds_file(chosen.kinds))
    built_in = FallbackClassifier(SystemClock(), KindClassifier(kinds_file(chosen.kinds)), slow_s=math.inf)
    built_in.triggers = card.triggers
    built_in.judged = card.tracks
    return _Naming(lambda: FallbackLabeller(built_in, {}), card.sha256)


def masks_of(args: Namespace, camera: str) -> tuple[Polygon, ...]:
    """Return the privacy masks of a camera, in the image as sent; none for files. args: where settings are."""
    if not camera:
        return ()
    from tawny.cli.paths import data_folder, load_settings, masked  # lazy: files are scanned without settings
    from tawny.detection import zones

    settings, _ = load_settings(args)
    return zones.masks_of(masked(settings, data_folder(args, settings)), camera)


def _look_meter(args: Namespace, camera: str, private: tuple[Polygon, ...]) -> "LookMeter | None":
    """Return what measures the looks of objects, as live detection does here; None: the settings say not to, or the
    camera is encrypted, of which nothing is stored readably.

    Raises NotDone if the search model of the settings can't be used.
    """
    # lazy import: the search model takes longer to load than `--help`
    from tawny.cli.paths import load_settings
    from tawny.detection.scan.looks import LookMeter
    from tawny.engine.plugins import PluginGroup
    from tawny.service.detection.embedding_search import SearchModel

    settings, _ = load_settings(args)
    search = settings.search
    if not (search.colours or search.model) or (camera and settings.is_sealed(CameraId(camera))):
        return None
    model = SearchModel(lambda: search, PluginGroup("tawny.embedders")) if search.model else None
    if model is not None and not model.id:
        raise NotDone(model.trouble, "Correct `search.model` in the settings, or leave it empty.")
    return LookMeter(search.colours, model.id if model else "", model.image if model else None, private)


def _about_looks(meter: "LookMeter") -> list[Any]:
    """Return the options of a meter as comparable values."""
    return [meter.colours, meter.model, [list(one.points) for one in meter.private]]


class _Hearing(NamedTuple):
    """known_by: the settings of sound detection, and the digest of a user's file."""

    find: Callable[[FileVideo], list[ScannedEvent]]
    known_by: str


def _hearing(recipe: ScanRecipe, args: Namespace, camera: str) -> _Hearing | None:
    """Return what detects sounds: with the model of `--sound`, else as the camera's settings say; None: nothing.

    Raises NotDone if the model is missing or can't be used.
    """
    if not (recipe.sound or camera):
        return None
    # lazy import: sound detection takes longer to load than `--help`
    from tawny.cli.paths import data_folder, load_settings
    from tawny.config.recognition import AudioSettings
    from tawny.detection.audio import SoundRules
    from tawny.detection.scan.sounds import scan_sounds
    from tawny.detection.sound_classes import SoundNamer
    from tawny.engine.plugins import PluginGroup
    from tawny.service.detection.sound_service import SoundService, sound_store

    settings, _ = load_settings(args)
    known = settings.cameras.get(CameraId(camera)) if camera else None
    own = known.detection.sound if known is not None else AudioSettings()
    wanted = own.model_copy(update={"listen": True, "model": recipe.sound, "labels": ""}) if recipe.sound else own
    if not wanted.listen:
        return None
    store, plug_ins = sound_store(data_folder(args, settings), SystemClock()), PluginGroup("tawny.sounds")

    def named() -> SoundNamer | None:
        if not wanted.model:
            return None
        service = SoundService(store, plug_ins, SystemClock(), is_inline=True)
        namer, model = service.namer(CameraId("scan"), wanted)
        try:
            service.await_ready(model)
        except NotDone:
            namer.close()
            raise
        return namer

    if (first := named()) is not None:
        first.close()
    rules = SoundRules(wanted.level, wanted.hold, wanted.cooldown, wanted.loud or not wanted.model)
    file = _own_file({"file": wanted.model} if wanted.model.endswith(".py") else {})
    sums = [card.sha256 for card in store.all() if card.name == wanted.model]
    return _Hearing(lambda video: scan_sounds(video, rules, named()), f"{wanted.model_dump_json()} {file} {sums}")


def _own_file(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the digest of a user detector's file, so that cached results are not used after it changes."""
    file = Path(str(settings["file"])).expanduser() if "file" in settings else None
    return {"file": sha256(file.read_bytes()).hexdigest()} if file is not None and file.is_file() else {}


def _kind(name: str, printed: Printed) -> DetectorKind:
    if name == MotionDetector.name:
        return MotionDetector
    # lazy import: listing the plug-ins takes longer than motion detection in a minute of video
    from tawny.engine.plugins import PluginGroup

    detectors = PluginGroup("tawny.detectors")
    if name not in detectors:
        raise UsageError(f"No detector named {name}.", f"Use one of {', '.join(sorted(detectors))}.")
    try:
        kind: DetectorKind = detectors[name]
    except PluginMissing as error:
        raise DetectorFailed(f"The plug-in {name} couldn't be loaded: {error.why}.") from None
    if isinstance(kind, ScanDetectorKind):
        return kind.for_scan(lambda text: printed(text.rstrip()))
    return kind


def pair(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"--set {text} is invalid.", "Use KEY=VALUE, for example level=400.")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


def polygon(text: str) -> Polygon:
    try:
        numbers = [float(number) for number in text.split(",")]
    except ValueError:
        numbers = [0.0]
    if len(numbers) % 2:
        raise ValueError(f"--region {text} must be pairs of x and y")
    try:
        return Polygon.of(zip(numbers[::2], numbers[1::2], strict=True))
    except ValueError as error:
        raise ValueError(f"--region {text} must have {error}") from None

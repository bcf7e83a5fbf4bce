"""Detection tuning service: reads and changes detection settings at runtime. Thread-safe.

Changes take effect at once and are written to the settings file if one is in use.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from tawny.config.changes import change_detection, change_orientation, plain_table, turned_camera
from tawny.config.settings import CameraSettings, DetectionSettings, Settings
from tawny.config.zones import Points
from tawny.detection.detector import DetectorParameter
from tawny.detection.watcher import LiveMeter
from tawny.model.errors import NotDone
from tawny.model.geometry import Orientation
from tawny.model.ids import CameraId, EventId
from tawny.model.times import Clock
from tawny.service import recorder as web
from tawny.service.cameras.camera import RunningCamera
from tawny.service.cameras.masking_cost import MaskingCost, masking_cost
from tawny.service.changeable_settings import ChangeableSettings, version_of
from tawny.service.detection.event_marks import Muting, MutingOffer, Mutings
from tawny.service.detection.sound_service import DetectedSound, SoundService
from tawny.service.plugin_registry import OFF, PluginRegistry

SENSITIVITY = DetectorParameter(50, 1, 100, is_whole=True)


class DetectionTuningService:
    """Changes the detection settings of cameras.

    cameras: returns the running ones.
    """

    def __init__(
        self,
        settings: ChangeableSettings,
        cameras: Callable[[], Mapping[CameraId, RunningCamera]],
        plugins: PluginRegistry,
        clock: Clock,
        mutings: Mutings,
        sounds: SoundService,
    ) -> None:
        self._settings, self._cameras, self._plugins, self._clock = settings, cameras, plugins, clock
        self._mutings, self._sounds = mutings, sounds
        self._changes: dict[CameraId, web.DetectionChangedInfo] = {}

    def detectors(self) -> Sequence[web.DetectorView]:
        found: list[web.DetectorView] = []
        for name in sorted(self._plugins.detectors, key=lambda name: (name != "motion", name)):
            with suppress(KeyError):  # it couldn't be loaded
                found.append(self._about(name))
        return found

    def readers(self) -> Sequence[str]:
        own = [name for name, one in self._settings.now().recognizers.items() if one.file]
        return list(dict.fromkeys([*sorted(self._plugins.recognisers), *own]))

    def watching(self, camera: CameraId) -> web.DetectionView | None:
        running, settings = self._cameras().get(camera), self._settings.now().cameras.get(camera)
        if running is None or settings is None:
            return None
        watch = settings.detection
        return web.DetectionView(
            watch=watch,
            privacy_masks=settings.privacy_masks,
            version=_version(settings),
            is_kept=self._settings.file is not None,
            notes=running.watching.notes,
            trouble=" ".join(running.watching.fault(running.coverage.status) or ()) or running.watching.trouble,
            sound_trouble=running.watching.sound_trouble,
            changed=self._changes.get(camera),
        )

    def meter(self, camera: CameraId) -> LiveMeter | None:
        running = self._cameras().get(camera)
        return None if running is None or running.settings.detection.detector == OFF else running.watching.meter

    def change(self, camera: CameraId, watch: DetectionSettings, privacy_masks: tuple[Points, ...], by: str) -> None:
        with self._settings.changing():
            now = self._settings.now()
            if camera not in now.cameras:
                raise NotDone(f"No camera named {camera}.", "It may have been removed. Reload the page.")
            watch = _remembering(now.cameras[camera].detection, watch)
            new = _with(now, camera, watch, privacy_masks)
            self._plugins.check(new, "the settings")
            if self._settings.file is not None:  # other values in the file may be overridden by the command line
                written = change_detection(self._settings.file, camera, watch, privacy_masks).cameras[camera]
                new = _with(now, camera, written.detection, written.privacy_masks)
            self._settings.apply_written(new)
            self._changes[camera] = web.DetectionChangedInfo(by, self._clock.now_ms())

    def masking_cost(self, camera: CameraId) -> MaskingCost:
        running = self._cameras().get(camera)
        if running is None:
            raise NotDone(f"No camera named {camera}.", "It may have been removed. Reload the page.")
        return masking_cost(camera, running.hubs, self._clock)

    def turn(self, camera: CameraId, orientation: Orientation, by: str) -> None:
        with self._settings.changing():
            now = self._settings.now()
            if camera not in now.cameras:
                raise NotDone(f"No camera named {camera}.", "It may have been removed. Reload the page.")
            changed = turned_camera(now.cameras[camera], orientation)
            if self._settings.file is not None:
                written = change_orientation(self._settings.file, camera, orientation).cameras[camera]
                update = {"detection": written.detection, "privacy_masks": written.privacy_masks}
                changed = changed.model_copy(update=update)
            self._settings.apply_written(now.model_copy(update={"cameras": {**now.cameras, camera: changed}}))
            self._changes[camera] = web.DetectionChangedInfo(by, self._clock.now_ms())

    def sounds(self, camera: CameraId) -> Sequence[DetectedSound]:
        running = self._cameras().get(camera)
        return running.watching.sounds_heard if running is not None else ()

    def sound_models(self) -> Sequence[str]:
        return self._sounds.models()

    def mutings(self, camera: CameraId) -> tuple[Sequence[Muting], Sequence[MutingOffer]]:
        return self._mutings.all(camera), self._mutings.offers(camera)

    def mute(self, camera: CameraId, event: EventId, by: str) -> Muting:
        return self._mutings.mute(camera, event, by)

    def renew_muting(self, camera: CameraId, muting: str) -> bool:
        return self._mutings.renew(camera, muting)

    def unmute(self, camera: CameraId, muting: str) -> bool:
        return self._mutings.unmute(camera, muting)

    def _about(self, name: str) -> web.DetectorView:
        from tawny.detection.classic.base import SHARED, ClassicDetector  # local: requires the vision library

        kind = self._plugins.detectors[name]
        words = (getattr(kind, "__doc__", None) or "").strip().partition("\n")[0]
        numbers: Mapping[str, DetectorParameter] = {}
        if isinstance(kind, type) and issubclass(kind, ClassicDetector):
            numbers = {"sensitivity": SENSITIVITY, **kind.NUMBERS, **SHARED}
        elif name == "motion":
            numbers = {"sensitivity": SENSITIVITY}
        return web.DetectorView(name, words, numbers)


def _remembering(before: DetectionSettings, watch: DetectionSettings) -> DetectionSettings:
    """Return the settings with the detector they had, so that every browser turns detection on with it again."""
    if watch.detector == before.detector:
        return watch
    when_on = before.detector if watch.detector == OFF else "motion"
    return watch.model_copy(update={"detector_when_on": when_on})


def _with(
    settings: Settings, camera: CameraId, watch: DetectionSettings, privacy_masks: tuple[Points, ...]
) -> Settings:
    update = {"detection": watch, "privacy_masks": privacy_masks}
    changed = settings.cameras[camera].model_copy(update=update)
    return settings.model_copy(update={"cameras": {**settings.cameras, camera: changed}})


def _version(camera: CameraSettings) -> str:
    return version_of([plain_table(camera.detection), camera.privacy_masks])

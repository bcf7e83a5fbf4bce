"""How cameras are watched, told and changed while they run: into the settings' file where there is one, and at once.

Any thread.
"""

import hashlib
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tawny.app.cameras.camera import Camera
from tawny.app.doors import OFF, Doors
from tawny.config.change import change_watch, plain
from tawny.config.settings import Settings, Watch
from tawny.model.clock import Clock
from tawny.model.errors import NotDone
from tawny.model.ids import CameraId
from tawny.watch.classic.numbers import Number
from tawny.watch.meter import Meter
from tawny.web import tuning as web

SENSITIVITY = Number(50, 1, 100, is_whole=True)


class Tuning:
    """settings, cameras: those in force. apply: takes over others. config: the settings' file; None: there is none."""

    def __init__(
        self,
        settings: Callable[[], Settings],
        cameras: Callable[[], Mapping[CameraId, Camera]],
        apply: Callable[[Settings, str], None],
        doors: Doors,
        clock: Clock,
        config: Path | None,
    ) -> None:
        self._settings, self._cameras, self._apply = settings, cameras, apply
        self._doors, self._clock, self._config = doors, clock, config
        self._lock = threading.Lock()
        self._changes: dict[CameraId, web.Changed] = {}

    def detectors(self) -> Sequence[web.DetectorAbout]:
        return [self._about(name) for name in sorted(self._doors.detectors, key=lambda name: (name != "motion", name))]

    def readers(self) -> Sequence[str]:
        own = [name for name, one in self._settings().recognisers.items() if one.file]
        return list(dict.fromkeys([*sorted(self._doors.recognisers), *own]))

    def watching(self, camera: CameraId) -> web.Watching | None:
        running, settings = self._cameras().get(camera), self._settings().cameras.get(camera)
        if running is None or settings is None:
            return None
        watch = settings.watch
        return web.Watching(
            watch=watch,
            version=_version(watch),
            is_kept=self._config is not None,
            notes=running.watching.notes,
            trouble=running.watching.trouble,
            sound_trouble=running.watching.sound_trouble,
            changed=self._changes.get(camera),
        )

    def meter(self, camera: CameraId) -> Meter | None:
        running = self._cameras().get(camera)
        return None if running is None or running.settings.watch.detector == OFF else running.watching.meter

    def change(self, camera: CameraId, watch: Watch, by: str) -> None:
        with self._lock:
            now = self._settings()
            if camera not in now.cameras:
                raise NotDone(f"No camera named {camera}.", "It may have been removed. Reload the page.")
            new = _with(now, camera, watch)
            self._doors.check(new, "the settings")
            if self._config is not None:  # what else is in the file may be overruled by the command line
                new = _with(now, camera, change_watch(self._config, camera, watch).cameras[camera].watch)
            self._apply(new, str(self._config or "the settings"))
            self._changes[camera] = web.Changed(by, self._clock.now_ms())

    def _about(self, name: str) -> web.DetectorAbout:
        from tawny.watch.classic.plain import SHARED, Plain  # not above: it needs the vision library

        kind = self._doors.detectors[name]
        words = (getattr(kind, "__doc__", None) or "").strip().partition("\n")[0]
        numbers: Mapping[str, Number] = {}
        if isinstance(kind, type) and issubclass(kind, Plain):
            numbers = {"sensitivity": SENSITIVITY, **kind.NUMBERS, **SHARED}
        elif name == "motion":
            numbers = {"sensitivity": SENSITIVITY}
        return web.DetectorAbout(name, words, numbers)


def _with(settings: Settings, camera: CameraId, watch: Watch) -> Settings:
    changed = settings.cameras[camera].model_copy(update={"watch": watch})
    return settings.model_copy(update={"cameras": {**settings.cameras, camera: changed}})


def _version(watch: Watch) -> str:
    return hashlib.blake2s(json.dumps(plain(watch), sort_keys=True).encode(), digest_size=8).hexdigest()

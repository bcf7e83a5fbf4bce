"""Running cameras: started, changed and stopped one by one while the others continue."""

from collections.abc import Callable, Mapping

from tawny.config.changes.difference import SettingsDifference
from tawny.config.settings import CameraSettings as Settings
from tawny.model.ids import CameraId
from tawny.service.cameras.camera import CameraServices, RunningCamera
from tawny.service.cameras.duty import CameraDuty


class CameraSet:
    """The running cameras. Change them from one thread at a time. duty: returns what a camera must do now."""

    def __init__(self, parts: CameraServices, duty: Callable[[CameraId, Settings], CameraDuty]) -> None:
        self._parts, self._duty = parts, duty
        self.now: dict[CameraId, RunningCamera] = {}
        """Replaced as a whole, so that any thread may read it."""

    def begin(self, settings: Mapping[str, Settings], since_ms: int) -> None:
        self.now = {CameraId(name): self._made(CameraId(name), one, since_ms) for name, one in settings.items()}

    def take_over(self, settings: Mapping[str, Settings], change: SettingsDifference) -> None:
        """Apply changed settings. Only changed cameras restart."""
        cameras = dict(self.now)
        since_ms = self._parts.clock.now_ms()  # the time between two instances of a camera belongs to the second
        for name in (*change.removed, *change.changed):
            cameras.pop(CameraId(name)).close()
        for name in (*change.changed, *change.added):
            cameras[CameraId(name)] = self._made(CameraId(name), settings[name], since_ms)
        for name in change.watched:
            cameras[CameraId(name)].watch_otherwise(settings[name])
        self.now = {CameraId(name): cameras[CameraId(name)] for name in settings}

    def stand(self) -> None:
        """Restart the cameras whose duty has changed."""
        found = {name: camera for name, camera in self.now.items() if self._duty(name, camera.settings) != camera.duty}
        for camera in found.values():
            camera.stop_reading()
        since_ms = self._parts.clock.now_ms()
        for name, camera in found.items():
            camera.close()
            self.now = {**self.now, name: self._made(name, camera.settings, since_ms)}

    def close(self) -> None:
        for camera in self.now.values():
            camera.stop_reading(for_good=True)
        for camera in self.now.values():
            camera.close()

    def _made(self, name: CameraId, settings: Settings, since_ms: int) -> RunningCamera:
        return RunningCamera(name, settings, self._parts, since_ms, self._duty(name, settings))

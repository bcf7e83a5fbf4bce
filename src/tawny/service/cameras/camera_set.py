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
        duties = {CameraId(name): self._duty(CameraId(name), one) for name, one in settings.items()}
        self.now = {
            name: RunningCamera(name, settings[name], self._parts, since_ms, duty) for name, duty in duties.items()
        }

    def take_over(self, settings: Mapping[str, Settings], change: SettingsDifference) -> None:
        """Apply changed settings. Only changed cameras restart."""
        cameras = dict(self.now)
        since_ms = self._parts.clock.now_ms()  # the time between two instances of a camera belongs to the second
        for name in change.removed:
            cameras.pop(CameraId(name)).close()
        duties = {
            CameraId(name): self._duty(CameraId(name), settings[name]) for name in (*change.changed, *change.added)
        }
        begins_ms = {name: cameras.pop(name).close(then=duties[name]) for name in map(CameraId, change.changed)}
        for name, duty in duties.items():
            cameras[name] = RunningCamera(name, settings[name], self._parts, begins_ms.get(name) or since_ms, duty)
        for name in change.watched:
            cameras[CameraId(name)].watch_otherwise(settings[name])
        self.now = {CameraId(name): cameras[CameraId(name)] for name in settings}

    def stand(self) -> None:
        """Restart the cameras whose duty has changed."""
        duties = {name: self._duty(name, camera.settings) for name, camera in self.now.items()}
        found = {name: camera for name, camera in self.now.items() if duties[name] != camera.duty}
        for name, camera in found.items():
            camera.stop_reading(then=duties[name])
        since_ms = self._parts.clock.now_ms()
        for name, camera in found.items():
            begin_ms = camera.close(then=duties[name]) or since_ms
            made = RunningCamera(name, camera.settings, self._parts, begin_ms, duties[name])
            self.now = {**self.now, name: made}

    def close(self) -> None:
        for camera in self.now.values():
            camera.stop_reading(for_good=True)
        for camera in self.now.values():
            camera.close()

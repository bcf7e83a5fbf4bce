"""The running cameras: started, changed and stopped one by one while the others continue."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from tawny.config.effects import SettingsDifference
from tawny.config.settings import CameraSettings
from tawny.model.ids import CameraId, StreamName
from tawny.model.messages import ProblemKind
from tawny.model.states import CHOSEN, CameraState, CameraStatus
from tawny.recorder.recorder import WriteLoss
from tawny.service.cameras.camera import CameraServices, RunningCamera
from tawny.service.cameras.duty import CameraDuty
from tawny.service.cameras.stream_figures import byte_rates
from tawny.service.health.alarms import HealthProblem
from tawny.service.retention.promises import Rates
from tawny.stream.hub import Hub

OFFLINE_MS: Final = 60_000
"""Time without an answer after which a search may offer another address of a camera."""
_NOT_STORED: Final = CHOSEN | {CameraState.WAITING}


class RunningCameras:
    """The cameras that run now, for any thread. Only `CameraSet` replaces them, as a whole."""

    def __init__(self) -> None:
        self.now: Mapping[CameraId, RunningCamera] = {}

    def hub(self, camera: CameraId, stream: StreamName) -> Hub | None:
        found = self.now.get(camera)
        return found.hubs.get(stream) if found else None

    def show_filling(self, camera: CameraId, text: str) -> None:
        """Show how far gaps of a camera are filled."""
        if found := self.now.get(camera):
            found.filling = text

    def is_offline(self, camera: CameraId, now_ms: int) -> bool:
        """Return whether a camera has not answered for OFFLINE_MS."""
        found = self.now.get(camera)
        if found is None:
            return False
        status = found.coverage.status
        return status.state is CameraState.OFFLINE and now_ms - status.since_ms >= OFFLINE_MS

    def statuses(self) -> list[CameraStatus]:
        return [camera.watching.shown(camera.coverage.status) for camera in self.now.values()]

    def detection_problems(self) -> Iterator[HealthProblem]:
        """Yield why cameras that are recorded are not watched as they should be."""
        for name, camera in self.now.items():
            fault, sounds = camera.watching.fault(camera.coverage.status), camera.watching.sound_health
            if fault is None and sounds is not None:
                fault = sounds.fault
            if fault is not None:
                yield HealthProblem(ProblemKind.DETECTION, name, *fault)

    def byte_rates(self) -> Rates:
        """Return `byte_rates` of every stream that has them."""
        hubs = {(name, stream): hub for name, one in self.now.items() for stream, hub in one.hubs.items()}
        return {which: found for which, hub in hubs.items() if (found := byte_rates(hub)) is not None}

    def recorded_rates(self) -> Rates:
        """Return `byte_rates`, and 0 for the streams that are not being recorded now by choice."""
        found: dict[tuple[CameraId, StreamName], tuple[float, float]] = {}
        for name, one in self.now.items():
            is_left_out = one.coverage.status.state in _NOT_STORED  # a camera that is paused isn't even read
            for stream, hub in one.hubs.items():
                rate = (0.0, 0.0) if is_left_out else byte_rates(hub)
                if rate is not None:
                    found[name, stream] = rate
        return found

    def lost(self, loss: WriteLoss) -> None:
        """Handle the recorder's report that it cannot write, or can write again."""
        found = self.now.get(loss.camera)
        if found is not None:
            found.lost(loss)


class CameraSet:
    """Starts, changes and stops the running cameras, from one thread at a time.

    duty: returns what a camera must do now.
    """

    def __init__(
        self, running: RunningCameras, parts: CameraServices, duty: Callable[[CameraId, CameraSettings], CameraDuty]
    ) -> None:
        self._running, self._parts, self._duty = running, parts, duty

    def begin(self, settings: Mapping[str, CameraSettings], since_ms: int) -> None:
        duties = {CameraId(name): self._duty(CameraId(name), one) for name, one in settings.items()}
        self._running.now = {
            name: RunningCamera(name, settings[name], self._parts, since_ms, duty) for name, duty in duties.items()
        }

    def take_over(self, settings: Mapping[str, CameraSettings], change: SettingsDifference) -> int:
        """Apply changed settings. Only changed cameras restart, and not for controls that their source changes live.

        So does one whose memory holds video that a later event records, without masks that are now burned in.

        Return when added ones began, ms UTC.
        """
        cameras = dict(self._running.now)
        changed = [name for name in map(CameraId, change.changed) if not cameras[name].adjust(settings[name])]
        watched = list(map(CameraId, change.watched))
        changed += [name for name in watched if cameras[name].holds_unmasked(settings[name])]
        since_ms = self._parts.clock.now_ms()  # the time between two instances of a camera belongs to the second
        for name in change.removed:
            cameras.pop(CameraId(name)).close()
        duties = {name: self._duty(name, settings[name]) for name in (*changed, *map(CameraId, change.added))}
        former = {name: cameras.pop(name) for name in changed}
        begins_ms = {name: camera.close(then=duties[name]) for name, camera in former.items()}
        for name, duty in duties.items():
            begin_ms = begins_ms.get(name) or since_ms
            cameras[name] = RunningCamera(name, settings[name], self._parts, begin_ms, duty, former.get(name))
        for name in watched:
            if name in changed:
                continue
            cameras[name].watch_otherwise(settings[name])
            before = cameras[name].duty
            cameras[name].take_duty(self._duty(name, settings[name]))
            cameras[name].watch_as_due(before)
        self._running.now = {CameraId(name): cameras[CameraId(name)] for name in settings}
        return since_ms

    def stand(self) -> None:
        """Apply the duties that have changed. A camera is only closed to be paused for privacy, or to end that."""
        duties = {name: self._duty(name, camera.settings) for name, camera in self._running.now.items()}
        found = {name: camera for name, camera in self._running.now.items() if duties[name] != camera.duty}
        restarted = [name for name, camera in found.items() if duties[name].is_read != camera.duty.is_read]
        changed = [(camera, camera.duty, duties[name]) for name, camera in found.items() if name not in restarted]
        for camera, _, duty in changed:
            camera.take_duty(duty)
        self._reconnect(restarted, duties)
        for camera, before, _ in changed:
            camera.watch_as_due(before)

    def restart(self, camera: CameraId) -> None:
        """Connect to a camera again; no effect for an unknown one."""
        found = self._running.now.get(camera)
        if found is not None:
            self._reconnect([camera], {camera: self._duty(camera, found.settings)})

    def _reconnect(self, names: list[CameraId], duties: Mapping[CameraId, CameraDuty]) -> None:
        found = {name: self._running.now[name] for name in names}
        for name, camera in found.items():
            camera.stop_reading(then=duties[name])
        since_ms = self._parts.clock.now_ms()
        for name, camera in found.items():
            begin_ms = camera.close(then=duties[name]) or since_ms
            made = RunningCamera(name, camera.settings, self._parts, begin_ms, duties[name], before=camera)
            self._running.now = {**self._running.now, name: made}

    def close(self) -> None:
        for camera in self._running.now.values():
            camera.stop_reading(for_good=True)
        for camera in self._running.now.values():
            camera.close()

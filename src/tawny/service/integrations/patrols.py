"""Patrols of PTZ cameras, and their way back after someone has moved them."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from tawny.config.lens_and_ptz import PtzSettings
from tawny.config.settings import Settings
from tawny.engine.actor import start_thread
from tawny.model.errors import NotDone, TawnyError
from tawny.model.ids import CameraId
from tawny.model.messages import ProblemKind
from tawny.model.times import Clock
from tawny.service.health.alarms import HealthProblem
from tawny.service.integrations.device_control import DeviceControl
from tawny.service.integrations.external_events import ExternalEvents

log = logging.getLogger(__name__)
STEP_S: Final = 1.0
IDLE_S: Final = 10.0
"""Time between two looks at the settings while no camera has a patrol or a way back."""
ARRIVES_S: Final = 6.0
"""How long a camera may need to reach a preset, s: detection ignores what it shows meanwhile."""
FAILED_S: Final = 60.0
"""Pause after a camera that did not go."""
PLACE_DO: Final = "Choose another position, or Stay, in the camera's settings, under Pan and tilt."


@dataclass(slots=True)
class _Patrol:
    """One camera's. at: number of the next preset. due_s: when it goes on, s monotonic."""

    due_s: float
    at: int = 0
    is_away: bool = True
    """A person has moved it, and it has not returned. At the start, too: it may have been moved before a restart."""
    is_going: bool = False
    failed: dict[str, tuple[NotDone, float]] = field(default_factory=dict)
    """Why it can't go to presets, by name, and since when; one that is only out of reach is reported as offline."""


class PatrolKeeper:
    """Moves cameras by their `ptz` settings, as an actor. settings: returns the current ones."""

    name = "patrols"

    def __init__(
        self,
        settings: Callable[[], Settings],
        device_control: DeviceControl,
        external_events: ExternalEvents,
        clock: Clock,
        is_held: Callable[[CameraId], bool] = lambda _: False,
    ) -> None:
        """is_held: whether a camera must not be moved now: it is private, or follows something."""
        self._is_held = is_held
        self._settings, self._device_control, self._external_events, self._clock = (
            settings,
            device_control,
            external_events,
            clock,
        )
        self._patrols: dict[CameraId, _Patrol] = {}

    def step(self) -> float:
        chosen = {
            CameraId(name): one.ptz
            for name, one in self._settings().cameras.items()
            if one.onvif and (one.ptz.patrol or one.ptz.return_to)
        }
        self._patrols = {camera: self._patrols.get(camera) or self._begun(ptz) for camera, ptz in chosen.items()}
        for camera, ptz in chosen.items():
            self._try_saved(camera, ptz)
            preset = self._next(camera, ptz)
            if preset:
                patrol = self._patrols[camera]
                patrol.is_going, patrol.is_away = True, False  # a person who moves it while it goes is not forgotten
                start_thread(f"patrol {camera}", partial(self._go, camera, patrol, preset, ptz.dwell))
        return STEP_S if chosen else IDLE_S

    def problems(self) -> Iterator[HealthProblem]:
        """Yield each camera that can't go where its settings send it: without motors, or to a preset that is gone."""
        cameras = self._settings().cameras
        for camera, patrol in self._patrols.items():
            ptz = cameras[camera].ptz if camera in cameras else PtzSettings()
            failed = [found[0] for one in _places(ptz) if (found := patrol.failed.get(one))]
            if failed:
                detail = f"It can't move by itself: {failed[0].message}"
                yield HealthProblem(ProblemKind.INTEGRATION, camera, detail, f"{failed[0].do} {PLACE_DO}")

    def close(self) -> None:
        """Nothing to release: a camera that moves stops at its preset."""

    def _begun(self, ptz: PtzSettings) -> _Patrol:
        """Return a patrol that begins at once, or a way back that begins as if the camera had been moved now."""
        return _Patrol(0.0 if ptz.patrol else self._clock.mono_s() + ptz.return_after)

    def _try_saved(self, camera: CameraId, ptz: PtzSettings) -> None:
        """Make a preset the next one that it could not go to and that was saved since."""
        patrol = self._patrols[camera]
        for at, preset in enumerate(_places(ptz)):
            found = patrol.failed.get(preset)
            if found and not patrol.is_going and self._device_control.saved_s(camera, preset) >= found[1]:
                del patrol.failed[preset]
                patrol.at, patrol.due_s = at, 0.0

    def _next(self, camera: CameraId, ptz: PtzSettings) -> str:
        """Return the preset to go to now; empty: none."""
        patrol, now_s = self._patrols[camera], self._clock.mono_s()
        if self._device_control.idle_s(camera) < ptz.return_after:
            patrol.is_away = True
            return ""
        if patrol.is_going or now_s < patrol.due_s or self._is_held(camera):
            return ""
        if ptz.patrol:
            return ptz.patrol[patrol.at % len(ptz.patrol)]
        return ptz.return_to if patrol.is_away else ""

    def _go(self, camera: CameraId, patrol: _Patrol, preset: str, dwell_s: float) -> None:
        has_gone, begun_s = False, self._clock.mono_s()
        try:
            with self._external_events.turning(camera, ARRIVES_S, is_patrol=True):
                self._device_control.by_itself(camera, preset)
            has_gone = True
            patrol.failed.pop(preset, None)
        except TawnyError as error:
            if isinstance(error, NotDone):
                patrol.failed[preset] = error, begun_s
            log.warning("%s did not go to %s: %s", camera, preset, error)
        finally:  # whatever else ended it: it goes on
            patrol.due_s = self._clock.mono_s() + (dwell_s if has_gone else max(dwell_s, FAILED_S))
            patrol.is_away = patrol.is_away or not has_gone
            patrol.at += 1
            patrol.is_going = False


def _places(ptz: PtzSettings) -> tuple[str, ...]:
    return ptz.patrol or (ptz.return_to,)

"""Patrols of PTZ cameras, and their way back after someone has moved them."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from tawny.config.lens_and_ptz import PtzSettings
from tawny.config.settings import Settings
from tawny.engine.threads import start_thread
from tawny.model.errors import TawnyError
from tawny.model.ids import CameraId
from tawny.model.times import Clock
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


@dataclass(slots=True)
class _Patrol:
    """One camera's. at: number of the next preset. due_s: when it goes on, s monotonic."""

    at: int = 0
    due_s: float = 0.0
    is_away: bool = False
    """A person has moved it, and it has not returned."""
    is_going: bool = False


class PatrolKeeper:
    """Moves cameras by their `ptz` settings, as an actor. settings: returns the current ones."""

    name = "patrols"

    def __init__(
        self,
        settings: Callable[[], Settings],
        hands: DeviceControl,
        said: ExternalEvents,
        clock: Clock,
        is_held: Callable[[CameraId], bool] = lambda _: False,
    ) -> None:
        """is_held: whether a camera must not be moved now: it is private, or follows something."""
        self._is_held = is_held
        self._settings, self._hands, self._said, self._clock = settings, hands, said, clock
        self._patrols: dict[CameraId, _Patrol] = {}

    def step(self) -> float:
        chosen = {
            CameraId(name): one.ptz
            for name, one in self._settings().cameras.items()
            if one.onvif and (one.ptz.patrol or one.ptz.return_to)
        }
        self._patrols = {camera: self._patrols.get(camera, _Patrol()) for camera in chosen}
        for camera, ptz in chosen.items():
            preset = self._next(camera, ptz)
            if preset:
                self._patrols[camera].is_going = True
                start_thread(f"patrol {camera}", partial(self._go, camera, preset, ptz.dwell))
        return STEP_S if chosen else IDLE_S

    def close(self) -> None:
        """Nothing to release: a camera that moves stops at its preset."""

    def _next(self, camera: CameraId, ptz: PtzSettings) -> str:
        """Return the preset to go to now; empty: none."""
        patrol, now_s = self._patrols[camera], self._clock.mono_s()
        if self._hands.idle_s(camera) < ptz.return_after:
            patrol.is_away = True
            return ""
        if patrol.is_going or now_s < patrol.due_s or self._is_held(camera):
            return ""
        if ptz.patrol:
            return ptz.patrol[patrol.at % len(ptz.patrol)]
        return ptz.return_to if patrol.is_away else ""

    def _go(self, camera: CameraId, preset: str, dwell_s: float) -> None:
        patrol = self._patrols.get(camera)
        if patrol is None:
            return
        try:
            self._hands.by_itself(camera, preset)
            self._said.turned(camera, ARRIVES_S, is_patrol=True)
            patrol.due_s, patrol.is_away = self._clock.mono_s() + dwell_s, False
        except TawnyError as error:
            log.warning("%s did not go to %s: %s", camera, preset, error)
            patrol.due_s = self._clock.mono_s() + max(dwell_s, FAILED_S)
        patrol.at += 1
        patrol.is_going = False

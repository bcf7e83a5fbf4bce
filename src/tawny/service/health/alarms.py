"""Alarm monitor: publishes an `Alarm` when a problem lasts and another when it is resolved.

The monitor checks every few seconds. Short problems, such as a camera that reconnects, appear in the gap list only.
Notifiers subscribe to the bus; `now` holds the current problems for status, metrics and /healthz.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final

from tawny.model.ids import CameraId
from tawny.model.messages import Alarm, ProblemKind
from tawny.model.times import Clock

LOOK_S: Final = 5.0
LASTS_S: Final = 20.0
"""Duration, s, before a problem is reported. With 6 s to detect a silent camera the total stays well below 60 s."""
OVER_S: Final = 10.0
"""Duration, s, without the problem before it is resolved, so that a flapping camera causes one alarm."""

Key = tuple[ProblemKind, CameraId | None]


@dataclass(frozen=True, slots=True)
class HealthProblem:
    """A problem at present. what, do: as in `Alarm`."""

    what: ProblemKind
    camera: CameraId | None
    detail: str
    do: str = ""


@dataclass(slots=True)
class _Seen:
    alarm: Alarm
    first_s: float
    last_s: float
    is_reported: bool = False


class AlarmMonitor:
    """Monitors problems as an actor.

    look: returns the current problems from memory. report: receives alarms on the actor's thread.
    """

    name = "alarms"

    def __init__(
        self, look: Callable[[], Iterable[HealthProblem]], clock: Clock, report: Callable[[Alarm], None]
    ) -> None:
        self._look, self._clock, self._report = look, clock, report
        self._seen: dict[Key, _Seen] = {}
        self.now: tuple[Alarm, ...] = ()

    def step(self) -> float:
        now_s = self._clock.mono_s()
        for trouble in self._look():
            self._note(trouble, now_s)
        for key, seen in list(self._seen.items()):
            if not seen.is_reported and seen.last_s == now_s and now_s - seen.first_s >= LASTS_S:
                seen.is_reported = True
                self._report(seen.alarm)
            elif now_s - seen.last_s >= OVER_S:
                del self._seen[key]
                if seen.is_reported:
                    self._report(replace(seen.alarm, until_ms=self._clock.now_ms()))
        self.now = tuple(seen.alarm for seen in self._seen.values() if seen.is_reported)
        return LOOK_S

    def close(self) -> None:
        """No resources to release."""

    def _note(self, trouble: HealthProblem, now_s: float) -> None:
        key = (trouble.what, trouble.camera)
        seen = self._seen.get(key)
        if seen is None:
            alarm = Alarm(trouble.what, trouble.camera, self._clock.now_ms(), trouble.detail, do=trouble.do)
            self._seen[key] = _Seen(alarm, now_s, now_s)
        else:
            seen.alarm = replace(seen.alarm, detail=trouble.detail, do=trouble.do)
            seen.last_s = now_s

"""Alarm monitor: publishes an `Alarm` when a problem lasts and another when it is resolved.

The monitor checks every few seconds. Short problems, such as a camera that reconnects, appear in the gap list only.
Notifiers subscribe to the bus; `now` holds the current problems for status, metrics and /healthz.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
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
    """A problem at present. what, do: as in `Alarm`.

    about: what it concerns, such as a disk, where there can be several of this kind. It doesn't change while the
    problem lasts, so users are told of each one once, however its detail changes.
    """

    what: ProblemKind
    camera: CameraId | None
    detail: str
    do: str = ""
    about: str = ""


@dataclass(slots=True)
class _Seen:
    alarm: Alarm
    first_s: float
    last_s: float


class AlarmMonitor:
    """Monitors problems as an actor.

    look: returns the current problems from memory. report: receives alarms on the actor's thread: one for all problems
    of a kind and camera, and again when one of several begins or ends.
    """

    name = "alarms"

    def __init__(
        self, look: Callable[[], Iterable[HealthProblem]], clock: Clock, report: Callable[[Alarm], None]
    ) -> None:
        self._look, self._clock, self._report = look, clock, report
        self._seen: dict[tuple[ProblemKind, CameraId | None, str], _Seen] = {}
        self._told: dict[Key, Alarm] = {}
        """As last reported, with the present detail."""
        self.now: tuple[Alarm, ...] = ()
        """The current problems, one by one."""

    def step(self) -> float:
        now_s = self._clock.mono_s()
        self._note(now_s)
        self._seen = {which: seen for which, seen in self._seen.items() if now_s - seen.last_s < OVER_S}
        lasting = defaultdict[Key, dict[str, Alarm]](dict)
        for (what, camera, about), seen in self._seen.items():
            if seen.last_s - seen.first_s >= LASTS_S:
                lasting[what, camera][about] = seen.alarm
        for key in [key for key in self._told if key not in lasting]:
            self._report(replace(self._told.pop(key), until_ms=self._clock.now_ms(), changed_ms=None))
        for key, alarms in lasting.items():
            self._tell(key, alarms)
        self.now = tuple(alarm for alarms in lasting.values() for alarm in alarms.values())
        return LOOK_S

    def close(self) -> None:
        """No resources to release."""

    def _note(self, now_s: float) -> None:
        found = defaultdict[tuple[ProblemKind, CameraId | None, str], list[HealthProblem]](list)
        for trouble in self._look():
            found[trouble.what, trouble.camera, trouble.about].append(trouble)
        for which, troubles in found.items():
            detail, do = _joined(one.detail for one in troubles), _joined(one.do for one in troubles)
            seen = self._seen.get(which)
            if seen is None:
                alarm = Alarm(which[0], which[1], self._clock.now_ms(), detail, do=do)
                self._seen[which] = _Seen(alarm, now_s, now_s)
            else:
                seen.alarm = replace(seen.alarm, detail=detail, do=do)
                seen.last_s = now_s

    def _tell(self, key: Key, alarms: Mapping[str, Alarm]) -> None:
        """Report what lasts, unless users know it."""
        told, about = self._told.get(key), "\n".join(sorted(alarms))
        alarm = min(alarms.values(), key=lambda one: one.since_ms) if told is None else told
        detail, do = _joined(one.detail for one in alarms.values()), _joined(one.do for one in alarms.values())
        alarm = replace(alarm, detail=detail, do=do, about=about)
        if told is not None and about != told.about:
            alarm = replace(alarm, changed_ms=self._clock.now_ms())
        self._told[key] = alarm
        if told is None or about != told.about:
            self._report(alarm)


def _joined(texts: Iterable[str]) -> str:
    """Return different texts as one."""
    return " ".join(filter(None, dict.fromkeys(texts)))

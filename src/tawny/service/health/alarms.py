"""Alarm monitor: publishes an `Alarm` when a problem lasts and another when it is resolved.

The monitor checks every few seconds. Short problems, such as a camera that reconnects, appear in the gap list only.
Notifiers subscribe to the bus; `now` holds the current problems for status, metrics and /healthz.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from tawny.model.errors import StorageError, TooManyFiles
from tawny.model.ids import CameraId
from tawny.model.messages import Alarm, ProblemKind
from tawny.model.times import Clock

LOOK_S: Final = 5.0
LASTS_S: Final = 20.0
"""Duration, s, before a problem is reported. With 6 s to detect a silent camera the total stays well below 60 s."""
OVER_S: Final = 10.0
"""Duration, s, without the problem before it is resolved, so that a flapping camera causes one alarm."""
OVER_AGAIN_S: Final = 60.0, 300.0, 900.0
"""The same before its end is reported, if it was resolved once, twice, or more often in the `AGAIN_S` before it began:
it keeps coming back."""
UNSEEN_S: Final = 180.0
"""Duration, s, for which a camera is on before what it shows or detects can be seen to be well: a frozen image takes
two minutes."""
FORGOTTEN_S: Final = 24 * 3600.0
"""Duration, s, of being off after which a camera's problem is a new one, so that a daily schedule repeats none."""
AGAIN_S: Final = 3600.0
JOIN_S: Final = 10.0
"""Maximum delay, s, of a camera's problem or its end while others of this kind are about to be reported as well."""

Key = tuple[ProblemKind, CameraId | None]


@dataclass(frozen=True, slots=True)
class HealthProblem:
    """A problem at present. what, do: as in `Alarm`.

    about: what it concerns, such as a disk, where there can be several of this kind. It doesn't change while the
    problem lasts, so users are notified of each one once, however its detail changes.
    """

    what: ProblemKind
    camera: CameraId | None
    detail: str
    do: str = ""
    about: str = ""


def disk_problem_kind(error: StorageError) -> ProblemKind:
    return ProblemKind.OPEN_FILES if isinstance(error, TooManyFiles) else ProblemKind.DISK


@dataclass(slots=True)
class _Seen:
    alarm: Alarm
    first_s: float
    last_s: float

    @property
    def has_lasted(self) -> bool:
        return self.last_s - self.first_s >= LASTS_S


@dataclass(slots=True)
class _Reported:
    """A problem that has lasted, and is reported until its camera was on without it for long enough."""

    alarm: Alarm
    last_s: float
    well_s: float = 0.0
    """For how long, s, it has been gone. The time in which its camera is off doesn't count."""


class AlarmMonitor:
    """Monitors problems as an actor.

    look: returns the current problems from memory. report: receives alarms on the actor's thread: one for all problems
    of a kind and camera, and again when one of several begins or ends. Those of cameras that begin or end within a few
    seconds, as when a switch loses power, come at once (`Alarm.together`): for this, a camera's problem or its end
    waits for up to `JOIN_S` while another camera's of this kind is beginning or ending, even if they are unrelated.
    off: returns the cameras that are off by choice, or asleep. What was reported of them ends once they are on again
    and well, as until then it can't be seen whether it lasts. After a day of being off it ends as forgotten. The same
    holds, while a camera isn't recording, for its other problems.
    """

    name = "alarms"

    def __init__(
        self,
        look: Callable[[], Iterable[HealthProblem]],
        clock: Clock,
        report: Callable[[Alarm], None],
        off: Callable[[], Collection[CameraId]] = tuple,
    ) -> None:
        self._look, self._clock, self._report, self._off = look, clock, report, off
        self._seen: dict[tuple[ProblemKind, CameraId | None, str], _Seen] = {}
        """Present problems, and those that were there less than OVER_S ago."""
        self._reported: dict[tuple[ProblemKind, CameraId | None, str], _Reported] = {}
        self._stepped_s = clock.mono_s()
        self._active: dict[Key, Alarm] = {}
        """As last reported, with the present detail."""
        self._began_s: dict[Key, float] = {}
        """Since when, s monotonic, problems wait for others of their kind."""
        self._ended_s: dict[Key, float] = {}
        """The same for ends."""
        self._last_s: dict[Key, float] = {}
        """When, s monotonic, what was reported was last there."""
        self._over_s: dict[Key, float] = {}
        """Duration, s, without what was reported before it is resolved."""
        self._resolved_s: dict[Key, list[float]] = {}
        """When, s monotonic, problems were resolved."""
        self.now: tuple[Alarm, ...] = ()
        """The current problems, one by one."""

    def step(self) -> float:
        now_s, off = self._clock.mono_s(), self._off()
        passed_s, self._stepped_s = now_s - self._stepped_s, now_s
        self._note(now_s)
        self.now = tuple(
            seen.alarm for (_, camera, _), seen in self._seen.items() if seen.has_lasted and camera not in off
        )
        unseen = self._unseen(now_s, off)
        self._follow(now_s, passed_s, unseen)
        lasting = defaultdict[Key, dict[str, Alarm]](dict)
        for (what, camera, about), one in self._reported.items():
            lasting[what, camera][about] = one.alarm
        begins, ends = self._coming(lasting, now_s, unseen)
        over = _settled([key for key in self._active if key not in lasting], ends, self._ended_s, now_s)
        self._report_all([self._end(key, now_s, unseen) for key in over])
        new = [key for key in lasting if key not in self._active]
        ready = {*_settled(new, begins, self._began_s, now_s), *self._active}
        self._report_all([self._news(key, alarms) for key, alarms in lasting.items() if key in ready])
        return LOOK_S

    def close(self) -> None:
        """No resources to release."""

    def _unseen(self, now_s: float, off: Collection[CameraId]) -> set[Key]:
        """Return which of the reported problems can't be seen now, whether they last or not."""
        camera = ProblemKind.CAMERA
        dark = {key[1] for key, one in self._seen.items() if key[0] is camera and one.last_s == now_s}
        return {key for key in self._active if key[1] in off or (key[0] is not camera and key[1] in dark)}

    def _end(self, key: Key, now_s: float, unseen: Collection[Key]) -> Alarm:
        """Return the end of a problem, which was when it was last there."""
        known, well_s = self._active[key], now_s - self._last_s[key]
        until_ms = max(self._clock.now_ms() - round(well_s * 1000), known.changed_ms or 0)
        is_forgotten = key in unseen and well_s >= FORGOTTEN_S
        return replace(known, until_ms=until_ms, changed_ms=None, is_forgotten=is_forgotten)

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
        self._seen = {which: seen for which, seen in self._seen.items() if now_s - seen.last_s < OVER_S}

    def _follow(self, now_s: float, passed_s: float, unseen: Collection[Key]) -> None:
        """Note which problems are reported. A short one, such as of a camera that starts, changes nothing."""
        there = {which: seen for which, seen in self._seen.items() if seen.last_s == now_s}
        for which, seen in there.items():
            if seen.has_lasted:
                first = self._reported.get(which, seen).alarm
                known = replace(first, detail=seen.alarm.detail, do=seen.alarm.do)
                self._reported[which] = _Reported(known, now_s)
                self._last_s[which[:2]] = now_s
        held = self._began_s.keys() - self._active.keys()  # kept if over meanwhile: they lasted, so they are reported
        for which, one in [*self._reported.items()]:
            key, over_s = which[:2], self._over_s.get(which[:2], OVER_S)
            if key in unseen:
                if which[0] is not ProblemKind.CAMERA:
                    one.well_s = min(one.well_s, over_s - UNSEEN_S)
                if now_s - one.last_s >= FORGOTTEN_S:
                    del self._reported[which]
            elif which not in there:
                one.well_s += passed_s
                if one.well_s >= over_s and key not in held:
                    del self._reported[which]

    def _coming(
        self, lasting: Collection[Key], now_s: float, unseen: Collection[Key]
    ) -> tuple[set[ProblemKind], set[ProblemKind]]:
        """Return the kinds of which a camera's problem is about to be reported, and those of which an end is."""
        seen = defaultdict[Key, bool](bool)
        for (what, camera, _), one in self._seen.items():
            seen[what, camera] |= one.last_s == now_s
        known = {*lasting, *self._active}
        begins = {key[0] for key, is_there in seen.items() if key[1] and is_there and key not in known}
        return begins, {key[0] for key in self._active if key in lasting and key not in unseen and not seen[key]}

    def _report_all(self, alarms: Iterable[Alarm | None]) -> None:
        """Report alarms; those of cameras that begin or end now know of each other.

        Each is noted after its report: if that fails, the rest is reported at the next step.
        """
        known = [one for one in alarms if one is not None]
        for alarm in known:
            same = tuple(
                one for one in known if one.camera and one.what == alarm.what and one.changed_ms == alarm.changed_ms
            )
            self._report(replace(alarm, together=same) if alarm in same and len(same) > 1 else alarm)
            key, now_s = (alarm.what, alarm.camera), self._clock.mono_s()
            resolved_s = [one for one in self._resolved_s.get(key, ()) if now_s - one < AGAIN_S]
            if alarm.until_ms is None:
                self._over_s.setdefault(key, (OVER_S, *OVER_AGAIN_S)[min(len(resolved_s), len(OVER_AGAIN_S))])
                self._active[key] = alarm
            else:
                del self._active[key], self._last_s[key], self._over_s[key]
                self._resolved_s[key] = [*resolved_s, now_s]

    def _news(self, key: Key, alarms: Mapping[str, Alarm]) -> Alarm | None:
        """Return what to report of what lasts; None if users know it."""
        known, about = self._active.get(key), "\n".join(sorted(alarms))
        alarm = min(alarms.values(), key=lambda one: one.since_ms) if known is None else known
        detail, do = _joined(one.detail for one in alarms.values()), _joined(one.do for one in alarms.values())
        alarm = replace(alarm, detail=detail, do=do, about=about)
        if known is not None and about != known.about:
            alarm = replace(alarm, changed_ms=self._clock.now_ms())
        if known is None or about != known.about:
            return alarm
        self._active[key] = alarm
        return None


def _settled(
    keys: Sequence[Key], coming: Collection[ProblemKind], since_s: dict[Key, float], now_s: float
) -> list[Key]:
    """Return those that don't wait for others of their kind: no camera has one soon, or one has waited for JOIN_S.

    since_s: when each began to wait; updated.
    """
    for gone in since_s.keys() - {*keys}:
        del since_s[gone]
    for key in keys:
        since_s.setdefault(key, now_s)
    late = {key[0] for key in keys if now_s - since_s[key] >= JOIN_S}
    return [key for key in keys if key[1] is None or key[0] not in coming or key[0] in late]


def _joined(texts: Iterable[str]) -> str:
    """Return different texts as one."""
    return " ".join(filter(None, dict.fromkeys(texts)))

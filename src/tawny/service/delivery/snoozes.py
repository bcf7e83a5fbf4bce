"""Snoozes: a person's or everyone's notifications about events stop for a time, for one camera or all.

Recording, events, uploads and notifications about problems go on. A snooze ends by itself and survives a restart.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from tawny.delivery.outbox import Outbox
from tawny.model.ids import CameraId
from tawny.model.times import Clock

MOST_S = 7 * 86_400
"""Longest snooze, s."""
_MARK = "snooze/"


@dataclass(frozen=True, slots=True)
class Snooze:
    """camera: None for all that its maker may see. by: user ID; name: the user's name when it was made."""

    camera: CameraId | None
    everyone: bool
    by: str
    name: str
    since_ms: int
    until_ms: int

    def is_for(self, user: str) -> bool:
        """Whether it stops notifications of this user (ID, or name as in the settings of a notifier)."""
        return self.everyone or user in (self.by, self.name)

    def text(self, now_ms: int, zone: ZoneInfo) -> str:
        """Return `Anna snoozed notifications for everyone until 21:12.`"""
        whom = " for everyone" if self.everyone else ""
        return f"{self.name} snoozed notifications{whom} until {until_text(self.until_ms, now_ms, zone)}."


def _mark(by: str, camera: CameraId | None, *, everyone: bool) -> str:
    """Return the name under which it's stored: a person has one for each camera, and so has everyone."""
    return f"{_MARK}{'' if everyone else by}/{camera or ''}"


def until_text(until_ms: int, now_ms: int, zone: ZoneInfo) -> str:
    """Return a time of today as `21:12`, another one as `Mon 07:00`."""
    until, now = (datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone) for at_ms in (until_ms, now_ms))
    return f"{until:%H:%M}" if until.date() == now.date() else f"{until:%a %H:%M}"


class Snoozes:
    """All snoozes, stored in the outbox. Thread-safe. may_see: whether the user of this ID may see a camera.

    One whose maker was removed, or may no longer see the camera, does nothing.
    """

    def __init__(self, outbox: Outbox, clock: Clock, zone: ZoneInfo, may_see: Callable[[str, CameraId], bool]) -> None:
        self._outbox, self._clock, self._zone, self._may_see = outbox, clock, zone, may_see

    def put(self, camera: CameraId | None, for_s: int, by: str, name: str, *, everyone: bool) -> Snooze:
        """Begin one now; it replaces an earlier one of the same camera. for_s: 1 to MOST_S."""
        now_ms = self._clock.now_ms()
        made = Snooze(camera, everyone, by, name, now_ms, now_ms + 1000 * min(max(1, for_s), MOST_S))
        self._outbox.mark(_mark(by, camera, everyone=everyone), json.dumps(asdict(made)))
        return made

    def end(self, camera: CameraId | None, by: str, *, everyone: bool) -> None:
        self._outbox.mark(_mark(by, camera, everyone=everyone), "")

    def all(self) -> list[Snooze]:
        """Return those that last, the first to end first. Forgets those that are over."""
        now_ms, lasting = self._clock.now_ms(), []
        for name, value in self._outbox.marks(_MARK).items():
            one = Snooze(**json.loads(value))
            if one.until_ms > now_ms:
                lasting.append(one)
            else:
                self._outbox.mark(name, "")
        return sorted(lasting, key=lambda one: one.until_ms)

    def of(self, user: str, camera: CameraId, at_ms: int) -> Snooze | None:
        """Return the snooze that stops notifications of a user (empty: of none) about an event that began then."""
        found = (Snooze(**json.loads(value)) for value in self._outbox.marks(_MARK).values())
        return next((one for one in found if one.is_for(user) and self._covers(one, camera, at_ms)), None)

    def why(self, user: str, camera: CameraId, at_ms: int) -> str:
        """Return `of` as a sentence; empty for none."""
        found = self.of(user, camera, at_ms)
        return found.text(self._clock.now_ms(), self._zone) if found else ""

    def why_some(self, camera: CameraId, at_ms: int) -> str:
        """Return which people get nothing, for a notifier that many people receive; empty for none."""
        now_ms = self._clock.now_ms()
        own = [one for one in self.all() if not one.everyone and self._covers(one, camera, at_ms)]
        return " ".join(one.text(now_ms, self._zone) for one in own)

    def _covers(self, one: Snooze, camera: CameraId, at_ms: int) -> bool:
        is_then = one.since_ms <= at_ms < one.until_ms
        return is_then and one.camera in (None, camera) and self._may_see(one.by, camera)

"""Notifications about problems: when one begins and when it ends. Those of several cameras at once share a message."""

import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from typing import Final

from tawny.delivery.delivery import Delivery, DeliveryKind
from tawny.delivery.outbox import Outbox
from tawny.model.ids import CameraId
from tawny.model.messages import PROBLEM_WORDS, Alarm, ProblemKind
from tawny.model.states import RECORDED, CameraState
from tawny.model.times import Clock
from tawny.service.delivery.notification_filter import NotificationFilter

NAMED: Final = 3
"""Number of cameras that a message about more than one other names."""
_SEEN: Final = RECORDED | {CameraState.ASLEEP, None}
"""States in which a camera's problem would be seen, also that of no camera: it was removed."""
SAME_MS: Final = 30_000
"""Cameras share a message if their problems began within this time of the first one's, as it names one time."""


class ProblemScheduler:
    """Schedules the messages. What each notifier was sent is stored in the outbox as a mark for each camera."""

    def __init__(self, outbox: Outbox, clock: Clock, state_of: Callable[[CameraId], CameraState | None]) -> None:
        self._outbox, self._clock, self._state_of = outbox, clock, state_of
        self._unclear: set[str] = set()
        """Marks from before the start of cameras that weren't recorded since, such as paused ones."""

    def tell(self, channel: NotificationFilter, alarm: Alarm) -> None:
        """Send an alarm together with those at the same time that the notifier receives and wasn't sent yet.

        Those that began at other times, and only end at the same time, get their own.
        """
        if not self._is_new(channel, alarm):
            return
        since = {one.camera: int(self._sent(channel, one)[0] or one.since_ms) for one in (alarm, *alarm.together)}
        alarms = [
            one
            for one in alarm.together
            if abs(since[one.camera] - since[alarm.camera]) <= SAME_MS and self._is_new(channel, one)
        ] or [alarm]
        first = min(alarms, key=lambda one: (-(one.until_ms or 0), one.since_ms))  # or the one that ended last
        content: dict[str, object] = {
            "kind": "alarm",
            "what": first.what,
            "camera": first.camera if len(alarms) == 1 else None,
            "since_ms": min(since[one.camera] for one in alarms),
            "until_ms": first.until_ms,
            "detail": first.detail,
            "do": first.do,
        }
        at_ms, now_ms = first.until_ms or first.changed_ms or first.since_ms, self._clock.now_ms()
        camera, which = first.camera, f"{first.camera or ''}/{at_ms}"
        if len(alarms) > 1:
            cameras = {str(one.camera): [one.detail, one.do, since[one.camera]] for one in alarms}
            content["cameras"] = cameras
            # without IDs: rights to each are checked when it's sent; without the time: sent once if a mark fails
            camera, which = None, f"+/{at_ms}/{zlib.crc32(' '.join(sorted(cameras)).encode()):08x}"
        name = f"{'alarm' if first.until_ms is None else 'over'}/{first.what}/{which}"
        self._outbox.add([Delivery(channel.to, name, DeliveryKind.MESSAGE, content, now_ms, at_ms, camera=camera)])
        self._drop_outdated(channel, first, {one.camera for one in alarms})
        sent = {_mark(channel, one): f"{since[one.camera]} {one.about}" for one in alarms}
        self._outbox.mark_all(sent if first.until_ms is None else dict.fromkeys(sent, ""))

    def end(self, channel: NotificationFilter, lasting: Iterable[Alarm], now_ms: int, *, is_first: bool) -> None:
        """Send the end of problems that ended while tawny was not running. lasting: those that didn't.

        Those of a camera that isn't recorded, such as a paused one, have not ended: call it again for these.
        is_first: of this start; otherwise it looks only at what was left.
        """
        prefix, known = f"alarm/{channel.to}/", {_mark(channel, one) for one in lasting}
        ended = list[Alarm]()
        for mark, sent in self._outbox.marks(prefix).items() if is_first or self._unclear else ():
            what, _, camera = mark.removeprefix(prefix).partition("/")
            if what not in list(ProblemKind) or not (is_first or mark in self._unclear):
                continue
            where, since_ms = CameraId(camera) if camera else None, int(sent.partition(" ")[0])
            self._unclear.discard(mark)
            if mark in known:
                continue  # the monitor reports its end
            if where is not None and self._state_of(where) not in _SEEN:
                self._unclear.add(mark)
            else:
                ended.append(Alarm(ProblemKind(what), where, since_ms, "", until_ms=now_ms))
        for one in ended:
            same = tuple(other for other in ended if other.what == one.what and other.camera)
            self.tell(channel, replace(one, together=same) if one.camera else one)

    def _drop_outdated(self, channel: NotificationFilter, newer: Alarm, cameras: Collection[CameraId | None]) -> None:
        """Drop what waits of the same problems and isn't so any more: it could be sent after what is newer.

        Of a problem that is over, the end alone says from when to when. An end that was never tried is sent in time.
        """
        is_over = newer.until_ms is not None
        for old in self._outbox.waiting_of(channel.to, "alarm"):
            content = old.content
            if content["what"] != newer.what or (content["until_ms"] is None) != is_over or not (is_over or old.tries):
                continue
            several = content.get("cameras", {content["camera"]: None})
            left = {camera: about for camera, about in several.items() if camera not in cameras}
            if not left:
                self._outbox.drop(old, "A newer message took its place.")
            elif len(left) < len(several):
                self._outbox.amend(replace(old, content={**content, "cameras": left}))

    def _sent(self, channel: NotificationFilter, alarm: Alarm) -> tuple[str, str]:
        """Return since when the notifier knows of the problem, empty if it doesn't, and what it concerned."""
        mark = _mark(channel, alarm)
        since, _, about = self._outbox.marks(mark).get(mark, "").partition(" ")
        return since, about

    def _is_new(self, channel: NotificationFilter, alarm: Alarm) -> bool:
        since, about = self._sent(channel, alarm)
        is_shown = alarm.camera is None or channel.has(alarm.camera)
        if alarm.until_ms is not None and alarm.camera is not None:
            is_shown &= self._state_of(alarm.camera) is not None  # a camera that was removed isn't recording again
        if not channel.alarms or not is_shown:
            if alarm.until_ms is not None and since:
                self._outbox.mark(_mark(channel, alarm), "")  # the next one is a new one
                self._drop_outdated(channel, alarm, {alarm.camera})
            return False
        if alarm.until_ms is not None:
            return bool(since)  # else its start was not sent
        return not since or (alarm.changed_ms is not None and about != alarm.about)  # else sent before a restart


def _mark(channel: NotificationFilter, alarm: Alarm) -> str:
    return f"alarm/{channel.to}/{alarm.what}/{alarm.camera or ''}"


# Texts


def of_alarm(what: str, cameras: Sequence[str], since: str, detail: str, do: str, summary: str) -> tuple[str, str]:
    """Return `Garage has not been recording since 14:02.` and details. summary: counts the cameras if several.

    cameras: names; empty for a problem of the recorder.
    """
    if what != ProblemKind.CAMERA:
        return f"{_subject(what, cameras)}.", " ".join(filter(None, (_listed(cameras), detail, do)))
    text = " ".join(filter(None, (detail, summary)))
    if len(cameras) < 2:
        return f"{''.join(cameras)} has not been recording since {since}.", text
    return f"{len(cameras)} cameras have not been recording since {since}: {_names(cameras)}.", text


def of_alarms_end(what: str, cameras: Sequence[str], since: str, until: str, detail: str) -> tuple[str, str]:
    """Return `Garage is recording again.` and `Missing: 14:02 to 20:51.`"""
    if what != ProblemKind.CAMERA:
        text = f"From {since} to {until}{f': {detail}' if detail else '.'}"
        return f"Resolved: {_subject(what, cameras)}.", f"{_listed(cameras)} {text}".strip()
    text = f"Missing: {since} to {until}."
    if len(cameras) < 2:
        return f"{''.join(cameras)} is recording again.", text
    return f"{len(cameras)} cameras are recording again: {_names(cameras)}.", text


def shared(names: Sequence[str], details: Sequence[str], dos: Sequence[str]) -> tuple[str, str]:
    """Return the detail and the remedy of a message about these cameras, at least one.

    If details differ, it is one camera's: `Cam 1: No answer.` Its remedy is the most frequent one.
    """
    do = Counter(dos).most_common(1)[0][0]
    if len({*details}) == 1:
        return details[0], do
    found = [(own != do, f"{name}: {detail}") for name, detail, own in zip(names, details, dos, strict=True) if detail]
    return min(found, key=lambda one: one[0])[1], do


def _subject(what: str, cameras: Sequence[str]) -> str:
    """Return `Front door: many short gaps`. what: as stored in the outbox, maybe by a newer version."""
    words = PROBLEM_WORDS[ProblemKind(what)] if what in list(ProblemKind) else "Recorder problem"
    about = f"{len(cameras)} cameras" if len(cameras) > 1 else "".join(cameras)
    return f"{about}: {words[0].lower()}{words[1:]}" if about else words


def _listed(cameras: Sequence[str]) -> str:
    """Return the names of several cameras as a sentence before others."""
    return f"Cameras: {_names(cameras)}." if len(cameras) > 1 else ""


def _names(cameras: Sequence[str]) -> str:
    """Return `Cam 1, Cam 2, Kasse and 9 others`."""
    if len(cameras) > NAMED + 1:
        return f"{', '.join(cameras[:NAMED])} and {len(cameras) - NAMED} others"
    return f"{', '.join(cameras[:-1])} and {cameras[-1]}"

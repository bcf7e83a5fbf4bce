"""Notifications about problems: when one begins and when it ends. Those of several cameras at once share a message."""

import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from tawny.delivery.delivery import Delivery, DeliveryKind, DeliveryState, NoLongerSo
from tawny.delivery.outbox import Outbox
from tawny.model.ids import CameraId
from tawny.model.messages import PROBLEM_WORDS, Alarm, ProblemKind
from tawny.model.states import RECORDED, CameraState
from tawny.model.times import Clock
from tawny.service.delivery.notification_filter import NotificationFilter
from tawny.service.health.alarms import FORGOTTEN_S, UNSEEN_S

NAMED: Final = 3
"""Number of cameras that a message about more than one other names."""
_SEEN: Final = RECORDED | {CameraState.ENDED, None}
"""States in which a camera's problem would be seen, also that of no camera: it was removed."""
_NOTICED_S: Final = {
    ProblemKind.SWEEP: 7200.0,  # it fails twice, an hour apart
    ProblemKind.INTEGRATION: 1200.0,
    ProblemKind.CLOCK: 1200.0,
    ProblemKind.CHECK_IN: 300.0,  # three tries
    ProblemKind.CERTIFICATE: 900.0,  # an order by DNS takes minutes to fail
    ProblemKind.SIGN_INS: 3600.0,  # counted from 0
    ProblemKind.PROXY: 86_400.0,  # seen with the next request through it, within a day
}
"""Duration, s, after a start in which the monitor notices these problems: what it knows of them is in memory only."""
_OFF: Final = "off/"
"""Begin of a mark's name among those of problems, before that of a camera: since when it was seen off, ms UTC."""
SAME_MS: Final = 30_000
"""Cameras share a message if their problems began within this time of the first one's, as it names one time."""


class ProblemScheduler:
    """Schedules the messages. What each notifier was sent is stored in the outbox as a mark for each camera."""

    def __init__(self, outbox: Outbox, clock: Clock, states: Callable[[], Mapping[CameraId, CameraState]]) -> None:
        self._outbox, self._clock, self._states = outbox, clock, states
        self._monitored: set[tuple[ProblemKind, CameraId | None]] = set()
        """Problems that the monitor has reported since the start: it reports their ends as well."""
        self._unclear: dict[str, float] = {}
        """Marks from before the start of problems that may last, and from when on, s, they could be seen."""
        self._has_looked = False
        """Whether `end` has looked at what is from before the start."""

    def note(self, alarm: Alarm) -> None:
        """Note what the monitor reported. Call it once for each alarm, before `tell` for each notifier."""
        (self._monitored.add if alarm.until_ms is None else self._monitored.discard)((alarm.what, alarm.camera))

    def tell(self, channel: NotificationFilter, alarm: Alarm) -> None:
        """Send an alarm together with those at the same time that the notifier receives and wasn't sent yet.

        Those that began at other times, and only end at the same time, get their own.
        """
        states = self._states() if alarm.until_ms is not None and self._sent(channel, alarm)[0] else {}
        if not self._is_new(channel, alarm, states):
            return
        since = {one.camera: int(self._sent(channel, one)[0] or one.since_ms) for one in (alarm, *alarm.together)}
        alarms = [
            one
            for one in alarm.together
            if abs(since[one.camera] - since[alarm.camera]) <= SAME_MS and self._is_new(channel, one, states)
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
            # without IDs: rights to each are checked when it's sent
            camera, which = None, f"+/{at_ms}/{zlib.crc32(' '.join(sorted(cameras)).encode()):08x}"
        name = f"{'alarm' if first.until_ms is None else 'over'}/{first.what}/{which}"
        new = Delivery(channel.to, name, DeliveryKind.MESSAGE, content, now_ms, at_ms, camera=camera)
        sent = {_mark(channel, one): f"{since[one.camera]} {one.about}" for one in alarms}
        self._outbox.add([new], (sent if first.until_ms is None else dict.fromkeys(sent, "")).items())

    def end(self, channels: Iterable[NotificationFilter], lasting: Iterable[Alarm], now_ms: int) -> None:
        """Send the end of problems that ended while tawny was not running. lasting: those that didn't.

        Those of a camera that is off have not ended until it is on and well, and those that are noticed late not before
        that: later calls look at these. After a day of being off they are forgotten.
        """
        now_s, unclear = self._clock.mono_s(), dict[str, float]()
        if self._has_looked and not self._unclear:
            return
        known, states = self._monitored | {(one.what, one.camera) for one in lasting}, self._states()
        for channel in channels:
            prefix, ended, off = f"alarm/{channel.to}/", list[Alarm](), dict[str, str]()
            marks = self._outbox.marks(prefix)
            for mark, sent in marks.items():
                what, _, camera = mark.removeprefix(prefix).partition("/")
                where = CameraId(camera) if camera else None
                if what not in list(ProblemKind) or (self._has_looked and mark not in self._unclear):
                    continue
                since_s = self._unclear.get(mark, now_s)
                if (what, where) in known:
                    continue  # the monitor reports its end
                kind, is_on = ProblemKind(what), where is None or states.get(where) in _SEEN
                is_of_camera = where in states and kind is not ProblemKind.CAMERA
                unseen_s = UNSEEN_S if is_of_camera else _NOTICED_S.get(kind, 0.0)
                off_mark = f"{prefix}{_OFF}{camera}"
                off_ms = min(now_ms, int(marks.get(off_mark, now_ms)))  # the clock may have been ahead
                if not is_on and now_ms - off_ms >= FORGOTTEN_S * 1000:
                    self._outbox.mark(mark, "")
                elif not is_on:
                    unclear[mark], off[off_mark] = now_s, str(off_ms)
                elif now_s - since_s < unseen_s:
                    unclear[mark] = since_s
                else:
                    ended.append(Alarm(kind, where, int(sent.partition(" ")[0]), "", until_ms=now_ms))
            if off != (before := {one: value for one, value in marks.items() if one.startswith(prefix + _OFF)}):
                self._outbox.mark_all(dict.fromkeys(before, "") | off)
            for one in ended:
                same = tuple(other for other in ended if other.what == one.what and other.camera)
                self.tell(channel, replace(one, together=same) if one.camera else one)
        self._has_looked, self._unclear = True, unclear  # not before: a write that fails is repeated

    def _sent(self, channel: NotificationFilter, alarm: Alarm) -> tuple[str, str]:
        """Return since when the notifier knows of the problem, empty if it doesn't, and what it concerned."""
        mark = _mark(channel, alarm)
        since, _, about = self._outbox.marks(mark).get(mark, "").partition(" ")
        return since, about

    def _is_new(self, channel: NotificationFilter, alarm: Alarm, states: Mapping[CameraId, CameraState]) -> bool:
        """states: of all cameras, if it is an end."""
        since, about = self._sent(channel, alarm)
        is_shown = alarm.camera is None or channel.has(alarm.camera)
        if alarm.until_ms is not None and alarm.camera is not None:
            is_shown &= alarm.camera in states and not alarm.is_forgotten
        if not channel.alarms or not is_shown:
            if alarm.until_ms is not None and since:
                self._outbox.mark(_mark(channel, alarm), "")  # the next one is a new one
            return False
        if alarm.until_ms is not None:
            return bool(since)  # else its start was not sent
        return not since or (alarm.changed_ms is not None and about != alarm.about)  # else sent before a restart


def _mark(channel: NotificationFilter, alarm: Alarm) -> str:
    return f"alarm/{channel.to}/{alarm.what}/{alarm.camera or ''}"


def still_so(delivery: Delivery, outbox: Outbox, cameras: Collection[CameraId]) -> Delivery:
    """Return a message about a problem that is about to be sent without the cameras of which it isn't so any more.

    A begin leaves out those that have no mark of it, as it is over or forgotten, those that aren't among `cameras`, as
    removed ones, and those of a later begin, which says more. An end leaves out those whose next begin was sent: they
    aren't well. Raises NoLongerSo if none is left.
    """
    content, since_ms = delivery.content, _since_by_camera(delivery)
    if content["until_ms"] is None:
        marks = outbox.marks(prefix := f"alarm/{delivery.to}/{content['what']}/")
        lasting = {mark.removeprefix(prefix) or None: int(sent.partition(" ")[0]) for mark, sent in marks.items()}
        gone = {one for one, at_ms in since_ms.items() if not _is_same(lasting.get(one), at_ms)}
        gone |= {one for one in since_ms if one is not None and one not in cameras}
        gone |= _begun_later(delivery, outbox, DeliveryState.WAITING, DeliveryState.DONE)
    else:
        gone = _begun_later(delivery, outbox, DeliveryState.DONE)
    left = [one for one in since_ms if one not in gone]
    if not left:
        raise NoLongerSo(delivery.to)
    if len(left) == len(since_ms):
        return delivery
    return replace(delivery, content={**content, "cameras": {one: content["cameras"][one] for one in left}})


def _begun_later(delivery: Delivery, outbox: Outbox, *states: DeliveryState) -> set[str | None]:
    """Return the cameras of later begins of a problem of this kind that are in one of these states."""
    others = (one for state in states for one in outbox.of_kind(delivery.to, "alarm", state) if one.id > delivery.id)
    what = delivery.content["what"]
    begins = (one for one in others if one.content["what"] == what and one.content["until_ms"] is None)
    return {camera for one in begins for camera in _since_by_camera(one)}


def _since_by_camera(delivery: Delivery) -> Mapping[str | None, int]:
    """Return since when, ms UTC, cameras have the problem that a message is about; None: the recorder."""
    since_ms, camera = int(delivery.content["since_ms"]), delivery.content["camera"]
    several = delivery.content.get("cameras", {camera: ()})
    return {one: about[2] if len(about) > 2 else since_ms for one, about in several.items()}


def _is_same(known_ms: int | None, since_ms: int) -> bool:
    """Return whether both are when one problem began. Earlier versions stored one time for all cameras of a message."""
    return known_ms is not None and abs(known_ms - since_ms) <= SAME_MS


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

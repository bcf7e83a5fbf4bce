"""What keeps a notification from being sent: a notifier's settings, quiet hours and pace, mutes and snoozes.

A snooze stops notifications about events for a time: a person's or everyone's, of one camera, all, or a rule.
Recording, events, uploads and notifications about problems go on. A snooze ends by itself and survives a restart. What
a snoozed rule would switch, run or say is left out as well. All times are the recorder's; when its clock steps, they
move along, so that each snooze lasts as long as was asked. A mute concerns one camera and one notifier.
"""

import json
import logging
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from tawny.config.modes import RuleSettings
from tawny.config.week import stretch
from tawny.delivery.delivery import LATE_MS, Delivery
from tawny.delivery.outbox import Outbox
from tawny.events.rule_engine import NAMELESS, UNRULED, Calendar, FilterDecision, RuleDecision, called, rule_name
from tawny.model.errors import NotDone, StorageError
from tawny.model.events import DOORBELL, Level, level_words
from tawny.model.ids import CameraId
from tawny.model.times import CLOCK_STEP_MS, Clock, ClockSteps

log = logging.getLogger(__name__)


def any_camera(_: CameraId) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class NotificationFilter:
    """Selects the events and problems that one notifier receives."""

    to: str
    cameras: frozenset[CameraId] | None = None
    """None: all cameras."""
    kinds: frozenset[str] | None = None
    levels: frozenset[str] | None = None
    """Levels it receives unless a rule names it; None: all, as far as the model named what moved."""
    has_own_levels: bool = False
    """Its own settings name the levels, so that the table of a mode doesn't widen them."""
    events: bool = True
    rings: bool = True
    """Whether a ring at the door is sent, at once and whatever types, levels and quiet hours say."""
    alarms: bool = True
    recap: int | None = None
    """Minute of the day; None: no daily summary."""
    quiet: str = ""
    cool_down_ms: int = 60_000
    follows: bool = True
    """Whether a follow-up with the clip is sent after the event's end."""
    changes: bool = False
    """Whether one message is sent when detection begins and one when it ends, instead of messages about events."""
    edits: bool = False
    """The follow-up edits the first message instead of sending a second one."""
    visits: bool = False
    """Whether later events of a visit edit the message of its first one."""
    once: bool = False
    """Whether there is one message of an event, when it has ended."""
    may_see: Callable[[CameraId], bool] = any_camera
    leaves_out: Callable[[CameraId, int], str] = lambda *_: ""
    """Returns which people it sends nothing to about a camera's event of this time, ms UTC; empty for none."""

    def has(self, camera: CameraId) -> bool:
        return (self.cameras is None or camera in self.cameras) and self.may_see(camera)

    def why_not(self, camera: CameraId, kind: str) -> str:
        """Return the reason this notifier's settings suppress the event, or an empty string."""
        if not self.events:
            return f"{self.to} doesn't receive events."
        if self.cameras is not None and camera not in self.cameras:
            return f"{self.to} only receives {', '.join(sorted(self.cameras))}."
        if kind == DOORBELL and not self.rings:
            return f"{self.to} doesn't receive rings at the door."
        if kind != DOORBELL and self.kinds is not None and kind not in self.kinds:
            return f"{self.to} only receives {', '.join(sorted(self.kinds))}."
        return "" if self.may_see(camera) else f"The person {self.to} belongs to can't see this camera."


def at_level(channel: NotificationFilter, level: Level, decision: RuleDecision) -> RuleDecision:
    """Return the decision with the notifier's levels applied: they count where no rule names the notifier.

    Where the table of a mode decides, only levels count that the notifier's own settings name.
    """
    is_narrowed = decision.why in (UNRULED, NAMELESS) or (decision.by_mode and decision.does and channel.has_own_levels)
    if channel.levels is None or not is_narrowed:
        return decision
    if decision.by_mode and level in channel.levels:
        return decision
    if level in channel.levels:
        return replace(decision, does=True, why=UNRULED)
    only = " and ".join(level_words(channel.levels))
    return replace(decision, does=False, why=f"{channel.to} only receives {only or 'nothing'}.")


def verdict(
    channel: NotificationFilter,
    camera: CameraId,
    kind: str,
    decision: RuleDecision,
    now_ms: int,
    zone: ZoneInfo,
    *,
    why_muted: str,
) -> FilterDecision:
    """Apply the notifier's settings, then the rules, then mutes and snoozes, then its quiet hours.

    why_muted: why the notifier is muted or snoozed, or empty.
    """
    against = channel.why_not(camera, kind)
    if against or not decision.does:
        return FilterDecision(does=False, why=against or decision.why)
    if why_muted:
        return FilterDecision(does=False, why=why_muted, is_final=True)
    quiet_ms = quiet_until_ms(channel.quiet, now_ms, zone)
    if quiet_ms <= now_ms or kind == DOORBELL:
        return FilterDecision(does=True, why=f"{decision.why} {channel.leaves_out(camera, now_ms)}".strip())
    until = datetime.fromtimestamp(quiet_ms / 1000, UTC).astimezone(zone)
    return FilterDecision(
        does=True, why=f"{decision.why} {channel.to} has quiet hours until {until:%H:%M}.", wait_ms=quiet_ms
    )


def quiet_until_ms(quiet: str, now_ms: int, zone: ZoneInfo) -> int:
    """Return the end of the current quiet hours, ms UTC; 0 outside quiet hours. Times are local to `zone`."""
    if not quiet or (hours := stretch(quiet)).begin == hours.end:
        return 0
    span = Calendar(zone).daily(hours, now_ms)
    return span.end_ms if span.begin_ms <= now_ms else 0


def after_quiet_ms(quiet: str, at_ms: int, zone: ZoneInfo) -> int:
    """Return this time, or the end of the quiet hours that it is in, ms UTC."""
    return max(at_ms, quiet_until_ms(quiet, at_ms, zone))


def is_late(delivery: Delivery, now_ms: int) -> bool:
    """Return whether a message about events is sent long after its time, as after an outage of the network."""
    if delivery.content["kind"] not in ("event", "clip", "whole", "digest", "recap"):
        return False
    due_ms = max(delivery.made_ms, delivery.next_ms)
    if delivery.tries:  # `next_ms` is the time of the next attempt; earlier versions didn't note when it was due
        due_ms = int(delivery.content.get("due_ms", now_ms))
    return now_ms - due_ms > LATE_MS


# Pace of the messages about one camera: intervals that grow, and what was sent in them.

SELDOM_MS: Final = 15 * 60_000
"""Maximum interval, ms, between two digests of a camera during continuous activity."""
LOWEST: Final = 100
"""A rank below all ranks of events; lower numbers are higher."""


@dataclass(slots=True)
class NotificationPace:
    """Rate limit of one camera at one notifier."""

    sent_ms: int = 0
    """Time of the last message, sent or scheduled, ms UTC; before that of the latest digest."""
    digest_ms: int = 0
    """Time of the latest digest, sent or scheduled, ms UTC."""
    steps: int = 0
    """Count of consecutive digests."""
    digest: str = ""
    """Name of the digest that collects events at present."""
    rank: int = LOWEST
    """The highest rank sent in this interval."""

    @property
    def last_ms(self) -> int:
        """Time of the last message, sent or scheduled, ms UTC."""
        return max(self.sent_ms, self.digest_ms)


def longest_ms(channel: NotificationFilter) -> int:
    """Return the longest interval between messages, ms."""
    return max(channel.cool_down_ms, SELDOM_MS)


def between_ms(channel: NotificationFilter, steps: int) -> int:
    """Return the interval between messages, ms; it doubles with each consecutive digest, of which there are `steps`."""
    return min(channel.cool_down_ms << min(steps, 20), longest_ms(channel))


# Snoozes: notifications about events stop for a time: a person's or everyone's, of one camera, all, or a rule.

SHORTEST_SNOOZE_S, LONGEST_SNOOZE_S = 60, 7 * 86_400
"""Shortest and longest snooze, s."""
_LOOKED_AT_MS: Final = 600_000
"""How often, ms, is looked whether a snooze was ended earlier that a digest waits for."""
_SNOOZES_KEPT_MS = 3 * 86_400_000
"""How long, ms, it is remembered when a snooze was: for what happened meanwhile, and to replay past events."""
_UNDO_S = 600.0
"""How long, s, a deleted rule may come back as it was, and is snoozed again."""
_MARK, _PAST = "snooze/", "snoozed/"


@dataclass(frozen=True, slots=True)
class Snooze:
    """camera: None for all that its maker may see. by: user ID; name: the user's name when it was made.

    until_ms: None: until it is ended. rule: `RuleSettings.key`; empty: no rule.
    """

    camera: CameraId | None
    everyone: bool
    by: str
    name: str
    since_ms: int
    until_ms: int | None
    rule: str = ""

    def is_for(self, user: str) -> bool:
        """Whether it stops notifications of this user (ID, or name as in the settings of a notifier, in any case)."""
        return self.everyone or user == self.by or user.strip().casefold() == self.name.casefold()

    def is_at(self, at_ms: int) -> bool:
        return self.since_ms <= at_ms and (self.until_ms is None or at_ms < self.until_ms)

    def text(self, now_ms: int, zone: ZoneInfo) -> str:
        """Return `Anna snoozed notifications for everyone until 21:12.`"""
        whom = " for everyone" if self.everyone else ""
        return f"{self.name} snoozed notifications{whom} {self.until(now_ms, zone)}."

    def rule_text(self, now_ms: int, zone: ZoneInfo) -> str:
        """Return what of a rule isn't so, as `RuleEngine` says it: `is snoozed by Anna until 21:12`."""
        return f"is snoozed by {self.name} {self.until(now_ms, zone)}"

    def until(self, now_ms: int, zone: ZoneInfo) -> str:
        return "until resumed" if self.until_ms is None else f"until {time_text(self.until_ms, now_ms, zone)}"

    @property
    def mark(self) -> str:
        """The name under which it's stored: a person has one for each camera, and so has everyone; a rule has one."""
        what = f"rule {self.rule}" if self.rule else self.camera or ""
        return f"{'' if self.everyone else self.by}/{what}"


def time_text(at_ms: int, now_ms: int, zone: ZoneInfo, *, names_day: bool = False) -> str:
    """Return a time of today as `21:12`, another one as `Mon 07:00`, from a week on as `Mon 2026-11-30 07:00`.

    names_day: also that of today. If the clock shows this time twice, its zone follows: `02:12 CET`.
    """
    at, now = (datetime.fromtimestamp(one_ms / 1000, UTC).astimezone(zone) for one_ms in (at_ms, now_ms))
    days = abs((at.date() - now.date()).days)
    day = "" if days == 0 and not names_day else f"{at:%a} " if days < 7 else f"{at:%a %Y-%m-%d} "
    return f"{day}{clock_text(at)}"


def clock_text(at: datetime) -> str:
    """Return a local time as `21:12`, or as `02:12 CET` if the clock shows it twice."""
    is_twice = at.replace(fold=0).timestamp() != at.replace(fold=1).timestamp()
    return f"{at:%H:%M %Z}" if is_twice else f"{at:%H:%M}"


class Snoozes:
    """All snoozes, stored in the outbox. Thread-safe. may_see: whether the user of this ID may see a camera.

    One whose maker was removed, or may no longer see the camera, does nothing. rules: returns those in force; snoozes
    of others do nothing and are not shown.
    """

    def __init__(
        self,
        outbox: Outbox,
        clock: Clock,
        zone: ZoneInfo,
        may_see: Callable[[str, CameraId], bool],
        rules: Callable[[], Sequence[RuleSettings]] = tuple,
    ) -> None:
        self._outbox, self._clock, self._zone, self._may_see, self._rules = outbox, clock, zone, may_see, rules
        self._lock = threading.Lock()
        self._steps = ClockSteps(clock)
        self._gone: dict[str, tuple[RuleSettings, float]] = {}
        """Rules that were deleted, by key, and when, s monotonic."""

    def put(
        self, camera: CameraId | None, for_s: int | None, by: str, name: str, *, everyone: bool, rule: str = ""
    ) -> Snooze:
        """Begin one now; it replaces an earlier one of the same.

        for_s: SHORTEST_SNOOZE_S to LONGEST_SNOOZE_S; None: until it is ended. by: empty for another program.
        Raises NotDone for an unknown rule.
        """
        if rule and not any(one.key == rule for one in self._rules()):
            raise NotDone("There is no such rule.", "It may have been changed. Reload the page.")
        with self._lock:
            self._step_with_clock()
            now_ms = self._clock.now_ms()
            until_ms = None if for_s is None else now_ms + 1000 * min(max(1, for_s), LONGEST_SNOOZE_S)
            made = Snooze(camera, everyone or bool(rule), by, name, now_ms, until_ms, rule)
            self._end(made.mark, now_ms)
            self._outbox.mark(_MARK + made.mark, json.dumps(asdict(made)))
        return made

    def end(self, camera: CameraId | None, by: str, *, everyone: bool, rule: str = "") -> Snooze | None:
        """End one; return it, None if there is none."""
        with self._lock:
            self._step_with_clock()
            now_ms = self._clock.now_ms()
            return self._end(Snooze(camera, everyone or bool(rule), by, "", 0, 0, rule).mark, now_ms)

    def all(self) -> list[Snooze]:
        """Return those that last, the first to end first."""
        with self._lock:
            self._step_with_clock()
            now_ms, known = self._clock.now_ms(), {one.key for one in self._rules()}
            lasting = []
            for mark, one in self._stored(_MARK).items():
                if one.until_ms is not None and one.until_ms <= now_ms:
                    self._end(mark, one.until_ms)
                elif not one.rule or one.rule in known:
                    lasting.append(one)
        return sorted(lasting, key=lambda one: (one.until_ms is None, one.until_ms or 0))

    def of(self, user: str, camera: CameraId, at_ms: int) -> Snooze | None:
        """Return the snooze that stops notifications of a user (empty: of none) about an event that began then."""
        found = (one for one in self._at(at_ms) if not one.rule and one.camera in (None, camera))
        return next((one for one in found if one.is_for(user) and self._is_of_maker(one, camera)), None)

    def why(self, user: str, camera: CameraId, at_ms: int) -> str:
        """Return `of` as a sentence; empty for none."""
        found = self.of(user, camera, at_ms)
        return found.text(self._clock.now_ms(), self._zone) if found else ""

    def why_some(self, camera: CameraId, at_ms: int) -> str:
        """Return which people get nothing, for a notifier that many people receive; empty for none."""
        now_ms = self._clock.now_ms()
        own = [one for one in self._at(at_ms) if not one.everyone and one.camera in (None, camera)]
        return " ".join(one.text(now_ms, self._zone) for one in own if self._is_of_maker(one, camera))

    def rules_at(self, camera: CameraId, at_ms: int) -> Mapping[str, str]:
        """Return the rules that are snoozed for a camera then, by key, with the reason (`Snooze.rule_text`)."""
        now_ms = self._clock.now_ms()
        found = [one for one in self._at(at_ms) if one.rule and self._is_of_maker(one, camera)]
        return {one.rule: one.rule_text(now_ms, self._zone) for one in found}

    def why_rule(self, rule: str, camera: CameraId, at_ms: int) -> str:
        """Return why a rule does nothing for a camera then, as a sentence; empty if it isn't snoozed."""
        why = self.rules_at(camera, at_ms).get(rule, "") if rule else ""
        named = (called(one, number) for number, one in enumerate(self._rules(), 1) if one.key == rule)
        return f"{next(named, 'The rule')} {why}." if why else ""

    def holds_until_ms(self, user: str, rule: str, camera: CameraId) -> int:
        """Return until when a digest of events from before a snooze waits for now, ms UTC; 0: nothing is snoozed.

        rule: the key of the one that asked for it, if any.
        """
        now_ms = self._clock.now_ms()
        found = (one for one in self._at(now_ms) if (one.rule == rule if one.rule else one.is_for(user)))
        ends = (
            now_ms + _LOOKED_AT_MS if one.until_ms is None else min(one.until_ms, now_ms + _LOOKED_AT_MS)
            for one in found
            if one.camera in (None, camera) and self._is_of_maker(one, camera)
        )
        return max(ends, default=0)

    def name_of(self, rule: str) -> str:
        """Return `Night watch`, or `Rule 2` for one without a name; empty for one that is no more."""
        named = (rule_name(one, number) for number, one in enumerate(self._rules(), 1) if one.key == rule)
        return next(named, "")

    def key_of(self, name: str) -> str:
        """Return the key of the rule of this name (`name_of`). Raises NotDone for an unknown one."""
        names = {rule_name(one, number): one.key for number, one in enumerate(self._rules(), 1) if one.can_be_snoozed}
        found = next((key for known, key in names.items() if known.casefold() == name.casefold()), None)
        if found is None:
            raise NotDone(f"No rule named {name} can be snoozed.", f"Available: {', '.join(names) or 'none'}.")
        return found

    def rule_keys(self) -> tuple[str, ...]:
        """Return the keys of the rules that can be snoozed."""
        return tuple(one.key for one in self._rules() if one.can_be_snoozed)

    def until(self, one: Snooze) -> str:
        """Return `until 21:12`, or `until resumed`."""
        return one.until(self._clock.now_ms(), self._zone)

    def cameras_of(self, rule: str) -> tuple[CameraId, ...]:
        """Return the cameras that a rule is for; empty: all."""
        return next((tuple(map(CameraId, one.when.camera)) for one in self._rules() if one.key == rule), ())

    def carry_over(self, before: Sequence[RuleSettings], now: Sequence[RuleSettings]) -> None:
        """Keep a rule snoozed that was renamed or edited, as far as its place shows which it is.

        The snoozes of other rules that are gone end unless the same rule is back soon: a new rule may get the name.
        """
        rules, former, new = {one.key: one for one in now}, {one.key: one for one in before}, dict[str, str]()
        if len(before) == len(now):
            places = [(was.key, one.key) for was, one in zip(before, now, strict=True)]
            new = {was: key for was, key in places if was not in rules and key not in former}
        with self._lock:
            self._step_with_clock()
            now_s, stored = self._clock.mono_s(), self._stored(_MARK)
            gone = {key: one for key, one in self._gone.items() if now_s - one[1] < _UNDO_S}
            gone |= {key: (one, now_s) for key, one in former.items() if key not in rules}
            lasting = {key for key, (one, _) in gone.items() if rules.get(key, one) == one} | (former.keys() & rules)
            self._gone = {key: one for key, one in gone.items() if key not in rules}
            for mark, one in stored.items():
                if one.rule and one.rule not in lasting:
                    self._end(mark, self._clock.now_ms())
            for mark, one in stored.items():
                if one.rule in new:
                    moved = replace(one, rule=new[one.rule])
                    self._outbox.mark(_MARK + mark, "")
                    self._outbox.mark(_MARK + moved.mark, json.dumps(asdict(moved)))

    def forget_cameras(self, cameras: Collection[CameraId]) -> None:
        """End the snoozes of removed cameras: new ones may get their IDs."""
        with self._lock:
            self._step_with_clock()
            for mark, one in self._stored(_MARK).items():
                if one.camera in cameras:
                    self._end(mark, self._clock.now_ms())

    # --- inside ------------------------------------------------------------------------------------------------------

    def _at(self, at_ms: int) -> list[Snooze]:
        """Return those that lasted then."""
        with self._lock:
            self._step_with_clock()
            found = [*self._stored(_MARK).values(), *self._stored(_PAST).values()]
        return [one for one in found if one.is_at(at_ms)]

    def _is_of_maker(self, one: Snooze, camera: CameraId) -> bool:
        return not one.by or self._may_see(one.by, camera)

    def _stored(self, prefix: str) -> dict[str, Snooze]:
        marks = self._outbox.marks(prefix).items()
        return {name.removeprefix(prefix): Snooze(**json.loads(value)) for name, value in marks}

    def _end(self, mark: str, at_ms: int) -> Snooze | None:
        """Move a snooze to the past, and return it; forget those that are long over."""
        one = self._stored(_MARK).get(mark)
        if one is None:
            return None
        ended = replace(one, until_ms=at_ms if one.until_ms is None else min(one.until_ms, at_ms))
        self._outbox.mark(f"{_PAST}{ended.since_ms}/{mark}", json.dumps(asdict(ended)))
        self._outbox.mark(_MARK + mark, "")
        for name, past in self._stored(_PAST).items():
            if past.until_ms is not None and past.until_ms < self._clock.now_ms() - _SNOOZES_KEPT_MS:
                self._outbox.mark(_PAST + name, "")
        return one

    def _step_with_clock(self) -> None:
        """Move what lasts along with a step of the clock; what was made in the future began before a start: now."""
        moved_ms, now_ms = self._steps.moved_ms(), self._clock.now_ms()
        for mark, one in self._stored(_MARK).items():
            is_ahead = one.since_ms + moved_ms > now_ms + CLOCK_STEP_MS
            self._move(_MARK + mark, one, now_ms - one.since_ms if is_ahead else moved_ms)
        for mark, one in self._stored(_PAST).items():
            if one.until_ms is None or one.until_ms + moved_ms > now_ms + CLOCK_STEP_MS:
                self._outbox.mark(_PAST + mark, "")
            else:
                self._move(_PAST + mark, one, moved_ms)

    def _move(self, mark: str, one: Snooze, by_ms: int) -> None:
        if by_ms:
            until_ms = None if one.until_ms is None else one.until_ms + by_ms
            moved = replace(one, since_ms=one.since_ms + by_ms, until_ms=until_ms)
            self._outbox.mark(mark, json.dumps(asdict(moved)))


_KEPT_MS = 86_400_000
"""How long, ms, an ended mute is kept: events that began within it may be due later."""


class NotifierMutes:
    """Mutes of single cameras for single notifiers, by messages or the page. They survive a restart. Thread-safe."""

    def __init__(self, outbox: Outbox, clock: Clock) -> None:
        self._outbox, self._clock, self._steps = outbox, clock, ClockSteps(clock)
        self._lock = threading.Lock()
        self._unwritten: dict[str, tuple[int, int]] = {}
        """Begin and end of mutes that moved and aren't written yet."""

    def put(self, to: str, camera: CameraId, for_ms: int) -> None:
        """Mute a camera for this notifier. Events that begin within for_ms are not sent. 0 unmutes."""
        self._current()
        name, now_ms = f"mute/{to}/{camera}", self._clock.now_ms()
        with self._lock:
            self._outbox.mark(name, f"{now_ms} {now_ms + for_ms}" if for_ms else "")
            self._unwritten.pop(name, None)

    def is_muted(self, to: str, camera: CameraId, at_ms: int) -> bool:
        begin_ms, end_ms = self._current().get(f"mute/{to}/{camera}", (0, 0))
        return begin_ms <= at_ms < end_ms

    def of(self, to: str) -> dict[CameraId, int]:
        """Return the muted cameras and the end of each mute, ms UTC."""
        prefix, now_ms = f"mute/{to}/", self._clock.now_ms()
        return {
            CameraId(name.removeprefix(prefix)): end_ms
            for name, (_, end_ms) in self._current().items()
            if name.startswith(prefix) and end_ms > now_ms
        }

    def forget_cameras(self, cameras: Collection[CameraId]) -> None:
        """Unmute removed cameras: new ones may get their IDs."""
        for name in self._outbox.marks("mute/"):
            if name.rpartition("/")[2] in cameras:
                self._outbox.mark(name, "")

    def _current(self) -> dict[str, tuple[int, int]]:
        """Return begin and end of each mute. They move along with a step of the clock: they last as long as was asked.

        What was made in the future began before a start: now. What is long over is deleted, so that it never does.
        While the disk takes no writes, what moved is kept in memory.
        """
        with self._lock:
            moved_ms, now_ms = self._steps.moved_ms(), self._clock.now_ms()
            found, unwritten, changed = dict[str, tuple[int, int]](), dict[str, tuple[int, int]](), dict[str, str]()
            for name, text in self._outbox.marks("mute/").items():
                begin_ms, end_ms = self._unwritten.get(name) or map(int, text.split())
                is_ahead = begin_ms + moved_ms > now_ms + CLOCK_STEP_MS
                by_ms = now_ms - begin_ms if is_ahead else moved_ms
                begin_ms, end_ms = begin_ms + by_ms, end_ms + by_ms
                if by_ms or name in self._unwritten:
                    unwritten[name] = begin_ms, end_ms
                    changed[name] = f"{begin_ms} {end_ms}"
                if end_ms < now_ms - _KEPT_MS:
                    changed[name] = ""
                else:
                    found[name] = begin_ms, end_ms
            self._unwritten = unwritten
            try:
                if changed:
                    self._outbox.mark_all(changed)
                self._unwritten = {}
            except StorageError as error:
                log.debug("the times of mutes aren't written yet: %s", error)
        return found

"""Evaluates rules for a situation and gives each decision a reason. Pure.

Used by the running recorder, the test of rules and the explanation of past events. A notifier or destination that a
rule names is used only if a rule matches; one that no rule names is always used. A matching rule that names no one
overrides the others. Other actions need a matching rule. If a model labels objects, an event without a label triggers a
notification only if a rule asks for it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from tawny.config.rules import ALL, NONE, RuleAction, RuleSettings
from tawny.config.units import duration_text
from tawny.events.schedule import Calendar
from tawny.model.ids import CameraId
from tawny.model.observations import MOTION, spoken

ANYBODY, EVERYBODY = "anybody", "everybody"
SAID: Final = {"notify": "notifies", "upload": "uploads to"}
NAMELESS: Final = "The model couldn't classify this motion, and no rule asks for it."
_NO_KIND: Final = ""


@dataclass(frozen=True, slots=True)
class RuleContext:
    """The situation to evaluate; `kind` is empty for time-based rules.

    home: people at home. names: whether a model labels objects at this camera, so that `motion` means unknown. reads:
    recognition results, as the words rules may use.
    """

    at_ms: int
    camera: CameraId
    kind: str
    mode: str
    zones: tuple[str, ...] = ()
    home: frozenset[str] = frozenset()
    lasted_s: float = 0.0
    names: bool = False
    reads: frozenset[str] = frozenset()
    suggested: str = ""
    """Type suggested by the fallback model, for rules that include possible types."""


@dataclass(frozen=True, slots=True)
class RuleDecision:
    """Whether an action is performed, with the reason as a sentence."""

    deed: RuleAction
    does: bool
    why: str
    as_kind: str = ""
    """The suggested type that led to the decision; empty if it was not a suggestion."""


class RuleEngine:
    """Evaluates rules in the order of the settings. notifiers, destinations: names of all that exist."""

    def __init__(
        self, rules: Sequence[RuleSettings], calendar: Calendar, notifiers: Iterable[str], destinations: Iterable[str]
    ) -> None:
        self._rules, self._calendar = tuple(rules), calendar
        self._targets = {"notify": tuple(notifiers), "upload": tuple(destinations)}

    def decide(self, situation: RuleContext) -> list[RuleDecision]:
        """Return decisions for every notifier and destination and all other actions in rules."""
        misfits = [self._misfit(rule, situation) for rule in self._rules]
        found = [
            self._target("notify" if verb == "notify" else "upload", name, misfits, situation)
            for verb, names in self._targets.items()
            for name in names
        ]
        others = dict.fromkeys(
            one for rule in self._rules for one in rule.do if one.verb not in (*self._targets, "don't record")
        )
        return [*found, *(self._deed(one, misfits) for one in others)]

    def unrecorded(self, situation: RuleContext) -> str:
        """Return why this camera must not be recorded now, or an empty string."""
        for number, rule in enumerate(self._rules, 1):
            if rule.do[0].verb == "don't record" and not self._misfit(rule, situation):
                return f"{_called(rule, number)} says so ({rule.when})."
        return ""

    def thresholds_s(self) -> list[float]:
        """Return the minimum durations that rules use, in s, ascending."""
        return sorted({rule.when.min_duration for rule in self._rules if rule.when.min_duration})

    @property
    def by_time(self) -> bool:
        """Whether a rule stops recording by time of day."""
        return any(rule.when.between and rule.do[0].verb == "don't record" for rule in self._rules)

    # --- internal -------------------------------------------------------------------------------------------------

    def _target(self, verb: str, name: str, misfits: Sequence[str], now: RuleContext) -> RuleDecision:
        deed = RuleAction("notify" if verb == "notify" else "upload", name)
        naming = [
            (number, rule, misfit)
            for number, (rule, misfit) in enumerate(zip(self._rules, misfits, strict=True), 1)
            if any(one.verb == verb and one.name in (name, ALL, NONE) for one in rule.do)
        ]
        silencing = [each for each in naming if any(one.verb == verb and one.name == NONE for one in each[1].do)]
        for number, rule, misfit in silencing:
            if not misfit:
                silence = "no notifications" if verb == "notify" else "nothing is sent"
                return RuleDecision(deed, does=False, why=f"{_called(rule, number)}: {silence} ({rule.when}).")
        naming = [each for each in naming if each not in silencing]
        if not naming and now.names and now.kind == MOTION:
            return RuleDecision(deed, does=False, why=NAMELESS)
        if not naming:
            return RuleDecision(deed, does=True, why="No rule applies.")
        for number, rule, misfit in naming:
            if not misfit:
                why = f"{_called(rule, number)} {SAID[verb]} {name} ({rule.when})."
                return RuleDecision(deed, does=True, why=why, as_kind=_as_kind(rule, now))
        return RuleDecision(deed, does=False, why=_none_fits(naming))

    def _deed(self, deed: RuleAction, misfits: Sequence[str]) -> RuleDecision:
        naming = [
            (number, rule, misfit)
            for number, (rule, misfit) in enumerate(zip(self._rules, misfits, strict=True), 1)
            if deed in rule.do
        ]
        for number, rule, misfit in naming:
            if not misfit:
                return RuleDecision(deed, does=True, why=f"{_called(rule, number)} says so ({rule.when}).")
        return RuleDecision(deed, does=False, why=_none_fits(naming))

    def _misfit(self, rule: RuleSettings, now: RuleContext) -> str:
        """Return the first unmet condition, or an empty string."""
        return next(self._misfits(rule, now), "")

    def _misfits(self, rule: RuleSettings, now: RuleContext) -> Iterator[str]:
        when = rule.when
        if when.camera and now.camera not in when.camera:
            yield f"is for {_or(when.camera)}"
        if when.kind and now.kind not in when.kind and not _as_kind(rule, now):
            yield f"is for {_or(when.kind)}" + (f", not {now.kind}" if now.kind != _NO_KIND else "")
        if when.zone and not set(when.zone) & set(now.zones):
            yield f"is for {_or(when.zone)}, and it was in {_or(now.zones) if now.zones else 'no zone'}"
        if when.recognized and not any(spoken(word) in now.reads for word in when.recognized):
            yield f"is for {_or(when.recognized)}, which wasn't recognized"
        if when.mode and now.mode not in when.mode:
            yield f"is for {_or(when.mode)}, and the mode was {now.mode}"
        if when.between and not self._calendar.is_within(when.between, now.at_ms):
            clock = self._calendar.local(now.at_ms)
            yield f"is for {_or([str(one) for one in when.between])}, and it was {clock:%a %H:%M}"
        if when.home and not (now.home if ANYBODY in when.home else now.home & set(when.home)):
            yield f"is for {_or(when.home)} home, and {_home(now)}"
        if when.away and not (not now.home if EVERYBODY in when.away else set(when.away) - now.home):
            yield f"is for {_or(when.away)} away, and {_home(now)}"
        if when.min_duration and now.lasted_s < when.min_duration:
            yield (
                f"is for events of at least {duration_text(when.min_duration)}, and this one lasted "
                f"{duration_text(round(now.lasted_s, 1))}"
            )


def _as_kind(rule: RuleSettings, now: RuleContext) -> str:
    """Return the suggested type if this rule accepts it, else an empty string."""
    is_asked = rule.when.include_possible and now.kind not in rule.when.kind and now.suggested in rule.when.kind
    return now.suggested if is_asked else ""


def _called(rule: RuleSettings, number: int) -> str:
    return f"The rule “{rule.name}”" if rule.name else f"Rule {number}"


def _none_fits(naming: Sequence[tuple[int, RuleSettings, str]]) -> str:
    return " ".join(f"{_called(rule, number)} {misfit}." for number, rule, misfit in naming)


def _home(now: RuleContext) -> str:
    if not now.home:
        return "nobody was home"
    return f"{' and '.join(sorted(now.home))} {'was' if len(now.home) == 1 else 'were'} home"


def _or(words: Sequence[str]) -> str:
    return " or ".join(words)

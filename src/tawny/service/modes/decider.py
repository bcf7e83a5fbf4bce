"""What telling and sending ask of the rules; and the answer where there are none."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Protocol

from tawny.config.rules import RuleAction
from tawny.events.rule_engine import RuleDecision
from tawny.model.events import Event


class Decider(Protocol):
    """Any thread."""

    def of(self, event: Event) -> Mapping[RuleAction, RuleDecision]:
        """Of every notifier and destination, and of all else that rules name."""
        ...

    def note(self, event: Event, says: RuleDecision, *, does: bool, why: str) -> None:
        """Keep what came of it."""
        ...


class NoRules:
    """Everything that happens is told and sent."""

    def of(self, event: Event) -> Mapping[RuleAction, RuleDecision]:
        return _Always()

    def note(self, event: Event, says: RuleDecision, *, does: bool, why: str) -> None:
        """Nobody asks why."""


class _Always(defaultdict[RuleAction, RuleDecision]):
    def __missing__(self, deed: RuleAction) -> RuleDecision:  # for whoever may ask
        return RuleDecision(deed, does=True, why="No rule applies.")

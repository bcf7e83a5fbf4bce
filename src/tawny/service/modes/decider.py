"""Decider: interface of the rules for notifications and uploads, and its default without rules.

With rules it is `service.modes.rule_actions.RuleDecider`.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Protocol

from tawny.config.rules import RuleAction
from tawny.events.rule_engine import RuleDecision
from tawny.model.events import Event


class Decider(Protocol):
    """Decides what happens for an event. Thread-safe."""

    def of(self, event: Event) -> Mapping[RuleAction, RuleDecision]:
        """Return the decision for every notifier and destination, and for all other actions of rules."""
        ...

    def note(self, event: Event, says: RuleDecision, *, does: bool, why: str) -> None:
        """Store the outcome."""
        ...


class NoRules:
    """Sends every event to all notifiers and destinations."""

    def of(self, event: Event) -> Mapping[RuleAction, RuleDecision]:
        return _Always()

    def note(self, event: Event, says: RuleDecision, *, does: bool, why: str) -> None:
        """Do nothing; outcomes are not stored."""


class _Always(defaultdict[RuleAction, RuleDecision]):
    def __missing__(self, deed: RuleAction) -> RuleDecision:  # any action may be queried
        return RuleDecision(deed, does=True, why="No rule applies.")

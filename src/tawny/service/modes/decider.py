"""Decider: what happens for events where there are no rules.

With rules it is `service.modes.rule_actions.RuleDecider`.
"""

from collections import defaultdict
from collections.abc import Mapping

from tawny.config.modes import RuleAction
from tawny.events.rule_engine import RuleDecision
from tawny.model.events import Event


class Decider:
    """Decides what happens for an event: without rules, everything to all notifiers and destinations. Thread-safe."""

    def of(self, event: Event) -> Mapping[RuleAction, RuleDecision]:
        """Return the decision for every notifier and destination, and for all other actions of rules."""
        return _Always()

    def note(self, event: Event, decision: RuleDecision, *, does: bool, why: str) -> None:
        """Store the outcome: without rules, nowhere."""


class _Always(defaultdict[RuleAction, RuleDecision]):
    def __missing__(self, action: RuleAction) -> RuleDecision:  # any action may be queried
        return RuleDecision(action, does=True, why="No rule applies.")

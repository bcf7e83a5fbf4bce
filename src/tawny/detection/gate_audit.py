"""Audit of the decode gate: while asleep, random groups of pictures are fully decoded.

A detection in an audited group that the gate did not show is a miss. After MISSES misses the gate no longer sleeps.
"""

import random

from tawny.model.observations import Look

MISSES = 2
"""Number of misses after which the gate is no longer trusted."""
SUSPECTED = 4
"""Factor by which audits become more frequent after the first miss."""
EDGE_MS = 500
"""Objects that appeared less than this before the keyframe are no misses: the next keyframe would have shown them."""


class GateAudit:
    """one_in: one of this many groups of pictures is audited."""

    def __init__(self, one_in: int, chance: random.Random) -> None:
        self._one_in, self._chance = one_in, chance
        self.audits = self.misses = 0
        self._until_ms: int | None = None
        """Objects that began before this were missed; None outside an audit."""

    @property
    def failed(self) -> bool:
        return self.misses >= MISSES

    def is_due(self) -> bool:
        """Return whether to audit. Call at the end of every group of pictures that was slept through."""
        one_in = max(1, self._one_in // SUSPECTED) if self.misses else self._one_in
        return self._chance.random() * one_in < 1

    def begin(self, end_ms: int) -> None:
        """Begin an audit of the group that ends at this time."""
        self.audits += 1
        self._until_ms = end_ms - EDGE_MS

    def look(self, at_ms: int, look: Look) -> None:
        """Register the result of a processed frame. Call for every frame while awake."""
        if self._until_ms is not None and any(
            (at_ms if thing.since_ms is None else thing.since_ms) < self._until_ms for thing in look.seen
        ):
            self.misses += 1
            self._until_ms = None

    def over(self) -> None:
        """End the audit: the gate sleeps again."""
        self._until_ms = None

"""The gate's audit: while asleep, a random group of pictures is decoded whole. What the detector finds there and the
gate had not shown was missed; a gate that misses more than once is not trusted again.
"""

import random

from tawny.model.observations import Look

MISSES = 2
"""So often and it is no chance."""
SUSPECTED = 4
"""After the first miss so many times as often is looked."""
EDGE_MS = 500
"""What began so shortly before the keyframe would have been shown by the next one."""


class GateAudit:
    """one_in: of so many groups of pictures, one is decoded."""

    def __init__(self, one_in: int, chance: random.Random) -> None:
        self._one_in, self._chance = one_in, chance
        self.audits = self.misses = 0
        self._until_ms: int | None = None
        """What began before this was missed."""

    @property
    def failed(self) -> bool:
        return self.misses >= MISSES

    def is_due(self) -> bool:
        """Asked at the end of every group of pictures that was slept through."""
        one_in = max(1, self._one_in // SUSPECTED) if self.misses else self._one_in
        return self._chance.random() * one_in < 1

    def begin(self, end_ms: int) -> None:
        """A group that ends here is decoded now, though nothing had been shown."""
        self.audits += 1
        self._until_ms = end_ms - EDGE_MS

    def look(self, at_ms: int, look: Look) -> None:
        """Every look while awake."""
        if self._until_ms is not None and any(
            (at_ms if thing.since_ms is None else thing.since_ms) < self._until_ms for thing in look.seen
        ):
            self.misses += 1
            self._until_ms = None

    def over(self) -> None:
        """Asleep again."""
        self._until_ms = None

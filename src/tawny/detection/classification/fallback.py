"""Classification without a user model: the bundled small model suggests types for tracked objects.

Sits between a camera's watcher and its sink, in the watcher's thread. An object takes 0.2 ms. Not used for objects
named by a user model (`detection.classification.track_classifier`).
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np

from tawny.detection.classification.votes import LabelVotes
from tawny.detection.kind_model import KINDS, LEAST_CELLS, KindModel, crops_of
from tawny.detection.watcher import ObservationSink
from tawny.model.clock import Clock
from tawny.model.observations import Box, Frame, Look, Observation

MOST: Final = 12
"""Maximum number of objects classified per frame; the most foreground cells come first."""
LIKELY: Final = 0.25
"""Objects below the event threshold are classified from this score on, so the type is known when the event starts."""
SLOW_S: Final = 0.020
"""Duration, s, from which a run counts as slow: the computer is busy."""
RESTS: Final = 5
"""Number of frames skipped after a slow run."""


class FallbackClassifier:
    """Runs the bundled model for all cameras. model: None if not available. Call from any thread."""

    def __init__(self, clock: Clock, model: KindModel | None = None) -> None:
        self._clock = clock
        self.model = model
        self.looks = self.skipped = 0
        """Number of runs, and of runs skipped because the computer was busy."""
        self._rests = 0

    def look(self, crops: Any) -> Any:
        """Return the model output as `KindModel.look`; None without a model or while runs are skipped."""
        model = self.model
        if model is None:
            return None
        if self._rests > 0:
            self._rests, self.skipped = self._rests - 1, self.skipped + 1
            return None
        begun_s = self._clock.mono_s()
        said = model.look(crops)
        self.looks += 1
        if self._clock.mono_s() - begun_s > SLOW_S:
            self._rests = RESTS
        return said


class FallbackLabeller:
    """Adds suggested types to the observations of one camera.

    triggers: mean score from which a type is suggested; types not in it never are. is_wanted: return whether no better
    classifier names the objects.
    """

    def __init__(
        self,
        guesser: FallbackClassifier,
        sink: ObservationSink,
        triggers: Mapping[str, float],
        is_wanted: Callable[[], bool] = lambda: True,
    ) -> None:
        self._guesser, self._sink, self._triggers, self._is_wanted = guesser, sink, dict(triggers), is_wanted
        self._votes: dict[int, LabelVotes] = {}

    def look(self, frame: Frame, look: Look) -> None:
        here = {thing.track for thing in (*look.seen, *look.near)}
        self._votes = {track: votes for track, votes in self._votes.items() if track in here}
        if look.mask is not None and self._guesser.model is not None and self._is_wanted():
            self._vote(frame, look)
            look = replace(look, seen=self._suggested(look.seen), near=self._suggested(look.near))
        self._sink.look(frame, look)

    def idle(self, now_ms: int) -> None:
        self._sink.idle(now_ms)

    def close(self) -> None:
        self._sink.close()

    def _vote(self, frame: Frame, look: Look) -> None:
        followed = [*look.seen, *(thing for thing in look.near if thing.score >= LIKELY)]
        for thing in followed:
            self._votes.setdefault(thing.track, LabelVotes(self._triggers)).go(thing.box)
        moving = [(cells, thing) for thing in followed if (cells := cells_in(look.mask, thing.box)) >= LEAST_CELLS]
        asked = [thing for _, thing in sorted(moving, key=lambda one: -one[0])[:MOST]]
        if not asked:
            return
        said = self._guesser.look(crops_of(frame.luma, look.mask, [thing.box for thing in asked]))
        if said is None:
            return
        for thing, row in zip(asked, said, strict=True):
            scores = {kind: float(score) for kind, score in zip(KINDS, row, strict=True)}
            self._votes[thing.track].vote(thing.box, scores)

    def _suggested(self, things: tuple[Observation, ...]) -> tuple[Observation, ...]:
        names = [votes.name if (votes := self._votes.get(thing.track)) else None for thing in things]
        return tuple(
            thing if name is None else replace(thing, perhaps=name.label, perhaps_sure=name.score)
            for thing, name in zip(things, names, strict=True)
        )


def cells_in(mask: Any, box: Box) -> int:
    """Return the number of foreground cells in the box."""
    rows, columns = mask.shape
    x0, y0, x1, y1 = box
    part = mask[round(y0 * rows) : round(y1 * rows), round(x0 * columns) : round(x1 * columns)]
    return int(np.count_nonzero(part))

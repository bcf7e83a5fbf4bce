"""What each cell of the place looks like, and how much it varies by itself; from this, which cells differ now.

Every cell has a remembered brightness and a spread. Both are learnt at full speed on free ground, slower under a
candidate and not at all under an event, so that somebody who stands still is not learnt. Light that changes everywhere
at once is told from things by exactly that.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from tawny.watch.motion.arrays import (
    Grey,
    Mask,
    around,
    at_least,
    at_most,
    count,
    cut,
    distance,
    middle,
    mixed,
    root,
    towards,
    widened,
)
from tawny.watch.motion.boxes import Box
from tawny.watch.motion.light import bends
from tawny.watch.motion.sensitivity import Sensitivity

DARK = 8.0
"""Levels added to both sides before light is compared, so that black says nothing about it."""
GAIN_RANGE = 0.4, 2.5
"""Between two pictures the light changes by no more than this; beyond, it is another picture."""
NOISES = 5.0
"""A cell must differ by so many times the median difference of this very picture: a bad keyframe raises its own bar."""
NOISE_SPREAD = 2.4
"""The spread of a cell with nothing but noise, in medians of how much cells differ: it rises sooner than it falls."""
NOISY = 0.7
"""...for such a cell so much of the spreads is enough."""
NOISE_S = 10.0
"""Time constant of the noise of late."""
MOVING = 0.75
"""A cell moves in itself if it changed by this share of its limit since the look before the last..."""
SHAKES = 5.0
"""...and by so many times the median change between two looks."""
JUMP = 0.35
"""Share of the picture that begins to differ in one look: light, not things."""
STRANGE = 9.0
"""Levels by which half of the picture differs: it is another picture."""
CALM_S = 0.8
"""Nothing new begins so long after a jump."""
YOUNG_S = 10.0
"""So long after the start or a jump nothing is known of any place."""
BACK_S = 15.0
"""Time constant of the remembered brightness; less at the very start."""
SPREAD_UP_S, SPREAD_DOWN_S = 6.0, 90.0
"""A cell turns restless soon and calms down slowly."""
SEEN_S = 0.5
"""One look says no more than this of how much a place varies: of two seconds, it did not see the rest."""
ALONE_DT = 2.0
"""As if so long had passed since the last look: one picture stands alone."""
LATELY_S = 3.0
"""Time constant of the spread of late, which a cell gets where a candidate came to nothing."""
UNDER_CANDIDATE = 0.5
"""Share of its speed at which a cell under a candidate is learnt, once the place is known."""
MOST_SPREAD = 30.0
"""Levels: what differs more says nothing about how much a place varies."""
COVER_S = 2.0
"""Time over which the share is taken that a cell differed."""
COPY_S, COPIES = 2.0, 4
"""A copy of what is known is put by so often; so many are kept. A slow comer lives for seconds as a candidate."""
_SOME = slice(1, None, 4)
"""Every fourth cell either way is enough for a median."""


class Difference(NamedTuple):
    """One look against the memory."""

    now: Grey
    away: Grey
    limit: Grey
    faint: Grey
    """The mean of late, and of the neighbourhood, of how they differ, signed."""
    faint_limit: Grey
    front: Mask
    """Cells that differ by more than means nothing, now or on the mean of late."""
    strong: Mask
    """...by so much more that it cannot be chance."""
    share: float
    """Of the picture, of such cells."""
    noise: float
    """The median of how they differ."""


class Measured(NamedTuple):
    """One picture against the memory, and nothing made of it yet: from it, a glance and a look."""

    now: Grey
    away: Grey
    limit: Grey
    faint: Grey
    faint_limit: Grey
    gain: float
    noise: float
    shake: float
    left: float

    def difference(self, limits: float = 1.0, *, with_faint: bool = True) -> Difference:
        """Which cells differ, by so much of their limits. with_faint: on the mean of late, too."""
        front: Mask = self.away > np.float32(limits) * self.limit
        strong: Mask = self.away > np.float32(limits * STRONG) * self.limit
        if with_faint:
            of_late = np.abs(self.faint)
            front |= of_late > np.float32(limits) * self.faint_limit
            strong |= of_late > np.float32(limits * STRONG) * self.faint_limit
        share = count(front) / front.size
        return Difference(
            self.now, self.away, self.limit, self.faint, self.faint_limit, front, strong, share, self.noise
        )


FAINT_S = 0.45
"""Time over which the mean is taken that shows what one picture's noise hides..."""
_CALM = (1 - np.exp(-0.2 / FAINT_S)) / (1 + np.exp(-0.2 / FAINT_S))
"""...and what is left of the noise's square in it, at five looks a second."""
FAINTEST = 0.4
"""It says no more than what noise alone would allow: leaves that sway are not calm because their mean is."""
STRONG = 1.5
"""So many times the limit is no chance."""


class _Copy(NamedTuple):
    t: float
    back: Grey
    spread2: Grey


class Memory:
    """t: seconds that only grow. Made with the first picture; for pictures of one shape."""

    def __init__(self, t: float, now: Grey, sensitivity: Sensitivity) -> None:
        self._sensitivity = sensitivity
        self.began_t = self.fresh_t = self.calm_t = t
        self.back = now.copy()
        self.spread2 = np.full_like(now, 1.0)
        """Mean square of how far each cell strays."""
        self._faint = np.zeros_like(now)
        self._faint_before = (self._faint, self._faint)
        self._faint_spread2 = np.full_like(now, 0.5)
        self.noise = self._faint_noise = 0.3
        self._known = 0.0
        """0..1: how well the noise of the place is known."""
        self._left = 1.0
        """Of the noise's square in the mean of late: less with each look, all after a pause."""
        self._lately = np.full_like(now, 1.0)
        self._before = (now, now)
        self.cover = np.zeros_like(now)
        """Share of the last seconds in which each cell differed."""
        self._candidates: Mask = np.zeros(now.shape, np.bool_)
        self._events: Mask = np.zeros(now.shape, np.bool_)
        self._is_covered = False
        """Whether any cell is under one of these."""
        self._copies: deque[_Copy] = deque(maxlen=COPIES)
        self._share = 0.0
        self.gain = 1.0
        self.shake = 0.5

    @property
    def shape(self) -> tuple[int, int]:
        return self.back.shape[0], self.back.shape[1]

    def is_young(self, t: float) -> bool:
        return t - self.fresh_t < YOUNG_S

    def measure(self, now: Grey, dt: float) -> Measured:
        """Hold a picture against what is known, in its light and with its noise. Notes nothing.

        dt: since the last look; ALONE_DT where nothing that was seen before is to count.
        """
        some, back = now[_SOME, _SOME], self.back[_SOME, _SOME]
        gain = middle((some + DARK) / (back + DARK))
        gain = min(max(gain, GAIN_RANGE[0]), GAIN_RANGE[1])
        lit = self._lit(gain)
        bent = bends(some, lit[_SOME, _SOME], back)
        if bent is not None:
            lit = lit + bent[self.back.astype(np.uint8)]
        away = distance(now, lit)
        shake = max(0.3, middle(np.abs(some - self._before[1][_SOME, _SOME])))
        limit = self._limit(self.spread2, away, self.noise)
        # what differs much shows in one look: it is cut, so that it leaves no trail
        strays = around(cut(now - lit, limit))
        new = float(1 - np.exp(-dt / FAINT_S))
        faint = mixed(self._faint, strays, new)
        left = (1 - new) ** 2 * self._left + new**2
        noisier = max(1.0, left / _CALM) ** 0.5
        faint_limit = self._limit(self._faint_spread2, np.abs(faint), self._faint_noise, noisier)
        faint_limit = np.maximum(faint_limit, np.float32(FAINTEST) * limit)
        return Measured(now, away, limit, faint, faint_limit, gain, middle(away[_SOME, _SOME]), shake, left)

    def compare(self, measured: Measured, t: float) -> Difference:
        """Which cells differ at today's light. Notes light and noise, learns nothing."""
        self.gain, self.shake, self._left = measured.gain, measured.shake, measured.left
        self._faint = measured.faint
        return measured.difference(with_faint=not self.is_young(t))

    def _limit(self, spread2: Grey, away: Grey, noise: float, noisier: float = 1.0) -> Grey:
        """How much means nothing: by each cell's own spread, by the setting, by the noise of this very picture.

        noise: the median of late of how much a cell differs. What a cell strays beyond what such noise explains is its
        own restlessness.
        """
        least = max(self._sensitivity.contrast, NOISES * middle(away[_SOME, _SOME][_SOME, _SOME]))
        spreads = self._sensitivity.spreads
        known = self._known
        restless = (spread2 - np.float32(known * (NOISE_SPREAD * noise) ** 2)) * np.float32(spreads**2)
        own = root(np.maximum(restless, spread2 * np.float32(((1 - (1 - NOISY) * known) * spreads) ** 2)))
        own *= np.float32(noisier)
        return at_least(own, least)

    def is_jump(self, seen: Difference) -> bool:
        """Whether everything changed at once: then `take` this picture instead of looking for things in it."""
        if seen.share - self._share > JUMP:
            return True
        return seen.noise > STRANGE

    def take(self, t: float, now: Grey) -> None:
        """Believe the picture as it is, but for what is under an event; begin to know the place anew."""
        free = ~self._events
        self.back = self._lit(self.gain)
        self.back[free] = now[free]
        self._before = (now, now)
        self._copies.clear()
        self._faint = np.zeros_like(now)
        self._faint_before = (self._faint, self._faint)
        self._left = 1.0
        self.noise = self._faint_noise = 0.3
        self._known = self._share = 0.0
        self.calm_t, self.fresh_t = t + CALM_S, t

    def moving(self, seen: Difference) -> Mask:
        """Cells that have changed since the look before the last. Ask before `pass_look`."""
        changed = distance(seen.now, self._before[0])
        moving: Mask = changed > at_least(np.float32(MOVING) * seen.limit, self.shake * SHAKES)
        changed = distance(seen.faint, self._faint_before[0])
        return moving | (changed > np.float32(MOVING) * seen.faint_limit)

    def pass_look(self, seen: Difference, dt: float) -> None:
        """Note this look, for the next ones."""
        self._share = seen.share
        self.cover += (seen.front - self.cover) * (1 - np.exp(-dt / COVER_S, dtype=np.float32))
        self._before = (self._before[1], seen.now)
        self._faint_before = (self._faint_before[1], seen.faint)

    def _lit(self, gain: float) -> Grey:
        """The place as remembered, in this light."""
        return self.back * np.float32(gain) + np.float32(DARK * gain - DARK)

    # --- learning -----------------------------------------------------------------------------------------------------

    def cover_with(self, front: Mask, candidates: Sequence[Box], events: Sequence[Box]) -> None:
        """What must be learnt slowly or not at all from now on: the differing cells under these boxes."""
        if self._is_covered:
            self._candidates[:] = False
            self._events[:] = False
        self._is_covered = bool(candidates or events)
        if not self._is_covered:
            return
        thick = widened(front)
        for owned, boxes in ((self._candidates, candidates), (self._events, events)):
            for box in boxes:
                part = box.grown(1).part
                owned[part] |= thick[part]

    def learn(self, t: float, dt: float, seen: Difference) -> None:
        if not self._copies or t - self._copies[-1].t >= COPY_S:
            self._copies.append(_Copy(t, self.back.copy(), self.spread2.copy()))
        speed = self._speed(t)
        back_s = min(BACK_S, max(1.0, t - self.began_t))
        self.back += (seen.now - self.back) * (speed * np.float32(min(0.5, dt / back_s)))
        strayed = at_most(seen.away * seen.away, MOST_SPREAD**2)
        self._lately += (strayed - self._lately) * np.float32(min(0.5, dt / LATELY_S))
        pace = min(dt, SEEN_S)
        self._known = min(1.0, max(0.0, (t - self.fresh_t - YOUNG_S) / NOISE_S))
        new = min(0.5, dt / min(NOISE_S, max(1.0, t - self.fresh_t)))
        self.noise += (seen.noise - self.noise) * new
        self._faint_noise += (middle(np.abs(seen.faint[_SOME, _SOME])) - self._faint_noise) * new
        up, down = pace / SPREAD_UP_S, min(0.5, pace / min(SPREAD_DOWN_S, max(2.0, t - self.fresh_t)))
        self.spread2 += towards(strayed - self.spread2, up, down) * speed
        if self.is_young(t):  # sooner than each cell by itself, all cells together say what noise there is
            np.maximum(self.spread2, np.float32((NOISE_SPREAD * self.noise) ** 2), out=self.spread2)
        if dt <= SEEN_S:  # of late is not what one look in two seconds shows
            self._faint_spread2 += towards(seen.faint * seen.faint - self._faint_spread2, up, down) * speed

    def _speed(self, t: float) -> Grey | np.float32:
        if not self._is_covered:
            return np.float32(1)
        speed = np.ones_like(self.back)
        if not self.is_young(t):
            speed[self._candidates] = UNDER_CANDIDATE
        speed[self._events] = 0.0
        return speed

    def blame(self, boxes: Iterable[Box]) -> None:
        """A candidate that passed here came to nothing: so much does this place vary by itself."""
        for box in boxes:
            part = box.part
            free = ~(self._candidates[part] | self._events[part])
            late = np.maximum(self._lately[part] - self.spread2[part], 0) * free
            self.spread2[part] += late * np.float32(min(0.5, 0.2 / SPREAD_UP_S))

    def restore(self, since_t: float, boxes: Iterable[Box]) -> None:
        """A candidate became an event: what was learnt under it is put back to how the place was before it came."""
        old = [c for c in self._copies if c.t < since_t and c.t - self.fresh_t > YOUNG_S / 2]
        if not old:
            return
        for box in boxes:
            part = box.part
            self.back[part] = old[-1].back[part]
            self.spread2[part] = np.minimum(self.spread2[part], old[-1].spread2[part])

    def absorb(self, box: Box, now: Grey) -> None:
        """What is here now belongs to the place."""
        part = box.grown(2).part
        self.back[part] = now[part]

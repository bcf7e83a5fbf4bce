"""Learning: plain numpy, the same from the same seed."""

from collections.abc import Callable
from typing import Any

import numpy as np

from training.network import Floats, Layer

HIDDEN = 96
EPOCHS, BATCH = 24, 256
RATE, DECAY = 1.5e-3, 4e-4
UNSEEN, HIDDEN_UNSEEN = 0.2, 0.3
"""Shares of features, and of what is hidden, that are left out by chance: nothing hangs on a single one."""
LEAST_SPREAD = 0.02
"""Of a feature: what hardly ever differs is not made much of."""
FACTORS = 1 << 22
"""Length of the row that what is left out is taken from; a batch must fit in."""
SMOOTH = 0.05
"""So much of a label is spread over all kinds: labels are wrong now and then."""
_FIRST, _SECOND, _LEAST = 0.9, 0.999, 1e-8


def learn(
    features: Floats, labels: Any, weights: Any, kinds: int, seed: int, text: Callable[[str], None] = lambda _: None
) -> Layer:
    """features: [n, width]. labels: int [n]. weights: how much each one counts, [n]."""
    rng = np.random.default_rng(seed)
    features = features.astype(np.float32, copy=False)
    mean, scale = features.mean(axis=0), features.std(axis=0) + LEAST_SPREAD
    x = (features - mean) / scale
    chances = weights / weights.sum()
    width = x.shape[1]
    values = [
        _by_chance(rng, width, HIDDEN), np.zeros(HIDDEN, np.float32),
        _by_chance(rng, HIDDEN, kinds), np.zeros(kinds, np.float32),
    ]  # fmt: skip
    first, second = ([np.zeros_like(one) for one in values] for _ in range(2))
    wanted = np.full((len(x), kinds), SMOOTH / kinds, np.float32)
    wanted[np.arange(len(x)), labels] += 1 - SMOOTH
    steps = max(1, EPOCHS * len(x) // BATCH)
    order = rng.choice(len(x), (steps, BATCH), p=chances)
    shares = _Kept(rng, UNSEEN), _Kept(rng, HIDDEN_UNSEEN)
    for step, chosen in enumerate(order, 1):
        loss, slopes = _slopes(x[chosen], wanted[chosen], values, *shares)
        rate = RATE * 0.5 * float(1 + np.cos(np.pi * step / steps))
        for n, slope in enumerate(slopes):
            first[n] = _FIRST * first[n] + (1 - _FIRST) * slope
            second[n] = _SECOND * second[n] + (1 - _SECOND) * slope**2
            move = first[n] / (1 - _FIRST**step) / (np.sqrt(second[n] / (1 - _SECOND**step)) + _LEAST)
            values[n] -= rate * (move + (DECAY * values[n] if values[n].ndim > 1 else 0))
        if step % max(1, steps // 4) == 0:
            text(f"{step / steps:.0%}, loss {loss:.3f}")
    w1, b1, w2, b2 = (np.asarray(one, np.float32) for one in values)
    return Layer(mean.astype(np.float32), scale.astype(np.float32), w1, b1, w2, b2)


class _Kept:
    """Factors that leave out such a share by chance, out of one long row: drawing them anew takes most of the time."""

    def __init__(self, rng: np.random.Generator, share: float) -> None:
        self._rng = rng
        self._row = (rng.random(FACTORS, np.float32) >= share) / np.float32(1 - share)

    def like(self, x: Floats) -> Floats:
        begin = int(self._rng.integers(FACTORS - x.size))
        return np.asarray(self._row[begin : begin + x.size].reshape(x.shape), np.float32)


def _by_chance(rng: np.random.Generator, rows: int, columns: int) -> Floats:
    return np.asarray(rng.normal(0, np.sqrt(2 / rows), (rows, columns)), np.float32)


def _slopes(
    x: Floats, wanted: Floats, values: list[Floats], seen: _Kept, hidden_seen: _Kept
) -> tuple[float, list[Floats]]:
    """Cross entropy, and how it changes with each value."""
    w1, b1, w2, b2 = values
    x *= seen.like(x)
    hidden = np.maximum(x @ w1 + b1, 0)
    kept = hidden_seen.like(hidden)
    hidden = hidden * kept
    logits = hidden @ w2 + b2
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    text = powers / powers.sum(axis=1, keepdims=True)
    wrong = (text - wanted) / np.float32(len(x))
    back = (wrong @ w2.T) * (hidden > 0) * kept
    loss = float(-(wanted * np.log(text + 1e-9)).sum(axis=1).mean())
    return loss, [x.T @ back, back.sum(axis=0), hidden.T @ wrong, wrong.sum(axis=0)]

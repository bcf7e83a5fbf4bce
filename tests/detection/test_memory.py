"""What of a look differs from the memory: only cells beyond the least limit get one of their own."""

import numpy as np
import pytest

from tawny.detection.motion import background_model
from tawny.detection.motion.background_model import (
    FAINTEST,
    GLANCE,
    BackgroundModel,
    Sensitivity,
)
from tawny.detection.motion.cells import STRONG, Grey, follow, median, middle

SHAPE = (108, 192)


def _pictures(seed: int, count: int) -> list[Grey]:
    """A place with noise, of which a part flickers; in the last somebody stands."""
    chance = np.random.default_rng(seed)
    place = chance.uniform(20, 220, SHAPE)
    made = []
    for _ in range(count):
        now = place + chance.normal(0, 1.5, SHAPE)
        now[:30, :60] += chance.normal(0, 12, (30, 60))
        made.append(np.clip(np.round(now), 0, 255).astype(np.float32))
    made[-1][60:90, 100:120] += 25
    return made


def _known(pictures: list[Grey]) -> BackgroundModel:
    memory = BackgroundModel(0.0, pictures[0], Sensitivity.of(50))
    for n, now in enumerate(pictures, 1):
        seen = memory.compare(memory.measure(now, 0.2), n / 5)
        memory.pass_look(seen, 0.2)
        memory.learn(n / 5, 0.2, seen)
    return memory


@pytest.mark.plain
@pytest.mark.parametrize("dt", [0.2, 2.0])
def test_the_same_cells_differ_as_if_each_had_its_limit(dt: float, monkeypatch: pytest.MonkeyPatch) -> None:
    *before, now = _pictures(3, 120)
    memory = _known(before)
    measured = memory.measure(now, dt)
    monkeypatch.setattr(background_model, "beyond", lambda away, _least: np.arange(away.size))
    everywhere = memory.measure(now, dt)
    assert (everywhere.faint_far.limit >= np.float32(FAINTEST) * everywhere.far.limit).all()
    glanced, seen = measured.difference(GLANCE), measured.difference()
    assert 0 < np.count_nonzero(seen.front) < np.count_nonzero(glanced.front) < seen.front.size
    assert (glanced.front == everywhere.difference(GLANCE).front).all()
    assert (seen.front == everywhere.difference().front).all()
    assert ((seen.excess > STRONG) == (everywhere.difference().excess > STRONG)).all()


def test_only_cells_that_differ_move() -> None:
    *before, now = _pictures(4, 80)
    memory = _known(before)
    seen = memory.compare(memory.measure(now, 0.2), 16.2)
    moving = memory.moving(seen)
    assert moving.any()
    assert not (moving & ~seen.front).any()


def test_the_middle_is_the_median_or_the_upper_of_two() -> None:
    odd, even = np.array([3, 1, 2], np.float32), np.array([4, 1, 3, 2], np.float32)
    assert (middle(odd), middle(even)) == (2, 3)
    assert (median(odd), median(even)) == (2, 2.5)


def test_what_follows_goes_a_share_of_the_way_in_place() -> None:
    a, to = np.zeros((2, 2), np.float32), np.full((2, 2), 8, np.float32)
    follow(a, to, 0.25)
    assert (a == 2).all()
    follow(a, to, 0.5, np.array([[1, 0], [1, 0.5]], np.float32))
    assert a.tolist() == [[5, 2], [5, 3.5]]

"""Light that passes leaves the place as known as it was before."""

import numpy as np
import pytest

from tawny.detection.motion import MotionDetector
from tawny.detection.motion.background_model import DEFAULT, RETURN_S, SWEPT_S, BackgroundModel, Sensitivity
from tawny.detection.motion.cells import Grey
from tests.detection.alarms import alarms
from tests.support import weather
from tests.support.scenes import SyntheticScene, person

STEP_S = 0.2
CHANCE = np.random.default_rng(4)
PLACE: Grey = CHANCE.uniform(40, 160, (54, 96)).astype(np.float32)
KNOWN_S = 30.0
SWEEP_S = 2.0


class _Watched:
    """A place that is remembered, looked at five times a second."""

    def __init__(self) -> None:
        self.memory = BackgroundModel(0.0, PLACE, Sensitivity.of(DEFAULT))
        self.t = 0.0

    def look(self, picture: Grey, for_s: float) -> None:
        for _ in range(round(for_s / STEP_S)):
            self.t += STEP_S
            now = picture + CHANCE.normal(0, 1, picture.shape).astype(np.float32)
            self.memory.comes_back(self.t, now)
            seen = self.memory.compare(self.memory.measure(now, STEP_S), self.t)
            if self.memory.is_jump(seen):
                self.memory.take(self.t, now)
                continue
            self.memory.pass_look(seen, STEP_S)
            self.memory.learn(self.t, STEP_S, seen)


def _lit(share: float) -> Grey:
    """The place with so much of its width in other light."""
    lit = PLACE.copy()
    lit[:, : round(share * lit.shape[1])] += 60
    return lit


@pytest.mark.parametrize(("lit_s", "is_known"), [(SWEEP_S, True), (RETURN_S + STEP_S, False)])
def test_a_place_is_known_as_before_if_the_light_comes_back_soon(lit_s: float, is_known: bool) -> None:
    watched = _Watched()
    watched.look(PLACE, KNOWN_S)
    watched.look(_lit(0.6), lit_s)
    watched.look(PLACE, 1.0)
    assert (watched.memory.fresh_t == 0) is is_known


@pytest.mark.parametrize(
    ("share", "lit_s", "is_restless"),
    [(0.25, SWEEP_S, False), (0.25, 3 * SWEPT_S, True), (0.1, SWEEP_S, True)],
    ids=["a beam", "what stays", "something small"],
)
def test_cells_are_not_restless_for_light_that_passes(share: float, lit_s: float, is_restless: bool) -> None:
    watched = _Watched()
    watched.look(PLACE, KNOWN_S)
    before = float(watched.memory.spread2[:, 2].mean())
    watched.look(_lit(share), lit_s)
    assert (float(watched.memory.spread2[:, 2].mean()) > 10 * before) is is_restless


def test_who_comes_after_beams_is_told() -> None:
    scene = SyntheticScene(6, 50, night=True)
    scene.walk([(32, 30, 80, 20), (42, 130, 80, 20)], person, 25)
    weather.headlights(scene, (12, 20, 28), sweep_s=SWEEP_S)
    ((begin, _),) = alarms(scene, MotionDetector({}))
    assert begin == pytest.approx(32, abs=1)


def test_a_restless_place_that_changes_as_a_whole_is_learned_anew() -> None:
    """Its cells vary by more than the change, so each frame looked like a return, and nothing was seen any more."""
    chance, watched = np.random.default_rng(3), _Watched()
    for _ in range(round(KNOWN_S / STEP_S)):
        stirs = np.where(chance.uniform(size=PLACE.shape) < 0.25, np.float32(40), np.float32(0))
        watched.look(PLACE + stirs, STEP_S)
    other = PLACE + 10 + chance.choice(np.array([20, -20], np.float32), PLACE.shape)  # 10: the mean of the stirs
    watched.look(other, 2.0)
    assert KNOWN_S < watched.memory.fresh_t < KNOWN_S + 1.0

"""The weights that come with tawny: whole, what their card says, and they say of ten rendered crops what they always
said. `python -m training.golden` renews the crops after a training."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tawny.detection.kind_model import KINDS, OWN, KindClassifier, card_of, card_words

GOLDEN = Path(__file__).parent / "kinds_golden.npz"
SAME = 0.02
"""Other processors round otherwise."""


@pytest.fixture(scope="module")
def golden() -> Any:
    with np.load(GOLDEN) as kept:
        return kept["crops"], kept["said"]


@pytest.fixture(scope="module")
def own() -> KindClassifier:
    return KindClassifier(OWN)


def test_it_says_what_it_always_said(own: KindClassifier, golden: Any) -> None:
    crops, answer = golden
    assert len(crops) == 10
    assert np.abs(own.look(crops) - answer).max() <= SAME


def test_one_crop_is_looked_at_like_many(own: KindClassifier, golden: Any) -> None:
    crops, answer = golden
    assert np.abs(np.concatenate([own.look(crop[None]) for crop in crops]) - answer).max() <= SAME


def shifted(crops: Any) -> Any:
    return np.roll(crops, 2, axis=3)


@pytest.mark.parametrize(
    "change",
    [
        lambda crops: crops[..., ::-1].copy(),
        lambda crops: np.concatenate([(crops[:, :1] * 0.8).astype(np.uint8), crops[:, 1:]], axis=1),
        lambda crops: np.concatenate([np.minimum(crops[:, :1] * 1.2, 255).astype(np.uint8), crops[:, 1:]], axis=1),
        shifted,
    ],
    ids=["mirrored", "darker", "brighter", "shifted"],
)
def test_the_same_thing_seen_a_little_otherwise_is_the_same_thing(
    own: KindClassifier, golden: Any, change: Any
) -> None:
    crops, answer = golden
    assert own.look(change(crops)).argmax(axis=1).tolist() == answer.argmax(axis=1).tolist()


def test_its_card_tells_where_it_comes_from_and_how_good_it_is() -> None:
    card = card_of(OWN)
    assert card.document["kinds"] == list(KINDS)
    assert all(one["origin"] and one["licence"] for one in card.document["sources"])
    assert card.document["stated_precision"] == 0.95
    assert card.triggers == card.document["trigger"]
    assert card.document["false_persons_an_hour"] <= 0.5
    assert card.document["cpu_ms_for_12_crops"] <= 1
    words = card_words(card)
    assert "intel-iot-devkit/sample-videos (CC-BY-4.0)" in words
    assert "Not measured: animals" in words


def test_of_the_kinds_it_names_at_least_the_stated_share_was_right() -> None:
    card = card_of(OWN)
    sums = [one for one in card.document["measured"] if one["sum"] and one["films"] != "demo cameras"]
    assert {"real by day", "rendered by night"} <= {one["films"] for one in sums}
    for kind in card.triggers:
        right = sum(one["kinds"][kind]["right"] for one in sums if kind in one["kinds"])
        wrong = sum(one["kinds"][kind]["wrong"] for one in sums if kind in one["kinds"])
        assert right >= 0.95 * (right + wrong) > 0

"""K of W: whatever the frames, an event begins at the K-th of W and ends when nothing moved for long enough."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tawny.detection.classic.background import Mixture
from tawny.detection.classic.base import ClassicDetector, ClassicMeasurement, MotionEventState
from tawny.detection.classic.blocks import Blocks
from tawny.detection.classic.pixels import Pixels
from tawny.detection.detector import DetectorParameter
from tawny.detection.zones import CameraZones, DetectionZone, in_places
from tawny.model.geometry import Polygon
from tawny.model.observations import Look
from tests.detection.classic import standins
from tests.support.scenes import START_MS, PictureFrame


def _looks(moves: list[bool], k: int, within: int, hold_s: float = 0.5) -> list[Look]:
    rule = MotionEventState(hold_s)
    return [
        rule.step(n * 100, moves=moved, k=k, within=within, box=None, score=60 if moved else 0)
        for n, moved in enumerate(moves)
    ]


@given(st.lists(st.booleans(), max_size=60), st.integers(1, 6), st.integers(1, 12))
def test_the_first_event_begins_at_the_kth_of_w(moves: list[bool], k: int, within: int) -> None:
    within = max(k, within)
    looks = _looks(moves, k, within, hold_s=100)
    due = [n for n in range(len(moves)) if moves[n] and sum(moves[max(0, n + 1 - within) : n + 1]) >= k]
    begun = [n for n, look in enumerate(looks) if look.seen]
    assert begun[:1] == due[:1]
    if due:
        moving = [n for n in range(max(0, due[0] + 1 - within), due[0] + 1) if moves[n]]
        assert looks[due[0]].seen[0].since_ms == moving[-k] * 100


@given(st.lists(st.booleans(), max_size=80), st.integers(1, 4))
def test_what_is_over_was_seen_and_comes_not_again(moves: list[bool], k: int) -> None:
    seen: set[int] = set()
    over: set[int] = set()
    for n, look in enumerate(_looks(moves, k, k)):
        for thing in look.over:
            assert thing.track in seen
            assert thing.until_ms is not None
            assert thing.until_ms < n * 100 - 500
            over.add(thing.track)
        seen |= {thing.track for thing in look.seen}
        assert not over & {thing.track for thing in look.seen}


@pytest.mark.shows("RP10")
def test_one_quiet_frame_resets_a_row() -> None:
    moves = [True] * 4 + [False] + [True] * 4
    assert not any(look.seen for look in _looks(moves, 5, 5))
    assert _looks([*moves, True], 5, 5)[-1].seen


def test_a_pause_ends_what_went_on() -> None:
    rule = MotionEventState(2.0)
    rule.step(0, moves=True, k=1, within=1, box=None, score=70)
    look = rule.step(60_000, moves=False, k=1, within=1, box=None, score=0)
    assert [thing.until_ms for thing in look.over] == [0]
    assert look.seen == ()


class Numbered(ClassicDetector):
    """Measures the numbers that it was told, at a level of 400; two in a row are motion."""

    name: ClassVar[str] = "numbered"
    NUMBERS: ClassVar[Mapping[str, DetectorParameter]] = {
        "level": DetectorParameter(400, 0, 1e6),
        "frames": DetectorParameter(2, 1, 9, is_whole=True),
    }

    def __init__(self, numbers: list[int], **settings: Any) -> None:
        super().__init__(settings)
        self._told = iter(numbers)

    def measure(self, luma: Any) -> ClassicMeasurement:
        number = next(self._told)
        return ClassicMeasurement(number, moves=number > 400)

    def forget(self) -> None:
        pass


def _told(numbers: list[int], places: CameraZones, **settings: Any) -> list[Look]:
    """One frame is 0.5 s."""
    detector = in_places(Numbered(numbers, **settings), places)
    frames = (PictureFrame(np.zeros((9, 16), np.uint8), START_MS + 500 * n) for n in range(len(numbers)))
    return [detector.look(frame) for frame in frames]


@pytest.mark.parametrize(("threshold", "begins"), [(1, 1), (25, 2), (40, 4), (49, 5), (50, 6)])
def test_a_threshold_below_50_makes_an_event_of_less(threshold: int, begins: int) -> None:
    """Their scores are 10, 25, 37, 42, 49, 99 and 99. The second one in a row that reaches it begins the event."""
    seen = [bool(look.seen) for look in _told([80, 200, 300, 340, 396, 40_000, 40_000], CameraZones(level=threshold))]
    assert seen.index(True) == begins


def test_an_event_of_a_low_threshold_ends_although_less_goes_on() -> None:
    looks = _told([300] * 4 + [100] * 8, CameraZones(level=30))
    (over,) = [thing for look in looks for thing in look.over]
    assert (over.since_ms, over.until_ms) == (START_MS, START_MS + 1500)
    assert not looks[-1].seen


def test_what_grows_from_less_to_an_event_stays_one_thing() -> None:
    looks = _told([300] * 3 + [600] * 3, CameraZones(level=30))
    assert {thing.track for look in looks for thing in look.seen} == {1}
    assert looks[-1].seen[0].since_ms == START_MS


def test_a_zone_with_a_higher_threshold_waits_for_it() -> None:
    everywhere = Polygon.of([(0, 0), (1, 0), (1, 1), (0, 1)])
    zones = (DetectionZone("low", everywhere), DetectionZone("high", everywhere, level=50))
    looks = _told([300, 300, 600, 600], CameraZones(zones, level=30))
    assert [look.seen[0].zones if look.seen else () for look in looks] == [(), ("low",), ("low",), ("low", "high")]


def test_a_zone_with_a_lower_threshold_prolongs_nothing_in_the_others() -> None:
    everywhere = Polygon.of([(0, 0), (1, 0), (1, 1), (0, 1)])
    zones = (DetectionZone("strict", everywhere), DetectionZone("faint", everywhere, level=10))
    looks = _told([600, 600, *[300] * 60], CameraZones(zones))
    assert looks[1].seen
    assert not looks[-1].seen
    assert any(look.over for look in looks)


def test_faint_motion_goes_on_with_an_event_only_where_that_suffices() -> None:
    everywhere = Polygon.of([(0, 0), (1, 0), (1, 1), (0, 1)])
    left = Polygon.of([(0, 0), (0.01, 0), (0.01, 0.01), (0, 0.01)])
    zones = (DetectionZone("low", everywhere), DetectionZone("high", left, level=50))
    looks = _told([600, 600, 300, 300], CameraZones(zones, level=30))
    assert looks[-1].seen[0].zones == ("low",)


def test_a_low_threshold_makes_no_event_of_frames_that_do_not_count() -> None:
    looks = _told([600] * 6, CameraZones(level=10), warm_up=2)
    assert [bool(look.seen) for look in looks] == [False] * 5 + [True]


@pytest.mark.parametrize("kind", [Blocks, Mixture, Pixels])
def test_what_is_less_than_an_event_is_where_it_moves(kind: type[ClassicDetector]) -> None:
    rule = {"seconds": 0.1} if kind is Mixture else {"frames": 1}
    detector = kind({"level": kind.NUMBERS["level"].most / 2, **rule})
    in_places(detector, CameraZones(level=1))
    boxes = [thing.box for frame in standins.burst() for thing in detector.look(frame).near]
    assert boxes
    assert all(min(x0, y0) > 0.19 and max(x1, y1) < 0.81 for x0, y0, x1, y1 in boxes)


@pytest.mark.parametrize(
    ("threshold", "level"), [(1, 8), (25, 200), (50, 400), (60, 500), (75, 800), (99, 20_000), (100, 20_000_000)]
)
def test_the_level_that_is_shown_is_the_one_in_use(threshold: int, level: int) -> None:
    (look,) = _told([700], CameraZones(level=threshold))
    assert look.measured is not None
    assert look.measured.number == 700
    assert look.measured.level == pytest.approx(level)

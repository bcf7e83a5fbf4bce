"""Where damage begins and ends, and what is a hole."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as some

from tawny.model.damage import DamagedSpan
from tawny.model.ids import CameraId, StreamName
from tawny.model.messages import DamageFound, HoleFound, Message
from tawny.stream.session import Damages

DOOR, MAIN = CameraId("door"), StreamName.MAIN
STEP_MS, GOP = 40, 25


class Bench:
    def __init__(self) -> None:
        self.heard: list[Message] = []
        self.damages = Damages(DOOR, MAIN, self.heard.append)
        self.number = self.at_ms = 0

    def send(
        self, count: int = 1, *, is_damaged: bool = False, missing: int = 0, after_waste: bool = False, skip: int = 0
    ) -> None:
        self.number, self.at_ms = self.number + skip, self.at_ms + skip * STEP_MS
        for _ in range(count):
            is_keyframe = self.number % GOP == 0 and not is_damaged
            self.damages.picture(
                self.at_ms, is_keyframe=is_keyframe, is_damaged=is_damaged, missing=missing, after_waste=after_waste
            )
            self.number, self.at_ms = self.number + 1, self.at_ms + STEP_MS

    @property
    def found(self) -> list[DamagedSpan]:
        """The newest state of each."""
        newest = {one.damage.begin_ms: one.damage for one in self.heard if isinstance(one, DamageFound)}
        return list(newest.values())

    @property
    def holes(self) -> list[tuple[int, int]]:
        return [(one.begin_ms, one.end_ms) for one in self.heard if isinstance(one, HoleFound)]


def test_whole_pictures_are_no_damage() -> None:
    bench = Bench()
    bench.send(100)
    bench.damages.end()
    assert bench.heard == []


def test_damage_lasts_until_the_next_whole_keyframe() -> None:
    bench = Bench()
    bench.send(30)
    bench.send(2, is_damaged=True, missing=3)
    bench.send(40)
    assert bench.found == [DamagedSpan(DOOR, MAIN, 30 * STEP_MS, 50 * STEP_MS, 2, 6)]


def test_a_damaged_keyframe_ends_nothing() -> None:
    bench = Bench()
    bench.send(30)
    bench.send(is_damaged=True, missing=1)
    bench.send(19)
    bench.send(is_damaged=True, missing=2)
    bench.send(40)
    assert bench.found == [DamagedSpan(DOOR, MAIN, 30 * STEP_MS, 75 * STEP_MS, 2, 3)]


def test_pictures_of_which_nothing_is_left_belong_to_it() -> None:
    bench = Bench()
    bench.send(30)
    bench.send(is_damaged=True, missing=12, skip=4)
    bench.send(30)
    assert bench.found == [DamagedSpan(DOOR, MAIN, 30 * STEP_MS, 50 * STEP_MS, 1, 12)]


def test_the_end_of_the_run_is_its_end() -> None:
    bench = Bench()
    bench.send(30)
    bench.send(5, is_damaged=True)
    bench.damages.end()
    assert bench.found == [DamagedSpan(DOOR, MAIN, 30 * STEP_MS, 34 * STEP_MS, 5, 0)]
    bench.send(3)
    bench.damages.end()
    assert len(bench.found) == 1


def test_what_lasts_is_told_while_it_does() -> None:
    bench = Bench()
    bench.send(30)
    for _ in range(400):  # no whole keyframe for 16 s
        bench.send(is_damaged=True, missing=1)
    assert 2 <= len(bench.heard) <= 4
    (last,) = bench.found
    assert last.begin_ms == 30 * STEP_MS
    assert last.units == last.packets
    bench.send(GOP)
    assert bench.found[0].packets == 400


def test_no_picture_for_more_than_a_second_though_it_sends_is_a_hole() -> None:
    bench = Bench()
    bench.send(50)
    bench.send(after_waste=True, skip=40)
    bench.send(50)
    bench.send(is_damaged=True, missing=300, skip=30)
    bench.send()
    assert bench.holes == [(50 * STEP_MS, 90 * STEP_MS), (141 * STEP_MS, 172 * STEP_MS)]


def test_so_is_a_second_in_which_no_picture_is_whole() -> None:
    bench = Bench()
    bench.send(50)
    bench.send(20, is_damaged=True)
    bench.send(50)
    assert bench.holes == []
    bench.send(30, is_damaged=True)
    bench.send(50)
    assert bench.holes == [(120 * STEP_MS, 150 * STEP_MS)]


def test_a_pause_in_which_nothing_came_is_none() -> None:
    bench = Bench()
    bench.send(50)
    bench.send(skip=100)
    bench.send(10, after_waste=True)
    assert bench.holes == []


def test_a_camera_with_a_picture_every_few_seconds_has_no_holes() -> None:
    bench = Bench()
    for _ in range(20):
        bench.send(after_waste=True, skip=74)
    assert bench.holes == []


@settings(deadline=None)
@given(some.lists(some.tuples(some.booleans(), some.booleans(), some.integers(0, 9), some.integers(-80, 3000))))
def test_damage_counts_everything_once_and_overlaps_nowhere(
    pictures: list[tuple[bool, bool, int, int]],
) -> None:
    heard: list[Message] = []
    damages, at_ms = Damages(DOOR, MAIN, heard.append), 10_000
    for is_key, is_damaged, missing, step_ms in pictures:
        damages.picture(
            at_ms, is_keyframe=is_key, is_damaged=is_damaged, missing=missing if is_damaged else 0, after_waste=False
        )
        at_ms = max(0, at_ms + step_ms)
    damages.end()
    newest = {one.damage.begin_ms: one.damage for one in heard if isinstance(one, DamageFound)}
    found = [one.damage for one in heard if isinstance(one, DamageFound)]
    assert all(one.begin_ms < one.end_ms for one in found)
    if all(step_ms > 0 for *_, step_ms in pictures):
        assert sum(one.units for one in newest.values()) == sum(is_damaged for _, is_damaged, _, _ in pictures)
        lost = sum(missing for _, is_damaged, missing, _ in pictures if is_damaged)
        assert sum(one.packets for one in newest.values()) == lost
        in_order = sorted(newest.values(), key=lambda one: one.begin_ms)
        assert all(a.end_ms <= b.begin_ms for a, b in pairwise(in_order))

"""Which objects are one event: told by where and when they were first seen."""

from dataclasses import dataclass, field, replace

import pytest

from tawny.model.observations import BURST, MOST_OPEN, REFILL_MS, Box, Look, ObjectGroups, Observation

FLAG: Box = (0.1, 0.1, 0.25, 0.35)
FAR: Box = (0.7, 0.4, 0.76, 0.7)


def at(x: float, y: float = 0.4, width: float = 0.06, height: float = 0.3) -> Box:
    return (x, y, x + width, y + height)


def thing(track: int, box: Box, name: str = "", since_s: float | None = None) -> Observation:
    since_ms = None if since_s is None else round(since_s * 1000)
    return Observation(name or "motion", 0.8, box, track, since_ms, sure=0.8 if name else 0.0)


@dataclass
class Scene:
    """Looks at five a second; which tracks were in which group."""

    groups: ObjectGroups = field(default_factory=ObjectGroups)
    at_s: float = 0.0
    found: dict[int, set[int]] = field(default_factory=dict)

    def see(self, lasts_s: float, *seen: Observation, near: tuple[Observation, ...] = ()) -> "Scene":
        for _ in range(round(lasts_s * 5)):
            for group, things in self.groups.look(round(self.at_s * 1000), Look(80, seen, near=near)):
                self.found.setdefault(group.number, set()).update(one.track for one in things)
            self.at_s += 0.2
        return self

    @property
    def tracks(self) -> list[set[int]]:
        return [self.found[number] for number in sorted(self.found)]


def test_who_comes_well_apart_from_a_restless_object_is_an_event_of_its_own() -> None:
    scene = Scene().see(10, thing(1, FLAG)).see(5, thing(1, FLAG), thing(2, FAR))
    assert scene.tracks == [{1}, {2}]


def test_who_was_first_seen_apart_stays_apart_beside_it() -> None:
    beside = at(0.26)
    scene = Scene().see(5, thing(1, FLAG)).see(1, thing(1, FLAG), near=(thing(2, FAR),))
    scene.see(3, thing(1, FLAG), thing(2, beside, since_s=5))
    assert scene.tracks == [{1}, {2}]


def test_a_group_that_walks_together_is_one_event() -> None:
    scene = Scene()
    for n in range(30):
        x = 0.02 * n
        scene.see(0.2, *(thing(track, at(x - 0.07 * track)) for track in range(1, 4) if n > 3 * track))
    assert scene.tracks == [{1, 2, 3}]


def test_an_object_that_was_lost_goes_on_further_along() -> None:
    scene = Scene().see(3, thing(1, at(0.2))).see(0.8).see(3, thing(2, at(0.38)))
    assert scene.tracks == [{1, 2}]


def test_what_comes_later_at_the_same_place_is_another_event() -> None:
    scene = Scene().see(3, thing(1, at(0.2))).see(2.4).see(3, thing(2, at(0.2)))
    assert scene.tracks == [{1}, {2}]


def test_an_object_without_a_track_belongs_to_what_is_there() -> None:
    scene = Scene().see(3, thing(0, FLAG)).see(3, thing(0, FAR)).see(3, thing(0, FLAG), thing(0, FAR))
    assert scene.tracks == [{0}]


@pytest.mark.parametrize(
    ("name", "box", "apart"),
    [
        ("person", at(0.28), True),
        ("person", at(0.2, 0.3), False),  # it touches the flag
        ("", at(0.28), False),
    ],
)
def test_another_type_beside_it_is_an_event_of_its_own_unless_it_touches(name: str, box: Box, apart: bool) -> None:
    scene = Scene().see(5, thing(1, FLAG)).see(3, thing(1, FLAG), thing(2, box, name))
    assert scene.tracks == ([{1}, {2}] if apart else [{1, 2}])


def test_it_leaves_the_event_when_a_model_names_it() -> None:
    person = thing(2, at(0.28))
    scene = Scene().see(5, thing(1, FLAG)).see(1, thing(1, FLAG), person)
    scene.see(1, thing(1, FLAG), replace(person, label="person", sure=0.9))
    assert scene.tracks == [{1, 2}, {2}]
    assert [group.tracks for group in scene.groups.groups] == [{1}, {2}]


def test_types_that_come_together_are_one_event() -> None:
    dog = thing(2, at(0.28, 0.6, 0.05, 0.1), "dog")
    assert Scene().see(3, thing(1, at(0.2), "person"), dog).tracks == [{1, 2}]


def test_the_same_type_beside_it_is_the_same_event() -> None:
    scene = Scene().see(5, thing(1, at(0.2), "person")).see(3, thing(1, at(0.2), "person"), thing(2, at(0.3), "person"))
    assert scene.tracks == [{1, 2}]


def test_no_more_than_some_last_at_once_and_the_nearest_takes_the_others() -> None:
    corners = [at(x, y, 0.03, 0.05) for y in (0.1, 0.8) for x in (0.1, 0.4, 0.9)]
    scene = Scene().see(3, *(thing(n + 1, box) for n, box in enumerate(corners)))
    assert len(scene.tracks) == MOST_OPEN
    assert set.union(*scene.tracks) == set(range(1, 7))


def test_leaves_in_the_wind_are_few_events() -> None:
    scene = Scene().see(60, thing(1, FLAG))
    for n in range(100):  # 20 s, in which a leaf moves at another place each 0.6 s
        leaf = at(0.4 + 0.5 * (n // 3 % 2), 0.1 + 0.02 * (n // 3), 0.01, 0.01)
        scene.see(0.2, thing(1, FLAG), thing(100 + n // 3, leaf))
    assert len(scene.tracks) <= 1 + BURST + 20_000 // REFILL_MS

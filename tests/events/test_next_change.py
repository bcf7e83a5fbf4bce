"""The next change is right for a week, also where clocks change, and everyone may leave with a grace before Away."""

from itertools import pairwise
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest

from tawny.config.modes import ModesSettings
from tawny.events.modes import ModeState, ModeStore
from tawny.model.messages import ModeChanged
from tawny.model.times import utc_from_text
from tawny.testing.clock import FakeClock

BERLIN = ZoneInfo("Europe/Berlin")
WEEK: Final = {"night": ["23:00-06:30"], "away": ["mon-fri 08:30-17:00"]}
SPRING: Final = (
    # Friday, still winter time
    ("2026-03-27T05:30Z", "home"), ("2026-03-27T07:30Z", "away"), ("2026-03-27T16:00Z", "home"),
    ("2026-03-27T22:00Z", "night"),
    # the weekend; on Sunday the clocks are set forward
    ("2026-03-28T05:30Z", "home"), ("2026-03-28T22:00Z", "night"), ("2026-03-29T04:30Z", "home"),
    ("2026-03-29T21:00Z", "night"),
    ("2026-03-30T04:30Z", "home"), ("2026-03-30T06:30Z", "away"), ("2026-03-30T15:00Z", "home"),
    ("2026-03-30T21:00Z", "night"),
    ("2026-03-31T04:30Z", "home"), ("2026-03-31T06:30Z", "away"), ("2026-03-31T15:00Z", "home"),
    ("2026-03-31T21:00Z", "night"),
    ("2026-04-01T04:30Z", "home"), ("2026-04-01T06:30Z", "away"), ("2026-04-01T15:00Z", "home"),
    ("2026-04-01T21:00Z", "night"),
    # Thursday and Friday are holidays: like a Sunday, and away all day
    ("2026-04-02T04:30Z", "home"), ("2026-04-02T21:00Z", "night"), ("2026-04-02T22:00Z", "away"),
    ("2026-04-03T22:00Z", "night"),
)  # fmt: skip
AUTUMN: Final = (
    ("2026-10-24T04:30Z", "home"), ("2026-10-24T21:00Z", "night"),
    # Sunday has 25 hours
    ("2026-10-25T05:30Z", "home"), ("2026-10-25T22:00Z", "night"),
    ("2026-10-26T05:30Z", "home"), ("2026-10-26T07:30Z", "away"), ("2026-10-26T16:00Z", "home"),
    ("2026-10-26T22:00Z", "night"),
)  # fmt: skip
HOLIDAYS: Final = {"2026-04-02": "sun", "2026-04-03": "away"}
CASES: Final = {
    "spring": ("2026-03-26T23:30:00Z", SPRING, {"exceptions": HOLIDAYS}),
    "autumn": ("2026-10-23T22:30:00Z", AUTUMN, {}),
}
STEP_S: Final = 17 * 60


class House:
    def __init__(self, at: str, **modes: Any) -> None:
        self.clock, self.told = FakeClock(at), list[Any]()
        arm = ModesSettings.model_validate({"schedule": WEEK, **modes})
        self.modes = ModeState(arm, BERLIN, ModeStore(":memory:"), self.clock, self.told.append)


def ms(text: str) -> int:
    return utc_from_text(text.replace("Z", ":00Z"))


@pytest.mark.parametrize(("start", "table", "modes"), CASES.values(), ids=CASES)
def test_n18_the_next_change_is_right_for_a_week(start: str, table: Any, modes: dict[str, Any]) -> None:
    house = House(start, **modes)
    changes = [(ms(at), mode) for at, mode in table]
    while house.clock.now_ms() < changes[-1][0] - STEP_S * 1000:
        following = next(change for change in changes if change[0] > house.clock.now_ms())
        assert house.modes.now().next == following, house.modes.calendar.local(house.clock.now_ms())
        house.clock.advance(STEP_S)


@pytest.mark.parametrize(("start", "table", "modes"), CASES.values(), ids=CASES)
def test_m4_the_changes_ahead_are_those_of_the_table(start: str, table: Any, modes: dict[str, Any]) -> None:
    house = House(start, **modes)
    ahead = house.modes.week_ahead()
    assert [(at, mode) for at, mode in ahead][: len(table)] == [(ms(at), mode) for at, mode in table][: len(ahead)]


@pytest.mark.parametrize(("start", "table", "modes"), CASES.values(), ids=CASES)
def test_m3_each_change_happens_once_at_its_local_time(start: str, table: Any, modes: dict[str, Any]) -> None:
    house = House(start, **modes)
    house.modes.step()
    house.told.clear()
    last_ms = ms(table[-1][0])
    while house.clock.now_ms() <= last_ms:
        house.modes.step()
        house.clock.advance(STEP_S)
    house.modes.step()
    changes = [one for one in house.told if isinstance(one, ModeChanged) and one.at_ms <= last_ms]
    assert [(one.at_ms, one.mode) for one in changes] == [(ms(at), mode) for at, mode in table]


@pytest.mark.parametrize(("by_hand", "until"), [("away", None), ("night", None), ("home", None), ("away", 2 * 3600)])
def test_n18_the_next_change_after_a_manual_choice_is_what_then_happens(by_hand: str, until: int | None) -> None:
    for at in range(24):
        house = House(f"2026-03-28T{at:02d}:10:00Z")
        until_ms = None if until is None else house.clock.now_ms() + until * 1000
        house.modes.set_mode(by_hand, "Anna", until_ms)
        found = house.modes.now().next
        while house.modes.now().mode == by_hand:
            house.clock.advance(300)
        assert found is not None
        log = house.modes.changes()
        first = next(at_ms for (at_ms, was), (_, before) in pairwise(log) if was.mode != before.mode)
        assert (first, house.modes.now().mode) == found


PEOPLE: Final = {"people": {"anna": {}, "ben": {}}, "away_after": "10 min", "grace": "5 min"}


def leaving(**more: Any) -> House:
    """Saturday noon: Anna has just said that she left, and Ben was not there."""
    house = House("2026-03-28T10:00:00Z", presence={**PEOPLE, **more})
    house.clock.advance(3600)
    house.modes.seen("anna", "check-in")
    house.clock.advance(60)
    house.modes.left("anna")
    return house


def test_away_waits_for_the_grace_and_says_when() -> None:
    house = leaving()
    now = house.modes.now()
    at_ms = utc_from_text("2026-03-28T11:06:00Z")
    assert (now.mode, now.leaving_ms, now.next) == ("home", at_ms, (at_ms, "away"))
    house.clock.advance(299)
    assert house.modes.now().mode == "home"
    house.clock.advance(1)
    assert (house.modes.now().mode, house.modes.now().leaving_ms) == ("away", None)


def test_who_comes_back_within_the_grace_changes_nothing() -> None:
    house = leaving()
    house.told.clear()
    house.clock.advance(100)
    house.modes.seen("ben", "ping")
    house.clock.advance(400)
    assert house.modes.now().mode == "home"
    assert [one for one in house.told if isinstance(one, ModeChanged)] == []


def test_who_is_not_seen_any_more_leaves_with_the_same_grace() -> None:
    house = House("2026-03-28T11:00:00Z", presence=PEOPLE)
    house.modes.seen("anna", "ping")
    for after_s, mode in ((600, "home"), (299, "home"), (2, "away")):
        house.clock.advance(after_s)
        assert house.modes.now().mode == mode


def test_a_manual_choice_within_the_grace_stays_its_time() -> None:
    house = leaving()
    house.modes.set_mode("home", "Anna", house.clock.now_ms() + 7_200_000)
    house.clock.advance(7_100)
    assert house.modes.now().mode == "home"
    house.clock.advance(200)
    assert house.modes.now().mode == "away"


def test_changed_settings_do_not_end_the_grace() -> None:
    house = leaving()
    house.modes.apply(ModesSettings.model_validate({"schedule": WEEK, "presence": {**PEOPLE, "every": "30 s"}}))
    assert house.modes.now().mode == "home"
    house.clock.advance(301)
    assert house.modes.now().mode == "away"


def test_presence_that_is_not_automatic_never_sets_the_mode() -> None:
    house = leaving(automatic=False)
    house.clock.advance(3_600)
    assert (house.modes.now().mode, house.modes.now().by) == ("home", "schedule")
    assert {one.name for one in house.modes.people() if one.is_home} == set()


def test_a_mode_set_by_hand_keeps_under_its_new_name() -> None:
    house = House("2026-03-28T11:00:00Z")
    house.modes.set_mode("away", "Anna", house.clock.now_ms() + 7_200_000)
    house.told.clear()
    house.modes.will_rename("away", "gone")
    house.modes.apply(ModesSettings.model_validate({"names": ["home", "gone", "night"]}))
    assert (house.modes.now().mode, house.modes.now().by) == ("gone", "Anna")
    assert [one.mode for one in house.told if isinstance(one, ModeChanged)] == ["gone"]


def test_people_given_for_a_time_are_gone_for_longer_than_the_grace() -> None:
    house = House(presence={"people": {"anna": {}}, "grace": "5 min"}, at="2026-11-20T18:00:00Z")
    house.modes.seen("anna", "nfc")
    house.clock.advance(300)
    house.modes.left("anna")
    for minutes in (-30, 0, 1):
        at_ms = house.clock.now_ms() + minutes * 60_000
        assert house.modes.ahead(at_ms, frozenset()).mode == "away"
    assert house.modes.ahead(house.clock.now_ms()).mode == "home"

"""Who was never looked for is unknown, not away; other settings of presence change nothing that is known."""

from pathlib import Path
from typing import Any

import pytest

from tawny.config.modes import ModesSettings
from tests.events.test_modes import House

EVENING = "2026-11-20T18:00:00Z"
"""A Friday, 19:00: `home` by schedule."""
PHONE: dict[str, Any] = {"ping": ["192.0.2.1"]}
OTHER: dict[str, Any] = {"ping": ["192.0.2.2"]}


def presence(**people: Any) -> dict[str, Any]:
    return {"people": people, "away_after": "10 min", "grace": "5 min"}


def change(house: House, **arm: Any) -> None:
    house.arm = ModesSettings.model_validate(house.arm.model_dump() | arm)
    house.modes.apply(house.arm)


def modes_after(house: House, *waits_s: float) -> list[str]:
    found = [house.mode]
    for wait_s in waits_s:
        house.clock.advance(wait_s)
        found.append(house.mode)
    return found


def test_the_first_person_is_away_only_when_not_found_for_away_after_and_grace() -> None:
    house = House(at=EVENING)
    change(house, presence=presence(anna=PHONE))
    assert modes_after(house, 899, 2) == ["home", "home", "away"]


def test_a_person_added_before_a_start_is_unknown_too_and_a_restart_does_not_prolong_it(tmp_path: Path) -> None:
    house = House(tmp_path / "modes.db", at=EVENING)
    house.arm = ModesSettings.model_validate(house.arm.model_dump() | {"presence": presence(anna=PHONE)})
    house.again()
    assert modes_after(house, 600) == ["home", "home"]
    house.again()
    assert modes_after(house, 299, 2) == ["home", "home", "away"]


def test_who_is_renamed_stays_home() -> None:
    house = House(at=EVENING, presence=presence(anna=PHONE, ben=OTHER))
    house.modes.seen("anna", "ping")
    house.clock.advance(60)
    change(house, presence=presence(annika=PHONE, ben=OTHER))
    assert [(one.name, one.is_home, one.source) for one in house.modes.people()] == [
        ("annika", True, "ping"), ("ben", False, ""),
    ]  # fmt: skip


def test_an_address_that_gets_a_name_stays_home() -> None:
    house = House(at=EVENING, presence=PHONE)
    house.modes.seen("somebody", "ping")
    change(house, presence=presence(anna=PHONE))
    assert [one.is_home for one in house.modes.people()] == [True]


def test_the_only_one_at_home_may_get_another_name_and_phone() -> None:
    house = House(at=EVENING, presence=presence(anna=PHONE))
    house.modes.seen("anna", "ping")
    change(house, presence=presence(annika=OTHER))
    assert modes_after(house, 60) == ["home", "home"]


@pytest.mark.parametrize("away", [{"schedule": {"away": "00:00-24:00"}}, {"names": ["away", "home"], "schedule": {}}])
def test_a_first_person_does_not_end_the_mode_of_an_empty_home(away: dict[str, Any]) -> None:
    house = House(at=EVENING, **away)
    change(house, presence=presence(anna=PHONE))
    assert house.mode == "away"


def test_another_person_does_not_end_away() -> None:
    house = House(at=EVENING, presence=presence(anna=PHONE))
    house.clock.advance(901)
    change(house, presence=presence(anna=PHONE, ben=OTHER))
    assert house.mode == "away"


def test_other_settings_are_no_sign_of_anyone() -> None:
    house = House(at=EVENING, presence=presence(anna=PHONE))
    house.modes.seen("anna", "ping")
    for _ in range(2):
        house.clock.advance(540)
        house.modes.apply(house.arm)
    assert [one.is_home for one in house.modes.people()] == [False]


def test_a_clock_that_is_behind_at_the_start_prolongs_nothing(tmp_path: Path) -> None:
    house = House(tmp_path / "modes.db", at=EVENING, presence=presence(anna=PHONE))
    house.clock.jump_utc(-86_400)
    house.again()
    assert house.mode == "away"


def test_who_was_never_found_and_says_that_they_left_starts_no_grace_hours_later() -> None:
    house = House(at=EVENING, presence=presence(anna=PHONE))
    house.modes.seen("anna", "ping")
    change(house, presence=presence(anna=PHONE, guest=OTHER))
    house.modes.left("anna")
    house.clock.advance(3 * 3600)
    house.modes.left("guest")
    assert house.mode == "away"


def test_who_says_that_they_left_after_they_count_as_away_does_not_prolong_the_grace() -> None:
    house = House(at=EVENING, presence=presence(anna=PHONE))
    house.modes.seen("anna", "ping")
    house.clock.advance(840)
    house.modes.left("anna")
    assert modes_after(house, 59, 1) == ["home", "home", "away"]


def test_who_only_checks_in_is_never_unknown() -> None:
    house = House(at=EVENING, presence=presence(anna={}))
    house.modes.seen("anna", "nfc")
    change(house, presence=presence(anna={}, ben={}))
    house.modes.left("anna")
    assert modes_after(house, 301) == ["home", "away"]


def test_who_only_checks_in_is_not_the_person_removed_before_them() -> None:
    house = House(at=EVENING, presence=presence(anna={}))
    house.modes.seen("anna", "nfc")
    change(house, presence=presence(ben={}))
    assert [one.is_home for one in house.modes.people()] == [False]


def test_while_someone_is_unknown_no_one_is_said_to_have_left() -> None:
    house = House(at=EVENING)
    change(house, presence=presence(anna=PHONE))
    assert house.modes.now().leaving_ms is None
    house.clock.advance(600)
    assert house.modes.now().leaving_ms == house.clock.now_ms() + 300_000


def test_a_restart_ends_no_departure(tmp_path: Path) -> None:
    house = House(tmp_path / "modes.db", at=EVENING, presence=presence(anna=PHONE))
    house.modes.seen("anna", "ping")
    house.modes.left("anna")
    house.again()
    house.modes.looked("anna", "ping")
    assert [one.is_home for one in house.modes.people()] == [False]


def test_who_is_found_is_home_also_with_a_clock_that_begins_in_1970() -> None:
    house = House(at="1970-01-01T00:01:00Z", presence=presence(anna=PHONE))
    house.modes.looked("anna", "ping")
    assert [one.is_home for one in house.modes.people()] == [True]

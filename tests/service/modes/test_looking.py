"""People are looked for once a minute, each in the ways that the settings name; and told when pings are not allowed."""

from collections.abc import Callable, Iterable, Mapping
from zoneinfo import ZoneInfo

import pytest

from tawny.config.modes import ModesSettings, PresenceSettings
from tawny.events.modes import ModeState, ModeStore
from tawny.model.errors import NotDone
from tawny.service.modes.mode_controller import NO_PINGS, PresenceProber, PresenceProbes
from tawny.testing.clock import FakeClock

SETTINGS = {
    "ping": ["192.0.2.9"],
    "people": {
        "anna": {"ping": ["192.0.2.1", "192.0.2.2"]},
        "ben": {"mac": ["AA-BB-CC-DD-EE-01"]},
        "cleo": {"mdns": ["cleos-phone.local"]},
        "dan": {"ping": ["dans-phone.local"]},
    },
}


class There(PresenceProbes):
    def __init__(self, *there: str, may_ping: bool = True) -> None:
        self.there, self.may_ping = there, may_ping

    def addresses(self, names: Iterable[str]) -> Mapping[str, str]:
        return {name: "ping" for name in names if name in self.there}

    def macs(self) -> frozenset[str]:
        return frozenset(self.there)

    def names(self, names: Iterable[str]) -> frozenset[str]:
        return frozenset(name for name in names if name in self.there)


def looked(*there: str) -> tuple[PresenceProber, list[tuple[str, str]], FakeClock]:
    clock, seen = FakeClock(), list[tuple[str, str]]()
    presence = PresenceSettings.model_validate(SETTINGS)
    return PresenceProber(lambda: presence, There(*there), found_in(seen), clock), seen, clock


def found_in(seen: list[tuple[str, str]]) -> Callable[[str, str], None]:
    """Note who was found, and leave out who was not."""
    return lambda person, source: seen.append((person, source)) if source else None


@pytest.mark.parametrize(
    ("there", "seen"),
    [
        ("192.0.2.2", ("anna", "ping")),
        ("aa:bb:cc:dd:ee:01", ("ben", "arp")),
        ("cleos-phone.local", ("cleo", "mdns")),
        ("dans-phone.local", ("dan", "mdns")),
        ("192.0.2.9", ("somebody", "ping")),
    ],
)
def test_each_is_seen_in_the_way_the_settings_name(there: str, seen: tuple[str, str]) -> None:
    looking, found, _ = looked(there)
    looking.step()
    assert found == [seen]


@pytest.mark.shows("RC11")
def test_they_are_looked_for_once_a_minute() -> None:
    looking, found, clock = looked("192.0.2.9")
    for _ in range(30):
        clock.advance(looking.step())
    assert len(found) == 3  # at 0, 60 and 120 s


def test_changed_people_are_looked_for_at_once() -> None:
    presence, clock, seen = PresenceSettings(), FakeClock(), list[tuple[str, str]]()
    looking = PresenceProber(lambda: presence, There("192.0.2.9"), found_in(seen), clock)
    looking.step()
    presence = PresenceSettings.model_validate(SETTINGS)
    clock.advance(1)
    looking.step()
    assert seen == [("somebody", "ping")]


def test_a_person_who_was_just_taken_out_of_the_settings_ends_nothing() -> None:
    def seen(person: str, source: str) -> None:
        raise NotDone("so isn't set up for presence.")

    presence = PresenceSettings.model_validate(SETTINGS)
    assert PresenceProber(lambda: presence, There("192.0.2.9"), seen, FakeClock()).step() > 0


def test_that_pings_are_not_allowed_is_said_where_some_are_asked_for() -> None:
    presence = PresenceSettings.model_validate(SETTINGS)
    assert PresenceProber(lambda: presence, There(may_ping=False), print, FakeClock()).looks_by == NO_PINGS
    assert PresenceProber(lambda: PresenceSettings(), There(may_ping=False), print, FakeClock()).looks_by == ""


@pytest.mark.parametrize("away_after", ["10 min", "30 min", "0 s"])
def test_who_is_found_each_time_stays_home_however_seldom_that_is(away_after: str) -> None:
    settings = {"people": {"anna": {"ping": ["192.0.2.1"]}}, "every": "30 min", "away_after": away_after}
    presence, clock = PresenceSettings.model_validate(settings), FakeClock()
    modes = ModeState(ModesSettings(presence=presence), ZoneInfo("UTC"), ModeStore(":memory:"), clock, lambda _: None)
    looking = PresenceProber(lambda: presence, There("192.0.2.1"), modes.looked, clock)
    for _ in range(90):
        looking.step()
        assert modes.people()[0].is_home
        clock.advance(60)


def test_where_nobody_is_looked_for_people_are_away_as_soon_as_the_settings_say() -> None:
    presence = PresenceSettings.model_validate({"people": {"anna": {}}, "every": "30 min", "away_after": "1 min"})
    clock = FakeClock()
    modes = ModeState(ModesSettings(presence=presence), ZoneInfo("UTC"), ModeStore(":memory:"), clock, lambda _: None)
    modes.seen("anna", "check-in")
    clock.advance(60)
    assert not modes.people()[0].is_home


def leaving(**settings: str) -> tuple[ModeState, There, PresenceProber, FakeClock]:
    """Anna has said that she left; her phone is still in reach."""
    presence = PresenceSettings.model_validate({"people": {"anna": {"ping": ["192.0.2.1"]}}, **settings})
    clock = FakeClock()
    modes = ModeState(ModesSettings(presence=presence), ZoneInfo("UTC"), ModeStore(":memory:"), clock, lambda _: None)
    there = There("192.0.2.1")
    looking = PresenceProber(lambda: presence, there, modes.looked, clock)
    looking.step()
    modes.left("anna")
    return modes, there, looking, clock


def home_after(modes: ModeState, looking: PresenceProber, clock: FakeClock, minutes: int) -> list[bool]:
    found = []
    for _ in range(minutes):
        clock.advance(60)
        looking.step()
        found.append(modes.people()[0].is_home)
    return found


def test_who_said_that_they_left_stays_away_while_the_phone_is_still_in_reach() -> None:
    modes, there, looking, clock = leaving()
    assert home_after(modes, looking, clock, 2) == [False, False]
    there.there = ()
    assert home_after(modes, looking, clock, 2) == [False, False]
    there.there = ("192.0.2.1",)
    assert home_after(modes, looking, clock, 1) == [True]


def test_one_missed_check_ends_no_departure() -> None:
    modes, there, looking, clock = leaving()
    for found in ((), ("192.0.2.1",), (), ("192.0.2.1",)):
        there.there = found
        assert home_after(modes, looking, clock, 1) == [False]


def test_who_said_that_they_left_is_home_with_the_first_of_rare_checks() -> None:
    modes, _, looking, clock = leaving(every="30 min")
    assert home_after(modes, looking, clock, 30) == [False] * 29 + [True]


def test_who_said_that_they_left_and_stays_is_home_after_a_while() -> None:
    modes, _, looking, clock = leaving()
    assert home_after(modes, looking, clock, 11) == [False] * 9 + [True] * 2


def test_who_said_that_they_left_may_say_that_they_are_home() -> None:
    modes, _, looking, clock = leaving()
    modes.seen("anna", "check-in")
    assert home_after(modes, looking, clock, 2) == [True, True]

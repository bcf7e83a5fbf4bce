"""Which mode is on: by the week, by who is at home, by hand; and what survives a restart."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, NoReturn
from zoneinfo import ZoneInfo

import pytest

from tawny.config.modes import ModesSettings, PresenceSettings
from tawny.events.modes import ModeState, ModeStore
from tawny.model.errors import DiskFull, NotDone
from tawny.model.ids import CameraId
from tawny.model.messages import HoldChanged, Message, ModeChanged, PeopleChanged
from tawny.model.times import utc_from_text
from tawny.storage.index.sqlite_file import SmallDb
from tawny.testing.clock import FakeClock
from tests.events.ticking import TickingClock

BERLIN = ZoneInfo("Europe/Berlin")
DOOR = CameraId("front-door")
WEEK: dict[str, Any] = {"night": "22:00-06:30", "away": ["mon-fri 08:00-17:00"]}


class House:
    """A recorder's modes with a clock of their own; `again` is a restart."""

    def __init__(
        self,
        where: Path | str = ":memory:",
        at: str = "2026-11-20T11:00:00Z",
        kind: type[FakeClock] = FakeClock,
        **arm: Any,
    ) -> None:
        self.arm, self.where, self.clock = ModesSettings.model_validate({"schedule": WEEK, **arm}), where, kind(at)
        self.told: list[Message] = []
        self.again()

    def again(self) -> None:
        self.book = ModeStore(self.where)
        self.modes = ModeState(self.arm, BERLIN, self.book, self.clock, self.told.append)

    @property
    def mode(self) -> str:
        return self.modes.now().mode

    def go_to(self, utc: str) -> None:
        self.clock.jump_utc((utc_from_text(utc) - self.clock.now_ms()) / 1000)


def test_the_week_sets_the_mode_and_says_what_is_next() -> None:
    house = House()  # a Friday, noon
    standing = house.modes.now()
    assert (standing.mode, standing.by, standing.is_by_hand) == ("away", "schedule", False)
    assert standing.next == (utc_from_text("2026-11-20T16:00:00Z"), "home")
    assert [mode for _, mode in house.modes.week_ahead()][:4] == ["home", "night", "home", "night"]


def test_by_hand_it_stays_until_the_next_change() -> None:
    house = House()
    house.modes.set_mode("home", "Anna")
    standing = house.modes.now()
    assert (standing.mode, standing.by, standing.is_by_hand) == ("home", "Anna", True)
    assert standing.until_ms == utc_from_text("2026-11-20T16:00:00Z")
    assert standing.next == (utc_from_text("2026-11-20T21:00:00Z"), "night")  # at 17:00 it is home all the same
    house.clock.advance(5 * 3600)
    assert (house.mode, house.modes.now().by) == ("home", "schedule")


def test_by_hand_until_a_time_outlasts_changes() -> None:
    house = House()
    house.modes.set_mode("night", "Anna", house.clock.now_ms() + 6 * 3_600_000)
    house.clock.advance(5.5 * 3600)
    assert house.mode == "night"
    house.clock.advance(0.5 * 3600)
    assert house.mode == "home"


def test_what_was_set_by_hand_is_taken_back() -> None:
    house = House()
    house.modes.set_mode("night", "Anna")
    house.modes.back_to_week()
    assert house.mode == "away"


def test_a_mode_that_is_not_there_is_refused() -> None:
    with pytest.raises(NotDone, match="Available: home, away, night"):
        House().modes.set_mode("holiday", "Anna")


def test_all_that_is_set_survives_a_restart(tmp_path: Path) -> None:
    house = House(tmp_path / "modes.db", presence={"people": {"anna": {"ping": ["192.0.2.1"]}}})
    house.modes.seen("anna", "ping")
    house.modes.set_mode("night", "Anna", house.clock.now_ms() + 3_600_000)
    house.modes.pause(DOOR, house.clock.now_ms() + 7_200_000, "Anna")
    house.clock.advance(60)
    house.again()
    assert house.modes.now().by == "Anna"
    assert house.modes.now().since_ms == house.clock.now_ms() - 60_000
    hold = house.modes.hold(DOOR)
    assert hold is not None and (hold.what, hold.by) == ("pause", "Anna")
    assert [(one.name, one.is_home) for one in house.modes.people()] == [("anna", True)]
    house.clock.advance(7200)
    house.again()
    assert house.modes.hold(DOOR) is None
    assert not house.modes.now().is_by_hand


@pytest.mark.shows("RC11")
def test_nobody_at_home_is_away_and_the_first_back_ends_it() -> None:
    house = House(at="2026-11-20T16:45:00Z", presence={"people": {"anna": {}, "ben": {}}, "away_after": "10 min"})
    house.clock.advance(900)
    assert house.mode == "away"  # nobody was seen yet
    house.modes.seen("anna", "ping")
    house.modes.seen("ben", "ping")
    assert house.mode == "home"
    house.clock.advance(599)
    house.modes.seen("ben", "mdns")
    house.clock.advance(2)
    assert [one.name for one in house.modes.people() if one.is_home] == ["ben"]
    assert house.mode == "home"
    house.clock.advance(600)
    assert (house.mode, house.modes.now().by) == ("away", "presence")
    house.modes.seen("anna", "check-in")
    assert house.mode == "home"
    assert [one for one in house.told if isinstance(one, PeopleChanged)][-1].home == ("anna",)


def test_somebody_at_home_overrules_a_week_that_says_away() -> None:
    house = House(presence={"people": {"anna": {}}})
    house.modes.seen("anna", "ping")
    assert (house.mode, house.modes.now().by) == ("home", "presence")


def test_who_says_so_has_left_at_once() -> None:
    house = House(at="2026-11-20T17:00:00Z", presence={"people": {"anna": {}}})
    house.modes.seen("anna", "check-in")
    house.modes.left("anna")
    assert house.mode == "away"
    with pytest.raises(NotDone, match="Available: anna"):
        house.modes.seen("eve", "webhook")


def test_a_mode_set_by_hand_ends_when_the_last_leaves() -> None:
    house = House(at="2026-11-20T17:00:00Z", presence={"people": {"anna": {}}})
    house.modes.seen("anna", "ping")
    house.modes.set_mode("night", "Anna")
    house.modes.left("anna")
    assert (house.mode, house.modes.now().by) == ("away", "presence")


def test_changes_have_the_time_they_were_due_at_whenever_somebody_looks() -> None:
    house = House()
    house.clock.advance(20 * 3600)
    house.modes.now()
    found = [(one.mode, one.at_ms) for one in house.told if isinstance(one, ModeChanged)][1:]
    assert found == [
        ("home", utc_from_text("2026-11-20T16:00:00Z")),
        ("night", utc_from_text("2026-11-20T21:00:00Z")),
        ("home", utc_from_text("2026-11-21T05:30:00Z")),
    ]
    assert house.modes.at(utc_from_text("2026-11-20T23:00:00Z")).mode == "night"
    assert house.modes.at(utc_from_text("2026-11-20T15:59:59Z")).mode == "away"


def test_a_camera_does_what_it_is_told_until_then() -> None:
    house = House()
    house.modes.record(DOOR, house.clock.now_ms() + 300_000, "a webhook")
    assert 0 < house.modes.step() <= 30
    house.clock.advance(300)
    assert house.modes.hold(DOOR) is None
    house.modes.step()
    found = [(one.what, one.by) for one in house.told if isinstance(one, HoldChanged)]
    assert found == [("record", "a webhook"), ("", "a webhook")]


@pytest.mark.parametrize("first_s", [3600, None])
def test_a_shorter_order_to_record_ends_no_longer_one(first_s: int | None) -> None:
    house = House()
    first_ms = None if first_s is None else house.clock.now_ms() + first_s * 1000
    house.modes.record(DOOR, first_ms, "Anna")
    house.modes.record(DOOR, house.clock.now_ms() + 300_000, "a webhook")
    hold = house.modes.hold(DOOR)
    assert hold is not None and (hold.by, hold.until_ms) == ("Anna", first_ms)


@pytest.mark.parametrize("lasts_ms", [7_200_000, None])
def test_a_longer_order_to_record_counts(lasts_ms: int | None) -> None:
    house = House()
    house.modes.record(DOOR, house.clock.now_ms() + 3_600_000, "Anna")
    until_ms = None if lasts_ms is None else house.clock.now_ms() + lasts_ms
    house.modes.record(DOOR, until_ms, "a webhook")
    hold = house.modes.hold(DOOR)
    assert hold is not None and (hold.by, hold.until_ms) == ("a webhook", until_ms)


def test_a_shorter_pause_ends_a_longer_one() -> None:
    house = House()
    house.modes.pause(DOOR, None, "Anna")
    house.modes.pause(DOOR, house.clock.now_ms() + 300_000, "Anna")
    hold = house.modes.hold(DOOR)
    assert hold is not None and hold.until_ms == house.clock.now_ms() + 300_000


def test_other_settings_keep_what_is_set_by_hand_if_there_is_such_a_mode() -> None:
    house = House()
    house.modes.set_mode("night", "Anna")
    house.modes.apply(ModesSettings(names=("home", "away", "night", "party"), schedule=house.arm.schedule))
    assert house.mode == "night"
    house.modes.apply(ModesSettings(names=("home", "away"), presence=PresenceSettings()))
    assert house.mode == "home"


# --- what is set until the next change, and edits that do not concern it --------------------------------------------


def test_by_hand_it_stays_although_the_mode_below_it_gets_another_name() -> None:
    house = House(schedule={})
    house.modes.set_mode("away", "Anna")
    house.modes.will_rename("home", "in")
    house.modes.apply(ModesSettings(names=("in", "away", "night"), presence=PresenceSettings(back="in")))
    assert (house.mode, house.modes.now().is_by_hand) == ("away", True)


def test_by_hand_it_ends_at_the_next_change_of_an_edited_schedule() -> None:
    house = House(at="2026-11-20T21:10:00Z", schedule={"night": "22:00-06:30"})  # 22:10, so that it is night
    house.modes.set_mode("away", "Anna")
    house.modes.apply(ModesSettings.model_validate({"schedule": {"night": "23:00-06:30"}}))
    assert (house.mode, house.modes.now().until_ms) == ("away", utc_from_text("2026-11-20T22:00:00Z"))
    house.modes.apply(ModesSettings.model_validate({"schedule": {"night": "23:30-06:30"}}))
    house.clock.advance(3600)  # 23:10
    assert (house.mode, house.modes.now().until_ms) == ("away", utc_from_text("2026-11-20T22:30:00Z"))
    house.clock.advance(1300)  # 23:31
    assert (house.mode, house.modes.now().is_by_hand) == ("night", False)


def test_a_change_that_was_due_before_an_edit_ends_it() -> None:
    house = House(at="2026-11-20T20:50:00Z", schedule={"night": "22:00-06:30"})
    house.modes.set_mode("away", "Anna")
    house.clock.advance(900)  # 22:05
    house.modes.apply(ModesSettings.model_validate({"schedule": {"night": "23:00-06:30"}}))
    assert (house.mode, house.modes.now().is_by_hand) == ("home", False)


GRACE: dict[str, Any] = {
    "schedule": {"night": "22:00-06:30"},
    "presence": {"people": {"anna": {}}, "grace": "20 min", "away_after": "4 h"},
}


def test_by_hand_it_stays_when_who_left_comes_back_in_the_grace() -> None:
    house = House(at="2026-11-20T21:30:00Z", **GRACE)
    house.modes.seen("anna", "app")
    house.modes.left("anna")
    house.modes.set_mode("home", "Anna")
    house.clock.advance(60)
    house.modes.seen("anna", "app")
    assert house.modes.now().until_ms == utc_from_text("2026-11-21T05:30:00Z")
    house.clock.advance(20 * 60)
    assert (house.mode, house.modes.now().is_by_hand) == ("home", True)


def test_a_change_while_the_recorder_was_off_ends_it(tmp_path: Path) -> None:
    house = House(tmp_path / "modes.db", at="2026-11-20T11:00:00Z", schedule={"night": "22:00-06:30"})
    house.modes.set_mode("away", "Anna")
    house.clock.advance(22 * 3600)
    house.again()
    assert (house.mode, house.modes.now().is_by_hand) == ("home", False)


def test_the_grace_of_leaving_goes_on_after_a_restart(tmp_path: Path) -> None:
    house = House(tmp_path / "modes.db", at="2026-11-20T11:00:00Z", **GRACE)
    house.modes.seen("anna", "app")
    house.clock.advance(60)
    house.modes.left("anna")
    end_ms = house.clock.now_ms() + 20 * 60_000
    house.clock.advance(10)
    house.again()
    assert (house.mode, house.modes.now().leaving_ms) == ("home", end_ms)
    house.clock.advance(20 * 60)
    house.again()
    assert house.mode == "away"
    house.modes.seen("anna", "app")
    assert house.mode == "home"


def test_who_had_left_as_an_earlier_version_stored_it_is_away(tmp_path: Path) -> None:
    house = House(tmp_path / "modes.db", at="2026-11-20T11:00:00Z", **GRACE)
    house.modes.seen("anna", "app")
    house.modes.left("anna")
    house.book.keep("left", None)
    house.again()
    assert (house.mode, house.modes.now().leaving_ms) == ("away", None)


@pytest.mark.parametrize("jump_s", [-5 * 3600, 2 * 86_400])
def test_a_clock_that_jumps_only_changes_what_is_now(jump_s: float) -> None:
    house = House()
    house.modes.now()
    house.clock.jump_utc(jump_s)
    assert house.mode == "home"  # early in the morning, and on a Sunday
    assert len([one for one in house.told if isinstance(one, ModeChanged)]) == 2
    assert house.modes.step() > 0


def test_a_disk_that_does_not_take_it_stops_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "not there"
    house = House(folder / "modes.db")
    house.modes.set_mode("night", "Anna")
    assert house.mode == "night"
    assert house.book.problem is not None


def test_what_a_full_disk_did_not_take_is_stored_as_soon_as_it_can_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(tmp_path / "modes.db")
    with monkeypatch.context() as full:
        full.setattr(SmallDb, "writing", is_full)
        house.modes.set_mode("night", "Anna")
        house.modes.pause(CameraId("door"), None, "Anna")
        house.modes.step()
        problem = house.book.problem
    house.modes.step()
    assert (problem is None, house.book.problem) == (False, None)
    house.again()
    assert (house.modes.now().mode, house.modes.now().by) == ("night", "Anna")
    assert [one.camera for one in house.modes.holds()] == ["door"]


def test_a_problem_lasts_where_nothing_is_stored_in_a_file(tmp_path: Path) -> None:
    house = House(tmp_path / "not there" / "modes.db")
    house.modes.set_mode("night", "Anna")
    house.modes.step()
    assert house.book.problem is not None


def test_a_problem_lasts_while_the_file_could_not_be_made(tmp_path: Path) -> None:
    house = House()
    house.book.move_to(tmp_path / "not there" / "modes.db")
    house.modes.set_mode("night", "Anna")
    assert house.book.problem is not None


def test_a_change_by_the_schedule_that_a_full_disk_did_not_take_is_stored_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(tmp_path / "modes.db")
    with monkeypatch.context() as full:
        full.setattr(SmallDb, "writing", is_full)
        house.go_to("2026-11-20T16:00:00Z")
        house.modes.step()
    house.modes.step()
    assert house.book.problem is None
    assert house.book.changes()[-1][:2] == (utc_from_text("2026-11-20T16:00:00Z"), "home")


def test_a_damaged_table_of_others_keeps_no_mode_from_being_stored(tmp_path: Path) -> None:
    house = House(tmp_path / "modes.db")
    with closing(sqlite3.connect(tmp_path / "modes.db")) as db, db:
        db.execute("DROP TABLE changes")
    house.modes.set_mode("night", "Anna")
    assert house.book.facts()["hand"]["mode"] == "night"


def is_full(_: SmallDb) -> NoReturn:
    raise DiskFull("modes.db")


def test_changes_by_the_schedule_that_earlier_versions_noted_are_read() -> None:
    store = ModeStore(":memory:")
    for who in ("week", "presence", "Anna"):
        store.change(1, "home", who, frozenset())
    assert [by for _, _, by, _ in store.changes()] == ["schedule", "presence", "Anna"]
    store.close()


# --- a clock that is set back ----------------------------------------------------------------------------------------

ANNA: dict[str, Any] = {"presence": {"people": {"anna": {}}, "away_after": "10 min"}}
both_clocks = pytest.mark.parametrize("kind", [FakeClock, TickingClock])


@pytest.mark.parametrize("is_started_again", [False, True])
def test_what_happens_after_the_clock_is_set_back_is_judged_by_the_mode_that_is_on(
    tmp_path: Path, *, is_started_again: bool
) -> None:
    house = House(tmp_path / "modes.db", schedule={})
    house.clock.advance(60)
    house.clock.jump_utc(3600)
    house.modes.set_mode("away", "Anna")
    house.clock.advance(10)
    house.clock.jump_utc(-3600)
    if is_started_again:
        house.again()
    house.modes.step()
    at_ms = house.clock.now_ms()
    house.clock.advance(600)
    assert (house.mode, house.modes.at(at_ms).mode) == ("away", "away")
    house.again()
    assert house.modes.at(at_ms).mode == "away"
    assert all(one_ms <= at_ms for one_ms, _ in house.modes.changes(1))
    house.modes.set_mode("home", "Anna")
    assert (house.modes.at(at_ms).mode, house.modes.at(house.clock.now_ms()).mode) == ("away", "home")


def test_who_was_seen_before_the_clock_is_set_back_leaves_in_time() -> None:
    house = House(at="2026-11-20T17:00:00Z", **ANNA)
    house.clock.jump_utc(30 * 86_400)
    house.modes.seen("anna", "ping")
    house.clock.jump_utc(-30 * 86_400)
    assert house.mode == "home"
    house.clock.advance(601)
    assert (house.mode, house.modes.people()[0].is_home) == ("away", False)


@pytest.mark.parametrize("is_started_again", [False, True])
@pytest.mark.parametrize("ahead_s", [3600, 30 * 86_400])
@both_clocks
def test_what_was_set_for_a_time_ends_in_time_after_the_clock_is_set_back(
    tmp_path: Path, kind: type[FakeClock], ahead_s: float, *, is_started_again: bool
) -> None:
    house = House(tmp_path / "modes.db", kind=kind, schedule={})
    house.clock.jump_utc(ahead_s)
    house.modes.pause(DOOR, house.clock.now_ms() + 600_000, "Anna")
    house.modes.set_mode("night", "Anna", house.clock.now_ms() + 600_000)
    house.clock.jump_utc(-ahead_s)
    if is_started_again:
        house.again()
    house.modes.step()
    house.clock.advance(599)
    assert (house.modes.hold(DOOR) is not None, house.mode) == (True, "night")
    house.clock.advance(1)
    assert (house.modes.hold(DOOR), house.mode) == (None, "home")


@pytest.mark.parametrize("jump_s", [3 * 3600, 30 * 86_400])
@both_clocks
def test_what_was_set_for_a_time_lasts_that_long_after_the_clock_is_set_forward(
    kind: type[FakeClock], jump_s: float
) -> None:
    house = House(kind=kind, schedule={})
    house.clock.advance(60)
    house.modes.pause(DOOR, house.clock.now_ms() + 3_600_000, "Anna")
    house.modes.set_mode("night", "Anna", house.clock.now_ms() + 3_600_000)
    house.clock.advance(600)
    house.clock.jump_utc(jump_s)
    house.clock.advance(2990)
    assert (house.modes.hold(DOOR) is not None, house.mode) == (True, "night")
    house.clock.advance(20)
    assert (house.modes.hold(DOOR), house.mode) == (None, "home")


def test_a_mode_until_the_next_change_ends_at_that_of_the_clock_that_was_set_back() -> None:
    house = House()
    house.clock.jump_utc(30 * 86_400)
    house.modes.set_mode("home", "Anna")
    house.clock.jump_utc(-30 * 86_400)
    assert house.modes.now().until_ms == utc_from_text("2026-11-20T16:00:00Z")
    assert house.modes.now().since_ms == house.clock.now_ms()


@both_clocks
def test_what_was_set_before_the_clock_went_wrong_keeps_its_end(tmp_path: Path, kind: type[FakeClock]) -> None:
    house = House(tmp_path / "modes.db", kind=kind)
    until_ms = house.clock.now_ms() + 8 * 3_600_000
    house.modes.pause(DOOR, until_ms, "Anna")
    house.clock.advance(3600)
    house.clock.jump_utc(7200)
    house.again()
    house.clock.advance(60)
    house.clock.jump_utc(-7200)
    hold = house.modes.hold(DOOR)
    assert hold is not None and hold.until_ms == until_ms


@both_clocks
@pytest.mark.parametrize("behind_s", [45 * 60, 365 * 86_400])
def test_a_pause_outlasts_a_start_with_a_clock_that_is_behind(
    tmp_path: Path, behind_s: float, kind: type[FakeClock]
) -> None:
    house = House(tmp_path / "modes.db", kind=kind)
    until_ms = house.clock.now_ms() + 1_800_000
    house.modes.pause(DOOR, until_ms, "Anna")
    house.clock.advance(60)
    house.clock.jump_utc(-behind_s)
    house.again()
    house.clock.advance(60)
    house.clock.jump_utc(behind_s)
    hold = house.modes.hold(DOOR)
    assert hold is not None and hold.until_ms is not None and hold.until_ms >= until_ms


@both_clocks
def test_a_mode_set_by_hand_outlasts_a_start_with_a_clock_that_is_behind(tmp_path: Path, kind: type[FakeClock]) -> None:
    house = House(tmp_path / "modes.db", kind=kind)  # Friday noon: away until 17:00
    house.modes.set_mode("home", "Anna")
    house.clock.advance(60)
    house.clock.jump_utc(-6 * 3600)  # to 06:00, at night
    house.again()
    assert house.modes.now().by == "Anna"
    house.clock.advance(60)
    house.clock.jump_utc(6 * 3600)
    standing = house.modes.now()
    assert (standing.mode, standing.by, standing.until_ms) == ("home", "Anna", utc_from_text("2026-11-20T16:00:00Z"))


@both_clocks
def test_who_is_at_home_stays_so_when_the_clock_is_set_forward(kind: type[FakeClock]) -> None:
    house = House(at="2026-11-20T17:00:00Z", kind=kind, **ANNA)
    house.modes.seen("anna", "ping")
    house.clock.advance(30)
    house.clock.jump_utc(3600)
    assert house.mode == "home"
    house.clock.advance(569)
    assert house.mode == "home"
    house.clock.advance(2)
    assert house.mode == "away"


def test_a_clock_that_is_set_forward_brings_home_no_one_who_has_left() -> None:
    house = House(at="2026-11-20T17:00:00Z", **ANNA)
    house.modes.seen("anna", "ping")
    house.clock.advance(900)
    assert house.mode == "away"
    house.clock.jump_utc(3600)
    house.modes.step()
    assert [one.mode for _, one in house.modes.changes(1)] == ["away"]
    assert not house.modes.people()[0].is_home


@both_clocks
def test_the_clock_may_be_set_forward_and_back(tmp_path: Path, kind: type[FakeClock]) -> None:
    house = House(tmp_path / "modes.db", kind=kind)
    house.clock.advance(60)
    until_ms = house.clock.now_ms() + 600_000
    house.modes.pause(DOOR, until_ms, "Anna")
    for jump_s in (300, -300):
        house.clock.jump_utc(jump_s)
        until_ms += jump_s * 1000
        hold = house.modes.hold(DOOR)
        assert hold is not None and hold.until_ms == until_ms

"""The table of modes: what its cells say, what a choice writes, and what a mode is called in one line."""

from typing import Any

import pytest

from tawny.config.changes import modes_to_table, parse_modes, template
from tawny.config.loader import parse_settings
from tawny.config.mode_presets import FAMILY, PRESETS, with_preset
from tawny.config.modes import places_of
from tawny.config.settings import Settings
from tawny.events.modes import ActiveHold
from tawny.model.events import Event
from tawny.model.ids import CameraId, EventId
from tawny.model.segments import GapReason
from tawny.model.states import CameraState
from tawny.service.cameras.duty import duty_of
from tawny.service.modes.mode_table import CellChoice, lost_channels, mode_cell, mode_rows, mode_summary, with_cells
from tawny.service.modes.rule_actions import mode_choice

CAMERAS: dict[str, Any] = {
    "front-door": {"source": "demo:front", "group": "outside"},
    "garden": {"source": "demo:garden", "group": "outside"},
    "hall": {"source": "demo:hall", "group": "inside"},
    "shed": {"source": "demo:side"},
}


CHANNELS = {"phone": {"url": "x"}, "mail": {"url": "x"}}


def settings(modes: Any = None, **more: Any) -> Settings:
    family = with_preset({}, PRESETS[FAMILY]) if modes is None else modes
    return Settings.model_validate({"modes": family, "cameras": CAMERAS, "notifiers": CHANNELS, **more})


FRESH = {
    ("front-door", "home"): ("continuous", ("person",)),
    ("front-door", "away"): ("continuous", ("person", "vehicle")),
    ("front-door", "night"): ("continuous", ("motion",)),
    ("garden", "home"): ("continuous", ()),
    ("garden", "away"): ("continuous", ("person", "vehicle")),
    ("garden", "night"): ("continuous", ("person",)),
    ("hall", "home"): ("private", ()),
    ("hall", "away"): ("continuous", ("motion",)),
    ("hall", "night"): ("events", ()),
    ("shed", "home"): ("continuous", ("person",)),
    ("shed", "away"): ("continuous", ("person", "vehicle")),
    ("shed", "night"): ("continuous", ("person", "vehicle")),
}


@pytest.mark.parametrize(("where", "says"), FRESH.items(), ids=[" ".join(one) for one in FRESH])
def test_a_fresh_recorder_has_modes_that_differ(where: tuple[str, str], says: tuple[str, tuple[str, ...]]) -> None:
    made, _ = parse_settings(template() + '[cameras.x]\nsource = "demo:front"\n', {})
    assert made is not None
    fresh = made.model_copy(update={"cameras": settings().cameras})
    cell = mode_cell(fresh, where[1], where[0])
    assert (cell.record, cell.notify) == says


def test_an_existing_file_records_and_notifies_as_before() -> None:
    old = settings({})
    for row in mode_rows(old, lambda _: True):
        for cell in row.cells.values():
            assert (cell.record, cell.detection, cell.notify_by) == ("continuous", True, "camera")
    event = Event(EventId("e"), CameraId("hall"), "person", 0, None, 50.0)
    assert mode_choice(old, "home", event, is_named=True) is None


@pytest.mark.parametrize(
    ("group", "name", "places"),
    [
        ("outside", "front-door", ("doors", "outside")),
        ("", "Entrance", ("doors", "others")),
        ("inside", "garage door", ("inside",)),
        ("outside", "Outdoor cam", ("outside",)),
        ("", "indoor", ("others",)),
        ("outside", "investigate", ("outside",)),
        ("outside", "Garden gate", ("doors", "outside")),
    ],
)
def test_doors_are_known_by_their_names(group: str, name: str, places: tuple[str, ...]) -> None:
    assert places_of(group, name) == places


CHOICES = {
    "privacy": (CellChoice("private"), {"privacy": True}),
    "as its group": (CellChoice("continuous", notify=("person", "vehicle")), {}),
    "events": (CellChoice("events", notify=()), {"record": "events", "notify": []}),
    "no detection": (CellChoice("continuous", detection=False), {"detection": False}),
    "channels": (CellChoice("continuous", channels=("phone",)), {"channels": ["phone"]}),
    "all channels": (CellChoice("continuous", channels=("mail", "phone")), {}),
}


@pytest.mark.parametrize(("choice", "written"), CHOICES.values(), ids=CHOICES)
def test_a_choice_writes_only_what_differs_and_holds(choice: CellChoice, written: dict[str, Any]) -> None:
    before = settings()
    table = with_cells(before, ["garden"], ["away"], choice)
    assert table["away"].get("cameras", {}).get("garden", {}) == written
    after = before.model_copy(update={"modes": parse_modes(table, [])[0]})
    cell = mode_cell(after, "away", "garden")
    assert (cell.record, cell.detection) == (choice.record, choice.detection)
    assert mode_cell(after, "away", "front-door") == mode_cell(before, "away", "front-door")


def test_all_channels_are_written_where_the_group_has_fewer() -> None:
    house = settings({"away": {"outside": {"channels": ["phone"]}}})
    table = with_cells(house, ["garden"], ["away"], CellChoice("continuous", channels=("phone", "mail")))
    assert table["away"]["cameras"] == {"garden": {"channels": ["phone", "mail"]}}


def test_a_camera_may_be_recorded_where_its_group_is_private() -> None:
    before = settings()
    table = with_cells(before, ["hall"], ["home"], CellChoice("continuous"))
    assert table["home"]["cameras"] == {"hall": {"record": "continuous"}}
    after = before.model_copy(update={"modes": parse_modes(table, [])[0]})
    assert mode_cell(after, "home", "hall").record == "continuous"
    back = with_cells(after, ["hall"], ["home"], CellChoice("private"))
    assert back == modes_to_table(before.modes)


KINDS = [
    ("home", "front-door", "person", True),
    ("home", "front-door", "vehicle", False),
    ("home", "front-door", "sound", True),
    ("home", "garden", "person", False),
    ("away", "garden", "vehicle", True),
    ("away", "garden", "animal", False),
    ("night", "front-door", "motion", True),
    ("night", "front-door", "animal", True),
    ("night", "hall", "person", False),
]


@pytest.mark.parametrize(("mode", "camera", "kind", "asks"), KINDS)
def test_what_a_cell_says_decides_about_notifications(mode: str, camera: str, kind: str, asks: bool) -> None:
    event = Event(EventId("e"), CameraId(camera), kind, 0, None, 50.0)
    chosen = mode_choice(settings(), mode, event, is_named=True)
    assert chosen is not None
    assert chosen.asks is asks, chosen.why


def test_privacy_ends_reading_and_recording_by_hand_does_not_end_it() -> None:
    house = settings()
    table = house.modes.chosen("home", "hall", ("inside",))
    duty = duty_of(house.cameras["hall"], None, "", "home", table)
    assert (duty.state, duty.reason, duty.is_read) == (CameraState.PAUSED, GapReason.PRIVACY, False)
    hold = ActiveHold(CameraId("hall"), "record", "Anna", 0, None)
    assert duty_of(house.cameras["hall"], hold, "", "home", table) == duty
    night = house.modes.chosen("home", "hall", ()).model_copy(update={"record": "off", "privacy": False})
    assert duty_of(house.cameras["hall"], hold, "", "home", night).is_recorded, "where the mode merely doesn't record"


def test_a_camera_that_is_off_by_itself_detects_and_notifies_and_one_that_a_mode_switches_off_does_not() -> None:
    made = Settings.model_validate({
        "modes": {"away": {"others": {"notify": ["person"]}}, "night": {"others": {"record": "off"}}},
        "cameras": {"shed": {"source": "demo:side", "record": "off"}}, "notifiers": {"phone": {"url": "x"}},
    })  # fmt: skip
    cells = {mode: mode_cell(made, mode, "shed") for mode in made.modes.names}
    assert {mode: (cell.record, cell.notify, cell.may_detect) for mode, cell in cells.items()} == {
        "home": ("off", ("person", "vehicle"), True),
        "away": ("off", ("person",), True),
        "night": ("off", (), False),
    }
    assert mode_summary(made, "away") == "Nothing is recorded. Notifies about people."
    assert mode_summary(made, "night") == "Nothing is recorded."


def test_detection_off_records_on() -> None:
    house = settings({"home": {"outside": {"detection": False}}})
    duty = duty_of(house.cameras["garden"], None, "", "home", house.modes.chosen("home", "garden", ("outside",)))
    assert (duty.record, duty.is_watched) == ("continuous", False)


SUMMARIES: list[tuple[Any, str, str]] = [
    ({}, "home", "Everything is recorded. Notifies about people and vehicles."),
    (None, "home", "Hall private. Front door and Shed notify about people."),
    (None, "night", "Hall recorded around events. Front door notifies about any motion. Garden notifies about people. "
     "Shed notifies about people and vehicles."),
    ({"away": {"outside": {"notify": []}, "inside": {"notify": []}, "others": {"notify": []}}}, "away",
     "Everything is recorded. No notifications."),
    ({"away": {"outside": {"record": "off"}, "inside": {"privacy": True}, "others": {"record": "off"}}}, "away",
     "Nothing is recorded."),
    ({"away": {"doors": {"record": "off"}, "outside": {"record": "off"}, "others": {"record": "off"}}}, "away",
     "3 cameras not recorded. Notifies about people and vehicles."),
]  # fmt: skip


@pytest.mark.parametrize(("modes", "mode", "words"), SUMMARIES)
def test_n19_a_mode_is_said_in_sentences(modes: Any, mode: str, words: str) -> None:
    assert mode_summary(settings(modes), mode).lower() == words.lower()


@pytest.mark.parametrize(("mode", "words"), [
    ("home", "Hall private. Front door and Shed would notify about people. No notification channel yet."),
    ("night", "Hall recorded around events. Front door would notify about any motion. "
     "Garden would notify about people. Shed would notify about people and vehicles. No notification channel yet."),
])  # fmt: skip
def test_modes_without_a_channel_say_what_they_would_notify_about(mode: str, words: str) -> None:
    assert mode_summary(settings(notifiers={}), mode).lower() == words.lower()


def test_a_mode_that_notifies_by_a_channel_that_is_gone_is_a_warning() -> None:
    gone = {"outside": {"channels": ["gone"]}, "cameras": {"garden": {"channels": ["gone", "phone"]}}}
    made = settings({"away": gone, "home": {"inside": {"channels": ["gone"], "privacy": True}}})
    assert [one.message for one in lost_channels(made)] == [
        "In away, Front door can't notify: the chosen channel no longer exists."
    ]
    assert list(lost_channels(settings())) == []
    assert list(lost_channels(settings({"away": gone}, notifiers={}))) == []


def test_a_rule_that_stops_recording_in_a_mode_is_in_the_table() -> None:
    rules = [{"when": {"camera": "shed", "mode": "night"}, "do": ["don't record"]}]
    assert mode_cell(settings({}, rules=rules), "night", "shed").record == "off"
    assert mode_cell(settings({}, rules=rules), "home", "shed").record == "continuous"


def test_rules_that_notify_are_named_where_the_table_says_nothing() -> None:
    rules = [{"when": {"kind": "person"}, "do": ["notify phone"]}]
    assert mode_cell(settings({}, rules=rules), "home", "shed").notify_by == "rules"
    assert mode_summary(settings({}, rules=rules), "home") == "Everything is recorded. Notifications by rules."


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_valid_and_keeps_what_is_not_of_modes(name: str) -> None:
    before = {
        "schedule": {"night": ["22:00-05:00"]}, "location": [52.5, 13.4], "home": {"inside": {"record": "off"}},
        "presence": {"people": {"anna": {"ping": ["192.0.2.1"]}}, "grace": "5 min"},
        "exceptions": {"2026-12-24": "sun", "2026-12-25": "night"},
    }  # fmt: skip
    table = with_preset(before, PRESETS[name])
    made = settings(table)
    assert set(made.modes.presence.people) == {"anna"}
    assert made.modes.presence.grace == 300
    assert made.modes.exceptions["2026-12-24"] == "sun"
    assert any(cell.is_recorded for row in mode_rows(made, lambda _: True) for cell in row.cells.values())
    if "night" in made.modes.names:
        assert [str(one) for one in made.modes.schedule["night"]] == ["22:00-05:00"], "one's own times stay"

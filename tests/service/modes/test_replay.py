"""Past events under another mode: what would have been recorded, and what notified about."""

from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tawny.config.settings import Settings
from tawny.events.modes import ModeState, ModeStore
from tawny.model.events import Event, new_event_id
from tawny.model.ids import CameraId
from tawny.model.times import Span, utc_from_text, utc_text
from tawny.service.delivery.notification_filter import NotificationFilter
from tawny.service.modes.replay import Replayer, past_span
from tawny.service.modes.rule_actions import RuleDecider
from tawny.testing.clock import FakeClock
from tests.playback.archives import PORCH, FakeArchive
from tests.playback.test_timeline import segment

BERLIN = ZoneInfo("Europe/Berlin")
TABLES: dict[str, Any] = {
    "schedule": {"night": ["23:00-06:30"]},
    "home": {"others": {"notify": ["person"]}},
    "away": {"others": {"record": "events", "notify": ["motion"]}},
    "night": {"others": {"privacy": True}},
}
LEAVES_MS = utc_from_text("2026-11-19T22:00:00Z")
NIGHT = Span(utc_from_text("2026-11-19T19:00:00Z"), utc_from_text("2026-11-20T07:00:00Z"))


class Night:
    """The porch saw a person, a vehicle and a cat at 21:00, 22:00 and 02:00, each for 20 s."""

    def __init__(self, root: Path, **more: Any) -> None:
        self.clock = FakeClock("2026-11-19T12:00:00Z")
        self.archive = FakeArchive(root)
        self.settings = Settings.model_validate(
            {
                "modes": TABLES,
                "cameras": {PORCH: {"source": "demo:front"}},
                "notifiers": {"phone": {"url": "x"}},
                **more,
            }
        )
        book = ModeStore(":memory:")
        self.modes = ModeState(self.settings.modes, BERLIN, book, self.clock, lambda _: None)
        self.deciding = RuleDecider(lambda: self.settings, self.modes, book, self.clock, lambda _: True)
        for at, kind in (("19T20:00", "person"), ("19T21:00", "vehicle"), ("20T01:00", "animal")):
            at_ms = utc_from_text(f"2026-11-{at}:00Z")
            event = Event(new_event_id(at_ms), PORCH, kind, at_ms, at_ms + 20_000, 50.0)
            self.archive.index.put_event(event)
        self.archive.index.add_segment(segment(NIGHT.begin_ms, NIGHT.end_ms))
        if "anna" in self.settings.modes.presence.people:
            self.modes.seen("anna", "phone")
        for _ in range(20):
            self.clock.advance(3600)
            if self.clock.now_ms() == LEAVES_MS and self.modes.people():
                self.modes.left("anna")
            self.modes.step()

    def hours(self, mode: str) -> float:
        """Return what would have been recorded of the porch, h."""
        seconds = self.replay(mode).cameras[0].seconds
        assert seconds is not None
        return float(seconds / 3600)

    def replay(self, mode: str, why_muted: Any = lambda *_: "", **channel: Any) -> Any:
        filters = [replace(NotificationFilter("phone", levels=frozenset({"alert"})), **channel)]
        index = self.archive.index
        replayer = Replayer(self.settings, self.modes, self.deciding, filters, index, why_muted)
        return replayer.of(NIGHT, mode, [PORCH])


CASES = {
    "home": ({"person": 1, "vehicle": 1, "animal": 1}, ["person"]),
    "away": ({"person": 1, "vehicle": 1, "animal": 1}, ["animal", "vehicle", "person"]),
    "night": ({}, []),
    "": ({"person": 1, "vehicle": 1}, ["person"]),
}


@pytest.mark.parametrize(("mode", "found"), CASES.items(), ids=[one or "as it was" for one in CASES])
def test_a_night_is_replayed_in_a_mode(tmp_path: Path, mode: str, found: tuple[dict[str, int], list[str]]) -> None:
    result = Night(tmp_path).replay(mode)
    assert (result.cameras[0].kinds, [one.kind for one in result.events]) == found


def test_channels_that_want_alerts_only_get_no_cat(tmp_path: Path) -> None:
    result = Night(tmp_path).replay("away", has_own_levels=True)
    assert [one.kind for one in result.events] == ["vehicle", "person"]


def test_rules_that_silence_everything_win(tmp_path: Path) -> None:
    result = Night(tmp_path, rules=[{"when": {"mode": "away"}, "do": ["notify no one"]}]).replay("away")
    assert (result.cameras[0].notified, result.events) == (0, [])


@pytest.mark.parametrize("mode", ["home", ""])
@pytest.mark.parametrize(
    ("between", "hours"),
    [(["20:00-21:00"], 11), (["21:00-08:00"], 1), (["19:00-20:30"], 11.5), (["22:00-22:30", "03:00-04:00"], 10.5)],
)
def test_a_rule_stops_recording_only_within_its_times(
    tmp_path: Path, mode: str, between: list[str], hours: float
) -> None:
    rules = [{"when": {"mode": "home", "between": between}, "do": ["don't record"]}]
    night = Night(tmp_path, rules=rules, modes={name: TABLES[name] for name in ("home", "away")})
    assert night.hours(mode) == hours


@pytest.mark.parametrize("mode", ["home", ""])
def test_a_rule_about_people_counts_those_who_were_home_then(tmp_path: Path, mode: str) -> None:
    """Anna left at 23:00."""
    presence = {"people": {"anna": {}}, "automatic": False, "away_after": "24 h"}
    rules = [{"when": {"home": "anna"}, "do": ["don't record"]}]
    night = Night(tmp_path, rules=rules, modes={"presence": presence, "home": {}, "away": {}})
    assert night.hours(mode) == 9


def test_events_that_would_not_have_been_are_not_recorded(tmp_path: Path) -> None:
    seconds = {}
    for detection in (True, False):
        away = {"others": {"record": "events", "detection": detection}}
        seconds[detection] = Night(tmp_path, modes={**TABLES, "away": away}).hours("away") * 3600
    assert seconds == {True: pytest.approx(3 * 35), False: 0}


@pytest.mark.parametrize(
    ("now", "which", "span"),
    [
        ("2026-11-20T11:00:00Z", "night", ("2026-11-19T19:00:00Z", "2026-11-20T07:00:00Z")),
        ("2026-11-20T02:00:00Z", "night", ("2026-11-19T19:00:00Z", "2026-11-20T02:00:00Z")),
        ("2026-10-25T11:00:00Z", "night", ("2026-10-24T18:00:00Z", "2026-10-25T07:00:00Z")),
        ("2026-10-26T11:00:00Z", "yesterday", ("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z")),
    ],
)
def test_last_night_is_by_the_local_clock(now: str, which: Any, span: tuple[str, str]) -> None:
    found = past_span(which, utc_from_text(now), BERLIN)
    assert (utc_text(found.begin_ms)[:19], utc_text(found.end_ms)[:19]) == (span[0][:19], span[1][:19])


def test_a_camera_that_was_not_there_has_no_recorded_time(tmp_path: Path) -> None:
    night = Night(tmp_path)
    camera = CameraId("new")
    cameras = {**night.settings.cameras, "new": night.settings.cameras[PORCH]}
    night.settings = night.settings.model_copy(update={"cameras": cameras})
    index = night.archive.index
    result = Replayer(night.settings, night.modes, night.deciding, [], index).of(NIGHT, "home", [camera])
    assert result.cameras[0].seconds is None


def test_what_was_snoozed_stays_snoozed_and_says_why(tmp_path: Path) -> None:
    night = Night(tmp_path)
    evening = utc_from_text("2026-11-19T20:30:00Z")
    why = "Anna snoozed notifications for everyone until 21:30."
    result = night.replay("away", why_muted=lambda to, camera, at_ms: why if at_ms < evening else "")
    assert (result.cameras[0].notified, result.cameras[0].snoozed) == (2, 1)
    person = next(one for one in result.events if one.kind == "person")
    assert (person.notifies, person.is_snoozed, person.why) == (False, True, why)


def test_a_rule_that_was_snoozed_would_not_have_acted(tmp_path: Path) -> None:
    night = Night(tmp_path, rules=[{"name": "Siren", "when": {"kind": "vehicle"}, "do": ["siren 30 s"]}])
    result = night.replay("home")
    assert {one.kind: one.actions for one in result.events} == {"person": (), "vehicle": ("relay siren 30 s",)}
    night.deciding.leave_out(lambda camera, at_ms: {"Siren": "is snoozed by Anna until 21:12"})
    assert [one.kind for one in night.replay("home").events] == ["person"]


def test_a_snoozed_rule_that_would_notify_is_counted(tmp_path: Path) -> None:
    rules = [{"name": "Cats", "when": {"kind": "animal"}, "do": ["notify phone"]}]
    night = Night(tmp_path, rules=rules)
    night.deciding.leave_out(lambda camera, at_ms: {"Cats": "is snoozed by Anna until 21:12"})
    result = night.replay("home")
    cat = next(one for one in result.events if one.kind == "animal")
    assert (cat.is_snoozed, cat.why) == (True, "The rule “Cats” is snoozed by Anna until 21:12.")

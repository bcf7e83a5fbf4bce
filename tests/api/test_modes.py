"""Modes and rules over HTTP: told to everybody who is signed in, changed by an owner, and checked before."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tawny.api.auth.accounts import Role
from tawny.config.settings import Settings
from tawny.engine import Bus
from tawny.events.modes import ActiveHold
from tawny.events.rule_engine import TrackedPerson
from tawny.model.errors import NotDone, Problem, SettingsError
from tawny.model.ids import CameraId, EventId
from tawny.service.changeable_settings import ChangeableSettings
from tawny.service.modes import mode_service as web
from tawny.service.modes.mode_controller import ModeController
from tests.api.fakes import House
from tests.playback.archives import PORCH

YARD = CameraId("yard")
PLAN = "/api/v1/modes/plan"


class FakeModes:
    def __init__(self) -> None:
        self.did: list[Any] = []

    def now(self) -> web.ModeStatus:
        return web.ModeStatus(
            modes=("home", "away"),
            mode="home",
            by="schedule",
            is_by_hand=False,
            since_ms=1,
            until_ms=None,
            ahead=[web.ModeChangeInfo(5, "away", "")],
            people=[TrackedPerson("anna", True, 3, "ping", 9)],
            looks_by="",
            holds=[
                ActiveHold(PORCH, "pause", "Anna", 5, None),
                ActiveHold(YARD, "record", "a rule", 5, 7),
            ],
            lately=[web.ModeChangeInfo(1, "home", "schedule")],
        )

    def set_mode(self, mode: str, by: str, for_s: float | None) -> None:
        if mode == "party":
            raise NotDone("No mode named party.", "There are: home, away.")
        self.did.append((mode, by, for_s))

    def back_to_week(self) -> None:
        self.did.append("week")

    def hold(self, camera: CameraId, what: str, by: str, for_s: float | None) -> None:
        self.did.append((camera, what, by, for_s))

    def check_in(self, person: str, source: str, *, home: bool) -> None:
        self.did.append((person, source, home))

    def plan(self) -> web.ModePlan:
        arm = {"schedule": {"away": ["08:00-17:00"]}}
        rules = [{"when": {"kind": "person", "min_duration": "5 s"}, "do": ["notify phone"]}]
        return web.ModePlan(arm, rules, is_in_file=True, notifiers=("phone",), does={"home": "all is recorded"})

    def does(self, seen: Collection[str] | None = None) -> Mapping[str, str]:
        return self.plan().does

    def change(
        self,
        arm: Mapping[str, Any],
        rules: Sequence[Mapping[str, Any]],
        renamed: tuple[str, str] | None = None,
        version: str | None = None,
    ) -> None:
        if arm["names"] == ["home"]:
            raise SettingsError("x", (Problem("modes", "'away'", "one of home"),))
        self.did.append((dict(arm), list(rules)))

    def preview(self, arm: Any, rules: Any) -> list[tuple[date, list[tuple[int, int, str]]]]:
        return [(date(2026, 11, 20), [(0, 1440, "home")])]

    def instant_ms(self, wall: str) -> int:
        return 1000

    def rehearse(self, asked: web.Rehearsal) -> web.RehearsalInfo:
        if asked.camera == "attic":
            raise NotDone("No camera named attic.", "")
        self.did.append(asked)
        outcomes = [web.OutcomeInfo("notify phone", True, "Rule 1 tells phone (always).", None, "")]
        return web.RehearsalInfo(asked.at_ms, "away", "schedule", ("anna",), True, "", True, outcomes)

    def why(self, event: EventId) -> list[web.OutcomeInfo]:
        return [web.OutcomeInfo("notify phone", False, "Rule 1 is for away, and the mode was home.", None, "")]


def changeable_modes(house: House, in_force: list[Settings]) -> web.ModeService:
    """Return modes whose changes are the one item of `in_force` from then on."""

    def now() -> Settings:
        return in_force[0]

    def apply(new: Settings, _: str) -> None:
        in_force[0] = new

    zone, outside = ZoneInfo("UTC"), house.site.outside
    arming = ModeController(now, zone, None, house.clock, Bus(), lambda _: False, lambda _: frozenset())
    changeable = ChangeableSettings(now, apply, None)
    return web.ModeService(arming, changeable, lambda _: None, outside.rehearsed, outside.outbox, zone, house.clock)


@pytest.fixture
def modes(house: House) -> FakeModes:
    made = FakeModes()
    house.app.state.site.modes = made
    return made


async def test_the_mode_is_told_and_an_owner_sets_it(house: House, modes: FakeModes) -> None:
    owner = house.signed_in(Role.OWNER)
    now = (await owner.get("/api/v1/modes")).json()
    assert (now["mode"], now["by"], now["does"]) == ("home", "schedule", {"home": "all is recorded"})
    assert [one["camera"] for one in now["holds"]] == ["porch", "yard"]
    assert (await owner.put("/api/v1/mode", json={"mode": "away", "for_s": 3600})).status_code == 200
    assert (await owner.put("/api/v1/mode", json={"mode": ""})).status_code == 200
    assert modes.did == [("away", "owner 0", 3600.0), "week"]
    refused = await owner.put("/api/v1/mode", json={"mode": "party"})
    assert (refused.status_code, refused.json()["message"]) == (409, "No mode named party.")


async def test_what_modes_do_names_only_cameras_that_the_user_may_see(house: House) -> None:
    modes = {"away": {"cameras": {"yard": {"privacy": True}, "porch": {"record": "events"}}}}
    cameras = {name: {"source": "demo:"} for name in (PORCH, YARD)}
    made = Settings.model_validate({"cameras": cameras, "modes": modes})
    house.app.state.site.modes = changeable_modes(house, [made])
    for cameras_seen, does in (
        (frozenset({PORCH}), "Porch recorded around events."),
        (None, "Yard private. Porch recorded around events."),
    ):
        viewer = house.signed_in(Role.VIEWER, cameras_seen)
        notifies = "Would notify about people and vehicles. No notification channel yet."
        assert (await viewer.get("/api/v1/modes")).json()["does"]["away"] == f"{does} {notifies}"


async def test_a_camera_is_made_private(house: House, modes: FakeModes) -> None:
    owner = house.signed_in(Role.OWNER)
    for what in ("pause", "none"):
        asked = await owner.put("/api/v1/cameras/porch/hold", json={"what": what, "for_s": 60})
        assert asked.status_code == 200
    assert [(one[1], one[3]) for one in modes.did] == [("pause", 60.0), ("", 60.0)]
    assert (await owner.put("/api/v1/cameras/porch/hold", json={"what": "burn"})).status_code == 422


async def test_a_viewer_sees_the_mode_and_says_only_where_he_is_himself(house: House, modes: FakeModes) -> None:
    viewer = house.signed_in(Role.VIEWER)
    assert (await viewer.get("/api/v1/modes")).status_code == 200
    data = {"home": True}
    mine = await viewer.put("/api/v1/presence/viewer 0", json=data)
    others = await viewer.put("/api/v1/presence/anna", json=data)
    assert (mine.status_code, others.status_code) == (200, 403)
    assert modes.did == [("viewer 0", "check-in", True)]
    for path in ("/api/v1/modes/plan", "/api/v1/events/e/why"):
        assert (await viewer.get(path)).status_code == 403
    assert (await viewer.put("/api/v1/mode", json={"mode": "away"})).status_code == 403


async def test_family_sets_modes_and_makes_no_plans(house: House, modes: FakeModes) -> None:
    family = house.signed_in(Role.MEMBER)
    assert (await family.put("/api/v1/mode", json={"mode": "away"})).status_code == 200
    assert (await family.put("/api/v1/cameras/porch/hold", json={"what": "pause"})).status_code == 200
    assert (await family.get("/api/v1/modes/plan")).status_code == 403


async def test_the_plan_is_told_tried_and_changed(house: House, modes: FakeModes) -> None:
    owner = house.signed_in(Role.OWNER)
    plan = (await owner.get("/api/v1/modes/plan")).json()
    assert plan["modes"]["names"] == ["home", "away"]
    assert plan["rules"][0]["when"] == {
        "camera": [], "kind": ["person"], "zone": [], "recognized": [], "include_possible": False,
        "mode": [], "between": [], "home": [], "away": [], "min_duration": "5 s",
    }  # fmt: skip
    asked = {"modes": plan["modes"], "rules": plan["rules"]}
    week = (await owner.post("/api/v1/modes/preview", json=asked)).json()
    assert week["days"] == [
        {"date": "2026-11-20", "weekday": 4, "parts": [{"from_min": 0, "to_min": 1440, "mode": "home"}]}
    ]
    asked["modes"] = {**plan["modes"], "presence": {"people": {"anna": {}, "ben": {"ping": ["192.0.2.1"]}}}}
    assert (await owner.put("/api/v1/modes/plan", json=asked)).status_code == 200
    changed, rules = modes.did[-1]
    assert changed["schedule"] == {"away": ["08:00-17:00"]}
    assert changed["presence"] == {"people": {"anna": {}, "ben": {"ping": ["192.0.2.1"]}}}
    assert rules == [{"when": {"kind": ["person"], "min_duration": "5 s"}, "do": ["notify phone"]}]
    asked["modes"] = {**plan["modes"], "names": ["home"]}
    refused = await owner.put("/api/v1/modes/plan", json=asked)
    assert (refused.status_code, refused.json()["hint"]) == (400, "Allowed: one of home.")


async def test_an_older_plan_does_not_undo_what_another_owner_changed(house: House) -> None:
    in_force = [Settings()]
    house.app.state.site.modes = changeable_modes(house, in_force)
    owner = house.signed_in(Role.OWNER)
    old = (await owner.get(PLAN)).json()
    added = old["rules"] + [{"name": "theirs", "when": {"kind": ["vehicle"]}, "do": ["notify everyone"]}]
    theirs = await owner.put(PLAN, json={"modes": old["modes"], "rules": added, "version": old["version"]})
    assert theirs.status_code == 200
    mine = {"modes": {**old["modes"], "schedule": {"night": ["22:00-06:00"]}}, "rules": old["rules"]}
    refused = await owner.put(PLAN, json={**mine, "version": old["version"]})
    assert (refused.status_code, refused.json()["code"]) == (409, "changed")
    assert refused.json()["hint"] == "Look at it, then change it again if you still want to."
    assert [rule.name for rule in in_force[0].rules] == ["theirs"]
    version = theirs.json()["version"]
    again = await owner.put(PLAN, json={**mine, "rules": theirs.json()["rules"], "version": version})
    assert again.status_code == 200
    assert [rule.name for rule in in_force[0].rules] == ["theirs"]
    assert list(in_force[0].modes.schedule) == ["night"]
    assert (await owner.put(PLAN, json=mine)).status_code == 200
    assert in_force[0].rules == ()


async def test_a_rehearsal_is_asked_for_by_the_clock_on_the_wall(house: House, modes: FakeModes) -> None:
    owner = house.signed_in(Role.OWNER)
    asked = {"camera": "porch", "kind": "person", "at": "2026-11-22T23:00", "home": []}
    data = (await owner.post("/api/v1/rehearsal", json=asked)).json()
    assert (data["mode"], data["outcomes"][0]["does"]) == ("away", True)
    assert (modes.did[-1].at_ms, modes.did[-1].home) == (1000, ())
    refused = await owner.post("/api/v1/rehearsal", json={"camera": "attic"})
    assert refused.status_code == 409
    assert (await owner.post("/api/v1/rehearsal", json=asked | {"at": "tonight"})).status_code == 422

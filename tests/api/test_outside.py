"""Destinations and notifiers for the owner, and the public door of buttons in messages."""

from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tawny.api.auth.accounts import Role
from tawny.api.errors import bad_field
from tawny.config.drafts import Group
from tawny.config.modes import RuleSettings
from tawny.delivery.delivery import StoredContent, in_memory
from tawny.delivery.destination import ConnectionTestStep
from tawny.delivery.outbox import Outbox
from tawny.delivery.targets import OutboxBacklog, TargetView
from tawny.model.errors import NotDone, Problem, SettingsError
from tawny.model.ids import CameraId
from tawny.service.delivery.notification_filter import Snoozes
from tawny.service.delivery.target_settings import TargetField, TargetKind, TargetNameTaken, TargetSettingsView
from tawny.testing.clock import FakeClock
from tests.api.fakes import OURS, House
from tests.delivery.carried import delivery


class FakeOutside:
    def __init__(self) -> None:
        self.said: list[tuple[object, ...]] = []
        self._snoozes: Snoozes | None = None

    def all_targets(self) -> Sequence[TargetView]:
        last = [delivery("event/e", why="", done_ms=2000)]
        waiting = OutboxBacklog(2, 0, 1000)
        return [TargetView("phone", "notifier", "ntfy at h", "All.", "person", waiting, "", False, last, {})]

    def test(self, name: str) -> Sequence[ConnectionTestStep]:
        self._known(name)
        return [ConnectionTestStep("Send a notification", "No.", "Do.")]

    def pause(self, name: str, *, paused: bool) -> None:
        self._known(name)
        self.said.append(("pause", paused))

    def try_now(self, name: str) -> None:
        self._known(name)
        self.said.append(("try",))

    def mute(self, name: str, camera: CameraId, for_ms: int) -> None:
        self._known(name)
        self.said.append(("mute", camera, for_ms))

    def push_key(self) -> str:
        return "key"

    def has_browser_channel(self) -> bool:
        return False

    def subscribe_browser(self, person: str, endpoint: str, keys: tuple[str, str] | None, session: str = "") -> None:
        if keys and keys[0] == "bad":
            raise ValueError(keys)
        self.said.append((person, endpoint, keys, session))

    @property
    def snoozes(self) -> Snoozes:
        if self._snoozes is None:
            clock = FakeClock()
            rules = [
                RuleSettings.model_validate({"name": "Night", "do": ["siren 30 s"]}),
                RuleSettings.model_validate(
                    {"name": "Both", "when": {"camera": ["porch", "yard"]}, "do": ["siren 9 s"]}
                ),
                RuleSettings.model_validate({"name": "Porch", "when": {"camera": "porch"}, "do": ["siren 30 s"]}),
            ]
            outbox = Outbox(":memory:", clock)
            self._snoozes = Snoozes(outbox, clock, ZoneInfo("UTC"), lambda *_: True, lambda: rules)
        return self._snoozes

    @property
    def notifications(self) -> "FakeOutside":
        return self

    def sent_image(self, name: str, token: str) -> StoredContent:
        self._known(name)
        return in_memory(f"{token} of {name}".encode(), "image/gif", 0)

    def act_words(self, name: str, token: str) -> str:
        if token != "good":
            raise NotDone("This button has expired.", "Open tawny instead.")
        return "Keep this event?"

    def act(self, name: str, token: str, address: str) -> str:
        self.act_words(name, token)
        self.said.append(("act", token, bool(address)))
        return "It is kept."

    def _known(self, name: str) -> None:
        if name != "phone":
            raise KeyError(name)


@pytest.fixture
def outside(house: House) -> FakeOutside:
    made = FakeOutside()
    house.app.state.site.outside = made
    return made


async def test_targets_are_told_with_what_waits_and_went_last(house: House, outside: FakeOutside) -> None:
    (phone,) = (await house.signed_in(Role.OWNER).get("/api/v1/targets")).json()["items"]
    assert (phone["name"], phone["where"], phone["waiting"], phone["oldest_ms"]) == ("phone", "ntfy at h", 2, 1000)
    assert phone["last"][0]["delivered"] and not phone["last"][0]["left_out"]


async def test_trying_out_tells_each_step(house: House, outside: FakeOutside) -> None:
    answer = await house.signed_in(Role.OWNER).post("/api/v1/targets/phone/test")
    steps = [{"what": "Send a notification", "wrong": "No.", "hint": "Do."}]
    assert answer.json() == {"steps": steps, "write_only": False}


async def test_pause_try_and_mute(house: House, outside: FakeOutside) -> None:
    owner = house.signed_in(Role.OWNER)
    await owner.put("/api/v1/targets/phone/pause", json={"paused": True})
    await owner.post("/api/v1/targets/phone/try")
    await owner.put("/api/v1/targets/phone/mute", json={"camera": "porch", "for_s": 900})
    assert outside.said == [("pause", True), ("try",), ("mute", "porch", 900_000)]


async def test_a_viewer_snoozes_own_notifications_alone(house: House, outside: FakeOutside) -> None:
    viewer = house.signed_in(Role.VIEWER)
    made = (await viewer.put("/api/v1/snoozes", json={"camera": "porch", "for_s": 3600})).json()
    assert (made["camera"], made["everyone"], made["mine"]) == ("porch", False, True)
    assert made["until_ms"] - made["since_ms"] == 3_600_000
    asked = {"camera": None, "for_s": 3600, "everyone": True}
    assert (await viewer.put("/api/v1/snoozes", json=asked)).json()["code"] == "family_only"
    assert (await viewer.delete("/api/v1/snoozes?everyone=true")).status_code == 403
    assert (await viewer.get("/api/v1/snoozes")).json() == {"items": [made], "may_all": False, "rules": []}
    assert (await house.signed_in(Role.MEMBER).get("/api/v1/snoozes")).json()["items"] == []
    assert (await viewer.delete("/api/v1/snoozes?camera=porch")).status_code == 200
    assert (await viewer.get("/api/v1/snoozes")).json()["items"] == []


async def test_a_member_snoozes_for_everyone_and_the_log_says_so(house: House, outside: FakeOutside) -> None:
    member = house.signed_in(Role.MEMBER)
    await member.put("/api/v1/snoozes", json={"camera": None, "for_s": 60, "everyone": True})
    (seen,) = (await house.signed_in(Role.VIEWER).get("/api/v1/snoozes")).json()["items"]
    assert (seen["camera"], seen["everyone"], seen["mine"]) == (None, True, False)
    await member.delete("/api/v1/snoozes?everyone=true")
    log = [(one.action, one.detail) for one in house.accounts.audit()]
    assert ("notifications snoozed for everyone", "all cameras") in log
    assert ("notifications no longer snoozed for everyone", "all cameras") in log


async def test_a_rule_is_snoozed_for_everyone_and_resumed_by_another_member(house: House, outside: FakeOutside) -> None:
    asked = {"camera": None, "for_s": None, "rule": "Night"}
    viewer, member = house.signed_in(Role.VIEWER), house.signed_in(Role.MEMBER)
    assert (await viewer.put("/api/v1/snoozes", json=asked)).json()["code"] == "family_only"
    made = (await member.put("/api/v1/snoozes", json=asked)).json()
    assert (made["rule"], made["rule_name"], made["everyone"], made["until_ms"]) == ("Night", "Night", True, None)
    (seen,) = (await viewer.get("/api/v1/snoozes")).json()["items"]
    assert seen["rule"] == "Night"
    assert (await viewer.delete("/api/v1/snoozes?rule=Night")).status_code == 403
    assert (await house.signed_in(Role.OWNER).delete("/api/v1/snoozes?rule=Night")).status_code == 200
    assert (await viewer.get("/api/v1/snoozes")).json()["items"] == []
    log = [(one.action, one.detail) for one in house.accounts.audit()]
    assert ("rule snoozed", "Night") in log
    assert ("rule no longer snoozed", "Night") in log


@pytest.mark.parametrize(
    ("role", "cameras", "may_all", "rules"),
    [
        (Role.OWNER, None, True, ["Night", "Both", "Porch"]),
        (Role.MEMBER, None, True, ["Night", "Both", "Porch"]),
        (Role.MEMBER, ["porch"], False, ["Porch"]),
        (Role.VIEWER, None, False, []),
    ],
)
async def test_the_list_says_what_may_be_snoozed_for_everyone(
    house: House, outside: FakeOutside, role: Role, cameras: list[str] | None, may_all: bool, rules: list[str]
) -> None:
    data = (await house.signed_in(role, cameras).get("/api/v1/snoozes")).json()
    assert (data["may_all"], data["rules"]) == (may_all, rules)


@pytest.mark.parametrize("what", [{"rule": "Night"}, {"rule": "Both"}, {"everyone": True}], ids=str)
async def test_who_sees_one_camera_leaves_snoozes_about_others_alone(
    house: House, outside: FakeOutside, what: dict[str, Any]
) -> None:
    asked, query = {"camera": None, "for_s": 3600, **what}, "&".join(f"{key}={one}" for key, one in what.items())
    made = (await house.signed_in(Role.OWNER).put("/api/v1/snoozes", json={**asked, "for_s": 86_400})).json()
    limited = house.signed_in(Role.MEMBER, ["porch"])
    refused = [await limited.put("/api/v1/snoozes", json=asked), await limited.delete(f"/api/v1/snoozes?{query}")]
    assert [(one.status_code, one.json()["code"]) for one in refused] == [(403, "cameras_hidden")] * 2
    assert "cameras that you can't see" in refused[0].json()["message"]
    (kept,) = (await house.signed_in(Role.OWNER).get("/api/v1/snoozes")).json()["items"]
    assert kept["until_ms"] == made["until_ms"]
    shown = (await limited.get("/api/v1/snoozes")).json()["items"]
    assert not any(one["may_end"] for one in shown), "the page offers no end"


@pytest.mark.parametrize("what", [{"rule": "Porch"}, {"camera": "porch", "everyone": True}], ids=str)
async def test_who_sees_one_camera_snoozes_what_is_about_it_alone(
    house: House, outside: FakeOutside, what: dict[str, Any]
) -> None:
    limited = house.signed_in(Role.MEMBER, ["porch"])
    made = await limited.put("/api/v1/snoozes", json={"camera": None, "for_s": 3600, **what})
    assert (made.status_code, made.json()["may_end"]) == (200, True)
    query = "&".join(f"{key}={one}" for key, one in what.items())
    assert (await limited.delete(f"/api/v1/snoozes?{query}")).status_code == 200
    assert outside.snoozes.all() == []


async def test_own_snoozes_are_in_the_log(house: House, outside: FakeOutside) -> None:
    member = house.signed_in(Role.MEMBER)
    await member.put("/api/v1/snoozes", json={"camera": "porch", "for_s": 60})
    await member.delete("/api/v1/snoozes?camera=porch")
    await member.delete("/api/v1/snoozes?camera=porch")
    log = [one.action for one in house.accounts.audit() if one.detail == "porch"]
    assert sorted(log) == ["own notifications no longer snoozed", "own notifications snoozed"]


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"camera": "none", "for_s": 3600}, 404),
        ({"camera": "porch", "for_s": 59}, 422),
        ({"camera": "porch", "for_s": 8 * 86_400}, 422),
        ({"camera": "porch", "for_s": "soon"}, 422),
        ({"for_s": 3600}, 422),
        ({"camera": "x" * 41, "for_s": 3600}, 422),
        ({"camera": "porch", "for_s": None}, 400),
        ({"camera": "porch", "for_s": 3600, "rule": "Night"}, 400),
        ({"camera": None, "for_s": 3600, "rule": "Other"}, 404),
    ],
)
async def test_a_snooze_that_is_none_is_refused(
    house: House, outside: FakeOutside, asked: dict[str, Any], status: int
) -> None:
    answer = await house.signed_in(Role.OWNER).put("/api/v1/snoozes", json=asked)
    assert answer.status_code == status
    assert outside.snoozes.all() == []


async def test_a_name_that_is_none_is_not_there(house: House, outside: FakeOutside) -> None:
    for path in ("test", "try"):
        assert (await house.signed_in(Role.OWNER).post(f"/api/v1/targets/none/{path}")).status_code == 404


async def test_a_button_asks_first_and_needs_no_account(house: House, outside: FakeOutside) -> None:
    browser = house.browser()
    assert (await browser.get("/api/v1/actions/phone/good")).json() == {"words": "Keep this event?"}
    assert outside.said == []
    assert (await browser.post("/api/v1/actions/phone/good")).json() == {"words": "It is kept."}
    assert outside.said == [("act", "good", True)]


async def test_what_is_not_signed_does_nothing(house: House, outside: FakeOutside) -> None:
    browser = house.browser()
    for ask in (browser.get, browser.post):
        answer = await ask("/api/v1/actions/phone/bad")
        assert (answer.status_code, answer.json()["message"]) == (410, "This button has expired.")
    assert outside.said == []


async def test_the_image_of_a_notification_is_noted_as_that(house: House, outside: FakeOutside) -> None:
    """Not as a shared link, whose row has the ID of the share."""
    answer = await house.browser().get("/api/v1/sent/phone/good.gif")
    assert (answer.headers["content-type"], answer.content) == ("image/gif", b"good of phone")
    house.accounts.counts.flush()
    rows = [(row.action, row.detail) for row in house.accounts.audit()]
    assert ("image of a notification opened", "phone: 1 time") in rows
    assert "shared link opened" not in dict(rows)


async def test_another_site_cannot_press_it(house: House, outside: FakeOutside) -> None:
    others = {**OURS, "Origin": "http://elsewhere.example"}
    assert (await house.browser().post("/api/v1/actions/phone/good", headers=others)).status_code == 403
    assert outside.said == []


async def test_a_browser_asks_for_messages_and_no_longer(house: House, outside: FakeOutside) -> None:
    viewer, place = house.signed_in(Role.VIEWER), "https://push.example/abc"
    assert (await viewer.get("/api/v1/push")).json() == {"key": "key", "has_channel": False}
    assert (await viewer.post("/api/v1/push", json={"endpoint": place, "p256dh": "p", "auth": "a"})).status_code == 200
    assert (await viewer.post("/api/v1/push", json={"endpoint": place})).status_code == 200
    (session,) = house.accounts.sessions_of(house.accounts.people()[-1])
    assert [text[1:] for text in outside.said] == [(place, ("p", "a"), session.id), (place, None, session.id)]


@pytest.mark.parametrize(
    "asked",
    [
        {"endpoint": "http://plain.example/x"},
        {"endpoint": "https://user@h/x"},
        {"endpoint": "file:///etc/passwd"},
        {"endpoint": "https://push.example/abc", "p256dh": "bad", "auth": "a"},
    ],
)
async def test_an_address_that_is_none_is_refused(house: House, outside: FakeOutside, asked: dict[str, str]) -> None:
    answer = await house.signed_in(Role.VIEWER).post("/api/v1/push", json=asked)
    assert (answer.status_code // 100, outside.said) == (4, [])


class FakePlacing:
    is_kept = True

    def __init__(self) -> None:
        self.put_there: list[tuple[object, ...]] = []

    def kinds(self) -> Sequence[TargetKind]:
        return [
            TargetKind("destinations", "folder", "Folder", "A disk.", "folder:{path}", (TargetField("path", "Folder"),))
        ]

    def view(self, name: str) -> TargetSettingsView:
        if name != "nas":
            raise NotDone(f"{name} isn't in the settings.", "Reload the page.")
        return TargetSettingsView("destinations", {"retention": "90 days"})

    def put(self, group: Group, name: str, values: Mapping[str, Any], *, is_new: bool = False) -> None:
        self._refuse_taken(name, is_new=is_new)
        if values.get("retention") == "often":
            raise SettingsError("tawny.toml", (Problem("destinations.nas.keep", "'often'", "90 days"),))
        self.put_there.append((group, name, dict(values)))

    def _refuse_taken(self, name: str, *, is_new: bool) -> None:
        if is_new and name == "nas":
            raise TargetNameTaken(name)

    def add_browser_channel(self, contact: str, language: str) -> str:
        if any(name == "browsers" for _, name, _ in self.put_there):
            return ""
        self.put("notifiers", "browsers", {"url": f"webpush:{contact}", "language": language})
        return "browsers"

    def remove(self, name: str) -> None:
        self.view(name)

    def try_out(
        self, group: Group, name: str, values: Mapping[str, Any], *, is_new: bool = False
    ) -> Sequence[ConnectionTestStep]:
        self._refuse_taken(name, is_new=is_new)
        return [ConnectionTestStep("Connected", write_only=name == "bucket")]


@pytest.fixture
def placing(house: House) -> FakePlacing:
    made = FakePlacing()
    house.app.state.site.placing = made
    return made


async def test_a_place_is_put_and_noted(house: House, placing: FakePlacing) -> None:
    owner = house.signed_in(Role.OWNER)
    change = {"group": "destinations", "values": {"url": "folder:/mnt", "retention": None, "minutes": [5, 20]}}
    assert (await owner.put("/api/v1/targets/nas", json=change)).status_code == 200
    assert placing.put_there == [("destinations", "nas", change["values"])]
    assert house.accounts.audit(1)[0].detail == "nas"
    assert (await owner.get("/api/v1/targets/nas/settings")).json()["values"] == {"retention": "90 days"}
    assert (await owner.get("/api/v1/targets/kinds")).json()["items"][0]["fields"][0]["key"] == "path"
    assert (await owner.post("/api/v1/targets/nas/try-out", json=change)).json()["steps"][0]["what"] == "Connected"
    found = [(await owner.post(f"/api/v1/targets/{name}/try-out", json=change)).json() for name in ("nas", "bucket")]
    assert [one["write_only"] for one in found] == [False, True]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "says"),
    [
        ("PUT", "nas", {"group": "destinations", "values": {"retention": "often"}}, 400, "allowed: 90 days"),
        ("PUT", "nas", {"group": "files", "values": {}, "new": True}, 409, "name_taken"),
        ("POST", "nas/try-out", {"group": "files", "values": {}, "new": True}, 409, "name_taken"),
        ("PUT", "No%20Name", {"group": "destinations", "values": {}}, 422, "Invalid request"),
        ("PUT", "nas", {"group": "cameras", "values": {}}, 422, "Invalid request"),
        ("DELETE", "other", None, 404, "other isn't in the settings"),
    ],
)
async def test_what_cannot_be_is_said(
    house: House, placing: FakePlacing, method: str, path: str, body: object, status: int, says: str
) -> None:
    answer = await house.signed_in(Role.OWNER).request(method, f"/api/v1/targets/{path}", json=body)
    assert (answer.status_code, says in answer.text) == (status, True), answer.text


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("destinations.nas.retention", "retention: found 75; allowed: 0 to 59."),
        ("destinations.nas.minutes.1", "minutes: found 75; allowed: 0 to 59."),
    ],
)
def test_a_field_of_a_form_is_named(path: str, says: str) -> None:
    assert bad_field(SettingsError("tawny.toml", (Problem(path, "75", "0 to 59"),))).message == says


@pytest.mark.parametrize(
    ("address", "contact"),
    [
        ("", ""),
        ("https://cam.example.org", "https://cam.example.org"),
        ("https://tawny.local:8443", ""),
        ("https://192.168.1.5", ""),
        ("http://cam.example.org", ""),
    ],
)
async def test_the_first_browser_brings_its_channel(
    house: House, outside: FakeOutside, placing: FakePlacing, address: str, contact: str
) -> None:
    house.app.state.site.address = address
    viewer, place = house.signed_in(Role.VIEWER), "https://push.example/abc"
    await viewer.post("/api/v1/push", json={"endpoint": place})
    assert placing.put_there == []
    for _ in range(2):
        await viewer.post("/api/v1/push", json={"endpoint": place, "p256dh": "p", "auth": "a"})
    assert placing.put_there == [("notifiers", "browsers", {"url": f"webpush:{contact}", "language": "en"})]
    assert [one.detail for one in house.accounts.audit() if one.action == "notification channel added"] == ["browsers"]


@pytest.mark.parametrize(
    ("accepted", "language"),
    [("de-DE,de;q=0.9,en;q=0.8", "de"), ("fr-FR, de-AT;q=0.8, en;q=0.5", "de"), ("en-GB,de;q=0.5", "en"), ("fr", "en")],
)
async def test_the_channel_of_browsers_has_the_language_of_the_first(
    house: House, outside: FakeOutside, placing: FakePlacing, accepted: str, language: str
) -> None:
    body = {"endpoint": "https://push.example/abc", "p256dh": "p", "auth": "a"}
    headers = {"Accept-Language": accepted}
    await house.signed_in(Role.VIEWER).post("/api/v1/push", json=body, headers=headers)
    assert placing.put_there == [("notifiers", "browsers", {"url": "webpush:", "language": language})]

"""What the hub's pages get of all boxes: the joint timeline, and the search; also of boxes that are offline."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tawny.api.auth.accounts import Role
from tawny.fleet.fleet_index import BoxDay, CameraDay, cameras_to_show
from tawny.fleet.history_reader import HistoryPiece
from tawny.fleet.history_rows import DAY_MS
from tawny.model.ids import CameraId
from tawny.model.times import Span
from tests.api.fakes import House
from tests.fleet.rig import BoxRig, HubRig, event_line, eventually, hub_rig
from tests.fleet.test_fleet_index import gap_line

PORCH = CameraId("porch")
HOUR_MS = 3_600_000


@dataclass
class Known:
    """A hub whose two boxes are offline. zero_ms: begin of today; now: 5 h later. asked: a page of the hub."""

    rig: HubRig
    house: House
    zero_ms: int
    browser: httpx.AsyncClient

    def tell(self, box: str, until_h: float, *lines: bytes) -> None:
        """The box recorded from 1 h on, and says so up to an hour; then its line ended."""
        until_ms = self.zero_ms + round(until_h * HOUR_MS)
        begin_ms = self.zero_ms + HOUR_MS
        day = CameraDay((Span(begin_ms, until_ms),), until_ms)
        self.rig.index.put_recorded(box, "", BoxDay(self.zero_ms // DAY_MS, until_ms, {PORCH: day}, {PORCH: begin_ms}))
        data = b"".join(lines)
        assert self.rig.index.add(box, HistoryPiece("2026-11-20.jsonl", 0, len(data), data)) == len(data)

    async def get(self, path: str, **query: Any) -> Any:
        answer = await self.browser.get(f"/api/v1/fleet/{path}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def lanes(self, **query: Any) -> dict[str, Any]:
        found = await self.get("timeline", from_ms=self.zero_ms, to_ms=self.zero_ms + DAY_MS, **query)
        return {one["box"]: one for one in found["cameras"]}


@pytest.fixture
async def known(house: House, tmp_path: Path) -> AsyncIterator[Known]:
    house.app.state.site = house.site
    async with hub_rig("memory", house) as rig:
        browser = house.signed_in(Role.OWNER)
        cameras = (await browser.get("/api/v1/health")).json()["cameras"]
        porch = [one for one in cameras if one["id"] == PORCH]
        for name in ("Beach", "Town"):
            code, _ = rig.index.invite()
            box = rig.index.join(code, name, name.encode().ljust(32), "words")
            assert box is not None
            rig.index.note(box.id, "1", ("events",), {"cameras": porch})
        now_ms = house.clock.now_ms()
        yield Known(rig, house, now_ms - now_ms % DAY_MS, browser)


async def test_what_an_offline_recorder_does_meanwhile_is_not_known_here(known: Known) -> None:
    known.tell("beach", 4.5, gap_line(known.zero_ms + 2 * HOUR_MS, known.zero_ms + 3 * HOUR_MS, "wifi", PORCH))
    lanes = await known.lanes()
    beach, now_ms = lanes["beach"], known.house.clock.now_ms()
    assert beach["spans"] == [[known.zero_ms + HOUR_MS, known.zero_ms + round(4.5 * HOUR_MS)]]
    assert beach["unknown"] == [[known.zero_ms + round(4.5 * HOUR_MS), now_ms]]
    assert [(one["reason"], one["words"]) for one in beach["gaps"]] == [("wifi", "Wi-Fi lost")]
    assert lanes["town"]["spans"] == []
    assert lanes["town"]["unknown"] == [[known.zero_ms, now_ms]]


async def test_a_gap_that_lasted_when_a_recorder_went_offline_ends_there(known: Known) -> None:
    seen_ms = known.rig.index.boxes()[0].seen_ms
    known.tell("beach", 2, gap_line(seen_ms - 60_000, None, "unreachable", PORCH))
    known.house.clock.advance(3600)
    beach = (await known.lanes())["beach"]
    assert [(one["begin_ms"], one["end_ms"]) for one in beach["gaps"]] == [(seen_ms - 60_000, seen_ms)]
    assert beach["unknown"][-1] == [seen_ms, known.house.clock.now_ms()]


async def test_lanes_are_of_the_chosen_cameras_and_unknown_ones_are_left_out(known: Known) -> None:
    assert list(await known.lanes(cameras="town~porch,town~gone,nowhere~porch")) == ["town"]
    assert list(await known.lanes(cameras="nowhere~porch")) == []


async def test_events_of_a_lane_have_what_is_drawn(known: Known) -> None:
    known.tell("beach", 4, event_line("e", known.zero_ms + 2 * HOUR_MS, camera=PORCH, picture_ms=5))
    [event] = (await known.lanes())["beach"]["events"]
    assert (event["type"], event["title"], event["snapshot"]) == ("person", "Person", "/boxes/beach/media/e.jpg")


@pytest.fixture
async def told(known: Known) -> Known:
    """Events of two houses of the last hours."""
    at = [known.zero_ms + hour * HOUR_MS for hour in range(6)]
    objects = [{"label": "dog", "score": 0.9}]
    known.tell(
        "beach",
        4,
        event_line("b-person", at[2], camera=PORCH),
        event_line("b-car", at[3], camera=PORCH, kind="vehicle"),
    )
    known.tell(
        "town", 4,
        event_line("t-person", at[1], camera=PORCH, zones=["gate"]),
        event_line("t-dog", at[4], camera=PORCH, kind="animal", objects=objects),
        event_line("t-old", at[0] - 3 * DAY_MS, camera=PORCH),
    )  # fmt: skip
    return known


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("person", ["b-person", "t-person", "t-old"]),
        ("person today", ["b-person", "t-person"]),
        ("person beach", ["b-person"]),
        ("at Town", ["t-dog", "t-person", "t-old"]),
        ("dog", ["t-dog"]),
        ("person gate", ["t-person"]),
        ("vehicle or animal today", ["t-dog", "b-car"]),
        ("person front door", ["b-person", "t-person", "t-old"]),
        ("oldest event", ["t-old"]),
        ("person not at the front door", []),
    ],
)
async def test_words_find_events_of_all_recorders(told: Known, words: str, found: list[str]) -> None:
    assert [one["id"] for one in (await told.get("find", q=words))["events"]] == found


async def test_a_search_is_narrowed_by_recorder_camera_kind_and_time(told: Known) -> None:
    async def ids(path: str = "find", **query: Any) -> list[str]:
        words = {"q": "anything"} if path == "find" else {}
        return [one["id"] for one in (await told.get(path, **words, **query))["events"]]

    for path in ("find", "events"):
        assert await ids(path, box="beach") == ["b-car", "b-person"]
        assert await ids(path, cameras="town~porch") == ["t-dog", "t-person", "t-old"]
        assert await ids(path, cameras="town~gone") == []
        assert await ids(path, kinds="vehicle,animal") == ["t-dog", "b-car"]
        assert await ids(path, from_ms=told.zero_ms + 2 * HOUR_MS, to_ms=told.zero_ms + 4 * HOUR_MS) == [
            "b-car",
            "b-person",
        ]
    assert (await told.get("find", q="animal", kinds="person"))["events"] == []


async def test_that_a_search_has_more_is_said(told: Known) -> None:
    found = {limit: await told.get("find", q="person", limit=limit) for limit in (2, 3)}
    assert {limit: (len(one["events"]), one["more"]) for limit, one in found.items()} == {2: (2, True), 3: (3, False)}


@pytest.fixture
async def lasting(known: Known) -> Known:
    """Two days ago a recorder went offline, an hour after an event began that lasted."""
    at = [known.zero_ms + hour * HOUR_MS for hour in range(5)]
    known.tell(
        "beach",
        4.5,
        event_line("long", at[0], camera=PORCH, end_ms=at[2]),
        event_line("lasts", at[4], camera=PORCH, end_ms=None),
    )
    known.house.clock.advance(2 * DAY_MS / 1000)
    return known


async def test_an_event_that_lasted_when_a_recorder_went_offline_is_as_long_as_until_then(lasting: Known) -> None:
    found = (await lasting.get("find", q="2 longest persons"))["events"]
    assert [(one["id"], one["end_ms"] is None) for one in found] == [("long", False), ("lasts", True)]
    assert [one["id"] for one in (await lasting.get("find", q="person over 3 hours"))["events"]] == []


async def test_an_event_that_lasted_when_a_recorder_went_offline_ends_there_on_the_timeline(lasting: Known) -> None:
    seen_ms = lasting.rig.index.boxes()[0].seen_ms
    events = (await lasting.lanes())["beach"]["events"]
    assert [(one["id"], one["end_ms"]) for one in events if one["id"] == "lasts"] == [("lasts", seen_ms)]
    next_ms = lasting.zero_ms + DAY_MS
    lanes = (await lasting.get("timeline", from_ms=next_ms, to_ms=next_ms + DAY_MS))["cameras"]
    assert {one["box"]: one["events"] for one in lanes}["beach"] == []


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("person front door", ["b-person", "t-person", "t-old"]),
        ("person at Front door today", ["b-person", "t-person"]),
        ("dog front door", ["t-dog"]),
        ("person beach", ["b-person"]),
    ],
)
async def test_words_that_name_a_recorder_and_another_ones_camera_mean_both(
    told: Known, words: str, found: list[str]
) -> None:
    [_, town] = told.rig.index.boxes()
    garden = {**town.status["cameras"][0], "name": "Garden"}
    told.rig.index.note("town", "1", ("events",), {"cameras": [garden]})
    told.rig.index.rename("town", "Front door")
    assert [one["id"] for one in (await told.get("find", q=words))["events"]] == found


async def test_a_cameras_name_with_a_recorders_name_in_it_means_the_camera(told: Known) -> None:
    told.rig.index.rename("town", "Front")
    assert [one["id"] for one in (await told.get("find", q="person front door today"))["events"]] == [
        "b-person", "t-person"
    ]  # fmt: skip


async def test_all_cameras_of_a_large_recorder_are_shown_and_searched(known: Known) -> None:
    porch = known.rig.index.boxes()[0].status["cameras"][0]
    cameras = [{**porch, "id": f"c{number}", "name": f"Cam {number}"} for number in range(80)]
    known.rig.index.note("beach", "1", ("events",), {"cameras": cameras})
    known.tell("beach", 4, event_line("e", known.zero_ms + HOUR_MS, camera="c70"))
    [shown, _] = (await known.browser.get("/api/v1/fleet")).json()["boxes"]
    assert len(shown["cameras"]) == 80
    assert [one["camera_name"] for one in (await known.get("find", q="person cam 70"))["events"]] == ["Cam 70"]


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ({"state": "too_dark"}, {"state": "unknown"}),
        ({"lens": {"kind": "odd"}, "rotate": 45}, {"rotate": 0}),
        ({"mask": {"effect": "blurred", "burned_in": True, "parts": [[[0, 0], [1, 0], [1, 0.5]]]}},
         {"mask": {"effect": "hidden", "burned_in": True, "parts": [[[0, 0], [1, 0], [1, 0.5]]]}}),
        ({"mask": {"circles": []}}, {"mask": {"effect": "hidden", "burned_in": False,
                                              "parts": [[[0, 0], [1, 0], [1, 1], [0, 1]]]}}),
    ],
)  # fmt: skip
async def test_a_camera_of_another_version_is_shown(known: Known, said: dict[str, Any], shown: dict[str, Any]) -> None:
    """Where its masks can't be understood, its whole image is covered."""
    porch = known.rig.index.boxes()[0].status["cameras"][0]
    known.rig.index.note("beach", "9", ("events",), {"cameras": [{**porch, **said}, {"name": "no ID"}]})
    [beach, _] = (await known.browser.get("/api/v1/fleet")).json()["boxes"]
    [camera] = beach["cameras"]
    assert camera["info"] == {**camera["info"], "id": "porch", "name": "Front door", **shown}
    assert "beach" in await known.lanes()


async def test_a_camera_that_says_only_its_id_is_shown(known: Known) -> None:
    known.rig.index.note("beach", "0", ("events",), {"cameras": [{"id": "porch"}]})
    [beach, _] = (await known.browser.get("/api/v1/fleet")).json()["boxes"]
    assert [one["info"]["name"] for one in beach["cameras"]] == ["porch"]


async def test_a_recorder_that_keeps_its_health_to_itself_says_its_cameras(known: Known, tmp_path: Path) -> None:
    porch = known.rig.index.boxes()[0].status["cameras"][0]
    box = BoxRig(tmp_path / "box", allow=("events", "live"), cameras=[{**porch, "state": "paused"}])
    welcome = await known.rig.join(box)
    async with known.rig.connected(box):
        await eventually(lambda: bool(known.rig.hub.status(welcome.box)), "its cameras")
        shown = (await known.browser.get("/api/v1/fleet")).json()["boxes"]
        [camera] = next(one["cameras"] for one in shown if one["id"] == welcome.box)
        assert (camera["info"]["name"], camera["info"]["state"]) == ("Front door", "unknown")
        assert camera["info"]["mask"] == porch["mask"]
        assert welcome.box in await known.lanes()
        result = known.rig.hub.status(welcome.box)
    assert [*result] == ["named"] and "state" not in result["named"][0]
    assert not cameras_to_show(result, box.allow)


async def test_pages_of_events_lose_none_of_the_same_millisecond(known: Known) -> None:
    for box in ("beach", "town"):
        known.tell(box, 4, *(event_line(f"{box}-{number}", known.zero_ms, camera=PORCH) for number in range(2)))
    found = list[str]()
    after: str | None = ""
    while after is not None:
        page = await known.get("events", limit=1, after=after)
        found += [one["id"] for one in page["events"]]
        after = page["next"]
    assert sorted(found) == ["beach-0", "beach-1", "town-0", "town-1"]
    for wrong in ("5", "5~", "x~beach~e", "5~beach~"):
        answer = await known.browser.get("/api/v1/fleet/events", params={"after": wrong})
        assert answer.status_code == 422


async def test_events_that_are_no_longer_allowed_are_not_shown(told: Known) -> None:
    [beach, _] = told.rig.index.boxes()
    told.rig.index.note("beach", "1", ("health", "live"), beach.status)
    assert [one["id"] for one in (await told.get("events"))["events"]] == ["t-dog", "t-person", "t-old"]
    assert (await told.get("events", box="beach"))["events"] == []
    assert [one["id"] for one in (await told.get("find", q="person"))["events"]] == ["t-person", "t-old"]
    assert (await told.get("find", q="person beach"))["events"] == []
    assert list(await told.lanes()) == ["town"]
    assert list(await told.lanes(cameras="beach~porch,town~porch")) == ["town"]


async def test_words_without_a_meaning_are_said(told: Known) -> None:
    found = await told.get("find", q="xylophone person")
    assert (found["unknown"], found["by_look"], found["missing"]) == (["xylophone"], False, [])
    assert [one["id"] for one in found["events"]] == ["b-person", "t-person", "t-old"]


async def test_users_of_certain_cameras_see_nothing_of_other_recorders(told: Known) -> None:
    browser = told.house.signed_in(Role.VIEWER, ["porch"])
    for path in ("find?q=person", "timeline?from_ms=1&to_ms=2", "events"):
        assert (await browser.get(f"/api/v1/fleet/{path}")).status_code == 404


async def test_a_box_answers_what_it_recorded(house: House) -> None:
    answer = await house.signed_in(Role.VIEWER).get("/api/v1/recorded", params={"from_ms": 1, "to_ms": DAY_MS})
    assert answer.status_code == 200
    assert answer.json()["now_ms"] == house.clock.now_ms()
    assert {one["id"] for one in answer.json()["cameras"]} >= {"porch"}


async def test_a_hub_shows_the_standby_of_a_recorder_and_whom_it_protects(known: Known) -> None:
    own = {"side": "own", "name": "Shed", "state": "away"}
    other = {"side": "protected", "name": "Barn", "state": "taken"}
    found = [own, other, {"side": "own", "name": "Shed", "state": "gone"}, "nonsense", {}]
    known.rig.index.note("beach", "1", ("health",), {"standbys": found})
    known.rig.index.note("town", "1", ("health",), {"standbys": "nonsense"})
    fleet = (await known.browser.get("/api/v1/fleet")).json()
    shown = {one["id"]: one["standbys"] for one in fleet["boxes"]}
    assert shown == {"beach": [own, other], "town": []}
    kept = {one["id"]: one["standbys"] for one in (await known.get("maintenance"))["recorders"]}
    assert kept == shown

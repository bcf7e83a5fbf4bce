"""The hub's search by look: the recorders that are connected are asked, the others are named."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from tawny.api.auth.accounts import Role
from tawny.api.fleet.box_search import BoxQuestion, ask_boxes
from tawny.fleet.session import Exchange, Kind, as_payload
from tests.api.fakes import House
from tests.fleet.rig import BoxRig, HubRig, answer_json, eventually, hub_rig

PORCH = "porch"


@dataclass
class LookBox:
    """A recorder that answers searches. found: events by look, with how well each matches."""

    rig: BoxRig
    now_ms: int
    found: dict[str, float] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    more: Mapping[str, Any] = field(default_factory=dict)
    answers: Mapping[str, Any] = field(default_factory=dict)
    raw: Any = None
    asked: list[Mapping[str, Any]] = field(default_factory=list)

    async def answer(self, request: Mapping[str, Any], exchange: Exchange) -> None:
        self.asked.append(request)
        if isinstance(self.raw, int):
            await exchange.send(Kind.HEAD, as_payload({"status": self.raw, "headers": []}))
            return
        await answer_json(self.said() if self.raw is None else self.raw, exchange)

    def said(self) -> dict[str, Any]:
        return {
            "items": [self.item(number, event) for number, event in enumerate(self.found)],
            "time": "the last 7 days", "unknown": list(self.unknown), "measured_to_ms": None,
            "why": {event: f"red, {event}" for event, score in self.found.items() if score},
            "scores": {event: score for event, score in self.found.items() if score}, **self.answers,
        }  # fmt: skip

    def item(self, number: int, event: str) -> dict[str, Any]:
        start_ms = self.now_ms - (number + 1) * 60_000
        return {
            "id": event, "camera": PORCH, "title": "Car", "display_type": "vehicle", "level": "detection",
            "start_ms": start_ms, "end_ms": start_ms + 5000, "snapshot": f"/media/{event}.jpg", "score": 80.0,
            **self.more,
        }  # fmt: skip

    @property
    def queries(self) -> list[dict[str, list[str]]]:
        return [parse_qs(one["query"]) for one in self.asked]


@dataclass
class Looks:
    """A hub with the boxes `shed` and `shed-2`, both connected; `shed-3` is offline."""

    hub: HubRig
    browser: httpx.AsyncClient
    one: LookBox
    other: LookBox

    async def find(self, words: str, **query: Any) -> dict[str, Any]:
        answer = await self.browser.get("/api/v1/fleet/find", params={"q": words, **query})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


@pytest.fixture
async def looks(house: House, tmp_path: Path) -> AsyncIterator[Looks]:
    house.app.state.site = house.site
    async with hub_rig("memory", house) as rig, AsyncExitStack() as stack:
        browser = house.signed_in(Role.OWNER)
        cameras = (await browser.get("/api/v1/health")).json()["cameras"]
        made = []
        for number in range(3):
            name = "Shed" if number == 0 else f"Shed {number + 1}"
            box = BoxRig(tmp_path / str(number), name=name, cameras=[one for one in cameras if one["id"] == PORCH])
            answering = LookBox(box, house.clock.now_ms())
            box.answer = answering.answer
            await rig.join(box)
            made.append(answering)
        for each in made[:2]:
            await stack.enter_async_context(rig.connected(each.rig))
        yield Looks(rig, browser, made[0], made[1])
        for line in rig.hub.connections():
            line.stop()


async def test_answers_of_all_recorders_are_one_list_the_best_first(looks: Looks) -> None:
    looks.one.found = {"a": 0.91, "b": 0.4}
    looks.other.found = {"c": 0.6, "d": 0.93, "e": 0.62}
    found = await looks.find("red car")
    assert [(one["box"], one["id"]) for one in found["events"]] == [
        ("shed", "a"), ("shed-2", "d"), ("shed-2", "c"), ("shed-2", "e"), ("shed", "b")
    ]  # fmt: skip
    first = found["events"][0]
    assert (first["why"], first["match"], first["snapshot"]) == ("red, a", 0.91, "/boxes/shed/media/a.jpg")
    assert (first["title"], first["camera_name"], first["clip"]) == ("Car", "Front door", "/boxes/shed/media/a.mp4")
    assert found["by_look"]
    assert (found["unknown"], found["missing"]) == ([], [{"box": "shed-3", "reason": "offline"}])
    assert [one["id"] for one in (await looks.find("red car", limit=2))["events"]] == ["a", "d"]
    assert [one["id"] for one in (await looks.find("2 oldest red cars"))["events"]] == ["e", "b"]


async def test_the_box_decides_for_whom_it_is(looks: Looks) -> None:
    await looks.find("red car")
    [asked] = looks.one.asked
    assert (asked["method"], asked["path"], asked["role"]) == ("GET", "/api/v1/find", "owner")
    assert asked["person"]
    assert looks.one.queries == [{"q": ["red car"], "limit": ["200"]}]


async def test_words_that_the_hub_knows_ask_nobody(looks: Looks) -> None:
    found = await looks.find("vehicles yesterday")
    assert (found["by_look"], found["missing"], looks.one.asked) == (False, [], [])


async def test_a_search_is_narrowed_by_recorder_camera_kind_and_time(looks: Looks) -> None:
    looks.one.found = looks.other.found = {"a": 0.9, "b": 0.8}

    async def ids(words: str = "red car", **query: Any) -> list[str]:
        return [f"{one['box']}/{one['id']}" for one in (await looks.find(words, **query))["events"]]

    assert await ids("red car at Shed 2") == ["shed-2/a", "shed-2/b"]
    assert looks.one.asked == []
    assert looks.other.queries == [{"q": ["red car"], "limit": ["200"]}]
    assert await ids(box="shed") == ["shed/a", "shed/b"]
    assert await ids(cameras="shed-2~porch") == ["shed-2/a", "shed-2/b"]
    assert await ids("red car front door") == ["shed/a", "shed-2/a", "shed/b", "shed-2/b"]
    assert await ids(kinds="person") == []
    now_ms = looks.one.now_ms
    assert await ids(from_ms=now_ms - 90_000, box="shed") == ["shed/a"]
    assert looks.one.queries[-1]["from_ms"] == [str(now_ms - 90_000)]
    assert await ids("red car yesterday", from_ms=now_ms - 90_000, box="shed") == []
    looks.one.more = {"camera": "other"}
    assert await ids(cameras="shed~porch") == []


DAY_MS = 86_400_000


async def test_recorders_are_asked_for_the_chosen_days_only(looks: Looks) -> None:
    now_ms = looks.one.now_ms
    await looks.find("red car", from_ms=now_ms - 20 * DAY_MS, to_ms=now_ms - 19 * DAY_MS)
    await looks.find("red car yesterday", from_ms=now_ms - 20 * DAY_MS)
    chosen, answer = [(int(one["from_ms"][0]), int(one["to_ms"][0])) for one in looks.one.queries]
    assert chosen == (now_ms - 20 * DAY_MS, now_ms - 19 * DAY_MS)
    assert now_ms - 2 * DAY_MS < answer[0] < answer[1] < now_ms


@pytest.mark.parametrize(("said", "more"), [({}, True), ({"more": True}, True), ({"more": False}, False)])
async def test_that_a_recorder_has_more_than_it_answers_is_said(
    looks: Looks, said: dict[str, bool], more: bool
) -> None:
    """One of an earlier version doesn't know until when, and doesn't say that it has more."""
    now_ms, looks.one.answers = looks.one.now_ms, said
    looks.one.found = {f"e{number}": 0.9 for number in range(200)}
    found = await looks.find("red car", from_ms=now_ms - 20 * DAY_MS, to_ms=now_ms - 19 * DAY_MS)
    assert (found["events"], found["more"]) == ([], more)


async def test_more_events_by_look_than_are_asked_for_are_said(looks: Looks) -> None:
    looks.one.found = looks.other.found = {"a": 0.9, "b": 0.8}
    assert [(await looks.find("red car", limit=limit))["more"] for limit in (3, 4)] == [True, False]


async def test_a_recorder_that_has_a_cameras_name_is_asked_without_it(looks: Looks) -> None:
    looks.hub.index.rename("shed", "Front door")
    await eventually(lambda: all(looks.hub.hub.status(box) for box in ("shed", "shed-2")), "their cameras")
    looks.one.found = looks.other.found = {"a": 0.9}
    found = await looks.find("red car front door")
    assert [one["box"] for one in found["events"]] == ["shed", "shed-2"]
    assert [one.queries[0]["q"] for one in (looks.one, looks.other)] == [["red car"], ["red car front door"]]


async def test_a_word_is_unknown_if_no_recorder_knows_it(looks: Looks) -> None:
    looks.one.unknown, looks.other.unknown = ("shiny", "glossy"), ("shiny",)
    assert (await looks.find("red shiny glossy car"))["unknown"] == ["shiny"]


async def test_a_search_model_of_one_recorder_answers_other_words(looks: Looks) -> None:
    looks.one.found, looks.other.found, looks.other.unknown = {"a": 0.7}, {"b": 0.0}, ("crimson",)
    found = await looks.find("crimson")
    assert [one["id"] for one in found["events"]] == ["a"]
    assert found["unknown"] == []
    assert {one["box"]: one["reason"] for one in found["missing"]} == {"shed-2": "no_model", "shed-3": "offline"}


async def test_without_any_search_model_such_words_are_ignored_as_before(looks: Looks) -> None:
    looks.one.found, looks.one.unknown = {"b": 0.0}, ("crimson",)
    found = await looks.find("crimson")
    assert (found["events"], found["unknown"], found["by_look"]) == ([], ["crimson"], False)


REASONS: list[tuple[Any, str]] = [
    (403, "not_allowed"),
    (500, "no_answer"),
    ("text", "no_answer"),
    ({"items": []}, "no_answer"),
    ({"items": "x" * 1_200_000}, "no_answer"),
]


async def test_a_recorder_that_does_not_search_is_named(looks: Looks) -> None:
    looks.other.found = {"c": 0.6}
    for raw, reason in REASONS:
        looks.one.raw = raw
        found = await looks.find("red car")
        assert [one["id"] for one in found["events"]] == ["c"], raw
        assert found["missing"][0] == {"box": "shed", "reason": reason}, raw


NO_EVENTS: list[dict[str, Any]] = [
    {"id": "../x"},
    {"camera": "a/b"},
    {"title": "\x1b[2J"},
    {"title": "t" * 201},
    {"level": "loud"},
    {"start_ms": -1},
    {"start_ms": "soon"},
]


async def test_what_a_recorder_answers_is_checked(looks: Looks) -> None:
    looks.one.found = {"a": 0.9}
    for more in NO_EVENTS:
        looks.one.more = more
        found = await looks.find("red car")
        assert (found["events"], found["missing"][0]) == ([], {"box": "shed", "reason": "no_answer"}), more


async def test_a_slow_recorder_holds_nobody_up(looks: Looks) -> None:
    looks.other.found = {"c": 0.6}
    waits = asyncio.Event()

    async def never(_request: Mapping[str, Any], _exchange: Exchange) -> None:
        await waits.wait()

    looks.one.rig.answer = never
    question = BoxQuestion("red car", "Anna", "owner")
    found = await ask_boxes(looks.hub.hub, ["shed", "shed-2", "shed-3"], question, within_s=0.5)
    assert [(one.box, one.reason) for one in found] == [
        ("shed", "no_answer"), ("shed-2", None), ("shed-3", "offline")
    ]  # fmt: skip
    assert json.dumps([hit.id for hit in found[1].hits]) == '["c"]'
    waits.set()


async def test_a_recorder_whose_owner_shares_no_events_is_not_asked(house: House, tmp_path: Path, looks: Looks) -> None:
    closed = BoxRig(tmp_path / "closed", allow=("health",))
    welcome = await looks.hub.join(closed)
    async with looks.hub.connected(closed):
        found = await looks.find("red car")
    assert {"box": welcome.box, "reason": "not_allowed"} in found["missing"]

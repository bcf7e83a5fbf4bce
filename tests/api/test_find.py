"""Questions in words, a spot in the picture, and the heat of a day, over HTTP."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tawny.api.auth.accounts import Caller, Role
from tawny.config.recognition import SearchSettings
from tawny.config.settings import DetectionSettings
from tawny.model.events import Event
from tawny.model.geometry import COLUMNS, ROWS, grid_of
from tawny.model.ids import CameraId, EventId
from tawny.service.detection.appearance_service import IDLE_S, AppearanceService, AppearanceSource
from tawny.service.detection.embedding_search import SearchModel
from tawny.storage.index.appearance_db import AppearanceDb
from tests.api.fakes import House
from tests.playback.archives import PORCH
from tests.playback.search.made_week import made_event

YARD = CameraId("yard")
SPOT = (0.1, 0.1, 0.2, 0.2)


async def test_a_question_is_answered_and_says_how_it_was_understood(house: House) -> None:
    now_ms = house.clock.now_ms()
    event = Event(EventId("seen"), PORCH, "person", now_ms - 60_000, now_ms - 50_000, 80.0)
    house.recorder.index.put_event(event)
    house.recorder.index.put_event(Event(EventId("other"), PORCH, "vehicle", now_ms - 40_000, now_ms - 30_000, 80.0))
    answer = (
        await house.signed_in().get("/api/v1/find", params={"q": "people front door in the last hour, shiny"})
    ).json()
    assert [one["id"] for one in answer["items"]] == ["seen"]
    assert (answer["time"], answer["unknown"]) == ("in the last hour", ["shiny"])


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("people old shed", ["left"]),
        ("people at the old shed (removed)", ["left"]),
        ("people at the shed", ["left"]),
        ("people not at the old shed", ["here"]),
    ],
)
async def test_a_removed_camera_with_recordings_is_found_by_its_name(
    house: House, words: str, found: list[str]
) -> None:
    now_ms, shed = house.clock.now_ms(), CameraId("shed-2")
    house.recorder.removed = {shed: "Old shed (removed)"}
    house.recorder.index.put_event(Event(EventId("left"), shed, "person", now_ms - 60_000, now_ms - 50_000, 80.0))
    house.recorder.index.put_event(Event(EventId("here"), PORCH, "person", now_ms - 60_000, now_ms - 50_000, 80.0))
    answer = (await house.signed_in().get("/api/v1/find", params={"q": words})).json()
    assert ([one["id"] for one in answer["items"]], answer["unknown"]) == (found, [])


async def test_a_removed_doorbell_does_not_hide_the_rings_of_others(house: House) -> None:
    now_ms, old = house.clock.now_ms(), CameraId("old")
    house.recorder.removed = {old: "Doorbell (removed)"}
    house.recorder.index.put_event(Event(EventId("left"), old, "person", now_ms - 60_000, now_ms - 50_000, 80.0))
    house.recorder.index.put_event(Event(EventId("ring"), PORCH, "doorbell", now_ms - 60_000, now_ms - 50_000, 80.0))
    for words, found in (("doorbell", ["ring"]), ("doorbell (removed)", ["left"])):
        answer = (await house.signed_in().get("/api/v1/find", params={"q": words})).json()
        assert ([one["id"] for one in answer["items"]], answer["unknown"]) == (found, [])


async def test_that_there_are_more_is_said(house: House) -> None:
    now_ms = house.clock.now_ms()
    for number in range(3):
        house.recorder.index.put_event(Event(EventId(f"e{number}"), PORCH, "person", now_ms - 9000, now_ms, 80.0))
    for limit, is_cut in ((2, True), (3, False)):
        answer = (await house.signed_in().get("/api/v1/find", params={"q": "people", "limit": limit})).json()
        assert (len(answer["items"]), answer["more"]) == (limit, is_cut)


async def test_a_search_has_the_time_that_is_given_besides_the_words(house: House) -> None:
    now_ms = house.clock.now_ms()
    for number in range(3):
        start_ms = now_ms - 10_000 * (number + 1)
        house.recorder.index.put_event(Event(EventId(f"e{number}"), PORCH, "person", start_ms, start_ms + 5000, 80.0))
    asked: dict[str, str | int] = {"q": "people", "from_ms": now_ms - 25_000, "to_ms": now_ms - 15_000}
    answer = (await house.signed_in().get("/api/v1/find", params=asked)).json()
    assert [one["id"] for one in answer["items"]] == ["e1"]


async def test_zones_and_lines_of_the_settings_are_known(house: House) -> None:
    zone = {"points": [(0.1, 0.1), (0.9, 0.1), (0.9, 0.9)]}
    line = {"points": [(0.1, 0.1), (0.9, 0.9)]}
    house.recorder.tuning.watch = DetectionSettings.model_validate({"zones": {"pond": zone}, "lines": {"path": line}})
    now_ms = house.clock.now_ms()
    house.recorder.index.put_event(Event(EventId("e"), PORCH, "person", now_ms - 9000, now_ms, 80.0))
    for place in ("pond", "path"):
        answer = (await house.signed_in().get("/api/v1/find", params={"q": f"people {place}"})).json()
        assert (answer["items"], answer["unknown"]) == ([], [])


async def test_when_something_moved_in_a_spot(house: House) -> None:
    begun_ms = house.clock.now_ms()
    house.recorder.moved = [
        (begun_ms + n * 1000, grid_of(SPOT if n in (3, 4, 20) else (0.8, 0.8, 0.9, 0.9))) for n in range(30)
    ]
    asked = {"from_ms": begun_ms, "to_ms": begun_ms + 60_000}
    browser = house.signed_in()
    found = (
        await browser.get(f"/api/v1/cameras/{PORCH}/motion-search", params={**asked, "box": "0.1,0.1,0.2,0.2"})
    ).json()
    assert [(one["from_ms"] - begun_ms, one["to_ms"] - begun_ms) for one in found["items"]] == [
        (20_000, 21_000),
        (3000, 5000),
    ]
    counts = (await browser.get(f"/api/v1/cameras/{PORCH}/heat", params=asked)).json()["counts"]
    assert len(counts) == COLUMNS * ROWS
    assert sorted({*counts}) == [0, 3, 27]


@pytest.mark.parametrize("box", ["", "1,2", "a,b,c,d", "0.5,0.5,0.1,0.9", "0,0,2,1", "nan,0,1,1"])
async def test_what_is_no_part_of_a_picture_is_refused(house: House, box: str) -> None:
    asked: dict[str, str | int] = {"from_ms": 0, "to_ms": 1000, "box": box}
    answer = await house.signed_in().get(f"/api/v1/cameras/{PORCH}/motion-search", params=asked)
    assert answer.status_code == 400
    assert "Invalid area" in answer.json()["message"]


async def test_a_month_at_most(house: House) -> None:
    asked = {"from_ms": 0, "to_ms": 40 * 86_400_000}
    assert (await house.signed_in().get(f"/api/v1/cameras/{PORCH}/heat", params=asked)).status_code == 400


@pytest.fixture
def seen(house: House) -> Iterator[list[Event]]:
    """A red car on the porch, another in the yard, and a blue one; all are measured."""
    events, pictures = list[Event](), dict[EventId, bytes]()
    start_ms = house.clock.now_ms() - 3_600_000
    for number, (paint, camera) in enumerate((("red", PORCH), ("red", YARD), ("blue", PORCH))):
        made = made_event(f"{number}{paint}", start_ms + number * 60_000, "car", (paint,))
        event = replace(made.event, camera=camera)
        house.recorder.index.put_event(event)
        events.append(event)
        pictures[event.id] = made.jpeg
    source = AppearanceSource(house.recorder.index, lambda event: pictures.get(event.id), lambda _: False, lambda: 0.0)
    model = SearchModel(SearchSettings, {})
    service = AppearanceService(lambda: AppearanceDb(None), source, model, house.clock)
    while service.step() < IDLE_S:
        pass
    house.site.appearance = service
    yield events
    service.finish()


async def test_a_colour_is_found_and_why_is_said(house: House, seen: list[Event]) -> None:
    answer = (await house.signed_in().get("/api/v1/find", params={"q": "red car"})).json()
    assert [one["id"] for one in answer["items"]] == [seen[1].id, seen[0].id]
    assert set(answer["why"].values()) == {"red, car"}
    assert all(0.5 < score <= 1 for score in answer["scores"].values())
    assert answer["measured_to_ms"] is None


async def test_like_this_one(house: House, seen: list[Event]) -> None:
    answer = (await house.signed_in().get("/api/v1/find", params={"q": "anything", "like": seen[0].id})).json()
    assert [one["id"] for one in answer["items"]] == [seen[1].id]
    assert answer["time"] == "any time"
    missing = await house.signed_in().get("/api/v1/find", params={"q": "anything", "like": "none"})
    assert (missing.status_code, missing.json()["message"]) == (404, "Event not found.")


async def test_looks_of_hidden_cameras_are_not_found(house: House, seen: list[Event]) -> None:
    person = house.accounts.put_person("Ben", Role.VIEWER)
    person = house.accounts.change_person(person, Role.VIEWER, [PORCH])
    browser = house.browser(house.accounts.begin_session(person, Caller("127.0.0.1")))
    answer = (await browser.get("/api/v1/find", params={"q": "red car"})).json()
    assert ([one["id"] for one in answer["items"]], set(answer["why"])) == ([seen[0].id], {seen[0].id})
    hidden = await browser.get("/api/v1/find", params={"q": "anything", "like": seen[1].id})
    assert (hidden.status_code, hidden.json()["message"]) == (404, "Event not found.")


async def test_a_time_replaces_that_of_the_words(house: House, seen: list[Event]) -> None:
    asked: dict[str, str | int] = {"q": "red car today", "from_ms": seen[1].start_ms}
    answer = (await house.signed_in().get("/api/v1/find", params=asked)).json()
    assert [one["id"] for one in answer["items"]] == [seen[1].id]

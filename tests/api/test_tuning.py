"""Scores, what-if, feedback and proposals over the API."""

import httpx
import pytest

from tawny.api.auth.accounts import Role
from tawny.model.geometry import grid_of
from tawny.model.observations import ObjectPath, PathPoint
from tests.api.fakes import House
from tests.api.test_past import put_event


@pytest.fixture
def browser(house: House) -> httpx.AsyncClient:
    return house.signed_in(Role.MEMBER)


def score(house: House, before_now_s: int, value: int) -> None:
    house.recorder.score[house.clock.now_ms() // 1000 - before_now_s] = value


async def test_a_day_of_scores_is_a_byte_a_second(house: House, browser: httpx.AsyncClient) -> None:
    now_ms = house.clock.now_ms()
    score(house, 10, 77)
    answer = await browser.get(f"/api/v1/cameras/porch/motion?from_ms={now_ms - 60_000}&to_ms={now_ms}")
    assert answer.status_code == 200
    assert len(answer.content) in (60, 61)
    assert answer.content.count(77) == 1
    assert answer.content[-10] == 77 or answer.content[-11] == 77
    assert set(answer.content) == {77, 255}


async def test_what_if_names_what_is_missed_and_what_is_new(house: House, browser: httpx.AsyncClient) -> None:
    event = put_event(house)  # a minute ago
    score(house, 60, 65)
    score(house, 300, 40)
    at_70 = (await browser.post("/api/v1/cameras/porch/threshold-preview", json={"level": 70})).json()
    assert (at_70["still"], [one["id"] for one in at_70["missed"]], at_70["newly"]) == ([], [event.id], [])
    at_30 = (await browser.post("/api/v1/cameras/porch/threshold-preview", json={"level": 30})).json()
    assert (at_30["still"], at_30["missed"]) == ([event.id], [])
    assert [one["score"] for one in at_30["newly"]] == [40]


@pytest.mark.parametrize("kind", ["doorbell", "line", "manual", "sound"])
async def test_events_that_motion_did_not_cause_are_not_simulated(
    house: House, browser: httpx.AsyncClient, kind: str
) -> None:
    put_event(house, kind=kind)
    score(house, 60, 20)
    made = (await browser.post("/api/v1/cameras/porch/threshold-preview", json={"level": 70})).json()
    assert (made["still"], made["missed"], made["unknown"]) == ([], [], [])


@pytest.mark.parametrize("level", [0, 101, "high"])
async def test_levels_that_are_none_are_refused(browser: httpx.AsyncClient, level: object) -> None:
    assert (await browser.post("/api/v1/cameras/porch/threshold-preview", json={"level": level})).status_code == 422


async def test_cameras_that_are_not_there(browser: httpx.AsyncClient) -> None:
    assert (await browser.post("/api/v1/cameras/none/threshold-preview", json={"level": 60})).status_code == 404


async def test_a_false_alarm_is_kept_with_its_reason_and_taken_back(house: House, browser: httpx.AsyncClient) -> None:
    event = put_event(house)
    data = (await browser.post(f"/api/v1/events/{event.id}/feedback", json={"false_alarm": "shadow"})).json()
    assert (data["false_alarm"], data["reviewed"]) == ("shadow", True)
    stored = house.recorder.index.event(event.id)
    assert stored is not None
    assert stored.false_alarm == "shadow"
    data = (await browser.post(f"/api/v1/events/{event.id}/feedback", json={"false_alarm": ""})).json()
    assert data["false_alarm"] == ""


async def test_an_event_that_was_marked_as_new_stays_new_when_its_feedback_is_taken_back(
    house: House, browser: httpx.AsyncClient
) -> None:
    event = put_event(house, said="animal")
    data = (await browser.post(f"/api/v1/events/{event.id}/feedback", json={"labeled_as": ""})).json()
    assert (data["labeled_as"], data["reviewed"]) == ("", False)


async def test_what_it_was_is_kept_and_it_is_sorted_by_that(house: House, browser: httpx.AsyncClient) -> None:
    event = put_event(house)
    data = (await browser.post(f"/api/v1/events/{event.id}/feedback", json={"labeled_as": "animal"})).json()
    assert (data["labeled_as"], data["display_type"], data["type"], data["false_alarm"]) == (
        "animal",
        "animal",
        "person",
        "",
    )
    assert data["title"].startswith("Animal")
    assert (await browser.get("/api/v1/events", params={"types": "animal"})).json()["items"] == [data]
    data = (await browser.post(f"/api/v1/events/{event.id}/feedback", json={"labeled_as": ""})).json()
    assert (data["labeled_as"], data["display_type"]) == ("", "person")
    assert (await browser.post(f"/api/v1/events/{event.id}/feedback", json={"labeled_as": "ghost"})).status_code == 422


async def test_feedback_needs_a_known_reason_and_an_event(house: House, browser: httpx.AsyncClient) -> None:
    event = put_event(house)
    answer = await browser.post(f"/api/v1/events/{event.id}/feedback", json={"false_alarm": "bored"})
    assert answer.status_code == 422
    assert (await browser.post("/api/v1/events/none/feedback", json={"false_alarm": "other"})).status_code == 404


async def test_three_false_alarms_lead_to_a_proposal(house: House, browser: httpx.AsyncClient) -> None:
    for n in range(4):
        put_event(house, number=n * 10, false_alarm="weather" if n < 3 else "")
        for second in range(2):
            score(house, 60 - n * 10 - second, 90 if n == 3 else 55 + n)
    path = "/api/v1/cameras/porch/proposal"
    made = (await browser.get(f"{path}?reason=weather")).json()
    assert (made["level"], len(made["removes"]), made["leaves"], made["loses"]) == (58, 3, [], [])
    none = (await browser.get(f"{path}?reason=shadow")).json()
    assert none == {"level": None, "removes": [], "leaves": [], "loses": []}


async def test_where_no_level_helps_that_is_told(house: House, browser: httpx.AsyncClient) -> None:
    for n in range(4):
        put_event(house, number=n * 10, false_alarm="weather" if n < 3 else "")
        for second in range(2):
            score(house, 60 - n * 10 - second, 55 if n == 3 else 90)
    made = (await browser.get("/api/v1/cameras/porch/proposal?reason=weather")).json()
    assert (made["level"], len(made["leaves"])) == (None, 3)


async def test_false_alarms_that_the_level_in_use_removes_are_not_told(
    house: House, browser: httpx.AsyncClient
) -> None:
    for n in range(4):
        put_event(house, number=n * 10, false_alarm="weather" if n < 3 else "")
        for second in range(2):
            score(house, 60 - n * 10 - second, 90 if n == 3 else 20 + n)
    made = (await browser.get("/api/v1/cameras/porch/proposal?reason=weather")).json()
    assert (made["level"], made["leaves"]) == (None, [])


async def test_a_spot_is_searched(house: House, browser: httpx.AsyncClient) -> None:
    now_ms = house.clock.now_ms()
    left, right = grid_of((0.1, 0.1, 0.2, 0.2)), grid_of((0.8, 0.8, 0.9, 0.9))
    house.recorder.moved = [(now_ms - 9000, left), (now_ms - 8000, left), (now_ms - 5000, right), (now_ms - 2000, left)]
    path = f"/api/v1/cameras/porch/search?from_ms={now_ms - 60_000}&to_ms={now_ms}"
    found = (await browser.get(f"{path}&x0=0.05&y0=0.05&x1=0.25&y1=0.25")).json()
    assert found["spans"] == [[now_ms - 2000, now_ms - 1000], [now_ms - 9000, now_ms - 7000]]


async def test_the_small_pictures_of_an_event(house: House, browser: httpx.AsyncClient) -> None:
    event = put_event(house)
    assert (await browser.get(f"/api/v1/events/{event.id}/loop")).status_code == 404
    house.recorder.event_loops[event.id] = b"\xff\xd8jpeg"
    answer = await browser.get(f"/api/v1/events/{event.id}/loop")
    assert (answer.status_code, answer.content) == (200, b"\xff\xd8jpeg")


async def test_the_objects_of_an_event(house: House, browser: httpx.AsyncClient) -> None:
    event = put_event(house)
    assert (await browser.get(f"/api/v1/events/{event.id}/objects")).json() == {"items": []}
    points = (PathPoint(event.start_ms, (0.1, 0.2, 0.3, 0.4)), PathPoint(event.start_ms + 400, (0.2, 0.2, 0.4, 0.4)))
    house.recorder.event_paths[event.id] = (ObjectPath(3, "animal", "cat", 0.91, points),)
    answer = await browser.get(f"/api/v1/events/{event.id}/objects")
    assert answer.json()["items"] == [
        {
            "track": 3, "kind": "animal", "label": "cat", "score": 0.91,
            "start_ms": event.start_ms, "end_ms": event.start_ms + 400,
            "path": [[event.start_ms, 0.1, 0.2, 0.3, 0.4], [event.start_ms + 400, 0.2, 0.2, 0.4, 0.4]],
        }
    ]  # fmt: skip
    assert (await browser.get("/api/v1/events/none/objects")).status_code == 404


async def test_scores_of_a_zone(house: House, browser: httpx.AsyncClient) -> None:
    now_ms = house.clock.now_ms()
    path = f"/api/v1/cameras/porch/motion?from_ms={now_ms - 60_000}&to_ms={now_ms}"
    assert set((await browser.get(f"{path}&zone=path")).content) == {0}
    assert (await browser.get(f"{path}&zone=../path")).status_code == 422


async def test_scores_of_sound(house: House, browser: httpx.AsyncClient) -> None:
    now_ms = house.clock.now_ms()
    answer = await browser.get(f"/api/v1/cameras/porch/sound?from_ms={now_ms - 60_000}&to_ms={now_ms}")
    assert (answer.status_code, set(answer.content)) == (200, {0})
    assert int(answer.headers["X-Begin-Ms"]) == (now_ms - 60_000) // 1000 * 1000
    motion = f"/api/v1/cameras/porch/motion?from_ms={now_ms - 60_000}&to_ms={now_ms}&zone=~sound"
    assert (await browser.get(motion)).status_code == 422

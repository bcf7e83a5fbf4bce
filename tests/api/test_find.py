"""Questions in words, a spot in the picture, and the heat of a day, over HTTP."""

import pytest

from tawny.model.events import Event
from tawny.model.ids import EventId
from tawny.model.polygon import COLUMNS, ROWS, grid_of
from tests.api.fakes import House
from tests.playback.archives import PORCH

SPOT = (0.1, 0.1, 0.2, 0.2)


async def test_a_question_is_answered_and_says_how_it_was_understood(house: House) -> None:
    now_ms = house.clock.now_ms()
    event = Event(EventId("seen"), PORCH, "person", now_ms - 60_000, now_ms - 50_000, 80.0)
    house.recorder.index.put_event(event)
    house.recorder.index.put_event(Event(EventId("other"), PORCH, "vehicle", now_ms - 40_000, now_ms - 30_000, 80.0))
    answer = (
        await house.signed_in().get("/api/v1/find", params={"q": "people front door in the last hour, purple"})
    ).json()
    assert [one["id"] for one in answer["items"]] == ["seen"]
    assert (answer["time"], answer["unknown"]) == ("in the last hour", ["purple"])


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

"""False alarms that are alike can be muted over the API, listed, renewed and removed."""

import httpx
import pytest

from tawny.api.auth.accounts import Role
from tawny.model.events import Event
from tests.api.fakes import House
from tests.api.test_past import put_event

PATH = "/api/v1/cameras/porch/mutings"


@pytest.fixture
def owner(house: House) -> httpx.AsyncClient:
    return house.signed_in(Role.OWNER)


def flagged(house: House, count: int) -> list[Event]:
    about = {"kind": "motion", "box": (0.1, 0.2, 0.3, 0.4), "false_alarm": "shadow"}
    return [put_event(house, number, **about) for number in range(count)]


async def test_five_alike_are_offered_muted_and_unmuted(house: House, owner: httpx.AsyncClient) -> None:
    events = flagged(house, 5)
    data = (await owner.get(PATH)).json()
    assert data["items"] == []
    (offer,) = data["offers"]
    assert (offer["type"], offer["title"], offer["when"]) == ("motion", "Motion", "day")
    assert offer["events"] == [one.id for one in reversed(events)]
    answer = await owner.post(PATH, json={"event": events[3].id})
    assert answer.status_code == 200
    (made,) = answer.json()["items"]
    assert (made["count"], made["last_ms"], made["ended"], made["until_ms"] - made["made_ms"]) == (
        0, None, False, 90 * 86_400_000,
    )  # fmt: skip
    assert answer.json()["offers"] == []
    house.clock.advance(91 * 86_400)
    owner = house.signed_in(Role.OWNER)
    assert (await owner.get(PATH)).json()["items"][0]["ended"]
    assert not (await owner.post(f"{PATH}/{made['id']}/renew")).json()["items"][0]["ended"]
    assert (await owner.delete(f"{PATH}/{made['id']}")).json()["items"] == []
    assert (await owner.delete(f"{PATH}/{made['id']}")).status_code == 404
    assert (await owner.post(f"{PATH}/{made['id']}/renew")).status_code == 404


async def test_four_are_too_few(house: House, owner: httpx.AsyncClient) -> None:
    events = flagged(house, 4)
    answer = await owner.post(PATH, json={"event": events[0].id})
    assert answer.status_code == 409
    assert "fewer than 5" in answer.json()["message"]
    assert (await owner.post(PATH, json={"event": "no event"})).status_code == 422


async def test_members_see_what_is_muted_and_only_owners_change_it(house: House) -> None:
    events = flagged(house, 5)
    member = house.signed_in(Role.MEMBER)
    assert len((await member.get(PATH)).json()["offers"]) == 1
    assert (await member.post(PATH, json={"event": events[0].id})).status_code == 403
    assert (await member.delete(f"{PATH}/00")).status_code == 403


async def test_an_event_says_that_it_is_muted(house: House, owner: httpx.AsyncClient) -> None:
    put_event(house, muted="ab12")
    put_event(house, 1)
    data = (await owner.get("/api/v1/events")).json()["items"]
    assert [one["muted"] for one in data] == [False, True]

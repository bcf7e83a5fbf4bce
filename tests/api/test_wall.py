"""The wall as each person has laid it out."""

from tawny.api.auth.accounts import Caller, Role
from tawny.model.ids import CameraId
from tests.api.fakes import House

MINE = {
    "order": ["porch", "yard"],
    "groups": [{"name": "Outside", "cameras": ["porch", "yard"]}],
    "group": "Outside",
    "columns": 3,
}


async def test_it_is_the_same_on_every_device_and_nobody_elses(house: House) -> None:
    anna = house.accounts.put_person("Anna", Role.VIEWER)
    phone, desk = (house.browser(house.accounts.begin_session(anna, Caller("127.0.0.1"))) for _ in range(2))
    assert (await phone.put("/api/v1/wall", json=MINE)).status_code == 200
    assert (await desk.get("/api/v1/wall")).json() == MINE
    other = await house.signed_in(Role.VIEWER).get("/api/v1/wall")
    assert other.json() == {"order": [], "groups": [], "group": "", "columns": 0}


async def test_cameras_that_may_not_be_seen_are_not_in_it(house: House) -> None:
    anna = house.accounts.put_person("Anna", Role.VIEWER)
    browser = house.browser(house.accounts.begin_session(anna, Caller("127.0.0.1")))
    await browser.put("/api/v1/wall", json=MINE)
    house.accounts.change_person(anna, Role.VIEWER, [CameraId("yard")])
    assert "porch" not in (await browser.get("/api/v1/wall")).text


async def test_what_cannot_be_read_any_more_is_the_usual_wall(house: House) -> None:
    anna = house.accounts.put_person("Anna", Role.VIEWER)
    house.accounts.put_wall(anna, '{"order": 7}')
    browser = house.browser(house.accounts.begin_session(anna, Caller("127.0.0.1")))
    assert (await browser.get("/api/v1/wall")).json()["order"] == []


async def test_it_goes_with_the_person(house: House) -> None:
    anna = house.accounts.put_person("Anna", Role.VIEWER)
    house.accounts.put_wall(anna, "{}")
    house.accounts.remove_person(anna)
    assert house.accounts.wall(anna) == ""


async def test_too_much_is_refused(house: House) -> None:
    answer = await house.signed_in().put("/api/v1/wall", json={"order": ["a"] * 65})
    assert answer.status_code == 422

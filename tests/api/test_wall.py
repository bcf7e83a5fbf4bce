"""The wall as each person has laid it out."""

from dataclasses import replace
from typing import Any

import httpx
import pytest

from tawny.api.auth.accounts import Account, Caller, Role
from tawny.model.ids import CameraId
from tests.api.fakes import House

MINE: dict[str, Any] = {
    "order": ["porch", "yard"],
    "groups": [
        {
            "id": "outside",
            "name": "Outside",
            "cameras": ["porch", "yard"],
            "sizes": {"yard": "2x1"},
            "columns": 4,
            "shared": False,
        }
    ],
    "group": "outside",
    "columns": 3,
}
EMPTY = {"order": [], "groups": [], "group": "", "columns": 0, "shared": [], "plan": False}


@pytest.fixture(autouse=True)
def _two_cameras(house: House) -> None:
    (porch,) = house.recorder.listed
    house.recorder.listed.append(replace(porch, status=replace(porch.status, id=CameraId("yard"), name="Yard")))


def someone(house: House, name: str, role: Role = Role.VIEWER) -> tuple[Account, httpx.AsyncClient]:
    person = house.accounts.put_person(name, role)
    return person, house.browser(house.accounts.begin_session(person, Caller("127.0.0.1")))


async def test_it_is_the_same_on_every_device_and_nobody_elses(house: House) -> None:
    anna, phone = someone(house, "Anna")
    desk = house.browser(house.accounts.begin_session(anna, Caller("127.0.0.1")))
    assert (await phone.put("/api/v1/wall", json=MINE)).status_code == 200
    assert (await desk.get("/api/v1/wall")).json() == MINE | {"shared": [], "plan": False}
    _, other = someone(house, "Ben")
    assert (await other.get("/api/v1/wall")).json() == EMPTY


async def test_cameras_that_may_not_be_seen_or_are_gone_are_not_in_it(house: House) -> None:
    anna, browser = someone(house, "Anna")
    await browser.put("/api/v1/wall", json=MINE)
    house.accounts.change_person(anna, Role.VIEWER, [CameraId("yard")])
    assert "porch" not in (await browser.get("/api/v1/wall")).text
    house.recorder.listed = [one for one in house.recorder.listed if one.status.id != "yard"]
    left = (await browser.get("/api/v1/wall")).json()["groups"][0]
    assert (left["cameras"], left["sizes"]) == ([], {})


@pytest.mark.parametrize(
    ("names", "ids"),
    [
        (["Entrance", "Entrance"], ["entrance", "entrance-2"]),
        (["Türen & Tore"], ["turen-tore"]),
        (["玄関"], ["layout"]),
    ],
)
async def test_a_new_layout_gets_an_address_of_its_own(house: House, names: list[str], ids: list[str]) -> None:
    _, browser = someone(house, "Anna")
    answer = await browser.put("/api/v1/wall", json={"groups": [{"name": name, "cameras": ["yard"]} for name in names]})
    assert [layout["id"] for layout in answer.json()["groups"]] == ids


async def test_an_address_stays_when_the_layout_is_renamed(house: House) -> None:
    _, browser = someone(house, "Anna")
    renamed = MINE | {"groups": [MINE["groups"][0] | {"name": "Garden"}]}
    answer = await browser.put("/api/v1/wall", json=renamed)
    assert (answer.json()["groups"][0]["id"], answer.json()["groups"][0]["name"]) == ("outside", "Garden")


async def test_what_an_owner_shares_everyone_has_without_cameras_hidden_from_them(house: House) -> None:
    _, owner = someone(house, "Olga", Role.OWNER)
    ben, viewer = someone(house, "Ben")
    shared = MINE["groups"][0] | {"shared": True}
    await owner.put("/api/v1/wall", json=MINE | {"groups": [shared]})
    assert (await viewer.get("/api/v1/wall")).json()["shared"] == [shared]
    assert (await owner.get("/api/v1/wall")).json()["shared"] == []
    house.accounts.change_person(ben, Role.VIEWER, [CameraId("yard")])
    (seen,) = (await viewer.get("/api/v1/wall")).json()["shared"]
    assert seen["cameras"] == ["yard"]
    house.accounts.change_person(ben, Role.VIEWER, [CameraId("elsewhere")])
    assert (await viewer.get("/api/v1/wall")).json()["shared"] == []


async def test_a_shared_layout_of_the_same_name_has_another_address(house: House) -> None:
    _, owner = someone(house, "Olga", Role.OWNER)
    _, viewer = someone(house, "Ben")
    await owner.put("/api/v1/wall", json=MINE | {"groups": [MINE["groups"][0] | {"shared": True}]})
    await viewer.put("/api/v1/wall", json=MINE)
    data = (await viewer.get("/api/v1/wall")).json()
    assert [one["id"] for one in data["groups"] + data["shared"]] == ["outside", "outside-2"]


@pytest.mark.parametrize("role", [Role.VIEWER, Role.MEMBER])
async def test_only_owners_share(house: House, role: Role) -> None:
    _, browser = someone(house, "Anna", role)
    answer = await browser.put("/api/v1/wall", json=MINE | {"groups": [MINE["groups"][0] | {"shared": True}]})
    assert answer.json()["groups"][0]["shared"] is False
    _, other = someone(house, "Ben")
    assert (await other.get("/api/v1/wall")).json()["shared"] == []


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


@pytest.mark.parametrize(
    "wall",
    [
        {"order": ["a"] * 513},
        {"columns": 7},
        {"groups": [{"name": "A", "cameras": ["yard"], "sizes": {"yard": "9x9"}}]},
        {"groups": [{"name": "", "cameras": ["yard"]}]},
        {"groups": [{"id": "../x", "name": "A", "cameras": ["yard"]}]},
        {"groups": [{"name": str(n), "cameras": []} for n in range(21)]},
    ],
)
async def test_what_no_layout_is_or_too_much_is_refused(house: House, wall: dict[str, Any]) -> None:
    assert (await house.signed_in().put("/api/v1/wall", json=wall)).status_code == 422


async def test_it_takes_all_cameras_of_a_large_site(house: House) -> None:
    many = [f"cam-{number}" for number in range(300)]
    wall = {"order": many, "groups": [{"name": "All", "cameras": many, "sizes": dict.fromkeys(many, "2x1")}]}
    assert (await house.signed_in().put("/api/v1/wall", json=wall)).status_code == 200


async def test_what_is_not_sent_stays(house: House) -> None:
    _, browser = someone(house, "Anna")
    await browser.put("/api/v1/wall", json=MINE)
    assert (await browser.put("/api/v1/wall", json={"group": ""})).json() == MINE | {
        "group": "",
        "shared": [],
        "plan": False,
    }

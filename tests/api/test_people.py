from dataclasses import replace

import httpx
import pytest

from tawny.api.auth.accounts import Caller, Role
from tawny.model.errors import DiskFull
from tawny.model.ids import CameraId
from tests.api.fakes import House


@pytest.fixture
def owner(house: House) -> httpx.AsyncClient:
    return house.signed_in(Role.OWNER)


async def test_a_viewer_is_invited_by_a_link_that_signs_in(house: House, owner: httpx.AsyncClient) -> None:
    made = (await owner.post("/api/v1/people", json={"name": "Ben", "cameras": ["porch"]})).json()
    assert (made["person"]["role"], made["person"]["cameras"]) == ("viewer", ["porch"])
    token = made["link"].partition("#link=")[2]
    signed = await house.browser().post("/api/v1/sign-in/link", json={"token": token})
    assert signed.json()["user"]["name"] == "Ben"


async def test_a_name_is_there_once(owner: httpx.AsyncClient) -> None:
    await owner.post("/api/v1/people", json={"name": "Ben"})
    again = await owner.post("/api/v1/people", json={"name": "ben"})
    assert (again.status_code, again.json()["code"]) == (409, "name_taken")


async def test_a_refused_link_leaves_the_one_before(owner: httpx.AsyncClient) -> None:
    anna, _ = [
        (await owner.post("/api/v1/people", json={"name": name, "linked": f"{name}@example.org"})).json()["person"]
        for name in ("anna", "ben")
    ]
    change = {"role": "viewer", "linked": "ben@example.org"}
    refused = await owner.patch(f"/api/v1/people/{anna['id']}", json=change)
    assert (refused.status_code, refused.json()["code"]) == (409, "linked_already")
    found = (await owner.get("/api/v1/people")).json()["items"]
    assert {one["name"]: one["linked"] for one in found if one["linked"]} == {
        "anna": "anna@example.org",
        "ben": "ben@example.org",
    }


async def test_a_user_whose_link_is_taken_is_not_added(owner: httpx.AsyncClient) -> None:
    await owner.post("/api/v1/people", json={"name": "Ben", "linked": "ben@example.org"})
    carl = {"name": "Carl", "linked": "Ben@example.org"}
    refused = await owner.post("/api/v1/people", json=carl)
    assert (refused.status_code, refused.json()["code"]) == (409, "linked_already")
    assert (await owner.post("/api/v1/people", json=carl | {"linked": "carl@example.org"})).status_code == 200


async def test_a_guest_never_has_more_rights_than_given(
    house: House, owner: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as when tawny stops between two writes."""

    def fail(*_: object) -> None:
        raise DiskFull("/data")

    monkeypatch.setattr(house.accounts, "change_person", fail)
    ends_ms = house.clock.now_ms() + 1000
    guest = {"name": "Gina", "role": "guest", "cameras": ["porch"], "ends_ms": ends_ms}
    await owner.post("/api/v1/people", json=guest)
    gina = house.accounts.find("Gina")
    assert gina is None or (gina[0].cameras, gina[0].ends_ms) == (frozenset({CameraId("porch")}), ends_ms)


async def test_rights_are_changed(house: House, owner: httpx.AsyncClient) -> None:
    made = (await owner.post("/api/v1/people", json={"name": "Ben"})).json()["person"]
    path = f"/api/v1/people/{made['id']}"
    changed = await owner.patch(path, json={"role": "viewer", "cameras": ["porch"]})
    assert changed.json()["cameras"] == ["porch"]
    ben = next(one for one in house.accounts.people() if one.name == "Ben")
    assert not ben.may_see(CameraId("yard"))


async def test_what_is_not_named_stays(house: House, owner: httpx.AsyncClient) -> None:
    """Another owner may have changed it since the page was loaded."""
    end = {"role": "guest", "ends_ms": house.clock.now_ms() + 86_400_000}
    made = (await owner.post("/api/v1/people", json={"name": "Ben", **end})).json()
    path = f"/api/v1/people/{made['person']['id']}"
    await owner.patch(path, json={"role": "guest", "linked": "ben@example.org"})
    after = [
        (await owner.patch(path, json=change)).json()
        for change in ({"role": "guest", "cameras": ["porch"]}, {"role": "viewer"})
    ]
    assert [(one["role"], one["cameras"], one["ends_ms"], one["linked"]) for one in after] == [
        ("guest", ["porch"], end["ends_ms"], "ben@example.org"),
        ("viewer", ["porch"], None, "ben@example.org"),
    ]
    assert (await owner.patch(path, json={"role": "guest"})).status_code == 400


async def test_somebody_remains_who_may_do_everything(house: House, owner: httpx.AsyncClient) -> None:
    (only,) = (await owner.get("/api/v1/people")).json()["items"]
    path = f"/api/v1/people/{only['id']}"
    answers = [await owner.delete(path), await owner.patch(path, json={"role": "viewer"})]
    assert [answer.json()["code"] for answer in answers] == ["last_owner", "last_owner"]
    assert house.accounts.has_owner()


async def test_who_is_removed_is_out(house: House, owner: httpx.AsyncClient) -> None:
    viewer = house.signed_in(Role.VIEWER)
    ben = next(one for one in house.accounts.people() if one.role is Role.VIEWER)
    assert (await viewer.get("/api/v1/cameras")).status_code == 200
    await owner.delete(f"/api/v1/people/{ben.id}")
    assert (await viewer.get("/api/v1/cameras")).status_code == 401


async def test_a_pass_shows_its_cameras_until_it_is_taken_back(house: House, owner: httpx.AsyncClient) -> None:
    made = (await owner.post("/api/v1/access-tokens", json={"name": "TV", "cameras": ["porch"]})).json()
    path, other = "/api/v1/cameras/porch/snapshot", "/api/v1/cameras/yard/snapshot"
    nobody, secret = house.browser(), made["secret"]
    assert (await nobody.get(path, params={"pass": secret})).json()["code"] == "no_picture"
    assert (await nobody.get(path, headers={"Authorization": f"Bearer {secret}"})).json()["code"] == "no_picture"
    assert (await nobody.get(other, params={"pass": secret})).json()["code"] == "not_found"
    await owner.delete(f"/api/v1/access-tokens/{made['made']['id']}")
    assert (await nobody.get(path, params={"pass": secret})).status_code == 401


@pytest.mark.parametrize("path", ["people", "access-tokens"])
async def test_access_to_most_cameras_of_a_large_site_is_granted(
    house: House, owner: httpx.AsyncClient, path: str
) -> None:
    many = [CameraId(f"cam-{number}") for number in range(300)]
    (porch,) = house.recorder.listed
    house.recorder.listed += [replace(porch, status=replace(porch.status, id=one)) for one in many]
    assert (await owner.post(f"/api/v1/{path}", json={"name": "Ben", "cameras": many})).status_code == 200


async def test_p4_what_owners_do_is_in_the_log(owner: httpx.AsyncClient) -> None:
    await owner.post("/api/v1/people", json={"name": "Ben"})
    rows = (await owner.get("/api/v1/audit")).json()["items"]
    assert (rows[0]["action"], rows[0]["detail"]) == ("user added", "Ben: viewer, sees all cameras")


async def test_the_log_says_what_was_granted(owner: httpx.AsyncClient) -> None:
    made = await owner.post("/api/v1/people", json={"name": "Ben", "cameras": ["porch"]})
    path = f"/api/v1/people/{made.json()['person']['id']}"
    for change in ({"cameras": None, "linked": "ben@example.org"}, {"cameras": ["porch"], "linked": "Ben@example.org"}):
        assert (await owner.patch(path, json={"role": "viewer", **change})).status_code == 200
    await owner.post("/api/v1/access-tokens", json={"name": "TV", "cameras": ["porch"]})
    rows = (await owner.get("/api/v1/audit")).json()["items"]
    assert [(row["action"], row["detail"]) for row in rows[:5]] == [
        ("access token created", "TV: porch"),
        ("user changed", "Ben: viewer, sees all cameras -> porch"),
        ("user changed", "Ben: viewer, sees porch -> all cameras"),
        ("user linked", "Ben: ben@example.org"),
        ("user added", "Ben: viewer, sees porch"),
    ]


@pytest.mark.parametrize("path", ["/api/v1/people/nobody", "/api/v1/access-tokens/none"])
async def test_who_is_not_there_cannot_be_removed(owner: httpx.AsyncClient, path: str) -> None:
    assert (await owner.delete(path)).status_code == 404


@pytest.fixture
def stale(house: House) -> httpx.AsyncClient:
    """An owner's browser, an hour after the sign-in."""
    browser = house.browser(house.accounts.begin_session(house.accounts.put_person("Olga", Role.OWNER), Caller("::1")))
    house.clock.advance(3600)
    return browser


async def test_a_page_left_open_makes_no_owner(house: House, stale: httpx.AsyncClient) -> None:
    ben = house.accounts.put_person("Ben", Role.VIEWER)
    me = next(one for one in house.accounts.people() if one.name == "Olga")
    for answer in (
        await stale.post(f"/api/v1/people/{me.id}/link"),
        await stale.post("/api/v1/people", json={"name": "Eve", "role": "owner"}),
        await stale.patch(f"/api/v1/people/{ben.id}", json={"role": "owner"}),
        await stale.patch(f"/api/v1/people/{me.id}", json={"role": "owner", "linked": "eve@example.org"}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "confirm_first")
    assert [(one.name, one.role) for one in house.accounts.people() if one.role is Role.OWNER] == [("Olga", Role.OWNER)]


async def test_others_are_invited_without_a_password(house: House, stale: httpx.AsyncClient) -> None:
    ben = house.accounts.put_person("Ben", Role.VIEWER)
    for answer in (
        await stale.post("/api/v1/people", json={"name": "Eve"}),
        await stale.post(f"/api/v1/people/{ben.id}/link"),
        await stale.patch(f"/api/v1/people/{ben.id}", json={"role": "member"}),
    ):
        assert answer.status_code == 200

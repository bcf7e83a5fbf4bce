"""The floor plan: who may change it, what it takes, and that hidden cameras are not on it."""

import stat
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from tawny.api.auth.accounts import Caller, Role
from tawny.api.auth.accounts_file import AccountsFile
from tawny.api.live.plan_routes import MOST_BYTES
from tawny.model.ids import CameraId
from tests.api.fakes import House

PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)
PLACES = [
    {"camera": "porch", "x": 0.2, "y": 0.3, "looks": 90.0, "angle": 80.0, "reach": 0.3},
    {"camera": "yard", "x": 0.7, "y": 0.8, "looks": 0.0, "angle": 90.0, "reach": 0.2},
]


@pytest.fixture(autouse=True)
def _two_cameras(house: House) -> None:
    (porch,) = house.recorder.listed
    house.recorder.listed.append(replace(porch, status=replace(porch.status, id=CameraId("yard"), name="Yard")))


@pytest.fixture
def owner(house: House) -> httpx.AsyncClient:
    return house.signed_in(Role.OWNER)


def shown(answer: httpx.Response) -> tuple[int, list[Any]]:
    return answer.json()["version"], answer.json()["cameras"]


@pytest.mark.parametrize(("image", "kind"), [(PNG, "image/png"), (b"\xff\xd8\xff\xe0" + bytes(9), "image/jpeg")])
async def test_an_image_is_kept_as_it_was_sent(owner: httpx.AsyncClient, image: bytes, kind: str) -> None:
    assert shown(await owner.get("/api/v1/plan")) == (0, [])
    assert (await owner.get("/api/v1/wall")).json()["plan"] is False
    assert (await owner.put("/api/v1/plan/image", content=image)).json()["version"] == 1
    answer = await owner.get("/api/v1/plan/image")
    assert (answer.content, answer.headers["content-type"]) == (image, kind)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert (await owner.get("/api/v1/wall")).json()["plan"] is True


@pytest.mark.parametrize(
    "image", [b"", b"<svg onload='alert(1)'/>", b"GIF89a", PNG[1:]], ids=["nothing", "svg", "gif", "cut"]
)
async def test_what_is_no_image_is_refused_and_the_old_one_stays(owner: httpx.AsyncClient, image: bytes) -> None:
    await owner.put("/api/v1/plan/image", content=PNG)
    answer = await owner.put("/api/v1/plan/image", content=image)
    assert (answer.status_code, answer.json()["message"]) == (400, "This is no PNG or JPEG image.")
    assert (await owner.get("/api/v1/plan/image")).content == PNG


async def test_too_large_an_image_is_refused(owner: httpx.AsyncClient) -> None:
    async def large() -> AsyncIterator[bytes]:
        yield PNG
        yield bytes(MOST_BYTES)

    answer = await owner.put("/api/v1/plan/image", content=large())
    assert (answer.status_code, answer.json()["message"]) == (400, "This image is larger than 4 MiB.")
    assert (await owner.get("/api/v1/plan/image")).json()["code"] == "no_picture"


async def test_hidden_cameras_are_not_on_it_nor_removed_ones(house: House, owner: httpx.AsyncClient) -> None:
    await owner.put("/api/v1/plan/image", content=PNG)
    assert (await owner.put("/api/v1/plan/cameras", json={"cameras": PLACES})).json()["cameras"] == PLACES
    ben = house.accounts.put_person("Ben", Role.VIEWER)
    viewer = house.browser(house.accounts.begin_session(ben, Caller("127.0.0.1")))
    house.accounts.change_person(ben, Role.VIEWER, [CameraId("yard")])
    assert (await viewer.get("/api/v1/plan")).json()["cameras"] == PLACES[1:]
    house.recorder.listed = [one for one in house.recorder.listed if one.status.id != "yard"]
    assert (await owner.get("/api/v1/plan")).json()["cameras"] == PLACES[:1]


@pytest.mark.parametrize("known", [True, False], ids=["version", "no version"])
async def test_a_removed_camera_keeps_its_place_until_it_can_no_longer_come_back(
    house: House, owner: httpx.AsyncClient, known: bool
) -> None:
    await owner.put("/api/v1/plan/cameras", json={"cameras": PLACES})
    listed = house.recorder.listed
    house.recorder.listed = [one for one in listed if one.status.id != "yard"]
    moved = PLACES[0] | {"x": 0.9}
    version = (await owner.get("/api/v1/plan")).json()["cameras_version"] if known else None
    answer = await owner.put("/api/v1/plan/cameras", json={"cameras": [moved], "version": version})
    assert answer.json()["cameras"] == [moved]
    house.recorder.listed = listed
    assert (await owner.get("/api/v1/plan")).json()["cameras"] == [moved, PLACES[1]]
    house.accounts.forget_cameras([CameraId("yard")])
    assert (await owner.get("/api/v1/plan")).json()["cameras"] == [moved]


async def test_a_removed_camera_keeps_its_place_though_the_plan_was_deleted_and_restored(
    house: House, owner: httpx.AsyncClient
) -> None:
    await owner.put("/api/v1/plan/cameras", json={"cameras": PLACES})
    listed = house.recorder.listed
    house.recorder.listed = [one for one in listed if one.status.id != "yard"]
    await owner.delete("/api/v1/plan")
    await owner.put("/api/v1/plan/image", content=PNG)
    await owner.put("/api/v1/plan/cameras", json={"cameras": PLACES[:1]})
    house.recorder.listed = listed
    assert (await owner.get("/api/v1/plan")).json()["cameras"] == PLACES


@pytest.mark.parametrize("role", [Role.MEMBER, Role.VIEWER])
async def test_only_owners_change_it(house: House, role: Role) -> None:
    browser = house.signed_in(role)
    asked: list[tuple[str, str, Any]] = [
        ("PUT", "/api/v1/plan/image", PNG),
        ("PUT", "/api/v1/plan/cameras", b'{"cameras": []}'),
        ("DELETE", "/api/v1/plan", None),
    ]
    for method, path, body in asked:
        assert (await browser.request(method, path, content=body)).status_code == 403


async def test_a_large_site_has_all_its_cameras_on_it(owner: httpx.AsyncClient) -> None:
    await owner.put("/api/v1/plan/image", content=PNG)
    many = [{**PLACES[0], "camera": f"cam-{number}"} for number in range(300)]
    assert (await owner.put("/api/v1/plan/cameras", json={"cameras": many})).status_code == 200


async def test_deleting_it_leaves_nothing(house: House, owner: httpx.AsyncClient) -> None:
    await owner.put("/api/v1/plan/image", content=PNG)
    await owner.put("/api/v1/plan/cameras", json={"cameras": PLACES})
    assert (await owner.delete("/api/v1/plan")).status_code == 200
    assert house.accounts.plan()[1:] == (b"", "[]")
    assert shown(await owner.get("/api/v1/plan")) == (0, [])


async def test_a_place_that_another_owner_gave_meanwhile_stays(owner: httpx.AsyncClient) -> None:
    await owner.put("/api/v1/plan/cameras", json={"cameras": PLACES[:1]})
    version = (await owner.get("/api/v1/plan")).json()["cameras_version"]
    first = await owner.put("/api/v1/plan/cameras", json={"cameras": PLACES, "version": version})
    moved = [PLACES[0] | {"x": 0.9}]
    second = await owner.put("/api/v1/plan/cameras", json={"cameras": moved, "version": version})
    assert (first.status_code, second.status_code, second.json()["code"]) == (200, 409, "changed")
    assert (await owner.get("/api/v1/plan")).json()["cameras"] == PLACES
    version = first.json()["cameras_version"]
    assert (await owner.put("/api/v1/plan/cameras", json={"cameras": moved, "version": version})).status_code == 200


@pytest.mark.parametrize("asked", [{}, {"version": None}])
async def test_who_names_no_version_replaces_all_places(owner: httpx.AsyncClient, asked: dict[str, None]) -> None:
    await owner.put("/api/v1/plan/cameras", json={"cameras": PLACES})
    answer = await owner.put("/api/v1/plan/cameras", json={"cameras": PLACES[:1], **asked})
    assert answer.json()["cameras"] == PLACES[:1]


def test_places_are_compared_in_the_same_step_in_which_they_are_written(house: House) -> None:
    assert house.accounts.put_plan(None, '["first"]', "[]")
    assert not house.accounts.put_plan(None, '["second"]', "[]")
    assert house.accounts.plan()[2] == '["first"]'


async def test_the_version_of_the_places_tells_nothing_of_hidden_cameras(
    house: House, owner: httpx.AsyncClient
) -> None:
    ben = house.accounts.put_person("Ben", Role.VIEWER)
    viewer = house.browser(house.accounts.begin_session(ben, Caller("127.0.0.1")))
    house.accounts.change_person(ben, Role.VIEWER, [CameraId("yard")])
    versions = set()
    for porch in ([PLACES[0]], [PLACES[0] | {"x": 0.9}], []):
        await owner.put("/api/v1/plan/cameras", json={"cameras": [*porch, PLACES[1]]})
        versions.add((await viewer.get("/api/v1/plan")).json()["cameras_version"])
    assert len(versions) == 1


@pytest.mark.parametrize("place", [{"x": 2}, {"camera": "../x"}, {"angle": 0}, {"looks": 360}])
async def test_a_place_beside_the_plan_is_refused(owner: httpx.AsyncClient, place: dict[str, object]) -> None:
    answer = await owner.put("/api/v1/plan/cameras", json={"cameras": [PLACES[0] | place]})
    assert answer.status_code == 422


def test_it_is_in_a_file_for_the_recorder_alone(tmp_path: Path) -> None:
    file = AccountsFile(tmp_path / "accounts.db")
    file.close()
    assert stat.S_IMODE((tmp_path / "accounts.db").stat().st_mode) == 0o600

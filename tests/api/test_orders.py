"""Orders over HTTP: by people on a page, by programs with a signature or a token of their own."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tawny.api.auth.accounts import Caller, Role
from tawny.config.integrations import RIGHTS
from tawny.delivery.commands import (
    RIGHT_FOR,
    CameraControls,
    CommandIssuer,
    CommandRefused,
    CommandResult,
    Order,
    RelayOutput,
)
from tawny.delivery.notifier import HEADER, signature
from tawny.model.ids import CameraId
from tawny.service.integrations.integration_service import IntegrationService
from tests.api.fakes import House
from tests.playback.archives import PORCH

SECRET = "a secret of many letters"


class FakeOrders(IntegrationService):
    """Does what is allowed; knows the one input `panel`."""

    def __init__(self) -> None:
        self.done: list[tuple[CommandIssuer, Order]] = []

    def do(self, who: CommandIssuer, asked: Order) -> CommandResult:
        if RIGHT_FOR[asked.command] not in who.may:
            raise CommandRefused("not_allowed", f"{who.name} isn't allowed to do this.", "")
        self.done.append((who, asked))
        return CommandResult("It is done.", "e1" if asked.command == "event.open" else "")

    def sent(self, name: str, headers: Mapping[str, str], body: bytes, address: str) -> CommandIssuer:
        if name != "panel" or headers.get(HEADER.lower()) != signature(SECRET, 1, body):
            raise CommandRefused("signed_out", "This sender isn't allowed to send commands.", "")
        return CommandIssuer(name, "webhook", frozenset({"event"}), address=address)

    def controls(self, camera: CameraId) -> CameraControls:
        return CameraControls(
            turns=True, presets=("Gate",), relays=(RelayOutput("lamp", camera, 2.0), RelayOutput("siren", "", None))
        )

    def overview(self) -> list[dict[str, Any]]:
        return [{"name": "panel", "kind": "input", "where": "signed", "may": ["event"], "cameras": []}]


@pytest.fixture
def orders(house: House) -> FakeOrders:
    house.site.orders = made = FakeOrders()
    return made


async def test_an_owner_may_do_all(house: House, orders: FakeOrders) -> None:
    answer = await house.signed_in().post("/api/v1/orders", json={"command": "set_mode", "mode": "away"})
    assert answer.json() == {"words": "It is done.", "event": None}
    ((who, order),) = orders.done
    assert (who.way, who.address, order.command) == ("http", "127.0.0.1", "set_mode")


@pytest.mark.parametrize(
    "asked",
    [
        {"command": "set_mode", "mode": "away"},
        {"command": "pause", "camera": "porch"},
        {"command": "ptz", "camera": "porch", "pan": 1},
        {"command": "relay", "relay": "gate"},
        {"command": "record", "camera": "porch", "on": False},
        {"command": "event.close", "event": "bell-1"},
    ],
)
async def test_a_viewer_gives_no_commands(house: House, orders: FakeOrders, asked: dict[str, object]) -> None:
    answer = await house.signed_in(Role.VIEWER).post("/api/v1/orders", json=asked)
    assert (answer.status_code, answer.json()["code"]) == (403, "family_only")
    assert not orders.done


async def test_family_may_ask_for_all_of_it(house: House, orders: FakeOrders) -> None:
    asked = {"command": "pause", "camera": "porch"}
    assert (await house.signed_in(Role.MEMBER).post("/api/v1/orders", json=asked)).status_code == 200
    ((who, _),) = orders.done
    assert who.may == frozenset(RIGHTS)


@pytest.mark.parametrize(("role", "is_owner"), [(Role.OWNER, True), (Role.MEMBER, False)])
async def test_only_owners_change_what_cameras_keep(
    house: House, orders: FakeOrders, role: Role, is_owner: bool
) -> None:
    asked = {"command": "ptz", "camera": "porch", "save": "Gate"}
    await house.signed_in(role).post("/api/v1/orders", json=asked)
    ((who, _),) = orders.done
    assert who.is_owner is is_owner


async def test_a_member_may_record_what_they_see(house: House, orders: FakeOrders) -> None:
    person = house.accounts.change_person(house.accounts.put_person("Ben", Role.MEMBER), Role.MEMBER, [PORCH])
    browser = house.browser(house.accounts.begin_session(person, Caller("127.0.0.1")))
    assert (await browser.post("/api/v1/orders", json={"command": "record", "camera": "porch"})).status_code == 200
    ((who, _),) = orders.done
    assert (who.may, who.cameras) == (frozenset(RIGHTS), frozenset({"porch"}))


async def test_what_can_be_turned_and_switched_is_told_to_who_may(house: House, orders: FakeOrders) -> None:
    path = "/api/v1/cameras/porch/controls"
    lamp, siren = (
        {"name": name, "pulse_s": pulse_s, "output": "", "kind": ""}
        for name, pulse_s in (("lamp", 2.0), ("siren", None))
    )
    for role in (Role.OWNER, Role.MEMBER):
        data = (await house.signed_in(role).get(path)).json()
        assert data == {"turns": True, "steered_by": "", "presets": ["Gate"], "relays": [lamp, siren], "tracking": ""}
    assert (await house.signed_in(Role.VIEWER).get(path)).status_code == 403


async def test_what_belongs_to_no_camera_is_not_for_who_sees_only_some(house: House, orders: FakeOrders) -> None:
    person = house.accounts.change_person(house.accounts.put_person("Ben", Role.MEMBER), Role.MEMBER, [PORCH])
    browser = house.browser(house.accounts.begin_session(person, Caller("127.0.0.1")))
    data = (await browser.get("/api/v1/cameras/porch/controls")).json()
    assert [one["name"] for one in data["relays"]] == ["lamp"]
    assert (await browser.get("/api/v1/cameras/yard/controls")).status_code == 404


async def test_what_is_no_order_is_said(house: House, orders: FakeOrders) -> None:
    answer = await house.signed_in().post("/api/v1/orders", json={"command": "set_mode", "mode": 5})
    assert answer.status_code == 422
    assert "mode" in answer.json()["message"]


async def test_another_site_gives_no_orders(house: House, orders: FakeOrders) -> None:
    headers = {"Origin": "https://evil.example"}
    answer = await house.signed_in().post(
        "/api/v1/orders", json={"command": "set_mode", "mode": "home"}, headers=headers
    )
    assert answer.status_code == 403
    assert not orders.done


async def test_a_program_needs_no_page_of_ours_but_its_signature(house: House, orders: FakeOrders) -> None:
    body = json.dumps({"command": "event.open", "camera": "porch"}).encode()
    headers = {"X-Tawny": "", "Origin": "", HEADER: signature(SECRET, 1, body)}
    answer = await house.browser().post("/api/v1/inputs/panel", content=body, headers=headers)
    assert answer.json() == {"words": "It is done.", "event": "e1"}
    assert [who.name for who, _ in orders.done] == ["panel"]


@pytest.mark.parametrize(
    ("name", "body", "status"),
    [
        ("panel", b'{"command": "set_mode", "mode": "home"}', 403),
        ("panel", b"{", 400),
        ("panel", b'{"command": "event.open"}', 400),
        ("other", b'{"command": "event.open", "camera": "porch"}', 401),
        ("UP", b"{}", 422),
    ],
)
async def test_what_a_program_may_not_is_refused(
    house: House, orders: FakeOrders, name: str, body: bytes, status: int
) -> None:
    headers = {HEADER: signature(SECRET, 1, body)}
    answer = await house.browser().post(f"/api/v1/inputs/{name}", content=body, headers=headers)
    assert answer.status_code == status
    assert not orders.done


async def test_the_owner_sees_which_programs_there_are(house: House, orders: FakeOrders) -> None:
    (one,) = (await house.signed_in().get("/api/v1/programs")).json()["items"]
    assert (one["name"], one["may"]) == ("panel", ["event"])


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"do": "arm", "mode": "away"}, '`"do": "arm"` is now `"command": "set_mode"`.'),
        ({"do": "record", "camera": "porch"}, '`"do": "record"` is now `"command": "record"`.'),
    ],
)
async def test_a_former_command_gets_one_error(
    house: House, orders: FakeOrders, asked: dict[str, str], says: str
) -> None:
    answer = await house.signed_in().post("/api/v1/orders", json=asked)
    assert (answer.status_code, answer.json()["code"], answer.json()["message"]) == (400, "bad_input", says)
    body = json.dumps(asked).encode()
    sent = await house.browser().post(
        "/api/v1/inputs/panel", content=body, headers={HEADER: signature(SECRET, 1, body)}
    )
    assert (sent.status_code, sent.json()["message"]) == (400, says)
    assert not orders.done

"""What a hub may ask a box, and who may ask at the hub."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import Message, Receive, Scope, Send

from tawny.api.application import make_app
from tawny.api.auth.access import UnclaimedGate, check_routes
from tawny.api.auth.accounts import Role
from tawny.api.fleet.allowed_requests import ALWAYS, BY_SHARE, required_share
from tawny.api.fleet.box_requests import BoxRequestHandler
from tawny.fleet.message_link import LINE_PATH, MemoryLink
from tawny.fleet.session import Exchange, Kind, LineSession
from tests.api.fakes import House, make_house, routes
from tests.fleet.rig import EVERYTHING, BoxRig, HubRig, eventually, hub_rig

RULES = check_routes(routes())
LISTED = {route: share for share, listed in (("", ALWAYS), *BY_SHARE.items()) for route in listed}
FILLED = {"camera": "porch", "event": "e-1", "stream": "sub", "rest:path": "x", "name:path": "x"}


def example(route: str) -> tuple[str, str]:
    method, path = route.split(" ", 1)
    for name in {part.partition("}")[0] for part in path.split("{")[1:]}:
        path = path.replace(f"{{{name}}}", FILLED.get(name, "7"))
    return method, path


def test_every_listed_route_exists() -> None:
    assert set(LISTED) <= set(RULES)


@pytest.mark.parametrize("route", sorted(RULES))
def test_a_hub_gets_what_is_listed_and_nothing_else(route: str) -> None:
    assert required_share(*example(route)) == LISTED.get(route)


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/events/../settings", "/api/v1/events/..", "/api/v1/./health", "//api/v1/health", "/api/v1/health/",
        "/api/v1/cameras/porch/../../settings", "/etc/passwd", "", "api/v1/health", "/media/../accounts.db",
        "/api/v1/health\x00", "/api/v1/events/a/loop/", "/api/v1/cameras//snapshot",
    ],
)  # fmt: skip
def test_no_path_leads_elsewhere(path: str) -> None:
    assert required_share("GET", path) is None


@pytest.fixture
async def two(house: House, tmp_path: Path) -> AsyncIterator[tuple[House, HubRig, BoxRig, House]]:
    """The hub's house, its line, and a box that answers with an application of its own."""
    remote = make_house(tmp_path / "remote")
    remote.accounts.put_person("Ben", Role.OWNER)
    remote = replace(remote, app=make_app(remote.site))
    house.app.state.site = house.site  # tests share one application
    async with hub_rig("memory", house) as rig:
        box = BoxRig(tmp_path / "box")
        await rig.join(box)
        yield house, rig, box, remote
    remote.accounts.close()


async def ask(browser: httpx.AsyncClient, method: str, path: str, **options: object) -> httpx.Response:
    return await asyncio.wait_for(browser.request(method, f"/boxes/shed{path}", **options), 30)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("share", "method", "path"),
    [
        ("health", "GET", "/api/v1/health"),
        ("events", "GET", "/api/v1/events"),
        ("live", "GET", "/api/v1/live/clock"),
        ("clips", "GET", "/api/v1/cameras/porch/figures?from_ms=1&to_ms=2"),
    ],
)
async def test_the_owner_of_the_box_decides(
    two: tuple[House, HubRig, BoxRig, House], share: str, method: str, path: str
) -> None:
    house, rig, box, remote = two
    allowed = {share}
    box.answer = BoxRequestHandler(remote.app, lambda: frozenset(allowed))
    async with rig.connected(box):
        browser = house.signed_in(Role.OWNER)
        assert (await ask(browser, method, path)).status_code == 200
        allowed.clear()  # it applies to the next request
        refused = await ask(browser, method, path)
        assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed_by_recorder")


@pytest.mark.parametrize("role", [Role.OWNER, Role.INSTALLER, Role.VIEWER, Role.GUEST])
@pytest.mark.parametrize("share", sorted(BY_SHARE))
async def test_what_the_owner_does_not_allow_is_refused_by_the_box_itself(share: str, role: Role) -> None:
    """By each route of it, whatever the hub says of who asks, and with everything else allowed."""
    asked: list[str] = []

    async def box_app(scope: Scope, receive: Receive, send: Send) -> None:
        asked.append(scope["path"])

    answers = BoxRequestHandler(box_app, lambda: frozenset(BY_SHARE) - {share})
    for route in BY_SHARE[share]:
        method, path = example(route)
        here, there = MemoryLink.pair()
        hub, box = LineSession(here), LineSession(there)
        asking, answering = (one.exchanges.setdefault(1, Exchange(one, 1)) for one in (hub, box))
        running = [asyncio.create_task(one.run()) for one in (hub, box)]
        await asking.send(Kind.END)
        await answers({"method": method, "path": path, "query": "", "headers": [], "role": role.value}, answering)
        head = await asyncio.wait_for(asking.receive(), 10)
        assert (route, head.kind, head.json["status"]) == (route, Kind.HEAD, 403)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    assert asked == []


async def test_nobody_from_a_hub_is_more_than_a_member(two: tuple[House, HubRig, BoxRig, House]) -> None:
    house, rig, box, remote = two
    allowed = set(EVERYTHING)
    box.answer = BoxRequestHandler(remote.app, lambda: frozenset(allowed))
    async with rig.connected(box):
        browser = house.signed_in(Role.OWNER)
        user = (await ask(browser, "GET", "/api/v1/session")).json()["user"]
        assert (user["role"], user["id"]) == ("member", "hub")
        allowed.discard("orders")
        assert (await ask(browser, "GET", "/api/v1/session")).json()["user"]["role"] == "viewer"
        viewer = house.signed_in(Role.VIEWER)
        allowed.add("orders")
        assert (await ask(viewer, "GET", "/api/v1/session")).json()["user"]["role"] == "viewer"


async def test_a_signed_out_browser_gets_nothing_of_a_box(two: tuple[House, HubRig, BoxRig, House]) -> None:
    house, rig, box, remote = two
    box.answer = BoxRequestHandler(remote.app, lambda: frozenset(EVERYTHING))
    async with rig.connected(box):
        assert (await ask(house.browser(), "GET", "/api/v1/session")).status_code == 401
        assert (await house.browser().get("/api/v1/fleet")).status_code == 401


async def test_users_of_certain_cameras_see_no_other_recorders(two: tuple[House, HubRig, BoxRig, House]) -> None:
    house, rig, box, remote = two
    box.answer = BoxRequestHandler(remote.app, lambda: frozenset(EVERYTHING))
    async with rig.connected(box):
        browser = house.signed_in(Role.VIEWER, ["porch"])
        for path in ("/api/v1/fleet", "/api/v1/fleet/events", "/boxes/shed/api/v1/health", "/boxes/shed/media/e.jpg"):
            assert (await browser.get(path)).status_code == 404, path


async def test_changes_need_the_page_of_the_hub(two: tuple[House, HubRig, BoxRig, House]) -> None:
    """Another site's page can't use the browser's session at the hub to give orders to a box."""
    house, rig, box, remote = two
    box.answer = BoxRequestHandler(remote.app, lambda: frozenset(EVERYTHING))
    async with rig.connected(box):
        browser = house.signed_in(Role.OWNER)
        headers = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
        answer = await ask(browser, "PUT", "/api/v1/mode", json={}, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "other_site")


async def test_a_recorder_without_an_owner_answers_its_hub(two: tuple[House, HubRig, BoxRig, House]) -> None:
    """A box beside a camera has no account of its own: who can write its settings has let it join."""
    house, rig, box, remote = two
    with remote.accounts.file.writing() as db:
        db.execute("DELETE FROM people")
    box.answer = BoxRequestHandler(remote.app, lambda: frozenset({"health"}))
    async with rig.connected(box):
        assert (await ask(house.signed_in(Role.OWNER), "GET", "/api/v1/health")).status_code == 200


async def test_an_offline_box_is_said_to_be_so(two: tuple[House, HubRig, BoxRig, House]) -> None:
    house, rig, *_ = two
    browser = house.signed_in(Role.OWNER)
    answer = await ask(browser, "GET", "/api/v1/health")
    assert (answer.status_code, answer.json()["code"]) == (503, "recorder_offline")
    await eventually(lambda: not rig.hub.is_online("shed"), "the box to stay offline")


async def test_a_hub_without_such_a_recorder_says_so(two: tuple[House, HubRig, BoxRig, House]) -> None:
    house, *_ = two
    answer = await house.signed_in(Role.OWNER).get("/boxes/unknown/api/v1/session")
    assert (answer.status_code, answer.json()["message"]) == (404, "This hub has no such recorder.")


@pytest.mark.parametrize(("path", "method"), [("/api/v1/shares", "POST"), ("/api/v1/snoozes", "PUT")])
async def test_what_no_hub_may_do_is_not_said_to_be_refused_by_the_owner(
    two: tuple[House, HubRig, BoxRig, House], path: str, method: str
) -> None:
    house, rig, box, _ = two
    async with rig.connected(box):
        answer = await ask(house.signed_in(Role.OWNER), method, path, json={})
    assert (answer.status_code, answer.json()["message"]) == (403, "This can be done at the recorder itself only.")


@pytest.mark.parametrize(("method", "code"), [("POST", "recorder_unsure"), ("GET", "recorder_offline")])
async def test_an_order_that_was_sent_may_have_been_done(
    two: tuple[House, HubRig, BoxRig, House], method: str, code: str
) -> None:
    house, rig, box, _ = two
    lines = list[asyncio.Task[None]]()

    async def take(_: Mapping[str, Any], exchange: Exchange) -> None:
        while (await exchange.receive()).kind is Kind.DATA:
            pass
        lines[0].cancel()  # before any answer

    box.answer = take
    async with rig.connected(box) as line:
        lines.append(line)
        path = "/api/v1/orders" if method == "POST" else "/api/v1/health"
        answer = await ask(house.signed_in(Role.OWNER), method, path)
    assert answer.json()["code"] == code


@pytest.mark.parametrize(("path", "is_let_in"), [(LINE_PATH, True), ("/api/v1/ws", False)])
async def test_a_hub_without_an_owner_lets_recorders_join(house: House, path: str, is_let_in: bool) -> None:
    """The commands of the documentation work in any order: the account can be created afterwards."""
    house.site.owner.has_owner = False
    received: list[str] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        received.append("let in")

    async def refuse(message: Message) -> None:
        received.append(message["type"])

    async def nothing() -> Message:
        return {"type": "websocket.connect"}

    scope = {"type": "websocket", "path": path, "headers": [], "client": ("192.0.2.7", 1), "app": house.app}
    await UnclaimedGate(application)(scope, nothing, refuse)
    assert received == (["let in"] if is_let_in else ["websocket.close"])


async def test_a_viewer_of_the_hub_gives_no_orders(two: tuple[House, HubRig, BoxRig, House]) -> None:
    house, rig, box, remote = two
    box.answer = BoxRequestHandler(remote.app, lambda: frozenset(EVERYTHING))
    async with rig.connected(box):
        answer = await ask(house.signed_in(Role.VIEWER), "PUT", "/api/v1/mode", json={})
        assert answer.status_code == 403

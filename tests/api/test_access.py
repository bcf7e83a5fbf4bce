import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from tawny.api.application import make_routes
from tawny.api.auth.access import Access, Note, check_routes, rule
from tawny.api.auth.accounts import Role
from tawny.api.live import hls_routes
from tests.api.fakes import ORIGIN, House, routes

RULES = check_routes(routes())
HTTP = {route: access for route, access in RULES.items() if not route.startswith("WS ")}
SIGNED = {route for route, access in HTTP.items() if access is Access.SIGNED}
"""Whoever is signed in is nobody there."""
ENDING = {route: access for route, access in HTTP.items() if not route.endswith("/mjpeg") and route not in SIGNED}
"""mjpeg goes on for ever: its rule is looked at as nobody."""
BY_TOKEN = (Access.BRING, Access.SEND)
"""Sessions count nothing there."""
FILLED = {
    "{camera}": "porch",
    "{event}": "none",
    "{segment}": "none",
    "{name}": "none.js",
    "{rest:path}": "x",
    "{box}": "none",
}
FILLED |= {"{program}": "panel", "{target}": "phone", "{token}": "none"}
FILLED |= {"{stream}": "main", "{number}": "0", "{part}": "0"}
FILLED |= {"{zero_ms}": "0", "{first}": "0", "{count}": "1"}
FILLED |= {"{code}": "de"}
FILLED |= {"{link}": "0" * 64}
FILLED |= {"/metrics": "http://localhost/metrics"}  # only under this name
BY_MESSAGE = ("GET /api/v1/actions/{target}/{token}", "POST /api/v1/actions/{target}/{token}")
"""The token of a message is looked at by the delivery, which answers 410 to one that is over."""
PUBLIC_ON_PURPOSE = {
    "GET /api/v1/session",
    "GET /api/v1/languages",
    "GET /api/v1/languages/{code}",
    "POST /api/v1/setup/claim",
    "POST /api/v1/setup/restore/file",
    "POST /api/v1/setup/restore",
    "POST /api/v1/sign-in",
    "POST /api/v1/sign-in/link",
    "POST /api/v1/sign-in/second-step",
    "POST /api/v1/sign-in/second-step/setup",
    "POST /api/v1/sign-in/code",
    "POST /api/v1/sign-in/passkey/options",
    "POST /api/v1/sign-in/passkey",
    "POST /api/v1/sign-in/proxy",
    "POST /api/v1/sign-in/provider",
    "GET /api/v1/sign-in/provider/callback",
    "POST /api/v1/shared/{token}",
    "GET /api/v1/actions/{target}/{token}",
    "POST /api/v1/actions/{target}/{token}",
    "GET /api/v1/sent/{target}/{file}",
    "GET /healthz",
    "GET /api/v1/local-authority",
    "POST /api/v1/address-check/open",
    "WS /api/v1/address-check/socket",
    "POST /api/v1/address-check/report",
    "POST /api/v1/address-check/rtc",
    "POST /api/v1/phone/join",
    "GET /metrics",
    "GET /assets/{name}",
    "GET /{name}",
}


@pytest.fixture(autouse=True)
def nothing_to_wait_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """No camera sends: a playlist would be waited for at each request."""
    monkeypatch.setattr(hls_routes, "WAIT_S", 0.01)


def filled(path: str) -> str:
    for part, value in FILLED.items():
        path = path.replace(part, value)
    return path


@pytest.mark.parametrize(("route", "access"), HTTP.items())
async def test_nobody_gets_what_is_not_public(house: House, route: str, access: Access) -> None:
    method, path = route.split(" ")
    answer = await house.browser().request(method, filled(path))
    over = (401,) if route in BY_MESSAGE else (401, 410)
    assert (answer.status_code in over) == (access is not Access.PUBLIC)


@pytest.mark.parametrize(("route", "access"), ENDING.items())
async def test_a_viewer_gets_all_but_what_is_the_owners(house: House, route: str, access: Access) -> None:
    method, path = route.split(" ")
    answer = await house.signed_in(Role.VIEWER).request(method, filled(path))
    assert (answer.status_code == 403) == (access in (Access.OWN, Access.DIRECT, Access.INSTALL))
    assert (answer.status_code == 401) == (access in BY_TOKEN)


@pytest.mark.parametrize(("route", "access"), ENDING.items())
async def test_a_screen_gets_what_is_live_and_nothing_else(house: House, route: str, access: Access) -> None:
    method, path = route.split(" ")
    answer = await house.signed_in(Role.SCREEN).request(method, filled(path))
    assert (answer.status_code == 403) == (access in (Access.VIEW, Access.DIRECT, Access.OWN, Access.INSTALL))


def test_what_a_screen_gets_besides_video_is_listed() -> None:
    wall = {route for route, access in RULES.items() if access is Access.WALL}
    assert wall == {
        "GET /api/v1/cameras",
        "GET /api/v1/health",
        "GET /api/v1/modes",
        "GET /api/v1/time",
        "GET /api/v1/wall",
        "POST /api/v1/sign-out",
        "WS /api/v1/ws",
    }


@pytest.mark.parametrize("route", [route for route, access in ENDING.items() if access is Access.DIRECT])
async def test_family_directs(house: House, route: str) -> None:
    method, path = route.split(" ")
    answer = await house.signed_in(Role.MEMBER).request(method, filled(path))
    assert answer.status_code not in (401, 403, 500)


async def test_family_owns_nothing(house: House) -> None:
    assert (await house.signed_in(Role.MEMBER).get("/api/v1/people")).status_code == 403


@pytest.mark.parametrize(("route", "access"), ENDING.items())
async def test_the_owner_gets_everything(house: House, route: str, access: Access) -> None:
    """But what other recorders and phones bring, which is by their pass alone."""
    method, path = route.split(" ")
    answer = await house.signed_in(Role.OWNER).request(method, filled(path))
    assert answer.status_code not in ((403, 500) if access in BY_TOKEN else (401, 403, 500))


@pytest.mark.parametrize(("route", "access"), ENDING.items())
async def test_who_may_bring_can_do_that_and_nothing_else(house: House, route: str, access: Access) -> None:
    _, secret = house.passes.make("A friend", brings=10**9)
    method, path = route.split(" ")
    signed = {"Authorization": f"Bearer {secret}"}
    answer = await house.browser().request(method, filled(path), headers=signed)
    if access is Access.BRING:
        assert answer.status_code not in (401, 403, 500)
    elif access is not Access.PUBLIC:
        assert answer.status_code in (401, 403, 410)


@pytest.mark.parametrize(("route", "access"), ENDING.items())
async def test_a_phone_may_send_its_picture_and_nothing_else(house: House, route: str, access: Access) -> None:
    secret = house.passes.make_for_phone("0123456789abcdef", "iPhone")
    method, path = route.split(" ")
    signed = {"Authorization": f"Bearer {secret}"}
    answer = await house.browser().request(method, filled(path), headers=signed)
    if access is Access.SEND:
        assert answer.status_code not in (401, 403, 500)
    elif access is not Access.PUBLIC:
        assert answer.status_code in (401, 403, 410)


@pytest.mark.parametrize(("route", "access"), ENDING.items())
async def test_who_holds_a_pass_gets_what_is_live_and_nothing_else(house: House, route: str, access: Access) -> None:
    _, secret = house.passes.make("TV")
    method, path = route.split(" ")
    answer = await house.browser().request(method, f"{filled(path)}?pass={secret}")
    needs_a_session = (Access.WALL, Access.VIEW, Access.DIRECT, Access.OWN, Access.INSTALL, *BY_TOKEN)
    assert (answer.status_code == 401) == (access in needs_a_session)


@pytest.mark.parametrize("method", ["POST /api/v1/cameras/porch/rtc", "DELETE /api/v1/rtc/0", "PATCH /api/v1/rtc/0"])
async def test_another_program_needs_nothing_but_its_access_token_for_live_view(house: House, method: str) -> None:
    """As WHEP players ask. With a browser's session, it has to be tawny's own page."""
    _, secret = house.passes.make("TV")
    name, path = method.split(" ")
    program = httpx.AsyncClient(transport=httpx.ASGITransport(house.app), base_url=ORIGIN)
    by_address = await program.request(name, f"{path}?pass={secret}", content=b"v=0")
    by_header = await program.request(name, path, headers={"Authorization": f"Bearer {secret}"}, content=b"v=0")
    wrong = await program.request(name, f"{path}?pass=wrong", content=b"v=0")
    program.cookies = house.signed_in(Role.OWNER).cookies
    by_cookie = await program.request(name, f"{path}?pass={secret}", content=b"v=0")
    found = [(one.status_code, one.json()["code"]) for one in (by_address, by_header, wrong, by_cookie)]
    assert by_address.status_code not in (401, 403)
    assert found[0] == found[1]
    assert found[2:] == [(401, "signed_out"), (403, "other_site")]


@pytest.mark.parametrize("route", SIGNED)
async def test_no_session_counts_where_programs_prove_who_they_are(house: House, route: str) -> None:
    method, path = route.split(" ")
    assert (await house.signed_in(Role.OWNER).request(method, filled(path))).status_code == 401


def test_only_inputs_are_left_to_programs() -> None:
    assert {"POST /api/v1/inputs/{program}"} == SIGNED


def test_what_is_public_is_public_on_purpose() -> None:
    public = {route for route, access in RULES.items() if access is Access.PUBLIC}
    others = ("GET /api", "POST", "WS", "GET /healthz", "GET /metrics", "GET /assets")
    pages = {route for route in public if not route.startswith(others)}
    assert public - pages == PUBLIC_ON_PURPOSE - {"GET /{name}"}
    assert not [route for route in pages if "/api/" in route or "/media/" in route]


def test_every_websocket_asks_for_a_session_or_says_why_not() -> None:
    sockets = {route: access for route, access in RULES.items() if route.startswith("WS ")}
    assert sockets == {
        "WS /api/v1/ws": Access.WALL,
        "WS /api/v1/standby/line": Access.SIGNED,  # likewise
        "WS /api/v1/fleet/line": Access.SIGNED,  # recorders prove their key in the handshake; see `tests/fleet`
        "WS /boxes/{box}/api/v1/{rest:path}": Access.VIEW,
        "WS /api/v1/address-check/socket": Access.PUBLIC,  # asks for the ticket of a check itself
        "WS /api/v1/cameras/{camera}/live": Access.SEE,
        "WS /api/v1/cameras/{camera}/pictures": Access.SEE,
        "WS /api/v1/cameras/{camera}/talk": Access.DIRECT,
    }


async def hello() -> str:
    return "hello"


def with_route() -> FastAPI:
    app = make_routes()
    app.add_api_route("/hello", hello)
    return app


def with_two_rules() -> FastAPI:
    app = make_routes()
    app.add_api_route("/hello", hello, dependencies=[rule(Access.VIEW), rule(Access.PUBLIC)])
    return app


def with_socket() -> FastAPI:
    app = make_routes()
    app.add_api_websocket_route("/hello", hello)
    return app


def with_router() -> FastAPI:
    app, router = make_routes(), APIRouter(prefix="/below")
    router.add_api_route("/hello", hello)
    app.include_router(router)
    return app


def with_mount() -> FastAPI:
    app = make_routes()
    app.router.routes.append(Mount("/files", PlainTextResponse("all of them")))
    return app


def with_plain_route() -> FastAPI:
    app = make_routes()
    app.router.routes.append(Route("/hello", lambda _: PlainTextResponse("hello")))
    return app


@pytest.mark.parametrize("make", [with_route, with_two_rules, with_socket, with_router, with_mount, with_plain_route])
def test_an_application_with_a_route_without_one_rule_does_not_start(make: object) -> None:
    assert callable(make)
    with pytest.raises(RuntimeError, match="rule"):
        check_routes(make())


FETCHED = {"X-Tawny": "1", "Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}


@pytest.mark.parametrize(
    ("headers", "is_allowed"),
    [
        (FETCHED, True),
        ({"X-Tawny": "1", "Origin": ORIGIN}, True),
        ({"X-Tawny": "1", "Origin": ORIGIN.upper().replace("HTTP", "http")}, True),
        ({"X-Tawny": "1", "Sec-Fetch-Site": "same-origin"}, True),
        ({"X-Tawny": "1", "Origin": "https://tawny.test"}, True),
        ({"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}, False),
        ({"X-Tawny": "0", "Origin": ORIGIN}, False),
        ({"X-Tawny": "1"}, False),
        ({"X-Tawny": "1", "Origin": "null"}, False),
        ({"X-Tawny": "1", "Origin": "http://evil.test"}, False),
        ({"X-Tawny": "1", "Origin": "http://tawny.test.evil.test"}, False),
        ({"X-Tawny": "1", "Origin": "http://evil.test@tawny.test:80"}, False),
        ({"X-Tawny": "1", "Origin": "http://tawny.test:8080"}, False),
        ({"X-Tawny": "1", "Origin": "file://tawny.test"}, False),
        ({"X-Tawny": "1", "Origin": "http://["}, False),
        ({"X-Tawny": "1", "Origin": ORIGIN, "Sec-Fetch-Site": "cross-site"}, False),
        ({"X-Tawny": "1", "Origin": ORIGIN, "Sec-Fetch-Site": "same-site"}, False),
        ({"X-Tawny": "1", "Origin": ORIGIN, "Sec-Fetch-Site": "none"}, False),
    ],
)
async def test_only_our_own_page_changes_anything(house: House, headers: Mapping[str, str], is_allowed: bool) -> None:
    browser = house.signed_in()
    for name in ("X-Tawny", "Origin"):
        del browser.headers[name]
    answer = await browser.post("/api/v1/events/bulk", json={"ids": []}, headers=headers)
    assert answer.status_code == (200 if is_allowed else 403)


async def test_looking_needs_no_such_headers(house: House) -> None:
    browser = house.signed_in()
    del browser.headers["X-Tawny"], browser.headers["Origin"]
    assert (await browser.get("/api/v1/cameras")).status_code == 200


@pytest.mark.parametrize("path", ["/", "/api/v1/session", "/api/v1/cameras", "/nothing", "/media/none.jpg"])
async def test_every_answer_carries_the_headers_of_a_careful_server(house: House, path: str) -> None:
    headers = (await house.browser().get(path)).headers
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "unsafe-inline" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"


async def test_of_the_scripts_in_a_page_only_that_which_reloads_it_may_run(house: House) -> None:
    """The hash of its text is in the policy, since the script that loads everything else may not arrive."""
    page = (Path(__file__).parents[2] / "ui/index.html").read_text()
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    allowed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (await house.browser().get("/")).headers["content-security-policy"]
    assert f"script-src 'self' 'sha256-{allowed}'" in policy.split("; ")


async def test_a_session_of_a_person_who_is_gone_is_none(house: House) -> None:
    browser = house.signed_in()
    house.clock.advance(31 * 86_400)
    assert (await browser.get("/api/v1/cameras")).status_code == 401


_BY_HAND = "notes it by itself"
_COUNTED = "of no user: counted in the log, or the sign-in is noted"
_LOOKS = "changes nothing that lasts"
_OWN_VIEW = "concerns the page of this user"
_PROGRAM = "done by a program or another recorder, which has its own history"
NOT_NOTED = {
    "POST /api/v1/actions/{target}/{token}": _BY_HAND,
    "POST /api/v1/address-check/open": _LOOKS,
    "POST /api/v1/address-check/report": _LOOKS,
    "POST /api/v1/address-check/rtc": _LOOKS,
    "POST /api/v1/address/check": _LOOKS,
    "POST /api/v1/address/retry": "orders the certificate that the settings ask for",
    "POST /api/v1/cameras/{camera}/masking-cost": _LOOKS,
    "PUT /api/v1/cameras/{camera}/orientation": _BY_HAND,
    "POST /api/v1/cameras/{camera}/rtc": _LOOKS,
    "POST /api/v1/cameras/{camera}/threshold-preview": _LOOKS,
    "PUT /api/v1/cameras/{camera}/watching": _BY_HAND,
    "DELETE /api/v1/clips/{clip}": _BY_HAND,
    "PATCH /api/v1/clips/{clip}": _BY_HAND,
    "PUT /api/v1/clips/{clip}/name": _BY_HAND,
    "POST /api/v1/clips/{clip}/restore": _BY_HAND,
    "POST /api/v1/deletions/preview": _LOOKS,
    "POST /api/v1/fleet/membership/code": _LOOKS,
    "POST /api/v1/fleet/membership/preview": _LOOKS,
    "POST /api/v1/history/witnesses": _LOOKS,
    "DELETE /api/v1/inbox/file": _PROGRAM,
    "PUT /api/v1/inbox/file": _PROGRAM,
    "POST /api/v1/inputs/{program}": _PROGRAM,
    "POST /api/v1/me/passkeys/options": _LOOKS,
    "POST /api/v1/me/two-step": _LOOKS,
    "POST /api/v1/modes/preview": _LOOKS,
    "POST /api/v1/modes/replay": _LOOKS,
    "POST /api/v1/orders": "every order is in the history of the recorder",
    "DELETE /api/v1/phone-codes/{code}": "takes back a code of some minutes",
    "POST /api/v1/phone/join": _COUNTED,
    "POST /api/v1/phone/rtc": _PROGRAM,
    "POST /api/v1/rehearsal": _LOOKS,
    "POST /api/v1/restore/check": _LOOKS,
    "PUT /api/v1/restore/file": "the restore itself is noted",
    "POST /api/v1/retention/dry-run": _LOOKS,
    "DELETE /api/v1/rtc/{key}": _OWN_VIEW,
    "PATCH /api/v1/rtc/{key}": _OWN_VIEW,
    "POST /api/v1/scans": _PROGRAM,
    "POST /api/v1/sealed/lock": _OWN_VIEW,
    "POST /api/v1/sealed/offer": _OWN_VIEW,
    "POST /api/v1/self-test": _LOOKS,
    "PUT /api/v1/setup/cards/{card}": "hides a hint",
    "POST /api/v1/setup/claim": _COUNTED,
    "POST /api/v1/setup/restore": "there is no user yet",
    "POST /api/v1/setup/restore/file": "there is no user yet",
    "PUT /api/v1/setup/steps/{step}": "ticks off a step of the setup",
    "POST /api/v1/shared/{token}": _COUNTED,
    "POST /api/v1/sign-in": _COUNTED,
    "POST /api/v1/sign-in/code": _COUNTED,
    "POST /api/v1/sign-in/confirm": _OWN_VIEW,
    "POST /api/v1/sign-in/link": _COUNTED,
    "POST /api/v1/sign-in/passkey": _COUNTED,
    "POST /api/v1/sign-in/passkey/options": _LOOKS,
    "POST /api/v1/sign-in/provider": _COUNTED,
    "POST /api/v1/sign-in/proxy": _COUNTED,
    "POST /api/v1/sign-in/second-step": _COUNTED,
    "POST /api/v1/sign-in/second-step/setup": _COUNTED,
    "POST /api/v1/standby/preview": _LOOKS,
    "POST /api/v1/targets/{target}/test": _LOOKS,
    "POST /api/v1/targets/{target}/try": "sends what waits, at once",
    "POST /api/v1/targets/{target}/try-out": _LOOKS,
    "POST /api/v1/training": _PROGRAM,
    "POST /api/v1/updates": _PROGRAM,
    "PUT /api/v1/wall": _OWN_VIEW,
}
"""Routes that change something without a note of theirs in the audit log, each with the reason."""


def _calls(dependant: Dependant) -> Iterator[Any]:
    yield dependant.call
    for one in dependant.dependencies:
        yield from _calls(one)


def test_what_users_change_is_in_the_audit_log() -> None:
    note = get_args(Note)[1].dependency
    without = {
        f"{method} {route.path}"
        for route in routes().routes
        if isinstance(route, APIRoute) and note not in _calls(route.dependant)
        for method in (route.methods or set()) - {"GET", "HEAD", "OPTIONS"}
        if not route.path.startswith("/boxes/")  # the recorder there notes it
    }
    assert without == NOT_NOTED.keys()

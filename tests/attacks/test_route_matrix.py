"""Every route with every kind of caller: `route_matrix.tsv` states each cell, and each cell is tried.

The routes are those of the OpenAPI document, and those that are left out of it (pages, sockets). A new route, or a new
caller, without cells fails. To add some: `python -m tests.attacks.test_route_matrix`, then read what it has written.
"""

import asyncio
import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tawny.api.application import description
from tawny.api.auth.access import COOKIE, Access, check_routes
from tawny.api.auth.accounts import Caller, Role
from tawny.api.auth.shares import SharedClip
from tawny.api.inbox import Inbox
from tawny.api.server import WebServer
from tawny.model.ids import SegmentId
from tests.api.fakes import make_house, routes
from tests.api.test_access import BY_MESSAGE
from tests.api.test_sight import NAMED_BY_QUERY, YARD, Filled, fill
from tests.playback.archives import PORCH
from tests.support.processes import PATIENCE_S

TABLE: Final = Path(__file__).with_name("route_matrix.tsv")
RULES: Final = check_routes(routes())
DAY_MS: Final = 86_400_000
CALLERS: Final = (
    "nobody",
    "link",
    "clip link",
    "token",
    "token, other camera",
    "upload token",
    "phone",
    "owner",
    "member",
    "member, other camera",
    "viewer",
    "viewer, other camera",
    "guest",
    "guest, ended",
    "screen",
    "installer",
    "removed user",
)
"""Tokens and links are those of an owner. Another camera: all they may see is the yard; routes name the porch."""
MEANING: Final = {
    "yes": "the rule lets the caller in; what then happens depends on the request",
    "401": "not signed in",
    "403": "signed in, but not for this",
    "404": "not of this camera: as if it did not exist",
    "410": "no valid link",
}
NO_BODY: Final = frozenset({"GET", "HEAD", "DELETE"})
FILLED: Final = {"{key}": "none", "{target}": "none", "{program}": "none", "{share_id}": "none"}
_CLIP: Final = {"from_ms": 1_795_000_000_000, "to_ms": 1_795_000_009_000}
BODIES: Final[dict[str, dict[str, object]]] = {
    "PATCH /api/v1/clips/{clip}": {"kept": True},
    "POST /api/v1/clips": {"cameras": ["porch"], **_CLIP},
    "POST /api/v1/shares": {"camera": "porch", **_CLIP},
}
"""Where the camera is known from the request's body or after it was read. Others get `{}`."""


@dataclass
class Door:
    """A recorder with one camera, and what each caller brings along."""

    filled: Filled
    link: str = ""
    sends: dict[str, dict[str, str]] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)

    def path(self, route: str, caller: str) -> str:
        path = route.partition(" ")[2]
        for part, value in FILLED.items():
            path = path.replace(part, value)
        path = self.filled.path(path.replace("{token}", self.link if "/shared/" in path else "none"))
        for part in (
            "{rest:path}",
            "{name}",
            "{way}",
            "{who}",
            "{person}",
            "{pass_id}",
            "{passkey}",
            "{session}",
            "{link}",
        ):
            path = path.replace(part, "none")
        return path + "&name=a.bin" + self.query.get(caller, "")


def open_door(folder: Path) -> Door:
    house = make_house(folder)
    house.site.inbox = Inbox(folder / "inbox")
    made = Door(fill(house))
    anna = house.accounts.put_person("Anna", Role.OWNER)
    ends_ms = house.clock.now_ms() + DAY_MS
    segment = house.recorder.index.segment(SegmentId(made.filled.segment))
    assert segment
    for name, clip in (("link", None), ("clip link", SharedClip(made.filled.clip, (PORCH,)))):
        share, made.link = house.site.shares.make(anna, PORCH, segment.span, ends_ms, clip=clip)
        made.query[name] = f"&ticket={house.site.shares.open(share)[0]}"
    made.query["token"] = f"&pass={house.passes.make('TV', made_by=anna)[1]}"
    made.query["token, other camera"] = f"&pass={house.passes.make('TV', [YARD], made_by=anna)[1]}"
    uploads = house.passes.make("Cabin", (), brings=10**9, made_by=anna)[1]
    made.sends["upload token"] = {"Authorization": f"Bearer {uploads}"}
    made.sends["phone"] = {"Authorization": f"Bearer {house.passes.make_for_phone('0123456789abcdef', 'iPhone')}"}
    for name in CALLERS[7:]:
        role = Role(name.partition(",")[0]) if name != "removed user" else Role.OWNER
        until_ms = None if role is not Role.GUEST else house.clock.now_ms() + (0 if "ended" in name else DAY_MS)
        person = house.accounts.put_person(name, role)
        session = house.accounts.begin_session(person, Caller("127.0.0.1"))
        house.accounts.change_person(person, role, [YARD] if "other" in name else None, until_ms)
        if name == "removed user":
            house.accounts.remove_person(person)
        made.sends[name] = {"Cookie": f"{COOKIE}={session}"}
    return made


async def cell(door: Door, route: str, caller: str) -> str:
    """Return what this caller gets. Endless answers are cut off at their first bytes."""
    method = route.partition(" ")[0]
    house, status = door.filled.house, asyncio.get_running_loop().create_future()
    path, _, query = door.path(route, caller).partition("?")
    host = "localhost" if path == "/metrics" else "tawny.test"  # metrics need a token under other names
    headers = {"host": host, "origin": "http://tawny.test", "x-tawny": "1", "content-type": "application/json"}
    headers |= {name.lower(): value for name, value in door.sends.get(caller, {}).items()}
    is_given = asyncio.Event()

    async def send(message: dict[str, object]) -> None:
        if message["type"] == "http.response.start" and not status.done():
            status.set_result(message["status"])

    async def receive() -> dict[str, object]:
        if not is_given.is_set():
            is_given.set()
            body = b"" if method in NO_BODY else json.dumps(BODIES.get(route, {})).encode()
            return {"type": "http.request", "body": body, "more_body": False}
        return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]

    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "server": ("tawny.test", 80),
        "client": ("127.0.0.1", 1),
        "root_path": "",
    }
    task = asyncio.create_task(house.app(scope, receive, send))  # type: ignore[arg-type]
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.wait([task, status], return_when=asyncio.FIRST_COMPLETED)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    code = str(status.result()) if status.done() else "500"
    sees_other = "other camera" in caller or caller == "installer"  # who sees no camera at all
    is_denied = code in ("401", "403", "410") or (code == "404" and sees_other and is_of_camera(route))
    return code if is_denied else "yes"


def is_of_camera(route: str) -> bool:
    named = route in BODIES or route.partition(" ")[2] in NAMED_BY_QUERY
    return named or any(part in route for part in ("{camera}", "{segment}", "{event}", "{clip}"))


async def socket_cell(address: str, door: Door, route: str, caller: str) -> str:
    headers = {**door.sends.get(caller, {}), "Origin": f"http://{address}"}
    url = f"ws://{address}{door.path(route, caller)}"
    async with asyncio.timeout(PATIENCE_S):
        try:
            async with connect(url, additional_headers=headers, proxy=None) as socket:
                await socket.send("no JSON: the server closes an open socket")
                while True:
                    await socket.recv()
        except ConnectionClosed as closed:
            code = closed.rcvd.code if closed.rcvd else 0
            return str(code - 4000) if code in (4401, 4403, 4404) else "yes"
        except InvalidStatus as refused:
            return str(refused.response.status_code)


def stated() -> dict[str, list[str]]:
    lines = [line.split("\t") for line in TABLE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    assert tuple(lines[0][1:]) == CALLERS, "a new caller needs a column"
    return {line[0]: line[1:] for line in lines[1:]}


STATED: Final = stated() if TABLE.exists() else {}


def test_every_route_has_its_cells() -> None:
    documented = {f"{method.upper()} {path}" for path, methods in description()["paths"].items() for method in methods}
    assert documented <= set(RULES)
    missing, gone = set(RULES) - set(STATED), set(STATED) - set(RULES)
    assert not missing, f"who may use {sorted(missing)}? State it in {TABLE.name}"
    assert not gone, f"no such route: {sorted(gone)}"
    assert all(len(row) == len(CALLERS) and set(row) <= set(MEANING) for row in STATED.values())


def test_callers_are_of_every_role() -> None:
    of_a_grant = {Role.HOLDER: "token", Role.BRINGER: "upload token", Role.VISITOR: "link"}
    assert {of_a_grant.get(role, role.value) for role in Role} <= set(CALLERS)


def test_only_routes_on_purpose_let_nobody_in() -> None:
    public = {route for route, row in STATED.items() if row[0] == "yes"}
    assert public | {*BY_MESSAGE} == {route for route, rule in RULES.items() if rule is Access.PUBLIC}


def test_viewers_are_let_in_where_nothing_of_others_changes() -> None:
    """What a viewer may send: their own clips, links, layout, presence, notifications and unlocking."""
    column = CALLERS.index("viewer")
    changing = {
        route
        for route, row in STATED.items()
        if row[column] == "yes" and RULES[route] is Access.VIEW and not route.startswith(("GET ", "HEAD ", "WS "))
    }
    own = (
        "/clips",
        "/shares",
        "/casts",
        "/wall",
        "/presence/",
        "/push",
        "/snoozes",
        "/sealed/",
        "/sign-out",
        "/threshold-preview",
        "/me",
        "/sign-in/confirm",
        "/training",  # this one and the next two are answered to a hub alone, which reaches them as what its person is
        "/scans",
        "/updates",
    )
    assert not [route for route in changing if not any(part in route for part in own)]


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    made = open_door(tmp_path)
    yield made
    made.filled.house.accounts.close()


HTTP: Final = [route for route in STATED if not route.startswith("WS ")]


@pytest.mark.shows("SC2")
@pytest.mark.parametrize("route", HTTP)
async def test_each_caller_gets_what_is_stated(door: Door, route: str) -> None:
    found = await row(door, route)
    assert dict(zip(CALLERS, found, strict=True)) == dict(zip(CALLERS, STATED[route], strict=True))
    await door.filled.house.site.close()


@pytest.mark.parametrize("route", [route for route in STATED if route.startswith("WS ")])
async def test_each_caller_gets_what_is_stated_from_a_socket(door: Door, route: str) -> None:
    found = await socket_row(door, route)
    assert dict(zip(CALLERS, found, strict=True)) == dict(zip(CALLERS, STATED[route], strict=True))


async def row(door: Door, route: str) -> list[str]:
    """Try each caller; those who may delete it, or sign everybody out, come last."""
    jobs = door.filled.house.site.jobs
    if route.endswith("/restore"):
        saved = jobs.given_on(door.filled.clip)
        assert saved
        jobs.remove(saved)
    found = {caller: await cell(door, route, caller) for caller in sorted(CALLERS, key=lambda one: one == "owner")}
    return [found[caller] for caller in CALLERS]


async def socket_row(door: Door, route: str) -> list[str]:
    house = door.filled.house
    server = WebServer(house.app, house.accounts, "127.0.0.1", 0)
    await server.start()
    found = [await socket_cell(server.address, door, route, caller) for caller in CALLERS]
    await server.stop()
    await house.site.close()
    return found


async def write_table() -> None:
    """Add the missing routes with what each caller gets today: read them before they are believed."""
    rows = dict(STATED)
    for route in sorted(RULES, key=lambda one: (one.partition(" ")[2], one)):
        if route not in rows:
            with tempfile.TemporaryDirectory() as folder:
                door = open_door(Path(folder))
                is_socket = route.startswith("WS ")
                rows[route] = await (socket_row if is_socket else row)(door, route)
    ordered = sorted((one for one in rows if one in RULES), key=lambda one: (one.partition(" ")[2], one))
    head = [f"# {word}: {what}" for word, what in MEANING.items()]
    lines = ["\t".join(("route", *CALLERS)), *("\t".join((one, *rows[one])) for one in ordered)]
    await asyncio.to_thread(TABLE.write_text, "\n".join([*head, *lines]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(asyncio.run(write_table()))
